"""A system and its data as a plain `pm.Model`.

Only free parameters with priors, data containers and one observed variable per equation: everything else
(retention, amplitudes, collapsed coefficients, predictions) is computed outside the graph from the draws, because
each further node costs compilation. The observed mediator enters later equations as data.

Names in the model: ``equation.parameter`` with dim ``equation.media`` or ``equation.term``. Where the labels of one
parameter have priors of several families, each family is a variable of its own, ``equation.parameter.Family``.

Linear coefficients with a Normal prior are integrated out of Normal and lognormal equations. Elsewhere they are sampled
as ``equation.rotated``: standard Normal coordinates along the singular directions of the standardised design, in which
the posterior has next to no correlation. Both ways the coefficients themselves are recovered exactly from the draws.

Two equations with correlated residuals are told as p(mediator) p(other | mediator): the coefficients of the mediator are
sampled, so that its residuals are known, and they shift the mean of the other equation and narrow its residuals. The
coefficients of the other are integrated out as ever.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform

from bayesmmm.data import MMMData, Scales
from bayesmmm.engine import check_data, checked_scales, kernel_lag
from bayesmmm.equations import MMM, Equation, Likelihood, check_system, for_data
from bayesmmm.equations.panel import POOLABLE, SPREADS
from bayesmmm.errors import SamplingError
from bayesmmm.inference import ops
from bayesmmm.inference.panel import PANEL_ARRAYS
from bayesmmm.inference.panel_weighted import WEIGHTED_ARRAYS
from bayesmmm.inference.variables import (
    Block,
    blocks,
    collapses,
    geo_pairs,
    linear_scale,
    model_data,
    normal_terms,
    softplus_scale,
    spread_pairs,
)
from bayesmmm.validate import check_flag


# ------------------------------------------------------------------------------------------------- the graph
def build_model(system: MMM, data: MMMData, *, scales: Scales | None = None, collapse: bool = True) -> pm.Model:
    """Build the PyMC model of a system on data.

    For every equation v, on the scale of its mean size::

        v / s_v = W b + media + e ,   media = sum_c contribution_c * hill(a_c) / mean hill(a_c)

    Parameters
    ----------
    system : MMM
        The structural equations.
    data : MMMData
        Observed series.
    scales : Scales, optional
        Frozen scales; by default those of `data`. A simulation study passes the generating ones.
    collapse : bool, default True
        Integrate linear coefficients with a Normal prior out of Normal and lognormal equations. The posterior is the
        same without, only slower.

    Returns
    -------
    pymc.Model
        Observed variables carry the names of the equations and hold the series in shares of its mean size (their
        logs under "lognormal"), dims (geo, date).

    Raises
    ------
    EquationError, DataError
        When system and data do not fit together; see `check_system`.
    PanelError
        When the system says how geos share it, and there is one.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> world = mm.load_case("social_search")
    >>> model = mm.build_model(world.system, world.data)
    >>> [rv.name for rv in model.observed_RVs]
    ['google', 'revenue']
    """
    check_data(data)
    check_system(system, data)
    system = for_data(system, data)
    scales = checked_scales(system, data, scales)
    arrays = model_data(system, data, scales, collapse=check_flag(collapse, "collapse", SamplingError))
    with pm.Model(coords=_coords(system, data, collapse)) as model:
        left: dict[str, tuple] = {}
        for name in system.order:
            containers = _containers(name, arrays)
            left[name] = _add_equation(
                system.equation(name), data, containers, collapses(system, name, collapse), left
            )
    return model


def _coords(system: MMM, data: MMMData, collapse: bool) -> dict:
    coords = {"geo": list(data.geos), "date": data.dates.strftime("%Y-%m-%d").tolist()}
    for name in system.order:
        for block in blocks(system.equation(name), data, collapse=collapses(system, name, collapse)):
            if block.dim is not None:
                coords[block.dim] = list(block.labels)
    return coords


def _containers(name: str, arrays: Mapping[str, np.ndarray]) -> dict:
    dims = {"observed": ("geo", "date"), "offset": ("geo", "date")}
    return {
        key.removeprefix(f"{name}."): pm.Data(key, value, dims=dims.get(key.removeprefix(f"{name}.")))
        for key, value in arrays.items()
        if key.startswith(f"{name}.") and "." not in key.removeprefix(f"{name}.")
    }


def _add_equation(equation: Equation, data: MMMData, box: dict, collapsed: bool, left: Mapping) -> tuple:
    """Add an equation; returns its residuals, None where they are not explicit, and their scale.

    `left` holds what this function returned for earlier equations.
    """
    values: dict[str, dict] = {}
    scalars = {}
    for block in blocks(equation, data, collapse=collapsed):
        variable = _variable(block)
        if block.dim is None or block.parameter == "sigma":
            scalars[block.parameter] = variable
        else:
            values.setdefault(block.parameter, {})[block.labels] = variable
    known = _media(equation, values, data, box)
    if "design" in box:
        # Rare: a coefficient with a prior that is not Normal. A sum, not a matrix product: calls to BLAS in the graph
        # are slow to compile.
        explicit = tuple(t for t in equation.terms() if t not in normal_terms(equation))
        coefficient = _ordered(values["coefficient"], explicit)
        known = known + (box["design"] * coefficient[:, None, None]).sum(axis=0)
    if "offset" in box:
        known = known + box["offset"]
    sigma, residual = scalars["sigma"], None
    center, given = _given_mediator(equation, values, box, sigma, left)
    logp: Callable
    random: Callable
    omega = scalars.get("omega", box["omega"][0] if "omega" in box else np.float64(0.0))
    if "standard_period" in values:
        known = known + omega * next(iter(values["standard_period"].values()))[None, :]
    kept = box.get("kept")
    if collapsed and "seen" in box:
        logp, random = _weighted_logp, _weighted_random
        signature = "(g,t),(g),(),(t,g),(i,t,g),(j,t,g),(g,p,p)->(g,t)"
        args = [pt.broadcast_to(sigma, (len(data.geos),)), omega, *(box[key] for key in WEIGHTED_ARRAYS)]
    elif collapsed and equation.panel:
        logp, random = _panel_logp, _panel_random
        signature = "(g,t),(),(),(i,t),(k,t),(j,t,g),(j,t),(i),(p,p),(p,p),(i,j,g),(i,j,j)->(g,t)"
        args = [given, omega, *(box[key] for key in PANEL_ARRAYS)]
    elif collapsed:
        logp, random, signature = _collapsed(kept), _collapsed_random, "(g,t),(),(p,n),(p)->(g,t)"
        args = [given, box["basis"], box["basis_variance"]]
    else:
        logp, random = _explicit(
            equation.family, kept, box["edges"].eval() if equation.has_sigma_per_geo else None
        )
        signature = f"(g,t),(k,n),(k),({'g' * equation.has_sigma_per_geo}),()->(g,t)"
        rotated = next(iter(values["rotated"].values())) if "rotated" in values else np.zeros(0)
        nu = 2.0 + scalars["nu_minus_two"] if "nu_minus_two" in scalars else pt.constant(0.0)
        args = [box["directions"], rotated, given, nu]
        linear = (box["directions"] * pt.as_tensor_variable(rotated)[:, None]).sum(axis=0)
        if kept is None:
            residual = box["observed"] - known - linear.reshape(box["observed"].shape)
        else:
            left = box["observed"].flatten()[kept] - known.flatten()[kept] - linear
            residual = pt.zeros_like(known).flatten()[kept].set(left).reshape(box["observed"].shape)
    pm.CustomDist(
        equation.name,
        known if center is None else known + center,
        *args,
        logp=logp,
        random=random,
        signature=signature,
        observed=box["observed"],
        dims=("geo", "date"),
    )
    return residual, sigma


def _by_geo(
    equation: Equation, values: dict, data: MMMData, parts: Mapping[tuple, pt.TensorVariable]
) -> pt.TensorVariable:
    """Contributions (G, C), from those of the median geo by channel, or those of each geo by channel and geo."""
    known = {label for labels in parts for label in labels}
    pairs = spread_pairs(equation, data, SPREADS[0])
    if not known & set(pairs):  # one for all geos that buy a channel
        buys = data.bought(equation.media).T
        pairs = {c: (c, tuple(np.flatnonzero(buy))) for c, buy in zip(equation.media, buys, strict=True)}
    return _laid_out(equation, data, parts, pairs) * _factor(equation, values, data, "contribution")


def _factor(equation: Equation, values: dict, data: MMMData, of: str) -> pt.TensorVariable:
    """Factors (G, C) by which a parameter of channels differs between geos."""
    moves = pt.zeros((len(data.geos), len(equation.media)))
    for spread in equation.spreads:
        if spread.of == of:
            z = _laid_out(equation, data, values[spread.z], spread_pairs(equation, data, spread))
            moves = moves + _ordered(values[spread.tau], equation.media)[None, :] * z
    return pt.exp(moves)


def _laid_out(equation: Equation, data: MMMData, parts: Mapping, pairs: Mapping) -> pt.TensorVariable:
    """Values by label as (G, C), 0 where no label is about channel and geo."""
    labels = [label for part in parts for label in part]
    index = np.full((len(data.geos), len(equation.media)), len(labels))
    for label, (channel, geos) in pairs.items():
        index[list(geos), equation.media.index(channel)] = labels.index(label)
    return pt.concatenate([*parts.values(), pt.zeros(1)])[index]


def _given_mediator(equation: Equation, values: dict, box: dict, sigma: pt.TensorVariable, left: Mapping) -> tuple:
    """Mean (None for 0) and scale of the residuals, given those of the mediator that they are correlated with."""
    if equation.tied_to is None:
        return None, sigma
    rho = (next(iter(values["rho"].values())) if "rho" in values else box["rho"])[0]
    residual, scale = left[equation.tied_to]
    return rho * sigma / scale * residual, sigma * pt.sqrt(1.0 - rho**2)


class _Linear(Transform):
    """``value = middle + scale * u``."""

    name = "linear"

    def __init__(self, middle: np.ndarray, scale: np.ndarray):
        self.middle, self.scale = middle, scale

    def backward(self, value, *inputs):
        return self.middle + self.scale * value

    def forward(self, value, *inputs):
        return (value - self.middle) / self.scale

    def log_jac_det(self, value, *inputs):
        return np.log(self.scale) + 0.0 * value


class _ScaledSoftplus(Transform):
    """``value = scale * log(1 + exp(u))``: logarithmic near zero, linear from `scale` on, below zero where that is."""

    name = "softplus"

    def __init__(self, scale: np.ndarray):
        self.scale = scale

    def backward(self, value, *inputs):
        return self.scale * pt.softplus(value)

    def forward(self, value, *inputs):
        return pt.log(pt.expm1(value / self.scale))

    def log_jac_det(self, value, *inputs):
        return np.log(np.abs(self.scale)) - pt.softplus(-value)


def _contribution_transform(block: Block) -> dict:
    """Transform of a contribution with an unbounded prior."""
    scales = [softplus_scale(prior, block.parameter) for prior in block.priors]
    lines = [linear_scale(prior, block.parameter) for prior in block.priors]
    if None not in lines:
        return {"default_transform": _Linear(*np.array(lines).T)}
    return {} if None in scales else {"default_transform": _ScaledSoftplus(np.array(scales))}


def _variable(block: Block) -> pt.TensorVariable:
    """Free variable of the model."""
    how = _contribution_transform(block)
    if block.family != "NegativeHalfStudentT":
        return getattr(pm, block.family)(block.variable, **block.args, dims=block.dim, **how)
    args = list(block.args.values())
    return pm.CustomDist(
        block.variable, *args, logp=_negative_logp, random=_negative_random, dims=block.dim, **how
    )


def _negative_logp(value, nu, sigma):
    return pm.logp(pm.HalfStudentT.dist(nu=nu, sigma=sigma), -value)


def _negative_random(nu, sigma, rng=None, size=None):
    return -np.abs(sigma * rng.standard_t(nu, size=size))


def _ordered(parts: Mapping[tuple, pt.TensorVariable], labels: tuple[str, ...]) -> pt.TensorVariable:
    """Join the variables of one parameter into one vector in the order of `labels`."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    have = [label for part in parts for label in part]
    joined = pt.concatenate(list(parts.values()))
    order = [have.index(label) for label in labels]
    return joined if order == sorted(order) else joined[order]


