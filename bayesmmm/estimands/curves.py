"""Response to more or less spend, and how long pressure lasts."""

import datetime
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.data.future import GEO
from bayesmmm.errors import AnswerError
from bayesmmm.estimands.extrapolation import EXTRAPOLATED, shares_beyond
from bayesmmm.estimands.query import REDUCE, By, Query, checked_channels, open_query, units_attrs
from bayesmmm.estimands.windows import Segment, multiplied, over_draws, propagated
from bayesmmm.results import Fit
from bayesmmm.validate import PATHS, check_flag, check_number, check_numbers, check_size

#: Close to each other where a curve bends most.
FACTORS = (0.0, 0.05, 0.1, 0.15, *(round(0.1 * k, 1) for k in range(2, 21)))


def response_curves(
    fit: Fit,
    *,
    channels: Sequence[str] | None = None,
    factors: Sequence[float] | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    plan: pd.DataFrame | None = None,
    paths: int = PATHS,
    seed: int = 0,
    by: By | None = None,
    parts: bool = False,
) -> xr.Dataset:
    """Outcome gained over no spend, when the spend of the window is multiplied by a factor.

    ``y(f x) - y(0)``, summed over the counted periods, other channels as they are and mediators responding. At factor 1
    it is the total effect of `effects`. On a panel the factor is that of every geo.

    Parameters
    ----------
    fit : Fit
    channels, start, stop, window, plan, paths, seed, by
        As in `effects`.
    factors : sequence of float, optional
        Multiples of the spend of the window; 0 and 1 are added. By default 23 from 0 to 2.
    parts : bool
        Whether to tell apart what comes directly, with the mediators as they are, and what comes through these.

    Returns
    -------
    xarray.Dataset
        ``outcome`` (chain, draw, channel, factor) in units of the outcome, with `parts` also ``direct`` and
        ``indirect``, which add up to it and at factor 1 are those of `effects`; ``spend`` (channel, factor), money in
        the window, NaN for a channel of which it is not known; where channels are exposures, ``units`` (channel,
        factor), what is had for it, see ``attrs["counted"]``; ``extrapolated`` (channel, factor), the share of these
        units, or of the spend, which falls into periods with more than was ever observed in one period: above
        ``attrs["threshold"]`` call it an extrapolation. With ``window="outcome"`` the factor scales all spend up to the
        end of the window; ``spend`` and ``extrapolated`` speak of the window itself. With `by` every variable has the
        dim that it has in `effects`, after draw where it has one.

    Raises
    ------
    ConvergenceError, UnknownTermError, SettingError, WindowError, PlanError, DataError, AnswerError
        As `effects`.
    AnswerSizeError
        When the answer would not fit into memory.

    Examples
    --------
    >>> curves = response_curves(fit.thin(1000))  # doctest: +SKIP
    """
    query = open_query(fit, start=start, stop=stop, window=window, plan=plan, paths=paths, seed=seed, by=by)
    names = checked_channels(query, channels)
    allowed = ("numbers of 0 or more", "[0.5, 1, 1.5]", lambda x: x >= 0.0)
    grid = np.unique([0.0, 1.0, *check_numbers(FACTORS if factors is None else factors, "factors", *allowed)])
    check_size(query.shape(len(names), len(grid)), "the response curves", REDUCE)
    parts = check_flag(parts, "parts")
    gained = over_draws(query, lambda segments: _gained(query, segments, names, grid, parts))
    unit = fit.data.unit(fit.system.outcome)
    beyond = {"unit": "share of spend", "threshold": EXTRAPOLATED}
    amounts: dict[str, tuple] = {"spend": (query.spend(names), {"unit": MONEY})}
    if query.exposures(names):
        amounts["units"] = query.units(names), units_attrs(fit, names)
    return xr.Dataset(
        {
            **{
                part: (*query.label_places(values, "channel", "factor"), {"unit": unit})
                for part, values in gained.items()
            },
            **{
                name: (*query.known_places(values[..., None] * grid, "channel", "factor"), attrs)
                for name, (values, attrs) in amounts.items()
            },
            "extrapolated": (*query.known_places(_beyond(query, names, grid), "channel", "factor"), beyond),
        },
        {**query.coords, "channel": list(names), "factor": grid},
        {**query.attrs, "unit": unit},
    )


