"""The split into direct and mediated effects: identified by the observed mediator, lost without its equation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm import engine, inference
from bayesmmm.equations import MMM, Equation, log_likelihood
from bayesmmm.inference import linear_plan
from tests import reference, worlds
from tests.fits import quiet, zero_out


def _linear_world():
    """Social drives search; search enters sales linearly, social through the same adstock and Hill curve."""
    data = worlds.data(120, zeros=False)
    system = MMM([Equation("search", media=["social"]), Equation("sales", media=["social"], linear=["search"])])
    return data, system


def test_moving_along_the_fitted_mean_ridge_changes_the_likelihood():
    data, system = _linear_world()
    scales = data.scales()
    media = reference.media(
        engine.inputs(system.equation("search"), data, scales).media,
        np.zeros((1, 1)),
        *[np.array([v]) for v in (0.5 ** (1 / 7), 0.8, 1.1)],
        np.array([[1.0]]),
        days=7,
    )[0]
    effect = 0.4  # mean contribution of social to search, in shares of its size
    size, spread = scales.size["search"].item(), scales.spread["search"]
    # Where search is replaced by its fitted mean 0.6 + effect * media, slope * (fitted mean) and direct * media lie
    # on one line: moving the slope by d and direct by -d * effect * size / spread leaves every mean unchanged.
    d = 0.2
    trade = d * effect * size / spread
    fitted = data.replace_columns({"search": size * (0.6 + effect * media)[None]})
    start = _density_on(fitted, scales, system, direct=0.3, slope_on_search=0.2)
    shift = d * (size * 0.6 - scales.center["search"]) / spread  # the constant that goes to the intercept
    moved = _density_on(fitted, scales, system, direct=0.3 - trade, slope_on_search=0.2 + d, intercept=-shift)
    assert moved == pytest.approx(start, rel=1e-9)
    observed = _density_on(data, scales, system, direct=0.3, slope_on_search=0.2)
    apart = _density_on(data, scales, system, direct=0.3 - trade, slope_on_search=0.2 + d, intercept=-shift)
    assert abs(apart - observed) > 50.0


def _density_on(data, scales, system, *, direct, slope_on_search, intercept=0.0):
    """Log density of sales as the package computes it, given the search in `data`."""
    equation = system.equation("sales")
    half_life = -7.0 * np.log(2.0) / np.log(0.5)
    par = {
        "half_life": np.array([[half_life]]),
        "half_saturation": np.array([[0.8]]),
        "slope": np.array([[1.1]]),
        "contribution": np.array([[[direct]]]),
        "coefficient": np.array([[0.6 + intercept, slope_on_search]]),
        "sigma": np.array([0.1]),
    }
    seen = engine.inputs(equation, data, scales)
    mean = engine.latent_mean(equation, seen, par, data.calendar)
    return float(log_likelihood(equation, data.columns["sales"], mean, par, scales).sum())


# ------------------------------------------------------------------------------- what each wrong model gets wrong
CHANNELS = ("tv", "social")


@pytest.fixture(scope="module")
def mediated_world():
    """Simulated from given parameters: social acts mostly through search, tv only directly."""
    data = worlds.data(200, seed=4)
    season = {"seasonality": (), "trend": False}
    system = MMM(
        [
            Equation("search", media=["social"], linear=["price"], likelihood="censored_normal"),
            Equation("sales", media=["tv", "social", "search"], linear=["price"], **season),
        ]
    )
    par = {
        "search": {
            "half_life": [[5.0]],
            "half_saturation": [[1.0]],
            "slope": [[1.2]],
            "contribution": [[[0.8]]],
            "coefficient": [[0.1, -0.1]],
            "sigma": [0.25],
        },
        "sales": {
            "half_life": [[10.0, 7.0, 3.0]],
            "half_saturation": [[1.0, 0.8, 0.7]],
            "slope": [[1.1, 1.0, 1.2]],
            "contribution": [[[0.10, 0.05, 0.20]]],
            "coefficient": [[0.65, -0.03]],
            "sigma": [0.03],
        },
    }
    par = {eq: {k: np.array(v, float) for k, v in values.items()} for eq, values in par.items()}
    from bayesmmm.simulate import simulate_world

    return simulate_world(system, data, parameters=par, seed=2)


def _true_total(world, channel):
    return float(world.truth.effects["total"].sel(channel=channel)) / len(world.data.dates)


def _fit(system, data):
    fit = quiet(inference.fit, system, data, seed=1, draws=500, tune=500, chains=2, progress=False)
    assert fit.convergence.verdict != "failed"
    return fit


def test_a_channel_without_a_mediator_keeps_its_direct_path(mediated_world):
    effects = mediated_world.truth.effects
    assert float(effects["indirect"].sel(channel="tv")) == 0.0
    assert float(effects["direct"].sel(channel="tv")) == float(effects["total"].sel(channel="tv")) > 0.0
    assert float(effects["indirect"].sel(channel="social")) > 2 * float(effects["direct"].sel(channel="social"))


def test_joint_equations_recover_the_total_and_wrong_ones_do_not(mediated_world):
    data = mediated_world.data
    truth = _true_total(mediated_world, "social")
    joint = _fit(mediated_world.system, data)
    low, high = np.quantile(zero_out(joint, "social"), [0.05, 0.95])
    assert low < truth < high
    # Held at what it was, search carries nothing: what is left is the direct part, and tv has nothing but that.
    for channel in CHANNELS:
        low, high = np.quantile(zero_out(joint, channel, hold="search"), [0.05, 0.95])
        assert low < float(mediated_world.truth.effects["direct"].sel(channel=channel)) / len(data.dates) < high
    assert_allclose(zero_out(joint, "tv", hold="search"), zero_out(joint, "tv"), rtol=1e-9, atol=1e-9)

    outcome = mediated_world.system.equations[-1]
    # Its equation dropped: search counts as one more channel, and what social stirred up is credited to search.
    ordinary = zero_out(_fit(MMM([outcome]), data), "social")
    assert np.quantile(ordinary, 0.95) < truth
    assert np.mean(ordinary) < 0.5 * truth

    # Its series left out: the total is about right, but all of it now counts as direct, far above the truth.
    alone = Equation("sales", media=["tv", "social"], linear=["price"])
    without = zero_out(_fit(MMM([alone]), data), "social")
    assert abs(np.median(without) - truth) < 0.35 * truth
    direct = float(mediated_world.truth.effects["direct"].sel(channel="social")) / len(data.dates)
    assert np.quantile(without, 0.05) > 1.5 * direct


def test_plan_of_the_linear_part_is_a_rotation():
    data, system = _linear_world()
    seen = engine.inputs(system.equation("sales"), data, data.scales())
    plan = linear_plan(system.equation("sales"), seen.design)
    b = np.array([[0.3, -0.2]])
    z = (b - plan.mean) / plan.sd @ plan.rotation
    assert_allclose(plan.coefficients(z), b, rtol=1e-12)
    rebuilt = plan.offset.ravel() + (z * np.sqrt(plan.variance)) @ plan.basis
    assert_allclose(rebuilt[0], (seen.design[0] @ b[0]), rtol=1e-12)
