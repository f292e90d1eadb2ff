"""The world of the case "tv": four years of weekly spend on TV, Digital, Print and Radio, with a Christmas and a cycle.

Sales rise with the economy, over the years, and before Christmas; so does spend, since budgets are set by them. Channels
carry over from week to week at rates that differ: Print is read for a month, Digital is forgotten in days.
"""

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import SamplingError
from bayesmmm.priors import Prior
from bayesmmm.simulate.spending import check_weeks, exogenous_stream, in_flights, wander, weeks_from
from bayesmmm.simulate.world import World, planned, simulate_world, sized, tabled
from bayesmmm.validate import check_seed

#: Share of its pressure that a channel keeps from one week to the next.
RETENTION = {"tv": 0.6, "digital": 0.2, "print": 0.8, "radio": 0.5}
# Sales of a mean week, in money.
_SALES = 1_000_000.0
# Channel: usual spend in an active week, sd of its log, shortest and longest flight, shortest and longest pause.
_FLIGHTS = {
    "tv": (62_000.0, 0.30, (4, 10), (2, 6)),
    "digital": (36_000.0, 0.35, (8, 16), (1, 3)),
    "print": (22_000.0, 0.30, (3, 8), (4, 10)),
    "radio": (16_000.0, 0.30, (3, 7), (3, 8)),
}
# Columns: half-saturation in multiples of mean positive spend, slope, contribution.
_MEDIA = {
    "tv": (1.1, 1.2, 0.085),
    "digital": (0.9, 1.0, 0.100),
    "print": (0.8, 1.0, 0.018),
    "radio": (1.0, 1.1, 0.022),
}
_LINEAR = {"intercept": 0.70, "trend": 0.15, "christmas": 0.05, "economy": 0.04}
_SIGMA = 0.035
# Weight of Christmas and of the economy on the log of spend.
_CHRISTMAS, _ECONOMY = 0.45, 0.20
# Weeks of a cycle of the economy.
_CYCLE = 180.0


def tv(*, seed: int = 1, weeks: int = 208) -> World:
    """Simulate weekly spend on TV, Digital, Print and Radio, and sales with a Christmas, an economic cycle and a trend.

    ::

        a_c[t] = (1 - r_c) x_c[t] + r_c a_c[t-1],   r = 0.6, 0.2, 0.8, 0.5 a week

    Parameters
    ----------
    seed : int
        The same seed and length give the same world.
    weeks : int
        Number of weeks from 2 January 2022, 52 to 5200.

    Returns
    -------
    World
        Spend and sales in money; christmas is the share of the days of a week that lie in the four weeks before
        Christmas Eve, economy an index around 100. The equation carries over by the week, with a prior on `retention`.

    Raises
    ------
    TooFewPeriodsError
        For fewer than 52 weeks.
    SettingError
        For more than 5200 weeks.
    SamplingError
        For an impossible seed.

    Examples
    --------
    >>> world = tv(seed=1)
    >>> half_life = world.truth.parameters["sales.half_life"].values  # days
    >>> (0.5 ** (7 / half_life)).round(2).tolist()
    [0.6, 0.2, 0.8, 0.5]
    """
    weeks, seed = check_weeks(weeks), check_seed(seed, SamplingError)
    data = _exogenous(weeks, exogenous_stream(seed))
    equation = Equation(
        "sales",
        media=list(_MEDIA),
        linear=["christmas", "economy"],
        trend=True,
        priors={"retention": Prior("Beta", alpha=2.0, beta=2.0)},
    )
    media = {name: (7.0 * np.log(0.5) / np.log(RETENTION[name]), *values) for name, values in _MEDIA.items()}
    return simulate_world(
        MMM([equation]),
        data,
        parameters={"sales": tabled(equation, media, _LINEAR, _SIGMA)},
        scales=sized(data, {"sales": _SALES}, {}),
        seed=seed,
    )


def _exogenous(weeks: int, rng: np.random.Generator) -> MMMData:
    """Spend and controls, rounded as they would be booked; sales are a placeholder."""
    dates = weeks_from(weeks)
    christmas = _christmas(dates)
    phase = rng.uniform(0.0, 2.0 * np.pi)
    cycle = np.sin(2.0 * np.pi * np.arange(weeks) / _CYCLE + phase) + wander(weeks, 0.95, 0.4, rng)
    spend = in_flights(_FLIGHTS, _CHRISTMAS * christmas + _ECONOMY * cycle, rng)
    controls = {"christmas": np.round(christmas, 4), "economy": np.round(100.0 + 4.0 * cycle, 2)}
    return planned(dates, spend, controls, outcome="sales", mediators={})


def _christmas(dates: pd.DatetimeIndex) -> np.ndarray:
    """Share of the seven days of a week from 27 November to 24 December."""
    days = dates.to_numpy()[:, None] + np.arange(7) * np.timedelta64(1, "D")
    each = pd.DatetimeIndex(days.ravel())
    within = ((each.month == 12) & (each.day <= 24)) | ((each.month == 11) & (each.day >= 27))
    return np.asarray(within, float).reshape(len(dates), 7).mean(axis=1)
