"""Fits that need no sampling, and a catalogue of small systems, for tests of what is computed from a fit.

The draws of a made fit come from the prior, drawn in to sane sizes. They are no posterior: nothing here says how well
a system explains its data, only what the answers are for given parameters.
"""

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier, check_system, log_likelihood, observe
from bayesmmm.priors import Prior
from bayesmmm.results import Fit, library_versions
from bayesmmm.results.convergence import Convergence

YEAR = Fourier(period=365.25, order=1)
WEEK = Fourier(period=7, order=1)


# ------------------------------------------------------------------------------------------------------- made fits
def made_fit(system, data, *, draws=40, chains=2, seed=0, values=None, verdict="converged") -> Fit:
    """Fit whose draws come from the prior.

    `values` overwrites parameters: {"sales.slope": 1.0} or {"sales.slope": {"tv": 1.0}}. `verdict` is what
    ``fit.convergence`` says of these few draws; None leaves it to the honest judge (as does loading a saved fit).
    """
    check_system(system, data)
    scales, rng = data.scales(), np.random.default_rng(seed)
    wide = engine.draw_prior(system, data, scales, draws=draws * chains, rng=rng, observed_mediators=True)
    parameters = {name: _drawn_in(system.equation(name), par) for name, par in wide.items()}
    posterior = engine.to_dataset(system, parameters, data, chains=chains)
    for variable, value in (values or {}).items():
        posterior[variable] = _overwritten(posterior[variable], value)
    parameters = engine.to_arrays(system, posterior)
    replicates, densities = _replicated(system, parameters, data, scales, rng)
    groups = {
        "posterior": posterior,
        "sample_stats": xr.Dataset(
            {"diverging": (("chain", "draw"), np.zeros((chains, draws), bool))},
            {"chain": posterior.chain, "draw": posterior.draw},
        ),
        "log_likelihood": _labelled(densities, data, chains),
        "posterior_predictive": _labelled(replicates, data, chains),
        "prior": posterior.copy(deep=True),
        "prior_predictive": _labelled(replicates, data, chains),
        "observed_data": _labelled({n: data.columns[n] for n in system.order}, data),
        "constant_data": _labelled({n: data.columns[n] for n in system.exogenous}, data),
    }
    fit = Fit(
        data=data,
        system=system,
        scales=scales,
        tree=xr.DataTree.from_dict(groups),
        settings={
            "draws": draws,
            "tune": 1,
            "chains": chains,
            "cores": 1,
            "seed": seed,
            "target_accept": 0.9,
            "sampler": "nutpie",
            "collapse": True,
            "seconds": {"sample": 0.0, "complete": 0.0},
        },
        versions=library_versions(),
    )
    if verdict is not None:
        fit = fit.with_convergence(_verdict(verdict, draws, chains))
    return fit


def _drawn_in(equation, par) -> dict:
    """Parameters brought to sizes at which every likelihood gives numbers that double precision can hold."""
    log = equation.likelihood == "lognormal"
    coefficient = 0.3 * par["coefficient"]
    coefficient[:, 0] += {"lognormal": -0.4, "censored_normal": 0.2}.get(equation.likelihood, 0.4)
    return par | {
        "half_life": np.clip(par["half_life"], 0.5, 60.0),
        "contribution": par["contribution"] / (1.0 + par["contribution"]) * (0.7 if log else 1.0),
        "coefficient": coefficient,
        "sigma": 0.05 + 0.4 * par["sigma"] / (1.0 + par["sigma"]),
    }


def _overwritten(variable: xr.DataArray, value) -> xr.DataArray:
    out = variable.copy(deep=True)
    if isinstance(value, dict):
        (dim,) = [d for d in out.dims if d not in ("chain", "draw")]
        for label, number in value.items():
            out.loc[{dim: label}] = number
        return out
    return out * 0.0 + value


def _verdict(verdict: str, draws: int, chains: int) -> Convergence:
    """Say that all is well, or not, without looking."""
    return Convergence(verdict, 1.0, 1000.0, 1000.0, 0, draws * chains, chains, "none")


