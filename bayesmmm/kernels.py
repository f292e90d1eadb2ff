"""Numerical kernels: media response, its adjoints, and the likelihoods with their gradients.

This is the one place in which the equations of the package are computed. The PyTensor graph, the simulator,
the counterfactual engine and the optimiser all call these functions. They know arrays only: no labels, no
units, no priors. Time is always the last axis; ``geo`` is 1 for a national series.

Definitions, for one geo and one channel::

    a_t     = (1 - retention) * x_t + retention * a_{t-1}          adstock, weights sum to one
    hill(a) = a**slope / (half_saturation**slope + a**slope)        0 where a <= 0, computed in logs
    A       = contribution / mean_t hill(a_t)                       amplitude, mean over the fitted periods
    media   = sum over channels of A * hill(a_t)

All functions are compiled by numba, kept on disk between processes, and release the global lock.
"""

import math

import numba as nb
import numpy as np

__all__ = [
    "SPEND_FLOOR",
    "adstock",
    "amplitudes",
    "censored_normal",
    "collapsed_normal",
    "hill",
    "linear_predictor",
    "media_basis",
    "media_basis_vjp",
    "media_response",
    "normal",
    "response_spend_vjp",
    "student_t",
]

#: Adstock, in multiples of mean spend, at which the infinite slope of a concave Hill curve (slope < 1) at zero
#: spend is evaluated instead, so that a channel at zero has a finite derivative and can be funded.
SPEND_FLOOR = 1e-6

# Adstock below this counts as none at all: far beneath any spend, far above the smallest double.
_TINY = 1e-250
_LOG_2PI = math.log(2.0 * math.pi)

# Reassociation lets sums be vectorised; NaN and infinity keep their meaning.
_FAST = {"reassoc", "contract"}  # noqa: RUF012
_jit = nb.njit(cache=True, nogil=True, error_model="numpy")
_jit_sum = nb.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)


# ------------------------------------------------------------------------------------------- media response
@_jit
def adstock(x, retention, carry_in, max_lag, out):
    """Geometric adstock of one series, written into ``out``.

    ``a_t = (1 - r) x_t + r a_{t-1}`` with ``a_{-1} = carry_in``; with ``max_lag = L >= 0`` the weights
    ``r**l, l = 0..L`` are cut there and renormalised to sum to one (``carry_in`` is then not used, and spend
    before the first period counts as zero). ``max_lag = -1`` means no truncation.

    Parameters
    ----------
    x : (T,) float array
        Spend in any unit.
    retention : float
        ``r``, share kept into the next period, 0 <= r < 1.
    carry_in : float
        Adstock before the first period, in the unit of ``x``.
    max_lag : int
        Greatest lag kept, or -1.
    out : (T,) float array
        Receives the adstock.
    """
    if max_lag < 0:
        a = carry_in
        keep = 1.0 - retention
        for t in range(x.shape[0]):
            a = keep * x[t] + retention * a
            out[t] = a
        return
    weight, _ = _lag_weights(retention, max_lag)
    for t in range(x.shape[0]):
        s = 0.0
        for lag in range(min(t, max_lag) + 1):
            s += weight[lag] * x[t - lag]
        out[t] = s


@_jit
def _lag_weights(retention, max_lag):
    """Truncated adstock weights, which sum to one, and their derivatives with respect to retention."""
    weight = np.empty(max_lag + 1)
    d_weight = np.empty(max_lag + 1)
    total = 0.0
    d_total = 0.0
    power = 1.0
    d_power = 0.0
    for lag in range(max_lag + 1):
        weight[lag] = power
        d_weight[lag] = d_power
        total += power
        d_total += d_power
        d_power = power + retention * d_power
        power *= retention
    for lag in range(max_lag + 1):
        weight[lag] /= total
        d_weight[lag] = (d_weight[lag] - weight[lag] * d_total) / total
    return weight, d_weight


