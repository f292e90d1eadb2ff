"""Coordinates that panels are sampled in: the same density, and nearly a standard Normal."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.equations import Panel, for_data
from bayesmmm.inference import write_program
from bayesmmm.inference.coordinates import adapted, recentred, starting_point, whitened
from bayesmmm.inference.normal import Normal, approximated, with_precision
from bayesmmm.inference.program import deviations, with_centring
from tests import panels


@pytest.fixture(scope="module")
def program():
    data = panels.data(periods=30)
    return write_program(for_data(panels.system(), data), data, data.scales())


@pytest.fixture(scope="module")
def normal(program):
    return approximated(program)


def _any_normal(size, seed=0):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size)) / np.sqrt(size) + 2.0 * np.eye(size)
    return with_precision(rng.normal(size=size) / 10, root @ root.T)


def test_whitened_coordinates_hold_the_same_density(program):
    normal = _any_normal(len(program.start))
    new, rng = whitened(program, normal), np.random.default_rng(1)
    white = new.whitening
    assert len(white.factors) > 0
    for _ in range(3):
        x = 0.3 * rng.normal(size=len(program.start))
        u = white.centre + white.scale * (x + white.vectors.T @ (white.factors * (white.vectors @ x)))
        assert_allclose(white.inverse(u), x, atol=1e-10)
        assert_allclose(new.constrained(x), program.constrained(u), rtol=1e-12)
        value, gradient = new.log_density(x)
        assert_allclose(value, program.log_density(u)[0], rtol=1e-12)
        steps = 1e-6 * np.eye(len(x))
        slopes = [(new.log_density(x + h)[0] - new.log_density(x - h)[0]) / 2e-6 for h in steps]
        assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-5 * np.abs(gradient).max())


def test_a_normal_is_standard_within_a_factor_in_whitened_coordinates(program):
    normal = _any_normal(len(program.start))
    white = whitened(program, normal).whitening
    into = np.array([white.inverse(normal.mean + row) for row in normal.root]).T
    values = np.linalg.eigvalsh(into @ into.T)
    assert values.min() >= 0.5 - 1e-9
    assert values.max() <= 2.0 + 1e-9
    assert np.linalg.eigvalsh(normal.covariance).max() > 2.0 * np.linalg.eigvalsh(normal.covariance).min()


def test_other_centring_changes_the_density_by_its_volume_alone(program):
    rng = np.random.default_rng(2)
    powers = {each.at: rng.uniform() for each in deviations(program)}
    new = with_centring(program, powers)
    u = program.start + 0.3 * rng.normal(size=len(program.start))
    theta, moved, volume = program.constrained(u), u.copy(), 0.0
    for each in deviations(program):
        w, tau = powers[each.at], theta[each.at_tau]
        moved[each.at] = theta[each.at] * tau**w + each.b * np.log(theta[each.at_median])
        volume += (each.w - w) * np.log(tau)
    assert_allclose(new.constrained(moved), theta, rtol=1e-10)
    assert_allclose(new.log_density(moved)[0], program.log_density(u)[0] + volume, rtol=1e-12)
    assert_allclose(new.constrained(new.start), program.constrained(program.start), atol=1e-12)


@pytest.fixture(scope="module")
def alone():
    """Of three territories one has a single brand, and of those of two brands one buys no social."""
    data = panels.keyed_data(periods=30)
    return write_program(for_data(panels.system(panel=Panel(group="territory")), data), data, data.scales())


def _deviations_alone(program):
    return [each for each in deviations(program) if each.at_second >= 0]


def test_a_geo_alone_in_its_group_moves_by_one_of_two_coordinates(alone):
    """Along the other one what it contributes stays, and the density is that of a standard Normal."""
    rng, found = np.random.default_rng(5), _deviations_alone(alone)
    assert len(found) > 0
    own, group = (
        panels.position(alone, f"sales.{z}", label)
        for z, label in (("z", "tv @ zeta / west"), ("z_group", "tv @ west"))
    )
    tau, tau_group = (panels.position(alone, f"sales.{name}", "tv") for name in ("tau", "tau_group"))
    assert (own, tau, tau_group) in [(each.at, each.at_tau, each.at_second) for each in found]
    u = alone.start + 0.3 * rng.normal(size=len(alone.start))
    theta, further, ahead = alone.constrained(u), u.copy(), 0.7
    further[group] += ahead
    moved = alone.constrained(further)
    for values in (theta, moved):
        assert_allclose(
            values[tau] * values[own] + values[tau_group] * values[group],
            theta[tau] * theta[own] + theta[tau_group] * theta[group],
            rtol=1e-10,
        )
    assert abs(moved[own] - theta[own]) > 0.05
    assert_allclose(
        alone.log_density(further)[0] - alone.log_density(u)[0],
        -0.5 * (further[group] ** 2 - u[group] ** 2),
        rtol=1e-8,
    )
    turned = theta[own] ** 2 + theta[group] ** 2
    w, sd = next(each.w for each in found if each.at == own), np.hypot(theta[tau], theta[tau_group])
    assert_allclose(turned, (u[own] / sd**w) ** 2 + u[group] ** 2, rtol=1e-10)


def test_the_gradient_of_geos_alone_in_their_group(alone):
    u = alone.start + 0.3 * np.random.default_rng(6).normal(size=len(alone.start))
    steps = 1e-6 * np.eye(len(u))
    for powers in ({}, {each.at: 0.8 for each in deviations(alone)}):
        program = with_centring(alone, powers)
        slopes = [(program.log_density(u + h)[0] - program.log_density(u - h)[0]) / 2e-6 for h in steps]
        gradient = program.log_density(u)[1]
        assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-6 * np.abs(gradient).max())


def test_geos_alone_in_their_group_are_recentred_by_both_spreads(alone):
    normal = approximated(alone)
    new, moved = recentred(alone, dataclasses.replace(normal, values=1e10 * normal.values))
    assert_allclose(new.constrained(moved.mean), alone.constrained(normal.mean), rtol=1e-9)


def test_geos_that_say_nothing_stay_standardised_and_those_that_say_much_do_not(program, normal):
    silent, loud = deviations(program)[:2]
    theta, precision = program.constrained(normal.mean), np.ones(len(normal.mean))
    for each, h in ((silent, 1.0), (loud, 100.0)):
        precision[each.at] = h * theta[each.at_tau] ** (-2.0 * each.w)
    new, _ = recentred(program, Normal(normal.mean, precision, np.eye(len(precision))))
    found = {each.at: each.w for each in deviations(new)}
    assert_allclose([found[silent.at], found[loud.at]], [0.0, 0.99], atol=1e-9)


def test_a_recentred_normal_holds_the_same_parameters(program, normal):
    """Its mean exactly; points near it to the first order."""
    narrow = dataclasses.replace(normal, values=1e10 * normal.values)
    new, moved = recentred(program, narrow)
    assert_allclose(new.constrained(moved.mean), program.constrained(narrow.mean), rtol=1e-9)
    new, moved = recentred(program, normal)
    each = deviations(new)[0]
    slope = 1e-6 * np.eye(len(normal.mean))
    into_old = np.array([program.constrained(normal.mean + h)[each.at] for h in slope])
    into_new = np.array([new.constrained(moved.mean + h)[each.at] for h in slope])
    old, fresh = ((v - program.constrained(normal.mean)[each.at]) / 1e-6 for v in (into_old, into_new))
    assert_allclose(old @ normal.covariance @ old, fresh @ moved.covariance @ fresh, rtol=1e-3)


def test_the_average_gradient_over_the_normal_is_zero(program, normal):
    """In units of its own spread, beside what it is at the prior medians."""
    half = np.random.default_rng(0).standard_normal((16, len(normal.mean)))
    gradients = [program.log_density(u)[1] for u in normal.points(np.concatenate([half, -half]))]
    far = normal.root @ program.log_density(program.start)[1]
    assert np.abs(normal.root @ np.mean(gradients, axis=0)).max() < 1.0 < np.abs(far).max()


def test_few_geos_keep_their_coordinates_and_many_do_not(program):
    kept, _ = adapted(program, 3)
    assert deviations(kept) == deviations(program)
    changed, _ = adapted(program, 5)
    assert {each.w for each in deviations(changed)} != {each.w for each in deviations(program)}
    assert all(0.0 <= each.w < 1.0 for each in deviations(changed))


def test_chains_start_where_there_is_density_and_uphill_of_the_prior_medians(program):
    new = whitened(*adapted(program, 5))
    at_medians = new.log_density(new.whitening.inverse(new.start))[0]
    for seed in range(3):
        x = starting_point(new, seed)
        assert new.log_density(x)[0] > at_medians
        assert_allclose(starting_point(new, seed), x)
