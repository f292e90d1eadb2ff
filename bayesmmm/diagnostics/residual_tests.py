"""Tests of residuals at posterior draws: arrays in, p-values and sizes out.

Under a right model the residuals at one posterior draw, ``z_t = (y_t - mu_t) / sigma`` brought to the standard Normal
scale, are independent standard Normal, exactly: a draw of the parameters given the data has the same joint
distribution with the data as the parameters that made them (Johnson, 2007, doi:10.1214/07-BA229). So every classical
test applies to each draw as it stands, with nothing to correct for the parameters that were estimated. The p-values
of several draws are combined by twice their median, which is valid however they depend on each other.

Tests of dependence use Normal scores of the ranks, so that heavy tails raise the alarm of their own test only.
"""

import numpy as np
from scipy import special


def combined(p: np.ndarray) -> float:
    """Twice the median over draws, at most 1: a p-value however the p-values (S,) depend on each other.

    Examples
    --------
    >>> import numpy as np
    >>> combined(np.array([0.01, 0.02, 0.5]))
    0.04
    """
    return float(min(1.0, 2.0 * np.median(p)))


def smallest(p: np.ndarray) -> np.ndarray:
    """P-value (S,) of the smallest of independent p-values (S, m), ``1 - (1 - min p)^m``."""
    return -np.expm1(p.shape[-1] * np.log1p(-np.minimum(p.min(axis=-1), 1.0 - 1e-16)))


def scores(z: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks along time, with mean 0 and mean square 1."""
    count = z.shape[-1]
    rank = np.argsort(np.argsort(z, axis=-1), axis=-1)
    out = special.ndtri((rank + 0.5) / count)
    return out / np.sqrt((out**2).mean(axis=-1, keepdims=True))


def autocorrelations(z: np.ndarray, lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Autocorrelations (S, lag) of residuals (S, T) and their two-sided p-values (S, lag).

    Under independence r_k has mean ``-(T - k) / (T (T - 1))`` and variance close to ``(T - k) / (T (T + 2))``.
    """
    e, count = scores(z), z.shape[-1]
    r = np.stack([(e[:, k:] * e[:, :-k]).sum(axis=-1) / count for k in lags], axis=-1)
    left = count - np.asarray(lags)
    center, sd = -left / (count * (count - 1.0)), np.sqrt(left / (count * (count + 2.0)))
    return r, 2.0 * special.ndtr(-np.abs(r - center) / sd)


def correlations(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlations (S, m) of residuals (S, T) with m series x, (m, T) or (S, m, T), and their p-values (S, m).

    The series are fixed, or independent of the residuals, so that the t distribution of r holds exactly. A series that
    is constant has correlation 0 and p-value 1.
    """
    e, count = scores(z), z.shape[-1]
    x = x - x.mean(axis=-1, keepdims=True)
    size = np.sqrt((x**2).sum(axis=-1, keepdims=True))
    x = np.divide(x, size, out=np.zeros_like(x), where=size > 1e-12 * (1.0 + np.abs(x).max()))
    r = (x @ e[..., None])[..., 0] / np.sqrt(count) if x.ndim == 3 else e @ x.T / np.sqrt(count)
    t = r * np.sqrt((count - 2.0) / np.maximum(1.0 - r**2, 1e-12))
    return r, 2.0 * special.stdtr(count - 2.0, -np.abs(t))


def spread(z: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Does the size of residuals (S, T) change with `by` (S, T) or (T,)? Ratio of sds, and p-values, both (S,).

    The test is Spearman's rank correlation of their sizes and `by`; the ratio is that of the sd in the upper third
    of `by` to that in the lower third.
    """
    count = z.shape[-1]
    order = np.argsort(np.broadcast_to(by, z.shape), axis=-1)
    z = np.take_along_axis(z, order, axis=-1)
    rank = np.argsort(np.argsort(np.abs(z), axis=-1), axis=-1)
    at = np.arange(count) - (count - 1) / 2.0
    r = (rank - (count - 1) / 2.0) @ at / (at @ at)
    third = count // 3
    ratio = np.sqrt((z[:, -third:] ** 2).mean(axis=-1) / (z[:, :third] ** 2).mean(axis=-1))
    return ratio, 2.0 * special.ndtr(-np.abs(r) * np.sqrt(count - 1.0))


def shape(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Skewness and excess kurtosis of residuals (S, T), and p-values, all (S,).

    The p-value is that of the smaller of two: D'Agostino (1970), doi:10.1093/biomet/57.3.679, for skewness, Anscombe
    and Glynn (1983), doi:10.1093/biomet/70.1.227, for kurtosis.
    """
    from scipy import stats

    p = np.stack([stats.skewtest(z, axis=-1).pvalue, stats.kurtosistest(z, axis=-1).pvalue], axis=-1)
    return stats.skew(z, axis=-1), stats.kurtosis(z, axis=-1), smallest(p)


def largest(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Size of the largest residual of (S, T), and the p-value of one so large among T standard Normals, both (S,)."""
    top = np.abs(z).max(axis=-1)
    return top, -np.expm1(z.shape[-1] * np.log1p(-2.0 * special.ndtr(-top)))


def drift(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (S, 3) of residuals (S, T) over thirds of the sample, less the mean, and p-values (S,).

    ``sum_k n_k m_k^2`` of the means so centred is chi-square with two degrees of freedom.
    """
    parts = np.array_split(z - z.mean(axis=-1, keepdims=True), 3, axis=-1)
    means = np.stack([part.mean(axis=-1) for part in parts], axis=-1)
    size = np.array([part.shape[-1] for part in parts])
    return means, np.exp(-0.5 * (size * means**2).sum(axis=-1))
