"""`optimize_budget`: the best plan of a window, and what is known about it."""

import datetime
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.errors import SettingError, SolverError
from bayesmmm.estimands import PATHS, unit_of
from bayesmmm.optimize.constraints import Limits, Range
from bayesmmm.optimize.feasibility import check_possible
from bayesmmm.optimize.global_bound import upper_bound
from bayesmmm.optimize.goal import Goal, phrase_of, read_goal
from bayesmmm.optimize.local_solver import MET, floor_of, restored
from bayesmmm.optimize.multistart import Search, check_reachable, search
from bayesmmm.optimize.nonlinear_program import Constraint, Programme
from bayesmmm.optimize.plan import BindingLimit, Plan, Solution
from bayesmmm.optimize.plan_outcomes import answers_of, frame_of
from bayesmmm.optimize.problem import Problem, Rules, put_together, read_channels, read_modes, read_window
from bayesmmm.results import Fit

#: Starts that the solver goes on from, besides the current plan.
STARTS = 4


def optimize_budget(
    fit: Fit,
    *,
    total: float | tuple[float | None, float | None] | None = None,
    periods: int | None = None,
    plan: pd.DataFrame | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    controls: Mapping[str, object] | pd.DataFrame | None = None,
    objective: str = "outcome",
    margin: float | None = None,
    target: float | None = None,
    target_roi: float | None = None,
    target_marginal_roi: float | None = None,
    risk: str | tuple[str, float] = "mean",
    channels: Sequence[str] | None = None,
    bounds: Range | Mapping[str, Range] | None = None,
    period_bounds: Range | Mapping[str, Range] | None = None,
    change: float | Mapping[str, float] | None = None,
    groups: Mapping[str, tuple[Sequence[str], Range]] | None = None,
    linear: Sequence[tuple[Mapping[str, float], Range]] | None = None,
    minimum: Mapping[str, float] | None = None,
    mediators: str | Mapping[str, str] = "respond",
    flighting: str = "flat",
    draws: int | None = None,
    paths: int = PATHS,
    seed: int = 0,
    starts: int = STARTS,
    progress: bool = False,
    allow_unconverged: bool = False,
) -> Plan:
    """Find the spend of a window that does best, over the whole posterior.

    Chooses spend x to maximise ``rho(Y(x) - Y(current))``, with rho a judgement over posterior draws (by default their
    mean) and Y the outcome of the window and of what its spend still sells after it, carry-over of the history and
    answers of the mediators included; profit is ``margin * Y(x) - cost(x)``. The cost is the money of the channels and
    what paid mediators are induced to spend. Derivatives are exact. At the best plan, channels that no limit holds have
    equal net marginal returns, ``dY/du_c = price * (1 + dM/du_c)``.

    Parameters
    ----------
    fit : Fit
    total : float or (low, high), optional
        Money for the whole window, what paid mediators are induced to spend included in posterior mean. A number is
        spent exactly, and the current plan scaled to it. None leaves it free, where the objective allows that.
    periods : int, optional
        Plan the next so many periods. The current plan is the last so many periods of history.
    plan : DataFrame, optional
        Instead: the current plan of the window, every exogenous column, as in `predict`.
    start, stop : str or date, optional
        Instead: a window in the fitted periods, whose spend is the current plan; residuals are kept.
    controls : mapping or DataFrame, optional
        With `periods`: values of controls in the window, one number or one per period, in raw units. What is not given
        is repeated from the last periods of history, with a `ControlsWarning` where the best plan depends on it.
    objective : {"outcome", "profit", "spend", "roi"}
        Most outcome; most profit; least money for a `target`; highest lift per money within the range `total`.
    margin : float, optional
        Profit of a unit of outcome; 1 by default where the outcome is money.
    target : float, optional
        For ``objective="spend"``: outcome to reach, in the terms of ``answers["outcome"]``.
    target_roi, target_marginal_roi : float, optional
        For ``objective="outcome"``: lift per money that the plan as a whole, or its last unit of money, is to bring.
    risk : "mean", ("sd", weight), ("cvar", share) or ("quantile", share)
        Mean gain over the current plan; mean less so many standard deviations; mean of the worst share of draws; the
        quantile of that share. The last two are smoothed.
    channels : sequence of str, optional
        Channels to decide about; others stay as in the current plan, and are not part of the total. All by default.
    bounds : mapping of str to (low, high), or one such pair for all
        Money of a channel in the window, or text in per cent of the current plan, as ("80%", "120%"); None: no limit.
        The current plan is that scaled to the total, here and below.
    period_bounds : as bounds
        Money of a channel in every period, or in per cent of its mean now.
    change : float or mapping of str to float
        Largest change of a channel, as a share of the current plan.
    groups : mapping of str to (channels, (low, high))
        Money of several channels together.
    linear : sequence of (coefficients, (low, high))
        Limits on weighted sums of channels, as ``({"tv": 1, "radio": -2}, (None, 0))``.
    minimum : mapping of str to float
        A channel spends nothing or at least this.
    mediators : {"respond", "fixed", "decide"}, or a mapping from mediators to these
        Mediators answer to spend; stay as under the current plan; or are planned like a channel.
    flighting : {"flat", "historical", "free"}
        One decision per channel, spread evenly or in the profile of the current plan; or every period on its own.
    draws : int, optional
        Posterior draws that choose the plan: up to 1000, half of what there is. As many others judge it.
    paths, seed, allow_unconverged
        As in `predict`.
    starts : int
        Starts that the solver goes on from, besides the current plan.
    progress : bool
        Tell on standard error what is going on.

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
    """
    began = time.perf_counter()
    note = teller(progress)
    goal = read_goal(
        fit,
        objective=objective,
        total=total,
        margin=margin,
        target=target,
        target_roi=target_roi,
        target_marginal_roi=target_marginal_roi,
        risk=risk,
    )
    modes = read_modes(fit, mediators)
    names = read_channels(fit, channels, modes)
    window = read_window(fit, periods=periods, plan=plan, start=start, stop=stop, controls=controls)
    problem = put_together(
        fit,
        window,
        names=names,
        modes=modes,
        flighting=flighting,
        rules=Rules(bounds, period_bounds, change, groups, linear, minimum),
        total=goal.low if goal.low == goal.high else None,
        draws=draws,
        paths=paths,
        seed=seed,
        allow_unconverged=allow_unconverged,
    )
    note("the window")
    check_possible(problem, goal)
    starts = check_starts(starts)
    programmes = [Programme(out, problem.levels, goal, problem.current) for out in (problem.whole, problem.few)]
    try:
        found = search(*programmes, problem.limits, starts=starts, seed=seed, note=note)
    except SolverError as error:
        check_reachable(problem, goal, starts=starts, seed=seed, cause=error)
        raise
    return _plan(problem, goal, programmes[0], found, began)


