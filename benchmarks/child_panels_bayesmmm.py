"""bayesmmm's half of `panels.py`: default priors and settings, period effects as they come."""

import itertools
import statistics
import time
import warnings

import measure
import panel_cases

GRADIENT, ANSWERS, PLAN = "gradient", "answers", "plan"  # cases that are no data set
SIZES = ((20, 156), (40, 208), (80, 260), (150, 300), (300, 500))  # geos and weeks: 3,120 to 150,000 rows
CHANNELS = 4
EVALUATIONS, SECONDS = 200, 5.0  # gradients that are timed: so many, or as long as that


def model(mm, case):
    """Data and system: a straight trend, a yearly season of order two, and the controls, shared by the geos."""
    roles = {"outcome": case.outcome, "media": case.media, "controls": case.controls}
    by = {"geo": "geo"} if case.frame["geo"].nunique() > 1 else {}  # small_business has one region only
    data = mm.MMMData.from_frame(case.frame, date=case.date, **by, **roles)
    season = mm.Fourier(period=365.25, order=2)
    equation = mm.Equation(case.outcome, media=case.media, linear=case.controls, trend=True, seasonality=season)
    return mm.MMM([equation]), data


def gradients(mm) -> list[dict]:
    """Median processor seconds of one evaluation of log density and gradient around the prior medians, by size."""
    import numpy as np

    from bayesmmm.equations import for_data
    from bayesmmm.inference import write_program
    from bayesmmm.inference.process import keep_freed_memory

    out = []
    keep_freed_memory()  # as `fit` does
    for geos, periods in SIZES:
        system, data = model(mm, panel_cases.simulated(geos, periods, CHANNELS))
        program = write_program(for_data(system, data), data, data.scales())
        size = len(program.start)
        points = program.start + np.random.default_rng(1).uniform(-1.0, 1.0, (20, size))
        program.log_density(points[0])
        seconds: list[float] = []
        for point in itertools.cycle(points):
            start = time.thread_time()
            program.log_density(point)
            seconds.append(time.thread_time() - start)
            if len(seconds) >= EVALUATIONS or (sum(seconds) > SECONDS and len(seconds) >= 20):
                break
        out.append({"geos": geos, "periods": periods, "coordinates": size, "seconds": statistics.median(seconds)})
    return out


def answers(mm, options) -> dict:
    """Seconds and peak memory of `roi`, `effects` and `decompose` on a panel of 20 geos, 156 weeks and 4 channels."""
    system, data = model(mm, panel_cases.simulated(20, 156, CHANNELS))
    few = {"draws": options.draws, "tune": options.tune, "seed": options.seed}
    fit = mm.fit(system, data, **few, progress=False, cores=measure.CORES).accept_unconverged()
    before, out = measure.so_far()["peak_mb"], {}
    for turn in ("first", "later"):
        seconds = {}
        for name in ("roi", "effects", "decompose"):
            cpu = time.process_time()
            _, wall = measure.clocked(getattr(mm, name), fit)
            seconds[name] = {"seconds": wall, "cpu_s": time.process_time() - cpu}
        out[turn] = seconds
    return {"answers": out, "peak_before_mb": before, "peak_after_mb": measure.so_far()["peak_mb"]}


def plan(mm, options) -> dict:
    """Seconds and peak memory of a budget over 80 decisions: 20 geos and 4 channels, 13 weeks ahead."""
    system, data = model(mm, panel_cases.simulated(20, 156, CHANNELS))
    few = {"draws": options.draws, "tune": options.tune, "seed": options.seed}
    fit = mm.fit(system, data, **few, progress=False, cores=measure.CORES).accept_unconverged()
    money = float(sum(data.columns[name][:, -13:].sum() for name in data.media))
    before, turns = measure.so_far()["peak_mb"], {}
    for turn in ("first", "later"):
        fit.memo.pop("plans", None)  # what a plan leaves for the next one of the same window
        cpu = time.process_time()
        found, wall = measure.clocked(
            mm.optimize_budget, fit, total=money, periods=13, controls={"price": 0.0}, geo_totals=("50%", "150%")
        )
        turns[turn] = {"seconds": wall, "cpu_s": time.process_time() - cpu}
    solution = found.solution
    return {
        "plan": turns,
        "decisions": len(solution.net_marginal),
        "draws_used": solution.draws,
        "kkt": solution.kkt,
        "gap_share": solution.gap / solution.bound,
        "peak_before_mb": before,
        "peak_after_mb": measure.so_far()["peak_mb"],
    }


def intervals(returns) -> dict[str, list[float]]:
    """5, 50 and 95 % quantiles of total ROI by channel."""
    found = returns.quantile([0.05, 0.5, 0.95], ("chain", "draw")).transpose("channel", "quantile")
    return {str(name): row.tolist() for name, row in zip(found["channel"].values, found.values, strict=True)}


def main() -> None:
    """Run one case and print one JSON line."""
    options = measure.arguments()
    start = time.perf_counter()
    import nutpie

    import bayesmmm as mm

    fit_system = mm.fit  # names load when asked for: their imports belong to this clock
    import_s = time.perf_counter() - start
    warnings.filterwarnings("ignore")
    if options.case == GRADIENT:
        return measure.report(options, gradients=gradients(mm))
    if options.case == ANSWERS:
        return measure.report(options, **answers(mm, options))
    if options.case == PLAN:
        return measure.report(options, **plan(mm, options))
    sampling = measure.clock(nutpie, "sample")
    case = panel_cases.read(options.case, options.folder)
    system, data = model(mm, case)
    before = measure.so_far()["cpu_s"]
    settings = {"seed": options.seed, "tune": options.tune, "cores": measure.CORES}
    if options.draws != measure.DRAWS:  # as many as the fit takes by itself for a panel of this size
        settings["draws"] = options.draws
    fit, fit_s = measure.clocked(fit_system, system, data, **settings, progress=False)
    taken = measure.so_far()
    posterior, convergence = fit.tree["posterior"].to_dataset(), fit.convergence
    quality = measure.worst(posterior.data_vars)
    returns = mm.roi(fit.accept_unconverged(), window="outcome")
    options.draws = fit.settings["draws"]
    figures = {
        **taken,
        **quality,
        "fit_cpu_s": taken["cpu_s"] - before,
        "import_s": import_s,
        "fit_s": fit_s,
        "sampling_s": sum(sampling),
        "verdict": convergence.verdict,
        "divergences": int(fit.tree["sample_stats"]["diverging"].sum()),
        "steps_per_draw": float(fit.tree["sample_stats"]["n_steps"].mean()),
        "roi": intervals(returns),
        "roi_ess": measure.worst({"roi": returns.transpose("chain", "draw", "channel")})["min_ess"],
    }
    measure.report(options, **figures)


if __name__ == "__main__":
    main()
