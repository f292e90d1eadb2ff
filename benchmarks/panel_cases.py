"""The panels of `panels.py`, as the same frame for every package. Knows NumPy and pandas only."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

BUSINESSES = ("small_business", "growing_business", "medium_business", "large_business")
EXTERNAL = ("geo_media", *BUSINESSES)
DAYS = "60 × 2200 days"  # simulated
CASES = (*EXTERNAL, DAYS)


@dataclass(frozen=True)
class Case:
    """A panel and what explains it.

    Attributes
    ----------
    frame : DataFrame
        A row per geo and week.
    date, outcome : str
        Columns; geos are in ``geo``.
    media, controls : tuple of str
        Columns of spend, and of what acts linearly.
    truth : dict
        Total ROI by channel, where it is known.
    """

    frame: pd.DataFrame
    date: str
    outcome: str
    media: tuple[str, ...]
    controls: tuple[str, ...]
    truth: dict[str, float] = field(default_factory=dict)


def file_of(case: str, folder: str) -> Path:
    """File of an external case."""
    return Path(folder) / ("recovery" if case in BUSINESSES else "") / f"{case}.csv"


def read(case: str, folder: str) -> Case:
    """Read an external case, or simulate one."""
    if case == DAYS:
        return sparse_days()
    path = file_of(case, folder)
    frame = pd.read_csv(path)
    if case == "geo_media":
        frame["time"] = pd.to_datetime(frame["time"])
        frame["revenue"] = frame["conversions"] * frame["revenue_per_conversion"]
        media = tuple(f"Channel{i}_spend" for i in range(4))
        return Case(
            frame, "time", "revenue", media, ("competitor_activity_score_control", "sentiment_score_control")
        )
    frame["date"] = pd.to_datetime(frame["date"])
    media = tuple(name for name in frame if name.startswith("x"))
    controls = tuple(name for name in frame if name.startswith("c"))
    known = path.with_name(f"{case}_truth.json")
    truth = json.loads(known.read_text(encoding="utf-8"))["total"] if known.exists() else {}
    return Case(frame, "date", "y", media, controls, truth)


def simulated(geos: int, periods: int, channels: int, *, seed: int = 1) -> Case:
    """Weeks of spend in flights that act through adstock and saturation, what all geos share, and noise."""
    rng = np.random.default_rng([seed, geos, periods, channels])
    shape = (geos, periods)
    size = 1000.0 * np.exp(rng.normal(0.0, 0.5, (geos, 1)))
    columns = {"price": rng.normal(0.0, 1.0, shape)}
    sales = 1.0 + 0.1 * rng.normal(size=periods) - 0.03 * columns["price"] + 0.05 * rng.normal(size=shape)
    for c in range(channels):
        x = rng.gamma(4.0, 0.25, shape) * (rng.random(shape) < 0.7)
        keep, level, stock = rng.uniform(0.2, 0.7), np.zeros(geos), np.empty(shape)
        for t in range(periods):
            level = keep * level + (1.0 - keep) * x[:, t]
            stock[:, t] = level
        response = stock / (stock + 1.0)
        by_geo = 0.4 / channels * np.exp(0.25 * rng.normal(size=(geos, 1)))
        sales = sales + by_geo * response / response.mean(axis=1, keepdims=True)
        columns[f"channel_{c + 1}"] = 0.02 * size * x
    columns["sales"] = size * sales
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    frame["geo"] = np.repeat([f"geo_{g + 1}" for g in range(geos)], periods)
    frame["date"] = np.tile(pd.date_range("2015-01-05", periods=periods, freq="7D"), geos)
    return Case(frame, "date", "sales", tuple(f"channel_{c + 1}" for c in range(channels)), ("price",))


def sparse_days(*, geos: int = 60, days: int = 2200, channels: int = 6, seed: int = 1) -> Case:
    """Days of spend, four of five of them without, whose response differs by geo; shocks that all geos share.

    The truth is what spend within the data brings within the data, over that spend, all geos together.
    """
    rng = np.random.default_rng([seed, geos, days, channels])
    shape = (geos, days)
    size = 1000.0 * np.exp(rng.normal(0.0, 0.5, (geos, 1)))
    columns = {"price": rng.normal(0.0, 1.0, shape)}
    sales = 1.0 + 0.05 * rng.normal(size=days) - 0.03 * columns["price"] + 0.1 * rng.normal(size=shape)
    truth = {}
    for c in range(channels):
        x = rng.gamma(4.0, 0.25, shape) * (rng.random(shape) < 0.2)
        keep, level, stock = 0.5 ** (1.0 / rng.uniform(1.0, 10.0)), np.zeros(geos), np.empty(shape)
        for t in range(days):
            level = keep * level + (1.0 - keep) * x[:, t]
            stock[:, t] = level
        response = stock / (stock + 1.0)
        by_geo = 0.3 / channels * np.exp(0.25 * rng.normal(size=(geos, 1)))
        brought = by_geo * response / response.mean(axis=1, keepdims=True)
        sales, name = sales + brought, f"channel_{c + 1}"
        columns[name] = 0.02 * size * x
        truth[name] = float((size * brought).sum() / columns[name].sum())
    columns["sales"] = size * sales
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    frame["geo"] = np.repeat([f"geo_{g + 1}" for g in range(geos)], days)
    frame["date"] = np.tile(pd.date_range("2019-01-01", periods=days), geos)
    return Case(frame, "date", "sales", tuple(truth), ("price",), truth)
