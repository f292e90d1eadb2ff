"""Effects where the residuals of a mediator and of the outcome go together.

Mediated effects rest on one assumption that no design of the media can secure: nothing unobserved moves mediator and
outcome at once. A correlation rho of their residuals stands for what would. Each value is assumed in turn, and the draws
of a fit are weighted for it, or the system is fitted anew under it.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from bayesmmm.equations import MMM
from bayesmmm.errors import AnswerError, LikelihoodError, PanelError, SettingError, UnknownTermError
from bayesmmm.estimands import open_query
from bayesmmm.estimands.query import Query
from bayesmmm.results import Fit, check_fit
from bayesmmm.results.summaries import probabilities
from bayesmmm.sensitivity.importance import Weights, smoothed, weighted_quantiles
from bayesmmm.sensitivity.refit import (
    EFFECTS,
    EffectSettings,
    Refit,
    Refitted,
    along,
    check_refit,
    labels_of,
    refit_each,
    refit_of,
    zero_nearest,
)
from bayesmmm.text import no_such
from bayesmmm.validate import PATHS, check_choice, check_ci_prob, check_numbers, check_seed

#: Correlations that are assumed unless others are given: many for weights, few for fits.
RHO = {"reweight": np.linspace(-0.5, 0.5, 21).round(3), "refit": np.linspace(-0.6, 0.6, 7).round(3)}
_WEIGHTS = {
    "pareto_k": ("k", "Pareto k of the weights"),
    "reliable": ("reliable", "whether k is small enough"),
    "size": ("size", "draws that the weighted ones are worth"),
    "log_evidence": ("log_mean", "log marginal likelihood over that of the fit"),
}


def mediation_sensitivity(
    fit: Fit,
    *,
    method: Literal["reweight", "refit"] = "reweight",
    rho: Sequence[float] | None = None,
    mediator: str | None = None,
    channels: Sequence[str] | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    draws: int = 500,
    tune: int = 500,
    chains: int = 4,
    target_accept: float = 0.9,
    paths: int = PATHS,
    seed: int = 0,
    ci_prob: float | None = None,
    executor: Any = None,
    progress: bool = True,
) -> xr.Dataset:
    """Direct, indirect and total effects as functions of the residual correlation of a mediator and the outcome.

    "refit" fits the system under each correlation. With linear equations and flat priors the effect g of the mediator
    moves with rho by::

        g(rho) = g(0) - rho / sqrt(1 - rho^2) * sigma_{Y|M} / sigma_M

    and vanishes at ``rho* = k / sqrt(1 + k^2)``, ``k = g(0) sigma_M / sigma_{Y|M}``. Then every rho fits the data
    equally well: the answer is a range, not an estimate. ``attrs["identification"]`` says whether that holds for this
    system.

    "reweight" takes seconds. With the standardised residuals m and y of mediator and outcome over T periods, every draw
    of a fit at rho = 0 gets the weight::

        log w(rho) = sum_t log N2(m_t, y_t | rho) - log N2(m_t, y_t | 0)
                   = -T/2 log(1 - rho^2) - [M - 2 rho C + Y] / (2 (1 - rho^2)) + (M + Y) / 2

    with M = sum m_t^2, Y = sum y_t^2, C = sum m_t y_t; of a fit at another fixed rho, the ratio to that one. Weights are
    Pareto smoothed. The estimands are those of `effects`: given the parameters they do not depend on rho (but for what
    is averaged over future residuals of a lognormal outcome, which is done at each rho), but which parameters are
    likely does. Weights reach about as far as ``|rho| sqrt(T) < 2``; beyond, k is too large and ``reliable`` is False.
    Refits have no such limit.

    Of a panel, rho is the correlation of what is left of both in one geo and period beside the period effects: a cause
    that all geos have in common is no part of it. T is then the number of geos times that of periods. Only the draws
    there are can be weighed, since equations of a panel have no rho.

    Parameters
    ----------
    fit : Fit
        To weight its draws, residuals must be independent, or have a fixed correlation with those of this mediator.
    method : {"reweight", "refit"}
        Weights of the draws there are, or a fit for each correlation.
    rho : sequence of float in (-1, 1), optional
        Correlations to assume; by default 21 from -0.5 to 0.5 for weights, 7 from -0.6 to 0.6 for refits.
    mediator : str, optional
        Needed where the outcome has several.
    channels, start, stop, window, paths
        As in `effects`.
    draws, tune, chains, target_accept
        Settings of the refits, as in `fit`.
    seed : int
        Of all refits and of the residuals of future periods.
    ci_prob : float in (0, 1), optional
        As in `summarise`.
    executor, progress
        Of the refits, as in `run`.

    Returns
    -------
    xarray.Dataset
        ``direct``, ``indirect``, ``total`` (rho, quantile, channel) in units of the outcome, and ``roi``, quantile being
        lower, median and upper end of the interval; ``reliable`` (rho); ``rho_star`` (channel), the correlation nearest
        to 0 at which the median indirect effect vanishes, interpolated, NaN where there is none between reliable
        neighbours; then ``rho_beyond`` (channel) is the farthest reliable correlation on the side on which it shrinks:
        rho_star lies beyond that one. Of weights: ``pareto_k``, ``size`` (draws that the weighted ones are worth) and
        ``log_evidence`` (log marginal likelihood over that of the fit: where it rises or falls, the data themselves
        speak about rho) (rho). Of refits: ``rhat``, ``ess``, ``divergences`` (rho). ``attrs`` hold mediator, method,
        ci_prob, window, verdict of the sampler, identification, and ``complete``, whether all correlations asked for
        are there.

    Raises
    ------
    PanelError
        For refits of a panel, and for a panel of a lognormal outcome with ``window="spend"``.
    LikelihoodError
        When mediator or outcome is neither normal nor lognormal.
    UnknownTermError, SettingError, AnswerError
        For an unknown mediator, an impossible rho, a system without a mediator, and weights of a fit whose rho is a
        parameter.
    ConvergenceError
        When the sampler of `fit` failed.
    EvaluationError
        When all refits failed.

    Warns
    -----
    ConvergenceWarning
        When the sampler failed in some refits.

    References
    ----------
    Imai, Keele and Yamamoto (2010), Identification, inference and sensitivity analysis for causal mediation effects,
    doi:10.1214/10-STS321. Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72).

    Examples
    --------
    >>> found = mediation_sensitivity(fit, rho=[-0.1, 0.0, 0.1])  # doctest: +SKIP
    >>> found["indirect"].sel(quantile=0.5).to_pandas()  # doctest: +SKIP
    >>> exact = mediation_sensitivity(fit, method="refit", rho=[-0.3, 0.0, 0.3])  # doctest: +SKIP
    >>> exact["rho_star"].to_series()  # doctest: +SKIP
    """
    check_choice(method, "method", tuple(RHO))
    check_fit(fit)
    _check_panel(fit, method, window)
    if method == "refit":
        check_refit(fit, "mediation_sensitivity(method='refit')")
    grid, name = _checked_rho(RHO[method] if rho is None else rho), _checked_mediator(fit.system, mediator)
    settings = EffectSettings(channels, start, stop, window, paths, check_seed(seed))
    ci_prob = check_ci_prob(ci_prob)
    marks = settings.marks(fit).attrs
    if method == "reweight":
        answer, about = _reweighted(fit, name, grid, settings, ci_prob)
    else:
        sampler = {"draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept}
        task = _AtRho(refit_of(fit, settings, ci_prob, len(grid), executor, **sampler), name)
        refits, about = refit_each(
            task, grid.tolist(), executor=executor, progress=progress, label=lambda r: f"rho = {r:g}"
        )
        answer = along("rho", refits)
    middle = answer["indirect"].sel(quantile=0.5)
    answer["rho_star"] = vanishing(middle, answer["reliable"])
    answer["rho_beyond"] = not_vanished(middle, answer["reliable"]).where(answer["rho_star"].isnull())
    mine = {"mediator": name, "ci_prob": ci_prob, "method": method}
    mine["identification"] = identification(fit.system, name)
    return answer.assign_attrs({**labels_of(marks), **mine, **about})


def _check_panel(fit: Fit, method: str, window: str) -> None:
    """Refuse what needs equations of a panel with a residual correlation, which there are none of."""
    if len(fit.data.geos) == 1:
        return
    if method == "refit":
        raise PanelError(
            "method='refit' fits equations with a residual correlation, which those of a panel cannot have; weigh the "
            "draws there are, as method='reweight', or fit one geo on its own"
        )
    if fit.system.equation(fit.system.outcome).family.log_scale and window == "spend":
        raise PanelError(
            "window='spend' averages a lognormal outcome over residuals to come, and equations of a panel have no "
            "residual correlation to do so with; ask for window='outcome'"
        )


def _reweighted(
    fit: Fit, mediator: str, grid: np.ndarray, settings: EffectSettings, ci_prob: float
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Quantiles of the effects from weighted draws at each correlation, the weights behind them, and marks."""
    weights = _weights_at(fit, mediator, grid, _assumed_rho(fit, mediator))
    if fit.system.equation(fit.system.outcome).family.log_scale and settings.window == "spend":
        # The same draws, read as those of a system with this residual correlation.
        assumed = [replace(fit, system=with_rho(fit.system, mediator, rho)) for rho in grid.tolist()]
        answers = [settings.of(other.with_convergence(fit.convergence)) for other in assumed]
    else:
        answers = [settings.of(fit)] * len(grid)
    at = probabilities(ci_prob)
    variables: dict[str, Any] = {}
    for part in EFFECTS:
        rows = [weighted_quantiles(a[part], w.values, at) for a, w in zip(answers, weights, strict=True)]
        variables[part] = xr.concat(rows, dim="rho").assign_attrs(answers[0][part].attrs)
    for name, (key, words) in _WEIGHTS.items():
        variables[name] = ("rho", np.array([getattr(weight, key) for weight in weights]), {"long_name": words})
    about = {"allowed_k": weights[0].allowed, "complete": 1, "verdict": answers[0].attrs["verdict"]}
    return xr.Dataset(variables).assign_coords(rho=grid), about


