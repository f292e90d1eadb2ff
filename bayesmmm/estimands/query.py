"""`Query`: what every answer begins and ends with, checked: the draws to use, the periods, the labels.

Under ``window="spend"`` the effect of the spend of the window counts, then and later; under ``window="outcome"`` what
all spend did to the outcome of the window. `bayesmmm.estimands.windows` says how.

Answers about a panel are in total over its geos, by geo, or by group of geos. Inside they have an axis of places (P), of
length 1 where they are in total: what is money or another amount is added up in every draw, and ratios are made of the
sums.
"""

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data import MONEY, MMMData, next_dates, read_plan, window_mask
from bayesmmm.data.checks import GEO_GROUP, chosen_geos
from bayesmmm.data.events import unknown_ahead
from bayesmmm.data.future import GEO, events_after
from bayesmmm.data.planned_units import PlannedUnits
from bayesmmm.equations import MMM
from bayesmmm.equations.reference import reference_levels
from bayesmmm.errors import AnswerError, ConvergenceError, EventWarning, SettingError, UnknownTermError
from bayesmmm.results import Fit, check_fit, weak_signs
from bayesmmm.results.convergence import absent
from bayesmmm.results.kept import posterior_of, recall
from bayesmmm.text import joined, no_such
from bayesmmm.validate import (
    PATHS,
    as_list,
    check_choice,
    check_groups,
    check_ordered,
    check_paths,
    check_seed,
    list_for,
    refusal,
)

#: How an answer tells the geos of a panel apart: "geo", a key of the data, or groups of geos by name.
By = str | Mapping[str, Sequence[str]]
WINDOWS = ("spend", "outcome")
#: Of answers that have no window rule: None would do as well, and is what somebody may pass by mistake.
NO_RULE: Any = object()
#: What to do about an answer that is too large.
REDUCE = "ask a fit with fewer draws, as fit.thin(1000)"


@dataclass(frozen=True)
class Timeline:
    """The periods an answer is about."""

    dates: pd.DatetimeIndex  # fitted periods, then those of the plan
    fitted: int  # how many are fitted
    columns: Mapping[str, np.ndarray]  # exogenous columns (G, H) of the plan; empty without one
    exposures: Mapping[str, PlannedUnits]  # units, spend and cost in the plan of exposures that are paid
    window: np.ndarray  # whether a period (T + H,) is asked about
    attrs: Mapping[str, str]  # start and stop of the window, as text

    @property
    def planned(self) -> int:
        """Number of periods of the plan."""
        return len(self.dates) - self.fitted

    def inside(self, known: np.ndarray, ahead: np.ndarray | None) -> np.ndarray:
        """Values (G, W) of a column in the window, from those of fitted periods and of the plan."""
        known = known if ahead is None else np.concatenate([known, ahead], axis=-1)
        return known[:, self.window[: known.shape[-1]]]

    def spend(self, data: MMMData, name: str) -> np.ndarray:
        """Money (G, W) that is paid for a channel in the periods of the window; NaN where that is not known."""
        ahead = self.exposures[name].spend if name in self.exposures else self.columns.get(name)
        spend = self.inside(data.spend_of(name), ahead)
        return spend if data.has_spend(name) else np.full(spend.shape, np.nan)


@dataclass(frozen=True)
class Places:
    """What an answer about a panel tells apart: geos, or groups of them."""

    dim: str
    labels: tuple[str, ...]
    members: tuple[np.ndarray, ...]  # numbers of the geos of each, of which amounts are added up


