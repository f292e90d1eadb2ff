"""Media terms of an equation: the responses to its media inputs.

Inputs that have the same number of rows share one call of a kernel. Arrays have axes (row, geo, date), or with the
channels of an equation side by side (row, geo, channel, date); what a row is stands in `bayesmmm.engine.baseline`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bayesmmm import kernels
from bayesmmm.data import Calendar, Scales
from bayesmmm.engine.inputs import kernel_lag, period_days, retention, step_days
from bayesmmm.engine.parameters import Parameters
from bayesmmm.engine.residuals import over_paths
from bayesmmm.equations import MMM, Equation

#: (equation, input) -> what the next segment inherits.
CarryOver = Mapping[tuple[str, str], np.ndarray]


@dataclass(frozen=True)
class FrozenDraws:
    """A system with everything that is frozen about some draws.

    Attributes
    ----------
    system : MMM
    scales : Scales
    calendar : Calendar
        Of the fitted periods, the first of which has number 0.
    parameters : Parameters
        With a leading axis of S draws.
    amplitude : mapping of str to (S, G, C) array
        By equation; empty until the fitted periods have been seen.
    draws : (S,) int array
        Which draws of the posterior they are.
    geos : tuple of str
        Their names, G of them.
    paths : int
        Rows per draw.
    curves : dict
        By equation and media inputs: what `curve_parameters` has found for them, once and for all.
    whole : FrozenDraws, optional
        More draws, among which these are one behind the other: what is found for all of them need not be found again.
    at : slice
        Where they are among those.
    """

    system: MMM
    scales: Scales
    calendar: Calendar
    parameters: Parameters
    amplitude: Mapping[str, np.ndarray]
    draws: np.ndarray
    geos: tuple[str, ...]
    paths: int = 1
    curves: dict[tuple[str, tuple[str, ...]], tuple[np.ndarray, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )
    whole: "FrozenDraws | None" = field(default=None, repr=False, compare=False)
    at: slice = slice(None)

    def per_path(self, array: np.ndarray) -> np.ndarray:
        """Return an array with S rows as one with R rows; others as they are."""
        expand = self.paths > 1 and len(array) == len(self.draws)
        return np.repeat(array, self.paths, axis=0) if expand else array

    def per_draw(self, array: np.ndarray) -> np.ndarray:
        """Return the average over the paths of each draw of an array with R rows; others as they are."""
        return over_paths(array, self.paths) if self.paths > 1 and len(array) > len(self.draws) else array

    def matching(self, array: np.ndarray, *others: np.ndarray) -> np.ndarray:
        """Return an array with as many rows as the others need that it meets: R where one of them has R."""
        return self.per_path(array) if max(map(len, others)) > len(self.draws) else array

    def sigma(self, name: str) -> np.ndarray:
        """Residual scale (R,), or (R, G), of an equation."""
        return self.per_path(self.parameters[name]["sigma"])

    def slope(self, name: str, column: str) -> np.ndarray:
        """What a raw unit of a column adds to the latent mean of an equation, linearly: (S, G, 1), or (S, 1, 1).

        An event in a pool has two coefficients, that of its pool and its own.
        """
        equation = self.system.equation(name)
        terms, pools = equation.terms(), [pool for pool, own in equation.pooled_events.items() if column in own]
        b = by_geo(self.parameters[name]["coefficient"])
        own = [b[..., terms.index(term), None] for term in (column, *pools)]
        return sum(own[1:], own[0]) / self.scales.spread[column]

    def unit(self, name: str) -> np.ndarray:
        """Mean positive spend (G, 1) of a column, or 1 where it has none: what its values are divided by."""
        size = self.scales.spend[name]
        return np.where(np.isnan(size), 1.0, size)[:, None]


def media_terms(
    rows: FrozenDraws,
    equation: Equation,
    inputs: Mapping[str, np.ndarray],
    past: CarryOver,
    amplitude: np.ndarray | None,
    start: int,
) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """Evaluate media terms: together those whose inputs are the same on all paths of a draw, and those that are not.

    Of some media inputs of the equation, scaled, (P, G, T), from the period with number `start` on. Amplitudes
    (S, G, C) are those of all of its media inputs; 1 where none are given. Yields the names of inputs (C) and the
    responses (S or R, G, C, T) to them.
    """
    lag, many = kernel_lag(equation), len(rows.draws)
    before = {n: past.get((equation.name, n)) for n in inputs}
    # Nothing spent and nothing carried in brings nothing: what is switched off needs no curve.
    silent = [n for n, x in inputs.items() if amplitude is not None and not (x.any() or np.any(before[n]))]
    for n in silent:
        yield (n,), np.zeros((many, inputs[n].shape[1], 1, inputs[n].shape[2]))
    inputs = {n: x for n, x in inputs.items() if n not in silent}
    on_paths = tuple(n for n, x in inputs.items() if max(len(x), 0 if (b := before[n]) is None else len(b)) > many)
    for names in (tuple(n for n in inputs if n not in on_paths), on_paths):
        if not names:
            continue
        x, zero = [inputs[n] for n in names], np.zeros((1, inputs[names[0]].shape[1], 1))
        # Under truncation earlier inputs stand in front; otherwise they are in the pressure carried in.
        carry = [zero if lag >= 0 or (b := before[n]) is None else b for n in names]
        if lag >= 0:
            x = [prepend_history(rows, before[n], each, 0) for n, each in zip(names, x, strict=True)]
        known, count = x[0].shape[-1] - inputs[names[0]].shape[-1], x[0].shape[-1]
        arguments = (
            _side_by_side([rows.matching(v, *x, *carry) for v in x]),
            _side_by_side([rows.matching(v, *x, *carry) for v in carry])[..., 0],
            *(rows.matching(v, *x, *carry) for v in curve_parameters(rows, equation, names, amplitude)),
        )
        days = period_days(equation, names, rows.calendar, start - known, count)
        response = curve_response(lag, days, *arguments)
        yield names, response[..., -inputs[names[0]].shape[-1] :]


def curve_response(
    lag: int,
    days: np.ndarray,
    x: np.ndarray,
    carry: np.ndarray,
    keep: np.ndarray,
    half_saturation: np.ndarray,
    slope: np.ndarray,
    amplitude: np.ndarray,
) -> np.ndarray:
    """`kernels.media_response`, with curves (P, C) that geos share, or (P, G, C) where each has its own."""

    def response(x: np.ndarray, carry: np.ndarray, amplitude: np.ndarray, *curves: np.ndarray) -> np.ndarray:
        return kernels.media_response(x, days, carry, *curves, amplitude, lag)

    return geo_by_geo(response, (x, carry, amplitude), (keep, half_saturation, slope), shared=2)


def geo_by_geo(
    work: Callable[..., np.ndarray], arrays: Sequence[np.ndarray], curves: Sequence[np.ndarray], *, shared: int
) -> np.ndarray:
    """Call a kernel that takes curves that geos share: once, or geo by geo where one of them is each geo's own.

    Arrays (P, G, ...) have an axis of geos, and so has what is returned; curves have so many axes where they are
    `shared`, and one more of geos, behind the first, where they are not.
    """
    if all(curve.ndim == shared for curve in curves):
        return work(*map(np.ascontiguousarray, (*arrays, *curves)))
    parts = []
    for g in range(arrays[0].shape[1]):
        own = (array[:, [g]] for array in arrays)
        one = (curve[:, g] if curve.ndim > shared else curve for curve in curves)
        parts.append(work(*map(np.ascontiguousarray, (*own, *one))))
    return np.concatenate(parts, axis=1)


def by_input(names: tuple[str, ...], response: np.ndarray) -> dict[str, np.ndarray]:
    """Response (S or R, G, T) to each input, each in one piece: arithmetic on parts of rows is slower."""
    return {n: np.ascontiguousarray(response[:, :, c]) for c, n in enumerate(names)}


def _side_by_side(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays (P, G, T) of several channels as one (P, G, C, T)."""
    return parts[0][:, :, None] if len(parts) == 1 else np.stack(np.broadcast_arrays(*parts), axis=2)


