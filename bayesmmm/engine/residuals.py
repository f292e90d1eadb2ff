"""Residuals: drawn for a world, kept from observed periods, integrated over in future ones.

Residuals that answers need are a fixed function of seed, equation, draw, geo and period, so that no answer depends on
how draws are divided among processors or on what other geos there are, and plans that are compared meet the same noise.

The residuals of an equation may be correlated with those of one of its mediators. What they are is then told in two
steps, the mediator's first: given e_M, ``e ~ Normal(rho sigma / sigma_M e_M, sigma sqrt(1 - rho^2))``, which on its
own is the Normal(0, sigma) that every other equation has. What follows from a residual of the mediator beyond that
(those of other equations that it is correlated with) is independent.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from bayesmmm import kernels
from bayesmmm.data import MMMData
from bayesmmm.data.checks import NATIONAL
from bayesmmm.engine.parameters import Parameters
from bayesmmm.equations import MMM, Equation


def given_mediator(
    equation: Equation, parameters: Parameters, residual: Mapping[str, np.ndarray]
) -> tuple[np.ndarray | float, np.ndarray]:
    """Mean and scale of the residuals of an equation, given those of the mediator that they are correlated with.

    Of the residuals (S, G, T) by equation only those of the mediator are read. The mean (S, G, T) is 0 where there is
    none; the scale is (S,).
    """
    par, mediator = parameters[equation.name], equation.tied_to
    if mediator is None:
        return 0.0, par["sigma"]
    rho = par["rho"][:, 0] if "rho" in par else np.full(len(par["sigma"]), equation.rho[mediator])
    slope = rho * par["sigma"] / parameters[mediator]["sigma"]
    return slope[:, None, None] * residual[mediator], par["sigma"] * np.sqrt(1.0 - rho**2)


def joint_residuals(system: MMM, parameters: Parameters, shape, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw latent residuals of shape (S, G, T) for every equation, correlated as the system says."""
    out: dict[str, np.ndarray] = {}
    for name in system.order:
        mean, sigma = given_mediator(system.equation(name), parameters, out)
        par = {**parameters[name], "sigma": sigma}
        out[name] = mean + system.equation(name).family.draw_residual(par, shape, rng)
    return out


_STREAMS = {"observed": 0, "future": 1, "replicated": 2, "period": 3}


def random_stream_id(kind: str, equation: int) -> int:
    """Number of a stream of random numbers: kinds, as "observed" or "future", and equations are kept apart."""
    return _STREAMS[kind] << 32 | equation


def over_paths(values: np.ndarray, paths: int) -> np.ndarray:
    """Average rows (S * paths, ...) over the residual paths of each draw."""
    if paths == 1:
        return values
    by_path = values.reshape(-1, paths, *values.shape[1:])
    total = by_path[:, 0] + by_path[:, 1]  # several times faster than a mean over a short axis
    for k in range(2, paths):
        total += by_path[:, k]
    return total / paths


def uniforms(
    seed: int,
    stream: int,
    draws: np.ndarray,
    geos: Sequence[str],
    periods: int,
    *,
    paths: int = 1,
    first: int = 0,
) -> np.ndarray:
    """Numbers (S * paths, G, T) in (0, 1) that depend on seed, stream, draw, name of the geo and period only.

    Paths of one draw stand side by side, and are u, u + 1 / paths, ... modulo 1: spread evenly, so that an average over
    paths integrates over the residual of each period better than independent draws would. The numbers of a period do
    not depend on the period `first` at which a segment begins.
    """
    out = np.empty((len(draws), len(geos), first + periods))
    numbers = np.array([_number_of_geo(geo) for geo in geos], np.uint64)
    kernels.philox_uniforms(
        np.uint64(seed), np.uint64(stream), draws.astype(np.uint64), numbers, first + periods, out
    )
    turns = (out[:, None, :, first:] + (np.arange(paths) / paths)[:, None, None]) % 1.0
    return np.maximum(turns.reshape(-1, len(geos), periods), 2.0**-54)


def own_uniforms(seed: int, stream: int, draws: np.ndarray, data: MMMData) -> np.ndarray:
    """`uniforms` (S, G, T) over the periods of some data, counted from the first of each geo; 1/2 before it."""
    out = uniforms(seed, stream, draws, data.geos, len(data.dates))
    for g, first in enumerate(data.has_row.argmax(axis=1)):
        if first:
            out[:, g] = np.concatenate([np.full((len(out), first), 0.5), out[:, g, :-first]], axis=1)
    return out


def _number_of_geo(name: str) -> int:
    """Number of a geo in its streams: by its name, so that its noise is its own whatever geos stand beside it."""
    if name == NATIONAL:
        return 0
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
