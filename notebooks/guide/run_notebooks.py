"""Run notebooks in full and store their outputs, or say which are out of step with what is stored.

    uv run python notebooks/guide/run_notebooks.py                    # all of them; half an hour and more
    uv run python notebooks/guide/run_notebooks.py 03_budget 06_panels
    uv run python notebooks/guide/run_notebooks.py --check            # runs nothing

Outputs are those of the code beside them: the notebook keeps a digest of its code cells, which `--check` and the tests
compare. Figures are made small, and what only says when and where a cell ran is left out. Of a notebook with a section
"The answer" the first cell repeats what that section prints, so that question and answer are on one screen.
"""

import argparse
import base64
import hashlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat

FOLDER = Path(__file__).parents[1]
#: Where the digest of the code cells stands in the metadata of a notebook.
KEY = "bayesmmm"
#: Settings that make runs short, and data that are not shipped: a full run knows neither.
_SHORT, _EXTERNAL = "BAYESMMM_NOTEBOOK_", "BAYESMMM_EXTERNAL_DATA"
_DPI, _COLOURS = 80, 64
#: Section whose printed sentences the first cell repeats, and what stands before them there.
ANSWER, SAID = "## The answer", "**The answer**, as it is computed below, intervals in brackets:"
_HEAD = re.compile(r"^## ", re.MULTILINE)
#: Bytes that a notebook may have with its outputs.
LARGEST = 1_500_000
#: A folder of the machine that ran it has no place in an output.
_PATH = re.compile(r"/(?:home|root|tmp|work|Users|private|var)/[\w./-]+")


def digest(notebook: nbformat.NotebookNode) -> str:
    """Twelve letters that change with the code of a notebook."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.blake2b(code.encode(), digest_size=6).hexdigest()


def faults(notebook: nbformat.NotebookNode) -> list[str]:
    """What is wrong with the stored outputs of a notebook; nothing where it was never run and has none."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    known = notebook.metadata.get(KEY, {}).get("code")
    if known is None:
        return ["has outputs that this script did not store"] if outputs else []
    found = []
    if known != digest(notebook):
        found.append("has outputs of other code than it holds")
    if any(output.output_type == "error" for output in outputs):
        found.append("stopped at an error")
    if any(cell.execution_count is not None or cell.metadata for cell in cells):
        found.append("says when a cell ran")
    text = "\n".join(_words(output) for output in outputs)
    if paths := _PATH.findall(text):
        found.append(f"names a folder of the machine that ran it, {paths[0]}")
    if notebook.cells[0].source != _with_answer(notebook):
        found.append("does not begin with the answer of its outputs")
    if len(nbformat.writes(notebook)) > LARGEST:
        found.append(f"is larger than {LARGEST} bytes")
    return found


def answer(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the sentences that the section of the answer prints: lines with a probability."""
    heads = [
        k for k, cell in enumerate(notebook.cells) if cell.cell_type == "markdown" and _HEAD.search(cell.source)
    ]
    start = next((k for k in heads if notebook.cells[k].source.startswith(ANSWER)), len(notebook.cells))
    stop = next((k for k in heads if k > start), len(notebook.cells))
    printed = (out.text for cell in notebook.cells[start:stop] for out in cell.get("outputs", []) if "text" in out)
    return [" ".join(line.split()) for line in "".join(printed).splitlines() if "%" in line]


def _with_answer(notebook: nbformat.NotebookNode) -> str:
    """Return the source of the first cell with the present answer at its end."""
    source, said = notebook.cells[0].source.split(f"\n\n{SAID}")[0], answer(notebook)
    return "\n".join([source, "", SAID, "", *(f"- {line}" for line in said)]) if said else source


def _words(output: nbformat.NotebookNode) -> str:
    data = output.get("data", {})
    return output.get("text", "") + "".join(data.get(kind, "") for kind in ("text/plain", "text/html"))


def run(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run a notebook from top to bottom in a kernel of its own; a cell that fails raises here."""
    from nbclient import NotebookClient

    setting = f"%matplotlib inline\n%config InlineBackend.rc = {{'figure.dpi': {_DPI}}}"
    first = nbformat.v4.new_code_cell(setting)
    whole = nbformat.v4.new_notebook(cells=[first, *notebook.cells], metadata=notebook.metadata)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = folder  # no profile of one's own changes what a notebook shows
        NotebookClient(
            whole, timeout=None, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    notebook.cells = whole.cells[1:]
    return strip(notebook)


def strip(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Leave of a notebook that was run what a reader sees, with small figures, and the digest of its code."""
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = None
            if "metadata" in output:
                output.metadata = nbformat.NotebookNode()
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    notebook.cells[0].source = _with_answer(notebook)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            KEY: {"code": digest(notebook)},
        }
    )
    return notebook


def smaller(png: str) -> str:
    """Return a figure with few colours, where that makes it smaller."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    out = io.BytesIO()
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return min(base64.b64encode(out.getvalue()).decode(), "".join(png.split()), key=len)


def main(argv: list[str]) -> int:
    """Run the notebooks that are named, or check them; the number of those with faults is the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="without the ending; all by default")
    parser.add_argument("--check", action="store_true", help="run nothing; say which notebooks are out of step")
    options = parser.parse_args(argv)
    for name in [*os.environ]:
        if name.startswith(_SHORT) or name == _EXTERNAL:
            del os.environ[name]
    # What is being imported is the checkout, whatever else is installed.
    os.environ["PYTHONPATH"] = str(FOLDER.parent)
    wrong = 0
    for path in [FOLDER / f"{name}.ipynb" for name in options.names] or sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if not options.check:
            print(f"{path.name}: running", flush=True)
            nbformat.write(run(notebook), path)
        found = faults(notebook)
        wrong += bool(found)
        print(f"{path.name}: {'; '.join(found) or 'in step'}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
