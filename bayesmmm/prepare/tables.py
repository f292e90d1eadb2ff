"""Tables inside a file: where their header is, which column holds days, which rows are data, totals and footers.

Knows the rows of a file as text. A header is the row that has the columns asked for; a row of data is one with a day.
Rows without a day are never dropped in silence: they are totals, a footer, or an error.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bayesmmm.data.cells import TOTAL, is_unstated
from bayesmmm.data.dates import forms_of
from bayesmmm.errors import (
    AmbiguousError,
    DateError,
    EmptyFileError,
    FileFormatError,
    NoDaysError,
    OverlapError,
    UnknownColumnError,
)
from bayesmmm.prepare.amounts import is_number
from bayesmmm.prepare.days import Token, token
from bayesmmm.prepare.reading import RawFile, clean, is_blank
from bayesmmm.prepare.weeks import fiscal_token, names_weeks, refuse_numbers
from bayesmmm.text import did_you_mean, listed

# Columns that say how a row was counted, not what it is about: a row of totals may fill them.
_SETTING = re.compile(r"attribution|currency|währung|setting|status|level", flags=re.IGNORECASE)
# Names of the first and the last day of what a row stands for, as words of their own and at the end of compounds.
_STARTS = re.compile(
    r"(?<![^\W_])(?:start\w{0,3}|begin\w{0,4}|from|von|ab|desde|début|debut|inicio|início|inizio|first|anfang|van|"
    r"startdatum|begindatum)(?![^\W_])|(?:start|beginn|anfang)(?:s?datum)?$",
    flags=re.IGNORECASE,
)
_ENDS = re.compile(
    r"(?<![^\W_])(?:end\w{0,3}|to|bis|hasta|até|fin|fine|fim|t[eé]rmino|last|stop\w{0,3}|einde|tot|enddatum|einddatum)"
    r"(?![^\W_])|ende(?:datum)?$",
    flags=re.IGNORECASE,
)
_PLACE = re.compile(r"[1-9]\d{0,3}", flags=re.ASCII)  # of a column among those of its name
_TOP = 200  # a table starts among so many first rows, or after a blank row or a comment
_PROBED = 60
_USUAL = (
    *("day", "date", "tag", "datum", "jour", "fecha", "data", "dia", "giorno", "dag", "timeperiod", "created at"),
    *("send time", "week", "woche", "month", "monat"),
)


@dataclass(frozen=True)
class Table:
    """One table of a file."""

    file: str  # what the file is called
    path: str  # where it came from
    #: what each column may be called: its name, and the parts of a header of several rows
    names: list[tuple[str, ...]]
    head: int  # row number of the header
    date: int  # place of the column of days
    rows: list[list[str]]  # rows with a day
    columns: list[tuple[str, ...]]  # the same cells by column
    lines: list[int]  # their row numbers
    tokens: list[Token]  # what the days of these rows are, as far as one cell tells
    totals: list[tuple[int, list[str]]]  # rows of totals with their row numbers
    above: list[str]  # the lines above the table
    below: list[str]  # the lines below it
    counted: bool  # whether days are counted from a start that the notes give

    def places(self, name: str) -> list[int]:
        """Return where columns of a name are; ``name#2`` is the second of them."""
        base, mark, number = name.rpartition("#")
        if mark and _PLACE.fullmatch(number) and (found := self._named(base)):
            return found[int(number) - 1 : int(number)]
        return self._named(name)

    def _named(self, name: str) -> list[int]:
        wanted = clean(name)
        found = [i for i, known in enumerate(self.names) if wanted in known]
        folded = wanted.casefold()
        return found or [i for i, known in enumerate(self.names) if folded in (n.casefold() for n in known)]

    def place(self, name: str) -> int | None:
        """Return where a column is; None if there is none."""
        found = self.places(name)
        if any(self.columns[i] != self.columns[found[0]] for i in found[1:]):
            raise OverlapError(
                f"{self.path!r} has {len(found)} columns {name!r} in row {self.head}: "
                f"{listed(self.names[i][0] for i in found)}, with different cells; name one, as '{clean(name)}#2' "
                f"for the second"
            )
        return found[0] if found else None


