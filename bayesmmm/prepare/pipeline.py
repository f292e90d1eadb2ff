"""From files to a tidy table: which column comes from which table, and the order of the steps.

Knows every step by its function; what a step does stands in its own module.
"""

import contextlib
import dataclasses
import gc
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bayesmmm.errors import EmptyFileError, ExportSettingError, OverlapError, UnknownColumnError
from bayesmmm.prepare.amounts import Column
from bayesmmm.prepare.joining import ALL, join, stack
from bayesmmm.prepare.log import Log, Step
from bayesmmm.prepare.part import Part
from bayesmmm.prepare.periods import PeriodTable, to_periods
from bayesmmm.prepare.prepared import Prepared, finish, label_table
from bayesmmm.prepare.reading import RawFile, clean, read_file
from bayesmmm.prepare.settings import CALENDAR_HOWS, Settings, settings
from bayesmmm.prepare.source import Decided, equal_rows, number_columns, read_part
from bayesmmm.prepare.tables import Search, Table, find_tables
from bayesmmm.text import counted, did_you_mean, listed, written
from bayesmmm.validate import check_path

type File = str | os.PathLike[str] | pd.DataFrame


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the search for cycles: millions of cells hold none, and looking at them takes a third of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


@_no_collection()
def prepare_files(files: Any, arguments: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> Prepared:
    """Run every step; see `tidy` for the arguments."""
    named = name_files(files)
    given = settings(list(named), arguments)
    before = _decided(known or {})
    raws, tables, steps = [], [], []
    for name, source in named.items():
        search = _search(given, name, list(named))
        raw = read_file(name, source, [*search.columns, *search.dates], given.of("encoding", name))
        found = _numbered(find_tables(raw, search), given, raw)
        raws.append(raw)
        tables += found
        steps.append(
            Step("read", name, f"{raw.path}, {raw.described}", len(raw.rows), sum(len(t.rows) for t in found))
        )
    wanted, left = _assign(tables, given, list(named))
    for name in set(named) - {table.file for table, *_ in wanted}:
        steps.append(Step("read", name, "no column of it is asked for", 0, 0))
    _check_where(tables, given)
    decided: dict[str, Decided] = {}
    parts: list[tuple[Part, Mapping[str, str], str]] = []
    for table, columns, read in wanted:
        part, more, shown = read_part(table, columns, given, before.get(table.file, Decided()), read)
        old = decided.get(table.file, Decided())
        decided[table.file] = Decided(shown.order or old.order, {**old.marks, **shown.marks})
        steps += more
        parts.append((part, columns, equal_rows(table, part)[1]))
    if left:
        steps.append(
            Step("columns", ALL, f"shares, averages and identifiers are not added up: {listed(left)}", 0, 0)
        )
    rows, more = _in_periods(parts, given)
    labels = label_table([part for part, _, _ in parts]) if given.label or given.pivot else None
    log = Log(
        given.arguments(),
        {raw.name: raw.path for raw in raws},
        {name: dataclasses.asdict(found) for name, found in decided.items()},
        tuple([*steps, *more]),
    )
    return finish(rows, list(given.columns or dict.fromkeys(rows.origin.values())), given, log, labels)


def _in_periods(
    parts: Sequence[tuple[Part, Mapping[str, str], str]], given: Settings
) -> tuple[PeriodTable, list[Step]]:
    if given.stack:
        part, steps = stack([part for part, _, _ in parts], given)
        rows, more = to_periods(part, parts[0][1], given, "; ".join(equal for _, _, equal in parts if equal))
        return rows, steps + more
    tables, steps = [], []
    for part, columns, equal in parts:
        rows, more = to_periods(part, columns, given, equal)
        tables.append(rows)
        steps += more
    rows, more = join(tables, given)
    return rows, steps + more


def _decided(known: Mapping[str, Any]) -> dict[str, Decided]:
    """Read what a log says that the cells of files showed."""
    try:
        return {name: Decided(**found) for name, found in known.items()}
    except (TypeError, AttributeError) as error:
        raise ExportSettingError(f"the log is not as it was written: {error}; prepare the files anew") from error


# --------------------------------------------------------------------------------------------------------------- files
def name_files(files: Any) -> dict[str, File]:
    """Return every file by its name in arguments: its key, or the stem of its path."""
    if isinstance(files, str | os.PathLike | pd.DataFrame):
        files = [files]
    if isinstance(files, Mapping):
        named = {str(name): file for name, file in files.items()}
    else:
        if isinstance(files, bytes) or not isinstance(files, Iterable):
            raise ExportSettingError(f"files={written(files)} must be a path, a list of paths, or paths by name")
        listed_files = list(files)
        stems = [
            f"table{i}"
            if isinstance(f, pd.DataFrame)
            else check_path(f, "files", ExportSettingError, "google.csv").stem
            for i, f in enumerate(listed_files, 1)
        ]
        named = {
            stem if stems.count(stem) == 1 else f"{stem}_{i}": file
            for i, (stem, file) in enumerate(zip(stems, listed_files, strict=True), 1)
        }
    for name, file in named.items():
        if not isinstance(file, pd.DataFrame):
            check_path(file, f"files[{name!r}]", ExportSettingError, "google.csv")
    if not named:
        raise ExportSettingError("no file is given; name at least one")
    return named


def _own(source: str, files: Sequence[str]) -> tuple[str | None, str]:
    """Return the file that a source is tied to, as in "google:Cost", and the column."""
    name, mark, column = source.partition(":")
    return (name, column) if mark and name in files else (None, source)


def _search(given: Settings, file: str, files: Sequence[str]) -> Search:
    columns = []
    for name, source in (given.columns or {}).items():
        own, column = _own(source, files)
        if column and given.how_of(name) not in CALENDAR_HOWS and own in (None, file):
            columns.append(column)
    dates = given.of("date", file)
    names = [dates] if isinstance(dates, str) else list(dates or ())
    if given.fiscal is not None:
        names = [given.fiscal[1]]
    return Search(tuple(dict.fromkeys(columns)), tuple(names), given.of("date_format", file), given.fiscal)


def _numbered(tables: list[Table], given: Settings, raw: RawFile) -> list[Table]:
    if given.table is None:
        return tables
    if given.table > len(tables):
        raise ExportSettingError(
            f"table={given.table}, but {raw.path!r} has {counted(len(tables), 'table')} with days and a column "
            f"asked for; count from 1"
        )
    return [tables[given.table - 1]]


# ------------------------------------------------------------------------------------------------------------- columns
def _assign(
    tables: Sequence[Table], given: Settings, files: Sequence[str]
) -> tuple[list[tuple[Table, dict[str, str], dict[int, Column]]], list[str]]:
    """Say which columns of the result come from which table, and which columns of numbers are left out."""
    columns: list[dict[str, str]] = [{} for _ in tables]
    read: list[dict[int, Column]] = [{} for _ in tables]
    left: list[str] = []
    if given.columns is None:
        for i, table in enumerate(tables):
            columns[i], other, read[i] = number_columns(table)
            left += other
        if not any(columns):
            raise EmptyFileError(
                f"{tables[0].path!r} has no column of numbers that can be added up; name some in columns="
            )
        _check_twice(tables, columns, given)
    for name, source in (given.columns or {}).items():
        own, column = _own(source, files)
        if given.how_of(name) in CALENDAR_HOWS:
            for held in columns if given.stack else columns[:1]:
                held[name] = ""
            continue
        having = [i for i, table in enumerate(tables) if own in (None, table.file) and table.places(column)]
        if not having:
            _refuse_column(tables, column, own)
        if given.stack:
            lacking = [table for i, table in enumerate(tables) if i not in having]
            if lacking:
                raise UnknownColumnError(
                    f"{lacking[0].path!r} has no column {column!r}, which files below each other all need; leave "
                    f"the file out"
                )
        elif len(having) > 1:
            _refuse_both(name, column, [tables[i] for i in having])
        for i in having:
            columns[i][name] = column
    return [found for found in zip(tables, columns, read, strict=True) if found[1]], left


def _check_twice(tables: Sequence[Table], columns: Sequence[Mapping[str, str]], given: Settings) -> None:
    for name in dict.fromkeys(name for held in columns for name in held) if not given.stack else ():
        folded = clean(name).casefold()
        having = [
            table
            for table, held in zip(tables, columns, strict=True)
            if any(clean(other).casefold() == folded for other in held)
        ]
        if len(having) > 1:
            _refuse_both(name, name, having)


def _refuse_both(name: str, column: str, tables: Sequence[Table]) -> None:
    one, other = tables[0], tables[1]
    if one.file == other.file:
        raise OverlapError(
            f"{one.path!r} has column {column!r} in {len(tables)} tables, in rows {one.head} and {other.head}; "
            f"take one of them, as table=1"
        )
    raise OverlapError(
        f"{one.path!r} and {other.path!r} both have column {column!r}; name the file, as columns={{{name!r}: "
        f"{f'{one.file}:{column}'!r}}}, or say that the files are pieces of one export: stack=True"
    )


def _refuse_column(tables: Sequence[Table], column: str, file: str | None) -> None:
    held = [table for table in tables if file in (None, table.file)]
    known = [names[0] for table in held for names in table.names if names and names[0]]
    where = listed(dict.fromkeys(table.path for table in held)) or repr(file)
    raise UnknownColumnError(
        f"no table with days of {where} has a column {column!r}{did_you_mean(column, known)}; there are "
        f"{listed(known, shown=20)}"
    )


def _check_where(tables: Sequence[Table], given: Settings) -> None:
    for name in given.where:
        if not any(table.places(name) for table in tables):
            _refuse_column(tables, name, None)
    if given.pivot is not None and not any(table.places(given.pivot) for table in tables):
        _refuse_column(tables, given.pivot, None)
