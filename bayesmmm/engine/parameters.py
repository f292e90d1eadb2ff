"""Parameters as arrays: drawn from priors, restated on other scales, labelled and read back."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM, Equation
from bayesmmm.equations.panel import POOLABLE
from bayesmmm.errors import PriorError

#: Equation name -> parameter name -> values. half_life, half_saturation, slope (draw, channel); contribution
#: (draw, geo, channel); coefficient (draw, term); sigma and, under student_t, nu_minus_two (draw,); rho (draw, 1) where
#: it has a prior: one that is assumed stays in the system. On a panel coefficient has axes (draw, geo, term), those of
#: curves that are pooled (draw, geo, channel), sigma may have (draw, geo), and with period effects there are also omega
#: (draw,) and period (draw, date); tau (draw, channel) and median_contribution (draw, channel) where contributions are
#: pooled in part, and those of curves that are, are for the record. Of one geo alone its curves are (draw, channel).
Parameters = Mapping[str, Mapping[str, np.ndarray]]

_PER_CHANNEL = POOLABLE
#: What may differ from geo to geo, and is no number where a geo never buys a channel.
_OF_BUYERS = (*POOLABLE, "contribution")
_SCALARS = ("sigma", "nu_minus_two", "omega")


def recorded(equation: Equation) -> tuple[str, ...]:
    """Sds of what differs between geos, and medians of it over geos: (draw, channel) each."""
    medians = dict.fromkeys(f"median_{spread.of}" for spread in equation.spreads)
    return (*(spread.tau for spread in equation.spreads), *medians)


def draw_prior(
    system: MMM,
    data: MMMData,
    scales: Scales,
    *,
    draws: int,
    rng: np.random.Generator,
    observed_mediators: bool = False,
) -> dict[str, dict[str, np.ndarray]]:
    """Draw every parameter of every equation from its prior.

    Parameters
    ----------
    draws : int
    observed_mediators : bool
        Whether the mediators in `data` are real series, whose mean spend turns an ROI into a contribution.

    Raises
    ------
    PriorError
        When an ROI prior sits on a mediator that has yet to be simulated.
    """
    unknown = () if observed_mediators else system.order
    out = {}
    for name in system.order:
        equation = system.equation(name)
        drawn: dict[str, Any] = {}
        for block in equation.parameters():
            many = len(data.geos)
            own = {"contribution", "roi"} if equation.panel and equation.panel.pooling == "none" else set()
            own |= {"sigma"} if equation.has_sigma_per_geo else set()
            values = [
                np.asarray(
                    p.draw(rng, (draws, many) if label in equation.per_geo or block.name in own else draws), float
                )
                for label, p in zip(block.labels or (None,), block.priors, strict=True)
            ]
            drawn[block.name] = dict(zip(block.labels, values, strict=True)) if block.labels else values[0]
        for spread in equation.spreads:
            group = np.arange(len(data.geos))
            if spread.by_group and equation.panel:
                _, group = np.unique(data.levels[str(equation.panel.group)], return_inverse=True)
            deviation = rng.standard_normal((draws, group.max() + 1, len(equation.media)))[:, group]
            drawn[spread.z] = dict(zip(equation.media, np.moveaxis(deviation, -1, 0), strict=True))
        if equation.panel and equation.has_period_effects:
            if equation.panel.omega is not None:
                drawn["omega"] = np.full(draws, equation.panel.omega)
            drawn["period"] = drawn["omega"][:, None] * rng.standard_normal((draws, len(data.dates)))
        out[name] = to_engine_parameters(equation, drawn, data, scales, endogenous=unknown)
    return out


def to_engine_parameters(
    equation: Equation, drawn: Mapping, data: MMMData, scales: Scales, *, endogenous=()
) -> dict:
    """Bring sampled blocks to the engine's parameters: retention to half-life, ROI to contribution.

    Parameters
    ----------
    drawn : mapping
        Block name -> label -> (S,) array, and (S,) arrays for scalars. On a panel a label may have an array (S, G); then
        also z, and the other deviations, -> channel -> (S, G), and period (S, T).
    endogenous : sequence of str
        Columns on which an ROI prior is refused, because their spend is not data here.
    """
    half_life = dict(drawn.get("half_life", {}))
    for label, value in drawn.get("retention", {}).items():
        with np.errstate(divide="ignore"):
            half_life[label] = -math.log(2.0) * data.days_per_period / np.log(value)
    contribution = dict(drawn.get("contribution", {}))
    for label, value in drawn.get("roi", {}).items():
        if label in endogenous:
            raise PriorError(
                f"equation {equation.name!r} has an roi prior on {label!r}, which is itself explained by the "
                f"system: its spend is not known before it is simulated. Put the prior on contribution instead."
            )
        contribution[label] = value * spend_per_size(equation, label, data, scales)

    def table(values: Mapping) -> np.ndarray:
        columns = [values[label] for label in equation.media]
        draws = len(drawn["sigma"])
        return np.stack(columns, axis=-1) if columns else np.empty((draws, 0))

    shared = {
        "half_life": half_life,
        "half_saturation": drawn.get("half_saturation", {}),
        "slope": drawn.get("slope", {}),
    }
    out = {name: table(values) for name, values in shared.items()}
    out |= {name: drawn[name] for name in (*_SCALARS, "period") if name in drawn}
    if equation.panel is None:
        out["contribution"] = np.repeat(table(contribution)[:, None, :], len(data.geos), axis=1)
        out["coefficient"] = np.stack([drawn["coefficient"][term] for term in equation.terms()], axis=-1)
        return out | ({"rho": np.stack([*drawn["rho"].values()], axis=-1)} if "rho" in drawn else {})
    if "rho" in drawn:
        out["rho"] = np.stack([*drawn["rho"].values()], axis=-1)
    shape = (len(drawn["sigma"]), len(data.geos))
    coefficients = [_per_geo(drawn["coefficient"][term], shape) for term in equation.terms()]
    out["coefficient"] = np.stack(coefficients, axis=-1)
    shared["contribution"] = contribution
    for spread in equation.spreads:
        values = shared[spread.of]
        out[spread.tau] = table(drawn[spread.tau])
        if f"median_{spread.of}" not in out:
            out[f"median_{spread.of}"] = table(values)
        factor = {c: np.exp(drawn[spread.tau][c][:, None] * z) for c, z in drawn[spread.z].items()}
        shared[spread.of] = {c: _per_geo(value, shape) * factor[c] for c, value in values.items()}

    def by_geo(values: Mapping) -> np.ndarray:
        columns = [_per_geo(values[c], shape) for c in equation.media]
        return np.stack(columns, axis=-1) if columns else np.empty((*shape, 0))

    curves = equation.panel.pooled if equation.media else ()
    out |= {name: by_geo(shared[name]) for name in curves}
    return out | {"contribution": by_geo(shared["contribution"]) * data.bought(equation.media)}


def _per_geo(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Values (S,) or (S, G) as (S, G)."""
    return np.broadcast_to(values if values.ndim == 2 else values[:, None], shape)


