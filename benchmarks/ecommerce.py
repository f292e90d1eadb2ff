"""The e-commerce case in full, from a raw table of 132,759 rows to what-ifs; writes ECOMMERCE.md and a JSON.

    python benchmarks/ecommerce.py --work /path/to/scratch

Runs in the environment of the checkout. The world is written first, by the command of the package; the clock runs from
reading its table on. See README.md in this folder.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import ecommerce_case
import ecommerce_report
import numpy as np

import bayesmmm as mm
from bayesmmm.results import Fit
from bayesmmm.simulate import Ecommerce, ecommerce
from bayesmmm.simulate.ecommerce import PAID

HERE = Path(__file__).resolve().parent
PROBABILITY = 0.9
#: Draws that answers are taken from.
KEPT = 400


def peak_mb() -> float:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


class Clock:
    """Seconds and processor seconds of every step, and the largest memory by its end."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, float]] = {}

    @contextmanager
    def step(self, name: str):
        """Time what is done in the block."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        taken = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
        self.steps[name] = taken | {"peak_mb": peak_mb()}
        print(f"{name}: {taken['wall']:.1f} s, processor {taken['processor']:.1f} s", flush=True)


def written(options: argparse.Namespace) -> Path:
    """The raw table and its truth, written by the command line."""
    sizes = ["--series", str(options.series), *(["--rows", str(options.rows)] if options.rows else [])]
    command = ["simulate", "--world", "ecommerce", "--seed", str(options.seed), *sizes]
    subprocess.run([sys.executable, "-m", "bayesmmm", *command, "--out", str(options.work)], check=True)
    return options.work / "ecommerce.csv.gz"


def measured(table: Path, options: argparse.Namespace) -> tuple[dict, Fit]:
    """Every step from the table to what-ifs: seconds, memory, the sampler, and the answers."""
    clock = Clock()
    with clock.step("prepare"):
        prepared = ecommerce_case.prepared(table)
    with clock.step("panel"):
        data = ecommerce_case.panel(prepared)
        system = ecommerce_case.system()
    settings = {"draws": options.draws, "tune": options.tune, "chains": options.chains, "seed": 1}
    with clock.step("fit"):
        fit = ecommerce_case.quiet(mm.fit, system, data, **settings, progress=False)
    fit.save(options.work / "ecommerce.nc")  # not timed: what comes after can be asked again without sampling
    answering = fit.accept_unconverged().thin(KEPT)
    with clock.step("returns"):
        returns = mm.summarise(mm.roi(answering, window="outcome"), PROBABILITY)
    proposals = ecommerce_case.proposals(data)
    with clock.step("what-ifs"):
        gained = {name: ecommerce_case.gained(answering, scale) for name, scale in proposals.items()}
    tail = (1 - PROBABILITY) / 2
    quantiles = {name: np.quantile(draws, [tail, 0.5, 1 - tail]).tolist() for name, draws in gained.items()}
    return {
        "rows": int(data.has_row.sum()),
        "series": len(data.geos),
        "settings": settings | {"kept": KEPT},
        "steps": clock.steps,
        "unknowns": int(sum(values.isel(chain=0, draw=0).size for values in fit.posterior.data_vars.values())),
        "convergence": _said(fit),
        "returns": returns.loc[[f"roi[{name}]" for name in PAID], ["lower", "median", "upper"]]
        .to_numpy()
        .tolist(),
        "what_ifs": quantiles,
    }, fit


def _said(fit: Fit) -> str:
    found = fit.convergence
    return (
        f"{found.verdict}, R-hat {found.rhat:.3f}, effective sample size bulk {found.ess_bulk:.0f}, tail "
        f"{found.ess_tail:.0f}, {found.divergences} divergences in {found.draws:,} draws, worst: {found.worst}"
    )


def judged(made: Ecommerce, fit: Fit) -> dict:
    """The truth of the same answers, and what a regression says."""
    line = ecommerce_case.baseline(fit.data, PROBABILITY)
    true = made.world.truth.effects["roi"].sel(channel=list(PAID))
    return {
        "channels": list(PAID),
        "truth": true.values.tolist(),
        "line": line.effects.loc[[f"roi[{name}]" for name in PAID], ["lower", "estimate", "upper"]]
        .to_numpy()
        .tolist(),
        "true_what_ifs": {
            name: ecommerce_case.truly_gained(made, scale)
            for name, scale in ecommerce_case.proposals(fit.data).items()
        },
    }


def main() -> None:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the table")
    parser.add_argument("--series", type=int, default=123, help="of the world (%(default)s)")
    parser.add_argument("--rows", type=int, help="of the world (132,759 for 123 series)")
    parser.add_argument("--seed", type=int, default=1, help="of the world (%(default)s)")
    parser.add_argument("--draws", type=int, default=700, help="of a chain (%(default)s)")
    parser.add_argument("--tune", type=int, default=500, help="warm-up of a chain (%(default)s)")
    parser.add_argument("--chains", type=int, default=4, help="(%(default)s)")
    parser.add_argument("--out", type=Path, default=HERE / "ecommerce.json", help="JSON (%(default)s)")
    parser.add_argument("--report", type=Path, default=HERE / "ECOMMERCE.md", help="page (%(default)s)")
    parser.add_argument("--only-page", action="store_true", help="write the page of a stored JSON anew")
    options = parser.parse_args()
    if not options.only_page:
        table = written(options)
        load = os.getloadavg()[0]
        found, fit = measured(table, options)
        whole = {kind: sum(step[kind] for step in found["steps"].values()) for kind in ("wall", "processor")}
        found |= {"whole": whole | {"peak_mb": peak_mb()}, "load": [load, *os.getloadavg()]}
        found |= judged(ecommerce(seed=options.seed, series=options.series, rows=options.rows), fit)
        found |= {"cores": os.cpu_count(), "system": platform.system(), "probability": PROBABILITY}
        options.out.write_text(json.dumps(found) + "\n", encoding="utf-8")
    page = ecommerce_report.written(json.loads(options.out.read_text(encoding="utf-8")))
    options.report.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
