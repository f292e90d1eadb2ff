"""Media and explicit terms of one equation of a program, and derivatives back to its parameters."""

import math

import numpy as np

from bayesmmm.kernels.compile import inlined, inner_product, jit
from bayesmmm.kernels.likelihood import add_multiple
from bayesmmm.kernels.media import media_basis, media_basis_vjp
from bayesmmm.kernels.panel import panel_media, panel_media_vjp
from bayesmmm.kernels.panel_runs import RUN, media_by_run, media_by_run_vjp
from bayesmmm.kernels.program import (
    BY_GEO,
    CHANNEL,
    CHANNELS,
    CONTRIBUTIONS,
    COUNT,
    DAYS,
    DECAY,
    DESIGN,
    FIRST,
    HALF_SATURATION,
    MAX_LAG,
    MEDIA,
    N_CHANNELS,
    N_DAYS,
    N_GEOS,
    N_INPUT,
    N_PERIODS,
    N_RUNS,
    N_SPREADS,
    N_TERMS,
    OF_CONTRIBUTION,
    OFFSET,
    PERIOD,
    RETENTION,
    RUNS,
    SLOPE,
    SPREADS,
    TERMS,
    UNIT,
    copy_into,
    omega_of,
    stretch,
)


@inlined
def _channels(program, at, theta):
    """Retention, half-saturation, slope (R, C) and contribution (G, C) of an equation, and derivatives of retention.

    R = G where curves differ between geos, else 1. The derivatives (R, C) are those to its parameter, and to the
    logarithm of the half-life.
    """
    n_geos, n = int(program[at + N_GEOS]), int(program[at + N_CHANNELS])
    n_curves = n_geos if program[at + BY_GEO] > 0.0 else 1
    where = stretch(program, at, CONTRIBUTIONS, n_geos * n).reshape(n_geos, n)
    rows = stretch(program, at, CHANNELS, n * CHANNEL)
    contribution, shift = np.zeros((n_geos, n)), np.zeros((3, n_curves, n))
    for c in range(n):
        for g in range(n_geos):
            if where[g, c] >= 0.0:
                contribution[g, c] = theta[int(where[g, c])] * rows[c * CHANNEL + UNIT]
    for k in range(int(program[at + N_SPREADS])):
        of, tau, deviation = _spread(program, at, k, n_geos, n)
        for c in range(n):
            for g in range(n_geos):
                if deviation[g, c] >= 0.0:
                    move = theta[int(tau[c])] * theta[int(deviation[g, c])]
                    if of == OF_CONTRIBUTION:
                        contribution[g, c] *= math.exp(move)
                    else:
                        shift[of, g, c] = move
    retention, half, slope = np.empty((n_curves, n)), np.empty((n_curves, n)), np.empty((n_curves, n))
    d_retention, d_log_life = np.ones((n_curves, n)), np.empty((n_curves, n))
    for c in range(n):
        row = rows[c * CHANNEL : (c + 1) * CHANNEL]
        value = theta[int(row[RETENTION])]
        for r in range(n_curves):
            if row[DECAY] > 0.0:
                life = value * math.exp(shift[0, r, c])
                retention[r, c] = math.exp(-row[DECAY] / life)
                d_retention[r, c] = retention[r, c] * row[DECAY] / (value * life)
                d_log_life[r, c] = retention[r, c] * row[DECAY] / life
            else:  # the power of a retention is the inverse of the factor of its half-life
                power = math.exp(-shift[0, r, c])
                retention[r, c] = value**power if power != 1.0 else value
                d_retention[r, c] = power * retention[r, c] / value if power != 1.0 else 1.0
                d_log_life[r, c] = -power * math.log(value) * retention[r, c]
            half[r, c] = theta[int(row[HALF_SATURATION])] * math.exp(shift[1, r, c])
            slope[r, c] = theta[int(row[SLOPE])] * math.exp(shift[2, r, c])
    return retention, half, slope, contribution, d_retention, d_log_life


@inlined
def _spread(program, at, k, n_geos, n):
    """What the k-th factor between geos multiplies, positions (C) of its sds and (G, C) of its deviations."""
    size = 1 + n + n_geos * n
    table = stretch(program, at, SPREADS, (k + 1) * size)[k * size :]
    return int(table[0]), table[1 : 1 + n], table[1 + n :].reshape(n_geos, n)


@inlined
def _explicit(program, at):
    """Design (n, N) of the terms that are parameters, and their positions."""
    n, size = int(program[at + N_TERMS]), int(program[at + N_GEOS] * program[at + N_PERIODS])
    return stretch(program, at, DESIGN, n * size).reshape(n, size), stretch(program, at, TERMS, n)


@inlined
def _runs(program, at):
    """Table of the runs of an equation (K, RUN)."""
    n = int(program[at + N_RUNS])
    return stretch(program, at, RUNS, n * RUN).reshape(n, RUN)


