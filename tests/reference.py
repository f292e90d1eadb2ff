"""Slow, plain rewrite of the model equations: loops and dense matrices, nothing shared with the package."""

import math

import numpy as np
from scipy import stats


def adstock(x, retention, carry_in=0.0, max_lag=None, days=1):
    """Sum over lags with explicit weights, or by the day where periods have more than one.

    `days` is one length for all periods, or one for each and for `max_lag` more.
    """
    lengths = np.ravel(days)
    lengths = [int(lengths[0])] * (len(x) + (max_lag or 0)) if lengths.size == 1 else [int(n) for n in lengths]
    if set(lengths) != {1}:
        return _summed_days(x, lengths, retention, carry_in, max_lag)
    if max_lag is None:
        weights = [(1 - retention) * retention**lag for lag in range(len(x))]
    else:
        norm = sum(retention**lag for lag in range(max_lag + 1))
        weights = [retention**lag / norm for lag in range(max_lag + 1)]
    out = []
    for t in range(len(x)):
        total = sum(weights[lag] * x[t - lag] for lag in range(min(t + 1, len(weights))))
        if max_lag is None:
            total += retention ** (t + 1) * carry_in
        out.append(total)
    return np.array(out)


def _summed_days(x, lengths, retention, carry_in, max_lag):
    """Run through the days of all periods, with spend spread evenly, and sum them up again."""
    if max_lag is None:
        return _through_days(x, lengths, retention, carry_in)
    out = np.zeros(len(x))
    for s, spend in enumerate(x):  # one period's spend alone: its weights are cut and renormalised
        alone = _through_days([1.0, *[0.0] * max_lag], lengths[s : s + max_lag + 1], retention, 0.0)
        for lag, weight in enumerate(alone / alone.sum()):
            if s + lag < len(x):
                out[s + lag] += weight * spend
    return out


def _through_days(x, lengths, retention, pressure):
    out = []
    for spend, length in zip(x, lengths, strict=False):
        total = 0.0
        for _ in range(length):
            pressure = retention * pressure + (1 - retention) * spend / length
            total += pressure
        out.append(total)
    return np.array(out)


def hill(a, half_saturation, slope):
    """Ratio of powers."""
    return np.array([v**slope / (half_saturation**slope + v**slope) if v > 0 else 0.0 for v in a])


def media(x, carry_in, retention, half_saturation, slope, contribution, max_lag=None, days=1):
    """Media term (G, T) with contribution (G, C) as mean over the given periods; `days` by channel, or for all."""
    days = np.broadcast_to(days, (x.shape[1], *np.shape(days)[-1:]))
    n_geo, n_channel, n_time = x.shape
    out = np.zeros((n_geo, n_time))
    for g in range(n_geo):
        for c in range(n_channel):
            h = hill(
                adstock(x[g, c], retention[c], carry_in[g, c], max_lag, days[c]), half_saturation[c], slope[c]
            )
            if h.sum() > 0:
                out[g] += contribution[g, c] * h / h.mean()
    return out


def collapsed_normal(y, mu, sigma, design, prior_sd):
    """Dense multivariate normal with covariance W Lambda W' + sigma^2 I, by an extended-precision Cholesky."""
    n = len(y)
    w = np.asarray(design, np.longdouble) * np.asarray(prior_sd, np.longdouble)
    cov = w @ w.T + np.longdouble(sigma) ** 2 * np.eye(n, dtype=np.longdouble)
    low = np.zeros((n, n), np.longdouble)
    for i in range(n):
        for j in range(i + 1):
            rest = cov[i, j] - low[i, :j] @ low[j, :j]
            low[i, j] = np.sqrt(rest) if i == j else rest / low[j, j]
    z = np.zeros(n, np.longdouble)
    for i in range(n):
        z[i] = (np.longdouble(y[i]) - np.longdouble(mu[i]) - low[i, :i] @ z[:i]) / low[i, i]
    return float(-0.5 * z @ z - np.log(np.diag(low)).sum() - 0.5 * n * np.log(2 * np.longdouble(np.pi)))


def censored_normal(y, mu, sigma):
    """Sum of the log densities of max(0, Normal(mu, sigma))."""
    total = 0.0
    for value, m in zip(y, mu, strict=True):
        total += stats.norm.logpdf(value, m, sigma) if value > 0 else stats.norm.logcdf(0.0, m, sigma)
    return total


def student_t(y, mu, sigma, nu):
    """Sum of the log densities of a shifted, scaled Student t."""
    return sum(stats.t.logpdf(v, nu, m, sigma) for v, m in zip(y, mu, strict=True))


def retention_from_half_life(half_life):
    """Share kept into the next day."""
    return math.exp(-math.log(2) / half_life)


def panel_covariance(own, shared, prior_sd_own, prior_sd_shared, sigma, omega):
    """Dense covariance of a panel (G, T), geo after geo, from its columns (G, T, I) per geo and (G, T, K) shared.

    `sigma` is a number, or one for each geo.
    """
    geos, periods = own.shape[:2]
    cells = [(g, t) for g in range(geos) for t in range(periods)]
    out = np.zeros((len(cells), len(cells)))
    for i, (g, t) in enumerate(cells):
        for j, (h, s) in enumerate(cells):
            out[i, j] = (prior_sd_shared**2 * shared[g, t] * shared[h, s]).sum()
            if g == h:
                out[i, j] += (prior_sd_own**2 * own[g, t] * own[g, s]).sum()
            if t == s:
                out[i, j] += omega**2
        out[i, i] += np.broadcast_to(sigma, geos)[g] ** 2
    return out


def dense_normal(r, covariance):
    """Log density of r (N,) with mean zero."""
    low = np.linalg.cholesky(covariance)
    z = np.linalg.solve(low, r)
    return float(-0.5 * z @ z - np.log(np.diag(low)).sum() - 0.5 * len(r) * math.log(2 * math.pi))
