"""Reports and figures of exposures: what a thousand brought and cost, beside returns; no count is called money."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import bayesmmm as mm
from bayesmmm.report import compose
from bayesmmm.text import short_number
from tests.exposed import in_units, pair, some_free, with_data
from tests.made import case_fit
from tests.reports import csv, page_of, said, write


@pytest.fixture(scope="module")
def fit():
    """tv is organic, social an exposure with spend, radio money."""
    return some_free(in_units(with_data(case_fit("no mediator", draws=20), case_fit("no mediator").data)))


@pytest.fixture(scope="module")
def report(fit):
    return compose(fit)


def test_the_tables_say_what_a_thousand_brought_and_cost(fit, report):
    found, table = mm.effects(fit), report.tables["per_thousand"].set_index("channel")
    assert table.index.tolist() == ["tv", "social"]
    assert table["counted_in"].tolist() == ["grps", "impressions"]
    expected = mm.summarise(found["per_thousand"].sel(channel=["tv", "social"]), 0.9)
    np.testing.assert_allclose(table[["median", "lower", "upper"]], expected[["median", "lower", "upper"]])
    assert table.loc["social", "cost_per_thousand"] == pytest.approx(4.0)
    assert np.isnan(table.loc["tv", "cost_per_thousand"])
    returns = report.tables["roi"]
    assert set(returns["channel"]) == {"social", "radio"}
    roi = returns[(returns["channel"] == "social") & (returns["quantity"] == "roi")].iloc[0]
    assert table.loc["social", "roi_median"] == pytest.approx(roi["median"])
    assert roi["counted_in"] == "impressions"
    assert roi["spend_unit"] == "money"
    assert "per_thousand" not in compose(with_data(case_fit("no mediator"), case_fit("no mediator").data)).tables


def test_sentences_and_page_tell_units_and_money_apart(report, tmp_path, no_drawing):
    words = said(report)
    assert "A thousand impressions of social brought" in words
    assert "and cost 4.00." in words
    assert "A thousand grps of tv brought" in words
    assert "what they cost is not in the data" in words
    effects = report.tables["effects"].set_index("channel")
    assert np.isnan(effects.loc["tv", "spend"]).all()
    assert (effects.loc["tv", "spend_unit"] == "").all()
    assert "Without tv (" in words
    assert "grps), sales would have been lower" in words
    assert " impressions), sales would have been lower" in words
    assert "tv returned" not in words
    write(report, tmp_path)
    page = page_of(tmp_path)
    assert not page.faults
    assert "What a thousand units brought and cost" in page.text
    assert "act through what was had, not through money" in page.text
    assert "Nothing is known to be paid for tv" in page.text
    assert csv(tmp_path, "per_thousand")["channel"].tolist() == ["tv", "social"]


def test_curves_of_exposures_are_over_money_and_those_of_organic_channels_over_units(fit):
    curves = mm.response_curves(fit)
    axes = mm.plots.response_curves(curves)
    assert [ax.get_title(loc="left") for ax in axes] == ["tv, by grps", "social", "radio"]
    assert "(money); what was had, where a unit is named" in axes[0].figure.get_supxlabel()
    for ax, name, spent in zip(axes, ("tv", "social"), ("units", "spend"), strict=False):
        assert ax.get_xlim()[1] == pytest.approx(float(curves[spent].sel(channel=name).max()))
    plt.close("all")


def test_a_plan_is_drawn_and_printed_with_what_its_money_buys():
    _, units = pair("no mediator", draws=6)
    plan = mm.optimize_budget(units, total=3000.0, periods=4, starts=1, draws=6)
    table, text = plan.table(), str(plan)
    assert "units are what it buys" in text
    assert f"{short_number(table.loc['social', 'units_new'])} impressions" in text
    axes = mm.plots.budget(plan)
    words = " ".join(t.get_text() for t in axes[0].texts)
    assert " impressions" in words
    assert " grps" in words
    plt.close("all")


def test_data_print_what_is_counted_and_where_its_spend_stands(fit):
    text = str(fit.data)
    assert "radio (money), tv (grps, organic), social (impressions, spend in social_cost)" in text
    summary = fit.data.summary()
    assert summary.loc["social", "unit"] == "impressions"
    assert summary.loc["social_cost", ["role", "unit"]].tolist() == ["spend", "money"]
    axes = mm.plots.spend(fit)
    assert "social (channel, impressions)" in [ax.get_title(loc="left") for ax in axes]
    plt.close("all")
