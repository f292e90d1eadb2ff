"""From a system and data to a `Fit`: build the model, compile it, run NUTS, and complete the posterior.

Everything after the sampler (collapsed coefficients, predictive draws, pointwise densities) is computed from the draws
by the engine, without another compilation.
"""

import time
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData, Scales
from bayesmmm.density import LinearPlan, blocks, collapses, linear_plan, model_data, nutpie_model, write_program
from bayesmmm.engine import Parameters
from bayesmmm.equations import MMM, Equation, check_system, system_warnings
from bayesmmm.errors import BayesMMMWarning, ConvergenceWarning, SamplingError
from bayesmmm.priors import Prior
from bayesmmm.results import Fit, library_versions

__all__ = ["Compiled", "compile_model", "fit", "give", "heard", "structure"]

PRIOR_DRAWS = 500

#: List that the warnings of a fit are put into instead of being given. For fits in several threads: the filters of the
#: module `warnings` are shared by all threads, and any library may change them at any moment.
heard: ContextVar[list[BayesMMMWarning] | None] = ContextVar("heard", default=None)


def give(warning: BayesMMMWarning, *, stacklevel: int = 2) -> None:
    """Give a warning to whoever called the caller, or put it where `heard` says."""
    notices = heard.get()
    if notices is None:
        warnings.warn(warning, stacklevel=stacklevel + 1)
    else:
        notices.append(warning)


# ------------------------------------------------------------------------------------------------ compilation
@dataclass(frozen=True)
class Compiled:
    """A compiled model, ready for any data of the same structure.

    Attributes
    ----------
    system : MMM
    collapse : bool
    model : pymc.Model, or None for nutpie, which needs no graph
    sampler : {"nutpie", "pymc"}
    seconds : float
        What building and compiling took.
    """

    system: MMM
    collapse: bool
    model: Any
    sampler: str
    days_per_period: float
    seconds: float


def compile_model(
    system: MMM,
    data: MMMData,
    *,
    scales: Scales | None = None,
    collapse: bool = True,
    sampler: Literal["nutpie", "pymc"] = "nutpie",
) -> Compiled:
    """Build and compile the model once, for many fits.

    Parameters
    ----------
    system, data, scales, collapse
        As in `fit`.
    sampler : {"nutpie", "pymc"}
        "pymc" compiles when it samples, and compiles again for every fit.

    Returns
    -------
    Compiled
        Pass it to ``fit(..., compiled=...)`` with other data: another number of periods and other assumed values of rho
        are allowed, another system or periodicity is not.

    Raises
    ------
    EquationError, DataError, PriorError
        When system and data do not fit together.
    SamplingError
        For an unknown sampler.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> world = mm.load_social_search()
    >>> compiled = mm.compile_model(world.system, world.data)  # doctest: +SKIP
    >>> fits = [mm.fit(world.system, world.data, seed=s, compiled=compiled) for s in (1, 2)]  # doctest: +SKIP
    """
    if sampler not in ("nutpie", "pymc"):
        raise SamplingError(f"sampler={sampler!r} is not known. Use 'nutpie' (default) or 'pymc'.")
    start = time.perf_counter()
    model = None
    if sampler == "pymc":
        from bayesmmm.model import build_model

        model = build_model(system, data, scales=scales, collapse=collapse)
    return Compiled(system, collapse, model, sampler, data.days_per_period, time.perf_counter() - start)


