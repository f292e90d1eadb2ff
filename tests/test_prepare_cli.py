"""The command `prepare`, and how long a large file takes."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bayesmmm import cli, prepare
from tests.raw_exports import RECORDS, comma, export, save, table

ROWS, COLUMNS, SECONDS, GIGABYTES = 132_759, 50, 10.0, 1.5


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
_CHILD = """
import resource, sys, time
from bayesmmm import prepare
start = time.process_time()
found = prepare.tidy(sys.argv[1])
seconds = time.process_time() - start
scale = 1e9 if sys.platform == "darwin" else 1e6
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale, *found.frame.shape)
found.to_csv(sys.argv[2])
"""


@pytest.mark.slow
def test_a_large_file_in_seconds(tmp_path):
    """132,759 rows x 50 columns: days, text, 46 columns of numbers in three ways of writing, each compared by day.

    Time is the processor's: what else runs on the machine does not count.
    """
    rng = np.random.default_rng(1)
    days = pd.date_range("2022-01-01", periods=1500)
    place = rng.integers(0, len(days), ROWS)
    cells = {
        "Day": days[place].strftime("%Y-%m-%d"),
        "Campaign": [f"Campaign {i}" for i in rng.integers(0, 200, ROWS)],
        "Currency code": ["EUR"] * ROWS,
        "Ad": [f"Ad {i}" for i in rng.integers(0, 100_000, ROWS)],
    }
    cents = {}
    for j in range(COLUMNS - len(cells)):
        name = f"Amount {j}"
        cents[name] = rng.integers(0, 10**6, ROWS) * (100 if j % 3 == 2 else 1)
        ways = ("{:,.2f}", "{:.2f}", "{:,.0f}")
        cells[name] = [ways[j % 3].format(value) for value in (cents[name] / 100).tolist()]
    path = tmp_path / "large.csv"
    pd.DataFrame(cells).to_csv(path, index=False)
    words = [sys.executable, "-c", _CHILD, str(path), str(tmp_path / "tidy.csv")]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ)
    seconds, gigabytes, rows, columns = map(float, done.stdout.split())
    sys.stdout.write(f"{ROWS} rows x {COLUMNS} columns: {seconds:.1f} s, {gigabytes:.2f} GB\n")
    assert (rows, columns) == (1500, COLUMNS - 3)
    tidy = pd.read_csv(tmp_path / "tidy.csv")
    for name, values in cents.items():
        assert (tidy[name] * 100).round().tolist() == np.bincount(place, weights=values).tolist()
    assert seconds <= SECONDS
    assert gigabytes <= GIGABYTES
