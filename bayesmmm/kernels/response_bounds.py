"""What more and more spend of one channel brings, and bounds on the slope in between."""

import math

import numpy as np

from bayesmmm.kernels.compile import inner_product, jit
from bayesmmm.kernels.draws import SPEND_FLOOR, response_derivative
from bayesmmm.kernels.hill import hill_curve, scratch

#: Slope where there is none, at zero adstock of a curve with ``slope < 1``.
ENDLESS = 1e200


@jit
def response_with_slope_bounds(spend, start, rate, weight, half_saturation, slope, amplitude):
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
    # Amounts stand one behind the other, for loops that take several periods at once.
    a, z, p = scratch(n_spend * n_time)
    derivative, low, high, rising = np.empty_like(a), np.empty(n_time), np.empty(n_time), np.empty(n_time)
    for s in range(n_draw):
        k, n, scale = half_saturation[s], slope[s], amplitude[s]
        # Up to here the slope counts as endless: where there is no adstock and n < 1.
        floor = SPEND_FLOOR if n < 1.0 else -1.0
        turn, steepest = -1.0, 0.0
        if n > 1.0:
            turn, share = k * math.exp(math.log((n - 1.0) / (n + 1.0)) / n), (n - 1.0) / (2.0 * n)
            steepest = scale * share * (1.0 - share) * n / turn
        for t in range(n_time):
            rising[t] = weight[s, t] * rate[s, t]
        for j in range(n_spend):
            for t in range(n_time):
                a[j * n_time + t] = start[s, t] + spend[j] * rate[s, t]
        hill_curve(a, k, n, z, p)
        response_derivative(a, p, k, n, scale, derivative)
        for j in range(n_spend):
            value[j] += scale * inner_product(weight[s], p[j * n_time : (j + 1) * n_time])
        for j in range(n_spend - 1):
            here, next_one = j * n_time, (j + 1) * n_time
            for t in range(n_time):
                one, other = derivative[here + t], derivative[next_one + t]
                top = steepest if (a[here + t] < turn) & (turn < a[next_one + t]) else max(one, other)
                high[t] = ENDLESS if a[here + t] <= floor else top
                low[t] = min(one, other)
            least[j] += inner_product(rising, low)
            most[j] += inner_product(rising, high)
    return value, least, most
