"""The commands `predict` and `whatif`: from a saved fit to series that are fitted, to come, or would have been."""

import argparse
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmmm.cli import arguments
from bayesmmm.cli.commands import SAMPLER_FAILED, ending, load_fit, refused, ways
from bayesmmm.cli.files import told_figures
from bayesmmm.cli.planning import current_plan, unique
from bayesmmm.cli.text import collected_cautions, heading, laid_out, listing, show_written, wrap
from bayesmmm.errors import ControlsWarning, SettingError
from bayesmmm.files import digest, make_mark, run_folder, write_csv

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesmmm.results import Fit

PREDICT = """\
Predict every series of a saved fit: over the fitted periods, over those of a plan, or over the next N periods with the
spend of the last N again. Writes prediction.csv, with the mean of each series and intervals of new observations, and
forecast.png of periods to come.

example:
  bayesmmm predict result/fit.nc --periods 13 --controls promotion=0 --out ahead
  bayesmmm predict result/fit.nc --plan plan/plan.csv --out ahead
"""
WHATIF = """\
Say what would have been, or would be, with other inputs: channels, controls, events or mediators multiplied (--scale) or
set (--do), in a window of the fitted periods, or in a plan. Mediators answer, residuals stay. Writes whatif.csv, each
series and its change by period, totals.csv and what_if.png.

example:
  bayesmmm whatif result/fit.nc --scale google=1.3 --do promotion=0 --start 2024-01-07 --out more-search
  bayesmmm whatif result/fit.nc --scale tiktok=0 --periods 13 --out without-tiktok
"""
_TEXTS = {
    "plan": "the periods of this file: dates, every channel and every control, from the first period after the history "
    "on; dates stand in a column date, or of the name that it has in the data",
    "periods": "the next N periods, with the spend of the last N",
    "controls": "with --periods: what a control will be, in its own unit; one number, or one for each period separated "
    "by commas, as promotion=0,0,1; repeatable (default: as a year before or, off the calendar, in the last N periods)",
    "split": "of a plan of a panel without a column geo: divide the spend as in the history, equally, or by weights, as "
    "--split north=3.1 --split south=1.4",
    "scale": "multiply an input in the window, as google=1.3, or tiktok=0 to switch it off; repeatable",
    "do": "set an input in the window, in its own unit; one number, or one for each period separated by commas, as "
    "promotion=0; repeatable",
    "start": "first period of the change (the first fitted one, or of the plan)",
    "stop": "last period of the change (the last)",
    "geo": "ask about one geo of a panel by itself; of a plan with a column geo its rows are taken",
    "by": "tell apart what a panel is made of: geo, or a column that names its series, as brand; by default in total",
    "seed": "seed of residuals to come (%(default)s)",
    "draws": "use at most so many posterior draws (all)",
    "allow-unconverged": "answer although the sampler failed; the files say so",
}
#: Options that change nothing in an answer.
_NOT_ASKED = ("run", "fit", "out")


def add_predict(parser: argparse.ArgumentParser) -> None:
    """Add the options of `predict`."""
    _add_common(parser, "the periods: --plan, --periods, or those that were fitted")
    parser.set_defaults(run=predict)


def add_what_if(parser: argparse.ArgumentParser) -> None:
    """Add the options of `whatif`."""
    add = arguments.adding(parser.add_argument_group("the change: --scale, --do, or both"), _TEXTS)
    add("scale", "NAME=FACTOR", arguments.factor, action="append")
    add("do", "NAME=VALUE", arguments.control, action="append")
    add("start", "DATE")
    add("stop", "DATE")
    _add_common(parser, "in periods to come: --plan or --periods")
    parser.set_defaults(run=what_if)


