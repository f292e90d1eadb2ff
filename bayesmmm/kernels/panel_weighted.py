"""Log density of a panel whose cells do not weigh alike: some are not observed, or geos scatter by different amounts.

As `bayesmmm.kernels.panel.collapsed_panel`, which is faster where all cells are observed and share one sigma. Arrays
have the geos last, (date, geo); cells that are not observed are zero in all of them.
"""

import math

import numpy as np

from bayesmmm.kernels.compile import inner_product, jit
from bayesmmm.kernels.likelihood import add_multiple
from bayesmmm.kernels.panel import cholesky, inverse

_LOG_2PI = math.log(2.0 * math.pi)


@jit
def weights(seen, sigma, omega):
    """Weights of cells (T, G), ``w_tg = seen_tg / sigma_g^2``, and variances (T,) of period effects given the rest.

    The latter are ``c_t = omega^2 / (1 + omega^2 sum_g w_tg)``.
    """
    n_time, n_geo = seen.shape
    weight, left = np.empty((n_time, n_geo)), np.empty(n_time)
    for t in range(n_time):
        total = 0.0
        for g in range(n_geo):
            weight[t, g] = seen[t, g] / (sigma[g] * sigma[g])
            total += weight[t, g]
        left[t] = omega * omega / (1.0 + omega * omega * total)
    return weight, left


@jit
def by_period(weight, own, shared):
    """Sums over geos (T, n) of ``w_tg x_tg``: I * G columns of geos, those of one kind side by side, then p shared."""
    n_time, n_geo = weight.shape
    n_own = own.shape[0]
    out = np.empty((n_time, n_own * n_geo + shared.shape[0]))
    for t in range(n_time):
        for i in range(n_own):
            for g in range(n_geo):
                out[t, i * n_geo + g] = weight[t, g] * own[i, t, g]
        for j in range(shared.shape[0]):
            out[t, n_own * n_geo + j] = inner_product(weight[t], shared[j, t])
    return out


@jit
def precision(sigma, left, z, gram, n_own):
    """Precision (n, n) of all coefficients with period effects integrated out: its lower triangle.

    ``H = I + sum_g G_g / sigma_g^2 - sum_t c_t z_t z_t'``, of `weights`, `by_period` and products (G, I + p, I + p) of
    the columns of each geo.
    """
    n_geo, n = sigma.shape[0], z.shape[1]
    first = n_own * n_geo
    out = np.zeros((n, n))
    for i in range(n):
        out[i, i] = 1.0
    for g in range(n_geo):
        v = 1.0 / (sigma[g] * sigma[g])
        for i in range(gram.shape[1]):
            row = i * n_geo + g if i < n_own else first + i - n_own
            for j in range(i + 1):
                column = j * n_geo + g if j < n_own else first + j - n_own
                out[row, column] += v * gram[g, i, j]
    for t in range(z.shape[0]):
        if left[t] > 0.0:
            for i in range(n):
                add_multiple(out[i, : i + 1], -left[t] * z[t, i], z[t, : i + 1])
    return out


@jit
def products(e, weight, left, z, own, shared):
    """Inner products (n,) of all columns with ``S0^-1 e``, of residuals (T, G) before coefficients and effects."""
    n_time, n_geo = e.shape
    n_own = own.shape[0]
    out, scaled = np.zeros(z.shape[1]), np.empty(n_geo)
    for t in range(n_time):
        for g in range(n_geo):
            scaled[g] = weight[t, g] * e[t, g]
        for i in range(n_own):
            for g in range(n_geo):
                out[i * n_geo + g] += scaled[g] * own[i, t, g]
        for j in range(shared.shape[0]):
            out[n_own * n_geo + j] += inner_product(scaled, shared[j, t])
        add_multiple(out, -left[t] * scaled.sum(), z[t])
    return out


@jit
def subtract(e, own, shared, coefficient):
    """Take the columns times their coefficients (n,) from residuals (T, G)."""
    n_time, n_geo = e.shape
    n_own = own.shape[0]
    for t in range(n_time):
        for i in range(n_own):
            for g in range(n_geo):
                e[t, g] -= own[i, t, g] * coefficient[i * n_geo + g]
        for j in range(shared.shape[0]):
            add_multiple(e[t], -coefficient[n_own * n_geo + j], shared[j, t])


@jit
def _spread(covariance, gram, n_own, g):
    """Sum over the cells of a geo of the variance of its linear part, from products of its columns."""
    n_geo, out = gram.shape[0], 0.0
    first = n_own * n_geo
    for i in range(gram.shape[1]):
        row = i * n_geo + g if i < n_own else first + i - n_own
        for j in range(gram.shape[1]):
            out += covariance[row, j * n_geo + g if j < n_own else first + j - n_own] * gram[g, i, j]
    return out


