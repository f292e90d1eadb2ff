"""PyMC-Marketing's half of `peers.py`: a forecast that does not continue the data, and a small region."""

import child_peers
import peer_worlds


def _model(channels, **more):
    from pymc_marketing.mmm import MMM, GeometricAdstock, LogisticSaturation

    return MMM(
        date_column="date",
        target_column="sales",
        channel_columns=channels,
        adstock=GeometricAdstock(l_max=8),
        saturation=LogisticSaturation(),
        **more,
    )


def _fit(model, x, y):
    tree = model.fit(
        x,
        y,
        **child_peers.SAMPLER,
        cores=2,
        random_seed=child_peers.SEED,
        progressbar=False,
        nuts_sampler="nutpie",
    )
    return tree


def gap() -> dict:
    """Mean forecast of eight weeks without spend, one week after the data and 22 weeks after them."""
    import numpy as np
    import pandas as pd

    frame = peer_worlds.two_channels().frame
    model = _model(["tv", "radio"])
    x = frame[["date", "tv", "radio"]]
    _fit(model, x, frame["sales"])
    out = {}
    for weeks in (1, 23):
        start = frame["date"].iloc[-1] + pd.Timedelta(weeks=weeks)
        ahead = pd.DataFrame({"date": pd.date_range(start, periods=8, freq="7D"), "tv": 0.0, "radio": 0.0})
        found = model.sample_posterior_predictive(
            ahead, include_last_observations=True, random_seed=child_peers.SEED, progressbar=False
        )
        draws = found[next(iter(found.data_vars))]
        mean = draws.mean([d for d in draws.dims if d != "date"])
        out[f"{weeks} weeks on"] = np.asarray(mean.values, float)[-8:].tolist()
    return out


def small_region() -> dict:
    """Scale of the outcome that the model uses, and the return of every region, beside the truth."""
    import numpy as np

    world, out = peer_worlds.small_region(), {}
    frame = world.frame.sort_values(["date", "geo"]).reset_index(drop=True)
    model = _model(["tv"], dims=("geo",))
    tree = _fit(model, frame[["date", "geo", "tv"]], frame["sales"])
    scale = model.scalers["_target"]
    out["scales"] = int(np.asarray(scale).size)
    draws = (tree["posterior"]["channel_contribution"] * scale).sum("date").sel(channel="tv")
    spend = frame.groupby("geo")["tv"].sum()
    for geo in world.truth:
        out[geo] = child_peers.interval(draws.sel(geo=geo).values / spend[geo], 0.9)
    return out | {"truth": world.truth}


if __name__ == "__main__":
    child_peers.run("pymc-marketing", {"gap": gap, "small region": small_region})
