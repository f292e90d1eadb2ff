"""Panels that cannot be, and panels that are unwise: which class says so, where, and that its remedy works."""

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import errors
from bayesmmm.data import MMMData, read_plan
from bayesmmm.equations import MMM, Equation, Panel, check_system, system_warnings
from tests import panels


def read(frame, **changes):
    return MMMData.from_frame(frame, **{**panels.ROLES, **changes})


def changed(geo="north", **columns):
    """The panel with other values in some columns of one geo."""
    frame = panels.frame()
    for name, value in columns.items():
        frame.loc[frame["geo"] == geo, name] = value
    return frame


def warned(system, data, kind):
    return [str(w) for w in system_warnings(system, data) if type(w) is kind]


# ------------------------------------------------------------------------------------------------------ impossible data
def test_a_geo_that_is_listed_twice_on_a_day_is_refused():
    frame = panels.frame()
    twice = pd.concat([frame, frame.iloc[[3]]]).sort_values(["geo", "week"], ignore_index=True)
    with pytest.raises(errors.DateError, match=r"column 'week' of geo 'north'.*2023-01-22"):
        read(twice)
    assert len(read(twice.drop_duplicates(["geo", "week"])).geos) == 5


def test_rows_of_a_panel_without_its_column_of_geos_are_refused():
    with pytest.raises(errors.DateError, match="geo="):
        read(panels.frame(), geo=None)


def test_geos_of_different_periods_are_refused():
    frame = panels.frame()
    late = frame[(frame["geo"] != "west") | (frame["week"] > "2023-02-01")]
    with pytest.raises(errors.PanelError, match=r"geo 'west' lacks 5 date\(s\).*leave the geo or the dates out"):
        read(late)
    assert read(late[late["geo"] != "west"]).geos == ("north", "east", "south", "centre")
    assert len(read(late[late["week"] > "2023-02-01"]).dates) == 25


def test_a_control_that_never_changes_is_refused():
    frame = panels.frame().assign(fair=1.0)
    with pytest.raises(
        errors.ConstantColumnError, match=r"'fair' \(controls\) is 1 in every period.*leave it out"
    ):
        read(frame)
    read(frame, controls=["price"])
    # Constant in one geo only: that says something about the others.
    check_system(panels.system(), read(changed(price=10.0)))


def test_a_channel_that_no_geo_buys_is_refused():
    with pytest.raises(
        errors.NeverSpentError, match=r"'social' \(media\) is 0 in all 150 rows.*leave it out of media"
    ):
        read(panels.frame().assign(social=0.0))
    read(panels.frame().drop(columns="social"), media=["tv"])


def test_a_geo_without_outcome_is_refused():
    frame = changed(sales=0.0)
    with pytest.raises(errors.ConstantColumnError, match=r"is 0 in every period of geo 'north'.*or drop the geo"):
        read(frame)
    assert "north" not in read(frame[frame["geo"] != "north"]).geos
    missing = changed(sales=np.nan)
    with pytest.raises(errors.MissingValueError, match="in geo 'north'"):
        read(missing)


def test_correlations_of_a_panel_are_within_geos():
    data = panels.data()
    found = data.correlation()
    within = {}
    for name in ("sales", "tv", "price"):
        values = data.columns[name]
        within[name] = (values / values.mean(axis=1, keepdims=True) - 1.0).ravel()
    assert found.loc["sales", "tv"] == pytest.approx(np.corrcoef(within["sales"], within["tv"])[0, 1], rel=1e-12)
    assert found.loc["sales", "price"] == pytest.approx(
        np.corrcoef(within["sales"], within["price"])[0, 1], rel=1e-12
    )
    # A geo that is ten times as large changes nothing; pooled, it would decide what is said.
    size = np.where(np.array(data.geos) == "west", 10.0, 1.0)[:, None]
    larger = data.replace_columns({name: values * size for name, values in data.columns.items()})
    np.testing.assert_allclose(larger.correlation(), found, rtol=1e-9)
    pooled = [np.corrcoef(one.columns["sales"].ravel(), one.columns["tv"].ravel())[0, 1] for one in (data, larger)]
    assert abs(pooled[1] - pooled[0]) > 0.1


# ----------------------------------------------------------------------------------------------------- impossible calls
def test_a_plan_for_an_unknown_geo_is_refused():
    data = panels.data()
    plan = pd.DataFrame({"date": [pd.Timestamp("2023-07-30")] * 5, "geo": list(data.geos), "tv": 1.0})
    assert read_plan(data, plan, needed=["tv"]).columns["tv"].shape == (5, 1)
    with pytest.raises(errors.PanelError, match="'mars'"):
        read_plan(data, plan.replace({"geo": {"west": "mars"}}), needed=["tv"])


