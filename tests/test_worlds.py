"""Worlds that each break one assumption: they are what they say, and their truth is that of a slow loop."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bayesmmm import engine
from bayesmmm.equations import system_warnings
from bayesmmm.errors import SamplingError, SettingError, TooFewPeriodsError
from bayesmmm.simulate import WORLDS, broken_world, broken_worlds
from bayesmmm.simulate.truth import find_truth
from tests import reference

CHANNELS = list(broken_worlds.CHANNELS)
# Worlds in which only the residual of sales differs from the clean one.
SAME_EFFECTS = ("confounded_mediator", "heavy_tails", "outliers")
# Long enough for a share or a correlation to be told from its neighbours.
LONG = 2000


def process_of(name, seed=1, weeks=156):
    """The true process of a world."""
    clean, rng = broken_worlds._clean(seed, weeks)
    return broken_worlds._BREAKS[name](clean, rng) if name in broken_worlds._BREAKS else clean


def column(world, name):
    return world.data.columns[name][0]


# ------------------------------------------------------------------------------------------------------ all of them
@pytest.mark.parametrize("name", WORLDS)
def test_every_world_is_valid_and_decided_by_its_seed(name):
    world, again, other = (broken_world(name, seed=seed) for seed in (4, 4, 5))
    assert world.data == again.data
    assert world.truth.identical(again.truth)
    assert not np.allclose(world.data.columns["sales"], other.data.columns["sales"])
    effects = world.truth
    np.testing.assert_allclose(effects["direct"] + effects["indirect"], effects["total"], rtol=1e-10)
    np.testing.assert_allclose(effects["roi"] * effects["spend"], effects["total"], rtol=1e-12)
    assert ((effects["roi_direct"] > 0.0) & (effects["roi_indirect"] > 0.0)).all()
    assert effects["channel"].values.tolist() == CHANNELS
    assert (effects.attrs["world"], effects.attrs["window"]) == (name, "outcome")
    assert (world.data.columns["sales"] > 0).all()
    assert (world.system.order, world.broken) == (("search", "sales"), WORLDS[name])
    assert world.twin.name == "clean"
    assert world.twin.data == broken_world("clean", seed=4).data
    assert (world.data == world.twin.data) == (name in ("clean", "missing_season"))
    assert f"BrokenWorld {name!r}, seed 4, 156 weeks\n{world.broken}" in repr(world)
    assert pickle.loads(pickle.dumps(world)).data == world.data


def test_the_clean_world_gives_no_warnings_before_it_is_fitted():
    found = [system_warnings(w.system, w.data) for w in (broken_world("clean", seed=s) for s in range(1, 6))]
    assert found == [[]] * 5


@pytest.mark.parametrize("weeks", [52, 260])
def test_worlds_can_be_short_or_long(weeks):
    worlds = [broken_world(name, seed=3, weeks=weeks) for name in WORLDS]
    assert {len(world.data.dates) for world in worlds} == {weeks}
    assert {len(world.twin.data.dates) for world in worlds} == {weeks}


def test_an_unknown_world_is_refused_with_the_closest_name():
    with pytest.raises(
        SettingError, match=r"'hiden_demand' \(did you mean 'hidden_demand'\?\)\. Choose one of: clean,"
    ):
        broken_world("hiden_demand", seed=1)
    with pytest.raises(SettingError, match=r"no world 3\. Choose one of: clean, hidden_demand"):
        broken_world(3, seed=1)


def test_impossible_seeds_and_lengths_are_refused():
    with pytest.raises(SamplingError, match=r"whole number from 0 to .*, as seed=0"):
        broken_world("clean", seed=-1)
    with pytest.raises(TooFewPeriodsError, match="weeks=156 is the default"):
        broken_world("clean", seed=1, weeks=51)


# ---------------------------------------------------------------------------------------------------- slow loops
def slow_series(process, clean, do):
    """Search and sales in units, by loops: amplitudes from the clean world, drift and lags by hand."""
    out, weeks = {}, len(process.data.dates)
    spent = {n: process.data.columns[n][0] for n in CHANNELS} | do
    planned = {n: clean.data.columns[n][0] for n in CHANNELS}
    days = (process.data.dates - np.datetime64("1970-01-01")).days.to_numpy()
    price = process.data.columns["price"][0]
    columns = {
        "intercept": np.ones(weeks),
        "trend": np.arange(weeks) / (weeks - 1),
        "sin1@365.25": np.sin(2 * np.pi * days / 365.25),
        "cos1@365.25": np.cos(2 * np.pi * days / 365.25),
        "price": (price - price.mean()) / price.std(),
    }
    for name, size in (("search", 2_000.0), ("sales", 100_000.0)):
        equation, par = process.system.equation(name), clean.parameters[name]
        total = process.residual[name].copy()
        for term, b in zip(equation.terms(), par["coefficient"][0], strict=True):
            total += b * columns[term]
        for i, channel in enumerate(equation.media):
            if channel == "search":
                unit, x, usual = 2_000.0, do.get("search", out["search"]), out["usual search"]
            else:
                usual = planned[channel]
                unit, x = usual[usual > 0].mean(), spent[channel]
            alpha = reference.retention_from_half_life(par["half_life"][0, i])
            curve = (par["half_saturation"][0, i], par["slope"][0, i])
            mean = reference.hill(reference.adstock(np.maximum(usual, 0) / unit, alpha, days=7), *curve).mean()
            if (name, channel) in process.lags:
                pulled = []
                for t in range(weeks):
                    weights = [alpha ** (7 * (lag - 3) ** 2) for lag in range(13)]
                    near = [w / sum(weights) * x[t - lag] for lag, w in enumerate(weights) if lag <= t]
                    pulled.append(sum(near) / unit)
                a = np.array(pulled)
            else:
                a = reference.adstock(np.maximum(x, 0) / unit, alpha, days=7)
            height = par["contribution"][0, 0, i] / mean
            total += height * reference.hill(a, *curve) * process.drift.get((name, channel), np.ones(weeks))
        out[name] = size * total
        if name == "search":
            out["usual search"] = clean.series({})["search"][0]
    return do.get("search", out["search"]), out["sales"]


@pytest.mark.parametrize(
    "name", ["clean", "hidden_demand", "time_varying_effect", "delayed_adstock", "trend_break"]
)
def test_series_and_effects_are_those_of_a_slow_loop(name):
    world, process, clean = (
        broken_world(name, seed=2, weeks=80),
        process_of(name, 2, 80),
        process_of("clean", 2, 80),
    )
    search, sales = slow_series(process, clean, {})
    np.testing.assert_allclose(search, column(world, "search"), rtol=1e-9)
    np.testing.assert_allclose(sales, column(world, "sales"), rtol=1e-9)
    for channel in CHANNELS:
        stop = {channel: np.zeros(80)}
        effects = world.truth.sel(channel=channel)
        _, gone = slow_series(process, clean, stop)
        _, held = slow_series(process, clean, stop | {"search": search})
        np.testing.assert_allclose(effects["total"], (sales - gone).sum(), rtol=1e-8)
        np.testing.assert_allclose(effects["direct"], (sales - held).sum(), rtol=1e-8)
        assert float(effects["spend"]) == column(world, channel).sum()


def test_the_clean_world_is_the_one_that_the_fitted_equations_make():
    world, process = broken_world("clean", seed=3), process_of("clean", 3)
    residual = {name: values[None, None] for name, values in process.residual.items()}
    arguments = (process.system, process.data, process.scales, process.parameters, residual)
    base = engine.run(process.system, process.parameters, process.data, process.scales, residual=residual)
    for name in ("search", "sales"):
        np.testing.assert_allclose(world.data.columns[name], base.columns[name][0], rtol=1e-12)
    truth = find_truth(*(world.data if i == 1 else a for i, a in enumerate(arguments)), base)
    for name in ("spend", "total", "direct", "indirect", "roi"):
        np.testing.assert_allclose(world.truth[name], truth.effects[name], rtol=1e-9)
    assert process.system == world.system


# -------------------------------------------------------------------------------------------- each break is what it says
def test_the_clean_residuals_are_normal_and_independent():
    search, sales = process_of("clean", 1, LONG).residual.values()
    assert stats.kstest(search / 0.20, "norm").pvalue > 0.01
    assert stats.kstest(sales / 0.04, "norm").pvalue > 0.01
    limit = 4.0 / np.sqrt(LONG)
    assert abs(np.corrcoef(search, sales)[0, 1]) < limit
    assert abs(np.corrcoef(sales[1:], sales[:-1])[0, 1]) < limit


@pytest.mark.parametrize(("name", "kept"), [("hidden_demand", 0.7), ("fleeting_demand", 0.0)])
def test_hidden_demand_raises_spend_and_sales_together(name, kept):
    world, process = broken_world(name, seed=1), process_of(name)
    demand = (process.residual["sales"] - process_of("clean").residual["sales"]) / 0.10
    for channel in CHANNELS:
        on = column(world, channel) > 0
        ratio = column(world, channel)[on] / column(world.twin, channel)[on]
        np.testing.assert_allclose(np.log(ratio), 0.5 * demand[on], atol=1e-9)
    long = process_of(name, weeks=LONG).residual["sales"] - process_of("clean", weeks=LONG).residual["sales"]
    # Standard errors of an sd and of an autocorrelation under this persistence.
    assert abs(long.std() / 0.10 - 1.0) < 4 * np.sqrt((1 + kept**2) / (1 - kept**2) / 2 / LONG)
    assert abs(np.corrcoef(long[1:], long[:-1])[0, 1] - kept) < 4 * np.sqrt((1 - kept**2) / LONG)
    np.testing.assert_array_equal(process.residual["search"], process_of("clean").residual["search"])


def test_spend_follows_the_sales_of_the_week_before():
    world = broken_world("sales_driven_spend", seed=1)
    expected = np.append(1.0, (column(world, "sales")[:-1] / 100_000.0) ** 2)
    for channel in CHANNELS:
        np.testing.assert_allclose(column(world, channel), column(world.twin, channel) * expected, rtol=1e-10)
    long = process_of("sales_driven_spend", weeks=600).residual["sales"]
    assert abs(np.corrcoef(long[1:], long[:-1])[0, 1] - 0.8) < 4 * np.sqrt((1 - 0.64) / 600)


def test_residuals_of_mediator_and_outcome_are_correlated_as_told():
    process = process_of("confounded_mediator", weeks=LONG)
    search, sales = process.residual["search"] / 0.20, process.residual["sales"] / 0.04
    found = np.corrcoef(search, sales)[0, 1]
    assert broken_world("confounded_mediator", seed=1).truth.attrs["rho"] == 0.6
    assert abs(found - 0.6) < 4 * (1 - 0.36) / np.sqrt(LONG)
    assert abs(sales.std() - 1.0) < 4 / np.sqrt(2 * LONG)
    assert broken_world("clean", seed=1).truth.attrs["rho"] == 0.0


def test_collinear_channels_share_one_plan():
    world = broken_world("collinear_flighting", seed=1)
    spend = np.array([column(world, channel) for channel in CHANNELS])
    assert (np.corrcoef(spend)[np.triu_indices(3, 1)] > 0.98).all()
    assert ((spend > 0).all(axis=0) == (spend > 0).any(axis=0)).all()
    apart = np.corrcoef([column(world.twin, channel) for channel in CHANNELS])[np.triu_indices(3, 1)]
    assert (np.abs(apart) < 0.5).all()


def test_effects_that_vary_over_time_keep_their_mean_and_turn():
    process, clean = process_of("time_varying_effect"), process_of("clean")
    change = process.series({})["sales"][0] - clean.series({})["sales"][0]
    without = {"tv": np.zeros((1, 156)), "social": np.zeros((1, 156))}
    alone = {name: values for name, values in without.items() if name == "social"}
    tv = (
        clean.series(alone)["sales"][0]
        - clean.series(without | {"search": clean.series(alone)["search"]})["sales"][0]
    )
    drift = np.linspace(0.6, -0.6, 156)
    social_off = process.series(alone)["sales"][0] - clean.series(alone)["sales"][0]
    np.testing.assert_allclose(social_off, drift * tv, atol=1e-6)
    np.testing.assert_allclose(process.series({})["search"], clean.series({})["search"], rtol=1e-12)
    assert np.abs(change).max() > 1_000.0


def test_heavy_tails_are_those_of_student_t():
    sales = process_of("heavy_tails", weeks=LONG).residual["sales"] / 0.04
    assert stats.kstest(sales, "t", args=(2.5,)).pvalue > 0.01
    assert stats.kstest(sales, "norm").pvalue < 1e-6


def test_three_weeks_in_a_hundred_are_outliers_and_the_others_are_left_alone():
    world = broken_world("outliers", seed=1, weeks=200)
    change = column(world, "sales") / 100_000.0 - column(world.twin, "sales") / 100_000.0
    hit = np.abs(change) > 1e-9
    assert hit.sum() == 6
    assert ((np.abs(change[hit]) >= 0.3) & (np.abs(change[hit]) <= 0.6)).all()
    signs = [
        np.sign(process_of("outliers", s).residual["sales"] - process_of("clean", s).residual["sales"])
        for s in (1, 2)
    ]
    assert {-1.0, 0.0, 1.0} == set(np.concatenate(signs).tolist())


def test_delayed_spend_works_most_three_weeks_later():
    process = process_of("delayed_adstock")
    pulse = np.zeros((1, 156))
    pulse[0, 100] = 1.0  # small, so that the curve is nearly a power of the weights
    none = {name: np.zeros((1, 156)) for name in CHANNELS} | {"search": np.full((1, 156), 2_000.0)}
    for channel in CHANNELS:
        answer = (process.series(none | {channel: pulse})["sales"] - process.series(none)["sales"])[0]
        assert np.argmax(answer) == 103
        np.testing.assert_allclose(answer[100:103], answer[104:107][::-1], rtol=1e-4)
    assert all(abs(weights.sum() - 1.0) < 1e-12 for weights in process.lags.values())


def test_the_level_jumps_and_spend_is_raised_at_the_same_time():
    world, process = broken_world("trend_break", seed=1), process_of("trend_break")
    after = np.arange(156) >= 94
    for channel in CHANNELS:
        np.testing.assert_allclose(column(world, channel), column(world.twin, channel) * np.where(after, 1.5, 1.0))
    np.testing.assert_allclose(column(world, "sales")[~after], column(world.twin, "sales")[~after], rtol=1e-10)
    np.testing.assert_allclose(process.residual["sales"] - process_of("clean").residual["sales"], 0.2 * after)


def test_the_missing_season_is_missing_from_the_fitted_equations_only():
    world = broken_world("missing_season", seed=1)
    assert world.truth.drop_attrs().equals(world.twin.truth.drop_attrs())
    assert world.system.equation("sales").terms() == ("intercept", "trend", "price")
    assert "cos1@365.25" in world.twin.system.equation("sales").terms()


def test_a_weak_signal_is_a_quarter_of_the_clean_one():
    world, process = broken_world("weak_signal", seed=1), process_of("weak_signal")
    np.testing.assert_allclose(world.truth["direct"], 0.25 * world.twin.truth["direct"], rtol=1e-10)
    np.testing.assert_allclose(process.residual["sales"], 2.0 * process_of("clean").residual["sales"])


@pytest.mark.parametrize("name", SAME_EFFECTS)
def test_a_residual_of_another_kind_leaves_the_truth_as_it_was(name):
    world = broken_world(name, seed=2)
    for part in ("total", "direct", "indirect"):
        np.testing.assert_allclose(world.truth[part], world.twin.truth[part], rtol=1e-9)


# --------------------------------------------------------------------------------------- which breaks bias an estimate
SEEDS = range(1, 25)


def oracle_z(name, *, season=True, seeds=SEEDS):
    """Least squares of sales by who knows every curve, and needs only the heights: z scores of truth 1 (seed, term).

    What is wrong then is due to the broken assumption alone, not to a curve that was estimated.
    """
    out = []
    for seed in seeds:
        process = process_of(name, seed)
        data = process.data.replace_columns(process.series({}))
        equation = process.system.equation("sales")
        seen = engine.inputs(equation, data, process.scales)
        par, height = process.parameters["sales"], process.amplitude["sales"]
        media = engine.media_term(equation, seen.media, par, data.calendar, height)[0][0, 0]
        keep = [season or not term.startswith(("sin", "cos")) for term in equation.terms()]
        x = np.column_stack([*media, seen.design[0][:, keep]])
        b, *_ = np.linalg.lstsq(x, seen.target[0])
        rest = seen.target[0] - x @ b
        sigma2 = rest @ rest / (len(rest) - x.shape[1])
        error = np.sqrt(sigma2 * np.diag(np.linalg.inv(x.T @ x)))
        out.append((b[:4] - 1.0) / error[:4])
    return np.array(out)


# Four standard errors of a mean of independent scores.
CHANCE = 4.0 / np.sqrt(len(SEEDS))


@pytest.mark.parametrize("name", ["clean", "heavy_tails", "weak_signal", "collinear_flighting"])
def test_who_knows_the_curves_is_right_on_average_where_spend_is_set_blindly(name):
    z = oracle_z(name, seeds=range(1, 49))
    assert (np.abs(z.mean(axis=0)) < CHANCE).all(), z.mean(axis=0)
    assert 0.8 < z.std() < 1.2


def test_who_knows_the_curves_is_misled_where_the_break_moves_spend_or_search():
    bias = {
        name: oracle_z(name).mean(axis=0)
        for name in (
            "hidden_demand",
            "fleeting_demand",
            "sales_driven_spend",
            "confounded_mediator",
            "trend_break",
        )
    }
    for name in ("hidden_demand", "fleeting_demand", "sales_driven_spend", "trend_break"):
        assert bias[name][:3].mean() > CHANCE, bias
    assert bias["confounded_mediator"][3] > CHANCE
    assert (bias["confounded_mediator"][:3] < CHANCE).all()
    assert oracle_z("clean", season=False).mean(axis=0)[:3].max() > CHANCE


def test_spend_that_follows_sales_does_no_harm_without_persistence(monkeypatch):
    monkeypatch.setattr(broken_worlds, "_WAVE_KEPT", 0.0)
    assert (np.abs(oracle_z("sales_driven_spend").mean(axis=0)) < CHANCE).all()


def test_the_process_is_frozen_before_it_is_broken():
    process = process_of("trend_break")
    thawed = replace(process, amplitude={}).frozen()
    assert np.abs(thawed.amplitude["sales"] / process.amplitude["sales"] - 1.0).max() > 0.05
    np.testing.assert_allclose(process.frozen().amplitude["sales"], process.amplitude["sales"])
