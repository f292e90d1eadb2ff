"""Recovery and calibration with real NUTS: few and short fits of the small mediated system."""

import functools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr

from bayesmmm import estimands, inference
from bayesmmm.errors import EvaluationError
from bayesmmm.evaluate import Recovery, calibrate, recover
from bayesmmm.evaluate.calibration import DOUBLINGS
from bayesmmm.evaluate.prior_worlds import draw_world, worlds_from
from bayesmmm.inference import seeds
from bayesmmm.simulate import simulate_world
from tests import worlds
from tests.fits import quiet

SHORT = {"draws": 120, "tune": 200, "chains": 2, "progress": False}


@pytest.fixture
def ready(mediated):
    """System and a maker of worlds with one fixed truth."""
    data = worlds.data()
    truth = simulate_world(mediated, data, seed=4).parameters
    truth["search"]["coefficient"][:] = [[0.9, 0.05]]
    truth["sales"]["sigma"][:] = 0.1
    return mediated, functools.partial(simulate_world, mediated, data, parameters=truth), truth


def test_recovery_lays_the_estimates_of_a_fit_beside_the_truth_of_its_world(ready):
    system, maker, truth = ready
    found = recover(system, maker, simulations=2, seed=5, ci_prob=0.8, **SHORT)
    table = found.table()
    assert found.complete
    assert table.index.get_level_values("simulation").unique().tolist() == [0, 1]
    # A fixed truth: what has no unit is the same in all worlds.
    for name, value in zip(("tv", "social", "search"), truth["sales"]["half_life"][0], strict=True):
        np.testing.assert_allclose(table.xs(f"sales.half_life[{name}]", level="quantity")["truth"], value)
    # The second simulation, made again by hand.
    rng = np.random.default_rng(seeds(5, 2)[1])
    world, _ = draw_world(maker, rng)
    again = {name: value for name, value in SHORT.items() if name != "progress"}
    fit = quiet(
        inference.fit,
        system,
        world.data,
        seed=int(rng.integers(2**31)),
        progress=False,
        cores=1,
        **again,
    )
    effects = quiet(estimands.effects, fit.accept_unconverged(), window="outcome")
    draws = {
        "roi_indirect[social]": effects["roi_indirect"].sel(channel="social"),
        "sales.sigma": fit.posterior["sales.sigma"],
        "sales.coefficient[price]": fit.posterior["sales.coefficient"].sel({"sales.term": "price"}),
    }
    truths = {
        "roi_indirect[social]": world.truth.effects["roi_indirect"].sel(channel="social"),
        "sales.sigma": world.truth.parameters["sales.sigma"],
        "sales.coefficient[price]": world.truth.parameters["sales.coefficient"].sel({"sales.term": "price"}),
    }
    for name, values in draws.items():
        row = table.loc[(1, name)]
        lower, median, upper = np.quantile(values, [0.1, 0.5, 0.9])
        assert (row["lower"], row["median"], row["upper"]) == pytest.approx((lower, median, upper))
        assert row["truth"] == pytest.approx(float(truths[name]))
        assert row["covered"] == (lower <= float(truths[name]) <= upper)
        assert row["z"] == pytest.approx(float((values.mean() - truths[name]) / values.std()))


def test_the_same_seed_gives_the_same_answer_wherever_it_is_worked_out(ready):
    system, maker, _ = ready
    asked = {"quantities": ["roi", "sales.sigma", "log_likelihood"], "kept": 49, "simulations": 2, "seed": 3}
    here = calibrate(system, maker, **asked, **SHORT)
    with ThreadPoolExecutor(1) as pool:
        there = calibrate(system, maker, executor=pool, **asked, **SHORT)
    xr.testing.assert_identical(here.simulations, there.simulations)
    assert here.simulations["quantity"].values.tolist() == [
        "sales.sigma",
        "roi[social]",
        "roi[tv]",
        "log_likelihood",
    ]
    assert here.simulations["rank"].min() >= 0
    assert here.simulations["rank"].max() <= 49
    assert len(np.unique(here.simulations["truth"].sel(quantity="log_likelihood"))) == 2  # not one world twice
    assert pickle.loads(pickle.dumps(here)).verdict == here.verdict  # for studies that are kept


def test_fits_with_too_few_effective_draws_are_made_longer(ready):
    system, maker, _ = ready
    found = calibrate(system, maker, simulations=2, kept=240, seed=1, **SHORT).simulations
    first = SHORT["draws"] * SHORT["chains"]
    assert set(found["draws"].values) <= {
        first * 2**k for k in range(1, DOUBLINGS + 1)
    }  # 240 draws are never enough
    enough = found["ess"].min("quantity") >= 240
    assert (enough | (found["draws"] == first * 2**DOUBLINGS)).all()


def test_recovery_says_what_is_missing():
    names = ["roi[tv]", "sales.sigma"]
    rng = np.random.default_rng(0)
    truth = rng.random((3, 2)) + 1.0
    values = xr.Dataset(
        {
            "truth": (("simulation", "quantity"), truth),
            "median": (("simulation", "quantity"), truth + np.array([[0.1, -0.2], [0.3, 0.0], [-0.1, 0.2]])),
            "lower": (("simulation", "quantity"), truth - np.array([[0.1, 0.1], [-0.1, 0.1], [0.2, 0.2]])),
            "upper": (("simulation", "quantity"), truth + 1.0),
            "mean": (("simulation", "quantity"), truth + 0.5),
            "sd": (("simulation", "quantity"), np.full((3, 2), 0.25)),
            "convergence": ("simulation", ["converged", "doubtful", "converged"]),
        },
        {"quantity": names, "simulation": [0, 1, 4]},
    )
    found = Recovery(values=values, ci_prob=0.9, requested=5, failed={}, complete=False, settings={})
    summary = found.summary()
    assert summary.loc["roi[tv]", "bias"] == pytest.approx(0.1)
    assert summary.loc["roi[tv]", "rmse"] == pytest.approx(np.sqrt((0.01 + 0.09 + 0.01) / 3))
    errors = np.abs([0.1, 0.3, 0.1] / truth[:, 0])
    assert summary.loc["roi[tv]", "relative_error"] == pytest.approx(np.median(errors))
    assert summary["coverage"].tolist() == pytest.approx([2 / 3, 1.0])
    assert summary["z"].tolist() == pytest.approx([2.0, 2.0])
    assert summary["z_spread"].tolist() == pytest.approx([2.0, 2.0])
    text = str(found)
    assert text.startswith(
        "Recovery: 0.833 of 6 90 % intervals hold the truth (3 simulated data sets, 2 quantities)"
    )
    assert "interrupted: 3 of 5 simulations are done" in text
    assert "sampler: 2 converged, 1 doubtful" in text


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"simulations": 0}, "at least 1, as simulations=20"),
        ({"quantities": ["log_likelihood"]}, "holds 'log_likelihood', which these worlds do not have"),
    ],
)
def test_impossible_questions_are_refused(given, advice):
    with pytest.raises(EvaluationError, match=advice):
        recover(worlds.system(), worlds.data(), progress=False, **given)


def test_a_maker_of_worlds_is_used_as_it_is():
    def maker(*, seed):
        return simulate_world(worlds.system(), worlds.data(), seed=seed)

    assert worlds_from(worlds.system(), maker)[1] is maker
    drawn = worlds_from(worlds.system(), worlds.data())[1](seed=3)
    assert drawn.data == maker(seed=3).data
    sent = pickle.loads(pickle.dumps(worlds_from(worlds.system(), worlds.data())[1]))  # as to another process
    assert sent(seed=3).data == drawn.data
