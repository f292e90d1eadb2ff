"""The files that `demo`, `fit` and `optimize` write, and what `show` says of a folder with files of runs."""

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bayesmmm.cli.text import listing, with_truth
from bayesmmm.errors import BayesMMMWarning
from bayesmmm.files import read_mark, safe_names, write_csv

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesmmm.diagnostics import Diagnosis
    from bayesmmm.optimize import Plan, PlanComparison
    from bayesmmm.results import Fit
    from bayesmmm.simulate import World

FIT, SUMMARY, SYSTEM, DIAGNOSIS = "fit.nc", "summary.csv", "system.toml", "diagnosis.csv"
#: Where the files of a run lie.
_FOLDERS = ("", "tables", "figures")
_ENDS = {"median": "", "lower": "_lower", "upper": "_upper"}


# ------------------------------------------------------------------------------------------------------------- writing
def write_tables(
    fit: "Fit", table: "pd.DataFrame", truth: Mapping[str, float] | None, ci_prob: float, part: Path
) -> None:
    """Write what needs no drawing."""
    columns = table if truth is None else with_truth(table, truth)
    if len(fit.data.geos) > 1:
        columns = columns.assign(geo=columns.index.map(_geo_of(fit)))
    write_csv(columns.assign(ci_prob=ci_prob).rename_axis("parameter"), part / SUMMARY)
    (part / SYSTEM).write_text(fit.system.to_toml(), encoding="utf-8")


def _geo_of(fit: "Fit") -> dict[str, str | None]:
    """Geo that every row of a summary is about; None for what all share."""
    import numpy as np
    import xarray as xr

    from bayesmmm.results.summaries import flat

    posterior, out = fit.posterior.isel(chain=0, draw=0, drop=True), dict[str, str | None]()
    number = xr.DataArray(np.arange(len(fit.data.geos)), dims="geo")
    for name, value in posterior.items():
        at = xr.zeros_like(value) + (number if "geo" in value.dims else -1)
        at = at.transpose(*value.dims)
        out |= {
            row: fit.data.geos[int(g)] if g >= 0 else None for row, g in flat(at.to_dataset(name=name)).items()
        }
    return out


def write_effects(
    fit: "Fit",
    world: "World | None",
    effects: "Mapping[str | None, pd.DataFrame]",
    ci_prob: float,
    part: Path,
) -> None:
    """Write the effects of each channel of a panel, in total and by geo, and draw the returns."""
    from bayesmmm import plots
    from bayesmmm.estimands import roi
    from bayesmmm.report.figures import save_figure
    from bayesmmm.results.summaries import flat

    for by, table in effects.items():
        columns = table.reset_index().assign(ci_prob=ci_prob)
        write_csv(columns, part / f"effects{f'_by_{by}' * bool(by)}.csv", index=False)
    returns = (roi(fit, window="outcome", by="geo"), roi(fit, window="outcome"))
    true = None if world is None or world.truth.effects_by_geo is None else world.truth.effects_by_geo[["roi"]]
    truth = None if true is None else flat(true)
    save_figure(partial(plots.roi_by_geo, *returns, truth=truth, ci_prob=ci_prob), [part / "roi_by_geo.png"])


def draw(fit: "Fit", table: "pd.DataFrame", truth: Mapping[str, float] | None, ci_prob: float, part: Path) -> None:
    """Draw the figures of a fit; one that cannot be drawn is a warning."""
    from bayesmmm.report.figures import save_figure

    figures = list(_figures(fit, table, truth, ci_prob))
    for name, (_, make) in zip(safe_names(name for name, _ in figures), figures, strict=True):
        save_figure(make, [part / f"{name}.png"])


def write_diagnosis(diagnosis: "Diagnosis", part: Path) -> None:
    """Write the checks, and draw their figure."""
    from bayesmmm import plots
    from bayesmmm.report.figures import save_figure

    write_csv(diagnosis.table(), part / DIAGNOSIS)
    save_figure(partial(plots.diagnosis, diagnosis), [part / "diagnosis.png"])


