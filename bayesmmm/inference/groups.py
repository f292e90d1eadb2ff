"""From raw draws to the groups of a fit.

Collapsed coefficients, predictive draws and pointwise densities are computed from the draws by the engine; nothing is
compiled for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import Calendar, MMMData, Scales
from bayesmmm.engine import Parameters
from bayesmmm.equations import MMM, Equation, log_likelihood, observe
from bayesmmm.inference.panel import normal_prior
from bayesmmm.inference.variables import (
    LinearPlan,
    blocks,
    collapsed_plan,
    collapses,
    geo_pairs,
    linear_plan,
    normal_terms,
    spread_pairs,
)
from bayesmmm.results import Fit, check_fit, library_versions
from bayesmmm.validate import check_size

PRIOR_DRAWS = 500
#: Values of a group that has one for every draw, geo and period, up to which it is kept.
MOST_POINTWISE = 1e7


def complete(trace: xr.DataTree, system: MMM, data: MMMData, scales: Scales, settings: Mapping) -> xr.DataTree:
    """Return the groups of a fit, from the draws of the sampler."""
    raw = trace["posterior"].to_dataset()
    chains, draws = raw.sizes["chain"], raw.sizes["draw"]
    streams = np.random.default_rng(settings["seed"]).spawn(3)
    parameters: dict[str, dict] = {}
    sampled: dict[str, dict] = {}
    residual: dict[str, np.ndarray] = {}
    for name in system.order:
        equation = system.equation(name)
        collapsed = collapses(system, name, settings["collapse"])
        drawn = _read_blocks(equation, data, raw, collapsed)
        rotated = drawn.pop("rotated", {})
        seen = engine.inputs(equation, data, scales)
        normal = normal_terms(equation)
        drawn["coefficient"] = dict.fromkeys(normal, np.zeros(chains * draws)) | drawn.get("coefficient", {})
        if equation.panel:
            known = _Known(system, parameters, data, scales)
            _draw_panel(equation, seen, drawn, rotated, known, streams[0], collapsed)
            parameters[name] = engine.to_engine_parameters(equation, drawn, data, scales)
            sampled[name] = drawn
            continue
        plan = linear_plan(equation, seen.design, seen.seen)
        par = engine.to_engine_parameters(equation, drawn, data, scales)
        if collapsed:
            center, sigma = engine.given_mediator(equation, {**parameters, name: par}, residual)
            given = {**par, "sigma": sigma}
            z = draw_coordinates(equation, seen, given, plan, data.calendar, streams[0], center=center)
        else:
            z = _coordinates(rotated, len(drawn["sigma"]))
        drawn["coefficient"] |= plan.by_term(z)
        par["coefficient"] = np.stack([drawn["coefficient"][term] for term in equation.terms()], axis=-1)
        parameters[name], sampled[name] = par, drawn
        if any(e.tied_to == name for e in system.equations):
            residual[name] = seen.target - engine.latent_mean(equation, seen, par, data.calendar)
            residual[name] = np.where(seen.seen, residual[name], 0.0)
    cells = len(system.order) * len(data.geos) * len(data.dates)
    pointwise = len(data.geos) == 1 or chains * draws * cells <= MOST_POINTWISE
    groups = {
        "posterior": engine.to_dataset(system, parameters, data, chains=chains),
        "sample_stats": _with_texts(trace["sample_stats"].to_dataset()),
        **(predictive_groups(system, parameters, data, scales, chains, streams[1]) if pointwise else {}),
        "log_prior": _log_prior(system, sampled, (chains, draws)),
        **_prior_groups(system, data, scales, streams[2]),
        "observed_data": _series({n: data.columns[n] for n in system.order}, data),
        "constant_data": _series({n: data.columns[n] for n in system.exogenous}, data),
    }
    attrs = _attributes(settings)
    for group in groups.values():
        group.attrs |= attrs | ({"sample_dims": ["chain", "draw"]} if "draw" in group.dims else {})
    return xr.DataTree.from_dict(groups)


def _attributes(settings: Mapping) -> dict[str, Any]:
    """Attributes that ArviZ gives to groups: what made them, and when."""
    versions = library_versions()
    library = settings["sampler"] if settings["sampler"] in versions else "bayesmmm"  # which made a preview
    return {
        "created_at": datetime.now(UTC).isoformat(),
        "creation_library": "bayesmmm",
        "creation_library_version": versions["bayesmmm"],
        "creation_library_language": "Python",
        "inference_library": library,
        "inference_library_version": versions[library],
        "tuning_steps": settings["tune"],
    }


def _with_texts(stats: xr.Dataset) -> xr.Dataset:
    """Statistics in which what is a text in some draws is one in all: a file has no column of texts and numbers."""
    mixed = {name: values for name, values in stats.data_vars.items() if values.dtype == object}
    return stats.assign(
        {
            name: (values.dims, [[text if isinstance(text, str) else "" for text in row] for row in values.values])
            for name, values in mixed.items()
        }
    )


def _read_blocks(equation: Equation, data: MMMData, raw: xr.Dataset, collapse: bool) -> dict:
    """Draws (S,) of each label of each parameter; (S, G) where the labels are of channels in geos."""
    drawn: dict[str, Any] = {}
    pairs = {label: (c, (g,)) for label, (c, g) in geo_pairs(equation, data).items()} if equation.panel else {}
    about = {spread.z: spread_pairs(equation, data, spread) for spread in equation.spreads}
    for block in blocks(equation, data, collapse=collapse):
        values = raw[block.variable]
        if block.dim is None:
            drawn[block.parameter] = values.values.reshape(-1)
            continue
        flat = values.sel({block.dim: list(block.labels)}).values.reshape(-1, len(block.labels))
        into = drawn.setdefault(block.parameter, {})
        for label, column in zip(block.labels, flat.T, strict=True):
            if label in (of := about.get(block.parameter, pairs)):
                channel, geos = of[label]
                into.setdefault(channel, np.zeros((len(column), len(data.geos))))[:, list(geos)] = column[:, None]
            else:
                into[label] = column
    if equation.has_sigma_per_geo:
        drawn["sigma"] = np.stack([drawn["sigma"][geo] for geo in data.geos], axis=-1)
    return drawn


def _coordinates(rotated: Mapping[str, np.ndarray], draws: int) -> np.ndarray:
    """Coordinates (S, K) of coefficients that were sampled."""
    return np.stack([*rotated.values()], axis=-1) if rotated else np.empty((draws, 0))


@dataclass(frozen=True)
class _Known:
    """What is known of a system before one of its equations: parameters of those that come earlier."""

    system: MMM
    parameters: Mapping[str, Mapping[str, np.ndarray]]
    data: MMMData
    scales: Scales

    def given_mediator(
        self, equation: Equation, own: Mapping[str, np.ndarray], draws: np.ndarray
    ) -> tuple[np.ndarray | float, np.ndarray]:
        """Mean and scale of the residuals of some draws, given those of the mediator that they are correlated with."""
        name = equation.tied_to
        if name is None:
            return 0.0, own["sigma"]
        mediator = self.system.equation(name)
        seen = engine.inputs(mediator, self.data, self.scales)
        par = {key: value[draws] for key, value in self.parameters[name].items()}
        residual = seen.target - engine.latent_mean(mediator, seen, par, self.data.calendar)
        residual = np.where(seen.seen, residual, 0.0)
        return engine.given_mediator(equation, {equation.name: own, name: par}, {name: residual})


def _draw_panel(
    equation: Equation,
    seen: engine.Inputs,
    drawn: dict[str, Any],
    rotated: Mapping[str, np.ndarray],
    known: _Known,
    rng: np.random.Generator,
    collapsed: bool,
) -> None:
    """Add to the draws of an equation what was integrated out of it: coefficients, and period effects."""
    assert equation.panel is not None
    data, fixed = known.data, equation.panel.omega
    omega = drawn["omega"] if fixed is None else np.full(len(drawn["sigma"]), fixed)
    if not collapsed:
        plan = linear_plan(equation, seen.design, seen.seen)
        drawn["coefficient"] |= plan.by_term(_coordinates(rotated, len(drawn["sigma"])))
        if equation.has_period_effects:
            standard = np.stack([*drawn.pop("standard_period").values()], axis=-1)
            drawn["period"] = omega[:, None] * standard
            drawn.setdefault("omega", drawn["period"].std(axis=1))
        return
    terms = normal_terms(equation)
    panel = collapsed_plan(equation, seen)
    par = engine.to_engine_parameters(equation, drawn, data, known.scales)
    noise = panel.noise(rng, len(omega))

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        own = {key: value[draws] for key, value in par.items()}
        center, sigma = known.given_mediator(equation, own, draws)
        r = seen.target - panel.offset - engine.latent_mean(equation, seen, own, data.calendar) - center
        noises = {key: values[draws] for key, values in noise.items()}
        standard, period = panel.draw(r, sigma, omega[draws], noises)
        return {"period": period, **{f"{t}@{g}": values for (t, g), values in standard.items()}}

    row = 8.0 * seen.target.size * (2 + 4 * len(equation.media))
    out = engine.map_draws(work, np.arange(len(omega)), row)
    for term, mean, sd in zip(terms, *normal_prior(equation, terms), strict=True):
        parts = [out[f"{term}@{g}"] for g in (None, *range(len(data.geos))) if f"{term}@{g}" in out]
        drawn["coefficient"][term] = mean + sd * (parts[0] if len(parts) == 1 else np.stack(parts, axis=1))
    if equation.has_period_effects:
        drawn["period"] = out["period"]
        drawn.setdefault("omega", out["period"].std(axis=1))


def draw_coordinates(
    equation: Equation,
    seen: engine.Inputs,
    par: Mapping[str, np.ndarray],
    plan: LinearPlan,
    calendar: Calendar,
    rng: np.random.Generator,
    *,
    center: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Draw the collapsed coefficients from their exact conditional distribution, one row per posterior draw.

    In the coordinates z of the plan it is a product of independent Normals with mean ``s (U' r) / (sigma^2 + s^2)``
    and variance ``sigma^2 / (sigma^2 + s^2)``, where r is the series less its media term, its other linear terms, the
    prior mean of these, and the mean of the residuals.

    Parameters
    ----------
    par : mapping
        Engine parameters with 0 for the collapsed coefficients.
    center : (S, G, T) array or 0
        Mean of the residuals, whose scale is in `par`: not 0 where they are correlated with those of a mediator.

    Returns
    -------
    (S, K) array
        Coordinates z; ``plan.coefficients`` turns them into coefficients.
    """
    mean = engine.latent_mean(equation, seen, par, calendar) + center
    r = np.where(seen.seen, seen.target - plan.offset - mean, 0.0).reshape(len(mean), -1)
    s2 = par["sigma"][:, None] ** 2
    shrink = s2 + plan.variance
    middle = np.sqrt(plan.variance) * (r @ plan.basis.T) / shrink
    return middle + np.sqrt(s2 / shrink) * rng.standard_normal(middle.shape)


