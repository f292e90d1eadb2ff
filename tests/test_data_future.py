"""Data: the periods after the history, and plans for them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from bayesmmm import errors
from bayesmmm.data import next_dates, read_plan
from tests.data_tables import CALENDARS, panel, read, texts, weekly

NEEDED = ["tv", "facebook", "price"]


def history(dates, **changes):
    return read(weekly(len(dates)).assign(week=dates), **changes)


def monthly_on(day, start, periods):
    """Return one date a month, on that day or on the last of a shorter month."""
    months = pd.period_range(start, periods=periods, freq="M")
    return pd.DatetimeIndex([pd.Timestamp(m.year, m.month, min(day, m.days_in_month)) for m in months])


def plan_for(data, periods=4):
    """Return a sound plan with a column "date"."""
    rng = np.random.default_rng(1)
    columns = {name: rng.gamma(2.0, 50.0, periods) for name in NEEDED}
    return pd.DataFrame({"date": next_dates(data, periods), **columns})


@pytest.fixture
def data():
    return read(weekly())  # Sundays, 2023-01-01 to 2023-05-14


@pytest.fixture
def plan(data):
    return plan_for(data)  # 2023-05-21, 05-28, 06-04, 06-11


# ---------------------------------------------------------------- next_dates


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (pd.date_range("2024-02-01", "2024-02-27", freq="D"), ["2024-02-28", "2024-02-29", "2024-03-01"]),
        (pd.date_range("2023-02-01", "2023-02-27", freq="D"), ["2023-02-28", "2023-03-01", "2023-03-02"]),
        (pd.date_range("2023-12-03", "2024-02-25", freq="7D"), ["2024-03-03", "2024-03-10", "2024-03-17"]),
        (pd.date_range("2023-03-01", "2023-11-01", freq="MS"), ["2023-12-01", "2024-01-01", "2024-02-01"]),
        (pd.date_range("2023-04-30", "2024-01-31", freq="ME"), ["2024-02-29", "2024-03-31", "2024-04-30"]),
        (pd.date_range("2022-04-30", "2023-01-31", freq="ME"), ["2023-02-28", "2023-03-31", "2023-04-30"]),
        (pd.date_range("2022-08-31", "2023-03-31", freq="ME"), ["2023-04-30", "2023-05-31", "2023-06-30"]),
        (pd.date_range("2022-07-31", "2023-02-28", freq="ME"), ["2023-03-31", "2023-04-30", "2023-05-31"]),
        (monthly_on(30, "2022-07", 8), ["2023-03-30", "2023-04-30", "2023-05-30"]),
        (monthly_on(29, "2022-07", 8), ["2023-03-29", "2023-04-29", "2023-05-29"]),
        (monthly_on(28, "2022-07", 8), ["2023-03-28", "2023-04-28", "2023-05-28"]),
        (monthly_on(29, "2023-06", 8), ["2024-02-29", "2024-03-29", "2024-04-29"]),
    ],
)
def test_next_dates(dates, expected):
    assert texts(next_dates(history(dates), 3)) == expected


@pytest.mark.parametrize("dates", CALENDARS.values(), ids=CALENDARS)
def test_history_and_next_dates_are_one_calendar(dates):
    """The periods withheld from a history are those that come next."""
    for kept in range(8, len(dates)):
        pd.testing.assert_index_equal(
            next_dates(history(dates[:kept]), len(dates) - kept),
            history(dates).dates[kept:],
        )
    assert history(dates.append(next_dates(history(dates), 30))).frequency == history(dates).frequency


@pytest.mark.parametrize("day", range(1, 32))
def test_every_day_of_the_month_goes_on_through_leap_years(day):
    dates = monthly_on(day, "2022-03", 48)
    # Ends of months go on from every length of the history, other days from every third, in turn.
    for kept in range(8, 48) if day > 27 else range(8 + day % 3, 48, 3):
        assert texts(next_dates(history(dates[:kept]), 48 - kept)) == texts(dates[kept:])


@pytest.mark.parametrize("count", [0, -1, 2.0, "3", None, True, np.nan])
def test_number_of_periods(data, count):
    with pytest.raises(errors.PlanError, match=f"count={count!r} must be a whole number of at least 1"):
        next_dates(data, count)
    assert len(next_dates(data, np.int64(3))) == 3


@pytest.mark.parametrize("dates", CALENDARS.values(), ids=CALENDARS)
def test_calendars_end(dates):
    own = history(dates)
    with pytest.raises(errors.PlanError, match=r"beyond the year 2189.*ask for fewer periods"):
        next_dates(own, 10**6)
    most = int((pd.Timestamp("2189-12-31") - dates[-1]).days / own.days_per_period)
    assert next_dates(own, most)[-1].year >= 2189


# ---------------------------------------------------------------- plans


@pytest.mark.parametrize("dates", CALENDARS.values(), ids=CALENDARS)
@pytest.mark.parametrize("periods", [1, 2, 30])
def test_sound_plan(dates, periods):
    own = history(dates)
    plan = plan_for(own, periods)
    before = plan.copy()
    future = read_plan(own, plan, needed=NEEDED)
    pd.testing.assert_frame_equal(plan, before)
    pd.testing.assert_index_equal(future.dates, next_dates(own, periods))
    assert list(future.columns) == NEEDED
    for name, values in future.columns.items():
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, plan[name].to_numpy()[np.newaxis])
        assert not np.shares_memory(values, plan[name].to_numpy())
    with pytest.raises(ValueError, match="read-only"):
        future.columns["tv"][0, 0] = 1.0


def same(one, other):
    pd.testing.assert_index_equal(one.dates, other.dates)
    assert list(one.columns) == list(other.columns)
    return all(np.array_equal(one.columns[name], other.columns[name]) for name in one.columns)


def test_forms_of_dates_and_numbers(data, plan):
    wanted = read_plan(data, plan, needed=NEEDED)
    assert same(read_plan(data, plan.set_index("date"), needed=NEEDED), wanted)
    assert same(read_plan(data, plan.set_index("date").rename_axis("week"), needed=NEEDED), wanted)
    assert same(read_plan(data, plan.assign(date=texts(plan["date"])), needed=NEEDED), wanted)
    assert same(read_plan(data, plan.assign(date=plan["date"].dt.date), needed=NEEDED), wanted)
    assert same(read_plan(data, plan.set_axis([7, 7, 7, 7]), needed=NEEDED), wanted)
    assert same(read_plan(data, plan[["price", "date", "facebook", "tv"]], needed=NEEDED), wanted)
    whole = read_plan(data, plan.assign(tv=[0, 1, 2, 3], facebook=True), needed=NEEDED)
    np.testing.assert_array_equal(whole.columns["tv"], [[0.0, 1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(whole.columns["facebook"], np.ones((1, 4)))


def test_columns_of_the_data_that_are_not_needed_are_not_read(data, plan):
    future = read_plan(data, plan.assign(price="unknown"), needed=["facebook", "tv"])
    assert list(future.columns) == ["facebook", "tv"]
    assert dict(read_plan(data, plan, needed=[]).columns) == {}


def test_negative_controls_are_allowed(data, plan):
    future = read_plan(data, plan.assign(price=-1.0), needed=NEEDED)
    np.testing.assert_array_equal(future.columns["price"], -np.ones((1, 4)))


def test_a_mediator_that_is_needed_is_an_ordinary_column(plan):
    paid, unpaid = read(weekly()), read(weekly(), mediators={"google": "queries"})
    spent = plan.assign(google=[-1.0, 0.0, 1.0, 2.0])
    future = read_plan(unpaid, spent, needed=[*NEEDED, "google"])
    np.testing.assert_array_equal(future.columns["google"], [[-1.0, 0.0, 1.0, 2.0]])
    with pytest.raises(errors.NegativeSpendError, match=r"'google' of the plan .* plan what will be spent"):
        read_plan(paid, spent, needed=[*NEEDED, "google"])
    with pytest.raises(errors.UnknownColumnError, match="add 'google', with 0 where nothing will be spent"):
        read_plan(paid, plan, needed=[*NEEDED, "google"])
    with pytest.raises(errors.UnknownColumnError, match="add 'google', with the values that you expect"):
        read_plan(unpaid, plan, needed=[*NEEDED, "google"])


# ---------------------------------------------------------------- plans: the calendar


@pytest.mark.parametrize("dates", CALENDARS.values(), ids=CALENDARS)
@pytest.mark.parametrize("back", [1, 3, 8])
def test_overlap(dates, back):
    own = history(dates)
    due, last = texts([next_dates(own, 1)[0], dates[-1]])
    inside = pd.DatetimeIndex([*dates[-back:], *next_dates(own, 2)])
    plan = pd.DataFrame({"tv": 1.0}, index=inside)
    first = f"{inside[0]:%Y-%m-%d}"
    with pytest.raises(
        errors.PlanError, match=f"plan starts at {first}, but the history ends at {last}; .*; start at {due}$"
    ):
        read_plan(own, plan, needed=["tv"])


@pytest.mark.parametrize("dates", CALENDARS.values(), ids=CALENDARS)
@pytest.mark.parametrize("ahead", [1, 2, 40])
def test_gap_after_the_history(dates, ahead):
    own = history(dates)
    later = next_dates(own, ahead + 2)
    plan = pd.DataFrame({"tv": 1.0}, index=later[ahead:])
    with pytest.raises(
        errors.PlanError,
        match=f"{ahead} period.* are missing, {later[0]:%Y-%m-%d}.*; start at {later[0]:%Y-%m-%d}$",
    ):
        read_plan(own, plan, needed=["tv"])


@pytest.mark.parametrize("shift", [-6, -1, 1, 8])
def test_start_off_the_calendar(data, plan, shift):
    moved = plan.assign(date=plan["date"] + pd.Timedelta(days=shift))
    first = f"{moved['date'][0]:%Y-%m-%d}"
    with pytest.raises(
        errors.PlanError,
        match=f"ends at 2023-05-14, and {first} is not on its weekly calendar; .*; start at 2023-05-21$",
    ):
        read_plan(data, moved, needed=NEEDED)


def test_month_ends_are_not_the_thirtieth():
    own = history(CALENDARS["month ends"])  # to 2023-12-31
    plan = plan_for(own, 3)
    assert texts(plan["date"]) == ["2024-01-31", "2024-02-29", "2024-03-31"]
    plan.loc[1, "date"] = pd.Timestamp("2024-02-28")
    with pytest.raises(
        errors.CalendarGapError, match=r"1 date.* missing: 2024-02-29; 1 date.* not fit the calendar: 2024-02-28"
    ):
        read_plan(own, plan, needed=NEEDED)


@pytest.mark.parametrize("dates", CALENDARS.values(), ids=CALENDARS)
@pytest.mark.parametrize("gone", [1, 3])
def test_gap_inside(dates, gone):
    own = history(dates)
    plan = plan_for(own, 6)
    lost = f"{plan['date'][gone]:%Y-%m-%d}"
    with pytest.raises(
        errors.CalendarGapError,
        match=rf"history is {own.frequency}, but in the plan 1 date.* missing: {lost}; .*next_dates\(data, 6\)",
    ):
        read_plan(own, plan.drop(index=gone), needed=NEEDED)


@pytest.mark.parametrize("typo", ["2103-06-11", "2189-04-01"])
@pytest.mark.parametrize("dates", CALENDARS.values(), ids=CALENDARS)
def test_a_year_mistyped_is_a_gap(dates, typo):
    own = history(dates)
    plan = plan_for(own)
    plan.loc[3, "date"] = pd.Timestamp(typo)
    with pytest.raises(errors.CalendarGapError, match=f"and [0-9]+ more.* to {typo} must be there"):
        read_plan(own, plan, needed=NEEDED)


def test_duplicates_and_disorder(data, plan):
    with pytest.raises(errors.DateError, match=r"1 date.* once in the plan: 2023-05-28; .* one per date"):
        read_plan(data, plan.iloc[[0, 1, 1, 2]], needed=NEEDED)
    with pytest.raises(errors.DateError, match=r"4 date.* once in the plan: .* so that there is one per date"):
        read_plan(data, pd.concat([plan, plan]), needed=NEEDED)
    swapped = plan.iloc[[0, 2, 1, 3]]
    with pytest.raises(errors.DateError, match=r"2023-05-28 comes after 2023-06-04; .*plan.sort_values\('date'\)"):
        read_plan(data, swapped, needed=NEEDED)
    with pytest.raises(errors.DateError, match=r"2023-05-28 comes after 2023-06-04; .*use plan.sort_index\(\)"):
        read_plan(data, swapped.set_index("date"), needed=NEEDED)


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        (
            lambda d: d.dt.strftime("%d/%m/%Y"),
            r"'21/05/2023' is not .* YYYY-MM-DD, .*use pd.to_datetime\(plan\['date'\], format=\"%d/%m/%Y\"\) first",
        ),
        (lambda d: range(4), r"correct the value, or use pd.to_datetime\(plan\['date'\], format=...\) first"),
        (lambda d: d.where(d.index != 2), "data row 3: the date is missing; .* fill it in"),
        (lambda d: d.dt.tz_localize("UTC"), "time zone.*keep the day as it stands"),
        (lambda d: d + pd.Timedelta(hours=2), "time of day.*keep the day alone"),
        (lambda d: d.dt.to_period("W"), "holds periods such as .*to_timestamp"),
    ],
)
def test_dates_that_cannot_be_read(data, plan, change, advice):
    with pytest.raises(errors.DateError, match=advice):
        read_plan(data, plan.assign(date=change(plan["date"])), needed=NEEDED)


def test_index_that_cannot_be_read(data, plan):
    with pytest.raises(errors.DateError, match=r"index .* time zone, .*use plan.tz_localize\(None\)"):
        read_plan(data, plan.set_index("date").tz_localize("UTC"), needed=NEEDED)
    with pytest.raises(
        errors.DateError, match=r"index .* a time of day, .*use plan.set_index\(plan.index.normalize"
    ):
        read_plan(data, plan.set_index(plan["date"] + pd.Timedelta(hours=2))[NEEDED], needed=NEEDED)
    with pytest.raises(errors.DateError, match="data row 3: the date is missing"):
        read_plan(data, plan.set_index(plan["date"].where(plan.index != 2))[NEEDED], needed=NEEDED)


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        (lambda p: p.drop(columns="date"), "rename the column that holds the dates to 'date'"),
        (lambda p: p.rename(columns={"date": "start"}), r"use plan.rename\(columns={'start': 'date'}\)"),
        (
            lambda p: p.assign(date=texts(p["date"])).rename(columns={"date": "Week"}),
            r"use plan.rename\(columns={'Week': 'date'}\)",
        ),
        (lambda p: p.assign(date=texts(p["date"])).set_index("date"), r"use plan.reset_index\(\)"),
        (lambda p: p.set_index("date").to_period("W"), r"use plan.to_timestamp\(\)"),
    ],
)
def test_dates_that_are_not_there(data, plan, change, advice):
    with pytest.raises(
        errors.UnknownColumnError, match=f"neither a column 'date' nor a DatetimeIndex; .*{advice}"
    ):
        read_plan(data, change(plan), needed=NEEDED)


def test_dates_that_are_there_twice(data, plan):
    with pytest.raises(errors.PlanError, match=r"index and in its column 'date'; .*reset_index\(drop=True\)"):
        read_plan(data, plan.set_index("date", drop=False).rename_axis(None), needed=NEEDED)


# ---------------------------------------------------------------- plans: the columns


@pytest.mark.parametrize("needed", [[], NEEDED])
def test_empty_plan(data, plan, needed):
    for empty in (plan.iloc[:0], plan.set_index("date").iloc[:0], pd.DataFrame()):
        with pytest.raises(errors.PlanError, match=r"plan has no rows; .* start at 2023-05-21$"):
            read_plan(data, empty, needed=needed)


@pytest.mark.parametrize("value", [None, {"tv": [1.0]}, np.ones((4, 3)), "plan.csv"])
def test_not_a_frame(data, value):
    with pytest.raises(
        errors.DataError, match=r"a pandas DataFrame is needed, not .*use pd.DataFrame\(...\) first"
    ):
        read_plan(data, value, needed=NEEDED)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("tv", "with 0 where nothing will be spent"), ("price", "with the values that you expect")],
)
def test_missing_column(data, plan, name, advice):
    with pytest.raises(
        errors.UnknownColumnError,
        match=f"'{name}' is not in the plan, .*'tv', 'facebook', 'price'; add '{name}', {advice}",
    ):
        read_plan(data, plan.drop(columns=name), needed=NEEDED)


def test_unknown_column(data, plan):
    with pytest.raises(
        errors.UnknownColumnError,
        match=r"'facebok' of the plan is not .*did you mean 'facebook'\?.* rename or drop it",
    ):
        read_plan(data, plan.rename(columns={"facebook": "facebok"}), needed=NEEDED)
    with pytest.raises(
        errors.UnknownColumnError, match=r"column 2023 of .* Allowed are 'tv', 'facebook', 'price'"
    ):
        read_plan(data, plan.assign(**{"x": 1}).rename(columns={"x": 2023}), needed=NEEDED)
    own = read(weekly().assign(clicks=1.0))
    with pytest.raises(errors.UnknownColumnError, match=r"'clicks' of the plan is not .*rename or drop it"):
        read_plan(own, plan.assign(clicks=1.0), needed=NEEDED)


def test_a_needed_column_that_the_data_do_not_have(data, plan):
    with pytest.raises(errors.UnknownColumnError, match=r"'radio' is not in the data"):
        read_plan(data, plan, needed=["radio"])


def test_what_is_predicted_has_no_place_in_a_plan(data, plan):
    with pytest.raises(
        errors.PlanError,
        match=r"'revenue' of the plan is the outcome, which is predicted .*plan.drop\(columns='revenue'\)$",
    ):
        read_plan(data, plan.assign(revenue=1.0), needed=NEEDED)
    with pytest.raises(
        errors.PlanError,
        match=r"'google' of the plan is a mediator, which is predicted .*plan.drop\(columns='google'\), or set it "
        r"with do={'google': \.\.\.}",
    ):
        read_plan(data, plan.assign(google=1.0), needed=NEEDED)


def test_column_twice(data, plan):
    with pytest.raises(errors.RoleError, match="column 'tv' occurs 2 times in the plan; rename all but one"):
        read_plan(data, pd.concat([plan, plan[["tv"]]], axis=1), needed=NEEDED)
    with pytest.raises(errors.RoleError, match="column 'date' occurs 2 times in the plan; rename all but one"):
        read_plan(data, pd.concat([plan, plan[["date"]]], axis=1), needed=NEEDED)


# ----------------------------------------------------------------------------------------------------------- panels
@pytest.fixture
def regions():
    return read(panel(), geo="region")


@pytest.fixture
def regional(plan):
    """Plan with a row for every geo and period, geos in turn within each period."""
    parts = [plan.assign(geo=geo, tv=plan["tv"] + 10.0 * i) for i, geo in enumerate(("west", "south", "north"))]
    return pd.concat(parts).sort_values("date", kind="stable", ignore_index=True)


def test_a_plan_for_one_geo_names_none(data, plan):
    stacked = pd.concat([plan.assign(geo=geo) for geo in "ab"])
    for table in (plan.assign(geo="a"), stacked, stacked.set_index(["geo", "date"])):
        with pytest.raises(
            errors.PanelError, match=r"a column 'geo', .* keep the rows of that geo and drop the column"
        ):
            read_plan(data, table, needed=NEEDED)
    assert read_plan(data, plan.assign(geo="a").drop(columns="geo"), needed=NEEDED).columns["tv"].shape[0] == 1


def test_a_plan_for_a_panel_is_read_by_name(regions, regional, plan):
    found = read_plan(regions, regional, needed=NEEDED)
    assert list(found.columns) == NEEDED
    assert_array_equal(found.dates, pd.DatetimeIndex(plan["date"]))
    # Geos in the order of the data: north, south, west.
    assert_array_equal(found.columns["tv"], plan["tv"].to_numpy() + np.array([[20.0], [10.0], [0.0]]))
    for other in (
        regional.sort_values(["geo", "date"]),
        regional.set_index("date"),
        regional.assign(geo=regional["geo"].astype("category")),
        regional[["geo", *NEEDED, "date"]],
    ):
        again = read_plan(regions, other, needed=NEEDED)
        for name in NEEDED:
            assert_array_equal(again.columns[name], found.columns[name])


def test_geos_that_a_plan_lacks_or_that_the_data_lack(regions, regional, plan):
    with pytest.raises(
        errors.PanelError, match=r"no column 'geo', .* 3 geos \('north', 'south', 'west'\).*its rows"
    ):
        read_plan(regions, plan, needed=NEEDED)
    with pytest.raises(errors.PanelError, match=r"no column 'geo'.*use plan.reset_index\(\) first"):
        read_plan(regions, regional.set_index("geo"), needed=NEEDED)
    assert len(read_plan(regions, regional.set_index("geo").reset_index(), needed=NEEDED).dates)
    with pytest.raises(errors.PanelError, match=r"no rows for geo 'south', 'west'; .*fit\.sel\(geo=\[\.\.\.\]\)"):
        read_plan(regions, regional[regional["geo"] == "north"], needed=NEEDED)
    wrong = regional.assign(geo=regional["geo"].replace("north", "nort"))
    with pytest.raises(
        errors.PanelError, match=r"rows for 'nort', which is no geo .*'north'.*rename or drop them"
    ):
        read_plan(regions, wrong, needed=NEEDED)
    with pytest.raises(errors.PanelError, match="data row 2: the geo is missing"):
        read_plan(regions, regional.assign(geo=regional["geo"].where(regional.index != 1)), needed=NEEDED)


def test_rows_of_geos_in_a_plan(regions, regional):
    last = regional["date"] == regional["date"].iloc[-1]
    with pytest.raises(errors.PanelError, match=r"3 row\(s\) for geo 'south' and 4 for 'north'; .*add those"):
        read_plan(regions, regional[~last | (regional["geo"] != "south")], needed=NEEDED)
    late = (regional["geo"] == "west") & last
    later = regional["date"].where(~late, regional["date"] + pd.Timedelta("7D"))
    with pytest.raises(
        errors.PanelError, match=r"other dates for geo 'west' than for 'north': 2023-06-18; .*correct"
    ):
        read_plan(regions, regional.assign(date=later), needed=NEEDED)
    with pytest.raises(errors.DateError, match=r"out of order.*sort_values\('date'\)"):
        read_plan(regions, regional.iloc[::-1], needed=NEEDED)
    assert len(read_plan(regions, regional.iloc[::-1].sort_values("date"), needed=NEEDED).dates) == 4
    with pytest.raises(errors.DateError, match="more than once in the plan"):
        read_plan(regions, regional.assign(date=regional["date"].iloc[0]), needed=NEEDED)


def test_values_of_a_geo_in_a_plan(regions, regional):
    missing = regional.assign(tv=regional["tv"].where(regional["geo"] != "south"))
    with pytest.raises(errors.MissingValueError, match=r"'tv' of the plan has 4 missing.*in geo 'south'"):
        read_plan(regions, missing, needed=NEEDED)
    with pytest.raises(errors.NegativeSpendError, match="in geo 'west'"):
        read_plan(regions, regional.assign(tv=np.where(regional["geo"] == "west", -1.0, 1.0)), needed=NEEDED)


def test_a_channel_is_planned_only_where_it_was_bought(regional):
    frame = panel()
    frame.loc[frame["region"] == "south", "tv"] = 0.0
    regions = read(frame, geo="region")
    with pytest.raises(
        errors.PlanError, match=r"spends on 'tv' in geo 'south', where nothing was ever spent on it.*plan 0 there"
    ):
        read_plan(regions, regional.assign(tv=1.0), needed=NEEDED)
    some = regional.assign(tv=np.where(regional["geo"] == "south", 0.0, 1.0))
    assert_array_equal(read_plan(regions, some, needed=NEEDED).columns["tv"][:, 0], [1.0, 0.0, 1.0])


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize(("value", "kind"), [(np.nan, "missing"), (np.inf, "infinite"), (-np.inf, "infinite")])
def test_values_that_are_not_finite(data, plan, name, value, kind):
    plan.loc[[1, 3], name] = value
    zero = "the values that you expect" if name == "price" else "0 where nothing will be spent"
    with pytest.raises(
        errors.MissingValueError,
        match=rf"'{name}' of the plan has 2 {kind}.*at 2023-05-28, 2023-06-11; .*fill it yourself with {zero}",
    ):
        read_plan(data, plan, needed=NEEDED)


def test_negative_spend(data, plan):
    plan.loc[2, "tv"] = -3.5
    with pytest.raises(
        errors.NegativeSpendError,
        match=r"'tv' of the plan has 1 .* lowest -3.5, at 2023-06-04; spend is zero or more",
    ):
        read_plan(data, plan, needed=NEEDED)


@pytest.mark.parametrize(
    ("value", "advice"),
    [("none", "correct the value$"), ("1,200", "thousands="), (pd.Timestamp("2023-01-01"), "correct the value$")],
)
def test_text_in_place_of_numbers(data, plan, value, advice):
    plan["tv"] = plan["tv"].astype(object)
    plan.loc[1, "tv"] = value
    with pytest.raises(errors.NotNumericError, match=f"'tv', data row 2: .* not a number; .*{advice}"):
        read_plan(data, plan, needed=NEEDED)
    with pytest.raises(errors.NotNumericError, match=r"convert it first: .*pd.to_numeric"):
        read_plan(data, plan.assign(tv="1"), needed=NEEDED)


# ---------------------------------------------------------------- classes


def test_classes_of_the_errors():
    assert issubclass(errors.WindowError, errors.DataError)
    assert issubclass(errors.PlanError, errors.DataError)
    assert issubclass(errors.ConvergenceError, errors.SamplingError)
