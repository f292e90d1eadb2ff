"""The command line: ``bayesmmm demo | fit | simulate``. The only module that prints.

Knows files, exit statuses and sentences; every number comes from elsewhere. Heavy modules are imported when a command
runs, so that help and version answer at once.

Exit status: 0 done; 1 the sampler failed (files are written all the same); 2 the input cannot be used; 130 interrupted.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import textwrap
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bayesmmm.errors import BayesMMMError, BayesMMMWarning

if TYPE_CHECKING:
    import pandas as pd

    from bayesmmm.data import MMMData
    from bayesmmm.equations import MMM
    from bayesmmm.results import Fit
    from bayesmmm.simulate import World

__all__ = ["main"]

DONE, SAMPLER_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
CI_PROB = 0.9
_WIDTH = 100
_LOGARITHMIC = ("half_life", "half_saturation", "slope")

_ABOUT = """\
Bayesian marketing-mix models as systems of structural equations, with explicit mediators.

example:
  bayesmmm demo                  an example with known truth, fitted: the quickest way to see what comes out
"""
_DEMO = """\
Fit the example world (four social channels, paid search as their mediator, three years of weekly revenue) and lay the
posterior beside the truth that the data were made from.

example:
  bayesmmm demo --out my-demo
"""
_FIT = """\
Fit a system of equations to a CSV file. The TOML file says which column plays which role and holds the equations and
priors; MMM.to_toml writes such a file, and `bayesmmm simulate` writes an example of both files.

example:
  bayesmmm simulate --out world
  bayesmmm fit world/social_search.csv --spec world/social_search.toml --out result
"""
_SIMULATE = """\
Write a simulated world: NAME.csv (data), NAME.toml (roles, equations, priors) and NAME.json (the truth behind the data).

example:
  bayesmmm simulate --seed 7 --weeks 208 --out world
