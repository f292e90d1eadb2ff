"""Log posterior density of any system of equations, and its gradient, by one compiled function.

The function reads a *program*: one array of doubles that says which parameters there are, how they are distributed, and
which of them each equation takes, and that holds the data. So nothing is compiled for a new system. `bayesmmm.density`
writes programs; positions in them are named here.
"""

import math

import numba as nb
import numpy as np

from bayesmmm.kernels.compile import jit
from bayesmmm.kernels.likelihood import (
    collapsed_normal,
    explicit_censored_normal,
    explicit_normal,
    explicit_student_t,
    linear_predictor,
)
from bayesmmm.kernels.media import media_basis, media_basis_vjp
from bayesmmm.kernels.univariate import constrain, log_density

# The head of a program; the positions of the equations follow it.
LENGTH, N_EQUATIONS, PARAMETERS, HEAD = range(4)
# A parameter, one row each: its prior in standard form, the constant that was left out, and its map from the line.
FAMILY, SHAPE_A, SHAPE_B, LOC, SCALE, CONSTANT, MAP, LOW, HIGH, PARAMETER = range(10)
# A channel of an equation, one row each. DECAY is log 2 * days per period for a half-life and 0 for a retention;
# UNIT is what a unit of its contribution parameter contributes.
RETENTION, DECAY, HALF_SATURATION, SLOPE, CONTRIBUTION, UNIT, CHANNEL = range(7)
# An equation: kinds and sizes, positions of parameters (-1: there is none), positions of arrays.
(
    LIKELIHOOD,
    COLLAPSED,
    N_GEOS,
    N_PERIODS,
    N_CHANNELS,
    N_DIRECTIONS,
    N_TERMS,
    MAX_LAG,
    SIGMA,
    NU_MINUS_TWO,
    ROTATED,
    MEDIA,
    DIRECTIONS,
    VARIANCE,
    OFFSET,
    DESIGN,
    OBSERVED,
    CHANNELS,
    TERMS,
    EQUATION,
) = range(20)
NORMAL, STUDENT_T, CENSORED_NORMAL = range(3)


@jit
def _stretch(program, at, field, size):
    start = int(program[at + field])
    return program[start : start + size]


@jit
def _channels(program, at, theta):
    """Retention, half-saturation, slope, contribution (per geo) of an equation, and d retention / d parameter."""
    n_geos, n = int(program[at + N_GEOS]), int(program[at + N_CHANNELS])
    retention, half, slope = np.empty(n), np.empty(n), np.empty(n)
    contribution, d_retention = np.empty((n_geos, n)), np.ones(n)
    rows = _stretch(program, at, CHANNELS, n * CHANNEL)
    for c in range(n):
        row = rows[c * CHANNEL : (c + 1) * CHANNEL]
        value = theta[int(row[RETENTION])]
        if row[DECAY] > 0.0:
            retention[c] = math.exp(-row[DECAY] / value)
            d_retention[c] = retention[c] * row[DECAY] / (value * value)
        else:
            retention[c] = value
        half[c], slope[c] = theta[int(row[HALF_SATURATION])], theta[int(row[SLOPE])]
        contribution[:, c] = theta[int(row[CONTRIBUTION])] * row[UNIT]
    return retention, half, slope, contribution, d_retention


@jit
def _likelihood(program, at, theta, known, d_theta):
    """Log density of an equation given media and explicit terms, and its derivative to these."""
    size, n = known.shape[0], int(program[at + N_DIRECTIONS])
    y = _stretch(program, at, OBSERVED, size)
    directions = _stretch(program, at, DIRECTIONS, n * size).reshape(n, size)
    at_sigma, at_nu, at_rotated = (
        int(program[at + SIGMA]),
        int(program[at + NU_MINUS_TWO]),
        int(program[at + ROTATED]),
    )
    sigma = theta[at_sigma]
    if program[at + COLLAPSED] > 0.0:
        value, d_known, d_sigma = collapsed_normal(y, known, sigma, directions, _stretch(program, at, VARIANCE, n))
        d_theta[at_sigma] += d_sigma
        return value, d_known
    rotated = theta[at_rotated : at_rotated + n] if n > 0 else np.empty(0)
    kind = int(program[at + LIKELIHOOD])
    if kind == NORMAL:
        value, d_known, d_rotated, d_sigma, _ = explicit_normal(y, known, directions, rotated, sigma, 0.0)
    elif kind == STUDENT_T:
        nu = 2.0 + theta[at_nu]
        value, d_known, d_rotated, d_sigma, d_nu = explicit_student_t(y, known, directions, rotated, sigma, nu)
        d_theta[at_nu] += d_nu
    else:
        value, d_known, d_rotated, d_sigma, _ = explicit_censored_normal(y, known, directions, rotated, sigma, 0.0)
    for k in range(n):
        d_theta[at_rotated + k] += d_rotated[k]
    d_theta[at_sigma] += d_sigma
    return value, d_known


