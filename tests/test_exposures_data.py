"""Exposures in the data: roles, units, spend beside them, warnings, TOML, files of fits and worlds, parts of panels."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import errors
from bayesmmm.data import data_warnings, next_dates, read_plan
from bayesmmm.data.exposures import looks_counted
from bayesmmm.engine import spend_per_size
from bayesmmm.equations import check_system, read_toml
from bayesmmm.equations.spend_share import for_data
from bayesmmm.simulate import read_world, simulate_world, write_world
from tests.exposed import counted_data, pair, with_data
from tests.panel_fits import SYSTEMS, panel_data

ROLES = {"date": "week", "outcome": "sales", "media": ["tv", "display", "mail"]}
SAID = {"units": {"display": "impressions", "mail": "e-mails"}, "spend": {"display": "display_cost"}}


def table(periods=60) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    out = pd.DataFrame({"week": pd.date_range("2024-01-07", periods=periods, freq="7D")})
    out["tv"] = rng.gamma(2.0, 50.0, periods) * (rng.random(periods) > 0.3)
    out["display"] = np.round(rng.gamma(2.0, 50_000.0, periods)) * (rng.random(periods) > 0.2)
    out["display_cost"] = out["display"] * 0.004
    out["mail"] = np.round(rng.gamma(2.0, 5_000.0, periods))
    out["sales"] = 100.0 + 0.1 * out["tv"] + rng.normal(size=periods)
    return out


def read(frame=None, **changes) -> mm.MMMData:
    return mm.MMMData.from_frame(table() if frame is None else frame, **{**ROLES, **SAID, **changes})


def test_units_spend_and_the_cost_of_a_unit():
    data = read()
    assert [data.unit(n) for n in ("tv", "display", "mail", "display_cost")] == [
        "money",
        "impressions",
        "e-mails",
        "money",
    ]
    assert [data.is_money(n) for n in ("tv", "display", "mail", "display_cost")] == [True, False, False, True]
    assert [data.has_spend(n) for n in ("tv", "display", "mail")] == [True, True, False]
    np.testing.assert_array_equal(data.spend_of("display"), data.columns["display_cost"])
    np.testing.assert_array_equal(data.spend_of("tv"), data.columns["tv"])
    assert np.isnan(data.spend_of("mail")).all()
    assert data.cost_of_unit("display") == pytest.approx(0.004)
    assert data.cost_of_unit("tv") == 1.0
    assert np.isnan(data.cost_of_unit("mail"))
    assert read(units=None, spend={"display": "display_cost"}).unit("display") == "exposures"
    assert read(units={"tv": "money"}, spend=None).is_money("tv")
    assert list(data.columns)[-1] == "display_cost"


def test_a_geo_without_units_or_spend_has_the_cost_of_all():
    frame = pd.concat([table().assign(geo="north"), table().assign(geo="south")], ignore_index=True)
    south = frame["geo"] == "south"
    frame.loc[south, "display_cost"] *= 2.0
    data = read(frame, geo="geo")
    np.testing.assert_allclose(data.cost_of_unit("display"), [0.004, 0.008])
    free = read(frame.assign(display_cost=frame["display_cost"].where(~south, 0.0)), geo="geo")
    np.testing.assert_allclose(free.cost_of_unit("display"), [0.004, 0.004])
    assert np.isnan(free.sel("south").cost_of_unit("display")).all()  # a part may be free throughout


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"spend": {"display": "tv"}}, errors.RoleError, "leave 'tv' out of media"),
        ({"spend": {"display": "display_cost", "mail": "display_cost"}}, errors.RoleError, "would count twice"),
        ({"units": {"display": "money"}}, errors.RoleError, "out of one of the two"),
        ({"spend": {"display": "nowhere"}}, errors.UnknownColumnError, "'nowhere' is not in the table"),
        ({"units": {"radio": "spots"}}, errors.RoleError, "'radio', which is not in media"),
        ({"spend": {"radio": "display_cost"}}, errors.RoleError, "'radio', which is not in media"),
        ({"units": "impressions"}, errors.RoleError, "must be a mapping from channels"),
        ({"spend": {"display": 3}}, errors.RoleError, "must be the name of a column"),
        ({"spend": {"display": "sales"}}, errors.RoleError, "given as outcome and as spend"),
        ({"units": {"display": "Money"}}, errors.RoleError, "not spelt as the unit"),
    ],
)
def test_impossible_roles_are_refused(changes, error, match):
    with pytest.raises(error, match=match):
        read(**changes)


def test_impossible_values_are_refused_and_the_remedies_work():
    frame = table()
    with pytest.raises(errors.NegativeSpendError, match=r"'display_cost'.* spend is zero or more"):
        read(frame.assign(display_cost=frame["display_cost"] - 1.0))
    with pytest.raises(
        errors.NegativeSpendError, match=r"'display' .* a count is zero or more; correct the value"
    ):
        read(frame.assign(display=frame["display"] - 1.0))
    with pytest.raises(errors.MissingValueError, match="'display_cost'"):
        read(frame.assign(display_cost=frame["display_cost"].where(frame.index != 3)))
    with pytest.raises(errors.NeverSpentError, match="leave 'display' out of spend"):
        read(frame.assign(display_cost=0.0))
    assert not read(frame.drop(columns="display_cost"), spend=None).has_spend("display")
    with pytest.raises(errors.EquationError, match=r"which is the spend of 'display' in the data. List 'display'"):
        check_system(mm.MMM([mm.Equation("sales", media=["display_cost"])]), read())


# ------------------------------------------------------------------------------------------------------------ warnings
def kinds(found) -> list[type]:
    return [
        type(warning) for warning in found if isinstance(warning, errors.UnitWarning | errors.SpendMismatchWarning)
    ]


def test_a_count_without_a_unit_is_told_and_both_ways_to_say_it_end_that():
    told = [w for w in data_warnings(read(units=None, spend=None)) if isinstance(w, errors.UnitWarning)]
    assert ["'display'" in str(told[0]), "'mail'" in str(told[1])] == [True, True]
    assert len(told) == 2
    assert "units={'display': 'impressions'}, spend={'display': 'column of its spend'}" in str(told[0])
    assert "units={'display': 'money'}" in str(told[0])
    assert not kinds(data_warnings(read()))
    assert not kinds(data_warnings(read(units={"display": "money", "mail": "money"}, spend=None)))


@pytest.mark.parametrize(
    ("values", "counted"),
    [
        (np.arange(1.0, 41.0) * 1037.0 + np.arange(40.0) % 7, True),
        (np.arange(1.0, 41.0) * 1000.0, False),  # rounded money
        (np.arange(1.0, 41.0) * 1037.5, False),  # not whole
        (np.arange(1.0, 41.0), False),  # small
        (np.tile([5001.0, 7003.0], 20), False),  # the same again and again
        (np.arange(1.0, 11.0) * 1037.0 + 1.0, False),  # few
    ],
)
def test_what_looks_like_a_count(values, counted):
    assert looks_counted(values) is counted


def test_shipped_worlds_draw_no_such_warning():
    for world in (mm.load_case("social_search"), mm.load_case("regions")):
        assert not kinds(data_warnings(world.data))


def test_free_exposure_and_spend_without_any_are_real_and_told_where_they_are_much():
    frame = table()
    assert not kinds(data_warnings(read(frame)))
    idle = frame.index[frame["display"] == 0]
    late = frame.copy()
    late.loc[idle, "display_cost"] = 300.0
    (told,) = [w for w in data_warnings(read(late)) if isinstance(w, errors.SpendMismatchWarning)]
    assert "periods without any impressions" in str(told)
    free = frame.copy()
    free.loc[free.index[:20], "display_cost"] = 0.0
    (told,) = [w for w in data_warnings(read(free)) if isinstance(w, errors.SpendMismatchWarning)]
    assert "count as free" in str(told)
    data = read(free)
    assert data.cost_of_unit("display").item() == pytest.approx(free["display_cost"].sum() / free["display"].sum())


# ----------------------------------------------------------------------------------------------- shares, priors, plans
def test_default_contributions_go_by_money_and_not_by_counts():
    system = mm.MMM([mm.Equation("sales", media=["tv", "display", "mail"])])
    share = dict(for_data(system, read()).equation("sales").spend_share)
    paid = table()[["tv", "display_cost"]].sum()
    assert share["mail"] == pytest.approx(1 / 3, abs=1e-3)
    assert share["tv"] == pytest.approx(2 / 3 * paid["tv"] / paid.sum(), abs=1e-3)
    assert share["display"] == pytest.approx(2 / 3 * paid["display_cost"] / paid.sum(), abs=1e-3)


def test_a_prior_on_the_return_is_in_money_and_refused_without_spend():
    prior = mm.Prior("LogNormal", mu=0.0, sigma=0.5)
    data, money = read(), table()
    system = mm.MMM([mm.Equation("sales", media=["display"], priors={"roi": {"display": prior}})])
    check_system(system, data)
    per = spend_per_size(system.equation("sales"), "display", data, data.scales())
    assert per == pytest.approx(money["display_cost"].mean() / money["sales"].abs().mean())
    system = mm.MMM([mm.Equation("sales", media=["mail"], priors={"roi": {"mail": prior}})])
    with pytest.raises(errors.PriorError, match="whose unit is 'e-mails' and not money"):
        check_system(system, data)


def test_a_plan_lacks_neither_units_nor_money_and_negative_values_are_refused():
    data = read()
    dates = next_dates(data, 2)
    other = {"tv": [1.0, 2.0], "mail": [5.0, 5.0]}
    needed = {"needed": ["tv", "display", "mail"]}
    for column, values in {"display": [500.0, 0.0], "display_cost": [2.0, 0.0]}.items():
        found = read_plan(data, pd.DataFrame({**other, column: values}, index=dates), **needed)
        np.testing.assert_allclose(found.columns["display"], [[500.0, 0.0]])
        np.testing.assert_allclose(found.exposures["display"].spend, [[2.0, 0.0]])
    with pytest.raises(errors.UnknownColumnError, match="add 'display' or its spend 'display_cost'"):
        read_plan(data, pd.DataFrame(other, index=dates), **needed)
    for column, what in {"display": "a count", "display_cost": "spend"}.items():
        with pytest.raises(errors.NegativeSpendError, match=f"{what} is zero or more"):
            read_plan(data, pd.DataFrame({**other, column: [-1.0, 0.0]}, index=dates), **needed)


def test_the_cost_of_a_plan_is_that_of_as_many_periods_before_it():
    frame = table()
    frame.loc[frame.index[-3:], ["display", "display_cost"]] = [[1000.0, 9.0], [1000.0, 12.0], [2000.0, 19.0]]
    data = read(frame)
    plan = pd.DataFrame({"display_cost": [8.0, 16.0, 24.0]}, index=next_dates(data, 3))
    np.testing.assert_allclose(mm.complete_plan(data, plan)["display"], [800.0, 1600.0, 2400.0])
    assert mm.complete_plan(data, plan).columns.tolist() == ["display_cost", "display"]


def test_where_nothing_was_ever_paid_a_plan_has_units_and_no_money():
    frame = pd.concat([table().assign(geo="north"), table().assign(geo="south")], ignore_index=True)
    frame.loc[frame["geo"] == "south", "display_cost"] = 0.0
    part = read(frame, geo="geo").sel("south")
    dates = next_dates(part, 2)
    found = read_plan(part, pd.DataFrame({"display": [500.0, 0.0]}, index=dates), needed=["display"]).exposures[
        "display"
    ]
    assert found.units.tolist() == [[500.0, 0.0]]
    assert np.isnan(found.spend[0, 0])
    with pytest.raises(errors.PlanError, match="write its units into the plan, as column 'display'"):
        read_plan(part, pd.DataFrame({"display_cost": [2.0, 0.0]}, index=dates), needed=["display"])


# -------------------------------------------------------------------------------------------------------- there and back
def test_toml_pickles_parts_and_windows_keep_units_and_spend(tmp_path):
    data = read()
    assert pickle.loads(pickle.dumps(data)) == data
    assert data.between("2024-02-01", "2025-01-01").spend == {"display": "display_cost"}
    assert data != read(units={**SAID["units"], "mail": "mails"})
    system = mm.MMM([mm.Equation("sales", media=["tv", "display", "mail"])])
    text = system.to_toml({**ROLES, **SAID})
    assert "[data.spend]" in text
    again, columns = read_toml(text)
    assert columns == {**ROLES, **SAID}
    table().to_csv(tmp_path / "data.csv", index=False)
    assert mm.MMMData.from_csv(tmp_path / "data.csv", **columns) == data
    assert again == system
    with pytest.raises(errors.SpecError, match=r"\[data.units\] must give every channel what is counted"):
        read_toml(text.replace('"impressions"', "3"))
    panel = counted_data(panel_data(SYSTEMS["mediated"], ragged=True))
    part = panel.sel(["west", "north"])
    assert part.spend == panel.spend
    np.testing.assert_array_equal(part.spend_of("tv"), panel.spend_of("tv")[[2, 0], : part.columns["tv"].shape[1]])
    assert (panel.columns["tv_cost"][~panel.has_row] == 0.0).all()


def test_files_of_fits_and_worlds_keep_units_and_spend(tmp_path):
    _, units = pair("no mediator")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = mm.load(units.save(tmp_path / "fit.nc"))
    assert again.data == units.data
    assert again.stamp == units.stamp
    other = {**units.data.units, "tv": "spots"}
    assert with_data(units, mm.MMMData(**_changed(units.data, units=other))).stamp != units.stamp
    data = read(controls=())
    world = simulate_world(mm.MMM([mm.Equation("sales", media=["tv", "display"])]), data, seed=3)
    write_world(world, tmp_path, "world")
    back = read_world(tmp_path, "world")
    assert back.data.spend == {"display": "display_cost"}
    effects = back.truth.effects.sel(channel="display")
    assert float(effects["spend"]) == pytest.approx(table()["display_cost"].sum())
    assert float(effects["roi"]) == pytest.approx(float(effects["total"]) / table()["display_cost"].sum())


def _changed(data, **changes) -> dict:
    names = (
        "dates",
        "geos",
        "columns",
        "outcome",
        "media",
        "mediators",
        "controls",
        "outcome_unit",
        "units",
        "spend",
    )
    return {name: getattr(data, name) for name in names} | changes
