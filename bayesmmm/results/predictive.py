"""The numbers behind the figures of replicated series and of residuals.

Each equation is replicated given its observed inputs, so these tables judge the equations one at a time.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from bayesmmm.errors import AnswerError
from bayesmmm.results.summaries import interval
from bayesmmm.validate import about, check_ci_prob, check_count

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
        Probability of the equal-tailed interval of a new observation; by default 0.9, or ArviZ's ``stats.ci_prob``
        where it was set.

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

    Parameters and errors are those of :func:`predictive_table`.

    Returns
    -------
    pandas.DataFrame
        Columns observed, median, lower, upper, in units of the data; indexed by probability, at most 99 of them.
        Geos are pooled. ``attrs`` holds equation, unit, ci_prob and zero_share, the share of exact zeros under the
        same four names.

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
    columns = {"observed": np.quantile(observed.values, levels)} | {k: v.values for k, v in quantiles.items()}
    table = pd.DataFrame(columns, pd.Index(levels, name="probability"))
    zeros = interval((replicated == 0.0).mean(observed.dims), attrs["ci_prob"])
    share = {"observed": float((observed == 0.0).mean())} | {name: float(v) for name, v in zeros.items()}
    table.attrs = attrs | {"zero_share": share}
    return table


def check_groups(fit: "Fit", groups: Sequence[str], purpose: str) -> None:
    """Refuse a fit without a group that is needed: its tree was cut down, or it is that of a large panel."""
    for group in groups:
        if group not in fit.tree.children:
            geos = fit.data.geos
            remedy = f"of one geo they are worked out by mm.add_predictive(fit.sel({geos[0]!r}))"
            remedy = remedy if len(geos) > 1 else "work it out, as mm.add_predictive(fit)"
            raise AnswerError(
                f"the fit has no group {group!r} in its tree, and {purpose} needs it. Fits of large panels leave out "
                f"what has a value for every draw, geo and period; {remedy}. Otherwise use a Fit as mm.fit(...) "
                f"returns it"
            )


def observed_densities(fit: "Fit", name: str) -> xr.DataTree:
    """Return the tree of a fit with the log likelihood of one series in the cells that are in it, for ArviZ.

    Where some are not, those of a panel stand along one dim, "cell".
    """
    density = fit.tree["log_likelihood"][name]
    if not bool(density.isnull().any()):
        return fit.tree
    dims = [dim for dim in density.dims if dim not in ("chain", "draw")]
    if len(dims) > 1:
        density = density.stack(cell=dims).reset_index("cell")
    tree = fit.tree.copy()
    tree["log_likelihood"] = xr.DataTree(density.dropna(density.dims[-1]).to_dataset(name=name))
    return tree


def _series(fit: "Fit", equation: str, ci_prob: float | None) -> tuple[xr.DataArray, xr.DataArray, dict]:
    equation = fit.system.checked(equation)
    attrs = {"equation": equation, "unit": fit.data.unit(equation), "ci_prob": check_ci_prob(ci_prob)}
    check_groups(fit, ("observed_data", "posterior_predictive"), "a look at replicated series")
    series = [fit.tree[group].to_dataset()[equation] for group in ("observed_data", "posterior_predictive")]
    return series[0], series[1], attrs


def autocorrelation(
    residual: xr.DataArray, *, lags: int | None = None, ci_prob: float | None = None
) -> pd.DataFrame:
    """Autocorrelation of a residual series by lag, draw by draw, beside the band in which white noise would stay.

    With e the residuals of one draw less their mean over the T periods, the autocorrelation at lag k is::

        r_k = sum_{t > k} e_t e_{t-k} / sum_t e_t^2

    Of white noise every r_k, k >= 1, is close to Normal(0, 1 / sqrt(T)), so it stays within plus or minus
    ``band = z / sqrt(T)`` with probability `ci_prob`, where z is the Normal quantile at (1 + ci_prob) / 2, as
    1.96 / sqrt(T) for 0.95. The band holds for one lag at a time: of many lags some leave it by chance. The intervals
    say how sure the posterior is of r_k, the band says how far chance takes white noise; their widths are not alike.

    Parameters
    ----------
    residual : DataArray
        Dims chain, draw, date; as `residuals` of ``bayesmmm.estimands`` gives it.
    lags : int, optional
        Largest lag, in periods; by default ``10 log10(T)``, 21 for three years of weeks.
    ci_prob : float in (0, 1), optional
        Of the intervals over draws and of the band; by default 0.9, or ArviZ's ``stats.ci_prob`` where it was set.

    Returns
    -------
    pandas.DataFrame
        Indexed by lag, from 1; columns median, lower, upper over draws, and band, the same at every lag. ``attrs``
        holds ci_prob, periods, and what `residual` had, such as equation.

    Raises
    ------
    SettingError
        When dims or lags do not fit.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> wave = xr.DataArray(np.tile([1.0, -1.0], 50)[None, None], dims=("chain", "draw", "date"))
    >>> autocorrelation(wave, lags=2, ci_prob=0.95)
         median  lower  upper   band
    lag
    1     -0.99  -0.99  -0.99  0.196
    2      0.98   0.98   0.98  0.196
    """
    if not isinstance(residual, xr.DataArray) or set(residual.dims) != {"chain", "draw", "date"}:
        text = "must be draws with dims chain, draw and date, as estimands.residuals(fit)"
        raise about("residual", residual, f"residual is a {type(residual).__name__}, and {text}")
    ci_prob = check_ci_prob(ci_prob)
    periods = residual.sizes["date"]
    largest = min(periods - 1, int(10.0 * np.log10(periods))) if lags is None else lags
    check_count(largest, "lags", most=periods - 1, advice="one less than there are periods")
    error = residual.transpose("chain", "draw", "date").values
    error = error - error.mean(-1, keepdims=True)
    power = (error**2).sum(-1)
    index = np.arange(1, largest + 1)
    values = np.stack([(error[..., k:] * error[..., :-k]).sum(-1) / power for k in index], axis=-1)
    columns = interval(xr.DataArray(values, dims=("chain", "draw", "lag")), ci_prob)
    table = pd.DataFrame({name: column.values for name, column in columns.items()}, pd.Index(index, name="lag"))
    table["band"] = float(special.ndtri(0.5 + ci_prob / 2.0) / np.sqrt(periods))
    table.attrs = {**residual.attrs, "ci_prob": ci_prob, "periods": periods}
    return table
