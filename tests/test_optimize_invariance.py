"""What must not change a plan: units of money, the order of channels, threads; and what must not stop one."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from bayesmmm.data import MONEY
from bayesmmm.errors import NeverSpentError
from bayesmmm.optimize import optimize_budget, outcomes
from tests import budgets, made


def shares(plan):
    return plan.spend / plan.spend.sum()


# ------------------------------------------------------------------------------------------------ units and order
def in_other_money(data, factor):
    """The same data in a smaller currency."""
    money = [*data.media, *(m for m, unit in data.mediators.items() if unit == MONEY)]
    money += [data.outcome] if data.outcome_unit == MONEY else []
    return data.replace_columns({n: factor * data.columns[n] for n in money})


@pytest.mark.parametrize("name", ["no mediator", "censored in a chain", "censored outcome"])
@pytest.mark.parametrize("goal", ["outcome", "profit", "roi"])
def test_a_thousandth_of_the_currency(name, goal):
    system, data = made.case(name)
    plans = []
    for factor in (1.0, 1000.0):
        fit = made.made_fit(system, in_other_money(data, factor), draws=6, seed=1)
        arguments = {
            "outcome": {"total": 500.0 * factor, "change": 0.6},
            "profit": {
                "objective": "profit",
                "margin": 1.0 if data.outcome_unit == MONEY else 2.0 * factor,
                "total": (1.0, 800.0 * factor),
            },
            "roi": {"objective": "roi", "total": (300.0 * factor, 900.0 * factor)},
        }[goal]
        plans.append(optimize_budget(fit, periods=4, controls={"price": 10.0}, **arguments))
    one, thousand = plans
    assert_allclose(shares(thousand), shares(one), atol=1e-6)
    assert_allclose(thousand.spend.sum(), 1000.0 * one.spend.sum(), rtol=1e-6)
    money = 1000.0 if data.outcome_unit == MONEY or goal == "profit" else 1.0
    money /= 1000.0 if goal == "roi" else 1.0
    assert_allclose(thousand.solution.objective, money * one.solution.objective, rtol=1e-6, atol=1e-9)


def test_the_order_of_channels():
    slope = np.array([0.8, 2.5, 1.5])
    orders = [("tv", "radio", "print"), ("print", "tv", "radio"), ("radio", "print", "tv")]
    plans = [
        optimize_budget(budgets.plain_fit(slope=slope, order=order), total=900.0, periods=4, change={"tv": 0.9})
        for order in orders
    ]
    assert plans[1].spend["channel"].values.tolist() == list(orders[1])
    for plan in plans[1:]:
        assert_allclose(shares(plan), shares(plans[0]).sel(channel=plan.spend["channel"]), atol=1e-4)
        assert_allclose(plan.solution.objective, plans[0].solution.objective, rtol=1e-6)
        assert_allclose(plan.solution.bound, plans[0].solution.bound, rtol=1e-2)


# ------------------------------------------------------------------------------------------------ repeated calls
def identical(one, other):
    xr.testing.assert_identical(one.spend, other.spend)
    xr.testing.assert_identical(one.answers, other.answers)
    assert one.frame.equals(other.frame)
    same = ("objective", "held_out", "starts", "multiplier", "kkt", "bound", "binding", "iterations")
    for field in same:
        assert getattr(one.solution, field) == getattr(other.solution, field), field


@pytest.mark.parametrize("flighting", ["flat", "free"])
def test_the_same_call_gives_the_same_plan_bit_by_bit(flighting):
    fit = made.case_fit("censored in a chain", draws=10)
    call = {
        "total": 500.0,
        "periods": 4,
        "controls": {"price": 10.0},
        "flighting": flighting,
        "risk": ("cvar", 0.3),
    }
    one, other = (optimize_budget(fit, seed=3, **call) for _ in range(2))
    identical(one, other)


def test_chunks_and_threads_change_nothing(monkeypatch):
    fit = made.case_fit("censored in a chain", draws=10)
    call = {"total": 500.0, "periods": 4, "controls": {"price": 10.0}, "start": None}
    whole = optimize_budget(fit, **call)
    alone = outcomes._split
    monkeypatch.setattr(outcomes, "_split", lambda periods: _fifths(len(periods)))
    assert len(alone(np.ones(20))) == 1
    pieces = optimize_budget(fit, **call)
    problem = budgets.problem_of(fit, periods=4)
    assert len(problem.whole._chunks) == 5
    assert_allclose(pieces.spend, whole.spend, rtol=1e-5)
    assert_allclose(pieces.answers["outcome"], whole.answers["outcome"], rtol=1e-6)
    monkeypatch.setattr(outcomes, "processors", lambda: 1)  # one thread after the other
    identical(pieces, optimize_budget(fit, **call))


def _fifths(count):
    return [slice(k * count // 5, (k + 1) * count // 5) for k in range(5)]


def test_seeds_move_starts_and_residual_paths_only():
    fit = budgets.plain_fit(slope=[1.5, 2.0, 0.8])
    one, other = (optimize_budget(fit, total=800.0, periods=4, seed=seed) for seed in (0, 1))
    assert_allclose(shares(one), shares(other), atol=1e-4)
    assert_allclose(one.answers["outcome"], other.answers["outcome"], rtol=1e-5)


# ------------------------------------------------------------------------------------------- channels at zero now
@pytest.mark.parametrize("flighting", ["flat", "historical", "free"])
@pytest.mark.parametrize("slope", [0.7, 1.0, 2.0])
def test_a_channel_without_spend_can_be_funded(flighting, slope):
    fit = budgets.plain_fit(slope=[1.0, slope, 1.0], contribution=[0.05, 0.4, 0.05], draws=6)
    plan = budgets.ahead(fit, 4, tv=200.0, radio=0.0, print=200.0)
    plan.loc[0, "tv"] = 120.0
    found = optimize_budget(fit, plan=plan, total=400.0, flighting=flighting)
    radio = found.spend.sel(channel="radio")
    assert found.current.sel(channel="radio").sum() == 0.0
    assert radio.sum() > 50.0
    assert found.solution.objective > 0.0
    if flighting == "historical":  # evenly, where there is no profile
        assert_allclose(radio, radio.mean(), rtol=1e-12)
        tv = found.spend.sel(channel="tv")
        assert_allclose(tv / tv.sum(), found.current.sel(channel="tv") / found.current.sel(channel="tv").sum())
    assert np.isnan(found.answers["roi"].sel(plan="current", channel="radio")).all()
    assert_allclose(found.spend.sum(), 400.0, rtol=1e-6)


def test_a_current_plan_without_any_spend():
    fit = budgets.plain_fit(draws=6)
    nothing = budgets.ahead(fit, 4, tv=0.0, radio=0.0, print=0.0)
    now = budgets.ahead(fit, 4, tv=10.0, radio=30.0, print=60.0)
    found, same = (optimize_budget(fit, plan=plan, total=700.0) for plan in (nothing, now))
    assert found.current.attrs["factor"] == 1.0
    assert_allclose(found.spend, same.spend, atol=0.1)
    assert_allclose(found.answers["lift"].sel(plan="current"), 0.0, atol=1e-9)
    assert found.p_better == 1.0


def test_a_channel_never_spent_is_refused_by_the_data():
    table = budgets.table(("print", "radio", "tv")).assign(radio=0.0)
    with pytest.raises(NeverSpentError, match="radio"):
        budgets.plain_fit(table_of=lambda *_, **__: table)
