"""Adstock, Hill saturation and the media term of one parameter value, with derivatives to the parameters."""

import numpy as np

from bayesmmm.kernels.compile import jit
from bayesmmm.kernels.hill import TINY, hill_curve


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
        decayed(x, retention, carry_in, out)
        return
    cut_adstock(x, x[:0], retention, max_lag, out)


@jit
def cut_adstock(x, before, retention, max_lag, out):
    """`adstock` that is cut, of a series with known inputs ``before`` it."""
    weight, _ = lag_weights(retention, max_lag)
    known = before.shape[0]
    for t in range(x.shape[0]):
        total = 0.0
        for lag in range(min(t, max_lag) + 1):
            total += weight[lag] * x[t - lag]
        for lag in range(t + 1, min(t + known, max_lag) + 1):
            total += weight[lag] * before[known + t - lag]
        out[t] = total


@jit
def decayed(x, retention, carry_in, out):
    """`adstock` that is not cut: of as many periods as ``x`` has."""
    a = carry_in
    keep = 1.0 - retention
    for t in range(x.shape[0]):
        a = keep * x[t] + retention * a
        out[t] = a


@jit
def lag_weights(retention, max_lag):
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
            out[t] = da / before if before > TINY else 0.0
        return
    _, d_weight = lag_weights(retention, max_lag)
    for t in range(x.shape[0]):
        da = 0.0
        for lag in range(min(t, max_lag) + 1):
            da += d_weight[lag] * x[t - lag]
        out[t] = da / a[t] if a[t] > TINY else 0.0


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
            hill_curve(a, half_saturation[c], slope[c], log_ratio[g, c], share[g, c])
            total = share[g, c].sum()
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
