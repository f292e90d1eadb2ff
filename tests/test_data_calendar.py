"""Data: dates, frequencies, gaps and panels."""

import numpy as np
import pandas as pd
import pytest

from bayesmmm import errors
from bayesmmm.data import MIN_PERIODS
from tests.data_tables import PERIODS, panel, read, read_text, weekly, with_value

# ---------------------------------------------------------------- dates


def calendar(dates):
    """Return a table with the given dates."""
    return weekly(len(dates)).assign(week=dates)


@pytest.mark.parametrize(
    ("dates", "frequency", "days"),
    [
        (pd.date_range("2024-02-01", periods=40, freq="D"), "daily", 1.0),
        (pd.date_range("2023-12-03", periods=20, freq="7D"), "weekly", 7.0),
        (pd.date_range("2023-01-01", periods=20, freq="MS"), "monthly", 365.25 / 12),
        (pd.date_range("2023-01-31", periods=20, freq="ME"), "monthly", 365.25 / 12),
        (pd.date_range("2024-06-30", periods=8, freq="ME"), "monthly", 365.25 / 12),
        (pd.date_range("2023-01-15", periods=8, freq=pd.DateOffset(months=1)), "monthly", 365.25 / 12),
        (
            [f"{y}-{m:02d}-{min(30, 28 if m == 2 else 30)}" for y in (2022, 2023) for m in range(1, 13)],
            "monthly",
            365.25 / 12,
        ),
    ],
)
def test_frequency(dates, frequency, days):
    data = read(calendar(dates))
    assert (data.frequency, data.days_per_period) == (frequency, days)


LEAP = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29, 31]


@pytest.mark.parametrize(
    ("first", "freq", "expected"),
    [
        ("2024-02-01", "D", [1]),
        ("2023-12-03", "7D", [7]),
        ("2023-01-01", "MS", LEAP),
        ("2023-01-31", "ME", LEAP),
        # To the same day of the next month, or to its end where it has no such day.
        ("2023-01-15", pd.DateOffset(months=1), LEAP),
        ("2023-01-30", pd.DateOffset(months=1), [29, 30, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 30, 30, 31]),
    ],
)
def test_lengths_of_periods_go_on_after_the_data(first, freq, expected):
    dates = pd.date_range(first, periods=12, freq=freq)
    if first == "2023-01-30":
        dates = pd.DatetimeIndex([pd.Timestamp(first) + pd.DateOffset(months=m) for m in range(12)])
    known = read(calendar(dates)).calendar
    assert list(known.days(0, 15)) == expected
    assert list(known.dates(0, 12)) == list(dates.values.astype("datetime64[D]"))
    if len(expected) > 1:
        assert list(known.days(3, 5)) == expected[3:8]
        assert known.days(-1, 1) == 31
        assert known.shortest <= min(known.days(-100, 400))


@pytest.mark.parametrize("gone", [3, 10])
@pytest.mark.parametrize("freq", ["D", "7D", "MS", "ME"])
def test_gap_names_the_missing_date(freq, gone):
    dates = pd.date_range("2023-01-01", periods=20, freq=freq)
    with pytest.raises(
        errors.CalendarGapError, match=f"1 date.* missing: {dates[gone]:%Y-%m-%d}; .*add the missing rows"
    ):
        read(calendar(dates.delete(gone)))


def test_long_gap_is_cut_and_a_shifted_date_is_named():
    dates = pd.date_range("2023-01-01", periods=30, freq="D")
    with pytest.raises(errors.CalendarGapError, match=r"looks daily .* 8 date.* 2023-01-10 and 3 more"):
        read(calendar(dates.delete(range(5, 13))))
    dates = pd.date_range("2023-01-01", periods=20, freq="7D").to_list()
    dates[6] += pd.Timedelta(days=1)
    with pytest.raises(
        errors.CalendarGapError, match=r"missing: 2023-02-12; 1 date.* not fit the calendar: 2023-02-13"
    ):
        read(calendar(dates))
    dates = pd.date_range("2023-01-01", periods=20, freq="7D").to_list()
    dates[0] += pd.Timedelta(days=1)
    with pytest.raises(errors.CalendarGapError, match=r"1 date.* not fit the calendar: 2023-01-02;"):
        read(calendar(dates))


@pytest.mark.parametrize("days", [2, 10, 35, 182])
def test_other_steps_are_refused(days):
    dates = pd.date_range("2023-01-01", periods=12, freq=f"{days}D")
    with pytest.raises(errors.DateError, match=f"mostly lie {days} days apart .* add the rows up"):
        read(calendar(dates))


