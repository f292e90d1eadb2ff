"""arviz-stats in `peers.py`: an undefined draw, the digits of a metric, the sign of a comparison."""

import child_peers


def _tree(periods: int = 40):
    """Posterior of a Normal mean, with densities of prior and data."""
    import numpy as np
    import xarray as xr

    rng = np.random.default_rng(1)
    shape = (4, 250)
    coords = {"chain": np.arange(4), "draw": np.arange(250), "obs": np.arange(periods)}
    y = rng.normal(300_000.0, 50_000.0, periods)
    mu = rng.normal(y.mean(), 50_000.0 / np.sqrt(periods), shape)
    density = -0.5 * ((y - mu[..., None]) / 50_000.0) ** 2
    groups = {
        "posterior": xr.Dataset({"mu": (("chain", "draw"), mu), "ratio": (("chain", "draw"), mu / 1e5)}),
        "log_prior": xr.Dataset({"mu": (("chain", "draw"), -0.5 * (mu / 1e6) ** 2)}),
        "log_likelihood": xr.Dataset({"y": (("chain", "draw", "obs"), density)}),
        "observed_data": xr.Dataset({"y": (("obs",), y)}),
    }
    return xr.DataTree.from_dict({k: v.assign_coords({c: coords[c] for c in v.dims}) for k, v in groups.items()})


def undefined() -> dict:
    """Diagnosis of prior sensitivity of a quantity, one draw of which is NaN."""
    import arviz_stats
    import numpy as np

    tree = _tree()
    tree["posterior"]["ratio"][0, 3] = np.nan
    table = arviz_stats.psense_summary(tree)
    row = table.loc["ratio"]
    return {"prior": str(row["prior"]), "likelihood": str(row["likelihood"]), "diagnosis": str(row["diagnosis"])}


def digits() -> dict:
    """RMSE as `metrics` returns it by default, of two forecasts whose RMSE is known."""
    import arviz_stats
    import numpy as np
    import xarray as xr

    rng, out = np.random.default_rng(2), {}
    for size in (11_607.0, 12_394.0):
        tree = _tree()
        y = tree["observed_data"]["y"]
        error = rng.standard_normal(y.size)
        error *= size / np.sqrt((error**2).mean())
        replicates = (y + error).expand_dims(chain=4, draw=250)
        tree["posterior_predictive"] = xr.DataTree(xr.Dataset({"y": replicates}))
        out[f"{size:.0f}"] = float(arviz_stats.metrics(tree, kind="rmse").mean)
    return out


def sign() -> dict:
    """Sign of the difference of the worse of two models in `compare`."""
    import arviz_stats

    better, worse = _tree(), _tree()
    worse["log_likelihood"]["y"] -= 1.0
    table = arviz_stats.compare({"better": better, "worse": worse})
    return {"columns": [str(c) for c in table.columns], "difference": float(table.loc["worse", "elpd_diff"])}


if __name__ == "__main__":
    child_peers.run("arviz-stats", {"undefined": undefined, "digits": digits, "sign": sign})
