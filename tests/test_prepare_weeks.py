"""Weeks as tables label them: by their last day, by a number, by a month; what is not said is refused."""

import pandas as pd
import pytest

from bayesmmm import errors, prepare
from bayesmmm.data import MMMData
from bayesmmm.prepare.weeks import names_last_day
from tests.raw_exports import by_day, export, save, table
from tests.test_prepare_steps import check_log

SUNDAYS = pd.date_range("2026-01-04", periods=9, freq="7D")
MONDAYS = {f"{day - pd.Timedelta(days=6):%Y-%m-%d}": i for i, day in enumerate(SUNDAYS)}


def weekly(folder, head, form="%Y-%m-%d", days=SUNDAYS):
    lines = [[head, "Sales"], *([day.strftime(form), str(i)] for i, day in enumerate(days))]
    return save(folder, table(lines), "weekly.csv")


@pytest.mark.parametrize(
    "head",
    [
        *(
            "Week ending",
            "week_ending",
            "Week (ends Sunday)",
            "Weekending",
            "W/E",
            "Period ended",
            "Week End Date",
        ),
        *("Woche endet", "Semaine se terminant le", "Fin de semaine", "Semana que termina", "Week eindigend op"),
    ],
)
def test_a_column_called_after_the_last_day_of_weeks(tmp_path, head):
    path = weekly(tmp_path, head)
    found = prepare.tidy(path, columns=["Sales"])
    assert by_day(found, "Sales") == MONDAYS
    assert "the last day of each week as the column is called" in found.log["days"][0].text
    told = prepare.tidy(path, columns=["Sales"], week_label="start")
    assert list(by_day(told, "Sales")) == [f"{day:%Y-%m-%d}" for day in SUNDAYS]
    assert prepare.replay(found.log, path).frame.equals(found.frame)


@pytest.mark.parametrize(
    "head", ["Week", "Week beginning", "Weekly spend date", "Trend day", "Calendar day", "Wendetag"]
)
def test_columns_that_are_not(head, tmp_path):
    assert not names_last_day(head)
    assert next(iter(by_day(prepare.tidy(weekly(tmp_path, head), columns=["Sales"]), "Sales"))) == "2026-01-04"


def test_days_of_a_column_with_such_a_name_are_no_weeks(tmp_path):
    days = pd.date_range("2026-01-04", periods=9)
    found = prepare.tidy(weekly(tmp_path, "Period ending", days=days), columns=["Sales"])
    assert list(by_day(found, "Sales")) == [f"{day:%Y-%m-%d}" for day in days]


@pytest.mark.parametrize(
    "form",
    ["KW %V/%G", "KW%V %G", "CW%V-%G", "%G KW%V", "%G-W%V", "%G W%V", "Semaine %V %G", "Kalenderwoche %V, %G"],
)
def test_numbers_of_iso_weeks(tmp_path, form):
    found = prepare.tidy(weekly(tmp_path, "Period", form), columns=["Sales"])
    assert by_day(found, "Sales") == MONDAYS
    days = [*pd.date_range("2020-12-21", "2021-01-04", freq="7D")]  # 2020 has a week 53
    found = prepare.tidy(weekly(tmp_path, "Period", form, days), columns=["Sales"])
    assert list(by_day(found, "Sales")) == [f"{day:%Y-%m-%d}" for day in days]


def test_a_week_that_a_year_does_not_have(tmp_path):
    path = save(tmp_path, table([["KW", "Sales"], ["KW 52/2025", "1"], ["KW 53/2025", "2"], ["KW 01/2026", "3"]]))
    with pytest.raises(errors.DateError, match="row 3, has numbers but 'KW 53/2025' in column 'KW' is not a day"):
        prepare.tidy(path, columns=["Sales"])


@pytest.mark.parametrize(
    ("head", "form"),
    [
        *(("Period", form) for form in ("Week %V, %G", "W%V %G", "Wk. %V %G", "%G Wk %V")),
        *(("Week", form) for form in ("%V/%G", "%G-%V", "%G/%V", "%G%V")),
    ],
)
def test_numbers_of_weeks_that_do_not_say_by_which_calendar(tmp_path, head, form):
    path = weekly(tmp_path, head, form)
    with pytest.raises(errors.AmbiguousError, match=r"numbers its weeks, as '.*does not say by which") as raised:
        prepare.tidy(path, columns=["Sales"])
    sunday = form.replace("%V", "%U").replace("%G", "%Y")
    assert f"date_format={form!r} reads ISO" in str(raised.value)
    assert f"date_format={sunday!r}" in str(raised.value)
    assert by_day(prepare.tidy(path, columns=["Sales"], date_format=form), "Sales") == MONDAYS
    first = next(iter(by_day(prepare.tidy(path, columns=["Sales"], date_format=sunday), "Sales")))
    assert first == "2026-01-04"  # the first Sunday of the year


