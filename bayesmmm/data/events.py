"""Events: on which days something that comes from the calendar happens, in history and to come.

An event has a name and days: a row for each time it happens. Its column is the number of its days in each period, so
that weekly columns are sums of daily ones, and what a day of it brings is one number on every calendar.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm.data.calendars import Calendar
from bayesmmm.data.checks import NATIONAL
from bayesmmm.data.dates import iso_date
from bayesmmm.errors import DateError, EventError
from bayesmmm.text import listed, no_such, written
from bayesmmm.validate import as_list, is_number

#: Columns of a table of events; all but the first two may be left out.
COLUMNS = ("name", "first_day", "last_day", "lead_days", "lag_days", "geo")
#: What is put behind the name of an event for the days before and after it.
LEAD, LAG = "lead", "lag"
_LONGEST = 366  # days before and after an event
_DAY = pd.Timedelta(days=1)
#: Days by which the distance between two times of an event may differ from the largest that is known, as Easter's does.
_MOVES = 36


@dataclass(frozen=True)
class Event:
    """One time that an event happens.

    Attributes
    ----------
    name : str
    first_day, last_day : Timestamp
        Both are days of the event.
    geo : str, optional
        The geo of a panel in which it happens; all of them by default.
    """

    name: str
    first_day: pd.Timestamp
    last_day: pd.Timestamp
    geo: str | None = None

    def to_dict(self) -> dict[str, str]:
        """Return it as a row of plain text, as `read_events` reads it."""
        days = {"first_day": f"{self.first_day:%Y-%m-%d}", "last_day": f"{self.last_day:%Y-%m-%d}"}
        return {"name": self.name, **days, **({"geo": self.geo} if self.geo is not None else {})}

    @classmethod
    def from_dict(cls, row: Mapping[str, str]) -> "Event":
        """Return what `to_dict` wrote."""
        first, last = (pd.Timestamp(row[key]).as_unit("ns") for key in COLUMNS[1:3])
        return cls(row["name"], first, last, row.get("geo"))


def read_events(events: object, geos: Sequence[str]) -> tuple[Event, ...]:
    """Return events from a table, by name in the order of the table and then by day.

    Parameters
    ----------
    events : DataFrame, path of a CSV file, sequence of mappings, or None
        One row for each time an event happens, with the columns name, first_day, last_day (that day where it is left
        out), lead_days and lag_days (0 where left out), geo (all geos where it is left out or blank). What this
        returned is returned as it is.
    geos : sequence of str
        Geos of the data.

    Raises
    ------
    EventError
        When a row is none: an unknown or missing column, a last day before the first, days that are no days, an unknown
        geo, or two rows of one event with a day in common.
    """
    if events is None:
        return ()
    if isinstance(events, tuple) and all(isinstance(event, Event) for event in events):
        return events
    rows = [_read_row(row, f"events, data row {i}", geos) for i, row in enumerate(_rows(events), start=1)]
    whole: dict[tuple[str, str | None], list[tuple[Event, int, int]]] = {}
    for row in rows:
        whole.setdefault((row[0].name, row[0].geo), []).append(row)
    out: list[Event] = []
    for own in whole.values():
        own.sort(key=lambda row: row[0].first_day)
        out += _with_days_around(own)
    _check_overlaps(out)
    names = list(dict.fromkeys(event.name for event in out))
    return tuple(sorted(out, key=lambda event: (names.index(event.name), event.first_day, event.geo or "")))


def event_names(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the names of events, each once."""
    return tuple(dict.fromkeys(event.name for event in events))


def event_days(
    events: Sequence[Event], calendar: Calendar, geos: Sequence[str], start: int, count: int
) -> dict[str, np.ndarray]:
    """Return the number of days of each event in so many periods of a calendar, by name, (G, count).

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = Calendar("weekly", pd.Timestamp("2024-11-25"))
    >>> events = read_events([{"name": "sale", "first_day": "2024-11-29", "last_day": "2024-12-02"}], ["national"])
    >>> event_days(events, weeks, ["national"], 0, 3)["sale"]
    array([[3., 1., 0.]])
    """
    edges = calendar.edges(start, count).astype(int)
    out = {name: np.zeros((len(geos), count)) for name in event_names(events)}
    for event in events:
        first, last = (int(day.to_datetime64().astype("datetime64[D]").astype(int)) for day in _days_of(event))
        inside = np.clip(np.minimum(edges[1:], last + 1) - np.maximum(edges[:-1], first), 0, None)
        out[event.name][[event.geo in (None, geo) for geo in geos]] += inside
    return out


def unknown_ahead(events: Sequence[Event], names: Sequence[str], until: pd.Timestamp) -> list[str]:
    """Return which events have come back in the past, and will again before a day, of which nothing was said."""
    out = []
    for name in names:
        first = pd.DatetimeIndex([e.first_day for e in events if e.name == name]).unique().sort_values()
        if len(first) > 1 and until > first[-1] + max(np.diff(first)) + pd.Timedelta(days=_MOVES):
            out.append(name)
    return out


def check_known_days(calendar: Calendar, date_is: str | None, dates: pd.DatetimeIndex) -> None:
    """Refuse events where it was not said which days a period has, and its dates do not show it."""
    month = calendar.frequency in ("monthly", "quarterly") and calendar.day in (1, 31)
    if date_is is None and calendar.frequency != "daily" and not month:
        raise EventError(
            f"events fall on days, and it was not said which days a {calendar.frequency} period dated "
            f"{dates[0]:%Y-%m-%d} has: say date_is='first' where a date is the first day of its period, "
            f"date_is='last' where it is the last"
        )


