"""The command `optimize`: its options, and the way from a saved fit to a folder with a plan."""

import argparse
import sys
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmmm.cli import arguments
from bayesmmm.cli.arguments import ALL, Options
from bayesmmm.cli.commands import DONE, SAMPLER_FAILED
from bayesmmm.cli.files import opened_folder
from bayesmmm.cli.plan_files import frontier_table, listing, write_plan
from bayesmmm.cli.text import heading, option_of, wrap
from bayesmmm.errors import BayesMMMWarning, InfeasibleError, SettingError

if TYPE_CHECKING:
    import xarray as xr

    from bayesmmm.optimize import Plan
    from bayesmmm.results import Fit

ABOUT = """\
Plan a budget from a saved fit: how much for each channel, what it should bring, and how sure that is. Money is that of
the whole window. The current plan is the last periods of the history again, a CSV file, or what was spent in a past
window; per cent and changes refer to it. Writes plan.txt, plan.csv (goes into --plan and mm.predict), spend.csv,
channels.csv, budget.png and allocation.png; with --frontier also frontier.csv and frontier.png.

example:
  bayesmmm optimize result/fit.nc --total 250000 --periods 13 --controls promotion=0 --bounds ALL=50%:200% --out plan
"""
_AIM = ("total", "objective", "margin", "target", "target_roi", "target_marginal_roi", "risk")


# ------------------------------------------------------------------------------------------------------------- options
def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="a saved fit")
    arguments.add_out(parser, None)
    _add_window(parser.add_argument_group("the window: --periods, --plan, or --start with --stop"))
    _add_aim(parser.add_argument_group("what the plan is for"))
    _add_limits(parser.add_argument_group("limits"))
    _add_behaviour(parser.add_argument_group("who decides and who answers"))
    _add_running(parser.add_argument_group("running"))
    parser.set_defaults(run=plan_budget)


def _add_window(group: Options) -> None:
    group.add_argument(
        "--periods", type=arguments.count, metavar="N", help="the next N periods; current plan: the last N again"
    )
    group.add_argument(
        "--plan",
        type=Path,
        metavar="CSV",
        help="the periods of this file: a column date, every channel and every control, from the first period after "
        "the history on; its spend is the current plan",
    )
    group.add_argument(
        "--start", metavar="DATE", help="first of the fitted periods to plan once more, as 2024-01-07"
    )
    group.add_argument("--stop", metavar="DATE", help="last of these")
    group.add_argument(
        "--controls",
        type=arguments.control,
        action="append",
        metavar="NAME=VALUE",
        help="with --periods: what a control will be, in its own unit; one number, or one for each period separated by "
        "commas, as promotion=0,0,1; repeatable (default: as in the last N periods)",
    )


def _add_aim(group: Options) -> None:
    group.add_argument(
        "--total",
        type=arguments.total,
        metavar="MONEY",
        help="money of the whole window, what paid mediators are induced to spend included: an amount to be spent, or "
        "LOW:HIGH, where a side may be empty",
    )
    group.add_argument(
        "--objective",
        choices=["outcome", "profit", "spend", "roi"],
        default="outcome",
        help="most outcome; most profit (margin x outcome - spend); least spend for --target; highest return in a "
        "range of --total (%(default)s)",
    )
    group.add_argument(
        "--margin", type=arguments.number, metavar="X", help="profit in money of one unit of outcome, as 0.4"
    )
    group.add_argument(
        "--target",
        type=arguments.number,
        metavar="X",
        help="outcome of the window to reach, in its own unit, for --objective spend",
    )
    group.add_argument(
        "--target-roi",
        type=arguments.number,
        metavar="X",
        help="most outcome with at least so much outcome gained per unit of money, as 2.5",
    )
    group.add_argument(
        "--target-marginal-roi",
        type=arguments.number,
        metavar="X",
        help="spend on until the next unit of money gains so much, as 1.5",
    )
    group.add_argument(
        "--risk",
        type=arguments.risk,
        default="mean",
        metavar="HOW",
        help="judge the gain over the current plan by its mean, by mean less W standard deviations (sd:W, as sd:0.5), "
        "by the mean of its worst share (cvar:P, as cvar:0.1) or by a quantile (quantile:0.1) (%(default)s)",
    )


