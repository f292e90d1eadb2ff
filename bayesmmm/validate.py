"""Arguments, checked: each function returns what was given in the type that it must have, or names what is wrong.

A message has the name of the argument, the value seen, what is allowed and a way out; the error has the first two as
`argument` and `value` as well.
"""

import math
import os
import re
from collections.abc import Callable, Collection, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import pandas as pd

from bayesmmm.errors import (
    AnswerSizeError,
    BayesMMMError,
    MissingValueError,
    NegativeSpendError,
    SettingError,
    ValueRangeError,
)
from bayesmmm.text import CI_PROB, did_you_mean, written

#: Largest answer that is kept in memory, in bytes.
LARGEST = 800e6
#: Largest number that is computed with, and the inverse of the smallest size of a column: squares and products of a few
#: such numbers stay within what a double holds.
LARGEST_NUMBER = 1e50
#: Residual paths per draw over which what is not observed is averaged: the same in every answer, so that they agree.
PATHS = 4
#: Most of them, each of which costs as much as one draw more.
MOST_PATHS = 10_000
#: Largest number of draws, simulations, starts and the like: more would take days.
MOST = 1_000_000
#: Largest seed.
LARGEST_SEED = 2**63 - 1


def about(name: str, value: object, message: str, error: type[BayesMMMError] = SettingError) -> BayesMMMError:
    """Return an error about the argument `name`, or about an element of it, as ``do['tv']``."""
    return error(message, argument=name.partition("[")[0], value=value)


def refusal(
    name: str, value: object, text: str, error: type[BayesMMMError] = SettingError, advice: str = ""
) -> BayesMMMError:
    """Return the error that ``name=value`` is, has or must be what `text` says."""
    return about(name, value, f"{name}={written(value)} {text}{f', {advice}' * bool(advice)}", error)


