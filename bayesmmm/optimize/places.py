"""Geos in which a plan decides, each a problem of its own whose channels stand in the rows of one plan."""

from dataclasses import dataclass

import numpy as np

from bayesmmm import engine
from bayesmmm.estimands.windows import Segment
from bayesmmm.optimize.decision_variables import DecisionVariables
from bayesmmm.results import Fit


@dataclass(frozen=True, eq=False)
class Place:
    """A geo: its number in the data, its rows (K,) of a plan (C, W), and which of all decided channels these are."""

    number: int  # among the places of a plan
    geo: int
    rows: np.ndarray
    channels: np.ndarray  # (K,)
    count: int  # of all decided channels (N)

    def of_plan(self, spend: np.ndarray) -> np.ndarray:
        """Spend (N, W) of its channels under a plan (C, W); zero of those that are not decided here."""
        out = np.zeros((self.count, spend.shape[1]))
        out[self.channels] = spend[self.rows]
        return out


def places_of(fit: Fit, decided: DecisionVariables) -> tuple[Place, ...]:
    """Return the geos of a plan, in the order of its rows."""
    count = len(decided.channels)
    if not decided.pairs:
        return (Place(0, 0, np.arange(count), np.arange(count), count),)
    return tuple(
        Place(g, fit.data.geos.index(geo), rows, decided.channel[rows], count)
        for g, geo in enumerate(decided.geos)
        for rows in [np.flatnonzero(decided.geo == g)]
    )


def window_sum(segments: list[Segment], outcome: str) -> np.ndarray:
    """Sum (S, G) of the outcome over the window as the baselines have it."""
    total: np.ndarray | float = 0.0
    for segment in segments:
        series = segment.base.rows.per_draw(engine.value(segment.base, outcome, segment.base.latent[outcome]))
        total = total + series @ segment.window.astype(float)
    return np.asarray(total)
