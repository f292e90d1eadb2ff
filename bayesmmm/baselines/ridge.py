"""Two-stage ridge regression: mediators first, then the outcome on the channels and the mediators' fitted values.

What is common in spreadsheets and scripts: half-lives, half-saturations and penalties are found by the error of
forecasts over rolling splits of the past, and the bootstrap gives intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm.baselines.designs import INTERCEPT, carried_over, checked, linear_terms, raw_scales
from bayesmmm.baselines.libraries import library
from bayesmmm.baselines.regression import Regression, Response, fitted_table, table_of
from bayesmmm.data import MMMData
from bayesmmm.engine import check_national, retention
from bayesmmm.equations import MMM
from bayesmmm.errors import EquationError
from bayesmmm.validate import check_ci_prob, check_count, check_seed

# What is searched: days; multiples of mean positive spend; penalties per period.
HALF_LIVES = (1.0, 3.5, 7.0, 14.0, 28.0)
HALF_SATURATIONS = (0.3, 0.6, 1.0, 2.0, 5.0)
PENALTIES = tuple(10.0 ** np.arange(-3.0, 3.5, 0.5))
_GRID = [(half_life, half_saturation) for half_life in HALF_LIVES for half_saturation in HALF_SATURATIONS]
# Rolling splits, share of the first training part, weeks of a block of the bootstrap.
SPLITS, FIRST, BLOCK = 5, 0.5, 8
_DAYS_OF_A_WEEK = 7.0

CANNOT_SAY = (
    "The fitted mediator is a sum of the same channels that stand beside it, so that the split between direct and "
    "indirect effects is decided by the penalty and not by the data. Curves that forecast best are not the true ones, "
    "and the intervals take them as known. What moves spend and outcome alike stays in the effects, and a penalty draws "
    "all of them towards zero."
)


def two_stage_ridge(
    data: MMMData,
    system: MMM | None = None,
    *,
    seed: int = 0,
    candidates: int = 400,
    replicates: int = 300,
    ci_prob: float | None = None,
) -> Regression:
    """Regress mediators on channels, then the outcome on channels and fitted mediators, by ridge (scikit-learn).

    ::

        stage 1   m[t] = a_0 + sum over c of a_c f_c(x_c)[t] + linear terms
        stage 2   y[t] = b_0 + sum over c of b_c g_c(x_c)[t] + b_m m_fitted[t] + linear terms

    f and g carry spend over (geometric, by the period) and saturate it, ``s / (s + k)``. Half-lives, half-saturations
    and the penalty of each stage are those of `candidates` random ones whose forecasts over rolling splits have the
    smallest squared error. Columns are standardised, the intercept is not penalised. Intervals come from a moving-block
    bootstrap of the residuals of both stages, with curves and penalties as they were found. Without mediators it is one
    stage.

    Parameters
    ----------
    data : MMMData
        One national series in which everything was recorded.
    system : MMM, optional
        Whose trend, seasons, events and controls stand in every stage; its curves and priors are not read. By default
        all controls of the data and nothing else.
    seed : int
        Of the search and the bootstrap.
    candidates : int
        Random curves and penalties that are tried in each stage.
    replicates : int
        Of the bootstrap.
    ci_prob : float, optional
        Probability of the intervals.

    Returns
    -------
    Regression
        ``coefficients`` has no standard errors: a penalty leaves none. ``effects`` are over the periods of the data.

    Raises
    ------
    MissingLibraryError
        When scikit-learn is not installed.
    PanelError
        For a panel.
    EquationError
        When something was not recorded.

    References
    ----------
    Hoerl and Kennard (1970), Ridge regression, doi:10.1080/00401706.1970.10488634. Künsch (1989), The jackknife and the
    bootstrap for general stationary observations, doi:10.1214/aos/1176347265.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> world = mm.load_case("social_search")
    >>> found = two_stage_ridge(world.data, world.system, candidates=5, replicates=5)
    >>> found.effects.loc["indirect[tiktok]"].index.tolist()
    ['estimate', 'lower', 'upper']
    """
    check_national(data)
    library("sklearn.linear_model")
    system, ci_prob = checked(data, system), check_ci_prob(ci_prob)
    rng = np.random.default_rng(check_seed(seed))
    candidates = check_count(candidates, "candidates", least=1, advice="as candidates=400")
    replicates = check_count(replicates, "replicates", least=2, advice="as replicates=300")
    for name in (data.outcome, *data.mediators):
        if not data.recorded(name).all():
            raise EquationError(
                f"{name!r} was not recorded in every period, and rolling splits need all of them. Fill the blanks, or "
                f"use least_squares, which leaves them out."
            )
    fixed = _fixed(system, data, raw_scales(data))
    other = np.column_stack(list(fixed.values())) if fixed else np.empty((len(data.dates), 0))
    stages: dict[str, _Stage] = {}
    for name in data.mediators:
        stages[name] = _searched(data, name, other, candidates, rng)
    plugged = np.column_stack([stages[name].fitted for name in stages]) if stages else np.empty((len(other), 0))
    stages[data.outcome] = _searched(data, data.outcome, np.column_stack([plugged, other]), candidates, rng)
    estimate, simulated = _through(data, stages, other, None)
    draws = [_through(data, stages, other, _blocks(data, stages, simulated, rng))[0] for _ in range(replicates)]
    last = stages[data.outcome]
    names = [*data.media, *data.mediators, *fixed]
    coefficients = pd.DataFrame({"estimate": last.coefficient}, index=pd.Index(names, name="term"))
    coefficients.loc[INTERCEPT] = last.intercept
    everywhere = np.ones((1, len(data.dates)), bool)
    return Regression(
        method=f"two-stage ridge of {candidates} candidates",
        cannot_say=CANNOT_SAY,
        coefficients=coefficients,
        effects=table_of(data, _intervals(data, estimate, draws, ci_prob)),
        fitted=fitted_table(data, everywhere, last.fitted),
        ci_prob=ci_prob,
        outcome=data.outcome,
        responses={name: _response(data, stages, k) for k, name in enumerate(data.media)},
        forecast=lambda ahead: _forecast(data, system, stages, ahead),
    )


# --------------------------------------------------------------------------------------------------------- one stage
@dataclass(frozen=True)
class _Stage:
    """A ridge regression with its curves."""

    curves: tuple[tuple[float, float], ...]  # half-life and half-saturation by channel
    media: np.ndarray  # (T, C), carried over and saturated
    penalty: float
    coefficient: np.ndarray  # of channels, then of what stands beside them
    intercept: float
    fitted: np.ndarray


def ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """Coefficients of the columns as they are, and the intercept; the penalty is per row and on standardised columns."""
    # Thousands of small regressions: what an estimator of scikit-learn checks each time would take most of the time.
    solve = library("sklearn.linear_model").ridge_regression
    center, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0.0] = 1.0
    z, middle = (x - center) / spread, y.mean()
    b = solve(z, y - middle, penalty * len(x), solver="cholesky", check_input=False) / spread
    return b, float(middle - center @ b)


def rolling_error(x: np.ndarray, y: np.ndarray, penalty: float) -> float:
    """Mean squared error of forecasts of the next part from all before it."""
    cuts = (np.linspace(FIRST, 1.0, SPLITS + 1) * len(y)).astype(int)
    errors = []
    for start, stop in pairwise(cuts):
        b, intercept = ridge(x[:start], y[:start], penalty)
        errors.append(np.mean((y[start:stop] - x[start:stop] @ b - intercept) ** 2))
    return float(np.mean(errors))


def saturated(x: np.ndarray, kept: float, half_saturation: float) -> np.ndarray:
    """Carried over and saturated spend (T,), ``a / (a + k)``, with x in multiples of its mean where it is positive."""
    a = carried_over(x / x[x > 0].mean(), kept)
    return a / (a + half_saturation)


def _searched(data: MMMData, name: str, other: np.ndarray, candidates: int, rng: np.random.Generator) -> _Stage:
    """The stage whose curves and penalty forecast best."""
    made = [[_curve(data, data.columns[c][0], *pair) for pair in _GRID] for c in data.media]
    y = data.columns[name][0]
    best: tuple[float, list[int], float] = (np.inf, [], 0.0)
    for _ in range(candidates):
        chosen = [int(rng.integers(len(_GRID))) for _ in data.media]
        penalty = float(rng.choice(PENALTIES))
        media = np.column_stack([made[c][i] for c, i in enumerate(chosen)])
        error = rolling_error(np.column_stack([media, other]), y, penalty)
        if error < best[0]:
            best = (error, chosen, penalty)
    _, chosen, penalty = best
    media = np.column_stack([made[c][i] for c, i in enumerate(chosen)])
    return _fitted(tuple(_GRID[i] for i in chosen), media, penalty, other, y)


def _curve(data: MMMData, x: np.ndarray, half_life: float, half_saturation: float) -> np.ndarray:
    return saturated(x, float(retention(half_life, data.days_per_period)), half_saturation)


def _fitted(curves: Any, media: np.ndarray, penalty: float, other: np.ndarray, y: np.ndarray) -> _Stage:
    x = np.column_stack([media, other])
    b, intercept = ridge(x, y, penalty)
    return _Stage(curves, media, penalty, b, intercept, x @ b + intercept)


def _fixed(system: MMM, data: MMMData, scales: Any) -> dict[str, np.ndarray]:
    """Linear terms (T,) but the intercept."""
    terms = linear_terms(system, data, scales)
    return {name: values[0] for name, values in terms.items() if name != INTERCEPT}


# ------------------------------------------------------------------------------------------------------- both stages
def _through(
    data: MMMData, stages: Mapping[str, _Stage], other: np.ndarray, series: Mapping[str, np.ndarray] | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Direct and indirect effects (C,) of both stages fitted to some series, and what they fit."""
    observed = series or {name: data.columns[name][0] for name in stages}
    n, fitted, plugged, moved = len(data.media), {}, [], []
    for name in data.mediators:
        stage = stages[name]
        again = _fitted(stage.curves, stage.media, stage.penalty, other, observed[name])
        fitted[name] = again.fitted
        plugged.append(again.fitted)
        moved.append(again.coefficient[:n] * stage.media.sum(axis=0))
    stage = stages[data.outcome]
    beside = np.column_stack([*plugged, other])
    last = _fitted(stage.curves, stage.media, stage.penalty, beside, observed[data.outcome])
    fitted[data.outcome] = last.fitted
    through = last.coefficient[n : n + len(moved)] @ np.array(moved).reshape(len(moved), n)
    return {"direct": last.coefficient[:n] * stage.media.sum(axis=0), "indirect": through}, fitted


