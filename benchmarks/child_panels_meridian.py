"""Meridian's half of `panels.py`: its own default priors and settings, knots as they come or so many as are given."""

import os
import time
import warnings

import child_speed_meridian
import measure
import panel_cases

KNOTS = (
    "BAYESMMM_BENCHMARK_KNOTS"  # environment variable: knots of the effect of time; as they come where it is empty
)


def sampled(posterior):
    """What it samples, or would have to be told anew: curves, effects by geo, controls, time, noise.

    Pivots of baselines, which are zero in every draw, have no number.
    """
    names = ["alpha_m", "ec_m", "roi_m", "eta_m", "beta_gm", "gamma_c", "xi_c", "gamma_gc", "tau_g", "knot_values"]
    values = {name: posterior[name] for name in (*names, "sigma") if name in posterior}
    return {name: v.where(v.std(("chain", "draw")) > 0.0) for name, v in values.items()}


def main() -> None:
    """Fit one case once and print one JSON line."""
    options = measure.arguments()
    start = time.perf_counter()
    from meridian.data.data_frame_input_data_builder import DataFrameInputDataBuilder
    from meridian.model.model import Meridian
    from meridian.model.spec import ModelSpec

    import_s = time.perf_counter() - start
    warnings.filterwarnings("ignore")
    case = panel_cases.read(options.case, options.folder)
    builder = child_speed_meridian.builder(DataFrameInputDataBuilder, case)
    builder.with_population(case.frame)
    knots = os.environ.get(KNOTS)
    adapt = min(child_speed_meridian.ADAPT, options.tune // 2)
    settings = {"n_chains": measure.CHAINS, "n_adapt": adapt, "n_keep": options.draws}
    settings["n_burnin"] = options.tune - adapt
    before = measure.so_far()["cpu_s"]
    spec = ModelSpec(knots=int(knots)) if knots else ModelSpec()
    model, build_s = measure.clocked(Meridian, input_data=builder.build(), model_spec=spec)
    _, sample_s = measure.clocked(model.sample_posterior, **settings, seed=options.seed)
    taken = measure.so_far()
    posterior, stats = model.inference_data.posterior, model.inference_data.sample_stats
    returns = posterior["roi_m"]
    quantiles = returns.quantile([0.05, 0.5, 0.95], ("chain", "draw")).transpose("media_channel", "quantile")
    names = [f"{name}_spend" for name in returns["media_channel"].values]
    figures = {
        **taken,
        **measure.worst(sampled(posterior)),
        "fit_cpu_s": taken["cpu_s"] - before,
        "import_s": import_s,
        "fit_s": build_s + sample_s,
        "divergences": int(stats["diverging"].sum()),
        "steps_per_draw": float(stats["n_steps"].mean()),
        "roi": dict(zip(names, quantiles.values.tolist(), strict=True)),
        "roi_ess": measure.worst({"roi": returns})["min_ess"],
    }
    measure.report(options, **figures)


if __name__ == "__main__":
    main()
