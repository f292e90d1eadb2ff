"""Every answer that the report tells, asked once, under one window and with the same draws."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.diagnostics import Diagnosis, diagnose
from bayesmmm.estimands import (
    adstock_decay,
    decompose,
    effects,
    marginal_roi,
    predict,
    residuals,
    response_curves,
)
from bayesmmm.results import Fit, autocorrelation, predictive_check, predictive_table
from bayesmmm.validate import check_ci_prob

#: Numbers that a decomposition by period may hold for the figures; it is thinned to that.
_PARTS = 20e6
#: Draws of the residuals and curves in the figures and tables that are long.
_SOME = 1000


@dataclass(frozen=True)
class Answers:
    """What a fit says about a window.

    Attributes
    ----------
    fit : Fit
    ci_prob : float
    window : {"spend", "outcome"}
    start, stop : str
        First and last period of the window.
    verdict : str
        Of the sampler.
    effects : Dataset
        Of the channels, under the window rule asked for.
    counted : Dataset
        Of the channels on the outcome of the window, as `decompose` counts: the counterpart of the accounting.
    mediators : Dataset or None
        Effects of paid mediators that act as media; they overlap with those of the channels.
    marginal, marginal_mediators : DataArray or None
        Marginal returns of channels, and of paid mediators, that are money.
    curves : Dataset
    parts, quarters : Dataset
        Decomposition of the outcome, by period (thinned where it is large) and by quarter.
    decay : Dataset
    fitted : Dataset
        Means of every series given its observed inputs.
    residuals : mapping of str to DataArray
    autocorrelation, predictive, checks : mapping of str to DataFrame
    parameters : DataFrame
        Summary of the posterior.
    diagnosis : Diagnosis
        Every check of the fit.
    """

    fit: Fit
    ci_prob: float
    window: str
    start: str
    stop: str
    verdict: str
    effects: xr.Dataset
    counted: xr.Dataset
    mediators: xr.Dataset | None
    marginal: xr.DataArray | None
    marginal_mediators: xr.DataArray | None
    curves: xr.Dataset
    parts: xr.Dataset
    quarters: xr.Dataset
    decay: xr.Dataset
    fitted: xr.Dataset
    residuals: Mapping[str, xr.DataArray]
    autocorrelation: Mapping[str, pd.DataFrame]
    predictive: Mapping[str, pd.DataFrame]
    checks: Mapping[str, pd.DataFrame]
    parameters: pd.DataFrame
    diagnosis: Diagnosis

    @property
    def outcome(self) -> str:
        """Name of the outcome."""
        return self.fit.system.outcome

    @property
    def unit(self) -> str:
        """Unit of the outcome."""
        return self.fit.data.unit(self.outcome)

    @property
    def is_money(self) -> bool:
        """Whether the outcome is money, so that a return can be compared with 1."""
        return self.unit == MONEY

    @property
    def channels(self) -> list[str]:
        """Exogenous channels, in the order of the data."""
        return self.effects["channel"].values.tolist()

    @property
    def bought(self) -> list[str]:
        """Channels that are money; another column may act as media too, but has no return."""
        return [name for name in self.channels if self.fit.data.is_money(name)]

    @property
    def paid(self) -> list[str]:
        """Mediators that the planner pays."""
        return [name for name in self.fit.system.mediators if self.fit.data.is_money(name)]


def collect(
    fit: Fit,
    *,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    ci_prob: float = 0.9,
) -> Answers:
    """Ask a fit everything that the report tells; see `write_report` for the arguments."""
    ci_prob = check_ci_prob(ci_prob)
    about = {"start": start, "stop": stop}
    chains = fit.posterior.sizes["chain"]
    some = max(_SOME, chains)
    found = effects(fit, window=window, **about)
    counted = found if window == "outcome" else effects(fit, window="outcome", **about)
    paid = _acting(fit)
    bought = any(fit.data.is_money(name) for name in found["channel"].values)
    system = fit.system
    left = {name: residuals(fit, name) for name in system.order}
    return Answers(
        fit=fit,
        ci_prob=ci_prob,
        window=window,
        start=found.attrs["start"],
        stop=found.attrs["stop"],
        verdict=found.attrs["verdict"],
        effects=found,
        counted=counted,
        mediators=effects(fit, channels=paid, groups={}, window=window, **about) if paid else None,
        marginal=marginal_roi(fit, window=window, **about) if bought else None,
        marginal_mediators=marginal_roi(fit, channels=paid, window=window, **about) if paid else None,
        curves=response_curves(fit.thin(some), window=window, **about),
        parts=decompose(fit.thin(max(int(_PARTS / _part_size(fit)), chains)), **about),
        quarters=decompose(fit, freq="quarter", **about),
        decay=adstock_decay(fit.thin(some)),
        fitted=predict(fit),
        residuals=left,
        autocorrelation={name: autocorrelation(draw, ci_prob=ci_prob) for name, draw in left.items()},
        predictive={name: predictive_table(fit, name, ci_prob) for name in system.order},
        checks={name: predictive_check(fit, name, ci_prob) for name in system.order},
        parameters=fit.summary(ci_prob),
        diagnosis=diagnose(fit),
    )


def _acting(fit: Fit) -> list[str]:
    """Paid mediators that act as media, so that their own spend can be judged."""
    return [name for name in fit.system.mediators if name in fit.system.media and fit.data.is_money(name)]


def _part_size(fit: Fit) -> float:
    """Numbers that one draw of a decomposition by period holds, or a little more."""
    system = fit.system
    columns = len(system.exogenous) * (1 + len(system.mediators)) + 3 + len(system.mediators)
    return float(columns * len(fit.data.dates))
