"""Likelihoods: how a series follows its latent mean and scatters around it, one record per kind.

Nothing elsewhere depends on the name of a likelihood: it asks the record, as ``equation.family``. All methods work in
multiples of the mean size of the series; `to_latent`, `observe`, `expected` and `log_likelihood` take and return units.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bayesmmm.data.scales import Scales
from bayesmmm.errors import LikelihoodError
from bayesmmm.kernels import likelihood as densities
from bayesmmm.kernels import system as links
from bayesmmm.priors import WIDTHS, Prior, Widths
from bayesmmm.text import no_such

if TYPE_CHECKING:
    from bayesmmm.equations.equation import Equation

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Likelihood:
    """One kind of likelihood; as it stands here, Normal residuals and no link.

    Arrays have axes (draw, geo, date), (S, G, T). Scales given as ``sigma`` broadcast to them; parameters given as
    ``par`` have shape (S,), sigma also (S, G).
    """

    name: str  #: The user's word for it.
    statement: str  #: Its equation, with ``{v}`` for the series.
    comment: str  #: What it says about the series, in a few words.
    scatter: str  #: The same after the name of the series, for readers who know no likelihoods.
    link_code: int = links.IDENTITY  #: How the series follows its latent mean and residual.
    density_code: int = densities.NORMAL  #: Density on the latent scale.
    excluded: str = ""  #: Values that it refuses, in words; empty where there are none.
    instead: str = ""  #: What to use for such values.
    contribution_is: str = ""  #: What a contribution is, where it is no share of the observed series.
    widths: Widths = WIDTHS  #: Of default priors.

    # -------------------------------------------------------------------------------------------- what others ask
    @property
    def additive(self) -> bool:
        """Whether the series is the sum of its terms, so that changes do not depend on its level."""
        return self.link_code == links.IDENTITY

    @property
    def log_scale(self) -> bool:
        """Whether terms are in log units, so that they multiply the series."""
        return self.link_code == links.LOGNORMAL

    @property
    def censored(self) -> bool:
        """Whether a zero says only that the latent value was not above it: its residual is then not observed."""
        return self.link_code == links.CENSORED

    @property
    def heavy_tailed(self) -> bool:
        """Whether residuals have Student-t tails, with degrees of freedom to learn."""
        return self.density_code == densities.STUDENT_T

    @property
    def gaussian(self) -> bool:
        """Whether residuals are Normal and all observed: they can be correlated, and coefficients integrate out."""
        return self.density_code == densities.NORMAL

    @property
    def scalars(self) -> tuple[str, ...]:
        """Parameters of the residuals."""
        return ("sigma", "nu_minus_two") if self.heavy_tailed else ("sigma",)

    def supports(self, values: np.ndarray) -> np.ndarray:
        """Say of each value of a series whether it has a density."""
        return np.ones(values.shape, bool)

    # ------------------------------------------------------------------------------------------------------- link
    def link(self, share: np.ndarray) -> np.ndarray:
        """Series -> latent value."""
        return share

    def inverse(self, latent: np.ndarray) -> np.ndarray:
        """Latent value with its residual -> series."""
        return latent

    def mean(self, latent: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        """Mean of the series given its latent mean, residuals integrated out."""
        return latent

    def mean_secant(self, low: np.ndarray, high: np.ndarray, sigma: np.ndarray) -> np.ndarray | float:
        """(f(high) - f(low)) / (high - low) of `mean` f; its derivative where they meet."""
        return 1.0

    def series_secant(
        self, share: np.ndarray, lift: np.ndarray, taken: np.ndarray | float = 0.0
    ) -> np.ndarray | float:
        """What part of a series each unit of some terms of its latent value brought, which add up to `lift`.

        Other terms that add up to `taken` were taken out of the series before.
        """
        return 1.0

    # -------------------------------------------------------------------------------------------------- residuals
    def noise(self, nu: np.ndarray | None, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Draw residuals of scale 1; `nu` is read under Student-t only."""
        return rng.standard_normal(shape)

    def draw_residual(self, par: Values, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Draw latent residuals (S, G, T)."""
        return _wide(par["sigma"]) * self.noise(_nu(par), shape, rng)

    def residual_at(self, par: Values, uniform: np.ndarray) -> np.ndarray:
        """Latent residuals at given probabilities of their distribution."""
        return _wide(par["sigma"]) * special.ndtri(uniform)

    def residual(
        self, target: np.ndarray, mean: np.ndarray, par: Values, uniform: np.ndarray | None
    ) -> np.ndarray:
        """Residuals of observed periods.

        In a censored period the residual is not observed: one value per draw comes from its truncated Normal, at the
        probability `uniform` of that distribution. Elsewhere `uniform` is not read.
        """
        return target - mean

    def standardise(self, residual: np.ndarray, par: Values) -> np.ndarray:
        """Residuals on the standard Normal scale."""
        return residual / _wide(par["sigma"])

    # ---------------------------------------------------------------------------------------------------- density
    def log_density(self, target: np.ndarray, mean: np.ndarray, par: Values) -> np.ndarray:
        """Pointwise log density (S, G, T) of a target (G, T) on the latent scale."""
        y, at = np.ascontiguousarray(target), np.ascontiguousarray(mean)
        out, slope = np.empty(at.shape), np.empty(y.shape[1])
        sigma = np.broadcast_to(_wide(par["sigma"])[..., 0], at.shape[:2])
        nu = 2.0 + par.get("nu_minus_two", np.zeros(len(mean)))
        for s in range(len(mean)):
            for g in range(len(y)):
                densities.pointwise(self.density_code, y[g], at[s, g], sigma[s, g], nu[s], out[s, g], slope)
        return out

    def log_jacobian(self, series: np.ndarray, size: np.ndarray) -> np.ndarray:
        """What the log density of a series in its units has beyond that of its latent value."""
        return np.broadcast_to(-np.log(size), series.shape)


class _StudentT(Likelihood):
    def noise(self, nu, shape, rng):
        return rng.standard_t(nu, size=shape)

    def residual_at(self, par, uniform):
        return _wide(par["sigma"]) * special.stdtrit(_nu(par), uniform)

    def standardise(self, residual, par):
        z = super().standardise(residual, par)
        return -np.sign(z) * special.ndtri(
            special.stdtr(_nu(par), -np.abs(z))
        )  # the lower tail, where it is exact


class _LogNormal(Likelihood):
    def supports(self, values):
        return values > 0.0

    def link(self, share):
        return np.log(share)

    def inverse(self, latent):
        return np.exp(latent)

    def mean(self, latent, sigma):
        return np.exp(latent + 0.5 * sigma**2)

    def mean_secant(self, low, high, sigma):
        return self.mean(low, sigma) * special.exprel(high - low)

    def series_secant(self, share, lift, taken=0.0):
        # Lift over the series without these terms, shared out in proportion to them.
        return share * np.exp(-taken - lift) * special.exprel(lift)

    def log_jacobian(self, series, size):
        return -np.log(series)


class _CensoredNormal(Likelihood):
    def supports(self, values):
        return values >= 0.0

    def inverse(self, latent):
        return np.maximum(latent, 0.0)

    def mean(self, latent, sigma):
        z = latent / sigma
        return latent * special.ndtr(z) + sigma * np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)

    def mean_secant(self, low, high, sigma):
        step = high - low
        near = np.abs(step) < 1e-6 * sigma
        rise = self.mean(high, sigma) - self.mean(low, sigma)
        return np.where(near, special.ndtr(0.5 * (low + high) / sigma), rise / np.where(near, 1.0, step))

    def series_secant(self, share, lift, taken=0.0):
        return share > 0.0

    def residual(self, target, mean, par, uniform):
        out = target - mean
        at = np.broadcast_to(target <= 0.0, out.shape)
        sigma = np.broadcast_to(_wide(par["sigma"]), out.shape)[at]
        # Inverse distribution function in logs, so that a bound far in the tail stays exact.
        log_u = np.log(uniform[at]) + special.log_ndtr(-mean[at] / sigma)
        out[at] = sigma * special.ndtri_exp(log_u)
        return out

    def log_jacobian(self, series, size):
        # A censored period has a probability, not a density.
        return np.where(series > 0.0, super().log_jacobian(series, size), 0.0)


def _wide(values: np.ndarray) -> np.ndarray:
    """Values (S,), or (S, G), ready to meet (S, G, T)."""
    return values.reshape(*values.shape, *(1,) * (3 - values.ndim))


def _nu(par: Values) -> np.ndarray | None:
    return 2.0 + _wide(par["nu_minus_two"]) if "nu_minus_two" in par else None


# ---------------------------------------------------------------------------------------------------- the records
# In log units, and for the latent series behind a censored one, the mean size is less binding: a series with many zeros
# has a latent mean far below its observed one.
_INTERCEPT = Prior("Normal", mu=0.0, sigma=3.0)

NORMAL = Likelihood(
    "normal",
    statement="{v}[t] / s = mu[t] + e[t],   e[t] ~ Normal(0, sigma)",
    comment="every value may lie on either side of its mean",
    scatter="scatters around its mean by the same amount everywhere",
)
STUDENT_T = _StudentT(
    "student_t",
    density_code=densities.STUDENT_T,
    statement="{v}[t] / s = mu[t] + e[t],   e[t] ~ StudentT(nu, 0, sigma),   nu = 2 + nu_minus_two",
    comment="normal, with room for outliers",
    scatter="scatters around its mean by the same amount everywhere, with now and then a value far out",
)
LOGNORMAL = _LogNormal(
    "lognormal",
    link_code=links.LOGNORMAL,
    statement="log({v}[t] / s) = mu[t] + e[t],   e[t] ~ Normal(0, sigma)",
    comment="effects multiply; values are above 0",
    scatter="scatters in proportion to its mean, and its causes multiply",
    excluded="0 or less",
    instead="normal or student_t, or censored_normal for many zeros",
    contribution_is="in log units and has no fixed return",
    # In log units a total contribution of 2 multiplies the series by more than seven.
    widths=Widths(contribution=2.0, linear=2.0, intercept=_INTERCEPT),
)
CENSORED_NORMAL = _CensoredNormal(
    "censored_normal",
    link_code=links.CENSORED,
    density_code=densities.CENSORED_NORMAL,
    statement="{v}[t] / s = max(0, mu[t] + e[t]),   e[t] ~ Normal(0, sigma)",
    comment="a zero says only that the latent value was not above 0",
    scatter="scatters around its mean and stops at zero",
    excluded="below 0",
    instead="normal or student_t",
    contribution_is="a share of the latent series, so that roi would not be outcome per unit of spend",
    # A latent series three mean sizes below zero (one prior sd of its intercept) needs 1 + 3 to be lifted to its mean.
    widths=Widths(contribution=4.0, linear=2.0, intercept=_INTERCEPT),
)
#: Every likelihood by its name.
LIKELIHOODS = {record.name: record for record in (NORMAL, STUDENT_T, LOGNORMAL, CENSORED_NORMAL)}
#: Names of those whose residuals can be correlated.
CORRELATED = tuple(name for name, record in LIKELIHOODS.items() if record.gaussian)


def check_likelihood(equation: str, likelihood: str) -> None:
    """Refuse what is no name of a likelihood."""
    if not isinstance(likelihood, str) or likelihood not in LIKELIHOODS:
        raise LikelihoodError(
            no_such(f"equation {equation!r} has the likelihood {likelihood!r}", likelihood, LIKELIHOODS)
        )


# --------------------------------------------------------------------------------------------------------- in units
def to_latent(equation: "Equation", series: np.ndarray, scales: Scales) -> np.ndarray:
    """Series in units of the column -> the scale of the equation."""
    return equation.family.link(series / scales.size[equation.name][:, None])


def observe(equation: "Equation", value: np.ndarray, scales: Scales) -> np.ndarray:
    """Latent value with its residual -> series in units of the column."""
    return scales.size[equation.name][:, None] * equation.family.inverse(value)


def expected(equation: "Equation", mean: np.ndarray, sigma: np.ndarray, scales: Scales) -> np.ndarray:
    """Mean of the series given its latent mean (S, G, T), residuals of scale (S,) or (S, G) integrated out, in units."""
    return scales.size[equation.name][:, None] * equation.family.mean(mean, _wide(sigma))


def log_likelihood(
    equation: "Equation", series: np.ndarray, mean: np.ndarray, par: Values, scales: Scales
) -> np.ndarray:
    """Pointwise log density (S, G, T) of the observed series in its own units, given the latent mean; NaN of NaN."""
    family, size = equation.family, scales.size[equation.name][:, None]
    density = family.log_density(to_latent(equation, series, scales), mean, par) + family.log_jacobian(
        series, size
    )
    return np.where(np.isnan(series), np.nan, density) if np.isnan(series).any() else density
