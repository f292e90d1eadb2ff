"""Series that were not observed: forecasts, and what would have been."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from bayesmmm.data import MMMData
from bayesmmm.errors import SettingError
from bayesmmm.plots.parts import (
    BLACK,
    BLUE,
    GREY,
    RED,
    SKY,
    TEXT,
    ci_label,
    date_axis,
    legend_above,
    listed,
    one_date,
    tidy,
)
from bayesmmm.plots.reading import caution, numbers, table_of, unit_of, variable, zero_line
from bayesmmm.plots.sources import FORECAST, WHAT_IF
from bayesmmm.results import Fit
from bayesmmm.text import no_such, short_number

_PREDICT, _WHAT_IF = "predict(fit, plan)", "what_if(fit)"
_CHANGE = ".change"


def forecast(
    history: MMMData | Fit,
    prediction: xr.Dataset,
    *,
    series: str | None = None,
    noise: xr.Dataset | None = None,
    actual: MMMData | pd.Series | None = None,
    periods: int | None = None,
    ci_prob: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the last periods of a series and, after them, what is predicted.

    Parameters
    ----------
    history : MMMData or Fit
        National data, or a fit to them; ends before the prediction begins.
    prediction : Dataset
        As ``mm.predict(fit, plan)`` gives it.
    series : str, optional
        The outcome by default, or a mediator.
    noise : Dataset, optional
        As ``mm.predict(fit, plan, noise=True)`` gives it, for a second, wider band in which new observations lie.
    actual : MMMData or pandas.Series, optional
        What happened: data that hold the series, or its values by date.
    periods : int, optional
        So many periods of history are drawn; by default four times those predicted, and no fewer than 26.
    ci_prob : float in (0, 1), optional
        Probability of the bands; by default ArviZ's ``stats.ci_prob``.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        When history is a panel or reaches into the prediction.

    Examples
    --------
    >>> ax = forecast(fit, mm.predict(fit, plan), noise=mm.predict(fit, plan, noise=True))  # doctest: +SKIP
    """
    history = FORECAST(history)
    name = history.outcome if series is None else series
    draws = variable(prediction, name, ["date"], _PREDICT)
    table = table_of(draws, ci_prob)
    table.index = pd.DatetimeIndex(table.index)
    past = _observed(history, name)
    end = past.index[-1]
    if table.index[0] <= end:
        before = table.index[0] - pd.Timedelta(days=1)
        raise SettingError(
            f"the prediction begins on {table.index[0]:%Y-%m-%d} and history ends on {end:%Y-%m-%d}; give the history "
            f"before it, as data.between('{past.index[0]:%Y-%m-%d}', '{before:%Y-%m-%d}'), or draw fitted periods with "
            f"plots.predictive"
        )
    past = past.iloc[-(max(26, 4 * len(table)) if periods is None else periods) :]
    if ax is None:
        _, ax = plt.subplots(figsize=(9.5, 3.2), layout="constrained")
    ax.plot(past.index, past, color=BLACK, linewidth=1.0, marker=".", markersize=3.5, label="observed")
    ax.axvline(end + (table.index[0] - end) / 2, color=GREY, lw=1.0, ls=":", label=f"history ends {end:%Y-%m-%d}")
    if noise is not None:
        wide = table_of(variable(noise, name, ["date"], "predict(fit, plan, noise=True)"), ci_prob)
        _band(ax, wide, SKY, 0.3, f"{ci_label(wide)} interval of new observations")
    kinds = {True: " of new observations", False: " of the mean"}
    kind = kinds.get(prediction.attrs.get("noise", None if noise is None else False), "")
    _band(ax, table, SKY if noise is None else BLUE, 0.4, f"{ci_label(table)} interval{kind}")
    marker = "o" if len(table) == 1 else ""
    ax.plot(table.index, table["median"], color=BLUE, linewidth=1.6, marker=marker, markersize=4, label="median")
    if actual is not None:
        seen = _observed(actual, name) if isinstance(actual, MMMData) else actual
        seen = seen[seen.index > end]  # the history is drawn already
        ax.plot(
            pd.DatetimeIndex(seen.index), seen, "D", mfc="white", mec=RED, ms=4, zorder=4, label="what happened"
        )
    tidy(ax)
    ax.set_xlim(past.index[0], table.index[-1] + (table.index[0] - end) / 2)
    numbers(ax.yaxis)
    date_axis(ax)
    unit = unit_of(draws) or f" ({history.unit(name)})"
    ax.set_ylabel(f"{name}{unit}", fontsize=TEXT)
    legend_above(ax, [*ax.get_legend_handles_labels()[0], *caution(prediction.attrs)], 3)
    return ax


