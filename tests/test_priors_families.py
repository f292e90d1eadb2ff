"""Every family against PyMC's density, and its draws against its own distribution function."""

import math

import numpy as np
import pymc as pm
import pytensor
import pytest
from scipy import integrate, stats

from bayesmmm.priors import FAMILIES, Prior

CASES = [
    Prior("AsymmetricLaplace", kappa=1.5, mu=-0.4, b=2.0),
    Prior("Beta", alpha=2.0, beta=3.5),
    Prior("Beta", mu=0.3, sigma=0.1),
    Prior("Beta", mu=0.6, nu=7.0),
    Prior("Cauchy", alpha=-1.0, beta=0.7),
    Prior("ChiSquared", nu=3.5),
    Prior("ExGaussian", mu=0.5, sigma=0.8, nu=1.3),
    Prior("Exponential", lam=2.5),
    Prior("Exponential", scale=2.5),
    Prior("Gamma", alpha=2.0, beta=0.1),
    Prior("Gamma", mu=3.0, sigma=1.5),
    Prior("Gumbel", mu=0.4, beta=1.7),
    Prior("HalfCauchy", beta=0.6),
    Prior("HalfNormal", sigma=1.8),
    Prior("HalfNormal", tau=4.0),
    Prior("HalfStudentT", nu=3.0, sigma=0.25),
    Prior("HalfStudentT", nu=4.5, lam=2.0),
    Prior("InverseGamma", alpha=3.0, beta=2.0),
    Prior("InverseGamma", mu=1.5, sigma=0.9),
    Prior("Kumaraswamy", a=2.0, b=3.0),
    Prior("Laplace", mu=0.3, b=0.8),
    Prior("LogNormal", mu=1.9, sigma=0.8),
    Prior("LogNormal", mu=-0.5, tau=3.0),
    Prior("Logistic", mu=-0.2, s=0.7),
    Prior("LogitNormal", mu=0.4, sigma=1.2),
    Prior("LogitNormal", mu=-1.0, tau=2.0),
    Prior("Moyal", mu=0.5, sigma=1.1),
    Prior("NegativeHalfStudentT", nu=3.0, sigma=0.25),
    Prior("Normal", mu=0.5, sigma=2.0),
    Prior("Normal", mu=-3.0, tau=0.5),
    Prior("Pareto", alpha=3.0, m=0.5),
    Prior("Rice", nu=1.5, sigma=0.8),
    Prior("SkewNormal", alpha=-3.0, mu=0.2, sigma=1.4),
    Prior("SkewNormal", alpha=0.0, mu=0.2, tau=1.4),
    Prior("StudentT", nu=4.0, mu=0.5, sigma=1.5),
    Prior("StudentT", nu=4.0, mu=0.5, lam=1.5),
    Prior("Triangular", lower=-1.0, c=0.2, upper=2.0),
    Prior("TruncatedNormal", mu=0.5, sigma=1.0, lower=0.0),
    Prior("TruncatedNormal", mu=0.5, sigma=1.0, upper=2.0),
    Prior("TruncatedNormal", mu=0.5, tau=4.0, lower=0.0, upper=1.0),
    Prior("TruncatedNormal", mu=0.5, sigma=1.0),
    Prior("Uniform", lower=-2.0, upper=3.0),
    Prior("Wald", mu=1.2, lam=2.5),
    Prior("Weibull", alpha=1.7, beta=2.2),
]


def _points(prior: Prior, count: int = 60) -> np.ndarray:
    """Return random points over the body and both tails, always inside the support."""
    q = np.random.default_rng(7).uniform(size=count)
    return prior.scipy().ppf(np.concatenate([q, [1e-6, 1e-3, 0.999, 1 - 1e-6]]))


