"""Scores against closed forms, brute force, and what they must refuse."""

import numpy as np
import pytest
from scipy import stats

from bayesmmm.errors import MissingValueError, SettingError
from bayesmmm.evaluate import scores

RNG = np.random.default_rng(4)


def test_errors_of_point_predictions_by_hand():
    y, p = np.array([[1.0, -2.0, 4.0], [2.0, 2.0, 5.0]]), np.array([[1.0, -1.0, 2.0], [2.0, 2.0, 5.0]])
    np.testing.assert_allclose(scores.rmse(y, p), [np.sqrt(5 / 3), 0.0])
    np.testing.assert_allclose(scores.mae(y, p), [1.0, 0.0])
    np.testing.assert_allclose(scores.mape(y, p), [1 / 3, 0.0])
    np.testing.assert_allclose(scores.r2(y, p), [1 - 5 / 18, 1.0])


def test_r2_of_a_regression_is_the_squared_correlation_and_of_the_mean_zero():
    x = RNG.normal(size=50)
    y = 2 * x + RNG.normal(size=50)
    line = np.polyval(np.polyfit(x, y, 1), x)
    assert scores.r2(y, line) == pytest.approx(np.corrcoef(y, line)[0, 1] ** 2)
    assert scores.r2(y, np.full(50, y.mean())) == pytest.approx(0.0)
    assert scores.r2(y, -line) < 0


def test_crps_is_that_of_all_pairs():
    x, y = RNG.normal(size=(7, 3, 4)), RNG.normal(size=(3, 4))
    pairs = [np.abs(x[i] - x[j]) for i in range(7) for j in range(7) if i != j]
    expected = np.abs(x - y).mean(0) - np.mean(pairs, axis=0) / 2
    np.testing.assert_allclose(scores.crps(y, x), expected)


@pytest.mark.parametrize("count", [2, 5, 20])
def test_crps_is_unbiased_for_any_number_of_draws(count):
    # Of a standard Normal: y (2 Phi(y) - 1) + 2 phi(y) - 1 / sqrt(pi).
    y, n = 0.7, 40_000
    exact = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    found = scores.crps(np.full(n, y), RNG.normal(size=(count, n)))
    error = found.std() / np.sqrt(n)
    assert abs(found.mean() - exact) < 4 * error
    # Negative control: with a draw paired with itself, as is common, the mean is off by E|x - x'| / (2 count).
    bias = 2 / np.sqrt(np.pi) / (2 * count)
    assert abs(found.mean() + bias - exact) > 4 * error


def test_crps_prefers_the_truth():
    y = RNG.normal(size=4000)
    best = scores.crps(y, RNG.normal(size=(200, 4000))).mean()
    for mean, sd in [(0.3, 1.0), (0.0, 1.5), (0.0, 0.6)]:
        assert scores.crps(y, mean + sd * RNG.normal(size=(200, 4000))).mean() > best


def test_crps_has_the_units_of_the_series():
    x, y = RNG.normal(size=(9, 5)), RNG.normal(size=5)
    np.testing.assert_allclose(scores.crps(1000 * y + 7, 1000 * x + 7), 1000 * scores.crps(y, x))


def test_elpd_of_normal_draws_is_the_density_of_their_mixture():
    means, y = RNG.normal(size=6), np.array([0.3, -40.0])
    found = scores.elpd(stats.norm.logpdf(y, means[:, None]))
    assert found[0] == pytest.approx(np.log(np.mean(stats.norm.pdf(0.3, means))))
    assert np.isfinite(found[1])  # where every density itself is too small for a double
    assert found[1] == pytest.approx(stats.norm.logpdf(-40.0, means.min()) - np.log(6), abs=1.0)
    assert scores.elpd([[-np.inf], [-np.inf]])[0] == -np.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("score", ["rmse", "mae", "mape", "r2", "crps"])
def test_missing_values_are_refused(score, bad):
    y, p = np.array([1.0, 2.0]), np.ones((2, 2)) if score == "crps" else np.ones(2)
    with pytest.raises(MissingValueError, match="observed has 1 of 2 values that are missing"):
        getattr(scores, score)(np.array([1.0, bad]), p)
    p = p.copy()
    p[..., -1] = bad
    with pytest.raises(MissingValueError, match="values that are missing or infinite"):
        getattr(scores, score)(y, p)


def test_what_has_no_score_is_refused():
    with pytest.raises(SettingError, match=r"1 of 2 values are 0; use mae"):
        scores.mape([0.0, 1.0], [1.0, 1.0])
    with pytest.raises(SettingError, match="nothing left to explain; use rmse"):
        scores.r2([2.0], [1.0])
    with pytest.raises(SettingError, match=r"observed has shape \(2,\) and predicted \(3,\)"):
        scores.rmse([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(SettingError, match="S of at least 2"):
        scores.crps([1.0], [[1.0]])
    with pytest.raises(MissingValueError, match="log_density holds NaN"):
        scores.elpd([[np.nan]])
    with pytest.raises(SettingError, match=r"must be \(draws, ..., T\)"):
        scores.elpd([1.0])