def _observed(data: MMMData, name: str) -> pd.Series:
    if len(data.geos) > 1:
        raise SettingError(f"the data have {len(data.geos)} geos; a forecast is drawn of national data")
    if name not in data.columns:
        raise SettingError(no_such(f"the data have no column {name!r}", name, data.columns))
    return pd.Series(data.columns[name][0], data.dates)


def what_if(
    dataset: xr.Dataset,
    *,
    series: str | None = None,
    ci_prob: float | None = None,
    axes: Sequence[Axes] | None = None,
) -> np.ndarray:
    """Draw by how much a scenario changes a series over time, and below it the running total of the change.

    Parameters
    ----------
    dataset : Dataset
        As ``mm.what_if(fit)`` gives it.
    series : str, optional
        By default the last of the data set, the outcome.
    ci_prob : float in (0, 1), optional
        Probability of the bands; by default ArviZ's ``stats.ci_prob``.
    axes : sequence of Axes, optional
        Two: for the change and for its running total.

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> axes = what_if(mm.what_if(fit, scale={"facebook": 0.0}))  # doctest: +SKIP
    """
    dataset = WHAT_IF(dataset)
    changed = [str(v).removesuffix(_CHANGE) for v in dataset.data_vars if str(v).endswith(_CHANGE)]
    name = series if series is not None else changed[-1] if changed else ""
    draws = variable(dataset, f"{name}{_CHANGE}", ["date"], _WHAT_IF)
    tables = [table_of(part, ci_prob) for part in (draws, draws.cumsum("date"))]
    if axes is None:
        _, axes = plt.subplots(2, 1, figsize=(9.5, 4.6), sharex=True, layout="constrained")
    axes = listed(axes, 2)
    unit = unit_of(draws, dataset)
    words = (f"change of\n{name}{unit}", f"running total\nof the change{unit}")
    for ax, table, label in zip(axes, tables, words, strict=True):
        zero_line(ax)
        _band(ax, table, SKY, 0.4, f"{ci_label(table)} interval")
        marker = "o" if len(table) == 1 else ""
        ax.plot(table.index, table["median"], color=BLUE, lw=1.4, marker=marker, markersize=4, label="median")
        tidy(ax)
        numbers(ax.yaxis, most=4)
        if len(table) == 1:
            one_date(ax, table.index[0])
        else:
            ax.set_xlim(table.index[0], table.index[-1])
            date_axis(ax)
        ax.set_ylabel(label, fontsize=TEXT)
    median, lower, upper = (
        short_number(float(f"{tables[1][end].iloc[-1]:.3g}")) for end in ("median", "lower", "upper")
    )
    axes[1].set_title(
        f"in all {median}, {ci_label(tables[1])} interval {lower} to {upper}", loc="left", fontsize=TEXT, pad=4
    )
    legend_above(axes[0], [*axes[0].get_legend_handles_labels()[0], *caution(dataset.attrs)], 3)
    return np.asarray(axes, dtype=object)


def _band(ax: Axes, table: pd.DataFrame, colour: str, alpha: float, label: str) -> None:
    # One period has no width to fill.
    if len(table) == 1:
        ax.vlines(table.index, table["lower"], table["upper"], color=colour, alpha=alpha, linewidth=6, label=label)
    else:
        ax.fill_between(
            table.index, table["lower"], table["upper"], color=colour, alpha=alpha, linewidth=0, label=label
        )
