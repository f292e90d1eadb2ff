"""The e-commerce world: many brands in many territories, by the day, as a table of 50 columns.

The columns are those of a public data set of e-commerce brands; every number is drawn here. All series share a demand of
the day that nobody records: it raises sales, and spend with them. Brands differ in what channels do, territories of one
brand less so. Each buys some of nine paid channels, in its own currency; series start late and end early.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.data.checks import MONEY
from bayesmmm.equations import MMM, Equation, Fourier, Panel
from bayesmmm.errors import SamplingError
from bayesmmm.simulate.brands import FIRST_DAY, LAST_DAY, Shops, draw_shops
from bayesmmm.simulate.spending import christmas, exogenous_stream, flights, wander
from bayesmmm.simulate.world import World, simulate_world, sized, tabled
from bayesmmm.validate import check_count, check_seed

#: Outcome, paid channels and clicks on e-mails, as the analysis calls them.
OUTCOME, EMAIL = "revenue", "email"
PAID = (
    *("google_paid_search", "google_shopping", "google_pmax", "google_display", "google_video"),
    *("meta_facebook", "meta_instagram", "meta_other", "tiktok"),
)
#: Series and rows of the full table, and the fewest.
SERIES, ROWS, FEWEST_SERIES, FEWEST_DAYS = 123, 132_759, 8, 449
#: First day on which the channel of that name was sold at all.
_LAUNCH = {"google_pmax": "2021-11-02"}

# Channel: spend of a day as a share of mean sales, share of brands that buy it, weight of demand on its log, longest and
# shortest run and pause in weeks (None: always on).
_BUYING = {
    "google_paid_search": (0.035, 0.85, 0.28, None),
    "google_shopping": (0.040, 0.70, 0.26, None),
    "google_pmax": (0.045, 0.55, 0.30, ((8, 30), (2, 10))),
    "google_display": (0.008, 0.35, 0.20, ((3, 10), (3, 14))),
    "google_video": (0.010, 0.30, 0.20, ((2, 8), (3, 14))),
    "meta_facebook": (0.075, 0.95, 0.30, ((12, 40), (1, 5))),
    "meta_instagram": (0.050, 0.85, 0.28, ((10, 36), (1, 6))),
    "meta_other": (0.008, 0.45, 0.18, ((4, 16), (2, 10))),
    "tiktok": (0.020, 0.30, 0.22, ((3, 12), (2, 12))),
}
# Columns: half-life in days, half-saturation in multiples of mean positive spend, slope, contribution in the median
# series, sd of its log over brands, and over territories of one brand.
_MEDIA = {
    "google_paid_search": (1.0, 1.0, 1.0, 0.050, 0.35, 0.20),
    "google_shopping": (1.5, 1.1, 1.1, 0.058, 0.35, 0.20),
    "google_pmax": (2.5, 1.2, 1.1, 0.055, 0.40, 0.20),
    "google_display": (4.0, 1.0, 1.2, 0.008, 0.35, 0.20),
    "google_video": (6.0, 1.0, 1.2, 0.010, 0.35, 0.20),
    "meta_facebook": (3.0, 0.9, 1.2, 0.070, 0.40, 0.20),
    "meta_instagram": (3.5, 1.0, 1.1, 0.055, 0.35, 0.20),
    "meta_other": (3.0, 1.0, 1.0, 0.006, 0.30, 0.20),
    "tiktok": (5.0, 1.1, 1.2, 0.014, 0.40, 0.20),
    EMAIL: (0.8, 1.0, 1.0, 0.045, 0.30, 0.15),
}
# Intercepts and trends follow from the rest.
_LINEAR = {
    "sin1@365.25": -0.020,
    "cos1@365.25": 0.060,
    "sin2@365.25": 0.010,
    "cos2@365.25": 0.020,
    "sin1@7": 0.030,
    "cos1@7": -0.030,
    "sin2@7": 0.015,
    "cos2@7": 0.010,
}
_SIGMA, _OMEGA, _TREND_SD = 0.09, 0.065, 0.10
#: US dollars for one unit of a currency, on all days.
RATES = {
    **{"USD": 1.0, "GBP": 1.25, "EUR": 1.08, "AUD": 0.66, "CAD": 0.74, "NZD": 0.61},
    **{"CHF": 1.12, "DKK": 0.145, "NOK": 0.094, "SEK": 0.095, "JPY": 0.007, "HKD": 0.128},
}


@dataclass(frozen=True, eq=False)
class Ecommerce:
    """The e-commerce world: what is known of each series, and the world in US dollars.

    Attributes
    ----------
    world : World
        Data with a series for each brand and territory, the system that made them, parameters and truth.
    shops : Shops
        What each series is.
    demand : (T,) array
        Demand of the day that all series share, of unit variance.
    """

    world: World
    shops: Shops
    demand: np.ndarray

    def change(self, columns: Mapping[str, np.ndarray]) -> xr.DataArray:
        """Return what other inputs would really have done to sales: the truth of a what-if.

        Parameters
        ----------
        columns : mapping of str to (G, T) array
            Channel -> its spend in US dollars, or its clicks, on all days of the world.

        Returns
        -------
        xarray.DataArray
            Sales with these inputs less sales as they were, in US dollars, by geo and date; NaN where a series has no
            day.

        Examples
        --------
        >>> made = ecommerce(seed=1, series=8, rows=3600)
        >>> lost = -made.change({"tiktok": 0.0 * made.world.data.columns["tiktok"]}).sum()
        >>> bool(np.isclose(lost, made.world.truth.effects["total"].sel(channel="tiktok")))
        True
        """
        world, data = self.world, self.world.data
        zero = {OUTCOME: np.zeros((1, *data.has_row.shape))}  # residuals are in both, and cancel
        here = engine.run(world.system, world.parameters, data, world.scales, residual=zero)
        amplitude = here.rows.amplitude
        there = engine.run(
            world.system, world.parameters, data, world.scales, residual=zero, amplitude=amplitude, do=columns
        )
        change = np.where(data.has_row, (there.columns[OUTCOME] - here.columns[OUTCOME])[0], np.nan)
        return xr.DataArray(change, {"geo": list(data.geos), "date": data.dates}, ("geo", "date"))


def ecommerce(*, seed: int = 1, series: int = SERIES, rows: int | None = None) -> Ecommerce:
    """Simulate the e-commerce world: nine paid channels and e-mail, daily sales of brands by territory.

    Sales are money before discounts. For series g of brand b on day t::

        sales_gt / s_g = alpha_g + trend_g + season_t + u_t + sum_c A_gc hill(a_gct) + e_gt
        log gamma_gc = log gamma_c + tau_group_c z_bc + tau_c z_gc        the mean contribution behind A_gc

    The demand u_t drives spend, too. Channels that a brand does not buy are zero.

    Parameters
    ----------
    seed : int
        The same seed and size give the same world.
    series : int
        Number of series, 8 or more; of 123 there are 93 brands and 19 territories.
    rows : int, optional
        Days of all series together, from 449 to 1779 for each; by default as many per series as 132,759 for 123.

    Returns
    -------
    Ecommerce

    Raises
    ------
    SettingError
        For an impossible size.
    SamplingError
        For an impossible seed.

    Examples
    --------
    >>> made = ecommerce(seed=1, series=8, rows=3600)
    >>> int(made.world.data.has_row.sum()), list(made.world.data.levels)
    (3600, ['vertical', 'brand', 'territory'])
    """
    seed = check_seed(seed, SamplingError)
    series = check_count(series, "series", least=FEWEST_SERIES, most=10 * SERIES)
    days = (pd.Timestamp(LAST_DAY) - pd.Timestamp(FIRST_DAY)).days + 1
    rows = round(series * ROWS / SERIES) if rows is None else rows
    rows = check_count(rows, "rows", least=FEWEST_DAYS * series, most=days * series)
    rng = exogenous_stream(seed)
    shops = draw_shops(series, rows, FEWEST_DAYS, {name: row[1] for name, row in _BUYING.items()}, rng)
    demand = _demand(shops.dates, rng)
    data = _exogenous(shops, demand, rng)
    scales = sized(data, {OUTCOME: shops.size}, {})
    system = _system()
    parameters = {OUTCOME: _parameters(system.equation(OUTCOME), demand, data, rng)}
    draft = simulate_world(system, data, parameters=parameters, scales=scales, seed=seed)
    # What is missing to the mean size of a series is its intercept: contributions do not depend on it.
    mean = np.nanmean(draft.data.columns[OUTCOME], axis=1)
    parameters[OUTCOME]["coefficient"][0, :, 0] += 1.0 - mean / scales.size[OUTCOME]
    world = simulate_world(system, data, parameters=parameters, scales=scales, seed=seed)
    return Ecommerce(world, shops, demand)


def _system() -> MMM:
    panel = Panel(periods="random", group="brand", per_geo=["trend"])
    seasons = [Fourier(period=365.25, order=2), Fourier(period=7, order=2)]
    return MMM([Equation(OUTCOME, media=[*PAID, EMAIL], seasonality=seasons, trend=True, panel=panel)])


def _parameters(
    equation: Equation, demand: np.ndarray, data: MMMData, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Parameters of the equation, with contributions of brands around those of the median series."""
    curves = {name: values[:4] for name, values in _MEDIA.items()}
    shared = tabled(equation, curves, {"intercept": 0.5, "trend": 0.0, **_LINEAR}, _SIGMA)
    between, within = (np.array([[_MEDIA[name][k] for name in equation.media]]) for k in (4, 5))
    brands = list(dict.fromkeys(data.levels["brand"]))
    brand = [brands.index(name) for name in data.levels["brand"]]
    own = rng.standard_normal((1, len(data.geos), len(equation.media)))
    of_brand = rng.standard_normal((1, len(brands), len(equation.media)))[:, brand]
    factor = np.exp(between[:, None] * of_brand + within[:, None] * own)
    coefficient = np.repeat(shared["coefficient"][:, None], len(data.geos), axis=1)
    coefficient[0, :, equation.terms().index("trend")] = _TREND_SD * rng.standard_normal(len(data.geos))
    return {
        **shared,
        "contribution": shared["contribution"] * factor * data.bought(equation.media),
        "coefficient": coefficient,
        "tau": within,
        "tau_group": between,
        "median_contribution": shared["contribution"][:, 0],
        "omega": np.array([_OMEGA]),
        "period": _OMEGA * demand[None],
    }


