"""Exact bands for the distribution function of a uniform sample: enumeration, simulation, another package."""

import itertools
from math import factorial

import numpy as np
import pytest
from scipy import stats

from bayesmmm.errors import SettingError
from bayesmmm.evaluate import path_probability, simultaneous_band, uniformity

POINTS = np.arange(1, 20) / 20


def counts_of(sample, points):
    return (sample[..., None] <= np.asarray(points)).sum(axis=-2)


def enumerated(lower, upper, points, n):
    """Sum the multinomial probabilities of all paths within bounds, cell by cell."""
    cells = np.diff(points, prepend=0.0, append=1.0)
    total = 0.0
    for inside in itertools.product(range(n + 1), repeat=len(points)):
        if sum(inside) > n:
            continue
        path = np.cumsum(inside)
        if all(a <= c <= b for a, c, b in zip(lower, path, upper, strict=True)):
            parts = [*inside, n - sum(inside)]
            ways = factorial(n) / np.prod([factorial(k) for k in parts])
            total += ways * np.prod(cells ** np.array(parts))
    return total


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ([0, 1, 3], [2, 4, 6]),
        ([1, 1, 4], [3, 5, 6]),
        ([0, 0, 0], [6, 6, 6]),
        ([2, 2, 2], [1, 6, 6]),
        ([-3, 0, 5], [0, 9, 9]),
    ],
)
def test_path_probability_is_that_of_all_paths_counted_one_by_one(lower, upper):
    points = np.array([0.2, 0.35, 0.8])
    exact = enumerated(lower, upper, points, 6)
    assert path_probability(lower, upper, points, n=6) == pytest.approx(exact, abs=1e-13)


def test_one_point_is_a_binomial():
    lower, upper = simultaneous_band([0.3], n=40, level=0.9)
    inside = stats.binom(40, 0.3)
    reached = inside.cdf(upper[0]) - inside.cdf(lower[0] - 1)
    assert path_probability(lower, upper, [0.3], n=40) == pytest.approx(reached, abs=1e-12)
    assert reached >= 0.9
    assert inside.cdf(upper[0] - 1) - inside.cdf(lower[0]) < 0.9  # one count less on either side is too narrow


@pytest.mark.parametrize(("n", "level"), [(30, 0.95), (200, 0.95), (100, 1 - 0.05 / 30)])
def test_a_uniform_sample_stays_inside_as_often_as_promised(n, level):
    lower, upper = simultaneous_band(POINTS, n=n, level=level)
    exact = path_probability(lower, upper, POINTS, n=n)
    assert level <= exact < level + 0.02
    trials = 10_000
    counts = counts_of(np.random.default_rng(n).random((trials, n)), POINTS)
    share = ((lower <= counts) & (counts <= upper)).all(axis=1).mean()
    assert abs(share - exact) < 4 * np.sqrt(exact * (1 - exact) / trials)


def test_the_simulated_band_of_arviz_is_the_same_to_one_count():
    from arviz_stats import ecdf_utils

    n, level = 100, 0.9
    points = np.arange(1, n) / n
    gamma = ecdf_utils.simulate_confidence_bands(n, 1, points, level, 1000, np.random.default_rng(0))
    theirs = ecdf_utils.get_pointwise_confidence_band(gamma, n, points)
    ours = simultaneous_band(points, n=n, level=level)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.abs(mine - np.round(n * other)).max() <= 1


def test_leaving_the_band_is_a_small_p_value_and_nothing_else_is():
    n, level = 60, 0.9
    lower, upper = simultaneous_band(POINTS, n=n, level=level)
    rng = np.random.default_rng(3)
    samples = np.concatenate([rng.random((300, n)), rng.beta(1.3, 1.0, (100, n)), rng.beta(1.4, 1.4, (100, n))])
    counts = counts_of(samples, POINTS)
    inside = ((lower <= counts) & (counts <= upper)).all(axis=1)
    p_values = np.array([uniformity(c, POINTS, n=n) for c in counts])
    assert 50 < (~inside).sum() < 300
    np.testing.assert_array_equal(p_values <= 1 - level, ~inside)


def test_p_values_of_uniform_samples_are_small_no_more_often_than_they_say():
    n, trials = 50, 1000
    counts = counts_of(np.random.default_rng(4).random((trials, n)), POINTS)
    p_values = np.array([uniformity(c, POINTS, n=n) for c in counts])
    for level in (0.01, 0.05, 0.2, 0.5):
        share = (p_values <= level).mean()
        assert share <= level + 4 * np.sqrt(level * (1 - level) / trials)
        assert share >= 0.7 * level  # exact, and so not needlessly large


def test_a_band_is_wider_for_more_quantities_and_narrower_for_more_data():
    def width(n, level):
        lower, upper = simultaneous_band(POINTS, n=n, level=level)
        return (upper - lower).mean() / n

    assert width(100, 0.95) < width(100, 0.99) < width(100, 0.999)
    assert width(400, 0.95) < 0.6 * width(100, 0.95)


def test_a_returned_band_may_be_changed_without_changing_the_next():
    first = simultaneous_band(POINTS, n=20, level=0.9)
    first[0][:] = -1
    assert simultaneous_band(POINTS, n=20, level=0.9)[0].min() >= 0


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (lambda: simultaneous_band([0.5, 0.4], n=5, level=0.9), "must be numbers that increase within 0 to 1"),
        (lambda: simultaneous_band([0.5, 1.0], n=5, level=0.9), "must be numbers that increase within 0 to 1"),
        (lambda: simultaneous_band([], n=5, level=0.9), "must be numbers that increase within 0 to 1"),
        (lambda: simultaneous_band([0.5], n=0, level=0.9), "at least 1, the size of the sample"),
        (lambda: simultaneous_band([0.5], n=5, level=95), "between 0 and 1, as level=0.95"),
        (lambda: uniformity([3, 2], [0.3, 0.6], n=5), "not falling"),
        (lambda: uniformity([3, 6], [0.3, 0.6], n=5), "from 0 to n"),
        (lambda: uniformity([3], [0.3, 0.6], n=5), "one for each of the 2 points"),
    ],
)
def test_what_is_no_sample_is_refused(call, advice):
    with pytest.raises(SettingError, match=advice):
        call()
