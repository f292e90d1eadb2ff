"""Autocorrelation of residuals against a plain computation."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayesmmm.results import autocorrelation


def series(periods=80, *, draws=30, phi=0.0, seed=4):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, draws, periods))
    for t in range(1, periods):
        values[..., t] += phi * values[..., t - 1]
    dims = ("chain", "draw", "date")
    return xr.DataArray(values, dims=dims, name="residual", attrs={"equation": "revenue", "unit": "residual sd"})


def plain(values, lag):
    mean = sum(values) / len(values)
    left = sum((values[t] - mean) * (values[t - lag] - mean) for t in range(lag, len(values)))
    return left / sum((value - mean) ** 2 for value in values)


def test_it_is_the_plain_formula_for_every_draw():
    residual = series(phi=0.5) + 3.0  # a constant must not matter
    table = autocorrelation(residual, lags=7, ci_prob=0.8)
    assert table.index.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert table.index.name == "lag"
    for lag in table.index:
        values = [plain(draw.tolist(), lag) for draw in residual.values.reshape(-1, 80)]
        expected = np.quantile(values, [0.5, 0.1, 0.9])
        np.testing.assert_allclose(table.loc[lag, ["median", "lower", "upper"]], expected, atol=1e-12)


def test_order_of_dims_does_not_matter():
    residual = series()
    expected = autocorrelation(residual)
    np.testing.assert_array_equal(autocorrelation(residual.transpose("date", "draw", "chain")), expected)


def test_the_band_has_its_probability():
    table = autocorrelation(series(), ci_prob=0.95)
    assert table["band"].unique() == pytest.approx([stats.norm.ppf(0.975) / np.sqrt(80)])
    # Many series of white noise: the share of lags inside is what the band says, less what the finite length takes.
    noise = [autocorrelation(series(400, draws=1, seed=i), lags=10, ci_prob=0.9) for i in range(120)]
    inside = np.mean([(t["median"].abs() < np.sqrt(0.5) * t["band"]).mean() for t in noise])
    assert inside == pytest.approx(0.9, abs=0.02)  # the median of two draws is their mean: variance is halved


def test_a_carried_over_residual_leaves_the_band():
    table = autocorrelation(series(200, phi=0.7))
    assert table.loc[1, "lower"] > table.loc[1, "band"]


def test_lags_and_attrs():
    table = autocorrelation(series(156))
    assert table.index[-1] == 21
    assert table.attrs["equation"] == "revenue"
    assert table.attrs["periods"] == 156
    assert 0 < table.attrs["ci_prob"] < 1
    assert autocorrelation(series(5)).index[-1] == 4
    for lags in (0, 80):
        with pytest.raises(ValueError, match=r"lags=.* must be a whole number from 1 to 79"):
            autocorrelation(series(), lags=lags)
    with pytest.raises(ValueError, match="must be draws with dims chain, draw and date"):
        autocorrelation(series().isel(chain=0))
