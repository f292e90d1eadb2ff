"""A Normal distribution near the posterior: what a panel is whitened by before it is sampled, and what previews draw.

It begins at the mode, as Laplace's approximation, and is then moved to where it agrees with the posterior on average.
Of a few geos the mode alone may lie far off: the spread of geos pulls it to zero, or away from it.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from bayesmmm.inference.program import Program, deviations, spreads_at
from bayesmmm.processes import processors

#: Pairs of points that averages are taken over, and how many of these the curvature is.
_PAIRS, _CURVED = 16, 2
#: Least precision in any direction, in coordinates in which that of a prior is about one.
_LEAST = 0.2
#: Step of finite differences, where coordinates are of order one and the gradient is exact.
_STEP = 1e-5
#: Steps of L-BFGS to a mode, and to a mean: as a place for coordinates either need not be exact.
_TO_MODE, _TO_MEAN = 4000, 40
#: Numbers that a program has from which on its density takes long enough to be worked out in threads.
_LARGE = 50_000


@dataclass(frozen=True, eq=False)
class Normal:
    """A Normal distribution by the eigenvectors of its precision.

    Attributes
    ----------
    mean : (D,) float array
    values : (D,) float array
        Eigenvalues of the precision, above zero.
    vectors : (D, D) float array
        Its eigenvectors, in columns.
    """

    mean: np.ndarray
    values: np.ndarray
    vectors: np.ndarray

    @cached_property
    def root(self) -> np.ndarray:
        """Symmetric root (D, D) of the covariance."""
        return (self.vectors * self.values**-0.5) @ self.vectors.T

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance (D, D)."""
        return (self.vectors / self.values) @ self.vectors.T

    def points(self, standard: np.ndarray) -> np.ndarray:
        """Points (S, D) at standard Normal numbers (S, D)."""
        return self.mean + standard @ self.root

    @property
    def entropy(self) -> float:
        """Entropy less that of the standard Normal."""
        return -0.5 * float(np.log(self.values).sum())


def with_precision(mean: np.ndarray, precision: np.ndarray) -> Normal:
    """Normal with a precision (D, D); where the curvature is not positive, its size is taken."""
    values, vectors = np.linalg.eigh(precision)
    return Normal(mean, np.maximum(np.abs(values), _LEAST), vectors)


def approximated(
    program: Program, *, rounds: int = 2, start: Normal | None = None, below: np.ndarray | None = None
) -> Normal:
    """Normal distribution near the posterior, in the coordinates of a program.

    From the mode of the density of standardised deviations, whose curvature is the first precision. Then in turn: the
    mean goes to where the average gradient over the Normal is zero, and the precision to the average curvature there,
    which are the equations of the nearest Normal in the sense of Kullback and Leibler.

    Parameters
    ----------
    program : Program
    rounds : int
        How often mean and precision are moved; fewer where a round makes it worse.
    start : Normal, optional
        Where to begin in place of the mode.
    below : (D,) float array, optional
        Point that the mode is looked for uphill from; by default the prior medians.

    Returns
    -------
    Normal

    References
    ----------
    Opper and Archambeau (2009), The variational Gaussian approximation revisited, Neural Computation 21, 786-792,
    doi:10.1162/neco.2008.08-07-592.
    """
    if start is None:
        mode = mode_from(program, program.start if below is None else below)
        start = with_precision(mode, _curvature(program, mode))
    half = np.random.default_rng(0).standard_normal((_PAIRS, len(start.mean)))
    standard = np.concatenate([half, -half])
    best = _bound(program, start, standard)
    for _ in range(rounds):
        moved = replace(start, mean=_mean(program, start, standard))
        near = moved.points(np.concatenate([half[:_CURVED], -half[:_CURVED]]))
        moved = with_precision(moved.mean, np.mean([_curvature(program, point) for point in near], axis=0))
        bound = _bound(program, moved, standard)
        if not bound > best:
            break
        start, best = moved, bound
    return start


def finite_density(program: Program, point: np.ndarray) -> tuple[float, np.ndarray]:
    """Log density and gradient; very low, and no slope, where it is no number."""
    value, gradient = program.log_density(point)
    if np.isfinite(value) and np.isfinite(gradient).all():
        return value, gradient
    return -1e300, np.zeros_like(point)


def in_threads(function: Callable, items: Iterable) -> list:
    """Apply a function to items, in threads: what densities take most of runs free of the lock."""
    with ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(function, items))


def finite_densities(program: Program, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`finite_density` at points (S, D): log densities (S,) and gradients (S, D)."""
    at = partial(finite_density, program)
    # What is begun for a small program has ended before another thread is awake.
    each = in_threads(at, points) if len(program.array) >= _LARGE else [at(point) for point in points]
    values, gradients = zip(*each, strict=True)
    return np.array(values), np.array(gradients)


def mode_from(program: Program, start: np.ndarray) -> np.ndarray:
    """Mode (D,) of the density of standardised deviations, uphill from a point, in unconstrained coordinates.

    That of ``z tau ** w``, which samplers move in, grows without bound as tau falls.
    """
    known = deviations(program)
    powers = np.array([each.w for each in known])
    own, second = (
        np.array([getattr(each, name) for each in known], dtype=int) for name in ("at_tau", "at_second")
    )
    both = second >= 0
    ahead = np.zeros(len(start))
    ahead[own] = ahead[second[both]] = _STEP

    def loss(u: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = finite_density(program, u)
        theta, further = program.constrained(u), program.constrained(u + ahead)
        sd = spreads_at(theta, own, second)
        tilt = np.zeros(len(u))
        for at, some in ((own, slice(None)), (second[both], both)):
            slope = (np.log(further[at]) - np.log(theta[at])) / _STEP
            np.add.at(tilt, at, powers[some] * (theta[at] / sd[some]) ** 2 * slope)
        return -(value + float(powers @ np.log(sd))), -(gradient + tilt)

    return lowest(loss, start, _TO_MODE)


def _mean(program: Program, normal: Normal, standard: np.ndarray) -> np.ndarray:
    """Mean (D,) at which the average log density over a Normal of this precision is greatest."""
    apart = normal.points(standard) - normal.mean

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        mean = normal.mean + normal.root @ x
        values, gradients = finite_densities(program, mean + apart)
        return -float(np.mean(values)), -normal.root @ np.mean(gradients, axis=0)

    return normal.mean + normal.root @ lowest(loss, np.zeros(len(normal.mean)), _TO_MEAN)


def _bound(program: Program, normal: Normal, standard: np.ndarray) -> float:
    """Lower bound of the log evidence, up to a constant: average log density, and entropy."""
    return float(np.mean(finite_densities(program, normal.points(standard))[0])) + normal.entropy


def _curvature(program: Program, point: np.ndarray) -> np.ndarray:
    """Negative second derivatives (D, D) of the log density, by differences of its gradient."""
    moved = finite_densities(program, point + _STEP * np.eye(len(point)))[1]
    rows = (finite_density(program, point)[1] - moved) / _STEP
    return 0.5 * (rows + rows.T)


def lowest(loss: Callable, start: np.ndarray, steps: int) -> np.ndarray:
    """Point (D,) at which a loss, that comes with its gradient, is lowest, by at most so many steps of L-BFGS."""
    from scipy.optimize import minimize

    options = {"maxcor": 20, "maxiter": steps, "maxfun": 4 * steps, "ftol": 1e-10}
    return minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
