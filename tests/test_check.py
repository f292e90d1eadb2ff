"""Every fault of a table at once: the same rules as those of the constructor, and remedies that are run."""

import re

import numpy as np
import pandas as pd
import pytest

from bayesmmm import errors, prepare
from bayesmmm.data import MMMData
from tests.data_tables import PERIODS, ROLES, panel, read, texts, weekly


def check(frame, **changes):
    return MMMData.check(frame, **{**ROLES, **changes})


def kinds(found):
    return [fault.kind for fault in found]


# ------------------------------------------------------------------------------------------------------ all at once
def messy():
    """A table with one fault of nearly every kind."""
    frame = weekly().astype(object)
    frame["week"] = weekly()["week"].dt.strftime("%d/%m/%Y").astype(object)
    frame["tv"] = [f"${10 * v:,.2f}" if v else "--" for v in frame["tv"]]
    frame["price"] = ["Yes" if v > 10 else "No" for v in frame["price"]]
    frame.loc[3, "facebook"] = -3.0
    frame.loc[5, "facebook"] = np.nan
    frame["google"] = 0.0
    frame = pd.concat([frame.iloc[:8], frame.iloc[[7]], frame.iloc[8:11], frame.iloc[12:]], ignore_index=True)
    frame.loc[len(frame)] = ["Total", 20_000.0, "$9,999.00", 700.0, 0.0, ""]
    return frame.rename(columns={"revenue": "Revenue "})


def test_every_fault_is_listed_once():
    found = check(messy())
    assert kinds(found) == [
        "UnknownColumnError",
        "DateError",
        "DateError",
        "NotNumericError",
        "NotNumericError",
        "DateError",
        "CalendarGapError",
        "MissingValueError",
        "NegativeSpendError",
        "NeverSpentError",
    ]
    assert [fault.column for fault in found] == [
        *("revenue", "week", "week", "tv", "price", "", "", "facebook", "facebook", "google"),
    ]
    said = str(found)
    assert said.startswith("10 faults of the table")
    for words in ("what is wrong", "remedy", "bayesmmm.prepare", "'Total'", "2023-03-19", "2023-02-19"):
        assert words in said
    assert all(len(line) <= 125 for line in said.splitlines())
    assert found.table().shape == (10, 5)
    assert found.table()["prepare"].str.len().min() > 0
    assert "<table>" in found._repr_html_()


def test_the_constructor_points_to_the_list_where_there_are_several():
    with pytest.raises(errors.UnknownColumnError, match=r"one of 10 faults, all listed by MMMData\.check"):
        read(messy())
    with pytest.raises(errors.NegativeSpendError) as alone:
        read(weekly().assign(tv=-1.0))
    assert "MMMData.check" not in str(alone.value)


def test_a_clean_table_has_no_fault():
    found = check(weekly())
    assert (len(found), bool(found)) == (0, False)
    assert str(found) == "no fault: the table can be read as it is"
    assert not check(panel(), geo="region")


def test_a_file_is_checked_too(tmp_path):
    path = tmp_path / "table.csv"
    messy().to_csv(path, index=False)
    found = check(path)
    assert str(found).startswith(f"11 faults of {str(path)!r}")
    # A blank cell of a file is no text.
    assert sorted(kinds(found)) == sorted([*kinds(check(messy())), "MissingValueError"])
    assert kinds(check(tmp_path / "none.csv")) == ["MissingFileError"]
    path.write_text("Report\nAll time\n" + weekly().to_csv(index=False))
    assert kinds(check(path)) == ["UnknownColumnError"]


def test_faults_of_arguments_are_listed_beside_those_of_the_table():
    found = check(weekly().assign(tv=0.0), controls="price", mediators=["google"], outcome_unit=3, missing="drop")
    assert kinds(found) == ["RoleError", "RoleError", "RoleError", "RoleError", "NeverSpentError"]


def test_rows_of_a_panel_are_looked_at():
    frame = panel()
    frame.loc[4, "region"] = None
    frame.loc[PERIODS + 1, "week"] = frame.loc[PERIODS, "week"]
    frame.loc[50, "tv"] = -1.0
    found = check(frame, geo="region")
    assert kinds(found) == ["PanelError", "DateError", "PanelError", "PanelError", "NegativeSpendError"]
    assert "data row 51" in found[-1].what


