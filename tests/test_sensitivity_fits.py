"""Sensitivity without a refit on posteriors from NUTS: power-scaling against refits and against what it must see."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesmmm import errors
from bayesmmm.estimands import effects, roi
from bayesmmm.optimize import optimize_budget
from bayesmmm.sensitivity import mediation_sensitivity, power_scaled_budget, power_scaling
from bayesmmm.sensitivity.psense import log_densities
from tests import made, worlds
from tests.fits import quiet


# ---------------------------------------------------------------------------------------------------- power-scaling
@pytest.fixture(scope="module")
def table(fitted):
    return quiet(power_scaling, fitted)


def test_every_parameter_and_every_return_has_a_row(fitted, table):
    assert {name.partition("[")[0] for name in table.index} == {*fitted.posterior.data_vars, "roi"}
    assert {"roi[tv]", "roi[social]", "sales.slope[search]", "sales.sigma"} <= set(table.index)
    assert table.attrs["reliable"]
    assert set(table["verdict"]) <= {"data decide", "prior-data conflict", "weak data"}
    for text in table["finding"]:
        text.encode("ascii")


def test_diagnostics_are_those_of_arviz(fitted, table):
    """The summary of ArviZ on the tree of the fit, which knows nothing of this package."""
    import arviz_stats

    expected = arviz_stats.psense_summary(fitted.tree, round_to=9)
    rows = [name for name in table.index if not name.startswith("roi")]
    np.testing.assert_allclose(table.loc[rows, "prior"], expected.loc[rows, "prior"], atol=1e-8)
    np.testing.assert_allclose(table.loc[rows, "likelihood"], expected.loc[rows, "likelihood"], atol=1e-8)


def test_slopes_of_small_samples_are_prior_and_residual_scales_are_data(table):
    """Sixty weeks say next to nothing about an exponent, and a lot about the size of residuals."""
    assert table.loc["sales.slope[tv]", "prior"] > 1.2 * table.loc["sales.slope[tv]", "likelihood"]
    assert table.loc["sales.sigma", "likelihood"] > 2.0 * table.loc["sales.sigma", "prior"]
    assert table.loc["sales.slope[tv]", "main_prior"] == "sales.slope"


@pytest.mark.parametrize("name", ["sales.half_saturation[social]", "sales.half_saturation[search]"])
def test_medians_move_towards_the_prior(table, name):
    """Half-saturation has prior median 1: a stronger prior draws it there, a weaker one lets it go.

    Steps are larger than what draws leave open. That of tv is held where it is by its slope, whose prior moves, too.
    """
    row = table.loc[name]
    assert row["median"] > 1.2
    assert row["stronger"] < row["median"] - 0.05
    assert row["weaker"] > row["median"] + 0.05


def test_any_draws_can_be_asked_about(fitted):
    one = quiet(power_scaling, fitted, quiet(roi, fitted))
    assert set(one.index) == {"roi[tv]", "roi[social]"}
    both = quiet(power_scaling, fitted, quiet(effects, fitted, groups={})[["direct", "spend"]])
    assert set(both.index) == {"direct[tv]", "direct[social]"}


def test_some_of_the_draws_are_enough(fitted, table):
    some = quiet(power_scaling, fitted, quiet(roi, fitted.thin(2000)))
    np.testing.assert_allclose(some["median"], table.loc[some.index, "median"], rtol=0.1)


def test_what_does_not_vary_is_unknown(fitted):
    draws = quiet(roi, fitted)
    draws = draws.where(draws["channel"] != "tv", 2.0)
    found = quiet(power_scaling, fitted, draws)
    assert found.loc["roi[tv]", "verdict"] == "unknown"
    assert np.isnan(found.loc["roi[tv]", "prior"])
    assert found.loc["roi[social]", "verdict"] != "unknown"


def test_powers_too_far_away_are_not_answered(fitted):
    found = quiet(power_scaling, fitted, quiet(roi, fitted), alphas=(0.001, 40.0))
    assert not found.attrs["reliable"]
    assert found["stronger"].isna().all()
    assert "cannot be told from these draws" in found["finding"].iloc[0]


# ------------------------------------------------------------------------------------------------ a conjugate oracle
@pytest.fixture(scope="module")
def conjugate(fitted):
    """The fit with its posterior replaced: theta ~ N(0, 1), one observation of it with the given sd."""

    def made_up(value: float, sd: float):
        shape = (4, 1000)
        weight = 1.0 / (1.0 + sd**2)
        draws = weight * value + np.sqrt(1.0 - weight) * np.random.default_rng(5).standard_normal(shape)
        theta = xr.DataArray(draws, dims=("chain", "draw"))
        density = {
            "log_prior": xr.Dataset({"theta": -0.5 * theta**2}),
            "log_likelihood": xr.Dataset({"y": (-0.5 * ((value - theta) / sd) ** 2).expand_dims(date=1, axis=-1)}),
        }
        posterior = fitted.posterior.assign_coords(chain=range(4), draw=range(1000))
        labels = {"chain": posterior["chain"], "draw": posterior["draw"]}
        tree = {"posterior": posterior} | {name: group.assign_coords(labels) for name, group in density.items()}
        fit = replace(fitted, tree=xr.DataTree.from_dict(tree))
        fit = fit.with_convergence(fitted.convergence)
        return fit, theta.assign_coords(labels).rename("theta")

    return made_up


def test_medians_under_other_powers_are_exact_in_the_conjugate_case(conjugate):
    """N(0, 1) to the power a is N(0, 1 / a): posterior mean value / (1 + a sd^2)."""
    fit, theta = conjugate(2.0, 0.5)
    row = power_scaling(fit, theta).loc["theta"]
    for column, a in (("weaker", 0.8), ("median", 1.0), ("stronger", 1.25)):
        assert row[column] == pytest.approx(2.0 / (1.0 + 0.25 * a), abs=0.03)


@pytest.mark.parametrize(
    ("value", "sd", "verdict"),
    [(0.1, 0.1, "data decide"), (8.0, 1.0, "prior-data conflict"), (3.0, 20.0, "weak data")],
)
def test_verdicts_in_the_conjugate_case(conjugate, value, sd, verdict):
    """A sharp likelihood; one far from the prior; one that is nearly flat."""
    fit, theta = conjugate(value, sd)
    row = power_scaling(fit, theta).loc["theta"]
    assert row["verdict"] == verdict
    assert row["finding"].startswith(verdict)


def test_the_bound_is_a_shift_by_a_quarter_of_an_sd(conjugate):
    """exp(c theta) as prior tilts N(0, 1) by c alpha: the mean moves by c ln 2 sds per doubling and the width stays."""
    fit, theta = conjugate(0.0, 1.0)
    theta = theta * np.sqrt(2.0)
    shift = 0.25
    tilt = xr.Dataset({"theta": shift / np.log(2.0) * theta})
    fit.tree["log_prior"] = xr.DataTree(tilt)
    assert power_scaling(fit, theta).loc["theta", "prior"] == pytest.approx(0.05, abs=0.01)


# ----------------------------------------------------------------------------------------------------------- budgets
def plan(fit):
    return optimize_budget(fit, total=4000.0, periods=8, draws=400, starts=1, controls={"price": 10.0})


@pytest.fixture(scope="module")
def moved(fitted):
    return quiet(power_scaled_budget, fitted, plan)


def test_the_budget_moves_with_the_prior(fitted, moved):
    base = quiet(plan, fitted).spend.sum("date")
    np.testing.assert_allclose(moved["spend"].sel(alpha=1.0), base)
    np.testing.assert_allclose(moved["change"].sel(alpha=1.0), 0.0)
    half = 0.5 * abs(moved["spend"] - base).sum("channel") / base.sum()
    np.testing.assert_allclose(moved["moved"], half)
    assert (moved["moved"].sel(alpha=[0.8, 1.25]) > 0.0).all()
    assert moved["reliable"].all()
    assert f"{float(half[0]):.1%} at power 0.8" in moved.attrs["finding"]
    assert bool(moved.attrs["raised"]) is (float(half.max()) > max(0.1, 2.0 * float(moved["noise"])))


def test_a_power_of_nearly_one_moves_next_to_nothing(fitted, moved):
    near = quiet(power_scaled_budget, fitted, plan, alphas=(0.9999, 1.0001))
    assert float(near["moved"].max()) < 0.02
    assert not near.attrs["raised"]
    assert float(near["moved"].max()) < float(moved["moved"].max())
    np.testing.assert_allclose(near["noise"], moved["noise"])


def test_the_fit_is_left_as_it_was(fitted):
    before = fitted.posterior.copy(deep=True)
    quiet(power_scaled_budget, fitted, plan, component="likelihood", seed=3)
    xr.testing.assert_identical(before, fitted.posterior)


# ---------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize("alphas", [(1.0, 1.25), (0.8, 0.9), (0.0, 2.0), (0.8, np.inf), 0.8, ("low", "high")])
def test_impossible_powers(fitted, alphas):
    with pytest.raises(errors.SettingError, match=r"as alphas=\(0\.8, 1\.25\)"):
        power_scaling(fitted, alphas=alphas)


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        (pd.DataFrame(), "is a DataFrame without numbers of dims chain and draw"),
        (xr.DataArray([1.0, 2.0], dims="channel"), "quantity=mm.roi"),
        (
            xr.DataArray(np.zeros((2, 3)), {"chain": [8, 9], "draw": range(3)}, ("chain", "draw")),
            "chain is labelled",
        ),
    ],
)
def test_draws_that_are_not_of_this_fit(fitted, quantity, words):
    with pytest.raises(errors.SettingError, match=words):
        power_scaling(fitted, quantity)


def test_without_densities_there_is_nothing_to_scale():
    with pytest.raises(errors.AnswerError, match="no group 'log_prior'"):
        log_densities(made.case_fit("one mediator"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"plan": 3}, "must be a function of a fit"),
        ({"plan": lambda fit: 3}, "returned a int, and must return a Plan"),
        ({"plan": plan, "component": "data"}, "'prior' or 'likelihood'"),
    ],
)
def test_what_is_no_plan(fitted, given, words):
    with pytest.raises(errors.SettingError, match=words):
        power_scaled_budget(fitted, **given)


# -------------------------------------------------------------------------------------------------- against refits
@pytest.mark.slow
def test_weights_agree_with_refits():
    """Within reach of the weights both methods give the same effects, up to Monte Carlo error."""
    from bayesmmm.inference import fit

    found = quiet(fit, worlds.system("normal", "normal"), worlds.data(zeros=False), seed=5, progress=False)
    grid = [-0.2, 0.0, 0.2]
    quick = quiet(mediation_sensitivity, found, rho=grid)
    refit = quiet(mediation_sensitivity, found, method="refit", rho=grid, draws=1000, tune=1000, progress=False)
    assert quick["reliable"].all()
    width = refit["indirect"].isel(quantile=2) - refit["indirect"].isel(quantile=0)
    for part in ("indirect", "direct", "total"):
        gap = abs(quick[part] - refit[part]) / (refit[part].isel(quantile=2) - refit[part].isel(quantile=0))
        assert float(gap.max()) < 0.12, part
    moved = (
        abs(refit["indirect"].sel(rho=0.2, quantile=0.5) - refit["indirect"].sel(rho=0.0, quantile=0.5)) / width
    )
    assert float(moved.max()) > 0.12  # so that agreement is no matter of course
