"""Answers that no fit gave: data sets of the shapes that answers have, with numbers made up, for tests of figures.

Numbers only need plausible sizes and the sums that answers promise: parts add up to the mean, direct and indirect to
the total.
"""

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation

LONG = [
    "connected_tv_prospecting",
    "tiktok_in_feed",
    "facebook",
    "snapchat",
    "linear_television_national",
    "radio",
    "out_of_home_digital_billboards",
    "podcasts",
    "pinterest",
    "instagram_reels_retargeting",
    "influencers",
    "direct_mail_catalogue",
]
CHAINS, DRAWS, WEEKS = 2, 60, 156
SAMPLES = {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS)}
WINDOW = {"window": "spend", "start": "2021-01-03", "stop": "2023-12-24", "unit": "money", "verdict": "converged"}


def weeks(count=WEEKS, start="2021-01-03"):
    return pd.date_range(start, periods=count, freq="7D")


def spread_out(median, size, rng, *, each=False):
    """Draws (chain, draw, ...) around `median`, skewed to the right: one factor for all values, or one for each."""
    shape = np.shape(median) if each else [1] * np.ndim(median)
    noise = rng.lognormal(0.0, size, (CHAINS, DRAWS, *shape))
    return np.asarray(median) * noise


def sizes(channels):
    """Total effect of each channel on a mean revenue of 200 000 a week, none in the order of the list."""
    rank = np.random.default_rng(len(channels)).permutation(len(channels))
    return 2e5 * WEEKS * 0.16 * 0.7 ** (rank * 8.0 / len(channels))


def decomposition(channels=3, mediators=("google",), *, controls=("price",), freq=None, negative=False, seed=0):
    """As `decompose` gives it, in money per week."""
    rng, names, dates = np.random.default_rng(seed), LONG[:channels], weeks()
    t = np.arange(WEEKS)
    bursts = rng.random((len(names), WEEKS)) < 0.6
    shape = bursts * rng.gamma(4.0, 0.25, bursts.shape)
    shape /= shape.mean(1, keepdims=True)
    parts = {
        "intercept": ("base", "", "", spread_out(np.full(WEEKS, 1.1e5), 0.05, rng)),
        "trend": ("base", "", "", spread_out(2e4 * t / WEEKS, 0.3, rng)),
        "seasonality": ("base", "", "", spread_out(1.5e4 * np.cos(2 * np.pi * t / 52.2), 0.2, rng)),
    }
    for control in controls:
        parts[control] = ("control", "", "", spread_out(5e3 * np.sin(t / 5.0), 0.2, rng))
    for name, size, path in zip(names, sizes(names) / WEEKS, shape, strict=True):
        parts[name] = ("direct", name, "", spread_out(0.7 * size * path, 0.35, rng))
    for mediator in mediators:
        for name, size, path in zip(names, sizes(names) / WEEKS, shape, strict=True):
            label = f"{name} via {mediator}"
            parts[label] = ("via", name, mediator, spread_out(0.3 / len(mediators) * size * path, 0.6, rng))
        sign = -1.0 if negative else 1.0
        organic = sign * 8e3 * (1.2 + np.sin(t / 9.0))
        parts[f"{mediator} organic"] = ("organic", "", mediator, spread_out(organic, 0.4, rng))
    values = np.stack([draws for *_, draws in parts.values()], axis=2)
    coords = {
        **SAMPLES,
        "component": list(parts),
        "date": dates,
        "kind": ("component", [kind for kind, *_ in parts.values()]),
        "channel": ("component", [channel for _, channel, *_ in parts.values()]),
        "mediator": ("component", [mediator for _, _, mediator, _ in parts.values()]),
    }
    mean = values.sum(2)
    observed = mean.mean((0, 1)) + rng.normal(0.0, 1e4, WEEKS)
    dims = ("chain", "draw", "component", "date")
    variables = {
        "contribution": (dims, values),
        "mean": (("chain", "draw", "date"), mean),
        "observed": ("date", observed),
    }
    attrs = {"equation": "revenue", "unit": "money", "freq": freq or "weekly", "verdict": "converged"}
    attrs |= {end: WINDOW[end] for end in ("start", "stop")}
    out = xr.Dataset(variables, coords)
    if freq is not None:
        out = out.resample(date={"month": "MS", "quarter": "QS", "year": "YS"}[freq]).sum()
    return out.assign_attrs(attrs)