def teller(progress: bool) -> Callable[[str], None]:
    """Return what is told how the search goes on: standard error, or nobody."""

    def tell(text: str) -> None:
        if progress:
            sys.stderr.write(f"optimize_budget: {text}\n")

    return tell


def check_starts(starts: int) -> int:
    """Return a number of starts, checked."""
    if not isinstance(starts, int | np.integer) or isinstance(starts, bool) or starts < 0:
        raise SettingError(f"starts={starts!r} must be a whole number of 0 or more, as starts={STARTS}")
    return int(starts)


def _plan(problem: Problem, goal: Goal, programme: Programme, found: Search, began: float) -> Plan:
    fit, best, levels = problem.fit, found.best, problem.levels
    spend = settled(programme, best.limits, best.decisions)
    answers = answers_of(problem, goal, levels.spend(spend))
    bound, reason = upper_bound(problem, programme, best)
    objective = programme.objective(spend)
    held_out = None
    if problem.held_out:
        judge = Programme(problem.judges, levels, goal, problem.current)
        judge.bandwidth = programme.bandwidth
        held_out = judge.objective(spend)
    net = programme.lift_slope(spend) / programme.cost_slope(spend)
    weight = levels.pattern(levels.spend(spend)).ravel() if levels.free else np.ones(len(net))
    net = pd.Series(np.bincount(levels.owner, net * weight, len(levels.names)), list(levels.names))
    solution = Solution(
        status=best.message,
        iterations=found.iterations,
        evaluations=found.evaluations,
        objective=objective,
        held_out=held_out,
        starts=found.starts,
        multiplier=0.0 if goal.kind == "roi" else best.optimality.multiplier,
        kkt=best.optimality.residual,
        net_marginal=net,
        binding=_binding(programme, best.limits, spend, best.optimality.binding),
        bound=bound,
        gap=None if bound is None else bound - objective,
        no_bound=reason,
        bandwidth=programme.bandwidth if goal.risk.kind != "mean" else None,
        draws=problem.whole.size,
        held_out_draws=problem.judges.size if problem.held_out else 0,
        seconds=time.perf_counter() - began,
    )
    return Plan(
        spend=_labelled(problem, levels.spend(spend)),
        current=_labelled(problem, problem.current, factor=problem.factor),
        answers=answers,
        solution=solution,
        frame=frame_of(problem, levels.spend(spend)),
        attrs={
            "outcome": fit.system.outcome,
            "unit": unit_of(fit, fit.system.outcome),
            **phrase_of(goal),
            "flighting": "free" if levels.free else _flighting(levels.profile),
            **{key: problem.whole.question.line.attrs[key] for key in ("start", "stop")},
            "verdict": answers.attrs["verdict"],
            "window": "future" if problem.questions.chosen.line.planned else "past",
            "mediators": dict(problem.modes),
            "controls": problem.window.controls,
        },
    )


