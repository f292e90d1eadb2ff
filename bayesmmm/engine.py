"""The only evaluator: a system, parameters and inputs give series, with or without an intervention.

Works on arrays shaped (draw, geo, channel, date). Parameters are plain arrays with a leading draw axis; `stack`
and `unstack` translate them from and to labelled data sets. The engine knows nothing of PyMC, of how the draws
were made, or of tables and plots.

Terms: *latent* is the right-hand side of an equation on its own scale (shares of mean size, or their log), with
`residual` added; *series* is what is observed, in the units of the column.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from scipy import special

from bayesmmm import kernels
from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM, Equation, design_matrix
from bayesmmm.errors import PriorError

__all__ = [
    "Inputs",
    "Parameters",
    "Run",
    "amplitudes",
    "draw_prior",
    "expected",
    "inputs",
    "latent",
    "log_likelihood",
    "observe",
    "rescale",
    "residual_draws",
    "residuals",
    "retention",
    "run",
    "stack",
    "to_latent",
    "unstack",
]

#: Equation name -> parameter name -> values. half_life, half_saturation, slope (draw, channel); contribution
#: (draw, geo, channel); coefficient (draw, term); sigma and, under student_t, nu_minus_two (draw,).
Parameters = Mapping[str, Mapping[str, np.ndarray]]

_PER_CHANNEL = ("half_life", "half_saturation", "slope")
_SCALARS = ("sigma", "nu_minus_two")


def retention(half_life, days_per_period: float):
    """Share of adstock kept into the next period, ``0.5 ** (days per period / half-life in days)``."""
    with np.errstate(divide="ignore"):
        return np.exp(-math.log(2.0) * days_per_period / np.asarray(half_life, float))


# ------------------------------------------------------------------------------------------ inputs and scales
@dataclass(frozen=True)
class Inputs:
    """What one equation sees of the data, on its own scale.

    Attributes
    ----------
    target : (G, T) array
        The series it explains, in shares of mean size (logs of them under "lognormal").
    media : (G, C, T) array
        Media inputs in multiples of their mean positive value; a mediator enters as ``max(M, 0)``.
    carry_in : (G, C) array
        Adstock before the first period.
    design : (G, T, K) array
        Columns of the linear part.
    """

    target: np.ndarray
    media: np.ndarray
    carry_in: np.ndarray
    design: np.ndarray


def inputs(equation: Equation, data: MMMData, scales: Scales) -> Inputs:
    """Collect what `equation` sees of `data` on the frozen `scales`."""
    media = media_inputs(equation, data.columns, scales)
    n_geo, n_channel, _ = media.shape
    return Inputs(
        target=to_latent(equation, data.columns[equation.name], scales),
        media=media,
        carry_in=np.zeros((n_geo, n_channel)),
        design=design_matrix(equation, data.dates, data.columns, scales, geos=len(data.geos)),
    )


def media_inputs(equation: Equation, columns: Mapping[str, np.ndarray], scales: Scales) -> np.ndarray:
    """Media columns over their mean positive value, (..., G, C, T); leading axes broadcast."""
    size = {name: np.nan_to_num(scales.spend[name], nan=1.0)[:, None] for name in equation.media}
    parts = [np.maximum(columns[name], 0.0) / size[name] for name in equation.media]
    if not parts:
        n_geo, n_time = next(iter(columns.values())).shape[-2:]
        return np.empty((n_geo, 0, n_time))
    return np.ascontiguousarray(np.stack(np.broadcast_arrays(*parts), axis=-2))


def to_latent(equation: Equation, series: np.ndarray, scales: Scales) -> np.ndarray:
    """Series in units of the column -> the scale of the equation."""
    scaled = series / scales.size[equation.name][:, None]
    return np.log(scaled) if equation.likelihood == "lognormal" else scaled


def observe(equation: Equation, value: np.ndarray, scales: Scales) -> np.ndarray:
    """Latent value with its residual -> series in units of the column."""
    size = scales.size[equation.name][:, None]
    if equation.likelihood == "lognormal":
        return size * np.exp(value)
    return size * (np.maximum(value, 0.0) if equation.likelihood == "censored_normal" else value)


def expected(equation: Equation, mean: np.ndarray, sigma: np.ndarray, scales: Scales) -> np.ndarray:
    """Mean of the series given its latent mean (S, G, T), residuals integrated out, in units of the column."""
    size = scales.size[equation.name][:, None]
    sigma = sigma[:, None, None]
    if equation.likelihood == "lognormal":
        return size * np.exp(mean + 0.5 * sigma**2)
    if equation.likelihood == "censored_normal":
        z = mean / sigma
        return size * (mean * special.ndtr(z) + sigma * np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi))
    return size * mean


# ------------------------------------------------------------------------------------------------- evaluation
def amplitudes(equation: Equation, media: np.ndarray, par: Mapping[str, np.ndarray], days: float) -> np.ndarray:
    """Amplitudes (S, G, C) that give each channel its mean contribution over the fitted periods.

    `media` is (G, C, T), or (S, G, C, T) where every draw has its own path of a simulated mediator.
    """
    plans = media[None] if media.ndim == 3 else media
    shape = [retention(par["half_life"], days), par["half_saturation"], par["slope"]]
    parts = []
    for i, plan in enumerate(plans):
        rows = slice(None) if len(plans) == 1 else slice(i, i + 1)
        args = [np.ascontiguousarray(p[rows]) for p in (*shape, par["contribution"])]
        parts.append(kernels.amplitudes(plan, np.zeros(plan.shape[:2]), *args, _lag(equation)))
    return np.concatenate(parts)


def latent(
    equation: Equation,
    media: np.ndarray,
    design: np.ndarray,
    par: Mapping[str, np.ndarray],
    amplitude: np.ndarray,
    days: float,
) -> np.ndarray:
    """Latent mean (S, G, T): media term with frozen amplitudes plus the linear part.

    `media` is (G, C, T) or (S, G, C, T); `design` is (G, T, K) or (S, G, T, K).
    """
    rows = "sgtk" if design.ndim == 4 else "gtk"
    linear = np.einsum(f"{rows},sk->sgt", design, par["coefficient"])
    if not equation.media:
        return linear
    plans = media[None] if media.ndim == 3 else media
    response = kernels.media_response(
        plans,
        np.zeros((1, *plans.shape[1:3])),
        retention(par["half_life"], days),
        par["half_saturation"],
        par["slope"],
        amplitude,
        _lag(equation),
        False,
    )
    return linear + response[:, :, 0]


def _lag(equation: Equation) -> int:
    return -1 if equation.max_lag is None else equation.max_lag


def residual_draws(equation: Equation, par: Mapping[str, np.ndarray], shape, rng: np.random.Generator):
    """Draw latent residuals of shape (S, G, T)."""
    sigma = par["sigma"][:, None, None]
    if equation.likelihood == "student_t":
        return sigma * rng.standard_t(2.0 + par["nu_minus_two"][:, None, None], size=shape)
    return sigma * rng.standard_normal(shape)


def residuals(
    equation: Equation,
    target: np.ndarray,
    mean: np.ndarray,
    par: Mapping[str, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Structural residuals (S, G, T) of observed periods.

    In a censored period the residual is not observed: one value per draw comes from its truncated Normal.
    """
    out = target - mean
    if equation.likelihood == "censored_normal":
        at = np.broadcast_to(target <= 0.0, out.shape)
        sigma = np.broadcast_to(par["sigma"][:, None, None], out.shape)[at]
        bound = -mean[at] / sigma
        # Inverse distribution function in logs, so that a bound far in the tail stays exact.
        u = np.log(rng.uniform(size=bound.shape)) + special.log_ndtr(bound)
        out[at] = sigma * special.ndtri_exp(u)
    return out


