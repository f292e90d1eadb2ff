"""Beyond the history: the periods that come next, plans for them, and windows of periods.

Knows the calendar and the columns of the data. Refuses to know equations: which columns a plan needs is said by
the caller.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bayesmmm.data.calendars import Calendar
from bayesmmm.data.checks import check_finite, check_known, check_not_negative, check_range
from bayesmmm.data.dates import LAST_YEAR, check_order, iso_date, parse_dates
from bayesmmm.data.events import event_days
from bayesmmm.data.planned_units import PlannedUnits, complete, read_costs
from bayesmmm.data.scales import read_only_arrays
from bayesmmm.data.schema import MMMData
from bayesmmm.data.tables import check_table, rows_by_geo, to_float
from bayesmmm.data.values import COUNTED
from bayesmmm.errors import (
    CalendarGapError,
    DateError,
    PanelError,
    PlanError,
    UnknownColumnError,
    WindowError,
)
from bayesmmm.files import RUN_COLUMN
from bayesmmm.text import did_you_mean, listed, written
from bayesmmm.validate import check_count

DATE = "date"  # column of a plan that holds its dates
GEO = "geo"  # column of a plan for a panel that names the geo of a row
_LAST_DAY = pd.Timestamp(year=LAST_YEAR, month=12, day=31)


@dataclass(frozen=True, eq=False)
class Future:
    """A plan that has been checked: the periods after the history, and the columns that the equations need.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (date,)
        The periods right after the history, on its calendar.
    columns : Mapping of str to ndarray, shape (geo, date)
        Raw units, read-only float64; geos in the order of the data. Those that are needed, and the days of events.
    exposures : Mapping of str to PlannedUnits
        Units, spend and cost of the needed exposures that have a column of spend.
    """

    dates: pd.DatetimeIndex
    columns: Mapping[str, np.ndarray]
    exposures: Mapping[str, PlannedUnits] = field(default_factory=dict)


def next_dates(data: MMMData, count: int) -> pd.DatetimeIndex:
    """Return the periods right after the history, on its calendar.

    Parameters
    ----------
    data : MMMData
        The history.
    count : int
        Number of periods, at least 1.

    Returns
    -------
    pandas.DatetimeIndex, shape (count,)
        Dates of months and quarters stay on the day of the month that fits the whole history, or on the last day of a
        month that is too short for it, so that month ends stay month ends. Retail periods go on by their pattern,
        uneven ones by the lengths of their last year; where a year will have 53 weeks, or other lengths,
        `calendar_dates` says so when the data are read.

    Raises
    ------
    PlanError
        `count` is not a whole number of at least 1, or leads beyond the year 2189.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayesmmm.data import MMMData, next_dates
    >>> frame = pd.DataFrame({
    ...     "month": pd.date_range("2023-08-31", periods=8, freq="ME"),
    ...     "revenue": [9.0, 8, 11, 10, 12, 9, 8, 10],
    ...     "tv": [1.0, 0, 2, 1, 3, 0, 0, 1],
    ... })
    >>> data = MMMData.from_frame(frame, date="month", outcome="revenue", media=["tv"])
    >>> next_dates(data, 2).strftime("%Y-%m-%d").tolist()
    ['2024-04-30', '2024-05-31']
    """
    count = check_count(count, "count", advice="the number of periods", error=PlanError)
    last = data.dates[-1]
    if count * data.days_per_period > (_LAST_DAY - last).days:
        raise PlanError(
            f"count={count} {data.frequency} periods after {last:%Y-%m-%d} lead beyond the year {LAST_YEAR}, where "
            "dates end; ask for fewer periods"
        )
    return _index(_following(data, count))


def read_plan(
    data: MMMData, plan: pd.DataFrame, *, needed: Sequence[str], cost: Mapping[str, object] | None = None
) -> Future:
    """Check a table of future periods against the history and take the columns that are needed.

    Nothing is filled, reordered or dropped: the plan is taken as it is, or refused.

    Parameters
    ----------
    data : MMMData
        The history.
    plan : pandas.DataFrame
        One row per period, the first right after the last of the history. Dates stand in a column "date", or of the
        name that it has in the data (datetimes or ISO text), or in a DatetimeIndex. Of a panel, one row per geo and
        period, with the name of the geo in a column "geo", or its keys in the columns that name it in the data where
        several do: every geo of the data has the same periods, and none of them is left out. Media and controls of the
        data that are not needed may be there, and are not read.
    needed : sequence of str
        Columns of the data that the equations take as given. Of an exposure the plan may have its units, the column of
        its spend, or both: what it does not have follows from `cost` or, without one, from what a unit cost in as many
        periods at the end of the history.
    cost : mapping of str to number, array (W,) or Series, optional
        Exposure -> what one unit costs in the periods of the plan; of a panel a number, or a DataFrame with the dates as
        its index and a column for every geo. A plan with units and spend must agree with it.

    Returns
    -------
    Future
        Its columns are those of `needed`, in that order, each of shape (geo, date); then the days of every event of the
        data, by their dates, or as the plan has them in a column of its name.

    Raises
    ------
    PlanError
        The plan is empty, holds its dates twice, does not start where the history ends, holds the outcome or a
        mediator that is not needed, buys a channel in a geo where it was never bought, or has units and spend that a
        cost contradicts.
    PanelError
        The plan has a column "geo" and the data have one geo; of a panel, it has none, names other geos than the data,
        or other periods for one geo than for another.
    UnknownColumnError
        A needed column or the dates are missing, or a column is not known.
    DateError
        A date cannot be read, occurs twice or is out of order.
    CalendarGapError
        Periods are missing inside the plan, or lie off the calendar.
    NotNumericError, MissingValueError, ValueRangeError, NegativeSpendError
        A value is text, is not finite, is too large, or is spend below zero.
    DataError
        The plan is not a DataFrame, or has a column twice (`RoleError`).

    Examples
    --------
    >>> import pandas as pd
    >>> from bayesmmm.data import MMMData, next_dates, read_plan
    >>> frame = pd.DataFrame({
    ...     "week": pd.date_range("2024-01-07", periods=8, freq="7D"),
    ...     "revenue": [9.0, 8, 11, 10, 12, 9, 8, 10],
    ...     "tv": [1.0, 0, 2, 1, 3, 0, 0, 1],
    ... })
    >>> data = MMMData.from_frame(frame, date="week", outcome="revenue", media=["tv"])
    >>> plan = pd.DataFrame({"tv": [2.0, 0.0]}, index=next_dates(data, 2))
    >>> read_plan(data, plan, needed=["tv"]).columns["tv"]
    array([[2., 0.]])
    """
    check_known(needed, list(data.columns), where="the data")
    if isinstance(plan, pd.DataFrame) and not len(plan):
        raise PlanError(f"the plan has no rows; give one row per period, and start at {_next(data):%Y-%m-%d}")
    plan, panel = dated(data, plan), len(data.geos) > 1
    if isinstance(plan, pd.DataFrame) and not panel and GEO in [*plan.columns, *plan.index.names]:
        raise PanelError(
            "the plan has a column 'geo', and a plan is read for one geo; keep the rows of that geo and drop the column"
        )
    paid = {name: data.spend[name] for name in needed if name in data.spend}
    both = (*needed, *paid.values(), *data.event_names)
    present = [name for name in (DATE, GEO, *data.levels, *both) if name in list(getattr(plan, "columns", ()))]
    check_table(plan, wanted=present, where="the plan")
    rows = plan_rows(data, plan)
    dates = _dates_of(data, plan, rows)
    _check_calendar(data, dates)
    _check_columns(data, plan, needed)
    given = {name: to_float(plan[name], name, fix="correct the value")[rows] for name in both if name in present}
    for name, values in given.items():
        check_finite(name, values, data.geos, dates, where=" of the plan", fill=_fill(data, name))
        check_range(name, values, where=" of the plan", least=0.0)
        if data.is_money(name):
            check_not_negative(name, values, data.geos, dates, where=" of the plan", fix="plan what will be spent")
        elif name in data.media:
            check_not_negative(name, values, data.geos, dates, where=" of the plan", **COUNTED)
    costs = read_costs(data, cost, dates)
    exposures = {
        name: complete(data, name, dates, given.get(name), given.get(column), costs.get(name))
        for name, column in paid.items()
    }
    columns = {name: exposures[name].units if name in exposures else given[name] for name in needed}
    for name, values in columns.items():
        never = silent_geos(data, name, values)
        if never:
            raise PlanError(
                f"the plan spends on {name!r} in geo {listed(never)}, where nothing was ever spent on it, so that "
                f"nothing is known of its effect there; plan 0 there"
            )
    own = {name: given[name] for name in data.event_names if name in given}
    columns |= events_after(data, len(dates)) | own
    return Future(dates=dates, columns=read_only_arrays(columns), exposures=exposures)


def dated(data: MMMData, plan: pd.DataFrame) -> pd.DataFrame:
    """Return a plan with its dates in a column "date", where they are in one of the name that it has in the data."""
    own = list(getattr(plan, "columns", ()))
    if DATE in own or own.count(data.date_name) != 1 or isinstance(plan.index, pd.DatetimeIndex):
        return plan
    return plan.rename(columns={data.date_name: DATE})


def events_after(data: MMMData, count: int) -> dict[str, np.ndarray]:
    """Return the days of every event in so many periods after the history, by name, (geo, count)."""
    return event_days(data.events, data.calendar, data.geos, len(data.dates), count)


def silent_geos(data: MMMData, name: str, values: np.ndarray) -> list[str]:
    """Return the geos in which a channel is above zero in some values (geo, date), and never was in the history."""
    if name not in data.media and name not in data.mediators:
        return []
    silent = (values > 0.0).any(axis=-1) & ~data.bought([name])[:, 0]
    return [geo for geo, is_silent in zip(data.geos, silent, strict=True) if is_silent]


def window_mask(
    dates: pd.DatetimeIndex,
    start: str | datetime.date | None,
    stop: str | datetime.date | None,
    *,
    where: str,
    calendar: Calendar | None = None,
) -> np.ndarray:
    """Return which periods lie in the window from `start` to `stop`, both included.

    A period belongs to the window if its date does. Bounds may be any days of the periods.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (date,)
        Increasing dates that can be answered for.
    start, stop : str or date, optional
        ISO text or dates; the first and the last of `dates` if not given.
    where : str
        What the dates are, for the errors, such as "the fitted periods".
    calendar : Calendar, optional
        Whose periods from number 0 on these are; without one periods have the one day of their date.

    Returns
    -------
    ndarray of bool, shape (date,)

    Raises
    ------
    DateError
        A bound is not a date, or `start` is after `stop`.
    WindowError
        A bound lies outside the dates, or no period lies in the window.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayesmmm.data import window_mask
    >>> weeks = pd.date_range("2024-01-07", periods=4, freq="7D")
    >>> window_mask(weeks, "2024-01-10", "2024-01-21", where="the fitted periods")
    array([False,  True,  True, False])
    """
    first = dates[0] if start is None else iso_date(start, "start")
    last = dates[-1] if stop is None else iso_date(stop, "stop")
    opens, ends = dates[0], dates[-1]
    if calendar is not None:
        edges = _index(calendar.edges(0, len(dates)))
        opens, ends = edges[0], edges[-1] - pd.Timedelta(days=1)
    allowed = f"{where} go from {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}"
    for name, bound, low, high in (("start", first, opens, dates[-1]), ("stop", last, dates[0], ends)):
        if not low <= bound <= high:
            side, end = ("before the first", dates[0]) if bound < dates[0] else ("after the last", dates[-1])
            raise WindowError(
                f"{name}={bound:%Y-%m-%d} is {side} period: {allowed}; "
                f"write {name}={f'{end:%Y-%m-%d}'!r} or a date within, or leave {name} out"
            )
    if first > last:
        raise DateError(f"start {first:%Y-%m-%d} is after stop {last:%Y-%m-%d}; swap the two")
    inside = np.asarray((dates >= first) & (dates <= last))
    if not inside.any():
        before, after = dates[dates < first][-1], dates[dates > last][0]
        raise WindowError(
            f"the window from {first:%Y-%m-%d} to {last:%Y-%m-%d} holds no period: it lies between "
            f"{before:%Y-%m-%d} and {after:%Y-%m-%d}, and a period belongs to a window if its date does; "
            f"write start={f'{before:%Y-%m-%d}'!r} or stop={f'{after:%Y-%m-%d}'!r}"
        )
    return inside


def _following(data: MMMData, count: int) -> np.ndarray:
    """Return the days of the periods after the history, shape (count,), as datetime64[D]."""
    known = len(data.dates)
    return data.calendar.dates(known, known + count)


def _index(days: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(days, name=DATE).as_unit("ns")


def _next(data: MMMData) -> pd.Timestamp:
    """Return the first period after the history."""
    return _index(_following(data, 1))[0]


def plan_rows(data: MMMData, plan: pd.DataFrame) -> np.ndarray:
    """Return the row numbers (geo, date) of a plan: geos in the order of the data, rows as they stand."""
    if len(data.geos) == 1:
        return np.arange(len(plan))[np.newaxis]
    keys, columns = [GEO], list(plan.columns)
    if GEO not in columns:
        if not data.levels or not set(data.levels) <= set(columns):
            fix = "use plan.reset_index() first" if GEO in plan.index.names else "give every geo its rows"
            also = f", or in the columns {listed(data.levels)}" if data.levels else ""
            raise PanelError(
                f"the plan has no column {GEO!r}, and the data have {len(data.geos)} geos ({listed(data.geos)}); {fix}, "
                f"named in a column {GEO!r}{also}; a plan in total is split by a rule that you choose, as "
                f"mm.split_plan(fit.data, plan, 'history')"
            )
        keys = list(data.levels)
    rows = rows_by_geo(plan, keys)
    for geo in rows:
        if geo not in data.geos:
            raise PanelError(
                f"the plan has rows for {geo!r}, which is no geo of the data{did_you_mean(geo, data.geos)}; geos are "
                f"{listed(data.geos, shown=20)}; rename or drop them"
            )
    missing = [geo for geo in data.geos if geo not in rows]
    if missing:
        raise PanelError(
            f"the plan has no rows for geo {listed(missing)}; every geo needs a row for each period, with zero spend "
            f"where nothing is planned; to leave a geo out, ask the fit of the others, fit.sel(geo=[...])"
        )
    counts = {geo: len(rows[geo]) for geo in data.geos}
    most = max(counts, key=counts.__getitem__)
    short = next((geo for geo in data.geos if counts[geo] < counts[most]), None)
    if short is not None:
        raise PanelError(
            f"the plan has {counts[short]} row(s) for geo {short!r} and {counts[most]} for {most!r}; every geo needs a "
            f"row for each period; add those that are missing"
        )
    return np.stack([rows[geo] for geo in data.geos])


def _dates_of(data: MMMData, plan: pd.DataFrame, rows: np.ndarray) -> pd.DatetimeIndex:
    """Return the dates of a plan, the same for all geos."""
    if len(rows) == 1:
        return plan_dates(plan)
    dates = plan_dates(plan.iloc[rows[0]])
    for geo, own in zip(data.geos[1:], rows[1:], strict=True):
        other = plan_dates(plan.iloc[own])
        if not other.equals(dates):
            differ = other[other != dates]
            raise PanelError(
                f"the plan has other dates for geo {geo!r} than for {data.geos[0]!r}: {listed(differ)}; every geo must "
                f"have the same dates; correct them"
            )
    return dates


def plan_dates(plan: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the dates of a plan, from its column or its index, in order and without duplicates."""
    index, has_column = plan.index, DATE in list(plan.columns)
    if isinstance(index, pd.DatetimeIndex):
        if has_column:
            raise PlanError(
                f"the plan has dates in its index and in its column {DATE!r}; one of the two is read; "
                "use plan.reset_index(drop=True) to keep the column"
            )
        if index.tz is not None:
            raise DateError(
                f"the index of the plan holds times in a time zone, such as {index[0]!s}; periods are calendar "
                "days without one; use plan.tz_localize(None) first"
            )
        late = index[(index != index.normalize()) & index.notna()]
        if len(late):
            raise DateError(
                f"the index of the plan holds a time of day, {late[0]!s}; periods are whole days; "
                "use plan.set_index(plan.index.normalize()) first"
            )
        column = index.to_series()
    elif has_column:
        column = plan[DATE]
    else:
        _refuse_no_dates(plan)
    fix = f"use pd.to_datetime(plan[{DATE!r}], format={{}}) first"
    dates = parse_dates(column.reset_index(drop=True), column=DATE, date_format=None, fix=fix)
    sort = f"use plan.sort_values({DATE!r})" if has_column else "use plan.sort_index()"
    check_order(dates, where="the plan", sort=sort, panel=True)
    return dates


