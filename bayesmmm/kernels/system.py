"""One pass forward through the equations of a system in many draws, and its vector-Jacobian product with spend.

For one geo. Equations are numbered in causal order: mediators 0 to M - 1, the outcome M. *Channel terms* have a channel
as their input, and are the same on all residual paths of a draw; *mediator terms* have a mediator. Terms of a kind, N
channel terms or F mediator terms, come as a tuple:

edges : (N, 2) or (F, 3) int array
    Equation and channel; or equation, mediator and whether it acts linearly, with a coefficient as its amplitude.
shape : (5, S, N or F) float array
    Retention, half-saturation, slope, amplitude and pressure carried in.
days : (N or F, 1), (N or F, T) or (N or F, L + T + L) float array
    Lengths of the periods, as in `bayesmmm.kernels.adstock`; from the first of `before` on for adstock that is cut.
lag : (N or F,) int array
    Greatest lag of the adstock, or -1.
before : (S, N or F, L) float array
    Inputs before the first period, for adstock that is cut.

What series are, `links`, is another tuple:

size, link : (M + 1,) arrays
    What a series is in multiples of, and how it follows its latent mean. The link of the outcome is that of its mean
    over residuals.
unit : (M,) float array
    What the media inputs of a mediator are in multiples of.
decided : (M,) int array
    Number of the channel that is this mediator, set by a plan in the periods of `window`; -1 for none.
window : (T,) bool array

And `room` what a pass keeps for derivatives, with one row that of the last draw:

response, derivative : (S, N, T) and (S or 1, N, T) float arrays
    Channel terms, and their derivatives to adstock.
mediator_derivative, series : (S or 1, P, F, T) and (S or 1, P, M, T) float arrays
    Derivatives of mediator terms to adstock, and the mediators.
slope : (S or 1, P, T) float array
    Derivative of the outcome to its latent mean, unless its link is IDENTITY.
"""

import math

import numpy as np

from bayesmmm.kernels.adstock import adstock_transpose, cut_adstock, days_after, decayed
from bayesmmm.kernels.compile import inlined, inner_product, jit
from bayesmmm.kernels.draws import response_derivative
from bayesmmm.kernels.hill import hill_curve, scratch

#: Rows of a table of shapes.
KEEP, HALF, SLOPE, SCALE, CARRY = range(5)
#: How a series follows its latent mean and residual, in multiples of its size.
IDENTITY, CENSORED, LOGNORMAL = range(3)


@inlined
def _term(x, shape, days, s, i, lag, before, a, z, p):
    """Adstock ``a`` and Hill curve ``p`` of term i in draw s, with inputs x (T,); its derivative ``z`` to adstock."""
    keep, half, slope, scale = shape[KEEP, s, i], shape[HALF, s, i], shape[SLOPE, s, i], shape[SCALE, s, i]
    if lag[i] < 0:
        decayed(x, days[i], keep, shape[CARRY, s, i], a)
    else:
        cut_adstock(x, before[s, i], days[i], keep, lag[i], a)
    hill_curve(a, half, slope, z, p)
    response_derivative(a, p, half, slope, scale, z)


@inlined
def _days_later(days, lag, before):
    """Lengths of the periods of a term without those of inputs before the first."""
    return days_after(days, before.shape[2] if lag >= 0 else 0)


@jit
def channel_terms(channel, x, equations, room):
    """Channel terms of many draws and their derivatives, written into ``room``.

    Parameters
    ----------
    x : (C, T) float array
        Spend of the channels, in multiples of the mean positive one.
    equations : int
        Those from this number on are left out.
    """
    edges, shape, days, lag, before = channel
    response, derivative, _, _, _ = room
    n_draw, _, n_time = response.shape
    a, z, p = scratch(n_time)
    for s in range(n_draw):
        row = min(s, derivative.shape[0] - 1)
        for i in range(edges.shape[0]):
            if edges[i, 0] >= equations:
                continue
            _term(x[edges[i, 1]], shape, days, s, i, lag, before, a, z, p)
            scale = shape[SCALE, s, i]
            for t in range(n_time):
                response[s, i, t] = scale * p[t]
                derivative[row, i, t] = z[t]


