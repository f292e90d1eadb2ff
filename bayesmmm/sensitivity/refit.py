"""What every sensitivity that refits a fit does alike: the settings of the refits, what is kept of each, the labels."""

import datetime
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM
from bayesmmm.errors import ConvergenceWarning, PanelError, SettingError, UnknownTermError
from bayesmmm.estimands import effects
from bayesmmm.inference.many_fits import cores_each, fit_quietly, run
from bayesmmm.results import Fit, check_fit
from bayesmmm.results.convergence import worst_verdict
from bayesmmm.results.summaries import probabilities
from bayesmmm.text import counted, no_such

#: Effects that a sensitivity is about, those that are kept of every refit.
EFFECTS = ("total", "direct", "indirect", "roi")
#: Numbers on the sampler of a refit that an answer shows.
_SHOWN = ("rhat", "ess", "divergences", "reliable")
#: Numbers of a refit that is missing.
MISSING = {"rhat": np.nan, "ess": np.nan, "divergences": -1, "reliable": False}


@dataclass(frozen=True)
class EffectSettings:
    """Which effects a sensitivity is about; as in `effects`."""

    channels: Sequence[str] | None
    start: str | datetime.date | None
    stop: str | datetime.date | None
    window: str
    paths: int
    seed: int

    def of(self, fit: Fit) -> xr.Dataset:
        """Effects of a fit."""
        return effects(fit, groups={}, terms=(), **vars(self))

    def marks(self, fit: Fit) -> xr.Dataset:
        """Effects of a few draws: their marks, and every complaint about the settings before anything is fitted."""
        return self.of(fit.thin(fit.posterior.sizes["chain"]))


class Refitted(NamedTuple):
    """What is kept of a refit: quantiles of effects, numbers on the sampler, median residual scale of the outcome."""

    effects: xr.Dataset
    numbers: dict[str, Any]
    sigma: float


@dataclass(frozen=True)
class Refit:
    """A fit as it is to be repeated with something changed; tasks for `run` are made of it.

    All refits have the scales and the seed of one fit, so that they differ by what is changed only.
    """

    system: MMM
    data: MMMData
    scales: Scales
    sampler: Mapping[str, Any]
    settings: EffectSettings
    ci_prob: float

    def __call__(self, system: MMM, data: MMMData | None = None) -> Refitted:
        """Fit a system, to other data if wanted; effects are those on what was observed."""
        data = self.data if data is None else data
        fit = fit_quietly(system, data, scales=self.scales, **self.sampler).fit
        sampled = fit.convergence
        numbers = {
            "rhat": sampled.rhat,
            "ess": min(sampled.ess_bulk, sampled.ess_tail),
            "divergences": sampled.divergences,
            "reliable": sampled.verdict != "failed",
            "verdict": sampled.verdict,
        }
        sigma = float(fit.posterior[f"{system.outcome}.sigma"].median())
        # Parameters of the refit, residuals against what was observed.
        fit = replace(fit, data=self.data, accepted=True).with_convergence(sampled)
        return Refitted(quantiles(self.settings.of(fit), self.ci_prob), numbers, sigma)


def check_refit(fit: Fit, what: str) -> None:
    """Refuse some geos chosen from a fit: they were not fitted by themselves, and cannot be so again."""
    check_fit(fit)
    whole, geos = fit.settings.get("selected_from"), fit.data.geos
    if whole is not None:
        alone = " with equations that have no panel" if len(geos) == 1 else ""
        raise PanelError(
            f"{what} fits anew what was fitted, and this is {counted(len(geos), 'geo')} of a fit of {whole}; ask the "
            f"fit of all, or fit these on their own, as mm.fit(system, fit.data){alone}"
        )


def refit_of(
    fit: Fit, settings: EffectSettings, ci_prob: float, count: int, executor: Any, **sampler: Any
) -> Refit:
    """Prepare so many refits of a fit, with the settings draws, tune, chains and target_accept."""
    sampler |= {"cores": cores_each(count, executor), "collapse": bool(fit.settings["collapse"])}
    return Refit(fit.system, fit.data, fit.scales, {**sampler, "seed": settings.seed}, settings, ci_prob)


