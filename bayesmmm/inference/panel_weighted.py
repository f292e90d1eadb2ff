"""`inference.panel` for panels whose cells do not weigh alike: some are not observed, or each geo has its sigma."""

from dataclasses import dataclass

import numpy as np

from bayesmmm.equations import Equation
from bayesmmm.inference.panel import normal_prior
from bayesmmm.kernels import panel_weighted as kernel
from bayesmmm.kernels.panel import cholesky

#: Arguments of `kernels.panel_weighted.collapsed_weighted` that a panel is described by, in their order.
WEIGHTED_ARRAYS = ("seen", "own", "wide", "gram")


@dataclass(frozen=True)
class CellPlan:
    """The Normal part of the linear terms of a panel of cells, for G geos and T periods; as `PanelPlan`.

    Attributes
    ----------
    arrays : dict of str to array
        What the kernel of its density takes, by name.
    offset : (G, T) array
        The columns times the prior means.
    own, shared : tuple of str
        Terms with a coefficient for each geo, and with one.
    """

    arrays: dict[str, np.ndarray]
    offset: np.ndarray
    own: tuple[str, ...]
    shared: tuple[str, ...]

    def by_term(self, coefficient: np.ndarray) -> dict[tuple[str, int | None], np.ndarray]:
        """Coefficients (S, n), those of geos side by side and then the shared ones, by term: (S, G) and (S,)."""
        geos = len(self.offset)
        first = len(self.own) * geos
        by_geo = coefficient[:, :first].reshape(-1, len(self.own), geos)
        out: dict[tuple[str, int | None], np.ndarray] = {(t, None): by_geo[:, i] for i, t in enumerate(self.own)}
        return out | {(t, None): coefficient[:, first + k] for k, t in enumerate(self.shared)}

    def noise(self, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Standard Normal numbers that `draw` needs for so many draws."""
        geos, periods = self.offset.shape
        count = len(self.own) * geos + len(self.shared)
        return {name: rng.standard_normal((draws, n)) for name, n in (("coefficient", count), ("period", periods))}


def scaled_columns(
    equation: Equation, design: np.ndarray, terms: tuple[str, ...], seen: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns (T, G) of terms times the prior sd of their coefficients, 0 in cells that are not `seen` (G, T).

    And the `offset` of a `CellPlan`.
    """
    names, (mean, sd) = equation.terms(), normal_prior(equation, terms)
    column = {t: design[..., names.index(t)] for t in terms}
    offset = sum((m * column[t] for t, m in zip(terms, mean, strict=True)), np.zeros(seen.shape))
    scaled = {t: np.ascontiguousarray((width * column[t] * seen).T) for t, width in zip(terms, sd, strict=True)}
    return scaled, offset


class WeightedPlan(CellPlan):
    """`CellPlan` whose arrays are the arguments of `kernels.panel_weighted.collapsed_weighted`, from ``seen`` on."""

    def draw(
        self, r: np.ndarray, sigma: np.ndarray, omega: np.ndarray, noise: dict[str, np.ndarray]
    ) -> tuple[dict[tuple[str, int | None], np.ndarray], np.ndarray]:
        """Draw what was integrated out from its exact conditional distribution; as `PanelPlan.draw`.

        Parameters
        ----------
        r : (S, G, T) array
            What is in cells that are not observed is not read.
        sigma : (S,) or (S, G) array
        omega : (S,) array
        noise : dict of str to array
            Standard Normal: coefficient (S, n) and period (S, T).
        """
        seen, own, shared, gram = (self.arrays[name] for name in WEIGHTED_ARRAYS)
        geos, n_own = r.shape[1], len(self.own)
        coefficient, period = np.empty(noise["coefficient"].shape), np.empty(noise["period"].shape)
        wide = np.broadcast_to(sigma if sigma.ndim == 2 else sigma[:, None], (len(r), geos))
        for s in range(len(r)):
            scale = np.ascontiguousarray(wide[s])
            weight, left = kernel.weights(seen, scale, omega[s])
            z = kernel.by_period(weight, own, shared)
            e = np.where(seen > 0.0, r[s].T, 0.0)
            lower = cholesky(kernel.precision(scale, left, z, gram, n_own))
            # L' a = L^-1 q + noise has the mean H^-1 q and the covariance H^-1.
            q = kernel.products(e, weight, left, z, own, shared)
            coefficient[s] = np.linalg.solve(lower.T, np.linalg.solve(lower, q) + noise["coefficient"][s])
            kernel.subtract(e, own, shared, coefficient[s])
            period[s] = left * (weight * e).sum(axis=1) + np.sqrt(left) * noise["period"][s]
        return self.by_term(coefficient), period


def weighted_plan(
    equation: Equation, design: np.ndarray, terms: tuple[str, ...], seen: np.ndarray
) -> WeightedPlan:
    """Sort the columns (G, T, K) of the terms that are integrated out, of which the cells `seen` (G, T) are observed."""
    scaled, offset = scaled_columns(equation, design, terms, seen)
    own = tuple(t for t in terms if t in equation.per_geo)
    shared = tuple(t for t in terms if t not in own)
    shape = (-1, *seen.T.shape)
    columns = np.array([scaled[t] for t in (*own, *shared)]).reshape(shape)
    arrays = {
        "seen": np.ascontiguousarray(seen.T, dtype=float),
        "own": columns[: len(own)],
        "wide": columns[len(own) :],
        "gram": np.einsum("itg,jtg->gij", columns, columns),
    }
    return WeightedPlan(arrays, offset, own, shared)
