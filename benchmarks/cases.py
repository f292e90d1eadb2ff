"""Is a model worth more than the method it replaces? Every case on ten data sets; writes CASES.md, a figure and a JSON.

    python benchmarks/cases.py --seeds 10 --minutes 8

Runs in the environment of the checkout. A run goes on where the last one stopped, since every row is kept in the JSON;
give another ``--out`` after a change of the worlds or of a method. See README.md in this folder.
"""

import argparse
import json
import os
import platform
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cases_figure
import cases_report
import ecommerce_case
import numpy as np
import pandas as pd

import bayesmmm as mm
from bayesmmm import simulate
from bayesmmm.baselines import Regression
from bayesmmm.data import MMMData, next_dates
from bayesmmm.equations import MMM
from bayesmmm.results import Fit
from bayesmmm.simulate import World

HERE = Path(__file__).resolve().parent
PROBABILITY = 0.9
# Of every fit and of every plan.
SETTINGS = {"draws": 600, "tune": 500, "chains": 2, "progress": False}
PLAN_DRAWS, COPIES = 400, 100
# Days to plan, and how much a channel may get more or less than in a mean period.
HORIZON, CHANGE = 91, 0.5


@dataclass(frozen=True)
class Case:
    """A world, the method that the model is to replace, and the system, where it is not that of the world."""

    make: Callable[..., World]
    method: str
    baseline: Callable[[World, int], Regression]
    system: MMM | None = None


def _brands(seed: int) -> World:
    return simulate.ecommerce(seed=seed, series=10, rows=5000).world


def _direct_or_not() -> MMM:
    """The system of the world, whose question is what social channels do by themselves: it may be nothing."""
    system = mm.load_case("social_search").system
    equations = [system.equation(name) for name in system.mediators]
    last = system.equation(system.outcome)
    signs = {name: "any" for name in last.media if name not in system.mediators}
    return MMM([*equations, replace(last, sign=signs)])


def quiet(work: Callable, *arguments: object, **settings: object):
    """Do something without the warnings of the package, which a table of a hundred fits has no room for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mm.errors.BayesMMMWarning)
        return work(*arguments, **settings)


def _plain(world: World, seed: int) -> Regression:
    return mm.baselines.least_squares(world.data, ci_prob=PROBABILITY)


def _terms(world: World, seed: int) -> Regression:
    return mm.baselines.least_squares(world.data, world.system, retention=0.5, ci_prob=PROBABILITY)


def _ridge(world: World, seed: int) -> Regression:
    return mm.baselines.two_stage_ridge(world.data, world.system, seed=seed, ci_prob=PROBABILITY)


CASES = {
    "youtube": Case(simulate.youtube, "least squares on the spend of the day", _plain),
    "social_search": Case(
        simulate.social_search, "two-stage ridge with the terms of the model", _ridge, _direct_or_not()
    ),
    "shop": Case(simulate.shop, "least squares, half carried over a week, terms of the model", _terms),
    "tv": Case(simulate.tv, "least squares, half carried over a week, terms of the model", _terms),
    "ecommerce": Case(
        _brands, "least squares on the spend of the day, a level for each series", _plain, ecommerce_case.system()
    ),
}


def present(data: MMMData) -> pd.DataFrame:
    """What a mean period has of every channel, by geo."""
    means = {name: np.nanmean(np.where(data.has_row, data.columns[name], np.nan), axis=1) for name in data.media}
    return pd.DataFrame(means, index=pd.Index(data.geos, name="geo"))


def ahead(data: MMMData, *splits: pd.DataFrame) -> pd.DataFrame:
    """A plan that spends each split in every period of its horizon, one after the other; controls of a year before."""
    count = round(HORIZON / data.days_per_period)
    dates = next_dates(data, count * len(splits))
    if len(splits[0]) > 1:
        days = pd.MultiIndex.from_product([dates, splits[0].index], names=["date", "geo"]).to_frame(index=False)
        money = pd.concat(dict(enumerate(splits)), names=["horizon", "geo"]).reset_index()
        horizon = pd.Series(np.arange(len(dates)) // count, dates)
        return (
            days.assign(horizon=days["date"].map(horizon))
            .merge(money, on=["horizon", "geo"])
            .drop(columns="horizon")
        )
    plan = pd.concat([split.loc[split.index.repeat(count)] for split in splits]).set_axis(dates)
    year = round(365.25 / data.days_per_period)
    known = data.to_frame()[list(data.controls)].iloc[-year:].iloc[: len(dates)]
    return plan.join(known.set_axis(dates))


def brings(true: Fit, splits: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Outcome of every plan in the true world, less what paid mediators then cost.

    After a plan it is spent as now for as long again, which the optimiser takes for granted, too: what is carried over
    into these periods counts for the plan, and what they would bring anyway does not.
    """
    data, now = true.data, splits["now"]
    paid = [name for name in data.mediators if data.is_money(name)]
    value = {}
    for label, split in splits.items():
        found = mm.predict(true, ahead(data, split, now))
        value[label] = (found[data.outcome] - sum(found[name] for name in paid)).mean(("chain", "draw"))
    last = value["now"].sizes["date"] // 2
    later = float(value["now"].isel(date=slice(last, None)).sum("date"))
    return {label: float(each.sum("date")) - later for label, each in value.items()}


