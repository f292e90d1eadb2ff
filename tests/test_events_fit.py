"""Events in a fit and its answers."""

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import errors
from bayesmmm.data import next_dates
from bayesmmm.errors import SettingError
from tests.event_worlds import EFFECT, EVENTS, LEVEL, POOL, added_up, daily, read, system
from tests.fits import quiet

SETTINGS = {"draws": 150, "tune": 300, "chains": 2, "seed": 3}


@pytest.fixture(scope="module")
def fit():
    return quiet(mm.fit, system(), read(added_up(daily(noise=4.0), "7D")), **SETTINGS).accept_unconverged()


def test_coefficients_are_per_day_of_an_event(fit):
    found = fit.coefficients("sales").median(("chain", "draw"))
    assert found.sel({"sales.term": "sale"}).item() == pytest.approx(EFFECT["sale"], abs=12.0)
    for name in POOL["holidays"]:
        assert found.sel({"sales.term": name}).item() == pytest.approx(EFFECT[name], abs=15.0)
    assert found.sel({"sales.term": "holidays"}).item() == pytest.approx(-25.0, abs=40.0)


def test_events_are_parts_of_their_own(fit):
    parts = mm.decompose(fit)
    kinds = dict(zip(parts["component"].values.tolist(), parts["kind"].values.tolist(), strict=True))
    assert {name for name, kind in kinds.items() if kind == "event"} == {"sale", "holidays"}
    raw, data = fit.coefficients("sales"), fit.data

    def days(name):
        return raw.sel({"sales.term": name}).values[..., None] * data.columns[name][0]

    of = {name: parts["contribution"].sel(component=name).values for name in ("sale", "holidays")}
    np.testing.assert_allclose(of["sale"], days("sale"), atol=1e-9 * LEVEL)
    np.testing.assert_allclose(of["holidays"], sum(days(name) for name in POOL["holidays"]), atol=1e-9 * LEVEL)
    axes = mm.plots.waterfall(parts)
    assert {"sale", "holidays"} <= {label.get_text() for label in axes.get_yticklabels()}
    assert any(
        "events (sale, holidays)" in t.get_text().replace("\n", " ")
        for t in mm.plots.decomposition(parts).get_legend().texts
    )


def test_effects_of_events_are_those_of_a_calendar_without_them(fit):
    found = mm.effects(fit)
    names = ["sale", *POOL["holidays"]]
    assert found["term"].values.tolist() == names
    assert set(found["term_kind"].values) == {"event"}
    raw = fit.coefficients("sales")
    for name in names:
        gone = mm.what_if(fit, do={name: 0.0})["sales.change"].sum("date")
        np.testing.assert_allclose(found["term_total"].sel(term=name), -gone, rtol=1e-10)
        np.testing.assert_allclose(mm.what_if(fit, scale={name: 0.0})["sales.change"].sum("date"), gone)
        np.testing.assert_allclose(
            found["per_unit"].sel(term=name), raw.sel({"sales.term": name}).values, rtol=1e-9
        )
        assert found["units_away"].sel(term=name) == fit.data.columns[name].sum()
    parts = mm.decompose(fit)["contribution"].sum("date")
    own = found["term_total"].sel(term=POOL["holidays"]).sum("term")
    np.testing.assert_allclose(own, parts.sel(component="holidays"), rtol=1e-9)
    with pytest.raises(SettingError, match=r"do\['sale'\] has -1 days"):
        mm.what_if(fit, do={"sale": -1.0})


def test_a_plan_needs_no_column_for_events(fit):
    ahead = next_dates(fit.data, 50)
    plan = pd.DataFrame({"tv": 30.0}, index=ahead)
    known, none = mm.predict(fit, plan)["sales"], mm.predict(fit, plan.assign(sale=0.0))["sales"]
    week = ahead.get_loc("2024-11-25")
    lost = (known - none).values
    per_day = fit.coefficients("sales").sel({"sales.term": "sale"}).values
    np.testing.assert_allclose(lost[..., week], 2.0 * per_day, rtol=1e-9)
    np.testing.assert_allclose(np.delete(lost, week, axis=-1), 0.0, atol=1e-9 * LEVEL)
    assert "sale" not in mm.predict(fit, plan)["input"].values


