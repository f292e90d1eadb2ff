"""mmm-framework's half of `peers.py`: what goes through a mediator, and what past it."""

import child_peers
import peer_worlds


def _fitted(route: str, *, mapped: bool = False) -> dict:
    """Shares and contributions that a nested model with one observed mediator finds, beside the truth.

    The mediator is standardised, since its noise has a prior in units of the mediator.
    """
    import numpy as np
    from mmm_framework.mmm_extensions import MediatorConfigBuilder, NestedMMM
    from mmm_framework.mmm_extensions.builders import NestedModelConfigBuilder

    world = peer_worlds.mediation(route)
    frame, channels = world.frame, [c for c in ("tv", "social") if c in world.frame]
    queries = (frame["queries"] - frame["queries"].mean()) / frame["queries"].std()
    mediator = (
        MediatorConfigBuilder("queries").fully_observed(0.1).with_positive_media_effect().with_direct_effect()
    )
    config = NestedModelConfigBuilder().add_mediator(mediator.build())
    if mapped:
        config = config.map_channels_to_mediator("queries", ["tv"])
    model = NestedMMM(
        frame[channels].to_numpy(),
        frame["sales"].to_numpy(),
        channels,
        config.build(),
        mediator_data={"queries": queries.to_numpy()},
    )
    found = model.fit(**child_peers.SAMPLER, random_seed=child_peers.SEED, progressbar=False, cores=2)
    table = model.get_mediation_effects().set_index("channel")
    posterior = model.trace["posterior"]
    contribution = posterior["channel_contributions"].sum("obs").median(("chain", "draw"))
    share = {c: float(table.loc[c, "proportion_mediated"]) for c in channels}
    sold = {c: float(np.asarray(contribution.sel(channel=c))) for c in channels}
    import arviz_stats

    sampled = [
        n for n in posterior.data_vars if n.startswith(("alpha", "beta", "gamma", "delta", "lambda", "sigma"))
    ]
    worst = max(float(v.max()) for v in arviz_stats.rhat(posterior.dataset[sampled]).data_vars.values())
    diverging = int(model.trace["sample_stats"]["diverging"].sum())
    kind = type(found).__name__
    return {
        "share": share,
        "contribution": sold,
        "truth": world.truth,
        "rhat": worst,
        "divergences": diverging,
        "k": kind,
    }


CASES = {
    "through, one channel": lambda: _fitted("through"),
    "past, one channel": lambda: _fitted("past"),
    "two channels": lambda: _fitted("routed and not"),
    "two channels, one mapped": lambda: _fitted("routed and not", mapped=True),
}

if __name__ == "__main__":
    child_peers.run("mmm-framework", CASES)
