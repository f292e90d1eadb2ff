"""What any plan brings, per posterior draw, and the derivative of that to every unit of spend.

Everything that no plan changes (history, carry-over into the window, linear parts, residuals) is evaluated once; a plan
then costs one pass forward through the equations, and its derivatives one pass back. Draws are evaluated in chunks: by
compiled kernels where these know the question (`by_kernel`), by the engine otherwise (`by_engine`).
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bayesmmm import engine
from bayesmmm.estimands.windows import Question, Stretch
from bayesmmm.optimize.draw_chunk import KernelChunk, applies
from bayesmmm.optimize.engine_chunk import Brought, EngineChunk, Setting
from bayesmmm.optimize.prepared import Prepared, in_threads


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
        self._setting, self._layout = Setting(prepared.question, names, modes), prepared.layout
        self._pool = ThreadPoolExecutor(engine.processors())
        kind = KernelChunk if applies(self._setting) else EngineChunk
        self._chunks = self.each(lambda item: kind(self._setting, *item), list(prepared.chunks))
        self._compared: tuple[bytes, float] | None = None
        self._pulled: dict[tuple[bytes, ...], np.ndarray] = {}
        self._seen: dict[bytes, tuple[list, Brought]] = {}

    @property
    def question(self) -> Question:
        """The question, with the current plan."""
        return self._setting.question

    @property
    def names(self) -> tuple[str, ...]:
        """Decided channels."""
        return self._setting.names

    @property
    def outcome(self) -> str:
        """Name of the outcome."""
        return self._setting.outcome

    @property
    def answering(self) -> tuple[str, ...]:
        """Mediators that answer to decided channels."""
        return self._setting.answering

    @property
    def paid(self) -> tuple[str, ...]:
        """Those of them that are paid."""
        return self._setting.paid

    @property
    def size(self) -> int:
        """Number of draws."""
        return len(self._layout.draws)

    def each[T](self, function: Callable[..., T], items: list) -> list[T]:
        """Apply a function to every item, in threads."""
        return in_threads(self._pool, function, items)

    def in_order(self, parts: list[np.ndarray]) -> np.ndarray:
        """Join arrays of the chunks in the order of the draws asked for."""
        return np.concatenate(parts)[self._layout.back]

    def compare_with(self, current: np.ndarray, factor: float = 1.0) -> None:
        """Set the current plan (C, W): what plans do not decide stays as it is there.

        Parameters
        ----------
        factor : float
            Multiple of the plan of the question that it is. After a future window, where the mean of that plan is
            assumed to be spent, so much of it is assumed; this is the same whatever plan is looked at.
        """
        key = current.tobytes(), factor
        if key != self._compared:
            self.each(lambda chunk: chunk.compare_with(current, factor), self._chunks)
            self._seen, self._pulled, self._compared = {}, {}, key

    def cost_of_multiple(self, current: np.ndarray, factor: float) -> float:
        """Money that a multiple of the current plan (C, W) takes, compared with itself; `compare_with` has to follow."""
        self._seen, self._pulled, self._compared = {}, {}, None
        parts = self.each(lambda chunk: chunk.induced_by_multiple(current, factor), self._chunks)
        return factor * float(current.sum()) + self._mean(parts)

    # ---------------------------------------------------------------------------------------------- evaluation
    def base(self) -> np.ndarray:
        """Outcome (S,) of the window without any spend of the decided channels."""
        return self.in_order([chunk.base for chunk in self._chunks])

    def idle(self) -> list[list[Stretch]]:
        """Return the stretches of all draws, chunk by chunk, without any spend of the decided channels in the window."""
        return self.each(lambda chunk: chunk.idle(), self._chunks)

    def at(self, spend: np.ndarray) -> Brought:
        """What a plan (C, W) brings."""
        return self._evaluated(spend)[1]

    def _evaluated(self, spend: np.ndarray) -> tuple[list, Brought]:
        key = spend.tobytes()
        if key not in self._seen:
            # The last two are kept: derivatives follow values, and a plan is looked at beside the current one.
            *before, last = [None, None, *self._seen.items()][-2:]
            old = before[0][1][0] if before[0] else [None] * len(self._chunks)
            self._seen = dict([last] if last else [])  # what is written over is not to be found any more
            done = self.each(
                lambda item: item[0].evaluate(spend, item[1]), list(zip(self._chunks, old, strict=True))
            )
            brought = Brought(
                self.in_order([found.lift for _, found in done]),
                self.in_order([found.induced for _, found in done]),
            )
            self._seen |= {key: ([state for state, _ in done], brought)}
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

        def back(chunk: EngineChunk | KernelChunk, state: object) -> np.ndarray:
            return chunk.pull(state, *(None if w is None else w[chunk.at] for w in (lift, induced)))

        return sum(self._each_under(spend, back))

    def without(self, spend: np.ndarray) -> np.ndarray:
        """Outcome (S, C) that is lost as one channel of a plan after the other spends nothing in the window."""
        return self.in_order(self._each_under(spend, lambda chunk, state: chunk.without(state, spend)))

    def along(self, spend: np.ndarray, pattern: np.ndarray) -> np.ndarray:
        """Derivative (S, C) of every draw's lift to a unit of money of each channel, spent in a pattern (C, W)."""
        return self.in_order(self._each_under(spend, lambda chunk, state: chunk.along(state, pattern)))

    def _each_under[T](self, spend: np.ndarray, function: Callable[..., T]) -> list[T]:
        items = list(zip(self._chunks, self._evaluated(spend)[0], strict=True))
        return self.each(lambda item: function(*item), items)

    def cost(self, spend: np.ndarray) -> float:
        """Money that a plan takes: its own, and what paid mediators are induced to spend in posterior mean."""
        if not self.paid:
            return float(spend.sum())
        if spend.tobytes() in self._seen or not self._setting.quick:
            return float(spend.sum() + self.at(spend).induced.sum(axis=1).mean())
        return float(spend.sum()) + self._mean(self.each(lambda chunk: chunk.induced(spend), self._chunks))

    def _mean(self, parts: list[np.ndarray]) -> float:
        """Mean over draws of what all mediators of the chunks spend."""
        return sum(float(part.sum()) for part in parts) / self.size


def _reordered(values: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Bring values into the order of tails: the inverse of taking ``[back]``."""
    out = np.empty_like(values)
    out[back] = values
    return out
