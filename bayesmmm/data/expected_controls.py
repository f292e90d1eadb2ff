"""What to expect of controls in periods to come of which nobody said anything: those of a year before, or the last ones.

A column of Christmas weeks that ends in December says what it will be in January by its last January, not by its last
weeks. What does not follow the calendar, as most prices, is nearer to what it was last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm.data.future import next_dates
from bayesmmm.data.schema import MMMData

#: Largest error of the value of a year before, over that of the value as many periods before as are to come, at which a
#: column is taken to follow the calendar; and how many periods of the history must tell.
SEASONAL, COMPARED = 0.8, 4
_WEEK, _YEAR = 7, 365.25


@dataclass(frozen=True, eq=False)
class Expected:
    """Values of a column that are expected.

    Attributes
    ----------
    values : ndarray, shape (geo, date)
    by_calendar : bool
        Whether they are those of the same periods of the year before; otherwise those of the last periods again.
    """

    values: np.ndarray
    by_calendar: bool


def expected_controls(data: MMMData, names: Sequence[str], count: int) -> dict[str, Expected]:
    """Return what to expect of columns in so many periods after the history.

    A column of 0 and 1 takes the values of the same periods of the year before (on calendars of weeks those 52 weeks
    before, the same days of the week; else the same dates), and so does one that a year before was nearer to over the
    history than so many periods before: by a mean absolute error of at most 0.8 of the other. All others, and those of
    a history that does not reach back a year, take the last `count` values again.

    Parameters
    ----------
    data : MMMData
    names : sequence of str
        Columns of it, as controls.
    count : int
        From 1 to the number of periods of the history.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> weeks = pd.date_range("2021-01-04", periods=104, freq="7D")
    >>> frame = pd.DataFrame({"week": weeks, "sales": np.arange(104.0), "tv": [1.0, 0.0] * 52,
    ...                       "christmas": (weeks.month == 12).astype(float), "price": np.arange(104.0)})
    >>> roles = {"date": "week", "outcome": "sales", "media": ["tv"], "controls": ["christmas", "price"]}
    >>> found = expected_controls(MMMData.from_frame(frame, **roles), ["christmas", "price"], 4)
    >>> found["christmas"].values.tolist(), found["price"].values.tolist()
    ([[0.0, 0.0, 0.0, 0.0]], [[100.0, 101.0, 102.0, 103.0]])
    """
    ahead = _year_before(data, next_dates(data, count))
    past = _year_before(data, data.dates)
    return {name: _expected(data, name, count, ahead, past) for name in names}


def _expected(data: MMMData, name: str, count: int, ahead: np.ndarray, past: np.ndarray) -> Expected:
    column = data.columns[name]
    if (ahead < 0).any() or not _follows_the_calendar(data, name, count, past):
        return Expected(column[:, -count:].copy(), by_calendar=False)
    # A geo that was not there a year before has its last values again.
    return Expected(np.where(data.has_row[:, ahead], column[:, ahead], column[:, -count:]), by_calendar=True)


def _follows_the_calendar(data: MMMData, name: str, count: int, past: np.ndarray) -> bool:
    if np.isin(data.values(name), (0.0, 1.0)).all():
        return True
    at = np.flatnonzero((past >= 0) & (np.arange(len(past)) >= count))
    values, own = data.columns[name], data.has_row
    told = own[:, at] & own[:, past[at]] & own[:, at - count]
    if told.any(axis=0).sum() < COMPARED:
        return False
    year, last = (np.abs(values[:, at] - values[:, then])[told].mean() for then in (past[at], at - count))
    return bool(last > 0.0 and year <= SEASONAL * last)


def _year_before(data: MMMData, dates: pd.DatetimeIndex) -> np.ndarray:
    """Return the number of the period of the history a year before each date, the latest where it is years ahead.

    -1 where the history does not reach back so far.
    """
    known, slack = data.dates, pd.Timedelta(days=data.days_per_period / 2)
    out = np.full(len(dates), -1)
    for i, date in enumerate(dates):
        years = 1
        while _back(data, date, years) > known[-1] + slack:
            years += 1
        target = _back(data, date, years)
        if target >= known[0] - slack:
            out[i] = int(np.abs(known - target).argmin())
    return out


def _back(data: MMMData, date: pd.Timestamp, years: int) -> pd.Timestamp:
    """A day so many years before: on calendars of whole weeks, and of days, the same day of the week."""
    if data.frequency in ("monthly", "quarterly"):
        return date - pd.DateOffset(years=years)
    return date - pd.Timedelta(days=_WEEK * round(years * _YEAR / _WEEK))
