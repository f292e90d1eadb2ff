"""Values of the columns of `MMMData`: as arrays, and checked by role."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from bayesmmm.data import checks
from bayesmmm.data.faults import looking
from bayesmmm.data.missing import IGNORE, check_recorded
from bayesmmm.data.tables import to_float

#: How it is said that a count is negative.
COUNTED = {"what": "a count", "fix": "correct the value"}


def to_array(values: object, name: str, geos: int) -> np.ndarray:
    """Return numbers as float64; one series becomes (1, date) where there is one geo."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        array = to_float(pd.Series(array.ravel()), name).reshape(array.shape)
    return array[np.newaxis] if array.ndim == 1 and geos == 1 else array


def check_values(
    columns: Mapping[str, np.ndarray],
    uses: Sequence[tuple[str, str]],
    geos: Sequence[str],
    dates: pd.Index,
    *,
    money: Sequence[str],
    missing: Mapping[str, str],
    present: np.ndarray | None,
    part: bool,
    counted: Sequence[str] = (),
    unread: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> None:
    """Refuse values that a role does not allow; those that are missing where that was declared are not looked at.

    Where faults are collected, `unread` are cells that hold no number, which was said already.
    """
    for name, role in uses:
        values, explained = columns[name], role in ("outcome", "mediators")
        absent = np.zeros(values.shape, bool) if present is None else ~present
        skipped = absent | (np.isnan(values) if name in missing else False) | unread.get(name, False)
        known = np.where(skipped, 0.0, values)
        fill = "what is true (0 only where nothing happened)"
        if explained:
            fill = f"what is true, or say that it was not recorded: missing={{{name!r}: {IGNORE!r}}}"
        with looking(name):
            checks.check_finite(name, known, geos, dates, fill=fill)
        whole = np.isfinite(known).all() and name not in unread
        known = np.where(np.isfinite(known), known, 0.0)
        if explained and not part and whole:
            with looking(name):
                check_recorded(name, np.where(skipped, np.nan, values), geos, declared=name in missing)
        with looking(name):
            checks.check_range(name, known)
        if name in money or name in counted:
            with looking(name):
                checks.check_not_negative(name, known, geos, dates, **(COUNTED if name in counted else {}))
        if part or not whole:
            continue
        with looking(name):
            _check_moves(name, role, values, known, skipped, geos)


def _check_moves(
    name: str, role: str, values: np.ndarray, known: np.ndarray, skipped: np.ndarray, geos: Sequence[str]
) -> None:
    """Refuse what is zero throughout, or never changes, in a role that does not allow it."""
    if role in ("media", "mediators"):
        checks.check_spent(name, known, role=role)
    if role in ("mediators", "controls") and not skipped.all():
        checks.check_varies(name, values[~skipped], role=role)
    if role == "outcome":
        for geo, own, gaps in zip(geos, values, skipped, strict=True):
            where = f" of geo {geo!r}" if len(geos) > 1 else ""
            if not gaps.all():
                checks.check_varies(name, own[~gaps], role=role, where=where)