def effects(channels=3, mediators=("google",), *, seed=1):
    """As `effects` gives it; the first channel has a negative mediated part."""
    rng, names = np.random.default_rng(seed), LONG[:channels]
    total = sizes(names)
    direct = spread_out(0.7 * total, 0.3, rng, each=True)
    share = np.where(np.arange(len(names)) == 0, -0.1, 0.3) / len(mediators)
    via = spread_out((share * total)[:, None].repeat(len(mediators), 1), 0.5, rng, each=True)
    indirect = via.sum(-1)
    spend = total / rng.uniform(0.8, 4.0, len(names))
    dims = ("chain", "draw", "channel")
    variables = {
        "spend": ("channel", spend, {"unit": "money"}),
        "total": (dims, direct + indirect, {"unit": "money"}),
        "direct": (dims, direct, {"unit": "money"}),
        "indirect": (dims, indirect, {"unit": "money"}),
        "roi": (dims, (direct + indirect) / spend, {"unit": "money per money", "threshold": 1.0}),
        "share": (dims, (direct + indirect) / (2e5 * WEEKS), {"unit": "share"}),
        "via": ((*dims, "mediator"), via, {"unit": "money"}),
    }
    return xr.Dataset(variables, {**SAMPLES, "channel": names, "mediator": list(mediators)}, WINDOW)


def returns(channels=3, *, name="roi", factor=1.0, wide=False, seed=2):
    """As `roi` and `marginal_roi` give it; `wide` spans more than a factor of 20."""
    rng, names = np.random.default_rng(seed), LONG[:channels]
    median = np.linspace(0.6, 3.0, len(names))[rng.permutation(len(names))]
    median = median**3 if wide else median
    draws = spread_out(factor * median, 0.35, rng, each=True)
    attrs = WINDOW | {"unit": "money per money", "threshold": 1.0}
    return xr.DataArray(draws, {**SAMPLES, "channel": names}, ("chain", "draw", "channel"), name, attrs)


def curves(channels=3, *, seed=3):
    """As `response_curves` gives it: spend above 1.5 times the present is partly unseen."""
    rng, names = np.random.default_rng(seed), LONG[:channels]
    factor = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0])
    total = sizes(names)
    ceiling, half = (
        spread_out(2.5 * total, 0.3, rng, each=True),
        spread_out(np.ones(len(names)), 0.3, rng, each=True),
    )
    outcome = ceiling[..., None] * factor / (half[..., None] + factor)
    spend = (total / rng.uniform(0.8, 4.0, len(names)))[:, None] * factor
    extrapolated = np.clip(0.4 * (factor - 1.3), 0.0, 1.0) * np.ones((len(names), 1))
    dims = ("channel", "factor")
    variables = {
        "outcome": (("chain", "draw", *dims), outcome, {"unit": "money"}),
        "spend": (dims, spend, {"unit": "money"}),
        "extrapolated": (dims, extrapolated, {"unit": "share of spend", "threshold": 0.05}),
    }
    return xr.Dataset(variables, {**SAMPLES, "channel": names, "factor": factor}, WINDOW)


def decay(channels=3, mediators=("google",), *, seed=4):
    """As `adstock_decay` gives it."""
    rng, names, days = np.random.default_rng(seed), LONG[:channels], np.arange(0.0, 43.0, 1.0)
    variables, coords = {}, {**SAMPLES, "lag": days}
    lists = dict.fromkeys(mediators, names) | {"revenue": [*names, *mediators]}
    for equation, media in lists.items():
        half = spread_out(rng.uniform(2.0, 20.0, len(media)), 0.4, rng, each=True)
        dim = f"{equation}.media"
        coords[dim] = media
        variables[equation] = (("chain", "draw", dim, "lag"), 0.5 ** (days / half[..., None]))
    return xr.Dataset(variables, coords, {"verdict": "converged"})


