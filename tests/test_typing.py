"""What editors and type checkers see of the package; mypy itself runs on `tests/user_code.py` in the whole check."""

import ast
import inspect
from pathlib import Path

import jedi
import pytest

import bayesmmm as mm

FACE = Path(mm.__file__)


def typed_names() -> set[str]:
    """Names that are imported for type checkers only."""
    (block,) = [node for node in ast.parse(FACE.read_text(encoding="utf-8")).body if isinstance(node, ast.If)]
    return {alias.asname or alias.name for node in block.body for alias in node.names}


def test_type_checkers_see_every_public_name():
    assert typed_names() == set(mm.__all__)


@pytest.mark.parametrize(
    ("start", "name"),
    [("mm.op", "optimize_budget"), ("mm.evaluate.cr", "cross_validate"), ("mm.plots.dec", "decomposition")],
)
def test_editors_complete(start, name):
    script = jedi.Script(f"import bayesmmm as mm\n{start}")
    assert name in {completion.name for completion in script.complete(2, len(start))}


def test_editors_know_what_a_call_returns():
    script = jedi.Script("import bayesmmm as mm\nfit = mm.load('fit.nc')\nfit.summ")
    assert "summary" in {completion.name for completion in script.complete(3, len("fit.summ"))}


def test_the_package_offers_few_names_beside_its_rooms():
    names = [name for name in mm.__all__ if not inspect.ismodule(getattr(mm, name))]
    assert len(names) <= 32
    assert len(mm.__all__) - len(names) == 7
