"""Limits that no plan meets are named, and a solve that failed is no answer."""

import numpy as np
import pytest
from scipy import optimize as scipy_optimize

from bayesmmm.errors import InfeasibleError, SolverError
from bayesmmm.optimize import local_solver, optimize_budget
from tests import budgets

_LOW = {"tv": (None, 50), "radio": (None, 50), "print": (None, 50)}
_PAIRS = {
    "ab": (["tv", "radio"], (200, None)),
    "bc": (["radio", "print"], (150, None)),
    "b": (["radio"], (None, 20)),
}
_MINIMA = dict.fromkeys(("tv", "radio", "print"), 400)
#: What is asked for beside a total of 300; all limits in conflict, as the sentence has them; words of innocent ones.
CONFLICTS = {
    "bounds": (
        {"bounds": {"tv": (400, None), "print": (1, 2000)}},
        "tv at least 400; total of 300",
        "print",
    ),
    "upper bounds": (
        {"bounds": _LOW, "change": {"tv": 2.0}},
        "tv at most 50; radio at most 50; print at most 50; total of 300",
        "at least",
    ),
    "groups": (
        {"groups": _PAIRS},
        "group ab at least 200; group bc at least 150; group b at most 20; total of 300",
        "radio",
    ),
    "linear": (
        {"linear": [({"tv": 1, "radio": 1}, (None, 100))], "groups": {"g": (["tv", "radio"], (200, None))}},
        "group g at least 200; 1 tv +1 radio at most 100",
        "total",
    ),
    "change": (
        {"change": {"tv": 0.1}, "bounds": {"tv": (0, 10)}},
        "tv at least 98.64; tv at most 10",
        "total",
    ),
    "total": (
        {"total": (None, 100), "bounds": {"tv": (60, None), "radio": (60, None)}},
        "tv at least 60; radio at least 60; total at most 100",
        "print",
    ),
    "least total": (
        {"total": (500, None), "bounds": _LOW},
        "tv at most 50; radio at most 50; print at most 50; total at least 500",
        "total of",
    ),
    "minimum": (
        {"minimum": {"tv": 200, "print": 50}, "bounds": {"tv": (10, 100)}},
        "tv at least 10; tv at most 100; tv nothing or at least 200",
        "print",
    ),
    "minimum of all": (
        {"minimum": _MINIMA, "change": {"tv": 5.0}},
        "total of 300; tv nothing or at least 400; radio nothing or at least 400; print nothing or at least 400",
        "at most",
    ),
    "minimum of many": (
        {"minimum": dict.fromkeys(budgets.SIX, 400), "names": budgets.SIX},
        "; ".join(["total of 300", *(f"{name} nothing or at least 400" for name in budgets.SIX)]),
        "at most",
    ),
    "period_bounds": (
        {"period_bounds": (None, 10), "flighting": "free", "bounds": {"tv": (None, 900)}},
        "tv at most 10 per period; radio at most 10 per period; print at most 10 per period; total of 300",
        "900",
    ),
    "period_bounds and bounds": (
        {"period_bounds": {"tv": (50, None)}, "bounds": {"tv": (None, 100)}, "flighting": "free"},
        "tv at least 50 per period; tv at most 100",
        "total",
    ),
}


def three_channels():
    return budgets.plain_fit(draws=4)


@pytest.mark.parametrize("name", CONFLICTS)
def test_limits_in_conflict_are_named(name):
    arguments, named, innocent = CONFLICTS[name]
    arguments = {"total": 300.0, "periods": 4} | arguments
    fit = budgets.plain_fit(arguments.pop("names", ("tv", "radio", "print")), draws=4)
    with pytest.raises(InfeasibleError) as caught:
        optimize_budget(fit, **arguments)
    sentence = str(caught.value)
    assert sentence.startswith("no plan meets these limits together: ")
    assert sentence.endswith(". Relax one of them.")
    found = sentence.split(": ", 1)[1].removesuffix(". Relax one of them.").split("; ")
    assert sorted(found) == sorted(named.split("; "))
    assert innocent not in sentence


@pytest.mark.parametrize(
    "name", ["bounds", "linear", "total", "minimum", "minimum of all", "period_bounds and bounds"]
)
def test_without_one_of_them_there_is_a_plan(name):
    """So that no more is named than is in conflict."""
    arguments = {"total": 300.0, "periods": 4} | CONFLICTS[name][0]
    freed = {
        "bounds": {"bounds": {"print": (1, 2000)}},
        "linear": {"linear": None},
        "total": {"total": (None, 130)},
        "minimum": {"minimum": {"print": 50}},
        "minimum of all": {"minimum": _MINIMA | {"tv": 300}},
        "period_bounds and bounds": {"bounds": None},
    }[name]
    plan = optimize_budget(three_channels(), **arguments | freed)
    assert float(plan.spend.sum()) <= 300.0 * (1 + 1e-6)


def test_a_target_out_of_reach():
    fit = three_channels()
    for arguments in ({"target": 1e9}, {"target": 5500.0, "bounds": (0, 10)}):
        with pytest.raises(
            InfeasibleError, match=r"the target of [\d,]+ is out of reach.*lower the target or relax the bounds"
        ):
            optimize_budget(fit, periods=4, objective="spend", **arguments)
    words = (
        r"the target of 5,500 is out of reach: within the other limits no plan was found with an outcome above 2,"
    )
    with pytest.raises(InfeasibleError, match=words + r".*lower it or relax the limits") as caught:
        optimize_budget(fit, periods=4, objective="spend", target=5500.0, total=(0, 100))
    assert isinstance(caught.value.__cause__, SolverError)
    assert "misses the limit 'target' by" in str(caught.value.__cause__)
    with pytest.raises(InfeasibleError, match=r"target ROI of 200 is out of reach.*lower it or relax the limits"):
        optimize_budget(fit, periods=4, target_roi=200.0, total=(100, 300))


def test_what_is_induced_may_rule_out_a_total():
    fit = budgets.mediated_fit("search", slope=(1.0, 1.0, 1.0))
    with pytest.raises(
        InfeasibleError, match=r"total of 300; lower bounds, which with what search is induced to spend take"
    ):
        optimize_budget(fit, periods=4, total=300.0, bounds={"tv": (150, None), "radio": (140, None)})
    with pytest.raises(InfeasibleError, match=r"total of 3,000; upper bounds, .* at most"):
        optimize_budget(fit, periods=4, total=3000.0, bounds=(0, 150))


def test_small_amounts_are_told_apart():
    """Rounded to whole money, a total of 0 would be in conflict with lower bounds of 0."""
    fit = three_channels()
    with pytest.raises(InfeasibleError, match=r"tv at least 0\.3; radio at least 0\.25; total of 0\.4"):
        optimize_budget(fit, periods=4, total=0.4, bounds={"tv": (0.3, None), "radio": (0.25, None)})
    with pytest.raises(InfeasibleError, match=r"tv at least 300\.40; total of 300\. "):
        optimize_budget(fit, periods=4, total=300.0, bounds={"tv": (300.4, None)})


def test_a_failed_solve_raises(monkeypatch):
    """The start is never returned as an answer."""
    fit, real = three_channels(), scipy_optimize.minimize

    def at_once(function, x0, *args, **kwargs):
        found = real(function, x0, *args, **kwargs)
        found.x = np.array(x0)
        return found

    monkeypatch.setattr(local_solver.optimize, "minimize", at_once)
    with pytest.raises(
        SolverError, match=r"net marginal returns still differ by .*pass starts=20, or decide less"
    ):
        optimize_budget(fit, periods=4, total=300.0)
