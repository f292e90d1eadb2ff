"""The media response of many draws on frozen amplitudes, and its derivative to spend: what the engine runs on."""

import math

import numpy as np

from bayesmmm.kernels.compile import jit
from bayesmmm.kernels.hill import TINY, hill_curve
from bayesmmm.kernels.media import adstock, lag_weights

#: Adstock, in multiples of mean spend, at which the slope of a concave Hill curve (slope < 1) is evaluated where there
#: is less, at zero most of all: it is infinite there, and a channel without spend must have a finite derivative.
SPEND_FLOOR = 1e-12


@jit
def amplitudes(response, contribution):
    """Amplitudes ``A = contribution / mean_t hill(a_t)`` of many draws, over the fitted periods.

    Parameters
    ----------
    response : (S, G, C, T) float array
        Media terms of amplitude 1 over the fitted periods, which are multiplied by what is returned.
    contribution : (S, G, C) float array

    Returns
    -------
    (S, G, C) float array
        In the unit of ``contribution``; 0 for a channel that is silent over all periods of a geo.
    """
    n_draw, n_geo, n_channel, n_time = response.shape
    out = np.zeros((n_draw, n_geo, n_channel))
    for s in range(n_draw):
        for g in range(n_geo):
            for c in range(n_channel):
                total = response[s, g, c].sum()
                if total > 0.0:
                    out[s, g, c] = contribution[s, g, c] * n_time / total
                for t in range(n_time):
                    response[s, g, c, t] *= out[s, g, c]
    return out


@jit
def media_response(x, carry_in, retention, half_saturation, slope, amplitude, max_lag):
    """Media terms of many draws with frozen amplitudes, on any spend.

    Parameters
    ----------
    x : (S or 1, G, C, T) float array
        Spend in multiples of the mean positive spend of the fitted periods; one plan for all draws, or one each.
    carry_in : (S or 1, G, C) float array
    retention, half_saturation, slope : (S, C) float arrays
    amplitude : (S, G, C) float array
        From `amplitudes`.
    max_lag : int

    Returns
    -------
    (S, G, C, T) float array
    """
    n_draw = retention.shape[0]
    n_plan, n_geo, n_channel, n_time = x.shape
    out = np.empty((n_draw, n_geo, n_channel, n_time))
    a, z, p = np.empty(n_time), np.empty(n_time), np.empty(n_time)
    for s in range(n_draw):
        plan = s if n_plan > 1 else 0
        start = s if carry_in.shape[0] > 1 else 0
        for g in range(n_geo):
            for c in range(n_channel):
                adstock(x[plan, g, c], retention[s, c], carry_in[start, g, c], max_lag, a)
                hill_curve(a, half_saturation[s, c], slope[s, c], z, p)
                for t in range(n_time):
                    out[s, g, c, t] = amplitude[s, g, c] * p[t]
    return out


@jit
def final_adstock(x, carry_in, retention):
    """Adstock at the end of a stretch, which the next stretch takes as its ``carry_in``; without truncation.

    Parameters
    ----------
    x : (S or 1, G, T) float array
        Spend of one channel in multiples of its mean positive value; one plan for all draws, or one each.
    carry_in : (S or 1, G) float array
    retention : (S,) float array

    Returns
    -------
    (S, G) float array
    """
    n_draw = retention.shape[0]
    n_plan, n_geo, n_time = x.shape
    out = np.empty((n_draw, n_geo))
    for s in range(n_draw):
        plan = s if n_plan > 1 else 0
        start = s if carry_in.shape[0] > 1 else 0
        keep = 1.0 - retention[s]
        for g in range(n_geo):
            a = carry_in[start, g]
            for t in range(n_time):
                a = keep * x[plan, g, t] + retention[s] * a
            out[s, g] = a
    return out


@jit
def aumann_shapley_shares(x, parts, term, retention, max_lag):
    """Share out the response to a series over the parts of the series, in proportion to their adstock.

    ``(a_k / a) * term``, 0 where ``a = 0``: the Aumann-Shapley share of part k. Adstock starts from zero.

    Parameters
    ----------
    x : (S or 1, G, T) float array
        The series, in multiples of its mean positive value.
    parts : (S, G, K, T) float array
        Some parts of it, in the same unit; what they leave over is not shared out.
    term : (S, G, T) float array
        The response to ``x``.
    retention : (S,) float array
    max_lag : int

    Returns
    -------
    (S, G, K, T) float array
    """
    n_draw, n_geo, n_part, n_time = parts.shape
    out = np.empty((n_draw, n_geo, n_part, n_time))
    zero = 0.0
    a = np.empty(n_time)
    for s in range(n_draw):
        plan = s if x.shape[0] > 1 else 0
        for g in range(n_geo):
            adstock(x[plan, g], retention[s], zero, max_lag, a)
            for k in range(n_part):
                adstock(parts[s, g, k], retention[s], zero, max_lag, out[s, g, k])
                for t in range(n_time):
                    out[s, g, k, t] = out[s, g, k, t] / a[t] * term[s, g, t] if a[t] > TINY else 0.0
    return out


@jit
def _slope_at_zero(half_saturation, slope):
    """Right-hand derivative of the Hill curve at zero: 0 (n > 1), 1/k (n = 1), or its value at SPEND_FLOOR (n < 1)."""
    if slope >= 1.0:
        return 1.0 / half_saturation if slope == 1.0 else 0.0
    p = 1.0 / (1.0 + math.exp(-slope * (math.log(SPEND_FLOOR) - math.log(half_saturation))))
    return p * (1.0 - p) * slope / SPEND_FLOOR


@jit
def response_derivative(a, share, half_saturation, slope, scale, out):
    """Derivative of ``scale * hill(a)`` to adstock, of a series with its Hill curve, written into ``out``.

    At zero adstock it is the right-hand one, and for ``slope < 1`` the (otherwise infinite) one at `SPEND_FLOOR`.
    """
    least, at_zero = (SPEND_FLOOR if slope < 1.0 else TINY), _slope_at_zero(half_saturation, slope)
    for t in range(a.shape[0]):
        out[t] = scale * (share[t] * (1.0 - share[t]) * slope / a[t] if a[t] > least else at_zero)


@jit
def adstock_transpose(v, retention, max_lag, out):
    """Transpose of the adstock map, written into ``out``: spend of period t reaches t, t + 1, ..."""
    n_time = v.shape[0]
    if max_lag < 0:
        keep, later = 1.0 - retention, 0.0
        for t in range(n_time - 1, -1, -1):
            later += v[t]
            out[t] = keep * later
            later *= retention
        return
    weight, _ = lag_weights(retention, max_lag)
    for t in range(n_time):
        s = 0.0
        for lag in range(min(n_time - 1 - t, max_lag) + 1):
            s += weight[lag] * v[t + lag]
        out[t] = s
