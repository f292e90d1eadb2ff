"""The world of the examples: social channels that sell directly and also stir up paid search.

Three years of weeks. Social spend comes in flights and rises before Christmas and in promotions; paid search is
switched off in many weeks and follows social spend, season and promotions; revenue follows all of these, prices and
messages to customers. Season and promotions are therefore common causes of spend, search and revenue.
"""

import numpy as np

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier
from bayesmmm.errors import SamplingError
from bayesmmm.simulate.spending import check_weeks, christmas, exogenous_stream, flights, wander, weeks_from
from bayesmmm.simulate.world import World, planned, simulate_world, sized, tabled
from bayesmmm.validate import check_seed

SOCIAL = ("facebook", "tiktok", "instagram", "snapchat")
# Mean size of the series, in money: what a share in the parameters below is a share of.
_REVENUE, _GOOGLE, _GOOGLE_WHEN_ON = 180_000.0, 2_400.0, 3_900.0

# Channel: usual spend in an active week, sd of its log, shortest and longest flight, shortest and longest pause.
_FLIGHTS = {
    "facebook": (8_500.0, 0.30, (9, 20), (1, 3)),
    "tiktok": (3_800.0, 0.35, (2, 6), (3, 8)),
    "instagram": (3_600.0, 0.30, (4, 9), (3, 7)),
    "snapchat": (2_000.0, 0.30, (2, 4), (5, 10)),
}
# Columns: half-life in days, half-saturation in multiples of mean positive spend, slope, contribution.
_GOOGLE_MEDIA = {
    "facebook": (6.0, 1.0, 1.3, 0.48),
    "tiktok": (4.0, 0.8, 1.2, 0.30),
    "instagram": (8.0, 1.1, 1.0, 0.12),
    "snapchat": (5.0, 1.0, 1.0, 0.02),
}
_REVENUE_MEDIA = {
    "facebook": (9.0, 1.0, 1.2, 0.085),
    "tiktok": (5.0, 0.9, 1.2, 0.020),
    "instagram": (14.0, 1.2, 1.0, 0.038),
    "snapchat": (6.0, 1.0, 1.0, 0.0015),
    "google": (3.0, 1.1, 1.0, 0.070),
}
_GOOGLE_LINEAR = {
    "intercept": -0.90,
    "trend": 1.00,
    "sin1@365.25": -0.30,
    "cos1@365.25": 0.75,
    "sin2@365.25": 0.10,
    "cos2@365.25": 0.20,
    "promotion": 0.55,
    "emails": 0.40,
}
_REVENUE_LINEAR = {
    "intercept": 0.70,
    "trend": 0.12,
    "sin1@365.25": -0.03,
    "cos1@365.25": 0.07,
    "sin2@365.25": 0.01,
    "cos2@365.25": 0.03,
    "average_price": -0.04,
    "promotion": 0.035,
    "emails": 0.02,
    "sms": 0.012,
}
_GOOGLE_SIGMA, _REVENUE_SIGMA = 0.95, 0.07


def social_search(*, seed: int = 1, weeks: int = 156) -> World:
    """Simulate the example world: four social channels, paid search as their mediator, revenue.

    Parameters
    ----------
    seed : int
        The same seed and length give the same world.
    weeks : int
        Number of weeks from 2 January 2022, 52 to 5200.

    Returns
    -------
    World
        Spend, google and revenue in money; emails and sms are messages sent; promotion is 0 or 1.

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
    >>> world = social_search(seed=1)
    >>> world.system.order
    ('google', 'revenue')
    >>> len(world.data.dates)
    156
    """
    weeks = check_weeks(weeks)
    data = _exogenous(weeks, exogenous_stream(check_seed(seed, SamplingError)))
    scales = sized(data, {"revenue": _REVENUE, "google": _GOOGLE}, {"google": _GOOGLE_WHEN_ON})
    system = _system()
    parameters = {
        "google": tabled(system.equation("google"), _GOOGLE_MEDIA, _GOOGLE_LINEAR, _GOOGLE_SIGMA),
        "revenue": tabled(system.equation("revenue"), _REVENUE_MEDIA, _REVENUE_LINEAR, _REVENUE_SIGMA),
    }
    return simulate_world(system, data, parameters=parameters, scales=scales, seed=seed)


def _system() -> MMM:
    season = Fourier(period=365.25, order=2)
    return MMM(
        [
            Equation(
                "google",
                media=SOCIAL,
                linear=["promotion", "emails"],
                seasonality=season,
                trend=True,
                likelihood="censored_normal",
            ),
            Equation(
                "revenue",
                media=[*SOCIAL, "google"],
                linear=["average_price", "promotion", "emails", "sms"],
                seasonality=season,
                trend=True,
            ),
        ]
    )


# ----------------------------------------------------------------------------------------- spend and controls
def _exogenous(weeks: int, rng: np.random.Generator) -> MMMData:
    """Spend and controls, rounded as they would be booked; google and revenue are placeholders."""
    dates = weeks_from(weeks)
    season = christmas(dates)
    promotion = _promotions(season, rng)
    price = 40.0 + 2.0 * np.arange(weeks) / 52 - 3.0 * promotion + wander(weeks, 0.8, 1.2, rng)
    emails = 60_000 * np.exp(0.25 * promotion + 0.1 * season + 0.3 * rng.standard_normal(weeks))
    sms = 9_000 * np.exp(0.35 * rng.standard_normal(weeks)) * (rng.uniform(size=weeks) < 0.45 + 0.3 * promotion)
    spend = {}
    for name, (level, sd, flight, pause) in _FLIGHTS.items():
        on = flights(weeks, flight, pause, rng)
        pressure = 0.15 * season + 0.15 * promotion + wander(weeks, 0.5, sd, rng)
        spend[name] = np.round(level * np.exp(pressure) * on, 2)
    controls = {
        "average_price": np.round(price, 2),
        "promotion": promotion,
        "emails": np.round(emails),
        "sms": np.round(sms),
    }
    return planned(dates, spend, controls, outcome="revenue", mediators={"google": "money"})


def _promotions(season: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One or two weeks of promotion at a time, more often before Christmas; 0 or 1."""
    out, left = np.zeros(len(season)), 0
    for t, near in enumerate(season):
        if left == 0 and rng.uniform() < 0.14 + 0.08 * near:
            left = int(rng.integers(1, 3))
        out[t], left = float(left > 0), max(left - 1, 0)
    if not out.any():
        out[np.argmax(season)] = 1.0  # a short history without a promotion would leave a control that never varies
    return out
