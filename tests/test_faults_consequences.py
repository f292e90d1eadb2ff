"""A consequence of the outcome taken for a control: named before a fit, at a fit, and after it."""

import numpy as np
import pandas as pd
import pytest

from bayesmmm import errors
from bayesmmm.data import MMMData
from bayesmmm.diagnostics import audit, diagnose
from bayesmmm.equations import MMM, Equation, Fourier, system_warnings
from bayesmmm.simulate.datasets import load_case
from tests import made

WEEKS = 120


def table(seed=0) -> pd.DataFrame:
    """Sales with a season and a trend, and columns that relate to them in several ways."""
    rng = np.random.default_rng(seed)
    t = np.arange(WEEKS)
    wave = 1000.0 + 10.0 * t + 200.0 * np.sin(2 * np.pi * t / 52.18)
    tv = rng.gamma(2.0, 50.0, WEEKS) * (rng.random(WEEKS) < 0.6)
    sales = wave + tv + rng.normal(0.0, 60.0, WEEKS)
    noise = sales.std() * np.sqrt(1 / 0.97**2 - 1)
    return pd.DataFrame(
        {
            "week": pd.date_range("2022-01-02", periods=WEEKS, freq="7D"),
            "sales": sales,
            "tv": tv,
            "same": sales,
            "orders": sales + rng.normal(0.0, noise, WEEKS),
            "returned": -2.0 * sales + 7.0,
            "trended": wave + rng.normal(0.0, 30.0, WEEKS),
            "price": rng.normal(10.0, 1.0, WEEKS),
        }
    )


def read(control: str, frame: pd.DataFrame | None = None, *, mediator: bool = False) -> tuple[MMM, MMMData]:
    frame = table() if frame is None else frame
    role = {"mediators": {control: "units"}} if mediator else {"controls": [control]}
    data = MMMData.from_frame(frame, date="week", outcome="sales", media=["tv"], **role)
    season = [Fourier(365.25, 2)]
    sales = Equation("sales", media=["tv"], linear=[control], trend=True, seasonality=season)
    before = [Equation(control, media=["tv"], trend=True, seasonality=season)] if mediator else []
    return MMM([*before, sales]), data


def consequences(system: MMM, data: MMMData) -> list[str]:
    return [str(w) for w in system_warnings(system, data) if isinstance(w, errors.ConsequenceWarning)]


@pytest.mark.parametrize("control", ["same", "orders", "returned"])
@pytest.mark.parametrize("mediator", [False, True])
def test_what_explains_nearly_all_of_the_outcome_is_named(control, mediator):
    system, data = read(control, mediator=mediator)
    (message,) = consequences(system, data)
    share = np.corrcoef(table()[control], table()["sales"])[0, 1] ** 2
    assert share > 0.9
    assert f"'{control}' alone explains {share:.1%} of the variance of 'sales'" in message
    found = audit(data, system)["consequences"]
    assert found.verdict == "warn"
    assert control in found.finding
    found = diagnose(made.made_fit(system, data))["consequences"]
    assert (found.verdict, found.group) == ("warn", "plausibility")
    assert control in found.finding


@pytest.mark.parametrize("scale", [1e40, 1e-40, -1e-3])
def test_the_unit_of_the_column_does_not_matter(scale):
    frame = table()
    frame["orders"] *= scale
    assert len(consequences(*read("orders", frame))) == 1


@pytest.mark.parametrize("control", ["price", "trended"])
def test_a_cause_and_a_shared_trend_are_not(control):
    """A shared trend and season explain most of the level, and not the changes from week to week."""
    system, data = read(control)
    assert consequences(system, data) == []
    assert audit(data, system)["consequences"].verdict == "ok"
    assert diagnose(made.made_fit(system, data))["consequences"].verdict == "ok"
    if control == "trended":
        assert np.corrcoef(table()["trended"], table()["sales"])[0, 1] ** 2 > 0.9


def test_the_remedy_takes_the_warning_away():
    system, data = read("orders")
    without = MMM([Equation("sales", media=["tv"], trend=True, seasonality=[Fourier(365.25, 2)])])
    assert consequences(without, data) == []
    assert len(consequences(system, data)) == 1


def test_the_shipped_world_has_none():
    world = load_case("social_search")
    assert consequences(world.system, world.data) == []