def test_what_is_no_table_is_one_fault():
    twice = pd.DataFrame([[1, 2]], columns=["week", "week"])
    assert kinds(check(twice))[-1] == "RoleError"
    late = weekly().assign(week=[pd.Timestamp("9999-01-01 02:00"), *weekly()["week"][1:]])
    assert kinds(check(late)) == ["DateError"]
    for table in (None, 3, {"week": [1]}, [1], b"x", pd.Series([1])):
        assert kinds(check(table)) == ["DataError"]
    assert kinds(check(pd.DataFrame())) == ["TooFewPeriodsError"]


# --------------------------------------------------------------------------------------- the same as the constructor
def _text(form):
    return lambda frame: frame.assign(week=pd.to_datetime(frame["week"]).dt.strftime(form).astype(object))


def _cell(column, value):
    def spoil(frame, rng):
        frame = frame.assign(**{column: frame[column].astype(object)})
        frame.iloc[rng.integers(len(frame)), frame.columns.get_loc(column)] = value
        return frame

    return spoil


def _rows(change):
    return lambda frame, rng: change(frame, int(rng.integers(2, len(frame) - 2)))


SPOILERS = {
    "slashed": lambda frame, rng: _text("%d/%m/%Y")(frame),
    "compact": lambda frame, rng: _text("%Y%m%d")(frame),
    "twice": _rows(lambda frame, i: pd.concat([frame.iloc[: i + 1], frame.iloc[i:]])),
    "gap": _rows(lambda frame, i: frame.drop(index=frame.index[i])),
    "swapped": _rows(lambda frame, i: frame.iloc[[*range(i), i + 1, i, *range(i + 2, len(frame))]]),
    "short": lambda frame, rng: frame.iloc[: rng.integers(1, 12)],
    "renamed": lambda frame, rng: frame.rename(columns={"facebook": "Facebook "}),
    "column twice": lambda frame, rng: pd.concat([frame, frame[["price"]]], axis=1),
    "zero": lambda frame, rng: frame.assign(tv=0.0),
    "constant": lambda frame, rng: frame.assign(price=3.0),
    "late": lambda frame, rng: frame.assign(week=pd.to_datetime(frame["week"]) + pd.Timedelta(hours=2)),
    "no geo": _cell("region", None),
    **{f"cell {value!r}": _cell("tv", value) for value in ("$1,234.50", "--", "soon", -1.0, np.nan, np.inf, 1e60)},
    **{f"outcome {value!r}": _cell("revenue", value) for value in ("Total", np.nan, "")},
    **{f"day {value!r}": _cell("week", value) for value in (None, "Total", "9999-01-01", "2023-01-01T00:00:00Z")},
}
CHANGES = [{}, {"missing": "ignore"}, {"date_format": "%d/%m/%Y"}, {"media": ["tv", "tv"]}, {"controls": ["x"]}]
CHANGES += [{"mediators": {"google": "visits"}}, {"controls": []}]


@pytest.mark.parametrize("seed", range(150))
def test_a_table_without_faults_is_read_and_another_is_not(seed):
    rng = np.random.default_rng(seed)
    geo = {} if rng.random() < 0.6 else {"geo": "region"}
    frame = panel() if geo else weekly().assign(region="all")
    chosen = rng.choice(list(SPOILERS), size=int(rng.integers(0, 4)), replace=False)
    for name in chosen:
        if len(frame) > 4 and (frame.columns == "price").sum() == 1:
            try:
                frame = SPOILERS[name](frame, rng)
            except (KeyError, ValueError, TypeError):  # what was spoilt before cannot always be spoilt so
                continue
    roles = {**ROLES, **geo, **CHANGES[int(rng.integers(len(CHANGES)))]}
    found = MMMData.check(frame, **roles)
    raised = None
    try:
        MMMData.from_frame(frame, **roles)
    except errors.DataError as error:
        raised = error
    assert (raised is None) == (len(found) == 0)
    if raised is not None:
        assert type(raised).__name__ == found[0].kind
        assert str(raised).startswith(str(found[0].error))


