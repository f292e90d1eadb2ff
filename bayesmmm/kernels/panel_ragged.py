"""Log density of a panel whose geos start late or end early, and share one sigma, with its gradient.

As `bayesmmm.kernels.panel_weighted.collapsed_weighted`, in far fewer steps where there are many geos and periods: the
products of two geos' columns under period effects are sums over the periods that both have, which are differences of
running sums. Arrays have the geos last, (date, geo).
"""

import math

import numpy as np

from bayesmmm.kernels.compile import inner_product, jit
from bayesmmm.kernels.likelihood import add_multiple
from bayesmmm.kernels.panel import cholesky, inverse

_LOG_2PI = math.log(2.0 * math.pi)


@jit
def effect_variance(sigma, omega, count):
    """Variances (T,) of period effects given the rest, of periods in which so many geos are observed (T,)."""
    out = np.empty(count.shape[0])
    for t in range(count.shape[0]):
        out[t] = omega * omega / (1.0 + omega * omega * count[t] / (sigma * sigma))
    return out


@jit
def _running(weight, own, by_period):
    """Running sums of ``weight`` times products of columns: (I, I, T + 1), (I, p, T + 1), and in all (p, p)."""
    n_own, n_time = own.shape
    p = by_period.shape[0]
    squares, crossed, whole = (
        np.zeros((n_own, n_own, n_time + 1)),
        np.zeros((n_own, p, n_time + 1)),
        np.zeros((p, p)),
    )
    weighed = np.empty(n_time)
    for i in range(n_own):
        for t in range(n_time):
            weighed[t] = weight[t] * own[i, t]
        for j in range(n_own):
            for t in range(n_time):
                squares[i, j, t + 1] = squares[i, j, t] + weighed[t] * own[j, t]
        for j in range(p):
            for t in range(n_time):
                crossed[i, j, t + 1] = crossed[i, j, t] + weighed[t] * by_period[j, t]
    for i in range(p):
        for t in range(n_time):
            weighed[t] = weight[t] * by_period[i, t]
        for j in range(i + 1):
            whole[i, j] = whole[j, i] = inner_product(weighed, by_period[j])
    return squares, crossed, whole


@jit
def _row(g, i, start, stop, squares, crossed, out):
    """Write row (i, g) of ``sum_t weight x_t x_t'`` over the columns of geos up to its own."""
    n_geo, first, last = start.shape[0], int(start[g]), int(stop[g])
    for j in range(i + 1):
        for h in range(n_geo if j < i else g + 1):
            a, b = max(first, int(start[h])), min(last, int(stop[h]))
            out[j * n_geo + h] = squares[i, j, b] - squares[i, j, a] if b > a else 0.0


@jit
def precision(sigma, left, start, stop, own, by_period, gram):
    """Precision (n, n) of all coefficients with period effects integrated out: its lower triangle.

    ``H = I + sum_g G_g / sigma^2 - sum_t c_t x_t x_t' / sigma^4``: `left` is c, x_t the sums of all columns over the
    geos of a period. Columns are those of geos, those of one kind side by side, then shared ones.
    """
    n_geo, n_own, p = start.shape[0], own.shape[0], by_period.shape[0]
    first, v = n_own * n_geo, 1.0 / (sigma * sigma)
    n = first + p
    squares, crossed, whole = _running(left * v * v, own, by_period)
    out, row = np.zeros((n, n)), np.zeros(n)
    for i in range(n_own):
        for g in range(n_geo):
            at = i * n_geo + g
            _row(g, i, start, stop, squares, crossed, row)
            for k in range(at + 1):
                out[at, k] = -row[k]
            for j in range(i + 1):
                out[at, j * n_geo + g] += v * gram[g, i, j]
            out[at, at] += 1.0
    for k in range(p):
        at = first + k
        for i in range(n_own):
            for g in range(n_geo):
                moved = crossed[i, k, int(stop[g])] - crossed[i, k, int(start[g])]
                out[at, i * n_geo + g] = v * gram[g, n_own + k, i] - moved
        for m in range(k + 1):
            out[at, first + m] = -whole[k, m]
            for g in range(n_geo):
                out[at, first + m] += v * gram[g, n_own + k, n_own + m]
        out[at, at] += 1.0
    return out


