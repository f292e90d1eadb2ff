"""Stored outputs of notebooks are those of the code beside them; a notebook that was never run in full has none."""

import copy
import importlib.util
import os
import re
from pathlib import Path

import nbformat
import pytest

from tests.notebook_runs import figures

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location(
        "run_notebooks", ROOT / "notebooks" / "guide" / "run_notebooks.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_of_the_code_beside_them(script, name):
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    assert script.faults(notebook) == [], f"run notebooks/guide/run_notebooks.py {name.removesuffix('.ipynb')}"


@pytest.mark.parametrize("name", [name for name in NAMES if name > "1"])
def test_a_case_begins_with_its_answer(script, name):
    """Question, answer and how sure it is, before any code."""
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    question, said = notebook.cells[0].source.split(script.SAID)
    assert "**The question.**" in question
    assert said.strip().splitlines() == [f"- {line}" for line in script.answer(notebook)]
    assert len(re.findall(r"\([^)]* to [^)]*\)", said)) >= 4
    assert re.search(r"probability \d+%|above zero with \d+%", said)


def test_the_answer_is_what_its_section_prints(script):
    def cell(text):
        return nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", text=text)])

    made = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# A case\n\n**The question.** What?"),
            cell("before 10%\n"),
            nbformat.v4.new_markdown_cell("## The answer\n\nSo."),
            cell("tv      returns 2.0 (90%: 1.0 to 3.0)\n   now  plan\n"),
            nbformat.v4.new_markdown_cell("**How sure?**\n\n## The data"),
            cell("after 20%\n"),
        ]
    )
    assert script.answer(made) == ["tv returns 2.0 (90%: 1.0 to 3.0)"]
    stored = script.strip(copy.deepcopy(made))
    assert stored.cells[0].source.endswith(f"What?\n\n{script.SAID}\n\n- tv returns 2.0 (90%: 1.0 to 3.0)")
    assert script.faults(stored) == []
    assert (
        script.strip(copy.deepcopy(stored)).cells[0].source == stored.cells[0].source
    )  # a second run replaces it
    stored.cells[3].outputs[0].text = "tv      returns 1.0 (90%: 0.0 to 2.0)\n"
    assert script.faults(stored) == ["does not begin with the answer of its outputs"]


@pytest.fixture
def ran(script, tmp_path, monkeypatch):
    """A small notebook that was run and stored by the script."""
    cells = ["import sys\nprint('to be seen')\nprint('not', file=sys.stderr)", "1 + 1"]
    cells.append("import matplotlib.pyplot as plt\n_ = plt.plot([1, 2])")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbformat.write(made, tmp_path / "small.ipynb")
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    monkeypatch.setenv("BAYESMMM_NOTEBOOK_DRAWS", "3")
    monkeypatch.setenv("BAYESMMM_EXTERNAL_DATA", "nowhere")
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setenv("IPYTHONDIR", "")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    assert script.main(["small"]) == 0
    assert script.main(["--check"]) == 0
    return nbformat.read(tmp_path / "small.ipynb", as_version=4)


def test_what_a_run_stores(script, ran):
    first, second, third = (cell.outputs for cell in ran.cells)
    assert [output.text for output in first] == ["to be seen\n"]
    assert second[0].data["text/plain"] == "2"
    assert len(third[0].data["image/png"]) < 20_000
    assert all(cell.execution_count is None and cell.metadata == {} for cell in ran.cells)
    assert ran.metadata.bayesmmm.code == script.digest(ran)
    assert script.faults(ran) == []


def test_every_fault_is_seen(script, ran):
    def changed(change):
        other = copy.deepcopy(ran)
        change(other)
        return script.faults(other)

    def with_code(notebook):
        notebook.cells[1].source = "1 + 2"

    def with_place(notebook):
        notebook.cells[0].outputs[0].text = "read /home/someone/data.csv"

    def with_count(notebook):
        notebook.cells[0].execution_count = 3

    def without_digest(notebook):
        del notebook.metadata["bayesmmm"]

    def with_error(notebook):
        notebook.cells[1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]

    assert changed(with_code) == ["has outputs of other code than it holds"]
    assert changed(with_place) == ["names a folder of the machine that ran it, /home/someone/data.csv"]
    assert changed(with_count) == ["says when a cell ran"]
    assert changed(without_digest) == ["has outputs that this script did not store"]
    assert changed(with_error) == ["stopped at an error"]

    def never_run(notebook):
        without_digest(notebook)
        for cell in notebook.cells:
            cell.outputs = []

    assert changed(never_run) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_notebook_runs_in_full(script, name, monkeypatch):
    """With its own settings and without data that are not shipped, as its outputs were stored; half an hour and more."""
    for variable in [*os.environ]:
        if variable.startswith("BAYESMMM_"):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", "")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    stored = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    ran = script.run(copy.deepcopy(stored))
    assert script.faults(ran) == []
    assert sum(figures(ran)) > 0
    if "bayesmmm" in stored.metadata:
        assert figures(ran) == figures(stored)
