"""The one window rule behind effects, ROI and curves: which spend is changed, and which outcome counts.

``window="spend"``: spend is changed in the window, and the outcome counts from the first period of the window until
less than `TAIL_WEIGHT` of the adstock of its last period can still act; beyond the data (and the plan) every
exogenous input is at its mean over the window, a trend stays where it was last, and seasons go on.
``window="outcome"``: spend is changed in all periods up to the end of the window, and the outcome counts in the window
only.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data import MONEY
from bayesmmm.errors import AnswerError, SettingError, UnknownTermError
from bayesmmm.estimands.query import Asked, Timeline, after, ask, row_bytes, timeline
from bayesmmm.results import Fit
from bayesmmm.text import did_you_mean
from bayesmmm.validate import check_paths, check_seed

#: Share of adstock that may be left when an effect is no longer counted.
TAIL_WEIGHT = 1e-3
#: Longest tail that is followed, in years.
LONGEST_TAIL = 100.0
WINDOWS = ("spend", "outcome")


@dataclass(frozen=True)
class Question:
    """A question about a window, checked.

    Attributes
    ----------
    asked : Asked
    line : Timeline
    window : {"spend", "outcome"}
    paths, seed : int
    """

    asked: Asked
    line: Timeline
    window: str
    paths: int
    seed: int

    @property
    def changed(self) -> np.ndarray:
        """Periods (T + H,) in which spend is changed."""
        if self.window == "spend":
            return self.line.window
        last = np.flatnonzero(self.line.window)[-1]
        return np.arange(len(self.line.window)) <= last

    @property
    def attrs(self) -> dict[str, str]:
        """Marks of the answer."""
        return {**self.asked.attrs, **self.line.attrs, "window": self.window}


def question(
    fit: Fit,
    *,
    start: str | datetime.date | None,
    stop: str | datetime.date | None,
    window: str,
    plan: pd.DataFrame | None,
    draws: int | None,
    paths: int,
    seed: int,
    allow_unconverged: bool,
) -> Question:
    """Check the arguments that all questions about a window share."""
    asked = ask(fit, draws=draws, allow_unconverged=allow_unconverged)
    if window not in WINDOWS:
        raise SettingError(
            f"window={window!r} must be 'spend' (what the spend of the window does, then and later) or 'outcome' (what "
            f"all spend did to the outcome of the window); 'spend' is the default"
        )
    # Only mediators have residuals that future periods are averaged over.
    paths = check_paths(paths) if fit.system.mediators else min(check_paths(paths), 1)
    return Question(asked, timeline(fit, plan, start, stop), window, paths, check_seed(seed))


def spend_unit(fit: Fit, names: Sequence[str]) -> str:
    """Unit of the spend of some channels."""
    return MONEY if all(fit.data.is_money(name) for name in names) else "units of the column"


def per_money(fit: Fit) -> dict[str, object]:
    """Unit of a return on spend and, where the outcome is money, the return at which spend is earned back."""
    unit = fit.data.unit(fit.system.outcome)
    return {"unit": f"{unit} per {MONEY}", **({"threshold": 1.0} if unit == MONEY else {})}


def bought_channels(fit: Fit, channels: Sequence[str] | None) -> Sequence[str] | None:
    """Leave out what is not money, or refuse it where it was asked for by name: it has no return on spend.

    Raises
    ------
    SettingError
        For a column that is not money.
    AnswerError
        When there is no channel in money at all.
    """
    if channels is None:
        names = [name for name in fit.system.channels if fit.data.is_money(name)]
        if not names:
            raise AnswerError(
                "no channel of this system is money, so that there is no return on spend; ask effects(fit)"
            )
        return names
    for name in [] if isinstance(channels, str) else list(channels):
        if name in fit.data.mediators and not fit.data.is_money(name):
            raise SettingError(
                f"{name!r} is counted in {fit.data.mediators[name]}, not in money, and has no return on spend; leave it "
                f"out of channels, or ask effects(fit)"
            )
    return channels


def checked_channels(
    fit: Fit, channels: Sequence[str] | None, line: Timeline, *, where: str = "channels"
) -> tuple[str, ...]:
    """Return the channels asked for: by default every exogenous column that acts as media.

    Raises
    ------
    UnknownTermError
        For a name that acts as media in no equation.
    SettingError
        For a mediator in periods in which its spend is not known.
    """
    system, known = fit.system, fit.system.media
    if not system.channels:
        raise AnswerError(
            "the system has no channel to ask about; list columns under media in one of its equations"
        )
    if channels is None:
        return system.channels
    names = [] if isinstance(channels, str) or not isinstance(channels, Iterable) else list(channels)
    if not names:
        example = [channels if isinstance(channels, str) and channels else known[0]]
        raise SettingError(f"{where}={channels!r} must be a list of channels, as {where}={example}")
    for name in names:
        if name not in known:
            raise UnknownTermError(
                f"no equation has the channel {name!r}{did_you_mean(name, known)}. Channels are: {', '.join(known)}."
            )
        if name in system.mediators and line.window[line.fitted :].any():
            raise SettingError(
                f"{name!r} is a mediator: in the periods of a plan its spend is predicted, so that it has no ROI of its "
                f"own there; ask for a window in the fitted periods, or leave it out of {where}"
            )
    return tuple(dict.fromkeys(names))


def window_spend(asked: Question, name: str) -> np.ndarray:
    """Spend (G, W) of a channel in the periods of the window, in the unit of its column."""
    line, data = asked.line, asked.asked.fit.data
    known = data.columns[name]
    if line.planned:
        ahead = line.columns.get(name)
        known = known if ahead is None else np.concatenate([known, ahead], axis=-1)
    return known[:, line.window[: known.shape[-1]]]


def spend_of(asked: Question, name: str) -> float:
    """Spend of a channel in the window, in the unit of its column."""
    return float(window_spend(asked, name).sum())


# ------------------------------------------------------------------------------------------- running over draws
@dataclass(frozen=True)
class Stretch:
    """A baseline with the weights of its periods in the answer.

    Attributes
    ----------
    base : Baseline
    changed : (T,) bool array
        Periods in which spend is changed.
    weight : (S, 1, T) array
        1 where the outcome counts, 0 where it does not.
    window : (T,) bool array
        Periods of the window itself.
    """

    base: engine.Baseline
    changed: np.ndarray
    weight: np.ndarray
    window: np.ndarray

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum over counted periods, averaged over paths: (S,)."""
        rows = self.base.rows
        mean = engine.over_paths(values, rows.paths) if len(values) > len(rows.draws) else values
        return np.einsum("sgt,sgt->s", *np.broadcast_arrays(mean, self.weight))


