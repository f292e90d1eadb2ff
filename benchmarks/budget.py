"""Time and judge bayesmmm's budget optimiser beside PyMC-Marketing's, on the same data, in one run.

    BAYESMMM_EXTERNAL_DATA=/path/to/data python benchmarks/budget.py --work FOLDER --repeats 5 --out budget.json

Needs Python and `uv`. Environments and fits are kept in `--work` for the next run; bayesmmm itself is built anew each
time. Without the external data only bayesmmm's own cases are timed. See README.md in this folder for what is measured.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import child_budget_cases as cases
import child_budget_task as task
import environments
import measure

HERE = Path(__file__).resolve().parent
CHILDREN = {"bayesmmm": "child_budget_bayesmmm.py", "pymc-marketing": "child_budget_pymc_marketing.py"}
STATES = {  # what the caches of compiled code hold, and which of two fits is planned on
    "empty": 1,
    "new fit": 0,  # caches filled by the plan of another fit
    "same fit": 0,  # caches filled by this very plan in an earlier process
}
AFTER = {
    "bayesmmm": "current",
    "pymc-marketing": "nothing",
}  # spend after the window, as each side sees it by default
GRID = 100  # steps of the search for the best split of two channels
RATIOS = [  # what is compared, ours, theirs
    ("first plan", "first_s", "first_s"),
    ("first plan, imports included", "all_s", "all_s"),
    ("first plan and its gain per draw", "answered_s", "answered_s"),
    ("later plan", "later_s", "later_s"),
    ("later plan and its gain per draw", "later_answered_s", "later_answered_s"),
    ("later plan, their optimiser anew", "later_s", "rebuilt_s"),
]
SHOWN = {
    name: f"{name}_s"
    for name in ("import", "load", "plan", "first", "all", "answered", "later", "plan_cpu", "later_cpu")
}


def child(python: Path, script: str, *arguments: str, cache: Path) -> dict:
    """Run a child with its own caches of compiled code, and return what it reports."""
    return environments.report([str(python), str(HERE / script), *arguments], environments.caches(cache))


class Sides:
    """Both packages: their Pythons, and the fits of each, made where they do not exist."""

    def __init__(self, work: Path, csv: Path) -> None:
        self.work, self.csv = work, csv
        self.pythons = {package: environments.environment(package, work) for package in CHILDREN}
        self.quality = {package: [self._fitted(package, seed) for seed in (1, 2)] for package in CHILDREN}
        self.ask("bayesmmm", "translate", self.fit("pymc-marketing", 0), "--translate", str(self.translated))

    @property
    def translated(self) -> Path:
        """Fit of bayesmmm that holds PyMC-Marketing's draws."""
        return self.work / "translated.nc"

    def fit(self, package: str, which: int) -> Path:
        """File of the first or second fit of a package."""
        return self.work / package / f"fit{which}.nc"

    def ask(self, package: str, what: str, fit: Path, *more: str, cache: Path | None = None) -> dict:
        """Run a task of a package's child."""
        given = [what, "--csv", str(self.csv), "--fit", str(fit), *more]
        cache = cache or self.work / package / "prepare"
        return child(self.pythons[package], CHILDREN[package], *given, cache=cache)

    def _fitted(self, package: str, seed: int) -> dict:
        file = self.fit(package, seed - 1)
        found = file.with_suffix(".json")
        if not (file.exists() and found.exists()):
            print(f"fitting {package}, seed {seed}", file=sys.stderr, flush=True)
            found.write_text(json.dumps(self.ask(package, "fit", file, "--seed", str(seed))), encoding="utf-8")
        return json.loads(found.read_text(encoding="utf-8"))