# ------------------------------------------------------------------------------------------------------- fit
def fit(
    system: MMM,
    data: MMMData,
    *,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    seed: int | None = None,
    target_accept: float = 0.9,
    sampler: Literal["nutpie", "pymc"] | None = None,
    collapse: bool | None = None,
    scales: Scales | None = None,
    compiled: Compiled | None = None,
    progress: bool = True,
) -> Fit:
    """Fit all equations of a system together by NUTS.

    The posterior of every parameter of ``v_t / s_v = W_t b + sum_c A_c hill(a_ct) + e_t``, equation by equation, with
    the observed mediator as an input of later equations. Linear coefficients of Normal and lognormal equations are
    integrated out while sampling and then drawn exactly from their conditional Normal distribution.

    Parameters
    ----------
    system : MMM
        The structural equations.
    data : MMMData
        Observed series, T periods.
    draws, tune, chains : int
        Draws kept per chain, warm-up steps per chain, chains.
    cores : int, optional
        Chains run at once; by default as many as there are processors.
    seed : int, optional
        The same seed, data, machine and versions give the same draws; only the very first, freshly compiled run may
        differ from later ones in the last bits. Without it a seed is drawn and stored.
    target_accept : float in (0, 1)
        Acceptance rate that the step size is adapted to.
    sampler : {"nutpie", "pymc"}, optional
        Implementation of NUTS; nutpie by default.
    collapse : bool, optional
        See `build_model`; True by default.
    scales : Scales, optional
        Frozen scales instead of those of `data`, for simulation studies.
    compiled : Compiled, optional
        From `compile_model`, to skip compilation. It fixes `sampler` and `collapse`.
    progress : bool
        Show the sampler's progress bar.

    Returns
    -------
    Fit
        Its ``tree`` has the groups posterior, sample_stats, log_likelihood, log_prior, posterior_predictive, prior,
        prior_predictive, observed_data and constant_data. Series are in the units of the data, parameters in those of
        ``print(system)``.

    Raises
    ------
    EquationError, DataError, PriorError
        When system and data do not fit together.
    SamplingError
        For impossible settings, or when the sampler cannot start.

    Warns
    -----
    BayesMMMWarning
        One for each unwise feature of the data or the system.
    ConvergenceWarning
        When R-hat, effective sample size or divergences say that the draws are not to be trusted.

    References
    ----------
    Hoffman and Gelman (2014), The No-U-Turn Sampler, Journal of Machine Learning Research 15, 1593-1623.
    Jin et al. (2017), Bayesian methods for media mix modeling with carryover and shape effects, Google Research.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> world = mm.load_social_search()
    >>> fit = mm.fit(world.system, world.data, seed=1, progress=False)  # doctest: +SKIP
    >>> print(fit.convergence)  # doctest: +SKIP
    """
    _check_settings(draws=draws, tune=tune, chains=chains, cores=cores, seed=seed, target_accept=target_accept)
    engine.check_national(data)
    check_system(system, data)
    for warning in system_warnings(system, data):
        give(warning)
    scales = engine.checked_scales(system, data, scales)
    seed = int(np.random.default_rng().integers(2**31)) if seed is None else int(seed)
    fresh = compiled is None
    if fresh:
        collapse = True if collapse is None else collapse
        compiled = compile_model(system, data, scales=scales, collapse=collapse, sampler=sampler or "nutpie")
    else:
        _check_compiled(compiled, system, data, sampler=sampler, collapse=collapse)
    settings = {
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "cores": cores or min(chains, engine.processors()),
        "seed": seed,
        "target_accept": target_accept,
        "sampler": compiled.sampler,
        "collapse": compiled.collapse,
    }
    start = time.perf_counter()
    if compiled.sampler == "nutpie":
        arrays = write_program(system, data, scales, collapse=compiled.collapse)
    else:
        arrays = None if fresh else model_data(system, data, scales, collapse=compiled.collapse)
    trace = _sample(compiled, arrays, data, settings, progress)
    seconds = {"compile": compiled.seconds if fresh else 0.0, "sample": time.perf_counter() - start}
    start = time.perf_counter()
    tree = _complete(trace, system, data, scales, settings)
    seconds["complete"] = time.perf_counter() - start
    result = Fit(
        data=data,
        system=system,
        scales=scales,
        tree=tree,
        settings=settings | {"seconds": seconds},
        versions=library_versions(),
    )
    if result.convergence.verdict != "converged":
        give(ConvergenceWarning(str(result.convergence)))
    return result


def _check_settings(*, target_accept: float, **whole: int | None) -> None:
    least = {"draws": 4, "tune": 1, "chains": 1, "cores": 1, "seed": 0}
    for name, value in whole.items():
        if value is None and name in ("cores", "seed"):
            continue
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least[name] <= value < 2**63:
            raise SamplingError(f"{name}={value!r} must be a whole number of at least {least[name]}.")
    if not 0.0 < target_accept < 1.0:
        raise SamplingError(f"target_accept={target_accept!r} must lie between 0 and 1; 0.9 is the default.")


def structure(system: MMM) -> MMM:
    """Return what a compiled model is made for: the system, whatever correlations of residuals it assumes."""
    return MMM([replace(e, rho={m: _any_rho(v) for m, v in e.rho.items()}) for e in system.equations])


def _any_rho(value: float | Prior) -> float | Prior:
    return value if isinstance(value, Prior) else 0.0


