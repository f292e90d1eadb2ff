"""From a table to arrays: numbers are converted, rows of a panel are put on one calendar.

Knows pandas tables. Text is never turned into numbers by guessing, rows are never dropped.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm.data.calendars import find_calendar
from bayesmmm.data.checks import NATIONAL, SEPARATOR, check_known, check_periods
from bayesmmm.data.dates import check_order, parse_dates
from bayesmmm.data.faults import found, looking
from bayesmmm.data.missing import check_span
from bayesmmm.data.text_numbers import not_numeric
from bayesmmm.errors import (
    DataError,
    PanelError,
    RoleError,
    TooFewPeriodsError,
    UnknownColumnError,
)
from bayesmmm.text import listed

_NO_NUMBERS = (str, bytes, complex, datetime.date, datetime.timedelta)


def check_table(frame: object, *, wanted: Sequence[str], where: str) -> None:
    """Refuse what is not a table, lacks a column, has one twice, or has no rows."""
    if not isinstance(frame, pd.DataFrame):
        fix = "call its to_pandas() first" if hasattr(frame, "to_pandas") else "use pd.DataFrame(...) first"
        raise DataError(f"a pandas DataFrame is needed, not {type(frame).__name__}; {fix}")
    if not len(frame):
        raise TooFewPeriodsError(
            f"{where} is empty: it has {len(frame.columns)} column(s) and 0 rows; give one row per period"
        )
    columns = list(frame.columns)
    indexed = [name for name in wanted if name in frame.index.names and name not in columns]
    for name in indexed:
        with looking(name):
            raise UnknownColumnError(f"column {name!r} is the index of {where}; pass frame.reset_index() instead")
    check_known([name for name in wanted if name not in indexed], columns, where=where)
    for name in wanted:
        count = columns.count(name)
        if count > 1:
            with looking(name):
                raise RoleError(
                    f"column {name!r} occurs {count} times in {where}; rename all but one",
                    prepare=f"takes the second one, told columns={{...: {name + '#2'!r}}}",
                )


def to_float(values: pd.Series, name: str, *, fix: str = "") -> np.ndarray:
    """Return a column as float64, missing values as NaN; booleans count as 0 and 1.

    What is no number is refused; where faults are collected it is NaN.
    """
    kind = values.dtype.kind
    if kind in "biuf":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    numbers = np.full(len(values), np.nan)
    known = np.flatnonzero(values.notna().to_numpy())
    held = values.to_numpy(dtype=object)[known].tolist()
    types = list(map(type, held))
    odd = {each for each in set(types) if kind in "mMc" or issubclass(each, _NO_NUMBERS)}
    none = np.fromiter(map(odd.__contains__, types), dtype=bool, count=len(held))
    try:
        plain = known[~none]
        numbers[plain] = np.fromiter(map(float, compress(held, ~none)), np.float64, len(plain))
    except (TypeError, ValueError, OverflowError):
        for k in np.flatnonzero(~none):
            try:
                numbers[known[k]] = float(held[k])
            except OverflowError:  # an integer beyond all floats is refused for its size, as large floats are
                numbers[known[k]] = np.finfo(float).max * (1 if held[k] > 0 else -1)
            except (TypeError, ValueError):
                none[k] = True
    if none.any():
        with looking(name):
            raise not_numeric(values, name, known[none], fix)
    return numbers


@dataclass(frozen=True)
class Layout:
    """Rows of a table on one calendar."""

    dates: pd.DatetimeIndex
    geos: tuple[str, ...]
    columns: dict[str, np.ndarray]  # by name, each (geo, date)
    levels: dict[str, tuple[str, ...]]  # values of several keys by geo
    present: np.ndarray | None  # where geos have rows (geo, date); None where every geo has every date


def lay_out(
    frame: pd.DataFrame,
    *,
    date: str,
    keys: Sequence[str],
    numbers: Sequence[str],
    date_format: str | None,
    ragged: str,
    calendar: Mapping[str, Any],
) -> Layout:
    """Return the rows of a table by geo and date.

    Geos may start late or end early where `ragged` names the outcome. Where faults were collected rows stay as they
    are, in one series, for their values to be looked at.
    """
    without = pd.DatetimeIndex([pd.NaT] * len(frame))  # where faults are collected
    once = list(frame.columns).count(date) == 1
    dates = parse_dates(frame[date], column=date, date_format=date_format) if once else without
    values = {name: to_float(frame[name], name) for name in numbers}
    known = np.flatnonzero(dates.notna())  # every row, but where faults are collected
    rows = rows_by_geo(frame, keys) if keys else {NATIONAL: np.arange(len(dates))}
    dated = {label: dates[np.intersect1d(where, known)] for label, where in rows.items()}
    for label, own in dated.items():
        whose = f"column {date!r}" + (f" of geo {label!r}" if keys else "")
        check_order(
            own, where=whose, sort=f"sort the frame by {[*keys, date] if keys else repr(date)}", panel=bool(keys)
        )
    every = pd.DatetimeIndex(dates[known].unique()).sort_values()
    one_calendar = not ragged or all(own.nunique() == len(every) for own in dated.values())
    if one_calendar:
        _check_one_calendar({label: own.unique() for label, own in dated.items()})
    for label, own in () if one_calendar else dated.items():
        check_span(label, own.unique().sort_values(), every, ragged)
    if found():
        look_at_calendar(every, len(known) / len(dates), calendar)
    if not keys or found():
        labels = dates if not keys and len(known) == len(dates) else row_labels(len(dates))
        return Layout(labels, (NATIONAL,), {name: array[np.newaxis] for name, array in values.items()}, {}, None)
    first = frame[list(keys)].astype(str).iloc[[where[0] for where in rows.values()]]
    levels = {key: tuple(first[key]) for key in keys} if len(keys) > 1 else {}
    if one_calendar:
        order = np.stack(list(rows.values()))
        columns = {name: array[order] for name, array in values.items()}
        return Layout(dates[order[0]], tuple(rows), columns, levels, None)
    present = np.zeros((len(rows), len(every)), bool)
    columns = {name: np.full(present.shape, np.nan) for name in numbers}
    for g, where in enumerate(rows.values()):
        at = every.get_indexer(dates[where])
        present[g, at] = True
        for name in numbers:
            columns[name][g, at] = values[name][where]
    return Layout(every, tuple(rows), columns, levels, present)


class _Row(int):
    """Number of a row, written as such in a list of places."""

    def __repr__(self) -> str:
        return f"data row {int(self) + 1}"


def row_labels(count: int) -> pd.Index:
    """Return what stands for dates where rows have none."""
    return pd.Index([_Row(i) for i in range(count)], dtype=object)


def look_at_calendar(dates: pd.DatetimeIndex, share: float, calendar: Mapping[str, Any]) -> None:
    """Check the calendar of a table with other faults, as far as its dates are known."""
    if share > 0.5:  # fewer dates show no calendar
        with looking():
            check_periods(len(dates), where="the data")
        with looking():
            if len(dates) > 2:
                find_calendar(dates, **calendar)


def rows_by_geo(frame: pd.DataFrame, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the row numbers of every geo, geos in order of first appearance."""
    absent = np.zeros(len(frame), bool)
    for key in keys:
        text = frame[key].astype(object)
        blank = text.isna().to_numpy() | (text.astype(str).str.strip() == "").to_numpy()
        absent |= blank
        if blank.any():
            i = int(np.argmax(blank))
            with looking(key):
                raise PanelError(
                    f"column {key!r}, data row {i + 1}: the geo is missing; every row of a panel names one; fill it "
                    f"in, or drop the row, as a row of totals: frame = frame.drop(index=frame.index[{i}])",
                    prepare="keeps it as a geo without a name; where={...} takes the rows of some geos",
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
            pair = [tuple(row) for row in both.loc[both["name"] == name, list(keys)].itertuples(index=False)]
            with looking():
                raise PanelError(
                    f"the keys {listed(keys)} name two series {name!r}: {' and '.join(map(str, pair))}; a series has "
                    f"its keys as its name, with {SEPARATOR!r} between them; rename one of the values"
                )
    codes, geos = pd.factorize(named)
    rows = {str(label): np.flatnonzero((codes == i) & ~absent) for i, label in enumerate(geos)}
    return {label: where for label, where in rows.items() if len(where)}


def _check_one_calendar(dates: dict[str, pd.DatetimeIndex]) -> None:
    """Refuse a geo whose dates differ from those that at least half of the geos have."""
    counts = pd.concat([pd.Series(1, index=own) for own in dates.values()]).groupby(level=0).sum()
    common = pd.DatetimeIndex(counts.index[2 * counts >= len(dates)])
    for label, own in dates.items():
        missing, extra = common.difference(own), own.difference(common)
        differs = [f"lacks {len(missing)} date(s), {listed(missing)}"] if len(missing) else []
        differs += [f"has {len(extra)} date(s) that most geos lack, {listed(extra)}"] if len(extra) else []
        if differs:
            with looking():
                raise PanelError(
                    f"geo {label!r} {' and '.join(differs)}; every geo must have the same dates; add the missing "
                    "rows, leave the geo or the dates out, or say that geos start late or end early: missing='ignore'",
                    prepare="adds absent rows with zeros: fill=True; keeps late starts and early ends otherwise",
                )
