"""Small data sets for tests: one mediated weekly world whose equations the tests know."""

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier

SEASON = Fourier(period=365.25, order=1)


def frame(periods=60, seed=0, zeros=True):
    """Two exogenous channels, a mediator that one of them drives, a control; every column positive enough."""
    rng = np.random.default_rng(seed)
    tv = rng.gamma(2.0, 50.0, periods) * (rng.random(periods) < 0.6)
    social = rng.gamma(2.0, 30.0, periods) * (rng.random(periods) < 0.7)
    price = 10 + rng.normal(0, 1, periods)
    search = 40 + 0.5 * social + rng.normal(0, 25, periods)
    search = np.maximum(search - (30 if zeros else -60), 0.0 if zeros else 1.0)
    sales = 900 + 1.5 * tv + social + 2.0 * search - 20 * (price - 10) + rng.normal(0, 60, periods)
    return pd.DataFrame(
        {
            "week": pd.date_range("2023-01-01", periods=periods, freq="7D"),
            "sales": sales,
            "search": search,
            "tv": tv,
            "social": social,
            "price": price,
        }
    )


ROLES = {
    "date": "week",
    "outcome": "sales",
    "media": ["tv", "social"],
    "mediators": {"search": "money"},
    "controls": ["price"],
}


def data(periods=60, seed=0, zeros=True) -> MMMData:
    return MMMData.from_frame(frame(periods, seed, zeros), **ROLES)


def system(outcome="normal", mediator="censored_normal", **kwargs) -> MMM:
    """Search answers to social; sales to tv, social and search."""
    return MMM(
        [
            Equation("search", media=["social"], linear=["price"], likelihood=mediator),
            Equation(
                "sales",
                media=["tv", "social", "search"],
                linear=["price"],
                seasonality=SEASON,
                trend=True,
                likelihood=outcome,
                **kwargs,
            ),
        ]
    )
