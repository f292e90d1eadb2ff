"""Baselines: the evaluation of all equations over a stretch of periods, behind every answer about a fit.

A *baseline* is the evaluation of all equations over a stretch of periods: the fitted ones (`history`), where the
series are those observed and residuals follow from them, or periods after them (`future`), where mediators are
simulated and adstock carries over. An intervention is a mapping from columns to new values; `respond` recomputes the
mediators in causal order with their residuals kept, `shift` gives the change of a latent mean by one input, and
`gradient` the derivative of a weighted sum of the outcome to every media input, backwards through the mediators.

Arrays have axes (row, geo, date). There are R = S * paths rows: each of S posterior draws with one or more residual
paths, side by side. What does not differ between paths may have S rows only, and what does not differ between draws 1
(P stands for any of the three). What a stretch inherits from the one before is its *past*, by equation and input: the
adstock carried in, (P, G, 1), or under ``max_lag`` the inputs of the last periods, (P, G, max_lag).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from bayesmmm import kernels
from bayesmmm.data import MMMData, Scales
from bayesmmm.engine.evaluate import kernel_lag
from bayesmmm.engine.inputs import observe, retention, to_latent
from bayesmmm.engine.noise import given_mediator, over_paths, residual_at, residuals, stream, uniforms
from bayesmmm.engine.parameters import Parameters
from bayesmmm.equations import MMM, Equation, design_matrix

Columns = Mapping[str, np.ndarray]
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
        By equation and position of a media term: what `shape_of` has found for it, once and for all.
    """

    system: MMM
    scales: Scales
    days: float
    parameters: Parameters
    amplitude: Mapping[str, np.ndarray]
    draws: np.ndarray
    paths: int = 1
    shapes: dict[tuple[str, int], tuple[np.ndarray, ...]] = field(default_factory=dict, repr=False, compare=False)

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
class Baseline:
    """All equations over one stretch of periods.

    Attributes
    ----------
    rows : Rows
    columns : mapping of str to (P, G, T) array
        Every column in its units, endogenous ones included.
    past : Past
        Empty where the stretch is the first.
    term : mapping of (equation, input) to (S or R, G, T) array
        Media terms of the latent mean.
    design : mapping of str to (G, T, K) array
        Columns of the linear part; a mediator that is simulated stands at its centre there.
    latent : mapping of str to (R, G, T) array
        Latent mean, the sum of both.
    residual : mapping of str to (R, G, T) array
    future : bool
        Whether residuals are simulated, so that the outcome stands for its mean over them.
    noise : mapping of str to ((R, G, T) array, (R,) array)
        Mean and scale of the future residuals of a series given those of its mediator, where its mean depends on them:
        in a lognormal equation that is correlated with a mediator's.
    inputs : mapping of str to (P, G, T) array
        Columns as media inputs, where that has been worked out.
    bend : mapping of (equation, input) to (S or R, G, 1, T or more) array
        Derivatives of media terms to adstock, likewise.
    """

    rows: Rows
    columns: Columns
    past: Past
    term: Mapping[tuple[str, str], np.ndarray]
    design: Columns
    latent: Columns
    residual: Columns
    future: bool
    noise: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)
    inputs: Columns = field(default_factory=dict, repr=False)
    bend: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict, repr=False)

    def slope(self, name: str, term: str) -> np.ndarray:
        """Coefficient (S, 1, 1) of a linear term of an equation, per raw unit of its column."""
        return _slope(self.rows, name, term)


# -------------------------------------------------------------------------------------------------- baselines
def history(
    system: MMM, scales: Scales, data: MMMData, parameters: Parameters, draws: np.ndarray, *, seed: int
) -> Baseline:
    """Evaluate the fitted periods, find the amplitudes and the residuals.

    Parameters
    ----------
    parameters : Parameters
        Of all draws; only those in `draws` are used.
    draws : (S,) int array
    seed : int
        For residuals of censored periods.
    """
    chosen = {name: {key: value[draws] for key, value in par.items()} for name, par in parameters.items()}
    rows = Rows(system, scales, data.days_per_period, chosen, {}, draws)
    columns = {name: values[None] for name, values in data.columns.items()}
    amplitude, term, design, latent, residual = {}, {}, {}, {}, {}
    for i, name in enumerate(system.order):
        equation, par = system.equation(name), chosen[name]
        design[name] = design_matrix(equation, data.dates, data.columns, scales, geos=len(data.geos))
        latent[name] = _linear(design[name], par)
        amplitude[name] = np.zeros(par["contribution"].shape)
        for c, channel in enumerate(equation.media):
            shape = hill_term(rows, equation, c, scaled(rows, channel, columns[channel]), None, None)
            mean = shape.mean(axis=-1)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = par["contribution"][:, :, c] / mean
            amplitude[name][:, :, c] = np.where(mean > 0.0, ratio, 0.0)
            shape *= amplitude[name][:, :, c, None]
            term[name, channel] = shape
            latent[name] += shape
        target = to_latent(equation, data.columns[name], scales)
        uniform = None
        if equation.likelihood == "censored_normal":
            uniform = uniforms(seed, stream("observed", i), draws, target.shape)
        residual[name] = residuals(equation, target, latent[name], par, uniform)
    rows = Rows(system, scales, data.days_per_period, chosen, amplitude, draws)
    return Baseline(rows, columns, {}, term, design, latent, residual, future=False)


