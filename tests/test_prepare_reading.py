"""From bytes to rows of days and numbers: encodings, separators, headers, dates, decimal marks."""

import datetime

import numpy as np
import pandas as pd
import pytest

from bayesmmm import prepare
from bayesmmm.errors import DateError, FileFormatError, MissingFileError, MissingLibraryError, NotNumericError
from tests.raw_exports import DAILY, HEADER, RECORDS, by_day, comma, export, point, rows, save, table

COLUMNS = {"cost": "Cost", "clicks": "Clicks"}


def check(prepared):
    """The look-alike's records, added up by day."""
    assert by_day(prepared, "cost", "clicks") == {day: list(values) for day, values in DAILY.items()}
    assert np.abs(prepared.log.balance()["unexplained"]).max() == 0.0


# ------------------------------------------------------------------------------------------------------------- bytes
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_and_separator_gives_the_same(tmp_path, encoding, separator):
    text = export(before=["Übersicht", "2 March 2026 - 13 March 2026"], separator=separator)
    check(prepare.tidy(save(tmp_path, text, encoding=encoding), columns=COLUMNS))


def test_other_encodings_are_told(tmp_path):
    path = save(tmp_path, export(before=["Übersicht"]), encoding="cp1252")
    with pytest.raises(FileFormatError, match=r"is not text in UTF-8.*encoding='cp1252'"):
        prepare.tidy(path, columns=COLUMNS)
    check(prepare.tidy(path, columns=COLUMNS, encoding="cp1252"))
    check(prepare.tidy(path, columns=COLUMNS, encoding={"google": "cp1252"}))


def test_line_breaks_inside_cells_and_blank_names(tmp_path):
    text = table([["Note", "Day ", " Cost "], ["one\ntwo", "2026-03-02", "5"], ["x, y", "2026-03-03", "6"]])
    found = prepare.tidy(save(tmp_path, text.replace("\n", "\r\n")), columns=["Cost"])
    assert by_day(found, "Cost") == {"2026-03-02": 5, "2026-03-03": 6}


def test_workbooks_and_parquet_read_as_text_files_do(tmp_path):
    cells = [[c, datetime.datetime.fromisoformat(d), cost, clicks] for d, c, cost, clicks in RECORDS]
    frame = pd.DataFrame(cells, columns=HEADER)
    frame.to_parquet(tmp_path / "google.parquet")
    with pd.ExcelWriter(tmp_path / "google.xlsx") as book:
        pd.DataFrame([["made", "here"]]).to_excel(book, sheet_name="about", index=False, header=False)
        frame.to_excel(book, sheet_name="data", index=False, startrow=2)
    for source in (frame, tmp_path / "google.parquet", tmp_path / "google.xlsx"):
        check(prepare.tidy(source, columns=COLUMNS))


def test_numbers_that_are_typed_are_never_ambiguous():
    frame = pd.DataFrame({"Day": ["2026-03-02"], "Weight": [1.234]})
    assert by_day(prepare.tidy(frame), "Weight") == {"2026-03-02": 1.234}


@pytest.mark.parametrize(
    ("suffix", "reader", "library"), [("xlsx", "read_excel", "openpyxl"), ("parquet", "read_parquet", "pyarrow")]
)
def test_a_missing_library_is_named(tmp_path, monkeypatch, suffix, reader, library):
    def fail(*args, **options):
        raise ImportError(library)

    frame = pd.DataFrame(rows(), columns=HEADER)
    path = tmp_path / f"google.{suffix}"
    frame.to_excel(path, index=False) if suffix == "xlsx" else frame.to_parquet(path)
    monkeypatch.setattr(pd, reader, fail)
    with pytest.raises(MissingLibraryError, match=rf"needs {library}.*pip install 'bayesmmm\[{suffix}\]'"):
        prepare.tidy(path, columns=COLUMNS)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.csv' does not exist"):
        prepare.tidy(tmp_path / "none.csv")


