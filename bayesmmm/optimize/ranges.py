"""Ranges of money: sides in money, in per cent or shares of the current plan, or written as SciPy writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint

from bayesmmm.text import amount, written
from bayesmmm.text import percent as in_percent
from bayesmmm.validate import is_number, of_allowed_size, refusal

#: A range in money whose largest side is below this share of the current plan was hardly meant so.
TINY = 0.01
#: Numbers up to which such a range is read as shares, and not as per cents, in what is proposed instead.
_SHARES = 10.0


@dataclass(frozen=True)
class Share:
    """A range in shares of the current plan: ``Share(0.5, 1.5)`` is from half of it to one and a half times as much.

    Parameters
    ----------
    low, high : float, optional
        Multiples of the spend of the current plan; None for no limit.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> Share(0.5, 1.5)
    Share(low=0.5, high=1.5)
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        sides = {name: getattr(self, name) for name in ("low", "high") if getattr(self, name) is not None}
        for name, side in sides.items():
            if not is_number(side) or side < 0.0:
                size = of_allowed_size(side)
                text = f"must be a share of at least 0{size}, as 0.5 for half of the current plan, or None"
                raise refusal(name, side, text)
        if len(sides) == 2 and self.low > self.high:  # type: ignore[operator]
            raise refusal("low", self.low, f"lies above high={written(self.high)}; swap the two")


#: A low and a high side; money, text in per cent of the current plan, or None for no limit.
Side = float | str | None
Range = tuple[Side, Side] | Share


# ---------------------------------------------------------------------------------------------------------- one range
def check_range(sides: object, where: str, *, example: str, weighted: bool = False) -> None:
    """Refuse what is no pair of sides; one of a weighted sum of channels may be below zero, and has no per cent."""
    if isinstance(sides, Share):
        if weighted:
            raise refusal(
                where, sides, f"is a share, and a weighted sum has none; write it in money, as {example}"
            )
        return
    if not isinstance(sides, tuple | list) or len(sides) != 2:
        shares = "" if weighted else ", or in shares of the current plan, mm.Share(0.5, 1.5)"
        raise refusal(where, sides, f"must be a pair (low, high), as {example}; None is no limit{shares}")
    for side in sides:
        if side is None:
            continue
        value = side_of(side, 1.0) if not weighted or is_number(side) else np.nan
        if np.isnan(value):
            percent = "" if weighted else ", or text in per cent of the current plan, as '120%'"
            size = of_allowed_size(side)
            raise refusal(
                where, sides, f"has {written(side)}, which must be a number of money{size}{percent}, or None"
            )
        if value < 0.0 and not weighted:
            raise refusal(where, sides, "is below zero; spend is zero or more")


def side_of(side: Side, base: float) -> float:
    """Money of a side that may be in per cent of `base`; NaN where it is neither."""
    if isinstance(side, str) and side.strip().endswith("%"):
        try:
            share = float(side.strip().removesuffix("%"))
        except ValueError:
            return np.nan
        return share / 100.0 * base if is_number(share) else np.nan
    return float(side) if is_number(side) else np.nan


def money_of(sides: Range, base: float, where: str, least: float = 0.0, *, whose: str = "") -> tuple[float, float]:
    """Money of both sides of a range that may be in per cent or shares of `base`, the spend of `whose` current plan."""
    if isinstance(sides, Share):
        return base * (sides.low or 0.0), np.inf if sides.high is None else base * sides.high
    if whose:
        _refuse_tiny(sides, base, where, whose)
    low, high = (
        n if side is None else side_of(side, base) for side, n in zip(sides, (least, np.inf), strict=True)
    )
    if low > high:
        raise refusal(where, sides, f"has its low side above its high side ({amount(low)} > {amount(high)})")
    return low, high


def _refuse_tiny(sides: Sequence[Any], base: float, where: str, whose: str) -> None:
    """Refuse a range in money that is next to nothing beside the current plan: shares were meant, or per cents."""
    stated = [side for side in sides if side is not None]
    if not stated or any(isinstance(side, str) for side in stated):
        return
    largest = max(float(side) for side in stated)
    if not 0.0 < largest < TINY * base:
        return
    factor = 100.0 if largest <= _SHARES else 1.0
    percent = tuple(None if side is None else f"{factor * side:g}%" for side in sides)
    shares = ", ".join("None" if side is None else f"{factor * side / 100.0:g}" for side in sides)
    option = ":".join(side or "" for side in percent)
    text = (
        f"is money, and less than {in_percent(TINY)} of the {amount(base)} that {whose} spends in the current plan. For "
        f"shares of that plan write {percent} or mm.Share({shares}), on the command line {option}; for nothing at all "
        f"(0, 0); and where so little is meant, say it in per cent, as (None, '{100.0 * largest / base:.2g}%')"
    )
    raise refusal(where, tuple(sides), text)


# ------------------------------------------------------------------------------------------------------------- SciPy's
def check_bounds(bounds: Bounds, where: str) -> None:
    """Refuse SciPy's bounds that are no range of money."""
    low, high = (np.atleast_1d(np.asarray(side, float)) for side in (bounds.lb, bounds.ub))
    if np.isnan(low).any() or np.isnan(high).any():
        raise refusal(where, bounds, "has NaN; give every side as money, -np.inf or np.inf for no limit")
    if (np.isfinite(low) & (low < 0.0)).any() or (high < 0.0).any():
        raise refusal(where, bounds, "is below zero; spend is zero or more")


def sides_of(bounds: Bounds, count: int, where: str) -> list[Range]:
    """Return SciPy's bounds as a range for each of so many."""
    try:
        low, high = (np.broadcast_to(np.asarray(side, float), count) for side in (bounds.lb, bounds.ub))
    except ValueError:
        text = f"must have one side for all or one for each of the {count} that the plan decides about, in their order"
        raise refusal(where, bounds, text) from None
    return [_finite(pair) for pair in zip(low, high, strict=True)]


def _finite(pair: tuple[float, float]) -> Range:
    low, high = (float(side) if np.isfinite(side) else None for side in pair)
    return low, high


def rows_of(limit: LinearConstraint, count: int, where: str) -> Iterator[tuple[np.ndarray, Range]]:
    """Weights (count,) and range of every row of a linear limit of SciPy, in money."""
    matrix = limit.A.toarray() if hasattr(limit.A, "toarray") else np.asarray(limit.A, float)
    matrix = np.atleast_2d(matrix)
    if matrix.shape[1] != count:
        text = f"has {matrix.shape[1]} columns, and the plan decides about {count}; give each a weight, in their order"
        raise refusal(where, limit, text)
    if not np.isfinite(matrix).all():
        raise refusal(where, limit, "has weights that are no numbers; give every one as a finite number")
    sides = [np.broadcast_to(np.asarray(side, float), len(matrix)) for side in (limit.lb, limit.ub)]
    if np.isnan(sides).any():
        raise refusal(where, limit, "has NaN; give every side as money, -np.inf or np.inf for no limit")
    yield from ((row, _finite(pair)) for row, pair in zip(matrix, zip(*sides, strict=True), strict=True))
