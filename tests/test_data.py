"""Data: records, scales, roles and values, with every error about them."""

import copy
import datetime
import json
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from bayesmmm import errors
from bayesmmm.data import MMMData, Scales
from tests.data_tables import PERIODS, ROLES, panel, read, read_text, weekly, with_value

# ---------------------------------------------------------------- reading


def test_columns_are_geo_by_date_in_canonical_order_and_read_only():
    data = read(weekly())
    assert list(data.columns) == ["revenue", "google", "tv", "facebook", "price"]
    assert all(v.shape == (1, PERIODS) and v.dtype == np.float64 for v in data.columns.values())
    np.testing.assert_array_equal(data.columns["tv"][0], weekly()["tv"])
    with pytest.raises(ValueError, match="read-only"):
        data.columns["tv"][0, 0] = 1.0
    with pytest.raises(TypeError, match="does not support item assignment"):
        data.columns["tv"] = np.ones((1, PERIODS))
    with pytest.raises(TypeError, match="does not support item assignment"):
        data.mediators["google"] = "clicks"


def test_input_table_is_not_changed_and_not_shared():
    frame = weekly()
    before = frame.copy()
    data = read(frame)
    pd.testing.assert_frame_equal(frame, before)
    frame["tv"] = 0.0
    np.testing.assert_array_equal(data.columns["tv"][0], before["tv"])


def test_column_order_of_the_table_does_not_matter():
    assert read(weekly()[["price", "google", "tv", "week", "revenue", "facebook"]]) == read(weekly())


@pytest.mark.parametrize("change", [{"media": ["facebook", "tv"]}, {"outcome_unit": "orders"}, {"controls": []}])
def test_other_roles_are_not_equal(change):
    assert read(weekly(), **change) != read(weekly())


def test_one_changed_bit_is_not_equal():
    data = read(weekly())
    values = data.columns["tv"].copy()
    values[0, -1] = np.nextafter(values[0, -1], np.inf)
    assert data.replace_columns({"tv": values}) != data
    assert data.replace_columns({"tv": data.columns["tv"]}) == data
    assert data != "data"


def test_national_frame_round_trip():
    data = read(weekly())
    frame = data.to_frame()
    assert list(frame) == ["date", "revenue", "google", "tv", "facebook", "price"]
    assert read(frame, date="date") == data


def test_panel_frame_round_trip():
    data = read(panel(), geo="region")
    frame = data.to_frame()
    assert list(frame)[:2] == ["date", "geo"]
    assert read(frame, date="date", geo="geo") == data


def test_csv_round_trip_is_exact(tmp_path):
    data = read(panel(), geo="region")
    path = tmp_path / "table.csv"
    data.to_frame().to_csv(path, index=False)
    assert MMMData.from_csv(path, **{**ROLES, "date": "date", "geo": "geo"}) == data


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))])
def test_copies_and_pickles_are_equal_and_read_only(twin):
    data = read(panel(), geo="region")
    assert twin(data) == data
    assert twin(data.scales()) == data.scales()
    assert not twin(data).columns["tv"].flags.writeable


