"""Named checks of roles and values. Each raises one class of error, or returns nothing.

Knows arrays of shape (geo, date), names and roles; does not know tables or files.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bayesmmm.data.cells import is_near
from bayesmmm.data.faults import NothingLeft, is_collecting, looking
from bayesmmm.errors import (
    ConstantColumnError,
    MissingValueError,
    NegativeSpendError,
    NeverSpentError,
    PanelError,
    RoleError,
    TooFewPeriodsError,
    UnknownColumnError,
    ValueRangeError,
)
from bayesmmm.text import did_you_mean, listed, no_such, written
from bayesmmm.validate import LARGEST_NUMBER, as_list, check_ordered, list_for

MONEY = "money"  # the unit of a column that somebody pays
SEPARATOR = " / "  # between the keys of a series, where a panel has several
NATIONAL = "national"  # the one geo of a series that is not a panel
MIN_PERIODS = 8
GEO_GROUP = "geo_group"  # dim of an answer about groups of geos that were given with the question
PERIOD_EFFECTS = "period effects"  # part of a decomposition: what the geos of a panel have in common in a period
# Names of dims and of parts in labelled results; a column of the same name would clash with them.
RESERVED = (
    *("chain", "draw", "geo", "date", "channel", "component", "equation", "input", "extrapolated"),
    *("intercept", "trend", "seasonality", PERIOD_EFFECTS, "residual", "all media"),
)

_CONSTANT = 1e-12  # a range below this share of the largest value is rounding, not variation


def as_names(names: object, *, role: str) -> tuple[str, ...]:
    """Return column names as a tuple, refusing a bare text and anything that is not a name."""
    check_ordered(names, role, RoleError)
    known = as_list(names)
    if known is None:
        example = list_for(names, ["tv"] if role == "media" else [])
        fix = f"{role}={example}{' if there is none' * (not example)}"
        raise RoleError(f"{role}={written(names)} must be a list of column names; write {fix}")
    for name in known:
        if not isinstance(name, str) or not name.strip():
            raise RoleError(f"{role} holds {name!r}; a column name is text; rename the column in the table first")
    return tuple(map(str, known))


def as_units(mediators: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    """Return mediators as name -> unit, refusing a list without units."""
    if mediators is None:
        return {}
    if not isinstance(mediators, Mapping):
        names = as_list(mediators)
        if names == []:
            return {}
        units = ", ".join(f'{name!r}: "money"' for name in names or list_for(mediators, ["search"]))
        raise RoleError(
            f"mediators={written(mediators)} gives no units; a mediator is paid when its unit is money and unpaid "
            f"otherwise (queries, visits); write mediators={{{units}}}, or the unit that it has"
        )
    for name, unit in mediators.items():
        check_unit(unit, f"mediators[{name!r}]")
    return dict(zip(as_names(list(mediators), role="mediators"), mediators.values(), strict=True))


def check_unit(unit: object, where: str) -> None:
    """Refuse a unit that is not text, or is "money" spelt otherwise."""
    if not isinstance(unit, str) or not unit.strip():
        raise RoleError(f'{where}={unit!r} is not a unit; a unit is text; write "money", or what is counted')
    if unit != MONEY and unit.strip().lower() == MONEY:
        raise RoleError(f'{where}={unit!r} is not spelt as the unit of paid columns; write "money"')


def check_roles(roles: Sequence[tuple[str, str]]) -> None:
    """Refuse a column in two roles, a reserved name, a name that is a path, and roles without any media term."""
    seen: dict[str, str] = {}
    for name, role in roles:
        with looking(name):
            _check_role(name, role, seen)
        seen.setdefault(name, role)
    if is_collecting() and len(seen) < len(roles):
        raise NothingLeft  # what a column is was said twice
    _check_alike(dict.fromkeys(name for name, role in roles if role not in ("date", "geo")))
    if not {"media", "mediators"} & set(seen.values()):
        with looking():
            raise RoleError(
                "media=[] names no channel; at least one is needed; list the spend columns in media=[...]"
            )


def _check_role(name: str, role: str, seen: Mapping[str, str]) -> None:
    if name in seen:
        if seen[name] == role:
            raise RoleError(f"column {name!r} is listed twice in {role}; list it once")
        raise RoleError(
            f"column {name!r} is given as {seen[name]} and as {role}; a column has one role; "
            f"leave it out of one of the two"
        )
    if role in ("date", "geo"):
        return
    renames = "gives columns other names: columns={...}"
    if name in RESERVED:
        raise RoleError(
            f"column {name!r} ({role}) has a name that the results use themselves; reserved are "
            f"{', '.join(RESERVED)}; rename the column",
            prepare=renames,
        )
    if not name.isprintable():
        shown = "".join(c if c.isprintable() else " " for c in name)
        raise RoleError(
            f"column {name!r} ({role}) holds a character that cannot be printed, such as a line break or a special "
            f"blank, which files and figures lose; rename it, for example to {' '.join(shown.split())!r}",
            prepare=renames,
        )
    if "/" in name:
        raise RoleError(
            f"column {name!r} ({role}) holds a '/', which a saved fit (netCDF) would take for the border "
            f"between two groups; rename it, for example to {name.replace('/', '_')!r}",
            prepare=renames,
        )
    if name in (".", ".."):
        raise RoleError(
            f"column {name!r} ({role}) is a way to a folder and no name in a saved fit (netCDF); rename it, for "
            f"example to 'column{len(name)}'",
            prepare=renames,
        )


def _check_alike(names: Iterable[str]) -> None:
    """Refuse names that become one in the names of files: as `tv ads` and `TV_ads`."""
    seen: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFKC", name).strip()).casefold()
        if plain in seen:
            with looking(name):
                raise RoleError(
                    f"columns {seen[plain]!r} and {name!r} differ only in capitals, blanks or signs, and would share "
                    f"the names of files; rename one of the two",
                    prepare="gives columns other names: columns={...}",
                )
        seen.setdefault(plain, name)


def check_known(names: Iterable[str], known: Sequence[object], *, where: str) -> None:
    """Refuse a name that is not among the known ones, with the closest match."""
    for name in names:
        if name not in known:
            with looking(name):
                raise UnknownColumnError(
                    f"column {name!r} is not in {where}{did_you_mean(name, known)}. "
                    f"The columns there are {listed(known, shown=20)}; correct the name, or rename the column",
                    prepare=_finds(name, known),
                )


def _finds(name: str, known: Sequence[object]) -> str:
    """Say whether a column is found where blanks and capitals do not matter."""
    alike = [k for k in known if is_near(name, k)]
    return f"finds {alike[0]!r}: blanks around names and capitals do not matter" if alike else ""


def check_no_role(names: Iterable[str], roles: Sequence[tuple[str, str]]) -> None:
    """Refuse a column that nobody gave a role."""
    without = [name for name in names if name not in dict(roles)]
    if without:
        raise RoleError(
            f"columns holds {listed(without)} without a role; every column is the outcome, a mediator, "
            "media or a control; give it a role or leave it out"
        )


def check_shapes(columns: Mapping[str, np.ndarray], *, geos: Sequence[str], dates: pd.DatetimeIndex) -> None:
    """Refuse an array that is not (geo, date)."""
    for name, values in columns.items():
        if values.shape != (len(geos), len(dates)):
            raise PanelError(
                f"column {name!r} has shape {values.shape}; allowed is (geo, date) = "
                f"{(len(geos), len(dates))}; give one row per geo and one value per date"
            )


def as_keys(geo: object) -> tuple[str, ...]:
    """Return the columns that name a series of a panel: one, or several, of which none is a dim of the results."""
    if geo is None:
        return ()
    keys = as_names((geo,) if isinstance(geo, str) or as_list(geo) is None else geo, role="geo")
    if not keys:
        raise RoleError(f"geo={written(geo)} names no column; leave geo out where there is one series")
    odd = [key for key in keys if key in (*RESERVED, GEO_GROUP)] if len(keys) > 1 else []
    if odd:
        raise RoleError(
            f"column {odd[0]!r} (geo) is one of several that name a series, with a name that the results use; "
            f"rename the column, for example to {odd[0] + '_name'!r}"
        )
    return keys


def check_levels(levels: object, geos: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the values of each key by geo as texts, of which the names of the geos are made."""
    if not isinstance(levels, Mapping):
        raise PanelError(f"levels={written(levels)} must be a mapping from keys to their values, one for each geo")
    out = {key: tuple(map(str, as_list(values) or ())) for key, values in levels.items()}
    if not out:
        return out
    if len(as_keys(list(out))) < 2:
        raise PanelError(f"levels has the one key {next(iter(out))!r}; its values are the geos; leave levels out")
    alike = len({len(values) for values in out.values()}) == 1
    named = tuple(map(SEPARATOR.join, zip(*out.values(), strict=True))) if alike else ()
    if named != tuple(geos):
        raise PanelError(
            f"levels gives the geos {listed(named)}, and geos is {listed(geos)}; each geo is named by its keys with "
            f"{SEPARATOR!r} between them; use MMMData.from_frame(..., geo={list(out)})"
        )
    return out