def _replicated(system, parameters, data, scales, rng):
    replicates, densities = {}, {}
    for name in system.order:
        equation, par = system.equation(name), parameters[name]
        seen = engine.inputs(equation, data, scales)
        mean = engine.latent_mean(equation, seen, par, data.calendar)
        noisy = mean + equation.family.draw_residual(par, mean.shape, rng)
        replicates[name] = observe(equation, noisy, scales)
        densities[name] = log_likelihood(equation, data.columns[name], mean, par, scales)
    return replicates, densities


def _labelled(values, data, chains=None) -> xr.Dataset:
    coords, out = {"date": data.dates}, {}
    for name, value in values.items():
        value = np.asarray(value)[..., 0, :]
        if chains is None:
            out[name] = (("date",), value)
        else:
            value = value.reshape(chains, -1, value.shape[-1])
            coords |= {"chain": np.arange(chains), "draw": np.arange(value.shape[1])}
            out[name] = (("chain", "draw", "date"), value)
    return xr.Dataset(out, coords)


# ------------------------------------------------------------------------------------------------------------ data
#: Units of the mediators below. "search" and "shop" are paid.
UNITS = {"queries": "queries", "visits": "visits", "search": "money", "shop": "money"}
MEDIA = ("tv", "social", "radio")


def frame(seed=0, *, periods=52, step="7D", start="2023-01-01") -> pd.DataFrame:
    """Every column a case may ask for.

    tv and social are off in many periods, radio never; queries and shop are above zero, search is zero in many
    periods, visits are negative in some; deals is an outcome with zeros, sales one without.
    """
    rng = np.random.default_rng(seed)
    dates = pd.date_range(start, periods=periods, freq=step)
    tv = rng.gamma(2.0, 50.0, periods) * (rng.random(periods) < 0.6)
    social = rng.gamma(2.0, 30.0, periods) * (rng.random(periods) < 0.75)
    radio = 5.0 + rng.gamma(3.0, 8.0, periods)
    price, holiday = 10 + rng.normal(0, 1, periods), (rng.random(periods) < 0.15).astype(float)
    queries = 300 + 2.0 * social + 0.5 * tv + rng.normal(0, 60, periods)
    search = np.maximum(-10 + 0.3 * social + 0.05 * queries + rng.normal(0, 30, periods), 0.0)
    visits = 5 + 0.4 * tv + rng.normal(0, 40, periods)
    shop = 20 + 0.2 * tv + 0.3 * search + rng.gamma(2.0, 8.0, periods)
    sales = 900 + 1.5 * tv + social + 2.0 * search + 0.4 * queries - 20 * (price - 10) + rng.normal(0, 60, periods)
    deals = np.maximum(sales - np.quantile(sales, 0.3), 0.0)
    columns = [tv, social, radio, price, holiday, np.maximum(queries, 20), search, visits, shop, sales, deals]
    names = ["tv", "social", "radio", "price", "holiday", "queries", "search", "visits", "shop", "sales", "deals"]
    return pd.DataFrame({"date": dates, **dict(zip(names, columns, strict=True))})


def made_data(system: MMM, table: pd.DataFrame, *, outcome_unit="money") -> MMMData:
    """Give the columns that a system uses their roles."""
    used = {n for e in system.equations for n in (*e.media, *e.linear)}
    return MMMData.from_frame(
        table,
        date="date",
        outcome=system.outcome,
        media=[n for n in MEDIA if n in used],
        mediators={n: u for n, u in UNITS.items() if n in system.mediators},
        controls=[n for n in ("price", "holiday") if n in used],
        outcome_unit=outcome_unit,
    )


# ----------------------------------------------------------------------------------------------------------- cases
def _sales(media, *, linear=("price",), trend=True, seasonality=YEAR, **kwargs) -> Equation:
    return Equation("sales", media=media, linear=linear, trend=trend, seasonality=seasonality, **kwargs)


_QUERIES = Equation("queries", media=["tv", "social"], linear=["price"], trend=True)
_VISITS = Equation("visits", media=["tv", "radio"], linear=["price"])
_SEARCH = Equation("search", media=["social", "queries"], linear=["price"], likelihood="censored_normal")

