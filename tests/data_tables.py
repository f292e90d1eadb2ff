"""Clean tables for the tests of data, and short ways to read and spoil them."""

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData

ROLES = {
    "date": "week",
    "outcome": "revenue",
    "media": ["tv", "facebook"],
    "mediators": {"google": "money"},
    "controls": ["price"],
}
PERIODS = 20
CALENDARS = {
    "daily": pd.date_range("2024-02-01", periods=28, freq="D"),
    "weekly": pd.date_range("2023-11-05", periods=9, freq="7D"),
    "first of the month": pd.date_range("2023-01-01", periods=14, freq="MS"),
    "month ends": pd.date_range("2023-01-31", periods=12, freq="ME"),
}


def weekly(periods=PERIODS, *, start="2023-01-01", seed=0):
    """Return a clean national table."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "week": pd.date_range(start, periods=periods, freq="7D"),
            "revenue": 1000 + 100 * rng.normal(size=periods),
            "tv": np.where(rng.random(periods) < 0.3, 0.0, rng.gamma(2.0, 50.0, periods)),
            "facebook": 20 + 60 * rng.random(periods),
            "google": np.maximum(rng.normal(30, 20, periods), 0.0),
            "price": rng.normal(10, 1, periods),
        }
    )


def panel(geos=("north", "south", "west"), periods=PERIODS):
    """Return a clean panel, geo after geo."""
    frames = [weekly(periods, seed=i).assign(region=geo) for i, geo in enumerate(geos)]
    return pd.concat(frames, ignore_index=True)


def read(frame, **changes):
    return MMMData.from_frame(frame, **{**ROLES, **changes})


def read_text(tmp_path, text, *, encoding="utf-8", **changes):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return MMMData.from_csv(path, **{**ROLES, **changes})


def with_value(column, value, *, row=3, frame=None):
    frame = weekly() if frame is None else frame
    if isinstance(value, str):
        frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


def texts(dates):
    """Return dates as ISO text."""
    return [f"{date:%Y-%m-%d}" for date in dates]
