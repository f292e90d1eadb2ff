"""The layout of a program, which the compiled density reads: an array of doubles, and what stands where in it."""

from bayesmmm.kernels.compile import inlined

# The head of a program; the positions of the equations follow it. COORDINATES is where linear coordinates begin, 0 where
# there are none: their number of vectors, centre (D), scale (D), factors (k,), vectors (k, D). ALONE is the number of
# parameters with a PARTNER.
LENGTH, N_EQUATIONS, PARAMETERS, COORDINATES, ALONE, HEAD = range(6)
# A parameter, one row each: its prior in standard form, the constant that was left out, and its map from the line.
# SECOND and PARTNER are of the deviation of a geo that is alone in its group: positions of the sd of groups and of the
# group's deviation; -1 for all else.
FAMILY, SHAPE_A, SHAPE_B, LOC, SCALE, CONSTANT, MAP, LOW, HIGH, SECOND, PARTNER, PARAMETER = range(12)
# A channel of an equation, one row each. DECAY is log 2 for a half-life in days and 0 for a retention;
# UNIT is what a unit of its contribution parameter contributes.
RETENTION, DECAY, HALF_SATURATION, SLOPE, UNIT, CHANNEL = range(6)
# An equation: kinds and sizes, positions of parameters (-1: there is none), positions of arrays. TIED is the number of
# the mediator's equation that its residuals are correlated with, RHO_VALUE the correlation where it is no parameter.
LIKELIHOOD, COLLAPSED, N_GEOS, N_PERIODS, N_CHANNELS, N_DIRECTIONS, N_TERMS, MAX_LAG = range(8)
SIGMA, NU_MINUS_TWO, ROTATED, MEDIA, DIRECTIONS, VARIANCE, OFFSET, DESIGN = range(8, 16)
OBSERVED, CHANNELS, TERMS, TIED, RHO, RHO_VALUE = range(16, 22)
# By geo and channel: positions of the contribution, -1 where a geo never bought. SPREADS are tables, one for each
# factor exp(tau z) by which geos differ: what it multiplies (0 to 2: half-life, half-saturation, slope; 3:
# contribution), positions (C) of tau and (G, C) of z, -1 where there is none.
CONTRIBUTIONS, SPREADS = range(22, 24)
OF_CONTRIBUTION = 3
# A panel whose coefficients and period effects are integrated out: numbers of columns and arrays of `collapsed_panel`,
# position of omega, or its value where it is no parameter. PERIOD is where standard Normal period effects begin among
# the parameters, -1 where there are none or they are integrated out. In a panel geos stand last in all arrays.
N_OWN, N_CALENDAR, N_WIDE, OWN, CALENDAR, WIDE, WIDE_BY_PERIOD, NORM, GRAM, GRAM_BY_PERIOD = range(24, 34)
BETWEEN, CROSS, OMEGA, OMEGA_VALUE, PERIOD = range(34, 39)
# Cells that do not weigh alike. N_SIGMA is the number of residual scales, SIGMA the first; SEEN says which cells are
# observed, for `collapsed_weighted`, whose columns stand at OWN, WIDE and GRAM; -1 where all are, and share one scale.
# Other likelihoods read the N_KEPT cells at KEPT only, those of one scale side by side from EDGES on; -1 for all cells.
N_SIGMA, SEEN, N_KEPT, KEPT, EDGES = range(39, 44)
# Number of SPREADS, and whether one of them is of a curve, so that every geo has its own. FIRST and COUNT: the first
# period of each geo, and how many it has.
N_SPREADS, BY_GEO, FIRST, COUNT = range(44, 48)
# Lengths of the periods by channel, and how many each has, as in `bayesmmm.kernels.adstock`.
DAYS, N_DAYS = range(48, 50)
# A panel in runs, of `bayesmmm.kernels.panel_runs`: how many, their table, and how many numbers MEDIA then has; 0 where
# MEDIA has all periods of all geos.
N_RUNS, RUNS, N_INPUT = range(50, 53)
# A panel of which every geo is observed in all of its periods, for `collapsed_ragged`: the number of geos in each
# period, and sums of the shared columns over them; -1 where it is none. Columns stand at OWN, CALENDAR, WIDE and GRAM.
GEOS_SEEN, BY_PERIOD, EQUATION = range(53, 56)


@inlined
def stretch(program, at, field, size):
    """Return so many numbers (size,) of the array of an equation that begins where a field of its head says."""
    start = int(program[at + field])
    return program[start : start + size]


@inlined
def copy_into(values, into):
    """Write values (N,) into an array."""
    for t in range(into.shape[0]):
        into[t] = values[t]


@inlined
def omega_of(program, at, theta):
    """Sd of period effects, and its position among the parameters, -1 where it is none."""
    at_omega = int(program[at + OMEGA])
    return theta[at_omega] if at_omega >= 0 else program[at + OMEGA_VALUE], at_omega
