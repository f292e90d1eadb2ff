"""Log posterior density of any system of equations, and its gradient, by one compiled function.

The function reads a *program*: one array of doubles that says which parameters there are, how they are distributed, and
which of them each equation takes, and that holds the data. So nothing is compiled for a new system. `bayesmmm.inference`
writes programs; `bayesmmm.kernels.program` names the positions in them.
"""

import math

import numba as nb
import numpy as np

from bayesmmm.kernels.compile import NUMBA_OPTIONS, inlined, inner_product, jit
from bayesmmm.kernels.deviations import deviation, turn, turn_gradient
from bayesmmm.kernels.equation_terms import backward, forward
from bayesmmm.kernels.likelihood import (
    add_multiple,
    collapsed_normal,
    explicit,
    explicit_by_group,
    linear_predictor,
)
from bayesmmm.kernels.panel import collapsed_panel
from bayesmmm.kernels.panel_ragged import collapsed_ragged
from bayesmmm.kernels.panel_weighted import collapsed_weighted
from bayesmmm.kernels.prior_density import SCALED, constrain, log_density
from bayesmmm.kernels.program import (
    ALONE,
    BETWEEN,
    BY_PERIOD,
    CALENDAR,
    COLLAPSED,
    CONSTANT,
    COORDINATES,
    COUNT,
    CROSS,
    DIRECTIONS,
    EDGES,
    FAMILY,
    FIRST,
    GEOS_SEEN,
    GRAM,
    GRAM_BY_PERIOD,
    HEAD,
    HIGH,
    KEPT,
    LENGTH,
    LIKELIHOOD,
    LOC,
    LOW,
    MAP,
    N_CALENDAR,
    N_DIRECTIONS,
    N_EQUATIONS,
    N_GEOS,
    N_KEPT,
    N_OWN,
    N_PERIODS,
    N_SIGMA,
    N_WIDE,
    NORM,
    NU_MINUS_TWO,
    OBSERVED,
    OWN,
    PARAMETER,
    PARAMETERS,
    RHO,
    RHO_VALUE,
    ROTATED,
    SCALE,
    SECOND,
    SEEN,
    SHAPE_A,
    SHAPE_B,
    SIGMA,
    TIED,
    VARIANCE,
    WIDE,
    WIDE_BY_PERIOD,
    copy_into,
    omega_of,
    stretch,
)


@inlined
def _linear(program, at):
    """Directions (n, N) of an equation and where their coordinates begin among the parameters."""
    n, size = int(program[at + N_DIRECTIONS]), int(program[at + N_GEOS] * program[at + N_PERIODS])
    return stretch(program, at, DIRECTIONS, n * size).reshape(n, size), int(program[at + ROTATED])


@jit
def _panel(program, at, theta, y, known, sigma, d_known, d_theta):
    """`_likelihood` of a panel whose coefficients and period effects are integrated out."""
    n_geos, n_periods = int(program[at + N_GEOS]), int(program[at + N_PERIODS])
    n_own, n_calendar, n_wide = int(program[at + N_OWN]), int(program[at + N_CALENDAR]), int(program[at + N_WIDE])
    size, p = n_geos * n_periods, n_calendar + n_wide
    omega, at_omega = omega_of(program, at, theta)
    value, slope, d_sigma, d_omega = collapsed_panel(
        y.reshape(n_periods, n_geos),
        known.reshape(n_periods, n_geos),
        sigma,
        omega,
        stretch(program, at, OWN, n_own * n_periods).reshape(n_own, n_periods),
        stretch(program, at, CALENDAR, n_calendar * n_periods).reshape(n_calendar, n_periods),
        stretch(program, at, WIDE, n_wide * size).reshape(n_wide, n_periods, n_geos),
        stretch(program, at, WIDE_BY_PERIOD, n_wide * n_periods).reshape(n_wide, n_periods),
        stretch(program, at, NORM, n_own),
        stretch(program, at, GRAM, p * p).reshape(p, p),
        stretch(program, at, GRAM_BY_PERIOD, p * p).reshape(p, p),
        stretch(program, at, BETWEEN, n_own * n_wide * n_geos).reshape(n_own, n_wide, n_geos),
        stretch(program, at, CROSS, n_own * n_wide * n_wide).reshape(n_own, n_wide, n_wide),
    )
    if at_omega >= 0:
        d_theta[at_omega] += d_omega
    copy_into(slope.ravel(), d_known)
    return value, d_sigma


