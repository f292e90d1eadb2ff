"""Fitted and future series, and what the equations leave unexplained."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.equations import expected, observe
from bayesmmm.errors import SettingError
from bayesmmm.estimands.counterfactual import read_do
from bayesmmm.estimands.extrapolation import extrapolated
from bayesmmm.estimands.history_end import plans
from bayesmmm.estimands.query import REDUCE, By, Query, open_query
from bayesmmm.results import Fit
from bayesmmm.validate import PATHS, check_flag, check_size


def predict(
    fit: Fit,
    plan: pd.DataFrame | None = None,
    *,
    noise: bool = False,
    do: Mapping[str, object] | None = None,
    paths: int = PATHS,
    seed: int = 0,
    by: By | None = None,
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
        DatetimeIndex. It starts in the period after the history and has no gaps. Of a panel, a row for every geo and
        period, with a column "geo". Of an exposure it has the units, the column of its spend, or both: units that it
        does not have are money over what one cost in as many periods at the end of the history, see `complete_plan`.
    noise : bool
        False: the mean of each series given the parameters, ``E(v_t | draw)``. True: new observations, for
        predictive intervals.
    do : mapping of str to array (H,), optional
        Mediators that the planner sets over the plan, which cuts everything that drives them. On a panel as in
        `what_if`.
    paths : int
        Residual paths of the mediators that a mean is averaged over, per draw.
    seed : int
        Of residuals. The residuals of a period do not depend on plan or draws kept, so that plans can be compared.
    by : str or mapping of str to sequence of str, optional
        As in `effects`; by default series are added up over geos.

    Returns
    -------
    xarray.Dataset
        One variable per equation, dims chain, draw, (geo,) date, in raw units (``attrs["unit"]``). With a plan also
        ``extrapolated`` (input): of every channel the share of its spend in periods above the highest ever observed, of
        every other input the share of periods outside its observed range; above ``attrs["threshold"]`` the answer rests
        on the form of the curves.

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
    query, noise = open_query(fit, plan=plan, paths=paths, seed=seed, by=by), check_flag(noise, "noise")
    line = query.timeline
    if do is not None and plan is None:
        raise SettingError(
            "do={...} sets mediators over a plan; for the fitted periods use what_if(fit, do={...})"
        )
    dates = line.dates[line.window]
    order = fit.system.order
    check_size((len(order), *query.shape(len(dates))), "the prediction", REDUCE)
    set_to = read_do(fit, do, line, mediators=True)
    series = _fitted(query, noise) if plan is None else _planned(query, set_to, noise)
    variables = {n: (*query.label_places(series[n], "date"), {"unit": fit.data.unit(n)}) for n in order}
    if plan is not None:
        inputs = {name: line.columns[name] for name in fit.system.exogenous}
        variables |= extrapolated(query, {**inputs, **{name: values[0] for name, values in set_to.items()}})
    return xr.Dataset(variables, {**query.coords, "date": dates}, {**query.attrs, "noise": int(noise)})


def _fitted(query: Query, noise: bool) -> dict[str, np.ndarray]:
    fit = query.fit

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base = query.history(draws)
        out = {}
        for i, name in enumerate(fit.system.order):
            equation, par = fit.system.equation(name), base.rows.parameters[name]
            mean, sigma = base.conditional(name)
            if noise:
                stream = engine.random_stream_id("replicated", i)
                u = engine.own_uniforms(query.seed, stream, draws, fit.data)
                own = equation.family.residual_at({**par, "sigma": sigma}, u)
                series = observe(equation, mean + own, fit.scales)
            else:
                series = expected(equation, mean, sigma, fit.scales)
            out[name] = query.added_own(series)
        return out

    return query.map(work, len(fit.data.dates))


def _planned(query: Query, do: Mapping, noise: bool) -> dict[str, np.ndarray]:
    fit, line, begin = query.fit, query.timeline, plans(query, noise=noise, do=do)

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base, out = begin(draws), {}
        for name in fit.system.order:
            if name in do:
                series = np.broadcast_to(do[name], (len(draws), *base.latent[name].shape[1:]))
            elif noise:
                equation = fit.system.equation(name)
                series = observe(equation, base.latent[name] + base.residual[name], fit.scales)
            else:
                series = engine.mean_series(base, name)
            out[name] = query.added(series)
        return out

    return query.map(work, (1 if noise else query.paths) * line.planned)


def residuals(fit: Fit, equation: str | None = None, *, seed: int = 0, by: By | None = None) -> xr.DataArray:
    """Structural residuals of an equation over the fitted periods, in units of its residual scale.

    ``(y_t - mu_t) / sigma`` with y and mu on the scale of the equation (logs under "lognormal"), observed inputs on
    the right-hand side. If the likelihood is right they are independent standard Normal, or t distributed. In a
    censored period the residual is not observed and is drawn from its truncated Normal.

    Of a panel in total, or of a group of geos, the sum of the residuals of its geos, each weighted by the mean size of
    its series, in units of the sd of that sum.

    Parameters
    ----------
    fit : Fit
    equation : str, optional
        The outcome by default.
    seed, by
        As in `predict`.

    Returns
    -------
    xarray.DataArray
        Named "residual", dims chain, draw, (geo,) date; attrs equation, likelihood and unit.

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
    query, name = open_query(fit, seed=seed, by=by), fit.system.checked(equation)
    check_size(query.shape(len(fit.data.dates)), "the residuals", REDUCE)
    size = fit.scales.size[name][:, None] if len(fit.data.geos) > 1 else np.ones((1, 1))
    # Residuals of geos are independent of each other: what they have in common are period effects.
    whole = np.sqrt(query.added_own(np.broadcast_to(size**2, fit.data.has_row.shape)[None])[0])

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base = query.history(draws)
        sigma = base.rows.parameters[name]["sigma"]
        scaled = base.residual[name] / sigma.reshape(*sigma.shape, *(1,) * (3 - sigma.ndim))
        return {"residual": query.added_own(size * scaled) / whole}

    dims, values = query.label_places(query.map(work, len(fit.data.dates))["residual"], "date")
    attrs = {**query.attrs, "equation": name, "unit": "residual sd"}
    attrs["likelihood"] = fit.system.equation(name).likelihood
    return xr.DataArray(values, {**query.coords, "date": fit.data.dates}, dims, "residual", attrs)
