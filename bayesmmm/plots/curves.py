"""Curves of each channel: response to spend, decay of its pressure."""

import json
from itertools import cycle
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import ticker
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmmm.errors import SettingError
from bayesmmm.plots.axis import numbers, on_two_lines, percents, tidy
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, name_axes, panels
from bayesmmm.plots.parts import key, legend_on_top
from bayesmmm.plots.reading import caution, series_of, unit_of, variable, when, window_words
from bayesmmm.plots.sources import ADSTOCK_DECAY, RESPONSE_CURVES
from bayesmmm.plots.style import BLACK, BLUE, DASHES, GREEN, GREY, ORANGE, PURPLE, SKY, SMALL, TEXT
from bayesmmm.results import Fit
from bayesmmm.results.summaries import interval
from bayesmmm.text import joined, percent
from bayesmmm.validate import check_ci_prob, check_count

_TITLE = 22  # letters above a panel of a narrow figure
_LINES = ((BLUE, "-"), (ORANGE, (0, (5, 1.5))), (GREEN, (0, (3, 1, 1, 1))), (PURPLE, (0, (1, 1))))


def response_curves(
    dataset: xr.Dataset | Fit,
    *,
    ci_prob: float | None = None,
    across: int | None = None,
    title: Title = AUTO,
    axes: Panels = None,
) -> np.ndarray:
    """Draw what each channel adds to the outcome against its spend in the window, a panel per channel.

    A dot marks the spend as it was (or is planned). The line is dashed where too much of the spend falls in
    periods above the highest spend ever observed: there, the shape comes from the equation and the prior. The share
    from which it is dashed is ``dataset["extrapolated"].attrs["threshold"]``. Axes differ from panel to panel. A channel
    without spend in the window has no curve; its panel says so. One of which it is not known what was paid is drawn
    against what was had of it, in the unit that stands beside its name.

    Parameters
    ----------
    dataset : Dataset or Fit
        As ``mm.response_curves(fit)`` gives it, or a fit.
    across : int, optional
        Panels beside each other; 2 make a figure for a phone.
    axes : sequence of Axes, optional
        One for each channel, in the order of the data set.
    ci_prob, title : as for every figure, see `bayesmmm.plots`
    """
    dataset = RESPONSE_CURVES(dataset)
    draws = variable(dataset, "outcome", ["channel", "factor"], "response_curves(fit)")
    threshold = _threshold(dataset)
    ci_prob = check_ci_prob(ci_prob)
    curves = xr.Dataset(interval(draws, ci_prob)).assign({n: dataset[n] for n in ("spend", "extrapolated")})
    channels = draws["channel"].values.tolist()
    counted = _without_spend(dataset)
    if counted and "units" in dataset:  # against what was had, where it is not known what was paid
        curves["spend"] = dataset["spend"].where(dataset["spend"].notnull(), dataset["units"])
    own = axes is None
    if across is not None:
        check_count(across, "across", advice="as across=2")
    axes = _panels(len(channels), across=across) if axes is None else listed(axes, len(channels))
    for name, ax in zip(channels, axes, strict=True):
        _response(ax, curves.sel(channel=name).sortby("factor"), threshold, counted=name in counted)
        words = f"{name}, by {counted[name]}" if name in counted else str(name)
        ax.set_title(words if across is None else on_two_lines(words, _TITLE), loc="left", fontsize=TEXT, pad=3)
    what = "spend" if len(counted) < len(channels) else "what was had"
    unit = unit_of(dataset["spend"]) if what == "spend" else ""
    unit += "; what was had, where a unit is named" if counted and what == "spend" else ""
    x = [f"{what} in the window{unit}", window_words(dataset.attrs)]
    name_axes(axes, "\n".join(filter(None, x)), f"outcome gained\nover no spend{unit_of(draws, dataset)}", own)
    handles: list[Artist] = [
        key("median", BLUE, lw=1.6),
        Patch(color=SKY, alpha=0.35, label=f"{percent(ci_prob)} interval"),
        key("spend as it is in the window", marker="o", ls=":", lw=0.8, ms=4.5),
        key(f"over {percent(threshold)} beyond what was ever spent", BLUE, lw=1.6, ls=DASHES),
    ]
    legend_on_top(axes[0], [*handles, *caution(dataset.attrs)], own)
    words = f"What spend on each channel brings to {series_of(dataset.attrs)}{when(dataset.attrs)}"
    return finish(axes, own, title, words)


def _without_spend(dataset: xr.Dataset) -> dict[str, str]:
    """Channels of which it is not known what was paid, with their units."""
    spend = dataset["spend"].transpose("channel", ...)
    unknown = [str(n) for n, own in zip(spend["channel"].values, spend.values, strict=True) if np.isnan(own).all()]
    known = json.loads(dataset["units"].attrs["counted"]) if "units" in dataset else {}
    return {name: known.get(name, "units") for name in unknown}


def _threshold(dataset: xr.Dataset) -> float:
    """Share of the spend beyond what was ever observed above which a point is an extrapolation."""
    attrs = dataset["extrapolated"].attrs if "extrapolated" in dataset else {}
    if "threshold" not in attrs:
        raise SettingError(
            "the response curves do not say from which share on they are extrapolated, as attrs['threshold'] of "
            "'extrapolated'; give the data set that response_curves(fit) returns"
        )
    return float(attrs["threshold"])


