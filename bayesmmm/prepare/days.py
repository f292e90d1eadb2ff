"""From cells to days as they are written: no time zone is applied, no order of day and month is guessed.

Knows ways of writing a day, a range of days, a week and a month, with month names in seven languages. Where a cell can
be read in two ways, the other cells of its column and the dates around the table decide, or nobody does.
"""

import contextlib
import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bayesmmm.data.dates import first_of_week
from bayesmmm.errors import AmbiguousError, DateError, NoDaysError

#: Which of day and month comes first in slashed dates.
ORDERS = ("day first", "month first")
#: What a cell is before day and month are told apart: a kind, and its numbers.
Token = tuple

_MONTHS = (
    "january jan januar jänner janvier janv enero ene gennaio gen januari janeiro",
    "february feb februar février févr fevrier febrero febbraio februari fevereiro fev",
    "march mar märz mär mars marzo maart mrt março",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag mei maio",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août aout agosto ago augustus",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro",
)
_MONTH = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}
_NAME = r"(?P<name>[^\W\d_]{3,10})\.?"
#: Words before the number of an ISO week, in countries that count weeks so and in no other way.
_ISO_WEEK = r"KW|CW|Kalenderwoche|calendar week|Woche|semaine|settimana"
_WEEKDAY = r"(?:[^\W\d_]{2,10}\.?,? )?"
_ZONE = r"(?: ?(?:Z|\(?[A-Z]{2,5}\)?|(?:GMT|UTC)?[+-]\d{2}:?\d{2}))?"
_TIME = rf"(?:(?:[ T]|, | at )\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?{_ZONE})?"
_WAYS = {
    "ymd": rf"(?P<y>\d{{4}})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}}){_TIME}",
    "compact": r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})",
    "slash": rf"{_WEEKDAY}(?P<a>\d{{1,2}})(?P<s>[-/.])(?P<b>\d{{1,2}})(?P=s)(?P<y>\d{{4}}|\d{{2}}){_TIME}",
    "named": rf"{_WEEKDAY}(?P<d>\d{{1,2}})(?:\.|st|nd|rd|th)?[ -](?:de )?{_NAME}(?: de)?[ ,-]+"
    rf"(?P<y>\d{{4}}|\d{{2}}){_TIME}",
    "american": rf"{_WEEKDAY}{_NAME} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}}){_TIME}",
    "iso week": rf"(?P<y>\d{{4}})[ -]?(?:W|(?i:{_ISO_WEEK}) ?)(?P<w>\d{{1,2}})",
    "week of year": rf"(?i:{_ISO_WEEK})[ .-]{{0,2}}(?P<w>\d{{1,2}})[ ,/-]{{1,2}}(?P<y>\d{{4}})",
    "month": r"(?P<y>\d{4})[-/](?P<m>\d{2})",
    "month of year": r"(?P<m>\d{1,2})/(?P<y>\d{4})",
    "named month": rf"{_NAME} (?P<y>\d{{4}})",
}
_PATTERNS = {kind: re.compile(way) for kind, way in _WAYS.items()}
_CLOCK = re.compile(rf"{_TIME}$")
_MIDNIGHT = re.compile(r"[ T](?:0?0:00(?::00(?:[.,]0+)?)?(?![\d:])|12:00(?::00)? ?[Aa]\.?[Mm])")
_NAMED_DAY = re.compile(rf"^{_WEEKDAY}")
_RANGE = re.compile(r" (?:-|–|—|to|bis) |~")
# A week by its number, of a year, that does not say by which calendar.
_WORD = r"(?P<word>(?:w|wk|week|we|s|sem|semana|semaine|kw|cw|woche)\.?[ .-]{0,2})?"
_NUMBERED = [
    re.compile(rf"{_WORD}(?P<week>\d{{1,2}})[ ,/-]{{1,2}}(?P<year>(?:19|20)?\d{{2}})", flags=re.IGNORECASE),
    re.compile(rf"(?P<year>(?:19|20)\d{{2}})[ ,/-]{{1,2}}{_WORD}(?P<week>\d{{1,2}})", flags=re.IGNORECASE),
    re.compile(r"(?P<year>(?:19|20)\d{2})(?P<word>)(?P<week>\d{2})"),
]
_IN_TEXT = [
    re.compile(rf"(?<![\w/.{'' if kind == 'compact' else '-'}]){_WAYS[kind]}(?!\w)")
    for kind in ("ymd", "compact", "slash", "named", "american")
]
_SAID = {
    "ymd": "year, month, day",
    "compact": "YYYYMMDD",
    "named": "with month names",
    "nth": "counted from the start",
    "week": "as numbers of weeks",
}


