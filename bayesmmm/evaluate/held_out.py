"""What a fit says of periods after it: means, new observations, and the density of what was then observed.

The mediators of these periods either respond to the planned spend, so that their uncertainty is part of the
prediction, or are taken as they were observed, which judges the equation of the outcome on its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.equations import expected, log_likelihood, observe, to_latent
from bayesmmm.estimands import ask, row_bytes, timeline
from bayesmmm.evaluate.scores import elpd
from bayesmmm.results import Fit

MEDIATORS = ("respond", "observed")


@dataclass(frozen=True)
class HeldOut:
    """Predictions of one equation over held-out periods; S draws, H periods.

    Attributes
    ----------
    observed : (H,) array
        What happened, in units of the series.
    mean : (S, H) array
        Mean of the series given the parameters.
    drawn : (S, H) array
        A new observation from each draw.
    log_density : (H,) array
        Log predictive density of what happened, residual paths of mediators and draws averaged over.
    """

    observed: np.ndarray
    mean: np.ndarray
    drawn: np.ndarray
    log_density: np.ndarray


def score_held_out(
    fit: Fit,
    plan: pd.DataFrame,
    actual: Mapping[str, np.ndarray],
    *,
    last: int,
    mediators: str,
    paths: int,
    seed: int,
) -> dict[str, HeldOut]:
    """Predict periods after a fit and hold them against what happened.

    Parameters
    ----------
    fit : Fit
    plan : DataFrame
        As in ``predict``.
    actual : mapping of str to (periods of the plan,) array
        Every explained series.
    last : int
        So many periods at the end of the plan are judged; those before are a gap.
    mediators : {"respond", "observed"}
    paths : int
        Residual paths of responding mediators per draw.
    seed : int

    Returns
    -------
    dict of str to HeldOut
        For the outcome and, where they respond, every mediator, in causal order.
    """
    asked = ask(fit, draws=None, allow_unconverged=True)
    line = timeline(fit, plan, None, None)
    system, dates = fit.system, line.dates[line.fitted :]
    seen = {name: np.asarray(values, float)[None, None] for name, values in actual.items()}
    do = {name: seen[name] for name in system.mediators} if mediators == "observed" else {}
    paths = 1 if do or not system.mediators else paths
    judged = [name for name in system.order if name not in do]

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        past = engine.history(system, fit.scales, fit.data, asked.parameters, draws, seed=seed)
        base = engine.future(
            past, dates, line.columns, past=engine.carried(past), seed=seed, paths=paths, noise=True, do=do
        )
        out = {}
        for name in judged:
            found = _one(base, name, seen, do)
            out |= {f"{name}.{part}": values[:, 0, -last:] for part, values in found.items()}
        return out

    found = engine.map_draws(work, asked.draws, row_bytes(system, line.fitted + paths * len(dates)))
    return {
        name: HeldOut(
            observed=seen[name][0, 0, -last:],
            mean=found[f"{name}.mean"],
            drawn=found[f"{name}.drawn"],
            log_density=elpd(found[f"{name}.density"]),
        )
        for name in judged
    }


def _one(base: engine.Baseline, name: str, seen: Mapping[str, np.ndarray], do: Mapping) -> dict[str, np.ndarray]:
    """Mean, new observation and log density (S, G, H) of one series."""
    rows, paths = base.rows, base.rows.paths
    equation, scales = rows.system.equation(name), rows.scales
    wide = {n: {key: rows.wide(v) for key, v in par.items()} for n, par in rows.parameters.items()}
    residual = dict(base.residual)
    for mediator in do:
        # What was observed of a mediator tells its residual, which residuals of the outcome may go along with.
        spec = rows.system.equation(mediator)
        residual[mediator] = to_latent(spec, seen[mediator][0], scales) - base.latent[mediator]
    center, sigma = engine.given_mediator(equation, wide, residual)
    latent, par = base.latent[name] + center, {**wide[name], "sigma": sigma}
    own = base.residual[name] - engine.given_mediator(equation, wide, base.residual)[0]
    density = log_likelihood(equation, seen[name][0], latent, par, scales)
    by_path = density.reshape(-1, paths, *density.shape[1:])
    return {
        "mean": engine.over_paths(expected(equation, latent, sigma, scales), paths),
        "drawn": observe(equation, latent + own, scales)[::paths],
        "density": elpd(np.moveaxis(by_path, 1, 0)),
    }
