"""Channels that are counted and not money: their unit, the column of their spend, and what one unit costs.

An exposure is what people are reached by: impressions, clicks, rating points, e-mails. It is what a channel acts
through; what it costs stands in a column beside it. Without one the channel is organic: it acts, and has no return on
spend.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayesmmm.data import checks
from bayesmmm.data.checks import MONEY
from bayesmmm.errors import NeverSpentError, RoleError
from bayesmmm.text import no_such, written

#: Unit of a channel that has a column of spend beside it, where nobody says what is counted.
EXPOSURES = "exposures"
#: So many units are told by their effect and by their cost.
THOUSAND = 1000.0
#: Periods with some of it that a column needs to look like counts.
LEAST_COUNTED = 20


def read_units(units: object, media: Sequence[str]) -> dict[str, str]:
    """Return the units of channels as they were said, in the order of the channels."""
    told = _mapping(units, "units", "{'display': 'impressions'}")
    for name, unit in told.items():
        if name not in media:
            raise RoleError(_unknown("units", name, media))
        checks.check_unit(unit, f"units[{name!r}]")
    return {name: told[name] for name in media if name in told}


def read_spend(spend: object, media: Sequence[str], units: Mapping[str, str]) -> dict[str, str]:
    """Return exposures with the columns of their spend, in the order of the channels."""
    told = _mapping(spend, "spend", "{'display': 'display_cost'}")
    for name, column in told.items():
        if name not in media:
            raise RoleError(_unknown("spend", name, media))
        if not isinstance(column, str) or not column.strip():
            raise RoleError(
                f"spend[{name!r}]={written(column)} must be the name of a column; leave {name!r} out of spend where "
                f"nothing is paid for it"
            )
        if units.get(name) == MONEY:
            raise RoleError(
                f"{name!r} is money by units, and has the column {column!r} as its spend; a channel is money itself, or "
                f"counted with its spend beside it; leave {name!r} out of one of the two"
            )
        if column in media:
            raise RoleError(
                f"column {column!r} is the spend of {name!r} and a channel of media, so that its money would count "
                f"twice; leave {column!r} out of media, or {name!r}"
            )
    _check_once(told)
    return {name: told[name] for name in media if name in told}


def _mapping(value: object, where: str, example: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RoleError(f"{where}={written(value)} must be a mapping from channels, as {where}={example}")
    return dict(value)


def _unknown(where: str, name: object, media: Sequence[str]) -> str:
    return no_such(f"{where} has {written(name)}, which is not in media", str(name), media, "Channels are")


def _check_once(spend: Mapping[str, str]) -> None:
    """Refuse one column as the spend of two channels."""
    seen: dict[str, str] = {}
    for name, column in spend.items():
        if column in seen:
            raise RoleError(
                f"column {column!r} is the spend of {seen[column]!r} and of {name!r}, so that its money would count "
                f"twice; give it to the one that people are reached by, and leave the other out of media, or split "
                f"the column in two"
            )
        seen[column] = name


def check_paid(spend: Mapping[str, str], columns: Mapping[str, np.ndarray]) -> None:
    """Refuse a column of spend that is zero throughout: there is no cost of a unit."""
    for name, column in spend.items():
        if not columns[column].any():
            raise NeverSpentError(
                f"column {column!r}, the spend of {name!r}, is 0 in all {columns[column].size} rows, so that nothing "
                f"was ever paid for it; leave {name!r} out of spend, and it is a channel without return on spend"
            )


def cost_of_unit(units: np.ndarray, spend: np.ndarray) -> np.ndarray:
    """Money that one unit costs in each geo, (G,), over the periods of units and spend (G, T).

    ``k_g = sum_t spend_gt / sum_t units_gt``: what was paid over what was had, free units and late bills included. A
    geo that had no units, or paid nothing for them, has the cost of the others together; NaN where that is none either.

    Examples
    --------
    >>> import numpy as np
    >>> cost_of_unit(np.array([[100.0, 300.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 0.0]]))
    array([0.005, 0.005])
    """
    had, paid = units.sum(axis=-1), spend.sum(axis=-1)
    known = (had > 0.0) & (paid > 0.0)
    own = known if known.any() else np.ones_like(known)
    whole = paid[own].sum() / had[own].sum() if had[own].any() and paid[own].any() else np.nan
    return np.where(known, paid / np.where(known, had, 1.0), whole)


def looks_counted(values: np.ndarray) -> bool:
    """Whether numbers look like counts: whole and not rounded, mostly above a thousand, hardly any twice."""
    active = values[np.isfinite(values) & (values > 0.0)]
    if len(active) < LEAST_COUNTED or (active != np.round(active)).any() or np.median(active) < THOUSAND:
        return False
    if active.max() >= 2.0**53:
        return False
    distinct = np.unique(active)
    return bool(len(distinct) > 0.8 * len(active) and np.gcd.reduce(distinct.astype(np.int64)) == 1)
