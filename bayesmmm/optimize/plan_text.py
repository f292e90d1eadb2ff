"""A plan as text: the table that a marketing manager reads, and the lines that say how sure it is."""

import math
from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import pandas as pd

from bayesmmm.results import summarise

if TYPE_CHECKING:
    from bayesmmm.optimize.plan import Plan

#: Probability of the intervals in a printed plan.
CI_PROB = 0.9
#: Significant digits of returns, and of an interval's width.
DIGITS = 3
#: Those of gains, which are compared with each other.
GAIN_DIGITS = 4
GAIN = "gain in the objective"
WIDTH = 120
#: So many limits are listed; with a limit for each period there may be hundreds.
LIMITS = 12
#: Differences of net marginal returns from which on a plan comes with a caution.
_EQUAL = 1e-3
_UNKNOWN = "unknown"
#: Percentages below this are not told apart.
_LEAST = 0.001
#: A probability of 0 or 1 among so many draws is not certainty.
_SURE = 0.995
_MEDIATORS = {"respond": "{} responds", "fixed": "{} held as it is", "decide": "{} decided"}


def plan_text(plan: "Plan") -> str:
    """Write a plan as text: what is asked, the table, the outcome, and how sure all of it is."""
    table = plan.table(CI_PROB)
    rows = [*_rows(plan, table), *(_wrapped(line) for line in _overspending(plan, table))]
    return "\n".join([*_asked(plan), "", *rows, "", *_outcomes(plan), "", *_sureness(plan, table)])


# ---------------------------------------------------------------------------------------------------------- the parts
def _asked(plan: "Plan") -> list[str]:
    attrs, periods = plan.attrs, plan.spend.sizes["date"]
    ahead = {"future": "{} ahead", "past": "{} of the past"}[attrs["window"]].format(_counted(periods, "period"))
    total = "free" if attrs["total"] is None else _asked_total(attrs["total"])
    asked = [f"objective: {attrs['objective']}", f"total: {total}", f"risk: {attrs['risk']}"]
    if attrs["target"] is not None:
        asked.append(f"target: {attrs['target']}")
    if attrs["margin"] is not None:
        asked.append(f"margin: {attrs['margin']:.6g}")
    setting = [f"flighting: {attrs['flighting']}"]
    if attrs["mediators"]:
        words = (_MEDIATORS[how].format(name) for name, how in attrs["mediators"].items())
        setting.append(f"mediators: {', '.join(words)}")
    if attrs["controls"]:
        setting.append(f"controls: {attrs['controls']}")
    lines = [
        f"Budget plan for {attrs['start']} to {attrs['stop']}, {ahead}",
        _wrapped("; ".join(asked)),
        _wrapped("; ".join(setting)),
        _wrapped(
            f"ROI: outcome gained over own spend (total: over all cost); next unit: outcome gained by one more unit of "
            f"money, induced spend counted; both in {_returns(plan)}"
        ),
    ]
    factor = float(plan.current.attrs.get("factor", 1.0))
    if not math.isclose(factor, 1.0, rel_tol=1e-6):
        lines.append(f"spend now is the current plan times {significant(factor)}, so that the totals are the same")
    if attrs["verdict"] != "converged":
        lines.append(f"CAUTION, sampler verdict: {attrs['verdict']}")
    return lines


def _asked_total(total: float) -> str:
    return f"{total:,.2f}".removesuffix(".00") if total >= 1.0 else f"{total:.4g}"


def _rows(plan: "Plan", table: pd.DataFrame) -> list[str]:
    flags = _flags(plan, table)
    both = money([*table["current"], *table["new"]])
    ends = [apart(*row) for row in table[["roi_new_lower", "roi_new_upper"]].to_numpy()]
    columns = {
        "": [str(name) for name in table.index],
        "spend now": both[: len(table)],
        "spend new": both[len(table) :],
        "change": [change_words(row) for row in table.itertuples()],
        "ROI now": _cells(table["roi_current"]),
        "ROI new": _cells(table["roi_new"]),
        f"{percent(CI_PROB)} interval": [f"{low} to {high}" if low != _UNKNOWN else "" for low, high in ends],
        "next unit": _cells(table["marginal"]),
        "flags": flags,
    }
    if not any(flags):
        del columns["flags"]
    lines = _aligned(columns, left=("", "flags"))
    rule = "-" * max(map(len, lines))
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _flags(plan: "Plan", table: pd.DataFrame) -> list[str]:
    """Short marks of the rows; the lines below the table say what they mean."""
    least = plan.answers["extrapolated"].attrs.get("threshold", 0.0)
    limited = {limit.channel for limit in plan.solution.binding}
    out = []
    for name, row in zip(table.index, table.itertuples(), strict=True):
        marks = []
        if row.kind == "channel" and name in limited:
            marks.append("limit")
        if row.kind != "induced" and row.extrapolated > least:
            marks.append(f"{in_percent(row.extrapolated)} unseen")
        if row.kind == "induced":
            marks.append(f"{percent(CI_PROB)}: {' to '.join(apart(row.new_lower, row.new_upper))}")
        out.append(", ".join(marks))
    return out