def _refuse_no_dates(plan: pd.DataFrame) -> None:
    """Say where the dates of a plan are to stand, and how they get there."""
    seen = list(plan.columns)
    dated = [name for name in seen if plan.dtypes.iloc[seen.index(name)].kind == "M"]
    close = dated or [name for name in seen if str(name).strip().lower() in (DATE, "day", "week", "month")]
    fix = f"rename the column that holds the dates to {DATE!r}"
    if isinstance(plan.index, pd.PeriodIndex):
        fix = "use plan.to_timestamp() first"
    elif DATE in plan.index.names:
        fix = "use plan.reset_index() first"
    elif close:
        fix = f"use plan.rename(columns={{{close[0]!r}: {DATE!r}}}) first"
    raise UnknownColumnError(
        f"the plan has no dates: neither a column {DATE!r} nor a DatetimeIndex; its columns are "
        f"{listed(seen, shown=20)}; {fix}"
    )


def _check_calendar(data: MMMData, dates: pd.DatetimeIndex) -> None:
    """Refuse dates that are not the periods right after the history."""
    last, due = data.dates[-1], _next(data)
    ends = f"the history ends at {last:%Y-%m-%d}"
    if dates[0] <= last:
        raise PlanError(
            f"the plan starts at {dates[0]:%Y-%m-%d}, but {ends}; a plan holds only periods after it; "
            f"start at {due:%Y-%m-%d}"
        )
    reach = int((dates[-1] - last).days / data.calendar.shortest) + 1
    calendar = _following(data, reach)
    expected = _index(calendar[calendar <= dates[-1].to_datetime64()])
    if np.array_equal(expected.asi8, dates.asi8):
        return
    if dates[0] != due:
        skipped = expected[expected < dates[0]]
        found = f"{len(skipped)} period(s) between them are missing, {listed(skipped)}"
        if dates[0] not in expected:
            found = f"{dates[0]:%Y-%m-%d} is not on its {data.frequency} calendar"
        raise PlanError(
            f"the plan starts at {dates[0]:%Y-%m-%d}, {ends}, and {found}; a plan follows the history without a "
            f"gap; start at {due:%Y-%m-%d}"
        )
    missing, off = expected.difference(dates), dates.difference(expected)
    faults = [f"{len(missing)} date(s) are missing: {listed(missing)}"] if len(missing) else []
    faults += [f"{len(off)} date(s) do not fit the calendar: {listed(off)}"] if len(off) else []
    if faults:
        raise CalendarGapError(
            f"the history is {data.frequency}, but in the plan {'; '.join(faults)}; every period from "
            f"{due:%Y-%m-%d} to {dates[-1]:%Y-%m-%d} must be there; take the dates of "
            f"next_dates(data, {len(expected)}), with zero spend where nothing is planned"
        )


