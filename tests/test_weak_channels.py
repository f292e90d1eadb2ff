"""Channels that are not told apart from no effect: the density ratio at zero, and what is said of them."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesmmm as mm
from bayesmmm.priors import Prior
from bayesmmm.report import compose
from bayesmmm.results import weak_channels
from bayesmmm.results.no_effect import NO_EFFECT, relative_likelihood_of_zero
from bayesmmm.simulate import simulate_world
from tests.fits import quiet

MEDIA = ("tv", "display")
PRIORS = {
    "positive": Prior("HalfStudentT", nu=3, sigma=1.0),
    "narrow": Prior("HalfStudentT", nu=3, sigma=0.3),
    "any": Prior("StudentT", nu=3, mu=0, sigma=1.0),
    "log": Prior("LogNormal", mu=0, sigma=1.0),
}


# ------------------------------------------------------------------------------------------------ the density ratio
def posterior(prior: Prior, estimate: float, error: float, count: int = 20_000) -> np.ndarray:
    """Draws of a parameter with this prior, of which a Normal estimate is known, by inversion on a grid."""
    low, high = (float(end) for end in prior.scipy().ppf([1e-9, 1 - 1e-9]))
    grid = np.linspace(max(low, estimate - 8 * error), min(high, estimate + 8 * error), 20_001)
    weight = np.exp(prior.logpdf(grid) - 0.5 * ((grid - estimate) / error) ** 2)
    cdf = np.cumsum(weight)
    return np.interp(np.random.default_rng(0).uniform(size=count), cdf / cdf[-1], grid)


@pytest.mark.parametrize("prior", ["positive", "narrow", "any"])
@pytest.mark.parametrize("z", [0.5, 1.0, 1.645, 2.5])
def test_it_is_the_likelihood_ratio_of_a_normal_estimate(prior, z):
    found = relative_likelihood_of_zero(posterior(PRIORS[prior], z * 0.4, 0.4), PRIORS[prior])
    assert found == pytest.approx(math.exp(-0.5 * z * z), abs=0.05)


@pytest.mark.parametrize("z", [-0.5, -2.0])
def test_an_estimate_below_zero_makes_zero_the_likeliest_of_what_is_not_below(z):
    assert relative_likelihood_of_zero(posterior(PRIORS["positive"], z * 0.4, 0.4), PRIORS["positive"]) > 0.97
    signed = relative_likelihood_of_zero(posterior(PRIORS["any"], z * 0.4, 0.4), PRIORS["any"])
    assert signed == pytest.approx(math.exp(-0.5 * z * z), abs=0.05)


def test_draws_of_the_prior_say_nothing():
    for prior in PRIORS.values():
        assert relative_likelihood_of_zero(prior.draw(np.random.default_rng(1), 20_000), prior) > 0.5


def test_a_density_of_few_draws_is_not_known():
    assert math.isnan(relative_likelihood_of_zero(np.linspace(0.0, 1.0, 20), PRIORS["positive"]))
    assert math.isnan(relative_likelihood_of_zero(np.ones(500), PRIORS["positive"]))


# ------------------------------------------------------------------------------------------------ what is said of them
def system(**sign: str) -> mm.MMM:
    return mm.MMM([mm.Equation("sales", media=MEDIA, sign=sign)])


@pytest.fixture(scope="module")
def data():
    """Sales that tv moves and display does not."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"week": pd.date_range("2022-01-02", periods=100, freq="7D")})
    for name, mean in {"tv": 95.0, "display": 5.0}.items():
        spend = rng.gamma(4.0, 1.0, 100) * (rng.random(100) < 0.7)
        frame[name] = spend * mean / spend.mean()
    frame["sales"] = 1000.0 + np.arange(100) % 2
    plan = mm.MMMData.from_frame(frame, date="week", outcome="sales", media=MEDIA, outcome_unit="money")
    parameters = {name: np.full((1, 2), value) for name, value in (("half_life", 7.0), ("slope", 1.0))}
    parameters |= {"half_saturation": np.ones((1, 2)), "contribution": np.array([[[0.2, 0.0]]])}
    parameters |= {"coefficient": np.array([[0.8]]), "sigma": np.array([0.03])}
    return simulate_world(system(), plan, parameters={"sales": parameters}, seed=1).data


