"""Controls to come that nobody stated: those of the year before where they follow the calendar, else the last ones."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.cli.files import frontier_table
from bayesmmm.data import next_dates
from bayesmmm.data.expected_controls import expected_controls
from bayesmmm.errors import ControlsWarning
from bayesmmm.optimize.problem import read_window
from tests import made

CONTROLS = ["christmas", "temperature", "price"]


def frame(start="2021-01-04", periods=156, freq="7D"):
    """Christmas in the last weeks of the year, a temperature with its season, a price that wanders."""
    rng, dates = np.random.default_rng(4), pd.date_range(start, periods=periods, freq=freq)
    last = dates.month == {"QS": 10}.get(freq, 12)
    turn = 2.0 * np.pi * dates.day_of_year.to_numpy() / 365.25
    return pd.DataFrame(
        {
            "date": dates,
            "sales": 100.0 + rng.gamma(2.0, 10.0, periods),
            "tv": rng.gamma(2.0, 50.0, periods) * (rng.random(periods) < 0.6),
            "christmas": (last & ((dates.day > 3) | (freq in ("MS", "QS")))).astype(float),
            "temperature": 10.0 - 9.0 * np.cos(turn) + rng.normal(0.0, 1.0, periods),
            "price": 10.0 + np.cumsum(rng.normal(0.0, 0.1, periods)),
        }
    )


def read(table, **more):
    roles = {"date": "date", "outcome": "sales", "media": ["tv"], "controls": CONTROLS}
    return mm.MMMData.from_frame(table, **{**roles, **more})


def test_what_follows_the_calendar_is_that_of_a_year_before():
    table = frame()
    found = expected_controls(read(table), CONTROLS, 13)
    assert table["date"].iloc[-1] == pd.Timestamp("2023-12-25")
    assert table["christmas"].iloc[-13:].sum() == 4.0  # repeated, they would be Christmas in March
    for name in ("christmas", "temperature"):
        assert found[name].by_calendar
        np.testing.assert_array_equal(found[name].values[0], table[name].to_numpy()[104:117])
    assert found["christmas"].values.sum() == 0.0
    assert not found["price"].by_calendar
    np.testing.assert_array_equal(found["price"].values[0], table["price"].to_numpy()[-13:])


@pytest.mark.parametrize(
    ("freq", "periods", "count", "lag"),
    [("D", 800, 30, 364), ("MS", 36, 5, 12), ("ME", 36, 14, 12), ("QS", 16, 3, 4), ("28D", 40, 3, 13)],
)
def test_of_every_calendar_it_is_the_same_part_of_the_year(freq, periods, count, lag):
    table = frame(periods=periods, freq=freq)
    data = read(table, **({"date_is": "first"} if freq == "28D" else {}))
    found = expected_controls(data, ["christmas"], count)["christmas"]
    values = table["christmas"].to_numpy()
    expected = [values[periods + h - lag * (1 + h // lag)] for h in range(count)]
    np.testing.assert_array_equal(found.values[0], expected)
    if freq != "D":
        months = {"D": 0, "28D": 1}.get(freq, 0)
        then = data.dates[[periods + h - lag * (1 + h // lag) for h in range(count)]].month
        assert (abs((next_dates(data, count).month - then + 6) % 12 - 6) <= months).all()


def test_beyond_a_year_it_is_the_last_year_that_is_known():
    table = frame(periods=120)
    found = expected_controls(read(table), ["christmas"], 60)["christmas"].values[0]
    values = table["christmas"].to_numpy()
    np.testing.assert_array_equal(found, [*values[68:120], *values[68:76]])


def test_a_history_of_less_than_a_year_has_no_year_before():
    table = frame("2021-06-07", periods=40)
    for expected in expected_controls(read(table), CONTROLS, 5).values():
        assert not expected.by_calendar


def test_a_geo_that_was_not_there_has_its_last_values():
    late = frame().iloc[120:].assign(geo="late", temperature=lambda t: t["temperature"] + 3.0)
    data = read(pd.concat([frame().assign(geo="old"), late]), geo="geo", missing="ignore")
    found = expected_controls(data, CONTROLS, 13)["temperature"]
    old, new = data.geos.index("old"), data.geos.index("late")
    assert found.by_calendar
    np.testing.assert_array_equal(found.values[old], frame()["temperature"].to_numpy()[104:117])
    np.testing.assert_array_equal(found.values[new], frame()["temperature"].to_numpy()[-13:] + 3.0)


# ------------------------------------------------------------------------------------------------------------- in plans
@pytest.fixture(scope="module")
def fit():
    system = mm.MMM([mm.Equation("sales", media=["tv"], linear=CONTROLS)])
    return made.made_fit(system, read(frame()), draws=8)


def test_a_plan_does_not_repeat_christmas(fit):
    window, controls = read_window(fit, mm.Window(periods=13))
    assert controls.words == "those of a year before: christmas, temperature; last 13 periods repeated: price"
    assert controls.assumed == ("christmas", "temperature", "price")
    assert window.plan["christmas"].sum() == 0.0
    known, said = read_window(fit, mm.Window(periods=13, controls=dict.fromkeys(CONTROLS, 1.0)))
    assert (said.words, said.assumed) == ("as given", ())
    assert (known.plan[CONTROLS] == 1.0).all(axis=None)


def test_levels_that_rest_on_what_nobody_stated_are_marked(fit):
    call = {"total": 400.0, "periods": 13, "starts": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ControlsWarning)  # the plan itself does not depend on them
        plan = mm.optimize_budget(fit, **call)
    mark = "sales now and then, as levels, rest on controls that nobody stated: christmas, temperature and price"
    assert mark in str(plan)
    assert plan.attrs["assumed"] == ("christmas", "temperature", "price")
    np.testing.assert_array_equal(plan.frame["christmas"], 0.0)
    stated = mm.optimize_budget(fit, **call, controls=dict.fromkeys(CONTROLS, 1.0))
    assert "nobody stated" not in str(stated)
    found = mm.compare_plans(fit, {"now": "current", "best": plan, "stated": plan.to_frame()})
    assert found.attrs["assumed"] == plan.attrs["assumed"]
    assert "levels of sales rest on controls that nobody stated: christmas, temperature and price" in str(found)
    assert "nobody stated" not in str(mm.compare_plans(fit, {"now": "current", "best": stated}))


@pytest.mark.parametrize("controls", [None, dict.fromkeys(CONTROLS, 1.0)], ids=["assumed", "stated"])
def test_levels_of_a_frontier_that_rest_on_what_nobody_stated_are_marked(fit, controls):
    trade = mm.frontier(fit, totals=[400.0], periods=13, starts=0, controls=controls)
    figure = mm.plots.frontier(trade)[0]
    table = frontier_table(trade, 0.9)
    mark = "levels rest on assumed controls"
    if controls is None:
        assert trade.attrs["assumed"] == ["christmas", "temperature", "price"]
        assert set(table["outcome_rests_on"]) == {"assumed christmas, temperature, price"}
        assert mark in figure.get_ylabel()
    else:
        assert "assumed" not in trade.attrs
        assert "outcome_rests_on" not in table
        assert mark not in figure.get_ylabel()
    plt.close("all")
