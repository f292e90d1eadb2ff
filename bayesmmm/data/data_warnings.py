"""What is unwise rather than impossible in a data set, as a list of warnings that the caller may give.

Knows the data only; warnings that need the equations are made where the equations are.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from bayesmmm.data.checks import MONEY, check_known
from bayesmmm.data.exposures import looks_counted
from bayesmmm.data.scales import deviations
from bayesmmm.data.schema import MMMData
from bayesmmm.errors import (
    BayesMMMWarning,
    CollinearityWarning,
    LowVariationWarning,
    OutlierWarning,
    SpendMismatchWarning,
    UnitWarning,
)
from bayesmmm.text import listed

COLLINEAR_CORRELATION = 0.9  # absolute correlation between two channels above which they are named
LOW_VARIATION = 0.05  # standard deviation as a share of the mean below which a channel hardly varies
OUTLIER_ROBUST_SDS = 8.0  # distance from the median, in robust standard deviations, that makes an outlier
MISMATCH = (
    0.1  # share of spend in periods without exposure, or of exposure without spend, from which on it is told
)

_MAD_TO_SD = 1.4826  # the standard deviation of a Normal is this many median absolute deviations


def data_warnings(data: MMMData, *, media: Sequence[str] | None = None) -> list[BayesMMMWarning]:
    """Return what a careful reader would object to; nothing is raised or given.

    Correlation and variation are measured within geos, values divided by the mean of their geo,
    since intercepts per geo absorb the differences between geos.

    Parameters
    ----------
    data : MMMData
        The data.
    media : sequence of str, optional
        Columns that enter as channels; all media and mediators if not given.

    Returns
    -------
    list of BayesMMMWarning
        `UnitWarning`, `SpendMismatchWarning`, `CollinearityWarning`, `LowVariationWarning`, `OutlierWarning`, in this
        order.

    Raises
    ------
    UnknownColumnError
        `media` names a column that the data do not have.
    """
    channels = tuple(media) if media is not None else (*data.media, *data.mediators)
    check_known(channels, list(data.columns), where="the data")
    within = {name: deviations(data.known(name)) for name in channels}
    outliers = dict.fromkeys((data.outcome, *channels))
    return [
        *_taken_for_money(data, channels),
        *(warning for name in channels if name in data.spend for warning in _mismatched(data, name)),
        *_collinear(within),
        *_steady({name: _variation(data.known(name), deviation) for name, deviation in within.items()}),
        *(warning for name in outliers for warning in _outlying(data, name)),
    ]


def _taken_for_money(data: MMMData, channels: Sequence[str]) -> list[BayesMMMWarning]:
    """Name channels that look like counts, where nobody said what they are."""
    return [
        UnitWarning(
            f"channel {name!r} is taken for money, and looks like a count: its values are whole, large and hardly ever "
            f"the same (up to {data.columns[name].max():,.0f}); say that it is counted, with the column of its spend, "
            f"as units={{{name!r}: 'impressions'}}, spend={{{name!r}: 'column of its spend'}}, or that it is money, as "
            f"units={{{name!r}: {MONEY!r}}}"
        )
        for name in channels
        if name in data.media and name not in (*data.units, *data.spend) and looks_counted(data.columns[name])
    ]


def _mismatched(data: MMMData, name: str) -> list[BayesMMMWarning]:
    """Tell what was paid without exposure, and what was free, where it is much."""
    units, paid, unit = data.columns[name], data.spend_of(name), data.unit(name)
    if not (units.any() and paid.any()):  # of a geo by itself
        return []
    idle, free = paid[units == 0.0].sum() / paid.sum(), units[paid == 0.0].sum() / units.sum()
    told = []
    if idle > MISMATCH:
        told.append(
            f"{idle:.0%} of the spend of {name!r} is in periods without any {unit} (column {data.spend[name]!r}); it "
            f"counts as spend of the periods in which it stands; book it where it bought {unit}, if that is known"
        )
    if free > MISMATCH:
        told.append(
            f"{free:.0%} of {name!r} ({unit}) is in periods without spend (column {data.spend[name]!r}); these count as "
            f"free, which makes its return higher and its {unit} cheaper; check that no spend is missing"
        )
    return [SpendMismatchWarning(text) for text in told]


def outlying(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Return which values of a series are far from the median of those that are not zero, and that median."""
    active = values[values != 0]
    if not len(active):
        return np.zeros(len(values), dtype=bool), 0.0
    median = np.median(active)
    robust_sd = _MAD_TO_SD * np.median(np.abs(active - median))
    far = (values != 0) & (np.abs(values - median) > OUTLIER_ROBUST_SDS * robust_sd)
    return far & (robust_sd > 0), float(median)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two columns of deviations, all geos together; 0 where one is constant."""
    if np.isnan(one).any() or np.isnan(other).any():
        both = np.isfinite(one) & np.isfinite(other)
        one, other = one[both], other[both]
    norm = np.sqrt(np.sum(one**2) * np.sum(other**2))
    return float(np.sum(one * other) / norm) if norm > 0 else 0.0


def _variation(values: np.ndarray, deviation: np.ndarray) -> float:
    """Standard deviation over the mean, which deviations are in units of, where anything is spent."""
    own = deviation[(np.nan_to_num(values) != 0).any(axis=1)]
    return float(own[np.isfinite(own)].std() if np.isnan(own).any() else own.std())


def _collinear(deviations: dict[str, np.ndarray]) -> list[BayesMMMWarning]:
    found: list[BayesMMMWarning] = []
    for (one, a), (other, b) in combinations(deviations.items(), 2):
        together = correlation(a, b)
        if abs(together) > COLLINEAR_CORRELATION:
            found.append(
                CollinearityWarning(
                    f"channels {one!r} and {other!r} have correlation {together:.3f} (above "
                    f"{COLLINEAR_CORRELATION}), so the data can hardly tell their effects apart; add them up "
                    "to one channel, or give one an informative prior"
                )
            )
    return found


def _steady(shares: dict[str, float]) -> list[BayesMMMWarning]:
    return [
        LowVariationWarning(
            f"channel {name!r} hardly varies: its standard deviation is {share:.1%} of its mean (below "
            f"{LOW_VARIATION:.0%}), so its effect cannot be told from the intercept; "
            "give it an informative prior"
        )
        for name, share in shares.items()
        if share < LOW_VARIATION
    ]


def _outlying(data: MMMData, name: str) -> list[BayesMMMWarning]:
    advice = "check them"
    if name == data.outcome or name in data.mediators:
        advice += ", or use likelihood='student_t' in its equation if they are real"
    found = []
    for geo, values in zip(data.geos, np.nan_to_num(data.known(name), nan=0.0), strict=True):
        far, median = outlying(values)
        if far.any():
            found.append((int(far.sum()), geo, median, far, values[far][np.argmax(np.abs(values[far] - median))]))
    if not found:
        return []
    # Most first: a panel of many geos gets one warning for a column, too.
    count, geo, median, far, extreme = max(found, key=lambda one: one[0])
    where = f" in geo {geo!r}" if len(data.geos) > 1 else ""
    text = (
        f"column {name!r} has {count} value(s) further than {OUTLIER_ROBUST_SDS:g} robust standard deviations from its "
        f"median {median:.6g}{where}, at {listed(data.dates[far])}, up to {extreme:.6g}"
    )
    if len(found) > 1:
        text += (
            f", and {sum(one[0] for one in found) - count} in {len(found) - 1} other(s) of {len(data.geos)} geos"
        )
    return [OutlierWarning(f"{text}; {advice}")]
