"""What a report of a panel asks about single geos."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.estimands import effects, marginal_roi, predict, residuals
from bayesmmm.estimands.query import spaced
from bayesmmm.results import Fit, autocorrelation, predictive_table
from bayesmmm.text import counted

_OVER = ("chain", "draw")
#: Numbers that an answer by geo and period may hold; it is thinned to that.
_VALUES = 20e6
#: Geos in a table of the page or a figure with a row for each, and in a figure with a panel for each.
ROWS, PANELS = 24, 12


@dataclass(frozen=True)
class GeoAnswers:
    """What a fit of a panel says about each of its geos."""

    order: tuple[str, ...]  # geos, those with most of the outcome first
    effects: xr.Dataset  # of the channels, under the window rule of the report
    marginal: xr.DataArray | None  # marginal returns of channels that are money
    period: Mapping[str, xr.DataArray]  # period effects by equation
    fitted: Mapping[
        str, np.ndarray
    ]  # mean (G, T) of every series given its observed inputs, in the order of the data
    predictive: Mapping[str, pd.DataFrame]  # series by equation, told by geo and date
    autocorrelation: Mapping[tuple[str, str], pd.DataFrame]  # of the residuals, by equation and geo

    def first(self, most: int) -> list[str]:
        """Return the geos with most of the outcome, at most so many."""
        return list(self.order[:most])

    def left_out(self, most: int, where: str) -> str:
        """Say how many geos are left out where only the first are shown, and where they all are; "" where none is."""
        rest = len(self.order) - most
        if rest <= 0:
            return ""
        return (
            f"Shown are the {counted(most, 'geo')} with the largest outcome; {rest} more "
            f"{'is' if rest == 1 else 'are'} in {where}."
        )


def with_replicates(fit: Fit) -> Fit:
    """Return a fit of a panel with replicated series, of fewer draws where it has left them out for their size."""
    if len(fit.data.geos) == 1 or "posterior_predictive" in fit.tree.children:
        return fit
    from bayesmmm.inference import add_predictive  # takes half a second, and few fits come here

    kept = spaced(fit.posterior.sizes["draw"], _draws(fit) // fit.posterior.sizes["chain"])
    groups = {"posterior": fit.posterior.isel(draw=kept), "observed_data": fit.tree["observed_data"].to_dataset()}
    fewer = replace(fit, tree=xr.DataTree.from_dict(groups))
    return add_predictive(fewer.with_convergence(fit.convergence))


def in_total(fit: Fit) -> Fit:
    """Return a fit whose observed and replicated series are added up over its geos; one of one series as it is.

    A period in which a value of some geo was not recorded has no observed total; a geo counts from its first date to its
    last.
    """
    if len(fit.data.geos) == 1:
        return fit
    observed, replicated = (fit.tree[name].to_dataset() for name in ("observed_data", "posterior_predictive"))
    present = xr.DataArray(fit.data.has_row, dims=("geo", "date"))
    groups = {
        "observed_data": observed.where(present, 0.0).sum("geo", skipna=False),
        "posterior_predictive": replicated.where(present, 0.0).sum("geo"),
    }
    return replace(fit, tree=xr.DataTree.from_dict(groups))


def of_all_geos(fit: Fit) -> xr.Dataset:
    """Return the posterior with one value for all geos: contributions and coefficients weighted by the mean series."""
    known = fit.posterior
    if len(fit.data.geos) == 1:
        return known
    out = {}
    for name, values in known.items():
        if "geo" in values.dims:
            size = xr.DataArray(fit.scales.size[str(name).rpartition(".")[0]], dims="geo")
            values = values.fillna(0.0).weighted(size / size.sum()).mean("geo")
        out[name] = values
    return xr.Dataset(out)


def _draws(fit: Fit) -> int:
    """Draws of which something may be kept for every equation, geo and period."""
    cells = len(fit.system.order) * len(fit.data.geos) * len(fit.data.dates)
    return max(fit.posterior.sizes["chain"], int(_VALUES / cells))


def collect_by_geo(fit: Fit, replicated: Fit, *, window: str, ci_prob: float, **about: Any) -> GeoAnswers | None:
    """Ask a fit of a panel about each of its geos; `replicated` has its replicated series. None of one series."""
    if len(fit.data.geos) == 1:
        return None
    some, system = fit.thin(_draws(fit)), fit.system
    lost = effects(fit, terms=(), window=window, by="geo", **about)
    bought = any(fit.data.has_spend(name) for name in lost["channel"].values)
    size = np.abs(fit.data.columns[system.outcome]).sum(axis=1)
    means = predict(some, by="geo").mean(_OVER)
    left = {name: residuals(some, name, by="geo") for name in system.order}
    return GeoAnswers(
        order=tuple(fit.data.geos[g] for g in np.argsort(-size, kind="stable")),
        effects=lost,
        marginal=marginal_roi(fit, window=window, by="geo", **about) if bought else None,
        period={n: fit.posterior[f"{n}.period"] for n in system.order if f"{n}.period" in fit.posterior},
        fitted={name: means[name].transpose("geo", "date").values for name in system.order},
        predictive={name: predictive_table(replicated, name, ci_prob) for name in system.order},
        autocorrelation={
            (name, geo): autocorrelation(draws.sel(geo=geo, drop=True), ci_prob=ci_prob)
            for name, draws in left.items()
            for geo in fit.data.geos
        },
    )
