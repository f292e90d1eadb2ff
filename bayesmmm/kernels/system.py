"""What plans bring, draw by draw: the media terms that they move, through mediators that answer, and back again.

For national series with adstock that is not cut, and an outcome that is the sum of its terms. Equations are numbered in
causal order: mediators 0 to M - 1, the outcome M. Terms are *near* where a channel is their input, and are then the
same on all residual paths of a draw; they are *far* where a mediator is.
"""

import math

import numpy as np

from bayesmmm.kernels.compile import dot, jit
from bayesmmm.kernels.draws import bent, decayed_back
from bayesmmm.kernels.hill import hill_curve, scratch
from bayesmmm.kernels.media import decayed

#: Rows of a table of shapes.
KEEP, HALF, SLOPE, SCALE, CARRY = 0, 1, 2, 3, 4
#: How a mediator follows its latent mean and residual, in multiples of its size.
IDENTITY, CENSORED, LOGNORMAL = 0, 1, 2


@jit
def near_terms(near, x, shape, equations, response, bend):
    """Near terms of many draws, and their derivatives to adstock.

    Parameters
    ----------
    near : (N, 2) int array
        Equation and channel of every term.
    x : (C, T) float array
        Spend of the channels, in multiples of the mean positive one.
    shape : (5, S, N) float array
        Retention, half-saturation, slope, amplitude and adstock carried in of every term. In the equation of the
        outcome the amplitude is in units of the outcome.
    equations : int
        Those from this number on are left out.
    response, bend : (S, N, T) and (S or 1, N, T) float arrays
        Receive the terms and the derivatives; with one row those of the last draw.
    """
    n_draw, _, n_time = response.shape
    a, z, p = scratch(n_time)
    for s in range(n_draw):
        row = min(s, bend.shape[0] - 1)
        for i in range(near.shape[0]):
            if near[i, 0] >= equations:
                continue
            half, slope, scale = shape[HALF, s, i], shape[SLOPE, s, i], shape[SCALE, s, i]
            decayed(x[near[i, 1]], shape[KEEP, s, i], shape[CARRY, s, i], a)
            hill_curve(a, half, slope, z, p)
            bent(a, p, half, slope, scale, z)
            for t in range(n_time):
                response[s, i, t] = scale * p[t]
                bend[row, i, t] = z[t]


@jit
def through(near, far, shape, rest, size, unit, link, weight, outcome, offs, response, other, bend, series):
    """From near terms through the mediators to the outcome, in many draws.

    Parameters
    ----------
    near : (N, 2) int array
        Equation and channel of every near term.
    far : (F, 3) int array
        Equation, mediator and kind of every far term: 0 saturates, 1 is linear.
    shape : (5, S, F) float array
        Of far terms, as in `near_terms`; a coefficient is an amplitude.
    rest : (S, P, M, T) float array
        Latent means and residuals of mediators on P paths, without these terms, in multiples of their size.
    size, unit, link : (M,) arrays
        Size of a mediator, the spend that its media terms are in multiples of, and how it follows its latent mean.
    weight : (S, T) float array
        By which periods count.
    outcome : bool
        Whether the lift is wanted.
    offs : (O,) int array
        Numbers of channels whose terms are taken from another plan, one after the other; -1 for none.
    response, other : (S, N, T) float arrays
        Near terms of the plan and of the other one.
    bend, series : (S or 1, P, F, T) and (S or 1, P, M, T) float arrays
        Receive the derivatives of far terms to adstock, and the mediators, under the last of `offs`; with one row
        those of the last draw.

    Returns
    -------
    lift : (S, O) float array
        Weighted sum over periods of these terms of the outcome, averaged over paths.
    total : (S, M) float array
        The same of the mediators, under the last of `offs`.
    """
    n_draw, n_paths, n_mediator, n_time = rest.shape
    lift, total = np.zeros((n_draw, len(offs))), np.zeros((n_draw, n_mediator))
    own, y = np.empty(n_time), np.empty(n_time)
    a, z, p = scratch(n_time)
    for s in range(n_draw):
        row = min(s, series.shape[0] - 1)
        for o in range(len(offs)):
            for e in range(n_mediator + outcome):
                for t in range(n_time):
                    own[t] = 0.0
                for i in range(near.shape[0]):
                    if near[i, 0] == e:
                        changes = near[i, 1] == offs[o]
                        for t in range(n_time):
                            own[t] += other[s, i, t] if changes else response[s, i, t]
                for r in range(n_paths):
                    for t in range(n_time):
                        y[t] = own[t] + (rest[s, r, e, t] if e < n_mediator else 0.0)
                    for j in range(far.shape[0]):
                        if far[j, 0] != e:
                            continue
                        m, scale = far[j, 1], shape[SCALE, s, j]
                        for t in range(n_time):
                            p[t] = series[row, r, m, t]
                            z[t] = max(p[t], 0.0) / unit[m]
                        if not far[j, 2]:
                            decayed(z[:n_time], shape[KEEP, s, j], shape[CARRY, s, j], a)
                            hill_curve(a, shape[HALF, s, j], shape[SLOPE, s, j], z, p)
                            bent(a, p, shape[HALF, s, j], shape[SLOPE, s, j], scale, z)
                            for t in range(n_time):
                                bend[row, r, j, t] = z[t]
                        for t in range(n_time):
                            y[t] += scale * p[t]
                    if e == n_mediator:
                        lift[s, o] += dot(weight[s], y) / n_paths
                        continue
                    for t in range(n_time):
                        value = y[t]
                        if link[e] == LOGNORMAL:
                            value = math.exp(value)
                        elif link[e] == CENSORED:
                            value = max(value, 0.0)
                        y[t] = size[e] * value
                        series[row, r, e, t] = y[t]
                    total[s, e] = (total[s, e] if r else 0.0) + dot(weight[s], y) / n_paths
    return lift, total


