"""What a fit says of periods after it: means, new observations, and the density of what was then observed.

The mediators of these periods either respond to the planned spend, so that their uncertainty is part of the
prediction, or are taken as they were observed, which judges the equation of the outcome on its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data import Scales
from bayesmmm.equations import Equation, expected, log_likelihood, observe, to_latent
from bayesmmm.estimands import open_query
from bayesmmm.evaluate.scores import elpd
from bayesmmm.results import Fit, check_fit

MEDIATORS = ("respond", "observed")
#: Standard Normal period effects that densities which are no Normal ones are integrated over, and their weights.
_GRID = np.linspace(-6.0, 6.0, 241)
_LOG_WEIGHT = np.log(_GRID[1] - _GRID[0]) - 0.5 * (_GRID**2 + np.log(2.0 * np.pi))


@dataclass(frozen=True)
class HeldOut:
    """Predictions of one equation over H held-out periods, in units of its series.

    Of a panel in total over its geos; the log density is the joint one of all geos in a period. Its `by_geo` has an axis
    of geos (G) before that of periods, and densities of single geos.
    """

    observed: np.ndarray  # (H,)
    mean: np.ndarray  # (S, H), given the parameters
    drawn: np.ndarray  # (S, H), a new observation from each draw
    log_density: np.ndarray  # (H,), of what was observed, averaged over residual paths of mediators and draws
    by_geo: "HeldOut | None" = None  # of a panel


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

    `actual` has every explained series (H,) over the plan, of a panel (G, H). Predicted are the
    outcome and, with ``mediators="respond"``, every mediator, in causal order.
    """
    check_fit(fit)
    query = open_query(fit.accept_unconverged(), plan=plan, paths=paths, seed=seed)
    line = query.timeline
    system, dates = fit.system, line.dates[line.fitted :]
    series = {name: np.atleast_2d(np.asarray(values, float))[None] for name, values in actual.items()}
    do = {name: series[name] for name in system.mediators} if mediators == "observed" else {}
    paths = 1 if do else query.paths
    predicted = [name for name in system.order if name not in do]

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        past = query.history(draws)
        base = engine.future(past, dates, line.columns, seed=seed, paths=paths, noise=True, do=do)
        return {
            f"{name}.{part}": values[..., -last:]
            for name in predicted
            for part, values in _one(base, name, series, do).items()
        }

    parts = query.map(work, line.fitted + paths * len(dates))
    return {name: _held_out(name, parts, series[name][0, :, -last:]) for name in predicted}


def _held_out(name: str, parts: Mapping[str, np.ndarray], observed: np.ndarray) -> HeldOut:
    """Put predictions (S, G, H) of one equation together, in total and by geo."""
    mean, drawn = (parts[f"{name}.{part}"] for part in ("mean", "drawn"))
    joint = elpd(parts[f"{name}.joint"])
    if len(observed) == 1:
        return HeldOut(observed[0], mean[:, 0], drawn[:, 0], joint)
    by_geo = HeldOut(observed, mean, drawn, elpd(parts[f"{name}.density"]))
    return HeldOut(observed.sum(axis=0), mean.sum(axis=1), drawn.sum(axis=1), joint, by_geo)


def _one(base: engine.Baseline, name: str, series: Mapping[str, np.ndarray], do: Mapping) -> dict[str, np.ndarray]:
    """Mean, new observation and log density (S, G, H) of one series, and the joint density (S, H) of its geos."""
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
    density, joint = _densities(equation, series[name][0], latent, par, scales)
    scatter = sigma
    if "omega" in par:
        scatter = np.hypot(sigma, par["omega"] if sigma.ndim == 1 else par["omega"][:, None])
    return {
        "mean": engine.over_paths(expected(equation, latent, scatter, scales), paths),
        "drawn": observe(equation, latent + own, scales)[::paths],
        "density": _over_paths(density, paths),
        "joint": _over_paths(joint, paths),
    }


def _over_paths(density: np.ndarray, paths: int) -> np.ndarray:
    """Log of the mean density over the residual paths of each draw."""
    by_path = density.reshape(-1, paths, *density.shape[1:])
    return elpd(np.moveaxis(by_path, 1, 0))


def _densities(
    equation: Equation, series: np.ndarray, latent: np.ndarray, par: Mapping[str, np.ndarray], scales: Scales
) -> tuple[np.ndarray, np.ndarray]:
    """Log density (R, G, H) of each geo and joint one (R, H) of all in a period, whose effect u is not known.

    With Normal residuals r and u ~ Normal(0, omega) both are Normal, single ones with variance sigma_g^2 + omega^2::

        log p(r_1 .. r_G) = sum_g log N(r_g | 0, sigma_g) - log(1 + k) / 2 + omega^2 b^2 / (2 (1 + k))

    with k = omega^2 sum_g 1 / sigma_g^2 and b = sum_g r_g / sigma_g^2. Other densities are integrated over a grid of u.
    """
    known = log_likelihood(equation, series, latent, par, scales)
    if "omega" not in par:
        return known, known.sum(axis=1)
    omega, sigma = par["omega"], par["sigma"]
    if equation.family.gaussian:
        wide = {**par, "sigma": np.hypot(sigma, omega if sigma.ndim == 1 else omega[:, None])}
        precision = np.broadcast_to(sigma.reshape(len(sigma), -1), (len(sigma), len(series)))[..., None] ** -2.0
        total = (precision * (to_latent(equation, series, scales) - latent)).sum(axis=1)
        k = omega[:, None] ** 2 * precision.sum(axis=1)
        common = 0.5 * (omega[:, None] * total) ** 2 / (1.0 + k) - 0.5 * np.log1p(k)
        return log_likelihood(equation, series, latent, wide, scales), known.sum(axis=1) + common
    single, joint = np.full_like(known, -np.inf), np.full(known[:, 0].shape, -np.inf)
    for u, weight in zip(_GRID, _LOG_WEIGHT, strict=True):
        each = log_likelihood(equation, series, latent + u * omega[:, None, None], par, scales)
        single = np.logaddexp(single, weight + each)
        joint = np.logaddexp(joint, weight + each.sum(axis=1))
    return single, joint