def _figures(
    fit: "Fit", table: "pd.DataFrame", truth: Mapping[str, float] | None, ci_prob: float
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Names and drawings of the figures of a fit."""
    from bayesmmm import plots
    from bayesmmm.plots.sources import shared_parameters
    from bayesmmm.report.geo_answers import with_replicates
    from bayesmmm.results import FACTORS, predictive_check, predictive_table, prior_and_posterior

    yield "causal_graph", partial(plots.causal_graph, fit.system)
    yield "data", partial(plots.spend, fit.data)
    yield "correlation", lambda: plots.correlation(fit.data.correlation())
    yield "parameters", partial(plots.parameters, shared_parameters(fit, table), truth=truth)
    replicated = with_replicates(fit)
    for equation in fit.system.order:
        whole = predictive_table(replicated, equation, ci_prob)
        if whole.index.nlevels == 1:
            yield f"predictive_{equation}", partial(plots.predictive, whole)
        else:
            yield f"predictive_by_geo_{equation}", partial(plots.predictive_by_geo, whole)
        if (effects := f"{equation}.period") in fit.posterior:
            draws = fit.posterior[effects].assign_attrs(verdict=fit.convergence.verdict)
            yield f"period_effects_{equation}", partial(plots.period_effects, draws, truth=truth, ci_prob=ci_prob)
        check = predictive_check(replicated, equation, ci_prob)
        yield f"predictive_check_{equation}", partial(plots.predictive_check, check)
        for parameter in (*FACTORS, "contribution"):
            if (name := f"{equation}.{parameter}") in fit.posterior:
                both = prior_and_posterior(fit, name, ci_prob)
                make = partial(plots.prior_posterior, *both, truth=truth, log=parameter in FACTORS)
                yield f"prior_posterior_{equation}_{parameter}", make


@contextmanager
def told_figures() -> Iterator[None]:
    """Tell figures that cannot be drawn in one line each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BayesMMMWarning)
        yield
    for each in caught:
        if isinstance(each.message, BayesMMMWarning):
            print(f"bayesmmm: warning: {each.message}", file=sys.stderr)
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


# ----------------------------------------------------------------------------------------------------------- plans
def frontier_table(trade: "xr.Dataset", ci_prob: float) -> "pd.DataFrame":
    """Lay out a frontier, a row per total and one for the current plan; money, outcome per money, medians."""
    import pandas as pd

    from bayesmmm.results import summarise

    best = pd.DataFrame({"plan": "best", "total": trade["total"].values})
    now = pd.DataFrame({"plan": ["current"], "total": [trade.attrs["current_total"]]})
    current_roi = (trade["current_lift"] / trade["current_cost"]).rename("roi")
    pairs = {name: (trade[name], trade[f"current_{name}"]) for name in ("outcome", "lift", "cost")}
    for name, (along, here) in {**pairs, "roi": (trade["roi"], current_roi)}.items():
        for table, draws in ((best, along), (now, here)):
            row = summarise(draws, ci_prob)
            for end, suffix in _ENDS.items():
                table[f"{name}{suffix}"] = row[end].to_numpy()
    best["marginal"] = trade["marginal"].values
    whole = (trade["extrapolated"] * trade["spend"]).sum("channel") / trade["spend"].sum("channel")
    best["extrapolated"] = whole.values
    for channel in trade["channel"].values:
        best[f"spend[{channel}]"] = trade["spend"].sel(channel=channel).values
        if "units" in trade and trade["units"].sel(channel=channel).notnull().all():
            best[f"units[{channel}]"] = trade["units"].sel(channel=channel).values
    both = pd.concat([best, now], ignore_index=True).assign(ci_prob=ci_prob, verdict=trade.attrs["verdict"])
    assumed = ", ".join(trade.attrs.get("assumed", ()))
    return both.assign(outcome_rests_on=f"assumed {assumed}") if assumed else both