@pytest.fixture(scope="module")
def pymc_logp() -> list[np.ndarray]:
    """Evaluate PyMC's log density of all cases in one function, without compilation."""
    # Arguments as float64 arrays: PyTensor may hold a short Python float in single precision.
    graphs = []
    for prior in CASES:
        args = {name: np.asarray(value, dtype=np.float64) for name, value in prior.args.items()}
        mirrored = prior.family == "NegativeHalfStudentT"  # PyMC has the other half only
        family, points = prior.family.removeprefix("Negative"), _points(prior)
        graphs.append(pm.logp(getattr(pm, family).dist(**args), -points if mirrored else points))
    return pytensor.function([], graphs, mode=pytensor.compile.mode.Mode(linker="py", optimizer=None))()


def test_every_family_and_every_form_has_a_case():
    covered = {(prior.family, frozenset(prior.args) - set(FAMILIES[prior.family].optional)) for prior in CASES}
    wanted = {(name, frozenset(form)) for name, family in FAMILIES.items() for form in family.forms}
    assert covered == wanted


@pytest.mark.parametrize("i", range(len(CASES)), ids=[repr(prior) for prior in CASES])
def test_log_density_is_that_of_pymc(i, pymc_logp):
    ours = CASES[i].logpdf(_points(CASES[i]))
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours, pymc_logp[i], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("prior", CASES, ids=repr)
def test_density_integrates_to_the_distribution_function(prior):
    frozen = prior.scipy()
    low, high = frozen.ppf([0.1, 0.9])
    mass, _ = integrate.quad(lambda x: math.exp(prior.logpdf(x)), low, high, limit=200, epsabs=1e-10)
    assert mass == pytest.approx(0.8, abs=1e-6)
    q = np.linspace(0.02, 0.98, 25)
    np.testing.assert_allclose(frozen.cdf(frozen.ppf(q)), q, atol=1e-8)


@pytest.mark.parametrize("prior", CASES, ids=repr)
def test_draws_follow_the_distribution(prior):
    draws = prior.draw(np.random.default_rng(11), 20_000)
    assert draws.shape == (20_000,)
    assert stats.kstest(draws, prior.scipy().cdf).pvalue > 1e-3
    # A share of draws below a quantile has standard error sqrt(q (1 - q) / 20000) <= 0.0036.
    for q in (0.05, 0.5, 0.95):
        assert np.mean(draws <= prior.scipy().ppf(q)) == pytest.approx(q, abs=4 * math.sqrt(q * (1 - q) / 20_000))


@pytest.mark.parametrize("prior", CASES, ids=repr)
def test_support_holds_all_draws_and_nothing_lies_outside(prior):
    lower, upper = prior.support
    draws = prior.draw(np.random.default_rng(3), 2_000)
    assert draws.min() >= lower
    assert draws.max() <= upper
    outside = [end for end in (lower - 0.5, upper + 0.5) if math.isfinite(end)]
    assert np.all(prior.logpdf(outside) == -math.inf)


@pytest.mark.parametrize(
    ("prior", "mean", "sd"),
    [
        (Prior("Gamma", mu=3.0, sigma=1.5), 3.0, 1.5),
        (Prior("Beta", mu=0.3, sigma=0.1), 0.3, 0.1),
        (Prior("InverseGamma", mu=1.5, sigma=0.3), 1.5, 0.3),
        (Prior("Normal", mu=-1.0, tau=4.0), -1.0, 0.5),
        (Prior("Exponential", lam=4.0), 0.25, 0.25),
        (Prior("LogNormal", mu=0.0, sigma=0.4), math.exp(0.08), math.sqrt(math.exp(0.16) * math.expm1(0.16))),
        (Prior("Uniform", lower=0.0, upper=6.0), 3.0, math.sqrt(3.0)),
    ],
    ids=repr,
)
def test_draws_have_the_moments_of_the_textbook(prior, mean, sd):
    draws = prior.draw(np.random.default_rng(5), 200_000)
    assert draws.mean() == pytest.approx(mean, abs=5 * sd / math.sqrt(200_000))
    assert draws.std() == pytest.approx(sd, rel=0.02)