def test_integers_booleans_and_objects_become_floats():
    frame = weekly()
    frame["tv"] = np.arange(PERIODS)
    frame["price"] = np.arange(PERIODS) % 2 == 0
    frame["facebook"] = pd.array(range(PERIODS), dtype="Int64")
    frame["google"] = [Decimal(i) / 2 for i in range(PERIODS)]
    data = read(frame)
    np.testing.assert_array_equal(data.columns["tv"][0], np.arange(PERIODS))
    np.testing.assert_array_equal(data.columns["price"][0], [1.0, 0.0] * (PERIODS // 2))
    np.testing.assert_array_equal(data.columns["facebook"][0], np.arange(PERIODS))
    np.testing.assert_array_equal(data.columns["google"][0], np.arange(PERIODS) / 2)


def test_constructor_takes_series_and_checks_them():
    data = read(weekly())
    fields = {"dates": data.dates, "geos": data.geos, "outcome": "revenue", "media": ["tv", "facebook"]}
    fields |= {"mediators": {"google": "money"}, "controls": ["price"]}
    assert MMMData(columns={name: v[0] for name, v in data.columns.items()}, **fields) == data
    with pytest.raises(errors.PanelError, match="give one row per geo and one value per date"):
        MMMData(columns={name: v[:, 1:] for name, v in data.columns.items()}, **fields)
    with pytest.raises(errors.RoleError, match="give it a role or leave it out"):
        MMMData(columns={**data.columns, "radio": data.columns["tv"]}, **fields)
    with pytest.raises(errors.PanelError, match="give each geo once"):
        MMMData(columns=data.columns, **{**fields, "geos": ("a", "a")})


def test_repr_says_what_there_is_and_what_comes_next():
    text = repr(read(panel().assign(clicks=1, visits=2), geo="region"))
    assert text.startswith("MMMData: 20 weekly periods, 2023-01-01 to 2023-05-14, 3 geo(s): north, south, west")
    assert "outcome:   revenue (money)" in text
    assert "mediators: google (money, paid)" in text
    assert "media:     tv, facebook (money)" in text
    assert "not used:  clicks, visits" in text
    assert "Next: data.summary()" in text
    assert "google (queries, not paid)" in repr(read(weekly(), mediators={"google": "queries"}))
    assert "not used" not in repr(read(weekly()))


def test_every_column_has_a_unit_and_money_is_told_apart():
    data = read(weekly(), mediators={"google": "clicks"}, outcome_unit="orders")
    units = {"revenue": "orders", "google": "clicks", "tv": "money", "facebook": "money", "price": ""}
    assert {name: data.unit(name) for name in data.columns} == units == data.summary()["unit"].to_dict()
    assert [name for name in data.columns if data.is_money(name)] == ["tv", "facebook"]
    assert read(weekly()).is_money("google")  # a mediator that is paid
    with pytest.raises(errors.UnknownColumnError, match=r"\(did you mean 'facebook'\?\)"):
        data.unit("facebok")


def test_summary_and_correlation():
    data = read(weekly())
    summary = data.summary()
    tv = weekly()["tv"]
    assert summary.loc["tv", "role"] == "media"
    assert list(summary["role"]) == ["outcome", "mediator", "media", "media", "control"]
    assert summary.loc["tv", "zero_share"] == (tv == 0).mean()
    assert summary.loc["tv", "total"] == pytest.approx(tv.sum())
    assert summary.loc["tv", "sd"] == pytest.approx(tv.std(ddof=0))
    assert summary.loc["tv", "median"] == tv.median()
    correlation = data.correlation()
    assert list(correlation) == list(data.columns)
    assert correlation.loc["tv", "price"] == pytest.approx(np.corrcoef(tv, weekly()["price"])[0, 1])


def test_between_includes_both_ends():
    data = read(weekly())
    part = data.between("2023-01-08", datetime.date(2023, 3, 12))
    assert (part.dates[0], part.dates[-1], len(part.dates)) == (data.dates[1], data.dates[10], 10)
    np.testing.assert_array_equal(part.columns["tv"], data.columns["tv"][:, 1:11])
    assert data.between("1999-01-01", "2099-01-01") == data


def test_between_refuses_bad_bounds():
    data = read(weekly())
    with pytest.raises(errors.DateError, match="swap the two"):
        data.between("2023-03-12", "2023-01-08")
    with pytest.raises(errors.DateError, match=r"start='1/2/2023' .* write it as YYYY-MM-DD"):
        data.between("1/2/2023", "2023-03-12")
    with pytest.raises(errors.DateError, match=r"stop='3000-01-01' .* write it as YYYY-MM-DD"):
        data.between("2023-01-01", "3000-01-01")
    with pytest.raises(errors.DateError, match="stop='2023-02-31'"):
        data.between("2023-01-01", "2023-02-31")
    with pytest.raises(errors.TooFewPeriodsError, match="window from 2023-01-08 to 2023-01-15 has 2 period"):
        data.between("2023-01-08", "2023-01-15")


def test_replace_columns_checks_again():
    data = read(weekly())
    doubled = data.replace_columns({"tv": 2 * data.columns["tv"][0]})
    np.testing.assert_array_equal(doubled.columns["tv"], 2 * data.columns["tv"])
    np.testing.assert_array_equal(doubled.columns["price"], data.columns["price"])
    with pytest.raises(errors.UnknownColumnError, match="did you mean 'facebook'"):
        data.replace_columns({"facebok": data.columns["tv"]})
    with pytest.raises(errors.NegativeSpendError, match="spend is zero or more"):
        data.replace_columns({"tv": -data.columns["tv"]})
    with pytest.raises(errors.PanelError, match="one value per date"):
        data.replace_columns({"tv": np.ones(3)})
    with pytest.raises(errors.NotNumericError, match="all of 'tv' must be numbers"):
        data.replace_columns({"tv": np.array(["x"] * PERIODS)})


# ---------------------------------------------------------------- scales


def test_scales_are_means_of_their_definitions():
    data = read(panel(), geo="region", mediators={"google": "queries"})
    scales = data.scales()
    assert list(scales.size) == ["revenue", "google"]
    assert list(scales.spend) == ["google", "tv", "facebook"]
    for g in range(3):
        tv, google = data.columns["tv"][g], data.columns["google"][g]
        assert scales.spend["tv"][g] == pytest.approx(sum(v for v in tv if v > 0) / sum(v > 0 for v in tv))
        assert scales.size["google"][g] == pytest.approx(sum(abs(v) for v in google) / PERIODS)
    assert scales.center["price"] == pytest.approx(data.columns["price"].mean())
    assert scales.spread["price"] == pytest.approx(
        np.sqrt(np.mean((data.columns["price"] - scales.center["price"]) ** 2))
    )
    assert set(scales.center) == {"google", "tv", "facebook", "price"}
    assert (scales.start, scales.end) == (data.dates[0], data.dates[-1])


def test_size_is_of_absolute_values():
    frame = weekly()
    frame["google"] = np.tile([-1.0, 3.0], PERIODS // 2)
    scales = read(frame, mediators={"google": "net visits"}).scales()
    assert scales.size["google"][0] == 2.0
    assert scales.spend["google"][0] == 3.0
    assert (scales.center["google"], scales.spread["google"]) == (1.0, 2.0)


def test_geo_that_never_spent_has_nan_spend_scale():
    frame = panel()
    frame.loc[frame["region"] == "south", "tv"] = 0.0
    spend = read(frame, geo="region").scales().spend["tv"]
    np.testing.assert_array_equal(np.isnan(spend), [False, True, False])


def test_scales_round_trip_through_json_exactly():
    frame = panel()
    frame.loc[frame["region"] == "south", "tv"] = 0.0
    scales = read(frame, geo="region").scales()
    text = json.dumps(scales.to_dict(), allow_nan=False)
    again = Scales.from_dict(json.loads(text))
    assert again == scales
    assert again.spend["facebook"].tobytes() == scales.spend["facebook"].tobytes()
    assert again != read(panel(), geo="region").scales()


def test_scales_are_read_only():
    scales = read(weekly()).scales()
    with pytest.raises(ValueError, match="read-only"):
        scales.size["revenue"][0] = 1.0
    with pytest.raises(TypeError, match="does not support item assignment"):
        scales.center["price"] = 0.0


@pytest.mark.parametrize("factor", [2.0**-7, 4.0, 2.0**20])
def test_power_of_two_change_of_currency_leaves_scaled_arrays_untouched(factor):
    data = read(weekly())
    other = data.replace_columns({n: data.columns[n] * factor for n in ("revenue", "google", "tv", "facebook")})
    old, new = data.scales(), other.scales()
    for name in ("revenue", "google"):
        ours = other.columns[name] / new.size[name][:, None]
        assert ours.tobytes() == (data.columns[name] / old.size[name][:, None]).tobytes()
    for name in ("google", "tv", "facebook"):
        ours = other.columns[name] / new.spend[name][:, None]
        assert ours.tobytes() == (data.columns[name] / old.spend[name][:, None]).tobytes()
    ours = (other.columns["google"] - new.center["google"]) / new.spread["google"]
    assert ours.tobytes() == ((data.columns["google"] - old.center["google"]) / old.spread["google"]).tobytes()


# ---------------------------------------------------------------- roles and columns


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        (
            {"media": ["tv", "facebook", "price"]},
            "'price' is given as media and as controls; a column has one role",
        ),
        ({"outcome": "tv"}, "'tv' is given as outcome and as media"),
        ({"media": ["tv", "google"]}, "'google' is given as mediators and as media"),
        ({"controls": ["week"]}, "'week' is given as date and as controls"),
        ({"geo": "tv"}, "'tv' is given as geo and as media"),
        ({"media": ["tv", "tv"]}, "'tv' is listed twice in media; list it once"),
        ({"media": "tv"}, r"write media=\['tv'\]"),
        ({"controls": "price"}, r"write controls=\['price'\]"),
        ({"media": [1]}, "media holds 1; .* rename the column in the table"),
        ({"outcome": None}, "outcome holds None"),
        ({"date": None}, "date holds None; a column name is text"),
        ({"geo": 3}, "geo holds 3; a column name is text"),
        ({"media": None}, r"write media=\['tv'\]"),
        ({"mediators": ["google"]}, "write mediators={'google': \"money\"}"),
        ({"mediators": "google"}, "gives no units"),
        ({"mediators": {"google": ""}}, 'is not a unit; .* write "money", or what is counted'),
        ({"mediators": {"google": "Money"}}, 'not spelt as the unit of paid columns; write "money"'),
        ({"outcome_unit": 3}, "outcome_unit=3 is not a unit"),
        ({"media": [], "mediators": {}}, r"list the spend columns in media=\[...\]"),
    ],
)
def test_roles_that_contradict_each_other(changes, advice):
    with pytest.raises(errors.RoleError, match=advice):
        read(weekly(), **changes)


def test_names_that_would_clash_with_results():
    with pytest.raises(errors.RoleError, match=r"reserved are chain, draw, .* rename the column"):
        read(weekly().rename(columns={"price": "channel"}), controls=["channel"])


@pytest.mark.parametrize(
    ("column", "role"),
    [("revenue", "outcome"), ("google", "mediators"), ("facebook", "media"), ("price", "controls")],
)
def test_no_name_with_a_role_holds_a_slash(column, role):
    roles = {
        "outcome": {"outcome": "net/x"},
        "mediators": {"mediators": {"net/x": "clicks"}},
        "media": {"media": ["tv", "net/x"]},
        "controls": {"controls": ["net/x"]},
    }[role]
    advice = rf"'net/x' \({role}\) holds a '/'.* rename it, for example to 'net_x'"
    with pytest.raises(errors.RoleError, match=advice):
        read(weekly().rename(columns={column: "net/x"}), **roles)


def test_columns_that_only_label_the_rows_may_hold_a_slash():
    frame = panel().rename(columns={"week": "week/start", "region": "region/state"})
    data = read(frame.assign(**{"not/used": 1.0}), date="week/start", geo="region/state")
    assert data.geos == ("north", "south", "west")
    assert data.unused == ("not/used",)


def test_empty_mediators_need_no_units():
    assert read(weekly(), mediators=[]) == read(weekly(), mediators=None)


def test_mediator_alone_is_enough():
    assert read(weekly(), media=[]).media == ()


def test_unknown_column_names_the_closest(tmp_path):
    with pytest.raises(
        errors.UnknownColumnError,
        match=r"'facebok' is not in the table \(did you mean 'facebook'\?\)\. The columns",
    ):
        read(weekly(), media=["tv", "facebok"])
    with pytest.raises(errors.UnknownColumnError, match=r"did you mean 'Facebook '\?"):
        read(weekly().rename(columns={"facebook": "Facebook "}))
    with pytest.raises(errors.UnknownColumnError, match="columns there are 'week', 'revenue', 'tv'"):
        read(weekly(), controls=["qqqq"])
    with pytest.raises(errors.UnknownColumnError, match=r"did you mean 'facebook'\?"):
        read_text(tmp_path, weekly().to_csv(index=False), media=["facebok"])


def test_date_in_the_index_and_column_twice():
    with pytest.raises(errors.UnknownColumnError, match=r"pass frame\.reset_index\(\) instead"):
        read(weekly().set_index("week"))
    twice = pd.concat([weekly(), weekly()[["tv"]]], axis=1)
    with pytest.raises(errors.RoleError, match="'tv' occurs 2 times in the table; rename all but one"):
        read(twice)


def test_what_is_not_a_frame():
    with pytest.raises(errors.DataError, match=r"not dict; use pd\.DataFrame\(\.\.\.\) first"):
        read({"week": [1]})


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("value", "kind"), [(np.nan, r"missing \(NaN\)"), (np.inf, "infinite"), (-np.inf, "infinite")]
)
@pytest.mark.parametrize("column", ["revenue", "tv", "google", "price"])
def test_missing_and_infinite_values(column, value, kind):
    with pytest.raises(
        errors.MissingValueError, match=f"'{column}' has 1 {kind} .* at 2023-01-22; .* fill it yourself"
    ):
        read(with_value(column, value))


