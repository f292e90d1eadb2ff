"""The compiled density: families against SciPy, systems against the PyMC model, derivatives against differences."""

from functools import cache

import numpy as np
import pytensor
import pytest
from numpy.testing import assert_allclose
from pytensor.gradient import grad

from bayesmmm.equations import MMM, Equation, for_data
from bayesmmm.inference import write_program
from bayesmmm.inference.pymc_model import build_model
from bayesmmm.kernels import prior_density
from bayesmmm.priors import FAMILIES, Prior
from tests import worlds

PRIORS = {
    "AsymmetricLaplace": {"kappa": 1.7, "mu": 0.4, "b": 2.0},
    "Beta": {"alpha": 2.5, "beta": 1.3},
    "Cauchy": {"alpha": 0.3, "beta": 1.4},
    "ChiSquared": {"nu": 3.5},
    "ExGaussian": {"mu": 0.5, "sigma": 0.8, "nu": 1.9},
    "Exponential": {"lam": 1.6},
    "Gamma": {"alpha": 2.2, "beta": 1.7},
    "Gumbel": {"mu": 0.7, "beta": 1.2},
    "HalfCauchy": {"beta": 1.3},
    "HalfNormal": {"sigma": 0.7},
    "HalfStudentT": {"nu": 3.0, "sigma": 0.6},
    "InverseGamma": {"alpha": 3.1, "beta": 2.0},
    "Kumaraswamy": {"a": 1.8, "b": 2.4},
    "Laplace": {"mu": 0.2, "b": 0.9},
    "LogNormal": {"mu": 0.4, "sigma": 0.8},
    "Logistic": {"mu": -0.3, "s": 1.1},
    "LogitNormal": {"mu": 0.3, "sigma": 1.2},
    "Moyal": {"mu": 0.6, "sigma": 1.3},
    "NegativeHalfStudentT": {"nu": 3.0, "sigma": 0.7},
    "Normal": {"mu": -0.2, "sigma": 1.4},
    "Pareto": {"alpha": 2.3, "m": 0.8},
    "Rice": {"nu": 1.5, "sigma": 0.7},
    "SkewNormal": {"alpha": 2.1, "mu": 0.3, "sigma": 1.2},
    "StudentT": {"nu": 4.0, "mu": 0.4, "sigma": 1.1},
    "Triangular": {"lower": -0.5, "c": 0.7, "upper": 2.0},
    "TruncatedNormal": {"mu": 0.3, "sigma": 1.2, "lower": -0.4, "upper": 2.5},
    "Uniform": {"lower": -0.3, "upper": 1.9},
    "Wald": {"mu": 1.3, "lam": 2.1},
    "Weibull": {"alpha": 1.7, "beta": 1.2},
}
MAPS = [
    (prior_density.FREE, 0.0, 0.0),
    (prior_density.ABOVE, 0.7, 0.0),
    (prior_density.BELOW, 0.0, 1.3),
    (prior_density.BETWEEN, -0.5, 2.0),
    (prior_density.SOFTPLUS, 0.0, 0.3),
    (prior_density.SOFTPLUS, 0.0, -0.3),
    (prior_density.LINEAR, 0.2, 0.3),
]


def _standard(prior):
    frozen = prior.scipy()
    shapes, loc, scale = frozen.dist._parse_args(*frozen.args, **frozen.kwds)
    a, b = ([float(s) for s in shapes] + [0.0, 0.0])[:2]
    return frozen, getattr(prior_density, frozen.dist.name.upper()), a, b, float(loc), float(scale)


