"""A planning problem put together: the window, the current plan, the outcomes over three sets of draws, the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm.optimize.asking import Questions, Window, put
from bayesmmm.optimize.constraints import Limits, Range, read_limits
from bayesmmm.optimize.flighting import Levels, read_levels
from bayesmmm.optimize.outcomes import Outcomes
from bayesmmm.optimize.prepared import prepare
from bayesmmm.results import Fit

#: Draws on which many starts are tried, and the share of adstock at which they stop to count: near enough to find the
#: best start, from which all draws go on.
FEW, FEW_TAIL_WEIGHT = 60, 0.03


@dataclass(frozen=True)
class Problem:
    """Everything about a planning problem but its goal.

    Attributes
    ----------
    fit : Fit
    window : Window
    dates : DatetimeIndex
        W periods.
    modes : mapping of str to str
        Of mediators.
    questions : Questions
    whole, few : Outcomes
        Over the draws that choose the plan, and some of them.
    judges : Outcomes
        Over draws that have no part in it; the same as `whole` where there are none.
    current : (C, W) array
    factor : float
        What the current plan was multiplied by to meet the total.
    levels : Levels
    limits : Limits
    """

    fit: Fit
    window: Window
    dates: pd.DatetimeIndex
    modes: Mapping[str, str]
    questions: Questions
    whole: Outcomes
    few: Outcomes
    judges: Outcomes
    current: np.ndarray
    factor: float
    levels: Levels
    limits: Limits

    @property
    def names(self) -> tuple[str, ...]:
        """Decided channels."""
        return self.levels.names

    @property
    def held_out(self) -> bool:
        """Whether the draws that judge are others than those that chose."""
        return self.judges is not self.whole


@dataclass(frozen=True)
class Rules:
    """Limits as the planner gave them."""

    bounds: Range | Mapping[str, Range] | None = None
    period_bounds: Range | Mapping[str, Range] | None = None
    change: float | Mapping[str, float] | None = None
    groups: Mapping[str, tuple[Sequence[str], Range]] | None = None
    linear: Sequence[tuple[Mapping[str, float], Range]] | None = None
    minimum: Mapping[str, float] | None = None


def put_together(
    fit: Fit,
    window: Window,
    *,
    names: tuple[str, ...],
    modes: Mapping[str, str],
    flighting: str,
    rules: Rules,
    total: float | None,
    draws: int | None,
    paths: int,
    seed: int,
    allow_unconverged: bool,
) -> Problem:
    """Evaluate what no plan changes, scale the current plan to `total` where that is a number, read the limits."""
    questions = put(fit, window, draws=draws, few=FEW, paths=paths, seed=seed, allow_unconverged=allow_unconverged)
    current, dates = _current(fit, questions, names)
    levels = read_levels(flighting, names, current)
    asked = [(questions.chosen, None), (questions.few, FEW_TAIL_WEIGHT)]
    asked += [] if questions.judged is None else [(questions.judged, None)]
    whole, few, *others = (Outcomes(each, names, modes) for each in prepare(asked))
    judges = others[0] if others else whole
    factor = 1.0
    if total is not None and current.any():
        factor = total / current.sum()
        if whole.paid:
            slope = None
            for outcomes in (few, whole):
                factor, slope = _factor(outcomes, current, total, factor, slope)
    for outcomes in {id(o): o for o in (whole, few, judges)}.values():
        outcomes.compare_with(factor * current, factor)
    current = factor * current
    limits = read_limits(
        levels,
        current,
        bounds=rules.bounds,
        period_bounds=rules.period_bounds,
        change=rules.change,
        groups=rules.groups,
        linear=rules.linear,
        minimum=rules.minimum,
    )
    return Problem(fit, window, dates, modes, questions, whole, few, judges, current, factor, levels, limits)


def _current(fit: Fit, questions: Questions, names: tuple[str, ...]) -> tuple[np.ndarray, pd.DatetimeIndex]:
    """Spend (C, W) of the current plan, and the dates of the window.

    A mediator of a future window is to be spent as in as many periods before it.
    """
    line = questions.chosen.line
    at = np.flatnonzero(line.window)
    rows = []
    for name in names:
        known = fit.data.columns[name][0]
        if name in line.columns:
            known = np.concatenate([known, line.columns[name][0]])
        rows.append(known[at] if len(known) > at[-1] else np.resize(known[-len(at) :], len(at)))
    # A mediator may be recorded below zero, spend may not be planned so.
    return np.maximum(np.stack(rows), 0.0), line.dates[line.window]


def _factor(
    outcomes: Outcomes, current: np.ndarray, total: float, factor: float, slope: float | None
) -> tuple[float, float | None]:
    """Factor on the current plan that makes it cost `total`, induced spend included, and the slope of that cost.

    By the secant, from a factor and a slope that are near.
    """

    def cost(factor: float) -> float:
        return outcomes.cost_of_multiple(current, factor)

    ahead = cost(factor)
    for _ in range(50):
        if abs(ahead - total) <= 1e-9 * total:
            break
        before, seen = factor, ahead
        # Cost is nearly proportional to the factor, so that the first step goes by the ratio.
        factor = factor * total / ahead if slope is None else factor - (ahead - total) / slope
        if factor == before:
            break
        ahead = cost(factor)
        slope = (ahead - seen) / (factor - before)
    return factor, slope