def chosen_geos(geo: object, geos: Sequence[str], where: str = "geo") -> tuple[str, ...]:
    """Return one geo, or several, as a tuple; refuse what the data do not have."""
    check_ordered(geo, where, PanelError)
    names = (geo,) if isinstance(geo, str) else tuple(geo) if isinstance(geo, Iterable) else ()
    if not names or len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
        raise PanelError(
            f"{where}={written(geo)} must be the name of a geo, or a list of different ones, as {where}=[{geos[0]!r}]"
        )
    for name in names:
        if name not in geos:
            raise PanelError(no_such(f"geo {name!r} is not in the data", name, geos, "Geos are"))
    return names


def check_periods(count: int, *, where: str) -> None:
    """Refuse fewer than MIN_PERIODS periods."""
    if count < MIN_PERIODS:
        raise TooFewPeriodsError(
            f"{where} has {count} period(s); at least {MIN_PERIODS} are needed, and a useful fit has a "
            "hundred or so weeks; give a longer history"
        )


def check_finite(
    name: str,
    values: np.ndarray,
    geos: Sequence[str],
    dates: pd.DatetimeIndex,
    *,
    where: str = "",
    fill: str = "what is true (0 only where nothing happened)",
) -> None:
    """Refuse NaN and infinite values."""
    bad = ~np.isfinite(values)
    if bad.any():
        kind = "missing (NaN)" if np.isnan(values[bad]).any() else "infinite"
        raise MissingValueError(
            f"column {name!r}{where} has {int(bad.sum())} {kind} value(s){places(bad, geos, dates)}; every value "
            f"must be finite; fill it yourself with {fill}",
            prepare="takes blanks as told: missing=0, or missing={...: 'empty'} for what was not recorded",
        )