@jit
def _trace(covariance, weight, start, stop, own, by_period):
    """``sum_t weight_t x_t' C x_t``: what coefficients of this covariance bring into the effects of periods."""
    n_geo, n_own, p = start.shape[0], own.shape[0], by_period.shape[0]
    first, out = n_own * n_geo, 0.0
    squares, crossed, whole = _running(weight, own, by_period)
    row = np.zeros(covariance.shape[0])
    for i in range(n_own):
        for g in range(n_geo):
            at = i * n_geo + g
            _row(g, i, start, stop, squares, crossed, row)
            out += 2.0 * inner_product(row[:at], covariance[at, :at]) + row[at] * covariance[at, at]
            for k in range(p):
                moved = crossed[i, k, int(stop[g])] - crossed[i, k, int(start[g])]
                out += 2.0 * covariance[at, first + k] * moved
    for k in range(p):
        out += inner_product(covariance[first + k, first:], whole[k])
    return out


@jit
def products(r, total, sigma, left, start, stop, own, calendar, wide, by_period):
    """Inner products (n,) of all columns with ``S0^-1 r``, of residuals (T, G) with the sums ``total`` over geos."""
    n_time, n_geo = r.shape
    n_own, n_calendar = own.shape[0], calendar.shape[0]
    first, v = n_own * n_geo, 1.0 / (sigma * sigma)
    out, running = np.zeros(first + by_period.shape[0]), np.zeros(n_time + 1)
    for t in range(n_time):
        for i in range(n_own):
            add_multiple(out[i * n_geo : (i + 1) * n_geo], v * own[i, t], r[t])
    moved = left * total * (v * v)  # what period effects take from the sums of a period
    for i in range(n_own):
        for t in range(n_time):
            running[t + 1] = running[t] + own[i, t] * moved[t]
        for g in range(n_geo):
            out[i * n_geo + g] -= running[int(stop[g])] - running[int(start[g])]
    for k in range(by_period.shape[0]):
        if k < n_calendar:
            out[first + k] = v * inner_product(calendar[k], total)
        else:
            out[first + k] = v * inner_product(wide[k - n_calendar].ravel(), r.ravel())
        out[first + k] -= inner_product(by_period[k], moved)
    return out


@jit
def subtract(e, seen, own, calendar, wide, coefficient):
    """Take the columns times their coefficients (n,) from residuals (T, G), which are zero where nothing is seen."""
    n_time, n_geo = e.shape
    n_own, n_calendar = own.shape[0], calendar.shape[0]
    first, line = n_own * n_geo, np.empty(n_geo)
    for t in range(n_time):
        level = 0.0
        for k in range(n_calendar):
            level += calendar[k, t] * coefficient[first + k]
        line[:] = level
        for i in range(n_own):
            add_multiple(line, own[i, t], coefficient[i * n_geo : (i + 1) * n_geo])
        for g in range(n_geo):
            e[t, g] -= seen[t, g] * line[g]
    for j in range(wide.shape[0]):
        add_multiple(e.ravel(), -coefficient[first + n_calendar + j], wide[j].ravel())


@jit
def by_period_of(values):
    """Sums over geos (T,) of (T, G)."""
    out, ones = np.empty(values.shape[0]), np.ones(values.shape[1])
    for t in range(values.shape[0]):
        out[t] = inner_product(ones, values[t])
    return out


