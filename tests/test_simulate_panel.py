"""Simulated panels: parts add up, every geo is the national world that another code path makes, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import bayesmmm as mm
from bayesmmm import engine
from bayesmmm.data.checks import PERIOD_EFFECTS
from bayesmmm.equations import MMM, Equation, Panel
from bayesmmm.errors import EquationError, PanelError
from bayesmmm.simulate import regions, simulate_world
from bayesmmm.simulate.process import Process
from bayesmmm.simulate.truth import zero_out
from tests import panels

PANEL = Panel(periods="random", per_geo=("trend",))
#: Geos of the panel without the one that never buys social, which every mediator of these systems needs.
BUYING = tuple(geo for geo in panels.GEOS if geo != "south")
SYSTEMS = {
    "partial": panels.system(panel=PANEL),
    "pooled in full, fixed periods": panels.system(panel=Panel(pooling="full", periods="fixed")),
    "apart, no periods": panels.system(panel=Panel(pooling="none", periods="none")),
    "lognormal": panels.system(likelihood="lognormal", panel=PANEL),
    "censored mediator": panels.system(mediator="censored_normal", panel=PANEL),
    "left open": panels.system(),
    "own curves": panels.system(panel=Panel(periods="random", pooled=("half_life", "slope"))),
}


def drawn(name, seed=4):
    """A world whose parameters come from the prior, drawn in so that its series are valid data."""
    system, data = SYSTEMS[name].for_panel(panels.data()), panels.data()
    wide = engine.draw_prior(
        system, data, data.scales(), draws=1, rng=np.random.default_rng(seed), observed_mediators=True
    )
    parameters = {n: _drawn_in(par) for n, par in wide.items()}
    return simulate_world(system, data, parameters=parameters, seed=seed)


def _drawn_in(par):
    coefficient = 0.1 * par["coefficient"]
    coefficient[..., 0] += 0.8
    small = {key: 0.1 * par[key] for key in ("contribution", "median_contribution", "sigma") if key in par}
    periods = {"omega": np.array([0.05]), "period": 0.05 * np.tanh(par["period"])} if "period" in par else {}
    return {**par, **small, **periods, "coefficient": coefficient}


def _own(values, g):
    """What one geo has of a curve, or of what all geos share."""
    return values[:, g] if values.ndim == 3 else values


def national(world, geo):
    """The world of one geo as a process of its own: its period effects are residuals, and nothing is shared."""
    g, data = world.data.geos.index(geo), world.data
    system = MMM([replace(equation, panel=None) for equation in world.system.equations])
    residual, parameters = {}, {}
    for name in system.order:
        par, parts = world.parameters[name], world.truth.components[name].sel(geo=geo)
        parameters[name] = {
            **{key: _own(par[key], g) for key in ("half_life", "half_saturation", "slope", "sigma")},
            "contribution": par["contribution"][:, [g]],
            "coefficient": par["coefficient"][:, g],
        }
        log = system.equation(name).family.log_scale
        noise = parts.sel({f"{name}.component": "residual"}).values / (1.0 if log else world.scales.size[name][g])
        residual[name] = noise + (par["period"][0] if "period" in par else 0.0)
    own = replace(data.sel(geo), geos=("national",))
    return Process(system, own, world.scales.sel([g]), parameters, residual).frozen()


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_geo_is_a_national_world_with_its_period_effects_among_the_residuals(name):
    world = drawn(name)
    for geo in world.data.geos:
        alone, own = national(world, geo), world.data.sel(geo).columns
        for equation, series in alone.series({}).items():
            np.testing.assert_allclose(series, own[equation], rtol=1e-10)
        effects = zero_out(alone.system, alone.data, alone.series)
        shared = world.truth.effects_by_geo.sel(geo=geo)
        for variable in effects.data_vars:
            size = np.abs(effects["total"]).max().item()
            np.testing.assert_allclose(shared[variable], effects[variable], rtol=1e-9, atol=1e-9 * size)


def test_another_region_is_another_world():
    world = drawn("partial")
    alone = national(world, "north")
    assert not np.allclose(alone.series({})["sales"], world.data.sel("east").columns["sales"])


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_parts_of_every_series_add_up_in_every_geo(name):
    world = drawn(name)
    for equation in world.system.order:
        parts = world.truth.components[equation]
        assert parts.dims == (f"{equation}.component", "geo", "date")
        latent = parts.sum(f"{equation}.component").values
        scale = parts.attrs["scale"]
        made = np.exp(latent) if scale == "log" else np.maximum(latent, 0.0) if scale == "latent" else latent
        np.testing.assert_allclose(made, world.data.columns[equation], rtol=1e-10)


@pytest.mark.parametrize("name", ["partial", "left open", "censored mediator"])
def test_period_effects_are_the_same_share_of_every_geo(name):
    world = drawn(name)
    for equation in world.system.order:
        spec = world.system.equation(equation)
        parts, dim = world.truth.components[equation], f"{equation}.component"
        assert (PERIOD_EFFECTS in parts[dim]) == spec.has_period_effects
        if spec.has_period_effects:
            share = parts.sel({dim: PERIOD_EFFECTS}) / xr.DataArray(world.scales.size[equation], dims="geo")
            np.testing.assert_allclose(share, world.parameters[equation]["period"].repeat(5, axis=0), rtol=1e-12)
    assert world.system.equation("sales").has_period_effects


@pytest.mark.parametrize("name", SYSTEMS)
def test_totals_are_sums_over_geos_and_ratios_of_these(name):
    truth = drawn(name).truth
    for variable in ("spend", "total", "direct", "indirect", "via", "induced"):
        np.testing.assert_allclose(truth.effects_by_geo[variable].sum("geo"), truth.effects[variable], rtol=1e-12)
    np.testing.assert_allclose(truth.effects["roi"], truth.effects["total"] / truth.effects["spend"], rtol=1e-12)
    assert np.isnan(truth.effects_by_geo["roi"].sel(geo="south", channel="social"))
    assert truth.effects_by_geo["total"].sel(geo="south", channel="social") == 0.0


def test_the_truth_has_the_names_of_a_posterior():
    world = drawn("partial")
    layout, labels = engine.layout(world.system, world.data.geos)
    assert set(world.truth.parameters.data_vars) == set(layout)
    for variable, dims in layout.items():
        assert world.truth.parameters[variable].dims == dims
    assert np.isnan(world.truth.parameters["sales.contribution"].sel({"geo": "south", "sales.media": "social"}))
    assert world.truth.parameters["geo"].values.tolist() == labels["geo"]


def test_parameters_may_come_from_the_prior():
    data = panels.data()
    worlds = [simulate_world(SYSTEMS["partial"], data, seed=seed) for seed in (2, 2, 3)]
    assert worlds[0].data == worlds[1].data
    assert worlds[0].truth.effects_by_geo.identical(worlds[1].truth.effects_by_geo)
    assert worlds[0].data != worlds[2].data
    omega = worlds[0].parameters["sales"]["omega"]
    assert np.abs(worlds[0].parameters["sales"]["period"]).max() < 5.0 * omega


def test_one_geo_is_the_panel_of_some():
    frame = panels.data(BUYING)
    assert simulate_world(SYSTEMS["partial"], frame, seed=2).data.geos == BUYING


# ------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("change", "advice"),
    [
        (lambda p: p["sales"].pop("period"), r"lacks period\. Give exactly: .*omega, period"),
        (lambda p: p["sales"].pop("tau"), r"lacks tau\. Give exactly"),
        (lambda p: p["sales"].update(coefficient=p["sales"]["coefficient"][:, 0]), r"Give it shape \(1, 5, 6\)"),
        (lambda p: p["sales"].update(period=np.full((1, 30), np.nan)), "Give values that are finite"),
        (lambda p: p["sales"].update(tau=np.zeros((1, 3))), "Give values that are above 0, and finite"),
        (lambda p: p["sales"].update(contribution=np.full((1, 5, 3), 0.1)), "which never buys it. Give 0 there"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit_are_refused(change, advice):
    world = drawn("partial")
    parameters = {name: dict(par) for name, par in world.parameters.items()}
    simulate_world(world.system, panels.data(), parameters=parameters, seed=1)
    change(parameters)
    with pytest.raises(EquationError, match=advice):
        simulate_world(world.system, panels.data(), parameters=parameters, seed=1)


def test_scales_of_other_geos_are_refused():
    data = panels.data()
    scales = data.scales()
    with pytest.raises(
        EquationError, match=r"has 1 values for 'sales', and the data have 5 geos. Give one for each"
    ):
        simulate_world(SYSTEMS["partial"], data, scales=scales.sel([0]), seed=1)
    # A geo that never buys a channel has no scale for it, and needs none.
    assert np.isnan(scales.spend["social"]).any()
    simulate_world(SYSTEMS["partial"], data, scales=scales, seed=1)
    broken = replace(scales, spend={**scales.spend, "tv": np.full(5, np.nan)})
    with pytest.raises(EquationError, match=r"scales\.spend has .* for 'tv'\. Give a number above 0"):
        simulate_world(SYSTEMS["partial"], data, scales=broken, seed=1)


def test_a_panel_equation_needs_a_panel():
    own = panels.data(("north",))
    with pytest.raises(PanelError, match="Leave panel out"):
        simulate_world(SYSTEMS["partial"], own, seed=1)


# ------------------------------------------------------------------------------------------------ the example world
@pytest.mark.parametrize("seed", [1, 2])
def test_the_example_world_is_what_it_says(seed):
    world = regions(seed=seed, weeks=104)
    data, scales = world.data, world.data.scales()
    for name in ("search", "sales"):
        assert (data.columns[name] > 0).all()
        np.testing.assert_allclose(scales.size[name], world.scales.size[name], rtol=1e-12)
    silent = [geo for geo in data.geos if not data.sel(geo).columns["radio"].any()]
    assert silent == ["hills", "islands"]
    # Demand drives spend where there is any, and sales and searches of all regions.
    demand = world.parameters["sales"]["period"][0]
    for channel in data.media:
        spend = data.columns[channel].sum(axis=0)
        assert np.corrcoef(demand, spend)[0, 1] > 0.2
    assert np.corrcoef(demand, world.parameters["search"]["period"][0])[0, 1] > 0.4
    assert 0.5 < world.truth.effects["roi"].min() < world.truth.effects["roi"].max() < 5.0


def test_the_example_world_says_that_its_scales_are_to_be_used():
    text = repr(regions(seed=1, weeks=60))
    assert "8 geos, 60 weekly periods" in text
    assert "mm.fit(world.system, world.data, scales=world.scales, seed=1)" in text


def test_a_system_that_leaves_the_panel_open_is_simulated_as_it_is_fitted():
    world = simulate_world(MMM([Equation("sales", media=["tv"])]), panels.data(), seed=3)
    assert world.system.equation("sales").panel == Panel(periods="random", group="none")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayesmmm.errors.BayesMMMWarning")
def test_returns_of_the_example_worlds_are_found_again():
    """90 % intervals hold about nine in ten true returns, in total and by region; without period effects few."""
    held = {"random": 0, "none": 0}
    by_geo = of_geos = of_totals = 0
    for seed in range(2, 8):
        world = regions(seed=seed)
        for periods in held:
            system = MMM([replace(e, panel=Panel(periods=periods)) for e in world.system.equations])
            settings = {"draws": 500, "tune": 500, "chains": 2, "seed": 1, "progress": False}
            fit = mm.fit(system, world.data, **settings).accept_unconverged()
            held[periods] += _held(mm.roi(fit, window="outcome"), world.truth.effects["roi"])
            if periods == "random":
                by_geo += _held(mm.roi(fit, window="outcome", by="geo"), world.truth.effects_by_geo["roi"])
        of_totals += world.truth.effects["roi"].size
        of_geos += int(world.truth.effects_by_geo["roi"].notnull().sum())
    # Four standard deviations below nine in ten; returns of one world go together, so that they count once each.
    assert held["random"] >= 0.9 * of_totals - 4 * np.sqrt(0.09 * of_totals)
    assert by_geo >= 0.8 * of_geos
    assert held["none"] <= held["random"] - 5


def _held(draws, truth):
    low, high = draws.quantile([0.05, 0.95], ("chain", "draw"), skipna=False)
    return int(((low <= truth) & (truth <= high)).sum())
