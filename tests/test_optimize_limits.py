"""Limits are kept, named where they bind, and cost as little as they must."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.optimize import optimize_budget
from tests import budgets, made
from tests.test_optimize_known import chosen, own

THREE = budgets.SIX[:3]
TOTAL, PERIODS = 900.0, 4


@pytest.fixture(scope="module")
def fit():
    return budgets.plain_fit(slope=[1.0, 0.8, 1.6], half_saturation=[1.5, 1.0, 2.0], contribution=[0.1, 0.05, 0.2])


def solved(fit, **arguments):
    return optimize_budget(fit, **{"total": TOTAL, "periods": PERIODS} | arguments)


def spent(plan):
    return dict(zip(plan.spend["channel"].values.tolist(), own(plan).tolist(), strict=True))


def best_on_a_grid(fit, plan, allowed, total=TOTAL, steps=180):
    """Best mean gain over splits of a total among three channels that are allowed, and that of the plan."""
    draws, names = chosen(fit, plan), fit.data.media
    money = np.linspace(0.0, total, steps + 1)
    values = budgets.mean_curves(fit, PERIODS, money, draws)
    i, j = np.meshgrid(np.arange(steps + 1), np.arange(steps + 1), indexing="ij")
    k = steps - i - j
    fine = (k >= 0) & allowed(*(money[np.maximum(n, 0)] for n in (i, j, k)))
    sums = np.where(fine, values[0][i] + values[1][j] + values[2][np.maximum(k, 0)], -np.inf)
    found = sum(
        budgets.curve(fit, n, PERIODS, every=draws)(u).mean() for n, u in zip(names, own(plan), strict=True)
    )
    assert np.isfinite(sums.max())
    return float(sums.max()), float(found)


def is_best(fit, plan, allowed, slack=1e-4):
    best, found = best_on_a_grid(fit, plan, allowed)
    assert found >= best * (1.0 - slack)
    assert_allclose(own(plan).sum(), TOTAL, rtol=1e-6)
    if plan.solution.bound is not None:
        now = found - plan.solution.objective
        assert plan.solution.bound >= best - now - 1e-9 * best


# ------------------------------------------------------------------------------------------------------- one by one
def test_without_limits(fit):
    plan = solved(fit)
    is_best(fit, plan, lambda tv, radio, print: True)
    assert plan.solution.binding == ()


def test_bounds_in_money_and_per_cent(fit):
    free = spent(solved(fit))
    assert free["print"] > 400.0
    plan = solved(fit, bounds={"print": (None, 300.0), "radio": (200.0, None)})
    is_best(fit, plan, lambda tv, radio, print: (print <= 300.0) & (radio >= 200.0))
    assert [str(limit) for limit in plan.solution.binding] == [
        "radio at its lower bound of 200",
        "print at its upper bound of 300",
    ]
    assert "print held at 300" in map(str, solved(fit, bounds={"print": (300.0, 300.0)}).solution.binding)
    now = plan.current.sum("date")
    close = solved(fit, bounds=("90%", "110%"))
    ratio = close.spend.sum("date") / now
    assert float(ratio.min()) >= 0.9 * (1 - 1e-9)
    assert float(ratio.max()) <= 1.1 * (1 + 1e-9)
    same = solved(fit, change=0.1)
    assert_allclose(close.spend, same.spend, rtol=1e-6)
    assert any(limit.side == "upper" for limit in close.solution.binding)
    assert solved(fit, bounds=(None, None)).solution.binding == ()


def test_a_change_of_one_channel(fit):
    plan = solved(fit, change={"print": 0.2})
    now = float(plan.current.sel(channel="print").sum())
    assert abs(spent(plan)["print"] / now - 1.0) <= 0.2 + 1e-9
    is_best(fit, plan, lambda tv, radio, print: abs(print / now - 1.0) <= 0.2)
    more = solved(fit, change={"print": 1.5})  # down to nothing, and up to two and a half times as much
    assert 0.0 <= spent(more)["print"] <= 2.5 * now * (1 + 1e-9)


def test_groups(fit):
    plan = solved(fit, groups={"audio": (["radio", "tv"], (None, 150.0)), "all": (list(THREE), (10.0, None))})
    is_best(fit, plan, lambda tv, radio, print: tv + radio <= 150.0)
    assert [limit for limit in plan.solution.binding if (limit.kind, limit.name) == ("group", "audio")]
    assert not [limit for limit in plan.solution.binding if limit.name == "all"]
    least = solved(fit, groups={"audio": (["radio", "tv"], (600.0, None))})
    is_best(fit, least, lambda tv, radio, print: tv + radio >= 600.0)
    share = solved(fit, groups={"audio": (["radio", "tv"], ("120%", None))})
    now = float(share.current.sel(channel=["radio", "tv"]).sum())
    assert spent(share)["tv"] + spent(share)["radio"] >= 1.2 * now * (1 - 1e-7)


def test_linear_limits(fit):
    plan = solved(fit, linear=[({"print": 1, "tv": -1.5}, (None, 0.0))])
    is_best(fit, plan, lambda tv, radio, print: print <= 1.5 * tv + 1e-9, slack=2e-3)
    assert spent(plan)["print"] == pytest.approx(1.5 * spent(plan)["tv"], rel=1e-5)
    assert [limit for limit in plan.solution.binding if (limit.kind, limit.name) == ("linear", "1 print -1.5 tv")]
    equal = solved(fit, linear=[({"tv": 1, "radio": 2}, (500.0, 500.0))])
    assert spent(equal)["tv"] + 2 * spent(equal)["radio"] == pytest.approx(500.0, rel=1e-6)


def test_period_bounds_of_flat_spend(fit):
    plan = solved(fit, period_bounds={"print": (None, 70.0)})
    assert_allclose(plan.spend.sel(channel="print"), 70.0, rtol=1e-6)
    assert "print at its upper bound of 280" in map(str, plan.solution.binding)


def test_period_bounds_of_a_profile(fit):
    current = budgets.ahead(fit, PERIODS, tv=300.0, radio=200.0, print=400.0)
    current["print"] *= [0.8, 1.2, 1.1, 0.9]
    limits = {"period_bounds": {"print": ("60%", "130%")}, "flighting": "historical"}
    plan = solved(fit, plan=current, periods=None, **limits)
    spend, now = plan.spend.sel(channel="print"), plan.current.sel(channel="print")
    assert_allclose(spend / spend.sum(), now / now.sum(), atol=1e-12)
    assert float(spend.max()) == pytest.approx(1.3 * float(now.mean()), rel=1e-6)
    less = solved(
        fit,
        plan=current,
        periods=None,
        linear=[({"print": 1.0}, (None, 100.0))],
        **limits | {"period_bounds": {"print": ("20%", None)}},
    )
    assert float(less.spend.sel(channel="print").sum()) == pytest.approx(100.0, rel=1e-6)
    assert float(less.spend.sel(channel="print").min()) >= 0.2 * float(now.mean()) * (1 - 1e-9)


def test_some_channels_are_left_alone(fit):
    plan = solved(fit, total=300.0, channels=["tv", "print"])
    assert plan.spend["channel"].values.tolist() == ["tv", "print"]
    assert_allclose(own(plan).sum(), 300.0, rtol=1e-6)
    frame = plan.to_frame()
    assert_allclose(frame["radio"], fit.data.columns["radio"][0, -PERIODS:])
    draws = chosen(fit, plan)
    curves = {n: budgets.curve(fit, n, PERIODS, every=draws) for n in ("tv", "print")}
    grid = np.linspace(0.0, 300.0, 601)
    best = (curves["tv"](grid) + curves["print"](300.0 - grid)).mean(axis=0).max()
    assert sum(curves[n](u).mean() for n, u in spent(plan).items()) >= best * (1 - 1e-6)


def test_a_total_in_a_range(fit):
    plan = solved(fit, total=(100.0, 700.0))
    assert_allclose(own(plan).sum(), 700.0, rtol=1e-6)
    assert plan.attrs["total"] is None
    assert plan.p_overspend is None
    assert any(limit.kind == "total" for limit in plan.solution.binding)
    assert plan.current.attrs["factor"] == 1.0


# ---------------------------------------------------------------------------------------------------- all or nothing
def patterns_by_hand(fit, total, least, **arguments):
    """Best objective over every way of switching channels off, or on with a lower bound."""
    top = -np.inf
    for way in itertools.product((True, False), repeat=len(least)):
        bounds = {n: (m, None) if on else (0.0, 0.0) for (n, m), on in zip(least.items(), way, strict=True)}
        if sum(low for low, _ in bounds.values()) > total or all(high == 0.0 for _, high in bounds.values()):
            continue
        top = max(
            top, optimize_budget(fit, total=total, periods=PERIODS, bounds=bounds, **arguments).solution.objective
        )
    return top


def keeps(plan, least):
    for name, money in least.items():
        assert spent(plan)[name] == 0.0 or spent(plan)[name] >= money * (1 - 1e-6)


@pytest.mark.parametrize("total", [300.0, 900.0])
@pytest.mark.parametrize("slope", [(1.0, 0.8, 1.6), (2.5, 3.0, 2.0)])
def test_nothing_or_at_least(slope, total):
    fit = budgets.plain_fit(slope=slope)
    least = {"tv": 0.45 * total, "radio": 0.3 * total, "print": 0.5 * total}
    plan = solved(fit, total=total, minimum=least)
    keeps(plan, least)
    size = np.abs(plan.answers["lift"].sel(plan="new")).mean()
    assert_allclose(plan.solution.objective, patterns_by_hand(fit, total, least), atol=1e-5 * float(size))
    assert plan.solution.bound >= plan.solution.objective - 1e-9 * float(size)
    free = solved(fit, total=total)
    assert plan.solution.objective <= free.solution.objective + 1e-6 * float(size)


def test_a_minimum_beside_a_lower_bound_does_not_pause(fit):
    """A channel that must spend something is not switched off."""
    plan = solved(fit, minimum={"radio": 400.0}, bounds={"radio": (10.0, None)})
    assert spent(plan)["radio"] >= 400.0 * (1 - 1e-6)
    assert solved(fit, minimum={"radio": 400.0}).solution.objective >= plan.solution.objective - 1e-6
    assert "radio at its minimum of 400" in map(str, plan.solution.binding)


def test_a_minimum_of_free_periods(fit):
    plan = solved(fit, flighting="free", minimum={"radio": 350.0, "tv": 300.0})
    keeps(plan, {"radio": 350.0, "tv": 300.0})
    assert_allclose(own(plan).sum(), TOTAL, rtol=1e-6)


def test_more_on_off_limits_than_are_all_tried():
    fit = budgets.plain_fit(budgets.SIX, slope=[1.0, 0.8, 1.6, 1.0, 0.8, 2.0], draws=4)
    total = 1500.0
    least = dict.fromkeys(budgets.SIX, 0.3 * total)
    plan = solved(fit, total=total, minimum=least)
    keeps(plan, least)
    assert 1 <= sum(money > 0.0 for money in spent(plan).values()) <= 3
    assert_allclose(own(plan).sum(), total, rtol=1e-6)
    size = float(np.abs(plan.answers["lift"].sel(plan="new")).mean())
    # Switched one at a time, so that a better pattern may be missed, but not by much.
    assert plan.solution.objective >= _best_pattern(fit, plan, total, 0.3 * total) - 0.02 * size
    assert plan.solution.bound >= _best_pattern(fit, plan, total, 0.3 * total) - 1e-6 * size


def _best_pattern(fit, plan, total, least, steps=300):
    """Best gain over the current plan, on a grid with nothing or at least so much for each channel."""
    draws = chosen(fit, plan)
    money = np.linspace(0.0, total, steps + 1)
    values = budgets.mean_curves(fit, PERIODS, money, draws)
    values[:, (money > 0.0) & (money < least * (1 - 1e-9))] = -np.inf
    now = sum(
        budgets.curve(fit, n, 1, every=draws)(plan.current.sel(channel=n)).sum(axis=1).mean()
        for n in fit.data.media
    )
    return budgets.best_split(values)[0] - now


# ------------------------------------------------------------------------------------------------ beyond plain worlds
@pytest.mark.parametrize("mediators", ["respond", "fixed", {"search": "decide"}])
def test_limits_with_mediators(mediators):
    fit = made.case_fit("censored in a chain", draws=10)
    plan = optimize_budget(
        fit,
        total=600.0,
        periods=4,
        controls={"price": 10.0},
        mediators=mediators,
        bounds={"tv": (100.0, 200.0)},
        linear=[({"social": 1.0, "tv": -1.0}, (None, 250.0))],
    )
    money = spent(plan)
    assert 100.0 * (1 - 1e-9) <= money["tv"] <= 200.0 * (1 + 1e-9)
    assert money["social"] - money["tv"] <= 250.0 * (1 + 1e-6)
    assert set(money) == {"tv", "social", *(["search"] if isinstance(mediators, dict) else [])}
    problem = budgets.problem_of(fit, periods=4, total=600.0, mediators=mediators, paths=4)
    brought = problem.whole.evaluate(plan.spend.values)
    cost = own(plan).sum() + brought.induced.sum(axis=1).mean()
    assert cost == pytest.approx(600.0, rel=1e-6)
    # A mediator that is decided answers to the channels after the window.
    assert problem.whole.paid == (() if mediators == "fixed" else ("search",))
    assert ("induced" in plan.answers) == (mediators != "fixed")
