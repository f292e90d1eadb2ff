"""The notebooks run from top to bottom, and are stored without outputs."""

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))
FEW = {"BAYESMMM_NOTEBOOK_DRAWS": "25", "BAYESMMM_NOTEBOOK_TUNE": "25", "BAYESMMM_NOTEBOOK_CHAINS": "2"}
FULL = {"BAYESMMM_NOTEBOOK_DRAWS": "1000", "BAYESMMM_NOTEBOOK_TUNE": "1000", "BAYESMMM_NOTEBOOK_CHAINS": "4"}


def read(name):
    return nbformat.read(FOLDER / name, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_quickstart_is_there():
    assert "01_quickstart.ipynb" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_stored_without_outputs(name):
    notebook = read(name)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(notebook))


@pytest.mark.parametrize("name", NAMES)
def test_settings_stand_in_the_first_code_cell_with_full_defaults(name):
    first = code(read(name))[0].source
    assert dict(re.findall(r'environ\.get\("(\w+)", (\d+)\)', first)) == FULL


@pytest.mark.parametrize("name", NAMES)
def test_every_code_cell_is_introduced_or_shows_one_figure(name):
    """Two code cells in a row are allowed for imports and for a series of figures, not for more."""
    cells = read(name).cells
    for before, cell in pairwise(cells):
        if before.cell_type == cell.cell_type == "code":
            assert cell.source.startswith(("ax = ", "import "))


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    """Return the executed notebook; a cell that fails raises here, with its traceback."""
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("notebook")
    notebook = read("01_quickstart.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        for key, value in FEW.items():
            patch.setenv(key, value)
        # A profile of one's own must not change what the notebook does.
        patch.setenv("IPYTHONDIR", str(folder))
        patch.delenv("MPLBACKEND", raising=False)
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    return notebook


def outputs(notebook, key):
    return [out.data[key] for cell in code(notebook) for out in cell.outputs if key in out.get("data", {})]


def printed(notebook):
    texts = [out.text for cell in code(notebook) for out in cell.outputs if out.get("name") == "stdout"]
    return "".join(texts)


def test_quickstart_runs(quickstart):
    text = printed(quickstart)
    assert "2 chains x 25 draws" in text
    assert "nothing to object to" in text
    assert re.search(r"\d+ of 56 true values lie inside their 90% intervals", text)
    assert outputs(quickstart, "text/plain")[-2] == "True"  # the loaded fit is the saved one


def test_quickstart_draws_every_figure(quickstart):
    drawn = [
        sum("image/png" in out.get("data", {}) for out in cell.outputs)
        for cell in code(quickstart)
        if "mm.plots." in cell.source or "beside(" in cell.source
    ]
    assert drawn == [1] * 11
