"""The forecast that anyone can make: the value of one season before."""

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData, next_dates
from bayesmmm.engine import check_data
from bayesmmm.validate import check_count, check_number

#: What is kept with every forecast.
CANNOT_SAY = (
    "It knows no cause: it cannot say what spend brings, nor what a plan, a price or a promotion would change, and it "
    "has no interval."
)


def one_season_before(series: np.ndarray, at: np.ndarray, known: int, season: int) -> np.ndarray:
    """Return the values of the same period some whole seasons before, of the last season that is known there.

    Parameters
    ----------
    series : (G, T) array
        What was observed.
    at : (H,) array of int
        Positions to forecast, at or after `known`.
    known : int
        Number of periods that are known, from the first one on.
    season : int
        Periods of a season.

    Returns
    -------
    (G, H) array
        The last known value where the series does not reach back a season.
    """
    back = at - season * np.maximum(1, -(-(at - known + 1) // season))
    return np.where(back >= 0, series[:, np.maximum(back, 0)], series[:, [known - 1]])


def seasonal_naive(data: MMMData, *, periods: int, season: float = 365.25) -> pd.DataFrame:
    """Forecast the outcome by its value one season before.

    ::

        forecast[T + h] = v[T + h - m k],   k the smallest number of seasons m that leads back to a known period

    A season is so many whole periods as come nearest to it. Where the data do not reach back so far, the forecast is the
    last known value.

    Parameters
    ----------
    data : MMMData
        The known periods; for a hold-out those before it, as ``data.between(...)`` has them.
    periods : int
        Number of periods after the data.
    season : float
        Length of a season in days: 365.25 for a year, 7 for a week.

    Returns
    -------
    pandas.DataFrame
        Index date; a column for each geo of a panel, or one with the name of the outcome; in units of the outcome.
        ``attrs["cannot_say"]`` says what it does not tell.

    Raises
    ------
    SettingError
        For a number of periods or a season that is none.

    References
    ----------
    Hyndman and Athanasopoulos (2021), Forecasting: principles and practice, section 5.2,
    https://otexts.com/fpp3/simple-methods.html.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> data = mm.load_case("social_search").data
    >>> forecast = seasonal_naive(data, periods=13)
    >>> bool((forecast["revenue"].to_numpy() == data.columns["revenue"][0, -52:-39]).all())
    True
    """
    check_data(data)
    periods = check_count(periods, "periods", least=1, advice="as periods=13")
    check_number(season, "season", least=data.days_per_period, advice="in days, at least those of a period")
    known = len(data.dates)
    at = known + np.arange(periods)
    values = one_season_before(data.columns[data.outcome], at, known, round(season / data.days_per_period))
    columns = list(data.geos) if len(data.geos) > 1 else [data.outcome]
    table = pd.DataFrame(values.T, index=pd.Index(next_dates(data, periods), name="date"), columns=columns)
    table.attrs["cannot_say"] = CANNOT_SAY
    return table
