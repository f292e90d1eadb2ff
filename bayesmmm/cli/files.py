"""The files that `demo`, `fit` and `optimize` write."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bayesmmm.cli.text import listing, with_truth

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesmmm.diagnostics import Diagnosis
    from bayesmmm.optimize import Plan
    from bayesmmm.results import Fit

_LOGARITHMIC = ("half_life", "half_saturation", "slope")
_ENDS = {"median": "", "lower": "_lower", "upper": "_upper"}


def checked_folder(path: Path) -> Path:
    """Make the folder and try it, before minutes are spent on what would go into it."""
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
        return path


@contextmanager
def opened_folder(path: Path) -> Iterator[Path]:
    """Make the folder and try it; one that is new goes again when what is done in here is refused."""
    new = not path.exists()
    folder = checked_folder(path)
    try:
        yield folder
    except BaseException:
        if new:  # a refusal leaves nothing behind
            folder.rmdir()
        raise


def write_fit(
    fit: "Fit", table: "pd.DataFrame", truth: Mapping[str, float] | None, folder: Path, ci_prob: float
) -> list[str]:
    """Write all but the checks to a folder beside, then move it in: a failure leaves older files as they were."""
    from bayesmmm.report.writing import made_beside

    def make(part: Path) -> None:
        fit.save(part / "fit.nc")
        columns = table if truth is None else with_truth(table, truth)
        columns.assign(ci_prob=ci_prob).rename_axis("parameter").to_csv(part / "summary.csv")
        (part / "system.toml").write_text(fit.system.to_toml(), encoding="utf-8")
        draw(fit, table, truth, part, ci_prob)

    return [path.name for path in made_beside(folder, make)]


def write_diagnosis(diagnosis: "Diagnosis", folder: Path) -> list[str]:
    """Write the checks in the same way."""
    from bayesmmm.report.writing import made_beside

    def make(part: Path) -> None:
        diagnosis.table().to_csv(part / "diagnosis.csv")
        draw_diagnosis(diagnosis, part)

    return [path.name for path in made_beside(folder, make)]


def draw(
    fit: "Fit", table: "pd.DataFrame", truth: Mapping[str, float] | None, folder: Path, ci_prob: float
) -> None:
    """Draw the figures of a fit."""
    from bayesmmm import plots
    from bayesmmm.results import predictive_check, predictive_table, summarise

    plots.save(plots.causal_graph(fit.system), folder / "causal_graph.png")
    plots.save(plots.spend(fit.data), folder / "data.png")
    plots.save(plots.correlation(fit.data.correlation()), folder / "correlation.png")
    plots.save(plots.parameters(table, truth=truth), folder / "parameters.png")
    for equation in fit.system.order:
        stem = file_name(equation)
        whole = predictive_table(fit, equation, ci_prob)
        for geo, part in _by_geo(whole):
            plots.save(plots.predictive(part), folder / f"predictive_{file_name(equation, *geo)}.png")
        check = predictive_check(fit, equation, ci_prob)
        plots.save(plots.predictive_check(check), folder / f"predictive_check_{stem}.png")
        for parameter in ("half_life", "half_saturation", "slope", "contribution"):
            name = f"{equation}.{parameter}"
            if name not in fit.posterior:
                continue
            pair = [summarise(fit.tree[group].to_dataset()[name], ci_prob) for group in ("prior", "posterior")]
            pair[1].attrs["unit"] = table.attrs["units"][name]
            ax = plots.prior_posterior(*pair, truth=truth, log=parameter in _LOGARITHMIC)
            plots.save(ax, folder / f"prior_posterior_{stem}_{parameter}.png")


def draw_diagnosis(diagnosis: "Diagnosis", folder: Path) -> None:
    """Draw the figure of the checks."""
    from bayesmmm import plots

    plots.save(plots.diagnosis(diagnosis), folder / "diagnosis.png")


def _by_geo(table: "pd.DataFrame") -> Iterable[tuple[tuple[str, ...], "pd.DataFrame"]]:
    if table.index.nlevels == 1:
        return [((), table)]
    return [((str(geo),), table.loc[geo]) for geo in table.index.unique(0)]


def file_name(*words: str) -> str:
    """Return words as a file name that is safe."""
    return re.sub(r"[^\w.-]+", "_", "_".join(words))


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
    return pd.concat([best, now], ignore_index=True).assign(ci_prob=ci_prob, verdict=trade.attrs["verdict"])


def write_plan(
    plan: "Plan", trade: "xr.Dataset | None", cautions: list[str], folder: Path, ci_prob: float
) -> list[str]:
    """Write everything to a folder beside, then move it in: a failure leaves older files as they were."""
    from bayesmmm import plots
    from bayesmmm.report.writing import made_beside

    def make(part: Path) -> None:
        text = [str(plan), *(["cautions:", listing(cautions)] if cautions else [])]
        (part / "plan.txt").write_text("\n\n".join(text) + "\n", encoding="utf-8")
        plan.to_frame().to_csv(part / "plan.csv")
        spend_table(plan).to_csv(part / "spend.csv", index=False)
        table = plan.table(ci_prob)
        table.assign(ci_prob=ci_prob, verdict=table.attrs["verdict"]).to_csv(part / "channels.csv")
        plots.save(plots.budget(plan, ci_prob=ci_prob), part / "budget.png")
        plots.save(plots.allocation(plan), part / "allocation.png")
        if trade is not None:
            frontier_table(trade, ci_prob).to_csv(part / "frontier.csv", index=False)
            plots.save(plots.frontier(trade, ci_prob=ci_prob), part / "frontier.png")

    return [path.name for path in made_beside(folder, make)]


def spend_table(plan: "Plan") -> "pd.DataFrame":
    """Lay out what is spent, a row per channel and date."""
    table = plan.current.rename("current").to_dataframe()[["current"]]
    table["new"] = plan.spend.to_series()
    return table.reset_index()
