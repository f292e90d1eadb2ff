"""`inference.panel` for panels whose geos start late or end early, with one sigma and without other gaps."""

from dataclasses import dataclass

import numpy as np

from bayesmmm.equations import Equation
from bayesmmm.inference.panel_weighted import CellPlan, scaled_columns
from bayesmmm.kernels import panel_ragged as kernel
from bayesmmm.kernels.panel import cholesky


@dataclass(frozen=True)
class RaggedPlan(CellPlan):
    """`CellPlan` with the arrays of `kernels.panel_ragged.collapsed_ragged` by name, ``geos_seen`` for its ``count``.

    Attributes
    ----------
    start, stop : (G,) arrays
        First period of each geo, and the one after its last.
    """

    start: np.ndarray
    stop: np.ndarray

    def draw(
        self, r: np.ndarray, sigma: np.ndarray, omega: np.ndarray, noise: dict[str, np.ndarray]
    ) -> tuple[dict[tuple[str, int | None], np.ndarray], np.ndarray]:
        """Draw what was integrated out from its exact conditional distribution; as `PanelPlan.draw`.

        Parameters
        ----------
        r : (S, G, T) array
            What is in cells that are not observed is not read.
        sigma, omega : (S,) arrays
        noise : dict of str to array
            Standard Normal: coefficient (S, n) and period (S, T).
        """
        from scipy.linalg import solve_triangular

        a, span = self.arrays, (self.start, self.stop)
        columns = a["own"], a["calendar"], a["wide"]
        coefficient, period = np.empty(noise["coefficient"].shape), np.empty(noise["period"].shape)
        for s in range(len(r)):
            left = kernel.effect_variance(sigma[s], omega[s], a["geos_seen"])
            e = np.where(a["seen"] > 0.0, r[s].T, 0.0)
            q = kernel.products(e, e.sum(axis=1), sigma[s], left, *span, *columns, a["by_period"])
            lower = cholesky(kernel.precision(sigma[s], left, *span, a["own"], a["by_period"], a["gram"]))
            # L' a = L^-1 q + noise has the mean H^-1 q and the covariance H^-1.
            half = solve_triangular(lower, q, lower=True) + noise["coefficient"][s]
            coefficient[s] = solve_triangular(lower, half, lower=True, trans="T")
            kernel.subtract(e, a["seen"], *columns, coefficient[s])
            period[s] = left * e.sum(axis=1) / sigma[s] ** 2 + np.sqrt(left) * noise["period"][s]
        return self.by_term(coefficient), period


def ragged_plan(
    equation: Equation, design: np.ndarray, terms: tuple[str, ...], seen: np.ndarray, present: np.ndarray
) -> RaggedPlan | None:
    """Sort the columns (G, T, K) of the terms that are integrated out, of which the cells `seen` (G, T) are observed.

    Without a plan where cells are missing inside the periods of a geo, or a column with a coefficient for each geo
    differs between geos.
    """
    if not np.array_equal(seen, present):
        return None
    scaled, offset = scaled_columns(equation, design, terms, seen)
    level = {t: _common(values, seen.T) for t, values in scaled.items()}
    own = tuple(t for t in terms if t in equation.per_geo)
    calendar = tuple(t for t in terms if t not in own and level[t] is not None)
    wide = tuple(t for t in terms if t not in (*own, *calendar))
    if any(level[t] is None for t in own):
        return None
    periods, count = seen.shape[1], seen.sum(axis=0).astype(float)
    columns = np.array([scaled[t] for t in (*own, *calendar, *wide)]).reshape(-1, *seen.T.shape)
    arrays = {
        "seen": np.ascontiguousarray(seen.T, dtype=float),
        "geos_seen": count,
        "own": np.array([level[t] for t in own]).reshape(-1, periods),
        "calendar": np.array([level[t] for t in calendar]).reshape(-1, periods),
        "wide": columns[len(own) + len(calendar) :],
        "by_period": columns[len(own) :].sum(axis=2),
        "gram": np.einsum("itg,jtg->gij", columns, columns, optimize=True),
    }
    start = seen.argmax(axis=1).astype(float)
    return RaggedPlan(arrays, offset, own, (*calendar, *wide), start, start + seen.sum(axis=1))


def _common(values: np.ndarray, seen: np.ndarray) -> np.ndarray | None:
    """What a column (T, G) is in the geos of each period (T,), or none where they differ; 0 in periods without any."""
    level = np.take_along_axis(values, seen.argmax(axis=1)[:, None], axis=1)
    return (
        level[:, 0]
        if np.array_equal(np.where(seen, values, level), np.broadcast_to(level, values.shape))
        else None
    )
