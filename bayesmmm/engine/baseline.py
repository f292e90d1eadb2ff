"""Baselines: the evaluation of all equations over a segment of periods, behind every answer about a fit.

A *baseline* is the evaluation of all equations over a segment of periods: the fitted ones (`history`), where the
series are those observed and residuals follow from them, periods after them (`future`), where mediators are simulated
and spend carries over, or a world that is made (`run`), whose residuals are given. All go through one loop.

Arrays have axes (row, geo, date). There are R = S * paths rows: each of S posterior draws with one or more residual
paths, side by side. What does not differ between paths may have S rows only, and what does not differ between draws 1
(P stands for any of the three). What a segment inherits from the one before is its *past*, by equation and input: the
pressure carried in, (P, G, 1), or under ``max_lag`` the inputs of the last periods, (P, G, max_lag).

A value that was not recorded stands at one draw from what the model says of it, for each posterior draw. A geo that ends
early goes on in this way after its end, with nothing spent; before its start its series are zero. What counts in an
answer are its own periods.

The geos of a panel are series side by side. What all of them have in common in a period, its *period effect*, is in the
latent mean of fitted periods and of worlds that are made. Of later periods it is not known: it is drawn, or integrated
over, with the residual, and is part of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from bayesmmm import kernels
from bayesmmm.data import Calendar, MMMData, Scales
from bayesmmm.engine.gaps import before_start, filled_series, own_amplitudes, unobserved
from bayesmmm.engine.inputs import Inputs, kernel_lag, period_days, retention, step_days
from bayesmmm.engine.parameters import Parameters
from bayesmmm.engine.residuals import (
    given_mediator,
    own_uniforms,
    random_stream_id,
)
from bayesmmm.engine.terms import (
    CarryOver,
    FrozenDraws,
    add,
    by_geo,
    by_input,
    curve_response,
    geo_by_geo,
    media_terms,
    prepend_history,
    scaled,
)
from bayesmmm.equations import MMM, Equation, design_matrix, observe, to_latent

Columns = Mapping[str, np.ndarray]
#: Logarithm of a share of the mean size that is next to nothing.
_NOTHING = -690.0


@dataclass(frozen=True)
class Baseline:
    """All equations over one segment of periods.

    Attributes
    ----------
    rows : FrozenDraws
    columns : mapping of str to (P, G, T) array
        Every column in its units, endogenous ones included.
    past : CarryOver
        Empty where the segment is the first.
    term : mapping of (equation, input) to (S or R, G, T) array
        Media terms of the latent mean.
    design : mapping of str to (G, T, K) array
        Columns of the linear part; a mediator that is simulated stands at its centre there.
    latent : mapping of str to (R, G, T) array
        Latent mean, the sum of both, and of what geos have in common in fitted periods.
    residual : mapping of str to (R, G, T) array
        In later periods what geos have in common is part of it.
    future : bool
        Whether residuals are simulated, so that the outcome stands for its mean over them.
    noise : mapping of str to ((R, G, T) array or 0, (R,) array)
        Mean and scale of the future residuals of a series, where they are not 0 and sigma: those given the residuals of
        its mediator, in a lognormal equation that is correlated with a mediator's; with those of period effects. The
        scale is (R, G) where each geo has its own.
    start : int
        Number of its first period, counted from the first fitted one.
    steady : frozenset of str
        Equations whose latent mean is the same on all paths of a draw.
    """

    rows: FrozenDraws
    columns: Columns
    past: CarryOver
    term: Mapping[tuple[str, str], np.ndarray]
    design: Columns
    latent: Columns
    residual: Columns
    future: bool
    noise: Mapping[str, tuple[np.ndarray | float, np.ndarray]] = field(default_factory=dict, repr=False)
    start: int = 0
    steady: frozenset[str] = frozenset()

    @property
    def periods(self) -> int:
        """How many there are."""
        return next(iter(self.columns.values())).shape[-1]

    def noise_of(self, name: str) -> tuple[np.ndarray | float, np.ndarray]:
        """Mean (R, G, T) or 0, and scale (R,), of the future residuals of a series."""
        return self.noise.get(name, (0.0, self.rows.sigma(name)))

    def conditional(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Latent mean (S, G, T) and residual scale (S,) of an observed series given the residual it is tied to."""
        equation = self.rows.system.equation(name)
        center, sigma = given_mediator(equation, self.rows.parameters, self.residual)
        return self.latent[name] + center, sigma


