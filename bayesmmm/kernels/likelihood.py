"""Log densities of one series with their gradients."""

import math

import numpy as np

from bayesmmm.kernels.compile import inner_product, jit

_LOG_2PI = math.log(2.0 * math.pi)
#: Densities of a series on its latent scale, by number.
NORMAL, STUDENT_T, CENSORED_NORMAL = range(3)


@jit
def add_multiple(total, factor, part):
    """Add ``factor * part`` to ``total``, both (N,).

    A loop, as everywhere here: operations on whole arrays bring along what is raised where shapes differ, which takes
    longer to compile than the rest.
    """
    for t in range(total.shape[0]):
        total[t] += factor * part[t]


@jit
def collapsed_normal(y, media, sigma, basis, variance):
    """Log density of ``y`` with all linear coefficients integrated out, and its gradient.

    ``y = media + W b + e``, ``b ~ Normal(0, Lambda)``, ``e ~ Normal(0, sigma)``. With the thin singular value
    decomposition ``W Lambda**0.5 = U S P'``, ``basis = U'`` and ``variance = S**2``,

    ``-1/2 sum_i [log(sigma^2 + d_i) + (B r)_i^2 / (sigma^2 + d_i)] - (N - p) log sigma - |e|^2 / (2 sigma^2)
    - N/2 log(2 pi)``, with ``r = y - media`` and ``e = r - B'B r``. The residual is formed before it is squared:
    ``r'r - |Br|^2`` would cancel badly at small sigma.

    Parameters
    ----------
    y, media : (N,) float arrays
        Observed series less the prior mean of its linear part, and the media term.
    sigma : float
    basis : (p, N) float array with orthonormal rows
    variance : (p,) float array

    Returns
    -------
    log_density : float
    d_media : (N,) float array
    d_sigma : float
    """
    n, p = y.shape[0], variance.shape[0]
    s2 = sigma * sigma
    r = y.copy()
    add_multiple(r, -1.0, media)
    e = r.copy()
    logp = -(n - p) * math.log(sigma) - 0.5 * n * _LOG_2PI
    d_sigma = -(n - p) / sigma
    d_media = np.zeros(n)
    for i in range(p):
        row = basis[i]
        q = inner_product(row, r)
        v = s2 + variance[i]
        logp -= 0.5 * (math.log(v) + q * q / v)
        d_sigma += sigma * (q * q / v - 1.0) / v
        w = q / v
        for t in range(n):
            e[t] -= q * row[t]
            d_media[t] += w * row[t]
    rest = inner_product(e, e)
    for t in range(n):
        d_media[t] += e[t] / s2
    logp -= 0.5 * rest / s2
    d_sigma += rest / (s2 * sigma)
    return logp, d_media, d_sigma


@jit
def linear_predictor(media, design, coefficient):
    """``media + W b`` for media (N,), design (K, N) and coefficient (K,)."""
    mu = media.copy()
    for k in range(coefficient.shape[0]):
        add_multiple(mu, coefficient[k], design[k])
    return mu


@jit
def normal(y, mu, sigma, point, slope):
    """Normal log density of each ``y``; writes it to ``point``, d/dmu to ``slope``, returns d/dsigma of the sum."""
    d_sigma = 0.0
    const = math.log(sigma) + 0.5 * _LOG_2PI
    for t in range(y.shape[0]):
        z = (y[t] - mu[t]) / sigma
        point[t] = -0.5 * z * z - const
        slope[t] = z / sigma
        d_sigma += (z * z - 1.0) / sigma
    return d_sigma


@jit
def _digamma(x):
    """Derivative of log gamma for x > 0: recurrence up to 6, then the asymptotic series."""
    out = 0.0
    while x < 6.0:
        out -= 1.0 / x
        x += 1.0
    f = 1.0 / (x * x)
    series = f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f * (1 / 132 - f * 691 / 32760)))))
    return out + math.log(x) - 0.5 / x - series


@jit
def student_t(y, mu, sigma, nu, point, slope):
    """Student-t log density of each ``y`` with scale ``sigma``; as `normal`, returns (d/dsigma, d/dnu)."""
    const = math.lgamma(0.5 * (nu + 1)) - math.lgamma(0.5 * nu) - 0.5 * math.log(nu * math.pi) - math.log(sigma)
    d_const = 0.5 * (_digamma(0.5 * (nu + 1)) - _digamma(0.5 * nu) - 1.0 / nu)
    d_sigma = 0.0
    d_nu = 0.0
    for t in range(y.shape[0]):
        z = (y[t] - mu[t]) / sigma
        z2 = z * z
        tail = math.log1p(z2 / nu)
        w = (nu + 1.0) / (nu + z2)
        point[t] = const - 0.5 * (nu + 1.0) * tail
        slope[t] = w * z / sigma
        d_sigma += (w * z2 - 1.0) / sigma
        d_nu += d_const - 0.5 * tail + 0.5 * w * z2 / nu
    return d_sigma, d_nu


