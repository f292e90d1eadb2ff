"""Geos in groups, and curves of geos: what is assumed by default, limits in which they are plain panels, refusals."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import bayesmmm as mm
from bayesmmm import engine, errors
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Panel, for_data, read_toml
from bayesmmm.estimands import adstock_decay
from bayesmmm.inference import write_program
from bayesmmm.priors import Prior
from bayesmmm.simulate import simulate_world
from tests import panels
from tests.fits import quiet


def _group(data, panel=None):
    system = MMM([Equation("sales", media=["tv", "social"], panel=panel)])
    return system.for_panel(data).equation("sales").panel.group


def _keyed(brands, territories):
    """Data of `panels` whose geos have these keys."""
    frame = panels.frame()
    keys = pd.DataFrame({"geo": panels.GEOS, "brand": brands, "territory": territories})
    return MMMData.from_frame(frame.merge(keys, on="geo", sort=False).drop(columns="geo"), **panels.KEYED)


# ---------------------------------------------------------------------------------------------------- what is assumed
def test_series_with_two_keys_are_in_groups_by_the_first():
    data = panels.keyed_data()
    assert _group(data) == "brand"
    assert _group(data, Panel(group="territory")) == "territory"
    assert _group(data, Panel(group="none")) == _group(data, Panel(pooling="full")) == "none"
    assert _group(panels.data()) == "none"


@pytest.mark.parametrize("brands", [["acme"] * 5, list("abcde")], ids=["one brand", "a brand for each series"])
def test_a_level_without_groups_is_left_out_and_refused_where_it_is_asked_for(brands):
    data = _keyed(brands, list("vwxyz"))
    assert _group(data) == "none"
    with pytest.raises(errors.PanelError, match=r"group='brand' makes no groups.*Leave group out"):
        _group(data, Panel(group="brand"))
    # The same unknowns and the same density as a panel with one key has.
    system, plain = panels.system(), panels.data()
    programs = [write_program(for_data(system, d), d, d.scales()) for d in (data, plain)]
    u = programs[0].start + np.random.default_rng(0).uniform(-0.4, 0.4, len(programs[0].start))
    assert programs[0].log_density(u)[0] == programs[1].log_density(u)[0]
    assert_array_equal(programs[0].log_density(u)[1], programs[1].log_density(u)[1])


def test_rows_and_keys_in_another_order_have_the_same_density():
    frame = panels.keyed_frame(periods=20)
    turned = frame.iloc[::-1].sort_values("week", kind="stable")
    data, other = (MMMData.from_frame(f, **panels.KEYED) for f in (frame, turned))
    assert other.geos == data.geos[::-1]
    system = panels.system(panel=Panel(pooled=["half_saturation"]))
    programs = [write_program(for_data(system, d), d, d.scales()) for d in (data, other)]
    places = [{(b.variable, x): None for b in p.blocks for x in b.labels or (None,)} for p in programs]
    order = [list(places[1]).index(place) for place in places[0]]
    u = programs[0].start + np.random.default_rng(0).uniform(-0.4, 0.4, len(order))
    v = np.empty(len(u))
    v[order] = u
    (value, slope), (again, turned_slope) = programs[0].log_density(u), programs[1].log_density(v)
    assert_allclose(again, value, rtol=1e-12)
    assert_allclose(turned_slope[order], slope, rtol=1e-9, atol=1e-9)


def test_groups_are_drawn_as_groups():
    """Under the prior, deviations of the geos of one group have the group's part in common, and others do not."""
    data = panels.keyed_data(periods=20)
    system = for_data(panels.system(panel=Panel()), data)
    drawn = engine.draw_prior(
        system, data, data.scales(), draws=20_000, rng=np.random.default_rng(0), observed_mediators=True
    )["sales"]
    tv = np.log(drawn["contribution"][..., 0] / drawn["median_contribution"][:, :1])
    unit = tv / np.hypot(drawn["tau"][:, :1], drawn["tau_group"][:, :1])
    assert_allclose(unit.std(axis=0), 1.0, atol=0.02)
    group, own = drawn["tau_group"][:, 0] ** 2, drawn["tau"][:, 0] ** 2
    expected = (group / (group + own)).mean()
    correlation = np.corrcoef(unit.T)
    geos = [f"{b} / {t}" for b, t in (("acme", "north"), ("acme", "east"), ("zeta", "north"))]
    one, two, three = (data.geos.index(geo) for geo in geos)
    assert correlation[one, two] == pytest.approx(expected, abs=0.03)
    assert correlation[one, three] == pytest.approx(0.0, abs=0.03)
    assert correlation[two, three] == pytest.approx(0.0, abs=0.03)


