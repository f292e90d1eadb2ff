"""What any plan brings, per posterior draw, and the derivative of that to every unit of spend.

Everything that no plan changes (history, carry-over into the window, linear parts, residuals) is evaluated once and kept
with the fit, so that the next plan begins with it. A plan then costs one pass forward through the equations, and its
derivatives one pass back. Draws are evaluated in chunks.
"""

import itertools
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bayesmmm import engine
from bayesmmm.errors import AnswerSizeError
from bayesmmm.estimands import row_bytes
from bayesmmm.estimands.query import Query
from bayesmmm.estimands.windows import DrawOrder, Segment, order_by_tail, reached
from bayesmmm.optimize.draw_chunk import DrawChunk, PlanContext, PlanOutcome
from bayesmmm.optimize.places import Place, window_sum
from bayesmmm.processes import processors
from bayesmmm.results import Fit
from bayesmmm.results.convergence import fingerprint
from bayesmmm.results.kept import keep

#: Most memory that the evaluations of a set of draws may take, in bytes.
LARGEST = 2e9
#: What a chunk costs beside its work, and the most work it should hold so that it stays in a processor's cache and
#: others have work, too; in periods of all its rows (draws times residual paths).
CHUNK_COST, CHUNK_LIMIT = 12_000, 90_000
#: Rows of a chunk, draws times residual paths, below which the chunks of geos are quicker one after another.
WORTH_A_THREAD = 150


