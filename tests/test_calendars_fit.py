"""A fit on retail periods of 4-4-5 weeks, with a year of 53: forecast, decomposition and budget keep to the calendar."""

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.data import next_dates
from tests.fits import quiet
from tests.test_calendars import RETAIL

SALES = pd.DataFrame(
    {
        "name": "sale",
        "first_day": ["2022-11-25", "2023-11-24", "2024-11-29", "2025-11-28"],
        "last_day": ["2022-11-28", "2023-11-27", "2024-12-02", "2025-12-01"],
    }
)
DAILY = 1000.0  # what a day sells


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(0)
    dates, days = RETAIL[:-1], np.diff(RETAIL).astype("timedelta64[D]").astype(float)
    frame = pd.DataFrame({"period": dates, "days": days})
    frame["tv"] = rng.gamma(2.0, 80.0, len(dates)) * days * (rng.random(len(dates)) < 0.8)
    frame["sales"] = days * (DAILY + 2.0 * frame["tv"] / days + 10.0 * rng.normal(size=len(dates)))
    roles = {"date": "period", "outcome": "sales", "media": ["tv"], "controls": ["days"], "events": SALES}
    data = mm.MMMData.from_frame(frame, date_is="first", **roles)
    system = mm.MMM([mm.Equation("sales", media=["tv"], linear=["days"], events=["sale"])])
    return quiet(mm.fit, system, data, draws=60, tune=120, chains=2, seed=1, progress=False).accept_unconverged()


def test_the_calendar(fit):
    assert fit.data.calendar.frequency == "retail"
    assert list(np.unique(np.diff(fit.data.dates).astype("timedelta64[W]").astype(int))) == [4, 5, 6]
    assert fit.data.columns["sale"].sum() == 12  # three sales of four days


def test_a_forecast_goes_on_by_the_pattern(fit):
    dates = next_dates(fit.data, 6)
    days = np.array([28.0, 28.0, 35.0] * 2)
    assert list(
        np.diff([*dates, dates[-1] + pd.Timedelta(days=35)]).astype("timedelta64[D]").astype(float)
    ) == list(days)
    plan = pd.DataFrame({"period": dates, "tv": 100.0 * days, "days": days})
    ahead = quiet(mm.predict, fit, plan)["sales"].median(["chain", "draw"])
    assert list(ahead["date"].values) == list(dates)
    assert ahead.values / days == pytest.approx(DAILY + 200.0, rel=0.1)


def test_a_decomposition_adds_up(fit):
    parts = mm.decompose(fit)
    assert parts.sizes["date"] == len(RETAIL) - 1
    total = parts["contribution"].sum("component")
    assert total.mean(["chain", "draw"]).values == pytest.approx(fit.data.columns["sales"][0], rel=0.05)
    events = parts["contribution"].sel(component="sale")
    assert np.array_equal((events != 0.0).any(["chain", "draw"]), fit.data.columns["sale"][0] > 0.0)


def test_a_budget_of_a_year_that_ends_inside_a_period(fit):
    """The last retail year of the data, 2024-02-04 to 2025-02-01, may end on any day of its last period."""
    last = fit.data.dates[-12:]
    asked = {"total": 90_000.0, "draws": 20, "starts": 1, "seed": 1}
    whole = {"start": f"{last[0]:%Y-%m-%d}", "stop": f"{last[-1]:%Y-%m-%d}"}
    inside = whole | {"stop": f"{last[-1] + pd.Timedelta(days=30):%Y-%m-%d}"}
    plans = [quiet(mm.optimize_budget, fit, **asked, **window) for window in (inside, whole)]
    for plan in plans:
        assert list(plan.spend["date"].values) == list(last)
        assert float(plan.spend.sum()) == pytest.approx(90_000.0)
    assert np.array_equal(plans[0].spend, plans[1].spend)
    assert f"Budget plan for {last[0]:%Y-%m-%d} to {last[-1]:%Y-%m-%d}, 12 periods of the past" in str(plans[0])
    days = np.tile([28.0, 28.0, 35.0], 4)
    ahead = quiet(mm.optimize_budget, fit, **asked, window=mm.Window(periods=12, controls={"days": days}))
    assert list(ahead.spend["date"].values) == list(next_dates(fit.data, 12))
