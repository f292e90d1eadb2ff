"""The bound on all plans: nothing beats it, it is near where it can be, and there is none where there is no reason."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from bayesmmm.optimize import optimize_budget
from bayesmmm.optimize.feasibility import patterns
from bayesmmm.optimize.global_bound import BoundedCurve, ChannelResponse, upper_bound
from bayesmmm.optimize.local_solver import maximise
from bayesmmm.optimize.multistart import fit_in
from tests import budgets, made
from tests.test_optimize_known import chosen, missed

PERIODS = 4
CONCAVE = ["no mediator", "one mediator", "parallel", "short memory"]


def concave_fit(name, slope=0.9, draws=8):
    """All slopes at most 1, and mediators far above zero that push upwards."""
    system, _ = made.case(name)
    values = {f"{n}.slope": slope for n in system.order}
    for n in system.mediators:
        values[f"{n}.sigma"] = 0.02
        values[f"{n}.coefficient"] = dict.fromkeys(system.equation(n).terms(), 0.0) | {"intercept": 0.9}
    return made.case_fit(name, draws=draws, values=values)


def random_plans(problem, total, count, seed=0):
    """Plans that spend a total, most of them far from the middle."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        weight = rng.dirichlet(np.full(problem.variables.size, (0.1, 1.0, 10.0)[k % 3]))
        yield total * weight


# ------------------------------------------------------------------------------------------------------ is it one
@pytest.mark.parametrize("flighting", ["flat", "free"])
@pytest.mark.parametrize("name", CONCAVE)
def test_no_plan_beats_the_bound_where_all_is_concave(name, flighting):
    fit = concave_fit(name)
    controls = {"price": 10.0} if "price" in fit.system.exogenous else None
    plan = optimize_budget(fit, total=600.0, periods=PERIODS, controls=controls, flighting=flighting, starts=1)
    problem = budgets.problem_of(fit, total=600.0, periods=PERIODS, flighting=flighting, paths=4)
    objective = budgets.objective_of(problem, total=600.0)
    best = max(objective.value(other) for other in random_plans(problem, 600.0, 60))
    assert plan.solution.bound >= max(best, plan.solution.objective) - 1e-9 * objective.size
    assert plan.solution.gap == pytest.approx(
        plan.solution.bound - plan.solution.objective, abs=1e-9 * objective.size
    )
    assert plan.solution.gap <= 0.02 * objective.size


def test_a_bound_with_limits_on_sums():
    fit = budgets.plain_fit(slope=[2.5, 1.0, 0.8])
    rules = {
        "groups": {"ab": (["tv", "radio"], (None, 250.0))},
        "linear": [({"print": 1.0, "tv": -3.0}, (None, 100.0))],
        "bounds": {"radio": (30.0, 500.0)},
    }
    plan = optimize_budget(fit, total=600.0, periods=PERIODS, **rules)
    problem = budgets.problem_of(fit, total=600.0, periods=PERIODS, paths=4, **rules)
    objective = budgets.objective_of(problem, total=600.0)
    allowed = [
        u
        for u in random_plans(problem, 600.0, 3000)
        if u[0] + u[1] <= 250.0 and u[2] - 3.0 * u[0] <= 100.0 and 30.0 <= u[1] <= 500.0
    ]
    assert len(allowed) > 20
    best = max(objective.value(u) for u in allowed)
    assert plan.solution.objective >= best - 1e-6 * objective.size
    assert plan.solution.bound >= plan.solution.objective
    # Without the prices of these limits it would be the bound of a freer problem.
    free = optimize_budget(fit, total=600.0, periods=PERIODS)
    assert plan.solution.bound < free.solution.bound


def test_forced_spend_is_not_cut_off():
    """More than all channels could earn back must be spent; still no plan beats the bound."""
    fit = budgets.plain_fit(draws=4)
    for forced in (1e3, 1e5, 1e6):
        plan = optimize_budget(
            fit, periods=PERIODS, objective="profit", groups={"two": (["tv", "radio"], (forced, None))}
        )
        lift = float(plan.answers["lift"].sel(plan="new").mean())
        assert -1e-9 * forced <= plan.solution.gap <= 0.01 * lift
        problem = budgets.problem_of(fit, periods=PERIODS, paths=4)
        objective = budgets.objective_of(problem, objective="profit", total=None)
        for share in np.linspace(0.0, 1.0, 21):
            other = objective.value(np.array([share * forced, (1 - share) * forced, 700.0]))
            assert other <= plan.solution.bound + 1e-9 * forced


