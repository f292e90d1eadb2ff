"""Series that were not observed: forecasts, and what would have been."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from bayesmmm.data import MMMData
from bayesmmm.errors import SettingError
from bayesmmm.plots.axis import date_axis, numbers, tidy, zero_line
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, one, panels
from bayesmmm.plots.parts import legend_above
from bayesmmm.plots.reading import caution, ci_label, dates_of, rounded, table_of, unit_of, variable
from bayesmmm.plots.sources import FORECAST, WHAT_IF
from bayesmmm.plots.style import BLACK, BLUE, GREY, RED, SKY, TEXT
from bayesmmm.results import Fit
from bayesmmm.text import no_such
from bayesmmm.validate import about, check_count, refusal

_PREDICT, _NOISY, _WHAT_IF = "predict(fit, plan)", "predict(fit, plan, noise=True)", "what_if(fit)"
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
    title: Title = AUTO,
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
    ci_prob, title, ax : as for every figure, see `bayesmmm.plots`

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
    shown = max(26, 4 * len(table)) if periods is None else check_count(periods, "periods", advice="as periods=52")
    past = past.iloc[-shown:]
    own = ax is None
    ax = panels(1, 1, (9.5, 3.2))[0] if ax is None else one(ax)
    ax.plot(past.index, past, color=BLACK, linewidth=1.0, marker=".", markersize=3.5, label="observed")
    ax.axvline(end + (table.index[0] - end) / 2, color=GREY, lw=1.0, ls=":", label=f"history ends {end:%Y-%m-%d}")
    if noise is not None:
        wide = table_of(variable(noise, name, ["date"], _NOISY), ci_prob)
        if not table.index.equals(pd.DatetimeIndex(wide.index)):
            text = "noise is of other dates than the prediction; give both of one plan, as noise=mm." + _NOISY
            raise about("noise", noise, text)
        _band(ax, wide, SKY, 0.3, f"{ci_label(wide)} interval of new observations")
    noisy = prediction.attrs.get("noise", None if noise is None else False)
    kind = "" if noisy is None else " of new observations" if noisy else " of the mean"
    _band(ax, table, SKY if noise is None else BLUE, 0.4, f"{ci_label(table)} interval{kind}")
    marker = "o" if len(table) == 1 else ""
    ax.plot(table.index, table["median"], color=BLUE, linewidth=1.6, marker=marker, markersize=4, label="median")
    if actual is not None:
        later = _observed(actual, name) if isinstance(actual, MMMData) else actual
        if not isinstance(later, pd.Series) or not isinstance(later.index, pd.DatetimeIndex):
            raise refusal("actual", actual, "must be MMMData, or a series with an index of dates")
        if later.dtype.kind not in "iuf":
            raise refusal(
                "actual", actual, f"must be numbers, not {later.dtype}", advice="as actual.astype(float)"
            )
        later = later[later.index > end]  # the history is drawn already
        style: dict[str, Any] = {"mfc": "white", "mec": RED, "ms": 4, "zorder": 4}
        ax.plot(pd.DatetimeIndex(later.index), later, "D", label="what happened", **style)
    tidy(ax)
    ax.set_xlim(past.index[0], table.index[-1] + (table.index[0] - end) / 2)
    numbers(ax.yaxis)
    date_axis(ax)
    unit = unit_of(draws) or f" ({history.unit(name)})"
    ax.set_ylabel(f"{name}{unit}", fontsize=TEXT)
    legend_above(ax, [*ax.get_legend_handles_labels()[0], *caution(prediction.attrs)], 3)
    return finish([ax], own, title, f"Forecast of {name}{dates_of(table.index[0], table.index[-1])}")[0]


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
    title: Title = AUTO,
    axes: Panels = None,
) -> np.ndarray:
    """Draw by how much a scenario changes a series over time, and below it the running total of the change.

    Parameters
    ----------
    dataset : Dataset
        As ``mm.what_if(fit)`` gives it.
    series : str, optional
        By default the last of the data set, the outcome.
    axes : sequence of Axes, optional
        Two: for the change and for its running total.
    ci_prob, title : as for every figure, see `bayesmmm.plots`

    Examples
    --------
    >>> axes = what_if(mm.what_if(fit, scale={"facebook": 0.0}))  # doctest: +SKIP
    """
    dataset = WHAT_IF(dataset)
    changed = [str(v).removesuffix(_CHANGE) for v in dataset.data_vars if str(v).endswith(_CHANGE)]
    name = series if series is not None else changed[-1] if changed else ""
    draws = variable(dataset, f"{name}{_CHANGE}", ["date"], _WHAT_IF)
    tables = [table_of(part, ci_prob) for part in (draws, draws.cumsum("date"))]
    own = axes is None
    axes = panels(2, 1, (9.5, 4.6), sharex=True) if axes is None else listed(axes, 2)
    unit = unit_of(draws, dataset)
    words = (f"change of\n{name}{unit}", f"running total\nof the change{unit}")
    for ax, table, label in zip(axes, tables, words, strict=True):
        zero_line(ax)
        _band(ax, table, SKY, 0.4, f"{ci_label(table)} interval")
        marker = "o" if len(table) == 1 else ""
        ax.plot(table.index, table["median"], color=BLUE, lw=1.4, marker=marker, markersize=4, label="median")
        tidy(ax)
        numbers(ax.yaxis, most=4)
        date_axis(ax, pd.DatetimeIndex(table.index))
        ax.set_ylabel(label, fontsize=TEXT)
    whole = tables[1].iloc[-1]
    median, lower, upper = (rounded(whole[end]) for end in ("median", "lower", "upper"))
    in_all = f"in all {median}, {ci_label(tables[1])} interval {lower} to {upper}"
    axes[1].set_title(in_all, loc="left", fontsize=TEXT, pad=4)
    legend_above(axes[0], [*axes[0].get_legend_handles_labels()[0], *caution(dataset.attrs)], 3)
    dates = tables[0].index
    return finish(axes, own, title, f"What the scenario changes in {name}{dates_of(dates[0], dates[-1])}")


def _band(ax: Axes, table: pd.DataFrame, colour: str, alpha: float, label: str) -> None:
    style: dict[str, Any] = {"color": colour, "alpha": alpha, "label": label}
    if len(table) == 1:  # one period has no width to fill
        ax.vlines(table.index, table["lower"], table["upper"], linewidth=6, **style)
    else:
        ax.fill_between(table.index, table["lower"], table["upper"], linewidth=0, **style)
