"""What the fitted periods leave to those that follow: all that a plan needs of them, worked out once and kept.

A plan does not change the fitted periods. What it takes from them are the amplitudes of the media and the pressure that
is carried over, a few numbers per draw.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from bayesmmm import engine
from bayesmmm.estimands.query import Query, row_bytes
from bayesmmm.results.kept import keep, recall

#: Most memory, in bytes, of the plan that scenarios were last compared with; of the residuals of its periods; and of the
#: fitted periods, where scenarios were last compared with these.
PLAN_KEPT, NOISE_KEPT, PAST_KEPT = 100e6, 100e6, 150e6


@dataclass(frozen=True)
class _End:
    draws: np.ndarray  # (S,), rising
    whole: engine.Baseline  # of all of them, without periods
    amplitude: dict[str, np.ndarray]  # (S, G, C) by equation
    past: dict[tuple[str, str], np.ndarray]  # (S, G, 1 or max_lag) by equation and input

    def of(self, query: Query, draws: np.ndarray) -> engine.Baseline:
        """The same of some of the draws, as a baseline without periods."""
        at = np.searchsorted(self.draws, draws)
        if (np.diff(at) == 1).all():
            return engine.draws_of(self.whole, slice(int(at[0]), int(at[-1]) + 1))
        amplitude = {name: values[at] for name, values in self.amplitude.items()}
        return _end_of(query, draws, amplitude, {key: values[at] for key, values in self.past.items()})


def ends_of_history(query: Query) -> Callable[[np.ndarray], engine.Baseline]:
    """Return what gives, for some draws, a baseline without periods at the end of the fitted ones, for `engine.future`.

    It is kept with the fit for the draws of this query.
    """
    # The seed is of what was not recorded only, as long as all that carries over is.
    seed = query.seed if any(np.isnan(values).any() for values in query.fit.data.columns.values()) else 0
    key = query.stamp, query.draws.tobytes(), seed
    end = query.fit.memo.get("history_end", {}).get(key)
    if end is None:
        end = _worked_out(query)
        keep(query.fit, "history_end", {key: end}, _size(end))
    return lambda draws: end.of(query, draws)


@dataclass(frozen=True)
class PlanPart:
    """The periods of a plan in some draws, with the series that scenarios are compared with."""

    base: engine.Baseline
    series: dict[str, np.ndarray] = field(default_factory=dict)  # (S, G, H) by equation, those that were asked for

    def mean(self, name: str) -> np.ndarray:
        """Series (S, G, H) of an equation, averaged over paths."""
        if name not in self.series:
            self.series[name] = engine.mean_series(self.base, name)
        return self.series[name]


def plans(
    query: Query, *, noise: bool = False, do: engine.Columns | None = None
) -> Callable[[np.ndarray], engine.Baseline]:
    """Return what evaluates the periods of a plan for some draws.

    What no plan changes, the residuals of these periods, is kept with the fit for the next plan of as many.
    """
    line, ends, paths = query.timeline, ends_of_history(query), 1 if noise else query.paths
    dates, fit = line.dates[line.fitted :], query.fit
    designs = engine.designs_of(fit.system, fit.scales, dates, line.columns, len(fit.data.geos))
    rows = len(query.draws) * paths * len(dates) * len(fit.data.geos)
    small = 8.0 * rows * 2 * len(fit.system.order) <= NOISE_KEPT
    key = query.stamp, query.draws.tobytes(), query.seed, paths, len(dates), noise
    chunks: dict[bytes, engine.Noise] = recall(fit, "noise", key, dict) if small else {}

    def evaluated(draws: np.ndarray) -> engine.Baseline:
        end, place = ends(draws), draws.tobytes()
        known = chunks.get(place)
        if known is None:
            known = engine.future_noise(end.rows, len(dates), seed=query.seed, paths=paths, outcome=noise)
            if small:
                chunks[place] = known
        return engine.future(
            end,
            dates,
            line.columns,
            seed=query.seed,
            paths=paths,
            noise=noise,
            do=do,
            known=known,
            designs=designs,
        )

    return evaluated


def plan_baselines(query: Query) -> Callable[[np.ndarray], PlanPart]:
    """Return what evaluates the periods of a plan for some draws, and keeps that with the fit for the next scenario."""
    line, evaluated = query.timeline, plans(query)
    dates = line.dates[line.fitted :]
    if row_bytes(query.fit, query.paths * len(dates)) * len(query.draws) > PLAN_KEPT:
        return lambda draws: PlanPart(evaluated(draws))
    columns = tuple((name, values.tobytes()) for name, values in line.columns.items())
    key = query.stamp, query.draws.tobytes(), query.seed, query.paths, dates.asi8.tobytes(), columns
    return _recalled(query, "plan", key, lambda draws: PlanPart(evaluated(draws)))


def past_baselines(query: Query) -> Callable[[np.ndarray], PlanPart]:
    """Return what evaluates the fitted periods for some draws, and keeps that with the fit for the next scenario."""
    fit = query.fit
    arrays = sum(len(equation.media) + 3 for equation in fit.system.equations)
    if 8.0 * arrays * fit.data.has_row.size * len(query.draws) > PAST_KEPT:
        return lambda draws: PlanPart(query.history(draws))
    key = query.stamp, query.draws.tobytes(), query.seed
    return _recalled(query, "past", key, lambda draws: PlanPart(query.history(draws)))


def _recalled(
    query: Query, name: str, key: Hashable, make: Callable[[np.ndarray], PlanPart]
) -> Callable[[np.ndarray], PlanPart]:
    chunks: dict[bytes, PlanPart] = recall(query.fit, name, key, dict)

    def known(draws: np.ndarray) -> PlanPart:
        place = draws.tobytes()
        part = chunks.get(place)
        if part is None:
            part = chunks[place] = make(draws)
        return part

    return known


def _worked_out(query: Query) -> _End:
    fitted, order = query.timeline.fitted, query.fit.system.order
    inputs = [(name, channel) for name in order for channel in query.fit.system.equation(name).media]

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base = engine.from_period(query.history(draws), fitted)
        passed = {f"past {i}": base.past[key] for i, key in enumerate(inputs)}
        shared = {
            name: np.broadcast_to(values, (len(draws), *values.shape[1:])) for name, values in passed.items()
        }
        return shared | {f"amplitude {i}": base.rows.amplitude[name] for i, name in enumerate(order)}

    draws = np.sort(query.draws)
    found = engine.map_draws(work, draws, row_bytes(query.fit, fitted))
    amplitude = {name: found[f"amplitude {i}"] for i, name in enumerate(order)}
    past = {key: found[f"past {i}"] for i, key in enumerate(inputs)}
    return _End(draws, _end_of(query, draws, amplitude, past), amplitude, past)


def _end_of(query: Query, draws: np.ndarray, amplitude: dict, past: dict) -> engine.Baseline:
    fit = query.fit
    return engine.end_of(fit.system, fit.scales, fit.data, query.parameters, draws, amplitude, past)


def _size(end: _End) -> float:
    arrays = [*end.amplitude.values(), *end.past.values()]
    arrays += [values for own in end.whole.rows.parameters.values() for values in own.values()]
    return sum(values.nbytes for values in arrays)
