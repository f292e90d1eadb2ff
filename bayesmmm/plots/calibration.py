"""Figures of simulation studies: whether ranks are uniform, and intervals hold the truth."""

import math
import re
import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmmm.errors import SettingError
from bayesmmm.evaluate import Calibration, Recovery
from bayesmmm.plots.parts import (
    BLACK,
    BLUE,
    GREY,
    LETTER,
    RED,
    SMALL,
    ci_label,
    inner_label,
    listed,
    name_axes,
    tidy,
)
from bayesmmm.plots.reading import numbers
from bayesmmm.plots.sources import ECDF, RANKS, RECOVERY
from bayesmmm.text import percent

_MARKS = "osDv^<>Phx+*"  # labels of one parameter; none rests on colour
_FAILED = (0, (5, 1.5))
_ECDF_LETTERS, _RANKS_LETTERS = 22, 18  # that a title as wide as its panel has room for


def ecdf(
    calibration: Calibration, *, quantities: Sequence[str] | None = None, axes: Sequence[Axes] | None = None
) -> np.ndarray:
    """Draw the distribution of the ranks of every quantity less the uniform one, with its simultaneous band.

    A line above zero in the middle says that truths lie low among the draws, below zero that they lie high; an S around
    zero that the draws are too narrow or too wide. Quantities that leave their band are red, broken lines, and named.

    Parameters
    ----------
    calibration : Calibration
        What `calibrate` returned.
    quantities : sequence of str, optional
        Names as in its table; all by default.
    axes : sequence of Axes, optional
        One for each panel; a panel holds one variable, its labels together.

    Returns
    -------
    array of Axes
        One for each variable, in the order of the table.

    Examples
    --------
    >>> axes = ecdf(calibrate(system, data))  # doctest: +SKIP
    """
    calibration = ECDF(calibration)
    bands, table = calibration.bands, calibration.table()
    blocks = _by_variable(_asked(table, quantities))
    own = axes is None
    axes = _panels(blocks, 2.1, 1.55) if own else listed(axes, len(blocks))
    point = np.concatenate([[0.0], bands["point"].values, [1.0]])
    for (variable, names), ax in zip(blocks.items(), axes, strict=True):
        edges = [np.concatenate([[0.0], bands[end].values, [0.0]]) for end in ("lower", "upper")]
        ax.fill_between(point, *edges, color=GREY, alpha=0.22, linewidth=0, zorder=0)
        ax.axhline(0.0, color=GREY, linewidth=0.8, zorder=1)
        bad = []
        for name in names:
            failed = table.loc[name, "verdict"] == "fail"
            line = np.concatenate([[0.0], bands["difference"].sel(quantity=name).values, [0.0]])
            ax.plot(
                point, line, color=RED if failed else BLUE, linestyle=_FAILED if failed else "-", linewidth=1.1
            )
            bad += [inner_label(name)] if failed else []
        _title(ax, variable, bad)
        tidy(ax)
        ax.set_xlim(0.0, 1.0)
        ax.xaxis.set_major_locator(ticker.FixedLocator([0.0, 0.5, 1.0]))
        ax.yaxis.set_major_locator(ticker.MaxNLocator(4, symmetric=True))
    n = bands.attrs["simulations"]
    handles = [
        Patch(
            color=GREY,
            alpha=0.22,
            linewidth=0,
            label=f"{percent(bands.attrs['level'])} band of {n} uniform ranks",
        ),
        Line2D([], [], color=BLUE, linewidth=1.1, label="one quantity"),
        Line2D([], [], color=RED, linewidth=1.1, linestyle=_FAILED, label="outside its band, named"),
    ]
    handles = handles if (table.loc[_asked(table, quantities), "verdict"] == "fail").any() else handles[:2]
    _finish(axes, handles, "relative rank of the truth", "distribution less uniform", own)
    return np.asarray(axes, dtype=object)


