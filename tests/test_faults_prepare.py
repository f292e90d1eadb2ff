"""Raw exports and logs that are odd: numbers, days and units beyond what is computed with, damaged files, odd places."""

import inspect
import io
import itertools
import json
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from bayesmmm import cli, prepare
from bayesmmm.errors import (
    BayesMMMError,
    DateError,
    ExportSettingError,
    FileFormatError,
    MixedRowsError,
    NotNumericError,
    UnknownColumnError,
    ValueRangeError,
    WritingError,
)
from tests.raw_exports import by_day, save, table
from tests.refused_exports import workbook

COLUMNS = {"cost": "Cost"}


def day_file(folder, *cells, head=("Day", "Cost"), day="2026-03-0{}", name="google.csv"):
    return save(folder, table([head, *([day.format(i), cell] for i, cell in enumerate(cells, 2))]), name)


# ------------------------------------------------------------------------------------------------------ numbers and days
@pytest.mark.parametrize("cell", ["9" * 400, "9" * 51, "-" + "9" * 60, "9" * 310 + ".5"])
def test_numbers_beyond_what_is_computed_with_are_refused(cell, tmp_path):
    with pytest.raises(ValueRangeError, match=r"'Cost', row 3: .* is more than 1e\+50, .*; correct the cell"):
        prepare.tidy(day_file(tmp_path, "1", cell), columns=COLUMNS)


def test_whole_numbers_beyond_64_bits_stay_what_they_are(tmp_path):
    assert by_day(prepare.tidy(day_file(tmp_path, "9" * 20, "2"), columns=COLUMNS), "cost")["2026-03-02"] == 1e20


@pytest.mark.parametrize(
    ("value", "error"),
    [
        *((value, NotNumericError) for value in (np.inf, -np.inf, 1j, [1])),
        pytest.param(10**400, ValueRangeError, id="large"),
        (1e300, ValueRangeError),
        pytest.param(10**5000, NotNumericError, id="digits"),
    ],
)
def test_cells_in_memory_that_are_no_amounts(value, error):
    frame = pd.DataFrame({"Day": ["2026-03-02", "2026-03-03"], "Cost": pd.Series([1.0, value], dtype=object)})
    with pytest.raises(error, match=r"column 'Cost', row 3: .*correct the cell"):
        prepare.tidy(frame, columns=COLUMNS)


@pytest.mark.parametrize(
    ("day", "given"),
    [("9999-03-0{}", {}), ("1600-03-0{}", {}), ("9999-W0{}", {}), ("0{}/03/9999", {"date_format": "%d/%m/%Y"})],
)
def test_years_beyond_those_of_the_package_are_refused(day, given, tmp_path):
    with pytest.raises(DateError, match=r"'Day', row 2: .* has a year outside 1900 to 2189; correct the date"):
        prepare.tidy(day_file(tmp_path, "1", "2", day=day), columns=COLUMNS, **given)


@pytest.mark.parametrize("year", ["0", "9999"])
def test_fiscal_years_beyond_those_of_the_package_are_refused(year, tmp_path):
    path = save(tmp_path, table([["Year", "Week", "Cost"], [year, "1", "2"]]))
    with pytest.raises(DateError, match=f"fiscal year {year} is outside 1900 to 2189"):
        prepare.tidy(path, columns=COLUMNS, fiscal=("Year", "Week"))


def test_a_range_beyond_the_years_of_the_package_is_not_said(tmp_path):
    lines = [["Report from 2026-03-01 to 9999-12-31"], ["Day", "Cost"], ["2026-03-02", "1"], ["2026-03-04", "1"]]
    found = prepare.tidy(save(tmp_path, table(lines)), columns=COLUMNS, fill=True)
    assert list(by_day(found, "cost").values()) == [1, 0, 1]


# ----------------------------------------------------------------------------------------------------------------- units
@pytest.mark.parametrize(
    ("cells", "sign", "cell"), [(["5%", "3"], "%", "3"), (["5%", "$3"], "$", "5%"), (["€5", "$3"], "$", "€5")]
)
def test_numbers_of_several_units_are_not_added_up(cells, sign, cell, tmp_path):
    said = rf"row [23]: '{re.escape(cell)}' stands among numbers with '{re.escape(sign)}', .* in one unit"
    with pytest.raises(MixedRowsError, match=said):
        prepare.tidy(day_file(tmp_path, *cells), columns=COLUMNS)
    one = [c.strip("%$€") for c in cells]
    assert list(by_day(prepare.tidy(day_file(tmp_path, *one), columns=COLUMNS), "cost").values()) == [5, 3]


