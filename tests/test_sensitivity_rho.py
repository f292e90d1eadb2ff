"""Effects against the residual correlation, by weights: closed forms of the linear case, densities, refusals."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayesmmm import errors
from bayesmmm.equations import MMM
from bayesmmm.estimands import effects, residuals
from bayesmmm.priors import Prior
from bayesmmm.sensitivity.importance import smoothed, weighted_quantiles
from bayesmmm.sensitivity.residual_correlation import log_ratio, mediation_sensitivity, vanishing
from tests import made

RHO = (-0.3, -0.01, 0.0, 0.02)


# ------------------------------------------------------------------------------------------ the linear case, by hand
def linear_case(seed=0, periods=24, draws=8000):
    """Exact draws of m = X b + e, y = X c + g m + e' under flat priors on b, c, g and the logs of both sigmas."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(periods), rng.normal(size=(periods, 2))])
    m = x @ [1.0, 0.5, 0.0] + rng.normal(size=periods)
    y = x @ [2.0, 0.3, 0.4] + 0.05 * m + 1.5 * rng.normal(size=periods)
    one, other = _regression(x, m, draws, rng), _regression(np.column_stack([x, m]), y, draws, rng)
    left = [one["left"] / one["sigma"][:, None], other["left"] / other["sigma"][:, None]]
    sums = np.stack([(a * b).sum(axis=1) for a, b in ((left[0],) * 2, (left[1],) * 2, left)], axis=-1)
    return {
        "sums": sums,
        "g": other["b"][:, -1],
        "ratio": other["sigma"] / one["sigma"],
        "k": other["best"][-1] * one["size"] / other["size"],
        "periods": periods,
    }


def _regression(x, y, draws, rng) -> dict:
    """Draws of coefficients and sigma from their exact posterior under 1 / sigma."""
    best, (rest,), *_ = np.linalg.lstsq(x, y)
    free = len(y) - x.shape[1]
    sigma = np.sqrt(rest / rng.chisquare(free, draws))
    root = np.linalg.cholesky(np.linalg.inv(x.T @ x))
    b = best + sigma[:, None] * (rng.standard_normal((draws, x.shape[1])) @ root.T)
    return {"b": b, "sigma": sigma, "left": y - b @ x.T, "best": best, "size": np.sqrt(rest / free)}


@pytest.fixture(scope="module")
def linear():
    return linear_case()


def _as_draws(values):
    return xr.DataArray(np.asarray(values).reshape(4, -1), dims=("chain", "draw"))


@pytest.mark.parametrize("rho", [-0.3, -0.15, 0.2, 0.35])
def test_weights_give_the_posterior_that_is_known_in_the_linear_case(linear, rho):
    """The data see g + rho sd(y) / sd(m) and sd(y) sqrt(1 - rho^2) only: draws at rho are those at 0, moved."""
    weights = smoothed(_as_draws(log_ratio(linear["sums"], linear["periods"], rho)))
    moved = linear["g"] - rho / np.sqrt(1.0 - rho**2) * linear["ratio"]
    at = (0.1, 0.5, 0.9)
    assert weights.reliable
    found = weighted_quantiles(_as_draws(linear["g"]), weights.values, at)
    np.testing.assert_allclose(found, np.quantile(moved, at), atol=0.2 * moved.std())
    assert float(found[1]) == pytest.approx(np.median(moved), abs=0.1 * moved.std())
    # As far as the wrong sign of rho would be off:
    assert abs(float(found[1]) - np.median(2.0 * linear["g"] - moved)) > 1.0 * moved.std()


@pytest.mark.parametrize("rho", [-0.3, 0.2])
def test_the_data_say_nothing_about_rho_in_the_linear_case(linear, rho):
    ratio = log_ratio(linear["sums"], linear["periods"], rho)
    assert smoothed(_as_draws(ratio)).log_mean == pytest.approx(0.0, abs=0.15)
    assert ratio.std() > 0.5  # though single draws are told apart


def test_the_effect_vanishes_where_the_closed_form_says(linear):
    """k / sqrt(1 + k^2), with k the effect of m in residual sds, from Imai, Keele and Yamamoto (2010)."""
    grid = np.linspace(-0.5, 0.5, 41)
    weights = [smoothed(_as_draws(log_ratio(linear["sums"], linear["periods"], r))) for r in grid]
    draws = _as_draws(linear["g"])
    median = np.array([float(weighted_quantiles(draws, w.values, (0.5,))[0]) for w in weights])
    line = xr.DataArray(median[:, None], {"rho": grid, "channel": ["m"]}, ("rho", "channel"))
    reliable = xr.DataArray([w.reliable for w in weights], {"rho": grid}, ("rho",))
    expected = linear["k"] / np.sqrt(1.0 + linear["k"] ** 2)
    assert 0.1 < expected < 0.48
    assert float(vanishing(line, reliable)[0]) == pytest.approx(expected, abs=0.04)


