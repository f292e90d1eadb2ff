"""Searching for the best plan: many starts on a few draws, the best of them polished on all."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize

from bayesmmm.errors import InfeasibleError, SolverError
from bayesmmm.optimize.arguments import Solver
from bayesmmm.optimize.constraints import Limits
from bayesmmm.optimize.decision_variables import DecisionVariables
from bayesmmm.optimize.feasibility import ALL_PATTERNS, patterns, switched
from bayesmmm.optimize.goal import Goal, reached_by_share
from bayesmmm.optimize.local_solver import MET, Solved, maximise, steps, zero_out_idle
from bayesmmm.optimize.nonlinear_program import FLOOR, PlanObjective, box
from bayesmmm.optimize.problem import Problem
from bayesmmm.text import amount

#: Residual of the first-order conditions up to which a plan is given at all.
ACCEPTED = 1e-2
#: Times that a measure of risk is smoothed anew.
ROUNDS = 4
#: Times that a target which a share of draws is to reach is corrected for its smoothing.
CORRECTIONS = 20
#: Parts that money is divided into where a start is looked for, and numbers of them that a channel is looked at with.
PARTS, LOOKED_AT = 16, (1, 2, 3, 4, 6, 8, 11, 16)
#: Channels up to which every subset of them is a start.
ALL_SUBSETS = 5


@dataclass(frozen=True)
class Search:
    """The best plan found, where starts that meet the limits led on the few draws, and how much work it all was.

    `decisions` are those of the best plan, with what is not worth spending at zero.
    """

    objective: PlanObjective
    best: Solved
    decisions: np.ndarray
    starts: tuple[float, ...]
    iterations: int
    evaluations: int


def search(problem: Problem, goal: Goal, solver: Solver) -> Search:
    """Find the best plan: from many starts over a few draws, then over all draws that choose it.

    A `SolverError` says that no start leads to a plan that meets the limits and the conditions of a maximum.
    """
    outcomes = problem.whole, problem.few
    whole, few = (PlanObjective(out, problem.variables, goal, problem.current) for out in outcomes)
    limits, starts, seed, note = problem.limits, solver.starts, solver.seed, solver.tell
    ends: list[Solved] = []
    many = np.count_nonzero(limits.least) > ALL_PATTERNS
    # On-off channels are settled in every way while they are few; else at first there is no such limit.
    choices = [replace(limits, least=np.zeros_like(limits.least))] if many else patterns(limits)
    for k, chosen in enumerate(choices):
        for start in first_plans(few, chosen, starts, seed):
            ends.append(maximise(few, chosen, start, precise=False, known=ends))
            note(f"start {len(ends)}" + (f", pattern {k + 1} of {len(choices)}" if len(choices) > 1 else ""))
    if many:
        ends = _flipped(few, limits, max(ends, key=_merit), note)
    done = [*ends]
    if few.goal.measure.kind != "mean":
        ends = _less_and_less_smoothed(whole, few, ends, starts, seed)
        done += ends
    polished: list[Solved] = []
    for end in _distinct(few, ends, 2):
        if polished and _merit(end) < _merit(ends[0]) - 0.02 * few.size:
            continue
        polished.append(maximise(whole, end.limits, end.decisions, precise=True, step=steps(few, end.decisions)))
        note("polished on all draws")
    good = [end for end in polished if end.optimality.violation <= MET and end.optimality.residual <= ACCEPTED]
    if not good:
        raise SolverError(_failure(whole, polished))
    best = max(good, key=lambda end: end.objective)
    held = _held_to_target(whole, best)
    done += [*polished, *held]
    best = held[-1] if held else best
    decisions = zero_out_idle(whole, best.limits, best.decisions)
    if goal.target_share is not None and (idle := (decisions == 0.0) & (best.decisions > 0.0)).any():
        # Money that is moved off idle channels brings a little less: reach the target again without them.
        off = replace(best.limits, upper=np.where(idle, 0.0, best.limits.upper))
        again = maximise(whole, off, decisions, precise=True, step=steps(whole, best.decisions))
        held = [again, *_held_to_target(whole, again)]
        done, best, decisions = [*done, *held], held[-1], held[-1].decisions
    return Search(
        objective=whole,
        best=best,
        decisions=decisions,
        starts=tuple(sorted((end.objective for end in ends if _merit(end) > -np.inf), reverse=True)),
        iterations=sum(end.iterations for end in done),
        evaluations=sum(end.evaluations for end in done),
    )


def _held_to_target(whole: PlanObjective, best: Solved) -> list[Solved]:
    """Climb on until so many draws as the goal says reach the target, no more and no fewer; the last one does.

    The solver sees that share smoothed, and so misses it by a little.
    """
    goal, target, out = whole.goal, whole.goal.target or 0.0, list[Solved]()
    if goal.target_share is None:
        return out
    near, step = 1e-8 * max(abs(target), 1e-300), steps(whole, best.decisions)
    for _ in range(CORRECTIONS):
        missed = target - whole.reached(best.decisions)
        binds = any(constraint.kind == "target" for constraint in best.optimality.binding)
        if -100.0 * near <= missed <= near or (missed < 0.0 and not binds):
            break
        whole.target_shift += missed + (0.5 * near if missed > 0.0 else 0.0)
        best = maximise(whole, best.limits, best.decisions, precise=True, step=step)
        out.append(best)
    if target - whole.reached(best.decisions) > near or best.optimality.violation > MET:
        raise SolverError(_failure(whole, [best]))
    return out


def _less_and_less_smoothed(
    whole: PlanObjective, few: PlanObjective, ends: list[Solved], starts: int, seed: int
) -> list[Solved]:
    """Climb on with a measure of risk smoothed for the spread of the best plan so far.

    That spread is known only once there is a plan, and shrinks as plans that shun risk are found.
    """
    best = max(ends, key=_merit)
    # Among the starts is the current plan: no risk at all, if it can be had.
    now = best.limits, first_plans(few, best.limits, 0, seed)[0]
    again = [(end.limits, end.decisions) for end in _distinct(few, ends, starts + 1)]
    for _ in range(ROUNDS):
        before = few.bandwidth
        for objective in (few, whole):
            objective.set_bandwidth(best.decisions)
        if 0.7 * before < few.bandwidth <= before:
            break
        ends = [maximise(few, chosen, start, precise=False) for chosen, start in (*again, now)]
        best = max(ends, key=_merit)
        again = [(end.limits, end.decisions) for end in _distinct(few, ends, 2)]
    wide = few.bandwidth, whole.bandwidth
    for objective in (few, whole):
        objective.set_bandwidth(now[1])
    # Smoothed for gains of some spread, one that is certain looks worse than it is, by a few tenths of the bandwidth.
    careful = maximise(few, *now, precise=False)
    # Nor may smoothing hide that the best is worse than what is certain, where draws are few.
    worse = whole.value(best.decisions) < min(whole.value(now[1]), whole.value(careful.decisions))
    if _merit(careful) > _merit(best) + 0.1 * wide[0] or (worse and _merit(careful) > -np.inf):
        return [careful]
    few.bandwidth, whole.bandwidth = wide
    return ends


def check_reachable(problem: Problem, goal: Goal, solver: Solver, *, cause: SolverError) -> None:
    """Say so where the solver found no plan because a target cannot be reached within the limits."""
    if goal.target is None and goal.target_roi is None:
        return
    out = problem.whole
    if goal.target_roi is not None:
        # The highest return is that of next to no money, where nothing forbids that.
        low = max(goal.low, 1e-3 * out.cost(problem.current))
        high = max(goal.high, low)
        other = Goal("roi", total=(low, high if np.isfinite(high) else None))
    else:
        high = goal.high if np.isfinite(goal.high) else 1e3 * out.cost(problem.current)
        most = (goal.low, max(high, 1e-300))
        other = replace(goal, objective="outcome", target=None, target_holds="mean", total=most)
    try:
        result = search(problem, other, replace(solver, progress=False))
    except SolverError:
        return
    gained, objective, advice = result.best.objective, result.objective, "lower it or relax the limits"
    nowhere = "is out of reach: within the other limits no plan was found with"
    if goal.target_roi is not None and gained + objective.roi_now < goal.target_roi:
        text = (
            f"the target ROI of {goal.target_roi:g} {nowhere} more than {gained + objective.roi_now:.3g}; {advice}"
        )
        raise InfeasibleError(text, argument="target_roi", value=goal.target_roi) from cause
    if goal.target is not None:
        reached = gained + objective.level
        if goal.target_share is not None:
            lift = out.evaluate(problem.variables.spend(result.decisions)).lift
            reached = reached_by_share(objective.base + lift, goal.target_share)
        if reached >= goal.target:
            return
        text = f"the target of {amount(goal.target)} {nowhere} an outcome above {amount(reached)}; {advice}"
        raise InfeasibleError(text, argument="target", value=goal.target) from cause


def _failure(objective: PlanObjective, ends: list[Solved]) -> str:
    end = min(ends, key=lambda end: end.optimality.violation)
    where = f"net marginal returns still differ by {end.optimality.residual:.2%}"
    if end.optimality.violation > MET:
        missed = {c.label: c.missed(c.value(end.decisions)) for c in objective.constraints(end.limits)}
        label = max(missed, key=missed.__getitem__)
        where = f"the nearest one misses the limit {label!r} by {missed[label]:.2g} of its scale"
    return (
        f"no plan was found that can be trusted: {where} ({end.message}). Relax the limits, pass starts=20, or "
        f"decide less (flighting='flat')"
    )


def _merit(end: Solved) -> float:
    """Objective, with a penalty for missed limits that no gain makes up for."""
    return end.objective if end.optimality.violation <= 1e-4 else -np.inf


# ------------------------------------------------------------------------------------------------------- starts
def first_plans(objective: PlanObjective, limits: Limits, starts: int, seed: int) -> list[np.ndarray]:
    """Return the most promising of many simple plans, the current one first."""
    variables, unit = objective.variables, objective.unit
    now = variables.decisions(objective.current)
    plans = [fit_in(objective, limits, plan) for plan in _simple_plans(objective, variables, now, seed)]
    missed = [max([0.0, *(c.missed(c.value(p)) for c in objective.constraints(limits))]) for p in plans]
    worth = np.array([objective.value(p) / objective.size - 10.0 * m for p, m in zip(plans, missed, strict=True)])
    chosen = [plans[0]]
    if starts and len(variables.names) > 1 and now.any():
        alone = fit_in(objective, limits, _best_if_alone(objective))
        plans, worth = [*plans, alone], np.append(worth, np.inf)  # is always gone on from
    for i in np.argsort(-worth, kind="stable"):
        if len(chosen) > starts:
            break
        if all(np.abs((plans[i] - other) / unit).sum() > 0.05 * np.abs(other / unit).sum() for other in chosen):
            chosen.append(plans[i])
    return chosen


def _simple_plans(
    objective: PlanObjective, variables: DecisionVariables, now: np.ndarray, seed: int
) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    count, owner, unit = len(variables.channels), variables.owner, objective.unit
    own = objective.current.sum() or unit.sum()
    sets = _subsets(count)
    shares = [*(np.isin(np.arange(count), s) / len(s) for s in sets), *rng.dirichlet(np.ones(count), 2 * count)]
    even = 1.0 if not variables.free else 1.0 / variables.profile.shape[1]
    # Of a channel, geos get as much as they typically spend on it.
    typical = np.bincount(owner, unit)
    within = typical / np.bincount(variables.channel, typical)[variables.channel]
    money = [own * (share[variables.channel] * within)[owner] * even for share in shares]
    money.insert(0, own * unit / unit.sum())
    if variables.free:  # pulses: the same money in every second, third or fourth period
        periods = np.tile(np.arange(variables.profile.shape[1]), len(variables.names))
        now_even = np.bincount(owner, now)[owner] * even
        money += [now_even * np.where(periods % k == 0, k, 0.02) for k in (2, 3, 4)]
        money += [now_even * rng.lognormal(0.0, 0.5, len(now)) for _ in range(2)]
    plans = [np.maximum(now, 0.02 * unit if not now.any() else 0.0), *money]
    free_total = objective.goal.low < objective.goal.high
    factors = (1.0, 0.3, 3.0) if free_total else (1.0,)
    return [factor * plan for factor in factors for plan in plans]


def _best_if_alone(objective: PlanObjective) -> np.ndarray:
    """Best split of the money of the current plan in equal parts, if channels brought together what they bring alone.

    Where channels add up this is the best of its grid, by dynamic programming; elsewhere it is a good place to start.
    """
    variables, own, profile = objective.variables, float(objective.current.sum()), objective.variables.profile
    if variables.free:
        profile = np.full_like(profile, 1.0 / profile.shape[1])
    alone = _brought_alone(objective, profile)
    count = alone.shape[1] - 1
    top, parts = np.full(count + 1, -np.inf), np.zeros((count + 1, len(profile)), int)
    top[0] = 0.0
    total = np.arange(count + 1)
    before = total[:, None] - total  # parts left for the channels so far, by parts together and for this one
    for c, own_curve in enumerate(alone):
        sums = np.where(before >= 0, top[before], -np.inf) + own_curve
        best = sums.argmax(axis=1)
        top, parts = sums.max(axis=1), parts[total - best]
        parts[:, c] = best
    return variables.decisions(own / count * parts[-1][:, None] * profile)


def _brought_alone(objective: PlanObjective, profile: np.ndarray) -> np.ndarray:
    """Mean lift (C, N + 1) of 0 to N equal parts of the money of the current plan on one row of a plan (C, W) alone.

    What happens in one geo changes nothing in another, so that all geos are looked at together.
    """
    variables, own = objective.variables, float(objective.current.sum())
    places = max(len(variables.geos), 1)
    count = PARTS * places
    looked_at = LOOKED_AT if places == 1 else tuple(np.unique(np.geomspace(1, count, 2 * len(LOOKED_AT)).round()))
    out = np.empty((len(profile), count + 1))
    for c in range(len(variables.channels)):
        mine = np.flatnonzero(variables.channel == c)
        only = np.zeros_like(profile)
        only[mine] = own / count * profile[mine]
        some = np.array([objective.outcomes.evaluate_by_geo(k * only).lift.mean(axis=0) for k in looked_at])
        for i in mine:
            out[i] = np.interp(np.arange(count + 1), [0, *looked_at], [0.0, *some[:, variables.geo[i]]])
    return out


def _subsets(count: int) -> list[tuple[int, ...]]:
    every = range(count)
    if count <= ALL_SUBSETS:
        return [s for size in range(1, count + 1) for s in itertools.combinations(every, size)]
    return [tuple(every), *((i,) for i in every), *(tuple(j for j in every if j != i) for i in every)]


def fit_in(objective: PlanObjective, limits: Limits, plan: np.ndarray) -> np.ndarray:
    """Bring a plan within bounds and, but for other limits, to the total."""
    goal, paid, (lower, upper) = objective.goal, objective.outcomes.paid, box(objective, limits)
    own = objective.current.sum()
    # What the channels may spend themselves, if induced spend grows with it.
    part = own / objective.outcomes.cost(objective.current) if own > 0.0 else 1.0
    plan = np.maximum(plan, FLOOR * objective.unit)
    plan = _scaled_to(np.clip(plan.sum(), part * goal.low, part * goal.high), plan, lower, upper)
    if not paid:
        return plan
    # Other channels induce more or less than those of the current plan do: a few steps of the secant.
    before, cost_before = 0.0, 0.0
    for _ in range(3):
        now, cost = plan.sum(), objective.cost(plan)
        aim = np.clip(cost, goal.low, goal.high)
        if abs(cost - aim) <= 1e-4 * cost or cost == cost_before:
            break
        wanted = now + (aim - cost) * (now - before) / (cost - cost_before)
        before, cost_before = now, cost
        plan = _scaled_to(max(wanted, 0.1 * now), plan, lower, upper)
    return plan


def _scaled_to(wanted: float, plan: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Multiple of a plan, within bounds, that spends what is wanted."""

    def excess(log_factor: float) -> float:
        return float(np.clip(np.exp(log_factor) * plan, lower, upper).sum() - wanted)

    if excess(-50.0) >= 0.0:
        return np.clip(np.exp(-50.0) * plan, lower, upper)
    if excess(50.0) <= 0.0:
        return np.clip(np.exp(50.0) * plan, lower, upper)
    return np.clip(np.exp(optimize.brentq(excess, -50.0, 50.0)) * plan, lower, upper)


