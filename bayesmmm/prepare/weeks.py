"""Calendars: weeks with their first day, the retail calendar, how far apart rows lie, days that are absent.

Knows days only.
"""

import datetime
import re
from collections.abc import Sequence

import numpy as np

from bayesmmm.data.dates import FIRST_YEAR, LAST_YEAR
from bayesmmm.errors import AmbiguousError, DateError, WeekError
from bayesmmm.prepare.days import Token, formats_of_week
from bayesmmm.prepare.settings import WEEKDAYS

_WEEK = re.compile(r"\bweek|woche|semaine|semana|settimana|\b[kc]w\b", flags=re.IGNORECASE)
_LAST = re.compile(
    r"\bends?\b|\bend(?:ing|ed)\b|\bweekend(?:ing|ed|s)\b|\bw/?e\b|end(?:et|end|e)\b|\bterminant|\bterminand|"
    r"\btermin[aeo]\b|\bterminad|\bfin(?:e|it|isce)?\b|\beindig|\beinde",
    flags=re.IGNORECASE,
)
DAY, MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")


def retail_week(year: int, week: int) -> datetime.date:
    """Return the Sunday on which a week of the retail calendar (4-5-4) starts.

    The year ends on the Saturday nearest to 31 January of the next calendar year, so that some years have 53 weeks.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise DateError(f"fiscal year {year} is outside {FIRST_YEAR} to {LAST_YEAR}; correct the row")
    first, following = _retail_year(year), _retail_year(year + 1)
    day = first + datetime.timedelta(weeks=week - 1)
    if week < 1 or day >= following:
        raise DateError(
            f"fiscal year {year} of the retail calendar has {(following - first).days // 7} weeks, and no week "
            f"{week}; correct the row"
        )
    return day


def _retail_year(year: int) -> datetime.date:
    last = datetime.date(year, 1, 31)
    near = datetime.timedelta(days=(5 - last.weekday() + 3) % 7 - 3)  # to the nearest Saturday
    return last + near + datetime.timedelta(days=1)


def fiscal_token(cells: Sequence[str]) -> Token | None:
    """Return the first day of a fiscal week from the cells of its year and its number; None for other rows."""
    numbers = [re.fullmatch(r"\D*(\d{1,4})(?:\.0)?", cell.strip()) for cell in cells]
    if len(numbers) != 2 or not all(numbers):
        return None
    day = retail_week(*(int(found[1]) for found in numbers))  # type: ignore[index]
    return ("week", day.year, day.month, day.day)


def first_days(days: np.ndarray, week_start: str) -> np.ndarray:
    """Return the first day of the week of every day."""
    # 1 January 1970 was a Thursday.
    return days - ((days.astype(np.int64) + 3 - WEEKDAYS.index(week_start)) % 7) * DAY


def weekday(day: np.datetime64) -> str:
    """Return the name of the day of the week."""
    return WEEKDAYS[(int(day.astype("datetime64[D]").astype(np.int64)) + 3) % 7]


def iso_week(day: np.datetime64) -> str:
    """Return the ISO week that most days of the week from `day` on belong to, as 2026-W01."""
    year, week, _ = (day.astype("datetime64[D]").astype(datetime.date) + datetime.timedelta(days=3)).isocalendar()
    return f"{year}-W{week:02d}"


def names_weeks(name: str) -> bool:
    """Tell whether a column is called after weeks."""
    return bool(_WEEK.search(name.replace("_", " ")))


def names_last_day(name: str) -> bool:
    """Tell whether a column of days is called after the last day of weeks, as "Week ending"."""
    return bool(_LAST.search(name.replace("_", " ")))


def refuse_numbers(path: str, name: str, cells: Sequence[str]) -> None:
    """Refuse weeks that are numbered by a calendar that the file does not name."""
    read = [formats_of_week(cell, named=names_weeks(name)) for cell in cells]
    if sum(found is not None for found in read) <= 0.5 * len(cells):
        return
    cell, (iso, sunday) = next((cell, found) for cell, found in zip(cells, read, strict=True) if found is not None)
    if not iso:
        raise DateError(
            f"{path!r}, column {name!r}, numbers its weeks with years of two digits, as {cell!r}; write years with "
            f"four, or download it with dates"
        )
    raise AmbiguousError(
        f"{path!r}, column {name!r}, numbers its weeks, as {cell!r}, and does not say by which calendar; "
        f"date_format={iso!r} reads ISO weeks, which start on Monday, date_format={sunday!r} those of which the first "
        f"starts on the first Sunday of the year; or download it with dates"
    )


def spacing(days: np.ndarray, kind: str, where: str, name: str) -> str:
    """Return "day", "week" or "month": what one row stands for, where cells say `kind`.

    A column that is called a week holds no weekends.
    """
    starts = list(dict.fromkeys(weekday(day) for day in days))
    weeks = kind == "week" or (len(days) > 3 and len(starts) == 2 and _WEEK.search(name))
    if weeks and len(starts) > 1:
        raise WeekError(
            f"{where} has weeks that start on {' and on '.join(starts)}; weeks of two starts cannot be laid side "
            f"by side; download it by day, and sum it with week_start='monday'"
        )
    if kind != "day" or len(days) < 3:
        return kind
    steps = np.diff(days).astype(np.int64)
    if (steps % 7 == 0).all() and steps.min() == 7:
        return "week"
    return "month" if steps.min() >= 28 and all(str(day).endswith("-01") for day in days) else "day"


def all_periods(first: np.datetime64, last: np.datetime64, unit: str) -> np.ndarray:
    """Return every first day of a period from the first to the last."""
    if unit == "month":
        months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + MONTH)
        return months.astype("datetime64[D]")
    return np.arange(first, last + DAY, 7 * DAY if unit == "week" else DAY)
