"""Panels with made draws: several geos in one fit, and the national fit of each geo, taken out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM, Equation, Panel
from bayesmmm.results import Fit, library_versions
from bayesmmm.results.convergence import Convergence
from tests import made

GEOS = ("north", "south", "west")
#: The channel and the geo that never buys it.
NEVER, WITHOUT = "radio", "south"
#: The geos of a ragged panel that starts late and that ends early.
LATE, EARLY = "north", "west"
PERIODS = 52
_PANEL = Panel(periods="random")
_OWN = Panel(periods="random", per_geo=("seasonality", "price"))
_CURVES = Panel(periods="random", pooled=("half_life", "half_saturation", "slope"))
_NONE = Panel(periods="none", per_geo=("trend",))
_SIGMA = Panel(periods="random", sigma="per_geo")


def _queries(panel=_PANEL, **changes) -> Equation:
    given = {"media": ["tv", "social"], "linear": ["price"], "trend": True, "panel": panel}
    return Equation("queries", **{**given, **changes})


def _sales(panel=_OWN, **changes) -> Equation:
    given = {"linear": ["price"], "trend": True, "seasonality": made.YEAR, "panel": panel}
    return Equation("sales", **{"media": ["tv", "social", "radio", "queries"], **given, **changes})


#: Name -> system of a panel.
SYSTEMS = {
    "mediated": MMM([_queries(), _sales()]),
    "lognormal": MMM([_queries(), _sales(likelihood="lognormal")]),
    "lognormal mediator": MMM(
        [_queries(likelihood="lognormal"), _sales(media=["tv", "radio"], linear=["price", "queries"])]
    ),
    "no period effects": MMM([_queries(_NONE), _sales(_NONE)]),
    "censored": MMM(
        [
            Equation(
                "search",
                media=["social", "tv"],
                linear=["price"],
                likelihood="censored_normal",
                panel=_PANEL,
            ),
            _sales(media=["tv", "radio", "search"], linear=["price"]),
        ]
    ),
    "sigma per geo": MMM([_queries(_SIGMA, likelihood="lognormal"), _sales(_SIGMA, likelihood="lognormal")]),
    "short memory": MMM([_queries(max_lag=3), _sales(media=["tv", "radio", "queries"], max_lag=5)]),
    "own curves": MMM([_queries(_CURVES), _sales(_CURVES)]),
    "no mediator": MMM([_sales(media=["tv", "social", "radio"])]),
}
NAMES = tuple(SYSTEMS)


# ------------------------------------------------------------------------------------------------------------- fits
def table(geos=GEOS, *, periods=PERIODS) -> pd.DataFrame:
    """A row per geo and period: markets of different size, one of which never buys a channel."""
    frames = []
    for geo in geos:
        number = GEOS.index(geo)
        own = made.frame(seed=10 + number, periods=periods)
        own[["tv", "social", "radio", "queries", "search", "sales"]] *= 1.0 + number
        own[NEVER] *= geo != WITHOUT
        frames.append(own.assign(geo=geo))
    return pd.concat(frames, ignore_index=True)


def ragged_table(geos=GEOS, *, periods=PERIODS) -> pd.DataFrame:
    """Without the first periods of one geo and the last of another; sales of some periods were not recorded."""
    frame = table(geos, periods=periods)
    number = frame.groupby("geo").cumcount()
    frame.loc[(frame["geo"] == "south") & number.isin([7, 8, 30]), "sales"] = np.nan
    frame.loc[(frame["geo"] == LATE) & (number == 20), "sales"] = np.nan
    gone = ((frame["geo"] == LATE) & (number < 9)) | ((frame["geo"] == EARLY) & (number >= periods - 6))
    return frame[~gone].reset_index(drop=True)


def panel_data(system: MMM, geos=GEOS, *, periods=PERIODS, ragged=False) -> MMMData:
    used = {n for e in system.equations for n in e.inputs}
    return MMMData.from_frame(
        (ragged_table if ragged else table)(geos, periods=periods),
        missing="ignore" if ragged else None,
        date="date",
        geo="geo",
        outcome="sales",
        media=[n for n in made.MEDIA if n in used],
        mediators={n: u for n, u in made.UNITS.items() if n in system.mediators},
        controls=["price"],
    )


def panel_fit(name="mediated", *, draws=4, chains=2, seed=3, ragged=False) -> Fit:
    """Fit of a panel whose draws come from the prior, drawn in to sane sizes."""
    system = SYSTEMS[name]
    data = panel_data(system, ragged=ragged)
    scales, rng = data.scales(), np.random.default_rng(seed)
    wide = engine.draw_prior(system, data, scales, draws=draws * chains, rng=rng, observed_mediators=True)
    parameters = {n: _drawn_in(system.equation(n), par, rng) for n, par in wide.items()}
    return fit_with(system, data, scales, engine.to_dataset(system, parameters, data, chains=chains))


def with_replicates(fit: Fit) -> Fit:
    """The fit with observed series and replicates of them, made of the fitted means, for tables and figures."""
    from bayesmmm.estimands import predict

    draws = predict(fit, by="geo")
    order, shape = ("chain", "draw", "geo", "date"), {"geo": list(fit.data.geos), "date": fit.data.dates}
    replicates = {name: draws[name].transpose(*order) for name in fit.system.order}
    seen = {name: (("geo", "date"), fit.data.columns[name]) for name in fit.system.order}
    fit.tree["posterior_predictive"] = xr.DataTree(xr.Dataset(replicates))
    fit.tree["observed_data"] = xr.DataTree(xr.Dataset(seen, shape))
    return fit


def pooled(fit: Fit) -> xr.Dataset:
    """What `pooling_sensitivity` gives, made up of the returns of a made fit."""
    from bayesmmm.estimands import roi

    each, total = roi(fit, by="geo"), roi(fit)
    at, over = [0.05, 0.5, 0.95], ("chain", "draw")
    answers = [
        xr.Dataset({"roi": factor * each, "total": factor * total}).quantile(at, over, skipna=False)
        for factor in (1.0, 1.3)
    ]
    found = xr.concat(answers, dim="pooling").assign_coords(pooling=["partial", "none"])
    found["roi"] = found["roi"].transpose("pooling", "quantile", "geo", "channel")
    return found.assign_attrs(each.attrs, ci_prob=0.9)


def _drawn_in(equation: Equation, par, rng) -> dict:
    log = equation.likelihood == "lognormal"
    coefficient = 0.3 * par["coefficient"]
    coefficient[..., 0] += {"lognormal": -0.4, "censored_normal": 0.2}.get(equation.likelihood, 0.4)
    # Longer than that of the channel that a geo never buys, so that the tail of no geo is told by it.
    half_life = np.clip(par["half_life"], 4.0, 30.0)
    if half_life.ndim == 3:  # the longest tail is that of every geo
        half_life[..., 0] = 30.0
    if NEVER in equation.media:
        half_life[..., equation.media.index(NEVER)] = 2.0
    out = par | {
        "half_life": half_life,
        "contribution": par["contribution"] / (1.0 + par["contribution"]) * (0.7 if log else 1.0),
        "coefficient": coefficient,
        "sigma": 0.05 + 0.4 * par["sigma"] / (1.0 + par["sigma"]),
    }
    if "omega" in par:
        out["omega"] = 0.05 + 0.1 * rng.random(par["omega"].shape)
        out["period"] = out["omega"][:, None] * rng.standard_normal(par["period"].shape)
    return out


def fit_with(system: MMM, data: MMMData, scales: Scales, posterior: xr.Dataset) -> Fit:
    """Fit with these draws, of which nothing bad is said."""
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    settings = {"draws": draws, "tune": 1, "chains": chains, "cores": 1, "seed": 0, "sampler": "nutpie"}
    fit = Fit(
        data=data,
        system=system,
        scales=scales,
        tree=xr.DataTree.from_dict({"posterior": posterior}),
        settings={**settings, "target_accept": 0.9, "collapse": True, "seconds": {"sample": 0.0}},
        versions=library_versions(),
    )
    return fit.with_convergence(Convergence("converged", 1.0, 1000.0, 1000.0, 0, draws * chains, chains, "none"))


# ---------------------------------------------------------------------------------------------- one geo, other orders
def alone(fit: Fit, geo: str) -> Fit:
    """National fit of one geo on the scales of the panel; a channel that it never bought is left out."""
    g, data, scales = fit.data.geos.index(geo), fit.data, fit.scales
    bought = [n for n in data.media if data.columns[n][g].any()]
    equations = [
        replace(e, panel=None, media=[n for n in e.media if n in bought or n in fit.system.mediators])
        for e in fit.system.equations
    ]
    rows = data.has_row[g]
    used = {n: values[[g]][:, rows] for n, values in data.columns.items() if n in bought or n not in data.media}
    own = replace(data, geos=(geo,), dates=data.dates[rows], columns=used, media=tuple(bought), present=None)
    posterior = fit.posterior.sel(geo=geo, drop=True)
    if "date" in posterior.dims:
        posterior = posterior.sel(date=own.dates)
    for e in equations:
        if e.media:
            posterior = posterior.sel({f"{e.name}.media": list(e.media)})
    return fit_with(MMM(equations), own, scales.sel([g]), posterior)


def reordered(fit: Fit, geos: tuple[str, ...]) -> Fit:
    """The same fit with its geos in another order."""
    at = [fit.data.geos.index(geo) for geo in geos]
    return fit_with(fit.system, fit.data.sel(geos), fit.scales.sel(at), fit.posterior.sel(geo=list(geos)))


def plan_of(fit: Fit, *, periods=6, seed=0) -> pd.DataFrame:
    """Plan with every exogenous column of every geo at values it has had, geos in turn within each period."""
    rng, names = np.random.default_rng(seed), fit.system.exogenous
    dates = pd.date_range(fit.data.dates[-1], periods=periods + 1, freq="7D")[1:]
    frames = []
    for geo in GEOS:
        if geo in fit.data.geos:
            g, rows = fit.data.geos.index(geo), rng.integers(0, PERIODS, periods)
            frames.append(
                pd.DataFrame({"date": dates, "geo": geo} | {n: fit.data.columns[n][g, rows] for n in names})
            )
    return pd.concat(frames).sort_values(["date", "geo"], ascending=[True, False], ignore_index=True)


def of_geo(plan: pd.DataFrame, geo: str) -> pd.DataFrame:
    """Rows of one geo of a plan, as a national plan."""
    return plan[plan["geo"] == geo].drop(columns="geo").reset_index(drop=True)
