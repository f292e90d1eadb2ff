"""Budgets of panels: best plans that are known, sums over geos, limits that hold, and orders that do not matter."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import optimize

from bayesmmm.data import next_dates
from bayesmmm.errors import (
    AnswerSizeError,
    InfeasibleError,
    NeverSpentError,
    PanelError,
    SettingError,
    UnknownTermError,
)
from bayesmmm.estimands import effects, marginal_roi, predict, roi
from bayesmmm.estimands.windows import order_by_tail
from bayesmmm.optimize import frontier, optimize_budget, outcomes, places
from bayesmmm.optimize.global_bound import _not_concave
from bayesmmm.optimize.plan_outcomes import answers_of
from tests import budgets, panel_fits
from tests.panel_budgets import GEOS, brought, curves_of, money, pairs, plain_panel

TOTAL, WEEKS, DRAWS = 3000.0, 6, 20
#: Share of the range of the objective within which a plan counts as the best one.
NEAR = 1e-3


def solved(fit, **arguments):
    return optimize_budget(fit, **{"total": TOTAL, "periods": WEEKS, "draws": DRAWS} | arguments)


def spent(plan) -> dict:
    return dict(zip(pairs(plan), money(plan), strict=True))


@pytest.fixture(scope="module")
def fit():
    return plain_panel(without=[("radio", "south")])


# ------------------------------------------------------------------------------------------------------ best plans
def by_hand(fit, decided, *, total=TOTAL, bounds=None, limits=()):
    """Best split by a solver of its own on what was written down, from several starts."""
    rng = np.random.default_rng(4)
    own = [{"type": "eq", "fun": lambda u: (u.sum() - total) / total}, *limits]
    best, curves = None, curves_of(fit, decided, WEEKS)
    for _ in range(6):
        start = total * rng.dirichlet(np.full(len(decided), 3.0))
        found = optimize.minimize(
            lambda u: -sum(curve(max(x, 1e-9)).mean() for curve, x in zip(curves, u, strict=True)) / 100.0,
            start,
            method="SLSQP",
            bounds=bounds or [(0.0, None)] * len(decided),
            constraints=own,
            options={"ftol": 1e-13, "maxiter": 500},
        )
        if abs(found.x.sum() - total) < 1e-6 * total and (best is None or found.fun < best.fun):
            best = found
    return best.x


def test_the_best_plan_is_that_of_another_solver(fit):
    plan = solved(fit)
    assert pairs(plan) == [("tv", "north"), ("radio", "north"), ("tv", "south"), ("tv", "west"), ("radio", "west")]
    assert_allclose(money(plan), by_hand(fit, pairs(plan)), rtol=2e-3, atol=1e-3 * TOTAL)
    assert_allclose(money(plan).sum(), TOTAL, rtol=1e-9)
    lift = brought(fit, pairs(plan), WEEKS, money(plan))
    assert_allclose(plan.answers["lift"].sel(plan="new").values.ravel(), lift, rtol=1e-9)
    net = plan.solution.net_marginal
    assert_allclose(net[money(plan) > 0.0], plan.solution.multiplier, rtol=1e-3)
    assert 0.0 <= plan.solution.gap + 1e-9 * lift.mean() <= 2e-3 * lift.mean()


@pytest.mark.parametrize(
    ("without", "geos"),
    [
        ([("tv", "north")], None),
        ([("tv", "north"), ("radio", "south")], None),
        ([("tv", "north"), ("tv", "south")], ["north", "south"]),
    ],
    ids=["the first geo lacks the first channel", "two geos lack two", "no geo of the plan has the first"],
)
def test_channels_that_some_geos_lack_are_not_taken_for_others(without, geos):
    """Channels keep the order of the system, whichever of them the first geo of a plan buys."""
    fit = plain_panel(without=without)
    plan = solved(fit, geos=geos)
    decided = [(c, g) for g in geos or GEOS for c in ("tv", "radio") if (c, g) not in without]
    assert pairs(plan) == decided
    assert_allclose(money(plan), by_hand(fit, decided), rtol=2e-3, atol=1e-3 * TOTAL)
    lift = brought(fit, decided, WEEKS, money(plan))
    assert_allclose(plan.answers["lift"].sel(plan="new").values.ravel(), lift, rtol=1e-9)


def test_the_best_plan_within_bounds_is_that_of_another_solver(fit):
    free = spent(solved(fit))
    high = 0.5 * free["tv", "north"]
    limit = {("tv", "north"): (None, high), "radio": (800.0, 900.0)}
    plan = solved(fit, bounds=limit)
    decided = pairs(plan)
    radio = np.array([channel == "radio" for channel, _ in decided])
    bounds = [(0.0, high if pair == ("tv", "north") else None) for pair in decided]
    rows = [
        {"type": "ineq", "fun": lambda u: (u[radio].sum() - 800.0) / 100.0},
        {"type": "ineq", "fun": lambda u: (900.0 - u[radio].sum()) / 100.0},
    ]
    assert_allclose(money(plan), by_hand(fit, decided, bounds=bounds, limits=rows), rtol=2e-3, atol=1e-3 * TOTAL)
    assert spent(plan)["tv", "north"] <= high
    assert 800.0 * (1 - 1e-9) <= money(plan)[radio].sum() <= 900.0 * (1 + 1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_s_shaped_channels_by_brute_force(seed):
    fit = plain_panel(slope=[2.5, 3.0], seed=seed)
    total, steps = 900.0, 150
    plan = solved(fit, total=total)
    grid = np.linspace(0.0, total, steps + 1)
    curves = curves_of(fit, pairs(plan), WEEKS)
    curves = np.array([[curve(max(u, 1e-9)).mean() for u in grid] for curve in curves])
    best, _ = budgets.best_split(curves)
    own = brought(fit, pairs(plan), WEEKS, np.maximum(money(plan), 1e-9)).mean()
    assert own >= best - NEAR * best
    assert plan.solution.bound + plan.answers["lift"].sel(plan="current").mean() >= own - 1e-9 * own


def test_alike_geos_get_the_same(fit):
    plan = solved(plain_panel(alike=True))
    by_geo = plan.spend.sum("date").transpose("geo", "channel").values
    assert_allclose(by_geo, by_geo[[0, 0, 0]], rtol=1e-4)
    assert np.abs(solved(plain_panel()).spend.sum(("date", "channel")).diff("geo")).min() > 1.0  # others do not


def test_free_periods_and_a_profile_are_as_good(fit):
    flat = solved(fit)
    free = solved(fit, flighting="free")
    assert free.solution.objective >= flat.solution.objective * (1 - 1e-4)
    assert free.spend.dims == ("geo", "channel", "date")
    shaped = solved(fit, flighting="historical")
    now = shaped.current / shaped.current.sum("date")
    own = shaped.spend / shaped.spend.sum("date")
    assert_allclose(own.fillna(0.0), now.fillna(0.0).where(own.notnull(), 0.0), atol=1e-12)


# ------------------------------------------------------------------------------------------ one geo, orders, sums
def test_a_panel_of_one_geo_is_national(fit):
    one = solved(fit, geos=["north"], total=800.0)
    two = solved(fit.sel("north"), total=800.0)
    assert_allclose(one.spend.sel(geo="north"), two.spend, rtol=1e-12)
    # The same draws, so that everything of the geo is the same; the outcome has that of the geos that are held, too.
    assert_allclose(one.answers["lift"], two.answers["lift"], rtol=1e-12)
    assert_allclose(one.answers["outcome_by_geo"].sel(geo="north"), two.answers["outcome"], rtol=1e-12)
    for name in ("roi", "marginal_roi", "extrapolated"):
        assert_allclose(one.answers[name], two.answers[name], rtol=1e-9)
        assert_allclose(one.answers[f"{name}_by_geo"].sel(geo="north"), two.answers[name], rtol=1e-9)
    assert_allclose(one.solution.net_marginal, two.solution.net_marginal, rtol=1e-9)
    assert one.solution.bound == pytest.approx(two.solution.bound, rel=1e-9)
    held = predict(fit, one.to_frame(), by="geo")["sales"].sum("date").sel(geo=["south", "west"]).sum("geo")
    assert_allclose(
        one.answers["outcome"].sel(plan="new"), held + two.answers["outcome"].sel(plan="new"), rtol=1e-9
    )
    assert one.attrs["held_geos"] == ("south", "west")
    assert "held as in the current plan: south and west" in str(one)


@pytest.mark.parametrize("arguments", [{}, {"flighting": "free"}, {"geo_totals": {"south": (None, 900.0)}}])
def test_the_order_of_geos_does_not_matter(fit, arguments):
    other = panel_fits.reordered(fit, ("west", "north", "south"))
    one, two = solved(fit, **arguments), solved(other, **arguments)
    assert two.spend["geo"].values.tolist() == ["west", "north", "south"]
    assert_allclose(two.spend.sel(geo=list(GEOS)), one.spend, rtol=1e-3, atol=1e-4 * TOTAL)
    assert_allclose(one.solution.objective, two.solution.objective, rtol=1e-6)


def same(found, expected):
    found, expected = found.transpose(*expected.dims), expected
    assert_allclose(found.values, expected.values, rtol=1e-9, atol=1e-9 * float(np.abs(expected).max()))


@pytest.mark.parametrize("name", panel_fits.NAMES)
def test_a_plan_brings_what_the_other_answers_say(name):
    fit = panel_fits.panel_fit(name, draws=6)
    where = {"plan": panel_fits.plan_of(fit, periods=5), "paths": 2}
    problem = budgets.problem_of(fit, flighting="free", draws=6, **where)
    goal = budgets.objective_of(problem).goal
    found = answers_of(problem, goal, problem.current[:, ::-1]).sel(plan="current")
    joint = effects(fit, **where, by="geo")["joint"].sel(group="all media")
    chosen = {"chain": found["chain"], "draw": found["draw"]}
    same(found["lift_by_geo"], joint.sel(chosen))
    same(found["lift"], joint.sel(chosen).sum("geo"))
    frame = where["plan"].assign(**dict.fromkeys(fit.data.media, 0.0))
    idle = predict(fit, frame, paths=2, by="geo")[fit.system.outcome].sum("date")
    same(found["outcome_by_geo"], (idle + joint).sel(chosen))
    same(found["outcome"], (idle + joint).sum("geo").sel(chosen))
    own = list(problem.channels)
    for function in (roi, marginal_roi):
        whole, by_geo = function(fit, **where), function(fit, **where, by="geo")
        key = function.__name__
        same(found[key], whole.sel(chosen).sel(channel=own))
        theirs = by_geo.sel(chosen).sel(channel=own)
        known = np.isfinite(found[f"{key}_by_geo"]) & np.isfinite(theirs)
        assert bool(known.sum() > 0)
        same(found[f"{key}_by_geo"].where(known, 0.0), theirs.where(known, 0.0))


def test_the_plan_goes_into_other_answers(fit):
    plan = solved(fit, draws=10)
    ahead = predict(fit, plan.to_frame(), by="geo")["sales"].sum("date")
    # All channels act at once, so that nothing is sold after the window.
    same(plan.answers["outcome_by_geo"].sel(plan="new"), ahead.sel(draw=plan.answers["draw"]))
    same(plan.answers["outcome"].sel(plan="new"), ahead.sel(draw=plan.answers["draw"]).sum("geo"))
    frame = plan.to_frame()
    assert frame["geo"].tolist() == [geo for geo in GEOS for _ in range(WEEKS)]
    assert (frame.loc[frame["geo"] == "south", "radio"] == 0.0).all()


# ---------------------------------------------------------------------------------------------------------- slopes
@pytest.mark.parametrize("flighting", ["flat", "free"])
@pytest.mark.parametrize("name", panel_fits.NAMES)
def test_slopes_are_those_of_differences(name, flighting):
    problem = budgets.problem_of(panel_fits.panel_fit(name), flighting=flighting, periods=3)
    objective = budgets.objective_of(problem)
    at = budgets.some_plan(objective)
    slope = objective.slope(at)
    assert len(slope) == 8 * (3 if flighting == "free" else 1) or "radio" not in problem.channels
    assert_allclose(slope, budgets.differences(objective.smooth, at), rtol=1e-6, atol=1e-8 * np.abs(slope).max())


def test_slopes_of_careful_goals_join_the_geos():
    """Risk is judged on the total of a draw, which ties the geos together."""
    problem = budgets.problem_of(plain_panel(), periods=3)
    objective = budgets.objective_of(problem, risk=("cvar", 0.2))
    at = budgets.some_plan(objective)
    slope = objective.slope(at)
    assert_allclose(slope, budgets.differences(objective.smooth, at), rtol=1e-6, atol=1e-8 * np.abs(slope).max())
    apart = budgets.objective_of(budgets.problem_of(plain_panel(), periods=3, geos=["north"]), risk=("cvar", 0.2))
    own = apart.slope(at[:2])
    assert np.abs(own / slope[:2] - 1.0).max() > 1e-3


def test_a_plan_that_mixes_up_its_geos_is_seen(fit, monkeypatch):
    """Negative control: with the rows of another geo, what was written down is not met."""
    kept = places.places_of

    def turned(fit, decided):
        found = kept(fit, decided)
        own = {place.geo: place for place in found}
        return tuple(places.Place(p.number, (p.geo + 1) % len(own), p.rows, p.channels, p.count) for p in found)

    monkeypatch.setattr("bayesmmm.optimize.problem.places_of", turned)
    plan = solved(plain_panel())
    lift = brought(plain_panel(), pairs(plan), WEEKS, money(plan))
    assert np.abs(plan.answers["lift"].sel(plan="new").values.ravel() / lift - 1.0).max() > 1e-2


def test_curves_of_every_geo_are_asked_whether_they_are_concave():
    fit = panel_fits.panel_fit("own curves")
    posterior = fit.posterior.copy(deep=True)
    for name in fit.system.order:
        for parameter in (f"{name}.slope", f"{name}.median_slope"):
            posterior[parameter] = 0.0 * posterior[parameter] + 0.9

    def reason():
        changed = panel_fits.fit_with(fit.system, fit.data, fit.scales, posterior)
        return _not_concave(budgets.problem_of(changed, periods=3))

    assert "S-shaped" not in reason()
    posterior["sales.slope"].loc[{"geo": "west", "sales.media": "social"}] = 1.5
    assert "the curve of social in sales is S-shaped" in reason()


# ---------------------------------------------------------------------------------------------------------- limits
def test_limits_of_geos(fit):
    plan = solved(fit, geo_totals={"north": (None, 500.0), "west": ("120%", None)})
    by_geo = plan.spend.sum(("date", "channel"))
    now = plan.current.sum(("date", "channel"))
    assert float(by_geo.sel(geo="north")) <= 500.0 * (1 + 1e-9)
    assert float(by_geo.sel(geo="west")) >= 1.2 * float(now.sel(geo="west")) * (1 - 1e-9)
    assert "geo north at its upper bound of 500" in map(str, plan.solution.binding)
    assert plan.table(by="geo")["note"]["north"].startswith("at its upper bound of 500")
    decided = pairs(plan)
    north, west = (np.array([geo == name for _, geo in decided]) for name in ("north", "west"))
    rows = [
        {"type": "ineq", "fun": lambda u: (500.0 - u[north].sum()) / 100.0},
        {"type": "ineq", "fun": lambda u: (u[west].sum() - 1.2 * float(now.sel(geo="west"))) / 100.0},
    ]
    assert_allclose(money(plan), by_hand(fit, decided, limits=rows), rtol=2e-3, atol=1e-3 * TOTAL)
    every = solved(fit, geo_totals=("80%", "120%"))
    ratio = every.spend.sum(("date", "channel")) / every.current.sum(("date", "channel"))
    assert float(np.abs(ratio - 1.0).max()) <= 0.2 + 1e-9


def test_changes_of_pairs_and_of_channels(fit):
    each = solved(fit, change=0.1)
    now, new = each.current.sum("date"), each.spend.sum("date")
    assert float((np.abs(new - now) / now.where(now > 0.0)).max()) <= 0.1 + 1e-9
    tv = solved(fit, change={"tv": 0.1})
    ratio = tv.spend.sum(("date", "geo")) / tv.current.sum(("date", "geo"))
    assert abs(float(ratio.sel(channel="tv")) - 1.0) <= 0.1 + 1e-9
    own = tv.spend.sum("date").sel(channel="tv") / tv.current.sum("date").sel(channel="tv")
    assert float(np.abs(own - 1.0).max()) > 0.1  # the total is held, its geos are not
    assert tv.solution.objective > each.solution.objective


def test_groups_sums_and_periods(fit):
    plan = solved(fit, groups={"tests": ([("tv", "north"), ("radio", "west")], (None, 400.0))})
    assert spent(plan)["tv", "north"] + spent(plan)["radio", "west"] <= 400.0 * (1 + 1e-9)
    assert ("group", "tests") in [(limit.kind, limit.name) for limit in plan.solution.binding]
    plan = solved(fit, linear=[({("tv", "north"): 1.0, "radio": -1.0}, (None, 0.0))])
    assert spent(plan)["tv", "north"] <= money(plan)[[c == "radio" for c, _ in pairs(plan)]].sum() * (1 + 1e-9)
    assert any(limit.name == "1 tv in north -1 radio" for limit in plan.solution.binding)
    for flighting in ("flat", "historical", "free"):
        plan = solved(fit, flighting=flighting, period_bounds={"tv": (None, 400.0), ("tv", "north"): (None, 90.0)})
        tv = plan.spend.sel(channel="tv")
        assert float(tv.sum("geo").max()) <= 400.0 * (1 + 1e-6)
        assert float(tv.sel(geo="north").max()) <= 90.0 * (1 + 1e-6)


def test_nothing_or_at_least_in_a_geo(fit):
    plan = solved(fit, total=800.0, minimum={("tv", "west"): 300.0, ("radio", "west"): 250.0})
    for pair, least in {("tv", "west"): 300.0, ("radio", "west"): 250.0}.items():
        assert spent(plan)[pair] == 0.0 or spent(plan)[pair] >= least * (1 - 1e-9)


def test_other_goals_hold_in_total(fit):
    base = solved(fit)
    least = solved(
        fit, total=None, objective="spend", target=float(base.answers["outcome"].sel(plan="new").mean())
    )
    assert_allclose(money(least).sum(), TOTAL, rtol=1e-3)
    assert_allclose(money(least), money(base), rtol=1e-2, atol=5e-3 * TOTAL)
    price = base.solution.multiplier
    margin = solved(fit, total=None, target_marginal_roi=price)
    assert_allclose(money(margin), money(base), rtol=1e-2, atol=5e-3 * TOTAL)


def test_a_frontier_is_made_of_plans(fit):
    trade = frontier(fit, totals=[1500.0, TOTAL], periods=WEEKS, draws=DRAWS)
    plan = solved(fit)
    assert_allclose(trade["spend_by_geo"].sel(total=TOTAL), plan.spend.sum("date"), rtol=1e-3, atol=1e-3 * TOTAL)
    assert_allclose(trade["spend_by_geo"].sum("geo"), trade["spend"], rtol=1e-12)
    assert_allclose(trade["spend"].sum("channel"), trade["total"], rtol=1e-9)
    assert_allclose(trade["lift"].sel(total=TOTAL), plan.answers["lift"].sel(plan="new"), rtol=1e-5)


# ----------------------------------------------------------------------------------------------------- the record
def test_tables_by_channel_geo_and_pair_add_up(fit):
    plan = solved(fit)
    channels, geos, each = (plan.table(by=by) for by in ("channel", "geo", "pair"))
    for table in (channels, geos, each):
        assert_allclose(table["new"][:-1].sum(), TOTAL, rtol=1e-9)
        assert_allclose(table.loc["total", "new"], TOTAL, rtol=1e-9)
    assert_allclose(each[:-1].groupby("channel")["new"].sum()[["tv", "radio"]], channels["new"][:-1], rtol=1e-12)
    assert_allclose(each[:-1].groupby("geo")["current"].sum()[list(GEOS)], geos["current"][:-1], rtol=1e-12)
    lift = plan.answers["lift_by_geo"].sel(plan="new", geo="west") / geos.loc["west", "new"]
    assert_allclose(geos.loc["west", "roi_new"], lift.median(), rtol=1e-9)
    assert_allclose(each.loc["tv in west", "marginal"], plan.solution.net_marginal["west", "tv"])
    assert "radio in south" not in each.index
    text = str(plan)
    assert "held at zero, where nothing was ever spent: radio in south" in text
    assert "by geo, of 3 geos; plan.table(by='pair') has the 5 channels in geos" in text
    assert "north" in plan._repr_html_()


def test_controls_of_a_window_by_geo():
    fit = panel_fits.panel_fit("no mediator")
    dates = next_dates(fit.data, 4)
    table = pd.DataFrame({geo: np.arange(4.0) + i for i, geo in enumerate(fit.data.geos)}, index=dates)
    kwargs = {"total": 500.0, "periods": 4, "starts": 0}
    frame = optimize_budget(fit, controls={"price": table}, **kwargs).to_frame()
    assert frame.loc[frame["geo"] == "west", "price"].tolist() == [2.0, 3.0, 4.0, 5.0]
    by_geo = {geo: table[geo].tolist() for geo in fit.data.geos}
    assert optimize_budget(fit, controls={"price": by_geo}, **kwargs).to_frame().equals(frame)
    alike = optimize_budget(fit, controls={"price": [9.0, 9.5, 10.0, 11.0]}, **kwargs).to_frame()
    assert alike.loc[alike["geo"] == "south", "price"].tolist() == [9.0, 9.5, 10.0, 11.0]


# ----------------------------------------------------------------------------------------------------- refusals
def refused(fit, error, text, **arguments):
    with pytest.raises(error, match=text):
        solved(fit, **arguments)


def test_what_is_not_there_is_refused_and_the_remedy_runs(fit):
    refused(
        fit, NeverSpentError, r"'radio' be spent in geo 'south'.*\(0, 0\)", bounds={("radio", "south"): (0, 100)}
    )
    refused(fit, NeverSpentError, "nothing was ever spent", change={("radio", "south"): 0.3})
    assert_allclose(money(solved(fit, bounds={("radio", "south"): (0, 0)})), money(solved(fit)), rtol=1e-9)
    refused(fit, UnknownTermError, "no channel and geo of the plan", bounds={("tv", "nord"): (0, 100)})
    refused(fit, UnknownTermError, "no channel of the plan", bounds={"north": (0, 100)})
    refused(fit, UnknownTermError, "no geo that the plan decides about.*north", geo_totals={"nord": (0, 100)})
    refused(fit, PanelError, "no geo is called 'nord'.*north", geos=["nord"])
    refused(fit, SettingError, "must be a list of geos", geos="north")
    refused(fit, UnknownTermError, "no geo that the plan", geos=["north"], geo_totals={"south": (0, 100)})
    refused(fit, SettingError, r"write minimum=\{\('tv', 'north'\): 100\}", minimum={"tv": 100.0})
    solved(fit, minimum={("tv", "north"): 100.0})
    with pytest.raises(SettingError, match="by='week' must be"):
        solved(fit, starts=0).table(by="week")


def test_a_national_fit_has_no_geos():
    fit = budgets.plain_fit()
    with pytest.raises(PanelError, match="leave geos out"):
        optimize_budget(fit, total=100.0, periods=3, geos=["north"])
    with pytest.raises(UnknownTermError, match="The fit is of one series"):
        optimize_budget(fit, total=100.0, periods=3, geo_totals={"north": (0, 10)})
    plan = optimize_budget(fit, total=100.0, periods=3)
    with pytest.raises(SettingError, match="this plan is of one series"):
        plan.table(by="geo")
    plan.table()


def test_totals_that_cannot_be_met_together_are_named(fit):
    arguments = {"geo_totals": {geo: (None, 900.0) for geo in GEOS}}
    with pytest.raises(
        InfeasibleError, match="geo north at most 900; geo south at most 900; geo west at most 900"
    ):
        solved(fit, **arguments)
    plan = solved(fit, total=2700.0, **arguments)
    assert_allclose(plan.spend.sum(("date", "channel")), 900.0, rtol=1e-6)
    with pytest.raises(InfeasibleError, match=r"tv in north at least 600.*geo north at most 500"):
        solved(fit, bounds={("tv", "north"): (600.0, None)}, geo_totals={"north": (None, 500.0)})
    solved(fit, bounds={("tv", "north"): (400.0, None)}, geo_totals={"north": (None, 500.0)})


def test_of_a_large_problem_as_many_draws_are_taken_as_memory_allows(monkeypatch):
    fit = budgets.plain_fit(draws=300, chains=2)
    arguments = {"total": 300.0, "periods": 4, "starts": 0}
    assert optimize_budget(fit, **arguments).solution.draws == 300
    query = budgets.problem_of(fit, total=300.0, periods=4).whole.query
    monkeypatch.setattr(outcomes, "LARGEST", 0.9 * outcomes._bytes(order_by_tail(query), query))
    plan = optimize_budget(fit, **arguments)
    assert 200 <= plan.solution.draws < 300
    with pytest.raises(AnswerSizeError, match="pass draws=") as caught:
        optimize_budget(fit, draws=300, **arguments)
    few = int(re.search(r"draws=(\d+)", str(caught.value)).group(1))
    optimize_budget(fit, draws=few, **arguments)


def test_plans_of_geos_that_start_late_or_end_early():
    fit = panel_fits.panel_fit("no mediator", ragged=True)
    dates = fit.data.dates
    late = {"start": dates[-8], "stop": dates[-1], "total": 500.0, "starts": 0}
    with pytest.raises(PanelError, match=r"has no row in \d of the 8 fitted periods.*geos=\[") as caught:
        optimize_budget(fit, **late)
    others = [geo for geo in fit.data.geos if geo != caught.value.value]
    plan = optimize_budget(fit, geos=others, **late)
    assert plan.spend["geo"].values.tolist() == others
    inside = {"start": dates[20], "stop": dates[27]}
    problem = budgets.problem_of(fit, flighting="free", draws=8, **inside)
    found = answers_of(problem, budgets.objective_of(problem).goal, problem.current).sel(plan="current")
    same(found["lift_by_geo"], effects(fit, **inside, by="geo")["joint"].sel(group="all media"))
    ahead = optimize_budget(fit, periods=4, total=500.0, starts=0, controls={"price": 10.0})
    known = predict(fit, ahead.to_frame(), by="geo")["sales"].sum("date").sel(draw=ahead.answers["draw"])
    assert bool(np.isfinite(known).all())


@pytest.mark.parametrize("periods", [4, 10])
def test_a_mediator_is_decided_in_a_geo_that_ended_early(periods):
    """It spends nothing there after the end, as channels do, and may be given money again."""
    fit = panel_fits.panel_fit("censored", ragged=True)
    recorded = fit.data.columns["search"][fit.data.geos.index(panel_fits.EARLY), -periods:]
    arguments = {"periods": periods, "mediators": "decide", "controls": {"price": 10.0}, "starts": 0}
    plan = optimize_budget(fit, total=500.0, **arguments)
    own = plan.current.sel(geo=panel_fits.EARLY, channel="search") / plan.current.attrs["factor"]
    assert np.isnan(recorded).any()
    assert_allclose(own.sum(), np.nansum(recorded), rtol=1e-12)
    assert bool(np.isfinite(plan.answers["outcome"]).all())
