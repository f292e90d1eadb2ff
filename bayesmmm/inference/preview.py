"""Draws of a Normal distribution near the posterior, for a first look: nothing is sampled."""

import warnings
from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM
from bayesmmm.errors import SamplingError
from bayesmmm.inference.coordinates import adapted
from bayesmmm.inference.program import write_program
from bayesmmm.results.convergence import PARETO_K_GOOD

#: Draws of some density from which on their weights have a tail.
_FEWEST = 25


def with_preview(system: MMM, data: MMMData, scales: Scales, settings: Mapping, _: bool) -> xr.DataTree:
    """Draws as a sampler returns them, of the Normal that `adapted` finds, through the maps of the parameters.

    Each draw has the importance weight of posterior over Normal. Where the largest weights, smoothed, have a shape k of
    at most 0.7, draws are taken anew with these weights, which makes them draws of the posterior but for repetitions;
    where it is larger, as with many unknowns, weights say nothing and draws stay as they are.

    References
    ----------
    Vehtari et al. (2024), Pareto smoothed importance sampling, Journal of Machine Learning Research 25, 1-58.
    """
    program = write_program(system, data, scales, collapse=settings["collapse"])
    if not np.isfinite(program.log_density(program.start)[0]):
        raise SamplingError(
            "the density is no number at the prior medians, so that there is no mode to start from. Check the "
            "priors for extreme values (print(system))."
        )
    chains, draws = settings["chains"], settings["draws"]
    program, normal = adapted(program, len(data.geos))
    rng = np.random.default_rng(settings["seed"])
    standard = rng.standard_normal((chains * draws, len(normal.mean)))
    points = normal.points(standard)
    density = np.array([program.log_density(point)[0] for point in points])
    weights, pareto_k = _smoothed(density + 0.5 * (standard**2).sum(axis=1))
    if pareto_k <= PARETO_K_GOOD:
        chosen = rng.choice(len(points), len(points), p=weights)
        points, density = points[chosen], density[chosen]
    theta = np.array([program.constrained(point) for point in points]).reshape(chains, draws, -1)
    variables, first = {}, 0
    for block in program.blocks:
        size = len(block.labels) or 1
        values = theta[..., first : first + size] if block.dim else theta[..., first]
        variables[block.variable] = (("chain", "draw", *([block.dim] if block.dim else [])), values)
        first += size
    index = {"chain": np.arange(chains), "draw": np.arange(draws)}
    labels = {block.dim: list(block.labels) for block in program.blocks if block.dim}
    stats = {
        "diverging": (("chain", "draw"), np.zeros((chains, draws), dtype=bool)),
        "logp": (("chain", "draw"), density.reshape(chains, draws)),
        "pareto_k": ((), pareto_k),
    }
    groups = {"posterior": xr.Dataset(variables, index | labels), "sample_stats": xr.Dataset(stats, index)}
    return xr.DataTree.from_dict(groups)


def _smoothed(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Pareto smoothed weights that add up to one, and the shape k of the largest; draws of no density have none.

    Of too few draws k is infinite: nothing is known of it.
    """
    from arviz_stats.base import array_stats

    usable = np.isfinite(log_weights)
    if usable.sum() < _FEWEST:
        return np.full(len(log_weights), 1.0 / len(log_weights)), float("inf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a large k, which the fit says itself
        # ArviZ takes log densities of what is left out. Where a Normal is nearly right many weights are alike, and what
        # begins among them is no Pareto tail: a second one begins further out, with half as many draws.
        tails = [array_stats.psislw(-log_weights[usable], r_eff=each) for each in (1.0, 4.0)]
    smoothed, k = min(tails, key=lambda tail: float(tail[1]) if np.isfinite(tail[1]) else float("inf"))
    weights = np.zeros(len(log_weights))
    weights[usable] = np.exp(smoothed - smoothed.max())
    k = float(k)
    return weights / weights.sum(), k if np.isfinite(k) else float("inf")
