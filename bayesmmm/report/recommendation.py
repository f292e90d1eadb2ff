"""The plan that a report recommends: that of `optimize_budget`, by default for the next quarter at the current total."""

import warnings
from dataclasses import dataclass

import pandas as pd

from bayesmmm.errors import BayesMMMError, BayesMMMWarning
from bayesmmm.optimize import Constraints, Plan, Window, optimize_budget
from bayesmmm.optimize.arguments import Solver
from bayesmmm.optimize.problem import build_problem
from bayesmmm.results import Fit

#: No channel of a recommended plan moves by more than this share of what it spends now.
CHANGE = 0.3
#: What a plan of a report may be for.
OBJECTIVES = ("outcome", "profit", "roi")
_QUARTER = 365.25 / 4


@dataclass(frozen=True)
class Asked:
    """What a reader asks of the recommended plan.

    Attributes
    ----------
    plan : DataFrame, optional
        The current plan of the window to plan, as in `Window`; by default the last quarter repeated.
    total : float or (low, high), optional
        As in `optimize_budget`; by default what the current plan costs.
    objective : {"outcome", "profit", "roi"}
        As in `Goal`.
    """

    plan: pd.DataFrame | None = None
    total: float | tuple[float | None, float | None] | None = None
    objective: str = "outcome"

    @property
    def nothing(self) -> bool:
        """Whether all is left as it is by default."""
        return self.plan is None and self.total is None and self.objective == "outcome"


def recommend(fit: Fit, asked: Asked) -> tuple[Plan | None, str]:
    """Return the best plan within `CHANGE` of the current one; or None, and why there is none.

    What stands in the way of a plan that nobody asked for is told on the page; of one that was asked for, it is an
    error.
    """
    if fit.convergence.verdict == "failed":
        return None, "the sampler failed, and nothing may be planned with its draws"
    if not [name for name in fit.system.channels if fit.data.has_spend(name)]:
        return None, "of no channel it is known what was paid"
    periods = min(max(round(_QUARTER / fit.data.days_per_period), 1), len(fit.data.dates))
    window = Window(periods=periods) if asked.plan is None else Window(plan=asked.plan)
    limits = Constraints(change=CHANGE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesMMMWarning)  # the page says what the plan rests on
        try:
            total = asked.total
            if total is None and asked.objective == "outcome":
                now = build_problem(fit, window, limits, Solver())
                total = now.whole.cost(now.current)
                if total <= 0.0:
                    return None, "nothing is spent in the current plan"
            return optimize_budget(
                fit, total=total, window=window, constraints=limits, objective=asked.objective
            ), ""
        except BayesMMMError as error:
            if not asked.nothing:
                raise
            return None, str(error).partition(";")[0].partition(". ")[0]
