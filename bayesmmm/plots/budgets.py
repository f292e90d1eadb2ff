"""Budgets: a plan beside the current one, its spend over time, and what every total could buy."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import dates as mdates
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmmm.optimize import Plan
from bayesmmm.optimize.plan_text import change_words
from bayesmmm.plots.axis import date_axis, label_rows, numbers, tidy, zero_line
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, name_axes, panels, width_of
from bayesmmm.plots.parts import earned_back, entry, intervals, key, legend_above, legend_on_top, return_axis
from bayesmmm.plots.reading import (
    caution,
    ci_label,
    on_assumed,
    rounded,
    series_of,
    table_of,
    unit_of,
    variable,
    when,
)
from bayesmmm.plots.sources import ALLOCATION, BUDGET, FRONTIER
from bayesmmm.plots.style import BLACK, BLUE, DASHES, GREY, ORANGE, SKY, SMALL, TEXT
from bayesmmm.text import percent, probability, rough_percent, short_number
from bayesmmm.validate import as_list, check_ci_prob, refusal

_MAKER = "frontier(fit)"
_LIGHT = "#B8B8B8"
_UNSEEN: dict[str, Any] = {"edgecolor": "white", "hatch": "////", "linewidth": 0.0}


# --------------------------------------------------------------------------------------------------------- the budget
def budget(
    plan: Plan,
    other: Plan | None = None,
    *,
    names: tuple[str, str] = ("new plan", "other plan"),
    ci_prob: float | None = None,
    title: Title = AUTO,
    axes: Panels = None,
) -> np.ndarray:
    """Draw a plan beside the current one, or another: spend and returns of each channel, and below them the uplift.

    Channels are sorted by what they get; below them stands what paid mediators are induced to spend, with its interval.
    Beside the bar of an exposure stands what the new spend buys. Spend that is hatched lies in periods above the
    highest spend ever seen in one. The next unit of money counts the spend that it induces, the ROI does not. A channel
    without spend has no ROI.

    Parameters
    ----------
    plan : Plan
        As ``mm.optimize_budget(fit)`` gives it.
    other : Plan, optional
        Another one of the same window, to stand in place of the current plan: ``plan.against(other)``.
    names : (str, str)
        What `plan` and `other` are called in the figure.
    axes : sequence of Axes, optional
        Three: for spend, for returns, and for the uplift.
    ci_prob, title : as for every figure, see `bayesmmm.plots`
    """
    if other is not None:
        plan = BUDGET(plan).against(BUDGET(other))
    table = BUDGET(plan).table(check_ci_prob(ci_prob))
    new, now = _named(names) if other is not None else ("new plan", "current plan")
    table = table[table["kind"] != "total"]
    table = table.assign(last=table["kind"] == "induced").sort_values(
        ["last", "new"], ascending=[True, False], kind="stable"
    )
    own = axes is None
    axes = _budget_axes(list(table.index)) if axes is None else listed(axes, 3)
    _bars(axes[0], plan, table, (now, new))
    _returns(axes[1], plan, table, (now, new))
    if own:
        axes[1].tick_params(labelleft=False)
    _uplift(axes[2], plan, table.attrs["ci_prob"], None if other is None else (now, new))
    both = "the new plan beats the current one" if other is None else f"{new} beats {now}"
    sure = f"with a probability of {probability(plan.p_better)}"
    return finish(axes, own, title, f"Budget for {series_of(plan.attrs)}: {both} {sure}{when(plan.attrs)}")


def _named(names: object) -> tuple[str, str]:
    both = as_list(names) or []
    if len(both) != 2 or not all(isinstance(name, str) and name.strip() for name in both):
        raise refusal("names", names, "must be two names, as ('plan A', 'plan B')")
    return both[0], both[1]


def _bars(ax: Axes, plan: Plan, table: pd.DataFrame, names: tuple[str, str]) -> None:
    at = np.arange(len(table))
    bars = (("current", "extrapolated_current", -0.18, _LIGHT), ("new", "extrapolated", 0.18, BLUE))
    for which, _, shift, colour in bars:
        ax.barh(at + shift, table[which], height=0.34, color=colour)
    hatched = False
    for which, share, shift, colour in bars:
        unseen = (table[which] * table[share]).fillna(0.0)
        if unseen.any():
            left = table[which] - unseen
            ax.barh(at + shift, unseen, left=left, height=0.34, facecolor=colour, **_UNSEEN)
            hatched = True
    induced = (table["kind"] == "induced").to_numpy()
    spans = (table[end].to_numpy()[induced] for end in ("new_lower", "new_upper"))
    ax.hlines(at[induced] + 0.18, *spans, color=BLACK, linewidth=1.2)
    right = table[["current", "new", "new_upper"]].max(axis=1)
    for i, row in enumerate(table.itertuples()):
        place: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        words = [change_words(row.current, row.new)]
        if getattr(row, "unit", ""):
            words.append(f"{short_number(row.units_new)} {row.unit}")
        ax.annotate(", ".join(filter(None, words)), (right.iloc[i], i), fontsize=SMALL, **place)
    label_rows(ax, list(table.index))
    numbers(ax.xaxis, most=4)
    room = 1.17 if plan.units is None else 1.75  # for the words at the bars
    ax.set_xlim(0.0, room * right.max() if right.max() > 0.0 else 1.0)
    ax.set_xlabel(f"spend of {plan.attrs['start']} to {plan.attrs['stop']} (money)", fontsize=TEXT)
    factor = plan.current.attrs.get("factor", 1.0)
    scaled = "" if np.isclose(factor, 1.0) else f", times {factor:.3g}"
    handles: list[Artist] = [
        Patch(color=_LIGHT, label=f"{names[0]}{scaled}"),
        Patch(color=BLUE, label=names[1]),
    ]
    if hatched:
        handles.append(Patch(facecolor=GREY, **_UNSEEN, label="in periods above the highest spend seen"))
    if induced.any():
        handles.append(key(f"{ci_label(table)} interval of induced spend", lw=1.2))
    legend_above(ax, handles, 1)


def _returns(ax: Axes, plan: Plan, table: pd.DataFrame, words: tuple[str, str]) -> None:
    handles: list[Artist] = []
    sides = (("current", -0.18, GREY), ("new", 0.18, BLUE))
    for (which, shift, colour), word in zip(sides, words, strict=True):
        names = {f"roi_{which}": "median", f"roi_{which}_lower": "lower", f"roi_{which}_upper": "upper"}
        intervals(ax, table[list(names)].rename(columns=names), shift, colour, size=4.0, linewidth=1.8)
        handles.append(entry(colour, f"ROI, {word}, {ci_label(table)} interval"))
    ax.plot(table["marginal"], np.arange(len(table)) + 0.18, "D", mfc="white", mec=ORANGE, mew=1.5, ms=5, zorder=4)
    handles.append(key("next unit of money", ls="", marker="D", mfc="white", mec=ORANGE, mew=1.5, ms=5))
    label_rows(ax, list(table.index))
    roi = plan.answers["roi"]
    handles += earned_back(ax, roi.attrs.get("threshold"))
    ends = [f"roi_{which}_{end}" for which in ("current", "new") for end in ("lower", "upper")]
    scale = return_axis(ax, table[[*ends, "marginal"]].to_numpy().ravel(), roi.attrs.get("threshold"))
    ax.set_xlabel(f"return on spend{unit_of(roi)}{scale}", fontsize=TEXT)
    legend_above(ax, [*handles, *caution(plan.attrs)], 1)


def _uplift(ax: Axes, plan: Plan, ci_prob: float, names: tuple[str, str] | None) -> None:
    """Uplift of the outcome and, where the objective is something else, gain in it."""
    answers, name = plan.answers, plan.attrs["outcome"]
    rows = {"uplift": answers["uplift"]}
    same_unit = unit_of(answers["gain"]) == unit_of(answers["uplift"])
    if same_unit and not np.allclose(answers["gain"], answers["uplift"], rtol=1e-9):
        rows["gain in the objective"] = answers["gain"]
    draws = xr.concat(list(rows.values()), pd.Index(list(rows), name="what"), coords="minimal", compat="override")
    table = table_of(draws, ci_prob)
    intervals(ax, table, 0.0, BLUE, size=4.5, linewidth=2.2)
    label_rows(ax, list(rows))
    zero_line(ax, vertical=True)
    numbers(ax.xaxis, most=6)
    now, then = (float(answers["outcome"].sel(plan=which).median()) for which in ("current", "new"))
    first, second = ("now", "then") if names is None else (f"({each})" for each in names)
    sure = f"better in {probability(plan.p_better)} of draws"
    words = f"{name}: {rounded(now)} {first}, {rounded(then)} {second}{on_assumed(plan.attrs, ' – ')}; {sure}"
    base = "the current plan" if names is None else names[0]
    ax.set_title(words, loc="left", fontsize=TEXT, pad=4)
    ax.set_xlabel(
        f"gained over {base}, median and {ci_label(table)} interval{unit_of(answers['uplift'])}",
        fontsize=TEXT,
    )


def _budget_axes(labels: list[object]) -> list[Axes]:
    margin = width_of(labels)
    top = 0.4 * len(labels) + 0.2
    figure = plt.figure(figsize=(7.4 + margin, top + 2.7), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1.25, 1.0], height_ratios=[top, 0.42])
    first = figure.add_subplot(grid[0, 0])
    return [first, figure.add_subplot(grid[0, 1], sharey=first), figure.add_subplot(grid[1, :])]


# ----------------------------------------------------------------------------------------------------- spend over time
def allocation(plan: Plan, *, title: Title = AUTO, axes: Panels = None) -> np.ndarray:
    """Draw the spend of each channel over time, the new plan as a line over the area of the current one.

    Of a panel the spend of all its geos together.

    Beside the name of a channel stands its spend in the window, now and then, and the share of the new spend that is in
    periods above the highest spend ever seen in one. Axes differ from panel to panel.

    Parameters
    ----------
    plan : Plan
        As ``mm.optimize_budget(fit)`` gives it.
    axes : sequence of Axes, optional
        One for each channel, in the order of the plan.
    title : as for every figure, see `bayesmmm.plots`
    """
    channels = ALLOCATION(plan).spend["channel"].values.tolist()
    own, wide = axes is None, 1 if len(channels) <= 5 else 2
    tall = -(-len(channels) // wide)
    if axes is None:
        size = (9.5, 0.9 + (1.35 if tall < 3 else 1.15) * tall)
        axes = panels(len(channels), wide, size, sharex=True)
    axes = listed(axes, len(channels))
    share = plan.answers["extrapolated"].sel(plan="new")
    least = share.attrs.get("threshold", 0.0)
    for name, ax in zip(channels, axes, strict=True):
        current, new = (_in_total(part.sel(channel=name)) for part in (plan.current, plan.spend))
        _steps(ax, current, new)
        ax.set_title(str(name), loc="left", fontsize=TEXT, pad=3)
        words = f"{rounded(float(current.sum()))} now, {rounded(float(new.sum()))} then"
        unseen = float(share.sel(channel=name))
        words += f", {rough_percent(unseen)} unseen" if unseen > least else ""
        ax.set_title(words, loc="right", fontsize=SMALL, pad=3)
    label = "spend per period (money)"
    name_axes(axes, "", label, own)
    handles: list[Artist] = [Patch(color=_LIGHT, label="current plan"), key("new plan", BLUE, lw=1.6)]
    if (share > least).any():
        handles.append(key("unseen: in periods above the highest spend seen", ls=""))
    legend_on_top(axes[0], [*handles, *caution(plan.attrs)], own)
    words = f"Plan for {series_of(plan.attrs)}: spend of each channel by period, now and then{when(plan.attrs)}"
    return finish(axes, own, title, words)


def _in_total(spend: xr.DataArray) -> xr.DataArray:
    """Spend by date, of a panel over its geos."""
    return spend.sum([dim for dim in spend.dims if dim != "date"])


def _steps(ax: Axes, current: xr.DataArray, new: xr.DataArray) -> None:
    dates = pd.DatetimeIndex(new["date"].values)
    days = mdates.date2num(dates)
    date_axis(ax, dates)
    if len(days) == 1:
        edges = days[0] + np.array([-0.5, 0.5])
    else:
        edges = np.append(days, 2.0 * days[-1] - days[-2])
        ax.set_xlim(edges[0], edges[-1])
    ax.stairs(current.values, edges, fill=True, color=_LIGHT)
    # A line on the axis is seen whole: nothing is spent there.
    ax.stairs(new.values, edges, baseline=None, color=BLUE, linewidth=1.6, clip_on=False, zorder=3)
    tidy(ax)
    highest = max(float(current.max()), float(new.max()))
    ax.set_ylim(0.0, 1.08 * highest if highest > 0.0 else 1.0)
    numbers(ax.yaxis, most=3)


# -------------------------------------------------------------------------------------------------------- the frontier
def frontier(
    dataset: xr.Dataset, *, ci_prob: float | None = None, title: Title = AUTO, axes: Panels = None
) -> np.ndarray:
    """Draw what the best plan of every total earns: its outcome, its return and that of the next unit of money.

    Dots are the totals that were solved for. Lines are dashed where too much of the spend lies in periods above the
    highest spend ever seen in one; the share from which they are is ``dataset["extrapolated"].attrs["threshold"]``. The
    current plan is marked at its own total: how far it lies below the line is what planning could gain.

    Parameters
    ----------
    dataset : Dataset
        As ``mm.frontier(fit)`` gives it.
    axes : sequence of Axes, optional
        Two: for the outcome and for the returns.
    ci_prob, title : as for every figure, see `bayesmmm.plots`
    """
    dataset, ci_prob = FRONTIER(dataset), check_ci_prob(ci_prob)
    outcome, roi = (variable(dataset, name, ["total"], _MAKER) for name in ("outcome", "roi"))
    before, lift, cost = (variable(dataset, f"current_{name}", [], _MAKER) for name in ("outcome", "lift", "cost"))
    total = float(dataset.attrs["current_total"])
    own = axes is None
    axes = panels(2, 2, (10.0, 4.3)) if axes is None else listed(axes, 2)
    last = _last_seen(dataset)
    handles = [
        _curve(axes[0], outcome, last, ci_prob, "best plan of each total"),
        _curve(axes[1], roi, last, ci_prob, "return on all spend"),
    ]
    marginal = dataset["marginal"]
    more = _line(axes[1], marginal["total"].values, marginal.values, last, ORANGE, "^", "next unit of money")
    handles[1].append(more)
    for ax, draws, entries in zip(axes, (before, lift / cost), handles, strict=True):
        entries.append(_current(ax, draws, total, ci_prob))
    handles[1] += earned_back(axes[1], roi.attrs.get("threshold"), across=True)
    if last < dataset.sizes["total"] - 1:
        least = dataset["extrapolated"].attrs.get("threshold", 0.0)
        handles[0].append(key(f"over {percent(least)} beyond what was ever spent", BLUE, lw=1.6, ls=DASHES))
    handles[1] += caution(dataset.attrs)
    level = f"{dataset.attrs.get('outcome', 'outcome')}{unit_of(outcome, dataset)}{on_assumed(dataset.attrs)}"
    labels = (level, f"return{unit_of(roi)}")
    span = " to ".join(str(dataset.attrs.get(end, "")) for end in ("start", "stop"))
    for ax, label, entries in zip(axes, labels, handles, strict=True):
        tidy(ax)
        numbers(ax.xaxis)
        numbers(ax.yaxis)
        ax.set_ylabel(label, fontsize=TEXT)
        ax.set_xlabel(f"total spend of {span},\ninduced spend included{unit_of(dataset['cost'])}", fontsize=TEXT)
        legend_above(ax, entries, 1)
    axes[1].set_ylim(bottom=min(0.0, axes[1].get_ylim()[0]))
    words = f"What the best plan of every total earns in {series_of(dataset.attrs)}{when(dataset.attrs)}"
    return finish(axes, own, title, words)


def _curve(ax: Axes, draws: xr.DataArray, last: int, ci_prob: float, label: str) -> list[Artist]:
    table = table_of(draws, ci_prob)
    ax.fill_between(table.index, table["lower"], table["upper"], color=SKY, alpha=0.35, linewidth=0)
    line = _line(ax, table.index.to_numpy(), table["median"].to_numpy(), last, BLUE, "o", f"{label}, median")
    return [line, Patch(color=SKY, alpha=0.35, label=f"{ci_label(table)} interval")]


def _line(ax: Axes, x: np.ndarray, y: np.ndarray, last: int, colour: str, marker: str, label: str) -> Line2D:
    """Draw a line, dashed from its last point that is not extrapolated on; return its legend entry."""
    style: dict[str, Any] = {"marker": marker, "markersize": 3.5, "linewidth": 1.6}
    ax.plot(x[: last + 1], y[: last + 1], color=colour, **style)
    if last < len(x) - 1:
        ax.plot(x[max(last, 0) :], y[max(last, 0) :], color=colour, linestyle=DASHES, **style)
    return key(label, colour, **style)


def _current(ax: Axes, draws: xr.DataArray, total: float, ci_prob: float) -> Line2D:
    """Mark the current plan with its interval; return its legend entry."""
    table = table_of(draws.expand_dims("plan").assign_coords(plan=["current"]), ci_prob).iloc[0]
    style: dict[str, Any] = {"color": BLACK, "marker": "D", "markersize": 5, "linewidth": 1.2}
    ax.vlines(total, table["lower"], table["upper"], color=BLACK, linewidth=1.2, zorder=4)
    ax.plot([total], [table["median"]], zorder=5, **style)
    return Line2D([], [], label="current plan", **style)


def _last_seen(dataset: xr.Dataset) -> int:
    """Position of the last total that is not extrapolated; -1 where all are."""
    share, spend = dataset["extrapolated"], dataset["spend"]
    whole = ((share * spend).sum("channel") / spend.sum("channel")).values
    unseen = np.flatnonzero(whole > share.attrs.get("threshold", 0.0))
    return int(unseen[0]) - 1 if len(unseen) else len(whole) - 1
