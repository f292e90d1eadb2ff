"""Worlds that each break one assumption of the model that is fitted to them.

All of one seed are made from the same clean world: the same curves, planned spend, price and shocks. One thing is then
changed, so that a comparison with the clean twin shows what the broken assumption costs. The truth is found by running
the true process again without a channel, never by the model that is fitted.

Weeks t, channels c = tv, social, display, all of them in both equations; size of sales 100,000, of search 2,000::

    search_t / 2,000   = linear terms + sum_c A_c hill(adstock(x_ct)) + e_t,   sd of e 0.20
    sales_t / 100,000  = linear terms + sum_c A_c hill(adstock(x_ct)) + A_s hill(adstock(search_t)) + u_t,   sd of u 0.04

Linear terms: intercept, trend, a yearly wave, price. Curves differ a little from seed to seed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np
import xarray as xr

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier, check_system
from bayesmmm.errors import SamplingError, SettingError
from bayesmmm.simulate.process import Process
from bayesmmm.simulate.spending import check_weeks, christmas, flights, wander, weeks_from
from bayesmmm.simulate.truth import zero_out
from bayesmmm.simulate.world import planned, sized, tabled
from bayesmmm.text import no_such
from bayesmmm.validate import check_seed

CHANNELS = ("tv", "social", "display")
_SALES, _SEARCH = 100_000.0, 2_000.0
_SEARCH_SIGMA, _SALES_SIGMA = 0.20, 0.04

# Channel: usual spend in an active week, sd of its log, shortest and longest flight, shortest and longest pause.
_FLIGHTS = {
    "tv": (9_000.0, 0.35, (4, 10), (3, 8)),
    "social": (6_000.0, 0.40, (3, 8), (2, 6)),
    "display": (3_000.0, 0.40, (2, 6), (2, 6)),
}
# Columns: half-life in days, half-saturation in multiples of mean positive spend, slope, contribution.
_SEARCH_MEDIA = {"tv": (7.0, 1.0, 1.2, 0.20), "social": (4.0, 0.9, 1.1, 0.16), "display": (5.0, 1.0, 1.0, 0.10)}
_SALES_MEDIA = {
    "tv": (12.0, 1.1, 1.2, 0.09),
    "social": (6.0, 0.9, 1.1, 0.07),
    "display": (9.0, 1.0, 1.0, 0.05),
    "search": (3.0, 2.0, 1.0, 0.25),
}
# Standard deviations over seeds of the logs of these four columns.
_SPREAD = (0.2, 0.2, 0.1, 0.2)
_SEARCH_LINEAR = {"intercept": 0.49, "trend": 0.10, "sin1@365.25": -0.03, "cos1@365.25": 0.08, "price": -0.03}
_SALES_LINEAR = {"intercept": 0.49, "trend": 0.10, "sin1@365.25": -0.04, "cos1@365.25": 0.10, "price": -0.03}

# ------------------------------------------------------------------------------------- sizes of the breaks
# Hidden demand: sd of its weight on log spend, and on sales in shares of mean sales; persistence from week to week.
_DEMAND_ON_SPEND, _DEMAND_ON_SALES, _DEMAND_KEPT = 0.5, 0.10, 0.7
# Spend set from sales: elasticity of spend to last week's sales; residual of sales, sd and persistence.
_ELASTICITY, _WAVE_SD, _WAVE_KEPT = 2.0, 0.08, 0.8
# Correlation of the residuals of search and sales.
_RHO = 0.6
# Sd of the log of what is left of a channel's own spend under a common plan.
_OWN_SPEND = 0.05
# Effects that drift: share gained or lost by the ends of the history.
_DRIFT = 0.6
# Degrees of freedom of heavy tails.
_NU = 2.5
# Outliers: share of weeks, and their smallest and largest size in shares of mean sales.
_OUTLIERS, _SHOCK = 0.03, (0.3, 0.6)
# Delayed carry-over: weeks to its peak, weeks that are counted.
_PEAK, _LAGS = 3, 13
# Break of the trend: share of the history after which it happens, jump in shares of mean sales, factor on spend.
_BREAK_AT, _JUMP, _RAISED = 0.6, 0.20, 1.5
# Weak signal: factor on the amplitude of every channel, and on the residual of sales.
_WEAKER, _NOISIER = 0.25, 2.0

#: Name of every world -> the assumption that does not hold in it, and how.
WORLDS: Mapping[str, str] = MappingProxyType(
    {
        "clean": "Every assumption holds: the equations that are fitted made the series.",
        "hidden_demand": (
            "Spend is set without knowledge of demand: here demand that nobody records raises the spend of all "
            "channels and sales in the same weeks."
        ),
        "fleeting_demand": (
            "As hidden_demand, but demand of one week says nothing about the next, so that residuals stay independent "
            "of each other."
        ),
        "sales_driven_spend": (
            "Spend is set without knowledge of sales: here spend follows last week's sales, and the residual of sales "
            "persists from week to week. (With residuals independent of each other the rule alone does no harm: what "
            "it looks at is in the past.)"
        ),
        "confounded_mediator": (
            "Mediator and outcome have no common cause that is left out: here the residuals of search and sales have "
            "correlation 0.6."
        ),
        "collinear_flighting": (
            "Channels vary on their own: here all follow one plan, in the same weeks and at the same strength."
        ),
        "time_varying_effect": (
            "Effects are constant: here what tv sells directly falls from 1.6 to 0.4 times its mean over the history, "
            "and that of social rises likewise."
        ),
        "heavy_tails": (
            "Residuals are normal: here those of sales are Student's t with 2.5 degrees of freedom and the same scale."
        ),
        "outliers": (
            "Every week follows the equations: here three in a hundred have sales 30 to 60 % of their mean higher or "
            "lower."
        ),
        "delayed_adstock": (
            "Carry-over fades from the first week on: here the direct effect on sales peaks three weeks after the "
            "spend."
        ),
        "trend_break": (
            "The trend is a straight line: here sales jump by a fifth of their mean after 60 % of the history, and "
            "spend is raised by half from then on."
        ),
        "missing_season": (
            "The yearly wave is modelled: here the data are those of the clean world, in which spend follows the "
            "season, too, and the fitted equations have no season."
        ),
        "weak_signal": (
            "The data tell the effects: here every assumption holds, but effects are a quarter as large and the "
            "residual of sales is twice as large."
        ),
    }
)


@dataclass(frozen=True, eq=False, repr=False)
class BrokenWorld:
    """A simulated data set, the system that an analyst would fit to it, and what is true.

    Attributes
    ----------
    name : str
        One of `WORLDS`.
    data : MMMData
        What the analyst sees.
    system : MMM
        What the analyst fits. In the world "clean" these equations made the series.
    truth : xarray.Dataset
        As ``Truth.effects`` of a simulated world: by channel ``spend``, ``total``, ``direct``, ``indirect``, ``roi``,
        ``roi_direct``, ``roi_indirect``, over the periods of the data in units of the outcome; ``window="outcome"``.
        Found by taking the channel out of the true process; its residuals and the booked spend of the other channels
        stay. ``attrs`` has the world, and ``rho``, the correlation of the residuals of search and sales.
    broken : str
        The assumption, and how it is broken.
    seed : int
    """

    name: str
    data: MMMData
    system: MMM
    truth: xr.Dataset
    broken: str
    seed: int

    @property
    def twin(self) -> "BrokenWorld":
        """The clean world with the same seed, length, curves, plans and shocks."""
        return broken_world("clean", seed=self.seed, weeks=len(self.data.dates))

    def __repr__(self) -> str:
        table = self.truth[["spend", "total", "direct", "indirect", "roi"]].to_dataframe()
        return (
            f"BrokenWorld {self.name!r}, seed {self.seed}, {len(self.data.dates)} weeks\n{self.broken}\n"
            f"{table.round(2).to_string()}\n"
            f"Next: fit = mm.fit(world.system, world.data, seed=1), then compare mm.effects(fit, window='outcome') with "
            f"world.truth"
        )


def broken_world(name: str, *, seed: int, weeks: int = 156) -> BrokenWorld:
    """Simulate a world in which one assumption of the fitted model does not hold.

    Parameters
    ----------
    name : str
        One of `WORLDS`, which says what is broken in each.
    seed : int
        Worlds of one seed and length share curves, planned spend, price and shocks.
    weeks : int
        Number of weeks from 2 January 2022, 52 to 5200.

    Returns
    -------
    BrokenWorld

    Raises
    ------
    SettingError
        For an unknown name, or more than 5200 weeks.
    SamplingError
        For an impossible seed.
    TooFewPeriodsError
        For fewer than 52 weeks.

    References
    ----------
    Carry-over that peaks late: Jin et al. (2017), Bayesian methods for media mix modeling with carryover and shape
    effects, Google Research. Spend that follows demand: Chen et al. (2018), Bias correction for paid search in media
    mix modeling, arXiv:1807.03292. Residuals of mediator and outcome that are correlated: Imai, Keele and Yamamoto
    (2010), Identification, inference and sensitivity analysis for causal mediation effects, doi:10.1214/10-STS321.

    Examples
    --------
    >>> world = broken_world("trend_break", seed=1)
    >>> world.system.order
    ('search', 'sales')
    >>> bool((world.data.columns["sales"] > 0).all())
    True
    """
    if name not in WORLDS:
        raise SettingError(no_such(f"there is no world {name!r}", name, WORLDS, "Choose one of"))
    seed, weeks = check_seed(seed, SamplingError), check_weeks(weeks)
    clean, rng = _clean(seed, weeks)
    process = _BREAKS[name](clean, rng) if name in _BREAKS else clean
    data = process.data.replace_columns(process.series({}))
    system = _system(season=name != "missing_season")
    check_system(system, data)
    truth = zero_out(process.system, data, process.series)
    truth = truth.assign_attrs(world=name, rho=_RHO if name == "confounded_mediator" else 0.0)
    return BrokenWorld(name=name, data=data, system=system, truth=truth, broken=WORLDS[name], seed=seed)


# -------------------------------------------------------------------------------------------------- the clean world
def _system(*, season: bool) -> MMM:
    wave = Fourier(period=365.25, order=1) if season else ()
    return MMM(
        [
            Equation("search", media=CHANNELS, linear=["price"], seasonality=wave, trend=True),
            Equation("sales", media=[*CHANNELS, "search"], linear=["price"], seasonality=wave, trend=True),
        ]
    )


def _clean(seed: int, weeks: int) -> tuple[Process, np.random.Generator]:
    """The process in which every assumption holds, and the random numbers that are left for a break."""
    curves, spend, shocks, rest = np.random.default_rng(seed).spawn(4)
    system, data = _system(season=True), _planned(weeks, spend)
    scales = sized(data, {"sales": _SALES, "search": _SEARCH}, {"search": _SEARCH})
    residual = {
        "search": _SEARCH_SIGMA * shocks.standard_normal(weeks),
        "sales": _SALES_SIGMA * shocks.standard_normal(weeks),
    }
    parameters = {
        "search": _parameters(system.equation("search"), _SEARCH_MEDIA, _SEARCH_LINEAR, _SEARCH_SIGMA, curves),
        "sales": _parameters(system.equation("sales"), _SALES_MEDIA, _SALES_LINEAR, _SALES_SIGMA, curves),
    }
    return Process(system, data, scales, parameters, residual).frozen(), rest


def _parameters(equation: Equation, media: dict, linear: dict, sigma: float, rng: np.random.Generator) -> dict:
    shape = (len(equation.media), len(_SPREAD))
    return tabled(equation, media, linear, sigma, factor=np.exp(_SPREAD * rng.standard_normal(shape)))


def _planned(weeks: int, rng: np.random.Generator) -> MMMData:
    """Planned spend and price; search and sales are placeholders, which nothing reads."""
    dates = weeks_from(weeks)
    spend = {}
    for name, (level, sd, flight, pause) in _FLIGHTS.items():
        pressure = 0.3 * christmas(dates) + wander(weeks, 0.5, sd, rng)
        spend[name] = level * np.exp(pressure) * flights(weeks, flight, pause, rng)
    price = 40.0 + wander(weeks, 0.6, 1.5, rng)
    return planned(dates, spend, {"price": price}, outcome="sales", mediators={"search": "queries"})


# ------------------------------------------------------------------------------------------------------- breaks
def _spending(clean: Process, factor: np.ndarray | Mapping[str, np.ndarray]) -> MMMData:
    """Planned spend times a factor (T,), the same for all channels."""
    return clean.data.replace_columns({name: clean.data.columns[name] * factor for name in CHANNELS})


def _sales(clean: Process, residual: np.ndarray) -> dict[str, np.ndarray]:
    return {**clean.residual, "sales": residual}


def _hidden_demand(clean: Process, rng: np.random.Generator, kept: float = _DEMAND_KEPT) -> Process:
    demand = wander(len(clean.data.dates), kept, 1.0, rng)
    return replace(
        clean,
        data=_spending(clean, np.exp(_DEMAND_ON_SPEND * demand)),
        residual=_sales(clean, clean.residual["sales"] + _DEMAND_ON_SALES * demand),
    )


def _sales_driven_spend(clean: Process, rng: np.random.Generator) -> Process:
    """x_ct = plan_ct (sales_{t-1} / size)^2, week after week, since sales answer to the spend that they set."""
    weeks = len(clean.data.dates)
    process = replace(clean, residual=_sales(clean, wander(weeks, _WAVE_KEPT, _WAVE_SD, rng)))
    factor = np.ones(weeks)
    for t in range(1, weeks):
        before = process.series({name: process.data.columns[name] * factor for name in CHANNELS})["sales"][
            0, t - 1
        ]
        factor[t] = (before / _SALES) ** _ELASTICITY
    return replace(process, data=_spending(clean, factor))


def _confounded_mediator(clean: Process, rng: np.random.Generator) -> Process:
    search, sales = clean.residual["search"] / _SEARCH_SIGMA, clean.residual["sales"] / _SALES_SIGMA
    return replace(clean, residual=_sales(clean, _SALES_SIGMA * (_RHO * search + np.sqrt(1 - _RHO**2) * sales)))


def _collinear_flighting(clean: Process, rng: np.random.Generator) -> Process:
    """The plan of tv for all channels, each at its own level, up to a little spend of its own."""
    level, weeks = _FLIGHTS["tv"][0], len(clean.data.dates)
    spend = {}
    for name in CHANNELS:
        own = np.exp(_OWN_SPEND * rng.standard_normal(weeks))
        spend[name] = clean.data.columns["tv"] * _FLIGHTS[name][0] / level * own
    return replace(clean, data=clean.data.replace_columns(spend))


def _time_varying_effect(clean: Process, rng: np.random.Generator) -> Process:
    rise = np.linspace(1.0 - _DRIFT, 1.0 + _DRIFT, len(clean.data.dates))
    return replace(clean, drift={("sales", "tv"): rise[::-1], ("sales", "social"): rise})


def _heavy_tails(clean: Process, rng: np.random.Generator) -> Process:
    """Shocks of the clean world over the root of a chi-squared of their own: Student's t."""
    weeks = len(clean.data.dates)
    return replace(
        clean, residual=_sales(clean, clean.residual["sales"] / np.sqrt(rng.chisquare(_NU, weeks) / _NU))
    )