@pytest.mark.parametrize("seed", range(4))
def test_every_way_to_settle_an_on_off_limit_gives_a_bound_on_all(seed):
    """Whichever way the solver ended with: what it would cost to switch there is not taken for granted."""
    fit = budgets.plain_fit(draws=4, seed=seed)
    problem = budgets.problem_of(fit, periods=PERIODS, total=300.0, minimum={"tv": 280.0})
    objective = budgets.objective_of(problem, total=300.0)
    ends = [
        maximise(
            objective, way, fit_in(objective, way, problem.variables.decisions(problem.current)), precise=True
        )
        for way in patterns(problem.limits)
    ]
    best = max(end.objective for end in ends)
    assert min(end.objective for end in ends) < best - 0.01 * objective.size
    for end in ends:
        bound, reason = upper_bound(problem, objective, end)
        assert reason == ""
        assert bound >= best - 1e-9 * objective.size


def test_a_bound_from_wrong_curves_is_beaten(monkeypatch):
    """Negative control: with curves a tenth too low, the best plan is above what is said to be possible."""
    right = ChannelResponse.evaluate

    def low(self, spend):
        return tuple(0.9 * each for each in right(self, spend))

    fit = budgets.plain_fit(draws=4)
    monkeypatch.setattr(ChannelResponse, "evaluate", low)
    assert optimize_budget(fit, periods=PERIODS, total=600.0).solution.gap < 0.0
    monkeypatch.undo()
    assert optimize_budget(fit, periods=PERIODS, total=600.0).solution.gap >= 0.0


def test_a_tangent_of_wrong_curves_is_beaten(monkeypatch):
    """Negative control: the tangent bounds what is concave; of S-shaped curves it says nothing."""
    fit = budgets.plain_fit(slope=[4.0, 4.0, 4.0], half_saturation=[2.0, 2.0, 2.0], draws=4)
    monkeypatch.setattr("bayesmmm.optimize.global_bound._not_concave", lambda problem: "")
    monkeypatch.setattr("bayesmmm.optimize.global_bound._adds_up", lambda problem: False)
    problem = budgets.problem_of(fit, periods=PERIODS, total=120.0)
    objective = budgets.objective_of(problem, total=120.0)
    even = maximise(objective, problem.limits, np.full(3, 40.0), precise=False)
    bound, _ = upper_bound(problem, objective, replace(even, decisions=np.full(3, 40.0)))
    best = max(objective.value(u) for u in random_plans(problem, 120.0, 60))
    assert best > bound + 0.01 * objective.size


# ----------------------------------------------------------------------------------------------------- how near it is
def test_the_bound_is_near_where_one_budget_is_all_that_holds():
    """What is left open is the step from curves to their envelope, which is small among a few channels."""
    spare = [missed(seed)[1] for seed in range(6)]
    assert np.median(spare) < 0.02
    assert min(spare) >= -1e-9


@pytest.mark.slow
def test_six_s_shaped_channels():
    """More channels have more peaks than starts are made for: most are found, and the bound tells how far others are."""
    found = np.array([missed(seed, names=budgets.SIX) for seed in range(40)])
    assert (found[:, 0] < 1e-3).mean() >= 0.9
    assert (found[:, 1] >= -1e-9).all()


def test_the_bound_goes_with_the_gain_over_the_current_plan():
    fit = budgets.plain_fit(slope=[0.8, 1.0, 0.9], draws=4)
    for arguments in ({}, {"objective": "profit"}, {"target_marginal_roi": 1.5, "total": (None, 2000.0)}):
        plan = optimize_budget(fit, periods=PERIODS, **{"total": 500.0} | arguments)
        solution = plan.solution
        lift = float(plan.answers["lift"].sel(plan="new").mean())
        assert 0.0 <= solution.gap + 1e-9 * lift <= 3e-3 * lift
        assert solution.bound == pytest.approx(solution.objective + solution.gap)
        assert solution.no_bound == ""
        assert len(chosen(fit, plan)) == solution.draws


# -------------------------------------------------------------------------------------------------- where is none
@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("lognormal, no mediator", {}, "channels multiply under the likelihood of sales"),
        ("censored, no mediator", {}, "channels multiply under the likelihood of deals"),
        ("S-shaped", {}, "S-shaped in some draws, and channels meet in a mediator"),
        ("censored in a chain", {}, "search answers to the channels and is paid"),
        (
            "no mediator",
            {"flighting": "free"},
            "S-shaped in some draws, and every period is a decision of its own",
        ),
        ("lognormal mediator", {"slope": 0.9}, "answers in a curve that is not concave"),
        (
            "negative mediator",
            {"values": {"visits.slope": 0.9, "sales.slope": 0.9}},
            "a mediator reaches zero, or pulls the outcome down",
        ),
        ("one mediator", {"slope": 0.9, "minimum": {"tv": 10.0}}, "all or nothing"),
        ("no mediator", {"risk": ("sd", 0.1)}, "known for the mean outcome or profit of a budget only"),
        ("no mediator", {"total": (100.0, 900.0), "objective": "roi"}, "known for the mean outcome or profit"),
        ("no mediator", {"total": None, "target_roi": 2.0}, "known for the mean outcome or profit"),
    ],
)
def test_no_bound_and_why(name, arguments, reason):
    arguments = dict(arguments)
    slope, values = arguments.pop("slope", None), arguments.pop("values", None)
    fit = made.case_fit(name, values=values) if slope is None else concave_fit(name, slope)
    plan = optimize_budget(
        fit, **{"total": 500.0, "periods": PERIODS, "controls": {"price": 10.0}, "starts": 1} | arguments
    )
    assert plan.solution.bound is None
    assert plan.solution.gap is None
    assert reason in plan.solution.no_bound
    assert len(plan.solution.starts) >= 1


