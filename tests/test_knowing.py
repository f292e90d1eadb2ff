"""What knowing a return is worth: closed forms, a linear programme, and what no test can change."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import norm

from bayesmmm.optimize.knowing import (
    best_moves,
    error_for_width,
    width_ratio,
    worth_of_knowing,
    worth_of_measuring,
)

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


# ------------------------------------------------------------------------------------------------- with an error
#: Quantiles of a standard Normal, in place of draws, so that closed forms hold without noise.
GRID = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
GRID = GRID / GRID.std()
MEAN, SD, SURE, ROOM = 1.2, 0.8, 1.0, 3.0


def unsure():
    """Draws of a Normal return, and of another one that is known."""
    return np.stack([MEAN + SD * GRID, np.full(len(GRID), SURE)], axis=1), np.full(2, ROOM)


def unit_loss(shift, spread):
    """Mean of |x| for x ~ N(shift, spread^2)."""
    return 2.0 * (spread * norm.pdf(shift / spread) + shift * (norm.cdf(shift / spread) - 0.5))


@pytest.mark.parametrize("error", [0.0, 0.5, 4.0, 40.0])
def test_a_test_is_worth_the_loss_that_a_normal_update_saves(error):
    """The mean after a test of e = 5 m is N(MEAN, SD^2 k), k = (5 SD)^2 / ((5 SD)^2 + error^2)."""
    returns, room = unsure()
    kept = 5.0 * SD / np.hypot(5.0 * SD, error)
    worth = ROOM * (unit_loss(MEAN - SURE, SD * kept) - abs(MEAN - SURE))
    assert worth_of_measuring(returns, 5.0 * returns[:, 0], error, room, room) == pytest.approx(worth, abs=2e-4)


def test_without_an_error_a_test_of_the_return_is_worth_as_much_as_to_know_it():
    returns = RNG.normal(size=(2000, 3)) @ RNG.normal(size=(3, 3)) + [1.0, 1.1, 0.9]
    room = np.array([1.0, 2.0, 0.5])
    known = worth_of_knowing(returns, room, room)
    each = [worth_of_measuring(returns, -7.0 * returns[:, c], 0.0, room, room) for c in range(3)]
    np.testing.assert_allclose(each, known.each, rtol=1e-10)


def test_worth_falls_as_the_error_grows():
    returns, room = unsure()
    worths = [
        worth_of_measuring(returns, 5.0 * returns[:, 0], s, room, room) for s in np.geomspace(0.1, 100.0, 12)
    ]
    assert (np.diff(worths) < 0.0).all()


def test_an_effect_that_tells_nothing_of_any_return_is_worth_nothing():
    returns, room = unsure()
    even = np.where(np.arange(len(GRID)) % 2, 1.0, -1.0)  # as good as independent of an ordered return
    assert worth_of_measuring(returns, even, 0.0, room, room) < 1e-3
    assert worth_of_measuring(returns, np.ones(len(GRID)), 0.0, room, room) == 0.0


@pytest.mark.parametrize("error", [0.3, 2.0, 10.0])
def test_intervals_narrow_as_weighted_draws_do(error):
    """The closed form, beside draws weighted by the likelihood of a finding: in a Normal world one for all findings."""
    effect = 5.0 * unsure()[0][:, 0]
    weights = norm.pdf(effect.mean() + 1.0, effect, error)
    weights /= weights.sum()
    spread = np.sqrt(weights @ effect**2 - (weights @ effect) ** 2)
    assert width_ratio(effect, error) == pytest.approx(spread / effect.std(), rel=1e-3)
    assert width_ratio(effect, error) == pytest.approx(error / np.hypot(5.0 * SD, error), rel=1e-6)
    assert error_for_width(effect, width_ratio(effect, error)) == pytest.approx(error)


def test_an_effect_that_is_known_already_is_not_narrowed():
    assert width_ratio(np.full(10, 3.0), 0.5) == 1.0
