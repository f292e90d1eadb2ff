"""What the lines around a table say about it: the range of days it covers, and until when its days are complete.

Knows dates in lines of text. What is not said stays unknown.
"""

import datetime
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from bayesmmm.data.dates import FIRST_YEAR, LAST_YEAR
from bayesmmm.prepare.days import Token, order_of, to_day, tokens_in

_START = re.compile(r"\bstart(?: date)?\b|\bfrom\b|\bvon\b", flags=re.IGNORECASE)
_MADE = re.compile(
    r"report time|report date|run date|generat|export|download|creat|updated|update\b|refresh|extract|retrieved|pulled|"
    r"\bas of\b|erstell|heruntergeladen|aktualisier|\bstand\b|télécharg|créé|création|génér|actualis|mis à jour|generad|"
    r"descarg|actualiz|creado|generato|scaricat|aggiornat|gerado|criado|baixad|atualizad|gegenereerd|bijgewerkt",
    re.IGNORECASE,
)
_COMPLETED = re.compile(
    r"last complete(?:d)? (?:available )?day|(?:data|complete|final|available) (?:through|until|up to)|vollständig bis|"
    r"daten bis|complet jusqu|données jusqu|completo hasta|datos hasta|dati fino|dados até",
    re.IGNORECASE,
)
_INCOMPLETE = re.compile(
    r"(?:incomplet|unvollständig|onvolledig|not (?:yet )?(?:final|complete)|preliminary|vorläufig|provisoire|"
    r"partial dat)[^:]*(?:: *(?P<said>true|yes|ja|oui|sí|si|1|false|no|nein|non|nee|0)\b)?",
    re.IGNORECASE,
)
_NO = frozenset(("false", "no", "nein", "non", "nee", "0"))
_CLOCK = re.compile(r"(?P<hour>\d{1,2})(?::|h)(?P<minute>\d{2})(?::\d{2})? ?(?P<half>[AaPp])?")


@dataclass(frozen=True)
class Notes:
    """What is said around a table."""

    tokens: tuple[Token, ...]  # every day that is named
    covered: tuple[np.datetime64, np.datetime64] | None  # first and last day of the range that the file covers
    line: str  # the line that says so
    start: datetime.date | None  # the first day of the range
    #: last day that was over when the file was made; NaT where the file says no more than that days may be missing
    complete: np.datetime64 | None
    said: str  # the line that tells that
    #: moments that lines name without saying what of: the file was made then if it is on its last day
    moments: tuple[tuple[np.datetime64, str], ...] = ()


def read_notes(above: Sequence[str], below: Sequence[str], order: str | None) -> Notes:
    """Read the lines above a table; those below it where the ones above say nothing."""
    lines = [*reversed(above), *reversed(below)]
    tokens = tuple(t for line in lines for t in tokens_in(line))
    own = order_of(tokens)
    order = own if own not in (None, "both") else order
    covered, line = _range(lines, order)
    complete, said = _complete(lines, order)
    start = covered[0].astype(datetime.date) if covered else None
    moments = [
        (days[0], other) for other in lines if len(days := _days(other, order)) == 1 and _CLOCK.search(other)
    ]
    return Notes(
        tokens, covered, line, start, complete, said, tuple((np.datetime64(d), other) for d, other in moments)
    )


def _days(line: str, order: str | None) -> list[datetime.date]:
    days = [to_day(t, order) for t in tokens_in(line)]
    return [day for day in days if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR]


def _range(lines: list[str], order: str | None) -> tuple[tuple[np.datetime64, np.datetime64] | None, str]:
    for line, other in zip(lines, ["", *lines], strict=False):
        if _COMPLETED.search(line):
            continue
        days = _days(line, order)
        if len(days) == 1 and _START.search(line):  # lines are read upwards: the end of the range came before
            days += _days(other, order)[:1]
            line = f"{line} {other}"
        if len(days) == 2 and days[0] <= days[1]:
            return (np.datetime64(days[0]), np.datetime64(days[1])), line
    return None, ""


def _complete(lines: list[str], order: str | None) -> tuple[np.datetime64 | None, str]:
    """Return the last day that was over when the file was made, and the line that tells."""
    flags = {(found["said"] or "yes").lower() for line in lines if (found := _INCOMPLETE.search(line))}
    if flags & _NO:
        return None, ""
    for line in lines:
        days = _days(line, order)
        if len(days) == 1 and (_COMPLETED.search(line) or _MADE.search(line)):
            clock = _CLOCK.search(line)
            # A moment of a day completes the day before it; a day without a time is itself complete.
            over = 0 if clock is None and _COMPLETED.search(line) else 1
            if clock is not None and _hour(clock) * 60 + int(clock["minute"]) >= 23 * 60 + 59:
                over = 0
            return np.datetime64(days[0]) - np.timedelta64(over, "D"), line
    line = next((line for line in lines if _INCOMPLETE.search(line)), "")
    return (np.datetime64("NaT", "D"), line) if flags else (None, "")


def _hour(clock: re.Match) -> int:
    hour = int(clock["hour"])
    if clock["half"] is None:
        return hour
    return hour % 12 + (12 if clock["half"].lower() == "p" else 0)


_PARTIAL = re.compile(r"partial|incomplet|unvollst|vorläuf|provis|prelim|onvolledig", flags=re.IGNORECASE)
_WHOLE = re.compile(r"^is.?complete|^complete$|^final$|vollständig|^completo$|^complet$", flags=re.IGNORECASE)
_YES_WORDS = frozenset(("true", "yes", "ja", "oui", "sí", "si", "1", "x"))
_NO_WORDS = frozenset(("false", "no", "nein", "non", "nee"))


def flags(name: str, cells: Collection[str]) -> set[str]:
    """Return the cells of a column that call their row incomplete: by their own words, or as answers to its name."""
    words = {cell: cell.strip().casefold() for cell in cells}
    if _PARTIAL.search(name) and set(words.values()) <= _YES_WORDS | _NO_WORDS | {"", "0"}:
        return {cell for cell, word in words.items() if word in _YES_WORDS}
    if _WHOLE.search(name) and set(words.values()) <= _YES_WORDS | _NO_WORDS | {""}:
        return {cell for cell, word in words.items() if word in _NO_WORDS}
    return {cell for cell, word in words.items() if _PARTIAL.match(word) and len(word) < 30}
