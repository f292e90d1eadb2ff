"""Raw exports that are refused: the words that have to be in the message, and what each remedy gives."""

import io
import zipfile
from dataclasses import dataclass, field

import pandas as pd

from bayesmmm import errors
from tests.raw_exports import HEADER, export, rows, table

COLUMNS = {"cost": "Cost"}


@dataclass(frozen=True)
class Case:
    """Files that are refused; a remedy is arguments to add, and the first column of the result by day."""

    error: type
    said: tuple[str, ...]
    files: dict[str, str | bytes]
    given: dict = field(default_factory=lambda: {"columns": COLUMNS})
    remedies: tuple[tuple[dict, dict], ...] = ()


def daily(*lines, header=("Day", "Cost"), before=()):
    return {"google.csv": table([*before, header, *lines])}


def workbook():
    frame = pd.DataFrame(rows(), columns=HEADER)
    out = io.BytesIO()
    frame.to_excel(out, index=False)
    return out.getvalue()


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("google.csv", export())
    return out.getvalue()


SLASHED = daily(["3/2/2026", "1"], ["3/4/2026", "2"])
GROUPED = daily(["2026-03-02", "1,234"], ["2026-03-03", "2,345"])
UNSTATED = daily(["2026-03-02", " --"], ["2026-03-02", "4"], ["2026-03-03", "2"])
SMALL = daily(["2026-03-02", "<5"], ["2026-03-03", "<1"], ["2026-03-04", "2"])
CURRENCIES = daily(
    ["2026-03-02", "1", "EUR"],
    ["2026-03-03", "2", "USD"],
    ["2026-03-03", "4", "EUR"],
    header=("Day", "Cost", "Currency"),
)
ATTRIBUTED = daily(
    ["2026-03-02", "1", "7-day click"],
    ["2026-03-03", "2", "1-day view"],
    ["2026-03-03", "4", "7-day click"],
    header=("Day", "Purchases", "Attribution setting"),
)
TOTALS = daily(["2026-03-02", "1.50"], ["2026-03-03", "2.50"], ["Total", "5.25"])
UNFINISHED = daily(
    ["2026-03-14", "1"], ["2026-03-15", "2"], before=[["Last Completed Available Day: 3/15/2026 1:00:00 PM (GMT)"]]
)
MONDAYS = table([["Week", "Cost"], ["2026-03-02", "1"], ["2026-03-09", "2"], ["2026-03-16", "3"]])
SUNDAYS = table([["Week", "Spend"], ["2026-03-01", "1"], ["2026-03-08", "2"], ["2026-03-15", "3"]])
DAYS = table([["Day", "Spend"], *([f"2026-03-{day:02d}", "1"] for day in range(2, 23))])
BOTH = {"columns": ["Cost", "Spend"]}
TWICE = {name: table([["Day", "Cost"], ["2026-03-02", value]]) for name, value in (("a.csv", "1"), ("b.csv", "2"))}
PIECES = {
    name: table([["Day", "Cost"], [day, "3"]]) for name, day in (("a.csv", "2026-03-02"), ("b.csv", "2026-03-03"))
}
HOLES = table([["Day", "Spend"], *([f"2026-03-{day:02d}", "1"] for day in range(2, 9) if day != 5)])
CAMPAIGNS = daily(["2026-03-02", "1", "Brand"], ["2026-03-02", "2", "Shop"], header=("Day", "Cost", "Campaign"))
FISCAL = table([["Fiscal Year", "Fiscal Week", "Cost"], ["2024", "1", "2"]])