def test_numbers_of_weeks_with_short_years(tmp_path):
    with pytest.raises(errors.DateError, match="years of two digits, as 'W01/26'; write years with four"):
        prepare.tidy(weekly(tmp_path, "Week", "W%V/%y"), columns=["Sales"])
    assert len(prepare.tidy(weekly(tmp_path, "Week", "KW%V/%Y"), columns=["Sales"]).frame) == len(SUNDAYS)


@pytest.mark.parametrize("form", ["%m/%Y", "%Y/%m", "%Y-%m", "%b %Y"])
def test_months(tmp_path, form):
    months = pd.date_range("2025-11-01", periods=5, freq="MS")
    found = prepare.tidy(weekly(tmp_path, "Month", form, months), columns=["Sales"])
    assert list(by_day(found, "Sales")) == [f"{day:%Y-%m-%d}" for day in months]


@pytest.mark.parametrize("form", ["%Y%m", "%b-%y"])
def test_months_that_are_read_where_told(tmp_path, form):
    months = pd.date_range("2025-11-01", periods=5, freq="MS")
    path = weekly(tmp_path, "Month", form, months)
    with pytest.raises(
        errors.DateError, match="only where its form is told; pass date='Month', date_format="
    ) as raised:
        prepare.tidy(path, columns=["Sales"])
    assert f"date_format={form!r}" in str(raised.value)
    found = prepare.tidy(path, columns=["Sales"], date="Month", date_format=form)
    assert list(by_day(found, "Sales")) == [f"{day:%Y-%m-%d}" for day in months]


@pytest.mark.parametrize("form", ["Week %V, %G", "%U/%Y"])
def test_a_format_of_weeks_where_data_are_read(form):
    """Without a day of the week, such a format would be refused, or read as 1 January."""
    days = pd.date_range("2026-01-04", periods=9, freq="7D")
    frame = pd.DataFrame({"week": days.strftime(form), "sales": range(9), "tv": [*range(1, 10)]})
    data = MMMData.from_frame(frame, date="week", outcome="sales", media=["tv"], date_format=form)
    shift = 6 if "%V" in form else 0
    assert data.dates.equals((days - pd.Timedelta(days=shift)).rename("date"))


# ------------------------------------------------------------------------------------------- days that lie weeks apart
TUESDAYS = [f"2026-03-{day:02d}" for day in (3, 10, 24, 31)]


def test_moments_are_no_labels_of_weeks(tmp_path):
    path = save(tmp_path, table([["Send time", "Sent"], *([f"{day} 09:30", "5"] for day in TUESDAYS)]))
    found = prepare.tidy(path, columns=["Sent"], week_start="monday", fill=True, partial="keep")
    assert by_day(found, "Sent") == {f"2026-03-{d:02d}": v for d, v in ((2, 5), (9, 5), (16, 0), (23, 5), (30, 5))}
    midnight = save(tmp_path, table([["Week", "Sent"], *([f"{day} 00:00:00", "5"] for day in TUESDAYS)]))
    assert "holds weeks" in prepare.tidy(midnight, columns=["Sent"]).log["days"][0].text


def test_days_that_lie_whole_weeks_apart(tmp_path):
    path = save(tmp_path, table([["Day", "Sent"], *([day, "5"] for day in TUESDAYS)]))
    given = {"columns": ["Sent"], "week_start": "monday"}
    with pytest.raises(errors.WeekError, match="dates are days, which stand for no week: week_label='day'"):
        prepare.tidy(path, **given)
    with pytest.raises(errors.AbsentDaysError, match="no rows on 25 days"):
        prepare.tidy(path, **given, week_label="day")
    found = prepare.tidy(path, **given, week_label="day", fill=True, partial="keep")
    assert by_day(found, "Sent")["2026-03-16"] == 0


# ------------------------------------------------------------------------------------------------ totals above a header
def test_totals_above_the_header_are_compared(tmp_path):
    above = ["Campaign performance", ["Total: Campaigns", " --", "1,899.04", "6,447"], ""]
    found = prepare.tidy(save(tmp_path, export(before=above)), columns={"cost": "Cost"})
    (step,) = found.log["totals"]
    assert step.details == (
        "row 2, 'Total: Campaigns, --, 1,899.04, 6,447': Cost agrees, 1,899.04 against 1,899.04 in 6 rows",
    )
    assert step.change == {"cost": -1899.04}
    check_log(found.log)


def test_totals_above_the_header_that_disagree(tmp_path):
    path = save(tmp_path, export(before=[["Total", "", "1,999.04", "6,447"]]))
    with pytest.raises(
        errors.TotalsError, match=r"row 1, .* the total of 'Cost' is 1,999.04, but .* add up to 1,899.04"
    ):
        prepare.tidy(path, columns={"cost": "Cost"})
    found = prepare.tidy(path, columns={"cost": "Cost"}, accept=["totals"])
    assert found.log.balance().loc["cost", "out"] == 1899.04
