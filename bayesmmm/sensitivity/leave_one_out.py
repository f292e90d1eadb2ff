"""What the other channels are credited with when one is left out of the model."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm.equations import MMM, Equation
from bayesmmm.equations.equation_priors import MEDIA_PARAMETERS
from bayesmmm.errors import AnswerError
from bayesmmm.priors import Prior
from bayesmmm.results import Fit
from bayesmmm.sensitivity.refit import (
    EffectSettings,
    Refit,
    Refitted,
    along,
    check_refit,
    checked_channels,
    labels_of,
    quantiles,
    refit_each,
    refit_of,
)
from bayesmmm.validate import PATHS, check_ci_prob, check_seed


def leave_one_channel_out(
    fit: Fit,
    *,
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
    """Refit without each channel in turn: how effects and returns of the others move.

    A channel that is left out does not stop acting. Where it went together with another, that other one takes over its
    credit; where it did not, its effect goes into the residual. So this shows whose credit rests on which channel being
    in the model; it is no estimate of any effect. Priors of the others stay what they were in `fit`.

    Parameters
    ----------
    fit : Fit
    channels : sequence of str, optional
        To leave out; by default every exogenous channel.
    start, stop, window, draws, tune, chains, target_accept, paths, seed, ci_prob, executor, progress
        As in :func:`mediation_sensitivity`.

    Returns
    -------
    xarray.Dataset
        ``total``, ``direct``, ``indirect``, ``roi`` (left_out, quantile, channel) of the refits, NaN for the channel
        that is left out; the same of `fit` as ``full_total`` and so on (quantile, channel). ``change`` (left_out,
        channel), median total less that of `fit`; ``taken_over`` (left_out), the sum of these over the median total of
        the channel that is left out: about 1 where the others take all of its credit, 0 where they take none.
        ``sigma_ratio`` (left_out), median residual scale of the outcome without the channel over that with it.
        ``rhat``, ``ess``, ``divergences``, ``reliable`` (left_out).

    Raises
    ------
    AnswerError
        When there is only one channel.
    UnknownTermError, SettingError
        For unknown channels and impossible arguments.
    ConvergenceError, EvaluationError
        As :func:`mediation_sensitivity`, which warns of the same things.

    Examples
    --------
    >>> found = leave_one_channel_out(fit)  # doctest: +SKIP
    >>> found["change"].to_pandas()  # doctest: +SKIP
    """
    check_refit(fit, "leave_one_channel_out")
    known = fit.system.channels
    if len(known) < 2:
        raise AnswerError(
            f"the system has {len(known)} exogenous channels, so that none is left to look at without one; ask for "
            f"confounder_sensitivity(fit) instead"
        )
    names, ci_prob = checked_channels(channels, known, "of the system"), check_ci_prob(ci_prob)
    settings = EffectSettings(known, start, stop, window, paths, check_seed(seed))
    full = settings.of(fit)
    sampler = {"draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept}
    task = _Without(refit_of(fit, settings, ci_prob, len(names), executor, **sampler))
    refits, about = refit_each(
        task, names, executor=executor, progress=progress, label=lambda name: f"without {name}"
    )
    kept, rows = list(refits), list(refits.values())
    answer = along("left_out", refits, list(known)).transpose("left_out", "quantile", "channel")
    before = quantiles(full, ci_prob)
    answer = answer.assign({f"full_{name}": values for name, values in before.data_vars.items()})
    middle = answer.sel(quantile=0.5, drop=True)
    answer["change"] = middle["total"] - middle["full_total"]
    own = middle["full_total"].sel(channel=kept, drop=True).values
    with np.errstate(divide="ignore", invalid="ignore"):
        answer["taken_over"] = ("left_out", answer["change"].sum("channel").values / own)
    sigma = float(fit.posterior[f"{fit.system.outcome}.sigma"].median())
    answer["sigma_ratio"] = ("left_out", np.array([row.sigma for row in rows]) / sigma)
    return answer.assign_attrs({**labels_of(full.attrs), "ci_prob": ci_prob, **about})


def without_channel(system: MMM, channel: str) -> MMM:
    """Return the system without an exogenous channel; priors of the others stay what they were.

    The default prior of a contribution depends on all channels: it is written down before one of them goes.

    Examples
    --------
    >>> left = without_channel(MMM([Equation("sales", media=["tv", "radio"])]), "tv").equation("sales")
    >>> left.media, left.priors["contribution"]["radio"]
    (('radio',), HalfStudentT(nu=3, sigma=0.17))
    """
    return MMM([_without(e, channel) if channel in e.media else e for e in system.equations])


def _without(equation: Equation, channel: str) -> Equation:
    media = tuple(name for name in equation.media if name != channel)
    priors: dict[str, Any] = dict(equation.priors)
    for block in equation.parameters():
        if block.name == "contribution":
            priors["contribution"] = dict(zip(block.labels, block.priors, strict=True))
    for parameter, value in list(priors.items()):
        if not isinstance(value, Prior):
            priors[parameter] = {label: prior for label, prior in value.items() if label != channel}
    unused = () if media else (*MEDIA_PARAMETERS, "tau")
    kept = {k: v for k, v in priors.items() if v and k not in unused}
    return replace(equation, media=media, priors=kept, spend_share={})


@dataclass(frozen=True)
class _Without:
    """Task: effects of the others."""

    refit: Refit

    def __call__(self, channel: str) -> Refitted:
        settings = self.refit.settings
        others = replace(settings, channels=tuple(name for name in settings.channels or () if name != channel))
        return replace(self.refit, settings=others)(without_channel(self.refit.system, channel))