@jit
def collapsed_ragged(y, media, sigma, omega, seen, start, stop, count, own, calendar, wide, by_period, gram):
    """Log density of the observed cells with coefficients and period effects integrated out, and its gradient.

    The equation is that of `collapsed_weighted` with one sigma. With the number N_t of geos in a period, the sums x_t of
    all columns over them, ``c`` of `effect_variance` and H of `precision`::

        q = X' r / sigma^2 - sum_t c_t x_t sum_g r_tg / sigma^4        a^ = H^-1 q
        u^_t = c_t sum_g (r - X a^)_tg / sigma^2                       e^ = r - X a^ - u^
        log p = -1/2 [sum_t N_t log(2 pi sigma^2) + sum_t log(1 + omega^2 N_t / sigma^2) + log |H|
                      + |e^|^2 / sigma^2 + |u^|^2 / omega^2 + |a^|^2]

    Derivatives to sigma and omega come from the moments of a and u given r, as in `collapsed_panel`: the traces of
    ``H^-1 sum_t f_t x_t x_t'`` for two weights f.

    Parameters
    ----------
    y, media : (T, G) float arrays
        Observed series less the prior mean of their linear part, and the media term.
    sigma, omega : float
    seen : (T, G) float array
        1 for observed cells, 0 for others: those of a geo are ``start <= t < stop``.
    start, stop : (G,) float arrays
    count : (T,) float array
        Number of geos in each period.
    own : (I, T) float array
        Columns with a coefficient for each geo, the same in all geos that are observed, times the prior sd of these.
    calendar : (K, T) float array
        Columns with one coefficient that are the same in all geos, likewise.
    wide : (J, T, G) float array
        Columns with one coefficient that differ between geos, likewise; 0 where nothing is observed.
    by_period : (K + J, T) float array
        Sums of the shared columns over the geos of a period.
    gram : (G, I + K + J, I + K + J) float array
        Products of the columns of each geo.

    Returns
    -------
    log_density : float
    d_media : (T, G) float array
    d_sigma, d_omega : float
    """
    n_time, n_geo = y.shape
    n_own, p, v, o2 = own.shape[0], by_period.shape[0], 1.0 / (sigma * sigma), omega * omega
    left = effect_variance(sigma, omega, count)
    e = np.empty((n_time, n_geo))
    for t in range(n_time):
        for g in range(n_geo):
            e[t, g] = seen[t, g] * (y[t, g] - media[t, g])
    q = products(e, by_period_of(e), sigma, left, start, stop, own, calendar, wide, by_period)
    lower = cholesky(precision(sigma, left, start, stop, own, by_period, gram))
    covariance = inverse(lower)
    n = q.shape[0]
    a, log_p = np.empty(n), 0.0
    for i in range(n):
        a[i] = inner_product(covariance[i], q)
        log_p -= math.log(lower[i, i]) + 0.5 * a[i] * a[i]
    subtract(e, seen, own, calendar, wide, a)

    total, squares, cells, d_sigma, d_omega = by_period_of(e), 0.0, 0.0, 0.0, 0.0
    for t in range(n_time):
        # 1 + omega^2 N / sigma^2, and the period's effect over omega^2
        inner = 1.0 + o2 * count[t] * v
        effect = v * total[t] / inner
        log_p -= 0.5 * (math.log(inner) + o2 * effect * effect)
        d_omega += effect * effect - count[t] * v / inner
        d_sigma += count[t] * left[t]
        cells += count[t]
        for g in range(n_geo):
            e[t, g] -= seen[t, g] * o2 * effect
        squares += inner_product(e[t], e[t])
        for g in range(n_geo):
            e[t, g] *= v
    if omega > 0.0:
        inner = 1.0 + o2 * count * v
        d_omega += _trace(covariance, v * v / (inner * inner), start, stop, own, by_period)
        moved = v * v * (count * left * left - 2.0 * left * sigma * sigma)
        d_sigma += _trace(covariance, moved, start, stop, own, by_period)
    d_sigma += squares + _spread(covariance, gram, n_own, p)
    log_p -= 0.5 * (cells * (_LOG_2PI - math.log(v)) + v * squares)
    return log_p, e, (d_sigma * v - cells) / sigma, omega * d_omega


@jit
def _spread(covariance, gram, n_own, p):
    """Sum over all cells of the variance of their linear parts, from products of the columns of each geo."""
    n_geo, out = gram.shape[0], 0.0
    first = n_own * n_geo
    for g in range(n_geo):
        for i in range(n_own + p):
            row = i * n_geo + g if i < n_own else first + i - n_own
            for j in range(n_own + p):
                out += covariance[row, j * n_geo + g if j < n_own else first + j - n_own] * gram[g, i, j]
    return out