def test_far_from_zero_the_weights_say_that_they_cannot_be_trusted():
    long = linear_case(periods=300, draws=2000)
    assert not smoothed(_as_draws(log_ratio(long["sums"], 300, 0.6))).reliable


# --------------------------------------------------------------------------------------------------- the density
@pytest.mark.parametrize("rho", [-0.95, -0.2, 0.0, 0.6])
def test_the_log_ratio_is_that_of_bivariate_normals(rho):
    pairs = np.random.default_rng(4).normal(size=(30, 2)) @ [[1.0, 0.4], [0.0, 0.8]]
    sums = np.array([(pairs[:, 0] ** 2).sum(), (pairs[:, 1] ** 2).sum(), pairs.prod(axis=1).sum()])
    wanted, given = (stats.multivariate_normal([0, 0], [[1, r], [r, 1]]).logpdf(pairs).sum() for r in (rho, 0.0))
    assert log_ratio(sums, 30, rho) == pytest.approx(wanted - given, abs=1e-9)


@pytest.fixture(
    scope="module", params=["one mediator", "linear mediator", "lognormal mediator", "lognormal outcome"]
)
def case(request):
    return made.case_fit(request.param, draws=60, seed=3)


def test_weights_and_quantiles_of_a_fit(case):
    """Residuals, densities and effects by other routes than that of the function."""
    found = mediation_sensitivity(case, rho=RHO, window="outcome", ci_prob=0.8)
    left = [residuals(case, name).values for name in ("queries", "sales")]
    answers = effects(case, window="outcome", groups={})
    assert found.attrs | {"method": "reweight", "mediator": "queries", "ci_prob": 0.8} == found.attrs
    for rho in RHO:
        joint = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).logpdf(np.stack(left, axis=-1))
        ratio = (joint - sum(stats.norm.logpdf(part) for part in left)).sum(axis=-1)
        here = found.sel(rho=rho)
        log_mean = ratio.max() + np.log(np.exp(ratio - ratio.max()).mean())
        assert float(here["log_evidence"]) == pytest.approx(log_mean, rel=1e-6, abs=1e-6)
        weights = smoothed(xr.DataArray(ratio, dims=("chain", "draw")))
        assert rho == 0.0 or float(here["pareto_k"]) == pytest.approx(weights.k, rel=1e-4)
        for part in ("direct", "indirect", "total"):
            wanted = weighted_quantiles(answers[part], weights.values, (0.1, 0.5, 0.9))
            np.testing.assert_allclose(here[part].transpose("quantile", "channel"), wanted, rtol=1e-6)


def test_without_correlation_nothing_changes(case):
    found = mediation_sensitivity(case, rho=[0.0, 0.1], ci_prob=0.9).sel(rho=0.0)
    answers = effects(case, groups={})
    for part in ("direct", "indirect", "total"):
        wanted = answers[part].quantile([0.05, 0.5, 0.95], ["chain", "draw"])
        np.testing.assert_allclose(found[part].transpose("quantile", "channel"), wanted, rtol=1e-9, atol=1e-9)
    assert (bool(found["reliable"]), float(found["pareto_k"]), float(found["log_evidence"])) == (True, 0.0, 0.0)


def test_made_up_draws_are_no_posterior_and_the_weights_say_so(case):
    """Draws from the prior have residuals of any size: k is large."""
    found = mediation_sensitivity(case, rho=[-0.5, 0.0, 0.5])
    assert found["reliable"].values.tolist() == [False, True, False]
    assert np.isnan(found["rho_star"]).all()
    assert np.isnan(found["rho_beyond"]).all()


# ------------------------------------------------------------------------------------------ fits with a rho of their own
def tied(fit, rho):
    """The same draws, as those of a system with this rho between sales and queries."""
    equations = [replace(e, rho={"queries": rho}) if e.name == "sales" else e for e in fit.system.equations]
    return replace(fit, system=MMM(equations)).with_convergence(fit.convergence)


