"""The command `optimize`: its options, and the way from a saved fit to a folder with a plan."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmmm.cli import arguments
from bayesmmm.cli.arguments import ALL
from bayesmmm.cli.commands import SAMPLER_FAILED, ending, load_fit, refused
from bayesmmm.cli.files import frontier_table, told_figures, write_plan
from bayesmmm.cli.text import collected_cautions, heading, listing, show_written, wrap
from bayesmmm.errors import InfeasibleError, PanelError, SettingError
from bayesmmm.files import digest, make_mark, run_folder
from bayesmmm.text import joined, no_such

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesmmm.optimize import Plan
    from bayesmmm.results import Fit

ABOUT = """\
Plan a budget from a saved fit: how much for each channel, what it should bring, and how sure that is. Money is that of
the whole window. The current plan is the last periods of the history again, a CSV file, or what was spent in a past
window; per cent and changes refer to it. Writes plan.txt, plan.csv (goes into --plan and mm.predict), current.csv (the
current plan, likewise), spend.csv, channels.csv, budget.png and allocation.png; with --excel plan.xlsx, with --html
plan.html, with --frontier frontier.csv and frontier.png. Of a panel every channel is decided in every geo, and
geos.csv, pairs.csv and budget_map.png are written, too. In limits CHANNEL@GEO is a channel in one geo, and the name of
a channel its total over the geos.

example:
  bayesmmm optimize result/fit.nc --total 250000 --periods 13 --controls promotion=0 --bounds ALL=50%:200% --out plan
