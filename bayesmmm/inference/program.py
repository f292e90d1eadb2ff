"""The program of a system: everything its log posterior reads, in one array of doubles.

`bayesmmm.kernels.program` names the positions, `bayesmmm.kernels.posterior` runs it. The PyMC model of `build_model` is
another way to the same density, and the tests hold the two against each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bayesmmm.data import MMMData, Scales
from bayesmmm.engine import kernel_lag
from bayesmmm.equations import MMM, Equation
from bayesmmm.equations.panel import MIN_GEOS, POOLABLE, Spread
from bayesmmm.inference.variables import (
    Block,
    blocks,
    collapses,
    geo_pairs,
    linear_scale,
    model_data,
    normal_terms,
    softplus_scale,
    spread_pairs,
)
from bayesmmm.kernels import prior_density
from bayesmmm.kernels import program as at
from bayesmmm.kernels.panel_runs import RUN
from bayesmmm.priors import Prior

if TYPE_CHECKING:
    from bayesmmm.inference.coordinates import Whitening


@dataclass(frozen=True, eq=False)
class Program:
    """What the compiled density reads.

    Attributes
    ----------
    array : (L,) float array
    blocks : tuple of Block
        The free variables in the order of the coordinates, equation after equation.
    start : (D,) float array
        Unconstrained coordinates of the prior medians.
    whitening : Whitening, optional
        Linear coordinates that the sampler moves in; the unconstrained ones by default.
    """

    array: np.ndarray
    blocks: tuple[Block, ...]
    start: np.ndarray
    whitening: "Whitening | None" = None

    def log_density(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """Log posterior density at the sampler's coordinates (D,), and its gradient (D,).

        Up to no constant where the coordinates are the unconstrained ones.
        """
        from bayesmmm.kernels import posterior  # read from disk when it is loaded, for which reports would wait

        gradient = np.empty(len(self.start))
        value = posterior.log_posterior(self.array, np.ascontiguousarray(u, dtype=float), gradient)
        return float(value), gradient

    def constrained(self, u: np.ndarray) -> np.ndarray:
        """Parameters (D,) at the sampler's coordinates (D,)."""
        from bayesmmm.kernels import posterior

        theta = np.empty(len(self.start))
        posterior.constrained(self.array, np.ascontiguousarray(u, dtype=float), theta)
        return theta


#: Numbers and places of the arrays of a panel whose coefficients are integrated out, by name.
_COUNTED = {"own": at.N_OWN, "calendar": at.N_CALENDAR, "wide": at.N_WIDE}
_OF_PANEL = {
    **{"own": at.OWN, "calendar": at.CALENDAR, "wide": at.WIDE, "wide_by_period": at.WIDE_BY_PERIOD},
    **{"norm": at.NORM, "gram": at.GRAM, "gram_by_period": at.GRAM_BY_PERIOD},
    **{"between": at.BETWEEN, "cross": at.CROSS},
}


_SPREAD_OF = {"contribution": at.OF_CONTRIBUTION, **{name: i for i, name in enumerate(POOLABLE)}}
#: Geos from which on each says little beside what all of them say together.
_MANY_GEOS = 14


def centring(geos: int) -> tuple[float, float]:
    """Powers w and b of the sampler's coordinates of geos, ``z tau ** w + b log median``, for so many geos.

    At 0 coordinates are standard Normal before the data, which fits geos that say little; at 1 they are logarithms of
    the geos' own contributions, which fits geos that say much. Of two geos (0.8, 1) made 1.5 to 3 times the effective
    draws of (0, 0), without its divergences; of twenty (0.3, 0) made 1.6 times as many, and larger powers fewer. Of
    eight geos that say much (0.45, 0.25) is free of the divergences of (0.3, 0), and as good where they say little;
    (0.6, 0.5) is better still for the former, and makes half the draws for the latter.
    """
    if geos < MIN_GEOS:
        return 0.8, 1.0
    return (0.45, 0.25) if geos < _MANY_GEOS else (0.3, 0.0)


