"""What plans bring, draw by draw: the media terms that they move, through mediators that answer, and back again.

For national series with adstock that is not cut, and an outcome that is the sum of its terms. Equations are numbered in
causal order: mediators 0 to M - 1, the outcome M. Terms are *near* where a channel is their input, and are then the
same on all residual paths of a draw; they are *far* where a mediator is.
"""

import numpy as np

from bayesmmm.kernels.compile import dot, jit
from bayesmmm.kernels.curve import hill_curve, scratch
from bayesmmm.kernels.draws import adstock_transpose, bent
from bayesmmm.kernels.media import adstock

#: Rows of a table of shapes.
KEEP, HALF, SLOPE, SCALE, CARRY = 0, 1, 2, 3, 4
#: How a mediator follows its latent mean and residual, in multiples of its size.
IDENTITY, CENSORED, LOGNORMAL = 0, 1, 2


@jit
def brought(
    near, far, x, near_shape, far_shape, rest, size, unit, link, weight, outcome, response, bend, far_bend, series
):
    """Lift of a plan and sums of its mediators, in many draws.

    Parameters
    ----------
    near : (N, 2) int array
        Equation and channel of every near term, in the order of equations.
    far : (F, 3) int array
        Equation, mediator and kind of every far term, in the order of equations: 0 saturates, 1 is linear.
    x : (C, T) float array
        Spend of the channels, in multiples of the mean positive one.
    near_shape, far_shape : (5, S, N) and (5, S, F) float arrays
        Retention, half-saturation, slope, amplitude (or coefficient) and adstock carried in of every term. In the
        equation of the outcome the amplitude is in units of the outcome.
    rest : (S, P, M, T) float array
        Latent means and residuals of mediators on P paths, without these terms, in multiples of their size.
    size, unit, link : (M,) arrays
        Size of a mediator, the spend that its media terms are in multiples of, and how it follows its latent mean.
    weight : (S, T) float array
        By which periods count.
    outcome : bool
        Whether the lift is wanted.
    response, bend : (S or 1, N, T) float arrays
        Receive the near terms and their derivatives to adstock. What has one row receives those of the last draw.
    far_bend, series : (S or 1, P, F, T) and (S or 1, P, M, T) float arrays
        Receive the derivatives of far terms, and the mediators.

    Returns
    -------
    lift : (S,) float array
        Weighted sum over periods of these terms of the outcome, averaged over paths.
    total : (S, M) float array
        The same of the mediators.
    """
    n_draw, n_time = weight.shape
    lift, total = np.zeros(n_draw), np.zeros((n_draw, size.shape[0]))
    a, z, p = scratch(n_time)
    for s in range(n_draw):
        row, bent_row = s if response.shape[0] > 1 else 0, s if bend.shape[0] > 1 else 0
        for i in range(near.shape[0]):
            if near[i, 0] == size.shape[0] and not outcome:
                continue
            k, n, scale = near_shape[HALF, s, i], near_shape[SLOPE, s, i], near_shape[SCALE, s, i]
            adstock(x[near[i, 1]], near_shape[KEEP, s, i], near_shape[CARRY, s, i], -1, a[:n_time])
            hill_curve(a, k, n, z, p)
            for t in range(n_time):
                response[row, i, t] = scale * p[t]
            bent(a, p, k, n, scale, z)
            bend[bent_row, i] = z[:n_time]
        lift[s] = _through(
            near,
            far,
            far_shape[:, s],
            response[row],
            response[row],
            -1,
            rest[s],
            size,
            unit,
            link,
            weight[s],
            outcome,
            True,
            far_bend[bent_row],
            series[bent_row],
            total[s],
        )
    return lift, total


@jit
def swapped(near, far, far_shape, rest, size, unit, link, weight, response, other, n_channel):
    """Lift of a plan in which one channel after the other is as in another plan.

    Parameters are those of `brought`, and

    Parameters
    ----------
    response, other : (S, N, T) float arrays
        Near terms under both plans.
    n_channel : int
        Channels to go through; those without a term change nothing.

    Returns
    -------
    (S, n_channel) float array
    """
    n_draw, n_paths, n_mediator, n_time = rest.shape
    lift, total = np.zeros((n_draw, n_channel)), np.zeros(n_mediator)
    series, far_bend = np.empty((n_paths, n_mediator, n_time)), np.empty((n_paths, 0, n_time))
    for s in range(n_draw):
        for c in range(n_channel):
            lift[s, c] = _through(
                near,
                far,
                far_shape[:, s],
                response[s],
                other[s],
                c,
                rest[s],
                size,
                unit,
                link,
                weight[s],
                True,
                False,
                far_bend,
                series,
                total,
            )
    return lift