# ------------------------------------------------------------------------------------------------------------- numbers
def is_count(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number that can be computed with, so not infinite or huge; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and _size(value) <= LARGEST_NUMBER


def _size(value: Real) -> float:
    try:
        return abs(float(value))  # as a double: a number of fewer bits cannot be compared with the largest one
    except OverflowError:  # an integer beyond all floats
        return math.inf


def of_allowed_size(value: object) -> str:
    """Say how large a number may be, where this is what is wrong with a value."""
    huge = isinstance(value, Real) and _size(value) > LARGEST_NUMBER
    return f" of at most {LARGEST_NUMBER:g} in size" if huge else ""


def check_count(
    value: object,
    name: str,
    *,
    least: int = 1,
    most: int = MOST,
    advice: str = "",
    error: type[BayesMMMError] = SettingError,
) -> int:
    """Return a whole number within these ends, which belong to it."""
    whole = int(value) if is_count(value) else least - 1  # numbers of few bits cannot be compared with the ends
    if not least <= whole <= most:
        ends = f"of at least {least}" if most == MOST and whole <= most else f"from {least} to {most}"
        raise refusal(name, value, f"must be a whole number {ends}", error, advice)
    return whole


def check_seed(seed: object, error: type[BayesMMMError] = SettingError) -> int:
    """Return a seed."""
    return check_count(seed, "seed", least=0, most=LARGEST_SEED, advice="as seed=0", error=error)


def check_paths(paths: object) -> int:
    """Return a number of residual paths."""
    return check_count(paths, "paths", most=MOST_PATHS, advice=f"as paths={PATHS}")


def check_number(
    value: object, name: str, *, above: float = -math.inf, least: float = -math.inf, advice: str
) -> float:
    """Return a number that can be computed with, above a bound, or of at least one."""
    if not is_number(value) or value <= above or value < least:
        ends = f" above {above:g}" if above > -math.inf else f" of at least {least:g}" if least > -math.inf else ""
        ends += of_allowed_size(value)
        raise refusal(name, value, f"must be a number{ends}", advice=advice)
    return float(value)


def check_fraction(value: object, name: str, advice: str, error: type[BayesMMMError] = SettingError) -> float:
    """Return a number between 0 and 1, both excluded."""
    if not is_number(value) or not 0.0 < value < 1.0:
        raise refusal(name, value, "must lie between 0 and 1", error, advice)
    return float(value)


def check_ci_prob(ci_prob: float | None) -> float:
    """Return the probability of an interval: by default `CI_PROB`, or what the user gave ArviZ as ``stats.ci_prob``."""
    if ci_prob is not None:
        return check_fraction(ci_prob, "ci_prob", "as 0.9")
    from arviz_base import rcparams

    name = "stats.ci_prob"
    known, (untouched, _) = rcparams.rcParams[name], rcparams.defaultParams[name]
    return CI_PROB if known == untouched else check_fraction(known, "ci_prob", "as 0.9")


def as_floats(values: object) -> np.ndarray:
    """Return numbers as an array of floats; text and None are none, even where they could be read as one.

    Raises
    ------
    TypeError, ValueError, OverflowError
    """
    array = np.asarray(values)
    each = array.ravel().tolist() if array.dtype.kind in "OSU" else []
    odd = [value for value in each if value is None or isinstance(value, str | bytes)]
    if odd or array.dtype.kind in "cmM":
        raise TypeError(f"{written((odd or array.ravel().tolist())[0])} is no number")
    return array.astype(float)


def check_numbers(
    values: object, name: str, allowed: str, example: object, holds: Callable[[np.ndarray], Any]
) -> np.ndarray:
    """Return a list of numbers that can be computed with, at least one, for all of which a condition holds."""
    try:
        numbers = as_floats(values)
    except (TypeError, ValueError, OverflowError):
        numbers = np.empty(0)
    flags = any(isinstance(value, bool | np.bool_) for value in as_list(values) or ())
    sound = numbers.ndim == 1 and len(numbers) and (np.abs(numbers) <= LARGEST_NUMBER).all() and not flags
    if not sound or not np.all(holds(numbers)):
        raise refusal(name, values, f"must be {allowed}, as {name}={example}")
    return numbers


# --------------------------------------------------------------------------------------------------- words and mappings
def check_choice(
    value: object, name: str, choices: Collection[str], advice: str = "", error: type[BayesMMMError] = SettingError
) -> str:
    """Return one of some words."""
    if not isinstance(value, str) or value not in choices:
        meant = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise refusal(name, value, f"must be one of {', '.join(choices)}{meant}", error, advice)
    return value


def check_ordered(values: object, name: str, error: type[BayesMMMError] = SettingError) -> None:
    """Refuse a set where a list is meant: the order of a set of words differs from process to process."""
    if isinstance(values, set | frozenset):
        text = f"is a set, which has no order; write a list, as {name}={written(sorted(map(str, values)))}"
        raise refusal(name, values, text, error)


def as_list(values: object) -> list[Any] | None:
    """Return what is listed in an order that stays; None for text, a mapping, a set, and what one look uses up."""
    if not isinstance(values, Collection) or isinstance(values, str | bytes | Mapping | set | frozenset):
        return None
    array = (
        values.tolist() if hasattr(values, "tolist") else values
    )  # NumPy's numbers and texts would show their types
    return list(array) if getattr(values, "ndim", 1) == 1 else None


def list_for(values: object, example: list[str]) -> list[str]:
    """Return the list that may be meant where none is given."""
    if isinstance(values, str) and values:
        return [values]
    return sorted(map(str, values)) if isinstance(values, set | frozenset | Mapping) and values else example


def check_flag(value: object, name: str, error: type[BayesMMMError] = SettingError) -> bool:
    """Return True or False: any other text, as "no", would count as true."""
    if not isinstance(value, bool | np.bool_):
        raise refusal(name, value, "must be True or False", error)
    return bool(value)


def check_path(value: object, name: str, error: type[BayesMMMError], example: str) -> Path:
    """Return the path of a file or folder."""
    path = os.fsdecode(value) if isinstance(value, str | bytes | os.PathLike) else ""
    if not path or "\0" in path:
        raise refusal(name, value, f"must be a path, as {name}={example!r}", error)
    return Path(path)


def check_mapping(value: object, name: str, example: str) -> Mapping[Any, Any]:
    """Return a mapping, or an empty one for None."""
    if value is not None and not isinstance(value, Mapping):
        kind = type(value).__name__
        raise about(name, value, f"{name} is a {kind}, and must be a mapping, as {name}={example}")
    return value or {}


def check_groups(
    groups: object, example: str, argument: str = "groups", group: str = "social"
) -> Mapping[str, Any]:
    """Return a mapping from names of groups, or an empty one for None: 1 and "1" would be printed alike."""
    checked = check_mapping(groups, argument, f"{{{group!r}: {example}}}")
    for name in checked:
        if not isinstance(name, str) or not name.strip():
            raise refusal(argument, name, "is the name of a group, which must be text", advice=f"as {str(name)!r}")
    return checked


def check_date_format(value: object, error: type[BayesMMMError], name: str = "date_format") -> str:
    """Return a format of dates, which says the year: without one, every date would be read as of 1900."""
    if not isinstance(value, str) or not re.search(r"%[-#]?[YyGcx]", value.replace("%%", "")):
        wrong = "has no year" if isinstance(value, str) and "%" in value else "is no format of dates"
        text = f"{wrong}; write it with the codes of datetime.strptime, as '%d/%m/%Y'"
        raise refusal(name, value, f"{text}; where the column holds no year, put it there first", error)
    return value


# ------------------------------------------------------------------------------------------------- periods, large arrays
def check_dates(values: object, name: str, dates: pd.DatetimeIndex) -> np.ndarray:
    """Return one number for each date of a window, given as one for all, as a list, or as a series with these dates."""
    window = f"the window has the {len(dates)} periods {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}"
    if hasattr(values, "to_series") and getattr(values, "ndim", 0) == 1:  # of xarray
        values = values.to_series()
    if isinstance(values, pd.Series) and not _labels(values.index, dates):
        wrong = f"has {len(values)} values with other dates than the window"
        raise about(name, values, f"{name} {wrong}: {window}; give a value for each of these, in order")
    try:
        numbers = as_floats(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise about(name, values, f"{name} must be numbers, one per period of the window: {error}") from error
    if numbers.shape not in ((), (len(dates),)):
        text = f"{name} has shape {numbers.shape}, and {window}; give one number, or one for each period"
        raise about(name, values, text)
    return np.broadcast_to(numbers, len(dates))


def check_dates_by_geo(values: object, name: str, dates: pd.DatetimeIndex, geos: Collection[str]) -> np.ndarray:
    """Return numbers (G, W) for the geos and dates of a window: one for all, a table of dates by geos, or by geo."""
    if isinstance(values, pd.DataFrame | Mapping):
        labels = [str(label) for label in values]
        if sorted(labels) != sorted(geos):
            known = f"it must have one column for each of the geos {', '.join(geos)}"
            raise about(name, values, f"{name} has the columns {', '.join(labels) or 'of no geo'}, and {known}")
        # By position, since names of geos may be numbers in the table.
        each = (
            (values.iloc[:, i] for i in range(len(labels)))
            if isinstance(values, pd.DataFrame)
            else values.values()
        )
        own = dict(zip(labels, each, strict=True))
        return np.stack([check_dates(own[geo], name, dates) for geo in geos])
    if not isinstance(values, Real) or isinstance(values, bool):
        text = (
            f"{name} is a {type(values).__name__}, and must be one number for all {len(geos)} geos and {len(dates)} "
            f"periods of the window, for each geo a number or its values, as {{{next(iter(geos))!r}: 0.0, ...}}, or a "
            f"table with these dates as its index and a column for each geo, as "
            f"pd.DataFrame({{geo: series for geo in fit.data.geos}}, index=dates)"
        )
        raise about(name, values, text)
    return np.full((len(geos), len(dates)), float(values))


def _labels(index: pd.Index, dates: pd.DatetimeIndex) -> bool:
    """Whether a series with this index has its values in the order of the dates: by these, or by rising numbers."""
    if pd.api.types.is_integer_dtype(index):
        return index.is_monotonic_increasing
    if not isinstance(index, pd.DatetimeIndex):
        try:
            index = pd.to_datetime(index, format="ISO8601", errors="coerce")
        except (TypeError, ValueError):
            return False
    return index.equals(dates)


def check_values(values: object, name: str, *, money: bool = False) -> None:
    """Refuse values that are no data: not finite, too large to be computed with, or negative money."""
    numbers = np.asarray(values, float)
    if not np.isfinite(numbers).all():
        text = f"{name} has missing or infinite values; give a finite number for every period"
        raise about(name, values, text, MissingValueError)
    if np.abs(numbers).max(initial=0.0) > LARGEST_NUMBER:
        text = f"{name} has {np.abs(numbers).max():g}, and values are at most {LARGEST_NUMBER:g} in size"
        raise about(name, values, f"{text}; give them in the unit that the fitted column has", ValueRangeError)
    if money and (numbers < 0).any():
        text = f"{name} has the negative value {numbers.min():g}; spend is zero or more"
        raise about(name, values, text, NegativeSpendError)


def check_size(shape: tuple[int, ...], what: str, fix: str) -> None:
    """Refuse an answer that would not fit into memory beside everything else."""
    size = 8.0 * np.prod(np.array(shape, float))
    if size > LARGEST:
        raise AnswerSizeError(
            f"{what} would take {size / 1e9:.1f} GB ({' x '.join(map(str, shape))} numbers), more than the "
            f"{LARGEST / 1e9:.1f} GB that an answer may take; {fix}"
        )
