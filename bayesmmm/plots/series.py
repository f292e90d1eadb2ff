"""Series over time, their correlations, and what a model predicts for them."""

import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes

from bayesmmm.data import MMMData
from bayesmmm.errors import SettingError
from bayesmmm.plots.axis import date_axis, numbers, tidy
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, one, panels, width_of
from bayesmmm.plots.parts import legend_above, observed_dots
from bayesmmm.plots.reading import ci_label, dates_of, series_label, series_of
from bayesmmm.plots.sources import CORRELATION, PREDICTIVE, PREDICTIVE_CHECK, SPEND
from bayesmmm.plots.style import BLACK, BLUE, DASHED, GREY, ORANGE, SKY, SMALL, TEXT
from bayesmmm.results import Fit
from bayesmmm.text import counted, joined, short_number


def spend(data: MMMData | Fit, *, title: Title = AUTO, axes: Panels = None) -> np.ndarray:
    """Draw the outcome, the mediators and the channels over time, one panel each.

    Parameters
    ----------
    data : MMMData or Fit
        In a panel every geo is a line.
    axes : sequence of Axes, optional
        One for each of outcome, mediators and media, in this order.
    title : as for every figure, see `bayesmmm.plots`
    """
    data = SPEND(data)
    names = [data.outcome, *data.mediators, *data.media]
    own, wide = axes is None, 1 if len(names) <= 5 else 2
    if axes is None:
        axes = panels(len(names), wide, (9.5, 0.7 + 1.05 * -(-len(names) // wide)), sharex=True, down=True)
    axes = listed(axes, len(names))
    for name, ax in zip(names, axes, strict=True):
        unit = data.unit(name)
        role = "outcome" if name == data.outcome else "mediator" if name in data.mediators else "channel"
        colour = {"outcome": BLUE, "mediator": ORANGE, "channel": GREY}[role]
        for series in data.columns[name]:
            if role != "outcome" and len(data.geos) == 1:
                ax.fill_between(data.dates, series, step="mid", color=colour, alpha=0.75, linewidth=0)
            else:
                ax.plot(data.dates, series, color=colour, linewidth=1.0, alpha=1.0 if len(data.geos) == 1 else 0.5)
        if data.columns[name].min() >= 0 and role != "outcome":
            ax.set_ylim(bottom=0)
        ax.set_title(f"{name} ({role}, {unit})", loc="left", fontsize=TEXT, pad=3)
        tidy(ax)
        numbers(ax.yaxis, most=3)
        date_axis(ax, data.dates)
    names = [data.outcome, *(["mediators"] if data.mediators else []), "channels"]
    words = f"Data of {joined(names)}{dates_of(data.dates[0], data.dates[-1])}"
    return finish(axes, own, title, words)


def correlation(table: pd.DataFrame | MMMData | Fit, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw a correlation table as a lower triangle of coloured, numbered cells.

    Parameters
    ----------
    table : pandas.DataFrame, MMMData or Fit
        Data, a fit, or what ``data.correlation()`` gives.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    source, table = table, CORRELATION(table)
    if list(table.index) != list(table.columns):
        CORRELATION.refuse(source, "the rows of the DataFrame that was given are not its columns")
    if not all(map(pd.api.types.is_numeric_dtype, table.dtypes)):
        CORRELATION.refuse(source, "the DataFrame that was given does not hold numbers alone")
    rows, columns = list(table.index[1:]), list(table.columns[:-1])
    values = table.to_numpy(float)[1:, :-1]
    shown = np.where(np.tri(len(rows), dtype=bool), values, np.nan)
    own = ax is None
    if ax is None:
        side = 0.36 * len(rows) + width_of(table.index)
        (ax,) = panels(1, 1, (max(side, 4.0) + 1.0, max(side, 3.4)))
    ax = one(ax)
    image = ax.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1, aspect="equal")
    for i, j in zip(*np.nonzero(np.isfinite(shown)), strict=True):
        dark = abs(shown[i, j]) > 0.6
        text = f"{shown[i, j] + 0.0:.2f}".replace("-0.00", "0.00").replace("0.", ".")
        ax.text(j, i, text, ha="center", va="center", fontsize=6.5, color="white" if dark else BLACK)
    ax.set_xticks(range(len(columns)), columns, rotation=90, fontsize=SMALL)
    ax.set_yticks(range(len(rows)), rows, fontsize=SMALL)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.6, aspect=25, pad=0.02)
    bar.set_label("correlation", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    return finish([ax], own, title, f"Correlation of {counted(len(table), 'series', 'series')} over time")[0]


def predictive(table: pd.DataFrame | Fit, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw a series with the median and interval of what the model predicts for it.

    Parameters
    ----------
    table : pandas.DataFrame or Fit
        A fit, for its outcome, or what `predictive_table` gives, indexed by date; of a panel one geo, as
        ``table.loc["north"]``.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    table = PREDICTIVE(table)
    if not isinstance(table.index, pd.DatetimeIndex):
        raise SettingError(
            f"the table must be indexed by date, not by {table.index.names}; take one geo: table.loc[geo]"
        )
    own = ax is None
    ax = panels(1, 1, (9.5, 3.2))[0] if ax is None else one(ax)
    label = f"{ci_label(table)} interval"
    ax.fill_between(table.index, table["lower"], table["upper"], color=SKY, alpha=0.4, lw=0, label=label)
    ax.plot(table.index, table["median"], color=BLUE, linewidth=1.3, label="median")
    observed_dots(ax, table["observed"], 3.5)
    tidy(ax)
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(short_number))
    date_axis(ax, table.index)
    ax.set_ylabel(series_label(table), fontsize=TEXT)
    legend_above(ax, ax.get_legend_handles_labels()[0], 3)
    words = f"{series_of(table.attrs)}, observed and expected{dates_of(table.index[0], table.index[-1])}"
    return finish([ax], own, title, words)[0]


def predictive_check(table: pd.DataFrame | Fit, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw replicated quantiles against observed quantiles; a good model keeps the diagonal inside its intervals.

    Parameters
    ----------
    table : pandas.DataFrame or Fit
        A fit, for its outcome, or what the function of the same name in ``bayesmmm.results`` gives.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    table = PREDICTIVE_CHECK(table)
    own = ax is None
    ax = panels(1, 1, (4.6, 4.4))[0] if ax is None else one(ax)
    ends = [table[["observed", "median"]].to_numpy().min(), table[["observed", "median"]].to_numpy().max()]
    ax.plot(ends, ends, color=GREY, linewidth=1.0, linestyle=DASHED, label="same distribution")
    ax.vlines(table["observed"], table["lower"], table["upper"], color=SKY, linewidth=1.6, zorder=1)
    ax.plot(table["observed"], table["median"], "o", color=BLUE, markersize=3.0)
    tidy(ax)
    for axis in (ax.xaxis, ax.yaxis):
        numbers(axis)
    ax.set_xlabel(f"observed quantiles of {series_label(table)}", fontsize=TEXT)
    ax.set_ylabel(f"replicated quantiles, median and {ci_label(table)} interval", fontsize=TEXT)
    share = table.attrs.get("zero_share")
    if share and (share["observed"] > 0 or share["upper"] > 0):
        there, low, high = (100 * share[end] for end in ("observed", "lower", "upper"))
        text = f"zeros: {there:.0f} % observed,\n{low:.0f} to {high:.0f} % replicated"
        ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", fontsize=SMALL)
    ax.legend(loc="lower right", frameon=False, fontsize=SMALL)
    return finish([ax], own, title, f"{series_of(table.attrs)}: is its distribution right?")[0]
