"""What both child scripts share: the data, the clock, the diagnostics, and the one line of JSON they print.

Knows ArviZ and the standard library only, so that it runs in either environment.
"""

import argparse
import functools
import importlib.metadata
import json
import os
import resource
import sys
import time

CHAINS, DRAWS, TUNE, CORES = 4, 1000, 1000, 2
CSV, DATE_FORMAT = "mmm_example.csv", "%m/%d/%Y"
MEDIA, CONTROLS = ["x1", "x2"], ["event_1", "event_2", "t"]
PACKAGES = ("bayesmmm", "pymc-marketing", "pymc", "pytensor", "nutpie", "numba", "numpy", "arviz-stats")


def arguments() -> argparse.Namespace:
    """Read ``--csv``, ``--seed`` and ``--cache``, and keep this process on two cores where the system can."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cache", choices=["cold", "warm"], required=True)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    return parser.parse_args()


def clock(module, name: str) -> list[float]:
    """Wrap a function of a module so that the seconds of each of its calls are added to the returned list."""
    seconds, function = [], getattr(module, name)

    @functools.wraps(function)
    def timed(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds.append(time.perf_counter() - start)

    setattr(module, name, timed)
    return seconds


def quality(posterior, sample_stats) -> dict:
    """Worst bulk ESS and R-hat over every number in ``posterior``, and the divergences.

    Raises
    ------
    RuntimeError
        When the run does not have the agreed chains and draws, or a diagnostic is not finite.
    """
    from arviz_stats import ess, rhat

    if (posterior.sizes["chain"], posterior.sizes["draw"]) != (CHAINS, DRAWS):
        raise RuntimeError(f"expected {CHAINS} chains of {DRAWS} draws, got {dict(posterior.sizes)}")
    bulk = {name: float(v.min(skipna=False)) for name, v in ess(posterior, method="bulk").data_vars.items()}
    worst = {name: float(v.max(skipna=False)) for name, v in rhat(posterior).data_vars.items()}
    bad = [name for name in bulk if not (bulk[name] > 0 and worst[name] > 0)]
    if bad:
        raise RuntimeError(f"ESS or R-hat is not finite for {bad}")
    return {
        "min_ess": min(bulk.values()),
        "min_ess_of": min(bulk, key=bulk.__getitem__),
        "max_rhat": max(worst.values()),
        "divergences": int(sample_stats["diverging"].sum()),
        "parameters": int(sum(v.isel(chain=0, draw=0).size for v in posterior.data_vars.values())),
    }


def report(package: str, options, *, import_s: float, fit_s: float, sampling: list[float], **more) -> None:
    """Print the JSON line that the runner reads."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    row = {
        "package": package,
        "cache": options.cache,
        "seed": options.seed,
        "import_s": import_s,
        "fit_s": fit_s,
        "sampling_s": sum(sampling) if sampling else None,
        **more,
        "ess_per_fit_s": more["min_ess"] / fit_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "python": sys.version.split()[0],
        "versions": versions,
    }
    print(json.dumps(row), flush=True)
