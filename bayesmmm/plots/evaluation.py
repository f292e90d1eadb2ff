"""How well systems forecast, how stable their parameters are, and which of them describes the outcome best."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmmm.errors import SettingError
from bayesmmm.evaluate import CrossValidation
from bayesmmm.evaluate.stability import FAR
from bayesmmm.plots.axis import date_axis, label_rows, numbers, tidy
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, one, panels, rows_axes, whole_figure
from bayesmmm.plots.parts import key, legend_above, legend_on_top
from bayesmmm.plots.reading import dates_of
from bayesmmm.plots.sources import COMPARISON, CROSS_VALIDATION, STABILITY
from bayesmmm.plots.style import BLACK, BLUE, GREY, ORANGE, RED, SKY, SMALL, TEXT
from bayesmmm.text import counted, percent

_POINT: dict[str, Any] = {"markersize": 5, "ls": ""}
_ERRORS: dict[str, tuple[str, dict[str, Any]]] = {
    "rmse": ("RMSE", _POINT | {"color": BLUE, "marker": "o"}),
    "rmse_naive": ("RMSE, naive", _POINT | {"color": ORANGE, "marker": "s", "mfc": "white"}),
    "crps": ("CRPS", _POINT | {"color": RED, "marker": "D", "mfc": "white"}),
}
#: Most parameters that are drawn unless they are named.
MOST = 12


def cross_validation(
    cv: CrossValidation, *, equation: str | None = None, title: Title = AUTO, axes: Panels = None
) -> np.ndarray:
    """Draw what every fold forecast beside what happened, and below it how far it was off.

    Parameters
    ----------
    cv : CrossValidation
        As ``mm.evaluate.cross_validate(system, data)`` gives it.
    equation : str, optional
        The outcome by default, or a mediator that was forecast.
    axes : sequence of Axes, optional
        Two: for the forecasts and for their errors.
    title : as for every figure, see `bayesmmm.plots`
    """
    cv = CROSS_VALIDATION(cv)
    table = cv.table(equation)
    name = table.attrs["equation"]
    folds, unit = cv.predictions.sel(equation=name), table.attrs["unit"]
    own = axes is None
    if axes is None:
        shape: dict[str, Any] = {"figsize": (9.5, 5.4), "sharex": True, "height_ratios": (2.2, 1.0)}
        axes = plt.subplots(2, 1, layout="constrained", **shape)[1]
    axes = listed(axes, 2)
    _forecasts(axes[0], folds)
    axes[0].set_ylabel(f"{name} ({unit})", fontsize=TEXT)
    _errors(axes[1], folds, table)
    axes[1].set_ylabel(f"error ({unit})", fontsize=TEXT)
    handles = [
        key("observed", marker=".", markersize=5, linewidth=0.8),
        key("forecast mean", BLUE, linewidth=1.6),
        Patch(facecolor=SKY, alpha=0.4, label=f"{percent(cv.settings['ci_prob'])} interval of new observations"),
        key("naive forecast", ORANGE, linewidth=1.2, ls="--"),
        key("a fold's test begins", GREY, linewidth=0.9, ls=":"),
    ]
    count, values = len(folds["fold"]), folds["observed"].size
    words = f"{100 * table.loc['all', 'coverage']:.0f} % of {values} values lie in the interval"
    if not cv.complete:
        words += f"; {count} of {cv.settings['folds']} folds"
    axes[0].set_title(words, loc="left", fontsize=TEXT, pad=4)
    legend_on_top(axes[0], handles, own)
    days = np.sort(folds["date"].values.ravel())
    return finish(
        axes, own, title, f"Forecasts of {name} by {counted(count, 'fold')}{dates_of(days[0], days[-1])}"
    )


def _forecasts(ax: Axes, folds: xr.Dataset) -> None:
    for k in range(folds.sizes["fold"]):
        fold = folds.isel(fold=k)
        days = pd.DatetimeIndex(fold["date"].values)
        if len(days) == 1:  # one period has no width to fill
            ax.vlines(days, fold["lower"], fold["upper"], color=SKY, alpha=0.6, linewidth=5)
        else:
            ax.fill_between(days, fold["lower"], fold["upper"], color=SKY, alpha=0.4, linewidth=0)
        marker = "o" if len(days) == 1 else ""
        ax.plot(days, fold["mean"], color=BLUE, linewidth=1.6, marker=marker, markersize=4)
        ax.plot(days, fold["naive"], color=ORANGE, linewidth=1.2, ls="--", marker=marker, markersize=3)
        ax.axvline(days[0], color=GREY, linewidth=0.9, ls=":", zorder=0)
    observed = pd.Series(folds["observed"].values.ravel(), pd.DatetimeIndex(folds["date"].values.ravel()))
    observed = observed[~observed.index.duplicated()].sort_index()
    ax.plot(observed.index, observed, color=BLACK, linewidth=0.8, marker=".", markersize=5)
    tidy(ax)
    numbers(ax.yaxis)
    date_axis(ax)


def _errors(ax: Axes, folds: xr.Dataset, table: pd.DataFrame) -> None:
    """Root mean squared error of every fold over its test, the naive one beside it."""
    for k in range(folds.sizes["fold"]):
        days = pd.DatetimeIndex(folds["date"].isel(fold=k).values)
        for column, (_, style) in _ERRORS.items():
            ax.plot(days[0] + (days[-1] - days[0]) / 2, table.iloc[k][column], **style)
    for k in range(folds.sizes["fold"]):
        ax.axvline(folds["date"].values[k, 0], color=GREY, linewidth=0.9, ls=":", zorder=0)
    tidy(ax)
    ax.set_ylim(bottom=0.0)
    numbers(ax.yaxis, most=4)
    legend_above(ax, [Line2D([], [], label=label, **style) for label, style in _ERRORS.values()], 3, left=True)


def stability(
    cv: CrossValidation, *, parameters: Sequence[str] | None = None, title: Title = AUTO, axes: Panels = None
) -> np.ndarray:
    """Draw posterior means of parameters and their intervals, by how many periods a fold was trained on.

    Parameters
    ----------
    cv : CrossValidation
    parameters : sequence of str, optional
        As in ``cv.stability["parameter"]``; by default the twelve that drift most, in order.
    axes : sequence of Axes, optional
        One for each parameter.
    title : as for every figure, see `bayesmmm.plots`

    Raises
    ------
    ValueError
        For parameters that the folds do not have.

    Examples
    --------
    >>> axes = stability(cv, parameters=["roi[facebook]", "roi[tiktok]"])  # doctest: +SKIP
    """
    cv = STABILITY(cv)
    known = cv.stability["parameter"].values.tolist()
    drifts = cv.stability["drift"].to_series()
    if parameters is None:
        parameters = drifts.abs().sort_values(ascending=False, na_position="last", kind="stable").index[:MOST]
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise SettingError(f"the folds have no parameter {unknown[0]!r}; they have: {', '.join(known)}")
    names, own, grows = [str(name) for name in parameters], axes is None, cv.settings["window"] == "expanding"
    if axes is None:
        wide = min(4, len(names))
        axes = panels(len(names), wide, (2.5 * wide, 1.9 * -(-len(names) // wide) + 0.4), sharex=True)
        what = "periods trained on" if grows else "fold"
        words = f"{what} (mean and {percent(cv.settings['ci_prob'])} interval)"
        whole_figure(axes[0]).supxlabel(words, fontsize=TEXT)
    axes = listed(axes, len(names))
    at = cv.folds["periods"].to_numpy() if grows else cv.folds.index.to_numpy()
    for ax, name in zip(axes, names, strict=True):
        one = cv.stability.sel(parameter=name)
        ax.vlines(at, one["lower"], one["upper"], color=BLUE, linewidth=1.4)
        ax.plot(at, one["mean"], color=BLUE, marker="o", markersize=3.5, linewidth=1.0)
        z = float(drifts[name])
        far = abs(z) > FAR
        words = "" if np.isnan(z) else f"{'! ' if far else ''}drift z {z:.1f}".replace("-", "−")
        ax.set_title(name.replace("[", "\n["), loc="left", fontsize=SMALL, pad=3)
        place: dict[str, Any] = {"transform": ax.transAxes, "ha": "right", "va": "top"}
        ax.text(0.98, 0.97, words, fontsize=SMALL, color=RED if far else GREY, **place)
        tidy(ax)
        numbers(ax.yaxis, most=4)
        ax.margins(y=0.2)
        ax.xaxis.set_major_locator(ticker.MaxNLocator(4, integer=True))
    count, of = len(cv.folds), "that drift most" if len(names) < len(known) else ""
    words = f"Parameters {of} over {counted(count, 'fold')}".replace("  ", " ")
    return finish(axes, own, title, words)


def comparison(table: pd.DataFrame, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw by how much systems are worse than the best one, with two standard errors of the difference.

    Parameters
    ----------
    table : DataFrame
        As ``mm.evaluate.compare({...})`` gives it.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    table = COMPARISON(table)
    names = [
        f"{name}{f' (k high in {high})' if high else ''}"
        for name, high in zip(table.index, table["high_k"], strict=True)
    ]
    own = ax is None
    ax = rows_axes(names, 6.0, 1.1, 0.42) if ax is None else one(ax)
    at = np.arange(len(table))
    ax.axvline(0.0, color=GREY, linewidth=0.9)
    ax.hlines(at, table["diff"] - 2 * table["diff_se"], table["diff"] + 2 * table["diff_se"], color=BLUE, lw=1.8)
    colours = [RED if high else BLUE for high in table["high_k"]]
    ax.scatter(table["diff"], at, c=colours, marker="o", s=28, zorder=3)
    label_rows(ax, names)
    for row, weight in zip(at, table["weight"], strict=True):
        place = ("axes fraction", "data")
        ax.annotate(f"weight {weight:.2f}", (1.01, row), xycoords=place, va="center", fontsize=SMALL)
    outcome = table.attrs.get("outcome", "outcome")
    words = f"expected log predictive density of {outcome}, difference to the best (two standard errors)"
    ax.set_xlabel(words, fontsize=SMALL)
    words = f"How well {counted(len(table), 'system')} predict {outcome}: {table.index[0]} comes first"
    return finish([ax], own, title, words)[0]
