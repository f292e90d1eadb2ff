"""Deviations of geos, compiled: from the coordinates that they are sampled in, and derivatives back to these."""

import math

from bayesmmm.kernels.compile import inlined
from bayesmmm.kernels.program import HIGH, LOW, PARAMETER, PARAMETERS, PARTNER, SECOND, SHAPE_A, SHAPE_B


@inlined
def sd_of(row, theta):
    """Sd of the deviation of a geo, of that of its group and its own together where it is alone in it."""
    tau = theta[int(row[LOW])]
    return tau if row[SECOND] < 0.0 else math.hypot(tau, theta[int(row[SECOND])])


@inlined
def turn(program, values, theta, back):
    """Turn pairs of values at geos that are alone in their group, in place.

    Such a geo moves by ``tau z + tau_group z_group = sd s``, ``sd = hypot(tau, tau_group)``, and nothing is known of how
    the two share it. Sampled are s and ``r``, at right angles, which are independent standard Normal, too::

        z = (tau s - tau_group r) / sd,   z_group = (tau_group s + tau r) / sd

    From (s, r) to (z, z_group) or, with `back`, the other way round; derivatives turn as values do.
    """
    start = int(program[PARAMETERS])
    for i in range(theta.shape[0]):
        row = program[start + i * PARAMETER : start + (i + 1) * PARAMETER]
        if row[PARTNER] >= 0.0:
            j, sd = int(row[PARTNER]), sd_of(row, theta)
            cosine, sine = theta[int(row[LOW])] / sd, theta[int(row[SECOND])] / sd
            if back:
                sine = -sine
            first, second = values[i], values[j]
            values[i], values[j] = cosine * first - sine * second, sine * first + cosine * second


@inlined
def turn_gradient(program, theta, d_theta):
    """Add what sds do by the angle of `turn`, and turn derivatives to deviations into those to what is sampled."""
    start = int(program[PARAMETERS])
    for i in range(theta.shape[0]):
        row = program[start + i * PARAMETER : start + (i + 1) * PARAMETER]
        if row[PARTNER] >= 0.0:
            j, sd = int(row[PARTNER]), sd_of(row, theta)
            at_tau, at_second = int(row[LOW]), int(row[SECOND])
            d_angle = (d_theta[j] * theta[i] - d_theta[i] * theta[j]) / (sd * sd)
            d_theta[at_tau] -= d_angle * theta[at_second]
            d_theta[at_second] += d_angle * theta[at_tau]
    turn(program, d_theta, theta, True)
    turn(program, theta, theta, True)


@inlined
def deviation(row, theta, u):
    """Deviation of a geo at its coordinate, the derivative to that, and its logarithm.

    ``z = (u - b log |median|) / tau ** w``: w = b = 0 leaves z, w = b = 1 is the log size of the geo's own contribution.
    """
    log_slope = -row[HIGH] * math.log(sd_of(row, theta))
    slope = math.exp(log_slope)
    return (u - row[SHAPE_B] * math.log(abs(theta[int(row[SHAPE_A])]))) * slope, slope, log_slope
