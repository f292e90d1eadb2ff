"""Weights of draws: against closed forms, against draws that are repeated, and where they must not be trusted."""

import numpy as np
import pytest
import xarray as xr

from bayesmmm.sensitivity.importance import allowed_k, resampled, smoothed, weighted_quantiles


def labelled(values, chains=4):
    values = np.asarray(values, float)
    shape = (chains, -1, *values.shape[1:])
    dims = ("chain", "draw", "channel")[: values.ndim + 1]
    return xr.DataArray(values.reshape(shape), dims=dims)


@pytest.fixture(scope="module")
def normal():
    return np.random.default_rng(1).standard_normal(4000)


def test_weights_move_a_normal_to_where_they_are_asked_to(normal):
    """N(0, 1) to N(1, 1): log ratio x - 1/2, mean 1, mean of the raw weights 1."""
    found = smoothed(labelled(normal - 0.5))
    assert float(found.values.sum()) == pytest.approx(1.0)
    assert float((found.values * labelled(normal)).sum()) == pytest.approx(1.0, abs=0.1)
    assert found.log_mean == pytest.approx(0.0, abs=0.1)
    assert found.reliable
    assert found.size == pytest.approx(4000 / np.e, rel=0.2)  # 1 / E w^2 = exp(-1)


def test_weights_that_no_number_of_draws_would_bear_are_not_reliable(normal):
    """From N(0, 1) to N(0, 3): the variance of the weights is infinite."""
    found = smoothed(labelled(0.5 * normal**2 * (1.0 - 1.0 / 9.0)))
    assert found.k > 0.7
    assert not found.reliable


def test_smoothing_is_that_of_arviz(normal):
    import arviz_stats

    ratio = labelled(normal)
    r_eff = min(float(arviz_stats.ess(ratio, method="mean", relative=True)), 1.0)
    log_weight, k = (-ratio).azstats.psislw(r_eff=r_eff, dim=["chain", "draw"])
    found = smoothed(ratio)
    assert found.k == pytest.approx(float(k))
    np.testing.assert_allclose(found.values, np.exp(log_weight), rtol=1e-10)


def test_weights_do_not_depend_on_a_constant(normal):
    one, other = smoothed(labelled(normal)), smoothed(labelled(normal + 700.0))
    np.testing.assert_allclose(one.values, other.values, rtol=1e-9)
    assert other.log_mean - one.log_mean == pytest.approx(700.0)


def test_equal_weights_have_no_tail():
    found = smoothed(labelled(np.full(40, -3.0)))
    np.testing.assert_allclose(found.values, 1.0 / 40.0)
    assert (found.k, found.reliable, found.log_mean) == (0.0, True, -3.0)


@pytest.mark.parametrize(
    "ratio", [np.arange(12.0), np.arange(200.0) ** 3], ids=["few draws", "one draw has it all"]
)
def test_weights_without_a_tail_are_not_reliable(ratio):
    found = smoothed(labelled(ratio))
    assert (found.k, found.reliable) == (np.inf, False)
    np.testing.assert_allclose(
        found.values.values.ravel(), np.exp(ratio - ratio.max()) / np.exp(ratio - ratio.max()).sum()
    )


def test_few_draws_allow_less():
    assert [allowed_k(n) for n in (10, 100, 2200, 100_000)] == pytest.approx([0.0, 0.5, 0.7, 0.7], abs=1e-3)


# ----------------------------------------------------------------------------------------------------- quantiles
def test_quantiles_with_equal_weights_are_those_of_numpy(normal):
    draws = labelled(normal.reshape(-1, 2), chains=2)
    even = xr.full_like(draws.isel(channel=0), 0.25)
    found = weighted_quantiles(draws, even, (0.05, 0.5, 0.9))
    np.testing.assert_allclose(found, np.quantile(normal.reshape(-1, 2), [0.05, 0.5, 0.9], axis=0))
    assert found.dims == ("quantile", "channel")


def test_quantiles_of_whole_weights_are_those_of_repeated_draws(normal):
    times = np.random.default_rng(2).integers(0, 4, normal.size)
    found = weighted_quantiles(labelled(normal), labelled(times), (0.05, 0.3, 0.5, 0.95))
    np.testing.assert_allclose(found, np.quantile(np.repeat(normal, times), [0.05, 0.3, 0.5, 0.95]), atol=0.01)


def test_quantiles_do_not_depend_on_the_order_of_draws(normal):
    weight, order = np.exp(normal[::-1]), np.random.default_rng(3).permutation(normal.size)
    one = weighted_quantiles(labelled(normal), labelled(weight), (0.1, 0.5))
    other = weighted_quantiles(labelled(normal[order]), labelled(weight[order]), (0.1, 0.5))
    np.testing.assert_allclose(one, other)


# ---------------------------------------------------------------------------------------------------- resampling
def test_draws_come_up_as_often_as_their_weight_says(normal):
    weight = np.exp(normal)
    index = resampled(labelled(weight), seed=1)
    times = np.bincount(index, minlength=normal.size)
    assert np.abs(times - normal.size * weight / weight.sum()).max() < 1.0
    assert times.sum() == normal.size


def test_a_draw_that_comes_up_keeps_its_place(normal):
    index = resampled(labelled(np.exp(normal)), seed=2)
    kept = np.isin(np.arange(normal.size), index)
    np.testing.assert_array_equal(index[kept], np.flatnonzero(kept))
    assert 0.3 < kept.mean() < 0.9


def test_equal_weights_change_nothing():
    np.testing.assert_array_equal(resampled(labelled(np.full(40, 0.1)), seed=3), np.arange(40))


def test_quantiles_of_undefined_draws_are_undefined(normal):
    draws = normal.copy()
    draws[7] = np.nan
    values = labelled(np.column_stack([draws, normal]))
    found = weighted_quantiles(values, labelled(np.full(4000, 1 / 4000)), (0.5,)).isel(quantile=0)
    np.testing.assert_allclose(found, np.quantile(values, 0.5, axis=(0, 1)))
    assert np.isnan(found).values.tolist() == [True, False]
