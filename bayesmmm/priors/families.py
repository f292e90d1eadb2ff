"""The table of families: which arguments each takes, and its SciPy form.

Argument names and meanings are PyMC's; "NegativeHalfStudentT" is -x for x "HalfStudentT", which PyMC has no name for. A
family is listed when it is univariate, continuous, proper, lives on
an interval of the line, and SciPy (or a few lines here) gives its density, quantiles and draws.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import special, stats


class FrozenMap(Mapping):
    """A read-only mapping that can be hashed, pickled and compared with a dict.

    Examples
    --------
    >>> FrozenMap({"mu": 0.0}) == {"mu": 0.0}
    True
    """

    __slots__ = ("_items",)
    _items: dict

    def __init__(self, items: Mapping = MappingProxyType({})):
        object.__setattr__(self, "_items", dict(items))

    def __setattr__(self, name: str, value: Any):
        raise AttributeError("a FrozenMap cannot be changed; build a new one")

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple:
        return (FrozenMap, (self._items,))


# ---------------------------------------------------------------- families that SciPy does not have


class _HalfStudentT(stats.rv_continuous):
    """|T| for T Student-t with nu degrees of freedom; scale is PyMC's sigma."""

    def _logpdf(self, x, nu):
        return np.log(2.0) + stats.t.logpdf(x, nu)

    def _pdf(self, x, nu):
        return 2.0 * stats.t.pdf(x, nu)

    def _cdf(self, x, nu):
        return 1.0 - 2.0 * stats.t.sf(x, nu)

    def _ppf(self, q, nu):
        return stats.t.isf((1.0 - q) / 2.0, nu)

    def _rvs(self, nu, size=None, random_state=None):
        return np.abs(random_state.standard_t(nu, size=size))


class _NegativeHalfStudentT(stats.rv_continuous):
    """-|T| for T Student-t with nu degrees of freedom; scale is PyMC's sigma."""

    def _logpdf(self, x, nu):
        return np.log(2.0) + stats.t.logpdf(x, nu)

    def _pdf(self, x, nu):
        return 2.0 * stats.t.pdf(x, nu)

    def _cdf(self, x, nu):
        return 2.0 * stats.t.cdf(x, nu)

    def _ppf(self, q, nu):
        return stats.t.ppf(q / 2.0, nu)

    def _rvs(self, nu, size=None, random_state=None):
        return -np.abs(random_state.standard_t(nu, size=size))


class _Kumaraswamy(stats.rv_continuous):
    """Kumaraswamy on (0, 1): cdf 1 - (1 - x^a)^b."""

    def _logpdf(self, x, a, b):
        return np.log(a) + np.log(b) + special.xlogy(a - 1, x) + special.xlog1py(b - 1, -(x**a))

    def _pdf(self, x, a, b):
        return np.exp(self._logpdf(x, a, b))

    def _cdf(self, x, a, b):
        return -np.expm1(special.xlog1py(b, -(x**a)))

    def _ppf(self, q, a, b):
        return (-np.expm1(np.log1p(-q) / b)) ** (1.0 / a)


class _LogitNormal(stats.rv_continuous):
    """The logistic function of a Normal(mu, sigma)."""

    def _argcheck(self, mu, sigma):
        return np.isfinite(mu) & (sigma > 0)

    def _logpdf(self, x, mu, sigma):
        return stats.norm.logpdf(special.logit(x), mu, sigma) - np.log(x) - np.log1p(-x)

    def _pdf(self, x, mu, sigma):
        return np.exp(self._logpdf(x, mu, sigma))

    def _cdf(self, x, mu, sigma):
        return stats.norm.cdf(special.logit(x), mu, sigma)

    def _ppf(self, q, mu, sigma):
        return special.expit(stats.norm.ppf(q, mu, sigma))


