"""The optimiser finds best plans that are known: in closed form, from a fine grid, from conditions of a maximum."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.estimands import predict
from bayesmmm.optimize import optimize_budget
from tests import budgets, made

#: Share of the range of the objective within which a plan counts as the best one.
NEAR = 1e-3


def chosen(fit, plan) -> np.ndarray:
    """Positions of the draws that chose a plan, among those of all chains side by side."""
    posterior = fit.posterior
    others = ~np.isin(posterior["draw"].values, plan.answers["draw"].values)
    return np.flatnonzero(np.tile(others, posterior.sizes["chain"]))


def own(plan):
    return plan.spend.sum("date").values


# ---------------------------------------------------------------------------------------------------- closed form
def split_of_straight_hills(most, half, total):
    """Best split for outcomes ``most * u / (half + u)``: equal slopes, u = sqrt(most * half / price) - half."""
    on = np.ones(len(most), bool)
    while True:
        price = (np.sqrt(most * half)[on].sum() / (total + half[on].sum())) ** 2
        spend = np.where(on, np.sqrt(most * half / price) - half, 0.0)
        if (spend >= 0.0).all():
            return spend, price
        on &= spend > 0.0


@pytest.mark.parametrize("total", [15.0, 400.0, 5000.0])
@pytest.mark.parametrize("names", [("tv", "radio"), budgets.SIX])
def test_straight_hills_in_closed_form(names, total):
    rng = np.random.default_rng(len(names))
    half, share = rng.lognormal(0.0, 0.5, len(names)), rng.uniform(0.05, 0.4, len(names))
    fit = budgets.plain_fit(names, half_saturation=half, contribution=share, draws=4)
    periods = 6
    # The curve tends to its ceiling, and is at half of it at the half-saturation.
    mean = np.array([fit.scales.spend[n][0] for n in names])
    most = np.array([budgets.curve(fit, n, periods)(1e18).mean() for n in names])
    spend, price = split_of_straight_hills(most, half * mean * periods, total)
    plan = optimize_budget(fit, total=total, periods=periods)
    assert_allclose(own(plan), spend, atol=2e-4 * total)
    assert_allclose(own(plan).sum(), total, rtol=1e-6)
    assert_allclose(plan.solution.multiplier, price, rtol=1e-3)
    lift = (most * spend / (half * mean * periods + spend)).sum()
    assert_allclose(plan.answers["lift"].sel(plan="new"), lift, rtol=1e-6)
    assert plan.solution.bound >= plan.solution.objective - 1e-9 * lift
    assert plan.solution.gap <= 2e-3 * lift
    if total == 15.0:  # too little for all: those that return least get nothing
        assert (spend == 0.0).any() == (own(plan) == 0.0).any()


# ----------------------------------------------------------------------------------------------------- brute force
def missed(seed, *, names=budgets.SIX[:3], steps=200, **arguments):
    """How far a plan for S-shaped channels is below the best of a grid, and its bound above, as shares of the range."""
    rng = np.random.default_rng(seed)
    fit = budgets.plain_fit(names, slope=rng.uniform(2.0, 4.0, len(names)), seed=seed)
    periods = int(rng.integers(2, 9))
    size = periods * sum(fit.scales.spend[n][0] for n in names)
    total = float(size * rng.uniform(0.3, 3.0))
    plan = optimize_budget(fit, total=total, periods=periods, **arguments)
    assert_allclose(own(plan).sum(), total, rtol=1e-6)
    draws = chosen(fit, plan)
    values = budgets.mean_curves(fit, periods, np.linspace(0.0, total, steps + 1), draws)
    best, worst = budgets.best_split(values)[0], -budgets.best_split(-values)[0]
    now = sum(budgets.curve(fit, n, 1, every=draws)(plan.current.sel(channel=n)).sum(axis=1).mean() for n in names)
    found = sum(
        budgets.curve(fit, n, periods, every=draws)(u).mean() for n, u in zip(names, own(plan), strict=True)
    )
    assert_allclose(plan.solution.objective, found - now, rtol=1e-6, atol=1e-6 * best)
    return (best - found) / (best - worst), (plan.solution.bound - (best - now)) / (best - worst)


@pytest.mark.parametrize("seed", range(10))
def test_s_shaped_channels_by_brute_force(seed):
    short, spare = missed(seed)
    assert short < NEAR
    assert spare >= -1e-9


@pytest.mark.slow
def test_a_hundred_problems_of_s_shaped_channels():
    found = np.array([missed(100 + seed, steps=400) for seed in range(100)])
    assert (found[:, 0] < NEAR).sum() >= 95
    assert (found[:, 1] >= -1e-9).all()
    assert np.median(found[:, 1]) < 0.01


def test_one_climb_alone_misses_best_plans():
    """Negative control: these problems have several peaks, so that their best plans are not found by chance."""
    assert max(missed(seed, starts=0)[0] for seed in range(5)) > 10 * NEAR


def best_mediated(fit, periods, total, draws, steps=400):
    """Best outcome over a grid of splits of a mediated world that costs `total`, refined around its best point."""
    paid = fit.data.mediators[fit.system.mediators[0]] == "money"

    def cost(spend):
        return spend.sum(axis=0) + (budgets.mediated(fit, periods, spend, draws)[1].mean(axis=0) if paid else 0.0)

    def second(first):
        low, high = np.zeros_like(first), np.full_like(first, total)
        for _ in range(60):  # the cost rises with what the second one spends
            middle = (low + high) / 2.0
            over = cost(np.stack([first, middle])) > total
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        return np.stack([first, low])

    def outcome(first):
        spend = second(first)
        short = np.abs(cost(spend) - total) > 1e-6 * total  # the first one alone costs more
        return np.where(short, -np.inf, budgets.mediated(fit, periods, spend, draws)[0].mean(axis=0))

    low, high, top = 0.0, total, -np.inf
    for _ in range(3):
        grid = np.linspace(low, high, steps + 1)
        values = outcome(grid)
        top, at, gap = max(top, values.max()), grid[values.argmax()], grid[1] - grid[0]
        low, high = max(at - 2.0 * gap, 0.0), min(at + 2.0 * gap, total)
    return top, np.isfinite(values).any()


@pytest.mark.parametrize("mediator", ["queries", "search"])
@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(k, marks=pytest.mark.slow) for k in range(3, 40))])
def test_channels_that_meet_in_a_mediator_by_brute_force(seed, mediator):
    rng = np.random.default_rng(seed)
    slope = tuple(rng.uniform(1.5, 4.0, 3))
    fit = budgets.mediated_fit(mediator, seed=seed, slope=slope, direct=["radio"] if seed % 2 else ())
    periods = 4
    size = periods * sum(fit.scales.spend[n][0] for n in fit.data.media)
    total = float(size * rng.uniform(0.3, 3.0))
    plan = optimize_budget(fit, total=total, periods=periods)
    draws = chosen(fit, plan)
    lift, induced = budgets.mediated(fit, periods, own(plan), draws)
    best, fine = best_mediated(fit, periods, total, draws)
    assert fine
    assert lift.mean() >= best * (1.0 - NEAR)
    assert lift.mean() <= best * (1.0 + 1e-4)  # the grid is fine enough to be a test
    assert plan.solution.bound is None
    assert plan.solution.no_bound
    cost = own(plan).sum() + (induced.mean() if mediator == "search" else 0.0)
    assert_allclose(cost, total, rtol=1e-5)


def test_a_budget_adds_up_where_a_channel_is_set_to_zero():
    fit = budgets.mediated_fit("search", slope=(3.1, 2.2, 1.6))
    plan = optimize_budget(fit, total=140.0, periods=4)
    _, induced = budgets.mediated(fit, 4, own(plan), chosen(fit, plan))
    assert (own(plan) == 0.0).any()
    assert_allclose(own(plan).sum() + induced.mean(), 140.0, rtol=1e-6)


# ------------------------------------------------------------------------------------------ conditions of a maximum
@pytest.mark.parametrize(
    "name", ["no mediator", "censored in a chain", "chain", "lognormal outcome", "censored outcome"]
)
@pytest.mark.parametrize("flighting", ["flat", "free"])
def test_equal_net_marginal_returns(name, flighting):
    """By differences of what plans bring and cost, where no limit holds; and the budget adds up."""
    slopes = {f"{n}.slope": 0.8 for n in made.case(name)[0].order}  # nothing is at zero
    fit = made.case_fit(name, draws=10, values=slopes)
    problem = budgets.problem_of(fit, periods=4, flighting=flighting, paths=4)
    total = 1.2 * problem.whole.cost(problem.current)
    controls = {"price": 10.0} if "price" in fit.system.exogenous else None
    plan = optimize_budget(fit, total=total, periods=4, flighting=flighting, controls=controls)
    problem = budgets.problem_of(fit, periods=4, flighting=flighting, paths=4, total=total)
    spend, out = plan.spend.values, problem.whole
    at = problem.variables.decisions(spend)
    funded = at > 1e-6 * at.max()
    assert funded.sum() >= 2

    def lift(u):
        return out.evaluate(problem.variables.spend(u)).lift.mean()

    def cost(u):
        return u.sum() + out.evaluate(problem.variables.spend(u)).induced.sum(axis=1).mean()

    def slope(f):  # a small step, since mediators that reach zero bend sharply
        return budgets.differences(lambda u: f(np.where(funded, u, at)), np.where(funded, at, 1.0), 1e-5)[funded]

    rise, price = slope(lift), slope(cost)
    net = rise / price
    assert_allclose(net, net.mean(), rtol=1e-4)
    assert_allclose(net, plan.solution.multiplier, rtol=1e-3)
    by_channel = np.bincount(problem.variables.owner[funded], net, len(problem.names)) / np.maximum(
        np.bincount(problem.variables.owner[funded], minlength=len(problem.names)), 1
    )
    on = by_channel > 0.0
    assert_allclose(plan.solution.net_marginal.values[on], by_channel[on], rtol=2e-3)
    assert_allclose(cost(at), total, rtol=1e-6)
    assert plan.solution.kkt <= 1e-4


def test_equal_net_marginal_returns_of_what_is_predicted():
    """The same from predictions alone, induced spend of a paid mediator counted."""
    fit = budgets.mediated_fit("search", slope=(1.0, 1.0, 1.0), direct=["tv"], seed=3)
    plan = optimize_budget(fit, total=900.0, periods=4)
    frame, kept = plan.to_frame(), chosen(fit, plan)

    def sums(frame):
        found = predict(fit, frame).sum("date")
        flat = [found[n].values.ravel()[kept].mean() for n in ("sales", "search")]
        return flat[0], flat[1] + frame[["tv", "radio"]].to_numpy().sum()

    net = []
    for name in ("tv", "radio"):
        (up, dear), (down, cheap) = (sums(frame.assign(**{name: frame[name] * k})) for k in (1.001, 0.999))
        net.append((up - down) / (dear - cheap))
    assert_allclose(net, plan.solution.multiplier, rtol=1e-4)
    assert (own(plan) > 0.0).all()
    idle = sums(frame.assign(tv=0.0, radio=0.0))[1]
    assert_allclose(sums(frame)[1] - idle, 900.0, rtol=1e-6)
    assert own(plan).sum() < 890.0
