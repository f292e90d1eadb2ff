"""Whether period effects that are drawn to zero leave a part of what all geos share to the channels.

Spend follows demand. Random period effects take it for granted that they have nothing to do with spend, and are drawn to
zero by the more, the fewer geos tell of a period. What they leave is explained by the channels. Effects that nothing
draws to zero need no such belief, so that both say the same of a channel where it holds: the test of Hausman.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayesmmm.diagnostics.advice import panel_code
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.thresholds import FREE_PERIODS
from bayesmmm.equations import Equation
from bayesmmm.results import Fit

#: Sweeps over periods and geos after which what is left of both is small, or nearly so.
_SWEEPS, _LEFT = 200, 1e-8
#: Below this share of its sum of squares, what is left of a column beside periods and geos says nothing.
_NOTHING = 1e-6
#: Size of a direction, beside the largest one, from which on terms of a geo differ in it.
_SAME = 1e-9


@dataclass(frozen=True, eq=False)
class PanelMeans:
    """What an equation says of the fitted periods, means over draws; (G, T) each, in shares of the size of a geo.

    Attributes
    ----------
    residual : array
        NaN where the series was not recorded.
    terms : dict of str to array
        Of media.
    design : (G, T, K) array
        Columns of the linear part.
    """

    residual: np.ndarray
    terms: dict[str, np.ndarray]
    design: np.ndarray


def free_periods(fit: Fit, name: str, means: PanelMeans) -> tuple[Check, pd.DataFrame] | None:
    """Check how much more or less channels would bring if nothing drew period effects to zero.

    Least squares, within periods and geos, of residuals and period effects on the media terms as they were fitted: a
    coefficient is how much more of the term there would be. None where there is nothing to tell it by.

    Returns
    -------
    Check
        ``periods:EQUATION``: the largest change of a channel, in standard errors.
    pandas.DataFrame
        By channel: change, as a share of what it brings, its standard error, and their ratio.
    """
    equation = fit.system.equation(name)
    posterior = fit.posterior
    effects = posterior[f"{name}.period"].mean(("chain", "draw")).values
    sigma = posterior[f"{name}.sigma"].mean(("chain", "draw")).values.reshape(-1, 1)  # (G or 1, 1)
    known = np.isfinite(means.residual)
    weight = np.where(known, 1.0 / np.broadcast_to(sigma, known.shape), 0.0)
    terms = [means.terms[c] for c in equation.media]
    others = _shared(equation, means.design)
    own = [k for k, term in enumerate(equation.terms()) if term in equation.per_geo]
    bases = _bases(means.design[..., own], weight)
    swept = _swept([means.residual + effects, *terms, *others], weight, bases)
    target, columns = swept[0], swept[1:]
    before = np.array([((weight * v) ** 2).sum() for v in (*terms, *others)])
    tells = (columns**2).sum(axis=1) > _NOTHING * np.maximum(before, 1e-300)
    # A term of time alone, with a coefficient of every geo, has one that effects of periods have as well.
    twice = sum(np.ptp(means.design[..., k], axis=0).max() == 0.0 for k in own)
    taken = int(known.any(axis=0).sum()) + sum(len(basis) for basis in bases) - twice + int(tells.sum())
    spare = int(known.sum()) - taken
    if spare < 1 or not tells[: len(terms)].any():
        return None
    found, variance = _least_squares(columns[tells], target, spare)
    change, error = (np.full(len(terms), np.nan) for _ in range(2))
    media = np.flatnonzero(tells[: len(terms)])
    change[media], error[media] = found[: len(media)], np.sqrt(variance[: len(media)])
    table = pd.DataFrame(
        {"change": change, "std_error": error, "ratio": change / error}, pd.Index(equation.media, name="channel")
    )
    left = _left(float(np.mean(sigma**2)), float((posterior[f"{name}.omega"] ** 2).mean()), known)
    return _check(equation, table, left), table


def _shared(equation: Equation, design: np.ndarray) -> list[np.ndarray]:
    """Columns (G, T) of linear terms that all geos have one coefficient of, and that differ between geos."""
    return [
        design[..., k]
        for k, term in enumerate(equation.terms())
        if term not in equation.per_geo and np.ptp(design[..., k], axis=0).max() > 0.0
    ]


def _bases(own: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Orthonormal directions (k, T) of the weighted terms (G, T, K) of every geo: fewer where some say the same there.

    As a promotion does beside the level of a geo that had none.
    """
    parts = [np.linalg.svd((weight[g][:, None] * own[g]).T, full_matrices=False)[1:] for g in range(len(own))]
    return [rows[size > _SAME * size.max(initial=0.0)] for size, rows in parts]


def _swept(columns: Sequence[np.ndarray], weight: np.ndarray, bases: Sequence[np.ndarray]) -> np.ndarray:
    """What is left (C, N) of columns (G, T) beside an effect of every period and terms of every geo, weighted.

    Projections in turn: of a balanced panel with levels alone the first ones are exact.
    """
    known = weight > 0.0
    v = np.where(known, np.stack([np.where(known, one, 0.0) for one in columns]), 0.0)
    squares = np.maximum((weight**2).sum(axis=0), 1e-300)
    size = np.sqrt((v**2).sum(axis=(1, 2)))
    for _ in range(_SWEEPS):
        before = v
        v = np.where(known, v - (weight**2 * v).sum(axis=1, keepdims=True) / squares, 0.0)
        for g, basis in enumerate(bases):
            scaled = weight[g] * v[:, g]
            scaled = scaled - (scaled @ basis.T) @ basis
            v[:, g] = np.where(known[g], scaled / np.where(known[g], weight[g], 1.0), 0.0)
        if (np.sqrt(((v - before) ** 2).sum(axis=(1, 2))) <= _LEFT * np.maximum(size, 1e-300)).all():
            break
    return (weight * v)[:, known]


def _least_squares(columns: np.ndarray, target: np.ndarray, spare: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and their variances."""
    length = np.sqrt((columns**2).sum(axis=1))
    x = columns / length[:, None]
    inverse = np.linalg.pinv(x @ x.T, hermitian=True)
    found = inverse @ (x @ target)
    variance = ((target - found @ x) ** 2).sum() / spare * np.diag(inverse)
    return found / length, variance / length**2


def _left(sigma2: float, omega2: float, known: np.ndarray) -> float:
    """Share of what geos have in common in a period that random effects leave, mean over periods."""
    count = known.sum(axis=0)
    return float(np.mean(sigma2 / (sigma2 + count[count > 0] * omega2)))


def _check(equation: Equation, table: pd.DataFrame, left: float) -> Check:
    channel = str(table["ratio"].abs().idxmax())
    row = table.loc[channel]
    panel = equation.panel
    assert panel is not None
    fixed, than = panel_code(replace(panel, periods="fixed")), "more" if row["change"] > 0 else "less"
    return check_against(
        f"periods:{equation.name}",
        "fit",
        FREE_PERIODS,
        float(abs(row["ratio"])),
        f"without a pull of period effects to zero, {channel} would bring {abs(row['change']):.0%} {than} to "
        f"{equation.name}, {abs(row['ratio']):.1f} standard errors, the largest change of any channel; the pull "
        f"leaves {left:.0%} of what geos have in common in a period.",
        "spend follows what all geos have in common, and what period effects leave of it is taken for an effect of "
        "media: returns are wrong with narrow intervals",
        (
            f"let nothing draw period effects to zero, as mm.Equation({equation.name!r}, ..., panel={fixed})",
            f"add what moves spend and {equation.name} of all geos to the controls",
        ),
    )
