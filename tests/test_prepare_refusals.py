"""What is refused, in which words, and that every remedy that a message names works."""

import inspect
import re

import pandas as pd
import pytest

from bayesmmm import errors, prepare
from tests.raw_exports import by_day, export, save
from tests.refused_exports import ATTRIBUTED, BOTH, CASES, COLUMNS, DAYS, PIECES, SUNDAYS, daily, workbook


def write(folder, files):
    return [save(folder, content, name) for name, content in files.items()]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_refused_says_what_and_where(tmp_path, case):
    with pytest.raises(case.error) as raised:
        prepare.tidy(write(tmp_path, case.files), **case.given)
    assert type(raised.value) is case.error
    for words in case.said:
        assert words in str(raised.value)


@pytest.mark.parametrize(
    ("case", "remedy", "values"),
    [(case, remedy, values) for case in CASES.values() for remedy, values in case.remedies],
    ids=[f"{name}: {', '.join(remedy)}" for name, case in CASES.items() for remedy, _ in case.remedies],
)
def test_every_remedy_works(tmp_path, case, remedy, values):
    found = prepare.tidy(write(tmp_path, case.files), **{**case.given, **remedy})
    column = next(name for name in found.frame.columns[1:] if name != "geo")
    assert {day: value for day, value in by_day(found, column).items() if value == value} == pytest.approx(values)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_argument_that_a_message_names_is_among_the_remedies(tmp_path, case):
    """Or else its remedy is another download, which `test_remedies_outside` does."""
    with pytest.raises(case.error) as raised:
        prepare.tidy(write(tmp_path, case.files), **case.given)
    advice = str(raised.value).rpartition(";")[2]
    named = set(re.findall(r"\b([a-z_]+)=", advice)) & set(inspect.signature(prepare.tidy).parameters)
    tried = {name for remedy, _ in case.remedies for name in remedy}
    elsewhere = {"two week starts", "two week starts in one file", "no day in common", "no column of numbers"}
    assert named <= tried or next(name for name, other in CASES.items() if other is case) in elsewhere


def test_remedies_outside(tmp_path):
    """Another download, another name: what messages advise that is no argument."""
    path = save(tmp_path, workbook(), "google.xlsx")
    assert prepare.tidy(path, columns=COLUMNS).frame["cost"].sum() == pytest.approx(1899.04)
    cost = save(tmp_path, DAYS.replace("Spend", "Cost"), "a.csv")
    daily = prepare.tidy([cost, save(tmp_path, DAYS, "b.csv")], week_start="monday", **BOTH)
    assert by_day(daily, "Cost", "Spend") == {f"2026-03-{day}": [7, 7] for day in ("02", "09", "16")}
    sundays = save(tmp_path, SUNDAYS, "b.csv")
    shifted = prepare.tidy({"a": save(tmp_path, SUNDAYS.replace("Spend", "Cost"), "a.csv"), "b": sundays}, **BOTH)
    assert by_day(shifted, "Cost", "Spend") == {day: [v, v] for day, v in by_day(shifted, "Cost").items()}
    pieces = write(tmp_path, PIECES)
    assert len(prepare.tidy(pieces, columns=["Cost"], stack=True).frame) == 2


def test_what_does_not_depend_on_the_difference_is_not_refused(tmp_path):
    clicks = daily(["2026-03-02", "1", "EUR"], ["2026-03-02", "2", "USD"], header=("Day", "Clicks", "Currency"))
    assert by_day(prepare.tidy(write(tmp_path, clicks), columns=["Clicks"]), "Clicks") == {"2026-03-02": 3}
    spend = {name: text.replace("Purchases", "Amount spent") for name, text in ATTRIBUTED.items()}
    assert (
        by_day(prepare.tidy(write(tmp_path, spend), columns=["Amount spent"]), "Amount spent")["2026-03-03"] == 6
    )


def test_every_class_of_error_is_tested_here():
    kinds = {c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.ExportError)}
    elsewhere = {errors.ExportError, errors.MissingLibraryError}
    assert kinds - elsewhere == {case.error for case in CASES.values()} & kinds


# ---------------------------------------------------------------------------------------------------------- arguments
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"columns": []}, "columns= names no column"),
        ({"columns": {"x": None}}, "gives 'x' no source"),
        ({"columns": ["Cost"], "how": {"Cost": "median"}}, "how='median' must be one of sum, mean"),
        (
            {"columns": ["Cost"], "how": {"cost": "mean"}},
            r"how= names 'cost' \(did you mean 'Cost'\?\)",
        ),
        ({"how": "sum"}, "how='sum' must be a mapping"),
        ({"columns": ["Cost"], "missing": "zero"}, "missing='zero' must be one of empty, or a number"),
        ({"below": True}, "below=True must be one of half, empty, or a number"),
        ({"decimal": ";"}, "decimal=';' must be"),
        ({"accept": "all"}, "accept='all' must be one of totals"),
        ({"week_start": "mon"}, "week_start='mon' must be one of monday"),
        ({"week_label": "last"}, "week_label='last' must be one of start, end"),
        ({"partial": "maybe"}, "partial='maybe' must be one of drop, keep"),
        ({"start": "soon"}, "start='soon' is not a date without time of day"),
        ({"start": "2026-03-05", "stop": "2026-03-02"}, "start=2026-03-05 comes after stop=2026-03-02"),
        ({"fiscal": ["Year"]}, "must name two columns"),
        ({"rules": {"a": "*"}}, "pivot= names no column"),
        ({"pivot": "Kind"}, "has a column 'Kind'"),
        ({"currency": "EUR"}, "go together"),
        ({"currency": "EUR", "rates": {"USD": "much"}}, "must hold numbers"),
        ({"currency": "EUR", "rates": {"USD": 0}}, "must be above 0"),
        ({"currency": "EUR", "rates": pd.DataFrame({"code": ["USD"]})}, "has the columns 'code'; needed are"),
        ({"table": 0}, "table=0 must be a whole number"),
        ({"table": 2}, "has 1 table"),
        ({"date": {"meta": "Day"}}, "names the file 'meta'; the files are 'google'"),
        ({"where": 3}, "where=3 must be a mapping"),
        ({"accept": 3}, "accept=3 must be a name or a list of names"),
        ({"geo": "Region"}, "has no column 'Region'"),
    ],
)
def test_impossible_arguments_are_refused(tmp_path, given, said):
    with pytest.raises(errors.DataError, match=said):
        prepare.tidy(save(tmp_path, export()), **given)


def test_no_file_is_refused():
    with pytest.raises(errors.ExportSettingError, match="no file is given"):
        prepare.tidy([])


def test_imports_that_have_nothing_in_common(tmp_path):
    one = prepare.tidy(save(tmp_path, DAYS), columns=["Spend"])
    with pytest.raises(errors.UnknownColumnError, match="no column of numbers in common"):
        prepare.compare(one, prepare.tidy(save(tmp_path, DAYS), columns={"x": "Spend"}))
    later = prepare.tidy(save(tmp_path, DAYS.replace("2026", "2027")), columns=["Spend"])
    with pytest.raises(errors.OverlapError, match="no day in common"):
        prepare.compare(one, later)
