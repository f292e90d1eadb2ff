"""`frontier`: the best plan for every total, and what returns are given up for volume."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.data.future import GEO
from bayesmmm.errors import AnswerError, InfeasibleError, SettingError
from bayesmmm.estimands.query import per_money, units_attrs
from bayesmmm.optimize.arguments import FrontierKeywords, Solver, Window, fill_in
from bayesmmm.optimize.constraints import Constraints
from bayesmmm.optimize.goal import Goal
from bayesmmm.optimize.multistart import search
from bayesmmm.optimize.plan_outcomes import extrapolated, outcomes_of
from bayesmmm.optimize.problem import Problem, build_problem, check_possible
from bayesmmm.results import Fit, check_fit
from bayesmmm.validate import about, check_numbers

#: Totals of a frontier, in multiples of what the current plan costs.
MULTIPLES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
# Each takes about a second: more are a mistake.
_MOST_TOTALS = 1000


def frontier(
    fit: Fit,
    *,
    totals: Sequence[float] | None = None,
    periods: int | None = None,
    window: Window | None = None,
    constraints: Constraints | None = None,
    solver: Solver | None = None,
    **short: Unpack[FrontierKeywords],
) -> xr.Dataset:
    """Find the plan with the most outcome for every total: more volume against a lower return.

    Parameters
    ----------
    fit : Fit
    totals : sequence of float, optional
        Money of the window; by default multiples from 0.25 to 2 of what the current plan costs,
        those that the limits allow.
    periods, window, solver
        As in `optimize_budget`.
    constraints : Constraints, optional
        As in `optimize_budget`; limits hold for every total, and per cent refer to the current plan as it is.
    **short
        Any field of these records by its name.

    Returns
    -------
    xarray.Dataset
        By total: ``spend`` (total, channel), of a panel also ``spend_by_geo`` (total, geo, channel), and where there
        are exposures ``units``, ``units_by_geo`` that it buys, NaN for channels that are money; ``marginal`` (total),
        outcome of one more unit of money; ``extrapolated`` (total, channel). Per draw, on draws that did not choose the
        plans: ``outcome``, ``lift``, ``cost`` and ``roi``, lift per cost (chain, draw, total). ``current_outcome``,
        ``current_lift`` and ``current_cost`` (chain, draw) are those of the current plan, whose mean cost is
        ``attrs["current_total"]``; where levels of the outcome rest on controls that nobody stated, these are
        ``attrs["assumed"]``.

    Raises
    ------
    InfeasibleError, SolverError
        As `optimize_budget`, for the first total that has no plan.
    SettingError, UnknownTermError, NeverSpentError, ConvergenceError, PlanError, WindowError, DataError, AnswerError
        As `optimize_budget`.

    Examples
    --------
    >>> trade = mm.frontier(fit, periods=13)  # doctest: +SKIP
    >>> mm.plots.frontier(trade)  # doctest: +SKIP
    """
    check_fit(fit)
    records = {"window": (Window, window), "constraints": (Constraints, constraints), "solver": (Solver, solver)}
    window, constraints, solver = fill_in("frontier", records, {"periods": periods, **short}, ["totals"])
    problem = build_problem(fit, window, constraints, solver)
    grid = _checked_totals(problem, totals)
    spend, marginal = [], []
    for total in grid:
        solver.tell(f"total {total:,.0f}")
        goal = Goal(total=float(total))
        check_possible(problem, goal)
        searched = search(problem, goal, solver)
        spend.append(problem.variables.spend(searched.decisions))
        marginal.append(searched.best.optimality.multiplier)
    return _labelled(problem, grid, spend, marginal)


def _checked_totals(problem: Problem, totals: Sequence[float] | None) -> np.ndarray:
    cost = problem.whole.cost(problem.current)
    if totals is None:
        if cost <= 0.0:
            text = "the current plan spends nothing, so that totals must be given: totals=[50_000, 100_000]"
            raise AnswerError(text, argument="totals")
        possible = [total for total in cost * np.array(MULTIPLES) if _possible(problem, total)]
        if not possible:
            times = f"{MULTIPLES[0]:g} to {MULTIPLES[-1]:g} times the current total of {cost:,.0f}"
            raise SettingError(f"the limits allow none of {times}; pass totals=", argument="totals")
        return np.array(possible)
    example = "[50_000, 100_000]"
    grid = check_numbers(totals, "totals", "amounts of money above 0", example, lambda x: x > 0.0)
    if len(grid) > _MOST_TOTALS:
        text = f"totals has {len(grid):,} amounts, each of which takes a plan; give {_MOST_TOTALS:,} at most"
        raise about("totals", totals, text)
    return np.unique(grid)


def _possible(problem: Problem, total: float) -> bool:
    try:
        check_possible(problem, Goal(total=float(total)))
    except InfeasibleError:
        return False
    return True


def _labelled(problem: Problem, grid: np.ndarray, spend: list[np.ndarray], marginal: list[float]) -> xr.Dataset:
    fit, out = problem.fit, problem.judging
    query, base = out.query, out.base()
    lift, _, cost = outcomes_of(out, spend)
    now, _, cost_now = (each[:, 0] for each in outcomes_of(out, [problem.current]))
    unit, per = fit.data.unit(fit.system.outcome), per_money(fit)
    variables = {
        **_money(problem, spend),
        "marginal": ("total", np.array(marginal), per),
        "extrapolated": extrapolated(problem, spend, "total"),
        "outcome": (*query.label(base[:, None] + lift, "total"), {"unit": unit}),
        "lift": (*query.label(lift, "total"), {"unit": unit}),
        "cost": (*query.label(cost, "total"), {"unit": MONEY}),
        "roi": (*query.label(lift / cost, "total"), per),
        "current_outcome": (*query.label(base + now), {"unit": unit}),
        "current_lift": (*query.label(now), {"unit": unit}),
        "current_cost": (*query.label(cost_now), {"unit": MONEY}),
    }
    attrs = {
        **{key: query.attrs[key] for key in ("verdict", "start", "stop")},
        "current_total": problem.whole.cost(problem.current),
        "unit": unit,
        "outcome": fit.system.outcome,
        "held_out": int(problem.held_out),
        **({"assumed": list(problem.controls.assumed)} if problem.controls.assumed else {}),
    }
    coords = {**query.coords, "total": ("total", grid, {"unit": MONEY}), "channel": list(problem.channels)}
    if problem.geos:
        coords[GEO] = list(problem.geos)
    return xr.Dataset(variables, coords, attrs)


def _money(problem: Problem, plans: list[np.ndarray]) -> dict[str, tuple]:
    """Spend of plans (C, W), and what it buys of exposures; of a panel by geo, too."""
    variables = _by_channel(problem, "spend", plans, {"unit": MONEY})
    counted = [name for name in problem.channels if name in problem.fit.data.spend]
    if not counted:
        return variables
    had = [problem.whole.units(plan) for plan in plans]
    exposures = np.array([name in counted for name in problem.channels])
    units = _by_channel(problem, "units", had, units_attrs(problem.fit, counted))
    return variables | {
        name: (dims, np.where(exposures, sums, np.nan), attrs) for name, (dims, sums, attrs) in units.items()
    }


def _by_channel(
    problem: Problem, name: str, plans: list[np.ndarray], attrs: dict[str, str]
) -> dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]]:
    """Add the rows of plans (C, W) up over their periods, by channel, and of a panel by geo."""
    sums = np.stack([plan.sum(axis=1) for plan in plans])
    if not problem.geos:
        return {name: (("total", "channel"), sums, attrs)}
    by_geo = problem.by_geo(sums, axis=1)
    return {
        name: (("total", "channel"), by_geo.sum(axis=1), attrs),
        f"{name}_by_geo": (("total", GEO, "channel"), by_geo, attrs),
    }
