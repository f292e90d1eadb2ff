"""bayesmmm's half of `budget.py`: fit and save, plan from the saved fit, evaluate given plans.

It can also read a fit of PyMC-Marketing as one of its own: geometric adstock with as many weights, the same Hill
curve, the same draws. Under these both optimisers maximise one and the same function, and their plans can be compared
without comparing posteriors.
"""

import json
import time
import warnings

import child_budget_task as task
import measure


def data_of(csv: str):
    """The data set in bayesmmm's form."""
    import bayesmmm as mm

    return mm.MMMData.from_csv(
        csv,
        date="date_week",
        outcome="y",
        media=measure.MEDIA,
        controls=measure.CONTROLS,
        date_format=measure.DATE_FORMAT,
    )


def fit(given) -> None:
    """Fit with default priors and settings, and save."""
    import bayesmmm as mm

    season = mm.Fourier(period=365.25, order=2)
    system = mm.MMM([mm.Equation("y", media=measure.MEDIA, linear=measure.CONTROLS, seasonality=season)])
    made = mm.fit(system, data_of(given.csv), seed=given.seed)
    made.save(given.fit)
    found = measure.quality(made.posterior, made.tree["sample_stats"].to_dataset())
    task.report("bayesmmm", given, **found, verdict=made.convergence.verdict)


def weeks_of(fit, *, tail: int = 0):
    """Frame of the weeks to come, without spend or events; the count of weeks goes on."""
    import numpy as np
    import pandas as pd

    weeks = pd.date_range(fit.data.dates[-1], periods=1 + task.PERIODS + tail, freq="7D", name="date")[1:]
    frame = pd.DataFrame(0.0, index=weeks, columns=list(fit.system.exogenous))
    if "t" in frame:
        frame["t"] = len(fit.data.dates) + np.arange(len(weeks), dtype=float)
    return frame


def tail_of(fit) -> int:
    """Weeks after which nothing of the spend of the window acts in any draw: a millionth of it, or none."""
    if fit.system.equation("y").max_lag is not None:
        return task.LAGS
    return int(1 + 20 * float(fit.posterior["y.half_life"].max()) / fit.data.days_per_period)


def question(fit, total: float, after: str) -> dict:
    """Ask for the plan of a total: spend goes on as it is now after the window, or stops.

    The first is what `optimize_budget` assumes of the time after a window. The other is asked for with a window that
    has weeks without spend at its end, which a plan in the profile of this window leaves as they are.
    """
    asked = {"total": total, "draws": task.DRAWS}
    if after == "current":
        known = weeks_of(fit).drop(columns=measure.MEDIA)
        return asked | {"periods": task.PERIODS, "controls": {name: known[name] for name in known}}
    frame = weeks_of(fit, tail=tail_of(fit))
    frame.loc[frame.index[: task.PERIODS], measure.MEDIA] = total / task.PERIODS / len(measure.MEDIA)
    return asked | {"plan": frame, "flighting": "historical"}


def plan(given) -> None:
    """Plan once from the saved fit, then other totals."""
    start = time.perf_counter()
    import bayesmmm as mm

    optimize, load = mm.optimize_budget, mm.load  # names load when asked for: their imports belong to this clock
    import_s = time.perf_counter() - start
    total = sum(task.current(given.csv).values())
    loaded, load_s, _ = task.clocked(load, given.fit)

    def at(factor: float):
        return optimize(loaded.accept_unconverged(), **question(loaded, factor * total, given.after))

    made = [task.clocked(at, factor) for factor in task.FACTORS]
    sums = [found.spend.sum("date") for found, *_ in made]
    first = made[0][0].solution
    task.report(
        "bayesmmm",
        given,
        import_s=import_s,
        load_s=load_s,
        plan_s=made[0][1],
        plan_cpu_s=made[0][2],
        later_s=[seconds for _, seconds, _ in made[1:]],
        later_cpu_s=[busy for *_, busy in made[1:]],
        plans=[{c: float(money.sel(channel=c)) for c in measure.MEDIA} for money in sums],
        gains=[found.solution.objective for found, *_ in made],
        evaluations=first.evaluations,
        draws=first.draws,
        held_out_draws=first.held_out_draws,
        verdict=loaded.convergence.verdict,
    )


