"""What plans bring in some draws, by the engine: any system, any window."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bayesmmm import engine
from bayesmmm.data import MONEY
from bayesmmm.equations import MMM
from bayesmmm.estimands.windows import Question, Stretch


@dataclass(frozen=True)
class Brought:
    """What a plan brings.

    Attributes
    ----------
    lift : (S,) array
        Outcome of the plan less that without any spend of the decided channels, carry-over after the window included.
    induced : (S, M) array
        By paid mediator: its spend less that without any spend of the decided channels.
    """

    lift: np.ndarray
    induced: np.ndarray


@dataclass(frozen=True)
class Setting:
    """What is the same for all draws and plans.

    Attributes
    ----------
    question : Question
    names : tuple of str
        Decided channels (C), exogenous or mediators.
    modes : mapping of str to {"respond", "fixed", "decide"}
        By mediator.
    """

    question: Question
    names: tuple[str, ...]
    modes: Mapping[str, str]

    @property
    def system(self) -> MMM:
        """The system of the fit."""
        return self.question.asked.fit.system

    @property
    def outcome(self) -> str:
        """Name of the outcome."""
        return self.system.outcome

    @cached_property
    def answering(self) -> tuple[str, ...]:
        """Mediators that answer to decided channels."""
        return tuple(m for m in self.system.mediators if _listens(self.system, m, self.names, self.modes))

    @cached_property
    def paid(self) -> tuple[str, ...]:
        """Those of them that are paid."""
        return tuple(m for m in self.answering if self.question.asked.fit.data.mediators[m] == MONEY)

    @property
    def adds(self) -> bool:
        """Whether the outcome is the sum of its terms."""
        return self.system.equation(self.outcome).likelihood in ("normal", "student_t")

    @cached_property
    def media(self) -> list[tuple[str, str]]:
        """Media terms of the outcome that a plan changes."""
        return [(self.outcome, n) for n in self.system.equation(self.outcome).media if n in self._moving]

    @cached_property
    def linear(self) -> list[str]:
        """Linear terms of the outcome that a plan changes."""
        return [n for n in self.system.equation(self.outcome).linear if n in self._moving]

    @property
    def _moving(self) -> set[str]:
        return {*self.names, *self.answering}

    @property
    def ahead(self) -> bool:
        """Whether the window is a future one."""
        return self.question.line.planned > 0

    @property
    def listening(self) -> bool:
        """Whether all mediators answer in all periods."""
        return all(mode == "respond" for mode in self.modes.values())

    @property
    def quick(self) -> bool:
        """Whether induced spend can be worked out by itself: in a future window in which no mediator is set."""
        return self.ahead and self.listening

    def where(self, stretch: Stretch) -> dict[str, np.ndarray]:
        """Periods in which mediators do not listen."""
        every = np.ones(len(stretch.changed), bool)
        masks = {"fixed": every, "decide": stretch.changed}
        return {m: masks[mode] for m, mode in self.modes.items() if mode in masks}


class EngineChunk:
    """Some draws of the periods that a plan can reach.

    Parameters
    ----------
    setting : Setting
    at : slice
        Where the draws stand, in the order of tails.
    stretches : list of Stretch
        Under the plan of the question.

    Attributes
    ----------
    base : (S,) array
        Outcome of the window without any spend of the decided channels; known once a current plan is set.
    """

    def __init__(self, setting: Setting, at: slice, stretches: list[Stretch]) -> None:
        self.at, self._raw, self._set = at, stretches, setting

    def compare_with(self, current: np.ndarray, factor: float) -> None:
        """Set the current plan (C, W), so many times that of the question: what plans do not decide stays so."""
        now = self._raw
        # The current plan is gone through where it sets series beside the spend of channels: decided mediators.
        settles = any(n in self._set.modes for n in self._set.names)
        if self._set.ahead and not settles:
            none = self._multiple(factor, none=True)
        else:
            if self._set.ahead and factor != 1.0:
                now = _with(now, self._multiple(factor, outcome=True))
            now = _with(now, self._forward(now, current, outcome=True, slopes=False))
            none = self._forward(now, np.zeros_like(current), slopes=False)
        # All plans are compared with these: none of the decided channels spends anything in the window.
        self._none = _with(now, none)
        self._zero = self._sums(self._none, none)
        inside = [replace(stretch, weight=_inside(stretch)) for stretch in now]
        level = sum(_level(stretch, self._set.outcome) for stretch in inside)
        bases = [stretch.base for stretch in now]
        self.base = level + self._sums(inside, none).lift - self._sums(inside, bases).lift

    def _multiple(self, factor: float, *, none: bool = False, outcome: bool = False) -> list[engine.Baseline]:
        """Evaluate a future window under a multiple of the plan of the question, or without its spend in the window."""
        (stretch,) = self._raw
        changed = self._multiplied(factor, none=none)
        return [engine.moved(stretch.base, changed, where=self._set.where(stretch), outcome=outcome)]

    def _multiplied(self, factor: float, *, none: bool) -> dict[str, np.ndarray]:
        (stretch,) = self._raw
        changed = {n: factor * stretch.base.columns[n] for n in self._set.names if n not in self._set.modes}
        if none:
            for column in changed.values():
                column[..., stretch.changed] = 0.0
        return changed

    def induced_by_multiple(self, current: np.ndarray, factor: float) -> np.ndarray:
        """Induced spend (S, M) of a multiple of the current plan, which is also what it is compared with.

        Another comparison has to be set afterwards.
        """
        if self._set.quick:
            plan, none = (self._answers(self._raw[0], self._multiplied(factor, none=off)) for off in (False, True))
            return plan - none
        self.compare_with(factor * current, factor)
        return self.evaluate(factor * current)[1].induced

    # ------------------------------------------------------------------------------------------------ evaluation
    def evaluate(self, spend: np.ndarray, room: object = None) -> tuple[list[engine.Baseline], Brought]:
        """Evaluate a plan (C, W); the first result is what derivatives need. There is no `room` to take over here."""
        new = self._forward(self._none, spend)
        found = self._sums(self._none, new)
        return new, Brought(found.lift - self._zero.lift, found.induced - self._zero.induced)

    def induced(self, spend: np.ndarray) -> np.ndarray:
        """Induced spend (S, M) of a plan (C, W) where that can be worked out by itself."""
        (stretch,) = self._none
        return self._answers(stretch, self._changed(stretch, spend)) - self._zero.induced

    def _answers(self, stretch: Stretch, changed: Mapping[str, np.ndarray]) -> np.ndarray:
        """Sums (S, M) of what paid mediators spend, where all mediators listen: nothing else is worked out."""
        base = stretch.base
        found = {**base.columns, **engine.respond(base, changed)}
        return np.stack([_summed(found[name], stretch.weight, base.rows.paths) for name in self._set.paid], axis=1)

    def idle(self) -> list[Stretch]:
        """Return the stretches without any spend of the decided channels in the window."""
        return self._none

    def without(self, new: list[engine.Baseline], spend: np.ndarray) -> np.ndarray:
        """Outcome (S, C) that is lost as one channel of a plan after the other spends nothing in the window."""
        stretches = _with(self._none, new)
        return np.stack([self._lost(stretches, spend, c) for c in range(len(self._set.names))], axis=1)

    def pull(self, new: list[engine.Baseline], lift: np.ndarray | None, induced: np.ndarray | None) -> np.ndarray:
        """Derivative (C, W) of lift and induced spend, weighted draw by draw, to the plan."""
        return self._backward(new, lift, induced).sum(axis=0)

    def along(self, new: list[engine.Baseline], pattern: np.ndarray) -> np.ndarray:
        """Derivative (S, C) of every draw's lift to a unit of money of each channel, spent in a pattern (C, W)."""
        slopes = self._backward(new, np.ones(len(self._zero.lift)), None)
        return np.einsum("scw,cw->sc", slopes, pattern)

    def _forward(
        self,
        stretches: list[Stretch],
        spend: np.ndarray,
        off: int | None = None,
        *,
        outcome: bool = False,
        slopes: bool = True,
    ) -> list[engine.Baseline]:
        """Evaluate the equations under a plan, or without one of its channels where they are evaluated under it.

        The latent mean of the outcome is wanted of an evaluation that others are compared with, slopes of one whose
        derivatives will be asked for.
        """
        out: list[engine.Baseline] = []
        past, done = None, 0
        for stretch in stretches:
            count = int(stretch.changed.sum())
            changed, where = self._changed(stretch, spend[:, done : done + count], off), self._set.where(stretch)
            out.append(engine.moved(stretch.base, changed, past, where=where, outcome=outcome, slopes=slopes))
            done += count
            past = engine.carried(out[-1]) if stretch is not stretches[-1] else None
        return out

    def _changed(self, stretch: Stretch, spend: np.ndarray, off: int | None = None) -> dict[str, np.ndarray]:
        """Columns of a stretch under a plan of its periods, or with one channel of it switched off there."""
        changed = {}
        for c, (name, values) in enumerate(zip(self._set.names, spend, strict=True)):
            if off is not None and c != off:
                continue
            columns = stretch.base.columns
            column = columns[name].copy() if name not in self._set.modes else columns[name][:1] * 0.0
            column[..., stretch.changed] = values if off is None else 0.0
            changed[name] = column
        return changed

    def _lost(self, stretches: list[Stretch], spend: np.ndarray, c: int) -> np.ndarray:
        """Outcome (S,) that goes with the spend of a channel in the window, of stretches under a plan."""
        setting, lost = self._set, np.zeros(len(stretches[0].base.rows.draws))
        for stretch, off in zip(stretches, self._forward(stretches, spend, c, slopes=False), strict=True):
            base, rows = stretch.base, stretch.base.rows
            if not setting.adds:
                lost -= stretch.total(engine.gained(base, off))
                continue
            parts = [
                _summed(base.term[key], stretch.weight, rows.paths)
                - _summed(off.term[key], stretch.weight, rows.paths)
                for key in setting.media
                if off.term[key] is not base.term[key]
            ]
            parts += [
                base.slope(setting.outcome, n)[:, 0, 0]
                * _summed(base.columns[n] - off.columns[n], stretch.weight, rows.paths)
                for n in setting.linear
            ]
            lost += rows.scales.size[setting.outcome][0] * sum(parts)
        return lost

    def _sums(self, stretches: list[Stretch], news: list[engine.Baseline]) -> Brought:
        """Sums of the outcome and of paid mediators over what is counted, up to what no plan changes.

        Where the outcome is no sum of its terms, its change from the baseline of the stretches.
        """
        setting, lift = self._set, np.zeros(len(stretches[0].base.rows.draws))
        induced = np.zeros((len(lift), len(setting.paid)))
        for stretch, new in zip(stretches, news, strict=True):
            rows, weight = new.rows, stretch.weight
            if not setting.adds:
                lift += stretch.total(engine.gained(stretch.base, new))
            else:
                parts = [_summed(new.term[key], weight, rows.paths) for key in setting.media]
                for n in setting.linear:
                    slope = new.slope(setting.outcome, n)[:, 0, 0]
                    parts.append(slope * _summed(new.columns[n], weight, rows.paths))
                lift += rows.scales.size[setting.outcome][0] * sum(parts)
            for j, name in enumerate(setting.paid):
                counted = np.where(setting.where(stretch).get(name, False), 0.0, weight)
                induced[:, j] += _summed(new.columns[name], counted, rows.paths)
        return Brought(lift, induced)

    def _backward(
        self, news: list[engine.Baseline], lift: np.ndarray | None, induced: np.ndarray | None
    ) -> np.ndarray:
        """Derivative (S, C, W) of each draw's weighted lift and induced spend to the plan."""
        setting, found, later = self._set, [], {}
        for stretch, base in zip(reversed(self._none), reversed(news), strict=True):
            where, weights = setting.where(stretch), {}
            if lift is not None:
                weights[setting.outcome] = lift[:, None, None] * stretch.weight
            for j, name in enumerate(setting.paid if induced is not None else ()):
                counted = np.where(where.get(name, False), 0.0, stretch.weight)
                weights[name] = induced[:, j, None, None] * counted
            slopes, early = engine.gradient(base, weights, later, cut=where)
            empty = np.zeros((1, 1, len(stretch.changed)))
            # Axes draw, channel, period.
            parts = [base.rows.narrow(slopes.get(name, empty)).sum(axis=1) for name in setting.names]
            found.insert(0, np.stack(np.broadcast_arrays(*parts), axis=1)[..., stretch.changed])
            later = {key: base.rows.narrow(value) for key, value in early.items()}
        return np.concatenate(found, axis=2)