def _response(ax: Axes, curve: xr.Dataset, threshold: float, *, counted: bool) -> None:
    spend, median = curve["spend"].values, curve["median"].values
    if not spend.any():
        tidy(ax)
        ax.set(xticks=[], yticks=[])
        place: dict[str, Any] = {"transform": ax.transAxes, "ha": "center", "va": "center"}
        what = "nothing" if counted else "no spend"
        ax.text(0.5, 0.5, f"{what}\nin the window", fontsize=SMALL, color=GREY, **place)
        return
    ax.fill_between(spend, curve["lower"], curve["upper"], color=SKY, alpha=0.35, linewidth=0)
    # The dashed line starts at the last point that is not extrapolated.
    unseen = np.flatnonzero(curve["extrapolated"].values > threshold)
    last = max(int(unseen[0]) - 1, 0) if len(unseen) else len(spend) - 1
    ax.plot(spend[: last + 1], median[: last + 1], color=BLUE, linewidth=1.6)
    ax.plot(spend[last:], median[last:], color=BLUE, linewidth=1.6, linestyle=DASHES)
    for now in np.flatnonzero(np.isclose(curve["factor"].values, 1.0)):
        ax.axvline(spend[now], color=GREY, linewidth=0.8, linestyle=":", zorder=1)
        ax.plot(spend[now], median[now], "o", color=BLACK, markersize=4.5, zorder=4)
    tidy(ax)
    ax.axhline(0.0, color=GREY, linewidth=0.8, zorder=1)
    ax.set_xlim(spend[0], spend[-1])
    numbers(ax.xaxis, most=3)
    numbers(ax.yaxis, most=4)


def adstock_decay(
    dataset: xr.Dataset | Fit, *, ci_prob: float | None = None, title: Title = AUTO, axes: Panels = None
) -> np.ndarray:
    """Draw what is left of the pressure of a channel so many days later, a panel per channel, a line per equation.

    A channel that acts in several equations has a decay in each: it may stir up searches for days and sales for weeks.

    Parameters
    ----------
    dataset : Dataset or Fit
        As ``estimands.adstock_decay(fit)`` gives it, or a fit.
    axes : sequence of Axes, optional
        One for each channel, in the order in which the equations list them.
    ci_prob, title : as for every figure, see `bayesmmm.plots`
    """
    dataset, ci_prob = ADSTOCK_DECAY(dataset), check_ci_prob(ci_prob)
    curves = {str(equation): _decays(dataset, str(equation), ci_prob) for equation in dataset.data_vars}
    channels = list(dict.fromkeys(name for lines in curves.values() for name in lines))
    own = axes is None
    axes = _panels(len(channels), share=True) if axes is None else listed(axes, len(channels))
    lags = dataset["lag"].values
    handles: dict[str, Line2D] = {}
    looks = dict(zip(reversed(curves), cycle(_LINES), strict=False))  # the outcome, which comes last, is blue
    for name, ax in zip(channels, axes, strict=True):
        ax.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":", zorder=1)
        for equation, lines in curves.items():
            if name not in lines:
                continue
            (colour, style), (lower, median, upper) = looks[equation], lines[name]
            ax.fill_between(lags, lower, upper, color=colour, alpha=0.18, linewidth=0)
            (line,) = ax.plot(lags, median, color=colour, linestyle=style, linewidth=1.6, label=f"on {equation}")
            handles.setdefault(equation, line)
        ax.set_title(name, loc="left", fontsize=TEXT, pad=3)
        tidy(ax)
        ax.set_xlim(lags[0], lags[-1])
        ax.set_ylim(0.0, 1.0)
        _weeks(ax, float(lags[-1]))
        percents(ax.yaxis)
        ax.set_yticks([0.0, 0.5, 1.0])
    name_axes(axes, "days since the spend", "share of the pressure\nthat is left", own)
    entries: list[Artist] = [handles[equation] for equation in curves if equation in handles]
    entries.append(Patch(color=GREY, alpha=0.3, label=f"lines are medians, bands {percent(ci_prob)} intervals"))
    entries.append(key("half is left", GREY, lw=0.8, ls=":"))
    legend_on_top(axes[0], [*entries, *caution(dataset.attrs)], own)
    return finish(axes, own, title, f"How long spend keeps working on {joined(curves)}")


def _decays(dataset: xr.Dataset, equation: str, ci_prob: float) -> dict[str, np.ndarray]:
    """Lower, median and upper by lag of each channel of an equation."""
    dim = f"{equation}.media"
    ends = interval(variable(dataset, equation, [dim, "lag"], "adstock_decay(fit)"), ci_prob)
    stacked = np.stack([ends[end].transpose(dim, "lag").values for end in ("lower", "median", "upper")], axis=1)
    return dict(zip(map(str, dataset[dim].values), stacked, strict=True))


def _weeks(ax: Axes, longest: float) -> None:
    """Ticks at whole weeks, a few of them."""
    step = 7.0 * max(1, round(longest / 7.0 / 4.0)) if longest >= 14.0 else max(1.0, round(longest / 4.0))
    ax.xaxis.set_major_locator(ticker.MultipleLocator(step))


def _panels(count: int, *, share: bool = False, across: int | None = None) -> list[Axes]:
    """Grid of small panels; where they `share` their axes, only the outer ones have numbers."""
    wide = min(across or (count if count <= 4 else 3 if count <= 6 else 4), count)
    tall = -(-count // wide)
    axes = panels(
        count,
        wide,
        (
            max(2.6 * wide + 0.6, 5.0) if across is None else max(1.85 * wide + 0.6, 4.3),
            (2.2 if tall == 1 else 1.75) * tall + 1.3,
        ),
    )
    for i, ax in enumerate(axes):
        if share:
            ax.tick_params(labelleft=i % wide == 0, labelbottom=i + wide >= count)
    return axes