"""
#: Options that change nothing in a plan.
_NOT_ASKED = ("run", "fit", "out", "quiet", "excel", "html")
_AIM = (
    "total",
    "objective",
    "margin",
    "target",
    "target_holds",
    "target_roi",
    "target_marginal_roi",
    "risk",
    "round_to",
)


_TEXTS = {
    "geo": "plan for one geo of a panel by itself; of a plan with a column geo its rows are taken",
    "geos": "geos of a panel to decide about; others stay as they are (all)",
    "geo-total": "money of all decided channels in a geo, as north=10000:50000 or north=80%%:120%%; "
    f"{ALL} for every geo that is not named; repeatable",
    "periods": "the next N periods; current plan: the last N again",
    "plan": "the periods of this file: a column date, every channel and every control, from the first period after the "
    "history on; its spend is the current plan",
    "split": "of a plan of a panel without a column geo: divide the spend as in the history, equally, or by weights, as "
    "--split north=3.1 --split south=1.4",
    "start": "first of the fitted periods to plan once more, as 2024-01-07",
    "stop": "last of these",
    "controls": "with --periods: what a control will be, in its own unit; one number, or one for each period separated "
    "by commas, as promotion=0,0,1; repeatable (default: as a year before or, off the calendar, in the last N periods)",
    "cost": "money that one unit of an exposure costs, one number, or one for each period separated by commas, as "
    "display=0.004; repeatable (default: in a plan with units and spend as there, else the mean of the window)",
    "total": "money of the whole window, what paid mediators are induced to spend included: an amount to be spent, or "
    "LOW:HIGH, where a side may be empty",
    "objective": "most outcome; most profit (margin x outcome - spend); least spend for --target; highest return in a "
    "range of --total (%(default)s)",
    "margin": "profit in money of one unit of outcome, as 0.4",
    "target": "outcome of the window to reach, in its own unit, for --objective spend",
    "target-holds": "how the target is reached: by the mean outcome, by the median, or with a probability, as 0.8 "
    "(%(default)s)",
    "round-to": "every amount, of a channel in a period, is a multiple of this, as 100; the plan says what that costs",
    "target-roi": "most outcome with at least so much outcome gained per unit of money, as 2.5",
    "target-marginal-roi": "spend on until the next unit of money gains so much, as 1.5",
    "risk": "judge the gain over the current plan by its mean, by mean less W standard deviations (sd:W, as sd:0.5), by "
    "the mean of its worst share (cvar:P, as cvar:0.1) or by a quantile (quantile:0.1) (%(default)s)",
    "bounds": "money of a channel in the window, or per cent of the current plan (scaled to --total where that is an "
    f"amount), as tv=80%%:120%% or, on a panel, tv@north=0:5000; a side may be empty; {ALL} for every channel, in every "
    "geo, that is not named; money below 1 %% of the current plan is refused; repeatable",
    "period-bounds": "the same for every single period",
    "change": "at most so much more or less than in the current plan, as 0.3, or NAME=0.3 for one channel; repeatable",
    "group": "money of several channels together, as social=facebook+tiktok:0:50000; repeatable",
    "minimum": "nothing or at least so much money in the window, as tv=20000; repeatable",
    "channels": "channels to plan; others stay as they are (all)",
    "mediators": "respond: they answer to spend; fixed: as in the current plan; decide: planned like a channel; or "
    "NAME=decide for one; repeatable (respond)",
    "flighting": "spread the money of a channel evenly, in the profile of the current plan, or as is best period by "
    "period (%(default)s)",
    "frontier": "also the best plan of every total, under the same limits: totals in money, or none for 0.25 to 2 times "
    "the current one; FIT.nc may not come right after it",
    "draws": "posterior draws that choose the plan; as many others judge it (up to 1000, half of what there is)",
    "starts": "starts of the solver besides the current plan (4)",
    "seed": "seed of starts and of residuals to come (%(default)s)",
    "allow-unconverged": "plan although the sampler failed; the plan says so",
    "excel": "also write the plan as a workbook, plan.xlsx",
    "html": "also write the plan as one page to send or print, plan.html",
    "quiet": "print nothing but errors",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""

    def part(title: str) -> Callable[..., None]:
        return arguments.adding(parser.add_argument_group(title), _TEXTS)

    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="a saved fit")
    arguments.add_out(parser)
    arguments.adding(parser, _TEXTS)("geo", "NAME")
    add = part("the window: --periods, --plan, or --start with --stop")
    add("periods", "N", arguments.count)
    add("plan", "CSV", Path)
    add("split", "HOW", arguments.split, action="append")
    add("start", "DATE")
    add("stop", "DATE")
    add("controls", "NAME=VALUE", arguments.control, action="append")
    add("cost", "NAME=VALUE", arguments.control, action="append")
    add = part("what the plan is for")
    add("total", "MONEY", arguments.total)
    add("objective", choices=["outcome", "profit", "spend", "roi"], default="outcome")
    for name in ("margin", "target", "target-roi", "target-marginal-roi"):
        add(name, "X", arguments.number)
    add("target-holds", "HOW", arguments.held, default="mean")
    add("round-to", "MONEY", arguments.money)
    add("risk", "HOW", arguments.risk, default="mean")
    add = part("limits")
    add("bounds", "NAME=LOW:HIGH", arguments.bounds, action="append")
    add("period-bounds", "NAME=LOW:HIGH", arguments.bounds, action="append")
    add("change", "SHARE", arguments.change, action="append")
    add("group", "NAME=A+B:LOW:HIGH", arguments.group, action="append", dest="groups")
    add("minimum", "NAME=MONEY", arguments.minimum, action="append")
    add("geo-total", "NAME=LOW:HIGH", arguments.bounds, action="append", dest="geo_totals")
    add = part("who decides and who answers")
    add("channels", "NAME", nargs="+")
    add("geos", "NAME", nargs="+")
    add("mediators", "HOW", arguments.mediator, action="append")
    add("flighting", choices=["flat", "historical", "free"], default="flat")
    running = parser.add_argument_group("running")
    add = arguments.adding(running, _TEXTS)
    add("frontier", "MONEY", arguments.money, nargs="*")
    add("draws", "N", arguments.count)
    add("starts", "N", arguments.count)
    add("seed", read=arguments.seed, default=0)
    arguments.add_ci_prob(running, "intervals in channels.csv, frontier.csv and figures")
    add("allow-unconverged", action="store_true")
    add("excel", action="store_true")
    add("html", action="store_true")
    add("quiet", action="store_true")
    parser.set_defaults(run=plan_budget)


# ------------------------------------------------------------------------------------------------------------- command
def plan_budget(options: argparse.Namespace) -> int:
    """Plan a budget from a saved fit, print it and write it to a folder."""
    _check_window(options)
    fit = load_fit(options.fit)
    if options.geo is not None:
        if options.geos is not None:
            raise SettingError(
                "--geo plans for one geo by itself, and --geos for some of a panel; give one of them"
            )
        fit = fit.sel(geo=options.geo)
    if not options.quiet:
        print(wrap(str(fit.convergence).splitlines()[0]))
    if refused(fit, options, "planned", "a plan"):
        return SAMPLER_FAILED
    with run_folder(options.out) as run:
        plan, trade, cautions = solve(fit.accept_unconverged(), options)
        stamp = fit.stamp
        asked = {name: value for name, value in vars(options).items() if name not in _NOT_ASKED}
        mark = make_mark("optimize", digest(stamp, plan.to_frame().to_csv(), sorted(asked.items())), stamp)
        with told_figures():
            paths = run.write(lambda part: write_plan(plan, trade, cautions, options, part), mark)
    if not options.quiet:
        _show(plan, trade, cautions)
        show_written(options.out, paths)
    return ending(fit, "do not use this plan")


def _check_window(options: argparse.Namespace) -> None:
    ways = {"--periods": ["periods"], "--plan": ["plan"], "--start, --stop": ["start", "stop"]}
    stated = {name for name, value in vars(options).items() if value is not None}
    named = [way for way, names in ways.items() if stated.intersection(names)]
    if len(named) != 1:
        raise SettingError(
            f"the window to plan is given by {' and by '.join(named) or 'nothing'}; give one of --periods 13 (the next "
            f"ones), --plan FILE.csv (those of a current plan), or --start and --stop (fitted periods)"
        )


def solve(fit: "Fit", options: argparse.Namespace) -> "tuple[Plan, xr.Dataset | None, list[str]]":
    """Return the plan, the frontier where it is asked for, and cautions."""
    from bayesmmm.optimize import Goal, optimize_budget
    from bayesmmm.optimize.goal import check_goal

    with collected_cautions(options) as cautions:  # once for the plan and its frontier
        goal = Goal(**{name: getattr(options, name) for name in _AIM})
        check_goal(fit, goal)  # what is refused at once comes before what takes a while
        records = _records(fit, options)
        trade = None if options.frontier is None else _trade(fit, options.frontier, records)
        plan = optimize_budget(fit, goal=goal, **records)
    return plan, trade, cautions


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
    from bayesmmm.optimize import Constraints, Solver, Window
    from bayesmmm.optimize.problem import read_channels, read_modes, read_pairs

    how = unique(options.mediators, "--mediators")
    mediators = _for_all(how, fit.system.mediators, "--mediators") if how else "respond"
    names = read_channels(fit, options.channels, read_modes(fit, mediators))
    decided = read_pairs(fit, names, options.geos)
    known = {label: label for label in names} | {
        f"{channel}@{geo}": (channel, geo) for channel, geo in (*decided.pairs, *decided.unbought)
    }
    every = [f"{channel}@{geo}" for channel, geo in decided.pairs] or list(names)
    plan = None if options.plan is None else current_plan(fit, options)
    limits: dict[str, Any] = {
        name: {known.get(text, text): value for text, value in own.items()} or None
        for name in ("bounds", "period_bounds", "change", "minimum")
        for option in [f"--{name.replace('_', '-')}"]
        for own in [_for_all(unique(getattr(options, name), option), every, option)]
    }
    limits["geo_totals"] = _for_all(unique(options.geo_totals, "--geo-total"), decided.geos, "--geo-total") or None
    limits["geos"] = options.geos
    controls = unique(options.controls, "--controls") or None
    cost = unique(options.cost, "--cost") or None
    given = unique(options.groups, "--group").items()
    groups = {
        label: ([known.get(text, text) for text in _members(label, some, known)], sides)
        for label, (some, sides) in given
    } or None
    return {
        "window": Window(options.periods, plan, options.start, options.stop, controls, cost),
        "constraints": Constraints(options.channels, mediators, options.flighting, groups=groups, **limits),
        "solver": Solver(
            draws=options.draws,
            seed=options.seed,
            progress=sys.stderr.isatty() and not options.quiet,
            **({"starts": options.starts} if options.starts is not None else {}),
        ),
    }


def current_plan(fit: "Fit", options: argparse.Namespace) -> "pd.DataFrame":
    """Read the current plan from its file; of a panel by geo, or in total and split by the rule that was said."""
    from bayesmmm.data import split_plan
    from bayesmmm.data.future import GEO

    panel = len(fit.data.geos) > 1
    keys = (GEO, *fit.data.levels) if panel else ()
    plan = read_plan_file(fit, options.plan, keys)
    split = dict(getattr(options, "split", None) or ())
    if split:
        if not panel:
            raise SettingError(
                "--split divides a plan among the geos of a panel, and one series is planned; leave it out"
            )
        rules = [rule for rule, weight in split.items() if weight is None]
        if rules and len(split) > 1:
            raise SettingError(f"--split {rules[0]} is a rule of its own; leave the others out")
        return split_plan(fit.data, plan, rules[0] if rules else split)
    if panel and not set(keys).intersection(plan.columns):
        raise PanelError(
            f"{options.plan} has no column {GEO!r}, and {len(fit.data.geos)} geos are planned; give every geo its rows, "
            f"or say how the total is divided, as --split history"
        )
    return plan if options.geo is None else of_geo(plan, options.plan, options.geo)


def read_plan_file(fit: "Fit", path: Path, keys: Sequence[str]) -> "pd.DataFrame":
    """Read the columns of a plan, of a panel with the keys of its geos."""
    from bayesmmm.data.table_files import read_csv, to_number

    plan = read_csv(path, date="date", keys=keys, numbers=(*fit.system.exogenous, *fit.data.spend.values()))
    return plan.assign(**{name: plan[name].map(to_number) for name in fit.data.event_names if name in plan})


def of_geo(plan: "pd.DataFrame", path: Path, geo: str) -> "pd.DataFrame":
    """Return the rows of the chosen geo of a plan for all geos; one without a column of geos is of this geo."""
    from bayesmmm.data.future import GEO

    if GEO not in plan:
        return plan
    rows = plan[plan[GEO] == geo].drop(columns=GEO).reset_index(drop=True)
    if not len(rows):
        raise PanelError(no_such(f"{path} has no rows of geo {geo!r}", geo, plan[GEO].unique(), "It has"))
    return rows


def unique(pairs: Iterable[tuple[str, Any]] | None, option: str) -> dict[str, Any]:
    """Return pairs of name and value as a mapping; a name twice is a slip."""
    out: dict[str, Any] = {}
    for name, value in pairs or ():
        if name in out:
            what = "every channel" if name == ALL else repr(name)
            raise SettingError(f"{option} is given twice for {what}; give it once")
        out[name] = value
    return out


def _for_all(values: Mapping[str, Any], names: Iterable[str], option: str) -> dict[str, Any]:
    """Give every name that is not listed what is given for all."""
    names = list(names)
    if ALL in values and ALL in names:
        raise SettingError(
            f"{option} {ALL} can be read in two ways, as every channel and as the column {ALL!r}; plan in Python with "
            f"mm.optimize_budget, where each is named"
        )
    every = dict.fromkeys(names, values[ALL]) if ALL in values else {}
    return every | {name: value for name, value in values.items() if name != ALL}


def _members(label: str, parts: list[str], names: Iterable[str]) -> list[str]:
    """Return the members of a group of which the names were cut at every plus, one within a name too."""
    known, ways = set(names), [[parts[0]]]
    for part in parts[1:]:
        ways = [way for head in ways for way in ([*head, part], [*head[:-1], f"{head[-1]}+{part}"])]
        ways = [way for way in ways if all(name in known for name in way[:-1])] or ways[:1]
    sound = [way for way in ways if all(name in known for name in way)]
    if len(sound) > 1:
        raise SettingError(
            f"--group {label} can be read in two ways: as {joined(sound[0])}, and as {joined(sound[1])}; plan in Python "
            f"with groups={{{label!r}: (channels, range)}}"
        )
    return sound[0] if sound else parts


# ----------------------------------------------------------------------------------------------------- what is printed
def _show(plan: "Plan", trade: "xr.Dataset | None", cautions: list[str]) -> None:
    print(f"\n{plan}")
    if cautions:
        heading("Cautions")
        print(listing(cautions))
    if trade is None:
        return
    heading("Frontier: the best plan of every total")
    # In few columns: money, medians of what it brings, spend by channel.
    table = frontier_table(trade, arguments.CI_PROB)
    spend = [name for name in table if name.startswith("spend[")]
    words = {name: table[name].map("{:,.0f}".format) for name in ("total", "outcome", *spend)}
    words |= {name: table[name].map("{:.3g}".format) for name in ("roi", "marginal")}
    table = table.assign(**words).replace("nan", "")
    print(table[["plan", "total", "outcome", "roi", "marginal", *spend]].to_string(index=False))
