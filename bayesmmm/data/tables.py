"""From a table or a file to arrays: numbers are converted, rows of a panel are put on one calendar.

Knows pandas tables and CSV files. Text is never turned into numbers by guessing, rows are never dropped.
"""

import contextlib
import csv
import datetime
import io
import os
import re
import warnings
from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import pandas as pd

from bayesmmm.data.checks import NATIONAL, SEPARATOR, check_known
from bayesmmm.data.dates import check_order, parse_dates
from bayesmmm.data.missing import check_span
from bayesmmm.errors import (
    DataError,
    MissingFileError,
    NotNumericError,
    PanelError,
    RoleError,
    TooFewPeriodsError,
    UnknownColumnError,
)
from bayesmmm.text import listed, written

# What an empty cell of a number column may look like; text columns (dates, geos) keep theirs as text.
_EMPTY_CELLS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "<NA>")
_THOUSANDS = re.compile(r"[^\d-]*-?\d{1,3}(,\d{3})+(\.\d*)?[^\d]*")
_DECIMAL_COMMA = re.compile(r"-?[\d.]*\d,\d+")


def read_csv(
    path: str | os.PathLike[str], *, date: str, keys: Sequence[str], numbers: Sequence[str]
) -> pd.DataFrame:
    """Read a comma-separated UTF-8 file, dates and keys as text, numbers exactly."""
    wanted = [date, *keys, *numbers]
    text = _read_text(path)
    try:
        header = next((row for row in csv.reader(io.StringIO(text, newline=None)) if row), [])
    except csv.Error as error:
        raise DataError(
            f"the header of {str(path)!r} cannot be read ({error}); a header is one line of short names; look whether a "
            "quote is left open"
        ) from error
    if not any(cell.strip() for cell in header):
        raise TooFewPeriodsError(f"{str(path)!r} is empty: it has no header and no rows; give a CSV with both")
    if not set(wanted) <= set(header):
        _refuse_separator(path, header)
    for name in wanted:
        if header.count(name) > 1:
            raise RoleError(
                f"column {name!r} occurs {header.count(name)} times in {str(path)!r}; rename all but one"
            )
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                io.StringIO(text),
                dtype=str,
                keep_default_na=False,
                index_col=False,  # otherwise one comma too many at the end of each row shifts every column
            )
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            raise DataError(
                f"{str(path)!r} has rows with more cells than its header of {len(header)} "
                f"({str(error).strip()}); every row needs as many; quote cells that contain a comma"
            ) from error
    read = {name: frame[name].map(_number) for name in numbers if name in frame}
    return frame.assign(**read)


def _number(cell: str) -> float | str:
    """Return the number that a cell holds, exactly; anything else is left as text to be refused by name."""
    if cell in _EMPTY_CELLS:
        return np.nan
    if cell.lower() in ("true", "false"):
        return float(cell.lower() == "true")
    try:
        return cell if "_" in cell else float(cell)  # Python alone reads 1_000 as a number
    except ValueError:
        return cell


def _read_text(path: str | os.PathLike[str]) -> str:
    if not isinstance(path, str | os.PathLike):
        raise DataError(f"the file is given as {written(path)}, which is no path; write the path of a CSV file")
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError as error:
        looked = "" if os.path.isabs(path) else f" (looked for in {os.getcwd()!r})"
        raise MissingFileError(
            f"the file {str(path)!r} does not exist{looked}; a CSV file on this computer can be read; "
            "correct the path"
        ) from error
    except (OSError, ValueError) as error:  # a folder, a file of somebody else, a name that no file can have
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{written(str(path))} cannot be read: {reason}; a CSV file on this computer can be; correct the path"
        ) from error
    with contextlib.suppress(UnicodeDecodeError):
        text = raw.decode("utf-8").lstrip("\ufeff")  # Excel writes a byte-order mark, and other programs one more
        if "\0" not in text:
            return text
    raise DataError(
        f"{str(path)!r} is not a CSV file in UTF-8; save it as 'CSV UTF-8', or read it with pandas and "
        "pass the frame to MMMData.from_frame"
    )


