"""The arguments of a preparation, checked once: plain values that fit into JSON.

Knows names and choices, no file. An argument that may differ between files is a value for all of them, or a mapping
from the name of a file.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm.data.dates import iso_date
from bayesmmm.errors import DataError, ExportSettingError
from bayesmmm.text import did_you_mean, listed
from bayesmmm.validate import (
    check_choice,
    check_count,
    check_date_format,
    check_flag,
    check_path,
    is_count,
    is_number,
    refusal,
)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: How the rows of a period become one value; the last three need no column.
CALENDAR_HOWS = ("rows", "days", "iso_week", "complete")
HOWS = ("sum", "mean", "max", "only", "distinct", "below", *CALENDAR_HOWS)
ACCEPTED = ("totals", "attribution", "currency", "incomplete", "overlap")
#: Between the keys of a series that has a rate of its own.
BY_KEY = ", "
#: Arguments that are text: what each may be.
_TEXTS = {
    **dict.fromkeys(("date_as", "pivot", "label", "currency", "week_start", "partial", "duplicates"), "text"),
    **dict.fromkeys(("date_format", "decimal", "encoding", "week_label"), "text or mapping"),
    **dict.fromkeys(("how", "only"), "mapping"),
    **dict.fromkeys(("where", "rules"), "mapping to names"),
    "date": "names",
}


@dataclass(frozen=True)
class Settings:
    """Every argument of `tidy` but the files; see there."""

    columns: Mapping[str, str] | None = None
    date: Any = None
    date_as: str = "date"
    how: Mapping[str, str] = dataclasses.field(default_factory=dict)
    only: Mapping[str, str] = dataclasses.field(default_factory=dict)
    where: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    geo: Mapping[str, str] = dataclasses.field(default_factory=dict)
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
    duplicates: str = "add"
    currency: str | None = None
    rates: Any = None
    money: Sequence[str] | None = None
    fill: bool | Sequence[str] = False
    start: str | None = None
    stop: str | None = None
    week_start: str | None = None
    week_label: Any = None
    partial: str = "drop"
    fiscal: Sequence[str] | None = None
    stack: bool = False
    ragged: bool = False

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


def settings(files: Sequence[str], arguments: Mapping[str, Any]) -> Settings:
    """Check the arguments of `tidy` and write each in one way; None stands for the default."""
    known = [f.name for f in dataclasses.fields(Settings)]
    for name in arguments:
        if name not in known:
            raise ExportSettingError(f"there is no argument {name!r}{did_you_mean(name, known)}")
    values = {name: value for name, value in arguments.items() if value is not None}
    if "columns" in values:
        values["columns"] = _columns(values["columns"])
    for name, each in _TEXTS.items():
        if name in values:
            values[name] = _texts(name, values[name], each)
    for name in ("accept", "money", "fiscal"):
        if name in values:
            values[name] = _names(name, values[name])
    if "fill" in values:
        flag = isinstance(values["fill"], bool | np.bool_)
        values["fill"] = bool(values["fill"]) if flag else _names("fill", values["fill"])
    for name in ("stack", "ragged"):
        if name in values:
            values[name] = check_flag(values[name], name, ExportSettingError)
    if "geo" in values:
        values["geo"] = _keys(values["geo"])
    if "table" in values:
        values["table"] = check_count(values["table"], "table", error=ExportSettingError)
    for name, words in (("missing", ("empty",)), ("below", ("half", "empty"))):
        if name in values:
            values[name] = _taken(name, values[name], words)
    for name in ("start", "stop"):
        if name in values:
            values[name] = _day(name, values[name])
    if "rates" in values:
        values["rates"] = _rates(values["rates"])
    formats = values.get("date_format")
    for form in formats.values() if isinstance(formats, dict) else [formats] if formats is not None else []:
        check_date_format(form, ExportSettingError)
    found = Settings(**values)
    _check(found, files)
    return found


def _columns(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        value = {name: name for name in _names("columns", value)}
    if not value:
        raise ExportSettingError("columns= names no column; give at least one, or leave the argument out")
    return {_text("columns", name): "" if source is None else str(source) for name, source in value.items()}


def _keys(value: Any) -> dict[str, str]:
    """Return the columns that name a series, by their names in the result; one is called geo."""
    if isinstance(value, str):
        return {"geo": _text("geo", value)}
    if not isinstance(value, Mapping):
        value = {name: name for name in _names("geo", value)}
    if not value:
        raise ExportSettingError("geo= names no column; leave it out where there is one series")
    return {_text("geo", name): _text("geo", column) for name, column in value.items()}


def _names(argument: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise refusal(argument, value, "must be a name or a list of names", ExportSettingError)
    return list(value)


def _texts(argument: str, value: Any, kind: str) -> Any:
    """Return a text, a mapping to texts or lists of texts, or what may be either."""
    if isinstance(value, Mapping) and kind != "text":
        read = _names if "names" in kind else _text
        return {_text(argument, key): read(argument, each) for key, each in value.items()}
    if kind.startswith("mapping"):
        raise refusal(argument, value, "must be a mapping, as {'name': 'text'}", ExportSettingError)
    return _names(argument, value) if kind == "names" and not isinstance(value, str) else _text(argument, value)


def _text(argument: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise refusal(argument, value, "must be text, and not blank", ExportSettingError)
    return value


def _taken(argument: str, value: Any, words: Sequence[str]) -> Any:
    """Return numbers that fit into JSON, or words."""
    if isinstance(value, Mapping):
        return {_text(argument, name): _taken(argument, each, words) for name, each in value.items()}
    if is_number(value):
        return int(value) if is_count(value) else float(value)
    return check_choice(value, argument, words, "or a number", ExportSettingError)


def _day(argument: str, value: Any) -> str:
    return f"{iso_date(value, argument):%Y-%m-%d}"


def _rates(value: Any) -> list[list[Any]]:
    """Write a table of exchange rates as rows of day (or None), currency and rate."""
    if isinstance(value, Mapping):
        rows = [[None, currency, rate] for currency, rate in value.items()]
    elif isinstance(value, list):
        rows = value
    else:
        frame = value if isinstance(value, pd.DataFrame) else _read_rates(value)
        if "rate" not in frame or set(frame.columns) <= {"rate", "date"}:
            raise ExportSettingError(
                f"rates= has the columns {listed(frame.columns)}; needed are currency (or the keys of series, as in "
                f"geo=), rate and, where rates change, date (as 2026-03-02)"
            )
        days = frame["date"] if "date" in frame else [None] * len(frame)
        rows = [list(row) for row in zip(days, _codes(frame), frame["rate"], strict=True)]
    try:
        # As text first: True is no rate.
        rows = [
            [day if day is None else _day("rates", day), _text("rates", c), float(str(r))] for day, c, r in rows
        ]
    except (ValueError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        raise refusal("rates", value, "must hold numbers, as {'USD': 0.92}", ExportSettingError) from error
    if any(not is_number(rate) or not rate > 0.0 for _, _, rate in rows):
        raise ExportSettingError("rates= must be above 0: units of the new currency for one of the old")
    told: dict[tuple[Any, str], float] = {}
    for day, currency, rate in rows:
        if told.setdefault((day, currency), rate) != rate:
            when = "" if day is None else f" on {day}"
            text = f"rates= has two rates of {currency!r}{when}, {told[day, currency]:g} and {rate:g}; keep one of them"
            raise ExportSettingError(text)
    return rows


def _codes(frame: pd.DataFrame) -> list[str]:
    """Return what each rate is of: a currency, or the series with some values of its keys, as "territory=north"."""
    if "currency" in frame:
        return list(frame["currency"])
    keys = [str(name) for name in frame.columns if name not in ("rate", "date")]
    return [BY_KEY.join(f"{key}={row[key]}" for key in keys) for row in frame.to_dict("records")]


def _read_rates(value: Any) -> pd.DataFrame:
    path = check_path(value, "rates", ExportSettingError, "rates.csv")
    try:
        return pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise ExportSettingError(
            f"rates: {str(path)!r} cannot be read: {error}; give the path of a CSV file with the columns currency and "
            f"rate"
        ) from error


# ------------------------------------------------------------------------------------------------------------- checks
def _check(given: Settings, files: Sequence[str]) -> None:
    for name in given.accept:
        check_choice(name, "accept", ACCEPTED, error=ExportSettingError)
    for how in given.how.values():
        check_choice(how, "how", HOWS, error=ExportSettingError)
    if given.week_start is not None:
        check_choice(given.week_start, "week_start", WEEKDAYS, error=ExportSettingError)
    check_choice(given.partial, "partial", ("drop", "keep"), error=ExportSettingError)
    check_choice(given.duplicates, "duplicates", ("add", "drop"), error=ExportSettingError)
    for name in files:
        check_choice(
            given.of("week_label", name) or "start",
            "week_label",
            ("start", "end", "day"),
            error=ExportSettingError,
        )
    _check_known(given, files)
    _check_marks(given)
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
    _check_keys(given)
    if (given.rates is None) != (given.currency is None):
        raise ExportSettingError("currency='EUR' and rates={'USD': 0.92} go together: give both or neither")
    if given.start is not None and given.stop is not None and given.start > given.stop:
        raise ExportSettingError(f"start={given.start} comes after stop={given.stop}; swap the two")


def _check_keys(given: Settings) -> None:
    """Refuse keys of series with names that others have, and rates of keys that are none."""
    for name in given.geo:
        if name in (given.columns or {}) or name == given.date_as:
            raise ExportSettingError(
                f"geo= calls a key {name!r}, as another column is called; give it another name"
            )
    for _, code, _ in given.rates or ():
        named = [part.partition("=")[0] for part in code.split(BY_KEY)] if "=" in code else []
        if lost := [name for name in named if name not in given.geo]:
            raise ExportSettingError(
                f"rates= has rates by {lost[0]!r}{did_you_mean(lost[0], given.geo)}, which geo= does not name; name the "
                f"columns that tell series apart, as geo={[lost[0]]!r}"
            )
    if given.ragged and not given.geo:
        raise ExportSettingError(
            "ragged=True is about series of several regions; name their column, as geo='Region'"
        )


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
    sources = [part for source in (given.columns or {}).values() for part in (source, source.partition(":")[2])]
    for name in given.decimal if isinstance(given.decimal, Mapping) and columns else ():
        if name not in [*columns, *sources, *files]:
            raise ExportSettingError(
                f"decimal= names {name!r}{did_you_mean(name, [*columns, *files])}, which is neither a column nor a "
                f"file: {listed([*columns, *files])}"
            )
    for name, source in (given.columns or {}).items():
        if not source and given.how_of(name) not in CALENDAR_HOWS:
            raise ExportSettingError(
                f"columns= gives {name!r} no source; name a column of the file, or say how: "
                f"how={{{name!r}: 'rows'}} (or {', '.join(CALENDAR_HOWS[1:])})"
            )


def _check_marks(given: Settings) -> None:
    for mark in given.decimal.values() if isinstance(given.decimal, Mapping) else [given.decimal]:
        if mark not in (None, ".", ","):
            raise ExportSettingError(f"decimal={mark!r} must be '.' or ','")
