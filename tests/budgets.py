"""Budget problems for tests: fits without sampling, problems without solving, and best plans found by other means.

In a *plain world* channels act within their period and add up, so that what a plan brings can be written down in two
lines of NumPy; everything that has to be the best is compared with what is found from these.
"""

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation
from bayesmmm.optimize import Constraints, Goal, Solver, Window
from bayesmmm.optimize.arguments import fill_in
from bayesmmm.optimize.nonlinear_program import PlanObjective
from bayesmmm.optimize.problem import Problem, build_problem
from tests import made

SIX = ("tv", "radio", "print", "social", "video", "mail")
#: A half-life of which nothing is left after a period, in days.
AT_ONCE = 0.01
CONTROLS = {"price": 10.0, "holiday": 0.0}


# ------------------------------------------------------------------------------------------------- plain worlds
def table(names, *, periods=30, seed=0, scale=1.0) -> pd.DataFrame:
    """Spend with pauses, an outcome well above zero, mediators that move with spend."""
    rng = np.random.default_rng(seed)
    sizes = 20.0 + 80.0 * rng.random(len(names))
    spend = {
        n: s * rng.gamma(2.0, 0.5, periods) * (rng.random(periods) < 0.8)
        for n, s in zip(names, sizes, strict=True)
    }
    media = pd.DataFrame(spend) * scale
    out = media.assign(
        date=pd.date_range("2023-01-01", periods=periods, freq="7D"),
        queries=300.0 + media.sum(axis=1) / scale + rng.normal(0, 20, periods),
        sales=1000.0 + media.sum(axis=1) / scale + rng.normal(0, 30, periods),
    )
    return out.assign(search=scale * (30.0 + 0.2 * media.sum(axis=1) / scale + rng.uniform(0, 10, periods)))


def plain_fit(names=SIX[:3], *, draws=10, chains=2, seed=0, scale=1.0, order=None, table_of=table, **parameters):
    """Fit of sales to channels that act at once; parameters are by name, as ``slope=[1.0, 2.0, 3.0]``.

    What is not given is drawn, the same for a seed. Arrays are (channel,) or (draw of all chains, channel). `order` is
    the order in which channels stand in data and equation.
    """
    rng, n_draw = np.random.default_rng(seed + 77), draws * chains
    drawn = {
        "half_life": np.full(len(names), AT_ONCE),
        "half_saturation": rng.lognormal(0.3, 0.4, len(names)) * rng.lognormal(0.0, 0.2, (n_draw, len(names))),
        "slope": np.ones(len(names)),
        "contribution": rng.uniform(0.05, 0.2, len(names)) * rng.lognormal(0.0, 0.3, (n_draw, len(names))),
    }
    values = {
        f"sales.{key}": dict(zip(names, _by_channel(parameters.get(key, value), draws, chains), strict=True))
        for key, value in drawn.items()
    }
    names = list(order or names)
    system = MMM([Equation("sales", media=names)])
    data = MMMData.from_frame(
        table_of(sorted(names), seed=seed, scale=scale), date="date", outcome="sales", media=names
    )
    return made.made_fit(system, data, draws=draws, chains=chains, seed=seed, values=values)


def _by_channel(value, draws, chains):
    value = np.asarray(value, float)
    return list(value) if value.ndim == 1 else list(value.T.reshape(-1, chains, draws))


def parameter(fit, name, channel, equation="sales") -> np.ndarray:
    """Values (S,) of a parameter, draws of a chain side by side."""
    return fit.posterior[f"{equation}.{name}"].sel({f"{equation}.media": channel}).values.ravel()


def hill(x, half_saturation, slope):
    return x**slope / (half_saturation**slope + x**slope)


