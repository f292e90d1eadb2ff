"""Derivatives of what a plan is judged by equal differences of it."""

import itertools

import numpy as np
import pytest

from bayesmmm.data import MONEY
from tests import budgets, made
from tests.answer_cases import CASES

WINDOWS = {"future": lambda fit: {"periods": 4}, "past": lambda fit: budgets.last_periods(fit, 4, before=3)}
GOALS = {
    "mean": {},
    "profit": {"objective": "profit", "total": None, "margin": 0.7},
    "profit of the worst": {"objective": "profit", "total": None, "margin": 2.0, "risk": ("cvar", 0.3)},
    "sd": {"risk": ("sd", 0.5)},
    "cvar": {"risk": ("cvar", 0.2)},
    "quantile": {"risk": ("quantile", 0.3)},
    "spend": {"objective": "spend", "total": None, "target": 5000.0},
    "spend for a quantile": {"objective": "spend", "total": None, "target": 5000.0, "risk": ("quantile", 0.2)},
    "roi": {"objective": "roi", "total": (1.0, 1000.0)},
    "target_roi": {"total": None, "target_roi": 1.5},
    "target_marginal_roi": {"total": None, "target_marginal_roi": 1.2},
}
_slow = pytest.mark.slow
LINKS = [
    "censored in a chain",
    "lognormal outcome, linear mediator",
    pytest.param("no mediator", marks=_slow),
    pytest.param("censored outcome", marks=_slow),
]


def _settings():
    """Every case with every flighting in both windows; by default two of the six ways of each core case."""
    for i, case in enumerate(CASES):
        (name,), marks = getattr(case, "values", (case,)), getattr(case, "marks", ())
        for k, (flighting, window) in enumerate(itertools.product(("flat", "historical", "free"), WINDOWS)):
            slow = marks or (() if (i + k) % 3 == 0 else (_slow,))
            yield pytest.param(name, flighting, window, marks=slow, id=f"{name}-{flighting}-{window}")


def error(slope, function, at):
    """Largest difference from difference quotients, as a share of the largest slope.

    The better of two steps counts: a censored mediator may reach zero within the longer one, where it has a kink.
    """
    size = np.abs(slope).max()
    assert size > 0.0
    found = np.inf
    for step in (1e-3, 1e-5):
        found = min(found, np.abs(slope - budgets.differences(function, at, step)).max() / size)
        if found < 1e-6:
            break
    return found


def deciding(fit):
    """Mediators that can be planned like a channel."""
    acting = {n for equation in fit.system.equations for n in equation.media}
    return [m for m in fit.system.mediators if fit.data.mediators[m] == MONEY and m in acting]


def ways_of(fit):
    """Every way in which mediators behave."""
    return ["respond", *(["fixed"] if fit.system.mediators else []), *({m: "decide"} for m in deciding(fit))]


