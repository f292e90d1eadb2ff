"""The accounting view of an equation: parts that add up to its mean in every draw and period."""

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine, kernels
from bayesmmm.data.calendars import PERIOD_WORD
from bayesmmm.data.checks import PERIOD_EFFECTS
from bayesmmm.equations import MMM, Equation, expected
from bayesmmm.equations.text import reached
from bayesmmm.errors import AnswerError
from bayesmmm.estimands.query import REDUCE, By, Query, open_query, row_bytes
from bayesmmm.results import Fit
from bayesmmm.validate import PATHS, check_choice, check_size

#: How far parts may miss the mean, in multiples of the mean size of the series. More is a defect of this package.
TOLERANCE = 1e-8
FREQUENCIES = {"month": "M", "quarter": "Q", "year": "Y"}


@dataclass(frozen=True)
class Component:
    """One part of an equation, with the channel and the mediator that it is about."""

    label: str
    kind: str  # base, control, event, direct, via or organic
    channel: str = ""
    mediator: str = ""

    @property
    def origin(self) -> str:
        """Channel, control or event that it goes back to; "" of what is a mediator's own."""
        return "" if self.kind == "organic" else self.label.removesuffix(_via(self.mediator))


def decompose(
    fit: Fit,
    equation: str | None = None,
    *,
    plan: pd.DataFrame | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    freq: str | None = None,
    paths: int = PATHS,
    seed: int = 0,
    by: By | None = None,
) -> xr.Dataset:
    """Split the mean of a series into parts that add up, in every draw and period.

    Parts are intercept, trend, seasonality, each control counted from its reference (`Equation`: 0 for a promotion, the
    mean for a price), each event and pool of events counted from a period without them, each channel's direct part, the
    part of channels, controls and events through each mediator, and each mediator's organic part, which holds its
    residual. Of a mediator that is never below zero, controls and events have at most what channels leave of it. A
    mediator's response is shared out by its adstocked parts, ``(a_k / a) A hill(a)``, 0 where a = 0: the Aumann-Shapley
    share. The mean is ``E(v_t)`` given the observed inputs; where it is not linear in
    its terms ("lognormal", "censored_normal"), the lift of the media over the no-media mean is shared in proportion to
    the media terms, and that of the linear terms over the intercept in proportion to the linear terms. An equation with
    a rho has one more linear term, "common with" its mediator: what the mediator's residual says about its own, as an
    unobserved cause of both would have it. On a panel "period effects" are what all geos have in common in a period,
    counted from zero.

    With a plan also the periods after the history: parts of ``predict(fit, plan)``, with the carry-over of the history
    and residuals of mediators integrated over. They are counted as those of the history are, so that both go on into
    each other: ``start`` may lie in the history. What residuals tell of the past ends with it: "common with" a mediator
    and period effects have no expected part in the future, or next to none.

    This is accounting, not zero-out: with saturation, what a channel gets here is not what would be lost without it.
    `effects` tells that.

    Parameters
    ----------
    fit : Fit
    equation : str, optional
        The outcome by default.
    plan : DataFrame, optional
        Future spend and controls, as in `predict`.
    start, stop : str or date, optional
        Periods to return, both included, of history and plan; by default all fitted ones, or those of the plan.
    freq : {"month", "quarter", "year"}, optional
        Add up periods by the calendar month (quarter, year) of their date.
    paths : int
        Residual paths of mediators that periods after the data are averaged over, per draw.
    seed : int
        Of residuals of censored periods, and of mediators in the future.
    by : str or mapping of str to sequence of str, optional
        As in `effects`; by default parts are added up over geos.

    Returns
    -------
    xarray.Dataset
        ``contribution`` (chain, draw, component, date), ``mean`` (chain, draw, date), their sum over components,
        ``observed`` (date), NaN in the future, all in units of the series. Coords on component: ``kind`` (base, control,
        event, direct, via, organic), ``channel``, ``mediator``: what a control or an event does through a mediator is
        of its kind, and names the mediator; on date: ``periods``, how many periods are added up, as months differ in
        their weeks. ``attrs["reference"]`` has the levels of controls, as JSON. With `freq`, date is the first day of
        the month (quarter, year). With `by` all three have a dim geo (or the name of the column, or geo_group), after
        draw where they have one.

    Raises
    ------
    ConvergenceError
        When the sampler failed.
    AnswerSizeError
        When the answer would not fit into memory: keep fewer draws, or add up by month.
    UnknownTermError, WindowError, SettingError
        For an unknown equation, a window outside the data, impossible settings.
    PlanError, DataError
        When the plan does not continue the history or cannot be used.
    AnswerError
        When a column has the name of a part, or parts miss the mean.

    References
    ----------
    Aumann and Shapley (1974), Values of Non-Atomic Games, doi:10.1515/9781400867080.

    Examples
    --------
    >>> parts = decompose(fit, freq="quarter")  # doctest: +SKIP
    >>> parts["contribution"].median(("chain", "draw"))  # doctest: +SKIP
    """
    query = open_query(fit, start=start, stop=stop, plan=plan, paths=paths, seed=seed, by=by)
    name, line = fit.system.checked(equation), query.timeline
    if freq is not None:
        check_choice(freq, "freq", FREQUENCIES, "or left out")
    components, levels = _components(query, name), query.references
    dates = line.dates[line.window]
    labels, place = by_calendar(dates, freq)
    first, last = np.flatnonzero(line.window)[[0, -1]]
    check_size(query.shape(len(components), len(labels)), "the decomposition", f"{REDUCE}, or pass freq='month'")

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        whole = np.zeros(())
        for base in _segments(query, draws):
            parts = _parts(base, name, components, levels)
            _check_sum(base, name, parts)
            whole = whole + np.stack([query.added_own(part)[..., first : last + 1] for part in parts], axis=2)
        return {"parts": _added_up(whole / _paths(query), place, len(labels))}

    # Parts are written several times over: they should stay near the processor meanwhile.
    cells = len(fit.data.geos) * len(line.dates)
    memory = 2.0 * row_bytes(fit, line.fitted + _paths(query) * line.planned) + 48.0 * len(components) * cells
    parts = engine.map_draws(work, query.draws, memory)["parts"]
    unit, often = {"unit": fit.data.unit(name)}, fit.data.frequency
    known = query.added_own(fit.data.columns[name][None])[0]
    known = np.pad(known, [(0, 0), (0, line.planned)], constant_values=np.nan)
    observed = _added_up(known[:, line.window], place, len(labels))
    return xr.Dataset(
        {
            "contribution": (*query.label_places(parts, "component", "date"), unit),
            "mean": (*query.label_places(parts.sum(axis=2), "date"), unit),
            "observed": (*query.known_places(observed, "date"), unit),
        },
        {
            **query.coords,
            "component": [c.label for c in components],
            "date": labels,
            "periods": ("date", np.bincount(place, minlength=len(labels))),
            **{k: ("component", [getattr(c, k) for c in components]) for k in ("kind", "channel", "mediator")},
        },
        {
            **query.attrs,
            "equation": name,
            "freq": freq or often,
            "period": PERIOD_WORD[often],
            **unit,
            **_references(query, name),
        },
    )


