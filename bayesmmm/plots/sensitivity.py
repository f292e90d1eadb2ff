"""What answers rest on: effects against a residual correlation, and how far priors and data move what is asked."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmmm.errors import SettingError
from bayesmmm.plots.parts import (
    BLACK,
    BLUE,
    GREY,
    LETTER,
    ORANGE,
    RED,
    SMALL,
    TEXT,
    label_rows,
    legend_on_top,
    listed,
    tidy,
)
from bayesmmm.plots.reading import caution, unit_of, window_words, zero_line
from bayesmmm.plots.sources import MEDIATION_SENSITIVITY, POWER_SCALED_BUDGET, POWER_SCALING
from bayesmmm.results import Fit
from bayesmmm.text import percent, short_number

#: Part of the effect -> colour, line style, opacity of its band.
_PARTS = {"total": (GREY, "-", 0.18), "direct": (BLUE, "--", 0.18), "indirect": (ORANGE, "-", 0.35)}


def mediation_sensitivity(dataset: xr.Dataset | Fit, *, axes: Sequence[Axes] | None = None) -> np.ndarray:
    """Draw direct, indirect and total effects against the residual correlation that is assumed, a panel per channel.

    Where an answer is not reliable (weights too unequal, or a sampler that did not converge) medians are dotted and
    have no band. A red line marks the correlation at which the median indirect effect vanishes.

    Parameters
    ----------
    dataset : xarray.Dataset or Fit
        As `mediation_sensitivity` of ``bayesmmm.sensitivity`` gives it, by either method; of a fit draws are weighted.
    axes : sequence of Axes, optional
        One for each channel.

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> axes = mediation_sensitivity(found)  # doctest: +SKIP
    """
    dataset = MEDIATION_SENSITIVITY(dataset)
    names = [str(name) for name in dataset["channel"].values]
    own = axes is None
    grid = _grid(len(names)) if own else listed(axes, len(names))
    rho, good = dataset["rho"].values, dataset["reliable"].values.astype(bool)
    for name, ax in zip(names, grid, strict=True):
        zero_line(ax)
        ax.axvline(0.0, color="#DDDDDD", linewidth=0.8, zorder=0)
        for part, (colour, style, opacity) in _PARTS.items():
            lower, median, upper = dataset[part].sel(channel=name).transpose("quantile", "rho").values
            shown = np.where(good, median, np.nan)
            ax.fill_between(rho, lower, upper, where=good, color=colour, alpha=opacity, lw=0)
            ax.plot(rho, median, color=colour, linewidth=0.9, linestyle=":", zorder=2)
            ax.plot(rho, shown, color=colour, linewidth=1.6, linestyle=style, zorder=3)
        star = float(dataset["rho_star"].sel(channel=name))
        if np.isfinite(star):
            ax.axvline(star, color=RED, linewidth=1.2, zorder=1)
            ax.text(
                star,
                0.99,
                f" {star:+.2f}".replace("-", "−"),
                color=RED,
                fontsize=SMALL,
                va="top",
                transform=ax.get_xaxis_transform(),
            )
        _limit(ax, dataset.sel(channel=name), good)
        ax.set_xlim(rho[0], rho[-1])
        ax.set_title(name, fontsize=TEXT, loc="left")
        tidy(ax)
        ax.xaxis.set_major_locator(ticker.MaxNLocator(5))
        ax.yaxis.set_major_locator(ticker.MaxNLocator(4))
        ax.xaxis.set_major_formatter(ticker.FuncFormatter(short_number))
        ax.yaxis.set_major_formatter(ticker.FuncFormatter(short_number))
    across = f"residual correlation of {dataset.attrs['mediator']} and the outcome that is assumed"
    up = f"effect{unit_of(dataset['total'], dataset)}"
    about = window_words(dataset.attrs)
    if own:
        figure = grid[0].figure.figure
        figure.supxlabel(f"{across}\n{about}" if about else across, fontsize=TEXT)
        figure.supylabel(up, fontsize=TEXT)
    else:
        grid[0].set_xlabel(across, fontsize=TEXT)
        grid[0].set_ylabel(up, fontsize=TEXT)
    legend_on_top(grid[0], _entries(dataset, good), own)
    return np.asarray(grid, dtype=object)


def _limit(ax: Axes, dataset: xr.Dataset, good: np.ndarray) -> None:
    """Keep to what is reliable: medians elsewhere may be anywhere."""
    if not good.any():
        return
    seen = np.concatenate([dataset[part].transpose("quantile", "rho").values[:, good].ravel() for part in _PARTS])
    low, high = min(seen.min(), 0.0), max(seen.max(), 0.0)
    edge = 0.06 * (high - low or 1.0)
    ax.set_ylim(low - edge, high + 1.6 * edge)


def _entries(dataset: xr.Dataset, good: np.ndarray) -> list:
    share = dataset.attrs.get("ci_prob")
    words = f", median and {percent(share)} interval" if share else ""
    entries: list = [
        Line2D([], [], color=colour, linewidth=1.6, linestyle=style, label=part + words * (part == "total"))
        for part, (colour, style, _) in _PARTS.items()
    ]
    if not good.all():
        why = "weights too unequal" if dataset.attrs.get("method") == "reweight" else "sampler did not converge"
        entries.append(Line2D([], [], color=BLACK, linewidth=0.9, linestyle=":", label=f"not reliable: {why}"))
    if np.isfinite(dataset["rho_star"]).any():
        entries.append(Line2D([], [], color=RED, linewidth=1.2, label="indirect effect vanishes"))
    return [*entries, *caution(dataset.attrs)]


def _grid(count: int) -> list[Axes]:
    wide = min(count, 4)
    tall = -(-count // wide)
    _, grid = plt.subplots(
        tall,
        wide,
        figsize=(max(1.3 + 2.1 * wide, 6.0), 1.2 + 1.75 * tall),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for empty in grid.ravel()[count:]:
        empty.set_axis_off()
    for above in grid[tall - 2, count - (tall - 1) * wide :] if tall > 1 else ():
        above.tick_params(labelbottom=True)
    return list(grid.ravel()[:count])


# ----------------------------------------------------------------------------------------------------- power-scaling
def power_scaling(table: pd.DataFrame | Fit, *, most: int = 25, ax: Axes | None = None) -> Axes:
    """Draw how much the priors and the data move each quantity, the most prior-bound on top.

    Parameters
    ----------
    table : pandas.DataFrame or Fit
        A fit, or what the function of the same name gives.
    most : int
        Draw so many quantities.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = power_scaling(table)  # doctest: +SKIP
    """
    table = POWER_SCALING(table)
    known = table[table["verdict"] != "unknown"].sort_values("prior", ascending=False, kind="stable").head(most)
    if known.empty:
        raise SettingError("every quantity of the table is unknown, so that there is nothing to draw")
    if ax is None:
        margin = LETTER * max(len(str(name)) for name in known.index)
        _, ax = plt.subplots(figsize=(5.6 + margin, 1.3 + 0.21 * len(known)), layout="constrained")
    at = np.arange(len(known))
    floor = 1e-3  # below which nothing moves
    prior, data = (known[column].clip(lower=floor) for column in ("prior", "likelihood"))
    ax.hlines(at, np.minimum(prior, data), np.maximum(prior, data), color="#CCCCCC", linewidth=1.0, zorder=1)
    ax.plot(prior, at, "o", color=ORANGE, markersize=5, label="prior")
    ax.plot(data, at, "s", mfc="none", mec=BLUE, mew=1.3, markersize=4.5, label="data (likelihood)")
    label_rows(ax, [str(name) for name in known.index])
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    ax.xaxis.set_major_formatter(ticker.FuncFormatter(short_number))
    ax.xaxis.set_minor_locator(ticker.NullLocator())
    threshold = table.attrs.get("threshold", 0.05)
    ax.axvline(
        threshold, color=RED, linewidth=1.0, linestyle=(0, (4, 2)), label=f"{threshold:g}: it counts", zorder=1
    )
    for row, verdict in enumerate(known["verdict"]):
        ax.text(1.01, row, verdict, transform=ax.get_yaxis_transform(), va="center", fontsize=6.5, color=BLACK)
    ax.set_xlabel("how far the posterior moves as the prior, or the data, count for twice as much", fontsize=SMALL)
    handles = [*ax.get_legend_handles_labels()[0], *caution(table.attrs)]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize=SMALL)
    return ax


def power_scaled_budget(dataset: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the best budget under weaker and stronger priors (or data) beside the one of the fit.

    Parameters
    ----------
    dataset : xarray.Dataset
        As the function of the same name gives it.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = power_scaled_budget(moved)  # doctest: +SKIP
    """
    dataset = POWER_SCALED_BUDGET(dataset)
    names = [str(name) for name in dataset["channel"].values]
    low, base, high = dataset["spend"].transpose("alpha", "channel").values
    if ax is None:
        margin = LETTER * max(map(len, names))
        _, ax = plt.subplots(figsize=(5.6 + margin, 1.7 + 0.3 * len(names)), layout="constrained")
    at = np.arange(len(names))
    ax.hlines(at, np.min([low, base, high], axis=0), np.max([low, base, high], axis=0), color="#CCCCCC", lw=2.0)
    component = dataset.attrs["component"]
    alphas = dataset["alpha"].values
    for values, marker, colour, words in (
        (low, "<", ORANGE, f"weaker {component} (power {alphas[0]:g})"),
        (base, "o", BLACK, "as fitted"),
        (high, ">", BLUE, f"stronger {component} (power {alphas[2]:g})"),
    ):
        ax.plot(values, at, marker, color=colour, markersize=6, ls="", label=words, zorder=3)
    label_rows(ax, names)
    ax.set_xlim(left=0.0)
    ax.xaxis.set_major_locator(ticker.MaxNLocator(5))
    ax.xaxis.set_major_formatter(ticker.FuncFormatter(short_number))
    moved = float(dataset["moved"].max())
    ax.set_xlabel(
        textwrap.fill(
            f"spend in the window (money); up to {100 * moved:.0f} % of it goes elsewhere, by chance "
            f"{100 * float(dataset['noise']):.0f} %",
            64,
        ),
        fontsize=SMALL,
    )
    bad = [] if dataset["reliable"].all() else [Patch(fc="none", ec="none", label="weights not reliable")]
    handles = [*ax.get_legend_handles_labels()[0], *bad, *caution(dataset.attrs)]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=SMALL)
    return ax
