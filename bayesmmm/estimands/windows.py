"""The one window rule behind effects, ROI and curves: which spend is changed, and which outcome counts.

``window="spend"``: spend is changed in the window, and the outcome counts from the first period of the window until
less than `TAIL_WEIGHT` of the adstock of its last period can still act; beyond the data (and the plan) every
exogenous input is at its mean over the window, a trend stays where it was last, and seasons go on.
``window="outcome"``: spend is changed in all periods up to the end of the window, and the outcome counts in the window
only.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bayesmmm import engine
from bayesmmm.errors import AnswerError
from bayesmmm.estimands.history_end import ends_of_history
from bayesmmm.estimands.query import Query, after, check_finite, row_bytes

#: Share of adstock that may be left when an effect is no longer counted.
TAIL_WEIGHT = 1e-3
#: Longest tail that is followed, in years.
LONGEST_TAIL = 100.0

Columns = Mapping[str, np.ndarray]
#: What becomes of the values (P, G, T) of a column.
Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Segment:
    """A baseline with the weights of its periods in the answer."""

    base: engine.Baseline
    changed: np.ndarray  # (T,), whether spend is changed in a period
    weight: np.ndarray  # (S, 1, T) or (S, G, T), 1 where the outcome counts, 0 where it does not
    window: np.ndarray  # (T,), whether a period belongs to the window itself
    own: np.ndarray = field(default_factory=lambda: np.ones((1, 1), bool))  # (G, T), whether it is one of the geo

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum over counted periods of each geo, averaged over paths: (S, G)."""
        return np.einsum("sgt,sgt->sg", *np.broadcast_arrays(self.base.rows.per_draw(values), self.weight))

    def of_geo(self, geo: int) -> "Segment":
        """Return the segment of one geo; of a single series it is this one."""
        if len(self.base.rows.geos) == 1:
            return self
        weight = self.weight[:, [geo]] if self.weight.shape[1] > 1 else self.weight
        return replace(self, base=engine.of_geo(self.base, geo), weight=weight)

    def gain(self, latent: np.ndarray, names: Iterable[str], columns: Columns, past: engine.CarryOver) -> tuple:
        """Counted change (S, G) of an outcome at `latent` as some columns change, and the change of `latent` itself."""
        base, outcome = self.base, self.base.rows.system.outcome
        shift = engine.add(base.rows, engine.latent_changes(base, outcome, names, columns, past))
        return self.total(engine.change(base, outcome, latent, shift)), shift


def reached(segments: list[Segment]) -> list[Segment]:
    """Return the segments that spend changes or that count, the fitted periods from the first change on."""
    first, *later = [segment for segment in segments if segment.changed.any() or segment.weight.any()]
    if first.base.future:
        return [first, *later]
    at = int(np.flatnonzero(first.changed)[0])
    masks = {"changed": first.changed[at:], "weight": first.weight[..., at:], "window": first.window[at:]}
    masks |= {"own": first.own[:, at:]} if first.own.shape[1] > 1 else {}
    return [replace(first, base=engine.from_period(first.base, at), **masks), *later]


def multiplied(names: Iterable[str], factor: float) -> dict[str, Change]:
    """The change of some columns by which they are multiplied."""
    return {name: lambda known: factor * known for name in names}


def propagated(
    segments: list[Segment], changes: Mapping[str, Change], *, own_only: bool = False
) -> Iterator[tuple[Segment, Columns, engine.CarryOver]]:
    """Change columns in the changed periods: every segment that this reaches, its columns, and what came from before.

    With `own_only` a geo is not changed outside its own periods, where a control may be anything.
    """
    past: engine.CarryOver = {}
    for segment in segments:
        if segment.changed.any() or past:
            at = segment.changed & segment.own if own_only else segment.changed
            known = {name: segment.base.columns[name] for name in changes}
            changed = {n: np.where(at, change(known[n]), known[n]) for n, change in changes.items()}
            columns = engine.propagate(segment.base, changed, past)
            yield segment, columns, past
            past = {} if segment is segments[-1] else engine.carryover(segment.base, columns)