def evaluate(given) -> None:
    """Mean outcome of each given plan over the window and a tail, under this fit.

    After the window nothing is spent, or what the first of the plans spends in a week. Asked from `predict`, which
    knows nothing of the optimiser.
    """
    import bayesmmm as mm

    loaded = mm.load(given.fit)
    frame, values = weeks_of(loaded, tail=tail_of(loaded)), []
    inside = frame.index[: task.PERIODS]
    plans = json.loads(given.plans)
    for channel in measure.MEDIA:
        frame[channel] = plans[0][channel] / task.PERIODS if given.after == "current" else 0.0
    for money in plans:
        for channel in measure.MEDIA:
            frame.loc[inside, channel] = money[channel] / task.PERIODS
        series = mm.predict(loaded.thin(task.DRAWS).accept_unconverged(), frame)["y"]
        values.append(float(series.sum("date").mean()))
    task.report("bayesmmm", given, values=values)


def translate(given) -> None:
    """Read PyMC-Marketing's draws as a fit of bayesmmm with the same media response, draw by draw.

    Its curve is ``beta y_max x^n / (kappa^n + x^n)`` of adstocked spend over its maximum; here spend is in multiples
    of its mean positive value, the outcome of its mean, and the height is restated as the mean contribution. Linear
    terms are left out: they add the same to every plan.
    """
    import numpy as np
    import xarray as xr

    import bayesmmm as mm
    from bayesmmm import engine
    from bayesmmm.results import Fit, library_versions

    tree = xr.open_datatree(given.fit, engine="h5netcdf")
    theirs, constant = tree["posterior"].to_dataset().load(), tree["constant_data"].to_dataset().load()
    chains, draws = theirs.sizes["chain"], theirs.sizes["draw"]
    data = data_of(given.csv)
    scales = data.scales()
    by_week = {
        "retention": mm.Prior("Beta", alpha=1.0, beta=3.0)
    }  # its adstock goes by the period, not by the day
    equation = mm.Equation("y", media=measure.MEDIA, max_lag=task.LAGS - 1, priors=by_week)

    def wide(name: str) -> np.ndarray:
        values = theirs[name].transpose("chain", "draw", ...)
        if "channel" in values.dims:
            values = values.sel(channel=measure.MEDIA)
        return values.values.reshape(chains * draws, *values.shape[2:])

    mean = np.array([scales.spend[c].item() for c in measure.MEDIA])
    top, height = constant["channel_scale"].sel(channel=measure.MEDIA).values, float(constant["target_scale"])
    size = scales.size["y"].item()
    parameters = {
        "half_life": -data.days_per_period * np.log(2.0) / np.log(wide("adstock_alpha")),
        "half_saturation": wide("saturation_kappa") * top / mean,
        "slope": wide("saturation_slope"),
        "contribution": np.ones((chains * draws, 1, len(measure.MEDIA))),
        "coefficient": np.zeros((chains * draws, len(equation.terms()))),
        "sigma": wide("y_sigma") * height / size,
    }
    media = engine.inputs(equation, data, scales).media
    _, of_one = engine.media_term(equation, media, parameters, data.calendar)
    parameters["contribution"] = wide("saturation_beta")[:, None] * height / size / of_one
    system = mm.MMM([equation])
    posterior = engine.to_dataset(system, {"y": parameters}, data, chains=chains)
    stats = tree["sample_stats"].to_dataset()[["diverging"]].load().reset_coords(drop=True)
    stats = xr.Dataset(
        {"diverging": (("chain", "draw"), stats["diverging"].values)}, posterior[["chain", "draw"]].coords
    )
    settings = {"draws": draws, "tune": 0, "chains": chains, "seed": 0, "sampler": "nutpie", "seconds": {}}
    made = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
    Fit(data, system, scales, made, settings, library_versions()).save(given.translate)
    task.report("bayesmmm", given)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    asked = task.options()
    {"fit": fit, "plan": plan, "evaluate": evaluate, "translate": translate}[asked.task](asked)
