"""How the figures read a data set of draws: its dims, its units, its window, its intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.lines import Line2D

from bayesmmm.errors import SettingError
from bayesmmm.results.summaries import interval
from bayesmmm.text import percent, row_parts, short_number
from bayesmmm.validate import check_ci_prob

SAMPLE = ("chain", "draw")


def checked(draws: xr.DataArray, dims: Sequence[str], maker: str) -> xr.DataArray:
    """Return draws with the dims chain, draw and `dims`, in this order; anything else is refused."""
    if not isinstance(draws, xr.DataArray):
        raise SettingError(
            f"a {type(draws).__name__} was given where draws are wanted; give the DataArray that {maker} returns"
        )
    wanted = (*SAMPLE, *dims)
    if set(draws.dims) != set(wanted):
        raise SettingError(
            f"{draws.name or 'the draws'} has dims {draws.dims}, not {wanted}; give what {maker} returns, of one geo"
        )
    return draws.transpose(*wanted)


def variable(dataset: xr.Dataset, name: str, dims: Sequence[str], maker: str) -> xr.DataArray:
    """Return a variable of draws of a data set, checked as `checked` does."""
    if not isinstance(dataset, xr.Dataset) or name not in dataset:
        names = sorted(map(str, dataset.data_vars)) if isinstance(dataset, xr.Dataset) else type(dataset).__name__
        raise SettingError(f"there is no variable {name!r} in {names}; give the data set that {maker} returns")
    return checked(dataset[name], dims, maker)


def table_of(draws: xr.DataArray, ci_prob: float | None) -> pd.DataFrame:
    """Return median, lower and upper of draws with one further dim, indexed by it."""
    ci_prob = check_ci_prob(ci_prob)
    (dim,) = (dim for dim in draws.dims if dim not in SAMPLE)
    columns = {name: part.values for name, part in interval(draws, ci_prob).items()}
    table = pd.DataFrame(columns, index=pd.Index(draws[dim].values, name=str(dim)))
    table.attrs["ci_prob"] = ci_prob
    return table


def unit_of(draws: xr.DataArray, dataset: xr.Dataset | None = None) -> str:
    """Return the unit in brackets with a space before it, or nothing."""
    unit = draws.attrs.get("unit") or ("" if dataset is None else dataset.attrs.get("unit"))
    return f" ({unit})" if unit else ""


def window_words(attrs: Mapping[str, object]) -> str:
    """Say which spend or which outcome an answer is about, as "spend of A to B, tail included"."""
    start, stop = (str(attrs.get(end) or "")[:10] for end in ("start", "stop"))
    dates = f" of {start} to {stop}" if start and stop else ""
    kind = attrs.get("window")
    if kind == "spend":
        return f"spend{dates}, tail included"
    if kind == "outcome":
        return f"outcome{dates}, carry-in included"
    return dates.strip()


def span_of(dataset: xr.Dataset) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return first and last day that a data set with dates is about; sums by month are dated by its first day."""
    dates = pd.DatetimeIndex(dataset["date"].values)
    start, stop = (dataset.attrs.get(end) or day for end, day in (("start", dates[0]), ("stop", dates[-1])))
    return pd.Timestamp(start), pd.Timestamp(stop)


def caution(*attrs: Mapping[str, object]) -> list[Line2D]:
    """Return a legend entry that says so when the sampler's verdict is not "converged"."""
    verdicts = [str(a["verdict"]) for a in attrs if a.get("verdict", "converged") != "converged"]
    worst = "failed" if "failed" in verdicts else next(iter(verdicts), "")
    return [Line2D([], [], ls="", label=f"sampler verdict: {worst}")] if worst else []


def on_assumed(attrs: Mapping[str, Any], before: str = "\n") -> str:
    """Return the mark of levels that rest on controls that nobody stated, after `before`; nothing where all were."""
    return f"{before}levels rest on assumed controls" if len(attrs.get("assumed", ())) else ""


def inner_label(row: object) -> str:
    """Return what stands in the brackets of ``variable[label]``."""
    return row_parts(str(row))[1] or str(row)


def series_label(table: pd.DataFrame) -> str:
    """Return the name of a series with its unit."""
    unit = table.attrs.get("unit", "")
    return f"{series_of(table.attrs)}{f' ({unit})' if unit else ''}"


def rounded(value: float) -> str:
    """Return a number of three significant digits, as 2.94M."""
    return short_number(float(f"{value:.3g}"))


def ci_label(table: pd.DataFrame) -> str:
    """Return the probability of the intervals of a table, as "90 %"."""
    return percent(table.attrs["ci_prob"]) if "ci_prob" in table.attrs else "lower to upper"


# ------------------------------------------------------------------------------------------------- words for a title
def series_of(attrs: Mapping[str, object]) -> str:
    """Return the name of the series that an answer is about."""
    return str(attrs.get("equation") or attrs.get("outcome") or "the outcome")


def dates_of(first: object, last: object) -> str:
    """Return the end of a title with the dates that it is about, as ", A to B", or nothing where they are not known."""
    ends = [str(end)[:10] for end in (first, last) if end]
    return f", {' to '.join(dict.fromkeys(ends))}" if len(ends) == 2 else ""


def when(attrs: Mapping[str, object]) -> str:
    """Return the end of a title with the window of an answer."""
    return dates_of(attrs.get("start"), attrs.get("stop"))
