"""From a table of text to rows of days and numbers: the steps that one file goes through on its own.

Knows one table and the settings. Every step leaves a record; whatever is left out is in it with its amounts.
"""

import contextlib
import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bayesmmm.data.dates import check_years
from bayesmmm.errors import (
    ExportSettingError,
    IncompleteDayError,
    NoDaysError,
    NotNumericError,
    OverlapError,
    UnknownColumnError,
)
from bayesmmm.prepare import mixed_rows
from bayesmmm.prepare.amounts import Column, fewest_decimals, look, refuse_mark, to_numbers
from bayesmmm.prepare.days import ORDERS, Days, has_time, read_days, to_day, token
from bayesmmm.prepare.log import Step
from bayesmmm.prepare.mixed_rows import convert
from bayesmmm.prepare.notes import Notes, flags, read_notes
from bayesmmm.prepare.part import SEPARATOR, Part, named_rows
from bayesmmm.prepare.reading import clean, clean_all
from bayesmmm.prepare.settings import Settings
from bayesmmm.prepare.tables import Table, end_place
from bayesmmm.prepare.totals import Source, compare_totals, daily_totals
from bayesmmm.prepare.weeks import DAY, names_last_day, spacing
from bayesmmm.text import counted, listed, written

_NUMBERS = ("sum", "mean", "max", "only", "below")
_PROBED = 200  # cells that show that a column says something else
_MOST_FLAGS = 6  # different cells of a column that says what is complete
_RATE = re.compile(
    r"\b(?:ctr|cpc|cpm|cpa|cpv|roas|acos|avg|average|position|frequency|share)\b|rate\b|durchschn|\bper\b| / |"
    r"cost/|kosten/",
    flags=re.IGNORECASE,
)
_ID = re.compile(r"\b(?:id|ids|number|nummer|zip|postcode|year|week|month|weekday)$", flags=re.IGNORECASE)


@dataclass(frozen=True)
class Decided:
    """What the cells of a file showed, for files of the same kind that do not show it."""

    order: str | None = None  # order of day and month
    marks: Mapping[str, str] = dataclasses.field(default_factory=dict)  # decimal mark of each column of the file

    def __post_init__(self) -> None:
        if self.order not in (None, *ORDERS) or not all(mark in (".", ",") for mark in self.marks.values()):
            raise TypeError(f"{written(self)} is no way to write cells")


def read_part(
    table: Table, columns: Mapping[str, str], given: Settings, known: Decided, read: Mapping[int, Column]
) -> tuple[Part, list[Step], Decided]:
    """Turn a table into rows of days and numbers."""
    days, notes = _days(table, given, known)
    part, sources, decided, step = _numbers(table, columns, days, notes, given, known, read)
    numbered = [s for s in sources if given.how_of(s.name) == "sum" and s.name not in given.only]
    double = equal_lines(table) if given.duplicates == "drop" else np.zeros(len(table.rows), dtype=bool)
    taken, details = compare_totals(table, numbered, double, accept="totals" in given.accept)
    steps = [_days_step(part, table, days, notes), *_with_totals(step, len(table.totals), taken, details)]
    mask, said = daily_totals(table, days.days, numbered, accept="totals" in given.accept)
    part, more = part.without(mask, "totals", "rows that are totals of their day, left out", [said])
    steps += more
    mask = np.isin(part.lines, np.array(table.lines)[double])
    part, more = part.without(
        mask, "duplicates", f"{named_rows(part.lines[mask])} like another in every cell, dropped"
    )
    steps += more
    part, more = _select(part, table, given)
    steps += more
    _check_incomplete(part, table, notes, given, days.days.max())
    part, more = _one_kind(part, table, columns, given)
    return part, steps + more, dataclasses.replace(decided, order=days.order)


# ---------------------------------------------------------------------------------------------------------------- days
def _days(table: Table, given: Settings, known: Decided) -> tuple[Days, Notes]:
    where = f"{table.path!r}, column {table.names[table.date][0] or 'of days'!r}"
    notes = read_notes(table.above, table.below, known.order)
    days = read_days(table.tokens, where=where, around=notes.tokens, known=known.order, start=notes.start)
    check_years(days.days, lambda row: f"{where}, row {table.lines[row]}")
    if days.order is not None:
        notes = read_notes(table.above, table.below, days.order)
    days = _spans(table, days, given, where)
    _check_repeated(days.days, notes, given, where)
    return _from_last(days, table.names[table.date][0], given.of("week_label", table.file)), notes