def test_percent_signs_are_stripped_and_the_log_says_so(tmp_path):
    found = prepare.tidy(day_file(tmp_path, "5%", "3 %"), columns=COLUMNS)
    assert list(by_day(found, "cost").values()) == [5, 3]
    assert "'Cost': percent signs are stripped, 5% is taken as 5" in str(found.log)
    assert "percent signs" not in str(prepare.tidy(day_file(tmp_path, "5", "3"), columns=COLUMNS).log)


# ------------------------------------------------------------------------------------------------------------- arguments
ODD = [3, 1.5, True, b"x", [], ["x"], {1: 2}, {"a": 1}, object(), {"g"}, np.array([1]), np.nan, "\0", "", "nosuch"]
ODD += [pd.DataFrame({"a": [1]}), ("x",), {"google": None}, {"cost": [1]}]


@pytest.mark.parametrize("argument", list(inspect.signature(prepare.tidy).parameters)[1:])
def test_arguments_of_another_kind_are_refused_or_can_be_done_again(argument, tmp_path):
    path, refused = day_file(tmp_path, "1", "2"), 0
    for value in ODD:
        try:
            found = prepare.tidy(path, **{"columns": COLUMNS, argument: value})
        except BayesMMMError:
            refused += 1
        else:
            found.log.to_json(tmp_path / "log.json")
            assert prepare.replay(tmp_path / "log.json", path).frame.equals(found.frame)
    assert refused > len(ODD) / 2


def test_numbers_of_numpy_go_into_the_log(tmp_path):
    path = day_file(tmp_path, "--", "2")
    found = prepare.tidy(path, columns=COLUMNS, missing=np.int64(7), fill=np.True_, stack=np.False_)
    found.log.to_json(tmp_path / "log.json")
    assert by_day(prepare.replay(tmp_path / "log.json", path), "cost") == {"2026-03-02": 7, "2026-03-03": 2}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"decimal": {"Cots": ","}}, r"decimal= names 'Cots' \(did you mean 'cost'\?\), which is neither"),
        ({"start": 5}, "start=5 is not a date"),
        ({"start": "2026-03-02 14:00"}, "is not a date without time of day"),
        ({"currency": "EUR", "rates": {"USD": float("inf")}}, "must be above 0"),
        ({"currency": "EUR", "rates": {"USD": True}}, "must hold numbers"),
        (
            {"currency": "EUR", "rates": "nosuch.csv"},
            r"'nosuch\.csv' cannot be read: .*; give the path of a CSV file",
        ),
        ({"geo": 3}, "geo=3 must be a name or a list of names"),
        ({"stack": "no"}, "stack='no' must be True or False"),
    ],
)
def test_odd_arguments_say_what_is_allowed(given, words, tmp_path):
    with pytest.raises(BayesMMMError, match=words):
        prepare.tidy(day_file(tmp_path, "1", "2"), columns=COLUMNS, **given)


@pytest.mark.parametrize("place", ["0", "3", "²", "9" * 5000])
def test_places_of_columns_that_are_not_there(place, tmp_path):
    with pytest.raises(UnknownColumnError, match=r"a column 'Cost#3'|no row with any"):
        prepare.tidy(day_file(tmp_path, "1"), columns={"cost": f"Cost#{place}"})


# ----------------------------------------------------------------------------------------------------------------- files
def damaged(content, *ways):
    """An archive, time and again with one part left out or other than it was."""
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    for name, how in itertools.product(names, ways):
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
            for part in names:
                if part != name or how is not None:
                    new.writestr(part, old.read(part) if part != name else how)
        yield out.getvalue()


