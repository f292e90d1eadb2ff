"""A plan as text: the table that a marketing manager reads, and the lines that say how sure it is."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import xarray as xr

from bayesmmm.data.future import GEO
from bayesmmm.optimize.decision_variables import label_of
from bayesmmm.optimize.solution import Solution
from bayesmmm.results import summarise
from bayesmmm.text import (
    CI_PROB,
    UNKNOWN,
    aligned,
    amount,
    amounts,
    counted,
    joined,
    number,
    percent,
    probability,
    rough_percent,
    short_number,
    told_apart,
    wrapped,
)

#: Significant digits of gains, which are compared with each other.
GAIN_DIGITS = 4
GAIN = "gain in the objective"
WIDTH = 120
#: So many limits are listed; with a limit for each period there may be hundreds.
LIMITS = 12
#: So many geos are listed, those that change most.
GEOS = 12
#: Differences of net marginal returns from which on a plan comes with a caution.
_EQUAL = 1e-3
_MEDIATORS = {"respond": "{} responds", "fixed": "{} held as it is", "decide": "{} decided"}


def plan_text(
    table: pd.DataFrame,
    answers: xr.Dataset,
    solution: Solution,
    attrs: Mapping[str, Any],
    current: xr.DataArray,
    by_geo: pd.DataFrame | None = None,
    units: xr.DataArray | None = None,
) -> str:
    """Write the parts of a `Plan` as text: what is asked, its table, the outcome, and how sure all of it is."""
    notes = [*_overspending(table, answers, attrs), *_beliefs(answers)]
    rows = [*_rows(table, answers, solution), *map(_wrapped, notes)]
    if by_geo is not None:
        rows += ["", *_geos(by_geo, attrs, solution), *_rows(_largest(by_geo), answers, solution)]
    heading = _heading(attrs, answers, current, _idle(table, by_geo), units)
    outcomes = _outcomes(table, answers, attrs)
    return "\n".join([*heading, "", *rows, "", *outcomes, "", *_sureness(table, solution, attrs)])


# ---------------------------------------------------------------------------------------------------------- the parts
_AT_ZERO = " (of a channel at zero, by a step of one typical period's spend, over that step)"


def _idle(*tables: pd.DataFrame | None) -> bool:
    """Whether a channel is to be left at zero, in a geo that decides on it at least."""
    known = [table for table in tables if table is not None]
    return any(bool(((table["kind"] == "channel") & (table["new"] == 0.0)).any()) for table in known)


def _total(attrs: Mapping[str, Any]) -> str:
    """What a plan may cost, in words."""
    low, high = attrs.get("total_range") or (0.0, math.inf)
    if attrs["total"] is not None:
        return amount(attrs["total"])
    if math.isfinite(high):
        return f"{amount(low)} to {amount(high)}" if low > 0.0 else f"at most {amount(high)}"
    return f"at least {amount(low)}" if low > 0.0 else "free"


def _heading(
    attrs: Mapping[str, Any], answers: xr.Dataset, current: xr.DataArray, idle: bool, units: xr.DataArray | None
) -> list[str]:
    periods = current.sizes["date"]
    returns = answers["roi"].attrs.get("unit") or f"{attrs['unit']} per money"
    ahead = {"future": "{} ahead", "past": "{} of the past"}[attrs["window"]].format(counted(periods, "period"))
    goal = [f"objective: {attrs['objective']}", f"total: {_total(attrs)}", f"risk: {attrs['risk']}"]
    if attrs["target"] is not None:
        goal.append(f"target: {attrs['target']}")
    if attrs["margin"] is not None:
        goal.append(f"margin: {attrs['margin']:.6g}")
    setting = [f"flighting: {attrs['flighting']}"]
    if attrs["mediators"]:
        words = [_MEDIATORS[how].format(name) for name, how in attrs["mediators"].items()]
        setting.append(f"mediators: {', '.join(words)}")
    if attrs["controls"]:
        setting.append(f"controls: {attrs['controls']}")
    meaning = (
        f"ROI: outcome gained over own spend (total: over all cost); next unit: outcome gained by one more unit of "
        f"money, induced spend counted{_AT_ZERO * idle}; both in {returns}"
    )
    parts = ["; ".join(goal), "; ".join(setting), meaning]
    if units is not None:
        parts.append(_bought(units))
    lines = [f"Budget plan for {attrs['start']} to {attrs['stop']}, {ahead}", *map(_wrapped, parts)]
    factor = float(current.attrs.get("factor", 1.0))
    if not math.isclose(factor, 1.0, rel_tol=1e-6):
        lines.append(f"spend now is the current plan times {number(factor)}, so that the totals are the same")
    if attrs["verdict"] != "converged":
        lines.append(f"CAUTION, sampler verdict: {attrs['verdict']}")
    return lines


def _bought(units: xr.DataArray) -> str:
    """Say what the money of exposures buys, and for how much."""
    names = [f"{name} ({unit})" for name, unit in json.loads(units.attrs["counted"]).items()]
    return (
        f"limits and totals are money; units are what it buys, at the cost of a unit in the plan: {joined(names)}"
    )


def plan_columns(table: pd.DataFrame, answers: xr.Dataset, solution: Solution) -> dict[str, list[str]]:
    """Return the columns of the printed table, written out."""
    both = amounts([*table["current"], *table["new"]])
    ends = [told_apart(*row) for row in table[["roi_new_lower", "roi_new_upper"]].to_numpy()]
    columns = {
        "": [str(name) for name in table.index],
        "spend now": both[: len(table)],
        "spend new": both[len(table) :],
        "change": [change_words(row.current, row.new) for row in table.itertuples()],
        **_units(table),
        "ROI now": _cells(table["roi_current"]),
        "ROI new": _cells(table["roi_new"]),
        f"{percent(CI_PROB)} interval": [f"{low} to {high}" if low != UNKNOWN else "" for low, high in ends],
        "next unit": _cells(table["marginal"]),
    }
    flags = _flags(table, answers, solution)
    return columns | ({"flags": flags} if any(flags) else {})


def _units(table: pd.DataFrame) -> dict[str, list[str]]:
    """What is had for the money of exposures, in columns of their own where there are any."""
    if "unit" not in table or not table["unit"].any():
        return {}
    columns = {"units now": "units_current", "units new": "units_new"}
    rows = {name: zip(table[column], table["unit"], strict=True) for name, column in columns.items()}
    return {name: [f"{short_number(n)} {unit}" if unit else "" for n, unit in own] for name, own in rows.items()}


def _rows(table: pd.DataFrame, answers: xr.Dataset, solution: Solution) -> list[str]:
    lines = aligned(plan_columns(table, answers, solution), left=("", "flags"))
    rule = "-" * max(map(len, lines))
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _geos(by_geo: pd.DataFrame, attrs: Mapping[str, Any], solution: Solution) -> list[str]:
    """What to know before the table of geos."""
    count = len(by_geo) - 1
    some = f", the {GEOS} that change most" if count > GEOS else ""
    decided = counted(len(solution.net_marginal), "channel in a geo", "channels in geos")
    words = [f"by geo, of {counted(count, 'geo')}{some}; plan.table(by='pair') has the {decided}"]
    if attrs["unbought"]:
        pairs = [label_of(channel, geo) for channel, geo in attrs["unbought"]]
        more = [f"{len(pairs) - GEOS} more"] if len(pairs) > GEOS else []
        words.append(f"held at zero, where nothing was ever spent: {joined([*pairs[:GEOS], *more])}")
    if attrs["held_geos"]:
        words.append(f"held as in the current plan: {joined(attrs['held_geos'])}")
    return [_wrapped(line) for line in words]


def _largest(by_geo: pd.DataFrame) -> pd.DataFrame:
    """Rows of the geos, of those that change most where there are many, and of the total."""
    geos, total = by_geo[:-1], by_geo[-1:]
    if len(geos) <= GEOS:
        return by_geo
    moved = (geos["new"] - geos["current"]).abs().sort_values(ascending=False, kind="stable").index[:GEOS]
    return pd.concat([geos.loc[geos.index.isin(moved)], total])


def _flags(table: pd.DataFrame, answers: xr.Dataset, solution: Solution) -> list[str]:
    """Short marks of the rows; the lines below the table say what they mean."""
    least = answers["extrapolated"].attrs.get("threshold", 0.0)
    limited = {limit.channel for limit in solution.binding if limit.geo is None}
    limited |= {limit.name for limit in solution.binding if limit.kind == GEO}
    out = []
    for name, row in zip(table.index, table.itertuples(), strict=True):
        marks = []
        if row.kind in ("channel", GEO) and name in limited:
            marks.append("limit")
        if row.kind != "induced" and row.extrapolated > least:
            marks.append(f"{rough_percent(row.extrapolated)} unseen")
        if row.kind == "induced":
            marks.append(f"{percent(CI_PROB)}: {' to '.join(told_apart(row.new_lower, row.new_upper))}")
        out.append(", ".join(marks))
    return out


def _beliefs(answers: xr.Dataset) -> list[str]:
    """Which channels are not told apart from no effect: what a plan gives or takes there rests on the prior."""
    weak = json.loads(answers["roi"].attrs.get("weak", "{}"))
    return (
        [f"not told apart from no effect: {joined(weak)}; what the plan says there is mostly belief"]
        if weak
        else []
    )


def _overspending(table: pd.DataFrame, answers: xr.Dataset, attrs: Mapping[str, Any]) -> list[str]:
    """How far the cost may lie from the total, where paid mediators respond."""
    if "induced" not in answers:
        return []
    ends = " to ".join(told_apart(*table.loc[table["kind"] == "total", ["new_lower", "new_upper"]].iloc[0]))
    words = f"induced spend is uncertain: the plan costs {ends} in all ({percent(CI_PROB)})"
    if attrs["total"] is not None and answers.attrs.get("held_out"):
        words += "; the total is met in the mean of the draws that chose it"
    over = table.attrs["p_overspend"]
    return [words if over is None else f"P(overspend) {probability(over)}: {words}"]


def _outcomes(table: pd.DataFrame, answers: xr.Dataset, attrs: Mapping[str, Any]) -> list[str]:
    name, unit = attrs["outcome"], attrs["unit"]
    outcome, uplift, gain = answers["outcome"], answers["uplift"], answers["gain"]
    draws = {f"{name} {when}": outcome.sel(plan=plan) for when, plan in (("now", "current"), ("then", "new"))}
    draws["uplift"] = uplift
    if not (abs(gain - uplift) <= 1e-9 * (1.0 + abs(uplift))).all():
        draws[GAIN] = gain
    interval = f"{percent(CI_PROB)} interval"
    columns: dict[str, list[str]] = {"": list(draws), "median": [], interval: [], "unit": []}
    for label, values in draws.items():
        row = summarise(values.rename("value"), CI_PROB).iloc[0]
        median, low, high = told_apart(row["median"], row["lower"], row["upper"])
        columns["median"].append(median)
        columns[interval].append(f"{low} to {high}")
        columns["unit"].append(str(gain.attrs.get("unit", "")) if label == GAIN else unit)
    lines = aligned(columns, left=("", interval, "unit"))
    which = "draws that had no part in choosing it" if answers.attrs.get("held_out") else "the draws that chose it"
    reaches, better = table.attrs["p_target"], table.attrs["p_better"]
    last = f"P(better) {probability(better)}: share of {which} in which the plan beats the current one"
    if reaches is not None:
        last = f"P(target) {probability(reaches)}: share of {which} in which the outcome reaches the target"
    return [*lines, *_levels(attrs), last]


def _levels(attrs: Mapping[str, Any]) -> list[str]:
    """Mark levels that rest on controls that nobody stated."""
    note = resting(f"{attrs['outcome']} now and then, as levels, rest", attrs)
    return [_wrapped(note)] if note else []


def resting(levels: str, attrs: Mapping[str, Any]) -> str:
    """Say of `levels`, as "levels of revenue rest", on which controls that nobody stated they do; else nothing."""
    assumed = attrs.get("assumed", ())
    return f"{levels} on controls that nobody stated: {joined(assumed)}" if len(assumed) else ""


def _sureness(table: pd.DataFrame, solution: Solution, attrs: Mapping[str, Any]) -> list[str]:
    work = f"{counted(solution.iterations, 'iteration')} from {counted(len(solution.starts), 'start')}"
    lines = [
        f"solver: {solution.status}; {work} on {counted(solution.draws, 'draw')}, {solution.seconds:.1f} s; largest "
        f"difference of net marginal returns: {rough_percent(solution.kkt)}"
    ]
    if solution.kkt > _EQUAL:
        lines.append("CAUTION: the solver stopped early; a better plan may be near")
    lines += [_optimality(solution), _transfer(solution)]
    if solution.multiplier:
        lines.append(f"one more unit of total would gain {number(solution.multiplier)}")
    if solution.bandwidth:
        lines.append(f"the measure of risk is smoothed over {number(solution.bandwidth)} of gain")
    if solution.rounding is not None:
        share = (
            f" ({rough_percent(abs(solution.rounding / solution.objective))} of it)" if solution.objective else ""
        )
        lines.append(
            f"every amount, of a channel in a period, is a multiple of {amount(attrs['round_to'])}: that costs "
            f"{number(solution.rounding)} of the gain{share}"
        )
    lines.append(_unseen(table))
    if solution.offers:
        lines.append(_offered(table, solution))
    if solution.binding:
        shown = [str(limit) for limit in solution.binding[:LIMITS]]
        more = len(solution.binding) - len(shown)
        lines.append("limits that bind: " + "; ".join([*shown, *([f"and {more} more"] if more else [])]))
    return [_wrapped(line) for line in lines]


def _optimality(solution: Solution) -> str:
    if solution.bound is None or solution.gap is None:
        low, high = (number(end(solution.starts), GAIN_DIGITS) for end in (min, max))
        starts = f"{counted(len(solution.starts), 'start')} gained {low} to {high} on a part of the draws"
        return f"no bound: {solution.no_bound}; {starts}"
    bound, gained = (number(value, GAIN_DIGITS) for value in (solution.bound, solution.objective))
    gap = f"{number(solution.gap)}, {rough_percent(abs(solution.gap / solution.bound))}" if solution.bound else "0"
    return f"bound: no plan within the limits gains more than {bound}; this one gains {gained} (gap {gap})"


def _transfer(solution: Solution) -> str:
    """What the objective is on draws that the solver did not see."""
    if solution.held_out is None:
        return "held-out draws: none; the gain is judged on the draws that chose the plan, and so is a little too good"
    held, own = (number(value, GAIN_DIGITS) for value in (solution.held_out, solution.objective))
    return (
        f"held-out draws: the objective gains {held} on {counted(solution.held_out_draws, 'other draw')}, {own} on "
        f"those that chose the plan"
    )


def _offered(table: pd.DataFrame, solution: Solution) -> str:
    """What a plan nearer to what was seen would give."""
    unseen = table.loc[table["kind"] == "channel", "extrapolated"].sort_values(ascending=False, kind="stable")
    words = []
    for offer in solution.offers:
        better = "" if offer.p_better is None else f", better in {probability(offer.p_better)} of draws"
        gained = number(offer.gain, GAIN_DIGITS)
        words.append(
            f"{offer.argument} gains about {gained}{better}, with {rough_percent(offer.extrapolated)} unseen"
        )
    return f"{unseen.index[0]} goes far beyond what was seen; nearer to it, asked for anew: {'; '.join(words)}"


def _unseen(table: pd.DataFrame) -> str:
    total = table.loc[table["kind"] == "total"].iloc[0]
    unseen = table.loc[(table["kind"] == "channel") & (table["extrapolated"] > 0.0), "extrapolated"]
    new, now = rough_percent(total["extrapolated"]), rough_percent(total["extrapolated_current"])
    if not len(unseen):
        return f"outside the observed range: none of the new spend, {now} of the current"
    parts = unseen.sort_values(ascending=False, kind="stable").items()
    names = ", ".join(f"{name} {rough_percent(part)}" for name, part in parts)
    return (
        f"outside the observed range (unseen): {new} of the new spend, {now} of the current, is in periods above the "
        f"highest spend ever seen in one ({names}); there the answer rests on the equation and its priors"
    )


# ----------------------------------------------------------------------------------------------------- words, numbers
def _cells(values: Iterable[float]) -> list[str]:
    return ["" if math.isnan(value) else number(value) for value in values]


def change_words(current: float, new: float) -> str:
    """Write what changes from the current spend to a new one, which may be induced."""
    if current > 0.0:
        change = 100.0 * (new / current - 1.0)
        return f"{change:+.0f} %".replace("-", "−").replace("−0 %", "0 %").replace("+0 %", "0 %")
    return "new" if new > 0.0 else ""


def _wrapped(line: str) -> str:
    return "\n".join(wrapped(line, WIDTH))