def series_total(parts: xr.Dataset) -> float:
    """Sum of the series over the periods of a decomposition: as observed, expected where nothing was recorded.

    What shares are of. A sum of the recorded values alone would be of fewer periods than the parts.
    """
    expected = parts["mean"].mean([dim for dim in parts["mean"].dims if dim not in parts["observed"].dims])
    return float(parts["observed"].fillna(expected).sum())


# ---------------------------------------------------------------------------------------------------- what there is
def _components(query: Query, name: str) -> list[Component]:
    fit, system = query.fit, query.fit.system
    equation = system.equation(name)
    mediators = [m for m in system.mediators if m in equation.inputs]
    out = [Component("intercept", "base")]
    out += [Component("trend", "base")] if equation.trend else []
    out += [Component("seasonality", "base")] if equation.seasonality else []
    out += [Component(PERIOD_EFFECTS, "base")] if "period" in query.parameters[name] else []
    out += [Component(common(m), "base") for m in equation.rho]
    out += [Component(n, "control") for n in equation.linear if n not in mediators]
    out += [Component(n, "event") for n in _events(equation)]
    out += [Component(n, "direct", n) for n in equation.media if n not in mediators]
    for m in mediators:
        out += [Component(f"{c}{_via(m)}", "via", c, m) for c in reaching(fit, m)]
        out += [Component(f"{n}{_via(m)}", kind, "", m) for n, kind in moving(fit, m).items()]
        out.append(Component(f"{m} organic", "organic", "", m))
    return out


