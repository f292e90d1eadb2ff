"""Which column has which role: what the arguments of `MMMData` say."""

from collections.abc import Iterable
from typing import Any

from bayesmmm.data import checks


def uses_of(
    outcome: object, media: Any, mediators: Any, controls: Any, events: Iterable[str] = ()
) -> list[tuple[str, str]]:
    """Return (name, role) of every column with a role, in the order in which columns are kept."""
    (outcome_name,) = checks.as_names((outcome,), role="outcome")
    return [
        (outcome_name, "outcome"),
        *((name, "mediators") for name in checks.as_units(mediators)),
        *((name, "media") for name in checks.as_names(media, role="media")),
        *((name, "controls") for name in checks.as_names(controls, role="controls")),
        *((name, "events") for name in events),
    ]


def keys_of(date: object, geo: object) -> list[tuple[str, str]]:
    """Return (name, role) of the columns that say which row is which."""
    (date_name,) = checks.as_names((date,), role="date")
    return [(date_name, "date"), *((name, "geo") for name in checks.as_keys(geo))]