def _gained(
    query: Query, segments: list[Segment], names: Sequence[str], grid: np.ndarray, parts: bool
) -> dict[str, np.ndarray]:
    shape = len(segments[0].base.rows.draws), len(query.places), len(names), len(grid)
    out = {"outcome": np.zeros(shape), **({"direct": np.zeros(shape)} if parts else {})}
    for j, name in enumerate(names):
        for k, factor in enumerate(grid):
            if factor != 1.0:
                for part, moved in _moved(segments, name, factor, parts).items():
                    out[part][..., j, k] = query.added(moved)
    gained = {part: values - values[..., :1] for part, values in out.items()}
    return gained | ({"indirect": gained["outcome"] - gained["direct"]} if parts else {})


def _moved(segments: list[Segment], name: str, factor: float, parts: bool) -> dict[str, np.ndarray]:
    """Outcome with the spend of a channel multiplied, less the outcome as it is: (S, G); also directly alone."""
    system = segments[0].base.rows.system
    inputs = system.equation(system.outcome).inputs
    none = np.zeros((len(segments[0].base.rows.draws), len(segments[0].base.rows.geos)))
    out = {"outcome": none, **({"direct": none} if parts else {})}
    for segment, columns, past in propagated(segments, multiplied([name], factor)):
        for part in out:
            moved = [n for n in inputs if n in columns and (part == "outcome" or n == name)]
            if moved:
                out[part] = out[part] + segment.gain(segment.base.latent[system.outcome], moved, columns, past)[0]
    return out


def _beyond(query: Query, names: Sequence[str], grid: np.ndarray) -> np.ndarray:
    """Share of spend (P, channel, factor) in periods above the highest spend of the fitted periods."""
    shares = [[shares_beyond(query, n, f * query.units_by_period(n)) for f in grid] for n in names]
    return np.moveaxis(np.array(shares), -1, 0)


def adstock_decay(fit: Fit, *, days: float | None = None) -> xr.Dataset:
    """How much of the pressure of a spend is left after so many days: 0.5 ** (lag / half-life).

    Parameters
    ----------
    fit : Fit
    days : float, optional
        Longest lag; by default four times the largest posterior median of a half-life.

    Returns
    -------
    xarray.Dataset
        For every equation with media a variable of its name, dims chain, draw, (geo,) ``<equation>.media``, lag: a
        share, of each geo where half-lives are pooled. Coord lag in days. Under ``max_lag`` the curve holds up to that
        lag only, and is 0 beyond.

    Raises
    ------
    ConvergenceError, SettingError
        When the sampler failed; for an impossible number of draws or days.
    AnswerError, AnswerSizeError
        When no equation has media, or the answer would not fit into memory.

    Examples
    --------
    >>> decay = adstock_decay(fit)  # doctest: +SKIP
    """
    query = open_query(fit)
    acting = [equation for equation in fit.system.equations if equation.media]
    if not acting:
        raise AnswerError(
            "no equation has media, so that there is no carryover to show; list channels under media"
        )
    if days is None:
        days = 4.0 * max(np.median(query.parameters[e.name]["half_life"], axis=0).max() for e in acting)
    lag = np.linspace(0.0, check_number(days, "days", above=0.0, advice="as days=60"), 61)
    variables, coords = {}, {**query.coords, "lag": ("lag", lag, {"unit": "days"})}
    for equation in acting:
        dim = f"{equation.name}.media"
        coords[dim] = list(equation.media)
        half_life = query.parameters[equation.name]["half_life"][query.draws]
        check_size((*half_life.shape, len(lag)), "the decay", REDUCE)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(lag > 0.0, 0.5 ** (lag / half_life[..., None]), 1.0)
        if equation.max_lag is not None:
            left = np.where(lag <= equation.max_lag * fit.data.days_per_period, left, 0.0)
        places = (GEO,) if half_life.ndim > 2 else ()
        coords |= {GEO: list(fit.data.geos)} if places else {}
        variables[equation.name] = (
            *query.label(left, *places, dim, "lag"),
            {"unit": "share of the pressure left"},
        )
    return xr.Dataset(variables, coords, {"verdict": query.attrs["verdict"]})
