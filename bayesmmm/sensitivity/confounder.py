"""What an unobserved wave of demand that spend rides on would do to the return of a channel.

Spend is often raised when demand is expected to be high. What of that demand the linear terms do not hold is then
credited to the channel. Here such a wave is assumed, taken out of the outcome, and the system fitted anew.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM
from bayesmmm.errors import LikelihoodError, SettingError, UnknownTermError
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
from bayesmmm.sensitivity.reweighting import zero_nearest
from bayesmmm.text import did_you_mean
from bayesmmm.validate import PATHS, check_ci_prob, check_numbers, check_seed, is_number, refusal

#: Strengths that are assumed unless others are given, in shares of the mean outcome per standard deviation of the wave.
STRENGTH = (0.0, 0.025, 0.05, 0.1, 0.2)
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
    allow_unconverged: bool = False,
) -> xr.Dataset:
    """Effect of a channel if an unobserved wave of demand, correlated with its spend, moved the outcome, too.

    With x the spend of a channel less what trend, seasons and controls of the outcome explain of it, standardised, the
    wave is ``U_t = r x_t`` plus noise that is independent of everything, and has standard deviation 1. What it does to
    the outcome is taken out before the refit::

        y_t' = y_t - strength * s_y * r * x_t          (y_t' = y_t * exp(-strength * r * x_t) under "lognormal")

    with s_y the mean size of the outcome; the rest of the wave is residual. Only the product of strength and r matters.
    One channel at a time has a wave, which moves the outcome only, not the mediators.

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
    start, stop, window, paths, allow_unconverged
        As in `effects`.
    draws, tune, chains, target_accept, seed
        Of the refits, as in `fit`.
    ci_prob : float in (0, 1), optional
        As in `summarise`.
    executor, progress
        As in `run`.

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
    Cinelli and Hazlett (2020), Making sense of sensitivity: extending omitted variable bias,
    doi:10.1111/rssb.12348.

    Examples
    --------
    >>> found = confounder_sensitivity(fit, channels=["facebook"], strength=[0.05, 0.1])  # doctest: +SKIP
    >>> found["break_even"].to_series()  # doctest: +SKIP
    """
    ask(fit, draws=None, allow_unconverged=allow_unconverged)
    ci_prob, seed = check_ci_prob(ci_prob), check_seed(seed)
    names, grid = _checked_channels(fit, channels), _checked_strength(strength)
    r = _checked_correlation(correlation)
    waves = {name: r * wave(fit, name) for name in names}
    asking = Asking(names, start, stop, window, paths)
    marks = asking.ask(fit, seed=seed, draws=fit.posterior.sizes["chain"])
    # Without strength all waves are alike: one refit serves all channels.
    items = [(None, 0.0), *((name, s) for name in names for s in grid if s != 0.0)]
    settings = {"draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept, "seed": seed}
    task = _WithoutWave(refitting(fit, asking, len(items), executor, **settings), fit.system, waves, ci_prob)
    done = run(task, items, executor=executor, progress=progress, label=_label, title="refits")
    finished(done)
    found = _table(done.results, items, names, grid)
    warn_failed(
        [_label(items[i]) for i in done.results], [done.results[i][1]["reliable"] for i in done.results], ""
    )
    unit = marks["roi"].attrs
    threshold = unit.get("threshold", np.nan) if threshold is None else float(threshold)
    middle = found.sel(quantile=0.5)
    found["break_even"] = crossing(middle["roi"], threshold)
    found["halved"] = crossing(middle["total"] / middle["total"].sel(strength=0.0), 0.5)
    found["roi"].attrs = {key: unit[key] for key in ("unit", "threshold") if key in unit}
    about = {key: marks.attrs[key] for key in ("window", "start", "stop", "unit")}
    mine = {"correlation": r, "threshold": threshold, "ci_prob": ci_prob, "complete": int(done.complete)}
    mine["verdict"] = worst([result[1] for result in done.results.values()])
    return found.assign_attrs({**about, **mine})


def wave(fit: Fit, channel: str) -> np.ndarray:
    """Spend (T,) of a channel less what the exogenous linear terms of the outcome explain of it, with mean square 1.

    Raises
    ------
    SettingError
        When nothing is left.
    """
    equation = fit.system.equation(fit.system.outcome)
    # Mediators follow from spend: what they hold of it is no reason for it.
    given = [k for k, term in enumerate(equation.terms()) if term not in fit.system.mediators]
    design = engine.inputs(equation, fit.data, fit.scales).design[0][:, given]
    spend = fit.data.columns[channel][0]
    left = spend - design @ np.linalg.lstsq(design, spend, rcond=None)[0]
    size = np.sqrt(np.mean(left**2))
    if size**2 <= LEFT * spend.var():
        raise SettingError(
            f"the linear terms of {equation.name!r} explain all of the spend on {channel!r}, so that no wave of demand "
            f"could be told from them; leave {channel!r} out of channels"
        )
    return left / size


def crossing(median: xr.DataArray, level: float) -> xr.DataArray:
    """Strength nearest to 0 at which a median falls to a level, by linear interpolation.

    Parameters
    ----------
    median : DataArray
        Dims channel, strength; strength rises.
    level : float

    Returns
    -------
    DataArray
        Dim channel; NaN where it never does.

    Examples
    --------
    >>> import xarray as xr
    >>> line = xr.DataArray([[3.0, 2.0, 0.0]], {"channel": ["tv"], "strength": [0.0, 0.1, 0.2]}, ("channel", "strength"))
    >>> crossing(line, 1.0).values.round(3).tolist()
    [0.15]
    """
    return zero_nearest(median - level, "strength")


@dataclass(frozen=True)
class _WithoutWave:
    """Task: effects of a channel after its wave has been taken out of the outcome."""

    refit: Refitting
    system: MMM
    waves: dict[str, np.ndarray]
    ci_prob: float

    def __call__(self, item: tuple[str | None, float]) -> tuple[xr.Dataset, dict]:
        channel, strength = item
        data = self.refit.data if channel is None else self.without(self.waves[channel], strength)
        found, gained = self.refit.again(self.system, data)
        return quantiles(gained, self.ci_prob), sampler_numbers(found.convergence)

    def without(self, wave: np.ndarray, strength: float) -> MMMData:
        """Return the data with a wave taken out of the outcome."""
        name, data = self.system.outcome, self.refit.data
        observed = data.columns[name]
        if self.system.equation(name).family.log_scale:
            return data.replace_columns({name: observed * np.exp(-strength * wave)})
        return data.replace_columns({name: observed - strength * self.refit.scales.size[name][:, None] * wave})


def _label(item: tuple[str | None, float]) -> str:
    return "no wave" if item[0] is None else f"{item[0]} at {item[1]:g}"


def _table(results, items: list, names: Sequence[str], grid: np.ndarray) -> xr.Dataset:
    """Put refits together, dims channel, strength, quantile; NaN where one is missing."""
    at = {items[i]: result for i, result in results.items()}
    first = next(iter(results.values()))[0]
    blank = xr.full_like(first.isel(channel=0, drop=True), np.nan)
    missing = {"rhat": np.nan, "ess": np.nan, "divergences": -1, "reliable": False}
    rows, numbers = [], []
    for name in names:
        keys = [(name, s) if s != 0.0 else (None, 0.0) for s in grid.tolist()]
        rows.append(
            xr.concat([at[k][0].sel(channel=name, drop=True) if k in at else blank for k in keys], dim="strength")
        )
        numbers += [at[k][1] if k in at else missing for k in keys]
    found = xr.concat(rows, dim="channel").assign_coords(channel=list(names), strength=grid)
    found = found.transpose("channel", "strength", "quantile")
    return found.assign(numbered(numbers, ("channel", "strength"), (len(names), len(grid))))


def _checked_channels(fit: Fit, channels: Sequence[str] | None) -> tuple[str, ...]:
    system = fit.system
    outcome = system.equation(system.outcome)
    if outcome.family.censored:
        raise LikelihoodError(
            f"{outcome.name!r} is censored: below its zeros nobody knows what a wave of demand would take away. Fit it "
            f"under normal or student_t to see what a wave does."
        )
    known = [name for name in outcome.media if name in system.exogenous]
    given = known if channels is None else [channels] if isinstance(channels, str) else list(channels)
    for name in given:
        if name not in known:
            raise UnknownTermError(
                f"{name!r} is no exogenous channel that acts on {outcome.name!r}{did_you_mean(name, known)}. Use: "
                f"{', '.join(known) or 'none, since it has none'}."
            )
    if not given or len(set(given)) < len(given):
        raise SettingError(
            f"channels={channels!r} must name at least one channel, each once, as channels={known[:1]}"
        )
    return tuple(given)


def _checked_strength(strength: Sequence[float]) -> np.ndarray:
    grid = check_numbers(strength, "strength", "a list of numbers", "[0.05, 0.1]", np.isfinite)
    return np.unique([0.0, *grid.tolist()])


def _checked_correlation(correlation: float) -> float:
    if not is_number(correlation) or not 0.0 < correlation <= 1.0:
        raise refusal("correlation", correlation, "must be a number above 0 and at most 1, as correlation=0.5")
    return float(correlation)
