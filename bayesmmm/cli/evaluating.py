"""The commands `evaluate` and `compare`: how well a system describes what it was fitted to, and what it was not."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmmm.cli import arguments
from bayesmmm.cli.asking import write_answer
from bayesmmm.cli.commands import DONE, SAMPLER_FAILED, check_readable, ending, load_fit, read_spec, refused
from bayesmmm.cli.files import told_figures
from bayesmmm.cli.text import collected_cautions, heading, laid_out, listing, show_written, wrap
from bayesmmm.errors import SettingError
from bayesmmm.files import digest, make_mark, run_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from bayesmmm.data import MMMData
    from bayesmmm.equations import MMM
    from bayesmmm.evaluate import CrossValidation
    from bayesmmm.results import Fit

EVALUATE = """\
Say how well a system does: the errors of a saved fit over the periods that it was fitted to (RMSE, MAE, MAPE, R2) or,
with --hold-out or --folds, of forecasts of periods that it is then not fitted to, beside the naive forecast. These fit
anew: of a saved fit its system to its data, or a CSV file to --spec. Writes in_sample.csv, or scores.csv,
predictions.csv, stability.csv and figures.

example:
  bayesmmm evaluate result/fit.nc --out fit-quality
  bayesmmm evaluate result/fit.nc --hold-out 2024-10-06 --out held-out
  bayesmmm evaluate data.csv --spec system.toml --folds 8 --horizon 13 --out folds
"""
COMPARE = """\
Compare saved fits of the same outcome over the same periods by what each says of a period when it is left out (expected
log predictive density, PSIS-LOO). It says which system describes the outcome, not which one forecasts it (`bayesmmm
evaluate --folds` does), nor which is causally right. Writes compare.csv and compare.png.

example:
  bayesmmm compare one/fit.nc two/fit.nc --out compared
