"""The linear part of a panel: its columns for the collapsed density, and exact draws of what was integrated out.

Coefficients of geos, shared coefficients and period effects are jointly Normal given everything else. The density
integrates them out (`bayesmmm.kernels.panel`); here they are drawn back, one exact draw for each draw of the sampler.
"""

from dataclasses import dataclass

import numpy as np

from bayesmmm.equations import Equation
from bayesmmm.kernels import panel as kernel

#: Arguments of `kernels.panel.collapsed_panel` that a panel is described by, in their order.
PANEL_ARRAYS = (
    *("own", "calendar", "wide", "wide_by_period", "norm"),
    *("gram", "gram_by_period", "between", "cross"),
)


def normal_prior(equation: Equation, terms: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd (K,) of the priors of terms, which are Normal."""
    block = next(b for b in equation.parameters() if b.name == "coefficient")
    prior = dict(zip(block.labels, block.priors, strict=True))
    moments = [prior[term].scipy().stats("mv") for term in terms]
    return np.array([m for m, _ in moments], float), np.sqrt(np.array([v for _, v in moments], float))


@dataclass(frozen=True)
class PanelPlan:
    """The Normal part of the linear terms of a panel, for G geos and T periods.

    Columns are multiplied by the prior sd of their coefficients, so that what multiplies them is standard Normal. The
    coefficients of geos are divided into means over geos, whose columns stand first in the calendar, and contrasts
    between geos. A column that differs between geos and has a coefficient for each stands for G wide columns.

    Attributes
    ----------
    arrays : dict of str to array
        The arguments of `kernels.panel.collapsed_panel`, from ``own`` on.
    offset : (G, T) array
        The columns times the prior means.
    rotation : (I, I) array
        Columns with a coefficient for each geo are ``rotation @ own``.
    labels : tuple of tuple of (str, int or None)
        Term and number of the geo, None for all: of the columns that became ``own``, of the calendar after these, of
        the wide ones.
    """

    arrays: dict[str, np.ndarray]
    offset: np.ndarray
    rotation: np.ndarray
    labels: tuple[tuple[tuple[str, int | None], ...], ...]

    def draw(
        self, r: np.ndarray, sigma: np.ndarray, omega: np.ndarray, noise: dict[str, np.ndarray]
    ) -> tuple[dict[tuple[str, int | None], np.ndarray], np.ndarray]:
        """Draw what was integrated out from its exact conditional distribution.

        Parameters
        ----------
        r : (S, G, T) array
            The series less the offset and everything that is not integrated out.
        sigma, omega : (S,) arrays
        noise : dict of str to array
            Standard Normal: shared (S, p), contrast (S, I, G), period (S, T), as `noise` returns it.

        Returns
        -------
        standard : dict
            By term and geo, what multiplies its column: (S, G) for all geos at once, (S,) for the others.
        period : (S, T) array
        """
        array, geos = self.arrays, r.shape[1]
        own, calendar, wide = array["own"], array["calendar"], array["wide"]
        shared, by_geo = np.empty(noise["shared"].shape), np.empty(noise["contrast"].shape)
        period = np.empty(noise["period"].shape)
        columns = (array["wide_by_period"], array["norm"], array["between"])
        products = (array["norm"], array["gram"], array["gram_by_period"], array["cross"])
        for s in range(len(r)):
            s2, o2 = sigma[s] ** 2, omega[s] ** 2
            w, width = o2 / (geos * o2 + s2), s2 + array["norm"]
            left = np.ascontiguousarray(r[s].T)
            free = kernel.contrasts(left, own)
            q = kernel.shared_products(left, kernel.by_period(left), free, w, s2, calendar, wide, *columns)
            lower = kernel.cholesky(kernel.posterior_precision(sigma[s], omega[s], geos, *products))
            # L' a = L^-1 q / sigma^2 + noise has the mean H^-1 q / sigma^2 and the covariance H^-1.
            shared[s] = np.linalg.solve(lower.T, np.linalg.solve(lower, q / s2) + noise["shared"][s])
            free -= np.einsum("ijg,j->ig", array["between"], shared[s, len(calendar) :])
            apart = noise["contrast"][s] - noise["contrast"][s].mean(axis=1, keepdims=True)
            contrast = free / width[:, None] + np.sqrt(s2 / width)[:, None] * apart
            kernel.subtract_columns(left, own, calendar, wide, contrast, shared[s])
            period[s] = w * left.sum(axis=1) + np.sqrt(s2 * w) * noise["period"][s]
            by_geo[s] = contrast + shared[s, : len(own), None] / np.sqrt(geos)
        mixed = np.einsum("ki,sig->skg", self.rotation, by_geo)
        names, calendar_names, wide_names = self.labels
        out = {label: mixed[:, k] for k, label in enumerate(names)}
        for k, label in enumerate((*calendar_names, *wide_names), start=len(own)):
            out[label] = shared[:, k]
        return out, period

    def noise(self, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Standard Normal numbers that `draw` needs for so many draws."""
        geos, periods = self.offset.shape
        shapes = {
            "shared": (len(self.arrays["gram"]),),
            "contrast": (len(self.rotation), geos),
            "period": (periods,),
        }
        return {name: rng.standard_normal((draws, *shape)) for name, shape in shapes.items()}


def panel_plan(equation: Equation, design: np.ndarray, terms: tuple[str, ...]) -> PanelPlan:
    """Sort the columns (G, T, K) of the terms that are integrated out by how they vary, and work out their products."""
    geos, periods, _ = design.shape
    names, (mean, sd) = equation.terms(), normal_prior(equation, terms)
    column = {t: np.ascontiguousarray(design[..., names.index(t)].T) for t in terms}
    offset = sum((m * column[t] for t, m in zip(terms, mean, strict=True)), np.zeros((periods, geos)))
    scaled = {t: width * column[t] for t, width in zip(terms, sd, strict=True)}
    alike = {t for t in terms if (column[t] == column[t][:, :1]).all()}
    of_geos = tuple(t for t in terms if t in equation.per_geo and t in alike)
    calendar = tuple(t for t in terms if t not in of_geos and t in alike)
    wide = [(t, None) for t in terms if t not in alike and t not in equation.per_geo]
    alone = [(t, g) for t in terms if t not in alike and t in equation.per_geo for g in range(geos)]
    place = np.eye(geos)
    own, rotation = _orthogonal(np.array([scaled[t][:, 0] for t in of_geos]).reshape(len(of_geos), periods))
    return PanelPlan(
        _products(
            own,
            np.array([*(own / np.sqrt(geos)), *(scaled[t][:, 0] for t in calendar)]).reshape(-1, periods),
            np.array([scaled[t] if g is None else scaled[t] * place[g] for t, g in (*wide, *alone)]).reshape(
                -1, periods, geos
            ),
        ),
        offset.T,
        rotation,
        (tuple((t, None) for t in of_geos), tuple((t, None) for t in calendar), (*wide, *alone)),
    )


def _orthogonal(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthogonal columns (I, T), and the rotation R (I, I) that gives the columns back: ``columns = R @ orthogonal``.

    Standard Normal coefficients b of the columns are ``b = R c`` with standard Normal c.
    """
    _, rotation = np.linalg.eigh(columns @ columns.T)
    return rotation.T @ columns, rotation


def _products(own: np.ndarray, calendar: np.ndarray, wide: np.ndarray) -> dict[str, np.ndarray]:
    """Arguments of the density: the columns (I, T), (K, T) and (J, T, G), and their products."""
    geos, total, n = wide.shape[2], wide.sum(axis=2), len(calendar)
    sums = np.concatenate([geos * calendar, total])
    gram = np.empty((len(sums), len(sums)))
    gram[:n, :n] = geos * calendar @ calendar.T
    gram[:n, n:] = calendar @ total.T
    gram[n:, :n] = gram[:n, n:].T
    gram[n:, n:] = np.tensordot(wide, wide, axes=([1, 2], [1, 2]))
    between = np.einsum("jtg,it->ijg", wide, own)
    between -= between.mean(axis=2, keepdims=True)
    return {
        "own": own,
        "calendar": calendar,
        "wide": wide,
        "wide_by_period": total,
        "norm": (own**2).sum(axis=1),
        "gram": gram,
        "gram_by_period": sums @ sums.T,
        "between": between,
        "cross": np.einsum("ijg,ikg->ijk", between, between),
    }
