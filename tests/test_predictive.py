"""Predictive tables against quantiles computed by hand, on replicates that are made up."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesmmm.data import MMMData
from bayesmmm.errors import UnknownTermError
from bayesmmm.results import Fit, predictive_check, predictive_table
from tests import worlds

CHAINS, DRAWS = 2, 50


def fit_of(data, replicates):
    """A fit that holds nothing but observed and replicated series."""
    system = worlds.system()
    dims = ("date",) if len(data.geos) == 1 else ("geo", "date")
    coords = {"date": data.dates} | ({"geo": list(data.geos)} if len(data.geos) > 1 else {})
    seen = {name: (dims, data.columns[name].reshape([len(coords[d]) for d in dims])) for name in system.order}
    drawn = {name: (("chain", "draw", *dims), values) for name, values in replicates.items()}
    groups = {"observed_data": xr.Dataset(seen, coords), "posterior_predictive": xr.Dataset(drawn, coords)}
    return Fit(data, system, data.scales(), xr.DataTree.from_dict(groups), {}, {})


@pytest.fixture
def national():
    data = worlds.data()
    rng = np.random.default_rng(1)
    shape = (CHAINS, DRAWS, len(data.dates))
    replicates = {
        "sales": rng.normal(900.0, 100.0, shape),
        "search": np.maximum(rng.normal(10.0, 30.0, shape), 0.0),
    }
    return fit_of(data, replicates), replicates


def test_table_holds_median_and_interval_of_every_date(national):
    fit, replicates = national
    table = predictive_table(fit, "sales", ci_prob=0.8)
    flat = replicates["sales"].reshape(-1, len(fit.data.dates))
    assert list(table.columns) == ["observed", "median", "lower", "upper"]
    assert table.index.equals(fit.data.dates.rename("date"))
    np.testing.assert_array_equal(table["observed"], fit.data.columns["sales"][0])
    for column, level in {"lower": 0.1, "median": 0.5, "upper": 0.9}.items():
        np.testing.assert_allclose(table[column], np.quantile(flat, level, axis=0), rtol=1e-12)
    assert table.attrs == {"equation": "sales", "unit": "money", "ci_prob": 0.8}


def test_check_compares_quantiles_and_zeros(national):
    fit, replicates = national
    table = predictive_check(fit, "search", ci_prob=0.8)
    flat = replicates["search"].reshape(-1, len(fit.data.dates))
    levels = (np.arange(60) + 0.5) / 60
    np.testing.assert_allclose(table.index, levels)
    np.testing.assert_allclose(table["observed"], np.quantile(fit.data.columns["search"], levels))
    each = np.array([np.quantile(path, levels) for path in flat])
    for column, level in {"lower": 0.1, "median": 0.5, "upper": 0.9}.items():
        np.testing.assert_allclose(table[column], np.quantile(each, level, axis=0), rtol=1e-12)
    share = np.array([np.mean(path == 0.0) for path in flat])
    zeros = table.attrs["zero_share"]
    assert zeros["observed"] == np.mean(fit.data.columns["search"] == 0.0) > 0.0
    assert zeros["lower"] == pytest.approx(np.quantile(share, 0.1))
    assert zeros["upper"] == pytest.approx(np.quantile(share, 0.9))


def test_interval_probability_defaults_to_that_of_arviz(national):
    from arviz_base import rc_context

    with rc_context({"stats.ci_prob": 0.5}):
        table = predictive_table(national[0], "sales")
    assert table.attrs["ci_prob"] == 0.5
    with pytest.raises(ValueError, match=r"must lie between 0 and 1, as 0\.9"):
        predictive_table(national[0], "sales", ci_prob=90)


def test_unknown_equation_is_named_with_the_nearest_one(national):
    with pytest.raises(UnknownTermError, match=r"did you mean 'sales'.*Use one of: search, sales"):
        predictive_table(national[0], "sale")
    with pytest.raises(UnknownTermError, match="Use one of: search, sales"):
        predictive_check(national[0], "tv")


def test_a_panel_is_indexed_by_geo_and_date_and_pooled_in_the_check():
    one = worlds.frame()
    frame = pd.concat([one.assign(geo="north"), one.assign(geo="south", sales=2 * one["sales"])])
    data = MMMData.from_frame(frame, geo="geo", **worlds.ROLES)
    rng = np.random.default_rng(2)
    replicates = {"sales": rng.normal(900.0, 100.0, (CHAINS, DRAWS, 2, 60))}
    fit = fit_of(data, replicates)
    table = predictive_table(fit, "sales", ci_prob=0.8)
    assert table.index.names == ["geo", "date"]
    for i, geo in enumerate(["north", "south"]):
        np.testing.assert_array_equal(table.loc[geo, "observed"], data.columns["sales"][i])
        flat = replicates["sales"][:, :, i].reshape(-1, 60)
        np.testing.assert_allclose(table.loc[geo, "upper"], np.quantile(flat, 0.9, axis=0), rtol=1e-12)
    check = predictive_check(fit, "sales", ci_prob=0.8)
    assert len(check) == 99
    np.testing.assert_allclose(check["observed"], np.quantile(data.columns["sales"], check.index))
