"""Is a sample uniform? Exact simultaneous bands for its empirical distribution function.

With n independent uniform numbers, N_k of them at or below the point z_k, every N_k is Binomial(n, z_k), and all of them
together are a path. A band holds one interval per point such that the *whole path* stays inside with a given
probability. As in Säilynoja, Bürkner and Vehtari (2022), all points get the same tail probability, and that is chosen so
that the band as a whole has the level asked for. The probability of a path is worked out exactly, not simulated: given
their total, the counts are those of a Poisson process, whose increments are independent.

References
----------
Säilynoja, Bürkner, Vehtari (2022), Graphical test for discrete uniformity and its applications in goodness-of-fit
evaluation and multiple sample comparison, Statistics and Computing 32, 32, doi:10.1007/s11222-022-10090-6.
Moscovich and Nadler (2017), Fast calculation of boundary crossing probabilities for Poisson processes, Statistics and
Probability Letters 123, 177-182, doi:10.1016/j.spl.2016.11.027.
"""

import functools

import numpy as np
from numpy.typing import ArrayLike

from bayesmmm.errors import SettingError
from bayesmmm.text import counted
from bayesmmm.validate import check_count, check_fraction, check_numbers

# Halvings of the interval in which the tail probability of a band is sought; enough to exhaust double precision.
_HALVINGS = 60
# Counts beyond this are beyond every sample, and as good as this one.
_MOST = 2**31


def path_probability(lower: ArrayLike, upper: ArrayLike, points: ArrayLike, *, n: int) -> float:
    """Probability that counts of uniform numbers stay within bounds at every point.

    ``P(lower_k <= N_k <= upper_k for all k)``, N_k the count at or below z_k among n independent uniform numbers.

    Parameters
    ----------
    lower, upper : (K,) sequences of int
        Bounds of the counts, included.
    points : (K,) sequence of float
        z_k, increasing, within 0 to 1, ends excluded.
    n : int
        How many numbers: the size of a sample.

    Raises
    ------
    SettingError
        For points out of order, an empty sample, and bounds that are not one whole number for each point.

    Examples
    --------
    >>> path_probability([0], [1], [0.5], n=2)  # not both in the lower half
    0.75
    """
    z = _checked_points(points, n)
    counts = np.arange(n + 1)
    lows = [*np.clip(_checked_counts(lower, "lower", z), 0, n), n]
    highs = [*np.clip(_checked_counts(upper, "upper", z), -1, n), n]
    path, at = np.ones(1), 0  # `at`: the smallest count that `path` stands for
    for step, low, high in zip(np.diff(z, prepend=0.0, append=1.0) * n, lows, highs, strict=True):
        if high < max(low, at):
            return 0.0
        grown = np.convolve(path, _poisson(counts[: high - at + 1], step))[: high - at + 1]
        low = max(low, at)
        path, at = grown[low - at :], low
    return float(min(path[0] / _poisson(np.array([n]), float(n))[0], 1.0))