def _either(first: dict, second: dict, convert) -> dict:
    """Variables of a parameter and, converted, those of its other parametrisation."""
    return first | {labels: convert(labels, variable) for labels, variable in second.items()}


def _media(equation: Equation, values: dict, data: MMMData, box: dict) -> pt.TensorVariable:
    if not equation.media:
        return pt.zeros_like(box["observed"])
    decay = _either(
        values.get("retention", {}),
        values.get("half_life", {}),
        lambda _, half_life: pt.exp(-np.log(2.0) / half_life),
    )
    channel_of = {label: channel for label, (channel, _) in geo_pairs(equation, data).items()}
    with_roi = next((b.labels for b in equation.parameters() if b.name == "roi"), ())
    contribution = _either(
        values.get("contribution", {}),
        values.get("roi", {}),
        lambda labels, roi: (
            roi * box["contribution_per_roi"][[with_roi.index(channel_of.get(c, c)) for c in labels]]
        ),
    )
    order, x, days, geos = equation.media, box["media_input"], box["media_days"], len(data.geos)
    keep, half, slope = (_ordered(part, order) for part in (decay, values["half_saturation"], values["slope"]))
    if equation.panel is None:
        own = _ordered(contribution, order)[None, :]
    else:
        own = _by_geo(equation, values, data, contribution)
    channels = len(order)
    if equation.panel and equation.panel.pooled:  # a channel in a geo is one of all geos, bought nowhere else
        place, channels = np.eye(geos)[:, :, None], geos * channels
        x = (place[..., None] * x[None]).reshape((geos, channels, -1))
        own = (place * own[None]).reshape((geos, channels))
        days = pt.tile(days, (geos, 1))
        longer, later, steeper = (_factor(equation, values, data, name) for name in POOLABLE)
        # The power of a retention is the inverse of the factor of its half-life.
        keep = (keep ** (1.0 / longer)).flatten()
        half, slope = (half * later).flatten(), (slope * steeper).flatten()

    def response(of: slice, dates: slice) -> pt.TensorVariable:
        before, lag = np.zeros((of.stop - of.start, channels)), kernel_lag(equation)
        lengths = days if alike else days[:, dates.start : dates.stop + max(lag, 0)]
        return ops.media_response(x[of, :, dates], lengths, before, keep, half, slope, own[of], max_lag=lag)

    periods, alike = len(data.dates), data.calendar.even
    if data.has_row.all():
        return response(slice(0, geos), slice(0, periods))
    rows = []
    for g, there in enumerate(data.has_row):  # one geo after another, over its own periods
        first, last = np.flatnonzero(there)[[0, -1]]
        around = [np.zeros((1, first)), np.zeros((1, periods - last - 1))]
        inside = response(slice(g, g + 1), slice(first, last + 1))
        rows.append(pt.concatenate([around[0], inside, around[1]], axis=1))
    return pt.concatenate(rows, axis=0)


