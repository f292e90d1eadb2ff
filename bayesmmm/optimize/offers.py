"""What a plan nearer to what was seen would give, where a plan moves a channel far beyond that."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bayesmmm.errors import InfeasibleError
from bayesmmm.optimize.constraints import Constraints, Limits, read_limits
from bayesmmm.optimize.feasibility import patterns
from bayesmmm.optimize.goal import Goal, Risk
from bayesmmm.optimize.local_solver import maximise
from bayesmmm.optimize.multistart import first_plans
from bayesmmm.optimize.nonlinear_program import PlanObjective
from bayesmmm.optimize.plan_outcomes import extrapolated
from bayesmmm.optimize.problem import Problem, check_possible
from bayesmmm.optimize.solution import Offer

#: Share of the spend of a channel in periods above all that was seen from which on it is far beyond, and how much more
#: that has to be than under the current plan.
FAR, MORE = 0.25, 0.1
#: What is offered: to change no channel by more, or to judge by the mean of the worst draws.
CHANGE, CAUTIOUS = 0.3, Risk("cvar", 0.1)
#: Miss of a limit up to which a plan is offered.
MET = 1e-4


def offers_of(
    problem: Problem, goal: Goal, constraints: Constraints, spend: np.ndarray, shares: np.ndarray
) -> tuple[Offer, ...]:
    """Return other ways of asking for a plan (C, W), if it is far beyond what was seen.

    `shares` (2, K) are those of the spend of each channel that was never seen, under the current plan and under it. An
    offer is a plan that is best on the few draws on which starts are tried, so that what it gives is about right.
    """
    now, new = shares
    if not ((new > FAR) & (new > now + MORE)).any():
        return ()
    judge = PlanObjective(problem.judging, problem.variables, replace(goal, risk="mean"), problem.current)
    out = []
    for argument, other, limits in _ways(problem, goal, constraints):
        decisions = _best(problem, other, limits, spend)
        if decisions is None:
            continue
        offered = problem.variables.spend(decisions)
        unseen = extrapolated(problem, [offered], "plan")[1][0]
        money = np.bincount(problem.variables.channel, offered.sum(axis=1), len(problem.channels))
        share = float(unseen @ money / money.sum()) if money.sum() > 0.0 else 0.0
        better = None
        if goal.objective in ("outcome", "profit"):
            better = float((judge.gains(decisions) > 0.0).mean())
        out.append(Offer(argument, judge.value(decisions), better, share))
    return tuple(out)


def _ways(problem: Problem, goal: Goal, constraints: Constraints) -> Iterator[tuple[str, Goal, Limits]]:
    """How else the plan may be asked for, where nothing of the kind was said: the argument, the goal and the limits."""
    if constraints.change is None:
        near = read_limits(problem.variables, problem.current, replace(constraints, change=CHANGE))
        yield f"change={CHANGE:g}", goal, near
    free = goal.target_roi is None and goal.target is None
    if goal.measure.kind == "mean" and goal.objective in ("outcome", "profit") and free:
        yield f"risk={(CAUTIOUS.kind, CAUTIOUS.level)}", replace(goal, risk=CAUTIOUS), problem.limits


def _best(problem: Problem, goal: Goal, limits: Limits, spend: np.ndarray) -> np.ndarray | None:
    """Best plan on few draws, from the current plan and from the one at hand; None where none meets the limits."""
    other = replace(problem, limits=limits)
    try:
        check_possible(other, goal)
    except InfeasibleError:
        return None
    few = PlanObjective(problem.few, problem.variables, goal, problem.current)
    chosen = patterns(limits)[0] if limits.least.any() else limits
    ends = []
    for start in (first_plans(few, chosen, 0, 0)[0], problem.variables.decisions(spend)):
        few.set_bandwidth(start)
        end = maximise(few, chosen, start, precise=False)
        few.set_bandwidth(end.decisions)
        ends.append(maximise(few, chosen, end.decisions, precise=False))
    met = [end for end in ends if end.optimality.violation <= MET]
    return max(met, key=lambda end: few.value(end.decisions)).decisions if met else None