def curve_parameters(
    rows: FrozenDraws, equation: Equation, names: tuple[str, ...], amplitude: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    """Retention, half-saturation and slope (S, C) and amplitude (S, G, C) of media terms; 1 where none is given.

    A curve that geos have each for themselves is (S, G, C), too.
    """
    key = equation.name, names
    if amplitude is not None and rows.whole is not None:
        every = curve_parameters(rows.whole, equation, names, rows.whole.amplitude[equation.name])
        return tuple(values[rows.at] for values in every)
    if amplitude is not None and key in rows.curves:
        return rows.curves[key]
    par, at = rows.parameters[equation.name], [equation.media.index(n) for n in names]
    keep = retention(par["half_life"][..., at], step_days(equation, names, rows.calendar))
    full = np.ones_like(par["contribution"]) if amplitude is None else amplitude
    values = (keep, par["half_saturation"][..., at], par["slope"][..., at], full[:, :, at])
    curves = tuple(np.ascontiguousarray(v) for v in values)
    if amplitude is not None:
        rows.curves[key] = curves
    return curves


# ------------------------------------------------------------------------------------------------- small parts
def by_geo(coefficient: np.ndarray) -> np.ndarray:
    """Coefficients of the linear part (S, G, K), or (S, 1, K) where they are those of a national series."""
    return coefficient if coefficient.ndim == 3 else coefficient[:, None]


def scaled(rows: FrozenDraws, name: str, column: np.ndarray) -> np.ndarray:
    """Return a column as a media input: in multiples of its mean positive value, below zero as zero."""
    return np.ascontiguousarray(np.maximum(column, 0.0) / rows.unit(name))


def add(rows: FrozenDraws, parts: Sequence[np.ndarray]) -> np.ndarray:
    """Add arrays; those that are the same for all paths of a draw first, so that they are expanded once."""
    per_draw = [p for p in parts if len(p) <= len(rows.draws)]
    per_path = [p for p in parts if len(p) > len(rows.draws)]
    if per_draw and per_path:
        per_path.append(rows.per_path(sum(per_draw[1:], per_draw[0])))
    parts = per_path or per_draw
    return sum(parts[1:], parts[0])


def prepend_history(rows: FrozenDraws, before: np.ndarray | None, x: np.ndarray, least: int) -> np.ndarray:
    """Put earlier inputs in front of `x`; zeros where there are fewer than `least`."""
    parts = [x] if before is None else [rows.matching(before, before, x), rows.matching(x, before, x)]
    count = max(len(p) for p in parts)
    parts = [np.broadcast_to(p, (count, *p.shape[1:])) for p in parts]
    short = least - sum(p.shape[-1] for p in parts)
    if short > 0:
        parts.insert(0, np.zeros((count, x.shape[1], short)))
    return np.ascontiguousarray(np.concatenate(parts, axis=-1))