# ------------------------------------------------------------------------------------------------- curves of channels
CURVES = [
    ("no mediator", {"periods": PERIODS}, {}),
    ("no mediator", {"periods": PERIODS}, {"values": {"sales.slope": {"tv": 2.5, "social": 1.0, "radio": 0.5}}}),
    ("no mediator", {"last": 6}, {"values": {"sales.slope": {"tv": 3.0, "social": 0.3, "radio": 1.7}}}),
    ("short memory", {"periods": PERIODS, "mediators": "fixed"}, {"values": {"sales.slope": 2.2}}),
    ("short memory", {"last": 6, "mediators": "fixed"}, {"values": {"sales.slope": 0.6}}),
    ("censored mediator", {"periods": PERIODS, "mediators": "fixed"}, {"values": {"sales.slope": 1.6}}),
]


def curves_of(name, window, made_with):
    window = dict(window)
    fit = made.case_fit(name, **made_with)
    window |= budgets.last_periods(fit, window.pop("last")) if "last" in window else {}
    problem = budgets.problem_of(fit, flighting="historical", **window)
    return problem, [
        ChannelResponse(problem.whole, c, profile, 1.0) for c, profile in enumerate(problem.variables.profile)
    ]


@pytest.mark.parametrize(("name", "window", "made_with"), CURVES)
def test_the_curve_of_a_channel_is_what_it_brings_alone(name, window, made_with):
    problem, curves = curves_of(name, window, made_with)
    amounts = np.array([0.0, 0.3, 10.0, 500.0])
    for c, curve in enumerate(curves):
        only = np.arange(len(curves)) == c
        lifts = [problem.whole.evaluate(problem.variables.spend(money * only)).lift.mean() for money in amounts]
        np.testing.assert_allclose(curve.evaluate(amounts)[0], lifts, rtol=1e-9, atol=1e-9 * max(lifts))


AMOUNTS = np.array([0.0, 0.01, 1.0, 30.0, 200.0, 3000.0])


def broken(curves):
    """How far secants lie outside the bounds on slopes, relative to the steepest, at most."""
    worst = -np.inf
    for curve in curves:
        _, least, most = curve.evaluate(AMOUNTS)
        for j, (left, right) in enumerate(itertools.pairwise(AMOUNTS)):
            fine = np.linspace(left, right, 60)
            rise = np.diff(curve.evaluate(fine)[0]) / np.diff(fine)
            top = max(rise.max(), 1e-12)  # the channel may act on a mediator only
            worst = max(worst, *((least[j] - rise) / top), *((rise - most[j]) / top))
    return worst


@pytest.mark.parametrize(("name", "window", "made_with"), CURVES)
def test_slopes_between_two_points_stay_within_their_bounds(name, window, made_with):
    assert broken(curves_of(name, window, made_with)[1]) < 1e-6


def test_slopes_at_the_ends_are_no_bounds_of_an_s_shaped_curve(monkeypatch):
    """Negative control: without the inflection the steepest part is missed."""
    _, curves = curves_of(*CURVES[1])
    right = ChannelResponse.evaluate

    def ends_only(self, spend):
        value, least, _ = right(self, spend)
        step = 1e-7 * np.maximum(spend, 1.0)
        slope = np.array(
            [np.diff(right(self, u + np.array([0.0, s]))[0])[0] / s for u, s in zip(spend, step, strict=True)]
        )
        return value, least, np.maximum(slope[1:], slope[:-1])

    monkeypatch.setattr(ChannelResponse, "evaluate", ends_only)
    assert broken(curves) > 0.01


def test_a_curve_is_below_its_bound_everywhere():
    for name, window, made_with in CURVES:
        for response in curves_of(name, window, made_with)[1]:
            curve = BoundedCurve(response, 0.0, 900.0, 123.0, False)
            fine = np.linspace(0.0, 900.0, 400)
            value = response.evaluate(fine)[0]
            for price in (-0.1, 0.0, 0.3, 1.0, 5.0):
                for _ in range(4):
                    top, at = curve.above(price)
                    assert top >= (value - price * fine).max() * (1 - 1e-9)
                    curve.divide(at)
                assert curve.reached(price) <= curve.above(price)[0] + 1e-9
