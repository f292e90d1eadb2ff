"""The panel world of the examples: eight regions with a common demand that drives their spend, too.

Every week has a demand of its own that all regions share and nobody records. It raises sales and searches, and the
spend on tv, social and radio with them: a confounder that no series of one region could tell from the effect of media.
Regions differ in size, in what channels do, and in when they run; two of them never buy radio.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier, Panel
from bayesmmm.errors import SamplingError
from bayesmmm.simulate.spending import check_weeks, christmas, exogenous_stream, flights, wander, weeks_from
from bayesmmm.simulate.world import World, planned, simulate_world, sized, tabled
from bayesmmm.validate import check_seed

CHANNELS = ("tv", "social", "radio")
#: Mean sales of a week by region, in money.
_SALES = {
    "north": 320_000.0,
    "south": 240_000.0,
    "east": 190_000.0,
    "west": 150_000.0,
    "centre": 120_000.0,
    "coast": 90_000.0,
    "hills": 60_000.0,
    "islands": 40_000.0,
}
REGIONS = tuple(_SALES)
#: Regions that never buy radio.
WITHOUT_RADIO = ("hills", "islands")
# Searches of a mean week for 1,000 of sales.
_SEARCHES = 25.0

# Channel: spend in an active week as a share of mean sales, sd of its log, longest and shortest flight and pause,
# weight of demand on its log.
_FLIGHTS = {
    "tv": (0.050, 0.25, (4, 9), (3, 8), 0.40),
    "social": (0.032, 0.30, (3, 8), (2, 5), 0.35),
    "radio": (0.018, 0.25, (3, 6), (3, 7), 0.30),
}
# Sd over regions of the log of what a channel gets.
_SHARE_SD = 0.25
# Columns: half-life in days, half-saturation in multiples of mean positive spend, slope, contribution in the median
# region, sd over regions of its log.
_SEARCH_MEDIA = {
    "tv": (6.0, 1.0, 1.2, 0.14, 0.25),
    "social": (4.0, 0.9, 1.1, 0.10, 0.25),
}
_SALES_MEDIA = {
    "tv": (10.0, 1.0, 1.2, 0.060, 0.35),
    "social": (6.0, 0.9, 1.1, 0.035, 0.30),
    "radio": (8.0, 1.1, 1.0, 0.012, 0.30),
    "search": (4.0, 1.2, 1.0, 0.100, 0.20),
}
# Intercepts follow from the rest: those under which a region has its mean size.
_SEARCH_LINEAR = {"trend": 0.10, "sin1@365.25": -0.03, "cos1@365.25": 0.08, "price": -0.02}
_SALES_LINEAR = {"trend": 0.12, "sin1@365.25": -0.03, "cos1@365.25": 0.07, "price": -0.035}
_SEARCH_SIGMA, _SALES_SIGMA = 0.08, 0.05
# Sd of the period effects, and the correlation of those of searches with demand.
_SEARCH_OMEGA, _SALES_OMEGA, _SEARCH_DEMAND = 0.08, 0.08, 0.7
_USUAL_PRICE = 20.0


def regions(*, seed: int = 1, weeks: int = 120) -> World:
    """Simulate the panel world of the examples: eight regions, three channels, searches as their mediator, sales.

    Parameters
    ----------
    seed : int
        The same seed and length give the same world.
    weeks : int
        Number of weeks from 2 January 2022, 52 to 5200.

    Returns
    -------
    World
        Spend and sales in money, searches in queries, price in money. Its scales are those that the series imply, up to
        rounding, so that parameters of a fit and the truth can be laid side by side.

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
    >>> world = regions(seed=1)
    >>> world.data.geos
    ('north', 'south', 'east', 'west', 'centre', 'coast', 'hills', 'islands')
    >>> float(world.data.columns["radio"][-1].sum())
    0.0
    """
    weeks, seed = check_weeks(weeks), check_seed(seed, SamplingError)
    rng = exogenous_stream(seed)
    demand = rng.standard_normal(weeks)
    data = _exogenous(demand, rng)
    sales = np.array([*_SALES.values()])
    searches = _SEARCHES * sales / 1_000
    scales = sized(data, {"sales": sales, "search": searches}, {"search": searches})
    system = _system()
    other = np.sqrt(1.0 - _SEARCH_DEMAND**2) * rng.standard_normal(weeks)
    effects = {
        "search": (_SEARCH_OMEGA, _SEARCH_OMEGA * (_SEARCH_DEMAND * demand + other)),
        "sales": (_SALES_OMEGA, _SALES_OMEGA * demand),
    }
    tables = {
        "search": (_SEARCH_MEDIA, _SEARCH_LINEAR, _SEARCH_SIGMA),
        "sales": (_SALES_MEDIA, _SALES_LINEAR, _SALES_SIGMA),
    }
    parameters = {
        name: _parameters(system.equation(name), *tables[name], *effects[name], data, rng) for name in system.order
    }
    draft = simulate_world(system, data, parameters=parameters, scales=scales, seed=seed)
    for name in system.order:
        # What a mediator brings on average does not depend on its level, so that one step is exact.
        missing = 1.0 - draft.data.columns[name].mean(axis=1) / scales.size[name]
        parameters[name]["coefficient"][0, :, 0] += missing
    return simulate_world(system, data, parameters=parameters, scales=scales, seed=seed)


def _system() -> MMM:
    def equation(name: str, media: list[str]) -> Equation:
        season, panel = Fourier(period=365.25, order=1), Panel(periods="random")
        return Equation(name, media=media, linear=["price"], seasonality=season, trend=True, panel=panel)

    return MMM([equation("search", ["tv", "social"]), equation("sales", [*CHANNELS, "search"])])


def _parameters(
    equation: Equation,
    media: Mapping[str, tuple[float, ...]],
    linear: Mapping[str, float],
    sigma: float,
    omega: float,
    period: np.ndarray,
    data: MMMData,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Parameters of an equation of the panel, with contributions of regions around those of the median region."""
    curves = {name: values[:4] for name, values in media.items()}
    shared = tabled(equation, curves, {"intercept": 0.5, **linear}, sigma)
    tau = np.array([[media[name][4] for name in equation.media]])
    deviation = rng.standard_normal((1, len(data.geos), len(equation.media)))
    return {
        **shared,
        "contribution": shared["contribution"] * np.exp(tau[:, None] * deviation) * data.bought(equation.media),
        "coefficient": np.repeat(shared["coefficient"][:, None], len(data.geos), axis=1),
        "tau": tau,
        "median_contribution": shared["contribution"][:, 0],
        "omega": np.array([omega]),
        "period": period[None],
    }


