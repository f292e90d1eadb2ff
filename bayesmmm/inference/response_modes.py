"""Modes of other shapes of response, which climbs from the prior do not come to.

Of many geos the data may say so much that two shapes of one channel's curve, such as nearly a step and nearly a
logarithm, are modes with a deep valley between them. NUTS does not cross it, so that every chain would stay where it
fell, in a mode that is less probable by many orders of magnitude, too.
"""

from collections.abc import Iterator

import numpy as np

from bayesmmm.inference.normal import finite_density, in_threads, lowest
from bayesmmm.inference.program import Program, deviations, on_line

#: Log densities that modes are apart by when the lower one is left out: what their widths could make up for is far less.
MARGIN = 10.0
#: Half-saturations and slopes that curves are climbed from: steps, logarithms, powers and S-shapes.
_HALF_SATURATIONS, _SLOPES = (0.0003, 0.08, 2.0), (0.1, 0.5, 1.5)
#: Parameters of one channel, all of which may differ between two shapes.
_OF_CHANNEL = ("half_life", "retention", "half_saturation", "slope", "contribution", "roi")
#: Log density that a curve may lack while all else stays as it was for another one, and still be looked at.
_HOPEFUL = 100.0
#: Distance, on the lines of a channel's parameters, within which two places are one, and the depth of a valley.
_SAME, _VALLEY = 0.2, 1.0
#: Steps of L-BFGS for the parameters of a channel, and for all.
_OWN, _ALL = 40, 300


def without_spreads(program: Program) -> np.ndarray:
    """Positions of all parameters but the spreads of geos.

    A joint mode has other spreads than the posterior, and its height says little; given the spreads, heights can be
    compared.
    """
    spreads = [position for each in deviations(program) for position in (each.at_tau, each.at_second)]
    return np.setdiff1d(np.arange(len(program.start)), spreads)


def climbed(program: Program, start: np.ndarray, free: np.ndarray, steps: int = _ALL) -> tuple[np.ndarray, float]:
    """Point (D,) uphill in some parameters, the others held, and its log density."""

    def point(x: np.ndarray) -> np.ndarray:
        u = start.copy()
        u[free] = x
        return u

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = finite_density(program, point(x))
        return -value, -gradient[free]

    top = point(lowest(loss, start[free], steps))
    return top, finite_density(program, top)[0]


def best_shapes(program: Program, start: np.ndarray) -> tuple[np.ndarray, bool]:
    """Mode (D,) given the spreads at a point, in which no channel alone has a far better shape; whether it is another.

    Channel after channel, other curves are climbed from in the parameters of that channel. What ends beyond a valley is
    climbed on from in all parameters but the spreads, and taken when it is higher by `MARGIN`. Modes nearer to one
    another are left to the chains, whose R-hat shows them.

    Parameters
    ----------
    program : Program
        In unconstrained coordinates.
    start : (D,) float array
        A place near a mode with spreads as in the posterior.

    Returns
    -------
    mode : (D,) float array
    another : bool
        Whether a shape was exchanged.
    """
    free, another = without_spreads(program), False
    mode, height = climbed(program, start, free)
    for own, half_saturation, slope in _channels(program):
        for place in _other_curves(program, mode, own, half_saturation, slope):
            top, value = climbed(program, place, free)
            if value > height + MARGIN:
                mode, height, another = top, value, True
    return mode, another


def is_far_lower(program: Program, point: np.ndarray, mode: np.ndarray) -> bool:
    """Whether the mode uphill from a point is lower by `MARGIN` than another one, both given the spreads of that."""
    free = without_spreads(program)
    start = mode.copy()
    start[free] = point[free]
    return climbed(program, start, free)[1] < climbed(program, mode, free)[1] - MARGIN


def _channels(program: Program) -> Iterator[tuple[np.ndarray, int, int]]:
    """Positions of the parameters of each channel of each equation, and those of its curve."""
    where: dict[tuple[str, str], dict[str, int]] = {}
    first = 0
    for block in program.blocks:
        for k, label in enumerate(block.labels):
            if block.parameter in _OF_CHANNEL:
                # Behind the parameter stands its family, where channels have priors of several.
                equation = block.variable.rpartition(f".{block.parameter}")[0]
                where.setdefault((equation, label), {})[block.parameter] = first + k
        first += len(block.labels) or 1
    for own in where.values():
        if "half_saturation" in own and "slope" in own:
            yield np.array(list(own.values())), own["half_saturation"], own["slope"]


def _other_curves(
    program: Program, mode: np.ndarray, own: np.ndarray, half_saturation: int, slope: int
) -> Iterator[np.ndarray]:
    """Points (D,) with another curve of one channel, that the curve of a mode is parted from by a valley."""
    height, known = finite_density(program, mode)[0], [mode[own]]
    starts = []
    for kappa in _HALF_SATURATIONS:
        for n in _SLOPES:
            start = mode.copy()
            start[half_saturation] = on_line(program, half_saturation, kappa)
            start[slope] = on_line(program, slope, n)
            if np.isfinite(start).all():  # else beyond the support of a prior
                starts.append(start)
    for place, value in in_threads(lambda start: climbed(program, start, own, _OWN), starts):
        if value < height - _HOPEFUL or any(np.abs(place[own] - x).max() < _SAME for x in known):
            continue
        known.append(place[own])
        if finite_density(program, 0.5 * (place + mode))[0] < min(value, height) - _VALLEY:
            yield place