def _weights_at(fit: Fit, mediator: str, grid: np.ndarray, assumed: float) -> list[Weights]:
    """Weights of the draws of a fit at residual correlation `assumed`, for each of a grid of others."""
    query, periods = open_query(fit), len(fit.data.dates) * len(fit.data.geos)
    sums = _products(query, mediator)
    weights = []
    for rho in grid:
        ratio = log_ratio(sums, periods, rho) - log_ratio(sums, periods, assumed)
        dims, values = query.label(ratio)
        weights.append(smoothed(xr.DataArray(values, query.coords, dims)))
    return weights


def _products(query: Query, mediator: str) -> np.ndarray:
    """Sums of squares and products (S, 3) of standardised residuals of mediator m and outcome y: m m, y y, m y."""

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base = query.history(draws)
        m, y = (
            query.fit.system.equation(name).family.standardise(base.residual[name], base.rows.parameters[name])
            for name in (mediator, query.fit.system.outcome)
        )
        return {"sums": np.stack([(a * b).sum(axis=(1, 2)) for a, b in ((m, m), (y, y), (m, y))], axis=-1)}

    return query.map(work, len(query.fit.data.dates))["sums"]


def log_ratio(sums: np.ndarray, periods: int, rho: float) -> np.ndarray:
    """Log density (S,) of standardised bivariate Normal residuals at rho over that at 0, from `_products` (S, 3).

    Examples
    --------
    >>> import numpy as np
    >>> float(log_ratio(np.array([1.0, 1.0, 1.0]), 1, 0.6))  # -log 0.8 - 1 / 1.6 + 1
    0.598
    """
    m, y, c = np.moveaxis(np.asarray(sums, float), -1, 0)
    left = 1.0 - rho**2
    return -0.5 * periods * np.log(left) - (m - 2.0 * rho * c + y) / (2.0 * left) + 0.5 * (m + y)