@dataclass(frozen=True)
class Search:
    """What is looked for in a file."""

    columns: tuple[str, ...]  # columns asked for; empty if every column of numbers is
    dates: tuple[str, ...]  # names that the column of days may have; empty if it has to be found
    date_format: str | None  # as in `datetime.strptime`
    fiscal: Sequence[str] | None = None  # columns of fiscal year and week, where weeks are numbered


def find_tables(raw: RawFile, search: Search) -> list[Table]:
    """Return every table with days and one of the columns asked for."""
    starts = _headers(raw, search)
    tables: list[Table] = []
    end = 0
    for number, (first, last) in enumerate(starts):
        if first < end:
            continue
        bound = starts[number + 1][0] if number + 1 < len(starts) else len(raw.rows)
        names = _names(raw.rows[first : last + 1])
        found = _date_place(raw, names, last, bound, search)
        if found is not None:
            table, end = _table(raw, search, names, (end, first, last, bound), *found)
            tables += [table] if table.rows else []
    if not tables:
        _refuse(raw, search)
    return tables


# ------------------------------------------------------------------------------------------------------------- headers
def _folded(cells: Collection[str]) -> set[str]:
    return {clean(cell).casefold() for cell in cells if cell}


def _plain(name: str) -> str:
    base, mark, number = name.rpartition("#")
    return clean(base if mark and _PLACE.fullmatch(number) else name).casefold()


def _headers(raw: RawFile, search: Search) -> list[tuple[int, int]]:
    """Return first and last row of every header that may be one."""
    dates = {clean(name).casefold() for name in search.dates}
    wanted = {part for name in search.columns for part in (_plain(name), *_plain(name).split(" / "))}
    found: list[tuple[int, int]] = []
    for i, row in enumerate(raw.rows):
        previous = raw.rows[i - 1] if i else []
        if i >= _TOP and not _ends_table(previous):
            continue
        if found and (i <= found[-1][1] or (row == raw.rows[found[-1][0]] and not _ends_table(previous))):
            continue
        cells = _folded(row)
        if wanted and wanted.isdisjoint(cells):
            continue
        first, last = _group(raw.rows, i)
        if (
            dates
            and not dates & cells
            and not (last + 1 < len(raw.rows) and dates & _folded(raw.rows[last + 1][:1]))
        ):
            continue
        if not wanted and not dates and not _starts_table(raw.rows, last):
            continue
        found.append((first, last))
    return found


def _ends_table(row: list[str]) -> bool:
    if row and row[0] and not row[0].isspace():  # as nearly all rows show at once
        return row[0].startswith("#")
    return is_blank(row)


def _group(rows: list[list[str]], i: int) -> tuple[int, int]:
    """Return the rows of a header that has several, each with an empty first cell; else the row itself."""

    def continues(j: int) -> bool:
        row = rows[j] if 0 <= j < len(rows) else []
        return (
            len(row) == len(rows[i]) > 1
            and not clean(row[0])
            and not is_blank(row)
            and not any(is_number(cell) for cell in row[1:])
        )

    first = last = i
    if continues(i):
        while continues(first - 1):
            first -= 1
        while continues(last + 1):
            last += 1
    return first, last


def _starts_table(rows: list[list[str]], i: int) -> bool:
    """Tell whether a row of names stands above a row with a day."""
    below = next((row for row in rows[i + 1 : i + 3] if len(row) == len(rows[i]) and any(map(_is_day, row))), None)
    return below is not None and sum(bool(clean(cell)) for cell in rows[i]) >= 2 and not any(map(_is_day, rows[i]))


def _is_day(cell: str) -> bool:
    return token(clean(cell)) is not None


def _names(rows: list[list[str]]) -> list[tuple[str, ...]]:
    if len(rows) == 1:
        return [(clean(cell),) for cell in rows[0]]
    parts = [
        list(dict.fromkeys(clean(cell) for cell in column if clean(cell))) for column in zip(*rows, strict=True)
    ]
    return [tuple(dict.fromkeys([" / ".join(names), *names])) for names in parts]


