"""What the fields of `MMMData` are kept as, whatever they were given as; and the checks that are made of them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesmmm.data import checks
from bayesmmm.data.calendars import Calendar, find_calendar
from bayesmmm.data.checks import NATIONAL
from bayesmmm.data.dates import check_order, parse_dates
from bayesmmm.data.events import Event, check_known_days, event_days, event_names, read_events
from bayesmmm.data.exposures import check_paid, read_spend, read_units
from bayesmmm.data.faults import looking
from bayesmmm.data.missing import outside, read_missing, read_present
from bayesmmm.data.roles import uses_of
from bayesmmm.data.scales import read_only_arrays
from bayesmmm.data.values import check_values, to_array
from bayesmmm.errors import DateError, PanelError, RoleError
from bayesmmm.text import written
from bayesmmm.validate import as_list, list_for

if TYPE_CHECKING:
    from bayesmmm.data.schema import MMMData


def normal_form(data: "MMMData") -> dict[str, Any]:
    """Return the fields of some data, checked but for the values of their columns."""
    units = read_units(data.units, checks.as_names(data.media, role="media"))
    spend = read_spend(data.spend, data.media, units)
    uses = uses_of(data.outcome, data.media, data.mediators, data.controls, spend, units)
    checks.check_roles(uses)
    with looking():
        checks.check_unit(data.outcome_unit, "outcome_unit")
    if not isinstance(data.columns, Mapping):
        text = f"columns={written(data.columns)} must be a mapping from names to arrays"
        raise RoleError(f"{text}; write columns={{{data.outcome!r}: [...], ...}}, or use MMMData.from_frame")
    checks.check_known([name for name, _ in uses], list(data.columns), where="columns")
    if as_list(data.dates) is None:
        raise DateError(f"dates={written(data.dates)} must be a list of dates; write them as a DatetimeIndex")
    dates = parse_dates(pd.Series(data.dates), column="dates", date_format=None)
    check_order(dates, where="column 'dates'", sort="sort the frame by 'dates'")
    with looking():
        checks.check_periods(len(dates), where="the data")
    geos = tuple(str(geo) for geo in as_list(data.geos) or ())
    if not geos or len(set(geos)) < len(geos):
        fix = f"give each geo once, as geos={list_for(data.geos, [NATIONAL])}"
        raise PanelError(f"geos={written(data.geos)} must be a list of different names, at least one; {fix}")
    events: tuple[Event, ...] = ()
    with looking():
        events = read_events(data.events, geos)
    names = event_names(events)
    checks.check_roles([*uses, *((name, "events") for name in names)])
    checks.check_no_role([name for name in data.columns if name not in names], uses)
    unused = as_list(data.unused)
    if unused is None:
        raise RoleError(f"unused={written(data.unused)} must be a list of names; write unused=[]")
    columns = {name: to_array(data.columns[name], name, len(geos)) for name, _ in uses}
    checks.check_shapes(columns, geos=geos, dates=dates)
    explained, mediators = (data.outcome, *data.mediators), checks.as_units(data.mediators)
    missing = read_missing(data.missing, explained, columns)
    present = read_present(
        data.present, geos, dates, outcome=data.outcome, declared=bool(data.part or data.outcome in missing)
    )
    calendar = Calendar("", dates[0])  # which stays where faults are collected
    with looking():
        if len(dates) > 1:
            calendar = find_calendar(dates, calendar_dates=data.calendar_dates, date_is=data.date_is)
    columns = outside(columns, present, explained, (*data.media, *spend.values()))
    columns |= _event_columns(events, calendar, data.date_is, dates, geos)
    return {
        "dates": dates,
        "geos": geos,
        "columns": read_only_arrays(columns),
        "media": tuple(data.media),
        "mediators": MappingProxyType(mediators),
        "controls": tuple(data.controls),
        "events": events,
        "unused": tuple(str(name) for name in unused),
        "levels": MappingProxyType(checks.check_levels(data.levels, geos)),
        "missing": MappingProxyType(missing),
        "present": present,
        "units": MappingProxyType(units),
        "spend": MappingProxyType(spend),
        "calendar": calendar,
        "calendar_dates": calendar.known_dates,
    }


def _event_columns(
    events: Sequence[Event],
    calendar: Calendar,
    date_is: str | None,
    dates: pd.DatetimeIndex,
    geos: Sequence[str],
) -> dict[str, np.ndarray]:
    """Days (geo, date) of events by name; none of them where faults are collected and there is no calendar."""
    if not events or not calendar.frequency:
        return {name: np.zeros((len(geos), len(dates))) for name in event_names(events)}
    with looking():
        check_known_days(calendar, date_is, dates)
    return event_days(events, calendar, geos, 0, len(dates))


def check_columns(data: "MMMData") -> None:
    """Refuse values that the role of their column does not allow."""
    check_values(
        data.columns,
        uses_of(data.outcome, data.media, data.mediators, data.controls, data.spend, events=data.event_names),
        data.geos,
        data.dates,
        money=[name for name in data.columns if data.is_money(name)],
        counted=[name for name in data.media if not data.is_money(name)],
        missing=data.missing,
        present=data.present,
        part=data.part,
    )
    if not data.part:
        check_paid(data.spend, data.columns)