# --------------------------------------------------------------------------------------- observed variables
def _rows(series, kept):
    """Cells (1, N) of a series (G, T) that are observed, or all of them as they are."""
    return series if kept is None else series.flatten()[kept][None]


def _collapsed(kept):
    """Log density of a national series with its coefficients integrated out."""

    def logp(value, media, sigma, basis, variance):
        return ops.CollapsedNormal()(_rows(value, kept), _rows(media, kept), sigma, basis, variance)[0]

    return logp


def _collapsed_random(media, sigma, basis, variance, rng=None, size=None):
    batch = tuple(size) if size is not None else media.shape[:-2]
    n = media.shape[-2] * media.shape[-1]
    sigma = np.asarray(sigma)[..., None]
    z = rng.standard_normal((*batch, variance.shape[-1])) * np.sqrt(variance)
    noise = sigma * rng.standard_normal((*batch, n)) + np.einsum("...p,...pn->...n", z, basis)
    return media + noise.reshape(*batch, *media.shape[-2:])


def _panel_logp(value, media, sigma, omega, *arrays):
    return ops.CollapsedPanel()(value, media, sigma, omega, *arrays)[0]


def _panel_random(media, sigma, omega, own, calendar, wide, *products, rng=None, size=None):
    batch = tuple(size) if size is not None else media.shape[:-2]
    geos, periods = media.shape[-2:]
    apart = rng.standard_normal((*batch, geos, own.shape[-2]))
    shared = rng.standard_normal((*batch, calendar.shape[-2] + wide.shape[-3]))
    effect = np.asarray(omega)[..., None] * rng.standard_normal((*batch, periods))
    effect = effect + shared[..., : calendar.shape[-2]] @ calendar
    by_geo = (apart - apart.mean(axis=-2, keepdims=True)) @ own
    by_geo = by_geo + np.einsum("...j,...jtg->...gt", shared[..., calendar.shape[-2] :], wide)
    noise = np.asarray(sigma)[..., None, None] * rng.standard_normal((*batch, geos, periods))
    return media + by_geo + effect[..., None, :] + noise


