"""Log density of a panel with every linear coefficient and every period effect integrated out, and its gradient."""

import math

import numpy as np

from bayesmmm.kernels.compile import inner_product, jit
from bayesmmm.kernels.likelihood import add_multiple

_LOG_2PI = math.log(2.0 * math.pi)


@jit
def cholesky(matrix):
    """Lower triangle L (n, n) of a positive definite matrix, ``L L' = matrix``."""
    n = matrix.shape[0]
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            s = matrix[i, j]
            for k in range(j):
                s -= out[i, k] * out[j, k]
            out[i, j] = math.sqrt(s) if i == j else s / out[j, j]
    return out


@jit
def inverse(lower):
    """Inverse (n, n) of a matrix from its Cholesky factor."""
    n = lower.shape[0]
    half = np.zeros((n, n))  # inverse of the factor, row after row
    for i in range(n):
        half[i, i] = 1.0 / lower[i, i]
        for j in range(i):
            s = 0.0
            for k in range(j, i):
                s += lower[i, k] * half[k, j]
            half[i, j] = -s / lower[i, i]
    out = np.empty((n, n))
    for i in range(n):
        for j in range(i + 1):
            s = 0.0
            for k in range(i, n):
                s += half[k, i] * half[k, j]
            out[i, j] = s
            out[j, i] = s
    return out


@jit
def projections(r, own, calendar, wide):
    """Inner products (p,) of every column with r (G, T): per geo, of the calendar, then those that vary over both."""
    n_geo, n_time = r.shape
    n_own, n_calendar, n_wide = own.shape[0], calendar.shape[0], wide.shape[0]
    out = np.empty(n_own * n_geo + n_calendar + n_wide)
    for i in range(n_own):
        for g in range(n_geo):
            out[i * n_geo + g] = inner_product(own[i, g], r[g])
    if n_calendar > 0:
        by_period = np.zeros(n_time)
        for g in range(n_geo):
            add_multiple(by_period, 1.0, r[g])
        for k in range(n_calendar):
            out[n_own * n_geo + k] = inner_product(calendar[k], by_period)
    for k in range(n_wide):
        out[n_own * n_geo + n_calendar + k] = inner_product(wide[k].ravel(), r.ravel())
    return out


@jit
def subtract_columns(r, own, calendar, wide, coefficient):
    """Take the columns times their coefficients (p,) from r (G, T)."""
    n_geo, n_time = r.shape
    n_own, n_calendar, n_wide = own.shape[0], calendar.shape[0], wide.shape[0]
    by_period = np.zeros(n_time)
    for k in range(n_calendar):
        add_multiple(by_period, coefficient[n_own * n_geo + k], calendar[k])
    for g in range(n_geo):
        add_multiple(r[g], -1.0, by_period)
        for i in range(n_own):
            add_multiple(r[g], -coefficient[i * n_geo + g], own[i, g])
    for k in range(n_wide):
        add_multiple(r.ravel(), -coefficient[n_own * n_geo + n_calendar + k], wide[k].ravel())


@jit
def subtract_periods(r, effect):
    """Take one value per period (T,) from r (G, T)."""
    for g in range(r.shape[0]):
        add_multiple(r[g], -1.0, effect)


@jit
def collapsed_panel(y, media, sigma, omega, own, calendar, wide, gram, by_period):
    """Log density of ``y`` with coefficients and period effects integrated out, and its gradient.

    ``y_gt = media_gt + X_gt a + u_t + e_gt`` with ``a ~ Normal(0, 1)`` (columns X hold the prior sd), ``u ~ Normal(0,
    omega)``, ``e ~ Normal(0, sigma)``. With D the matrix that repeats a value per period for the G geos, the covariance
    of ``D u + e`` is inverted in closed form, and X enters by its p x p precision H::

        w = omega^2 / (G omega^2 + sigma^2)       S0^-1 = (I - w D D') / sigma^2
        H = I + (X'X - w X'D D'X) / sigma^2       a^ = H^-1 X' S0^-1 r        u^_t = w sum_g (r - X a^)_gt
        log p = -1/2 [N log 2 pi sigma^2 + T log(1 + G omega^2 / sigma^2) + log |H|
                      + |e^|^2 / sigma^2 + |u^|^2 / omega^2 + |a^|^2]

    The derivative to ``media`` is e^ / sigma^2, with e^ = r - X a^ - D u^. Those to sigma and omega come from the
    moments of a and u given r: nothing cancels as omega goes to zero.

    Parameters
    ----------
    y, media : (G, T) float arrays
        Observed series less the prior mean of their linear part, and the media term.
    sigma, omega : float
        ``omega = 0`` for a panel without period effects.
    own : (I, G, T) float array
        Columns with a coefficient for each geo.
    calendar : (K, T) float array
        Columns that are the same in all geos.
    wide : (J, G, T) float array
        Columns that differ from geo to geo and have one coefficient.
    gram, by_period : (p, p) float arrays
        ``X'X`` and ``X'D D'X``, with p = I G + K + J.

    Returns
    -------
    log_density : float
    d_media : (G, T) float array
    d_sigma, d_omega : float
    """
    n_geo, n_time = y.shape
    size, p = n_geo * n_time, gram.shape[0]
    s2, o2 = sigma * sigma, omega * omega
    spread = n_geo * o2 + s2
    w = o2 / spread
    e = y.copy()
    add_multiple(e.ravel(), -1.0, media.ravel())
    first = e.copy()
    subtract_periods(first, _mean_by_period(first, w))
    q = projections(first, own, calendar, wide)
    precision = np.empty((p, p))
    for i in range(p):
        for j in range(p):
            precision[i, j] = (gram[i, j] - w * by_period[i, j]) / s2
        precision[i, i] += 1.0
        q[i] /= s2
    lower = cholesky(precision)
    covariance = inverse(lower)
    a = np.empty(p)
    log_p = -0.5 * (size * (_LOG_2PI + math.log(s2)) + n_time * math.log1p(n_geo * o2 / s2))
    trace = crossed = 0.0
    for i in range(p):
        a[i] = inner_product(covariance[i], q)
        log_p -= math.log(lower[i, i]) + 0.5 * a[i] * a[i]
        trace += covariance[i, i]
        crossed += inner_product(covariance[i], by_period[i])
    subtract_columns(e, own, calendar, wide, a)
    total = _mean_by_period(e, 1.0)
    squares = inner_product(total, total) / (spread * spread)  # |u^|^2 / omega^4
    effect = np.empty(n_time)
    for t in range(n_time):
        effect[t] = w * total[t]
    subtract_periods(e, effect)
    rest = inner_product(e.ravel(), e.ravel())
    log_p -= 0.5 * (rest / s2 + o2 * squares)
    # Expected squares of residuals and effects given r; `left` is the trace of the covariance of u over omega^2.
    left = n_time * s2 / spread + o2 * crossed / (spread * spread)
    freedom = p - trace + (n_time - left if omega > 0.0 else 0.0)
    d_sigma = (rest / s2 + freedom - size) / sigma
    d_omega = omega * (squares - n_time * n_geo / spread + crossed / (spread * spread))
    for g in range(n_geo):
        for t in range(n_time):
            e[g, t] /= s2
    return log_p, e, d_sigma, d_omega


@jit
def _mean_by_period(r, factor):
    """Sum over geos times a factor (T,)."""
    out = np.zeros(r.shape[1])
    for g in range(r.shape[0]):
        add_multiple(out, factor, r[g])
    return out
