"""Fitted and future series, and what the equations leave unexplained."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.equations import expected, observe
from bayesmmm.errors import SettingError
from bayesmmm.estimands.query import Asked, Timeline, ask, row_bytes, timeline
from bayesmmm.estimands.setting import read_do
from bayesmmm.results import Fit
from bayesmmm.validate import PATHS, check_paths, check_seed, check_size

REDUCE = "pass draws=1000, or another number of draws to keep"


def predict(
    fit: Fit,
    plan: pd.DataFrame | None = None,
    *,
    noise: bool = False,
    do: Mapping[str, object] | None = None,
    draws: int | None = None,
    paths: int = PATHS,
    seed: int = 0,
    allow_unconverged: bool = False,
) -> xr.Dataset:
    """Predict every explained series, over the fitted periods or over those of a plan.

    Without a plan each equation is given its *observed* inputs, as in ``fit.tree["posterior_predictive"]``; under a rho
    that includes what the residual of the mediator says about its own. With one,
    carryover of the history goes on into the plan, mediators are simulated in causal order with residuals from their
    distribution, and these simulated mediators enter the next equation: E f(M) is not f(E M).

    Parameters
    ----------
    fit : Fit
    plan : DataFrame, optional
        Planned spend and known controls: every exogenous column of the system, in raw units, and a column "date" or a
        DatetimeIndex. It starts in the period after the history and has no gaps.
    noise : bool
        False: the mean of each series given the parameters, ``E(v_t | draw)``. True: new observations, for
        predictive intervals.
    do : mapping of str to array (H,), optional
        Mediators that the planner sets over the plan, which cuts everything that drives them.
    draws : int, optional
        Keep so many posterior draws; all by default.
    paths : int
        Residual paths of the mediators that a mean is averaged over, per draw.
    seed : int
        Of residuals. The residuals of a period do not depend on plan or draws kept, so that plans can be compared.
    allow_unconverged : bool
        Answer although the sampler failed.

    Returns
    -------
    xarray.Dataset
        One variable per equation, dims chain, draw, date, in raw units (``attrs["unit"]``).

    Raises
    ------
    ConvergenceError
        When the sampler failed.
    PlanError, DataError
        When the plan does not continue the history or cannot be used.
    SettingError, UnknownTermError, MissingValueError, NegativeSpendError
        For impossible arguments, and for mediators that cannot be set so.
    AnswerSizeError
        When the answer would not fit into memory.

    Examples
    --------
    >>> fitted = predict(fit)  # doctest: +SKIP
    >>> ahead = predict(fit, plan, noise=True)  # doctest: +SKIP
    """
    asked = ask(fit, draws=draws, allow_unconverged=allow_unconverged)
    line = timeline(fit, plan, None, None)
    seed = check_seed(seed)
    if do is not None and plan is None:
        raise SettingError(
            "do={...} sets mediators over a plan; for the fitted periods use what_if(fit, do={...})"
        )
    dates = line.dates[line.window]
    order = fit.system.order
    check_size((len(order), len(asked.draws), len(dates)), "the prediction", REDUCE)
    if plan is None:
        found = _fitted(asked, noise, seed)
    else:
        given = read_do(fit, do, line, mediators=True)
        found = _planned(asked, line, given, noise, 1 if noise else check_paths(paths), seed)
    variables = {n: (*asked.label(found[n][:, 0], "date"), {"unit": fit.data.unit(n)}) for n in order}
    kind = {"noise": int(noise), "start": line.attrs["start"], "stop": line.attrs["stop"]}
    return xr.Dataset(variables, {**asked.coords, "date": dates}, {**asked.attrs, **kind})


def _fitted(asked: Asked, noise: bool, seed: int) -> dict[str, np.ndarray]:
    fit = asked.fit

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base = engine.history(fit.system, fit.scales, fit.data, asked.parameters, draws, seed=seed)
        out = {}
        for i, name in enumerate(fit.system.order):
            equation, par = fit.system.equation(name), base.rows.parameters[name]
            center, sigma = engine.given_mediator(equation, base.rows.parameters, base.residual)
            mean = base.latent[name] + center
            if noise:
                u = engine.uniforms(seed, engine.stream("replicated", i), draws, mean.shape[1:])
                own = equation.family.residual_at({**par, "sigma": sigma}, u)
                out[name] = observe(equation, mean + own, fit.scales)
            else:
                out[name] = expected(equation, mean, sigma, fit.scales)
        return out

    return engine.map_draws(work, asked.draws, row_bytes(fit.system, len(fit.data.dates)))


def _planned(
    asked: Asked, line: Timeline, do: Mapping, noise: bool, paths: int, seed: int
) -> dict[str, np.ndarray]:
    fit = asked.fit
    dates = line.dates[line.fitted :]

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        past = engine.history(fit.system, fit.scales, fit.data, asked.parameters, draws, seed=seed)
        base = engine.future(
            past, dates, line.columns, past=engine.carried(past), seed=seed, paths=paths, noise=noise, do=do
        )
        out = {}
        for name in fit.system.order:
            if name in do:
                series = np.broadcast_to(do[name], base.latent[name].shape)
            elif noise:
                equation = fit.system.equation(name)
                series = observe(equation, base.latent[name] + base.residual[name], fit.scales)
            else:
                series = engine.value(base, name, base.latent[name])
            out[name] = engine.over_paths(series, paths)
        return out

    return engine.map_draws(work, asked.draws, row_bytes(fit.system, line.fitted + paths * len(dates)))


def residuals(
    fit: Fit,
    equation: str | None = None,
    *,
    draws: int | None = None,
    seed: int = 0,
    allow_unconverged: bool = False,
) -> xr.DataArray:
    """Structural residuals of an equation over the fitted periods, in units of its residual scale.

    ``(y_t - mu_t) / sigma`` with y and mu on the scale of the equation (logs under "lognormal"), observed inputs on
    the right-hand side. If the likelihood is right they are independent standard Normal, or t distributed. In a
    censored period the residual is not observed and is drawn from its truncated Normal.

    Parameters
    ----------
    fit : Fit
    equation : str, optional
        The outcome by default.
    draws, seed, allow_unconverged
        As in `predict`.

    Returns
    -------
    xarray.DataArray
        Named "residual", dims chain, draw, date; attrs equation, likelihood and unit.

    Raises
    ------
    ConvergenceError
        When the sampler failed.
    UnknownTermError, SettingError
        When there is no such equation; for impossible arguments.
    AnswerSizeError
        When the answer would not fit into memory.

    Examples
    --------
    >>> from bayesmmm.estimands import residuals
    >>> left = residuals(fit, "google")  # doctest: +SKIP
    """
    asked = ask(fit, draws=draws, allow_unconverged=allow_unconverged)
    name, seed = fit.system.checked(equation), check_seed(seed)
    check_size((len(asked.draws), len(fit.data.dates)), "the residuals", REDUCE)

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base = engine.history(fit.system, fit.scales, fit.data, asked.parameters, draws, seed=seed)
        sigma = base.rows.parameters[name]["sigma"][:, None, None]
        return {"residual": base.residual[name] / sigma}

    found = engine.map_draws(work, asked.draws, row_bytes(fit.system, len(fit.data.dates)))
    dims, values = asked.label(found["residual"][:, 0], "date")
    attrs = {
        **asked.attrs,
        "equation": name,
        "unit": "residual sd",
        "likelihood": fit.system.equation(name).likelihood,
    }
    return xr.DataArray(values, {**asked.coords, "date": fit.data.dates}, dims, "residual", attrs)
