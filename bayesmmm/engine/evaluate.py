"""Running the equations: latent means, residuals, interventions, densities."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from bayesmmm import kernels
from bayesmmm.data import MMMData, Scales
from bayesmmm.engine.inputs import media_inputs, retention
from bayesmmm.engine.parameters import Parameters
from bayesmmm.equations import MMM, Equation, design_matrix, observe


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
        parts.append(kernels.amplitudes(plan, np.zeros(plan.shape[:2]), *args, kernel_lag(equation)))
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
    return linear + media_term(equation, media, par, amplitude, days)[:, :, 0]


def media_term(
    equation: Equation,
    media: np.ndarray,
    par: Mapping[str, np.ndarray],
    amplitude: np.ndarray,
    days: float,
    *,
    by_channel: bool = False,
) -> np.ndarray:
    """Media term with frozen amplitudes: (S, G, 1, T), or (S, G, C, T) `by_channel`."""
    plans = media[None] if media.ndim == 3 else media
    return kernels.media_response(
        plans,
        np.zeros((1, *plans.shape[1:3])),
        retention(par["half_life"], days),
        par["half_saturation"],
        par["slope"],
        amplitude,
        kernel_lag(equation),
        by_channel,
    )


def kernel_lag(equation: Equation) -> int:
    """``max_lag`` as the kernels take it: -1 for none."""
    return -1 if equation.max_lag is None else equation.max_lag


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
