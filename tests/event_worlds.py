"""Small data with events, whose effects the tests know."""

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation

#: Sales of a day, and what a day of each event adds to them.
LEVEL, EFFECT = 100.0, {"sale": 80.0, "new year": -30.0, "easter": -20.0, "unity": -25.0}
FIRST, LAST = "2021-01-04", "2023-12-31"

EVENTS = pd.DataFrame(
    [
        *(("sale", f"{y}-11-2{5 + y % 3}", f"{y}-11-2{8 + y % 2}") for y in range(2021, 2026)),
        *(("new year", f"{y}-01-01", f"{y}-01-02") for y in range(2022, 2026)),
        *(("unity", f"{y}-10-03", f"{y}-10-03") for y in range(2021, 2026)),
        *(("easter", day, day) for day in ("2021-04-05", "2022-04-18", "2023-04-10", "2024-04-01")),
    ],
    columns=["name", "first_day", "last_day"],
)
ROLES = {"date": "date", "outcome": "sales", "media": ["tv"], "events": EVENTS}
POOL = {"holidays": ["new year", "easter", "unity"]}


def daily(noise=0.0, seed=4):
    """Sales of every day: a level, events, what tv of the same day brings, and noise."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range(FIRST, LAST)
    frame = pd.DataFrame(
        {"date": dates, "tv": np.repeat(rng.gamma(1.0, 40.0, len(dates) // 7 + 1), 7)[: len(dates)] / 7}
    )
    lift = 3.0 * frame["tv"] / (10.0 + frame["tv"])
    frame["sales"] = LEVEL + lift * LEVEL / 10.0 + noise * rng.normal(size=len(dates))
    for row in EVENTS.itertuples():
        frame.loc[frame["date"].between(row.first_day, row.last_day), "sales"] += EFFECT[row.name]
    return frame


def added_up(frame, freq):
    """The same by week (freq "7D"), fortnight or month, dated by their first days."""
    origin = {"origin": FIRST} if freq.endswith("D") else {}
    return frame.groupby(pd.Grouper(key="date", freq=freq, **origin)).sum().reset_index()


def read(frame, **more):
    return MMMData.from_frame(frame, **{**ROLES, "date_is": "first", **more})


def system(**more):
    return MMM([Equation("sales", media=["tv"], events=["sale"], pooled_events=POOL, **more)])
