"""The files that `optimize` writes: a plan as text, tables and figures."""

from pathlib import Path
from typing import TYPE_CHECKING

from bayesmmm.cli.text import wrap

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesmmm.optimize import Plan

_ENDS = {"median": "", "lower": "_lower", "upper": "_upper"}


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
            found = summarise(draws, ci_prob)
            for end, suffix in _ENDS.items():
                table[f"{name}{suffix}"] = found[end].to_numpy()
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


def listing(cautions: list[str]) -> str:
    """Return cautions as numbered lines."""
    return "\n".join(wrap(f"{number}. {caution}") for number, caution in enumerate(cautions, 1))
