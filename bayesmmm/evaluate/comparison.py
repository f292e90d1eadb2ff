"""Systems compared on what they say of the same outcome, each of its periods left out in turn."""

import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.errors import ParetoWarning, SettingError
from bayesmmm.estimands import verdict_of
from bayesmmm.results import Fit, check_fit
from bayesmmm.results.predictive import check_groups, observed_densities
from bayesmmm.text import counted
from bayesmmm.validate import check_mapping, refusal

NOTE = (
    "A period left out is predicted from all others, later ones included, and with mediators as they were observed: "
    "this says which system describes the outcome, not which one forecasts it (cross_validate does), nor which one is "
    "causally right."
)
#: Columns of ArviZ's comparison, and what some of them are called here.
_COLUMNS = ["elpd", "se", "elpd_diff", "dse", "p_worse", "p", "weight"]
_RENAMED = {"elpd_diff": "diff", "dse": "diff_se", "p": "p_eff"}


def compare(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """Compare systems by the expected log predictive density of the outcome, leaving out one period at a time.

    ``elpd = sum_t log p(y_t | all other periods)``, from one fit by Pareto-smoothed importance sampling (PSIS-LOO), of
    the outcome's equation only and in units of the outcome, so that likelihoods can be compared too. Leave-one-out is
    not leave-future-out: neighbouring periods tell of each other, and a system with more seasonality or trend can look
    better here than it forecasts. The mediators' own equations are not judged. Of panels, one geo is left out in one
    period at a time: the other geos go on to tell of the effect of the period.

    Parameters
    ----------
    fits : mapping of str to Fit
        Two or more, of the same outcome over the same periods.

    Returns
    -------
    pandas.DataFrame
        By name, the best first: elpd and its standard error se; diff, elpd less that of the best (0 for the best,
        negative for all others), and its standard error diff_se; p_worse, the probability of being worse than the best
        by a Normal approximation, which is too sure where periods are fewer than 100 or the difference is smaller than
        4 (``caution`` says so); p_eff, the effective number of parameters; weight, the stacking weight in a mixture of
        the systems; max_k and high_k, the largest Pareto k and the number of periods above ``attrs["good_k"]``, whose
        densities are not to be trusted; verdict of the sampler. ``attrs["note"]`` says what this is and what it is not.

    Raises
    ------
    SettingError
        For fewer than two fits, names that are no text, fits of other outcomes, periods or values, and too few draws.
    AnswerError
        When the densities were taken out of the tree of a fit.
    ConvergenceError
        When the sampler failed.

    Warns
    -----
    ParetoWarning
        When some densities cannot be trusted, with the worst period of each fit.

    References
    ----------
    Vehtari, Gelman and Gabry (2017), doi:10.1007/s11222-016-9696-4. Vehtari, Simpson, Gelman, Yao and Gabry (2024),
    Journal of Machine Learning Research 25(72), for k. Sivula, Magnusson, Matamoros and Vehtari (2025),
    arXiv:2008.10296, for the uncertainty of differences. Yao, Vehtari, Simpson and Gelman (2018),
    doi:10.1214/17-BA1091, for weights.

    Examples
    --------
    >>> table = compare({"normal": fit, "student_t": other})  # doctest: +SKIP
    """
    import arviz_stats

    fits = check_mapping(fits, "fits", "{'normal': fit, 'student_t': other}")
    for name in fits:
        if not isinstance(name, str) or not name.strip():
            raise refusal("fits", name, "is the name of a fit, which must be text", advice="as 'normal'")
    _check_comparable(fits)
    for fit in fits.values():
        check_fit(fit)
    verdicts = {name: verdict_of(fit) for name, fit in fits.items()}
    first = next(iter(fits.values()))
    outcome = first.system.outcome
    with warnings.catch_warnings():
        # ArviZ says that some k are high; which ones is said below.
        warnings.simplefilter("ignore", UserWarning)
        scores = {name: _left_out(name, fit, outcome) for name, fit in fits.items()}
        ranking = arviz_stats.compare(scores, method="stacking", round_to="none")
    k = {name: scores[name].pareto_k for name in ranking.index}
    good = min(float(score.good_k) for score in scores.values())
    table = ranking[_COLUMNS].astype(float).rename(columns=_RENAMED).rename_axis("system")
    table["weight"] = table["weight"].clip(0.0, 1.0)
    table["max_k"] = [float(values.max()) for values in k.values()]
    table["high_k"] = [int((values > good).sum()) for values in k.values()]
    table["caution"] = ranking["diag_diff"].astype(str)
    table["verdict"] = [verdicts[name] for name in k]
    table.attrs = {"outcome": outcome, "periods": len(first.data.dates), "good_k": good, "note": NOTE}
    _warn_of_weights(table, k, good)
    return table


def _left_out(name: str, fit: Fit, outcome: str):
    """PSIS-LOO of the outcome under one fit."""
    import arviz_stats

    try:
        return arviz_stats.loo(observed_densities(fit, outcome), var_name=outcome, pointwise=True)
    except ValueError as error:  # no tail of weights that a Pareto distribution could be fitted to
        sizes = fit.posterior.sizes
        raise SettingError(
            f"fits[{name!r}] has {sizes['chain'] * sizes['draw']} draws, too few (or too much alike) to leave periods "
            f"out by reweighting them; fit with draws=1000"
        ) from error


def _check_comparable(fits: Mapping[str, Fit]) -> None:
    """Refuse fits that do not speak of the same numbers: their densities could not be subtracted."""
    if len(fits) < 2:
        raise SettingError(f"there are {len(fits)} fits to compare; give two or more, as {{'a': fit, 'b': other}}")
    odd = next((name for name, fit in fits.items() if not isinstance(fit, Fit)), None)
    if odd is not None:
        raise SettingError(f"fits[{odd!r}] is a {type(fits[odd]).__name__}; give what mm.fit or mm.load returns")
    for fit in fits.values():
        check_groups(fit, ("log_likelihood",), "compare")
    (first, one), *others = fits.items()
    for name, other in others:
        if other.system.outcome != one.system.outcome:
            raise SettingError(
                f"{first!r} explains {one.system.outcome!r} and {name!r} explains {other.system.outcome!r}; compare "
                f"fits of the same outcome"
            )
        if not other.data.dates.equals(one.data.dates):
            raise SettingError(
                f"{first!r} is fitted to {_span(one)} and {name!r} to {_span(other)}; fit both to the same periods, as "
                f"with data.between(...)"
            )
        if other.data.geos != one.data.geos:
            raise SettingError(
                f"{first!r} is fitted to {counted(len(one.data.geos), 'geo')} and {name!r} to "
                f"{counted(len(other.data.geos), 'geo')}, or to others; fit both to the same geos, as with data.sel(...)"
            )
        a, b = (fit.data.columns[one.system.outcome] for fit in (one, other))
        if not np.array_equal(a, b, equal_nan=True):
            g, at = np.argwhere(~((a == b) | (np.isnan(a) & np.isnan(b))))[0]
            where = f" in geo {one.data.geos[g]!r}" if len(a) > 1 else ""
            raise SettingError(
                f"{one.system.outcome!r} is {a[g, at]:g} in {first!r} and {b[g, at]:g} in {name!r} on "
                f"{one.data.dates[at]:%Y-%m-%d}{where}; fit both to the same outcome in the same unit"
            )


def _span(fit: Fit) -> str:
    dates = fit.data.dates
    return f"{len(dates)} periods from {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}"


def _warn_of_weights(table: pd.DataFrame, k: Mapping[str, xr.DataArray], good: float) -> None:
    parts = []
    for name, row in table[table["high_k"] > 0].iterrows():
        each = k[str(name)]
        worst = each.isel(each.argmax(each.dims))
        geo = f" in {worst['geo'].item()}" if "geo" in each.dims else ""
        parts.append(
            f"{name} {row['high_k']} (largest {row['max_k']:.2f}, {pd.Timestamp(worst['date'].values):%Y-%m-%d}{geo})"
        )
    if parts:
        message = (
            f"the density of some periods left out cannot be told from these draws, Pareto k above {good:.2f}: "
            f"{'; '.join(parts)}. Their elpd is too high rather than too low. Compare by cross_validate(...), or try "
            f"likelihood='student_t' for periods that do not fit."
        )
        warnings.warn(ParetoWarning(message), stacklevel=3)