@dataclass(frozen=True)
class Run:
    """Result of `run`.

    Attributes
    ----------
    series : dict of str to (S, G, T) array
        Every endogenous series, in units of its column.
    latent : dict of str to (S, G, T) array
        Latent mean of every equation, residual not included.
    amplitude : dict of str to (S, G, C) array
        The amplitudes used, to be frozen in counterfactuals.
    """

    series: dict = field(default_factory=dict)
    latent: dict = field(default_factory=dict)
    amplitude: dict = field(default_factory=dict)


def run(
    system: MMM,
    parameters: Parameters,
    data: MMMData,
    scales: Scales,
    *,
    residual: Mapping[str, np.ndarray],
    amplitude: Mapping[str, np.ndarray] | None = None,
    do: Mapping[str, np.ndarray] | None = None,
) -> Run:
    """Run the equations in causal order.

    Parameters
    ----------
    system : MMM
    parameters : Parameters
        With a leading draw axis of S.
    data : MMMData
        Dates and exogenous columns; its endogenous columns are not read.
    scales : Scales
        Frozen scales.
    residual : mapping of str to (S, G, T) array
        Latent residual of every equation.
    amplitude : mapping of str to (S, G, C) array, optional
        Frozen amplitudes of the fitted periods. Without it they are those of this very run, which is how a
        world is simulated.
    do : mapping of str to (G, T) or (S, G, T) array, optional
        Columns set by intervention, in their units. Setting a mediator cuts everything that drives it.

    Returns
    -------
    Run
    """
    do = do or {}
    columns = {**data.columns, **do}
    out = Run()
    for name in system.order:
        equation, par = system.equation(name), parameters[name]
        media = media_inputs(equation, columns, scales)
        frozen = amplitudes(equation, media, par, data.days_per_period) if amplitude is None else amplitude[name]
        design = _design(equation, data, columns, scales)
        mean = latent(equation, media, design, par, frozen, data.days_per_period)
        series = observe(equation, mean + residual[name], scales)
        if name in do:
            series = np.broadcast_to(do[name], series.shape)
        columns[name] = series
        out.series[name], out.latent[name], out.amplitude[name] = series, mean, frozen
    return out