# ----------------------------------------------------------------------------------------------------- all or nothing
def _flipped(few: PlanObjective, limits: Limits, best: Solved, note: Callable[[str], None]) -> list[Solved]:
    """Settle many on-off limits by rounding, then by switching one at a time as long as that helps."""
    some = np.flatnonzero(limits.least)
    spend = np.bincount(limits.owner, best.decisions, minlength=len(limits.names))
    on = {int(i): bool(spend[i] >= 0.5 * limits.least[i]) for i in some}

    def solved(state: dict[int, bool]) -> Solved:
        chosen = replace(limits, least=np.zeros_like(limits.least))
        for i, active in state.items():
            chosen = switched(chosen, i, limits.least[i] if active else 0.0)
        note("on-off limits")
        return maximise(few, chosen, fit_in(few, chosen, best.decisions), precise=False)

    now = solved(on)
    while True:
        tried = [(solved({**on, i: not on[i]}), i) for i in on]
        better, i = max(tried, key=lambda item: _merit(item[0]))
        if _merit(better) <= _merit(now):
            return [now]
        now, on = better, {**on, i: not on[i]}


def _distinct(objective: PlanObjective, ends: list[Solved], count: int) -> list[Solved]:
    """Return the best ends that differ from each other, best first."""
    ends.sort(key=_merit, reverse=True)
    out: list[Solved] = []
    for end in ends:
        alike = [np.abs((end.decisions - o.decisions) / objective.unit).max() < 1e-2 for o in out]
        if len(out) < count and not any(alike):
            out.append(end)
    return out
