"""Plans and frontiers that no solver gave: records of the shapes that budgets have, with numbers made up.

Numbers only need plausible sizes and the sums that a plan promises: cost is spend plus induced spend, lift is return
times spend, uplift is outcome new less current.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.optimize import BindingLimit, Plan, PlanComparison, Solution
from tests.answers_made_up import CHAINS, DRAWS, LONG, SAMPLES, spread_out, weeks

PLANS = ["current", "new"]
THRESHOLD = 0.05


def plan(
    channels=3,
    mediators=("google",),
    *,
    periods=13,
    flighting="flat",
    total=250_000.0,
    bound=True,
    margin=None,
    held_out=True,
    unit="money",
    verdict="converged",
    seed=11,
):
    """As `optimize_budget` gives it; the last channel goes to zero, and the first beyond what was ever spent."""
    rng, names = np.random.default_rng(seed), LONG[:channels]
    dates = weeks(periods, "2023-12-31")
    size = 250_000.0 if total is None else total
    induced = _induced(mediators, rng, size)
    current, new = _spend(rng, names, periods, flighting, size, induced)
    current, new = (
        xr.DataArray(part, {"channel": names, "date": dates}, ("channel", "date")) for part in (current, new)
    )
    current.attrs["factor"] = 1.08
    answers = _answers(rng, current, new, induced, list(mediators), margin, unit)
    answers.attrs |= {"held_out": int(held_out), "verdict": verdict}
    frame, before = (part.to_pandas().T.rename_axis("date").assign(promotion=0.25) for part in (new, current))
    attrs = {
        "outcome": "revenue",
        "unit": unit,
        "objective": "most outcome" if margin is None else "most profit",
        "risk": "mean of the draws",
        "total": total,
        "flighting": flighting,
        "start": f"{dates[0]:%Y-%m-%d}",
        "stop": f"{dates[-1]:%Y-%m-%d}",
        "verdict": verdict,
        "window": "future",
        "mediators": dict.fromkeys(mediators, "respond"),
        "controls": f"as in the last {periods} periods",
        "margin": margin,
        "target": None,
    }
    solution = _solution(answers, names, bound, held_out, total)
    frames = {"frame": frame, "current_frame": before}
    return Plan(spend=new, current=current, answers=answers, solution=solution, attrs=attrs, **frames)


def comparison(channels=3, names=("now", "best", "a plan with a long name")):
    """As `compare_plans` gives it: the two sides of a plan, and what lies between them."""
    base = plan(channels)
    sides = [base.answers.sel(plan=which, drop=True) for which in PLANS]
    draws = [*sides, 0.5 * (sides[0] + sides[1])]
    answers = xr.concat(draws, pd.Index(list(names), name="plan"))[["outcome", "lift", "cost", "induced"]]
    answers["channel_roi"] = xr.concat([each["roi"] for each in draws], answers["plan"])
    answers["roi"], answers["profit"] = answers["lift"] / answers["cost"], answers["outcome"] - answers["cost"]
    answers["extrapolated"] = xr.concat([each["extrapolated"] for each in draws], answers["plan"])
    answers["extrapolated"].attrs = {"threshold": THRESHOLD}
    for name, unit in (("outcome", "money"), ("cost", "money"), ("roi", "money per money")):
        answers[name].attrs = {"unit": unit}
    answers["roi"].attrs["threshold"] = 1.0
    answers.attrs = {"verdict": "converged", "draws": "draws that had no part in choosing any"}
    spend = [base.current, base.spend, 0.5 * (base.current + base.spend)]
    spend = xr.concat(spend, answers["plan"], combine_attrs="override")
    attrs = {name: base.attrs[name] for name in ("outcome", "unit", "start", "stop", "verdict", "window")}
    return PlanComparison(answers, spend, attrs | {"margin": 1.0})


def panel_plan(channels=3, geos=("north", "south", "west")):
    """As `optimize_budget` gives it for a panel, without what answers tell of geos; the last never bought the last."""
    base = plan(channels, mediators=())
    names = base.spend["channel"].values.tolist()
    share = xr.DataArray(np.linspace(1.0, 2.0, len(geos)), {"geo": list(geos)}, ("geo",))
    share = share / share.sum()
    bought = xr.ones_like(share * base.spend.isel(date=0, drop=True))
    bought.loc[geos[-1], names[-1]] = 0.0
    pairs = [(geo, name) for geo in geos for name in names if float(bought.sel(geo=geo, channel=name))]
    net = pd.Series(1.2, pd.MultiIndex.from_tuples(pairs, names=["geo", "channel"]))
    spend, current = (
        (part * share * bought).transpose("geo", "channel", "date") for part in (base.spend, base.current)
    )
    spend = spend * (0.7 + 0.6 * share / share.max())
    attrs = {**base.attrs, "held_geos": (), "unbought": ((names[-1], geos[-1]),)}
    solution = replace(base.solution, net_marginal=net, binding=())
    return replace(base, spend=spend, current=current, attrs=attrs, solution=solution)


def _induced(mediators, rng, size):
    """Induced spend (chain, draw, plan, mediator): about 6 % of the total each, a little more under the new plan."""
    mean = 0.06 * size * np.array([1.0, 1.15])[:, None] * np.ones(len(mediators))
    return spread_out(mean, 0.25, rng)


def _spend(rng, names, periods, flighting, size, induced):
    """Money (channel, date) of both plans; with induced spend each comes to the size in the mean."""
    out = []
    share = rng.dirichlet(np.full(len(names), 3.0))
    moved = share * rng.uniform(0.5, 1.6, len(names))
    moved[0] = max(2.0 * share[0], moved[0])
    if len(names) > 1:
        moved[-1] = 0.0
    for i, part in enumerate((share, moved)):
        shape = rng.gamma(3.0, 1.0, (len(names), periods)) * (rng.random((len(names), periods)) < 0.8) + 1e-3
        shape = np.ones_like(shape) if flighting == "flat" and i == 1 else shape
        money = size - induced[:, :, i].sum(-1).mean()
        out.append(money * (part / part.sum())[:, None] * shape / shape.sum(1, keepdims=True))
    return out


def _answers(rng, current, new, induced, mediators, margin, unit):
    names = current["channel"].values.tolist()
    spend = np.stack([current.sum("date").values, new.sum("date").values])
    # The channel that gets more returns most, the one that is given up least.
    now = np.linspace(2.6, 0.5, len(names))
    median = np.stack([now, now * (spend[0] / spend[1].clip(1e-9)).clip(0.7, 1.3) ** 0.4])
    roi = spread_out(median, 0.3, rng, each=False) * spread_out(np.ones_like(median), 0.15, rng, each=True)
    roi = np.where(spend > 0.0, roi, np.nan)
    lift = np.nansum(roi * spend, -1)
    base = spread_out(np.array([2.4e6, 2.4e6]), 0.02, rng)
    outcome = base + lift
    uplift = outcome[..., 1] - outcome[..., 0]
    cost = spend.sum(-1) + induced.sum(-1)
    gain = uplift if margin is None else margin * uplift - (cost[..., 1] - cost[..., 0])
    unseen = np.zeros((2, len(names)))
    unseen[1, 0] = 0.35
    dims, money = ("chain", "draw", "plan"), {"unit": "money"}
    per = {"unit": f"{unit} per money"} | ({"threshold": 1.0} if unit == "money" else {})
    variables = {
        "outcome": (dims, outcome, {"unit": unit}),
        "lift": (dims, lift, {"unit": unit}),
        "uplift": (dims[:2], uplift, {"unit": unit}),
        "gain": (dims[:2], gain, {"unit": unit if margin is None else "money"}),
        "cost": (dims, cost, money),
        "roi": ((*dims, "channel"), roi, per),
        "marginal_roi": ((*dims, "channel"), 0.8 * roi, per),
        "extrapolated": (("plan", "channel"), unseen, {"unit": "share of spend", "threshold": THRESHOLD}),
    }
    coords = {**SAMPLES, "plan": PLANS, "channel": names}
    if mediators:
        variables["induced"] = ((*dims, "mediator"), induced, money)
        coords["mediator"] = mediators
    return xr.Dataset(variables, coords)


def _solution(answers, names, bound, held_out, total):
    gain = float(answers["gain"].mean())
    objective = 1.02 * gain
    net = answers["marginal_roi"].sel(plan="new").median(("chain", "draw")).to_pandas() * 0.93
    return Solution(
        status="converged",
        iterations=34,
        evaluations=61,
        objective=objective,
        held_out=gain if held_out else None,
        starts=(0.91 * objective, 0.97 * objective, objective),
        multiplier=0.0 if total is None else 1.234,
        kkt=0.00031,
        net_marginal=net.fillna(0.4).rename("net_marginal"),
        binding=(
            BindingLimit("bound", "upper", 123_456.0, names[0]),
            BindingLimit("group", "lower", 20_000.0, name="social"),
        ),
        bound=1.002 * objective if bound else None,
        gap=0.002 * objective if bound else None,
        no_bound="" if bound else "two channels feed the Hill curve of google",
        bandwidth=None,
        draws=CHAINS * DRAWS,
        held_out_draws=CHAINS * DRAWS if held_out else 0,
        seconds=0.83,
    )


def changed(made, **attrs):
    """Return a plan with other attributes."""
    return replace(made, attrs={**made.attrs, **attrs})


def frontier(channels=3, *, totals=9, unit="money", verdict="converged", unseen=True, seed=12):
    """As `frontier` gives it: totals from a quarter to twice the current one, which is 250 000."""
    rng, names, now = np.random.default_rng(seed), LONG[:channels], 250_000.0
    total = now * np.linspace(0.25, 2.0, totals)
    spend = total[:, None] * rng.dirichlet(np.full(len(names), 3.0))
    ceiling, half = (spread_out(np.array([value]), size, rng) for value, size in ((1.2e6, 0.25), (2.5e5, 0.3)))
    lift = ceiling * total / (half + total)
    base = spread_out(np.array([2.4e6]), 0.02, rng)
    cost = total * spread_out(np.ones(totals), 0.01, rng)
    slope = (ceiling * half / (half + total) ** 2).mean((0, 1))
    share = np.clip(0.6 * (total / now - 1.2), 0.0, 1.0)[:, None] * np.ones(len(names)) * unseen
    before = 0.9 * (ceiling * now / (half + now))[..., 0]
    dims = ("chain", "draw", "total")
    variables = {
        "spend": (("total", "channel"), spend, {"unit": "money"}),
        "outcome": (dims, base + lift, {"unit": unit}),
        "lift": (dims, lift, {"unit": unit}),
        "roi": (
            dims,
            lift / cost,
            {"unit": f"{unit} per money"} | ({"threshold": 1.0} if unit == "money" else {}),
        ),
        "marginal": ("total", slope, {"unit": f"{unit} per money"}),
        "cost": (dims, cost, {"unit": "money"}),
        "extrapolated": (("total", "channel"), share, {"unit": "share of spend", "threshold": THRESHOLD}),
        "current_outcome": (dims[:2], base[..., 0] + before, {"unit": unit}),
        "current_lift": (dims[:2], before, {"unit": unit}),
        "current_cost": (dims[:2], now * spread_out(np.ones(1), 0.01, rng)[..., 0], {"unit": "money"}),
    }
    attrs = {
        "current_total": now,
        "unit": unit,
        "outcome": "revenue",
        "start": "2023-12-31",
        "stop": "2024-03-24",
        "verdict": verdict,
        "held_out": 1,
    }
    return xr.Dataset(variables, {**SAMPLES, "total": total, "channel": names}, attrs)