def refit_each(
    task: Callable[[Any], Refitted], items: Sequence, *, executor: Any, progress: bool, label: Callable[[Any], str]
) -> tuple[dict[Any, Refitted], dict[str, Any]]:
    """Refits by item, and marks of an answer: whether all are there, and the worst verdict on their samplers.

    One warning is given for all refits whose sampler failed.
    """
    done = run(task, items, executor=executor, progress=progress, label=label, title="refits")
    if not done.results:  # let Ctrl-C through where nothing was done before it
        raise KeyboardInterrupt
    refits = {items[i]: refitted for i, refitted in done.results.items()}
    failed = [label(item) for item, refitted in refits.items() if not refitted.numbers["reliable"]]
    if failed:
        message = (
            f"the sampler failed in {len(failed)} of {len(refits)} refits ({', '.join(failed)}), which are marked as "
            f"not reliable. Ask for more, as draws=1000, tune=1000."
        )
        warnings.warn(ConvergenceWarning(message), stacklevel=3)
    worst = worst_verdict(refitted.numbers["verdict"] for refitted in refits.values())
    return refits, {"complete": int(done.complete), "verdict": worst}


def quantiles(answer: xr.Dataset, ci_prob: float) -> xr.Dataset:
    """Quantiles over draws of the effects that a sensitivity is about, dims quantile, channel."""
    kept = answer[list(EFFECTS)]
    ends = kept.quantile(list(probabilities(ci_prob)), ("chain", "draw"), keep_attrs=True)
    return ends.transpose("quantile", "channel")


def along(dim: str, refits: Mapping[Any, Refitted], channels: Sequence[str] | None = None) -> xr.Dataset:
    """Lay the effects of refits, of `channels` where some are missing, and the numbers on their samplers along a dim."""
    rows = [row.effects if channels is None else row.effects.reindex(channel=channels) for row in refits.values()]
    answer = xr.concat(rows, dim=dim).assign_coords({dim: list(refits)})
    return answer.assign(sampler_numbers([row.numbers for row in refits.values()], (dim,), (len(rows),)))


def sampler_numbers(rows: Sequence[Mapping[str, Any]], dims: tuple[str, ...], shape: tuple[int, ...]) -> dict:
    """Numbers on the sampler, one row per refit, as variables over `dims`."""
    return {name: (dims, np.array([row[name] for row in rows]).reshape(shape)) for name in _SHOWN}


def labels_of(marks: Mapping[str, Any]) -> dict[str, Any]:
    """Labels that a sensitivity takes over from the effects: outcome, unit and window."""
    return {key: marks[key] for key in ("outcome", "window", "start", "stop", "unit")}


def checked_channels(channels: Sequence[str] | None, known: Sequence[str], where: str) -> tuple[str, ...]:
    """Channels to look at, all that are known by default; `where` says what they are known in."""
    names = list(known) if channels is None else [channels] if isinstance(channels, str) else list(channels)
    for name in names:
        if name not in known:
            raise UnknownTermError(
                no_such(f"{name!r} is no exogenous channel {where}", name, known, "Use", "none, since it has none")
            )
    if not names or len(set(names)) < len(names):
        raise SettingError(
            f"channels={channels!r} must name at least one channel, each once, as channels={list(known[:1])}"
        )
    return tuple(names)


def zero_nearest(values: xr.DataArray, dim: str, counts: np.ndarray | bool = True) -> xr.DataArray:
    """Zero nearest to 0 along a rising coordinate, by linear interpolation: dim channel, NaN where there is none.

    `counts` (intervals,) says between which neighbours one is looked for.
    """
    at, out = values[dim].values, np.full(values.sizes["channel"], np.nan)
    for c, line in enumerate(values.transpose("channel", dim).values):
        low, high = line[:-1], line[1:]
        met = counts & (low * high <= 0.0) & (low != high)
        if met.any():
            zeros = at[:-1][met] - (low * np.diff(at))[met] / (high - low)[met]
            out[c] = zeros[np.argmin(np.abs(zeros))]
    return xr.DataArray(out, {"channel": values["channel"].values}, ("channel",))
