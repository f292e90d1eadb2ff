"""The arguments of a preparation, checked once: plain values that fit into JSON.

Knows names and choices, no file. An argument that may differ between files is a value for all of them, or a mapping
from the name of a file.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayesmmm.errors import ExportSettingError
from bayesmmm.text import did_you_mean, listed
from bayesmmm.validate import check_choice, check_count, check_date_format, is_number

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: How the rows of a period become one value; the last three need no column.
CALENDAR_HOWS = ("rows", "days", "iso_week", "complete")
HOWS = ("sum", "mean", "max", "only", "distinct", "below", *CALENDAR_HOWS)
ACCEPTED = ("totals", "attribution", "currency", "incomplete", "overlap")


@dataclass(frozen=True)
class Settings:
    """Every argument of `tidy` but the files; see there."""

    columns: Mapping[str, str] | None = None
    date: Any = None
    date_as: str = "date"
    how: Mapping[str, str] = dataclasses.field(default_factory=dict)
    only: Mapping[str, str] = dataclasses.field(default_factory=dict)
    where: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    geo: str | None = None
    pivot: str | None = None
    rules: Mapping[str, Sequence[str]] | None = None
    label: str | None = None
    date_format: Any = None
    decimal: Any = None
    encoding: Any = None
    table: int | None = None
    missing: Any = None
    below: Any = None
    accept: Sequence[str] = ()
    currency: str | None = None
    rates: Any = None
    money: Sequence[str] | None = None
    fill: bool | Sequence[str] = False
    start: str | None = None
    stop: str | None = None
    week_start: str | None = None
    week_label: Any = "start"
    partial: str = "drop"
    fiscal: Sequence[str] | None = None
    stack: bool = False

    def how_of(self, name: str) -> str:
        """Return how the values of a column become one."""
        return self.how.get(name, "sum")

    def of(self, argument: str, file: str) -> Any:
        """Return an argument that may differ between files."""
        value = getattr(self, argument)
        return value.get(file, value.get("*")) if isinstance(value, Mapping) else value

    def taken(self, argument: str, column: str) -> float | str | None:
        """Return what `missing` or `below` says about a column of the result."""
        value = getattr(self, argument)
        return value.get(column) if isinstance(value, Mapping) else value

    def filled(self, column: str) -> bool:
        """Tell whether absent days of a column are zero."""
        return bool(self.fill) if isinstance(self.fill, bool) else column in self.fill

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that differ from their default."""
        return {
            f.name: value
            for f in dataclasses.fields(self)
            if (value := getattr(self, f.name)) != (f.default if f.default_factory is dataclasses.MISSING else {})
        }


def settings(files: Sequence[str], **arguments: Any) -> Settings:
    """Check the arguments of `tidy` and write each in one way."""
    known = [f.name for f in dataclasses.fields(Settings)]
    for name in arguments:
        if name not in known:
            raise ExportSettingError(f"there is no argument {name!r}{did_you_mean(name, known)}")
    values = dict(arguments)
    columns = values.get("columns")
    if columns is not None and not isinstance(columns, Mapping):
        columns = {name: name for name in _names("columns", columns)}
    if columns is not None:
        columns = {str(name): "" if source is None else str(source) for name, source in columns.items()}
        if not columns:
            raise ExportSettingError("columns= names no column; give at least one, or leave the argument out")
    values["columns"] = columns
    for name in ("how", "only", "where"):
        if not isinstance(values.setdefault(name, {}), Mapping):
            raise ExportSettingError(f"{name}={values[name]!r} must be a mapping, as {{'name': 'text'}}")
    values["where"] = {column: _names("where", allowed) for column, allowed in values["where"].items()}
    if values.get("rules") is not None:
        values["rules"] = {group: _names("rules", patterns) for group, patterns in values["rules"].items()}
    for name in ("accept", "money", "fiscal"):
        if values.get(name) is not None:
            values[name] = _names(name, values[name])
    if not isinstance(values.get("fill", False), bool):
        values["fill"] = _names("fill", values["fill"])
    for name in ("start", "stop"):
        if values.get(name) is not None:
            values[name] = _day(name, values[name])
    if values.get("rates") is not None:
        values["rates"] = _rates(values["rates"])
    for name in ("date", "date_format", "decimal", "encoding", "week_label"):
        if isinstance(values.get(name), Mapping):
            values[name] = dict(values[name])
    formats = values.get("date_format")
    for form in formats.values() if isinstance(formats, dict) else [formats] if formats is not None else []:
        check_date_format(form, ExportSettingError)
    found = Settings(**values)
    _check(found, files)
    return found


