"""What each step does to rows and amounts, and that the log accounts for every cent."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import prepare
from bayesmmm.errors import ExportSettingError, TotalsError
from bayesmmm.prepare import periods
from tests.raw_exports import DAILY, RECORDS, by_day, comma, export, point, save, table

COLUMNS = {"cost": "Cost", "clicks": "Clicks"}
TOTAL_COST, TOTAL_CLICKS = 1899.04, 6447


def check_log(log):
    """Every step explains its own change, steps follow on each other, and nothing is left unexplained."""
    for step in log.steps:
        for name in step.after:
            assert step.after[name] - step.before[name] == pytest.approx(step.change.get(name, 0.0), abs=1e-9)
    assert np.abs(log.balance()["unexplained"]).max() < 0.005


# ------------------------------------------------------------------------------------------------------------- totals
TOTALS = [["Total: Campaigns", " --", "1,899.04", "6,447"], ["Total: Brand search", "", "232.80", "122"]]


@pytest.mark.parametrize(
    "lines",
    [
        TOTALS,
        [["", "", "1,899.04", "6,447"], "", ["Report Time:", "2026/03/16 09:15 GMT"], ["Group By:", "Date"]],
        [["", "", "1,899.04", "6,447", "Grand total"]],
        [["Gesamtsumme", "", "1,899.04", ""]],
        [["Subtotal", "", "1,899.04", ""]],
        ["", ["Total of 6 results", "-", "1,899.04", "6,447"], "", "©2026 Somebody"],
        [["Total", "2026-03-02 - 2026-03-13", "1,899.04", "6,447"]],
    ],
    ids=["labelled", "bare", "too wide", "German", "subtotal", "after a blank row", "with a range"],
)
def test_totals_are_compared_and_left_out(tmp_path, lines):
    found = prepare.tidy(save(tmp_path, export(after=lines)), columns=COLUMNS)
    assert by_day(found, "cost", "clicks") == {day: list(values) for day, values in DAILY.items()}
    (step,) = found.log["totals"]
    assert "agrees, 1,899.04 against 1,899.04 in 6 rows" in "\n".join(step.details)
    assert step.change["cost"] == -sum(float(row[2].replace(",", "")) for row in lines if len(row) > 3)
    assert found.log.balance().loc["cost", "out"] == TOTAL_COST
    check_log(found.log)


def test_a_total_may_be_off_by_rounding_only(tmp_path):
    near = save(tmp_path, export(after=[["Total", "", "1,899.06", "6,447"]]))
    said = prepare.tidy(near, columns=COLUMNS).log["totals"][0].details
    assert "Cost is +0.02 off, as rounding of 6 rows can be" in said[0]


def test_people_count_once_in_a_total(tmp_path):
    text = table([["Day", "Active users"], ["2026-03-02", "10"], ["2026-03-03", "20"], ["Total", "25"]])
    found = prepare.tidy(save(tmp_path, text), columns={"users": "Active users"})
    assert "is -5 off, as a total counts once what rows share" in found.log["totals"][0].details[0]


def test_totals_of_every_day_are_no_rows_but_a_campaign_called_total_is(tmp_path):
    lines = [["2026-03-02", "a", "1.50"], ["2026-03-02", "Total", "1.50"], ["2026-03-03", "b", "2.50"]]
    total = table([["Day", "Campaign", "Cost"], *lines, ["2026-03-03", "Total", "2.50"]])
    found = prepare.tidy(save(tmp_path, total), columns=["Cost"])
    assert by_day(found, "Cost") == {"2026-03-02": 1.5, "2026-03-03": 2.5}
    check_log(found.log)
    lines[1][2] = "7.00"
    campaign = table([["Day", "Campaign", "Cost"], *lines, ["2026-03-03", "Total", "9.00"]])
    found = prepare.tidy(save(tmp_path, campaign), columns=["Cost"])
    assert by_day(found, "Cost") == {"2026-03-02": 8.5, "2026-03-03": 11.5}


# ------------------------------------------------------------------------------------------------- rows of one period
def test_equal_rows_are_added_up(tmp_path):
    found = prepare.tidy(save(tmp_path, export()), columns=COLUMNS)
    assert by_day(found, "cost")["2026-03-13"] == 106.64
    assert found.log["add_up"][0].details == (
        "row 7 like another row in every cell, and added up, not dropped: cost 53.32, clicks 24.00",
    )


def test_ways_to_make_one_value_of_several_rows(tmp_path):
    text = table(
        [
            ["Day", "Order", "Total", "Position", "Cancelled", "Status", "Week", "Hits"],
            ["2026-03-02", "#1", "10.00", "1.5", "", "paid", "10", "4"],
            ["2026-03-02", "#1", "", "2.5", "", "", "10", "<5"],
            ["2026-03-02", "#2", "30.00", "5", "2026-03-03", "refunded", "10", "<5"],
        ]
    )
    columns = {
        "orders": "Order",
        "rows": None,
        "total": "Total",
        "cancelled": "Total",
        "refunded": "Total",
        "position": "Position",
        "highest": "Position",
        "week": "Week",
        "hits": "Hits",
        "hidden": "Hits",
    }
    how = {
        "orders": "distinct",
        "rows": "rows",
        "position": "mean",
        "highest": "max",
        "week": "only",
        "hidden": "below",
    }
    found = prepare.tidy(
        save(tmp_path, text),
        columns=columns,
        how=how,
        only={"cancelled": "Cancelled", "refunded": "Status=refunded"},
        missing={"total": 0, "cancelled": 0, "refunded": "empty"},
        below={"hits": "half"},
    )
    assert found.frame.iloc[0].tolist()[1:] == [2, 3, 40, 30, 30, 3.0, 5, 10, 9, 2]
    assert found.to_csv().splitlines()[1] == "2026-03-02,2,3,40.00,30.00,30.00,3,5.00,10,9,2"
    assert "'Total': 1 cell not stated, taken as 0" in found.log["amounts"][0].details
    check_log(found.log)


def test_what_is_left_empty_is_empty_where_nothing_is_stated(tmp_path):
    text = table([["Day", "A"], ["2026-03-02", "--"], ["2026-03-03", "--"], ["2026-03-03", "4"]])
    found = prepare.tidy(save(tmp_path, text), columns=["A"], missing="empty")
    assert found.to_csv() == "date,A\n2026-03-02,\n2026-03-03,4\n"


def test_rows_are_chosen_by_the_text_of_a_cell_and_by_day(tmp_path):
    path = save(tmp_path, export())
    found = prepare.tidy(path, columns=COLUMNS, where={"Campaign": "Shopping all"}, stop="2026-03-02")
    assert by_day(found, "cost") == {"2026-03-02": 1299.09}
    assert found.log["where"][0].change["cost"] == -232.8
    assert found.log["range"][0].change["cost"] == -367.15
    check_log(found.log)


def test_groups_become_columns(tmp_path):
    path = save(tmp_path, export())
    by_text = prepare.tidy(path, columns=COLUMNS, pivot="Campaign")
    assert list(by_text.frame.columns) == [
        "date",
        *("cost_brand_search", "cost_shopping_all", "clicks_brand_search", "clicks_shopping_all"),
    ]
    rules = {"shop": "shop*", "rest": ["*other*", "*"]}
    found = prepare.tidy(path, columns={"cost": "Cost"}, pivot="Campaign", rules=rules)
    want = {"2026-03-02": [1299.09, 46.72], "2026-03-03": [367.15, 79.44], "2026-03-13": [0.0, 106.64]}
    assert by_day(found, "cost_shop", "cost_rest") == want
    assert found.log["pivot"][0].details[0] == "shop: 'Shopping all'; 2 rows, cost 1,666.24"
    check_log(found.log)


def test_rows_with_a_blank_name_are_a_group_and_not_lost(tmp_path):
    text = table([["Day", "Title", "Sales"], ["2026-03-02", "", "7"], ["2026-03-02", "Shirt", "3"]])
    found = prepare.tidy(save(tmp_path, text), columns={"sales": "Sales"}, pivot="Title")
    assert found.frame.iloc[0].tolist()[1:] == [7, 3]
    assert list(found.frame.columns)[1:] == ["sales_blank", "sales_shirt"]


def test_regions_stay_rows(tmp_path):
    text = table(
        [["Day", "Region", "Cost"], ["2026-03-02", "N", "1"], ["2026-03-02", "S", "2"], ["2026-03-03", "S", "4"]]
    )
    path = save(tmp_path, text)
    found = prepare.tidy(path, columns={"cost": "Cost"}, geo="Region")
    assert found.to_csv() == "date,geo,cost\n2026-03-02,N,1\n2026-03-02,S,2\n2026-03-03,S,4\n"
    filled = prepare.tidy(path, columns={"cost": "Cost"}, geo="Region", fill=True)
    assert filled.to_csv().splitlines()[3:] == ["2026-03-03,N,0", "2026-03-03,S,4"]
    check_log(filled.log)


# ------------------------------------------------------------------------------------------------- absent days, weeks
def test_absent_days_are_zero_only_when_told_and_inside_the_range(tmp_path):
    lines = [
        ["Report Start: 2026-03-01, Report End: 2026-03-05"],
        ["Day", "Cost"],
        ["2026-03-02", "1"],
        ["2026-03-04", "2"],
    ]
    path = save(tmp_path, table(lines))
    found = prepare.tidy(path, columns=["Cost"])
    assert by_day(found, "Cost") == {"2026-03-02": 1, "2026-03-04": 2}
    assert "absent and not filled, 3 days: 2026-03-01, 2026-03-03, 2026-03-05" in found.log["absent"][0].text
    want = {"2026-03-01": 0, "2026-03-02": 1, "2026-03-03": 0, "2026-03-04": 2, "2026-03-05": 0}
    assert by_day(prepare.tidy(path, columns=["Cost"], fill=True), "Cost") == want
    longer = prepare.tidy(path, columns=["Cost"], fill=["Cost"], start="2026-03-02", stop="2026-03-06")
    assert list(by_day(longer, "Cost").values()) == [1, 0, 2, 0, 0]
    assert longer.frame["Cost"].dtype == np.int64


def test_only_columns_that_are_told_are_filled(tmp_path):
    text = table([["Day", "A", "B"], ["2026-03-02", "1", "1"], ["2026-03-04", "2", "2"]])
    found = prepare.tidy(save(tmp_path, text), columns=["A", "B"], fill="A")
    assert found.to_csv().splitlines()[2] == "2026-03-03,0,"


def days_of(first, count, value=1.0):
    dates = pd.date_range(first, periods=count)
    return [[f"{date:%Y-%m-%d}", f"{value + i:.2f}"] for i, date in enumerate(dates)]


def test_days_are_summed_to_weeks_and_partial_ends_listed(tmp_path):
    path = save(tmp_path, table([["Day", "Cost"], *days_of("2025-12-18", 62)]))
    found = prepare.tidy(path, columns=["Cost"], week_start="monday")
    assert len(found.frame) == 8
    assert by_day(found, "Cost")["2025-12-22"] == sum(range(5, 12))
    (step,) = found.log["weeks"]
    assert step.details == ("2025-12-15: 4 of 7 days", "2026-02-16: 2 of 7 days")
    assert step.change["Cost"] == -(1 + 2 + 3 + 4 + 61 + 62)
    check_log(found.log)
    how = {"week": "iso_week", "days": "days", "whole": "complete"}
    kept = prepare.tidy(
        path, columns={**dict.fromkeys(how), "cost": "Cost"}, how=how, week_start="monday", partial="keep"
    )
    assert kept.to_csv().splitlines()[1] == "2025-12-15,2025-W51,4,no: partial,10.00"
    assert kept.to_csv().splitlines()[3] == "2025-12-29,2026-W01,7,yes,105.00"
    assert kept.log.balance().loc["cost", "out"] == 62 * 63 / 2


@pytest.mark.parametrize("kept", [[0, 1, 2], [0, 3, 20], [3, 17], range(21)])
def test_weeks_of_many_absent_days(tmp_path, kept):
    lines = days_of("2026-03-02", 21)
    path = save(tmp_path, table([["2 March 2026 - 22 March 2026"], ["Day", "Cost"], *(lines[i] for i in kept)]))
    found = prepare.tidy(path, columns=["Cost"], week_start="monday", fill=True)
    want = [sum(i + 1 for i in kept if i // 7 == week) for week in range(3)]
    assert by_day(found, "Cost") == dict(zip(("2026-03-02", "2026-03-09", "2026-03-16"), want, strict=True))
    check_log(found.log)


def test_a_table_that_is_not_what_went_in_is_never_handed_out(tmp_path, monkeypatch):
    """Negative control: a step that counts a row twice is caught, whatever the step."""
    twice = periods._added_up

    def broken(*arguments):
        frame, origin = twice(*arguments)
        return 2 * frame, origin

    monkeypatch.setattr(periods, "_added_up", broken)
    with pytest.raises(TotalsError, match=r"what came out is not what went in: cost \+1,899.04"):
        prepare.tidy(save(tmp_path, export()), columns={"cost": "Cost"})


@pytest.mark.parametrize(("start", "first"), [("sunday", "2026-03-01"), ("wednesday", "2026-02-25")])
def test_weeks_start_when_told(tmp_path, start, first):
    path = save(tmp_path, table([["Day", "Cost"], *days_of("2026-03-02", 14)]))
    found = prepare.tidy(path, columns=["Cost"], week_start=start, partial="keep")
    assert next(iter(by_day(found, "Cost"))) == first
    assert found.frame["Cost"].sum() == 105


def test_weeks_that_the_range_cuts_are_partial(tmp_path):
    lines = [["1 March 2026 - 28 March 2026"], ["Week", "Cost"]]
    weeks = [
        ["2026-02-23", "1"],
        ["2026-03-02", "2"],
        ["2026-03-09", "3"],
        ["2026-03-16", "4"],
        ["2026-03-23", "5"],
    ]
    path = save(tmp_path, table([*lines, *weeks]))
    how = {"days": "days"}
    found = prepare.tidy(path, columns={"cost": "Cost", "days": None}, how=how, partial="keep")
    assert by_day(found, "days") == dict(zip([week for week, _ in weeks], [1, 7, 7, 7, 6], strict=True))
    assert list(by_day(prepare.tidy(path, columns=["Cost"]), "Cost").values()) == [2, 3, 4]


def test_weeks_labelled_by_their_last_day(tmp_path):
    lines = [["Week ending", "Sales"], ["2026-03-07", "1"], ["2026-03-14", "2"], ["2026-03-21", "3"]]
    path = save(tmp_path, table(lines))
    found = prepare.tidy(path, columns=["Sales"], week_label="end", week_start="sunday")
    assert by_day(found, "Sales") == {"2026-03-01": 1, "2026-03-08": 2, "2026-03-15": 3}


def test_weeks_of_the_retail_calendar(tmp_path):
    lines = [
        ["Fiscal Year", "Fiscal Week", "Net Sales"],
        ["2023", "53", "1"],
        ["2024", "1", "2"],
        ["Total", "", "3"],
    ]
    found = prepare.tidy(
        save(tmp_path, table(lines)), columns=["Net Sales"], fiscal=("Fiscal Year", "Fiscal Week")
    )
    assert by_day(found, "Net Sales") == {"2024-01-28": 1, "2024-02-04": 2}


# -------------------------------------------------------------------------------------------------------- several files
def two(tmp_path, first=("2026-03-02", 5), second=("2026-03-02", 5)):
    google = save(tmp_path, table([["Day", "Cost"], *days_of(*first)]), "google.csv")
    meta = save(tmp_path, table([["Date", "Spend"], *days_of(*second, value=100.0)]), "meta.csv")
    return [google, meta]


def test_files_are_joined_by_date_where_all_have_days(tmp_path):
    files = two(tmp_path, second=("2026-03-04", 5))
    found = prepare.tidy(files, columns={"google": "Cost", "meta": "Spend"})
    want = {"2026-03-04": [3.0, 100.0], "2026-03-05": [4.0, 101.0], "2026-03-06": [5.0, 102.0]}
    assert by_day(found, "google", "meta") == want
    assert [step.change for step in found.log["join"]] == [{"google": -3.0}, {"meta": -207.0}, {}]
    check_log(found.log)
    weeks = prepare.tidy(files, columns=["Cost", "Spend"], week_start="monday", partial="keep")
    assert by_day(weeks, "Cost", "Spend") == {"2026-03-02": [15.0, 510.0]}


def test_days_beyond_the_stated_range_are_covered_all_the_same(tmp_path):
    google, meta = two(tmp_path)
    google.write_text("2026-03-02 - 2026-03-04\n" + google.read_text())
    found = prepare.tidy([google, meta], columns=["Cost", "Spend"])
    assert list(by_day(found, "Cost")) == [f"2026-03-0{day}" for day in range(2, 7)]


def test_files_have_names_and_settings_of_their_own(tmp_path):
    google = save(tmp_path, table([["Day", "Cost"], ["2/3/2026", "1,234"], ["3/3/2026", "2"]]), "g.csv")
    meta = save(tmp_path, table([["Date", "Cost"], ["3/2/2026", "1,234"], ["3/3/2026", "2"]]), "m.csv")
    found = prepare.tidy(
        {"google": google, "meta": meta},
        columns={"google": "google:Cost", "meta": "meta:Cost"},
        date={"google": "Day", "meta": "Date"},
        date_format={"google": "%d/%m/%Y", "meta": "%m/%d/%Y"},
        decimal={"google": ".", "meta": ","},
    )
    assert by_day(found, "google", "meta") == {"2026-03-02": [1234, 1.234], "2026-03-03": [2, 2]}


def test_pieces_are_put_below_each_other(tmp_path):
    pieces = [
        save(tmp_path, table([["Day", "Cost"], *days_of(first, count)]), f"{i}.csv")
        for i, (first, count) in enumerate([("2026-03-02", 3), ("2026-03-05", 4)])
    ]
    found = prepare.tidy(pieces, columns=["Cost"], stack=True, week_start="monday")
    assert by_day(found, "Cost") == {"2026-03-02": 1 + 2 + 3 + 1 + 2 + 3 + 4}
    check_log(found.log)


@pytest.mark.parametrize(
    "rates", [{"USD": 0.5}, [[None, "USD", 0.5]], pd.DataFrame({"currency": ["USD"], "rate": [0.5]})]
)
def test_money_is_converted_and_counts_are_not(tmp_path, rates):
    lines = [
        ["Day", "Currency code", "Cost", "Clicks"],
        ["2026-03-02", "EUR", "1.25", "3"],
        ["2026-03-02", "USD", "2.01", "4"],
    ]
    found = prepare.tidy(save(tmp_path, table(lines)), columns=["Cost", "Clicks"], currency="EUR", rates=rates)
    assert found.to_csv() == "date,Cost,Clicks\n2026-03-02,2.26,7\n"  # 1.25 + 1.005, to cents
    assert found.log["convert"][0].details == ("Cost: 2.01 USD = 1.00 EUR",)
    assert found.log.balance().loc["Cost", "in"] == 3.26
    check_log(found.log)


def test_rates_by_day_from_a_file(tmp_path):
    rates = save(tmp_path, "date,currency,rate\n2026-03-02,USD,0.5\n2026-03-03,USD,0.25\n", "rates.csv")
    path = save(tmp_path, table([["Day", "Cost (USD)"], ["2026-03-02", "10"], ["2026-03-03", "10"]]))
    found = prepare.tidy(path, columns={"cost": "Cost (USD)"}, currency="EUR", rates=rates, money="cost")
    assert found.to_csv() == "date,cost\n2026-03-02,5.00\n2026-03-03,2.50\n"
    with_sign = save(tmp_path, table([["Day", "Cost"], ["2026-03-02", "$10"]]))
    found = prepare.tidy(with_sign, columns=["Cost"], currency="USD>EUR", rates={"USD": 0.5})
    assert found.frame["Cost"].tolist() == [5]


# --------------------------------------------------------------------------------------------- outliers, log, comparison
def test_outliers_are_flagged_and_kept(tmp_path):
    lines = days_of("2026-03-02", 14)
    lines[6][1] = "9000.00"
    found = prepare.tidy(save(tmp_path, table([["Day", "Cost"], *lines])), columns=["Cost"])
    assert found.outliers[["column", "value"]].to_numpy().tolist() == [["Cost", 9000.0]]
    assert f"{found.outliers['date'][0]:%Y-%m-%d}" == "2026-03-08"
    assert found.frame["Cost"].max() == 9000.0
    assert "Cost on 2026-03-08: 9,000.00" in str(found)


def test_the_log_goes_to_json_and_back_and_does_the_same_to_other_files(tmp_path):
    first = prepare.tidy(
        save(tmp_path, export(number=comma, separator=";", after=[["Total", "", "1.899,04", "6.447"]])),
        columns=COLUMNS,
        pivot="Campaign",
        rules={"brand": "brand*", "other": "*"},
        fill=True,
    )
    first.log.to_json(tmp_path / "log.json")
    log = prepare.Log.from_json(tmp_path / "log.json")
    assert log == dataclasses.replace(first.log, steps=log.steps)
    assert log.balance().equals(first.log.balance())
    assert str(log) == str(first.log)
    assert json.loads(first.log.to_json())["arguments"]["fill"] is True
    again = prepare.replay(log, tmp_path / "google.csv")
    assert again.to_csv() == first.to_csv()
    following = [("2026-04-02", "Brand search", 1234.0, 1000), ("2026-04-03", "New one", 5.5, 7)]
    later = save(tmp_path, export(number=comma, separator=";", records=following), "april.csv")
    moved = prepare.replay(tmp_path / "log.json", later)
    assert by_day(moved, "cost_brand", "cost_other") == {"2026-04-02": [1234.0, 0.0], "2026-04-03": [0.0, 5.5]}
    assert len(prepare.replay(log, later, stop="2026-04-02").frame) == 1


def test_a_later_file_that_shows_less_is_read_as_the_first_was(tmp_path):
    first = save(tmp_path, table([["Day", "Cost"], ["13/3/2026", "1.234,50"]]), "march.csv")
    log = prepare.tidy(first, columns=["Cost"]).log
    second = save(tmp_path, table([["Day", "Cost"], ["2/4/2026", "1.234"]]), "april.csv")
    assert by_day(prepare.replay(log, second), "Cost") == {"2026-04-02": 1234}


def test_a_file_that_is_no_log(tmp_path):
    with pytest.raises(ExportSettingError, match="is not a log of a preparation"):
        prepare.Log.from_json(save(tmp_path, "{}", "log.json"))


def test_a_step_that_does_not_add_up_shows():
    """Negative control: the balance of a log in which a step hides an amount is not zero."""
    frame = pd.DataFrame({"Day": ["2026-03-02", "2026-03-03"], "Cost": [1.0, 2.0]})
    log = prepare.tidy(frame, stop="2026-03-02").log
    check_log(log)
    steps = [dataclasses.replace(step, change={}) if step.name == "range" else step for step in log.steps]
    assert dataclasses.replace(log, steps=tuple(steps)).balance().loc["Cost", "unexplained"] == -2.0
    with pytest.raises(AssertionError):
        check_log(dataclasses.replace(log, steps=tuple(steps)))


def test_a_second_import_is_compared_with_the_first(tmp_path):
    lines = days_of("2026-02-01", 40, value=10.0)
    later = [[day, f"{float(cost) * (2.0 if i >= 33 else 1.0):.2f}"] for i, (day, cost) in enumerate(lines)]
    header = ["Day", "Conversions", "Campaign"]
    first = save(tmp_path, table([header, *([*line, "a"] for line in lines)]), "first.csv")
    new = [*([*line, "a"] for line in later), ["2026-03-13", "5.00", "b"]]
    second = save(tmp_path, table([header, *new]), "second.csv")
    one, other = (prepare.tidy(path, columns=["Conversions"], label="Campaign") for path in (first, second))
    found = prepare.compare(one, other)
    assert found.rows == (40, 41)
    assert found.only_second == (pd.Timestamp("2026-03-13"),)
    assert found.only_first == ()
    assert sorted(found.changed()["age"]) == list(range(7))
    ages = found.ages.set_index("age")["change %"]
    assert ages.to_dict() == {"0 to 6 days": 100.0, "7 to 27 days": 0.0, "28 days or more": 0.0}
    assert found.labels["what"].to_dict() == {"a": "other numbers", "b": "new"}
    assert "campaigns that differ" in str(found)
    same = prepare.compare(one, one)
    assert len(same.changed()) == 0
    assert len(same.labels) == 0


# ---------------------------------------------------------------------------------------------- anything, and a model
@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_layout_the_sums_are_those_of_the_records(tmp_path, seed):
    """Records are laid out at random; the result is compared with sums of the records themselves, in cents."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2026-01-05", periods=35).strftime("%Y-%m-%d")
    records = [
        (day, f"Campaign {rng.integers(4)}", int(cents) / 100, int(rng.integers(1, 9000)))
        for day in days
        for cents in rng.integers(0, 10**6, rng.integers(1, 6))
    ]
    number = [point, comma][rng.integers(2)]
    separator = [",", ";", "\t"][rng.integers(3)]
    written = [str, lambda day: f"{day[8:]}/{day[5:7]}/{day[:4]}", lambda day: day.replace("-", "")][
        rng.integers(3)
    ]
    cost, clicks = sum(r[2] for r in records), sum(r[3] for r in records)
    after = [["Total", "", number(cost), number(clicks, 0)]] if rng.integers(2) else []
    order = [records[i] for i in rng.permutation(len(records))]
    text = export(
        number=number, separator=separator, day=written, records=order, before=["Report", ""], after=after
    )
    path = save(tmp_path, text, encoding=["utf-8", "utf-16"][rng.integers(2)])
    found = prepare.tidy(path, columns=COLUMNS, week_start="monday")
    cents = pd.Series([round(100 * r[2]) for r in records]).groupby(pd.to_datetime([r[0] for r in records]))
    assert (found.frame["cost"] * 100).round().tolist() == cents.sum().resample("W-SUN").sum().tolist()
    assert found.frame["clicks"].sum() == clicks
    check_log(found.log)


def test_the_result_is_what_a_model_reads(tmp_path):
    days = [["2026-03-02", 9.0], *((f"2026-03-{day:02d}", float(day)) for day in range(3, 20))]
    path = save(tmp_path, table([["Day", "Cost", "Sales"], *([day, cost, 10 * cost + 1] for day, cost in days)]))
    frame = prepare.tidy(path, columns={"cost": "Cost", "sales": "Sales"}).frame
    data = mm.MMMData.from_frame(frame, date="date", outcome="sales", media=["cost"])
    assert data.columns["cost"][0].tolist() == [cost for _, cost in days]


def test_the_records_of_these_tests():
    """The expected sums are those of the records."""
    assert sum(cost for *_, cost, _ in RECORDS) == pytest.approx(TOTAL_COST)
    assert sum(record[3] for record in RECORDS) == TOTAL_CLICKS
    for day, (cost, clicks) in DAILY.items():
        assert sum(r[2] for r in RECORDS if r[0] == day) == pytest.approx(cost)
        assert sum(r[3] for r in RECORDS if r[0] == day) == clicks