def _overspending(plan: "Plan", table: pd.DataFrame) -> list[str]:
    """How far the cost may lie from the total, where paid mediators respond."""
    if "induced" not in plan.answers:
        return []
    ends = " to ".join(apart(*table.loc[table["kind"] == "total", ["new_lower", "new_upper"]].iloc[0]))
    words = f"induced spend is uncertain: the plan costs {ends} in all ({percent(CI_PROB)})"
    if plan.attrs["total"] is not None and plan.answers.attrs.get("held_out"):
        words += "; the total is met in the mean of the draws that chose it"
    if plan.p_overspend is None:
        return [words]
    return [f"P(overspend) {probability(plan.p_overspend)}: {words}"]


def _outcomes(plan: "Plan") -> list[str]:
    answers, unit = plan.answers, plan.attrs["unit"]
    name = plan.attrs["outcome"]
    draws = {
        f"{name} now": answers["outcome"].sel(plan="current"),
        f"{name} then": answers["outcome"].sel(plan="new"),
        "uplift": answers["uplift"],
    }
    uplift, gain = answers["uplift"], answers["gain"]
    if not (abs(gain - uplift) <= 1e-9 * (1.0 + abs(uplift))).all():
        draws[GAIN] = gain
    interval = f"{percent(CI_PROB)} interval"
    columns: dict[str, list[str]] = {"": list(draws), "median": [], interval: [], "unit": []}
    for label, values in draws.items():
        row = summarise(values.rename("value"), CI_PROB).iloc[0]
        median, low, high = apart(row["median"], row["lower"], row["upper"])
        columns["median"].append(median)
        columns[interval].append(f"{low} to {high}")
        columns["unit"].append(str(gain.attrs.get("unit", "")) if label == GAIN else unit)
    lines = _aligned(columns, left=("", interval, "unit"))
    which = "draws that had no part in choosing it" if answers.attrs.get("held_out") else "the draws that chose it"
    if plan.p_target is not None:
        return [
            *lines,
            f"P(target) {probability(plan.p_target)}: share of {which} in which the outcome reaches the target",
        ]
    better = f"P(better) {probability(plan.p_better)}: share of {which} in which the plan beats the current one"
    return [*lines, better]


def _sureness(plan: "Plan", table: pd.DataFrame) -> list[str]:
    solution, lines = plan.solution, []
    work = f"{_counted(solution.iterations, 'iteration')} from {_counted(len(solution.starts), 'start')}"
    lines.append(
        f"solver: {solution.status}; {work} on {_counted(solution.draws, 'draw')}, {solution.seconds:.1f} s; largest "
        f"difference of net marginal returns: {in_percent(solution.kkt)}"
    )
    if solution.kkt > _EQUAL:
        lines.append("CAUTION: the solver stopped early; a better plan may be near")
    lines += [_optimality(plan), _transfer(plan)]
    if solution.multiplier:
        lines.append(f"one more unit of total would gain {significant(solution.multiplier)}")
    if solution.bandwidth:
        lines.append(f"the measure of risk is smoothed over {significant(solution.bandwidth)} of gain")
    lines.append(_unseen(table))
    if solution.binding:
        shown = [str(limit) for limit in solution.binding[:LIMITS]]
        more = len(solution.binding) - len(shown)
        lines.append("limits that bind: " + "; ".join([*shown, *([f"and {more} more"] if more else [])]))
    return [_wrapped(line) for line in lines]


def _optimality(plan: "Plan") -> str:
    solution = plan.solution
    if solution.bound is None:
        low, high = (significant(end(solution.starts), GAIN_DIGITS) for end in (min, max))
        starts = f"{_counted(len(solution.starts), 'start')} gained {low} to {high} on a part of the draws"
        return f"no bound: {solution.no_bound}; {starts}"
    bound, gained = (significant(value, GAIN_DIGITS) for value in (solution.bound, solution.objective))
    gap = (
        f"{significant(solution.gap)}, {in_percent(abs(solution.gap / solution.bound))}" if solution.bound else "0"
    )
    return f"bound: no plan within the limits gains more than {bound}; this one gains {gained} (gap {gap})"


