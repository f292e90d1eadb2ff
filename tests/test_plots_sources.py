"""What figures take: the table they draw, a fit, data or a system; what they refuse, and the line they suggest."""

import inspect
from functools import cache
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesmmm as mm
from bayesmmm import estimands, plots, results
from bayesmmm.errors import SettingError
from bayesmmm.plots import sources
from bayesmmm.results import Fit
from tests import plans_made_up, worlds
from tests.fits import quiet
from tests.gallery import panel
from tests.made import made_fit
from tests.panel_fits import pooled
from tests.test_plots_calibration import made_table, study
from tests.test_plots_evaluation import made_cv
from tests.test_plots_sensitivity import budget

FIGURES = [name for name in plots.__all__ if name != "save"]
SLOW = {  # answers that need new fits or a solver
    "evaluate.cross_validate": made_cv,
    "evaluate.calibrate": study,
    "evaluate.recover": made_table,
    "evaluate.compare": lambda: pd.DataFrame(
        {"diff": [0.0], "diff_se": 0.0, "weight": 1.0, "high_k": 0}, ["this"]
    ),
    "compare_plans": plans_made_up.comparison,
    "frontier": plans_made_up.frontier,
    "optimize_budget": plans_made_up.plan,
    "sensitivity.pooling_sensitivity": lambda: pooled(panel()),
    "sensitivity.power_scaled_budget": budget,
}
FROM_FIT = {
    "accounting": lambda fit: (mm.decompose(fit), mm.effects(fit, window="outcome")),
    "adstock_decay": lambda fit: (estimands.adstock_decay(fit),),
    "audit": lambda fit: (mm.diagnostics.audit(fit.data, fit.system),),
    "causal_graph": lambda fit: (fit.system,),
    "correlation": lambda fit: (fit.data.correlation(),),
    "decomposition": lambda fit: (mm.decompose(fit),),
    "diagnosis": lambda fit: (mm.diagnose(fit),),
    "effects": lambda fit: (mm.effects(fit),),
    "mediation_sensitivity": lambda fit: (mm.sensitivity.mediation_sensitivity(fit),),
    "parameters": lambda fit: (fit.summary(),),
    "period_effects": lambda fit: (fit.posterior["sales.period"],),
    "power_scaling": lambda fit: (mm.sensitivity.power_scaling(fit),),
    "predictive": lambda fit: (results.predictive_table(fit, "sales"),),
    "predictive_by_geo": lambda fit: (results.predictive_table(fit, "sales"),),
    "predictive_check": lambda fit: (results.predictive_check(fit, "sales"),),
    "residual_autocorrelation": lambda fit: (results.autocorrelation(estimands.residuals(fit)),),
    "residual_distribution": lambda fit: (estimands.residuals(fit),),
    "residuals": lambda fit: (estimands.residuals(fit),),
    "response_curves": lambda fit: (mm.response_curves(fit),),
    "roi": lambda fit: (mm.roi(fit),),
    "roi_by_geo": lambda fit: (mm.roi(fit, by="geo"), mm.roi(fit)),
    "roi_map": lambda fit: (mm.roi(fit, by="geo"),),
    "shares": lambda fit: (mm.effects(fit),),
    "spend": lambda fit: (fit.data,),
    "data_profile": lambda fit: (fit.data,),
    "waterfall": lambda fit: (mm.decompose(fit),),
}


#: Figures of panels, of which the fit has several geos.
OF_PANELS = ("budget_map", "period_effects", "predictive_by_geo", "roi_by_geo", "roi_map")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@cache
def the_fit(figure: str = "") -> Fit:
    if figure in OF_PANELS:
        return panel()
    fit = made_fit(worlds.system("normal", "normal"), worlds.data(zeros=False), draws=20)
    density = {name: -0.5 * v**2 for name, v in fit.posterior.items()}
    density = {name: v.sum([dim for dim in v.dims if dim not in ("chain", "draw")]) for name, v in density.items()}
    fit.tree["log_prior"] = xr.DataTree(xr.Dataset(density))
    return fit


