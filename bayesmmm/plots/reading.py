"""How the figures read a data set of draws: its dims, its units, its window, its intervals."""

from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmmm.errors import SettingError
from bayesmmm.results.summaries import interval
from bayesmmm.text import short_number
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
        given = sorted(map(str, dataset.data_vars)) if isinstance(dataset, xr.Dataset) else type(dataset).__name__
        raise SettingError(f"there is no variable {name!r} in {given}; give the data set that {maker} returns")
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


def numbers(axis: ticker.TickHelper, *, most: int = 5) -> None:
    """Label an axis with few short numbers, as 120k."""
    axis.set_major_locator(ticker.MaxNLocator(most))
    axis.set_major_formatter(ticker.FuncFormatter(short_number))


def percents(axis: ticker.TickHelper, *, most: int = 5) -> None:
    """Label an axis of shares in percent."""
    axis.set_major_locator(ticker.MaxNLocator(most))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{100 * value:.3g} %".replace("-", "−")))


def zero_line(ax: Axes, *, vertical: bool = False) -> None:
    """Draw the zero that values are judged against."""
    (ax.axvline if vertical else ax.axhline)(0.0, color="#777777", linewidth=0.8, zorder=1)
