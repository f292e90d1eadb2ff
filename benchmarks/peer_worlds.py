"""Small worlds whose right answer is known, by construction or in closed form, for `peers.py` and for the tests.

Knows NumPy and pandas only, so that it runs in every environment. Noise is made to have no correlation at all with
what explains a series, so that least squares finds the true coefficients and not just something near them.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

START = "2022-01-02"


@dataclass(frozen=True)
class PeerWorld:
    """A table with a column ``date`` (and ``geo`` in a panel), and what is true about it, by name."""

    frame: pd.DataFrame
    truth: dict[str, float] = field(default_factory=dict)


def hill(x, half, slope=1.0):
    """Hill curve of numbers of 0 or more: ``x^n / (k^n + x^n)``."""
    return x**slope / (half**slope + x**slope)


def _dates(periods: int, freq: str = "7D") -> pd.DatetimeIndex:
    return pd.date_range(START, periods=periods, freq=freq)


def _spend(rng, mean: float, periods: int, on: float = 0.7) -> np.ndarray:
    return mean * rng.gamma(2.0, 0.5, periods) * (rng.random(periods) < on)


def _noise(rng, sd: float, *columns) -> np.ndarray:
    """Normal noise of exactly this sd, without a mean and without correlation with the columns."""
    periods = len(columns[0])
    design = np.column_stack([np.ones(periods), *columns])
    raw = rng.standard_normal(periods)
    left = raw - design @ np.linalg.lstsq(design, raw, rcond=None)[0]
    return sd * left / left.std()


# ------------------------------------------------------------------------------------------------------- the worlds
DIRECT, MEDIATED, RESPONSE = 3.0, 2.0, 0.5  # sales per x at equal m, sales per m, m per x


def large_level(periods: int = 200) -> PeerWorld:
    """Sales near 6,000 with noise of 150; x moves them by 3 a unit, and m by 0.5, a unit of which brings 2."""
    rng = np.random.default_rng(1)
    x = rng.normal(50.0, 30.0, periods)
    m = 20.0 + RESPONSE * x + _noise(rng, 20.0, x)
    sales = 5_760.0 + DIRECT * x + MEDIATED * m + _noise(rng, 150.0, x, m)
    truth = {"direct": DIRECT, "mediator": MEDIATED, "total": DIRECT + MEDIATED * RESPONSE}
    return PeerWorld(pd.DataFrame({"date": _dates(periods), "x": x, "m": m, "sales": sales}), truth)


ROUTES = ("through", "past", "routed and not")


def mediation(route: str, periods: int = 200) -> PeerWorld:
    """Sell through queries only ("through"), past them only ("past"), or one channel so and the other so.

    Channels act at once and with half of their ceiling at mean spend; a query brings 3. The truth is what is lost
    without a channel, and how much of it goes through queries.
    """
    rng = np.random.default_rng(2)
    tv, social = (_spend(rng, 100.0, periods) for _ in range(2))
    stirred, sold = (400.0 * hill(c, 100.0) for c in (tv, social))
    queries = 500.0 + (0.0 if route == "past" else stirred) + _noise(rng, 20.0, tv, social, stirred, sold)
    past = 3.0 * stirred if route == "past" else 0.0
    other = 3.0 * sold if route == "routed and not" else 0.0
    noise = _noise(rng, 60.0, tv, social, stirred, sold, queries)
    sales = 4_000.0 + 3.0 * queries + past + other + noise
    columns = {"date": _dates(periods), "tv": tv, "queries": queries, "sales": sales}
    truth = {"tv": float(3.0 * stirred.sum()), "tv through queries": 0.0 if route == "past" else 1.0}
    if route == "routed and not":
        columns["social"] = social
        truth |= {"social": float(3.0 * sold.sum()), "social through queries": 0.0}
    return PeerWorld(pd.DataFrame(columns), truth)


PRODUCT, BEND = 1.44, 0.8


def curved_path(periods: int = 300) -> PeerWorld:
    """Move m by 1.2 tanh(0.8 x), of which a unit brings 1.2: what the first, second and third unit of x bring."""
    rng = np.random.default_rng(3)
    x = rng.permutation(np.linspace(0.0, 3.0, periods))
    curve = np.tanh(BEND * x)
    m = 1.0 + np.sqrt(PRODUCT) * curve + _noise(rng, 0.1, x, curve)
    y = 1.0 + np.sqrt(PRODUCT) * m + _noise(rng, 0.1, x, curve, m)
    brought = PRODUCT * np.diff(np.tanh(BEND * np.arange(4)))
    truth = dict(zip(("first", "second", "third"), brought.tolist(), strict=True))
    return PeerWorld(pd.DataFrame({"date": _dates(periods), "x": x, "m": m, "y": y}), truth)


STATED_ROI, ERROR = 8.0, 0.01


def stated_roi(periods: int = 104) -> PeerWorld:
    """Spend that returns 3 in money, in a straight line; of which 8 with an error of 0.01 is stated.

    In units of the error of least squares the statement is far narrower than what the data say, so that the posterior
    is their mean by precision, which is as good as the statement.
    """
    rng = np.random.default_rng(4)
    tv = _spend(rng, 1.0, periods)
    sales = 50.0 + 3.0 * tv + _noise(rng, 5.0, tv)
    data = 5.0**2 / (periods * tv.var())
    posterior = (STATED_ROI / ERROR**2 + 3.0 / data) / (1.0 / ERROR**2 + 1.0 / data)
    return PeerWorld(pd.DataFrame({"date": _dates(periods), "tv": tv, "sales": sales}), {"roi": posterior})


CEILINGS = {"tv": 900.0, "radio": 600.0}
HALVES = {"tv": 150.0, "radio": 60.0}


def two_channels(periods: int = 120, *, off: int = 0) -> PeerWorld:
    """Two channels that act at once; radio is off in the last periods. The truth is the money returned by each."""
    rng = np.random.default_rng(5)
    spend = {"tv": _spend(rng, 120.0, periods), "radio": _spend(rng, 80.0, periods)}
    spend["radio"][periods - off :] = 0.0
    media = {name: CEILINGS[name] * hill(x, HALVES[name]) for name, x in spend.items()}
    sales = 2_000.0 + sum(media.values()) + _noise(rng, 40.0, *spend.values(), *media.values())
    truth = {name: float(media[name].sum() / spend[name].sum()) for name in spend}
    return PeerWorld(pd.DataFrame({"date": _dates(periods), **spend, "sales": sales}), truth)


def brought(name: str, spend) -> np.ndarray:
    """Sales that spend of one period truly brings in `two_channels`."""
    return CEILINGS[name] * hill(np.asarray(spend, float), HALVES[name])


#: A plan of `two_channels`: periods, their limits by channel, and money a period.
PLANNED, LIMITS, DAILY = 4, {"tv": (50.0, 150.0), "radio": (0.0, 40.0)}, 100.0

SIZES = {"north": 100.0, "east": 80.0, "south": 120.0, "west": 60.0, "isle": 1.0}


def small_region(periods: int = 104) -> PeerWorld:
    """Five regions that return the same on money; the last is a hundredth of the size of the first."""
    rows, truth = [], {}
    for place, (geo, size) in enumerate(SIZES.items()):
        rng = np.random.default_rng([8, place])
        tv = _spend(rng, size, periods)
        media = 4.0 * size * hill(tv, size)
        sales = 10.0 * size + media + _noise(rng, 0.3 * size, tv, media)
        truth[geo] = float(media.sum() / tv.sum())
        rows.append(pd.DataFrame({"date": _dates(periods), "geo": geo, "tv": tv, "sales": sales}))
    return PeerWorld(pd.concat(rows, ignore_index=True), truth)


def experiment(days: int = 150, length: int = 21, after: int = 39, lift: float = 0.2) -> PeerWorld:
    """Twelve regions by the day; four of them sell a fifth more in 21 days, after which data go on."""
    rng = np.random.default_rng(9)
    common = 1.0 + 0.1 * np.sin(2 * np.pi * np.arange(days) / 7.0) + 0.02 * rng.standard_normal(days)
    first = days - length - after
    rows = []
    for place in range(12):
        sales = 1_000.0 * (1.0 + 0.2 * place) * (common + 0.01 * rng.standard_normal(days))
        if place < 4:
            sales[first : first + length] *= 1.0 + lift
        rows.append(pd.DataFrame({"date": _dates(days, "D"), "geo": f"g{place:02d}", "sales": sales}))
    dates = _dates(days, "D")
    truth = {"lift": lift, "first": str(dates[first].date()), "last": str(dates[first + length - 1].date())}
    return PeerWorld(pd.concat(rows, ignore_index=True), truth)


def weak_channel(periods: int = 120) -> PeerWorld:
    """A channel that is always on, takes 1 % of sales and brings 2 %, nearly in a straight line: its ROI is 2."""
    rng = np.random.default_rng(12)
    tv = 100.0 * np.exp(0.3 * rng.standard_normal(periods))
    media = hill(tv, 1_000.0)
    media *= 2.0 * tv.sum() / media.sum()
    sales = 10_000.0 - media.mean() + media + 400.0 * rng.standard_normal(periods)
    return PeerWorld(pd.DataFrame({"date": _dates(periods), "tv": tv, "sales": sales}), {"roi": 2.0})


def shifted_draws() -> np.ndarray:
    """Four chains of 500 Normal draws (chain, draw), one of which is 0.92 sd above the others: R-hat near 1.10."""
    draws = np.random.default_rng(10).standard_normal((4, 500))
    draws[0] += 0.92
    return draws