#: `centring` of groups, and of geos around their group. Of 12 geos in two groups (0.45, 0.25) made 1.3 times the
#: effective draws per gradient of (0.8, 1), in four groups 1.1 to 5 times; (0.3, 0) of the geos 1.1 times those of
#: (0.45, 0).
_OF_GROUPS, _IN_GROUPS = (0.45, 0.25), (0.3, 0.0)


def _centring(equation: Equation, spread: Spread, data: MMMData) -> tuple[float, float]:
    """`centring` of the deviations of one spread."""
    if spread.by_group:
        return _OF_GROUPS
    if any(s.by_group for s in equation.spreads) and spread.of == "contribution":
        return _IN_GROUPS
    w, b = centring(len(data.geos))
    return (w, b) if spread.of == "contribution" else (w, 0.0)


class _Tape:
    """Arrays laid one after another, each known by where it begins."""

    def __init__(self, head: int):
        self.parts = [np.zeros(head)]
        self.size = head

    def put(self, values: np.ndarray | Sequence) -> int:
        flat = np.array(values, dtype=float).ravel()
        start, self.size = self.size, self.size + flat.size
        self.parts.append(flat)
        return start


# A median may round to a bound of its support, where there is no density: the sampler then finds no place to start from.
@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def write_program(system: MMM, data: MMMData, scales: Scales, *, collapse: bool = True) -> Program:
    """Write the program of a system on data.

    Parameters
    ----------
    system, data, scales
    collapse : bool
        As in `fit`.

    Returns
    -------
    Program
    """
    arrays = model_data(system, data, scales, collapse=collapse, ragged=True)
    collapsed = {name: collapses(system, name, collapse) for name in system.order}
    free = [(n, block) for n in system.order for block in blocks(system.equation(n), data, collapse=collapsed[n])]
    rows: list[list[float]] = []
    start: list[float] = []
    where: dict[tuple, int] = {}
    deviations = {
        (name, s.z): (s, spread_pairs(system.equation(name), data, s))
        for name in system.order
        for s in system.equation(name).spreads
    }
    alone = {name: _alone(system.equation(name), data) for name in system.order}
    median: dict[tuple, tuple[int, float]] = {}  # position and prior median of the contribution of a channel
    for name, block in free:
        for label, prior in zip(block.labels or (None,), block.priors, strict=True):
            where[name, block.parameter, label] = len(rows)
            if block.parameter in ("contribution", "roi"):
                median[name, label] = len(rows), prior.median
            row, first = _parameter(prior, block.parameter)
            spread = deviations.get((name, block.parameter))
            if spread is not None and not (spread[0].by_group and label in alone[name].values()):
                channel = spread[1][str(label)][0]
                at_median, at_start = median[name, channel]
                w, b = _centring(system.equation(name), spread[0], data)
                if rows[at_median][at.MAP] == prior_density.LINEAR:  # it may pass zero, which has no logarithm
                    b = 0.0
                row[at.SHAPE_A : at.LOC] = [at_median, b]
                row[at.MAP : at.SECOND] = [prior_density.SCALED, where[name, spread[0].tau, channel], w]
                first = b * np.log(abs(at_start)) if b else 0.0
            rows.append(row)
            start.append(first)
    for name, pairs in alone.items():
        for of_geo, of_group in pairs.items():
            row, channel = rows[where[name, "z", of_geo]], deviations[name, "z"][1][of_geo][0]
            row[at.SECOND], row[at.PARTNER] = where[name, "tau_group", channel], where[name, "z_group", of_group]
    tape = _Tape(at.HEAD + len(system.order))
    head = tape.parts[0]
    head[at.N_EQUATIONS], head[at.PARAMETERS] = len(system.order), tape.put(rows)
    head[at.ALONE] = sum(len(pairs) for pairs in alone.values())
    for k, name in enumerate(system.order):
        own = {key.removeprefix(f"{name}."): v for key, v in arrays.items() if key.rpartition(".")[0] == name}
        position = {key[1:]: value for key, value in where.items() if key[0] == name}
        equation = system.equation(name)
        tied = system.order.index(equation.tied_to) if equation.tied_to else -1
        head[at.HEAD + k] = _equation(tape, equation, own, position, collapsed[name], tied, data)
    head[at.LENGTH] = tape.size
    return Program(np.concatenate(tape.parts), tuple(block for _, block in free), np.array(start))


