"""Effects refitted under an assumed correlation of the residuals of a mediator and the outcome.

Mediated effects rest on the assumption that nothing unobserved moves mediator and outcome at once. A correlation rho of
their residuals stands for what would; each value is assumed in turn, and the system fitted anew under it.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import xarray as xr

from bayesmmm.equations import MMM
from bayesmmm.errors import SettingError
from bayesmmm.estimands import ask
from bayesmmm.inference.many_fits import run
from bayesmmm.results import Fit
from bayesmmm.sensitivity.refit import (
    Asking,
    Refitting,
    finished,
    numbered,
    quantiles,
    refitting,
    sampler_numbers,
    warn_failed,
    worst,
)
from bayesmmm.sensitivity.reweighting import PARTS, checked_mediator, checked_rho, vanishing
from bayesmmm.validate import PATHS, check_ci_prob, check_seed

#: Correlations that are assumed unless others are given.
RHO = (-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6)


def mediation_sensitivity(
    fit: Fit,
    *,
    rho: Sequence[float] = RHO,
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
    allow_unconverged: bool = False,
) -> xr.Dataset:
    """Direct, indirect and total effects under assumed residual correlations, each by a fit of its own.

    With linear equations and flat priors the effect g of the mediator moves with rho by::

        g(rho) = g(0) - rho / sqrt(1 - rho^2) * sigma_{Y|M} / sigma_M

    and vanishes at ``rho* = k / sqrt(1 + k^2)``, ``k = g(0) sigma_M / sigma_{Y|M}``. Then every rho fits the data
    equally well: the answer is a range, not an estimate. ``attrs["identification"]`` says whether that holds for this
    system.

    Parameters
    ----------
    fit : Fit
    rho : sequence of float in (-1, 1)
        Correlations to assume.
    mediator : str, optional
        Needed where the outcome has several.
    channels, start, stop, window, paths, allow_unconverged
        As in `effects`.
    draws, tune, chains, target_accept
        Settings of the refits, as in `fit`.
    seed : int
        Of all refits and of the residuals of future periods.
    ci_prob : float in (0, 1), optional
        As in `summarise`.
    executor, progress
        As in `run`.

    Returns
    -------
    xarray.Dataset
        ``direct``, ``indirect``, ``total`` (rho, quantile, channel) in units of the outcome, and ``roi``, quantile being
        lower, median and upper end of the interval; ``rho_star`` (channel), the correlation nearest to 0 at which the
        median indirect effect vanishes, interpolated, NaN where there is none between reliable refits; ``rhat``,
        ``ess``, ``divergences``, ``reliable`` (rho). ``attrs["method"]`` is "refit", ``attrs["complete"]`` says whether
        all refits are there.

    Raises
    ------
    LikelihoodError
        When mediator or outcome is neither normal nor lognormal.
    UnknownTermError, SettingError, AnswerError
        For an unknown mediator, an impossible rho, a system without a mediator.
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
    doi:10.1214/10-STS321.

    Examples
    --------
    >>> found = mediation_sensitivity(fit, rho=[-0.3, 0.0, 0.3])  # doctest: +SKIP
    >>> found["rho_star"].to_series()  # doctest: +SKIP
    """
    ask(fit, draws=None, allow_unconverged=allow_unconverged)
    grid, name, ci_prob = checked_rho(rho), checked_mediator(fit, mediator), check_ci_prob(ci_prob)
    _check_free(fit.system, name)
    asking = Asking(None if channels is None else tuple(channels), start, stop, window, paths)
    marks = asking.ask(fit, seed=check_seed(seed), draws=fit.posterior.sizes["chain"]).attrs
    settings = {"draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept, "seed": seed}
    task = _AtRho(refitting(fit, asking, len(grid), executor, **settings), fit.system, name, ci_prob)
    done = run(
        task, grid.tolist(), executor=executor, progress=progress, label=lambda r: f"rho = {r:g}", title="refits"
    )
    finished(done)
    kept = [grid[i] for i in done.results]
    rows = [done.results[i][1] for i in done.results]
    found = xr.concat([done.results[i][0] for i in done.results], dim="rho").assign_coords(rho=kept)
    found = found[list(PARTS)].transpose("rho", "quantile", "channel")
    found = found.assign(numbered(rows, ("rho",), (len(rows),)))
    found["rho_star"] = vanishing(found["indirect"].sel(quantile=0.5), found["reliable"])
    warn_failed([f"{r:g}" for r in kept], found["reliable"].values, "rho =")
    about = {key: marks[key] for key in ("window", "start", "stop", "unit")}
    mine = {"mediator": name, "ci_prob": ci_prob, "method": "refit", "complete": int(done.complete)}
    mine["verdict"] = worst(rows)
    return found.assign_attrs({**about, **mine, "identification": identification(fit.system, name)})


def with_rho(system: MMM, mediator: str, rho: float) -> MMM:
    """Return the system with an assumed correlation of the residuals of a mediator and the outcome.

    Parameters
    ----------
    system : MMM
    mediator : str
    rho : float in (-1, 1)

    Examples
    --------
    >>> from bayesmmm.equations import Equation
    >>> system = MMM([Equation("search", media=["tv"]), Equation("sales", media=["tv", "search"])])
    >>> dict(with_rho(system, "search", 0.3).equation("sales").rho)
    {'search': 0.3}
    """
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


@dataclass(frozen=True)
class _AtRho:
    """Task: the effects under one assumed correlation."""

    refit: Refitting
    system: MMM
    mediator: str
    ci_prob: float

    def __call__(self, rho: float) -> tuple[xr.Dataset, dict]:
        found, gained = self.refit.again(with_rho(self.system, self.mediator, rho))
        return quantiles(gained, self.ci_prob), sampler_numbers(found.convergence)


def _check_free(system: MMM, mediator: str) -> None:
    tied = system.equation(system.outcome).tied_to
    if tied not in (None, mediator):
        raise SettingError(
            f"the residuals of {system.outcome!r} are correlated with those of {tied!r} already, and an equation has "
            f"one rho; pass mediator={tied!r}, or fit without that rho first"
        )