def _add_common(parser: argparse.ArgumentParser, title: str) -> None:
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="a saved fit")
    arguments.add_out(parser)
    add = arguments.adding(parser.add_argument_group(title), _TEXTS)
    add("plan", "CSV", Path)
    add("periods", "N", arguments.count)
    add("controls", "NAME=VALUE", arguments.control, action="append")
    add("split", "HOW", arguments.split, action="append")
    add = arguments.adding(parser, _TEXTS)
    add("geo", "NAME")
    add("by", "KEY")
    add("draws", "N", arguments.count)
    add("seed", read=arguments.seed, default=0)
    arguments.add_ci_prob(parser)
    add("allow-unconverged", action="store_true")


# ------------------------------------------------------------------------------------------------------------ commands
def predict(options: argparse.Namespace) -> int:
    """Predict series, print their totals and write them to a folder."""

    def ask(fit: "Fit", plan: "pd.DataFrame | None") -> "_Answer":
        from bayesmmm import plots
        from bayesmmm.estimands import predict

        settings = {"seed": options.seed, "by": options.by}
        mean, noisy = predict(fit, plan, **settings), predict(fit, plan, noise=True, **settings)
        parts = {n: {"": mean[n], "new_": noisy[n]} for n in fit.system.order}
        names = [n for n in fit.system.order if plan is not None and len(fit.data.geos) == 1]
        figures = {
            f"forecast_{n}": partial(
                plots.forecast, fit.data, mean, noise=noisy, series=n, ci_prob=options.ci_prob
            )
            for n in names
        }
        tables = {"prediction": _by_period(fit, parts, options.ci_prob)}
        total = _totals(fit, {n: mean[n] for n in fit.system.order}, options.ci_prob)
        return _Answer(tables, total, figures, "Totals over the periods")

    return _answer(options, "predict", ("predicted", "a prediction"), ask)


def what_if(options: argparse.Namespace) -> int:
    """Compare a scenario with what happened, or with a plan, print the change and write it to a folder."""

    def ask(fit: "Fit", plan: "pd.DataFrame | None") -> "_Answer":
        from bayesmmm import plots
        from bayesmmm.estimands import what_if

        scale, do = unique(options.scale, "--scale") or None, unique(options.do, "--do") or None
        if scale is None and do is None:
            raise SettingError("nothing is changed; give --scale NAME=FACTOR or --do NAME=VALUE")
        window = {"start": options.start, "stop": options.stop}
        found = what_if(fit, scale=scale, do=do, plan=plan, seed=options.seed, by=options.by, **window)
        parts = {n: {"": found[n], "change_": found[f"{n}.change"]} for n in fit.system.order}
        change = {f"change of {n}": found[f"{n}.change"] for n in fit.system.order}
        total = _totals(fit, {**{n: found[n] for n in fit.system.order}, **change}, options.ci_prob)
        tables = {"whatif": _by_period(fit, parts, options.ci_prob), "totals": total}
        own = {} if options.by else {"what_if": partial(plots.what_if, found, ci_prob=options.ci_prob)}
        return _Answer(tables, total, own, "Totals over the periods, and their change")

    return _answer(options, "whatif", ("answered", "an answer"), ask)


class _Answer:
    """Tables to write by name, the one to print with its heading, and figures by name."""

    def __init__(
        self,
        tables: "dict[str, pd.DataFrame]",
        shown: "pd.DataFrame",
        figures: Mapping[str, Callable[[], object]],
        title: str,
    ):
        self.tables, self.shown, self.figures, self.title = tables, shown, figures, title


def _answer(
    options: argparse.Namespace,
    kind: str,
    words: tuple[str, str],
    ask: "Callable[[Fit, pd.DataFrame | None], _Answer]",
) -> int:
    _check_window(options)
    fit = load_fit(options.fit)
    fit = fit if options.geo is None else fit.sel(geo=options.geo)
    print(wrap(str(fit.convergence).splitlines()[0]))
    if refused(fit, options, *words):
        return SAMPLER_FAILED
    fit = fit.accept_unconverged()
    with run_folder(options.out) as run:
        with collected_cautions(options) as cautions:
            plan = _plan(fit, options)
            answer = ask(fit if options.draws is None else fit.thin(options.draws), plan)
        verdict, stamp = fit.convergence.verdict, fit.stamp
        tables = {n: t.assign(ci_prob=options.ci_prob, verdict=verdict) for n, t in answer.tables.items()}
        asked = sorted((name, str(value)) for name, value in vars(options).items() if name not in _NOT_ASKED)
        mark = make_mark(kind, digest(stamp, *[table.to_csv() for table in tables.values()], asked), stamp)
        with told_figures():
            paths = run.write(lambda part: write_answer(tables, answer.figures, part), mark)
    heading(answer.title)
    print(laid_out(answer.shown.set_index("series"), "{:,.4g}".format))
    if cautions:
        heading("Cautions")
        print(listing(cautions))
    show_written(options.out, paths)
    return ending(fit, "do not use these numbers")