def _names(argument: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise ExportSettingError(f"{argument}={value!r} must be a name or a list of names")
    return list(value)


def _day(argument: str, value: Any) -> str:
    try:
        return f"{pd.Timestamp(value):%Y-%m-%d}"
    except (ValueError, TypeError) as error:
        raise ExportSettingError(f"{argument}={value!r} must be a day, as '2026-03-02'") from error


def _rates(value: Any) -> list[list[Any]]:
    """Write a table of exchange rates as rows of day (or None), currency and rate."""
    if isinstance(value, Mapping):
        rows = [[None, currency, rate] for currency, rate in value.items()]
    elif isinstance(value, list):
        rows = [list(row) for row in value]
    else:
        frame = value if isinstance(value, pd.DataFrame) else pd.read_csv(os.fspath(value), dtype=str)
        wanted = ("currency", "rate")
        if not set(wanted) <= set(frame.columns):
            raise ExportSettingError(
                f"rates= has the columns {listed(frame.columns)}; needed are currency, rate and, where rates "
                f"change, date (as 2026-03-02)"
            )
        days = frame["date"].map(lambda day: _day("rates", day)) if "date" in frame else [None] * len(frame)
        rows = [list(row) for row in zip(days, frame["currency"], frame["rate"], strict=True)]
    try:
        rows = [[day, str(currency), float(rate)] for day, currency, rate in rows]
    except (ValueError, TypeError) as error:
        raise ExportSettingError(f"rates={value!r} must hold numbers, as {{'USD': 0.92}}") from error
    if any(not rate > 0.0 for _, _, rate in rows):
        raise ExportSettingError("rates= must be above 0: units of the new currency for one of the old")
    return rows


# ------------------------------------------------------------------------------------------------------------- checks
def _check(given: Settings, files: Sequence[str]) -> None:
    for name in given.accept:
        check_choice(name, "accept", ACCEPTED, error=ExportSettingError)
    for how in given.how.values():
        check_choice(how, "how", HOWS, error=ExportSettingError)
    if given.week_start is not None:
        check_choice(given.week_start, "week_start", WEEKDAYS, error=ExportSettingError)
    check_choice(given.partial, "partial", ("drop", "keep"), error=ExportSettingError)
    for name in files:
        check_choice(
            given.of("week_label", name) or "start", "week_label", ("start", "end"), error=ExportSettingError
        )
    _check_known(given, files)
    _check_taken(given)
    if given.date_as in (given.columns or {}):
        source = (given.columns or {})[given.date_as]
        raise ExportSettingError(
            f"columns= asks for {given.date_as!r}, which is what the dates are called; if {source!r} holds the "
            f"days, leave it out of columns= and say date={source!r}, else give it another name"
        )
    if given.fiscal is not None and len(given.fiscal) != 2:
        raise ExportSettingError(
            f"fiscal={given.fiscal!r} must name two columns: the fiscal year, the fiscal week"
        )
    if given.rules is not None and given.pivot is None:
        raise ExportSettingError("rules= say which rows belong together, but pivot= names no column to look at")
    if (given.rates is None) != (given.currency is None):
        raise ExportSettingError("currency='EUR' and rates={'USD': 0.92} go together: give both or neither")
    if given.start is not None and given.stop is not None and given.start > given.stop:
        raise ExportSettingError(f"start={given.start} comes after stop={given.stop}; swap the two")
    if given.table is not None:
        check_count(given.table, "table", error=ExportSettingError)


def _check_known(given: Settings, files: Sequence[str]) -> None:
    """Refuse names of columns that are not asked for, and of files that are not given."""
    columns = list(given.columns or {})
    for argument in ("how", "only", "missing", "below", "fill", "money"):
        value = getattr(given, argument)
        names = list(value) if isinstance(value, Mapping | Sequence) and not isinstance(value, str) else []
        for name in names:
            if given.columns is not None and name not in columns:
                raise ExportSettingError(
                    f"{argument}= names {name!r}{did_you_mean(name, columns)}, which is not in columns=: "
                    f"{listed(columns)}"
                )
    for argument in ("date", "date_format", "encoding", "week_label"):
        value = getattr(given, argument)
        for name in value if isinstance(value, Mapping) else ():
            if name not in files:
                raise ExportSettingError(
                    f"{argument}= names the file {name!r}{did_you_mean(name, files)}; the files are "
                    f"{listed(files)}"
                )
    for name, source in (given.columns or {}).items():
        if not source and given.how_of(name) not in CALENDAR_HOWS:
            raise ExportSettingError(
                f"columns= gives {name!r} no source; name a column of the file, or say how: "
                f"how={{{name!r}: 'rows'}} (or {', '.join(CALENDAR_HOWS[1:])})"
            )


def _check_taken(given: Settings) -> None:
    for argument, words in (("missing", ("empty",)), ("below", ("half", "empty"))):
        value = getattr(given, argument)
        for taken in value.values() if isinstance(value, Mapping) else [value]:
            if taken is not None and not is_number(taken) and taken not in words:
                raise ExportSettingError(
                    f"{argument}={taken!r} must be a number or one of {', '.join(map(repr, words))}"
                )
    for mark in given.decimal.values() if isinstance(given.decimal, Mapping) else [given.decimal]:
        if mark not in (None, ".", ","):
            raise ExportSettingError(f"decimal={mark!r} must be '.' or ','")
