"""The data of the speed benchmark, and what is modelled on them: the same frame for every package.

Knows NumPy and pandas only, so that it runs in every environment.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import measure
import numpy as np
import pandas as pd

LAGS = 8  # weights of the truncated adstock of the other packages
SECOND = 150  # weeks of the second fit in one process


@dataclass(frozen=True)
class World:
    """A series and what explains it.

    Attributes
    ----------
    frame : DataFrame
        In the order of dates.
    date, outcome : str
        Columns.
    media, controls : tuple of str
        Columns of spend, and of what acts linearly.
    mediator : str, optional
        Column of spend that answers to the media; an ordinary channel where a package has no mediators.
    season : bool
        Yearly Fourier terms of order two.
    trend : bool
        A straight line in time.
    """

    frame: pd.DataFrame
    date: str
    outcome: str
    media: tuple[str, ...]
    controls: tuple[str, ...] = ()
    mediator: str | None = None
    season: bool = True
    trend: bool = False


def external(case: str, folder: str) -> World:
    """One of the external data sets."""
    frame = pd.read_csv(Path(folder) / measure.FILES[case])
    if case == "mmm_example":
        frame["date_week"] = pd.to_datetime(frame["date_week"], format=measure.DATE_FORMAT)
        return World(frame, "date_week", "y", tuple(measure.MEDIA), tuple(measure.CONTROLS))
    if case == "social_search":
        frame["week"] = pd.to_datetime(frame["week"])
        media = ("facebook_spend", "tiktok_spend", "instagram_spend", "snapchat_spend")
        controls = ("average_price", "promotions", "emails_send", "sms_send", "social_followers")
        return World(frame, "week", "revenue", media, controls, mediator="google_spend", trend=True)
    frame["time"] = pd.to_datetime(frame["time"])
    frame["revenue"] = frame["conversions"] * frame["revenue_per_conversion"]
    media = tuple(f"Channel{i}_spend" for i in range(4))
    controls = ("competitor_activity_score_control", "sentiment_score_control")
    # One level for all weeks is what Meridian fits to a national series unless it is asked for knots.
    return World(frame, "time", "revenue", media, controls, season=False)


def simulated(periods: int, channels: int, *, seed: int = 1) -> World:
    """Weeks of on-and-off spend with geometric adstock and Hill saturation, a yearly season, and noise.

    Media explain three tenths of the mean outcome, whatever the number of channels, and noise has a twentieth of it as
    its standard deviation, so that series of other sizes differ in their size alone.
    """
    rng = np.random.default_rng([seed, periods, channels])
    days = pd.date_range("2000-01-03", periods=periods, freq="7D")
    blocks = -(-periods // 4)  # spend is switched on and off for four weeks at a time
    share = rng.dirichlet(np.full(channels, 4.0))
    media = np.zeros(periods)
    columns = {}
    for c in range(channels):
        on = np.repeat(rng.random(blocks) < 0.6, 4)[:periods]
        on[:4] |= c % 2 == 0  # never a channel without spend
        on[4:8] |= c % 2 == 1
        spend = on * rng.gamma(4.0, 250.0, periods)
        retention, slope = rng.uniform(0.2, 0.7), rng.uniform(0.8, 1.6)
        stock, level = np.empty(periods), 0.0
        for t, x in enumerate(spend / 1000.0):
            level = (1.0 - retention) * x + retention * level
            stock[t] = level
        response = stock**slope / (0.7**slope + stock**slope)
        media += share[c] * response / response.mean()
        columns[f"channel_{c + 1}"] = spend
    angle = 2.0 * np.pi * days.dayofyear.to_numpy() / 365.25
    season = 0.1 * np.sin(angle) + 0.05 * np.cos(2.0 * angle)
    sales = 1000.0 * (0.7 + 0.3 * media + season + 0.05 * rng.normal(size=periods))
    frame = pd.DataFrame({"week": days, "sales": sales, **columns})
    return World(frame, "week", "sales", tuple(columns))


def world(given) -> World:
    """The data that the options of a child ask for."""
    if given.case == "sweep":
        return simulated(given.periods, given.channels)
    return external(given.case, given.folder)


def shorter(whole: World) -> World:
    """The first weeks of a series: other data of the same structure."""
    return replace(whole, frame=whole.frame.iloc[:SECOND].reset_index(drop=True))
