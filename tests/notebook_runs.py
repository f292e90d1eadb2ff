"""Runs notebooks with few draws and reads what they say: what tests of notebooks share."""

import asyncio
import re
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from tests.conftest import EXTERNAL

FOLDER = Path(__file__).parents[1] / "notebooks"
QUICKSTART, BUDGET = "01_quickstart.ipynb", "03_budget.ipynb"
DIAGNOSTICS, DATA, PANELS = "04_diagnostics.ipynb", "05_data.ipynb", "06_panels.ipynb"
# Case studies.
YOUTUBE, MEDIATION, ECOMMERCE = "11_youtube.ipynb", "12_mediation.ipynb", "13_ecommerce.ipynb"
BRIEF, TV = "14_brief.ipynb", "15_tv_digital_print_radio.ipynb"
GUIDES = (QUICKSTART, BUDGET, DIAGNOSTICS, DATA, PANELS)
CASES = (YOUTUBE, MEDIATION, ECOMMERCE, BRIEF, TV)
FEW = {"DRAWS": "140", "TUNE": "160", "CHAINS": "2", "WORLDS": "2"}


def read(name):
    return nbformat.read(FOLDER / name, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# -------------------------------------------------------------------------------------------------------- execution
#: What the kernel is told once. So few draws need not pass the gate of the answers; a fit that several notebooks make
#: is sampled once, in long steps, and those of folds with fewer draws still; a figure is drawn once, not a second time
#: to find its margins, and those of a report, which are tested elsewhere, not at all.
ONCE = """
%matplotlib inline
%config InlineBackend.print_figure_kwargs = {"bbox_inches": None}
import bayesmmm
from bayesmmm.report import writing

writing.save_figures = lambda found, folder, tell: ()

def fit(system, data, *, sample=bayesmmm.fit, fits=[], **settings):
    asked = (system, data, settings)
    if asked not in [one for one, _ in fits]:
        fits.append((asked, sample(system, data, **(settings | {"target_accept": 0.8})).accept_unconverged()))
    return next(answer for one, answer in fits if one == asked)

def load(path, *, read=bayesmmm.load):
    return read(path).accept_unconverged()

def cross_validate(*args, real=bayesmmm.evaluate.cross_validate, **settings):
    return real(*args, **(settings | {"draws": 80, "tune": 120}))

bayesmmm.fit, bayesmmm.load = fit, load
bayesmmm.evaluate.cross_validate = cross_validate
"""
#: And before every notebook, which starts with no name of another and no option that it set.
BEFORE = "%reset -f\nimport pandas\npandas.reset_option('display')\ndel pandas"


def execute(names, folder):
    """Return the executed notebooks, run in turn by one kernel; a cell that fails raises here, with its traceback."""
    from nbclient import NotebookClient

    notebooks = [read(name) for name in names]

    async def run(client, notebook):
        client.nb = notebook
        client.reset_execution_trackers()
        for index, cell in enumerate(notebook.cells):
            await client.async_execute_cell(cell, index)

    async def run_all(attempts=3):
        """A port that is chosen for a kernel can be taken before the kernel binds it, and then it ends."""
        resources = {"metadata": {"path": str(folder)}}
        client = NotebookClient(notebook_of(ONCE), timeout=600, kernel_name="python3", resources=resources)
        try:
            async with client.async_setup_kernel():
                await run(client, client.nb)
                for notebook in notebooks:
                    await run(client, notebook_of(BEFORE))
                    await run(client, notebook)
        except RuntimeError as failure:
            if attempts == 1 or "died before replying to kernel_info" not in str(failure):
                raise
            await run_all(attempts - 1)

    asyncio.run(run_all())
    return dict(zip(names, notebooks, strict=True))


def notebook_of(source):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])


@contextmanager
def environment(tmp_path_factory):
    """Few draws, and nothing of the machine: a profile of one's own must not change what a notebook does."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in FEW.items():
            patch.setenv(f"BAYESMMM_NOTEBOOK_{key}", value)
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.delenv("MPLBACKEND", raising=False)
        yield patch


def executed_once(names, tmp_path_factory):
    """The notebooks, run without data that are not shipped."""
    with environment(tmp_path_factory) as patch:
        patch.delenv(EXTERNAL, raising=False)
        return execute(names, tmp_path_factory.mktemp("notebooks"))


# -------------------------------------------------------------------------------------------------------------- reading
def printed(notebook):
    texts = [out.text for cell in code(notebook) for out in cell.outputs if out.get("name") == "stdout"]
    return "".join(texts)


def shown(notebook, start):
    """What a code cell with a line that starts with `start` shows as text."""
    (cell,) = (cell for cell in code(notebook) if re.search(f"^{re.escape(start)}", cell.source, re.MULTILINE))
    return [out.data["text/plain"] for out in cell.outputs if "text/plain" in out.get("data", {})]


def figures(notebook, *calls):
    """How many figures each cell shows that calls one of `calls`, or each cell."""
    return [
        sum("image/png" in out.get("data", {}) for out in cell.outputs)
        for cell in code(notebook)
        if not calls or any(call in cell.source for call in calls)
    ]


def rows(table):
    """Numbers of a printed table by the name of its row."""
    lines = (line.split() for line in table.splitlines())
    return {line[0]: [float(v.replace(",", "")) for v in line[1:]] for line in lines if line and "[" in line[0]}


def number(pattern, text):
    """The one number that a pattern finds in a text."""
    (found,) = re.findall(pattern, text)
    return float(found.replace(",", ""))


def named_rows(table, names):
    """Numbers of the rows of a shown table whose names may hold blanks."""
    lines = {name: line for line in table.splitlines() for name in names if line.startswith(f"{name} ")}
    return {
        name: [float(v) for v in line.removeprefix(name).split() if v[0] in "-0123456789"]
        for name, line in lines.items()
    }