_half_student_t = _HalfStudentT(a=0.0, name="half_student_t")
# The densities of both are one formula, on either side of zero: they have one name, by which the compiled one is found.
_negative_half_student_t = _NegativeHalfStudentT(b=0.0, name="half_student_t")
_kumaraswamy = _Kumaraswamy(a=0.0, b=1.0, name="kumaraswamy")
_logit_normal = _LogitNormal(a=0.0, b=1.0, name="logit_normal")


# ---------------------------------------------------------------- the table of families


@dataclass(frozen=True)
class Family:
    """One family: the argument sets it takes, which of them must be positive, and its SciPy form.

    Attributes
    ----------
    forms
        Alternative sets of arguments in PyMC's names and order, each complete.
    build
        Arguments to a frozen SciPy distribution; raises ValueError with a sentence when they contradict each other.
    free
        Arguments that may be negative or zero; all others must be > 0.
    optional
        Arguments that may be added to any form.
    """

    forms: tuple[tuple[str, ...], ...]
    build: Callable[..., Any]
    free: tuple[str, ...] = ("mu",)
    optional: tuple[str, ...] = ()


#: Standard deviations between the peak of a Normal and where it is truncated, beyond which its density is all rounding.
_FAR = 1e4


def _sd(sigma: float | None, tau: float | None) -> float:
    """One of the two is given."""
    return sigma if tau is None else tau**-0.5  # type: ignore[return-value]


def _beta(alpha=None, beta=None, mu=None, sigma=None, nu=None):
    if mu is not None:
        if not 0 < mu < 1:
            raise ValueError(f"mu is {mu:g}; the mean of a Beta lies between 0 and 1")
        if nu is None:
            nu = mu * (1 - mu) / sigma**2 - 1
            if nu <= 0:
                raise ValueError(
                    f"sigma is {sigma:g}; with mu = {mu:g} it must be below {math.sqrt(mu - mu * mu):.3g}"
                )
        alpha, beta = mu * nu, (1 - mu) * nu
    return stats.beta(alpha, beta)


def _gamma(alpha=None, beta=None, mu=None, sigma=None):
    if mu is not None:
        alpha, beta = (mu / sigma) ** 2, mu / sigma**2
    return stats.gamma(alpha, scale=1.0 / beta)


def _inverse_gamma(alpha=None, beta=None, mu=None, sigma=None):
    if mu is not None:
        alpha, beta = 2.0 + (mu / sigma) ** 2, mu * (1.0 + (mu / sigma) ** 2)
    return stats.invgamma(alpha, scale=beta)


def _exponential(lam=None, scale=None):
    return stats.expon(scale=scale if scale is not None else 1.0 / lam)


def _truncated_normal(mu, sigma=None, tau=None, lower=-math.inf, upper=math.inf):
    if not lower < upper:
        raise ValueError(f"lower is {lower:g} and upper is {upper:g}; lower must be below upper")
    sd = _sd(sigma, tau)
    far = max((lower - mu) / sd, (mu - upper) / sd)
    if far > _FAR:
        raise ValueError(f"mu is {mu:g}, {far:.2g} sigma outside of lower and upper")
    return stats.truncnorm((lower - mu) / sd, (upper - mu) / sd, loc=mu, scale=sd)


def _uniform(lower, upper):
    if not lower < upper:
        raise ValueError(f"lower is {lower:g} and upper is {upper:g}; lower must be below upper")
    return stats.uniform(lower, upper - lower)


def _triangular(lower, c, upper):
    if not (lower <= c <= upper and lower < upper):
        raise ValueError(f"lower, c, upper are {lower:g}, {c:g}, {upper:g}; they must rise in this order")
    return stats.triang((c - lower) / (upper - lower), loc=lower, scale=upper - lower)


_NORMAL = (("mu", "sigma"), ("mu", "tau"))
_SHAPE = (("alpha", "beta"), ("mu", "sigma"))

