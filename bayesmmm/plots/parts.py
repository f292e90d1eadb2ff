"""What the figures share: titles, legends, rows of intervals, saving."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from bayesmmm.errors import SettingError
from bayesmmm.plots.style import BLACK, HEAD, LETTER, RED, SMALL

#: Types of the arguments that figures share, and the title that stands for what the figure says itself.
Title = str | None
Panels = Sequence[Axes] | np.ndarray | None
AUTO = "auto"
_PAD = 0.06  # inches around a title
_BOLD = 0.086  # inches that one letter of a title takes, on average


def save(axes: Axes | np.ndarray, path: str | os.PathLike[str], *, dpi: int = 150) -> Path:
    """Write the figure of `axes` to a file and close it.

    Parameters
    ----------
    axes : Axes or array of Axes
        What a function of this module returned.
    path : str or path
        Its suffix gives the format: .png, .svg, .pdf.
    dpi : int
        Resolution.

    Returns
    -------
    pathlib.Path
    """
    figure = whole_figure(np.ravel(np.asarray(axes, dtype=object))[0])
    figure.savefig(path, dpi=dpi, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    return Path(path)


def whole_figure(ax: Axes) -> Figure:
    """Return the whole figure, also from a part of one."""
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes that were taken off their figure"
    return figure


# ------------------------------------------------------------------------------------------------------------- titles
def finish(axes: Sequence[Axes], own: bool, title: Title, words: str) -> np.ndarray:
    """Write the title of a figure that is drawn otherwise, and return its axes as an array.

    Parameters
    ----------
    own : bool
        Whether the figure is ours, not made of axes that were given.
    title : str or None
        As the user gave it: `AUTO` stands for `words`.
    words : str
        What is seen.
    """
    text = words if title == AUTO else title
    if text and own:
        _title_figure(whole_figure(axes[0]), text)
    elif text and len(axes) == 1:
        legend, pad = axes[0].get_legend(), 4.0
        if legend is not None:  # one above the axes stands below their title
            above = legend.get_window_extent().y1 - axes[0].get_window_extent().y1
            pad += max(0.0, 72.0 * above / whole_figure(axes[0]).dpi)
        axes[0].set_title(text, loc="left", fontsize=HEAD, fontweight="bold", pad=pad)
    elif text and title != AUTO:
        axes[0].figure.suptitle(text, fontsize=HEAD, fontweight="bold")
    return np.asarray(list(axes), dtype=object)


def _title_figure(figure: Figure, text: str) -> None:
    """Make the figure higher by a title on top of it, at the left.

    Matplotlib lays a title and a legend "outside upper" on each other: both take their room from the same margin. So
    the panels keep to a part of the figure that has room for both, and the legend is moved below the title.
    """
    wide, tall = figure.get_size_inches()
    kept = re.sub(r"(\d) to (\d)", "\\1\u00a0to\u00a0\\2", text)  # a span of dates stays on one line
    lines = fill(kept, int((wide - 2 * _PAD) / _BOLD)).replace("\u00a0", " ")
    place: dict[str, Any] = {"ha": "left", "va": "top", "x": _PAD / wide}
    head = figure.suptitle(lines, y=1.0, fontsize=HEAD, fontweight="bold", **place)
    used = head.get_window_extent().height / figure.dpi + 3 * _PAD
    tall += used
    figure.set_size_inches(wide, tall)
    head.set_y(1.0 - _PAD / tall)
    for legend in figure.legends:
        below = figure.transFigure + ScaledTranslation(0.0, -used, figure.dpi_scale_trans)
        legend.set_bbox_to_anchor((0.0, 0.0, 1.0, 1.0), below)
        used += legend.get_window_extent().height / figure.dpi + 2 * _PAD
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine), "the layout of every figure of our own"
    engine.set(rect=(0.0, 0.0, 1.0, 1.0 - used / tall))


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


def truths(ax: Axes, table: pd.DataFrame, truth: Mapping[str, float] | None, shift: float = 0.0) -> None:
    """Mark the true value of every row that has one."""
    known = [(truth[row], i + shift) for i, row in enumerate(table.index) if truth is not None and row in truth]
    if known:
        ax.plot(*zip(*known, strict=True), ls="", marker="D", mfc="none", mec=RED, mew=1.4, ms=4.5, zorder=3)


def listed(axes: Sequence[Axes] | np.ndarray, count: int) -> list[Axes]:
    """Return `axes` as a list, checked to be `count` of them."""
    given = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(given) != count:
        raise SettingError(f"axes has {len(given)} axes and {count} panels are drawn; give {count}, or none")
    return given