def _weighted_logp(value, media, sigma, omega, *arrays):
    return ops.CollapsedWeighted()(value, media, sigma, omega, *arrays)[0]


def _weighted_random(media, sigma, omega, seen, own, shared, gram, rng=None, size=None):
    batch = tuple(size) if size is not None else media.shape[:-2]
    geos, periods = media.shape[-2:]
    linear = np.einsum("...gi,...itg->...gt", rng.standard_normal((*batch, geos, own.shape[-3])), own)
    linear = linear + np.einsum("...j,...jtg->...gt", rng.standard_normal((*batch, shared.shape[-3])), shared)
    effect = np.asarray(omega)[..., None] * rng.standard_normal((*batch, periods))
    noise = np.asarray(sigma)[..., None] * rng.standard_normal((*batch, geos, periods))
    return media + linear + effect[..., None, :] + noise


def _explicit(family: Likelihood, kept, edges: np.ndarray | None):
    """Log density and random draws of an explicit likelihood, of some cells, with a scale for each geo or for all."""
    density = ops.ExplicitLikelihood(family.density_code)

    def logp(value, known, directions, rotated, sigma, nu):
        y, mean = _rows(value, kept), _rows(known, kept)
        if edges is None:
            return density(y, mean, directions, rotated, sigma, nu)[0]
        groups = [slice(int(a), int(b)) for a, b in pairwise(edges)]
        return sum(
            density(y[:, own], mean[:, own], directions[:, own], rotated, sigma[g], nu)[0]
            for g, own in enumerate(groups)
        )

    def random(known, directions, rotated, sigma, nu, rng=None, size=None):
        batch = tuple(size) if size is not None else known.shape[:-2]
        shape = (*batch, *known.shape[-2:])
        mean = known + np.einsum("...k,...kn->...n", rotated, directions).reshape(known.shape)
        by_geo = edges is not None
        sigma = np.asarray(sigma)[..., None] if by_geo else np.asarray(sigma)[..., None, None]
        nu = np.asarray(nu)[..., None, None]
        value = mean + sigma * family.noise(nu, shape, rng)
        return np.maximum(value, 0.0) if family.censored else value

    return logp, random
