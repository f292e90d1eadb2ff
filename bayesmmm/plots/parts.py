"""What the figures share: colours, sizes, rows of intervals, axes, saving."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import dates as mdates
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmmm.errors import SettingError
from bayesmmm.text import percent, short_number

BLACK, GREY = "#000000", "#777777"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, RED, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
PALE = "#F7D992"  # a light orange
BROWN = "#8C5A00"  # hatches on a pale area, where white ones are not seen
SMALL, TEXT = 8, 9
LETTER = 0.068  # inches that one letter of the small size takes, on average


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
    figure = np.ravel(axes)[0].figure.figure  # the whole figure, also from a part of one
    figure.savefig(path, dpi=dpi, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    return Path(path)


TRUTH = Line2D([], [], marker="D", ls="", mfc="none", mec=RED, mew=1.4, ms=5, label="truth")


def entry(colour: str, label: str, linewidth: float = 1.8) -> Line2D:
    """Return the legend entry of a row of intervals."""
    return Line2D([], [], color=colour, marker="o", markersize=4, linewidth=linewidth, label=label)


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


def label_rows(ax: Axes, labels: Sequence[str]) -> None:
    """Name the rows, the first on top."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    tidy(ax)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.xaxis.set_major_locator(ticker.MaxNLocator(3 if len(labels) > 1 else 2))


def log_axis(ax: Axes) -> None:
    """Make the x axis logarithmic, with few labels."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0), numticks=5))
    ax.xaxis.set_major_formatter(ticker.FuncFormatter(short_number))
    ax.xaxis.set_minor_locator(ticker.NullLocator())


def date_axis(ax: Axes) -> None:
    """Label the x axis with few dates, every month with its year, every day with its month."""
    locator = mdates.AutoDateLocator(minticks=3, maxticks=8)
    formatter = mdates.ConciseDateFormatter(locator, show_offset=False)
    formatter.formats[1] = formatter.zero_formats[2] = "%b %Y"
    formatter.formats[2] = "%d %b"
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(formatter)


def one_date(ax: Axes, day: object) -> None:
    """Label the x axis of a single period with its date, in the middle."""
    at = float(mdates.date2num(day))
    ax.set_xlim(at - 1.0, at + 1.0)
    ax.xaxis.set_major_locator(ticker.FixedLocator([at]))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y-%m-%d"))


def legend_on_top(ax: Axes, entries: list[Line2D], own: bool) -> None:
    """Put the legend above the whole figure, or into `ax` when the figure is not our own."""
    if own:
        whole = ax.figure.figure
        whole.legend(handles=entries, loc="outside upper right", ncols=2, frameon=False, fontsize=SMALL)
    else:
        ax.legend(handles=entries, frameon=False, fontsize=SMALL)


def legend_above(ax: Axes, handles: list, ncols: int) -> None:
    """Put a legend above the axes, to the right."""
    ax.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=ncols,
        frameon=False,
        fontsize=SMALL,
    )


def tidy(ax: Axes) -> None:
    """Take away the lines that carry nothing."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=SMALL)


def listed(axes: Sequence[Axes], count: int) -> list[Axes]:
    """Return `axes` as a list, checked to be `count` of them."""
    given = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(given) != count:
        raise SettingError(f"axes has {len(given)} axes and {count} panels are drawn; give {count}, or none")
    return given


def name_axes(axes: Sequence[Axes], x: str, y: str, own: bool) -> None:
    """Name the axes once for a figure of our own, else on every panel."""
    if own:
        figure = axes[0].figure.figure
        figure.supxlabel(x, fontsize=TEXT)
        figure.supylabel(y, fontsize=TEXT)
        return
    for ax in axes:
        ax.set_xlabel(x, fontsize=SMALL)
        ax.set_ylabel(y, fontsize=SMALL)


def inner_label(row: str) -> str:
    """Return what stands in the brackets of ``variable[label]``."""
    return str(row).partition("[")[2].removesuffix("]") or str(row)


def series_label(table: pd.DataFrame) -> str:
    """Return the name of a series with its unit."""
    unit = table.attrs.get("unit", "")
    return f"{table.attrs.get('equation', 'series')}{f' ({unit})' if unit else ''}"


def ci_label(table: pd.DataFrame) -> str:
    """Return the probability of the intervals of a table, as "90 %"."""
    return percent(table.attrs["ci_prob"]) if "ci_prob" in table.attrs else "lower to upper"
