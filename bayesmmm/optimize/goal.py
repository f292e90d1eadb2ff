"""What a plan is for: its goal, and how a gain that is uncertain is judged by one number.

CVaR is smoothed in the form of Rockafellar and Uryasev (2000), doi:10.21314/JOR.2000.038, the quantile by a Normal
kernel (Nadaraya, 1964, doi:10.1137/1109069), so that both have derivatives; the bandwidth is part of the answer.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

from bayesmmm.data import MONEY
from bayesmmm.errors import SettingError
from bayesmmm.estimands import unit_of
from bayesmmm.results import Fit

OBJECTIVES = ("outcome", "profit", "spend", "roi")
#: Bandwidth of smoothed risk measures, in standard deviations of the gain.
BANDWIDTH = {"mean": 0.0, "sd": 1e-2, "cvar": 0.1, "quantile": 0.1}
PHRASES = {
    "mean": "mean",
    "sd": "mean - {:g} sd",
    "cvar": "mean of the worst {:.0%} of draws",
    "quantile": "{:.0%} quantile",
}


@dataclass(frozen=True)
class Risk:
    """How the gains of many draws become one number.

    Attributes
    ----------
    kind : {"mean", "sd", "cvar", "quantile"}
    level : float
        Weight of the sd, or share of draws.
    """

    kind: str
    level: float = 0.0

    def __str__(self) -> str:
        return PHRASES[self.kind].format(self.level)


def read_risk(risk: str | tuple[str, float]) -> Risk:
    """Check a risk attitude.

    Raises
    ------
    SettingError
    """
    if risk == "mean":
        return Risk("mean")
    wanted = (
        f"risk={risk!r} must be 'mean', ('sd', 0.5) for the mean less half a standard deviation, ('cvar', 0.1) for the "
        f"mean of the worst 10 % of draws, or ('quantile', 0.1)"
    )
    if not isinstance(risk, tuple | list) or len(risk) != 2 or risk[0] not in ("sd", "cvar", "quantile"):
        raise SettingError(wanted)
    kind, level = risk
    number = isinstance(level, int | float | np.number) and not isinstance(level, bool)
    if not number or not (0.0 < level < (1.0 if kind != "sd" else np.inf)):
        raise SettingError(
            f"{wanted}; the number of {kind!r} is {'above 0' if kind == 'sd' else 'between 0 and 1'}"
        )
    return Risk(kind, float(level))


@dataclass(frozen=True)
class Goal:
    """What a plan is for.

    Attributes
    ----------
    kind : {"outcome", "profit", "spend", "roi"}
        Gains per draw are outcome, or ``margin * outcome - price * cost``; "spend" saves money in posterior mean, "roi"
        has the mean lift per mean cost.
    risk : Risk
    margin, price : float
        Worth of a unit of outcome, and of money.
    low, high : float
        Range of the cost of the plan in posterior mean; 0 and infinity where it is free.
    target : float or None
        Least outcome, judged by `risk`.
    ratio : float or None
        Least mean lift per mean cost.
    """

    kind: str
    risk: Risk
    margin: float = 1.0
    price: float = 0.0
    low: float = 0.0
    high: float = np.inf
    target: float | None = None
    ratio: float | None = None


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


# -------------------------------------------------------------------------------------------------- judging gains
def judged(risk: Risk, gain: np.ndarray, bandwidth: float) -> tuple[float, np.ndarray]:
    """Judge gains.

    Parameters
    ----------
    gain : (S,) array
    bandwidth : float
        In the unit of `gain`; at 0 a measure that has no derivative without smoothing is replaced by the mean.

    Returns
    -------
    value : float
    weight : (S,) array
        Derivative of the value to each gain.
    """
    n, mean = len(gain), gain.mean()
    if risk.kind == "mean":
        return float(mean), np.full(n, 1.0 / n)
    if risk.kind == "sd":
        away = gain - mean
        sd = np.hypot(np.sqrt((away**2).mean()), bandwidth)
        slope = away / (n * sd) if sd > 0.0 else np.zeros(n)
        return float(mean - risk.level * (sd - bandwidth)), 1.0 / n - risk.level * slope
    if bandwidth <= 0.0:  # gains without any spread
        return float(mean), np.full(n, 1.0 / n)
    # In units of the bandwidth, about the mean; the root lies within a few bandwidths of the gains.
    z = (gain - mean) / bandwidth
    cdf = special.expit if risk.kind == "cvar" else special.ndtr
    at = optimize.brentq(lambda q: cdf(q - z).mean() - risk.level, z.min() - 800.0, z.max() + 800.0, xtol=1e-13)
    if risk.kind == "cvar":
        shortfall = np.logaddexp(0.0, at - z).mean()
        return float(mean + bandwidth * (at - shortfall / risk.level)), special.expit(at - z) / (risk.level * n)
    kernel = np.exp(0.5 * ((at - z) ** 2).min() - 0.5 * (at - z) ** 2)
    return float(mean + bandwidth * at), kernel / kernel.sum()


def exactly(risk: Risk, gain: np.ndarray) -> float:
    """Judge gains (S,) without any smoothing."""
    if risk.kind == "sd":
        return float(gain.mean() - risk.level * gain.std())
    if risk.kind == "quantile":
        return float(np.quantile(gain, risk.level))
    if risk.kind == "cvar":  # the last of the worst draws counts in part
        count = risk.level * len(gain)
        return float(np.clip(count - np.arange(len(gain)), 0.0, 1.0) @ np.sort(gain) / count)
    return float(gain.mean())


def bandwidth_for(risk: Risk, spread: float) -> float:
    """Bandwidth for gains of such a standard deviation."""
    return BANDWIDTH[risk.kind] * spread
