"""PyMC-Marketing's half of `speed.py`: Hill saturation, its own default priors, by nutpie or PyMC's own NUTS."""

import logging
import time
import warnings

import measure


class Clocks:
    """Seconds inside the parts of a fit: building the model, compiling it, sampling."""

    def __init__(self, model_class, sampler: str) -> None:
        self.build = measure.clock(model_class, "build_model")
        if sampler == "nutpie":
            import nutpie

            self.compile = measure.clock(nutpie, "compile_pymc_model")
            self.sampling = measure.clock(nutpie, "sample")
        else:
            import pymc.sampling.mcmc as mcmc

            # PyMC compiles the density while it prepares the steps; its workers are started by what samples.
            self.compile = measure.clock(mcmc, "init_nuts")
            self.sampling = measure.clock(mcmc, "_mp_sample")

    def take(self) -> dict[str, float]:
        """Seconds since the last call, by part."""
        found = {}
        for name in ("build", "compile", "sampling"):
            seconds = getattr(self, name)
            if len(seconds) != 1:
                raise RuntimeError(f"the fit went through {name} {len(seconds)} times, not once")
            found[f"{name}_s"] = seconds.pop()
        return found


def fitted(given, options):
    """A function that fits, and returns the model and its draws.

    Controls are standardised in the set whose controls run into the thousands: their priors are on the scale of one.
    A straight line in time is one more control.
    """
    import speed_worlds
    from pymc_marketing.mmm import MMM, GeometricAdstock, HillSaturation

    channels = [*given.media, *([given.mediator] if given.mediator else [])]
    controls, frame = list(given.controls), given.frame.copy()
    if given.trend:
        frame[controls] = (frame[controls] - frame[controls].mean()) / frame[controls].std()
        frame["time"] = [k / (len(frame) - 1) for k in range(len(frame))]
        controls.append("time")
    model = MMM(
        date_column=given.date,
        target_column=given.outcome,
        channel_columns=channels,
        control_columns=controls or None,
        adstock=GeometricAdstock(l_max=speed_worlds.LAGS),
        saturation=HillSaturation(),
        yearly_seasonality=2 if given.season else None,
    )

    def fit():
        tree = model.fit(
            frame[[given.date, *channels, *controls]],
            frame[given.outcome],
            random_seed=options.seed,
            progressbar=False,
            chains=measure.CHAINS,
            draws=options.draws,
            tune=options.tune,
            cores=measure.CORES,
            # PyMC takes nutpie by itself where that is installed, and its own NUTS in a plain environment.
            nuts_sampler=options.sampler,
        )
        return model, tree

    return fit


def main() -> None:
    """Time the imports, then the fit call and its parts, and print one JSON line."""
    options = measure.arguments()
    start = time.perf_counter()
    if options.sampler == "nutpie":
        import nutpie  # noqa: F401
    import speed_worlds
    from pymc_marketing.mmm import MMM

    import_s = time.perf_counter() - start
    warnings.filterwarnings("ignore")
    logging.getLogger("pymc").setLevel(logging.ERROR)
    clocks = Clocks(MMM, options.sampler)

    given = speed_worlds.world(options)
    (model, tree), fit_s = measure.clocked(fitted(given, options))
    taken, parts = measure.so_far(), clocks.take()
    if options.fill:
        return measure.report(options)

    names = [variable.name for variable in model.model.free_RVs]
    figures = measure.fit_figures(
        taken,
        tree["posterior"].to_dataset()[names],
        tree["sample_stats"].to_dataset(),
        draws=options.draws,
        fit_s=fit_s,
        import_s=import_s,
        **parts,
    )
    if options.case == "mmm_example":
        figures["second_fit_s"] = measure.clocked(fitted(speed_worlds.shorter(given), options))[1]
        figures["second_sampling_s"] = clocks.take()["sampling_s"]
    measure.report(options, **figures)


if __name__ == "__main__":
    main()