@jit
def collapsed_weighted(y, media, sigma, omega, seen, own, shared, gram):
    """Log density of the observed cells with coefficients and period effects integrated out, and its gradient.

    ``y_tg = media_tg + X_tg a + u_t + e_tg`` with ``a ~ Normal(0, 1)``, ``u ~ Normal(0, omega)``, ``e ~ Normal(0,
    sigma_g)``. A period effect is integrated out of its own period, a matrix of rank one; what is left is dense in all
    coefficients. With the weights ``w`` and ``c`` of `weights`, ``z_t = sum_g w_tg X_tg`` and `precision` H::

        q = sum_tg w_tg X_tg r_tg - sum_t c_t z_t sum_g w_tg r_tg      a^ = H^-1 q
        u^_t = c_t sum_g w_tg (r - X a^)_tg                            e^ = r - X a^ - u^
        log p = -1/2 [sum_tg log(2 pi / w_tg) + sum_t log(1 + omega^2 sum_g w_tg) + log |H|
                      + sum_tg w_tg e^_tg^2 + |u^|^2 / omega^2 + |a^|^2]

    Derivatives to sigma and omega come from the moments of a and u given r, as in `collapsed_panel`.

    Parameters
    ----------
    y, media : (T, G) float arrays
        Observed series less the prior mean of their linear part, and the media term.
    sigma : (G,) float array
    omega : float
    seen : (T, G) float array
        1 for observed cells, 0 for others.
    own : (I, T, G) float array
        Columns with a coefficient for each geo, times the prior sd of these.
    shared : (p, T, G) float array
        Columns with one coefficient, likewise.
    gram : (G, I + p, I + p) float array
        Products of the columns of each geo.

    Returns
    -------
    log_density : float
    d_media : (T, G) float array
    d_sigma : (G,) float array
    d_omega : float
    """
    n_time, n_geo = y.shape
    n_own, n_shared, o2 = own.shape[0], shared.shape[0], omega * omega
    weight, left = weights(seen, sigma, omega)
    z = by_period(weight, own, shared)
    e = np.empty((n_time, n_geo))
    for t in range(n_time):
        for g in range(n_geo):
            e[t, g] = seen[t, g] * (y[t, g] - media[t, g])
    q = products(e, weight, left, z, own, shared)
    lower = cholesky(precision(sigma, left, z, gram, n_own))
    covariance = inverse(lower)
    n = q.shape[0]
    a, log_p = np.empty(n), 0.0
    for i in range(n):
        a[i] = inner_product(covariance[i], q)
        log_p -= math.log(lower[i, i]) + 0.5 * a[i] * a[i]
    subtract(e, own, shared, a)

    d_sigma, d_omega = np.zeros(n_geo), 0.0
    moved, along = np.zeros(n), np.zeros(n_geo)
    for t in range(n_time):
        # 1 + omega^2 sum w, the period's residual, and the variance that coefficients bring into its effect
        total = weight[t].sum()
        inner = 1.0 + o2 * total
        effect = inner_product(weight[t], e[t]) / inner
        crossed = 0.0
        along[:] = 0.0
        if omega > 0.0:
            for i in range(n):
                moved[i] = inner_product(covariance[i], z[t])
            crossed = inner_product(z[t], moved)
            for i in range(n_own):
                for g in range(n_geo):
                    along[g] += own[i, t, g] * moved[i * n_geo + g]
            for j in range(n_shared):
                add_multiple(along, moved[n_own * n_geo + j], shared[j, t])
        log_p -= 0.5 * (math.log(inner) + o2 * effect * effect)
        d_omega += effect * effect - total / inner + crossed / (inner * inner)
        for g in range(n_geo):
            e[t, g] -= seen[t, g] * o2 * effect
            d_sigma[g] += seen[t, g] * left[t] * (1.0 + left[t] * crossed - 2.0 * along[g])
            d_sigma[g] += e[t, g] * e[t, g]
    for g in range(n_geo):
        v, count, square = 1.0 / (sigma[g] * sigma[g]), 0.0, 0.0
        for t in range(n_time):
            count += seen[t, g]
            square += e[t, g] * e[t, g]
            e[t, g] *= weight[t, g]
        log_p -= 0.5 * (count * (_LOG_2PI - math.log(v)) + v * square)
        d_sigma[g] = ((d_sigma[g] + _spread(covariance, gram, n_own, g)) * v - count) / sigma[g]
    return log_p, e, d_sigma, omega * d_omega
