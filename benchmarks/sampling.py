"""Time bayesmmm against PyMC-Marketing 1.3 on the same data, in one run, each in an environment of its own.

    BAYESMMM_EXTERNAL_DATA=/path/to/data python benchmarks/sampling.py --repeats 3 --out result.json

Needs Python and `uv`. See README.md in this folder for what is measured and how.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CSV = "mmm_example.csv"
SIDES = {  # package: (what is installed, child script, what is imported once before any clock runs)
    "bayesmmm": ([str(HERE.parent)], "child_bayesmmm.py", "import bayesmmm, nutpie; bayesmmm.fit"),
    "pymc-marketing": (
        ["pymc-marketing==1.3.*", "nutpie"],
        "child_pymc_marketing.py",
        "import nutpie, pymc_marketing.mmm",
    ),
}
STATES = ("cold", "warm")
RATIOS = ("import_s", "fit_s", "sampling_s", "min_ess", "ess_per_fit_s", "peak_mb")
COLUMNS = (
    "import_s",
    "fit_s",
    "sampling_s",
    "min_ess",
    "max_rhat",
    "divergences",
    "ess_per_fit_s",
    "peak_mb",
)


def run(command: list[str], environment: dict[str, str]) -> str:
    """Run a command and return what it printed; on failure stop with the end of its error output."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nfailed with code {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout


def caches(folder: Path) -> dict[str, str]:
    """The environment of this process with every compilation cache inside `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | {
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "MPLBACKEND": "Agg",
    }


def prepare(package: str, work: Path) -> Path:
    """Make an environment with the package in it, import it once, and return its Python."""
    what, _, imports = SIDES[package]
    home, plain = work / package / "env", caches(work / package / "prepare")
    run(["uv", "venv", "--quiet", "--python", sys.executable, str(home)], plain)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    run([*install, "--reinstall-package", "bayesmmm", *what], plain)  # never a wheel built earlier
    run([str(python), "-c", imports], plain)
    return python


def measure(package: str, python: Path, csv: Path, *, cache: str, seed: int, folder: Path) -> dict:
    """Run one child and return its JSON line."""
    command = [str(python), str(HERE / SIDES[package][1])]
    command += ["--csv", str(csv), "--seed", str(seed), "--cache", cache]
    return json.loads(run(command, caches(folder)).splitlines()[-1])


def ratios(rows: list[dict]) -> dict[str, dict[str, dict[str, float]]]:
    """Ratios of bayesmmm to PyMC-Marketing over the pairs (same repeat and cache): median, low, high."""
    result = {}
    for cache in STATES:
        of = {(row["package"], row["repeat"]): row for row in rows if row["cache"] == cache}
        repeats = sorted({repeat for _, repeat in of})
        pairs = [tuple(of.get((name, repeat)) for name in SIDES) for repeat in repeats]
        for key in RATIOS:
            values = [ours[key] / theirs[key] for ours, theirs in pairs if ours and theirs and ours[key]]
            if values:
                summary = {"median": statistics.median(values), "low": min(values), "high": max(values)}
                result.setdefault(cache, {})[key] = summary
    return result


def show(rows: list[dict], found: dict) -> None:
    """Print every run, then the ratios."""
    print(f"{'package':<16}{'repeat':>7}{'cache':>6}" + "".join(f"{name:>15}" for name in COLUMNS))
    for row in rows:
        cells = ["-" if row[c] is None else f"{row[c]:.4g}" for c in COLUMNS]
        print(f"{row['package']:<16}{row['repeat']:>7}{row['cache']:>6}" + "".join(f"{c:>15}" for c in cells))
    for cache, values in found.items():
        print(f"\nbayesmmm / pymc-marketing, {cache} cache: median [lowest, highest] over the pairs")
        for key, value in values.items():
            print(f"  {key:<15}{value['median']:8.3f}  [{value['low']:.3f}, {value['high']:.3f}]")


def main() -> None:
    """Read the options, run every pair, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="pairs of runs, each cold and then warm")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first repeat")
    parser.add_argument("--only", choices=list(SIDES), help="one package: no ratios")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    options = parser.parse_args()
    folder = os.environ.get("BAYESMMM_EXTERNAL_DATA")
    if not folder or not (Path(folder) / CSV).is_file():
        raise SystemExit(f"set BAYESMMM_EXTERNAL_DATA to the folder that holds {CSV}")
    csv = (Path(folder) / CSV).resolve()
    rows = []
    with tempfile.TemporaryDirectory(prefix="bayesmmm-benchmark-") as name:
        work = Path(name)
        pythons = {package: prepare(package, work) for package in SIDES if options.only in (None, package)}
        for repeat in range(options.repeats):
            order = list(pythons) if repeat % 2 == 0 else list(reversed(pythons))
            for package in order:
                cache = work / package / f"cache{repeat}"  # empty for the cold run, kept for the warm one
                for state in STATES:
                    seed = options.seed + repeat
                    row = measure(package, pythons[package], csv, cache=state, seed=seed, folder=cache)
                    rows.append({"repeat": repeat} | row)
                    print(f"{package} {repeat} {state}: {row['fit_s']:.1f} s", file=sys.stderr, flush=True)
    found = ratios(rows)
    show(rows, found)
    if options.out:
        machine = {"system": platform.platform(), "processor": platform.processor(), "cores": os.cpu_count()}
        content = {"machine": machine, "csv": CSV, "runs": rows, "ratios": found}
        options.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