# ------------------------------------------------------------------------------------------------------ fits and files
@pytest.fixture(scope="module")
def fit():
    """A short fit of geos in groups, with half-lives of geos."""
    panel = Panel(pooled=["half_life"])
    settings = {"draws": 30, "tune": 60, "chains": 2, "seed": 1, "progress": False}
    return quiet(mm.fit, panels.system(panel=panel), panels.keyed_data(), **settings)


def test_a_fit_says_what_its_groups_and_curves_are(fit, tmp_path):
    assert fit.system.equation("sales").panel == Panel(periods="random", group="brand", pooled=["half_life"])
    assert read_toml(fit.system.to_toml())[0] == fit.system
    words = str(fit.system)
    assert "sd of log contribution between groups, by brand" in words
    assert "sd of log contribution between geos of one brand" in words
    assert "sd of log half_life between geos" in words
    again = mm.load(fit.save(tmp_path / "fit.nc"))
    assert again.posterior.identical(fit.posterior)
    half_life = fit.posterior["sales.half_life"]
    assert half_life.dims == ("chain", "draw", "geo", "sales.media")
    absent = half_life.sel({"geo": "zeta / north", "sales.media": "social"})
    assert np.isnan(absent).all()
    assert np.isfinite(half_life.drop_sel({"geo": "zeta / north"})).all()
    table = fit.summary()
    units = table.attrs["units"]
    assert units["sales.median_half_life"] == units["sales.half_life"] == "days"
    assert "sales.tau_group[tv]" in table.index
    assert np.isfinite(fit.tree["log_prior"]["sales.tau_half_life"]).all()


def test_answers_of_a_fit_with_groups_and_curves_are_sums_of_those_of_its_geos(fit):
    fit = fit.accept_unconverged()
    total, brands = (mm.effects(fit, by=by)["total"] for by in (None, "brand"))
    assert_allclose(brands.sum("brand"), total, rtol=1e-9)
    # Without a tail: that of a panel is as long as the longest of its geos.
    one = mm.roi(fit.sel(geo="acme / north"), window="outcome")
    assert_allclose(mm.roi(fit, by="geo", window="outcome").sel(geo="acme / north"), one, rtol=1e-9)
    decay = adstock_decay(fit)["sales"]
    own = adstock_decay(fit.sel(geo="acme / north"), days=float(decay["lag"].max()))["sales"]
    assert_allclose(decay.sel(geo="acme / north"), own)
    assert mm.diagnose(fit).checks


def test_what_was_drawn_has_the_spread_that_was_drawn(fit):
    """Contributions are those of the median geo times factors of group and geo, of which groups share the first."""
    posterior = fit.posterior
    factor = posterior["sales.contribution"] / posterior["sales.median_contribution"]
    assert (factor.sel({"sales.media": "tv"}).std("geo") > 0).all()
    assert not np.allclose(posterior["sales.half_life"].sel({"sales.media": "tv"}).std("geo"), 0.0)


# ------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"group": 3}, "must be a key of the data"),
        ({"group": "brand", "pooling": "full"}, "leave group out, or pooling"),
        ({"pooled": "slope"}, r"must be a list of some of 'half_life'.*as pooled=\['half_life'\]"),
        ({"pooled": ["retention"]}, "which stands for a retention, too"),
    ],
)
def test_panels_that_contradict_themselves_are_refused(arguments, words):
    with pytest.raises(errors.EquationError, match=words):
        Panel(**arguments)


def test_a_group_that_is_no_key_is_refused():
    with pytest.raises(errors.PanelError, match=r"'region' is no key of the data.*'brand', 'territory'"):
        _group(panels.keyed_data(), Panel(group="region"))
    with pytest.raises(errors.PanelError, match=r"read them with geo=\['brand', 'territory'\]"):
        _group(panels.data(), Panel(group="brand"))


def test_priors_on_what_does_not_vary_are_refused():
    prior = Prior("HalfNormal", sigma=0.1)
    with pytest.raises(errors.UnknownPriorError, match="unknown parameter 'tau_slope'"):
        Equation("sales", media=["tv"], panel=Panel(pooled=["half_life"]), priors={"tau_slope": prior})
    known = Equation("sales", media=["tv"], panel=Panel(pooled=["slope"]), priors={"tau_slope": prior})
    assert [p.priors for p in known.parameters() if p.name == "tau_slope"] == [(prior,)]
    assert Equation("sales", media=["tv"], panel=Panel(), priors={"tau_group": prior}).priors["tau_group"] == prior


def test_a_world_of_groups_has_its_truth_by_name():
    world = simulate_world(panels.system(panel=Panel(pooled=["slope"])), panels.keyed_data(), seed=5)
    assert world.data.levels == panels.keyed_data().levels
    assert set(world.truth.parameters) >= {"sales.tau_group", "sales.median_slope", "sales.tau_slope"}
    assert world.truth.parameters["sales.slope"].dims == ("geo", "sales.media")
