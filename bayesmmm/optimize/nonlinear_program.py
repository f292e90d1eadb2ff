"""A planning problem as a function to maximise under constraints, with exact derivatives, and how optimal a plan is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import optimize

from bayesmmm.optimize.constraints import Limits
from bayesmmm.optimize.decision_variables import DecisionVariables
from bayesmmm.optimize.goal import Goal, Risk, bandwidth_for, exact_risk, reached_by_share, smoothed_risk
from bayesmmm.optimize.outcomes import Outcomes

#: Spread of gains that a risk measure is smoothed for at least, as a share of that of the lift: the best plan may be the
#: current one, whose gain is certain.
LEAST_SPREAD = 0.02
#: Least decision that the solver looks at, in units of typical spend: the slope at zero is infinite for n < 1.
FLOOR = 1e-6
#: A limit binds when a plan is this close to it, in units of typical spend.
BINDS = 1e-5


@dataclass(frozen=True)
class Constraint:
    """``low <= value <= high`` of a function of decisions, in units of `scale`; the rest as of a `Row`."""

    kind: str
    name: str
    label: str
    value: Callable[[np.ndarray], float]
    slope: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    scale: float
    geo: str | None = None

    def missed(self, value: float) -> float:
        """How far a value is outside, in the scale; below zero where it is inside."""
        return max(self.low - value, value - self.high) / self.scale


class PlanObjective:
    """A goal over the draws of some outcomes; gains are measured from the plan `current` (C, W)."""

    def __init__(self, outcomes: Outcomes, variables: DecisionVariables, goal: Goal, current: np.ndarray) -> None:
        self.outcomes, self.variables, self.goal, self.current = outcomes, variables, goal, current
        now, cost = outcomes.evaluate(current), outcomes.cost(current)
        self.lift, self.induced = now.lift, now.induced.sum(axis=1)
        self.roi_now = float(self.lift.mean() / cost) if cost > 0.0 else 0.0
        self.bandwidth = 0.0
        #: Added to the target while a smoothed share of draws is to reach it, until so many really do.
        self.target_shift = 0.0
        fit = outcomes.query.fit
        pairs = [variables.who(i) for i in range(len(variables.names))]
        at = [0 if geo is None else fit.data.geos.index(geo) for _, geo in pairs]
        each = np.array([fit.scales.spend[name][g] for (name, _), g in zip(pairs, at, strict=True)])
        each = each * outcomes.cost_of_unit.mean(axis=1)
        #: Spend (V,) that counts as one unit of a decision.
        self.unit = each[variables.owner] * (1 if variables.free else current.shape[1])
        gained = goal.worth * np.abs(self.lift).mean() + goal.price * current.sum()
        worth = {"spend": current.sum(), "roi": 1.0}.get(goal.objective, gained)
        self.size = worth if worth > 0.0 else 1.0

    @cached_property
    def base(self) -> np.ndarray:
        """Outcome (S,) of the window without any spend that is decided."""
        return self.outcomes.base()

    @cached_property
    def level(self) -> float:
        """Mean outcome of the window under the current plan."""
        return float((self.base + self.lift).mean())

    # --------------------------------------------------------------------------------------------- the objective
    def gains(self, decisions: np.ndarray) -> np.ndarray:
        """Gain (S,) over the current plan, in terms of the goal."""
        goal, spend = self.goal, self.variables.spend(decisions)
        plan = self.outcomes.evaluate(spend)
        gain = goal.worth * (plan.lift - self.lift)
        if goal.price:
            more = spend.sum() - self.current.sum() + plan.induced.sum(axis=1) - self.induced
            gain = gain - goal.price * more
        return gain

    def set_bandwidth(self, decisions: np.ndarray) -> None:
        """Smooth a risk measure for gains like those of a plan."""
        least = LEAST_SPREAD * self.goal.worth * float(self.lift.std())
        self.bandwidth = bandwidth_for(self.goal.measure, max(float(self.gains(decisions).std()), least))

    def value(self, decisions: np.ndarray) -> float:
        """What is to be as high as possible: the judged gain over the current plan, or saved money, or ROI gained."""
        return self._objective(decisions, lambda gains: exact_risk(self.goal.measure, gains))

    def smooth(self, decisions: np.ndarray) -> float:
        """`value` with a derivative everywhere: a measure of risk is smoothed over the bandwidth."""
        return self._objective(decisions, lambda gains: self._smoothed(gains)[0])

    def _objective(self, decisions: np.ndarray, judge: Callable[[np.ndarray], float]) -> float:
        if self.goal.objective == "spend":
            return self.outcomes.cost(self.current) - self.cost(decisions)
        if self.goal.objective == "roi":
            return float(self._lift(decisions).mean() / self.cost(decisions)) - self.roi_now
        return judge(self.gains(decisions))

    def _smoothed(self, gains: np.ndarray) -> tuple[float, np.ndarray]:
        return smoothed_risk(self.goal.measure, gains, self.bandwidth)

    def slope(self, decisions: np.ndarray) -> np.ndarray:
        """Derivative (V,) of `smooth`."""
        goal, out = self.goal, self.outcomes
        if goal.objective == "spend":
            return -self.cost_slope(decisions)
        if goal.objective == "roi":
            cost, lift = self.cost(decisions), self._lift(decisions).mean()
            return self.lift_slope(decisions) / cost - lift / cost**2 * self.cost_slope(decisions)
        _, weight = self._smoothed(self.gains(decisions))
        priced = goal.price and out.paid
        induced = np.repeat(-goal.price * weight[:, None], len(out.paid), axis=1) if priced else None
        return self._vjp(decisions, goal.worth * weight, induced) - goal.price * self._own_slope

    # ------------------------------------------------------------------------------------------------ pieces
    def _lift(self, decisions: np.ndarray) -> np.ndarray:
        return self.outcomes.evaluate(self.variables.spend(decisions)).lift

    def _vjp(self, decisions: np.ndarray, lift: np.ndarray | None, induced: np.ndarray | None) -> np.ndarray:
        return self.variables.vjp(self.outcomes.vjp(self.variables.spend(decisions), lift, induced))

    def lift_slope(self, decisions: np.ndarray) -> np.ndarray:
        """Derivative (V,) of the mean lift."""
        return self._vjp(decisions, np.full(self.outcomes.size, 1.0 / self.outcomes.size), None)

    def cost(self, decisions: np.ndarray) -> float:
        """Money a plan takes in posterior mean."""
        return self.outcomes.cost(self.variables.spend(decisions))

    def cost_slope(self, decisions: np.ndarray) -> np.ndarray:
        """Derivative (V,) of `cost`."""
        size, paid = self.outcomes.size, len(self.outcomes.paid)
        if not paid:
            return self._own_slope
        return self._own_slope + self._vjp(decisions, None, np.full((size, paid), 1.0 / size))

    @property
    def _own_slope(self) -> np.ndarray:
        return self.variables.vjp(np.ones_like(self.current))

    def reached(self, decisions: np.ndarray) -> float:
        """Outcome of a plan, judged as the goal says: like its gain, or by what a share of draws reaches."""
        lift, share = self._lift(decisions), self.goal.target_share
        if share is not None:
            return reached_by_share(self.base + lift, share)
        return self.level + exact_risk(self.goal.measure, lift - self.lift)

    def _judged(self, decisions: np.ndarray) -> tuple[float, np.ndarray]:
        """`reached` with a derivative everywhere, and its derivative (S,) to the lift of each draw."""
        lift, share = self._lift(decisions), self.goal.target_share
        if share is None:
            value, weight = self._smoothed(lift - self.lift)
            return self.level + value, weight
        risk = Risk("quantile", 1.0 - share)
        return smoothed_risk(risk, self.base + lift, bandwidth_for(risk, float((self.base + self.lift).std())))

    def _reached_slope(self, decisions: np.ndarray) -> np.ndarray:
        return self._vjp(decisions, self._judged(decisions)[1], None)

    def constraints(self, limits: Limits) -> list[Constraint]:
        """Everything but bounds."""
        goal, out = self.goal, []
        if goal.low > 0.0 or np.isfinite(goal.high):
            scale = max(goal.low, goal.high if np.isfinite(goal.high) else 0.0)
            out.append(Constraint("total", "", "total", self.cost, self.cost_slope, goal.low, goal.high, scale))
        if goal.target is not None:
            scale = max(abs(goal.target - self.level), self.size / max(goal.worth, 1e-300), 1e-300)
            least = goal.target + self.target_shift

            def reached(decisions: np.ndarray) -> float:
                return self._judged(decisions)[0]

            out.append(Constraint("target", "", "target", reached, self._reached_slope, least, np.inf, scale))
        if goal.target_roi is not None:
            ratio, name = goal.target_roi, "target ROI"

            def spare(decisions: np.ndarray) -> float:
                return float(self._lift(decisions).mean() - ratio * self.cost(decisions))

            def spare_slope(decisions: np.ndarray) -> np.ndarray:
                return self.lift_slope(decisions) - ratio * self.cost_slope(decisions)

            out.append(Constraint(name, "", name, spare, spare_slope, 0.0, np.inf, self.size))
        for row in limits.rows:
            a = row.coefficients
            # A limit far above typical spend is met when it is met to a share of itself.
            least = min(abs(side) for side in (row.low, row.high))
            scale = max(np.abs(a * self.unit).max(initial=1e-300), least if np.isfinite(least) else 0.0)
            out.append(Constraint(row.kind, row.name, row.label, *_linear(a), row.low, row.high, scale, row.geo))
        return out


def _linear(a: np.ndarray) -> tuple[Callable[[np.ndarray], float], Callable[[np.ndarray], np.ndarray]]:
    return lambda decisions: float(a @ decisions), lambda decisions: a


# ------------------------------------------------------------------------------------------------- optimality
@dataclass(frozen=True)
class Optimality:
    """How far a plan is from the conditions of Karush, Kuhn and Tucker."""

    residual: float  # largest violation of equal net marginal returns, relative to these returns
    multiplier: float  # objective gained by one more unit of the total; 0 where the total does not bind
    violation: float  # largest violation of a constraint, in its scale
    binding: tuple[Constraint, ...]
    #: Label, normal (V,), side and price of those that are linear or taken to be so: ``normal @ decisions <= side``.
    prices: tuple[tuple[str, np.ndarray, float, float], ...]


def box(objective: PlanObjective, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """Least and highest decisions (V,) that the solver looks at."""
    # Of a total far below typical spend the floor must not be a part that matters.
    floor = FLOOR * np.minimum(objective.unit, objective.goal.high / len(objective.unit))
    return np.maximum(limits.lower, np.minimum(floor, limits.upper)), limits.upper


def optimality(objective: PlanObjective, limits: Limits, decisions: np.ndarray) -> Optimality:
    """Check the first-order conditions of a maximum.

    The slope of the objective is to be a combination of the slopes of binding constraints, with the right signs;
    what is left over is compared with the pieces it is the difference of.
    """
    slope = objective.slope(decisions)
    normals, binding, pieces, violation = [], [], [np.abs(slope)], 0.0
    for constraint in objective.constraints(limits):
        value = constraint.value(decisions)
        violation = max(violation, constraint.missed(value))
        near = BINDS * constraint.scale
        sides = ((1.0, value >= constraint.high - near), (-1.0, value <= constraint.low + near))
        if not any(hit for _, hit in sides):
            continue
        normal = constraint.slope(decisions)
        binding.append(constraint)
        limit = {1.0: constraint.high, -1.0: -constraint.low}
        normals += [(constraint.label, side * normal, limit[side]) for side, hit in sides if hit]
        if normal.any():
            pieces.append(np.abs(slope @ normal / (normal @ normal) * normal))
    if objective.goal.price:
        pieces.append(objective.goal.price * objective.cost_slope(decisions))
    if objective.goal.objective == "roi":
        # The slope is that of the lift less that of the cost, both over the cost.
        roi = objective.value(decisions) + objective.roi_now
        pieces.append(np.abs(roi * objective.cost_slope(decisions) / objective.cost(decisions)))
    weight = 1.0 / np.maximum(np.max(pieces, axis=0), 1e-12 * np.abs(slope).max() + 1e-300)
    close, (lower, upper) = BINDS * objective.unit, box(objective, limits)
    at_lower, at_upper = decisions <= lower + close, decisions >= upper - close
    prices, left = _explained(slope * weight, [n * weight for _, n, _ in normals], at_lower, at_upper)
    priced = tuple((*normal, float(price)) for normal, price in zip(normals, prices, strict=True))
    total = sum(price * np.sign(normal.sum()) for label, normal, _, price in priced if label == "total")
    return Optimality(left, float(total), float(violation), tuple(binding), priced)


def _explained(
    slope: np.ndarray, normals: list[np.ndarray], at_lower: np.ndarray, at_upper: np.ndarray
) -> tuple[np.ndarray, float]:
    """Prices of binding constraints that explain a slope best, and the largest part of it that is left over.

    A decision at its lower bound may be worth less than it costs, one at its upper bound more.
    """
    held = at_lower | at_upper
    prices, left = _priced(slope, normals, [], ~held, at_lower, at_upper)
    if left > 1e-6 and held.any():
        # Decisions off their bounds do not tell all prices: those at bounds, with prices of their own, have a say, too.
        bounds = [-row for row in np.eye(len(slope))[at_lower]] + [*np.eye(len(slope))[at_upper]]
        every = np.ones_like(held)
        again = _priced(slope, normals, bounds, every, ~every, ~every)
        prices, left = min((prices, left), again, key=lambda priced: priced[1])
    return prices, left


def _priced(
    slope: np.ndarray,
    normals: list[np.ndarray],
    bounds: list[np.ndarray],
    counted: np.ndarray,
    at_lower: np.ndarray,
    at_upper: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Prices by non-negative least squares over the decisions `counted`, and the largest part that is left over."""
    columns, prices = [*normals, *bounds], np.zeros(len(normals) + len(bounds))
    if columns and counted.any():
        matrix = np.stack(columns, axis=1)
        size = np.maximum(np.linalg.norm(matrix[counted], axis=0), 1e-300)
        prices = optimize.nnls(matrix[counted] / size, slope[counted], maxiter=50 * len(columns) + 100)[0] / size
        slope = slope - matrix @ prices
    left = np.where(at_lower, np.maximum(slope, 0.0), np.where(at_upper, np.maximum(-slope, 0.0), np.abs(slope)))
    return prices[: len(normals)], float(left.max(initial=0.0))