# -------------------------------------------------------------------------------------------------- baselines
def evaluate(
    rows: FrozenDraws,
    dates: pd.DatetimeIndex,
    known: Columns,
    columns: Columns,
    residual_of: Callable[[int, Equation, np.ndarray, Columns], np.ndarray | None],
    *,
    past: CarryOver,
    start: int = 0,
    trend_until: pd.Timestamp | None = None,
    periods_known: bool = True,
    present: np.ndarray | None = None,
    designs: Columns | None = None,
) -> Baseline:
    """Go through the equations in causal order.

    Without amplitudes in `rows` those of these very periods are found. Of `columns` (P, G, T), all but the series that
    follow from their residuals, the `known` ones (G, T) stand in designs. `residual_of` gives residuals (R, G, T), or
    None, from the number of an equation, the equation, its latent mean and the residuals before it. `periods_known` says
    whether the period effects among the parameters are those of these periods, `present` (G, T) which of them are those
    of each geo.
    """
    system, scales, columns = rows.system, rows.scales, dict(columns)
    geos, before = len(rows.geos), None if present is None else before_start(present)
    amplitude, term = dict(rows.amplitude), dict[tuple[str, str], np.ndarray]()
    design, latent, residual = (dict[str, np.ndarray]() for _ in range(3))
    designs, steady = designs or designs_of(system, scales, dates, known, geos, trend_until), set[str]()
    for i, name in enumerate(system.order):
        equation, par = system.equation(name), rows.parameters[name]
        design[name] = designs[name]
        parts = [_linear(design[name], par["coefficient"])]
        parts += [par["period"][:, None]] if periods_known and "period" in par else []
        centred = [n for n in equation.linear if n not in known]
        parts += [rows.per_path(rows.slope(name, n)) * (columns[n] - scales.center[n]) for n in centred]
        frozen = rows.amplitude.get(name)
        if frozen is None:
            amplitude[name] = np.zeros(par["contribution"].shape)
        inputs = {n: scaled(rows, n, columns[n]) for n in equation.media}
        for names, response in media_terms(rows, equation, inputs, past, frozen, start):
            if frozen is None:
                amplitude[name] = own_amplitudes(response, par["contribution"], present)
            term |= {(name, n): values for n, values in by_input(names, response).items()}
            parts.append(response.sum(axis=2))
        mean = add(rows, parts)
        if len(mean) <= len(rows.draws):
            steady.add(name)
        latent[name] = rows.per_path(mean)
        own = residual_of(i, equation, latent[name], residual)
        if own is not None:
            residual[name] = own
            if name not in columns:
                columns[name] = observe(equation, latent[name] + own, scales)
            elif np.isnan(columns[name]).any():
                columns[name] = filled_series(columns[name], observe(equation, latent[name] + own, scales), before)
    rows = replace(rows, amplitude=amplitude)
    return Baseline(
        rows, columns, past, term, design, latent, residual, future=False, start=start, steady=frozenset(steady)
    )


def designs_of(
    system: MMM,
    scales: Scales,
    dates: pd.DatetimeIndex,
    known: Columns,
    geos: int,
    trend_until: pd.Timestamp | None = None,
) -> dict[str, np.ndarray]:
    """Columns (G, T, K) of the linear part of every equation, which are the same in all draws.

    What is not `known` is left at its centre, where it adds nothing, and enters by itself.
    """
    out = {}
    for name in system.order:
        equation = system.equation(name)
        centred = {n: np.full((geos, len(dates)), scales.center[n]) for n in equation.linear if n not in known}
        out[name] = _design(equation, dates, {**known, **centred}, scales, geos, trend_until)
    return out