def spend_per_size(equation: Equation, channel: str, data: MMMData, scales: Scales) -> float:
    """Mean spend of a channel, in money, over mean size of the outcome: contribution = roi * this.

    Of the median geo of those that buy it, on a panel.
    """
    known = data.recorded(channel)
    paid = data.spend_of(channel)
    spend = paid.mean(axis=-1)
    if not known.all():  # over the periods of each geo
        spend = np.where(known, paid, 0.0).sum(axis=-1) / known.sum(axis=-1)
    share = spend / scales.size[equation.name]
    return float(np.median(share[data.bought([channel])[:, 0]]))


def rescale(system: MMM, parameters: Parameters, old: Scales, new: Scales) -> dict[str, dict[str, np.ndarray]]:
    """Restate parameters given on `old` scales on `new` ones: the same equations in other units.

    The trend origin of both scales must agree. Needed where a world was simulated on scales that differ from
    those which its realised series imply.
    """
    out = {}
    for name in system.order:
        equation, par = system.equation(name), parameters[name]
        log = equation.family.log_scale
        size = float((old.size[name] / new.size[name]).item())
        unit = 1.0 if log else size
        terms = equation.terms()
        b = par["coefficient"].astype(float).copy()
        for k, term in enumerate(terms):
            if term in equation.linear:
                b[:, 0] += b[:, k] * (new.center[term] - old.center[term]) / old.spread[term]
                b[:, k] *= new.spread[term] / old.spread[term]
        b *= unit
        if log:
            b[:, 0] += math.log(size)
        ratio = np.array([(old.spend[c] / new.spend[c]).item() for c in equation.media])
        out[name] = {
            **par,
            "half_saturation": par["half_saturation"] * ratio,
            "contribution": par["contribution"] * unit,
            "coefficient": b,
            "sigma": par["sigma"] * unit,
        }
    return out


