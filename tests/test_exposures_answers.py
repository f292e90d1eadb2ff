"""Exposures with one cost per unit give the answers of the same draws with spend as the input, and others theirs."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesmmm as mm
from bayesmmm.data import complete_plan, next_dates
from bayesmmm.errors import AnswerError, SettingError
from tests import made
from tests.exposed import (
    COUNTED,
    close,
    fields,
    in_units,
    pair,
    plan_in_money,
    plan_in_units,
    some_free,
    with_data,
)
from tests.panel_fits import plan_of

NATIONAL = ["S-shaped", "censored mediator", "lognormal outcome"]
SOME = {"start": "2023-03-05", "stop": "2023-08-06"}


def national_plan(fit, periods=6, seed=0) -> pd.DataFrame:
    rng, data = np.random.default_rng(seed), fit.data
    rows = rng.integers(0, len(data.dates), periods)
    return pd.DataFrame(
        {"date": next_dates(data, periods)} | {n: data.columns[n][0, rows] for n in fit.system.exogenous}
    )


@pytest.fixture(scope="module", params=[*NATIONAL, "panel", "ragged panel"])
def both(request):
    name = request.param
    money, units = (
        pair("mediated", panel=True, ragged="ragged" in name, draws=4) if "panel" in name else pair(name)
    )
    plan = plan_of(money) if "panel" in name else national_plan(money)
    return money, units, plan, {"by": "geo"} if "panel" in name else {}


@pytest.mark.parametrize("window", ["spend", "outcome"])
def test_effects_and_returns_are_those_of_money(both, window):
    money, units, _, by = both
    for asked in ({}, SOME, by):
        close(mm.effects(money, window=window, **asked), mm.effects(units, window=window, **asked))
        one, other = (mm.marginal_roi(fit, window=window, **asked).to_dataset() for fit in (money, units))
        close(one, other)


def test_curves_decomposition_and_fitted_series_are_those_of_money(both):
    money, units, _, by = both
    close(mm.response_curves(money, factors=[0.5, 1.5], **by), mm.response_curves(units, factors=[0.5, 1.5], **by))
    close(mm.decompose(money), mm.decompose(units))
    close(mm.predict(money, **by), mm.predict(units, **by))
    changed = {"scale": {"tv": 0.3, "social": 1.5}, **SOME, **by}
    close(mm.what_if(money, **changed), mm.what_if(units, **changed))


@pytest.mark.parametrize("write", [plan_in_units, plan_in_money, "both"])
def test_a_plan_in_units_in_money_or_in_both_is_the_plan_in_money(both, write):
    money, units, plan, by = both
    ahead = plan_in_units(plan).assign(**plan_in_money(plan)) if write == "both" else write(plan)
    if write != "both":  # what is left out follows from the last periods, in which the cost is what it always is
        whole = complete_plan(units.data, ahead)
        assert np.allclose(whole["social_cost"], plan["social"], rtol=1e-12, atol=0.0)
    close(mm.predict(money, plan, **by), mm.predict(units, ahead, **by))
    close(mm.effects(money, plan=plan, **by), mm.effects(units, plan=ahead, **by))
    close(mm.marginal_roi(money, plan=plan).to_dataset(), mm.marginal_roi(units, plan=ahead).to_dataset())
    close(mm.response_curves(money, plan=plan), mm.response_curves(units, plan=ahead))


def test_a_channel_without_spend_in_the_window_has_the_step_of_a_typical_period_in_money():
    money, units = pair("no mediator")
    idle = {"tv": np.where(money.data.dates >= "2023-09-01", 0.0, money.data.columns["tv"])}
    money = with_data(money, money.data.replace_columns(idle))
    units = in_units(money)
    one, other = (mm.marginal_roi(fit, start="2023-10-01") for fit in (money, units))
    assert one.attrs["step"] == other.attrs["step"]
    close(one.to_dataset(), other.to_dataset())


# ------------------------------------------------------------------------------------------------- beside the return
def test_a_thousand_units_bring_and_cost_a_thousand_times_what_one_does():
    _, units = pair("no mediator")
    found = mm.effects(units)
    had = units.data.columns["social"].sum()
    assert float(found["units"].sel(channel="social")) == pytest.approx(had)
    assert float(found["cost_per_thousand"].sel(channel="social")) == pytest.approx(1000 * COUNTED["social"][2])
    per = found["per_thousand"].sel(channel="social")
    xr.testing.assert_allclose(per, 1000.0 * found["total"].sel(channel="social") / had)
    # The return is the effect of a thousand over what a thousand cost.
    xr.testing.assert_allclose(per / (1000 * COUNTED["social"][2]), found["roi"].sel(channel="social"))
    assert found["per_thousand"].sel(channel="radio").isnull().all()
    assert json.loads(found["units"].attrs["counted"])["tv"] == "grps"
    assert found["spend"].attrs["unit"] == "money"
    assert "per_thousand" not in mm.effects(units, channels=["radio"], groups={})


def test_the_cost_of_the_window_is_what_was_paid_over_what_was_had_in_it():
    fit = made.case_fit("no mediator", draws=4)
    rng = np.random.default_rng(5)
    cost = {"tv": 0.7, "social": rng.uniform(0.002, 0.008, fit.data.columns["social"].shape)}
    units = in_units(fit, cost)
    found, inside = mm.effects(units, **SOME), (fit.data.dates >= SOME["start"]) & (fit.data.dates <= SOME["stop"])
    paid, had = fit.data.columns["social"][0, inside].sum(), units.data.columns["social"][0, inside].sum()
    social = {"channel": "social"}
    assert float(found["cost_per_thousand"].sel(social)) == pytest.approx(1000.0 * paid / had)
    xr.testing.assert_allclose(found["roi"].sel(social), found["total"].sel(social) / paid)
    # A little more money buys a little more at that cost: the derivative to a factor on the units, over the money.
    step = 1e-5
    more, less = (mm.what_if(units, scale={"social": 1.0 + s}, **SOME)["sales.change"] for s in (step, -step))
    slope = (more - less).sum("date") / (2.0 * step * paid)
    late = mm.marginal_roi(units, **SOME).sel(social)
    assert float(abs(late - slope).max()) < 1e-3 * float(abs(late).max())


def test_what_costs_nothing_is_organic():
    _, units = pair("no mediator")
    organic = some_free(units)
    found = mm.effects(organic)
    tv = found.sel(channel="tv")
    for name in ("roi", "roi_direct", "roi_net", "cost", "spend", "cost_per_thousand"):
        assert tv[name].isnull().all(), name
    xr.testing.assert_allclose(tv["total"], mm.effects(units)["total"].sel(channel="tv"))
    assert float(tv["units"]) == pytest.approx(units.data.columns["tv"].sum())
    assert tv["per_thousand"].notnull().all()
    assert mm.roi(organic)["channel"].values.tolist() == ["social", "radio"]
    with pytest.raises(SettingError, match="counted in grps, not in money"):
        mm.roi(organic, channels=["tv"])
    assert mm.response_curves(organic)["spend"].sel(channel="tv").isnull().all()


def test_without_any_spend_there_is_no_return_and_effects_are_told():
    fit = made.case_fit("no mediator", draws=4)
    named = {"tv": "grps", "social": "impressions", "radio": "spots"}
    fit = with_data(fit, mm.MMMData(**fields(fit.data) | {"columns": fit.data.columns, "units": named}))
    with pytest.raises(AnswerError, match=r"ask effects\(fit\)"):
        mm.roi(fit)
    assert mm.effects(fit)["roi"].isnull().all()
    with pytest.raises(AnswerError, match="no return on spend"):
        mm.optimize_budget(fit, total=100.0, periods=4)


def test_setting_a_column_of_spend_is_refused_with_what_acts():
    _, units = pair("no mediator")
    with pytest.raises(mm.errors.UnknownTermError, match="acts through its impressions; write 'social'"):
        mm.what_if(units, scale={"social_cost": 1.1})
