"""Figures of answers: what they show and where, read back from the artists; no pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from bayesmmm import plots
from bayesmmm.plots.parts import RED
from bayesmmm.results import autocorrelation
from bayesmmm.results.summaries import checked_ci_prob
from tests import answers_made_up as made
from tests.figures import dots, drawn, overlapping, tick_texts


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def legend_words(ax):
    legend = ax.get_legend() or ax.figure.figure.legends[0]
    return [text.get_text() for text in legend.get_texts()]


def quantiles(draws, ci_prob):
    """(median, lower, upper) on the first axis, by NumPy alone; chain and draw come first."""
    flat = np.asarray(draws).reshape(-1, *draws.shape[2:])
    return np.quantile(flat, [0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2], axis=0)


def segments(collection):
    return np.array(collection.get_segments())


def legible(ax):
    """Assert that no tick labels lie on each other."""
    assert overlapping(tick_texts(ax.xaxis)) == []
    assert overlapping(tick_texts(ax.yaxis)) == []


def inside(ax, texts):
    """Assert that texts lie on the figure."""
    whole = ax.figure.figure.bbox
    for text in texts:
        at = text.get_window_extent()
        assert whole.x0 <= at.x0, text
        assert at.x1 <= whole.x1, text
        assert whole.y0 <= at.y0, text
        assert at.y1 <= whole.y1, text


# ---------------------------------------------------------------------------------------------------------- residuals
def test_residuals_stand_at_their_dates_with_intervals():
    draws = made.residuals()
    ax = drawn(plots.residuals(draws, ci_prob=0.8))
    median, lower, upper = quantiles(draws.values, 0.8)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), median)
    np.testing.assert_array_equal(ax.lines[-1].get_xdata(), draws.date)
    np.testing.assert_allclose(segments(ax.collections[0])[:, :, 1], np.column_stack([lower, upper]))
    assert ax.lines[0].get_ydata() == [0.0, 0.0]
    assert ax.get_ylabel() == "residual of revenue\n(residual sd)"
    assert legend_words(ax) == ["80 % interval", "median"]
    legible(ax)


def test_residuals_refuse_a_panel_and_a_table():
    draws = made.residuals()
    with pytest.raises(ValueError, match=r"give what residuals\(fit\) returns, of one geo"):
        plots.residuals(draws.expand_dims(geo=["north"]))
    with pytest.raises(
        ValueError, match=r"a DataFrame was given.*give the DataArray that residuals\(fit\) returns"
    ):
        plots.residuals(draws.mean("draw").to_pandas())


def test_residual_distribution_counts_posterior_means():
    draws = made.residuals()
    ax = drawn(plots.residual_distribution(draws))
    means = draws.values.mean((0, 1))
    heights = np.array([patch.get_height() for patch in ax.patches])
    edges = np.array([patch.get_x() for patch in ax.patches])
    width = ax.patches[0].get_width()
    counts = [((means >= x) & (means < x + width)).sum() for x in edges]
    np.testing.assert_allclose(heights * width * len(means), counts)
    normal = next(line for line in ax.lines if line.get_label() == "standard Normal")
    assert max(normal.get_ydata()) == pytest.approx(1.0 / np.sqrt(2.0 * np.pi))
    assert legend_words(ax) == ["posterior means, 156 periods", "standard Normal"]
    # One period far out widens the axis rather than falling off it.
    far = draws.copy()
    far[..., 10] = 9.0
    assert plots.residual_distribution(far).get_xlim()[1] > 9.0


def test_autocorrelation_has_a_bar_per_lag_and_the_band():
    table = autocorrelation(made.residuals(phi=0.5), ci_prob=0.95)
    ax = drawn(plots.residual_autocorrelation(table))
    bars = {round(p.get_x() + p.get_width() / 2): p for p in ax.patches if p.get_width() == pytest.approx(0.6)}
    assert sorted(bars) == table.index.tolist()
    for lag, bar in bars.items():
        assert bar.get_height() == pytest.approx(table.loc[lag, "median"])
        assert (to_hex(bar.get_facecolor()) == RED.lower()) == (
            abs(table.loc[lag, "median"]) > table.loc[lag, "band"]
        )
    band = next(p for p in ax.patches if p.get_label() == "95 % band of white noise")
    assert band.get_height() == pytest.approx(2 * 1.96 / np.sqrt(156), rel=1e-3)
    assert set(legend_words(ax)) >= {"95 % interval", "median", "median outside the band"}
    legible(ax)
    with pytest.raises(ValueError, match=r"no 'band'; give what results\.autocorrelation\(residuals\) returns"):
        plots.residual_autocorrelation(pd.DataFrame({"median": [1.0], "lower": [0.0], "upper": [1.0]}))


def test_a_verdict_that_is_not_good_is_said():
    draws = made.residuals()
    assert "sampler verdict: doubtful" in legend_words(plots.residuals(draws.assign_attrs(verdict="doubtful")))
    assert not any("verdict" in word for word in legend_words(plots.residuals(draws)))


# ------------------------------------------------------------------------------------------------------ decomposition
def areas(ax):
    """(bottom, top) of every filled area at the dates, in drawing order."""
    out = []
    for area in ax.collections:
        corners = area.get_paths()[0].vertices
        days = np.unique(corners[:, 0])
        out.append(
            [(corners[corners[:, 0] == day, 1].min(), corners[corners[:, 0] == day, 1].max()) for day in days]
        )
    return np.array(out)


def test_decomposition_stacks_posterior_means():
    dataset = made.decomposition(3)
    ax = drawn(plots.decomposition(dataset))
    mean = dataset["contribution"].mean(("chain", "draw"))
    ranked = [made.LONG[i] for i in np.argsort(-mean.sel(component=made.LONG[:3]).sum("date").values)]
    via = [f"{name} via google" for name in made.LONG[:3]]
    groups = [
        ["intercept", "trend", "seasonality", "price"],
        ["google organic"],
        via,
        *([name] for name in ranked),
    ]
    heights = np.array([mean.sel(component=group).sum("component").values for group in groups])
    drawn_areas = areas(ax)
    np.testing.assert_allclose(drawn_areas[:, :, 1] - drawn_areas[:, :, 0], heights, atol=1e-6)
    np.testing.assert_allclose(drawn_areas[-1, :, 1], dataset["mean"].mean(("chain", "draw")))
    np.testing.assert_array_equal(ax.lines[-1].get_ydata(), dataset["observed"])
    assert legend_words(ax) == [
        "observed",
        *reversed(ranked),
        "all channels via google",
        "google, organic",
        "baseline (intercept, trend, seasonality,\nprice)",
    ]
    assert ax.get_ylabel() == "revenue (money)"
    assert ax.get_ylim()[0] == 0.0
    legible(ax)


def test_decomposition_groups_the_small_channels_of_many():
    dataset = made.decomposition(12)
    ax = drawn(plots.decomposition(dataset))
    words = legend_words(ax)
    assert words[1] == "6 other channels"
    mean = dataset["contribution"].mean(("chain", "draw"))
    size = mean.sel(component=made.LONG).sum("date").to_pandas().sort_values(ascending=False)
    assert words[2:8] == size.index[:6].tolist()[::-1]
    top = areas(ax)[-1]
    others = mean.sel(component=size.index[6:].tolist()).sum("component")
    np.testing.assert_allclose(top[:, 1] - top[:, 0], others, atol=1e-6)
    inside(ax, ax.get_legend().get_texts())
    assert overlapping(ax.get_legend().get_texts()) == []
    legible(ax)


def test_decomposition_stacks_negative_parts_downwards():
    dataset = made.decomposition(3, negative=True)
    ax = drawn(plots.decomposition(dataset))
    found = areas(ax)
    organic = dataset["contribution"].sel(component="google organic").mean(("chain", "draw"))
    below = next(area for area in found if area.min() < 0)
    lowest = organic.values < 0
    np.testing.assert_allclose(below[lowest, 0], organic.values[lowest])
    np.testing.assert_allclose(below[:, 1], 0.0, atol=1e-6)
    dashed = next(line for line in ax.lines if line.get_label() == "sum of the parts")
    np.testing.assert_allclose(dashed.get_ydata(), dataset["mean"].mean(("chain", "draw")))
    assert legend_words(ax)[:2] == ["observed", "sum of the parts"]
    assert "sum of the parts" not in legend_words(plots.decomposition(made.decomposition(3)))


@pytest.mark.parametrize(("freq", "count"), [("month", 36), ("quarter", 12), ("year", 3)])
def test_decomposition_of_sums_draws_bars(freq, count):
    dataset = made.decomposition(3, freq=freq)
    ax = drawn(plots.decomposition(dataset))
    baseline = ax.patches[:count]
    expected = (
        dataset["contribution"]
        .mean(("chain", "draw"))
        .sel(component=["intercept", "trend", "seasonality", "price"])
    )
    np.testing.assert_allclose([bar.get_height() for bar in baseline], expected.sum("component"))
    left = pd.to_datetime([bar.get_x() for bar in baseline], unit="D", origin="unix")
    assert left.tolist() == pd.DatetimeIndex(dataset["date"].values).tolist()
    tops = {round(bar.get_x()): bar.get_y() + bar.get_height() for bar in ax.patches}
    np.testing.assert_allclose(list(tops.values()), dataset["mean"].mean(("chain", "draw")))
    assert ax.get_ylabel() == f"revenue per {freq} (money)"
    legible(ax)


def test_decomposition_refuses_another_data_set():
    with pytest.raises(
        ValueError, match=r"no variable 'contribution' in .*give the data set that decompose\(fit\)"
    ):
        plots.decomposition(made.effects(3))


# ---------------------------------------------------------------------------------------------------------- waterfall
def rows(ax):
    """Left, width and label of every horizontal bar, from the top."""
    labels = [text.get_text() for text in ax.get_yticklabels()]
    bars = [bar for bar in ax.patches if bar.get_height() == pytest.approx(0.72)]
    return {label: (bar.get_x(), bar.get_width()) for label, bar in zip(labels, bars, strict=True)}


def test_waterfall_leads_from_the_baseline_to_the_mean():
    dataset = made.decomposition(3, negative=True)
    ax = drawn(plots.waterfall(dataset, ci_prob=0.8))
    total = dataset["contribution"].sum("date")
    mean = total.mean(("chain", "draw"))
    found = rows(ax)
    labels = list(found)
    assert (labels[0], labels[-1]) == ("baseline", "mean of revenue")
    others = mean.sel(component=mean["kind"] != "base").to_pandas().sort_values(ascending=False)
    assert labels[1:-1] == others.index.tolist()
    at = 0.0
    expected = {"baseline": float(mean.sel(component=mean["kind"] == "base").sum())} | others.to_dict()
    for label, length in expected.items():
        assert found[label] == pytest.approx((at, length))
        at += length
    assert found["mean of revenue"] == pytest.approx((0.0, at))
    assert at == pytest.approx(float(dataset["mean"].mean(("chain", "draw")).sum("date")))
    # The interval of a part is its own, laid where the bar starts.
    spans = segments(ax.collections[-1])[:, :, 0]
    _, lower, upper = quantiles(total.sel(component=labels[3]).transpose("chain", "draw").values, 0.8)
    start = found[labels[3]][0]
    np.testing.assert_allclose(spans[3], [start + lower, start + upper])
    words = [text.get_text() for text in ax.texts]
    assert words == [f"{100 * n / at:.1f} %".replace("-", "−") for n in [*expected.values(), at]]
    assert "80 % interval of the part" in legend_words(ax)
    assert "negative" in legend_words(ax)


def test_waterfall_cuts_its_axis_only_where_the_baseline_fills_it_and_says_so():
    cut = drawn(plots.waterfall(made.decomposition(3)))
    assert cut.get_xlim()[0] > 0
    assert cut.get_xlabel() == "revenue, 2021-01-03 to 2023-12-24 (money), axis not from zero"
    whole = drawn(plots.waterfall(made.decomposition(3), from_zero=True))
    assert whole.get_xlim()[0] <= 0
    assert "not from zero" not in whole.get_xlabel()


@pytest.mark.parametrize("mediators", [("google",), ("google", "queries")])
def test_waterfall_is_legible_with_twelve_channels(mediators):
    dataset = made.decomposition(12, mediators)
    ax = drawn(plots.waterfall(dataset))
    parts = dataset.sizes["component"] - 3
    found = rows(ax)
    assert len(found) == 20 + 3
    small = list(found)[-2]
    assert small == f"{parts - 20} smaller parts"
    starts, widths = np.array(list(found.values()))[:-1].T
    np.testing.assert_allclose(starts[1:], (starts + widths)[:-1])
    named = np.abs(widths[1:-1])
    mean = np.abs(dataset["contribution"].sum("date").mean(("chain", "draw")))
    left_out = np.sort(mean.sel(component=mean["kind"] != "base").values)[: parts - 20]
    assert left_out.max() <= named.min()
    legible(ax)
    inside(ax, [*ax.texts, *tick_texts(ax.yaxis)])
    assert overlapping(ax.texts) == []


# ------------------------------------------------------------------------------------------------------------ effects
def by_median(draws):
    """Channels from the largest to the smallest median."""
    return draws.median(("chain", "draw")).to_pandas().sort_values(ascending=False)


def laid_bars(ax, count):
    """(left, width) of horizontal bars, one array for each call of `count` bars."""
    ends = np.array([(bar.get_x(), bar.get_width()) for bar in ax.patches])
    return ends.reshape(-1, count, 2)


def labels_of(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


@pytest.mark.parametrize("channels", [3, 12])
def test_effects_lay_parts_end_to_end_and_sort_by_total(channels):
    dataset = made.effects(channels)
    ax = drawn(plots.effects(dataset, ci_prob=0.8))
    order = by_median(dataset["total"])
    assert labels_of(ax.yaxis) == order.index.tolist()
    direct = dataset["direct"].median(("chain", "draw")).sel(channel=order.index).values
    indirect = dataset["indirect"].median(("chain", "draw")).sel(channel=order.index).values
    positive, _, mediated, below = laid_bars(ax, channels)
    np.testing.assert_allclose(positive, np.column_stack([0.0 * direct, direct]))
    np.testing.assert_allclose(mediated, np.column_stack([direct, indirect.clip(min=0)]))
    # The first channel has a negative mediated part: it lies to the left of zero.
    np.testing.assert_allclose(below[:, 1], indirect.clip(max=0))
    assert (below[:, 1] < 0).sum() == 1
    _, lower, upper = quantiles(dataset["total"].sel(channel=order.index).values, 0.8)
    np.testing.assert_allclose(segments(ax.collections[0])[:, :, 0], np.column_stack([lower, upper]))
    assert legend_words(ax) == ["direct, median", "via google, median", "total, median and 80 % interval"]
    assert ax.get_xlabel() == "outcome gained (money)\nspend of 2021-01-03 to 2023-12-24, tail included"
    legible(ax)
    inside(ax, [*tick_texts(ax.yaxis), *ax.get_legend().get_texts()])


def test_effects_keep_mediators_apart():
    dataset = made.effects(12, ("google", "queries"))
    ax = drawn(plots.effects(dataset))
    words = legend_words(ax)
    assert words[:3] == ["direct, median", "via google, median", "via queries, median"]
    hatches = {bar.get_hatch() for bar in ax.patches}
    assert len(hatches) == 3
    order = by_median(dataset["total"]).index
    via = dataset["via"].sel(mediator="queries", channel=order).median(("chain", "draw"))
    np.testing.assert_allclose(laid_bars(ax, 12)[4:, :, 1].sum(0), via)


# --------------------------------------------------------------------------------------------------------- accounting
@pytest.mark.parametrize("channels", [3, 12])
def test_accounting_lays_both_views_beside_each_other(channels):
    parts, dataset = made.decomposition(channels, ("google", "queries")), made.effects(channels)
    left, right = plots.accounting(parts, dataset, ci_prob=0.8)
    drawn(left)
    order = by_median(dataset["total"]).index.tolist()
    assert labels_of(left.yaxis) == order
    whole = float(parts["observed"].sum())
    total = parts["contribution"].sum("date")
    credit = np.stack(
        [total.isel(component=parts["channel"].values == name).sum("component").values for name in order], axis=-1
    )
    lost = dataset["total"].sel(channel=order).values
    expected = [quantiles(draws / whole, 0.8) for draws in (credit, lost, credit - lost)]
    for panel, which, (median, lower, upper) in zip((left, left, right), (0, 1, 0), expected, strict=True):
        np.testing.assert_allclose(segments(panel.collections[which])[:, :, 0], np.column_stack([lower, upper]))
        np.testing.assert_allclose(dots(panel)[which][:, 0], median)
    words = " ".join(legend_words(left))
    assert "decomposition: what is credited to the channel" in words
    assert "zero-out: what would be lost without it" in words
    assert "80 %" in words
    for ax in (left, right):
        legible(ax)
    inside(left, [*tick_texts(left.yaxis), *left.figure.legends[0].get_texts()])


def test_accounting_refuses_answers_that_do_not_belong_together():
    parts, dataset = made.decomposition(3), made.effects(3)
    with pytest.raises(ValueError, match="make both with the same draws="):
        plots.accounting(parts, dataset.isel(draw=slice(0, 30)))
    with pytest.raises(ValueError, match="make both with the same start= and stop="):
        plots.accounting(parts, dataset.assign_attrs(start="2022-01-02"))
    with pytest.raises(ValueError, match=r"no component of the channel 'snapchat'; decompose the outcome"):
        plots.accounting(parts, made.effects(4))
    with pytest.raises(ValueError, match=r"the units differ: \(searches\) and \(money\)"):
        plots.accounting(parts.assign_attrs(unit="searches"), dataset)


# ---------------------------------------------------------------------------------------------------------------- roi
@pytest.mark.parametrize("channels", [3, 12])
def test_roi_is_sorted_and_marks_what_earns_its_spend_back(channels):
    draws = made.returns(channels)
    truth = {made.LONG[1]: 1.7, "another": 100.0}
    ax = drawn(plots.roi(draws, truth=truth, ci_prob=0.8))
    order = by_median(draws)
    assert labels_of(ax.yaxis) == order.index.tolist()
    np.testing.assert_allclose(dots(ax)[0], np.column_stack([order, range(channels)]))
    _, lower, upper = quantiles(draws.sel(channel=order.index).values, 0.8)
    np.testing.assert_allclose(segments(ax.collections[0])[:, :, 0], np.column_stack([lower, upper]))
    assert dots(ax, "D")[0].tolist() == [[1.7, order.index.get_loc(made.LONG[1])]]
    assert any(list(line.get_xdata()) == [1.0, 1.0] for line in ax.lines)
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] == 0.0
    assert legend_words(ax) == ["ROI, median and 80 % interval", "truth", "spend is earned back"]
    assert ax.get_xlabel().startswith("ROI (money per money)\nspend of")
    legible(ax)


def test_roi_without_a_threshold_has_no_line():
    draws = made.returns(3)
    del draws.attrs["threshold"]
    ax = plots.roi(draws.assign_attrs(unit="sign-ups per money"))
    assert legend_words(ax) == [f"ROI, median and {100 * checked_ci_prob(None):.3g} % interval"]
    assert not any(list(line.get_xdata()) == [1.0, 1.0] for line in ax.lines)


def test_roi_is_logarithmic_only_where_it_must_be():
    wide = made.returns(12, wide=True, name="roi_net")
    ax = drawn(plots.roi(wide))
    assert ax.get_xscale() == "log"
    assert legend_words(ax)[0].startswith("net ROI")
    legible(ax)
    signed = wide.copy()
    signed[:, :30, 0] = -1.0
    ax = plots.roi(signed)
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] < 0.0


def test_marginal_roi_lies_below_the_roi_of_its_channel():
    draws, marginal = made.returns(12), made.returns(12, name="marginal_roi", factor=0.6, seed=3)
    ax = drawn(plots.roi(draws, marginal=marginal.isel(channel=slice(None, None, -1))))
    average, extra = dots(ax)
    order = by_median(draws).index
    np.testing.assert_allclose(extra[:, 0], marginal.median(("chain", "draw")).sel(channel=order))
    screen = ax.transData.transform
    assert (screen(average)[:, 1] > screen(extra)[:, 1]).all()
    legible(ax)
    with pytest.raises(ValueError, match="make both of the same channels"):
        plots.roi(draws, marginal=marginal.isel(channel=slice(3)))
    with pytest.raises(ValueError, match="make both with the same window="):
        plots.roi(draws, marginal=marginal.assign_attrs(window="outcome"))


def test_roi_refuses_the_data_set_of_effects():
    with pytest.raises(ValueError, match=r"a Dataset was given.*give the DataArray that roi\(fit\) returns"):
        plots.roi(made.effects(3))


# ------------------------------------------------------------------------------------------------------------- curves
def whole_figure_is_legible(axes):
    """Assert that no tick labels, titles or axis names lie on each other or off the figure, in a grid of panels."""
    figure = drawn(axes[0]).figure.figure
    texts = [ax._left_title for ax in axes]
    texts += [t for ax in axes for axis in (ax.xaxis, ax.yaxis) for t in tick_texts(axis)]
    texts += [figure._supxlabel, figure._supylabel, *figure.legends[0].get_texts()]
    assert overlapping(texts) == []
    inside(axes[0], texts)


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
def line_of(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def band_of(ax, label):
    """(lower, upper) of a filled band at its dates."""
    corners = next(c for c in ax.collections if c.get_label() == label).get_paths()[0].vertices
    days = np.unique(corners[:, 0])
    ends = [corners[corners[:, 0] == day, 1] for day in days]
    return np.array([(y.min(), y.max()) for y in ends])


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
    share = f"{100 * checked_ci_prob(None):.3g} % interval"
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


def test_what_if_refuses_a_prediction():
    with pytest.raises(ValueError, match=r"give the data set that what_if\(fit\) returns"):
        plots.what_if(made.prediction())
    with pytest.raises(ValueError, match=r"no variable 'searches\.change'"):
        plots.what_if(made.scenario(), series="searches")
