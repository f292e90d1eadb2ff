"""One PyMC-Marketing fit: Hill saturation, its own default priors, nutpie. Run by `sampling.py`."""

import time

import measure


def main() -> None:
    """Time the imports, then the fit call, and print one JSON line."""
    options = measure.arguments()
    start = time.perf_counter()
    import nutpie
    import pandas as pd
    from pymc_marketing.mmm import MMM, GeometricAdstock, HillSaturation

    import_s = time.perf_counter() - start
    sampling = measure.clock(nutpie, "sample")

    frame = pd.read_csv(options.csv)
    frame["date_week"] = pd.to_datetime(frame["date_week"], format=measure.DATE_FORMAT)
    model = MMM(
        date_column="date_week",
        target_column="y",
        channel_columns=measure.MEDIA,
        control_columns=measure.CONTROLS,
        adstock=GeometricAdstock(l_max=8),
        saturation=HillSaturation(),
        yearly_seasonality=2,
    )
    inputs = frame[["date_week", *measure.MEDIA, *measure.CONTROLS]]

    start = time.perf_counter()
    tree = model.fit(
        inputs,
        frame["y"],
        random_seed=options.seed,
        progressbar=False,
        nuts_sampler="nutpie",
        chains=measure.CHAINS,
        draws=measure.DRAWS,
        tune=measure.TUNE,
        cores=measure.CORES,
    )
    fit_s = time.perf_counter() - start

    if not sampling:
        raise RuntimeError("the fit did not go through nutpie")
    sampled = [variable.name for variable in model.model.free_RVs]
    found = measure.quality(tree["posterior"].to_dataset()[sampled], tree["sample_stats"].to_dataset())
    measure.report(
        "pymc-marketing", options, import_s=import_s, fit_s=fit_s, sampling=sampling, sampled=sampled, **found
    )


if __name__ == "__main__":
    main()
