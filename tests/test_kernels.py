"""Kernels: closed forms, invariants, the slow reference, finite differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, special

from bayesmmm import kernels
from bayesmmm.kernels import draws, system
from bayesmmm.kernels import likelihood as densities
from tests import reference

CASES = [None, 0, 3]


def _lag(max_lag):
    return -1 if max_lag is None else max_lag


#: Days of 30 months, and of three more.
MONTHS = np.diff(np.arange("2023-01", "2025-11", dtype="datetime64[M]").astype("datetime64[D]")).astype(float)[:33]
#: Lengths of periods for each of four channels: days, weeks, months, and periods that count as a day beside others.
CALENDARS = {
    "days": np.ones((4, 1)),
    "weeks": np.full((4, 1), 7.0),
    "months": np.tile(MONTHS, (4, 1)),
    "weeks, and a recursion by the period": np.array([[7.0], [1.0], [7.0], [1.0]]),
    "months, and a recursion by the period": np.array([MONTHS, np.ones(33), MONTHS, np.ones(33)]),
}


@pytest.fixture(params=CALENDARS)
def world(request):
    rng = np.random.default_rng(11)
    x = rng.gamma(1.0, 1.0, (2, 4, 30)) * (rng.random((2, 4, 30)) < 0.5)
    x[:, 3] = 0.0
    x[1, 3, 12] = 2.0  # channel 3 is silent in the first geo
    return {
        "x": x,
        "days": CALENDARS[request.param],
        "carry_in": np.array([[0.3, 0.0, 0.0, 0.0], [0.0, 1.2, 0.0, 0.0]]),
        "retention": np.array([0.6, 0.0, 0.9, 0.3]),
        "half_saturation": np.array([0.5, 1.0, 2.0, 0.8]),
        "slope": np.array([0.5, 1.0, 3.0, 1.4]),
        "contribution": rng.gamma(1.0, 0.3, (2, 4)),
    }


def _hill(a, half_saturation, slope):
    """Share of one number, by the curve of a series."""
    share = np.empty(1)
    kernels.hill_curve(np.array([float(a)]), half_saturation, slope, np.empty(1), share)
    return share[0]


def test_hill_landmarks():
    assert _hill(0.7, 0.7, 2.3) == 0.5
    assert _hill(0.0, 0.7, 0.3) == 0.0
    assert _hill(-1.0, 0.7, 2.0) == 0.0
    assert _hill(1e9, 1.0, 1.0) == pytest.approx(1.0, abs=1e-8)
    step = 1e-6  # derivative at half saturation is slope / (4 half_saturation)
    rise = (_hill(0.7 + step, 0.7, 2.3) - _hill(0.7 - step, 0.7, 2.3)) / (2 * step)
    assert rise == pytest.approx(2.3 / (4 * 0.7), rel=1e-8)


@pytest.mark.parametrize(("half_saturation", "slope"), [(1.0, 1.0), (0.7, 1.3), (3.0, 0.3), (1e-3, 4.0)])
def test_hill_curve_is_exact_to_the_last_bits(half_saturation, slope):
    rng = np.random.default_rng(8)
    # All doubles that are spend, and the neighbourhood of one, where a logarithm is hardest.
    a = np.concatenate(
        [np.exp(rng.uniform(-570, 570, 20_000)), 1.0 + rng.uniform(-1e-3, 1e-3, 2000), [1.0, 2.0, 0.5]]
    )
    log_ratio, share = np.empty(a.shape), np.empty(a.shape)
    kernels.hill_curve(a, half_saturation, slope, log_ratio, share)
    precise = np.log(a.astype(np.longdouble)) - np.log(np.longdouble(half_saturation))
    assert np.abs(log_ratio - precise).max() <= 2.0**-52 * np.abs(precise).max()
    if half_saturation == 1.0:  # nothing cancels, so the logarithm itself is seen
        assert (np.abs(log_ratio - precise) <= 2.0**-52 * np.abs(precise)).all()
    far = np.abs(slope * precise) > 700  # where the exponential leaves the doubles
    x = slope * log_ratio.astype(np.longdouble)
    expected = 1.0 / (1.0 + np.exp(-x))
    rounding = 2.0**-52 * (1.0 + np.abs(x))  # that of slope times logarithm is multiplied by the exponential
    assert (np.abs(share - expected) <= rounding * expected)[~far].all()
    assert ((share >= 0.0) & (share <= 1.0)).all()
    assert np.minimum(share, 1.0 - share)[far].max(initial=0.0) < 1e-300


def test_hill_curve_of_what_is_no_spend():
    a = np.array([0.0, -0.0, -3.0, 1e-300, 5e-324])
    log_ratio, share = np.full(5, 9.0), np.full(5, 9.0)
    kernels.hill_curve(a, 0.7, 0.3, log_ratio, share)
    assert_array_equal(share, 0.0)
    assert_array_equal(log_ratio, 0.0)


@pytest.mark.parametrize("max_lag", CASES)
def test_media_response_equals_the_reference(world, max_lag):
    media = kernels.media_basis(**world, max_lag=_lag(max_lag))[0]
    if max_lag is not None:
        world["carry_in"] = np.zeros((2, 4))
    assert_allclose(media, reference.media(**world, max_lag=max_lag), rtol=1e-12)


@pytest.mark.parametrize("periods", [1, 13, 128, 129, 300])
@pytest.mark.parametrize("days", [1.0, 7.0])
def test_series_that_go_through_the_curve_together_are_the_same_to_the_last_bit(periods, days):
    rng = np.random.default_rng(5)
    x = rng.gamma(1.0, 1.0, (7, 2, 3, periods)) * (rng.random((7, 2, 3, periods)) < 0.7)
    keep, half, slope = rng.random((7, 3)), rng.gamma(4.0, 0.3, (7, 3)), rng.gamma(9.0, 0.1, (7, 3))
    carry, amplitude, length = rng.gamma(1.0, 1.0, (7, 2, 3)), rng.random((7, 2, 3)), np.full((3, 1), days)
    found = kernels.media_response(x, length, carry, keep, half, slope, amplitude, -1)
    a, z, p = np.empty(periods), np.empty(periods), np.empty(periods)
    for s, g, c in np.ndindex(carry.shape):
        kernels.adstock(x[s, g, c], length[c], keep[s, c], carry[s, g, c], -1, a)
        kernels.hill_curve(a, half[s, c], slope[s, c], z, p)
        assert_array_equal(found[s, g, c], amplitude[s, g, c] * p)


@pytest.mark.parametrize("size", [1, 2, 63, 1000])
def test_values_at_ranks_are_those_of_sorted_samples(size):
    rng = np.random.default_rng(3)
    normal = rng.standard_normal(size)
    kinds = [normal, np.exp(8.0 * normal), rng.integers(0, 3, size) * 1.0, np.ones(size), 1e300 * np.sign(normal)]
    kinds += [rng.standard_cauchy(size), 5e-324 * rng.integers(0, 9, size), np.where(normal > 0.5, np.nan, normal)]
    samples, ranks = np.array(kinds), np.unique([0, size // 20, size // 2, size - 1])
    found = np.empty((len(samples), len(ranks)))
    kernels.order_statistics(samples, ranks, found)
    known = np.sort(samples)[:, ranks]
    known[np.isnan(samples).any(axis=1)] = np.nan
    assert_array_equal(found, known)


def test_contribution_is_the_mean_of_its_channel(world):
    world["contribution"][:, :2] = 0.0
    world["contribution"][:, 3] = 0.0
    media = kernels.media_basis(**world, max_lag=-1)[0]
    assert_allclose(media.mean(axis=1), world["contribution"][:, 2], rtol=1e-12)


def test_channel_order_does_not_matter(world):
    media = kernels.media_basis(**world, max_lag=-1)[0]
    order = [2, 0, 3, 1]
    shuffled = {k: v[order] if v.ndim == 1 or k == "days" else v[:, order] for k, v in world.items()}
    assert_allclose(kernels.media_basis(**shuffled, max_lag=-1)[0], media, rtol=1e-13)


def _numeric(f, at, step=1e-6):
    grad = np.empty(at.shape)
    for i in np.ndindex(at.shape):
        h = step * max(1.0, abs(at[i]))
        up, down = at.copy(), at.copy()
        up[i] += h
        down[i] -= h
        grad[i] = (f(up) - f(down)) / (2 * h)
    return grad


@pytest.mark.parametrize("max_lag", CASES)
def test_parameter_gradients_equal_central_differences(world, max_lag):
    world["retention"][1] = 0.2
    cotangent = np.random.default_rng(3).normal(size=(2, 30))
    lag = _lag(max_lag)
    _, share, log_ratio, log_decay = kernels.media_basis(**world, max_lag=lag)
    got = kernels.media_basis_vjp(
        share,
        log_ratio,
        log_decay,
        world["half_saturation"],
        world["slope"],
        world["contribution"],
        cotangent,
    )
    names = ["retention", "half_saturation", "slope", "contribution"]
    for name, grad in zip(names, got, strict=True):

        def f(value, name=name):
            return (kernels.media_basis(**{**world, name: value}, max_lag=lag)[0] * cotangent).sum()

        assert_allclose(grad, _numeric(f, world[name]), rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("slope", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("retention", [0.0, 1e-12, 0.5, 0.999])
@pytest.mark.parametrize("days", [1.0, 7.0])
def test_parameter_gradients_are_finite_at_zero_spend(slope, retention, days):
    x = np.zeros((1, 2, 25))
    x[0, 0, 3] = 1.0
    x[0, 1, 24] = 1e-3
    n = np.array([slope, slope])
    k = np.array([1.0, 1e-3])
    gamma = np.array([[0.2, 0.1]])
    media, *basis = kernels.media_basis(
        x, np.full((2, 1), days), np.zeros((1, 2)), np.full(2, retention), k, n, gamma, -1
    )
    grads = kernels.media_basis_vjp(*basis, k, n, gamma, np.ones((1, 25)))
    assert np.isfinite(media).all()
    assert all(np.isfinite(g).all() for g in grads)


def test_many_draws_equal_one_at_a_time(world):
    rng = np.random.default_rng(4)
    draws = 3
    par = {k: world[k] * rng.uniform(0.8, 1.1, (draws, 4)) for k in ("retention", "half_saturation", "slope")}
    gamma = rng.gamma(1.0, 0.3, (draws, 2, 4))
    plan, days, start = world["x"][None], world["days"], world["carry_in"][None]
    terms = kernels.media_response(plan, days, start, *par.values(), np.ones_like(gamma), -1)
    amplitude = kernels.amplitudes(terms, gamma)
    assert_array_equal(terms, kernels.media_response(plan, days, start, *par.values(), amplitude, -1))
    for s in range(draws):
        one = reference.media(world["x"], world["carry_in"], *(v[s] for v in par.values()), gamma[s], days=days)
        assert_allclose(terms[s].sum(axis=1), one, rtol=1e-11)


def _room(response, derivative):
    """Room of a pass over channel terms alone."""
    return response, derivative, np.empty((1, 1, 0, 1)), np.empty((1, 1, 0, 1)), np.empty((1, 0, 1))


@pytest.mark.parametrize("max_lag", CASES)
def test_spend_gradient_equals_central_differences(world, max_lag):
    """Terms of a geo in two draws, and their derivative to spend, backwards through adstock."""
    rng, lag = np.random.default_rng(5), _lag(max_lag)
    x = world["x"][1] + rng.uniform(0.05, 0.1, (4, 30))
    par = [world[k] * np.ones((2, 1)) for k in ("retention", "half_saturation", "slope")]
    amplitude, start, cotangent = rng.gamma(1.0, 0.3, (2, 4)), world["carry_in"][1], rng.normal(size=(2, 4, 30))
    terms, lags = np.array([(0, c) for c in range(4)]), np.full(4, lag)
    shape = np.stack([*par, amplitude, np.tile(start, (2, 1))])
    response, slope = np.empty((2, 2, 4, 30))
    system.channel_terms((terms, shape, world["days"], lags, np.zeros((2, 4, 0))), x, 1, _room(response, slope))

    def media(value):
        plan, carry = value[None, None], start[None, None]
        return kernels.media_response(plan, world["days"], carry, *par, amplitude[:, None], lag)[:, 0]

    assert_array_equal(response, media(x))
    got = np.zeros((4, 30))
    for s, c in np.ndindex(2, 4):
        back = np.empty(30)
        kernels.adstock_transpose(cotangent[s, c] * slope[s, c], world["days"][c], par[0][s, c], lag, back)
        got[c] += back
    assert_allclose(got, _numeric(lambda v: (media(v) * cotangent).sum(), x, 1e-7), rtol=1e-5, atol=1e-7)


def test_earlier_inputs_and_what_is_carried_in_are_the_same_as_a_longer_series(world):
    x, days, k, n = world["x"][0, :1], world["days"][:1], np.array([[0.5]]), np.array([[1.4]])
    late = system.days_after(days[0], 10)[None]
    for lag in (-1, 3):
        whole = kernels.media_response(x[None, None], days, np.zeros((1, 1, 1)), k, k, n, np.ones((1, 1, 1)), lag)
        known, response = np.zeros((1, 1, 0)), np.empty((1, 1, 20))
        carry, later = kernels.final_pressure(x[None, :, :10].copy(), days[0], np.zeros((1, 1)), k[0])[0], late
        if lag >= 0:
            known, carry, later = x[None, :, 7:10].copy(), np.zeros(1), system.days_after(days[0], 7)[None]
        shape = np.stack([k, k, n, np.ones((1, 1)), carry[:, None]])
        channel = (np.zeros((1, 2), int), shape, later, np.array([lag]), known)
        system.channel_terms(channel, x[:, 10:].copy(), 1, _room(response, response.copy()))
        assert_allclose(response[0, 0], whole[0, 0, 0, 10:], rtol=1e-12)


def test_slope_at_zero_spend():
    got = []
    for n in (0.5, 1.0, 2.0):
        out = np.empty(1)
        draws.response_derivative(np.zeros(1), np.zeros(1), 0.5, n, 1.0, out)
        got.append(out[0])
    floor = kernels.SPEND_FLOOR
    p = np.sqrt(floor) / (np.sqrt(0.5) + np.sqrt(floor))
    assert got[0] == pytest.approx(0.5 * p * (1 - p) / floor, rel=1e-12)
    assert got[1] == 1 / 0.5
    assert got[2] == 0.0


# ---------------------------------------------------------------------------------------------- likelihoods
def _design(n=40, k=6, seed=7):
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(n), rng.normal(size=(n, k - 1))])
    prior_sd = rng.uniform(0.3, 3.0, k)
    u, s, _ = np.linalg.svd(design * prior_sd, full_matrices=False)
    return design, prior_sd, np.ascontiguousarray(u.T), s**2, rng


@pytest.mark.parametrize("sigma", [1e-4, 0.03, 1.0, 30.0])
@pytest.mark.parametrize("k", [1, 6])
def test_collapsed_density_equals_the_dense_normal(sigma, k):
    design, prior_sd, basis, variance, rng = _design(k=k)
    mu = rng.normal(size=40)
    y = mu + design @ (prior_sd * rng.normal(size=k)) + sigma * rng.normal(size=40)
    got = kernels.collapsed_normal(y, mu, sigma, basis, variance)[0]
    assert_allclose(got, reference.collapsed_normal(y, mu, sigma, design, prior_sd), rtol=1e-8)


def test_collapsed_density_with_more_coefficients_than_periods():
    design, prior_sd, basis, variance, rng = _design(n=5, k=9)
    y, mu = rng.normal(size=5), np.zeros(5)
    assert basis.shape == (5, 5)
    got = kernels.collapsed_normal(y, mu, 0.2, basis, variance)[0]
    assert_allclose(got, reference.collapsed_normal(y, mu, 0.2, design, prior_sd), rtol=1e-8)


def test_collapsed_density_integrates_the_explicit_one_over_an_intercept():
    y, mu, sigma = np.array([0.4, 1.1, -0.3]), np.array([0.1, 0.2, 0.3]), 0.5

    def joint(b):
        point, slope = np.empty(3), np.empty(3)
        densities.normal(y, mu + b, sigma, point, slope)
        return np.exp(point.sum()) * np.exp(-0.5 * (b / 2.0) ** 2) / (2.0 * np.sqrt(2 * np.pi))

    expected = np.log(integrate.quad(joint, -8, 8, epsabs=1e-14)[0])
    unit = np.full((1, 3), 1 / np.sqrt(3))
    assert kernels.collapsed_normal(y, mu, sigma, unit, np.array([12.0]))[0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("sigma", [0.05, 0.7])
def test_collapsed_gradients_equal_central_differences(sigma):
    _, _, basis, variance, rng = _design()
    y, mu = rng.normal(size=40), rng.normal(size=40)
    _, d_media, d_sigma = kernels.collapsed_normal(y, mu, sigma, basis, variance)
    f = kernels.collapsed_normal
    assert_allclose(d_media, _numeric(lambda m: f(y, m, sigma, basis, variance)[0], mu), rtol=1e-6, atol=1e-6)
    numeric = _numeric(lambda s: f(y, mu, s.item(), basis, variance)[0], np.array(sigma), 1e-7)
    assert d_sigma == pytest.approx(numeric.item(), rel=1e-6)


def _series(seed=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=25), rng.normal(size=25)


def _explicit(kernel, y, mu, *args):
    point, slope = np.empty(len(y)), np.empty(len(y))
    return point, slope, kernel(y, mu, *args, point, slope)


@pytest.mark.parametrize("name", ["normal", "student_t", "censored_normal"])
def test_explicit_likelihoods_equal_the_reference(name):
    y, mu = _series()
    args = {"normal": (0.4,), "student_t": (0.4, 3.7), "censored_normal": (0.4,)}[name]
    if name == "censored_normal":
        y = np.maximum(y, 0.0)
    kernel = getattr(densities, name)
    point, slope, d_args = _explicit(kernel, y, mu, *args)
    if name == "normal":
        expected = reference.student_t(y, mu, 0.4, 1e12)
        assert_allclose(point.sum(), expected, rtol=1e-6)
    else:
        assert_allclose(point.sum(), getattr(reference, name)(y, mu, *args), rtol=1e-11)
    numeric = _numeric(lambda m: _explicit(kernel, y, m, *args)[0].sum(), mu)
    assert_allclose(slope, numeric, rtol=1e-6, atol=1e-7)
    numeric = _numeric(lambda a: _explicit(kernel, y, mu, *a)[0].sum(), np.array(args), 1e-6)
    assert_allclose(d_args, numeric if len(args) > 1 else numeric[0], rtol=1e-6)


def test_censored_density_far_in_the_tail():
    y, mu = np.zeros(3), np.array([10.0, 29.999, 300.0])
    point, slope, _ = _explicit(densities.censored_normal, y, mu, 1.0)
    assert_allclose(point, special.log_ndtr(-mu), rtol=1e-12)
    assert_allclose(slope, -np.exp(-0.5 * mu**2 - 0.5 * np.log(2 * np.pi) - special.log_ndtr(-mu)), rtol=1e-9)
    below = densities.log_normal_cdf(-30.0 - 1e-9)
    assert below == pytest.approx(densities.log_normal_cdf(-30.0 + 1e-9), rel=1e-9)


def test_linear_predictor():
    rng = np.random.default_rng(0)
    media, design, b = rng.normal(size=12), rng.normal(size=(3, 12)), rng.normal(size=3)
    assert_allclose(densities.linear_predictor(media, design, b), media + b @ design, rtol=1e-13)


def test_collapsed_negative_control_wrong_variance_is_seen():
    """The dense comparison must be able to fail: a wrong prior variance moves the density."""
    design, prior_sd, basis, variance, rng = _design()
    y, mu = rng.normal(size=40), np.zeros(40)
    got = kernels.collapsed_normal(y, mu, 0.5, basis, 1.1 * variance)[0]
    assert abs(got - reference.collapsed_normal(y, mu, 0.5, design, prior_sd)) > 0.05
