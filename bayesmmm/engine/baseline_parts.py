"""Parts of a baseline: its end, some of its draws, its later periods, one of its geos."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bayesmmm.data import MMMData, Scales
from bayesmmm.engine.baseline import Baseline, Columns, carryover
from bayesmmm.engine.parameters import Parameters
from bayesmmm.engine.terms import CarryOver, FrozenDraws
from bayesmmm.equations import MMM


def end_of(
    system: MMM,
    scales: Scales,
    data: MMMData,
    parameters: Parameters,
    draws: np.ndarray,
    amplitude: Columns,
    past: CarryOver,
) -> Baseline:
    """Return the end of the fitted periods: a segment without periods, with what the next one inherits.

    Parameters
    ----------
    parameters : Parameters
        Of all draws; only those in `draws` are used.
    amplitude : mapping of str to (S, G, C) array
    past : CarryOver
        As ``from_period(history(...), periods)`` has both.
    """
    chosen = {name: {key: value[draws] for key, value in par.items()} for name, par in parameters.items()}
    rows = FrozenDraws(system, scales, data.calendar, chosen, amplitude, draws, data.geos)
    none = np.empty((1, len(data.geos), 0))
    columns = dict.fromkeys(data.columns, none)
    nothing: dict = {}
    return Baseline(rows, columns, past, nothing, nothing, nothing, nothing, future=False, start=len(data.dates))


def draws_of(end: Baseline, at: slice) -> Baseline:
    """Return some draws, one behind the other, of a segment without periods; their curves are found for all at once."""
    rows = end.rows
    own = replace(
        rows,
        parameters={name: {key: value[at] for key, value in par.items()} for name, par in rows.parameters.items()},
        amplitude={name: values[at] for name, values in rows.amplitude.items()},
        draws=rows.draws[at],
        curves={},
        whole=rows,
        at=at,
    )
    return replace(end, rows=own, past={key: values[at] for key, values in end.past.items()})


def from_period(base: Baseline, first: int) -> Baseline:
    """Return the periods of a segment from one on, which inherit what those before them pass on."""
    if not first:
        return base

    def late(values: Mapping) -> dict:
        return {key: np.ascontiguousarray(each[..., first:]) for key, each in values.items()}

    return replace(
        base,
        columns=late(base.columns),
        past=carryover(
            replace(base, columns={name: column[..., :first] for name, column in base.columns.items()})
        ),
        start=base.start + first,
        term=late(base.term),
        design={name: values[:, first:] for name, values in base.design.items()},
        latent=late(base.latent),
        residual=late(base.residual),
        noise={
            name: (center[..., first:] if isinstance(center, np.ndarray) else center, sigma)
            for name, (center, sigma) in base.noise.items()
        },
    )


def of_geo(base: Baseline, geo: int) -> Baseline:
    """Return one geo of a segment, by its number, as a segment with one geo."""

    def one(values: Mapping, axis: int) -> dict:
        return {key: np.take(each, [geo], axis) if each.shape[axis] > 1 else each for key, each in values.items()}

    rows = base.rows

    def own_of(key: str, values: np.ndarray) -> np.ndarray:
        if key in ("contribution", "coefficient"):
            return values[:, [geo]] if values.ndim == 3 else values
        by_geo = values.ndim == (2 if key == "sigma" else 3)
        return values[:, geo] if by_geo else values

    parameters = {name: {k: own_of(k, v) for k, v in par.items()} for name, par in rows.parameters.items()}
    own = replace(
        rows,
        scales=rows.scales.sel([geo]),
        parameters=parameters,
        amplitude=one(rows.amplitude, 1),
        geos=(rows.geos[geo],),
        curves={},
        whole=None,
    )
    return replace(
        base,
        rows=own,
        columns=one(base.columns, 1),
        past=one(base.past, 1),
        term=one(base.term, 1),
        design=one(base.design, 0),
        latent=one(base.latent, 1),
        residual=one(base.residual, 1),
        noise={
            name: (
                center[:, [geo]] if isinstance(center, np.ndarray) else center,
                sigma[:, geo] if sigma.ndim == 2 else sigma,
            )
            for name, (center, sigma) in base.noise.items()
        },
    )