def _via(mediator: str) -> str:
    """What stands behind the name of a part that goes through a mediator."""
    return f" via {mediator}" if mediator else ""


def common(mediator: str) -> str:
    """Label of the part of a residual that is told by the residual of a mediator correlated with it."""
    return f"common with {mediator}"


def reaching(fit: Fit, mediator: str) -> list[str]:
    """Exogenous channels that act on a mediator, directly or through other mediators, in the order of the data."""
    system = fit.system
    channels = {channel for equation in _behind(system, mediator) for channel in equation.media}
    return [n for n in system.exogenous if n in channels]


def moving(fit: Fit, mediator: str) -> dict[str, str]:
    """Controls and events that act on a mediator, directly or through others, and their kinds; no channels."""
    system, equations = fit.system, _behind(fit.system, mediator)
    channels, linear = reaching(fit, mediator), {n for e in equations for n in e.linear}
    out = {n: "control" for n in system.exogenous if n in linear and n not in channels}
    return out | {n: "event" for e in equations for n in _events(e)}


def _behind(system: MMM, mediator: str) -> list[Equation]:
    """Equations of a mediator and of all that it depends on."""
    names = reached([mediator], {e.name: [n for n in e.inputs if n in system.order] for e in system.equations})
    return [system.equation(name) for name in system.order if name in names]


def _events(equation: Equation) -> tuple[str, ...]:
    return (*equation.events, *equation.pooled_events)


def _references(query: Query, name: str) -> dict[str, str]:
    """Levels that the controls of a series are counted from, its mediators' included."""
    system = query.fit.system
    names = dict.fromkeys(n for equation in _behind(system, name) for n in equation.linear)
    levels = query.references
    return {"reference": json.dumps({n: levels[n] for n in names})}


# ------------------------------------------------------------------------------------------------------ numbers
def _parts(
    base: engine.Baseline, name: str, components: list[Component], levels: Mapping[str, float]
) -> list[np.ndarray]:
    """Parts (S, G, T) of the mean of a series, in its units, by component; controls are counted from their levels."""
    rows = base.rows
    equation = rows.system.equation(name)
    linear, media = _terms(base, equation, levels)
    center, sigma = _moments(base, name)
    linear |= {common(m): center for m in equation.rho}
    floor = linear["intercept"]
    no_media = sum(linear.values())
    whole = base.latent[name] + center

    def mean(latent: np.ndarray) -> np.ndarray:
        return expected(equation, latent, sigma, rows.scales)

    size, wide = rows.scales.size[name][:, None], sigma.reshape(*sigma.shape, *(1,) * (3 - sigma.ndim))
    lift = size * equation.family.mean_secant(no_media, whole, wide)
    rise = size * equation.family.mean_secant(floor, no_media, wide)
    values = {(key, ""): rise * v for key, v in linear.items()} | {("intercept", ""): mean(floor)}
    values |= {key: lift * v for key, v in media.items()}
    keys = [(c.origin, c.mediator) for c in components]
    return [np.broadcast_to(values[key], whole.shape) for key in keys]


def _paths(query: Query) -> int:
    """How many paths of residuals are averaged over."""
    return query.paths if query.timeline.planned else 1


def _segments(query: Query, draws: np.ndarray) -> Iterator[engine.Baseline]:
    """The fitted periods, or with a plan each path of residuals of these and those after them."""
    past, line, paths = query.history(draws), query.timeline, _paths(query)
    if not line.planned:
        yield past
        return
    ahead = engine.future(past, line.dates[line.fitted :], line.columns, seed=query.seed, paths=paths)
    for path in range(paths):
        yield engine.joined(past, ahead, path)