def over_draws(query: Query, work: Callable[[list[Segment]], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Run `work` over chunks of draws: from segments, in order of time, to arrays with a leading axis of draws."""
    order = order_by_tail(query, whole=False)
    arrays = engine.map_draws(lambda draws: work(order.segments(draws)), order.draws, order.memory)
    check_finite(query.fit.system, arrays)
    return {name: values[order.back] for name, values in arrays.items()}


@dataclass(frozen=True)
class DrawOrder:
    """Draws in the order of their tails, so that short tails do not pay for long ones.

    Every draw counts its own tail exactly, whatever else is in its chunk.
    """

    draws: np.ndarray  # (S,), in that order
    memory: np.ndarray  # (S,), working memory of each in bytes
    back: np.ndarray  # (S,), positions that bring answers into the order of the draws asked for
    #: From some of the draws to the fitted periods and, where they count, those after them.
    segments: Callable[[np.ndarray], list[Segment]]


def order_by_tail(query: Query, *, tail_weight: float | None = None, whole: bool = True) -> DrawOrder:
    """Put the draws of a query in order; nothing is evaluated yet. `tail_weight` takes the place of `TAIL_WEIGHT`.

    Not `whole`, fitted periods of which only what carries over matters are a segment without periods.
    """
    fit, line = query.fit, query.timeline
    first, last = np.flatnonzero(line.window)[[0, -1]]
    stop = np.full(len(query.draws), last + 1)
    if query.window == "spend":
        stop += _tails(query, TAIL_WEIGHT if tail_weight is None else tail_weight)
    order = np.argsort(stop, kind="stable")
    stop_of = dict(zip(query.draws.tolist(), stop.tolist(), strict=True))
    changed = query.changed
    late = not whole and first >= line.fitted and query.window == "spend"
    begin = ends_of_history(query) if late else query.history

    def segments(draws: np.ndarray) -> list[Segment]:
        stops = np.array([stop_of[draw] for draw in draws.tolist()])[:, None, None]
        base = begin(draws)
        periods = np.arange(max(line.fitted, stops.max()))
        weight = ((periods >= first) & (periods < stops)).astype(float)
        touched, inside = _as_long(changed, len(periods)), _as_long(line.window, len(periods))
        cut, counted, own = line.fitted, weight[..., : line.fitted], fit.data.has_row
        if query.window == "outcome" and not own.all():
            counted = counted * own  # the outcome of periods of each geo
        none = slice(0, 0 if late else cut)
        parts = [Segment(base, touched[none], counted[..., none], inside[none], own[:, none])]
        if len(periods) > cut:
            dates, columns = after(fit, line, len(periods) - cut)
            until = line.dates[-1]
            ahead = engine.future(base, dates, columns, seed=query.seed, paths=query.paths, trend_until=until)
            parts.append(Segment(ahead, touched[cut:], weight[..., cut:], inside[cut:]))
        return parts

    beyond = np.maximum(stop[order] - line.fitted, 0)
    memory = 2.0 * row_bytes(fit, 1) * (line.fitted + query.paths * beyond)
    return DrawOrder(query.draws[order], memory, np.argsort(order, kind="stable"), segments)


def _as_long(mask: np.ndarray, length: int) -> np.ndarray:
    """Cut a mask to a length, or fill it up with False."""
    return np.concatenate([mask[:length], np.zeros(max(length - len(mask), 0), bool)])


def _tails(query: Query, weight: float) -> np.ndarray:
    """Length (S,) of the tail of every draw in periods."""
    fit, draws = query.fit, query.draws
    days = fit.data.days_per_period
    tails = engine.tail_periods(fit.system, query.parameters, fit.data.calendar, weight)[draws]
    endless = tails * days > LONGEST_TAIL * 365.25
    if endless.any():
        longest = {
            (channel, e.name): query.parameters[e.name]["half_life"][draws, ..., c].max()
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