def add_predictive(fit: Fit) -> Fit:
    """Work out replicated series and pointwise densities, which fits of large panels leave out.

    Parameters
    ----------
    fit : Fit
        Such as ``fit.sel("north")``: of one geo, or of few.

    Returns
    -------
    Fit
        With the groups log_likelihood and posterior_predictive; as it is where it has them.

    Raises
    ------
    AnswerSizeError
        When they would not fit into memory.

    Examples
    --------
    >>> north = mm.add_predictive(fit.sel("north"))  # doctest: +SKIP
    >>> mm.diagnose(north)  # doctest: +SKIP
    """
    check_fit(fit)
    if "posterior_predictive" in fit.tree.children:
        return fit
    sizes, data = fit.posterior.sizes, fit.data
    shape = (2 * len(fit.system.order), sizes["chain"] * sizes["draw"], len(data.geos), len(data.dates))
    check_size(shape, "the groups", "choose fewer geos, as with fit.sel")
    rng = np.random.default_rng(fit.settings["seed"])
    more = predictive_groups(fit.system, fit.parameters(), data, fit.scales, sizes["chain"], rng)
    marks = {**fit.tree["posterior"].attrs, "sample_dims": ["chain", "draw"]}
    groups = {name: node.to_dataset() for name, node in fit.tree.children.items()}
    groups |= {name: group.assign_attrs(marks) for name, group in more.items()}
    return replace(fit, tree=xr.DataTree.from_dict(groups)).with_convergence(fit.convergence)


