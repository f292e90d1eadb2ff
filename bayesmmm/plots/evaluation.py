"""How well systems forecast, how stable their parameters are, and which of them describes the outcome best."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmmm.errors import SettingError
from bayesmmm.evaluate import CrossValidation
from bayesmmm.evaluate.stability import FAR
from bayesmmm.plots.parts import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    RED,
    SKY,
    SMALL,
    TEXT,
    date_axis,
    label_rows,
    listed,
    tidy,
)
from bayesmmm.plots.reading import numbers
from bayesmmm.plots.sources import COMPARISON, CROSS_VALIDATION, STABILITY
from bayesmmm.text import percent

#: Most parameters that are drawn unless they are named.
MOST = 12


def cross_validation(
    cv: CrossValidation, *, equation: str | None = None, axes: Sequence[Axes] | None = None
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

    Returns
    -------
    array of Axes

    Raises
    ------
    ValueError
        For something else than a cross-validation.

    Examples
    --------
    >>> axes = cross_validation(mm.evaluate.cross_validate(system, data, seed=1))  # doctest: +SKIP
    """
    cv = CROSS_VALIDATION(cv)
    table = cv.table(equation)
    name = table.attrs["equation"]
    found = cv.predictions.sel(equation=name)
    own = axes is None
    if own:
        _, axes = plt.subplots(
            2, 1, figsize=(9.5, 5.4), sharex=True, height_ratios=(2.2, 1.0), layout="constrained"
        )
    axes = listed(axes, 2)
    _forecasts(axes[0], found)
    axes[0].set_ylabel(f"{name} ({table.attrs['unit']})", fontsize=TEXT)
    _errors(axes[1], found, table)
    axes[1].set_ylabel(f"error ({table.attrs['unit']})", fontsize=TEXT)
    share = 100 * cv.settings["ci_prob"]
    handles = [
        Line2D([], [], color=BLACK, marker=".", markersize=5, linewidth=0.8, label="observed"),
        Line2D([], [], color=BLUE, linewidth=1.6, label="forecast mean"),
        Patch(facecolor=SKY, alpha=0.4, label=f"{share:.3g} % interval of new observations"),
        Line2D([], [], color=ORANGE, linewidth=1.2, ls="--", label="naive forecast"),
        Line2D([], [], color=GREY, linewidth=0.9, ls=":", label="a fold's test begins"),
    ]
    total = table.loc["all"]
    words = (
        f"{100 * total['coverage']:.0f} % of {len(found['fold']) * len(found['ahead'])} values lie in the interval"
    )
    if not cv.complete:
        words += f"; {len(found['fold'])} of {cv.settings['folds']} folds"
    axes[0].set_title(words, loc="left", fontsize=TEXT, pad=4)
    if own:
        axes[0].figure.figure.legend(
            handles=handles, loc="outside upper center", ncols=5, frameon=False, fontsize=SMALL
        )
    else:
        axes[0].legend(handles=handles, frameon=False, fontsize=SMALL)
    return np.asarray(axes, dtype=object)


def _forecasts(ax: Axes, found: xr.Dataset) -> None:
    for k in range(found.sizes["fold"]):
        fold = found.isel(fold=k)
        days = pd.DatetimeIndex(fold["date"].values)
        if len(days) == 1:  # one period has no width to fill
            ax.vlines(days, fold["lower"], fold["upper"], color=SKY, alpha=0.6, linewidth=5)
        else:
            ax.fill_between(days, fold["lower"], fold["upper"], color=SKY, alpha=0.4, linewidth=0)
        marker = "o" if len(days) == 1 else ""
        ax.plot(days, fold["mean"], color=BLUE, linewidth=1.6, marker=marker, markersize=4)
        ax.plot(days, fold["naive"], color=ORANGE, linewidth=1.2, ls="--", marker=marker, markersize=3)
        ax.axvline(days[0], color=GREY, linewidth=0.9, ls=":", zorder=0)
    seen = pd.Series(found["observed"].values.ravel(), pd.DatetimeIndex(found["date"].values.ravel()))
    seen = seen[~seen.index.duplicated()].sort_index()
    ax.plot(seen.index, seen, color=BLACK, linewidth=0.8, marker=".", markersize=5)
    tidy(ax)
    numbers(ax.yaxis)
    date_axis(ax)


def _errors(ax: Axes, found: xr.Dataset, table: pd.DataFrame) -> None:
    """Root mean squared error of every fold over its test, the naive one beside it."""
    ends = []
    for k in range(found.sizes["fold"]):
        days = pd.DatetimeIndex(found["date"].isel(fold=k).values)
        row = table.iloc[k]
        middle = days[0] + (days[-1] - days[0]) / 2
        for column, colour, marker in (("rmse", BLUE, "o"), ("rmse_naive", ORANGE, "s"), ("crps", RED, "D")):
            fill = colour if column == "rmse" else "white"
            ax.plot(middle, row[column], marker=marker, color=colour, mfc=fill, markersize=5, ls="")
        ends.append(days[0])
    for day in ends:
        ax.axvline(day, color=GREY, linewidth=0.9, ls=":", zorder=0)
    tidy(ax)
    ax.set_ylim(bottom=0.0)
    numbers(ax.yaxis, most=4)
    handles = [
        Line2D([], [], color=BLUE, marker="o", ls="", markersize=5, label="RMSE"),
        Line2D([], [], color=ORANGE, marker="s", mfc="white", ls="", markersize=5, label="RMSE, naive"),
        Line2D([], [], color=RED, marker="D", mfc="white", ls="", markersize=5, label="CRPS"),
    ]
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=3,
        frameon=False,
        fontsize=SMALL,
        borderaxespad=0.1,
    )


