"""What other packages say of small worlds whose right answer is known, beside ours.

    uv run python benchmarks/peers.py --work /path/to/scratch

Writes PEERS.md and peers.json; `--only` names parts, whose rows replace those of an earlier run, and `--only` without a
part writes the page anew. Every row is a process of its own, in an environment of the package's own that `uv` makes in
`--work`. See README.md in this folder.
"""

import argparse
import datetime
import os
import subprocess
import sys
from pathlib import Path

import environments
import peers_report

HERE = Path(__file__).resolve().parent


def measured(part: str, options: argparse.Namespace) -> dict:
    """Row of one part: what its child saw and on which day, or why there is nothing."""
    package, child, case = peers_report.PARTS[part]
    day = {"date": datetime.date.today().isoformat()}
    try:
        own = package == "bayesmmm"
        python = Path(sys.executable) if own else environments.environment(package, options.work)
        command = [str(python), str(HERE / child), "--case", case]
        variables = dict(os.environ) if own else environments.caches(options.work / "caches")
        found = environments.report(command, variables, timeout=options.timeout)
    except subprocess.TimeoutExpired:
        return day | {"missing": f"not done after {options.timeout / 60:.0f} minutes"}
    except SystemExit as failure:
        print(failure, file=sys.stderr, flush=True)
        return day | {"missing": "could not be run: " + (str(failure).splitlines() or [""])[-1][:150]}
    return found | day


def main() -> None:
    """Run the parts that are asked for, and write results and page after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = list(peers_report.PARTS)
    parser.add_argument("--only", nargs="*", choices=parts, default=parts, help="parts (all)")
    parser.add_argument("--work", type=Path, default=Path("peers_work"), help="environments (%(default)s)")
    parser.add_argument("--out", type=Path, default=HERE / "peers.json")
    parser.add_argument("--report", type=Path, default=HERE / "PEERS.md")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds of one row (%(default)s)")
    options = parser.parse_args()
    environments.write_rows(parts, options, measured, peers_report.written)


if __name__ == "__main__":
    main()
