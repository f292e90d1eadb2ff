"""Media terms of an equation: the responses to its media inputs.

Inputs that have the same number of rows share one call of a kernel. Arrays have axes (row, geo, date), or with the
channels of an equation side by side (row, geo, channel, date); what a row is stands in `bayesmmm.engine.baseline`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bayesmmm import kernels
from bayesmmm.data import Scales
from bayesmmm.engine.inputs import kernel_lag, retention
from bayesmmm.engine.parameters import Parameters
from bayesmmm.engine.residuals import over_paths
from bayesmmm.equations import MMM, Equation

#: (equation, input) -> what the next stretch inherits.
Past = Mapping[tuple[str, str], np.ndarray]


@dataclass(frozen=True)
class Rows:
    """A system with everything that is frozen about some draws.

    Attributes
    ----------
    system : MMM
    scales : Scales
    days : float
        Days per period.
    parameters : Parameters
        With a leading axis of S draws.
    amplitude : mapping of str to (S, G, C) array
        By equation; empty until the fitted periods have been seen.
    draws : (S,) int array
        Which draws of the posterior they are.
    paths : int
        Rows per draw.
    shapes : dict
        By equation and media inputs: what `shape_of` has found for them, once and for all.
    """

    system: MMM
    scales: Scales
    days: float
    parameters: Parameters
    amplitude: Mapping[str, np.ndarray]
    draws: np.ndarray
    paths: int = 1
    shapes: dict[tuple[str, tuple[str, ...]], tuple[np.ndarray, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def wide(self, array: np.ndarray) -> np.ndarray:
        """Return an array with S rows as one with R rows; others as they are."""
        narrow = self.paths > 1 and len(array) == len(self.draws)
        return np.repeat(array, self.paths, axis=0) if narrow else array

    def narrow(self, array: np.ndarray) -> np.ndarray:
        """Return the average over the paths of each draw of an array with R rows; others as they are."""
        return over_paths(array, self.paths) if self.paths > 1 and len(array) > len(self.draws) else array

    def sigma(self, name: str) -> np.ndarray:
        """Residual scale (R,) of an equation."""
        return self.wide(self.parameters[name]["sigma"])


@dataclass(frozen=True)
class Terms:
    """Some media terms of an equation, evaluated together.

    Attributes
    ----------
    names : tuple of str
        Media inputs (C).
    response : (S or R, G, C, T) array
    """

    names: tuple[str, ...]
    response: np.ndarray

    def each(self) -> dict[str, np.ndarray]:
        """Response (S or R, G, T) to each input."""
        # Each in one piece: arithmetic on parts of rows is slower than on whole arrays.
        return {n: np.ascontiguousarray(self.response[:, :, c]) for c, n in enumerate(self.names)}


def media_terms(
    rows: Rows,
    equation: Equation,
    inputs: Mapping[str, np.ndarray],
    past: Past,
    amplitude: np.ndarray | None,
) -> list[Terms]:
    """Evaluate media terms: together those whose inputs are the same on all paths of a draw, and those that are not.

    Parameters
    ----------
    inputs : mapping of str to (P, G, T) array
        Some media inputs of the equation, scaled.
    past : Past
        What they inherit.
    amplitude : (S, G, C) array or None
        Of all media inputs of the equation; 1 where none is given.
    """
    out = []
    for names in _alike(rows, equation, inputs, past):
        given, lag = term_inputs(rows, equation, {n: inputs[n] for n in names}, past, amplitude)
        response = kernels.media_response(*given, lag)
        out.append(Terms(names, response[..., -inputs[names[0]].shape[-1] :]))
    return out


def _alike(rows: Rows, equation: Equation, inputs: Mapping[str, np.ndarray], past: Past) -> list[tuple[str, ...]]:
    """Divide inputs into those with a row for every path, and others."""
    wide = tuple(
        n for n, x in inputs.items() if max(len(x), len(past.get((equation.name, n), ()))) > len(rows.draws)
    )
    return [names for names in (tuple(n for n in inputs if n not in wide), wide) if names]


def term_inputs(
    rows: Rows, equation: Equation, inputs: Mapping[str, np.ndarray], past: Past, amplitude: np.ndarray | None
) -> tuple[tuple[np.ndarray, ...], int]:
    """Arguments of a kernel for media terms that are alike: under truncation with the earlier inputs in front.

    Returns
    -------
    arguments : tuple of arrays
        Inputs (P, G, C, T), adstock carried in (P, G, C), and what `shape_of` returns, S or R rows each.
    lag : int
    """
    lag, names = kernel_lag(equation), tuple(inputs)
    before = [past.get((equation.name, n)) for n in names]
    x = list(inputs.values())
    carry = [np.zeros((1, x[0].shape[1], 1)) if b is None or lag >= 0 else b for b in before]
    if lag >= 0:
        x = [each if b is None else behind(rows, b, each, 0) for each, b in zip(x, before, strict=True)]
    shape = shape_of(rows, equation, names, amplitude)
    given = (
        side_by_side([rows_of(rows, v, *x, *carry) for v in x]),
        side_by_side([rows_of(rows, v, *x, *carry) for v in carry])[..., 0],
        *(rows_of(rows, v, *x, *carry) for v in shape),
    )
    return tuple(map(np.ascontiguousarray, given)), lag


def side_by_side(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays (P, G, T) of several channels as one (P, G, C, T)."""
    return parts[0][:, :, None] if len(parts) == 1 else np.stack(np.broadcast_arrays(*parts), axis=2)


