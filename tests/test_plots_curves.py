"""Figures of curves and paths: what they show and where, read back from the artists; no pixels."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bayesmmm import plots
from bayesmmm.results import autocorrelation
from bayesmmm.validate import check_ci_prob
from tests import answers_made_up as made
from tests.figures import (
    band_of,
    dots,
    drawn,
    inside,
    legend_words,
    legible,
    line_of,
    quantiles,
    segments,
    tick_texts,
    tick_words,
    whole_figure_is_legible,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# ------------------------------------------------------------------------------------------------------------- curves
@pytest.mark.parametrize("channels", [1, 3, 12])
def test_response_curves_mark_the_present_and_dash_what_was_never_seen(channels):
    dataset = made.curves(channels)
    axes = plots.response_curves(dataset, ci_prob=0.8)
    assert [ax.get_title(loc="left") for ax in axes] == made.LONG[:channels]
    median, lower, upper = quantiles(dataset["outcome"].values, 0.8)
    for i, ax in enumerate(axes):
        spend = dataset["spend"].values[i]
        solid, dashed = (line for line in ax.lines if line.get_color() == "#0072B2")
        # More than 5 % is beyond what was seen from a factor of 1.5: the dashes start at 1.25, the fifth step.
        np.testing.assert_array_equal(solid.get_xdata(), spend[:6])
        np.testing.assert_array_equal(dashed.get_xdata(), spend[5:])
        np.testing.assert_allclose(dashed.get_ydata(), median[i, 5:])
        assert solid.get_linestyle() == "-"
        assert dashed.get_linestyle() == "--"
        assert dots(ax)[0].tolist() == [[spend[4], pytest.approx(median[i, 4])]]
        edge = ax.collections[0].get_paths()[0].vertices
        assert edge[:, 1].max() == pytest.approx(upper[i].max())
        assert edge[edge[:, 0] == spend[3], 1].min() == pytest.approx(lower[i, 3])
    figure = axes[0].figure
    assert (
        figure.get_supxlabel() == "spend in the window (money)\nspend of 2021-01-03 to 2023-12-24, tail included"
    )
    assert figure.get_supylabel() == "outcome gained\nover no spend (money)"
    assert "80 % interval" in legend_words(axes[0])
    whole_figure_is_legible(axes)


def test_response_curves_within_what_was_seen_are_not_dashed():
    dataset = made.curves(3).isel(factor=slice(6))
    axes = plots.response_curves(dataset)
    for i, ax in enumerate(axes):
        solid, dashed = (line for line in ax.lines if line.get_color() == "#0072B2")
        np.testing.assert_array_equal(solid.get_xdata(), dataset["spend"].values[i])
        assert len(dashed.get_xdata()) == 1
    _, given = plt.subplots(1, 3)
    assert list(plots.response_curves(dataset, axes=given)) == list(given)
    assert given[0].get_xlabel().startswith("spend in the window (money)")
    with pytest.raises(ValueError, match="give 3, or none"):
        plots.response_curves(dataset, axes=given[:2])


def test_response_curves_dash_from_the_share_that_the_answer_names():
    dataset = made.curves(1)
    dataset["extrapolated"].attrs["threshold"] = 0.2
    (ax,) = plots.response_curves(dataset)
    solid, _ = (line for line in ax.lines if line.get_color() == "#0072B2")
    # 0.4 (f - 1.3) is above 0.2 from a factor of 2 on.
    np.testing.assert_array_equal(solid.get_xdata(), dataset["spend"].values[0, :8])
    assert "over 20 % beyond what was ever spent" in legend_words(ax)
    del dataset["extrapolated"].attrs["threshold"]
    with pytest.raises(
        ValueError, match=r"attrs\['threshold'\].*the data set that response_curves\(fit\) returns"
    ):
        plots.response_curves(dataset)


def test_response_curves_of_a_channel_without_spend_say_so():
    dataset = made.curves(3)
    idle = dataset["channel"] == made.LONG[1]
    for name in ("spend", "outcome", "extrapolated"):
        dataset[name] = dataset[name].where(~idle, np.nan if name == "extrapolated" else 0.0)
    dataset["extrapolated"].attrs["threshold"] = 0.05
    before, empty, after = plots.response_curves(dataset)
    drawn(empty)
    assert [text.get_text() for text in empty.texts] == ["no spend\nin the window"]
    assert not empty.lines
    assert not empty.collections
    assert tick_words(empty.xaxis) == tick_words(empty.yaxis) == []
    for ax in (before, after):
        assert not ax.texts
        assert len(dots(ax)) == 1


@pytest.mark.parametrize(("channels", "mediators"), [(3, ("google",)), (12, ("google", "queries"))])
def test_decay_has_a_panel_per_channel_and_a_line_per_equation(channels, mediators):
    dataset = made.decay(channels, mediators)
    axes = plots.adstock_decay(dataset, ci_prob=0.8)
    assert [ax.get_title(loc="left") for ax in axes] == [*made.LONG[:channels], *mediators]
    lines = {line.get_label(): line for line in axes[1].lines if line.get_label().startswith("on ")}
    assert list(lines) == [f"on {name}" for name in (*mediators, "revenue")]
    assert len({line.get_linestyle() for line in lines.values()} | {lines["on google"].get_color()}) >= 2
    for equation in (*mediators, "revenue"):
        median, _, _ = quantiles(dataset[equation].sel({f"{equation}.media": made.LONG[1]}).values, 0.8)
        np.testing.assert_allclose(lines[f"on {equation}"].get_ydata(), median)
    assert [line.get_label() for line in axes[-1].lines if line.get_label().startswith("on ")] == ["on revenue"]
    assert legend_words(axes[0])[-2:] == ["lines are medians, bands 80 % intervals", "half is left"]
    assert axes[0].figure.get_supxlabel() == "days since the spend"
    whole_figure_is_legible(axes)


# -------------------------------------------------------------------------------------------------------------- paths
def test_forecast_follows_history_and_marks_where_it_ends():
    data, mean, noisy = made.history(), made.prediction(), made.prediction(noise=True)
    actual = pd.Series(np.arange(5.0), mean["date"].values[:5])
    ax = drawn(plots.forecast(data, mean, noise=noisy, actual=actual, ci_prob=0.8))
    past = line_of(ax, "observed")
    np.testing.assert_array_equal(past.get_ydata(), data.columns["revenue"][0, -52:])
    np.testing.assert_array_equal(past.get_xdata(), data.dates[-52:])
    median, lower, upper = quantiles(mean["revenue"].values, 0.8)
    np.testing.assert_allclose(line_of(ax, "median").get_ydata(), median)
    np.testing.assert_array_equal(line_of(ax, "median").get_xdata(), mean["date"])
    np.testing.assert_allclose(band_of(ax, "80 % interval of the mean"), np.column_stack([lower, upper]))
    _, lower, upper = quantiles(noisy["revenue"].values, 0.8)
    np.testing.assert_allclose(band_of(ax, "80 % interval of new observations"), np.column_stack([lower, upper]))
    np.testing.assert_array_equal(line_of(ax, "what happened").get_ydata(), actual)
    mark = pd.Timestamp(line_of(ax, "history ends 2023-12-24").get_xdata()[0])
    assert data.dates[-1] < mark < pd.Timestamp(mean["date"].values[0])
    assert ax.get_ylabel() == "revenue (money)"
    legible(ax)
    inside(ax, ax.get_legend().get_texts())


def test_forecast_of_a_mediator_from_data_that_hold_what_happened():
    data = made.history()
    before, after = data.between("2021-01-03", "2023-06-25"), data.between("2023-07-02", "2023-12-24")
    mean = made.prediction(len(after.dates), start="2023-07-02")
    del mean.attrs["noise"]
    ax = plots.forecast(before, mean, series="google", actual=after, periods=30)
    assert len(line_of(ax, "observed").get_xdata()) == 30
    np.testing.assert_array_equal(line_of(ax, "what happened").get_ydata(), after.columns["google"][0])
    share = f"{100 * check_ci_prob(None):.3g} % interval"
    assert legend_words(ax) == ["observed", "history ends 2023-06-25", share, "median", "what happened"]
    assert ax.get_ylabel() == "google (money)"


def test_forecast_of_one_period_is_seen():
    ax = drawn(plots.forecast(made.history(), made.prediction(1), ci_prob=0.8))
    _, lower, upper = quantiles(made.prediction(1)["revenue"].values, 0.8)
    (span,) = segments(ax.collections[0])
    np.testing.assert_allclose(span[:, 1], [lower[0], upper[0]])
    assert len(line_of(ax, "observed").get_xdata()) == 26


def test_forecast_refuses_what_cannot_follow():
    data, mean = made.history(), made.prediction()
    with pytest.raises(ValueError, match=r"before it, as data\.between\('2021-01-03', '2023-12-23'\)"):
        plots.forecast(data, made.prediction(start="2023-12-24"))
    with pytest.raises(ValueError, match="2 geos; a forecast is drawn of national data"):
        plots.forecast(made.history(geos=2), mean)
    with pytest.raises(ValueError, match=r"no variable 'sales' in .*'revenue'"):
        plots.forecast(data, mean, series="sales")


def test_what_if_draws_the_change_and_its_running_total():
    dataset = made.scenario()
    top, bottom = plots.what_if(dataset, ci_prob=0.8)
    drawn(top)
    change = dataset["revenue.change"].values
    for ax, draws in ((top, change), (bottom, change.cumsum(-1))):
        median, lower, upper = quantiles(draws, 0.8)
        np.testing.assert_allclose(line_of(ax, "median").get_ydata(), median)
        np.testing.assert_allclose(band_of(ax, "80 % interval"), np.column_stack([lower, upper]))
        assert any(list(line.get_ydata()) == [0.0, 0.0] for line in ax.lines)
        legible(ax)
    assert top.get_ylabel() == "change of\nrevenue (money)"
    assert bottom.get_ylabel() == "running total\nof the change (money)"
    median = quantiles(change.cumsum(-1), 0.8)[0, -1]
    assert bottom.get_title(loc="left").startswith(f"in all {median / 1e3:.0f}k, 80 % interval ")
    assert plots.what_if(dataset, series="google")[0].get_ylabel() == "change of\ngoogle (money)"


def test_a_short_span_names_month_and_year():
    ax = plots.what_if(made.scenario().isel(date=slice(52, 62)))[1]
    drawn(ax)
    words = [text.get_text() for text in tick_texts(ax.xaxis)]
    days = pd.to_datetime([f"{word} 2022" for word in words], format="%d %b %Y")
    assert len(days) >= 3
    assert set(np.diff(days)) == {pd.Timedelta(weeks=2)}, "evenly apart"
    legible(ax)


def test_what_if_of_one_period_is_seen():
    dataset = made.scenario().isel(date=[80])
    day = mpl.dates.date2num(dataset["date"].values[0])
    axes = plots.what_if(dataset, ci_prob=0.8)
    drawn(axes[0])
    _, lower, upper = quantiles(dataset["revenue.change"].values, 0.8)
    for ax in axes:
        (span,) = segments(ax.collections[0])
        np.testing.assert_allclose(span[:, 1], [lower[0], upper[0]])
        assert line_of(ax, "median").get_marker() == "o"
        assert ax.get_xlim() == pytest.approx((day - 1.0, day + 1.0))
    assert tick_words(axes[1].xaxis) == ["2022-07-17"]


def test_what_if_refuses_a_prediction():
    with pytest.raises(ValueError, match=r"give the data set that what_if\(fit\) returns"):
        plots.what_if(made.prediction())
    with pytest.raises(ValueError, match=r"no variable 'searches\.change'"):
        plots.what_if(made.scenario(), series="searches")


# ------------------------------------------------------------------------------------------------------------ manners
def every_figure():
    """One function of a list of axes, and the count of axes, for each figure of one or more panels."""
    parts, residuals = made.decomposition(3), made.residuals()
    system = made.system(3)
    yield 1, lambda axes: plots.residuals(residuals, ax=axes[0])
    yield 1, lambda axes: plots.residual_distribution(residuals, ax=axes[0])
    yield 1, lambda axes: plots.residual_autocorrelation(autocorrelation(residuals), ax=axes[0])
    yield 1, lambda axes: plots.decomposition(parts, ax=axes[0])
    yield 1, lambda axes: plots.waterfall(parts, ax=axes[0])
    yield 1, lambda axes: plots.effects(made.effects(3), ax=axes[0])
    yield 2, lambda axes: plots.accounting(parts, made.effects(3), axes=axes)
    yield 1, lambda axes: plots.roi(made.returns(3), ax=axes[0])
    yield 3, lambda axes: plots.response_curves(made.curves(3), axes=axes)
    yield 4, lambda axes: plots.adstock_decay(made.decay(3), axes=axes)
    yield 1, lambda axes: plots.forecast(made.history(), made.prediction(), ax=axes[0])
    yield 2, lambda axes: plots.what_if(made.scenario(), axes=axes)
    yield 1, lambda axes: plots.causal_graph(system, posterior=made.posterior(system), ax=axes[0])


def test_every_figure_draws_on_the_axes_it_is_given_and_touches_no_global_style():
    style = dict(mpl.rcParams)
    for count, draw in every_figure():
        figure, grid = plt.subplots(1, count, squeeze=False)
        before = set(plt.get_fignums())
        given = list(grid.ravel())
        result = draw(given)
        assert list(np.ravel(np.asarray(result, dtype=object))) == given
        assert set(plt.get_fignums()) == before
        drawn(given[0])
        plt.close(figure)
    assert dict(mpl.rcParams) == style


def test_no_figure_changes_what_it_is_given():
    parts, dataset = made.decomposition(3), made.effects(3)
    plots.decomposition(parts)
    plots.waterfall(parts)
    plots.accounting(parts, dataset)
    plots.effects(dataset)
    assert parts.identical(made.decomposition(3))
    assert dataset.identical(made.effects(3))
