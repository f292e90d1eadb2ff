"""What is drawn in many figures: legends, rows of intervals, marks of what is true and what is earned back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from bayesmmm.plots.axis import log_axis, numbers, zero_line
from bayesmmm.plots.layout import whole_figure, width_of
from bayesmmm.plots.style import BLACK, BLUE, DASHED, GREY, LETTER, RED, SKY, SMALL
from bayesmmm.validate import as_floats, check_mapping, refusal

_MANY = 250  # periods that are too close to each other for marks of their own
_SPAN = 20.0  # a logarithmic axis is used where returns differ by more than this factor


# ------------------------------------------------------------------------------------------------------------ legends
def key(label: str, colour: str = BLACK, **style: Any) -> Line2D:
    """Return a legend entry."""
    return Line2D([], [], label=label, color=colour, **style)


def entry(colour: str, label: str, linewidth: float = 1.8) -> Line2D:
    """Return the legend entry of a row of intervals."""
    return key(label, colour, marker="o", markersize=4, linewidth=linewidth)


TRUTH = key("truth", RED, marker="D", ls="", mfc="none", mec=RED, mew=1.4, ms=5)


def legend_on_top(ax: Axes, entries: Sequence[Artist], own: bool) -> None:
    """Put the legend above the whole figure, or into `ax` when the figure is not our own."""
    if not own:
        ax.legend(handles=list(entries), frameon=False, fontsize=SMALL)
        return
    figure = whole_figure(ax)
    longest = LETTER * max(len(line) for entry in entries for line in str(entry.get_label()).split("\n")) + 0.6
    across = int(np.clip(figure.get_figwidth() // longest, 1, len(entries)))
    place: dict[str, Any] = {"loc": "outside upper left", "ncols": across, "frameon": False}
    figure.legend(handles=list(entries), fontsize=SMALL, **place)


def legend_above(ax: Axes, entries: Sequence[Artist], ncols: int, *, left: bool = False) -> Legend:
    """Put a legend above the axes, to the right or to the left."""
    place: dict[str, Any] = {"loc": "lower left" if left else "lower right"}
    place["bbox_to_anchor"] = (0.0, 1.0) if left else (1.0, 1.0)
    return ax.legend(handles=list(entries), ncols=ncols, frameon=False, fontsize=SMALL, **place)


# ---------------------------------------------------------------------------------------------------------- intervals
def intervals(
    ax: Axes, table: pd.DataFrame, shift: float, colour: str, *, size: float, linewidth: float = 1.8
) -> None:
    """Draw one interval and median per row of the table, the first row at `shift`."""
    at = np.arange(len(table)) + shift
    ax.hlines(at, table["lower"], table["upper"], color=colour, linewidth=linewidth)
    ax.plot(table["median"], at, "o", color=colour, markersize=size)


def observed_dots(ax: Axes, series: pd.Series, size: float) -> None:
    """Draw observed values as dots; of many periods they are small and light, so that an interval below is seen."""
    style: dict[str, Any] = {"markersize": size}
    if len(series) > _MANY:
        small = max(1.4, size * (_MANY / len(series)) ** 0.5)
        style = {"markersize": small, "alpha": 0.6, "markeredgewidth": 0.0}
    ax.plot(series.index, series, ".", color=BLACK, clip_on=False, label="observed", **style)


def upright(ax: Axes, table: pd.DataFrame, label: str, *, size: float, linewidth: float) -> None:
    """Draw an interval and a median for every period: of many periods a band with a line."""
    many = len(table) > _MANY
    if many:
        ax.fill_between(
            table.index, table["lower"], table["upper"], color=SKY, alpha=0.5, linewidth=0, label=label
        )
    else:
        ax.vlines(table.index, table["lower"], table["upper"], color=SKY, linewidth=linewidth, label=label)
    marks: dict[str, Any] = {"linewidth": 0.7} if many else {"marker": ".", "ls": "", "markersize": size}
    ax.plot(table.index, table["median"], color=BLUE, label="median", **marks)


def truths(ax: Axes, table: pd.DataFrame, truth: Mapping[str, float] | None, shift: float = 0.0) -> None:
    """Mark the true value of every row that has one."""
    values = check_mapping(truth, "truth", "{'roi[tv]': 1.5}")
    try:
        sound = as_floats(list(values.values())).ndim == 1
    except (TypeError, ValueError, OverflowError):
        sound = False
    if not sound:
        raise refusal("truth", truth, "must be numbers by name, as {'roi[tv]': 1.5}")
    known = [(values[row], i + shift) for i, row in enumerate(table.index) if row in values]
    if known:
        ax.plot(*zip(*known, strict=True), ls="", marker="D", mfc="none", mec=RED, mew=1.4, ms=4.5, zorder=3)


def earned_back(ax: Axes, threshold: float | None, *, across: bool = False) -> list[Artist]:
    """Mark the return at which spend is earned back, where there is one; return its legend entry."""
    if threshold is None:
        return []
    (ax.axhline if across else ax.axvline)(threshold, color=BLACK, linewidth=1.0, linestyle=DASHED, zorder=1)
    return [key("spend is earned back", lw=1.0, ls=DASHED)]


def return_axis(ax: Axes, values: np.ndarray, threshold: float | None) -> str:
    """Choose a logarithmic axis for returns that differ a lot, or a linear one that shows zero; say which."""
    values = values[np.isfinite(values)]  # none where no channel has spend
    if len(values) and values.min() > 0.0 and values.max() > _SPAN * values.min():
        log_axis(ax)
        return ", log scale"
    numbers(ax.xaxis, most=6)
    zero_line(ax, vertical=True)
    ends = [*(values if len(values) else [1.0]), 0.0, *([threshold] if threshold is not None else [])]
    room = 0.04 * (max(ends) - min(ends))
    ax.set_xlim(min(ends) - (room if min(ends) < 0.0 else 0.0), max(ends) + room)
    return ""


# ------------------------------------------------------------------------------------------------- geos by channels
def size_of_cells(geos: Sequence[object], channels: Sequence[object]) -> tuple[float, float]:
    """Size of a figure with a cell for every channel in every geo."""
    wide = width_of(list(geos)) + max(0.75 * len(channels), 2.4) + 1.2
    return wide, 0.27 * len(geos) + width_of(list(channels)) + 0.9


def cells(
    ax: Axes,
    geos: Sequence[object],
    channels: Sequence[object],
    values: np.ndarray,
    words: Sequence[Sequence[str]],
    **colours: Any,
) -> Colorbar:
    """Draw values (geo, channel) as coloured cells with words in them, a dash where there is none; return the bar."""
    image = ax.imshow(values, aspect="auto", **colours)
    level = np.ma.filled(image.norm(np.ma.masked_invalid(values)), 0.0)
    red, green, blue, _ = np.moveaxis(image.cmap(level), -1, 0)
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55  # as bright as an eye sees it
    for i, j in np.ndindex(*values.shape):
        known = bool(np.isfinite(values[i, j]))
        colour = GREY if not known else "white" if dark[i, j] else BLACK
        ax.text(j, i, words[i][j] if known else "–", ha="center", va="center", fontsize=SMALL, color=colour)
    ax.set_xticks(range(len(channels)), list(map(str, channels)), fontsize=SMALL)
    ax.tick_params("x", rotation=90 if len(channels) > 4 else 0)
    ax.set_yticks(range(len(geos)), list(map(str, geos)), fontsize=SMALL)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, aspect=25, pad=0.03)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    return bar