# ------------------------------------------------------------------------------------------------------ rows of a table
def _days_of(event: Event) -> tuple[pd.Timestamp, pd.Timestamp]:
    return event.first_day, event.last_day


def _rows(events: object) -> list[Mapping[str, Any]]:
    """Return the rows of a table of events, blank cells left out."""
    if isinstance(events, str | os.PathLike):
        try:
            events = pd.read_csv(events, dtype=str)
        except (OSError, ValueError) as error:
            raise EventError(
                f"events={written(str(events))} cannot be read: {error}; give the path of a CSV file with the columns "
                f"{listed(COLUMNS[:3])}, or a table"
            ) from error
    if isinstance(events, pd.DataFrame):
        if events.columns.has_duplicates:
            raise EventError(
                f"events has two columns of one name; its columns are {listed(events.columns, shown=9)}"
            )
        events = events.to_dict("records")
    rows = as_list(events)
    if rows is None or not all(isinstance(row, Mapping) for row in rows):
        raise EventError(
            f"events={written(events)} must be a table with the columns {listed(COLUMNS[:3])}, a row for each time an "
            f"event happens, as pd.DataFrame({{'name': ['sale'], 'first_day': ['2024-11-29'], 'last_day': "
            f"['2024-12-02']}})"
        )
    return [{k: v for k, v in row.items() if not _is_blank(v)} for row in rows]


def _is_blank(value: object) -> bool:
    return value is None or value is pd.NaT or value == "" or (isinstance(value, float) and np.isnan(value))


def _read_row(row: Mapping[str, Any], where: str, geos: Sequence[str]) -> tuple[Event, int, int]:
    """Return an event, and the days before and after it that are events of their own."""
    for key in row:
        if key not in COLUMNS:
            raise EventError(no_such(f"{where}: the column {key!r} is unknown", str(key), COLUMNS, "Use"))
    for key in COLUMNS[:2]:
        if key not in row:
            raise EventError(f"{where} has no {key}; every row needs a name and a first_day; fill it in")
    name = row["name"]
    if not isinstance(name, str) or not name.strip():
        raise EventError(f"{where}: the name {written(name)} is no text; name the event")
    where = f"{where} ({name!r})"
    try:
        first, last = (iso_date(row.get(key, row["first_day"]), key) for key in COLUMNS[1:3])
    except DateError as error:
        raise EventError(f"{where}: {error}") from None
    if last < first:
        raise EventError(
            f"{where}: first_day {first:%Y-%m-%d} is after last_day {last:%Y-%m-%d}; both are days of the event; swap "
            f"the two"
        )
    geo = row.get("geo")
    if geo is not None and (str(geo) not in geos or tuple(geos) == (NATIONAL,)):
        raise EventError(no_such(f"{where}: geo {written(geo)} is not in the data", str(geo), geos, "Geos are"))
    around = []
    for key in COLUMNS[3:5]:
        days = row.get(key, 0)
        days = float(days) if isinstance(days, str) and days.strip().isdigit() else days
        if not is_number(days) or days != int(days) or not 0 <= days <= _LONGEST:
            raise EventError(
                f"{where}: {key}={written(days)} must be a whole number of days, from 0 to {_LONGEST}"
            )
        around.append(int(days))
    return Event(name, first, last, None if geo is None else str(geo)), around[0], around[1]


def _with_days_around(own: Sequence[tuple[Event, int, int]]) -> list[Event]:
    """Return events of one name and geo, and the days before and after them that are no days of the event itself."""
    out = [event for event, _, _ in own]
    for i, (event, lead, lag) in enumerate(own):
        first, last = event.first_day - lead * _DAY, event.last_day + lag * _DAY
        if i and lead:
            first = max(first, own[i - 1][0].last_day + _DAY)
        if i + 1 < len(own) and lag:
            last = min(last, own[i + 1][0].first_day - _DAY)
        if first < event.first_day:
            out.append(Event(f"{event.name} {LEAD}", first, event.first_day - _DAY, event.geo))
        if last > event.last_day:
            out.append(Event(f"{event.name} {LAG}", event.last_day + _DAY, last, event.geo))
    return out


def _check_overlaps(events: Sequence[Event]) -> None:
    """Refuse two rows of one event with a day in common, in one geo: it would be counted twice."""
    by_name: dict[str, list[Event]] = {}
    for event in events:
        by_name.setdefault(event.name, []).append(event)
    for own in by_name.values():
        for geo in {event.geo for event in own}:
            rows = sorted((e for e in own if e.geo in (None, geo)), key=lambda e: e.first_day)
            for one, other in pairwise(rows):
                if other.first_day <= one.last_day:
                    raise EventError(
                        f"event {one.name!r} has {other.first_day:%Y-%m-%d} in two rows, {_span(one)} and "
                        f"{_span(other)}: a day of an event counts once; make one row of the two, or give them names of "
                        f"their own"
                    )


def _span(event: Event) -> str:
    return f"{event.first_day:%Y-%m-%d} to {event.last_day:%Y-%m-%d}" + (f" in {event.geo!r}" if event.geo else "")
