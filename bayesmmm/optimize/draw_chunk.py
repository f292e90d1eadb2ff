"""What plans bring in some draws: the system over the periods that a plan can reach, in compiled passes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmmm import engine
from bayesmmm.estimands.query import Query
from bayesmmm.estimands.windows import DrawOrder, Segment
from bayesmmm.optimize.places import Place, window_sum


@dataclass(frozen=True)
class PlanOutcome:
    """What a plan brings, over no spend of the decided channels; after the window what carries over from it counts."""

    lift: np.ndarray  # (S,) outcome
    induced: np.ndarray  # (S, M) spend of paid mediators


@dataclass(frozen=True)
class PlanContext:
    """What no plan changes: the periods that plans can reach, under the current plan, and who answers to whom."""

    query: Query  # with the current plan; its `window` is "spend"
    order: DrawOrder
    #: Some draws each: where they stand in the order of tails, and their periods from the window on.
    chunks: tuple[tuple[slice, list[Segment]], ...]
    names: tuple[str, ...]  # decided channels (N), exogenous or mediators
    modes: Mapping[str, str]  # of mediators: "respond", "fixed" or "decide"

    @cached_property
    def answering(self) -> tuple[str, ...]:
        """Mediators that answer to decided channels, after the window at least."""
        fixed = [m for m, mode in self.modes.items() if mode == "fixed"]
        return engine.answering(self.query.fit.system, self.names, fixed=fixed)

    @cached_property
    def moving(self) -> tuple[str, ...]:
        """These and the decided ones."""
        mediators = self.query.fit.system.mediators
        return tuple(m for m in mediators if m in self.answering or self.modes[m] == "decide")

    @cached_property
    def paid(self) -> tuple[str, ...]:
        """Mediators that answer and are paid."""
        return tuple(m for m in self.answering if self.query.fit.data.is_money(m))


class DrawChunk:
    """Some draws of the periods that a plan can reach in one place.

    Plans (C, W) are those of all places, of which it reads its own rows (K).
    """

    def __init__(self, context: PlanContext, place: Place, at: slice, segments: list[Segment]) -> None:
        segments = [segment.of_geo(place.geo) for segment in segments]
        self.at, self.place, self._context, self._segments = at, place, context, segments
        self._window = np.concatenate([segment.window for segment in segments])
        self._changed = np.concatenate([segment.changed for segment in segments])
        bases, changed, weights = (
            [getattr(each, part) for each in segments] for part in ("base", "changed", "weight")
        )
        self._system = engine.WindowSystem(bases, changed, weights, context.names, context.moving)
        self._paid = [context.moving.index(m) for m in context.paid]

    # ------------------------------------------------------------------------------------------------ set-up
    def compare_with(self, factor: float) -> None:
        """Set what plans do not decide: so many times the spend after a future window that the query has there."""
        self._outside = self._multiple(factor)
        self._zero = self._sums(self._columns(0.0))
        self._zero_state: engine.PassState | None = None

    @property
    def base(self) -> np.ndarray:
        """Outcome (S,) of the window without any spend of the decided channels."""
        level = window_sum(self._segments, self._context.query.fit.system.outcome)[:, 0]
        return level + self._inside(self._columns(0.0)) - self._inside(self._system.columns, sets=False)

    def _inside(self, columns: np.ndarray, *, sets: bool = True) -> np.ndarray:
        """Sum (S,) of the outcome over the window only, up to what no plan changes."""
        last = int(np.flatnonzero(self._window)[-1]) + 1
        weight = np.tile(self._window[:last].astype(float), (self.at.stop - self.at.start, 1))
        return self._system.forward(np.ascontiguousarray(columns[:, :last]), weight=weight, sets=sets)[0]

    def _multiple(self, factor: float) -> np.ndarray:
        """Spend (N, T) of the channels where a future window is followed by so many times that of the query."""
        return (factor if self._context.query.timeline.planned else 1.0) * self._system.columns

    def _columns(self, spend: np.ndarray | float, outside: np.ndarray | None = None) -> np.ndarray:
        """Spend (N, T) of the channels in all periods under a plan (C, W) of the window, or so much of each."""
        out = (self._outside if outside is None else outside).copy()
        out[:, self._changed] = self.place.of_plan(spend) if isinstance(spend, np.ndarray) else spend
        return out

    def _sums(
        self, columns: np.ndarray, room: engine.PassState | None = None, *, outcome: bool = True
    ) -> PlanOutcome:
        lift, total = self._system.forward(columns, room, outcome=outcome)
        return PlanOutcome(lift, total[:, self._paid])

    # ------------------------------------------------------------------------------------------------ evaluation
    def induced_by_multiple(self, current: np.ndarray, factor: float) -> np.ndarray:
        """Induced spend (S, M) of a multiple of the current plan (C, W), which is also what it is compared with."""
        both = (self._columns(spend, self._multiple(factor)) for spend in (factor * current, 0.0))
        plan, none = (self._sums(columns, outcome=False).induced for columns in both)
        return plan - none

    def evaluate(
        self, spend: np.ndarray, room: engine.PassState | None = None
    ) -> tuple[engine.PassState, PlanOutcome]:
        """Evaluate a plan (C, W); the first result is what derivatives need, in room that is written over."""
        room = self._system.room() if room is None else room
        plan = self._sums(self._columns(spend), room)
        return room, PlanOutcome(plan.lift - self._zero.lift, plan.induced - self._zero.induced)

    def induced(self, spend: np.ndarray) -> np.ndarray:
        """Induced spend (S, M) of a plan (C, W), by itself."""
        return self._sums(self._columns(spend), outcome=False).induced - self._zero.induced

    def drop_one(self, state: engine.PassState, spend: np.ndarray) -> np.ndarray:
        """Outcome (S, K) that is lost as one channel of a plan after the other spends nothing in the window."""
        if self._zero_state is None:
            self._zero_state = self._system.room(1)
            self._sums(self._columns(0.0), self._zero_state)
        return self._system.drop_one(state, self._zero_state, self._columns(spend))[:, self.place.channels]

    def vjp(self, state: engine.PassState, lift: np.ndarray | None, induced: np.ndarray | None) -> np.ndarray:
        """Derivative (K, W) of lift and induced spend, weighted draw by draw, to the plan."""
        spend = self._back(state, lift, induced, np.zeros_like(self._system.columns))[0]
        return spend[self.place.channels][:, self._changed]

    def directional_derivative(self, state: engine.PassState, pattern: np.ndarray) -> np.ndarray:
        """Derivative (S, K) of every draw's lift to a unit of money of each channel, spent in a pattern (C, W)."""
        own = self._spread(self.place.of_plan(pattern))
        return self._back(state, np.ones(len(self._zero.lift)), None, own)[1][:, self.place.channels]

    def _back(
        self, state: engine.PassState, lift: np.ndarray | None, induced: np.ndarray | None, pattern: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        draws = len(self._zero.lift)
        total = np.zeros((draws, len(self._context.moving)))
        if induced is not None:
            total[:, self._paid] = induced
        return self._system.vjp(state, np.zeros(draws) if lift is None else lift, total, pattern)

    def _spread(self, pattern: np.ndarray) -> np.ndarray:
        """Bring a pattern (..., W) of the window into all periods."""
        out = np.zeros((*pattern.shape[:-1], len(self._changed)))
        out[..., self._changed] = pattern
        return out

    # ------------------------------------------------------------------------------------------ without any spend
    def alone(self, c: int, profile: np.ndarray) -> tuple[np.ndarray, ...] | None:
        """Return what a row of the plan does by itself, spent in a profile (W,): as `engine.WindowSystem.alone`."""
        name = int(self.place.channels[np.flatnonzero(self.place.rows == c)[0]])
        return self._system.alone(name, self._columns(0.0), self._spread(profile))

    def stays_above_zero(self) -> bool:
        """Whether mediators that answer are nowhere below zero without any spend, and never pull downwards."""
        series, moving = self._system.reached(self._columns(0.0)), self._context.moving
        lowest = series[:, :, [moving.index(m) for m in self._context.answering]].min(initial=0.0)
        return bool(lowest >= 0.0) and not self._system.pulls_down()
