"""The command `compare-plans`: plans in files, side by side, under a saved fit."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bayesmmm.cli import arguments
from bayesmmm.cli.commands import SAMPLER_FAILED, ending, load_fit, refused
from bayesmmm.cli.files import told_figures, write_comparison
from bayesmmm.cli.planning import of_geo, read_plan_file
from bayesmmm.cli.text import show_written, wrap
from bayesmmm.errors import SettingError
from bayesmmm.files import digest, make_mark, run_folder

if TYPE_CHECKING:
    import pandas as pd

    from bayesmmm.results import Fit

ABOUT = """\
Lay plans side by side: outcome, cost, return, and how probable each is the best, in the same draws. A plan is a CSV file
with a column date, every channel and every control, as `bayesmmm optimize` writes plan.csv and current.csv; all are of
the same periods, from the first after the history on. The first is the one that others are compared with. Writes
comparison.txt, comparison.csv, differences.csv, spend.csv and comparison.png.

example:
  bayesmmm compare-plans result/fit.nc now=plan/current.csv best=plan/plan.csv --out comparison
"""
_NOT_ASKED = ("run", "fit", "out", "quiet", "excel")
_TEXTS = {
    "geo": "compare plans of one geo of a panel by itself; of plans with a column geo its rows are taken",
    "margin": "profit in money of one unit of outcome, as 0.4 (1 where the outcome is money)",
    "seed": "seed of residuals to come (%(default)s)",
    "allow-unconverged": "compare although the sampler failed; every file says so",
    "excel": "also write a workbook, comparison.xlsx",
    "quiet": "print nothing but errors",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="a saved fit")
    text = "a plan by its name, as best=plan/plan.csv; two or more"
    parser.add_argument("plans", metavar="NAME=PLAN.csv", type=arguments.named_file, nargs="+", help=text)
    arguments.add_out(parser)
    add = arguments.adding(parser, _TEXTS)
    add("geo", "NAME")
    add("margin", "X", arguments.number)
    add("seed", read=arguments.seed, default=0)
    arguments.add_ci_prob(parser)
    for name in ("allow-unconverged", "excel", "quiet"):
        add(name, action="store_true")
    parser.set_defaults(run=compare)


def compare(options: argparse.Namespace) -> int:
    """Compare plans in files, print what is found and write it to a folder."""
    names = [name for name, _ in options.plans]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None or len(names) < 2:
        wrong = f"two plans are called {twice!r}" if twice is not None else "one plan is given"
        raise SettingError(f"{wrong}; give two or more by names of their own, as now=current.csv best=plan.csv")
    fit = load_fit(options.fit)
    from bayesmmm.optimize import compare_plans

    if options.geo is not None:
        fit = fit.sel(geo=options.geo)
    if not options.quiet:
        print(wrap(str(fit.convergence).splitlines()[0]))
    if refused(fit, options, "compared", "plans"):
        return SAMPLER_FAILED
    plans = {name: _plan(fit, path, options) for name, path in options.plans}
    with run_folder(options.out) as run:
        found = compare_plans(fit.accept_unconverged(), plans, margin=options.margin, seed=options.seed)
        asked = {name: value for name, value in vars(options).items() if name not in _NOT_ASKED}
        tables = [table.to_csv() for table in plans.values()]
        mark = make_mark("compare", digest(fit.stamp, *tables, sorted(map(str, asked.items()))), fit.stamp)
        with told_figures():
            paths = run.write(lambda part: write_comparison(found, options, part), mark)
    if not options.quiet:
        print(f"\n{found}")
        show_written(options.out, paths)
    return ending(fit, "do not use this comparison")


def _plan(fit: "Fit", path: Path, options: argparse.Namespace) -> "pd.DataFrame":
    from bayesmmm.data.future import GEO

    keys = (GEO, *fit.data.levels) if len(fit.data.geos) > 1 else ()
    plan = read_plan_file(fit, path, keys)
    return plan if options.geo is None else of_geo(plan, path, options.geo)