def _transfer(plan: "Plan") -> str:
    """What the objective is on draws that the solver did not see."""
    solution = plan.solution
    if solution.held_out is None:
        return "held-out draws: none; the gain is judged on the draws that chose the plan, and so is a little too good"
    held, seen = (significant(value, GAIN_DIGITS) for value in (solution.held_out, solution.objective))
    return (
        f"held-out draws: the objective gains {held} on {_counted(solution.held_out_draws, 'other draw')}, {seen} on "
        f"those that chose the plan"
    )


def _unseen(table: pd.DataFrame) -> str:
    total = table.loc[table["kind"] == "total"].iloc[0]
    unseen = table.loc[(table["kind"] == "channel") & (table["extrapolated"] > 0.0), "extrapolated"]
    new, now = in_percent(total["extrapolated"]), in_percent(total["extrapolated_current"])
    if not len(unseen):
        return f"outside the observed range: none of the new spend, {now} of the current"
    names = ", ".join(
        f"{name} {in_percent(part)}" for name, part in unseen.sort_values(ascending=False, kind="stable").items()
    )
    return (
        f"outside the observed range (unseen): {new} of the new spend, {now} of the current, is in periods above the "
        f"highest spend ever seen in one ({names}); there the answer rests on the equation and its priors"
    )


# ----------------------------------------------------------------------------------------------------- words, numbers
def money(values: Iterable[float]) -> list[str]:
    """Write sums of money that stand in one column: thousands set apart, as many decimals as the largest needs."""
    values = [float(value) for value in values]
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    places = max(0, 3 - _magnitude(largest)) if largest > 0.0 else 0
    return [_written(value, places) for value in values]


def significant(value: float, digits: int = DIGITS) -> str:
    """Write a number with so many significant digits, no fewer than its whole part has."""
    value = float(value)
    if value == 0.0 or not math.isfinite(value):
        return _written(value, 0)
    rounded = float(f"{value:.{digits - 1}e}")  # 0.9996 has one more digit before the point once it is rounded
    return _written(rounded, max(0, digits - 1 - _magnitude(rounded)))


def apart(*values: float) -> tuple[str, ...]:
    """Write numbers that belong together so that they can be told apart: digits follow from how far they are."""
    values = tuple(float(value) for value in values)
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return tuple(_UNKNOWN for _ in values)
    width = max(known) - min(known)
    largest = max(map(abs, known))
    # Equal numbers, up to rounding, still need digits of their own.
    size = width if width > 1e-6 * largest else largest / 10.0
    places = DIGITS - 1 - _magnitude(size) if size > 0.0 else 0
    return tuple(
        _written(round(value, places) if math.isfinite(value) else value, max(0, places)) for value in values
    )


def probability(value: float) -> str:
    """Write a probability from draws in whole percents, and never as certainty."""
    if value >= _SURE:
        return "more than 99 %"
    if value <= 1.0 - _SURE:
        return "less than 1 %"
    return f"{100.0 * value:.0f} %"


def percent(value: float) -> str:
    """Write a chosen share, as 0.9, in percent."""
    return f"{100.0 * value:.4g} %"


def in_percent(value: float) -> str:
    """Write a share in percent, with two digits below 10 %."""
    value = 100.0 * float(value)
    if not math.isfinite(value):
        return _UNKNOWN
    if 0.0 < value < _LEAST:
        return f"less than {_LEAST:g} %"
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.2g} %"


def _cells(values: Iterable[float]) -> list[str]:
    return ["" if math.isnan(value) else significant(value) for value in values]


def change_words(row: tuple) -> str:
    """Write the change of a row of the table of a plan."""
    if row.current > 0.0:
        return f"{100.0 * row.change:+.0f} %".replace("-", "−").replace("−0 %", "0 %").replace("+0 %", "0 %")
    return "new" if row.new > 0.0 else ""


def _written(value: float, places: int) -> str:
    if not math.isfinite(value):
        return _UNKNOWN if math.isnan(value) else "unbounded"
    return f"{value + 0.0:,.{places}f}".replace("-", "−")


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _counted(count: int, one: str) -> str:
    return f"{count:,} {one}{'s' * (count != 1)}"


def _returns(plan: "Plan") -> str:
    unit = plan.attrs["unit"]
    return str(plan.answers["roi"].attrs.get("unit") or f"{unit} per money")


def _wrapped(line: str) -> str:
    return fill(line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _aligned(columns: dict[str, Sequence[str]], left: Sequence[str]) -> list[str]:
    """Lay columns side by side under their heads, numbers to the right and words to the left."""
    cells = []
    for head, column in columns.items():
        width = max(map(len, [head, *column]))
        cells.append([text.ljust(width) if head in left else text.rjust(width) for text in [head, *column]])
    return ["  ".join(line).rstrip() for line in zip(*cells, strict=True)]
