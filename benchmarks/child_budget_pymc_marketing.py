"""PyMC-Marketing's half of `budget.py`: fit and save, plan from the saved fit, evaluate given plans.

Its optimiser, as read in the source of version 1.3.0: SLSQP from one start (the budget in equal parts) with exact
gradients on the mean over draws of `total_media_contribution_original_scale`. That is summed over as many weeks before
the window as the adstock has weights (at observed spend), the window, and as many weeks after it (at zero). Each
channel gets one level, held in every week; the budget and the allocation are money per week. The objective is
compiled when the optimiser is built, and a call with another budget uses it again.
"""

import json
import time
import warnings

import child_budget_task as task
import measure


def fit(given) -> None:
    """Fit with its default priors, thin to the draws that plans are made on, save."""
    import arviz_stats
    from pymc_marketing.mmm import MMM, GeometricAdstock, HillSaturation

    frame = task.read(given.csv)
    model = MMM(
        date_column="date_week",
        target_column="y",
        channel_columns=measure.MEDIA,
        control_columns=measure.CONTROLS,
        adstock=GeometricAdstock(l_max=task.LAGS),
        saturation=HillSaturation(),
        yearly_seasonality=2,
    )
    tree = model.fit(
        frame[["date_week", *measure.MEDIA, *measure.CONTROLS]],
        frame["y"],
        random_seed=given.seed,
        progressbar=False,
        nuts_sampler="nutpie",
        chains=measure.CHAINS,
        draws=measure.DRAWS,
        tune=measure.TUNE,
        cores=measure.CORES,
        target_accept=0.95,  # at the sampler's default this posterior mixes too badly to be planned on
    )
    free = [variable.name for variable in model.model.free_RVs]
    found = measure.quality(tree["posterior"].to_dataset()[free], tree["sample_stats"].to_dataset())
    step = measure.CHAINS * measure.DRAWS // task.DRAWS
    for group in ("posterior", "sample_stats"):
        model.idata[group] = arviz_stats.thin(tree[group].to_dataset(), factor=step)
    model.save(given.fit)
    task.report("pymc-marketing", given, **found)


def optimizer(model, csv: str):
    """The optimiser of the weeks after the data."""
    import pandas as pd

    weeks = pd.date_range(task.read(csv)["date_week"].iloc[-1], periods=task.PERIODS + 1, freq="7D")[1:]
    return model.budget_optimizer(start_date=weeks[0], end_date=weeks[-1])


def plan(given) -> None:
    """Plan once from the saved fit, then other totals with the same optimiser, then with a new optimiser.

    Beside it: what the gain over the current plan is in every draw, which bayesmmm's plan holds and this one is asked
    for (`answer_s`).
    """
    start = time.perf_counter()
    from pymc_marketing.mmm import MMM

    import_s = time.perf_counter() - start
    weekly = sum(task.current(given.csv).values()) / task.PERIODS
    model, load_s, _ = task.clocked(MMM.load, given.fit)

    def first():
        built = optimizer(model, given.csv)
        return built, built.allocate_budget(task.FACTORS[0] * weekly)

    def answer(found, factor: float) -> None:
        before = found.budgets.copy(
            data=[factor * task.current(given.csv)[c] / task.PERIODS for c in measure.MEDIA]
        )
        built.evaluate_response_distribution(found.budgets) - built.evaluate_response_distribution(before)

    (built, result), plan_s, plan_cpu_s = task.clocked(first)
    _, answer_s, _ = task.clocked(answer, result, task.FACTORS[0])
    later = [task.clocked(built.allocate_budget, factor * weekly) for factor in task.FACTORS[1:]]
    answers = [task.clocked(answer, found, f)[1] for f, (found, *_) in zip(task.FACTORS[1:], later, strict=True)]
    _, rebuilt_s, rebuilt_cpu_s = task.clocked(first)
    plans = [found.budgets * task.PERIODS for found in (result, *(found for found, *_ in later))]
    task.report(
        "pymc-marketing",
        given,
        import_s=import_s,
        load_s=load_s,
        plan_s=plan_s,
        answer_s=answer_s,
        plan_cpu_s=plan_cpu_s,
        later_s=[seconds for _, seconds, _ in later],
        later_cpu_s=[busy for *_, busy in later],
        rebuilt_cpu_s=rebuilt_cpu_s,
        later_answer_s=answers,
        rebuilt_s=rebuilt_s,
        plans=[{c: float(money.sel(channel=c)) for c in measure.MEDIA} for money in plans],
        evaluations=int(result.scipy_result.nfev),
        draws=int(model.posterior.sizes["chain"] * model.posterior.sizes["draw"]),
    )


def evaluate(given) -> None:
    """Mean media contribution of each given plan under this fit."""
    import xarray as xr
    from pymc_marketing.mmm import MMM

    built = optimizer(MMM.load(given.fit), given.csv)
    values = []
    for money in json.loads(given.plans):
        weekly = [money[c] / task.PERIODS for c in measure.MEDIA]
        weekly = xr.DataArray(weekly, dims="channel", coords={"channel": measure.MEDIA})
        values.append(float(built.evaluate_plan(weekly).utility))
    task.report("pymc-marketing", given, values=values)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")  # default bounds, controls of future weeks
    asked = task.options()
    {"fit": fit, "plan": plan, "evaluate": evaluate}[asked.task](asked)