# ------------------------------------------------------------------------------------------------ remedies that are run
def run(remedy, frame):
    """Run the line of code at the end of a remedy."""
    code = re.search(r"(frame(?:\[[^\]]*\])? = .*)$", remedy)[1]
    names = {"frame": frame.copy(), "pd": pd}
    exec(code, names)
    return names["frame"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["$85,448.94", "$1.50"], [85448.94, 1.5]),
        (["€ 1.234,50", "0,25 €"], [1234.5, 0.25]),
        (["1 234.5", "2"], [1234.5, 2.0]),
        (["$3,000", "--", "-"], [3000.0, 0.0, 0.0]),
        (["Yes", "no", "YES"], [1.0, 0.0, 1.0]),
        (["500", " 7 "], [500.0, 7.0]),
        (["n/a", 5.0], [0.0, 5.0]),
        (["5%", "12.5%"], [5.0, 12.5]),
    ],
)
def test_text_is_made_numbers_by_the_line_of_the_message(cells, expected):
    frame = weekly()
    frame["facebook"] = pd.Series([*cells, *frame["facebook"][len(cells) :]], dtype=object)
    (fault,) = check(frame)
    mended = run(fault.remedy, frame)
    assert mended["facebook"][: len(cells)].tolist() == expected
    assert not check(mended)


@pytest.mark.parametrize(
    ("cells", "options", "expected"),
    [
        (["1,234", "5,678.25"], {"thousands": ","}, 1234.0),
        (["12,5", "0,75"], {"decimal": ","}, 12.5),
        (["1.234,5", "0,75"], {"decimal": ",", "thousands": "."}, 1234.5),
        (["1,234", "5,678"], {"thousands": ","}, 1234.0),
        (["1,234", "5,678"], {"decimal": ","}, 1.234),
    ],
)
def test_files_are_read_with_the_marks_of_the_message(cells, options, expected, tmp_path):
    frame = weekly().assign(facebook=[cells[i % 2] for i in range(PERIODS)])
    path = tmp_path / "table.csv"
    other = frame.assign(**{c: frame[c].round(0).astype(int) for c in ("revenue", "tv", "google", "price")})
    other.to_csv(path, index=False)
    (fault,) = check(path)
    said = ", ".join(f'{name}="{mark}"' for name, mark in options.items())
    assert said in fault.remedy
    assert read(pd.read_csv(path, **options)).columns["facebook"][0, 0] == expected


@pytest.mark.parametrize(
    "days",
    [
        lambda d: [f"{day:%Y-%m-%d}T00:00:00{'+02:00' if day.month > 3 else '+01:00'}" for day in d],
        lambda d: [f"{day:%Y-%m-%d}T01:30:00Z" for day in d],
        lambda d: d.dt.tz_localize("Europe/Berlin"),
        lambda d: [day.tz_localize("UTC") for day in d],
        lambda d: d + pd.Timedelta(hours=5),
        lambda d: [f"{day:%Y-%m-%d} 13:30:00" if day.day > 9 else f"{day:%Y-%m-%d}" for day in d],
        lambda d: pd.period_range("2023-01", periods=PERIODS, freq="M"),
    ],
)
def test_the_day_of_a_moment_is_kept_by_the_line_of_the_message(days):
    frame = weekly().assign(week=days(weekly()["week"]))
    found = check(frame)
    fault = next(fault for fault in found if fault.kind == "DateError")
    mended = run(re.sub(r" first$|, or add up to days$", "", fault.remedy), frame)
    assert not check(mended)


@pytest.mark.parametrize("day", ["", None, "Total"])
def test_a_row_of_totals_is_dropped_by_the_line_of_the_message(day):
    frame = weekly().astype({"week": object})
    frame.loc[PERIODS] = [day, *weekly().sum(numeric_only=True)]
    found = check(frame)
    assert "drop the row" in found[0].remedy
    mended = run(found[0].remedy, frame) if day != "Total" else frame.drop(index=PERIODS)
    assert not check(mended)