def _from_last(days: Days, name: str, label: str | None) -> Days:
    """Return the first days of weeks that are labelled by their last one, as told, or as the column is called."""
    if label is None and names_last_day(name) and days.kind in ("day", "week"):
        unique = np.unique(days.days)
        weekly = len(unique) > 1 and (np.diff(unique).astype(int) % 7 == 0).all()
        said = f"{days.said}, the last day of each week as the column is called"
        label, days = ("end", dataclasses.replace(days, said=said)) if weekly else (None, days)
    return dataclasses.replace(days, days=days.days - 6 * DAY, kind="week") if label == "end" else days


def _check_repeated(days: np.ndarray, notes: Notes, given: Settings, where: str) -> None:
    """Refuse rows that all have the first or the last day of a longer range: that day is one of the report."""
    if notes.covered is None or len(days) < 2 or given.fill or given.start or given.stop:
        return
    if (days == days[0]).all() and days[0] in notes.covered and notes.covered[0] < notes.covered[1]:
        raise NoDaysError(
            f"{where}: all {len(days)} rows are of {days[0]}, and the file says that it covers {notes.line[:80]!r}, so "
            f"that it holds no days, only totals; download it by day, or say that nothing was delivered on the others: "
            f"fill=True"
        )


def _spans(table: Table, days: Days, given: Settings, where: str) -> Days:
    """Look at the last day of a row, where a column holds it: a row of a whole range is no day."""
    place = end_place(table)
    if place is None or given.fiscal is not None:
        return days
    order, form = days.order, given.of("date_format", table.file)
    tokens = {cell: token(clean(cell), form) for cell in set(table.columns[place])}
    read = {cell: to_day(found, order) for cell, found in tokens.items() if found is not None}
    ends = [read.get(cell) for cell in table.columns[place]]
    if not all(ends):
        return days
    lengths = (np.array(ends, dtype="datetime64[D]") - days.days).astype(int) + 1
    months = (lengths >= 28) & (lengths <= 31) & (days.days == days.days.astype("datetime64[M]"))
    if (lengths == 1).all() or (lengths < 1).any():
        return days
    if (lengths <= 7).all():
        return dataclasses.replace(days, kind="week")
    if months.all():
        return dataclasses.replace(days, kind="month")
    row = int(np.argmax(~months & (lengths > 7)))
    raise NoDaysError(
        f"{where}: row {table.lines[row]} runs from {days.days[row]} to {ends[row]}, {lengths[row]} days, so that "
        f"the file holds no days, only totals; download it by day"
    )


def _covered(days: np.ndarray, unit: str, notes: Notes, given: Settings) -> tuple[np.datetime64, np.datetime64]:
    """Return the first and last day that the rows are complete for."""
    length = {"day": 0, "week": 6, "month": 0}[unit]
    first, last = days.min(), days.max() + length * DAY
    if notes.covered is not None and unit != "month" and notes.covered[0] <= last and notes.covered[1] >= first:
        # Days that are there are covered whatever a line says; a week may be cut by the range.
        first, last = (
            (min(first, notes.covered[0]), max(last, notes.covered[1])) if unit == "day" else notes.covered
        )
    if given.start is not None:
        first = np.datetime64(given.start)
    if given.stop is not None:
        last = np.datetime64(given.stop)
    return first, last


def _check_incomplete(part: Part, table: Table, notes: Notes, given: Settings, held: np.datetime64) -> None:
    """Refuse a last day that was not over when the file was made."""
    last = part.days.max()
    if "incomplete" in given.accept:
        return
    _check_flags(part, table)
    on_last = next((line for day, line in notes.moments if day == last == held), None)
    if notes.complete is None and on_last is not None:
        notes = dataclasses.replace(notes, complete=last - DAY, said=on_last)
    if notes.complete is None or part.unit != "day":
        return
    if last > notes.complete or (np.isnat(notes.complete) and last == held):
        before = min(last - DAY, notes.complete) if not np.isnat(notes.complete) else last - DAY
        raise IncompleteDayError(
            f"{part.path!r}: the last day, {last}, may not be complete: the file says {notes.said[:80]!r}; leave "
            f"it out with stop='{before}', download the file again, or take it as it is: accept=['incomplete']"
        )


