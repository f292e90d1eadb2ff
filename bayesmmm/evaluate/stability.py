"""Parameters as more data come in: what they are worth in units that all folds share, and whether they drift."""

import datetime

import numpy as np
import xarray as xr

from bayesmmm.errors import SettingError
from bayesmmm.estimands import roi
from bayesmmm.results import Fit
from bayesmmm.results.summaries import flat

#: Parameters that a fold knows in multiples of its own scales, and which scale that is.
_SCALED = {"half_saturation": "spend", "sigma": "size"}
#: Left out: they are what they are over the fitted periods, which differ.
_OF_THE_WINDOW = ("contribution", "coefficient")
#: Moves of a parameter from the first to the last fold beyond so many standard deviations are pointed out.
FAR = 3.0
_POSITIVE = ("half_life", "half_saturation", "slope", "sigma", "nu_minus_two")


def shared_units(fit: Fit, start: datetime.date, stop: datetime.date) -> dict[str, np.ndarray]:
    """Return draws (chain, draw) of every parameter in units that do not depend on the fitted periods.

    Half-saturation in money or units of the mediator, residual scale in units of the series, linear coefficients per
    raw unit, ROI of the spend from `start` to `stop`. Contributions, intercept, trend and season are left out.
    """
    variables, posterior = {}, fit.posterior
    for name, values in posterior.data_vars.items():
        equation, _, parameter = str(name).rpartition(".")
        if parameter in _OF_THE_WINDOW:
            continue
        if parameter in _SCALED and not (parameter == "sigma" and _is_log(fit, equation)):
            values = values * _scale(fit, equation, parameter, values)
        variables[str(name)] = values
    for equation in fit.system.order:
        linear = list(fit.system.equation(equation).linear)
        if linear:
            dim = f"{equation}.term"
            variables[f"{equation}.coefficient"] = fit.coefficients(equation).sel({dim: linear})
    draws = {name: values.transpose("chain", "draw", ...) for name, values in variables.items()}
    if any(name in fit.data.media for name in fit.system.exogenous):
        draws["roi"] = roi(fit, start=start, stop=stop, allow_unconverged=True)
    out = {}
    for name, values in draws.items():
        if values.ndim == 2:
            out[name] = values.values
        else:
            labels = values[values.dims[2]].values
            out |= {f"{name}[{label}]": values.values[:, :, k] for k, label in enumerate(labels)}
    return out


def _is_log(fit: Fit, equation: str) -> bool:
    return fit.system.equation(equation).family.log_scale


def _scale(fit: Fit, equation: str, parameter: str, values: xr.DataArray) -> float | xr.DataArray:
    if parameter == "sigma":
        return float(fit.scales.size[equation].item())
    (dim,) = [d for d in values.dims if d not in ("chain", "draw")]
    return xr.DataArray([fit.scales.spend[c].item() for c in values[dim].values], dims=dim)


def moments(draws: dict[str, np.ndarray], ci_prob: float) -> xr.Dataset:
    """Return mean, sd and equal-tailed interval of draws (chain, draw) by parameter, and moments on a working scale.

    The working scale is the logarithm where a parameter is positive, so that half-lives of 2 and 4 days are as far
    apart as 4 and 8.
    """
    import arviz_stats

    names = list(draws)
    parts = [name.partition("[")[0].rpartition(".")[2] for name in names]
    with np.errstate(divide="ignore"):
        working = [
            np.log(draws[name]) if part in _POSITIVE else draws[name]
            for name, part in zip(names, parts, strict=True)
        ]
    variables = xr.Dataset({str(k): (("chain", "draw"), w) for k, w in enumerate(working)})
    error = flat(arviz_stats.mcse(variables, method="mean"))
    columns = {
        "mean": [draws[name].mean() for name in names],
        "sd": [draws[name].std() for name in names],
        "lower": [np.quantile(draws[name], (1.0 - ci_prob) / 2.0) for name in names],
        "upper": [np.quantile(draws[name], (1.0 + ci_prob) / 2.0) for name in names],
        "working_mean": [w.mean() for w in working],
        "working_sd": [w.std() for w in working],
        "working_error": [error[str(k)] for k in range(len(names))],
    }
    return xr.Dataset({name: ("parameter", np.array(v)) for name, v in columns.items()}, {"parameter": names})


def drift(
    mean: np.ndarray, sd: np.ndarray, error: np.ndarray | float = 0.0, *, new: float | None = None
) -> np.ndarray:
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
    m, s = np.asarray(mean, float), np.asarray(sd, float)
    if m.shape != s.shape or not m.ndim:
        raise SettingError(f"mean has shape {m.shape} and sd {s.shape}; they must be alike, folds first")
    if new is not None and not 0.0 <= new < 1.0:
        raise SettingError(f"new={new!r} must be a share from 0 to below 1, as 1 - 100 / 150")
    e = np.broadcast_to(np.asarray(error, float), m.shape)
    if len(m) < 2:
        return np.full(m.shape[1:], np.nan)
    before, after = s[0] ** 2, s[-1] ** 2
    variance = before + after if new is None else np.maximum(before - after, new * before)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (m[-1] - m[0]) / np.sqrt(variance + e[0] ** 2 + e[-1] ** 2)
