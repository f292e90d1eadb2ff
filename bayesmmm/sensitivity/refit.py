"""What every sensitivity that refits a fit does alike: the settings of the refits, what is kept of each, the labels."""

import datetime
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM
from bayesmmm.errors import ConvergenceWarning
from bayesmmm.estimands import effects
from bayesmmm.inference.many_fits import Completed, cores_each, fit_quietly
from bayesmmm.results import Fit
from bayesmmm.results.convergence import Convergence
from bayesmmm.results.summaries import probabilities

#: Effects that are kept of every refit.
KEPT = ("total", "direct", "indirect", "roi")


@dataclass(frozen=True)
class Asking:
    """Which effects are asked of a refit; as in `effects`."""

    channels: tuple[str, ...] | None
    start: str | datetime.date | None
    stop: str | datetime.date | None
    window: str
    paths: int

    def ask(self, fit: Fit, *, seed: int, draws: int | None = None, anyway: bool = True) -> xr.Dataset:
        """Return the effects of a fit."""
        return effects(
            fit,
            channels=self.channels,
            groups={},
            start=self.start,
            stop=self.stop,
            window=self.window,
            draws=draws,
            paths=self.paths,
            seed=seed,
            allow_unconverged=anyway,
        )


@dataclass(frozen=True)
class Refitting:
    """A fit as it is to be repeated with something changed; a task for `run` is made of it.

    Attributes
    ----------
    data : MMMData
        As observed; effects are asked for these data.
    scales : Scales
        Frozen scales, those of the fit.
    collapse : bool
    draws, tune, chains, cores : int
    target_accept : float
    seed : int
        The same for all refits, so that they differ by what is changed only.
    asking : Asking
    """

    data: MMMData
    scales: Scales
    collapse: bool
    draws: int
    tune: int
    chains: int
    cores: int
    target_accept: float
    seed: int
    asking: Asking

    def again(self, system: MMM, data: MMMData | None = None) -> tuple[Fit, xr.Dataset]:
        """Fit a system, to other data if wanted; return the fit and the effects on the observed data."""
        data = self.data if data is None else data
        found = fit_quietly(
            system,
            data,
            seed=self.seed,
            draws=self.draws,
            tune=self.tune,
            chains=self.chains,
            cores=self.cores,
            target_accept=self.target_accept,
            scales=self.scales,
            collapse=self.collapse,
        ).fit
        # Parameters of the refit, residuals against what was observed.
        return found, self.asking.ask(replace(found, data=self.data), seed=self.seed)


def refitting(fit: Fit, asking: Asking, count: int, executor: Any, **settings: Any) -> Refitting:
    """Prepare so many refits of a fit, with the settings draws, tune, chains, target_accept and seed."""
    return Refitting(
        data=fit.data,
        scales=fit.scales,
        collapse=bool(fit.settings["collapse"]),
        cores=cores_each(count, executor),
        asking=asking,
        **settings,
    )


def finished(done: Completed) -> None:
    """Let Ctrl-C through where nothing was done before it."""
    if not done.results:
        raise KeyboardInterrupt


def quantiles(found: xr.Dataset, ci_prob: float) -> xr.Dataset:
    """Quantiles over draws of what is kept of every refit, dims quantile, channel."""
    kept = found[list(KEPT)]
    return kept.quantile(list(probabilities(ci_prob)), ("chain", "draw"), keep_attrs=True)


def sampler_numbers(judged: Convergence) -> dict[str, Any]:
    """Numbers on the sampler of a refit, and whether its draws may be used."""
    return {
        "rhat": judged.rhat,
        "ess": min(judged.ess_bulk, judged.ess_tail),
        "divergences": judged.divergences,
        "reliable": judged.verdict != "failed",
        "verdict": judged.verdict,
    }


def worst(rows: Sequence[Mapping[str, Any]]) -> str:
    """Worst sampler verdict of some refits: the one of an answer that rests on all of them."""
    return max((row["verdict"] for row in rows), key=("converged", "doubtful", "failed").index)


def warn_failed(names: Sequence[str], reliable: Sequence[bool], what: str) -> None:
    """Give one warning for all refits whose sampler failed."""
    bad = [name for name, good in zip(names, reliable, strict=True) if not good]
    if bad:
        warnings.warn(
            ConvergenceWarning(
                f"the sampler failed in {len(bad)} of {len(names)} refits ({what} {', '.join(bad)}), which are marked "
                f"as not reliable. Ask for more, as draws=1000, tune=1000."
            ),
            stacklevel=3,
        )


def numbered(rows: Sequence[Mapping[str, Any]], dims: tuple[str, ...], shape: tuple[int, ...]) -> dict:
    """Numbers on the sampler, one row per refit, as variables over `dims`."""
    return {
        name: (dims, np.array([row[name] for row in rows]).reshape(shape))
        for name in ("rhat", "ess", "divergences", "reliable")
    }
