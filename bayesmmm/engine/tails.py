"""How long what was spent goes on to act on the outcome."""

import numpy as np

from bayesmmm.data import Calendar
from bayesmmm.engine.parameters import Parameters
from bayesmmm.equations import MMM


def tail_periods(system: MMM, parameters: Parameters, calendar: Calendar, bound: float) -> np.ndarray:
    """Periods (S,) after which less than `bound` of the adstock of any spend is left to act on the outcome.

    By the day a month counts as 28 days, the fewest it has. Along a path through mediators lags add up: each of its m
    equations is given ``bound / m``.
    """
    depth: dict[str, int] = {}
    reach: dict[str, np.ndarray] = {}
    for name in system.order:
        equation = system.equation(name)
        depth[name] = 1 + max((depth[n] for n in equation.inputs if n in depth), default=0)
    share = bound / depth[system.outcome]
    for name in system.order:
        equation, half_life = system.equation(name), parameters[name]["half_life"]
        above = [reach[n] for n in equation.inputs if n in reach]
        own = np.zeros(len(half_life))
        if equation.media and equation.max_lag is not None:
            own += equation.max_lag
        elif equation.media:
            days = [
                calendar.days_per_period if n in equation.by_period else calendar.shortest for n in equation.media
            ]
            longest = (half_life / days).reshape(len(half_life), -1).max(axis=1)
            own = np.ceil(longest * np.log2(1.0 / share))
        reach[name] = own + np.max(above, axis=0, initial=0.0)
    return reach[system.outcome]