def curve(fit, channel, periods, *, equation="sales", every=slice(None)) -> Callable[[np.ndarray], np.ndarray]:
    """Outcome (S, ...) gained by money (...) of a window, spent evenly and acting at once; nothing is asked for it."""
    spend, series = fit.data.columns[channel][0], fit.data.columns[equation][0]
    mean, size = spend[spend > 0.0].mean(), np.abs(series).mean()
    k, n, gamma = (
        parameter(fit, key, channel, equation)[every] for key in ("half_saturation", "slope", "contribution")
    )
    full = size * gamma / hill(spend[:, None] / mean, k, n).mean(axis=0)

    def gained(money):
        money = np.asarray(money, float)
        wide = (slice(None), *(None,) * money.ndim)
        return periods * full[wide] * hill(money / periods / mean, k[wide], n[wide])

    return gained


def mean_curves(fit, periods, money, every=slice(None)) -> np.ndarray:
    """Mean outcome (C, N) that each channel gains by so much money (N,)."""
    return np.array([curve(fit, c, periods, every=every)(money).mean(axis=0) for c in fit.data.media])


def best_split(values: np.ndarray) -> tuple[float, list[int]]:
    """Highest sum of one value per row (C, N + 1) with column numbers that add up to N, by dynamic programming."""
    top, chosen = values[0], []
    for row in values[1:]:
        sums = np.full((len(row), len(row)), -np.inf)
        for j, value in enumerate(row):  # j for this channel, the rest for those before
            sums[j, j:] = top[: len(row) - j] + value
        chosen.append(sums.argmax(axis=0))
        top = sums.max(axis=0)
    left, out = len(top) - 1, []
    for picks in reversed(chosen):
        out.insert(0, int(picks[left]))
        left -= out[0]
    return float(top[-1]), [left, *out]


def ahead(fit, periods, **spend) -> pd.DataFrame:
    """Plan of the next periods with so much money of every channel, evenly; other columns at their mean."""
    step = fit.data.dates[1] - fit.data.dates[0]
    dates = pd.date_range(fit.data.dates[-1] + step, periods=periods, freq=step)
    columns = {n: fit.data.columns[n][0].mean() for n in fit.system.exogenous}
    columns |= {n: money / periods for n, money in spend.items()}
    return pd.DataFrame({"date": dates, **columns})


# --------------------------------------------------------------------------------------- problems without solving
def last_periods(fit, count, before=0) -> dict:
    """Arguments of a window in the fitted periods."""
    dates = fit.data.dates[-count - before : len(fit.data.dates) - before]
    return {"start": dates[0], "stop": dates[-1]}


def problem_of(fit, *, total=None, **short) -> Problem:
    """What `optimize_budget` solves, for the same arguments."""
    if short.get("periods") is not None and short.get("controls") is None:
        short["controls"] = {n: CONTROLS[n] for n in fit.system.exogenous if n in CONTROLS}
    kinds = {"window": Window, "constraints": Constraints, "solver": Solver}
    records = fill_in("problem_of", {name: (kind, None) for name, kind in kinds.items()}, {"paths": 2, **short})
    return build_problem(fit, *records, total=total)


def objective_of(problem: Problem, **goal) -> PlanObjective:
    """Objective of a problem, over all draws that choose; a smoothed risk measure has its bandwidth."""
    objective = PlanObjective(problem.whole, problem.variables, Goal(**{"total": 1.0} | goal), problem.current)
    objective.set_bandwidth(some_plan(objective))
    return objective


def some_plan(objective: PlanObjective, seed=0) -> np.ndarray:
    """Decisions (V,) about as large as now, none of them zero."""
    rng, now = np.random.default_rng(seed), objective.variables.decisions(objective.current)
    return (0.7 * now + 0.3 * objective.unit) * rng.lognormal(0.0, 0.3, len(now))


def differences(function, at: np.ndarray, step=1e-3) -> np.ndarray:
    """Derivative of a function of (V,) by central differences of fourth order."""
    out = []
    for v in range(len(at)):
        move = np.where(np.arange(len(at)) == v, step * at, 0.0)
        near, far = (function(at + k * move) - function(at - k * move) for k in (1, 2))
        out.append((8.0 * near - far) / (12.0 * move[v]))
    return np.array(out)