def stability(
    cv: CrossValidation, *, parameters: Sequence[str] | None = None, axes: Sequence[Axes] | None = None
) -> np.ndarray:
    """Draw posterior means of parameters and their intervals, by how many periods a fold was trained on.

    Parameters
    ----------
    cv : CrossValidation
    parameters : sequence of str, optional
        As in ``cv.stability["parameter"]``; by default the twelve that drift most, in order.
    axes : sequence of Axes, optional
        One for each parameter.

    Returns
    -------
    array of Axes

    Raises
    ------
    ValueError
        For parameters that the folds do not have.

    Examples
    --------
    >>> axes = stability(cv, parameters=["roi[facebook]", "roi[tiktok]"])  # doctest: +SKIP
    """
    cv = STABILITY(cv)
    found = cv.stability
    known = found["parameter"].values.tolist()
    drifts = found["drift"].to_series()
    if parameters is None:
        parameters = drifts.abs().sort_values(ascending=False, na_position="last", kind="stable").index[:MOST]
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise SettingError(f"the folds have no parameter {unknown[0]!r}; they have: {', '.join(known)}")
    names = [str(name) for name in parameters]
    if axes is None:
        columns = min(4, len(names))
        rows = -(-len(names) // columns)
        figure, grid = plt.subplots(
            rows,
            columns,
            figsize=(2.5 * columns, 1.9 * rows + 0.4),
            layout="constrained",
            squeeze=False,
            sharex=True,
        )
        axes = list(grid.ravel())
        for empty in axes[len(names) :]:
            empty.set_visible(False)
        for above in axes[len(names) - columns : len(names)]:
            above.tick_params(labelbottom=True)
        axes = axes[: len(names)]
        what = "periods trained on" if cv.settings["window"] == "expanding" else "fold"
        figure.supxlabel(f"{what} (mean and {percent(cv.settings['ci_prob'])} interval)", fontsize=TEXT)
    axes = listed(axes, len(names))
    at = cv.folds["periods"].to_numpy() if cv.settings["window"] == "expanding" else cv.folds.index.to_numpy()
    for ax, name in zip(axes, names, strict=True):
        one = found.sel(parameter=name)
        ax.vlines(at, one["lower"], one["upper"], color=BLUE, linewidth=1.4)
        ax.plot(at, one["mean"], color=BLUE, marker="o", markersize=3.5, linewidth=1.0)
        z = float(drifts[name])
        far = abs(z) > FAR
        words = "" if np.isnan(z) else f"{'! ' if far else ''}drift z {z:.1f}".replace("-", "−")
        ax.set_title(f"{name.replace('[', chr(10) + '[')}", loc="left", fontsize=SMALL, pad=3)
        ax.text(
            0.98,
            0.97,
            words,
            transform=ax.transAxes,
            ha="right",
            va="top",
            fontsize=SMALL,
            color=RED if far else GREY,
        )
        tidy(ax)
        numbers(ax.yaxis, most=4)
        ax.margins(y=0.2)
        ax.xaxis.get_major_locator().set_params(integer=True, nbins=4)
    return np.asarray(axes, dtype=object)


def comparison(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw by how much systems are worse than the best one, with two standard errors of the difference.

    Parameters
    ----------
    table : DataFrame
        As ``mm.evaluate.compare({...})`` gives it.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        For another table.

    Examples
    --------
    >>> ax = comparison(mm.evaluate.compare({"normal": fit, "student_t": other}))  # doctest: +SKIP
    """
    table = COMPARISON(table)
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 1.1 + 0.42 * len(table)), layout="constrained")
    at = np.arange(len(table))
    ax.axvline(0.0, color=GREY, linewidth=0.9)
    ax.hlines(at, table["diff"] - 2 * table["diff_se"], table["diff"] + 2 * table["diff_se"], color=BLUE, lw=1.8)
    fill = [RED if high else BLUE for high in table["high_k"]]
    ax.scatter(table["diff"], at, c=fill, marker="o", s=28, zorder=3)
    names = [
        f"{name}{f' (k high in {high})' if high else ''}"
        for name, high in zip(table.index, table["high_k"], strict=True)
    ]
    label_rows(ax, names)
    for row, weight in zip(at, table["weight"], strict=True):
        ax.annotate(
            f"weight {weight:.2f}", (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=SMALL
        )
    unit = table.attrs.get("outcome", "outcome")
    ax.set_xlabel(
        f"expected log predictive density of {unit}, difference to the best (two standard errors)", fontsize=SMALL
    )
    return ax
