"""What any plan brings, per posterior draw, and the derivative of that to every unit of spend.

Everything that no plan changes (history, carry-over into the window, linear parts, residuals) is evaluated once; a plan
then costs one pass forward through the equations, and its derivatives one pass back.
"""

import itertools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from bayesmmm import engine
from bayesmmm.data import MONEY
from bayesmmm.equations import MMM
from bayesmmm.errors import AnswerSizeError
from bayesmmm.estimands.windows import Layout, Question, Stretch, lay_out
from bayesmmm.forecast import row_bytes
from bayesmmm.results import Fit

#: Most memory that the evaluations of a set of draws may take, in bytes.
LARGEST = 2e9
#: What a chunk costs beside its work, and the most work it should hold so that it stays in a processor's cache and
#: others have work, too; in periods of all its rows (draws times residual paths).
CHUNK_COST, CHUNK_LIMIT = 12_000, 90_000


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
    """Some draws: the periods that a plan can reach under the current plan, and what no spend at all would bring.

    Attributes
    ----------
    at : slice
        Where its draws stand, in the order of tails.
    stretches : list of Stretch
    zero : Brought
        Relative to the current plan.
    base : (S,) array
        Outcome of the window without any spend of the decided channels.
    """

    at: slice
    stretches: list[Stretch]
    zero: Brought
    base: np.ndarray


class Outcomes:
    """The outcomes of plans of a window.

    Parameters
    ----------
    question : Question
        With the current plan; `window` is "spend".
    names : tuple of str
        Decided channels (C), exogenous or mediators.
    modes : mapping of str to {"respond", "fixed", "decide"}
        By mediator.
    tail_weight : float, optional
        As in `lay_out`.
    """

    def __init__(
        self,
        question: Question,
        names: tuple[str, ...],
        modes: Mapping[str, str],
        *,
        tail_weight: float | None = None,
    ) -> None:
        self.question, self.names, self.modes = question, names, modes
        fit = question.asked.fit
        #: Mediators that answer to decided channels, and those of them that are paid.
        self.answering = tuple(m for m in fit.system.mediators if _listens(fit.system, m, names, modes))
        self.paid = tuple(m for m in self.answering if fit.data.mediators[m] == MONEY)
        self._layout = lay_out(question, tail_weight=tail_weight)
        _check_size(self._layout, fit, question)
        self._pool = ThreadPoolExecutor(engine.processors())
        self._raw = self._each(self._prepared, _split(_periods(self._layout, fit, question)))
        self._chunks: list[_Chunk] = []
        self._compared: tuple[bytes, float] | None = None
        self._pulled: dict[tuple[bytes, ...], np.ndarray] = {}
        self._seen: dict[bytes, tuple[list[list[engine.Baseline]], Brought]] = {}

    # ------------------------------------------------------------------------------------------------ set-up
    def _each[T](self, function: Callable[..., T], items: list) -> list[T]:
        # A thread costs more than a small problem takes.
        return list(self._pool.map(function, items)) if len(items) > 1 else [function(item) for item in items]

    def _prepared(self, at: slice) -> tuple[slice, list[Stretch]]:
        stretches = self._layout.stretches(self._layout.draws[at])
        # Fitted periods before a future window only hand over their adstock, which has been done.
        return at, [stretch for stretch in stretches if stretch.changed.any() or stretch.weight.any()]

    def compare_with(self, current: np.ndarray, factor: float = 1.0) -> None:
        """Set the current plan (C, W), with which all others are compared.

        Parameters
        ----------
        factor : float
            Multiple of the plan of the question that it is. After a future window, where the mean of that plan is
            assumed to be spent, so much of it is assumed; this is the same whatever plan is looked at.
        """
        key = current.tobytes(), factor
        if key == self._compared:
            return
        ahead = self.question.line.planned > 0

        def chunk(item: tuple[slice, list[Stretch]]) -> _Chunk:
            at, stretches = item
            if ahead and factor != 1.0:
                (stretch,) = stretches
                wide = {n: factor * stretch.base.columns[n] for n in self.names if n not in self.modes}
                new = engine.moved(stretch.base, wide, where=self._where(stretch))
                stretches = [replace(stretch, base=new)]
            if not ahead or any(n in self.modes for n in self.names):
                stretches = self._moved(stretches, current)
            bases = [stretch.base for stretch in stretches]
            none = self._forward(stretches, np.zeros_like(current), slopes=False)
            inside = [replace(stretch, weight=_inside(stretch)) for stretch in stretches]
            base = sum(_level(stretch, self.outcome) for stretch in inside)
            zero = self._brought(stretches, bases, none)
            return _Chunk(at, stretches, zero, base + self._brought(inside, bases, none).lift)

        self._chunks, self._seen, self._pulled, self._compared = self._each(chunk, self._raw), {}, {}, key

    @property
    def cost_now(self) -> float:
        """Money that the current plan takes."""
        assert self._compared is not None
        own = float(np.frombuffer(self._compared[0]).sum())
        return own - sum(chunk.zero.induced.sum() for chunk in self._chunks) / self.size

    def _moved(self, stretches: list[Stretch], spend: np.ndarray) -> list[Stretch]:
        news = self._forward(stretches, spend, outcome=True, slopes=False)
        return [replace(stretch, base=new) for stretch, new in zip(stretches, news, strict=True)]

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
        return self._each(lambda chunk: self._moved(chunk.stretches, spend), self._chunks)

    def in_order(self, parts: list[np.ndarray]) -> np.ndarray:
        """Join arrays of the chunks in the order of the draws asked for."""
        return np.concatenate(parts)[self._layout.back]

    def at(self, spend: np.ndarray) -> Brought:
        """What a plan (C, W) brings."""
        return self._evaluated(spend)[1]

    def _evaluated(self, spend: np.ndarray) -> tuple[list[list[engine.Baseline]], Brought]:
        key = spend.tobytes()
        if key not in self._seen:
            done = self._each(lambda chunk: self._one(chunk, spend), self._chunks)
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
            lost = [
                -self._brought(stretches, news, self._forward(stretches, spend, c, slopes=False)).lift for c in at
            ]
            return np.stack(lost, axis=1)

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
        return self._each(lambda item: function(*item), items)

    def parts(self, spend: np.ndarray) -> np.ndarray:
        """Mean outcome (C,) that each channel brings over the current plan, where effects add up."""
        size = self.question.asked.fit.scales.size[self.outcome][:, None]

        def sums(chunk: _Chunk) -> np.ndarray:
            out = np.zeros(len(self.names))
            # Neither derivatives nor induced spend are wanted, and a plan is looked at once.
            news = self._forward(chunk.stretches, spend, slopes=False)
            for stretch, new in zip(chunk.stretches, news, strict=True):
                counted = stretch.weight[:, 0]
                for c, name in enumerate(self.names):
                    key = (self.outcome, name)
                    if key in new.term:
                        gained = stretch.base.rows.narrow(new.term[key] - stretch.base.term[key])[:, 0]
                        out[c] += (gained * counted).sum()
            return size[0, 0] * out

        return sum(self._each(sums, self._chunks)) / self.size

    def cost(self, spend: np.ndarray) -> float:
        """Money that a plan takes: its own, and what paid mediators are induced to spend in posterior mean."""
        return float(spend.sum() + (self.at(spend).induced.sum(axis=1).mean() if self.paid else 0.0))

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
            base, count = stretch.base, int(stretch.changed.sum())
            changed = {}
            for c, (name, values) in enumerate(zip(self.names, spend, strict=True)):
                if off is not None and c != off:
                    continue
                column = base.columns[name].copy() if name not in self.modes else base.columns[name][:1] * 0.0
                column[..., stretch.changed] = values[done : done + count] if off is None else 0.0
                changed[name] = column
            out.append(
                engine.moved(base, changed, past, where=self._where(stretch), outcome=outcome, slopes=slopes)
            )
            done += count
            past = engine.carried(out[-1]) if stretch is not stretches[-1] else None
        return out

    def _one(self, chunk: _Chunk, spend: np.ndarray) -> tuple[list[engine.Baseline], Brought]:
        new = self._forward(chunk.stretches, spend)
        found = self._brought(chunk.stretches, [stretch.base for stretch in chunk.stretches], new)
        return new, Brought(found.lift - chunk.zero.lift, found.induced - chunk.zero.induced)

    def _brought(
        self, stretches: list[Stretch], bases: list[engine.Baseline], news: list[engine.Baseline]
    ) -> Brought:
        """Lift and induced spend of new baselines over old ones."""
        lift = np.zeros(len(bases[0].rows.draws))
        induced = np.zeros((len(lift), len(self.paid)))
        for stretch, base, new in zip(stretches, bases, news, strict=True):
            lift += stretch.total(engine.gained(base, new))
            for j, name in enumerate(self.paid):
                step = new.columns[name] - base.columns[name]
                induced[:, j] += stretch.total(np.where(self._where(stretch).get(name, False), 0.0, step))
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
def _periods(layout: Layout, fit: Fit, question: Question) -> np.ndarray:
    """Periods (S,) of all rows of each draw that an evaluation goes through."""
    periods = 0.5 * layout.memory / row_bytes(fit.system, 1)
    # Fitted periods before a future window are let go.
    return periods - question.line.fitted if question.line.planned else periods