@jit
def _weighted_panel(program, at, theta, known, sigma, d_known, d_theta):
    """`_some_cells` of a panel whose coefficients and period effects are integrated out."""
    n_geos, n_periods = int(program[at + N_GEOS]), int(program[at + N_PERIODS])
    n_own, n_shared = int(program[at + N_OWN]), int(program[at + N_WIDE])
    size, p = n_geos * n_periods, n_own + n_shared
    omega, at_omega = omega_of(program, at, theta)
    value, slope, d_sigma, d_omega = collapsed_weighted(
        stretch(program, at, OBSERVED, size).reshape(n_periods, n_geos),
        known.reshape(n_periods, n_geos),
        sigma if sigma.shape[0] > 1 else np.repeat(sigma, n_geos),
        omega,
        stretch(program, at, SEEN, size).reshape(n_periods, n_geos),
        stretch(program, at, OWN, n_own * size).reshape(n_own, n_periods, n_geos),
        stretch(program, at, WIDE, n_shared * size).reshape(n_shared, n_periods, n_geos),
        stretch(program, at, GRAM, n_geos * p * p).reshape(n_geos, p, p),
    )
    if at_omega >= 0:
        d_theta[at_omega] += d_omega
    copy_into(slope.ravel(), d_known)
    if sigma.shape[0] == 1:
        d_sigma[0] = d_sigma.sum()
    return value, d_sigma


@jit
def _ragged_panel(program, at, theta, known, sigma, d_known, d_theta):
    """`_weighted_panel` where geos start late or end early, and nothing else is not observed."""
    n_geos, n_periods = int(program[at + N_GEOS]), int(program[at + N_PERIODS])
    n_own, n_calendar, n_wide = int(program[at + N_OWN]), int(program[at + N_CALENDAR]), int(program[at + N_WIDE])
    size, shared = n_geos * n_periods, n_calendar + n_wide
    p = n_own + shared
    omega, at_omega = omega_of(program, at, theta)
    first = stretch(program, at, FIRST, n_geos)
    value, slope, d_sigma, d_omega = collapsed_ragged(
        stretch(program, at, OBSERVED, size).reshape(n_periods, n_geos),
        known.reshape(n_periods, n_geos),
        sigma[0],
        omega,
        stretch(program, at, SEEN, size).reshape(n_periods, n_geos),
        first,
        first + stretch(program, at, COUNT, n_geos),
        stretch(program, at, GEOS_SEEN, n_periods),
        stretch(program, at, OWN, n_own * n_periods).reshape(n_own, n_periods),
        stretch(program, at, CALENDAR, n_calendar * n_periods).reshape(n_calendar, n_periods),
        stretch(program, at, WIDE, n_wide * size).reshape(n_wide, n_periods, n_geos),
        stretch(program, at, BY_PERIOD, shared * n_periods).reshape(shared, n_periods),
        stretch(program, at, GRAM, n_geos * p * p).reshape(n_geos, p, p),
    )
    if at_omega >= 0:
        d_theta[at_omega] += d_omega
    copy_into(slope.ravel(), d_known)
    return value, np.full(1, d_sigma)


