"""What is in the data, column by column: a look before anything is fitted."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bayesmmm.data import MMMData
from bayesmmm.data.profile import data_profile as profile_of
from bayesmmm.plots.axis import date_axis, label_rows
from bayesmmm.plots.layout import AUTO, Title, finish, one, rows_axes
from bayesmmm.plots.parts import key, legend_on_top
from bayesmmm.plots.reading import dates_of
from bayesmmm.plots.sources import DATA_PROFILE
from bayesmmm.plots.style import BLUE, BROWN, GREEN, GREY, ORANGE, PALE, RED, SKY, SMALL
from bayesmmm.results import Fit
from bayesmmm.text import short_number

_COLOURS = {"outcome": BLUE, "mediator": ORANGE, "media": GREY, "control": SKY, "spend": PALE}
_HEIGHT = 0.72  # of a row, that its largest value takes


def data_profile(data: MMMData | Fit, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw what is in each column over time: amounts, zeros, gaps and outliers, with their numbers beside.

    Each row reaches from zero, or from the lowest value where that is below zero, to the largest value of its column; of
    a panel it is the sum over geos of what is known. A tick below marks periods in which every geo has zero, a hatched
    strip periods in which the value of some geo is not known, and a ring values further than 8 robust standard
    deviations from the median. Where there are events the last row has their days.

    Parameters
    ----------
    data : MMMData or Fit
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    data = DATA_PROFILE(data)
    profile = profile_of(data)
    names = [name for name in data.columns if name not in data.event_names]
    labels = [*names, *(["days of events"] if data.event_names else [])]
    own = ax is None
    ax = rows_axes(labels, 9.2, 0.6, 0.5) if ax is None else one(ax)
    label_rows(ax, labels)
    ax.set_ylim(len(labels) - 0.35, -0.6)
    ax.grid(visible=False)
    for row, name in enumerate(names):
        table = profile.loc[name]
        _draw_row(ax, row, table, len(data.geos), _COLOURS[str(table["role"].iloc[0])])
    if data.event_names:
        _draw_events(ax, len(names), data)
    beside = ax.get_yaxis_transform()
    head = f"{'zeros':>6}  {'gaps':>6}  {'outliers':>8}  {'largest':>8}"
    ax.text(1.01, -0.62, head, transform=beside, fontsize=SMALL, va="bottom", family="monospace")
    date_axis(ax, data.dates)
    roles = list(dict.fromkeys(profile["role"]))
    entries = [Patch(facecolor=_COLOURS[role], label={"media": "channel"}.get(role, role)) for role in roles]
    marks = [
        key("zero", GREY, marker="|", ls="", ms=6),
        Patch(facecolor=PALE, edgecolor=BROWN, hatch="////", linewidth=0, label="not known"),
        key("far from the median", RED, marker="o", ls="", mfc="none", ms=6),
    ]
    legend_on_top(ax, [*entries, *marks], own)
    geos = f" of {len(data.geos)} geos" if len(data.geos) > 1 else ""
    span = dates_of(data.dates[0], data.dates[-1])
    return finish([ax], own, title, f"What is in the data{geos}, column by column{span}")[0]


def _draw_row(ax: Axes, row: int, table: pd.DataFrame, geos: int, colour: str) -> None:
    """Draw one column on a row of its own."""
    values, dates = table["value"].to_numpy(), table.index
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = _HEIGHT / (high - low) if high > low else 0.0
    base = row + 0.36
    heights = base - (values - low) * scale
    ax.fill_between(dates, base + low * scale, heights, step="mid", color=colour, alpha=0.8, linewidth=0)
    _draw_gaps(ax, row, table["gap"].to_numpy() > 0, dates)
    zero = table["zero"].to_numpy() == geos
    if zero.any():  # a line without points takes room in the corner of the figure
        at = np.full(zero.sum(), base + 0.06)
        ax.plot(dates[zero], at, marker="|", ls="", ms=3.5, color="black", alpha=0.55)
    far = table["outlier"].to_numpy() > 0
    if far.any():
        ax.plot(dates[far], heights[far], marker="o", ls="", mfc="none", mec=RED, ms=6, mew=1.2, clip_on=False)
    size = geos * len(table)
    share = f"{100 * table['zero'].sum() / size:.0f} %"
    said = f"{share:>6}  {table['gap'].sum():>6}  {table['outlier'].sum():>8}  {short_number(high):>8}"
    ax.text(1.01, row, said, transform=ax.get_yaxis_transform(), fontsize=SMALL, va="center", family="monospace")


def _draw_events(ax: Axes, row: int, data: MMMData) -> None:
    """Draw how many days of events each period has, of all events and in the geo with the most of them."""
    days = np.sum([data.columns[name] for name in data.event_names], axis=0).max(axis=0)
    base = row + 0.36
    ax.fill_between(
        data.dates, base, base - _HEIGHT * days / days.max(), step="mid", color=GREEN, alpha=0.8, linewidth=0
    )
    said = f"{short_number(float(days.max())):>34}"
    ax.text(1.01, row, said, transform=ax.get_yaxis_transform(), fontsize=SMALL, va="center", family="monospace")


def _draw_gaps(ax: Axes, row: int, gap: np.ndarray, dates: pd.DatetimeIndex) -> None:
    """Hatch the periods in which something is not known."""
    if gap.any():
        top, bottom = np.full(len(gap), row - 0.4), np.full(len(gap), row + 0.36)
        style: dict[str, Any] = {
            "facecolor": PALE,
            "edgecolor": BROWN,
            "hatch": "////",
            "linewidth": 0.0,
            "alpha": 0.6,
        }
        ax.fill_between(dates, top, bottom, where=gap, step="mid", zorder=0.5, **style)
