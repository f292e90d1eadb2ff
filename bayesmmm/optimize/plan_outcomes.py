"""What a plan brings beside the current one, on draws that did not choose it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.estimands.extrapolation import EXTRAPOLATED, share_beyond
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
    returns = [_returns(out, plan, problem.variables.pattern(plan)) for plan in plans]
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = {"spend": cost[:, 0] - cost[:, 1], "roi": lift[:, 1] / cost[:, 1] - lift[:, 0] / cost[:, 0]}.get(
            goal.objective, goal.worth * uplift - goal.price * (cost[:, 1] - cost[:, 0])
        )
    unit, per = fit.data.unit(fit.system.outcome), per_money(fit)
    worth = {"profit": MONEY, "spend": MONEY, "roi": per["unit"]}.get(goal.objective, unit)
    label = query.label
    variables: dict = {
        "outcome": (*label(out.base()[:, None] + lift, "plan"), {"unit": unit}),
        "lift": (*label(lift, "plan"), {"unit": unit}),
        "uplift": (*label(uplift), {"unit": unit}),
        "gain": (*label(gain), {"unit": worth}),
        "cost": (*label(cost, "plan"), {"unit": MONEY}),
        "roi": (*label(np.stack([r for r, _ in returns], axis=1), "plan", "channel"), per),
        "marginal_roi": (*label(np.stack([m for _, m in returns], axis=1), "plan", "channel"), per),
        "extrapolated": extrapolated(problem, plans, "plan"),
    }
    coords: dict = {**query.coords, "plan": PLANS, "channel": list(problem.names)}
    if out.paid:
        coords["mediator"] = list(out.paid)
        variables["induced"] = (*label(induced, "plan", "mediator"), {"unit": MONEY})
    return xr.Dataset(variables, coords, {"verdict": query.attrs["verdict"], "held_out": int(problem.held_out)})


def outcomes_of(out: Outcomes, plans: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lift (S, P), induced spend by mediator (S, P, M) and cost (S, P) of some plans."""
    outcomes = [out.evaluate(plan) for plan in plans]
    lift = np.stack([each.lift for each in outcomes], axis=-1)
    induced = np.stack([each.induced for each in outcomes], axis=1)
    return lift, induced, np.array([plan.sum() for plan in plans]) + induced.sum(axis=-1)


def _returns(out: Outcomes, spend: np.ndarray, pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ROI and marginal ROI (S, C) of each channel of a plan."""
    own = spend.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        roi = np.where(own > 0.0, out.drop_one(spend) / own, np.nan)
    return roi, out.directional_derivative(spend, pattern)


def extrapolated(problem: Problem, plans: Sequence[np.ndarray], dim: str) -> tuple:
    """Share of the spend of each channel in periods above the highest spend of the fitted periods, as a variable."""
    data = problem.fit.data
    share = [
        [share_beyond(data, name, own) for name, own in zip(problem.names, plan, strict=True)] for plan in plans
    ]
    return (dim, "channel"), np.array(share), {"unit": "share of spend", "threshold": EXTRAPOLATED}


def frame_of(problem: Problem, spend: np.ndarray) -> pd.DataFrame:
    """Every exogenous column of the window under a plan."""
    line, data = problem.whole.query.timeline, problem.fit.data
    frame = {}
    for name in problem.fit.system.exogenous:
        known = data.columns[name][0]
        known = np.concatenate([known, line.columns[name][0]]) if line.planned else known
        frame[name] = known[line.window]
        if name in problem.names:
            frame[name] = spend[problem.names.index(name)]
    return pd.DataFrame(frame, index=pd.DatetimeIndex(problem.dates, name="date"))
