"""How much better any other plan could be: a bound on the global optimum, where one holds.

Two cases have one. Where channels add up, each is a decision of its own under the prices of the limits (weak duality,
which for one budget is the concave envelope), and its best spend is found by branch and bound. Where all curves are
concave, no plan is above the tangent of the objective.
"""

from collections.abc import Callable

import numpy as np
from scipy import optimize

from bayesmmm.kernels.response_bounds import response_with_slope_bounds
from bayesmmm.optimize.local_solver import Solved
from bayesmmm.optimize.nonlinear_program import PlanObjective
from bayesmmm.optimize.outcomes import Outcomes
from bayesmmm.optimize.problem import Problem

#: The search for a bound ends when what it leaves open is this share of the lift, or after dividing so many intervals;
#: prices of the total that are tried at most.
OPEN, EVALUATIONS, ROUNDS = 1e-3, 1000, 8
#: Shares of an interval at which it is divided.
PARTS, PARTS_FROM_ZERO = np.array([0.25, 0.5, 0.75]), np.array([1.0, 4.0, 16.0]) / 64.0


class ChannelResponse:
    """Mean worth of what one channel brings over spending nothing on it, where channels add up.

    `profile` (W,) is how money of channel `c` is spread over the window, `worth` that of a unit of outcome.
    """

    def __init__(self, outcomes: Outcomes, c: int, profile: np.ndarray, worth: float) -> None:
        self._outcomes, self._worth = outcomes, worth / outcomes.size
        self._pieces = outcomes.alone(c, profile)
        self._zero = self._summed(np.zeros(1))[0][0]

    def _summed(self, spend: np.ndarray) -> tuple[np.ndarray, ...]:
        terms = self._outcomes.each(lambda piece: response_with_slope_bounds(spend, *piece), self._pieces)
        if not terms:  # the channel does not act on the outcome
            return np.zeros(len(spend)), np.zeros(len(spend) - 1), np.zeros(len(spend) - 1)
        return tuple(self._worth * sum(parts) for parts in zip(*terms, strict=True))

    def evaluate(self, spend: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Worth (J,) of rising amounts of money (J,), and bounds (J - 1,) on its slope between them, from both sides."""
        value, least, most = self._summed(spend)
        return value - self._zero, least, most


class BoundedCurve:
    """A rising function of the spend of one channel, from low to high, known at some points.

    It is looked at first at `best`; where `idle`, spending nothing is allowed although the range begins above it.
    """

    spend: np.ndarray  # (J,)
    value: np.ndarray
    least: np.ndarray  # (J - 1,) bounds on the slope between the points
    most: np.ndarray

    def __init__(self, response: ChannelResponse, low: float, high: float, best: float, idle: bool) -> None:
        self._response, self.idle = response, idle
        ends = [low, high] if high > low else [low]
        self.spend = np.array(sorted({*ends, *([best] if low < best < high else [])}))
        self.value, self.least, self.most = self._response.evaluate(self.spend)

    def above(self, price: float) -> tuple[float, int]:
        """Bound on ``value - price * spend`` anywhere, and the interval that it comes from; -1 for a single point."""
        if len(self.spend) == 1:
            top, at = float(self.value[0] - price * self.spend[0]), -1
        else:
            left, right, ahead = self.spend[:-1], self.spend[1:], self.value[1:]
            # No higher than a line of the highest slope through the left end, nor one of the least slope through the
            # right end: highest where these meet, or at an end where both rise faster or slower than what is paid.
            with np.errstate(divide="ignore", invalid="ignore"):
                meet = left + (ahead - self.least * (right - left) - self.value[:-1]) / (self.most - self.least)
            meet = np.clip(np.where(self.most > self.least, meet, right), left, right)
            meet = np.where(self.least >= price, right, meet)
            each = ahead - self.least * (right - meet) - price * meet
            each = np.where(self.most <= price, self.value[:-1] - price * left, each)
            at = int(np.argmax(each))
            top = float(each[at])
        return (0.0, -1) if self.idle and top < 0.0 else (top, at)

    def divide(self, at: int) -> None:
        """Look at some more points of an interval."""
        left, right = self.spend[at : at + 2]
        if left < right / 64.0:
            between = left + (right - left) * PARTS_FROM_ZERO
        else:
            between = left * (right / left) ** PARTS if right > 4.0 * left else left + (right - left) * PARTS
        spend = np.unique([left, *between, right])
        value, least, most = self._response.evaluate(spend)
        for name, new, wide in (("spend", spend, 2), ("value", value, 2), ("least", least, 1), ("most", most, 1)):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old[:at], new, old[at + wide :]]))

    def steepest(self) -> float:
        """Highest rise per money between points next to each other."""
        return float((np.diff(self.value) / np.diff(self.spend)).max(initial=0.0))

    def reached(self, price: float) -> float:
        """Highest known ``value - price * spend``."""
        top = float((self.value - price * self.spend).max())
        return max(top, 0.0) if self.idle else top


# ------------------------------------------------------------------------------------------------------- the bound
def upper_bound(problem: Problem, objective: PlanObjective, best: Solved) -> tuple[float | None, str]:
    """Return what no plan within the limits gains more than, on the draws that chose the plan, or why there is none."""
    goal = objective.goal
    if goal.objective not in ("outcome", "profit") or goal.measure.kind != "mean" or goal.target_roi is not None:
        return None, "bounds are known for the mean outcome or profit of a budget only"
    system = problem.fit.system
    if not system.equation(system.outcome).family.additive:
        return None, f"channels multiply under the likelihood of {system.outcome}"
    harmful = _may_harm(problem)
    if harmful:
        return None, f"{harmful} lowers what it acts on in some draws"
    if _adds_up(problem) and not problem.variables.free:
        return _dual_bound(problem, objective, best), ""
    reason = _not_concave(problem)
    if reason:
        return None, reason
    return _tangent_bound(problem, objective, best)


def _may_harm(problem: Problem) -> str:
    """The first channel or mediator that moves with the plan and whose response falls in some draw; empty for none."""
    out, system = problem.whole, problem.fit.system
    moving = {*problem.channels, *out.answering}
    for name in (*out.answering, system.outcome):
        contribution = out.query.parameters[name]["contribution"][out.query.draws]
        for c, channel in enumerate(system.equation(name).media):
            if channel in moving and (contribution[..., c] < 0.0).any():
                return channel
    return ""


# ----------------------------------------------------------------------------------------------- channels add up
def _adds_up(problem: Problem) -> bool:
    """Whether the outcome is a sum over decided channels, each term rising with its spend."""
    linear = {n for equation in problem.fit.system.equations for n in equation.linear}
    return not problem.whole.answering and not linear.intersection(problem.channels)


def _dual_bound(problem: Problem, objective: PlanObjective, best: Solved) -> float:
    variables, goal, limits = problem.variables, objective.goal, problem.limits
    count = len(variables.names)
    responses = [ChannelResponse(problem.whole, c, variables.profile[c], goal.worth) for c in range(count)]
    # Gain of no spend at all.
    nothing = float(-goal.worth * objective.lift.mean() + goal.price * problem.current.sum())
    # Prices of limits of the problem only: those of a way to settle its on-off limits do not hold for other ways.
    known = {row.label for row in limits.rows}
    priced = [item for item in best.optimality.prices if item[0] in known]
    rows = sum((price * normal for _, normal, _, price in priced), np.zeros(count))
    offset = nothing + sum(price * side for _, _, side, price in priced)
    low = np.maximum(limits.lower, limits.least)
    high = _highest(objective, limits.upper, low, responses, nothing - best.objective)
    idle = (limits.least > 0.0) & (limits.lower <= 0.0)
    curves = [BoundedCurve(*item) for item in zip(responses, low, high, best.decisions, idle, strict=True)]

    def dual(total_price: float, top: Callable[[BoundedCurve, float], float]) -> float:
        side = goal.high if total_price >= 0.0 else goal.low
        held = total_price * side if total_price and np.isfinite(side) else 0.0
        prices = goal.price + rows + total_price
        return offset + held + sum(top(curve, price) for curve, price in zip(curves, prices, strict=True))

    most = sum(curve.value[-1] for curve in curves)
    tolerance = OPEN * max(goal.worth * float(objective.lift.mean()), float(most) * 1e-3)
    bound, evaluations, price = np.inf, 0, best.optimality.multiplier
    for _ in range(ROUNDS):
        dear = max(curve.steepest() for curve in curves) + float(np.abs(rows).max(initial=0.0))
        least, most = -goal.price if goal.low > 0.0 else 0.0, dear if np.isfinite(goal.high) else 0.0
        price = float(np.clip(price, least, most))
        evaluations = _refine(curves, goal.price + rows + price, tolerance, evaluations)
        # Any price gives a bound. None gives less than the least of what is reached, so that this is looked for.
        bound = min(bound, dual(price, lambda curve, each: curve.above(each)[0]))
        if least == most:
            break
        lowest = optimize.minimize_scalar(
            lambda p: dual(p, BoundedCurve.reached), bounds=(least, most), method="bounded"
        )
        if bound - lowest.fun <= 2.0 * tolerance:
            break
        price = lowest.x
    return bound


def _highest(
    objective: PlanObjective, upper: np.ndarray, low: np.ndarray, responses: list[ChannelResponse], behind: float
) -> np.ndarray:
    """Most that each channel could be spent on by a plan that beats the best one found, which is ahead of nothing."""
    goal = objective.goal
    high = np.minimum(upper, goal.high)
    if np.isfinite(high).all():
        return np.maximum(high, low)
    far = 1e9 * objective.unit
    # All that channels could ever earn pays for all that is spent, and still leaves more than the best plan has.
    earned = sum(each.evaluate(np.array([money]))[0][0] for each, money in zip(responses, far, strict=True))
    paid = (earned * (1.0 + 1e-6) + behind) / goal.price if goal.price > 0.0 else far
    return np.maximum(np.where(np.isfinite(high), high, paid), low)


def _refine(curves: list[BoundedCurve], prices: np.ndarray, tolerance: float, evaluations: int) -> int:
    """Divide, in curves that leave much open, the interval that their bound comes from, until little is left."""
    while evaluations < EVALUATIONS:
        tops = [curve.above(price) for curve, price in zip(curves, prices, strict=True)]
        left = np.array([top - c.reached(p) for (top, _), c, p in zip(tops, curves, prices, strict=True)])
        if left.sum() <= tolerance:
            break
        for curve, (_, at), open_ in zip(curves, tops, left, strict=True):
            if at >= 0 and open_ > 0.1 * left.mean():
                curve.divide(at)
                evaluations += 1
    return evaluations


# ------------------------------------------------------------------------------------------------ all is concave
def _not_concave(problem: Problem) -> str:
    """Why the mean outcome may not be a concave function of the plan; empty where it is one."""
    out, system = problem.whole, problem.fit.system
    if out.paid:
        return f"{out.paid[0]} answers to the channels and is paid, so that what a plan costs is curved as well"
    moving = {*problem.channels, *out.answering}
    why = "every period is a decision of its own" if problem.variables.free else "channels meet in a mediator"
    draws = out.query.draws
    for name in (*out.answering, system.outcome):
        equation, par = system.equation(name), out.query.parameters[name]
        for c, channel in enumerate(equation.media):
            if channel in moving and (par["slope"][draws, ..., c] > 1.0).any():
                return f"the curve of {channel} in {name} is S-shaped in some draws, and {why}"
        if name != system.outcome and not equation.family.additive:
            return f"{name} answers in a curve that is not concave"
    if np.count_nonzero(problem.limits.least):
        return "channels are all or nothing"
    return "" if out.stays_above_zero() else "a mediator reaches zero, or pulls the outcome down"


def _tangent_bound(problem: Problem, objective: PlanObjective, best: Solved) -> tuple[float | None, str]:
    """Bound the objective by its tangent near the plan, highest within the limits."""
    limits, goal = problem.limits, objective.goal
    # A tangent anywhere will do; away from zero slopes are those of the curves, and not of the floor under them.
    at = np.maximum(best.decisions, 1e-3 * objective.unit)
    slope = objective.slope(at)
    ranges = [(r.coefficients, r.low, r.high) for r in limits.rows] + [(np.ones(len(at)), goal.low, goal.high)]
    both = [
        (s * a, s * side) for a, low, high in ranges for s, side in ((1.0, high), (-1.0, low)) if np.isfinite(side)
    ]
    rows, sides, unit = [row for row, _ in both], [side for _, side in both], objective.unit
    result = optimize.linprog(
        -slope * unit,
        A_ub=np.array(rows) * unit,  # there is one row at least, as the total is never below zero
        b_ub=np.array(sides),
        bounds=list(zip(limits.lower / unit, limits.upper / unit, strict=True)),
        method="highs",
    )
    if result.status != 0:
        return None, "without an upper limit on spend the tangent has no highest point"
    return float(objective.value(at) - slope @ at - result.fun), ""
