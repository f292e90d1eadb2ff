"""The linear part of a panel: its columns for the collapsed density, and exact draws of what was integrated out.

Coefficients of geos, shared coefficients and period effects are jointly Normal given everything else. The density
integrates them out (`bayesmmm.kernels.panel`); here they are drawn back, one exact draw for each draw of the sampler.
"""

from dataclasses import dataclass

import numpy as np

from bayesmmm.equations import FIXED_SD, Equation
from bayesmmm.kernels import panel as kernel


def normal_prior(equation: Equation, terms: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd (K,) of the priors of terms, which are Normal."""
    block = next(b for b in equation.parameters() if b.name == "coefficient")
    prior = dict(zip(block.labels, block.priors, strict=True))
    moments = [prior[term].scipy().stats("mv") for term in terms]
    return np.array([m for m, _ in moments], float), np.sqrt(np.array([v for _, v in moments], float))


def omega_of(equation: Equation) -> float | None:
    """Sd of the period effects where it is no parameter: 0 without any; None where it is one."""
    assert equation.panel is not None
    return {"random": None, "fixed": FIXED_SD, "none": 0.0}[equation.panel.periods or "none"]


@dataclass(frozen=True)
class PanelPlan:
    """The Normal part of the linear terms of a panel, for G geos and T periods.

    Columns are multiplied by the prior sd of their coefficients, so that what multiplies them is standard Normal: first
    those with a coefficient for each geo, then those of the calendar, then those that vary over both.

    Attributes
    ----------
    equation : Equation
    own : (I, G, T) array
    calendar : (K, T) array
    wide : (J, G, T) array
    gram, by_period : (p, p) arrays
        ``X'X`` and ``X'D D'X``; D repeats a value of a period for all geos; p = I G + K + J.
    offset : (G, T) array
        The columns times the prior means.
    terms : tuple of tuple of str
        Labels of the three kinds.
    """

    equation: Equation
    own: np.ndarray
    calendar: np.ndarray
    wide: np.ndarray
    gram: np.ndarray
    by_period: np.ndarray
    offset: np.ndarray
    terms: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

    @property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Own, calendar and wide columns."""
        return self.own, self.calendar, self.wide

    def coefficients(self, a: np.ndarray) -> np.ndarray:
        """Coefficients (S, G, K), in the order of the terms of the equation, from standard Normal values (S, p)."""
        own, calendar, wide = self.terms
        geos, labels = self.own.shape[1], self.equation.terms()
        mean, sd = normal_prior(self.equation, (*own, *calendar, *wide))
        out = np.zeros((len(a), geos, len(labels)))
        for i, term in enumerate(own):
            out[:, :, labels.index(term)] = mean[i] + sd[i] * a[:, i * geos : (i + 1) * geos]
        for k, term in enumerate((*calendar, *wide), start=len(own)):
            shared = a[:, len(own) * geos + k - len(own)]
            out[:, :, labels.index(term)] = (mean[k] + sd[k] * shared)[:, None]
        return out

    def draw(
        self, r: np.ndarray, sigma: np.ndarray, omega: np.ndarray, noise: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw what was integrated out from its exact conditional distribution.

        Parameters
        ----------
        r : (S, G, T) array
            The series less the offset and everything that is not integrated out.
        sigma, omega : (S,) arrays
        noise : (S, p) and (S, T) arrays
            Standard Normal.

        Returns
        -------
        coefficients : (S, G, K) array
            0 for terms that are not integrated out.
        period : (S, T) array
        """
        geos, periods = r.shape[1:]
        standard, period = np.empty((len(r), len(self.gram))), np.zeros((len(r), periods))
        for s, (s2, o2) in enumerate(zip(sigma**2, omega**2, strict=True)):
            w = o2 / (geos * o2 + s2)
            first = r[s] - w * r[s].sum(axis=0)
            q = kernel.projections(first, *self.columns) / s2
            precision = (self.gram - w * self.by_period) / s2 + np.eye(len(self.gram))
            lower = np.linalg.cholesky(precision)
            # L' a = L^-1 q + noise has the mean H^-1 q and the covariance H^-1.
            standard[s] = np.linalg.solve(lower.T, np.linalg.solve(lower, q) + noise[0][s])
            left = r[s].copy()
            kernel.subtract_columns(left, *self.columns, standard[s])
            period[s] = w * left.sum(axis=0) + np.sqrt(s2 * w) * noise[1][s]
        return self.coefficients(standard), period


def panel_plan(equation: Equation, design: np.ndarray, terms: tuple[str, ...]) -> PanelPlan:
    """Sort the columns (G, T, K) of the terms that are integrated out by how they vary, and work out their products."""
    labels, (geos, periods, _) = equation.terms(), design.shape
    column = {term: np.ascontiguousarray(design[..., labels.index(term)]) for term in terms}
    own = tuple(t for t in terms if t in equation.per_geo)
    calendar = tuple(t for t in terms if t not in own and (column[t] == column[t][:1]).all())
    wide = tuple(t for t in terms if t not in (*own, *calendar))
    mean, sd = normal_prior(equation, (*own, *calendar, *wide))
    scaled = {t: sd[i] * column[t] for i, t in enumerate((*own, *calendar, *wide))}
    offset = sum((mean[i] * column[t] for i, t in enumerate((*own, *calendar, *wide))), np.zeros((geos, periods)))
    parts = (
        np.array([scaled[t] for t in own]).reshape(len(own), geos, periods),
        np.array([scaled[t][0] for t in calendar]).reshape(len(calendar), periods),
        np.array([scaled[t] for t in wide]).reshape(len(wide), geos, periods),
    )
    return PanelPlan(equation, *parts, *_products(*parts), offset, (own, calendar, wide))


def _products(own: np.ndarray, calendar: np.ndarray, wide: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``X'X`` and ``X'D D'X`` (p, p), without ever laying out X, which has a row for each geo and period."""
    geos = own.shape[1]
    # Sums over geos by period, (p, T): a column of one geo is its own sum.
    total = np.concatenate([own.reshape(-1, own.shape[-1]), geos * calendar, wide.sum(axis=1)])
    shared = [np.broadcast_to(c, own.shape[1:]) for c in calendar] + list(wide)
    first, n = len(own) * geos, len(total)
    gram = np.zeros((n, n))
    for i, one in enumerate(own):
        for j, other in enumerate(own):
            gram[i * geos : (i + 1) * geos, j * geos : (j + 1) * geos] = np.diag(np.einsum("gt,gt->g", one, other))
        for k, column in enumerate(shared, start=first):
            gram[i * geos : (i + 1) * geos, k] = gram[k, i * geos : (i + 1) * geos] = np.einsum(
                "gt,gt->g", one, column
            )
    for k, one in enumerate(shared, start=first):
        for m, other in enumerate(shared, start=first):
            gram[k, m] = np.einsum("gt,gt->", one, other)
    return gram, total @ total.T
