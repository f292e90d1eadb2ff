"""Coordinates that a panel is sampled in: those of geos by how much each says, and all of them whitened."""

from dataclasses import dataclass, replace

import numpy as np

from bayesmmm.equations.panel import MIN_GEOS
from bayesmmm.inference.normal import Normal, approximated, mode_from, with_precision
from bayesmmm.inference.process import keep_freed_memory, one_blas_thread
from bayesmmm.inference.program import Program, deviations, spreads_at, with_centring
from bayesmmm.inference.response_modes import best_shapes, is_far_lower
from bayesmmm.kernels import program as at

#: Directions whose variance lies within this factor of one are left as they are; those furthest from it are whitened,
#: of a thousand unknowns no more than so many: each costs two passes over all unknowns with every gradient.
_BAND, _MOST = 2.0, 256
#: Step of finite differences, in coordinates of order one.
_STEP = 1e-6


@dataclass(frozen=True, eq=False)
class Whitening:
    """Linear coordinates x of unconstrained ones, ``u = centre + scale * (x + V' diag(factors) V x)``.

    Attributes
    ----------
    centre, scale : (D,) float arrays
    factors : (k,) float array
    vectors : (k, D) float array
        Orthonormal rows V.
    """

    centre: np.ndarray
    scale: np.ndarray
    factors: np.ndarray
    vectors: np.ndarray

    def inverse(self, u: np.ndarray) -> np.ndarray:
        """Coordinates x (D,) of unconstrained ones."""
        y = (u - self.centre) / self.scale
        return y + self.vectors.T @ ((1.0 / (1.0 + self.factors) - 1.0) * (self.vectors @ y))


def whitened(program: Program, normal: Normal) -> Program:
    """Return the program in coordinates in which a Normal is nearly standard: within a factor in any direction."""
    scale = np.sqrt(np.diag(normal.covariance))
    values, vectors = np.linalg.eigh(normal.covariance / np.outer(scale, scale))
    far = np.abs(np.log(values))
    chosen = far > max(np.log(_BAND), np.sort(far)[-_MOST - 1] if len(far) > _MOST else 0.0)
    new = Whitening(normal.mean, scale, np.sqrt(values[chosen]) - 1.0, np.ascontiguousarray(vectors.T[chosen]))
    tail = [[chosen.sum()], new.centre, new.scale, new.factors, new.vectors.ravel()]
    array = np.concatenate([program.array, *tail])
    array[at.COORDINATES], array[at.LENGTH] = len(program.array), len(array)
    return replace(program, array=array, whitening=new)


def recentred(program: Program, normal: Normal) -> tuple[Program, Normal]:
    """Return program and Normal with each geo's coordinate by what the data say of it.

    The power of the spread is ``w = 1 - 1 / h``, where h is the precision of the standardised deviation given all else:
    1, that of its prior, where the data say nothing. This is the rule of Gorinova, Moore and Hoffman (2020), Automatic
    reparameterisation of probabilistic programs, ICML. The share of the median stays as it is: it is a linear change of
    coordinates, which is whitened.
    """
    known = deviations(program)
    precision = ((normal.vectors * normal.values) * normal.vectors).sum(axis=1)
    z, tau, second, median = (np.array([d[k] for d in known], dtype=int) for k in range(4))
    w, b = (np.array([d[k] for d in known]) for k in (4, 5))
    sd = spreads_at(program.constrained(normal.mean), tau, second)
    new = np.maximum(0.0, 1.0 - 1.0 / (precision[z] * sd ** (2.0 * w)))

    def moved(u: np.ndarray) -> np.ndarray:
        theta, out = program.constrained(u), u.copy()
        shift = b * np.log(np.abs(theta[median]), where=b > 0.0, out=np.zeros(len(b)))
        out[z] = (u[z] - shift) * spreads_at(theta, tau, second) ** (new - w) + shift
        return out

    mean, steps = moved(normal.mean), _STEP * np.eye(len(normal.mean))
    into = np.array([moved(normal.mean + step) - mean for step in steps]).T / _STEP
    covariance = into @ normal.covariance @ into.T
    powers = dict(zip(z.tolist(), new.tolist(), strict=True))
    return with_centring(program, powers), with_precision(mean, np.linalg.inv(covariance))


@one_blas_thread()
def adapted(program: Program, geos: int) -> tuple[Program, Normal]:
    """Return the program in the coordinates that its posterior is nearest to Normal in, and that Normal.

    Of few geos the spread is hardly known whatever they say, and their coordinates stay as they are.
    """
    keep_freed_memory()
    normal = approximated(program)
    mode, another = best_shapes(program, normal.mean)
    if another:
        normal = approximated(program, below=mode)
    if geos < MIN_GEOS or not deviations(program):
        return program, normal
    program, normal = recentred(program, normal)
    return program, approximated(program, rounds=1, start=normal)


def starting_point(program: Program, seed: int) -> np.ndarray:
    """Coordinates (D,) that a chain starts from.

    Near the prior medians or, in whitened coordinates, at the mode uphill from there: what is far from the posterior by
    their measure is left slowly. Chains that start apart show whether there are several modes. Where that mode is far
    less probable than the one that the coordinates were made for, the chain would not find out of it: it starts from a
    draw of the Normal there.
    """
    rng = np.random.default_rng(seed)
    u = program.start + rng.uniform(-1.0, 1.0, len(program.start))
    if program.whitening is None:
        return u
    array = program.array.copy()
    array[at.COORDINATES] = 0.0
    plain = replace(program, array=array, whitening=None)
    mode = mode_from(plain, u)
    if is_far_lower(plain, mode, program.whitening.centre):
        return rng.standard_normal(len(u))
    return program.whitening.inverse(mode)
