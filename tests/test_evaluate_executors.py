"""Cross-validation on other executors gives what it gives in this process; forecasts of a whole world."""

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest

from bayesmmm.errors import FailedRunsWarning
from bayesmmm.evaluate import cross_validate
from bayesmmm.inference import run
from bayesmmm.simulate.datasets import load_case
from tests import worlds
from tests.fits import quiet

ASKED = {"folds": 2, "horizon": 6, "draws": 50, "tune": 80, "chains": 2, "seed": 5, "progress": False}


@pytest.fixture
def dask():
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: uv sync --group dev")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="inproc://"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


def same(one, other):
    xr.testing.assert_identical(one.predictions, other.predictions)
    xr.testing.assert_identical(one.stability, other.stability)
    assert one.complete
    assert other.complete


def test_a_dask_cluster_runs_tasks(dask):
    done = run(math.isqrt, [4, 9, 16], executor=dask, progress=False)
    assert list(done.results.values()) == [2, 3, 4]
    with pytest.warns(FailedRunsWarning, match="1 of 2 fits failed"):
        done = run(math.isqrt, [4, -9], executor=dask, progress=False)
    assert dict(done.results) == {0: 2}


def test_a_dask_cluster_gives_the_same_folds(dask):
    here = quiet(cross_validate, worlds.system(), worlds.data(), **ASKED)
    there = quiet(cross_validate, worlds.system(), worlds.data(), executor=dask, **ASKED)
    same(here, there)


@pytest.mark.slow
def test_worker_processes_give_the_same_folds():
    here = quiet(cross_validate, worlds.system(), worlds.data(), **ASKED)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = quiet(cross_validate, worlds.system(), worlds.data(), executor=pool, **ASKED)
    same(here, there)


@pytest.mark.slow
def test_forecasts_of_the_shipped_world_are_calibrated_and_beat_what_anyone_could_say():
    world = load_case("social_search")
    cv = quiet(cross_validate, world.system, world.data, folds=6, horizon=8, seed=2, ci_prob=0.9, progress=False)
    for equation in ("google", "revenue"):
        every = cv.table(equation).loc["all"]
        # 48 values, each in its interval with probability 0.9.
        assert binomtest(round(48 * every["coverage"]), 48, 0.9).pvalue > 0.01
        assert every["rmse"] < 0.8 * every["rmse_naive"]
    assert (cv.folds["verdict"] != "failed").all()
    assert np.abs(cv.stability["drift"].values).max() < 4.0


@pytest.mark.slow
def test_a_break_in_the_training_data_shows_as_drift():
    data = load_case("social_search").data
    revenue = data.columns["revenue"].copy()
    revenue[:, 110:] *= 1.6  # every channel suddenly earns more, and so does the level
    broken = data.replace_columns({"revenue": revenue})
    cv = quiet(
        cross_validate,
        load_case("social_search").system,
        broken,
        initial=100,
        horizon=8,
        step=16,
        seed=2,
        progress=False,
    )
    drift = cv.stability["drift"].to_series()
    assert drift["revenue.sigma"] > 4.0
