"""`Solution`: what the solver did, and the limits that hold a plan back, as records."""

from dataclasses import dataclass

import pandas as pd

from bayesmmm.optimize.decision_variables import label_of
from bayesmmm.text import amount


@dataclass(frozen=True)
class BindingLimit:
    """A limit that holds a plan back. Printing it gives a phrase.

    Attributes
    ----------
    kind : {"bound", "period bound", "minimum", "group", "geo", "linear", "total", "target", "target ROI"}
    side : {"lower", "upper", "both"}
        Side of its range that the plan is at; both where they are the same.
    value : float
        That side: money, but for a target and a weighted sum.
    channel : str or None
        Channel that it holds, of a panel in `geo` or over all decided geos; None for a limit on several.
    name : str
        Of the group or geo, or the weighted sum written out.
    periods : (int, int) or None
        For a bound on single periods: how many of them are at it, and of how many.
    geo : str or None
        Of a panel, geo of the channel that it holds.
    """

    kind: str
    side: str
    value: float
    channel: str | None = None
    name: str = ""
    periods: tuple[int, int] | None = None
    geo: str | None = None

    @property
    def words(self) -> str:
        """What holds, without saying whom."""
        if self.kind.startswith("target"):
            return ""
        each = f" in {self.periods[0]} of {self.periods[1]} periods" if self.periods else ""
        each = " in some period" if self.kind == "period bound" else each
        if self.channel is not None and self.value == 0.0:
            return f"at zero{each}"
        where = {"minimum": "at its minimum of", "both": "held at"}
        side = "minimum" if self.kind == "minimum" else self.side
        return f"{where.get(side, f'at its {side} bound of')} {amount(self.value)}{each}"

    def __str__(self) -> str:
        subject = self.channel or self.name or self.kind
        if self.kind in ("group", "geo"):
            subject = f"{self.kind} {self.name}"
        elif self.channel is not None and self.geo is not None:
            subject = label_of(self.channel, self.geo)
        return f"{subject} {self.words}".rstrip()


@dataclass(frozen=True)
class Offer:
    """Another way of asking for a plan that goes far beyond what was seen, and about what it would give.

    Attributes
    ----------
    argument : str
        As it is written, ``change=0.3`` or ``risk=('cvar', 0.1)``.
    gain : float
        Mean gain over the current plan, in terms of the objective, on draws that have no part in choosing.
    p_better : float or None
        Share of these draws in which it gains; None where the objective is no gain of a draw.
    extrapolated : float
        Share of its spend in periods above the highest spend ever seen in one.
    """

    argument: str
    gain: float
    p_better: float | None
    extrapolated: float


@dataclass(frozen=True)
class Solution:
    """What the solver did and how far its answer can be trusted.

    Attributes
    ----------
    status : str
        How the solver ended.
    iterations, evaluations : int
        Of all starts together.
    objective, held_out : float
        Gain over the current plan, on the draws that chose the plan, and on draws that had no part in it, or None.
    starts : tuple of float
        Gain reached from each start.
    multiplier : float
        Objective gained by one more unit of total; 0 where the total is free.
    kkt : float
        Largest relative violation of equal net marginal returns.
    net_marginal : pandas.Series
        By channel, of a panel by geo and channel: outcome gained per unit of money, induced spend included, at the plan;
        at zero spend by a step of one typical period's spend, since slopes below one have no derivative there.
    binding : tuple of BindingLimit
        Limits that hold the plan back.
    bound, gap : float or None
        No plan within the limits gains more than this, on the draws that chose the plan; `bound` less `objective`.
    no_bound : str
        Why there is no bound; empty where there is one.
    bandwidth : float or None
        Smoothing of the risk measure, in units of the gain.
    draws, held_out_draws : int
        Draws that chose the plan, and draws that did not.
    seconds : float
    rounding : float or None
        Gain that is given up for round amounts; None where none are asked for. Of limits, what binds the plan before
        amounts are rounded.
    offers : tuple of Offer
        Other ways of asking, where a channel goes far beyond what was seen.
    """

    status: str
    iterations: int
    evaluations: int
    objective: float
    held_out: float | None
    starts: tuple[float, ...]
    multiplier: float
    kkt: float
    net_marginal: pd.Series
    binding: tuple[BindingLimit, ...]
    bound: float | None
    gap: float | None
    no_bound: str
    bandwidth: float | None
    draws: int
    held_out_draws: int
    seconds: float
    rounding: float | None = None
    offers: tuple[Offer, ...] = ()
