"""Parts of plans: they add up to the prediction, and go on from those of the history without a step."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesmmm as mm
from bayesmmm.errors import PlanError
from tests import made
from tests import reference_answers as reference
from tests.panel_fits import panel_fit, plan_of

CASES = (
    "chain",
    "linear in a mediator",
    "lognormal mediator",
    "lognormal outcome",
    "censored outcome",
    "short memory",
)
AHEAD = 8


def plan_after(fit, seed=5):
    dates = fit.data.dates
    table = made.frame(seed, periods=AHEAD, start=str((dates[-1] + (dates[1] - dates[0])).date()))
    return table.set_index("date")[list(fit.system.exogenous)]


@pytest.mark.parametrize("name", CASES)
def test_parts_of_a_plan_add_up_to_its_prediction(name):
    fit = made.case_fit(name, draws=2)
    plan = plan_after(fit)
    predicted = mm.predict(fit, plan)
    for n in fit.system.order:
        parts, size = mm.decompose(fit, n, plan=plan), fit.scales.size[n][0]
        assert_allclose(parts["mean"], predicted[n], rtol=1e-9, atol=1e-9 * size)
        assert_allclose(parts["contribution"].sum("component"), parts["mean"], atol=1e-8 * size)
        assert parts["date"].values.tolist() == predicted["date"].values.tolist()
        assert parts["observed"].isnull().all()


@pytest.mark.parametrize("name", CASES)
def test_parts_of_the_history_are_the_same_with_a_plan(name):
    fit = made.case_fit(name, draws=2)
    plan, start = plan_after(fit), fit.data.dates[20]
    for n in fit.system.order:
        both, past = mm.decompose(fit, n, plan=plan, start=start), mm.decompose(fit, n, start=start)
        known = both.sel(date=past["date"])
        size = 1e-9 * fit.scales.size[n][0]
        for key in ("contribution", "mean", "observed"):
            assert_allclose(known[key], past[key], rtol=1e-9, atol=size)
        assert both.sizes["date"] == past.sizes["date"] + AHEAD
        ahead = mm.decompose(fit, n, plan=plan)
        assert_allclose(both.sel(date=ahead["date"])["contribution"], ahead["contribution"], atol=size)


@pytest.mark.parametrize(
    "name", ["chain", "linear in a mediator", "lognormal mediator", "lognormal outcome", "short memory"]
)
def test_there_is_no_step_where_the_future_begins(name):
    """Parts of history and future are those of one series that is as long as both, run through in one go."""
    fit, at = made.case_fit(name, draws=2), (1, 0)
    plan, n = plan_after(fit), fit.system.outcome
    drawn = mm.predict(fit, plan, noise=True)
    columns = {c: plan[c].to_numpy() for c in plan}
    columns |= {m: drawn[m].isel(chain=at[0], draw=at[1]).values for m in fit.system.order}
    draw = reference.extended(reference.read_draw(fit, *at), columns, plan.index.to_numpy())
    expected, mean = reference.decompose(draw, n, reference.residuals(draw))
    parts = mm.decompose(fit, plan=plan, start=fit.data.dates[0], paths=1)
    near = {"rtol": 1e-8, "atol": 1e-8 * fit.scales.size[n][0]}
    for (_, _, _, label), values in expected.items():
        found = parts["contribution"].sel(component=label).isel(chain=at[0], draw=at[1])
        assert_allclose(found, values, err_msg=label, **near)
    assert_allclose(parts["mean"].isel(chain=at[0], draw=at[1]), mean, **near)


def test_with_what_is_carried_in_a_channel_that_stops_fades():
    fit = made.case_fit("one mediator", draws=3)
    stop = plan_after(fit).assign(tv=0.0, social=0.0)
    parts = mm.decompose(fit, plan=stop, start=fit.data.dates[-1])["contribution"]
    for label in ("tv", "social", "tv via queries", "social via queries"):
        values = parts.sel(component=label)
        assert (values.isel(date=1) > 0.0).all()  # carry-over of the history, which stands in no plan
        assert (values.isel(date=-1) < values.isel(date=1)).all()


def test_by_month_the_month_of_the_join_has_both():
    fit = made.case_fit("one mediator", draws=2)
    plan, start = plan_after(fit), fit.data.dates[0]
    each = mm.decompose(fit, plan=plan, start=start)
    months = mm.decompose(fit, plan=plan, start=start, freq="month")
    sums = each["contribution"].groupby(each["date"].dt.strftime("%Y-%m")).sum()
    assert_allclose(months["contribution"].transpose(..., "date"), sums.transpose(..., "strftime"), rtol=1e-9)


@pytest.mark.parametrize("name", ["lognormal", "censored", "sigma per geo"])
@pytest.mark.parametrize("by", [None, "geo"])
def test_on_panels(name, by):
    fit, by = panel_fit(name, draws=2), {} if by is None else {"by": by}
    plan = plan_of(fit)
    predicted = mm.predict(fit, plan, **by)
    for n in fit.system.order:
        size = fit.scales.size[n].sum()
        parts = mm.decompose(fit, n, plan=plan, start=fit.data.dates[-3], **by)
        ahead = parts.sel(date=predicted["date"])
        assert_allclose(ahead["mean"], predicted[n], rtol=1e-9, atol=1e-9 * size)
        past = mm.decompose(fit, n, start=fit.data.dates[-3], **by)
        assert_allclose(parts.sel(date=past["date"])["contribution"], past["contribution"], atol=1e-9 * size)


def test_a_ragged_panel_has_all_of_its_geos_ahead():
    fit = panel_fit(ragged=True, draws=2)
    plan = plan_of(fit)
    parts, predicted = mm.decompose(fit, plan=plan, by="geo"), mm.predict(fit, plan, by="geo")
    assert_allclose(parts["mean"], predicted["sales"], rtol=1e-9)
    assert np.isfinite(parts["contribution"]).all()


def test_a_plan_that_does_not_follow_is_refused():
    fit = made.case_fit("one mediator", draws=2)
    late = plan_after(fit)
    late.index = late.index + pd.Timedelta(days=7)
    with pytest.raises(PlanError, match="start at"):
        mm.decompose(fit, plan=late)


def test_figures_of_a_plan_say_nothing_of_what_was_observed():
    fit = made.case_fit("one mediator", draws=3)
    ahead = mm.decompose(fit, plan=plan_after(fit))
    both = mm.decompose(fit, plan=plan_after(fit), start=fit.data.dates[30])

    def words(ax):
        return [text.get_text() for text in ax.get_legend().get_texts()]

    assert "observed" not in words(mm.plots.waterfall(ahead))
    assert "observed" in words(mm.plots.waterfall(mm.decompose(fit)))
    line = next(line for line in mm.plots.decomposition(both).lines if line.get_label() == "observed")
    assert np.isnan(line.get_ydata()).sum() == AHEAD