@jit
def forward(program, at, theta, known):
    """Write media and explicit terms of an equation into ``known``; returns what `_backward` needs."""
    n_geos, n_periods, n = int(program[at + N_GEOS]), int(program[at + N_PERIODS]), int(program[at + N_CHANNELS])
    x, max_lag = stretch(program, at, MEDIA, int(program[at + N_INPUT])), int(program[at + MAX_LAG])
    n_days = int(program[at + N_DAYS])
    days = stretch(program, at, DAYS, n * n_days).reshape(n, n_days)
    retention, half, slope, contribution, d_retention, d_log_life = _channels(program, at, theta)
    first, count = stretch(program, at, FIRST, n_geos), stretch(program, at, COUNT, n_geos)
    if program[at + N_RUNS] > 0.0:
        media, share, log_ratio, log_decay = media_by_run(
            x, _runs(program, at), days, retention, half, slope, contribution, max_lag, n_periods
        )
    elif n_geos > 1:
        x = x.reshape(n, n_periods, n_geos)
        media, share, log_ratio, log_decay = panel_media(
            x, days, retention[0], half[0], slope[0], contribution, max_lag, first, count
        )
    else:
        x = x.reshape(n_geos, n, n_periods)
        media, share, log_ratio, log_decay = media_basis(
            x, days, np.zeros((n_geos, n)), retention[0], half[0], slope[0], contribution, max_lag
        )
    design, terms = _explicit(program, at)
    copy_into(media.ravel(), known)
    for k in range(len(terms)):
        add_multiple(known, theta[int(terms[k])], design[k])
    if program[at + OFFSET] >= 0.0:
        add_multiple(known, 1.0, stretch(program, at, OFFSET, known.shape[0]))
    at_period = int(program[at + PERIOD])
    if at_period >= 0:
        omega, _ = omega_of(program, at, theta)
        for t in range(n_periods):
            for g in range(n_geos):
                known[t * n_geos + g] += omega * theta[at_period + t]
    return share, log_ratio, log_decay, half, slope, contribution, d_retention, d_log_life


@jit
def backward(program, at, theta, saved, d_known, d_theta):
    """Add the derivatives to the parameters of media and explicit terms, given those to their sum."""
    design, terms = _explicit(program, at)
    for k in range(len(terms)):
        d_theta[int(terms[k])] += inner_product(d_known, design[k])
    share, log_ratio, log_decay, half, slope, contribution, d_retention, d_log_life = saved
    n_geos, n_periods = int(program[at + N_GEOS]), int(program[at + N_PERIODS])
    at_period = int(program[at + PERIOD])
    if at_period >= 0:
        omega, at_omega = omega_of(program, at, theta)
        for t in range(n_periods):
            d_period = 0.0
            for g in range(n_geos):
                d_period += d_known[t * n_geos + g]
            d_theta[at_period + t] += omega * d_period
            if at_omega >= 0:
                d_theta[at_omega] += d_period * theta[at_period + t]
    n = half.shape[1]
    count = stretch(program, at, COUNT, n_geos)
    if program[at + N_RUNS] > 0.0:
        cotangent = d_known.reshape(n_periods, n_geos)
        runs = _runs(program, at)
        back = media_by_run_vjp(share, log_ratio, log_decay, runs, half, slope, contribution, cotangent)
    else:
        if n_geos > 1:
            cotangent = d_known.reshape(n_periods, n_geos)
            one = panel_media_vjp(share, log_ratio, log_decay, half[0], slope[0], contribution, cotangent, count)
        else:
            cotangent = d_known.reshape(n_geos, n_periods)
            one = media_basis_vjp(share, log_ratio, log_decay, half[0], slope[0], contribution, cotangent)
        back = one[0].reshape(1, n), one[1].reshape(1, n), one[2].reshape(1, n), one[3]
    rows = stretch(program, at, CHANNELS, n * CHANNEL)
    where = stretch(program, at, CONTRIBUTIONS, n_geos * n).reshape(n_geos, n)
    for c in range(n):
        row = rows[c * CHANNEL : (c + 1) * CHANNEL]
        at_half, at_slope = int(row[HALF_SATURATION]), int(row[SLOPE])
        for r in range(half.shape[0]):
            d_theta[int(row[RETENTION])] += back[0][r, c] * d_retention[r, c]
            d_theta[at_half] += _along(back[1][r, c], half[r, c], theta[at_half], 1.0)
            d_theta[at_slope] += _along(back[2][r, c], slope[r, c], theta[at_slope], 1.0)
        for g in range(n_geos):
            if where[g, c] >= 0.0:
                at_median = int(where[g, c])
                d_theta[at_median] += _along(back[3][g, c], contribution[g, c], theta[at_median], row[UNIT])
    for k in range(int(program[at + N_SPREADS])):
        of, tau, deviation = _spread(program, at, k, n_geos, n)
        for c in range(n):
            at_tau = int(tau[c])
            for g in range(n_geos):
                if deviation[g, c] < 0.0:
                    continue
                if of == OF_CONTRIBUTION:
                    d_log = back[3][g, c] * contribution[g, c]
                elif of == 0:
                    d_log = back[0][g, c] * d_log_life[g, c]
                elif of == 1:
                    d_log = back[1][g, c] * half[g, c]
                else:
                    d_log = back[2][g, c] * slope[g, c]
                d_theta[at_tau] += d_log * theta[int(deviation[g, c])]
                d_theta[int(deviation[g, c])] += d_log * theta[at_tau]


@inlined
def _along(derivative, value, parameter, unit):
    """Derivative to a parameter from that to its value, ``parameter * unit`` times a factor of the geo."""
    plain = value == parameter * unit  # then exact at 0, too
    return derivative * unit if plain else derivative * value / parameter
