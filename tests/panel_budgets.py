"""Budgets of panels for tests: plain panels, whose best plans can be written down and found by other means."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Panel
from tests import budgets, panel_fits

GEOS = ("north", "south", "west")
NAMES = ("tv", "radio")
PERIODS = 30


def table(geos=GEOS, names=NAMES, *, alike=False, without=(), seed=0) -> pd.DataFrame:
    """Spend with pauses and an outcome well above zero; geos differ in size unless they are all alike."""
    frames = []
    for geo in geos:
        rng = np.random.default_rng([seed, 0 if alike else GEOS.index(geo)])
        size = 1.0 if alike else (1.0, 2.0, 0.6)[GEOS.index(geo)]
        spend = {n: size * 50.0 * rng.gamma(2.0, 0.5, PERIODS) * (rng.random(PERIODS) < 0.8) for n in names}
        spend = {n: values * ((n, geo) not in without) for n, values in spend.items()}
        own = pd.DataFrame(spend)
        own["sales"] = size * 1000.0 + own.sum(axis=1) + rng.normal(0, 30, PERIODS)
        frames.append(own.assign(geo=geo, date=pd.date_range("2023-01-01", periods=PERIODS, freq="7D")))
    return pd.concat(frames, ignore_index=True)


def plain_panel(geos=GEOS, names=NAMES, *, draws=10, chains=2, slope=1.0, alike=False, without=(), seed=0):
    """Fit of sales to channels that act at once, with draws of their own for every geo unless geos are alike."""
    rng, n_draw, count = np.random.default_rng(seed + 99), draws * chains, len(names)
    frame = table(geos, names, alike=alike, without=without, seed=seed)
    data = MMMData.from_frame(frame, date="date", geo="geo", outcome="sales", media=list(names))
    system = MMM([Equation("sales", media=list(names), panel=Panel(periods="none"))])
    spread = np.ones((n_draw, len(GEOS), count)) if alike else rng.lognormal(0.0, 0.4, (n_draw, len(GEOS), count))
    at = [GEOS.index(geo) for geo in geos]
    common = rng.uniform(0.05, 0.2, count) * rng.lognormal(0.0, 0.3, (n_draw, count))
    parameters = {
        "half_life": np.full((n_draw, count), budgets.AT_ONCE),
        "half_saturation": rng.lognormal(0.3, 0.4, count) * rng.lognormal(0.0, 0.2, (n_draw, count)),
        "slope": np.broadcast_to(np.asarray(slope, float), (n_draw, count)).copy(),
        "contribution": (common[:, None] * spread)[:, at] * data.bought(list(names)),
        "coefficient": np.full((n_draw, len(geos), 1), 0.8),
        "sigma": np.full(n_draw, 0.05),
        "tau": np.full((n_draw, count), 0.3),
        "median_contribution": common,
    }
    scales = data.scales()
    posterior = engine.to_dataset(system, {"sales": parameters}, data, chains=chains)
    return panel_fits.fit_with(system, data, scales, posterior)


def curves_of(fit, decided, periods) -> list[Callable[[float], np.ndarray]]:
    """Outcome (S,) gained by money on each channel in a geo, spent evenly and acting at once, written down."""
    out, posterior = [], fit.posterior
    for channel, geo in decided:
        g, own = fit.data.geos.index(geo), fit.data.columns[channel][fit.data.geos.index(geo)]
        mean, size = own[own > 0.0].mean(), np.abs(fit.data.columns["sales"][g]).mean()
        at = {"sales.media": channel}
        k, n = (posterior[f"sales.{name}"].sel(at).values.ravel() for name in ("half_saturation", "slope"))
        gamma = posterior["sales.contribution"].sel(at | {"geo": geo}).values.ravel()
        full = periods * size * gamma / budgets.hill(own[:, None] / mean, k, n).mean(axis=0)
        out.append(lambda u, full=full, mean=mean, k=k, n=n: full * budgets.hill(u / periods / mean, k, n))
    return out


def brought(fit, decided, periods, spend) -> np.ndarray:
    """Outcome (S,) gained by money (C,) on channels in geos."""
    return sum(curve(u) for curve, u in zip(curves_of(fit, decided, periods), spend, strict=True))


def pairs(plan) -> list[tuple[str, str]]:
    """Channel and geo of what was decided."""
    return [(channel, geo) for geo, channel in plan.solution.net_marginal.index]


def money(plan) -> np.ndarray:
    """Money of each of these."""
    return np.array([float(plan.spend.sel(geo=geo, channel=channel).sum()) for channel, geo in pairs(plan)])
