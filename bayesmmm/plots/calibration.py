"""Figures of simulation studies: whether ranks are uniform, and intervals hold the truth."""

import math
import re
import textwrap
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bayesmmm.errors import SettingError
from bayesmmm.evaluate import Calibration, Recovery
from bayesmmm.plots.axis import numbers, tidy
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, name_axes, panels
from bayesmmm.plots.parts import entry, key, legend_on_top
from bayesmmm.plots.reading import ci_label, inner_label
from bayesmmm.plots.sources import ECDF, RANKS, RECOVERY
from bayesmmm.plots.style import BLACK, BLUE, GREY, RED, SMALL
from bayesmmm.text import counted, percent, row_parts

_MARKS = "osDv^<>Phx+*"  # labels of one parameter; none rests on colour
_FAILED, _MISSED = (0, (5, 1.5)), (0, (2, 1))
_ECDF_LETTERS, _RANKS_LETTERS = 22, 18  # that a title as wide as its panel has room for


def ecdf(
    calibration: Calibration, *, quantities: Sequence[str] | None = None, title: Title = AUTO, axes: Panels = None
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
    title : as for every figure, see `bayesmmm.plots`

    Returns
    -------
    array of Axes
        One for each variable, in the order of the table.
    """
    calibration = ECDF(calibration)
    bands, table = calibration.bands, calibration.table()
    chosen = _chosen(table, quantities)
    blocks = _by_variable(chosen)
    own = axes is None
    axes = _panels(len(blocks), 2.1, 1.55) if axes is None else listed(axes, len(blocks))
    point = np.concatenate([[0.0], bands["point"].values, [1.0]])
    for (variable, names), ax in zip(blocks.items(), axes, strict=True):
        lower, upper = (np.concatenate([[0.0], bands[end].values, [0.0]]) for end in ("lower", "upper"))
        ax.fill_between(point, lower, upper, color=GREY, alpha=0.22, linewidth=0, zorder=0)
        ax.axhline(0.0, color=GREY, linewidth=0.8, zorder=1)
        bad = []
        for name in names:
            failed = table.loc[name, "verdict"] == "fail"
            line = np.concatenate([[0.0], bands["difference"].sel(quantity=name).values, [0.0]])
            colour, style = (RED, _FAILED) if failed else (BLUE, "-")
            ax.plot(point, line, color=colour, linestyle=style, linewidth=1.1)
            bad += [inner_label(name)] if failed else []
        _name_panel(ax, variable, [inner_label(name) for name in names if name != variable], bad)
        tidy(ax)
        ax.set_xlim(0.0, 1.0)
        ax.xaxis.set_major_locator(ticker.FixedLocator([0.0, 0.5, 1.0]))
        ax.yaxis.set_major_locator(ticker.MaxNLocator(4, symmetric=True))
    n = bands.attrs["simulations"]
    handles: list[Artist] = [
        Patch(color=GREY, alpha=0.22, lw=0, label=f"{percent(bands.attrs['level'])} band of {n} uniform ranks"),
        key("one quantity", BLUE, linewidth=1.1),
    ]
    fails = int((table.loc[chosen, "verdict"] == "fail").sum())
    handles += [key("outside its band, named", RED, linewidth=1.1, linestyle=_FAILED)] if fails else []
    legend_on_top(axes[0], handles, own)
    name_axes(axes, "relative rank of the truth", "distribution\nless uniform", own)
    words = f"Ranks of the truth in {counted(n, 'simulation')}: {_verdict(fails, len(chosen))}"
    return finish(axes, own, title, words)


def ranks(
    calibration: Calibration, *, quantities: Sequence[str] | None = None, title: Title = AUTO, axes: Panels = None
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
    title : as for every figure, see `bayesmmm.plots`

    Examples
    --------
    >>> axes = ranks(calibrate(system, data), quantities=["roi[tv]", "log_likelihood"])  # doctest: +SKIP
    """
    calibration = RANKS(calibration)
    table = calibration.table()
    names = _chosen(table, quantities)
    own = axes is None
    axes = _panels(len(names), 1.75, 1.25) if axes is None else listed(axes, len(names))
    bars = calibration.histogram()
    width, values = bars.attrs["width"], calibration.kept + 1
    for name, ax in zip(names, axes, strict=True):
        failed = table.loc[name, "verdict"] == "fail"
        ax.axhspan(float(bars["lower"]), float(bars["upper"]), color=GREY, alpha=0.22, linewidth=0, zorder=0)
        ax.axhline(float(bars["expected"]), color=GREY, linewidth=0.8, zorder=1)
        style: dict[str, Any] = {"color": RED, "hatch": "////"} if failed else {"color": BLUE}
        style |= {"edgecolor": "white", "linewidth": 0.4, "zorder": 0.5}
        ax.bar(bars["bin"], bars["count"].sel(quantity=name), width, align="edge", **style)
        ax.set_title(_wrapped(name, _RANKS_LETTERS), fontsize=SMALL, loc="left", color=RED if failed else BLACK)
        tidy(ax)
        ax.set_xlim(0, values)
        ax.xaxis.set_major_locator(ticker.FixedLocator([0, values // 2, values]))
        ax.yaxis.set_major_locator(ticker.MaxNLocator(3, integer=True))
    n, share = calibration.simulations.sizes["simulation"], percent(bars.attrs["probability"])
    handles = [
        Patch(color=GREY, alpha=0.22, linewidth=0, label=f"{share} of single bars, {n} uniform ranks"),
        Patch(color=BLUE, label="no deviation"),
        Patch(facecolor=RED, hatch="///", edgecolor="white", label="outside the band of its distribution"),
    ]
    fails = int((table.loc[names, "verdict"] == "fail").sum())
    legend_on_top(axes[0], handles if fails else handles[:2], own)
    name_axes(axes, f"rank of the truth among {calibration.kept} draws", "simulations", own)
    words = f"Ranks of the truth in {counted(n, 'simulation')}: {_verdict(fails, len(names))}"
    return finish(axes, own, title, words)


def recovery(table: pd.DataFrame | Recovery, *, title: Title = AUTO, axes: Panels = None) -> np.ndarray:
    """Draw estimates with their intervals against the truth, one panel per variable.

    On the diagonal, the estimate is the truth. Hollow marks with broken intervals miss it.

    Parameters
    ----------
    table : pandas.DataFrame or Recovery
        As ``mm.evaluate.recover(system, data)`` gives it, or its table:
        rows (simulation, quantity), columns truth, median, lower, upper, covered.
    axes : sequence of Axes, optional
        One for each variable.
    title : as for every figure, see `bayesmmm.plots`
    """
    table = RECOVERY(table)
    names = list(dict.fromkeys(table.index.get_level_values("quantity")))
    blocks = _by_variable(names)
    own = axes is None
    axes = _panels(len(blocks), 2.3, 2.1) if axes is None else listed(axes, len(blocks))
    for (variable, members), ax in zip(blocks.items(), axes, strict=True):
        part = table[table.index.get_level_values("quantity").isin(members)]
        ends = np.array([part[["truth", "lower"]].min().min(), part[["truth", "upper"]].max().max()])
        ax.axline((ends[0], ends[0]), (ends[1], ends[1]), color=GREY, linewidth=0.8, zorder=0)
        for name, mark in zip(members, cycle(_MARKS), strict=False):
            rows = part[part.index.get_level_values("quantity") == name]
            for hit, colour in ((True, BLUE), (False, RED)):
                some, face = rows[rows["covered"] == hit], colour if hit else "white"
                if not len(some):  # a line without points takes room in the corner of the figure
                    continue
                style: dict[str, Any] = {"color": colour, "linestyle": "-" if hit else _MISSED}
                ax.vlines(some["truth"], some["lower"], some["upper"], linewidth=0.9, **style)
                ax.plot(some["truth"], some["median"], mark, color=colour, mfc=face, markersize=4, zorder=3)
        ax.set_title(_wrapped(variable, _ECDF_LETTERS), fontsize=SMALL, loc="left")
        if len(members) > 1:
            marks = [
                key(inner_label(n), ls="", marker=m, ms=3.5) for n, m in zip(members, cycle(_MARKS), strict=False)
            ]
            ax.legend(handles=marks, fontsize=SMALL - 2, frameon=False, handletextpad=0.1, borderpad=0.1)
        tidy(ax)
        for axis in (ax.xaxis, ax.yaxis):
            numbers(axis, most=4)
    share = ci_label(table)
    missed: dict[str, Any] = {"mfc": "white", "linewidth": 0.9, "linestyle": _MISSED}
    handles = [
        entry(BLUE, f"median and {share} interval", 0.9),
        key("interval without the truth", RED, marker="o", markersize=4, **missed),
        key("estimate = truth", GREY, linewidth=0.8),
    ]
    legend_on_top(axes[0], handles, own)
    name_axes(axes, "truth", "estimate", own)
    words = f"Estimates against the truth: {table['covered'].sum()} of {len(table)} intervals hold it"
    return finish(axes, own, title, words)


# ------------------------------------------------------------------------------------------------------ inner
def _chosen(table: pd.DataFrame, quantities: Sequence[str] | None) -> list[str]:
    names = list(table.index)
    unknown = [name for name in quantities or () if name not in names]
    if unknown:
        raise SettingError(f"there is no quantity {unknown[0]!r}; the calibration has {', '.join(names)}")
    return names if quantities is None else [name for name in names if name in quantities]


def _by_variable(names: Sequence[str]) -> dict[str, list[str]]:
    blocks: dict[str, list[str]] = {}
    for name in names:
        blocks.setdefault(row_parts(name)[0], []).append(name)
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


def _name_panel(ax: Axes, variable: str, labels: Sequence[str], bad: Sequence[str]) -> None:
    """Name the panel, and what is in it; of several labels those that failed."""
    words = _wrapped(variable, _ECDF_LETTERS)
    named = [name for name in bad or labels if name != variable]
    if named:
        shown = ", ".join(named[:2]) + (f" + {len(named) - 2}" if len(named) > 2 else "")
        words += "\n" + _wrapped(f"{'fail: ' * bool(bad)}{shown}", _ECDF_LETTERS)
    ax.set_title(words, fontsize=SMALL, loc="left", color=RED if bad else BLACK)


def _verdict(fails: int, of: int) -> str:
    """Say how many quantities leave their band."""
    ends = "leaves its band" if fails < 2 else "leave their bands"
    return f"{fails or 'none'} of {counted(of, 'quantity', 'quantities')} {ends}"


def _panels(count: int, width: float, height: float) -> list[Axes]:
    across = min(count, max(3, math.ceil(math.sqrt(1.3 * count))))
    down = math.ceil(count / across)
    return panels(count, across, (max(width * across, 5.2), (height + 0.35) * down + 0.6))
