"""How long a large export takes to be checked and prepared, and how much memory, of a file that is made up.

    python benchmarks/large_export.py --rows 132759 --columns 50

The file holds days, text, and columns of numbers in three ways of writing. Time is the processor's, so that what else
runs on the machine does not count; memory is the largest of a process that does nothing else. Every sum by day is
compared with that of the numbers that were written.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROWS, COLUMNS, DAYS = 132_759, 50, 1500
CHILD = """
import contextlib, io, resource, sys, time
from bayesmmm import cli, prepare
start = time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    assert cli.main(["check", sys.argv[1]]) == cli.FAULTY
checked = time.process_time() - start
made = prepare.tidy(sys.argv[1])
seconds = time.process_time() - start
scale = 1e9 if sys.platform == "darwin" else 1e6
print(checked, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale)
made.to_csv(sys.argv[2])
"""


def write_export(path: Path, rows: int, columns: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Write a made-up export; return the day of every row and what was written into the columns of numbers, in cents."""
    rng = np.random.default_rng(1)
    days = pd.date_range("2022-01-01", periods=DAYS)
    place = np.concatenate([np.arange(DAYS), rng.integers(0, DAYS, rows - DAYS)])
    cells: dict[str, object] = {
        "Day": days[place].strftime("%Y-%m-%d"),
        "Campaign": [f"Campaign {i}" for i in rng.integers(0, 200, rows)],
        "Currency code": ["EUR"] * rows,
        "Ad": [f"Ad {i}" for i in rng.integers(0, 100_000, rows)],
    }
    ways, cents = ("{:,.2f}", "{:.2f}", "{:,.0f}"), {}
    for j in range(columns - len(cells)):
        name = f"Amount {j}"
        cents[name] = rng.integers(0, 10**6, rows) * (100 if j % 3 == 2 else 1)
        cells[name] = [ways[j % 3].format(value) for value in (cents[name] / 100).tolist()]
    pd.DataFrame(cells).to_csv(path, index=False)
    return place, cents


def wrong_columns(table: pd.DataFrame, place: np.ndarray, cents: dict[str, np.ndarray]) -> list[str]:
    """Return the columns of a tidy table whose sums by day are not those that were written, or that are no such."""
    sums = {name: np.bincount(place, weights=values) for name, values in cents.items()}
    odd = [*set(table.columns[1:]).symmetric_difference(sums)]
    return odd or [
        name for name, by_day in sums.items() if (table[name] * 100).round().tolist() != by_day.tolist()
    ]


def measure(folder: Path, rows: int, columns: int) -> tuple[float, float, float]:
    """Return seconds to check, seconds in all, and gigabytes of one made-up export; raises where a sum is wrong."""
    export, tidy = folder / "export.csv", folder / "tidy.csv"
    place, cents = write_export(export, rows, columns)
    command = [sys.executable, "-c", CHILD, str(export), str(tidy)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    if wrong := wrong_columns(pd.read_csv(tidy), place, cents):
        raise RuntimeError(f"the sums by day are not those that were written: {', '.join(wrong)}")
    checked, seconds, gigabytes = map(float, done.stdout.split())
    return checked, seconds, gigabytes


def main() -> None:
    """Measure as often as asked and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--columns", type=int, default=COLUMNS)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    for _ in range(asked.repeats):
        with tempfile.TemporaryDirectory() as folder:
            checked, seconds, gigabytes = measure(Path(folder), asked.rows, asked.columns)
        size = f"{asked.rows:,} rows x {asked.columns} columns"
        print(f"{size}: {seconds:.1f} s of the processor, {checked:.1f} of them to check; {gigabytes:.2f} GB")


if __name__ == "__main__":
    main()
