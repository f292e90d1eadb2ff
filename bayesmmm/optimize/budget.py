"""`optimize_budget`: the best plan of a window, and what is known about it."""

import time
from typing import Any, Unpack

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.data.future import GEO
from bayesmmm.errors import SolverError
from bayesmmm.estimands.query import units_attrs
from bayesmmm.optimize.arguments import BudgetKeywords, Solver, Window, fill_in
from bayesmmm.optimize.constraints import Constraints, Limits
from bayesmmm.optimize.decision_variables import DecisionVariables
from bayesmmm.optimize.global_bound import upper_bound
from bayesmmm.optimize.goal import Goal, check_goal, phrase_of
from bayesmmm.optimize.multistart import Search, check_reachable, search
from bayesmmm.optimize.nonlinear_program import Constraint, PlanObjective
from bayesmmm.optimize.offers import offers_of
from bayesmmm.optimize.plan import Plan
from bayesmmm.optimize.plan_outcomes import PLANS, answers_of, frame_of, steps_from_zero
from bayesmmm.optimize.problem import Problem, build_problem, check_possible
from bayesmmm.optimize.rounding import check_round, free_objective, rounded
from bayesmmm.optimize.solution import BindingLimit, Solution
from bayesmmm.results import Fit, check_fit


def optimize_budget(
    fit: Fit,
    *,
    total: float | tuple[float | None, float | None] | None = None,
    periods: int | None = None,
    goal: Goal | None = None,
    window: Window | None = None,
    constraints: Constraints | None = None,
    solver: Solver | None = None,
    **short: Unpack[BudgetKeywords],
) -> Plan:
    """Find the spend of a window that does best, over the whole posterior.

    Chooses spend x to maximise ``rho(Y(x) - Y(current))``, with rho a judgement over posterior draws (by default their
    mean) and Y the outcome of the window and of what its spend still sells after it, carry-over of the history and
    answers of the mediators included; profit is ``margin * Y(x) - cost(x)``. The cost is the money of the channels and
    what paid mediators are induced to spend. Derivatives are exact. At the best plan, channels that no limit holds have
    equal net marginal returns, ``dY/du_c = price * (1 + dM/du_c)``.

    Of a panel every channel in every geo that ever bought it is a decision, and Y is the sum over geos, draw by draw.
    What a geo spends changes nothing in another, so that slopes are those of one geo and the bound on the best plan
    holds.

    Parameters
    ----------
    fit : Fit
    total : float or (low, high), optional
        Money for the whole window, as in `Goal`: a number is spent exactly.
    periods : int, optional
        Plan the next so many periods, as in `Window`.
    goal : Goal, optional
        What the plan is for.
    window : Window, optional
        Which periods.
    constraints : Constraints, optional
        What is decided, and limits.
    solver : Solver, optional
        How the plan is looked for.
    **short
        Any field of these four records by its name, as ``change=0.3`` for ``constraints=Constraints(change=0.3)``.
        What a record leaves as it is by default may be given beside it.

    Returns
    -------
    Plan

    Raises
    ------
    InfeasibleError
        When no plan meets the limits; names those in conflict.
    SolverError
        When no plan that can be trusted was found.
    SettingError, UnknownTermError, NeverSpentError, AnswerError
        For impossible arguments.
    ConvergenceError, PlanError, WindowError, DataError, AnswerSizeError
        As `effects`.

    References
    ----------
    Jin et al. (2017), Bayesian methods for media mix modeling with carryover and shape effects, section 6, for the
    posterior-averaged objective: https://research.google/pubs/pub46001/.

    Examples
    --------
    >>> plan = mm.optimize_budget(fit, total=250_000, periods=13, change=0.3)  # doctest: +SKIP
    >>> print(plan)  # doctest: +SKIP
    >>> limits = mm.Constraints(bounds=("50%", "150%"), flighting="free")  # doctest: +SKIP
    >>> careful = mm.Goal(total=250_000, risk=("cvar", 0.1))  # doctest: +SKIP
    >>> plan = mm.optimize_budget(fit, goal=careful, periods=13, constraints=limits)  # doctest: +SKIP
    """
    began = time.perf_counter()
    check_fit(fit)
    records = {
        "goal": (Goal, goal),
        "window": (Window, window),
        "constraints": (Constraints, constraints),
        "solver": (Solver, solver),
    }
    fields: dict[str, object] = {"total": total, "periods": periods, **short}
    goal, window, constraints, solver = fill_in("optimize_budget", records, fields)
    check_goal(fit, goal)
    check_round(goal)
    exact = goal.low if goal.low == goal.high else None
    problem = build_problem(fit, window, constraints, solver, total=exact)
    check_possible(problem, goal)
    try:
        searched = search(problem, goal, solver)
    except SolverError as error:
        check_reachable(problem, goal, solver, cause=error)
        raise
    return _plan(problem, goal, constraints, searched, began)


