"""Log densities of single parameters, and the maps from the whole line to their supports.

A family enters in its standard form, ``x = loc + scale * y``, with up to two shapes; what does not depend on y is left
out, since the caller knows the whole density at one point. Numbers of families have SciPy's names.
"""

import math

import numpy as np

from bayesmmm.kernels.compile import inlined, jit
from bayesmmm.kernels.likelihood import log_normal_cdf

# Families by number: on the whole line, and those that are one half of such; then on positive values or a stretch.
NORM, HALFNORM, TRUNCNORM, T, HALF_STUDENT_T, CAUCHY, HALFCAUCHY, LAPLACE = range(8)
LAPLACE_ASYMMETRIC, UNIFORM, LOGISTIC, GUMBEL_R, MOYAL, SKEWNORM, EXPONNORM = range(8, 15)
LOGNORM, GAMMA, INVGAMMA, BETA, EXPON, WEIBULL_MIN, KUMARASWAMY = range(15, 22)
LOGIT_NORMAL, PARETO, INVGAUSS, CHI2, TRIANG, RICE = range(22, 28)
# Maps from the line; `ABOVE` and `BELOW` have one bound, `BETWEEN` two, `SOFTPLUS` is linear from its scale on. `SCALED`
# depends on other parameters, which `bayesmmm.kernels.posterior` knows. `LINEAR` is the whole line in units of a scale.
FREE, ABOVE, BELOW, BETWEEN, SOFTPLUS, SCALED, LINEAR = range(7)

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@jit
def log_bessel(x):
    """Log of the modified Bessel function I0 at x >= 0, and its derivative I1 / I0."""
    if x < 30.0:  # power series
        q = 0.25 * x * x
        term0 = sum0 = term1 = sum1 = 1.0
        for k in range(1, 200):
            term0 *= q / (k * k)
            term1 *= q / (k * (k + 1.0))
            sum0 += term0
            sum1 += term1
            if term0 < 1e-17 * sum0:
                break
        return math.log(sum0), 0.5 * x * sum1 / sum0
    term0 = sum0 = term1 = sum1 = 1.0
    for k in range(1, 30):  # asymptotic series
        odd = (2.0 * k - 1.0) ** 2
        term0 *= odd / (8.0 * k * x)
        term1 *= (odd - 4.0) / (8.0 * k * x)
        sum0 += term0
        sum1 += term1
        if term0 < 1e-17:
            break
    return x - _HALF_LOG_2PI - 0.5 * math.log(x) + math.log(sum0), sum1 / sum0


@jit
def _mills(z):
    """Normal density over distribution function."""
    return math.exp(-0.5 * z * z - _HALF_LOG_2PI - log_normal_cdf(z))


@inlined
def _on_the_line(family, a, b, y):
    """Those up to EXPONNORM."""
    if family <= TRUNCNORM:
        return -0.5 * y * y, -y
    if family <= HALF_STUDENT_T:
        return -0.5 * (a + 1.0) * math.log1p(y * y / a), -(a + 1.0) * y / (a + y * y)
    if family <= HALFCAUCHY:
        return -math.log1p(y * y), -2.0 * y / (1.0 + y * y)
    if family == LAPLACE:
        return -abs(y), -1.0 if y > 0.0 else 1.0
    if family == LAPLACE_ASYMMETRIC:
        rate = a if y > 0.0 else -1.0 / a
        return -rate * y, -rate
    if family == UNIFORM:
        return 0.0, 0.0
    if family == LOGISTIC:
        return -abs(y) - 2.0 * math.log1p(math.exp(-abs(y))), -math.tanh(0.5 * y)
    if family == GUMBEL_R:
        e = math.exp(-y)
        return -y - e, e - 1.0
    if family == MOYAL:
        e = math.exp(-y)
        return -0.5 * (y + e), 0.5 * (e - 1.0)
    if family == SKEWNORM:
        return -0.5 * y * y + log_normal_cdf(a * y), -y + a * _mills(a * y)
    rate = 1.0 / a  # exponnorm
    return -rate * y + log_normal_cdf(y - rate), -rate + _mills(y - rate)