class Outcomes:
    """The outcomes of plans of a window. Those of the geos of a panel add up, draw by draw.

    Plans (C, W) are money; one unit of what a channel acts through costs `cost` (C, W) of it.
    """

    def __init__(self, context: PlanContext, places: tuple[Place, ...], cost: np.ndarray) -> None:
        self.cost_of_unit, self._per_money = cost, 1.0 / cost
        self.query, self.answering, self.paid = context.query, context.answering, context.paid
        self.places = places
        self._order, self.size = context.order, len(context.order.draws)
        self._small = max(at.stop - at.start for at, _ in context.chunks) * self.query.paths < WORTH_A_THREAD
        self._rows = sum(len(place.rows) for place in places)
        self._pool = ThreadPoolExecutor(processors())
        items = [(place, *chunk) for place in places for chunk in context.chunks]
        self._chunks = self.each(lambda item: DrawChunk(context, *item), items)
        self._held = self._sum_elsewhere(context)
        self._factor: float | None = None
        self._slopes: dict[tuple[bytes, ...], np.ndarray] = {}
        self._evaluations: dict[bytes, tuple[list, _Evaluation]] = {}

    def _sum_elsewhere(self, context: PlanContext) -> np.ndarray:
        """Outcome (S, G) over the window in geos that no plan changes, 0 in others."""
        out = np.zeros((self.size, len(self.query.fit.data.geos)))
        held = np.setdiff1d(np.arange(out.shape[1]), [place.geo for place in self.places])
        for at, segments in context.chunks if len(held) else ():
            out[at, held] = window_sum(segments, self.query.fit.system.outcome)[:, held]
        return out[self._order.back]

    def units(self, spend: np.ndarray) -> np.ndarray:
        """What the money of a plan (C, W) buys, in the units of the channels."""
        return spend * self._per_money

    def each[T](self, function: Callable[..., T], items: list) -> list[T]:
        """Apply a function to every item, in threads where that saves time."""
        engine.may_stop()
        return [function(item) for item in items] if self._small else in_threads(self._pool, function, items)

    def _in_order(self, parts: list[np.ndarray]) -> np.ndarray:
        """Return arrays (some of S, ...) of the chunks as one by place (S, places, ...), in the order of the draws."""
        out = np.empty((self.size, len(self.places), *parts[0].shape[1:]))
        for chunk, part in zip(self._chunks, parts, strict=True):
            out[chunk.at, chunk.place.number] = part
        return out[self._order.back]

    def _by_row(self, parts: list[np.ndarray]) -> np.ndarray:
        """Return arrays (some of S, K) about the rows of each place as one about all of a plan (S, C)."""
        out = np.empty((self.size, sum(len(place.rows) for place in self.places)))
        for chunk, part in zip(self._chunks, parts, strict=True):
            out[chunk.at, chunk.place.rows] = part
        return out[self._order.back]

    def compare_with(self, factor: float) -> None:
        """Set what plans do not decide: after a future window so many times the plan of the query goes on."""
        if factor != self._factor:
            self.each(lambda chunk: chunk.compare_with(factor), self._chunks)
            self._evaluations, self._slopes, self._factor = {}, {}, factor

    def cost_of_multiple(self, current: np.ndarray, factor: float) -> float:
        """Money that a multiple of the current plan (C, W) takes, compared with itself."""
        parts = self.each(lambda chunk: chunk.induced_by_multiple(self.units(current), factor), self._chunks)
        return factor * float(current.sum()) + self._mean(parts)

    # ---------------------------------------------------------------------------------------------- evaluation
    def base_by_geo(self) -> np.ndarray:
        """Outcome (S, G) of the window in every geo of the data without any spend that is decided there."""
        out = self._held.copy()
        out[:, [place.geo for place in self.places]] = self._in_order([chunk.base for chunk in self._chunks])
        return out

    def base(self) -> np.ndarray:
        """Outcome (S,) of the window without any spend that is decided."""
        return self.base_by_geo().sum(axis=1)

    def alone(self, c: int, profile: np.ndarray) -> list[tuple[np.ndarray, ...]]:
        """Return what one row of a plan does by itself, spent in a profile (W,), by chunk; nothing without effect."""
        own = [chunk for chunk in self._chunks if c in chunk.place.rows]
        profile = profile * self._per_money[c]
        parts = self.each(lambda chunk: chunk.alone(c, profile), own)
        return [part for part in parts if part is not None]

    def stays_above_zero(self) -> bool:
        """Whether mediators that answer are nowhere below zero without any spend, and never pull downwards."""
        return all(self.each(lambda chunk: chunk.stays_above_zero(), self._chunks))

    def evaluate(self, spend: np.ndarray) -> PlanOutcome:
        """What a plan (C, W) brings."""
        return self._evaluated(spend)[1].total

    def evaluate_by_geo(self, spend: np.ndarray) -> PlanOutcome:
        """Return the same with an axis of decided geos: lift (S, places) and induced spend (S, places, M)."""
        return self._evaluated(spend)[1].by_geo

    def _evaluated(self, spend: np.ndarray) -> tuple[list, "_Evaluation"]:
        key = spend.tobytes()
        if key not in self._evaluations:
            # The last two are kept: derivatives follow values, and a plan is looked at beside the current one.
            *before, last = [None, None, *self._evaluations.items()][-2:]
            old = before[0][1][0] if before[0] else [None] * len(self._chunks)
            self._evaluations = dict([last] if last else [])  # what is written over is not to be found any more
            items = list(zip(self._chunks, old, strict=True))
            units = self.units(spend)
            done = self.each(lambda item: item[0].evaluate(units, item[1]), items)
            lift, induced = (self._in_order([getattr(o, part) for _, o in done]) for part in ("lift", "induced"))
            self._evaluations |= {key: ([state for state, _ in done], _Evaluation(PlanOutcome(lift, induced)))}
        return self._evaluations[key]

    def vjp(self, spend: np.ndarray, lift: np.ndarray | None, induced: np.ndarray | None) -> np.ndarray:
        """Derivative (C, W) of ``sum_s lift_s * Lift_s + sum_sm induced_sm * Induced_sm`` to the plan.

        Either weight, (S,) or (S, M), may be None for nothing.
        """
        key = tuple(b"" if a is None else a.tobytes() for a in (spend, lift, induced))
        if key not in self._slopes:
            # Solvers ask for derivatives at a plan several times.
            self._slopes = dict([*self._slopes.items()][-3:]) | {key: self._backward(spend, lift, induced)}
            self._slopes[key].setflags(write=False)
        return self._slopes[key]

    def _backward(self, spend: np.ndarray, *weights: np.ndarray | None) -> np.ndarray:
        # The order of the chunks is that of tails.
        order = np.argsort(self._order.back)
        by_tail = [None if w is None else w[order] for w in weights]

        def back(chunk: DrawChunk, state: engine.PassState) -> np.ndarray:
            return chunk.vjp(state, *(None if w is None else w[chunk.at] for w in by_tail))

        out = np.zeros_like(spend)
        for chunk, part in zip(self._chunks, self._each_under(spend, back), strict=True):
            out[chunk.place.rows] += part
        return out * self._per_money

    def drop_one(self, spend: np.ndarray) -> np.ndarray:
        """Outcome (S, C) that is lost as one channel of a plan after the other spends nothing in the window."""
        return self._by_row(self._each_under(spend, lambda chunk, state: chunk.drop_one(state, self.units(spend))))

    def directional_derivative(self, spend: np.ndarray, pattern: np.ndarray) -> np.ndarray:
        """Derivative (S, C) of every draw's lift to a unit of money of each channel, spent in a pattern (C, W)."""
        each = self._each_under(
            spend, lambda chunk, state: chunk.directional_derivative(state, self.units(pattern))
        )
        return self._by_row(each)

    def _each_under[T](self, spend: np.ndarray, function: Callable[..., T]) -> list[T]:
        items = list(zip(self._chunks, self._evaluated(spend)[0], strict=True))
        return self.each(lambda item: function(*item), items)

    def cost(self, spend: np.ndarray) -> float:
        """Money that a plan takes: its own, and what paid mediators are induced to spend in posterior mean."""
        if not self.paid:
            return float(spend.sum())
        if spend.tobytes() in self._evaluations:
            return float(spend.sum() + self.evaluate(spend).induced.sum(axis=1).mean())
        return float(spend.sum()) + self._mean(
            self.each(lambda chunk: chunk.induced(self.units(spend)), self._chunks)
        )

    def _mean(self, parts: list[np.ndarray]) -> float:
        """Mean over draws of what all mediators of the chunks spend."""
        return sum(float(part.sum()) for part in parts) / self.size


