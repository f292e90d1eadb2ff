"""Figures of answers: what they show and where, read back from the artists; no pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import dates as mdates
from matplotlib.colors import to_hex

from bayesmmm import plots
from bayesmmm.errors import SettingError
from bayesmmm.plots.style import BROWN, PALE
from bayesmmm.validate import check_ci_prob
from tests import answers_made_up as made
from tests.figures import (
    dots,
    drawn,
    inside,
    legend_words,
    legible,
    line_of,
    overlapping,
    quantiles,
    segments,
    tick_texts,
    tick_words,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


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
        "baseline (intercept, trend, seasonality) and\ncontrols from their references (price)",
    ]
    assert ax.get_ylabel() == "revenue (money)"
    assert ax.get_ylim()[0] == 0.0
    legible(ax)


def with_events(count):
    """A decomposition of which all channels but two are called events, the first of them negative."""
    parts = made.decomposition(count + 2)
    events = np.isin(parts["component"].values, made.LONG[2 : count + 2])
    kind = xr.where(events, "event", parts["kind"].values)
    sign = xr.where(parts["component"] == made.LONG[2], -1.5, 1.0)
    return parts.assign(contribution=parts["contribution"] * sign).assign_coords(kind=("component", kind))


def test_decomposition_has_an_area_of_events():
    dataset = with_events(3)
    ax = drawn(plots.decomposition(dataset))
    mean = dataset["contribution"].mean(("chain", "draw"))
    events = mean.isel(component=(dataset["kind"] == "event").values).sum("component").values
    assert (events > 0).any()
    assert (events < 0).any()
    base = mean.sel(component=["intercept", "trend", "seasonality", "price"]).sum("component").values
    found = areas(ax)
    np.testing.assert_allclose(found[0, :, 1] - found[0, :, 0], base + events.clip(max=0.0), atol=1e-6)
    np.testing.assert_allclose(found[1, :, 1] - found[1, :, 0], events.clip(min=0.0), atol=1e-6)
    np.testing.assert_allclose(found[-1, :, 1], mean.sum("component"), atol=1e-6)
    words = [word.replace("\n", " ") for word in legend_words(ax)]
    assert words[-2].startswith(f"events ({made.LONG[2]}")
    assert words[-1].endswith("(price), less what events take away")
    legible(ax)


@pytest.mark.parametrize(("count", "bars"), [(6, 6), (7, 6), (10, 6)])
def test_waterfall_of_many_events(count, bars):
    """Of more than six, the smaller ones share a bar, so that a page of holidays is not one of zeros."""
    dataset = with_events(count)
    ax = drawn(plots.waterfall(dataset))
    labels = [label.get_text() for label in ax.get_yticklabels()]
    events = [name for name in made.LONG[2 : count + 2] if name in labels]
    assert len(events) + (f"{count - 5} other events" in labels) == bars
    widths = [patch.get_width() for patch in ax.patches[: len(labels)]]
    assert sum(widths[:-1]) == pytest.approx(widths[-1])
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
    # What rounds to nothing is not called negative.
    parts = made.decomposition(3)
    slight = xr.where(parts["component"] == "google organic", -1.0, parts["contribution"])
    for ax in (plots.decomposition(parts.assign(contribution=slight)), plots.decomposition(parts)):
        assert "sum of the parts" not in legend_words(ax)
        assert ax.get_ylim()[0] == 0.0
    assert "negative" not in legend_words(plots.waterfall(parts.assign(contribution=slight)))


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


@pytest.mark.parametrize("negative", [False, True])
def test_decomposition_of_one_period_is_a_bar(negative):
    dataset = made.decomposition(3).isel(date=[150])
    organic = dataset["component"] == "google organic"
    dataset["contribution"] = xr.where(organic & negative, -9e3, dataset["contribution"])
    ax = drawn(plots.decomposition(dataset))
    mean = dataset["contribution"].mean(("chain", "draw")).isel(date=0)
    bars = [bar for bar in ax.patches if bar.get_width() == pytest.approx(1.0)]
    assert len(bars) == 6
    assert sum(bar.get_height() for bar in bars) == pytest.approx(float(mean.sum()))
    day = mdates.date2num(dataset["date"].values[0])
    assert all(bar.get_x() + 0.5 == pytest.approx(day) for bar in bars)
    assert ax.get_xlim() == pytest.approx((day - 1.0, day + 1.0))
    assert tick_words(ax.xaxis) == ["2023-11-19"]
    assert line_of(ax, "observed").get_marker() == "o"
    if negative:
        total = line_of(ax, "sum of the parts")
        np.testing.assert_allclose(total.get_xdata(), [day - 0.5, day + 0.5])
        np.testing.assert_allclose(total.get_ydata(), float(mean.sum()))


def test_baseline_means_the_same_in_both_figures_and_says_what_is_inside():
    parts = made.decomposition(3, controls=("price", "promotion"))
    stacked, fall = plots.decomposition(parts), plots.waterfall(parts)
    assert legend_words(stacked)[-1].replace("\n", " ") == (
        "baseline (intercept, trend, seasonality) and controls from their references (price, promotion)"
    )
    assert legend_words(fall)[:2] == ["baseline (intercept, trend, seasonality)", "control, from its reference"]
    bare, many = made.decomposition(3, controls=()), made.decomposition(3, controls=list("abcdef"))
    assert legend_words(plots.decomposition(bare))[-1] == "baseline (intercept, trend, seasonality)"
    assert "control, from its reference" not in legend_words(plots.waterfall(bare))
    assert legend_words(plots.decomposition(many))[-1].endswith("(6 of them)")


def test_decomposition_refuses_another_data_set():
    with pytest.raises(SettingError, match=r"draws what mm\.decompose\(fit\) returns .* has no 'contribution'"):
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
    direct = dataset["direct"].mean(("chain", "draw")).sel(channel=order.index).values
    indirect = dataset["indirect"].mean(("chain", "draw")).sel(channel=order.index).values
    positive, _, mediated, below = laid_bars(ax, channels)
    np.testing.assert_allclose(positive, np.column_stack([0.0 * direct, direct]))
    np.testing.assert_allclose(mediated, np.column_stack([direct, indirect.clip(min=0)]))
    ends = positive[:, 1] + mediated[:, 1] + below[:, 1]
    np.testing.assert_allclose(ends, dataset["total"].mean(("chain", "draw")).sel(channel=order.index))
    # The first channel has a negative mediated part: it lies to the left of zero.
    np.testing.assert_allclose(below[:, 1], indirect.clip(max=0))
    assert (below[:, 1] < 0).sum() == 1
    _, lower, upper = quantiles(dataset["total"].sel(channel=order.index).values, 0.8)
    np.testing.assert_allclose(segments(ax.collections[0])[:, :, 0], np.column_stack([lower, upper]))
    assert legend_words(ax) == ["direct, mean", "via google, mean", "total, median and 80 % interval"]
    assert ax.get_xlabel() == "outcome gained (money)\nspend of 2021-01-03 to 2023-12-24, tail included"
    legible(ax)
    inside(ax, [*tick_texts(ax.yaxis), *ax.get_legend().get_texts()])


def test_effects_without_a_mediator_show_the_direct_part_only():
    dataset = made.effects(3)
    plain = dataset.drop_dims("mediator").assign(indirect=0.0 * dataset["direct"], total=dataset["direct"])
    assert legend_words(plots.effects(plain))[0] == "direct, mean"
    assert len(legend_words(plots.effects(plain))) == 2


def test_effects_keep_mediators_apart():
    dataset = made.effects(12, ("google", "queries"))
    ax = drawn(plots.effects(dataset))
    words = legend_words(ax)
    assert words[:3] == ["direct, mean", "via google, mean", "via queries, mean"]
    hatches = {bar.get_hatch() for bar in ax.patches}
    assert len(hatches) == 3
    # A white hatch on a pale bar would not be seen.
    pale = [bar for bar in ax.patches if to_hex(bar.get_facecolor()) == PALE.lower()]
    assert {to_hex(bar.get_edgecolor()) for bar in pale} == {BROWN.lower()}
    order = by_median(dataset["total"]).index
    via = dataset["via"].sel(mediator="queries", channel=order).mean(("chain", "draw"))
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


def test_accounting_does_not_magnify_rounding_errors():
    parts, dataset = made.decomposition(3), made.effects(3)
    total = parts["contribution"].sum("date")
    same = [total.isel(component=parts["channel"].values == name).sum("component") for name in made.LONG[:3]]
    credit = xr.concat(same, dataset["channel"]).transpose("chain", "draw", "channel")
    left, right = plots.accounting(parts, dataset.assign(total=credit * (1.0 + 1e-15)))
    drawn(left)
    assert max(np.abs(right.get_xlim())) > 1e-3
    legible(right)


def test_accounting_refuses_answers_that_do_not_belong_together():
    parts, dataset = made.decomposition(3), made.effects(3)
    with pytest.raises(ValueError, match="make both from one fit"):
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
    assert legend_words(ax) == [f"ROI, median and {100 * check_ci_prob(None):.3g} % interval"]
    assert not any(list(line.get_xdata()) == [1.0, 1.0] for line in ax.lines)


def test_roi_is_logarithmic_only_where_it_must_be():
    wide = made.returns(12, wide=True, name="roi_net")
    ax = drawn(plots.roi(wide))
    assert ax.get_xscale() == "log"
    assert legend_words(ax)[0].startswith("net ROI")
    assert ax.get_xlabel().startswith("net ROI (money per money), log scale\n")
    legible(ax)
    signed = wide.copy()
    signed[:, :30, 0] = -1.0
    ax = plots.roi(signed)
    assert ax.get_xscale() == "linear"
    assert "log scale" not in ax.get_xlabel()
    assert ax.get_xlim()[0] < 0.0


@pytest.mark.parametrize("threshold", [True, False])
@pytest.mark.parametrize("marginal", [True, False])
@pytest.mark.parametrize("idle", [[made.LONG[1]], made.LONG[:3]])
def test_roi_says_where_nothing_was_spent(idle, marginal, threshold):
    draws = made.returns(3)
    draws = draws.where(~draws["channel"].isin(idle)).assign_attrs(draws.attrs)
    if not threshold:
        del draws.attrs["threshold"]
    ax = drawn(plots.roi(draws, marginal=draws if marginal else None))
    labels = labels_of(ax.yaxis)
    assert {labels[round(text.get_position()[1])] for text in ax.texts} == set(idle)
    assert {text.get_text() for text in ax.texts} == {"no spend"}
    assert np.isfinite(ax.get_xlim()).all()
    assert ax.get_xlim()[0] == 0.0
    inside(ax, ax.texts)
    legible(ax)


def test_a_marginal_roi_without_a_roi_is_drawn():
    draws, marginal = made.returns(3), made.returns(3, name="marginal_roi", factor=5.0)
    draws = draws.where(draws["channel"] != made.LONG[0]).assign_attrs(draws.attrs)
    ax = plots.roi(draws, marginal=marginal)
    assert not ax.texts
    assert ax.get_xlim()[1] > quantiles(marginal.values, check_ci_prob(None))[2].max()


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
    with pytest.raises(ValueError, match=r"what mm\.roi\(fit\) returns or a fit, but a Dataset was given"):
        plots.roi(made.effects(3))