@_jit
def _log_retention_slope(x, retention, carry_in, max_lag, a, out):
    """Write d log(a_t) / d retention into ``out``; 0 where there is no adstock."""
    da = 0.0
    if max_lag < 0:
        before = carry_in
        for t in range(x.shape[0]):
            da = before - x[t] + retention * da
            before = a[t]
            out[t] = da / before if before > _TINY else 0.0
        return
    _, d_weight = _lag_weights(retention, max_lag)
    for t in range(x.shape[0]):
        da = 0.0
        for lag in range(min(t, max_lag) + 1):
            da += d_weight[lag] * x[t - lag]
        out[t] = da / a[t] if a[t] > _TINY else 0.0


@_jit
def hill(a, half_saturation, slope):
    """Hill saturation ``a**n / (k**n + a**n)`` of one number, 0 where ``a <= 0``; computed in logs."""
    if a <= _TINY:
        return 0.0
    return 1.0 / (1.0 + math.exp(-slope * (math.log(a) - math.log(half_saturation))))


@_jit
def media_basis(x, carry_in, retention, half_saturation, slope, contribution, max_lag):
    """Media term of one equation at one parameter value, with what its gradient needs.

    ``media_gt = sum_c contribution_gc * hill(a_gct) / mean_t hill(a_gct)``

    Parameters
    ----------
    x : (G, C, T) float array
        Spend over the fitted periods, in multiples of its mean positive value.
    carry_in : (G, C) float array
        Adstock before the first period, in the same unit.
    retention, half_saturation, slope : (C,) float arrays
        Parameters of each channel, shared by the geos.
    contribution : (G, C) float array
        Mean contribution over the fitted periods.
    max_lag : int
        Greatest lag kept, or -1 for no truncation.

    Returns
    -------
    media : (G, T) float array
        In the unit of ``contribution``.
    share, log_ratio, log_decay : (G, C, T) float arrays
        ``hill``, ``log(a / half_saturation)`` and ``d log a / d retention``, for `media_basis_vjp`.
    """
    n_geo, n_channel, n_time = x.shape
    media = np.zeros((n_geo, n_time))
    share = np.empty((n_geo, n_channel, n_time))
    log_ratio = np.empty((n_geo, n_channel, n_time))
    log_decay = np.empty((n_geo, n_channel, n_time))
    a = np.empty(n_time)
    for g in range(n_geo):
        for c in range(n_channel):
            adstock(x[g, c], retention[c], carry_in[g, c], max_lag, a)
            _log_retention_slope(x[g, c], retention[c], carry_in[g, c], max_lag, a, log_decay[g, c])
            log_half = math.log(half_saturation[c])
            total = 0.0
            for t in range(n_time):
                if a[t] > _TINY:
                    z = math.log(a[t]) - log_half
                    p = 1.0 / (1.0 + math.exp(-slope[c] * z))
                else:
                    z = 0.0
                    p = 0.0
                log_ratio[g, c, t] = z
                share[g, c, t] = p
                total += p
            if total > 0.0:  # a channel that is silent in this geo, or saturates beyond reach, adds nothing
                amplitude = contribution[g, c] * n_time / total
                for t in range(n_time):
                    media[g, t] += amplitude * share[g, c, t]
    return media, share, log_ratio, log_decay


@_jit_sum
def media_basis_vjp(share, log_ratio, log_decay, half_saturation, slope, contribution, cotangent):
    """Vector-Jacobian product of `media_basis` with respect to its parameters.

    Parameters
    ----------
    share, log_ratio, log_decay : (G, C, T) float arrays
        From `media_basis` at the same parameter value.
    half_saturation, slope : (C,) float arrays
    contribution : (G, C) float array
    cotangent : (G, T) float array
        Derivative of the final scalar with respect to ``media``.

    Returns
    -------
    retention, half_saturation, slope : (C,) float arrays
    contribution : (G, C) float array
        Derivatives of the final scalar. Finite for every spend, zero spend included.
    """
    n_geo, n_channel, n_time = share.shape
    d_retention = np.zeros(n_channel)
    d_half = np.zeros(n_channel)
    d_slope = np.zeros(n_channel)
    d_contribution = np.zeros((n_geo, n_channel))
    for g in range(n_geo):
        v = cotangent[g]
        for c in range(n_channel):
            p = share[g, c]
            z = log_ratio[g, c]
            u = log_decay[g, c]
            total = 0.0
            along = 0.0
            for t in range(n_time):
                total += p[t]
                along += v[t] * p[t]
            if total <= 0.0:
                continue
            # media = contribution * p / mean(p): moving p also moves its mean, hence v - along / total.
            mean_v = along / total
            s_ret = 0.0
            s_half = 0.0
            s_slope = 0.0
            for t in range(n_time):
                w = (v[t] - mean_v) * p[t] * (1.0 - p[t])
                s_half += w
                s_slope += w * z[t]
                s_ret += w * u[t]
            d_contribution[g, c] = along * n_time / total
            amplitude = contribution[g, c] * n_time / total
            d_slope[c] += amplitude * s_slope
            d_half[c] -= amplitude * s_half * slope[c] / half_saturation[c]
            d_retention[c] += amplitude * s_ret * slope[c]
    return d_retention, d_half, d_slope, d_contribution


