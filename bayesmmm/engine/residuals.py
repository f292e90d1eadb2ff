"""Residuals: drawn for a world, kept from observed periods, integrated over in future ones.

Residuals that answers need are a fixed function of seed, equation, draw and period, so that no answer depends on how
draws are divided among processors, and plans that are compared meet the same noise.

The residuals of an equation may be correlated with those of one of its mediators. What they are is then told in two
steps, the mediator's first: given e_M, ``e ~ Normal(rho sigma / sigma_M e_M, sigma sqrt(1 - rho^2))``, which on its
own is the Normal(0, sigma) that every other equation has. What follows from a residual of the mediator beyond that
(those of other equations that it is correlated with) is independent.
"""

from collections.abc import Mapping

import numpy as np

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


_STREAMS = {"observed": 0, "future": 1, "replicated": 2}


def random_stream_id(kind: str, equation: int) -> int:
    """Number of a stream of random numbers: kinds ("observed", "future", "replicated") and equations are kept apart."""
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
    seed: int, stream: int, draws: np.ndarray, shape: tuple[int, int], *, paths: int = 1, first: int = 0
) -> np.ndarray:
    """Numbers (S * paths, G, T) in (0, 1) that depend on seed, stream, draw and period only.

    Paths of one draw stand side by side, and are u, u + 1 / paths, ... modulo 1: spread evenly, so that an average over
    paths integrates over the residual of each period better than independent draws would. The numbers of a period do
    not depend on the period `first` at which a segment begins.
    """
    n_geo, n_time = shape
    generator = np.random.Philox(key=np.array([seed, stream], np.uint64))
    state = generator.state
    numbers = np.random.Generator(generator)
    out = np.empty((len(draws), first + n_time, n_geo))
    for row, draw in enumerate(draws):
        state["state"]["counter"][:] = (0, 0, draw, 0)
        state["buffer_pos"] = 4
        generator.state = state
        numbers.random(out=out[row])
    out = np.swapaxes(out[:, first:], 1, 2)
    turns = (out[:, None] + (np.arange(paths) / paths)[:, None, None]) % 1.0
    return np.maximum(turns.reshape(-1, n_geo, n_time), 2.0**-54)
