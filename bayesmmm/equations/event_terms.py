"""Events of an equation: single ones with an effect each, and pools of small ones with effects around a common mean.

The effect of an event in a pool is ``m + d``, with m the common mean and d its own deviation, both Normal. Both are
linear coefficients, integrated out with the others: m belongs to the sum of the columns of the pool. The sd of d is that
of its prior: one that is learned would change the matrix that all of them are integrated out by with every draw.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bayesmmm.data import MMMData
from bayesmmm.errors import EquationError, EventError
from bayesmmm.priors import FrozenMap
from bayesmmm.text import listed, no_such, written
from bayesmmm.validate import as_list

if TYPE_CHECKING:
    from bayesmmm.equations.equation import Equation

#: Prior parameters of single events and of the mean of a pool, and of deviations from it.
EVENT, DEVIATION = "event", "event_deviation"


def read_pools(equation: "Equation") -> FrozenMap:
    """Return the pools of an equation, each a name with at least two events."""
    where, given = f"equation {equation.name!r}", equation.pooled_events
    advice = 'Give a mapping from a name to events, as {"holidays": ["new year", "easter"]}.'
    if not isinstance(given, Mapping):
        raise EquationError(f"{where} has pooled_events = {written(given)}. {advice}")
    out = {}
    for pool, events in given.items():
        names = as_list(events)
        if not isinstance(pool, str) or not pool or names is None:
            raise EquationError(f"{where} has {written(events)} as the events of pool {written(pool)}. {advice}")
        if len(names) < 2 or not all(isinstance(name, str) and name for name in names):
            raise EquationError(
                f"{where} has the events {listed(names) or 'none'} in the pool {pool!r}, and a pool has at least two, "
                f"by name. List a single one under events."
            )
        out[pool] = tuple(map(str, names))
    return FrozenMap(out)


def event_columns(equation: "Equation") -> dict[str, tuple[str, ...]]:
    """Return the events whose days each event term of an equation adds up, by the label of the term, in order."""
    out: dict[str, tuple[str, ...]] = {name: (name,) for name in equation.events}
    for pool, names in equation.pooled_events.items():
        out[pool] = names
        out |= {name: (name,) for name in names}
    return out


def events_of(equation: "Equation") -> tuple[str, ...]:
    """Return the events that act in an equation, by themselves or in a pool."""
    return tuple(dict.fromkeys(name for names in event_columns(equation).values() for name in names))


def check_events(equation: "Equation", data: MMMData) -> None:
    """Refuse events that the data do not have, and those that nothing can be learnt about."""
    where = f"equation {equation.name!r}"
    for name in events_of(equation):
        if name not in data.event_names:
            raise EventError(
                no_such(
                    f"{where} has the event {name!r}, of which the data say nothing",
                    name,
                    data.event_names,
                    "Known",
                )
                + " Say its days when reading the data, as events=[{'name': ..., 'first_day': ...}]."
            )
    for pool in equation.pooled_events:
        if pool in data.columns:
            raise EventError(
                f"{where} has a pool of events called {pool!r}, which is a column of the data. Rename the pool."
            )
    for term, names in event_columns(equation).items():
        pooled = equation.term_kind(term) == DEVIATION  # the others of the pool say what it brings
        if not pooled and not data.part and not any(data.columns[name].any() for name in names):
            days = ", ".join(f"{event.first_day:%Y-%m-%d}" for event in data.events if event.name in names)
            raise EventError(
                f"{where} has the event {term!r}, which has no day in the data, from {data.dates[0]:%Y-%m-%d} to "
                f"{data.dates[-1]:%Y-%m-%d} (its days: {days}), so that nothing can be learnt about it. Leave it out of "
                f"events, or put it into a pool with others, as pooled_events={{'holidays': [..., {term!r}]}}."
            )


def check_event_names(equation: "Equation") -> None:
    """Refuse an event that is listed twice, or that has another role here."""
    names = [*equation.events, *(n for pool, own in equation.pooled_events.items() for n in (pool, *own))]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise EquationError(
            f"equation {equation.name!r} lists {twice!r} twice among its events. List it once: under events, or in one "
            f"pool, which has a name of its own."
        )
    both = next((name for name in names if name in (equation.name, *equation.inputs)), None)
    if both is not None:
        raise EquationError(
            f"equation {equation.name!r} has {both!r} as an event and as a column. Keep it in one of the two."
        )