def predictive_groups(
    system: MMM, parameters: Parameters, data: MMMData, scales: Scales, chains: int, rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    """Pointwise log likelihood and replicated series, each equation given its observed inputs.

    Where residuals are correlated, that is given what the mediator's residual says about the other one, so that the
    densities of all equations add up to the joint one. Densities of what is not in the likelihood are NaN.
    """
    mean, given, replicate = _replicate(system, parameters, data, scales, rng)
    density = {}
    for name in system.order:
        equation = system.equation(name)
        density[name] = log_likelihood(equation, data.columns[name], mean[name], given[name], scales)
        seen = engine.inputs(equation, data, scales).seen
        if not seen.all():
            density[name] = np.where(seen, density[name], np.nan)
    return {
        "log_likelihood": _series(density, data, chains=chains),
        "posterior_predictive": _series(replicate, data, chains=chains),
    }


def _replicate(
    system: MMM, parameters: Parameters, data: MMMData, scales: Scales, rng: np.random.Generator
) -> tuple[dict, dict, dict]:
    """Means and replicates (S, G, T) of every equation given its observed inputs, and parameters with that scale."""
    means: dict[str, np.ndarray] = {}
    given: dict[str, dict] = {}
    series: dict[str, np.ndarray] = {}
    residual: dict[str, np.ndarray] = {}
    for name in system.order:
        equation, seen = system.equation(name), engine.inputs(system.equation(name), data, scales)
        mean = engine.latent_mean(equation, seen, parameters[name], data.calendar)
        for mediator in set(equation.linear) & set(series):  # a value that was not recorded is drawn, too
            gaps = np.isnan(data.columns[mediator]) & seen.present
            if gaps.any():
                slope = parameters[name]["coefficient"][..., equation.terms().index(mediator)]
                away = (series[mediator] - scales.center[mediator]) / scales.spread[mediator]
                mean = mean + np.where(gaps, slope.reshape(len(mean), -1, 1) * away, 0.0)
        center, sigma = engine.given_mediator(equation, parameters, residual)
        given[name] = {**parameters[name], "sigma": sigma}
        means[name] = mean + center
        own = equation.family.draw_residual(given[name], mean.shape, rng)
        if any(e.tied_to == name for e in system.equations):
            residual[name] = np.where(seen.seen, seen.target - mean, own)
        series[name] = observe(equation, means[name] + own, scales)
    return means, given, series


def _log_prior(system: MMM, sampled: Mapping, shape: tuple[int, int]) -> xr.Dataset:
    """Log prior density of each sampled block, summed over its labels; collapsed coefficients included."""
    out = {}
    for name in system.order:
        for block in system.equation(name).parameters():
            values = sampled[name][block.name]
            if block.labels:
                parts = [p.logpdf(values[t]) for t, p in zip(block.labels, block.priors, strict=True)]
                total = np.sum([part if part.ndim == 1 else part.sum(axis=1) for part in parts], axis=0)
            else:
                total = block.priors[0].logpdf(values)
                total = total if total.ndim == 1 else total.sum(axis=1)
            out[f"{name}.{block.name}"] = (("chain", "draw"), np.asarray(total).reshape(shape))
    return xr.Dataset(out, {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])})