CASES = {
    "totals only": Case(
        errors.NoDaysError,
        ("holds no days, only totals", "'All time'", "download it by day"),
        {
            "google.csv": "Campaign report\nAll time\nCampaign,Cost\nBrand search,50252.14\nTotal: "
            "Account,61890.32\n"
        },
    ),
    "one row for a whole range": Case(
        errors.NoDaysError,
        ("row 2 runs from 2026-03-02 to 2026-03-15, 14 days", "holds no days, only totals", "download it by day"),
        daily(["1", "2026-03-02", "2026-03-15"], header=("Cost", "Reporting starts", "Reporting ends")),
    ),
    "fiscal weeks without being told": Case(
        errors.NoDaysError,
        ("holds no days", "fiscal=('Fiscal Year', 'Fiscal Week')"),
        {"google.csv": FISCAL},
        remedies=(({"fiscal": ("Fiscal Year", "Fiscal Week")}, {"2024-02-04": 2}),),
    ),
    "totals that disagree": Case(
        errors.TotalsError,
        ("row 4, 'Total, 5.25'", "is 5.25", "2 rows add up to 4.00", "a difference of +1.25", "accept=['totals']"),
        TOTALS,
        remedies=(({"accept": ["totals"]}, {"2026-03-02": 1.5, "2026-03-03": 2.5}),),
    ),
    "a subtotal that disagrees": Case(
        errors.TotalsError,
        ("row 4, 'Total: Shop, 9'", "is 9", "1 row add up to 2", "a difference of +7"),
        {"google.csv": CAMPAIGNS["google.csv"] + "Total: Shop,9,\n"},
        remedies=(({"accept": "totals"}, {"2026-03-02": 3}),),
    ),
    "slashed dates": Case(
        errors.AmbiguousError,
        (
            "no day above 12",
            "3/2/2026 is 3 February or 2 March",
            "date_format='%d/%m/%Y'",
            "date_format='%m/%d/%Y'",
        ),
        SLASHED,
        remedies=(
            ({"date_format": "%d/%m/%Y"}, {"2026-02-03": 1, "2026-04-03": 2}),
            ({"date_format": "%m/%d/%Y"}, {"2026-03-02": 1, "2026-03-04": 2}),
        ),
    ),
    "thousands or decimals": Case(
        errors.AmbiguousError,
        ("reads '1,234'", "1234 or 1.234", "decimal='.'", "decimal=','"),
        GROUPED,
        remedies=(
            ({"decimal": "."}, {"2026-03-02": 1234, "2026-03-03": 2345}),
            ({"decimal": ","}, {"2026-03-02": 1.234, "2026-03-03": 2.345}),
        ),
    ),
    "thousands or decimals with points": Case(
        errors.AmbiguousError,
        ("reads '1.234'", "decimal=','", "decimal='.'"),
        daily(["2026-03-02", "1.234"]),
        remedies=(({"decimal": ","}, {"2026-03-02": 1234}), ({"decimal": "."}, {"2026-03-02": 1.234})),
    ),
    "several columns of days": Case(
        errors.AmbiguousError,
        ("days in 2 columns, 'Ordered', 'Paid'", "date='Ordered'"),
        daily(["2026-03-02", "2026-03-05", "1"], header=("Ordered", "Paid", "Cost")),
        remedies=(({"date": "Ordered"}, {"2026-03-02": 1}), ({"date": "Paid"}, {"2026-03-05": 1})),
    ),
    "not stated": Case(
        errors.NotStatedError,
        (
            "column 'Cost'",
            "1 cell is not stated, which is not zero",
            "'--' in row 2",
            "missing=0",
            "missing='empty'",
        ),
        UNSTATED,
        remedies=(
            ({"missing": 0}, {"2026-03-02": 4, "2026-03-03": 2}),
            ({"missing": {"cost": "empty"}}, {"2026-03-02": 4, "2026-03-03": 2}),
        ),
    ),
    "below a limit": Case(
        errors.NotStatedError,
        (
            "2 cells are only said to be below a limit",
            "'<5', '<1' in row 2, 3",
            "below='half'",
            "below=0",
            "below='empty'",
        ),
        SMALL,
        remedies=(
            ({"below": "half"}, {"2026-03-02": 2.5, "2026-03-03": 0.5, "2026-03-04": 2}),
            ({"below": 0}, {"2026-03-02": 0, "2026-03-03": 0, "2026-03-04": 2}),
            ({"below": "empty"}, {"2026-03-04": 2}),
        ),
    ),
    "a count of minus one": Case(
        errors.NotStatedError,
        ("'-1' in row 2", "missing=0"),
        daily(["2026-03-02", "-1"], ["2026-03-03", "3"], header=("Day", "Active users")),
        {"columns": {"users": "Active users"}},
        ((({"missing": 0}), {"2026-03-02": 0, "2026-03-03": 3}),),
    ),
    "two currencies": Case(
        errors.MixedRowsError,
        ("2 currencies", "'EUR' in rows 2, 4", "'USD' in row 3", "currency='EUR'", "where={'Currency': 'EUR'}"),
        CURRENCIES,
        remedies=(
            ({"currency": "EUR", "rates": {"USD": 0.5}}, {"2026-03-02": 1, "2026-03-03": 5}),
            ({"where": {"Currency": "EUR"}}, {"2026-03-02": 1, "2026-03-03": 4}),
        ),
    ),
    "two attribution settings": Case(
        errors.MixedRowsError,
        (
            "2 attribution settings",
            "'7-day click' in rows 2, 4",
            "'1-day view' in row 3",
            "accept=['attribution']",
        ),
        ATTRIBUTED,
        {"columns": ["Purchases"]},
        (
            ({"where": {"Attribution setting": "7-day click"}}, {"2026-03-02": 1, "2026-03-03": 4}),
            ({"accept": ["attribution"]}, {"2026-03-02": 1, "2026-03-03": 6}),
        ),
    ),
    "files of two currencies": Case(
        errors.MixedRowsError,
        ("2 currencies would be laid side by side", "a.csv' in EUR", "b.csv' in USD", "currency='EUR'", "accept="),
        {
            "a.csv": table([["Day", "Cost (EUR)"], ["2026-03-02", "1"]]),
            "b.csv": table([["Day", "Spend (USD)"], ["2026-03-02", "4"]]),
        },
        {"columns": {"b": "Spend (USD)", "a": "Cost (EUR)"}},
        (
            ({"currency": "EUR", "rates": {"USD": 0.5}}, {"2026-03-02": 2}),
            ({"accept": ["currency"]}, {"2026-03-02": 4}),
        ),
    ),
    "two week starts": Case(
        errors.WeekError,
        (
            "a.csv' has weeks that start on monday",
            "b.csv' has weeks that start on sunday",
            "by day",
            "week_start='monday'",
        ),
        {"a.csv": MONDAYS, "b.csv": SUNDAYS},
        BOTH,
    ),
    "weeks beside days": Case(
        errors.WeekError,
        ("a.csv' has weeks that start on monday", "b.csv' has days", "week_start='monday'"),
        {"a.csv": MONDAYS, "b.csv": DAYS},
        BOTH,
        (({"week_start": "monday"}, {"2026-03-02": 1, "2026-03-09": 2, "2026-03-16": 3}),),
    ),
    "two week starts in one file": Case(
        errors.WeekError,
        ("weeks that start on sunday and on monday", "week_start='monday'"),
        daily(
            *(
                [day, "1"]
                for day in ("2026-03-01", "2026-03-02", "2026-03-08", "2026-03-09", "2026-03-15", "2026-03-16")
            ),
            header=("Week", "Cost"),
        ),
    ),
    "weeks to other weeks": Case(
        errors.WeekError,
        (
            "holds weeks that start on sunday",
            "cannot be made into weeks that start on monday",
            "download it by day",
        ),
        {"b.csv": SUNDAYS},
        {"columns": ["Spend"], "week_start": "monday"},
        (
            ({"week_start": "sunday"}, {"2026-03-01": 1, "2026-03-08": 2, "2026-03-15": 3}),
            (
                {"week_label": "day", "fill": ["Spend"], "partial": "keep"},
                {"2026-02-23": 1, "2026-03-02": 2, "2026-03-09": 3},
            ),
        ),
    ),
    "no whole week": Case(
        errors.WeekError,
        ("has no whole week", "2026-03-02: 2 of 7 days", "partial='keep'"),
        daily(["2026-03-03", "1"], ["2026-03-04", "2"]),
        {"columns": ["Cost"], "week_start": "monday"},
        (({"partial": "keep"}, {"2026-03-02": 3}),),
    ),
    "weeks of absent days": Case(
        errors.AbsentDaysError,
        ("no rows on 1 day, 2026-03-05", "weeks cannot be summed", "fill=True"),
        {"b.csv": HOLES},
        {"columns": ["Spend"], "week_start": "monday"},
        (({"fill": True}, {"2026-03-02": 6}),),
    ),
    "absent beside other files": Case(
        errors.AbsentDaysError,
        ("b.csv' has no rows on 1 day that the other files have, 2026-03-05", "fill=True"),
        {"a.csv": DAYS.replace("Spend", "Cost"), "b.csv": HOLES},
        {"columns": ["Spend", "Cost"]},
        (({"fill": True}, {f"2026-03-{day:02d}": int(day != 5) for day in range(2, 9)}),),
    ),
    "a geo absent from weeks": Case(
        errors.AbsentDaysError,
        ("no rows of 'S' on 1 of 7 days", "fill=True"),
        daily(
            *([f"2026-03-{day:02d}", "1", geo] for day in range(2, 9) for geo in "NS" if (day, geo) != (4, "S")),
            header=("Day", "Cost", "Region"),
        ),
        {"columns": ["Cost"], "week_start": "monday", "geo": "Region"},
        (({"fill": True, "where": {"Region": "S"}, "start": "2026-03-02"}, {"2026-03-02": 6}),),
    ),
    "an incomplete last day": Case(
        errors.IncompleteDayError,
        (
            "the last day, 2026-03-15, may not be complete",
            "3/15/2026 1:00:00 PM",
            "stop='2026-03-14'",
            "accept=['incomplete']",
        ),
        UNFINISHED,
        remedies=(
            ({"stop": "2026-03-14"}, {"2026-03-14": 1}),
            ({"accept": ["incomplete"]}, {"2026-03-14": 1, "2026-03-15": 2}),
        ),
    ),
    "made on the last day": Case(
        errors.IncompleteDayError,
        ("2026-03-15, may not be complete", "Report Time: 2026/03/15 09:15 GMT", "stop='2026-03-14'"),
        {
            "google.csv": table([["Day", "Cost"], ["2026-03-14", "1"], ["2026-03-15", "2"]])
            + "\nReport Time:,2026/03/15 09:15 GMT\n"
        },
        remedies=(
            ({"stop": "2026-03-14"}, {"2026-03-14": 1}),
            ({"accept": "incomplete"}, {"2026-03-14": 1, "2026-03-15": 2}),
        ),
    ),
    "said to be incomplete": Case(
        errors.IncompleteDayError,
        ("Potential Incomplete Data: true", "stop='2026-03-14'"),
        daily(["2026-03-14", "1"], ["2026-03-15", "2"], before=[["Potential Incomplete Data: true"]]),
        remedies=(
            ({"accept": ["incomplete"]}, {"2026-03-14": 1, "2026-03-15": 2}),
            ({"stop": "2026-03-14"}, {"2026-03-14": 1}),
        ),
    ),
    "a workbook under another name": Case(
        errors.FileFormatError,
        ("is not text: it is an Excel workbook under another name", "rename it to end in .xlsx"),
        {"google.csv": workbook()},
    ),
    "not text": Case(
        errors.FileFormatError, ("is not text: it holds zero bytes",), {"google.csv": bytes(range(256)) * 9}
    ),
    "a picture": Case(
        errors.FileFormatError, ("is not text but a picture",), {"google.csv": b"\x89PNG" + b"x" * 9}
    ),
    "an archive": Case(
        errors.FileFormatError, ("is not text but an archive", "unpack it"), {"google.csv": archive()}
    ),
    "a web page": Case(errors.FileFormatError, ("is a web page",), {"google.csv": "<!DOCTYPE html><p>sign in"}),
    "a quotation mark too many": Case(
        errors.FileFormatError,
        ("a quotation mark is never closed", "download the file again"),
        {"google.csv": 'Day,Cost\n2026-03-02,1\n2026-03-03,"' + "2026-03-04,1\n" * 300},
    ),
    "rows cut short": Case(
        errors.FileFormatError,
        ("row 3: 1 cells where the header has 2", "download the file again"),
        {"google.csv": "Day,Cost\n2026-03-02,1\n2026-03-03\n"},
    ),
    "nothing": Case(
        errors.EmptyFileError, ("is empty: it holds no row at all",), {"google.csv": b"\xef\xbb\xbf\r\n"}
    ),
    "a header only": Case(
        errors.EmptyFileError, ("a header in row 2 and no row below it",), {"google.csv": "Report\nDay,Cost\n"}
    ),
    "no column of numbers": Case(
        errors.EmptyFileError, ("no column of numbers",), daily(["2026-03-02", "x"]), {"date": "Day"}
    ),
    "a column that two files have": Case(
        errors.OverlapError,
        ("a.csv' and", "b.csv' both have column 'Cost'", "columns={'cost': 'a:Cost'}", "stack=True"),
        TWICE,
        remedies=(
            ({"columns": {"cost": "a:Cost", "other": "b:Cost"}}, {"2026-03-02": 1}),
            ({"stack": True, "accept": "overlap"}, {"2026-03-02": 3}),
        ),
    ),
    "pieces without being told": Case(
        errors.OverlapError,
        ("both have column 'Cost'", "stack=True"),
        PIECES,
        remedies=(
            ({"stack": True}, {"2026-03-02": 3, "2026-03-03": 3}),
            ({"columns": {"cost": "a:Cost"}}, {"2026-03-02": 3}),
        ),
    ),
    "a day in two pieces": Case(
        errors.OverlapError,
        ("both have rows on 2026-03-02, which would count twice", "accept=['overlap']"),
        TWICE,
        {"columns": COLUMNS, "stack": True},
        (({"accept": ["overlap"]}, {"2026-03-02": 3}),),
    ),
    "no day in common": Case(
        errors.OverlapError,
        ("no day is covered by all files", "stack=True for pieces"),
        {name: text.replace("Cost", name[0]) for name, text in PIECES.items()},
        {"columns": ["a", "b"]},
    ),
    "two columns of one name": Case(
        errors.OverlapError,
        ("has 2 columns 'Cost' in row 1", "with different cells", "'Cost#2'"),
        daily(["2026-03-02", "1", "2"], header=("Day", "Cost", "Cost")),
        remedies=(({"columns": {"cost": "Cost#2"}}, {"2026-03-02": 2}),),
    ),
    "two tables of one column": Case(
        errors.OverlapError,
        ("column 'Cost' in 2 tables, in rows 1 and 5", "table=1"),
        {"google.csv": "Day,Cost\n2026-03-02,1\n\n# by phone\nDay,Cost\n2026-03-02,7\n"},
        remedies=(({"table": 1}, {"2026-03-02": 1}), ({"table": 2}, {"2026-03-02": 7})),
    ),
    "days outside": Case(
        errors.OverlapError,
        ("has no day from 2027-01-01", "its days run from 2026-03-02 to 2026-03-04"),
        daily(["2026-03-02", "1"], ["2026-03-04", "1"]),
        {"columns": COLUMNS, "start": "2027-01-01"},
        (({"start": "2026-03-03", "stop": "2026-03-05"}, {"2026-03-04": 1}),),
    ),
    "rows of no group": Case(
        errors.GroupError,
        ("no rule holds for 'Shop' in column 'Campaign', 1 row with cost 2.00", "'other': '*'"),
        CAMPAIGNS,
        {"columns": COLUMNS, "pivot": "Campaign", "rules": {"brand": "Brand"}},
        (({"rules": {"other": "*"}}, {"2026-03-02": 3}),),
    ),
    "groups of one name": Case(
        errors.GroupError,
        ("'A b' and 'a-B'", "both be called 'a_b'", "rules={'a_b': ['A b', 'a-B']}"),
        daily(["2026-03-02", "1", "A b"], ["2026-03-02", "2", "a-B"], header=("Day", "Cost", "Campaign")),
        {"columns": COLUMNS, "pivot": "Campaign"},
        (({"rules": {"a_b": ["A b", "a-B"]}}, {"2026-03-02": 3}),),
    ),
    "no rate": Case(
        errors.RatesError,
        ("no rate from USD to EUR on 2026-03-03, which 'cost' needs", "{'USD': 0.92}"),
        CURRENCIES,
        {"columns": COLUMNS, "currency": "EUR", "rates": {"GBP": 1.2}},
        (({"rates": {"USD": 0.92}}, {"2026-03-02": 1, "2026-03-03": 5.84}),),
    ),
    "no currency": Case(
        errors.RatesError,
        ("rows 2, 3 do not say their currency", "currency='USD>EUR'"),
        daily(["2026-03-02", "1"], ["2026-03-03", "2"]),
        {"columns": COLUMNS, "currency": "EUR", "rates": {"USD": 0.5}},
        (({"currency": "USD>EUR"}, {"2026-03-02": 0.5, "2026-03-03": 1}),),
    ),
    "no such column": Case(
        errors.UnknownColumnError,
        ("no row with any of the columns asked for, 'Costs'", "did you mean 'Cost'?"),
        daily(["2026-03-02", "1"]),
        {"columns": {"cost": "Costs"}},
        (({"columns": COLUMNS}, {"2026-03-02": 1}),),
    ),
    "one column is not there": Case(
        errors.UnknownColumnError,
        ("has a column 'Clics'", "there are 'Day', 'Cost'"),
        daily(["2026-03-02", "1"]),
        {"columns": ["Cost", "Clics"]},
    ),
    "no such column of days": Case(
        errors.UnknownColumnError,
        ("no column 'Date'", "days are read in 'Day': date='Day'"),
        daily(["2026-03-02", "1"]),
        {"columns": COLUMNS, "date": "Date"},
        (({"date": "Day"}, {"2026-03-02": 1}),),
    ),
    "no such text": Case(
        errors.UnknownColumnError,
        ("no row has 'Brands' in column 'Campaign', which holds 'Brand', 'Shop'",),
        CAMPAIGNS,
        {"columns": COLUMNS, "where": {"Campaign": "Brands"}},
        (({"where": {"Campaign": "Brand"}}, {"2026-03-02": 1}),),
    ),
    "a line among the days": Case(
        errors.DateError,
        ("row 3: 'see below' is neither a day nor a total, and more days follow",),
        {"google.csv": "Day,Cost\n2026-03-02,1\nsee below\n2026-03-03,1\n"},
    ),
    "a week that no year has": Case(
        errors.DateError,
        ("fiscal year 2024 of the retail calendar has 52 weeks, and no week 53",),
        {"google.csv": FISCAL.replace("2024,1", "2024,53")},
        {"columns": COLUMNS, "fiscal": ("Fiscal Year", "Fiscal Week")},
    ),
    "days counted from nothing": Case(
        errors.DateError,
        ("no line above the table says 'Start date'",),
        daily(["0001", "1"], header=("Nth day", "Cost")),
    ),
    "several values of one": Case(
        errors.ExportSettingError,
        ("hold both 1 and 2 for 'cost'", "how='only' needs one value", "'mean' or 'max'"),
        CAMPAIGNS,
        {"columns": COLUMNS, "how": {"cost": "only"}},
        (({"how": {"cost": "mean"}}, {"2026-03-02": 1.5}), ({"how": {"cost": "max"}}, {"2026-03-02": 2})),
    ),
    "days asked for as a column": Case(
        errors.ExportSettingError,
        ("columns= asks for 'Day', which holds the days", "date='Day', date_as='d'"),
        daily(["2026-03-02", "1"]),
        {"columns": {"d": "Day", "cost": "Cost"}},
        (({"columns": COLUMNS, "date": "Day", "date_as": "d"}, {"2026-03-02": 1}),),
    ),
    "dates asked for as a column": Case(
        errors.ExportSettingError,
        ("columns= asks for 'date'", "if 'Day' holds the days", "date='Day'"),
        daily(["2026-03-02", "1"]),
        {"columns": {"date": "Day", "cost": "Cost"}},
        (({"columns": COLUMNS, "date": "Day"}, {"2026-03-02": 1}),),
    ),
}