def plans(fit: Fit, other: Regression, seed: int) -> dict[str, pd.DataFrame]:
    """What each way spends in a mean period, by geo: as now, the plan of the model, that of the baseline."""
    data, now = fit.data, present(fit.data)
    paid = [name for name in data.media if data.is_money(name)]
    best = quiet(
        mm.optimize_budget,
        fit.thin(PLAN_DRAWS),
        plan=ahead(data, now),
        channels=paid,
        change=CHANGE,
        seed=seed,
        **_total(data, float(now[paid].sum().sum())),
    )
    model = best.spend.mean("date").to_series()
    model = model.unstack("channel").loc[now.index] if "geo" in best.spend.dims else model.to_frame().T
    # A regression knows no geo: each of them goes along. What is not money stays.
    total = now.sum()
    change = {name: CHANGE if name in paid else 0.0 for name in data.media}
    bounds = {name: ((1 - change[name]) * amount, (1 + change[name]) * amount) for name, amount in total.items()}
    factor = other.allocate(float(total.sum()), bounds) / total
    return {
        "now": now,
        "model": now.assign(**{name: model[name].to_numpy() for name in paid}),
        "baseline": now * factor,
    }


def measured(name: str, seed: int) -> dict:
    """One data set: returns by both methods, and what their plans bring."""
    case, start = CASES[name], time.perf_counter()
    world = case.make(seed=seed)
    data = world.data
    fit = quiet(mm.fit, case.system or world.system, data, seed=seed, **SETTINGS).accept_unconverged()
    ours = mm.summarise(quiet(mm.roi, fit, window="outcome"), PROBABILITY)
    other = case.baseline(world, seed)
    channels = [channel for channel in data.media if data.is_money(channel)]
    rows = [f"roi[{channel}]" for channel in channels]
    splits = plans(fit, other, seed)
    true = mm.evaluate.true_fit(world, fit, copies=COPIES if data.mediators else 1)
    return {
        "case": name,
        "seed": seed,
        "verdict": fit.convergence.verdict,
        "sampler": str(fit.convergence).splitlines()[0],
        "channels": channels,
        "truth": world.truth.effects["roi"].sel(channel=channels).values.tolist(),
        "model": ours.loc[rows, ["lower", "median", "upper"]].to_numpy().tolist(),
        "baseline": other.effects.loc[rows, ["lower", "estimate", "upper"]].to_numpy().tolist(),
        "plans": {label: {k: float(v) for k, v in split.sum().items()} for label, split in splits.items()},
        "brings": brings(true, splits),
        "seconds": time.perf_counter() - start,
    }


def _total(data: MMMData, money: float) -> dict:
    """The money of the channels, all of it; what a paid mediator then costs is counted as the loss that it is."""
    money *= round(HORIZON / data.days_per_period)
    if not any(data.is_money(name) for name in data.mediators):
        return {"total": money}
    return {"objective": "profit", "margin": 1.0, "groups": {"all": (list(data.media), (money, money))}}


def main() -> None:
    """Read the options, measure what is missing, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="data sets of each case (%(default)s)")
    parser.add_argument("--first", type=int, default=1, help="seed of the first of them (%(default)s)")
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES), help="cases; none: only write")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="start no data set after so many (%(default)s)"
    )
    parser.add_argument("--out", type=Path, default=HERE / "cases.json", help="JSON (%(default)s)")
    parser.add_argument("--report", type=Path, default=HERE / "CASES.md", help="tables (%(default)s)")
    options = parser.parse_args()
    result = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"rows": []}
    result["machine"] = {"system": platform.system(), "cores": os.cpu_count()}
    result["methods"] = {name: case.method for name, case in CASES.items()}
    result |= {"probability": PROBABILITY, "settings": SETTINGS, "days": HORIZON, "change": CHANGE}
    done, start = {(row["case"], row["seed"]) for row in result["rows"]}, time.perf_counter()
    for seed in range(options.first, options.first + options.seeds):
        for name in options.only:
            if (name, seed) in done or time.perf_counter() - start > 60.0 * options.minutes:
                continue
            row = measured(name, seed)
            result["rows"].append(row)
            print(f"{name}, seed {seed}: {row['seconds']:.1f} s, {row['verdict']}", flush=True)
            options.out.write_text(json.dumps(result, indent=None) + "\n", encoding="utf-8")
    options.out.write_text(json.dumps(result, indent=None) + "\n", encoding="utf-8")
    options.report.write_text(cases_report.written(result), encoding="utf-8")
    cases_figure.draw(result, options.report.with_name("cases.png"))


if __name__ == "__main__":
    main()
