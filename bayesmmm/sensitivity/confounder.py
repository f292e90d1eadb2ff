"""What an unobserved wave of demand that spend rides on would do to the return of a channel.

Spend is often raised when demand is expected to be high. What of that demand the linear terms do not hold is then
credited to the channel. Here such a wave is assumed, taken out of the outcome, and the system fitted anew.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.errors import LikelihoodError, SettingError
from bayesmmm.results import Fit
from bayesmmm.sensitivity.refit import (
    MISSING,
    EffectSettings,
    Refit,
    Refitted,
    check_refit,
    checked_channels,
    labels_of,
    refit_each,
    refit_of,
    sampler_numbers,
    zero_nearest,
)
from bayesmmm.validate import PATHS, check_ci_prob, check_number, check_numbers, check_seed, is_number, refusal

#: Strengths that are assumed unless others are given, in shares of the mean outcome per standard deviation of the wave.
STRENGTH = (0.0, 0.025, 0.05, 0.1, 0.2)
#: Projections in turn, at most, on what geos and what periods explain of spend.
_PASSES = 10_000
#: Share of the variance of spend that linear terms must leave for a wave to be told from them.
LEFT = 1e-6


def confounder_sensitivity(
    fit: Fit,
    *,
    channels: Sequence[str] | None = None,
    strength: Sequence[float] = STRENGTH,
    correlation: float = 0.5,
    threshold: float | None = None,
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
    """Effect of a channel if an unobserved wave of demand, correlated with its spend, moved the outcome, too.

    With x the spend of a channel less what trend, seasons and controls of the outcome explain of it, standardised, the
    wave is ``U_t = r x_t`` plus noise that is independent of everything, and has standard deviation 1. What it does to
    the outcome is taken out before the refit::

        y_t' = y_t - strength * s_y * r * x_t          (y_t' = y_t * exp(-strength * r * x_t) under "lognormal")

    with s_y the mean size of the outcome; the rest of the wave is residual. Only the product of strength and r matters.
    One channel at a time has a wave, which moves the outcome only, not the mediators. Of a panel, x and the wave differ
    from geo to geo: what all have in common in a period is left to the period effects, where there are some.

    Parameters
    ----------
    fit : Fit
    channels : sequence of str, optional
        Channels to doubt; by default all exogenous ones that act on the outcome directly.
    strength : sequence of float
        Change of the outcome per standard deviation of the wave, as a share of its mean; 0 is added.
    correlation : float in (0, 1]
        r, of the wave with x.
    threshold : float, optional
        Return at which a channel breaks even; by default 1 where the outcome is money.
    start, stop, window, draws, tune, chains, target_accept, paths, seed, ci_prob, executor, progress
        As in :func:`mediation_sensitivity`.

    Returns
    -------
    xarray.Dataset
        ``total``, ``direct``, ``indirect`` and ``roi`` (channel, strength, quantile) of the channel whose spend rides on
        the wave; ``break_even`` (channel), the least strength at which its median return falls to the threshold, NaN
        where none of those asked for does it; ``halved`` (channel), that at which its median total effect is half of
        that without a wave. Contributions are never negative, so that a return falls towards 0 and does not cross it.
        ``rhat``, ``ess``, ``divergences``, ``reliable`` (channel, strength).

    Raises
    ------
    LikelihoodError
        When the outcome is censored, so that a wave cannot be taken out of its zeros.
    UnknownTermError, SettingError
        For unknown channels and impossible arguments, and where the linear terms explain all of a channel's spend.
    ConvergenceError, EvaluationError
        As :func:`mediation_sensitivity`, which warns of the same things.

    References
    ----------
    Cinelli and Hazlett (2020), Making sense of sensitivity: extending omitted variable bias,
    doi:10.1111/rssb.12348.

    Examples
    --------
    >>> found = confounder_sensitivity(fit, channels=["facebook"], strength=[0.05, 0.1])  # doctest: +SKIP
    >>> found["break_even"].to_series()  # doctest: +SKIP
    """
    check_refit(fit, "confounder_sensitivity")
    names, ci_prob = _checked_channels(fit, channels), check_ci_prob(ci_prob)
    grid = check_numbers(strength, "strength", "a list of numbers", "[0.05, 0.1]", np.isfinite)
    grid = np.unique([0.0, *grid.tolist()])
    if not is_number(correlation) or not 0.0 < correlation <= 1.0:
        raise refusal("correlation", correlation, "must be a number above 0 and at most 1, as correlation=0.5")
    r = float(correlation)
    if threshold is not None:
        threshold = check_number(threshold, "threshold", advice="as threshold=1.0")
    settings = EffectSettings(names, start, stop, window, paths, check_seed(seed))
    marks = settings.marks(fit)
    # Without strength all waves are alike: one refit serves all channels.
    items = [(None, 0.0), *((name, s) for name in names for s in grid.tolist() if s != 0.0)]
    sampler = {"draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept}
    refit = refit_of(fit, settings, ci_prob, len(items), executor, **sampler)
    task = _WithoutWave(refit, {name: r * wave(fit, name) for name in names})

    def label(item: tuple[str | None, float]) -> str:
        return "no wave" if item[0] is None else f"{item[0]} at {item[1]:g}"

    refits, about = refit_each(task, items, executor=executor, progress=progress, label=label)
    answer = _table(refits, names, grid)
    unit = marks["roi"].attrs
    threshold = unit.get("threshold", np.nan) if threshold is None else threshold
    middle = answer.sel(quantile=0.5)
    answer["break_even"] = crossing(middle["roi"], threshold)
    answer["halved"] = crossing(middle["total"] / middle["total"].sel(strength=0.0), 0.5)
    answer["roi"].attrs = {key: unit[key] for key in ("unit", "threshold") if key in unit}
    mine = {"correlation": r, "threshold": threshold, "ci_prob": ci_prob}
    return answer.assign_attrs({**labels_of(marks.attrs), **mine, **about})


def wave(fit: Fit, channel: str) -> np.ndarray:
    """Spend (T,) of a channel less what the exogenous linear terms of the outcome explain of it, with mean square 1.

    Of a panel (G, T): spend of each geo in multiples of its mean, less what the terms of the geo explain and, where
    there are period effects, what all geos have in common in a period; no other wave could be told from these.
    """
    if len(fit.data.geos) > 1:
        return _panel_wave(fit, channel)
    equation = fit.system.equation(fit.system.outcome)
    # Mediators follow from spend: what they hold of it is no reason for it.
    exogenous = [k for k, term in enumerate(equation.terms()) if term not in fit.system.mediators]
    design = engine.inputs(equation, fit.data, fit.scales).design[0][:, exogenous]
    spend = fit.data.columns[channel][0]
    left = spend - design @ np.linalg.lstsq(design, spend, rcond=None)[0]
    return _standardised(left, spend.var(), f"the linear terms of {equation.name!r}", channel)


def _standardised(left: np.ndarray, variance: float, what: str, channel: str) -> np.ndarray:
    size = np.sqrt(np.mean(left**2))
    if size**2 <= LEFT * variance:
        raise SettingError(
            f"{what} explain all of the spend on {channel!r}, so that no wave of demand could be told from them; leave "
            f"{channel!r} out of channels"
        )
    return left / size


def _panel_wave(fit: Fit, channel: str) -> np.ndarray:
    """Wave (G, T) by projections in turn on what geos and what periods explain: their limit is the joint projection."""
    equation = fit.system.equation(fit.system.outcome)
    exogenous = [k for k, term in enumerate(equation.terms()) if term not in fit.system.mediators]
    design = engine.inputs(equation, fit.data, fit.scales).design[..., exogenous]
    values = fit.data.columns[channel]
    bought = values.any(axis=1)
    spend = values[bought] / values[bought].mean(axis=1, keepdims=True)
    left, common = spend, equation.has_period_effects and len(spend) > 1
    orthonormal = [_basis(matrix) for matrix in np.broadcast_to(design, (len(values), *design.shape[1:]))[bought]]
    for _ in range(_PASSES):
        before = left
        left = np.stack([row - q @ (q.T @ row) for row, q in zip(left, orthonormal, strict=True)])
        if not common:
            break
        left = left - left.mean(axis=0)
        if np.abs(left - before).max() <= 1e-12 * np.abs(spend).max():
            break
    what = f"the linear terms{' and period effects' * common} of {equation.name!r}"
    wave = np.zeros(values.shape)
    wave[bought] = _standardised(left, spend.var(), what, channel)
    return wave


def _basis(design: np.ndarray) -> np.ndarray:
    """Orthonormal columns (T, rank) that span those of a design (T, K)."""
    left, size, _ = np.linalg.svd(design, full_matrices=False)
    return left[:, size > 1e-10 * size[0]]


def crossing(median: xr.DataArray, level: float) -> xr.DataArray:
    """Least strength (channel) at which a median (channel, strength) falls to a level; NaN where it never does."""
    return zero_nearest(median - level, "strength")


@dataclass(frozen=True)
class _WithoutWave:
    """Task: effects of a channel after its wave has been taken out of the outcome."""

    refit: Refit
    waves: dict[str, np.ndarray]

    def __call__(self, item: tuple[str | None, float]) -> Refitted:
        channel, strength = item
        data = None if channel is None else self.without(self.waves[channel], strength)
        return self.refit(self.refit.system, data)

    def without(self, wave: np.ndarray, strength: float) -> MMMData:
        """Return the data with a wave taken out of the outcome."""
        system, data = self.refit.system, self.refit.data
        observed = data.columns[system.outcome]
        if system.equation(system.outcome).family.log_scale:
            return data.replace_columns({system.outcome: observed * np.exp(-strength * wave)})
        size = self.refit.scales.size[system.outcome][:, None]
        return data.replace_columns({system.outcome: observed - strength * size * wave})


def _table(refits: Mapping[Any, Refitted], names: Sequence[str], grid: np.ndarray) -> xr.Dataset:
    """Put refits together, dims channel, strength, quantile; NaN where one is missing."""
    blank = xr.full_like(next(iter(refits.values())).effects.isel(channel=0, drop=True), np.nan)
    rows, numbers = [], []
    for name in names:
        row = [refits.get((name, s) if s != 0.0 else (None, 0.0)) for s in grid.tolist()]
        rows.append(
            xr.concat([r.effects.sel(channel=name, drop=True) if r else blank for r in row], dim="strength")
        )
        numbers += [r.numbers if r else MISSING for r in row]
    answer = xr.concat(rows, dim="channel").assign_coords(channel=list(names), strength=grid)
    answer = answer.transpose("channel", "strength", "quantile")
    return answer.assign(sampler_numbers(numbers, ("channel", "strength"), (len(names), len(grid))))


def _checked_channels(fit: Fit, channels: Sequence[str] | None) -> tuple[str, ...]:
    outcome = fit.system.equation(fit.system.outcome)
    if outcome.family.censored:
        raise LikelihoodError(
            f"{outcome.name!r} is censored: below its zeros nobody knows what a wave of demand would take away. Fit it "
            f"under normal or student_t to see what a wave does."
        )
    known = [name for name in outcome.media if name in fit.system.exogenous]
    return checked_channels(channels, known, f"that acts on {outcome.name!r}")