FAMILIES: Mapping[str, Family] = FrozenMap(
    {
        "AsymmetricLaplace": Family(
            (("kappa", "mu", "b"),), lambda kappa, mu, b: stats.laplace_asymmetric(kappa, mu, 1.0 / b)
        ),
        "Beta": Family((*_SHAPE, ("mu", "nu")), _beta, free=()),
        "Cauchy": Family((("alpha", "beta"),), lambda alpha, beta: stats.cauchy(alpha, beta), free=("alpha",)),
        "ChiSquared": Family((("nu",),), lambda nu: stats.chi2(nu)),
        "ExGaussian": Family(
            (("mu", "sigma", "nu"),), lambda mu, sigma, nu: stats.exponnorm(nu / sigma, loc=mu, scale=sigma)
        ),
        "Exponential": Family((("lam",), ("scale",)), _exponential),
        "Gamma": Family(_SHAPE, _gamma, free=()),
        "Gumbel": Family((("mu", "beta"),), lambda mu, beta: stats.gumbel_r(mu, beta)),
        "HalfCauchy": Family((("beta",),), lambda beta: stats.halfcauchy(scale=beta)),
        "HalfNormal": Family(
            (("sigma",), ("tau",)), lambda sigma=None, tau=None: stats.halfnorm(scale=_sd(sigma, tau))
        ),
        "HalfStudentT": Family(
            (("nu", "sigma"), ("nu", "lam")),
            lambda nu, sigma=None, lam=None: _half_student_t(nu, scale=_sd(sigma, lam)),
        ),
        "InverseGamma": Family(_SHAPE, _inverse_gamma, free=()),
        "Kumaraswamy": Family((("a", "b"),), lambda a, b: _kumaraswamy(a, b)),
        "Laplace": Family((("mu", "b"),), lambda mu, b: stats.laplace(mu, b)),
        "LogNormal": Family(
            _NORMAL, lambda mu, sigma=None, tau=None: stats.lognorm(_sd(sigma, tau), scale=math.exp(mu))
        ),
        "Logistic": Family((("mu", "s"),), lambda mu, s: stats.logistic(mu, s)),
        "LogitNormal": Family(_NORMAL, lambda mu, sigma=None, tau=None: _logit_normal(mu, _sd(sigma, tau))),
        "Moyal": Family((("mu", "sigma"),), lambda mu, sigma: stats.moyal(mu, sigma)),
        "NegativeHalfStudentT": Family(
            (("nu", "sigma"),), lambda nu, sigma: _negative_half_student_t(nu, scale=sigma)
        ),
        "Normal": Family(_NORMAL, lambda mu, sigma=None, tau=None: stats.norm(mu, _sd(sigma, tau))),
        "Pareto": Family((("alpha", "m"),), lambda alpha, m: stats.pareto(alpha, scale=m)),
        "Rice": Family((("nu", "sigma"),), lambda nu, sigma: stats.rice(nu / sigma, scale=sigma)),
        "SkewNormal": Family(
            (("alpha", "mu", "sigma"), ("alpha", "mu", "tau")),
            lambda alpha, mu, sigma=None, tau=None: stats.skewnorm(alpha, mu, _sd(sigma, tau)),
            free=("alpha", "mu"),
        ),
        "StudentT": Family(
            (("nu", "mu", "sigma"), ("nu", "mu", "lam")),
            lambda nu, mu, sigma=None, lam=None: stats.t(nu, mu, _sd(sigma, lam)),
        ),
        "Triangular": Family((("lower", "c", "upper"),), _triangular, free=("lower", "c", "upper")),
        "TruncatedNormal": Family(
            _NORMAL, _truncated_normal, free=("mu", "lower", "upper"), optional=("lower", "upper")
        ),
        "Uniform": Family((("lower", "upper"),), _uniform, free=("lower", "upper")),
        "Wald": Family((("mu", "lam"),), lambda mu, lam: stats.invgauss(mu / lam, scale=lam), free=()),
        "Weibull": Family((("alpha", "beta"),), lambda alpha, beta: stats.weibull_min(alpha, scale=beta)),
    }
)
