"""Impressions whose cost changes from week to week: returns are found by exposures, and missed by spend as the input."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayesmmm import estimands, inference
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation
from bayesmmm.simulate import simulate_world
from bayesmmm.simulate.spending import flights, wander, weeks_from
from tests.fits import quiet

SEEDS, WEEKS, PROBABILITY, LEAST = 40, 104, 0.9, 0.85
SYSTEM = MMM([Equation("sales", media=["display", "tv"])])


def world(seed):
    """Two years of impressions that never pause, of which a thousand cost 4, a quarter of that or four times as much."""
    rng = np.random.default_rng(seed)
    views = 2e5 * np.exp(wander(WEEKS, 0.3, 0.8, rng))
    cost = 0.004 * np.exp(wander(WEEKS, 0.5, 0.8, rng))
    frame = pd.DataFrame({"week": weeks_from(WEEKS), "display": views, "display_cost": views * cost})
    frame["tv"] = 900.0 * flights(WEEKS, (2, 6), (2, 6), rng) * np.exp(wander(WEEKS, 0.3, 0.4, rng))
    frame["sales"] = np.linspace(9_000.0, 11_000.0, WEEKS)  # a placeholder: its size sets the unit
    data = MMMData.from_frame(
        frame,
        date="week",
        outcome="sales",
        media=["display", "tv"],
        units={"display": "impressions"},
        spend={"display": "display_cost"},
    )
    parameters = {
        "half_life": np.array([[8.0, 8.0]]),
        "half_saturation": np.array([[1.0, 1.0]]),
        "slope": np.array([[1.0, 1.0]]),
        "contribution": np.array([[[0.15, 0.1]]]),
        "coefficient": np.array([[0.75]]),
        "sigma": np.array([0.03]),
    }
    return simulate_world(SYSTEM, data, parameters={"sales": parameters}, seed=seed)


def as_money(data):
    """The same weeks with the spend of the impressions as the input of their channel."""
    columns = {name: values for name, values in data.columns.items() if name != "display_cost"}
    return replace(data, columns={**columns, "display": data.columns["display_cost"]}, units={}, spend={})


def holds_the_truth(data, truth, seed):
    fit = quiet(inference.fit, SYSTEM, data, draws=300, tune=300, chains=2, seed=seed, progress=False)
    roi = quiet(estimands.roi, fit.accept_unconverged(), window="outcome").sel(channel="display")
    low, high = (float(roi.quantile(q)) for q in (0.5 - PROBABILITY / 2, 0.5 + PROBABILITY / 2))
    return low <= truth <= high


@pytest.mark.slow
def test_intervals_of_returns_hold_the_truth_by_exposures_and_not_by_spend():
    # Measured: 40 of 40 by exposures, 27 of 40 by spend.
    held = {"exposures": 0, "spend": 0}
    for seed in range(SEEDS):
        made = world(seed)
        truth = float(made.truth.effects["roi"].sel(channel="display"))
        held["exposures"] += holds_the_truth(made.data, truth, seed)
        held["spend"] += holds_the_truth(as_money(made.data), truth, seed)
    print(held)  # noqa: T201
    assert held["exposures"] >= LEAST * SEEDS, held
    assert held["spend"] < LEAST * SEEDS, held
