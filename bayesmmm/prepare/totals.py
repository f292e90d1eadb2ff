"""Rows of totals: compared with the rows that they add up, then left out.

Knows the table, its numbers and the words that totals have. A total that disagrees is refused with both numbers.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayesmmm.errors import NotNumericError, TotalsError
from bayesmmm.prepare.amounts import look, to_numbers
from bayesmmm.prepare.part import exact_sum, named_rows
from bayesmmm.prepare.reading import clean
from bayesmmm.prepare.tables import Table, is_total_name, total_of
from bayesmmm.text import counted

_ROUNDING_SDS = 4.0
# People and visits that several rows share are counted once in a total.
_SHARED = re.compile(
    r"user|visit|visitor|session|reach|unique|nutzer|besuch|sitzung|reichweite", flags=re.IGNORECASE
)


@dataclass(frozen=True)
class Source:
    """A column of numbers of a table."""

    name: str  # what it is called in the result
    place: int  # where it is in the table
    mark: str  # its decimal mark
    values: np.ndarray  # its numbers
    decimals: int  # their decimals


def compare_totals(
    table: Table, sources: Sequence[Source], dropped: np.ndarray, *, accept: bool
) -> tuple[dict[str, float], list[str]]:
    """Compare every row of totals with the rows that it adds up: all of them, or those that are not dropped."""
    taken = {source.name: 0.0 for source in sources}
    details = []
    for line, row in table.totals:
        label = total_of(row)
        mask = _members(table, label)
        said = f"row {line}, {_written(row)!r}"
        for source in sources:
            total = _number(row[source.place], source)
            if total is None:
                continue
            taken[source.name] += total
            rows = exact_sum(source.values[mask], source.decimals)
            rest = exact_sum(source.values[mask & ~dropped], source.decimals)
            rows = rest if abs(total - rest) < abs(total - rows) else rows
            details.append(_compared(table, said, source, total, rows, int(mask.sum()), accept))
    return taken, details


def _compared(table: Table, said: str, source: Source, total: float, rows: float, count: int, accept: bool) -> str:
    decimals = max(source.decimals, next(k for k in range(10) if k == 9 or abs(total - round(total, k)) < 1e-9))
    gap = round(total - rows, decimals)
    name = table.names[source.place][0]
    places = max(2, decimals) if decimals else 0
    numbers = f"{total:,.{places}f} against {rows:,.{places}f} in {counted(count, 'row')}"
    # Shown amounts are rounded one by one: their sum may be off by the error of so many roundings.
    unit = 10.0**-source.decimals if source.decimals else 0.0
    if abs(gap) <= unit / 2:
        return f"{said}: {name} agrees, {numbers}"
    if abs(gap) <= _ROUNDING_SDS * unit * math.sqrt(count / 12.0):
        return (
            f"{said}: {name} is {gap:+,.{places}f} off, as rounding of {counted(count, 'row')} can be, {numbers}"
        )
    if gap < 0 and _SHARED.search(name):
        return f"{said}: {name} is {gap:+,.{places}f} off, as a total counts once what rows share, {numbers}"
    if not accept:
        raise TotalsError(
            f"{table.path!r}, {said}: the total of {name!r} is {total:,.{places}f}, but its "
            f"{counted(count, 'row')} add up to {rows:,.{places}f}, a difference of {gap:+,.{places}f}; download "
            f"rows that are complete, or take the rows as they are: accept=['totals']"
        )
    return f"{said}: {name} is {gap:+,.{places}f} off, accepted, {numbers}"


def _members(table: Table, label: str) -> np.ndarray:
    """Return the rows that a total adds up: those with its label in a column, else all."""
    if label:
        for place in range(len(table.names)):
            mask = np.array([clean(cell) == label for cell in table.columns[place]])
            if mask.any():
                return mask
    return np.ones(len(table.rows), dtype=bool)


def _written(row: Sequence[str]) -> str:
    return ", ".join(clean(cell) for cell in row if clean(cell))[:60]


def _number(cell: str, source: Source) -> float | None:
    try:
        column = look([cell], "", [0])
        read = to_numbers(column, [cell], [0], mark=source.mark, where="", missing="empty", below="empty")
    except NotNumericError:
        return None
    return None if np.isnan(read.values[0]) else float(read.values[0])


def daily_totals(
    table: Table, days: np.ndarray, sources: Sequence[Source], *, accept: bool
) -> tuple[np.ndarray, str]:
    """Return the rows of data that are totals of their own day, and a sentence about them.

    A row that is labelled as a total and has a day is one only if it agrees with the other rows of its day; a campaign
    may be called Total.
    """
    mask = np.zeros(len(table.rows), dtype=bool)
    numbers = {source.place for source in sources}
    for place in range(len(table.names)):
        if place in numbers or place == table.date:
            continue
        names = {cell for cell in set(table.columns[place]) if cell and is_total_name(cell)}
        if names:
            mask |= np.array([cell in names for cell in table.columns[place]])
    if not mask.any() or not sources or mask.all():
        return np.zeros(len(table.rows), dtype=bool), ""
    none = np.zeros(len(table.rows), dtype=bool), ""
    for source in sources:
        gaps = _gaps(mask, days, source)
        wrong = np.flatnonzero(np.abs(gaps) > 0.5 * 10.0**-source.decimals * max(1, len(source.values)))
        if len(wrong) == len(gaps):
            return none  # a campaign may be called Total
        if len(wrong) and not accept:
            day = np.unique(days)[wrong[0]]
            rows = np.array(table.lines)[mask & (days == day)]
            total, rest = (float(source.values[m & (days == day)].sum()) for m in (mask, ~mask))
            raise TotalsError(
                f"{table.path!r}, {named_rows(rows)}: the total of {table.names[source.place][0]!r} on {day} is "
                f"{total:,.2f}, but the other rows of the day add up to {rest:,.2f}, a difference of "
                f"{total - rest:+,.2f}; download rows that are complete, or take the other rows as they are: "
                f"accept=['totals']"
            )
    return mask, f"{named_rows(np.array(table.lines)[mask])} are the totals of their days and agree with them"


def _gaps(mask: np.ndarray, days: np.ndarray, source: Source) -> np.ndarray:
    """Return by how much the totals of every day are above the sum of its other rows."""
    values = np.nan_to_num(source.values)
    unique, place = np.unique(days, return_inverse=True)
    total = np.bincount(place, weights=np.where(mask, values, 0.0), minlength=len(unique))
    rest = np.bincount(place, weights=np.where(mask, 0.0, values), minlength=len(unique))
    return total - rest
