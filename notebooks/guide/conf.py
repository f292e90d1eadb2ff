"""Settings of the documentation pages, which are built from the pages here, the docstrings and the notebooks.

uv run --group docs sphinx-build notebooks/guide notebooks/guide/_build
"""

import shutil
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx

import bayesmmm

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parent

project = "bayesmmm"
author = copyright = "The bayesmmm authors"
release = version = bayesmmm.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
exclude_patterns = ["_build", "jupyter_execute"]
html_theme = "furo"
html_title = f"bayesmmm {release}"
html_copy_source = False

# Notebooks are shown with the outputs that they are stored with.
nb_execution_mode = "off"
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]

# Every name has a page of its own; what a class inherits is not repeated.
autosummary_generate = True
autodoc_typehints = "none"
autodoc_default_options = {"members": True}
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

#: Modules of which users take names, beside the package itself, and what they are about.
MODULES = {
    "bayesmmm": "The package",
    "bayesmmm.plots": "Figures",
    "bayesmmm.prepare": "Raw exports",
    "bayesmmm.diagnostics": "Checks of a fit",
    "bayesmmm.sensitivity": "What an answer rests on",
    "bayesmmm.evaluate": "What many fits say",
    "bayesmmm.results": "Fits",
    "bayesmmm.optimize": "Plans",
}


def names_of(module: ModuleType) -> list[str]:
    """Return the public names of a module that are functions or classes of the package."""
    listed = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    own = [name for name in listed if getattr(getattr(module, name), "__module__", "").startswith("bayesmmm")]
    if module is not bayesmmm:  # what the package offers itself is listed once
        own = [name for name in own if name not in bayesmmm.__all__]
    return sorted(own, key=str.lower)


def api_page() -> str:
    """Write the page that lists every public name, from the package itself."""
    lines = ["# Every function and class", "", "Made from the docstrings of the package."]
    for name, title in MODULES.items():
        names = "\n".join(f"    {name}.{each}" for each in names_of(import_module(name)))
        block = f".. autosummary::\n    :toctree: api\n    :nosignatures:\n\n{names}"
        lines += ["", f"## {title}", "", "```{eval-rst}", block, "```"]
    errors = [".. automodule:: bayesmmm.errors", "    :members:"]
    return "\n".join([*lines, "", "## Errors and warnings", "", "```{eval-rst}", *errors, "```", ""])


def to_start(app: Sphinx, name: str, source: list[str]) -> None:
    """Lead links to the README to the page that holds it."""
    source[0] = source[0].replace("](../../README.md", "](start.md")


def setup(app: Sphinx) -> None:
    """Make what is built from other places of the project before pages are read."""
    app.connect("source-read", to_start)
    (HERE / "api.md").write_text(api_page(), encoding="utf-8")
    shutil.rmtree(HERE / "notebooks", ignore_errors=True)
    shutil.copytree(NOTEBOOKS, HERE / "notebooks", ignore=shutil.ignore_patterns(".*", HERE.name))
