"""What it would be worth to know the return of a channel, or to measure it, before money is moved."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Knowing:
    """Worth of knowing returns, to first order in the money that is moved.

    Attributes
    ----------
    each : numpy.ndarray
        (C,), expected gain from knowing the return of one channel, in units of the outcome.
    every : float
        From knowing all of them.
    turned : numpy.ndarray
        (C,), share of draws whose own best move of the channel goes the other way than that of the mean returns.
    """

    each: np.ndarray
    every: float
    turned: np.ndarray


def best_moves(returns: np.ndarray, down: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return the moves of money (S, C) that gain most at returns (S, C) and add up to nothing.

    A channel moves by ``-down`` to ``up`` (C,). All that can be taken away is taken, and goes to the channels with the
    highest returns first: the exact solution of a linear programme with one equation.

    Examples
    --------
    >>> best_moves(np.array([[1.0, 3.0, 2.0]]), np.full(3, 10.0), np.full(3, 10.0))
    array([[-10.,  10.,   0.]])
    """
    order = np.argsort(-returns, axis=1, kind="stable")
    room = (down + up)[order]
    before = np.cumsum(room, axis=1) - room
    filled = np.clip(down.sum() - before, 0.0, room)
    moves = np.empty_like(returns, dtype=float)
    np.put_along_axis(moves, order, filled, axis=1)
    return moves - down


def worth_of_knowing(returns: np.ndarray, down: np.ndarray, up: np.ndarray) -> Knowing:
    """Work out what knowing returns would add to a plan, from draws of marginal returns.

    With m the marginal returns and d the moves, the plan of today gains V = max_d E[m]·d. If m_c were known beforehand,
    the plan would gain E[max_d E[m | m_c]·d] on average; the difference to V is the expected value of partial perfect
    information. E[m | m_c] is taken as linear in m_c, and returns as constant over the moves: both keep it to first
    order, so that it ranks channels and says a size, not more.

    Parameters
    ----------
    returns : numpy.ndarray
        (S, C), outcome of one more unit of money.
    down, up : numpy.ndarray
        (C,), by how much money a channel may move, at least 0.

    Returns
    -------
    Knowing

    References
    ----------
    Strong, Oakley and Brennan (2014), Estimating multiparameter partial expected value of perfect information from a
    probabilistic sensitivity analysis sample, doi:10.1177/0272989X13505910.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> returns = np.stack([rng.normal(2.0, 1.0, 1000), np.full(1000, 2.1)], axis=1)
    >>> known = worth_of_knowing(returns, np.ones(2), np.ones(2))
    >>> bool(known.each[0] > 10.0 * known.each[1])
    True
    """
    mean = returns.mean(axis=0)
    now, own = best_moves(mean[None], down, up)[0], best_moves(returns, down, up)
    each = np.array([worth_of_measuring(returns, column, 0.0, down, up) for column in returns.T])
    every = float((returns * own).sum(axis=1).mean() - mean @ now)
    return Knowing(each, max(every, 0.0), (own * now < 0.0).mean(axis=0))


def worth_of_measuring(
    returns: np.ndarray, effect: np.ndarray, error: float, down: np.ndarray, up: np.ndarray
) -> float:
    """Work out what a measured effect would add to a plan, from draws of marginal returns and of that effect.

    With e the effect and x = e + N(0, error²) what a test finds of it, E[m | x] = E[m] + cov(m, e) / (var(e) + error²)
    (x - E[e]), where all are Normal. So the mean that a plan will act on spreads as e does, less by the factor
    sqrt(var(e) / (var(e) + error²)), and its worth is that of `worth_of_knowing`: the expected value of sample
    information. It falls as the error grows, from that of knowing e itself to nothing.

    Parameters
    ----------
    returns : numpy.ndarray
        (S, C), outcome of one more unit of money.
    effect : numpy.ndarray
        (S,), what is measured, in the same draws.
    error : float
        Standard error of the measurement, in the unit of the effect.
    down, up : numpy.ndarray
        (C,), by how much money a channel may move, at least 0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> returns = np.stack([rng.normal(2.0, 1.0, 4000), np.full(4000, 2.0)], axis=1)
    >>> worth = [worth_of_measuring(returns, 3.0 * returns[:, 0], s, np.ones(2), np.ones(2)) for s in (0.0, 3.0, 1e9)]
    >>> [round(float(value / worth[0]), 2) for value in worth]
    [1.0, 0.7, 0.0]
    """
    mean, away = returns.mean(axis=0), effect - effect.mean()
    spread = float(away @ away) / len(away)
    if spread == 0.0:
        return 0.0
    told = (away @ (returns - mean)) / len(away) / np.sqrt(spread * (spread + error**2))
    expected = mean + np.outer(away, told)
    now = best_moves(mean[None], down, up)[0]
    return max(float((expected * best_moves(expected, down, up)).sum(axis=1).mean() - mean @ now), 0.0)


def width_ratio(effect: np.ndarray, error: float) -> float:
    """Return what is left of the width of the interval of an effect once it is measured with a standard error.

    The Normal update of draws of the effect (S,): error / sqrt(sd² + error²).

    Examples
    --------
    >>> effect = np.random.default_rng(0).normal(2.0, 0.5, 1000)
    >>> round(width_ratio(effect, effect.std()), 4)  # as sure as before: 1 / sqrt(2)
    0.7071
    """
    spread = float(effect.std())
    return float(error / np.hypot(spread, error)) if spread > 0.0 else 1.0


def error_for_width(effect: np.ndarray, ratio: float) -> float:
    """Return the standard error of a measurement that leaves so much of the width of an interval, as `width_ratio`.

    Examples
    --------
    >>> effect = np.random.default_rng(0).normal(2.0, 0.5, 1000)
    >>> round(width_ratio(effect, error_for_width(effect, 0.3)), 4)
    0.3
    """
    return float(effect.std() * ratio / np.sqrt(1.0 - ratio**2))
