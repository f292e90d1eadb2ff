"""The evaluator: closed forms, the slow reference, interventions, residuals that give the data back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from bayesmmm import engine
from bayesmmm.equations import MMM, Equation, expected, log_likelihood, observe
from bayesmmm.priors import Prior
from tests import reference, worlds

DRAWS = 5


@pytest.fixture(params=[("normal", "censored_normal"), ("student_t", "normal"), ("lognormal", "student_t")])
def setting(request):
    outcome, mediator = request.param
    data = worlds.data(40)
    system = worlds.system(outcome, mediator)
    scales = data.scales()
    parameters = engine.draw_prior(system, data, scales, draws=DRAWS, rng=np.random.default_rng(2))
    return system, data, scales, parameters


def _evaluated(system, data, scales, parameters):
    """Latent means, amplitudes and residuals of the observed series."""
    rng = np.random.default_rng(7)
    mean, amplitude, residual = {}, {}, {}
    for name in system.order:
        equation = system.equation(name)
        seen = engine.inputs(equation, data, scales)
        _, amplitude[name] = engine.media_term(equation, seen.media, parameters[name], data.calendar)
        mean[name] = engine.latent_mean(equation, seen, parameters[name], data.calendar)
        residual[name] = equation.family.residual(
            seen.target, mean[name], parameters[name], rng.random(mean[name].shape)
        )
    return mean, amplitude, residual


def test_retention_from_half_life():
    assert engine.retention(7.0, 7.0) == pytest.approx(0.5, rel=1e-15)
    assert engine.retention(7.0, 1.0) ** 7 == pytest.approx(0.5, rel=1e-14)
    assert engine.retention(0.0, 7.0) == 0.0


def test_latent_mean_equals_the_reference(setting):
    system, data, scales, parameters = setting
    mean, _, _ = _evaluated(*setting)
    for name in system.order:
        seen = engine.inputs(system.equation(name), data, scales)
        par = parameters[name]
        for s in range(DRAWS):
            keep = [reference.retention_from_half_life(h) for h in par["half_life"][s]]
            media = reference.media(
                seen.media,
                np.zeros(seen.media.shape[:2]),
                np.array(keep),
                par["half_saturation"][s],
                par["slope"][s],
                par["contribution"][s],
                days=7,
            )
            assert_allclose(mean[name][s], media + seen.design @ par["coefficient"][s], rtol=1e-9, atol=1e-12)


def test_residuals_give_the_observed_series_back(setting):
    system, data, scales, parameters = setting
    _, amplitude, residual = _evaluated(*setting)
    again = engine.run(system, parameters, data, scales, residual=residual, amplitude=amplitude)
    for name in system.order:
        observed = np.broadcast_to(data.columns[name], again.columns[name].shape)
        assert_allclose(again.columns[name], observed, rtol=1e-9, atol=1e-9 * scales.size[name].item())


def test_censored_residuals_follow_their_truncated_distribution():
    equation = Equation("search", media=["social"], likelihood="censored_normal")
    mean = np.full((4000, 1, 2), 0.5)
    par = {"sigma": np.full(4000, 0.8)}
    target = np.array([[0.0, 1.2]])
    got = equation.family.residual(target, mean, par, np.random.default_rng(1).random(mean.shape))
    assert_allclose(got[:, 0, 1], 0.7)
    assert (got[:, 0, 0] <= -0.5).all()
    truth = stats.truncnorm(-np.inf, -0.5 / 0.8, scale=0.8)
    assert stats.kstest(got[:, 0, 0], truth.cdf).pvalue > 0.01
    # Negative control: an untruncated Normal is told apart.
    assert stats.kstest(got[:, 0, 0], stats.norm(scale=0.8).cdf).pvalue < 1e-6


def test_censored_residual_far_in_the_tail_stays_finite():
    equation = Equation("search", media=["social"], likelihood="censored_normal")
    got = equation.family.residual(
        np.zeros((1, 1)), np.full((3, 1, 1), 60.0), {"sigma": np.ones(3)}, np.full((3, 1, 1), 0.3)
    )
    assert np.isfinite(got).all()
    assert (got <= -60.0).all()
    assert (got > -61.0).all()


def test_setting_a_mediator_cuts_what_drives_it(setting):
    system, data, scales, parameters = setting
    _, amplitude, residual = _evaluated(*setting)
    args = {"residual": residual, "amplitude": amplitude}
    fixed = {"search": data.columns["search"] * 0.5}
    base = engine.run(system, parameters, data, scales, do=fixed, **args)
    assert_array_equal(
        np.broadcast_to(base.columns["search"], (DRAWS, 1, 40)), np.broadcast_to(fixed["search"], (DRAWS, 1, 40))
    )
    # With search held, social moves sales through its own path only.
    without = {"social": np.zeros((1, 40))}
    held = engine.run(system, parameters, data, scales, do=fixed | without, **args)
    free = engine.run(system, parameters, data, scales, do=without, **args)
    assert_array_equal(held.columns["search"], base.columns["search"])
    assert not np.array_equal(free.columns["search"], held.columns["search"])


def test_a_later_change_does_not_move_earlier_periods(setting):
    system, data, scales, parameters = setting
    _, amplitude, residual = _evaluated(*setting)
    changed = data.columns["social"].copy()
    changed[:, 25:] *= 3.0
    args = {"residual": residual, "amplitude": amplitude}
    base = engine.run(system, parameters, data, scales, **args)
    moved = engine.run(system, parameters, data, scales, do={"social": changed}, **args)
    for name in system.order:
        assert_array_equal(moved.columns[name][..., :25], base.columns[name][..., :25])
    assert not np.array_equal(moved.columns["sales"], base.columns["sales"])


@pytest.mark.parametrize("likelihood", ["normal", "student_t", "lognormal", "censored_normal"])
def test_expected_series_is_the_mean_of_noisy_ones(likelihood):
    data = worlds.data(10)
    equation = Equation("sales", media=["tv"], likelihood=likelihood)
    par = {"sigma": np.full(200_000, 0.4), "nu_minus_two": np.full(200_000, 4.0)}
    mean = np.full((200_000, 1, 1), 0.2)
    noise = equation.family.draw_residual(par, mean.shape, np.random.default_rng(3))
    draws = observe(equation, mean + noise, data.scales())
    exact = expected(equation, mean[:1], par["sigma"][:1], data.scales()).item()
    assert abs(draws.mean() - exact) < 4 * draws.std() / np.sqrt(200_000)
    # Negative control: the series at the latent mean differs wherever the link is not linear.
    naive = observe(equation, mean[:1], data.scales()).item()
    assert (abs(naive - exact) > 8 * draws.std() / np.sqrt(200_000)) == (
        likelihood in ("lognormal", "censored_normal")
    )


def test_log_likelihood_in_raw_units():
    data = worlds.data(40)
    scales = data.scales()
    size = scales.size["sales"].item()
    y = data.columns["sales"]
    mean = np.full((1, 1, 40), -0.1)
    par = {"sigma": np.array([0.4]), "nu_minus_two": np.array([3.0])}
    expected = {
        "normal": stats.norm.logpdf(y, -0.1 * size, 0.4 * size),
        "student_t": stats.t.logpdf(y, 5.0, -0.1 * size, 0.4 * size),
        "lognormal": stats.lognorm.logpdf(y, 0.4, scale=size * np.exp(-0.1)),
    }
    for likelihood, density in expected.items():
        equation = Equation("sales", media=["tv"], likelihood=likelihood)
        assert_allclose(log_likelihood(equation, y, mean, par, scales)[0], density, rtol=1e-10)
    search, size = data.columns["search"], scales.size["search"].item()
    equation = Equation("search", media=["social"], likelihood="censored_normal")
    density = np.where(
        search > 0, stats.norm.logpdf(search, -0.1 * size, 0.4 * size), stats.norm.logcdf(0.0, -0.1, 0.4)
    )
    assert (search == 0).any()
    assert_allclose(log_likelihood(equation, search, mean, par, scales)[0], density, rtol=1e-10)


def test_labels_go_there_and_back(setting):
    system, data, _, parameters = setting
    labelled = engine.to_dataset(system, parameters, data, chains=1)
    back = engine.to_arrays(system, labelled)
    for name in system.order:
        for key, value in parameters[name].items():
            assert_array_equal(back[name][key], value)
    # Labels decide, not positions.
    shuffled = labelled.isel({"sales.media": [2, 0, 1], "sales.term": slice(None, None, -1)})
    assert_array_equal(engine.to_arrays(system, shuffled)["sales"]["slope"], parameters["sales"]["slope"])


def test_roi_and_retention_become_contribution_and_half_life():
    data = worlds.data(40)
    priors = {
        "roi": {"tv": Prior("Uniform", lower=2.0, upper=2.0 + 1e-9)},
        "retention": {"social": Prior("Uniform", lower=0.5, upper=0.5 + 1e-9)},
    }
    equation = Equation("sales", media=["tv", "social"], priors=priors)
    scales = data.scales()
    par = engine.draw_prior(MMM([equation]), data, scales, draws=3, rng=np.random.default_rng(0))["sales"]
    assert_allclose(par["half_life"][:, 1], 7.0, rtol=1e-6)
    mean_contribution = par["contribution"][:, 0, 0] * scales.size["sales"]
    assert_allclose(mean_contribution / data.columns["tv"].mean(), 2.0, rtol=1e-6)
