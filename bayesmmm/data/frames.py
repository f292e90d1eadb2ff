"""Reading of a table in one go: raised at the first fault, or every fault collected.

Knows tables, roles and calendars; makes no data itself.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate

import numpy as np
import pandas as pd

from bayesmmm.data.cells import are_numbers, is_near, is_unstated
from bayesmmm.data.faults import Faults, NothingLeft, as_faults, collected, found, is_collecting
from bayesmmm.data.table_files import read_table, to_numbers
from bayesmmm.data.tables import Layout, check_table, lay_out, look_at_calendar
from bayesmmm.data.values import check_values
from bayesmmm.errors import DataError, DateError
from bayesmmm.text import listed

_PROBED = 1000  # cells that show what a column holds
_NUMBERS = "numbers"  # a column of which no more is known


def read_layout(
    frame: pd.DataFrame,
    *,
    date: str,
    uses: Sequence[tuple[str, str]],
    keys: Sequence[tuple[str, str]],
    date_format: str | None,
    missing: Mapping[str, str],
    money: Sequence[str],
    counted: Sequence[str] = (),
    outcome: str,
    calendar: Mapping[str, Any],
) -> Layout:
    """Return the rows of a table by geo and date.

    Where faults are collected and there are some, the values are looked at as well, as far as they are known, and then
    nothing is left to do.
    """
    names = [name for name, _ in (*keys, *uses)]
    check_table(frame, wanted=list(dict.fromkeys(names)), where="the table")
    frame = _with_near_names(frame, names) if found() else frame
    there = [name for name in names if (frame.columns == name).sum() == 1]
    numbers = [name for name, _ in uses if name in there]
    table = lay_out(
        frame,
        date=date,
        keys=[name for name, role in keys if role == "geo" and name in there],
        numbers=numbers,
        date_format=date_format,
        ragged=outcome if outcome in missing else "",
        calendar=calendar,
    )
    if not found():
        return table
    cells = {name: frame[name].notna().to_numpy()[np.newaxis] for name in numbers}
    unread = {name: np.isnan(table.columns[name]) & held for name, held in cells.items()}
    check_values(
        table.columns,
        list({name: role for name, role in reversed(uses) if name in numbers}.items()),
        table.geos,
        table.dates,
        money=money,
        counted=counted,
        missing=missing,
        present=None,
        part=False,
        unread={name: mask for name, mask in unread.items() if mask.any()},
    )
    raise NothingLeft


def _with_near_names(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Call columns by the names asked for where only blanks and capitals differ: that was said, and more is to see."""
    lacking = [name for name in names if name not in frame.columns]
    near = {name: [known for known in frame.columns if is_near(name, known)] for name in lacking}
    return frame.rename(columns={known[0]: name for name, known in near.items() if len(known) == 1})


def all_faults(read: Callable[[], object], source: str = "the table") -> Faults:
    """Return every fault that a reading meets."""
    with collected() as kept:
        read()
    return as_faults(kept, source)


def telling_all[**P, R](read: Callable[Concatenate[type, Any, P], R]) -> Callable[Concatenate[type, Any, P], R]:
    """Let the error of a reading say how many faults there are, where it is not the only one."""

    @wraps(read)
    def told(cls: type, table: Any, *args: P.args, **arguments: P.kwargs) -> R:
        try:
            return read(cls, table, *args, **arguments)
        except DataError as error:
            if not is_collecting():
                count = len(all_faults(lambda: read(cls, table, *args, **arguments)))
                if count > 1:
                    more = "all listed by MMMData.check with the same arguments, or `bayesmmm check`"
                    error.args = (f"{error} (one of {count} faults, {more})", *error.args[1:])
            raise

    return told


def faults_without_roles(
    path: str | os.PathLike[str],
    *,
    date: str | None,
    keys: Sequence[str],
    date_format: str | None,
    is_day: Callable[[str], bool],
) -> Faults:
    """Return the faults of a file whose roles are not known: of its dates, its calendar, and its columns of numbers.

    A column is one of numbers where at least half of what a thousand of its cells hold is, and of dates where `is_day`
    holds for at least half of it.
    """

    def read() -> None:
        table = read_table(path, date="", keys=(), numbers=())
        cells = {name: _texts(table[name]) for name in table.columns if (table.columns == name).sum() == 1}
        days = {name: sum(map(is_day, held)) for name, held in cells.items()}
        dated = date or next(
            (name for name, held in cells.items() if held and days[name] >= 0.5 * len(held)), None
        )
        if dated is None:
            raise DateError(
                f"no column holds dates; the columns are {listed(table.columns, shown=20)}; name one as --date"
            )
        others = {name: held for name, held in cells.items() if name not in (dated, *keys) and held}
        numbers = [name for name, held in others.items() if are_numbers(held) >= 0.5 * len(held)]
        frame = table.assign(**{name: to_numbers(table[name]) for name in numbers})
        uses = [(name, _NUMBERS) for name in numbers]
        roles = [(dated, "date"), *((key, "geo") for key in keys)]
        laid = read_layout(
            frame,
            date=dated,
            uses=uses,
            keys=roles,
            date_format=date_format,
            missing={},
            money=(),
            outcome="",
            calendar={},
        )
        check_values(laid.columns, uses, laid.geos, laid.dates, money=(), missing={}, present=None, part=True)
        look_at_calendar(pd.DatetimeIndex(laid.dates), 1.0, {})

    return all_faults(read, source=repr(os.fspath(path)))


def _texts(values: pd.Series) -> list[str]:
    """Return what some cells of a column hold, as text, each once: evenly over its rows."""
    some = values.iloc[:: max(1, len(values) // _PROBED)]
    return [text for text in some.dropna().astype(str).unique() if not is_unstated(text)]
