"""`MMMData`: one table with its roles, units and calendar, checked when it is made.

Knows columns and units. Refuses to know equations: which column explains which is said elsewhere.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm.data import checks
from bayesmmm.data.calendars import Calendar
from bayesmmm.data.checks import MONEY, NATIONAL
from bayesmmm.data.columns import Columns
from bayesmmm.data.dates import iso_date
from bayesmmm.data.describe import data_summary, data_text
from bayesmmm.data.faults import looking
from bayesmmm.data.frames import read_layout, telling_all
from bayesmmm.data.missing import read_missing
from bayesmmm.data.normal_form import check_columns, normal_form
from bayesmmm.data.readers import Readers
from bayesmmm.data.roles import counted, keys_of, paid, uses_of
from bayesmmm.data.scales import Scales, deviations, mean_positive, mean_size, same_arrays
from bayesmmm.errors import DataError, DateError, RoleError
from bayesmmm.text import notebook_html
from bayesmmm.validate import refusal


@dataclass(frozen=True, eq=False, repr=False)
class MMMData(Columns, Readers):
    """Marketing-mix data: series of days, weeks, months or other periods, national or one row per geo and date.

    Usually made with `from_csv`, `from_file` or `from_frame`; the constructor takes arrays and makes the same checks.
    `check` lists every fault of a table at once.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (date,)
        Increasing, without gaps, at midnight; at least 8.
    geos : tuple of str
        ``("national",)`` for a single series.
    columns : Mapping of str to ndarray, shape (geo, date)
        Raw units. Kept as read-only float64 copies in the order outcome, mediators, media, controls, spend.
    outcome : str
        Column to explain.
    media : tuple of str
        Channels, zero or more: money spent or, by `units` and `spend`, an exposure that is counted.
    mediators : Mapping of str to str
        Column -> unit. The unit "money" means that the planner pays it; in other units it may be negative.
    controls : tuple of str
        Columns that enter linearly.
    events : table, path of a CSV file, or sequence of mappings
        Events by their days, in the data and to come; see `from_frame`. Each has a column with the number of its days in
        every period, whatever `columns` holds under its name. Kept as a tuple of `bayesmmm.data.events.Event`.
    outcome_unit : str
        Unit of the outcome.
    unused : tuple of str
        Columns of the table without a role, for the record; not compared.
    levels : Mapping of str to tuple of str, shape (geo,)
        Where several columns name a series: column -> its value for each geo, which is called by these values, as
        "acme / north". Empty where one does.
    missing : Mapping of str to str, or "ignore"
        Series whose missing values (NaN) were not recorded, as ``{"sales": "ignore"}``; "ignore" alone names the outcome
        and all mediators. Their periods leave the likelihood; spend carries over through them.
    present : ndarray of bool, shape (geo, date), optional
        Where a geo has a row: not before it starts, nor after it ends. Elsewhere series are NaN, nothing is spent, and
        controls stand at the mean of the geo, whatever was given. None where every geo has every date.
    part : bool
        Whether these are some geos of a panel, as `sel` takes them: in a part, channels may be silent and controls
        constant.
    date_is : {"first", "last"}, optional
        Whether a date is the first or the last day of its period. By default ends of months are last days, and other
        dates first days. It has to be said where periods have uneven lengths, and where events fall into weeks.
    calendar_dates : sequence of dates, optional
        Dates of all periods, of those to come too, where they follow no rule: months from one first Monday to the next,
        or retail years of 4-4-5 weeks that will have a 53rd week. After the last of them the lengths of the last year
        come again.
    units : Mapping of str to str
        Channel -> what is counted, as ``{"display": "impressions"}``, or "money", which a channel is where nothing is
        said of it here or in `spend`. A channel acts through what is counted.
    spend : Mapping of str to str
        Exposure -> column of what was paid for it, as ``{"display": "display_cost"}``: returns, curves and budgets are
        in that money. A counted channel without one is organic: it has an effect per unit, and no return on spend.
    date_name : str
        Column of dates in the table: plans may call theirs so, too.

    Attributes
    ----------
    calendar : Calendar
        Found from the dates: days, weeks, fortnights, periods of four weeks, months, quarters, or retail periods of
        whole weeks, as 4-4-5. Dates and lengths of its periods and of those around them; period 0 is the first.

    Raises
    ------
    DataError
        One of its subclasses, for input that cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayesmmm.data import MMMData
    >>> frame = pd.DataFrame({
    ...     "week": pd.date_range("2024-01-07", periods=9, freq="7D"),
    ...     "revenue": [9.0, 8, 11, 10, 12, 9, 8, 10, 11],
    ...     "tv": [1.0, 0, 2, 1, 3, 0, 0, 1, 2],
    ... })
    >>> data = MMMData.from_frame(frame, date="week", outcome="revenue", media=["tv"])
    >>> data.frequency, data.columns["tv"].shape
    ('weekly', (1, 9))
    """

    dates: pd.DatetimeIndex
    geos: tuple[str, ...]
    columns: Mapping[str, np.ndarray]
    outcome: str
    media: tuple[str, ...]
    mediators: Mapping[str, str] = MappingProxyType({})
    controls: tuple[str, ...] = ()
    outcome_unit: str = MONEY
    unused: tuple[str, ...] = ()
    part: bool = False
    levels: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    missing: Mapping[str, str] = MappingProxyType({})
    present: np.ndarray | None = None
    date_is: str | None = None
    calendar_dates: pd.DatetimeIndex | None = None
    units: Mapping[str, str] = MappingProxyType({})
    spend: Mapping[str, str] = MappingProxyType({})
    events: Any = ()
    date_name: str = "date"
    calendar: Calendar = field(init=False)

    def __post_init__(self) -> None:
        """Put the fields in their normal form and run every check."""
        for name, value in normal_form(self).items():
            object.__setattr__(self, name, value)
        check_columns(self)

    @property
    def days_per_period(self) -> float:
        """Days in one period, on average where they differ: 1, 7, or 365.25 / 12."""
        return self.calendar.days_per_period

    @property
    def frequency(self) -> str:
        """What its periods are, as `Calendar` has it: "daily", "weekly", "monthly" and others."""
        return self.calendar.frequency

    @property
    def geo_levels(self) -> pd.DataFrame:
        """Geos (index) by the columns that name them, where several do; without columns where one does."""
        return pd.DataFrame(dict(self.levels), index=pd.Index(self.geos, name="geo"))

    @classmethod
    @telling_all
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        date: str,
        outcome: str,
        media: Sequence[str],
        mediators: Mapping[str, str] | None = None,
        controls: Sequence[str] = (),
        geo: str | Sequence[str] | None = None,
        outcome_unit: str = MONEY,
        date_format: str | None = None,
        missing: Mapping[str, str] | str | None = None,
        date_is: str | None = None,
        calendar_dates: Sequence[Any] | None = None,
        events: Any = None,
        units: Mapping[str, str] | None = None,
        spend: Mapping[str, str] | None = None,
    ) -> "MMMData":
        """Read a pandas table with one row per period, or per geo and period.

        Parameters
        ----------
        frame : pandas.DataFrame
            Rows in date order (within each geo). Columns are matched by name; it is not changed.
        date : str
            Column of dates: datetimes, or ISO text (YYYY-MM-DD) unless `date_format` is given.
        outcome : str
            Column to explain.
        media : sequence of str
            Columns of channels: money spent, or exposures, see `units` and `spend`.
        mediators : Mapping of str to str, optional
            Column -> unit, such as ``{"google": "money"}``.
        controls : sequence of str
            Other explaining columns.
        geo : str or sequence of str, optional
            Column that names the geo, for a panel; every geo needs the same dates, but for `missing`. Several
            columns, as ``["brand", "territory"]``, name a series together: each pair that occurs is a geo, called
            "brand / territory", and the first column is the outer one, whose series are closer to each other than
            to others. Answers can be added up by any of these columns.
        outcome_unit : str
            Unit of the outcome.
        date_format : str, optional
            Format of text dates, as in `datetime.strptime`.
        missing : str or Mapping of str to str, optional
            What was not recorded: "ignore" lets blanks in the outcome and in mediators leave the likelihood, and geos
            start late or end early; ``{"sales": "ignore"}`` says so of some series. Spend and controls must be known.
        date_is : {"first", "last"}, optional
            Whether a date is the first or the last day of its period, as with weeks that are called by their Sunday.
        calendar_dates : sequence of dates, optional
            Dates of all periods, of those to come too, where they follow no rule.
        events : DataFrame, path of a CSV file, or sequence of mappings, optional
            A row for each time an event happens, in the data and to come, with the columns name, first_day and, where it
            has more than one day, last_day. With lead_days or lag_days the days before or after are events of their own,
            called "NAME lead" and "NAME lag". In a panel a column geo may name the geo of a row. `holiday_events` makes
            such a table of public holidays.
        units : Mapping of str to str, optional
            Channel -> what is counted, as ``{"display": "impressions", "mailing": "e-mails"}``; channels that are not
            named here or in `spend` are money.
        spend : Mapping of str to str, optional
            Exposure -> column of what was paid for it, as ``{"display": "display_cost"}``.

        Returns
        -------
        MMMData
            Geos are in order of first appearance.

        Raises
        ------
        DataError
            One of its subclasses, naming the column and the row, geo or dates.
        """
        uses, keys = uses_of(outcome, media, mediators, controls, spend, units), keys_of(date, geo)
        checks.check_roles([*keys, *uses])
        with looking():
            checks.check_unit(outcome_unit, "outcome_unit")
        explained = [name for name, role in uses if role in ("outcome", "mediators")]
        gaps: dict[str, str] = {}
        with looking():
            gaps = read_missing(missing, explained, [name for name, _ in uses])
        calendar: dict[str, Any] = {"date_is": date_is, "calendar_dates": calendar_dates}
        table = read_layout(
            frame,
            date=date,
            uses=uses,
            keys=keys,
            date_format=date_format,
            missing=gaps,
            money=paid(uses, mediators),
            counted=counted(uses, spend, units),
            outcome=outcome,
            calendar=calendar,
        )
        wanted = [name for name, _ in (*keys, *uses)]
        unused = tuple(str(name) for name in frame.columns if name not in wanted)
        roles = (outcome, tuple(media), checks.as_units(mediators), tuple(controls))
        more: dict[str, Any] = {"levels": table.levels, "missing": gaps, "present": table.present, **calendar}
        more |= {"units": units or {}, "spend": spend or {}, "events": events, "date_name": date}
        return cls(
            table.dates, table.geos, table.columns, *roles, outcome_unit=outcome_unit, unused=unused, **more
        )

    def scales(self) -> Scales:
        """Return what one unit of each series is over these periods.

        Returns
        -------
        Scales
            ``size``: outcome and mediators -> mean of ``|v|``, shape (geo,). ``spend``: mediators and media
            -> mean of the values above 0, shape (geo,), NaN in a geo that has none. ``center`` and ``spread``:
            mediators, media and controls -> mean and standard deviation (``ddof=0``) over geos and periods,
            one float each; of events 0 and the days of a period. All four are in the units of their column.
            ``start`` and ``end``: first and last date.

        Examples
        --------
        >>> import pandas as pd
        >>> from bayesmmm.data import MMMData
        >>> frame = pd.DataFrame({
        ...     "week": pd.date_range("2024-01-07", periods=8, freq="7D"),
        ...     "revenue": [90.0, 110.0] * 4,
        ...     "tv": [0.0, 4.0] * 4,
        ... })
        >>> scales = MMMData.from_frame(frame, date="week", outcome="revenue", media=["tv"]).scales()
        >>> scales.size["revenue"].tolist(), scales.spend["tv"].tolist()
        ([100.0], [4.0])
        >>> scales.center["tv"], scales.spread["tv"]
        (2.0, 2.0)
        """
        money = (*self.mediators, *self.media)
        explaining = (*self.mediators, *self.media, *self.controls)
        return Scales(
            size={
                name: mean_size(self.columns[name], self.recorded(name))
                for name in (self.outcome, *self.mediators)
            },
            spend={name: mean_positive(self.columns[name]) for name in money},
            center={name: np.mean(self.values(name)) for name in explaining}
            | dict.fromkeys(self.event_names, 0.0),
            spread={name: np.std(self.values(name)) for name in explaining}
            | dict.fromkeys(self.event_names, self.days_per_period),
            start=self.dates[0],
            end=self.dates[-1],
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a table with column "date", in a panel "geo" or its several keys, and the data, geo after geo.

        A geo has rows for its own periods only; what was not recorded is NaN.
        """
        keys: dict[str, object] = {"date": np.tile(self.dates.to_numpy(), len(self.geos))}
        named = self.levels or ({} if self.geos == (NATIONAL,) else {"geo": self.geos})
        keys |= {key: np.repeat(np.array(values, dtype=object), len(self.dates)) for key, values in named.items()}
        table = pd.DataFrame(keys | {name: values.ravel() for name, values in self.columns.items()})
        return table if self.present is None else table[self.present.ravel()].reset_index(drop=True)

    def summary(self) -> pd.DataFrame:
        """Return one row per column over geos and periods: role, moments, quartiles' ends, zeros, total.

        Returns
        -------
        pandas.DataFrame
            Index: column. Columns: role, unit, mean, sd (``ddof=0``), min, median, max, zero_share, total.
        """
        return data_summary(self)

    def correlation(self) -> pd.DataFrame:
        """Return the correlations between all columns over time, but spend of exposures; NaN for a constant column.

        Of a panel those within geos: every geo less its mean, in units of its mean size. Otherwise all columns would
        go together, since large geos have more of everything.
        """
        many = len(self.geos) > 1
        own = {name: self.known(name) for name in self.columns if name not in self.spend.values()}
        series = {name: deviations(values) if many else values for name, values in own.items()}
        return pd.DataFrame({name: values.ravel() for name, values in series.items()}).corr()

    def between(self, start: str | datetime.date, stop: str | datetime.date) -> "MMMData":
        """Return the periods from `start` to `stop`, both included, checked again.

        Parameters
        ----------
        start, stop : str or date
            ISO text or dates. Bounds outside the data are allowed.

        Raises
        ------
        DateError
            A bound is not a date, or `start` is after `stop`.
        DataError
            The window fails a check, for example because it is short or a control is constant in it.
        """
        first, last = iso_date(start, "start"), iso_date(stop, "stop")
        if first > last:
            raise DateError(f"start {first:%Y-%m-%d} is after stop {last:%Y-%m-%d}; swap the two")
        keep = np.asarray((self.dates >= first) & (self.dates <= last))
        checks.check_periods(int(keep.sum()), where=f"the window from {first:%Y-%m-%d} to {last:%Y-%m-%d}")
        return self._at(slice(None), keep)

    def sel(self, geo: str | Sequence[str]) -> "MMMData":
        """Return the data of one geo, or of some in the order in which they are named.

        Periods are those in which one of them has a row.

        Parameters
        ----------
        geo : str or sequence of str

        Raises
        ------
        PanelError
            For a geo that the data do not have, or one that is named twice.
        """
        geos = checks.chosen_geos(geo, self.geos)
        at = [self.geos.index(name) for name in geos]
        levels = {key: tuple(values[i] for i in at) for key, values in self.levels.items()}
        own = np.flatnonzero(self.has_row[at].any(axis=0))
        return self._at(at, slice(own[0], own[-1] + 1), geos=geos, levels=levels, part=True)

    def _at(self, numbers: Any, dates: Any, **changes: Any) -> "MMMData":
        """Return some geos, by their numbers, and dates, checked again."""
        columns = {name: values[numbers][:, dates] for name, values in self.columns.items()}
        present = None if self.present is None else self.present[numbers][:, dates]
        return replace(self, dates=self.dates[dates], columns=columns, present=present, **changes)

    def replace_columns(self, columns: Mapping[str, np.ndarray]) -> "MMMData":
        """Return the data with other values in some columns, checked again.

        Parameters
        ----------
        columns : Mapping of str to array, shape (geo, date)
            Known columns only; shape (date,) is allowed where there is one geo.

        Raises
        ------
        UnknownColumnError
            A name that is not a column of the data.
        RoleError
            The name of an event.
        DataError
            The new values fail a check.
        """
        if not isinstance(columns, Mapping):
            text = "must be a mapping from columns to their values, as columns={'tv': values}"
            raise refusal("columns", columns, text, DataError)
        checks.check_known(columns, list(self.columns), where="the data")
        if events := [name for name in columns if name in self.event_names]:
            raise RoleError(
                f"{events[0]!r} is an event, whose column follows from its days; change these in the table of events "
                f"and read the data again"
            )
        return replace(self, columns={**self.columns, **columns})

    def __eq__(self, other: object) -> bool:
        """Return whether dates, geos, roles and units agree and every float is the same."""
        if not isinstance(other, MMMData):
            return NotImplemented
        labels = ("geos", "outcome", "media", "controls", "outcome_unit")
        return (
            all(getattr(self, label) == getattr(other, label) for label in labels)
            and list(self.mediators.items()) == list(other.mediators.items())
            and list(self.levels.items()) == list(other.levels.items())
            and self.missing == other.missing
            and (self.units, self.spend) == (other.units, other.spend)
            and np.array_equal(self.has_row, other.has_row)
            and np.array_equal(self.dates.to_numpy(), other.dates.to_numpy())
            and self.calendar == other.calendar
            and self.events == other.events
            and same_arrays(self.columns, other.columns)
        )

    def __reduce__(self) -> tuple:
        """Pickle through the constructor, since read-only views of a dict cannot be pickled."""
        given = (self.dates, self.geos, dict(self.columns), self.outcome, self.media, dict(self.mediators))
        more = (
            self.part,
            dict(self.levels),
            dict(self.missing or {}),
            self.present,
            self.date_is,
            self.calendar_dates,
            dict(self.units),
            dict(self.spend),
            self.events,
            self.date_name,
        )
        return (MMMData, (*given, self.controls, self.outcome_unit, self.unused, *more))

    def __repr__(self) -> str:
        """Return size, calendar, roles and units, and what to call next."""
        return data_text(self)

    def _repr_html_(self) -> str:
        """Return the columns with role and unit, for notebooks."""
        uses = uses_of(
            self.outcome, self.media, self.mediators, self.controls, self.spend, events=self.event_names
        )
        names, roles = zip(*uses, strict=True)
        units = [self.unit(name) for name in names]
        shown = {"column": names, "role": [role.removesuffix("s") for role in roles], "unit": units}
        return notebook_html(repr(self), shown)
