"""What each objective promises at its best plan, and the frontier of plans over totals."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.errors import InfeasibleError, SettingError
from bayesmmm.optimize import frontier, optimize_budget
from tests import budgets, made
from tests.test_optimize_known import chosen, own

PERIODS = 4
PRICED = {"price": 10.0}


@pytest.fixture(scope="module")
def plain():
    return budgets.plain_fit(slope=[0.9, 0.7, 0.8], contribution=[0.1, 0.1, 0.2])


@pytest.fixture(scope="module")
def mediated():
    """A paid mediator answers, so that a unit of spend costs more than a unit."""
    return budgets.mediated_fit("search", slope=(0.8, 0.7, 0.9), direct=["tv"])


def rise(fit, plan):
    """Mean outcome and cost (C,) of one more unit of money of each funded channel, by differences; and those of all."""
    draws, at = chosen(fit, plan), own(plan)

    def sums(money):
        if fit.system.mediators:
            lift, induced = budgets.mediated(fit, PERIODS, money, draws)
            return lift.mean(), money.sum() + induced.mean()
        curves = (budgets.curve(fit, n, PERIODS, every=draws) for n in fit.data.media)
        return sum(f(u).mean() for f, u in zip(curves, money, strict=True)), money.sum()

    out = []
    for c in np.flatnonzero(at):
        money = at[c]
        step = 1e-4 * money * (np.arange(len(at)) == c)
        (up, dear), (down, cheap) = sums(at + step), sums(at - step)
        out.append(((up - down) / (2 * step.sum()), (dear - cheap) / (2 * step.sum())))
    return np.array(out).T, sums(at)


@pytest.fixture(params=["plain", "mediated"])
def fit(request):
    return request.getfixturevalue(request.param)


# ------------------------------------------------------------------------------------------------------ profit, rates
@pytest.mark.parametrize("margin", [0.3, 1.0])
def test_profit_goes_on_to_where_the_next_unit_earns_itself_back(fit, margin):
    plan = optimize_budget(fit, periods=PERIODS, objective="profit", margin=margin)
    (outcome, cost), _ = rise(fit, plan)
    assert (own(plan) > 0.0).all()
    assert_allclose(margin * outcome / cost, 1.0, rtol=1e-4)
    assert_allclose(plan.solution.net_marginal * margin, 1.0, rtol=1e-4)
    assert plan.solution.multiplier == 0.0
    assert plan.attrs["margin"] == margin
    if margin == 1.0:  # the default where the outcome is money
        same = optimize_budget(fit, periods=PERIODS, objective="profit")
        assert_allclose(same.spend, plan.spend, rtol=1e-12)


def test_profit_within_a_total(plain):
    free = float(own(optimize_budget(plain, periods=PERIODS, objective="profit")).sum())
    for total in (0.5 * free, 2.0 * free):
        plan = optimize_budget(plain, periods=PERIODS, objective="profit", total=total)
        (outcome, _), _ = rise(plain, plan)
        assert_allclose(own(plan).sum(), total, rtol=1e-6)
        # The price of the total is what the next unit earns beyond itself: negative where too much is to be spent.
        assert_allclose(outcome - 1.0, plan.solution.multiplier, rtol=1e-3, atol=1e-4)
        assert (plan.solution.multiplier > 0.0) == (total < free)
        lift = float(plan.answers["lift"].sel(plan="new").mean())
        assert -1e-9 * lift <= plan.solution.gap <= 0.01 * lift
    loose = optimize_budget(plain, periods=PERIODS, objective="profit", total=(0.0, 2.0 * free))
    assert_allclose(own(loose).sum(), free, rtol=1e-3)
    assert loose.solution.multiplier == 0.0


@pytest.mark.parametrize("rate", [0.8, 2.0])
def test_spend_until_the_next_unit_returns_so_much(fit, rate):
    plan = optimize_budget(fit, periods=PERIODS, target_marginal_roi=rate)
    (outcome, cost), _ = rise(fit, plan)
    assert len(outcome) >= 1
    assert_allclose(outcome / cost, rate, rtol=1e-4)
    assert plan.attrs["target"] == f"next unit returns {rate:g}"
    assert plan.attrs["total"] is None
    capped = optimize_budget(
        fit, periods=PERIODS, target_marginal_roi=rate, total=(None, 0.6 * float(own(plan).sum()))
    )
    (outcome, cost), (_, spent) = rise(fit, capped)
    assert spent == pytest.approx(0.6 * float(own(plan).sum()), rel=1e-6)
    assert (outcome / cost > rate).all()


def test_the_highest_outcome_at_a_return(fit):
    some = optimize_budget(fit, periods=PERIODS, total=600.0)
    _, (lift, cost) = rise(fit, some)
    rate = float(lift / cost)
    plan = optimize_budget(fit, periods=PERIODS, target_roi=rate)
    _, (lift, cost) = rise(fit, plan)
    assert_allclose(lift / cost, rate, rtol=1e-6)
    # The plan for that total is the best for it, so that no more money can bring this return.
    assert_allclose(cost, 600.0, rtol=1e-3)
    assert_allclose(own(plan), own(some), rtol=2e-2)
    assert plan.attrs["target"] == f"ROI of at least {rate:g}"
    assert ("target ROI", rate) in {(limit.kind, limit.value) for limit in plan.solution.binding}
    small = optimize_budget(fit, periods=PERIODS, target_roi=rate, total=(None, 300.0))
    _, (lift, cost) = rise(fit, small)
    assert cost == pytest.approx(300.0, rel=1e-6)
    assert lift / cost > rate


# ---------------------------------------------------------------------------------------------------- spend, ratio
def test_the_least_money_for_a_target(fit):
    best = optimize_budget(fit, periods=PERIODS, total=700.0)
    _, (reached, _) = rise(fit, best)
    problem = budgets.problem_of(fit, periods=PERIODS, paths=4)
    target = float(problem.whole.base().mean() + reached)
    plan = optimize_budget(fit, periods=PERIODS, objective="spend", target=target)
    _, (lift, cost) = rise(fit, plan)
    assert_allclose(problem.whole.base().mean() + lift, target, rtol=1e-6)
    assert_allclose(cost, 700.0, rtol=1e-4)  # least spend for an outcome is most outcome for that spend
    assert_allclose(own(plan), own(best), rtol=2e-2, atol=0.5)
    assert "target" in {limit.kind for limit in plan.solution.binding}
    now = float(problem.whole.cost(problem.current))
    assert_allclose(plan.solution.objective, now - cost, rtol=1e-5)
    kept = optimize_budget(
        fit, periods=PERIODS, objective="spend", target=target, bounds={"tv": (None, 0.9 * own(best)[0])}
    )
    _, (_, more) = rise(fit, kept)
    assert more > cost


def test_a_target_reached_without_any_spend(plain):
    plan = optimize_budget(plain, periods=PERIODS, objective="spend", target=10.0)
    assert float(own(plan).sum()) < 1e-2
    assert "target" not in {limit.kind for limit in plan.solution.binding}


def test_a_target_for_the_worst_draws_costs_more(plain):
    problem = budgets.problem_of(plain, periods=PERIODS, paths=4)
    target = float((problem.whole.base() + problem.whole.evaluate(problem.current).lift).mean())
    mean, careful = (
        optimize_budget(plain, periods=PERIODS, objective="spend", target=target, risk=risk)
        for risk in ("mean", ("sd", 0.3))
    )
    assert float(own(careful).sum()) > float(own(mean).sum())
    for plan, weight in ((mean, 0.0), (careful, 0.3)):
        gain = problem.whole.evaluate(plan.spend.values).lift - problem.whole.evaluate(problem.current).lift
        assert_allclose(gain.mean() - weight * gain.std(), 0.0, atol=2e-4 * target)


def test_the_highest_return_within_a_range(fit):
    plan = optimize_budget(fit, periods=PERIODS, objective="roi", total=(300.0, 2000.0))
    _, (lift, cost) = rise(fit, plan)
    assert 300.0 * (1 - 1e-6) <= cost <= 2000.0 * (1 + 1e-6)
    totals = np.linspace(300.0, 2000.0, 8)
    others = [rise(fit, optimize_budget(fit, periods=PERIODS, total=float(t)))[1] for t in totals]
    assert lift / cost >= max(a / b for a, b in others) * (1 - 1e-5)


def test_the_highest_return_inside_a_range():
    """Slow to start, a channel is best at its tangent through zero: the return has a top that no limit makes."""
    fit = budgets.plain_fit(
        slope=[3.0, 3.0, 3.0], draws=4, half_saturation=[1.0, 1.2, 1.5], contribution=[0.3, 0.02, 0.02]
    )
    plan = optimize_budget(fit, periods=PERIODS, objective="roi", total=(20.0, 3000.0))
    tv = budgets.curve(fit, "tv", PERIODS, every=chosen(fit, plan))
    grid = np.linspace(20.0, 3000.0, 30_001)
    ratio = tv(grid).mean(axis=0) / grid
    assert 20.0 < grid[ratio.argmax()] < 3000.0
    assert_allclose(own(plan)[0], grid[ratio.argmax()], rtol=1e-3)
    assert_allclose(own(plan)[1:], 0.0, atol=1e-2)
    lift, cost = tv(own(plan)[0]).mean(), own(plan).sum()
    assert_allclose(lift / cost, ratio.max(), rtol=1e-6)
    assert plan.solution.kkt < 1e-3


# ---------------------------------------------------------------------------------------------------------- frontier
def test_points_of_the_frontier_are_best_plans(fit):
    totals = [300.0, 600.0, 1200.0]
    found = frontier(fit, totals=totals[::-1], periods=PERIODS)
    assert found["total"].values.tolist() == totals
    for total in totals:
        plan, point = optimize_budget(fit, periods=PERIODS, total=total), found.sel(total=total)
        assert_allclose(point["spend"], own(plan), rtol=1e-3, atol=1e-3 * total)
        new = plan.answers.sel(plan="new")
        assert_allclose(point["lift"], new["lift"], rtol=1e-4)
        assert_allclose(point["cost"], new["cost"], rtol=1e-4)
        assert_allclose(point["roi"], new["lift"] / new["cost"], rtol=2e-4)
        assert_allclose(point["marginal"], plan.solution.multiplier, rtol=2e-3)
        assert_allclose(point["outcome"] - point["lift"], new["outcome"] - new["lift"], rtol=1e-9)
    mean = found.mean(("chain", "draw"))
    assert (mean["outcome"].diff("total") > 0.0).all()
    assert (found["marginal"].diff("total") < 0.0).all()
    assert found.attrs["held_out"] == 1


@pytest.mark.parametrize("name", ["plain", "chain"])
def test_the_marginal_of_the_frontier_is_its_slope(name, plain):
    fit = (
        plain
        if name == "plain"
        else made.case_fit("chain", draws=10, values={"sales.slope": 0.9, "shop.slope": 0.9})
    )
    totals = np.linspace(400.0, 560.0, 9)
    controls = PRICED if name == "chain" else None
    chains, length = fit.posterior.sizes["chain"], fit.posterior.sizes["draw"]
    # All draws choose, so that the outcome shown is that of the draws that chose.
    found = frontier(fit, totals=totals, periods=PERIODS, controls=controls, draws=chains * length)
    assert found.attrs["held_out"] == 0
    outcome = found["outcome"].mean(("chain", "draw")).values
    quotient = (outcome[2:] - outcome[:-2]) / (totals[2:] - totals[:-2])
    assert_allclose(found["marginal"].values[1:-1], quotient, rtol=0.02)
    assert_allclose(found["cost"].mean(("chain", "draw")), totals, rtol=1e-6)


def test_the_frontier_beside_the_current_plan(plain):
    found = frontier(plain, periods=PERIODS)
    problem = budgets.problem_of(plain, periods=PERIODS, paths=4)
    now = float(problem.current.sum())
    assert found.attrs["current_total"] == pytest.approx(now, rel=1e-9)
    assert_allclose(found["total"] / now, [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0], rtol=1e-9)
    at_now = found.sel(total=now, method="nearest")
    assert (at_now["outcome"] - found["current_outcome"]).mean() > 0.0
    assert_allclose(found["current_cost"], now, rtol=1e-9)
    lift = found["current_lift"].sel(chain=0, draw=found["draw"][0])
    draws = np.flatnonzero(plain.posterior["draw"].values == int(found["draw"][0]))
    each = (budgets.curve(plain, n, 1, every=draws) for n in plain.data.media)
    assert_allclose(lift, sum(f(u).sum() for f, u in zip(each, problem.current, strict=True)), rtol=1e-6)


def test_limits_hold_along_the_frontier(plain):
    found = frontier(
        plain, totals=[400.0, 800.0], periods=PERIODS, bounds={"print": (None, 100.0)}, minimum={"tv": 150.0}
    )
    spend = found["spend"]
    assert float(spend.sel(channel="print").max()) <= 100.0 * (1 + 1e-9)
    tv = spend.sel(channel="tv").values
    assert ((tv == 0.0) | (tv >= 150.0 * (1 - 1e-6))).all()
    assert_allclose(spend.sum("channel"), found["total"], rtol=1e-6)


# ------------------------------------------------------------------------------------------- how a target is reached
@pytest.mark.parametrize("holds", ["median", 0.2, 0.8])
def test_a_target_is_reached_in_so_many_draws_at_the_least_spend(fit, holds):
    problem = budgets.problem_of(fit, periods=PERIODS, paths=4)
    outcome = problem.whole.base() + problem.whole.evaluate(problem.current).lift
    target = float(outcome.mean())
    plan = optimize_budget(fit, periods=PERIODS, objective="spend", target=target, target_holds=holds)
    reached = problem.whole.base() + problem.whole.evaluate(plan.spend.values).lift
    share, count = 0.5 if holds == "median" else holds, len(reached)
    tolerance = 1e-6 * target
    assert (reached >= target - tolerance).sum() >= share * count
    assert (reached >= target + tolerance).sum() < share * count + 1  # no money beyond that
    # By brute force: of plans that cost a little less, none reaches it in so many draws.
    cost = problem.whole.cost(plan.spend.values)
    rng, names = np.random.default_rng(0), len(own(plan))
    for _ in range(200):
        other = own(plan) * rng.lognormal(0.0, 0.3, names)
        spend = np.repeat((other / PERIODS)[:, None], PERIODS, axis=1)
        for _ in range(3):
            spend = spend * 0.995 * cost / problem.whole.cost(spend)
        won = problem.whole.base() + problem.whole.evaluate(spend).lift
        assert (won >= target).sum() < share * count
    words = {"median": "in the median"}.get(holds, f"with a probability of {100 * share:.0f} %")
    assert plan.attrs["target"] == f"outcome of at least {target:,.0f}, {words}"
    assert ("target", target) in {(limit.kind, limit.value) for limit in plan.solution.binding}


def test_a_surer_target_costs_more(fit):
    problem = budgets.problem_of(fit, periods=PERIODS, paths=4)
    target = float((problem.whole.base() + problem.whole.evaluate(problem.current).lift).mean())
    ask = {"periods": PERIODS, "objective": "spend", "target": target}
    cost = [problem.whole.cost(optimize_budget(fit, target_holds=p, **ask).spend.values) for p in (0.3, 0.6, 0.9)]
    assert cost[0] < cost[1] < cost[2]


def test_a_sure_target_that_is_out_of_reach(plain):
    problem = budgets.problem_of(plain, periods=PERIODS, paths=4)
    most = float((problem.whole.base() + problem.whole.evaluate(50 * problem.current).lift).max())
    with pytest.raises(InfeasibleError, match=r"the target of .* is out of reach"):
        optimize_budget(
            plain, periods=PERIODS, objective="spend", target=most, target_holds=0.9, bounds=(None, "300%")
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target_holds": 0.8, "total": 700.0}, "leave it out, or pass objective='spend'"),
        (
            {"objective": "spend", "target": 9.0, "target_holds": 1.0},
            "must lie between 0 and 1, as 0.8; or be 'mean'",
        ),
        ({"objective": "spend", "target": 9.0, "target_holds": "often"}, "target_holds='often' must lie between"),
        ({"objective": "spend", "target": 9.0, "target_holds": 0.8, "risk": ("sd", 0.3)}, "give one of them"),
    ],
)
def test_impossible_ways_of_reaching_a_target(plain, arguments, words):
    with pytest.raises(SettingError, match=words):
        optimize_budget(plain, periods=PERIODS, **arguments)
