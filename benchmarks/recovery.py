"""Who finds the true return where one assumption is broken, and is there a warning? Writes RECOVERY.md and a JSON.

    python benchmarks/recovery.py --work /path/to/scratch --seeds 5

Needs Python and `uv`. bayesmmm and PyMC-Marketing 1.3 each get an environment of their own. Cases, environments, fits
and estimates are kept in `--work`: a run that was interrupted goes on where it stopped; give an empty folder after a
change of the worlds or of a method. See README.md in this folder.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import child_recovery_cases as cases
import environments
import recovery_report

HERE = Path(__file__).resolve().parent
PARTS = ("bayesmmm", "regressions", "pymc-marketing", "alarms")


def child(python: Path, script: str, work: Path, part: str, *more: str) -> None:
    """Run a child whose progress is shown, with compilation caches of its own."""
    command = [str(python), str(HERE / script), *more]
    command += ["--cases", str(work / "cases"), "--out", str(work / f"{part}.jsonl")]
    done = subprocess.run(command, env=environments.caches(work / "caches" / part), stdout=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nfailed with code {done.returncode}")


def measured(work: Path, seeds: int, theirs: int, parts: list[str]) -> None:
    """Make the cases and run the parts that are asked for."""
    ours = environments.environment("bayesmmm", work)
    fits = ["--fits", str(work / "fits")]
    child(ours, "child_recovery_bayesmmm.py", work, "cases", "make", "--seeds", str(seeds))
    if "bayesmmm" in parts:
        child(ours, "child_recovery_bayesmmm.py", work, "bayesmmm", "estimates", *fits)
    if "regressions" in parts:
        child(ours, "child_recovery_regressions.py", work, "regressions")
    if "alarms" in parts:
        (work / "alarms.jsonl").unlink(missing_ok=True)  # cheap, and checks change
        child(ours, "child_recovery_bayesmmm.py", work, "alarms", "alarms", *fits)
    if "pymc-marketing" in parts:
        python = environments.environment("pymc-marketing", work)
        child(python, "child_recovery_pymc_marketing.py", work, "pymc-marketing", "--seeds", str(theirs))


def collected(work: Path, seeds: int) -> dict:
    """All cases and lines of results, of the seeds that are asked for."""
    made = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((work / "cases").glob("*.json"))]
    rows = []
    for part in PARTS:
        file = work / f"{part}.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        rows += [json.loads(line) for line in lines]
    return {
        "machine": {"system": platform.system(), "cores": os.cpu_count()},
        "seeds": seeds,
        "probability": cases.PROBABILITY,
        "cases": [case for case in made if case["seed"] <= seeds],
        "rows": [row for row in rows if row["seed"] <= seeds],
    }


def main() -> None:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="folder to keep everything in; a temporary one otherwise")
    parser.add_argument("--seeds", type=int, default=5, help="worlds of each kind (%(default)s)")
    parser.add_argument(
        "--theirs", type=int, default=3, help="the same for PyMC-Marketing, which is slow (%(default)s)"
    )
    parser.add_argument(
        "--only", nargs="*", choices=PARTS, default=list(PARTS), help="run these; none: only write"
    )
    parser.add_argument("--out", type=Path, default=HERE / "recovery.json", help="JSON (%(default)s)")
    parser.add_argument("--report", type=Path, default=HERE / "RECOVERY.md", help="tables (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bayesmmm-recovery-") as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        if options.only:
            measured(work, options.seeds, options.theirs, options.only)
        result = collected(work, options.seeds)
    options.out.write_text(json.dumps(result, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
    text = recovery_report.written(result)
    options.report.write_text(text, encoding="utf-8")
    print(text, file=sys.stdout)


if __name__ == "__main__":
    main()
