"""The world of the case "shop": three years of weekly revenue with outliers, three channels, a price and promotions.

The plainest case there is: no mediator, no panel. Revenue has a season that spend follows, and residuals with heavy
tails: now and then a week is far out, for reasons that no column tells.
"""

import numpy as np

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier
from bayesmmm.errors import SamplingError
from bayesmmm.simulate.spending import check_weeks, christmas, exogenous_stream, in_flights, wander, weeks_from
from bayesmmm.simulate.world import World, planned, simulate_world, sized, tabled
from bayesmmm.validate import check_seed

# Revenue of a mean week, in money.
_REVENUE = 250_000.0
# Channel: usual spend in an active week, sd of its log, shortest and longest flight, shortest and longest pause.
_FLIGHTS = {
    "paid_search": (11_000.0, 0.35, (9, 20), (1, 3)),
    "social": (9_000.0, 0.35, (4, 9), (2, 6)),
    "video": (12_000.0, 0.30, (3, 8), (3, 8)),
}
# Columns: half-life in days, half-saturation in multiples of mean positive spend, slope, contribution.
_MEDIA = {
    "paid_search": (4.0, 1.0, 1.0, 0.085),
    "social": (6.0, 1.0, 1.1, 0.060),
    "video": (12.0, 1.1, 1.2, 0.080),
}
_LINEAR = {
    "intercept": 0.71,
    "trend": 0.10,
    "sin1@365.25": -0.03,
    "cos1@365.25": 0.08,
    "price": -0.03,
    "promotion": 0.03,
}
# Scale and degrees of freedom above two of the residuals.
_SIGMA, _NU_MINUS_TWO = 0.035, 1.0


def shop(*, seed: int = 1, weeks: int = 156) -> World:
    """Simulate weekly revenue with outliers, of three channels, a price and promotions.

    Parameters
    ----------
    seed : int
        The same seed and length give the same world.
    weeks : int
        Number of weeks from 2 January 2022, 52 to 5200.

    Returns
    -------
    World
        Spend, revenue and price in money; promotion is 0 or 1. Residuals are Student's t with three degrees of freedom.

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
    >>> world = shop(seed=1)
    >>> world.system.equation("revenue").likelihood, len(world.data.dates)
    ('student_t', 156)
    """
    weeks, seed = check_weeks(weeks), check_seed(seed, SamplingError)
    data = _exogenous(weeks, exogenous_stream(seed))
    season = Fourier(period=365.25, order=1)
    equation = Equation(
        "revenue",
        media=list(_MEDIA),
        linear=["price", "promotion"],
        seasonality=season,
        trend=True,
        likelihood="student_t",
    )
    parameters = tabled(equation, _MEDIA, _LINEAR, _SIGMA) | {"nu_minus_two": np.array([_NU_MINUS_TWO])}
    scales = sized(data, {"revenue": _REVENUE}, {})
    return simulate_world(MMM([equation]), data, parameters={"revenue": parameters}, scales=scales, seed=seed)


def _exogenous(weeks: int, rng: np.random.Generator) -> MMMData:
    """Spend and controls, rounded as they would be booked; revenue is a placeholder."""
    dates = weeks_from(weeks)
    season = christmas(dates)
    promotion = (rng.uniform(size=weeks) < 0.15 + 0.08 * season).astype(float)
    price = 30.0 - 1.5 * promotion + wander(weeks, 0.7, 1.0, rng)
    spend = in_flights(_FLIGHTS, 0.25 * season + 0.10 * promotion, rng)
    controls = {"price": np.round(price, 2), "promotion": promotion}
    return planned(dates, spend, controls, outcome="revenue", mediators={})
