"""Dates are parsed, and checked for order and duplicates.

Knows dates only. A date is never guessed: text must be ISO, or the caller says the format.
"""

import datetime
import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from bayesmmm.data.faults import looking
from bayesmmm.errors import DateError
from bayesmmm.text import listed, written
from bayesmmm.validate import check_date_format

#: Years that dates may have, so that the time between any two of them can be counted in nanoseconds.
FIRST_YEAR, LAST_YEAR = 1900, 2189

_DAY = 24 * 60 * 60 * 10**9  # in nanoseconds

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T].*)?")
_ZONE = r"[zZ]$|[+-]\d{2}:?\d{2}$|[+-]\d{2}$"
# Formats offered in an error when they fit the text; day first and month first stand side by side.
_OFFERED = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y"),
    *("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y-%m-%d", "%Y-%m", "%m/%Y", "%Y%m"),
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%b %Y", "%B %Y", "%b-%y"),
)


def parse_dates(
    values: pd.Series, *, column: str, date_format: str | None, fix: str = "pass date_format={}"
) -> pd.DatetimeIndex:
    """Turn a column into dates at midnight, or say which row cannot be one: it is NaT where faults are collected."""
    if isinstance(values.dtype, pd.PeriodDtype):
        with looking(column):
            raise DateError(
                f"column {column!r} holds periods such as {values.iloc[0]!s}, not dates; "
                f"use frame[{column!r}] = frame[{column!r}].dt.to_timestamp() first"
            )
        values = values.dt.to_timestamp()
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        _refuse_time_zone(column, values.iloc[0])
        values = values.dt.tz_localize(None)
    if values.dtype.kind == "M":
        if values.isna().any():
            _refuse_missing(column, int(np.argmax(values.isna().to_numpy())))
        return _at_midnight(pd.DatetimeIndex(values), column)
    return _at_midnight(_from_objects(values, column, date_format, fix), column)


