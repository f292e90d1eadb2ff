"""`bayesmmm check`: faults and exit status, with a system and without one."""

import re

import numpy as np
import pandas as pd
import pytest

from bayesmmm import cli, prepare
from bayesmmm.data import MMMData
from bayesmmm.data.frames import faults_without_roles
from bayesmmm.equations import MMM, Equation
from tests.data_tables import weekly

SPEC = """\
[data]
date = "week"
outcome = "revenue"
media = ["tv", "facebook"]
controls = ["price"]

[data.mediators]
google = "money"

"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "system.toml"
    google = Equation("google", media=["tv"], likelihood="censored_normal")
    system = MMM([google, Equation("revenue", media=["tv", "facebook", "google"], linear=["price"])])
    path.write_text(SPEC + system.to_toml())
    return str(path)


def run(capsys, *words):
    status = cli.main(["check", *map(str, words)])
    return status, capsys.readouterr()


def save(frame, tmp_path):
    path = tmp_path / "data.csv"
    frame.to_csv(path, index=False)
    return path


def test_clean_data_are_checked_against_the_system(spec, tmp_path, capsys):
    status, said = run(capsys, save(weekly(60), tmp_path), "--spec", spec)
    assert status == 0
    for words in ("no fault", "60 weekly periods", "Cautions", "Audit", "diagnosis of the data"):
        assert words in said.out


def test_faults_are_printed_and_the_status_says_so(spec, tmp_path, capsys):
    frame = weekly(60).assign(tv=-1.0, price=2.0)
    frame["week"] = frame["week"].dt.strftime("%d.%m.%Y")
    status, said = run(capsys, save(frame, tmp_path), "--spec", spec)
    assert status == cli.FAULTY == 4
    assert said.out.startswith("3 faults of ")
    for words in ("DateError", "NegativeSpendError", "ConstantColumnError", "remedy", "bayesmmm.prepare"):
        assert words in said.out
    assert cli.main(["fit", str(tmp_path / "data.csv"), "--spec", spec, "--out", str(tmp_path / "out")]) == 2
    assert "one of 3 faults, all listed by" in capsys.readouterr().err


def test_a_system_that_does_not_fit_the_data_is_refused(tmp_path, capsys):
    path = tmp_path / "system.toml"
    path.write_text(SPEC + MMM([Equation("revenue", media=["radio"])]).to_toml())
    status, said = run(capsys, save(weekly(60), tmp_path), "--spec", path)
    assert status == 2
    assert "radio" in said.err


def test_without_a_system_what_needs_no_role_is_checked(tmp_path, capsys):
    frame = weekly(60).assign(note="x")
    assert run(capsys, save(frame, tmp_path))[0] == 0
    frame["tv"] = [f"${value:,.2f}" for value in frame["tv"]]
    frame.loc[3, "price"] = np.nan
    status, said = run(capsys, save(frame.drop(index=7), tmp_path))
    assert status == 4
    assert said.out.startswith("3 faults of ")
    for words in ("NotNumericError: column 'tv'", "MissingValueError: column 'price'", "CalendarGapError"):
        assert words in said.out


def test_without_a_system_dates_are_found_or_named(tmp_path, capsys):
    frame = weekly(60)[["revenue", "tv"]]
    status, said = run(capsys, save(frame, tmp_path))
    assert status == 4
    assert "no column holds dates" in said.out
    frame["week"] = pd.date_range("2024-01-07", periods=60, freq="7D").strftime("%m/%d/%Y")
    status, said = run(capsys, save(frame, tmp_path))
    assert "%m/%d/%Y" in said.out
    assert run(capsys, tmp_path / "data.csv", "--date-format", "%m/%d/%Y")[0] == 0
    assert run(capsys, tmp_path / "data.csv", "--date", "day")[0] == 4


def test_options_that_contradict_each_other_and_files_that_are_not_there(spec, tmp_path, capsys):
    status, said = run(capsys, tmp_path / "none.csv")
    assert status == 4
    assert "does not exist" in said.out
    status, said = run(capsys, save(weekly(), tmp_path), "--spec", spec, "--date", "week")
    assert status == 2
    assert "--date goes without --spec" in said.err
    (tmp_path / "bare.toml").write_text(MMM([Equation("revenue", media=["tv"])]).to_toml())
    status, said = run(capsys, tmp_path / "data.csv", "--spec", tmp_path / "bare.toml")
    assert status == 2
    assert "no [data] table" in said.err


def test_a_panel_without_a_system(tmp_path, capsys):
    frame = pd.concat([weekly(60, seed=i).assign(region=name) for i, name in enumerate(("north", "south"))])
    assert run(capsys, save(frame, tmp_path), "--geo", "region")[0] == 0
    status, said = run(capsys, save(frame, tmp_path))
    assert status == 4
    assert "every date occurs more than once" in said.out


# ------------------------------------------------------------------------------------------- files as they are exported
LINES = "Campaign report\n1 March 2026 - 20 March 2026\n"


def faults_of(path):
    return faults_without_roles(
        path, date=None, keys=[], date_format=None, is_day=lambda cell: cell.count(".") == 2
    )


@pytest.mark.parametrize(
    ("above", "separator", "encoding"),
    [
        *((LINES, ",", "utf-8"), ("", ";", "utf-8"), (LINES, ";", "utf-8"), (LINES, "\t", "utf-16")),
        *(("", ",", "utf-16"), ("", ",", "cp1252"), ('"A, b"\n\n"c"\n', ",", "utf-8")),
    ],
)
def test_faults_behind_that_of_the_file(tmp_path, capsys, above, separator, encoding):
    """Another separator, encoding or first line hides no fault, and the line of the message reads the file."""
    frame = weekly().rename(columns={"tv": "tv für alle"})
    frame["week"] = frame["week"].dt.strftime("%d.%m.%Y")
    path = tmp_path / "data.csv"
    path.write_bytes((above + frame.to_csv(index=False, sep=separator)).encode(encoding))
    status, said = run(capsys, path)
    assert status == cli.FAULTY
    assert "DateError: column 'week', data row 1" in said.out
    assert "more cells than" not in said.out
    if encoding == "cp1252":
        assert faults_of(path)[0].prepare == "reads it, told how it is written: encoding='cp1252'"
        table = prepare.tidy(path, columns={"tv": "tv für alle"}, encoding="cp1252").frame
        assert table["tv"].tolist() == pytest.approx(frame["tv für alle"].tolist(), abs=1e-8)
        return
    calls = re.findall(r"pd\.read_csv\(path[^)]*\)", " ".join(fault.remedy for fault in faults_of(path)[:3]))
    told = eval(max(calls, key=len), {"pd": pd, "path": path})
    pd.testing.assert_frame_equal(told, frame, check_dtype=False)


def test_rows_with_more_cells_hide_no_fault(tmp_path, capsys):
    text = weekly().astype({"week": str}).to_csv(index=False).splitlines()
    path = tmp_path / "data.csv"
    path.write_text("\n".join([*text[:3], text[3] + ",1,2", *text[4:-1], text[-1].replace("20", "--", 1)]))
    _, said = run(capsys, path)
    assert "more cells than its header of 6" in said.out
    assert "is not a date" in said.out


def test_what_prepare_does_about_limits():
    frame = weekly().astype({"tv": object})
    frame.loc[3, "tv"] = "<5"
    (fault,) = MMMData.check(frame, date="week", outcome="revenue", media=["tv"])
    assert "below='half'" in fault.prepare
    frame["week"] = frame["week"].astype(str)
    assert prepare.tidy(frame, columns=["tv"], below="half").frame["tv"][3] == 2.5
