"""The return on the last unit of spend, by the adjoint of the equations."""

import datetime
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.estimands.query import By, Query, bought_channels, checked_channels, open_query, per_money
from bayesmmm.estimands.windows import Segment, over_draws, reached
from bayesmmm.results import Fit
from bayesmmm.text import amount
from bayesmmm.validate import PATHS


def marginal_roi(
    fit: Fit,
    *,
    channels: Sequence[str] | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    plan: pd.DataFrame | None = None,
    paths: int = PATHS,
    seed: int = 0,
    by: By | None = None,
) -> xr.DataArray:
    """Return on a little more spend in the same pattern: sum_t x_t dY/dx_t / sum_t s_t, mediators responding.

    x_t is what a channel acts through and s_t what is paid for it, which are the same where the channel is money. Of an
    exposure a little more money buys a little more of what was had, at the mean cost of the window, ``sum_t s_t / sum_t
    x_t``.

    Of a panel, a little more in every geo: both sums are over geos, too.

    Exact, by reverse accumulation through the equations. A period in which a censored mediator is at zero counts as
    the derivative of its zero side: a little more spend does not switch it on.

    A channel without spend in the window has no pattern, and under slopes below one no mean derivative there either: it
    is infinite in some draws. What such a channel answers is the return on a step of a stated size, the spend of one
    typical period (``fit.scales.spend``, at the cost of the fitted periods) spread evenly over the window:
    [Y(step) - Y(0)] / step.

    Parameters
    ----------
    fit : Fit
    channels, start, stop, window, plan, paths, seed, by
        As in `effects`. With ``window="outcome"``, spend is changed in all periods up to the end of the window; what
        the outcome of the window gains is divided by the spend of the window.

    Returns
    -------
    xarray.DataArray
        Named "marginal_roi"; dims chain, draw, (geo,) channel; units of the outcome per unit of money.
        ``attrs["step"]`` names the channels without spend and the size of their step. NaN where a geo never bought a
        channel.

    Raises
    ------
    ConvergenceError, UnknownTermError, SettingError, WindowError, PlanError, DataError
        As `effects`.

    Examples
    --------
    >>> table = mm.summarise(marginal_roi(fit))  # doctest: +SKIP
    """
    query = open_query(fit, start=start, stop=stop, window=window, plan=plan, paths=paths, seed=seed, by=by)
    names = checked_channels(query, bought_channels(fit, channels))
    found = over_draws(query, lambda segments: _along_spend(query, segments, names))
    units, spend, step = query.units(names), query.spend(names), _added(query, names, typical_spend)
    spend = np.where(spend > 0.0, spend, _at_fitted_cost(query, names))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(units > 0.0, found["slopes"] / spend, found["gains"] / step)
    attrs = {**query.attrs, **per_money(fit, names), **_stated(names, units, step)}
    dims, values = query.label_places(values, "channel")
    return xr.DataArray(values, {**query.coords, "channel": list(names)}, dims, "marginal_roi", attrs)


def typical_units(fit: Fit, name: str) -> np.ndarray:
    """Input (G,) of one typical period: the mean of those with any; 0 in a geo that never had the channel."""
    known = fit.scales.spend[name]
    return np.where(np.isfinite(known), known, 0.0)


def typical_spend(fit: Fit, name: str) -> np.ndarray:
    """Money (G,) of one typical period, at the cost of the fitted periods; 0 in a geo that never had the channel."""
    return typical_units(fit, name) * fit.data.cost_of_unit(name)


def _added(query: Query, names: Sequence[str], each: Callable[[Fit, str], np.ndarray]) -> np.ndarray:
    """Amounts (P, C) of channels by place, from those (G,) of a channel."""
    return query.added(np.stack([each(query.fit, name) for name in names], axis=-1), axis=0)


def _at_fitted_cost(query: Query, names: Sequence[str]) -> np.ndarray:
    """Money (P, C) that the units of the window would take, were they not free, at the cost of the fitted periods."""
    own = [query.units_by_period(name).sum(axis=-1) * query.fit.data.cost_of_unit(name) for name in names]
    return query.added(np.stack(own, axis=-1), axis=0)


def _stated(names: Sequence[str], units: np.ndarray, step: np.ndarray) -> dict[str, str]:
    """Return the channels that are idle somewhere, and the size of the step there in money, as an attribute."""
    idle = {n: step[units[:, c] == 0.0, c].max() for c, n in enumerate(names) if (units[:, c] == 0.0).any()}
    words = "; ".join(f"{name}: of {amount(size)}, the spend of a typical period" for name, size in idle.items())
    return {"step": words} if words else {}


def _along_spend(query: Query, segments: list[Segment], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Derivative (S, P, channel) of the counted outcome to a factor on the changed spend, and what a step gains."""
    segments = reached(segments)
    geos = range(len(segments[0].base.rows.geos))
    step = np.stack([typical_units(query.fit, name) for name in names], axis=-1)
    found = [_of_one_geo([segment.of_geo(g) for segment in segments], names, step[g]) for g in geos]
    slopes, gains = (query.added(np.stack(parts, axis=1)) for parts in zip(*found, strict=True))
    return {"slopes": slopes, "gains": gains}


def _of_one_geo(segments: list[Segment], names: Sequence[str], step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivative (S, channel) of the counted outcome of one geo, and gain of a step where there is no spend, else 0."""
    system = segments[0].base.rows.system
    changed = np.concatenate([segment.changed for segment in segments])
    slopes, gains = np.zeros((2, len(segments[0].weight), len(names)))
    # To set a mediator cuts what drives it, so that each is looked at by itself.
    together = tuple(n for n in names if n not in system.mediators)
    for part in [*([together] if together else []), *((n,) for n in names if n in system.mediators)]:
        answering = engine.answering(system, part)
        window = engine.WindowSystem(
            [segment.base for segment in segments],
            [segment.changed for segment in segments],
            [segment.weight for segment in segments],
            part,
            tuple(m for m in system.mediators if m in (*part, *answering)),
        )
        room = window.room()
        lift, total = window.forward(window.columns, room)
        pattern = np.where(changed, window.columns, 0.0)
        _, along = window.vjp(room, np.ones(len(total)), np.zeros_like(total), pattern)
        at = [names.index(n) for n in part]
        slopes[:, at] = along
        for c in np.flatnonzero(~pattern.any(axis=1) & (step[at] > 0.0)):
            more = window.columns.copy()
            more[c, changed] += step[at[c]] / sum(segment.window.sum() for segment in segments)
            gains[:, at[c]] = window.forward(more)[0] - lift
    return slopes, gains