@pytest.mark.parametrize(("name", "flighting", "window"), list(_settings()))
def test_slopes_of_outcome_and_cost(name, flighting, window):
    fit = budgets.case_fit(name)
    for mediators in ways_of(fit):
        problem = budgets.problem_of(fit, mediators=mediators, flighting=flighting, **WINDOWS[window](fit))
        objective = budgets.objective_of(problem)
        at = budgets.some_plan(objective)
        assert error(objective.slope(at), objective.smooth, at) < 1e-6
        assert error(objective.cost_slope(at), objective.cost, at) < 1e-6


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("name", LINKS)
def test_slopes_of_objectives_and_constraints(name, goal):
    fit = budgets.case_fit(name)
    tv, *others = [n for n in fit.system.exogenous if n in fit.data.media]
    rules = {
        "groups": {"some": ([tv, others[0]], (1.0, 100.0))},
        "linear": [({tv: 1.0, others[0]: -2.0}, (None, 0.0))],
    }
    problem = budgets.problem_of(fit, periods=5, **rules)
    objective = budgets.objective_of(problem, **GOALS[goal])
    at = budgets.some_plan(objective, seed=1)
    assert error(objective.slope(at), objective.smooth, at) < 1e-6
    constraints = objective.constraints(problem.limits)
    wanted = {"spend": ["target"], "target": ["target ROI"]}.get(goal.split("_")[0].split()[0], [])
    assert {c.label for c in constraints} >= {"group some", f"1 {tv} -2 {others[0]}"}
    assert [c.label for c in constraints if c.label.startswith("target")] == (
        wanted if goal != "target_marginal_roi" else []
    )
    for constraint in constraints:
        assert error(constraint.slope(at), constraint.value, at) < 1e-6


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", ["chain", "censored in a chain", "censored, then lognormal"])
def test_weighted_sums_of_draws_pull_at_every_period(name, window):
    fit = budgets.case_fit(name)
    problem = budgets.problem_of(fit, flighting="free", **WINDOWS[window](fit))
    out, rng = problem.whole, np.random.default_rng(4)
    assert out.paid
    lift, induced = rng.normal(size=out.size), rng.normal(size=(out.size, len(out.paid)))
    spend = problem.variables.spend(budgets.some_plan(budgets.objective_of(problem)))

    def weighed(decisions):
        brought = out.evaluate(decisions.reshape(spend.shape))
        return lift @ brought.lift + (induced * brought.induced).sum()

    found = out.vjp(spend, lift, induced)
    assert found.shape == spend.shape
    assert error(found.ravel(), weighed, spend.ravel()) < 1e-6
    # The parts add up, and the derivative of each draw summed up is that of the sum.
    np.testing.assert_allclose(
        out.vjp(spend, lift, None) + out.vjp(spend, None, induced),
        found,
        rtol=1e-9,
        atol=1e-12 * np.abs(found).max(),
    )
    along = out.directional_derivative(spend, np.ones_like(spend))
    np.testing.assert_allclose(lift @ along, out.vjp(spend, lift, None).sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize("name", ["chain", "censored mediator", "linear mediator"])
def test_without_its_mediator_a_slope_is_wrong(name):
    """Negative control: cutting the mediator moves slopes by much more than differences are off."""
    fit = budgets.case_fit(name)
    cut, whole = (
        budgets.objective_of(budgets.problem_of(fit, periods=5, mediators=mode)) for mode in ("fixed", "respond")
    )
    at = budgets.some_plan(whole)
    assert error(whole.slope(at), whole.smooth, at) < 1e-6
    assert error(cut.slope(at), whole.smooth, at) > 1e-2


def test_a_slope_at_zero_spend_lets_a_channel_be_funded():
    fit = budgets.case_fit("slope one")
    objective = budgets.objective_of(budgets.problem_of(fit, periods=5))
    at = np.zeros(objective.variables.size)
    step = 1e-5 * objective.unit
    right = [
        (4.0 * objective.value(move) - objective.value(2.0 * move) - 3.0 * objective.value(at))
        / (2.0 * move.sum())
        for move in np.diag(step)
    ]
    np.testing.assert_allclose(objective.slope(at), right, rtol=1e-5)
    assert (objective.slope(at) > 0.0).all()


def test_draws_keep_their_order():
    """Tails of many lengths and several chunks come back in the order of the draws asked for."""
    fit = made.case_fit("censored in a chain", draws=12)
    problem = budgets.problem_of(fit, periods=4, draws=24)
    objective = budgets.objective_of(problem)
    spend = problem.variables.spend(budgets.some_plan(objective))
    tails = problem.whole._order.draws
    assert not np.array_equal(tails, np.sort(tails))
    for s in (0, 7, 23):
        one = np.arange(24) == s
        found = problem.whole.vjp(spend, one.astype(float), None)
        moved = spend * 1.0001
        step = (problem.whole.evaluate(moved).lift - problem.whole.evaluate(spend).lift)[s]
        np.testing.assert_allclose((found * (moved - spend)).sum(), step, rtol=1e-3)