def offered() -> SimpleNamespace:
    """The package as a line of a message uses it; what would take long checks its arguments and is made up."""

    def stand_in(path):
        real = mm
        for part in path.split("."):
            real = getattr(real, part)

        def answer(*args, **kwargs):
            inspect.signature(real).bind(*args, **kwargs)
            of_panel = path == "optimize_budget" and len(args[0].data.geos) > 1
            return plans_made_up.panel_plan() if of_panel else SLOW[path]()

        return answer

    found = SimpleNamespace(**{name: getattr(mm, name) for name in mm.__all__})
    for room in ("evaluate", "sensitivity"):
        names = getattr(mm, room).__all__
        setattr(found, room, SimpleNamespace(**{name: getattr(getattr(mm, room), name) for name in names}))
    for path in SLOW:
        room, _, name = path.rpartition(".")
        setattr(getattr(found, room) if room else found, name, stand_in(path))
    return found


@cache
def draws(line: str) -> bool:
    """Run what a message says to write, with what a user has at hand; tell whether a figure comes of it."""
    fit = the_fit(line.partition("(")[0].removeprefix("plots."))
    plan = worlds.frame(4).assign(date=pd.date_range(fit.data.dates[-1], periods=5, freq="7D")[1:])
    have = {
        "mm": offered(),
        "plots": plots,
        "estimands": estimands,
        "results": results,
        "fit": fit,
        "other": fit,
        "data": fit.data,
        "system": fit.system,
        "plan": plan[["date", "tv", "social", "price"]],
    }
    axes = quiet(eval, line, have)
    return all(isinstance(ax, plt.Axes) for ax in np.ravel(np.asarray(axes, dtype=object)))


def words(axes) -> list[str]:
    """Everything that is written on a figure, and where its lines and bars are."""
    figure = np.ravel(axes)[0].figure.figure
    figure.draw_without_rendering()
    texts = [t.get_text() for t in figure.findobj(plt.Text)]
    return texts + [repr(line.get_xydata().tolist()) for line in figure.findobj(plt.Line2D)]


@pytest.mark.parametrize("figure", FROM_FIT)
def test_a_fit_is_drawn_as_its_table_is(figure):
    draw, fit = getattr(plots, figure), the_fit(figure)
    assert words(quiet(draw, fit)) == words(quiet(draw, *FROM_FIT[figure](fit)))


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("wrong", ["None", "text", "table", "plan"])
def test_a_wrong_thing_is_refused_with_a_line_that_works(figure, wrong):
    given = {"None": None, "text": "revenue", "table": pd.DataFrame({"x": [1.0]}), "plan": plans_made_up.plan()}[
        wrong
    ]
    second = {"forecast": ({},), "prior_posterior": (given,)}.get(figure, ())
    if figure in ("budget", "allocation") and wrong == "plan":
        given = given.table()
    with pytest.raises(SettingError, match=f"plots.{figure} draws .* Write plots.{figure}") as caught:
        getattr(plots, figure)(given, *second)
    assert caught.value.argument == figure
    assert plt.get_fignums() == []
    assert draws(str(caught.value).partition(" Write ")[2])


@pytest.mark.parametrize(
    "figure", [name for name in FIGURES if name not in FROM_FIT and name not in ("forecast", "prior_posterior")]
)
def test_a_fit_is_refused_where_new_fits_or_a_question_are_needed(figure):
    with pytest.raises(SettingError, match="but a Fit was given"):
        getattr(plots, figure)(the_fit())


def test_other_things_that_hold_what_is_drawn():
    fit = the_fit()
    assert words(plots.correlation(fit.data)) == words(plots.correlation(fit.data.correlation()))
    left = estimands.residuals(fit)
    table = results.autocorrelation(left)
    assert words(plots.residual_autocorrelation(left)) == words(plots.residual_autocorrelation(table))
    name = "sales.half_life"
    tables = [mm.summarise(fit.tree[group][name]) for group in ("prior", "posterior")]
    tables[1].attrs["unit"] = "days"
    assert words(plots.prior_posterior(fit, name)) == words(plots.prior_posterior(*tables))
    with pytest.raises(SettingError, match=r"no variable 'sales\.roi'; name one of: .*sales\.half_life"):
        plots.prior_posterior(fit, "sales.roi")


def test_every_figure_has_a_source_that_bears_its_name():
    given = [source for source in vars(sources).values() if isinstance(source, sources.Source)]
    assert {source.figure for source in given} == set(FIGURES)
    assert [name for name in FIGURES if vars(sources)[name.upper()].figure != name] == []


def test_signatures_say_what_may_be_given():
    for figure in FROM_FIT:
        first = next(iter(inspect.signature(getattr(plots, figure)).parameters.values()))
        assert str(Fit) in str(first.annotation) or "results.fit.Fit" in str(first.annotation), figure
