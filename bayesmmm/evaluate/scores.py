"""Scores of predictions: arrays in, numbers out.

Time is the last axis; draws are the first axis of an array that has them. Nothing is skipped: a missing value is an
error, since a score over the rest would be one of other periods.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from bayesmmm.errors import MissingValueError, SettingError


def rmse(observed: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """Root mean squared error, ``sqrt(mean (y - p)^2)``, in units of the series.

    Parameters
    ----------
    observed, predicted : (..., T) arrays

    Returns
    -------
    (...) array

    Raises
    ------
    MissingValueError, SettingError
        For values that are not finite, and shapes that differ.

    Examples
    --------
    >>> float(rmse([1.0, 2.0, 3.0], [1.0, 2.0, 6.0]))
    1.7320508
    """
    y, p = _pair(observed, predicted)
    return np.sqrt(np.mean((y - p) ** 2, axis=-1))


def mae(observed: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """Mean absolute error, ``mean |y - p|``, in units of the series; otherwise as in :func:`rmse`.

    Examples
    --------
    >>> float(mae([1.0, 2.0, 3.0], [1.0, 2.0, 6.0]))
    1.0
    """
    y, p = _pair(observed, predicted)
    return np.mean(np.abs(y - p), axis=-1)


def mape(observed: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """Mean absolute error as a share of what was observed, ``mean |y - p| / |y|``: 0.1 is 10 %.

    As in :func:`rmse`; a SettingError, too, where something observed is zero.

    Examples
    --------
    >>> float(mape([10.0, 20.0], [9.0, 22.0]))
    0.1
    """
    y, p = _pair(observed, predicted)
    zeros = int((y == 0.0).sum())
    if zeros:
        raise SettingError(f"mape divides by what was observed, and {zeros} of {y.size} values are 0; use mae")
    return np.mean(np.abs((y - p) / y), axis=-1)


def r2(observed: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """Share of variation that is predicted, ``1 - sum (y - p)^2 / sum (y - mean y)^2``.

    As in :func:`rmse`; a SettingError, too, where nothing varies. Below zero the mean would have been the better
    prediction; out of sample nobody knew it.

    Examples
    --------
    >>> float(r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0]))
    0.5
    """
    y, p = _pair(observed, predicted)
    total = np.sum((y - np.mean(y, axis=-1, keepdims=True)) ** 2, axis=-1)
    if (total == 0.0).any():
        raise SettingError(
            f"all {y.shape[-1]} observed values are equal, so r2 has nothing left to explain; use rmse"
        )
    return 1.0 - np.sum((y - p) ** 2, axis=-1) / total


def crps(observed: ArrayLike, draws: ArrayLike) -> np.ndarray:
    """Continuous ranked probability score of each value, in units of the series: lower is better.

    ``E|x - y| - E|x - x'| / 2`` for independent x, x' from the prediction. The second mean is over all pairs of
    *different* draws, which makes the score unbiased for any number of draws ("fair"): a prediction is not rewarded for
    having many. For a single number it would be the absolute error.

    Parameters
    ----------
    observed : (..., T) array
    draws : (S, ..., T) array
        At least two draws of new observations, noise included.

    Returns
    -------
    (..., T) array

    Raises
    ------
    MissingValueError, SettingError
        As :func:`rmse`, and for fewer than two draws.

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437. Ferro (2014), doi:10.1002/qj.2270, for the pairs.

    Examples
    --------
    >>> crps([0.0], [[-1.0], [1.0]])  # 1 - (|-1 - 1| / 2)
    array([0.])
    """
    y, x = _finite(observed, "observed"), _finite(draws, "draws")
    count = len(x)
    if x.shape[1:] != y.shape or y.ndim == 0 or y.shape[-1] == 0 or count < 2:
        raise SettingError(
            f"draws has shape {x.shape} and observed {y.shape}; draws must be (S, {', '.join(map(str, y.shape))}) with "
            f"S of at least 2"
        )
    rank = np.arange(1, count + 1).reshape(-1, *[1] * y.ndim)
    # In order of size, the sum of |x_i - x_j| over pairs is sum (2 i - S - 1) x_(i): no S x S table is needed.
    pairs = np.sum((2 * rank - count - 1) * np.sort(x, axis=0), axis=0)
    return np.mean(np.abs(x - y), axis=0) - pairs / (count * (count - 1))


def elpd(log_density: ArrayLike) -> np.ndarray:
    """Log predictive density of each value: the logarithm of its mean density over draws; higher is better.

    ``log (1 / S) sum_s p(y_t | draw s)``, computed in logs; the sum over t is the expected log predictive density.

    Parameters
    ----------
    log_density : (S, ..., T) array
        Log density of what was observed, per draw. Minus infinity is a density of zero.

    Returns
    -------
    (..., T) array

    Raises
    ------
    MissingValueError, SettingError
        For NaN or plus infinity, and for an array without an axis of draws.

    References
    ----------
    Vehtari, Gelman and Gabry (2017), doi:10.1007/s11222-016-9696-4.

    Examples
    --------
    >>> import numpy as np
    >>> elpd(np.log([[0.2], [0.4]])).round(4), np.log(0.3).round(4)
    (array([-1.204]), np.float64(-1.204))
    """
    values = np.asarray(log_density, dtype=float)
    if values.ndim < 2 or not len(values):
        raise SettingError(f"log_density has shape {values.shape} and must be (draws, ..., T), at least one draw")
    if np.isnan(values).any() or (values == np.inf).any():
        raise MissingValueError("log_density holds NaN or plus infinity; give the log density of every value")
    return special.logsumexp(values, axis=0) - np.log(len(values))


def _finite(values: ArrayLike, what: str) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    bad = int(np.size(array) - np.isfinite(array).sum())
    if bad:
        raise MissingValueError(
            f"{what} has {bad} of {array.size} values that are missing or infinite; score only periods that are known"
        )
    return array


def _pair(observed: ArrayLike, predicted: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    y, p = _finite(observed, "observed"), _finite(predicted, "predicted")
    if y.shape != p.shape or y.ndim == 0 or y.shape[-1] == 0:
        raise SettingError(
            f"observed has shape {y.shape} and predicted {p.shape}; they must be alike, with at least one value"
        )
    return y, p
