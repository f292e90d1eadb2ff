"""What controls and events brought: the outcome as it was, less the outcome with one of them at its reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bayesmmm.errors import UnknownTermError
from bayesmmm.estimands.query import Query
from bayesmmm.estimands.removal import lost
from bayesmmm.estimands.windows import Change, Segment
from bayesmmm.results import Fit
from bayesmmm.text import no_such
from bayesmmm.validate import as_list, check_ordered, list_for, refusal


@dataclass(frozen=True)
class Term:
    """A control or an event, with the level that it is counted from."""

    name: str
    level: float
    above: np.ndarray  # (P,), units above that level in the window, summed over its periods
    below: np.ndarray  # (P,), units below it

    @property
    def on_both_sides(self) -> bool:
        """Whether it lies above its level at times, and below it at others."""
        return bool(self.above.any() and self.below.any())


def terms_of(fit: Fit) -> tuple[str, ...]:
    """Controls and events that act in some equation: what may be asked about, but for channels and mediators."""
    system = fit.system
    return (*(name for name in system.exogenous if name not in system.channels), *system.events)


def checked_terms(query: Query, terms: Sequence[str] | None) -> tuple[Term, ...]:
    """Return the terms asked for: by default all controls and events."""
    known = terms_of(query.fit)
    levels = query.references | dict.fromkeys(query.fit.system.events, 0.0)
    if terms is None:
        names: Sequence[str] = known
    else:
        check_ordered(terms, "terms")
        given = as_list(terms)
        names = given or ()
        if given is None or not all(isinstance(name, str) for name in given):
            example = list_for(terms, [*known, "promotion"][:1])
            raise refusal("terms", terms, f"must be a list of controls and events, as terms={example}")
    for name in names:
        if name not in known:
            wrong = f"no equation has the control or event {name!r}"
            if name in query.fit.system.media:
                wrong += ", which is a channel: ask channels= about it"
            raise UnknownTermError(no_such(wrong, name, known, "Controls and events are", "there is none"))
    return tuple(_term(query, name, levels[name]) for name in dict.fromkeys(names))


def _term(query: Query, name: str, level: float) -> Term:
    away = query.units_by_period(name) - level
    line, own = query.timeline, query.fit.data.has_row
    if not own.all():
        there = np.ones((len(own), len(line.window)), bool)
        there[:, : line.fitted] = own
        away = np.where(there[:, line.window], away, 0.0)
    sides = (np.maximum(away, 0.0), np.maximum(-away, 0.0))
    above, below = (query.added(side.sum(axis=-1), axis=0) for side in sides)
    return Term(name, level, above, below)


def brought(query: Query, segments: list[Segment], terms: Sequence[Term]) -> dict[str, np.ndarray]:
    """Set each term to its level in a chunk of draws: what is lost by ``term_path`` (S, P, term, 1 + mediators).

    ``term_slope`` (S, P, term) is what it brought above its level less what it brought below: over all units on both
    sides, a unit's worth.
    """
    rows = segments[0].base.rows
    shape = (len(rows.draws), len(query.places), len(terms), 1 + len(rows.system.mediators))
    path, slope = np.zeros(shape), np.zeros(shape[:-1])
    for k, term in enumerate(terms):
        path[:, :, k] = _without(query, segments, term.name, partial(np.full_like, fill_value=term.level))
        if not term.on_both_sides:
            slope[:, :, k] = path[:, :, k].sum(axis=-1) * (-1.0 if term.below.any() else 1.0)
            continue
        high = _without(query, segments, term.name, partial(np.minimum, term.level))
        low = _without(query, segments, term.name, partial(np.maximum, term.level))
        slope[:, :, k] = (high - low).sum(axis=-1)
    return {"term_path": path, "term_slope": slope}


def _without(query: Query, segments: list[Segment], name: str, change: Change) -> np.ndarray:
    return query.added(lost(segments, {name: change}, own_only=True)[0])


def term_variables(
    query: Query, terms: Sequence[Term], found: Mapping[str, np.ndarray], outcome: np.ndarray
) -> tuple[dict[str, tuple], dict[str, object]]:
    """Variables of what terms brought, and their coordinates; `outcome` (S, P) is that of the window."""
    if not terms:
        return {}, {}
    data, label = query.fit.data, query.label_places
    unit, path = data.unit(query.fit.system.outcome), found["term_path"]
    direct, indirect = path[..., 0], path[..., 1:].sum(axis=-1)
    away = np.stack([term.above + term.below for term in terms], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_unit = np.where(away > 0.0, found["term_slope"] / away, np.nan)
        share = (direct + indirect) / outcome[..., None]
    money = {"unit": unit}
    variables: dict[str, tuple] = {
        "term_total": (*label(direct + indirect, "term"), money),
        "term_direct": (*label(direct, "term"), money),
        "term_indirect": (*label(indirect, "term"), money),
        "term_share": (*label(share, "term"), {"unit": "share of the outcome"}),
        "per_unit": (*label(per_unit, "term"), {"unit": f"{unit} per unit of the column, per day of an event"}),
        "units_away": (*query.known_places(away, "term"), {"unit": "units of the column, days of an event"}),
    }
    if path.shape[-1] > 1:
        variables["term_via"] = (*label(path[..., 1:], "term", "mediator"), money)
    events = query.fit.system.events
    kinds = ["event" if term.name in events else "control" for term in terms]
    labels = {"term_kind": ("term", kinds), "reference": ("term", [term.level for term in terms])}
    return variables, {"term": [term.name for term in terms], **labels}