# ------------------------------------------------------------------------------------------------- single parameters
@pytest.mark.parametrize("family", FAMILIES)
def test_families_have_the_density_of_scipy(family):
    frozen, number, a, b, loc, scale = _standard(Prior(family, **PRIORS[family]))
    x = frozen.ppf([0.001, 0.02, 0.1, 0.3, 0.5, 0.55, 0.7, 0.9, 0.99, 0.9999])
    got = np.array([prior_density.log_density(number, a, b, (v - loc) / scale)[0] for v in x])
    assert_allclose(got - got[4], frozen.logpdf(x) - frozen.logpdf(x[4]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_slopes_of_families(family):
    frozen, number, a, b, loc, scale = _standard(Prior(family, **PRIORS[family]))
    for y in (frozen.ppf([0.01, 0.2, 0.53, 0.9, 0.999]) - loc) / scale:
        step = 1e-6 * max(abs(y), 1e-2)
        high, low = (prior_density.log_density(number, a, b, y + s)[0] for s in (step, -step))
        assert_allclose(
            prior_density.log_density(number, a, b, y)[1], (high - low) / (2 * step), rtol=1e-5, atol=1e-6
        )


def test_every_family_of_priors_is_known():
    known = {Prior(family, **PRIORS[family]).scipy().dist.name for family in FAMILIES}
    assert sorted(getattr(prior_density, name.upper()) for name in known) == list(range(len(known)))


@pytest.mark.parametrize("x", [0.0, 0.3, 5.0, 29.99, 30.0, 31.0, 400.0])
def test_log_bessel(x):
    from scipy.special import i0e, i1e

    value, slope = prior_density.log_bessel(x)
    assert_allclose([value, slope], [np.log(i0e(x)) + x, i1e(x) / i0e(x)], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("kind", "low", "high"), MAPS)
@pytest.mark.parametrize("u", [-30.0, -3.0, -0.2, 0.0, 0.4, 5.0])
def test_maps_from_the_line(kind, low, high, u):
    x, slope, log_slope, d_log_slope = prior_density.constrain(kind, low, high, u)
    step = 1e-5
    (after, *_, log_after, _), (before, *_, log_before, _) = (
        prior_density.constrain(kind, low, high, u + s) for s in (step, -step)
    )
    assert_allclose(log_slope, np.log(abs(slope)), atol=1e-12)
    assert_allclose(d_log_slope, (log_after - log_before) / (2 * step), rtol=1e-6, atol=1e-9)
    if u > -20:  # nearer to its bound a value has too few digits left
        assert_allclose(slope, (after - before) / (2 * step), rtol=1e-5)
        assert_allclose(prior_density.unconstrain(kind, low, high, x), u, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("kind", "low", "high"), MAPS)
def test_maps_stay_finite_far_out(kind, low, high):
    for u in (-600.0, 600.0):
        assert np.isfinite(prior_density.constrain(kind, low, high, u)).all()


# ------------------------------------------------------------------------------------------------------ whole systems
def _variant(outcome, mediator, **changes):
    first, last = worlds.system(outcome, mediator).equations
    parts = {name: getattr(last, name) for name in ("media", "linear", "seasonality", "trend", "likelihood")}
    return MMM([first, Equation("sales", **(parts | changes))])


ODD = {
    "half_saturation": {"tv": Prior("Gamma", alpha=2, beta=1.5), "social": Prior("Weibull", alpha=2, beta=1)},
    "retention": {"tv": Prior("Beta", alpha=2, beta=3), "search": Prior("Uniform", lower=0.1, upper=0.8)},
    "slope": Prior("TruncatedNormal", mu=1, sigma=0.5, lower=0.4),
    "roi": {"social": Prior("LogNormal", mu=0, sigma=1), "tv": Prior("Beta", alpha=2, beta=2)},
    "contribution": {"search": Prior("Exponential", lam=3)},
    "coefficient": {"price": Prior("Laplace", mu=-0.1, b=0.2)},
    "intercept": Prior("StudentT", nu=4, mu=0.5, sigma=1),
    "trend": Prior("Normal", mu=0.3, sigma=0.2),
    "sigma": Prior("InverseGamma", alpha=3, beta=0.5),
}
CASES = {
    "collapsed": (worlds.system("normal", "censored_normal"), True),
    "explicit": (worlds.system("normal", "normal"), False),
    "student": (worlds.system("student_t", "censored_normal"), True),
    "lognormal": (worlds.system("lognormal", "normal"), True),
    "explicit logs": (worlds.system("lognormal", "student_t"), False),
    "odd priors": (_variant("normal", "censored_normal", priors=ODD), True),
    "odd priors explicit": (_variant("student_t", "normal", priors=ODD), False),
    "cut adstock": (_variant("normal", "normal", max_lag=5), True),
    "correlated": (_variant("normal", "normal", rho={"search": 0.4}), True),
    "correlation learned": (
        _variant("lognormal", "normal", rho={"search": Prior("Uniform", lower=-0.9, upper=0.9)}),
        True,
    ),
    "correlated, explicit": (_variant("lognormal", "normal", rho={"search": -0.3}), False),
    "signs": (_variant("normal", "normal", sign={"tv": "any", "search": "negative"}), True),
    "no media": (MMM([Equation("sales", linear=["price"], trend=True)]), True),
    "nothing linear is Normal": (
        MMM([Equation("sales", media=["tv"], priors={"intercept": Prior("Laplace", mu=0, b=1)})]),
        True,
    ),
}


@cache
def _pymc(case):
    """Log density and gradient of the PyMC model of a case at unconstrained coordinates."""
    system, collapse = CASES[case]
    model = build_model(system, worlds.data(40), collapse=collapse)
    logp, inputs = model.logp(), model.value_vars
    function = pytensor.function(inputs, [logp, *grad(logp, inputs)], mode="FAST_COMPILE")
    shapes = [np.shape(model.initial_point()[v.name]) for v in inputs]

    def at(u):
        ends = np.cumsum([int(np.prod(s)) for s in shapes])[:-1]
        parts = [part.reshape(shape) for part, shape in zip(np.split(u, ends), shapes, strict=True)]
        value, *slopes = function(*parts)
        return float(value), np.concatenate([np.ravel(s) for s in slopes])

    return at


# Building the graphs takes the time: the rest is for the long run.
SHORT = ("collapsed", "student", "correlation learned", "odd priors", "cut adstock", "signs")


@pytest.mark.parametrize("case", [c if c in SHORT else pytest.param(c, marks=pytest.mark.slow) for c in CASES])
def test_density_and_gradient_are_those_of_the_pymc_model(case):
    system, collapse = CASES[case]
    data = worlds.data(40)
    program, oracle = write_program(for_data(system, data), data, data.scales(), collapse=collapse), _pymc(case)
    rng = np.random.default_rng(5)
    for _ in range(3):
        u = program.start + rng.uniform(-1, 1, len(program.start))
        value, gradient = program.log_density(u)
        expected, slopes = oracle(u)
        assert_allclose(value, expected, rtol=1e-9)
        assert_allclose(gradient, slopes, rtol=1e-8, atol=1e-9 * np.abs(slopes).max())


@pytest.mark.parametrize("case", CASES)
def test_gradient_equals_central_differences(case):
    system, collapse = CASES[case]
    data = worlds.data(40)
    program = write_program(system, data, data.scales(), collapse=collapse)
    u = program.start + np.random.default_rng(8).uniform(-0.5, 0.5, len(program.start))
    _, got = program.log_density(u)
    steps = 1e-5 * np.eye(len(u))
    expected = [(program.log_density(u + s)[0] - program.log_density(u - s)[0]) / 2e-5 for s in steps]
    assert_allclose(got, expected, rtol=1e-5, atol=1e-6 * np.abs(got).max())


def test_another_prior_is_another_density():
    """Negative control: the comparison sees one changed argument of one prior."""
    data = worlds.data(40)
    changed = _variant(
        "normal", "censored_normal", priors={"slope": {"tv": Prior("LogNormal", mu=0.1, sigma=0.4)}}
    )
    program = write_program(changed, data, data.scales())
    value, _ = program.log_density(program.start)
    expected, _ = _pymc("collapsed")(program.start)
    assert abs(value - expected) > 1e-3


def test_constrained_values_are_medians_at_the_start():
    data = worlds.data(40)
    program = write_program(CASES["odd priors"][0], data, data.scales())
    theta = program.constrained(program.start)
    medians = [prior.scipy().median() for block in program.blocks for prior in block.priors]
    assert_allclose(theta, medians, rtol=1e-10)
