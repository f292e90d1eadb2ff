"""The media term of one parameter value, adstock and Hill saturation, with derivatives to the parameters."""

import numpy as np

from bayesmmm.kernels.adstock import adstock_and_slope
from bayesmmm.kernels.compile import jit
from bayesmmm.kernels.hill import hill_curve


@jit
def media_basis(x, days, carry_in, retention, half_saturation, slope, contribution, max_lag):
    """Media term of one equation at one parameter value, with what its gradient needs.

    ``media_gt = sum_c contribution_gc * hill(a_gct) / mean_t hill(a_gct)``

    Parameters
    ----------
    x : (G, C, T) float array
        Spend over the fitted periods, in multiples of its mean positive value.
    days : (C, 1), (C, T) or (C, T + max_lag) float array
        Lengths of the periods, as in `bayesmmm.kernels.adstock`.
    carry_in : (G, C) float array
        Pressure before the first period, in the unit of ``x``.
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
            adstock_and_slope(x[g, c], days[c], retention[c], carry_in[g, c], max_lag, a, log_decay[g, c])
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
