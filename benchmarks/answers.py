"""How long answers take from a saved fit, and how much memory they need.

    uv run python benchmarks/answers.py --out answers.json

Speed: the shipped example (156 weeks, 4 channels and a mediator, 4 chains of 1000 draws) is fitted once and saved.
Then a fresh process loads it, with the compiled kernels in the cache or with an empty cache, and calls `roi`,
`effects` and `decompose` one after the other, twice; clocks start after the imports. Memory: three years of days, 12
channels, one mediator, 4000 draws (from the prior: what the numbers are does not matter here); each answer is asked
in a process of its own, whose peak is read from the system. Last, the command `report` of the example, from its start to
its end.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEED = """
import json, sys, time
import numpy, pandas, scipy.special, xarray, arviz_stats
import bayesmmm as mm
import bayesmmm.estimands
start = time.perf_counter()
fit = mm.load(sys.argv[1])
fit.convergence
loaded = time.perf_counter() - start
def once():
    out = {}
    for name in ("roi", "effects", "decompose"):
        start = time.perf_counter()
        getattr(mm, name)(fit)
        out[name] = time.perf_counter() - start
    return out | {"together": sum(out.values())}
first = once()
later = [once() for _ in range(5)]
best = {name: min(run[name] for run in later) for name in first}
print(json.dumps({"load_and_judge": loaded, "first": first, "later": best}))
"""

MEMORY = """
import json, resource, sys, time
import bayesmmm as mm
from bayesmmm.errors import AnswerSizeError
fit = mm.load(sys.argv[1])
start = time.perf_counter()
try:
    eval(sys.argv[2])
    refused = None
except AnswerSizeError as error:
    refused = str(error)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kilobytes on Linux
print(json.dumps({"peak_gb": peak, "seconds": seconds, "refused": refused}))
"""

ASKED = [
    "mm.effects(fit)",
    "mm.marginal_roi(fit)",
    "mm.response_curves(fit.thin(400))",
    "mm.decompose(fit)",
    "mm.decompose(fit.thin(2000))",
    "mm.decompose(fit, freq='month')",
    "mm.predict(fit, noise=True)",
    "mm.what_if(fit, scale={'channel_1': 1.3})",
]


def large_fit(path: Path) -> None:
    """Save a fit of three years of days, 12 channels and a mediator, with 4000 draws from the prior."""
    import numpy as np
    import pandas as pd
    import xarray as xr

    import bayesmmm as mm
    from bayesmmm import engine
    from bayesmmm.results import Fit, library_versions

    rng = np.random.default_rng(0)
    days, channels = 1096, [f"channel_{i}" for i in range(1, 13)]
    spend = {c: rng.gamma(2.0, 100.0, days) * (rng.random(days) < 0.7) for c in channels}
    search = np.maximum(sum(spend.values()) * 0.1 - 100.0 + rng.normal(0, 30, days), 0.0)
    frame = pd.DataFrame({"day": pd.date_range("2022-01-01", periods=days), "search": search, **spend})
    frame["price"] = 10 + rng.normal(size=days)
    frame["sales"] = 10_000 + sum(spend.values()) + 3 * search + rng.normal(0, 500, days)
    data = mm.MMMData.from_frame(
        frame, date="day", outcome="sales", media=channels, mediators={"search": "money"}, controls=["price"]
    )
    seasons = [mm.Fourier(period=365.25, order=2), mm.Fourier(period=7, order=2)]
    common = {"linear": ["price"], "seasonality": seasons, "trend": True}
    system = mm.MMM(
        [
            mm.Equation("search", media=channels, likelihood="censored_normal", **common),
            mm.Equation("sales", media=[*channels, "search"], **common),
        ]
    )
    par = engine.draw_prior(system, data, data.scales(), draws=4000, rng=rng, observed_mediators=True)
    posterior = engine.to_dataset(system, par, data, chains=4)
    stats = xr.Dataset(
        {"diverging": (("chain", "draw"), np.zeros((4, 1000), bool))}, posterior.coords.to_dataset().coords
    )
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats[["diverging"]]})
    settings = {"draws": 1000, "tune": 0, "chains": 4, "seed": 0, "sampler": "none", "seconds": {}}
    Fit(data, system, data.scales(), tree, settings, library_versions()).save(path)


def child(code: str, *arguments: str, cache: Path | None = None) -> dict:
    """Run code in a fresh process and read the JSON it prints last."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def report_seconds(fit: Path, out: Path) -> float:
    """Seconds of the command `report`, from the start of its process to the end."""
    start = time.perf_counter()
    asked = [sys.executable, "-m", "bayesmmm", "report", str(fit), "--out", str(out)]
    subprocess.run(asked, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("answers.json"), help="result (%(default)s)")
    parser.add_argument("--fit", type=Path, help="a saved fit to time, instead of fitting the example")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        example, large = options.fit or folder / "example.nc", folder / "large.nc"
        if options.fit is None:
            import bayesmmm as mm

            world = mm.load_case("social_search")
            mm.fit(world.system, world.data, seed=1, progress=False).save(example)
        result: dict = {"processors": os.cpu_count(), "speed": {}, "memory": {}}
        child(SPEED, str(example))  # fills the cache
        result["speed"]["kernels in the cache"] = child(SPEED, str(example))
        result["speed"]["empty cache"] = child(SPEED, str(example), cache=folder / "cache")
        result["report"] = [report_seconds(example, folder / "report") for _ in range(3)]
        large_fit(large)
        for question in ASKED:
            result["memory"][question] = child(MEMORY, str(large), question)
    for cache, found in result["speed"].items():
        first, later = found["first"]["together"], found["later"]["together"]
        print(f"roi + effects + decompose, {cache}: first call {first:.2f} s, later {later:.2f} s")
    print(f"report: {', '.join(f'{seconds:.1f}' for seconds in result['report'])} s")
    for question, found in result["memory"].items():
        print(f"{question:45s} {found['peak_gb']:.2f} GB {found['seconds']:6.1f} s  {found['refused'] or ''}")
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
