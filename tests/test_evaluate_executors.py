"""Cross-validation on other executors gives what it gives in this process."""

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
import xarray as xr

from bayesmmm.errors import FailedRunsWarning
from bayesmmm.evaluate import cross_validate, run
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
