"""What knowing a return is worth: closed forms, a linear programme, and what no test can change."""

import numpy as np
import pytest
from scipy.optimize import linprog

from bayesmmm.optimize.knowing import best_moves, worth_of_knowing

RNG = np.random.default_rng(7)


def test_moves_are_those_of_a_linear_programme():
    returns = RNG.normal(size=(20, 5))
    down, up = RNG.uniform(0.0, 2.0, 5), RNG.uniform(0.0, 2.0, 5)
    for own, moves in zip(returns, best_moves(returns, down, up), strict=True):
        best = linprog(-own, A_eq=np.ones((1, 5)), b_eq=[0.0], bounds=list(zip(-down, up, strict=True)))
        assert own @ moves == pytest.approx(-best.fun, abs=1e-9)
        assert moves.sum() == pytest.approx(0.0, abs=1e-12)
        assert ((-down - 1e-12 <= moves) & (moves <= up + 1e-12)).all()


def test_of_two_channels_the_one_that_is_known_already_is_worth_nothing():
    """One return is b for sure, the other m: to know m is worth r (E|m - b| - |E m - b|)."""
    unsure, sure, room = RNG.normal(1.2, 0.8, 5000), 1.0, 3.0
    known = worth_of_knowing(np.stack([unsure, np.full(5000, sure)], axis=1), np.full(2, room), np.full(2, room))
    worth = room * (np.abs(unsure - sure).mean() - abs(unsure.mean() - sure))
    np.testing.assert_allclose(known.each, [worth, 0.0], atol=1e-9)
    assert known.every == pytest.approx(worth)
    np.testing.assert_allclose(known.turned, (unsure < sure).mean())


def test_a_return_that_tells_of_another_one_is_worth_as_much():
    first = RNG.normal(size=4000)
    returns = np.stack([first, 1.0 - first, np.full(4000, 0.2)], axis=1)
    known = worth_of_knowing(returns, np.ones(3), np.ones(3))
    np.testing.assert_allclose(known.each[:2], known.every)
    assert known.each[2] == 0.0


def test_nothing_is_worth_knowing_where_no_draw_would_move_money_otherwise():
    returns = RNG.uniform(0.0, 0.1, (500, 3)) + np.array([1.0, 2.0, 3.0])
    known = worth_of_knowing(returns, np.ones(3), np.ones(3))
    np.testing.assert_allclose([known.every, *known.each, *known.turned], 0.0, atol=1e-12)