"""


# ---------------------------------------------------------------------------------------------- entry and arguments
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the name of the program; by default those of the process.

    Returns
    -------
    int
        Exit status.
    """
    # A terminal without UTF-8 must not turn a mu or a name into a traceback.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(argv)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("bayesmmm: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    except BayesMMMError as error:
        return _refuse(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        return _refuse(f"{error.filename}: {reason}" if error.filename else reason)


def _refuse(sentence: str) -> int:
    print(f"bayesmmm: error: {' '.join(sentence.split())}", file=sys.stderr)
    return BAD_INPUT


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(BAD_INPUT, f"bayesmmm: error: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="bayesmmm", description=_ABOUT, formatter_class=shape)
    parser.add_argument("--version", action="version", version=f"bayesmmm {version('bayesmmm')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = commands.add_parser(
        "demo", help="fit the example world, compare with its truth", description=_DEMO, formatter_class=shape
    )
    _add_out(demo, "bayesmmm-demo")
    _add_sampling(demo, seed=1)
    demo.set_defaults(run=_demo)

    fit = commands.add_parser("fit", help="fit your data", description=_FIT, formatter_class=shape)
    fit.add_argument(
        "data", metavar="DATA.csv", type=Path, help="one row per period, dates and columns as in the spec"
    )
    fit.add_argument("--spec", metavar="SYSTEM.toml", type=Path, required=True, help="roles, equations and priors")
    _add_out(fit, None)
    _add_sampling(fit, seed=None)
    fit.set_defaults(run=_fit)

    simulate = commands.add_parser(
        "simulate", help="write a world with known truth", description=_SIMULATE, formatter_class=shape
    )
    simulate.add_argument(
        "--world", choices=["social_search"], default="social_search", help="which (%(default)s)"
    )
    simulate.add_argument("--seed", type=_seed, default=1, help="seed of the world (%(default)s)")
    simulate.add_argument("--weeks", type=_count, default=156, metavar="N", help="periods (%(default)s)")
    _add_out(simulate, None)
    simulate.set_defaults(run=_simulate)
    return parser


def _add_out(parser: argparse.ArgumentParser, default: str | None) -> None:
    given = f" ({default})" if default else ""
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=default,
        required=default is None,
        help=f"folder for the results, made if need be{given}",
    )


def _add_sampling(parser: argparse.ArgumentParser, *, seed: int | None) -> None:
    group = parser.add_argument_group("sampling")
    group.add_argument("--draws", type=_count, default=1000, metavar="N", help="draws per chain (%(default)s)")
    group.add_argument("--tune", type=_count, default=1000, metavar="N", help="warm-up per chain (%(default)s)")
    group.add_argument("--chains", type=_count, default=4, metavar="N", help="chains (%(default)s)")
    group.add_argument(
        "--seed", type=_seed, default=seed, help=f"seed ({'drawn and stored' if seed is None else seed})"
    )
    group.add_argument(
        "--target-accept", type=_probability, default=0.9, metavar="P", help="acceptance rate (%(default)s)"
    )
    group.add_argument("--sampler", choices=["nutpie", "pymc"], default="nutpie", help="NUTS by (%(default)s)")
    group.add_argument("--no-progress", action="store_true", help="no progress bar")
    parser.add_argument(
        "--ci-prob",
        type=_probability,
        default=CI_PROB,
        metavar="P",
        help="probability of intervals in tables and figures (%(default)s)",
    )


def _count(text: str) -> int:
    if not re.fullmatch(r"\d+", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number of at least 1")
    return int(text)


def _seed(text: str) -> int:
    if not re.fullmatch(r"\d+", text) or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 0 to {2**63 - 1}")
    return int(text)


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} must lie between 0 and 1")
    return value


# -------------------------------------------------------------------------------------------------------- commands
def _demo(options: argparse.Namespace) -> int:
    from bayesmmm.datasets import load_social_search

    world = load_social_search()
    print("The example world: simulated data, so that the truth is known.\n")
    return _analyse(world.data, world.system, options, _folder(options.out), world)


def _fit(options: argparse.Namespace) -> int:
    from bayesmmm.data import MMMData
    from bayesmmm.equations import check_system, read_toml
    from bayesmmm.errors import SpecError

    system, columns = read_toml(options.spec)
    if columns is None:
        raise SpecError(
            f"{options.spec} has no [data] table, so the roles of the columns are unknown. Add one with date, outcome "
            f"and media; `bayesmmm simulate --out world` writes an example."
        )
    data = MMMData.from_csv(options.data, **columns)
    check_system(system, data)
    return _analyse(data, system, options, _folder(options.out), None)


def _simulate(options: argparse.Namespace) -> int:
    from bayesmmm.simulate import social_search, write_world

    world = social_search(seed=options.seed, weeks=options.weeks)
    paths = write_world(world, options.out, options.world)
    _show_effects(world)
    print(f"\nwritten: {', '.join(map(str, paths))}")
    print(f"next: bayesmmm fit {paths[0]} --spec {paths[2]} --out result")
    return DONE


def _folder(path: Path) -> Path:
    """Make the folder and try it, before minutes are spent on what would go into it."""
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
        return path


# -------------------------------------------------------------------------------------------------------- analysis
def _analyse(
    data: "MMMData", system: "MMM", options: argparse.Namespace, folder: Path, world: "World | None"
) -> int:
    _heading("Data")
    print(str(data).rpartition("\nNext:")[0])
    print(_table(data.summary(), "{:,.4g}".format))
    _heading("Model")
    print(str(system).rpartition("\n\nNext:")[0])
    _show_warnings(system, data)
    fit = _sample(system, data, options)
    _heading("Result")
    print("\n".join(_wrap(line) for line in str(fit.convergence).splitlines()))
    table = fit.summary(options.ci_prob)
    truth = None
    if world is not None:
        truth = _true_values(world)
        _compare(table, truth, options.ci_prob)
        _show_effects(world)
    names = _write(fit, table, truth, folder, options.ci_prob)
    _heading("Files")
    print(_wrap(f"written to {folder}: {', '.join(names)}"))
    print("next, in Python:")
    print("  import bayesmmm as mm")
    print(f"  fit = mm.load({str(folder / 'fit.nc')!r}); print(fit); fit.summary()")
    if fit.convergence.verdict == "failed":
        print(
            "bayesmmm: the sampler failed: the files are written, but do not use these numbers; see the moves above",
            file=sys.stderr,
        )
        return SAMPLER_FAILED
    return DONE


def _sample(system: "MMM", data: "MMMData", options: argparse.Namespace) -> "Fit":
    from bayesmmm.sampling import fit

    _heading("Sampling")
    print(
        f"{options.chains} chains x {options.draws} draws after {options.tune} of warm-up; compiling takes a while first"
    )
    sys.stdout.flush()
    start = time.perf_counter()
    progress = not options.no_progress and sys.stderr.isatty()
    with warnings.catch_warnings():
        # They are shown in our own words, before and after.
        warnings.simplefilter("ignore", BayesMMMWarning)
        result = fit(
            system,
            data,
            draws=options.draws,
            tune=options.tune,
            chains=options.chains,
            seed=options.seed,
            target_accept=options.target_accept,
            sampler=options.sampler,
            progress=progress,
        )
    if progress:
        print()
    seconds = result.settings["seconds"]
    parts = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    print(f"done in {time.perf_counter() - start:.1f} s ({parts}); seed {result.settings['seed']}")
    return result


def _show_warnings(system: "MMM", data: "MMMData") -> None:
    from bayesmmm.equations import system_warnings

    found = system_warnings(system, data)
    _heading("Cautions")
    for number, warning in enumerate(found, 1):
        print(_wrap(f"{number}. {warning} [{type(warning).__name__}]"))
    if not found:
        print("none: nothing about these data and this model is unwise")


def _true_values(world: "World") -> dict[str, float]:
    from bayesmmm.results.summaries import flat

    return flat(world.truth.parameters)


def _compare(table: "pd.DataFrame", truth: Mapping[str, float], ci_prob: float) -> None:
    """Say how many true values lie inside their intervals, and which do not."""
    beside = _with_truth(table, truth)
    known = beside[beside["truth"].notna()]
    inside = known["inside"].astype(bool)
    share = f"{100 * ci_prob:.3g} %"
    _heading("Posterior beside truth")
    print(
        f"{inside.sum()} of {len(known)} true values lie inside their {share} intervals "
        f"(about {ci_prob * len(known):.0f} are to be expected)"
    )
    rows = known.index.str.partition("[").get_level_values(0)
    count = inside.groupby(rows, sort=False).agg(["sum", "size"])
    print(_table(count.rename(columns={"sum": "inside", "size": "of"}).rename_axis("parameter"), "{:.0f}".format))
    media = [row for row in known.index if ".coefficient" not in row and "[" in row]
    print("\nmedia parameters (* outside)")
    shown = known.loc[media, ["truth", "median", "lower", "upper"]].rename_axis("parameter")
    shown[" "] = ["" if ok else "*" for ok in inside[media]]
    print(_table(shown, "{:.3g}".format))


def _with_truth(table: "pd.DataFrame", truth: Mapping[str, float]) -> "pd.DataFrame":
    out = table.assign(truth=[truth.get(row) for row in table.index])
    known = out["truth"].notna()
    inside = (out["lower"] <= out["truth"]) & (out["truth"] <= out["upper"])
    return out.assign(inside=inside.astype(object).where(known, None))


def _show_effects(world: "World") -> None:
    effects = world.truth.effects
    _heading("True effects of each channel")
    names = ["spend", "total", "direct", "indirect", "roi"]
    print(_table(effects[names].to_dataframe()[names], "{:,.4g}".format))
    print(_wrap("total, direct, indirect: revenue lost without the channel, in the data; roi: total over spend"))


# ----------------------------------------------------------------------------------------------------------- files
def _write(
    fit: "Fit", table: "pd.DataFrame", truth: Mapping[str, float] | None, folder: Path, ci_prob: float
) -> list[str]:
    """Write everything to a folder beside, then move it in: a failure leaves older files as they were."""
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
    try:
        fit.save(part / "fit.nc")
        columns = table if truth is None else _with_truth(table, truth)
        columns.assign(ci_prob=ci_prob).rename_axis("parameter").to_csv(part / "summary.csv")
        (part / "system.toml").write_text(fit.system.to_toml(), encoding="utf-8")
        _draw(fit, table, truth, part, ci_prob)
        names = sorted(file.name for file in part.iterdir())
        for name in names:
            os.replace(part / name, folder / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return names


def _draw(
    fit: "Fit", table: "pd.DataFrame", truth: Mapping[str, float] | None, folder: Path, ci_prob: float
) -> None:
    from bayesmmm import plots
    from bayesmmm.results import predictive_check, predictive_table, summarise

    plots.save(plots.causal_graph(fit.system), folder / "causal_graph.png")
    plots.save(plots.spend(fit.data), folder / "data.png")
    plots.save(plots.correlation(fit.data.correlation()), folder / "correlation.png")
    plots.save(plots.parameters(table, truth=truth), folder / "parameters.png")
    for equation in fit.system.order:
        stem = _file_name(equation)
        whole = predictive_table(fit, equation, ci_prob)
        for geo, part in _by_geo(whole):
            plots.save(plots.predictive(part), folder / f"predictive_{_file_name(equation, *geo)}.png")
        check = predictive_check(fit, equation, ci_prob)
        plots.save(plots.predictive_check(check), folder / f"predictive_check_{stem}.png")
        for parameter in ("half_life", "half_saturation", "slope", "contribution"):
            name = f"{equation}.{parameter}"
            if name not in fit.posterior:
                continue
            pair = [summarise(fit.tree[group][name], ci_prob) for group in ("prior", "posterior")]
            pair[1].attrs["unit"] = table.attrs["units"][name]
            ax = plots.prior_posterior(*pair, truth=truth, log=parameter in _LOGARITHMIC)
            plots.save(ax, folder / f"prior_posterior_{stem}_{parameter}.png")


def _by_geo(table: "pd.DataFrame") -> Iterable[tuple[tuple[str, ...], "pd.DataFrame"]]:
    if table.index.nlevels == 1:
        return [((), table)]
    return [((str(geo),), table.loc[geo]) for geo in table.index.unique(0)]


def _file_name(*words: str) -> str:
    return re.sub(r"[^\w.-]+", "_", "_".join(words))


# ------------------------------------------------------------------------------------------------------------ text
def _heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def _table(frame: "pd.DataFrame", number) -> str:
    return frame.to_string(float_format=number, line_width=None, index_names=False)


def _wrap(text: str) -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False)
