"""bayesmmm's half of `speed.py`: its own default priors and settings."""

import itertools
import statistics
import time
import warnings

import measure

WEEKS = 13  # that a budget is planned for
EVALUATIONS, SECONDS = 400, 3.0  # gradients that are timed: so many, or as long as that


def model(mm, given):
    """Data and system: the mediator, where there is one, is an equation of its own."""
    mediators = {given.mediator: "money"} if given.mediator else {}
    data = mm.MMMData.from_frame(
        given.frame,
        date=given.date,
        outcome=given.outcome,
        media=given.media,
        mediators=mediators,
        controls=given.controls,
    )
    season = mm.Fourier(period=365.25, order=2) if given.season else ()
    common = {"linear": given.controls, "seasonality": season, "trend": given.trend}
    first = [mm.Equation(name, media=given.media, likelihood="censored_normal", **common) for name in mediators]
    return mm.MMM([*first, mm.Equation(given.outcome, media=[*given.media, *mediators], **common)]), data


def gradient_seconds(system, data) -> tuple[float, int]:
    """Median seconds of one evaluation of log density and gradient around the prior medians, and its dimension."""
    import numpy as np

    from bayesmmm.inference import write_program

    program = write_program(system, data, data.scales())
    size = len(program.start)
    points = program.start + np.random.default_rng(1).uniform(-1.0, 1.0, (50, size))
    program.log_density(points[0])
    seconds: list[float] = []
    for point in itertools.cycle(points):
        seconds.append(measure.clocked(program.log_density, point)[1])
        if len(seconds) >= EVALUATIONS or (sum(seconds) > SECONDS and len(seconds) >= 20):
            return statistics.median(seconds), size


def answers(mm, fit) -> dict[str, list[float]]:
    """Seconds of the first and second `roi` and of the first and second plan, the second of another total."""
    import numpy as np
    import pandas as pd

    last = fit.data.to_frame().tail(WEEKS)
    weeks = pd.date_range(fit.data.dates[-1], periods=1 + WEEKS, freq="7D", name="date")[1:]
    controls = {"event_1": 0.0, "event_2": 0.0}
    controls["t"] = pd.Series(len(fit.data.dates) + np.arange(WEEKS, dtype=float), index=weeks)
    total = float(last[list(fit.data.media)].sum().sum())
    asked = {"periods": WEEKS, "controls": controls}
    fit = fit.accept_unconverged()
    return {
        # What an answer imports belongs to its first call.
        "roi_s": [measure.clocked(lambda: mm.roi(fit))[1] for _ in range(2)],
        "plan_s": [
            measure.clocked(lambda f: mm.optimize_budget(fit, total=f * total, **asked), f)[1] for f in (1.0, 1.25)
        ],
    }


def main() -> None:
    """Time the imports, then the fit call, then what is asked for beside it, and print one JSON line."""
    options = measure.arguments()
    start = time.perf_counter()
    import nutpie

    import bayesmmm as mm

    fit_system = mm.fit  # names load when asked for: their imports belong to this clock
    import speed_worlds

    from bayesmmm.inference import groups

    import_s = time.perf_counter() - start
    warnings.filterwarnings("ignore")
    sampling = measure.clock(nutpie, "sample")
    # The coefficients that were integrated out are drawn afterwards.
    coefficients = measure.clock(groups, "draw_coordinates")

    given = speed_worlds.world(options)
    system, data = model(mm, given)
    settings = {"seed": options.seed, "draws": options.draws, "tune": options.tune, "progress": False}
    settings["cores"] = measure.CORES
    fit, fit_s = measure.clocked(fit_system, system, data, **settings)
    taken = measure.so_far()
    if options.fill:
        gradient_seconds(system, data)
        return measure.report(options)

    posterior = fit.tree["posterior"].to_dataset()
    names = [name for name, values in posterior.data_vars.items() if "date" not in values.dims]
    figures = measure.fit_figures(
        taken,
        posterior[names],
        fit.tree["sample_stats"].to_dataset(),
        draws=options.draws,
        fit_s=fit_s,
        sampling_s=sum(sampling) + sum(coefficients),
        import_s=import_s,
    )
    if options.case == "sweep":
        figures["gradient_s"], figures["coordinates"] = gradient_seconds(system, data)
    if options.case == "mmm_example":
        system, data = model(mm, speed_worlds.shorter(given))
        coefficients.clear()
        figures["second_fit_s"] = measure.clocked(fit_system, system, data, **settings)[1]
        figures["second_sampling_s"] = sampling[-1] + sum(coefficients)
        figures |= answers(mm, fit)
    measure.report(options, **figures)


if __name__ == "__main__":
    main()
