"""Figures of what others computed: data, systems, tables of draws. Computes nothing but layout.

Every function takes what it draws and returns the axes it drew on, so that anything can be changed afterwards: `Axes`
where it takes ``ax``, an array of them where it takes ``axes``. No global style is touched. Colours are those of Okabe
and Ito, and no meaning rests on colour alone. What a figure cannot draw is refused with a `SettingError` whose message
holds a line that works. All figures share these arguments:

ci_prob : float in (0, 1), optional
    Probability of intervals and bands; by default 0.9, or ArviZ's ``stats.ci_prob`` where it was set.
title : str or None
    By default the title says what is seen: the quantity, its series, its window. A text replaces it, None leaves it out.
    Several axes that were given get no title by default; a text stands above the figure that they are on.
ax, axes : Axes, sequence of Axes, optional
    Where to draw; by default on a new figure.

Examples
--------
>>> ax = plots.effects(mm.effects(fit), ci_prob=0.9, title="What spend brought in 2024")  # doctest: +SKIP
>>> plots.save(ax, "effects.png")  # doctest: +SKIP
"""

from bayesmmm.plots.audits import audit
from bayesmmm.plots.budget_map import budget_map
from bayesmmm.plots.budgets import allocation, budget, frontier
from bayesmmm.plots.calibration import ecdf, ranks, recovery
from bayesmmm.plots.channels import accounting, effects, roi
from bayesmmm.plots.curves import adstock_decay, response_curves
from bayesmmm.plots.diagnoses import diagnosis
from bayesmmm.plots.draws import parameters, prior_posterior
from bayesmmm.plots.evaluation import comparison, cross_validation, stability
from bayesmmm.plots.fitted import residual_autocorrelation, residual_distribution, residuals
from bayesmmm.plots.geos import period_effects, predictive_by_geo, roi_by_geo, roi_map
from bayesmmm.plots.graph import causal_graph
from bayesmmm.plots.layout import save
from bayesmmm.plots.paths import forecast, what_if
from bayesmmm.plots.plans import compare_plans
from bayesmmm.plots.profile import data_profile
from bayesmmm.plots.sensitivity import mediation_sensitivity, power_scaled_budget, power_scaling
from bayesmmm.plots.series import correlation, predictive, predictive_check, spend
from bayesmmm.plots.shares import shares
from bayesmmm.plots.shrinkage import shrinkage
from bayesmmm.plots.stacks import decomposition, waterfall

__all__ = [
    "accounting",
    "adstock_decay",
    "allocation",
    "audit",
    "budget",
    "budget_map",
    "causal_graph",
    "compare_plans",
    "comparison",
    "correlation",
    "cross_validation",
    "data_profile",
    "decomposition",
    "diagnosis",
    "ecdf",
    "effects",
    "forecast",
    "frontier",
    "mediation_sensitivity",
    "parameters",
    "period_effects",
    "power_scaled_budget",
    "power_scaling",
    "predictive",
    "predictive_by_geo",
    "predictive_check",
    "prior_posterior",
    "ranks",
    "recovery",
    "residual_autocorrelation",
    "residual_distribution",
    "residuals",
    "response_curves",
    "roi",
    "roi_by_geo",
    "roi_map",
    "save",
    "shares",
    "shrinkage",
    "spend",
    "stability",
    "waterfall",
    "what_if",
]
