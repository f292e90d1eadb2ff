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
    draws: np.ndarray, ci_prob: float, *, above: float | None = None, further: Sequence[float] = ()
) -> list[dict[str, Any]]:
    """Summaries of draws (S, N), one for each of N numbers: mean, median, lower, upper, sd, and what else was asked."""
    tail = (1.0 - ci_prob) / 2.0
    levels = (0.5, tail, 1.0 - tail, *further)
    with np.errstate(invalid="ignore", over="ignore"):
        mean, sd, ends = draws.mean(axis=0), draws.std(axis=0), quantiles(draws, levels)
    rows = []
    for i in range(draws.shape[1]):
        row: dict[str, Any] = {
            "mean": finite(mean[i]),
            "median": finite(ends[0, i]),
            "lower": finite(ends[1, i]),
            "upper": finite(ends[2, i]),
            "sd": finite(sd[i]),
        }
        if above is not None:
            known = not np.isnan(draws[:, i]).any()
            row["p_above"] = float((draws[:, i] > above).mean()) if known else None
        if further:
            row["quantiles"] = {f"{q:g}": finite(ends[3 + k, i]) for k, q in enumerate(further)}
        rows.append(row)
    return rows


def label(value: Any) -> Any:
    """Return a label as JSON has it."""
    if isinstance(value, np.datetime64 | pd.Timestamp):
        return f"{pd.Timestamp(value):%Y-%m-%d}"
    return value.item() if isinstance(value, np.generic) else value


def variable(
    values: xr.DataArray, ci_prob: float, *, further: Sequence[float] = (), above: float | None = None
) -> dict[str, Any]:
    """Return a variable of an answer: its unit, and a row for each of its numbers, with their labels."""
    drawn = set(_OVER) <= set(values.dims)
    dims = [str(dim) for dim in values.dims if dim not in _OVER]
    places = [
        dict(zip(dims, each, strict=True))
        for each in product(*([label(v) for v in values[d].values] for d in dims))
    ]
    out: dict[str, Any] = {"unit": values.attrs.get("unit", ""), "dims": dims}
    above = values.attrs.get("threshold") if above is None and drawn else above
    if above is not None:
        out["above"] = float(above)
    if drawn:
        draws = values.transpose(*_OVER, ...).values.reshape(-1, len(places))
        rows = summaries(draws, ci_prob, above=above, further=further)
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
    return pd.DataFrame({name: _column([row[name] for row in rows]) for name in names})


def _column(values: list[Any]) -> Any:
    """The cells of a column; where all are days as JSON has them, as days, which are read much faster than text."""
    if not all(isinstance(value, str) and _DAY.fullmatch(value) for value in values):
        return values
    try:
        return np.array(values, "datetime64[D]").astype("datetime64[s]")
    except ValueError:  # as the 30th of February: what reads the plan says so
        return values
