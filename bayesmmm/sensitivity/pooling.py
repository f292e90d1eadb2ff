"""What each geo of a panel owes to the others: its returns under pooling in part against none, and without one geo."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm.equations import MMM
from bayesmmm.equations.panel import SPREADS
from bayesmmm.errors import AnswerError, SettingError, UnknownTermError
from bayesmmm.estimands import roi
from bayesmmm.inference.many_fits import fit_quietly
from bayesmmm.results import Fit
from bayesmmm.results.convergence import worst_verdict
from bayesmmm.results.summaries import probabilities
from bayesmmm.sensitivity.refit import (
    EffectSettings,
    Refit,
    Refitted,
    along,
    check_refit,
    labels_of,
    quantiles,
    refit_each,
    refit_of,
)
from bayesmmm.text import no_such
from bayesmmm.validate import PATHS, check_ci_prob, check_seed

POOLING = ("partial", "none")
#: Geos that are left over at least when one is left out.
_LEAST = 2


def pooling_sensitivity(
    fit: Fit,
    *,
    channels: Sequence[str] | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    paths: int = PATHS,
    seed: int = 0,
    ci_prob: float | None = None,
) -> xr.Dataset:
    """Return of every channel in every geo with contributions pooled in part, and with each geo left to itself.

    One refit, exact: the same data, scales and priors, with ``pooling="none"`` in every equation that pools in part, so
    that each geo has the prior of the median geo for its own. Carry-over, saturation and period effects stay shared. A
    geo whose own data say little moves towards the others; one that the data set apart stays. Without pooling, as many
    positive priors as there are geos lift weak channels everywhere, so that totals come out too high: `moved` says by
    how much, and is no reason to leave pooling out.

    Parameters
    ----------
    fit : Fit
        Of a panel, pooled in part.
    channels, start, stop, window, paths
        As in `roi`.
    draws, tune, chains, target_accept
        Of the refit, as in `fit`.
    seed : int
        Of the refit and of residuals of future periods.
    ci_prob : float in (0, 1), optional
        As in `summarise`.

    Returns
    -------
    xarray.Dataset
        ``roi`` (pooling, quantile, geo, channel), quantile being lower, median and upper end of the interval, NaN
        where a geo bought nothing; ``total`` (pooling, quantile, channel), the return over all geos; ``narrowed`` (geo,
        channel), width of the interval of the ROI pooled over that without; ``moved`` (channel), median total ROI
        without pooling less that with it, in posterior sds of the latter. ``attrs`` hold unit, window, ci_prob, the
        worst verdict of both samplers, ``rhat`` and ``divergences`` of the refit, and ``finding``, a sentence.

    Raises
    ------
    AnswerError
        When nothing is pooled in part, or no channel is money.
    PanelError
        For some geos chosen from a fit.
    ConvergenceError, SettingError, WindowError
        As `roi`.

    Examples
    --------
    >>> found = mm.sensitivity.pooling_sensitivity(fit)  # doctest: +SKIP
    >>> axes = mm.plots.shrinkage(found)  # doctest: +SKIP
    """
    check_refit(fit, "pooling_sensitivity")
    apart = _unpooled(fit.system)
    ci_prob = check_ci_prob(ci_prob)
    about: dict[str, Any] = {"start": start, "stop": stop, "window": window}
    about |= {"channels": channels, "paths": paths, "seed": check_seed(seed)}
    kept = _returns(fit, about)
    settings: dict[str, Any] = {"draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept}
    settings |= {"seed": seed, "scales": fit.scales, "collapse": bool(fit.settings["collapse"])}
    other = fit_quietly(apart, fit.data, cores=chains, **settings).fit
    left = _returns(other.accept_unconverged(), about)
    ends = [part.quantile(list(probabilities(ci_prob)), ("chain", "draw"), skipna=False) for part in (kept, left)]
    answer = xr.concat(ends, dim="pooling").assign_coords(pooling=list(POOLING))
    answer["roi"] = answer["roi"].transpose("pooling", "quantile", "geo", "channel")
    answer["total"] = answer["total"].transpose("pooling", "quantile", "channel")
    width = answer["roi"].isel(quantile=-1) - answer["roi"].isel(quantile=0)
    answer["narrowed"] = width.sel(pooling="partial", drop=True) / width.sel(pooling="none", drop=True)
    middle = answer["total"].sel(quantile=0.5, drop=True)
    change = middle.sel(pooling="none", drop=True) - middle.sel(pooling="partial", drop=True)
    answer["moved"] = change / kept["total"].std(("chain", "draw"))
    verdict = worst_verdict(one.convergence.verdict for one in (fit, other))
    marks = {
        key: kept["roi"].attrs[key]
        for key in ("outcome", "window", "start", "stop", "unit", "threshold")
        if key in kept["roi"].attrs
    }
    marks |= {"ci_prob": ci_prob, "verdict": verdict}
    marks |= {"rhat": other.convergence.rhat, "divergences": other.convergence.divergences}
    return answer.assign_attrs({**marks, "finding": _finding(answer)})


def _returns(fit: Fit, about: dict[str, Any]) -> xr.Dataset:
    """ROI by geo, and in total."""
    return xr.Dataset({"roi": roi(fit, by="geo", **about), "total": roi(fit, **about)})


def _unpooled(system: MMM) -> MMM:
    """Return the system with every geo left to itself."""
    pooled = [e.name for e in system.equations if e.panel and e.panel.pooling == "partial" and e.media]
    if not pooled:
        raise AnswerError(
            "no equation of this fit pools the contributions of geos in part, so that there is no pooling to take away; "
            "fit several geos with panel=mm.Panel(pooling='partial')"
        )

    def alone(equation):
        if equation.name not in pooled:
            return equation
        taus = {spread.tau for spread in SPREADS if spread.of == "contribution"}
        priors = {name: prior for name, prior in equation.priors.items() if name not in taus}
        return replace(equation, panel=replace(equation.panel, pooling="none"), priors=priors)

    return MMM([alone(equation) for equation in system.equations])


def _finding(answer: xr.Dataset) -> str:
    """Say how much narrower pooling makes returns of geos, and what it does to totals."""
    narrowed = answer["narrowed"].values
    known = narrowed[np.isfinite(narrowed)]
    moved = answer["moved"].to_series()
    name = moved.abs().idxmax()
    return (
        f"intervals of the return of a geo are {np.median(known):.0%} as wide with pooling as without (median over "
        f"{known.size} pairs of channel and geo); without it, the total return of {name} is {moved[name]:+.1f} "
        f"posterior sd away, the most of all channels"
    )


# ---------------------------------------------------------------------------------------------------- without one geo
def leave_one_geo_out(
    fit: Fit,
    *,
    geos: Sequence[str] | None = None,
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
    """Refit a panel without each geo in turn: what the returns of the others owe to it.

    Refits are exact, with the scales and priors of the fit. Their effects and returns are those of the geos that are
    left, beside the same of `fit`: where they move, one geo decides for the others through what is shared.

    Parameters
    ----------
    fit : Fit
        Of three geos or more.
    geos : sequence of str, optional
        To leave out, one after another; by default every geo.
    start, stop, window, draws, tune, chains, target_accept, paths, seed, ci_prob, executor, progress
        As in :func:`mediation_sensitivity`.

    Returns
    -------
    xarray.Dataset
        ``total``, ``direct``, ``indirect``, ``roi`` (left_out, quantile, channel) of the geos that are left, in total,
        by the refits; the same by `fit` as ``full_total`` and so on. ``moved`` (left_out, channel), change of the median
        ROI over the width of its interval by `fit`: beyond -0.5 to 0.5 the answer is another one. ``rhat``, ``ess``,
        ``divergences``, ``reliable`` (left_out).

    Raises
    ------
    PanelError, SettingError
        For a fit of fewer than three geos, and some geos chosen from a fit.
    UnknownTermError
        For a geo that is not in the data.
    ConvergenceError, EvaluationError
        As :func:`mediation_sensitivity`, which warns of the same things.

    Examples
    --------
    >>> found = mm.sensitivity.leave_one_geo_out(fit, geos=["north", "coast"])  # doctest: +SKIP
    >>> found["moved"].to_pandas()  # doctest: +SKIP
    """
    check_refit(fit, "leave_one_geo_out")
    names, ci_prob = _checked_geos(fit, geos), check_ci_prob(ci_prob)
    settings = EffectSettings(None, start, stop, window, paths, check_seed(seed))
    marks = settings.marks(fit).attrs
    sampler = {"draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept}
    task = _WithoutGeo(refit_of(fit, settings, ci_prob, len(names), executor, **sampler))
    refits, about = refit_each(
        task, names, executor=executor, progress=progress, label=lambda name: f"without {name}"
    )
    answer = along("left_out", refits, list(fit.system.channels))
    before = [quantiles(settings.of(fit.sel([g for g in fit.data.geos if g != name])), ci_prob) for name in refits]
    full = xr.concat(before, dim="left_out").assign_coords(left_out=list(refits))
    answer = answer.assign({f"full_{name}": values for name, values in full.data_vars.items()})
    answer = answer.transpose("left_out", "quantile", "channel")
    change = (answer["roi"] - answer["full_roi"]).sel(quantile=0.5, drop=True)
    width = answer["full_roi"].isel(quantile=-1, drop=True) - answer["full_roi"].isel(quantile=0, drop=True)
    answer["moved"] = change / width
    return answer.assign_attrs({**labels_of(marks), "ci_prob": ci_prob, **about})


def _checked_geos(fit: Fit, geos: Sequence[str] | None) -> tuple[str, ...]:
    known = fit.data.geos
    if len(known) <= _LEAST:
        raise SettingError(
            f"the fit holds {len(known)} geo(s), and without one there would be no panel left; look at one on its own, "
            f"as mm.fit(system, fit.data.sel({known[0]!r})) with equations that have no panel"
        )
    names = list(known) if geos is None else [geos] if isinstance(geos, str) else list(geos)
    for name in names:
        if name not in known:
            raise UnknownTermError(no_such(f"{name!r} is no geo of the fit", name, known, "Use"))
    if not names or len(set(names)) < len(names):
        raise SettingError(f"geos={geos!r} must name at least one geo, each once, as geos={list(known[:1])}")
    return tuple(names)


@dataclass(frozen=True)
class _WithoutGeo:
    """Task: effects in the geos that are left."""

    refit: Refit

    def __call__(self, geo: str) -> Refitted:
        data, scales = self.refit.data, self.refit.scales
        at = [g for g, name in enumerate(data.geos) if name != geo]
        left = data.sel([data.geos[g] for g in at])
        return replace(self.refit, data=left, scales=scales.sel(at))(self.refit.system)
