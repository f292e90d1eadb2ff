"""Panels: cost of a gradient by size, fits of external panels, answers, and other packages on the same data.

    BAYESMMM_EXTERNAL_DATA=/path/to/data uv run python benchmarks/panels.py --work /path/to/scratch

Writes PANELS.md and panels.json; `--only` names parts, whose rows replace those of an earlier run, and the page says
for each row how busy the machine was before it; `--only` without a part writes the page anew. Every measurement is a
process of its own; the other packages have environments of their own in `--work`, which `uv` makes. See README.md in
this folder.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import child_panels_bayesmmm as ours
import child_panels_meridian as meridian
import environments
import measure
import panel_cases
import panels_report

HERE = Path(__file__).resolve().parent
MERIDIAN, PYMC_MARKETING = "google-meridian", "pymc-marketing"
CHILD = {MERIDIAN: "child_panels_meridian.py", PYMC_MARKETING: "child_panels_pymc_marketing.py"}
FEW_KNOTS = 8
PARTS = {  # part: case, package (None: this one), environment variables
    ours.GRADIENT: (ours.GRADIENT, None, {}),
    ours.ANSWERS: (ours.ANSWERS, None, {}),
    ours.PLAN: (ours.PLAN, None, {}),
    **{case: (case, None, {}) for case in panel_cases.CASES},
    f"geo_media, Meridian, {FEW_KNOTS} knots": ("geo_media", MERIDIAN, {meridian.KNOTS: str(FEW_KNOTS)}),
    "geo_media, Meridian": ("geo_media", MERIDIAN, {}),
    "growing_business, PyMC-Marketing": ("growing_business", PYMC_MARKETING, {}),
}


def measured(part: str, options: argparse.Namespace) -> dict:
    """Row of one part: what its child found, or why there is nothing."""
    case, package, variables = PARTS[part]
    folder = os.environ.get("BAYESMMM_EXTERNAL_DATA")
    if case in panel_cases.EXTERNAL and not (folder and panel_cases.file_of(case, folder).is_file()):
        return {"missing": "the external data were not there"}
    load = environments.load()
    try:
        python = environments.environment(package, options.work) if package else Path(sys.executable)
        child = HERE / (CHILD[package] if package else "child_panels_bayesmmm.py")
        command = [str(python), str(child), "--case", case, "--seed", str(options.seed)]
        command += ["--draws", str(options.draws), "--tune", str(options.tune)]
        command += ["--folder", folder] if folder else []
        caches = environments.caches(options.work / "caches") if package else dict(os.environ)
        clock = {measure.STARTED: repr(time.time())}
        found = environments.report(command, caches | variables | clock, timeout=options.timeout)
    except subprocess.TimeoutExpired:
        return {"missing": f"not done after {options.timeout:.0f} s", **load}
    except SystemExit as failure:
        print(failure, file=sys.stderr, flush=True)
        return {"missing": "could not be run", **load}
    if case in panel_cases.CASES:
        found["truth"] = panel_cases.read(case, str(folder)).truth
    return found | load


def main() -> None:
    """Measure the parts that are asked for, and write results and page after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS), help="parts (all)")
    parser.add_argument(
        "--work", type=Path, default=Path("panels_work"), help="environments and caches (%(default)s)"
    )
    parser.add_argument("--out", type=Path, default=HERE / "panels.json")
    parser.add_argument("--report", type=Path, default=HERE / "PANELS.md")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draws", type=int, default=measure.DRAWS)
    parser.add_argument("--tune", type=int, default=measure.TUNE)
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds of one child (%(default)s)")
    options = parser.parse_args()

    def page(result: dict) -> str:
        shown = {name: result.get(name, {"missing": "not measured yet"}) for name in PARTS}
        return panels_report.written(shown, environments.machine())

    environments.write_rows(list(PARTS), options, measured, page)


if __name__ == "__main__":
    main()