def test_a_fit_at_another_rho_is_where_the_weights_start():
    fit = tied(made.case_fit("one mediator", draws=60), 0.3)
    found = mediation_sensitivity(fit, rho=[0.0, 0.3])
    assert found["pareto_k"].sel(rho=0.3) == 0.0
    back = mediation_sensitivity(tied(fit, 0.0), rho=[0.0, 0.3])
    assert float(found["size"].sel(rho=0.0)) < float(back["size"].sel(rho=0.0))
    np.testing.assert_allclose(
        found["total"].sel(rho=0.3), back["total"].sel(rho=0.0)
    )  # equal weights in either, on effects that do not depend on rho


def test_future_residuals_of_a_lognormal_outcome_go_with_those_of_the_mediator():
    """The tail after the data is averaged over residuals; at every rho with that rho."""
    fit = made.case_fit("lognormal outcome", draws=40)
    found = mediation_sensitivity(tied(fit, 0.6), rho=[0.6], ci_prob=0.8)
    at = found.attrs["ci_prob"]
    for rho, agree in ((0.6, True), (0.0, False)):
        wanted = effects(tied(fit, rho), groups={})["indirect"].quantile([0.1, 0.5, 0.9], ["chain", "draw"])
        same = np.allclose(found["indirect"].sel(rho=0.6), wanted, rtol=1e-9)
        assert same is agree, at


@pytest.mark.parametrize(
    ("name", "rho", "words"),
    [
        ("one mediator", {"queries": Prior("Uniform", lower=-0.5, upper=0.5)}, "is a parameter of this fit"),
        ("parallel", {"visits": 0.2}, "are correlated with those of 'visits'"),
    ],
)
def test_a_rho_that_stands_in_the_way(name, rho, words):
    system, data = made.case(name)
    equations = [replace(e, rho=rho) if e.name == "sales" else e for e in system.equations]
    fit = made.made_fit(MMM(equations), data, draws=4)
    with pytest.raises(errors.AnswerError, match=words):
        mediation_sensitivity(fit, mediator="queries")


# --------------------------------------------------------------------------------------------------- vanishing point
def test_the_vanishing_point_is_the_nearest_reliable_one():
    rho = [-0.4, -0.2, 0.0, 0.2, 0.4]
    lines = np.array([[-1.0, 1, 1, 1, -1], [1, 1, 1, 1, 1], [-1, 1, 2, -2, -3], [0, 0, 0, 0, 0]]).T
    median = xr.DataArray(lines, {"rho": rho, "channel": list("abcd")}, ("rho", "channel"))
    every = xr.DataArray([True] * 5, {"rho": rho}, ("rho",))
    np.testing.assert_allclose(vanishing(median, every), [-0.3, np.nan, 0.1, np.nan])
    inner = every.copy(data=[False, True, True, True, False])
    np.testing.assert_allclose(vanishing(median, inner), [np.nan, np.nan, 0.1, np.nan])


# --------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("name", "given", "error", "words"),
    [
        ("no mediator", {}, errors.AnswerError, "no mediator acts on 'sales'"),
        ("parallel", {}, errors.SettingError, "mediator='queries'"),
        ("one mediator", {"mediator": "querys"}, errors.UnknownTermError, "did you mean 'queries'"),
        ("one mediator", {"mediator": "tv"}, errors.UnknownTermError, "Use one of: queries"),
        ("censored mediator", {}, errors.LikelihoodError, "'search' is censored_normal"),
        ("student_t mediator", {}, errors.LikelihoodError, "normal and lognormal only"),
        ("diamond", {"mediator": "queries"}, errors.LikelihoodError, "'sales' is student_t"),
        ("one mediator", {"rho": [0.0, 1.0]}, errors.SettingError, "between -1 and 1"),
        ("one mediator", {"rho": 0.2}, errors.SettingError, "must be a list of different correlations"),
        ("one mediator", {"rho": [0.2, 0.2]}, errors.SettingError, "different"),
        ("one mediator", {"rho": []}, errors.SettingError, "as rho="),
        ("one mediator", {"rho": [np.nan]}, errors.SettingError, "between -1 and 1"),
        ("one mediator", {"rho": ["high"]}, errors.SettingError, "as rho="),
    ],
)
def test_what_cannot_be_asked(name, given, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        mediation_sensitivity(made.case_fit(name), **given)


def test_a_failed_sampler_is_not_asked():
    fit = made.case_fit("one mediator", verdict="failed")
    with pytest.raises(errors.ConvergenceError, match="accept_unconverged"):
        mediation_sensitivity(fit)
    assert mediation_sensitivity(fit.accept_unconverged()).attrs["verdict"] == "failed"
