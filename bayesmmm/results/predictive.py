"""Replicated series beside the observed one: the numbers behind the predictive figures.

Each equation is replicated given its observed inputs, so these tables judge the equations one at a time.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.results.summaries import interval
from bayesmmm.validate import check_ci_prob

if TYPE_CHECKING:
    from bayesmmm.results.fit import Fit

_LEVELS = 99


def predictive_table(fit: "Fit", equation: str, ci_prob: float | None = None) -> pd.DataFrame:
    """Observed series with the median and interval of its posterior predictive distribution.

    Parameters
    ----------
    fit : Fit
    equation : str
        The series to look at: the outcome or a mediator with an equation.
    ci_prob : float in (0, 1), optional
        Probability of the equal-tailed interval of a new observation; by default ArviZ's ``stats.ci_prob``.

    Returns
    -------
    pandas.DataFrame
        Columns observed, median, lower, upper, in units of the data. Indexed by date, in a panel by geo and date.
        ``attrs`` holds equation, unit, ci_prob.

    Raises
    ------
    UnknownTermError
        When the system has no such equation.

    Examples
    --------
    >>> table = predictive_table(fit, "revenue")  # doctest: +SKIP
    >>> table.query("observed < lower or observed > upper")  # doctest: +SKIP
    """
    observed, replicated, attrs = _series(fit, equation, ci_prob)
    values = xr.Dataset({"observed": observed, **interval(replicated, attrs["ci_prob"])}).transpose(..., "date")
    table = values.to_dataframe(dim_order=observed.dims)[["observed", "median", "lower", "upper"]]
    table.attrs = attrs
    return table


def predictive_check(fit: "Fit", equation: str, ci_prob: float | None = None) -> pd.DataFrame:
    """Distribution of the observed series beside that of its replicates, quantile by quantile.

    Where the observed quantiles leave the intervals, the likelihood has the wrong shape: outliers at the ends, zeros at
    the lower end. Quantiles ignore time; `predictive_table` keeps it.

    Parameters
    ----------
    fit : Fit
    equation : str
    ci_prob : float in (0, 1), optional
        By default ArviZ's ``stats.ci_prob``.

    Returns
    -------
    pandas.DataFrame
        Columns observed, median, lower, upper, in units of the data; indexed by probability, at most 99 of them.
        Geos are pooled. ``attrs`` holds equation, unit, ci_prob and zero_share, the share of exact zeros under the
        same four names.

    Raises
    ------
    UnknownTermError
        When the system has no such equation.

    Examples
    --------
    >>> check = predictive_check(fit, "google")  # doctest: +SKIP
    >>> check.attrs["zero_share"]  # doctest: +SKIP
    """
    observed, replicated, attrs = _series(fit, equation, ci_prob)
    count = min(observed.size, _LEVELS)
    levels = (np.arange(count) + 0.5) / count
    ordered = replicated.quantile(levels, observed.dims).rename(quantile="probability")
    quantiles = interval(ordered, attrs["ci_prob"])
    table = pd.DataFrame(
        {"observed": np.quantile(observed.values, levels)} | {k: v.values for k, v in quantiles.items()},
        index=pd.Index(levels, name="probability"),
    )
    zeros = interval((replicated == 0.0).mean(observed.dims), attrs["ci_prob"])
    share = {"observed": float((observed == 0.0).mean())} | {name: float(v) for name, v in zeros.items()}
    table.attrs = attrs | {"zero_share": share}
    return table


def _series(fit: "Fit", equation: str, ci_prob: float | None) -> tuple[xr.DataArray, xr.DataArray, dict]:
    equation = fit.system.checked(equation)
    attrs = {"equation": equation, "unit": fit.data.unit(equation), "ci_prob": check_ci_prob(ci_prob)}
    observed, replicated = (
        fit.tree[group].to_dataset()[equation] for group in ("observed_data", "posterior_predictive")
    )
    return observed, replicated, attrs
