"""Calendars beside days, weeks and months: fortnights, four weeks, quarters, retail years, and what follows no rule."""

import pickle

import numpy as np
import pandas as pd
import pytest

from bayesmmm import errors
from bayesmmm.data import MMMData, next_dates, read_plan, window_mask
from bayesmmm.equations import MMM, Equation, Fourier, check_system, read_toml, system_warnings
from bayesmmm.kernels.adstock import adstock

ROLES = {"date": "date", "outcome": "sales", "media": ["tv"]}


def steps(first, weeks):
    """Dates so many weeks apart from each other."""
    return pd.Timestamp(first) + pd.to_timedelta(7 * np.cumsum([0, *weeks]), unit="D")


#: Three retail years of 4-4-5 weeks, of which the second has 53.
RETAIL = steps("2022-01-30", [*(4, 4, 5) * 4, *(4, 4, 5) * 3, 4, 4, 6, *(4, 4, 5) * 4])
FOUR = pd.date_range("2022-01-02", periods=30, freq="28D")
MONDAYS = pd.date_range("2022-01-01", periods=12, freq="WOM-1MON")
CALENDARS = {
    "fortnightly": (pd.date_range("2022-01-02", periods=30, freq="14D"), {}),
    "four-weekly": (FOUR, {}),
    "quarterly": (pd.date_range("2018-01-01", periods=20, freq="QS"), {}),
    "quarter ends": (pd.date_range("2018-03-31", periods=20, freq="QE"), {}),
    "retail": (RETAIL, {"date_is": "first"}),
    "retail ends": (RETAIL - pd.Timedelta(days=1), {"date_is": "last"}),
    "four-weekly with 53 weeks": (steps("2022-01-02", [4] * 12 + [5] + [4] * 13), {"date_is": "first"}),
    "first Mondays": (MONDAYS, {"date_is": "first", "calendar_dates": MONDAYS}),
    "weeks to their Sunday": (pd.date_range("2022-01-02", periods=20, freq="7D"), {"date_is": "last"}),
}


def table(dates):
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {"date": dates, "sales": 10 + rng.normal(size=len(dates)), "tv": rng.gamma(2.0, 3.0, len(dates))}
    )


def read(dates, **more):
    return MMMData.from_frame(table(dates), **{**ROLES, **more})


@pytest.fixture(params=list(CALENDARS))
def data(request):
    dates, said = CALENDARS[request.param]
    return read(dates, **said)


# ---------------------------------------------------------------- which days


@pytest.mark.parametrize(
    ("kind", "frequency", "days", "first"),
    [
        ("fortnightly", "fortnightly", [14], "2022-01-02"),
        ("four-weekly", "four-weekly", [28], "2022-01-02"),
        ("quarterly", "quarterly", [90, 91, 92, 92, 90], "2018-01-01"),
        ("quarter ends", "quarterly", [90, 91, 92, 92, 90], "2018-01-01"),
        ("retail", "retail", [28, 28, 35, 28, 28], "2022-01-30"),
        ("retail ends", "retail", [35, 28, 28, 35, 28], "2021-12-26"),
        ("first Mondays", "uneven", [35, 28, 28, 28, 35], "2022-01-03"),
        ("weeks to their Sunday", "weekly", [7], "2021-12-27"),
    ],
)
def test_frequency_and_days(kind, frequency, days, first):
    dates, said = CALENDARS[kind]
    calendar = read(dates, **said).calendar
    assert calendar.frequency == frequency
    assert list(calendar.days(0, 5)) == days
    assert str(calendar.edges(0, 1)[0]) == first


def test_periods_lie_beside_each_other(data):
    count = len(data.dates)
    calendar = data.calendar
    assert list(calendar.dates(0, count)) == list(data.dates.values.astype("datetime64[D]"))
    edges = calendar.edges(-9, count + 30)
    assert (np.diff(edges).astype(int) >= calendar.shortest).all()
    lengths = np.broadcast_to(calendar.days(-9, count + 30), count + 30)
    assert list(np.diff(edges).astype(float)) == list(lengths)
    inside = calendar.dates(-9, count + 21) == (
        edges[1:] - np.timedelta64(1, "D") if calendar.last else edges[:-1]
    )
    assert inside.all()


def test_the_53rd_week_is_in_its_own_period_only():
    dates, said = CALENDARS["retail"]
    assert list(read(dates, **said).calendar.days(22, 3)) == [28, 42, 28]
    dates, said = CALENDARS["four-weekly with 53 weeks"]
    calendar = read(dates, **said).calendar
    assert calendar.frequency == "four-weekly"
    assert list(calendar.days(11, 3)) == [28, 35, 28]