def _exogenous(demand: np.ndarray, rng: np.random.Generator) -> MMMData:
    """Spend and prices, rounded as they would be booked; search and sales are placeholders."""
    weeks = len(demand)
    dates = weeks_from(weeks)
    common = wander(weeks, 0.7, 0.6, rng)
    price = np.array([_USUAL_PRICE + common + wander(weeks, 0.6, 0.8, rng) for _ in REGIONS])
    spend = {name: np.array([_spend(name, region, demand, dates, rng) for region in REGIONS]) for name in CHANNELS}
    return planned(
        dates,
        {name: np.round(values, 2) for name, values in spend.items()},
        {"price": np.round(price, 2)},
        outcome="sales",
        mediators={"search": "queries"},
        geos=REGIONS,
    )


def _spend(
    channel: str, region: str, demand: np.ndarray, dates: pd.DatetimeIndex, rng: np.random.Generator
) -> np.ndarray:
    """Spend (T,) of a channel in a region: in flights, more before Christmas and in weeks of high demand."""
    share, sd, flight, pause, weight = _FLIGHTS[channel]
    level = share * _SALES[region] * np.exp(_SHARE_SD * rng.standard_normal())
    on = flights(len(dates), flight, pause, rng)
    pressure = 0.15 * christmas(dates) + weight * demand + wander(len(dates), 0.5, sd, rng)
    return level * np.exp(pressure) * on * (channel != "radio" or region not in WITHOUT_RADIO)
