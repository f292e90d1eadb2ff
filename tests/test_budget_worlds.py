"""Budgets judged by the truth: simulated worlds are fitted by NUTS, planned for, and the plans run in the true model.

Run with ``uv run pytest -m slow -s tests/test_budget_worlds.py``; -s shows the numbers.

The truth of a world is a fit of one draw, its parameters. What a plan brings there is read off `predict` over the
window and a long tail, which knows nothing of how the optimiser counts.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayesmmm import inference
from bayesmmm.data import MONEY, MMMData, next_dates
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import BayesMMMError
from bayesmmm.estimands import predict
from bayesmmm.optimize import optimize_budget
from bayesmmm.simulate import simulate_world
from bayesmmm.validate import PATHS
from tests import worlds
from tests.fits import quiet
from tests.made import made_fit

PERIODS = 13
# Residual paths of the mediators over which the truth is averaged; the optimiser's default is far fewer.
TRUE_PATHS = 64


# ------------------------------------------------------------------------------------------ what a plan truly brings
def _true_fit(world):
    """Fit of one draw: the truth."""
    return made_fit(world.system, world.data, draws=1, chains=1, values=dict(world.truth.parameters.data_vars))


@dataclass(frozen=True)
class Future:
    """The periods after the history: the current plan, then a tail in which its mean is spent, whatever is planned."""

    current: pd.DataFrame
    channels: tuple[str, ...]
    tail: int

    def brought(self, fit, plan, *, paths=TRUE_PATHS):
        """Outcome and cost of a plan over no spend in the window, what is induced included: means of the draws."""
        none = plan.assign(**dict.fromkeys(self.channels, 0.0))
        sums, empty = (self._sums(fit, frame, paths) for frame in (plan, none))
        return sums[0] - empty[0], plan[list(self.channels)].to_numpy().sum() + sums[1] - empty[1]

    def _sums(self, fit, plan, paths):
        """Sums of the outcome and of all paid mediators over window and tail."""
        rows = [plan[self.current.columns], *[self.current.mean().to_frame().T] * self.tail]
        dates = pd.DatetimeIndex(next_dates(fit.data, PERIODS + self.tail), name="date")
        frame = pd.concat(rows, ignore_index=True).set_axis(dates)
        found = predict(fit.accept_unconverged(), frame, paths=paths)
        paid = [m for m in fit.system.mediators if fit.data.mediators[m] == MONEY]
        return float(found[fit.system.outcome].sum("date").mean()), sum(float(found[m].sum()) for m in paid) / (
            found.sizes["chain"] * found.sizes["draw"]
        )

    def spending(self, plan):
        """Return the frame of a plan; what is not decided stays as in the current one."""
        return self.current.assign(**{n: plan.frame[n].to_numpy() for n in self.channels})

    def at_cost(self, fit, plan, cost):
        """Outcome that a plan brings once all its spend is multiplied by what makes it cost so much."""
        factor = 1.0
        for _ in range(100):
            lift, spent = self.brought(fit, plan.assign(**{n: factor * plan[n] for n in self.channels}))
            if abs(spent / cost - 1.0) < 1e-9:
                return lift
            factor *= cost / spent
        raise AssertionError(f"no multiple of the plan was found to cost {cost}")


def _future(data, system, channels, *, tail, factor=1.0):
    """Repeat the last periods, spend multiplied by a factor."""
    dates = pd.DatetimeIndex(next_dates(data, PERIODS), name="date")
    columns = {n: data.columns[n][0, -PERIODS:] * (factor if n in channels else 1.0) for n in system.exogenous}
    return Future(pd.DataFrame(columns, index=dates), tuple(channels), tail)


# -------------------------------------------------------------------------------------------------- realised outcome
SOCIAL = ("facebook", "tiktok", "instagram")
WEEKS = 104
WORLDS = range(1, 21)
LEVEL = 0.05


def _system():
    """Search answers to the social channels; sales to all of them and to search."""
    return MMM(
        [
            Equation("search", media=SOCIAL, linear=["price"], likelihood="censored_normal"),
            Equation("sales", media=[*SOCIAL, "search"], linear=["price"], trend=True),
        ]
    )


def _mediated_world(seed):
    """Three channels of the same spend; how much each sells directly and stirs up in search is drawn for each world.

    Channels alike in spend, so that the default priors, which are the same for all channels, are neither for nor
    against any of them; that search sells about as much as all channels sell directly makes mediation matter.
    """
    rng = np.random.default_rng([seed, WEEKS])
    shape = (len(SOCIAL), WEEKS)
    spend = rng.gamma(4.0, 10.0, shape) * (rng.random(shape) < 0.7)
    # Search and sales are placeholders, whose means set the units.
    columns = {
        "week": pd.date_range("2022-01-02", periods=WEEKS, freq="7D"),
        "sales": np.linspace(900.0, 1100.0, WEEKS),
        "search": np.linspace(10.0, 30.0, WEEKS),
        **dict(zip(SOCIAL, spend, strict=True)),
        "price": rng.normal(10.0, 1.0, WEEKS),
    }
    roles = {"date": "week", "outcome": "sales", "mediators": {"search": MONEY}, "controls": ["price"]}
    data = MMMData.from_frame(pd.DataFrame(columns), media=SOCIAL, **roles)
    parameters = {
        "search": {
            **_curves(rng, [5.0, 5.0, 5.0]),
            "contribution": 0.8 * rng.dirichlet(np.ones(3))[None, None],
            "coefficient": np.array([[0.1, -0.1]]),
            "sigma": np.array([0.3]),
        },
        "sales": {
            **_curves(rng, [7.0, 7.0, 7.0, 3.0]),
            "contribution": np.append(0.15 * rng.dirichlet(np.ones(3)), 0.2)[None, None],
            "coefficient": np.array([[0.65, 0.1, -0.03]]),
            "sigma": np.array([0.04]),
        },
    }
    return simulate_world(_system(), data, parameters=parameters, seed=seed)


def _curves(rng, half_life):
    """Draw carry-over and saturation of each channel around usual values."""
    middle = {"half_life": (np.array(half_life), 0.3), "half_saturation": (1.0, 0.3), "slope": (1.1, 0.15)}
    return {name: m * np.exp(sd * rng.standard_normal((1, len(half_life)))) for name, (m, sd) in middle.items()}


def _planned(fit, total, **settings):
    return quiet(
        optimize_budget,
        fit.accept_unconverged(),
        total=total,
        periods=PERIODS,
        channels=SOCIAL,
        **settings,
    )


def _realised(world, systems):
    """Gain over the current plan in the true model, by planner: at the same true cost, and as planned, net of cost."""
    ahead, truth = _future(world.data, world.system, SOCIAL, tail=52), _true_fit(world)
    now, cost = ahead.brought(truth, ahead.current)
    own = float(ahead.current[list(SOCIAL)].to_numpy().sum())
    settings = {"draws": 400, "tune": 400, "chains": 2, "seed": world.seed, "progress": False}
    plans = {}
    for name, system in systems.items():
        fit = quiet(inference.fit, system, world.data, **settings)
        # Who has an equation for search knows that the current plan costs more than the spend of the channels.
        total = ahead.brought(fit, ahead.current, paths=PATHS)[1] if fit.system.mediators else own
        plans[name] = _planned(fit, total)
    # The optimiser's own count of what the current plan costs, by its scale factor, agrees with that of `predict`.
    assert plans["system"].current.attrs["factor"] == pytest.approx(1.0, abs=5e-3)
    plans["truth known"] = _planned(truth, cost, paths=TRUE_PATHS)
    even = ahead.current.assign(**ahead.current[list(SOCIAL)].mean())
    row = {"current": now, "spread evenly": ahead.at_cost(truth, even, cost) - now}
    for name, plan in plans.items():
        frame = ahead.spending(plan)
        lift, spent = ahead.brought(truth, frame)
        row[name] = ahead.at_cost(truth, frame, cost) - now
        row[f"{name}, net"] = lift - spent - (now - cost)
        row[f"{name}, cost"] = spent / cost
    row["promised"] = float(plans["system"].answers["uplift"].mean())
    # So does its count of what a plan brings.
    assert float(plans["truth known"].answers["uplift"].mean()) == pytest.approx(
        row["truth known"], rel=5e-3, abs=0.1
    )
    return row


@pytest.mark.slow
def test_plans_bring_more_than_the_current_one_and_than_those_of_a_planner_who_ignores_mediation():
    """Twenty worlds, the plans of three planners run in the true model, all at the same true cost.

    "search as a channel" is what the field does: paid search is one more column of spend in a single equation. Its
    planner decides about the social channels with their current spend as the total, search held at its current spend:
    search is bought as people search, so that moving budget to it on paper would not be carried out. "search left
    out" drops that column instead. Either plan is then multiplied by what makes it truly cost as much as the current
    plan, own and induced spend together, and so is ours; without this our planner would also be credited for seeing
    the induced spend that the others overlook. The net figures are of the plans as they were made.

    What mediation is worth depends on the world. Where search returns about as much as the channels do themselves, as
    in the example world, a plan that ignores it is hardly worse.
    """
    sales = _system().equation("sales")
    systems = {
        "system": _system(),
        "search as a channel": MMM([sales]),
        "search left out": MMM([replace(sales, media=SOCIAL)]),
    }
    simulated = [_mediated_world(seed) for seed in WORLDS]
    found = pd.DataFrame([_realised(world, systems) for world in simulated])
    ours = found["system"]
    differences = {
        "the current plan": ours,
        "it spread evenly": ours - found["spread evenly"],
        **{f"the plan with {name}": ours - found[name] for name in list(systems)[1:]},
    }
    p = {
        name: stats.ttest_1samp(values, 0.0, alternative="greater").pvalue for name, values in differences.items()
    }
    summary = pd.DataFrame({"mean": found.mean(), "standard error": found.sem()})
    over = pd.DataFrame({name: (d.mean(), d.sem(), (d > 0).mean(), p[name]) for name, d in differences.items()})
    over.index = ["mean", "standard error", "share above 0", "p"]
    print(f"\n{summary.round(3).to_string()}\n\nsystem less ...\n{over.T.round(5).to_string()}")  # noqa: T201
    assert all(values.mean() > 0.0 for values in differences.values()), over
    assert max(p.values()) < LEVEL, over
    # Nobody does better than who knows the truth, in any world.
    best = found["truth known"]
    assert all((found[name] <= best + 1e-3 * found["current"]).all() for name in ("spread evenly", *systems))


# ------------------------------------------------------------------------------------------ calibration of the promise
DATA_SETS = 100
PROBABILITY = 0.9
DECIDED = ("tv", "social")


def _drawn_worlds(system, data, scales):
    """Worlds with truths drawn from the priors; data that are refused are drawn again, which leaves coverage exact."""
    seed, found = 0, []
    while len(found) < DATA_SETS:
        seed += 1
        try:
            found.append(quiet(simulate_world, system, data, scales=scales, seed=seed))
        except BayesMMMError:
            continue
    return found


def _promise(world, scales, seed):
    """Promised uplift of the best plan of a fixed total, and what it truly is."""
    settings = {"draws": 500, "tune": 500, "chains": 2, "seed": seed, "progress": False}
    fit = quiet(inference.fit, world.system, world.data, scales=scales, **settings)
    total = float(sum(world.data.columns[n][0, -PERIODS:].sum() for n in DECIDED))
    plan = quiet(optimize_budget, fit.accept_unconverged(), total=total, periods=PERIODS)
    uplift = plan.answers["uplift"].values
    assert plan.answers.attrs["held_out"] == 1
    # Half-lives of the priors reach months, so that the tail has to be long.
    factor = plan.current.attrs["factor"]
    ahead = _future(world.data, world.system, DECIDED, tail=156, factor=factor)
    truth = _true_fit(world)
    lift, now = (ahead.brought(truth, frame)[0] for frame in (ahead.spending(plan), ahead.current))
    tail = (1 - PROBABILITY) / 2
    low, high = np.quantile(uplift, [tail, 1 - tail])
    return {"low": low, "high": high, "mean": uplift.mean(), "sd": uplift.std(), "true": lift - now}


def _inside(found, width=1.0):
    """Number of intervals, made narrower around their middle, that hold the truth."""
    middle, half = (found["high"] + found["low"]) / 2, width * (found["high"] - found["low"]) / 2
    return int((np.abs(found["true"] - middle) <= half).sum())


@pytest.mark.slow
def test_the_promised_uplift_is_kept_as_often_as_promised():
    """Truths drawn from the frozen priors: 90 % intervals of the uplift, on draws that did not choose the plan."""
    data = worlds.data(80, seed=5)
    system, scales = worlds.system("normal", "censored_normal"), data.scales()
    simulated = _drawn_worlds(system, data, scales)
    found = pd.DataFrame([_promise(world, scales, i) for i, world in enumerate(simulated)])
    low, high = stats.binom(DATA_SETS, PROBABILITY).ppf([0.005, 0.995])
    off = (found["true"] - found["mean"]) / found["sd"]
    double = (found["true"] - 2 * found["mean"]) / found["sd"]
    print(  # noqa: T201
        f"\n{_inside(found)} of {DATA_SETS} intervals hold the truth, {_inside(found, 0.5)} at half their width; "
        f"allowed {low:.0f} to {high:.0f}\ntrue uplift less promise in posterior sd: mean {off.mean():.3f}, "
        f"standard error {off.sem():.3f}\nmean uplift promised {found['mean'].mean():.0f}, realised "
        f"{found['true'].mean():.0f}; plans better than the current one {(found['true'] > 0).mean():.2f}"
    )
    assert low <= _inside(found) <= high
    # On average the promise is neither too high nor too low.
    assert stats.ttest_1samp(off, 0.0).pvalue > 0.01
    # Negative controls: intervals of half the width, and twice the promise, are caught.
    assert not low <= _inside(found, 0.5) <= high
    assert stats.ttest_1samp(double, 0.0).pvalue < 0.01