def test_adstock_of_a_period_is_the_sum_of_its_days(data):
    count, keep = len(data.dates), 0.93
    lengths = np.broadcast_to(data.calendar.days(0, count), count).astype(int)
    spend = data.columns["tv"][0]
    daily, out = np.empty(lengths.sum()), np.empty(count)
    adstock(np.repeat(spend / lengths, lengths), np.ones(1), keep, 0.0, -1, daily)
    adstock(spend, data.calendar.days(0, count), keep, 0.0, -1, out)
    np.testing.assert_allclose(out, np.add.reduceat(daily, np.cumsum([0, *lengths[:-1]])), rtol=1e-12)


@pytest.mark.parametrize("kind", ["retail", "first Mondays"])
def test_uneven_periods_say_what_their_dates_are(kind):
    dates, said = CALENDARS[kind]
    with pytest.raises(errors.DateError, match=r"have 28 to \d+ days .* say date_is='first' .* date_is='last'"):
        read(dates, **{**said, "date_is": None})
    with pytest.raises(errors.DateError, match=r"date_is='start' is unknown. Use: first, last"):
        read(dates, **{**said, "date_is": "start"})


# ---------------------------------------------------------------- what is refused, and the way out


def test_business_days_are_refused_and_both_ways_out_work():
    frame = table(pd.bdate_range("2024-01-01", periods=60)).rename(columns={"date": "day"})
    roles = {**ROLES, "date": "day"}
    with pytest.raises(
        errors.CalendarGapError, match=r"business days: .* up to weeks, as frame.groupby"
    ) as caught:
        MMMData.from_frame(frame, **roles)
    assert "missing='ignore'" in str(caught.value)
    weeks = frame.groupby(pd.Grouper(key="day", freq="W-SUN")).sum().reset_index()
    assert MMMData.from_frame(weeks, **roles, date_is="last").frequency == "weekly"
    whole = frame.set_index("day").asfreq("D").fillna({"tv": 0.0}).reset_index()
    known = MMMData.from_frame(whole, **roles, missing="ignore")
    assert (known.frequency, int(known.recorded("sales").sum())) == ("daily", 60)


def test_a_missing_retail_period_is_no_pattern():
    with pytest.raises(errors.CalendarGapError, match=r"looks four-weekly .* calendar_dates="):
        read(RETAIL.delete(7), date_is="first")
    with pytest.raises(errors.CalendarGapError, match=r"1 date.* missing: 2022-05-22"):
        read(FOUR.delete(5))


def test_dates_of_a_calendar_are_held_to_the_data():
    with pytest.raises(
        errors.CalendarGapError, match=r"do not go with calendar_dates: 1 date.* missing: 2022-03-07"
    ):
        read(MONDAYS.delete(2), date_is="first", calendar_dates=MONDAYS)
    with pytest.raises(errors.CalendarGapError, match=r"1 date.* do not fit the calendar: 2022-03-07"):
        read(MONDAYS, date_is="first", calendar_dates=MONDAYS.delete(2))
    with pytest.raises(errors.DateError, match=r"calendar_dates=.* must be a list of dates"):
        read(MONDAYS, date_is="first", calendar_dates="2022-01-03")
    with pytest.raises(errors.DateError, match=r"column 'calendar_dates', data row 1: 'soon' is not a date"):
        read(MONDAYS, date_is="first", calendar_dates=["soon"])
    assert read(MONDAYS, date_is="first", calendar_dates=list(MONDAYS.strftime("%Y-%m-%d"))).frequency == "uneven"


# ---------------------------------------------------------------- what comes next


def test_a_plan_follows_on_every_calendar(data):
    ahead = next_dates(data, 5)
    plan = pd.DataFrame({"tv": np.arange(5.0)}, index=ahead)
    assert list(read_plan(data, plan, needed=["tv"]).columns["tv"][0]) == list(range(5))
    with pytest.raises((errors.CalendarGapError, errors.PlanError), match=r"missing|not on its"):
        read_plan(data, plan.drop(ahead[2]), needed=["tv"])


