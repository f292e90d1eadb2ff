"""What plans bring by compiled passes, held against plain loops over the equations that share nothing with them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests import budgets, made, worlds
from tests.answer_cases import CASES
from tests.slow_plans import SlowPlans
from tests.test_optimize_gradients import ways_of

RANDOM = [f"random {seed}" for seed in (6, 8, 9, 11, 12)]
WINDOWS = {
    "future": lambda fit: {"periods": 4, "total": 777.0},
    "past": lambda fit: budgets.last_periods(fit, 4, 5),
}
#: Where the outcome is no sum of its terms, a lift is the difference of two sums of the whole outcome.
CLOSE = 1e-12


def some_plan(problem, seed=1):
    """A plan (C, W) with a channel that is idle."""
    spend = problem.current * np.random.default_rng(seed).uniform(0.2, 2.0, problem.current.shape)
    spend[-1] *= 0.0 if len(spend) > 1 else 1.0
    return spend


def agree(problem, s=1):
    """Check everything about plans in one draw, and that draws are independent of each other."""
    out, slow, spend = problem.whole, SlowPlans(problem, s), some_plan(problem)
    none, plan = (slow.sums(values) for values in (0.0 * spend, spend))
    brought, level = out.evaluate(spend), abs(none[0]) + abs(plan[0])
    assert_allclose(brought.lift[s], plan[0] - none[0], rtol=1e-9, atol=CLOSE * level)
    assert_allclose(out.base()[s], none[1], rtol=1e-9, atol=CLOSE * level)
    most = np.abs([none[2], plan[2]]).max(initial=1.0)
    assert_allclose(brought.induced[s], plan[2] - none[2], rtol=1e-9, atol=CLOSE * most)
    assert_allclose(
        out.cost(spend) - spend.sum(), brought.induced.sum(axis=1).mean(), rtol=1e-9, atol=CLOSE * most
    )
    c = int(np.argmax(spend.sum(axis=1)))
    without = slow.sums(np.where(np.arange(len(spend))[:, None] == c, 0.0, spend))
    lost = out.drop_one(spend)[s]
    assert_allclose(lost[c], plan[0] - without[0], rtol=1e-9, atol=CLOSE * level)
    assert_allclose(lost[-1] * (spend[-1].sum() == 0.0), 0.0, atol=CLOSE * level)
    agree_on_slopes(out, spend, s)
    return brought.lift[s]


def agree_on_slopes(out, spend, s):
    """Check the derivative along a pattern by that to every period, and this one by differences."""
    one, pattern = (np.arange(out.size) == s).astype(float), np.random.default_rng(2).uniform(size=spend.shape)
    slope = out.vjp(spend, one, None)
    size = np.abs(slope * pattern).sum()
    along = out.directional_derivative(spend, pattern)[s]
    assert_allclose(along, (slope * pattern).sum(axis=1), rtol=1e-9, atol=1e-13 * size)
    move = spend * pattern
    errors = []
    for step in (1e-4, 1e-6):  # a censored mediator may reach zero within the longer one
        up, down = (out.evaluate(spend + sign * step * move).lift[s] for sign in (1.0, -1.0))
        errors.append(abs((up - down) / (2.0 * step) - (slope * move).sum()))
    assert min(errors) <= 1e-6 * np.abs(slope * move).sum()


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", [*CASES, *RANDOM])
def test_plans_bring_what_the_equations_say(name, window):
    """Mediators that respond, that are fixed, and that are decided; every link; adstock that is cut."""
    fit = budgets.case_fit(name, draws=5)
    ways = ways_of(fit)
    if name.startswith("random"):  # where memories may be long and loops slow, each way in one of the windows
        ways = ways[list(WINDOWS).index(window) :: len(WINDOWS)]
    for mediators in ways:
        agree(budgets.problem_of(fit, mediators=mediators, **WINDOWS[window](fit)))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("paths", [1, 3])
@pytest.mark.parametrize("flighting", ["historical", "free"])
def test_paths_flighting_and_some_channels(flighting, paths, window):
    fit = budgets.case_fit("censored in a chain", draws=5)
    channels = [n for n in fit.system.exogenous if n in fit.data.media][1:]
    where = WINDOWS[window](fit)
    agree(budgets.problem_of(fit, channels=channels, flighting=flighting, paths=paths, **where))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("outcome", ["normal", "lognormal"])
@pytest.mark.parametrize("mediator", ["normal", "lognormal"])
def test_correlated_residuals(mediator, outcome, window):
    system = worlds.system(outcome, mediator, rho={"search": 0.6})
    fit = made.made_fit(system, worlds.data(zeros=False), draws=6)
    controls = {"controls": {"price": 10.0}} if window == "future" else {}
    agree(budgets.problem_of(fit, **WINDOWS[window](fit), **controls))


@pytest.mark.parametrize("name", ["chain", "censored in a chain"])
def test_cost_of_a_multiple_is_that_of_the_plan_compared_with_itself(name):
    problem = budgets.problem_of(budgets.case_fit(name), periods=5)
    out, now = problem.whole, problem.current / problem.factor
    for factor in (0.3, 1.0, 2.5):
        found = out.cost_of_multiple(now, factor)
        out.compare_with(factor)
        assert_allclose(found, out.cost(factor * now), rtol=1e-12)


def test_what_an_evaluation_kept_is_written_over_only_where_that_is_asked_for():
    chunk = budgets.problem_of(budgets.case_fit("chain"), periods=5).whole._chunks[0]
    spend = np.full((len(chunk._context.names), 5), 3.0)
    one, _ = chunk.evaluate(spend)
    before = one.response.copy()
    other, _ = chunk.evaluate(2.0 * spend)
    np.testing.assert_array_equal(one.response, before)
    again, brought = chunk.evaluate(spend, other)
    assert again is other
    np.testing.assert_array_equal(other.response, before)
    np.testing.assert_array_equal(brought.lift, chunk.evaluate(spend)[1].lift)


def test_three_plans_in_turn_are_told_apart():
    """Room is taken over from the plan before the last, never from one that may still be asked for."""
    problem = budgets.problem_of(budgets.case_fit("chain"), periods=5)
    out, plans = problem.whole, [k * problem.current for k in (0.5, 1.0, 1.5)]
    one = np.ones(out.size)
    alone = []
    for plan in plans:
        out._evaluations, out._slopes = {}, {}
        alone.append((out.evaluate(plan).lift, out.vjp(plan, one, None)))
    out._evaluations, out._slopes = {}, {}
    for k in (0, 1, 0, 2, 1, 0, 2, 0):
        np.testing.assert_array_equal(out.evaluate(plans[k]).lift, alone[k][0])
        out._slopes = {}
        np.testing.assert_array_equal(out.vjp(plans[k], one, None), alone[k][1])


@pytest.mark.parametrize(
    ("name", "table"),
    [("chain", "_channel.shape"), ("chain", "_mediator.shape"), ("short memory", "_channel.before")],
)
@pytest.mark.parametrize("window", WINDOWS)
def test_a_wrong_carry_over_is_seen(name, table, window):
    """Negative control: the comparison notices a pass that forgets what history carries in."""
    fit = budgets.case_fit(name)
    problem = budgets.problem_of(fit, **WINDOWS[window](fit))
    agree(problem)
    kind, part = table.split(".")
    for chunk in problem.whole._chunks:
        carried = getattr(getattr(chunk._system, kind), part)
        (carried[4] if part == "shape" else carried)[:] = 0.0
    problem.whole._factor = None
    problem.whole.compare_with(problem.factor)
    with pytest.raises(AssertionError, match="Not equal"):
        agree(problem)
