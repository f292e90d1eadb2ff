"""Panels with known truth, in plain NumPy and loops: nothing is shared with the code that they test."""

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData


@dataclass
class Curve:
    """How one column acts in all geos: half-life in days, half-saturation, slope, contribution by geo (G,)."""

    half_life: float
    half_saturation: float
    slope: float
    contribution: np.ndarray

    def response(self, x: np.ndarray, spend: np.ndarray) -> np.ndarray:
        """Saturation (G, T) of the adstock of a column, in multiples of `spend` (G,)."""
        out = np.zeros_like(x)
        keep = 0.5 ** (1.0 / self.half_life)
        for g in range(len(x)):
            pressure = 0.0
            for t in range(x.shape[1]):
                stock = 0.0
                for _ in range(7):
                    pressure = keep * pressure + (1.0 - keep) * max(x[g, t], 0.0) / spend[g] / 7.0
                    stock += pressure
                if stock > 0.0:
                    out[g, t] = 1.0 / (1.0 + (self.half_saturation / stock) ** self.slope)
        return out


@dataclass
class Series:
    """One equation of a panel: `base` (G, T) is all but what columns do, residuals and period effects included."""

    size: np.ndarray
    base: np.ndarray
    curves: dict[str, Curve]
    amplitude: dict[str, np.ndarray] = field(default_factory=dict)

    def run(self, columns: dict[str, np.ndarray], spend: dict[str, np.ndarray]) -> np.ndarray:
        """Series (G, T) of given columns; those of the first run say what a contribution is a share of."""
        total = self.base.copy()
        for name, curve in self.curves.items():
            response = curve.response(columns[name], spend[name])
            if name not in self.amplitude:
                mean = response.mean(axis=1)
                self.amplitude[name] = np.where(
                    mean > 0.0, curve.contribution / np.where(mean > 0.0, mean, 1.0), 0.0
                )
            total += self.amplitude[name][:, None] * response
        return self.size[:, None] * total


def roi(series: dict[str, Series], columns: dict[str, np.ndarray], spend, channel: str, geos=slice(None)) -> float:
    """Return of a channel within the data, in total over geos or some of them: without its spend, mediators respond."""
    changed = {**columns, channel: np.zeros_like(columns[channel])}
    for name, each in series.items():  # causes first
        changed[name] = each.run(changed, spend)
        last = name
    return float((columns[last] - changed[last])[geos].sum() / columns[channel][geos].sum())


def to_data(
    columns: dict[str, np.ndarray], *, media: list[str], mediators: list[str], controls: list[str], brands=()
) -> MMMData:
    """Columns (G, T) as weekly data, with the outcome `sales`; with `brands` (G,) of several keys."""
    geos, periods = columns["sales"].shape
    weeks = pd.date_range("2023-01-01", periods=periods, freq="7D")
    keys = [{"geo": f"g{g}"} for g in range(geos)]
    if len(brands):
        keys = [{"brand": brand, "territory": f"t{g}"} for g, brand in enumerate(brands)]
    frames = [
        pd.DataFrame({"week": weeks, **keys[g], **{name: values[g] for name, values in columns.items()}})
        for g in range(geos)
    ]
    return MMMData.from_frame(
        pd.concat(frames, ignore_index=True),
        date="week",
        geo=list(keys[0]),
        outcome="sales",
        media=media,
        mediators=dict.fromkeys(mediators, "visits"),
        controls=controls,
    )


# ------------------------------------------------------------------------------------------- a hidden common cause
CHANNELS = ("tv", "social", "radio")


@dataclass
class ShockedPanel:
    """A panel whose weekly shocks move sales of all geos, and spend."""

    data: MMMData
    roi: dict[str, float]
    by_brand: dict[tuple[str, str], float]


def shocked(
    seed: int,
    *,
    geos: int = 8,
    periods: int = 80,
    brands: int = 0,
    noise: float = 0.04,
    shocks: float = 0.15,
    followed: bool = True,
) -> ShockedPanel:
    """Three channels whose budgets rise and fall with what also moves sales everywhere, week by week.

    `noise` and `shocks` are standard deviations of sales, in shares of their size; budgets may also not follow shocks.

    Curves spread as the default priors say, so that 90 % intervals should hold about 90 % of the truths; the shocks are
    in proportion to the mean sales of a geo, which is `size`. Contributions of the geos of one of several `brands` have
    a factor in common.
    """
    rng = np.random.default_rng(seed)
    brand = np.arange(geos) % brands if brands else np.zeros(geos, int)
    size = 1000.0 * np.exp(rng.normal(0.0, 0.6, geos))
    shock = rng.normal(0.0, 1.0, periods)
    price = 10.0 + rng.normal(0.0, 1.0, (geos, periods))
    columns, curves, spend = {"price": price}, {}, {}
    for name in CHANNELS:
        budget = 0.05 * size * math.exp(rng.normal(0.0, 0.3))
        follows = rng.uniform(0.3, 0.5) * followed
        own = rng.normal(0.0, 0.5, (geos, periods))
        columns[name] = budget[:, None] * np.exp(follows * shock + own)
        spend[name] = columns[name].mean(axis=1)
        tau = 0.25 * math.exp(rng.normal(0.0, 0.6))
        common = 0.25 * math.exp(rng.normal(0.0, 0.6)) * rng.normal(0.0, 1.0, brands)[brand] if brands else 0.0
        curves[name] = Curve(
            half_life=7.0 * math.exp(rng.normal(0.0, 0.8)),
            half_saturation=math.exp(rng.normal(0.0, 0.7)),
            slope=math.exp(rng.normal(0.0, 0.4)),
            contribution=0.1 * math.exp(rng.normal(0.0, 0.6)) * np.exp(common + tau * rng.normal(0.0, 1.0, geos)),
        )
    rest = 1.0 - sum(curve.contribution for curve in curves.values())
    base = rest[:, None] + shocks * (shock - shock.mean()) - 0.03 * (price - 10.0)
    base += rng.normal(0.0, noise, (geos, periods))
    sales = Series(size, base, curves)
    columns["sales"] = sales.run(columns, spend)
    truth = {name: roi({"sales": sales}, columns, spend, name) for name in CHANNELS}
    of_brands = {
        (f"b{b}", name): roi({"sales": sales}, columns, spend, name, brand == b)
        for b in range(brands)
        for name in CHANNELS
    }
    labels = [f"b{b}" for b in brand] if brands else []
    data = to_data(columns, media=list(CHANNELS), mediators=[], controls=["price"], brands=labels)
    return ShockedPanel(data, truth, of_brands)
