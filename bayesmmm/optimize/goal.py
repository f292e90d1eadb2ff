"""Reading what a plan is for, and saying it."""

from typing import Any

import numpy as np

from bayesmmm.data import MONEY
from bayesmmm.errors import SettingError
from bayesmmm.estimands import unit_of
from bayesmmm.optimize.nonlinear_program import Goal
from bayesmmm.optimize.objectives import read_risk
from bayesmmm.results import Fit

OBJECTIVES = ("outcome", "profit", "spend", "roi")


def read_goal(
    fit: Fit,
    *,
    objective: str,
    total: float | tuple[float | None, float | None] | None,
    margin: float | None,
    target: float | None,
    target_roi: float | None,
    target_marginal_roi: float | None,
    risk: str | tuple[str, float],
) -> Goal:
    """Check that objective, total and targets go together.

    Raises
    ------
    SettingError
    """
    if objective not in OBJECTIVES:
        raise SettingError(f"objective={objective!r} must be one of {', '.join(OBJECTIVES)}")
    low, high = _read_total(total)
    for name, value in {
        "margin": margin,
        "target_roi": target_roi,
        "target_marginal_roi": target_marginal_roi,
    }.items():
        if value is not None and not (_number(value) and value > 0.0):
            raise SettingError(f"{name}={value!r} must be a number above 0, as {name}=2.0")
    if target is not None and not _number(target):
        raise SettingError(f"target={target!r} must be a number, in units of the outcome")
    judged = read_risk(risk)
    _check_company(objective, total, target, target_roi, target_marginal_roi, margin)
    if objective == "roi" and judged.kind != "mean":
        raise SettingError("objective='roi' is lift per cost in posterior mean; leave risk='mean'")
    if objective == "profit":
        worth = margin
        if worth is None:
            if unit_of(fit, fit.system.outcome) != MONEY:
                raise SettingError(
                    f"the outcome is counted in {unit_of(fit, fit.system.outcome)}; say what a unit of it is worth with "
                    f"margin="
                )
            worth = 1.0
        return Goal(objective, judged, float(worth), 1.0, low, high)
    if target_marginal_roi is not None:
        # The last unit of money returns r exactly where outcome less r times the cost is highest.
        return Goal(objective, judged, 1.0, float(target_marginal_roi), low, high)
    ratio = None if target_roi is None else float(target_roi)
    return Goal(objective, judged, 1.0, 0.0, low, high, None if target is None else float(target), ratio)


def _check_company(objective, total, target, target_roi, target_marginal_roi, margin) -> None:
    """Refuse arguments that do not go together."""
    if objective == "spend" and target is None:
        raise SettingError("objective='spend' looks for the least money that reaches a target; pass target=")
    if objective != "spend" and target is not None:
        raise SettingError("target= goes with objective='spend'; leave it out, or pass objective='spend'")
    if objective != "profit" and margin is not None:
        raise SettingError("margin= goes with objective='profit'; leave it out, or pass objective='profit'")
    if target_roi is not None and target_marginal_roi is not None:
        raise SettingError("give one of target_roi= and target_marginal_roi=")
    if objective != "outcome" and (target_roi is not None or target_marginal_roi is not None):
        raise SettingError("target_roi= and target_marginal_roi= go with objective='outcome'; leave them out")
    free = target_roi is not None or target_marginal_roi is not None
    if objective == "outcome" and total is None and not free:
        raise SettingError("objective='outcome' needs total=, the money of the window, or a target_roi=")
    fixed = total is not None and not isinstance(total, tuple | list)
    if free and fixed:
        raise SettingError("a target for ROI decides about the total; pass total=(low, high) or leave it out")
    if objective == "spend" and fixed:
        raise SettingError("objective='spend' decides about the total; pass total=(low, high) or leave it out")
    if objective == "roi" and (fixed or total is None or not total[0]):
        raise SettingError(
            "objective='roi' needs a range of money, as total=(50_000, 200_000): without a least spend the highest "
            "return is often that of next to no money"
        )


def _read_total(total: object) -> tuple[float, float]:
    if total is None:
        return 0.0, np.inf
    sides = total if isinstance(total, tuple | list) else (total, total)
    fine = len(sides) == 2 and all(side is None or (_number(side) and side >= 0.0) for side in sides)
    low, high = (
        ((d if s is None else s) for s, d in zip(sides, (0.0, np.inf), strict=True)) if fine else (1.0, 0.0)
    )
    if low > high or high <= 0.0:
        raise SettingError(
            f"total={total!r} must be an amount of money above 0 for the whole window, or a pair (low, high)"
        )
    return float(low), float(high)


def _number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and bool(np.isfinite(value))


def phrase_of(goal: Goal) -> dict[str, Any]:
    """What a plan is for, as attributes that can be read."""
    phrase = {
        "outcome": "most outcome",
        "profit": "most profit",
        "spend": "least spend for the target",
        "roi": "highest ROI",
    }[goal.kind]
    target = None
    if goal.kind == "outcome" and goal.price:
        target = f"next unit returns {goal.price:g}"
    elif goal.ratio is not None:
        target = f"ROI of at least {goal.ratio:g}"
    elif goal.target is not None:
        target = f"outcome of at least {goal.target:,.0f}"
    return {
        "objective": phrase,
        "risk": str(goal.risk),
        "total": goal.low if goal.low == goal.high else None,
        "margin": goal.margin if goal.kind == "profit" else None,
        "target": target,
        "reach": goal.target,
    }