def test_sharing_among_geos_of_national_data_is_refused():
    system = MMM([Equation("sales", media=["tv"], panel=Panel())])
    national = read(panels.frame(("north",)).drop(columns="geo"), geo=None)
    for attempt in (check_system, mm.fit):
        with pytest.raises(errors.PanelError, match=r"Leave panel out, or read the data with geo='\.\.\.'"):
            attempt(system, national)
    check_system(system, panels.data())
    check_system(MMM([Equation("sales", media=["tv"])]), national)


# -------------------------------------------------------------------------------------------------------------- unwise
@pytest.mark.parametrize("geos", [2, 3])
def test_period_effects_of_few_geos_are_warned_of(geos):
    data = panels.data(panels.GEOS[:geos])
    asked = MMM([Equation("sales", media=["tv"], panel=Panel(periods="random"))])
    (warning,) = warned(asked, data, errors.FewGeosWarning)
    assert f"period effects for {geos} geos (fewer than 4)" in warning
    # The remedies: leave it open, or more geos.
    for panel in (Panel(), None, Panel(periods="none")):
        assert not warned(MMM([Equation("sales", media=["tv"], panel=panel)]), data, errors.FewGeosWarning)
    assert not warned(asked, panels.data(), errors.FewGeosWarning)


def test_spend_that_is_split_by_one_key_is_warned_of():
    frame = panels.frame()
    whole = frame[frame["geo"] == "north"].set_index("week")["tv"]
    key = frame["geo"].map({"north": 0.1, "east": 0.2, "south": 0.3, "west": 0.25, "centre": 0.15})
    split = read(frame.assign(tv=whole.loc[frame["week"]].to_numpy() * key))
    system = MMM([Equation("sales", media=["tv", "social"])])
    (warning,) = warned(system, split, errors.CommonSpendWarning)
    assert "100 % of the variation of channel 'tv' is the same in all geos" in warning
    assert "period effects take what they have in common" in warning
    without = MMM([Equation("sales", media=["tv", "social"], panel=Panel(periods="none"))])
    assert "period effects" not in warned(without, split, errors.CommonSpendWarning)[0]
    assert not warned(system, read(frame), errors.CommonSpendWarning)
    # Bought by one geo alone, it is a series of its own.
    assert not warned(
        system, read(frame.assign(tv=frame["tv"] * (frame["geo"] == "east"))), errors.CommonSpendWarning
    )


def test_the_shipped_panel_gives_one_warning_of_searches_that_vary_little():
    world = mm.load_case("regions")
    (warning,) = system_warnings(world.system, world.data)
    assert isinstance(warning, errors.AlwaysOnWarning)
    search = world.data.columns["search"]
    variation = (search / search.mean(axis=1, keepdims=True)).std()
    assert 0.19 < variation < 0.2  # just below the bound, as in every draw of this world
    assert str(warning).startswith("'search' is never zero and varies by only 19%")


def test_a_geo_without_any_of_a_mediator_is_refused_and_the_rest_is_fine():
    data = read(changed("south", search=0.0))
    with pytest.raises(errors.PanelError, match=r"which is 0 in every period of geo 'south'"):
        check_system(panels.system(), data)
    check_system(panels.system(), data.sel([geo for geo in data.geos if geo != "south"]))


def test_what_a_large_panel_leaves_out_is_worked_out_for_one_geo(monkeypatch):
    from bayesmmm.inference import groups
    from tests import fits, panels

    settings = {"draws": 20, "tune": 50, "chains": 2, "seed": 1, "progress": False}
    whole = fits.quiet(mm.fit, panels.system(), panels.data(), **settings).accept_unconverged()
    monkeypatch.setattr(groups, "MOST_POINTWISE", 1)
    less = fits.quiet(mm.fit, panels.system(), panels.data(), **settings).accept_unconverged()
    assert "log_likelihood" not in less.tree.children
    with pytest.raises(errors.AnswerError, match=r"mm\.add_predictive\(fit\)"):
        mm.diagnose(less.sel("north"))
    north = mm.add_predictive(less.sel("north"))
    assert {check.group for check in mm.diagnose(north).checks} >= {"sampler", "fit", "information"}
    for series, values in whole.sel("north").tree["log_likelihood"].to_dataset().items():
        np.testing.assert_allclose(north.tree["log_likelihood"][series].values, values.values, rtol=1e-9)
    assert mm.add_predictive(north) is north
