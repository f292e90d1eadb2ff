"""Simulated worlds: their parts add up, their effects are those of a slow loop, their records are complete."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier, Panel, system_warnings
from bayesmmm.errors import (
    DateError,
    EquationError,
    MissingValueError,
    NegativeSpendError,
    NeverSpentError,
    PanelError,
    SamplingError,
    TooFewPeriodsError,
)
from bayesmmm.simulate import simulate_world, social_search
from tests import reference

WEEKS = 90
SOCIAL = ["facebook", "tiktok", "instagram", "snapchat"]


def plan(weeks=WEEKS, seed=5, outcome="sales", mediators=None):
    """Two channels, a control, and placeholders of round mean size for what will be simulated."""
    rng = np.random.default_rng(seed)
    wave = np.linspace(0.5, 1.5, weeks)
    mediators = {"search": "money"} if mediators is None else mediators
    columns = {outcome: 1000.0 * wave, **{name: 40.0 * wave for name in mediators}}
    for name, level in (("tv", 60.0), ("radio", 20.0)):
        columns[name] = level * rng.gamma(2.0, 0.5, weeks) * (rng.random(weeks) < 0.6)
    columns["price"] = 10.0 + rng.normal(0.0, 1.0, weeks)
    return MMMData(
        dates=pd.date_range("2023-01-01", periods=weeks, freq="7D"),
        geos=("national",),
        columns={name: values[None] for name, values in columns.items()},
        outcome=outcome,
        media=("tv", "radio"),
        mediators=mediators,
        controls=("price",),
    )


def system_of(likelihood="normal", mediator="normal", media=("tv", "radio", "search"), linear=("price",)):
    season = Fourier(period=365.25, order=1)
    return MMM(
        [
            Equation(
                "search",
                media=["tv", "radio"],
                linear=["price"],
                seasonality=season,
                trend=True,
                likelihood=mediator,
            ),
            Equation(
                "sales",
                media=media,
                linear=linear,
                seasonality=season,
                trend=["2023-09-03"],
                likelihood=likelihood,
            ),
        ]
    )


def chosen(system, **changes):
    """Explicit parameters: moderate, the same for every equation; `changes` are ``equation__parameter``."""
    out = {}
    for name in system.order:
        equation = system.equation(name)
        n, log = len(equation.media), equation.likelihood == "lognormal"
        terms = {"intercept": 0.0 if log else 0.6, "trend": 0.15, "price": -0.05}
        par = {
            "half_life": np.linspace(5.0, 12.0, n)[None],
            "half_saturation": np.linspace(0.8, 1.3, n)[None],
            "slope": np.linspace(0.9, 1.6, n)[None],
            "contribution": np.linspace(0.15, 0.08, n)[None, None],
            "coefficient": np.array([[terms.get(term, 0.04) for term in equation.terms()]]),
            "sigma": np.array([0.1]),
        }
        if equation.likelihood == "student_t":
            par["nu_minus_two"] = np.array([3.0])
        out[name] = par
    for key, value in changes.items():
        name, parameter = key.split("__")
        out[name][parameter] = np.broadcast_to(value, out[name][parameter].shape).astype(float)
    return out


SYSTEMS = {
    "normal": system_of(),
    "censored mediator": system_of(mediator="censored_normal"),
    "lognormal": system_of("lognormal", "lognormal"),
    "student_t": system_of("student_t", "student_t"),
    "linear mediator": system_of(media=("tv", "radio"), linear=("price", "search")),
}
CENSORED = {"search__coefficient": [[-0.1, 0.15, 0.04, 0.04, -0.05]], "search__sigma": 0.3}


def world_of(kind, seed=11):
    system = SYSTEMS[kind]
    changes = CENSORED if kind == "censored mediator" else {}
    return simulate_world(system, plan(), parameters=chosen(system, **changes), seed=seed)


# --------------------------------------------------------------------------------------------- parts and effects
@pytest.mark.parametrize("kind", SYSTEMS)
def test_the_parts_of_every_series_add_up(kind):
    world = world_of(kind)
    for name in world.system.order:
        parts = world.truth.components[name]
        total = parts.sum(f"{name}.component").values
        seen = world.data.columns[name][0]
        expected = {"log": np.log(np.maximum(seen, 1e-9)), "latent": seen, "observed": seen}[parts.attrs["scale"]]
        total = np.maximum(total, 0.0) if parts.attrs["scale"] == "latent" else total
        np.testing.assert_allclose(total, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
        assert {"intercept", "trend", "seasonality", "price", "tv", "radio", "residual"} <= set(
            parts[f"{name}.component"].values
        )


def test_a_censored_mediator_is_zero_exactly_where_its_parts_are_not_positive():
    world = world_of("censored mediator")
    latent = world.truth.components["search"].sum("search.component").values
    zero = world.data.columns["search"][0] == 0.0
    assert 0.1 < zero.mean() < 0.9
    np.testing.assert_array_equal(zero, latent <= 0.0)


@pytest.mark.parametrize("kind", SYSTEMS)
def test_direct_and_indirect_make_the_total(kind):
    effects = world_of(kind).truth.effects
    np.testing.assert_allclose(effects["direct"] + effects["indirect"], effects["total"], rtol=1e-10)
    np.testing.assert_allclose(effects["via"].sum("mediator"), effects["indirect"], rtol=1e-10)
    assert (effects["indirect"] > 0.02 * effects["total"]).all()
    for part in ("", "_direct", "_indirect"):
        amount = effects[part.strip("_") or "total"]
        np.testing.assert_allclose(effects[f"roi{part}"] * effects["spend"], amount, rtol=1e-12)
    net = effects["total"] / (effects["spend"] + effects["induced"].sum("mediator"))
    np.testing.assert_allclose(effects["roi_net"], net, rtol=1e-12)


def slow_latent(world, equation, columns, hill_means):
    """Latent mean plus residual in units of the column, by loops over the restated parameters.

    `hill_means` holds the frozen denominators and is filled at the first call.
    """
    scales, true = world.data.scales(), world.truth.parameters
    spec, days = world.system.equation(equation), np.arange(WEEKS)
    size = float(np.abs(world.data.columns[equation]).mean())
    total = world.truth.components[equation].sel({f"{equation}.component": "residual"}).values / size
    for label in spec.media:
        pick = {f"{equation}.media": label}
        x = np.maximum(columns[label], 0.0)
        seen = world.data.columns[label][0]
        alpha = reference.retention_from_half_life(float(true[f"{equation}.half_life"].sel(pick)))
        a = reference.adstock(x / seen[seen > 0].mean(), alpha, days=7)
        h = reference.hill(
            a, float(true[f"{equation}.half_saturation"].sel(pick)), float(true[f"{equation}.slope"].sel(pick))
        )
        mean = hill_means.setdefault((equation, label), h.mean())
        total = total + float(true[f"{equation}.contribution"].sel(pick)) * h / mean
    for term in spec.terms():
        b = float(true[f"{equation}.coefficient"].sel({f"{equation}.term": term}))
        day = (world.data.dates - pd.Timestamp("1970-01-01")).days.to_numpy()
        if term in spec.linear:
            seen = world.data.columns[term][0]
            column = (columns[term] - seen.mean()) / seen.std()
        elif term.startswith("trend"):
            start = 0.0 if term == "trend" else (pd.Timestamp(term[6:]) - world.data.dates[0]).days / 7
            column = np.maximum(0.0, days - start) / (WEEKS - 1)
        elif term == "intercept":
            column = np.ones(WEEKS)
        else:
            column = {"sin": np.sin, "cos": np.cos}[term[:3]](2 * np.pi * day / 365.25)
        total = total + b * column
    assert scales.size[equation][0] == size
    return size * total


def slow_run(world, hill_means, do=None, held=None):
    """Search and sales with columns of `do` replaced and, where `held` is given, search set to it."""
    columns = {name: values[0] for name, values in world.data.columns.items()} | (do or {})
    search = slow_latent(world, "search", columns, hill_means)
    if world.system.equation("search").likelihood == "censored_normal":
        search = np.array([max(v, 0.0) for v in search])
    columns["search"] = search if held is None else held
    return columns["search"], slow_latent(world, "sales", columns, hill_means)


@pytest.mark.parametrize("kind", ["normal", "censored mediator", "linear mediator"])
def test_effects_are_those_of_a_slow_loop_over_restated_parameters(kind):
    world, means = world_of(kind), {}
    search, sales = slow_run(world, means)
    np.testing.assert_allclose(search, world.data.columns["search"][0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(sales, world.data.columns["sales"][0], rtol=1e-9)
    for channel in ("tv", "radio"):
        stop = {channel: np.zeros(WEEKS)}
        _, gone = slow_run(world, means, stop)
        _, held = slow_run(world, means, stop, held=search)
        effects = world.truth.effects.sel(channel=channel)
        np.testing.assert_allclose(effects["total"], (sales - gone).sum(), rtol=1e-8)
        np.testing.assert_allclose(effects["direct"], (sales - held).sum(), rtol=1e-8)
        np.testing.assert_allclose(effects["indirect"], (held - gone).sum(), rtol=1e-7)
        assert float(effects["spend"]) == world.data.columns[channel].sum()


def test_the_slow_loop_notices_a_wrong_half_life():
    world = world_of("normal")
    wrong = world.truth.parameters.copy(deep=True)
    wrong["search.half_life"][0] *= 1.1
    world = replace(world, truth=replace(world.truth, parameters=wrong))
    search, _ = slow_run(world, {})
    assert np.abs(search / world.data.columns["search"][0] - 1.0).max() > 1e-3


def test_the_direct_effect_of_a_normal_equation_is_its_contribution():
    world = world_of("normal")
    share = world.parameters["sales"]["contribution"][0, 0]
    expected = share[:2] * world.scales.size["sales"][0] * WEEKS
    np.testing.assert_allclose(world.truth.effects["direct"], expected, rtol=1e-10)


def test_indirect_effects_go_by_the_last_mediator():
    data = plan(mediators={"search": "money", "visits": "visits", "brand": "index"})
    system = MMM(
        [
            Equation("brand", media=["tv"]),
            Equation("search", media=["radio", "brand"]),
            Equation("visits", media=["tv", "search"]),
            Equation("sales", media=["tv", "radio", "search", "visits"]),
        ]
    )
    effects = simulate_world(system, data, parameters=chosen(system), seed=4).truth.effects
    assert effects["mediator"].values.tolist() == ["brand", "search", "visits"]
    np.testing.assert_allclose(effects["via"].sum("mediator"), effects["indirect"], rtol=1e-10)
    assert (effects["via"].sel(mediator="brand") == 0.0).all()
    assert (effects["via"].sel(mediator=["search", "visits"]) > 0.0).all()
    assert effects["induced"].sel(channel="tv", mediator="brand") > 0.0
    assert effects["induced"].sel(channel="radio", mediator="brand") == 0.0
    net = effects["total"] / (effects["spend"] + effects["induced"].sel(mediator="search"))
    np.testing.assert_allclose(effects["roi_net"], net, rtol=1e-12)


def test_a_channel_without_contribution_has_no_effect_and_one_without_equation_no_row():
    system = system_of()
    par = chosen(system, search__contribution=[[[0.15, 0.0]]], sales__contribution=[[[0.15, 0.0, 0.1]]])
    effects = simulate_world(system, plan(), parameters=par, seed=2).truth.effects.sel(channel="radio")
    assert [float(effects[name]) for name in ("total", "direct", "indirect", "roi_net")] == [0.0] * 4
    alone = MMM([Equation("sales", media=["tv"])])
    world = simulate_world(alone, plan(), parameters=chosen(alone), seed=2)
    assert world.truth.effects["channel"].values.tolist() == ["tv"]
    assert world.truth.effects["mediator"].size == 0
    assert float(world.truth.effects["indirect"][0]) == 0.0
    np.testing.assert_array_equal(world.data.columns["search"], plan().columns["search"])


# ------------------------------------------------------------------------------------------------ scales and seeds
@pytest.mark.parametrize("kind", SYSTEMS)
def test_restated_parameters_give_the_same_latent_means(kind):
    world = world_of(kind)
    realised = world.data.scales()
    labelled = world.truth.parameters.expand_dims(["chain", "draw"])
    restated = engine.to_arrays(world.system, labelled)
    for name in world.system.order:
        equation = world.system.equation(name)
        means = []
        for par, scales in ((world.parameters[name], world.scales), (restated[name], realised)):
            seen = engine.inputs(equation, world.data, scales)
            mean = engine.latent_mean(equation, seen, par, world.data.calendar)[0, 0]
            size = scales.size[name][0]
            means.append(mean + np.log(size) if equation.likelihood == "lognormal" else mean * size)
        np.testing.assert_allclose(means[1], means[0], rtol=1e-10, atol=1e-10 * np.abs(means[0]).max())
        assert abs(realised.size[name][0] / world.scales.size[name][0] - 1.0) > 1e-4


def test_the_latent_mean_of_one_prior_draw_is_the_reference():
    data = plan()
    system = MMM([Equation("sales", media=["tv", "radio"])])
    world = simulate_world(system, data, seed=8)
    par, scales = world.parameters["sales"], world.scales
    x = np.stack([data.columns[c][0] / scales.spend[c][0] for c in ("tv", "radio")])[None]
    alpha = [reference.retention_from_half_life(h) for h in par["half_life"][0]]
    media = reference.media(
        x, np.zeros((1, 2)), alpha, par["half_saturation"][0], par["slope"][0], par["contribution"][0], days=7
    )
    mean = scales.size["sales"][0] * (media[0] + par["coefficient"][0, 0])
    residual = world.truth.components["sales"].sel({"sales.component": "residual"})
    np.testing.assert_allclose(world.data.columns["sales"][0] - residual, mean, rtol=1e-9, atol=1e-9)


def test_the_seed_decides_the_world():
    one, again, other = (world_of("normal", seed) for seed in (11, 11, 12))
    assert one.data == again.data
    assert one.truth.effects.identical(again.truth.effects)
    assert not np.allclose(one.data.columns["sales"], other.data.columns["sales"])
    drawn, drawn_again = (simulate_world(SYSTEMS["censored mediator"], plan(), seed=3) for _ in range(2))
    assert drawn.data == drawn_again.data


def test_given_parameters_leave_the_residuals_as_they_were():
    def scaled(parameters):
        world = simulate_world(SYSTEMS["censored mediator"], plan(), parameters=parameters, seed=3)
        parts = world.truth.components["sales"].sel({"sales.component": "residual"}).values
        return parts / world.parameters["sales"]["sigma"][0]

    np.testing.assert_allclose(scaled(chosen(SYSTEMS["censored mediator"])), scaled(None), rtol=1e-9)


def test_inputs_are_left_alone():
    system, data = SYSTEMS["normal"], plan()
    parameters = chosen(system)
    before = {name: {k: v.copy() for k, v in par.items()} for name, par in parameters.items()}
    simulate_world(system, data, parameters=parameters, seed=1)
    assert data == plan()
    for name, par in parameters.items():
        for key, value in par.items():
            np.testing.assert_array_equal(value, before[name][key])


@pytest.mark.parametrize(
    ("kind", "sd"), [("normal", 0.1), ("student_t", 0.1 * np.sqrt(5 / 3)), ("lognormal", 0.1)]
)
def test_the_spread_of_the_residuals_is_sigma(kind, sd):
    system = SYSTEMS[kind]
    world = simulate_world(system, plan(weeks=4000), parameters=chosen(system, sales__sigma=0.1), seed=6)
    residual = world.truth.components["sales"].sel({"sales.component": "residual"}).values
    size = 1.0 if kind == "lognormal" else world.scales.size["sales"][0]
    # Four standard errors of a standard deviation; a t with five degrees of freedom has a kurtosis of 9.
    error = np.sqrt((9.0 - 1.0 if kind == "student_t" else 2.0) / 4 / 4000)
    assert abs(residual.std() / size / sd - 1.0) < 4 * error
    assert abs(residual.mean()) < 4 * sd * size / np.sqrt(4000)


def test_given_scales_set_the_units():
    system, data = SYSTEMS["normal"], plan()
    base = data.scales()
    scales = replace(base, size={**base.size, "sales": np.array([5.0])})
    par = chosen(system)
    large, small = (simulate_world(system, data, parameters=par, scales=s, seed=9) for s in (base, scales))
    np.testing.assert_allclose(
        large.data.columns["sales"] / base.size["sales"][0], small.data.columns["sales"] / 5.0
    )
    np.testing.assert_array_equal(large.data.columns["search"], small.data.columns["search"])


# ------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize("seed", [-1, None, 1.5, True])
def test_an_impossible_seed_is_refused(seed):
    with pytest.raises(SamplingError, match=r"whole number from 0 to .*, as seed=0"):
        simulate_world(SYSTEMS["normal"], plan(), seed=seed)
    with pytest.raises(SamplingError, match=r"whole number from 0 to .*, as seed=0"):
        social_search(seed=seed)


def test_sharing_among_geos_is_refused_where_there_is_one():
    system = MMM([replace(equation, panel=Panel()) for equation in SYSTEMS["normal"].equations])
    with pytest.raises(PanelError, match=r"Leave panel out, or read the data with geo="):
        simulate_world(system, plan(), seed=1)
    left_out = MMM([replace(equation, panel=None) for equation in system.equations])
    assert left_out == SYSTEMS["normal"]
    assert len(world_of("normal").data.geos) == 1


def test_a_mediator_that_never_leaves_zero_is_named():
    system = SYSTEMS["censored mediator"]
    par = chosen(system, search__coefficient=[[-50.0, 0.15, 0.04, 0.04, -0.05]])
    with pytest.raises(NeverSpentError, match=r"a higher intercept for that column\. The reason: column 'search'"):
        simulate_world(system, plan(), parameters=par, seed=1)


def test_a_paid_mediator_that_falls_below_zero_is_refused():
    par = chosen(SYSTEMS["normal"], search__sigma=2.0)
    with pytest.raises(
        NegativeSpendError, match='likelihood="censored_normal", or declare the column in another unit'
    ):
        simulate_world(SYSTEMS["normal"], plan(), parameters=par, seed=1)
    free = replace(plan(), mediators={"search": "queries"})
    assert simulate_world(SYSTEMS["normal"], free, parameters=par, seed=1).data.columns["search"].min() < 0.0


def test_a_series_without_bound_is_refused():
    par = chosen(SYSTEMS["lognormal"], search__coefficient=[[800.0, 0.15, 0.04, 0.04, -0.05]])
    with pytest.raises(
        MissingValueError, match=r"smaller coefficients\. The reason: column 'search' has 90 infinite"
    ):
        simulate_world(SYSTEMS["lognormal"], plan(), parameters=par, seed=1)


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        (lambda p: p.pop("search"), r"parameters lacks search\. Give exactly: search, sales"),
        (lambda p: p["sales"].pop("sigma"), r"lacks sigma\. Give exactly"),
        (lambda p: p["sales"].update(roi=1.0), r"has the unknown roi\. Give exactly"),
        (lambda p: p["sales"].update(slope=np.ones(3)), r"has shape \(3,\)\. Give it shape \(1, 3\)"),
        (lambda p: p["sales"].update(sigma=np.zeros(1)), "Give values that are above 0, and finite"),
        (lambda p: p["sales"].update(contribution=-np.ones((1, 1, 3))), "values that are 0 or more, and finite"),
        (lambda p: p["search"].update(coefficient=np.full((1, 5), np.nan)), "Give values that are finite"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(change, advice):
    parameters = chosen(SYSTEMS["normal"])
    change(parameters)
    with pytest.raises(EquationError, match=advice):
        simulate_world(SYSTEMS["normal"], plan(), parameters=parameters, seed=1)


def test_scales_that_do_not_fit_are_refused():
    system, data = SYSTEMS["normal"], plan()
    scales = data.scales()
    with pytest.raises(DateError, match=r"Start from data\.scales\(\)"):
        simulate_world(system, data, scales=replace(scales, end=pd.Timestamp("2030-01-06")), seed=1)
    spend = {name: value for name, value in scales.spend.items() if name != "tv"}
    with pytest.raises(EquationError, match=r"scales\.spend has nothing for 'tv'\. Give a number above 0"):
        simulate_world(system, data, scales=replace(scales, spend=spend), seed=1)


# ------------------------------------------------------------------------------------------------ the example world
@pytest.mark.parametrize("seed", range(1, 9))
def test_the_example_world_is_plausible(seed):
    world = social_search(seed=seed)
    effects, sales = world.truth.effects, world.data.columns["revenue"][0]
    parts = world.truth.components["revenue"]
    assert 0.30 < np.mean(world.data.columns["google"] == 0.0) < 0.50
    assert 0.2 < float(parts.sel({"revenue.component": [*SOCIAL, "google"]}).sum()) / sales.sum() < 0.3
    assert 0.7 < 1.0 - np.var(parts.sel({"revenue.component": "residual"}).values) / np.var(sales) < 0.9
    assert effects["channel"].values.tolist() == SOCIAL
    assert ((effects["roi"] > 0.5) & (effects["roi"] < 6.0)).all()
    shares = (effects["indirect"] / effects["total"]).sel(channel=["facebook", "tiktok"])
    assert (shares > 0.1).all()
    assert float(effects["direct"].sel(channel="snapchat")) / sales.sum() < 0.005
    assert (sales > 0).all()


def test_the_shipped_seed_gives_no_warnings():
    world = social_search(seed=1)
    assert system_warnings(world.system, world.data) == []


@pytest.mark.parametrize("seed", [3, 25])
def test_the_example_world_can_be_short_or_long(seed):
    assert len(social_search(seed=seed, weeks=52).data.dates) == 52
    assert len(social_search(seed=seed, weeks=208).data.dates) == 208


@pytest.mark.parametrize("weeks", [51, 100.0, True])
def test_too_short_an_example_is_refused(weeks):
    with pytest.raises(TooFewPeriodsError, match="weeks=156 is the default"):
        social_search(weeks=weeks)


def test_printing_a_world_shows_its_truth_and_the_next_call():
    text = repr(social_search(seed=1))
    assert "google -> revenue, 156 weekly periods" in text
    assert "tiktok" in text
    assert "Next: mm.fit(world.system, world.data, seed=1)" in text
