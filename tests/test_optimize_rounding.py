"""Plans in round amounts are the best of all plans in such amounts, add up, and say what rounding costs."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.errors import InfeasibleError, SettingError
from bayesmmm.optimize import optimize_budget
from tests import budgets, made, panel_budgets
from tests.test_optimize_known import chosen, own

TWO, THREE = ("tv", "radio"), budgets.SIX[:3]


def compositions(total, parts):
    """Every way of writing a whole number as a sum of whole numbers, an array (N, parts)."""
    ends = np.array(list(itertools.combinations(range(total + parts - 1), parts - 1)))
    edges = np.hstack([np.full((len(ends), 1), -1), ends, np.full((len(ends), 1), total + parts - 1)])
    return np.diff(edges, axis=1) - 1


def brought(fit, plan, spend):
    """Mean outcome (N,) of plans (N, C, W) on the draws that chose a plan, written down."""
    draws = chosen(fit, plan)
    each = [budgets.curve(fit, n, 1, every=draws)(spend[:, c]) for c, n in enumerate(fit.data.media)]
    return sum(part.mean(axis=0).sum(axis=-1) for part in each)


def multiples(plan, step):
    amounts = plan.spend.values / step
    return np.abs(amounts - amounts.round()).max() < 1e-9


def by_evenness(count, periods):
    """Whole numbers (..., W) that add up to a count and differ by one at most."""
    edges = np.floor(count[..., None] * np.arange(periods + 1) / periods + 0.5)
    return np.diff(edges, axis=-1)


# -------------------------------------------------------------------------------------------------------- brute force
@pytest.mark.parametrize("periods", [1, 4])
@pytest.mark.parametrize("parts", [9, 40])
@pytest.mark.parametrize("seed", range(3))
def test_the_best_of_all_round_plans(seed, parts, periods):
    """Of all ways of dividing the total into so many equal parts, concave and S-shaped channels alike."""
    fit = budgets.plain_fit(THREE, slope=np.random.default_rng(seed).uniform(0.7, 2.0, 3), seed=seed)
    step = round(periods * sum(fit.scales.spend[n][0] for n in THREE) / parts, 2)
    total = step * parts
    plan = optimize_budget(fit, total=total, periods=periods, round_to=step)
    assert multiples(plan, step)
    assert own(plan).sum() == pytest.approx(total, rel=1e-12)
    counts = compositions(parts, 3).astype(float)
    every = brought(fit, plan, step * by_evenness(counts, periods))
    found = brought(fit, plan, plan.spend.values[None])[0]
    assert found >= every.max() - 1e-9 * every.max()
    # What rounding costs, against the plan in any amounts.
    free = optimize_budget(fit, total=total, periods=periods)
    assert_allclose(plan.solution.rounding, free.solution.objective - plan.solution.objective, atol=1e-7 * found)
    assert plan.solution.rounding >= -1e-7 * found
    assert free.solution.rounding is None


@pytest.mark.parametrize("seed", range(2))
def test_the_best_of_all_round_plans_of_free_periods(seed):
    fit = budgets.plain_fit(TWO, slope=[0.8, 0.9], seed=seed)
    parts, periods = 10, 3
    step = round(periods * sum(fit.scales.spend[n][0] for n in TWO) / parts, 1)
    plan = optimize_budget(fit, total=step * parts, periods=periods, flighting="free", round_to=step)
    every = brought(fit, plan, step * compositions(parts, 6).reshape(-1, 2, periods).astype(float))
    assert multiples(plan, step)
    assert brought(fit, plan, plan.spend.values[None])[0] >= every.max() * (1.0 - 1e-9)


def test_the_best_of_all_round_plans_under_limits():
    """Bounds that are no multiples are kept from within, and so are weighted sums."""
    fit = budgets.plain_fit(THREE, slope=[0.9, 0.7, 0.8])
    step, parts = 20.0, 35
    limits = {
        "bounds": {"print": (None, 250.0), "radio": (190.0, None)},
        "linear": [({"tv": 1, "radio": -1}, (None, 10.0))],
    }
    plan = optimize_budget(fit, total=step * parts, periods=1, round_to=step, **limits)
    spend = step * compositions(parts, 3).astype(float)
    allowed = (spend[:, 2] <= 250.0) & (spend[:, 1] >= 190.0) & (spend[:, 0] - spend[:, 1] <= 10.0)
    every = brought(fit, plan, spend[allowed][:, :, None])
    assert brought(fit, plan, plan.spend.values[None])[0] >= every.max() * (1.0 - 1e-9)
    tv, radio, print_ = own(plan)
    assert print_ <= 250.0
    assert radio >= 190.0
    assert tv - radio <= 10.0


def test_the_least_round_spend_for_a_target():
    fit = budgets.plain_fit(THREE, slope=[0.9, 0.7, 0.8])
    problem = budgets.problem_of(fit, periods=1, paths=4)
    target = float((problem.whole.base() + problem.whole.evaluate(problem.current).lift).mean())
    step = 10.0
    plan = optimize_budget(fit, periods=1, objective="spend", target=target, round_to=step)
    assert multiples(plan, step)
    parts = round(own(plan).sum() / step)
    base = float(problem.whole.base().mean())
    assert base + brought(fit, plan, plan.spend.values[None])[0] >= target * (1 - 1e-9)
    less = brought(fit, plan, step * compositions(parts - 1, 3).astype(float)[:, :, None])
    assert base + less.max() < target  # with one step less no plan reaches it


# --------------------------------------------------------------------------------------------------- other settings
def test_induced_spend_leaves_a_total_that_is_met_from_below():
    fit = budgets.mediated_fit("search", slope=(0.8, 0.7, 0.9), direct=["tv"])
    step, total = 5.0, 700.0
    plan = optimize_budget(fit, total=total, periods=4, round_to=step)
    cost = budgets.problem_of(fit, periods=4, paths=4, total=total).whole.cost(plan.spend.values)
    assert multiples(plan, step)
    assert total - 2 * step <= cost <= total * (1 + 1e-9)
    assert cost > own(plan).sum()


def test_limits_of_periods_are_kept():
    fit = budgets.plain_fit(THREE, slope=[0.9, 0.7, 0.8])
    plan = optimize_budget(fit, total=700.0, periods=4, round_to=4.0, period_bounds={"print": (21.0, 42.0)})
    spend = plan.spend.sel(channel="print")
    assert multiples(plan, 4.0)
    assert 24.0 <= float(spend.min()) <= float(spend.max()) <= 40.0
    assert own(plan).sum() == pytest.approx(700.0)


def test_nothing_or_at_least_so_much():
    fit = budgets.plain_fit(THREE, slope=[2.5, 3.0, 2.0])
    plan = optimize_budget(fit, total=600.0, periods=2, round_to=20.0, minimum={"tv": 230.0, "radio": 190.0})
    assert multiples(plan, 20.0)
    assert all(money == 0.0 or money >= least for money, least in zip(own(plan), (230.0, 190.0), strict=False))


@pytest.mark.parametrize("flighting", ["flat", "free"])
def test_panels(flighting):
    fit = panel_budgets.plain_panel(without=[("radio", "south")])
    plan = optimize_budget(fit, total=1200.0, periods=4, round_to=10.0, flighting=flighting)
    assert multiples(plan, 10.0)
    assert float(plan.spend.sum()) == pytest.approx(1200.0, rel=1e-12)
    assert float(plan.spend.sel(geo="south", channel="radio").sum()) == 0.0
    free = optimize_budget(fit, total=1200.0, periods=4, flighting=flighting)
    assert 0.0 <= plan.solution.rounding < 0.02 * float(free.answers["lift"].sel(plan="new").mean())


def test_every_number_of_a_plan_is_of_the_round_one():
    fit = made.case_fit("censored in a chain", draws=10)
    settings = {"total": 600.0, "periods": 4, "controls": {"price": 10.0}, "mediators": "fixed"}
    plan = optimize_budget(fit, round_to=50.0, **settings)
    assert multiples(plan, 50.0)
    frame = plan.to_frame()
    assert_allclose(frame[["tv", "social"]].to_numpy().T, plan.spend.values)
    assert plan.table().loc["total", "new"] == pytest.approx(600.0)
    assert plan.attrs["round_to"] == 50.0
    assert "is a multiple of 50: that costs" in str(plan)


# ---------------------------------------------------------------------------------------------------------- refusals
def test_a_total_that_is_no_multiple():
    fit = budgets.plain_fit(TWO)
    with pytest.raises(SettingError, match=r"round_to=40.0 does not divide the total of 710, .* take total=720"):
        optimize_budget(fit, total=710.0, periods=4, round_to=40.0)
    assert own(optimize_budget(fit, total=720.0, periods=4, round_to=40.0)).sum() == pytest.approx(720.0)


def test_limits_that_leave_no_round_plan():
    fit = budgets.plain_fit(TWO)
    narrow = {"bounds": {"tv": (303.0, 308.0)}}
    with pytest.raises(InfeasibleError, match=r"no plan in multiples of 50 .* take a smaller round_to="):
        optimize_budget(fit, total=700.0, periods=1, round_to=50.0, **narrow)
    assert own(optimize_budget(fit, total=700.0, periods=1, round_to=5.0, **narrow))[0] == pytest.approx(305.0)


@pytest.mark.parametrize("step", [0.0, -5, True, "100"])
def test_impossible_steps(step):
    with pytest.raises(SettingError, match=r"round_to=.* must be a number above 0, as round_to=100"):
        optimize_budget(budgets.plain_fit(TWO), total=700.0, periods=1, round_to=step)