def _check_compiled(compiled: Compiled, system: MMM, data: MMMData, **asked) -> None:
    if structure(compiled.system) != structure(system):
        raise SamplingError(
            "`compiled` belongs to another system than the one to fit. Call compile_model(system, data) for this one."
        )
    if compiled.days_per_period != data.days_per_period:
        raise SamplingError(
            f"`compiled` was made for periods of {compiled.days_per_period:g} days, the data have periods of "
            f"{data.days_per_period:g}. Call compile_model(system, data) for these data."
        )
    made = {"sampler": compiled.sampler, "collapse": compiled.collapse}
    for name, value in asked.items():
        if value is not None and value != made[name]:
            raise SamplingError(
                f"{name}={value!r}, but `compiled` was made with {name}={made[name]!r}. Leave {name} out, or call "
                f"compile_model(system, data, {name}={value!r})."
            )


def _sample(compiled: Compiled, arrays: Any, data: MMMData, settings: Mapping, progress: bool) -> xr.DataTree:
    common = {name: settings[name] for name in ("draws", "tune", "chains", "cores", "target_accept")}
    try:
        if compiled.sampler == "nutpie":
            import nutpie

            trace = nutpie.sample(
                nutpie_model(arrays),
                **common,
                seed=settings["seed"],
                progress_bar=progress,
                save_warmup=False,
                # Mass matrix from the draws alone: gave half again as many effective draws as with gradients.
                adaptation="draw_diag",
            )
            if trace["posterior"].sizes.get("draw", 0) < settings["draws"]:
                # nutpie answers Ctrl-C with the draws made so far, which nobody asked for.
                raise KeyboardInterrupt
            return trace
        import pymc as pm

        from bayesmmm.model import date_labels

        if arrays is not None:
            with compiled.model:
                pm.set_data(arrays, coords={"date": date_labels(data)})
        with warnings.catch_warnings():
            # PyMC reports on convergence in its own words; the verdict of the fit is the one place for it.
            warnings.simplefilter("ignore", UserWarning)
            return pm.sample(
                model=compiled.model,
                **common,
                random_seed=settings["seed"],
                progressbar=progress,
                nuts_sampler="pymc",
                compute_convergence_checks=False,
            )
    except RuntimeError as error:
        raise SamplingError(
            f"the sampler stopped: {error}. Check the priors for extreme values (print(system)), or try another seed."
        ) from error


# ------------------------------------------------------------------------------------- completing the posterior
def _complete(trace: xr.DataTree, system: MMM, data: MMMData, scales: Scales, settings: Mapping) -> xr.DataTree:
    raw = trace["posterior"].to_dataset()
    chains, draws = raw.sizes["chain"], raw.sizes["draw"]
    streams = np.random.default_rng(settings["seed"]).spawn(3)
    parameters, sampled, residual = {}, {}, {}
    for name in system.order:
        equation = system.equation(name)
        collapsed = collapses(system, name, settings["collapse"])
        drawn = _read_blocks(equation, raw, collapsed)
        rotated = drawn.pop("rotated", {})
        seen = engine.inputs(equation, data, scales)
        plan = linear_plan(equation, seen.design)
        zero = np.zeros_like(drawn["sigma"])
        drawn["coefficient"] = dict.fromkeys(plan.terms, zero) | drawn.get("coefficient", {})
        par = engine.canonical(equation, drawn, data, scales)
        if collapsed:
            center, sigma = engine.given_mediator(equation, {**parameters, name: par}, residual)
            given = {**par, "sigma": sigma}
            z = draw_coordinates(equation, seen, given, plan, data.days_per_period, streams[0], center=center)
        else:
            z = np.stack([*rotated.values()], axis=-1) if rotated else np.empty((len(zero), 0))
        coefficients = plan.coefficients(z)
        par["coefficient"][:, [equation.terms().index(t) for t in plan.terms]] = coefficients
        drawn["coefficient"] |= dict(zip(plan.terms, coefficients.T, strict=True))
        parameters[name], sampled[name] = par, drawn
        if any(e.tied_to == name for e in system.equations):
            residual[name] = seen.target - _latent_mean(equation, seen, par, data.days_per_period)
    groups = {
        "posterior": engine.unstack(system, parameters, data, chains=chains),
        "sample_stats": trace["sample_stats"].to_dataset(),
        **_predictive_groups(system, parameters, data, scales, chains, streams[1]),
        "log_prior": _log_prior(system, sampled, (chains, draws)),
        **_prior_groups(system, data, scales, streams[2]),
        "observed_data": _series({n: data.columns[n] for n in system.order}, data),
        "constant_data": _series({n: data.columns[n] for n in system.exogenous}, data),
    }
    return xr.DataTree.from_dict(groups)