def _assumed_rho(fit: Fit, mediator: str) -> float:
    """Residual correlation with a mediator that a fit took for given; 0 where residuals are independent."""
    outcome = fit.system.equation(fit.system.outcome)
    value = outcome.rho.get(mediator, 0.0)
    if not isinstance(value, float):
        raise AnswerError(
            f"the residual correlation of {outcome.name!r} with {mediator!r} is a parameter of this fit: its draws are "
            f"in fit.posterior['{outcome.name}.rho']. To vary it, refit, as method='refit', or fit without rho, or with "
            f"a number for it."
        )
    return value


@dataclass(frozen=True)
class _AtRho:
    """Task: the effects under one assumed correlation."""

    refit: Refit
    mediator: str

    def __call__(self, rho: float) -> Refitted:
        return self.refit(with_rho(self.refit.system, self.mediator, rho))


def with_rho(system: MMM, mediator: str, rho: float) -> MMM:
    """Return the system with an assumed correlation of the residuals of a mediator and the outcome."""
    return MMM([replace(e, rho={mediator: rho}) if e.name == system.outcome else e for e in system.equations])


def identification(system: MMM, mediator: str) -> str:
    """Say whether the likelihood knows anything about the correlation of a mediator's and the outcome's residuals.

    It knows nothing where the mediator acts linearly on the outcome, both likelihoods are normal, and everything in the
    equation of the mediator is a linear term of the outcome's too: then another rho is made up for exactly by other
    coefficients.
    """
    own, outcome = system.equation(mediator), system.equation(system.outcome)
    reasons = []
    if mediator not in outcome.linear:
        reasons.append(f"{mediator} acts through adstock and saturation")
    if not all(e.family.additive and e.family.gaussian for e in (own, outcome)):
        reasons.append("not both likelihoods are normal")
    if own.media:
        reasons.append(f"the media that move {mediator} act by curves of their own in each equation")
    missing = [term for term in own.terms() if term not in outcome.terms()]
    if missing:
        reasons.append(f"{', '.join(missing)} act on {mediator} only")
    if not reasons:
        return (
            f"The likelihood knows nothing about rho: whatever moves {mediator} also acts linearly on {outcome.name}, "
            f"so that every rho fits equally well. Read the answer as a range."
        )
    return (
        f"The likelihood knows something about rho, by the form of the equations alone: {'; '.join(reasons)}. That a "
        f"rho fits better is evidence only as far as this form is right."
    )