def _plan(problem: Problem, goal: Goal, constraints: Constraints, searched: Search, began: float) -> Plan:
    fit, best, variables = problem.fit, searched.best, problem.variables
    objective, timeline = searched.objective, problem.whole.query.timeline
    bound, reason = upper_bound(problem, objective, best)
    binding = _binding(objective, best.limits, searched.decisions, best.optimality.binding)
    objective, decisions, rounding = _in_round_amounts(problem, goal, searched)
    spend = objective.variables.spend(decisions)
    answers = answers_of(problem, goal, spend)
    value, held_out, decided = objective.value(decisions), None, objective.variables
    if problem.held_out:
        judge = PlanObjective(problem.judging, decided, goal, problem.current)
        judge.bandwidth = objective.bandwidth
        held_out = judge.value(decisions)
    net = objective.lift_slope(decisions) / objective.cost_slope(decisions)
    weight = decided.pattern(spend).ravel() if decided.free else np.ones(len(net))
    net = np.bincount(decided.owner, net * weight, len(variables.names))
    for row, (step, gain, induced) in steps_from_zero(objective.outcomes, problem, spend).items():
        net[row] = gain.mean() / (step + induced.mean())
    solution = Solution(
        status=best.message,
        iterations=searched.iterations,
        evaluations=searched.evaluations,
        objective=value,
        held_out=held_out,
        starts=searched.starts,
        multiplier=0.0 if goal.objective == "roi" else best.optimality.multiplier,
        kkt=best.optimality.residual,
        net_marginal=pd.Series(net, _index(variables)),
        binding=binding,
        bound=bound,
        gap=None if bound is None else bound - value,
        no_bound=reason,
        bandwidth=objective.bandwidth if goal.measure.kind != "mean" else None,
        draws=problem.whole.size,
        held_out_draws=problem.judging.size if problem.held_out else 0,
        seconds=time.perf_counter() - began,
        rounding=rounding,
        offers=offers_of(problem, goal, constraints, spend, answers["extrapolated"].values),
    )
    return Plan(
        spend=_labelled(problem, spend),
        current=_labelled(problem, problem.current, factor=problem.factor),
        answers=answers,
        solution=solution,
        frame=frame_of(problem, spend),
        current_frame=frame_of(problem, problem.current),
        units=_units(problem, spend),
        attrs={
            "outcome": fit.system.outcome,
            "unit": fit.data.unit(fit.system.outcome),
            **phrase_of(goal),
            "flighting": variables.flighting,
            **{key: timeline.attrs[key] for key in ("start", "stop")},
            "verdict": answers.attrs["verdict"],
            "window": "future" if timeline.planned else "past",
            "mediators": dict(problem.modes),
            "controls": problem.controls.words,
            "assumed": problem.controls.assumed,
            **_places(problem),
        },
    )


