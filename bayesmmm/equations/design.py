"""The columns of the linear part of an equation, on frozen scales."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesmmm.data import Scales
from bayesmmm.equations.equation import Equation
from bayesmmm.equations.event_terms import event_columns
from bayesmmm.errors import UnknownColumnError
from bayesmmm.text import no_such


def design_matrix(
    equation: Equation,
    dates: pd.DatetimeIndex,
    columns: Mapping[str, np.ndarray],
    scales: Scales,
    *,
    geos: int = 1,
) -> np.ndarray:
    """Return the columns of the linear part, one per label of ``equation.terms()``.

    The intercept is 1. The trend is (date - start) / (end - start), which runs from 0 to 1 over the fitted
    periods and goes on beyond them; a knot adds max(0, date - knot) / (end - start). A linear column is (x -
    center) / spread. An event is its number of days over those of a period, a pool of events the sum of its
    columns. Start, end, center and spread come from `scales` and are never recomputed, so that a future or altered
    plan meets the same coefficients.

    Parameters
    ----------
    equation
        The equation.
    dates
        Periods, T of them; they need not be the fitted ones.
    columns
        Column name to values, shape (G, T), in raw units; only linear columns and events are read.
    scales
        Frozen scales of the fitted periods.
    geos
        G, the number of geos.

    Returns
    -------
    numpy.ndarray
        Shape (G, T, K), float64.

    Raises
    ------
    UnknownColumnError
        When a linear column or an event has no values or no scale.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayesmmm.data import Scales
    >>> dates = pd.date_range("2024-01-01", periods=3, freq="D")
    >>> scales = Scales(size={}, spend={}, center={}, spread={}, start=dates[0], end=dates[-1])
    >>> design_matrix(Equation("sales", trend=True), dates, {}, scales)[0, :, 1].tolist()
    [0.0, 0.5, 1.0]
    """
    fixed = [np.ones(len(dates))]
    if equation.trend:
        start, end = (
            scales.start.to_datetime64(),
            scales.end.to_datetime64(),
        )  # much faster than the same by pandas
        time = (dates.to_numpy() - start) / (end - start)
        fixed.append(time)
        fixed += [np.maximum(0.0, time - (np.datetime64(knot) - start) / (end - start)) for knot in equation.knots]
    for season in equation.seasonality:
        fixed += list(season.columns(dates).T)
    design = np.empty((geos, len(dates), len(equation.terms())))
    design[:, :, : len(fixed)] = np.stack(fixed, axis=-1)
    for k, (term, names) in enumerate(_columns_of(equation).items(), start=len(fixed)):
        values = [_standardised(equation, term, name, columns, scales) for name in names]
        design[:, :, k] = values[0] if len(values) == 1 else np.sum(values, axis=0)
    return design


def _columns_of(equation: Equation) -> dict[str, tuple[str, ...]]:
    """Columns that are added up in each linear column and event term."""
    return {name: (name,) for name in equation.linear} | event_columns(equation)


def _standardised(
    equation: Equation, term: str, name: str, columns: Mapping[str, np.ndarray], scales: Scales
) -> np.ndarray:
    """Values (G, T) of a column in the unit of its coefficient."""
    for place, names in (("columns", columns), ("scales", scales.center)):
        if name not in names:
            kind, advice = ("linear term", "Declare it as a control.")
            if term not in equation.linear:
                kind, advice = "event", "Say its days in events= when the data are read."
            missing = f"equation {equation.name!r} has the {kind} {name!r}, which is missing from the {place}"
            raise UnknownColumnError(f"{no_such(missing, name, names, 'Known')} {advice}")
    return (np.asarray(columns[name], dtype=float) - scales.center[name]) / scales.spread[name]
