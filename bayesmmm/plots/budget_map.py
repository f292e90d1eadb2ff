"""A budget of a panel: what changes for every channel in every geo."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from bayesmmm.optimize import Plan
from bayesmmm.optimize.plan_text import change_words
from bayesmmm.plots.axis import numbers
from bayesmmm.plots.layout import AUTO, Title, finish, one
from bayesmmm.plots.parts import cells, size_of_cells
from bayesmmm.plots.reading import caution, series_of, when
from bayesmmm.plots.sources import BUDGET_MAP
from bayesmmm.plots.style import SMALL


def budget_map(plan: Plan, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw the change in spend of every channel in every geo as a map of coloured, numbered cells.

    The number is the change as a share of what is spent now, "new" where that is nothing; the colour is the money. An
    empty cell is a channel that the geo never bought, which stays at zero.

    Parameters
    ----------
    plan : Plan
        As ``mm.optimize_budget(fit)`` gives it for a panel.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    source, plan = plan, BUDGET_MAP(plan)
    if "geo" not in plan.spend.dims:
        BUDGET_MAP.refuse(source, "the plan is of one series, without geos; plots.budget draws it")
    now, new = (each.sum("date").transpose("geo", "channel") for each in (plan.current, plan.spend))
    geos, channels = now["geo"].values.tolist(), now["channel"].values.tolist()
    decided = np.zeros(now.shape, bool)
    for geo, channel in plan.solution.net_marginal.index:
        decided[geos.index(geo), channels.index(channel)] = True
    change = np.where(decided, (new - now).values, np.nan)
    words = [
        [change_words(*map(float, each)) for each in zip(*rows, strict=True)]
        for rows in zip(now.values, new.values, strict=True)
    ]
    own = ax is None
    if ax is None:
        ax = plt.subplots(figsize=size_of_cells(geos, channels), layout="constrained")[1]
    ax = one(ax)
    most = max(float(np.nanmax(np.abs(change))), 1e-300)
    bar = cells(ax, geos, channels, change, words, cmap="RdBu", norm=TwoSlopeNorm(0.0, -most, most))
    bar.set_label("change in spend (money)", fontsize=SMALL)
    numbers(bar.ax.yaxis)
    ax.set_xlabel("\n".join(str(mark.get_label()) for mark in caution(plan.attrs)), fontsize=SMALL)
    name = f"Budget for {series_of(plan.attrs)}: change in spend by geo and channel{when(plan.attrs)}"
    return finish([ax], own, title, name)[0]