def check_order(dates: pd.DatetimeIndex, *, where: str, sort: str, panel: bool = False) -> None:
    """Refuse duplicate dates and dates out of order; in no panel, duplicates of all may be the rows of regions."""
    if (np.diff(dates.asi8) > 0).all():
        return
    twice = dates[dates.duplicated()].unique().sort_values()
    if len(twice):
        each, fix = f"{len(twice)} date(s) occur", "keep or add up the rows so that there is one per date"
        prepare = "adds up the rows of a day; duplicates='drop' drops those that equal another in every cell"
        if len(twice) == dates.nunique() and not panel:
            each, fix = "every date occurs", "if the rows are regions, name their column with geo=..."
            prepare = "adds them up, or keeps them apart: geo=..."
        with looking():
            raise DateError(
                f"{each} more than once in {where}: {listed(twice)}; a date may occur once; {fix}", prepare=prepare
            )
    backwards = np.flatnonzero(np.diff(dates.asi8) < 0)
    if len(backwards):
        i = int(backwards[0]) + 1
        with looking():
            raise DateError(
                f"{where} is out of order: {dates[i]:%Y-%m-%d} comes after {dates[i - 1]:%Y-%m-%d}; dates must "
                f"increase; {sort} first (it is never reordered silently)",
                prepare="puts periods in order",
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
    """Parse text and date objects, refusing what is neither; it is NaT where faults are collected."""
    objects = list(values)
    absent = values.isna().to_numpy() | np.array(
        [isinstance(v, str) and not v.strip() for v in objects], dtype=bool
    )
    if absent.any():
        _refuse_missing(column, int(np.argmax(absent)))
    rows = np.flatnonzero(~absent)
    here = [objects[i] for i in rows]
    if all(isinstance(v, datetime.date | np.datetime64) for v in here):
        stamps = [pd.Timestamp(v) for v in here]
        zoned = next((s for s in stamps if s.tzinfo is not None), None)
        if zoned is not None:
            _refuse_time_zone(column, zoned)
        parsed = pd.Series(pd.DatetimeIndex([s.tz_localize(None) for s in stamps]))
    else:
        parsed = _from_texts(here, rows, column, date_format, fix)
    out = pd.Series(pd.NaT, index=range(len(objects)), dtype=parsed.dtype)
    out.iloc[rows] = parsed.to_numpy()
    return pd.DatetimeIndex(out)


def _from_texts(objects: list, rows: np.ndarray, column: str, date_format: str | None, fix: str) -> pd.Series:
    # Half of a pair of surrogates is no character, and pandas cannot hold it.
    text = pd.Series([str(v).encode("utf-8", "replace").decode() for v in objects], dtype="str")
    if date_format is None:
        shaped = np.array([isinstance(v, str) and bool(_ISO.fullmatch(v)) for v in objects], dtype=bool)
        stamps = pd.to_datetime(text.where(shaped), format="ISO8601", errors="coerce", utc=True)
    else:
        stamps = _strptime(text, check_date_format(date_format, DateError))
    other = stamps.isna()
    forms = _forms(text, other)
    dated = text[~forms[()]] if () in forms else text
    for form, mask in forms.items():
        i = int(np.argmax(mask))
        alone = bool(form) and bool(_strptime(dated, form[0]).notna().all())
        said = f"{_row(column, int(rows[i]))}: {written(objects[i])} is not a date"
        with looking(column):
            raise _no_date(said, form, alone, date_format, fix)
    zoned = ~other & (text.str.len() > 10) & text.str.contains(_ZONE, regex=True)
    zoned = zoned if date_format is None else ~other & (getattr(stamps.dtype, "tz", None) is not None)
    if zoned.any():
        _refuse_time_zone(column, text[zoned].iloc[0])
    stamps = stamps.dt.tz_localize(None).astype("datetime64[us]")
    for form, mask in forms.items():
        if len(form) == 1:  # so that faults of the calendar are seen, too
            stamps = stamps.where(~mask, _strptime(text, form[0]).dt.tz_localize(None))
    return stamps


def first_of_week(date_format: str) -> tuple[str, str]:
    """Return a format of numbered weeks with a code of the day of the week, and what a text needs for it.

    Without one, ``%G-%V`` is refused, and ``%Y-%U`` silently read as 1 January. Both are empty for other formats.
    """
    codes = date_format.replace("%%", "")
    if not re.search(r"%[VUW]", codes) or re.search(r"%-?[uwaAdj]", codes):
        return "", ""
    return (f"{date_format} %w", " 0") if "%U" in codes else (f"{date_format} %u", " 1")


def _strptime(text: pd.Series, date_format: str) -> pd.Series:
    """Parse by format; a value that does not fit becomes NaT. A numbered week is its first day."""
    weekly, first = first_of_week(date_format)
    try:
        return pd.to_datetime(text + first, format=weekly or date_format, errors="coerce")
    except ValueError as error:
        raise DateError(
            f"date_format={date_format!r} is not a date format ({error}); "
            'write it with the codes of datetime.strptime, such as date_format="%d/%m/%Y"'
        ) from error


def forms_of(cells: list[str]) -> list[str]:
    """Return the formats among those offered in errors that fit every text."""
    text = pd.Series(cells, dtype="str")
    return [form for form in _OFFERED if len(text) and _strptime(text, form).dt.year.between(1950, 2100).all()]


def _forms(text: pd.Series, other: pd.Series) -> dict[tuple[str, ...], pd.Series]:
    """Tell text that is not a date apart by the forms offered that it may have; () has none. In order of rows."""
    if not other.any():
        return {}
    fits = pd.DataFrame({form: _strptime(text[other], form).dt.year.between(1950, 2100) for form in _OFFERED})
    dated = fits.any(axis=1)
    common = [form for form in _OFFERED if fits.loc[dated, form].all()] if dated.any() else []
    groups: dict[tuple[str, ...], pd.Series] = {}
    for i in fits.index:
        own = tuple(common) if dated[i] and common else tuple(form for form in _OFFERED if fits.loc[i, form])
        groups.setdefault(own, pd.Series(False, index=text.index))[i] = True
    return groups


def _no_date(said: str, forms: tuple[str, ...], alone: bool, date_format: str | None, fix: str) -> DateError:
    """Return the error about text that is not a date: what is allowed, and the fix."""
    allowed = "of the ISO form YYYY-MM-DD, and other forms are not guessed"
    allowed = allowed if date_format is None else f"of the form date_format={date_format!r}"
    if not forms:
        drop = f"correct the value, {'' if date_format else f'or {fix.format("...")}, '}or drop the row if it is a total"
        return DateError(
            f"{said} {allowed}; {drop}",
            prepare="compares rows of totals with the rest and leaves them out; refuses other text",
        )
    offer = fix.format(f'"{forms[0]}"') + (f' (or "{forms[1]}")' if len(forms) > 1 else "")
    if not alone:
        offer = f"write all dates of the column in one form, or {offer} once they are"
    told = " or ".join(f"date_format={form!r}" for form in forms[:2])
    reads = f"reads it, told {told}" if len(forms) > 1 else "reads it as it stands"
    return DateError(f"{said} {allowed}; {offer}", prepare=reads if alone else "refuses days in several forms")


def check_years(days: np.ndarray, where: Callable[[int], str]) -> None:
    """Refuse days whose year is none that dates may have, with what is said of the place of the first."""
    bad = np.flatnonzero(_are_far(days))
    if len(bad):
        day = days[bad[0]].astype("datetime64[D]")
        raise DateError(
            f"{where(int(bad[0]))}: {day} has a year outside {FIRST_YEAR} to {LAST_YEAR}; correct the date"
        )


def _are_far(days: np.ndarray) -> np.ndarray:
    years = days.astype("datetime64[Y]").astype(int) + 1970
    return ~np.isnat(days) & ((years < FIRST_YEAR) | (years > LAST_YEAR))


def _at_midnight(dates: pd.DatetimeIndex, column: str) -> pd.DatetimeIndex:
    far = _are_far(dates.to_numpy())
    with looking(column):
        check_years(dates.to_numpy(), lambda row: _row(column, row))
    dates = (dates.where(~far) if far.any() else dates).as_unit("ns")
    if dates.tz is None and not dates.hasnans and not (dates.asi8 % _DAY).any():
        return pd.DatetimeIndex(dates.to_numpy(), name="date")
    late = np.flatnonzero((dates != dates.normalize()) & dates.notna())
    if len(late):
        with looking(column):
            raise DateError(
                f"{_row(column, int(late[0]))}: {dates[late[0]]} has a time of day; periods are whole days; "
                f"keep the day alone, {_day_alone(column)}, or add up to days",
                prepare="takes the day, and adds up the rows of a day",
            )
    return pd.DatetimeIndex(dates.normalize().to_numpy(), name="date")


def _row(column: str, i: int) -> str:
    return f"column {column!r}, data row {i + 1}"


def _day_alone(column: str) -> str:
    """Write the line that keeps the day of dates as they stand there."""
    return f"frame[{column!r}] = frame[{column!r}].astype(str).str[:10]"


def _refuse_missing(column: str, i: int) -> None:
    with looking(column):
        raise DateError(
            f"{_row(column, i)}: the date is missing; every row needs one; fill it in, or drop the row, as a row of "
            f"totals: frame = frame.drop(index=frame.index[{i}])",
            prepare="compares rows of totals with the rest and leaves them out; refuses other rows without a day",
        )


def _refuse_time_zone(column: str, value: object) -> None:
    with looking(column):
        raise DateError(
            f"column {column!r} holds times in a time zone, such as {value!s}; periods are calendar days without "
            f"one; keep the day as it stands there: {_day_alone(column)}",
            prepare="takes the day as it stands there",
        )
