"""Small panels for tests: geos of different size, one of which never buys social, a mediator, a control."""

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier

GEOS = ("north", "east", "south", "west", "centre")
ROLES = {
    "date": "week",
    "geo": "geo",
    "outcome": "sales",
    "media": ["tv", "social"],
    "mediators": {"search": "queries"},
    "controls": ["price", "fair"],
}


def frame(geos=GEOS, periods=30, seed=0):
    """A row for each geo and week; `fair` is the same in all geos, `price` is not."""
    rows = []
    common = np.random.default_rng(seed)
    weeks = pd.date_range("2023-01-01", periods=periods, freq="7D")
    fair, shock = common.normal(size=periods), common.normal(size=periods)
    for geo in geos:
        rng = np.random.default_rng([seed, *geo.encode()])
        size = 100.0 * (1 + GEOS.index(geo)) if geo in GEOS else 100.0
        tv = size * rng.gamma(2.0, 0.1, periods) * (rng.random(periods) < 0.6)
        social = size * rng.gamma(2.0, 0.1, periods) * (rng.random(periods) < 0.8) * (geo != "south")
        price = 10 + rng.normal(0, 1, periods)
        search = 0.2 * size + 0.4 * social + 0.05 * size * (shock + rng.normal(size=periods))
        noise = size * (0.1 * shock + 0.05 * rng.normal(size=periods))
        sales = 3 * size + tv + 0.5 * social + search - 0.05 * size * (price - 10) + noise
        columns = {"sales": sales, "search": search, "tv": tv, "social": social, "price": price, "fair": fair}
        rows.append(pd.DataFrame({"geo": geo, "week": weeks, **columns}))
    return pd.concat(rows, ignore_index=True)


#: Geo -> brand and territory. Territories of two brands may have one name: the pair is the series.
KEYS = {
    "north": ("acme", "north"),
    "east": ("acme", "east"),
    "south": ("zeta", "north"),
    "west": ("zeta", "west"),
    "centre": ("zeta", "east"),
}
KEYED = {**ROLES, "geo": ["brand", "territory"]}


def keyed_frame(**kwargs):
    """Rows of `frame` with the brand and the territory in place of the geo."""
    table = frame(**kwargs)
    brand, territory = zip(*table["geo"].map(KEYS), strict=True)
    return table.drop(columns="geo").assign(brand=brand, territory=territory)


def keyed_data(**kwargs) -> MMMData:
    return MMMData.from_frame(keyed_frame(**kwargs), **KEYED)


def data(geos=GEOS, periods=30, seed=0) -> MMMData:
    return MMMData.from_frame(frame(geos, periods, seed), **ROLES)


def ragged_frame(geos=GEOS, periods=30, seed=0, gaps=True):
    """Without the first weeks of the first geo and the last of the second, and with `gaps` some sales blank."""
    table = frame(geos, periods, seed)
    start = {geo: i * periods for i, geo in enumerate(geos)}
    late = range(start[geos[0]], start[geos[0]] + 4)
    early = range(start[geos[1]] + periods - 3, start[geos[1]] + periods)
    if gaps:
        table.loc[[start[geos[1]] + 2, start[geos[2]] + 5, start[geos[2]] + 6, start[geos[-1]]], "sales"] = np.nan
    return table.drop(index=[*late, *early])


def ragged(geos=GEOS, periods=30, seed=0, gaps=True) -> MMMData:
    return MMMData.from_frame(ragged_frame(geos, periods, seed, gaps), **ROLES, missing="ignore")


def system(likelihood="normal", mediator="normal", panel=None, **kwargs) -> MMM:
    season = Fourier(period=365.25, order=1)
    return MMM(
        [
            Equation("search", media=["social"], linear=["price"], trend=True, likelihood=mediator, panel=None),
            Equation(
                "sales",
                media=["tv", "social", "search"],
                linear=["price", "fair"],
                trend=True,
                seasonality=season,
                likelihood=likelihood,
                panel=panel,
                **kwargs,
            ),
        ]
    )


def position(program, variable, label) -> int:
    """Place of a value among the parameters of a program."""
    first = 0
    for block in program.blocks:
        if block.variable == variable:
            return first + block.labels.index(label)
        first += len(block.labels) or 1
    raise KeyError(variable)
