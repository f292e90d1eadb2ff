"""Media terms of a panel, and its log density with coefficients and period effects integrated out, with gradients.

Arrays have the geos last, (date, geo): what is done for one geo is done for all of them side by side.
"""

import math

import numpy as np

from bayesmmm.kernels.adstock import D_KEPT, D_LATER, FIRST, KEPT, LATER, PASSED, day_table, lag_weights
from bayesmmm.kernels.compile import inner_product, jit
from bayesmmm.kernels.hill import TINY, hill_curve
from bayesmmm.kernels.likelihood import add_multiple

_LOG_2PI = math.log(2.0 * math.pi)


# ------------------------------------------------------------------------------------------------------------ media
@jit
def panel_media(x, days, retention, half_saturation, slope, contribution, max_lag, first, count):
    """`bayesmmm.kernels.media.media_basis` of a panel, with geos last.

    Parameters
    ----------
    x : (C, T, G) float array
        Spend over the fitted periods, in multiples of its mean positive value.
    days : (C, 1), (C, T) or (C, T + max_lag) float array
        Lengths of the periods, as in `bayesmmm.kernels.adstock`.
    retention, half_saturation, slope : (C,) float arrays
    contribution : (G, C) float array
        Mean contribution over the fitted periods.
    max_lag : int
        Greatest lag kept, or -1 for no truncation.
    first, count : (G,) float arrays
        First period of each geo, and how many it has from there: contributions are means over these, and there is no
        response in others.

    Returns
    -------
    media : (T, G) float array
    share, log_ratio, log_decay : (C, T, G) float arrays
        For `panel_media_vjp`.
    """
    n_channel, n_time, n_geo = x.shape
    media = np.zeros((n_time, n_geo))
    share, log_ratio, log_decay = np.empty(x.shape), np.empty(x.shape), np.empty(x.shape)
    a = np.empty((n_time, n_geo))
    for c in range(n_channel):
        if max_lag < 0:
            _adstock(x[c], days[c], retention[c], a, log_decay[c])
        else:
            _cut_adstock(x[c], days[c], retention[c], max_lag, a, log_decay[c])
        hill_curve(a.ravel(), half_saturation[c], slope[c], log_ratio[c].ravel(), share[c].ravel())
        for g in range(n_geo):
            share[c, : int(first[g]), g] = 0.0
            share[c, int(first[g] + count[g]) :, g] = 0.0
        amplitude = _amplitude(_sums(share[c]), contribution[:, c], count)
        for t in range(n_time):
            for g in range(n_geo):
                media[t, g] += amplitude[g] * share[c, t, g]
    return media, share, log_ratio, log_decay


@jit
def _adstock(x, days, retention, a, log_decay):
    """Write the adstock (T, G) of each geo and d log a / d retention, 0 where there is no adstock."""
    if days[0] > 1.0:
        _by_day(x, days, retention, a, log_decay)
        _divide(log_decay.ravel(), a.ravel())
        return
    keep, n_geo = 1.0 - retention, x.shape[1]
    for g in range(n_geo):
        a[0, g] = keep * x[0, g]
        log_decay[0, g] = -x[0, g]
    for t in range(1, x.shape[0]):
        for g in range(n_geo):
            a[t, g] = keep * x[t, g] + retention * a[t - 1, g]
            log_decay[t, g] = a[t - 1, g] - x[t, g] + retention * log_decay[t - 1, g]
    _divide(log_decay.ravel(), a.ravel())


@jit
def _by_day(x, days, retention, a, slope):
    """`bayesmmm.kernels.adstock.adstock_and_slope` by the day, of each geo, nothing carried in."""
    p, d_p = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    table = day_table(retention, days)
    for t in range(x.shape[0]):
        j = int(days[0] if days.shape[0] == 1 else days[t])
        first, later, kept, passed = table[j, FIRST], table[j, LATER], table[j, KEPT], table[j, PASSED]
        d_later, d_kept = table[j, D_LATER], table[j, D_KEPT]
        for g in range(x.shape[1]):
            above = p[g] - x[t, g] / j
            a[t, g] = first * x[t, g] + later * p[g]
            slope[t, g] = d_later * above + later * d_p[g]
            d_p[g] = d_kept * above + kept * d_p[g]
            p[g] = passed * x[t, g] + kept * p[g]


@jit
def _cut_adstock(x, days, retention, max_lag, a, log_decay):
    """`_adstock` with weights that are cut after a lag and add up to one."""
    weight, d_weight, step = lag_weights(days, retention, max_lag, x.shape[0])
    a[:] = 0.0
    log_decay[:] = 0.0
    for t in range(x.shape[0]):
        for lag in range(min(t, max_lag) + 1):
            add_multiple(a[t], weight[step * (t - lag), lag], x[t - lag])
            add_multiple(log_decay[t], d_weight[step * (t - lag), lag], x[t - lag])
    _divide(log_decay.ravel(), a.ravel())