def test_a_plan_into_days_that_nobody_said_warns_until_it_says_them(fit):
    ahead = next_dates(fit.data, 85)
    plan = pd.DataFrame({"tv": 30.0}, index=ahead)
    with pytest.warns(errors.EventWarning, match=r"easter came back .* after 2024-04-01 .* a column 'easter'"):
        mm.predict(fit, plan)
    plan["easter"] = (ahead == pd.Timestamp("2025-04-21")).astype(float)
    mm.predict(fit, plan)  # warnings are errors


def test_a_file_holds_events(fit, tmp_path):
    again = mm.load(fit.save(tmp_path / "fit.nc"))
    assert again.data == fit.data
    assert again.data.events == fit.data.events
    assert again.system == fit.system


def test_other_answers_take_events_along(fit):
    effect = mm.effects(fit, start="2023-11-20", stop="2023-12-31")
    assert np.isfinite(effect["total"].values).all()
    ahead = mm.roi(fit, plan=pd.DataFrame({"tv": 30.0}, index=next_dates(fit.data, 10)))
    assert np.isfinite(ahead.values).all()
    plan = mm.optimize_budget(fit, total=2000.0, periods=10)
    assert plan.spend.sum() == pytest.approx(2000.0, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("freq", ["D", "7D", "MS"])
def test_effects_of_events_are_found_again(freq):
    frame = added_up(daily(noise=12.0, seed=8), freq)
    data = read(frame.iloc[:-1])
    again = quiet(mm.fit, system(), data, draws=500, tune=500, chains=2, seed=5)
    found = again.coefficients("sales").quantile([0.01, 0.99], ("chain", "draw"))
    for name in ("sale", *POOL["holidays"]):
        low, high = found.sel({"sales.term": name}).values
        assert low < EFFECT[name] < high, (freq, name, low, high)
        if freq != "MS":
            # Not wider than by the noise of the periods it falls into, had the event been alone.
            alone = 12.0 * np.sqrt(data.days_per_period / (data.columns[name] ** 2).sum())
            assert high - low < 1.1 * 2.0 * 2.33 * alone, (freq, name)


def test_worlds_have_events_as_parts():
    data = read(added_up(daily(), "7D"))
    model = system()
    world = mm.simulate_world(model, data, seed=2)
    parts = world.truth.components
    names = parts["sales.component"].values.tolist()
    assert {"sale", "holidays"} <= set(names)
    assert not {"easter", "event", "event_deviation"} & set(names)
    sale = parts["sales"].sel({"sales.component": "sale"}).values
    happens = data.columns["sale"][0] > 0
    assert (sale[~happens] == 0.0).all()
    np.testing.assert_allclose(
        sale[happens] / data.columns["sale"][0][happens], sale[happens][0] / data.columns["sale"][0][happens][0]
    )


def test_an_event_of_one_geo_is_a_part_of_that_geo():
    frame = added_up(daily(noise=4.0), "7D")
    frame = pd.concat(
        [frame.assign(geo="north"), frame.assign(geo="south", sales=frame["sales"] * 2.0 + frame["tv"] % 7)]
    )
    table = pd.concat([EVENTS, pd.DataFrame({"name": ["fair"], "first_day": ["2022-05-03"], "geo": ["north"]})])
    data = read(frame, geo="geo", events=table)
    model = mm.MMM([mm.Equation("sales", media=["tv"], events=["sale", "fair"], pooled_events=POOL)])
    fit = quiet(mm.fit, model, data, seed=2, preview=True).accept_unconverged()
    parts = mm.decompose(fit, by="geo")["contribution"]
    fair = parts.sel(component="fair")
    assert (abs(fair.sel(geo="south")) < 1e-9 * LEVEL).all()
    week = fair.sel(geo="north", date="2022-05-02")
    assert (abs(week) > 1e-6 * LEVEL).all()
    plan = pd.DataFrame(
        {"date": np.tile(next_dates(data, 50), 2), "geo": np.repeat(["north", "south"], 50), "tv": 30.0}
    )
    ahead = mm.predict(fit, plan)["sales"].median(("chain", "draw"))
    assert ahead.sel(date="2024-11-25") > ahead.sel(date="2024-11-18") + 50.0
