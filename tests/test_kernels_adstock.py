"""Adstock of one series: by the day, by the period, and cut."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bayesmmm import kernels
from bayesmmm.kernels.adstock import adstock_and_slope
from tests import reference
from tests.test_kernels import CASES, MONTHS

DAYS = {"days": np.ones(1), "weeks": np.full(1, 7.0), "months": MONTHS}
HALF_LIVES = [0.3, 2.0, 7.0, 20.0, 400.0]


def _adstock(x, retention, days=1.0, carry_in=0.0, max_lag=None):
    out = np.empty(len(x))
    lag = -1 if max_lag is None else max_lag
    kernels.adstock(np.asarray(x, float), np.atleast_1d(days), retention, carry_in, lag, out)
    return out


def test_pulse_decays_geometrically_and_keeps_its_mass():
    response = _adstock(np.r_[1.0, np.zeros(199)], 0.7)
    assert_allclose(response, 0.3 * 0.7 ** np.arange(200), rtol=1e-12)
    assert response.sum() == pytest.approx(1.0, abs=1e-12)


def test_truncated_weights_sum_to_one_and_end_at_max_lag():
    response = _adstock(np.r_[1.0, np.zeros(9)], 0.7, max_lag=4)
    assert response.sum() == pytest.approx(1.0, abs=1e-15)
    assert_array_equal(response[5:], 0.0)
    assert_allclose(response[1:5] / response[:4], 0.7, rtol=1e-12)


@pytest.mark.parametrize("days", [1.0, 7.0])
def test_constant_spend_with_matching_carry_in_is_a_fixed_point(days):
    assert_allclose(_adstock(np.full(20, 2.5), 0.8, days, carry_in=2.5 / days), 2.5, rtol=1e-14)


def test_the_same_spend_on_every_day_is_the_same_pressure_in_every_month():
    assert_allclose(_adstock(3.0 * MONTHS[:30], 0.9, MONTHS, carry_in=3.0), 3.0 * MONTHS[:30], rtol=1e-13)


@pytest.mark.parametrize("days", [1.0, 7.0])
@pytest.mark.parametrize("max_lag", CASES)
def test_adstock_is_causal_and_shift_invariant(max_lag, days):
    x = np.random.default_rng(1).gamma(1.0, 1.0, 20)
    changed = x.copy()
    changed[12] += 5.0
    assert_array_equal(
        _adstock(x, 0.5, days, max_lag=max_lag)[:12], _adstock(changed, 0.5, days, max_lag=max_lag)[:12]
    )
    shifted = _adstock(np.r_[0.0, 0.0, x], 0.5, days, max_lag=max_lag)[2:]
    assert_allclose(shifted, _adstock(x, 0.5, days, max_lag=max_lag), rtol=1e-14)


@pytest.mark.parametrize("half_life", HALF_LIVES)
@pytest.mark.parametrize("max_lag", CASES)
@pytest.mark.parametrize("calendar", DAYS)
def test_adstock_is_the_sum_of_its_days(calendar, max_lag, half_life):
    days, d = DAYS[calendar], 0.5 ** (1.0 / half_life)
    x = np.random.default_rng(2).gamma(1.0, 1.0, 30)
    carry = 0.7 if max_lag is None else 0.0
    expected = reference.adstock(x, d, carry, max_lag, days)
    assert_allclose(_adstock(x, d, days, carry, max_lag), expected, rtol=1e-12)


@pytest.mark.parametrize("half_life", HALF_LIVES)
def test_weights_by_the_day_have_the_closed_form(half_life):
    d, days, lag = 0.5 ** (1.0 / half_life), 7, np.arange(1, 60)
    alpha = d**days
    weights = _adstock(np.r_[1.0, np.zeros(59)], d, days)
    later = (1 - alpha) ** 2 * d * alpha ** (lag - 1) / (days * (1 - d))
    assert_allclose(weights, [1 - d * (1 - alpha) / (days * (1 - d)), *later], rtol=1e-11)


@pytest.mark.parametrize("half_life", [0.3, 2.0, 10.0, 60.0])
def test_weights_of_every_month_add_up_to_one(half_life):
    months = np.tile(MONTHS[:12], 30)
    for month in range(12):
        x = np.zeros(len(months))
        x[month] = 1.0
        weights = _adstock(x, 0.5 ** (1.0 / half_life), months)
        assert weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_periods_alike_are_the_same_told_once_and_told_each():
    x = np.random.default_rng(3).gamma(1.0, 1.0, 30)
    for lag in (None, 3):
        assert_allclose(
            _adstock(x, 0.9, 7.0, max_lag=lag), _adstock(x, 0.9, np.full(33, 7.0), max_lag=lag), rtol=1e-15
        )


@pytest.mark.parametrize("half_life", HALF_LIVES)
def test_weeks_of_even_spend_are_sums_of_the_daily_recursion(half_life):
    d, weeks = 0.5 ** (1.0 / half_life), np.random.default_rng(4).gamma(1.0, 1.0, 40)
    daily = _adstock(np.repeat(weeks / 7.0, 7), d)
    assert_allclose(_adstock(weeks, d, 7.0), daily.reshape(-1, 7).sum(axis=1), rtol=1e-12)
    for_months = np.repeat(weeks[:30], MONTHS[:30].astype(int)) / np.repeat(MONTHS[:30], MONTHS[:30].astype(int))
    ends = np.cumsum(MONTHS[:30]).astype(int)[:-1]
    summed = [part.sum() for part in np.split(_adstock(for_months, d), ends)]
    assert_allclose(_adstock(weeks[:30], d, MONTHS), summed, rtol=1e-12)


def test_a_pulse_at_the_start_of_a_week_is_another_thing():
    """Negative control: the classical recursion by the week leaves less in the week of the spend than days do."""
    d, x = 0.5 ** (1.0 / 2.0), np.r_[1.0, np.zeros(9)]
    assert abs(_adstock(x, d**7)[0] - _adstock(x, d, 7.0)[0]) > 0.2


@pytest.mark.parametrize("half_life", HALF_LIVES)
@pytest.mark.parametrize("max_lag", CASES)
@pytest.mark.parametrize("calendar", DAYS)
def test_slope_and_transpose(calendar, max_lag, half_life):
    days, d, lag = DAYS[calendar], 0.5 ** (1.0 / half_life), -1 if max_lag is None else max_lag
    rng = np.random.default_rng(5)
    x, v, carry = rng.gamma(1.0, 1.0, 30), rng.normal(size=30), 0.4 if max_lag is None else 0.0
    out, back, h = np.empty(30), np.empty(30), 1e-6 * min(d, 1.0 - d)
    stock = np.empty(30)
    adstock_and_slope(x, days, d, carry, lag, stock, out)
    assert_array_equal(stock, _adstock(x, d, days, carry, max_lag))
    up, down = (_adstock(x, d + s, days, carry, max_lag) for s in (h, -h))
    assert_allclose(out * stock, (up - down) / (2 * h), rtol=1e-6, atol=1e-6 * np.abs(out * stock).max())
    kernels.adstock_transpose(v, days, d, lag, back)
    assert v @ _adstock(x, d, days, 0.0, max_lag) == pytest.approx(back @ x, rel=1e-12)


def test_long_half_lives_lose_no_digits():
    """A half-life of a million days: what a week keeps is about four days' loss of it."""
    d = 0.5 ** (1.0 / 1e6)
    first = _adstock(np.array([1.0]), d, 7.0)[0]
    assert first == pytest.approx(sum(1.0 - d**j for j in range(1, 8)) / 7.0, rel=1e-9)
    assert first == pytest.approx(4.0 * (1.0 - d), rel=1e-5)
