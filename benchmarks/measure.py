"""What child scripts share: options, clocks, diagnostics, and the one line of JSON that they print.

Knows the standard library and whichever ArviZ is installed only, so that it runs in every environment.
"""

import argparse
import functools
import importlib.metadata
import json
import os
import sys
import time

CHAINS, DRAWS, TUNE, CORES = 4, 1000, 1000, 2
CSV, DATE_FORMAT = "mmm_example.csv", "%m/%d/%Y"
MEDIA, CONTROLS = ["x1", "x2"], ["event_1", "event_2", "t"]
FILES = {  # external data sets by case
    "mmm_example": CSV,
    "social_search": "social_search_weekly.csv",
    "national_media": "national_media.csv",
}
STARTED = "BAYESMMM_BENCHMARK_STARTED"  # environment variable: time.time() just before this process was started
PACKAGES = (
    *("bayesmmm", "pymc-marketing", "google-meridian", "pymc", "pytensor", "nutpie", "numba", "jax", "jaxlib"),
    *("tensorflow", "tfp-nightly", "numpy", "scipy", "pandas", "arviz-stats", "arviz"),
)


def arguments() -> argparse.Namespace:
    """Read the options of a speed child, and keep this process on two cores where the system can."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", required=True)
    parser.add_argument("--folder", help="folder of the external data")
    parser.add_argument("--periods", type=int, help="of a simulated series")
    parser.add_argument("--channels", type=int, help="of a simulated series")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--tune", type=int, default=TUNE)
    parser.add_argument("--sampler", choices=["nutpie", "pymc"], default="nutpie")
    parser.add_argument("--fill", action="store_true", help="only fill the caches of compiled code")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    return parser.parse_args()


def clock(owner, name: str) -> list[float]:
    """Wrap a function of a module or class so that the seconds of each of its calls are added to the returned list."""
    seconds, function = [], getattr(owner, name)

    @functools.wraps(function)
    def timed(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds.append(time.perf_counter() - start)

    setattr(owner, name, timed)
    return seconds


def clocked(function, *args, **kwargs):
    """Result of a call, and its seconds."""
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - start


def so_far() -> dict[str, float]:
    """What this process took until now: seconds since it was started, processor time, peak memory.

    Worker processes that have ended count in processor time. Of their memory the largest single one is given.
    """
    import resource  # not on every system, and nothing else here needs it

    times = os.times()
    own, workers = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return {
        "start_to_posterior_s": time.time() - float(os.environ[STARTED]),
        "cpu_s": times.user + times.system + times.children_user + times.children_system,
        "peak_mb": own / unit,
        "peak_worker_mb": workers / unit,
    }


def _diagnostics():
    """The functions `ess` and `rhat` of the ArviZ that is installed: the same definitions in old and new."""
    try:
        from arviz_stats import ess, rhat
    except ModuleNotFoundError:
        from arviz import ess, rhat
    return ess, rhat


def quality(posterior, sample_stats, *, draws: int = DRAWS) -> dict:
    """Worst bulk ESS and R-hat over every number in ``posterior``, and the divergences.

    Raises
    ------
    RuntimeError
        When the run does not have the agreed chains and draws, or a diagnostic is not finite.
    """
    ess, rhat = _diagnostics()
    if (posterior.sizes["chain"], posterior.sizes["draw"]) != (CHAINS, draws):
        raise RuntimeError(f"expected {CHAINS} chains of {draws} draws, got {dict(posterior.sizes)}")
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


def worst(values: dict) -> dict:
    """Smallest bulk ESS and largest R-hat over labelled draws (chain, draw, ...) by name, and of how many numbers.

    Numbers that are missing in all draws, as the contribution of a channel to a geo that never buys it, are left out.
    """
    import xarray as xr

    ess, rhat = _diagnostics()
    draws = xr.Dataset({name: v for name, v in values.items() if bool(v.notnull().any())})
    bulk = {name: float(v.min()) for name, v in ess(draws, method="bulk").data_vars.items()}
    spread = {name: float(v.max()) for name, v in rhat(draws).data_vars.items()}
    return {
        "min_ess": min(bulk.values()),
        "min_ess_of": min(bulk, key=bulk.__getitem__),
        "max_rhat": max(spread.values()),
        "numbers": int(sum(v.isel(chain=0, draw=0).notnull().sum() for v in draws.data_vars.values())),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that matter."""
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def fit_figures(
    taken: dict, posterior, stats, *, draws: int, import_s: float, fit_s: float, sampling_s: float, **more
) -> dict:
    """Put the figures of a measured fit together.

    Parameters
    ----------
    taken : dict
        `so_far` when the draws were there.
    posterior, stats
        Sampled numbers (chain, draw, ...) and statistics of the sampler.
    draws : int
    import_s, fit_s, sampling_s : float
        Seconds of the imports, of the fit call, and of the sampler in it.
    **more
        Further figures; seconds of ``build_s`` and ``compile_s`` are part of the fit call.
    """
    found = quality(posterior, stats, draws=draws)
    known = sampling_s + (more.get("build_s") or 0.0) + (more.get("compile_s") or 0.0)
    return {
        **taken,
        **found,
        **more,
        "import_s": import_s,
        "fit_s": fit_s,
        "import_fit_s": import_s + fit_s,
        "sampling_s": sampling_s,
        "rest_s": fit_s - known,
        "steps_per_draw": float(stats["n_steps"].mean()),
        "ess_per_sampling_s": found["min_ess"] / sampling_s,
        "ess_per_fit_s": found["min_ess"] / fit_s,
        "ess_per_import_fit_s": found["min_ess"] / (import_s + fit_s),
        "ess_per_process_s": found["min_ess"] / taken["start_to_posterior_s"],
        "sampled": sorted(str(name) for name in posterior.data_vars),
    }


def report(options: argparse.Namespace, **figures) -> None:
    """Print the JSON line that the runner reads."""
    given = {"seed": options.seed, "draws": options.draws, "tune": options.tune}
    sys.stdout.write("\n" + json.dumps(given | figures | {"versions": versions()}) + "\n")
    sys.stdout.flush()