@jit
def _divide(derivative, a):
    for i in range(a.shape[0]):
        derivative[i] = derivative[i] / a[i] if a[i] > TINY else 0.0


@jit
def _sums(values):
    """Sums over periods (G,) of (T, G)."""
    out = np.zeros(values.shape[1])
    for t in range(values.shape[0]):
        add_multiple(out, 1.0, values[t])
    return out


@jit
def _amplitude(total, contribution, count):
    """Amplitude (G,) that gives each geo its mean contribution; 0 where a channel is silent."""
    out = np.zeros(total.shape[0])
    for g in range(total.shape[0]):
        if total[g] > 0.0:
            out[g] = contribution[g] * count[g] / total[g]
    return out


@jit
def panel_media_vjp(share, log_ratio, log_decay, half_saturation, slope, contribution, cotangent, count):
    """Vector-Jacobian product of `panel_media` with respect to its parameters.

    Parameters
    ----------
    share, log_ratio, log_decay : (C, T, G) float arrays
    half_saturation, slope : (C,) float arrays
    contribution : (G, C) float array
    cotangent : (T, G) float array
        Derivative of the final scalar with respect to ``media``.
    count : (G,) float array
        As in `panel_media`.

    Returns
    -------
    retention, half_saturation, slope : (C,) float arrays
    contribution : (G, C) float array
    """
    n_channel, n_time, n_geo = share.shape
    d_retention, d_half, d_slope = np.zeros(n_channel), np.zeros(n_channel), np.zeros(n_channel)
    d_contribution = np.zeros((n_geo, n_channel))
    mean, by_half, by_slope, by_decay = np.empty(n_geo), np.empty(n_geo), np.empty(n_geo), np.empty(n_geo)
    for c in range(n_channel):
        p, z, u = share[c], log_ratio[c], log_decay[c]
        total = _sums(p)
        along = np.zeros(n_geo)
        for t in range(n_time):
            for g in range(n_geo):
                along[g] += cotangent[t, g] * p[t, g]
        for g in range(n_geo):
            mean[g] = along[g] / total[g] if total[g] > 0.0 else 0.0
            by_half[g] = by_slope[g] = by_decay[g] = 0.0
            d_contribution[g, c] = mean[g] * count[g]
        # A response moves its own mean, too, which amplitudes are divided by.
        for t in range(n_time):
            for g in range(n_geo):
                w = (cotangent[t, g] - mean[g]) * p[t, g] * (1.0 - p[t, g])
                by_half[g] += w
                by_slope[g] += w * z[t, g]
                by_decay[g] += w * u[t, g]
        amplitude = _amplitude(total, contribution[:, c], count)
        for g in range(n_geo):
            d_half[c] -= amplitude[g] * by_half[g] * slope[c] / half_saturation[c]
            d_slope[c] += amplitude[g] * by_slope[g]
            d_retention[c] += amplitude[g] * by_decay[g] * slope[c]
    return d_retention, d_half, d_slope, d_contribution


# ----------------------------------------------------------------------------------------------------- small matrices
@jit
def cholesky(matrix):
    """Lower triangle L (n, n) of a positive definite matrix, ``L L' = matrix``, of which the lower triangle is read."""
    n = matrix.shape[0]
    out, column = np.zeros((n, n)), np.empty(n)
    for i in range(n):
        out[i, : i + 1] = matrix[i, : i + 1]
    # Column after column leaves all rows below it, each of which is one run of numbers.
    for k in range(n):
        out[k, k] = math.sqrt(out[k, k])
        for i in range(k + 1, n):
            out[i, k] /= out[k, k]
            column[i] = out[i, k]
            for j in range(k + 1, i + 1):
                out[i, j] -= column[i] * column[j]
    return out


@jit
def inverse(lower):
    """Inverse (n, n) of a matrix from its Cholesky factor."""
    n = lower.shape[0]
    half = np.zeros((n, n))  # inverse of the factor
    for i in range(n):
        for k in range(i):
            add_multiple(half[i, : k + 1], lower[i, k], half[k, : k + 1])
        for j in range(i):
            half[i, j] = -half[i, j] / lower[i, i]
        half[i, i] = 1.0 / lower[i, i]
    out = np.zeros((n, n))
    for k in range(n):
        for i in range(k + 1):
            add_multiple(out[i, : i + 1], half[k, i], half[k, : i + 1])
    for i in range(n):
        for j in range(i):
            out[j, i] = out[i, j]
    return out