# ------------------------------------------------------------- many draws, frozen amplitudes (for the engine)
@_jit
def amplitudes(x, carry_in, retention, half_saturation, slope, contribution, max_lag):
    """Amplitudes ``A = contribution / mean_t hill(a_t)`` of many draws, over the fitted periods.

    Parameters
    ----------
    x : (G, C, T) float array
        Spend over the fitted periods, in multiples of its mean positive value.
    carry_in : (G, C) float array
    retention, half_saturation, slope : (S, C) float arrays
        One row a draw.
    contribution : (S, G, C) float array
    max_lag : int

    Returns
    -------
    (S, G, C) float array
        In the unit of ``contribution``; 0 for a channel that is silent over all periods of a geo.
    """
    n_draw = retention.shape[0]
    n_geo, n_channel, n_time = x.shape
    out = np.zeros((n_draw, n_geo, n_channel))
    a = np.empty(n_time)
    for s in range(n_draw):
        for g in range(n_geo):
            for c in range(n_channel):
                adstock(x[g, c], retention[s, c], carry_in[g, c], max_lag, a)
                total = 0.0
                for t in range(n_time):
                    total += hill(a[t], half_saturation[s, c], slope[s, c])
                if total > 0.0:
                    out[s, g, c] = contribution[s, g, c] * n_time / total
    return out


@_jit
def media_response(x, carry_in, retention, half_saturation, slope, amplitude, max_lag, by_channel):
    """Media term of many draws with frozen amplitudes, on any spend.

    Parameters
    ----------
    x : (S or 1, G, C, T) float array
        Spend in multiples of the mean positive spend of the fitted periods; one plan for all draws, or one each.
    carry_in : (S or 1, G, C) float array
    retention, half_saturation, slope : (S, C) float arrays
    amplitude : (S, G, C) float array
        From `amplitudes`.
    max_lag : int
    by_channel : bool
        Keep channels apart.

    Returns
    -------
    (S, G, C, T) float array when ``by_channel``, otherwise (S, G, 1, T), summed over channels.
    """
    n_draw = retention.shape[0]
    n_plan, n_geo, n_channel, n_time = x.shape
    out = np.zeros((n_draw, n_geo, n_channel if by_channel else 1, n_time))
    a = np.empty(n_time)
    for s in range(n_draw):
        plan = s if n_plan > 1 else 0
        start = s if carry_in.shape[0] > 1 else 0
        for g in range(n_geo):
            for c in range(n_channel):
                adstock(x[plan, g, c], retention[s, c], carry_in[start, g, c], max_lag, a)
                into = c if by_channel else 0
                for t in range(n_time):
                    out[s, g, into, t] += amplitude[s, g, c] * hill(a[t], half_saturation[s, c], slope[s, c])
    return out


@_jit
def _hill_slope(a, half_saturation, slope):
    """Right-hand derivative of the Hill curve; at zero 0 (n > 1), 1/k (n = 1), or its value at SPEND_FLOOR."""
    if slope < 1.0 and a < SPEND_FLOOR:
        a = SPEND_FLOOR
    if a <= _TINY:
        return 1.0 / half_saturation if slope == 1.0 else 0.0
    p = 1.0 / (1.0 + math.exp(-slope * (math.log(a) - math.log(half_saturation))))
    return p * (1.0 - p) * slope / a


