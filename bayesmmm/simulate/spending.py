"""Patterns of spend over time that the ready-made worlds share, and the length of their history."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesmmm.errors import TooFewPeriodsError
from bayesmmm.validate import check_count, is_count, refusal

MIN_WEEKS = 52
MOST_WEEKS = 5200
_FIRST_WEEK = "2022-01-02"


def check_weeks(weeks: object) -> int:
    """Return a number of weeks as an int; refuse less than a year, and more than a century."""
    if is_count(weeks) and weeks > MOST_WEEKS:
        raise refusal(
            "weeks", weeks, f"must be at most {MOST_WEEKS}, a hundred years", advice="weeks=156 is the default"
        )
    advice = "so that every channel and season occurs; weeks=156 is the default"
    return check_count(weeks, "weeks", least=MIN_WEEKS, advice=advice, error=TooFewPeriodsError)


def weeks_from(weeks: int) -> pd.DatetimeIndex:
    """So many weeks from 2 January 2022."""
    return pd.date_range(_FIRST_WEEK, periods=weeks, freq="7D")


def christmas(dates: pd.DatetimeIndex) -> np.ndarray:
    """Wave over the year between -1 and 1 with its top in early December."""
    return np.cos(2 * np.pi * (dates.day_of_year.to_numpy() - 340) / 365.25)


def flights(weeks: int, flight: tuple[int, int], pause: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Alternate flights and pauses of random length; 0 or 1. Starts in either state."""
    on = bool(rng.integers(2))
    states: list[float] = []
    while len(states) < weeks:
        low, high = flight if on else pause
        states += [float(on)] * int(rng.integers(low, high + 1))
        on = not on
    return np.array(states[:weeks])


def exogenous_stream(seed: int) -> np.random.Generator:
    """Stream of a seed for what a world does not simulate: the first two are those of `simulate_world`."""
    return np.random.default_rng(seed).spawn(3)[2]


def in_flights(
    channels: Mapping[str, tuple[float, float, tuple[int, int], tuple[int, int]]],
    pressure: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Spend (T,) of channels in flights, rounded as it would be booked, around a pressure (T,) on its log.

    Of each channel: usual spend in an active week, sd of its log, shortest and longest flight, and pause.
    """
    out, weeks = {}, len(pressure)
    for name, (level, sd, flight, pause) in channels.items():
        own = pressure + wander(weeks, 0.5, sd, rng)
        out[name] = np.round(level * np.exp(own) * flights(weeks, flight, pause, rng), 2)
    return out


def wander(weeks: int, persistence: float, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Stationary first-order autoregression with standard deviation `sd`."""
    out = np.empty(weeks)
    last = rng.standard_normal()
    for t in range(weeks):
        last = persistence * last + np.sqrt(1 - persistence**2) * rng.standard_normal()
        out[t] = sd * last
    return out