def reached(stretches: list[Stretch]) -> list[Stretch]:
    """Return the stretches that spend changes or that count, the fitted periods from the first change on."""
    first, *later = [stretch for stretch in stretches if stretch.changed.any() or stretch.weight.any()]
    if first.base.future:
        return [first, *later]
    at = int(np.flatnonzero(first.changed)[0])
    masks = {"changed": first.changed[at:], "weight": first.weight[..., at:], "window": first.window[at:]}
    return [replace(first, base=engine.from_period(first.base, at), **masks), *later]


def inherited(stretches: list[Stretch], stretch: Stretch, columns: Mapping[str, np.ndarray]) -> dict:
    """Return what changed columns of a stretch pass on to the next one."""
    if stretch is stretches[-1]:
        return {}
    return engine.carried(stretch.base, columns)


def over_draws(
    asked: Question, work: Callable[[list[Stretch]], Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Run `work` over chunks of draws; it gets the fitted periods and, where they count, those after them.

    Parameters
    ----------
    work : callable
        From stretches, in order of time, to arrays with a leading axis of draws.

    Raises
    ------
    AnswerError
        When the tail of a draw is longer than `LONGEST_TAIL`.
    """
    layout = lay_out(asked)
    found = engine.map_draws(lambda draws: work(layout.stretches(draws)), layout.draws, layout.memory)
    return {name: values[layout.back] for name, values in found.items()}


@dataclass(frozen=True)
class Layout:
    """Draws in the order of their tails, so that short tails do not pay for long ones.

    Every draw counts its own tail exactly, whatever else is in its chunk.

    Attributes
    ----------
    draws : (S,) int array
        In that order.
    memory : (S,) array
        What each needs of working memory, in bytes.
    back : (S,) int array
        Positions that bring answers into the order of the draws asked for.
    stretches : callable
        From some of the draws to the fitted periods and, where they count, those after them.
    """

    draws: np.ndarray
    memory: np.ndarray
    back: np.ndarray
    stretches: Callable[[np.ndarray], list[Stretch]]


def lay_out(asked: Question, *, tail_weight: float | None = None) -> Layout:
    """Put the draws of a question in order; nothing is evaluated yet.

    Parameters
    ----------
    tail_weight : float, optional
        Share of adstock that may be left when an effect is no longer counted; `TAIL_WEIGHT` by default.

    Raises
    ------
    AnswerError
        When the tail of a draw is longer than `LONGEST_TAIL`.
    """
    fit, line, parameters = asked.asked.fit, asked.line, asked.asked.parameters
    first, last = np.flatnonzero(line.window)[[0, -1]]
    stop = np.full(len(asked.asked.draws), last + 1)
    if asked.window == "spend":
        stop += _tails(asked, TAIL_WEIGHT if tail_weight is None else tail_weight)
    order = np.argsort(stop, kind="stable")
    stop_of = dict(zip(asked.asked.draws.tolist(), stop.tolist(), strict=True))
    changed = asked.changed

    def stretches(draws: np.ndarray) -> list[Stretch]:
        stops = np.array([stop_of[draw] for draw in draws.tolist()])[:, None, None]
        base = engine.history(fit.system, fit.scales, fit.data, parameters, draws, seed=asked.seed)
        periods = np.arange(max(line.fitted, stops.max()))
        weight = ((periods >= first) & (periods < stops)).astype(float)
        touched, inside = _as_long(changed, len(periods)), _as_long(line.window, len(periods))
        cut = line.fitted
        found = [Stretch(base, touched[:cut], weight[..., :cut], inside[:cut])]
        if len(periods) > cut:
            dates, columns = after(fit, line, len(periods) - cut)
            past = engine.carried(base)
            ahead = engine.future(
                base, dates, columns, past=past, seed=asked.seed, paths=asked.paths, trend_until=line.dates[-1]
            )
            found.append(Stretch(ahead, touched[cut:], weight[..., cut:], inside[cut:]))
        return found

    beyond = np.maximum(stop[order] - line.fitted, 0)
    memory = 2.0 * row_bytes(fit.system, 1) * (line.fitted + asked.paths * beyond)
    return Layout(asked.asked.draws[order], memory, np.argsort(order, kind="stable"), stretches)


def _as_long(mask: np.ndarray, length: int) -> np.ndarray:
    """Cut a mask to a length, or fill it up with False."""
    return np.concatenate([mask[:length], np.zeros(max(length - len(mask), 0), bool)])


def _tails(asked: Question, weight: float) -> np.ndarray:
    """Length (S,) of the tail of every draw in periods."""
    fit, draws = asked.asked.fit, asked.asked.draws
    days = fit.data.days_per_period
    tails = engine.tail_periods(fit.system, asked.asked.parameters, days, weight)[draws]
    endless = tails * days > LONGEST_TAIL * 365.25
    if endless.any():
        longest = {
            (channel, e.name): asked.asked.parameters[e.name]["half_life"][draws, c].max()
            for e in fit.system.equations
            for c, channel in enumerate(e.media)
            if e.max_lag is None
        }
        channel, name = max(longest, key=longest.__getitem__)
        raise AnswerError(
            f"in {endless.sum()} of {len(draws)} draws the carryover lasts more than {LONGEST_TAIL:.0f} years: "
            f"{channel!r} in the equation of {name!r} has a half-life of up to {longest[channel, name]:.3g} days. Give "
            f"it a tighter prior on half_life, or ask for window='outcome', which counts no tail."
        )
    return tails.astype(int)
