"""What any plan brings, per posterior draw, and the derivative of that to every unit of spend.

Everything that no plan changes (history, carry-over into the window, linear parts, residuals) is evaluated once; a plan
then costs one pass forward through the equations, and its derivatives one pass back.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from bayesmmm import engine
from bayesmmm.data import MONEY
from bayesmmm.equations import MMM
from bayesmmm.estimands.windows import Stretch
from bayesmmm.optimize.prepared import Prepared, in_threads


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
class _Chunk:
    """Some draws: the periods that a plan can reach, without any spend of the decided channels in the window.

    Attributes
    ----------
    at : slice
        Where its draws stand, in the order of tails.
    stretches : list of Stretch
        All plans are compared with these.
    none : Brought
        What has to be taken off the sums of a plan.
    base : (S,) array
        Outcome of the window.
    """

    at: slice
    stretches: list[Stretch]
    none: Brought
    base: np.ndarray


class Outcomes:
    """The outcomes of plans of a window.

    Parameters
    ----------
    prepared : Prepared
    names : tuple of str
        Decided channels (C), exogenous or mediators.
    modes : mapping of str to {"respond", "fixed", "decide"}
        By mediator.
    """

    def __init__(self, prepared: Prepared, names: tuple[str, ...], modes: Mapping[str, str]) -> None:
        self.question, self.names, self.modes = prepared.question, names, modes
        fit = self.question.asked.fit
        #: Mediators that answer to decided channels, and those of them that are paid.
        self.answering = tuple(m for m in fit.system.mediators if _listens(fit.system, m, names, modes))
        self.paid = tuple(m for m in self.answering if fit.data.mediators[m] == MONEY)
        equation = fit.system.equation(fit.system.outcome)
        moving = {*names, *self.answering}
        # Where the outcome is the sum of its terms, those that a plan changes; None where it is not.
        self._media = self._linear = None
        if equation.likelihood in ("normal", "student_t"):
            self._media = [(equation.name, n) for n in equation.media if n in moving]
            self._linear = [n for n in equation.linear if n in moving]
        self._layout, self._raw = prepared.layout, prepared.chunks
        self._pool = ThreadPoolExecutor(engine.processors())
        self._chunks: list[_Chunk] = []
        self._compared: tuple[bytes, float] | None = None
        self._pulled: dict[tuple[bytes, ...], np.ndarray] = {}
        self._seen: dict[bytes, tuple[list[list[engine.Baseline]], Brought]] = {}

    # ------------------------------------------------------------------------------------------------ set-up
    def each[T](self, function: Callable[..., T], items: list) -> list[T]:
        """Apply a function to every item, in threads."""
        return in_threads(self._pool, function, items)

    def compare_with(self, current: np.ndarray, factor: float = 1.0) -> None:
        """Set the current plan (C, W): what plans do not decide stays as it is there.

        Parameters
        ----------
        factor : float
            Multiple of the plan of the question that it is. After a future window, where the mean of that plan is
            assumed to be spent, so much of it is assumed; this is the same whatever plan is looked at.
        """
        key = current.tobytes(), factor
        if key == self._compared:
            return

        def chunk(item: tuple[slice, list[Stretch]]) -> _Chunk:
            at, now = item
            if self._ahead and not self._settles:
                none = self._scaled(now, factor, none=True)
            else:
                if self._ahead and factor != 1.0:
                    news = self._scaled(now, factor, outcome=True)
                    now = [replace(old, base=new) for old, new in zip(now, news, strict=True)]
                news = self._forward(now, current, outcome=True, slopes=False)
                now = [replace(old, base=new) for old, new in zip(now, news, strict=True)]
                none = self._forward(now, np.zeros_like(current), slopes=False)
            new = [replace(old, base=base) for old, base in zip(now, none, strict=True)]
            inside = [replace(stretch, weight=_inside(stretch)) for stretch in now]
            level = sum(_level(stretch, self.outcome) for stretch in inside)
            bases = [stretch.base for stretch in now]
            level = level + self._sums(inside, none).lift - self._sums(inside, bases).lift
            return _Chunk(at, new, self._sums(new, none), level)

        self._chunks, self._seen, self._pulled, self._compared = self.each(chunk, self._raw), {}, {}, key

    @property
    def _ahead(self) -> bool:
        return self.question.line.planned > 0

    @property
    def _settles(self) -> bool:
        """Whether the current plan sets series beside the spend of channels: those of decided mediators."""
        return any(n in self.modes for n in self.names)

    def _scaled(
        self, stretches: list[Stretch], factor: float, *, none: bool = False, outcome: bool = False
    ) -> list[engine.Baseline]:
        """Evaluate a future window under a multiple of the plan of the question, or without its spend in the window."""
        (stretch,) = stretches
        changed = self._multiple(stretch, factor, none=none)
        return [engine.moved(stretch.base, changed, where=self._where(stretch), outcome=outcome)]

    def _multiple(self, stretch: Stretch, factor: float, *, none: bool = False) -> dict[str, np.ndarray]:
        changed = {n: factor * stretch.base.columns[n] for n in self.names if n not in self.modes}
        if none:
            for column in changed.values():
                column[..., stretch.changed] = 0.0
        return changed

    def cost_of_multiple(self, current: np.ndarray, factor: float) -> float:
        """Money that a multiple of the current plan (C, W) takes, compared with itself."""
        if not (self._ahead and self._listening) or self._settles:
            self.compare_with(factor * current, factor)
            return self.cost(factor * current)

        def chunk(item: tuple[slice, list[Stretch]]) -> float:
            (stretch,) = item[1]
            plan, none = (
                self._answers(stretch, self._multiple(stretch, factor, none=off)) for off in (False, True)
            )
            return float((plan - none).sum())

        return factor * float(current.sum()) + sum(self.each(chunk, self._raw)) / self.size

    @property
    def _listening(self) -> bool:
        """Whether all mediators answer in all periods."""
        return all(mode == "respond" for mode in self.modes.values())

    def _answers(self, stretch: Stretch, changed: Mapping[str, np.ndarray]) -> np.ndarray:
        """Sums (S, M) of what paid mediators spend, where all mediators listen: nothing else is worked out."""
        base = stretch.base
        found = {**base.columns, **engine.respond(base, changed)}
        return np.stack([_summed(found[name], stretch.weight, base.rows.paths) for name in self.paid], axis=1)

    # ---------------------------------------------------------------------------------------------- evaluation
    @property
    def outcome(self) -> str:
        """Name of the outcome."""
        return self.question.asked.fit.system.outcome

    @property
    def size(self) -> int:
        """Number of draws."""
        return len(self._layout.draws)

    def base(self) -> np.ndarray:
        """Outcome (S,) of the window without any spend of the decided channels."""
        return np.concatenate([chunk.base for chunk in self._chunks])[self._layout.back]

    def under(self, spend: np.ndarray) -> list[list[Stretch]]:
        """Return the stretches of all draws, chunk by chunk, under a plan."""

        def each(chunk: _Chunk) -> list[Stretch]:
            news = self._forward(chunk.stretches, spend, slopes=False)
            return [replace(old, base=new) for old, new in zip(chunk.stretches, news, strict=True)]

        return self.each(each, self._chunks)

    def in_order(self, parts: list[np.ndarray]) -> np.ndarray:
        """Join arrays of the chunks in the order of the draws asked for."""
        return np.concatenate(parts)[self._layout.back]

    def at(self, spend: np.ndarray) -> Brought:
        """What a plan (C, W) brings."""
        return self._evaluated(spend)[1]

    def _evaluated(self, spend: np.ndarray) -> tuple[list[list[engine.Baseline]], Brought]:
        key = spend.tobytes()
        if key not in self._seen:
            done = self.each(lambda chunk: self._one(chunk, spend), self._chunks)
            brought = Brought(
                self.in_order([found.lift for _, found in done]),
                self.in_order([found.induced for _, found in done]),
            )
            # The last two: derivatives follow values, and a plan is looked at beside the current one.
            self._seen = dict([*self._seen.items()][-1:]) | {key: ([new for new, _ in done], brought)}
        return self._seen[key]

    def pull(self, spend: np.ndarray, lift: np.ndarray | None, induced: np.ndarray | None) -> np.ndarray:
        """Derivative (C, W) of ``sum_s lift_s * Lift_s + sum_sm induced_sm * Induced_sm`` to the plan.

        Parameters
        ----------
        lift : (S,) array, optional
        induced : (S, M) array, optional
        """
        key = tuple(b"" if a is None else a.tobytes() for a in (spend, lift, induced))
        if key not in self._pulled:
            # Solvers ask for derivatives at a plan several times.
            self._pulled = dict([*self._pulled.items()][-3:]) | {key: self._pull(spend, lift, induced)}
            self._pulled[key].setflags(write=False)
        return self._pulled[key]

    def _pull(self, spend: np.ndarray, lift: np.ndarray | None, induced: np.ndarray | None) -> np.ndarray:
        # The order of the chunks is that of tails.
        lift, induced = (None if w is None else _reordered(w, self._layout.back) for w in (lift, induced))

        def back(chunk: _Chunk, news: list[engine.Baseline]) -> np.ndarray:
            parts = (None if w is None else w[chunk.at] for w in (lift, induced))
            return self._backward(chunk, news, *parts).sum(axis=0)

        return sum(self._each_under(spend, back))

    def without(self, spend: np.ndarray) -> np.ndarray:
        """Outcome (S, C) that is lost as one channel of a plan after the other spends nothing in the window."""

        def each(chunk: _Chunk, news: list[engine.Baseline]) -> np.ndarray:
            stretches = [replace(old, base=new) for old, new in zip(chunk.stretches, news, strict=True)]
            return np.stack([self._lost(stretches, spend, c) for c in at], axis=1)

        at = range(len(self.names))
        return self.in_order(self._each_under(spend, each))

    def along(self, spend: np.ndarray, pattern: np.ndarray) -> np.ndarray:
        """Derivative (S, C) of every draw's lift to a unit of money of each channel, spent in a pattern (C, W)."""

        def back(chunk: _Chunk, news: list[engine.Baseline]) -> np.ndarray:
            slopes = self._backward(chunk, news, np.ones(chunk.at.stop - chunk.at.start), None)
            return np.einsum("scw,cw->sc", slopes, pattern)

        return self.in_order(self._each_under(spend, back))

    def _each_under[T](self, spend: np.ndarray, function: Callable[..., T]) -> list[T]:
        items = list(zip(self._chunks, self._evaluated(spend)[0], strict=True))
        return self.each(lambda item: function(*item), items)

    def chunks(self) -> list[tuple[slice, list[Stretch]]]:
        """All draws under no spend of the decided channels in the window, as they are evaluated."""
        return [(chunk.at, chunk.stretches) for chunk in self._chunks]

    def cost(self, spend: np.ndarray) -> float:
        """Money that a plan takes: its own, and what paid mediators are induced to spend in posterior mean."""
        if not self.paid:
            return float(spend.sum())
        if spend.tobytes() in self._seen or not self._listening or len(self._chunks[0].stretches) > 1:
            return float(spend.sum() + self.at(spend).induced.sum(axis=1).mean())

        def each(chunk: _Chunk) -> float:
            (stretch,) = chunk.stretches
            return float((self._answers(stretch, self._changed(stretch, spend)) - chunk.none.induced).sum())

        return float(spend.sum() + sum(self.each(each, self._chunks)) / self.size)

    # ------------------------------------------------------------------------------------------------ one chunk
    def _where(self, stretch: Stretch) -> dict[str, np.ndarray]:
        """Periods in which mediators do not listen."""
        every = np.ones(len(stretch.changed), bool)
        masks = {"fixed": every, "decide": stretch.changed}
        return {m: masks[mode] for m, mode in self.modes.items() if mode in masks}

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
            changed = self._changed(stretch, spend[:, done : done + count], off)
            out.append(
                engine.moved(
                    stretch.base, changed, past, where=self._where(stretch), outcome=outcome, slopes=slopes
                )
            )
            done += count
            past = engine.carried(out[-1]) if stretch is not stretches[-1] else None
        return out

    def _changed(self, stretch: Stretch, spend: np.ndarray, off: int | None = None) -> dict[str, np.ndarray]:
        """Columns of a stretch under a plan of its periods, or with one channel of it switched off there."""
        changed = {}
        for c, (name, values) in enumerate(zip(self.names, spend, strict=True)):
            if off is not None and c != off:
                continue
            columns = stretch.base.columns
            column = columns[name].copy() if name not in self.modes else columns[name][:1] * 0.0
            column[..., stretch.changed] = values if off is None else 0.0
            changed[name] = column
        return changed

    def _one(self, chunk: _Chunk, spend: np.ndarray) -> tuple[list[engine.Baseline], Brought]:
        new = self._forward(chunk.stretches, spend)
        found = self._sums(chunk.stretches, new)
        return new, Brought(found.lift - chunk.none.lift, found.induced - chunk.none.induced)

    def _lost(self, stretches: list[Stretch], spend: np.ndarray, c: int) -> np.ndarray:
        """Outcome (S,) that goes with the spend of a channel in the window, of stretches under a plan."""
        lost = np.zeros(len(stretches[0].base.rows.draws))
        for stretch, off in zip(stretches, self._forward(stretches, spend, c, slopes=False), strict=True):
            base, rows = stretch.base, stretch.base.rows
            if self._media is None:
                lost -= stretch.total(engine.gained(base, off))
                continue
            parts = [
                _summed(base.term[key], stretch.weight, rows.paths)
                - _summed(off.term[key], stretch.weight, rows.paths)
                for key in self._media
                if off.term[key] is not base.term[key]
            ]
            parts += [
                base.slope(self.outcome, n)[:, 0, 0]
                * _summed(base.columns[n] - off.columns[n], stretch.weight, rows.paths)
                for n in self._linear
            ]
            lost += rows.scales.size[self.outcome][0] * sum(parts)
        return lost

    def _sums(self, stretches: list[Stretch], news: list[engine.Baseline]) -> Brought:
        """Sums of the outcome and of paid mediators over what is counted, up to what no plan changes.

        Where the outcome is no sum of its terms, its change from the baseline of the stretches.
        """
        lift = np.zeros(len(stretches[0].base.rows.draws))
        induced = np.zeros((len(lift), len(self.paid)))
        for stretch, new in zip(stretches, news, strict=True):
            rows, weight = new.rows, stretch.weight
            if self._media is None:
                lift += stretch.total(engine.gained(stretch.base, new))
            else:
                parts = [_summed(new.term[key], weight, rows.paths) for key in self._media]
                for n in self._linear:
                    parts.append(new.slope(self.outcome, n)[:, 0, 0] * _summed(new.columns[n], weight, rows.paths))
                lift += rows.scales.size[self.outcome][0] * sum(parts)
            for j, name in enumerate(self.paid):
                counted = np.where(self._where(stretch).get(name, False), 0.0, weight)
                induced[:, j] += _summed(new.columns[name], counted, rows.paths)
        return Brought(lift, induced)

    def _backward(
        self, chunk: _Chunk, new: list[engine.Baseline], lift: np.ndarray | None, induced: np.ndarray | None
    ) -> np.ndarray:
        """Derivative (s, C, W) of each draw's weighted lift and induced spend to the plan."""
        found, later = [], {}
        for stretch, base in zip(reversed(chunk.stretches), reversed(new), strict=True):
            where, weights = self._where(stretch), {}
            if lift is not None:
                weights[self.outcome] = lift[:, None, None] * stretch.weight
            for j, name in enumerate(self.paid if induced is not None else ()):
                counted = np.where(where.get(name, False), 0.0, stretch.weight)
                weights[name] = induced[:, j, None, None] * counted
            slopes, early = engine.gradient(base, weights, later, cut=where)
            empty = np.zeros((1, 1, len(stretch.changed)))
            # Axes draw, channel, period.
            parts = [base.rows.narrow(slopes.get(name, empty)).sum(axis=1) for name in self.names]
            found.insert(0, np.stack(np.broadcast_arrays(*parts), axis=1)[..., stretch.changed])
            later = {key: base.rows.narrow(value) for key, value in early.items()}
        return np.concatenate(found, axis=2)


# ------------------------------------------------------------------------------------------------- small parts
def _summed(values: np.ndarray, weight: np.ndarray, paths: int) -> np.ndarray:
    """Weighted sums (S,) over periods of values (1, S or R, 1, T), averaged over the paths of each draw."""
    weight, values = weight[:, 0], values[:, 0]
    if len(values) <= len(weight):
        return np.einsum("st,st->s", *np.broadcast_arrays(values, weight))
    return np.einsum("spt,st->s", values.reshape(len(weight), paths, -1), weight) / paths


def _reordered(values: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Bring values into the order of tails: the inverse of taking ``[back]``."""
    out = np.empty_like(values)
    out[back] = values
    return out


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