def settled(programme: Programme, limits: Limits, decisions: np.ndarray) -> np.ndarray:
    """Set to zero what stands at the floor of the solver and does not want to rise, and spend that money elsewhere."""
    floor = floor_of(programme, limits)
    idle = (decisions <= 1.01 * floor) & (limits.lower <= 0.0) & (decisions > 0.0)
    if not idle.any():
        return decisions
    if idle.all():  # nothing at all is worth spending
        none = np.zeros_like(decisions)
        return none if programme.goal.low <= 0.0 and _missed(programme, limits, none) <= MET else decisions
    slope = programme.slope(np.where(idle, 0.0, decisions))
    idle &= slope <= programme.slope(decisions)[~idle].max()
    off = replace(limits, upper=np.where(idle, 0.0, limits.upper))
    out = restored(programme, off, np.where(idle, 0.0, decisions), nearly=0.1)
    return out if _missed(programme, limits, out) <= MET else decisions


def _missed(programme: Programme, limits: Limits, decisions: np.ndarray) -> float:
    """Largest violation of a constraint, in its scale."""
    values = [(c.value(decisions), c) for c in programme.constraints(limits)]
    return max((max(c.low - v, v - c.high) / c.scale for v, c in values), default=0.0)


def _flighting(profile: np.ndarray) -> str:
    return "flat" if np.allclose(profile, 1.0 / profile.shape[1]) else "historical"


def _labelled(problem: Problem, spend: np.ndarray, **attrs: float) -> xr.DataArray:
    coords = {"channel": list(problem.names), "date": problem.dates}
    return xr.DataArray(spend, coords, ("channel", "date"), "spend", {"unit": MONEY, **attrs})


def _binding(
    programme: Programme, limits: Limits, decisions: np.ndarray, constraints: tuple[Constraint, ...]
) -> tuple[BindingLimit, ...]:
    """Return the limits that hold the plan back; a total that is one number, and always met, is not one of them."""
    levels, ratio = programme.levels, programme.goal.ratio
    unit = 1e-5 * np.maximum(limits.upper, 1e-300)
    high = decisions >= limits.upper - np.where(np.isfinite(unit), unit, 0.0)
    low = (decisions <= limits.lower * (1.0 + 1e-6)) & (limits.lower >= 0.0)
    fixed = limits.lower == limits.upper
    out = []
    for c, name in enumerate(levels.names):
        mine = levels.owner == c
        for side, at, bound in (
            ("both", fixed, limits.upper),
            ("upper", high & ~fixed, limits.upper),
            ("lower", low & ~fixed, limits.lower),
        ):
            count = int((at & mine).sum())
            if count:
                periods = (count, int(mine.sum())) if levels.free else None
                out.append(BindingLimit("bound", side, float(bound[at & mine].max()), name, periods=periods))
    total = [c for c in constraints if c.kind == "total" and c.low < c.high]
    for c in [*(c for c in constraints if c.kind != "total"), *total]:
        value = c.value(decisions)
        side = "upper" if abs(c.high - value) < abs(c.low - value) else "lower"
        own = c.kind in ("bound", "minimum")
        out.append(
            BindingLimit(
                c.kind,
                "both" if c.low == c.high else side,
                ratio if c.kind == "target ROI" else c.high if side == "upper" else c.low,
                c.name if own else None,
                "" if own else c.name,
            )
        )
    return tuple(dict.fromkeys(out))