def _blocks(
    data: MMMData, stages: Mapping[str, _Stage], fitted: Mapping[str, np.ndarray], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Series with residuals of blocks of weeks in another order, the same for all stages."""
    n = len(data.dates)
    block = min(n, max(1, round(BLOCK * _DAYS_OF_A_WEEK / data.days_per_period)))
    starts = rng.integers(0, n - block + 1, size=-(-n // block))
    rows = (starts[:, None] + np.arange(block)).ravel()[:n]
    return {name: fitted[name] + (data.columns[name][0] - fitted[name])[rows] for name in stages}


def _intervals(
    data: MMMData, estimate: Mapping[str, np.ndarray], draws: Sequence[Mapping[str, np.ndarray]], ci_prob: float
) -> dict[str, dict[str, tuple[float, float, float]]]:
    """The estimates themselves, between quantiles of the bootstrap."""
    levels, parts = [0.5 * (1.0 - ci_prob), 0.5 * (1.0 + ci_prob)], {}
    for part in ("total", "direct", "indirect"):
        kinds = ("direct", "indirect") if part == "total" else (part,)
        middle = np.sum([estimate[kind] for kind in kinds], axis=0)
        each = np.array([np.sum([draw[kind] for kind in kinds], axis=0) for draw in draws])
        low, high = np.quantile(each, levels, axis=0)
        parts[part] = {c: (float(middle[k]), float(low[k]), float(high[k])) for k, c in enumerate(data.media)}
    return parts


def _response(data: MMMData, stages: Mapping[str, _Stage], channel: int) -> Response:
    """What spend that is kept up for ever brings in a period, through all stages."""
    x = data.columns[data.media[channel]][0]
    unit, n, last = x[x > 0].mean(), len(data.media), stages[data.outcome]
    weights = [(last.coefficient[channel], last.curves[channel][1])]
    for j, name in enumerate(data.mediators):
        stage = stages[name]
        weights.append((last.coefficient[n + j] * stage.coefficient[channel], stage.curves[channel][1]))

    def brought(spend: np.ndarray) -> np.ndarray:
        a = np.asarray(spend, float) / unit
        return np.sum([b * a / (a + k) for b, k in weights], axis=0)

    return brought


def _forecast(data: MMMData, system: MMM, stages: Mapping[str, _Stage], ahead: MMMData) -> np.ndarray:
    """Outcome (1, T) of other data, mediators predicted by their own stages."""
    fixed = _fixed(system, ahead, raw_scales(data))
    other = np.column_stack(list(fixed.values())) if fixed else np.empty((len(ahead.dates), 0))

    def media(stage: _Stage) -> np.ndarray:
        out = []
        for name, (half_life, half_saturation) in zip(data.media, stage.curves, strict=True):
            x = data.columns[name][0]
            kept = float(retention(half_life, data.days_per_period))
            a = carried_over(ahead.columns[name][0] / x[x > 0].mean(), kept)
            out.append(a / (a + half_saturation))
        return np.column_stack(out)

    def value(name: str, beside: np.ndarray) -> np.ndarray:
        stage = stages[name]
        return np.column_stack([media(stage), beside]) @ stage.coefficient + stage.intercept

    plugged = [value(name, other) for name in data.mediators]
    return value(data.outcome, np.column_stack([*plugged, other]))[None]
