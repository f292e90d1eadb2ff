"""Effects where residuals of mediator and outcome go together, from draws of a fit that took them for independent.

Mediated effects rest on one assumption that no design of the media can secure: nothing unobserved moves mediator and
outcome at once. A residual correlation rho stands for what would. Here the draws of a fit at rho = 0 are reweighted,
which takes seconds and reaches as far as the weights can be trusted.
"""

import datetime
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from bayesmmm import engine
from bayesmmm.equations import MMM
from bayesmmm.errors import AnswerError, LikelihoodError, SettingError, UnknownTermError
from bayesmmm.estimands import Asked, ask, effects, row_bytes
from bayesmmm.results import Fit
from bayesmmm.results.summaries import probabilities
from bayesmmm.sensitivity.importance import Weights, smoothed, weighted_quantiles
from bayesmmm.text import did_you_mean
from bayesmmm.validate import PATHS, check_ci_prob, check_numbers

#: Residual correlations that are looked at unless others are given.
RHO = tuple(np.linspace(-0.5, 0.5, 21).round(3).tolist())
#: Effects that a sensitivity to rho is about.
PARTS = ("direct", "indirect", "total", "roi")


def mediation_sensitivity_quick(
    fit: Fit,
    *,
    rho: Sequence[float] = RHO,
    mediator: str | None = None,
    channels: Sequence[str] | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    draws: int | None = None,
    paths: int = PATHS,
    seed: int = 0,
    ci_prob: float | None = None,
    allow_unconverged: bool = False,
) -> xr.Dataset:
    """Direct, indirect and total effects as functions of the residual correlation of a mediator and the outcome.

    With the standardised residuals m and y of mediator and outcome over T periods, every draw of a fit at rho = 0 gets
    the weight::

        log w(rho) = sum_t log N2(m_t, y_t | rho) - log N2(m_t, y_t | 0)
                   = -T/2 log(1 - rho^2) - [M - 2 rho C + Y] / (2 (1 - rho^2)) + (M + Y) / 2

    with M = sum m_t^2, Y = sum y_t^2, C = sum m_t y_t; of a fit at another fixed rho, the ratio to that one. Weights are
    Pareto smoothed. The estimands are those of `effects`: given the parameters they do not depend on rho (but for what
    is averaged over future residuals of a lognormal outcome, which is done at each rho), but which parameters are
    likely does. Weights reach about as far as ``|rho| sqrt(T) < 2``; beyond, k is too large and ``reliable`` is False.
    A refit at each rho has no such limit.

    Parameters
    ----------
    fit : Fit
        Of a system whose residuals are independent, or have a fixed correlation with those of this mediator.
    rho : sequence of float in (-1, 1)
    mediator : str, optional
        Needed where the outcome has several.
    channels, start, stop, window, draws, paths, seed, allow_unconverged
        As in `effects`.
    ci_prob : float in (0, 1), optional
        As in `summarise`.

    Returns
    -------
    xarray.Dataset
        ``direct``, ``indirect``, ``total`` (rho, quantile, channel) in units of the outcome, and ``roi``, quantile being
        lower, median and upper end of the interval; ``pareto_k``, ``reliable``, ``size`` (draws that the weighted ones
        are worth) and ``log_evidence`` (log marginal likelihood over that of the fit: where it rises or falls, the data
        themselves speak about rho) (rho); ``rho_star`` (channel), the correlation nearest to 0 at which the median
        indirect effect vanishes, NaN where the reliable range holds none. ``attrs["method"]`` is "reweight".

    Raises
    ------
    LikelihoodError
        When mediator or outcome is neither normal nor lognormal.
    UnknownTermError, SettingError, AnswerError
        For an unknown mediator, an impossible rho, a system without a mediator, and a fit whose rho is a parameter.
    ConvergenceError
        When the sampler failed.

    References
    ----------
    Imai, Keele and Yamamoto (2010), Identification, inference and sensitivity analysis for causal mediation effects,
    doi:10.1214/10-STS321. Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72).

    Examples
    --------
    >>> found = mediation_sensitivity_quick(fit, rho=[-0.1, 0.0, 0.1])  # doctest: +SKIP
    >>> found["indirect"].sel(quantile=0.5).to_pandas()  # doctest: +SKIP
    """
    asked = ask(fit, draws=draws, allow_unconverged=allow_unconverged)
    ci_prob = check_ci_prob(ci_prob)
    grid, name = checked_rho(rho), checked_mediator(fit, mediator)
    given = assumed_rho(fit, name)

    def answers(fit: Fit) -> xr.Dataset:
        return effects(
            fit,
            channels=channels,
            groups={},
            start=start,
            stop=stop,
            window=window,
            draws=draws,
            paths=paths,
            seed=seed,
            allow_unconverged=allow_unconverged,
        )

    if fit.system.equation(fit.system.outcome).family.log_scale and window == "spend":
        found = [answers(_assuming(fit, name, r)) for r in grid]
    else:
        found = [answers(fit)] * len(grid)
    sums, periods = _products(asked, name), len(fit.data.dates)
    ratios = [log_ratio(sums, periods, r) - log_ratio(sums, periods, given) for r in grid]
    weights = [smoothed(_labelled(asked, ratio)) for ratio in ratios]
    return sensitivity_dataset(found, grid, weights, mediator=name, ci_prob=ci_prob)


