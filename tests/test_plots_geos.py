"""Figures of the geos of a panel: rows, bands, cells and marks are where the numbers are."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import bayesmmm as mm
from bayesmmm import plots, results
from bayesmmm.errors import SettingError
from bayesmmm.results.summaries import flat
from tests import panel_fits, plans_made_up
from tests.gallery import panel
from tests.made import case_fit


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_returns_by_geo_have_a_panel_for_each_channel_and_a_row_for_each_geo():
    fit = panel()
    by_geo, total = mm.roi(fit, by="geo"), mm.roi(fit)
    truth = {"roi[west, tv]": 2.5, "roi[mars, tv]": 9.0}
    axes = plots.roi_by_geo(by_geo, total, truth=truth, ci_prob=0.8)
    assert [ax.get_title(loc="left") for ax in axes] == ["tv", "social", "radio"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(fit.data.geos)
    for channel, ax in zip(["tv", "social", "radio"], axes, strict=True):
        median = by_geo.sel(channel=channel).median(("chain", "draw")).values
        (dots,) = (line for line in ax.lines if line.get_marker() == "o")
        np.testing.assert_allclose(dots.get_xdata(), median)
        low, high = total.sel(channel=channel).quantile([0.1, 0.9]).values
        (band,) = (patch for patch in ax.patches if patch.get_width() > 0)
        np.testing.assert_allclose([band.get_x(), band.get_x() + band.get_width()], [low, high])
    assert [texts(ax) for ax in axes] == [[], [], ["no spend"]]  # south never buys radio
    diamonds = [line.get_xydata().tolist() for line in axes[0].lines if line.get_marker() == "D"]
    assert diamonds == [[[2.5, 2.0]]]


def test_returns_by_geo_without_their_total_have_no_band():
    axes = plots.roi_by_geo(mm.roi(panel(), by="geo"))
    assert all(len(ax.patches) == 0 for ax in axes)
    given = plt.subplots(1, 3)[1]
    assert list(plots.roi_by_geo(panel(), axes=given)) == list(given)
    with pytest.raises(SettingError, match="axes has 1 axes and 3 panels are drawn"):
        plots.roi_by_geo(panel(), axes=[given[0]])


def test_the_map_numbers_every_cell_and_leaves_out_what_was_never_bought():
    fit = panel()
    ax = plots.roi_map(fit)
    median = mm.roi(fit, by="geo").median(("chain", "draw"))
    cells = {tuple(map(round, text.get_position())): text.get_text() for text in ax.texts}
    assert len(cells) == 9
    assert cells[2, 1] == "–"
    for (j, i), text in cells.items():
        if text != "–":
            assert float(text) == pytest.approx(median.values[i, j], rel=0.005)


def test_a_map_of_returns_that_differ_a_lot_is_coloured_by_factors_and_says_so():
    draws = mm.roi(panel(), by="geo")
    wide = draws.where(draws["geo"] != "west", 30.0 * draws)
    figure = plots.roi_map(wide.assign_attrs(draws.attrs)).figure
    bar = figure.axes[1]
    assert bar.get_ylabel().endswith(", log scale")
    figure.draw_without_rendering()
    shown = [label.get_text() for label in bar.get_yticklabels()]
    assert all(set(text) <= set("0123456789.k") for text in shown)
    assert not plots.roi_map(draws).figure.axes[1].get_ylabel().endswith("log scale")


def test_series_by_geo_have_a_panel_each():
    fit = panel()
    axes = plots.predictive_by_geo(fit)
    table = results.predictive_table(fit, "sales")
    assert [ax.get_title(loc="left") for ax in axes] == list(fit.data.geos)
    for geo, ax in zip(fit.data.geos, axes, strict=True):
        (dots,) = (line for line in ax.lines if line.get_marker() == ".")
        np.testing.assert_array_equal(dots.get_ydata(), table.loc[geo, "observed"])
    with pytest.raises(SettingError, match="not by geo and date"):
        plots.predictive_by_geo(table.loc["north"])


def test_period_effects_stand_at_their_medians_beside_the_truth():
    fit = panel()
    draws = fit.posterior["sales.period"]
    truth = flat(draws.isel(chain=0, draw=0).to_dataset(name="sales.period"))
    ax = plots.period_effects(fit, truth=truth)
    by_marker = {line.get_marker(): line.get_ydata() for line in ax.lines if len(line.get_ydata()) > 2}
    np.testing.assert_allclose(by_marker["."], draws.median(("chain", "draw")))
    np.testing.assert_array_equal(by_marker["D"], list(truth.values()))
    assert "sales" in ax.get_ylabel()


def test_what_is_not_there_is_said():
    with pytest.raises(SettingError, match=r"no period effects in this fit.*Panel\(periods='random'\)"):
        plots.period_effects(panel_fits.panel_fit("no period effects"))
    with pytest.raises(SettingError, match="tells the geos of a panel apart"):
        plots.roi_by_geo(case_fit("censored mediator"))


def test_shrinkage_lays_geos_left_to_themselves_above_those_that_are_pooled():
    found = panel_fits.pooled(panel())
    axes = plots.shrinkage(found)
    for channel, ax in zip(found["channel"].values, axes, strict=True):
        rows = [label.get_text() for label in ax.get_yticklabels()]
        none = found["roi"].sel(pooling="none", quantile=0.5, channel=channel).to_series()
        order = none.sort_values(ascending=False, kind="stable", na_position="last").index.tolist()
        assert rows == order
        drawn = {round(float(x), 9) for line in ax.lines for x in np.atleast_1d(line.get_xdata())}
        for pooling in ("partial", "none"):
            medians = found["roi"].sel(pooling=pooling, quantile=0.5, channel=channel).values
            assert {round(float(m), 9) for m in medians[np.isfinite(medians)]} <= drawn
        total = float(found["total"].sel(pooling="partial", quantile=0.5, channel=channel))
        assert round(total, 9) in drawn
    assert "no spend" in [text.get_text() for text in axes[list(found["channel"].values).index("radio")].texts]
    with pytest.raises(SettingError, match=r"plots\.shrinkage\(mm\.sensitivity\.pooling_sensitivity\(fit\)\)"):
        plots.shrinkage(panel())


def test_the_map_of_a_budget_says_what_changes_and_where_nothing_may():
    plan = plans_made_up.panel_plan()
    ax = plots.budget_map(plan)
    now, new = (part.sum("date").values for part in (plan.current, plan.spend))
    found = {tuple(map(round, text.get_position())): text.get_text() for text in ax.texts}
    assert len(found) == 9
    assert found.pop((2, 2)) == "–"
    for (j, i), text in found.items():
        share = float(text.replace("−", "-").removesuffix("%"))
        assert share == pytest.approx(100.0 * (new[i, j] / now[i, j] - 1.0), abs=0.51)
    colours = ax.images[0]
    assert colours.norm(0.0) == pytest.approx(0.5)  # nothing changes where it is white
    assert [label.get_text() for label in ax.get_yticklabels()] == ["north", "south", "west"]
    with pytest.raises(SettingError, match="the plan is of one series"):
        plots.budget_map(plans_made_up.plan())
