"""Panels whose series are named by several columns, and answers by group of geos."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import bayesmmm as mm
from bayesmmm import errors
from bayesmmm.data import MMMData, read_plan
from bayesmmm.equations import read_toml
from bayesmmm.estimands import decompose, effects, predict, roi
from tests import panel_fits, panels
from tests.panels import KEYED, KEYS, keyed_frame
from tests.test_panel_answers import ASKED, DIFFERENCE_OF, FITS, assert_close, variables

GROUPS = {"two": ["west", "north"], "one": ["south"], "all": list(panel_fits.GEOS)}


def keyed_fit(name="mediated"):
    """A made fit whose three geos have two keys."""
    fit = FITS[name]
    levels = {"brand": ("acme", "zeta", "acme"), "territory": ("north", "north", "south")}
    geos = ("acme / north", "zeta / north", "acme / south")
    posterior = fit.posterior.assign_coords(geo=list(geos))
    return panel_fits.fit_with(fit.system, replace(fit.data, geos=geos, levels=levels), fit.scales, posterior)


# ------------------------------------------------------------------------------------------------------------ the data
def test_keys_name_series_and_hold_the_same_data_as_one_column_would():
    keyed, plain = MMMData.from_frame(keyed_frame(), **KEYED), panels.data()
    assert keyed.geos == tuple(" / ".join(KEYS[geo]) for geo in plain.geos)
    assert keyed.geo_levels.loc["zeta / west"].to_dict() == {"brand": "zeta", "territory": "west"}
    assert list(keyed.geo_levels.columns) == ["brand", "territory"]
    assert plain.geo_levels.columns.empty
    for name, values in plain.columns.items():
        assert_array_equal(keyed.columns[name], values)
    assert "5 geo(s)" in repr(keyed)
    assert "(2 of brand, 3 of territory)" in repr(keyed)
    assert MMMData.from_frame(panels.frame(), **{**panels.ROLES, "geo": ["geo"]}) == plain


def test_data_with_keys_survive_tables_files_copies_and_choices(tmp_path):
    data = MMMData.from_frame(keyed_frame(), **KEYED)
    table = data.to_frame().rename(columns={"date": "week"})
    assert MMMData.from_frame(table, **KEYED) == data
    table.to_csv(tmp_path / "keyed.csv", index=False)
    assert MMMData.from_csv(tmp_path / "keyed.csv", **KEYED) == data
    assert pickle.loads(pickle.dumps(data)) == data
    some = data.sel(["zeta / east", "acme / north"])
    assert some.levels == {"brand": ("zeta", "acme"), "territory": ("east", "north")}
    other = replace(data, levels={"label": data.levels["brand"], "territory": data.levels["territory"]})
    assert other != data


def test_rows_of_keys_in_any_order_give_the_same_series():
    frame = keyed_frame()
    mixed = frame.sample(frac=1.0, random_state=0).sort_values("week", kind="stable")
    one, other = (MMMData.from_frame(f, **KEYED) for f in (frame, mixed))
    assert other.sel(one.geos).columns["tv"].tolist() == one.columns["tv"].tolist()
    swapped = MMMData.from_frame(frame, **{**KEYED, "geo": ["territory", "brand"]})
    assert swapped.geos == tuple(" / ".join(reversed(KEYS[geo])) for geo in panels.GEOS)


def test_keys_that_make_one_name_of_two_series_are_refused():
    frame = keyed_frame()
    frame.loc[frame["brand"] == "acme", "brand"] = "acme / north"
    frame.loc[frame["brand"] == "acme / north", "territory"] = frame["territory"].map({"north": "x", "east": "y"})
    frame.loc[(frame["brand"] == "zeta") & (frame["territory"] == "west"), ["brand", "territory"]] = [
        "acme",
        "north / x",
    ]
    with pytest.raises(errors.PanelError, match=r"name two series 'acme / north / x'.*rename one of the values"):
        MMMData.from_frame(frame, **KEYED)
    renamed = frame.replace({"territory": {"north / x": "west"}})
    assert "acme / west" in MMMData.from_frame(renamed, **KEYED).geos


def test_a_series_that_has_a_day_twice_or_no_key_is_refused():
    frame = keyed_frame()
    twice = pd.concat([frame, frame.iloc[[3]]]).sort_values(["brand", "territory", "week"], ignore_index=True)
    with pytest.raises(errors.DateError, match=r"of geo 'acme / north'"):
        MMMData.from_frame(twice, **KEYED)
    with pytest.raises(errors.PanelError, match=r"column 'brand', data row 8: the geo is missing"):
        MMMData.from_frame(frame.assign(brand=frame["brand"].where(frame.index != 7)), **KEYED)


@pytest.mark.parametrize(
    ("geo", "error", "words"),
    [
        ([], errors.RoleError, "names no column; leave geo out"),
        (["brand", "brand"], errors.RoleError, "'brand' is listed twice in geo"),
        (["brand", "tv"], errors.RoleError, "'tv' is given as geo and as media"),
        (["brand", "town"], errors.UnknownColumnError, "'town' is not in the table"),
    ],
)
def test_keys_that_cannot_be_are_refused(geo, error, words):
    with pytest.raises(error, match=words):
        MMMData.from_frame(keyed_frame(), **{**KEYED, "geo": geo})


def test_a_key_with_the_name_of_a_dim_is_refused():
    frame = keyed_frame().rename(columns={"brand": "channel"})
    with pytest.raises(errors.RoleError, match="rename the column, for example to 'channel_name'"):
        MMMData.from_frame(frame, **{**KEYED, "geo": ["channel", "territory"]})
    renamed = frame.rename(columns={"channel": "channel_name"})
    assert len(MMMData.from_frame(renamed, **{**KEYED, "geo": ["channel_name", "territory"]}).geos) == 5


def test_levels_that_do_not_make_the_names_of_the_geos_are_refused():
    data = MMMData.from_frame(keyed_frame(), **KEYED)
    with pytest.raises(errors.PanelError, match=r"use MMMData\.from_frame"):
        replace(data, geos=panels.GEOS)
    with pytest.raises(errors.PanelError, match="leave levels out"):
        replace(data, levels={"brand": data.levels["brand"]})
    with pytest.raises(errors.PanelError, match="must be a mapping"):
        replace(data, levels=["brand"])


def test_keys_are_said_in_toml():
    system = mm.MMM([mm.Equation("sales", media=["tv"])])
    roles = {"date": "week", "outcome": "sales", "media": ["tv"], "geo": ["brand", "territory"]}
    assert read_toml(system.to_toml(roles))[1] == roles
    text = '[data]\ndate = "week"\noutcome = "sales"\nmedia = ["tv"]\ngeo = []\n[[equation]]\nname = "sales"\n'
    with pytest.raises(errors.SpecError, match="Give a column in quotes, or a list of several"):
        read_toml(text)


def test_plans_name_series_by_label_or_by_keys():
    data = MMMData.from_frame(keyed_frame(), **KEYED)
    date = data.dates[-1] + pd.Timedelta(days=7)
    spend = np.arange(len(data.geos)) + 1.0
    by_label = pd.DataFrame({"date": date, "geo": data.geos, "tv": spend})
    by_keys = data.geo_levels.reset_index(drop=True).assign(date=date, tv=spend)
    found = [read_plan(data, plan[::-1], needed=["tv"]).columns["tv"] for plan in (by_label, by_keys)]
    assert_array_equal(found[0][:, 0], spend)
    assert_array_equal(found[1], found[0])
    with pytest.raises(
        errors.PanelError, match=r"named in a column 'geo', or in the columns 'brand', 'territory'"
    ):
        read_plan(data, by_keys.drop(columns="brand"), needed=["tv"])


# ---------------------------------------------------------------------------------------------------------- the answers
@pytest.mark.parametrize("asked", ASKED)
def test_a_group_of_geos_is_answered_as_the_fit_of_its_geos_is(asked):
    fit = FITS["mediated"]
    plan = panel_fits.plan_of(fit)
    whole, compared = variables(ASKED[asked](fit, plan, by=GROUPS)), 0
    for label, geos in GROUPS.items():
        part = fit.sel(geo=geos)
        own_plan = plan[plan["geo"].isin(geos)] if len(geos) > 1 else panel_fits.of_geo(plan, geos[0])
        own = variables(ASKED[asked](part, own_plan.reset_index(drop=True)))
        assert own.keys() == whole.keys()
        for key, values in own.items():
            found = whole[key].sel(geo_group=label)
            assert found.dims == values.dims
            assert_close(values, found, (label, key), of=own.get(DIFFERENCE_OF.get(key)))
            compared += values.size
    assert compared > 0


@pytest.mark.parametrize("asked", ["effects", "curves of a plan", "decompose", "what if in a plan", "residuals"])
def test_by_a_key_is_by_the_groups_that_it_makes(asked):
    fit = keyed_fit()
    plan = panel_fits.plan_of(FITS["mediated"])
    plan["geo"] = plan["geo"].map(dict(zip(FITS["mediated"].data.geos, fit.data.geos, strict=True)))
    groups = {"acme": ["acme / north", "acme / south"], "zeta": ["zeta / north"]}
    by_key = variables(ASKED[asked](fit, plan, by="brand"))
    by_group = variables(ASKED[asked](fit, plan, by=groups))
    for key, values in by_group.items():
        assert by_key[key]["brand"].values.tolist() == ["acme", "zeta"]
        assert_array_equal(by_key[key].rename(brand="geo_group").values, values.values)
    assert mm.summarise(roi(fit, by="territory")).index.tolist()[0].startswith("roi[north")


def test_money_of_a_group_is_added_up_and_then_divided():
    fit = FITS["mediated"]
    each, group = effects(fit, by="geo"), effects(fit, by={"two": ["west", "north"]}).sel(geo_group="two")
    two = each.sel(geo=["north", "west"])
    assert_allclose(group["roi"], two["total"].sum("geo") / two["spend"].sum("geo"), rtol=1e-12)
    # Negative control: returns that are averaged are something else.
    assert np.abs(group["roi"] / two["roi"].mean("geo") - 1.0).max() > 1e-3


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("brnad", r"must be one of geo, brand, territory \(did you mean 'brand'\?\), or groups of geos"),
        ({}, "names no group of geos"),
        ({"a": []}, r"by\['a'\]=\[\] must be the name of a geo, or a list"),
        ({"a": ["acme / noth"]}, "'acme / noth' is not in the data"),
        ({1: ["acme / north"]}, "is the name of a group, which must be text"),
        ({"a": {"acme / north"}}, "is a set, which has no order"),
        (3, "must be one of geo, brand, territory"),
    ],
)
def test_groups_that_cannot_be_are_refused(by, words):
    with pytest.raises((errors.SettingError, errors.PanelError), match=words):
        roi(keyed_fit(), by=by)


def test_a_fit_with_keys_is_saved_with_them(tmp_path):
    fit = keyed_fit("no mediator")
    again = mm.load(fit.save(tmp_path / "keyed.nc"))
    assert again.data == fit.data
    assert again.stamp == fit.stamp
    again = again.with_convergence(fit.convergence)
    assert_array_equal(roi(again, by="brand"), roi(fit, by="brand"))
    assert predict(fit.sel(geo="zeta / north"))["sales"].dims == ("chain", "draw", "date")
    assert decompose(fit.sel(geo=["acme / north", "acme / south"]), by="territory").sizes["territory"] == 2