def _design(equation: Equation, data: MMMData, columns: Mapping, scales: Scales) -> np.ndarray:
    """Linear columns; one design per draw where a linear term is itself a simulated series."""
    n_draw = max([columns[n].shape[0] for n in equation.linear if columns[n].ndim == 3], default=0)
    if not n_draw:
        return design_matrix(equation, data.dates, columns, scales, geos=len(data.geos))
    flat = {n: v if v.ndim == 2 else v[0] for n, v in columns.items()}
    one = design_matrix(equation, data.dates, flat, scales, geos=len(data.geos))
    out = np.repeat(one[None], n_draw, axis=0)
    for k, term in enumerate(equation.terms()):
        if term in equation.linear and columns[term].ndim == 3:
            out[..., k] = (columns[term] - scales.center[term]) / scales.spread[term]
    return out


def log_likelihood(
    equation: Equation,
    series: np.ndarray,
    mean: np.ndarray,
    par: Mapping[str, np.ndarray],
    scales: Scales,
) -> np.ndarray:
    """Pointwise log density (S, G, T) of the observed series in its own units, given the latent mean."""
    size = scales.size[equation.name][:, None]
    target = to_latent(equation, series, scales)
    y = np.ascontiguousarray(target).ravel()
    out = np.empty(mean.shape)
    slope = np.empty(y.shape)
    kind = "normal" if equation.likelihood == "lognormal" else equation.likelihood
    kernel = getattr(kernels, kind)
    for s in range(len(mean)):
        extra = (2.0 + par["nu_minus_two"][s],) if kind == "student_t" else ()
        point = np.empty(y.shape)
        kernel(y, np.ascontiguousarray(mean[s]).ravel(), par["sigma"][s], *extra, point, slope)
        out[s] = point.reshape(target.shape)
    if equation.likelihood == "lognormal":
        return out - np.log(series)
    density = np.broadcast_to(-np.log(size), series.shape)
    if equation.likelihood == "censored_normal":  # a censored period has a probability, not a density
        density = np.where(series > 0.0, density, 0.0)
    return out + density


# ------------------------------------------------------------------------------------------------- parameters
def draw_prior(
    system: MMM, data: MMMData, scales: Scales, *, draws: int, rng: np.random.Generator
) -> dict[str, dict[str, np.ndarray]]:
    """Draw every parameter of every equation from its prior.

    Raises
    ------
    PriorError
        When an ROI prior sits on a mediator, whose mean spend is not known before it is simulated.
    """
    out = {}
    for name in system.order:
        equation = system.equation(name)
        drawn = {}
        for block in equation.parameters():
            values = np.stack([np.asarray(p.draw(rng, draws), float) for p in block.priors], axis=-1)
            drawn[block.name] = dict(zip(block.labels, values.T, strict=True)) if block.labels else values[:, 0]
        out[name] = canonical(equation, drawn, data, scales, endogenous=system.order)
    return out