@jit
def _some_cells(program, at, theta, known, sigma, d_known, d_theta):
    """`_likelihood` where some cells are not observed, or geos have residual scales of their own.

    Of residual scales (n,); returns the derivatives to them.
    """
    if program[at + GEOS_SEEN] >= 0.0:
        return _ragged_panel(program, at, theta, known, sigma, d_known, d_theta)
    if program[at + SEEN] >= 0.0:
        return _weighted_panel(program, at, theta, known, sigma, d_known, d_theta)
    n_kept, first = int(program[at + N_KEPT]), int(program[at + ROTATED])
    kept, observed = stretch(program, at, KEPT, n_kept), stretch(program, at, OBSERVED, known.shape[0])
    n = int(program[at + N_DIRECTIONS])
    directions = stretch(program, at, DIRECTIONS, n * n_kept).reshape(n, n_kept)
    y, mean = np.empty(n_kept), np.empty(n_kept)
    for i in range(n_kept):
        y[i], mean[i] = observed[int(kept[i])], known[int(kept[i])]
    if program[at + COLLAPSED] > 0.0:
        value, slope, d_one = collapsed_normal(y, mean, sigma[0], directions, stretch(program, at, VARIANCE, n))
        d_sigma = np.full(1, d_one)
    else:
        rotated = theta[first : first + n] if n > 0 else np.empty(0)
        density, at_nu = int(program[at + LIKELIHOOD]), int(program[at + NU_MINUS_TWO])
        nu = 2.0 + theta[at_nu] if at_nu >= 0 else 0.0
        edges = stretch(program, at, EDGES, sigma.shape[0] + 1)
        value, slope, d_rotated, d_sigma, d_nu = explicit_by_group(
            density, y, mean, directions, rotated, sigma, nu, edges
        )
        if at_nu >= 0:
            d_theta[at_nu] += d_nu
        for k in range(n):
            d_theta[first + k] += d_rotated[k]
    d_known[:] = 0.0
    for i in range(n_kept):
        d_known[int(kept[i])] = slope[i]
    return value, d_sigma


@jit
def _likelihood(program, at, theta, known, sigma, d_known, d_theta):
    """Log density of an equation with residual scale ``sigma``, and its derivative to that.

    Writes the derivative to ``known`` into ``d_known`` and adds those to its other parameters.
    """
    y = stretch(program, at, OBSERVED, known.shape[0])
    if program[at + COLLAPSED] > 0.0 and program[at + N_GEOS] > 1.0:
        return _panel(program, at, theta, y, known, sigma, d_known, d_theta)
    directions, first = _linear(program, at)
    n = directions.shape[0]
    if program[at + COLLAPSED] > 0.0:
        value, slope, d_sigma = collapsed_normal(y, known, sigma, directions, stretch(program, at, VARIANCE, n))
        copy_into(slope, d_known)
        return value, d_sigma
    rotated = theta[first : first + n] if n > 0 else np.empty(0)
    density, at_nu = int(program[at + LIKELIHOOD]), int(program[at + NU_MINUS_TWO])
    nu = 2.0 + theta[at_nu] if at_nu >= 0 else 0.0
    value, slope, d_rotated, d_sigma, d_nu = explicit(density, y, known, directions, rotated, sigma, nu)
    if at_nu >= 0:
        d_theta[at_nu] += d_nu
    for k in range(n):
        d_theta[first + k] += d_rotated[k]
    copy_into(slope, d_known)
    return value, d_sigma


@jit
def _correlated(program, at, at_mediator, theta, known, known_mediator, d_known, d_mediator, d_theta):
    """Log density of an equation whose residuals are correlated with those of a mediator, given these.

    ``e | e_M ~ Normal(rho sigma / sigma_M e_M, sigma sqrt(1 - rho^2))``, with the coefficients of the mediator among the
    parameters, so that ``e_M`` is known. Writes the derivative to ``known``, adds the one to the mediator's.
    """
    at_rho, at_sigma, at_other = (
        int(program[at + RHO]),
        int(program[at + SIGMA]),
        int(program[at_mediator + SIGMA]),
    )
    rho = theta[at_rho] if at_rho >= 0 else program[at + RHO_VALUE]
    sigma, other = theta[at_sigma], theta[at_other]
    directions, first = _linear(program, at_mediator)
    n, narrower = directions.shape[0], math.sqrt(1.0 - rho * rho)
    rotated = theta[first : first + n] if n > 0 else np.empty(0)
    residual = stretch(program, at_mediator, OBSERVED, known.shape[0]).copy()
    kept = int(program[at_mediator + N_KEPT])
    cells = stretch(program, at_mediator, KEPT, kept)
    if kept > 0:  # other residuals are not read: where the mediator was not recorded, this equation is not seen
        before = known_mediator.copy()
        directions = stretch(program, at_mediator, DIRECTIONS, n * kept).reshape(n, kept)
        explained = linear_predictor(np.zeros(kept), directions, rotated)
        for i in range(kept):
            before[int(cells[i])] += explained[i]
        add_multiple(residual, -1.0, before)
    else:
        add_multiple(residual, -1.0, linear_predictor(known_mediator, directions, rotated))
    ratio, mean = rho * sigma / other, known.copy()
    add_multiple(mean, ratio, residual)
    if program[at + KEPT] >= 0.0:
        scale = np.full(1, sigma * narrower)
        value, d_scales = _some_cells(program, at, theta, mean, scale, d_known, d_theta)
        d_scale = d_scales[0]
    else:
        value, d_scale = _likelihood(program, at, theta, mean, sigma * narrower, d_known, d_theta)
    d_ratio = inner_product(d_known, residual)
    d_theta[at_sigma] += d_scale * narrower + d_ratio * rho / other
    d_theta[at_other] -= d_ratio * ratio / other
    if at_rho >= 0:
        d_theta[at_rho] += d_ratio * sigma / other - d_scale * sigma * rho / narrower
    d_kept = d_known
    if kept > 0:
        d_kept = np.empty(kept)
        for i in range(kept):
            d_kept[i] = d_known[int(cells[i])]
    for k in range(n):
        d_theta[first + k] -= ratio * inner_product(d_kept, directions[k])
    add_multiple(d_mediator, -ratio, d_known)
    return value