class _Evaluation:
    """What a plan brings by geo, (S, places, ...), and in total."""

    def __init__(self, by_geo: PlanOutcome) -> None:
        self.by_geo = by_geo
        self.total = PlanOutcome(by_geo.lift.sum(axis=1), by_geo.induced.sum(axis=1))


# ------------------------------------------------------------------------------------- what no plan changes
def plan_contexts(
    queries: list[tuple[Query, float | None]], names: tuple[str, ...], modes: Mapping[str, str]
) -> list[PlanContext]:
    """Evaluate what no plan changes, or take it from the last plan of the fit where that asked the same.

    Queries are of some draws of one fit each, with the share of adstock at which tails end, as in `order_by_tail`.
    """
    fit = queries[0][0].fit
    numbers = fingerprint(fit.tree)  # the tree that holds the draws can be written to
    before = fit.memo.get("plans", {})
    now: dict[Hashable, PlanContext] = {}
    for query, weight in queries:
        order = order_by_tail(query, tail_weight=weight)
        _check_size(order, query)
        slices = _split(_periods(order, fit, query))
        key = numbers, _key(query, weight), tuple((at.start, at.stop) for at in slices)
        chunks = before[key].chunks if key in before else _evaluated(query, order, slices)
        now[key] = PlanContext(query, order, chunks, names, modes)
    keep(fit, "plans", now, sum(_size(each) for each in now.values()))  # one window at a time
    return list(now.values())


def in_threads[T](pool: ThreadPoolExecutor, function: Callable[..., T], items: list) -> list[T]:
    """Apply a function to every item; a thread costs more than a small problem takes."""
    return list(pool.map(function, items)) if len(items) > 1 else [function(item) for item in items]


def _evaluated(query: Query, order: DrawOrder, slices: list[slice]) -> tuple[tuple[slice, list[Segment]], ...]:
    def each(at: slice) -> tuple[slice, list[Segment]]:
        return at, reached(order.segments(order.draws[at]))

    with ThreadPoolExecutor(processors()) as pool:
        return tuple(in_threads(pool, each, slices))


# ------------------------------------------------------------------------------------------------- the same query?
def _key(query: Query, weight: float | None) -> tuple:
    """Everything else that an evaluation depends on; data, scales and system of a fit never change."""
    line = query.timeline
    columns = tuple((name, values.tobytes()) for name, values in line.columns.items())
    when = line.dates.asi8.tobytes(), line.fitted, line.window.tobytes(), columns
    return query.draws.tobytes(), query.window, query.paths, query.seed, weight, when


def _size(context: PlanContext) -> float:
    """Bytes of its arrays."""
    return sum(
        array.nbytes
        for _, segments in context.chunks
        for segment in segments
        for part in ("columns", "term", "latent", "residual")
        for array in getattr(segment.base, part).values()
    )


# ------------------------------------------------------------------------------------------------------------ chunks
def _periods(order: DrawOrder, fit: Fit, query: Query) -> np.ndarray:
    """Periods (S,) of all rows of each draw that an evaluation goes through."""
    # Fitted periods before the window are let go; later ones count on every path.
    fitted = query.timeline.fitted
    late = max(fitted - int(np.flatnonzero(query.changed)[0]), 0)
    return 0.5 * order.memory / row_bytes(fit, 1) - fitted + query.paths * late


def draws_that_fit(query: Query) -> int:
    """How many of the draws of a query can be evaluated in the memory that they may take."""
    size = _bytes(order_by_tail(query), query)
    return len(query.draws) if size <= LARGEST else max(int(0.8 * len(query.draws) * LARGEST / size), 1)


def _bytes(order: DrawOrder, query: Query) -> float:
    """Memory of what is kept: evaluations of the current plan and of the two looked at last."""
    return 2.0 * row_bytes(query.fit, 1) * _periods(order, query.fit, query).sum()


def _check_size(order: DrawOrder, query: Query) -> None:
    """Refuse draws whose evaluations would not fit into memory."""
    size = _bytes(order, query)
    if size > LARGEST:
        few = max(int(0.8 * len(order.draws) * LARGEST / size), 1)
        raise AnswerSizeError(
            f"{len(order.draws)} draws of the plan would take {size / 1e9:.1f} GB, more than the {LARGEST / 1e9:.1f} "
            f"GB that they may take; pass draws={few} or fewer, or plan fewer periods"
        )


def _split(periods: np.ndarray) -> list[slice]:
    """Divide draws (S,), in the order of their periods, into chunks that take least time altogether.

    Every draw of a chunk takes as many periods as the longest, and every chunk some time of its own. Little work is not
    worth a second thread.
    """
    count = len(periods)
    edges = np.unique(np.linspace(0, count, 25).round().astype(int))
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