def _check_window(options: argparse.Namespace) -> None:
    if options.plan is not None and options.periods is not None:
        raise SettingError("the periods are given by --plan and by --periods; give one of them")
    if options.controls and options.periods is None:
        raise SettingError("--controls goes with --periods; with --plan they are columns of the file")
    if options.split and options.plan is None:
        raise SettingError("--split goes with --plan; leave it out")


def _plan(fit: "Fit", options: argparse.Namespace) -> "pd.DataFrame | None":
    """Plan of the periods that are asked about; None where these are the fitted ones."""
    if options.by is not None:
        from bayesmmm.validate import check_choice

        known = ways(fit.data)
        if not known:
            raise SettingError(f"--by {options.by} tells the geos of a panel apart, and the fit is of one series")
        check_choice(options.by, "--by", known)
    if options.plan is not None:
        return current_plan(fit, options)
    if options.periods is None:
        return None
    from bayesmmm.optimize import Window
    from bayesmmm.optimize.problem import read_window

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ControlsWarning
        )  # which is about best plans; what is assumed is said below
        given = unique(options.controls, "--controls") or None
        window, controls = read_window(fit, Window(options.periods, controls=given))
    if controls.assumed:
        print(wrap(f"controls: {controls.words}; levels rest on them: say what to expect with --controls"))
    return window.plan


# -------------------------------------------------------------------------------------------------------------- tables
def _by_period(fit: "Fit", parts: "dict[str, dict[str, xr.DataArray]]", ci_prob: float) -> "pd.DataFrame":
    """Median and interval of series by period, of a panel by geo where they are told apart: a row for each."""
    import pandas as pd

    from bayesmmm.results.summaries import interval

    out = []
    for name, draws in parts.items():
        columns = {
            f"{prefix}{end}": values.to_series()
            for prefix, each in draws.items()
            for end, values in interval(each, ci_prob).items()
        }
        table = pd.DataFrame(columns).reset_index()
        table["date"] = table["date"].dt.strftime("%Y-%m-%d")
        table.insert(0, "series", name)
        out.append(table.assign(unit=fit.data.unit(name)))
    return pd.concat(out, ignore_index=True)


def _totals(fit: "Fit", draws: "dict[str, xr.DataArray]", ci_prob: float) -> "pd.DataFrame":
    """Median and interval of sums over the periods."""
    import pandas as pd

    from bayesmmm.results.summaries import interval

    out = []
    for label, values in draws.items():
        ends = interval(values.sum("date"), ci_prob)
        columns: dict[str, Any] = {
            name: end.to_series() if end.dims else [end.item()] for name, end in ends.items()
        }
        table = pd.DataFrame(columns)
        table = table.reset_index() if next(iter(ends.values())).dims else table
        table.insert(0, "series", label)
        out.append(table.assign(unit=values.attrs.get("unit", "")))
    return pd.concat(out, ignore_index=True)


def write_answer(
    tables: "Mapping[str, pd.DataFrame]", figures: Mapping[str, Callable[[], object]], part: Path
) -> None:
    """Write tables and figures by their names."""
    from bayesmmm.files import safe_names
    from bayesmmm.report.figures import save_figure

    for name, table in tables.items():
        write_csv(table, part / f"{name}.csv", index=False)
    for name, make in zip(safe_names(figures), figures.values(), strict=True):
        save_figure(make, [part / f"{name}.png"])
