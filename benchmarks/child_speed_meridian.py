"""Meridian's half of `speed.py`: a national model of revenue with its own default priors and settings.

`Meridian.sample_posterior` traces and compiles its sampler in every call. JAX tells when the compiler is done, and what
comes after that, until the draws are there, is the sampler alone.
"""

import time
import warnings

import measure

ADAPT = 500  # adaptation steps; as many more are thrown away before draws are kept


def inputs(builder_class, given):
    """The data in Meridian's form."""
    return builder(builder_class, given).build()


def builder(builder_class, given):
    """What builds the data in Meridian's form: impressions act, spend scales the returns."""
    frame = given.frame.assign(time=given.frame[given.date].dt.strftime("%Y-%m-%d"))
    channels = [name.removesuffix("_spend") for name in given.media]
    out = builder_class(kpi_type="revenue")
    out.with_kpi(frame, kpi_col=given.outcome, time_col="time")
    out.with_controls(frame, control_cols=list(given.controls), time_col="time")
    out.with_media(
        frame,
        media_cols=[f"{name}_impression" for name in channels],
        media_spend_cols=list(given.media),
        media_channels=channels,
        time_col="time",
    )
    return out


class Clocks:
    """When the compiler was last done, and how long compilation and sampling took inside the sampler."""

    def __init__(self, jax, backend) -> None:
        self.compiled, self.compile_s, self.sampling_s = 0.0, [], []
        jax.monitoring.register_event_duration_secs_listener(self._heard)
        sampler = backend.xla_windowed_adaptive_nuts

        def timed(**keywords):
            start = self.compiled = time.perf_counter()
            found = jax.block_until_ready(sampler(**keywords))
            self.compile_s.append(self.compiled - start)
            self.sampling_s.append(time.perf_counter() - self.compiled)
            return found

        backend.xla_windowed_adaptive_nuts = timed

    def _heard(self, event: str, seconds: float, **_) -> None:
        if event.endswith("backend_compile_duration"):
            self.compiled = time.perf_counter()


def main() -> None:
    """Time the imports, then model and posterior, then the posterior once more, and print one JSON line."""
    options = measure.arguments()
    start = time.perf_counter()
    import jax
    import speed_worlds
    from meridian import backend
    from meridian.data.data_frame_input_data_builder import DataFrameInputDataBuilder
    from meridian.model.model import Meridian
    from meridian.model.spec import ModelSpec

    import_s = time.perf_counter() - start
    warnings.filterwarnings("ignore")
    clocks = Clocks(jax, backend)
    data = inputs(DataFrameInputDataBuilder, speed_worlds.world(options))
    adapt = min(ADAPT, options.tune // 2)
    settings = {"n_chains": measure.CHAINS, "n_adapt": adapt, "n_keep": options.draws}
    settings["n_burnin"] = options.tune - adapt

    model, build_s = measure.clocked(Meridian, input_data=data, model_spec=ModelSpec())
    _, posterior_s = measure.clocked(model.sample_posterior, **settings, seed=options.seed)
    taken = measure.so_far()
    posterior, stats = model.inference_data.posterior, model.inference_data.sample_stats
    # Deterministic numbers are stored beside the sampled ones: of a national model these are what is sampled.
    names = ["alpha_m", "ec_m", "roi_m", "gamma_c", "knot_values", "sigma"]
    figures = measure.fit_figures(
        taken,
        posterior[names],
        stats,
        draws=options.draws,
        fit_s=build_s + posterior_s,
        sampling_s=clocks.sampling_s[0],
        build_s=build_s,
        compile_s=clocks.compile_s[0],
        import_s=import_s,
        posterior_s=posterior_s,
    )
    again = measure.clocked(model.sample_posterior, **settings, seed=options.seed + 1)[1]
    measure.report(options, **figures, second_posterior_s=again, second_sampling_s=clocks.sampling_s[1])


if __name__ == "__main__":
    main()
