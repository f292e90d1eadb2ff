"""Which brands, territories and days the e-commerce world has, and who buys which channel."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

FIRST_DAY, LAST_DAY = "2019-07-21", "2024-06-02"
EVERYWHERE = "All Territories"
# Share of brands with one series that sell everywhere at once, share of series that end on the last day, and share of
# the channels of a brand that each of its territories buys.
_EVERYWHERE, _TO_THE_END, _IN_TERRITORY = 0.45, 0.75, 0.85
# Territory -> currency, and how many brands are at home there beside others.
_HOMES = {
    "US": ("USD", 30),
    "UK": ("GBP", 30),
    "AU": ("AUD", 8),
    "DE": ("EUR", 6),
    "FR": ("EUR", 5),
    "CA": ("CAD", 4),
    "NL": ("EUR", 3),
    "IE": ("EUR", 3),
    "ES": ("EUR", 2),
    "IT": ("EUR", 2),
    "SE": ("SEK", 2),
    "DK": ("DKK", 2),
    "NO": ("NOK", 2),
    "AT": ("EUR", 2),
    "CH": ("CHF", 2),
    "NZ": ("NZD", 2),
    "JP": ("JPY", 1),
    "HK": ("HKD", 1),
}
_VERTICALS = {
    "Apparel": ("Clothing", "Shoes"),
    "Beauty & Fitness": ("Hair Care", "Skin Care"),
    "Food & Drink": ("Coffee & Tea", "Snacks"),
    "Home & Garden": ("Bedding", "Kitchen"),
    "Health": ("Vitamins", "Eye Care"),
    "Sports": ("Cycling", "Outdoor"),
    "Toys & Games": ("Puzzles", "Board Games"),
    "Pets": ("Dogs", "Cats"),
}


@dataclass(frozen=True, eq=False)
class Shops:
    """The series of the e-commerce world.

    Attributes
    ----------
    table : pandas.DataFrame
        A row for each series: vertical, subvertical, brand, territory, home (that of its brand), currency.
    dates : pandas.DatetimeIndex
    present : (G, T) array of bool
        Days of each series.
    size : (G,) array
        Mean sales of a day, in US dollars.
    buys : (G, C) array of bool
        Who buys which channel.
    """

    table: pd.DataFrame
    dates: pd.DatetimeIndex
    present: np.ndarray
    size: np.ndarray
    buys: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the series: their vertical, brand and territory."""
        keys = self.table[["vertical", "brand", "territory"]]
        return tuple(" / ".join(row) for row in keys.itertuples(index=False))


def draw_shops(
    series: int, rows: int, fewest: int, bought: Mapping[str, float], rng: np.random.Generator
) -> Shops:
    """Draw brands with their territories, days, sizes and channels.

    Parameters
    ----------
    series, rows, fewest : int
        Number of series, days of all of them together, and the fewest of one.
    bought : mapping of str to float
        Channel -> share of brands that buy it.
    """
    dates = pd.date_range(FIRST_DAY, LAST_DAY)
    counts = _territories_of_brands(series)
    table = _table(counts, rng)
    present = _days(len(dates), series, rows, fewest, rng)
    brand = np.repeat(np.arange(len(counts)), counts)
    of_brand = np.exp(np.log(9_000.0) + 0.9 * rng.standard_normal(len(counts)))[brand]
    within = table.groupby("brand", sort=False).cumcount().to_numpy()
    size = np.clip(of_brand * 0.55**within * np.exp(0.2 * rng.standard_normal(series)), 800.0, 150_000.0)
    return Shops(table, dates, present, size, _buys(brand, bought, rng))


def _territories_of_brands(series: int) -> list[int]:
    """Number of territories of each brand: 93 brands of 123 series, most with one."""
    more = round(series * 30 / 123)
    counts = [1] * (series - more)
    for i in range(len(counts)):
        extra = min(more, 4 if i == 0 else 2 if i < 5 else 1)
        counts[i] += extra
        more -= extra
    return counts


def _table(counts: list[int], rng: np.random.Generator) -> pd.DataFrame:
    known, weight = list(_HOMES), np.array([w for _, w in _HOMES.values()], float)
    share = weight / weight.sum()
    homes = [list(rng.choice(known, size=n, replace=False, p=share)) for n in counts]
    single = [i for i, n in enumerate(counts) if n == 1]
    everywhere = {i for i in single if rng.random() < _EVERYWHERE}
    used = {name for i, names in enumerate(homes) if i not in everywhere for name in names}
    # Every territory occurs where there are brands enough.
    others = [i for i in single if i not in everywhere and homes[i][0] in ("US", "UK")]
    for i, name in zip(others, [name for name in known if name not in used], strict=False):
        homes[i] = [name]
    rows = []
    for i, names in enumerate(homes):
        vertical = list(_VERTICALS)[int(rng.integers(len(_VERTICALS)))]
        subvertical = _VERTICALS[vertical][int(rng.integers(2))]
        for name in names:
            territory = EVERYWHERE if i in everywhere else name
            currency = _HOMES[names[0] if i in everywhere else name][0]
            rows.append((vertical, subvertical, f"brand {i + 1:02d}", territory, names[0], currency))
    return pd.DataFrame(rows, columns=["vertical", "subvertical", "brand", "territory", "home", "currency"])


def _days(days: int, series: int, rows: int, fewest: int, rng: np.random.Generator) -> np.ndarray:
    """Days (G, T) on which each series has a row: consecutive ones, `rows` in all."""
    wanted = fewest + (days - fewest) * rng.beta(1.1, 1.2, series)
    free = (wanted - fewest) * (rows - fewest * series) / (wanted - fewest).sum()
    length = fewest + np.minimum(np.floor(free), days - fewest).astype(int)
    if rows > days + fewest * (series - 1) and rows > series * days / 2:  # one of many that has all days
        length[np.argmax(length)] = days
    while (lacking := rows - length.sum()) != 0:  # what rounding and the whole span left over, or took
        step = np.sign(lacking)
        room = np.flatnonzero((length < days) if step > 0 else (length > fewest) & (length < days))
        length[rng.permutation(room)[: abs(lacking)]] += step
    early = np.where(rng.random(series) < _TO_THE_END, 0, rng.integers(1, 150, series))
    stop = days - np.minimum(early, days - length)
    at = np.arange(days)
    return (at >= (stop - length)[:, None]) & (at < stop[:, None])


def _buys(brand: np.ndarray, bought: Mapping[str, float], rng: np.random.Generator) -> np.ndarray:
    """Who buys what (G, C); two series at least each channel."""
    brands, share = brand.max() + 1, np.array(list(bought.values()))
    of_brand = rng.random((brands, len(share))) < share
    buys = of_brand[brand] & (rng.random((len(brand), len(share))) < _IN_TERRITORY)
    for c in np.flatnonzero(buys.sum(axis=0) < 2):
        buys[rng.permutation(len(brand))[:2], c] = True
    return buys
