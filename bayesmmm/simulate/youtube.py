"""The world of the case "youtube": a year of daily spend on search, display and YouTube, and sign-ups, which are counts.

Sign-ups follow the days of the week, and so does spend: search is paid by the click, so that it is high when many
people search; display runs from Monday to Friday; YouTube runs in flights, more at weekends. What YouTube does it does
over the days that follow, search within a day or two. So a regression of sign-ups on the spend of the same day credits
search with the working week, and finds little of YouTube.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier
from bayesmmm.errors import SamplingError
from bayesmmm.simulate.spending import check_weeks, flights, wander
from bayesmmm.simulate.world import World, planned, sized, tabled, world_of
from bayesmmm.validate import check_seed

# Sign-ups of a mean day.
_SIGNUPS = 9.0
# Monday to Sunday: log of how much is searched, and so spent on search.
_SEARCHED = np.array([0.25, 0.25, 0.20, 0.15, 0.0, -0.45, -0.40])
# Columns: half-life in days, half-saturation in multiples of mean positive spend, slope, contribution.
_MEDIA = {
    "search": (2.0, 1.2, 1.0, 0.16),
    "display": (3.0, 1.0, 1.0, 0.06),
    "youtube": (9.0, 1.0, 1.1, 0.17),
}
# With two waves the pattern of a week: highest from Monday to Wednesday, lowest at weekends, where the terms without
# media stay just above zero: a count has a mean above zero.
_LINEAR = {
    "intercept": 0.56,
    "trend": 0.10,
    "sin1@7": -0.38,
    "cos1@7": 0.20,
    "sin2@7": 0.22,
    "cos2@7": 0.05,
}
# Counts of a mean m have variance m + m^2 / this.
_SHAPE = 25.0


def youtube(*, seed: int = 1, weeks: int = 52) -> World:
    """Simulate a year of daily spend on search, display and YouTube, and of sign-ups, which are counts.

    ::

        sign-ups[t] ~ NegativeBinomial(mean = size mu[t], variance = mean + mean^2 / 25)

    with mu the right-hand side of the equation of sign-ups. So the equation is that of the mean, and the residual is
    what a count has beyond it; ``sigma`` among the true parameters is its root mean square. An effect is the change of
    the mean.

    Parameters
    ----------
    seed : int
        The same seed and length give the same world.
    weeks : int
        Number of weeks of seven days from 2 January 2022, 52 to 5200.

    Returns
    -------
    World
        Spend in money; signups are whole numbers, some of them zero.

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
    >>> world = youtube(seed=1)
    >>> world.data.frequency, len(world.data.dates), world.data.outcome_unit
    ('daily', 364, 'sign-ups')
    >>> signups = world.data.columns["signups"][0]
    >>> bool((signups == signups.round()).all()), bool((signups == 0).any())
    (True, True)
    """
    weeks, seed = check_weeks(weeks), check_seed(seed, SamplingError)
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2022-01-02", periods=7 * weeks, freq="D")
    data = _exogenous(dates, rng)
    season = Fourier(period=7, order=2)
    system = MMM([Equation("signups", media=list(_MEDIA), seasonality=season, trend=True)])
    scales = sized(data, {"signups": _SIGNUPS}, {})
    parameters = {"signups": tabled(system.equation("signups"), _MEDIA, _LINEAR, 1.0)}
    none = {"signups": np.zeros((1, 1, len(dates)))}
    mean = engine.run(system, parameters, data, scales, residual=none).columns["signups"][0, 0]
    counts = rng.negative_binomial(_SHAPE, _SHAPE / (_SHAPE + mean))
    residual = (counts - mean) / _SIGNUPS
    parameters["signups"]["sigma"] = np.sqrt((residual**2).mean(keepdims=True))
    world = world_of(system, data, parameters, scales, {"signups": residual[None, None]}, seed)
    # Mean and residual add up to a whole number but for rounding.
    return replace(world, data=world.data.replace_columns({"signups": counts[None].astype(float)}))


def _exogenous(dates: pd.DatetimeIndex, rng: np.random.Generator) -> MMMData:
    """Spend, rounded as it would be booked; sign-ups are a placeholder."""
    days, weekday = len(dates), dates.day_of_week.to_numpy()
    weekend = weekday >= 5
    search = 130.0 * np.exp(1.3 * _SEARCHED[weekday] + wander(days, 0.8, 0.25, rng))
    display = 90.0 * np.exp(wander(days, 0.7, 0.3, rng)) * flights(days, (14, 35), (7, 21), rng) * ~weekend
    video = 130.0 * np.exp(0.25 * weekend + wander(days, 0.8, 0.3, rng)) * flights(days, (10, 28), (7, 24), rng)
    spend = {"search": search, "display": display, "youtube": video}
    spend = {name: np.round(values, 2) for name, values in spend.items()}
    return planned(dates, spend, {}, outcome="signups", mediators={}, outcome_unit="sign-ups")
