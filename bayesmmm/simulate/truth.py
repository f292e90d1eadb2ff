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
from bayesmmm.equations import MMM, Equation

#: Parts of a series that are not columns.
PARTS = ("intercept", "trend", "seasonality", "residual")


@dataclass(frozen=True, eq=False)
class Truth:
    """The truth of a simulated world.

    Attributes
    ----------
    parameters : xarray.Dataset
        Variables and dims of ``fit.posterior`` without chain and draw, such as ``revenue.half_life`` by
        ``revenue.media``. They are restated on the scales that the simulated series imply
        (``world.data.scales()``), as those of a fit are, so that truth and posterior can be laid side by side.
    components : xarray.Dataset
        Variable ``<equation>``, dims (``<equation>.component``, date): intercept, trend, seasonality, each linear
        term relative to its mean, each media term, residual. They add up to the latent series in units of the
        column: to the series itself under "normal" and "student_t", to the series before it is cut at zero under
        "censored_normal", to the log of the series under "lognormal" (attribute ``scale``).
    effects : xarray.Dataset
        Dim channel, the exogenous media; sums over the periods of the data in units of the outcome. ``spend``;
        ``total``, the outcome less the outcome with the channel at zero, mediators responding, residuals kept,
        amplitudes frozen; ``direct``, the same with mediators held at what they were; ``indirect``, the rest;
        ``roi``, ``roi_direct`` and ``roi_indirect``, these over spend. By mediator (dim mediator): ``via``, the
        indirect effect by the last mediator on the path, mediators switched in causal order, 0 for one that only
        moves other mediators; ``induced``, the change of the mediator in its own units. ``roi_net`` adds the induced
        spend of paid mediators to the denominator. Attribute ``window="outcome"``: what the spend still does after
        the last period is not counted.
    """

    parameters: xr.Dataset
    components: xr.Dataset
    effects: xr.Dataset

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, texts and numbers that JSON can hold; floats round-trip exactly."""
        return {field.name: _plain_dataset(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Truth":
        """Return the truth that `to_dict` wrote.

        Parameters
        ----------
        plain : mapping
            What `to_dict` returned, possibly through JSON.
        """
        return cls(**{field.name: _read_dataset(plain[field.name]) for field in fields(cls)})

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
    restated = engine.rescale(system, parameters, scales, data.scales())
    labelled = engine.to_dataset(system, restated, data, chains=1).isel(chain=0, draw=0, drop=True)
    amplitude = base.rows.amplitude

    def series(do: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        run = engine.run(system, parameters, data, scales, residual=residual, amplitude=amplitude, do=do)
        return {name: run.columns[name][0] for name in system.order}

    return Truth(
        parameters=labelled,
        components=_components(system, data, scales, parameters, residual, amplitude),
        effects=zero_out(system, data, series),
    )


def _components(system, data, scales, parameters, residual, amplitude) -> xr.Dataset:
    variables, coords = {}, {"date": data.dates}
    for name in system.order:
        equation = system.equation(name)
        parts = _parts(equation, data, scales, parameters[name], amplitude[name])
        parts["residual"] = residual[name][0, 0]
        size, values = scales.size[name].item(), np.stack(list(parts.values()))
        scale = "log" if equation.family.log_scale else "latent" if equation.family.censored else "observed"
        if equation.family.log_scale:
            values[0] += np.log(size)  # the intercept carries the unit, so that the sum is the log of the series
        else:
            values *= size
        dim = f"{name}.component"
        coords[dim] = list(parts)
        variables[name] = ((dim, "date"), values, {"scale": scale})
    return xr.Dataset(variables, coords)


def _parts(equation: Equation, data: MMMData, scales: Scales, par: Mapping, amplitude: np.ndarray) -> dict:
    """Terms (T,) of the latent mean on the scale of the equation, by name."""
    seen = engine.inputs(equation, data, scales)
    linear = seen.design[0] * par["coefficient"][0]
    terms = equation.terms()
    parts = {"intercept": linear[:, 0]}
    for k, term in enumerate(terms[1:], start=1):
        part = term if term in equation.linear else equation.term_kind(term)
        parts[part] = parts.get(part, 0.0) + linear[:, k]
    if equation.media:
        response, _ = engine.media_term(equation, seen.media, par, data.days_per_period, amplitude)
        parts |= dict(zip(equation.media, response[0, 0], strict=True))
    return parts


def zero_out(system: MMM, data: MMMData, series: Callable[[Mapping[str, np.ndarray]], Mapping]) -> xr.Dataset:
    """Effects of every exogenous channel, from any process that can be run again with columns set.

    Parameters
    ----------
    system : MMM
        Tells channels, mediators and the causal order.
    data : MMMData
        Spend, and which mediators are paid.
    series : callable
        Columns set by intervention, name -> (1, T) -> every endogenous series, name -> (1, T), with the residuals of
        the world. ``series({})`` gives the world itself.

    Returns
    -------
    xarray.Dataset
        ``Truth.effects``.
    """
    channels = list(system.channels)
    mediators = list(system.mediators)
    paid = [data.is_money(m) for m in mediators]
    with_all = series({})
    rows: dict[str, list] = {name: [] for name in ("spend", "total", "direct", "indirect", "via", "induced")}
    for channel in channels:
        stop = {channel: np.zeros_like(data.columns[channel])}
        without = series(stop)
        # From "spend stopped, mediators as they were" to "spend stopped", one mediator at a time.
        held = {m: with_all[m] for m in mediators}
        steps = [series(stop | held)[system.outcome]]
        for mediator in mediators:
            held[mediator] = without[mediator]
            steps.append(series(stop | held)[system.outcome])
        outcome_gone = without[system.outcome]
        rows["spend"].append(data.columns[channel].sum())
        rows["total"].append(np.sum(with_all[system.outcome] - outcome_gone))
        rows["direct"].append(np.sum(with_all[system.outcome] - steps[0]))
        rows["indirect"].append(np.sum(steps[0] - outcome_gone))
        rows["via"].append([np.sum(a - b) for a, b in pairwise(steps)])
        rows["induced"].append([np.sum(with_all[m] - without[m]) for m in mediators])
    table = {name: np.array(values) for name, values in rows.items()}
    shape = (len(channels), len(mediators))
    by_mediator = {name: (("channel", "mediator"), table.pop(name).reshape(shape)) for name in ("via", "induced")}
    spend, induced = table["spend"], by_mediator["induced"][1]
    table["roi_net"] = table["total"] / (spend + induced[:, paid].sum(axis=1))
    table |= {f"roi{part}": table[part.strip("_") or "total"] / spend for part in ("", "_direct", "_indirect")}
    return xr.Dataset(
        {name: ("channel", values) for name, values in table.items()} | by_mediator,
        {"channel": channels, "mediator": mediators},
        {"window": "outcome", "unit": data.outcome_unit},
    )


# -------------------------------------------------------------------------------------------- plain and back
def _plain_dataset(data: xr.Dataset) -> dict[str, Any]:
    def plain(array: xr.DataArray) -> dict[str, Any]:
        dates = array.dtype.kind == "M"
        values = pd.DatetimeIndex(array.values).strftime("%Y-%m-%d") if dates else array.values
        return {"dims": list(array.dims), "values": values.tolist(), "attrs": dict(array.attrs)}

    return {
        "coords": {str(name): plain(array) for name, array in data.coords.items()},
        "variables": {str(name): plain(array) for name, array in data.data_vars.items()},
        "attrs": dict(data.attrs),
    }


def _read_dataset(plain: Mapping[str, Any]) -> xr.Dataset:
    def read(name: str, item: Mapping[str, Any]) -> tuple:
        values = pd.DatetimeIndex(item["values"]) if name == "date" else np.array(item["values"])
        return item["dims"], values, item["attrs"]

    return xr.Dataset(
        {name: read(name, item) for name, item in plain["variables"].items()},
        {name: read(name, item) for name, item in plain["coords"].items()},
        plain["attrs"],
    )