def future(
    base: Baseline,
    dates: pd.DatetimeIndex,
    columns: Columns,
    *,
    past: Past,
    seed: int,
    paths: int,
    first: int = 0,
    noise: bool = False,
    trend_until: pd.Timestamp | None = None,
    do: Columns | None = None,
) -> Baseline:
    """Evaluate periods after those of `base`.

    Parameters
    ----------
    dates : DatetimeIndex
        H periods that follow on from `base`.
    columns : mapping of str to (G, H) array
        Exogenous columns.
    past : Past
        From `carried`.
    paths : int
        Residual paths of each draw.
    first : int
        Number of the first period, counted from the end of the fitted ones.
    noise : bool
        Whether the outcome, too, gets residuals and a series: not needed where its mean is asked for.
    trend_until : Timestamp, optional
        Date after which trends stay where they are; by default they go on.
    do : mapping of str to (P, G, H) array, optional
        Mediators set by intervention.
    """
    rows = replace(base.rows, paths=paths)
    system, scales = rows.system, rows.scales
    seen = {name: values[None] for name, values in columns.items()} | dict(do or {})
    geos = next(iter(columns.values())).shape[0] if columns else 1
    shape = (geos, len(dates))
    term, design, latent, residual, tied = {}, {}, {}, {}, {}
    for i, name in enumerate(system.order):
        equation, par = system.equation(name), rows.parameters[name]
        # Mediators are left at their centre in the design, where they add nothing, and enter by themselves.
        centred = {n: np.full(shape, scales.center[n]) for n in equation.linear if n not in columns}
        design[name] = design_matrix(equation, dates, {**columns, **centred}, scales, geos=geos)
        if trend_until is not None and equation.trend:
            held = design_matrix(
                equation, dates.where(dates < trend_until, trend_until), {**columns, **centred}, scales
            )
            trends = [k for k, term in enumerate(equation.terms()) if term.split("@")[0] == "trend"]
            design[name][..., trends] = held[..., trends]
        parts = [_linear(design[name], par)]
        parts += [rows.wide(_slope(rows, name, n)) * (seen[n] - scales.center[n]) for n in centred]
        for c, channel in enumerate(equation.media):
            x, before = scaled(rows, channel, seen[channel]), past.get((name, channel))
            term[name, channel] = hill_term(rows, equation, c, x, before, rows.amplitude[name])
            parts.append(term[name, channel])
        latent[name] = rows.wide(add(rows, parts))
        wide = {key: rows.wide(v) for key, v in par.items()}
        center, wide["sigma"] = _given_mediator(rows, equation, residual)
        if equation.rho and equation.likelihood == "lognormal":
            tied[name] = (center, wide["sigma"])
        if noise or name != system.outcome:
            uniform = uniforms(seed, stream("future", i), rows.draws, shape, paths=paths, first=first)
            residual[name] = center + residual_at(equation, wide, uniform)
        if name not in seen and name in residual:
            seen[name] = observe(equation, latent[name] + residual[name], scales)
    return Baseline(rows, seen, past, term, design, latent, residual, future=True, noise=tied)


def carried(base: Baseline, changed: Columns | None = None) -> dict:
    """Return what the next stretch inherits.

    Parameters
    ----------
    changed : mapping of str to (P, G, T) array, optional
        Columns that differ from the baseline: only what they pass on is returned.
    """
    rows, out = base.rows, {}
    for name in rows.system.order:
        equation = rows.system.equation(name)
        for c, channel in enumerate(equation.media):
            if changed is not None and channel not in changed:
                continue
            column = base.columns[channel] if changed is None else changed[channel]
            x, before = scaled(rows, channel, column), base.past.get((name, channel))
            if equation.max_lag is None:
                carry = np.zeros(x.shape[:2]) if before is None else before[..., 0]
                keep = retention(rows.parameters[name]["half_life"][:, c], rows.days)
                alike = [np.ascontiguousarray(rows_of(rows, v, x, carry)) for v in (x, carry, keep)]
                out[name, channel] = kernels.carried_out(*alike)[..., None]
            else:
                out[name, channel] = behind(rows, before, x, equation.max_lag)[..., -equation.max_lag :]
    return out


# ------------------------------------------------------------------------------------------------- small parts
def add(rows: Rows, parts: Sequence[np.ndarray]) -> np.ndarray:
    """Add arrays; those that are the same for all paths of a draw first, so that they are widened once."""
    narrow = [p for p in parts if len(p) <= len(rows.draws)]
    wide = [p for p in parts if len(p) > len(rows.draws)]
    if narrow and wide:
        wide.append(rows.wide(sum(narrow[1:], narrow[0])))
    found = wide or narrow
    return sum(found[1:], found[0])


