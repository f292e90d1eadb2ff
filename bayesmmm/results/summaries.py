"""Tables of draws, in the one interval convention of the package."""

import json
from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import kernels
from bayesmmm.results.whole_table import WholeTable
from bayesmmm.validate import LARGEST_NUMBER, about, check_ci_prob, check_number

#: Probability of the bound on what a channel brings that is not told apart from no effect.
AT_MOST = 0.95
_HUGE = 1e300  # stands for infinity among numbers


def summarise(draws: xr.DataArray | xr.Dataset, ci_prob: float | None = None) -> pd.DataFrame:
    """Summarise draws as a table: median, interval, mean, standard deviation.

    Parameters
    ----------
    draws : DataArray or Dataset
        With dims chain and draw. Variables of a data set without these, such as spend, are left out.
    ci_prob : float in (0, 1), optional
        Probability of the equal-tailed interval; by default 0.9, or ArviZ's ``stats.ci_prob`` where it was set.

    Returns
    -------
    pandas.DataFrame
        Prints all its columns. One row per value, named ``variable[label, ...]``; columns median, lower, upper, mean,
        sd. Where a variable has ``attrs["threshold"]``, as an ROI in money has 1, a column ``p_above`` holds the
        probability of being above it. Where a variable has ``attrs["weak"]``, as an ROI of channels that are not told
        apart from no effect has, a column ``note`` says so of these, with the most that they bring with 95 %.
        ``attrs["ci_prob"]`` holds the probability of the interval, ``attrs["verdict"]`` that of the sampler where the
        draws carry it.

    Raises
    ------
    SettingError
        For something without draws, and a probability outside 0 to 1.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> x = xr.DataArray(np.arange(101.0)[None], dims=("chain", "draw"), name="x")
    >>> summarise(x, ci_prob=0.8)[["median", "lower", "upper"]]
       median  lower  upper
    x      50     10     90
    """
    ci_prob = check_ci_prob(ci_prob)
    if not isinstance(draws, xr.DataArray | xr.Dataset):
        text = f"draws is a {type(draws).__name__}, and must be a DataArray or Dataset; of a fit: fit.summary()"
        raise about("draws", draws, text)
    data: xr.Dataset = draws.to_dataset(name=draws.name or "value") if isinstance(draws, xr.DataArray) else draws
    over = ["chain", "draw"]
    # Of truth values, the mean is the share that is true.
    data = data.assign({name: v.astype(float) for name, v in data.data_vars.items() if v.dtype.kind == "b"})
    names = [n for n, v in data.data_vars.items() if set(over) <= set(v.dims) and v.dtype.kind in "iuf" and v.size]
    data = data[names]
    if not names:
        text = "there is nothing with dims chain and draw to summarise; pass draws, as mm.roi(fit)"
        raise about("draws", draws, text)
    with np.errstate(invalid="ignore"):  # a cost is infinite in a draw without effect
        moments = {"mean": data.mean(over, skipna=False), "sd": data.std(over, skipna=False)}
        columns = interval(data, ci_prob) | moments
    table = WholeTable({name: flat(values) for name, values in columns.items()})
    above = {
        n: check_number(v.attrs["threshold"], f"{n}.attrs['threshold']", advice="as 1.0, or without one")
        for n, v in data.items()
        if "threshold" in v.attrs
    }
    if above:
        # A ratio without a denominator has no probability either.
        shares = xr.Dataset(
            {n: (data[n] > t).mean(over).where(data[n].notnull().all(over)) for n, t in above.items()}
        )
        table["p_above"] = pd.Series(flat(shares))
    notes = {row: note for name, values in data.items() for row, note in _notes(str(name), values).items()}
    if notes:
        table["note"] = pd.Series(notes).reindex(table.index, fill_value="")
    table.attrs |= {"ci_prob": ci_prob} | ({"verdict": draws.attrs["verdict"]} if "verdict" in draws.attrs else {})
    return table


def _notes(name: str, values: xr.DataArray) -> dict[str, str]:
    """What is to be said beside the rows of channels that are not told apart from no effect, by row."""
    weak = json.loads(values.attrs.get("weak", "{}"))
    if not weak or "channel" not in values.dims:
        return {}
    low, high = (
        flat(values.quantile(q, ["chain", "draw"]).to_dataset(name=name)) for q in (1.0 - AT_MOST, AT_MOST)
    )
    channel = values["channel"].broadcast_like(values.isel(chain=0, draw=0, drop=True)).values.ravel()
    return {
        row: weak_words(weak[label], low[row], high[row])
        for row, label in zip(high, channel, strict=True)
        if label in weak and np.isfinite(high[row]) and low[row] < high[row]  # of what cannot be, nothing is said
    }


def weak_words(sign: str, low: float, high: float) -> str:
    """What is said of a channel that is not told apart from no effect, with the ends of what it brings."""
    bound = f"at least {low:.3g}" if sign == "negative" else f"at most {high:.3g}"
    return f"not told apart from no effect; {bound} with {AT_MOST:.0%}"


def interval[Draws: (xr.DataArray, xr.Dataset)](draws: Draws, ci_prob: float) -> dict[str, Draws]:
    """Return median, lower and upper of an equal-tailed interval over chain and draw."""
    tail = (1.0 - ci_prob) / 2.0
    # Between a number and infinity, NumPy finds no number: a huge one stands for infinity, and so does all near it.
    ends = draws.clip(-_HUGE, _HUGE).quantile([0.5, tail, 1.0 - tail], ["chain", "draw"], skipna=False)
    ends = ends.where(~(abs(ends) > LARGEST_NUMBER**2), ends * np.inf)
    return {name: ends.isel(quantile=i, drop=True) for i, name in enumerate(("median", "lower", "upper"))}


def quantiles(draws: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles (q, ...) of draws (S, ...), as the ends of `interval` are; NaN where a draw is none."""
    samples = np.ascontiguousarray(draws.reshape(len(draws), -1).T).clip(-_HUGE, _HUGE)
    places = np.asarray(levels, float) * (len(draws) - 1)
    low = np.floor(places).astype(int)
    ranks, at = np.unique([low, np.minimum(low + 1, len(draws) - 1)], return_inverse=True)
    found = np.empty((len(samples), len(ranks)))
    kernels.order_statistics(samples, ranks, found)
    below, above = found[:, at.reshape(2, -1)].transpose(1, 2, 0)
    # Between two draws as NumPy goes, from the nearer one.
    share, step = (places - low)[:, None], above - below
    ends = np.where(share < 0.5, below + step * share, above - step * (1.0 - share))
    ends = ends.reshape(len(places), *draws.shape[1:])
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(ends) > LARGEST_NUMBER**2, ends * np.inf, ends)


def probabilities(ci_prob: float) -> tuple[float, float, float]:
    """Lower end, median and upper end of an equal-tailed interval, rounded to be read as labels."""
    tail = (1.0 - ci_prob) / 2.0
    return (round(tail, 12), 0.5, round(1.0 - tail, 12))


def flat(values: xr.Dataset) -> dict[str, float]:
    """Return every value of a data set by its name, ``variable[label, ...]``."""
    out = {}
    for name, array in values.data_vars.items():
        labels = product(*(array.get_index(dim) for dim in array.dims))
        for label, value in zip(labels, array.values.ravel().tolist(), strict=True):
            where = ", ".join(
                f"{each:%Y-%m-%d}" if isinstance(each, pd.Timestamp) else str(each) for each in label
            )
            out[f"{name}[{where}]" if where else str(name)] = float(value)
    return out