@functools.cache
def case_fit(name, draws=6, **values):
    """Made fit of the catalogue, or of a random system."""
    if name.startswith("random"):
        return made.made_fit(*made.random_system(int(name.split()[1])), draws=draws, chains=2, seed=1)
    return made.case_fit(name, draws=draws)


# ---------------------------------------------------------------------------------------------- mediated worlds
def mediated_fit(
    mediator="queries", names=("tv", "radio"), *, draws=8, chains=2, seed=0, direct=(), slope=(3.0, 3.0, 2.0)
):
    """Fit in which channels act through one mediator, "queries" or, paid, "search", without carryover or noise.

    `slope` is that of the channels in the mediator's equation, then that of the mediator; `direct` are channels that
    act on sales as well, at slope 1.
    """
    rng, n_draw = np.random.default_rng(seed + 55), draws * chains

    def each(low, high, count):
        center = rng.uniform(low, high, count)
        return _by_channel(center * rng.lognormal(0.0, 0.15, (n_draw, count)), draws, chains)

    second = [mediator, *direct]
    system = MMM([Equation(mediator, media=list(names)), Equation("sales", media=second)])
    values = {
        f"{mediator}.half_life": AT_ONCE,
        "sales.half_life": AT_ONCE,
        f"{mediator}.half_saturation": dict(zip(names, each(1.0, 2.5, len(names)), strict=True)),
        "sales.half_saturation": dict(zip(second, each(1.0, 2.0, len(second)), strict=True)),
        f"{mediator}.slope": dict(zip(names, slope[:-1], strict=True)),
        "sales.slope": {mediator: slope[-1], **dict.fromkeys(direct, 1.0)},
        f"{mediator}.contribution": dict(zip(names, each(0.2, 0.5, len(names)), strict=True)),
        "sales.contribution": dict(zip(second, each(0.2, 0.4, len(second)), strict=True)),
        f"{mediator}.coefficient": {"intercept": 0.3},
        f"{mediator}.sigma": 1e-9,
    }
    data = MMMData.from_frame(
        table(sorted(names), seed=seed),
        date="date",
        outcome="sales",
        media=list(names),
        mediators={mediator: made.UNITS[mediator]},
    )
    return made.made_fit(system, data, draws=draws, chains=chains, seed=seed, values=values)


def mediated(fit, periods, spend, every=slice(None)) -> tuple[np.ndarray, np.ndarray]:
    """Outcome and induced mediator (S, ...) of a mediated world by money of each channel (C, ...), written down."""
    (mediator,) = fit.system.mediators
    names, spend = fit.data.media, np.asarray(spend, float)
    wide = (slice(None), *(None,) * (spend.ndim - 1))
    sizes = {n: np.abs(fit.data.columns[n][0]).mean() for n in (mediator, "sales")}

    def response(equation, cause, per_period):
        return curve(fit, cause, 1, equation=equation, every=every)(per_period)

    def answer(level):  # of sales to the mediator, which differs between draws itself
        seen = fit.data.columns[mediator][0]
        k, n, gamma = (
            parameter(fit, key, mediator)[every] for key in ("half_saturation", "slope", "contribution")
        )
        full = sizes["sales"] * gamma / hill(seen[:, None] / seen.mean(), k, n).mean(axis=0)
        return full[wide] * hill(level / seen.mean(), k[wide], n[wide])

    step = sum(response(mediator, n, u / periods) for n, u in zip(names, spend, strict=True))
    idle = 0.3 * sizes[mediator]
    outcome = answer(idle + step) - answer(idle + 0.0 * step)
    for n in fit.system.equation("sales").media[1:]:
        outcome = outcome + response("sales", n, spend[names.index(n)] / periods)
    return periods * outcome, periods * step