def assumed_rho(fit: Fit, mediator: str) -> float:
    """Residual correlation with a mediator that a fit took for given; 0 where residuals are independent.

    Raises
    ------
    AnswerError
        When it is a parameter of the fit, or the residuals of the outcome are tied to another mediator.
    """
    outcome = fit.system.equation(fit.system.outcome)
    value = outcome.rho.get(mediator, 0.0)
    if outcome.tied_to not in (None, mediator):
        raise AnswerError(
            f"the residuals of {outcome.name!r} are correlated with those of {outcome.tied_to!r} in this fit, and may "
            f"be with one mediator only. Ask for mediator={outcome.tied_to!r}, or fit without rho."
        )
    if not isinstance(value, float):
        raise AnswerError(
            f"the residual correlation of {outcome.name!r} with {mediator!r} is a parameter of this fit: its draws are "
            f"in fit.posterior['{outcome.name}.rho']. To vary it, fit without rho, or with a number for it."
        )
    return value


def _assuming(fit: Fit, mediator: str, rho: float) -> Fit:
    """Fit with the same draws, read as those of a system with this residual correlation."""
    outcome = fit.system.outcome
    equations = [replace(e, rho={mediator: float(rho)}) if e.name == outcome else e for e in fit.system.equations]
    found = replace(fit, system=MMM(equations))
    found.__dict__["convergence"] = fit.convergence  # of the same draws; worked out once
    return found


def _labelled(asked: Asked, values: np.ndarray) -> xr.DataArray:
    dims, array = asked.label(values)
    return xr.DataArray(array, asked.coords, dims)


def _products(asked: Asked, mediator: str) -> np.ndarray:
    """Sums of squares and products (S, 3) of standardised residuals: M, Y, C."""
    fit = asked.fit

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base = engine.history(fit.system, fit.scales, fit.data, asked.parameters, draws, seed=0)
        m, y = (
            base.residual[name] / base.rows.parameters[name]["sigma"][:, None, None]
            for name in (mediator, fit.system.outcome)
        )
        return {"sums": np.stack([(a * b).sum(axis=(1, 2)) for a, b in ((m, m), (y, y), (m, y))], axis=-1)}

    return engine.map_draws(work, asked.draws, row_bytes(fit.system, len(fit.data.dates)))["sums"]


def log_ratio(sums: np.ndarray, periods: int, rho: float) -> np.ndarray:
    """Log of the bivariate Normal density of standardised residuals at rho over that at 0, summed over periods.

    Parameters
    ----------
    sums : (S, 3) array
        ``sum m^2``, ``sum y^2``, ``sum m y``.

    Returns
    -------
    (S,) array

    Examples
    --------
    >>> import numpy as np
    >>> float(log_ratio(np.array([1.0, 1.0, 1.0]), 1, 0.6))  # -log 0.8 - 1 / 1.6 + 1
    0.598
    """
    m, y, c = np.moveaxis(np.asarray(sums, float), -1, 0)
    left = 1.0 - rho**2
    return -0.5 * periods * np.log(left) - (m - 2.0 * rho * c + y) / (2.0 * left) + 0.5 * (m + y)


# --------------------------------------------------------------------------------------------- what both methods share
def checked_rho(rho: Sequence[float]) -> np.ndarray:
    """Residual correlations in rising order, checked.

    Raises
    ------
    SettingError
    """

    def holds(grid: np.ndarray) -> bool:
        return bool((np.abs(grid) < 1.0).all()) and len(np.unique(grid)) == len(grid)

    allowed = "a list of different correlations between -1 and 1, both excluded"
    return np.sort(check_numbers(rho, "rho", allowed, "[-0.2, 0.0, 0.2]", holds))