def _check_flags(part: Part, table: Table) -> None:
    """Refuse days that a column of the file calls incomplete."""
    for place, known in enumerate(table.names):
        held = table.columns[place] if place != table.date and len(table.rows) else ()
        if len(set(held[:_PROBED])) > _MOST_FLAGS or len(cells := set(held)) > _MOST_FLAGS:
            continue
        says = flags(known[0] if known else "", cells)
        lines = {line for line, cell in zip(table.lines, table.columns[place], strict=True) if cell in says}
        mask = np.isin(part.lines, list(lines)) if lines else np.zeros(len(part), dtype=bool)
        if mask.any() and not mask.all():
            first = part.days[mask].min()
            raise IncompleteDayError(
                f"{part.path!r}, column {known[0]!r}: {named_rows(part.lines[mask])} are not complete, "
                f"{part.unit}s from {first} on; leave them out with stop='{first - DAY}', download the file again, or "
                f"take them as they are: accept=['incomplete']"
            )


# ------------------------------------------------------------------------------------------------------------- numbers
def number_columns(table: Table) -> tuple[dict[str, str], list[str], dict[int, Column]]:
    """Return the columns of numbers to add up, those left out (shares, averages, identifiers), and all read."""
    chosen: dict[str, str] = {}
    read: dict[int, Column] = {}
    left: list[str] = []
    for place, known in enumerate(table.names):
        name = known[0] if known else ""
        if place == table.date or not name:
            continue
        try:
            column = look(table.columns[place], "", table.lines)
        except NotNumericError:
            continue
        if not column.text:
            continue
        read[place] = column
        if "%" in column.signs or _RATE.search(name) or _ID.search(name) or name in chosen:
            left.append(name)
        else:
            chosen[name] = name
    return chosen, left, read


def _numbers(
    table: Table, columns: Mapping[str, str], days: Days, notes: Notes, given: Settings, known: Decided, read
) -> tuple[Part, list[Source], Decided, Step]:
    needed = {name: source for name, source in columns.items() if given.how_of(name) in _NUMBERS}
    looked: dict[str, tuple[int, Column]] = {}
    for name, source in needed.items():
        if source not in looked:
            place = _needed(table, source)
            if place == table.date and given.fiscal is None:
                raise ExportSettingError(
                    f"columns= asks for {source!r}, which holds the days of {table.path!r}; leave it out of "
                    f"columns= and say date={source!r}, date_as={name!r}"
                )
            column = read.get(place) or look(table.columns[place], _where(table, place), table.lines, answers=True)
            looked[source] = (place, column)
    marks = _marks(table, needed, looked, given, known)
    sources: list[Source] = []
    values, decimals, whole, said = {}, {}, set(), []  # type: ignore[var-annotated]
    for name, source in needed.items():
        place, column = looked[source]
        amounts = to_numbers(
            column,
            table.columns[place],
            table.lines,
            mark=marks[source],
            where=_where(table, place),
            missing=given.taken("missing", name),
            count=not mixed_rows.may_be_money(source),
            below="half" if given.how_of(name) == "below" else given.taken("below", name),
        )
        numbers = amounts.small.astype(float) if given.how_of(name) == "below" else amounts.values
        if name in given.only:
            numbers = np.where(_stated(table, given.only[name]), numbers, 0.0)
        values[name], decimals[name] = numbers, amounts.decimals if given.how_of(name) != "below" else 0
        whole |= {name} if amounts.whole or given.how_of(name) == "below" else set()
        # Numbers that stand for cells that state none need theirs, too.
        decimals[name] = max(decimals[name], fewest_decimals(numbers))
        sources.append(Source(name, place, marks[source], numbers, decimals[name]))
        said += amounts.notes
    ordered = np.unique(days.days)
    unit = _unit(table, days, ordered, given)
    if table.date in [table.place(key) for key in given.geo.values()] and given.fiscal is None:
        named = list(given.geo.values())
        text = f"geo={(named[0] if len(named) == 1 else named)!r} names the column of the days of {table.path!r}"
        raise ExportSettingError(f"{text}; name the one that holds the regions")
    texts = _texts(table, columns, given)
    part = Part(
        table.file,
        table.path,
        np.array(table.lines),
        days.days,
        unit,
        values,
        texts,
        tuple(name for name in needed if given.how_of(name) == "sum"),
        decimals,
        frozenset(whole),
        _covered(days.days, unit, notes, given),
        _currency(table, needed, looked, "currency" in given.accept),
    )
    shown = {source: marks[source] for source, (_, column) in looked.items() if column.mark is not None}
    step = part.step("amounts", _said_marks(marks, looked), part, details=said)
    return part, sources, Decided(None, shown), step


def _unit(table: Table, days: Days, ordered: np.ndarray, given: Settings) -> str:
    """Whether rows are about days, weeks or months."""
    told = given.of("week_label", table.file) == "day"
    if told or (days.kind == "day" and any(map(has_time, table.columns[table.date]))):
        return "day"  # whatever days lie between them, as mailings do that go out on Tuesdays only
    return spacing(ordered, days.kind, _where(table, table.date), table.names[table.date][0])