# ------------------------------------------------------------------------------------------------------------ headers
def test_the_header_is_the_row_with_the_columns_asked_for(tmp_path):
    before = ["Campaign report", ["Cost", "of all"], "2 March 2026 - 13 March 2026", ""]
    found = prepare.tidy(save(tmp_path, export(before=before)), columns=COLUMNS, date="Day")
    check(found)
    assert "header in row 5" in found.log["days"][0].text


def test_stacked_tables_are_told_apart(tmp_path):
    def block(name, values, key="Nth day"):
        return ["# Start date: 20260302", "# End date: 20260304", f"{key},{name}", *values, ""]

    lines = [
        *block("Active users", ["0000,110", "0001,0", "0002,76"]),
        *block("New users", ["0000,88", "0001,0", "0002,60"]),
        *block("New users", ["Direct,90", "Organic,58"], key="Channel"),
        *block("Active users", ["DE,3", "NA,4"], key="Country"),
        "# Start date: 20250101",
        "Item,Sold",
    ]
    path = save(tmp_path, "\n".join(lines))
    found = prepare.tidy(path, columns={"active": "Active users", "new": "New users"})
    want = {"2026-03-02": [110, 88], "2026-03-03": [0, 0], "2026-03-04": [76, 60]}
    assert by_day(found, "active", "new") == want


def test_a_header_of_two_rows_and_totals_above_the_days(tmp_path):
    days = "Day,30,7\n2026-03-02,10,3\n2026-03-03,20,4\n"
    text = f"# Freeform\n\n,Visits,Orders\n,Visits,Phone\n{days}\n# Next\n,Visits\nSite,9\n"
    for asked in ("Orders", "Phone", "Orders / Phone"):
        found = prepare.tidy(save(tmp_path, text), columns={"visits": "Visits", "orders": asked})
        assert by_day(found, "visits", "orders") == {"2026-03-02": [10, 3], "2026-03-03": [20, 4]}
    assert by_day(prepare.tidy(save(tmp_path, text), columns=["Phone"], date="Day"), "Phone")["2026-03-03"] == 4


def test_a_repeated_header_is_no_row(tmp_path):
    text = export() + table([HEADER, ["Brand search", "2026-03-14", "1.00", "1"]])
    assert by_day(prepare.tidy(save(tmp_path, text), columns=COLUMNS), "cost")["2026-03-14"] == 1.0


def test_without_columns_every_amount_is_taken_and_no_rate(tmp_path):
    header = [*HEADER, "CTR", "Avg. CPC", "Campaign ID", "Share"]
    lines = [[*row, "3.10%", "0.81", "12", "4 %"] for row in rows()]
    found = prepare.tidy(save(tmp_path, table([header, *lines])))
    assert list(found.frame.columns) == ["date", "Cost", "Clicks"]
    assert "'CTR', 'Avg. CPC', 'Campaign ID', 'Share'" in found.log["columns"][0].text


def test_of_several_columns_with_days_the_usual_one_or_the_one_told(tmp_path):
    lines = [
        ["Paid at", "Created at", "Total"],
        ["2026-03-05", "2026-03-02", "5"],
        ["2026-03-06", "2026-03-03", "6"],
    ]
    path = save(tmp_path, table(lines))
    assert list(by_day(prepare.tidy(path, columns=["Total"]), "Total")) == ["2026-03-02", "2026-03-03"]
    told = prepare.tidy(path, columns=["Total"], date=["Day", "Paid at"])
    assert list(by_day(told, "Total")) == ["2026-03-05", "2026-03-06"]


