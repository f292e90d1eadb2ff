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

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from bayesmmm import kernels
from bayesmmm.data import MMMData, Scales
from bayesmmm.engine.inputs import retention
from bayesmmm.engine.parameters import Parameters
from bayesmmm.engine.residuals import given_mediator, stream, uniforms
from bayesmmm.engine.terms import Past, Rows, Terms, add, behind, media_terms, rows_of, scaled
from bayesmmm.equations import MMM, Equation, design_matrix, observe, to_latent

Columns = Mapping[str, np.ndarray]


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
    bent : mapping of str to tuple of Terms
        By equation, media terms with their derivatives to adstock, likewise.
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
    bent: Mapping[str, tuple[Terms, ...]] = field(default_factory=dict, repr=False)

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
        inputs = {n: scaled(rows, n, columns[n]) for n in equation.media}
        for terms in media_terms(rows, equation, inputs, {}, None):
            mean = terms.response.mean(axis=-1)
            with np.errstate(divide="ignore", invalid="ignore"):
                amplitude[name] = np.where(mean > 0.0, par["contribution"] / mean, 0.0)
            terms.response[:] *= amplitude[name][..., None]
            term |= {(name, n): values for n, values in terms.each().items()}
            latent[name] += terms.response.sum(axis=2)
        target = to_latent(equation, data.columns[name], scales)
        uniform = None
        if equation.family.censored:
            uniform = uniforms(seed, stream("observed", i), draws, target.shape)
        residual[name] = equation.family.residual(target, latent[name], par, uniform)
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
        inputs = {n: scaled(rows, n, seen[n]) for n in equation.media}
        for terms in media_terms(rows, equation, inputs, past, rows.amplitude[name]):
            term |= {(name, n): values for n, values in terms.each().items()}
            parts.append(terms.response.sum(axis=2))
        latent[name] = rows.wide(add(rows, parts))
        wide = {key: rows.wide(v) for key, v in par.items()}
        center, wide["sigma"] = _given_mediator(rows, equation, residual)
        if equation.rho and equation.family.log_scale:
            tied[name] = (center, wide["sigma"])
        if noise or name != system.outcome:
            uniform = uniforms(seed, stream("future", i), rows.draws, shape, paths=paths, first=first)
            residual[name] = center + equation.family.residual_at(wide, uniform)
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


def from_period(base: Baseline, first: int) -> Baseline:
    """Return the periods of a stretch from one on, which inherit what those before them pass on."""
    if not first:
        return base

    def late(values: Mapping) -> dict:
        return {key: np.ascontiguousarray(each[..., first:]) for key, each in values.items()}

    before = replace(base, columns={name: column[..., :first] for name, column in base.columns.items()})
    design = {name: values[:, first:] for name, values in base.design.items()}
    noise = {name: (center[..., first:], sigma) for name, (center, sigma) in base.noise.items()}
    parts = {name: late(getattr(base, name)) for name in ("columns", "term", "latent", "residual")}
    return replace(base, **parts, past=carried(before), design=design, noise=noise)


# ------------------------------------------------------------------------------------------------- small parts
def tail_periods(system: MMM, parameters: Parameters, days: float, bound: float) -> np.ndarray:
    """Periods (S,) after which less than `bound` of the adstock of any spend is left to act on the outcome.

    Along a path through mediators lags add up: each of its m equations is given ``bound / m``.
    """
    depth: dict[str, int] = {}
    reach: dict[str, np.ndarray] = {}
    for name in system.order:
        equation = system.equation(name)
        depth[name] = 1 + max((depth[n] for n in equation.inputs if n in depth), default=0)
    share = bound / depth[system.outcome]
    for name in system.order:
        equation, half_life = system.equation(name), parameters[name]["half_life"]
        above = [reach[n] for n in equation.inputs if n in reach]
        own = np.zeros(len(half_life))
        if equation.media and equation.max_lag is not None:
            own += equation.max_lag
        elif equation.media:
            own = np.ceil(half_life.max(axis=1) / days * np.log2(1.0 / share))
        reach[name] = own + np.max(above, axis=0, initial=0.0)
    return reach[system.outcome]


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
