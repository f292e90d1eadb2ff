"""Parameters as more data come in: what they are worth in units that all folds share, and whether they drift."""

import datetime

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from bayesmmm.equations.event_terms import event_columns
from bayesmmm.errors import SettingError
from bayesmmm.estimands import roi
from bayesmmm.evaluate.quantities import by_label
from bayesmmm.results import Fit
from bayesmmm.results.summaries import flat
from bayesmmm.text import row_parts
from bayesmmm.validate import as_floats, is_number, refusal

#: Left out: they are what they are over the fitted periods, which differ.
_OF_THE_WINDOW = ("contribution", "median_contribution", "coefficient", "period", "median_half_saturation")
#: Moves of a parameter from the first to the last fold beyond so many standard deviations are pointed out.
FAR = 3.0
_POSITIVE = ("half_life", "half_saturation", "slope", "sigma", "nu_minus_two", "tau", "omega")


def shared_units(fit: Fit, start: datetime.date, stop: datetime.date) -> dict[str, np.ndarray]:
    """Return draws (chain, draw) of every parameter in units that do not depend on the fitted periods.

    Half-saturation in money or what is counted, residual scale in units of the series, linear coefficients per
    raw unit, ROI of the spend from `start` to `stop`. Contributions, intercept, trend, season and period effects are
    left out. Of a panel, half-saturation and residual scale are those of the total.
    """
    draws: dict[str, xr.DataArray] = {}
    for name, values in fit.posterior.data_vars.items():
        equation, _, parameter = str(name).rpartition(".")
        if parameter in _OF_THE_WINDOW:
            continue
        if parameter == "half_saturation":
            dim, spend = f"{equation}.media", fit.scales.spend
            if "geo" in values.dims:
                by_geo = np.stack([spend[channel] for channel in values[dim].values], axis=-1)
                values = values * xr.DataArray(by_geo, dims=["geo", dim])
            else:
                total = [np.nansum(spend[channel]) for channel in values[dim].values]
                values = values * xr.DataArray(total, dims=[dim])
        elif parameter == "sigma" and not fit.system.equation(equation).family.log_scale:
            size = fit.scales.size[equation]
            total = size.item() if len(size) == 1 else np.sqrt((size**2).sum())
            values = values * (xr.DataArray(size, dims="geo") if "geo" in values.dims else total)
        draws[str(name)] = values
    for name in fit.system.order:
        spec = fit.system.equation(name)
        linear = [*spec.linear, *event_columns(spec)]
        if linear:
            draws[f"{name}.coefficient"] = fit.coefficients(name).sel({f"{name}.term": linear})
    if any(map(fit.data.has_spend, fit.system.channels)):
        draws["roi"] = roi(fit.accept_unconverged(), start=start, stop=stop)
    return {key: array for name, values in draws.items() for key, array in by_label(name, values).items()}


def moments(draws: dict[str, np.ndarray], ci_prob: float) -> xr.Dataset:
    """Return mean, sd and equal-tailed interval of draws (chain, draw) by parameter, and moments on a working scale.

    The working scale is the logarithm where a parameter is positive, so that half-lives of 2 and 4 days are as far
    apart as 4 and 8.
    """
    import arviz_stats

    with np.errstate(divide="ignore"):
        working = [
            np.log(values) if row_parts(name)[0].rpartition(".")[2] in _POSITIVE else values
            for name, values in draws.items()
        ]
    variables = xr.Dataset({str(k): (("chain", "draw"), w) for k, w in enumerate(working)})
    error = flat(arviz_stats.mcse(variables, method="mean"))
    tail = (1.0 - ci_prob) / 2.0
    columns = {
        "mean": [values.mean() for values in draws.values()],
        "sd": [values.std() for values in draws.values()],
        "lower": [np.quantile(values, tail) for values in draws.values()],
        "upper": [np.quantile(values, 1.0 - tail) for values in draws.values()],
        "working_mean": [w.mean() for w in working],
        "working_sd": [w.std() for w in working],
        "working_error": [error[str(k)] for k in range(len(working))],
    }
    return xr.Dataset(
        {name: ("parameter", np.array(v)) for name, v in columns.items()}, {"parameter": list(draws)}
    )


def drift(mean: ArrayLike, sd: ArrayLike, error: ArrayLike = 0.0, *, new: float | None = None) -> np.ndarray:
    """Move of a posterior mean from the first to the last fold, in standard deviations of such a move.

    ``z = (m_K - m_1) / sqrt(V)``. Where the first data are part of the last, a posterior mean is a martingale: before
    the further data are seen, the later mean has expectation m_1 and variance ``sd_1^2 - E sd_K^2``, the variance in
    Hausman's test. With a share `new` of the last data that is about ``new sd_1^2``, or less for a parameter that owes
    much to its prior. The larger of the two is taken, as a difference of two variances from one data set each can be
    near zero or below by chance: ``V = max(sd_1^2 - sd_K^2, new sd_1^2)``. Where data are not nested,
    ``V = sd_1^2 + sd_K^2``, as if they were disjoint. The squared Monte Carlo errors are added. Under a model that
    holds throughout, z is about standard Normal or narrower; beyond -3 to 3 something changed, or the model is wrong.

    Parameters
    ----------
    mean, sd : (folds, ...) arrays
    error : (folds, ...) array or float
        Monte Carlo standard errors of the means.
    new : float, optional
        Share of the last fold's periods that the first one did not have; left out where these are not nested.

    Returns
    -------
    (...) array
        NaN for one fold.

    Raises
    ------
    SettingError
        When the shapes differ, or `new` is no share.

    References
    ----------
    Hausman (1978), doi:10.2307/1913827.

    Examples
    --------
    >>> drift([1.0, 1.3], [0.5, 0.4], new=0.3).round(3)  # 0.3 / sqrt(0.25 - 0.16)
    np.float64(1.0)
    """
    try:
        m, s, e = (as_floats(values) for values in (mean, sd, error))
    except (TypeError, ValueError, OverflowError) as problem:
        raise SettingError(f"mean, sd and error must be arrays of numbers, folds first: {problem}") from problem
    if (s < 0.0).any() or (e < 0.0).any():
        raise SettingError("sd and error must be zero or more; they are the square roots of variances")
    if m.shape != s.shape or not m.ndim:
        raise SettingError(f"mean has shape {m.shape} and sd {s.shape}; they must be alike, folds first")
    if new is not None and not (is_number(new) and 0.0 <= new < 1.0):
        raise refusal("new", new, "must be a share from 0 to below 1, as new=1 - 100 / 150")
    if e.ndim and e.shape != m.shape:
        raise SettingError(
            f"mean has shape {m.shape} and error {e.shape}; they must be alike, or error one number"
        )
    e = np.broadcast_to(e, m.shape)
    if len(m) < 2:
        return np.full(m.shape[1:], np.nan)
    before, after = s[0] ** 2, s[-1] ** 2
    variance = before + after if new is None else np.maximum(before - after, new * before)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (m[-1] - m[0]) / np.sqrt(variance + e[0] ** 2 + e[-1] ** 2)
