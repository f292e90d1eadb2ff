"""A system against its data: what is impossible is raised, what is unwise is returned as warnings.

Sees equations, priors and data; sees no posterior.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData, data_warnings
from bayesmmm.data.checks import is_constant, places
from bayesmmm.data.data_warnings import correlation
from bayesmmm.data.scales import deviations
from bayesmmm.equations.equation import Equation
from bayesmmm.equations.event_terms import check_events, events_of
from bayesmmm.equations.overlap import linear_overlaps
from bayesmmm.equations.panel_warnings import panel_warnings
from bayesmmm.equations.spend_share import for_data
from bayesmmm.equations.system import MMM
from bayesmmm.equations.text import format_days
from bayesmmm.errors import (
    AlwaysOnWarning,
    BackdoorWarning,
    BayesMMMWarning,
    ConsequenceWarning,
    ConstantColumnError,
    EquationError,
    FewPeriodsWarning,
    LikelihoodError,
    ManyZerosWarning,
    NeverSpentError,
    PanelError,
    PriorError,
    PriorWarning,
    UnevenPeriodsWarning,
    UnknownColumnError,
)
from bayesmmm.priors import LARGEST_SHARE, Prior
from bayesmmm.text import listed, no_such

MIN_PERIODS_PER_PARAMETER = 4.0
MAX_ZERO_SHARE = 0.25
#: Variation of the lengths of periods, beyond that of months, and correlation of a column that follows them.
MAX_UNEVEN, FOLLOWS = 0.05, 0.9
MAX_MEDIA_SHARE_PROBABILITY = 0.05
ALWAYS_ON_VARIATION = 0.2
#: Level of a series over its mean size from which on it lies on one side of zero, but for some values.
MIN_LEVEL = 0.9
#: Shares of the variance of a series, and of its changes from period to period, that one input may explain alone.
#: Both are asked for: two series that share a trend or a season explain each other's level, not each other's changes.
MAX_EXPLAINED = 0.9
MAX_CHANGES_EXPLAINED = 0.25
_PRIOR_DRAWS = 40_000
_PRIOR_SEED = 20240107


# ---------------------------------------------------------------- impossible


def check_system(system: MMM, data: MMMData) -> None:
    """Check that every equation can be fitted to the data.

    Parameters
    ----------
    system
        The equations.
    data
        The data, with their roles.

    Raises
    ------
    UnknownColumnError
        When an equation names a column that the data do not have.
    EquationError
        When the system is something else, the outcome differs, a column has the wrong role, a season is too short for
        the periods, a trend knot lies outside the data, or there are too few periods.
    LikelihoodError
        When values rule a likelihood out: lognormal needs all > 0, censored_normal all >= 0.
    PriorError
        When a return is put on a column that is not money.
    ConstantColumnError
        When a linear term does not vary.
    NeverSpentError
        When a column that acts as media is never above 0.
    EventError
        When an event is not among those of the data, or has no day in them.
    PanelError
        When an equation says how geos share it, and there is one; when a geo has nothing of a mediator.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-07", periods=9, freq="7D")
    >>> frame = pd.DataFrame({"week": weeks, "tv": [1.0, 0, 2] * 3})
    >>> frame["sales"] = 5.0 + frame["tv"]
    >>> data = MMMData.from_frame(frame, date="week", outcome="sales", media=["tv"])
    >>> check_system(MMM([Equation("sales", media=["tv"])]), data)
    """
    if not isinstance(system, MMM):
        raise EquationError(
            f"system is a {type(system).__name__}, and must be an MMM, as MMM([Equation(...)]); that of a fit is "
            f"fit.system."
        )
    if system.outcome != data.outcome:
        raise EquationError(
            f"the last equation explains {system.outcome!r}, but the outcome of the data is {data.outcome!r}. Put the "
            f"equation of {data.outcome!r} last, or read the data with outcome={system.outcome!r}."
        )
    for equation in system.equations:
        _check_columns(equation, data)
        check_events(equation, data)
        _check_geos(equation, data)
        _check_likelihood(equation, data)
        _check_time(equation, data)
        _check_roi(equation, data)
        _check_rho(equation, data)
    if not data.part:  # the geos of a part were fitted with others
        system.for_panel(data)


def _check_rho(equation: Equation, data: MMMData) -> None:
    """Refuse correlated residuals in a panel of which some are not there."""
    for name in (equation.name, equation.tied_to):
        if equation.tied_to and name and len(data.geos) > 1 and not np.isfinite(data.columns[name]).all():
            raise EquationError(
                f"equation {equation.name!r} has a rho, and {name!r} was not recorded in some geos and periods: in a "
                f"panel residuals can be correlated where all of them are there. Leave rho out, or the geos with gaps."
            )


def _check_columns(equation: Equation, data: MMMData) -> None:
    where = f"equation {equation.name!r}"
    for name in (equation.name, *equation.inputs):
        if name not in data.columns:
            raise UnknownColumnError(
                no_such(
                    f"{where} names the column {name!r}, which the data do not have",
                    *(name, data.columns, "Known columns"),
                )
                + " Correct the name, or give the column a role when reading the data."
            )
    if equation.name not in (data.outcome, *data.mediators):
        role = "a control" if equation.name in data.controls else "exogenous media"
        raise EquationError(
            f"{where} explains {equation.name!r}, which the data declare as {role}. Declare it with its "
            f"unit when reading the data: mediators={{{equation.name!r}: 'money'}}."
        )
    _check_no_spend(equation, data)
    for name in equation.media:
        if name not in (*data.media, *data.mediators):
            raise EquationError(
                f"{where} lists {name!r} under media, but the data declare it as a control. List it under "
                f"linear, or read the data with {name!r} in media."
            )
        if not data.part and not (data.columns[name] > 0).any():
            raise NeverSpentError(
                f"{where} lists {name!r} under media, but its values are never above 0 (the highest is "
                f"{data.values(name).max():g}), and negative values enter as 0. List it under linear."
            )
        _check_carried(equation, name, data)
    for name in equation.linear:
        if not data.part and is_constant(data.values(name)):
            raise ConstantColumnError(
                f"{where} lists {name!r} under linear, but it is {data.values(name).flat[0]:g} in every period, "
                f"so that it says no more than the intercept. Leave {name!r} out of linear."
            )
        if name in data.media:
            raise EquationError(
                f"{where} lists {name!r} under linear, but the data declare it as media. List it under media, or read "
                f"the data with {name!r} in controls."
            )


def _check_no_spend(equation: Equation, data: MMMData) -> None:
    """Refuse a column of spend where the exposure that it pays for acts."""
    for name, column in data.spend.items():
        if column in equation.inputs:
            raise EquationError(
                f"equation {equation.name!r} names {column!r}, which is the spend of {name!r} in the data. List "
                f"{name!r} under media: it acts through its {data.unit(name)}, and its returns are in the money of "
                f"{column!r}."
            )


def _check_carried(equation: Equation, name: str, data: MMMData) -> None:
    """Refuse a mediator with values that were not recorded where they would carry over to later periods."""
    gaps = np.isnan(data.columns[name]) & data.has_row
    if gaps.any():
        raise EquationError(
            f"equation {equation.name!r} lists {name!r} under media, of which {int(gaps.sum())} value(s) were not "
            f"recorded{places(gaps, data.geos, data.dates)}: what they carry over into later periods is not known. List "
            f"{name!r} under linear, where it acts in its own period only and periods without it leave the equation, or "
            f"fill it in with what is true, or begin after the gap with data.between(...)."
        )


def _check_geos(equation: Equation, data: MMMData) -> None:
    """Refuse a mediator that a geo of a panel does not have; an outcome that does not vary is no data."""
    series = np.nan_to_num(data.columns[equation.name])
    silent = [geo for geo, own in zip(data.geos, series, strict=True) if not own.any()]
    if silent:
        raise PanelError(
            f"equation {equation.name!r} explains {equation.name!r}, which is 0 in every period of geo "
            f"{listed(silent)}: its size, the unit of the equation, is 0 there. Leave these geos out, or fit "
            f"them by themselves without this equation."
        )


def _check_likelihood(equation: Equation, data: MMMData) -> None:
    values, family = data.columns[equation.name], equation.family
    bad = ~family.supports(values) & data.recorded(equation.name)
    if bad.any():
        t = int(np.argmax(bad.any(axis=0)))
        g = int(np.argmax(bad[:, t]))
        place = f"{data.dates[t].date()}" + (f" in {data.geos[g]!r}" if len(data.geos) > 1 else "")
        raise LikelihoodError(
            f"equation {equation.name!r} is {equation.likelihood}, but {int(bad.sum())} of its {bad.size} "
            f"values are {family.excluded}, the first on {place} ({values[g, t]:g}). Use {family.instead}."
        )


def _check_time(equation: Equation, data: MMMData) -> None:
    where = f"equation {equation.name!r}"
    for season in equation.seasonality:
        shortest = season.period / season.order
        if shortest < 2 * data.days_per_period:
            fits = int(season.period // (2 * data.days_per_period))
            advice = f"Use order {fits} or less" if fits else "Leave this season out"
            raise EquationError(
                f"{where} has a season of {format_days(season.period)} days with order {season.order}: its "
                f"fastest wave takes {shortest:.4g} days, but {data.frequency} data show none under "
                f"{2 * data.days_per_period:.4g} days. {advice}."
            )
    start, end = data.dates[0], data.dates[-1]
    for knot in equation.knots:
        if not start < pd.Timestamp(knot) < end:
            raise EquationError(
                f"{where} has a trend knot on {knot}, but the data run from {start.date()} to "
                f"{end.date()}. Choose a date between these."
            )
    cells, terms = data.values(equation.name).size, len(equation.terms()) + len(data.geos) - 1
    if cells <= terms:
        raise EquationError(
            f"{where} has {terms} linear terms but only {cells} values to fit them. Use fewer harmonics, "
            "knots or controls, or more periods."
        )


def _check_roi(equation: Equation, data: MMMData) -> None:
    size = np.abs(data.values(equation.name)).mean()
    for parameter in equation.parameters():
        if parameter.name == "roi":
            for name, prior in zip(parameter.labels, parameter.priors, strict=True):
                paid = data.values(data.spend.get(name, name))
                most = prior.scipy().ppf(0.95) * np.maximum(paid, 0.0).mean() / size
                if most > LARGEST_SHARE:
                    raise PriorError(
                        f"equation {equation.name!r} has the prior {prior!r} on the roi of {name!r}, under which it "
                        f"brings up to {most:.3g} times all of {equation.name!r}, where that cannot be told from "
                        f"rounding. Give a prior on outcome per unit of spend, such as one with a median of 1."
                    )
                if not data.has_spend(name):
                    raise PriorError(
                        f"equation {equation.name!r} has a prior on the roi of {name!r}, whose unit is "
                        f"{data.unit(name)!r} and not money. Put the prior on its contribution."
                    )


# ---------------------------------------------------------------- unwise


def system_warnings(system: MMM, data: MMMData) -> list[BayesMMMWarning]:
    """Return what is possible but unwise about fitting this system to these data.

    Parameters
    ----------
    system, data
        A pair that passes `check_system`.

    Returns
    -------
    list of BayesMMMWarning
        BackdoorWarning, ConsequenceWarning, CollinearTermsWarning, FewPeriodsWarning, ManyZerosWarning,
        PriorWarning, UnevenPeriodsWarning and AlwaysOnWarning, FewGeosWarning and CommonSpendWarning of a panel, then
        the warnings of `data_warnings` for the columns that act as media. Nothing is emitted here. Back doors are looked
        for between every equation and every equation that it feeds.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-07", periods=9, freq="7D")
    >>> frame = pd.DataFrame({"week": weeks, "tv": [1.0, 0, 2] * 3})
    >>> frame["sales"] = 5.0 + frame["tv"]
    >>> data = MMMData.from_frame(frame, date="week", outcome="sales", media=["tv"])
    >>> [type(w).__name__ for w in system_warnings(MMM([Equation("sales", media=["tv"])]), data)]
    ['FewPeriodsWarning']
    """
    warnings: list[BayesMMMWarning] = []
    system = for_data(system, data)
    for source, target, _ in system.edges():
        if source not in system.exogenous:
            warnings += _backdoors(system.equation(source), system.equation(target))
    for name in system.order:
        equation = system.equation(name)
        warnings += [*consequences(equation, data), *linear_overlaps(equation, data)]
        warnings += [*_few_periods(equation, data), *_many_zeros(equation, data), *_media_share(equation, data)]
        warnings += [*_mixed_signs(equation, data), *_uneven(equation, data)]
    for check in (_many_negatives, _always_on):
        warnings += [warning for name in system.media for warning in check(name, data)]
    return [*warnings, *panel_warnings(system, data), *data_warnings(data, media=system.media)]


def _backdoors(mediator: Equation, target: Equation) -> Iterable[BayesMMMWarning]:
    missing = [repr(name) for name in mediator.inputs if name not in target.inputs]
    if missing:
        act, are, them = ("act", "are", "them") if len(missing) > 1 else ("acts", "is", "it")
        yield BackdoorWarning(
            f"{', '.join(missing)} {act} on the mediator {mediator.name!r} but {are} missing from the equation of "
            f"{target.name!r}. Add {them} to {target.name!r}, unless you are sure that {mediator.name!r} carries "
            f"all of the effect: otherwise the effect of {mediator.name!r} is biased."
        )
    for with_it, without in ((mediator, target), (target, mediator)):
        for shared in _calendar_terms(with_it, without):
            yield BackdoorWarning(
                f"{shared} is in the equation of {with_it.name!r} but not in that of {without.name!r}. If shared, "
                f"it would pass for an effect of {mediator.name!r}. Put {shared} in both."
            )


def _calendar_terms(equation: Equation, other: Equation) -> list[str]:
    """Return the trend, the seasons, by period, and the events that the other equation lacks."""
    trend = ["trend"] if equation.trend and not other.trend else []
    known = {season.period for season in other.seasonality}
    lacking = [format_days(season.period) for season in equation.seasonality if season.period not in known]
    events = [name for name in events_of(equation) if name not in events_of(other)]
    words = [f"seasonality ({' and '.join(lacking)} days)"] if lacking else []
    return [*trend, *words, *([f"events ({', '.join(events)})"] if events else [])]


def consequences(equation: Equation, data: MMMData) -> Iterable[ConsequenceWarning]:
    """Name inputs, media apart, that explain nearly all of a series on their own."""
    series = data.known(equation.name)
    for name in equation.inputs:
        values = data.known(name)
        if name in data.media or (values == values[:, :1]).all():
            continue
        share = _explained(values, series)
        if share > MAX_EXPLAINED and _explained(np.diff(values), np.diff(series)) > MAX_CHANGES_EXPLAINED:
            yield ConsequenceWarning(
                f"{name!r} alone explains {share:.1%} of the variance of {equation.name!r} (more than "
                f"{MAX_EXPLAINED:.0%}), and moves with it from period to period. Such a column is usually a part or a "
                f"consequence of {equation.name!r} (orders, units, traffic of buyers), not a cause: it takes the effect "
                f"of every channel to itself. Leave {name!r} out of the equation, unless it surely comes before."
            )


def _explained(values: np.ndarray, series: np.ndarray) -> float:
    """Share of the variance of a column (G, T) within geos that another explains."""
    return correlation(deviations(values), deviations(series)) ** 2


def values_per_parameter(equation: Equation, data: MMMData) -> tuple[int, int]:
    """Return how many values an equation explains, and how many parameters it has."""
    count = sum(max(1, len(parameter.labels)) for parameter in equation.parameters()) + len(data.geos) - 1
    return data.values(equation.name).size, count


def _few_periods(equation: Equation, data: MMMData) -> Iterable[BayesMMMWarning]:
    values, count = values_per_parameter(equation, data)
    if values / count < MIN_PERIODS_PER_PARAMETER:
        yield FewPeriodsWarning(
            f"equation {equation.name!r} has {count} parameters for {values} values, {values / count:.1f} "
            f"each (fewer than {MIN_PERIODS_PER_PARAMETER:g}), so that priors decide much of the answer. "
            "Drop terms, merge channels, or use informative priors."
        )


def _uneven(equation: Equation, data: MMMData) -> Iterable[BayesMMMWarning]:
    """Name lengths of periods that differ, where no linear column follows them."""
    days = np.broadcast_to(data.calendar.days(0, len(data.dates)), data.dates.shape)
    if days.std() <= MAX_UNEVEN * days.mean():
        return
    lengths = np.broadcast_to(days, (len(data.geos), len(days)))
    if any(correlation(deviations(data.known(name)), deviations(lengths)) > FOLLOWS for name in equation.linear):
        return
    yield UnevenPeriodsWarning(
        f"the periods have {days.min():g} to {days.max():g} days, and a sum over more days is larger: without a term "
        f"for it, equation {equation.name!r} takes that for noise, or for an effect of what is spent in long periods. "
        f"Add a control, as frame['days'] = data.calendar.days(0, {len(days)}), and list it under linear."
    )


def _many_zeros(equation: Equation, data: MMMData) -> Iterable[BayesMMMWarning]:
    zeros = float(np.mean(data.values(equation.name) == 0))
    if equation.family.additive and zeros > MAX_ZERO_SHARE:
        yield ManyZerosWarning(
            f"{equation.name!r} is exactly zero in {zeros:.0%} of its periods (more than "
            f"{MAX_ZERO_SHARE:.0%}), which the "
            f'{equation.likelihood} likelihood takes for measured values. Use likelihood="censored_normal".'
        )


def _many_negatives(name: str, data: MMMData) -> Iterable[BayesMMMWarning]:
    negative = float(np.mean(data.values(name) < 0))
    if negative > MAX_ZERO_SHARE:
        yield ManyZerosWarning(
            f"{name!r} acts as media and is negative in {negative:.0%} of its periods (more than {MAX_ZERO_SHARE:.0%}), "
            f"where it enters as 0. List it under linear."
        )


def prior_media_share(equation: Equation, data: MMMData) -> np.ndarray | None:
    """Draw what the priors let each channel bring, in shares of the mean size of the series.

    Returns
    -------
    (S, C) array or None
        The same draws every time. None under likelihoods where a contribution is not a share of the observed series, and
        without media.
    """
    if not equation.family.additive or not equation.media:
        return None
    rng = np.random.default_rng(_PRIOR_SEED)
    series = data.values(equation.name)
    size = np.abs(series).sum() * (data.has_row.sum() / series.size)  # over all periods, had they been recorded
    share = {}
    for parameter in equation.parameters():
        if parameter.name not in ("contribution", "roi"):
            continue
        for name, prior in zip(parameter.labels, parameter.priors, strict=True):
            unit = 1.0 if parameter.name == "contribution" else np.maximum(data.values(name), 0).sum() / size
            share[name] = unit * prior.draw(rng, _PRIOR_DRAWS)
    return np.stack([share[name] for name in equation.media], axis=-1)


def _media_share(equation: Equation, data: MMMData) -> Iterable[BayesMMMWarning]:
    """Judge the total media share that the priors of an equation imply."""
    share = prior_media_share(equation, data)
    if share is None:
        return
    total = share.sum(axis=-1)
    probability = float(np.mean(total > 1.0))
    if probability > MAX_MEDIA_SHARE_PROBABILITY:
        yield PriorWarning(
            f"the priors of equation {equation.name!r} let media explain more than all of {equation.name!r} with "
            f"probability {probability:.0%} (more than {MAX_MEDIA_SHARE_PROBABILITY:.0%}). Narrow the priors on "
            f"contribution or roi; the median total share is {np.median(total):.2g}."
        )


def _mixed_signs(equation: Equation, data: MMMData) -> Iterable[BayesMMMWarning]:
    """Name a series around zero, whose mean size says little of what media bring, where defaults rest on it."""
    values = data.columns[equation.name]
    own = equation.priors.get("contribution", {})
    given = equation.media if isinstance(own, Prior) else tuple(own)
    blocks = (block.labels for block in equation.parameters() if block.name == "contribution")
    default = [c for labels in blocks for c in labels if c not in given]
    level, size = abs(float(np.nanmean(values))), float(np.nanmean(np.abs(values)))
    if not default or not equation.family.additive or level > MIN_LEVEL * size:
        return
    yield PriorWarning(
        f"{equation.name!r} goes above and below zero, so that its mean size ({size:.3g}) is not that of what media add "
        f"to it: a constant added to it would change it. Default contributions of {listed(default)} are shares of that "
        f"size, and would pull their returns towards zero. Give each of them a prior on roi, in outcome per unit of "
        f"spend, or on contribution where it is not money."
    )


def _always_on(name: str, data: MMMData) -> Iterable[BayesMMMWarning]:
    values = data.known(name)
    if (values <= 0).any():
        return
    mean, sd = (np.nanmean, np.nanstd) if np.isnan(values).any() else (np.mean, np.std)
    variation = float(sd(values / mean(values, axis=1, keepdims=True)))
    if variation < ALWAYS_ON_VARIATION:
        yield AlwaysOnWarning(
            f"{name!r} is never zero and varies by only {variation:.0%} of its mean (less than "
            f"{ALWAYS_ON_VARIATION:.0%}), so that its contribution trades with the intercept. Give its contribution or "
            "roi an informative prior, from an experiment if there is one."
        )