def _demand(dates: pd.DatetimeIndex, rng: np.random.Generator) -> np.ndarray:
    """Demand (T,) of each day, of mean 0 and variance 1: it wanders, and days around Black Friday have more."""
    day, month, weekday = dates.day.to_numpy(), dates.month.to_numpy(), dates.day_of_week.to_numpy()
    friday = (month == 11) & (weekday == 4) & (day >= 23) & (day <= 29)
    sale = sum(weight * np.roll(friday, shift) for shift, weight in ((-1, 0.8), (0, 2.0), (1, 1.2), (3, 1.4)))
    demand = wander(len(dates), 0.5, 1.0, rng) + sale
    return (demand - demand.mean()) / demand.std()


def _exogenous(shops: Shops, demand: np.ndarray, rng: np.random.Generator) -> MMMData:
    """Spend in dollars, and clicks on e-mails; sales are placeholders."""
    geos = range(len(shops.size))
    columns: dict[str, np.ndarray] = {OUTCOME: np.tile(np.linspace(1.0, 2.0, len(demand)), (len(geos), 1))}
    for c, name in enumerate(PAID):
        each = [_spend(name, shops, g, demand, rng) for g in geos]
        columns[name] = np.round(np.array(each) * shops.buys[:, c, None], 2)
    columns[EMAIL] = np.array([_emails(shops, g, demand, rng) for g in geos])
    return MMMData(
        dates=shops.dates,
        geos=shops.names,
        columns=columns,
        outcome=OUTCOME,
        media=(*PAID, EMAIL),
        levels={key: tuple(shops.table[key]) for key in ("vertical", "brand", "territory")},
        missing={OUTCOME: "ignore"},
        present=shops.present,
        units={EMAIL: "clicks"},
        outcome_unit=MONEY,
    )


