"""Dates are parsed, and checked for order and duplicates.

Knows dates only. A date is never guessed: text must be ISO, or the caller says the format.
"""

import datetime
import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from bayesmmm.errors import DateError
from bayesmmm.text import listed, written
from bayesmmm.validate import check_date_format

#: Years that dates may have, so that the time between any two of them can be counted in nanoseconds.
FIRST_YEAR, LAST_YEAR = 1900, 2189

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T].*)?")
# Formats offered in an error when they fit the text; day first and month first stand side by side.
_OFFERED = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y"),
    *("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y-%m-%d", "%Y-%m", "%m/%Y", "%Y%m"),
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%b %Y", "%B %Y", "%b-%y"),
)


def parse_dates(
    values: pd.Series, *, column: str, date_format: str | None, fix: str = "pass date_format={}"
) -> pd.DatetimeIndex:
    """Turn a column into dates at midnight, or say which row cannot be one."""
    if isinstance(values.dtype, pd.PeriodDtype):
        raise DateError(
            f"column {column!r} holds periods such as {values.iloc[0]!s}, not dates; "
            f"use frame[{column!r}].dt.to_timestamp() first"
        )
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        _refuse_time_zone(column, values.iloc[0])
    if values.dtype.kind == "M":
        parsed = values
        if parsed.isna().any():
            _refuse_missing(column, int(np.argmax(parsed.isna().to_numpy())))
    else:
        parsed = _from_objects(values, column, date_format, fix)
    return _at_midnight(pd.DatetimeIndex(parsed), column)


def check_order(dates: pd.DatetimeIndex, *, where: str, sort: str, panel: bool = False) -> None:
    """Refuse duplicate dates and dates out of order; in no panel, duplicates of all may be the rows of regions."""
    twice = dates[dates.duplicated()].unique().sort_values()
    if len(twice):
        each, fix = f"{len(twice)} date(s) occur", "keep or add up the rows so that there is one per date"
        if len(twice) == dates.nunique() and not panel:
            each, fix = "every date occurs", "if the rows are regions, name their column with geo=..."
        raise DateError(f"{each} more than once in {where}: {listed(twice)}; a date may occur once; {fix}")
    backwards = np.flatnonzero(np.diff(dates.asi8) < 0)
    if len(backwards):
        i = int(backwards[0]) + 1
        raise DateError(
            f"{where} is out of order: {dates[i]:%Y-%m-%d} comes after {dates[i - 1]:%Y-%m-%d}; dates must increase; "
            f"{sort} first (it is never reordered silently)"
        )


def iso_date(value: object, name: str) -> pd.Timestamp:
    """Return an ISO text or a date as a timestamp at midnight, or say that it is neither."""
    sound = isinstance(value, datetime.date | np.datetime64) or (isinstance(value, str) and _ISO.fullmatch(value))
    try:
        stamp = pd.Timestamp(value).as_unit("ns") if sound else pd.NaT  # beyond 2262 there are no nanoseconds
    except ValueError:
        stamp = pd.NaT
    sound = stamp is not pd.NaT and stamp.tzinfo is None and stamp == stamp.normalize()
    if not sound or not FIRST_YEAR <= stamp.year <= LAST_YEAR:
        raise DateError(
            f"{name}={written(value)} is not a date without time of day, in {FIRST_YEAR} to {LAST_YEAR}; write it as "
            f"YYYY-MM-DD"
        )
    return stamp


