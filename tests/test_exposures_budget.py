"""Budgets over exposures decide money: plans, gains and limits are those of spend as the input, and show both."""

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.cli.files import frontier_table
from bayesmmm.data import next_dates
from bayesmmm.errors import NeverSpentError, PlanError, SettingError
from tests import made
from tests.exposed import (
    COUNTED,
    close,
    counted_data,
    fields,
    in_units,
    pair,
    plan_in_money,
    plan_in_units,
    some_free,
    with_data,
)
from tests.test_exposures_answers import national_plan

HOW = {"starts": 1, "draws": 8, "seed": 0}


@pytest.fixture(scope="module")
def national():
    return pair("no mediator", draws=10)


def same_plans(one, other, rtol=1e-8):
    assert np.allclose(one.spend, other.spend, rtol=rtol, atol=rtol * float(one.spend.max()))
    assert np.allclose(one.current, other.current, rtol=1e-10)
    close(one.answers, other.answers, rtol=10 * rtol)
    table = other.table()
    for name, (unit, _, cost) in COUNTED.items():
        had = other.units.sel(plan="new", channel=name)
        assert np.allclose(had, other.spend.sel(channel=name) / cost, rtol=1e-12)
        assert table.loc[name, "unit"] == unit
        assert table.loc[name, "units_new"] == pytest.approx(table.loc[name, "new"] / cost)
    assert one.units is None
    assert "unit" not in one.table()


@pytest.mark.parametrize("flighting", ["flat", "historical"])
def test_the_best_plan_is_that_of_spend_as_the_input(national, flighting):
    asked = {"total": 4000.0, "periods": 6, "flighting": flighting, "change": 0.6, **HOW}
    one, other = (mm.optimize_budget(fit, **asked) for fit in national)
    same_plans(one, other)
    assert float(other.spend.sum()) == pytest.approx(4000.0)
    assert one.solution.bound == pytest.approx(other.solution.bound, rel=1e-6)
    assert "impressions" in str(other)
    assert "impressions" not in str(one)


def test_plans_of_a_past_window_and_of_a_panel_are_those_of_spend_as_the_input(national):
    past = {"total": 4000.0, "start": "2023-06-04", "stop": "2023-07-30", "bounds": ("50%", "200%"), **HOW}
    same_plans(*(mm.optimize_budget(fit, **past) for fit in national))
    panel = pair("no mediator", panel=True, draws=6)
    asked = {"total": 9000.0, "periods": 4, "change": 0.5, **HOW}
    one, other = (mm.optimize_budget(fit, **asked) for fit in panel)
    same_plans(one, other)
    pairs = other.table(by="pair")
    own = pairs[(pairs["geo"] == "west") & (pairs["channel"] == "social")].iloc[0]
    assert own["units_new"] == pytest.approx(own["new"] / COUNTED["social"][2])
    assert other.table(by="geo")["units_new"].isna().all()


def test_a_plan_with_induced_spend_meets_its_total_in_money():
    one, other = (
        mm.optimize_budget(fit, total=9000.0, periods=5, change=0.5, controls={"price": 1.0}, **HOW)
        for fit in pair("censored mediator", draws=10)
    )
    same_plans(one, other)
    assert one.attrs["mediators"] == {"search": "respond"}


# ------------------------------------------------------------------------------------------------------ costs, given
def brute(fit, plan, total):
    """Best division of a total between two channels by their money, tried one by one with `predict`."""
    best, shares = (-np.inf, None), np.linspace(0.0, 1.0, 41)
    for share in shares:
        money = {"tv": share * total, "social": (1.0 - share) * total}
        ahead = plan.assign(
            **{name: value / len(plan) / plan[f"{name}_unit_cost"] for name, value in money.items()}
        )
        answer = mm.predict(fit, ahead.drop(columns=["tv_unit_cost", "social_unit_cost"]))
        gain = float(answer["sales"].sum("date").mean())
        best = max(best, (gain, share))
    return best


def test_a_plan_with_costs_per_period_is_the_best_of_all_that_are_tried():
    fit = made.made_fit(
        mm.MMM([mm.Equation("sales", media=["tv", "social"], max_lag=1)]),
        made.made_data(mm.MMM([mm.Equation("sales", media=["tv", "social"])]), made.frame(3)),
        draws=6,
        values={"sales.slope": 0.8, "sales.half_life": 0.5},
    )
    units = in_units(with_data(fit, fit.data))
    periods, total = 4, 1500.0
    costs = {"tv": np.array([0.3, 0.9, 0.5, 1.4]), "social": np.array([0.002, 0.01, 0.004, 0.006])}
    plan = mm.optimize_budget(units, total=total, periods=periods, cost=costs, starts=2, draws=12, seed=0)
    for name, cost in costs.items():  # money is spread evenly, so that dear periods have fewer units
        assert np.allclose(
            plan.units.sel(plan="new", channel=name) * cost, plan.spend.sel(channel=name), rtol=1e-12
        )
        assert np.ptp(plan.spend.sel(channel=name).values) < 1e-9 * total
    assert float(plan.spend.sum()) == pytest.approx(total)
    about = pd.DataFrame({"date": next_dates(units.data, periods)})
    about = about.assign(tv=0.0, social=0.0, tv_unit_cost=costs["tv"], social_unit_cost=costs["social"])
    gain, share = brute(units, about, total)
    found = mm.predict(units, plan.to_frame())["sales"].sum("date").mean()
    assert float(found) >= gain - 1e-6 * abs(gain)
    assert abs(float(plan.spend.sel(channel="tv").sum()) / total - share) < 0.05


