"""Whether a problem can have any plan at all, by bounds and totals, before anything is solved."""

import numpy as np

from bayesmmm.errors import InfeasibleError
from bayesmmm.optimize.constraints import check_feasible
from bayesmmm.optimize.goal import Goal
from bayesmmm.optimize.problem import Problem
from bayesmmm.text import amount


def check_possible(problem: Problem, goal: Goal) -> None:
    """Refuse limits that no plan meets, before any solving.

    Raises
    ------
    InfeasibleError
    """
    rising, paid = _rises(problem), bool(problem.whole.paid)
    # What is induced comes on top, so that the channels themselves may spend less than the total but not more; where a
    # channel lowers a mediator nothing is said beforehand.
    low, high = (0.0 if paid else goal.low), (np.inf if paid and not rising else goal.high)
    check_feasible(problem.limits, low, high, exact=goal.low == goal.high)
    if paid and rising:
        _check_induced(problem, goal)
    if goal.target is None or not rising:
        return
    most = np.where(np.isfinite(problem.limits.upper), problem.limits.upper, 1e6 * problem.current.sum() + 1e6)
    out = problem.whole
    reached = float((out.base() + out.evaluate(problem.variables.spend(most)).lift).mean())
    if reached < goal.target:
        raise InfeasibleError(
            f"the target of {amount(goal.target)} is out of reach: with every channel at its upper limit, or far beyond "
            f"anything seen where there is none, the outcome is {amount(reached)}; lower the target or relax the bounds"
        )


def _rises(problem: Problem) -> bool:
    """Whether no mediator pulls down what it acts on, so that more spend is never less of anything."""
    query, system = problem.whole.query, problem.fit.system
    for equation in system.equations:
        for name in equation.linear:
            if name in system.mediators:
                k = equation.terms().index(name)
                if (query.parameters[equation.name]["coefficient"][query.draws, k] < 0.0).any():
                    return False
    return True


def _check_induced(problem: Problem, goal: Goal) -> None:
    """Refuse a total that bounds and induced spend together cannot meet."""
    limits, paid = problem.limits, ", ".join(problem.whole.paid)
    least, most = (
        problem.whole.cost(problem.variables.spend(side)) if np.isfinite(side).all() else np.inf
        for side in (limits.lower, limits.upper)
    )
    if least > goal.high:
        raise InfeasibleError(
            f"no plan meets these limits together: total of {amount(goal.high)}; lower bounds, which with what {paid} "
            f"is induced to spend take {amount(least)}. Relax one of them."
        )
    if most < goal.low:
        raise InfeasibleError(
            f"no plan meets these limits together: total of {amount(goal.low)}; upper bounds, which with what {paid} is "
            f"induced to spend take {amount(most)} at most. Relax one of them."
        )