def _outliers(clean: Process, rng: np.random.Generator) -> Process:
    weeks = len(clean.data.dates)
    count = max(2, round(_OUTLIERS * weeks))
    at = rng.choice(weeks, count, replace=False)
    shock = np.zeros(weeks)
    shock[at] = rng.uniform(*_SHOCK, count) * rng.choice([-1.0, 1.0], count)
    return replace(clean, residual=_sales(clean, clean.residual["sales"] + shock))


def _delayed_adstock(clean: Process, rng: np.random.Generator) -> Process:
    """Weights alpha^((lag - 3)^2), which sum to one."""
    days, half_life = clean.data.days_per_period, clean.parameters["sales"]["half_life"][0]
    lags = {}
    for name, h in zip(clean.system.equation("sales").media, half_life, strict=True):
        if name in CHANNELS:
            weights = 0.5 ** (days / h * (np.arange(_LAGS) - _PEAK) ** 2)
            lags["sales", name] = weights / weights.sum()
    return replace(clean, lags=lags)


def _trend_break(clean: Process, rng: np.random.Generator) -> Process:
    weeks = len(clean.data.dates)
    after = np.arange(weeks) >= _BREAK_AT * weeks
    return replace(
        clean,
        data=_spending(clean, np.where(after, _RAISED, 1.0)),
        residual=_sales(clean, clean.residual["sales"] + _JUMP * after),
    )


def _weak_signal(clean: Process, rng: np.random.Generator) -> Process:
    amplitude = {}
    for name in clean.system.order:
        weaker = [_WEAKER if channel in CHANNELS else 1.0 for channel in clean.system.equation(name).media]
        amplitude[name] = clean.amplitude[name] * np.array(weaker)
    return replace(clean, amplitude=amplitude, residual=_sales(clean, _NOISIER * clean.residual["sales"]))


# "clean" changes nothing, and "missing_season" only what is fitted.
_BREAKS: Mapping[str, Callable[[Process, np.random.Generator], Process]] = {
    "hidden_demand": _hidden_demand,
    "fleeting_demand": partial(_hidden_demand, kept=0.0),
    "sales_driven_spend": _sales_driven_spend,
    "confounded_mediator": _confounded_mediator,
    "collinear_flighting": _collinear_flighting,
    "time_varying_effect": _time_varying_effect,
    "heavy_tails": _heavy_tails,
    "outliers": _outliers,
    "delayed_adstock": _delayed_adstock,
    "trend_break": _trend_break,
    "weak_signal": _weak_signal,
}
