"""The media response of many draws on frozen amplitudes, and its derivative to spend: what the engine runs on.

Inputs ``x`` are spend in multiples of its mean positive value over the fitted periods; they and the pressure before the
first period, ``carry_in``, have one row for all draws or one each. Parameters have a row a draw; ``max_lag`` is as in
`adstock`, and so are ``days``, with a row for each channel.
"""

import math

import numpy as np

from bayesmmm.kernels.adstock import adstock, pressure_after
from bayesmmm.kernels.compile import jit
from bayesmmm.kernels.hill import TINY, hill_curve, hill_curves

#: Adstock, in multiples of mean spend, at which the slope of a concave Hill curve (slope < 1) is evaluated where there
#: is less, at zero most of all: it is infinite there, and a channel without spend must have a finite derivative.
SPEND_FLOOR = 1e-12
#: Numbers that go through the curve in one call.
_TOGETHER = 256


@jit
def amplitudes(response, contribution):
    """Amplitudes ``A = contribution / mean_t hill(a_t)`` over the fitted periods, in the unit of ``contribution``.

    ``response`` (S, G, C, T) holds media terms of amplitude 1 over these periods, which are multiplied by what is
    returned, (S, G, C) as ``contribution``: 0 for a channel that is silent over all periods of a geo.
    """
    n_draw, n_geo, n_channel, n_time = response.shape
    out = np.empty((n_draw, n_geo, n_channel))
    for s in range(n_draw):
        for g in range(n_geo):
            for c in range(n_channel):
                own = response[s, g, c]
                total = own.sum()
                scale = contribution[s, g, c] * n_time / total if total > 0.0 else 0.0
                for t in range(n_time):
                    own[t] *= scale
                out[s, g, c] = scale
    return out


@jit
def media_response(x, days, carry_in, retention, half_saturation, slope, amplitude, max_lag):
    """Media terms (S, G, C, T) of many draws with frozen amplitudes, on any spend.

    Of ``x`` (S or 1, G, C, T), ``carry_in`` (S or 1, G, C), ``retention``, ``half_saturation`` and ``slope`` (S, C),
    and ``amplitude`` (S, G, C), as from `amplitudes`.
    """
    n_draw = retention.shape[0]
    n_plan, n_geo, n_channel, n_time = x.shape
    out = np.empty((n_draw, n_geo, n_channel, n_time))
    flat = out.reshape(-1)
    # Short series go through the curve together: what each call of it costs would be most of the time.
    n = max(_TOGETHER // max(n_time, 1), 1) * n_time
    a, z, p, log_half, power = np.ones(n), np.ones(n), np.ones(n), np.ones(n), np.ones(n)
    begin, at = 0, 0
    for s in range(n_draw):
        plan, start = s if n_plan > 1 else 0, s if carry_in.shape[0] > 1 else 0
        for g in range(n_geo):
            for c in range(n_channel):
                scale = amplitude[s, g, c]
                adstock(
                    x[plan, g, c], days[c], retention[s, c], carry_in[start, g, c], max_lag, a[at : at + n_time]
                )
                if n == n_time:
                    hill_curve(a, half_saturation[s, c], slope[s, c], z, p)
                    own = out[s, g, c]
                    for t in range(n_time):
                        own[t] = scale * p[t]
                    continue
                log_half[at : at + n_time] = math.log(half_saturation[s, c])
                power[at : at + n_time] = slope[s, c]
                flat[begin + at : begin + at + n_time] = scale
                at += n_time
                if at == n or begin + at == flat.shape[0]:
                    hill_curves(a[:at], log_half, power, z, p)
                    for t in range(at):
                        flat[begin + t] *= p[t]
                    begin, at = begin + at, 0
    return out


@jit
def adstocks(x, days, carry_in, retention, max_lag):
    """Adstock (S, T) of one channel in many draws.

    Of ``x`` (S or 1, T), ``days`` (1,), (T,) or (T + max_lag,), ``carry_in`` (S or 1,) and ``retention`` (S,).
    """
    out = np.empty((retention.shape[0], x.shape[1]))
    for s in range(retention.shape[0]):
        plan, start = s if x.shape[0] > 1 else 0, s if carry_in.shape[0] > 1 else 0
        adstock(x[plan], days, retention[s], carry_in[start], max_lag, out[s])
    return out


@jit
def final_pressure(x, days, carry_in, retention):
    """Pressure (S, G) at the end of a segment of one channel, without truncation: ``carry_in`` of the next segment.

    Of ``x`` (S or 1, G, T), ``days`` (1,) or (T,), ``carry_in`` (S or 1, G) and ``retention`` (S,).
    """
    n_plan, n_geo, _ = x.shape
    out = np.empty((retention.shape[0], n_geo))
    for s in range(retention.shape[0]):
        plan, start = s if n_plan > 1 else 0, s if carry_in.shape[0] > 1 else 0
        for g in range(n_geo):
            out[s, g] = pressure_after(x[plan, g], days, retention[s], carry_in[start, g])
    return out


@jit
def aumann_shapley_shares(x, parts, term, days, retention, max_lag):
    """Share out the response to a series over the parts of the series, in proportion to their adstock.

    ``(a_k / a) * term``, 0 where ``a = 0``: the Aumann-Shapley share of part k. Adstock starts from zero.

    Parameters
    ----------
    x : (S or 1, G, T) float array
        The series.
    parts : (S, G, K, T) float array
        Some parts of it, in the same unit; what they leave over is not shared out.
    term : (S, G, T) float array
        The response to ``x``.
    days : (1,), (T,) or (T + max_lag,) float array
    retention : (S,) float array
    max_lag : int

    Returns
    -------
    (S, G, K, T) float array
    """
    out, a = np.empty(parts.shape), np.empty(parts.shape[3])
    for s in range(parts.shape[0]):
        plan = s if x.shape[0] > 1 else 0
        for g in range(parts.shape[1]):
            adstock(x[plan, g], days, retention[s], 0.0, max_lag, a)
            for k in range(parts.shape[2]):
                adstock(parts[s, g, k], days, retention[s], 0.0, max_lag, out[s, g, k])
                for t in range(parts.shape[3]):
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
