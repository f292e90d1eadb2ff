"""What a plan brings beside the current one, on draws that did not choose it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.data.future import GEO
from bayesmmm.data.splitting import long_frame
from bayesmmm.estimands.extrapolation import EXTRAPOLATED, share_beyond
from bayesmmm.estimands.marginal import typical_units
from bayesmmm.estimands.query import per_money
from bayesmmm.optimize.goal import Goal
from bayesmmm.optimize.outcomes import Outcomes
from bayesmmm.optimize.problem import Problem

PLANS = ["current", "new"]


def answers_of(problem: Problem, goal: Goal, spend: np.ndarray) -> xr.Dataset:
    """Outcome, cost and returns (chain, draw, plan, ...) of the current plan and of a new one (C, W)."""
    fit, out = problem.fit, problem.judging
    query = out.query
    plans = (problem.current, spend)
    lift, induced, cost = outcomes_of(out, plans)
    uplift = lift[:, 1] - lift[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = {"spend": cost[:, 0] - cost[:, 1], "roi": lift[:, 1] / cost[:, 1] - lift[:, 0] / cost[:, 0]}.get(
            goal.objective, goal.worth * uplift - goal.price * (cost[:, 1] - cost[:, 0])
        )
    unit, per = fit.data.unit(fit.system.outcome), per_money(fit, problem.channels)
    worth = {"profit": MONEY, "spend": MONEY, "roi": per["unit"]}.get(goal.objective, unit)
    label = query.label
    lost, marginal = (
        np.stack(each, axis=1) for each in zip(*(_returns(out, problem, p) for p in plans), strict=True)
    )
    roi, marginal_roi = returns_of(problem, plans, lost, marginal)
    variables: dict = {
        "outcome": (*label(out.base()[:, None] + lift, "plan"), {"unit": unit}),
        "lift": (*label(lift, "plan"), {"unit": unit}),
        "uplift": (*label(uplift), {"unit": unit}),
        "gain": (*label(gain), {"unit": worth}),
        "cost": (*label(cost, "plan"), {"unit": MONEY}),
        "roi": (*label(roi, "plan", "channel"), per),
        "marginal_roi": (*label(marginal_roi, "plan", "channel"), per),
        "extrapolated": extrapolated(problem, plans, "plan"),
    }
    coords: dict = {**query.coords, "plan": PLANS, "channel": list(problem.channels)}
    if out.paid:
        coords["mediator"] = list(out.paid)
        variables["induced"] = (*label(induced, "plan", "mediator"), {"unit": MONEY})
    if problem.geos:
        coords[GEO] = list(problem.geos)
        variables |= _by_geo(problem, plans, lost, marginal)
    return xr.Dataset(variables, coords, {"verdict": query.attrs["verdict"], "held_out": int(problem.held_out)})


def _by_geo(problem: Problem, plans: Sequence[np.ndarray], lost: np.ndarray, marginal: np.ndarray) -> dict:
    """Variables of the decided geos of a panel, from what each row of the plans brings (S, 2, C)."""
    fit, out = problem.fit, problem.judging
    label, per, unit = (
        out.query.label,
        per_money(fit, problem.channels),
        {"unit": fit.data.unit(fit.system.outcome)},
    )
    own = [out.evaluate_by_geo(plan) for plan in plans]
    lift = np.stack([each.lift for each in own], axis=1)
    money = np.stack([problem.by_geo(plan).sum(axis=(1, 2)) for plan in plans])
    cost = money + np.stack([each.induced.sum(axis=-1) for each in own], axis=1)
    base = out.base_by_geo()[:, [place.geo for place in out.places]]
    with np.errstate(divide="ignore", invalid="ignore"):
        roi = lost / np.stack([plan.sum(axis=1) for plan in plans])
    roi = np.where(np.isfinite(roi), roi, np.nan)
    roi, marginal = (problem.by_geo(values, np.nan, axis=2) for values in (roi, marginal))
    unseen = np.array([_shares_beyond(problem, plan) for plan in plans])
    attrs = {"unit": "share of spend", "threshold": EXTRAPOLATED}
    return {
        "outcome_by_geo": (*label(base[:, None] + lift, "plan", GEO), unit),
        "lift_by_geo": (*label(lift, "plan", GEO), unit),
        "cost_by_geo": (*label(cost, "plan", GEO), {"unit": MONEY}),
        "roi_by_geo": (*label(roi, "plan", GEO, "channel"), per),
        "marginal_roi_by_geo": (*label(marginal, "plan", GEO, "channel"), per),
        "extrapolated_by_geo": (("plan", GEO, "channel"), problem.by_geo(unseen, axis=1), attrs),
    }


def outcomes_of(out: Outcomes, plans: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lift (S, P), induced spend by mediator (S, P, M) and cost (S, P) of some plans."""
    outcomes = [out.evaluate(plan) for plan in plans]
    lift = np.stack([each.lift for each in outcomes], axis=-1)
    induced = np.stack([each.induced for each in outcomes], axis=1)
    return lift, induced, np.array([plan.sum() for plan in plans]) + induced.sum(axis=-1)