# --------------------------------------------------------------------------------------------------------------- days
@pytest.mark.parametrize(
    "written",
    [
        ["2026-03-02", "2026-03-13"],
        ["2026/03/02", "2026/3/13"],
        ["20260302", "20260313"],
        ["3/2/2026", "3/13/2026"],
        ["02/03/2026", "13/03/2026"],
        ["2/3/26", "13/3/26"],
        ["02.03.2026", "13.03.2026"],
        ["Mar 02, 2026", "Mar 13, 2026"],
        ["March 2, 2026", "March 13, 2026"],
        ["2 March 2026", "13 March 2026"],
        ["2. März 2026", "13. März 2026"],
        ["2 mars 2026", "13 mars 2026"],
        ["02-Mar-2026", "13-Mar-26"],
        ["Monday, March 2, 2026", "Friday, March 13, 2026"],
        ["2026-03-02 23:59:59 -0500", "2026-03-13 00:00:01 -0400"],
        ["2026-03-02T23:00:00Z", "2026-03-13T01:00:00.5Z"],
        ["3/2/2026 11:00 PM", "3/13/2026 1:00 AM"],
        ["Mar 2, 2026 at 11:00 PM", "Mar 13, 2026 at 1:00 AM"],
    ],
)
def test_days_are_read_as_written(tmp_path, written):
    path = save(tmp_path, table([["Day", "Cost"], *([day, "1"] for day in reversed(written))]))
    assert list(by_day(prepare.tidy(path, columns=["Cost"]), "Cost")) == ["2026-03-02", "2026-03-13"]


@pytest.mark.parametrize(
    ("written", "first", "unit"),
    [
        (["2026-W10", "2026-W11", "2026-W12"], "2026-03-02", "week"),
        (["2026-03-02 - 2026-03-08", "2026-03-09 - 2026-03-15"], "2026-03-02", "week"),
        (["2026-03", "2026-04"], "2026-03-01", "month"),
        (["March 2026", "April 2026"], "2026-03-01", "month"),
        (["2026-03-01", "2026-03-08", "2026-03-15"], "2026-03-01", "week"),
    ],
)
def test_weeks_and_months_are_read_as_written(tmp_path, written, first, unit):
    found = prepare.tidy(
        save(tmp_path, table([["Period", "Cost"], *([day, "1"] for day in written)])), columns=["Cost"]
    )
    assert next(iter(by_day(found, "Cost"))) == first
    assert f"{unit}s from" in found.log["days"][0].text


def test_first_and_last_day_of_a_row_tell_weeks(tmp_path):
    header = ["Spent", "Reporting starts", "Reporting ends"]
    text = table([header, ["1", "2026-03-02", "2026-03-08"], ["2", "2026-03-09", "2026-03-15"]])
    found = prepare.tidy(save(tmp_path, text), columns=["Spent"])
    assert by_day(found, "Spent") == {"2026-03-02": 1, "2026-03-09": 2}
    assert "weeks from 2026-03-02" in found.log["days"][0].text


def test_dates_around_the_table_tell_the_order_of_day_and_month(tmp_path):
    text = table([["Report 3/1/2026 - 3/31/2026"], ["Day", "Cost"], ["3/2/2026", "1"], ["3/4/2026", "2"]])
    assert list(by_day(prepare.tidy(save(tmp_path, text), columns=["Cost"]), "Cost")) == [
        "2026-03-02",
        "2026-03-04",
    ]


def test_a_format_leaves_nothing_to_find(tmp_path):
    path = save(tmp_path, table([["Day", "Cost"], ["26.2.3 noon", "1"]]))
    found = prepare.tidy(path, columns=["Cost"], date="Day", date_format="%y.%m.%d noon")
    assert list(by_day(found, "Cost")) == ["2026-02-03"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["13/02/2026", "02/13/2026"], "above 12 both in the first place and in the second"),
        (["2026-03-02", "03/20/2026"], "writes its days in 2 ways"),
        (["2026-03-02", "2026-02-31"], "row 3, has numbers but '2026-02-31' in column 'Day' is not a day"),
        (["2026-03-02", ""], "row 3, has numbers but its day in column 'Day' is empty"),
    ],
)
def test_days_that_contradict_are_refused(tmp_path, cells, said):
    path = save(tmp_path, table([["Name", "Day", "Cost"], *(["x", day, "1"] for day in cells)]))
    with pytest.raises(DateError, match=said):
        prepare.tidy(path, columns=["Cost"], date="Day")