@inlined
def _bounded(family, a, b, y):
    """Those from LOGNORM on, which have a logarithm of y."""
    log_y = math.log(y)
    if family == LOGNORM:
        z = log_y / a
        return -0.5 * z * z - log_y, -(z / a + 1.0) / y
    if family == GAMMA:
        return (a - 1.0) * log_y - y, (a - 1.0) / y - 1.0
    if family == INVGAMMA:
        return -(a + 1.0) * log_y - 1.0 / y, (1.0 / y - (a + 1.0)) / y
    if family == BETA:
        return (a - 1.0) * log_y + (b - 1.0) * math.log1p(-y), (a - 1.0) / y - (b - 1.0) / (1.0 - y)
    if family == EXPON:
        return -y, -1.0
    if family == WEIBULL_MIN:
        p = math.exp(a * log_y)
        return (a - 1.0) * log_y - p, (a - 1.0 - a * p) / y
    if family == KUMARASWAMY:
        p = math.exp(a * log_y)
        slope = (a - 1.0 - (b - 1.0) * a * p / (1.0 - p)) / y
        return (a - 1.0) * log_y + (b - 1.0) * math.log1p(-p), slope
    if family == LOGIT_NORMAL:
        rest = math.log1p(-y)
        z = (log_y - rest - a) / b
        return -0.5 * z * z - log_y - rest, (2.0 * y - 1.0 - z / b) / (y * (1.0 - y))
    if family == PARETO:
        return -(a + 1.0) * log_y, -(a + 1.0) / y
    if family == INVGAUSS:
        d = y / a - 1.0
        return -1.5 * log_y - 0.5 * d * d / y, (-1.5 - d / a + 0.5 * d * d / y) / y
    if family == CHI2:
        return (0.5 * a - 1.0) * log_y - 0.5 * y, (0.5 * a - 1.0) / y - 0.5
    if family == TRIANG:
        if y < a:
            return log_y, 1.0 / y
        return math.log1p(-y) + (math.log(a) - math.log1p(-a) if a > 0.0 else 0.0), -1.0 / (1.0 - y)
    value, slope = log_bessel(a * y)  # rice
    return log_y - 0.5 * y * y + value, 1.0 / y - y + a * slope


@jit
def log_density(family, a, b, y):
    """Log density of the standard form of a family, up to a constant, and its derivative.

    Parameters
    ----------
    family : int
        Number of a family.
    a, b : float
        Shapes in SciPy's order; 0 where a family has fewer.
    y : float
        A point inside the support.

    Returns
    -------
    log_density, slope : float
    """
    return _bounded(family, a, b, y) if family >= LOGNORM else _on_the_line(family, a, b, y)


@jit
def constrain(kind, low, high, u):
    """Value of a parameter at a point of the line.

    ``u``, ``low + exp(u)``, ``high - exp(u)``, ``low + (high - low) / (1 + exp(-u))`` or, with scale ``high``,
    ``high * log(1 + exp(u))``, below zero where the scale is, and ``low + high * u``.

    Returns
    -------
    value : float
    slope : float
        Its derivative.
    log_slope, d_log_slope : float
        Log of the size of the derivative, the term that a density gains, and the derivative of that.
    """
    if kind == FREE:
        return u, 1.0, 0.0, 0.0
    if kind == LINEAR:
        return low + high * u, high, math.log(high), 0.0
    if kind == ABOVE:
        e = math.exp(u)
        return low + e, e, u, 1.0
    if kind == BELOW:
        e = math.exp(u)
        return high - e, -e, u, 1.0
    far = math.log1p(math.exp(-abs(u)))
    minus = far + max(-u, 0.0)  # -log of the logistic function, without overflow
    p = math.exp(-minus)
    if kind == SOFTPLUS:
        return high * (far + max(u, 0.0)), high * p, math.log(abs(high)) - minus, 1.0 - p
    width = high - low
    slope = width * p * math.exp(-far - max(u, 0.0))
    return low + width * p, slope, math.log(width) - abs(u) - 2.0 * far, 1.0 - 2.0 * p


def unconstrain(kind, low, high, x):
    """Point of the line at which `constrain` gives x."""
    if kind == FREE:
        return x
    if kind == LINEAR:
        return (x - low) / high
    if kind == ABOVE:
        return np.log(x - low)
    if kind == BELOW:
        return np.log(high - x)
    if kind == SOFTPLUS:
        return np.log(np.expm1(x / high))
    return np.log(x - low) - np.log(high - x)