@dataclass(frozen=True)
class Query:
    """A fit that may be asked, with what is asked of it."""

    fit: Fit
    parameters: engine.Parameters  # of all draws
    draws: np.ndarray  # which of them (S,) are used, chain after chain
    coords: Mapping[str, np.ndarray]  # labels of chain and draw
    timeline: Timeline
    window: str | None  # what counts, of WINDOWS; None where the answer is about the periods themselves
    paths: int  # residual paths of mediators per draw in periods after the data; 1 without mediators
    seed: int  # of residuals
    by: Places | None = None  # what is told apart, None where answers are in total
    stamp: str = ""  # of the draws of the fit, under which it keeps what was worked out on them

    @property
    def attrs(self) -> dict[str, str]:
        """Marks of the answer."""
        rule = {"window": self.window} if self.window else {}
        marks = {"verdict": self.fit.convergence.verdict, "outcome": self.fit.system.outcome}
        return {**marks, **self.timeline.attrs, **rule}

    @cached_property
    def references(self) -> dict[str, float]:
        """Level that each linear term is counted from, in the unit of its column."""
        return reference_levels(self.fit.system, self.fit.data, self.fit.scales)

    @property
    def changed(self) -> np.ndarray:
        """Periods (T + H,) in which spend is changed."""
        if self.window == "spend":
            return self.timeline.window
        last = np.flatnonzero(self.timeline.window)[-1]
        return np.arange(len(self.timeline.window)) <= last

    def at(self, positions: np.ndarray, **changes: Any) -> "Query":
        """Return the same of the draws at some positions of every chain."""
        chains = len(self.coords["chain"])
        coords = {**self.coords, "draw": self.coords["draw"][positions]}
        return replace(self, draws=self.draws.reshape(chains, -1)[:, positions].ravel(), coords=coords, **changes)

    def label(self, values: np.ndarray, *dims: str) -> tuple:
        """Return values (S, ...) as dims and array of an xarray variable: chain, draw, then `dims`."""
        chains, draws = (len(self.coords[dim]) for dim in ("chain", "draw"))
        return ("chain", "draw", *dims), values.reshape(chains, draws, *values.shape[1:])

    # ---------------------------------------------------------------------------------------------------- places
    @property
    def places(self) -> tuple[np.ndarray, ...]:
        """Numbers of the geos of each of the P places of the answer."""
        return self.by.members if self.by else (np.arange(len(self.fit.data.geos)),)

    def shape(self, *lengths: int) -> tuple[int, ...]:
        """Shape of a variable of the answer: draws, places where they are told apart, then axes of these lengths."""
        return (len(self.draws), *([len(self.places)] if self.by else []), *lengths)

    def added(self, values: np.ndarray, axis: int = 1) -> np.ndarray:
        """Return amounts with an axis of geos (G) as the answer has them (P): added up, or each by itself."""
        if self.by is None:
            return values if values.shape[axis] == 1 else values.sum(axis=axis, keepdims=True)
        if self.by.dim == GEO:
            return values
        return np.stack([values.take(own, axis=axis).sum(axis=axis) for own in self.by.members], axis=axis)

    def added_own(self, values: np.ndarray) -> np.ndarray:
        """As `added`, of amounts (S, G, T), each geo in its own periods: NaN where a place has none.

        Over the fitted periods, and after them in those of a plan where there are more: these are periods of every geo.
        """
        own = self.fit.data.has_row
        if more := values.shape[-1] - own.shape[-1]:
            own = np.pad(own, [(0, 0), (0, more)], constant_values=True)
        if own.all():
            return self.added(values)
        there = self.added(own[None].astype(float)) > 0.0
        return np.where(there, self.added(np.where(own, values, 0.0)), np.nan)

    def label_places(self, values: np.ndarray, *dims: str) -> tuple:
        """Return values (S, P, ...) as dims and array of an xarray variable: chain, draw, place, then `dims`."""
        return self.label(values, self.by.dim, *dims) if self.by else self.label(values[:, 0], *dims)

    def known_places(self, values: np.ndarray, *dims: str) -> tuple:
        """Return what is the same in all draws, (P, ...), as dims and array of an xarray variable."""
        return ((self.by.dim, *dims), values) if self.by else (dims, values[0])

    # ------------------------------------------------------------------------------------------------- evaluation
    def history(self, draws: np.ndarray) -> engine.Baseline:
        """Evaluate the fitted periods of some draws."""
        fit = self.fit
        return engine.history(fit.system, fit.scales, fit.data, self.parameters, draws, seed=self.seed)

    def map(self, work: Callable[[np.ndarray], Mapping[str, np.ndarray]], periods: float) -> dict[str, np.ndarray]:
        """Apply a function to chunks of the draws, each of which goes through so many periods."""
        arrays = engine.map_draws(work, self.draws, row_bytes(self.fit, periods))
        check_finite(self.fit.system, arrays)
        return arrays

    def units_by_period(self, name: str) -> np.ndarray:
        """Input (G, W) of a column in the periods of the window, in its own unit: what it acts through."""
        return self.timeline.inside(self.fit.data.columns[name], self.timeline.columns.get(name))

    def spend_by_period(self, name: str) -> np.ndarray:
        """Money (G, W) that is paid for a channel in the periods of the window; NaN where that is not known."""
        return self.timeline.spend(self.fit.data, name)

    def spend(self, names: Sequence[str]) -> np.ndarray:
        """Money (P, C) that is paid for channels in the window; NaN where that is not known."""
        return self._summed(self.spend_by_period, names)

    def units(self, names: Sequence[str]) -> np.ndarray:
        """Inputs (P, C) of channels in the window, in their units."""
        return self._summed(self.units_by_period, names)

    def exposures(self, names: Sequence[str]) -> list[str]:
        """Those of some channels that are counted and not money."""
        return [name for name in names if not self.fit.data.is_money(name)]

    def _summed(self, by_period: Callable[[str], np.ndarray], names: Sequence[str]) -> np.ndarray:
        return self.added(np.stack([by_period(name).sum(axis=-1) for name in names], axis=-1), axis=0)


