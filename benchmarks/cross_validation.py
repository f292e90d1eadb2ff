"""Time a cross-validation of eight folds against eight fits that know nothing of each other, in one run.

    BAYESMMM_EXTERNAL_DATA=/path/to/data python benchmarks/cross_validation.py --out result.json

Each of the eight fits is a new process: it starts Python, imports, makes its model ready, samples the same training
periods with the same settings, and forecasts the same test periods. The cross-validation is one process that does all
of this. "cold": compilation caches are empty at the start of every process; "warm": they are kept.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import environments

HERE = Path(__file__).resolve().parent
CSV = "mmm_example.csv"
FOLDS = 8


def child(csv: Path, caches: Path, fold: int | None) -> dict:
    """Run one process and return what it reports, with the seconds from its start to its end."""
    variables = environments.caches(caches)
    command = [sys.executable, str(HERE / "child_cross_validation.py"), "--csv", str(csv)]
    command += [] if fold is None else ["--fold", str(fold)]
    start = time.perf_counter()
    return environments.report(command, variables) | {"seconds": time.perf_counter() - start}


def measure(csv: Path, work: Path, state: str, timed: list[int]) -> dict:
    """One cross-validation, and the fits alone of the folds `timed`, in the given state of the caches."""

    def caches(name: str) -> Path:
        return work / (name if state == "cold" else "kept")

    together = child(csv, caches("together"), None)
    alone = [child(csv, caches(f"fold{k}"), k) for k in timed]
    row = {"state": state, "together": together, "alone": alone}
    for key in ("seconds", "processor_s"):
        total = FOLDS / len(timed) * sum(one[key] for one in alone)
        row[f"ratio_{key}"] = together[key] / total
        print(
            f"{state}, {key}: {FOLDS} folds together {together[key]:.1f}, {FOLDS} fits alone {total:.1f} (from "
            f"{len(timed)}), ratio {row[f'ratio_{key}']:.2f}",
            flush=True,
        )
    return row


def main() -> None:
    """Measure, print the ratios, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", choices=["cold", "warm"], help="one of them only")
    parser.add_argument(
        "--alone",
        type=int,
        choices=range(1, FOLDS + 1),
        default=FOLDS,
        help="time so many of the eight fits, and scale up",
    )
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    options = parser.parse_args()
    folder = os.environ.get("BAYESMMM_EXTERNAL_DATA")
    if not folder or not (Path(folder) / CSV).is_file():
        raise SystemExit(f"set BAYESMMM_EXTERNAL_DATA to the folder that holds {CSV}")
    csv, rows = (Path(folder) / CSV).resolve(), []
    # From first to last, since later folds have more periods.
    timed = sorted({round(1 + k * (FOLDS - 1) / max(options.alone - 1, 1)) for k in range(options.alone)})
    with tempfile.TemporaryDirectory(prefix="bayesmmm-benchmark-") as name:
        for state in ("cold", "warm"):
            if options.state in (None, state):
                if state == "warm":
                    child(csv, Path(name) / "kept", 1)  # fills the caches
                rows.append(measure(csv, Path(name), state, timed))
    if options.out:
        options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
