"""Data that break one assumption each of the system of `tests.worlds`, for checks that must raise an alarm."""

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from tests import worlds

PERIODS = 104


def _table(seed: int) -> tuple[pd.DataFrame, np.random.Generator]:
    return worlds.frame(PERIODS, seed), np.random.default_rng(seed + 500)


def sound(seed=0) -> pd.DataFrame:
    """Nothing is broken, but that effects are linear where the system has them saturate a little."""
    return _table(seed)[0]


def heavy_tails(seed=0) -> pd.DataFrame:
    """Noise of sales is Student-t with two degrees of freedom."""
    table, rng = _table(seed)
    return table.assign(sales=table["sales"] + 60.0 * rng.standard_t(2.0, PERIODS))


def missing_season(seed=0) -> pd.DataFrame:
    """Sales swing over thirteen weeks, which the yearly season of the system cannot follow."""
    table, _ = _table(seed)
    return table.assign(sales=table["sales"] + 100.0 * np.sin(2.0 * np.pi * np.arange(PERIODS) / 13.0))


def shuffled(seed=0) -> pd.DataFrame:
    """Sales stand at other dates than they belong to."""
    table, rng = _table(seed)
    return table.assign(sales=rng.permutation(table["sales"].to_numpy()))


def sales_driven_spend(seed=0) -> pd.DataFrame:
    """Social spend follows what sales were a week before beyond what was spent on them."""
    table, rng = _table(seed)
    noise = 80.0 * rng.standard_normal(PERIODS)
    social = 0.5 * table["social"].to_numpy() + np.maximum(50.0 + np.concatenate([[0.0], noise[:-1]]), 0.0)
    moved = table["sales"] + (social - table["social"]) + noise
    return table.assign(social=social, sales=moved)


def growing_noise(seed=0) -> pd.DataFrame:
    """Noise of sales is ten times as large in the end as in the beginning."""
    table, rng = _table(seed)
    return table.assign(sales=table["sales"] + np.linspace(0.0, 300.0, PERIODS) * rng.standard_normal(PERIODS))


def level_shift(seed=0) -> pd.DataFrame:
    """Sales jump up for the last quarter, more steeply than a straight trend can follow."""
    table, _ = _table(seed)
    return table.assign(sales=table["sales"] + 400.0 * (np.arange(PERIODS) >= 3 * PERIODS // 4))


def delayed_effect(seed=0) -> pd.DataFrame:
    """TV acts five weeks after it was paid."""
    table, _ = _table(seed)
    tv = table["tv"].to_numpy()
    late = np.concatenate([np.full(5, tv.mean()), tv[:-5]])
    return table.assign(sales=table["sales"] + 1.5 * (late - tv))


def growing_effect(seed=0) -> pd.DataFrame:
    """The effect of TV grows from nothing to twice its mean."""
    table, _ = _table(seed)
    return table.assign(sales=table["sales"] + np.linspace(-2.0, 2.0, PERIODS) * table["tv"])


def outlier(seed=0) -> pd.DataFrame:
    """One week is off by ten residual sds."""
    table, _ = _table(seed)
    sales = table["sales"].to_numpy(copy=True)
    sales[40] += 700.0
    return table.assign(sales=sales)


#: What is broken -> (data, check that must be raised).
CONTROLS = {
    "heavy tails": (heavy_tails, "normality:sales"),
    "missing season": (missing_season, "autocorrelation:sales"),
    "shuffled outcome": (shuffled, "explained:sales"),
    "spend set from last sales": (sales_driven_spend, "feedback:sales"),
    "growing noise": (growing_noise, "heteroscedasticity:sales"),
    "level shift": (level_shift, "drift:sales"),
    "delayed effect": (delayed_effect, "delayed_effect:sales"),
    "growing effect": (growing_effect, "changing_effect:sales"),
    "outlier": (outlier, "outliers:sales"),
}


def data(table: pd.DataFrame) -> MMMData:
    return MMMData.from_frame(table, **worlds.ROLES)