# ------------------------------------------------------------------------------------------------------- the linear part
@jit
def contrasts(r, own):
    """Inner products (I, G) of columns (I, T) with each geo of r (T, G), less their means over the geos."""
    n_geo = r.shape[1]
    out = np.zeros((own.shape[0], n_geo))
    for i in range(own.shape[0]):
        for t in range(r.shape[0]):
            add_multiple(out[i], own[i, t], r[t])
        mean = out[i].sum() / n_geo
        for g in range(n_geo):
            out[i, g] -= mean
    return out


@jit
def by_period(r):
    """Sums over geos (T,) of r (T, G)."""
    out = np.empty(r.shape[0])
    for t in range(r.shape[0]):
        s = 0.0
        for g in range(r.shape[1]):
            s += r[t, g]
        out[t] = s
    return out


@jit
def projections(r, total, calendar, wide):
    """Inner products (p,) of columns of the calendar (K, T) and wide ones (J, T, G) with r, whose sums are `total`."""
    n_calendar = calendar.shape[0]
    out = np.empty(n_calendar + wide.shape[0])
    for k in range(n_calendar):
        out[k] = inner_product(calendar[k], total)
    for j in range(wide.shape[0]):
        out[n_calendar + j] = inner_product(wide[j].ravel(), r.ravel())
    return out


@jit
def shared_products(r, total, free, w, s2, calendar, wide, wide_by_period, norm, between):
    """Products (p,) of shared columns with ``sigma^2 S0^-1 r``, less those with what contrasts between geos take from r.

    `total` are the sums of r by period, `free` its `contrasts`; the others are arguments of `collapsed_panel`.
    """
    out, n_calendar = projections(r, total, calendar, wide), calendar.shape[0]
    for k in range(n_calendar):
        out[k] *= 1.0 - w * r.shape[1]
    for j in range(wide.shape[0]):
        out[n_calendar + j] -= w * inner_product(wide_by_period[j], total)
        for i in range(norm.shape[0]):
            out[n_calendar + j] -= inner_product(between[i, j], free[i]) / (s2 + norm[i])
    return out


@jit
def subtract_columns(r, own, calendar, wide, by_geo, shared):
    """Take the columns times their coefficients, (I, G) and (p,), from r (T, G)."""
    n_time, n_geo, n_calendar = r.shape[0], r.shape[1], calendar.shape[0]
    for t in range(n_time):
        level = 0.0
        for k in range(n_calendar):
            level += shared[k] * calendar[k, t]
        for g in range(n_geo):
            r[t, g] -= level
        for i in range(own.shape[0]):
            add_multiple(r[t], -own[i, t], by_geo[i])
    for j in range(wide.shape[0]):
        add_multiple(r.ravel(), -shared[n_calendar + j], wide[j].ravel())


@jit
def posterior_precision(sigma, omega, n_geo, norm, gram, gram_by_period, cross):
    """Precision (p, p) of the shared coefficients, with period effects and contrasts between geos integrated out.

    Arguments are those of `collapsed_panel`. The weight of a period's mean is ``w = omega^2 / (G omega^2 + sigma^2)``,
    the precision of a contrast ``1 + norm / sigma^2``.
    """
    s2, o2, p, n_wide = sigma * sigma, omega * omega, gram.shape[0], cross.shape[1]
    w = o2 / (n_geo * o2 + s2)
    out = np.empty((p, p))
    for i in range(p):
        for j in range(p):
            out[i, j] = (gram[i, j] - w * gram_by_period[i, j]) / s2
        out[i, i] += 1.0
    first = p - n_wide
    for i in range(norm.shape[0]):
        factor = 1.0 / (s2 * (s2 + norm[i]))
        for j in range(n_wide):
            for k in range(n_wide):
                out[first + j, first + k] -= factor * cross[i, j, k]
    return out


