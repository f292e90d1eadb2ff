"""What every answer begins and ends with: the convergence gate, the draws to use, the periods, the labels."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data import next_dates, read_plan, window_mask
from bayesmmm.equations import MMM
from bayesmmm.errors import ConvergenceError
from bayesmmm.results import Fit
from bayesmmm.validate import check_count


@dataclass(frozen=True)
class Asked:
    """A fit that may be asked, with the draws to use.

    Attributes
    ----------
    fit : Fit
    parameters : Parameters
        Of all draws.
    draws : (S,) int array
        Which of them are used, chain after chain.
    coords : dict
        Labels of chain and draw.
    attrs : dict
        Marks that every answer carries.
    """

    fit: Fit
    parameters: engine.Parameters
    draws: np.ndarray
    coords: Mapping[str, np.ndarray]
    attrs: Mapping[str, Any]

    def label(self, values: np.ndarray, *dims: str) -> tuple:
        """Return values (S, ...) as dims and array of an xarray variable: chain, draw, then `dims`."""
        chains, draws = (len(self.coords[dim]) for dim in ("chain", "draw"))
        return ("chain", "draw", *dims), values.reshape(chains, draws, *values.shape[1:])


def ask(fit: Fit, *, draws: int | None, allow_unconverged: bool) -> Asked:
    """Check that a fit may be asked and choose draws.

    Parameters
    ----------
    draws : int, optional
        At most so many draws, the same number from every chain and evenly spaced; all by default.
    allow_unconverged : bool
        Answer although the sampler failed; answers carry ``attrs["verdict"]``.

    Raises
    ------
    ConvergenceError
        When the sampler failed and nobody said that this is all right.
    SettingError
        For an impossible number of draws.
    """
    verdict = fit.convergence.verdict
    if verdict == "failed" and not allow_unconverged:
        raise ConvergenceError(
            f"these draws do not represent the posterior, so answers from them may be far off. {fit.convergence}\n"
            f"To look at them all the same, pass allow_unconverged=True."
        )
    posterior = fit.posterior
    chains, length = posterior.sizes["chain"], posterior.sizes["draw"]
    kept = np.arange(length)
    if draws is not None:
        advice = "one draw per chain to all of them; leave it out for all"
        draws = check_count(draws, "draws", least=chains, most=chains * length, advice=advice)
        kept = np.linspace(0, length - 1, draws // chains).round().astype(int)
    index = (np.arange(chains)[:, None] * length + kept).ravel()
    coords = {"chain": posterior["chain"].values, "draw": posterior["draw"].values[kept]}
    return Asked(fit, fit.parameters(), index, coords, {"verdict": verdict})


@dataclass(frozen=True)
class Timeline:
    """The periods an answer is about.

    Attributes
    ----------
    dates : DatetimeIndex
        Fitted periods, then those of the plan.
    fitted : int
        How many are fitted.
    columns : mapping of str to (G, H) array
        Exogenous columns of the plan; empty without one.
    window : (T + H,) bool array
        The periods asked about.
    attrs : dict
        Start and stop of the window, as text.
    """

    dates: pd.DatetimeIndex
    fitted: int
    columns: Mapping[str, np.ndarray]
    window: np.ndarray
    attrs: Mapping[str, str]

    @property
    def planned(self) -> int:
        """Number of periods of the plan."""
        return len(self.dates) - self.fitted


def timeline(
    fit: Fit,
    plan: pd.DataFrame | None,
    start: str | datetime.date | None,
    stop: str | datetime.date | None,
) -> Timeline:
    """Put plan and window together; by default the window is the plan, or without one the fitted periods.

    Raises
    ------
    PlanError, DataError
        When the plan does not continue the history, or its columns cannot be used.
    WindowError, DateError
        When the window lies outside fitted periods and plan.
    """
    dates, fitted, columns = fit.data.dates, len(fit.data.dates), {}
    if plan is not None:
        ahead = read_plan(fit.data, plan, needed=fit.system.exogenous)
        dates, columns = dates.append(ahead.dates), ahead.columns
        start = ahead.dates[0] if start is None else start
        stop = ahead.dates[-1] if stop is None else stop
    window = window_mask(dates, start, stop, where="the fitted periods" if plan is None else "history and plan")
    seen = dates[window]
    attrs = {"start": f"{seen[0]:%Y-%m-%d}", "stop": f"{seen[-1]:%Y-%m-%d}"}
    return Timeline(dates, fitted, columns, window, attrs)


def after(fit: Fit, ahead: Timeline, periods: int) -> tuple[pd.DatetimeIndex, dict[str, np.ndarray]]:
    """Dates and exogenous columns of so many periods after the fitted ones: the plan, then the means of the window."""
    dates = next_dates(fit.data, periods)
    columns = {}
    for name in fit.system.exogenous:
        known = [fit.data.columns[name], *([ahead.columns[name]] if ahead.planned else [])]
        mean = np.concatenate(known, axis=-1)[:, ahead.window].mean(axis=-1, keepdims=True)
        filled = np.repeat(mean, max(periods - ahead.planned, 0), axis=-1)
        columns[name] = np.concatenate([*known[1:], filled], axis=-1)[:, :periods]
    return dates, columns


def row_bytes(system: MMM, periods: int) -> float:
    """Working memory of one row over so many periods, in bytes."""
    arrays = sum(2 * len(equation.media) + 8 for equation in system.equations)
    return 8.0 * max(periods, 1) * arrays