def timed(sides: Sides, repeats: int) -> list[dict]:
    """Plan in fresh processes, side by side; the side that goes first alternates."""
    rows = []
    for repeat in range(repeats):
        for package in list(CHILDREN)[:: 1 if repeat % 2 == 0 else -1]:
            cache = sides.work / package / f"cache{repeat}"
            shutil.rmtree(cache, ignore_errors=True)
            for state, which in STATES.items():
                row = sides.ask(package, "plan", sides.fit(package, which), "--after", AFTER[package], cache=cache)
                row["first_s"] = row["load_s"] + row["plan_s"]
                row["all_s"] = row["import_s"] + row["first_s"]
                for key in ("later_s", "later_cpu_s", "later_answer_s"):
                    row[key] = statistics.median(row[key]) if key in row else None
                row["answered_s"] = row["first_s"] + row.get("answer_s", 0.0)
                row["later_answered_s"] = row["later_s"] + (row["later_answer_s"] or 0.0)
                rows.append({"repeat": repeat, "state": state} | row)
                print(f"{package} {repeat} {state}: {row['first_s']:.2f} s", file=sys.stderr, flush=True)
            shutil.rmtree(cache, ignore_errors=True)
    return rows


def ratios(rows: list[dict]) -> dict[str, dict[str, dict[str, float]]]:
    """How many times faster bayesmmm is, within pairs (same repeat and state): median, lowest, highest."""
    of = {(row["package"], row["state"], row["repeat"]): row for row in rows}
    found: dict = {}
    for state in STATES:
        for name, ours, theirs in RATIOS:
            values = [
                of["pymc-marketing", state, repeat][theirs] / of["bayesmmm", state, repeat][ours]
                for repeat in sorted({row["repeat"] for row in rows})
            ]
            summary = {"median": statistics.median(values), "low": min(values), "high": max(values)}
            found.setdefault(state, {})[name] = summary
    return found


def judged(sides: Sides, rows: list[dict]) -> list[dict]:
    """Evaluate the plans of both sides under both posteriors, for every total.

    Values are gains over the current split of the same total, in units of the outcome, when spend stops after the
    window, as PyMC-Marketing assumes, or goes on, as bayesmmm does. "best split" is the best of an even grid of splits:
    what a search finds that cannot be trapped.
    """
    own, theirs, translated = sides.fit("bayesmmm", 0), sides.fit("pymc-marketing", 0), sides.translated
    last = {row["package"]: row["plans"] for row in rows if row["state"] == "same fit"}
    made = {
        "theirs": last["pymc-marketing"],
        "ours, their question and draws": sides.ask("bayesmmm", "plan", translated)["plans"],
        "ours, their question": sides.ask("bayesmmm", "plan", own)["plans"],
        "ours": last["bayesmmm"],
    }
    evaluations = {  # name -> who evaluates, under which fit, with what after the window
        "their draws, spend stops": ("bayesmmm", translated, "nothing"),
        "their draws, spend stops, their code": ("pymc-marketing", theirs, "nothing"),
        "our draws, spend stops": ("bayesmmm", own, "nothing"),
        "our draws, spend goes on": ("bayesmmm", own, "current"),
    }
    current, found = task.current(str(sides.csv)), []
    for i, factor in enumerate(task.FACTORS):
        total = factor * sum(current.values())
        plans = {"current": {c: factor * v for c, v in current.items()}, **{n: p[i] for n, p in made.items()}}
        shares = [step / GRID for step in range(GRID + 1)]
        grid = [dict(zip(measure.MEDIA, (s * total, (1 - s) * total), strict=True)) for s in shares]
        gains = {}
        for name, (package, fit, after) in evaluations.items():
            asked = json.dumps([*plans.values(), *grid])
            value = sides.ask(package, "evaluate", fit, "--plans", asked, "--after", after)["values"]
            gains[name] = {plan: value[k] - value[0] for k, plan in enumerate(plans)}
            gains[name]["best split"] = max(value[len(plans) :]) - value[0]
        found.append({"factor": factor, "total": total, "plans": plans, "gain": gains})
    return found


