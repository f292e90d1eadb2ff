"""The regressions of `recovery.py`: least squares on carried-over spend, two-stage ridge with a plug-in mediator.

Both get the season (where the analyst's system has one), trend and price, and judge the same periods. Knows NumPy,
SciPy and pandas, nothing of bayesmmm.

**Least squares.** Spend is carried over with a half-life of a week and not saturated. The total effect of a channel is
its coefficient in the regression of the outcome without the mediator; the indirect effect is the product of its
coefficient in the regression of the mediator and that of the mediator in the regression of the outcome on both, with
Sobel's standard error (Baron and Kenny 1986, doi:10.1037/0022-3514.51.6.1173; Sobel 1982, doi:10.2307/270723).

**Two-stage ridge.** Stage 1 regresses the mediator on channels that are carried over (geometric) and saturated
(``a / (a + k)``); stage 2 regresses the outcome on the channels and the *fitted* mediator of stage 1. Half-lives,
half-saturations and the penalty are searched at random, by the error of forecasts over rolling splits. Effects are by
zero-out through both stages; intervals by a moving-block bootstrap of the residuals of both stages, the transforms and
penalties held as found.
"""

import child_recovery_cases as cases
import numpy as np
from scipy import stats

WEEK = 7.0  # days: the half-life of carry-over in the least squares
# Two-stage ridge: what is searched.
HALF_LIVES = (1.0, 3.5, 7.0, 14.0, 28.0)  # days
HALF_SATURATIONS = (0.3, 0.6, 1.0, 2.0, 5.0)  # multiples of mean positive spend
PENALTIES = tuple(10.0 ** np.arange(-3.0, 3.5, 0.5))
CANDIDATES, SPLITS, FIRST = 400, 5, 0.5  # random transforms; rolling splits; share of the first training part
REPLICATES, BLOCK = 300, 8  # of the bootstrap; weeks


def controls(case: cases.Case) -> np.ndarray:
    """Trend, price and, where the analyst has one, the yearly wave; not the intercept."""
    frame = case.frame
    columns = [frame[cases.TREND], *(frame[name] for name in cases.CONTROLS)]
    if case.season:
        days = (frame[cases.DATE] - np.datetime64("1970-01-01")).dt.days
        columns += [wave(2.0 * np.pi * days / cases.YEAR) for wave in (np.sin, np.cos)]
    return np.column_stack(columns)


def carried_over(x: np.ndarray, half_life: float) -> np.ndarray:
    """Geometric carry-over with weights that sum to one, ``a_t = (1 - k) x_t + k a_{t-1}``, ``k = 0.5^(7 / h)``."""
    kept, last = 0.5 ** (7.0 / half_life), 0.0
    out = np.empty(len(x))
    for t, value in enumerate(x):
        last = (1.0 - kept) * value + kept * last
        out[t] = last
    return out


