"""Several plans side by side: where their money goes, what they bring, and how probable each is the best."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from bayesmmm.optimize import PlanComparison
from bayesmmm.plots.axis import label_rows, numbers, tidy, zero_line
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, width_of
from bayesmmm.plots.parts import earned_back, intervals, key, legend_on_top, return_axis
from bayesmmm.plots.reading import caution, ci_label, on_assumed, series_of, table_of, unit_of, when
from bayesmmm.plots.sources import COMPARE_PLANS
from bayesmmm.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, SMALL, TEXT
from bayesmmm.text import probability, short_number
from bayesmmm.validate import check_ci_prob

#: Colour and mark of the plans, the first, which others are compared with, in grey.
_MARKS = ((GREY, "s"), (BLUE, "o"), (ORANGE, "D"), (GREEN, "^"), (PURPLE, "v"), (SKY, "P"), (RED, "X"))


def compare_plans(
    comparison: PlanComparison, *, ci_prob: float | None = None, title: Title = AUTO, axes: Panels = None
) -> np.ndarray:
    """Draw plans side by side: the money of each channel, and the outcome and return of each plan.

    Outcomes are those beyond the first plan, in the same draws; beside each stands how probable it is the best of all.
    Channels are sorted by what the first plan gives them.

    Parameters
    ----------
    comparison : PlanComparison
        As ``mm.compare_plans(fit, plans)`` gives it.
    axes : sequence of Axes, optional
        Three: for money, for outcomes and for returns.
    ci_prob, title : as for every figure, see `bayesmmm.plots`
    """
    found, ci_prob = COMPARE_PLANS(comparison), check_ci_prob(ci_prob)
    money = found.spend_table().sort_values(found.plans[0], ascending=False, kind="stable")
    own = axes is None
    axes = _axes(list(money.index), found.plans) if axes is None else listed(axes, 3)
    styles = [_MARKS[i % len(_MARKS)] for i in range(len(found.plans))]
    _money(axes[0], found, money, styles)
    _outcomes(axes[1], found, ci_prob, styles)
    handles = _returns(axes[2], found, ci_prob, styles)
    marks: list[Artist] = [
        key(name, colour, ls="", marker=mark, ms=6)
        for name, (colour, mark) in zip(found.plans, styles, strict=True)
    ]
    legend_on_top(axes[0], [*marks, *handles, *caution(found.attrs)], own)
    chance = found.p_best()
    words = f"{len(found.plans)} plans for {series_of(found.attrs)}: {chance.idxmax()} brings most with a "
    words += f"probability of {probability(float(chance.max()))}{when(found.attrs)}"
    return finish(axes, own, title, words)


def _axes(channels: list[object], plans: list[str]) -> list[Axes]:
    left, middle = width_of(channels), width_of(plans)
    tall = max(0.3 * len(channels), 0.75 * len(plans) + 1.2) + 1.0
    figure = plt.figure(figsize=(8.2 + left + middle, tall), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[3.6 + left, 4.2 + middle])
    return [
        figure.add_subplot(grid[:, 0]),
        figure.add_subplot(grid[0, 1]),
        figure.add_subplot(grid[1, 1]),
    ]


def _money(ax: Axes, found: PlanComparison, money: pd.DataFrame, styles: list[tuple[str, str]]) -> None:
    """Draw a line for each channel, from the least to the most that a plan gives it, and a mark for each plan."""
    at = np.arange(len(money))
    ax.hlines(at, money.min(axis=1), money.max(axis=1), color=GREY, linewidth=0.8, zorder=1)
    for name, (colour, mark) in zip(found.plans, styles, strict=True):
        ax.plot(money[name], at, mark, color=colour, ms=6, mew=0.5, mec="white", zorder=3)
    label_rows(ax, list(money.index))
    tidy(ax)
    numbers(ax.xaxis, most=5)
    highest = float(money.to_numpy().max())
    ax.set_xlim(-0.02 * (highest or 1.0), 1.06 * (highest or 1.0))
    ax.set_xlabel("spend of the window (money)", fontsize=TEXT)


def _rows(ax: Axes, table: pd.DataFrame, styles: list[tuple[str, str]]) -> None:
    for i, (colour, mark) in enumerate(styles):
        row = table.iloc[[i]]
        if np.isfinite(row[["lower", "upper"]].to_numpy(float)).all():
            intervals(ax, row, float(i), colour, size=0.0, linewidth=2.0)
            ax.plot(row["median"], [i], mark, color=colour, ms=6, mew=0.5, mec="white", zorder=3)
    label_rows(ax, list(table.index))
    tidy(ax)


def _outcomes(ax: Axes, found: PlanComparison, ci_prob: float, styles: list[tuple[str, str]]) -> None:
    """Outcome beyond the first plan; the first itself stands on the zero, with its own outcome beside it."""
    outcome, best = found.answers["outcome"], found.p_best()
    beyond = outcome - outcome.isel(plan=0, drop=True)
    table = table_of(beyond, ci_prob)
    _rows(ax, table, styles)
    zero_line(ax, vertical=True)
    numbers(ax.xaxis, most=5)
    left, right = ax.get_xlim()
    ax.set_xlim(left, right + 0.34 * (right - left))  # room for the words
    medians = outcome.median(("chain", "draw")).values
    for i, (name, level) in enumerate(zip(found.plans, medians, strict=True)):
        words = f"{short_number(float(f'{level:.4g}'))}, best {probability(float(best[name]))}"
        place: dict[str, Any] = {"xytext": (0, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
        ax.annotate(words, (1.0, i), xycoords=ax.get_yaxis_transform(), fontsize=SMALL, color=BLACK, **place)
    label = f"{found.attrs['outcome']} beyond {found.plans[0]}, {ci_label(table)} interval{unit_of(outcome)}"
    label += on_assumed(found.attrs)
    ax.set_xlabel(label, fontsize=TEXT)


def _returns(ax: Axes, found: PlanComparison, ci_prob: float, styles: list[tuple[str, str]]) -> list[Artist]:
    roi = found.answers["roi"]
    table = table_of(roi, ci_prob)
    _rows(ax, table, styles)
    handles = earned_back(ax, roi.attrs.get("threshold"))
    scale = return_axis(ax, table[["lower", "upper"]].to_numpy().ravel(), roi.attrs.get("threshold"))
    ax.set_xlabel(f"return on all cost, {ci_label(table)} interval{unit_of(roi)}{scale}", fontsize=TEXT)
    return handles
