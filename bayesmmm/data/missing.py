"""What was not recorded, as whoever gives the data says: values of series, periods before and after those of a geo."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bayesmmm.data.checks import MIN_PERIODS, places
from bayesmmm.errors import MissingValueError, PanelError, RoleError, TooFewPeriodsError
from bayesmmm.text import listed, written

#: The one thing that can be done with values that are missing: their periods leave the likelihood.
IGNORE = "ignore"


def read_missing(missing: object, explained: Sequence[str], others: Iterable[str]) -> dict[str, str]:
    """Return the columns whose missing values were declared, by name: some of those that equations may explain."""
    if missing is None:
        return {}
    if isinstance(missing, str) and missing == IGNORE:
        return dict.fromkeys(explained, IGNORE)
    if not isinstance(missing, Mapping):
        raise RoleError(
            f"missing={written(missing)} must be {IGNORE!r}, for the outcome and all mediators, or say it of some, as "
            f"missing={{{explained[0]!r}: {IGNORE!r}}}; leave it out where nothing is missing"
        )
    known, rest = set(explained), set(others)
    for name, how in missing.items():
        if name not in known:
            why = "must be known: spend and controls act on what follows" if name in rest else "is not in the data"
            raise RoleError(
                f"missing names {name!r}, which {why}; the outcome and mediators may be missing, {listed(explained)}; "
                f"{'fill it in with what is true, or leave it out' if name in rest else 'correct the name'}"
            )
        if how != IGNORE:
            raise RoleError(
                f"missing[{name!r}]={written(how)} must be {IGNORE!r}: its periods leave the likelihood"
            )
    return {str(name): IGNORE for name in missing}


def read_present(
    present: object, geos: Sequence[str], dates: pd.DatetimeIndex, *, outcome: str, declared: bool
) -> np.ndarray | None:
    """Return which geos have a row on which dates (geo, date), None where all have.

    Rows may be absent before the first and after the last of a geo, where that was declared.
    """
    if present is None:
        return None
    rows = np.array(present)
    if rows.shape != (len(geos), len(dates)) or rows.dtype != bool:
        raise PanelError(
            f"present has shape {rows.shape} and type {rows.dtype}; allowed is True or False by (geo, date) = "
            f"{(len(geos), len(dates))}; leave it out where every geo has every date"
        )
    if rows.all():
        return None
    if not declared:
        raise PanelError(
            f"geos have no row{places(~rows, geos, dates)}; say that they start late or end early with "
            f"missing={IGNORE!r}, or missing={{{outcome!r}: {IGNORE!r}}}"
        )
    for geo, own in zip(geos, rows, strict=True):
        check_span(geo, dates[own], dates, outcome)
    rows.setflags(write=False)
    return rows


def check_span(geo: str, own: pd.DatetimeIndex, dates: pd.DatetimeIndex, outcome: str) -> None:
    """Refuse a geo with few rows, or with none in the middle of its own."""
    if len(own) < MIN_PERIODS:
        raise TooFewPeriodsError(
            f"geo {geo!r} has {len(own)} period(s); at least {MIN_PERIODS} are needed; leave the geo out"
        )
    between = dates[(dates > own[0]) & (dates < own[-1])].difference(own)
    if len(between):
        raise PanelError(
            f"geo {geo!r} has no row on {len(between)} date(s) between its first and last, {listed(between)}; spend of "
            f"these must be known; add rows with their spend and controls, and leave {outcome!r} blank under "
            f"missing={{{outcome!r}: {IGNORE!r}}} where it was not recorded"
        )


def outside(
    columns: Mapping[str, np.ndarray], present: np.ndarray | None, explained: Sequence[str], media: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return columns (geo, date) in their normal form where a geo has no row.

    Series are missing, nothing is spent, and controls stand at the mean of the geo: what is spent at the end of its
    periods still acts, and nothing else happens.
    """
    if present is None:
        return dict(columns)
    out = {}
    for name, values in columns.items():
        if name in explained:
            there = np.full(len(values), np.nan)
        elif name in media:
            there = np.zeros(len(values))
        else:
            there = np.where(present, values, 0.0).sum(axis=1) / present.sum(axis=1)
        out[name] = np.where(present, values, there[:, None])
    return out


def check_recorded(name: str, values: np.ndarray, geos: Sequence[str], *, declared: bool) -> None:
    """Refuse a series of which a geo has next to no values."""
    count = np.isfinite(values).sum(axis=1)
    few = np.flatnonzero(count < MIN_PERIODS)
    if declared and len(few):
        where = f" of geo {geos[few[0]]!r}" if len(geos) > 1 else ""
        fix = "leave the geo out" if where else "give a longer history"
        raise MissingValueError(
            f"column {name!r} has {count[few[0]]} recorded value(s){where}; at least {MIN_PERIODS} are needed; {fix}"
        )
