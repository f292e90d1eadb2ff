"""Reading a system from TOML. An unknown key is an error: a misspelt one must not mean a default."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from bayesmmm.equations.equation import Equation, Fourier
from bayesmmm.equations.panel import Panel
from bayesmmm.equations.system import MMM
from bayesmmm.equations.toml_writer import DATA_KEYS
from bayesmmm.errors import SpecError
from bayesmmm.priors import Prior
from bayesmmm.text import no_such, written

_EQUATION_KEYS = (
    "name",
    "media",
    "linear",
    "events",
    "pooled_events",
    "trend",
    "likelihood",
    "max_lag",
    "rho",
    "seasonality",
    "priors",
    "panel",
    "sign",
    "spend_share",
    "reference",
)
_LISTS = ("media", "controls")


def read_toml(source: str | Path) -> tuple[MMM, dict[str, Any] | None]:
    r"""Read a system, and the roles of its columns, from a TOML file or text.

    Parameters
    ----------
    source
        Path of the file, or the TOML text itself (text is what holds a line break).

    Returns
    -------
    system : MMM
        The system.
    data_columns : dict or None
        Keyword arguments for ``MMMData.from_csv``; None when the file has no [data] table. A file of events is one in
        the folder of the TOML file.

    Raises
    ------
    SpecError
        When the text is not TOML (with the line), or has an unknown or missing key (with its place).
    EquationError, PriorError
        When what it says is not a valid system.

    Examples
    --------
    >>> system, data_columns = read_toml('[[equation]]\nname = "sales"\nmedia = ["tv"]\n')
    >>> system.outcome, data_columns
    ('sales', None)
    """
    text, where = _text(source)
    system, columns = parse_toml(text, where)
    if columns is not None and isinstance(columns.get("events"), str) and text is not source:
        columns["events"] = str(Path(source).parent / columns["events"])
    return system, columns


def parse_toml(text: str, where: str = "the text") -> tuple[MMM, dict[str, Any] | None]:
    """Read TOML text, and never a path, as `read_toml` does; `where` names it in errors."""
    if not isinstance(text, str):
        raise SpecError(f"{where} is a {type(text).__name__}. Give text, or a path to read_toml.")
    try:
        spec = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise SpecError(f"{where} is not valid TOML: {problem}. Mend that line.") from None
    except (ValueError, RecursionError) as problem:  # a number of thousands of digits, brackets within brackets
        raise SpecError(
            f"{where} cannot be read: {problem}. Take out what is so long or so deeply nested."
        ) from None
    _check_whole(spec, where)
    _check_keys(spec, ("data", "equation"), f"the top level of {where}")
    tables = spec.get("equation")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise SpecError(
            f"{where} has no equation. Add one that starts with the line [[equation]], the outcome last."
        )
    system = MMM([_equation(table, number) for number, table in enumerate(tables, start=1)])
    return system, _data(spec["data"]) if "data" in spec else None


def _text(source: str | Path) -> tuple[str, str]:
    if isinstance(source, str) and "\n" in source:
        return source, "the text"
    try:
        return Path(source).read_text(encoding="utf-8-sig"), str(source)
    except (OSError, ValueError, TypeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        reason = "it is not UTF-8 text" if isinstance(problem, UnicodeDecodeError) else reason
        shown = written(str(source) if isinstance(source, Path) else source)
        raise SpecError(f"cannot read {shown}: {reason}. Give the path of a TOML file.") from None


def _check_whole(value: Any, where: str) -> None:
    """Refuse whole numbers beyond those that TOML has."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_whole(inner, where)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise SpecError(
            f"{where} has a whole number of more than 64 bits. Write a smaller one, or one with a point."
        )


def _check_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise SpecError(no_such(f"{where} has the unknown key {key!r}", key, known, "Use"))


