"""Amounts in round numbers: the best plan near the best one in which every amount is a multiple of a step.

Whole numbers of steps are first found near the best plan, by mixed-integer programming under all linear limits, and then
exchanged one by one between amounts as long as that gains; what is lost against the best plan is part of the answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize

from bayesmmm.errors import InfeasibleError
from bayesmmm.optimize.constraints import Limits
from bayesmmm.optimize.decision_variables import DecisionVariables
from bayesmmm.optimize.goal import Goal
from bayesmmm.optimize.multistart import Search
from bayesmmm.optimize.nonlinear_program import PlanObjective
from bayesmmm.optimize.problem import Problem
from bayesmmm.text import amount
from bayesmmm.validate import refusal

#: Amounts up to which every exchange between two of them is tried; of more, those that the slopes promise most from.
ALL_EXCHANGES, PROMISING = 12, 60
#: Exchanges that are made at most.
MOST_EXCHANGES = 200
#: Share of the scale of a limit by which rounding in floating point may miss it.
SLACK = 1e-9


def check_round(goal: Goal) -> None:
    """Refuse a step that the total is no multiple of: amounts that are could not add up to it."""
    step, total = goal.round_to, goal.low
    if step is None or goal.low != goal.high:
        return
    count = round(total / step)
    if abs(count * step - total) > SLACK * total:
        near = amount(count * step)
        text = (
            f"does not divide the total of {amount(total)}, so that amounts cannot add up to it; take total={near}"
        )
        raise refusal("round_to", step, f"{text}, or a round_to= that does")


def free_objective(problem: Problem, objective: PlanObjective) -> PlanObjective:
    """Return the same objective with every period of every channel as a decision of its own."""
    free = replace(problem.variables, free=True)
    out = PlanObjective(objective.outcomes, free, objective.goal, objective.current)
    out.bandwidth = objective.bandwidth
    return out


def rounded(problem: Problem, searched: Search, goal: Goal) -> np.ndarray:
    """Return a plan (C, W) near the best one, in which every amount is a multiple of `goal.round_to`.

    An `InfeasibleError` says that there is none within the limits.
    """
    assert goal.round_to is not None
    steps = _Steps(problem, searched, goal, float(goal.round_to))
    count = steps.nearest()
    if count is not None:
        count = _exchanged(steps, count)
    if count is None or steps.missed(count) > 0.0:
        raise InfeasibleError(
            f"no plan in multiples of {amount(goal.round_to)} meets these limits together with what the plan is for; "
            f"take a smaller round_to=, or relax the limits",
            argument="round_to",
            value=goal.round_to,
        )
    return steps.spend(count)


@dataclass
class _Steps:
    """Plans as whole numbers of steps, of each channel in the window or, where periods are free, in every period."""

    problem: Problem
    searched: Search
    goal: Goal
    step: float

    def __post_init__(self) -> None:
        problem, limits = self.problem, self.searched.best.limits
        self.variables: DecisionVariables = problem.variables
        self.limits: Limits = limits
        self.objective = free_objective(problem, self.searched.objective)
        self.paid = bool(problem.whole.paid)
        self.low = np.ceil(np.maximum(limits.lower, 0.0) / self.step - SLACK)
        self.high = np.floor(limits.upper / self.step + SLACK)
        self.exact = goal_is_exact(self.goal) and not self.paid
        self._known: dict[bytes, tuple[float, float]] = {}
        # Limits on single periods of a channel whose periods are not free stand in bounds of its whole window.
        periods = self.variables.profile.shape[1]
        self.each_low = np.ceil(limits.each[:, 0] / self.step - SLACK)
        self.each_high = np.floor(limits.each[:, 1] / self.step + SLACK)
        if not self.variables.free:
            self.low = np.maximum(self.low, periods * self.each_low)
            self.high = np.minimum(self.high, periods * self.each_high)

    # ------------------------------------------------------------------------------------------------------ plans
    def spend(self, count: np.ndarray) -> np.ndarray:
        """Spend (C, W) of so many steps (V,); those of a channel are spread over its periods as evenly as can be."""
        variables = self.variables
        if variables.free:
            return self.step * count.reshape(variables.profile.shape)
        ends = zip(count, variables.profile, self.each_low, self.each_high, strict=True)
        return self.step * np.array([_spread(*row) for row in ends])

    def value(self, count: np.ndarray) -> tuple[float, float]:
        """How far limits that are not linear are missed, and the objective."""
        key = count.tobytes()
        if key not in self._known:
            at = self.spend(count).ravel()
            self._known[key] = self._missed(at), self.objective.value(at)
        return self._known[key]

    def missed(self, count: np.ndarray) -> float:
        """How far the total and targets are missed, in their scales; 0 where they are met."""
        return self.value(count)[0]

    def _missed(self, at: np.ndarray) -> float:
        goal, objective, out = self.goal, self.objective, 0.0
        if np.isfinite(goal.high) or goal.low > 0.0:
            cost, size = objective.cost(at), max(goal.low, goal.high if np.isfinite(goal.high) else 0.0)
            # What is induced is no multiple of anything: the total is met from below, as near as steps allow.
            low = goal.low - (2.0 * self.step if self.paid and goal_is_exact(goal) else 0.0)
            out += max(0.0, cost / size - goal.high / size - SLACK) + max(0.0, low / size - cost / size - SLACK)
        if goal.target is not None:
            out += max(0.0, (goal.target - objective.reached(at)) / max(abs(goal.target), 1e-300) - SLACK)
        if goal.target_roi is not None:
            lift, cost = (
                objective.outcomes.evaluate(at.reshape(self.variables.profile.shape)).lift,
                objective.cost(at),
            )
            out += max(0.0, (goal.target_roi * cost - float(lift.mean())) / objective.size - SLACK)
        return out

    # -------------------------------------------------------------------------------------------- whole numbers of steps
    def nearest(self) -> np.ndarray | None:
        """Whole numbers (V,) nearest to the best plan within the linear limits; None where there are none."""
        at, count = self.searched.decisions / self.step, len(self.searched.decisions)
        if (self.low > self.high).any():
            return None
        weight = 1.0 / np.sqrt(np.maximum(at, 1.0))  # a step moves small amounts by more
        identity = np.eye(count)
        # Decisions k and their distances d from the best plan: d >= k - at, d >= at - k.
        near = optimize.LinearConstraint(
            np.block([[identity, -identity], [-identity, -identity]]), -np.inf, np.concatenate([at, -at])
        )
        low, high = self._sum_allowed(at.sum())
        rows = [*self.linear(), (np.ones(count), low, high)]
        matrix = np.array([row for row, *_ in rows])
        sides = ([side for _, side, _ in rows], [side for *_, side in rows])
        found = optimize.milp(
            np.concatenate([np.zeros(count), weight]),
            integrality=np.repeat([1, 0], count),
            bounds=optimize.Bounds(
                np.concatenate([self.low, np.zeros(count)]), np.concatenate([self.high, np.full(count, np.inf)])
            ),
            constraints=[near, optimize.LinearConstraint(np.hstack([matrix, 0.0 * matrix]), *sides)],
        )
        return None if found.x is None else np.round(found.x[:count])

    def _sum_allowed(self, best: float) -> tuple[float, float]:
        """Numbers of steps of all amounts together: as many as the total has, or about as many as the best plan."""
        if self.exact:
            total = round(self.goal.low / self.step)
            return total, total
        if self.paid and goal_is_exact(self.goal):
            return 0.0, np.floor(best + SLACK)
        low, high = np.ceil(self.goal.low / self.step - SLACK), self.goal.high / self.step
        low = 0.0 if self.paid else low
        if self.goal.target is not None:
            low = max(low, np.ceil(best - SLACK))
        return low, np.inf if self.paid or not np.isfinite(high) else np.floor(high + SLACK)

    def linear(self) -> list[tuple[np.ndarray, float, float]]:
        """Weights (V,) and sides, in steps, of the linear limits."""
        return [(row.coefficients, row.low / self.step, row.high / self.step) for row in self.limits.rows]

    def allowed(self, count: np.ndarray) -> bool:
        """Whether numbers of steps keep bounds and linear limits."""
        if (count < self.low).any() or (count > self.high).any():
            return False
        for weights, low, high in self.linear():
            value, slack = float(weights @ count), SLACK * (1.0 + np.abs(weights) @ count)
            if value < low - slack or value > high + slack:
                return False
        return True

    def neighbours(self, count: np.ndarray) -> Iterator[np.ndarray]:
        """Plans with a step from one amount to another, and where the total may change with one more or less."""
        size = len(count)
        moves: list[tuple[int | None, int | None]]
        moves = [(a, b) for a in range(size) for b in range(size) if a != b]
        if not self.exact:
            moves += [(a, None) for a in range(size)] + [(None, b) for b in range(size)]
        if size > ALL_EXCHANGES:
            slope = self.objective.slope(self.spend(count).ravel())
            own = np.bincount(np.repeat(np.arange(size), len(slope) // size), slope, size) * size / len(slope)
            gain = [(0.0 if a is None else own[a]) - (0.0 if b is None else own[b]) for a, b in moves]
            moves = [moves[i] for i in np.argsort(-np.array(gain), kind="stable")[:PROMISING]]
        for more, less in moves:
            new = count.copy()
            if more is not None:
                new[more] += 1.0
            if less is not None:
                new[less] -= 1.0
            if self.allowed(new):
                yield new


def goal_is_exact(goal: Goal) -> bool:
    """Whether the total is one number."""
    return goal.low == goal.high


def _exchanged(steps: _Steps, count: np.ndarray) -> np.ndarray:
    """Exchange steps as long as limits are met better, or the objective gains: always by the best exchange."""

    def rank(new: np.ndarray) -> tuple[float, float]:
        missed, value = steps.value(new)
        return -missed, value

    for _ in range(MOST_EXCHANGES):
        best = max(steps.neighbours(count), key=rank, default=count)
        (kept, value), (now, before) = rank(best), rank(count)
        if (kept, value) <= (now, before + 1e-12 * abs(before)):
            break
        count = best
    return count


def _spread(count: float, profile: np.ndarray, low: float, high: float) -> np.ndarray:
    """Whole numbers (W,) that add up to a count and follow a profile, each within the limits of a period."""
    ideal = count * profile
    out = np.clip(np.diff(np.floor(np.cumsum(np.concatenate([[0.0], ideal])) + 0.5)), low, high)
    while (left := count - out.sum()) != 0.0:
        more = np.sign(left)
        room = out < high if more > 0 else out > low
        if not room.any():
            break
        out[np.argmax(np.where(room, more * (ideal - out), -np.inf))] += more
    return out
