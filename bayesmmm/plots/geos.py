"""The geos of a panel beside each other: returns, fitted series, and what geos have in common."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patches import Patch

from bayesmmm.plots.axis import date_axis, label_rows, log_numbers, numbers, tidy, zero_line
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, one, panels, width_of
from bayesmmm.plots.parts import (
    TRUTH,
    cells,
    earned_back,
    entry,
    intervals,
    legend_above,
    legend_on_top,
    observed_dots,
    return_axis,
    size_of_cells,
    truths,
    upright,
)
from bayesmmm.plots.reading import (
    SAMPLE,
    caution,
    checked,
    ci_label,
    dates_of,
    rounded,
    series_label,
    series_of,
    table_of,
    unit_of,
    when,
    window_words,
)
from bayesmmm.plots.sources import (
    PERIOD_EFFECTS,
    PREDICTIVE_BY_GEO,
    ROI_BY_GEO,
    ROI_IN_TOTAL,
    ROI_MAP,
)
from bayesmmm.plots.style import BLUE, GREY, RED, SKY, SMALL, TEXT
from bayesmmm.results import Fit
from bayesmmm.validate import check_flag, check_mapping

_MAKER = "roi(fit, by='geo')"
#: Panels side by side.
WIDE = 4
#: Returns that differ by more than this factor are coloured on a logarithmic scale.
_SPAN = 10.0


def roi_by_geo(
    draws: xr.DataArray | Fit,
    total: xr.DataArray | Fit | None = None,
    *,
    truth: Mapping[str, float] | None = None,
    ranked: bool = False,
    ci_prob: float | None = None,
    title: Title = AUTO,
    axes: Panels = None,
) -> np.ndarray:
    """Draw the return of each channel in each geo, a panel per channel, beside the return in total.

    The band is the interval in total over all geos, the line in it its median. Where contributions are pooled, geos with
    little to say stand near each other. A geo that never bought a channel has no return on it; its row says so.

    Parameters
    ----------
    draws : DataArray or Fit
        As ``mm.roi(fit, by="geo")`` gives it, or a fit of a panel.
    total : DataArray or Fit, optional
        As ``mm.roi(fit)`` gives it, or a fit. May be left out where a fit is given.
    truth : mapping of str to float, optional
        True values of `draws` by the names that ``mm.summarise(draws)`` has, as ``"roi[north, tv]"``.
    ranked : bool
        Order the geos of every panel by their median return, the highest first.
    axes : sequence of Axes, optional
        One for each channel.
    ci_prob, title : as for every figure, see `bayesmmm.plots`

    Examples
    --------
    >>> axes = roi_by_geo(mm.roi(fit, by="geo"), mm.roi(fit))  # doctest: +SKIP
    """
    total = draws if total is None and isinstance(draws, Fit) else total
    draws = checked(ROI_BY_GEO(draws), ["geo", "channel"], _MAKER)
    whole = None if total is None else table_of(checked(ROI_IN_TOTAL(total), ["channel"], "roi(fit)"), ci_prob)
    channels, geos = draws["channel"].values.tolist(), draws["geo"].values.tolist()
    ranked = check_flag(ranked, "ranked")
    own, wide = axes is None, min(WIDE, len(channels))
    if axes is None:
        tall = -(-len(channels) // wide)
        named = wide if ranked else 1  # panels that name their rows
        size = (width_of(geos) * named + 2.3 * wide + 0.4, (0.8 + 0.24 * len(geos)) * tall + 0.6)
        axes = panels(len(channels), wide, size)
    axes = listed(axes, len(channels))
    threshold, marks = draws.attrs.get("threshold"), list[Artist]()
    for i, (channel, ax) in enumerate(zip(channels, axes, strict=True)):
        table = table_of(draws.sel(channel=channel), ci_prob)
        if ranked:
            table = table.sort_values("median", ascending=False, kind="stable", na_position="last")
        row = None if whole is None or channel not in whole.index else whole.loc[channel]
        if row is not None and np.isfinite(row["median"]):
            ax.axvspan(row["lower"], row["upper"], color=SKY, alpha=0.3, linewidth=0, zorder=0)
            ax.axvline(row["median"], color=SKY, linewidth=1.4, zorder=0.5)
        intervals(ax, table, 0.0, BLUE, size=4.0)
        names = [f"{draws.name}[{geo}, {channel}]" for geo in table.index]
        truths(ax, table.set_axis(names), truth)
        label_rows(ax, list(table.index))
        marks = earned_back(ax, threshold)
        note_never(ax, table)
        known = [value for name, value in (truth or {}).items() if name in names]
        ends = [*table[["lower", "upper"]].to_numpy().ravel(), *([] if row is None else row[["lower", "upper"]])]
        scale = return_axis(ax, np.array([*known, *ends], float), threshold)
        ax.set_title(str(channel), loc="left", fontsize=TEXT)
        ax.set_xlabel(f"ROI{unit_of(draws)}{scale}", fontsize=SMALL)
        ax.tick_params(labelleft=ranked or i % wide == 0 or not own)
    if own and window_words(draws.attrs):
        axes[0].figure.supxlabel(window_words(draws.attrs), fontsize=SMALL)
    share = f"{ci_label(table)} interval"
    handles: list[Artist] = [entry(BLUE, f"of one geo, median and {share}")]
    handles += [] if whole is None else [Patch(color=SKY, alpha=0.5, lw=0, label=f"in total, median and {share}")]
    handles += [*([TRUTH] if truth is not None else []), *marks, *caution(draws.attrs)]
    legend_on_top(axes[0], handles, own)
    words = f"ROI of each channel by geo, in {series_of(draws.attrs)}{when(draws.attrs)}"
    return finish(axes, own, title, words)


def note_never(ax: Axes, table: pd.DataFrame) -> None:
    """Say in the rows without a return why there is none."""
    for i in np.flatnonzero(table["median"].isna()):
        style: dict[str, Any] = {"va": "center", "fontsize": SMALL, "color": GREY}
        box = {"facecolor": "white", "linewidth": 0, "pad": 1.0}
        ax.text(0.03, float(i), "no spend", transform=ax.get_yaxis_transform(), bbox=box, **style)


def roi_map(draws: xr.DataArray | Fit, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw the median return of every channel in every geo as a map of coloured, numbered cells.

    The colours are on a logarithmic scale, and the bar says so, where all is positive and differs by more than a factor
    of 10. An empty cell is a channel that the geo did not buy.

    Parameters
    ----------
    draws : DataArray or Fit
        As ``mm.roi(fit, by="geo")`` gives it, or a fit of a panel.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    draws = checked(ROI_MAP(draws), ["geo", "channel"], _MAKER)
    median = draws.median(SAMPLE).values
    geos, channels = draws["geo"].values.tolist(), draws["channel"].values.tolist()
    own = ax is None
    if ax is None:
        ax = plt.subplots(figsize=size_of_cells(geos, channels), layout="constrained")[1]
    ax = one(ax)
    seen = median[np.isfinite(median)]
    wide = len(seen) > 0 and seen.min() > 0.0 and seen.max() > _SPAN * seen.min()
    numbered = [[rounded(float(value)) if np.isfinite(value) else "" for value in row] for row in median]
    scale = ", log scale" if wide else ""
    bar = cells(ax, geos, channels, median, numbered, cmap="Blues", norm=LogNorm() if wide else None)
    bar.set_label(f"median ROI{unit_of(draws)}{scale}", fontsize=SMALL)
    (log_numbers if wide else numbers)(bar.ax.yaxis)
    below = [window_words(draws.attrs), *(str(mark.get_label()) for mark in caution(draws.attrs))]
    ax.set_xlabel("\n".join(filter(None, below)), fontsize=SMALL)
    words = f"Median ROI by geo and channel, in {series_of(draws.attrs)}{when(draws.attrs)}"
    return finish([ax], own, title, words)[0]


def predictive_by_geo(table: pd.DataFrame | Fit, *, title: Title = AUTO, axes: Panels = None) -> np.ndarray:
    """Draw a series of every geo with the median and interval of what the model predicts for it, a panel per geo.

    Parameters
    ----------
    table : pandas.DataFrame or Fit
        A fit of a panel, for its outcome, or what `predictive_table` gives, indexed by geo and date.
    axes : sequence of Axes, optional
        One for each geo.
    title : as for every figure, see `bayesmmm.plots`
    """
    source, table = table, PREDICTIVE_BY_GEO(table)
    if list(table.index.names) != ["geo", "date"]:
        PREDICTIVE_BY_GEO.refuse(source, f"the rows are told by {table.index.names}, not by geo and date")
    geos = list(table.index.unique("geo"))
    own, wide = axes is None, min(2 if len(geos) <= 8 else 3, len(geos))
    if axes is None:
        tall = -(-len(geos) // wide)
        axes = panels(len(geos), wide, (9.5, 1.15 * tall + 0.9), sharex=True)
    axes = listed(axes, len(geos))
    for geo, ax in zip(geos, axes, strict=True):
        part = table.xs(geo, level="geo")
        ax.fill_between(part.index, part["lower"], part["upper"], color=SKY, alpha=0.4, lw=0, label="interval")
        ax.plot(part.index, part["median"], color=BLUE, linewidth=1.1, label="median")
        observed_dots(ax, part["observed"], 2.5)
        ax.set_title(str(geo), loc="left", fontsize=TEXT, pad=3)
        tidy(ax)
        numbers(ax.yaxis, most=3)
        date_axis(ax, pd.DatetimeIndex(part.index), most=8 if wide < 3 else 4)
    handles = axes[0].get_legend_handles_labels()[0]
    handles[0].set_label(f"{ci_label(table)} interval")
    legend_on_top(axes[0], handles, own)
    days = table.index.unique("date")
    words = f"{series_label(table)} by geo, observed and expected{dates_of(days[0], days[-1])}"
    return finish(axes, own, title, words)


def period_effects(
    draws: xr.DataArray | Fit,
    *,
    truth: Mapping[str, float] | None = None,
    ci_prob: float | None = None,
    title: Title = AUTO,
    ax: Axes | None = None,
) -> Axes:
    """Draw what all geos have in common in a period and no term of an equation explains, over time.

    Parameters
    ----------
    draws : DataArray or Fit
        As ``fit.posterior["sales.period"]``, or a fit of a panel with period effects, for its outcome.
    truth : mapping of str to float, optional
        True values by the names that ``fit.summary()`` has, as ``"sales.period[2024-01-07]"``.
    ci_prob, title, ax : as for every figure, see `bayesmmm.plots`
    """
    draws = checked(PERIOD_EFFECTS(draws), ["date"], "fit.posterior['sales.period']")
    table = table_of(draws, ci_prob)
    name = str(draws.name or "").rpartition(".")[0] or "the outcome"
    own = ax is None
    ax = panels(1, 1, (9.5, 2.9))[0] if ax is None else one(ax)
    zero_line(ax)
    label = f"{ci_label(table)} interval"
    upright(ax, table, label, size=5.0, linewidth=1.8)
    handles, _ = ax.get_legend_handles_labels()
    if truth is not None:
        truth = check_mapping(truth, "truth", "{'sales.period[2024-01-07]': 0.1}")
        names = {f"{draws.name}[{day:%Y-%m-%d}]": day for day in pd.DatetimeIndex(table.index)}
        known = {day: truth[name] for name, day in names.items() if name in truth}
        style: dict[str, Any] = {"mfc": "none", "mec": RED, "mew": 0.9}
        ax.plot(list(known), list(known.values()), "D", markersize=3.0, zorder=3, **style)
        handles.append(TRUTH)
    tidy(ax)
    date_axis(ax, pd.DatetimeIndex(table.index), step=1.0)
    numbers(ax.yaxis)
    ax.set_ylabel(f"common to all geos\n(share of mean {name})", fontsize=TEXT)
    legend_above(ax, [*handles, *caution(draws.attrs)], 3)
    words = f"Period effects of {name}{dates_of(table.index[0], table.index[-1])}"
    return finish([ax], own, title, words)[0]