@inlined
def _log_likelihood(program, theta, d_theta):
    """Log likelihood of all equations; adds its derivatives to ``d_theta``."""
    n, first = int(program[N_EQUATIONS]), int(program[HEAD])
    size = int(program[first + N_GEOS] * program[first + N_PERIODS])
    known, d_known = np.empty((n, size)), np.empty((n, size))
    saved = [forward(program, int(program[HEAD + k]), theta, known[k]) for k in range(n)]
    total = 0.0
    for k in range(n):  # in causal order: the derivatives of a mediator are there before they are added to
        at = int(program[HEAD + k])
        tied = int(program[at + TIED])
        at_sigma, n_sigma = int(program[at + SIGMA]), int(program[at + N_SIGMA])
        if tied < 0 and (program[at + SEEN] >= 0.0 or program[at + KEPT] >= 0.0):
            sigma = theta[at_sigma : at_sigma + n_sigma]
            value, d_sigmas = _some_cells(program, at, theta, known[k], sigma, d_known[k], d_theta)
            add_multiple(d_theta[at_sigma : at_sigma + n_sigma], 1.0, d_sigmas[:n_sigma])
        elif tied < 0:
            value, d_sigma = _likelihood(program, at, theta, known[k], theta[at_sigma], d_known[k], d_theta)
            d_theta[at_sigma] += d_sigma
        else:
            at_mediator = int(program[HEAD + tied])
            value = _correlated(
                program, at, at_mediator, theta, known[k], known[tied], d_known[k], d_known[tied], d_theta
            )
        total += value
    for k in range(n):
        backward(program, int(program[HEAD + k]), theta, saved[k], d_known[k], d_theta)
    return total


@inlined
def _vectors(program, n):
    """Centre and scale (D,) of linear coordinates, factors (k,) and vectors (k, D)."""
    at = int(program[COORDINATES])
    k, first = int(program[at]), at + 1 + 2 * n
    factors, vectors = program[first : first + k], program[first + k : first + k + k * n]
    return program[at + 1 : at + 1 + n], program[at + 1 + n : first], factors, vectors.reshape(k, n)


@jit
def _stretched(factors, vectors, x):
    """``x + V' diag(factors) V x``, which is its own transpose."""
    out = x.copy()
    for k in range(factors.shape[0]):
        add_multiple(out, factors[k] * inner_product(vectors[k], x), vectors[k])
    return out


@jit
def unwhitened(program, x):
    """Unconstrained coordinates (D,) at those of the sampler: ``centre + scale * (I + V' diag(factors) V) x``."""
    n = x.shape[0]
    centre, scale, factors, vectors = _vectors(program, n)
    u = _stretched(factors, vectors, x)
    for i in range(n):
        u[i] = centre[i] + scale[i] * u[i]
    return u