# ------------------------------------------------------------------------------------------------- small parts
def _with(stretches: list[Stretch], news: list[engine.Baseline]) -> list[Stretch]:
    """Return stretches evaluated anew."""
    return [replace(old, base=new) for old, new in zip(stretches, news, strict=True)]


def _summed(values: np.ndarray, weight: np.ndarray, paths: int) -> np.ndarray:
    """Weighted sums (S,) over periods of values (1, S or R, 1, T), averaged over the paths of each draw."""
    weight, values = weight[:, 0], values[:, 0]
    if len(values) <= len(weight):
        return np.einsum("st,st->s", *np.broadcast_arrays(values, weight))
    return np.einsum("spt,st->s", values.reshape(len(weight), paths, -1), weight) / paths


def _inside(stretch: Stretch) -> np.ndarray:
    return np.broadcast_to(stretch.window.astype(float), stretch.weight.shape)


def _level(stretch: Stretch, outcome: str) -> np.ndarray:
    return stretch.total(engine.value(stretch.base, outcome, stretch.base.latent[outcome]))


def _listens(system: MMM, mediator: str, names: tuple[str, ...], modes: Mapping[str, str]) -> bool:
    """Whether a mediator answers to a decided channel, after the window at least."""
    moving = {n for n in names if n not in modes}
    for name in system.mediators:
        equation = system.equation(name)
        listens = bool(moving.intersection((*equation.media, *equation.linear))) and modes[name] != "fixed"
        if name == mediator:
            return listens
        if listens or modes[name] == "decide":
            moving.add(name)
    return False
