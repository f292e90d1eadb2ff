"""Plans of those who shun risk, and the measures of it against plain formulas."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from bayesmmm.optimize import optimize_budget
from bayesmmm.optimize.goal import Risk, bandwidth_for, exact_risk, smoothed_risk
from tests import budgets, made

RISKS = [
    Risk("mean"),
    Risk("sd", 0.7),
    Risk("cvar", 0.1),
    Risk("cvar", 0.5),
    Risk("quantile", 0.1),
    Risk("quantile", 0.5),
]


def gains(count=400, seed=0):
    return 50.0 + 20.0 * np.random.default_rng(seed).standard_t(5, count)


# --------------------------------------------------------------------------------------------------- the measures
def test_measures_by_plain_formulas():
    gain = gains()
    ordered = np.sort(gain)
    sd = np.sqrt(np.mean((gain - gain.mean()) ** 2))
    exact = {
        Risk("mean"): gain.mean(),
        Risk("sd", 0.7): gain.mean() - 0.7 * sd,
        Risk("cvar", 0.1): ordered[:40].mean(),
        Risk("cvar", 0.5): ordered[:200].mean(),
    }
    for risk, value in exact.items():
        assert_allclose(exact_risk(risk, gain), value, rtol=1e-12)
        assert_allclose(smoothed_risk(risk, gain, 1e-6 * sd)[0], value, rtol=1e-5)
    assert_allclose(
        exact_risk(Risk("cvar", 0.1013), gain), (ordered[:40].sum() + 0.52 * ordered[40]) / 40.52, rtol=1e-12
    )
    for level in (0.1, 0.5, 0.9):
        assert_allclose(exact_risk(Risk("quantile", level), gain), np.quantile(gain, level), rtol=1e-12)
        # Between two draws near enough to each other.
        value = smoothed_risk(Risk("quantile", level), gain, 1e-3 * sd)[0]
        assert ordered[int(400 * level) - 2] <= value <= ordered[int(400 * level) + 1]


@pytest.mark.parametrize("risk", RISKS, ids=str)
def test_smoothing_as_used_moves_a_measure_little(risk):
    gain = gains(2000)
    smooth = smoothed_risk(risk, gain, bandwidth_for(risk, gain.std()))[0]
    assert abs(smooth - exact_risk(risk, gain)) < 0.05 * gain.std()
    if risk.kind == "cvar":  # smoothing never flatters it
        assert smooth <= exact_risk(risk, gain)


def test_the_smoothed_cvar_is_the_highest_of_its_kind():
    """It maximises q - mean(softplus((q - gain) / h)) * h / share over q, found here on a grid."""
    gain, share, h = gains(), 0.2, 3.0
    grid = np.linspace(gain.min(), gain.max(), 4001)
    short = h * np.logaddexp(0.0, (grid - gain[:, None]) / h).mean(axis=0)
    best = (grid - short / share).max()
    assert_allclose(smoothed_risk(Risk("cvar", share), gain, h)[0], best, rtol=1e-6)


def test_the_smoothed_quantile_is_where_the_smoothed_distribution_is_at_its_share():
    gain, share, h = gains(), 0.2, 3.0
    value = smoothed_risk(Risk("quantile", share), gain, h)[0]
    assert_allclose(stats.norm.cdf((value - gain) / h).mean(), share, rtol=1e-9)


@pytest.mark.parametrize("bandwidth", [0.2, 2.0, 30.0])
@pytest.mark.parametrize("risk", RISKS, ids=str)
def test_weights_are_derivatives(risk, bandwidth):
    gain = gains(60)
    if risk.kind == "quantile":  # of draws far apart in bandwidths there is none between two of them
        bandwidth = max(bandwidth, 2.0)
    _, weight = smoothed_risk(risk, gain, bandwidth)
    step = 1e-3 * bandwidth
    for s in (0, 17, 59, int(gain.argmin()), int(np.argsort(gain)[6])):
        moves = [smoothed_risk(risk, gain + k * step * (np.arange(60) == s), bandwidth)[0] for k in (-2, -1, 1, 2)]
        slope = (8.0 * (moves[2] - moves[1]) - (moves[3] - moves[0])) / (12.0 * step)
        assert_allclose(weight[s], slope, rtol=1e-5, atol=1e-7)
    assert_allclose(weight.sum(), 1.0, rtol=1e-9)


@pytest.mark.parametrize("risk", RISKS, ids=str)
def test_measures_move_with_all_gains_and_scale_with_them(risk):
    gain = gains(100)
    value, weight = smoothed_risk(risk, gain, 2.0)
    more, same = smoothed_risk(risk, gain + 1000.0, 2.0)
    assert_allclose(more, value + 1000.0, rtol=1e-10)
    assert_allclose(same, weight, rtol=1e-6, atol=1e-12)
    assert_allclose(smoothed_risk(risk, 1e6 * gain, 2e6)[0], 1e6 * value, rtol=1e-10)
    shuffled = np.random.default_rng(1).permutation(100)
    assert_allclose(smoothed_risk(risk, gain[shuffled], 2.0)[0], value, rtol=1e-12)


def test_gains_without_any_spread():
    for risk in RISKS:
        value, weight = smoothed_risk(risk, np.full(10, 5.0), bandwidth_for(risk, 0.0))
        assert value == pytest.approx(5.0)
        assert_allclose(weight.sum(), 1.0)


# ---------------------------------------------------------------------------------------------------------- plans
def certain_and_uncertain(draws=40):
    """Two channels: one returns less on average, the same in every draw; the other more, and very differently."""
    rng = np.random.default_rng(3)
    contribution = np.stack([np.full(2 * draws, 0.15), 0.22 * rng.lognormal(-0.5, 1.0, 2 * draws)], axis=1)
    return budgets.plain_fit(("tv", "radio"), half_saturation=[1.0, 1.0], contribution=contribution, draws=draws)


@pytest.mark.parametrize("kind", ["sd", "cvar", "quantile"])
def test_who_shuns_risk_more_gets_less_of_it(kind):
    fit = certain_and_uncertain()
    variables = {"sd": (0.2, 0.5, 1.0, 3.0), "cvar": (0.9, 0.5, 0.25, 0.1), "quantile": (0.5, 0.35, 0.2, 0.1)}[
        kind
    ]
    risks = ["mean", *((kind, level) for level in variables)]
    plans = [
        optimize_budget(fit, total=600.0, plan=budgets.ahead(fit, 4, tv=500.0, radio=50.0), draws=40, risk=risk)
        for risk in risks
    ]
    spread = [_gains_that_chose(fit, plan).std() for plan in plans]
    assert (np.diff(spread) <= 1e-6 * spread[0]).all()
    assert spread[-1] < 0.7 * spread[0]
    # Each is the best by its own measure, on the draws that chose them; what is smoothed only nearly so.
    for plan, risk in zip(plans[1:], risks[1:], strict=True):
        values = [exact_risk(Risk(*risk), _gains_that_chose(fit, other)) for other in plans]
        slack = {"sd": 1e-4, "cvar": 0.01, "quantile": 0.05}[kind] * spread[0]
        assert values[plans.index(plan)] >= max(values) - slack
        assert_allclose(plan.solution.objective, values[plans.index(plan)], rtol=1e-6, atol=1e-6 * spread[0])
        assert plan.solution.bandwidth > 0.0
        assert plan.solution.bound is None
        assert "mean outcome or profit" in plan.solution.no_bound
    assert plans[0].solution.bandwidth is None


def _gains_that_chose(fit, plan):
    kept = ~np.isin(fit.posterior["draw"].values, plan.answers["draw"].values)
    every = np.flatnonzero(np.tile(kept, 2))
    curves = {n: budgets.curve(fit, n, 4, every=every) for n in ("tv", "radio")}
    return sum(
        f(float(plan.spend.sel(channel=n).sum())) - f(float(plan.current.sel(channel=n).sum()))
        for n, f in curves.items()
    )


def test_the_objective_is_that_of_the_draws():
    fit = certain_and_uncertain()
    for risk in (("sd", 0.5), ("cvar", 0.2), ("quantile", 0.3)):
        plan = optimize_budget(fit, total=600.0, periods=4, draws=40, risk=risk)
        gain = _flat_gains(fit, plan)
        assert_allclose(plan.solution.objective, exact_risk(Risk(*risk), gain), rtol=1e-6, atol=1e-6 * gain.std())
        judging = plan.answers["gain"].values.ravel()
        assert_allclose(plan.solution.held_out, exact_risk(Risk(*risk), judging), rtol=1e-9)


def _flat_gains(fit, plan):
    kept = ~np.isin(fit.posterior["draw"].values, plan.answers["draw"].values)
    every = np.flatnonzero(np.tile(kept, 2))
    out = 0.0
    for n in ("tv", "radio"):
        each = budgets.curve(fit, n, 1, every=every)
        out = (
            out
            + sum(each(u) for u in plan.spend.sel(channel=n).values)
            - sum(each(u) for u in plan.current.sel(channel=n).values)
        )
    return out


def test_the_highest_aversion_keeps_the_current_plan():
    """Nothing gained for certain beats any gain that is uncertain."""
    fit = certain_and_uncertain()
    current = budgets.ahead(fit, 4, tv=300.0, radio=300.0)
    plan = optimize_budget(fit, total=600.0, plan=current, draws=40, risk=("sd", 50.0))
    assert_allclose(plan.spend, plan.current, rtol=2e-3)
    assert plan.solution.objective >= -1e-3 * float(plan.answers["lift"].mean())


@pytest.mark.parametrize("risk", [("sd", 1.0), ("cvar", 0.3), ("quantile", 0.3)])
@pytest.mark.parametrize("name", ["no mediator", "lognormal outcome, linear mediator"])
def test_no_plan_is_worse_than_the_current_one(name, risk):
    """Which gains nothing for certain; smoothing is for the spread of what is found, so that it does not hide that."""
    fit = made.case_fit(name, draws=10)
    plan = optimize_budget(
        fit, total=500.0, periods=4, controls={"price": 10.0}, risk=risk, draws=10, flighting="historical"
    )
    assert plan.solution.objective >= -0.5 * plan.solution.bandwidth
    # Nor is it far from a certain nothing, where that is the best.
    problem = budgets.problem_of(fit, periods=4, total=500.0, draws=10, paths=4, flighting="historical")
    assert plan.solution.objective >= -1e-3 * problem.whole.evaluate(problem.current).lift.std()


@pytest.mark.parametrize("risk", [("sd", 1.0), ("cvar", 0.3), ("quantile", 0.3)])
@pytest.mark.parametrize("name", ["censored in a chain", "lognormal outcome, linear mediator"])
def test_risk_over_mediators_and_links(name, risk):
    fit = made.case_fit(name, draws=10)
    plan = optimize_budget(fit, total=500.0, periods=4, controls={"price": 10.0}, risk=risk, draws=10)
    assert plan.solution.kkt < 1e-2
    mean = optimize_budget(fit, total=500.0, periods=4, controls={"price": 10.0}, draws=10)
    assert mean.answers["gain"].size == plan.answers["gain"].size
    if risk[0] == "sd":
        problem = budgets.problem_of(fit, periods=4, total=500.0, draws=10, paths=4)
        spread = [
            (problem.whole.evaluate(p.spend.values).lift - problem.whole.evaluate(problem.current).lift).std()
            for p in (plan, mean)
        ]
        assert spread[0] <= spread[1] * (1 + 1e-6)