def _from_objects(values: pd.Series, column: str, date_format: str | None, fix: str) -> pd.DatetimeIndex:
    """Parse text and date objects, refusing the first that is neither."""
    objects = list(values)
    absent = values.isna().to_numpy() | np.array(
        [isinstance(v, str) and not v.strip() for v in objects], dtype=bool
    )
    if absent.any():
        _refuse_missing(column, int(np.argmax(absent)))
    if all(isinstance(v, datetime.date | np.datetime64) for v in objects):
        stamps = [pd.Timestamp(v) for v in objects]
        zoned = next((s for s in stamps if s.tzinfo is not None), None)
        if zoned is not None:
            _refuse_time_zone(column, zoned)
        return pd.DatetimeIndex(stamps)
    # Half of a pair of surrogates is no character, and pandas cannot hold it.
    text = pd.Series([str(v).encode("utf-8", "replace").decode() for v in objects], dtype="str")
    if date_format is None:
        shaped = np.array([isinstance(v, str) and bool(_ISO.fullmatch(v)) for v in objects])
        stamps = pd.to_datetime(text.where(shaped), format="ISO8601", errors="coerce", utc=True)
    else:
        stamps = _strptime(text, check_date_format(date_format, DateError))
    unparsed = stamps.isna().to_numpy()
    if unparsed.any():
        i = int(np.argmax(unparsed))
        raise DateError(
            f"{_row(column, i)}: {written(objects[i])} is not a date{_advice(text, i, date_format, fix)}"
        )
    if date_format is None:
        zoned = text.str.contains(r"[zZ]$|[+-]\d{2}:?\d{2}$|[+-]\d{2}$", regex=True) & (text.str.len() > 10)
        if zoned.any():
            _refuse_time_zone(column, text[zoned].iloc[0])
        stamps = stamps.dt.tz_localize(None)
    elif getattr(stamps.dtype, "tz", None) is not None:
        _refuse_time_zone(column, text.iloc[0])
    return pd.DatetimeIndex(stamps)


def _strptime(text: pd.Series, date_format: str) -> pd.Series:
    """Parse by format; a value that does not fit becomes NaT."""
    try:
        return pd.to_datetime(text, format=date_format, errors="coerce")
    except ValueError as error:
        raise DateError(
            f"date_format={date_format!r} is not a date format ({error}); "
            'write it with the codes of datetime.strptime, such as date_format="%d/%m/%Y"'
        ) from error


def _fits(text: pd.Series, date_format: str) -> bool:
    """Return whether all of the text is of that form, with years that somebody may have spent money in."""
    stamps = _strptime(text, date_format)
    return bool(stamps.dt.year.between(1950, 2100).all())


def _advice(text: pd.Series, i: int, date_format: str | None, fix: str) -> str:
    """Return the end of the sentence about text that is not a date: what is allowed, and the fix."""
    fits = [f for f in _OFFERED if _fits(text, f)] or [f for f in _OFFERED if _fits(text.iloc[[i]], f)]
    offer = fix.format(f'"{fits[0]}"' if fits else "...") + (f' (or "{fits[1]}")' if len(fits) > 1 else "")
    if date_format is not None:
        return f" of the form date_format={date_format!r}; {offer if fits else 'correct the value'}"
    offer = offer if fits else f"correct the value, or {offer}"
    return f" of the ISO form YYYY-MM-DD, and other forms are not guessed; {offer}"


def check_years(days: np.ndarray, where: Callable[[int], str]) -> None:
    """Refuse days whose year is none that dates may have, with what is said of the place of the first."""
    years = days.astype("datetime64[Y]").astype(int) + 1970
    bad = np.flatnonzero((years < FIRST_YEAR) | (years > LAST_YEAR))
    if len(bad):
        day = days[bad[0]].astype("datetime64[D]")
        raise DateError(
            f"{where(int(bad[0]))}: {day} has a year outside {FIRST_YEAR} to {LAST_YEAR}; correct the date"
        )


def _at_midnight(dates: pd.DatetimeIndex, column: str) -> pd.DatetimeIndex:
    check_years(dates.to_numpy(), lambda row: _row(column, row))
    dates = dates.as_unit("ns")
    late = np.flatnonzero(dates != dates.normalize())
    if len(late):
        raise DateError(
            f"{_row(column, int(late[0]))}: {dates[late[0]]} has a time of day; periods are whole days; "
            f"use pd.to_datetime(frame[{column!r}]).dt.normalize() first, or add up to days"
        )
    return pd.DatetimeIndex(dates.to_numpy(), name="date")


def _row(column: str, i: int) -> str:
    return f"column {column!r}, data row {i + 1}"


def _refuse_missing(column: str, i: int) -> None:
    raise DateError(f"{_row(column, i)}: the date is missing; every row needs one; fill it in or drop the row")


def _refuse_time_zone(column: str, value: object) -> None:
    raise DateError(
        f"column {column!r} holds times in a time zone, such as {value!s}; periods are calendar days without "
        f"one; use pd.to_datetime(frame[{column!r}]).dt.tz_localize(None) first"
    )