def _refuse_separator(path: str | os.PathLike[str], header: Sequence[str]) -> None:
    for separator, shown in ((";", ";"), ("\t", "\\t"), ("|", "|")):
        if any(separator in cell for cell in header):
            raise UnknownColumnError(
                f"the header of {str(path)!r} reads {','.join(header)[:80]!r}: its columns are separated by "
                f"'{shown}', and only commas are read; use MMMData.from_frame(pd.read_csv(path, "
                f"sep='{shown}'), ...), with decimal=',' if numbers are written 1,5"
            )


def check_table(frame: object, *, wanted: Sequence[str], where: str) -> None:
    """Refuse what is not a table, lacks a column, has one twice, or has no rows."""
    if not isinstance(frame, pd.DataFrame):
        fix = "call its to_pandas() first" if hasattr(frame, "to_pandas") else "use pd.DataFrame(...) first"
        raise DataError(f"a pandas DataFrame is needed, not {type(frame).__name__}; {fix}")
    if not len(frame):
        raise TooFewPeriodsError(
            f"{where} is empty: it has {len(frame.columns)} column(s) and 0 rows; give one row per period"
        )
    for name in wanted:
        if name in frame.index.names and name not in frame.columns:
            raise UnknownColumnError(f"column {name!r} is the index of {where}; pass frame.reset_index() instead")
    check_known(wanted, list(frame.columns), where=where)
    for name in wanted:
        count = int((frame.columns == name).sum())
        if count > 1:
            raise RoleError(f"column {name!r} occurs {count} times in {where}; rename all but one")


def to_float(values: pd.Series, name: str, *, fix: str = "") -> np.ndarray:
    """Return a column as float64, missing values as NaN; booleans count as 0 and 1."""
    kind = values.dtype.kind
    if kind in "biuf":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    numbers = np.full(len(values), np.nan)
    absent = values.isna().to_numpy()
    for i, value in enumerate(values):
        if absent[i]:
            continue
        if kind in "mMc" or isinstance(value, str | bytes | complex | datetime.date | datetime.timedelta):
            break
        try:
            numbers[i] = float(value)
        except OverflowError:  # an integer beyond all floats is refused for its size, as large floats are
            numbers[i] = np.finfo(float).max * (1 if value > 0 else -1)
        except (TypeError, ValueError):
            break
    else:
        return numbers
    _refuse_text(values, name, i, fix or f"correct the value, or leave {name!r} out")


def _refuse_text(values: pd.Series, name: str, i: int, fix: str) -> NoReturn:
    """Name the first value that no reader would call a number; if there is none, the first text."""
    texts = values.map(lambda v: v if isinstance(v, str) else None)
    unreadable = texts.notna() & pd.to_numeric(texts, errors="coerce").isna()
    i = int(np.argmax(unreadable.to_numpy())) if unreadable.any() else i
    value = values.iloc[i]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str) and _THOUSANDS.fullmatch(value):
        fix = 'read the file with pd.read_csv(path, thousands=",") and pass the frame'
    elif isinstance(value, str) and _DECIMAL_COMMA.fullmatch(value):
        fix = 'read the file with pd.read_csv(path, decimal=",") and pass the frame'
    elif isinstance(value, str) and not unreadable.any():
        fix = f"convert it first: frame[{name!r}] = pd.to_numeric(frame[{name!r}])"
    raise NotNumericError(
        f"column {name!r}, data row {i + 1}: {written(value)} is {type(value).__name__}, not a number; all of "
        f"{name!r} must be numbers; {fix}"
    )