def _spend(name: str, shops: Shops, g: int, demand: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Spend (T,) of a channel in a series: budgets of weeks, days of high demand, pauses, a start of its own."""
    share, _, weight, run = _BUYING[name]
    days = len(demand)
    weeks = -(-days // 7)
    level = share * shops.size[g] * np.exp(0.4 * rng.standard_normal())
    budget = np.repeat(wander(weeks, 0.85, 0.45, rng), 7)[:days]
    on = np.ones(days) if run is None else np.repeat(flights(weeks, *run, rng), 7)[:days]
    start, stop = np.flatnonzero(shops.present[g])[[0, -1]]
    late = int(rng.uniform(0.0, 0.5) * (stop - start)) if rng.random() < 0.3 else 0
    on[: start + late] = 0.0
    if name in _LAUNCH and shops.dates[stop] > pd.Timestamp(_LAUNCH[name]):
        on[shops.dates < _LAUNCH[name]] = 0.0
    if not on[start : stop + 1].any():  # a pause over all days of a short series
        on[start + late : stop + 1] = 1.0
    pressure = budget + weight * demand + 0.15 * christmas(shops.dates) + 0.2 * rng.standard_normal(days)
    return level * np.exp(pressure) * on


def _emails(shops: Shops, g: int, demand: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clicks (T,) on e-mails, which are sent on some days and clicked on the next ones, too."""
    days = len(demand)
    sent = (rng.random(days) < 0.3) * np.exp(0.4 * rng.standard_normal(days) + 0.2 * demand)
    clicked = sent + 0.3 * np.roll(sent, 1) + 0.1
    return rng.poisson(np.maximum(shops.size[g] / 40.0, 15.0) * clicked).astype(float)
