"""A channel that was never off: how much of its contribution lies where its curve was never seen."""

import numpy as np
import pytest

from bayesmmm.data import MMMData
from bayesmmm.diagnostics import diagnose
from bayesmmm.equations import MMM, Equation
from tests import made

CURVE = {"sales.half_life": 0.01, "sales.half_saturation": 1.0, "sales.slope": 1.0}


def unseen(spend, **values):
    frame = made.frame().assign(tv=spend)[["date", "sales", "tv"]]
    data = MMMData.from_frame(frame, date="date", outcome="sales", media=["tv"])
    fit = made.made_fit(MMM([Equation("sales", media=["tv"])]), data, values=CURVE | values)
    diagnosis = diagnose(fit)
    return diagnosis["unseen:sales"], diagnosis.tables["curve_range"].loc[("sales", "tv"), "unseen"]


def test_it_is_the_response_to_the_least_spend_over_the_mean_response():
    spend = np.linspace(50.0, 150.0, 52)
    check, share = unseen(spend)
    x = spend / spend.mean()
    response = x / (1.0 + x)
    assert share == pytest.approx(response.min() / response.mean(), rel=1e-6)
    assert check.verdict == "warn"
    assert "tv was never off" in check.meaning
    assert f"{100 * share:.0f} % of what tv brings" in check.finding


def test_steeper_curves_hide_less():
    spend = np.linspace(50.0, 150.0, 52)
    assert unseen(spend, **{"sales.slope": 2.0})[1] < unseen(spend)[1]


def test_a_channel_that_pauses_hides_nothing():
    spend = np.where(np.arange(52) % 5 == 0, 0.0, 100.0)
    check, share = unseen(spend)
    assert share == pytest.approx(0.0, abs=1e-3)
    assert check.verdict == "ok"
