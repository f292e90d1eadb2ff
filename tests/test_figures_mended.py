"""Figures that stand alone: even dates, months as means, terms by name, room for panels; tables printed whole."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import plots
from bayesmmm.equations import Fourier
from bayesmmm.equations.text import term_words
from bayesmmm.errors import SettingError
from bayesmmm.plots.axis import even_dates
from bayesmmm.progress import silent, telling
from tests.figures import legend_words
from tests.made import case_fit


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fit():
    return case_fit("chain", draws=20)


@pytest.mark.parametrize("days", [1, 9, 40, 100, 200, 500, 1100, 2500, 9000])
@pytest.mark.parametrize("most", [4, 8])
def test_dates_are_evenly_apart_few_and_inside(days, most):
    first = pd.Timestamp("2022-11-09")
    last = first + pd.Timedelta(days=days)
    at, words = even_dates(first, last, most)
    assert 1 <= len(at) <= most + 1
    assert first <= at[0] <= at[-1] <= last
    months = 12 * at.year + at.month
    even = [np.diff(at.to_numpy()), np.diff(months) if (at.day == 1).all() else np.arange(2)]
    assert any(len(set(steps.tolist())) <= 1 for steps in even)
    assert len(set(at.strftime(words))) == len(at), "no label twice"


def test_months_are_means_of_their_weeks_not_sums(fit):
    """A month of five Sundays is no better than one of four."""
    parts = mm.decompose(fit, freq="month")
    held = parts["periods"].values
    assert set(held) == {4, 5}
    assert held.sum() == len(fit.data.dates)
    ax = plots.decomposition(parts)
    assert ax.get_ylabel() == "sales per week, mean of each month (money)"
    observed = next(line for line in ax.lines if line.get_label() == "observed")
    weekly = pd.Series(fit.data.columns["sales"][0], fit.data.dates)
    np.testing.assert_allclose(observed.get_ydata(), weekly.groupby(weekly.index.to_period("M")).mean())
    tops = {round(bar.get_x()): bar.get_y() + bar.get_height() for bar in ax.patches}
    np.testing.assert_allclose(list(tops.values()), parts["mean"].mean(("chain", "draw")) / held)


def test_waves_of_a_season_have_names():
    assert [term_words(label) for label in Fourier(365.25, 1).labels()] == [
        "yearly season, sine 1",
        "yearly season, cosine 1",
    ]
    assert term_words(Fourier(91, 1).labels()[0]) == "season of 91 days, sine 1"
    for name in ("price", "a@b", "sin@7", "single@7", "intercept"):
        assert term_words(name) == name


def test_an_interval_is_seen_below_many_dots():
    """Dots of daily values are small and light; of few periods they are as they were."""
    dates = pd.date_range("2020-01-01", periods=1500, name="date")
    table = pd.DataFrame({"observed": 1.0, "median": 1.0, "lower": 0.5, "upper": 1.5}, dates)
    dots = [
        next(line for line in plots.predictive(part).lines if line.get_label() == "observed")
        for part in (table, table[:100])
    ]
    assert dots[0].get_markersize() < 0.5 * dots[1].get_markersize()
    assert dots[0].get_alpha() < 1.0
    assert dots[1].get_alpha() is None


def test_a_figure_without_room_grows_when_it_is_saved(fit, tmp_path):
    axes = plots.parameters(fit)
    figure = axes[0].get_figure(root=True)
    figure.set_size_inches(1.5, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.save(axes, tmp_path / "a.png", dpi=20)
    assert figure.get_figwidth() > 3.0


def test_marks_of_a_response_curve_are_in_its_legend(fit):
    axes = plots.response_curves(mm.response_curves(fit, factors=[0.5, 1.5]))
    assert "spend as it is in the window" in legend_words(axes[0])


def test_shares_of_spend_and_effect_stand_side_by_side(fit):
    """Grey bars add up to one, blue ones are medians of the share in the sum of a draw, and the ROI stands beside."""
    lost = mm.effects(fit)
    ax = plots.shares(lost, ci_prob=0.8)
    spend = lost["spend"].to_series().sort_values(ascending=False, kind="stable")
    assert [label.get_text() for label in ax.get_yticklabels()] == spend.index.tolist()
    effect = (lost["total"] / lost["total"].sum("channel")).median(("chain", "draw")).to_series()[spend.index]
    widths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(widths[: len(spend)], spend / spend.sum())
    np.testing.assert_allclose(widths[len(spend) :], effect)
    roi = mm.roi(fit).median(("chain", "draw")).to_series()[spend.index]
    written = [float(text.get_text().removeprefix("ROI ").replace("−", "-")) for text in ax.texts]
    np.testing.assert_allclose(written, roi, rtol=0.01)
    assert legend_words(ax) == ["of the spend", "of the effect", "80 % interval"]
    with pytest.raises(SettingError, match="no spend in the window"):
        plots.shares(lost.assign(spend=0.0 * lost["spend"]))


def test_tables_print_every_column(fit):
    table = fit.summary()
    with pd.option_context("display.max_columns", 3, "display.width", 40, "display.max_rows", 10):
        for part in (table, table.head(), mm.summarise(mm.roi(fit))):
            head, first = str(part).splitlines()[:2]
            assert head.split() == list(part.columns)
            assert len(first.split()) == 1 + part.shape[1]
            assert "..." not in head
        assert "rows x" in str(table), "long ones are cut as pandas is told to"
        assert len(str(table).splitlines()) < 20
    with pd.option_context("display.max_rows", None):
        assert len(str(table).splitlines()) == 1 + len(table)


def test_a_bar_tells_the_step_it_is_at(capsys):
    with telling(3, "report", progress=True, first="answers") as tell:
        tell("figures")
        tell("page")
    said = capsys.readouterr()
    assert said.out == ""
    assert "report" in said.err
    assert "3/3" in said.err
    with telling(3, "report", progress=False) as tell:
        assert tell is silent
