"""What more and more spend of one channel brings, and bounds on the slope in between."""

import math

import numpy as np

from bayesmmm.kernels.compile import jit
from bayesmmm.kernels.curve import TINY, hill_curve
from bayesmmm.kernels.draws import SPEND_FLOOR, _slope_at_zero
from bayesmmm.kernels.media import adstock

#: Slope where there is none, at zero adstock of a curve with ``slope < 1``.
ENDLESS = 1e200


@jit
def adstocks(x, carry_in, retention, max_lag):
    """Adstock of one channel in many draws.

    Parameters
    ----------
    x : (S or 1, T) float array
    carry_in : (S or 1,) float array
    retention : (S,) float array
    max_lag : int

    Returns
    -------
    (S, T) float array
    """
    out = np.empty((retention.shape[0], x.shape[1]))
    for s in range(retention.shape[0]):
        plan = s if x.shape[0] > 1 else 0
        start = s if carry_in.shape[0] > 1 else 0
        adstock(x[plan], retention[s], carry_in[start], max_lag, out[s])
    return out


@jit
def rises(spend, start, rate, weight, half_saturation, slope, amplitude):
    """Sum over draws and periods of a media term, at several amounts of money, and bounds on its slope between them.

    The slope of a Hill curve rises up to its inflection, at the share ``(n - 1) / (2 n)`` where n > 1, and falls from
    there on. So it is least at an end of an interval of adstock, and highest at an end or at the inflection.

    Parameters
    ----------
    spend : (J,) float array
        Money, in rising order.
    start, rate : (S, T) float arrays
        Adstock without any of it, and what a unit of money adds.
    weight : (S, T) float array
        By which periods count.
    half_saturation, slope, amplitude : (S,) float arrays

    Returns
    -------
    value : (J,) float array
    least, most : (J - 1,) float arrays
        Nowhere between two amounts is the slope below the one or above the other.
    """
    n_spend = spend.shape[0]
    n_draw, n_time = start.shape
    value, least, most = np.zeros(n_spend), np.zeros(n_spend - 1), np.zeros(n_spend - 1)
    a, z, p = np.empty(n_time), np.empty(n_time), np.empty(n_time)
    a_before, bend_before = np.empty(n_time), np.empty(n_time)
    for s in range(n_draw):
        k, n = half_saturation[s], slope[s]
        floor, at_zero = (SPEND_FLOOR if n < 1.0 else TINY), _slope_at_zero(k, n)
        turn, steepest = -1.0, 0.0
        if n > 1.0:
            turn, share = k * math.exp(math.log((n - 1.0) / (n + 1.0)) / n), (n - 1.0) / (2.0 * n)
            steepest = share * (1.0 - share) * n / turn
        for j in range(n_spend):
            for t in range(n_time):
                a[t] = start[s, t] + spend[j] * rate[s, t]
            hill_curve(a, k, n, z, p)
            total, low, high = 0.0, 0.0, 0.0
            for t in range(n_time):
                w = weight[s, t] * amplitude[s]
                bend = p[t] * (1.0 - p[t]) * n / a[t] if a[t] > floor else at_zero
                total += w * p[t]
                if j > 0:
                    top = max(bend, bend_before[t])
                    if a_before[t] < turn and turn < a[t]:
                        top = steepest
                    if n < 1.0 and a_before[t] <= floor:
                        top = ENDLESS
                    low += w * rate[s, t] * min(bend, bend_before[t])
                    high += w * rate[s, t] * top
                a_before[t], bend_before[t] = a[t], bend
            value[j] += total
            if j > 0:
                least[j - 1] += low
                most[j - 1] += high
    return value, least, most