def _alone(equation: Equation, data: MMMData) -> dict[str, str]:
    """Labels of the deviations of geos that buy a channel alone in their group, and those of their groups."""
    spreads = {s.by_group: spread_pairs(equation, data, s) for s in equation.spreads if s.of == "contribution"}
    own = {pair: label for label, pair in spreads.get(False, {}).items()}
    return {own[pair]: label for label, pair in spreads.get(True, {}).items() if len(pair[1]) == 1}


class Deviation(NamedTuple):
    """Positions of a deviation in logs, of its spread and of the median, and the powers of `centring`.

    A geo that is alone in its group deviates by the root of the sum of two squared spreads: `at_second` is the position
    of that of groups, -1 for all else.
    """

    at: int
    at_tau: int
    at_second: int
    at_median: int
    w: float
    b: float


def deviations(program: Program) -> list[Deviation]:
    """Return the deviations of geos among the parameters of a program."""
    return [
        Deviation(i, int(row[at.LOW]), int(row[at.SECOND]), int(row[at.SHAPE_A]), row[at.HIGH], row[at.SHAPE_B])
        for i, row in enumerate(_rows(program.array, len(program.start)))
        if row[at.MAP] == prior_density.SCALED
    ]


def spreads_at(theta: np.ndarray, at_tau: np.ndarray, at_second: np.ndarray) -> np.ndarray:
    """Sds (N,) of deviations by the positions (N,) of their spreads, given all parameters."""
    return np.hypot(theta[at_tau], np.where(at_second >= 0, theta[at_second], 0.0))


def on_line(program: Program, position: int, value: float) -> float:
    """Unconstrained coordinate of a value of a parameter that depends on no other; no number outside its support."""
    row = _rows(program.array, len(program.start))[position]
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(prior_density.unconstrain(int(row[at.MAP]), row[at.LOW], row[at.HIGH], value))


def with_centring(program: Program, powers: Mapping[int, float]) -> Program:
    """Return the program with other powers w of the spread, by the position of a deviation."""
    array = program.array.copy()
    rows = _rows(array, len(program.start))
    for i, power in powers.items():
        rows[i, at.HIGH] = power
    return replace(program, array=array)


def _rows(array: np.ndarray, size: int) -> np.ndarray:
    """Table of the parameters (D, PARAMETER), a view."""
    first = int(array[at.PARAMETERS])
    return array[first : first + size * at.PARAMETER].reshape(size, at.PARAMETER)


def _parameter(prior: Prior, parameter: str) -> tuple[list[float], float]:
    """One row of the table of parameters, and the point of the line that its median comes from."""
    frozen = prior.scipy()
    names = [*(frozen.dist.shapes or "").replace(" ", "").split(","), "loc", "scale"]
    names = [name for name in names if name]
    values = {"loc": 0.0, "scale": 1.0} | dict(zip(names, frozen.args, strict=False)) | frozen.kwds
    *shapes, loc, scale = (values[name] for name in names)
    family = getattr(prior_density, frozen.dist.name.upper())
    a, b = ([float(s) for s in shapes] + [0.0, 0.0])[:2]
    # SciPy's density is the definition; the compiled one leaves out what does not depend on the value.
    median = prior.median
    known, _ = prior_density.log_density(family, a, b, (median - float(loc)) / float(scale))
    constant = float(prior.logpdf(median)) - known
    kind, low, high = _map(prior, parameter)
    row = [family, a, b, float(loc), float(scale), constant, kind, low, high, -1, -1]
    return [float(v) for v in row], prior_density.unconstrain(kind, low, high, median)


