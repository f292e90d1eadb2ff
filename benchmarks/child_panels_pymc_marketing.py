"""PyMC-Marketing's half of `panels.py`: geos as a further dimension, Hill saturation, its own default priors."""

import logging
import time
import warnings

import measure
import panel_cases

LAGS = 8  # weights of its truncated adstock


def model(case):
    """A model of all geos, the frame it reads, and what it explains; a straight trend is one more control."""
    from pymc_marketing.mmm import MMM, GeometricAdstock, HillSaturation

    frame = case.frame.sort_values([case.date, "geo"]).reset_index(drop=True)
    controls = [*case.controls, "time"]
    frame["time"] = (frame[case.date] - frame[case.date].min()) / (frame[case.date].max() - frame[case.date].min())
    frame[controls] = (frame[controls] - frame[controls].mean()) / frame[controls].std()
    out = MMM(
        date_column=case.date,
        target_column=case.outcome,
        channel_columns=list(case.media),
        control_columns=controls,
        dims=("geo",),
        adstock=GeometricAdstock(l_max=LAGS),
        saturation=HillSaturation(),
        yearly_seasonality=2,
    )
    return out, frame[[case.date, "geo", *case.media, *controls]], frame[case.outcome]


def main() -> None:
    """Fit one case once and print one JSON line."""
    options = measure.arguments()
    start = time.perf_counter()
    import nutpie  # noqa: F401
    import pymc_marketing.mmm  # noqa: F401

    import_s = time.perf_counter() - start
    warnings.filterwarnings("ignore")
    logging.getLogger("pymc").setLevel(logging.ERROR)
    case = panel_cases.read(options.case, options.folder)
    mmm, x, y = model(case)
    before = measure.so_far()["cpu_s"]
    settings = {"chains": measure.CHAINS, "draws": options.draws, "tune": options.tune, "cores": measure.CORES}
    tree, fit_s = measure.clocked(
        mmm.fit, x, y, **settings, random_seed=options.seed, progressbar=False, nuts_sampler="nutpie"
    )
    taken = measure.so_far()
    posterior = tree["posterior"].to_dataset() if hasattr(tree["posterior"], "to_dataset") else tree["posterior"]
    stats = (
        tree["sample_stats"].to_dataset() if hasattr(tree["sample_stats"], "to_dataset") else tree["sample_stats"]
    )
    sampled = {v.name: posterior[v.name] for v in mmm.model.free_RVs}
    scale = mmm.scalers["_target"]
    money = (posterior["channel_contribution"] * scale).sum([d for d in ("date", "geo")])
    spend = x[list(case.media)].sum().to_numpy()
    returns = money / spend
    quantiles = returns.quantile([0.05, 0.5, 0.95], ("chain", "draw")).transpose("channel", "quantile")
    figures = {
        **taken,
        **measure.worst(sampled),
        "fit_cpu_s": taken["cpu_s"] - before,
        "import_s": import_s,
        "fit_s": fit_s,
        "divergences": int(stats["diverging"].sum()),
        "steps_per_draw": float(stats["n_steps"].mean()),
        "roi": {str(n): row.tolist() for n, row in zip(returns["channel"].values, quantiles.values, strict=True)},
        "roi_ess": measure.worst({"roi": returns.transpose("chain", "draw", "channel")})["min_ess"],
    }
    measure.report(options, **figures)


if __name__ == "__main__":
    main()