#: Name -> equations, and keyword arguments of `frame`, `made_data` and `made_fit`.
_CASES = {
    "no mediator": ([_sales(["tv", "social", "radio"])], {}),
    "one term": ([Equation("sales", media=["tv"])], {"periods": 40}),
    "one mediator": ([_QUERIES, _sales(["tv", "social", "queries"])], {}),
    "no direct path": ([_QUERIES, _sales(["radio", "queries"])], {}),
    "parallel": ([_QUERIES, _VISITS, _sales(["tv", "social", "queries", "visits"])], {}),
    "chain": (
        [
            _QUERIES,
            Equation("shop", media=["social", "queries"], linear=["price"], seasonality=YEAR),
            _sales(["tv", "social", "queries", "shop"]),
        ],
        {},
    ),
    "chain without a short cut": (
        [_QUERIES, Equation("shop", media=["queries"]), _sales(["radio", "shop"], linear=())],
        {},
    ),
    "diamond": (
        [
            _QUERIES,
            _VISITS,
            Equation("shop", media=["queries", "visits", "tv"], linear=["price"]),
            _sales(["tv", "shop", "queries"], likelihood="student_t"),
        ],
        {},
    ),
    "linear mediator": ([_QUERIES, _sales(["tv", "social"], linear=["price", "queries"])], {}),
    "linear in a mediator": (
        [
            _VISITS,
            Equation("queries", media=["social"], linear=["price", "visits"]),
            _sales(["tv", "social", "queries"], linear=["price", "visits"]),
        ],
        {},
    ),
    "negative mediator": ([_VISITS, _sales(["tv", "radio", "visits"])], {}),
    "student_t mediator": (
        [
            Equation("visits", media=["tv", "radio"], linear=["price"], likelihood="student_t"),
            _sales(["tv", "radio", "visits"], likelihood="student_t"),
        ],
        {},
    ),
    "lognormal mediator": (
        [
            Equation("queries", media=["tv", "social"], linear=["price"], likelihood="lognormal"),
            _sales(["tv", "queries"]),
        ],
        {},
    ),
    "lognormal outcome": ([_QUERIES, _sales(["tv", "social", "queries"], likelihood="lognormal")], {}),
    "lognormal outcome, linear mediator": (
        [_VISITS, _QUERIES, _sales(["tv", "queries"], linear=["price", "visits"], likelihood="lognormal")],
        {},
    ),
    "censored outcome": (
        [
            _QUERIES,
            Equation(
                "deals", media=["tv", "queries"], linear=["price"], seasonality=YEAR, likelihood="censored_normal"
            ),
        ],
        {"outcome_unit": "contracts"},
    ),
    "censored outcome, linear mediator": (
        [
            _VISITS,
            Equation("deals", media=["tv", "radio"], linear=["price", "visits"], likelihood="censored_normal"),
        ],
        {},
    ),
    "censored mediator": (
        [
            Equation("search", media=["social"], linear=["price"], likelihood="censored_normal"),
            _sales(["tv", "social", "search"]),
        ],
        {},
    ),
    "censored in a chain": ([_QUERIES, _SEARCH, _sales(["tv", "social", "queries", "search"])], {}),
    "censored, then lognormal": ([_QUERIES, _SEARCH, _sales(["tv", "search"], likelihood="lognormal")], {}),
    "short memory": (
        [
            Equation("queries", media=["tv", "social"], max_lag=2),
            _sales(["tv", "queries"], max_lag=5),
        ],
        {},
    ),
    "daily, knots, two seasons": (
        [
            Equation("queries", media=["tv", "social"], seasonality=[WEEK, YEAR], trend=["2023-01-20"]),
            _sales(
                ["tv", "social", "queries"],
                linear=["price", "holiday"],
                seasonality=[YEAR, WEEK],
                trend=["2023-01-20", "2023-02-08"],
            ),
        ],
        {"periods": 60, "step": "1D"},
    ),
    "monthly": ([_QUERIES, _sales(["tv", "queries"])], {"periods": 48, "step": "MS", "start": "2019-01-01"}),
    "S-shaped": (
        [_QUERIES, _sales(["tv", "social", "queries"])],
        {"values": {"sales.slope": {"tv": 2.5, "queries": 1.8}, "queries.slope": 1.4}},
    ),
    "slope one": (
        [_QUERIES, _sales(["tv", "social", "queries"])],
        {"values": {"sales.slope": 1.0, "queries.slope": 1.0}},
    ),
    "concave": (
        [_QUERIES, _sales(["tv", "social", "queries"])],
        {"values": {"sales.slope": 0.6, "queries.slope": {"tv": 0.5}}},
    ),
    "lognormal, no mediator": ([_sales(["tv", "social"], likelihood="lognormal")], {}),
    "censored, no mediator": (
        [Equation("deals", media=["tv", "radio"], linear=["price"], trend=True, likelihood="censored_normal")],
        {},
    ),
    "censored mediator, linear": (
        [
            Equation("search", media=["social", "tv"], linear=["price"], likelihood="censored_normal"),
            _sales(["tv", "radio"], linear=["price", "search"]),
        ],
        {},
    ),
    "retention and roi": (
        [
            _QUERIES,
            _sales(
                ["tv", "social", "queries"],
                priors={
                    "retention": {"tv": Prior("Beta", alpha=2.0, beta=2.0)},
                    "roi": {"social": Prior("LogNormal", mu=0.0, sigma=0.5)},
                },
            ),
        ],
        {},
    ),
}