def ranks(
    calibration: Calibration, *, quantities: Sequence[str] | None = None, axes: Sequence[Axes] | None = None
) -> np.ndarray:
    """Draw histograms of the ranks of the truths, one panel per quantity.

    A slope to the right says that the draws are too low, two high ends that they are too narrow, a hump that they are
    too wide. The band holds a single bar of a faultless system with 95 %: one bar in twenty may leave it. The verdict
    is that of `ecdf`, which judges all ranks together.

    Parameters
    ----------
    calibration : Calibration
    quantities : sequence of str, optional
        Names as in its table; all by default.
    axes : sequence of Axes, optional
        One for each quantity.

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> axes = ranks(calibrate(system, data), quantities=["roi[tv]", "log_likelihood"])  # doctest: +SKIP
    """
    calibration = RANKS(calibration)
    table = calibration.table()
    names = _asked(table, quantities)
    own = axes is None
    axes = _panels({name: [name] for name in names}, 1.75, 1.25) if own else listed(axes, len(names))
    counted = calibration.histogram()
    width, values = counted.attrs["width"], calibration.kept + 1
    for name, ax in zip(names, axes, strict=True):
        failed = table.loc[name, "verdict"] == "fail"
        ax.axhspan(float(counted["lower"]), float(counted["upper"]), color=GREY, alpha=0.22, linewidth=0, zorder=0)
        ax.axhline(float(counted["expected"]), color=GREY, linewidth=0.8, zorder=1)
        ax.bar(
            counted["bin"],
            counted["count"].sel(quantity=name),
            width,
            align="edge",
            color=RED if failed else BLUE,
            hatch="////" if failed else None,
            edgecolor="white",
            linewidth=0.4,
            zorder=0.5,
        )
        ax.set_title(_wrapped(name, _RANKS_LETTERS), fontsize=SMALL, loc="left", color=RED if failed else BLACK)
        tidy(ax)
        ax.set_xlim(0, values)
        ax.xaxis.set_major_locator(ticker.FixedLocator([0, values // 2, values]))
        ax.yaxis.set_major_locator(ticker.MaxNLocator(3, integer=True))
    n, share = calibration.simulations.sizes["simulation"], f"{percent(counted.attrs['probability'])}"
    handles = [
        Patch(color=GREY, alpha=0.22, linewidth=0, label=f"{share} of single bars, {n} uniform ranks"),
        Patch(color=BLUE, label="no deviation"),
        Patch(facecolor=RED, hatch="///", edgecolor="white", label="outside the band of its distribution"),
    ]
    handles = handles if (table.loc[names, "verdict"] == "fail").any() else handles[:2]
    _finish(axes, handles, f"rank of the truth among {calibration.kept} draws", "simulations", own)
    return np.asarray(axes, dtype=object)


def recovery(table: pd.DataFrame | Recovery, *, axes: Sequence[Axes] | None = None) -> np.ndarray:
    """Draw estimates with their intervals against the truth, one panel per variable.

    On the diagonal, the estimate is the truth. Hollow marks with broken intervals miss it.

    Parameters
    ----------
    table : pandas.DataFrame or Recovery
        As ``mm.evaluate.recover(system, data)`` gives it, or its table:
        rows (simulation, quantity), columns truth, median, lower, upper, covered.
    axes : sequence of Axes, optional
        One for each variable.

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> axes = recovery(recover(system, data, simulations=20).table())  # doctest: +SKIP
    """
    table = RECOVERY(table)
    names = list(dict.fromkeys(table.index.get_level_values("quantity")))
    blocks = _by_variable(names)
    own = axes is None
    axes = _panels(blocks, 2.3, 2.1) if own else listed(axes, len(blocks))
    for (variable, members), ax in zip(blocks.items(), axes, strict=True):
        part = table[table.index.get_level_values("quantity").isin(members)]
        ends = np.array([part[["truth", "lower"]].min().min(), part[["truth", "upper"]].max().max()])
        ax.axline((ends[0], ends[0]), (ends[1], ends[1]), color=GREY, linewidth=0.8, zorder=0)
        for name, mark in zip(members, _MARKS * (1 + len(members) // len(_MARKS)), strict=False):
            rows = part[part.index.get_level_values("quantity") == name]
            for hit, colour in ((True, BLUE), (False, RED)):
                some = rows[rows["covered"] == hit]
                style = "-" if hit else (0, (2, 1))
                ax.vlines(
                    some["truth"], some["lower"], some["upper"], color=colour, linewidth=0.9, linestyle=style
                )
                face = colour if hit else "white"
                ax.plot(some["truth"], some["median"], mark, color=colour, mfc=face, markersize=4, zorder=3)
        ax.set_title(_wrapped(variable, _ECDF_LETTERS), fontsize=SMALL, loc="left")
        if len(members) > 1:
            marks = [
                Line2D([], [], ls="", marker=m, color=BLACK, markersize=3.5, label=inner_label(n))
                for n, m in zip(members, _MARKS * (1 + len(members) // len(_MARKS)), strict=False)
            ]
            ax.legend(handles=marks, fontsize=SMALL - 2, frameon=False, handletextpad=0.1, borderpad=0.1)
        tidy(ax)
        for axis in (ax.xaxis, ax.yaxis):
            numbers(axis, most=4)
    share = ci_label(table)
    handles = [
        Line2D([], [], color=BLUE, marker="o", markersize=4, linewidth=0.9, label=f"median and {share} interval"),
        Line2D(
            [],
            [],
            color=RED,
            marker="o",
            mfc="white",
            markersize=4,
            linewidth=0.9,
            linestyle=(0, (2, 1)),
            label="interval without the truth",
        ),
        Line2D([], [], color=GREY, linewidth=0.8, label="estimate = truth"),
    ]
    _finish(axes, handles, "truth", "estimate", own)
    return np.asarray(axes, dtype=object)


# ------------------------------------------------------------------------------------------------------ inner
def _asked(table: pd.DataFrame, quantities: Sequence[str] | None) -> list[str]:
    names = list(table.index)
    unknown = [name for name in quantities or () if name not in names]
    if unknown:
        raise SettingError(f"there is no quantity {unknown[0]!r}; the calibration has {', '.join(names)}")
    return names if quantities is None else [name for name in names if name in quantities]


def _by_variable(names: Sequence[str]) -> dict[str, list[str]]:
    blocks: dict[str, list[str]] = {}
    for name in names:
        blocks.setdefault(name.partition("[")[0], []).append(name)
    return blocks


def _wrapped(name: str, letters: int) -> str:
    """Break a name at dots, underscores and brackets into lines of at most so many letters."""
    lines = [""]
    for piece in re.findall(r"[\[, ]*[^._\[ ]+[._]*", name):
        if lines[-1] and len(lines[-1]) + len(piece) > letters:
            lines.append("")
            piece = piece.lstrip()
        lines[-1] += piece
    return "\n".join(part for line in lines for part in textwrap.wrap(line, letters) or [line])


def _title(ax: Axes, variable: str, bad: Sequence[str]) -> None:
    """Name the panel, and in it what failed."""
    words = _wrapped(variable, _ECDF_LETTERS)
    if bad and bad != [variable]:
        shown = ", ".join(bad[:2]) + (f" + {len(bad) - 2}" if len(bad) > 2 else "")
        words += "\n" + _wrapped(f"fail: {shown}", _ECDF_LETTERS)
    ax.set_title(words, fontsize=SMALL, loc="left", color=RED if bad else BLACK)


def _panels(blocks, width: float, height: float) -> list[Axes]:
    count = len(blocks)
    across = min(count, max(3, math.ceil(math.sqrt(1.3 * count))))
    down = math.ceil(count / across)
    figure, grid = plt.subplots(
        down,
        across,
        figsize=(max(width * across, 5.2), (height + 0.35) * down + 0.6),
        squeeze=False,
        layout="constrained",
    )
    for ax in grid.ravel()[count:]:
        figure.delaxes(ax)
    return list(grid.ravel()[:count])


def _finish(axes: Sequence[Axes], handles: list, x: str, y: str, own: bool) -> None:
    if own:
        figure = axes[0].figure.figure
        longest = LETTER * max(len(handle.get_label()) for handle in handles) + 0.6
        across = int(np.clip(figure.get_figwidth() // longest, 1, len(handles)))
        figure.legend(handles=handles, loc="outside upper left", ncols=across, frameon=False, fontsize=SMALL)
    name_axes(axes, x, y, own)