def test_retail_periods_go_on_by_their_pattern_or_as_said():
    history, said = RETAIL[:25], {"date_is": "first"}
    data = read(history, **said)
    assert list(data.calendar.days(22, 6)) == [28, 42, 28, 28, 35, 28]
    long = steps("2022-01-30", [*(4, 4, 5) * 7, 4, 4, 6, 4, 4])
    assert next_dates(read(long[:15], **said), 9)[-1] == long[23]
    known = read(long[:15], **said, calendar_dates=long)
    assert list(next_dates(known, 11)) == list(long[15:26])
    plan = pd.DataFrame({"tv": 1.0}, index=long[15:26])
    assert read_plan(known, plan, needed=["tv"]).dates.equals(plan.index.rename("date"))
    with pytest.raises(errors.CalendarGapError, match=r"do not fit the calendar"):
        read_plan(read(long[:15], **said), plan, needed=["tv"])


def test_uneven_periods_go_on_with_the_lengths_of_their_last_year():
    data = read(MONDAYS, date_is="first", calendar_dates=MONDAYS)
    assert list(data.calendar.days(11, 4)) == [28, *data.calendar.days(1, 3)] or len(data.calendar.after) == 11
    assert list(data.calendar.days(11, 11)) == list(data.calendar.days(0, 11))


def test_a_part_keeps_its_calendar(data):
    part = data.between(data.dates[2], data.dates[-2])
    assert list(part.calendar.dates(-2, 8)) == list(data.calendar.dates(0, 10))
    assert list(part.calendar.edges(0, 9)) == list(data.calendar.edges(2, 9))
    assert pickle.loads(pickle.dumps(part)) == part
    assert part != data


# ---------------------------------------------------------------- windows


def test_a_window_may_end_on_any_day_of_the_last_period(data):
    def mask(start, stop):
        return window_mask(data.dates, start, stop, where="the data", calendar=data.calendar)

    first, end = pd.DatetimeIndex(data.calendar.edges(0, len(data.dates))[[0, -1]])
    last = end - pd.Timedelta(days=1)
    assert mask(first, last).all()
    assert list(mask(data.dates[-1], last)) == [False] * (len(data.dates) - 1) + [True]
    with pytest.raises(errors.WindowError, match="after the last period"):
        mask(None, end)
    with pytest.raises(errors.WindowError, match="before the first period"):
        mask(first - pd.Timedelta(days=1), None)


# ---------------------------------------------------------------- equations and files


def test_uneven_lengths_are_named_until_a_control_says_them():
    frame = table(RETAIL)
    data = MMMData.from_frame(frame, **ROLES, date_is="first")
    found = [
        w
        for w in system_warnings(MMM([Equation("sales", media=["tv"])]), data)
        if isinstance(w, errors.UnevenPeriodsWarning)
    ]
    assert len(found) == 1
    assert "28 to 42 days" in str(found[0])
    frame["days"] = data.calendar.days(0, len(RETAIL))
    remedied = MMMData.from_frame(frame, **ROLES, date_is="first", controls=["days"])
    system = MMM([Equation("sales", media=["tv"], linear=["days"])])
    assert not [w for w in system_warnings(system, remedied) if isinstance(w, errors.UnevenPeriodsWarning)]


def test_months_and_quarters_are_even_enough():
    for kind in ("quarterly", "fortnightly"):
        dates, said = CALENDARS[kind]
        found = system_warnings(MMM([Equation("sales", media=["tv"])]), read(dates, **said))
        assert not [w for w in found if isinstance(w, errors.UnevenPeriodsWarning)]


def test_a_season_is_held_to_the_length_of_periods():
    data = read(*CALENDARS["quarterly"][:1])
    check_system(MMM([Equation("sales", media=["tv"], seasonality=Fourier(365.25, 2))]), data)
    with pytest.raises(errors.EquationError, match=r"quarterly data show none under .* Use order 2 or less"):
        check_system(MMM([Equation("sales", media=["tv"], seasonality=Fourier(365.25, 3))]), data)


def test_what_is_said_of_periods_stands_in_toml():
    said = {"date_is": "last", "calendar_dates": ["2024-01-28", "2024-02-25"]}
    system = MMM([Equation("sales", media=["tv"])])
    _, columns = read_toml(system.to_toml({**ROLES, **said}))
    assert columns == {**ROLES, **said}
    _, plain = read_toml(
        '[data]\ndate = "d"\noutcome = "s"\nmedia = ["tv"]\ncalendar_dates = [2024-01-28]\n[[equation]]\nname = "s"\n'
    )
    assert [str(day) for day in plain["calendar_dates"]] == ["2024-01-28"]
    with pytest.raises(errors.SpecError, match=r"calendar_dates in .data. is 5. Give a list of dates"):
        read_toml(
            '[data]\ndate = "d"\noutcome = "s"\nmedia = ["tv"]\ncalendar_dates = 5\n[[equation]]\nname = "s"\n'
        )
