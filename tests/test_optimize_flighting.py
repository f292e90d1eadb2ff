"""How spend is spread over a window: evenly, in a profile, or as it is best."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.optimize import optimize_budget
from bayesmmm.optimize.local_solver import DENSE
from tests import budgets, made
from tests.test_optimize_known import chosen, own, split_of_straight_hills

PERIODS = 4


# ------------------------------------------------------------------------------------------------------- against flat
@pytest.mark.parametrize("name", ["no mediator", "S-shaped", "chain", "censored in a chain", "lognormal outcome"])
def test_free_periods_do_at_least_as_well(name):
    fit = made.case_fit(name, draws=10)
    call = {"total": 500.0, "periods": PERIODS, "controls": {"price": 10.0}}
    flat, profile, free = (
        optimize_budget(fit, **call, flighting=flighting) for flighting in ("flat", "historical", "free")
    )
    size = 1e-6 * float(np.abs(flat.answers["lift"]).mean())
    assert free.solution.objective >= flat.solution.objective - size
    assert free.solution.objective >= profile.solution.objective - size
    assert [plan.attrs["flighting"] for plan in (flat, profile, free)] == ["flat", "historical", "free"]
    assert_allclose(flat.spend, flat.spend.mean("date") + 0.0 * flat.spend, rtol=1e-12)
    now = profile.current
    shape = (now / now.sum("date")).where(now.sum("date") > 0.0, 1.0 / PERIODS)
    assert_allclose(profile.spend, profile.spend.sum("date") * shape, rtol=1e-9, atol=1e-9)
    for plan in (flat, profile, free):
        assert float(plan.spend.min()) >= 0.0
        problem = budgets.problem_of(fit, periods=PERIODS, total=500.0, flighting=plan.attrs["flighting"], paths=4)
        assert problem.whole.cost(plan.spend.values) == pytest.approx(500.0, rel=1e-6)
        gain = (
            problem.whole.evaluate(plan.spend.values).lift.mean()
            - problem.whole.evaluate(problem.current).lift.mean()
        )
        assert_allclose(plan.solution.objective, gain, rtol=1e-6, atol=size)


# ---------------------------------------------------------------------------------------------------- known optima
def test_what_saturates_at_once_is_best_spread_evenly():
    fit = budgets.plain_fit(slope=[1.0, 1.0, 1.0], draws=4)
    flat, free = (optimize_budget(fit, total=900.0, periods=PERIODS, flighting=f) for f in ("flat", "free"))
    assert_allclose(free.spend, flat.spend, rtol=1e-3, atol=0.05)
    assert_allclose(free.solution.objective, flat.solution.objective, rtol=1e-6)
    assert free.solution.bound is not None
    assert -1e-9 <= free.solution.gap <= 0.02 * float(free.answers["lift"].mean())
    assert_allclose(free.solution.net_marginal, flat.solution.net_marginal, rtol=1e-3)


@pytest.mark.parametrize("share", [0.3, 0.7, 1.4, 2.5])
def test_what_starts_slowly_is_best_spent_in_pulses(share):
    """Of a channel that acts at once, the same money in as many periods as is best, found by counting."""
    fit = budgets.plain_fit(("tv",), slope=[4.0], half_saturation=[1.0], draws=4)
    total = share * PERIODS * float(fit.scales.spend["tv"][0])
    plan = optimize_budget(fit, total=total, periods=PERIODS, flighting="free")
    one = budgets.curve(fit, "tv", 1, every=chosen(fit, plan))
    best = max(k * one(total / k).mean() for k in range(1, PERIODS + 1))
    found = one(plan.spend.values[0]).sum(axis=1).mean()
    assert found >= best * (1.0 - 1e-5)
    assert_allclose(own(plan), total, rtol=1e-6)
    if share == 0.3:
        assert (plan.spend.values > 0.01).sum() == 1
        assert found > 2.0 * PERIODS * one(total / PERIODS).mean()
        assert "tv at zero in 3 of 4 periods" in map(str, plan.solution.binding)


def test_a_long_memory_makes_the_first_periods_matter_most():
    """History is carried in and tails count: no other spread of the money does better.

    Of money spent through a week more is felt in the next one, so that some weeks are best left out.
    """
    fit = budgets.plain_fit(("tv", "radio"), half_life=[14.0, 14.0], contribution=[0.2, 0.2], draws=4)
    plan = optimize_budget(fit, total=3000.0, periods=PERIODS, flighting="free")
    problem = budgets.problem_of(fit, periods=PERIODS, flighting="free", total=3000.0, paths=4)
    at = plan.spend.values.ravel()
    bought = at > 1.0
    assert_allclose(at[~bought], 0.0, atol=1e-6)
    assert bought.reshape(2, PERIODS).sum(axis=1).min() >= 2

    def lift(spend):
        return problem.whole.evaluate(spend.reshape(2, PERIODS)).lift.mean()

    # Straight Hill curves of a linear carry-over: what fulfils the conditions is the best of all.
    slope = np.array([(lift(at + step) - lift(at)) / 0.01 for step in 0.01 * np.eye(at.size)])
    assert_allclose(slope[bought], slope[bought].mean(), rtol=1e-4)
    assert (slope[~bought] < slope[bought].mean() * (1.0 - 1e-3)).all()
    rng = np.random.default_rng(0)
    for size in np.repeat([1.0, 10.0, 100.0], 50):
        other = at * rng.lognormal(0.0, 0.3, at.size) + rng.exponential(size, at.size)
        assert lift(other * 3000.0 / other.sum()) < lift(at)
    assert (plan.spend.values[:, 0] > 1.05 * plan.spend.values[:, 1]).all()
    flat = optimize_budget(fit, total=3000.0, periods=PERIODS)
    assert plan.solution.objective > flat.solution.objective


# ------------------------------------------------------------------------------------------------- many decisions
def test_more_periods_than_sequential_least_squares_takes():
    names, periods = budgets.SIX[:3], 24
    assert len(names) * periods > DENSE
    half, share = np.array([0.8, 1.5, 2.0]), np.array([0.2, 0.1, 0.3])
    fit = budgets.plain_fit(names, half_saturation=half, contribution=share, draws=3)
    mean = np.array([fit.scales.spend[n][0] for n in names])
    most = np.array([budgets.curve(fit, n, periods)(1e18).mean() for n in names])
    spend, price = split_of_straight_hills(most, half * mean * periods, 4000.0)
    plan = optimize_budget(fit, total=4000.0, periods=periods, flighting="free")
    assert_allclose(own(plan).sum(), 4000.0, rtol=1e-6)
    assert_allclose(own(plan), spend, rtol=5e-3)
    assert_allclose(plan.spend, (spend / periods)[:, None] + 0.0 * plan.spend.values, rtol=0.05)
    assert_allclose(plan.solution.multiplier, price, rtol=1e-2)
    assert plan.solution.kkt <= 1e-4
    lift = float(plan.answers["lift"].sel(plan="new").mean())
    assert lift >= (most * spend / (half * mean * periods + spend)).sum() * (1.0 - 1e-5)
    assert 0.0 <= plan.solution.gap + 1e-9 <= 0.02 * lift


@pytest.mark.slow
@pytest.mark.parametrize("name", ["S-shaped", "chain", "censored in a chain"])
def test_many_periods_of_other_systems(name):
    fit = made.case_fit(name, draws=6)
    call = {"total": 3000.0, "periods": 32, "controls": {"price": 10.0}}
    free = optimize_budget(fit, **call, flighting="free", starts=1)
    flat = optimize_budget(fit, **call)
    assert free.solution.objective >= flat.solution.objective
    assert free.solution.kkt <= 1e-2
    problem = budgets.problem_of(fit, periods=32, total=3000.0, flighting="free", paths=4)
    assert problem.whole.cost(free.spend.values) == pytest.approx(3000.0, rel=1e-6)


# ----------------------------------------------------------------------------------------------------------- limits
@pytest.mark.parametrize("periods", [4, 24])
def test_limits_of_free_periods(periods):
    fit = budgets.plain_fit(slope=[1.5, 3.0, 0.8], draws=4)
    total = 200.0 * periods
    plan = optimize_budget(
        fit,
        total=total,
        periods=periods,
        flighting="free",
        starts=1,
        period_bounds={"tv": (20.0, 90.0), "radio": (None, 120.0)},
        bounds={"print": (50.0 * periods, None), "tv": (None, 60.0 * periods)},
        groups={"both": (["tv", "radio"], (None, 0.7 * total))},
    )
    spend = {n: plan.spend.sel(channel=n).values for n in ("tv", "radio", "print")}
    near = 1e-6 * total
    assert spend["tv"].min() >= 20.0 - near
    assert spend["tv"].max() <= 90.0 + near
    assert spend["radio"].max() <= 120.0 + near
    assert spend["print"].sum() >= 50.0 * periods - near
    assert spend["tv"].sum() <= 60.0 * periods + near
    assert spend["tv"].sum() + spend["radio"].sum() <= 0.7 * total + near
    assert sum(s.sum() for s in spend.values()) == pytest.approx(total, rel=1e-6)
    for limit in plan.solution.binding:
        assert (limit.channel or limit.name) in ("tv", "radio", "print", "both")
