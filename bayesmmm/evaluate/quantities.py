"""What a simulation study compares: parameters, returns and the log likelihood, in a fit and in the world behind it."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM, log_likelihood
from bayesmmm.errors import EvaluationError
from bayesmmm.estimands import effects
from bayesmmm.results import Fit
from bayesmmm.results.summaries import flat
from bayesmmm.simulate import World
from bayesmmm.text import did_you_mean, row_parts
from bayesmmm.validate import as_list

PARAMETERS = "parameters"
LOG_LIKELIHOOD = "log_likelihood"
_OPTIONAL = {"nu_minus_two", "rho"}  # parameters that not every equation has


def returns_of(system: MMM, data: MMMData) -> list[tuple[str, str]]:
    """List the returns (variable of `effects`, channel) that a system does not fix beforehand."""
    # A channel without a mediated path has an indirect return of exactly 0, and a direct one that is its total.
    direct = {source for source, target, _ in system.edges() if target == system.outcome}
    mediated = {source for source, target, _ in system.edges() if target != system.outcome}
    out = []
    for channel in system.channels:
        if data.has_spend(channel):
            both = channel in direct and channel in mediated
            out += [(name, channel) for name in (("roi", "roi_direct", "roi_indirect") if both else ("roi",))]
    return out


def of_fit(fit: Fit) -> dict[str, np.ndarray]:
    """Draws (chain, draw) of every quantity of a fit, by name.

    Parameters ``equation.parameter[label]``; ``roi[channel]``, ``roi_direct[channel]`` and ``roi_indirect[channel]``
    by ``window="outcome"``; ``log_likelihood``, the joint log density of all series.
    """
    out: dict[str, np.ndarray] = {}
    for name, values in fit.posterior.data_vars.items():
        out |= by_label(str(name), values)
    returns = effects(fit.accept_unconverged(), groups={}, terms=(), window="outcome")
    for name, channel in returns_of(fit.system, fit.data):
        out[f"{name}[{channel}]"] = returns[name].sel(channel=channel).transpose("chain", "draw").values
    if "log_likelihood" not in fit.tree.children:  # of a large panel
        return out
    densities = fit.tree["log_likelihood"].to_dataset().data_vars.values()
    joint = sum(
        (d.sum([dim for dim in d.dims if dim not in ("chain", "draw")]) for d in densities), xr.DataArray(0.0)
    )
    return out | {LOG_LIKELIHOOD: joint.transpose("chain", "draw").values}


def by_label(name: str, values: xr.DataArray) -> dict[str, np.ndarray]:
    """Return draws (chain, draw) of every element of a variable, as ``name[label]``."""
    values = values.transpose("chain", "draw", ...)
    names = list(flat(values[0, 0].to_dataset(name=name)))  # as a summary has them
    long = values.values.reshape(*values.shape[:2], -1)
    return {each: long[..., i] for i, each in enumerate(names)}


def of_world(world: World, system: MMM, *, restated: bool) -> dict[str, float]:
    """True value of every quantity that a world has, under the names of `of_fit`.

    Parameters are on the generating scales or, `restated`, on those that the simulated series imply. The log likelihood
    is left out then, and where the fitted system has parameters that the world has not.
    """
    if restated:
        truth = world.truth.parameters
    else:
        labelled = engine.to_dataset(world.system, world.parameters, world.data, chains=1)
        truth = labelled.isel(chain=0, draw=0, drop=True)
    out = flat(truth)
    for name, channel in returns_of(system, world.data):
        if channel in world.truth.effects["channel"]:
            out[f"{name}[{channel}]"] = float(world.truth.effects[name].sel(channel=channel))
    if not restated and _same_parameters(system, world.parameters):
        out[LOG_LIKELIHOOD] = _log_likelihood(system, world.parameters, world.data, world.scales)
    return out


def compared(
    fit: Fit, truth: Mapping[str, float], quantities: Sequence[str] | None
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names of the quantities asked for that fit and world have; truths (quantity,), draws (chain, draw, quantity)."""
    draws = of_fit(fit)
    # A channel in a geo that never bought it is no parameter.
    known = [name for name in draws if name in truth and np.isfinite(draws[name]).all()]
    names = chosen(known, quantities)
    return names, np.array([truth[name] for name in names]), np.stack([draws[name] for name in names], axis=-1)


def chosen(names: Sequence[str], quantities: Sequence[str] | None) -> list[str]:
    """Return those of `names` that were asked for; all without `quantities`.

    Quantities are names as "roi[tv]", variables as "roi" or "sales.half_life", and "parameters" for all of these.
    """
    if quantities is None:
        return list(names)
    if not as_list(quantities):
        raise EvaluationError(
            f"quantities={quantities!r} must be a list of one name or more, as ['roi', 'sales.half_life[tv]']"
        )
    variables = {name: row_parts(name)[0] for name in names}
    known = [PARAMETERS, *dict.fromkeys(variables.values()), *names]
    for quantity in quantities:
        if quantity not in known:
            raise EvaluationError(
                f"quantities holds {quantity!r}, which these worlds do not have{did_you_mean(quantity, known)}. They "
                f"have: {', '.join([PARAMETERS, *dict.fromkeys(variables.values())])}, each alone or with a label in "
                f"brackets."
            )
    return [
        name
        for name in names
        if name in quantities
        or variables[name] in quantities
        or (PARAMETERS in quantities and "." in variables[name])
    ]


# ------------------------------------------------------------------------------------------------------- inner
def _same_parameters(system: MMM, parameters: engine.Parameters) -> bool:
    """Whether parameters of a world can be read by another system's equations."""
    return set(system.order) <= set(parameters) and all(
        parameters[e.name]["half_life"].shape[-1] == len(e.media)
        and parameters[e.name]["coefficient"].shape[-1] == len(e.terms())
        and {p.name for p in e.parameters()} & _OPTIONAL == set(parameters[e.name]) & _OPTIONAL
        for e in system.equations
    )


def _log_likelihood(system: MMM, parameters: engine.Parameters, data: MMMData, scales: Scales) -> float:
    total, base = 0.0, engine.history(system, scales, data, parameters, np.arange(1), seed=0)
    for name in system.order:
        equation = system.equation(name)
        # Where residuals are correlated: given that of the mediator, so that the parts add up to the joint density.
        mean, sigma = base.conditional(name)
        conditional = {**parameters[name], "sigma": sigma}
        total += log_likelihood(equation, data.columns[name], mean, conditional, scales).sum()
    return float(total)