def _prior_groups(system: MMM, data: MMMData, scales: Scales, rng: np.random.Generator) -> dict[str, xr.Dataset]:
    parameters = engine.draw_prior(system, data, scales, draws=PRIOR_DRAWS, rng=rng, observed_mediators=True)
    groups = {"prior": engine.to_dataset(system, parameters, data, chains=1)}
    if PRIOR_DRAWS * len(system.order) * len(data.geos) * len(data.dates) <= MOST_POINTWISE:
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # a wide prior under a log link can pass the largest double
            _, _, replicate = _replicate(system, parameters, data, scales, rng)
        groups["prior_predictive"] = _series(replicate, data, chains=1)
    return groups


def _series(values: Mapping, data: MMMData, *, chains: int | None = None) -> xr.Dataset:
    """Label series (G, T), or (S, G, T) with `chains`; the geo axis is dropped for one geo."""
    national = len(data.geos) == 1
    dims = ("date",) if national else ("geo", "date")
    coords: dict[str, Any] = {"date": data.dates}
    if not national:
        coords["geo"] = list(data.geos)
    out = {}
    for name, value in values.items():
        value = value[..., 0, :] if national else value
        if chains is not None:
            value = value.reshape(chains, -1, *value.shape[1:])
            coords |= {"chain": np.arange(chains), "draw": np.arange(value.shape[1])}
        out[name] = (dims if chains is None else ("chain", "draw", *dims), np.asarray(value))
    return xr.Dataset(out, coords)