def _map(prior: Prior, parameter: str) -> tuple[int, float, float]:
    """Kind and ends of the map from the line to the support of a prior."""
    scale = softplus_scale(prior, parameter)
    if scale is not None:
        return prior_density.SOFTPLUS, 0.0, scale
    line = linear_scale(prior, parameter)
    if line is not None:
        return prior_density.LINEAR, *line
    low, high = prior.support
    if np.isinf(high):
        return (prior_density.FREE, 0.0, 0.0) if np.isinf(low) else (prior_density.ABOVE, low, 0.0)
    return (prior_density.BELOW, 0.0, high) if np.isinf(low) else (prior_density.BETWEEN, low, high)


def _equation(
    tape: _Tape, equation: Equation, arrays: Mapping, position: Mapping, collapsed: bool, tied: int, data: MMMData
) -> int:
    """Lay down one equation; returns where its head begins."""
    shape, runs = arrays["observed"].shape, np.empty((0, RUN))
    if len(data.geos) > 1:
        arrays = _geos_last(arrays, shape, runs := _runs(equation, data))
    linear = arrays.get("basis" if collapsed else "directions", ())
    terms = [t for t in equation.terms() if t not in normal_terms(equation)]
    head = np.empty(at.EQUATION)
    head[[at.N_GEOS, at.N_PERIODS]] = shape
    head[at.LIKELIHOOD], head[at.COLLAPSED] = equation.family.density_code, collapsed
    head[at.N_CHANNELS], head[at.N_DIRECTIONS], head[at.N_TERMS] = len(equation.media), len(linear), len(terms)
    head[at.MAX_LAG] = kernel_lag(equation)
    sigma = ("sigma", data.geos[0]) if equation.has_sigma_per_geo else ("sigma", None)
    head[at.SIGMA], head[at.N_SIGMA] = position[sigma], len(data.geos) if equation.has_sigma_per_geo else 1
    head[at.NU_MINUS_TWO] = position.get(("nu_minus_two", None), -1)
    head[at.ROTATED] = position.get(("rotated", "0"), -1)
    head[at.TIED], head[at.RHO] = tied, position.get(("rho", equation.tied_to), -1)
    head[at.RHO_VALUE] = arrays["rho"][0] if "rho" in arrays else 0.0
    media = np.asarray(arrays.get("media_input", ()))
    head[at.MEDIA], head[at.N_INPUT] = tape.put(media), media.size
    head[at.N_RUNS], head[at.RUNS] = len(runs), tape.put(runs)
    days = arrays.get("media_days", np.empty((0, 0)))
    head[at.DAYS], head[at.N_DAYS] = tape.put(days), days.shape[-1]
    head[at.DIRECTIONS] = tape.put(linear)
    head[at.VARIANCE] = tape.put(arrays.get("basis_variance", ()))
    head[at.OFFSET] = tape.put(arrays["offset"]) if "offset" in arrays else -1
    head[at.DESIGN] = tape.put(arrays.get("design", ()))
    head[at.OBSERVED] = tape.put(arrays["observed"])
    for key, place in (("seen", at.SEEN), ("geos_seen", at.GEOS_SEEN), ("by_period", at.BY_PERIOD)):
        head[place] = tape.put(arrays[key]) if key in arrays else -1
    head[at.N_KEPT] = len(arrays.get("kept", ()))
    head[at.KEPT] = tape.put(arrays["kept"]) if "kept" in arrays else -1
    head[at.EDGES] = tape.put(arrays.get("edges", ()))
    head[at.FIRST], head[at.COUNT] = tape.put(data.has_row.argmax(axis=1)), tape.put(data.has_row.sum(axis=1))
    head[at.CHANNELS] = tape.put([_channel(equation, c, arrays, position) for c in equation.media])
    head[at.CONTRIBUTIONS] = tape.put(_contributions(equation, position, data))
    spreads = [_spread(equation, s, position, data) for s in equation.spreads]
    head[at.N_SPREADS], head[at.SPREADS] = len(spreads), tape.put(np.concatenate([*spreads, []]))
    head[at.BY_GEO] = bool(equation.panel and equation.panel.pooled)
    for key, count in _COUNTED.items():
        head[count] = len(arrays.get(key, ()))
    for key, place in _OF_PANEL.items():
        head[place] = tape.put(arrays.get(key, ()))
    head[at.PERIOD] = position.get(("standard_period", data.dates[0].strftime("%Y-%m-%d")), -1)
    head[at.OMEGA], head[at.OMEGA_VALUE] = position.get(("omega", None), -1), arrays.get("omega", [0.0])[0]
    head[at.TERMS] = tape.put([position["coefficient", t] for t in terms])
    return tape.put(head)


