"""Draws as the numbers of an answer, and rows as the table of a plan."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.errors import PlanError
from bayesmmm.results.summaries import quantiles
from bayesmmm.text import listed

_OVER = ("chain", "draw")
#: A day of the years in which pandas has days.
_DAY = re.compile(r"(?:1[7-9]|2[01])\d\d-\d\d-\d\d", re.ASCII)


# ------------------------------------------------------------------------------------------------------------ numbers
def finite(value: float) -> float | None:
    """Return a number as JSON has it: what is none, NaN or infinite, is null."""
    number = float(value)
    return number if math.isfinite(number) else None


def summaries(
    draws: np.ndarray, ci_prob: float, *, above: Sequence[float | None] = (), further: Sequence[float] = ()
) -> list[dict[str, Any]]:
    """Summaries of draws (S, N), one for each of N numbers: mean, median, lower, upper, sd, and what else was asked.

    `above` has for each of them the threshold that it is held against, or None.
    """
    tail, each = (1.0 - ci_prob) / 2.0, np.ascontiguousarray(draws.T)  # several times faster along its last axis
    levels = (0.5, tail, 1.0 - tail, *further)
    with np.errstate(invalid="ignore", over="ignore"):
        mean, sd, ends = each.mean(axis=1), each.std(axis=1), quantiles(each.T, levels)
    names = ("mean", "median", "lower", "upper", "sd")
    rows: list[dict[str, Any]] = [
        dict(zip(names, map(finite, own), strict=True)) for own in zip(mean, *ends[:3], sd, strict=True)
    ]
    for row, threshold, own in zip(rows, above, each, strict=False):
        if threshold is not None:
            row["p_above"] = None if np.isnan(own).any() else float((own > threshold).mean())
    if further:
        for i, row in enumerate(rows):
            row["quantiles"] = {f"{q:g}": finite(ends[3 + k, i]) for k, q in enumerate(further)}
    return rows


def label(value: Any) -> Any:
    """Return a label as JSON has it."""
    if isinstance(value, np.datetime64 | pd.Timestamp):
        return f"{pd.Timestamp(value):%Y-%m-%d}"
    return value.item() if isinstance(value, np.generic) else value


def places_of(dims: Sequence[str], labels: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the labels of every number that has some dims, the last one changing fastest."""
    return [dict(zip(dims, each, strict=True)) for each in product(*labels)]


def variable(values: xr.DataArray, ci_prob: float) -> dict[str, Any]:
    """Return a variable of an answer: its unit, and a row for each of its numbers, with their labels."""
    drawn = set(_OVER) <= set(values.dims)
    dims = [str(dim) for dim in values.dims if dim not in _OVER]
    places = places_of(dims, [[label(v) for v in values[d].values] for d in dims])
    out: dict[str, Any] = {"unit": values.attrs.get("unit", ""), "dims": dims}
    above = values.attrs.get("threshold") if drawn else None
    if above is not None:
        out["above"] = float(above)
    if drawn:
        draws = values.transpose(*_OVER, ...).values.reshape(-1, len(places))
        rows = summaries(draws, ci_prob, above=[above] * len(places))
    else:
        if "threshold" in values.attrs:
            out["threshold"] = float(values.attrs["threshold"])
        rows = [{"value": finite(value)} for value in values.values.ravel().astype(float)]
    out["rows"] = [place | row for place, row in zip(places, rows, strict=True)]
    return out


def variables(answer: xr.Dataset, ci_prob: float) -> dict[str, Any]:
    """Return the variables of an answer."""
    return {str(name): variable(values, ci_prob) for name, values in answer.data_vars.items()}


# ------------------------------------------------------------------------------------------------------------- tables
def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON has them, with the dates of its index where they stand there."""
    if isinstance(frame.index, pd.DatetimeIndex):
        frame = frame.rename_axis("date").reset_index()
    columns = {str(name): [_cell(value) for value in frame[name].tolist()] for name in frame.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _cell(value: Any) -> Any:
    value = label(value)
    return finite(value) if isinstance(value, float) else value


def plan_of(rows: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None, most: int) -> pd.DataFrame | None:
    """Return the table of a plan; refuse rows that do not all have the same columns, and what is no cell of a table."""
    if rows is None:
        return None
    rows = [rows] if isinstance(rows, Mapping) else list(rows)
    if len(rows) > most:
        text = f"the plan has {len(rows)} rows, and this service takes {most}; ask for fewer periods at a time"
        raise PlanError(text, argument="plan", value=len(rows))
    names = list(rows[0]) if rows else []
    for number, row in enumerate(rows, 1):
        if set(row) != set(names):
            odd = sorted(set(row) ^ set(names))
            text = (
                f"row {number} of the plan and its first row do not both have {listed(odd)}; give every row the same "
                f"columns, 0 where nothing is spent"
            )
            raise PlanError(text, argument="plan")
        for name, value in row.items():
            if isinstance(value, list | dict):
                text = f"{name!r} in row {number} of the plan is a list; give one number for each period"
                raise PlanError(text, argument="plan")
    frame = pd.DataFrame({name: _column([row[name] for row in rows]) for name in names})
    return frame.set_axis(frame.columns.astype(object), axis=1)  # which are read much faster than texts


def _column(values: list[Any]) -> Any:
    """The cells of a column: numbers as an array and days as days, faster than pandas does it; others as they are."""
    if all(type(value) is float for value in values):
        return np.array(values)
    if not all(isinstance(value, str) and _DAY.fullmatch(value) for value in values):
        return values
    try:
        return np.array(values, "datetime64[D]").astype("datetime64[s]")
    except ValueError:  # as the 30th of February: what reads the plan says so
        return values