def _add_limits(group: Options) -> None:
    group.add_argument(
        "--bounds",
        type=arguments.bounds,
        action="append",
        metavar="NAME=LOW:HIGH",
        help="money of a channel in the window, or per cent of the current plan (scaled to --total where that is an "
        f"amount), as tv=80%%:120%%; a side may be empty; {ALL} for every channel that is not named; repeatable",
    )
    group.add_argument(
        "--period-bounds",
        type=arguments.bounds,
        action="append",
        metavar="NAME=LOW:HIGH",
        help="the same for every single period",
    )
    group.add_argument(
        "--change",
        type=arguments.change,
        action="append",
        metavar="SHARE",
        help="at most so much more or less than in the current plan, as 0.3, or NAME=0.3 for one channel; repeatable",
    )
    group.add_argument(
        "--group",
        dest="groups",
        type=arguments.group,
        action="append",
        metavar="NAME=A+B:LOW:HIGH",
        help="money of several channels together, as social=facebook+tiktok:0:50000; repeatable",
    )
    group.add_argument(
        "--minimum",
        type=arguments.minimum,
        action="append",
        metavar="NAME=MONEY",
        help="nothing or at least so much money in the window, as tv=20000; repeatable",
    )


def _add_behaviour(group: Options) -> None:
    group.add_argument(
        "--channels", nargs="+", metavar="NAME", help="channels to plan; others stay as they are (all)"
    )
    group.add_argument(
        "--mediators",
        type=arguments.mediator,
        action="append",
        metavar="HOW",
        help="respond: they answer to spend; fixed: as in the current plan; decide: planned like a channel; or "
        "NAME=decide for one; repeatable (respond)",
    )
    group.add_argument(
        "--flighting",
        choices=["flat", "historical", "free"],
        default="flat",
        help="spread the money of a channel evenly, in the profile of the current plan, or as is best period by "
        "period (%(default)s)",
    )


def _add_running(group: Options) -> None:
    group.add_argument(
        "--frontier",
        nargs="*",
        type=arguments.money,
        metavar="MONEY",
        help="also the best plan of every total, under the same limits: totals in money, or none for 0.25 to 2 times "
        "the current one; FIT.nc may not come right after it",
    )
    group.add_argument(
        "--draws",
        type=arguments.count,
        metavar="N",
        help="posterior draws that choose the plan; as many others judge it (up to 1000, half of what there is)",
    )
    group.add_argument(
        "--starts", type=arguments.count, metavar="N", help="starts of the solver besides the current plan (4)"
    )
    group.add_argument(
        "--seed", type=arguments.seed, default=0, help="seed of starts and of residuals to come (%(default)s)"
    )
    arguments.add_ci_prob(group, "intervals in channels.csv, frontier.csv and figures")
    group.add_argument(
        "--allow-unconverged", action="store_true", help="plan although the sampler failed; the plan says so"
    )
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")


# ------------------------------------------------------------------------------------------------------------- command
def plan_budget(options: argparse.Namespace) -> int:
    """Plan a budget from a saved fit, print it and write it to a folder."""
    from bayesmmm.results import load

    _check_window(options)
    fit = load(options.fit)
    say = _silent if options.quiet else print
    verdict = fit.convergence.verdict
    say(wrap(str(fit.convergence).splitlines()[0]))
    if verdict == "failed" and not options.allow_unconverged:
        print(
            "bayesmmm: error: the sampler failed, so that these draws do not represent the posterior and nothing is "
            "planned; fit again, or pass --allow-unconverged to look at a plan all the same",
            file=sys.stderr,
        )
        return SAMPLER_FAILED
    with opened_folder(options.out) as folder:
        plan, trade, cautions = solve(fit.accept_unconverged(), options)
        names = write_plan(plan, trade, cautions, folder, options.ci_prob)
    if not options.quiet:
        _show(plan, trade, cautions)
        heading("Files")
        print(wrap(f"written to {folder}: {', '.join(names)}"))
    if verdict == "failed":
        print("bayesmmm: the sampler failed: do not use this plan", file=sys.stderr)
        return SAMPLER_FAILED
    return DONE


def _silent(*_: object) -> None:
    return None


def _check_window(options: argparse.Namespace) -> None:
    past = options.start is not None or options.stop is not None
    given = {"--periods": options.periods is not None, "--plan": options.plan is not None, "--start, --stop": past}
    named = [name for name, here in given.items() if here]
    if len(named) != 1:
        raise SettingError(
            f"the window to plan is given by {' and by '.join(named) or 'nothing'}; give one of --periods 13 (the next "
            f"ones), --plan FILE.csv (those of a current plan), or --start and --stop (fitted periods)"
        )