@jit
def pulled(
    near,
    far,
    near_shape,
    far_shape,
    size,
    unit,
    link,
    spend_unit,
    weight,
    bend,
    far_bend,
    series,
    lift,
    total,
    pattern,
):
    """Derivative to spend of what `through` returns, weighted draw by draw.

    Parameters are those of `near_terms` and `through`, and

    Parameters
    ----------
    spend_unit : (C,) float array
        Mean positive spend of the channels.
    bend, far_bend, series : arrays
        As these left them, with S rows.
    lift, total : (S,) and (S, M) float arrays
        Weights of its two results.
    pattern : (C, T) float array
        How a unit of money of each channel is spread.

    Returns
    -------
    spend : (C, T) float array
        Derivative of the weighted sum over draws to spend.
    along : (S, C) float array
        Of each draw's part, to a unit of money in the pattern.
    """
    n_draw, n_paths, n_mediator, n_time = series.shape
    n_channel = pattern.shape[0]
    spend, along = np.zeros((n_channel, n_time)), np.zeros((n_draw, n_channel))
    v, back, own, each = np.empty(n_time), np.empty(n_time), np.empty(n_time), np.empty(n_time)
    reached = np.empty((n_paths, n_mediator, n_time))  # derivative to the mediators
    for s in range(n_draw):
        for r in range(n_paths):
            for m in range(n_mediator):
                for t in range(n_time):
                    reached[r, m, t] = total[s, m] * weight[s, t] / n_paths
        for e in range(n_mediator, -1, -1):
            if e == n_mediator and lift[s] == 0.0:
                continue
            for t in range(n_time):
                own[t] = 0.0
            for r in range(n_paths):
                for t in range(n_time):
                    if e == n_mediator:
                        each[t] = lift[s] * weight[s, t] / n_paths
                    elif link[e] == LOGNORMAL:
                        each[t] = reached[r, e, t] * series[s, r, e, t]
                    elif link[e] == CENSORED:
                        each[t] = reached[r, e, t] * size[e] if series[s, r, e, t] > 0.0 else 0.0
                    else:
                        each[t] = reached[r, e, t] * size[e]
                    own[t] += each[t]
                for j in range(far.shape[0]):
                    if far[j, 0] != e:
                        continue
                    m, per_unit = far[j, 1], 1.0 / unit[far[j, 1]]
                    if far[j, 2]:
                        for t in range(n_time):
                            reached[r, m, t] += each[t] * far_shape[SCALE, s, j]
                        continue
                    for t in range(n_time):
                        v[t] = each[t] * far_bend[s, r, j, t]
                    decayed_back(v, far_shape[KEEP, s, j], 0.0, back)
                    for t in range(n_time):  # a mediator at zero counts as on its zero side
                        reached[r, m, t] += per_unit * back[t] if series[s, r, m, t] > 0.0 else 0.0
            for i in range(near.shape[0]):
                if near[i, 0] != e:
                    continue
                c = near[i, 1]
                for t in range(n_time):
                    v[t] = own[t] * bend[s, i, t]
                decayed_back(v, near_shape[KEEP, s, i], 0.0, back)
                for t in range(n_time):
                    spend[c, t] += back[t]
                along[s, c] += dot(back, pattern[c]) / spend_unit[c]
    for c in range(n_channel):
        for t in range(n_time):
            spend[c, t] /= spend_unit[c]
    return spend, along