@jit
def collapsed_panel(
    y, media, sigma, omega, own, calendar, wide, wide_by_period, norm, gram, gram_by_period, between, cross
):
    """Log density of ``y`` with coefficients and period effects integrated out, and its gradient.

    ``y_tg = media_tg + X_tg a + u_t + e_tg`` with ``a ~ Normal(0, 1)`` (columns X hold the prior sd), ``u ~ Normal(0,
    omega)``, ``e ~ Normal(0, sigma)``. Coefficients of geos are divided into their mean, whose column is one of the
    calendar, and contrasts between geos. With D the matrix that repeats a value of a period for all geos::

        w = omega^2 / (G omega^2 + sigma^2)       S0^-1 = (I - w D D') / sigma^2
        H = I + X' S0^-1 X        a^ = H^-1 X' S0^-1 r        u^_t = w sum_g (r - X a^)_tg
        log p = -1/2 [N log 2 pi sigma^2 + T log(1 + G omega^2 / sigma^2) + log |H|
                      + |e^|^2 / sigma^2 + |u^|^2 / omega^2 + |a^|^2]

    H is diagonal for contrasts, which meet neither period effects nor the calendar: what is left is p x p for any number
    of geos. The derivative to ``media`` is e^ / sigma^2, with e^ = r - X a^ - D u^. Those to sigma and omega come from
    the moments of a and u given r: nothing cancels as omega goes to zero.

    Parameters
    ----------
    y, media : (T, G) float arrays
        Observed series less the prior mean of their linear part, and the media term.
    sigma, omega : float
        ``omega = 0`` for a panel without period effects.
    own : (I, T) float array
        Orthogonal columns with a coefficient for each geo, of which the contrasts are here.
    calendar : (K, T) float array
        Columns that are the same in all geos, among them those of the means over geos.
    wide : (J, T, G) float array
        Columns that differ from geo to geo and have one coefficient.
    wide_by_period : (J, T) float array
        Their sums over geos.
    norm : (I,) float array
        Squared norms of ``own``.
    gram, gram_by_period : (p, p) float arrays
        ``X'X`` and ``X'D D'X`` of calendar and wide columns, p = K + J.
    between : (I, J, G) float array
        `contrasts` of the wide columns.
    cross : (I, J, J) float array
        Products of ``between`` with itself, summed over geos.

    Returns
    -------
    log_density : float
    d_media : (T, G) float array
    d_sigma, d_omega : float
    """
    n_time, n_geo = y.shape
    size, p, n_calendar, n_wide = n_geo * n_time, gram.shape[0], calendar.shape[0], wide.shape[0]
    s2, o2 = sigma * sigma, omega * omega
    spread = n_geo * o2 + s2
    w = o2 / spread
    e = y.copy()
    add_multiple(e.ravel(), -1.0, media.ravel())

    # Shared coefficients: products with S0^-1 r, then with the part of r that contrasts take away.
    total = by_period(e)
    free = contrasts(e, own)
    q = shared_products(e, total, free, w, s2, calendar, wide, wide_by_period, norm, between)
    lower = cholesky(posterior_precision(sigma, omega, n_geo, norm, gram, gram_by_period, cross))
    covariance = inverse(lower)
    shared = np.empty(p)
    log_p = -0.5 * (size * (_LOG_2PI + math.log(s2)) + n_time * math.log1p(n_geo * o2 / s2))
    trace = crossed = 0.0
    for i in range(p):
        shared[i] = inner_product(covariance[i], q) / s2
        log_p -= math.log(lower[i, i]) + 0.5 * shared[i] * shared[i]
        trace += covariance[i, i]
        crossed += inner_product(covariance[i], gram_by_period[i])

    # Contrasts given them.
    for i in range(norm.shape[0]):
        log_p -= 0.5 * (n_geo - 1) * math.log1p(norm[i] / s2)
        trace += (n_geo - 1) * s2 / (s2 + norm[i])
        for j in range(n_wide):
            add_multiple(free[i], -shared[n_calendar + j], between[i, j])
            for k in range(n_wide):
                moved = covariance[n_calendar + j, n_calendar + k] * cross[i, j, k]
                trace += moved / ((s2 + norm[i]) * (s2 + norm[i]))
        for g in range(n_geo):
            free[i, g] /= s2 + norm[i]
        log_p -= 0.5 * inner_product(free[i], free[i])

    subtract_columns(e, own, calendar, wide, free, shared)
    total = by_period(e)
    squares = inner_product(total, total) / (spread * spread)  # |u^|^2 / omega^4
    rest = 0.0
    for t in range(n_time):
        effect = w * total[t]
        for g in range(n_geo):
            e[t, g] -= effect
        rest += inner_product(e[t], e[t])
    log_p -= 0.5 * (rest / s2 + o2 * squares)
    # Expected squares of residuals and effects given r; `left` is the trace of the covariance of u over omega^2.
    left = n_time * s2 / spread + o2 * crossed / (spread * spread)
    freedom = p + norm.shape[0] * (n_geo - 1) - trace + (n_time - left if omega > 0.0 else 0.0)
    d_sigma = (rest / s2 + freedom - size) / sigma
    d_omega = omega * (squares - n_time * n_geo / spread + crossed / (spread * spread))
    for t in range(n_time):
        for g in range(n_geo):
            e[t, g] /= s2
    return log_p, e, d_sigma, d_omega
