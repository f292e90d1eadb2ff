"""Prophetverse's half of `peers.py`: a stated ROI, and limits of plans."""

import child_peers
import peer_worlds


def _model(effects, *, engine):
    from prophetverse.effects.trend import FlatTrend
    from prophetverse.sktime import Prophetverse

    return Prophetverse(trend=FlatTrend(), exogenous_effects=effects, inference_engine=engine)


def _indexed(frame):
    import pandas as pd

    return frame.set_index(pd.PeriodIndex(frame["date"], freq="D", name="date")).drop(columns="date")


def stated_roi() -> dict:
    """Return on money with a likelihood that states it; days stand for the weeks of the world."""
    import numpyro.distributions as dist
    import pandas as pd
    from prophetverse.effects import LinearEffect, ROILikelihood
    from prophetverse.engine import MCMCInferenceEngine
    from prophetverse.utils.regex import exact

    world = peer_worlds.stated_roi()
    frame = world.frame.assign(
        date=pd.date_range(peer_worlds.START, periods=len(world.frame)), tv_too=world.frame["tv"]
    )
    table, out = _indexed(frame), {}
    tv = ("tv", LinearEffect(effect_mode="additive", prior=dist.HalfNormal(1.0)), exact("tv"))
    stated = (
        "roi",
        ROILikelihood("tv", roi_mean=peer_worlds.STATED_ROI, roi_scale=peer_worlds.ERROR),
        exact("tv_too"),
    )
    for unit in (1.0, 0.1):  # the same money, in other units
        engine = MCMCInferenceEngine(num_samples=500, num_warmup=500, num_chains=1)
        model, money = _model([tv, stated], engine=engine), unit * table
        model.fit(y=money[["sales"]], X=money[["tv", "tv_too"]])
        parts = model.predict_components(fh=money.index, X=money[["tv", "tv_too"]])
        out[f"unit {unit:g}"] = float(parts["tv"].sum() / money["tv"].sum())
    return out


def plans() -> dict:
    """Money by day and channel under bounds of each channel, and under a total of tv alone."""
    import pandas as pd
    from prophetverse.budget_optimization.constraints import TotalBudgetConstraint
    from prophetverse.budget_optimization.objectives import MaximizeKPI
    from prophetverse.budget_optimization.optimizer import BudgetOptimizer
    from prophetverse.effects import LogEffect
    from prophetverse.engine import MAPInferenceEngine
    from prophetverse.utils.regex import exact

    world = peer_worlds.two_channels()
    frame = world.frame.assign(date=pd.date_range(peer_worlds.START, periods=len(world.frame)))
    table, channels = _indexed(frame), list(peer_worlds.LIMITS)
    effects = [(name, LogEffect(effect_mode="additive"), exact(name)) for name in channels]
    model = _model(effects, engine=MAPInferenceEngine())
    model.fit(y=table[["sales"]], X=table[channels])
    horizon = table.index[-peer_worlds.PLANNED :]
    table.loc[horizon, channels] = [80.0, 20.0]
    settings = {"tv, radio": (None, peer_worlds.LIMITS), "total of tv": (["tv"], None)}
    out = {}
    for name, (limited, bounds) in settings.items():
        total = TotalBudgetConstraint(channels=limited, total=peer_worlds.DAILY * peer_worlds.PLANNED)
        optimizer = BudgetOptimizer(objective=MaximizeKPI(), constraints=[total], bounds=bounds)
        plan = optimizer.optimize(model, X=table[channels], horizon=horizon, columns=channels)
        money = plan.loc[horizon, channels]
        out[name] = {"success": bool(optimizer.result_.success), **money.to_dict("list")}
    return out


if __name__ == "__main__":
    child_peers.run("prophetverse", {"stated_roi": stated_roi, "plans": plans})