def write_plan(
    plan: "Plan", trade: "xr.Dataset | None", cautions: list[str], options: argparse.Namespace, part: Path
) -> None:
    """Write everything about a plan."""
    from bayesmmm import plots
    from bayesmmm.report.figures import save_figure

    ci_prob = options.ci_prob
    text = [str(plan), *(["cautions:", listing(cautions)] if cautions else [])]
    (part / "plan.txt").write_text("\n\n".join(text) + "\n", encoding="utf-8")
    write_csv(plan.to_frame(), part / "plan.csv")
    write_csv(plan.to_frame("current"), part / "current.csv")
    if options.excel:
        plan.to_excel(part / "plan.xlsx", ci_prob)
    if options.html:
        plan.to_html(part / "plan.html")
    write_csv(spend_table(plan), part / "spend.csv", index=False)
    table = plan.table(ci_prob)
    write_csv(table.assign(ci_prob=ci_prob, verdict=table.attrs["verdict"]), part / "channels.csv")
    save_figure(partial(plots.budget, plan, ci_prob=ci_prob), [part / "budget.png"])
    save_figure(partial(plots.allocation, plan), [part / "allocation.png"])
    if "geo" in plan.spend.dims:
        for by, name in (("geo", "geos.csv"), ("pair", "pairs.csv")):
            own = plan.table(ci_prob, by=by)
            write_csv(own.assign(ci_prob=ci_prob, verdict=own.attrs["verdict"]), part / name)
        save_figure(partial(plots.budget_map, plan), [part / "budget_map.png"])
    if trade is not None:
        write_csv(frontier_table(trade, ci_prob), part / "frontier.csv", index=False)
        save_figure(partial(plots.frontier, trade, ci_prob=ci_prob), [part / "frontier.png"])


def write_comparison(found: "PlanComparison", options: argparse.Namespace, part: Path) -> None:
    """Write everything about plans that are compared."""
    from bayesmmm import plots
    from bayesmmm.report.figures import save_figure
    from bayesmmm.results import summarise

    ci_prob, verdict = options.ci_prob, found.attrs["verdict"]
    (part / "comparison.txt").write_text(f"{found}\n", encoding="utf-8")
    write_csv(found.table(ci_prob).assign(ci_prob=ci_prob, verdict=verdict), part / "comparison.csv")
    beyond = summarise(found.differences(), ci_prob).rename_axis("difference")
    write_csv(beyond.assign(to=found.plans[0], ci_prob=ci_prob, verdict=verdict), part / "differences.csv")
    write_csv(found.spend_table("pair" if "geo" in found.spend.dims else "channel"), part / "spend.csv")
    if options.excel:
        found.to_excel(part / "comparison.xlsx", ci_prob)
    save_figure(partial(plots.compare_plans, found, ci_prob=ci_prob), [part / "comparison.png"])


def spend_table(plan: "Plan") -> "pd.DataFrame":
    """Lay out what is spent, a row per channel and date, of a panel per geo, too."""
    table = plan.current.rename("current").to_dataframe()[["current"]]
    table["new"] = plan.spend.to_series()
    return table.reset_index()


# ------------------------------------------------------------------------------------------------------------- showing
def marked(folder: Path) -> dict[tuple[str, str, str] | None, list[str]]:
    """Return the files of a folder by their mark: kind, run and fit; None for those without one."""
    out: dict[tuple[str, str, str] | None, list[str]] = {}
    for inside in _FOLDERS:
        for path in sorted((folder / inside).glob("[!.]*")):
            if path.is_file():
                out.setdefault(read_mark(path), []).append(path.relative_to(folder).as_posix())
    return out


def others(folder: Path, mark: str) -> list[str]:
    """Files in a folder that an earlier run of the same kind wrote and this one did not replace."""
    kind = mark.split(":")[1]
    runs = {own: names for own, names in marked(folder).items() if own is not None and own[0] == kind}
    return [name for own, names in runs.items() if ":".join(own) not in mark for name in names]


def are_mixed(marks: list[tuple[str, str, str]]) -> bool:
    """Whether files of several runs of one kind lie together, or files of a fit that is not there beside another."""
    saved = {fit for kind, _, fit in marks if kind == "saved"}
    runs = {(kind, run): fit for kind, run, fit in marks if kind != "saved"}
    several = len({kind for kind, _ in runs}) < len(runs)
    return several or bool(saved and set(runs.values()) - saved)
