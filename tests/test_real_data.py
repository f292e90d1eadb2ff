"""Default settings on data that were not made here: every fit converges, and the predictive check tells them apart."""

import numpy as np
import pytest

import bayesmmm as mm
from tests.fits import quiet

SOCIAL = ["facebook_spend", "tiktok_spend", "instagram_spend", "snapchat_spend"]
CONTROLS = ["average_price", "promotions", "emails_send", "sms_send", "social_followers"]
SEASON = mm.Fourier(period=365.25, order=2)


@pytest.fixture
def mediated(external_data):
    return mm.MMMData.from_csv(
        external_data("social_search_weekly.csv"),
        date="week",
        outcome="revenue",
        media=SOCIAL,
        mediators={"google_spend": "money"},
        controls=CONTROLS,
    )


def _system(likelihood):
    common = {"linear": CONTROLS, "seasonality": SEASON, "trend": True}
    return mm.MMM(
        [
            mm.Equation("google_spend", media=SOCIAL, likelihood="censored_normal", **common),
            mm.Equation("revenue", media=[*SOCIAL, "google_spend"], likelihood=likelihood, **common),
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", ["normal", "student_t", "lognormal"])
def test_the_mediated_set_converges_with_default_settings(mediated, likelihood):
    fit = quiet(mm.fit, _system(likelihood), mediated, seed=1, progress=False)
    verdict = fit.convergence
    assert verdict.rhat <= 1.01
    assert verdict.ess_bulk >= 400
    assert verdict.divergences == 0
    # Revenue is never negative: a symmetric likelihood replicates it below zero, the lognormal does not.
    below = float((fit.tree["posterior_predictive"]["revenue"] < 0).mean())
    assert (below > 0.2) == (likelihood != "lognormal")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_hill_example_mixes_with_default_settings(external_data, seed):
    data = mm.MMMData.from_csv(
        external_data("mmm_example.csv"),
        date="date_week",
        date_format="%m/%d/%Y",
        outcome="y",
        media=["x1", "x2"],
        controls=["event_1", "event_2"],
    )
    # The set was simulated with adstock 0.4 and 0.2 per week, the spend of which acts at its start.
    by_week = {"retention": mm.Prior("Beta", alpha=1.0, beta=3.0)}
    equation = mm.Equation(
        "y", media=["x1", "x2"], linear=["event_1", "event_2"], seasonality=SEASON, trend=True, priors=by_week
    )
    system = mm.MMM([equation])
    fit = quiet(mm.fit, system, data, seed=seed, progress=False)
    assert fit.convergence.ess_bulk >= 600
    assert fit.convergence.divergences == 0
    keep = 0.5 ** (7.0 / fit.posterior["y.half_life"])
    low, high = (keep.quantile(q, ["chain", "draw"]).values for q in (0.025, 0.975))
    assert (low < np.array([0.4, 0.2])).all()
    assert (high > np.array([0.4, 0.2])).all()