# ---------------------------------------------------------------------------------------------------- column of days
def _date_place(
    raw: RawFile, names: list[tuple[str, ...]], last: int, bound: int, search: Search
) -> tuple[int, bool] | None:
    """Return the place of the column of days, and whether its days are counted."""
    top = [known[0].casefold() if known else "" for known in names]
    if search.dates:
        for name in search.dates:
            folded = clean(name).casefold()
            if folded in top:
                return top.index(folded), folded == "nth day"
            below = raw.rows[last + 1] if last + 1 < len(raw.rows) else []
            if below and clean(below[0]).casefold() == folded:
                return 0, False
        return None
    probe = [row for row in raw.rows[last + 1 : min(bound, last + 1 + _PROBED)] if len(row) == len(names)]
    if "nth day" in top:
        return top.index("nth day"), True
    held = {}
    for i in range(len(names)):
        cells = [clean(row[i]) for row in probe]
        if names_weeks(top[i]) and any((token(cell, search.date_format) or ("",))[0] == "month" for cell in cells):
            refuse_numbers(raw.path, names[i][0], cells)  # where 10/2026 is no month
        count = sum(token(cell, search.date_format) is not None for cell in cells)
        if count and count >= 0.5 * sum(not is_blank(row) for row in probe):
            held[i] = cells
    if not held:
        return None
    usual = [top.index(name) for name in _USUAL if name in top and top.index(name) in held]
    if usual:
        return usual[0], False
    places = [i for i in held if not is_end(top[i], [top[j] for j in held])]
    if any(held[i] != held[places[0]] for i in places[1:]):
        raise AmbiguousError(
            f"{raw.path!r} has days in {len(places)} columns, {listed(names[i][0] for i in places)}; name the one "
            f"that counts, as date={names[places[0]][0]!r}"
        )
    return places[0], False


def is_end(name: str, others: Sequence[str]) -> bool:
    """Tell whether a column is called the end of what another one is called the start of."""
    return bool(_ENDS.search(name)) and any(_STARTS.search(other) for other in others if other != name)


def end_place(table: Table) -> int | None:
    """Return the column that holds the last day of what a row stands for."""
    top = [known[0] if known else "" for known in table.names]
    if not _STARTS.search(top[table.date]):
        return None
    probe = slice(0, _PROBED)
    ends = [i for i, name in enumerate(top) if i != table.date and is_end(name, [top[table.date]])]
    return next((i for i in ends if all(map(_is_day, table.columns[i][probe]))), None)


# ---------------------------------------------------------------------------------------------------------------- rows
def _table(
    raw: RawFile,
    search: Search,
    names: list[tuple[str, ...]],
    span: tuple[int, int, int, int],
    date: int,
    counted: bool,
) -> tuple[Table, int]:
    before, first, last, bound = span
    top = [known[0].casefold() for known in names]
    places = [top.index(clean(name).casefold()) for name in search.fiscal or () if clean(name).casefold() in top]
    read: dict[str, Token | None] = {}

    def day(row: list[str]) -> Token | None:
        if len(row) <= date:
            return None
        if search.fiscal is not None:
            return fiscal_token([row[place] if len(row) > place else "" for place in places])
        if (cell := row[date]) not in read:
            read[cell] = token(clean(cell), search.date_format, counted=counted)
        return read[cell]

    rows, lines, tokens = [], [], []
    above, notes = [_joined(row) for row in raw.rows[before:first] if not is_blank(row)], []
    asked = [
        i for i, known in enumerate(names) if not search.columns or {n.casefold() for n in known} & _asked(search)
    ]
    totals = _totals_above(raw.rows, before, first, len(names), asked)
    ended, width, i = False, len(names), last + 1
    while i < bound:
        row = raw.rows[i]
        i += 1
        if not ended and (found := day(row)) is not None and not (found[0] == "range" and is_total(row)):
            rows.append(_fitted(row, width, raw, i))
            lines.append(i)
            tokens.append(found)
            continue
        if is_blank(row):
            ended = ended or _ends(raw.rows, i, bound, day, width)
            continue
        if ended or row[0].startswith("#") or _joined(row).startswith("©"):
            ended = True
            notes.append(_joined(row))
            continue
        if (
            is_total(row)
            or _is_unlabelled(row, asked, names)
            or (_is_labelled(row, date) and (not rows or not _goes_on(raw.rows, i, bound, day)))
            or (i == last + 2 and not top[0] and _is_named_total(row))
        ):
            totals.append((i, [*row, *[""] * (width - len(row))]))
        elif [clean(cell) for cell in row] != [known[0] if known else "" for known in names]:
            if len(row) < width or not any(is_number(row[j]) for j in asked if j < len(row)):
                notes.append(_joined(row))
                _check_footer(raw, i, bound, day, width)
            else:
                _refuse_row(raw, i, row, names[date][0], date)
    end = max([last + 1, *lines[-1:], *(line for line, _ in totals)])
    columns = list(zip(*rows, strict=True))
    table = Table(
        raw.name, raw.path, names, last + 1, date, rows, columns, lines, tokens, totals, above, notes, counted
    )
    return table, end