def layout(system: MMM, geos: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], dict[str, list[str]]]:
    """Dims of every variable ``equation.parameter`` beside chain and draw, and the labels of these dims."""
    places = ("geo",) if len(geos) > 1 else ()
    dims: dict[str, tuple[str, ...]] = {}
    labels: dict[str, list[str]] = {}
    for name in system.order:
        equation = system.equation(name)
        blocks = {block.name for block in equation.parameters()}
        if equation.media:
            labels[f"{name}.media"] = list(equation.media)
            dims |= {
                f"{name}.{parameter}": (f"{name}.media",) for parameter in (*_PER_CHANNEL, *recorded(equation))
            }
            own = ("contribution", *(equation.panel.pooled if equation.panel else ()))
            dims |= {f"{name}.{parameter}": (*places, f"{name}.media") for parameter in own}
        labels[f"{name}.term"] = list(equation.terms())
        dims[f"{name}.coefficient"] = (*(places if equation.panel else ()), f"{name}.term")
        dims |= {f"{name}.{parameter}": () for parameter in equation.scalars}
        dims |= {f"{name}.sigma": places} if equation.has_sigma_per_geo else {}
        if equation.has_period_effects:
            dims |= {f"{name}.omega": (), f"{name}.period": ("date",)}
        if "rho" in blocks:
            labels[f"{name}.mediator"] = [str(equation.tied_to)]
            dims[f"{name}.rho"] = (f"{name}.mediator",)
    return dims, labels | ({"geo": list(geos)} if places else {})


def to_dataset(system: MMM, parameters: Parameters, data: MMMData, *, chains: int) -> xr.Dataset:
    """Label parameters: variables ``equation.parameter`` with dims chain, draw, then geo, media or term.

    Parameters
    ----------
    parameters : Parameters
        Leading axis chains * draws, chain by chain.
    """
    dims, labels = layout(system, data.geos)
    variables: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    for variable, own in dims.items():
        name, _, parameter = variable.rpartition(".")
        value = parameters[name][parameter]
        # No number where there is nothing to know.
        if parameter in _OF_BUYERS and system.equation(name).panel and value.ndim == 3:
            value = np.where(data.bought(labels[f"{name}.media"]), value, np.nan)
        if len(data.geos) == 1 and (value.ndim == 3 or (parameter == "sigma" and value.ndim == 2)):
            value = value[:, 0]
        variables[variable] = (("chain", "draw", *own), value.reshape(chains, -1, *value.shape[1:]))
    n_draw = next(iter(variables.values()))[1].shape[1]
    dates = {"date": data.dates} if any("date" in own for own in dims.values()) else {}
    return xr.Dataset(variables, {"chain": np.arange(chains), "draw": np.arange(n_draw), **labels, **dates})


def to_arrays(system: MMM, posterior: xr.Dataset) -> dict[str, dict[str, np.ndarray]]:
    """Read parameters from a labelled data set, by name: the inverse of `to_dataset`."""
    out = {}
    for name in system.order:
        equation = system.equation(name)
        par = {}
        order = {f"{name}.media": list(equation.media), f"{name}.term": list(equation.terms())}
        order = {
            d: labels for d, labels in order.items() if d in posterior and posterior[d].values.tolist() != labels
        }
        pooled = equation.panel.pooled if equation.panel else ()
        by_geo = ("contribution", *(("coefficient",) if equation.panel else ()))
        for parameter in (
            *_PER_CHANNEL,
            *recorded(equation),
            "contribution",
            "coefficient",
            *_SCALARS,
            "period",
            "rho",
        ):
            key = f"{name}.{parameter}"
            if key not in posterior:
                continue
            value = posterior[key]
            value = value.sel({dim: labels for dim, labels in order.items() if dim in value.dims})
            array = value.values.reshape(-1, *value.shape[2:])
            if array.ndim == 2 and parameter in by_geo:
                array = array[:, None, :]  # of one geo
            if parameter == "contribution" and equation.panel:
                array = np.nan_to_num(array)
            par[parameter] = np.ascontiguousarray(array)
        for parameter in pooled:  # of a channel that a geo never buys any curve will do
            own, median = par[parameter], par[f"median_{parameter}"]
            par[parameter] = np.where(np.isnan(own), median[:, None] if own.ndim > 2 else median, own)
        if not equation.media:
            empty = np.empty((len(par["sigma"]), 0))
            par |= dict.fromkeys(_PER_CHANNEL, empty) | {"contribution": empty[:, None, :]}
        out[name] = par
    return out