def _where(table: Table, place: int) -> str:
    return f"{table.path!r}, column {(table.names[place] or ('',))[0]!r}"


def _needed(table: Table, name: str) -> int:
    place = table.place(name)
    if place is None:
        known = [names[0] for names in table.names if names and names[0]]
        raise UnknownColumnError(
            f"{table.path!r} has no column {name!r} in row {table.head}: it has {listed(known)}"
        )
    return place


def _text(table: Table, name: str) -> np.ndarray:
    return np.array(clean_all(table.columns[_needed(table, name)]), dtype=object)


def _texts(table: Table, columns: Mapping[str, str], given: Settings) -> dict[str, np.ndarray]:
    """Return the cells that stay text, by name; the keys of a series are one text."""
    sources = {name: source for name, source in columns.items() if given.how_of(name) == "distinct"}
    sources |= {"group": given.pivot} if given.pivot else {}
    sources |= {"label": given.label} if given.label else {}
    texts = {name: _text(table, source) for name, source in sources.items()}
    if given.geo:
        keys = [_text(table, source) for source in given.geo.values()]
        texts["geo"] = np.array([SEPARATOR.join(key) for key in zip(*keys, strict=True)], dtype=object)
    return texts


def _stated(table: Table, condition: str) -> np.ndarray:
    """Return the rows in which a column is not empty, or holds the text after the equals sign."""
    place = table.place(condition)
    if place is not None:
        return np.array([bool(cell.strip()) for cell in table.columns[place]])
    name, mark, value = condition.partition("=")
    cells = _text(table, name.strip())
    return cells == clean(value) if mark else cells != ""


def _marks(
    table: Table,
    needed: Mapping[str, str],
    looked: Mapping[str, tuple[int, Column]],
    given: Settings,
    known: Decided,
) -> dict[str, str]:
    """Return every decimal mark: as told, as the column shows, as the file shows, as known before."""
    marks: dict[str, str] = {}
    rest: str | None = None
    for name, source in needed.items():
        place, column = looked[source]
        told = given.decimal
        if isinstance(told, Mapping):
            told = next((told[key] for key in (name, source, table.file) if key in told), None)
        mark = told or (column.mark if column.mark != "?" else None)
        if mark is None and column.mark == "?":
            rest = rest or _mark_of_file(table, looked)
            mark = rest if rest in (".", ",") else known.marks.get(source)
            if mark is None:
                refuse_mark(column, _where(table, place))
        marks[source] = mark or "."
    return marks


def _mark_of_file(table: Table, looked: Mapping[str, tuple[int, Column]]) -> str:
    """Return the decimal mark that the columns of a file agree on; "?" if none shows it or two differ."""
    shown = {column.mark for _, column in looked.values() if column.mark in (".", ",")}
    for place in range(len(table.names)) if not shown else ():
        if place != table.date:
            with contextlib.suppress(NotNumericError):
                mark = look(table.columns[place], "", table.lines).mark
                shown |= {mark} if mark in (".", ",") else set()
    return str(shown.pop()) if len(shown) == 1 else "?"


def _currency(
    table: Table, needed: Mapping[str, str], looked: Mapping[str, tuple[int, Column]], accept: bool
) -> str | None:
    place = mixed_rows.currency_place(table)
    cells = None if place is None else np.array(table.columns[place], dtype=object)
    money = [source for source in needed.values() if mixed_rows.may_be_money(source)]
    if cells is None and not accept:
        codes = {s: mixed_rows.currency_of([_name(table, s)], list(looked[s][1].signs), None) for s in money}
        mixed_rows.check_columns(table.path, codes)
    return mixed_rows.currency_of(
        [_name(table, s) for s in money], [sign for s in money for sign in looked[s][1].signs], cells
    )


def _name(table: Table, source: str) -> str:
    return table.names[_needed(table, source)][0]


# -------------------------------------------------------------------------------------------------------------- steps
def _days_step(part: Part, table: Table, days: Days, notes: Notes) -> Step:
    column = table.names[table.date][0] or "of days"
    details = [f"the file says that it covers {notes.line[:100]!r}"] if notes.covered else []
    if notes.complete is not None:
        details.append(f"the file says {notes.said[:100]!r}")
    if len(table.totals):
        details.append(f"{counted(len(table.totals), 'row')} without a day: totals")
    text = (
        f"header in row {table.head}; column {column!r} holds {part.unit}s from {days.days.min()} to "
        f"{days.days.max()}, written {days.said}"
    )
    return Step("days", part.file, text, len(part.days), len(part.days), details=tuple(details))


