"""Adstock, Hill saturation and the media response, with derivatives to parameters and to spend."""

import math

import numpy as np

from bayesmmm.kernels.compile import jit

#: Adstock, in multiples of mean spend, at which the infinite slope of a concave Hill curve (slope < 1) at zero
#: spend is evaluated instead, so that a channel at zero has a finite derivative and can be funded.
SPEND_FLOOR = 1e-6

# Adstock below this counts as none at all: far beneath any spend, far above the smallest double.
_TINY = 1e-250


@jit
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


@jit
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


@jit
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


@jit
def hill(a, half_saturation, slope):
    """Hill saturation ``a**n / (k**n + a**n)`` of one number, 0 where ``a <= 0``; computed in logs."""
    if a <= _TINY:
        return 0.0
    return 1.0 / (1.0 + math.exp(-slope * (math.log(a) - math.log(half_saturation))))


@jit
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


@jit
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
@jit
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


@jit
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


@jit
def _hill_slope(a, half_saturation, slope):
    """Right-hand derivative of the Hill curve; at zero 0 (n > 1), 1/k (n = 1), or its value at SPEND_FLOOR."""
    if slope < 1.0 and a < SPEND_FLOOR:
        a = SPEND_FLOOR
    if a <= _TINY:
        return 1.0 / half_saturation if slope == 1.0 else 0.0
    p = 1.0 / (1.0 + math.exp(-slope * (math.log(a) - math.log(half_saturation))))
    return p * (1.0 - p) * slope / a


@jit
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


@jit
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