def _moments(base: engine.Baseline, name: str) -> tuple[np.ndarray | float, np.ndarray]:
    """What the residual of a mediator says of that of a series, and the scale of what is left."""
    if name in base.noise:
        return base.noise[name]
    return engine.given_mediator(base.rows.system.equation(name), base.rows.parameters, base.residual)


def _terms(base: engine.Baseline, equation: Equation, levels: Mapping[str, float]) -> tuple[dict, dict]:
    """Terms of a latent mean: linear ones by name, those of media and mediators by (origin, mediator)."""
    rows, name = base.rows, equation.name
    linear = _linear_terms(base, equation, levels)
    media: dict[tuple[str, str], np.ndarray] = {}
    for channel in equation.media:
        if channel not in rows.system.order:
            media[channel, ""] = base.term[name, channel]
    for mediator in rows.system.mediators:
        if mediator in equation.inputs:
            media |= _shared(base, equation, mediator, levels)
    return linear, media


def _linear_terms(base: engine.Baseline, equation: Equation, levels: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Intercept, trend, seasonality, controls and events (R, G, T), period effects (R, 1, T); no mediators.

    Columns are standardised around their means: what lies between these and the levels is moved to the intercept.
    """
    system = base.rows.system
    keep: dict[str, list[int]] = {}
    for k, term in enumerate(equation.terms()):
        key = equation.part_of(term)
        if key not in system.order:
            keep.setdefault(key, []).append(k)
    design, par = base.design[equation.name], base.rows.parameters[equation.name]
    own = (
        [par["coefficient"]] * len(design)
        if par["coefficient"].ndim == 2
        else np.moveaxis(par["coefficient"], 1, 0)
    )
    pairs = list(zip(own, design, strict=True))
    out = {key: np.stack([b[:, at] @ x[:, at].T for b, x in pairs], axis=1) for key, at in keep.items()}
    rows = base.rows
    for n in equation.linear:
        if levels[n] != rows.scales.center[n]:
            moved = rows.slope(equation.name, n) * (levels[n] - rows.scales.center[n])
            out["intercept"] = out["intercept"] + moved
            if n in out:
                out[n] = out[n] - moved
    return out | ({PERIOD_EFFECTS: par["period"][:, None]} if "period" in par else {})


def _shared(
    base: engine.Baseline, equation: Equation, mediator: str, levels: Mapping[str, float]
) -> dict[tuple[str, str], np.ndarray]:
    """Terms of one mediator in an equation, by channel, control and event, and organic under its own name."""
    rows, column = base.rows, base.columns[mediator]
    parts = _parts_of_series(base, mediator, levels, cut=mediator in equation.media)
    origins = list(parts)
    shape = base.latent[mediator].shape
    out: dict[tuple[str, str], np.ndarray] = {}
    if mediator in equation.linear:
        whole = rows.slope(equation.name, mediator) * (column - levels[mediator])
        shares = [rows.slope(equation.name, mediator) * parts[k] for k in origins]
    else:
        whole = base.term[equation.name, mediator]
        c = equation.media.index(mediator)
        half_life = rows.parameters[equation.name]["half_life"][..., c]
        keep = engine.retention(half_life, engine.step_days(equation, [mediator], rows.calendar)[0])
        days = engine.period_days(equation, [mediator], rows.calendar, base.start, base.periods)[0]
        active = np.where(column > 0.0, 1.0, 0.0)
        unit = rows.scales.spend[mediator][:, None]
        stacked = [np.broadcast_to(parts[k] * active / unit, shape) for k in origins]
        shares = []
        if origins:
            by_origin = _by_adstock(
                engine.scaled(rows, mediator, column),
                np.stack(stacked, axis=2),
                whole,
                days,
                keep,
                engine.kernel_lag(equation),
            )
            shares = [by_origin[:, :, k] for k in range(len(origins))]
    out |= {(origin, mediator): share for origin, share in zip(origins, shares, strict=True)}
    out["", mediator] = whole - sum(shares) if shares else whole
    return out


def _by_adstock(
    x: np.ndarray, parts: np.ndarray, whole: np.ndarray, days: np.ndarray, keep: np.ndarray, lag: int
) -> np.ndarray:
    """`kernels.aumann_shapley_shares` with a retention (R,) that geos share, or (R, G) where each has its own."""

    def shares(x: np.ndarray, parts: np.ndarray, whole: np.ndarray, keep: np.ndarray) -> np.ndarray:
        return kernels.aumann_shapley_shares(x, parts, whole, days, keep, lag)

    return engine.geo_by_geo(shares, (x, parts, whole), (keep,), shared=1)


def _parts_of_series(
    base: engine.Baseline, mediator: str, levels: Mapping[str, float], *, cut: bool
) -> Mapping[str, np.ndarray]:
    """What each channel, control and event adds to an observed mediator, in its units: (R, G, T). The rest is organic.

    Channels lift the series over what it is without them, controls and events what is then left: of a series that ends
    at zero, or is `cut` there as a Hill curve takes it, no more than that. Its latent value without them may lie far
    below zero, where a series has nothing to lose.
    """
    rows = base.rows
    equation = rows.system.equation(mediator)
    linear, media = _terms(base, equation, levels)
    channels = {n for e in _behind(rows.system, mediator) for n in e.media}
    by_channel, others = dict[str, np.ndarray](), dict[str, np.ndarray]()
    own = {n: linear[n] for n in (*equation.linear, *_events(equation)) if n in linear}
    for origin, term in [*((origin, term) for (origin, _), term in media.items() if origin), *own.items()]:
        into = by_channel if origin in channels else others
        into[origin] = into.get(origin, 0.0) + term
    size, taken, out = rows.scales.size[mediator][:, None], np.zeros(()), dict[str, np.ndarray]()
    left = base.columns[mediator]
    for terms in (by_channel, others):
        if terms:
            lift = engine.add(rows, list(terms.values()))
            per_term = size * equation.family.series_secant(base.columns[mediator] / size, lift, taken)
            if terms is others and (cut or equation.family.censored):
                per_term = per_term * _at_most(per_term * lift, left)
            out |= {origin: per_term * term for origin, term in terms.items()}
            taken, left = lift, left - per_term * lift
    return out


def _at_most(amount: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Share of an amount that what is left allows."""
    over = amount > np.maximum(left, 0.0)
    return np.where(over, np.maximum(left, 0.0) / np.where(over, amount, 1.0), 1.0)


def _check_sum(base: engine.Baseline, name: str, parts: list[np.ndarray]) -> None:
    """Refuse parts that do not add up to the mean in every geo."""
    rows = base.rows
    center, sigma = _moments(base, name)
    mean = expected(rows.system.equation(name), base.latent[name] + center, sigma, rows.scales)
    miss, size = sum(parts[1:], parts[0]) - mean, rows.scales.size[name]
    off = (np.abs(miss).max(axis=(0, 2)) / np.maximum(size, np.abs(mean).max(axis=(0, 2)))).max()
    if not off <= TOLERANCE:
        raise AnswerError(
            f"the parts of {name!r} miss its mean by {off:.1e} of its size, more than {TOLERANCE:.0e}: parameters lie "
            f"outside what double precision can hold; look at fit.summary() for extreme values"
        )


# --------------------------------------------------------------------------------------------------------- calendar
def by_calendar(dates: pd.DatetimeIndex, freq: str | None) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Labels of the aggregated periods, and the label that each date belongs to."""
    if freq is None:
        return dates, np.arange(len(dates))
    place, labels = pd.factorize(dates.to_period(FREQUENCIES[freq]))
    return pd.DatetimeIndex(labels.to_timestamp(), name="date"), place


def _added_up(values: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    """Sum over dates that share a place; dates are in order."""
    if count == len(place):
        return values
    first = np.searchsorted(place, np.arange(count))
    return np.add.reduceat(values, first, axis=-1)