def test_damaged_files_are_refused_by_name(tmp_path):
    frame = pd.DataFrame({"Day": ["2026-03-02"], "Cost": [1.0]})
    frame.to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    for size in (4, 8, 20, len(whole) // 2, len(whole) - 1):
        with pytest.raises(FileFormatError, match=r"read by pyarrow, and may be damaged .*; download it again"):
            prepare.tidy(save(tmp_path, whole[:size], "x.parquet"), columns=COLUMNS)
    assert by_day(prepare.tidy(tmp_path / "whole.parquet", columns=COLUMNS), "cost") == {"2026-03-02": 1}
    said = []
    for content in damaged(workbook(), None, b"", b"<a><b></a>"):
        path = save(tmp_path, content, "x.xlsx")
        try:
            found = prepare.tidy(path, columns=COLUMNS)
        except FileFormatError as error:
            said.append(str(error))
        else:  # not every part of a workbook is needed for its cells
            assert found.frame["cost"].sum() == pytest.approx(1899.04)
    assert len(said) > 10
    assert all("by openpyxl, and may be damaged" in text or "not text but an archive" in text for text in said)


def test_logs_that_are_not_as_they_were_written(tmp_path):
    path, log = day_file(tmp_path, "1", "2"), tmp_path / "log.json"
    whole = json.loads(prepare.tidy(path, columns=COLUMNS).log.to_json())
    odd = [None, 3, "x", [], [1], [[]], [{}], {"a": 1}, {"a": None}]
    texts = ["", "null", "[" * 100_000, '{"bayesmmm_log": ' + "9" * 5000 + "}"]
    texts += [json.dumps({**whole, key: value}) for key in whole for value in odd]
    texts += [json.dumps({name: part for name, part in whole.items() if name != key}) for key in whole]
    step = whole["steps"][0]
    texts += [json.dumps({**whole, "steps": [{**step, key: value}]}) for key in step for value in odd]
    marks = [{"order": 3}, {"order": None, "marks": {"Cost": "x"}}, {"x": 1}, [], None, {"marks": 3}]
    texts += [json.dumps({**whole, "decided": {"google": each}}) for each in marks]
    texts += [json.dumps({**whole, "arguments": each}) for each in ({"date": 3}, {"files": "x"}, {"zzz": 1})]
    refused = 0
    for text in texts:
        log.write_text(text)
        try:
            prepare.replay(log, path)
        except BayesMMMError:
            refused += 1
    assert refused > 0.6 * len(texts)
    log.write_text(json.dumps({**whole, "bayesmmm_log": 2}))
    with pytest.raises(ExportSettingError, match="it has version 2, and 1 can be read"):
        prepare.replay(log, path)
    log.write_text(json.dumps(whole))
    assert by_day(prepare.replay(log, path), "cost") == {"2026-03-02": 1, "2026-03-03": 2}


@pytest.mark.parametrize("place", ["", "a\0b", "none.json", ".", None, 3])
def test_logs_that_cannot_be_read(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExportSettingError, match=r"must be a path, as log='tidy\.log\.json'|cannot be read"):
        prepare.replay(place, day_file(tmp_path, "1"))


# ---------------------------------------------------------------------------------------------------------------- places
@pytest.mark.parametrize("place", ["", None, "a\0b", 3, ["x"], ".", "no/x.csv", "/dev/full", "x" * 300])
def test_places_that_cannot_be_written_to(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = prepare.tidy(pd.DataFrame({"Day": ["2026-03-02"], "Cost": [1.0]}), columns=COLUMNS)
    for write in (found.to_csv, found.log.to_json):
        if place is None:
            assert write(place)
            continue
        said = r"cannot be written: .* Give a path in a folder that exists|must be a path, as path='tidy\.csv'"
        with pytest.raises((WritingError, ExportSettingError), match=said):
            write(place)
    assert not list(tmp_path.iterdir())


def test_a_table_and_its_log_are_replaced_together_or_not_at_all(tmp_path, capsys):
    path, out = day_file(tmp_path, "1", "2"), tmp_path / "tidy.csv"
    words = ["prepare", str(path), "--columns", "cost=Cost", "--out", str(out)]
    assert cli.main(words) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["google.csv", "tidy.csv", "tidy.log.json"]
    before = out.read_bytes()
    day_file(tmp_path, "3", "4")
    assert cli.main([*words, "--log", str(tmp_path)]) == cli.BAD_INPUT
    assert out.read_bytes() == before
    for place in (["--out", str(path)], ["--log", str(path)], ["--log", str(out)]):
        assert cli.main([*words, *place]) == cli.BAD_INPUT
        assert "must differ from each other and from the files that are read" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert path.read_text().endswith("4\n")