def test_duplicate_dates():
    dates = pd.date_range("2023-01-01", periods=20, freq="7D").to_list()
    dates[4] = dates[3]
    with pytest.raises(errors.DateError, match=r"1 date.*more than once .*2023-01-22; .* one per date"):
        read(calendar(dates))
    with pytest.raises(errors.DateError, match="if the rows are regions, name their column with geo="):
        read(panel())


def test_rows_out_of_order():
    dates = pd.date_range("2023-01-01", periods=20, freq="7D").to_list()
    dates[4], dates[5] = dates[5], dates[4]
    with pytest.raises(errors.DateError, match=r"2023-01-29 comes after 2023-02-05; .* sort the frame by 'week'"):
        read(calendar(dates))
    with pytest.raises(
        errors.DateError, match=r"of geo 'north' is out of order.*sort the frame by \['region', 'week'\]"
    ):
        read(panel().iloc[::-1].sort_values("region", kind="stable"), geo="region")


def test_iso_text_dates_and_date_objects():
    frame = weekly()
    expected = read(frame)
    assert read(frame.assign(week=frame["week"].dt.strftime("%Y-%m-%d"))) == expected
    assert read(frame.assign(week=frame["week"].dt.strftime("%Y-%m-%d 00:00:00"))) == expected
    assert read(frame.assign(week=[d.date() for d in frame["week"]])) == expected
    assert read(frame.assign(week=frame["week"].astype("datetime64[s]"))) == expected
    assert read(frame.assign(week=frame["week"].dt.strftime("%Y-%m-%d").astype("category"))) == expected


@pytest.mark.parametrize(
    ("form", "advice"),
    [
        ("%d/%m/%Y", 'pass date_format="%d/%m/%Y"'),
        ("%m/%d/%Y", 'pass date_format="%m/%d/%Y"'),
        ("%d.%m.%Y", 'pass date_format="%d.%m.%Y"'),
        ("%Y%m%d", 'pass date_format="%Y%m%d"'),
        ("%Y/%m/%d", 'pass date_format="%Y/%m/%d"'),
        ("%d-%b-%Y", 'pass date_format="%d-%b-%Y"'),
    ],
)
def test_other_forms_of_dates_need_to_be_named(form, advice):
    frame = weekly()
    text = frame.assign(week=frame["week"].dt.strftime(form))
    with pytest.raises(
        errors.DateError, match=f"data row 1: '{text['week'][0]}' is not a date of the ISO form .*{advice}"
    ):
        read(text)
    assert read(text, date_format=form) == read(frame)


def test_day_and_month_that_could_be_either():
    days = [f"0{i}/01/2020" for i in range(1, 10)]
    with pytest.raises(errors.DateError, match='pass date_format="%d/%m/%Y" \\(or "%m/%d/%Y"\\)'):
        read(calendar(days))
    assert read(calendar(days), date_format="%d/%m/%Y").frequency == "daily"
    assert read(calendar(days), date_format="%m/%d/%Y").frequency == "monthly"


def test_day_first_value_among_iso_dates():
    frame = weekly()
    text = frame["week"].dt.strftime("%Y-%m-%d").to_list()
    with pytest.raises(errors.DateError, match=r"data row 3: '13/01/2020' .*date_format=.%d/%m/%Y"):
        read(frame.assign(week=[*text[:2], "13/01/2020", *text[3:]]))


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("soon", "'soon' is not a date .* correct the value"),
        ("2023-02-31", "'2023-02-31' is not a date"),
        ("2023-01-15 nonsense", "is not a date"),
        ("", "data row 3: the date is missing; .* fill it in, or drop the row"),
        (None, "data row 3: the date is missing"),
        ("2023-01-15T00:00:00Z", r"keep the day as it stands there: .*\.str\[:10\]"),
        ("2023-01-15 13:30:00", r"has a time of day; .*keep the day alone, .*\.str\[:10\], or add up"),
        (20230115, 'pass date_format="%Y%m%d"'),
        (44941, "correct the value, or pass date_format"),
    ],
)
def test_a_bad_date(value, advice):
    dates = weekly()["week"].dt.strftime("%Y-%m-%d").astype(object)
    dates[2] = value
    with pytest.raises(errors.DateError, match=advice):
        read(weekly().assign(week=dates))


