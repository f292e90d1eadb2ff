"""Which column has which role: what the arguments of `MMMData` say."""

from collections.abc import Iterable, Mapping
from typing import Any

from bayesmmm.data import checks
from bayesmmm.data.exposures import read_spend, read_units
from bayesmmm.data.faults import looking


def uses_of(
    outcome: object,
    media: Any,
    mediators: Any,
    controls: Any,
    spend: object = None,
    units: object = None,
    events: Iterable[str] = (),
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
    names = [name for name, role in uses if role == "media"]
    with looking():
        uses += [(name, "spend") for name in read_spend(spend, names, read_units(units, names)).values()]
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
    """Return the columns that are never below zero: media, their spend, and mediators that the planner pays."""
    units = mediators if isinstance(mediators, Mapping) else {}
    return [
        name
        for name, role in uses
        if role in ("media", "spend") or (role == "mediators" and units.get(name) == checks.MONEY)
    ]


def counted(uses: list[tuple[str, str]], spend: Any, units: Any) -> list[str]:
    """Return the channels that are counted and not money."""
    told = {**(spend if isinstance(spend, Mapping) else {}), **(units if isinstance(units, Mapping) else {})}
    return [name for name, role in uses if role == "media" and told.get(name, checks.MONEY) != checks.MONEY]