def _checked_rho(rho: ArrayLike) -> np.ndarray:
    """Residual correlations in rising order."""

    def holds(grid: np.ndarray) -> bool:
        return bool((np.abs(grid) < 1.0).all()) and len(np.unique(grid)) == len(grid)

    allowed = "a list of different correlations between -1 and 1, both excluded"
    return np.sort(check_numbers(rho, "rho", allowed, "[-0.2, 0.0, 0.2]", holds))


def _checked_mediator(system: MMM, mediator: str | None) -> str:
    """The mediator whose residual may go with that of the outcome."""
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
        raise UnknownTermError(no_such(f"{name!r} is no mediator that acts on {system.outcome!r}", name, known))
    for series in (name, system.outcome):
        family = system.equation(series).family
        if not family.gaussian:
            raise LikelihoodError(
                f"the equation of {series!r} is {family.name}, and residuals have a correlation with a known density "
                f"under normal and lognormal only. Fit {series!r} with one of these to see how the mediated effect "
                f"depends on it."
            )
    if outcome.tied_to not in (None, name):
        raise SettingError(
            f"the residuals of {outcome.name!r} are correlated with those of {outcome.tied_to!r} in this fit, and an "
            f"equation has one rho; pass mediator={outcome.tied_to!r}, or fit without that rho first"
        )
    return name


def vanishing(median: xr.DataArray, reliable: xr.DataArray) -> xr.DataArray:
    """Correlation (channel) nearest to 0 at which a median effect (rho, channel) changes its sign, by interpolation.

    An interval between two neighbours counts when both are reliable; NaN where there is none.
    """
    star = zero_nearest(median, "rho", reliable.values[1:] & reliable.values[:-1])
    words = "correlation at which the median indirect effect vanishes"
    return star.rename("rho_star").assign_attrs(long_name=words)


def not_vanished(median: xr.DataArray, reliable: xr.DataArray) -> xr.DataArray:
    """Farthest reliable correlation (channel) on the side on which a median effect (rho, channel) is smaller.

    NaN where nothing but one correlation is reliable.
    """
    good = median.isel(rho=np.flatnonzero(reliable.values))
    beyond = xr.full_like(median.isel(rho=0, drop=True), np.nan)
    if good.sizes["rho"] > 1:
        first, last = np.abs(good.isel(rho=0)), np.abs(good.isel(rho=-1))
        ends = good["rho"].values
        beyond = xr.where(last < first, ends[-1], ends[0]).astype(float)
    words = "farthest correlation at which the median indirect effect has not vanished"
    return beyond.rename("rho_beyond").assign_attrs(long_name=words)
