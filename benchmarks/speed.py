"""Time bayesmmm beside PyMC-Marketing and Meridian on the same data, in one run, each in an environment of its own.

    BAYESMMM_EXTERNAL_DATA=/path/to/data python benchmarks/speed.py --work /path/to/scratch --repeats 3

Needs Python and `uv`. Writes RESULTS.md, RESULTS.json and speed.png; `--from` makes page and figure anew from a JSON.
Environments are kept in `--work` for the next run; bayesmmm itself is built anew each time. Cases whose data are not
there are skipped, with a word. See README.md in this folder for what is measured and how.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import environments
import measure
import speed_report
from measure import FILES
from speed_report import OURS, STATES

HERE = Path(__file__).resolve().parent
CHILDREN = {
    "bayesmmm": "child_speed_bayesmmm.py",
    "pymc-marketing": "child_speed_pymc_marketing.py",
    "google-meridian": "child_speed_meridian.py",
}
SIDES = {  # side: package, options of its child
    OURS: ("bayesmmm", []),
    "PyMC-Marketing, nutpie": ("pymc-marketing", []),
    "PyMC-Marketing, PyMC NUTS": ("pymc-marketing", ["--sampler", "pymc"]),
    "Meridian": ("google-meridian", []),
}
CASES = {  # case: sides
    "mmm_example": [OURS, "PyMC-Marketing, nutpie", "PyMC-Marketing, PyMC NUTS"],
    "social_search": [OURS, "PyMC-Marketing, nutpie"],
    "national_media": [OURS, "Meridian"],
    "panel": [],
    "sweep": [OURS, "PyMC-Marketing, nutpie"],
}
PERIODS, CHANNELS, DRAWS = (100, 300, 1000, 3000, 10_000), (2, 5, 10, 20, 50), (250, 1000, 4000)
LARGE = (10_000, 20)
THEIRS = {(100, 5), (1000, 5), (1000, 2), (1000, 10)}  # sizes of the sweep that PyMC-Marketing is given, too
FILL = 20  # draws and warm-up steps of a run that only fills the caches


class Runner:
    """Runs children: knows their Pythons, the folders, and what is common to all runs."""

    def __init__(self, options: argparse.Namespace, work: Path, folder: str | None) -> None:
        self.options, self.work, self.folder = options, work, folder
        self.pythons: dict[str, Path] = {}

    def python(self, side: str) -> Path:
        """Python of a side, its environment prepared when it is asked for first."""
        package = SIDES[side][0]
        if package not in self.pythons:
            self.pythons[package] = environments.environment(package, self.work)
        return self.pythons[package]

    def cache(self, *names: str) -> Path:
        """Folder of caches of compiled code; flags of PyTensor take neither blanks nor quotes in its name."""
        return self.work / "caches" / "-".join(re.sub(r"\W+", "-", name) for name in names)

    def child(self, side: str, case: str, *more: str, cache: Path, timeout: float | None = None) -> dict:
        """Run a child in a new process and return its JSON line, with the load of the machine before it started."""
        package, own = SIDES[side]
        command = [str(self.python(side)), str(HERE / CHILDREN[package]), "--case", case, *own, *more]
        command += ["--folder", self.folder] if self.folder else []
        load, variables = environments.load(), environments.caches(cache)
        try:
            variables[measure.STARTED] = repr(time.time())
            return environments.report(command, variables, timeout=timeout)
        except subprocess.TimeoutExpired:
            return {"missing": f"not done after {timeout:.0f} s", **load}
        except SystemExit as failure:
            if case != "sweep":
                raise
            print(failure, file=sys.stderr, flush=True)
            return {"missing": "failed", **load}

    def draws(self, draws: int = measure.DRAWS) -> list[str]:
        """Options of a child: draws and warm-up steps."""
        if self.options.quick:
            return ["--draws", "100", "--tune", "100"]
        return ["--draws", str(draws), "--tune", str(measure.TUNE)]

    def pairs(self, case: str) -> list[dict]:
        """Every side of a case, cold and then warm, in every repeat; which side goes first changes."""
        sides, rows = CASES[case], []
        for side in sides:
            self.python(side)  # so that nothing is installed between two measurements
        for repeat in range(self.options.repeats):
            for side in sides[repeat % len(sides) :] + sides[: repeat % len(sides)]:
                cache = self.cache(case, side, str(repeat))
                shutil.rmtree(cache, ignore_errors=True)
                for state in STATES:
                    asked = ["--seed", str(self.options.seed + repeat), *self.draws()]
                    row = self.child(side, case, *asked, cache=cache)
                    rows.append({"case": case, "side": side, "repeat": repeat, "state": state, **row})
                    told(f"{case}, {side}, {state}", row)
                shutil.rmtree(cache, ignore_errors=True)
        return rows

    def sweep(self) -> Iterator[dict]:
        """Simulated series of many sizes, compiled code in the caches, one run each."""
        filled = set()
        caches = {side: self.cache("sweep", side) for side in CASES["sweep"]}
        for folder in caches.values():
            shutil.rmtree(folder, ignore_errors=True)
        for number, (periods, channels, draws) in enumerate(sizes(self.options.quick)):
            asked = ["--periods", str(periods), "--channels", str(channels)]
            sides = [s for s in CASES["sweep"] if s == OURS or ((periods, channels) in THEIRS and draws == 1000)]
            for side in sides[:: 1 if number % 2 == 0 else -1]:
                limit = None if side == OURS else self.options.timeout
                # The other side compiles anew for each size.
                size = side if side == OURS else (side, periods, channels)
                row = {}
                if size not in filled:
                    few = ["--fill", "--draws", str(FILL), "--tune", str(FILL)]
                    row = self.child(side, "sweep", *asked, *few, cache=caches[side], timeout=limit)
                    filled.add(size)
                if "missing" not in row:
                    row = self.child(side, "sweep", *asked, *self.draws(draws), cache=caches[side], timeout=limit)
                told(f"{periods} periods, {channels} channels, {draws} draws, {side}", row)
                yield {"side": side, "periods": periods, "channels": channels, "draws": draws, **row}
        for folder in caches.values():
            shutil.rmtree(folder, ignore_errors=True)


def told(what: str, row: dict) -> None:
    """Say on standard error what a run took."""
    print(f"{what}: {row.get('missing') or 'fit {:.1f} s'.format(row['fit_s'])}", file=sys.stderr, flush=True)


def sizes(quick: bool) -> list[tuple[int, int, int]]:
    """Periods, channels and draws of the sweep, each size once."""
    if quick:
        return [(100, 5, 1000), (1000, 5, 1000), (3000, 5, 1000), (1000, 2, 1000)]
    found = [(periods, 5, 1000) for periods in PERIODS] + [(1000, channels, 1000) for channels in CHANNELS]
    found += [(300, 5, draws) for draws in DRAWS] + [(*LARGE, 1000)]
    return list(dict.fromkeys(found))


def replaced(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def written(result: dict, options: argparse.Namespace, *, python: str) -> None:
    """Write the JSON, the page and the figure."""
    if options.source is None:
        replaced(options.out, json.dumps(result, indent=1) + "\n")
    if result["sweep"]:
        figure = options.report.with_name("speed.png")
        source = options.source or options.out
        done = subprocess.run([python, str(HERE / "speed_figure.py"), str(source), str(figure)])
        if done.returncode:
            print(f"SKIPPED {figure.name}: it needs matplotlib", file=sys.stderr)
    replaced(options.report, speed_report.written(result))


def measured(options: argparse.Namespace, work: Path) -> None:
    """Run the cases one after another, and write after each, so that a long run loses nothing."""
    folder = os.environ.get("BAYESMMM_EXTERNAL_DATA")
    folder = str(Path(folder).resolve()) if folder else None
    result: dict = {"runs": [], "sweep": [], "skipped": {}}
    if options.add and options.out.exists():
        result |= json.loads(options.out.read_text(encoding="utf-8"))
    result |= circumstances(options, result)
    runner = Runner(options, work, folder)
    for case in options.cases:
        result["runs"] = [row for row in result["runs"] if row["case"] != case]
        result["skipped"].pop(case, None)
        if case == "panel":
            result["skipped"][case] = "not here: panels have a page of their own, PANELS.md"
        elif case == "sweep":
            result["sweep"] = []
            for row in runner.sweep():
                result["sweep"].append(row)
                replaced(options.out, json.dumps(result, indent=1) + "\n")
        elif folder and (Path(folder) / FILES[case]).is_file():
            result["runs"] += runner.pairs(case)
        else:
            result["skipped"][case] = f"skipped: {FILES[case]} was not there"
            print(f"SKIPPED {case}: no {FILES[case]} in the folder BAYESMMM_EXTERNAL_DATA", file=sys.stderr)
        written(result, options, python=str(runner.python(OURS)))


def circumstances(options: argparse.Namespace, before: dict) -> dict:
    """What all runs of a page have in common; refuses to add to one that was made in another way."""
    settings = {"chains": measure.CHAINS, "draws": measure.DRAWS, "tune": measure.TUNE, "quick": options.quick}
    found = {
        "machine": environments.machine(),
        "source": source(),
        "repeats": options.repeats,
        "seed": options.seed,
        "timeout_s": options.timeout,
        "settings": settings,
    }
    differ = [key for key, value in found.items() if before.get(key, value) != value]
    if differ:
        raise SystemExit(
            f"--add: {', '.join(differ)} differ from those of {options.out.name}; measure all cases anew"
        )
    return found | {"command": command(options)}


def source() -> str:
    """Commit that bayesmmm is built from, where that can be told."""
    git = ["git", "-C", str(HERE)]
    told = [
        subprocess.run([*git, *words], capture_output=True, text=True, check=False)
        for words in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--", "../bayesmmm"])
    ]
    if any(one.returncode for one in told):
        return "unknown"
    return told[0].stdout.strip() + (", with changes" if told[1].stdout.strip() else "")


def command(options: argparse.Namespace) -> str:
    """The command that makes these results again, without the paths of this machine."""
    words = ["python benchmarks/speed.py", f"--repeats {options.repeats}", f"--seed {options.seed}"]
    words += [f"--timeout {options.timeout:g}"] if options.timeout != 900 else []
    words += [f"--cases {','.join(options.cases)}"] if options.cases != list(CASES) and not options.add else []
    return " ".join([*words, *(["--quick"] if options.quick else [])])


def main() -> None:
    """Read the options; measure, or only write the page anew."""

    def cases(text: str) -> list[str]:
        unknown = [name for name in text.split(",") if name not in CASES]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(CASES)}")
        return [name for name in CASES if name in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="folder to keep environments in; a temporary one otherwise")
    parser.add_argument(
        "--cases", type=cases, default=list(CASES), help=f"some of {','.join(CASES)}; all by default"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="runs of each side, each cold and then warm (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the first repeat (%(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=900, help="seconds for a run of the others in the sweep (900)"
    )
    parser.add_argument("--add", action="store_true", help="keep the other cases of an existing JSON")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.json", help="JSON (%(default)s)")
    parser.add_argument("--report", type=Path, default=HERE / "RESULTS.md", help="page (%(default)s)")
    parser.add_argument("--from", dest="source", type=Path, help="measure nothing, write the page of this JSON")
    parser.add_argument("--quick", action="store_true", help=argparse.SUPPRESS)  # to try the runner out
    options = parser.parse_args()
    if options.source:
        return written(json.loads(options.source.read_text(encoding="utf-8")), options, python=sys.executable)
    with tempfile.TemporaryDirectory(prefix="bayesmmm-speed-") as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        measured(options, work)
    print(f"written: {options.out}, {options.report}", file=sys.stderr)


if __name__ == "__main__":
    main()
