"""What the children of `recovery.py` share: the cases, as plain files, and their results, a line of JSON each.

Knows pandas and the standard library only, so that it runs in every environment.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

OUTCOME, MEDIATOR, DATE = "sales", "search", "date"
CHANNELS, CONTROLS = ("tv", "social", "display"), ("price",)
TREND = "trend"  # column that runs from 0 to 1, for those whose model has no trend of its own
#: What is estimated; a method without an equation for the mediator has no indirect part.
QUANTITIES = ("roi", "roi_indirect")
#: Equal tails of the intervals.
PROBABILITY = 0.9
LEVELS = ((1 - PROBABILITY) / 2, 0.5, (1 + PROBABILITY) / 2)
#: Days of the yearly wave; one sine and one cosine in every method.
YEAR = 365.25


@dataclass(frozen=True)
class Case:
    """One world of one seed as an analyst gets it, and the truth beside it."""

    world: str
    seed: int
    frame: pd.DataFrame
    season: bool
    truth: dict[str, dict[str, float]]

    @property
    def spend(self) -> pd.Series:
        """Total spend by channel."""
        return self.frame[list(CHANNELS)].sum()


def read_cases(folder: Path) -> Iterator[Case]:
    """Read every case in the order of the seeds, so that an interrupted run has all worlds of the first seeds."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    for record in sorted(records, key=lambda r: r["seed"]):
        frame = pd.read_csv(folder / f"{record['world']}-{record['seed']}.csv", parse_dates=[DATE])
        yield Case(record["world"], record["seed"], frame, record["season"], record["truth"])


def options(*, more: Callable[[argparse.ArgumentParser], object] | None = None) -> argparse.Namespace:
    """Read ``--cases``, ``--out`` and what a child needs beyond them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=Path, required=True, help="folder of the cases")
    parser.add_argument(
        "--out", type=Path, required=True, help="file to which a line is added per case and method"
    )
    if more is not None:
        more(parser)
    return parser.parse_args()


def run(
    given: argparse.Namespace, method: str, estimate: Callable[[Case], dict], *, seed: int | None = None
) -> None:
    """Estimate every case, or those of one seed, that the file does not hold yet, and add a line for each.

    Parameters
    ----------
    estimate : callable
        Case -> a dict with some of `QUANTITIES`, each channel -> [low, median, high], and anything else to be kept.
    """
    done = set()
    if given.out.exists():
        rows = [json.loads(line) for line in given.out.read_text(encoding="utf-8").splitlines()]
        done = {(row["world"], row["seed"]) for row in rows if row["method"] == method}
    for case in read_cases(given.cases):
        if (case.world, case.seed) in done or seed not in (None, case.seed):
            continue
        start = time.perf_counter()
        found = estimate(case)
        seconds = time.perf_counter() - start
        row = {"method": method, "world": case.world, "seed": case.seed, "seconds": seconds} | found
        with given.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{method}: {case.world}, seed {case.seed}, {seconds:.1f} s", file=sys.stderr, flush=True)


def intervals(draws, channels=CHANNELS) -> dict[str, list[float]]:
    """Low, median, high by channel of draws with the channel as last axis."""
    flat = pd.DataFrame(draws.reshape(-1, len(channels)), columns=list(channels))
    return {name: [float(flat[name].quantile(level)) for level in LEVELS] for name in channels}