@dataclass(frozen=True)
class Days:
    """The days of a column."""

    days: np.ndarray  # first day of every cell, as datetime64[D]
    kind: str  # "day", "week" or "month": what a cell stands for, as far as its writing says so
    order: str | None  # "day first" or "month first", where that had to be decided
    said: str  # how the cells are written


def token(cell: str, date_format: str | None = None, *, counted: bool = False) -> Token | None:
    """Return what a cell is as a day, or None; `counted` where a number is that of days since the start."""
    if date_format is not None:
        weekly, suffix = first_of_week(date_format)
        for text in dict.fromkeys((cell, _CLOCK.sub("", cell), _NAMED_DAY.sub("", _CLOCK.sub("", cell)))):
            with contextlib.suppress(ValueError):
                day = datetime.datetime.strptime(text + suffix, weekly or date_format)
                return ("week" if weekly else "format", day.year, day.month, day.day)
        return None
    if counted:
        return ("nth", int(cell)) if re.fullmatch(r"\d{1,5}", cell) else None
    if not any(c.isdigit() for c in cell):
        return None
    for kind, pattern in _PATTERNS.items():
        found = pattern.fullmatch(cell)
        if found and (read := _numbers(kind, found.groupdict())):
            return read
    ends = _RANGE.split(cell)
    if len(ends) == 2 and (first := token(ends[0].strip())) and (last := token(ends[1].strip())):
        return ("range", first, last)
    return None


def formats_of_week(cell: str, *, named: bool = False) -> tuple[str, str] | None:
    """Return the formats that read a numbered week as one of ISO, or as one that starts on Sunday; None for others.

    A cell without a word is one only where its column is called after weeks (`named`). Formats are empty where the year
    has two digits, for which there is none.

    Examples
    --------
    >>> formats_of_week("Week 10, 2026")
    ('Week %V, %G', 'Week %U, %Y')
    """
    found = next((found for pattern in _NUMBERED if (found := pattern.fullmatch(cell))), None)
    if found is None or not (named or found["word"]):
        return None

    def coded(**codes: str) -> str:
        text = cell
        for name in sorted(codes, key=found.start, reverse=True):
            text = text[: found.start(name)] + codes[name] + text[found.end(name) :]
        return text

    return ("", "") if len(found["year"]) == 2 else (coded(week="%V", year="%G"), coded(week="%U", year="%Y"))


def _numbers(kind: str, parts: dict[str, str]) -> Token | None:
    year = int(parts["y"]) + (2000 if len(parts["y"]) == 2 else 0)
    month = _MONTH.get(parts["name"].casefold(), 0) if "name" in parts else int(parts.get("m") or 0)
    if kind == "slash":
        first, second = int(parts["a"]), int(parts["b"])
        if parts["s"] == ".":  # written so in countries that put the day first
            return _checked("ymd", year, second, first)
        if min(first, second) < 1 or max(first, second) > 31 or min(first, second) > 12:
            return None
        return ("slash", first, second, year, parts["s"], "%y" if len(parts["y"]) == 2 else "%Y")
    if "week" in kind:
        try:
            day = datetime.date.fromisocalendar(year, int(parts["w"]), 1)
        except ValueError:
            return None
        return ("week", day.year, day.month, day.day)
    if "month" in kind:
        return _checked("month", year, month, 1)
    return _checked("named" if "name" in parts else kind, year, month, int(parts["d"]))


def _checked(kind: str, year: int, month: int, day: int) -> Token | None:
    try:
        datetime.date(year, month, day)
    except ValueError:
        return None
    return (kind, year, month, day)


def has_time(cell: str) -> bool:
    """Tell whether a cell holds a time of day other than midnight.

    Examples
    --------
    >>> [has_time(cell) for cell in ("2026-03-02", "2026-03-02 00:00:00", "3/2/2026 12:00 AM", "2026-03-02T09:00:00Z")]
    [False, False, False, True]
    """
    return ":" in cell and not _MIDNIGHT.search(cell) and _CLOCK.search(cell) is not None


def tokens_in(text: str) -> list[Token]:
    """Return every day that a line of text names, in order."""
    found: dict[int, Token] = {}
    for pattern in _IN_TEXT:
        for match in pattern.finditer(text):
            read = token(match.group().strip())
            if read and not any(start <= match.start() < start + 8 for start in found):
                found[match.start()] = read
    return [found[start] for start in sorted(found)]


