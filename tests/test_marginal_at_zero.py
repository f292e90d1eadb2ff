"""The return on the next unit of a channel that spends nothing: that of a step whose size is said."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesmmm as mm
from tests import panel_fits
from tests.answer_cases import later_dates, plan_of
from tests.made import case_fit
from tests.panel_fits import GEOS

#: Periods after the window in which what a step leaves behind fades.
TAIL = 80
NATIONAL = ["no mediator", "diamond", "linear mediator"]


def with_tail(fit, plan, spend):
    """Plan with this much tv in each of its periods, and none in those after it, in which all else is as on average."""
    later = later_dates(fit, len(plan) + TAIL)[len(plan) :]
    after = pd.DataFrame({"date": later} | {n: plan[n].mean() for n in plan.columns if n != "date"})
    return pd.concat([plan.assign(tv=spend), after.assign(tv=0.0)], ignore_index=True)


@pytest.mark.parametrize("name", NATIONAL)
def test_it_is_what_a_step_gains_over_the_step(name):
    fit = case_fit(name)
    plan = plan_of(fit).assign(tv=0.0)
    found = mm.marginal_roi(fit, plan=plan)
    step = fit.scales.spend["tv"].item()
    funded, not_funded = (
        mm.predict(fit, with_tail(fit, plan, spend))["sales"].sum("date") for spend in (step / len(plan), 0.0)
    )
    assert_allclose(found.sel(channel="tv"), (funded - not_funded) / step, rtol=0.02, atol=1e-3)
    assert found.attrs["step"].startswith("tv: of ")


def test_within_the_data_too():
    """A window of one period, whose step acts until it has faded."""
    fit = case_fit("no mediator")
    early = np.flatnonzero(fit.data.columns["tv"][0, :20] == 0.0)[0]
    day = fit.data.dates[early]
    found = mm.marginal_roi(fit, start=day, stop=day).sel(channel="tv")
    step = fit.scales.spend["tv"].item()
    changed = mm.what_if(fit, do={"tv": step}, start=day, stop=day)["sales.change"].sum("date")
    assert_allclose(found, changed / step, rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("by", [None, "geo"])
def test_of_a_panel_geos_take_their_own_step(by):
    fit = panel_fits.panel_fit("no mediator")
    plan = panel_fits.plan_of(fit).assign(tv=0.0)
    found = mm.marginal_roi(fit, plan=plan, by=by).sel(channel="tv")
    each = []
    for geo in GEOS:
        own = panel_fits.alone(fit, geo)
        each.append(
            mm.marginal_roi(own, plan=panel_fits.of_geo(plan, geo)[["date", *own.system.exogenous]])
            .sel(channel="tv")
            .values
        )
    step, each = fit.scales.spend["tv"], np.stack(each, axis=-1)
    expected = each if by else (each * step).sum(axis=-1) / step.sum()
    assert_allclose(found, expected, rtol=1e-9)


def test_a_slope_below_one_has_a_finite_answer_of_believable_size():
    """The derivative at zero is infinite under such a slope: its mean would be that of the draws nearest to zero."""
    fit = case_fit("no mediator", values={"sales.slope": 0.6})
    plan = plan_of(fit)
    plan["tv"] = 0.0
    found = mm.marginal_roi(fit, plan=plan).sel(channel="tv")
    funded = plan.assign(tv=fit.scales.spend["tv"].item())
    assert float(found.max()) < 20.0 * float(mm.roi(fit, plan=funded).sel(channel="tv").max())


def test_spend_has_the_derivative_as_before():
    fit = case_fit("no mediator")
    found = mm.marginal_roi(fit, plan=plan_of(fit))
    assert "step" not in found.attrs


@pytest.mark.filterwarnings("ignore::bayesmmm.errors.ControlsWarning")
def test_a_plan_that_leaves_a_channel_at_zero_says_the_same():
    fit = case_fit("no mediator", draws=20, values={"sales.slope": 0.6})
    plan = mm.optimize_budget(fit, total=1000.0, periods=6, bounds={"tv": (0.0, 0.0)})
    step = fit.scales.spend["tv"].item()
    funded = mm.optimize_budget(fit, total=1000.0 + step, periods=6, bounds={"tv": (step, step)})
    brought = funded.answers["roi"].sel(plan="new", channel="tv")
    # Channels add up, so that the first step brings what taking it away would lose; what follows the window is spent
    # in proportion to the total, which differs by the step.
    assert_allclose(plan.answers["marginal_roi"].sel(plan="new", channel="tv"), brought, rtol=0.05)
    everything = mm.optimize_budget(
        fit, total=1000.0, periods=6, bounds={"tv": (0.0, 0.0)}, draws=fit.posterior.sizes["draw"] * 2
    )
    assert_allclose(
        everything.solution.net_marginal["tv"],
        everything.answers["marginal_roi"].sel(plan="new", channel="tv").mean(),
        rtol=1e-9,
    )
    assert "of a channel at zero, by a step" in " ".join(str(plan).split())
    assert "of a channel at zero" not in " ".join(str(funded).split())
