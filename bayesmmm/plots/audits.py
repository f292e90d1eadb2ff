"""The audit of data on one page: outcome and spend over time, correlations, and what the priors imply."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from bayesmmm.data import MONEY
from bayesmmm.diagnostics import Diagnosis
from bayesmmm.plots.axis import date_axis, label_rows, numbers, percents, tidy
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, width_of
from bayesmmm.plots.reading import dates_of
from bayesmmm.plots.series import correlation
from bayesmmm.plots.sources import AUDIT
from bayesmmm.plots.style import BLACK, BLUE, DASHED, ORANGE, RED, SMALL, TEXT
from bayesmmm.results import Fit
from bayesmmm.text import counted, percent
from bayesmmm.validate import check_ci_prob

_STRIP = LinearSegmentedColormap.from_list("spend", ["#FFFFFF", "#BBD7EC", BLUE, "#00324E"])


def audit(
    diagnosis: Diagnosis | Fit, *, ci_prob: float | None = None, title: Title = AUTO, axes: Panels = None
) -> np.ndarray:
    """Draw the outcome, a strip of spend for each channel, the correlations, and the media share that priors imply.

    Parameters
    ----------
    diagnosis : Diagnosis or Fit
        As `audit` gives it, or a fit whose data and system are audited.
    axes : sequence of four Axes, optional
        For the outcome, the strips, the correlations and the shares.
    ci_prob, title : as for every figure, see `bayesmmm.plots`
    """
    tables = AUDIT(diagnosis).tables
    spend, table, share = tables["spend"], tables["correlation"], tables["media_share"]
    own = axes is None
    grid = _page(spend, table, share) if axes is None else listed(axes, 4)
    _outcome(grid[0], spend)
    _strips(grid[1], spend)
    correlation(table, title=None, ax=grid[2])
    grid[2].set_title("correlations", loc="left", fontsize=TEXT)
    _shares(grid[3], share, check_ci_prob(ci_prob))
    days, series = spend.index, spend.columns
    words = f"Data of {series[0]} and its {counted(len(series) - 1, 'driver')}{dates_of(days[0], days[-1])}"
    return finish(grid, own, title, words)


def _page(spend: pd.DataFrame, table: pd.DataFrame, share: pd.DataFrame) -> list[Axes]:
    strips, cells, rows = spend.shape[1] - 1, len(table), share.shape[1]
    margin = width_of(table.index)
    left = 1.2 + 0.32 * strips
    right = 0.31 * (cells - 1) + margin + 0.5
    figure = plt.figure(
        figsize=(7.2 + 0.31 * cells + 2.0 * margin, max(left + 1.2, right + 1.0 + 0.26 * rows)),
        layout="constrained",
    )
    halves = figure.add_gridspec(1, 2, width_ratios=[5.6 + margin, 0.31 * cells + margin + 1.6])
    one = halves[0].subgridspec(2, 1, height_ratios=[1.2, 0.32 * strips])
    two = halves[1].subgridspec(2, 1, height_ratios=[right, 0.6 + 0.26 * rows])
    top = figure.add_subplot(one[0])
    below = figure.add_subplot(one[1], sharex=top)
    return [top, below, figure.add_subplot(two[0]), figure.add_subplot(two[1])]


def _outcome(ax: Axes, spend: pd.DataFrame) -> None:
    name = str(spend.columns[0])
    ax.plot(spend.index, spend[name], color=BLACK, linewidth=1.0)
    ax.set_title(f"{name} ({spend.attrs['unit'][name]})", loc="left", fontsize=TEXT)
    tidy(ax)
    numbers(ax.yaxis, most=3)
    ax.tick_params(labelbottom=False)


def _strips(ax: Axes, spend: pd.DataFrame) -> None:
    """One strip per mediator and channel: darker is more, in shares of its own largest value; white is nothing."""
    names = [str(name) for name in spend.columns[1:]]
    values = np.maximum(spend[names].to_numpy(float), 0.0)
    shade = (values / np.maximum(values.max(axis=0), 1e-300)).T
    days = mdates.date2num(spend.index)
    half = 0.5 * np.median(np.diff(days))
    edges = np.append(days - half, days[-1] + half)
    mesh = ax.pcolormesh(edges, np.arange(len(names) + 1) - 0.5, shade, cmap=_STRIP, vmin=0.0, vmax=1.0)
    mesh.set_edgecolor("face")
    mesh.set_linewidth(0.2)
    for line in np.arange(len(names) - 1) + 0.5:
        ax.axhline(line, color="white", linewidth=3.0)
    role = spend.attrs["role"]
    ax.set_yticks(range(len(names)), [f"{n} (mediator)" if role[n] == "mediator" else n for n in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    what = "spend" if all(spend.attrs["unit"][n] == MONEY for n in names if role[n] == "channel") else "media"
    ax.set_title(f"{what}, darker is more; white is nothing", loc="left", fontsize=TEXT)
    tidy(ax)
    ax.tick_params(axis="y", length=0)
    date_axis(ax)


def _shares(ax: Axes, share: pd.DataFrame, ci_prob: float) -> None:
    """Medians and intervals of what the priors let each channel bring, and of their sum."""
    tail = 0.5 * (1.0 - ci_prob)
    lower, median, upper = np.quantile(share.to_numpy(float), [tail, 0.5, 1.0 - tail], axis=0)
    at = np.arange(share.shape[1])
    colours = [BLUE] * (len(at) - 1) + [ORANGE]
    ax.hlines(at, lower, upper, color=colours, linewidth=2.0)
    for row, colour in zip(at, colours, strict=True):
        ax.plot(median[row], row, "D" if row == at[-1] else "o", color=colour, markersize=4.5)
    label_rows(ax, [str(name) for name in share.columns])
    ax.axvline(1.0, color=RED, linewidth=1.0, linestyle=DASHED)
    ax.set_xlim(0.0, max(1.08, 1.05 * float(upper.max())))
    percents(ax.xaxis)
    ax.set_title("media share that the priors allow", loc="left", fontsize=TEXT)
    ax.set_xlabel(f"median and {percent(ci_prob)} interval; dashed: all of the outcome", fontsize=SMALL)
