"""What a plan is for: its goal, and how a gain that is uncertain is judged by one number.

CVaR is smoothed in the form of Rockafellar and Uryasev (2000), doi:10.21314/JOR.2000.038, the quantile by a Normal
kernel (Nadaraya, 1964, doi:10.1137/1109069), so that both have derivatives; the bandwidth is part of the answer.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy import optimize, special

from bayesmmm.data import MONEY
from bayesmmm.errors import SettingError
from bayesmmm.optimize.arguments import Record
from bayesmmm.results import Fit
from bayesmmm.text import percent
from bayesmmm.validate import check_choice, check_fraction, check_number, is_number, of_allowed_size, refusal

OBJECTIVES = {
    "outcome": "most outcome",
    "profit": "most profit",
    "spend": "least spend for the target",
    "roi": "highest ROI",
}
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
    """How the gains of many draws become one number; `risk` may be given as ``"mean"`` or ``("cvar", 0.1)``, too.

    Parameters
    ----------
    kind : {"mean", "sd", "cvar", "quantile"}
    level : float
        Weight of the sd, or share of draws.
    """

    kind: str
    level: float = 0.0

    def __str__(self) -> str:
        return PHRASES[self.kind].format(self.level)


@dataclass(frozen=True, repr=False)
class Goal(Record):
    """What a plan is for.

    Parameters
    ----------
    objective : {"outcome", "profit", "spend", "roi"}
        Most outcome; most profit, ``margin * outcome - cost``; least money for a `target`; highest lift per money
        within the range `total`.
    total : float or (low, high), optional
        Money for the whole window, what paid mediators are induced to spend included in posterior mean. A number is
        spent exactly, and the current plan scaled to it. None leaves it free, where the objective allows that.
    margin : float, optional
        Profit of a unit of outcome; 1 by default where the outcome is money.
    target : float, optional
        For ``objective="spend"``: outcome to reach, in the terms of ``answers["outcome"]``.
    target_holds : "mean", "median" or float
        How the target is reached: by the mean outcome; by the median one; or with this probability, as 0.8: in so many
        of the draws that choose the plan.
    target_roi, target_marginal_roi : float, optional
        For ``objective="outcome"``: lift per money that the plan as a whole, or its last unit of money, is to bring.
    risk : "mean", ("sd", weight), ("cvar", share) or ("quantile", share)
        Mean gain over the current plan; mean less so many standard deviations; mean of the worst share of draws; the
        quantile of that share. The last two are smoothed.

    round_to : float, optional
        Every amount of the plan, of a channel (of a panel in a geo) in a period, is a multiple of this, as 100; with a
        total that is a number they add up to it. What paid mediators are induced to spend is no such amount: with it
        the total is met from below. ``solution.rounding`` is what that costs.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> Goal("profit", margin=0.4, risk=("cvar", 0.1))
    Goal(objective='profit', margin=0.4, risk=Risk(kind='cvar', level=0.1))
    """

    objective: str = "outcome"
    total: float | tuple[float | None, float | None] | None = None
    margin: float | None = None
    target: float | None = None
    target_holds: str | float = "mean"
    target_roi: float | None = None
    target_marginal_roi: float | None = None
    risk: Risk | str | tuple[str, float] = Risk("mean")
    round_to: float | None = None

    def __post_init__(self) -> None:
        check_choice(self.objective, "objective", OBJECTIVES)
        _check_total(self.total)
        for name, example in (
            ("margin", 2.0),
            ("target_roi", 2.0),
            ("target_marginal_roi", 2.0),
            ("round_to", 100),
        ):
            value = getattr(self, name)
            if value is not None:
                check_number(value, name, above=0.0, advice=f"as {name}={example}")
        if self.target is not None:
            check_number(self.target, "target", advice="in units of the outcome")
        if self.target_holds not in ("mean", "median"):
            advice = "as 0.8; or be 'mean' or 'median'"
            check_fraction(self.target_holds, "target_holds", advice)
        object.__setattr__(self, "risk", _read_risk(self.risk))

    @property
    def measure(self) -> Risk:
        """`risk` as a record, whichever way it was given."""
        return cast("Risk", self.risk)

    @property
    def target_share(self) -> float | None:
        """Share of draws in which the outcome is to reach the target; None where its mean is to."""
        return {"mean": None, "median": 0.5}.get(self.target_holds, self.target_holds)  # type: ignore[arg-type]

    @property
    def low(self) -> float:
        """Least cost of the plan in posterior mean."""
        return float((self.total[0] if isinstance(self.total, tuple | list) else self.total) or 0.0)

    @property
    def high(self) -> float:
        """Highest cost of the plan in posterior mean; infinite where there is no limit."""
        high = self.total[1] if isinstance(self.total, tuple | list) else self.total
        return np.inf if high is None else float(high)

    @property
    def worth(self) -> float:
        """Worth of a unit of outcome."""
        return 1.0 if self.margin is None else float(self.margin)

    @property
    def price(self) -> float:
        """Worth of a unit of money in the gain of a draw, which is ``worth * outcome - price * cost``."""
        # The last unit of money returns r exactly where outcome less r times the cost is highest.
        return 1.0 if self.objective == "profit" else float(self.target_marginal_roi or 0.0)


def _read_risk(risk: Risk | str | tuple[str, float]) -> Risk:
    if risk == "mean" or risk == Risk("mean"):
        return Risk("mean")
    kind, level = (risk.kind, risk.level) if isinstance(risk, Risk) else (None, None)
    if isinstance(risk, tuple | list) and len(risk) == 2:
        kind, level = risk
    wanted = (
        "must be 'mean', ('sd', 0.5) for the mean less half a standard deviation, ('cvar', 0.1) for the mean of the "
        "worst 10 % of draws, or ('quantile', 0.1)"
    )
    if kind not in ("sd", "cvar", "quantile"):
        raise refusal("risk", risk, wanted)
    if not is_number(level) or not 0.0 < level < (1.0 if kind != "sd" else np.inf):
        share = "above 0" if kind == "sd" else "between 0 and 1"
        raise refusal("risk", risk, f"{wanted}; the number of {kind!r} is {share}")
    return Risk(kind, float(level))


def _check_total(total: object) -> None:
    if total is None:
        return
    sides = total if isinstance(total, tuple | list) else (total, total)
    if len(sides) == 2 and all(side is None or (is_number(side) and side >= 0.0) for side in sides):
        low, high = (default if side is None else side for side, default in zip(sides, (0.0, np.inf), strict=True))
        if low <= high and high > 0.0:
            return
    size = next(filter(None, map(of_allowed_size, sides)), "")
    raise refusal(
        "total", total, f"must be an amount of money above 0{size} for the whole window, or a pair (low, high)"
    )


def check_goal(fit: Fit, goal: Goal) -> None:
    """Refuse a goal whose objective, total and targets do not go together, or are not enough for a fit."""
    for argument, wrong, text in _faults(goal):
        if wrong:
            raise SettingError(text, argument=argument, value=getattr(goal, argument))
    unit = fit.data.unit(fit.system.outcome)
    if goal.objective == "profit" and goal.margin is None and unit != MONEY:
        text = f"the outcome is counted in {unit}; say what a unit of it is worth with margin="
        raise SettingError(text, argument="margin")


def _faults(goal: Goal) -> list[tuple[str, bool, str]]:
    """Argument, whether it does not fit the others, and what to do about it."""
    kind, total = goal.objective, goal.total
    both = goal.target_roi is not None and goal.target_marginal_roi is not None
    free = goal.target_roi is not None or goal.target_marginal_roi is not None
    fixed = total is not None and not isinstance(total, tuple | list)
    targets = "target_roi= and target_marginal_roi="
    least = "objective='spend' looks for the least money that reaches a target; pass target="
    needs = "objective='outcome' needs total=, the money of the window, or a target_roi="
    low = (
        "objective='roi' needs a range of money, as total=(50_000, 200_000): without a least spend the highest return "
        "is often that of next to no money"
    )
    goes = "{0}= goes with objective={1!r}; leave it out, or pass objective={1!r}"
    decides = "{} decides about the total; pass total=(low, high) or leave it out"
    return [
        ("target", kind == "spend" and goal.target is None, least),
        ("target", kind != "spend" and goal.target is not None, goes.format("target", "spend")),
        ("target_holds", kind != "spend" and goal.target_holds != "mean", goes.format("target_holds", "spend")),
        (
            "target_holds",
            goal.target_holds != "mean" and goal.measure.kind != "mean",
            "target_holds= says in how many draws the target is to be reached, and risk= judges the gain instead; give "
            "one of them",
        ),
        ("margin", kind != "profit" and goal.margin is not None, goes.format("margin", "profit")),
        ("target_marginal_roi", both, f"give one of {targets}"),
        (
            "target_roi" if goal.target_roi is not None else "target_marginal_roi",
            kind != "outcome" and free,
            f"{targets} go with objective='outcome'; leave them out",
        ),
        ("total", kind == "outcome" and total is None and not free, needs),
        ("total", free and fixed, decides.format("a target for ROI")),
        ("total", kind == "spend" and fixed, decides.format("objective='spend'")),
        ("total", kind == "roi" and (fixed or not goal.low), low),
        (
            "risk",
            kind == "roi" and goal.measure.kind != "mean",
            "objective='roi' is lift per cost in posterior mean; leave risk='mean'",
        ),
    ]


def phrase_of(goal: Goal) -> dict[str, Any]:
    """What a plan is for, as attributes that can be read."""
    target = None
    if goal.target_marginal_roi is not None:
        target = f"next unit returns {goal.price:g}"
    elif goal.target_roi is not None:
        target = f"ROI of at least {goal.target_roi:g}"
    elif goal.target is not None:
        target = f"outcome of at least {goal.target:,.0f}, {_held(goal)}"
    return {
        "objective": OBJECTIVES[goal.objective],
        "risk": str(goal.risk),
        "total": goal.low if goal.low == goal.high else None,
        "total_range": None if goal.low == goal.high else (goal.low, goal.high),
        "margin": goal.worth if goal.objective == "profit" else None,
        "target": target,
        "reach": goal.target,
        "round_to": goal.round_to,
        "target_holds": None if goal.target is None else goal.target_holds,
    }


def _held(goal: Goal) -> str:
    """How the target of a plan is reached, in words."""
    if goal.target_share is None:
        return "on average" if goal.measure.kind == "mean" else f"by the {goal.measure} of the gain"
    words = {"median": "in the median"}
    return words.get(str(goal.target_holds), f"with a probability of {percent(goal.target_share)}")


# -------------------------------------------------------------------------------------------------- judging gains
def smoothed_risk(risk: Risk, gain: np.ndarray, bandwidth: float) -> tuple[float, np.ndarray]:
    """Judge gains (S,): a value, and its derivative (S,) to each gain.

    The bandwidth is in the unit of the gains; at 0 a measure that has no derivative is replaced by the mean.
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


def exact_risk(risk: Risk, gain: np.ndarray) -> float:
    """Judge gains (S,) without any smoothing."""
    if risk.kind == "sd":
        return float(gain.mean() - risk.level * gain.std())
    if risk.kind == "quantile":
        return float(np.quantile(gain, risk.level))
    if risk.kind == "cvar":  # the last of the worst draws counts in part
        count = risk.level * len(gain)
        return float(np.clip(count - np.arange(len(gain)), 0.0, 1.0) @ np.sort(gain) / count)
    return float(gain.mean())


def reached_by_share(outcome: np.ndarray, share: float) -> float:
    """Highest target that at least so many of the draws (S,) reach."""
    count = int(np.ceil(share * len(outcome) - 1e-9))
    return float(np.sort(outcome)[len(outcome) - max(count, 1)])


def bandwidth_for(risk: Risk, spread: float) -> float:
    """Bandwidth for gains of such a standard deviation."""
    return BANDWIDTH[risk.kind] * spread