@jit
def _through(
    near,
    far,
    shape,
    response,
    other,
    off,
    rest,
    size,
    unit,
    link,
    weight,
    outcome,
    slopes,
    far_bend,
    series,
    total,
):
    """One draw of `brought` from its near terms on; those of channel `off` are taken from `other`."""
    n_paths, n_mediator, n_time = series.shape
    own = np.empty(n_time)
    a, z, p = scratch(n_time)
    lift = 0.0
    for e in range(n_mediator + 1):
        if e == n_mediator and not outcome:
            break
        own[:] = 0.0
        for i in range(near.shape[0]):
            if near[i, 0] == e:
                each = other[i] if near[i, 1] == off else response[i]
                for t in range(n_time):
                    own[t] += each[t]
        if e == n_mediator:
            lift += dot(weight, own)
        for r in range(n_paths):
            if e < n_mediator:
                y = series[r, e]
                for t in range(n_time):
                    y[t] = rest[r, e, t] + own[t]
            for j in range(far.shape[0]):
                if far[j, 0] != e:
                    continue
                m, scale = far[j, 1], shape[SCALE, j]
                if far[j, 2]:
                    p[:n_time] = series[r, m]
                else:
                    for t in range(n_time):
                        z[t] = max(series[r, m, t], 0.0) / unit[m]
                    adstock(z[:n_time], shape[KEEP, j], shape[CARRY, j], -1, a[:n_time])
                    hill_curve(a, shape[HALF, j], shape[SLOPE, j], z, p)
                    if slopes:
                        bent(a, p, shape[HALF, j], shape[SLOPE, j], scale, z)
                        far_bend[r, j] = z[:n_time]
                if e == n_mediator:
                    lift += scale * dot(weight, p[:n_time]) / n_paths
                else:
                    for t in range(n_time):
                        y[t] += scale * p[t]
            if e < n_mediator:
                for t in range(n_time):
                    value = y[t]
                    if link[e] == LOGNORMAL:
                        value = np.exp(value)
                    elif link[e] == CENSORED:
                        value = max(value, 0.0)
                    y[t] = size[e] * value
                total[e] += dot(weight, y) / n_paths
    return lift


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
    """Derivative to spend of what `brought` returns, weighted draw by draw.

    Parameters are those of `brought`, and

    Parameters
    ----------
    spend_unit : (C,) float array
        Mean positive spend of the channels.
    bend, far_bend, series : arrays
        As `brought` left them, with S rows.
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
    reached, per = np.empty((n_paths, n_mediator, n_time)), 1.0 / unit  # derivative to the mediators
    for s in range(n_draw):
        for r in range(n_paths):
            for m in range(n_mediator):
                for t in range(n_time):
                    reached[r, m, t] = total[s, m] * weight[s, t] / n_paths
        for e in range(n_mediator, -1, -1):
            if e == n_mediator and lift[s] == 0.0:
                continue
            own[:] = 0.0
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
                    m = far[j, 1]
                    if far[j, 2]:
                        for t in range(n_time):
                            reached[r, m, t] += each[t] * far_shape[SCALE, s, j]
                        continue
                    for t in range(n_time):
                        v[t] = each[t] * far_bend[s, r, j, t]
                    adstock_transpose(v, far_shape[KEEP, s, j], -1, 0.0, back)
                    for t in range(n_time):  # a mediator at zero counts as on its zero side
                        reached[r, m, t] += per[m] * back[t] if series[s, r, m, t] > 0.0 else 0.0
            for i in range(near.shape[0]):
                if near[i, 0] != e:
                    continue
                c = near[i, 1]
                for t in range(n_time):
                    v[t] = own[t] * bend[s, i, t]
                adstock_transpose(v, near_shape[KEEP, s, i], -1, 0.0, back)
                for t in range(n_time):
                    spend[c, t] += back[t]
                along[s, c] += dot(back, pattern[c]) / spend_unit[c]
    for c in range(n_channel):
        spend[c] /= spend_unit[c]
    return spend, along