def test_a_total_in_a_column_of_numbers_is_dropped():
    frame = weekly().astype({"tv": object, "week": object})
    frame.loc[PERIODS] = [None, 1.0, "Total", 1.0, 1.0, 1.0]
    fault = next(fault for fault in check(frame) if fault.kind == "NotNumericError")
    assert not check(run(fault.remedy, frame))


def test_a_geo_without_a_name_is_dropped_as_a_total():
    frame = panel()
    frame.loc[len(frame)] = [frame["week"].iloc[0], *[9e3] * 5, None]
    (fault,) = check(frame, geo="region")
    assert not check(run(fault.remedy, frame), geo="region")


def test_lines_above_the_header_are_skipped_by_the_words_of_the_message(tmp_path):
    path = tmp_path / "table.csv"
    for above in ("Report,one\n", "My report\nAll time\n", '"A, b"\n\n"c"\n'):
        path.write_text(above + weekly().to_csv(index=False))
        (fault,) = check(path)
        rows = int(re.search(r"skiprows=(\d+)", fault.remedy)[1])
        assert read(pd.read_csv(path, skiprows=rows)) == read(weekly())


def test_separators_of_the_message(tmp_path):
    path = tmp_path / "table.csv"
    weekly().to_csv(path, index=False, sep=";")
    (fault,) = check(path)
    assert "sep=';'" in fault.remedy
    assert read(pd.read_csv(path, sep=";")) == read(weekly())


def test_other_remedies_of_messages():
    frame = weekly()
    assert not check(_text("%d/%m/%Y")(frame), date_format="%d/%m/%Y")
    swapped = frame.iloc[[1, 0, *range(2, PERIODS)]]
    assert "sort the frame by 'week'" in check(swapped)[0].remedy
    assert not check(swapped.sort_values("week"))
    gap = frame.drop(index=5).reset_index(drop=True)
    assert "add the missing rows" in check(gap)[0].remedy
    row = pd.DataFrame({**dict.fromkeys(frame, 0.0), "week": [frame["week"][5]], "revenue": [np.nan]})
    assert not check(pd.concat([gap, row]).sort_values("week"), missing="ignore")
    twice = pd.concat([frame, frame.iloc[[3]]]).sort_values("week", kind="stable")
    assert "one per date" in check(twice)[0].remedy
    assert not check(twice.drop_duplicates("week"))
    assert "geo=..." in check(panel())[0].remedy
    assert not check(panel(), geo="region")
    assert not check(frame.assign(tv=0.0), media=["facebook"])
    assert not check(frame.assign(price=1.0), controls=[])
    assert not check(frame.set_index("week").reset_index())


# ----------------------------------------------------------------------------------------------------- other files
def test_workbooks_and_parquet_are_read(tmp_path):
    pytest.importorskip("openpyxl", reason="workbooks need openpyxl")
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    frame = weekly()
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    for name in ("a.xlsx", "a.parquet", "a.csv"):
        data = MMMData.from_file(tmp_path / name, **ROLES)
        np.testing.assert_allclose(data.columns["tv"], read(frame).columns["tv"], rtol=1e-14)
        assert not check(tmp_path / name)
    for kind, name in (("workbook", "a.xlsx"), ("Parquet", "a.parquet")):
        with pytest.raises(errors.DataError, match=rf"{kind}.*; .*read it with MMMData\.from_file"):
            MMMData.from_csv(tmp_path / name, **ROLES)
    (tmp_path / "b.csv").write_bytes((tmp_path / "a.xlsx").read_bytes())
    with pytest.raises(
        errors.FileFormatError, match=r"an Excel workbook under another name; rename it to end in \.xlsx"
    ):
        MMMData.from_file(tmp_path / "b.csv", **ROLES)


