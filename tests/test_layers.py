"""The order of the rooms, the owners of heavy libraries, circles between files, and sizes, read from the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bayesmmm"
GROUND = ["errors", "files", "text", "processes", "progress", "validate"]
BOTTOM = [
    "kernels",
    "data",
    "prepare",
    "priors",
    "equations",
    "engine",
    "baselines",
    "simulate",
    "results",
    "inference",
]
MIDDLE = ["estimands", "optimize", "diagnostics", "sensitivity", "evaluate", "plots"]
ORDER = [*GROUND, *BOTTOM, *MIDDLE, "report", "serve", "__init__", "cli", "__main__"]
OWNERS = {
    "pymc": ("inference",),
    "pytensor": ("inference",),
    "nutpie": ("inference",),
    "matplotlib": ("plots",),
    # Of plans, and of the mode that coordinates and previews of a posterior begin at.
    "scipy.optimize": ("optimize", "inference"),
    "fastapi": ("serve",),
    "uvicorn": ("serve",),
    "prometheus_client": ("serve",),
    "mcp": ("serve",),
}
LONGEST = 500
LONGEST_FUNCTION = 60
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
            "estimands imports scipy.optimize, which belongs to optimize, inference",
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


# ---------------------------------------------------------------------------------------- circles between files
def arrows(sources: dict[str, str]) -> dict[str, set[str]]:
    """Who imports whom among modules given by dotted name and source.

    What a room offers is followed to the file that defines it: a face (``__init__``) defines nothing itself.
    """
    trees = {name: ast.parse(source) for name, source in sources.items()}
    offered = {
        (name, alias.asname or alias.name): (node.module, alias.name)
        for name, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    def file_of(module: str, name: str) -> str:
        if f"{module}.{name}" in sources:
            return f"{module}.{name}"
        return file_of(*offered[module, name]) if (module, name) in offered else module

    found = {}
    for name, tree in trees.items():
        targets = set()
        for node in walk_run(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "bayesmmm":
                targets |= {file_of(node.module, alias.name) for alias in node.names}
        found[name] = {target for target in targets if target in sources and target != name}
    return found


def walk_run(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs: all but what stands under ``if TYPE_CHECKING``."""
    yield tree
    typing_only = isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING"
    for child in tree.orelse if typing_only else ast.iter_child_nodes(tree):
        yield from walk_run(child)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of imports, from a module back to itself; empty where there is none."""
    done: set[str] = set()
    for start in graph:
        path: list[str] = []
        stack = [(start, iter(sorted(graph[start])))]
        path.append(start)
        while stack:
            name, rest = stack[-1]
            follower = next((target for target in rest if target not in done), None)
            if follower is None:
                done.add(name)
                stack.pop()
                path.pop()
            elif follower in path:
                return [*path[path.index(follower) :], follower]
            else:
                path.append(follower)
                stack.append((follower, iter(sorted(graph[follower]))))
    return []


def sources() -> dict[str, str]:
    """Source of every file by dotted name; the faces of rooms under the name of the room."""
    found = {}
    for path in SOURCES:
        parts = ("bayesmmm", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def test_no_files_import_each_other_in_a_circle():
    graph = arrows(sources())
    # The faces of package and rooms only pass names on, and are followed through.
    assert circle({name: targets for name, targets in graph.items() if name != "bayesmmm"}) == []


def test_the_checker_sees_a_circle():
    face = "from bayesmmm.data.b import f"
    made = {
        "bayesmmm.data": face,
        "bayesmmm.data.a": "from bayesmmm.data import f",
        "bayesmmm.data.b": "def f(): ...",
    }
    assert circle(arrows(made)) == []
    made["bayesmmm.data.b"] = "from bayesmmm.data import a\ndef f(): ..."
    assert set(circle(arrows(made))) == {"bayesmmm.data.a", "bayesmmm.data.b"}


# ------------------------------------------------------------------------------------------- length of functions
def code_lines(source: str) -> dict[str, int]:
    """Lines of code of every function: without blank lines, comments, its docstring and its signature."""
    found = {}
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
            text = lines[body[0].lineno - 1 : node.end_lineno] if body else []
            found[node.name] = sum(bool(line.strip()) and not line.strip().startswith("#") for line in text)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_function_is_long(path):
    lengths = code_lines(path.read_text(encoding="utf-8"))
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


def test_code_lines_are_counted():
    lines = ["def f(", "    a,", "):", '    """Doc.', "", "    More.", '    """', "    # why", "    b = a", ""]
    source = "\n".join([*lines, "    return (", "        b", "    )", ""])
    assert code_lines(source) == {"f": 4}
