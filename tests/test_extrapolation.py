"""Answers say how far their inputs leave what was observed; shares worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from bayesmmm import errors, what_if
from bayesmmm.data import MMMData
from bayesmmm.estimands import EXTRAPOLATED, predict, response_curves
from tests import made
from tests.answer_cases import fit_of, later_dates

CASE = "one mediator"


def plan(fit, **columns):
    """Four periods of the highest spend and the mean of everything else ever observed, with other columns."""
    table = {
        n: v.max() if n in fit.system.channels else v.mean()
        for n, v in fit.data.columns.items()
        if n in fit.system.exogenous
    }
    return pd.DataFrame({**table, **columns}, index=pd.DatetimeIndex(later_dates(fit, 4), name="date"))


def test_a_plan_inside_what_was_seen_extrapolates_nothing():
    fit = fit_of(CASE)
    predicted = predict(fit, plan(fit))
    assert predicted["extrapolated"].input.values.tolist() == list(fit.system.exogenous)
    assert not predicted["extrapolated"].any()
    assert predicted["extrapolated"].attrs["threshold"] == EXTRAPOLATED


def test_of_a_channel_it_is_the_share_of_spend_above_the_highest_period():
    fit = fit_of(CASE)
    channel = fit.system.channels[0]
    highest = fit.data.columns[channel].max()
    predicted = predict(fit, plan(fit, **{channel: highest * np.array([0.5, 1.0, 1.5, 2.0])}))
    assert float(predicted["extrapolated"].sel(input=channel)) == pytest.approx(3.5 / 5.0)
    assert not predicted["extrapolated"].drop_sel(input=channel).any()


@pytest.mark.parametrize("beyond", ["below", "above"])
def test_of_a_control_it_is_the_share_of_periods_outside_its_range(beyond):
    fit = fit_of(CASE)
    control = next(n for n in fit.system.exogenous if n not in fit.system.channels)
    known = fit.data.columns[control]
    outside = known.min() - 1.0 if beyond == "below" else known.max() + 1.0
    values = np.array([known.min(), known.max(), known.mean(), outside])
    predicted = predict(fit, plan(fit, **{control: values}))
    assert float(predicted["extrapolated"].sel(input=control)) == 0.25


def test_fitted_periods_extrapolate_nothing_and_do_not_say_so():
    assert "extrapolated" not in predict(fit_of(CASE))


def test_what_if_speaks_of_what_is_changed_and_agrees_with_the_response_curve():
    fit = fit_of(CASE)
    channel = fit.system.channels[0]
    scenario = what_if(fit, scale={channel: 1.5})["extrapolated"]
    curve = response_curves(fit, factors=[1.5])["extrapolated"]
    assert scenario.input.values.tolist() == [channel]
    assert float(scenario.sel(input=channel)) == float(curve.sel(channel=channel, factor=1.5)) > EXTRAPOLATED
    assert not what_if(fit, scale={channel: 0.5})["extrapolated"].any()


def test_what_if_of_a_plan_speaks_of_the_plan_under_the_scenario():
    fit = fit_of(CASE)
    channel, *others = fit.system.channels
    scenario = what_if(fit, scale={channel: 1.01}, plan=plan(fit))["extrapolated"]
    assert float(scenario.sel(input=channel)) == 1.0
    assert not scenario.sel(input=others).any()


def test_a_mediator_that_is_set_is_compared_with_its_own_range():
    fit = fit_of(CASE)
    mediator = fit.system.mediators[0]
    known = fit.data.columns[mediator]
    held = np.full(known.shape[-1], known.mean())
    held[:13] = known.max() + 1.0
    scenario = what_if(fit, do={mediator: held})["extrapolated"]
    assert float(scenario.sel(input=mediator)) == pytest.approx(13 / len(held))


@pytest.mark.parametrize("name", ["extrapolated", "input"])
def test_a_column_cannot_have_the_name_of_the_mark(name):
    system, _ = made.case(CASE)
    table = made.frame().rename(columns={"price": name})
    with pytest.raises(errors.RoleError, match="rename the column"):
        MMMData.from_frame(table, date="date", outcome="sales", media=list(system.channels), controls=[name])