def _totals_above(
    rows: list[list[str]], before: int, first: int, width: int, asked: list[int]
) -> list[tuple[int, list[str]]]:
    """Return rows of totals between the end of the last table and a header, with their row numbers."""
    return [
        (i + 1, rows[i])
        for i in range(before, first)
        if len(rows[i]) == width and is_total(rows[i]) and any(is_number(rows[i][j]) for j in asked)
    ]


def _asked(search: Search) -> set[str]:
    return {_plain(name) for name in search.columns}


def _joined(row: list[str]) -> str:
    return " ".join(clean(cell) for cell in row if cell)


def _fitted(row: list[str], width: int, raw: RawFile, line: int) -> list[str]:
    if len(row) == width:
        return row
    if len(row) > width and is_blank(row[width:]):
        return row[:width]
    raise FileFormatError(
        f"{raw.path!r}, row {line}: {len(row)} cells where the header has {width}; every row needs as many; quote "
        f"cells that contain the separator, or download the file again"
    )


def _ends(rows: list[list[str]], i: int, bound: int, day: Callable, width: int) -> bool:
    """Tell whether a table ends at a blank row: what follows is neither data of the same width nor a total."""
    following = next((row for row in rows[i:bound] if not is_blank(row)), None)
    return following is None or not (
        (day(following) is not None and len(following) == width) or is_total(following)
    )


def _check_footer(raw: RawFile, i: int, bound: int, day: Callable, width: int) -> None:
    """Refuse a line that is no data while data go on below it."""
    following = next((row for row in raw.rows[i:bound] if not is_blank(row)), None)
    if following is not None and len(following) == width and day(following) is not None:
        raise DateError(
            f"{raw.path!r}, row {i}: {_joined(raw.rows[i - 1])[:80]!r} is neither a day nor a total, and more days "
            f"follow; correct the row or take it out of the file"
        )


def is_total(row: Sequence[str]) -> bool:
    """Tell whether a cell of a row without a day says that the row is a total."""
    return any(cell and TOTAL.match(cell.strip()) for cell in row)


def is_total_name(cell: str) -> bool:
    """Tell whether a cell names nothing but a total."""
    return bool(TOTAL.fullmatch(cell.strip()))


def total_of(row: Sequence[str]) -> str:
    """Return what a row is a total of, as "Search" in "Total: Search"; empty for everything."""
    cell = next((cell.strip() for cell in row if cell and TOTAL.match(cell.strip())), "")
    return TOTAL.sub("", cell, count=1).lstrip(" :-–—")


def _is_unlabelled(row: list[str], asked: list[int], names: list[tuple[str, ...]]) -> bool:
    """Tell whether a row has numbers asked for, and nothing that names them."""
    settings = {i for i, known in enumerate(names) if _SETTING.search(known[0])}
    others = [cell for i, cell in enumerate(row) if i not in asked and i not in settings]
    named = any(not (is_unstated(cell) or is_number(cell) or _is_day(cell)) for cell in others)
    return not named and any(is_number(row[i]) for i in asked if i < len(row))


