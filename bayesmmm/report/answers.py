"""Every answer that the report tells, asked once, under one window and with the same draws."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.diagnostics import Diagnosis
from bayesmmm.estimands import adstock_decay, decompose, effects, marginal_roi, predict, residuals, response_curves
from bayesmmm.estimands.query import paid_mediators
from bayesmmm.optimize import Plan
from bayesmmm.progress import Tell, silent
from bayesmmm.report.geo_answers import GeoAnswers, collect_by_geo, in_total, with_replicates
from bayesmmm.report.recommendation import Asked, recommend
from bayesmmm.results import Fit, autocorrelation, predictive_check, predictive_table, weak_signs
from bayesmmm.validate import check_ci_prob

#: Numbers that a decomposition by period may hold for the figures; it is thinned to that.
_PARTS = 20e6
#: Draws of decays and replicates, and of response curves and parts by period, in figures and tables.
_SOME, _CURVES = 1000, 400
#: Steps that `estimate` and `answer` tell.
STEPS = 9


@dataclass(frozen=True)
class Estimates:
    """What a fit says about a window: all that figures show."""

    fit: Fit
    ci_prob: float
    window: str  # "spend" or "outcome"
    start: str  # first and last period of the window
    stop: str
    verdict: str  # of the sampler
    effects: xr.Dataset  # of channels, controls and events, under the window rule asked for
    counted: xr.Dataset  # on the outcome of the window, as `decompose` counts: the counterpart of the accounting
    mediators: xr.Dataset | None  # of paid mediators that act as media; they overlap with those of the channels
    marginal: xr.DataArray | None  # marginal returns of channels, and of paid mediators, that are money
    marginal_mediators: xr.DataArray | None
    curves: xr.Dataset
    parts: xr.Dataset  # decomposition of the outcome by period, thinned where it is large
    months: xr.Dataset
    quarters: xr.Dataset
    decay: xr.Dataset
    fitted: xr.Dataset  # means of every series given its observed inputs
    residuals: Mapping[str, xr.DataArray]
    autocorrelation: Mapping[str, pd.DataFrame]
    predictive: Mapping[str, pd.DataFrame]
    checks: Mapping[str, pd.DataFrame]  # observed quantiles beside those of replicates
    geos: GeoAnswers | None  # of a panel

    @property
    def outcome(self) -> str:
        """Name of the outcome."""
        return self.fit.system.outcome

    @property
    def unit(self) -> str:
        """Unit of the outcome."""
        return self.fit.data.unit(self.outcome)

    @property
    def in_money(self) -> bool:
        """Whether the outcome is money, so that a return can be compared with 1."""
        return self.unit == MONEY

    @property
    def channels(self) -> list[str]:
        """Exogenous channels, in the order of the data."""
        return self.effects["channel"].values.tolist()

    @property
    def bought(self) -> list[str]:
        """Channels of which it is known what was paid; another column may act as media too, but has no return."""
        return [name for name in self.channels if self.fit.data.has_spend(name)]

    @property
    def exposures(self) -> list[str]:
        """Channels that are counted and not money, with a column of their spend or without."""
        return [name for name in self.channels if not self.fit.data.is_money(name)]

    @property
    def paid(self) -> list[str]:
        """Mediators that the planner pays."""
        return [name for name in self.fit.system.mediators if self.fit.data.is_money(name)]


@dataclass(frozen=True)
class Answers(Estimates):
    """What a fit says about a window, how far it can be trusted, and what to do."""

    parameters: pd.DataFrame  # summary of the posterior
    diagnosis: Diagnosis
    weak: tuple[str, ...]  # channels that are not told apart from no effect
    plan: Plan | None  # that is recommended
    no_plan: str  # why there is none
    objective: str  # what it is for
    currency: str  # sign or code that stands before amounts of money on the first pages


def estimate(
    fit: Fit,
    *,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    ci_prob: float | None = None,
    tell: Tell = silent,
) -> Estimates:
    """Ask a fit what figures show; see `write_report` for the arguments."""
    ci_prob = check_ci_prob(ci_prob)
    about: dict[str, Any] = {"start": start, "stop": stop}
    chains = fit.posterior.sizes["chain"]
    lost = effects(fit, window=window, **about)
    tell("effects")
    counted = lost if window == "outcome" else effects(fit, terms=(), window="outcome", **about)
    paid = paid_mediators(fit)  # whose own spend can be judged
    bought = [name for name in lost["channel"].values.tolist() if fit.data.has_spend(name)]
    order, mediators = fit.system.order, len(fit.system.mediators)
    # Numbers that one draw of a decomposition by period holds, or a little more.
    size = (len(fit.system.exogenous) * (1 + mediators) + 3 + mediators) * len(fit.data.dates)
    tell("residuals and replicates")
    left = {name: residuals(fit, name) for name in order}
    replicated = with_replicates(fit)
    whole = in_total(replicated)
    tell("returns")
    marginal, marginal_mediators = _marginal(fit, bought, paid, window=window, **about)
    tell("response curves")
    curves = response_curves(fit.thin(max(_CURVES, chains)), window=window, **about)
    tell("decomposition")
    months = decompose(fit, freq="month", **about)
    parts = decompose(fit.thin(max(min(int(_PARTS / size), _CURVES), chains)), **about)
    tell("geos" if len(fit.data.geos) > 1 else "series")
    geos = collect_by_geo(fit, replicated, window=window, ci_prob=ci_prob, **about)
    return Estimates(
        fit=fit,
        ci_prob=ci_prob,
        window=window,
        **{mark: lost.attrs[mark] for mark in ("start", "stop", "verdict")},
        effects=lost,
        counted=counted,
        mediators=effects(fit, channels=paid, groups={}, terms=(), window=window, **about) if paid else None,
        marginal=marginal,
        marginal_mediators=marginal_mediators,
        curves=curves,
        parts=parts,
        months=months,
        quarters=_by_quarter(months),
        decay=adstock_decay(fit.thin(max(_SOME, chains))),
        fitted=predict(fit),
        residuals=left,
        autocorrelation={name: autocorrelation(draw, ci_prob=ci_prob) for name, draw in left.items()},
        predictive={name: predictive_table(whole, name, ci_prob) for name in order},
        checks={name: predictive_check(_fewer(whole), name, ci_prob) for name in order},
        geos=geos,
    )


def answer(
    estimates: Estimates,
    asked: Asked,
    diagnosis: Callable[[], Diagnosis],
    *,
    currency: str = "",
    tell: Tell = silent,
) -> Answers:
    """Add what is said about a fit as a whole; see `write_report` for the arguments."""
    fit = estimates.fit
    tell("recommended plan")
    plan, no_plan = recommend(fit, asked)
    tell("parameters")
    parameters = fit.summary(estimates.ci_prob)
    tell("checks")
    return Answers(
        **vars(estimates),
        parameters=parameters,
        diagnosis=diagnosis(),
        weak=tuple(weak_signs(fit)),
        plan=plan,
        no_plan=no_plan,
        objective=asked.objective,
        currency=currency,
    )


def _marginal(
    fit: Fit, bought: list[str], paid: list[str], **about: Any
) -> tuple[xr.DataArray | None, xr.DataArray | None]:
    """Marginal returns of channels and of paid mediators, asked together."""
    if not bought and not paid:
        return None, None
    both = marginal_roi(fit, channels=[*bought, *paid], **about)
    channels, mediators = (both.sel(channel=names) if names else None for names in (bought, paid))
    return channels, mediators


def _fewer(fit: Fit) -> Fit:
    """Return a fit with so many replicates that quantiles over time are known well enough."""
    replicated = fit.tree["posterior_predictive"].to_dataset()
    step = replicated.sizes["chain"] * replicated.sizes["draw"] // _SOME
    if step < 2:
        return fit
    replicated = replicated.isel(draw=slice(None, None, step))
    groups = {"observed_data": fit.tree["observed_data"].to_dataset(), "posterior_predictive": replicated}
    return replace(fit, tree=xr.DataTree.from_dict(groups))


def _by_quarter(months: xr.Dataset) -> xr.Dataset:
    """Add months up to quarters."""
    quarter = pd.DatetimeIndex(months["date"].values).to_period("Q")
    place, labels = pd.factorize(quarter)
    dated = months.drop_vars("periods").assign_coords(date=labels.to_timestamp()[place])
    parts = dated.groupby("date").sum(skipna=False)
    for name, values in months.data_vars.items():
        parts[name] = parts[name].transpose(*values.dims).assign_attrs(values.attrs)
    return parts.assign_attrs({**months.attrs, "freq": "quarter"})
