"""How much better any other plan could be: a bound on the global optimum, where one holds.

Two cases have one. Where channels add up, each is a decision of its own under the prices of the limits (weak duality,
which for one budget is the concave envelope), and its best spend is found by branch and bound. Where all curves are
concave, no plan is above the tangent of the objective.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from bayesmmm import engine
from bayesmmm.optimize.climbing import Solved
from bayesmmm.optimize.outcomes import Outcomes
from bayesmmm.optimize.problem import Problem
from bayesmmm.optimize.programme import Programme

#: The search for a bound ends when what it leaves open is this share of the lift, or after so many evaluations; prices
#: of the total that are tried at most.
OPEN, EVALUATIONS, ROUNDS = 1e-3, 400, 8


def upper_bound(problem: Problem, programme: Programme, best: Solved) -> tuple[float | None, str]:
    """Return what no plan within the limits gains more than, on the draws that chose the plan, or why there is none."""
    goal = programme.goal
    if goal.kind not in ("outcome", "profit") or goal.risk.kind != "mean" or goal.ratio is not None:
        return None, "bounds are known for the mean outcome or profit of a budget only"
    system = problem.fit.system
    if system.equation(system.outcome).likelihood not in ("normal", "student_t"):
        return None, f"channels multiply under the likelihood of {system.outcome}"
    if _adds_up(problem) and not problem.levels.free:
        return _dual_bound(problem, programme, best), ""
    reason = _not_concave(problem)
    if reason:
        return None, reason
    return _tangent_bound(problem, programme, best)


# ----------------------------------------------------------------------------------------------- channels add up
def _adds_up(problem: Problem) -> bool:
    """Whether the outcome is a sum over decided channels, each term rising with its spend."""
    linear = {n for equation in problem.fit.system.equations for n in equation.linear}
    return not problem.whole.answering and not linear.intersection(problem.names)


@dataclass
class _Curve:
    """A rising function of the spend of one channel, known at some points.

    Attributes
    ----------
    spend, value : list of float
        In order of spend.
    idle : bool
        Whether spending nothing is allowed although the first point is above it.
    """

    spend: list[float]
    value: list[float]
    idle: bool

    def above(self, price: float) -> tuple[float, int]:
        """Bound on ``value - price * spend`` anywhere, and the interval that it comes from; -1 for a single point."""
        spend, value = np.array(self.spend), np.array(self.value)
        # Within an interval the value is at most that at its end, the cost at least that at its beginning.
        each = value[1:] - price * np.where(price >= 0.0, spend[:-1], spend[1:])
        at = int(np.argmax(each)) if len(each) else -1
        top = each[at] if len(each) else value[0] - price * spend[0]
        return (0.0, -1) if self.idle and top < 0.0 else (float(top), at)

    def steepest(self) -> float:
        """Highest rise per money between points next to each other."""
        return float((np.diff(self.value) / np.diff(self.spend)).max(initial=0.0))

    def reached(self, price: float) -> float:
        """Highest known ``value - price * spend``."""
        top = max(v - price * u for u, v in zip(self.spend, self.value, strict=True))
        return max(top, 0.0) if self.idle else top


def _dual_bound(problem: Problem, programme: Programme, best: Solved) -> float:
    out, levels, goal, limits = problem.whole, problem.levels, programme.goal, problem.limits
    count = len(levels.names)
    # Gain of no spend at all.
    nothing = float(-goal.margin * programme.lift.mean() + goal.price * problem.current.sum())

    def values(spend: np.ndarray) -> np.ndarray:
        return goal.margin * out.parts(levels.spend(spend))

    # Prices of limits of the problem only: those of a way to settle its on-off limits do not hold for other ways.
    known = {row.label for row in limits.rows}
    priced = [item for item in best.optimality.prices if item[0] in known]
    rows = sum((price * normal for _, normal, _, price in priced), np.zeros(count))
    offset = nothing + sum(price * side for _, _, side, price in priced)
    low = np.maximum(limits.lower, limits.least)
    high = _highest(programme, limits.upper, low, values, nothing - best.objective)
    ends = [values(low), values(high)]
    curves = [
        _Curve([low[c], high[c]], [ends[0][c], ends[1][c]], bool(limits.least[c] > 0.0 and limits.lower[c] <= 0.0))
        if high[c] > low[c]
        else _Curve([low[c]], [ends[0][c]], bool(limits.least[c] > 0.0 and limits.lower[c] <= 0.0))
        for c in range(count)
    ]

    def dual(total_price: float, top: Callable[[_Curve, float], float]) -> float:
        side = goal.high if total_price >= 0.0 else goal.low
        held = total_price * side if total_price and np.isfinite(side) else 0.0
        prices = goal.price + rows + total_price
        return offset + held + sum(top(curve, price) for curve, price in zip(curves, prices, strict=True))

    tolerance = OPEN * goal.margin * max(float(programme.lift.mean()), float(ends[1].sum()) * 1e-3)
    bound, evaluations, price = np.inf, 0, best.optimality.multiplier
    for _ in range(ROUNDS):
        dear = max(curve.steepest() for curve in curves) + float(np.abs(rows).max(initial=0.0))
        least, most = -goal.price if goal.low > 0.0 else 0.0, dear if np.isfinite(goal.high) else 0.0
        price = float(np.clip(price, least, most))
        evaluations = _refine(curves, values, goal.price + rows + price, tolerance, evaluations)
        # Any price gives a bound. None gives less than the least of what is reached, so that this is looked for.
        bound = min(bound, dual(price, lambda curve, each: curve.above(each)[0]))
        if least == most:
            break
        next_one = optimize.minimize_scalar(
            lambda p: dual(p, _Curve.reached), bounds=(least, most), method="bounded"
        )
        if bound - next_one.fun <= 2.0 * tolerance:
            break
        price = next_one.x
    return bound


def _highest(programme: Programme, upper: np.ndarray, low: np.ndarray, values, behind: float) -> np.ndarray:
    """Most that each channel could be spent on by a plan that beats the best one found, which is ahead of nothing."""
    goal = programme.goal
    high = np.minimum(upper, goal.high)
    if np.isfinite(high).all():
        return np.maximum(high, low)
    far = 1e9 * programme.unit
    # All that channels could ever earn pays for all that is spent, and still leaves more than the best plan has.
    paid = (values(far).sum() * (1.0 + 1e-6) + behind) / goal.price if goal.price > 0.0 else far
    return np.maximum(np.where(np.isfinite(high), high, paid), low)


def _refine(curves: list[_Curve], values, prices: np.ndarray, tolerance: float, evaluations: int) -> int:
    """Halve, in curves that leave much open, the interval that their bound comes from, until little is left."""
    while evaluations < EVALUATIONS:
        tops = [curve.above(price) for curve, price in zip(curves, prices, strict=True)]
        left = np.array([top - c.reached(p) for (top, _), c, p in zip(tops, curves, prices, strict=True)])
        if left.sum() <= tolerance:
            break
        spend = np.array([curve.spend[0] for curve in curves])
        halved = [(c, at) for c, (_, at) in enumerate(tops) if at >= 0 and left[c] > 0.1 * left.mean()]
        for c, at in halved:
            spend[c] = 0.5 * (curves[c].spend[at] + curves[c].spend[at + 1])
        found = values(spend)
        evaluations += 1
        for c, at in halved:
            curves[c].spend.insert(at + 1, float(spend[c]))
            curves[c].value.insert(at + 1, float(found[c]))
    return evaluations


# ------------------------------------------------------------------------------------------------ all is concave
def _not_concave(problem: Problem) -> str:
    """Why the mean outcome may not be a concave function of the plan; empty where it is one."""
    out, system = problem.whole, problem.fit.system
    if out.paid:
        return f"{out.paid[0]} answers to the channels and is paid, so that what a plan costs is curved as well"
    moving = {*problem.names, *out.answering}
    why = "every period is a decision of its own" if problem.levels.free else "channels meet in a mediator"
    draws = out.question.asked.draws
    for name in (*out.answering, system.outcome):
        equation, par = system.equation(name), out.question.asked.parameters[name]
        for c, channel in enumerate(equation.media):
            if channel in moving and (par["slope"][draws, c] > 1.0).any():
                return f"the curve of {channel} in {name} is S-shaped in some draws, and {why}"
        if name != system.outcome and equation.likelihood not in ("normal", "student_t"):
            return f"{name} answers in a curve that is not concave"
    if np.count_nonzero(problem.limits.least):
        return "channels are all or nothing"
    return "" if _stays_above_zero(out, problem) else "a mediator reaches zero, or pulls the outcome down"


def _stays_above_zero(out: Outcomes, problem: Problem) -> bool:
    """Whether mediators that answer are nowhere below zero without any spend, and never pull downwards."""
    system, moving = problem.fit.system, {*problem.names, *out.answering}
    for stretches in out.under(np.zeros_like(problem.current)):
        for stretch in stretches:
            base: engine.Baseline = stretch.base
            if any((base.columns[m] < 0.0).any() for m in out.answering):
                return False
            for name in (*out.answering, system.outcome):
                linear = [n for n in system.equation(name).linear if n in moving]
                if any((base.slope(name, n) < 0.0).any() for n in linear):
                    return False
    return True


def _tangent_bound(problem: Problem, programme: Programme, best: Solved) -> tuple[float | None, str]:
    """Bound the objective by its tangent near the plan, highest within the limits."""
    limits, goal = problem.limits, programme.goal
    # A tangent anywhere will do; away from zero slopes are those of the curves, and not of the floor under them.
    at = np.maximum(best.decisions, 1e-3 * programme.unit)
    slope = programme.slope(at)
    rows, sides = [], []
    for row in limits.rows:
        for sign, side in ((1.0, row.high), (-1.0, row.low)):
            if np.isfinite(side):
                rows.append(sign * row.coefficients)
                sides.append(sign * side)
    every = np.ones(len(at))
    for sign, side in ((1.0, goal.high), (-1.0, goal.low)):
        if np.isfinite(side):
            rows.append(sign * every)
            sides.append(sign * side)
    unit = programme.unit
    found = optimize.linprog(
        -slope * unit,
        A_ub=np.array(rows) * unit if rows else None,
        b_ub=np.array(sides) if rows else None,
        bounds=list(zip(limits.lower / unit, limits.upper / unit, strict=True)),
        method="highs",
    )
    if found.status != 0:
        return None, "without an upper limit on spend the tangent has no highest point"
    return float(programme.objective(at) - slope @ at - found.fun), ""