def _said_marks(marks: Mapping[str, str], looked: Mapping[str, tuple[int, Column]]) -> str:
    words = {".": "a point", ",": "a comma"}
    shown = [f"{source!r} {words[mark]}" for source, mark in marks.items() if looked[source][1].mark is not None]
    return f"decimal mark: {', '.join(shown)}" if shown else "whole numbers"


def _with_totals(step: Step, count: int, taken: Mapping[str, float], details: Sequence[str]) -> list[Step]:
    """Return the step of the amounts with the rows of totals among them, and the step that leaves these out."""
    if not count:
        return [step]
    rows = step.rows_after + count
    naive = {name: round(amount + taken.get(name, 0.0), 9) for name, amount in step.after.items()}
    text = "rows of totals compared with the rows, then left out"
    change = {name: -amount for name, amount in taken.items()}
    return [
        dataclasses.replace(step, rows_before=rows, rows_after=rows, before=naive, after=naive),
        Step("totals", step.file, text, rows, step.rows_after, naive, step.after, change, tuple(details)),
    ]


def _select(part: Part, table: Table, given: Settings) -> tuple[Part, list[Step]]:
    """Take the rows asked for, of the days asked for."""
    steps: list[Step] = []
    for name, allowed in given.where.items():
        if table.place(name) is None:
            continue
        cells = dict(zip(table.lines, _text(table, name), strict=True))
        mask = np.array([cells[line] not in {clean(value) for value in allowed} for line in part.lines])
        if mask.all():
            raise UnknownColumnError(
                f"{part.path!r}: no row has {listed(allowed)} in column {name!r}, which holds "
                f"{listed(dict.fromkeys(cells.values()))}; where= takes the text of a cell"
            )
        part, more = part.without(mask, "where", f"rows with another {name} than {listed(allowed)}, left out")
        steps += more
    outside = np.zeros(len(part.days), dtype=bool)
    if given.start is not None:
        outside |= part.days < np.datetime64(given.start)
    if given.stop is not None:
        outside |= part.days > np.datetime64(given.stop)
    if outside.all():
        raise OverlapError(
            f"{part.path!r} has no day from {given.start or part.days.min()} to {given.stop or part.days.max()}: "
            f"its days run from {part.days.min()} to {part.days.max()}; move start= or stop="
        )
    part, more = part.without(outside, "range", f"rows outside {given.start} to {given.stop}, left out")
    return part, steps + more


def _one_kind(part: Part, table: Table, columns: Mapping[str, str], given: Settings) -> tuple[Part, list[Step]]:
    """Refuse rows of several attribution settings or currencies, or convert them."""
    added = {name: source for name, source in columns.items() if given.how_of(name) in ("sum", "mean", "max")}
    row_of = {line: i for i, line in enumerate(table.lines)}
    chosen = [row_of[line] for line in part.lines.tolist()]

    def cells(place: int) -> np.ndarray:
        column = table.columns[place]
        return np.array([column[i] for i in chosen], dtype=object)

    place = mixed_rows.attribution_place(table)
    if place is not None:
        accept = "attribution" in given.accept
        mixed_rows.check_attribution(part, cells(place), table.names[place][0], added, accept=accept)
    place = mixed_rows.currency_place(table)
    codes = None if place is None else cells(place)
    if given.rates is not None and given.currency is not None:
        money = [name for name in added if given.money is None and mixed_rows.may_be_money(added[name])]
        money = [name for name in given.money if name in part.values] if given.money is not None else money
        keys = list(given.geo)
        return convert(part, codes, money, given.currency, given.rates, keys) if money else (part, [])
    if place is not None and codes is not None:
        mixed_rows.check_currency(part, codes, table.names[place][0], added, accept="currency" in given.accept)
    return part, []


def equal_lines(table: Table) -> np.ndarray:
    """Tell which rows of a table equal an earlier one in every cell."""
    seen: dict[tuple[str, ...], int] = {}
    return np.array([seen.setdefault(tuple(row), i) != i for i, row in enumerate(table.rows)])


def equal_rows(table: Table, part: Part) -> tuple[np.ndarray, str]:
    """Return the rows that equal another one in every cell, and a sentence about them."""
    lines = np.array(table.lines)[equal_lines(table)]
    kept = np.isin(part.lines, lines)
    if not kept.any():
        return kept, ""
    said = f"{named_rows(lines)} like another row in every cell, and added up, not dropped"
    return kept, f"{said}: {part.said_sums(kept)}"
