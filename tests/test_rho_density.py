"""Correlated residuals of a mediator and the outcome: the density against dense bivariate Normals."""

import dataclasses

import numpy as np
import pytensor
import pytest
from numpy.testing import assert_allclose
from pytensor.gradient import grad

from bayesmmm import engine
from bayesmmm.density import linear_plan
from bayesmmm.equations import MMM
from bayesmmm.model import build_model
from bayesmmm.priors import Prior
from tests import reference, worlds
from tests.test_model import _constrained, _logp, _point

# Densities of the series alone are compared, since PyMC's own of a half Student t is exact to 1e-8 only.
RHO = Prior("Uniform", lower=-0.9, upper=0.9)


def _density(model, *, gradient=False):
    """Log density of both series and of the coordinates of explicit coefficients, at a point."""
    wanted = [rv for rv in model.free_RVs if rv.name.endswith(".rotated")]
    logp = model.logp(vars=[*wanted, *model.observed_RVs], jacobian=False)
    slopes = grad(logp, model.value_vars, disconnected_inputs="ignore") if gradient else []
    return pytensor.function(model.value_vars, [logp, *slopes], mode="FAST_COMPILE", on_unused_input="ignore")


def tied(outcome="normal", mediator="normal", rho=0.4, **kwargs) -> MMM:
    return worlds.system(outcome, mediator, rho={"search": rho}, **kwargs)


def halves(system, data, value):
    """Series, media terms, designs and coefficient priors of both equations, by loops."""
    out = []
    for name in system.order:
        equation = system.equation(name)
        seen = engine.inputs(equation, data, data.scales())
        keep = [reference.retention_from_half_life(h, data.days_per_period) for h in value[f"{name}.half_life"]]
        shape = (value[f"{name}.half_saturation"], value[f"{name}.slope"], value[f"{name}.contribution"][None])
        media = reference.media(seen.media, np.zeros((1, len(keep))), np.array(keep), *shape)[0]
        priors = next(b for b in equation.parameters() if b.name == "coefficient").priors
        mean, sd = (np.array([getattr(p.scipy(), f)() for p in priors]) for f in ("mean", "std"))
        out.append((seen.target[0], media, seen.design[0], mean, sd, float(value[f"{name}.sigma"])))
    return out


def dense(system, data, value, *, known_b=None):
    """Log density of both series as one Normal vector of length 2 T, coefficients integrated out.

    With `known_b` the coefficients of the mediator are given instead.
    """
    (m, media_m, w_m, mean_m, sd_m, s_m), (y, media_y, w_y, mean_y, sd_y, s_y) = halves(system, data, value)
    rho = float(np.ravel(value.get("sales.rho", list(system.equation("sales").rho.values())))[0])
    eye = np.eye(len(y))
    own = np.zeros_like(eye) if known_b is not None else (w_m * sd_m**2) @ w_m.T
    cov = np.block(
        [
            [own + s_m**2 * eye, rho * s_m * s_y * eye],
            [rho * s_m * s_y * eye, (w_y * sd_y**2) @ w_y.T + s_y**2 * eye],
        ]
    )
    b = mean_m if known_b is None else known_b
    off = np.concatenate([m - media_m - w_m @ b, y - media_y - w_y @ mean_y])
    return float(
        -0.5 * (off @ np.linalg.solve(cov, off) + np.linalg.slogdet(cov)[1] + len(off) * np.log(2 * np.pi))
    )


CASES = [
    ("normal", "normal", 0.4),
    ("lognormal", "normal", -0.6),
    ("normal", "lognormal", 0.0),
    ("lognormal", "lognormal", 0.8),
    ("normal", "normal", RHO),
]


def coefficients(system, data, z):
    equation = system.equation("search")
    plan = linear_plan(equation, engine.inputs(equation, data, data.scales()).design)
    return plan.coefficients(z)


