"""Half-lives from sums: a process that carries over by the day, seen by day, by week and by month.

    uv run python benchmarks/carry_over.py --seeds 10 --out carry_over.json

Sales of every day follow spend by geometric adstock of days and a Hill curve, with Normal noise; spend changes from
week to week and is even within it. Days are summed to weeks and to calendar months, and fitted with default priors. A
case counts as found where its 90 % interval holds the half-life of the days. "pulse" is the negative control: a prior
on `retention` that the default prior on `half_life` implies, so that the spend of a period acts at its start.

At the end a belief is carried from one calendar to another: half-lives that were learned from days are the prior of a
fit to weeks, and each ROI is compared with that of default priors, in posterior sds.
"""

import argparse
import json
import logging
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import arviz_stats
import numpy as np
import pandas as pd

import bayesmmm as mm
from bayesmmm.results import Fit

HALF_LIVES = (2.0, 5.0, 10.0, 20.0)
WEEKS, NOISE = 208, 20.0
PERIODS = {"days": "D", "weeks": "7D", "months": "MS"}


def days_of(half_lives: Mapping[str, float], seed: int) -> pd.DataFrame:
    """Spend by channel and sales of every day, from a Sunday that is the first of a month on."""
    rng = np.random.default_rng([seed, *map(int, half_lives.values())])
    dates = pd.date_range("2020-03-01", periods=7 * WEEKS, name="date")
    table = pd.DataFrame({"sales": 400.0 + rng.normal(0.0, NOISE, len(dates))}, dates)
    for channel, half_life in half_lives.items():
        spend = np.repeat((rng.random(WEEKS) < 0.4) * rng.gamma(3.0, 30.0, WEEKS), 7) / 7.0
        kept, pressure, stock = 0.5 ** (1.0 / half_life), 0.0, np.empty(len(spend))
        for t, money in enumerate(spend / spend[spend > 0.0].mean()):
            pressure = kept * pressure + (1.0 - kept) * money
            stock[t] = pressure
        table["sales"] += 300.0 * stock / (2.0 + stock)
        table[channel] = spend
    return table


def summed(days: pd.DataFrame, periods: str) -> mm.MMMData:
    """The same sales and spend by day, week or month; what is left of a month at the end is dropped."""
    table = days.resample(PERIODS[periods]).sum()
    if periods == "months" and not days.index[-1].is_month_end:
        table = table.iloc[:-1]
    return mm.MMMData.from_frame(table.reset_index(), date="date", outcome="sales", media=list(table.columns[1:]))


def pulse_prior(data: mm.MMMData) -> mm.Prior:
    """Beta with mean and sd of the retention per period that the default half-lives imply."""
    half_life = np.exp(math.log(7.0) + 0.8 * np.random.default_rng(0).standard_normal(100_000))
    kept = 0.5 ** (data.days_per_period / half_life)
    mean, variance = float(kept.mean()), float(kept.var())
    size = mean * (1.0 - mean) / variance - 1.0
    return mm.Prior("Beta", alpha=mean * size, beta=(1.0 - mean) * size)


def fitted(data: mm.MMMData, priors: dict, seed: int, draws: int = 500) -> Fit:
    """Two short chains."""
    system = mm.MMM([mm.Equation("sales", media=data.media, priors=priors)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mm.fit(system, data, draws=draws, tune=500, chains=2, seed=seed)


def interval(fit: Fit) -> list[float]:
    """Ends of the 90 % interval of the half-life, and its median."""
    return np.quantile(fit.posterior["sales.half_life"].values, [0.05, 0.95, 0.5]).tolist()


def run(seeds: int) -> list[dict]:
    """One row for every half-life, seed, calendar and way to carry over."""
    rows = []
    for half_life in HALF_LIVES:
        for seed in range(seeds):
            days = days_of({"tv": half_life}, seed)
            for periods in ("weeks", "months"):
                data = summed(days, periods)
                for way, priors in {"by day": {}, "pulse": {"retention": pulse_prior(data)}}.items():
                    low, high, median = interval(fitted(data, priors, seed))
                    found = low <= half_life <= high
                    row = {"half_life": half_life, "seed": seed, "periods": periods, "way": way}
                    rows.append({**row, "lower": low, "upper": high, "median": median, "found": found})
    return rows


def learned(fit: Fit) -> dict[str, mm.Prior]:
    """What a fit says of the half-lives of its channels, as a prior for each."""
    logs = np.log(fit.posterior["sales.half_life"])
    priors = {}
    for channel in fit.data.media:
        own = logs.sel({"sales.media": channel})
        priors[channel] = mm.Prior("LogNormal", mu=float(own.mean()), sigma=float(own.std()))
    return priors


def moves(seed: int, draws: int = 4000) -> pd.DataFrame:
    """How far a prior from days moves each ROI of a fit to weeks, and its Monte Carlo error, in posterior sds."""
    days = days_of({"tv": 3.0, "social": 12.0}, seed)
    known = {"half_life": learned(fitted(summed(days, "days"), {}, seed))}
    data = summed(days, "weeks")
    rois = [mm.roi(fitted(data, priors, seed, draws).accept_unconverged()) for priors in ({}, known)]
    sd = rois[0].std(("chain", "draw"))
    errors = [arviz_stats.mcse(roi, method="mean") / sd for roi in rois]
    move = (rois[1].mean(("chain", "draw")) - rois[0].mean(("chain", "draw"))) / sd
    return pd.DataFrame({"move": move.to_series(), "error": np.hypot(*errors).to_series()}).assign(seed=seed)


def main() -> None:
    """Print how often the half-life is found, and write every case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    logging.disable(logging.INFO)
    table = pd.DataFrame(run(asked.seeds))
    if asked.out:
        asked.out.write_text(json.dumps(table.to_dict("records"), indent=1) + "\n", encoding="utf-8")
    by = table.groupby(["periods", "way", "half_life"])
    print(by.agg(found=("found", "sum"), of=("found", "size"), median=("median", "median")).round(2))
    print(table.groupby(["periods", "way"])["found"].agg(["sum", "size"]))
    print(pd.concat([moves(seed) for seed in range(min(asked.seeds, 3))]).round(3))


if __name__ == "__main__":
    main()
