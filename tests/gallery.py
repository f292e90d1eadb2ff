"""Every figure of `bayesmmm.plots`, ready to be drawn: of a fit that was made up, or of records that were."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import xarray as xr

import bayesmmm as mm
from bayesmmm import plots
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation
from bayesmmm.results import Fit
from tests import answers_made_up as answers
from tests import panel_fits
from tests import plans_made_up as plans
from tests.fits import quiet
from tests.made import made_fit
from tests.test_plots_calibration import made_table, study
from tests.test_plots_evaluation import made_cv
from tests.test_plots_sensitivity import budget, sensitivity


@cache
def panel() -> Fit:
    """Fit of three geos, one of which never buys a channel."""
    return panel_fits.with_replicates(panel_fits.panel_fit("mediated", draws=20))


#: Figures that need more than a national fit.
RECORDS = {
    "allocation": lambda channels: plans.plan(channels),
    "budget": lambda channels: plans.plan(channels),
    "budget_map": lambda channels: plans.panel_plan(channels),
    "compare_plans": lambda channels: plans.comparison(channels),
    "comparison": lambda channels: pd.DataFrame(
        {"diff": [0.0, -3.0], "diff_se": [0.0, 2.0], "weight": [0.8, 0.2], "high_k": [0, 2]},
        ["normal", "student_t"],
    ),
    "cross_validation": lambda channels: made_cv(channels=channels),
    "ecdf": lambda channels: study([f"roi[{name}]" for name in answers.LONG[:channels]]),
    "frontier": lambda channels: plans.frontier(channels),
    "mediation_sensitivity": lambda channels: sensitivity(channels),
    "period_effects": lambda channels: panel(),
    "power_scaled_budget": lambda channels: budget(channels),
    "predictive_by_geo": lambda channels: panel(),
    "ranks": lambda channels: study([f"roi[{name}]" for name in answers.LONG[:channels]]),
    "recovery": lambda channels: made_table(),
    "roi_by_geo": lambda channels: panel(),
    "roi_map": lambda channels: panel(),
    "shrinkage": lambda channels: panel_fits.pooled(panel()),
    "stability": lambda channels: made_cv(channels=channels),
    "what_if": lambda channels: answers.scenario(),
}


def fit_of(channels: int, outcome: str = "revenue") -> Fit:
    """Fit of so many channels with long names and one mediator that is paid, from made-up draws."""
    rng, names = np.random.default_rng(7), answers.LONG[:channels]
    table = pd.DataFrame({name: rng.gamma(2.0, 4e3, 60) * (rng.random(60) < 0.7) for name in names})
    table["google"] = 5e3 + 0.1 * table.sum(axis=1) + rng.normal(0.0, 500.0, 60)
    table["price"] = rng.normal(10.0, 1.0, 60)
    table[outcome] = 1e5 + table[names].sum(axis=1) + rng.normal(0.0, 8e3, 60)
    table["date"] = pd.date_range("2022-01-02", periods=60, freq="7D")
    roles = {"media": names, "mediators": {"google": "money"}, "controls": ["price"]}
    data = MMMData.from_frame(table, date="date", outcome=outcome, **roles)
    system = MMM([Equation("google", media=names), Equation(outcome, media=[*names, "google"], linear=["price"])])
    fit = made_fit(system, data, draws=20)
    density = {name: -0.5 * v**2 for name, v in fit.posterior.items()}
    density = {name: v.sum([dim for dim in v.dims if dim not in ("chain", "draw")]) for name, v in density.items()}
    fit.tree["log_prior"] = xr.DataTree(xr.Dataset(density))
    return fit


def gallery(channels: int, outcome: str = "revenue") -> dict[str, Callable[..., object]]:
    """Return for each figure a function that draws it and takes ``title``."""
    fit = fit_of(channels, outcome)
    plan = pd.DataFrame({name: fit.data.columns[name][0, -4:] for name in [*fit.data.media, "price"]})
    plan["date"] = fit.data.dates[-4:] + pd.Timedelta(weeks=4)
    variable = f"{fit.system.outcome}.half_life"
    more = {
        "forecast": (mm.predict(fit, plan),),
        "prior_posterior": (variable,),
    }

    #: What takes long to be worked out of a fit, once for every time that it is drawn.
    slow = {
        "diagnosis": cache(lambda: quiet(mm.diagnose, fit)),
        "power_scaling": cache(lambda: quiet(mm.sensitivity.power_scaling, fit)),
    }

    def drawer(name: str) -> Callable[..., object]:
        first = RECORDS[name](channels) if name in RECORDS else fit
        settings = {"causal_graph": {"posterior": fit.posterior}, "roi": {"marginal": fit}}.get(name, {})

        def draw(**title: object) -> object:
            drawn = slow[name]() if name in slow else first
            return quiet(getattr(plots, name), drawn, *more.get(name, ()), **settings, **title)

        return draw

    return {name: drawer(name) for name in plots.__all__ if name != "save"}
