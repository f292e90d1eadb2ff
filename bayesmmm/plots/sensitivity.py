"""What answers rest on: effects against a residual correlation, and how far priors and data move what is asked."""

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from bayesmmm.errors import SettingError
from bayesmmm.plots.axis import label_rows, log_axis, numbers, tidy, zero_line
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, name_axes, one, panels, rows_axes
from bayesmmm.plots.parts import key, legend_above, legend_on_top
from bayesmmm.plots.reading import caution, series_of, unit_of, when, window_words
from bayesmmm.plots.sources import MEDIATION_SENSITIVITY, POWER_SCALED_BUDGET, POWER_SCALING
from bayesmmm.plots.style import BLACK, BLUE, DASHED, GREY, ORANGE, RED, SMALL, TEXT
from bayesmmm.results import Fit
from bayesmmm.text import counted, percent
from bayesmmm.validate import check_count

#: Part of the effect -> colour, line style, opacity of its band.
_PARTS = {"total": (GREY, "-", 0.18), "direct": (BLUE, "--", 0.18), "indirect": (ORANGE, "-", 0.35)}


def mediation_sensitivity(dataset: xr.Dataset | Fit, *, title: Title = AUTO, axes: Panels = None) -> np.ndarray:
    """Draw direct, indirect and total effects against the residual correlation that is assumed, a panel per channel.

    Where an answer is not reliable (weights too unequal, or a sampler that did not converge) nothing is drawn, and the
    legend says why. A red line marks the correlation at which the median indirect effect vanishes.

    Parameters
    ----------
    dataset : xarray.Dataset or Fit
        As `mediation_sensitivity` of ``bayesmmm.sensitivity`` gives it, by either method; of a fit draws are weighted.
    axes : sequence of Axes, optional
        One for each channel.
    title : as for every figure, see `bayesmmm.plots`
    """
    dataset = MEDIATION_SENSITIVITY(dataset)
    names = [str(name) for name in dataset["channel"].values]
    own = axes is None
    wide = min(len(names), 4)
    size = (max(1.3 + 2.1 * wide, 6.0), 1.2 + 1.75 * -(-len(names) // wide))
    axes = panels(len(names), wide, size, sharex=True) if axes is None else listed(axes, len(names))
    rho, good = dataset["rho"].values, dataset["reliable"].values.astype(bool)
    for name, ax in zip(names, axes, strict=True):
        zero_line(ax)
        ax.axvline(0.0, color="#DDDDDD", linewidth=0.8, zorder=0)
        for part, (colour, style, opacity) in _PARTS.items():
            lower, median, upper = dataset[part].sel(channel=name).transpose("quantile", "rho").values
            shown = np.where(good, median, np.nan)
            ax.fill_between(rho, lower, upper, where=good, color=colour, alpha=opacity, lw=0)
            ax.plot(rho, shown, color=colour, linewidth=1.6, linestyle=style, zorder=3)
        star = float(dataset["rho_star"].sel(channel=name))
        if np.isfinite(star):
            ax.axvline(star, color=RED, linewidth=1.2, zorder=1)
            text, place = f" {star:+.2f}".replace("-", "−"), ax.get_xaxis_transform()
            ax.text(star, 0.99, text, color=RED, fontsize=SMALL, va="top", transform=place)
        _limit(ax, dataset.sel(channel=name), good)
        ax.set_xlim(rho[0], rho[-1])
        ax.set_title(name, fontsize=TEXT, loc="left")
        tidy(ax)
        numbers(ax.xaxis)
        numbers(ax.yaxis, most=4)
    across = f"residual correlation of {dataset.attrs['mediator']} and the outcome that is assumed"
    up = f"effect{unit_of(dataset['total'], dataset)}"
    about = window_words(dataset.attrs)
    name_axes(axes, f"{across}\n{about}" if about and own else across, up, own)
    legend_on_top(axes[0], _entries(dataset, good), own)
    words = f"Effects on {series_of(dataset.attrs)} were its residuals correlated with those of"
    return finish(axes, own, title, f"{words} {dataset.attrs['mediator']}{when(dataset.attrs)}")


def _limit(ax: Axes, dataset: xr.Dataset, good: np.ndarray) -> None:
    """Keep to what is reliable: medians elsewhere may be anywhere."""
    if not good.any():
        return
    ends = np.concatenate([dataset[part].transpose("quantile", "rho").values[:, good].ravel() for part in _PARTS])
    low, high = min(ends.min(), 0.0), max(ends.max(), 0.0)
    edge = 0.06 * (high - low or 1.0)
    ax.set_ylim(low - edge, high + 1.6 * edge)


def _entries(dataset: xr.Dataset, good: np.ndarray) -> list[Artist]:
    share = dataset.attrs.get("ci_prob")
    words = f", median and {percent(share)} interval" if share else ""
    entries: list[Artist] = [
        key(part + words * (part == "total"), colour, linewidth=1.6, linestyle=style)
        for part, (colour, style, _) in _PARTS.items()
    ]
    if not good.all():
        why = "weights too unequal" if dataset.attrs.get("method") == "reweight" else "sampler did not converge"
        entries.append(key(f"blank: not reliable, {why}", ls=""))
    if np.isfinite(dataset["rho_star"]).any():
        entries.append(key("indirect effect vanishes", RED, linewidth=1.2))
    return [*entries, *caution(dataset.attrs)]


# ----------------------------------------------------------------------------------------------------- power-scaling
def power_scaling(
    table: pd.DataFrame | Fit, *, most: int = 25, title: Title = AUTO, ax: Axes | None = None
) -> Axes:
    """Draw how much the priors and the data move each quantity, the most prior-bound on top.

    Parameters
    ----------
    table : pandas.DataFrame or Fit
        A fit, or what the function of the same name gives.
    most : int
        Draw so many quantities.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    table = POWER_SCALING(table)
    known = table[table["verdict"] != "unknown"].sort_values("prior", ascending=False, kind="stable")
    known = known.head(check_count(most, "most", advice="as most=25"))
    if known.empty:
        raise SettingError("every quantity of the table is unknown, so that there is nothing to draw")
    own = ax is None
    ax = rows_axes(list(known.index), 5.6, 1.3, 0.21) if ax is None else one(ax)
    at = np.arange(len(known))
    floor = 1e-3  # below which nothing moves
    prior, data = (known[column].clip(lower=floor) for column in ("prior", "likelihood"))
    ax.hlines(at, np.minimum(prior, data), np.maximum(prior, data), color="#CCCCCC", linewidth=1.0, zorder=1)
    ax.plot(prior, at, "o", color=ORANGE, markersize=5, label="prior")
    ax.plot(data, at, "s", mfc="none", mec=BLUE, mew=1.3, markersize=4.5, label="data (likelihood)")
    label_rows(ax, list(known.index))
    log_axis(ax, most=12)
    threshold = table.attrs.get("threshold", 0.05)
    style: dict[str, Any] = {"color": RED, "linewidth": 1.0, "linestyle": DASHED, "zorder": 1}
    ax.axvline(threshold, label=f"{threshold:g}: it counts", **style)
    for row, verdict in enumerate(known["verdict"]):
        ax.text(1.01, row, verdict, transform=ax.get_yaxis_transform(), va="center", fontsize=6.5, color=BLACK)
    ax.set_xlabel("how far the posterior moves as the prior, or the data, count for twice as much", fontsize=SMALL)
    legend_above(ax, [*ax.get_legend_handles_labels()[0], *caution(table.attrs)], 4, left=True)
    return finish(
        [ax], own, title, f"What moves {counted(len(known), 'quantity', 'quantities')}: the prior or the data"
    )[0]


def power_scaled_budget(dataset: xr.Dataset, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw the best budget under weaker and stronger priors (or data) beside the one of the fit.

    Parameters
    ----------
    dataset : xarray.Dataset
        As the function of the same name gives it.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    dataset = POWER_SCALED_BUDGET(dataset)
    names = [str(name) for name in dataset["channel"].values]
    low, base, high = dataset["spend"].transpose("alpha", "channel").values
    own = ax is None
    ax = rows_axes(names, 5.6, 1.7, 0.3) if ax is None else one(ax)
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
    numbers(ax.xaxis)
    moved, noise = (100 * float(part) for part in (dataset["moved"].max(), dataset["noise"]))
    words = f"spend in the window (money); up to {moved:.0f} % of it goes elsewhere, by chance {noise:.0f} %"
    ax.set_xlabel(fill(words, 64), fontsize=SMALL)
    bad = [] if dataset["reliable"].all() else [key("weights not reliable", ls="")]
    legend_above(ax, [*ax.get_legend_handles_labels()[0], *bad, *caution(dataset.attrs)], 2, left=True)
    return finish([ax], own, title, f"The best budget under a weaker and a stronger {component}")[0]