"""
_TEXTS = {
    "spec": "roles, equations and priors, where INPUT is a table",
    "hold-out": "forecast the last N periods, or those from a date on, as 13 or 2024-10-06",
    "folds": "forecast so many times, each fitted to what came before",
    "horizon": "periods judged in each fold (those after the first training in equal parts)",
    "initial": "periods that the first fold is fitted to (half of them, or more)",
    "gap": "periods between training and test, for data that arrive late (%(default)s)",
    "window": "fit to all that came before, or to as many periods as the first fold has (%(default)s)",
    "mediators": "forecast them, too, or take them as they were observed (%(default)s)",
    "by": "tell the geos of a panel apart; by default in total",
    "draws": "draws per chain (1000)",
    "tune": "warm-up per chain (1000, of --folds 500)",
    "chains": "chains (4, of --folds 2)",
    "seed": "seed of the fits (drawn and printed)",
    "no-progress": "no progress bar",
    "names": "names of the fits, in turn (those of their folders, or files)",
    "allow-unconverged": "answer although the sampler failed; the files say so",
}
_NOT_ASKED = ("run", "input", "fits", "out", "no_progress")


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Add the options of `evaluate`."""
    parser.add_argument("input", metavar="INPUT", type=Path, help="a saved fit, or with --spec a CSV file")
    arguments.add_out(parser)
    arguments.adding(parser, _TEXTS)("spec", "SYSTEM.toml", Path)
    add = arguments.adding(parser.add_argument_group("forecasts: --hold-out or --folds"), _TEXTS)
    add("hold-out", "N|DATE")
    add("folds", "N", arguments.count)
    add("horizon", "N", arguments.count)
    add("initial", "N", arguments.count)
    add("gap", "N", arguments.seed, default=0)
    add("window", choices=["expanding", "sliding"], default="expanding")
    add("mediators", choices=["respond", "observed"], default="respond")
    add = arguments.adding(parser.add_argument_group("sampling of forecasts"), _TEXTS)
    for name in ("draws", "tune", "chains"):
        add(name, "N", arguments.count)
    add("seed", read=arguments.seed)
    add("no-progress", action="store_true")
    add = arguments.adding(parser, _TEXTS)
    add("by", choices=["geo"])
    arguments.add_ci_prob(parser, "intervals of forecasts")
    add("allow-unconverged", action="store_true")
    parser.set_defaults(run=evaluate)


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Add the options of `compare`."""
    parser.add_argument("fits", metavar="FIT.nc", type=Path, nargs="+", help="saved fits, two or more")
    arguments.add_out(parser)
    add = arguments.adding(parser, _TEXTS)
    add("names", "NAME", nargs="+")
    add("allow-unconverged", action="store_true")
    parser.set_defaults(run=compare)


# ------------------------------------------------------------------------------------------------------------ evaluate
def evaluate(options: argparse.Namespace) -> int:
    """Judge a fit inside the sample, or forecasts outside of it."""
    _check(options)
    if options.hold_out is None and options.folds is None:
        return _in_sample(options)
    system, data, about = _refitted(options)
    with run_folder(options.out) as run:
        with collected_cautions(options) as cautions:
            found = _forecast(system, data, options)
        tables = _scores(found, options)
        asked = sorted((name, str(value)) for name, value in vars(options).items() if name not in _NOT_ASKED)
        mark = make_mark("evaluate", digest(about, *[t.to_csv() for t in tables.values()], asked), about)
        from bayesmmm import plots

        figures = {"cross_validation": partial(plots.cross_validation, found)}
        figures |= {} if options.hold_out else {"stability": partial(plots.stability, found)}
        with told_figures():
            paths = run.write(lambda part: write_answer(tables, figures, part), mark)
    heading("Forecasts of what was held out")
    print(str(found).rpartition("\nNext:")[0])
    if options.by:
        heading("By geo")
        print(laid_out(found.table(by=options.by), "{:,.4g}".format))
    _end(cautions, options, paths)
    return DONE if (found.folds["verdict"] != "failed").all() else SAMPLER_FAILED


def _check(options: argparse.Namespace) -> None:
    if options.hold_out is not None and options.folds is not None:
        raise SettingError("forecasts are asked for by --hold-out and by --folds; give one of them")
    if options.folds is None and (told := [n for n in ("horizon", "initial") if getattr(options, n) is not None]):
        raise SettingError(f"--{told[0]} goes with --folds; of --hold-out the periods say how far it looks")
    if options.spec is not None and options.hold_out is None and options.folds is None:
        raise SettingError(
            f"nothing was fitted yet to {options.input}; forecast with --hold-out 13 or --folds 8, or give a saved fit"
        )


def _in_sample(options: argparse.Namespace) -> int:
    fit = load_fit(options.input)
    from bayesmmm.evaluate import in_sample

    print(wrap(str(fit.convergence).splitlines()[0]))
    if refused(fit, options, "judged", "the errors"):
        return SAMPLER_FAILED
    with run_folder(options.out) as run:
        table = in_sample(fit.accept_unconverged(), by=options.by)
        written = table.reset_index().assign(verdict=fit.convergence.verdict)
        stamp = fit.stamp
        mark = make_mark("evaluate", digest(stamp, written.to_csv(), options.by), stamp)
        paths = run.write(lambda part: write_answer({"in_sample": written}, {}, part), mark)
    heading("Errors over the fitted periods")
    shown = table.assign(mape=table["mape"].map(_percent), r2=table["r2"].map("{:.3f}".format))
    print(laid_out(shown.rename(columns={"r2": "R2"}), "{:,.4g}".format))
    print(wrap(f"These are errors {table.attrs['note']}."))
    _end([], options, paths)
    return ending(fit, "do not use these numbers")


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f} %" if share == share else "not defined"


def _refitted(options: argparse.Namespace) -> "tuple[MMM, MMMData, str]":
    """System, data, and what stands for them in the marks of files."""
    if options.spec is None:
        fit = load_fit(options.input)
        return fit.system, fit.data, fit.stamp
    from bayesmmm.data import MMMData
    from bayesmmm.equations import check_system

    system, columns = read_spec(options.spec, "; `bayesmmm simulate --out world` writes an example.")
    data = MMMData.from_file(options.input, **columns)
    check_system(system, data)
    return system, data, digest(system.to_toml(), data.to_frame().to_csv())


def _forecast(system: "MMM", data: "MMMData", options: argparse.Namespace) -> "CrossValidation":
    from bayesmmm.evaluate import cross_validate, hold_out

    names = ("draws", "tune", "chains", "seed", "gap", "mediators", "ci_prob")
    how: dict[str, Any] = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    if options.hold_out is not None:
        periods = _held_out(data, options.hold_out)
        last = "period" if periods == 1 else f"{periods} periods"
        print(f"fitting without the last {last}, from {data.dates[-periods]:%Y-%m-%d} on", flush=True)
        return hold_out(system, data, periods=periods, **how)
    print(f"fitting {options.folds} times, each to what came before", flush=True)
    how |= {"horizon": options.horizon, "initial": options.initial, "window": options.window}
    return cross_validate(system, data, folds=options.folds, progress=not options.no_progress, **how)


def _held_out(data: "MMMData", text: str) -> int:
    """How many periods at the end are held out: a number, or those from a date on."""
    if text.isdigit():
        return int(text)
    from bayesmmm.data.dates import iso_date

    try:
        first = iso_date(text, "--hold-out")
    except Exception as error:
        raise SettingError(
            f"--hold-out {text} must be a number of periods or a date, as 13 or 2024-10-06"
        ) from error
    periods = int((data.dates >= first).sum())
    if not 0 < periods < len(data.dates):
        raise SettingError(
            f"--hold-out {text} leaves {len(data.dates) - periods} of {len(data.dates)} periods to fit; data go from "
            f"{data.dates[0]:%Y-%m-%d} to {data.dates[-1]:%Y-%m-%d}; give a date within"
        )
    return periods


def _scores(found: "CrossValidation", options: argparse.Namespace) -> "dict[str, pd.DataFrame]":
    """Tables of the scores, the predictions and the stability of all folds."""
    import pandas as pd

    names = found.scores["equation"].values.tolist()
    scores = [
        found.table(n).reset_index().assign(equation=n, unit=found.settings["units"][n], ci_prob=options.ci_prob)
        for n in names
    ]
    tables = {
        "scores": pd.concat(scores, ignore_index=True),
        "predictions": found.predictions.to_dataframe().reset_index().assign(ci_prob=options.ci_prob),
        "stability": found.stability.to_dataframe().reset_index(),
    }
    if options.by:
        by_geo = [found.table(n, by=options.by).reset_index().assign(equation=n) for n in names]
        tables["scores_by_geo"] = pd.concat(by_geo, ignore_index=True)
    return tables


def _end(cautions: list[str], options: argparse.Namespace, paths: "Sequence[Path]") -> None:
    if cautions:
        heading("Cautions")
        print(listing(cautions))
    show_written(options.out, paths)


# ------------------------------------------------------------------------------------------------------------- compare
def compare(options: argparse.Namespace) -> int:
    """Compare saved fits on the same outcome."""
    if len(options.fits) < 2:
        raise SettingError(f"one fit is given, {options.fits[0]}; give two or more, as one/fit.nc two/fit.nc")
    names = options.names or _names_of(options.fits)
    if len(names) != len(options.fits) or len(set(names)) < len(names):
        raise SettingError(
            f"there are {len(options.fits)} fits and the names {', '.join(names)}; give each fit a name of its own"
        )
    for path in options.fits:
        check_readable(path)
    from bayesmmm import plots
    from bayesmmm.evaluate import compare

    fits: dict[str, Fit] = {name: load_fit(path) for name, path in zip(names, options.fits, strict=True)}
    for fit in fits.values():
        if refused(fit, options, "compared", "them"):
            return SAMPLER_FAILED
    with run_folder(options.out) as run:
        with collected_cautions(options) as cautions:
            table = compare({name: fit.accept_unconverged() for name, fit in fits.items()})
        stamps = [fit.stamp for fit in fits.values()]
        mark = make_mark("compare", digest(*stamps, table.to_csv()), digest(*stamps))
        figures = {"compare": partial(plots.comparison, table)}
        with told_figures():
            paths = run.write(lambda part: write_answer({"compare": table.reset_index()}, figures, part), mark)
    heading(f"{table.attrs['outcome']}: expected log density of {table.attrs['periods']} periods left out in turn")
    shown = table[["elpd", "se", "diff", "diff_se", "p_worse", "weight", "high_k", "verdict"]]
    print(laid_out(shown, "{:,.3g}".format))
    for caution in dict.fromkeys(text for text in table["caution"] if text):
        print(wrap(f"caution: {caution}"))
    print(wrap(table.attrs["note"]))
    _end(cautions, options, paths)
    return ending(
        next((fit for fit in fits.values() if fit.convergence.verdict == "failed"), fit), "do not use this"
    )


def _names_of(paths: list[Path]) -> list[str]:
    """Name fits by their files, or by the folders they lie in where the files are called alike."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [path.resolve().parent.name for path in paths]
