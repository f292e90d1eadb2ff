"""The order of the modules, the owners of heavy libraries, and the size of a file, read from the source."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bayesmmm"
BOTTOM = ["errors", "kernels", "data", "priors", "equations", "engine", "simulate", "results", "inference"]
MIDDLE = ["estimands", "optimize", "diagnostics", "sensitivity", "evaluate", "plots"]
ORDER = [*BOTTOM, *MIDDLE, "report", "__init__", "cli", "__main__"]
OWNERS = {
    "pymc": ("inference",),
    "pytensor": ("inference",),
    "nutpie": ("inference",),
    "matplotlib": ("plots",),
    "scipy.optimize": ("optimize",),
}
LONGEST = 500
SOURCES = {path: path.relative_to(PACKAGE).with_suffix("").parts[0] for path in sorted(PACKAGE.rglob("*.py"))}


def imported(tree: ast.AST) -> list[str]:
    """Dotted names of everything imported anywhere in a file; a relative import starts with a dot."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names += [base if node.level else f"{base}.{alias.name}" for alias in node.names]
    return names


def faults(module: str, source: str) -> list[str]:
    """What breaks the rules in the source of `module`, one sentence each."""
    found = [f"{module} is not in the list of modules"] if module not in ORDER else []
    for name in imported(ast.parse(source)):
        if name.startswith("."):
            found.append(f"{module} has a relative import of {name}")
        for library, owners in OWNERS.items():
            if f"{name}.".startswith(f"{library}.") and module not in owners:
                found.append(f"{module} imports {name}, which belongs to {', '.join(owners)}")
        target = f"{name}.".split(".")[1] if f"{name}.".startswith("bayesmmm.") else module
        target = target if target in ORDER else "__init__"  # a name taken from the package itself
        if module in ORDER and name.startswith("bayesmmm") and ORDER.index(target) > ORDER.index(module):
            found.append(f"{module} imports {name}, which comes after it")
    if source.count("\n") > LONGEST:
        found.append(f"{module} has a file of more than {LONGEST} lines")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_layers(path):
    assert faults(SOURCES[path], path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("data", "from bayesmmm.engine import run", "data imports bayesmmm.engine.run, which comes after it"),
        ("data", "from bayesmmm import engine", "data imports bayesmmm.engine, which comes after it"),
        ("data", "def f():\n    import bayesmmm.plots", "data imports bayesmmm.plots, which comes after it"),
        ("data", "import bayesmmm", "data imports bayesmmm, which comes after it"),
        ("data", "from bayesmmm import MMM", "data imports bayesmmm.MMM, which comes after it"),
        ("data", "from .errors import DataError", "data has a relative import of .errors"),
        ("estimands", "import pymc as pm", "estimands imports pymc, which belongs to inference"),
        ("report", "import matplotlib.axes", "report imports matplotlib.axes, which belongs to plots"),
        (
            "estimands",
            "from scipy import optimize",
            "estimands imports scipy.optimize, which belongs to optimize",
        ),
        ("helpers", "", "helpers is not in the list of modules"),
        ("data", "\n" * 501, "data has a file of more than 500 lines"),
    ],
)
def test_the_checker_sees_a_violation(module, source, fault):
    assert faults(module, source) == [fault]


def test_the_checker_accepts_what_is_allowed():
    allowed = "import scipy.special\nfrom bayesmmm.errors import DataError\nfrom bayesmmm import priors\n"
    assert faults("equations", allowed + "from bayesmmm.equations import Fourier") == []
    assert faults("inference", "import pytensor.tensor as pt\nfrom bayesmmm import kernels") == []
