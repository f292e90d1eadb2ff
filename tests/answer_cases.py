"""Cases, made fits and residuals on which the answers meet their slow rewrite."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest

from bayesmmm import estimands
from tests import made
from tests import reference_answers as reference

# One case of every kind by default; the others, variations of these, with the slow tests.
_CORE = {
    "no mediator",
    "chain",
    "diamond",
    "linear mediator",
    "negative mediator",
    "lognormal mediator",
    "lognormal outcome, linear mediator",
    "censored outcome",
    "censored in a chain",
    "short memory",
    "daily, knots, two seasons",
    "S-shaped",
    "concave",
    "random 0",
}
_ALL = (*made.NAMES, *(f"random {seed}" for seed in range(6)))
CASES = tuple(name if name in _CORE else pytest.param(name, marks=pytest.mark.slow) for name in _ALL)
assert set(_ALL) >= _CORE
#: Posterior draws to compare, as (chain, draw).
DRAWS = ((0, 1), (1, 3))
#: Remaining adstock weight at which a tail ends.
BOUND = 1e-3


@functools.cache
def fit_of(name, **values):
    if name.startswith("random"):
        seed = int(name.split()[1])
        return made.made_fit(*made.random_system(seed), draws=6, chains=2, seed=seed)
    return made.case_fit(name)


def channels_of(fit):
    used = {n for e in fit.system.equations for n in e.media}
    return [n for n in made.MEDIA if n in used]


@functools.cache
def short_fit_of(name):
    """The same with memories so short that the tail of an early window ends inside the data."""
    fit = fit_of(name)
    tree = fit.tree.copy()
    posterior = fit.posterior
    for n in fit.system.order:
        if f"{n}.half_life" in posterior:
            h = posterior[f"{n}.half_life"]
            posterior[f"{n}.half_life"] = fit.data.days_per_period * (0.25 + 0.35 * h / (5.0 + h))
    tree["posterior"] = posterior
    out = dataclasses.replace(fit, tree=tree)
    out = out.with_convergence(fit.convergence)
    return out


@functools.cache
def drawn_residuals(name, short=False):
    """Residuals of the package in latent units, needed where a censored series is zero."""
    fit = short_fit_of(name) if short else fit_of(name)
    return {n: estimands.residuals(fit, n) * fit.posterior[f"{n}.sigma"] for n in fit.system.order}


def draw_and_residual(name, at, short=False):
    fit = short_fit_of(name) if short else fit_of(name)
    draw = reference.read_draw(fit, *at)
    given = {n: v.isel(chain=at[0], draw=at[1]).values for n, v in drawn_residuals(name, short).items()}
    return draw, reference.residuals(draw, given)


def size_of(draw, name):
    return sum(abs(v) for v in draw.columns[name])


def paid_of(fit):
    return [m for m in fit.system.mediators if fit.data.mediators[m] == "money"]


def dates_of(fit, first, last):
    return {"start": fit.data.dates[first].date().isoformat(), "stop": fit.data.dates[last].date().isoformat()}


def pick(array, at, **labels):
    return array.sel(labels).isel(chain=at[0], draw=at[1]).values


def later_dates(fit, periods):
    """Dates of the periods after the data."""
    step = {"daily": "1D", "weekly": "7D", "monthly": "MS"}[fit.data.frequency]
    return pd.date_range(fit.data.dates[-1], periods=periods + 1, freq=step)[1:]


def plan_of(fit, periods=10, seed=0):
    """Plan with every exogenous column at values it has had."""
    rng, names = np.random.default_rng(seed), fit.system.exogenous
    rows = rng.integers(0, len(fit.data.dates), periods)
    return pd.DataFrame({"date": later_dates(fit, periods)} | {n: fit.data.columns[n][0, rows] for n in names})
