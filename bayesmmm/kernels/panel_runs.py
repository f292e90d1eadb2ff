"""Media terms of a panel with gaps: of each channel only the geos that buy it, and only over their own periods.

What is bought in one geo is a *run*: its periods side by side. Runs lie one after another, so that a channel that most
geos never buy, or a geo that starts late, costs no time. Every geo may have curves of its own.
"""

import numpy as np

from bayesmmm.kernels.adstock import adstock_and_slope
from bayesmmm.kernels.compile import inner_product, jit
from bayesmmm.kernels.hill import hill_curve
from bayesmmm.kernels.likelihood import add_multiple

#: Columns of a table of runs: channel, geo, first period, number of periods, where it begins among all of them.
OF_CHANNEL, OF_GEO, FROM, LONG, PLACE, RUN = range(6)


@jit
def turned(values):
    """Transpose of an array, in tiles that stay close in memory."""
    rows, columns = values.shape
    out = np.empty((columns, rows))
    for i in range(0, rows, 32):
        for j in range(0, columns, 32):
            for k in range(i, min(i + 32, rows)):
                for m in range(j, min(j + 32, columns)):
                    out[m, k] = values[k, m]
    return out


@jit
def _total(values):
    """Sum in four interleaved partial sums, in an order that is fixed."""
    s0 = s1 = s2 = s3 = 0.0
    whole = values.shape[0] - values.shape[0] % 4
    for t in range(0, whole, 4):
        s0 += values[t]
        s1 += values[t + 1]
        s2 += values[t + 2]
        s3 += values[t + 3]
    for t in range(whole, values.shape[0]):
        s0 += values[t]
    return (s0 + s1) + (s2 + s3)


@jit
def media_by_run(x, runs, days, retention, half_saturation, slope, contribution, max_lag, n_time):
    """`bayesmmm.kernels.media.media_basis` of runs.

    Parameters
    ----------
    x : (N,) float array
        Spend of all runs, in multiples of its mean positive value.
    runs : (K, RUN) float array
    days : (C, 1), (C, T) or (C, T + max_lag) float array
        Lengths of the periods, as in `bayesmmm.kernels.adstock`.
    retention, half_saturation, slope : (1, C) or (G, C) float arrays
    contribution : (G, C) float array
        Mean contribution over the periods of the geo.
    max_lag : int
        Greatest lag kept, or -1 for no truncation.
    n_time : int

    Returns
    -------
    media : (T, G) float array
    share, log_ratio, log_decay : (1, 1, N) float arrays
        For `media_by_run_vjp`.
    """
    by_geo, a = np.zeros((contribution.shape[0], n_time)), np.empty(n_time)
    saved = np.empty(
        (3, x.shape[0])
    )  # one array: where memory is had and given back in parts, each fit pays for it
    share, log_ratio, log_decay = saved[0], saved[1], saved[2]
    for k in range(runs.shape[0]):
        c, g, first = int(runs[k, OF_CHANNEL]), int(runs[k, OF_GEO]), int(runs[k, FROM])
        long, at = int(runs[k, LONG]), int(runs[k, PLACE])
        own, r = slice(at, at + long), g if retention.shape[0] > 1 else 0
        lengths = days[c, first if days.shape[1] > 1 else 0 :]
        adstock_and_slope(x[own], lengths, retention[r, c], 0.0, max_lag, a[:long], log_decay[own])
        hill_curve(a[:long], half_saturation[r, c], slope[r, c], log_ratio[own], share[own])
        total = _total(share[own])
        if total > 0.0:
            add_multiple(by_geo[g, first : first + long], contribution[g, c] * long / total, share[own])
    shape = (1, 1, x.shape[0])  # as many axes as other panels have
    return turned(by_geo), share.reshape(shape), log_ratio.reshape(shape), log_decay.reshape(shape)


@jit
def media_by_run_vjp(share, log_ratio, log_decay, runs, half_saturation, slope, contribution, cotangent):
    """Vector-Jacobian product of `media_by_run` with respect to its parameters.

    Parameters
    ----------
    share, log_ratio, log_decay : (1, 1, N) float arrays
    runs : (K, RUN) float array
    half_saturation, slope : (1, C) or (G, C) float arrays
    contribution : (G, C) float array
    cotangent : (T, G) float array
        Derivative of the final scalar with respect to ``media``.

    Returns
    -------
    retention, half_saturation, slope : (1, C) or (G, C) float arrays
    contribution : (G, C) float array
    """
    d_retention, d_half = np.zeros(slope.shape), np.zeros(slope.shape)
    d_slope, d_contribution = np.zeros(slope.shape), np.zeros(contribution.shape)
    by_geo, w = turned(cotangent), np.empty(cotangent.shape[0])
    for k in range(runs.shape[0]):
        c, g, first = int(runs[k, OF_CHANNEL]), int(runs[k, OF_GEO]), int(runs[k, FROM])
        long, at = int(runs[k, LONG]), int(runs[k, PLACE])
        own, r = slice(at, at + long), g if slope.shape[0] > 1 else 0
        v, p = by_geo[g, first : first + long], share[0, 0, own]
        total = _total(p)
        if total <= 0.0:
            continue
        along = inner_product(v, p)
        # A response moves its own mean, too, which the amplitude is divided by.
        mean = along / total
        for t in range(long):
            w[t] = (v[t] - mean) * p[t] * (1.0 - p[t])
        amplitude = contribution[g, c] * long / total
        d_contribution[g, c] = along * long / total
        d_half[r, c] -= amplitude * _total(w[:long]) * slope[r, c] / half_saturation[r, c]
        d_slope[r, c] += amplitude * inner_product(w[:long], log_ratio[0, 0, own])
        d_retention[r, c] += amplitude * inner_product(w[:long], log_decay[0, 0, own]) * slope[r, c]
    return d_retention, d_half, d_slope, d_contribution
