"""Which column has which role: what the arguments of `MMMData` say."""

from collections.abc import Iterable, Mapping
from typing import Any

from bayesmmm.data import checks
from bayesmmm.data.faults import looking


def uses_of(
    outcome: object, media: Any, mediators: Any, controls: Any, events: Iterable[str] = ()
) -> list[tuple[str, str]]:
    """Return (name, role) of every column with a role, in the order in which columns are kept."""
    uses: list[tuple[str, str]] = []
    with looking():
        uses += [(name, "outcome") for name in checks.as_names((outcome,), role="outcome")]
    with looking():
        uses += [(name, "mediators") for name in checks.as_units(mediators)]
    for role, given in (("media", media), ("controls", controls)):
        with looking():
            uses += [(name, role) for name in checks.as_names(given, role=role)]
    return [*uses, *((name, "events") for name in events)]


def keys_of(date: object, geo: object) -> list[tuple[str, str]]:
    """Return (name, role) of the columns that say which row is which."""
    keys: list[tuple[str, str]] = []
    with looking():
        keys += [(name, "date") for name in checks.as_names((date,), role="date")]
    with looking():
        keys += [(name, "geo") for name in checks.as_keys(geo)]
    return keys


def paid(uses: list[tuple[str, str]], mediators: Any) -> list[str]:
    """Return the columns that are money that the planner pays: media, and mediators in that unit."""
    units = mediators if isinstance(mediators, Mapping) else {}
    return [
        name for name, role in uses if role == "media" or (role == "mediators" and units.get(name) == checks.MONEY)
    ]
