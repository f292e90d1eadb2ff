"""Names of other libraries that they do not promise to keep: each is used in few files, and is looked for here."""

import ast
import inspect
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bayesmmm"
#: Private name, or module that its library does not document -> the files that may use it.
DOORS = {
    "_locator_classes": ("kernels/compile.py",),
    "numba.core.caching": ("kernels/compile.py", "kernels/cache_files.py"),
    "nutpie.compile_pymc": ("inference/samplers.py",),
    "_ActionsContainer": ("cli/arguments.py",),
}


def private_names(source: str) -> set[str]:
    """Private attributes of anything but ``self`` and ``cls``, and private keywords and modules, in a source."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {name for name in DOORS if name == node.module}
            found |= {alias.name for alias in node.names if alias.name.startswith("_")}
    return found


def own_names() -> set[str]:
    """Private names that the package defines itself: those of its classes, functions and fields."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
    return found


def test_private_names_of_others_stay_behind_their_door():
    own, misplaced = own_names(), []
    for path in sorted(PACKAGE.rglob("*.py")):
        here = path.relative_to(PACKAGE).as_posix()
        names = private_names(path.read_text(encoding="utf-8")) - own
        misplaced += [f"{here}: {name}" for name in sorted(names) if here not in DOORS.get(name, ())]
    assert misplaced == []


def test_the_look_for_private_names_sees_one():
    source = "from nutpie.compile_pymc import CompiledPyMCModel\nfrozen.dist._parse_args()\nself._mine"
    assert private_names(source) == {"nutpie.compile_pymc", "_parse_args"}


def test_numba_still_finds_its_files_by_locators():
    """`kernels.compile` puts a locator of its own first in numba's list, and asks the others through it."""
    from numba.core.caching import CacheImpl

    sentence = (
        "numba keeps compiled functions in another way now: rewrite the locator in bayesmmm/kernels/compile.py"
    )
    assert isinstance(getattr(CacheImpl, "_locator_classes", None), list), sentence
    own = [each for each in CacheImpl._locator_classes if each.__module__.startswith("numba.")]
    assert own, sentence
    for locator in own:
        assert list(inspect.signature(locator.from_function).parameters) == ["py_func", "py_file"], sentence
        assert callable(getattr(locator, "get_source_stamp", sentence)), sentence


def test_argparse_still_has_one_class_for_parsers_and_groups():
    import argparse

    sentence = "argparse is built in another way now: name what takes options in bayesmmm/cli/arguments.py"
    parser = argparse.ArgumentParser()
    both = getattr(argparse, "_ActionsContainer", type(sentence))
    assert isinstance(parser, both), sentence
    assert isinstance(parser.add_argument_group("group"), both), sentence


@pytest.mark.parametrize("part", ["arguments", "methods"])
def test_nutpie_still_takes_a_compiled_density(part):
    """`inference.samplers` fills in nutpie's record of a compiled model, which its documentation leaves out."""
    from nutpie.compile_pymc import CompiledPyMCModel

    sentence = "nutpie describes compiled models in another way now: rewrite bayesmmm/inference/samplers.py"
    if part == "methods":
        assert callable(getattr(CompiledPyMCModel, "_make_sampler", None)), sentence
        return
    tree = ast.parse((PACKAGE / "inference/samplers.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    (call,) = [node for node in calls if getattr(node.func, "id", "") == "CompiledPyMCModel"]
    given = {keyword.arg for keyword in call.keywords}
    parameters = inspect.signature(CompiledPyMCModel).parameters
    needed = {name for name, parameter in parameters.items() if parameter.default is inspect.Parameter.empty}
    assert needed <= given <= set(parameters), sentence