def _returns(out: Outcomes, problem: Problem, spend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outcome that each row of a plan brings, and its marginal ROI (S, C): at zero spend that of a step."""
    marginal = out.directional_derivative(spend, problem.variables.pattern(spend))
    for row, (step, gain, _) in steps_from_zero(out, problem, spend).items():
        marginal[:, row] = gain / step
    return out.drop_one(spend), marginal


def steps_from_zero(
    out: Outcomes, problem: Problem, spend: np.ndarray
) -> dict[int, tuple[float, np.ndarray, np.ndarray]]:
    """Return for each row of a plan (C, W) without spend a step, and what it gains and induces (S,).

    A derivative at zero is infinite where a slope is below one, and its mean over draws does not exist. The step is the
    spend of one typical period, spread as the next unit of money is.
    """
    found: dict[int, tuple[float, np.ndarray, np.ndarray]] = {}
    idle = np.flatnonzero(~spend.any(axis=1))
    if not len(idle):
        return found
    now, pattern = out.evaluate(spend), problem.variables.pattern(spend)
    for row in idle:
        name, geo = problem.variables.who(row)
        sizes = typical_units(problem.fit, name) * problem.cost[row].mean()
        step = float(sizes[0 if geo is None else problem.fit.data.geos.index(geo)])
        more = spend.copy()
        more[row] += step * pattern[row]
        ahead = out.evaluate(more)
        induced = (ahead.induced - now.induced).sum(axis=1)
        found[int(row)] = (step, ahead.lift - now.lift, induced)
    return found


def returns_of(
    problem: Problem, plans: Sequence[np.ndarray], lost: np.ndarray, marginal: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """ROI and marginal ROI (S, P, K) of channels, over their geos, from what each row of P plans brings (S, P, C).

    The next unit of money of a channel is spread over geos as the plan is.
    """
    channel, count = problem.variables.channel, len(problem.channels)
    own = np.stack([plan.sum(axis=1) for plan in plans])
    if not problem.geos:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(own > 0.0, lost / own, np.nan), marginal
    into = np.equal.outer(channel, np.arange(count)).astype(float)  # (C, K)
    money = own @ into
    with np.errstate(divide="ignore", invalid="ignore"):
        roi = np.where(money > 0.0, lost @ into / money, np.nan)
        share = np.where(money[:, channel] > 0.0, own / money[:, channel], 1.0 / into.sum(axis=0)[channel])
    return roi, (marginal * share) @ into


def extrapolated(problem: Problem, plans: Sequence[np.ndarray], dim: str) -> tuple:
    """Share of the spend of each channel in periods above the highest spend of the fitted periods, as a variable.

    Every geo is held against itself.
    """
    shares = np.array([_shares_beyond(problem, plan) for plan in plans])
    if problem.geos:
        own = np.stack([plan.sum(axis=1) for plan in plans])
        into = np.equal.outer(problem.variables.channel, np.arange(len(problem.channels))).astype(float)
        money = own @ into
        shares = np.divide((shares * own) @ into, money, out=np.zeros_like(money), where=money > 0.0)
    return (dim, "channel"), shares, {"unit": "share of spend", "threshold": EXTRAPOLATED}


def _shares_beyond(problem: Problem, plan: np.ndarray) -> list[float]:
    """Share (C,) of the spend of each row of a plan (C, W) that was never seen in a period."""
    whose = [problem.variables.who(i) for i in range(len(plan))]
    return [
        share_beyond(problem.fit.data, *who, own)
        for who, own in zip(whose, problem.whole.units(plan), strict=True)
    ]


def frame_of(problem: Problem, spend: np.ndarray) -> pd.DataFrame:
    """Every exogenous column of the window under a plan, and the spend of exposures beside them."""
    query, data, variables = problem.whole.query, problem.fit.data, problem.variables
    exogenous = problem.fit.system.exogenous
    columns = {name: query.units_by_period(name).copy() for name in exogenous}
    columns |= {data.spend[n]: query.spend_by_period(n).copy() for n in exogenous if n in data.spend}
    for i, (units, own) in enumerate(zip(problem.whole.units(spend), spend, strict=True)):
        name, geo = variables.who(i)
        g = 0 if geo is None else data.geos.index(geo)
        if name in columns:
            columns[name][g] = units
        if name in data.spend:
            columns[data.spend[name]][g] = own
    return long_frame(data, problem.dates, columns)
