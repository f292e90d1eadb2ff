"""The commands: from parsed arguments to files, sentences and an exit status."""

import argparse
import shlex
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmmm.cli.files import (
    DIAGNOSIS,
    FIT,
    SUMMARY,
    SYSTEM,
    are_mixed,
    draw,
    marked,
    others,
    told_figures,
    write_diagnosis,
    write_effects,
    write_tables,
)
from bayesmmm.cli.text import (
    compare,
    effects_table,
    heading,
    laid_out,
    show_diagnosis,
    show_effects,
    show_true_effects,
    show_warnings,
    wrap,
)
from bayesmmm.errors import BayesMMMWarning, FitFileError, KernelCacheWarning, SettingError, SpecError
from bayesmmm.files import (
    RunFolder,
    check_replaceable,
    digest,
    is_busy,
    leftovers,
    make_mark,
    run_folder,
    uninterrupted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayesmmm.data import MMMData
    from bayesmmm.equations import MMM
    from bayesmmm.results import Fit
    from bayesmmm.simulate import World

#: The cases that come with the package, as `simulate.datasets` has them; known here without importing it.
CASES = ("social_search", "youtube", "shop", "tv", "regions", "ecommerce")
#: The one that `simulate` writes as a raw table, for `prepare` and not for `fit`.
RAW_WORLD = "ecommerce"
DONE, SAMPLER_FAILED, MIXED, INTERRUPTED = 0, 1, 3, 130


def demo(options: argparse.Namespace) -> int:
    """Fit a case and compare with its truth."""
    from bayesmmm.simulate.datasets import CASES as known
    from bayesmmm.simulate.datasets import load_case

    world = load_case(options.case)
    options.out = options.out or Path("bayesmmm-demo" + f"-{options.case}" * (options.case != CASES[0]))
    print(f"{options.case}: {known[options.case]}.\nThe data are simulated, so that the truth is known.\n")
    return _analyse(world.data, world.system, options, world)


def read_spec(path: Path, way_out: str) -> "tuple[MMM, dict[str, Any]]":
    """Read a system and the roles of columns; `way_out` ends the sentence of a file that has none."""
    from bayesmmm.equations import read_toml

    system, columns = read_toml(path)
    if columns is None:
        raise SpecError(
            f"{path} has no [data] table, so the roles of the columns are unknown. Add one with date, outcome "
            f"and media{way_out}"
        )
    return system, columns


def fit(options: argparse.Namespace) -> int:
    """Fit a system to a CSV file."""
    from bayesmmm.data import MMMData
    from bayesmmm.equations import check_system

    system, columns = read_spec(options.spec, "; `bayesmmm simulate --out world` writes an example.")
    data = MMMData.from_file(options.data, **columns)
    check_system(system, data)
    return _analyse(data, system, options, None)


def simulate(options: argparse.Namespace) -> int:
    """Write a simulated world."""
    from bayesmmm import simulate as worlds
    from bayesmmm.simulate import ecommerce, write_ecommerce, write_world

    sizes = {name: getattr(options, name) for name in ("weeks", "series", "rows")}
    given = {name: value for name, value in sizes.items() if value is not None}
    raw = options.world == RAW_WORLD
    for name in given:
        if (name == "weeks") == raw:
            takes = "--series and --rows" if raw else "--weeks"
            raise SettingError(f"--{name} is not a size of {options.world}, which takes {takes}; leave it out")
    if raw:
        made = ecommerce(seed=options.seed, **given)
        written = write_ecommerce(made, options.out, options.world)
        show_true_effects(made.world)
        print(f"\nwritten: {', '.join(map(str, written))}")
        print(f"next: bayesmmm prepare {written[0]} --out tidy.csv, as notebooks/13_ecommerce.ipynb shows")
        return DONE
    world = getattr(worlds, options.world)(seed=options.seed, **given)
    paths = write_world(world, options.out, options.world)
    show_true_effects(world)
    print(f"\nwritten: {', '.join(map(str, paths))}")
    print(f"next: bayesmmm fit {paths[0]} --spec {paths[2]} --out result")
    return DONE


def check_readable(path: Path) -> None:
    """Refuse a file that is not there before anything heavy is imported."""
    if path.is_dir():
        raise IsADirectoryError(0, "is a folder; give the file of a fit in it, as fit.nc", str(path))
    if not path.exists():
        raise FileNotFoundError(0, "is not there; give the file that `bayesmmm fit` wrote, as fit.nc", str(path))


def load_fit(path: Path) -> "Fit":
    """Read a saved fit."""
    check_readable(path)
    from bayesmmm.results import load

    return load(path)


def refused(fit: "Fit", options: argparse.Namespace, done: str, what: str) -> bool:
    """Whether a fit whose sampler failed is not to be used, which is said."""
    if fit.convergence.verdict != "failed" or options.allow_unconverged:
        return False
    why = f"these draws do not represent the posterior and nothing is {done}"
    remedy = f"fit again, or pass --allow-unconverged to look at {what} all the same"
    print(f"bayesmmm: error: the sampler failed, so that {why}; {remedy}", file=sys.stderr)
    return True


def ending(fit: "Fit", warning: str) -> int:
    """Return the exit status, with a last word where the sampler failed."""
    if fit.convergence.verdict != "failed":
        return DONE
    print(f"bayesmmm: the sampler failed: {warning}", file=sys.stderr)
    return SAMPLER_FAILED


def list_files(folder: Path, paths: "Sequence[Path]") -> None:
    """Print files by folder and kind."""
    kinds: dict[tuple[str, ...], list[str]] = {}
    suffixes: dict[tuple[Path, str], list[str]] = {}
    for path in paths:
        suffixes.setdefault((path.parent.relative_to(folder), path.stem), []).append(path.suffix)
    for (parent, stem), ends in suffixes.items():
        kinds.setdefault((str(parent), *ends), []).append(stem)
    print(f"written to {folder}:")
    for (inside, *ends), stems in kinds.items():
        kind = f"{inside}/, {' and '.join(ends)}: {', '.join(stems)}"
        here = ", ".join(stem + end for stem in stems for end in ends)
        print(wrap(f"- {here if inside == '.' else kind}"))


def list_others(folder: Path, mark: str) -> None:
    """Print the files that an earlier run wrote and this one has none in place of."""
    if left := others(folder, mark):
        print(wrap(f"of an earlier run, left as they are: {', '.join(left)}"))


def show(options: argparse.Namespace) -> int:
    """Say which run every file of a folder is of."""
    folder = options.folder
    if not folder.is_dir():
        raise NotADirectoryError(0, "is no folder; give the one that a run wrote to", str(folder))
    found = marked(folder)
    marks = [mark for mark in found if mark is not None]
    mixed = are_mixed(marks)
    heading(
        f"{folder}: {'files of several runs' if mixed else 'files of one run' if marks else 'no files of a run'}"
    )
    for mark, names in found.items():
        kind, run, fit = mark or ("not of a run", "", "")
        head = f"{kind} {fit}" if kind == "saved" else f"{kind} {run} of fit {fit}" if mark else kind
        print(wrap(f"- {head}: {', '.join(names)}"))
    fits = [name for mark, names in found.items() if mark is None or mark[0] == "saved" for name in names]
    damaged = [problem for name in fits if (problem := _problem(folder / name))]
    for problem in damaged:
        print(wrap(f"- {problem}"))
    if is_busy(folder):
        print("- a run is writing to this folder now")
    elif leftovers(folder):
        print("- a run was killed here; what it left behind goes with the next run")
    return MIXED if mixed or damaged else DONE


def _problem(path: Path) -> str:
    """What is wrong with a file that should be a fit."""
    if path.suffix != Path(FIT).suffix:
        return ""
    from bayesmmm.results import load

    try:
        load(path)
    except FitFileError as error:
        return str(error)
    return ""


def _analyse(data: "MMMData", system: "MMM", options: argparse.Namespace, world: "World | None") -> int:
    with run_folder(options.out) as run:
        _check_by(data, options.by)
        for name in (FIT, SUMMARY, SYSTEM, DIAGNOSIS):  # before minutes are spent on what would go there
            check_replaceable(options.out / name)
        heading("Data")
        print(str(data).rpartition("\nNext:")[0])
        print(laid_out(data.summary(), "{:,.4g}".format))
        heading("Model")
        from bayesmmm.equations import for_data

        system = for_data(system, data)
        print(str(system).rpartition("\n\nNext:")[0])
        show_warnings(system, data)
        fit = _sample(system, data, options)
        stamp = fit.stamp  # a pass through all draws
        mark = make_mark("fit", digest(stamp, options.ci_prob, world is None), stamp)
        names: list[str] = []
        try:
            with uninterrupted():
                _write(run, mark, names, lambda part: fit.save(part / FIT))
            _tell(fit, run, mark, names, options, world)
        except BaseException as problem:
            if not names:
                raise
            # Whatever went wrong, the sampling is not lost, and whoever waited for it should know.
            interrupted = isinstance(problem, KeyboardInterrupt)
            how = "interrupted" if interrupted else "stopped"
            print(
                f"bayesmmm: {how} after sampling; written to {options.out}: {', '.join(sorted(names))}",
                file=sys.stderr,
            )
            if interrupted:
                return INTERRUPTED
            raise
    heading("Files")
    print(wrap(f"written to {options.out}: {', '.join(sorted(names))}"))
    list_others(options.out, mark)
    if fit.convergence.verdict != "failed":
        print(f"next: bayesmmm report {shlex.quote(str(options.out / FIT))} --out report")
    print("in Python:")
    print("  import bayesmmm as mm")
    print(f"  fit = mm.load({str(options.out / FIT)!r}); print(fit); fit.summary()")
    return ending(fit, "the files are written, but do not use these numbers; see the moves above")


def _write(run: RunFolder, mark: str, names: list[str], make: "Callable[[Path], object]") -> None:
    with told_figures():
        names.extend(path.name for path in run.write(make, mark))


def _tell(
    fit: "Fit", run: RunFolder, mark: str, names: list[str], options: argparse.Namespace, world: "World | None"
) -> None:
    """Write all but the fit itself, adding to `names`, and print the results."""
    from bayesmmm.diagnostics import diagnose
    from bayesmmm.results.summaries import flat

    heading("Result")
    print("\n".join(wrap(line) for line in str(fit.convergence).splitlines()))
    table = fit.summary(options.ci_prob)
    truth = None
    if world is not None:
        truth = flat(world.truth.parameters)  # by the names that a summary has
        compare(fit, table, truth, options.ci_prob)
    _write(run, mark, names, lambda part: write_tables(fit, table, truth, options.ci_prob, part))
    _write(run, mark, names, lambda part: draw(fit, table, truth, options.ci_prob, part))
    diagnosis = diagnose(fit)
    _write(run, mark, names, lambda part: write_diagnosis(diagnosis, part))
    if fit.convergence.verdict != "failed":
        effects = {by: effects_table(fit, world, options.ci_prob, by) for by in (None, *ways(fit.data))}
        if len(effects) > 1:
            _write(run, mark, names, lambda part: write_effects(fit, world, effects, options.ci_prob, part))
        show_effects(fit, effects[options.by], options.ci_prob)
    elif world is not None:
        show_true_effects(world)
    show_diagnosis(diagnosis)


def ways(data: "MMMData") -> tuple[str, ...]:
    """Ways to tell apart what answers are about: on a panel by geo, and by each of several columns that name one."""
    return ("geo", *data.levels) if len(data.geos) > 1 else ()


def _check_by(data: "MMMData", by: str | None) -> None:
    if by is not None and ways(data):
        from bayesmmm.validate import check_choice

        check_choice(by, "--by", ways(data))
    elif by is not None:
        raise SettingError(
            f"--by {by} tells the geos of a panel apart, and the data are one series; leave it out, or name the column "
            f"of geos in [data] of the spec, as geo = 'region'"
        )


def _sample(system: "MMM", data: "MMMData", options: argparse.Namespace) -> "Fit":
    from bayesmmm.inference import default_draws, fit

    heading("Preview" if options.preview else "Sampling")
    warm_up = ", not sampled" if options.preview else f" after {options.tune} of warm-up"
    draws = options.draws or default_draws(system, data)
    print(f"{options.chains} chains x {draws} draws{warm_up}")
    sys.stdout.flush()
    start = time.perf_counter()
    progress = not options.no_progress and sys.stderr.isatty()
    with warnings.catch_warnings():
        # They are shown in our own words, before and after.
        warnings.simplefilter("ignore", BayesMMMWarning)
        warnings.simplefilter("default", KernelCacheWarning)
        names = ("draws", "tune", "chains", "seed", "target_accept", "sampler", "preview")
        settings = {name: getattr(options, name) for name in names}
        result = fit(system, data, progress=progress, **settings)
    if progress:
        print()
    seconds = result.settings["seconds"]
    parts = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    print(f"done in {time.perf_counter() - start:.1f} s ({parts}); seed {result.settings['seed']}")
    return result