def scaled(rows: Rows, name: str, column: np.ndarray) -> np.ndarray:
    """Return a column as a media input: in multiples of its mean positive value, below zero as zero."""
    return np.ascontiguousarray(np.maximum(column, 0.0) / unit(rows, name))


def tail_periods(system: MMM, parameters: Parameters, days: float, bound: float) -> np.ndarray:
    """Periods (S,) after which less than `bound` of the adstock of any spend is left to act on the outcome.

    Along a path through mediators lags add up: each of its m equations is given ``bound / m``.
    """
    depth: dict[str, int] = {}
    reach: dict[str, np.ndarray] = {}
    for name in system.order:
        equation = system.equation(name)
        depth[name] = 1 + max((depth[n] for n in (*equation.media, *equation.linear) if n in depth), default=0)
    share = bound / depth[system.outcome]
    for name in system.order:
        equation, half_life = system.equation(name), parameters[name]["half_life"]
        above = [reach[n] for n in (*equation.media, *equation.linear) if n in reach]
        own = np.zeros(len(half_life))
        if equation.media and equation.max_lag is not None:
            own += equation.max_lag
        elif equation.media:
            own = np.ceil(half_life.max(axis=1) / days * np.log2(1.0 / share))
        reach[name] = own + np.max(above, axis=0, initial=0.0)
    return reach[system.outcome]


def unit(rows: Rows, name: str) -> np.ndarray:
    """Mean positive spend (G, 1) of a column, or 1 where it has none: what its values are divided by."""
    size = rows.scales.spend[name]
    return np.where(np.isnan(size), 1.0, size)[:, None]


def _given_mediator(rows: Rows, equation: Equation, residual: Columns) -> tuple[np.ndarray | float, np.ndarray]:
    """As `given_mediator`, with a row for every path."""
    names = [equation.name, *equation.rho]
    wide = {name: {key: rows.wide(rows.parameters[name][key]) for key in rows.parameters[name]} for name in names}
    return given_mediator(equation, wide, residual)


def _slope(rows: Rows, name: str, term: str) -> np.ndarray:
    k = rows.system.equation(name).terms().index(term)
    return (rows.parameters[name]["coefficient"][:, k] / rows.scales.spread[term])[:, None, None]


def _linear(design: np.ndarray, par: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack([par["coefficient"] @ one.T for one in design], axis=1)


def shape_of(rows: Rows, name: str, c: int, amplitude: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Retention, half-saturation and slope (S, 1) and amplitude (S, G, 1) of one media term; 1 where none is given."""
    if amplitude is not None and (name, c) in rows.shapes:
        return rows.shapes[name, c]
    par = rows.parameters[name]
    keep = retention(par["half_life"][:, c : c + 1], rows.days)
    full = (
        np.ones((len(keep), par["contribution"].shape[1], 1)) if amplitude is None else amplitude[:, :, c : c + 1]
    )
    values = (keep, par["half_saturation"][:, c : c + 1], par["slope"][:, c : c + 1], full)
    found = tuple(np.ascontiguousarray(v) for v in values)
    if amplitude is not None:
        rows.shapes[name, c] = found
    return found


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


def hill_term(
    rows: Rows,
    equation: Equation,
    c: int,
    x: np.ndarray,
    before: np.ndarray | None,
    amplitude: np.ndarray | None,
) -> np.ndarray:
    """Response (S or R, G, T) to one media input; at amplitude 1 where none is given."""
    inputs, lag = term_inputs(rows, equation, c, x, before, amplitude)
    return kernels.media_response(*inputs, lag, False)[:, :, 0, -x.shape[-1] :]


def hill_slope(
    rows: Rows,
    equation: Equation,
    c: int,
    x: np.ndarray,
    before: np.ndarray | None,
    amplitude: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Response to one media input, and its derivative to adstock; the latter from the first of the earlier inputs on."""
    inputs, lag = term_inputs(rows, equation, c, x, before, amplitude)
    response, bend = kernels.response_and_slope(*inputs, lag)
    return response[:, :, 0, -x.shape[-1] :], bend


def term_inputs(
    rows: Rows, equation: Equation, c: int, x: np.ndarray, before: np.ndarray | None, amplitude: np.ndarray | None
) -> tuple[tuple[np.ndarray, ...], int]:
    """Arguments of a kernel for one media term: under truncation with the earlier inputs in front."""
    lag = kernel_lag(equation)
    carry = np.zeros((1, x.shape[1], 1))
    if lag >= 0 and before is not None:
        x = behind(rows, before, x, 0)
    elif before is not None:
        carry = before
    inputs = (
        np.ascontiguousarray(rows_of(rows, x, x, carry)[:, :, None]),
        np.ascontiguousarray(rows_of(rows, carry, x, carry)),
        *(rows_of(rows, v, x, carry) for v in shape_of(rows, equation.name, c, amplitude)),
    )
    return inputs, lag