@_jit
def response_spend_vjp(x, carry_in, retention, half_saturation, slope, amplitude, max_lag, cotangent):
    """Vector-Jacobian product of `media_response` with respect to spend.

    Parameters are those of `media_response`; ``cotangent`` (S, G, T) is the derivative of each draw's scalar with
    respect to its media term.

    Returns
    -------
    (S, G, C, T) float array
        Derivative of each draw's scalar with respect to ``x``. At zero adstock it is the right-hand derivative,
        and for ``slope < 1`` the (otherwise infinite) one at `SPEND_FLOOR`.
    """
    n_draw = retention.shape[0]
    n_plan, n_geo, n_channel, n_time = x.shape
    out = np.empty((n_draw, n_geo, n_channel, n_time))
    a = np.empty(n_time)
    for s in range(n_draw):
        plan = s if n_plan > 1 else 0
        start = s if carry_in.shape[0] > 1 else 0
        for g in range(n_geo):
            for c in range(n_channel):
                r = retention[s, c]
                adstock(x[plan, g, c], r, carry_in[start, g, c], max_lag, a)
                for t in range(n_time):
                    a[t] = (
                        amplitude[s, g, c]
                        * cotangent[s, g, t]
                        * _hill_slope(a[t], half_saturation[s, c], slope[s, c])
                    )
                _adstock_transpose(a, r, max_lag, out[s, g, c])
    return out


@_jit
def _adstock_transpose(v, retention, max_lag, out):
    """Transpose of the adstock map: spend of period t reaches t, t + 1, ..."""
    n_time = v.shape[0]
    if max_lag < 0:
        later = 0.0
        for t in range(n_time - 1, -1, -1):
            later = v[t] + retention * later
            out[t] = (1.0 - retention) * later
        return
    weight, _ = _lag_weights(retention, max_lag)
    for t in range(n_time):
        s = 0.0
        for lag in range(min(n_time - 1 - t, max_lag) + 1):
            s += weight[lag] * v[t + lag]
        out[t] = s


# ---------------------------------------------------------------------------------------------- likelihoods
@_jit_sum
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
    e = y - media
    r = e.copy()
    logp = -(n - p) * math.log(sigma) - 0.5 * n * _LOG_2PI
    d_sigma = -(n - p) / sigma
    d_media = np.zeros(n)
    for i in range(p):
        row = basis[i]
        q = 0.0
        for t in range(n):
            q += row[t] * r[t]
        v = s2 + variance[i]
        logp -= 0.5 * (math.log(v) + q * q / v)
        d_sigma += sigma * (q * q / v - 1.0) / v
        w = q / v
        for t in range(n):
            e[t] -= q * row[t]
            d_media[t] += w * row[t]
    rest = 0.0
    for t in range(n):
        rest += e[t] * e[t]
        d_media[t] += e[t] / s2
    logp -= 0.5 * rest / s2
    d_sigma += rest / (s2 * sigma)
    return logp, d_media, d_sigma


@_jit_sum
def linear_predictor(media, design, coefficient):
    """``media + W b`` for media (N,), design (K, N) and coefficient (K,)."""
    mu = media.copy()
    for k in range(coefficient.shape[0]):
        b = coefficient[k]
        row = design[k]
        for t in range(mu.shape[0]):
            mu[t] += b * row[t]
    return mu


@_jit
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


@_jit
def _digamma(x):
    """Derivative of log gamma for x > 0: recurrence up to 6, then the asymptotic series."""
    out = 0.0
    while x < 6.0:
        out -= 1.0 / x
        x += 1.0
    f = 1.0 / (x * x)
    series = f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f * (1 / 132 - f * 691 / 32760)))))
    return out + math.log(x) - 0.5 / x - series


@_jit
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


@_jit
def log_normal_cdf(z):
    """Log of the standard normal distribution function, accurate far into the lower tail."""
    if z > -30.0:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2.0)))
    f = 1.0 / (z * z)
    return -0.5 * z * z - 0.5 * _LOG_2PI - math.log(-z) + math.log1p(-f * (1.0 - f * (3.0 - f * 15.0)))


@_jit
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