def _check_table(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise SpecError(f"{where} is {value!r}. Make it a table, with one key = value per line.")


def _data(table: Any) -> dict[str, Any]:
    _check_table(table, "[data]")
    _check_keys(table, DATA_KEYS, "[data]")
    for key in ("date", "outcome", "media"):
        if key not in table:
            raise SpecError(f"[data] has no key {key!r}. Add it: {key} = {'[...]' if key == 'media' else '...'}.")
    for key, value in table.items():
        if key == "mediators":
            _check_table(value, "[data.mediators]")
            if not all(isinstance(unit, str) for unit in value.values()):
                raise SpecError(
                    '[data.mediators] must give every mediator a unit. Write lines like google = "money".'
                )
        elif key in ("units", "spend"):
            _check_table(value, f"[data.{key}]")
            if not all(isinstance(text, str) for text in value.values()):
                line, what = {"units": ("impressions", "what is counted"), "spend": ("display_cost", "a column")}[
                    key
                ]
                raise SpecError(
                    f'[data.{key}] must give every channel {what}. Write lines like display = "{line}".'
                )
        elif key == "missing" and isinstance(value, dict):
            if not all(isinstance(how, str) for how in value.values()):
                raise SpecError('[data.missing] must say what to do. Write lines like revenue = "ignore".')
        elif key in _LISTS:
            if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
                raise SpecError(f"{key} in [data] is {value!r}. Give a list of column names in quotes.")
        elif key == "calendar_dates":
            if not isinstance(value, list) or not all(isinstance(day, str | date) for day in value):
                raise SpecError(f"calendar_dates in [data] is {value!r}. Give a list of dates, as [2024-01-28].")
        elif key == "events" and isinstance(value, list):
            if not value or not all(isinstance(row, dict) for row in value):
                raise SpecError("events in [data] is a list. Start each with [[data.events]], or name a CSV file.")
        elif key == "geo" and isinstance(value, list):
            if not value or not all(isinstance(name, str) for name in value):
                raise SpecError(f"geo in [data] is {value!r}. Give a column in quotes, or a list of several.")
        elif not isinstance(value, str):
            raise SpecError(f"{key} in [data] is {value!r}. Give one text in quotes.")
    return dict(table)


def _equation(table: Mapping[str, Any], number: int) -> Equation:
    where = f"equation {number}" + (f" ({table['name']!r})" if "name" in table else "")
    _check_keys(table, _EQUATION_KEYS, where)
    if "name" not in table:
        raise SpecError(f"{where} has no key 'name'. Add the column that it explains: name = \"...\".")
    given = dict(table)
    name = given.pop("name")
    if isinstance(given.get("trend"), list):
        given["trend"] = [knot.isoformat() if isinstance(knot, date) else knot for knot in given["trend"]]
    if "seasonality" in given:
        given["seasonality"] = _seasons(given["seasonality"], where)
    if "priors" in given:
        given["priors"] = _priors(given["priors"], where)
    if "rho" in given:
        given["rho"] = _rho(given["rho"], where)
    if "panel" in given:
        _check_table(given["panel"], f"panel of {where}")
        keys = ("pooling", "periods", "per_geo", "sigma", "group", "pooled")
        _check_keys(given["panel"], keys, f"panel of {where}")
        given["panel"] = Panel(**given["panel"])
    for key in ("sign", "spend_share", "pooled_events", "reference"):
        if key in given:
            _check_table(given[key], f"{key} of {where}")
    return Equation(name, **given)


def _seasons(tables: Any, where: str) -> list[Fourier]:
    keys = ("period", "order")
    if not isinstance(tables, list):
        raise SpecError(f"seasonality of {where} is {tables!r}. Start each season with [[equation.seasonality]].")
    for table in tables:
        _check_table(table, f"a season of {where}")
        _check_keys(table, keys, f"a season of {where}")
        missing = [key for key in keys if key not in table]
        if missing:
            raise SpecError(f"a season of {where} has no key {missing[0]!r}. Give period (in days) and order.")
    return [Fourier(**table) for table in tables]


def _prior(table: Any, where: str, remedy: str = 'Add a line like family = "LogNormal"') -> Prior:
    _check_table(table, where)
    if not isinstance(table.get("family"), str):
        raise SpecError(f"{where} names no family. {remedy}.")
    return Prior.from_dict(table)


def _rho(table: Any, where: str) -> dict[str, Any]:
    _check_table(table, f"rho of {where}")
    place, remedy = f"rho of {where} for", 'Give a number, or add a line like family = "Uniform"'
    return {m: _prior(v, f"{place} {m!r}", remedy) if isinstance(v, dict) else v for m, v in table.items()}


def _priors(table: Any, where: str) -> dict[str, Any]:
    _check_table(table, f"priors of {where}")
    priors: dict[str, Any] = {}
    for parameter, value in table.items():
        place = f"the prior on {parameter} of {where}"
        _check_table(value, place)
        # A prior is the table that names a family; a channel may be called "family" too, but then holds a table.
        if isinstance(value.get("family"), str):
            priors[parameter] = Prior.from_dict(value)
        else:
            priors[parameter] = {label: _prior(inner, f"{place} for {label!r}") for label, inner in value.items()}
    return priors