# ------------------------------------------------------------------------------------------------- least squares
def coefficients(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Coefficients, their standard errors and the degrees of freedom."""
    b, *_ = np.linalg.lstsq(x, y)
    rest, free = y - x @ b, len(y) - x.shape[1]
    error = np.sqrt(rest @ rest / free * np.diag(np.linalg.inv(x.T @ x)))
    return b, error, free


def least_squares(case: cases.Case) -> dict:
    """Estimate total and indirect ROI from three regressions."""
    n = len(cases.CHANNELS)
    carried = np.column_stack([carried_over(case.frame[name].to_numpy(), WEEK) for name in cases.CHANNELS])
    # What is carried beyond the last week is not counted, as in the truth.
    counted = carried.sum(axis=0) / case.spend.to_numpy()
    mediator, outcome = (case.frame[name].to_numpy() for name in (cases.MEDIATOR, cases.OUTCOME))
    x = np.column_stack([carried, np.ones(len(carried)), controls(case)])
    total, error, free = coefficients(x, outcome)
    first, first_error, _ = coefficients(x, mediator)
    second, second_error, _ = coefficients(np.column_stack([x, mediator]), outcome)
    product = first[:n] * second[-1]
    sobel = np.hypot(first[:n] * second_error[-1], second[-1] * first_error[:n])
    quantiles = stats.t(free).ppf(cases.LEVELS)
    return {
        "roi": _labelled(counted * total[:n], counted * error[:n], quantiles),
        "roi_indirect": _labelled(counted * product, counted * sobel, stats.norm.ppf(cases.LEVELS)),
    }


def _labelled(middle: np.ndarray, error: np.ndarray, quantiles: np.ndarray) -> dict[str, list[float]]:
    rows = middle[:, None] + error[:, None] * quantiles
    return dict(zip(cases.CHANNELS, rows.tolist(), strict=True))


# ------------------------------------------------------------------------------------------------ two-stage ridge
def response(x: np.ndarray, half_life: float, half_saturation: float) -> np.ndarray:
    """Carry over and saturate by ``a / (a + k)``, x in multiples of its mean where it is positive."""
    a = carried_over(x / x[x > 0].mean(), half_life)
    return a / (a + half_saturation)


class Ridge:
    """Ridge regression of y on standardised columns; the intercept is not penalised."""

    def __init__(self, x: np.ndarray, penalty: float) -> None:
        self.center, self.spread = x.mean(axis=0), x.std(axis=0) + 1e-12
        z = self._standard(x)
        self.weights = np.linalg.solve(z.T @ z + penalty * len(z) * np.eye(z.shape[1]), z.T)

    def _standard(self, x: np.ndarray) -> np.ndarray:
        return (x - self.center) / self.spread

    def fit(self, y: np.ndarray) -> tuple[np.ndarray, float]:
        """Coefficients of the columns as they are, and the intercept."""
        b = self.weights @ (y - y.mean()) / self.spread
        return b, y.mean() - self.center @ b


def rolling_error(x: np.ndarray, y: np.ndarray, penalty: float) -> float:
    """Mean squared error of forecasts of the next part from all before it."""
    cuts = np.linspace(FIRST, 1.0, SPLITS + 1) * len(y)
    errors = []
    for start, stop in zip(cuts[:-1].astype(int), cuts[1:].astype(int), strict=True):
        b, intercept = Ridge(x[:start], penalty).fit(y[:start])
        errors.append(np.mean((y[start:stop] - x[start:stop] @ b - intercept) ** 2))
    return float(np.mean(errors))


def searched(
    case: cases.Case, y: np.ndarray, other: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Transformed channels (T, C) and penalty with the smallest rolling error."""
    grid = [(h, k) for h in HALF_LIVES for k in HALF_SATURATIONS]
    made = {
        (c, i): response(case.frame[c].to_numpy(), *pair) for c in cases.CHANNELS for i, pair in enumerate(grid)
    }
    best = (np.inf, None, 0.0)
    for _ in range(CANDIDATES):
        media = np.column_stack([made[c, rng.integers(len(grid))] for c in cases.CHANNELS])
        penalty = float(rng.choice(PENALTIES))
        error = rolling_error(np.column_stack([media, other]), y, penalty)
        if error < best[0]:
            best = (error, media, penalty)
    return best[1], best[2]


def two_stage(case: cases.Case) -> dict:
    """Estimate total and indirect ROI through both stages."""
    rng = np.random.default_rng(case.seed)
    mediator, outcome = (case.frame[name].to_numpy() for name in (cases.MEDIATOR, cases.OUTCOME))
    fixed, n = controls(case), len(cases.CHANNELS)
    first_media, first_penalty = searched(case, mediator, fixed, rng)
    x1 = np.column_stack([first_media, fixed])
    stage1 = Ridge(x1, first_penalty)
    b1, intercept1 = stage1.fit(mediator)
    fitted1 = x1 @ b1 + intercept1
    second_media, second_penalty = searched(case, outcome, np.column_stack([fitted1, fixed]), rng)

    def effects(search: np.ndarray, sales: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        a, a0 = stage1.fit(search)
        plugged = x1 @ a + a0
        x2 = np.column_stack([second_media, plugged, fixed])
        b, b0 = Ridge(x2, second_penalty).fit(sales)
        direct = b[:n] * second_media.sum(axis=0)
        return direct, b[n] * a[:n] * first_media.sum(axis=0), plugged, x2 @ b + b0

    _, _, fitted1, fitted2 = effects(mediator, outcome)
    rest = np.stack([mediator - fitted1, outcome - fitted2])
    draws = []
    for _ in range(REPLICATES):
        starts = rng.integers(0, len(outcome) - BLOCK + 1, size=-(-len(outcome) // BLOCK))
        rows = (starts[:, None] + np.arange(BLOCK)).ravel()[: len(outcome)]
        draws.append(effects(fitted1 + rest[0, rows], fitted2 + rest[1, rows])[:2])
    direct, indirect = np.array(draws).swapaxes(0, 1) / case.spend.to_numpy()
    point = [part / case.spend.to_numpy() for part in effects(mediator, outcome)[:2]]
    found = {
        "roi": cases.intervals(direct + indirect),
        "roi_indirect": cases.intervals(indirect),
    }
    for name, values in (("roi", point[0] + point[1]), ("roi_indirect", point[1])):
        for channel, value in zip(cases.CHANNELS, values, strict=True):
            found[name][channel][1] = float(value)  # the estimate itself, not the middle of the bootstrap
    return found


if __name__ == "__main__":
    given = cases.options()
    cases.run(given, "least squares", least_squares)
    cases.run(given, "two-stage ridge", two_stage)