@pytest.mark.parametrize(("outcome", "mediator", "rho"), CASES)
def test_density_equals_the_dense_one_given_the_mediators_coefficients(outcome, mediator, rho):
    data, system = worlds.data(40, zeros=False), tied(outcome, mediator, rho)
    model = build_model(system, data)
    point = _point(model, seed=1)
    value = _constrained(model, point)
    z = value["search.rotated"]
    expected = dense(system, data, value, known_b=coefficients(system, data, z))
    expected += -0.5 * z @ z - 0.5 * len(z) * np.log(2 * np.pi)
    assert_allclose(_density(model)(*point)[0], expected, rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize(("outcome", "mediator", "rho"), CASES[:2])
def test_integrating_the_mediators_coefficients_gives_the_fully_collapsed_density(outcome, mediator, rho):
    data, system = worlds.data(40, zeros=False), tied(outcome, mediator, rho)
    model = build_model(system, data)
    point = _point(model, seed=2)
    at = [v.name for v in model.value_vars].index("search.rotated")
    f, k = _density(model, gradient=True), len(point[at])

    def slope(z):
        found = f(*[z if i == at else p for i, p in enumerate(point)])
        return found[0], np.ravel(found[1 + at])

    # Quadratic in the coordinates, so that its integral is exact.
    base = slope(np.zeros(k))[1]
    curve = -np.stack([slope(e)[1] - base for e in np.eye(k)])
    top = slope(np.linalg.solve(curve, base))[0]
    got = top + 0.5 * k * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(curve)[1]
    assert_allclose(got, dense(system, data, _constrained(model, point)), rtol=1e-10, atol=1e-8)


def test_without_collapse_the_density_is_the_bivariate_one_period_by_period():
    data, system = worlds.data(40, zeros=False), tied(rho=-0.3)
    model = build_model(system, data, collapse=False)
    point = _point(model, seed=4)
    value = _constrained(model, point)
    (m, media_m, w_m, *_, s_m), (y, media_y, w_y, *_, s_y) = halves(system, data, value)
    total = 0.0
    errors = []
    for name, series, media, design in (("search", m, media_m, w_m), ("sales", y, media_y, w_y)):
        z = value[f"{name}.rotated"]
        equation = system.equation(name)
        plan = linear_plan(equation, engine.inputs(equation, data, data.scales()).design)
        errors.append(series - media - design @ plan.coefficients(z))
        total += -0.5 * z @ z - 0.5 * len(z) * np.log(2 * np.pi)
    inverse = np.linalg.inv([[s_m**2, -0.3 * s_m * s_y], [-0.3 * s_m * s_y, s_y**2]])
    for pair in np.stack(errors, axis=-1):
        total += -0.5 * pair @ inverse @ pair + 0.5 * np.linalg.slogdet(inverse)[1] - np.log(2 * np.pi)
    assert_allclose(_density(model)(*point)[0], total, rtol=1e-10, atol=1e-8)


def test_a_rho_of_zero_is_no_rho():
    data = worlds.data(40, zeros=False)
    system = tied(rho=0.0)
    plain = MMM([dataclasses.replace(e, rho={}) for e in system.equations])
    values = []
    for one in (system, plain):
        model = build_model(one, data, collapse=False)
        names = [v.name for v in model.value_vars]
        point = dict(zip(names, _point(model, seed=5), strict=True))
        values.append((sorted(names), point, _logp(model)))
    assert values[0][0] == values[1][0]
    names = list(values[0][1])
    at = [values[0][1][n] for n in names]
    again = [values[0][1][n] for n in values[1][1]]
    assert_allclose(values[0][2](*at)[0], values[1][2](*again)[0], rtol=1e-12)


@pytest.mark.parametrize("collapse", [True, False])
def test_gradient_equals_central_differences(collapse):
    data, system = worlds.data(40, zeros=False), tied("lognormal", "normal", RHO)
    model = build_model(system, data, collapse=collapse)
    f = _logp(model, jacobian=True, gradient=True)
    point = _point(model, seed=3)
    got = np.concatenate([np.ravel(g) for g in f(*point)[1:]])
    sizes = np.cumsum([np.size(p) for p in point])[:-1]
    flat = np.concatenate([np.ravel(p) for p in point])

    def value(at):
        return f(*[v.reshape(np.shape(p)) for v, p in zip(np.split(at, sizes), point, strict=True)])[0]

    step = 1e-5
    numeric = [(value(flat + step * e) - value(flat - step * e)) / (2 * step) for e in np.eye(len(flat))]
    assert_allclose(got, numeric, rtol=1e-6, atol=1e-6)