def _is_labelled(row: list[str], date: int) -> bool:
    """Tell whether a word in place of the day, without a digit, is all that a row of numbers says of itself."""
    words = {i: cell for i, cell in enumerate(map(clean, row)) if not is_unstated(cell) and not is_number(cell)}
    return list(words) == [date] and not any(c.isdigit() for c in words[date]) and any(map(is_number, row))


def _goes_on(rows: list[list[str]], i: int, bound: int, day: Callable) -> bool:
    """Tell whether a row with a day follows."""
    return any(day(row) is not None for row in rows[i:bound])


def _is_named_total(row: list[str]) -> bool:
    """Tell whether the first row of a table is a total that only the name of the dimension labels."""
    return bool(clean(row[0])) and all(is_number(cell) for cell in row[1:])


def _refuse_row(raw: RawFile, line: int, row: list[str], name: str, date: int) -> None:
    cell = clean(row[date])
    seen = f"{cell!r} in column {name!r} is not a day" if cell else f"its day in column {name!r} is empty"
    raise DateError(
        f"{raw.path!r}, row {line}, has numbers but {seen}; correct the cell, or say how days are written, as "
        f"date_format='%d %B %Y'"
    )


# ------------------------------------------------------------------------------------------------------------ refusals
def _refuse(raw: RawFile, search: Search) -> None:
    """Say why a file has no table with the columns asked for."""
    asked = _asked(search)
    row = max(
        raw.rows[:_TOP], key=lambda row: (len(asked & _folded(row)), len(row) if not asked else 0), default=[]
    )
    if asked and not asked & _folded(row):
        wide = max(raw.rows[:_TOP], key=lambda row: sum(bool(clean(cell)) for cell in row), default=[])
        names = [clean(cell) for cell in wide if clean(cell)]
        raise UnknownColumnError(
            f"{raw.path!r} has no row with any of the columns asked for, {listed(search.columns)}"
            f"{did_you_mean(search.columns[0], names)}; its widest row reads {listed(names)}"
        )
    line = next(i for i, other in enumerate(raw.rows) if other is row)
    below = [r for r in raw.rows[line + 1 : line + 1 + _PROBED] if not is_blank(r)]
    if not below:
        raise EmptyFileError(
            f"{raw.path!r} is empty: it has a header in row {line + 1} and no row below it; download it again"
        )
    fiscal = [clean(cell) for cell in row if "week" in cell.casefold() or "year" in cell.casefold()]
    held = [clean(row[i]) for i in range(len(row)) if any(len(r) > i and _is_day(r[i]) for r in below[:5])]
    if search.dates and held:
        raise UnknownColumnError(
            f"{raw.path!r} has no column {listed(search.dates)}{did_you_mean(search.dates[0], held)} in row "
            f"{line + 1}; days are read in {listed(held)}: date={held[0]!r}"
        )
    _refuse_forms(raw, row, below)
    above = next((_joined(r) for r in reversed(raw.rows[:line]) if not is_blank(r)), "")
    said = f" (the line above the table reads {above[:60]!r})" if above else ""
    if len(fiscal) >= 2:
        said += f"; if these are fiscal weeks of a retail calendar, fiscal=({fiscal[0]!r}, {fiscal[1]!r})"
    raise NoDaysError(f"{raw.path!r} holds no days, only totals{said}; download it by day")


def _refuse_forms(raw: RawFile, head: list[str], below: list[list[str]]) -> None:
    """Refuse days in a form that is read only where it is told."""
    for i, name in enumerate(map(clean, head)):
        cells = [clean(row[i]) for row in below if len(row) > i]
        refuse_numbers(raw.path, name, cells)
        if forms := forms_of(cells):
            also = f" (or {forms[1]!r})" if len(forms) > 1 else ""
            raise DateError(
                f"{raw.path!r}, column {name!r}: {cells[0]!r} is taken as a day only where its form is told; pass "
                f"date={name!r}, date_format={forms[0]!r}{also}"
            )