def test_missing_values_of_nullable_and_object_columns():
    frame = weekly()
    frame["tv"] = pd.array([1, None] * (PERIODS // 2), dtype="Int64")
    with pytest.raises(errors.MissingValueError, match=r"'tv' has 10 missing .* and 5 more; .* fill it yourself"):
        read(frame)
    frame["tv"] = pd.Series([True, None] * (PERIODS // 2), dtype=object)
    with pytest.raises(errors.MissingValueError, match="2023-01-08, 2023-01-22"):
        read(frame)


def test_missing_value_in_a_panel_names_the_geo():
    frame = panel()
    frame.loc[[PERIODS + 2, 2 * PERIODS], "tv"] = np.nan
    with pytest.raises(errors.MissingValueError, match=r"at 2023-01-15 in geo 'south' \(and in 1 more geos\)"):
        read(frame, geo="region")


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("1,234", r"data row 4: '1,234' is str, not a number; .* thousands=\",\""),
        ("$1,234.50", r"frame\['tv'\] = pd\.to_numeric\(frame\['tv'\]\.replace\('\[\$,\]', '', regex=True\)\)"),
        ("12,5", r"decimal=\",\""),
        ("none spent", "'none spent' is str, not a number; .* correct the value, or leave 'tv' out"),
        ("", "data row 4: ''"),
        ("500", r"convert it first: frame\['tv'\] = pd\.to_numeric"),
    ],
)
def test_text_among_numbers(value, advice):
    with pytest.raises(errors.NotNumericError, match=advice):
        read(with_value("tv", value))


def test_dates_and_other_objects_are_not_numbers():
    with pytest.raises(errors.NotNumericError, match=r"data row 1: .* is Timestamp, not a number"):
        read(weekly().assign(price=weekly()["week"]))
    with pytest.raises(errors.NotNumericError, match=r"data row 1: .* is complex, not a number"):
        read(weekly().assign(price=1j * np.ones(PERIODS)))
    with pytest.raises(errors.NotNumericError, match=r"data row 1: \[1\] is list, not a number"):
        read(weekly().assign(price=[[1]] * PERIODS))


def test_first_unreadable_text_is_named_not_the_first_text():
    frame = weekly()
    frame["tv"] = [*["1"] * 5, "n.v.", *["2"] * (PERIODS - 6)]
    with pytest.raises(errors.NotNumericError, match=r"data row 6: 'n\.v\.'"):
        read(frame)


def test_negative_spend():
    advice = "has 1 negative .* the lowest -5, at 2023-01-22; spend is zero or more; book refunds"
    with pytest.raises(errors.NegativeSpendError, match=f"'tv' {advice}"):
        read(with_value("tv", -5.0))
    with pytest.raises(errors.NegativeSpendError, match=f"'google' {advice}"):
        read(with_value("google", -5.0))
    unpaid = read(with_value("google", -5.0), mediators={"google": "net visits"})
    assert unpaid.columns["google"][0, 3] == -5.0
    assert read(with_value("revenue", -5.0)).columns["revenue"][0, 3] == -5.0


@pytest.mark.parametrize(("column", "role"), [("tv", "media"), ("google", "mediators")])
def test_never_spent(column, role):
    with pytest.raises(errors.NeverSpentError, match=f"is 0 in all 20 rows.*leave it out of {role}"):
        read(weekly().assign(**{column: 0.0}))


@pytest.mark.parametrize(
    ("column", "fix"),
    [
        ("revenue", "check the column"),
        ("google", "leave it out of mediators"),
        ("price", "leave it out of controls"),
    ],
)
def test_constant_column(column, fix):
    with pytest.raises(errors.ConstantColumnError, match=f"'{column}' .* is 7.1 in every period; .*{fix}"):
        read(weekly().assign(**{column: 7.1}))


def test_rounding_is_not_variation_but_a_constant_channel_is_allowed():
    jitter = 7.1 + 4e-15 * np.arange(PERIODS)
    assert np.ptp(jitter) > 0
    with pytest.raises(errors.ConstantColumnError, match="leave it out of controls"):
        read(weekly().assign(price=jitter))
    assert read(weekly().assign(tv=7.1)).columns["tv"].max() == 7.1
