"""The one table of default priors."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from bayesmmm.errors import UnknownPriorError
from bayesmmm.priors.families import FrozenMap
from bayesmmm.priors.prior import Prior
from bayesmmm.text import no_such

# Half-life in days: 90 % of the mass between about 2 and 26 days, for daily, weekly and monthly data alike.
_FIXED = FrozenMap(
    {
        "half_life": Prior("LogNormal", mu=math.log(7.0), sigma=0.8),
        "half_saturation": Prior("LogNormal", mu=0.0, sigma=0.7),
        "slope": Prior("LogNormal", mu=0.0, sigma=0.4),
        "sigma": Prior("HalfStudentT", nu=3.0, sigma=1.0),
        # Away from zero: as nu falls to 2 the variance of the residual grows without bound, predictive intervals lose
        # their meaning, and the sampler meets a narrow neck. 90 % between nu = 4 and nu = 32.
        "nu_minus_two": Prior("LogNormal", mu=math.log(8.0), sigma=0.8),
        # Spread of the log contributions of geos: 90 % between 0.09 and 0.67. Away from zero, where the deviations of
        # geos would lose their hold and the sampler meets a funnel.
        "tau": Prior("LogNormal", mu=math.log(0.25), sigma=0.6),
        "tau_group": Prior("LogNormal", mu=math.log(0.25), sigma=0.6),
        **dict.fromkeys(
            ("tau_half_life", "tau_half_saturation", "tau_slope"), Prior("LogNormal", mu=math.log(0.15), sigma=0.5)
        ),
        "omega": Prior("HalfNormal", sigma=0.5),
    }
)
# A day of an event brings up to twice what a mean day does, or takes it away; in a pool they differ by half of one.
_COEFFICIENT_SD = FrozenMap(
    {"trend": 1.0, "seasonality": 0.5, "coefficient": 0.5, "event": 1.0, "event_deviation": 0.5}
)


class Widths(NamedTuple):
    """What default priors owe to the scale of an equation.

    Attributes
    ----------
    contribution : float
        Multiple of `contribution_scales`.
    linear : float
        Multiple of the sd of trend, seasonality and coefficients.
    intercept : Prior
    """

    contribution: float = 1.0
    linear: float = 1.0
    intercept: Prior = Prior("Normal", mu=0.5, sigma=1.0)


WIDTHS = Widths()


def contribution_scales(shares: Sequence[float]) -> tuple[float, ...]:
    """Return the scales s_c of the default contribution priors HalfStudentT(3, s_c) of channels with shares of spend.

    ::

        s_c = k w_c,    k = 1 / (1.1 sum_c w_c + 2.6 sqrt(sum_c w_c^2))

    In proportion to spend, so that no channel starts from a higher return than another: with one scale for all, a
    channel with a twentieth of the spend would start from many times the return of the others. The sum of independent
    ``w_c |t_3|`` has mean 1.10 sum w and a spread that grows like sqrt(sum w^2); the two constants place its 96th to
    97th percentile at 1 / k. So the media contributions of an equation add up to more than the whole series with
    probability between 2.5 % and 5 %, for any number and mix of channels (simulated in the tests), while the heavy tail
    lets one channel have most of it.

    Parameters
    ----------
    shares
        Spend of each channel, in any unit.

    Examples
    --------
    >>> [round(scale, 3) for scale in contribution_scales([1.0])]
    [0.27]
    >>> [round(scale, 3) for scale in contribution_scales([0.75, 0.25])]
    [0.238, 0.079]
    """
    k = 1.0 / (1.1 * math.fsum(shares) + 2.6 * math.sqrt(math.fsum(w * w for w in shares)))
    return tuple(k * w for w in shares)


def default_prior(
    parameter: str, *, scale: float = 1.0 / 3.7, sign: str = "positive", widths: Widths = WIDTHS
) -> Prior:
    """Return the default prior of a parameter.

    Parameters
    ----------
    parameter
        half_life (days), half_saturation (multiples of mean spend), slope, contribution (share of s_v; log units under
        "lognormal"), sigma (share of s_v), nu_minus_two, tau, tau_group, tau_half_life and the like, omega (share of
        s_v), intercept, trend, seasonality, coefficient, event and event_deviation (mean days of v, per day).
    scale
        Of "contribution", as `contribution_scales` has it; by default that of an only channel.
    sign
        Of "contribution": "positive", "negative" (mirrored) or "any" (around zero, on the same scale).
    widths
        Of the likelihood of the equation. "lognormal" doubles the contribution scale, which is then in log units
        (media multiply the series by more than e^2 with 2.5 to 5 %); "censored_normal" quadruples it, in shares of
        the latent series. Both widen the linear terms.

    Raises
    ------
    UnknownPriorError
        For a parameter without a default, such as retention or roi, which are used only where a prior is given.

    Examples
    --------
    >>> default_prior("slope")
    LogNormal(mu=0, sigma=0.4)
    """
    if parameter in _FIXED:
        return _FIXED[parameter]
    if parameter == "contribution":
        sigma = float(f"{scale * widths.contribution:.3g}")
        if sign == "any":
            return Prior("StudentT", nu=3.0, mu=0.0, sigma=sigma)
        return Prior("HalfStudentT" if sign == "positive" else "NegativeHalfStudentT", nu=3.0, sigma=sigma)
    if parameter == "intercept":
        return widths.intercept
    if parameter in _COEFFICIENT_SD:
        return Prior("Normal", mu=0.0, sigma=_COEFFICIENT_SD[parameter] * widths.linear)
    known = [*_FIXED, "contribution", "intercept", *_COEFFICIENT_SD]
    raise UnknownPriorError(
        no_such(f"{parameter!r} has no default prior", parameter, known, "Give one in `priors`, or use")
    )
