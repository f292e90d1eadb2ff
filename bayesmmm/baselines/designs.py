"""What regressions see: spend as it was booked or carried over, and the linear terms of a system, in raw units."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayesmmm.data import MMMData, Scales
from bayesmmm.data.checks import NATIONAL
from bayesmmm.engine import check_data
from bayesmmm.equations import MMM, Equation, check_system, design_matrix
from bayesmmm.errors import EquationError, SettingError
from bayesmmm.kernels import adstocks
from bayesmmm.text import no_such, written
from bayesmmm.validate import is_number

#: Name of the constant, as in the terms of an equation.
INTERCEPT = "intercept"


def checked(data: MMMData, system: MMM | None) -> MMM:
    """Return the system whose linear terms are used: the given one, or all controls and nothing else."""
    check_data(data)
    if system is None:
        names = (*data.mediators, data.outcome)
        return MMM([_plain(name, data) for name in names])
    if not isinstance(system, MMM):
        raise SettingError(f"system is {written(system)}, and must be a system of equations, as mm.MMM([...])")
    check_system(system, data)
    return system


def _plain(name: str, data: MMMData) -> Equation:
    media = (*data.media, *data.mediators) if name == data.outcome else data.media
    return Equation(name, media=media, linear=data.controls)


def raw_scales(data: MMMData) -> Scales:
    """Scales under which controls are as they are; the trend runs from 0 to 1 over these periods."""
    scales = data.scales()
    kept = set(data.event_names)
    return replace(
        scales,
        center=dict.fromkeys(scales.center, 0.0),
        spread={name: value if name in kept else 1.0 for name, value in scales.spread.items()},
    )


def linear_terms(system: MMM, data: MMMData, scales: Scales) -> dict[str, np.ndarray]:
    """Columns (G, T) of the linear terms of all equations, the intercept first, each once.

    A panel has a column for each geo but the first, so that geos may differ in level.
    """
    equations = (system.equation(system.outcome), *(system.equation(name) for name in system.mediators))
    out: dict[str, np.ndarray] = {}
    for equation in equations:
        design = design_matrix(equation, data.dates, data.columns, scales, geos=len(data.geos))
        for k, term in enumerate(equation.terms()):
            out.setdefault(term, design[..., k])
    if data.geos != (NATIONAL,):
        one = np.ones(len(data.dates))
        for g, geo in enumerate(data.geos[1:], start=1):
            out[f"geo {geo}"] = (np.arange(len(data.geos)) == g)[:, None] * one
    return out


def retentions(retention: object, data: MMMData) -> dict[str, float]:
    """Share of every channel that is kept from a period to the next, from one number or some by name."""
    given: Mapping[Any, Any] = (
        retention if isinstance(retention, Mapping) else dict.fromkeys(data.media, retention)
    )
    for name, value in given.items():
        if name not in data.media:
            raise SettingError(
                no_such(f"retention names {written(name)}, which is no channel", name, data.media, "Channels are")
            )
        if not is_number(value) or not 0.0 <= value < 1.0:
            raise SettingError(
                f"retention of {name!r} is {written(value)}, and must be at least 0 and below 1: the share that is kept "
                f"from one period to the next, as retention=0.5"
            )
    return {name: float(given.get(name, 0.0)) for name in data.media}


def carried_over(x: np.ndarray, retention: float) -> np.ndarray:
    """Geometric carry-over over the last axis, ``a_t = (1 - r) x_t + r a_{t-1}``, whose weights sum to one."""
    rows = np.ascontiguousarray(x, dtype=float).reshape(-1, x.shape[-1])
    # Of periods of one day, which is the recursion from one period to the next.
    return adstocks(rows, np.ones(1), np.zeros(1), np.full(len(rows), retention), -1).reshape(x.shape)


def stacked(columns: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Columns (N, K) of the periods that are asked for, geo after geo."""
    return np.column_stack([values[rows] for values in columns.values()])


def check_rank(columns: Mapping[str, np.ndarray], rows: np.ndarray) -> None:
    """Refuse columns of which one is a sum of others: no regression could tell them apart."""
    names, x = list(columns), stacked(columns, rows)
    if len(x) <= x.shape[1]:
        raise EquationError(
            f"{len(x)} observed periods do not determine {x.shape[1]} coefficients. Take more periods or fewer terms."
        )
    size = np.sqrt((x**2).sum(axis=0))
    # What is left of a column beside those before it.
    left = np.abs(np.diag(np.linalg.qr(x / np.where(size > 0.0, size, 1.0), mode="r")))
    if (left < 1e-8).any():
        k = int(np.argmax(left < 1e-8))
        what = "is zero throughout" if size[k] == 0 else f"is a sum of {', '.join(names[:k])}"
        raise EquationError(
            f"{names[k]!r} {what} in the observed periods, so that its coefficient is not determined. Leave it out of "
            f"the regression."
        )
