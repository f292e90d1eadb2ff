"""Correlated residuals of a mediator and the outcome: the density against dense bivariate Normals."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, for_data
from bayesmmm.inference import linear_plan, write_program
from bayesmmm.inference.pymc_model import build_model
from bayesmmm.kernels import prior_density
from bayesmmm.kernels import program as layout
from bayesmmm.priors import Prior
from tests import reference, worlds
from tests.test_inference_model import _constrained, _logp, _point

RHO = Prior("Uniform", lower=-0.9, upper=0.9)


def tied(outcome="normal", mediator="normal", rho=0.4, **kwargs) -> MMM:
    return worlds.system(outcome, mediator, rho={"search": rho}, **kwargs)


class Density:
    """The density that is sampled, less the priors of everything but coefficients and the change of variables."""

    def __init__(self, system, data, *, seed, collapse=True):
        self.program = write_program(system, data, data.scales(), collapse=collapse)
        start = self.program.start
        self.u = start + 0.3 * np.random.default_rng(seed).normal(size=len(start))
        theta, self.value, self.place, first = self.program.constrained(self.u), {}, {}, 0
        for block in self.program.blocks:
            size = len(block.labels) or 1
            self.place[block.variable] = slice(first, first + size)
            drawn = theta[first : first + size]
            self.value[block.variable] = drawn if block.labels else drawn[0]
            first += size
        self.blocks = [b for b in self.program.blocks if b.parameter != "rotated"]

    def __call__(self, u=None):
        """Log density and gradient; at other coordinates than the own ones only `rotated` may differ."""
        at = self.u if u is None else u
        total, gradient = self.program.log_density(at)
        rows = int(self.program.array[layout.PARAMETERS])
        for block in self.blocks:
            values = np.atleast_1d(self.value[block.variable])
            for i, k in enumerate(range(self.place[block.variable].start, self.place[block.variable].stop)):
                row = self.program.array[rows + k * layout.PARAMETER :]
                kind, low, high = int(row[layout.MAP]), row[layout.LOW], row[layout.HIGH]
                total -= (
                    float(block.priors[i].logpdf(values[i]))
                    + prior_density.constrain(kind, low, high, self.u[k])[2]
                )
        return total, gradient


def halves(system, data, value):
    """Series, media terms, designs and coefficient priors of both equations, by loops."""
    out = []
    for name in system.order:
        equation = system.equation(name)
        seen = engine.inputs(equation, data, data.scales())
        keep = [reference.retention_from_half_life(h) for h in value[f"{name}.half_life"]]
        shape = (value[f"{name}.half_saturation"], value[f"{name}.slope"], value[f"{name}.contribution"][None])
        media = reference.media(
            seen.media, np.zeros((1, len(keep))), np.array(keep), *shape, days=data.days_per_period
        )[0]
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
    density = Density(system, data, seed=1)
    z = density.value["search.rotated"]
    expected = dense(system, data, density.value, known_b=coefficients(system, data, z))
    expected += -0.5 * z @ z - 0.5 * len(z) * np.log(2 * np.pi)
    assert_allclose(density()[0], expected, rtol=1e-10, atol=1e-8)


def test_the_graph_has_the_dense_density_too():
    data = worlds.data(40, zeros=False)
    system = for_data(tied("lognormal", "normal", RHO), data)
    model = build_model(system, data)
    point = _point(model, seed=1)
    value = _constrained(model, point)
    z = value["search.rotated"]
    expected = dense(system, data, value, known_b=coefficients(system, data, z))
    expected += -0.5 * z @ z - 0.5 * len(z) * np.log(2 * np.pi)
    for name in system.order:
        for block in system.equation(name).parameters():
            if block.name != "coefficient":
                values = np.atleast_1d(value[f"{name}.{block.name}"])
                expected += sum(float(p.logpdf(v)) for p, v in zip(block.priors, values, strict=True))
    # PyMC's own density of a half Student t is exact to 1e-8 only.
    assert_allclose(_logp(model)(*point)[0], expected, rtol=1e-8, atol=1e-6)


@pytest.mark.parametrize(("outcome", "mediator", "rho"), CASES)
def test_integrating_the_mediators_coefficients_gives_the_fully_collapsed_density(outcome, mediator, rho):
    data, system = worlds.data(40, zeros=False), tied(outcome, mediator, rho)
    density = Density(system, data, seed=2)
    at = density.place["search.rotated"]
    k = at.stop - at.start

    def slope(z):
        u = density.u.copy()
        u[at] = z
        found, gradient = density(u)
        return found, gradient[at]

    # Quadratic in the coordinates, so that its integral is exact.
    base = slope(np.zeros(k))[1]
    curve = -np.stack([slope(e)[1] - base for e in np.eye(k)])
    top = slope(np.linalg.solve(curve, base))[0]
    got = top + 0.5 * k * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(curve)[1]
    assert_allclose(got, dense(system, data, density.value), rtol=1e-10, atol=1e-8)


def test_without_collapse_the_density_is_the_bivariate_one_period_by_period():
    data, system = worlds.data(40, zeros=False), tied(rho=-0.3)
    density = Density(system, data, seed=4, collapse=False)
    (m, media_m, w_m, *_, s_m), (y, media_y, w_y, *_, s_y) = halves(system, data, density.value)
    total = 0.0
    errors = []
    for name, series, media, design in (("search", m, media_m, w_m), ("sales", y, media_y, w_y)):
        z = density.value[f"{name}.rotated"]
        equation = system.equation(name)
        plan = linear_plan(equation, engine.inputs(equation, data, data.scales()).design)
        errors.append(series - media - design @ plan.coefficients(z))
        total += -0.5 * z @ z - 0.5 * len(z) * np.log(2 * np.pi)
    inverse = np.linalg.inv([[s_m**2, -0.3 * s_m * s_y], [-0.3 * s_m * s_y, s_y**2]])
    for pair in np.stack(errors, axis=-1):
        total += -0.5 * pair @ inverse @ pair + 0.5 * np.linalg.slogdet(inverse)[1] - np.log(2 * np.pi)
    assert_allclose(density()[0], total, rtol=1e-10, atol=1e-8)


def test_a_rho_of_zero_is_no_rho():
    data = worlds.data(40, zeros=False)
    plain = MMM([dataclasses.replace(e, rho={}) for e in tied().equations])
    one, other = (Density(s, data, seed=5, collapse=False) for s in (tied(rho=0.0), plain))
    assert_allclose(one.program.log_density(one.u)[0], other.program.log_density(other.u)[0], rtol=1e-12)
    wrong = Density(tied(rho=0.1), data, seed=5, collapse=False)
    assert abs(wrong.program.log_density(wrong.u)[0] - other.program.log_density(other.u)[0]) > 0.1


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize("rho", [RHO, 0.7])
def test_gradient_equals_central_differences(collapse, rho):
    density = Density(tied("lognormal", "normal", rho), worlds.data(40, zeros=False), seed=3, collapse=collapse)
    u, f, step = density.u, density.program.log_density, 1e-5
    numeric = [(f(u + step * e)[0] - f(u - step * e)[0]) / (2 * step) for e in np.eye(len(u))]
    assert_allclose(f(u)[1], numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("learned", [False, True])
def test_a_chain_of_correlated_residuals_has_the_trivariate_density(learned):
    """Search goes with visits, sales with search: what sales share with visits is what both share with search."""
    frame = worlds.frame(40, zeros=False)
    frame["visits"] = 50 + 0.2 * frame["tv"] + np.random.default_rng(9).normal(0, 5, len(frame))
    roles = worlds.ROLES | {"mediators": {"search": "money", "visits": "visits"}}
    data = MMMData.from_frame(frame, **roles)
    system = MMM(
        [
            Equation("visits", media=["tv"], linear=["price"]),
            Equation("search", media=["visits"], linear=["price"], rho={"visits": RHO if learned else -0.5}),
            Equation("sales", media=["tv"], linear=["search"], trend=True, rho={"search": 0.6}),
        ]
    )
    density = Density(system, data, seed=6, collapse=False)
    errors, sigma, total = [], [], 0.0
    for name, (series, media, design, *_, scale) in zip(
        system.order, halves(system, data, density.value), strict=True
    ):
        z = density.value[f"{name}.rotated"]
        equation = system.equation(name)
        plan = linear_plan(equation, engine.inputs(equation, data, data.scales()).design)
        errors.append(series - media - design @ plan.coefficients(z))
        sigma.append(scale)
        total += -0.5 * z @ z - 0.5 * len(z) * np.log(2 * np.pi)
    first = float(density.value["search.rho"][0]) if learned else -0.5
    correlation = np.array([[1.0, first, 0.6 * first], [first, 1.0, 0.6], [0.6 * first, 0.6, 1.0]])
    joint = stats.multivariate_normal(cov=np.outer(sigma, sigma) * correlation)
    total += joint.logpdf(np.stack(errors, axis=-1)).sum()
    value, gradient = density()
    assert_allclose(value, total, rtol=1e-10, atol=1e-8)
    f, step = density.program.log_density, 1e-5
    numeric = [
        (f(density.u + step * e)[0] - f(density.u - step * e)[0]) / (2 * step) for e in np.eye(len(gradient))
    ]
    assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6)
