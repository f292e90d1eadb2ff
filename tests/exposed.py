"""Fits whose channels are exposures: the same draws as a fit in money, with spend beside what was had for it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MMMData
from bayesmmm.results import Fit
from bayesmmm.results.convergence import Convergence
from tests import made
from tests.panel_fits import panel_fit

#: Exposure -> its unit, the column of its spend, and what one unit costs where that never changes.
COUNTED = {"tv": ("grps", "tv_cost", 0.7), "social": ("impressions", "social_cost", 0.004)}
CONVERGED = Convergence("converged", 1.0, 1000.0, 1000.0, 0, 12, 2, "none")


def counted_data(data: MMMData, cost=None) -> MMMData:
    """The data with what the money of channels bought in their place, and that money in columns of spend.

    `cost` has what one unit costs by channel, one number or (geo, date).
    """
    cost = {name: k for name, (_, _, k) in COUNTED.items()} if cost is None else cost
    names = [name for name in COUNTED if name in data.media]
    columns = {name: data.columns[name] / cost[name] for name in names}
    columns |= {COUNTED[name][1]: data.columns[name] for name in names}
    return replace(
        data,
        columns={**data.columns, **columns},
        units={name: COUNTED[name][0] for name in names},
        spend={name: COUNTED[name][1] for name in names},
    )


def with_data(fit: Fit, data: MMMData) -> Fit:
    """The draws of a fit with other data, on the scales of these."""
    groups = {name: node.to_dataset() for name, node in fit.tree.children.items()}
    if "constant_data" in groups:
        inputs = groups["constant_data"]
        groups["constant_data"] = inputs.assign({n: (inputs[n].dims, data.columns[n][0]) for n in inputs})
    fit = replace(fit, data=data, scales=data.scales(), tree=xr.DataTree.from_dict(groups))
    return fit.with_convergence(CONVERGED)


def in_units(fit: Fit, cost=None) -> Fit:
    """The same draws with channels that are exposures; equal answers in money, where a cost never changes."""
    return with_data(fit, counted_data(fit.data, cost))


def pair(name: str, *, panel=False, ragged=False, draws=6) -> tuple[Fit, Fit]:
    """A fit with spend as the input of its channels, and the same one with exposures."""
    money = panel_fit(name, draws=draws, ragged=ragged) if panel else made.case_fit(name, draws=draws)
    money = with_data(money, money.data)
    return money, in_units(money)


def some_free(fit: Fit) -> Fit:
    """The same draws where nothing is known to be paid for one of the exposures, tv."""
    data = fit.data
    kept = {name: values for name, values in data.columns.items() if name != "tv_cost"}
    return with_data(fit, MMMData(**fields(data) | {"columns": kept, "spend": {"social": "social_cost"}}))


def fields(data: MMMData) -> dict:
    """What makes data, but for their columns and those of spend."""
    names = ("dates", "geos", "outcome", "media", "mediators", "controls", "outcome_unit", "units")
    return {name: getattr(data, name) for name in names}


def plan_in_units(plan: pd.DataFrame) -> pd.DataFrame:
    """A plan in money with what it buys in the place of the money."""
    return plan.assign(**{name: plan[name] / k for name, (_, _, k) in COUNTED.items() if name in plan})


def plan_in_money(plan: pd.DataFrame) -> pd.DataFrame:
    """A plan in money under the names of the columns of spend."""
    return plan.rename(columns={name: column for name, (_, column, _) in COUNTED.items()})


def close(one, other, *, names=None, rtol=1e-10) -> None:
    """Hold the variables of two answers against each other, those that both have or are named."""
    for name in names or [n for n in one.data_vars if n in other]:
        a, b = one[name].values, other[name].transpose(*one[name].dims).values
        whole = one["joint"].values if name == "interaction" else a  # what differences are of
        size = np.max(np.abs(whole[np.isfinite(whole)]), initial=1e-300)
        assert np.allclose(a, b, rtol=rtol, atol=rtol * size, equal_nan=True), name
