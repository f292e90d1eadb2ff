"""Cross-validation of panels: densities against a dense covariance, totals against sums, folds that cannot be."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import bayesmmm as mm
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Panel
from bayesmmm.errors import SettingError
from bayesmmm.estimands import predict
from bayesmmm.evaluate import cross_validate, hold_out
from bayesmmm.evaluate.folds import plan_folds
from bayesmmm.evaluate.held_out import score_held_out
from bayesmmm.evaluate.scores import crps, elpd
from tests import panel_fits, panels
from tests.fits import quiet

SHORT = {"draws": 60, "tune": 100, "chains": 2, "progress": False}
LIKELIHOODS = ("normal", "lognormal", "student_t", "normal, a sigma for each geo")


def ahead(likelihood="normal", draws=6):
    """A made fit of three geos over the first periods, plan and truth of the last six."""
    kind, _, own = likelihood.partition(",")
    panel = Panel(periods="random", sigma="per_geo" if own else "shared")
    sales = Equation("sales", media=["tv", "social"], linear=["price"], likelihood=kind, panel=panel)
    system = MMM([sales])
    data = panel_fits.panel_data(system)
    training = data.between(data.dates[0], data.dates[-7])
    name = f"ahead {likelihood}"
    panel_fits.SYSTEMS[name] = system
    try:
        fit = panel_fits.panel_fit(name, draws=draws)
    finally:
        del panel_fits.SYSTEMS[name]
    posterior = fit.posterior.isel(date=slice(None, -6))
    fit = panel_fits.fit_with(system, training, training.scales(), posterior)
    frame = {"date": np.tile(data.dates[-6:], 3), "geo": np.repeat(data.geos, 6)}
    plan = pd.DataFrame(frame | {c: data.columns[c][:, -6:].ravel() for c in system.exogenous})
    return fit, plan, {"sales": data.columns["sales"][:, -6:]}


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_densities_of_geos_to_come_share_the_effect_of_the_period(likelihood):
    fit, plan, actual = ahead(likelihood)
    found = score_held_out(fit, plan, actual, last=6, mediators="respond", paths=1, seed=1)["sales"]
    par, size = fit.parameters()["sales"], fit.scales.size["sales"][:, None]
    median = predict(fit, plan, by="geo")["sales"].transpose("chain", "draw", "geo", "date").values
    latent = median.reshape(-1, 3, 6) / size
    if likelihood == "lognormal":  # the mean is exp(mu + (sigma^2 + omega^2) / 2)
        latent = np.log(latent) - 0.5 * (par["sigma"] ** 2 + par["omega"] ** 2)[:, None, None]
    y = np.log(actual["sales"] / size) if likelihood == "lognormal" else actual["sales"] / size
    jacobian = -np.log(actual["sales"]) if likelihood == "lognormal" else np.broadcast_to(-np.log(size), y.shape)
    joint, single = np.empty((len(latent), 6)), np.empty((len(latent), 3, 6))
    for s, (sigma, omega) in enumerate(zip(par["sigma"], par["omega"], strict=True)):
        r = y - latent[s]
        sigma = np.broadcast_to(sigma, 3)
        if likelihood == "student_t":
            nu = par["nu_minus_two"][s] + 2.0

            def p(u, r, sigma=sigma[0], omega=omega, nu=nu):
                return np.exp(stats.t.logpdf((r - u) / sigma, nu).sum() - r.size * np.log(sigma)) * stats.norm.pdf(
                    u, 0.0, omega
                )

            for t in range(6):
                at = {"points": [0.0, *r[:, t]], "limit": 200}
                ends = (-8.0 * omega, 8.0 * omega)
                joint[s, t] = np.log(integrate.quad(p, *ends, args=(r[:, t],), **at)[0])
                for g in range(3):
                    single[s, g, t] = np.log(integrate.quad(p, *ends, args=(r[g, t],), **at)[0])
        else:
            covariance = np.diag(sigma**2) + omega**2
            joint[s] = stats.multivariate_normal(np.zeros(3), covariance).logpdf(r.T)
            single[s] = stats.norm.logpdf(r, 0.0, np.hypot(sigma, omega)[:, None])
    np.testing.assert_allclose(found.log_density, elpd(joint + jacobian.sum(axis=0)), rtol=1e-5)
    np.testing.assert_allclose(found.by_geo.log_density, elpd(single + jacobian), rtol=1e-5)


def test_totals_are_sums_of_new_observations_that_share_the_period():
    fit, plan, actual = ahead(draws=400)
    found = score_held_out(fit, plan, actual, last=4, mediators="respond", paths=1, seed=1)["sales"]
    np.testing.assert_allclose(found.observed, actual["sales"][:, -4:].sum(axis=0))
    np.testing.assert_allclose(found.drawn, found.by_geo.drawn.sum(axis=1))
    noise = (found.by_geo.drawn - found.by_geo.mean) / fit.scales.size["sales"][:, None]
    par = fit.parameters()["sales"]
    share = np.mean(par["omega"] ** 2) / np.mean(par["sigma"] ** 2 + par["omega"] ** 2)
    correlation = np.corrcoef(noise[:, 0].ravel(), noise[:, 1].ravel())[0, 1]
    assert correlation == pytest.approx(share, abs=5.0 / np.sqrt(noise[:, 0].size))


@pytest.fixture(scope="module")
def folds():
    return quiet(cross_validate, panels.system(), panels.data(), folds=2, horizon=4, seed=3, ci_prob=0.8, **SHORT)


def test_folds_of_a_panel_are_scored_in_total_and_by_geo(folds):
    data, by_geo = panels.data(), folds.predictions_by_geo
    assert folds.predictions["equation"].values.tolist() == ["search", "sales"]
    assert dict(by_geo.sizes) == {"fold": 2, "equation": 2, "geo": 5, "ahead": 4}
    seen = by_geo["observed"].sel(fold=2, equation="sales").transpose("geo", "ahead")
    np.testing.assert_array_equal(seen, data.columns["sales"][:, -4:])
    np.testing.assert_allclose(by_geo["observed"].sum("geo"), folds.predictions["observed"])
    np.testing.assert_allclose(by_geo["mean"].sum("geo"), folds.predictions["mean"])
    np.testing.assert_allclose(by_geo["naive"].sum("geo"), folds.predictions["naive"])
    west = by_geo.sel(equation="sales", geo="west")
    table = folds.table(by="geo")
    inside = (west["lower"] <= west["observed"]) & (west["observed"] <= west["upper"])
    assert table.loc["west", "coverage"] == pytest.approx(float(inside.mean()))
    error = np.sqrt(float(((west["observed"] - west["mean"]) ** 2).mean()))
    assert table.loc["west", "rmse"] == pytest.approx(error)
    assert folds.table().loc["all", "rmse"] <= table["rmse"].sum()
    assert table.attrs == {"unit": data.unit("sales"), "equation": "sales"}
    assert "in total over 5 geos; by geo coverage is " in str(folds)
    assert "roi[tv]" in folds.stability["parameter"].values
    assert "sales.period" not in " ".join(folds.stability["parameter"].values)
    assert np.isfinite(folds.stability["drift"]).any()
    mm.plots.cross_validation(folds)
    mm.plots.stability(folds)


def test_parameters_of_curves_that_geos_have_of_their_own_are_followed():
    system = MMM([Equation("sales", media=["tv"], panel=Panel(pooled=["half_saturation"], sigma="per_geo"))])
    cv = quiet(cross_validate, system, panels.data(), folds=2, horizon=4, seed=3, **SHORT)
    names = set(cv.stability["parameter"].values)
    assert {"sales.half_saturation[north, tv]", "sales.sigma[west]", "sales.tau[tv]"} <= names
    assert np.isfinite(cv.stability["mean"]).all()


def test_a_fold_is_the_fit_of_its_first_periods(folds):
    """The second fold by hand: fit, predict, score."""
    data, system = panels.data(), panels.system()
    training = data.between(data.dates[0], data.dates[-5])
    from bayesmmm.inference import fit_quietly, seeds

    fit = fit_quietly(system, training, seed=seeds(3, 2)[1], draws=60, tune=100, chains=2).fit
    frame = {"date": np.tile(data.dates[-4:], 5), "geo": np.repeat(data.geos, 4)}
    plan = pd.DataFrame(frame | {c: data.columns[c][:, -4:].ravel() for c in system.exogenous})
    new = predict(fit.accept_unconverged(), plan, noise=True, by="geo", seed=seeds(3, 2)[1])["sales"]
    drawn = new.transpose("chain", "draw", "geo", "date").values.reshape(-1, 5, 4)
    found = folds.predictions_by_geo.sel(fold=2, equation="sales")
    np.testing.assert_allclose(found["crps"], crps(data.columns["sales"][:, -4:], drawn), rtol=1e-8)
    total = folds.predictions.sel(fold=2, equation="sales")
    np.testing.assert_allclose(total["crps"], crps(data.columns["sales"][:, -4:].sum(0), drawn.sum(1)), rtol=1e-8)


def test_a_geo_that_begins_to_buy_in_a_test_is_told_with_a_remedy():
    frame = panels.frame()
    late = frame["week"] < frame["week"].unique()[25]
    frame.loc[(frame["geo"] == "west") & late, "social"] = 0.0
    data = MMMData.from_frame(frame, **panels.ROLES)
    with pytest.raises(
        SettingError, match=r"the first of 2 folds.*'social' is first spent then.*initial=2\d or more"
    ):
        plan_folds(panels.system(), data, folds=2, initial=20, horizon=5)
    sliding = {"folds": 2, "initial": 15, "horizon": 3, "window": "sliding"}
    frame = panels.frame()
    weeks = frame["week"].unique()
    off = (frame["geo"] == "west") & frame["week"].between(weeks[3], weeks[17])
    frame.loc[off, "social"] = 0.0
    data = MMMData.from_frame(frame, **panels.ROLES)
    with pytest.raises(SettingError, match=r"spend on 'social' in geo 'west' to predict and none to learn from"):
        plan_folds(panels.system(), data, **sliding)
    left = data.sel([geo for geo in data.geos if geo != "west"])
    assert len(plan_folds(panels.system(), left, **sliding)) == 2
    assert len(plan_folds(panels.system(), data, folds=2, initial=20, horizon=3)) == 2


def test_scores_by_geo_of_one_series_are_refused():
    north = panels.data().sel("north")
    cv = quiet(hold_out, panels.system(), north, periods=4, draws=40, tune=60, chains=2, seed=1)
    assert cv.scores_by_geo is None
    with pytest.raises(SettingError, match="folds are of one series; leave by out"):
        cv.table(by="geo")
    assert len(cv.table()) == 2


def test_systems_of_panels_are_compared_value_by_value():
    import arviz_stats

    from bayesmmm.errors import BayesMMMWarning
    from bayesmmm.evaluate import compare

    settings = {"draws": 200, "tune": 200, "chains": 2, "seed": 1, "progress": False}
    small, geos = MMM([Equation("sales", media=["tv"])]), panels.data().sel(["north", "east", "west", "centre"])
    fits = {
        name: quiet(mm.fit, system, geos, **settings).accept_unconverged()
        for name, system in {"whole": panels.system(), "small": small}.items()
    }
    with pytest.warns(BayesMMMWarning, match=r"Pareto k above .*, 2023-\d\d-\d\d in \w+\)") as told:
        table = compare(fits)
    assert len(told) == 1
    with warnings.catch_warnings():  # ArviZ says again that some k are high
        warnings.simplefilter("ignore", UserWarning)
        loo = arviz_stats.loo(fits["whole"].tree, var_name="sales", pointwise=True)
    assert table.loc["whole", "elpd"] == pytest.approx(float(loo.elpd))
    assert loo.n_data_points == 4 * 30
    assert table.index[0] == "whole"
    other = quiet(mm.fit, small, panels.data(("north", "east")), **{**settings, "draws": 20}).accept_unconverged()
    with pytest.raises(SettingError, match=r"'whole' is fitted to 4 geos and 'other' to 2 geos.*the same geos"):
        compare({"whole": fits["whole"], "other": other})