@jit
def _equation(program, at, theta, d_theta):
    """Log likelihood of one equation; adds its derivatives to ``d_theta``."""
    n_geos, n_periods, n = int(program[at + N_GEOS]), int(program[at + N_PERIODS]), int(program[at + N_CHANNELS])
    size, n_terms = n_geos * n_periods, int(program[at + N_TERMS])
    x = _stretch(program, at, MEDIA, size * n).reshape(n_geos, n, n_periods)
    retention, half, slope, contribution, d_retention = _channels(program, at, theta)
    carry_in = np.zeros((n_geos, n))
    media, share, log_ratio, log_decay = media_basis(
        x, carry_in, retention, half, slope, contribution, int(program[at + MAX_LAG])
    )
    terms = _stretch(program, at, TERMS, n_terms)
    design = _stretch(program, at, DESIGN, n_terms * size).reshape(n_terms, size)
    b = np.empty(n_terms)
    for k in range(n_terms):
        b[k] = theta[int(terms[k])]
    known = linear_predictor(media.ravel(), design, b)
    if program[at + OFFSET] >= 0.0:
        known += _stretch(program, at, OFFSET, size)
    value, d_known = _likelihood(program, at, theta, known, d_theta)
    for k in range(n_terms):
        total = 0.0
        for t in range(size):
            total += d_known[t] * design[k, t]
        d_theta[int(terms[k])] += total
    back = media_basis_vjp(
        share, log_ratio, log_decay, half, slope, contribution, d_known.reshape(n_geos, n_periods)
    )
    rows = _stretch(program, at, CHANNELS, n * CHANNEL)
    for c in range(n):
        row = rows[c * CHANNEL : (c + 1) * CHANNEL]
        d_theta[int(row[RETENTION])] += back[0][c] * d_retention[c]
        d_theta[int(row[HALF_SATURATION])] += back[1][c]
        d_theta[int(row[SLOPE])] += back[2][c]
        d_theta[int(row[CONTRIBUTION])] += back[3][:, c].sum() * row[UNIT]
    return value


@jit
def log_posterior(program, u, gradient):
    """Log posterior density at unconstrained coordinates, with the terms of the change of variables.

    ``sum_i [log prior_i(theta_i) + log |d theta_i / d u_i|] + sum_v log likelihood_v(theta)``, ``theta = constrain(u)``

    Parameters
    ----------
    program : (L,) float array
    u : (D,) float array
    gradient : (D,) float array
        Receives the gradient with respect to u.

    Returns
    -------
    float
    """
    n = u.shape[0]
    theta, slope, d_theta = np.empty(n), np.empty(n), np.empty(n)
    start, total = int(program[PARAMETERS]), 0.0
    for i in range(n):
        row = program[start + i * PARAMETER : start + (i + 1) * PARAMETER]
        theta[i], slope[i], log_slope, gradient[i] = constrain(int(row[MAP]), row[LOW], row[HIGH], u[i])
        y = (theta[i] - row[LOC]) / row[SCALE]
        value, d_y = log_density(int(row[FAMILY]), row[SHAPE_A], row[SHAPE_B], y)
        total += value + row[CONSTANT] + log_slope
        d_theta[i] = d_y / row[SCALE]
    for k in range(int(program[N_EQUATIONS])):
        total += _equation(program, int(program[HEAD + k]), theta, d_theta)
    for i in range(n):
        gradient[i] += d_theta[i] * slope[i]
    return total


@jit
def constrained(program, u, theta):
    """Write the parameters at unconstrained coordinates into ``theta``."""
    start = int(program[PARAMETERS])
    for i in range(u.shape[0]):
        row = program[start + i * PARAMETER : start + (i + 1) * PARAMETER]
        theta[i], _, _, _ = constrain(int(row[MAP]), row[LOW], row[HIGH], u[i])


# ------------------------------------------------------------------------------ for callers that are not Python
_DOUBLES = nb.types.CPointer(nb.types.double)
_CODE, _SIZE = nb.types.int64, nb.types.uint64
_c_function = {"cache": True, "nogil": True, "error_model": "numpy"}


@nb.cfunc(_CODE(_SIZE, _DOUBLES, _DOUBLES, _DOUBLES, nb.types.voidptr), **_c_function)
def log_posterior_address(n, u, gradient, value, program):
    """`log_posterior` with the calling convention of nutpie; 0, or a code for a value that is not finite."""
    length = int(nb.carray(program, (1,), nb.float64)[LENGTH])
    into = nb.carray(gradient, (n,))
    total = log_posterior(nb.carray(program, (length,), nb.float64), nb.carray(u, (n,)), into)
    if not np.isfinite(total):
        return 4
    for i in range(n):
        if not np.isfinite(into[i]):
            return 3
    nb.carray(value, (1,))[0] = total
    return 0


@nb.cfunc(_CODE(_SIZE, _SIZE, _DOUBLES, _DOUBLES, nb.types.voidptr), **_c_function)
def constrained_address(n, n_out, u, theta, program):
    """`constrained` with the calling convention of nutpie."""
    length = int(nb.carray(program, (1,), nb.float64)[LENGTH])
    constrained(nb.carray(program, (length,), nb.float64), nb.carray(u, (n,)), nb.carray(theta, (n_out,)))
    return 0
