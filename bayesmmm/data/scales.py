"""The frozen scales of a data set: what one unit of each series is. Computed once, stored with a fit.

Knows arrays and names only. A counterfactual, forecast or plan reuses the scales of the fitted periods and
never recomputes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Scales:
    """Scales of the fitted periods, by column name.

    Parameters
    ----------
    size : Mapping of str to ndarray, shape (geo,)
        Mean of ``|v|`` over the periods, per geo, in units of the column: outcome and mediators. It is 0 in a
        geo where a mediator is zero throughout.
    spend : Mapping of str to ndarray, shape (geo,)
        Mean of the positive values, per geo, in units of the column: media and mediators. It is NaN in a geo
        that never spent.
    center, spread : Mapping of str to float
        Mean and standard deviation (``ddof=0``) over geos and periods of every column but the outcome, in
        units of the column. Linear terms are standardised with them.
    start, end : pandas.Timestamp
        First and last fitted period. A trend runs from 0 to 1 between them.
    """

    size: Mapping[str, np.ndarray]
    spend: Mapping[str, np.ndarray]
    center: Mapping[str, float]
    spread: Mapping[str, float]
    start: pd.Timestamp
    end: pd.Timestamp

    def __post_init__(self) -> None:
        """Make the mappings and their arrays read-only."""
        for field in ("size", "spend"):
            object.__setattr__(self, field, read_only_arrays(getattr(self, field)))
        for field in ("center", "spread"):
            values = {name: float(value) for name, value in getattr(self, field).items()}
            object.__setattr__(self, field, MappingProxyType(values))
        for field in ("start", "end"):
            object.__setattr__(self, field, pd.Timestamp(getattr(self, field)))

    def __reduce__(self) -> tuple:
        """Pickle through the constructor, since read-only views of a dict cannot be pickled."""
        mappings = (dict(self.size), dict(self.spend), dict(self.center), dict(self.spread))
        return (Scales, (*mappings, self.start, self.end))

    def __eq__(self, other: object) -> bool:
        """Return whether names, order, dates and every float agree exactly (NaN equals NaN)."""
        if not isinstance(other, Scales):
            return NotImplemented
        return (
            (self.start, self.end) == (other.start, other.end)
            and same_arrays(self.size, other.size)
            and same_arrays(self.spend, other.spend)
            and same_arrays(self.center, other.center)
            and same_arrays(self.spread, other.spread)
        )

    def sel(self, at: Sequence[int]) -> "Scales":
        """Return the scales of the geos at some positions."""
        size, spend = ({name: v[list(at)] for name, v in each.items()} for each in (self.size, self.spend))
        return replace(self, size=size, spend=spend)

    def to_dict(self) -> dict[str, object]:
        """Return plain lists and numbers that JSON can hold; NaN becomes None, floats round-trip exactly."""
        plain: dict[str, object] = {
            field: {name: [_plain(v) for v in array.tolist()] for name, array in getattr(self, field).items()}
            for field in ("size", "spend")
        }
        for field in ("center", "spread"):
            plain[field] = dict(getattr(self, field))
        return plain | {"start": self.start.isoformat(), "end": self.end.isoformat()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Scales":
        """Return the scales that `to_dict` wrote.

        Parameters
        ----------
        plain : Mapping
            What `to_dict` returned, possibly through JSON.
        """

        def arrays(field: str) -> dict[str, np.ndarray]:
            return {name: np.array([_number(v) for v in values]) for name, values in plain[field].items()}

        return cls(
            size=arrays("size"),
            spend=arrays("spend"),
            center=plain["center"],
            spread=plain["spread"],
            start=pd.Timestamp(plain["start"]),
            end=pd.Timestamp(plain["end"]),
        )


def mean_size(values: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Return mean |v| over the last axis, of values that are known."""
    if known is None or known.all():
        return np.mean(np.abs(values), axis=-1)
    return np.where(known, np.abs(values), 0.0).sum(axis=-1) / known.sum(axis=-1)


def mean_positive(values: np.ndarray) -> np.ndarray:
    """Return the mean of the positive values over the last axis, NaN where there is none."""
    positive = values > 0
    count = positive.sum(axis=-1)
    total = np.where(positive, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def deviations(values: np.ndarray) -> np.ndarray:
    """Return deviations (G, T) of a column from the means of its geos, in units of mean |v| of the geo.

    NaN stays NaN, and is in no mean.
    """
    mean = np.nanmean if np.isnan(values).any() else np.mean
    size = mean(np.abs(values), axis=1, keepdims=True)
    scaled = values / np.where(size > 0, size, 1.0)
    return scaled - mean(scaled, axis=1, keepdims=True)


def common_share(values: np.ndarray) -> float:
    """Share of the variance within geos that all geos have in common in a period.

    Of values (G, T): the variance over periods of their mean over geos, each geo less its own mean, over the mean
    variance. Independent geos have 1 / G of it in common, by chance alone. NaN is in no mean.

    Examples
    --------
    >>> import numpy as np
    >>> common_share(np.array([[1.0, -1.0, 2.0, -2.0], [1.0, -1.0, 2.0, -2.0]]))
    1.0
    >>> common_share(np.array([[1.0, -1.0, 2.0, -2.0], [-1.0, 1.0, -2.0, 2.0]]))
    0.0
    >>> common_share(np.array([[1.0, -1.0, np.nan], [1.0, -1.0, np.nan]]))  # a period without any
    1.0
    """
    values = values[:, ~np.isnan(values).all(axis=0)]  # periods in which one of the geos has a value
    mean = np.nanmean if np.isnan(values).any() else np.mean
    within = values - mean(values, axis=1, keepdims=True)
    return float(mean(mean(within, axis=0) ** 2) / mean(within**2))


def read_only_arrays(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Return a read-only mapping of read-only float64 copies."""
    frozen = {}
    for name, values in arrays.items():
        copy = np.array(values, dtype=np.float64)
        copy.setflags(write=False)
        frozen[name] = copy
    return MappingProxyType(frozen)


def same_arrays(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two mappings hold the same names in the same order with equal numbers."""
    return list(one) == list(other) and all(np.array_equal(one[n], other[n], equal_nan=True) for n in one)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