def _read_blocks(equation: Equation, raw: xr.Dataset, collapse: bool) -> dict:
    drawn: dict[str, Any] = {}
    for block in blocks(equation, collapse=collapse):
        values = raw[block.variable]
        if block.dim is None:
            drawn[block.parameter] = values.values.reshape(-1)
        else:
            flat = values.sel({block.dim: list(block.labels)}).values.reshape(-1, len(block.labels))
            drawn.setdefault(block.parameter, {}).update(zip(block.labels, flat.T, strict=True))
    return drawn


def draw_coordinates(
    equation: Equation,
    seen: engine.Inputs,
    par: Mapping[str, np.ndarray],
    plan: LinearPlan,
    days: float,
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
    mean = _latent_mean(equation, seen, par, days) + center
    r = (seen.target - plan.offset - mean).reshape(len(mean), -1)
    s2 = par["sigma"][:, None] ** 2
    shrink = s2 + plan.variance
    middle = np.sqrt(plan.variance) * (r @ plan.basis.T) / shrink
    return middle + np.sqrt(s2 / shrink) * rng.standard_normal(middle.shape)


def _predictive_groups(
    system: MMM, parameters: Parameters, data: MMMData, scales: Scales, chains: int, rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    """Pointwise log likelihood and replicated series, each equation given its observed inputs.

    Where residuals are correlated, that is given what the mediator's residual says about the other one, so that the
    densities of all equations add up to the joint one.
    """
    mean, given, replicate = _replicate(system, parameters, data, scales, rng)
    density = {
        name: engine.log_likelihood(system.equation(name), data.columns[name], mean[name], given[name], scales)
        for name in system.order
    }
    return {
        "log_likelihood": _series(density, data, chains=chains),
        "posterior_predictive": _series(replicate, data, chains=chains),
    }


def _latent_mean(equation: Equation, seen: engine.Inputs, par: Mapping, days: float) -> np.ndarray:
    amplitude = engine.amplitudes(equation, seen.media, par, days)
    return engine.latent(equation, seen.media, seen.design, par, amplitude, days)


def _replicate(
    system: MMM, parameters: Parameters, data: MMMData, scales: Scales, rng: np.random.Generator
) -> tuple[dict, dict, dict]:
    """Means and replicates (S, G, T) of every equation given its observed inputs, and parameters with that scale."""
    means, given, series, residual = {}, {}, {}, {}
    for name in system.order:
        equation, seen = system.equation(name), engine.inputs(system.equation(name), data, scales)
        mean = _latent_mean(equation, seen, parameters[name], data.days_per_period)
        center, sigma = engine.given_mediator(equation, parameters, residual)
        given[name] = {**parameters[name], "sigma": sigma}
        if any(e.tied_to == name for e in system.equations):
            residual[name] = seen.target - mean
        means[name] = mean + center
        noisy = means[name] + engine.residual_draws(equation, given[name], mean.shape, rng)
        series[name] = engine.observe(equation, noisy, scales)
    return means, given, series


def _log_prior(system: MMM, sampled: Mapping, shape: tuple[int, int]) -> xr.Dataset:
    """Log prior density of each sampled block, summed over its labels; collapsed coefficients included."""
    out = {}
    for name in system.order:
        for block in system.equation(name).parameters():
            values = sampled[name][block.name]
            if block.labels:
                parts = [p.logpdf(values[t]) for t, p in zip(block.labels, block.priors, strict=True)]
                total = np.sum(parts, axis=0)
            else:
                total = block.priors[0].logpdf(values)
            out[f"{name}.{block.name}"] = (("chain", "draw"), np.asarray(total).reshape(shape))
    return xr.Dataset(out, {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])})


def _prior_groups(system: MMM, data: MMMData, scales: Scales, rng: np.random.Generator) -> dict[str, xr.Dataset]:
    parameters = engine.draw_prior(system, data, scales, draws=PRIOR_DRAWS, rng=rng, observed_mediators=True)
    with np.errstate(over="ignore", invalid="ignore"):  # a wide prior under a log link can pass the largest double
        _, _, replicate = _replicate(system, parameters, data, scales, rng)
    return {
        "prior": engine.unstack(system, parameters, data, chains=1),
        "prior_predictive": _series(replicate, data, chains=1),
    }


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
