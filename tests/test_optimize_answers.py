"""What a plan is said to bring is what predictions, effects and returns say of it, and their slow rewrite."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from bayesmmm import engine
from bayesmmm.estimands import effects, marginal_roi, predict, roi, what_if
from bayesmmm.optimize import optimize_budget
from bayesmmm.optimize.plan_outcomes import answers_of
from tests import budgets
from tests import reference_answers as reference
from tests.answer_cases import (
    CASES,
    DRAWS,
    dates_of,
    draw_and_residual,
    fit_of,
    paid_of,
    pick,
    plan_of,
    short_fit_of,
)

SOME = ["no mediator", "chain", "censored in a chain", "lognormal outcome, linear mediator", "censored outcome"]


def answers(problem, spend, **goal):
    return answers_of(problem, budgets.objective_of(problem, **goal).goal, spend)


def same(found, expected, size=None):
    """Equal for the draws that a plan is judged by, where the other answer has one: not for a channel without spend."""
    picked = expected.sel(chain=found["chain"], draw=found["draw"])
    assert bool(picked.notnull().any())
    found = found.where(picked.notnull())
    size = np.abs(picked).max() if size is None else size
    assert_allclose(found.values, picked.values, rtol=1e-10, atol=1e-10 * float(size))


def joint(fit, **where):
    return effects(fit, **where)["joint"].sel(group="all media")


def without_spend(fit, plan):
    return plan.assign(**dict.fromkeys(set(fit.data.media) & set(plan.columns), 0.0))


# ------------------------------------------------------------------------------------------------ future windows
@pytest.mark.parametrize("name", CASES)
def test_a_plan_ahead_brings_what_the_other_answers_say(name):
    fit = fit_of(name)
    plan = plan_of(fit, periods=5)
    problem = budgets.problem_of(fit, plan=plan, flighting="free", draws=6)
    names = list(problem.names)
    # Turned round in time, a plan has the same means, which are taken to be spent after it.
    turned = plan.assign(**{n: plan[n].to_numpy()[::-1] for n in names})
    found = answers(problem, turned[names].to_numpy().T)
    assert found.attrs["held_out"] == 1
    outcome = fit.system.outcome
    for label, frame in {"current": plan, "new": turned}.items():
        here, ahead = found.sel(plan=label), {"plan": frame, "paths": 2}
        lift = joint(fit, **ahead)
        same(here["lift"], lift)
        idle = predict(fit, without_spend(fit, frame), paths=2)[outcome].sum("date")
        same(here["outcome"], idle + lift)
        same(here["roi"], roi(fit, **ahead).sel(channel=names))
        same(here["marginal_roi"], marginal_roi(fit, **ahead).sel(channel=names))
    same(found["uplift"], found["lift"].sel(plan="new") - found["lift"].sel(plan="current"))
    assert bool(np.abs(found["uplift"]).max() > 0.0)


@pytest.mark.parametrize("name", SOME)
def test_a_scaled_current_plan_is_that_plan(name):
    """Also after the window, where the means of the scaled plan are taken to be spent, and whatever the flighting."""
    fit = fit_of(name)
    plan = plan_of(fit, periods=5)
    found = optimize_budget(fit, plan=plan, total=900.0, draws=6, paths=2)
    factor, names = found.current.attrs["factor"], list(found.spend["channel"].values)
    scaled = plan.assign(**{n: factor * plan[n] for n in names})
    assert_allclose(found.current, scaled[names].to_numpy().T, rtol=1e-12)
    now, ahead = found.answers.sel(plan="current"), {"plan": scaled, "paths": 2}
    same(now["lift"], joint(fit, **ahead))
    same(now["roi"], roi(fit, **ahead).sel(channel=names))
    same(now["marginal_roi"], marginal_roi(fit, **ahead).sel(channel=names))
    # Means over draws that choose are met, so that on others it is near.
    cost = scaled[names].to_numpy().sum() + (now["induced"].sum("mediator") if paid_of(fit) else 0.0)
    assert_allclose(now["cost"], cost * xr.ones_like(now["cost"]), rtol=1e-10)
    if not paid_of(fit):
        assert_allclose(now["cost"], 900.0, rtol=1e-9)


def test_the_plan_goes_into_other_answers():
    fit = fit_of("chain")
    found = optimize_budget(fit, plan=plan_of(fit, periods=5), total=900.0, draws=6)
    frame = found.to_frame()
    assert frame.index.name == "date"
    assert set(frame.columns) == set(fit.system.exogenous)
    assert_allclose(frame[list(found.spend["channel"].values)].to_numpy().T, found.spend)
    ahead = predict(fit, frame)
    assert_array_equal(ahead["date"], found.spend["date"])
    # Little of what is sold later hangs on what is assumed to be spent then.
    again = roi(fit, plan=frame).sel(
        chain=found.answers["chain"], draw=found.answers["draw"], channel=found.spend["channel"]
    )
    assert_allclose(again, found.answers["roi"].sel(plan="new"), rtol=0.2)
    frame["tv"] = 0.0
    assert found.to_frame()["tv"].sum() == found.spend.sel(channel="tv").sum()


@pytest.mark.parametrize(
    "name", ["chain", "censored in a chain", "lognormal outcome, linear mediator", "linear mediator"]
)
def test_with_mediators_fixed_a_plan_brings_its_direct_part(name):
    fit = fit_of(name)
    plan = plan_of(fit, periods=5)
    problem = budgets.problem_of(fit, plan=plan, mediators="fixed", draws=6)
    found = answers(problem, 0.5 * problem.current).sel(plan="current")
    direct = effects(fit, plan=plan, paths=2)["joint_direct"].sel(group="all media")
    same(found["lift"], direct)
    assert "induced" not in found
    # Negative control: that is not all it brings.
    whole = joint(fit, plan=plan, paths=2).sel(chain=found["chain"], draw=found["draw"])
    assert float(np.abs(found["lift"] - whole).max()) > 1e-3 * float(np.abs(whole).max())


def test_spend_of_induced_mediators_is_that_of_predictions():
    """Without carryover all of it falls into the window."""
    fit = budgets.mediated_fit("search", direct=["tv"])
    plan = budgets.ahead(fit, 4, tv=300.0, radio=500.0)
    found = answers(budgets.problem_of(fit, plan=plan, draws=8), np.full((2, 4), 100.0))
    more = plan.assign(tv=100.0, radio=100.0)
    idle = predict(fit, without_spend(fit, plan))["search"].sum("date")
    for label, frame in {"current": plan, "new": more}.items():
        here = found.sel(plan=label)
        same(here["induced"].sel(mediator="search"), predict(fit, frame)["search"].sum("date") - idle)
        assert_allclose(here["cost"] - here["induced"].sum("mediator"), frame[["tv", "radio"]].to_numpy().sum())


# --------------------------------------------------------------------------------------------------- past windows
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("last", [14, -1], ids=["early", "to the end"])
def test_the_past_brought_what_the_other_answers_say(name, last):
    fit = fit_of(name)
    last = last % len(fit.data.dates)
    where = dates_of(fit, last - 6, last)
    problem = budgets.problem_of(fit, flighting="historical", draws=6, **where)
    now = answers(problem, 0.5 * problem.current).sel(plan="current")
    names = list(problem.names)
    outcome = fit.system.outcome
    idle = what_if(fit, scale=dict.fromkeys(names, 0.0), paths=2, **where)[outcome]
    idle = idle.sel(date=slice(where["start"], where["stop"])).sum("date")
    same(now["lift"], joint(fit, paths=2, **where))
    same(now["outcome"], idle + joint(fit, paths=2, **where))
    same(now["roi"], roi(fit, paths=2, **where).sel(channel=names))
    same(now["marginal_roi"], marginal_roi(fit, paths=2, **where).sel(channel=names))


def behaving(fit):
    """Ways in which mediators behave, one of them that the paid ones are planned."""
    acting = {n for equation in fit.system.equations for n in equation.media}
    return ["respond", "fixed", *([{m: "decide" for m in paid_of(fit) if m in acting}] if paid_of(fit) else [])]


@pytest.mark.parametrize("name", SOME)
def test_past_plans_against_the_slow_rewrite(name):
    fit = short_fit_of(name)
    first, last = 6, 12
    where, rng = dates_of(fit, first, last), np.random.default_rng(8)
    tails = engine.tail_periods(fit.system, fit.parameters(), fit.data.calendar, 1e-3).reshape(2, -1)
    for mediators in behaving(fit) if fit.system.mediators else ["respond"]:
        problem = budgets.problem_of(fit, mediators=mediators, draws=12, flighting="free", **where)
        spend = problem.current * rng.uniform(0.0, 2.0, problem.current.shape)
        found = answers(problem, spend)
        assert found.attrs["held_out"] == 0
        plans = {"current": problem.current, "new": spend, "none": 0.0 * spend}
        for at in DRAWS:
            draw, residual = draw_and_residual(name, at, short=True)
            runs = {key: _run(draw, residual, problem, plan, first, last) for key, plan in plans.items()}
            _compare(
                fit,
                draw,
                problem,
                found,
                runs,
                at,
                slice(first, last + 1),
                slice(first, last + 1 + int(tails[at])),
            )


def _run(draw, residual, problem, plan, first, last):
    """All series under a plan: mediators that are fixed stay, those that are decided are set in the window."""
    do = {m: draw.columns[m] for m, mode in problem.modes.items() if mode == "fixed"}
    for name, values in zip(problem.names, plan, strict=True):
        column = [None] * len(draw.days) if name in problem.modes else list(draw.columns[name])
        column[first : last + 1] = list(values)
        do[name] = column
    return reference.run(draw, residual, do)


def _compare(fit, draw, problem, found, runs, at, inside, counted):
    outcome = fit.system.outcome
    size = 1e-9 * reference_size(draw, outcome)

    def total(key, name, periods):
        return sum(runs[key][name][periods])

    for label in ("current", "new"):
        lift = total(label, outcome, counted) - total("none", outcome, counted)
        assert_allclose(pick(found["lift"], at, plan=label), lift, atol=size, rtol=1e-9)
        whole = total("none", outcome, inside) + lift
        assert_allclose(pick(found["outcome"], at, plan=label), whole, atol=size, rtol=1e-9)
        induced = 0.0
        for m in problem.whole.paid:
            periods = [t for t in range(counted.start, counted.stop) if not _set(problem, m, t, inside)]
            step = sum(runs[label][m][t] - runs["none"][m][t] for t in periods)
            assert_allclose(pick(found["induced"], at, plan=label, mediator=m), step, atol=size, rtol=1e-9)
            induced += step
        own = (problem.current if label == "current" else found_spend(found, problem, runs, label, inside)).sum()
        assert_allclose(pick(found["cost"], at, plan=label), own + induced, atol=size, rtol=1e-9)


def _set(problem, mediator, period, inside):
    mode = problem.modes[mediator]
    return mode == "fixed" or (mode == "decide" and inside.start <= period < inside.stop)


def found_spend(found, problem, runs, label, inside):
    return np.array([runs[label][n][inside] for n in problem.names])


def reference_size(draw, name):
    return sum(abs(v) for v in draw.columns[name])


# -------------------------------------------------------------------------------------------------------- records
def test_shapes_labels_and_sums_of_the_answers():
    fit = fit_of("censored in a chain")
    found = optimize_budget(fit, total=700.0, periods=4, controls={"price": 10.0}, draws=6)
    answers = found.answers
    assert dict(answers.sizes) == {"chain": 2, "draw": 3, "plan": 2, "channel": 2, "mediator": 1}
    assert answers["plan"].values.tolist() == ["current", "new"]
    assert answers["mediator"].values.tolist() == ["search"]
    assert found.solution.draws == found.solution.held_out_draws == 6
    lift, cost = answers["lift"], answers["cost"]
    assert_allclose(answers["uplift"], lift.sel(plan="new") - lift.sel(plan="current"), atol=1e-9)
    assert_allclose(answers["gain"], answers["uplift"], atol=1e-9)
    outcome = answers["outcome"]
    assert_allclose(outcome.sel(plan="new") - outcome.sel(plan="current"), answers["uplift"], atol=1e-8)
    assert_allclose(cost.sel(plan="new"), found.spend.sum() + answers["induced"].sel(plan="new").sum("mediator"))
    assert 0.0 <= found.p_overspend <= 1.0
    assert found.attrs["total"] == 700.0
    assert_allclose(found.solution.held_out, answers["gain"].mean(), rtol=1e-9)


@pytest.mark.parametrize(
    ("goal", "gain"),
    [
        ({"objective": "profit", "margin": 0.4}, lambda a, c: 0.4 * a["uplift"] - (c[1] - c[0])),
        ({"target_marginal_roi": 1.5}, lambda a, c: a["uplift"] - 1.5 * (c[1] - c[0])),
        ({"objective": "spend", "target": 5000.0}, lambda a, c: c[0] - c[1]),
        (
            {"objective": "roi", "total": (300.0, 900.0)},
            lambda a, c: a["lift"][..., 1] / c[1] - a["lift"][..., 0] / c[0],
        ),
    ],
)
def test_gains_are_in_terms_of_the_goal(goal, gain):
    fit = budgets.mediated_fit("search", direct=["tv"])
    total = goal.pop("total", None)
    problem = budgets.problem_of(fit, periods=4, draws=8)
    found = answers(problem, np.full((2, 4), 50.0), total=total, **goal)
    cost = found["cost"].transpose("plan", ...)
    assert_allclose(found["gain"], gain(found, list(cost)), rtol=1e-9)


def test_draws_that_choose_do_not_judge():
    fit = fit_of("no mediator")
    found = optimize_budget(fit, total=500.0, periods=4, controls={"price": 10.0}, draws=6)
    judged = found.answers["draw"].values
    problem = budgets.problem_of(fit, periods=4, draws=6)
    assert not set(judged) & set(problem.whole.query.coords["draw"])
    assert set(judged) | set(problem.whole.query.coords["draw"]) == set(fit.posterior["draw"].values)
    everything = optimize_budget(fit, total=500.0, periods=4, controls={"price": 10.0}, draws=12)
    assert everything.solution.held_out is None
    assert everything.answers.attrs["held_out"] == 0
    assert_allclose(everything.solution.objective, everything.answers["gain"].mean(), rtol=1e-9)


def test_dates_of_a_window():
    fit = fit_of("monthly")
    found = optimize_budget(fit, total=500.0, periods=4, controls={"price": 10.0}, draws=6)
    expected = pd.date_range(fit.data.dates[-1], periods=5, freq="MS")[1:]
    assert_array_equal(found.spend["date"], expected)
    assert_array_equal(found.frame.index, expected)
    assert (found.attrs["start"], found.attrs["stop"]) == (f"{expected[0]:%Y-%m-%d}", f"{expected[-1]:%Y-%m-%d}")
    assert found.attrs["window"] == "future"
    past = optimize_budget(fit, total=500.0, draws=6, **dates_of(fit, 20, 24))
    assert_array_equal(past.spend["date"], fit.data.dates[20:25])
    assert past.attrs["window"] == "past"
    assert_allclose(
        past.current / past.current.attrs["factor"],
        [fit.data.columns[n][0, 20:25] for n in past.spend["channel"].values],
    )