NAMES = tuple(_CASES)


def case(name: str) -> tuple[MMM, MMMData]:
    """System and data of a case of the catalogue."""
    equations, extra = _CASES[name]
    system = MMM(equations)
    table = frame(NAMES.index(name) + 1, **{k: v for k, v in extra.items() if k in ("periods", "step", "start")})
    return system, made_data(system, table, **{k: v for k, v in extra.items() if k == "outcome_unit"})


def case_fit(name: str, *, draws=6, chains=2, seed=1, values=None, **kwargs) -> Fit:
    """Made fit of a case of the catalogue; `values` adds to those of the case."""
    values = _CASES[name][1].get("values", {}) | (values or {})
    return made_fit(*case(name), draws=draws, chains=chains, seed=seed, values=values, **kwargs)


def random_system(seed: int, *, censored=True, periods=None, step=None) -> tuple[MMM, MMMData]:
    """Draw a system at random: graph, kinds of edges, likelihoods, linear part; the same seed, the same system.

    `censored=False` leaves out equations whose residuals in periods of zero have to be drawn.
    """
    rng = np.random.default_rng(seed)
    periods = int(rng.integers(40, 71)) if periods is None else periods
    step = str(rng.choice(["7D", "1D"])) if step is None else step
    seasons = [YEAR, WEEK] if step == "1D" else [YEAR]
    allowed = {
        "queries": ["normal", "student_t", "lognormal"],
        "visits": ["normal", "student_t"],
        "search": ["censored_normal"],
        "shop": ["normal", "student_t", "lognormal"],
    }
    pool = [m for m in allowed if censored or m != "search"]
    mediators = sorted(rng.choice(pool, size=rng.integers(1, len(pool) + 1), replace=False), key=pool.index)
    equations, explained = [], []
    for name in mediators:
        equations.append(_random_equation(rng, str(name), explained, allowed[name], seasons))
        explained.append(str(name))
    fed = {n for e in equations for n in (*e.media, *e.linear)}
    kinds = ["normal", "student_t", "lognormal"]
    equations.append(
        _random_equation(rng, "sales", explained, kinds, seasons, [m for m in explained if m not in fed])
    )
    system = MMM(equations)
    return system, made_data(system, frame(seed + 1000, periods=periods, step=step))


def _random_equation(rng, name, explained, kinds, seasons, must=()) -> Equation:
    def some(names, p):
        return [n for n in names if rng.random() < p]

    upstream = [m for m in explained if m in must or rng.random() < 0.6]
    acting = [m for m in upstream if rng.random() < 0.75]
    media = some(MEDIA, 0.7) or ["tv"]
    media = [str(m) for m in rng.permutation([*media, *acting])]
    return Equation(
        name,
        media=media,
        linear=[*some(["price", "holiday"], 0.6), *(m for m in upstream if m not in acting)],
        seasonality=some(seasons, 0.4),
        trend=bool(rng.random() < 0.6),
        likelihood=str(rng.choice(kinds)),
        max_lag=int(rng.integers(1, 8)) if rng.random() < 0.2 else None,
    )