def _design(
    equation: Equation,
    dates: pd.DatetimeIndex,
    columns: Columns,
    scales: Scales,
    geos: int,
    trend_until: pd.Timestamp | None,
) -> np.ndarray:
    """Columns (G, T, K) of the linear part, trends staying where they are after a date."""
    out = design_matrix(equation, dates, columns, scales, geos=geos)
    if trend_until is not None and equation.trend:
        held = design_matrix(equation, dates.where(dates < trend_until, trend_until), columns, scales, geos=geos)
        trends = [k for k, term in enumerate(equation.terms()) if equation.term_kind(term) == "trend"]
        out[..., trends] = held[..., trends]
    return out


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
        For residuals of censored periods, and of those that were not recorded: one value per draw.
    """
    chosen = {name: {key: value[draws] for key, value in par.items()} for name, par in parameters.items()}
    rows = FrozenDraws(system, scales, data.calendar, chosen, {}, draws, data.geos)
    early = before_start(data.has_row)

    def residual(i: int, equation: Equation, mean: np.ndarray, before: Columns) -> np.ndarray:
        series, par = data.columns[equation.name], chosen[equation.name]
        gaps = ~data.recorded(equation.name)
        uniform = None
        if equation.family.censored or gaps.any():
            uniform = own_uniforms(seed, random_stream_id("observed", i), draws, data)
        if not gaps.any():
            return equation.family.residual(to_latent(equation, series, scales), mean, par, uniform)
        target = to_latent(equation, np.where(gaps, scales.size[equation.name][:, None], series), scales)
        out = equation.family.residual(target, mean, par, uniform)
        assert uniform is not None
        out = np.where(gaps, unobserved(equation, chosen, before, uniform), out)
        # Before a geo starts its series are zero, or next to it in logs: nothing carries over from there.
        return (
            np.where(early, (_NOTHING if equation.family.log_scale else 0.0) - mean, out) if early.any() else out
        )

    columns = {name: values[None] for name, values in data.columns.items()}
    whole = {name: values for name, values in data.columns.items() if not np.isnan(values).any()}
    return evaluate(rows, data.dates, whole, columns, residual, past={}, present=data.has_row)


def run(
    system: MMM,
    parameters: Parameters,
    data: MMMData,
    scales: Scales,
    *,
    residual: Columns,
    amplitude: Columns | None = None,
    do: Columns | None = None,
) -> Baseline:
    """Make a world: the series of all equations over the periods of some data, with given residuals.

    Parameters
    ----------
    parameters : Parameters
        With a leading draw axis of S; period effects are those of the dates of `data`.
    data : MMMData
        Dates and exogenous columns; its endogenous columns are not read.
    residual : mapping of str to (S, G, T) array
        Latent residual of every equation.
    amplitude : mapping of str to (S, G, C) array, optional
        Frozen amplitudes of the fitted periods; by default those of this very run, which is how a world is simulated.
    do : mapping of str to (G, T) or (S, G, T) array, optional
        Columns set by intervention, in their units. Setting a mediator cuts everything that drives it.
    """
    draws = np.arange(len(parameters[system.outcome]["sigma"]))
    rows = FrozenDraws(system, scales, data.calendar, parameters, amplitude or {}, draws, data.geos)
    values = {n: v for n, v in data.columns.items() if n not in system.order} | dict(do or {})
    columns = {n: v if v.ndim == 3 else v[None] for n, v in values.items()}
    known = {n: v for n, v in values.items() if v.ndim == 2}

    def given(_: int, equation: Equation, *__: object) -> np.ndarray:
        return residual[equation.name]

    return evaluate(rows, data.dates, known, columns, given, past={}, present=data.has_row)


def carryover(base: Baseline, changed: Columns | None = None) -> dict[tuple[str, str], np.ndarray]:
    """Return what the next segment inherits.

    Parameters
    ----------
    changed : mapping of str to (P, G, T) array, optional
        Columns that differ from the baseline: only what they pass on is returned.
    """
    rows, out = base.rows, {}
    columns = base.columns if changed is None else changed
    for name in rows.system.order:
        equation = rows.system.equation(name)
        for c, channel in enumerate(equation.media):
            if channel not in columns:
                continue
            before = base.past.get((name, channel))
            if before is not None and not base.periods:
                out[name, channel] = before  # nothing came to it
                continue
            x = scaled(rows, channel, columns[channel])
            if equation.max_lag is None:
                carry = np.zeros(x.shape[:2]) if before is None else before[..., 0]
                step = step_days(equation, [channel], rows.calendar)[0]
                keep = retention(rows.parameters[name]["half_life"][..., c], step)
                days = period_days(equation, [channel], rows.calendar, base.start, x.shape[-1])[0]
                alike = [rows.matching(v, x, carry) for v in (x, carry, keep)]
                out[name, channel] = _final_pressure(days, *alike)[..., None]
            else:
                out[name, channel] = prepend_history(rows, before, x, equation.max_lag)[..., -equation.max_lag :]
    return out


def _final_pressure(days: np.ndarray, x: np.ndarray, carry: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """`kernels.final_pressure` with a retention (P,) that geos share, or (P, G) where each has its own."""

    def final(x: np.ndarray, carry: np.ndarray, keep: np.ndarray) -> np.ndarray:
        return kernels.final_pressure(x, days, carry, keep)

    return geo_by_geo(final, (x, carry), (keep,), shared=1)


# ------------------------------------------------------------------------------------------- one equation alone
def media_term(
    equation: Equation,
    media: np.ndarray,
    par: Mapping[str, np.ndarray],
    calendar: Calendar,
    amplitude: np.ndarray | None = None,
    present: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Media terms (S, G, C, T) and their amplitudes (S, G, C).

    Parameters
    ----------
    media : (G, C, T) array
        Inputs, scaled, from the first period of the calendar on.
    amplitude : (S, G, C) array, optional
        Frozen amplitudes. Without it those that give each channel its mean contribution over these very periods.
    present : (G, T) bool array, optional
        Which of them are periods of each geo.
    """
    full = np.ones_like(par["contribution"]) if amplitude is None else amplitude
    keep = retention(par["half_life"], step_days(equation, equation.media, calendar))
    days = period_days(equation, equation.media, calendar, 0, media.shape[-1])
    shape = (keep, par["half_saturation"], par["slope"], full)
    response = curve_response(kernel_lag(equation), days, media[None], np.zeros((1, *media.shape[:2])), *shape)
    if amplitude is None:
        full = own_amplitudes(response, par["contribution"], present)
    return response, full


def latent_mean(
    equation: Equation,
    seen: Inputs,
    par: Mapping[str, np.ndarray],
    calendar: Calendar,
    amplitude: np.ndarray | None = None,
) -> np.ndarray:
    """Latent mean (S, G, T) of an equation given its inputs, amplitudes as in `media_term`."""
    response, _ = media_term(equation, seen.media, par, calendar, amplitude, seen.present)
    linear = "gtk,sgk->sgt" if par["coefficient"].ndim == 3 else "gtk,sk->sgt"
    mean = np.einsum(linear, seen.design, par["coefficient"]) + response.sum(axis=2)
    return mean + par["period"][:, None] if "period" in par else mean


# ------------------------------------------------------------------------------------------------- small parts
def _linear(design: np.ndarray, coefficient: np.ndarray) -> np.ndarray:
    """Linear part (S, G, T)."""
    if len(coefficient) == 1 and coefficient.ndim == 2:  # the order of sums in which the shipped world was made
        return np.einsum("gtk,sk->sgt", design, coefficient)
    return np.swapaxes(np.swapaxes(by_geo(coefficient), 0, 1) @ np.swapaxes(design, 1, 2), 0, 1)