@jit
def _whiten_gradient(program, gradient):
    """Turn the gradient to unconstrained coordinates into the one to those of the sampler."""
    n = gradient.shape[0]
    _, scale, factors, vectors = _vectors(program, n)
    for i in range(n):
        gradient[i] *= scale[i]
    copy_into(_stretched(factors, vectors, gradient), gradient)


@inlined
def log_posterior(program, x, gradient):
    """Log posterior density at the coordinates of the sampler, up to no constant where they are the unconstrained ones.

    Parameters
    ----------
    program : (L,) float array
    x : (D,) float array
    gradient : (D,) float array
        Receives the gradient with respect to x.

    Returns
    -------
    float
    """
    if program[COORDINATES] == 0.0:
        return _log_posterior(program, x, gradient)
    value = _log_posterior(program, unwhitened(program, x), gradient)
    _whiten_gradient(program, gradient)
    return value


@jit
def _log_posterior(program, u, gradient):
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
        if row[MAP] == SCALED:
            theta[i], slope[i], log_slope = deviation(row, theta, u[i])
            gradient[i] = 0.0
        else:
            theta[i], slope[i], log_slope, gradient[i] = constrain(int(row[MAP]), row[LOW], row[HIGH], u[i])
        y = (theta[i] - row[LOC]) / row[SCALE]
        value, d_y = log_density(int(row[FAMILY]), row[SHAPE_A], row[SHAPE_B], y)
        total += value + row[CONSTANT] + log_slope
        d_theta[i] = d_y / row[SCALE]
    if program[ALONE] > 0.0:
        turn(program, theta, theta, False)
        turn(program, d_theta, theta, False)
    total += _log_likelihood(program, theta, d_theta)
    if program[ALONE] > 0.0:
        turn_gradient(program, theta, d_theta)
    for i in range(n):
        row = program[start + i * PARAMETER : start + (i + 1) * PARAMETER]
        if row[MAP] == SCALED:
            at_tau, at_median = int(row[LOW]), int(row[SHAPE_A])
            if row[SECOND] < 0.0:
                d_theta[at_tau] -= row[HIGH] / theta[at_tau] * (1.0 + d_theta[i] * theta[i])
            else:
                at_second, d_square = int(row[SECOND]), row[HIGH] * (1.0 + d_theta[i] * theta[i])
                d_square /= theta[at_tau] ** 2 + theta[at_second] ** 2
                d_theta[at_tau] -= d_square * theta[at_tau]
                d_theta[at_second] -= d_square * theta[at_second]
            d_theta[at_median] -= row[SHAPE_B] * d_theta[i] * slope[i] / theta[at_median]
    for i in range(n):
        gradient[i] += d_theta[i] * slope[i]
    return total


@jit
def constrained(program, x, theta):
    """Write the parameters at the coordinates of the sampler into ``theta``."""
    start, u = int(program[PARAMETERS]), x
    if program[COORDINATES] != 0.0:
        u = unwhitened(program, x)
    for i in range(u.shape[0]):
        row = program[start + i * PARAMETER : start + (i + 1) * PARAMETER]
        if row[MAP] == SCALED:
            theta[i], _, _ = deviation(row, theta, u[i])
        else:
            theta[i], _, _, _ = constrain(int(row[MAP]), row[LOW], row[HIGH], u[i])
    if program[ALONE] > 0.0:
        turn(program, theta, theta, False)


# ------------------------------------------------------------------------------ for callers that are not Python
_DOUBLES = nb.types.CPointer(nb.types.double)
_CODE, _SIZE = nb.types.int64, nb.types.uint64


@nb.cfunc(_CODE(_SIZE, _DOUBLES, _DOUBLES, _DOUBLES, nb.types.voidptr), **NUMBA_OPTIONS)
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


@nb.cfunc(_CODE(_SIZE, _SIZE, _DOUBLES, _DOUBLES, nb.types.voidptr), **NUMBA_OPTIONS)
def constrained_address(n, n_out, u, theta, program):
    """`constrained` with the calling convention of nutpie."""
    length = int(nb.carray(program, (1,), nb.float64)[LENGTH])
    constrained(nb.carray(program, (length,), nb.float64), nb.carray(u, (n,)), nb.carray(theta, (n_out,)))
    return 0