# ------------------------------------------------------------------------------------------------------------ numbers
@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,234.50", "7"], [1234.5, 7]),
        (["1.234,50", "7"], [1234.5, 7]),
        (["1,234", "1,234,567"], [1234, 1234567]),
        (["1.234", "15,5"], [1234, 15.5]),
        (["1,234", "0,5"], [1.234, 0.5]),
        (["1234.567", "1.000"], [1234.567, 1]),
        (["0.123", "1.234"], [0.123, 1.234]),
        (["12,34,567.50", "8"], [1234567.5, 8]),
        (["1 234,50", "1\u00a0000,25"], [1234.5, 1000.25]),
        (["1'234.50", "2"], [1234.5, 2]),
        (["$1,234.50", "-$5.00"], [1234.5, -5]),
        (["1.234,50 €", "2,00 €"], [1234.5, 2]),
        (["US$ 12.25", "US$ 3.5"], [12.25, 3.5]),
        (["12.25 EUR", "EUR 3.5"], [12.25, 3.5]),
        (["R$ 1.234,56", "R$ 1,00"], [1234.56, 1]),
        (["(1.50)", "−2.25"], [-1.5, -2.25]),
        (["21.97%", "0.5 %"], [21.97, 0.5]),
        (["61606.0", "3.0"], [61606, 3]),
        ([".5", "5."], [0.5, 5]),
    ],
)
def test_one_decimal_mark_per_column(tmp_path, cells, values):
    path = save(tmp_path, table([["Day", "X"], ["2026-03-02", cells[0]], ["2026-03-03", cells[1]]]))
    assert list(by_day(prepare.tidy(path, columns=["X"]), "X").values()) == values


@pytest.mark.parametrize("number", [point, comma])
def test_other_columns_tell_what_one_does_not(tmp_path, number):
    found = prepare.tidy(save(tmp_path, export(number=number, separator=";")), columns={"clicks": "Clicks"})
    assert by_day(found, "clicks") == {day: clicks for day, (_, clicks) in DAILY.items()}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1.5", "2,5"], "holds '1.5' and '2,5': the decimal mark of a column must be one"),
        (["1.2.3", "1"], "holds '1.2.3': the decimal mark"),
        (["12 apples", "1"], "row 2: '12 apples' is not a number"),
        (["0.5", "1,23"], "holds '0.5' and '1,23'"),
    ],
)
def test_cells_that_are_no_numbers_are_named(tmp_path, cells, said):
    path = save(tmp_path, table([["Day", "X"], ["2026-03-02", cells[0]], ["2026-03-03", cells[1]]]))
    with pytest.raises(NotNumericError, match=said):
        prepare.tidy(path, columns=["X"])


def test_a_mark_that_is_told_must_fit(tmp_path):
    path = save(tmp_path, export())
    with pytest.raises(NotNumericError, match=r"row 2: '46.72' is not a number where a comma marks decimals"):
        prepare.tidy(path, columns=COLUMNS, decimal=",")
    check(prepare.tidy(path, columns=COLUMNS, decimal={"Cost": ".", "clicks": "."}))


def test_written_numbers_keep_their_decimals(tmp_path):
    lines = [["Day", "A", "B", "C"], ["2026-03-02", "1.5", "2.0", "0.1250"], ["2026-03-03", "3", "4.0", "1.0000"]]
    found = prepare.tidy(save(tmp_path, table(lines)), columns=["A", "B", "C"])
    assert found.to_csv(tmp_path / "out.csv") == "date,A,B,C\n2026-03-02,1.50,2,0.125\n2026-03-03,3.00,4,1.000\n"
    assert (tmp_path / "out.csv").read_text() == found.to_csv()
