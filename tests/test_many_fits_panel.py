"""One fit for each part of a panel, side by side, on threads or a Dask cluster."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation
from bayesmmm.inference import fit_quietly, run
from tests import panels
from tests.test_evaluate_executors import dask  # noqa: F401

SETTINGS = {"draws": 60, "tune": 80, "chains": 2}


def brands() -> MMMData:
    """Two brands in three territories each."""
    frame = panels.frame(("north", "east", "west"))
    other = panels.frame(("north", "east", "west"), seed=7)
    both = pd.concat([frame.assign(brand="alpha"), other.assign(brand="beta")], ignore_index=True)
    both = both.rename(columns={"geo": "territory"})
    return MMMData.from_frame(both, **{**panels.ROLES, "geo": ["brand", "territory"]})


@dataclass(frozen=True)
class OneBrand:
    """Task: returns of one brand, fitted by itself."""

    data: MMMData
    system: MMM

    def __call__(self, brand: str):
        keys = self.data.geo_levels["brand"]
        geos = keys.index[keys == brand].tolist()
        fit = fit_quietly(self.system, self.data.sel(geos), seed=1, **SETTINGS).fit
        return mm.roi(fit.accept_unconverged())


def test_a_fit_for_each_brand_on_a_dask_cluster_is_that_of_this_process(dask):  # noqa: F811
    task = OneBrand(brands(), MMM([Equation("sales", media=["tv"], linear=["price"])]))
    there = run(task, ["alpha", "beta"], executor=dask, progress=False, title="brands")
    here = run(task, ["alpha", "beta"], progress=False, title="brands")
    assert there.complete
    for i in range(2):
        np.testing.assert_array_equal(there.results[i], here.results[i])
    assert not np.array_equal(there.results[0], there.results[1])


def test_a_brand_that_cannot_be_fitted_does_not_cost_the_others():
    task = OneBrand(brands(), MMM([Equation("sales", media=["tv"], linear=["price"])]))
    with pytest.warns(mm.errors.FailedRunsWarning, match="1 of 2 brands failed"):
        done = run(partial(task), ["alpha", "gamma"], progress=False, title="brands")
    assert list(done.results) == [0]