@jit
def log_normal_cdf(z):
    """Log of the standard normal distribution function, accurate far into the lower tail."""
    if z > -30.0:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2.0)))
    f = 1.0 / (z * z)
    return -0.5 * z * z - 0.5 * _LOG_2PI - math.log(-z) + math.log1p(-f * (1.0 - f * (3.0 - f * 15.0)))


@jit
def censored_normal(y, mu, sigma, point, slope):
    """Log density of ``y = max(0, mu + e)``, ``e ~ Normal(0, sigma)``: a point mass at zero, Normal above it.

    As `normal`: writes log densities and d/dmu, returns d/dsigma of the sum. Periods with ``y == 0`` are the
    censored ones.
    """
    d_sigma = 0.0
    const = math.log(sigma) + 0.5 * _LOG_2PI
    for t in range(y.shape[0]):
        z = (y[t] - mu[t]) / sigma
        if y[t] > 0.0:
            point[t] = -0.5 * z * z - const
            slope[t] = z / sigma
            d_sigma += (z * z - 1.0) / sigma
        else:
            log_p = log_normal_cdf(z)
            mills = math.exp(-0.5 * z * z - 0.5 * _LOG_2PI - log_p)
            point[t] = log_p
            slope[t] = -mills / sigma
            d_sigma -= mills * z / sigma
    return d_sigma


# ------------------------------------------------------------------------------------------------ by number
@jit
def pointwise(density, y, mu, sigma, nu, point, slope):
    """As `normal`, for a density by its number; returns (d/dsigma, d/dnu), of which Student-t has the second."""
    if density == NORMAL:
        return normal(y, mu, sigma, point, slope), 0.0
    if density == STUDENT_T:
        return student_t(y, mu, sigma, nu, point, slope)
    return censored_normal(y, mu, sigma, point, slope), 0.0


@jit
def explicit(density, y, media, design, coefficient, sigma, nu):
    """Log density of a series around ``media + W b``, given every linear coefficient, and its gradient.

    Parameters
    ----------
    density : int
    y, media : (N,) float arrays
    design : (K, N) float array
    coefficient : (K,) float array
    sigma, nu : float
        ``nu`` is read by STUDENT_T only.

    Returns
    -------
    log_density : float
    d_media : (N,) array
    d_coefficient : (K,) array
    d_sigma, d_nu : float
    """
    mu = linear_predictor(media, design, coefficient)
    point, slope = np.empty(mu.shape[0]), np.empty(mu.shape[0])
    d_sigma, d_nu = pointwise(density, y, mu, sigma, nu, point, slope)
    d_coefficient = np.empty(design.shape[0])
    for k in range(design.shape[0]):
        d_coefficient[k] = inner_product(design[k], slope)
    return point.sum(), slope, d_coefficient, d_sigma, d_nu


@jit
def explicit_by_group(density, y, media, design, coefficient, sigma, nu, edges):
    """`explicit` where groups of values, side by side, have residual scales of their own.

    Parameters
    ----------
    density, y, media, design, coefficient, nu
        As in `explicit`.
    sigma : (n,) float array
    edges : (n + 1,) float array
        Where groups begin and end among the values.

    Returns
    -------
    log_density : float
    d_media : (N,) array
    d_coefficient : (K,) array
    d_sigma : (n,) array
    d_nu : float
    """
    mu = linear_predictor(media, design, coefficient)
    point, slope = np.empty(mu.shape[0]), np.empty(mu.shape[0])
    d_sigma, d_nu = np.empty(sigma.shape[0]), 0.0
    for i in range(sigma.shape[0]):
        a, b = int(edges[i]), int(edges[i + 1])
        d_sigma[i], more = pointwise(density, y[a:b], mu[a:b], sigma[i], nu, point[a:b], slope[a:b])
        d_nu += more
    d_coefficient = np.empty(design.shape[0])
    for k in range(design.shape[0]):
        d_coefficient[k] = inner_product(design[k], slope)
    return point.sum(), slope, d_coefficient, d_sigma, d_nu