def canonical(equation: Equation, drawn: Mapping, data: MMMData, scales: Scales, *, endogenous=()) -> dict:
    """Bring sampled blocks to the engine's parameters: retention to half-life, ROI to contribution.

    Parameters
    ----------
    drawn : mapping
        Block name -> label -> (S,) array, and (S,) arrays for scalars.
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
    n_geo = len(data.geos)

    def table(values: Mapping) -> np.ndarray:
        columns = [values[label] for label in equation.media]
        draws = len(drawn["sigma"])
        return np.stack(columns, axis=-1) if columns else np.empty((draws, 0))

    out = {
        "half_life": table(half_life),
        "half_saturation": table(drawn.get("half_saturation", {})),
        "slope": table(drawn.get("slope", {})),
        "contribution": np.repeat(table(contribution)[:, None, :], n_geo, axis=1),
        "coefficient": np.stack([drawn["coefficient"][term] for term in equation.terms()], axis=-1),
    }
    return out | {name: drawn[name] for name in _SCALARS if name in drawn}


def spend_per_size(equation: Equation, channel: str, data: MMMData, scales: Scales) -> float:
    """Mean spend of a channel over mean size of the outcome: contribution = roi * this."""
    return float(data.columns[channel].mean() / scales.size[equation.name].mean())


def rescale(system: MMM, parameters: Parameters, old: Scales, new: Scales) -> dict[str, dict[str, np.ndarray]]:
    """Restate parameters given on `old` scales on `new` ones: the same equations in other units.

    The trend origin of both scales must agree. Needed where a world was simulated on scales that differ from
    those which its realised series imply.
    """
    out = {}
    for name in system.order:
        equation, par = system.equation(name), parameters[name]
        log = equation.likelihood == "lognormal"
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


# --------------------------------------------------------------------------------------- labelled <-> plain
def unstack(system: MMM, parameters: Parameters, data: MMMData, *, chains: int) -> xr.Dataset:
    """Label parameters: variables ``equation.parameter`` with dims chain, draw, then geo, media or term.

    Parameters
    ----------
    parameters : Parameters
        Leading axis chains * draws, chain by chain.
    """
    variables, coords = {}, {}
    for name in system.order:
        equation, par = system.equation(name), parameters[name]
        if equation.media:
            coords[f"{name}.media"] = list(equation.media)
        coords[f"{name}.term"] = list(equation.terms())
        for parameter, value in par.items():
            if parameter in (*_PER_CHANNEL, "contribution") and not equation.media:
                continue
            dims = {"coefficient": (f"{name}.term",), "sigma": (), "nu_minus_two": ()}.get(
                parameter, (f"{name}.media",)
            )
            if parameter == "contribution":
                value = value[:, 0] if len(data.geos) == 1 else value
                dims = dims if len(data.geos) == 1 else ("geo", *dims)
            split = value.reshape(chains, -1, *value.shape[1:])
            variables[f"{name}.{parameter}"] = (("chain", "draw", *dims), split)
    n_draw = next(iter(variables.values()))[1].shape[1]
    if len(data.geos) > 1:
        coords["geo"] = list(data.geos)
    return xr.Dataset(variables, {"chain": np.arange(chains), "draw": np.arange(n_draw), **coords})


def stack(system: MMM, posterior: xr.Dataset) -> dict[str, dict[str, np.ndarray]]:
    """Read parameters from a labelled data set, by name: the inverse of `unstack`."""
    out = {}
    for name in system.order:
        equation = system.equation(name)
        par = {}
        for parameter in (*_PER_CHANNEL, "contribution", "coefficient", *_SCALARS):
            key = f"{name}.{parameter}"
            if key not in posterior:
                continue
            value = posterior[key]
            order = {f"{name}.media": list(equation.media), f"{name}.term": list(equation.terms())}
            value = value.sel({dim: labels for dim, labels in order.items() if dim in value.dims})
            array = value.values.reshape(-1, *value.shape[2:])
            if parameter == "contribution" and array.ndim == 2:
                array = array[:, None, :]
            par[parameter] = np.ascontiguousarray(array)
        if not equation.media:
            empty = np.empty((len(par["sigma"]), 0))
            par |= dict.fromkeys(_PER_CHANNEL, empty) | {"contribution": empty[:, None, :]}
        out[name] = par
    return out
