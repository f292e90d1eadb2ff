"""Calibration of panels: truths drawn from the priors rank evenly among the draws, and three faults are caught.

Worlds come from plain NumPy (`panel_prior_worlds`), on given scales: six geos, sixty weeks, a mediator, period effects
in both equations, a geo that never buys one channel.
"""

from functools import partial

import numpy as np
import pytest

from bayesmmm.equations import Panel
from tests.panel_prior_worlds import calibrated, simulated

#: One of each kind of quantity, of both equations.
RANKED = {
    *(f"sales.{p}[{c}]" for p in ("half_life", "half_saturation", "slope") for c in ("tv", "social", "visits")),
    *(f"sales.{p}[{c}]" for p in ("median_contribution", "tau") for c in ("tv", "social", "visits")),
    *(f"sales.contribution[g2, {c}]" for c in ("tv", "social", "visits")),
    *(f"visits.{p}[social]" for p in ("half_life", "half_saturation", "slope", "median_contribution", "tau")),
    "visits.contribution[g2, social]",
    *(f"{e}.coefficient[g2, {term}]" for e in ("visits", "sales") for term in ("intercept", "price")),
    *(f"{e}.{p}" for e in ("visits", "sales") for p in ("sigma", "omega", "period[17]")),
    *("roi[tv]", "roi[social]"),
}


def test_a_truth_ranks_somewhere_among_the_draws_of_every_quantity():
    out = calibrated(2, kept=49, seed=3, settings={"draws": 200, "tune": 300, "chains": 2, "target_accept": 0.9})
    rows = out.simulations
    assert out.complete
    assert set(rows["quantity"].values) == RANKED
    # No truth lies far from what was learned of it, nor is it the draws themselves.
    away = np.abs(rows["truth"] - rows["mean"]) / rows["sd"]
    assert float(away.max()) < 5.0
    assert float(away.mean()) > 0.2


def found(simulations, **kwargs):
    out = calibrated(simulations, **kwargs)
    print(out, out.table().round(3).to_string(), sep="\n")  # noqa: T201
    assert out.complete
    return out


@pytest.mark.slow
def test_no_quantity_of_a_panel_leaves_its_band():
    out = found(200)
    assert out.verdict == "ok", str(out)
    assert set(out.simulations["quantity"].values) == RANKED
    assert abs(out.table()["coverage90"].mean() - 0.9) < 0.015


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ({"panel": Panel(periods="none")}, ["sales.sigma", "visits.sigma"]),
        ({"worlds": partial(simulated, late=True)}, ["sales.sigma"]),
        ({"panel": Panel(pooling="full")}, ["sales.sigma", "sales.contribution[g2, tv]"]),
    ],
    ids=["period shocks ignored", "spend of one geo a week late", "no spread over geos"],
)
def test_a_fault_of_panels_is_caught(fault, caught):
    out = found(60, **fault)
    assert out.verdict == "fail"
    assert (out.table().loc[caught, "verdict"] == "fail").all(), str(out)