def test_costs_of_a_plan_with_both_columns_are_those_of_its_periods(national):
    _, units = national
    cost = np.linspace(0.002, 0.008, 6)
    plan = plan_in_units(national_plan(units))
    plan["social"] = 100.0 + 1000.0 * np.arange(6)
    plan = plan.assign(social_cost=plan["social"] * cost, tv_cost=plan["tv"] * COUNTED["tv"][2])
    found = mm.optimize_budget(units, plan=plan, total=(0.0, 5000.0), flighting="historical", **HOW)
    assert np.allclose(found.current.sel(channel="social"), plan["social_cost"])
    assert np.allclose(found.units.sel(plan="current", channel="social"), plan["social"])
    assert np.allclose(found.spend.sel(channel="social") / found.units.sel(plan="new", channel="social"), cost)
    frame = found.to_frame()
    assert np.allclose(frame["social"] * cost, frame["social_cost"])
    again = mm.effects(units, plan=frame.reset_index())
    assert np.allclose(again["spend"].sel(channel="social"), found.spend.sel(channel="social").sum())


def test_without_a_given_cost_the_current_plan_is_what_was_had_at_the_mean_cost_of_its_window():
    fit = made.case_fit("no mediator", draws=6)
    rng = np.random.default_rng(2)
    cost = {"tv": 0.7, "social": rng.uniform(0.002, 0.008, fit.data.columns["social"].shape)}
    data = counted_data(fit.data, cost)
    free = data.columns["social"].copy()
    free[0, -2] += 5000.0  # impressions that nobody paid for
    units = with_data(fit, data.replace_columns({"social": free}))
    plan = mm.optimize_budget(units, total=(0.0, 5000.0), periods=8, **HOW)
    paid, had = (units.data.columns[name][0, -8:] for name in ("social_cost", "social"))
    assert np.allclose(plan.units.sel(plan="current", channel="social"), had)
    assert np.allclose(plan.current.sel(channel="social"), had * paid.sum() / had.sum())
    assert float(plan.current.sel(channel="social").sum()) == pytest.approx(paid.sum())


def test_impossible_costs_are_refused_and_the_remedy_works(national):
    _, units = national
    plan = plan_in_units(national_plan(units))
    with pytest.raises(SettingError, match="'radio', which is money, of which one unit costs one"):
        mm.optimize_budget(units, total=900.0, periods=4, cost={"radio": 2.0}, **HOW)
    with pytest.raises(SettingError, match="above 0; for a cost per thousand units divide it by 1000"):
        mm.complete_plan(units.data, plan, cost={"social": 0.0})
    both = plan.assign(**plan_in_money(plan)[["social_cost"]] * 0.004)
    with pytest.raises(PlanError, match="two of units, spend and cost say the third"):
        mm.complete_plan(units.data, both, cost={"social": 0.005})
    assert np.allclose(
        mm.complete_plan(units.data, plan, cost={"social": 0.005})["social_cost"], 0.005 * plan["social"]
    )
    with pytest.warns(mm.errors.UnitWarning, match="thousands beside single units"):
        mm.complete_plan(units.data, plan.assign(social_cost=4.0 * plan["social"]))


def test_a_channel_that_is_organic_is_no_part_of_a_budget():
    _, units = pair("no mediator", draws=6)
    organic, data = some_free(units), units.data
    plan = mm.optimize_budget(organic, total=1500.0, periods=4, **HOW)
    assert plan.spend["channel"].values.tolist() == ["social", "radio"]
    assert np.allclose(plan.to_frame()["tv"], data.columns["tv"][0, -4:])
    with pytest.raises(SettingError, match="counted in grps, not in money"):
        mm.optimize_budget(organic, total=1500.0, periods=4, channels=["tv"], **HOW)
    free = {
        "columns": {**data.columns, "tv_cost": 0.0 * data.columns["tv_cost"]},
        "spend": data.spend,
        "part": True,
    }
    part = with_data(units, mm.MMMData(**fields(data) | free))  # as a geo of a panel may be
    with pytest.raises(NeverSpentError, match="nothing was ever paid for 'tv'"):
        mm.optimize_budget(part, total=1500.0, periods=4, **HOW)


def test_a_frontier_says_what_its_money_buys(national):
    asked = {"totals": [3000.0, 5000.0], "periods": 6, **HOW}
    one, other = (mm.frontier(fit, **asked) for fit in national)
    assert "units" not in one
    close(one, other.drop_vars("units"), rtol=1e-7)
    for name, (unit, _, cost) in COUNTED.items():
        assert np.allclose(other["units"].sel(channel=name), other["spend"].sel(channel=name) / cost, rtol=1e-10)
        assert f'"{name}": "{unit}"' in other["units"].attrs["counted"]
    money = [name for name in other["channel"].values if name not in COUNTED]
    assert other["units"].sel(channel=money).isnull().all()
    table = frontier_table(other, 0.9)
    assert [column for column in table if column.startswith("units[")] == [
        f"units[{name}]" for name in other["channel"].values if name in COUNTED
    ]


def test_a_frontier_of_a_panel_says_it_by_geo():
    _, fit = pair("no mediator", panel=True, draws=6)
    trade = mm.frontier(fit, totals=[9000.0], periods=4, **HOW)
    assert trade["units_by_geo"].dims == ("total", "geo", "channel")
    assert np.allclose(trade["units_by_geo"].sum("geo", skipna=False), trade["units"], equal_nan=True)
    for name, (_, _, cost) in COUNTED.items():
        assert np.allclose(trade["units"].sel(channel=name), trade["spend"].sel(channel=name) / cost)