def own_cases(python: Path, work: Path, repeats: int) -> list[dict]:
    """Time bayesmmm's own cases in fresh processes, the kernels compiled, and once with an empty cache."""
    rows, script = [], "child_budget_cases.py"
    for name in cases.CASES:
        file, cache = work / f"{name}.nc", work / "bayesmmm" / "cache-cases"
        child(python, script, "make", name, str(file), cache=work / "bayesmmm" / "prepare")
        shutil.rmtree(cache, ignore_errors=True)
        for repeat in range(repeats + 1):
            state = "same fit" if repeat else "empty"
            row = child(python, script, "time", name, str(file), cache=cache)
            rows.append({"case": name, "state": state, "repeat": repeat} | row)
            print(f"{name} {state}: {row['plan_s']:.2f} s", file=sys.stderr, flush=True)
    return rows


def show(result: dict) -> None:
    """Print medians of the runs, ratios, gains of the plans, and the own cases."""

    def median(rows: list[dict], key: str) -> float:
        return statistics.median(row[key] for row in rows)

    if result["runs"]:
        print(f"{'seconds, medians':<16}{'caches':>10}" + "".join(f"{name:>10}" for name in SHOWN))
    for state in STATES if result["runs"] else ():
        for package in CHILDREN:
            rows = [row for row in result["runs"] if (row["package"], row["state"]) == (package, state)]
            print(f"{package:<16}{state:>10}" + "".join(f"{median(rows, key):>10.3f}" for key in SHOWN.values()))
    for state, values in result["ratios"].items():
        print(f"\nbayesmmm is so many times faster, {state}: median [lowest, highest] over the pairs")
        for key, value in values.items():
            print(f"  {key:<34}{value['median']:8.2f}  [{value['low']:.2f}, {value['high']:.2f}]")
    for row in result["plans"]:
        print(f"\ntotal {row['total']:.3f} ({row['factor']:g} times the current one)")
        for name, plan in row["plans"].items():
            print(f"  {name:<34}" + "".join(f"{c} {v:.4f}  " for c, v in plan.items()))
        for name, gains in row["gain"].items():
            print(f"  gain, {name}: " + "; ".join(f"{plan} {v:.2f}" for plan, v in gains.items()))
    for name in cases.CASES:
        for state in ("empty", "same fit"):
            rows = [row for row in result["cases"] if (row["case"], row["state"]) == (name, state)]
            if rows:
                cells = (f"{label} {median(rows, key):.2f} s" for label, key in cases.SHOWN.items())
                print(f"\n{name}, caches {state}: " + ", ".join(cells), end="")
    print()


def main() -> None:
    """Read the options, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, help="folder to keep environments and fits in; a temporary one otherwise"
    )
    parser.add_argument("--repeats", type=int, default=5, help="pairs of runs (%(default)s)")
    parser.add_argument("--only", choices=["pairs", "cases"], help="only one of the two parts")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    options = parser.parse_args()
    folder = os.environ.get("BAYESMMM_EXTERNAL_DATA")
    csv = Path(folder or "", measure.CSV).resolve()
    result: dict = {
        "machine": environments.machine(),
        **{"runs": [], "ratios": {}, "plans": [], "cases": [], "fits": {}},
    }
    with tempfile.TemporaryDirectory(prefix="bayesmmm-budget-") as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        if options.only != "cases" and folder and csv.is_file():
            sides = Sides(work, csv)
            result["fits"] = sides.quality
            result["runs"] = timed(sides, options.repeats)
            result["ratios"] = ratios(result["runs"])
            result["plans"] = judged(sides, result["runs"])
        elif options.only != "cases":
            print(f"SKIPPED the comparison: set BAYESMMM_EXTERNAL_DATA to the folder that holds {measure.CSV}")
        if options.only != "pairs":
            result["cases"] = own_cases(environments.environment("bayesmmm", work), work, options.repeats)
    show(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