def _check_size(layout: Layout, fit: Fit, question: Question) -> None:
    """Refuse draws whose evaluations would not fit into memory: those of the current plan and the two looked at last."""
    size = 2.0 * row_bytes(fit.system, 1) * _periods(layout, fit, question).sum()
    if size > LARGEST:
        few = max(int(0.8 * len(layout.draws) * LARGEST / size), 1)
        raise AnswerSizeError(
            f"{len(layout.draws)} draws of the plan would take {size / 1e9:.1f} GB, more than the {LARGEST / 1e9:.1f} "
            f"GB that they may take; pass draws={few} or fewer, or plan fewer periods"
        )


def _split(periods: np.ndarray) -> list[slice]:
    """Divide draws (S,), in the order of their periods, into chunks that take least time altogether.

    Every draw of a chunk takes as many periods as the longest, and every chunk some time of its own. Little work is not
    worth a second thread.
    """
    count = len(periods)
    edges = np.unique(np.linspace(0, count, 49).round().astype(int))
    longest = periods[edges[1:] - 1]
    best, before = np.full(len(edges), np.inf), np.zeros(len(edges), int)
    best[0] = 0.0
    for j in range(1, len(edges)):
        work = (edges[j] - edges[:j]) * longest[j - 1]
        cost = best[:j] + work + CHUNK_COST + np.where(work > CHUNK_LIMIT, work, 0.0)
        before[j] = int(np.argmin(cost))
        best[j] = cost[before[j]]
    stops = [len(edges) - 1]
    while stops[-1]:
        stops.append(int(before[stops[-1]]))
    return [slice(int(edges[a]), int(edges[b])) for a, b in itertools.pairwise(stops[::-1])]


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
