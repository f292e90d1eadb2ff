"""Least squares: the outcome as a straight line in the spend of every channel."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bayesmmm.baselines.designs import (
    carried_over,
    check_rank,
    checked,
    linear_terms,
    raw_scales,
    retentions,
    stacked,
)
from bayesmmm.baselines.libraries import library
from bayesmmm.baselines.regression import Regression, fitted_table, table_of
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM
from bayesmmm.validate import check_ci_prob

CANNOT_SAY = (
    "A coefficient is an effect only if nothing that moves the outcome moves spend, too, beyond the terms that are in "
    "the regression. The line is straight: it knows no saturation, and no carry-over but the one that is given. Its "
    "errors take residuals to be independent and equally wide, and say nothing of these doubts. A negative coefficient "
    "of a channel is seldom a harm that it does."
)


def least_squares(
    data: MMMData,
    system: MMM | None = None,
    *,
    retention: float | Mapping[str, float] = 0.0,
    ci_prob: float | None = None,
) -> Regression:
    """Regress the outcome on the spend of every channel, by least squares (statsmodels).

    ::

        y[t] = b_0 + sum over c of b_c a_c[t] + linear terms + e[t],   a_c[t] = (1 - r_c) x_c[t] + r_c a_c[t-1]

    A coefficient of a channel is outcome per unit of spend, its standard error that of independent residuals. Where the
    data have mediators, three regressions make the effects: the total one is the coefficient without the mediators; the
    indirect one is the product of the coefficient of the channel in the regression of the mediator and that of the
    mediator in the regression of the outcome on both (Baron and Kenny), with Sobel's standard error.

    Parameters
    ----------
    data : MMMData
        National, or a panel: its geos share all coefficients and have levels of their own.
    system : MMM, optional
        Whose trend, seasons, events and controls stand in every regression; its curves and priors are not read. By
        default all controls of the data and nothing else.
    retention : float or mapping of str to float
        Share r of a channel that is kept from one period to the next; one for all, or some by name and 0 for others.
    ci_prob : float, optional
        Probability of the intervals.

    Returns
    -------
    Regression
        ``effects`` over the periods of the data, as ``mm.effects(fit, window="outcome")`` has them.

    Raises
    ------
    MissingLibraryError
        When statsmodels is not installed.
    EquationError
        When periods are fewer than coefficients, or one column is a sum of others.
    SettingError
        For a retention that is none, or of a channel that is not there.

    References
    ----------
    Baron and Kenny (1986), doi:10.1037/0022-3514.51.6.1173. Sobel (1982), doi:10.2307/270723. On what stays wrong with
    it: Chan and Perry (2017), Challenges and opportunities in media mix modeling, Google Research.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> found = least_squares(mm.load_case("social_search").data, retention=0.5, ci_prob=0.9)
    >>> list(found.coefficients.columns)
    ['estimate', 'std_error', 'lower', 'upper', 'p_value']
    >>> bool(found.effects.loc["roi[tiktok]", "lower"] < found.effects.loc["roi[tiktok]", "upper"])
    True
    """
    ordinary = library("statsmodels.regression.linear_model").OLS
    system, ci_prob = checked(data, system), check_ci_prob(ci_prob)
    kept, scales = retentions(retention, data), raw_scales(data)
    columns = partial(_columns, system=system, scales=scales, kept=kept)
    alone = columns(data)
    mediators = {name: data.columns[name] for name in data.mediators}
    rows = np.logical_and.reduce([data.recorded(name) for name in (data.outcome, *mediators)]) & data.has_row
    both = alone | mediators
    check_rank(both, rows)

    def regressed(name: str, on: Mapping[str, np.ndarray]) -> Any:
        return ordinary(data.columns[name][rows], stacked(on, rows)).fit()

    full = regressed(data.outcome, both)
    reduced = regressed(data.outcome, alone) if mediators else full
    first = {name: regressed(name, alone) for name in mediators}
    effects = _effects(data, alone, reduced, full, first, ci_prob)
    lower, upper = full.conf_int(alpha=1.0 - ci_prob).T
    index = pd.Index(list(both), name="term")
    values = {
        "estimate": full.params,
        "std_error": full.bse,
        "lower": lower,
        "upper": upper,
        "p_value": full.pvalues,
    }
    straight = dict(zip(alone, reduced.params, strict=True))

    def forecast(ahead: MMMData) -> np.ndarray:
        seen = columns(ahead) | {name: ahead.columns[name] for name in mediators}
        return np.sum([b * seen[name] for name, b in zip(both, full.params, strict=True)], axis=0)

    return Regression(
        method="least squares",
        cannot_say=CANNOT_SAY,
        coefficients=pd.DataFrame(values, index=index),
        effects=effects,
        fitted=fitted_table(data, rows, full.fittedvalues),
        ci_prob=ci_prob,
        outcome=data.outcome,
        responses={name: partial(np.multiply, straight[name]) for name in data.media},
        forecast=forecast,
    )


def _columns(data: MMMData, *, system: MMM, scales: Any, kept: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Carried-over channels, then linear terms, (G, T) each."""
    media = {name: carried_over(data.columns[name], share) for name, share in kept.items()}
    return media | linear_terms(system, data, scales)


def _effects(
    data: MMMData,
    alone: Mapping[str, np.ndarray],
    reduced: Any,
    full: Any,
    first: Mapping[str, Any],
    ci_prob: float,
) -> pd.DataFrame:
    """Effects over the periods of the data, and per unit of spend."""
    tail = 0.5 * (1.0 + ci_prob)
    t, z = stats.t(full.df_resid).ppf(tail), stats.norm.ppf(tail)
    t_reduced = stats.t(reduced.df_resid).ppf(tail)
    count, mediators = len(alone), list(first)
    parts: dict[str, dict[str, tuple[float, float, float]]] = {"total": {}, "direct": {}, "indirect": {}}
    for k, name in enumerate(alone):
        if name not in data.media:
            continue
        # What is carried beyond the last period is not counted.
        counted = float(alone[name].sum())
        a = np.array([[first[m].params[k], first[m].bse[k]] for m in mediators]).reshape(-1, 2)
        b = np.array([[full.params[count + j], full.bse[count + j]] for j in range(len(mediators))]).reshape(-1, 2)
        sobel = float(np.sqrt(((a[:, 0] * b[:, 1]) ** 2 + (b[:, 0] * a[:, 1]) ** 2).sum()))
        parts["total"][name] = (counted * reduced.params[k], counted * reduced.bse[k], t_reduced)
        parts["direct"][name] = (counted * full.params[k], counted * full.bse[k], t)
        parts["indirect"][name] = (counted * float((a[:, 0] * b[:, 0]).sum()), counted * sobel, z)
    rows = {
        part: {name: (middle, middle - q * error, middle + q * error) for name, (middle, error, q) in by.items()}
        for part, by in parts.items()
    }
    return table_of(data, rows)
