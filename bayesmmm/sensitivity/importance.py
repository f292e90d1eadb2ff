"""Importance weights over posterior draws: smoothed, with the number that says whether they can be trusted.

Weights turn draws from one posterior into draws from a similar one without a new fit. How similar is similar enough is
told by the shape k of the generalised Pareto distribution that fits the largest weights: Vehtari et al. (2024), Pareto
smoothed importance sampling, Journal of Machine Learning Research 25(72), https://jmlr.org/papers/v25/19-556.html.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesmmm.diagnostics.thresholds import PARETO_K

_SAMPLE = ["chain", "draw"]


@dataclass(frozen=True, eq=False)
class Weights:
    """Smoothed, normalised weights of draws."""

    values: xr.DataArray  # dims chain, draw; they add up to 1
    k: float  # of the Pareto tail before smoothing; 0 where all are alike, infinite where there is no tail to fit
    allowed: float  # largest k with which averages over so many draws are to be trusted
    size: float  # draws of equal weight that would estimate a mean as well, 1 / sum w^2; autocorrelation apart
    log_mean: float  # logarithm of the mean of the raw weights

    @property
    def reliable(self) -> bool:
        """Whether k is small enough."""
        return self.k <= self.allowed


def allowed_k(draws: int) -> float:
    """Largest Pareto k with which averages over so many weighted draws are to be trusted.

    ``min(1 - 1 / log10(draws), 0.7)``: Vehtari et al. (2024), as above.

    Examples
    --------
    >>> allowed_k(100), allowed_k(4000)
    (0.5, 0.7)
    """
    return min(1.0 - 1.0 / math.log10(draws), PARETO_K.warn)


def smoothed(log_ratio: xr.DataArray) -> Weights:
    """Weights from the log density (chain, draw) of the wanted posterior less that of the draws, up to a constant."""
    import arviz_stats

    ratio = log_ratio.transpose(*_SAMPLE).astype(float)
    draws = ratio.size
    highest = float(ratio.max())
    log_mean = highest + float(np.log(np.exp(ratio - highest).mean()))
    if float(ratio.max() - ratio.min()) < 1e-12:  # there is no tail to fit
        return Weights(xr.full_like(ratio, 1.0 / draws), 0.0, allowed_k(draws), float(draws), log_mean)
    # The tail is as long as the number of independent draws asks for.
    independent = float(arviz_stats.ess(ratio, method="mean", relative=True))
    log_weight, k = ratio - highest, np.inf
    try:
        # Weights too unequal for double precision; ArviZ says of few draws that it takes a longer tail.
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            fitted, shape = (-ratio).azstats.psislw(r_eff=min(max(independent, 1e-3), 1.0), dim=_SAMPLE)
    except ValueError:  # fewer than five draws in the tail, or all of them alike
        shape = np.nan
    if np.isfinite(shape):
        log_weight, k = fitted - fitted.max(), float(shape)
    weight = np.exp(log_weight)
    weight = (weight / weight.sum()).transpose(*_SAMPLE).drop_attrs()
    return Weights(weight, k, allowed_k(draws), float(1.0 / (weight**2).sum()), log_mean)


def weighted_quantiles(draws: xr.DataArray, weights: xr.DataArray, at: tuple[float, ...]) -> xr.DataArray:
    """Quantiles (quantile, ...) of weighted draws (chain, draw, ...); with equal weights those of `numpy.quantile`.

    They are NaN where a draw is. Between two neighbouring values the distribution function rises by the mean of their
    weights.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> x = xr.DataArray(np.arange(5.0)[None], dims=("chain", "draw"))
    >>> weighted_quantiles(x, xr.full_like(x, 0.2), (0.5, 0.9)).values.tolist()
    [2.0, 3.6]
    """
    others = [dim for dim in draws.dims if dim not in _SAMPLE]
    flat = draws.transpose(*others, *_SAMPLE).values.reshape(-1, weights.size)
    weight = weights.transpose(*_SAMPLE).values.ravel()
    out = np.empty((len(at), len(flat)))
    for row, values in enumerate(flat):
        if np.isnan(values).any():  # sorted to the end, it would pass for a large number
            out[:, row] = np.nan
            continue
        order = np.argsort(values, kind="stable")
        sorted_weight = weight[order]
        steps = 0.5 * (sorted_weight[1:] + sorted_weight[:-1])
        reached = np.concatenate([[0.0], np.cumsum(steps)])
        out[:, row] = np.interp(at, reached / reached[-1], values[order])
    shape = [draws.sizes[dim] for dim in others]
    coords = {dim: draws[dim].values for dim in others if dim in draws.coords}
    dims = ("quantile", *others)
    return xr.DataArray(
        out.reshape(len(at), *shape), {"quantile": list(at), **coords}, dims, draws.name, draws.attrs
    )


def resampled(weights: xr.DataArray, *, seed: int) -> np.ndarray:
    """Positions of draws that stand for weighted ones, as many as there are.

    Systematic resampling: every draw comes up as often as its weight says, but for less than one. A draw that comes up
    at all keeps its place, so that two sets of weights differ only where they must.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> w = xr.DataArray(np.array([[0.25, 0.5, 0.25, 0.0]]), dims=("chain", "draw"))
    >>> resampled(w, seed=0).tolist()
    [0, 1, 2, 1]
    """
    weight = weights.transpose(*_SAMPLE).values.ravel()
    count = len(weight)
    rng = np.random.default_rng(seed)
    ticks = (np.arange(count) + rng.random()) / count
    picked = np.searchsorted(np.cumsum(weight / weight.sum()), ticks).clip(max=count - 1)
    times = np.bincount(picked, minlength=count)
    index = np.arange(count)
    spare = np.repeat(index, np.maximum(times - 1, 0))
    index[times == 0] = rng.permutation(spare)
    return index
