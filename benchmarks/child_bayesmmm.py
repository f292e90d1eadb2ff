"""One bayesmmm fit of the same equation with its own default priors and settings. Run by `sampling.py`."""

import time

import measure


def main() -> None:
    """Time the imports, then the fit call, and print one JSON line."""
    options = measure.arguments()
    start = time.perf_counter()
    import nutpie

    import bayesmmm as mm

    fit_system = mm.fit  # names load when asked for: PyMC's import belongs to this clock, not to the next
    import_s = time.perf_counter() - start
    sampling = measure.clock(nutpie, "sample")

    data = mm.MMMData.from_csv(
        options.csv,
        date="date_week",
        outcome="y",
        media=measure.MEDIA,
        controls=measure.CONTROLS,
        date_format=measure.DATE_FORMAT,
    )
    season = mm.Fourier(period=365.25, order=2)
    system = mm.MMM([mm.Equation("y", media=measure.MEDIA, linear=measure.CONTROLS, seasonality=season)])

    start = time.perf_counter()
    fit = fit_system(system, data, seed=options.seed)
    fit_s = time.perf_counter() - start

    posterior = fit.tree["posterior"].to_dataset()
    sampled = [name for name, values in posterior.data_vars.items() if "date" not in values.dims]
    found = measure.quality(posterior[sampled], fit.tree["sample_stats"].to_dataset())
    measure.report(
        "bayesmmm", options, import_s=import_s, fit_s=fit_s, sampling=sampling, sampled=sampled, **found
    )


if __name__ == "__main__":
    main()
