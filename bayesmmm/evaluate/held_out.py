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
from bayesmmm.estimands import open_query
from bayesmmm.evaluate.scores import elpd
from bayesmmm.results import Fit, check_one_geo

MEDIATORS = ("respond", "observed")


@dataclass(frozen=True)
class HeldOut:
    """Predictions of one equation over H held-out periods, in units of its series."""

    observed: np.ndarray  # (H,)
    mean: np.ndarray  # (S, H), given the parameters
    drawn: np.ndarray  # (S, H), a new observation from each draw
    log_density: np.ndarray  # (H,), of what was observed, averaged over residual paths of mediators and draws


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
    """Predict the periods of a plan, and hold the last ones against what happened; those before are a gap.

    `actual` has every explained series over the plan. Predicted are the outcome and, with ``mediators="respond"``, every
    mediator, in causal order.
    """
    check_one_geo(fit, "a score of held-out periods")
    query = open_query(fit.accept_unconverged(), plan=plan, paths=paths, seed=seed)
    line = query.timeline
    system, dates = fit.system, line.dates[line.fitted :]
    series = {name: np.asarray(values, float)[None, None] for name, values in actual.items()}
    do = {name: series[name] for name in system.mediators} if mediators == "observed" else {}
    paths = 1 if do else query.paths
    predicted = [name for name in system.order if name not in do]

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        past = query.history(draws)
        base = engine.future(past, dates, line.columns, seed=seed, paths=paths, noise=True, do=do)
        return {
            f"{name}.{part}": values[:, 0, -last:]
            for name in predicted
            for part, values in _one(base, name, series, do).items()
        }

    parts = query.map(work, line.fitted + paths * len(dates))
    return {
        name: HeldOut(
            observed=series[name][0, 0, -last:],
            mean=parts[f"{name}.mean"],
            drawn=parts[f"{name}.drawn"],
            log_density=elpd(parts[f"{name}.density"]),
        )
        for name in predicted
    }


def _one(base: engine.Baseline, name: str, series: Mapping[str, np.ndarray], do: Mapping) -> dict[str, np.ndarray]:
    """Mean, new observation and log density (S, G, H) of one series."""
    rows, paths = base.rows, base.rows.paths
    equation, scales = rows.system.equation(name), rows.scales
    wide = {n: {key: rows.per_path(v) for key, v in par.items()} for n, par in rows.parameters.items()}
    residual = dict(base.residual)
    for mediator in do:
        # What was observed of a mediator tells its residual, which residuals of the outcome may go along with.
        spec = rows.system.equation(mediator)
        residual[mediator] = to_latent(spec, series[mediator][0], scales) - base.latent[mediator]
    center, sigma = engine.given_mediator(equation, wide, residual)
    latent, par = base.latent[name] + center, {**wide[name], "sigma": sigma}
    own = base.residual[name] - engine.given_mediator(equation, wide, base.residual)[0]
    density = log_likelihood(equation, series[name][0], latent, par, scales)
    by_path = density.reshape(-1, paths, *density.shape[1:])
    return {
        "mean": engine.over_paths(expected(equation, latent, sigma, scales), paths),
        "drawn": observe(equation, latent + own, scales)[::paths],
        "density": elpd(np.moveaxis(by_path, 1, 0)),
    }