def _runs(equation: Equation, data: MMMData) -> np.ndarray:
    """Table of the runs (K, RUN) of an equation; none where one after the other would not be faster.

    That is where every geo has all periods and buys all channels, with the same curves.
    """
    bought = data.bought(equation.media)
    if data.has_row.all() and bought.all() and not (equation.panel and equation.panel.pooled):
        return np.empty((0, RUN))
    channel, geo = np.nonzero(bought.T)
    first, count = data.has_row.argmax(axis=1)[geo], data.has_row.sum(axis=1)[geo]
    return np.stack([channel, geo, first, count, np.cumsum(count) - count], axis=1).reshape(-1, RUN)


def _geos_last(
    arrays: Mapping[str, np.ndarray], shape: tuple[int, ...], runs: np.ndarray
) -> dict[str, np.ndarray]:
    """Arrays (..., G, T), or (..., G * T), as (..., T, G), those of panels are so already; media inputs in runs."""
    out = dict(arrays)
    linear = () if "kept" in arrays else ("directions", "basis")
    for key in ("observed", "offset", "design", *linear):
        if key in arrays:
            out[key] = np.swapaxes(arrays[key].reshape(*arrays[key].shape[:-2], -1, *shape), -1, -2)
    if "kept" in arrays:  # geo after geo, in cells that lie date after date
        geo, date = np.divmod(arrays["kept"], shape[1])
        out["kept"] = date * shape[0] + geo
    if "media_input" in arrays:  # (G, C, T)
        media = arrays["media_input"]
        each = [media[g, c, first : first + count] for c, g, first, count, _ in runs.astype(int)]
        out["media_input"] = np.concatenate(each) if each else np.moveaxis(media, 0, -1)
    return out


def _contributions(equation: Equation, position: Mapping, data: MMMData) -> np.ndarray:
    """Positions (G, C) of the contributions of geos, -1 where there is none."""
    parameter = {
        label: b.name for b in equation.parameters() if b.name in ("contribution", "roi") for label in b.labels
    }
    where = np.full((len(data.geos), len(equation.media)), -1.0)
    for label, (channel, g) in geo_pairs(equation, data).items():
        c, own = equation.media.index(channel), (parameter[channel], label)
        where[g, c] = position[own] if own in position else position[parameter[channel], channel]
    return where


def _spread(equation: Equation, spread: Spread, position: Mapping, data: MMMData) -> np.ndarray:
    """What differs between geos, positions (C) of the sds, and (G, C) of deviations, -1 where there is none."""
    sd = [position[spread.tau, channel] for channel in equation.media]
    deviation = np.full((len(data.geos), len(sd)), -1.0)
    for label, (channel, geos) in spread_pairs(equation, data, spread).items():
        deviation[list(geos), equation.media.index(channel)] = position[spread.z, label]
    return np.concatenate([[_SPREAD_OF[spread.of], *sd], deviation.ravel()])


def _channel(equation: Equation, channel: str, arrays: Mapping, position: Mapping) -> list[float]:
    row = np.empty(at.CHANNEL)
    by_half_life = ("half_life", channel) in position
    row[at.RETENTION] = position["half_life" if by_half_life else "retention", channel]
    row[at.DECAY] = np.log(2.0) if by_half_life else 0.0
    row[at.HALF_SATURATION], row[at.SLOPE] = position["half_saturation", channel], position["slope", channel]
    by_roi = next((b.labels for b in equation.parameters() if b.name == "roi"), ())
    row[at.UNIT] = arrays["contribution_per_roi"][by_roi.index(channel)] if channel in by_roi else 1.0
    return row.tolist()
