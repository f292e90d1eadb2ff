"""What the child scripts of `budget.py` share: the task, the options, and the one line of JSON they print.

Knows pandas and the standard library only, so that it runs in either environment.
"""

import argparse
import importlib.metadata
import json
import os
import resource
import sys
import time

import measure

PERIODS = 13  # weeks after the data
DRAWS = 1000  # posterior draws that choose a plan, on both sides
LAGS = 8  # weights of PyMC-Marketing's truncated adstock
FACTORS = (
    1.0,
    0.5,
    0.8,
    1.25,
    2.0,
    4.0,
)  # totals to plan, in multiples of the current one, in this order


def options() -> argparse.Namespace:
    """Read the options, and keep this process on two cores where the system can."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["fit", "plan", "evaluate", "translate"])
    parser.add_argument("--csv", required=True)
    parser.add_argument("--fit", required=True, help="file of the saved fit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plans", help="JSON of plans to evaluate: channel -> money of the window, in a list")
    parser.add_argument(
        "--after", choices=["nothing", "current"], default="nothing", help="spend after the window"
    )
    parser.add_argument("--translate", help="where to save PyMC-Marketing's --fit as a fit of bayesmmm")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: measure.CORES])
    return parser.parse_args()


def read(csv: str):
    """The data as a frame, dates parsed."""
    import pandas as pd

    frame = pd.read_csv(csv)
    return frame.assign(date_week=pd.to_datetime(frame["date_week"], format=measure.DATE_FORMAT))


def current(csv: str) -> dict[str, float]:
    """Money that each channel spent in the last `PERIODS` weeks: its sum is the total to be planned."""
    return {c: float(v) for c, v in read(csv)[measure.MEDIA].tail(PERIODS).sum().items()}


def clocked(function, *arguments, **keywords):
    """Result of a call, its seconds, and the seconds of processor time it took on all threads."""
    start, busy = time.perf_counter(), time.process_time()
    result = function(*arguments, **keywords)
    return result, time.perf_counter() - start, time.process_time() - busy


def report(package: str, given: argparse.Namespace, **values) -> None:
    """Print the JSON line that the runner reads."""
    versions = {}
    for name in measure.PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    row = {
        "package": package,
        "task": given.task,
        **values,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "python": sys.version.split()[0],
        "versions": versions,
    }
    print(json.dumps(row), flush=True)
