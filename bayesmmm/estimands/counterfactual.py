"""What would have been, or would be, if inputs were other than they are."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import silent_geos
from bayesmmm.errors import SettingError, UnknownTermError
from bayesmmm.estimands.extrapolation import extrapolated
from bayesmmm.estimands.history_end import past_baselines, plan_baselines
from bayesmmm.estimands.query import REDUCE, By, Query, Timeline, open_query
from bayesmmm.results import Fit
from bayesmmm.text import listed, no_such
from bayesmmm.validate import (
    PATHS,
    check_dates,
    check_dates_by_geo,
    check_mapping,
    check_number,
    check_size,
    check_values,
)


def what_if(
    fit: Fit,
    *,
    scale: Mapping[str, float] | None = None,
    do: Mapping[str, object] | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    plan: pd.DataFrame | None = None,
    paths: int = PATHS,
    seed: int = 0,
    by: By | None = None,
) -> xr.Dataset:
    """Compare a scenario with what happened, or with a plan.

    Inputs are changed in the window, mediators answer in causal order, and the residual of every series is kept (in
    the future: integrated over, the same ones on both sides). Carryover lasts beyond the window.

    Parameters
    ----------
    fit : Fit
    scale : mapping of str to float, optional
        Column -> factor, of all geos: 0 switches it off, 1.3 adds 30 %. Of an exposure that is a factor on its units,
        and on its spend as well where a unit costs what it did.
    do : mapping of str to number, array (W,) or Series, optional
        Column -> its values in the W periods of the window, in raw units: of an exposure what is counted, not its
        spend, of an event its days in each period. Setting or scaling a mediator cuts
        everything that drives it, in the window; after it the mediator listens again. On a panel a number for all geos
        and periods, a DataFrame with these periods as its index and a column for every geo, or a mapping from every geo
        to a number or its values.
    start, stop : str or date, optional
        Window of the change, both included. By default all fitted periods, or all of the plan.
    plan : DataFrame, optional
        Compare future periods: the plan against the plan with these changes. As in `predict`.
    paths, seed, by
        As in `predict`.

    Returns
    -------
    xarray.Dataset
        For every equation a variable ``<series>``, the series under the scenario, and ``<series>.change``, scenario
        minus baseline; dims chain, draw, (geo,) date (all fitted periods, or those of the plan), raw units.
        ``extrapolated`` (input), as in `predict`, of the inputs that are changed and of those of the plan.

    Raises
    ------
    ConvergenceError
        When the sampler failed.
    SettingError, UnknownTermError, DataError
        When nothing is changed, or what is changed is unknown or impossible.
    WindowError, PlanError
        When the window lies outside the periods; when the plan does not continue the history.
    AnswerSizeError
        When the answer would not fit into memory.

    Examples
    --------
    >>> more = what_if(fit, scale={"google": 1.3}, start="2024-01-07")  # doctest: +SKIP
    >>> more["revenue.change"].sum("date").median()  # doctest: +SKIP
    """
    return compared(
        open_query(fit, start=start, stop=stop, plan=plan, paths=paths, seed=seed, by=by), scale=scale, do=do
    )


def compared(
    query: Query, *, scale: Mapping[str, float] | None = None, do: Mapping[str, object] | None = None
) -> xr.Dataset:
    """Compare a scenario with what happened, or with the plan of a query: as `what_if`."""
    fit, line = query.fit, query.timeline
    factors, set_to = read_scale(fit, scale), read_do(fit, do, line)
    if not factors and not set_to:
        raise SettingError("what_if changes nothing; pass scale={'channel': 1.3} or do={'channel': series}")
    both = sorted(set(factors) & set(set_to))
    if both:
        raise SettingError(f"{both[0]!r} is in scale and in do; leave it out of one of the two")
    if line.planned and line.window[: line.fitted].any():
        raise SettingError(
            f"the window starts on {line.attrs['start']}, before the plan; with a plan only its own periods are "
            f"changed; start on {line.dates[line.fitted]:%Y-%m-%d} or later"
        )
    dates = line.dates[line.fitted :] if line.planned else line.dates
    order = fit.system.order
    check_size((2 * len(order), *query.shape(len(dates))), "the comparison", REDUCE)
    series, variables = _series(query, factors, set_to), dict[str, Any]()
    for name in order:
        for key in (name, f"{name}.change"):
            variables[key] = (*query.label_places(series[key], "date"), {"unit": fit.data.unit(name)})
    variables |= extrapolated(query, _scenario(query, factors, set_to))
    return xr.Dataset(variables, {**query.coords, "date": dates}, query.attrs)


def _scenario(
    query: Query, factors: Mapping[str, float], set_to: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Inputs (G, W) of a scenario in the window: those that are changed, and those of a plan."""
    planned = query.timeline.columns
    names = [name for name in {**planned, **factors} if name in planned or not query.timeline.planned]
    scaled = {name: factors.get(name, 1.0) * query.units_by_period(name) for name in names}
    return scaled | {name: values[0] for name, values in set_to.items()}


