"""Calendars: the frequency of dates, the days that each period covers, the periods that come before and after.

Knows dates only. What dates do not show is said by the caller: whether they are first or last days of periods, and the
dates of periods that follow no rule.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm.data.dates import check_order, parse_dates
from bayesmmm.errors import CalendarGapError, DateError
from bayesmmm.text import listed, no_such, written
from bayesmmm.validate import as_list

RETAIL, UNEVEN = "retail", "uneven"
#: Days in a period, of months and quarters their average; that of retail and uneven periods is their own.
DAYS_PER_PERIOD = {
    **{"daily": 1.0, "weekly": 7.0, "fortnightly": 14.0, "four-weekly": 28.0},
    **{"monthly": 365.25 / 12, "quarterly": 365.25 / 4},
}
#: What one period is called.
PERIOD_WORD = {
    **{"daily": "day", "weekly": "week", "fortnightly": "fortnight", "monthly": "month", "quarterly": "quarter"},
    **dict.fromkeys(("four-weekly", RETAIL, UNEVEN), "period"),
}
#: What a date is to its period.
DATE_IS = ("first", "last")

_STEPS = {1: "daily", 7: "weekly", 14: "fortnightly", 28: "four-weekly"}
_MONTHS = {"monthly": 1, "quarterly": 3}
#: Weeks of periods that are whole weeks, in the order of size, and periods in a year; a year may have one week more.
_PATTERNS = {(4,): ("four-weekly", 13), (4, 4, 5): (RETAIL, 12), (13,): (RETAIL, 4)}
#: Years between two that have 53 weeks, at least.
_YEARS_APART = 5
_YEAR = 365.25
_SUMS = "adds days up to weeks: week_start='monday'"


@dataclass(frozen=True)
class Calendar:
    """Periods that follow on each other, numbered from 0 on; those before have numbers below.

    Attributes
    ----------
    frequency : str
        "daily", "weekly", "fortnightly", "four-weekly", "monthly", "quarterly"; "retail" of periods that are whole
        weeks in a pattern, as 4, 4, 5; "uneven" of others, whose dates were given.
    first : Timestamp
        Date of period 0.
    day : int
        Of months and quarters, the day of the month on which their dates lie, as `anchor_day` gives it.
    last : bool
        Whether a date is the last day of its period; otherwise it is the first.
    known : tuple of int
        Where periods follow no rule of days or months, all dates that are known, in days from `first`.
    before, after : tuple of int
        Days between the dates before the first known one, and after the last: they come back in this order.
    """

    frequency: str
    first: pd.Timestamp
    day: int = 1
    last: bool = False
    known: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @property
    def days_per_period(self) -> float:
        """Days in one period, on average where they differ."""
        return float(np.mean(self.after)) if self.known else DAYS_PER_PERIOD[self.frequency]

    @property
    def known_dates(self) -> pd.DatetimeIndex | None:
        """All dates that are known of periods that follow no rule; None of others."""
        days = pd.to_timedelta(np.array(self.known), unit="D")
        return pd.DatetimeIndex(self.first + days, name="date").as_unit("ns") if self.known else None

    @property
    def shortest(self) -> float:
        """Days that a period has at least."""
        if self.known:
            return float(min(*np.diff(self.known), *self.before, *self.after))
        return {"monthly": 28.0, "quarterly": 89.0}.get(self.frequency, self.days_per_period)

    @property
    def even(self) -> bool:
        """Whether all periods have the same length."""
        return not self.known and self.frequency not in _MONTHS

    def dates(self, start: int, stop: int) -> np.ndarray:
        """Dates of the periods from one number up to another, as datetime64[D]."""
        first = self.first.to_datetime64().astype("datetime64[D]")
        if self.known:
            return first + self._steps(start, stop).astype("timedelta64[D]")
        numbers = np.arange(start, stop)
        if self.even:
            return first + (numbers * int(self.days_per_period)).astype("timedelta64[D]")
        months = first.astype("datetime64[M]") + (numbers * _MONTHS[self.frequency]).astype("timedelta64[M]")
        firsts = months.astype("datetime64[D]")
        lengths = ((months + np.timedelta64(1, "M")).astype("datetime64[D]") - firsts).astype(int)
        return firsts + (np.minimum(self.day, lengths) - 1).astype("timedelta64[D]")

    def edges(self, start: int, count: int) -> np.ndarray:
        """First days of so many periods, and of the one after them, (count + 1,), as datetime64[D]."""
        if self.last:
            return self.dates(start - 1, start + count) + np.timedelta64(1, "D")
        return self.dates(start, start + count + 1)

    def days(self, start: int, count: int) -> np.ndarray:
        """Lengths in days of so many periods: one number (1,) where all are alike, else one for each."""
        return np.array([self.days_per_period]) if self.even else np.diff(self.edges(start, count)).astype(float)

    def _steps(self, start: int, stop: int) -> np.ndarray:
        """Days from `first` to the dates of periods with numbers from `start` up to `stop`."""
        known = np.array(self.known)
        at = int(np.searchsorted(known, 0))  # position of period 0
        early, late = max(0, -(start + at)), max(0, stop + at - len(known))
        earlier = known[0] - np.cumsum(np.resize(self.before[::-1], early))[::-1]
        later = known[-1] + np.cumsum(np.resize(self.after, late))
        return np.concatenate([earlier, known, later])[start + at + early : stop + at + early].astype(int)


def find_calendar(
    dates: pd.DatetimeIndex, *, calendar_dates: object = None, date_is: str | None = None
) -> Calendar:
    """Return the calendar of dates, judged by the commonest step between them.

    Daily means every step is 1 day, weekly 7, fortnightly 14, four-weekly 28. Monthly means the same day of every month
    (the last day where a month is too short, so that month ends count as monthly), quarterly of every third month.
    Retail periods are 4, 4 and 5 weeks in one order that comes back, or 13 weeks; they and four-weekly periods may have
    a week more in a year of 53 weeks. Others are uneven, and all their dates are given.

    Parameters
    ----------
    dates : DatetimeIndex
        Increasing, at least two.
    calendar_dates : sequence of dates, optional
        Dates of all periods, of those to come and of earlier ones too.
    date_is : {"first", "last"}, optional
        Whether a date is the first or the last day of its period. By default ends of months are last days, and other
        dates are first days; of periods that are not all alike it has to be said.
    """
    if date_is not in (None, *DATE_IS):
        raise DateError(no_such(f"date_is={written(date_is)} is unknown", str(date_is), DATE_IS, "Use"))
    known = dates if calendar_dates is None else _given(dates, calendar_dates)
    frequency, base = _week_pattern(known) or ("", ())
    if not frequency:
        try:
            frequency = _regular(known)
        except (CalendarGapError, DateError):
            if calendar_dates is None:
                raise
            frequency = UNEVEN
    if frequency in _MONTHS:
        day = anchor_day(known)
        return Calendar(frequency, dates[0], day, date_is == "last" or (date_is is None and day == 31))
    if frequency != UNEVEN and not base:
        return Calendar(frequency, dates[0], last=date_is == "last")
    steps = np.diff(known).astype("timedelta64[D]").astype(int)
    if date_is is None and np.ptp(steps):
        raise DateError(
            f"the periods have {steps.min()} to {steps.max()} days ({frequency}, {dates[0]:%Y-%m-%d}, "
            f"{dates[1]:%Y-%m-%d}, ...), and it is not known which: say date_is='first' where a date is the first day "
            f"of its period, date_is='last' where it is the last"
        )
    if base:
        before, after = base, np.roll(base, -(len(steps) % len(base)))
    else:
        before, after = steps[: _year_of(steps)], steps[len(steps) - _year_of(steps[::-1]) :]
    offsets = (known - dates[0]).days
    whole = (tuple(map(int, values)) for values in (offsets, before, after))
    return Calendar(frequency, dates[0], 1, date_is == "last", *whole)


def anchor_day(dates: pd.DatetimeIndex) -> int:
    """Return the day of the month, 1 to 31, that fits most of the dates; 31 stands for the end of every month."""
    lengths, days = dates.days_in_month.to_numpy(), dates.day.to_numpy()
    return max(range(1, 32), key=lambda candidate: np.sum(np.minimum(candidate, lengths) == days))


def _given(dates: pd.DatetimeIndex, calendar_dates: object) -> pd.DatetimeIndex:
    """Return the dates of all periods as they were given, of which those of the data are some in a row."""
    values = as_list(calendar_dates)
    if not values:
        raise DateError(
            f"calendar_dates={written(calendar_dates)} must be a list of dates, those of all periods, the periods to "
            f"come too, as calendar_dates=['2024-01-28', '2024-02-25', '2024-03-31']"
        )
    known = parse_dates(pd.Series(values), column="calendar_dates", date_format=None)
    check_order(known, where="calendar_dates", sort="sort them", panel=True)
    expected = known[(known >= dates[0]) & (known <= dates[-1])]
    missing, off = expected.difference(dates), dates.difference(known)
    if len(missing) or len(off):
        raise CalendarGapError(
            f"the dates do not go with calendar_dates: {_faults(missing, off)}; every period from {dates[0]:%Y-%m-%d} "
            f"to {dates[-1]:%Y-%m-%d} must be there; add the missing rows, with zero spend where nothing was spent, or "
            f"correct calendar_dates"
        )
    return known


def _year_of(steps: np.ndarray) -> int:
    """Return how many steps from the first on come nearest to a year."""
    return int(np.argmin(np.abs(np.cumsum(steps) - _YEAR))) + 1


def _week_pattern(dates: pd.DatetimeIndex) -> tuple[str, tuple[int, ...]] | None:
    """Return frequency and lengths in days of periods that are whole weeks, but not all of them alike, or 13 of them."""
    weeks, rest = np.divmod(np.diff(dates).astype("timedelta64[D]").astype(int), 7)
    if rest.any():
        return None
    for pattern, (frequency, per_year) in _PATTERNS.items():
        length = len(pattern)
        if len(weeks) < length:
            continue
        base = tuple(int(weeks[r::length].min()) for r in range(length))
        more = weeks - np.resize(base, len(weeks))
        longer = np.diff(np.flatnonzero(more))
        apart = (longer % per_year == 0) & (longer >= _YEARS_APART * per_year)
        if tuple(sorted(base)) == pattern and more.max() <= 1 and apart.all():
            # Of 28 days each there is a rule, and no date has to be known.
            return (frequency, tuple(7 * w for w in base)) if frequency == RETAIL or more.any() else None
    return None


def _regular(dates: pd.DatetimeIndex) -> str:
    """Return the frequency of dates that follow a rule of days or months, or say what is wrong with them."""
    steps, counts = np.unique(np.diff(dates).astype("timedelta64[D]").astype(int), return_counts=True)
    step = int(steps[np.argmax(counts)])
    if step == 1 and 3 in steps and (dates.day_of_week < 5).all():
        raise CalendarGapError(
            f"the dates are business days: from {dates[0]:%Y-%m-%d} on none is a Saturday or a Sunday, and spend "
            f"carries over through all days; add the rows up to weeks, as frame.groupby(pd.Grouper(key='day', "
            f"freq='W-SUN')).sum().reset_index() with date_is='last', or add the missing rows, with what was spent "
            f"on these days and the outcome left blank under missing='ignore'",
            prepare=_SUMS,
        )
    if step in _STEPS:
        frequency, expected = _STEPS[step], _regular_days(dates, step)
    elif step in (30, 31, 90, 91, 92):
        frequency = "monthly" if step < 90 else "quarterly"
        expected = _regular_months(dates, _MONTHS[frequency])
    else:
        raise DateError(
            f"the dates mostly lie {step} days apart ({dates[0]:%Y-%m-%d}, {dates[1]:%Y-%m-%d}, ...); "
            "allowed are days, weeks, fortnights, periods of four weeks, 4-4-5 weeks, months and quarters; add the rows "
            "up to one of these first, or say the dates of all periods, as calendar_dates=[...]",
            prepare=_SUMS,
        )
    missing, off = expected.difference(dates), dates.difference(expected)
    if len(missing) or len(off):
        raise CalendarGapError(
            f"the series looks {frequency} (commonest step {step} days), but {_faults(missing, off)}; every "
            f"period from {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d} must be there; add the missing rows, "
            "with zero spend where nothing was spent, and the outcome left blank under missing='ignore' where it was "
            "not recorded, or say all dates of the periods where they do have uneven lengths, as calendar_dates=[...]",
            prepare="adds absent periods with zeros: fill=True, or fill=['tv', ...] for spend alone",
        )
    return frequency


def _faults(missing: pd.DatetimeIndex, off: pd.DatetimeIndex) -> str:
    """Say which dates are missing, and which fit no calendar."""
    found = [f"{len(missing)} date(s) are missing: {listed(missing)}"] if len(missing) else []
    found += [f"{len(off)} date(s) do not fit the calendar: {listed(off)}"] if len(off) else []
    return "; ".join(found)


def _regular_days(dates: pd.DatetimeIndex, step: int) -> pd.DatetimeIndex:
    """Return the calendar of that step on which most of the dates lie."""
    days = (dates - pd.Timestamp(0)).days.to_numpy()
    phases, counts = np.unique(days % step, return_counts=True)
    calendar = np.arange(days[0], days[-1] + 1)
    calendar = calendar[calendar % step == phases[np.argmax(counts)]]
    return pd.DatetimeIndex(calendar.astype("datetime64[D]")).as_unit("ns")


def _regular_months(dates: pd.DatetimeIndex, step: int) -> pd.DatetimeIndex:
    """Return one date in each of the months that most dates lie in, on the day of the month that fits most of them."""
    day = anchor_day(dates)
    phases, counts = np.unique(dates.month % step, return_counts=True)
    months = pd.period_range(dates[0], dates[-1], freq="M")
    months = months[months.month % step == phases[np.argmax(counts)]]
    first = months.to_timestamp().as_unit("ns")
    return first + pd.to_timedelta(np.minimum(day, months.days_in_month) - 1, unit="D")
