"""The fitted periods and one residual path of those after them as one segment: for answers that run across the join."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bayesmmm.engine.baseline import Baseline
from bayesmmm.engine.residuals import given_mediator


def joined(past: Baseline, ahead: Baseline, path: int) -> Baseline:
    """Return history and one path of its future as one baseline with a row for each draw.

    What geos have in common in a period to come is not known. Where terms multiply, its mean is one more term of the
    latent mean, ``omega^2 / 2``, among the period effects, so that all periods have one residual scale; elsewhere it is
    part of the scale of the residuals. `noise` has of all periods what residuals of mediators tell, and that scale.

    Parameters
    ----------
    past, ahead : Baseline
        Of the same draws, as `history` and `future` give them.
    path : int
        Which of the paths of `ahead`.
    """
    rows, every = past.rows, ahead.rows.paths

    def one(array: np.ndarray) -> np.ndarray:
        return array[path::every] if every > 1 and len(array) == len(rows.draws) * every else array

    def in_turn(first: Mapping, then: Mapping) -> dict:
        return {key: _behind(first[key], one(then[key])) for key in first if key in then}

    parameters, latent = dict(rows.parameters), in_turn(past.latent, ahead.latent)
    noise: dict[str, tuple[np.ndarray | float, np.ndarray]] = {}
    for name in rows.system.order:
        equation, own = rows.system.equation(name), rows.parameters[name]
        told, sigma = given_mediator(equation, rows.parameters, past.residual)
        ahead_told, scale = ahead.noise_of(name)
        if isinstance(told, np.ndarray):
            later = one(ahead_told) if isinstance(ahead_told, np.ndarray) else np.zeros((1, 1, ahead.periods))
            told = _behind(told, later)
        if "omega" in own:
            expected = np.zeros((len(rows.draws), ahead.periods))
            if equation.family.log_scale:
                expected = expected + 0.5 * own["omega"][:, None] ** 2
                latent[name] = latent[name].copy()
                latent[name][..., past.periods :] += expected[:, None]
            else:
                scales = ((sigma, past.periods), (one(scale), ahead.periods))
                sigma = _behind(*[np.repeat(_wide(values), periods, -1) for values, periods in scales])
            parameters[name] = {**own, "period": np.concatenate([own["period"], expected], axis=-1)}
        elif "period" in own:  # effects that no distribution says anything of beyond the data
            none = np.zeros((len(rows.draws), ahead.periods))
            parameters[name] = {**own, "period": np.concatenate([own["period"], none], axis=-1)}
        noise[name] = told, sigma
    return Baseline(
        replace(rows, parameters=parameters),
        in_turn(past.columns, ahead.columns),
        past.past,
        in_turn(past.term, ahead.term),
        {name: np.concatenate([values, ahead.design[name]], axis=1) for name, values in past.design.items()},
        latent,
        in_turn(past.residual, ahead.residual),
        future=False,
        noise=noise,
        start=past.start,
    )


def _behind(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """One array (P, G, T) behind another, each as wide as the wider one."""
    shape = np.broadcast_shapes(first.shape[:-1], then.shape[:-1])
    return np.concatenate([np.broadcast_to(v, (*shape, v.shape[-1])) for v in (first, then)], axis=-1)


def _wide(scale: np.ndarray) -> np.ndarray:
    """Scales (S,) or (S, G) as (S, G, 1)."""
    return scale[:, None, None] if scale.ndim == 1 else scale[..., None]
