"""The command line: ``bayesmmm COMMAND``, with what `--help` lists.

It alone prints.

Knows files, exit statuses and sentences; every number comes from elsewhere. Heavy modules are imported when a command
runs, so that help and version answer at once.

Exit status: 0 done; 1 the sampler failed (`fit` writes its files all the same, what asks a saved fit only when told to,
and `evaluate` where one of its own fits failed); 2 the input cannot be used; 3 `show` found files of several runs, or
damaged ones; 4 `check` found faults; 70 a fault of the program; 130 interrupted.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from bayesmmm.cli import (
    arguments,
    asking,
    checking,
    commands,
    comparing,
    evaluating,
    holidays,
    planning,
    preparing,
    reporting,
    serving,
)
from bayesmmm.cli.arguments import CI_PROB
from bayesmmm.cli.checking import FAULTY
from bayesmmm.cli.commands import DONE, INTERRUPTED, MIXED, SAMPLER_FAILED
from bayesmmm.cli.text import option_of
from bayesmmm.errors import BayesMMMError

__all__ = ["BAD_INPUT", "CI_PROB", "DONE", "FAULT", "FAULTY", "INTERRUPTED", "MIXED", "SAMPLER_FAILED", "main"]

BAD_INPUT, FAULT = 2, 70

_ABOUT = """\
Bayesian marketing-mix models as systems of structural equations, with explicit mediators.

example:
  bayesmmm demo                  an example with known truth, fitted: the quickest way to see what comes out
"""
_DEMO = """\
Fit a case that comes with the package, and lay the posterior beside the truth that the data were made from.
"social_search": four social channels, paid search as their mediator, three years of weekly revenue. "youtube": a year
of daily spend on search, display and YouTube, and of sign-ups. "shop": three channels, weekly revenue with outliers.
"tv": TV, Digital, Print and Radio, with a Christmas, an
economic cycle and a trend. "regions": eight regions with a common demand that drives their spend, too. "ecommerce": ten
series of brands by territory, nine paid channels and e-mail, by the day; it takes some minutes.

example:
  bayesmmm demo regions --out my-demo
"""
_FIT = """\
Fit a system of equations to a CSV file. The TOML file says which column plays which role and holds the equations and
priors; MMM.to_toml writes such a file, and `bayesmmm simulate` writes an example of both files. Its table [data] may
name a CSV file of events, events = "events.csv", with the columns name, first_day and last_day, also of days to come
(`bayesmmm holidays` writes that of public holidays); it says what dates are, date_is = "first" or "last" (day of a
period).

example:
  bayesmmm simulate --out world
  bayesmmm fit world/social_search.csv --spec world/social_search.toml --out result
"""
_REPORT = """\
Write what a saved fit says: index.html (findings, figures, method, limits; one file that needs nothing else), every
table as CSV, every figure as SVG. The first part is for the person who decides: findings in three sentences, a
recommended plan for the next quarter, three figures (also as PNG, for slides).

example:
  bayesmmm report result/fit.nc --out report --start 2024-01-07 --stop 2024-12-22
"""
_SHOW = """\
Say which run every file of a folder is of, whether all are of one, and whether saved fits in it are undamaged.

example:
  bayesmmm show result
"""
_SIMULATE = """\
Write a simulated world: NAME.csv (data), NAME.toml (roles, equations, priors) and NAME.json (the truth behind the data).

example:
  bayesmmm simulate --seed 7 --weeks 208 --out world
  bayesmmm simulate --world regions --out world
  bayesmmm simulate --world ecommerce --out world