def _check_columns(data: MMMData, plan: pd.DataFrame, needed: Sequence[str]) -> None:
    """Refuse columns that are unknown or are to be predicted, and the absence of a needed one."""
    names = [name for name in plan.columns if name not in (DATE, GEO, *data.levels, RUN_COLUMN)]
    usable = [
        *data.media,
        *data.spend.values(),
        *data.controls,
        *(name for name in needed if name in data.mediators),
        *data.event_names,
    ]
    for name in names:
        if name == data.outcome or (name in data.mediators and name not in needed):
            role, fix = "the outcome", ""
            if name in data.mediators:
                role, fix = "a mediator", f", or set it with do={{{name!r}: ...}} in place of the column"
            raise PlanError(
                f"column {written(name)} of the plan is {role}, which is predicted from the plan; "
                f"drop the column: plan.drop(columns={name!r}){fix}"
            )
        if name not in usable:
            raise UnknownColumnError(
                f"column {written(name)} of the plan is not among the media and controls of the data"
                f"{did_you_mean(name, usable)}. Allowed are {listed(usable, shown=20)}; rename or drop it"
            )
    for name in needed:
        if name not in names and data.spend.get(name) not in names:
            also = f" or its spend {data.spend[name]!r}" if name in data.spend else ""
            raise UnknownColumnError(
                f"column {name!r} is not in the plan, and the equations need {listed(needed, shown=20)}; "
                f"add {name!r}{also}, with {_fill(data, name)}"
            )


def _fill(data: MMMData, name: str) -> str:
    """Write what a value of a plan is that nobody has given."""
    if data.is_money(name):
        return "0 where nothing will be spent"
    return "0 where there will be none" if name in data.media else "the values that you expect"