@jit
def _mean_of_outcome(y, link, size, sigma, slope):
    """Turn latent means of the outcome into its means over residuals, in units; ``slope`` receives the derivative.

    Where sigma is zero the residual is in there.
    """
    for t in range(y.shape[0]):
        if link == LOGNORMAL:
            y[t] = slope[t] = size * math.exp(y[t] + 0.5 * sigma[t] * sigma[t])
        elif sigma[t] > 0.0:
            z = y[t] / sigma[t]
            below = 0.5 * math.erfc(-z / math.sqrt(2.0))
            slope[t] = size * below
            y[t] = size * (y[t] * below + sigma[t] * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))
        else:
            slope[t] = size if y[t] > 0.0 else 0.0
            y[t] = size * max(y[t], 0.0)


@jit
def system_forward(channels, mediator, links, fixed_part, sigma, x, weight, outcome, switched_off, other, room):
    """From channel terms through the mediators to the outcome, in many draws.

    Parameters
    ----------
    channels : (N, 2) int array
        Edges of the channel terms, which are in ``room``; it receives the rest, under the last of `switched_off`.
    fixed_part : (S, P, M or M + 1, T) float array
        Latent means and residuals on P paths, without these terms. With M rows the outcome is the sum of its terms up
        to what no plan changes, and only these are summed.
    sigma : (S, T) float array
        Scale of the residuals of the outcome that are integrated over, else 0; not read under IDENTITY.
    x : (C, T) float array
        Spend of the channels; that of mediators in their units.
    weight : (S, T) float array
        By which periods count.
    outcome : bool
        Whether the outcome is wanted.
    switched_off : (O,) int array
        Numbers of channels whose terms are taken from another plan, one after the other; -1 for none.
    other : (S, N, T) float array
        Channel terms of the other plan.

    Returns
    -------
    lift : (S, O) float array
        Weighted sum over periods of the outcome, averaged over paths.
    total : (S, M) float array
        The same of the mediators where they are not set, under the last of `switched_off`.
    """
    edges, shape, days, lag, before = mediator
    size, link, unit, decided, window = links
    response, _, derivative, series, slope = room
    n_draw, n_paths, n_fixed, n_time = fixed_part.shape
    n_mediator = len(unit)
    lift, total = np.zeros((n_draw, len(switched_off))), np.zeros((n_draw, n_mediator))
    own, y = np.empty(n_time), np.empty(n_time)
    a, z, p = scratch(n_time)
    for s in range(n_draw):
        row = min(s, series.shape[0] - 1)
        for o in range(len(switched_off)):
            for e in range(n_mediator + outcome):
                for t in range(n_time):
                    own[t] = 0.0
                for i in range(channels.shape[0]):
                    if channels[i, 0] == e:
                        changes = channels[i, 1] == switched_off[o]
                        for t in range(n_time):
                            own[t] += other[s, i, t] if changes else response[s, i, t]
                for r in range(n_paths):
                    for t in range(n_time):
                        y[t] = own[t] + (fixed_part[s, r, e, t] if e < n_fixed else 0.0)
                    for j in range(edges.shape[0]):
                        if edges[j, 0] != e:
                            continue
                        m, scale = edges[j, 1], shape[SCALE, s, j]
                        for t in range(n_time):
                            p[t] = series[row, r, m, t]
                            z[t] = max(p[t], 0.0) / unit[m]
                        if not edges[j, 2]:
                            _term(z[:n_time], shape, days, s, j, lag, before, a, z, p)
                            for t in range(n_time):
                                derivative[row, r, j, t] = z[t]
                        for t in range(n_time):
                            y[t] += scale * p[t]
                    if e == n_mediator:
                        if link[e] != IDENTITY:
                            _mean_of_outcome(y, link[e], size[e], sigma[s], slope[row, r])
                        lift[s, o] += inner_product(weight[s], y) / n_paths
                        continue
                    for t in range(n_time):
                        value = y[t]
                        if link[e] == LOGNORMAL:
                            value = math.exp(value)
                        elif link[e] == CENSORED:
                            value = max(value, 0.0)
                        y[t] = size[e] * value
                    c = decided[e]
                    if c >= 0:
                        for t in range(n_time):
                            if window[t]:
                                y[t] = 0.0 if c == switched_off[o] else x[c, t]
                    for t in range(n_time):
                        series[row, r, e, t] = y[t]
                    if c >= 0:
                        y[window] = 0.0
                    total[s, e] = (total[s, e] if r else 0.0) + inner_product(weight[s], y) / n_paths
    return lift, total


