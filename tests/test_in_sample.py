"""Errors inside the sample: by hand, with periods of zero, with what was not recorded, and on panels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmmm as mm
from bayesmmm.errors import SettingError
from bayesmmm.evaluate import in_sample
from tests import made, panel_fits


def by_hand(observed, fitted):
    error, some = observed - fitted, observed != 0.0
    return {
        "rmse": np.sqrt(np.mean(error**2)),
        "mae": np.mean(np.abs(error)),
        "mape": np.mean(np.abs(error[some] / observed[some])) if some.any() else np.nan,
        "r2": 1.0 - np.sum(error**2) / np.sum((observed - observed.mean()) ** 2),
        "periods": len(observed),
        "zeros": (~some).sum(),
    }


@pytest.mark.parametrize("name", ["one mediator", "lognormal outcome", "censored mediator"])
def test_scores_are_those_of_the_posterior_mean(name):
    fit = made.case_fit(name)
    table, fitted = in_sample(fit), mm.predict(fit).mean(("chain", "draw"))
    assert table.index.tolist() == list(fit.system.order)
    for n in fit.system.order:
        expected = by_hand(fit.data.columns[n][0], fitted[n].values)
        assert_allclose(table.loc[n, list(expected)].to_numpy(float), list(expected.values()), rtol=1e-12)
        assert table.loc[n, "unit"] == fit.data.unit(n)
    assert "and forecasts no better" in table.attrs["note"]


def test_periods_of_zero_are_left_out_of_mape_and_named():
    fit = made.case_fit("censored mediator")
    zeros = int((fit.data.columns["search"][0] == 0.0).sum())
    assert zeros > 5
    table = in_sample(fit)
    assert table.loc["search", "zeros"] == zeros
    assert np.isfinite(table.loc["search", "mape"])
    assert f"mape leaves out periods of zero: {zeros} periods of search" in table.attrs["note"]
    assert "leaves out" not in in_sample(made.case_fit("one mediator")).attrs["note"]


@pytest.mark.parametrize("ragged", [False, True])
def test_of_a_panel_in_total_and_by_geo(ragged):
    fit = panel_fits.panel_fit(ragged=ragged)
    data, fitted = fit.data, mm.predict(fit, by="geo").mean(("chain", "draw"))
    each, total = in_sample(fit, by="geo"), in_sample(fit)
    for n in fit.system.order:
        at, values = data.recorded(n), fitted[n].transpose("geo", "date").values
        for g, geo in enumerate(data.geos):
            expected = by_hand(data.columns[n][g][at[g]], values[g][at[g]])
            assert_allclose(each.loc[(n, geo), list(expected)].to_numpy(float), list(expected.values()), rtol=1e-9)
        together = np.where(at, data.columns[n], 0.0).sum(axis=0), np.where(data.has_row, values, 0.0).sum(axis=0)
        known = (at == data.has_row).all(axis=0) & at.any(axis=0)
        expected = by_hand(*(v[known] for v in together))
        assert_allclose(total.loc[n, list(expected)].to_numpy(float), list(expected.values()), rtol=1e-9)


def test_geos_are_told_apart_of_a_panel_only():
    with pytest.raises(SettingError, match="leave by out"):
        in_sample(made.case_fit("one mediator"), by="geo")
    with pytest.raises(SettingError, match="geo, or left out for the total"):
        in_sample(panel_fits.panel_fit(), by="region")
