"""What the outcome loses as columns are changed: directly, then as mediators answer one after the other."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from bayesmmm import engine
from bayesmmm.estimands.query import Query
from bayesmmm.estimands.windows import Change, Columns, Segment, multiplied, propagated


def removed(query: Query, segments: list[Segment], targets: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Take each target out of a chunk of draws, and sum up what is lost.

    ``path`` (S, P, target, 1 + mediators) is the direct part, then that through each mediator; ``induced`` (S, P,
    target, mediators); ``outcome`` (S, P).
    """
    path, induced = zip(*(lost(segments, multiplied(target, 0.0)) for target in targets), strict=True)
    system = segments[0].base.rows.system
    outcome = np.zeros(path[0].shape[:2])
    for segment in (each for each in segments if each.window.any()):
        base = segment.base
        series = engine.value(base, system.outcome, base.latent[system.outcome])
        series = (series if segment.own.all() else np.where(segment.own, series, 0.0))[..., segment.window]
        outcome += engine.over_paths(series.sum(axis=-1), base.rows.paths)
    out = {"path": np.stack(path, axis=2), "induced": np.stack(induced, axis=2), "outcome": outcome}
    return {name: query.added(values) for name, values in out.items()}


def lost(
    segments: list[Segment], changes: Mapping[str, Change], *, own_only: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """What the outcome has (S, G, 1 + mediators), and mediators have (S, G, mediators), that a change takes away."""
    rows = segments[0].base.rows
    mediators, shape = rows.system.mediators, (len(rows.draws), len(rows.geos))
    path, induced = np.zeros((*shape, 1 + len(mediators))), np.zeros((*shape, len(mediators)))
    for segment, columns, past in propagated(segments, changes, own_only=own_only):
        path += _lost(segment, changes, columns, past)
        for j, mediator in enumerate(mediators):
            if mediator in columns and mediator not in changes:  # its own spend is no induced spend
                induced[..., j] += segment.total(segment.base.columns[mediator] - columns[mediator])
    return path, induced


def _lost(segment: Segment, target: Collection[str], columns: Columns, past: engine.CarryOver) -> np.ndarray:
    """What the outcome loses as the target goes, then as mediators answer one after the other: (S, G, 1 + mediators)."""
    rows, system = segment.base.rows, segment.base.rows.system
    answering = [[m] if m in columns and m not in target else [] for m in system.mediators]
    latent = segment.base.latent[system.outcome]
    out = np.zeros((len(rows.draws), len(rows.geos), 1 + len(answering)))
    for j, step in enumerate([target, *answering]):
        moved = [n for n in step if n in system.equation(system.outcome).acting]
        if moved:
            gain, shift = segment.gain(latent, moved, columns, past)
            out[..., j] = -gain
            latent = latent + rows.per_path(shift)
    return out