@jit
def _slope_of_link(link, size, value):
    """Derivative of a series to its latent value, where the series has some value."""
    if link == LOGNORMAL:
        return value
    return 0.0 if link == CENSORED and value <= 0.0 else size


@jit
def system_vjp(channel, mediator, links, spend_unit, weight, room, lift, total, pattern):
    """Derivative to spend of what `system_forward` returns, weighted draw by draw.

    Parameters
    ----------
    spend_unit : (C,) float array
        Mean positive spend of the channels; 1 for a mediator.
    weight : (S, T) float array
        By which periods count.
    room : tuple
        As the pass forward left it, with S rows.
    lift, total : (S,) and (S, M) float arrays
        Weights of its two results.
    pattern : (C, T) float array
        How a unit of money of each channel is spread over the window.

    Returns
    -------
    spend : (C, T) float array
        Derivative of the weighted sum over draws to spend. Of a decided mediator those in the window are to be read.
    along : (S, C) float array
        Of each draw's part, to a unit of money in the pattern.
    """
    edges, shape, days, lag, before = channel
    mediator_edges, mediator_shape, mediator_days, mediator_lag, mediator_before = mediator
    size, link, unit, decided, window = links
    _, derivative, mediator_derivative, series, slope = room
    n_draw, n_paths, n_mediator, n_time = series.shape
    spend, along = np.zeros(pattern.shape), np.zeros((n_draw, pattern.shape[0]))
    v, back, own, each = np.empty(n_time), np.empty(n_time), np.empty(n_time), np.empty(n_time)
    reached = np.empty((n_paths, n_mediator, n_time))  # derivative to the mediators
    for s in range(n_draw):
        for r in range(n_paths):
            for m in range(n_mediator):
                for t in range(n_time):
                    reached[r, m, t] = total[s, m] * weight[s, t] / n_paths
                    if decided[m] >= 0 and window[t]:
                        reached[r, m, t] = 0.0
        for e in range(n_mediator, -1, -1):
            if e == n_mediator and lift[s] == 0.0:
                continue
            own[:] = 0.0
            for r in range(n_paths):
                if e < n_mediator and decided[e] >= 0:
                    c = decided[e]
                    along[s, c] += inner_product(reached[r, e], pattern[c])
                    for t in range(n_time):
                        spend[c, t] += reached[r, e, t]
                        if window[t]:
                            reached[r, e, t] = 0.0
                for t in range(n_time):
                    if e == n_mediator:
                        rate = 1.0 if link[e] == IDENTITY else slope[s, r, t]
                        each[t] = lift[s] * weight[s, t] / n_paths * rate
                    else:
                        each[t] = reached[r, e, t] * _slope_of_link(link[e], size[e], series[s, r, e, t])
                    own[t] += each[t]
                for j in range(mediator_edges.shape[0]):
                    if mediator_edges[j, 0] != e:
                        continue
                    m, per_unit = mediator_edges[j, 1], 1.0 / unit[mediator_edges[j, 1]]
                    if mediator_edges[j, 2]:
                        for t in range(n_time):
                            reached[r, m, t] += each[t] * mediator_shape[SCALE, s, j]
                        continue
                    for t in range(n_time):
                        v[t] = each[t] * mediator_derivative[s, r, j, t]
                    later = _days_later(mediator_days[j], mediator_lag[j], mediator_before)
                    adstock_transpose(v, later, mediator_shape[KEEP, s, j], mediator_lag[j], back)
                    for t in range(n_time):  # a mediator at zero counts as on its zero side
                        reached[r, m, t] += per_unit * back[t] if series[s, r, m, t] > 0.0 else 0.0
            for i in range(edges.shape[0]):
                if edges[i, 0] != e:
                    continue
                c = edges[i, 1]
                for t in range(n_time):
                    v[t] = own[t] * derivative[s, i, t]
                adstock_transpose(v, _days_later(days[i], lag[i], before), shape[KEEP, s, i], lag[i], back)
                for t in range(n_time):
                    spend[c, t] += back[t]
                along[s, c] += inner_product(back, pattern[c]) / spend_unit[c]
    return spend / spend_unit.reshape(-1, 1), along
