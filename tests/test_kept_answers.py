"""What a fit keeps between answers changes none of them."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from xarray.testing import assert_identical

import bayesmmm as mm
from bayesmmm import engine
from bayesmmm.data import next_dates
from bayesmmm.errors import AnswerError
from bayesmmm.estimands import history_end
from bayesmmm.estimands.query import open_query
from bayesmmm.results import Fit
from bayesmmm.results.kept import Kept, pinned
from tests import answer_cases, made, panels, worlds


def fresh(fit):
    """The same fit, which has kept nothing."""
    return fit.with_convergence(fit.convergence)


def plan_for(fit, factor=1.0):
    data, count = fit.data, 4
    index = next_dates(data, count)
    parts = [
        pd.DataFrame({n: factor * data.columns[n][g, -count:] for n in fit.system.exogenous}, index).assign(
            geo=geo
        )
        for g, geo in enumerate(data.geos)
    ]
    plan = pd.concat(parts).rename_axis("date").reset_index()
    return plan if len(data.geos) > 1 else plan.drop(columns="geo")


@pytest.fixture(scope="module")
def fit():
    return made.made_fit(worlds.system("normal", "censored_normal"), worlds.data())


PANELS = {"panel": panels.data, "ragged panel": panels.ragged}


@pytest.mark.parametrize("case", [*answer_cases.CASES, *PANELS])
def test_the_end_of_the_history_is_what_the_history_leaves(case):
    """Bit for bit, under truncated adstock, on panels, with geos that end early."""
    panel = PANELS.get(case)
    fit = answer_cases.fit_of(case) if panel is None else made.made_fit(panels.system(), panel(), draws=5)
    query = open_query(fit, plan=plan_for(fit), seed=3)
    draws = query.draws[2:5]
    whole = query.history(draws)
    end = history_end.ends_of_history(query)(draws)
    dates = query.timeline.dates[query.timeline.fitted :]
    first, ahead = (engine.future(b, dates, query.timeline.columns, seed=3, paths=2) for b in (whole, end))
    for part in ("latent", "columns", "term", "residual"):
        one, other = getattr(first, part), getattr(ahead, part)
        assert one.keys() == other.keys()
        for name, values in one.items():
            np.testing.assert_array_equal(
                values, np.broadcast_to(other[name], values.shape), err_msg=f"{part} {name}"
            )


def test_answers_do_not_depend_on_those_before(fit):
    plans = [plan_for(fit, factor) for factor in (1.0, 0.5, 1.0)]
    kept = fresh(fit)
    for plan in plans:
        for each in (kept, kept.thin(20)):
            for seed in (0, 4):
                first = mm.what_if(each, plan=plan, scale={"tv": 1.3}, seed=seed)
                alone = fresh(fit).thin(20) if each is not kept else fresh(fit)
                assert_identical(first, mm.what_if(alone, plan=plan, scale={"tv": 1.3}, seed=seed))
                assert_identical(mm.predict(each, plan, seed=seed), mm.predict(fresh(alone), plan, seed=seed))
    assert_identical(mm.roi(kept, plan=plans[1]), mm.roi(fresh(fit), plan=plans[1]))


def test_draws_that_are_written_to_are_seen(fit):
    own = copy.deepcopy(fresh(fit))
    plan = plan_for(own)
    before = mm.predict(own, plan)["sales"]
    own.tree["posterior"]["sales.sigma"].values[0, 0] = np.nan
    with pytest.raises(AnswerError, match=r"sales.sigma has draws that are no numbers"):
        mm.predict(own, plan)
    own.tree["posterior"]["sales.sigma"].values[0, 0] = 1.0
    own.tree["posterior"]["sales.contribution"].values[:] *= 2.0
    assert np.abs(mm.predict(own, plan)["sales"] - before).max() > 1.0


def test_a_fit_that_is_pinned_goes_on_to_answer_as_it_is(fit):
    own = copy.deepcopy(fresh(fit))
    plan, served = plan_for(own), pinned(own)
    before = mm.predict(served, plan)
    assert_identical(before, mm.predict(own, plan))
    own.tree["posterior"]["sales.contribution"].values[:] *= 2.0
    assert_identical(before, mm.predict(served, plan))
    found = mm.predict(copy.deepcopy(served), plan)
    assert_identical(found, mm.predict(own, plan))
    assert np.abs(found["sales"] - before["sales"]).max() > 1.0


def test_scenarios_of_the_past_are_the_same_from_what_was_kept(fit, monkeypatch):
    own = fresh(fit)
    first = mm.what_if(own, scale={"tv": 1.3})
    assert "past" in own.memo
    assert_identical(first, mm.what_if(own, scale={"tv": 1.3}))
    monkeypatch.setattr(history_end, "PAST_KEPT", 0.0)
    other = fresh(fit)
    assert_identical(first, mm.what_if(other, scale={"tv": 1.3}))
    assert "past" not in other.memo


def test_nothing_kept_is_copied_or_saved(fit, tmp_path):
    own = fresh(fit)
    mm.what_if(own, plan=plan_for(own), scale={"tv": 1.3})
    assert {"parameters", "history_end", "plan"} <= set(own.memo)
    for other in (pickle.loads(pickle.dumps(own)), copy.deepcopy(own)):
        assert isinstance(other, Fit)
        assert all(not value for value in other.memo.values() if isinstance(value, Kept))


def test_what_is_kept_has_a_bound(fit, monkeypatch):
    monkeypatch.setattr(history_end, "PLAN_KEPT", 0.0)
    monkeypatch.setattr("bayesmmm.results.kept.KEPT", 0.0)
    own = fresh(fit)
    found = mm.what_if(own, plan=plan_for(own), scale={"tv": 1.3})
    assert not {"plan", "history_end"} & set(own.memo)
    monkeypatch.undo()
    assert_identical(found, mm.what_if(fresh(fit), plan=plan_for(fit), scale={"tv": 1.3}))
