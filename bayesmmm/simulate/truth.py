"""What is true in a simulated world: its parameters, the parts of every series, the effects of every channel.

Computed with the engine from the generating parameters and residuals; knows no posterior.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData, Scales
from bayesmmm.data.checks import PERIOD_EFFECTS
from bayesmmm.equations import MMM, Equation

#: Parts of a series that are not columns.
PARTS = ("intercept", "trend", "seasonality", PERIOD_EFFECTS, "residual")


@dataclass(frozen=True, eq=False)
class Truth:
    """The truth of a simulated world.

    Attributes
    ----------
    parameters : xarray.Dataset
        Variables and dims of ``fit.posterior`` without chain and draw, such as ``revenue.half_life`` by
        ``revenue.media``. They are restated on the scales that the simulated series imply
        (``world.data.scales()``), as those of a fit are, so that truth and posterior can be laid side by side. Those
        of a panel are on ``world.scales``: what geos share on one set of scales they do not share on another.
    components : xarray.Dataset
        Variable ``<equation>``, dims (``<equation>.component``, date), of a panel (``<equation>.component``, geo,
        date): intercept, trend, seasonality, each linear term relative to its mean, each media term, period effects,
        residual. They add up to the latent series in units of the column: to the series itself under "normal" and
        "student_t", to the series before it is cut at zero under "censored_normal", to the log of the series under
        "lognormal" (attribute ``scale``).
    effects : xarray.Dataset
        Dim channel, the exogenous media; sums over the periods of the data in units of the outcome. ``spend``;
        ``total``, the outcome less the outcome with the channel at zero, mediators responding, residuals kept,
        amplitudes frozen; ``direct``, the same with mediators held at what they were; ``indirect``, the rest;
        ``roi``, ``roi_direct`` and ``roi_indirect``, these over spend. By mediator (dim mediator): ``via``, the
        indirect effect by the last mediator on the path, mediators switched in causal order, 0 for one that only
        moves other mediators; ``induced``, the change of the mediator in its own units. ``roi_net`` adds the induced
        spend of paid mediators to the denominator. Attribute ``window="outcome"``: what the spend still does after
        the last period is not counted. Of a panel in total over its geos: sums, and ratios of sums.
    effects_by_geo : xarray.Dataset or None
        Of a panel the same with a dim geo in front; returns are NaN where a geo never buys a channel.
    """

    parameters: xr.Dataset
    components: xr.Dataset
    effects: xr.Dataset
    effects_by_geo: xr.Dataset | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, texts and numbers that JSON can hold; floats round-trip exactly."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: plain_dataset(part) for name, part in parts.items() if part is not None}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Truth":
        """Return the truth that `to_dict` wrote.

        Parameters
        ----------
        plain : mapping
            What `to_dict` returned, possibly through JSON.
        """
        optional = {"effects_by_geo"}
        parts = [field.name for field in fields(cls) if field.name in plain or field.name not in optional]
        return cls(**{name: read_dataset(plain[name]) for name in parts})

    def __repr__(self) -> str:
        table = self.effects[["spend", "total", "direct", "indirect", "roi"]].to_dataframe()
        return f"Truth: effects over the data, in units of the outcome\n{table.round(2).to_string()}"


# ------------------------------------------------------------------------------------------------- computing
def find_truth(
    system: MMM,
    data: MMMData,
    scales: Scales,
    parameters: engine.Parameters,
    residual: Mapping[str, np.ndarray],
    base: engine.Baseline,
) -> Truth:
    """Collect the truth of a world from the run that made its series, generating scales, parameters and residuals."""
    panel = len(data.geos) > 1
    restated = parameters if panel else engine.rescale(system, parameters, scales, data.scales())
    labelled = engine.to_dataset(system, restated, data, chains=1).isel(chain=0, draw=0, drop=True)
    amplitude = base.rows.amplitude

    def series(do: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        run = engine.run(system, parameters, data, scales, residual=residual, amplitude=amplitude, do=do)
        return {name: run.columns[name][0] for name in system.order}

    return Truth(
        parameters=labelled,
        components=_components(system, data, scales, parameters, residual, amplitude),
        effects=zero_out(system, data, series),
        effects_by_geo=zero_out(system, data, series, by_geo=True) if panel else None,
    )


def _components(system, data, scales, parameters, residual, amplitude) -> xr.Dataset:
    places = ("geo",) if len(data.geos) > 1 else ()
    variables, coords = {}, {"date": data.dates} | {place: list(data.geos) for place in places}
    for name in system.order:
        equation = system.equation(name)
        parts = _parts(equation, data, scales, parameters[name], amplitude[name])
        parts["residual"] = residual[name][0]
        shape = (len(data.geos), len(data.dates))
        values = np.stack([np.broadcast_to(part, shape) for part in parts.values()])
        size = scales.size[name][:, None]
        scale = "log" if equation.family.log_scale else "latent" if equation.family.censored else "observed"
        if equation.family.log_scale:
            values[0] += np.log(size)  # the intercept carries the unit, so that the sum is the log of the series
        else:
            values *= size
        dim = f"{name}.component"
        coords[dim] = list(parts)
        variables[name] = ((dim, *places, "date"), values if places else values[:, 0], {"scale": scale})
    return xr.Dataset(variables, coords)


def _parts(equation: Equation, data: MMMData, scales: Scales, par: Mapping, amplitude: np.ndarray) -> dict:
    """Terms (G, T) of the latent mean on the scale of the equation, by name."""
    seen = engine.inputs(equation, data, scales)
    # (G, T, K) times (1, K), or on a panel (1, G, K).
    linear = seen.design * (par["coefficient"][0][:, None] if equation.panel else par["coefficient"][0])
    terms = equation.terms()
    parts = {"intercept": linear[..., 0]}
    for k, term in enumerate(terms[1:], start=1):
        part = equation.part_of(term)
        parts[part] = parts.get(part, 0.0) + linear[..., k]
    if equation.media:
        response, _ = engine.media_term(equation, seen.media, par, data.calendar, amplitude)
        parts |= dict(zip(equation.media, response[0].swapaxes(0, 1), strict=True))
    return parts | ({PERIOD_EFFECTS: par["period"]} if "period" in par else {})


def zero_out(
    system: MMM,
    data: MMMData,
    series: Callable[[Mapping[str, np.ndarray]], Mapping],
    *,
    by_geo: bool = False,
) -> xr.Dataset:
    """Effects of every exogenous channel, from any process that can be run again with columns set.

    Parameters
    ----------
    system : MMM
        Tells channels, mediators and the causal order.
    data : MMMData
        Spend, and which mediators are paid.
    series : callable
        Columns set by intervention, name -> (G, T) -> every endogenous series, name -> (G, T), with the residuals of
        the world. ``series({})`` gives the world itself.
    by_geo : bool
        Tell geos apart, in a dim geo in front; otherwise in total over them.

    Returns
    -------
    xarray.Dataset
        ``Truth.effects``, or ``Truth.effects_by_geo``.
    """
    mediators = list(system.mediators)
    paid = [data.is_money(m) for m in mediators]
    places = ("geo",) if by_geo else ()
    table = {name: _summed(values, by_geo) for name, values in _lost(system, data, series).items()}
    by_mediator = {name: ((*places, "channel", "mediator"), table.pop(name)) for name in ("via", "induced")}
    spend, induced = table["spend"], by_mediator["induced"][1]
    with np.errstate(invalid="ignore"):  # a geo that never buys a channel has no return on it
        table["roi_net"] = table["total"] / (spend + induced[..., paid].sum(axis=-1))
        table |= {f"roi{part}": table[part.strip("_") or "total"] / spend for part in ("", "_direct", "_indirect")}
    coords: dict[str, Any] = {"channel": list(system.channels), "mediator": mediators}
    return xr.Dataset(
        {name: ((*places, "channel"), values) for name, values in table.items()} | by_mediator,
        coords | {place: list(data.geos) for place in places},
        {"window": "outcome", "unit": data.outcome_unit},
    )


def _summed(values: np.ndarray, by_geo: bool) -> np.ndarray:
    """Values (channel, ..., G) in total over geos, or with the axis of geos in front."""
    return np.moveaxis(values, -1, 0) if by_geo else values.sum(axis=-1)


def _lost(system: MMM, data: MMMData, series: Callable) -> dict[str, np.ndarray]:
    """Spend and what is lost without it, (channel, G); by mediator (channel, mediator, G)."""
    mediators = list(system.mediators)
    with_all = series({})
    rows: dict[str, list] = {name: [] for name in ("spend", "total", "direct", "indirect", "via", "induced")}
    for channel in system.channels:
        stop = {channel: np.zeros_like(data.columns[channel])}
        without = series(stop)
        # From "spend stopped, mediators as they were" to "spend stopped", one mediator at a time.
        held = {m: with_all[m] for m in mediators}
        steps = [series(stop | held)[system.outcome]]
        for mediator in mediators:
            held[mediator] = without[mediator]
            steps.append(series(stop | held)[system.outcome])
        outcome_gone = without[system.outcome]
        rows["spend"].append(data.spend_of(channel).sum(axis=-1))
        rows["total"].append((with_all[system.outcome] - outcome_gone).sum(axis=-1))
        rows["direct"].append((with_all[system.outcome] - steps[0]).sum(axis=-1))
        rows["indirect"].append((steps[0] - outcome_gone).sum(axis=-1))
        rows["via"].append([(a - b).sum(axis=-1) for a, b in pairwise(steps)])
        rows["induced"].append([(with_all[m] - without[m]).sum(axis=-1) for m in mediators])
    shape = {name: (len(system.channels), len(mediators), len(data.geos)) for name in ("via", "induced")}
    return {
        name: np.reshape(values, shape.get(name, (len(system.channels), len(data.geos))))
        for name, values in rows.items()
    }


# -------------------------------------------------------------------------------------------- plain and back
def plain_dataset(data: xr.Dataset) -> dict[str, Any]:
    """Write a dataset as plain lists, texts and numbers."""

    def plain(array: xr.DataArray) -> dict[str, Any]:
        dates = array.dtype.kind == "M"
        values = pd.DatetimeIndex(array.values).strftime("%Y-%m-%d") if dates else array.values
        if values.dtype.kind == "f" and np.isnan(values).any():
            values = np.array([None if np.isnan(value) else value for value in values.ravel()]).reshape(
                values.shape
            )
        return {"dims": list(array.dims), "values": values.tolist(), "attrs": dict(array.attrs)}

    return {
        "coords": {str(name): plain(array) for name, array in data.coords.items()},
        "variables": {str(name): plain(array) for name, array in data.data_vars.items()},
        "attrs": dict(data.attrs),
    }


def read_dataset(plain: Mapping[str, Any]) -> xr.Dataset:
    """Read what `plain_dataset` wrote."""

    def read(name: str, item: Mapping[str, Any]) -> tuple:
        values = pd.DatetimeIndex(item["values"]) if name == "date" else np.array(item["values"])
        if values.dtype == object:  # None stands for NaN
            values = values.astype(float)
        return item["dims"], values, item["attrs"]

    return xr.Dataset(
        {name: read(name, item) for name, item in plain["variables"].items()},
        {name: read(name, item) for name, item in plain["coords"].items()},
        plain["attrs"],
    )
