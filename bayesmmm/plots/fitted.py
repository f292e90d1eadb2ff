"""What the equations leave unexplained: residuals over time, their distribution, their autocorrelation."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import ticker
from matplotlib.axes import Axes

from bayesmmm.equations.likelihoods import LIKELIHOODS, NORMAL
from bayesmmm.plots.axis import date_axis, tidy, zero_line
from bayesmmm.plots.layout import AUTO, Title, finish, one, panels
from bayesmmm.plots.parts import legend_above, upright
from bayesmmm.plots.reading import SAMPLE, caution, checked, ci_label, dates_of, series_of, table_of, unit_of
from bayesmmm.plots.sources import RESIDUAL_AUTOCORRELATION, RESIDUAL_DISTRIBUTION, RESIDUALS
from bayesmmm.plots.style import BLACK, BLUE, DASHED, GREY, RED, SKY, TEXT
from bayesmmm.results import Fit

_MAKER = "residuals(fit)"


def residuals(
    draws: xr.DataArray | Fit, *, ci_prob: float | None = None, title: Title = AUTO, ax: Axes | None = None
) -> Axes:
    """Draw the residuals of an equation over time: what no term of it explains.

    Runs above or below zero say that something with a memory is missing; a change in width, that the noise is not the
    same throughout.

    Parameters
    ----------
    draws : DataArray or Fit
        Residuals with dims chain, draw, date, as ``estimands.residuals(fit)`` gives them; or a fit, for its outcome.
    ci_prob, title, ax : as for every figure, see `bayesmmm.plots`
    """
    draws = checked(RESIDUALS(draws), ["date"], _MAKER)
    table = table_of(draws, ci_prob)
    own = ax is None
    ax = panels(1, 1, (9.5, 2.8))[0] if ax is None else one(ax)
    zero_line(ax)
    label = f"{ci_label(table)} interval"
    upright(ax, table, label, size=4.0, linewidth=1.6)
    tidy(ax)
    date_axis(ax, pd.DatetimeIndex(table.index), step=1.0)
    name = series_of(draws.attrs)
    ax.set_ylabel(f"residual of {name}\n{unit_of(draws).strip()}".strip(), fontsize=TEXT)
    _legend(ax, draws)
    return finish([ax], own, title, f"What no term explains of {name}{dates_of(table.index[0], table.index[-1])}")[
        0
    ]


def residual_distribution(draws: xr.DataArray | Fit, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw how the residuals are distributed, against the standard Normal.

    Bars are the density of all draws of all periods: posterior means alone would be narrower than the noise. Marks on
    the axis are the posterior means of single periods. Where the noise is assumed to be Student t, whose degrees of
    freedom differ from draw to draw, there is no curve to compare with.

    Parameters
    ----------
    draws : DataArray or Fit
        Residuals with dims chain, draw, date, as ``estimands.residuals(fit)`` gives them; ``attrs["likelihood"]`` says
        what noise is assumed. Or a fit, for its outcome.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    draws = checked(RESIDUAL_DISTRIBUTION(draws), ["date"], _MAKER)
    pooled, means = draws.values.ravel(), draws.mean(SAMPLE).values
    own = ax is None
    ax = panels(1, 1, (4.6, 3.2))[0] if ax is None else one(ax)
    # A single draw far out must not squeeze the rest; a single period must be seen.
    reach = max(3.5, 1.05 * float(np.abs(means).max()), 1.05 * float(np.quantile(np.abs(pooled), 0.999)))
    edges = np.linspace(-reach, reach, max(9, 2 * int(np.sqrt(len(means))) + 1))
    weights = np.full(len(pooled), 1.0 / (len(pooled) * (edges[1] - edges[0])))
    style: dict[str, Any] = {"color": SKY, "edgecolor": "white", "linewidth": 0.5}
    ax.hist(pooled, bins=list(edges), weights=weights, label=f"all draws of {len(means)} periods", **style)
    if LIKELIHOODS.get(draws.attrs.get("likelihood", ""), NORMAL).heavy_tailed:
        ax.plot([], [], " ", label="noise is Student t:\nno Normal to compare with")
    else:
        at = np.linspace(-reach, reach, 201)
        normal = np.exp(-(at**2) / 2.0) / np.sqrt(2.0 * np.pi)
        ax.plot(at, normal, color=BLACK, linewidth=1.3, linestyle=DASHED, label="standard Normal")
    # Single periods far out would be lost in the bins.
    marks: dict[str, Any] = {"color": BLUE, "markersize": 7, "markeredgewidth": 0.8}
    ax.plot(means, np.zeros_like(means), "|", clip_on=False, label="posterior mean of a period", **marks)
    tidy(ax)
    ax.set_xlim(-reach, reach)
    ax.yaxis.set_major_locator(ticker.MaxNLocator(4))
    ax.set_xlabel(f"residual of {series_of(draws.attrs)}{unit_of(draws)}", fontsize=TEXT)
    ax.set_ylabel("density", fontsize=TEXT)
    _legend(ax, draws)
    dates = draws["date"].values
    words = f"Distribution of the residuals of {series_of(draws.attrs)}{dates_of(dates[0], dates[-1])}"
    return finish([ax], own, title, words)[0]


def residual_autocorrelation(
    table: pd.DataFrame | xr.DataArray | Fit, *, title: Title = AUTO, ax: Axes | None = None
) -> Axes:
    """Draw the autocorrelation of the residuals, a bar per lag, with the band in which white noise would stay.

    Parameters
    ----------
    table : pandas.DataFrame, DataArray or Fit
        As ``results.autocorrelation(residuals)`` gives it, residuals, or a fit.
    title, ax : as for every figure, see `bayesmmm.plots`
    """
    table = RESIDUAL_AUTOCORRELATION(table)
    own = ax is None
    ax = panels(1, 1, (max(4.6, 0.16 * len(table) + 1.4), 3.2))[0] if ax is None else one(ax)
    band = float(table["band"].iloc[0])
    share = ci_label(table)
    ax.axhspan(-band, band, color=GREY, alpha=0.2, linewidth=0, label=f"{share} band of white noise", zorder=0)
    zero_line(ax)
    outside = table["median"].abs() > band
    for rows, colour, label in ((~outside, BLUE, "median"), (outside, RED, "median outside the band")):
        if rows.any():
            part = table[rows]
            ax.bar(part.index, part["median"], width=0.6, color=colour, label=label)
    spans = table["lower"], table["upper"]
    ax.vlines(table.index, *spans, color=BLACK, linewidth=0.9, zorder=3, label=f"{share} interval")
    tidy(ax)
    ax.xaxis.set_major_locator(ticker.MaxNLocator(8, integer=True))
    ax.set_xlim(0.0, len(table) + 1.0)
    ax.set_xlabel("lag (periods)", fontsize=TEXT)
    name = series_of(table.attrs)
    ax.set_ylabel(f"autocorrelation of the residuals\nof {name}", fontsize=TEXT)
    _legend(ax, table)
    return finish([ax], own, title, f"Autocorrelation of the residuals of {name}")[0]


def _legend(ax: Axes, source: xr.DataArray | pd.DataFrame) -> None:
    legend_above(ax, [*ax.get_legend_handles_labels()[0], *caution(source.attrs)], 2)
