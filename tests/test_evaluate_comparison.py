"""Systems compared by leave-one-out densities: against closed forms, and what cannot be compared."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayesmmm.data import MMMData
from bayesmmm.errors import ConvergenceError, ParetoWarning, SettingError
from bayesmmm.evaluate import compare
from tests import worlds
from tests.made import case_fit, made_fit

PERIODS = 120


@pytest.fixture(scope="module")
def bare():
    """Fit whose densities are to be replaced."""
    return made_fit(worlds.system(), worlds.data(PERIODS), draws=1000, chains=4)


def with_density(fit, density, **changes):
    """The fit with pointwise log densities (S, T) of the outcome."""
    groups = {name: node.to_dataset() for name, node in fit.tree.children.items()}
    old = groups["log_likelihood"]
    groups["log_likelihood"] = old.assign(sales=old["sales"].copy(data=density.reshape(old["sales"].shape)))
    out = replace(fit, tree=xr.DataTree.from_dict(groups), **changes)
    out = out.with_convergence(fit.convergence)
    return out


def normal_mean(fit, sd, seed):
    """Posterior of a Normal mean under a flat prior and a known sd: pointwise densities, and exact LOO densities."""
    y = fit.data.columns["sales"][0]
    mu = np.random.default_rng(seed).normal(y.mean(), sd / np.sqrt(len(y)), 4000)
    left = (y.sum() - y) / (len(y) - 1)
    exact = stats.norm.logpdf(y, left, sd * np.sqrt(1 + 1 / (len(y) - 1)))
    return stats.norm.logpdf(y, mu[:, None], sd), exact


def test_elpd_is_that_of_leaving_out_each_period(bare):
    sd = bare.data.columns["sales"].std()
    kinds = {"right": sd, "too wide": 2 * sd, "too sure": 0.7 * sd}
    parts = {name: normal_mean(bare, width, seed=i) for i, (name, width) in enumerate(kinds.items())}
    table = compare({name: with_density(bare, density) for name, (density, _) in parts.items()})
    exact = {name: e for name, (_, e) in parts.items()}
    assert table.index[0] == "right"
    assert table["elpd"].is_monotonic_decreasing
    for name in table.index:
        assert table.loc[name, "elpd"] == pytest.approx(exact[name].sum(), abs=0.1)
        gap = exact[name] - exact["right"]
        assert table.loc[name, "diff"] == pytest.approx(gap.sum(), abs=0.1)
        assert table.loc[name, "diff_se"] == pytest.approx(np.sqrt(PERIODS) * gap.std(), rel=0.02, abs=1e-9)
        assert table.loc[name, "p_eff"] == pytest.approx((kinds["right"] / kinds[name]) ** 2, rel=0.25)
    assert table.loc["too wide", "p_worse"] > 0.99
    assert table["weight"].sum() == pytest.approx(1.0)
    # Stacking weights: no mixture of the systems has a higher density than theirs.
    densities = np.exp([exact[name] for name in table.index]).T
    others = np.random.default_rng(0).dirichlet([0.5, 0.5, 0.5], 2000)
    best = np.log(densities @ table["weight"].to_numpy()).sum()
    assert best > np.log(densities @ others.T).sum(axis=0).max() - 0.02
    assert (table["high_k"] == 0).all()
    assert table.attrs["outcome"] == "sales"
    assert "cross_validate" in table.attrs["note"]
    assert "not which one forecasts" in table.attrs["note"]


def test_close_calls_and_short_data_are_marked(bare):
    sd = bare.data.columns["sales"].std()
    one, other = (with_density(bare, normal_mean(bare, width, 1)[0]) for width in (sd, 1.01 * sd))
    table = compare({"one": one, "other": other})
    assert "4" in table["caution"].iloc[1]
    short = made_fit(worlds.system(), worlds.data(60), draws=1000, chains=4)
    one, other = (with_density(short, normal_mean(short, width, 1)[0]) for width in (sd, 2 * sd))
    assert "N < 100" in compare({"one": one, "other": other})["caution"].iloc[1]


def test_densities_that_hang_on_few_draws_are_told(bare):
    density, _ = normal_mean(bare, bare.data.columns["sales"].std(), 0)
    good = with_density(bare, density)
    bad = density.copy()
    rng = np.random.default_rng(5)
    bad[:, 7] = -3.0 * rng.standard_exponential(4000)  # 1 / density has a tail of index 3
    with pytest.warns(ParetoWarning, match=r"broken 1 \(largest \d\.\d\d, 2023-02-19\).*cross_validate"):
        table = compare({"sound": good, "broken": with_density(bare, bad)})
    assert table.loc["broken", "high_k"] == 1
    assert table.loc["sound", "high_k"] == 0
    assert table.loc["broken", "max_k"] > table.attrs["good_k"]


def test_fits_of_other_numbers_are_refused(bare):
    data = bare.data
    other = made_fit(worlds.system(), worlds.data(60), draws=10)
    with pytest.raises(SettingError, match=r"'a' is fitted to 120 periods .* and 'b' to 60 periods .*between"):
        compare({"a": bare, "b": other})
    sales = data.columns["sales"].copy()
    sales[0, 3] *= 2
    changed = replace(bare, data=data.replace_columns({"sales": sales}))
    with pytest.raises(
        SettingError, match=r"'sales' is .* in 'a' and .* in 'b' on 2023-01-22; fit both to the same"
    ):
        compare({"a": bare, "b": changed})
    system = worlds.system().equation("search")
    frame = worlds.frame(PERIODS)
    roles = {"date": "week", "outcome": "search", "media": ["social"], "controls": ["price"]}
    search = made_fit(type(worlds.system())([system]), MMMData.from_frame(frame, **roles), draws=10)
    with pytest.raises(SettingError, match="'a' explains 'sales' and 'b' explains 'search'"):
        compare({"a": bare, "b": search})


def test_what_is_no_comparison_is_refused(bare):
    with pytest.raises(SettingError, match="there are 1 fits to compare"):
        compare({"a": bare})
    with pytest.raises(SettingError, match="fits is a list, and must be a mapping"):
        compare([bare, bare])
    with pytest.raises(SettingError, match=r"fits\['b'\] is a int"):
        compare({"a": bare, "b": 3})


def test_fits_that_failed_are_refused_unless_asked_for(bare):
    density, _ = normal_mean(bare, bare.data.columns["sales"].std(), 0)
    failed = with_density(bare, density)
    failed = failed.with_convergence(replace(bare.convergence, verdict="failed"))
    with pytest.raises(ConvergenceError, match=r"ask fit\.accept_unconverged\(\)"):
        compare({"a": with_density(bare, density), "b": failed})
    table = compare({"a": with_density(bare, density), "b": failed.accept_unconverged()})
    assert table.loc["b", "verdict"] == "failed"


def test_too_few_draws_are_refused():
    fit = case_fit("one term", draws=4)
    with pytest.raises(SettingError, match=r"fits\['a'\] has 8 draws, too few"):
        compare({"a": fit, "b": fit})
