"""How close the fitted means of all series are to what was observed, over the periods that they were fitted to."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm.data.future import GEO
from bayesmmm.estimands import predict
from bayesmmm.evaluate.scores import mae, mape, r2, rmse
from bayesmmm.results import Fit
from bayesmmm.text import counted
from bayesmmm.validate import check_choice

#: What a table of fits inside the sample is not.
NOTE = (
    "over the periods that were fitted: every term more makes them smaller, and forecasts no better (see hold_out)"
)


def in_sample(fit: Fit, *, by: str | None = None) -> pd.DataFrame:
    """Errors of the fitted means of all series, over the periods that they were fitted to.

    With y_t what was observed and p_t the posterior mean of ``E(v_t)`` given the observed inputs::

        rmse = sqrt(mean (y - p)^2)      mae = mean |y - p|      mape = mean |y - p| / |y|
        r2   = 1 - sum (y - p)^2 / sum (y - mean y)^2

    A share of nothing is not defined: mape leaves out the periods in which y is 0, and says how many in ``zeros``.

    Parameters
    ----------
    fit : Fit
    by : {"geo"}, optional
        Of a panel, each geo by itself; by default the total over geos.

    Returns
    -------
    pandas.DataFrame
        By equation, in causal order, the outcome last; of a panel by equation and geo with `by`. Columns rmse and mae,
        in ``unit``; mape and r2, shares, NaN where they are not defined; ``periods`` that were judged, those in which
        something was not recorded are not; ``zeros``, how many of them mape leaves out. ``attrs["note"]`` says what the
        numbers are not, and where mape leaves something out; ``attrs["verdict"]`` is that of the sampler.

    Raises
    ------
    ConvergenceError
        When the sampler failed.
    SettingError
        When geos are to be told apart and there is one.

    Examples
    --------
    >>> from bayesmmm.evaluate import in_sample
    >>> in_sample(fit).loc["revenue", ["mape", "r2"]]  # doctest: +SKIP
    """
    if by is not None:
        check_choice(by, "by", (GEO,), "or left out for the total")
    found, data = predict(fit, by=by), fit.data
    rows, left_out = dict[Any, dict[str, Any]](), []
    for name in fit.system.order:
        fitted = found[name].mean(("chain", "draw")).transpose(..., "date").values
        at, own = data.recorded(name), data.has_row
        observed = np.where(at, data.columns[name], 0.0)
        if by is None:  # a total is known where it is known of all geos that have the period
            known = (at == own).all(axis=0) & own.any(axis=0)
            pairs: list[tuple[Any, np.ndarray, np.ndarray]] = [(name, observed.sum(axis=0)[known], fitted[known])]
        else:
            pairs = [((name, geo), observed[g][at[g]], fitted[g][at[g]]) for g, geo in enumerate(data.geos)]
        for label, *pair in pairs:
            rows[label] = {**_errors(*pair), "unit": data.unit(name)}
            if zeros := rows[label]["zeros"]:
                of = label if isinstance(label, str) else " in ".join(label)
                left_out.append(f"{counted(zeros, 'period')} of {of}")
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.Index(list(rows), name="equation") if by is None else _by_geo(rows)
    note = NOTE + (f"; mape leaves out periods of zero: {', '.join(left_out)}" if left_out else "")
    table.attrs = {"verdict": fit.convergence.verdict, "note": note}
    return table


def _by_geo(rows: Mapping) -> pd.MultiIndex:
    return pd.MultiIndex.from_tuples(list(rows), names=["equation", GEO])


def _errors(observed: np.ndarray, fitted: np.ndarray) -> dict[str, float]:
    """Scores of one series; what is not defined is NaN."""
    none = not len(observed)
    some, varies = observed != 0.0, not none and bool(np.ptp(observed))
    return {
        "rmse": np.nan if none else float(rmse(observed, fitted)),
        "mae": np.nan if none else float(mae(observed, fitted)),
        "mape": float(mape(observed[some], fitted[some])) if some.any() else np.nan,
        "r2": float(r2(observed, fitted)) if varies else np.nan,
        "periods": len(observed),
        "zeros": int((~some).sum()),
    }