def check_range(name: str, values: np.ndarray, *, where: str = "", least: float = 1.0 / LARGEST_NUMBER) -> None:
    """Refuse a column in a unit so small or so large that squares and products of its values cannot be computed."""
    size = float(np.abs(values).max())
    if size > LARGEST_NUMBER or 0.0 < size < least:
        raise ValueRangeError(
            f"column {name!r}{where} has {size:g} as its largest value in size; that must lie between {least:g} and "
            f"{LARGEST_NUMBER:g}; give the column in another unit, for example divided by {size:.0e}"
        )


def check_not_negative(
    name: str,
    values: np.ndarray,
    geos: Sequence[str],
    dates: pd.DatetimeIndex,
    *,
    where: str = "",
    fix: str = "book refunds in the period of the spend",
    what: str = "spend",
) -> None:
    """Refuse negative spend, and negative counts."""
    bad = values < 0
    if bad.any():
        raise NegativeSpendError(
            f"column {name!r}{where} has {int(bad.sum())} negative value(s), the lowest {values.min():g},"
            f"{places(bad, geos, dates)}; {what} is zero or more; {fix}",
            prepare="keeps negative amounts; where={...} takes the rows of some kind",
        )


def check_spent(name: str, values: np.ndarray, *, role: str) -> None:
    """Refuse a channel or mediator that is zero throughout."""
    if not values.any():
        raise NeverSpentError(
            f"column {name!r} ({role}) is 0 in all {values.size} rows, so nothing can be learnt about it; it "
            f"must be above 0 somewhere; leave it out of {role}"
        )


def is_constant(values: np.ndarray) -> bool:
    """Return whether values differ by no more than rounding."""
    return bool(np.ptp(values) <= _CONSTANT * np.abs(values).max())


def check_varies(name: str, values: np.ndarray, *, role: str, where: str = "") -> None:
    """Refuse a column without variation."""
    if is_constant(values):
        fix = {"outcome": "check the column, or drop the geo" if where else "check the column"}
        raise ConstantColumnError(
            f"column {name!r} ({role}) is {values.flat[0]:g} in every period{where}; it must vary to be "
            f"explained or to explain; {fix.get(role, f'leave it out of {role}')}"
        )


def places(bad: np.ndarray, geos: Sequence[str], dates: pd.DatetimeIndex) -> str:
    """Write where a (geo, date) mask is true: the first geo concerned and its dates."""
    geo = int(np.argmax(bad.any(axis=1)))
    text = f" at {listed(dates[bad[geo]])}"
    if len(geos) > 1:
        others = int(bad.any(axis=1).sum()) - 1
        text += f" in geo {geos[geo]!r}" + (f" (and in {others} more geos)" if others else "")
    return text