def open_query(
    fit: Fit,
    *,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: Any = NO_RULE,
    plan: pd.DataFrame | None = None,
    paths: int = PATHS,
    seed: int = 0,
    by: By | None = None,
    cost: Mapping[str, object] | None = None,
) -> Query:
    """Check that a fit may be asked, and the arguments that answers share."""
    verdict_of(fit)
    places = None if by is None else _checked_by(fit.data, by)
    apart = {} if places is None else {places.dim: np.array(places.labels)}
    rule = None if window is NO_RULE else window
    if window is not NO_RULE and (not isinstance(window, str) or window not in WINDOWS):
        raise SettingError(
            f"window={window!r} must be 'spend' (what the spend of the window does, then and later) or 'outcome' (what "
            f"all spend did to the outcome of the window); 'spend' is the default"
        )
    stamp, posterior = posterior_of(fit)  # the tree that holds the draws can be written to
    parameters = recall(fit, "parameters", stamp, lambda: _sound_parameters(fit))
    chains, length = posterior.sizes["chain"], posterior.sizes["draw"]
    positions = spaced(length, length if fit.answering is None else fit.answering // chains)
    # Only mediators have residuals that future periods are averaged over.
    paths = check_paths(paths) if fit.system.mediators else min(check_paths(paths), 1)
    return Query(
        fit,
        parameters,
        (np.arange(chains)[:, None] * length + positions).ravel(),
        {"chain": posterior["chain"].values, "draw": posterior["draw"].values[positions], **apart},
        timeline(fit, plan, start, stop, cost),
        rule,
        paths,
        check_seed(seed),
        places,
        stamp,
    )


def _sound_parameters(fit: Fit) -> engine.Parameters:
    """Parameters of all draws, which no answer writes to; refuse draws that are no numbers."""
    for name, values in fit.posterior.data_vars.items():
        if (~np.isfinite(values) & ~absent(values)).any():
            text = f"{name} has draws that are no numbers, NaN or infinite, which no answer can rest on; fit again"
            raise AnswerError(text)
    parameters = fit.parameters()
    for own in parameters.values():
        for array in own.values():
            array.flags.writeable = False
    return parameters


def _checked_by(data: MMMData, by: object) -> Places:
    """What an answer tells apart; refuse to tell apart what is one, or is not there."""
    geos = data.geos
    if len(geos) == 1:
        raise refusal(
            "by", by, f"tells the geos of a panel apart, and this fit is of one series, {geos[0]!r}; leave by out"
        )
    if isinstance(by, Mapping):
        if not by:
            raise refusal(
                "by", by, f"names no group of geos; write by={{'first': [{geos[0]!r}]}}, or leave by out"
            )
        groups = check_groups(by, f"[{geos[0]!r}]", "by", "first")
        members = [
            [geos.index(geo) for geo in chosen_geos(own, geos, f"by[{label!r}]")] for label, own in groups.items()
        ]
        return Places(GEO_GROUP, tuple(groups), tuple(map(np.array, members)))
    key = check_choice(
        by, "by", (GEO, *data.levels), "or groups of geos as {'name': [...]}, or left out for the total"
    )
    values = np.array(geos if key == GEO else data.levels[key])
    labels = tuple(dict.fromkeys(values.tolist()))
    return Places(key, labels, tuple(np.flatnonzero(values == label) for label in labels))


def verdict_of(fit: Fit) -> str:
    """Return the verdict on the sampler of a fit that may be asked; refuse one that failed and was not accepted."""
    check_fit(fit)
    if fit.convergence.verdict == "failed" and not fit.accepted:
        raise ConvergenceError(
            f"these draws do not represent the posterior, so answers from them may be far off. {fit.convergence}\n"
            f"To look at them all the same, ask fit.accept_unconverged() in place of fit."
        )
    return fit.convergence.verdict


def spaced(length: int, count: int) -> np.ndarray:
    """Positions of so many out of `length`, evenly spaced with both ends; of all where there are fewer."""
    return np.unique(np.linspace(0, length - 1, min(count, length)).round().astype(int))


def timeline(
    fit: Fit,
    plan: pd.DataFrame | None,
    start: str | datetime.date | None,
    stop: str | datetime.date | None,
    cost: Mapping[str, object] | None = None,
) -> Timeline:
    """Put plan and window together; by default the window is the plan, or without one the fitted periods."""
    dates, fitted = fit.data.dates, len(fit.data.dates)
    columns: Mapping[str, np.ndarray] = {}
    exposures: Mapping[str, PlannedUnits] = {}
    if plan is not None:
        ahead = read_plan(fit.data, plan, needed=fit.system.exogenous, cost=cost)
        dates, columns, exposures = dates.append(ahead.dates), ahead.columns, ahead.exposures
        _warn_of_unknown_events(fit, plan, ahead.dates)
        start = ahead.dates[0] if start is None else start
        stop = ahead.dates[-1] if stop is None else stop
    where = "the fitted periods" if plan is None else "history and plan"
    window = window_mask(dates, start, stop, where=where, calendar=fit.data.calendar)
    first, last = dates[window][[0, -1]]
    attrs = {"start": f"{first:%Y-%m-%d}", "stop": f"{last:%Y-%m-%d}"}
    return Timeline(dates, fitted, columns, exposures, window, attrs)


def after(fit: Fit, ahead: Timeline, periods: int) -> tuple[pd.DatetimeIndex, dict[str, np.ndarray]]:
    """Dates and columns of so many periods after the fitted ones: the plan, then the means of the window and events."""
    dates = next_dates(fit.data, periods)
    columns = {}
    for name in fit.system.exogenous:
        known = [fit.data.columns[name], *([ahead.columns[name]] if ahead.planned else [])]
        own = np.ones((len(fit.data.geos), len(ahead.window)), bool)
        own[:, : ahead.fitted] = fit.data.has_row
        values = np.concatenate(known, axis=-1)
        mean = _mean_over(values, (own & ahead.window)[:, : values.shape[-1]])
        filled = np.repeat(mean, max(periods - ahead.planned, 0), axis=-1)
        columns[name] = np.concatenate([*known[1:], filled], axis=-1)[:, :periods]
    for name, days in events_after(fit.data, periods).items():
        planned = ahead.columns[name] if ahead.planned else days[:, :0]
        columns[name] = np.concatenate([planned, days[:, ahead.planned :]], axis=-1)[:, :periods]
    return dates, columns


def _warn_of_unknown_events(fit: Fit, plan: pd.DataFrame, dates: pd.DatetimeIndex) -> None:
    """Name events that a plan will meet again, on days of which nobody said anything."""
    names = [name for name in fit.system.events if name not in plan]
    if unknown := unknown_ahead(fit.data.events, names, dates[-1]):
        last = max(event.last_day for event in fit.data.events if event.name == unknown[0])
        text = (
            f"{joined(unknown)} came back in the past, and after {last:%Y-%m-%d} no days are known, so that the plan to "
            f"{dates[-1]:%Y-%m-%d} goes without; put days to come into events= when the data are read, or a column "
            f"{unknown[0]!r} with the number of its days in each period into the plan"
        )
        warn(EventWarning(text), skip_file_prefixes=(str(Path(__file__).parent),))


def _mean_over(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Mean (G, 1) over the periods of a window (G, T); 0 for a geo that has none of its own there."""
    if (counted == counted[:1]).all():
        return values[:, counted[0]].mean(axis=-1, keepdims=True)
    total = np.where(counted, values, 0.0).sum(axis=-1, keepdims=True)
    return total / np.maximum(counted.sum(axis=-1, keepdims=True), 1)


def check_finite(system: MMM, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse an answer that a double cannot hold."""
    if any(np.isinf(values).any() for values in arrays.values()):
        names = [equation.name for equation in system.equations if equation.family.log_scale]
        raise AnswerError(
            f"the answer is larger than any number, since terms of {', '.join(names) or 'an equation'} multiply: what "
            f"is asked lies too far from what was observed. Ask for smaller changes, or for values nearer to those of "
            f"the data, in their unit."
        )


def row_bytes(fit: Fit, periods: float) -> float:
    """Working memory of one row over so many periods of all geos, in bytes."""
    arrays = sum(2 * len(equation.media) + 8 for equation in fit.system.equations)
    return 8.0 * max(periods, 1) * arrays * len(fit.data.geos)


# ----------------------------------------------------------------------------------------------- channels and money
def per_money(fit: Fit, names: Sequence[str] = ()) -> dict[str, str | float]:
    """Unit of a return on spend and, where the outcome is money, the return at which spend is earned back.

    Of returns of channels also which of them are not told apart from no effect, as JSON: files hold no mapping.
    """
    unit = fit.data.unit(fit.system.outcome)
    weak = {name: sign for name, sign in weak_signs(fit).items() if name in names} if names else {}
    attrs: dict[str, str | float] = {"unit": f"{unit} per {MONEY}"}
    return attrs | ({"threshold": 1.0} if unit == MONEY else {}) | ({"weak": json.dumps(weak)} if weak else {})


def units_attrs(fit: Fit, names: Sequence[str]) -> dict[str, str]:
    """Unit of what channels act through, in words, and by name as JSON: files hold no mapping."""
    return {"unit": "units of the channel", "counted": json.dumps({name: fit.data.unit(name) for name in names})}


def paid_mediators(fit: Fit) -> list[str]:
    """Return the mediators that are money and act as media."""
    return [name for name in fit.system.mediators if name in fit.system.media and fit.data.is_money(name)]


def bought_channels(fit: Fit, channels: Sequence[str] | None) -> Sequence[str] | None:
    """Leave out what nothing is known to be paid for, or refuse it where it was asked for by name: it has no return."""
    check_fit(fit)
    if channels is None:
        names = [name for name in fit.system.channels if fit.data.has_spend(name)]
        if not names:
            own = paid_mediators(fit)
            ask = f"only mediators are: name one, as channels={own[:1]!r}" if own else "ask effects(fit)"
            raise AnswerError(
                "no channel of this system is money or has a column of spend, so that there is no return on spend; "
                f"{ask}"
            )
        return names
    for name in _listed(channels, "channels", next(iter(fit.system.media), "tv")):
        if name in (*fit.data.media, *fit.data.mediators) and not fit.data.has_spend(name):
            raise SettingError(
                f"{name!r} is counted in {fit.data.unit(name)}, not in money, and has no return on spend; leave it "
                f"out of channels, or ask effects(fit)"
            )
    return channels


def _listed(channels: object, where: str, example: str) -> list[str]:
    """Return a list of names, at least one."""
    check_ordered(channels, where)
    names = as_list(channels)
    if not names or not all(isinstance(name, str) for name in names):
        raise refusal(where, channels, f"must be a list of channels, as {where}={list_for(channels, [example])}")
    return names


def checked_channels(query: Query, channels: Sequence[str] | None, *, where: str = "channels") -> tuple[str, ...]:
    """Return the channels asked for: by default every exogenous column that acts as media."""
    system, known, line = query.fit.system, query.fit.system.media, query.timeline
    if not known or (channels is None and not system.channels):
        ask = (
            f"name a mediator, as channels={list(known[:1])!r}"
            if known
            else "list columns under media in an equation"
        )
        raise AnswerError(f"the system has no channel to ask about; {ask}")
    if channels is None:
        return system.channels
    names = _listed(channels, where, known[0])
    for name in names:
        if name not in known:
            raise UnknownTermError(no_such(f"no equation has the channel {name!r}", name, known, "Channels are"))
        if name in system.mediators and line.window[line.fitted :].any():
            raise SettingError(
                f"{name!r} is a mediator: in the periods of a plan its spend is predicted, so that it has no ROI of its "
                f"own there; ask for a window in the fitted periods, or leave it out of {where}"
            )
    return tuple(dict.fromkeys(names))