def lay_out(
    frame: pd.DataFrame,
    *,
    date: str,
    keys: Sequence[str],
    numbers: Sequence[str],
    date_format: str | None,
    ragged: str,
) -> tuple[
    pd.DatetimeIndex,
    tuple[str, ...],
    dict[str, np.ndarray],
    dict[str, tuple[str, ...]],
    np.ndarray | None,
]:
    """Return dates, geos, one (geo, date) array per number column, the values of several keys by geo, and the rows.

    Geos may start late or end early where `ragged` names the outcome; then it is said where they have rows (geo, date).
    """
    dates = parse_dates(frame[date], column=date, date_format=date_format)
    values = {name: to_float(frame[name], name) for name in numbers}
    if not keys:
        check_order(dates, where=f"column {date!r}", sort=f"sort the frame by {date!r}")
        return dates, (NATIONAL,), {name: array[np.newaxis] for name, array in values.items()}, {}, None
    rows = rows_by_geo(frame, keys)
    for label, where in rows.items():
        whose, sort = f"column {date!r} of geo {label!r}", f"sort the frame by {[*keys, date]}"
        check_order(dates[where], where=whose, sort=sort, panel=True)
    first = frame[list(keys)].astype(str).iloc[[where[0] for where in rows.values()]]
    levels = {key: tuple(first[key]) for key in keys} if len(keys) > 1 else {}
    every = pd.DatetimeIndex(dates.unique()).sort_values()
    if not ragged or all(len(where) == len(every) for where in rows.values()):
        _check_one_calendar({label: dates[where] for label, where in rows.items()})
        order = np.stack(list(rows.values()))
        return dates[order[0]], tuple(rows), {name: array[order] for name, array in values.items()}, levels, None
    present = np.zeros((len(rows), len(every)), bool)
    columns = {name: np.full(present.shape, np.nan) for name in numbers}
    for g, (label, where) in enumerate(rows.items()):
        check_span(label, dates[where], every, ragged)
        at = every.get_indexer(dates[where])
        present[g, at] = True
        for name in numbers:
            columns[name][g, at] = values[name][where]
    return every, tuple(rows), columns, levels, present


def rows_by_geo(frame: pd.DataFrame, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the row numbers of every geo, geos in order of first appearance."""
    for key in keys:
        text = frame[key].astype(object)
        absent = text.isna().to_numpy() | (text.astype(str).str.strip() == "").to_numpy()
        if absent.any():
            raise PanelError(
                f"column {key!r}, data row {int(np.argmax(absent)) + 1}: the geo is missing; every row of a "
                "panel names one; fill it in"
            )
    values = frame[list(keys)].astype(str)
    named = values[keys[0]]
    for key in keys[1:]:
        named = named + SEPARATOR + values[key]
    if len(keys) > 1:
        pairs = values.assign(name=named).drop_duplicates()
        both = pairs[pairs["name"].duplicated(keep=False)]
        if len(both):
            name = both["name"].iloc[0]
            found = [tuple(row) for row in both.loc[both["name"] == name, list(keys)].itertuples(index=False)]
            raise PanelError(
                f"the keys {listed(keys)} name two series {name!r}: {' and '.join(map(str, found))}; a series has its "
                f"keys as its name, with {SEPARATOR!r} between them; rename one of the values"
            )
    codes, geos = pd.factorize(named)
    return {str(label): np.flatnonzero(codes == i) for i, label in enumerate(geos)}


def _check_one_calendar(dates: dict[str, pd.DatetimeIndex]) -> None:
    """Refuse a geo whose dates differ from those that at least half of the geos have."""
    counts = pd.concat([pd.Series(1, index=own) for own in dates.values()]).groupby(level=0).sum()
    common = pd.DatetimeIndex(counts.index[2 * counts >= len(dates)])
    for label, own in dates.items():
        missing, extra = common.difference(own), own.difference(common)
        found = [f"lacks {len(missing)} date(s), {listed(missing)}"] if len(missing) else []
        found += [f"has {len(extra)} date(s) that most geos lack, {listed(extra)}"] if len(extra) else []
        if found:
            raise PanelError(
                f"geo {label!r} {' and '.join(found)}; every geo must have the same dates; add the missing "
                "rows, leave the geo or the dates out, or say that geos start late or end early: missing='ignore'"
            )