def _series(query: Query, factors: Mapping[str, float], set_to: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    fit, line = query.fit, query.timeline
    window = line.window[line.fitted :] if line.planned else line.window
    own = np.ones((1, 1), bool) if line.planned else fit.data.has_row
    added = query.added if line.planned else query.added_own
    begin = plan_baselines(query) if line.planned else past_baselines(query)

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        part = begin(draws)
        base = part.base
        there = window & own  # no geo is changed outside its own periods
        changed = {n: np.where(there, factor * base.columns[n], base.columns[n]) for n, factor in factors.items()}
        for name, values in set_to.items():
            changed[name] = base.columns[name].copy()
            changed[name][..., window] = np.where(
                own[:, window] if len(own) > 1 else True, values, changed[name][..., window]
            )
        new = engine.propagate(base, changed, where=window)
        out = {}
        for name in fit.system.order:
            if name in changed:
                series, before = (base.rows.per_draw(columns[name]) for columns in (new, base.columns))
            else:
                before = part.mean(name)
                moving = [n for n in fit.system.equation(name).acting if n in new]
                series = engine.mean_series(base, name, engine.latent_changes(base, name, moving, new))
            shape = len(draws), *base.latent[name].shape[1:]
            out[name] = added(np.broadcast_to(series, shape))
            out[f"{name}.change"] = added(np.broadcast_to(series - before, shape))
        return out

    return query.map(work, query.paths * line.planned or line.fitted)  # the baseline is kept, mostly


# ---------------------------------------------------------------------------------------------- reading interventions
def read_do(
    fit: Fit, do: Mapping[str, object] | None, line: Timeline, *, mediators: bool = False
) -> dict[str, np.ndarray]:
    """Return columns (or only mediators) set to a series as (1, G, W) arrays over the W periods of the window."""
    out = {}
    for name, series in check_mapping(do, "do", "{'google': series}").items():
        check_settable(fit, name, "do", mediators=mediators)
        where, dates = f"do[{name!r}]", line.dates[line.window]
        if len(fit.data.geos) == 1:
            values = check_dates(series, where, dates)[None]
        else:
            values = check_dates_by_geo(series, where, dates, fit.data.geos)
        check_values(values, where, money=name in fit.data.media or fit.data.is_money(name))
        if name in fit.system.events and (values < 0.0).any():
            raise SettingError(f"{where} has {values.min():g} days of the event in a period; give zero or more")
        _check_bought(fit, name, values)
        out[name] = values[None]
    return out


def _check_bought(fit: Fit, name: str, values: np.ndarray) -> None:
    """Refuse to set a channel where it was never bought: its effect there is not known."""
    never = [] if name not in fit.system.media else silent_geos(fit.data, name, values)
    if never:
        raise SettingError(
            f"do[{name!r}] is above zero in geo {listed(never)}, where {name!r} was never above zero, so that nothing "
            f"is known of its effect there; give 0 for {'it' if len(never) == 1 else 'them'}"
        )


def read_scale(fit: Fit, scale: Mapping[str, float] | None) -> dict[str, float]:
    """Return columns that are multiplied by a factor, checked."""
    out = {}
    advice = "as 0 to switch off, or 1.3 to add 30 %"
    for name, factor in check_mapping(scale, "scale", "{'tiktok': 1.3}").items():
        check_settable(fit, name, "scale", mediators=False)
        out[name] = check_number(factor, f"scale[{name!r}]", least=0.0, advice=advice)
    return out


def check_settable(fit: Fit, name: str, where: str, *, mediators: bool) -> None:
    """Refuse a column that cannot be set."""
    system = fit.system
    known = system.mediators if mediators else (*system.exogenous, *system.events, *system.mediators)
    if name in known:
        return
    if name == fit.system.outcome:
        message = f"{where} sets {name!r}, which is the outcome; set what drives it: {', '.join(known)}"
    elif mediators and name in (*system.exogenous, *system.events):
        message = f"{where} sets {name!r}, which is a column of the plan; write it into the plan instead"
    elif name in fit.data.spend.values():
        exposure = next(n for n, column in fit.data.spend.items() if column == name)
        message = (
            f"{where} names {name!r}, the spend of {exposure!r}, which acts through its {fit.data.unit(exposure)}; "
            f"write {exposure!r} in its place, or give a plan with the column {name!r}"
        )
    else:
        message = no_such(f"{where} names {name!r}, which the system does not have", name, known, "It has")
    raise UnknownTermError(message)
