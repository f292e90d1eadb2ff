"""The command `prepare`, and a large file."""

import json

import pytest

from bayesmmm import cli, prepare
from benchmarks import large_export
from tests.raw_exports import RECORDS, comma, export, save, table


def run(*words):
    return cli.main(["prepare", *map(str, words)])


def test_files_with_names_and_settings_of_their_own(tmp_path, capsys):
    google = save(tmp_path, table([["Day", "Cost"], ["2/3/2026", "1,234"], ["3/3/2026", "2"]]), "g.csv")
    meta = save(
        tmp_path, table([["Date", "Cost", "On"], ["3/2/2026", "1,234", "a"], ["3/3/2026", "--", ""]]), "m.csv"
    )
    status = run(
        *(f"google={google}", f"meta={meta}"),
        *("--columns", "google=google:Cost", "meta=meta:Cost", "--columns", "rows"),
        *("--date", "google=Day", "meta=Date", "--date-format", "google=%d/%m/%Y", "meta=%m/%d/%Y"),
        *("--decimal", "google=.", "meta=,", "--missing", "meta=0.5", "--how", "rows=rows"),
        *("--out", tmp_path / "new" / "tidy.csv", "--log", tmp_path / "made.json"),
    )
    assert status == 0
    want = "date,google,meta,rows\n2026-03-02,1234,1.234,1\n2026-03-03,2,0.500,1\n"
    assert (tmp_path / "new" / "tidy.csv").read_text() == want
    assert list(json.loads((tmp_path / "made.json").read_text())["files"]) == ["google", "meta"]
    assert "written:" in capsys.readouterr().out


def test_every_other_option_says_what_the_argument_does(tmp_path, monkeypatch, capsys):
    save(tmp_path, export(), "google.csv")
    monkeypatch.chdir(tmp_path)
    words = [
        *(
            "google.csv",
            "--out",
            "tidy.csv",
            "--columns",
            "cost=Cost",
            "--pivot",
            "Campaign",
            "--label",
            "Campaign",
        ),
        *(
            "--rules",
            "brand=brand*",
            "--rules",
            "rest=*",
            "--where",
            "Campaign=Brand search",
            "Campaign=Shopping all",
        ),
        *("--fill", "cost", "--start", "2026-03-02", "--stop", "2026-03-15", "--week-start", "monday"),
        *("--week-label", "start", "--partial", "keep", "--date-as", "week", "--accept", "totals", "incomplete"),
        *("--currency", "USD>EUR", "--rates", "USD=0.5", "--money", "cost", "--encoding", "utf-8", "--table", "1"),
    ]
    assert run(*words) == 0
    options = cli._parser().parse_args(["prepare", *words])
    from bayesmmm.cli.preparing import _settings

    given = _settings(options)
    assert given["where"] == {"Campaign": ["Brand search", "Shopping all"]}
    assert given["rules"] == {"brand": ["brand*"], "rest": ["*"]}
    assert (tmp_path / "tidy.csv").read_text() == prepare.tidy("google.csv", **given).to_csv()
    assert (tmp_path / "tidy.csv").read_text().splitlines()[1] == "2026-03-02,63.08,833.12"


def test_next_month_by_replay_beside_the_earlier_import(tmp_path, capsys):
    first = save(tmp_path, export(number=comma, separator=";"), "march.csv")
    assert run(first, "--columns", "cost=Cost", "--label", "Campaign", "--out", tmp_path / "march_tidy.csv") == 0
    capsys.readouterr()
    later = [(*record[:2], 2 * record[2], record[3]) for record in RECORDS]
    second = save(tmp_path, export(number=comma, separator=";", records=later), "again.csv")
    log = tmp_path / "march_tidy.log.json"
    assert run(second, "--replay", log, "--compare", first, "--out", tmp_path / "again_tidy.csv") == 0
    said = capsys.readouterr().out
    assert "3 in both, 0 only in the first, 0 only in the second; 3 have other numbers" in said
    assert "100.00" in said
    assert (tmp_path / "again_tidy.csv").read_text().splitlines()[1] == "2026-03-02,2691.62"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--columns", "cost=Cost", "--missing"], "expected at least one argument"),
        (["--columns", "cost=Cost", "--where", "Campaign"], "--where 'Campaign' must be NAME=TEXT"),
        (["--columns", "cost=Costs"], "did you mean 'Cost'?"),
        (["--replay", "none.json"], "none.json"),
        (["--table", "0"], "argument --table: '0' must be a whole number of at least 1"),
    ],
)
def test_bad_options_are_refused_in_one_line(tmp_path, capsys, words, said):
    path = save(tmp_path, export())
    try:
        status = run(path, "--out", tmp_path / "tidy.csv", *words)
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    assert status == 2
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "tidy.csv").exists()


# --------------------------------------------------------------------------------------------------------------- size
def test_a_large_export_is_the_sums_of_what_was_written(tmp_path):
    """Days, text, and columns of numbers in three ways of writing; the script times it with many more rows."""
    place, cents = large_export.write_export(tmp_path / "export.csv", 3000, 8)
    frame = prepare.tidy(tmp_path / "export.csv").frame
    assert frame.shape == (large_export.DAYS, 5)
    assert large_export.wrong_columns(frame, place, cents) == []
    frame.loc[7, "Amount 2"] += 1
    assert large_export.wrong_columns(frame, place, cents) == ["Amount 2"]
    assert large_export.wrong_columns(frame.drop(columns="Amount 1"), place, cents) == ["Amount 1"]
