"""What an equation sees: its series, media inputs and design, on frozen scales; and the way back to units."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bayesmmm.data import Calendar, MMMData, Scales
from bayesmmm.equations import MMM, Equation, design_matrix, to_latent
from bayesmmm.equations.event_terms import events_of
from bayesmmm.errors import DateError, EquationError, PanelError, SettingError
from bayesmmm.validate import LARGEST_NUMBER


def retention(half_life, days: float | np.ndarray = 1.0):
    """Share of pressure that is kept over so many days, ``0.5 ** (days / half-life in days)``."""
    with np.errstate(divide="ignore"):
        return np.exp(-math.log(2.0) * days / np.asarray(half_life, float))


def step_days(equation: Equation, names: Sequence[str], calendar: Calendar) -> np.ndarray:
    """Days (C,) over which some media inputs keep their retention: a day, or a period under a prior on retention."""
    return np.array([calendar.days_per_period if n in equation.by_period else 1.0 for n in names])


def period_days(
    equation: Equation, names: Sequence[str], calendar: Calendar, start: int, count: int
) -> np.ndarray:
    """Lengths (C, 1 or T) of so many periods from one on, and of ``max_lag`` more, as the kernels take them.

    A period counts as one day where the recursion is by the period.
    """
    days = calendar.days(start, max(1, count) + (equation.max_lag or 0))
    by_day = np.array([n not in equation.by_period for n in names], bool)[:, None]
    return np.where(by_day, days, 1.0)


def kernel_lag(equation: Equation) -> int:
    """``max_lag`` as the kernels take it: -1 for none."""
    return -1 if equation.max_lag is None else equation.max_lag


@dataclass(frozen=True)
class Inputs:
    """What one equation sees of the data, on its own scale.

    Attributes
    ----------
    target : (G, T) array
        The series it explains, in shares of mean size (logs of them under "lognormal").
    media : (G, C, T) array
        Media inputs in multiples of their mean positive value; a mediator enters as ``max(M, 0)``.
    design : (G, T, K) array
        Columns of the linear part.
    seen : (G, T) bool array
        Cells of the target that are observed, with everything that acts on them.
    present : (G, T) bool array
        Periods of each geo: a contribution is a mean over them.
    """

    target: np.ndarray
    media: np.ndarray
    design: np.ndarray
    seen: np.ndarray
    present: np.ndarray


def inputs(equation: Equation, data: MMMData, scales: Scales) -> Inputs:
    """Collect what `equation` sees of `data` on the frozen `scales`."""
    return Inputs(
        target=to_latent(equation, data.columns[equation.name], scales),
        media=media_inputs(equation, filled(data.columns, dict.fromkeys(data.columns, 0.0)), scales),
        design=design_matrix(
            equation, data.dates, filled(data.columns, scales.center), scales, geos=len(data.geos)
        ),
        seen=np.logical_and.reduce([data.recorded(name) for name in (equation.name, *equation.linear)]),
        present=data.has_row,
    )


def filled(columns: Mapping[str, np.ndarray], value: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Return columns with a number in cells that were not recorded, which what is observed does not rest on."""
    return {
        n: np.where(np.isnan(v), value[n], v) if np.isnan(v).any() else v for n, v in columns.items() if n in value
    }


def check_data(data: MMMData) -> None:
    """Refuse what is no data."""
    if not isinstance(data, MMMData):
        raise SettingError(
            f"data is a {type(data).__name__}, and must be MMMData, as MMMData.from_csv(...) returns it; the system "
            f"comes first, as in mm.fit(system, data)"
        )


def check_national(data: MMMData) -> None:
    """Refuse more than one geo where one series is asked for, and what is no data."""
    check_data(data)
    if len(data.geos) > 1:
        raise PanelError(
            f"the data hold {len(data.geos)} geos ({', '.join(data.geos[:3])}{', ...' * (len(data.geos) > 3)}), and "
            f"this takes one series. Give one geo after another, as data.sel({data.geos[0]!r})."
        )


def checked_scales(system: MMM, data: MMMData, scales: Scales | None) -> Scales:
    """Scales to use: those of the data, or given ones that fit them.

    Raises
    ------
    DateError, EquationError
        When given scales lack a column, are not positive, or place the trend elsewhere than the data do.
    """
    if scales is None:
        return data.scales()
    if not isinstance(scales, Scales):
        raise EquationError(
            f"scales is a {type(scales).__name__}, and must be Scales: start from data.scales() and replace what should "
            f"differ."
        )
    if (scales.start, scales.end) != (data.dates[0], data.dates[-1]):
        raise DateError(
            f"scales run from {scales.start:%Y-%m-%d} to {scales.end:%Y-%m-%d}, the data from {data.dates[0]:%Y-%m-%d} "
            f"to {data.dates[-1]:%Y-%m-%d}. Start from data.scales() and replace what should differ."
        )
    wanted = {
        "size": system.order,
        "spend": system.media,
        "spread": {name for equation in system.equations for name in (*equation.linear, *events_of(equation))},
    }
    for kind, names in wanted.items():
        given = getattr(scales, kind)
        for name in sorted(names):
            values = np.asarray(given.get(name, np.nan))
            if kind != "spread" and name in given and values.size != len(data.geos):
                raise EquationError(
                    f"scales.{kind} has {values.size} values for {name!r}, and the data have {len(data.geos)} geos. "
                    f"Give one for each: start from data.scales() and replace what should differ."
                )
            if kind == "spend" and name in given and name in data.columns:
                values = values[(data.columns[name] > 0).any(axis=-1)]  # nothing is spent in the other geos
            if not ((values >= 1.0 / LARGEST_NUMBER) & (values <= LARGEST_NUMBER)).all():
                raise EquationError(
                    f"scales.{kind} has {given.get(name, 'nothing')} for {name!r}. Give a number above 0, from "
                    f"{1.0 / LARGEST_NUMBER:g} to {LARGEST_NUMBER:g}: start from data.scales() and replace what should "
                    f"differ."
                )
    return scales


def media_inputs(equation: Equation, columns: Mapping[str, np.ndarray], scales: Scales) -> np.ndarray:
    """Media columns over their mean positive value, (..., G, C, T); leading axes broadcast."""
    size = {name: np.nan_to_num(scales.spend[name], nan=1.0)[:, None] for name in equation.media}
    parts = [np.maximum(columns[name], 0.0) / size[name] for name in equation.media]
    if not parts:
        n_geo, n_time = next(iter(columns.values())).shape[-2:]
        return np.empty((n_geo, 0, n_time))
    return np.ascontiguousarray(np.stack(np.broadcast_arrays(*parts), axis=-2))
