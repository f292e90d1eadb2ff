"""How far an input leaves what was observed, where an answer rests on the form of the curves and not on data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm.data import MMMData
from bayesmmm.results import Fit

#: Share of an input beyond what was ever observed in one period above which an answer is called an extrapolation.
EXTRAPOLATED = 0.05


def share_beyond(data: MMMData, channel: str, spend: np.ndarray) -> float:
    """Share of spend (W,) in periods with more of it than was ever observed in one; 0 where nothing is spent."""
    # Rounding of a multiple of the highest period must not make it an extrapolation of itself.
    outside = spend > data.columns[channel].max() * (1.0 + 1e-12)
    return float(spend[outside].sum() / spend.sum()) if spend.sum() > 0.0 else 0.0


def extrapolated(fit: Fit, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Variable ``extrapolated`` (input) of an answer about columns (G, W) in raw units, with its coordinate.

    Of a channel, the share of its spend in periods above the highest of the fitted ones; of any other column, the share
    of periods outside the range of the fitted ones.
    """
    shares = []
    for name, values in columns.items():
        known, values = fit.data.columns[name], np.asarray(values, float)
        if name in fit.system.channels:
            shares.append(share_beyond(fit.data, name, values.ravel()))
        else:
            slack = 1e-12 * np.abs(known).max()
            outside = (values < known.min() - slack) | (values > known.max() + slack)
            shares.append(float(outside.mean()))
    attrs = {"unit": "share of the spend of channels, of the periods of others", "threshold": EXTRAPOLATED}
    return {"extrapolated": xr.DataArray(np.array(shares), {"input": list(columns)}, ("input",), attrs=attrs)}