def shape_of(
    rows: Rows, equation: Equation, names: tuple[str, ...], amplitude: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    """Retention, half-saturation and slope (S, C) and amplitude (S, G, C) of media terms; 1 where none is given."""
    key = equation.name, names
    if amplitude is not None and key in rows.shapes:
        return rows.shapes[key]
    par, at = rows.parameters[equation.name], [equation.media.index(n) for n in names]
    keep = retention(par["half_life"][:, at], rows.days)
    full = np.ones_like(par["contribution"]) if amplitude is None else amplitude
    values = (keep, par["half_saturation"][:, at], par["slope"][:, at], full[:, :, at])
    found = tuple(np.ascontiguousarray(v) for v in values)
    if amplitude is not None:
        rows.shapes[key] = found
    return found


# ------------------------------------------------------------------------------------------------- small parts
def scaled(rows: Rows, name: str, column: np.ndarray) -> np.ndarray:
    """Return a column as a media input: in multiples of its mean positive value, below zero as zero."""
    return np.ascontiguousarray(np.maximum(column, 0.0) / unit(rows, name))


def unit(rows: Rows, name: str) -> np.ndarray:
    """Mean positive spend (G, 1) of a column, or 1 where it has none: what its values are divided by."""
    size = rows.scales.spend[name]
    return np.where(np.isnan(size), 1.0, size)[:, None]


def add(rows: Rows, parts: Sequence[np.ndarray]) -> np.ndarray:
    """Add arrays; those that are the same for all paths of a draw first, so that they are widened once."""
    narrow = [p for p in parts if len(p) <= len(rows.draws)]
    wide = [p for p in parts if len(p) > len(rows.draws)]
    if narrow and wide:
        wide.append(rows.wide(sum(narrow[1:], narrow[0])))
    found = wide or narrow
    return sum(found[1:], found[0])


def rows_of(rows: Rows, values: np.ndarray, *arrays: np.ndarray) -> np.ndarray:
    """Give values (S, ...) as many rows as the arrays they meet need: S, or R where one of them has R."""
    return rows.wide(values) if max(map(len, arrays)) > len(rows.draws) else values


def behind(rows: Rows, before: np.ndarray | None, x: np.ndarray, least: int) -> np.ndarray:
    """Put earlier inputs in front of `x`; zeros where there are fewer than `least`."""
    parts = [x] if before is None else [rows_of(rows, before, before, x), rows_of(rows, x, before, x)]
    count = max(len(p) for p in parts)
    parts = [np.broadcast_to(p, (count, *p.shape[1:])) for p in parts]
    short = least - sum(p.shape[-1] for p in parts)
    if short > 0:
        parts.insert(0, np.zeros((count, x.shape[1], short)))
    return np.ascontiguousarray(np.concatenate(parts, axis=-1))