def fitted(data, **sign):
    options = {"draws": 400, "tune": 400, "chains": 2, "seed": 1, "progress": False}
    return quiet(mm.fit, system(**sign), data, **options).accept_unconverged()


@pytest.fixture(scope="module")
def fit(data):
    return fitted(data)


@pytest.fixture(scope="module")
def signed(data):
    return fitted(data, display="any")


def test_the_channel_that_does_nothing_is_weak_under_either_sign(fit, signed):
    for each in (fit, signed):
        table = weak_channels(each).set_index("channel")
        assert table["weak"].to_dict() == {"tv": False, "display": True}
        assert table.loc["tv", "no_effect"] < 0.01 < NO_EFFECT < table.loc["display", "no_effect"] <= 1.0
    low, high = mm.roi(signed).sel(channel="display").quantile([0.05, 0.95])
    assert low < 0.0 < high


def test_the_check_names_the_move_which_lets_the_interval_hold_zero(fit, signed):
    check = mm.diagnose(fit)["weak:display"]
    assert (check.verdict, mm.diagnose(fit)["weak:tv"].verdict) == ("warn", "ok")
    assert "sign={'display': 'any'}" in check.remedies[0]
    assert "sign={'display': 'any'}" not in " ".join(mm.diagnose(signed)["weak:display"].remedies)


def test_the_probability_never_stands_alone(fit):
    table = mm.summarise(mm.roi(fit))
    most = float(mm.roi(fit).sel(channel="display").quantile(0.95))
    assert table.loc["roi[display]", "note"] == f"not told apart from no effect; at most {most:.3g} with 95%"
    assert table.loc["roi[tv]", "note"] == ""
    every = mm.summarise(mm.effects(fit))["note"]
    assert every["roi_direct[display]"] == table.loc["roi[display]", "note"]  # it acts in no other way,
    assert every["roi_indirect[display]"] == ""  # so that this is 0 for certain
    said = str(compose(fit).findings)
    assert f"not told apart from no effect; at most {most:.3g}" in said
    assert "note" not in mm.summarise(mm.roi(fit).sel(channel=["tv"]).assign_attrs(weak="{}"))


def test_nor_does_that_of_a_marginal_return_or_a_plan(fit):
    table = mm.summarise(mm.marginal_roi(fit))
    assert table.loc["marginal_roi[display]", "note"].startswith("not told apart from no effect; at most")
    assert table.loc["marginal_roi[tv]", "note"] == ""
    rows = [each.text for each in compose(fit).findings if "One more unit of money in display" in each.text]
    assert len(rows) == 1
    assert "not told apart from no effect" in rows[0]
    plan = quiet(mm.optimize_budget, fit, total=400.0, periods=4)
    assert "not told apart from no effect: display; what the plan says there is mostly belief" in str(plan)
    assert mm.summarise(plan.answers["marginal_roi"]).loc["marginal_roi[new, display]", "note"]
    assert "told apart" not in str(quiet(mm.optimize_budget, fit, total=400.0, periods=4, channels=["tv"]))


def test_what_is_said_of_a_channel_stays_with_answers_in_a_file(fit, tmp_path):
    before = mm.effects(fit)
    before.to_netcdf(tmp_path / "effects.nc", engine="h5netcdf")
    after = xr.load_dataset(tmp_path / "effects.nc", engine="h5netcdf")
    pd.testing.assert_series_equal(mm.summarise(after["roi"])["note"], mm.summarise(before["roi"])["note"])


def test_a_channel_is_as_sure_as_its_surest_way(fit, monkeypatch):
    import bayesmmm.results.no_effect as module

    mediated = mm.MMM(
        [mm.Equation("search", media=["tv", "display"]), mm.Equation("sales", media=["tv", "search", "display"])]
    )
    steps = {("tv", "search"): 0.1, ("display", "search"): 0.9, ("search", "sales"): 0.2, ("tv", "sales"): 0.8}
    steps[("display", "sales")] = 0.7
    monkeypatch.setattr(module, "_steps", lambda fit: steps)
    table = weak_channels(replace(fit, system=mediated)).set_index("channel")
    assert table["no_effect"].to_dict() == {"tv": 0.2, "display": 0.7}
