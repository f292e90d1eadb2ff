"""Sensitivities of panels: weights that add up over geos, waves that nothing takes up, refits that are exact."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import bayesmmm as mm
from bayesmmm import engine
from bayesmmm.equations import MMM, Equation, Panel
from bayesmmm.errors import AnswerError, PanelError, SettingError, UnknownTermError
from bayesmmm.estimands import open_query
from bayesmmm.sensitivity import (
    confounder_sensitivity,
    leave_one_channel_out,
    leave_one_geo_out,
    mediation_sensitivity,
    pooling_sensitivity,
    power_scaled_budget,
    power_scaling,
)
from bayesmmm.sensitivity.confounder import wave
from bayesmmm.sensitivity.pooling import _unpooled
from bayesmmm.sensitivity.psense import log_densities
from bayesmmm.sensitivity.residual_correlation import _products, log_ratio
from tests import panel_fits, panels
from tests.fits import quiet

QUICK = {"draws": 60, "tune": 100, "chains": 2}
OVER = ("chain", "draw")


@pytest.fixture(scope="module")
def fit():
    """Four geos, of which each buys social; a mediator."""
    data = panels.data(("north", "east", "west", "centre"))
    return quiet(mm.fit, panels.system(), data, seed=1, progress=False, **QUICK).accept_unconverged()


# ----------------------------------------------------------------------------------------------------- reweighting
def test_weights_of_a_panel_are_products_over_its_geos():
    panel = panel_fits.panel_fit("mediated", draws=10)
    wide = panel.posterior["sales.sigma"] * xr.DataArray([1.0, 1.5, 0.7], {"geo": list(panel.data.geos)}, "geo")
    own = MMM(
        [
            replace(e, panel=replace(e.panel, sigma="per_geo")) if e.name == "sales" else e
            for e in panel.system.equations
        ]
    )
    panel = panel_fits.fit_with(own, panel.data, panel.scales, panel.posterior.assign({"sales.sigma": wide}))
    sums = _products(open_query(panel), "queries")
    each = []
    for geo in panel.data.geos:
        one = panel.sel(geo)
        each.append(_products(open_query(one), "queries"))
    np.testing.assert_allclose(sums, np.sum(each, axis=0), rtol=1e-10)
    periods = len(panel.data.dates)
    whole = log_ratio(sums, periods * 3, 0.4)
    np.testing.assert_allclose(whole, sum(log_ratio(part, periods, 0.4) for part in each), rtol=1e-9)


def test_mediation_of_a_panel_is_weighed_with_all_cells(fit):
    found = mediation_sensitivity(fit, rho=[-0.02, 0.0, 0.02])
    exact = mm.effects(fit)["indirect"].quantile(0.5, OVER)
    np.testing.assert_allclose(found["indirect"].sel(rho=0.0, quantile=0.5), exact, rtol=0.05)
    sums = _products(open_query(fit), "search")
    mean = np.log(np.mean(np.exp(log_ratio(sums, 4 * 30, 0.02))))
    assert float(found["log_evidence"].sel(rho=0.02)) == pytest.approx(mean, abs=0.1)


def test_what_needs_a_residual_correlation_is_refused_with_a_way_out(fit):
    with pytest.raises(PanelError, match=r"method='reweight', or fit one geo on its own"):
        mediation_sensitivity(fit, method="refit")
    log = panel_fits.panel_fit("lognormal", draws=10)
    with pytest.raises(PanelError, match=r"ask for window='outcome'"):
        mediation_sensitivity(log)
    assert "rho_star" in quiet(mediation_sensitivity, log, window="outcome", rho=[0.0, 0.01])


def test_power_scaling_of_a_panel_does_not_need_densities_by_cell(fit):
    kept = log_densities(fit)
    bare = fit.tree.copy()
    del bare["log_likelihood"]
    without = replace(fit, tree=bare).with_convergence(fit.convergence).accept_unconverged()
    for name, values in log_densities(without).items():
        np.testing.assert_allclose(values, kept[name], rtol=1e-9)
    table = power_scaling(fit)
    assert {"roi[tv]", "sales.omega", "sales.tau[tv]", "search.contribution[north, social]"} <= set(table.index)
    assert {"sales.tau", "sales.omega", "sales.contribution"} <= set(fit.tree["log_prior"].to_dataset())
    assert table.loc["roi[tv]", "verdict"] != "unknown"


# ---------------------------------------------------------------------------------------------------------- waves
@pytest.mark.parametrize("periods", ["random", "none"])
def test_a_wave_of_a_panel_is_what_neither_terms_nor_periods_explain(periods):
    name = "mediated" if periods == "random" else "no period effects"
    panel = panel_fits.panel_fit(name)
    found = wave(panel, "tv")
    equation = panel.system.equation("sales")
    design = engine.inputs(equation, panel.data, panel.scales).design
    own = [k for k, term in enumerate(equation.terms()) if term not in panel.system.mediators]
    spend = panel.data.columns["tv"] / panel.data.columns["tv"].mean(axis=1, keepdims=True)
    geos, length = spend.shape
    wide = np.zeros((geos, length, geos * len(own)))
    for g in range(geos):
        wide[g, :, g * len(own) : (g + 1) * len(own)] = design[g][:, own]
    columns = wide.reshape(geos * length, -1)
    if periods == "random":
        columns = np.hstack([columns, np.tile(np.eye(length), (geos, 1))])
    left = spend.ravel() - columns @ np.linalg.lstsq(columns, spend.ravel(), rcond=None)[0]
    np.testing.assert_allclose(found.ravel(), left / np.sqrt(np.mean(left**2)), atol=1e-8)


def test_a_geo_that_never_buys_has_no_wave_and_one_spend_for_all_none_at_all():
    panel = panel_fits.panel_fit("mediated")
    found = wave(panel, "radio")
    assert not found[panel.data.geos.index("south")].any()
    assert np.mean(found[found.any(axis=1)] ** 2) == pytest.approx(1.0)
    one = panel.data.columns["tv"][[0]]
    common = panel.data.replace_columns({"tv": one * np.array([[1.0], [2.0], [3.0]])})
    with pytest.raises(SettingError, match="terms and period effects of 'sales' explain all of the spend on 'tv'"):
        wave(replace(panel, data=common), "tv")
    wave(replace(panel, data=common), "social")  # the remedy: leave the channel out


# --------------------------------------------------------------------------------------------------------- refits
def test_geos_chosen_from_a_fit_are_not_fitted_anew(fit):
    for chosen, remedy in (
        (fit.sel("north"), "no panel"),
        (fit.sel(["north", "east"]), r"mm\.fit\(system, fit\.data\)"),
    ):
        for ask in (confounder_sensitivity, leave_one_channel_out, leave_one_geo_out, pooling_sensitivity):
            with pytest.raises(PanelError, match=rf"geos? of a fit of 4; ask the fit of all.*{remedy}"):
                ask(chosen)


def test_pooling_is_taken_away_and_nothing_else(fit):
    found = quiet(pooling_sensitivity, fit, ci_prob=0.8, seed=5, **QUICK)
    assert found.sizes == {"pooling": 2, "quantile": 3, "geo": 4, "channel": 2}
    kept = mm.roi(fit, by="geo", seed=5).quantile([0.1, 0.5, 0.9], OVER).transpose("quantile", "geo", "channel")
    np.testing.assert_allclose(found["roi"].sel(pooling="partial"), kept)
    apart = _unpooled(fit.system)
    assert [e.panel for e in apart.equations] == [replace(e.panel, pooling="none") for e in fit.system.equations]
    again = quiet(mm.fit, apart, fit.data, seed=5, scales=fit.scales, progress=False, target_accept=0.9, **QUICK)
    left = mm.roi(again.accept_unconverged(), seed=5).quantile([0.1, 0.5, 0.9], OVER)
    np.testing.assert_allclose(found["total"].sel(pooling="none"), left.transpose("quantile", "channel"))
    middle = found["total"].sel(quantile=0.5)
    moved = (middle.sel(pooling="none") - middle.sel(pooling="partial")) / mm.roi(fit, seed=5).std(OVER)
    np.testing.assert_allclose(found["moved"], moved)
    assert "as wide with pooling as without (median over 8 pairs" in found.attrs["finding"]
    axes = mm.plots.shrinkage(found)
    none = found["roi"].sel(pooling="none", quantile=0.5).isel(channel=0).to_series()
    rows = [label.get_text() for label in axes[0].get_yticklabels()]
    assert rows == none.sort_values(ascending=False).index.tolist()


def test_a_fit_without_pooling_has_none_to_take_away(fit):
    full = MMM([replace(e, panel=replace(e.panel, pooling="full"), priors={}) for e in fit.system.equations])
    with pytest.raises(AnswerError, match=r"panel=mm\.Panel\(pooling='partial'\)"):
        _unpooled(full)
    assert _unpooled(MMM([Equation("sales", media=["tv"], panel=Panel(pooling="partial"))]))


def test_without_one_geo_is_the_fit_of_the_others(fit):
    found = quiet(leave_one_geo_out, fit, geos=["west"], seed=2, progress=False, **QUICK)
    others = ["north", "east", "centre"]
    at = [fit.data.geos.index(name) for name in others]
    again = quiet(
        mm.fit,
        fit.system,
        fit.data.sel(others),
        scales=fit.scales.sel(at),
        seed=2,
        progress=False,
        target_accept=0.9,
        **QUICK,
    )
    left = mm.roi(again.accept_unconverged(), seed=2)
    np.testing.assert_allclose(found["roi"].sel(left_out="west", quantile=0.5), left.quantile(0.5, OVER))
    full = mm.roi(fit.sel(others), seed=2).quantile([0.03, 0.5, 0.97], OVER)
    np.testing.assert_allclose(found["full_roi"].sel(left_out="west").isel(quantile=1), full.isel(quantile=1))
    width = found["full_roi"].isel(quantile=2) - found["full_roi"].isel(quantile=0)
    change = (found["roi"] - found["full_roi"]).isel(quantile=1)
    np.testing.assert_allclose(found["moved"], change / width)
    with pytest.raises(UnknownTermError, match=r"'wset' is no geo of the fit \(did you mean 'west'"):
        leave_one_geo_out(fit, geos=["wset"])
    two = quiet(
        mm.fit,
        panels.system(),
        panels.data(("north", "east")),
        seed=1,
        draws=20,
        tune=50,
        chains=2,
        progress=False,
    )
    with pytest.raises(
        SettingError, match=r"2 geo\(s\), and without one there would be no panel left.*fit\.data\.sel"
    ):
        leave_one_geo_out(two)


def test_channels_and_waves_of_a_panel_are_refitted(fit):
    found = quiet(leave_one_channel_out, fit, channels=["social"], progress=False, **QUICK)
    assert np.isnan(found["total"].sel(left_out="social", channel="social")).all()
    assert np.isfinite(found["change"].sel(channel="tv")).all()
    waves = quiet(confounder_sensitivity, fit, channels=["tv"], strength=[0.3], progress=False, **QUICK)
    total = waves["total"].sel(channel="tv", quantile=0.5)
    assert float(total.sel(strength=0.3)) < float(total.sel(strength=0.0))


# ------------------------------------------------------------------------------------------------------------ budgets
def test_money_of_a_power_scaled_budget_moves_between_geos_too(fit):
    def best(asked):
        known = {"price": 10.0, "fair": 0.0}
        return mm.optimize_budget(asked, total=500.0, periods=4, controls=known, starts=0, draws=20, paths=2)

    found = quiet(power_scaled_budget, fit, best)
    by_geo = found["spend_by_geo"]
    np.testing.assert_allclose(by_geo.sum("geo"), found["spend"], rtol=1e-12)
    own = 0.5 * abs(by_geo - by_geo.sel(alpha=1.0)).sum(("geo", "channel")) / 500.0
    np.testing.assert_allclose(found["moved"], own, rtol=1e-5, atol=1e-9)
    alone = 0.5 * abs(found["spend"] - found["spend"].sel(alpha=1.0)).sum("channel") / 500.0
    assert bool((found["moved"] >= alone - 1e-9).all())
    assert mm.plots.power_scaled_budget(found).get_yticklabels()