def prediction(periods=13, *, start="2023-12-31", noise=False, mediators=("google",), seed=5):
    """As `predict` with a plan gives it."""
    rng, dates = np.random.default_rng(seed), weeks(periods, start)
    variables = {}
    for name, level in [*((m, 9e3) for m in mediators), ("revenue", 2e5)]:
        draws = level * (1.0 + 0.1 * np.sin(np.arange(periods) / 3.0)) * spread_out(np.ones(periods), 0.05, rng)
        if noise:
            draws = draws + rng.normal(0.0, 0.08 * level, draws.shape)
        variables[name] = (("chain", "draw", "date"), draws, {"unit": "money"})
    return xr.Dataset(variables, {**SAMPLES, "date": dates}, {"noise": noise, "verdict": "converged"})


def scenario(mediators=("google",), *, seed=6):
    """As `what_if` gives it: a change that starts after a third of the window and wears off."""
    rng, dates = np.random.default_rng(seed), weeks(WEEKS)
    t = np.arange(WEEKS)
    shape = np.where((t >= 52) & (t < 104), 1.0, np.where(t >= 104, 0.8 ** (t - 103), 0.0))
    variables = {}
    for name, level in [*((m, -9e2) for m in mediators), ("revenue", 8e3)]:
        change = level * shape * rng.normal(1.0, 0.5, (CHAINS, DRAWS, 1))
        dims = ("chain", "draw", "date")
        variables[name] = (dims, 20.0 * abs(level) + change, {"unit": "money"})
        variables[f"{name}.change"] = (dims, change, {"unit": "money"})
    return xr.Dataset(variables, {**SAMPLES, "date": dates}, {"verdict": "converged"})


def residuals(*, phi=0.0, likelihood="normal", seed=7):
    """As `residuals` gives it, carried over from week to week by `phi`."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=WEEKS)
    for t in range(1, WEEKS):
        common[t] += phi * common[t - 1]
    draws = common + 0.2 * rng.normal(size=(CHAINS, DRAWS, WEEKS))
    attrs = {"equation": "revenue", "unit": "residual sd", "likelihood": likelihood, "verdict": "converged"}
    return xr.DataArray(draws, {**SAMPLES, "date": weeks()}, ("chain", "draw", "date"), "residual", attrs)


def history(channels=3, mediators=("google",), *, geos=1, seed=8):
    """Three years of weeks that end where `prediction` begins."""
    rng, names = np.random.default_rng(seed), LONG[:channels]
    frame = pd.DataFrame(
        {"week": np.tile(weeks(), geos), "geo": np.repeat([f"geo {i}" for i in range(geos)], WEEKS)}
    )
    for name in [*names, *mediators]:
        frame[name] = rng.gamma(2.0, 4000.0, len(frame))
    season = np.tile(np.cos(2 * np.pi * np.arange(WEEKS) / 52.2), geos)
    frame["revenue"] = 2e5 * (1.0 + 0.1 * season + 0.06 * rng.normal(size=len(frame)))
    return MMMData.from_frame(
        frame,
        date="week",
        outcome="revenue",
        media=names,
        mediators=dict.fromkeys(mediators, "money"),
        geo="geo" if geos > 1 else None,
    )


def system(channels=3, mediators=("google",), *, likelihood="normal"):
    """System of the answers above; a second mediator comes before the first and acts linearly."""
    names = LONG[:channels]
    linear = list(mediators[1:])
    equations = [Equation(name, media=names[:2], linear=["promotion"]) for name in linear]
    equations.append(Equation(mediators[0], media=names, linear=linear, likelihood="censored_normal"))
    media = [*names, mediators[0]]
    return MMM([*equations, Equation("revenue", media=media, linear=["price", *linear], likelihood=likelihood)])


def posterior(system, *, seed=9):
    """Contributions and coefficients as a fit of the system names them."""
    rng, variables, coords = np.random.default_rng(seed), {}, dict(SAMPLES)
    for equation in system.equations:
        name, terms = equation.name, equation.terms()
        coords |= {f"{name}.media": list(equation.media), f"{name}.term": list(terms)}
        shares = spread_out(rng.uniform(0.01, 0.1, len(equation.media)), 0.5, rng, each=True)
        variables[f"{name}.contribution"] = (("chain", "draw", f"{name}.media"), shares)
        effects = spread_out(rng.normal(0.0, 0.05, len(terms)), 0.5, rng, each=True)
        variables[f"{name}.coefficient"] = (("chain", "draw", f"{name}.term"), effects)
    return xr.Dataset(variables, coords)
