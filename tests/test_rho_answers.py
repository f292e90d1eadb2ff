"""Answers under correlated residuals: draws, completion of the posterior, predictions, effects, worlds, files."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy import stats

from bayesmmm import engine, inference
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import EquationError
from bayesmmm.estimands import decompose, effects, marginal_roi, predict, residuals, response_curves, what_if
from bayesmmm.inference import linear_plan
from bayesmmm.priors import Prior
from bayesmmm.report import prose
from bayesmmm.results import load
from bayesmmm.simulate import simulate_world
from tests import worlds
from tests.made import made_fit

WIDE = Prior("Uniform", lower=-0.9, upper=0.9)


def tied(outcome="normal", mediator="normal", rho=0.6) -> MMM:
    return worlds.system(outcome, mediator, rho={"search": rho})


def untied(system: MMM) -> MMM:
    return MMM([dataclasses.replace(e, rho={}) for e in system.equations])


def fit_of(system, *, draws=6, seed=1, **values):
    return made_fit(system, worlds.data(60, zeros=False), draws=draws, seed=seed, values=values)


def plan(periods=6, seed=5):
    table = worlds.frame(60 + periods, seed).iloc[60:]
    return table[["week", "tv", "social", "price"]].rename(columns={"week": "date"})


def same_answers(fit, system):
    """The same draws read as draws of another system."""
    other = dataclasses.replace(fit, system=system)
    other = other.with_convergence(fit.convergence)
    return other


# ------------------------------------------------------------------------------------------------------ residuals
def test_residuals_of_a_chain_have_the_correlations_that_were_asked_for():
    chain = MMM(
        [
            Equation("queries", media=["tv"]),
            Equation("shop", media=["queries"], rho={"queries": -0.5}),
            Equation("sales", media=["shop"], rho={"shop": WIDE}),
        ]
    )
    sigma, n = {"queries": 0.5, "shop": 2.0, "sales": 0.1}, 200_000
    par = {name: {"sigma": np.full(n, s)} for name, s in sigma.items()}
    par["sales"]["rho"] = np.full((n, 1), 0.8)
    drawn = engine.joint_residuals(chain, par, (n, 1, 1), np.random.default_rng(0))
    z = np.stack([drawn[name].ravel() / sigma[name] for name in chain.order])
    wanted = np.array([[1.0, -0.5, -0.4], [-0.5, 1.0, 0.8], [-0.4, 0.8, 1.0]])
    assert_allclose(z @ z.T / n, wanted, atol=5 / np.sqrt(n) * 1.5)


def test_worlds_are_correlated_where_the_system_says_so():
    data = worlds.data(300, zeros=False)
    par = {
        "search": {"half_life": 7.0, "half_saturation": 1.0, "slope": 1.0, "contribution": 0.3, "sigma": 0.1},
        "sales": {"half_life": 7.0, "half_saturation": 1.0, "slope": 1.0, "contribution": 0.1, "sigma": 0.05},
    }
    for name, terms in (("search", 2), ("sales", 5)):
        n = 1 if name == "search" else 3
        shape = {"contribution": (1, 1, n), "sigma": (1,)}
        par[name] = {key: np.full(shape.get(key, (1, n)), value) for key, value in par[name].items()}
        par[name]["coefficient"] = np.r_[1.0, np.zeros(terms - 1)][None]
    worlds_at = {}
    for rho in (None, 0.0, 0.7):
        system = tied(rho=0.0 if rho is None else rho)
        system = untied(system) if rho is None else system
        worlds_at[rho] = simulate_world(system, data, parameters=par, seed=4)
    correlation = {
        rho: np.corrcoef(*(w.truth.components[n].sel({f"{n}.component": "residual"}) for n in par))[0, 1]
        for rho, w in worlds_at.items()
    }
    assert correlation[None] == correlation[0.0]
    assert worlds_at[None].data == worlds_at[0.0].data
    assert abs(correlation[0.0]) < 0.15
    assert correlation[0.7] == pytest.approx(0.7, abs=4 * (1 - 0.49) / np.sqrt(300))
    learned = {**par, "sales": {**par["sales"], "rho": np.array([[0.7]])}}
    again = simulate_world(tied(rho=WIDE), data, parameters=learned, seed=4)
    assert again.data == worlds_at[0.7].data
    assert again.truth.parameters["sales.rho"].sel({"sales.mediator": "search"}) == 0.7
    learned["sales"]["rho"] = np.array([[1.0]])
    with pytest.raises(EquationError, match="above -1 and below 1"):
        simulate_world(tied(rho=WIDE), data, parameters=learned, seed=4)


# -------------------------------------------------------------------------------------- completing the posterior
@pytest.mark.parametrize(("outcome", "mediator"), [("normal", "normal"), ("lognormal", "normal")])
def test_pointwise_densities_add_up_to_the_bivariate_normal(outcome, mediator):
    fit = fit_of(tied(outcome, mediator, WIDE))
    par, data = fit.parameters(), fit.data
    groups = inference.predictive_groups(fit.system, par, data, fit.scales, 2, np.random.default_rng(0))
    density = groups["log_likelihood"]
    base = engine.history(fit.system, fit.scales, data, par, np.arange(12), seed=0)
    got = (density["search"] + density["sales"]).values.reshape(12, -1)
    for s in range(12):
        sigma = np.array([par[n]["sigma"][s] for n in ("search", "sales")])
        rho = par["sales"]["rho"][s, 0]
        cov = np.outer(sigma, sigma) * np.array([[1, rho], [rho, 1]])
        errors = np.stack([base.residual[n][s, 0] for n in ("search", "sales")], axis=-1)
        unit = np.log(fit.scales.size["search"]) + (
            np.log(data.columns["sales"][0]) if outcome == "lognormal" else np.log(fit.scales.size["sales"])
        )
        assert_allclose(got[s], stats.multivariate_normal([0, 0], cov).logpdf(errors) - unit, rtol=1e-9)


def test_collapsed_coefficients_have_the_dense_conditional_mean_and_covariance():
    system, data = tied(rho=0.6), worlds.data(40, zeros=False)
    fit = made_fit(system, data, draws=1, chains=1)
    par = fit.parameters()
    equation = system.equation("sales")
    seen = engine.inputs(equation, data, fit.scales)
    plan_ = linear_plan(equation, seen.design)
    base = engine.history(system, fit.scales, data, par, np.arange(1), seed=0)
    center, sigma = engine.given_mediator(equation, par, base.residual)
    flat = {**par["sales"], "coefficient": np.zeros_like(par["sales"]["coefficient"]), "sigma": sigma}
    many = {key: np.repeat(value, 40_000, axis=0) for key, value in flat.items()}
    z = inference.draw_coordinates(
        equation,
        seen,
        many,
        plan_,
        data.calendar,
        np.random.default_rng(1),
        center=np.repeat(center, 40_000, 0),
    )
    b = plan_.coefficients(z)
    # The same from one dense Normal: y - media - rho s_y / s_m e_m = W b + e, e of scale s_y sqrt(1 - rho^2).
    w, m, sd = seen.design[0], plan_.mean, plan_.sd
    s_m, s_y = par["search"]["sigma"][0], par["sales"]["sigma"][0]
    media = engine.latent_mean(equation, seen, flat, data.calendar, base.rows.amplitude["sales"])[0, 0]
    y = seen.target[0] - media - 0.6 * s_y / s_m * base.residual["search"][0, 0]
    precision = np.diag(1 / sd**2) + w.T @ w / (s_y**2 * (1 - 0.36))
    cov = np.linalg.inv(precision)
    mean = cov @ (m / sd**2 + w.T @ y / (s_y**2 * (1 - 0.36)))
    error = np.sqrt(np.diag(cov) / len(b))
    assert (np.abs(b.mean(axis=0) - mean) < 5 * error).all()
    assert_allclose(
        np.cov(b.T) / np.sqrt(np.outer(np.diag(cov), np.diag(cov))),
        cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov))),
        atol=0.03,
    )
    # Without the correlation the mean would be another one.
    wrong = np.linalg.inv(np.diag(1 / sd**2) + w.T @ w / s_y**2) @ (
        m / sd**2 + w.T @ (seen.target[0] - media) / s_y**2
    )
    assert (np.abs(wrong - mean) > 5 * error).any()


def test_replicates_are_drawn_given_the_residual_of_the_mediator():
    fit = fit_of(
        tied(rho=0.8), draws=2000, **{"sales.sigma": 0.3, "search.sigma": 0.2, "search.contribution": 0.1}
    )
    par = fit.parameters()
    groups = inference.predictive_groups(fit.system, par, fit.data, fit.scales, 2, np.random.default_rng(0))
    base = engine.history(fit.system, fit.scales, fit.data, par, np.arange(4000), seed=0)
    size = fit.scales.size["sales"][0]
    error = groups["posterior_predictive"]["sales"].values.reshape(4000, -1) / size - base.latent["sales"][:, 0]
    told = 0.8 * 0.3 / 0.2 * base.residual["search"][:, 0]
    own = (error - told) / (0.3 * 0.6)
    assert abs(own.mean()) < 0.01
    assert own.std() == pytest.approx(1.0, abs=0.01)
    mean = predict(fit)["sales"].values.reshape(4000, -1)
    assert_allclose(mean, size * (base.latent["sales"][:, 0] + told), rtol=1e-10)
    noisy = predict(fit, noise=True)["sales"].values.reshape(4000, -1)
    assert (noisy - mean).std() == pytest.approx(0.3 * 0.6 * size, rel=0.01)


# ------------------------------------------------------------------------------------------------------ the future
@pytest.mark.parametrize("outcome", ["normal", "lognormal"])
def test_future_residuals_are_correlated(outcome):
    values = {"sales.contribution": {"search": 0.0}, "sales.sigma": 0.3, "search.sigma": 0.1}
    fit = fit_of(tied(outcome, rho=-0.7), draws=1500, **values)
    ahead, mean = predict(fit, plan(), noise=True), predict(fit, plan(), paths=1)
    m = ((ahead["search"] - mean["search"]) / fit.scales.size["search"][0] / 0.1).values.reshape(3000, -1)
    if outcome == "normal":
        y = ((ahead["sales"] - mean["sales"]) / fit.scales.size["sales"][0] / 0.3).values.reshape(3000, -1)
    else:
        par = fit.parameters()
        past = engine.history(fit.system, fit.scales, fit.data, par, np.arange(3000), seed=0)
        future = engine.future(
            past,
            pd.DatetimeIndex(plan()["date"]),
            {n: plan()[n].to_numpy()[None] for n in ("tv", "social", "price")},
            seed=0,
            paths=1,
            noise=True,
        )
        y = future.residual["sales"][:, 0] / 0.3
    for t in range(6):
        assert np.corrcoef(m[:, t], y[:, t])[0, 1] == pytest.approx(-0.7, abs=0.05)
    assert y.std() == pytest.approx(1.0, abs=0.03)


def brute_force(fit, table, n=400_000):
    """Mean of the outcome over the first planned period, by plain Monte Carlo over the joint residuals."""
    par, rng = fit.parameters(), np.random.default_rng(7)
    past = engine.history(fit.system, fit.scales, fit.data, par, np.arange(1), seed=0)
    columns = {n: table[n].to_numpy()[None] for n in ("tv", "social", "price")}
    dates = pd.DatetimeIndex(table["date"])
    future = engine.future(past, dates, columns, seed=0, paths=1)
    s_m, s_y = (par[n]["sigma"][0] for n in ("search", "sales"))
    rho = fit.system.equation("sales").rho["search"]
    e_m = s_m * rng.standard_normal(n)
    e_y = s_y * (rho * e_m / s_m + np.sqrt(1 - rho**2) * rng.standard_normal(n))
    search = (future.latent["search"][0, 0, 0] + e_m) * fit.scales.size["search"][0]
    latent = future.latent["sales"][0, 0, 0] - future.term["sales", "search"][0, 0, 0]
    at = fit.system.equation("sales").media.index("search")
    own = {k: par["sales"][k][0, at] for k in ("half_life", "half_saturation", "slope")}
    kept = sum(0.5 ** (day / own["half_life"]) for day in range(1, 8))
    x = np.maximum(search, 0.0) / fit.scales.spend["search"][0]
    a = (1 - kept / 7) * x + kept * engine.carryover(past)["sales", "search"][0, 0, 0]
    h = a ** own["slope"] / (own["half_saturation"] ** own["slope"] + a ** own["slope"])
    media = past.rows.amplitude["sales"][0, 0, at] * h
    return float((fit.scales.size["sales"][0] * np.exp(latent + media + e_y)).mean())


def test_the_future_mean_of_a_lognormal_outcome_integrates_over_both_residuals_together():
    values = {
        "sales.sigma": 0.6,
        "search.sigma": 0.5,
        "sales.contribution": {"search": 0.8},
        "sales.half_life": {"search": 2.0},
        "sales.half_saturation": {"search": 1.0},
        "sales.slope": {"search": 1.5},
    }
    fit = made_fit(tied("lognormal", rho=0.8), worlds.data(60, zeros=False), draws=1, chains=1, values=values)
    table = plan(1)
    got = float(predict(fit, table, paths=4000)["sales"].item())
    assert got == pytest.approx(brute_force(fit, table), rel=0.01)
    alone = same_answers(fit, untied(fit.system))
    assert abs(float(predict(alone, table, paths=4000)["sales"].item()) / got - 1.0) > 0.05


def test_derivatives_of_a_lognormal_future_are_those_of_its_curves():
    fit = fit_of(tied("lognormal", rho=0.8), draws=3, **{"sales.sigma": 0.5, "search.sigma": 0.4})
    table, h = plan(5), 1e-4
    kwargs = {"plan": table, "paths": 8}
    slope = marginal_roi(fit, **kwargs)
    curves = response_curves(fit, factors=[1 - h, 1 + h], **kwargs)
    for channel in ("tv", "social"):
        gained = curves["outcome"].sel(channel=channel)
        rise = (gained.sel(factor=1 + h) - gained.sel(factor=1 - h)) / (2 * h)
        spend = float(table[channel].sum())
        assert_allclose(slope.sel(channel=channel).values, rise.values / spend, rtol=1e-5)
    found = effects(fit, **kwargs)
    assert_allclose(found["direct"] + found["indirect"], found["total"], rtol=1e-12)


# ------------------------------------------------------------------------------------------- given the same draws
def test_effects_on_observed_periods_do_not_depend_on_rho():
    """Residuals are kept, whatever they go with; only which parameters are likely depends on rho."""
    for outcome in ("normal", "lognormal"):
        fit = fit_of(tied(outcome, rho=0.6))
        alone = same_answers(fit, untied(fit.system))
        kwargs = {"window": "outcome"}
        for part in ("total", "direct", "indirect"):
            assert_allclose(effects(fit, **kwargs)[part], effects(alone, **kwargs)[part], rtol=1e-12)
        assert_allclose(residuals(fit).values, residuals(alone).values, rtol=1e-12)
        one, other = (what_if(f, scale={"tv": 1.5})["sales.change"] for f in (fit, alone))
        assert_allclose(one, other, rtol=1e-12)


def test_effects_after_the_data_of_a_normal_outcome_do_not_depend_on_rho():
    fit = fit_of(tied(rho=0.6))
    alone = same_answers(fit, untied(fit.system))
    assert_allclose(effects(fit, plan=plan())["total"], effects(alone, plan=plan())["total"], rtol=1e-12)
    assert_allclose(predict(fit, plan())["sales"], predict(alone, plan())["sales"], rtol=1e-12)


@pytest.mark.parametrize(("outcome", "mediator"), [("normal", "lognormal"), ("lognormal", "normal")])
def test_a_decomposition_adds_up_to_the_prediction_and_names_what_is_common(outcome, mediator):
    fit = fit_of(tied(outcome, mediator, WIDE))
    parts = decompose(fit)
    assert parts["kind"].sel(component="common with search").item() == "base"
    assert_allclose(parts["contribution"].sum("component"), predict(fit)["sales"], rtol=1e-9)
    if outcome == "normal":
        par = fit.parameters()
        z = residuals(fit, "search").values.reshape(12, -1)
        told = fit.scales.size["sales"][0] * par["sales"]["rho"] * par["sales"]["sigma"][:, None] * z
        got = parts["contribution"].sel(component="common with search").values.reshape(12, -1)
        assert_allclose(got, told, rtol=1e-9, atol=1e-9)
    plain = decompose(same_answers(fit, untied(fit.system)))
    assert "common with search" not in plain["component"].values


# ---------------------------------------------------------------------------------------------------------- labels
def test_a_learned_correlation_is_labelled_by_its_mediator_and_read_back():
    fit = fit_of(tied(rho=WIDE))
    drawn = fit.posterior["sales.rho"]
    assert drawn.dims == ("chain", "draw", "sales.mediator")
    assert drawn["sales.mediator"].values.tolist() == ["search"]
    assert_allclose(fit.parameters()["sales"]["rho"], drawn.values.reshape(-1, 1))
    assert "sales.rho" not in fit_of(tied(rho=0.5)).posterior


def test_rescaling_leaves_a_correlation_alone():
    fit = fit_of(tied(rho=WIDE))
    other = dataclasses.replace(fit.scales, size={k: 2.0 * v for k, v in fit.scales.size.items()})
    restated = engine.rescale(fit.system, fit.parameters(), fit.scales, other)
    assert_allclose(restated["sales"]["rho"], fit.parameters()["sales"]["rho"])


@pytest.mark.parametrize("rho", [0.35, WIDE])
def test_a_saved_fit_keeps_its_correlation(rho, tmp_path):
    fit = fit_of(tied(rho=rho))
    back = load(fit.save(tmp_path / "fit.nc"))
    assert back.system == fit.system
    xr.testing.assert_identical(back.posterior, fit.posterior)
    assert_allclose(predict(back.accept_unconverged())["sales"], predict(fit)["sales"])


def test_the_report_says_which_residuals_go_together():
    def sentence(fit):
        found = prose.assumptions(SimpleNamespace(fit=fit, outcome="sales", geos=None))
        return next(text for text in found if "does not also drive another" in text)

    assert sentence(fit_of(untied(tied()))).endswith("drive another.")
    assert sentence(fit_of(tied(rho=0.4))).endswith("search and sales, where a correlation of 0.4 is assumed.")
    learned = fit_of(tied(rho=WIDE), **{"sales.rho": 0.25})
    assert sentence(learned).endswith("where a correlation of 0.25 is estimated.")
    assert fit_of(tied(rho=WIDE)).summary().attrs["units"]["sales.rho"] == "correlation"