def solve(fit: "Fit", options: argparse.Namespace) -> "tuple[Plan, xr.Dataset | None, list[str]]":
    """Return the plan, the frontier where it is asked for, and cautions."""
    from bayesmmm.optimize import Goal, optimize_budget
    from bayesmmm.optimize.goal import check_goal

    with warnings.catch_warnings(record=True) as caught:
        # Told in our own words, once for the plan and its frontier.
        warnings.simplefilter("always", BayesMMMWarning)
        goal = Goal(**{name: getattr(options, name) for name in _AIM})
        check_goal(fit, goal)  # what is refused at once comes before what takes a while
        records = _records(fit, options)
        trade = None if options.frontier is None else _trade(fit, options.frontier, records)
        plan = optimize_budget(fit, goal=goal, **records)
    cautions = []
    for each in caught:
        if isinstance(each.message, BayesMMMWarning):
            option = option_of(each.message, options)
            here = f" (here: {option})" if option else ""
            cautions.append(f"{each.message}{here} [{each.category.__name__}]")
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    return plan, trade, list(dict.fromkeys(cautions))


def _trade(fit: "Fit", totals: list[float], records: Mapping[str, Any]) -> "xr.Dataset":
    """Return the frontier; its totals are not that of the plan, and may be the ones that cannot be met."""
    from bayesmmm.optimize import frontier

    try:
        return frontier(fit, totals=totals or None, **records)
    except InfeasibleError as error:
        raise InfeasibleError(
            f"frontier: {error} Name totals that can be met, as --frontier 150000 200000, or leave --frontier out."
        ) from error


def _records(fit: "Fit", options: argparse.Namespace) -> dict[str, Any]:
    """Window, constraints and solver, which a plan and a frontier share."""
    from bayesmmm.data.tables import read_csv
    from bayesmmm.optimize import Constraints, Solver, Window
    from bayesmmm.optimize.problem import read_channels, read_modes

    how = _unique(options.mediators, "--mediators")
    mediators = _for_all(how, fit.system.mediators) if how else "respond"
    names = read_channels(fit, options.channels, read_modes(fit, mediators))
    plan = options.plan
    if plan is not None:
        plan = read_csv(plan, date="date", geo=None, numbers=fit.system.exogenous)
    limits = {
        name: _for_all(_unique(getattr(options, name), f"--{name.replace('_', '-')}"), names) or None
        for name in ("bounds", "period_bounds", "change", "minimum")
    }
    return {
        "window": Window(
            options.periods,
            plan,
            options.start,
            options.stop,
            controls=_unique(options.controls, "--controls") or None,
        ),
        "constraints": Constraints(
            options.channels,
            mediators,
            options.flighting,
            groups=_unique(options.groups, "--group") or None,
            **limits,
        ),
        "solver": Solver(
            draws=options.draws,
            seed=options.seed,
            progress=sys.stderr.isatty() and not options.quiet,
            **({"starts": options.starts} if options.starts is not None else {}),
        ),
    }


def _unique(pairs: Iterable[tuple[str, Any]] | None, option: str) -> dict[str, Any]:
    """Return pairs of name and value as a mapping; a name twice is a slip."""
    out: dict[str, Any] = {}
    for name, value in pairs or ():
        if name in out:
            what = "every channel" if name == ALL else repr(name)
            raise SettingError(f"{option} is given twice for {what}; give it once")
        out[name] = value
    return out


def _for_all(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Give every name that is not listed what is given for all."""
    if ALL not in given:
        return dict(given)
    return dict.fromkeys(names, given[ALL]) | {name: value for name, value in given.items() if name != ALL}


# ----------------------------------------------------------------------------------------------------- what is printed
def _show(plan: "Plan", trade: "xr.Dataset | None", cautions: list[str]) -> None:
    print(f"\n{plan}")
    if cautions:
        heading("Cautions")
        print(listing(cautions))
    if trade is not None:
        heading("Frontier: the best plan of every total")
        print(_shown(trade))


def _shown(trade: "xr.Dataset") -> str:
    """A frontier in few columns: money, medians of what it brings, spend by channel."""
    table = frontier_table(trade, arguments.CI_PROB)
    spend = [name for name in table if name.startswith("spend[")]
    words = {name: table[name].map("{:,.0f}".format) for name in ("total", "outcome", *spend)}
    words |= {name: table[name].map("{:.3g}".format) for name in ("roi", "marginal")}
    table = table.assign(**words).replace("nan", "")
    return table[["plan", "total", "outcome", "roi", "marginal", *spend]].to_string(index=False)
