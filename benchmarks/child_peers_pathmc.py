"""pathmc's half of `peers.py`: paths with default priors, and a path through a saturating curve."""

import child_peers
import peer_worlds


def _sampled(model):
    import arviz_stats

    tree = model.fit(**child_peers.SAMPLER, cores=2, random_seed=child_peers.SEED, progressbar=False)
    posterior, stats = tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()
    worst = max(float(v.max()) for v in arviz_stats.rhat(posterior).data_vars.values() if v.notnull().all())
    return {"rhat": worst, "divergences": int(stats["diverging"].sum())}


def large_level() -> dict:
    """Direct and mediated path of x, as the model comes and with its own scaling of columns."""
    import pathmc

    frame = peer_worlds.large_level().frame
    out = {}
    for name, scaling in {
        "raw": None,
        "scaled": pathmc.Scaling(target={"method": "max"}, channel={"method": "max"}),
    }.items():
        model = pathmc.model("m ~ a*x\nsales ~ c*x + b*m", frame, scaling=scaling)
        out[name] = _sampled(model)
        for path in ("x -> sales", "m -> sales", "x -> m -> sales"):
            out[name][path] = child_peers.interval(model.effect(path).draws)
    return out


def curves() -> dict:
    """Product of coefficients along a path through a curve, beside what the model itself says of one unit more."""
    import numpy as np
    import pathmc

    frame = peer_worlds.curved_path().frame
    model = pathmc.model("m ~ a*logistic_saturation(x, lam=lam)\ny ~ b*m", frame)
    out = _sampled(model)
    out["effect"] = child_peers.interval(model.effect("x -> m -> y").draws)
    levels = [float(np.asarray(model.do(set={"x": float(u)}).mean("y"))) for u in range(4)]
    out["units"] = np.diff(levels).tolist()
    return out


if __name__ == "__main__":
    child_peers.run("pathmc", {"large_level": large_level, "curves": curves})