def order_of(tokens: Iterable[Token]) -> str | None:
    """Return which of day and month comes first, where a number above 12 tells; "both" where they contradict."""
    pairs = [t[1:3] for t in _flat(tokens) if t[0] == "slash"]
    day_first, month_first = any(a > 12 for a, _ in pairs), any(b > 12 for _, b in pairs)
    if day_first and month_first:
        return "both"
    return "day first" if day_first else "month first" if month_first else None


def _flat(tokens: Iterable[Token]) -> list[Token]:
    return [part for t in tokens for part in (t[1:] if t[0] == "range" else (t,))]


def to_day(read: Token, order: str | None, start: datetime.date | None = None) -> datetime.date | None:
    """Return the first day that a token stands for; None where day and month cannot be told apart."""
    if read[0] == "range":
        return to_day(read[1], order)
    if read[0] == "nth":
        return None if start is None else start + datetime.timedelta(days=read[1])
    if read[0] != "slash":
        return datetime.date(*read[1:4])
    first, second, year = read[1:4]
    if order is None and first != second:
        return None
    day, month = (first, second) if order == "day first" else (second, first)
    return datetime.date(year, month, day) if month <= 12 else None


def read_days(
    tokens: Sequence[Token], *, where: str, around: Sequence[Token], known: str | None, start: datetime.date | None
) -> Days:
    """Turn tokens into days.

    Which of day and month comes first is told by the cells, else by days around the table, else by an earlier file of
    the same kind (`known`); `start` is the day with number zero, for a column that counts days.
    """
    unique = list(dict.fromkeys(tokens))
    kinds = {t[0] for t in unique}
    if len(kinds) > 1:
        examples = ", ".join(f"{kind} in data row {_first(tokens, kind)}" for kind in sorted(kinds))
        raise DateError(
            f"{where} writes its days in {len(kinds)} ways ({examples}); one is allowed; write them alike, or pass "
            f"the one that counts as date_format='%Y-%m-%d'"
        )
    order = order_of(unique)
    if order == "both":
        raise DateError(
            f"{where} has numbers above 12 both in the first place and in the second, so that neither day nor "
            f"month can be first in all rows; correct the rows that differ"
        )
    nearby = order_of(around)
    order = order or (nearby if nearby != "both" else None) or known
    days = {t: to_day(t, order, start) for t in unique}
    if unknown := [t for t, day in days.items() if day is None]:
        _refuse_order(where, unknown[0])
    kind = _kind_of(unique, days, order, where)
    said = f"{order}, as a number above 12 shows" if order else _SAID.get(unique[0][0], unique[0][0])
    return Days(np.array([days[t] for t in tokens], dtype="datetime64[D]"), kind, order, said)


def _first(tokens: Sequence[Token], kind: str) -> int:
    return next(i for i, t in enumerate(tokens, 1) if t[0] == kind)


def _refuse_order(where: str, read: Token) -> None:
    if read[0] == "nth":
        raise DateError(
            f"{where} counts days, but no line above the table says 'Start date'; download it with dates"
        )
    first, second, year, mark, short = (read[1] if read[0] == "range" else read)[1:6]
    day, month = (
        f"{datetime.date(year, b, a).day} {datetime.date(year, b, a):%B}"
        for a, b in ((first, second), (second, first))
    )
    raise AmbiguousError(
        f"{where} holds slashed dates with no day above 12: {first}{mark}{second}{mark}{year} is {day} or {month}; "
        f"date_format='%d{mark}%m{mark}{short}' puts the day first, date_format='%m{mark}%d{mark}{short}' the "
        f"month"
    )


def _kind_of(unique: list[Token], days: dict[Token, datetime.date | None], order: str | None, where: str) -> str:
    if unique[0][0] in ("week", "month"):
        return unique[0][0]
    if unique[0][0] != "range":
        return "day"
    lengths = {(to_day(t[2], order) - days[t]).days + 1: days[t] for t in unique}  # type: ignore[operator]
    long = [size for size, first in lengths.items() if size > 7 and not (28 <= size <= 31 and first.day == 1)]  # type: ignore[union-attr]
    if long:
        raise NoDaysError(
            f"{where} holds ranges of {long[0]} days, from {lengths[long[0]]} on, so that the file holds no days, only "
            f"totals; download it by day"
        )
    return "week" if max(lengths) > 1 and max(lengths) <= 7 else "month" if max(lengths) > 7 else "day"
