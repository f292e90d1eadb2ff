"""What it would be worth to know the return of a channel before money is moved."""

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
    now = best_moves(mean[None], down, up)[0]
    gained, own = float(mean @ now), best_moves(returns, down, up)
    away = returns - mean
    each = np.zeros(len(mean))
    for c in range(len(mean)):
        spread = float(away[:, c] @ away[:, c])
        if spread == 0.0:
            continue
        expected = mean + np.outer(away[:, c], away[:, c] @ away / spread)
        each[c] = (expected * best_moves(expected, down, up)).sum(axis=1).mean() - gained
    every = float((returns * own).sum(axis=1).mean() - gained)
    return Knowing(np.maximum(each, 0.0), max(every, 0.0), (own * now < 0.0).mean(axis=0))
