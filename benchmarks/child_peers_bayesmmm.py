"""Our half of `peers.py`: the worlds that are fitted, with default priors and short chains."""

import child_peers
import peer_worlds


def _fit(equations, world, **roles):
    import bayesmmm as mm

    data = mm.MMMData.from_frame(world.frame, date="date", outcome="sales", **{"media": [], **roles})
    return mm.fit(mm.MMM(equations), data, **child_peers.SAMPLER, seed=child_peers.SEED, progress=False)


def level() -> dict:
    """Sales per unit of x at equal m, and per unit of m."""
    import bayesmmm as mm

    equations = [mm.Equation("m", linear=["x"]), mm.Equation("sales", linear=["x", "m"])]
    fit = _fit(equations, peer_worlds.large_level(), mediators={"m": "units"}, controls=["x"])
    found = fit.coefficients("sales")
    (dim,) = [d for d in found.dims if d not in ("chain", "draw")]
    return {f"per {term}": child_peers.interval(found.sel({dim: term})) for term in ("x", "m")}


def routes() -> dict:
    """Share of each channel's effect that goes through queries, and the whole of it."""
    import bayesmmm as mm

    world, media = peer_worlds.mediation("routed and not"), ["tv", "social"]
    equations = [mm.Equation("queries", media=["tv"]), mm.Equation("sales", media=media, linear=["queries"])]
    fit = _fit(equations, world, media=media, mediators={"queries": "queries"})
    found, out = mm.effects(fit.accept_unconverged(), channels=media), {}
    for channel in media:
        one = found.sel(channel=channel)
        out[f"{channel}: share mediated"] = child_peers.interval(one["indirect"] / one["total"])
        out[f"{channel}: total"] = child_peers.interval(one["total"])
    return out


def roi() -> dict:
    """Return on money, with a prior that states it."""
    import numpy as np

    import bayesmmm as mm

    at, error = peer_worlds.STATED_ROI, peer_worlds.ERROR
    priors = {"roi": {"tv": mm.Prior("LogNormal", mu=float(np.log(at)), sigma=error / at)}}
    fit = _fit([mm.Equation("sales", media=["tv"], priors=priors)], peer_worlds.stated_roi(), media=["tv"])
    draws = mm.roi(fit.accept_unconverged(), window="outcome").sel(channel="tv")
    return {"ROI": child_peers.interval(draws)}


def plans() -> dict:
    """Money by week and channel under bounds of every week, and with the total of tv given."""
    import bayesmmm as mm

    fit = _fit([mm.Equation("sales", media=["tv", "radio"])], peer_worlds.two_channels(), media=["tv", "radio"])
    weeks, limits = peer_worlds.PLANNED, peer_worlds.LIMITS
    of_tv = peer_worlds.DAILY * weeks
    settings = {
        "tv, radio": {"total": of_tv, "period_bounds": limits},
        "total of tv": {"total": 1.2 * of_tv, "bounds": {"tv": (of_tv, of_tv), "radio": (0.0, of_tv)}},
    }
    out = {}
    for name, limited in settings.items():
        spend = mm.optimize_budget(fit.accept_unconverged(), periods=weeks, **limited).spend
        out[name] = {c: spend.sel(channel=c).values.tolist() for c in limits}
    return out


if __name__ == "__main__":
    child_peers.run("bayesmmm", {"level": level, "routes": routes, "roi": roi, "plans": plans})