def _in_round_amounts(
    problem: Problem, goal: Goal, searched: Search
) -> tuple[PlanObjective, np.ndarray, float | None]:
    """Decisions of the plan, rounded where that is asked for, the objective of such, and what rounding costs."""
    objective, decisions = searched.objective, searched.decisions
    if goal.round_to is None:
        return objective, decisions, None
    free, spend = free_objective(problem, objective), rounded(problem, searched, goal)
    return free, spend.ravel(), objective.value(decisions) - free.value(spend.ravel())


def _places(problem: Problem) -> dict[str, tuple]:
    """Of a panel, geos that stay as they are, and channels in geos that stay at zero."""
    if not problem.geos:
        return {}
    held = tuple(geo for geo in problem.fit.data.geos if geo not in problem.geos)
    return {"held_geos": held, "unbought": problem.variables.unbought}


def _index(variables: DecisionVariables) -> pd.Index:
    """Labels of the rows of a plan: channels, of a panel geos and channels."""
    if not variables.pairs:
        return pd.Index(variables.names)
    return pd.MultiIndex.from_tuples([(geo, channel) for channel, geo in variables.pairs], names=[GEO, "channel"])


def _labelled(problem: Problem, spend: np.ndarray, **attrs: float) -> xr.DataArray:
    coords: dict[str, Any] = {"channel": list(problem.channels), "date": problem.dates}
    if problem.geos:
        coords, spend = {GEO: list(problem.geos), **coords}, problem.by_geo(spend)
    return xr.DataArray(spend, coords, list(coords), "spend", {"unit": MONEY, **attrs})


def _units(problem: Problem, spend: np.ndarray) -> xr.DataArray | None:
    """What the current plan and a new one (C, W) buy of channels that are exposures; None where there is none."""
    data = problem.fit.data
    counted = [name for name in problem.channels if name in data.spend]
    if not counted:
        return None
    both = [_labelled(problem, problem.whole.units(plan)) for plan in (problem.current, spend)]
    units = xr.concat(both, pd.Index(PLANS, name="plan")).sel(channel=counted).rename("units")
    return units.assign_attrs(units_attrs(problem.fit, counted))


def _binding(
    objective: PlanObjective, limits: Limits, decisions: np.ndarray, constraints: tuple[Constraint, ...]
) -> tuple[BindingLimit, ...]:
    """Return the limits that hold the plan back; a total that is one number, and always met, is not one of them."""
    variables, ratio = objective.variables, objective.goal.target_roi or 0.0
    unit = 1e-5 * np.maximum(limits.upper, 1e-300)
    high = decisions >= limits.upper - np.where(np.isfinite(unit), unit, 0.0)
    low = (decisions <= limits.lower * (1.0 + 1e-6)) & (limits.lower >= 0.0)
    fixed = limits.lower == limits.upper
    upper, lower, out = ("upper", high & ~fixed, limits.upper), ("lower", low & ~fixed, limits.lower), []
    for i in range(len(variables.names)):
        mine, (name, geo) = variables.owner == i, variables.who(i)
        for side, at, bound in (("both", fixed, limits.upper), upper, lower):
            count = int((at & mine).sum())
            if count:
                periods = (count, int(mine.sum())) if variables.free else None
                out.append(BindingLimit("bound", side, float(bound[at & mine].max()), name, "", periods, geo))
    total = [c for c in constraints if c.kind == "total" and c.low < c.high]
    for c in [*(c for c in constraints if c.kind != "total"), *total]:
        value, own = c.value(decisions), c.kind in ("bound", "period bound", "minimum")
        side = "upper" if abs(c.high - value) < abs(c.low - value) else "lower"
        limit = {"target ROI": ratio, "target": objective.goal.target or 0.0}.get(
            c.kind, c.high if side == "upper" else c.low
        )
        side = "both" if c.low == c.high else side
        channel, name = (c.name, "") if own else (None, c.name)
        out.append(BindingLimit(c.kind, side, limit, channel, name, None, c.geo))
    return tuple(dict.fromkeys(out))