def checked_mediator(fit: Fit, mediator: str | None) -> str:
    """The mediator whose residual may go with that of the outcome.

    Raises
    ------
    AnswerError
        When no mediator acts on the outcome.
    UnknownTermError
        For a name that does not.
    SettingError
        When there are several and none is named.
    LikelihoodError
        When one of the two series is neither normal nor lognormal.
    """
    system = fit.system
    outcome = system.equation(system.outcome)
    known = [name for name in system.mediators if name in outcome.inputs]
    if not known:
        raise AnswerError(
            f"no mediator acts on {system.outcome!r}, so that there is no mediated effect to doubt; ask "
            f"power_scaling(fit) what the effects rest on"
        )
    if mediator is None and len(known) > 1:
        raise SettingError(
            f"{len(known)} mediators act on {system.outcome!r} ({', '.join(known)}); name one, as "
            f"mediator={known[0]!r}"
        )
    name = known[0] if mediator is None else mediator
    if name not in known:
        raise UnknownTermError(
            f"{name!r} is no mediator that acts on {system.outcome!r}{did_you_mean(name, known)}. Use one of: "
            f"{', '.join(known)}."
        )
    for series in (name, system.outcome):
        family = system.equation(series).family
        if not family.gaussian:
            raise LikelihoodError(
                f"the equation of {series!r} is {family.name}, and residuals have a correlation with a known density "
                f"under normal and lognormal only. Fit {series!r} with one of these to see how the mediated effect "
                f"depends on it."
            )
    return name


def sensitivity_dataset(
    found: Sequence[xr.Dataset], rho: np.ndarray, weights: Sequence[Weights], *, mediator: str, ci_prob: float
) -> xr.Dataset:
    """Put quantiles of the effects at each rho, the weights behind them and the vanishing point together."""
    at = probabilities(ci_prob)
    variables: dict = {}
    for part in PARTS:
        rows = [weighted_quantiles(one[part], w.values, at) for one, w in zip(found, weights, strict=True)]
        variables[part] = xr.concat(rows, dim="rho").assign_attrs(found[0][part].attrs)
    for name, words in {
        "pareto_k": "Pareto k of the weights",
        "reliable": "whether k is small enough",
        "size": "draws that the weighted ones are worth",
        "log_evidence": "log marginal likelihood over that of the fit",
    }.items():
        key = {"pareto_k": "k", "log_evidence": "log_mean"}.get(name, name)
        variables[name] = ("rho", np.array([getattr(weight, key) for weight in weights]), {"long_name": words})
    out = xr.Dataset(variables).assign_coords(rho=rho)
    median = out["indirect"].sel(quantile=0.5)
    out["rho_star"] = vanishing(median, out["reliable"])
    marks = {key: found[0].attrs[key] for key in ("verdict", "window", "start", "stop", "unit")}
    outcome = {"mediator": mediator, "ci_prob": ci_prob, "method": "reweight"}
    return out.assign_attrs(marks | outcome | {"allowed_k": weights[0].allowed})


def vanishing(median: xr.DataArray, reliable: xr.DataArray) -> xr.DataArray:
    """Correlation nearest to 0 at which a median effect changes its sign, by linear interpolation.

    Parameters
    ----------
    median : DataArray
        Dims rho, channel; rho rises.
    reliable : DataArray
        Dim rho: which values count. An interval between two neighbours counts when both do.

    Returns
    -------
    DataArray
        Dim channel; NaN where there is none.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> rho = [-0.2, 0.0, 0.2]
    >>> line = xr.DataArray([[3.0], [2.0], [-2.0]], {"rho": rho, "channel": ["tv"]}, ("rho", "channel"))
    >>> float(vanishing(line, xr.DataArray([True] * 3, {"rho": rho}, ("rho",))).item())
    0.1
    """
    found = zero_nearest(median, "rho", reliable.values[1:] & reliable.values[:-1])
    return found.rename("rho_star").assign_attrs(
        long_name="correlation at which the median indirect effect vanishes"
    )


def zero_nearest(values: xr.DataArray, dim: str, counts: np.ndarray | bool = True) -> xr.DataArray:
    """Zero nearest to 0 along a rising coordinate, by linear interpolation: dim channel, NaN where there is none.

    `counts` (intervals,) says between which neighbours one is looked for.
    """
    at, out = values[dim].values, np.full(values.sizes["channel"], np.nan)
    for c, line in enumerate(values.transpose("channel", dim).values):
        low, high = line[:-1], line[1:]
        met = counts & (low * high <= 0.0) & (low != high)
        if met.any():
            where = at[:-1][met] - (low * np.diff(at))[met] / (high - low)[met]
            out[c] = where[np.argmin(np.abs(where))]
    return xr.DataArray(out, {"channel": values["channel"].values}, ("channel",))