def simultaneous_band(points: ArrayLike, *, n: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Narrowest band of equal tail probabilities that holds the whole path of counts with probability `level`.

    Parameters
    ----------
    points, n
        As in :func:`path_probability`.
    level : float in (0, 1)
        Least probability that a uniform sample stays inside at all points. Counts are whole numbers, so the probability
        that is reached may be a little higher.

    Returns
    -------
    lower, upper : (K,) int arrays
        Smallest and largest count inside the band, at every point.

    Raises
    ------
    SettingError
        As :func:`path_probability`, and for a level outside 0 to 1.

    Examples
    --------
    >>> lower, upper = simultaneous_band([0.25, 0.5, 0.75], n=20, level=0.9)
    >>> lower.tolist(), upper.tolist()
    ([2, 6, 11], [9, 14, 18])
    """
    z = _checked_points(points, n)
    check_fraction(level, "level", "as level=0.95")
    lower, upper = _band(tuple(z.tolist()), n, float(level))
    return lower.copy(), upper.copy()


def uniformity(counts: ArrayLike, points: ArrayLike, *, n: int) -> float:
    """p-value of a sample being uniform, by the most surprising point of its distribution function.

    The statistic is ``min_k 2 min(P(N_k <= count_k), P(N_k >= count_k))``, and the p-value the exact probability that a
    uniform sample of this size has one as small. It is at most ``1 - level`` exactly when the counts leave the
    simultaneous band of that level.

    Parameters
    ----------
    counts : (K,) sequence of int
        How many of the sample are at or below each point.
    points, n
        As in :func:`path_probability`.

    Raises
    ------
    SettingError
        As :func:`path_probability`, and for counts that no sample has.

    Examples
    --------
    >>> round(uniformity([10], [0.5], n=10), 6)  # all in the lower half, or all in the upper: 2 in 1024
    0.001953
    """
    z = _checked_points(points, n)
    observed = _checked_counts(counts, "counts", z)
    if (np.diff(observed, prepend=0, append=n) < 0).any():
        raise SettingError(
            f"counts are {observed.tolist()} for {len(z)} points and n={n}; give one count for each point, not falling, "
            f"from 0 to n"
        )
    tails = _tails(tuple(z.tolist()), n)
    worst = tails[np.arange(len(z)), observed].min()
    return max(1.0 - path_probability(*_inside(tails, worst), z, n=n), 0.0)


# ------------------------------------------------------------------------------------------------------ inner
def _checked_points(points: ArrayLike, n: int) -> np.ndarray:
    def rising(z: np.ndarray) -> np.ndarray:
        return np.diff(z, prepend=0.0, append=1.0) > 0

    allowed = "numbers that increase within 0 to 1, ends excluded"
    z = check_numbers(points, "points", allowed, "[0.25, 0.5, 0.75]", rising)
    check_count(n, "n", advice="the size of the sample")
    return z


def _checked_counts(counts: ArrayLike, name: str, points: np.ndarray) -> np.ndarray:
    def whole(x: np.ndarray) -> bool:
        return len(x) == len(points) and bool((x == np.rint(x)).all())

    allowed = f"whole numbers, one for each of the {counted(len(points), 'point')}"
    checked = check_numbers(counts, name, allowed, [1] * min(len(points), 3), whole)
    return np.clip(checked, -_MOST, _MOST).astype(int)


def _poisson(counts: np.ndarray, mean: float) -> np.ndarray:
    from scipy.special import gammaln, xlogy

    return np.exp(xlogy(counts, mean) - mean - gammaln(counts + 1.0))


@functools.lru_cache(maxsize=64)
def _tails(points: tuple[float, ...], n: int) -> np.ndarray:
    """Two-sided tail probability (K, n + 1) of every count at every point."""
    from scipy.special import bdtr, bdtrc

    z = np.array(points)[:, None]
    counts = np.arange(n + 1.0)
    at_most = bdtr(counts, n, z)
    at_least = np.where(counts > 0, bdtrc(np.maximum(counts - 1, 0), n, z), 1.0)
    return 2.0 * np.minimum(at_most, at_least)


def _inside(tails: np.ndarray, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest count of tail probability above `gamma`, at every point; 1, 0 where there is none."""
    kept = tails > gamma
    some, last = kept.any(axis=1), tails.shape[1] - 1
    return np.where(some, kept.argmax(axis=1), 1), np.where(some, last - kept[:, ::-1].argmax(axis=1), 0)


@functools.lru_cache(maxsize=64)
def _band(points: tuple[float, ...], n: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    tails = _tails(points, n)
    # By Bonferroni's inequality a share of the error for each point is wide enough.
    wide, narrow = (1.0 - level) / len(points), 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (wide + narrow)
        if path_probability(*_inside(tails, middle), points, n=n) >= level:
            wide = middle
        else:
            narrow = middle
    return _inside(tails, wide)