def test_sheets_of_a_workbook_are_named(tmp_path):
    pytest.importorskip("openpyxl", reason="workbooks need openpyxl")
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame({"note": ["read me"]}).to_excel(writer, sheet_name="Read me", index=False)
        weekly().to_excel(writer, sheet_name="Data", index=False)
    with pytest.raises(errors.DataError, match=r"has 2 sheets, 'Read me', 'Data'; .*sheet='Read me'"):
        MMMData.from_file(path, **ROLES)
    assert MMMData.from_file(path, sheet="Data", **ROLES).frequency == "weekly"
    with pytest.raises(errors.DataError, match=r"has no sheet 'data'.*correct the name"):
        MMMData.from_file(path, sheet="data", **ROLES)
    weekly().to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(errors.DataError, match="which is no workbook; leave sheet out"):
        MMMData.from_file(tmp_path / "a.csv", sheet="Data", **ROLES)


@pytest.mark.parametrize(
    ("name", "library", "extra"), [("a.xlsx", "openpyxl", "xlsx"), ("a.parquet", "pyarrow", "parquet")]
)
def test_a_library_that_is_not_there_is_named_with_what_installs_it(name, library, extra, tmp_path, monkeypatch):
    pytest.importorskip(library, reason=f"{name} is written with {library}")
    path = tmp_path / name
    weekly().to_excel(path, index=False) if name.endswith("xlsx") else weekly().to_parquet(path)

    def absent(*args, **kwargs):
        raise ImportError(library)

    monkeypatch.setattr(pd, "read_excel", absent)
    monkeypatch.setattr(pd, "read_parquet", absent)
    with pytest.raises(errors.MissingLibraryError, match=rf"needs {library}.*pip install 'bayesmmm\[{extra}\]'"):
        MMMData.from_file(path, **ROLES)


# ------------------------------------------------------------------------------------- what prepare does about a fault
NUMBERS = ["revenue", "tv", "facebook", "google", "price"]


def whole():
    """A clean table with numbers of two decimals."""
    frame = weekly()
    return frame.assign(**{name: frame[name].round(2) for name in NUMBERS})


def _total(frame):
    last = pd.DataFrame({"week": ["Total"], **{name: [round(frame[name].sum(), 2)] for name in NUMBERS}})
    return pd.concat([frame.assign(week=texts(frame["week"])), last], ignore_index=True)


def _later(frame, hours):
    return frame.assign(week=frame["week"] + pd.Timedelta(hours=hours))


PREPARED = {
    "another form": (lambda f: f.assign(week=f["week"].dt.strftime("%d/%m/%Y")), "reads it as it stands"),
    "time of day": (lambda f: _later(f, 5), "takes the day, and adds up the rows of a day"),
    "time zones": (
        lambda f: f.assign(
            week=[f"{d:%Y-%m-%d}T00:00:00{'+02:00' if d.month > 3 else '+01:00'}" for d in f["week"]]
        ),
        "takes the day as it stands there",
    ),
    "order": (lambda f: f.iloc[::-1], "puts periods in order"),
    "twice": (lambda f: pd.concat([f.iloc[:4], f.iloc[3:]]), "duplicates='drop'"),
    "signs": (lambda f: f.assign(tv=[f"${v:,.2f}" for v in f["tv"]]), "reads it"),
    "comma": (lambda f: f.assign(price=[f"{v:.2f}".replace(".", ",") for v in f["price"]]), "reads it"),
    "blanks": (lambda f: f.assign(tv=f["tv"].where(f["tv"] > 0)), "missing=0"),
    "dashes": (lambda f: f.assign(tv=[v or "--" for v in f["tv"]]), "missing=0"),
    "names": (lambda f: f.rename(columns={"tv": " TV "}), "finds ' TV '"),
    "total": (_total, "compares rows of totals with the rest and leaves them out"),
}


@pytest.mark.parametrize("case", PREPARED)
def test_prepare_does_what_a_fault_says(case):
    spoil, said = PREPARED[case]
    frame = spoil(whole())
    found = check(frame)
    assert any(said in fault.prepare for fault in found)
    named = ", ".join(re.findall(r"\b(?:missing=0|duplicates='drop')", " ".join(fault.prepare for fault in found)))
    tidied = prepare.tidy(frame, columns=NUMBERS, date="week", date_as="week", **eval(f"dict({named})"))
    assert read(tidied.frame) == read(whole())
