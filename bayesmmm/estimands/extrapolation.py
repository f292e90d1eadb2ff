"""How far an input leaves what was observed, where an answer rests on the form of the curves and not on data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm.data import MMMData
from bayesmmm.estimands.query import Query

#: Share of an input beyond what was ever observed in one period above which an answer is called an extrapolation.
EXTRAPOLATED = 0.05


def share_beyond(data: MMMData, channel: str, geo: str | None, spend: np.ndarray) -> float:
    """Share of spend (W,), in one geo of a panel, in periods with more of it than was ever observed in one.

    0 where nothing is spent.
    """
    g = 0 if geo is None else data.geos.index(geo)
    return _share(data.columns[channel][[g]], spend[None])


def _share(known: np.ndarray, spend: np.ndarray) -> float:
    # Rounding of a multiple of the highest period must not make it an extrapolation of itself.
    outside = spend > known.max(axis=-1, keepdims=True) * (1.0 + 1e-12)
    return float(spend[outside].sum() / spend.sum()) if spend.sum() > 0.0 else 0.0


def shares_beyond(query: Query, channel: str, spend: np.ndarray) -> list[float]:
    """`share_beyond` (P) of spend (G, W), of the places of the answer."""
    known = query.fit.data.columns[channel]
    return [_share(known[own], spend[own]) for own in query.places]


def extrapolated(query: Query, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Variable ``extrapolated`` (input) of an answer about columns (G, W) in raw units, with its coordinate.

    Of a channel, the share of its spend in periods above the highest of the fitted ones; of any other column, the share
    of periods outside the range of the fitted ones. Every geo is held against itself; by place it is (place, input).
    """
    fit, shares = query.fit, []
    for name, values in columns.items():
        known, values = fit.data.columns[name], np.asarray(values, float)
        if name in fit.system.channels:
            shares.append(shares_beyond(query, name, values))
        else:
            slack = 1e-12 * np.abs(known).max(axis=-1, keepdims=True)
            low, high = known.min(axis=-1, keepdims=True) - slack, known.max(axis=-1, keepdims=True) + slack
            outside = (values < low) | (values > high)
            shares.append([float(outside[own].mean()) for own in query.places])
    attrs = {"unit": "share of the spend of channels, of the periods of others", "threshold": EXTRAPOLATED}
    dims, table = query.known_places(np.array(shares).reshape(len(columns), len(query.places)).T, "input")
    coords = {"input": list(columns), **{dim: query.coords[dim] for dim in dims if dim in query.coords}}
    return {"extrapolated": xr.DataArray(table, coords, dims, attrs=attrs)}