def test_bad_dates_of_other_types():
    frame = weekly()
    with pytest.raises(errors.DateError, match=r"time zone.*keep the day as it stands there"):
        read(frame.assign(week=frame["week"].dt.tz_localize("UTC")))
    with pytest.raises(errors.DateError, match=r"time zone.*keep the day as it stands there"):
        read(frame.assign(week=pd.Series(list(frame["week"].dt.tz_localize("UTC")), dtype=object)))
    with pytest.raises(errors.DateError, match=r"periods such as .*to_timestamp\(\) first"):
        read(frame.assign(week=pd.period_range("2023-01", periods=PERIODS, freq="M")))
    with pytest.raises(errors.DateError, match="data row 4: the date is missing"):
        read(with_value("week", pd.NaT))
    with pytest.raises(errors.DateError, match="data row 1: 9999-01-01 has a year outside 1900 to 2189"):
        read(frame.assign(week=[f"9999-01-{i + 1:02d}" for i in range(PERIODS)]))


def test_date_format_that_does_not_fit():
    frame = weekly().assign(week=weekly()["week"].dt.strftime("%d/%m/%Y"))
    with pytest.raises(
        errors.DateError, match=r"data row 3: '15/01/2023' .*form date_format='%m/%d/%Y'; pass .*%d/%m/%Y"
    ):
        read(frame, date_format="%m/%d/%Y")
    with pytest.raises(errors.DateError, match=r"is not a date format .*datetime\.strptime"):
        read(frame, date_format="%d/%Q/%Y")


@pytest.mark.parametrize("periods", [1, 2, MIN_PERIODS - 1])
def test_too_few_periods(periods):
    with pytest.raises(
        errors.TooFewPeriodsError, match=f"has {periods} period.* at least 8 .* give a longer history"
    ):
        read(weekly(periods))
    assert len(read(weekly(MIN_PERIODS)).dates) == MIN_PERIODS


# ---------------------------------------------------------------- panels


def test_panel_keeps_geos_in_order_of_first_appearance():
    data = read(panel(("west", "east", "north")), geo="region")
    assert data.geos == ("west", "east", "north")
    np.testing.assert_array_equal(data.columns["tv"][1], weekly(seed=1)["tv"])


def test_stacked_and_interleaved_panels_are_the_same():
    interleaved = panel().sort_values("week", kind="stable")
    assert read(interleaved, geo="region") == read(panel(), geo="region")


def test_geos_may_be_numbers_or_na(tmp_path):
    frame = panel((3, 1))
    assert read(frame, geo="region").geos == ("3", "1")
    text = panel(("NA", "007")).to_csv(index=False)
    assert read_text(tmp_path, text, geo="region").geos == ("NA", "007")


@pytest.mark.parametrize("geos", [("north", "south", "west"), ("north", "south")])
def test_panel_with_a_missing_date(geos):
    frame = panel(geos).drop(index=PERIODS + 5)
    with pytest.raises(
        errors.PanelError, match=r"geo 'south' lacks 1 date\(s\), 2023-02-05; .*add the missing rows"
    ):
        read(frame, geo="region")


def test_panel_with_an_extra_date():
    frame = pd.concat([panel(), weekly(PERIODS + 1).tail(1).assign(region="west")])
    with pytest.raises(errors.PanelError, match=r"geo 'west' has 1 date.* that most geos lack, 2023-05-21"):
        read(frame, geo="region")


def test_panel_errors_name_the_geo():
    frame = panel()
    frame.loc[PERIODS + 1, "week"] = frame.loc[PERIODS, "week"]
    with pytest.raises(errors.DateError, match="more than once in column 'week' of geo 'south': 2023-01-01"):
        read(frame, geo="region")
    frame = panel()
    frame.loc[4, "region"] = None
    with pytest.raises(errors.PanelError, match=r"data row 5: the geo is missing; .* fill it in"):
        read(frame, geo="region")
    frame = panel()
    frame.loc[frame["region"] == "west", "revenue"] = 0.0
    with pytest.raises(errors.ConstantColumnError, match=r"0 in every period of geo 'west'; .* drop the geo"):
        read(frame, geo="region")


def test_gap_shared_by_all_geos():
    frame = panel()
    frame = frame[frame["week"] != pd.Timestamp("2023-02-05")]
    with pytest.raises(errors.CalendarGapError, match="missing: 2023-02-05"):
        read(frame, geo="region")


def test_channel_zero_in_one_geo_is_fine_but_not_in_all():
    frame = panel()
    frame.loc[frame["region"] == "west", "tv"] = 0.0
    assert read(frame, geo="region").columns["tv"][2].sum() == 0.0
    with pytest.raises(errors.NeverSpentError, match="is 0 in all 60 rows"):
        read(panel().assign(tv=0.0), geo="region")
