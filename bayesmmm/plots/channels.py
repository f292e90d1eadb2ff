"""What each channel does: effects, the two views of its contribution, returns."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bayesmmm.errors import SettingError
from bayesmmm.estimands import series_total
from bayesmmm.plots.axis import label_rows, numbers, percents, zero_line
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, one, rows_axes, width_of
from bayesmmm.plots.parts import (
    TRUTH,
    earned_back,
    entry,
    intervals,
    legend_above,
    legend_on_top,
    return_axis,
    truths,
)
from bayesmmm.plots.reading import (
    SAMPLE,
    caution,
    checked,
    ci_label,
    rounded,
    series_of,
    span_of,
    table_of,
    unit_of,
    variable,
    when,
    window_words,
)
from bayesmmm.plots.sources import ACCOUNTING, ACCOUNTING_EFFECTS, EFFECTS, MARGINAL_ROI, ROI
from bayesmmm.plots.style import BLACK, BLUE, BROWN, GREY, ORANGE, PALE, SMALL, TEXT
from bayesmmm.results import Fit

_EFFECTS = "effects(fit)"
_HATCH = ("", "///", "xxx", "...")


def effects(
    dataset: xr.Dataset | Fit, *, ci_prob: float | None = None, title: Title = AUTO, ax: Axes | None = None
) -> Axes:
    """Draw the direct and the mediated part of what each channel does, with the interval of the total.

    Parts are posterior means, which add up, laid end to end, negative ones to the left of zero. The dot of the total is
    its median: where the posterior is skewed, it stands apart from the end of the parts. With more than one mediator
    each has a part of its own. Channels are sorted by the median of their total.

    Parameters
    ----------
    dataset : Dataset or Fit
        As ``mm.effects(fit)`` gives it, or a fit.
    ci_prob, title, ax : as for every figure, see `bayesmmm.plots`
    """
    dataset = EFFECTS(dataset)
    parts = {"direct": variable(dataset, "direct", ["channel"], _EFFECTS)}
    mediators = dataset["mediator"].values.tolist() if "via" in dataset else []
    if len(mediators) > 1:
        via = variable(dataset, "via", ["channel", "mediator"], _EFFECTS)
        parts |= {f"via {name}": via.sel(mediator=name) for name in mediators}
    else:
        indirect = variable(dataset, "indirect", ["channel"], _EFFECTS)
        if mediators or indirect.any():
            parts[f"via {mediators[0]}" if mediators else "mediated"] = indirect
    draws = variable(dataset, "total", ["channel"], _EFFECTS)
    total = _sorted(table_of(draws, ci_prob))
    own = ax is None
    ax = rows_axes(list(total.index), 5.6, 1.4, 0.27) if ax is None else one(ax)
    right, left = np.zeros(len(total)), np.zeros(len(total))
    handles: list[Artist] = []
    for i, (label, part) in enumerate(parts.items()):
        mean = part.mean(SAMPLE).sel(channel=total.index.tolist()).values
        colour = BLUE if i == 0 else (ORANGE, PALE)[(i - 1) % 2]
        edge = BROWN if colour == PALE else "white"
        style: dict[str, Any] = {"facecolor": colour, "edgecolor": edge, "hatch": _HATCH[i % 4], "linewidth": 0.4}
        for at, length in ((right, mean.clip(min=0.0)), (left, mean.clip(max=0.0))):
            ax.barh(np.arange(len(total)) - 0.14, length, left=at, height=0.44, **style)
            at += length
        handles.append(Patch(label=f"{label}, mean", **style))
    intervals(ax, total, 0.26, BLACK, size=3.5, linewidth=1.4)
    handles.append(entry(BLACK, f"total, median and {ci_label(total)} interval", 1.4))
    label_rows(ax, list(total.index))
    zero_line(ax, vertical=True)
    numbers(ax.xaxis)
    ax.set_xlabel(_lines(f"outcome gained{unit_of(draws, dataset)}", window_words(dataset.attrs)), fontsize=TEXT)
    legend_above(ax, [*handles, *caution(dataset.attrs)], 2)
    first = total.iloc[0]
    amount = (
        f"{rounded(first['median'])} ({ci_label(total)}: {rounded(first['lower'])} to {rounded(first['upper'])})"
    )
    words = f"{total.index[0]} brought {'most' * (len(total) > 1)} to {series_of(dataset.attrs)}: {amount}"
    words = " ".join(words.split())
    return finish([ax], own, title, f"{words}{when(dataset.attrs)}")[0]


def accounting(
    decomposition: xr.Dataset | Fit,
    effects: xr.Dataset | Fit | None = None,
    *,
    ci_prob: float | None = None,
    title: Title = AUTO,
    axes: Panels = None,
) -> np.ndarray:
    """Draw what the decomposition credits to each channel beside what would be lost without it.

    The two views answer different questions. The decomposition shares the outcome out, so that its parts add up;
    zero-out compares with a world in which one channel spends nothing and everything else responds. Where responses
    saturate, or channels meet in one mediator, they differ, and the right panel shows by how much. Both are in percent
    of the outcome of the window: as observed, expected in periods whose outcome was not recorded.

    Parameters
    ----------
    decomposition : Dataset or Fit
        As ``mm.decompose(fit)`` gives it for the outcome, or a fit.
    effects : Dataset or Fit, optional
        As ``mm.effects(fit)`` gives it, of the same draws and over the same window; with ``window="outcome"`` both views
        are about the same periods. May be left out where a fit is given.
    axes : sequence of Axes, optional
        Two: for the shares and for their difference.
    ci_prob, title : as for every figure, see `bayesmmm.plots`

    Raises
    ------
    ValueError
        When the two are of different draws, windows or units.

    Examples
    --------
    >>> axes = accounting(mm.decompose(fit), mm.effects(fit, window="outcome"))  # doctest: +SKIP
    """
    effects = ACCOUNTING_EFFECTS(decomposition if effects is None else effects)
    decomposition = ACCOUNTING(decomposition)
    removed = variable(effects, "total", ["channel"], _EFFECTS)
    credit = _credited(decomposition, removed)
    _check_same(decomposition, effects, credit, removed)
    whole = series_total(decomposition)
    names = _sorted(table_of(removed, ci_prob)).index
    order = {"channel": names.tolist()}
    credit, removed = credit.sel(order) / whole, removed.sel(order) / whole
    tables = [table_of(part, ci_prob) for part in (credit, removed, credit - removed)]
    own = axes is None
    if axes is None:
        size = (7.0 + width_of(names), 1.6 + 0.34 * len(names))
        axes = plt.subplots(1, 2, figsize=size, width_ratios=[1.5, 1.0], layout="constrained")[1]
    axes = listed(axes, 2)
    intervals(axes[0], tables[0], -0.16, GREY, size=4.0, linewidth=2.2)
    intervals(axes[0], tables[1], 0.16, BLUE, size=4.0, linewidth=2.2)
    intervals(axes[1], tables[2], 0.0, BLACK, size=4.0, linewidth=1.8)
    what_is_drawn = ("share of the outcome", "difference: decomposition less zero-out")
    for ax, what in zip(axes, what_is_drawn, strict=True):
        label_rows(ax, list(names))
        zero_line(ax, vertical=True)
        percents(ax.xaxis)
        ax.set_xlabel(what, fontsize=TEXT)
    # Without a least width, rounding errors would fill the panel where both views agree.
    reach = np.abs(tables[2][["lower", "upper"]]).to_numpy().max()
    least = 0.05 * max(np.abs(table[["lower", "upper"]]).to_numpy().max() for table in tables[:2])
    if reach < least:
        axes[1].set_xlim(-least, least)
    if own:
        axes[1].tick_params(labelleft=False)
    words = window_words(effects.attrs)
    handles = [
        entry(GREY, "decomposition: what is credited to the channel", 2.2),
        entry(BLUE, "zero-out: what would be lost without it" + (f"\n({words})" if words else ""), 2.2),
        entry(BLACK, f"their difference; all: median and {ci_label(tables[0])} interval"),
        *caution(decomposition.attrs, effects.attrs),
    ]
    legend_on_top(axes[0], handles, own)
    about = f"{series_of(decomposition.attrs)} by channel{when(decomposition.attrs)}"
    return finish(axes, own, title, f"Two ways to count: {about}")


def _credited(dataset: xr.Dataset, removed: xr.DataArray) -> xr.DataArray:
    """Sum the direct and mediated components of each channel over the window."""
    draws = variable(dataset, "contribution", ["component", "date"], "decompose(fit)").sum("date")
    owner = dataset["channel"].values
    missing = [name for name in removed["channel"].values.tolist() if name not in owner]
    if missing:
        raise SettingError(
            f"the decomposition has no component of the channel {missing[0]!r}; decompose the outcome, with "
            f"decompose(fit), and take the effects of single channels"
        )
    parts = [draws.isel(component=owner == name).sum("component") for name in removed["channel"].values]
    return xr.concat(parts, removed["channel"]).transpose(*removed.dims)


def _check_same(
    decomposition: xr.Dataset, effects: xr.Dataset, credit: xr.DataArray, removed: xr.DataArray
) -> None:
    if not all(np.array_equal(credit[dim], removed[dim]) for dim in SAMPLE):
        raise SettingError(
            f"the decomposition has {credit.sizes['chain']} x {credit.sizes['draw']} draws and the effects "
            f"{removed.sizes['chain']} x {removed.sizes['draw']}, or other ones; make both from one fit"
        )
    units = [unit_of(d, s) for d, s in ((decomposition["contribution"], decomposition), (removed, effects))]
    if all(units) and units[0] != units[1]:
        raise SettingError(
            f"the units differ:{units[0]} and{units[1]}; decompose the outcome, with decompose(fit)"
        )
    start, stop = (effects.attrs.get(end) for end in ("start", "stop"))
    if start and stop:
        spans = [span_of(decomposition), (pd.Timestamp(start), pd.Timestamp(stop))]
        if spans[0] != spans[1]:
            words = [f"{first:%Y-%m-%d} to {last:%Y-%m-%d}" for first, last in spans]
            raise SettingError(
                f"the decomposition is about {words[0]}, the effects about {words[1]}; make both with the same start= "
                f"and stop="
            )


def roi(
    draws: xr.DataArray | Fit,
    *,
    marginal: xr.DataArray | Fit | None = None,
    truth: Mapping[str, float] | None = None,
    ci_prob: float | None = None,
    title: Title = AUTO,
    ax: Axes | None = None,
) -> Axes:
    """Draw the return of each channel and, beside it, the return of a little more spend.

    Sorted by median. The axis is logarithmic, and says so, where all is positive and differs by more than a factor of
    20. Where the outcome is money, a line marks the return at which spend is earned back. A channel without spend in
    the window has no return; its row says so.

    Parameters
    ----------
    draws : DataArray or Fit
        As ``mm.roi(fit)`` gives it, or a fit.
    marginal : DataArray or Fit, optional
        As ``mm.marginal_roi(fit)`` gives it, of the same channels, or a fit.
    truth : mapping of str to float, optional
        True values of `draws` by channel, drawn as diamonds.
    ci_prob, title, ax : as for every figure, see `bayesmmm.plots`

    Examples
    --------
    >>> ax = roi(mm.roi(fit), marginal=mm.marginal_roi(fit))  # doctest: +SKIP
    """
    draws, marginal = ROI(draws), None if marginal is None else MARGINAL_ROI(marginal)
    table = _sorted(table_of(checked(draws, ["channel"], "roi(fit)"), ci_prob))
    shift = 0.0 if marginal is None else -0.16
    own = ax is None
    ax = rows_axes(list(table.index), 5.0, 1.4, 0.24 if marginal is None else 0.34) if ax is None else one(ax)
    name = {"roi_net": "net ROI"}.get(str(draws.name), "ROI")
    tables = [table]
    intervals(ax, table, shift, BLUE, size=4.5, linewidth=2.2)
    handles: list[Artist] = [entry(BLUE, f"{name}, median and {ci_label(table)} interval", 2.2)]
    if marginal is not None:
        extra = table_of(checked(marginal, ["channel"], "marginal_roi(fit)"), ci_prob)
        if set(extra.index) != set(table.index):
            odd = sorted(set(extra.index) ^ set(table.index))
            raise SettingError(
                f"roi and marginal differ in the channel {odd[0]!r}; make both of the same channels"
            )
        if window_words(marginal.attrs) != window_words(draws.attrs):
            raise SettingError(
                f"roi is about {window_words(draws.attrs)!r} and marginal about {window_words(marginal.attrs)!r}; make "
                f"both with the same window=, start= and stop="
            )
        tables.append(extra.loc[table.index])
        intervals(ax, tables[1], 0.16, ORANGE, size=4.0, linewidth=1.6)
        handles.append(entry(ORANGE, f"marginal ROI, of a little more spend, {ci_label(table)}", 1.6))
    if truth is not None:
        truths(ax, table, truth, shift)
        handles.append(TRUTH)
    label_rows(ax, list(table.index))
    threshold = draws.attrs.get("threshold")
    handles += earned_back(ax, threshold)
    _note_no_spend(ax, tables)
    known = [value for channel, value in (truth or {}).items() if channel in table.index]
    ends = [part[["lower", "upper"]].to_numpy().ravel() for part in tables]
    scale = return_axis(ax, np.concatenate([known, *ends]), threshold)
    what = name if marginal is None else f"{name} and marginal ROI"
    ax.set_xlabel(_lines(f"{what}{unit_of(draws)}{scale}", window_words(draws.attrs)), fontsize=TEXT)
    legend_above(ax, [*handles, *caution(draws.attrs, {} if marginal is None else marginal.attrs)], 2)
    words, first = f"{what} in {series_of(draws.attrs)}", table["median"].iloc[0]
    words += (
        f": {rounded(first)} for {table.index[0]}{', the highest' * (len(table) > 1)}"
        if np.isfinite(first)
        else ""
    )
    return finish([ax], own, title, f"{words}{when(draws.attrs)}")[0]


def _note_no_spend(ax: Axes, tables: Sequence[pd.DataFrame]) -> None:
    """Say in the rows without a return why there is none."""
    for i in np.flatnonzero(np.all([table["median"].isna() for table in tables], axis=0)):
        box = {"facecolor": "white", "linewidth": 0, "pad": 1.0}
        place = ax.get_yaxis_transform()
        ax.text(0.02, float(i), "no spend", transform=place, va="center", fontsize=SMALL, color=GREY, bbox=box)


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows from the largest median to the smallest, attributes kept."""
    return table.sort_values("median", ascending=False, kind="stable")


def _lines(*words: str) -> str:
    return "\n".join(word for word in words if word)