"ecommerce" is a raw table of 123 series and 132,759 days in 50 columns (NAME.csv.gz), with its truth and no TOML.
"""
_TEXTS = {
    "draws": "draws per chain (1000; 1500 for panels with more than 1000 contributions of geos)",
    "tune": "warm-up per chain (%(default)s)",
    "chains": "chains (%(default)s)",
    "target-accept": "acceptance rate (0.9; 0.95 for panels of two or three geos)",
    "sampler": "NUTS by (%(default)s)",
    "preview": "do not sample: draw from a Normal near the mode, for a first look; every file says so",
    "no-progress": "no progress bar",
    "by": "print effects of a panel by geo, or by one of the columns that name a series, as brand; by default in total",
    "geo": "which geo of a panel",
    "title": "title of the page",
    "start": "first period of the window (of the fitted ones)",
    "stop": "last period of the window (of the fitted ones)",
    "window": "count what the spend of the window does, then and later, or what all spend did to the outcome of the "
    "window (%(default)s)",
    "currency": "sign or code before amounts of money on the first pages, as €",
    "plan": "current plan of the window to plan, as for `optimize` (the last quarter repeated)",
    "total": "money of the plan, or a range LOW:HIGH (what the current plan costs)",
    "objective": "what the plan is for (%(default)s)",
    "allow-unconverged": "report although the sampler failed; the page says so",
    "world": f"which case: {', '.join(commands.CASES)} (%(default)s)",
    "series": "series of ecommerce (123)",
    "rows": "days of all series of ecommerce together (132,759)",
    "weeks": "weeks (156 of social_search, 52 of youtube, 156 of shop, 208 of tv, 120 of regions)",
}


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
        print("bayesmmm: interrupted; no file is half written", file=sys.stderr)
        return INTERRUPTED
    except BayesMMMError as error:
        option = option_of(error, options)
        return _refuse(f"argument {option}: {error}" if option else str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        return _refuse(f"{error.filename}: {reason}" if error.filename else reason)
    except Exception as error:
        # Nothing that a user did should end here, and it must not look like a verdict on the sampler.
        traceback.print_exc()
        what = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"bayesmmm: a fault of the program: {what}; please report it with the lines above", file=sys.stderr)
        return FAULT


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
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, text: str, about: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=text, description=about, formatter_class=shape)

    demo = command("demo", "fit a case, compare with its truth", _DEMO)
    cases: dict[str, Any] = {"choices": commands.CASES, "default": commands.CASES[0]}
    text = f"which case: {', '.join(commands.CASES)} (%(default)s)"
    demo.add_argument("case", metavar="CASE", nargs="?", help=text, **cases)
    arguments.add_out(demo, "bayesmmm-demo, or bayesmmm-demo-CASE")
    _add_sampling(demo, seed=1)
    demo.set_defaults(run=commands.demo)

    preparing.add_arguments(command("prepare", "make a tidy table of raw exports", preparing.ABOUT))

    checking.add_arguments(command("check", "list every fault of a table", checking.ABOUT))

    holidays.add_arguments(command("holidays", "write public holidays as a table of events", holidays.ABOUT))

    fit = command("fit", "fit your data", _FIT)
    rows = "one row per period, dates and columns as in the spec"
    fit.add_argument("data", metavar="DATA.csv", type=Path, help=rows)
    fit.add_argument("--spec", metavar="SYSTEM.toml", type=Path, required=True, help="roles, equations and priors")
    arguments.add_out(fit)
    _add_sampling(fit, seed=None)
    fit.set_defaults(run=commands.fit)

    evaluating.add_evaluate(command("evaluate", "judge a fit, or forecasts", evaluating.EVALUATE))
    evaluating.add_compare(command("compare", "compare saved fits", evaluating.COMPARE))
    _add_report(command("report", "report a saved fit", _REPORT))
    asking.add_predict(command("predict", "predict the series of a saved fit", asking.PREDICT))
    asking.add_what_if(command("whatif", "ask what other inputs would change", asking.WHATIF))
    planning.add_arguments(command("optimize", "plan a budget", planning.ABOUT))
    comparing.add_arguments(command("compare-plans", "lay plans side by side", comparing.ABOUT))
    serving.add_arguments(command("serve", "serve saved fits to planners and programs", serving.ABOUT))
    serving.add_mcp_arguments(command("mcp", "offer saved fits to agents as tools", serving.MCP_ABOUT))

    show = command("show", "say which run files are of", _SHOW)
    show.add_argument("folder", metavar="DIR", type=Path, help="a folder that runs wrote to")
    show.set_defaults(run=commands.show)

    simulate = command("simulate", "write a world with known truth", _SIMULATE)
    add = arguments.adding(simulate, _TEXTS | {"seed": "seed of the world (%(default)s)"})
    add("world", choices=commands.CASES, default=commands.CASES[0])
    add("seed", read=arguments.seed, default=1)
    for name in ("weeks", "series", "rows"):
        add(name, "N", arguments.count)
    arguments.add_out(simulate)
    simulate.set_defaults(run=commands.simulate)
    return parser


def _add_sampling(parser: argparse.ArgumentParser, *, seed: int | None) -> None:
    texts = _TEXTS | {"seed": f"seed ({'drawn and stored' if seed is None else seed})"}
    add = arguments.adding(parser.add_argument_group("sampling"), texts)
    add("draws", "N", arguments.count)
    add("tune", "N", arguments.count, default=1000)
    add("chains", "N", arguments.count, default=4)
    add("seed", read=arguments.seed, default=seed)
    add("target-accept", "P", arguments.probability)
    add("sampler", choices=["nutpie", "pymc"], default="nutpie")
    add("preview", action="store_true")
    add("no-progress", action="store_true")
    arguments.adding(parser, _TEXTS)("by", "KEY")
    arguments.add_ci_prob(parser)


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="a saved fit")
    arguments.add_out(parser)
    add = arguments.adding(parser, _TEXTS | {"draws": "use at most so many posterior draws (all)"})
    add("geo", "NAME")
    add("title", "TEXT")
    add("start", "DATE")
    add("stop", "DATE")
    add("window", choices=["spend", "outcome"], default="spend")
    arguments.add_ci_prob(parser)
    add("currency", "SIGN", default="")
    add("draws", "N", arguments.count)
    add("allow-unconverged", action="store_true")
    add("no-progress", action="store_true")
    add = arguments.adding(parser.add_argument_group("the recommended plan"), _TEXTS)
    add("plan", "CSV", Path)
    add("total", "MONEY", arguments.total)
    add("objective", choices=["outcome", "profit", "roi"], default="outcome")
    parser.set_defaults(run=reporting.report)
