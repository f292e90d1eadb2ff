"""The return on the last unit of spend, by the adjoint of the equations."""

import datetime
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.estimands.query import By, Query, bought_channels, checked_channels, open_query, per_money
from bayesmmm.estimands.windows import Segment, over_draws, reached
from bayesmmm.results import Fit
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
    """Return on a little more spend in the same pattern: sum_t x_t dY/dx_t / sum_t x_t, mediators responding.

    Of a panel, a little more in every geo: both sums are over geos, too.

    Exact, by reverse accumulation through the equations. A period in which a censored mediator is at zero counts as
    the derivative of its zero side: a little more spend does not switch it on.

    Parameters
    ----------
    fit : Fit
    channels, start, stop, window, plan, paths, seed, by
        As in `effects`. With ``window="outcome"``, spend is changed in all periods up to the end of the window; what
        the outcome of the window gains is divided by the spend of the window.

    Returns
    -------
    xarray.DataArray
        Named "marginal_roi"; dims chain, draw, (geo,) channel; units of the outcome per unit of money. NaN where a
        channel has no spend in the window.

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
    slopes = over_draws(query, lambda segments: _along_spend(query, segments, names))["slopes"]
    spend, _ = query.spend(names)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(spend > 0.0, slopes / spend, np.nan)
    attrs = {**query.attrs, **per_money(fit)}
    dims, values = query.label_places(values, "channel")
    return xr.DataArray(values, {**query.coords, "channel": list(names)}, dims, "marginal_roi", attrs)


def _along_spend(query: Query, segments: list[Segment], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Derivative (S, P, channel) of the counted outcome to a factor on the changed spend."""
    segments = reached(segments)
    geos = range(len(segments[0].base.rows.geos))
    slopes = [_of_one_geo([_one_geo(segment, g) for segment in segments], names) for g in geos]
    return {"slopes": query.added(np.stack(slopes, axis=1))}


def _one_geo(segment: Segment, geo: int) -> Segment:
    alone = len(segment.base.rows.geos) == 1
    return segment if alone else replace(segment, base=engine.of_geo(segment.base, geo))


def _of_one_geo(segments: list[Segment], names: Sequence[str]) -> np.ndarray:
    """Derivative (S, channel) of the counted outcome of one geo."""
    system = segments[0].base.rows.system
    changed = np.concatenate([segment.changed for segment in segments])
    slopes = np.zeros((len(segments[0].weight), len(names)))
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
        _, total = window.forward(window.columns, room)
        pattern = np.where(changed, window.columns, 0.0)
        _, along = window.vjp(room, np.ones(len(total)), np.zeros_like(total), pattern)
        slopes[:, [names.index(n) for n in part]] = along
    return slopes
