"""What the fitted periods leave to those that follow: all that a plan needs of them, worked out once and kept.

A plan does not change the fitted periods. What it takes from them are the amplitudes of the media and the pressure that
is carried over, a few numbers per draw.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmmm import engine
from bayesmmm.estimands.query import Query, row_bytes
from bayesmmm.results.kept import keep, recall

#: Most memory, in bytes, of the plan that scenarios were last compared with.
PLAN_KEPT = 100e6


@dataclass(frozen=True)
class _End:
    draws: np.ndarray  # (S,), rising
    amplitude: dict[str, np.ndarray]  # (S, G, C) by equation
    past: dict[tuple[str, str], np.ndarray]  # (S, G, 1 or max_lag) by equation and input

    def of(self, query: Query, draws: np.ndarray) -> engine.Baseline:
        """The same of some of the draws, as a baseline without periods."""
        at = np.searchsorted(self.draws, draws)
        return engine.end_of(
            query.fit.system,
            query.fit.scales,
            query.fit.data,
            query.parameters,
            draws,
            {name: values[at] for name, values in self.amplitude.items()},
            {key: values[at] for key, values in self.past.items()},
        )


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


def plan_baselines(query: Query) -> Callable[[np.ndarray], engine.Baseline]:
    """Return what evaluates the periods of a plan for some draws, and keeps that with the fit for the next scenario."""
    line, ends = query.timeline, ends_of_history(query)
    dates = line.dates[line.fitted :]

    def evaluated(draws: np.ndarray) -> engine.Baseline:
        return engine.future(ends(draws), dates, line.columns, seed=query.seed, paths=query.paths)

    if row_bytes(query.fit, query.paths * len(dates)) * len(query.draws) > PLAN_KEPT:
        return evaluated
    columns = tuple((name, values.tobytes()) for name, values in line.columns.items())
    key = query.stamp, query.draws.tobytes(), query.seed, query.paths, dates.asi8.tobytes(), columns
    chunks: dict[bytes, engine.Baseline] = recall(query.fit, "plan", key, dict)

    def known(draws: np.ndarray) -> engine.Baseline:
        place = draws.tobytes()
        if place not in chunks:
            chunks[place] = evaluated(draws)
        return chunks[place]

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
    return _End(
        draws,
        {name: found[f"amplitude {i}"] for i, name in enumerate(order)},
        {key: found[f"past {i}"] for i, key in enumerate(inputs)},
    )


def _size(end: _End) -> float:
    return sum(values.nbytes for part in (end.amplitude, end.past) for values in part.values())
