"""Calibration of panels: worlds of six geos drawn from the priors by plain NumPy, fitted and ranked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr

import bayesmmm as mm
from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM, Equation, Panel
from bayesmmm.evaluate.calibration import Calibration, effective, rank_of, thinned
from bayesmmm.evaluate.prior_worlds import row, simulate_many
from bayesmmm.inference.many_fits import fit_quietly
from bayesmmm.priors import Prior
from tests.panel_worlds import Curve, Series, roi, to_data

GEOS, PERIODS = 6, 60
#: Geo whose social is never bought, and the geo and the period of which quantities are ranked.
WITHOUT, GEO, PERIOD = 4, 2, 17
MEDIA = {"visits": ("social",), "sales": ("tv", "social", "visits")}
SIZE = {
    "visits": np.array([300.0, 500.0, 800.0, 400.0, 650.0, 900.0]),
    "sales": np.array([1000.0, 4000.0, 2500.0, 1500.0, 6000.0, 3000.0]),
}
PRICE = 10.0, 2.0  # center and spread
POOLED = Panel()  # in part, with period effects
SETTINGS = {"draws": 750, "tune": 500, "chains": 2, "target_accept": 0.9}

#: Equation -> parameter -> (median, spread) of a LogNormal, or (mean, sd) of a Normal.
LOG_NORMAL = {
    "visits": {
        **{
            "half_life": (9.0, 0.5),
            "half_saturation": (1.0, 0.4),
            "slope": (1.2, 0.3),
            "contribution": (0.3, 0.4),
        },
        **{"tau": (0.25, 0.4), "sigma": (0.08, 0.3), "omega": (0.08, 0.4)},
    },
    "sales": {
        **{
            "half_life": (9.0, 0.5),
            "half_saturation": (1.0, 0.4),
            "slope": (1.2, 0.3),
            "contribution": (0.15, 0.5),
        },
        **{"tau": (0.25, 0.4), "sigma": (0.05, 0.4), "omega": (0.1, 0.4)},
    },
}
NORMAL = {
    "visits": {"intercept": (0.7, 0.1), "coefficient": (0.0, 0.1)},
    "sales": {"intercept": (0.5, 0.2), "coefficient": (0.0, 0.05)},
}


def system(panel: Panel = POOLED) -> MMM:
    """Social moves visits, and both move sales; `panel` is that of both equations."""
    equations = []
    for name, media in MEDIA.items():
        log = {
            p: Prior("LogNormal", mu=np.log(median), sigma=sd)
            for p, (median, sd) in LOG_NORMAL[name].items()
            if (p != "omega" or panel.periods != "none") and (p != "tau" or panel.pooling == "partial")
        }
        normal = {p: Prior("Normal", mu=mean, sigma=sd) for p, (mean, sd) in NORMAL[name].items()}
        equations.append(Equation(name, media=media, linear=["price"], panel=panel, priors=log | normal))
    return MMM(equations)


def exogenous() -> dict[str, np.ndarray]:
    """Spend in flights and a price (G, T), the same in all worlds; one geo never buys social."""
    rng = np.random.default_rng(20)
    out = {}
    for name, (mean, length, share) in {"tv": (0.05, 6, 0.6), "social": (0.02, 4, 0.7)}.items():
        on = np.repeat(rng.random((GEOS, -(-PERIODS // length))) < share, length, axis=1)[:, :PERIODS]
        out[name] = np.where(on, rng.gamma(6.0, mean / 6.0, (GEOS, PERIODS)), 0.0) * SIZE["sales"][:, None]
    out["social"][WITHOUT] = 0.0
    out["price"] = PRICE[0] + rng.normal(0.0, PRICE[1], (GEOS, PERIODS))
    return out


@dataclass
class PanelWorld:
    """Data, the generating scales, and the true value of every ranked quantity."""

    data: MMMData
    scales: Scales
    truth: dict[str, float] = field(default_factory=dict)


def simulated(seed: int, *, late: bool = False) -> PanelWorld:
    """Draw a world from the priors; `late`: spend of one geo acts a week later than the data say."""
    rng = np.random.default_rng(seed)
    columns, truth, series = exogenous(), {}, {}
    spend = {
        name: np.array([v[v > 0].mean() if v.any() else np.nan for v in columns[name]])
        for name in ("tv", "social")
    }
    spend["visits"] = 1.1 * SIZE["visits"]
    acting = dict(columns)
    if late:
        for name in ("tv", "social"):
            acting[name] = columns[name].copy()
            acting[name][0] = [0.0, *columns[name][0, :-1]]
    for name, media in MEDIA.items():
        log, normal = LOG_NORMAL[name], NORMAL[name]

        def draw(parameter: str, log=log) -> float:
            return float(log[parameter][0] * np.exp(log[parameter][1] * rng.normal()))

        curves = {}
        for c in media:
            own = {p: draw(p) for p in ("half_life", "half_saturation", "slope")}
            median, tau = draw("contribution"), draw("tau")
            by_geo = median * np.exp(tau * rng.normal(size=GEOS))
            curves[c] = Curve(**own, contribution=by_geo)
            truth |= {f"{name}.{p}[{c}]": v for p, v in own.items()}
            truth |= {f"{name}.median_contribution[{c}]": median, f"{name}.tau[{c}]": tau}
            truth[f"{name}.contribution[g{GEO}, {c}]"] = float(by_geo[GEO])
        sigma, omega = draw("sigma"), draw("omega")
        intercept = normal["intercept"][0] + normal["intercept"][1] * rng.normal(size=(GEOS, 1))
        price = normal["coefficient"][0] + normal["coefficient"][1] * rng.normal()
        period = omega * rng.normal(size=PERIODS)
        truth |= {f"{name}.sigma": sigma, f"{name}.omega": omega, f"{name}.coefficient[g{GEO}, price]": price}
        truth[f"{name}.coefficient[g{GEO}, intercept]"] = float(intercept[GEO, 0])
        truth[f"{name}.period[{PERIOD}]"] = float(period[PERIOD])
        base = intercept + price * (columns["price"] - PRICE[0]) / PRICE[1] + period
        series[name] = Series(SIZE[name], base + sigma * rng.normal(size=(GEOS, PERIODS)), curves)
        acting[name] = columns[name] = series[name].run(acting, spend)
    truth |= {f"roi[{c}]": roi(series, acting, spend, c) for c in ("tv", "social")}
    data = to_data(columns, media=["tv", "social"], mediators=["visits"], controls=["price"])
    base_scales = data.scales()
    scales = replace(
        base_scales,
        size=dict(SIZE),
        spend=spend,
        center={**base_scales.center, "price": PRICE[0]},
        spread={**base_scales.spread, "price": PRICE[1]},
    )
    return PanelWorld(data, scales, truth)


def quantities(fit) -> dict[str, np.ndarray]:
    """Draws (chain, draw) of the quantities of `simulated` that a fit has."""
    out = {}
    for variable, values in fit.posterior.data_vars.items():
        name, parameter = str(variable).split(".")
        if "geo" in values.dims:
            values = values.sel(geo=f"g{GEO}", drop=True)
        if parameter == "period":
            out[f"{name}.period[{PERIOD}]"] = values.isel(date=PERIOD).values
        elif values.ndim == 2:
            out[f"{name}.{parameter}"] = values.values
        else:
            where = f"g{GEO}, " * (parameter in ("contribution", "coefficient"))
            for label in values[values.dims[2]].values:
                out[f"{name}.{parameter}[{where}{label}]"] = values.sel({values.dims[2]: label}).values
    returns = mm.roi(fit.accept_unconverged(), window="outcome")
    return out | {f"roi[{c}]": returns.sel(channel=c).transpose("chain", "draw").values for c in ("tv", "social")}


@dataclass(frozen=True)
class PanelRanking:
    """Simulate a panel, fit it on the generating scales, rank its truth: the work of one simulation."""

    panel: Panel
    worlds: Callable[..., PanelWorld]
    kept: int
    settings: Mapping[str, Any]

    def __call__(self, seed: int) -> xr.Dataset:
        rng = np.random.default_rng(seed)
        world = self.worlds(int(rng.integers(2**31)))
        settings = {**self.settings, "scales": world.scales, "seed": int(rng.integers(2**31))}
        fit = fit_quietly(system(self.panel), world.data, **settings).fit
        draws = quantities(fit)
        names = [name for name in draws if name in world.truth]
        values, truth = np.stack([draws[n] for n in names], axis=-1), np.array([world.truth[n] for n in names])
        by_quantity = {
            "rank": rank_of(truth, thinned(values, self.kept), rng),
            "truth": truth,
            "mean": values.mean(axis=(0, 1)),
            "sd": values.std(axis=(0, 1)),
            "ess": effective(values),
        }
        found = fit.convergence
        about = {"rhat": found.rhat, "divergences": found.divergences, "draws": found.draws, "refused": 0}
        return row(names, by_quantity, about, seed=seed)


def calibrated(
    simulations: int,
    *,
    panel: Panel = POOLED,
    worlds: Callable[..., PanelWorld] = simulated,
    kept: int = 99,
    seed: int = 1,
    settings: Mapping[str, Any] = SETTINGS,
) -> Calibration:
    """Calibrate panels: `panel` is what is fitted, `worlds` what data come from."""
    task = PanelRanking(panel, worlds, kept, settings)
    rows, about = simulate_many(task, simulations, settings, seed=seed, executor=None, progress=False)
    return Calibration(simulations=rows, kept=kept, error=0.05, **about)
