"""What each figure reads: the table or record it draws, and how it is made of a fit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import pandas as pd
import xarray as xr

from bayesmmm import diagnostics, estimands, sensitivity
from bayesmmm.data import MMMData
from bayesmmm.diagnostics import Diagnosis
from bayesmmm.equations import MMM
from bayesmmm.errors import SettingError
from bayesmmm.evaluate import Calibration, CrossValidation, Recovery
from bayesmmm.optimize import Plan, PlanComparison
from bayesmmm.results import Fit, autocorrelation, predictive_check, predictive_table
from bayesmmm.text import row_parts


def shared_parameters(fit: Fit, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a summary without what every geo or period has for itself, which is too much for one figure."""
    own = {str(name) for name, value in fit.posterior.items() if {"geo", "date"} & set(value.dims)}
    known = [str(name) for name in fit.posterior]
    out = table[[row_parts(row, known)[0] not in own for row in table.index]]
    out.attrs |= table.attrs
    return out


@dataclass(frozen=True)
class Source[T]:
    """What the first argument of a figure is, or is made of.

    Attributes
    ----------
    figure : str
        Name of the function of `bayesmmm.plots`.
    kind : type
        What it draws.
    maker : str
        What gives it, for messages.
    made_of : mapping of type to callable
        What it makes of something else.
    holds : tuple of str
        Columns, variables or tables without which it is another one.
    line : str
        Arguments that always work; by default ``fit``, where it is made of one, and else `maker`.
    """

    figure: str
    kind: type[T]
    maker: str
    made_of: Mapping[type, Callable[[Any], T]] = field(default_factory=dict)
    holds: tuple[str, ...] = ()
    line: str = ""

    def __call__(self, value: object) -> T:
        """Return what the figure draws, made with default arguments where a fit was given."""
        for kind, make in self.made_of.items():
            if isinstance(value, kind):
                return make(value)
        if not isinstance(value, self.kind):
            self.refuse(value, f"a {type(value).__name__} was given")
        missing = [name for name in self.holds if name not in _names(value)]
        if missing:
            self.refuse(value, f"the {type(value).__name__} that was given has no {missing[0]!r}")
        if isinstance(value, pd.DataFrame):
            odd = [n for n in _SPANS if n in self.holds and not pd.api.types.is_numeric_dtype(value[n])]
            if odd:
                self.refuse(value, f"the DataFrame that was given has no numbers in {odd[0]!r}")
        lengths = {"rows": len(value)} if isinstance(value, pd.DataFrame) else dict(getattr(value, "sizes", {}))
        for dim, length in lengths.items():
            if not length and dim != "mediator":  # of which a system may have none
                self.refuse(value, f"the {type(value).__name__} that was given has no {dim}")
        return value

    def refuse(self, value: object, why: str) -> NoReturn:
        """Say what the figure draws and what to write instead."""
        wants = [f"what {self.maker} returns" if "(" in self.maker else self.maker]
        wants += ["a fit"] if Fit in self.made_of else []
        line = self.line or ("fit" if Fit in self.made_of else self.maker)
        raise SettingError(
            f"plots.{self.figure} draws {' or '.join(wants)}, but {why}. Write plots.{self.figure}({line})",
            argument=self.figure,
            value=value,
        )


def _names(value: object) -> set[str]:
    """Columns, variables, dims or tables by which one table is told from another."""
    if isinstance(value, xr.Dataset):
        labels = {str(name) for name, values in value.coords.items() if values.ndim}  # not of one that was chosen
        return {*map(str, value.data_vars), *labels, *map(str, value.dims)}
    if isinstance(value, xr.DataArray):
        return {word for word in ("roi", "residual", "period") if value.name is None or word in str(value.name)}
    if isinstance(value, Diagnosis):
        return set(value.tables)
    table = value if isinstance(value, pd.DataFrame) else pd.DataFrame()
    return {*map(str, table.columns), *map(str, table.index.names)}


def _period(fit: Fit) -> xr.DataArray:
    """Period effects of the outcome of a fit that has some."""
    name = f"{fit.system.outcome}.period"
    if name not in fit.posterior:
        raise SettingError(
            f"{fit.system.outcome} has no period effects in this fit; fit several geos with "
            f"panel=mm.Panel(periods='random')",
            argument="period_effects",
            value=fit,
        )
    return fit.posterior[name].assign_attrs(verdict=fit.convergence.verdict)


def _outcome(table: Callable[[Fit, str], pd.DataFrame]) -> Callable[[Fit], pd.DataFrame]:
    return lambda fit: table(fit, fit.system.outcome)


_SPANS = ("median", "lower", "upper")
_TERMS = ("contribution", "observed", "kind")
_COMPARED = "mm.compare_plans(fit, {'now': 'current', 'best': mm.optimize_budget(fit)})"
_BUDGET, _FOLDS = "mm.optimize_budget(fit)", "mm.evaluate.cross_validate(fit.system, fit.data)"
_RANKS = "mm.evaluate.calibrate(fit.system, fit.data)"
_PARTS, _RESIDUALS = "mm.decompose(fit)", "estimands.residuals(fit)"
_DECOMPOSED: dict[type, Callable[[Any], xr.Dataset]] = {Fit: estimands.decompose}
_LEFT: dict[type, Callable[[Any], xr.DataArray]] = {Fit: estimands.residuals}
_DATA: dict[type, Callable[[Any], MMMData]] = {Fit: lambda fit: fit.data}
_BY_GEO = "mm.roi(fit, by='geo')"
_RETURNS_BY_GEO: dict[type, Callable[[Any], xr.DataArray]] = {Fit: lambda fit: estimands.roi(fit, by="geo")}
_SECOND = "mm.effects(fit, window='outcome')"
_SCALED = "mm.sensitivity.power_scaled_budget(fit, mm.optimize_budget)"
_SUMMARIES = "mm.summarise(fit.tree['prior'][name]) and mm.summarise(fit.tree['posterior'][name])"

ACCOUNTING = Source("accounting", xr.Dataset, _PARTS, _DECOMPOSED, line=f"{_PARTS}, {_SECOND}")
ACCOUNTING_EFFECTS = Source(
    "accounting",
    xr.Dataset,
    f"{_SECOND} as its second argument",
    {Fit: lambda fit: estimands.effects(fit, terms=(), window="outcome")},
    line=ACCOUNTING.line,
)
ADSTOCK_DECAY = Source(
    "adstock_decay", xr.Dataset, "estimands.adstock_decay(fit)", {Fit: estimands.adstock_decay}, ("lag",)
)
ALLOCATION = Source("allocation", Plan, _BUDGET)
AUDIT = Source(
    "audit",
    Diagnosis,
    "mm.diagnostics.audit(data, system)",
    {Fit: lambda fit: diagnostics.audit(fit.data, fit.system)},
    ("spend", "correlation", "media_share"),
)
BUDGET = Source("budget", Plan, _BUDGET)
BUDGET_MAP = Source("budget_map", Plan, _BUDGET)
CAUSAL_GRAPH = Source("causal_graph", MMM, "an MMM", {Fit: lambda fit: fit.system}, line="system")
COMPARE_PLANS = Source("compare_plans", PlanComparison, _COMPARED)
COMPARISON = Source(
    "comparison",
    pd.DataFrame,
    "mm.evaluate.compare({'this': fit, 'other': other})",
    holds=("diff", "diff_se", "weight", "high_k"),
)
CORRELATION = Source(
    "correlation",
    pd.DataFrame,
    "data.correlation()",
    {MMMData: lambda data: data.correlation(), Fit: lambda fit: fit.data.correlation()},
    line="data",
)
CROSS_VALIDATION = Source("cross_validation", CrossValidation, _FOLDS)
DECOMPOSITION = Source("decomposition", xr.Dataset, _PARTS, _DECOMPOSED, _TERMS)
DATA_PROFILE = Source("data_profile", MMMData, "MMMData", _DATA, line="data")
DIAGNOSIS = Source("diagnosis", Diagnosis, "mm.diagnose(fit)", {Fit: diagnostics.diagnose})
ECDF = Source("ecdf", Calibration, _RANKS)
EFFECTS = Source("effects", xr.Dataset, "mm.effects(fit)", {Fit: lambda fit: estimands.effects(fit, terms=())})
FORECAST = Source("forecast", MMMData, "MMMData", _DATA, line="fit, mm.predict(fit, plan)")
FRONTIER = Source("frontier", xr.Dataset, "mm.frontier(fit)")
MARGINAL_ROI = Source(
    "roi",
    xr.DataArray,
    "mm.marginal_roi(fit) as marginal=",
    {Fit: estimands.marginal_roi},
    ("roi",),
    line="fit, marginal=fit",
)
MEDIATION_SENSITIVITY = Source(
    "mediation_sensitivity",
    xr.Dataset,
    "mm.sensitivity.mediation_sensitivity(fit)",
    {Fit: sensitivity.mediation_sensitivity},
    ("rho", "quantile", "channel"),
)
PARAMETERS = Source(
    "parameters",
    pd.DataFrame,
    "fit.summary()",
    {Fit: lambda fit: shared_parameters(fit, fit.summary())},
    _SPANS,
)
PERIOD_EFFECTS = Source(
    "period_effects", xr.DataArray, "fit.posterior['sales.period']", {Fit: _period}, ("period",)
)
POWER_SCALED_BUDGET = Source("power_scaled_budget", xr.Dataset, _SCALED, holds=("alpha", "spend", "moved"))
POWER_SCALING = Source(
    "power_scaling",
    pd.DataFrame,
    "mm.sensitivity.power_scaling(fit)",
    {Fit: sensitivity.power_scaling},
    ("prior", "likelihood", "verdict"),
)
PREDICTIVE = Source(
    "predictive",
    pd.DataFrame,
    "results.predictive_table(fit, equation)",
    {Fit: _outcome(predictive_table)},
    ("observed", *_SPANS),
)
PREDICTIVE_BY_GEO = replace(PREDICTIVE, figure="predictive_by_geo")
PREDICTIVE_CHECK = Source(
    "predictive_check",
    pd.DataFrame,
    "results.predictive_check(fit, equation)",
    {Fit: _outcome(predictive_check)},
    ("observed", *_SPANS),
)
PRIOR_POSTERIOR = Source(
    "prior_posterior", pd.DataFrame, _SUMMARIES, holds=_SPANS, line="fit, f'{fit.system.outcome}.contribution'"
)
RANKS = Source("ranks", Calibration, _RANKS)
RECOVERY = Source(
    "recovery",
    pd.DataFrame,
    "mm.evaluate.recover(fit.system, fit.data)",
    {Recovery: lambda study: study.table()},
    ("truth", *_SPANS, "covered", "quantity"),
)
RESIDUAL_AUTOCORRELATION = Source(
    "residual_autocorrelation",
    pd.DataFrame,
    f"results.autocorrelation({_RESIDUALS})",
    {Fit: lambda fit: autocorrelation(estimands.residuals(fit)), xr.DataArray: autocorrelation},
    (*_SPANS, "band"),
)
RESIDUAL_DISTRIBUTION = Source("residual_distribution", xr.DataArray, _RESIDUALS, _LEFT, ("residual",))
RESIDUALS = Source("residuals", xr.DataArray, _RESIDUALS, _LEFT, ("residual",))
RESPONSE_CURVES = Source(
    "response_curves",
    xr.Dataset,
    "mm.response_curves(fit)",
    {Fit: estimands.response_curves},
    ("outcome", "spend", "extrapolated", "factor"),
)
ROI = Source("roi", xr.DataArray, "mm.roi(fit)", {Fit: estimands.roi}, ("roi",))
ROI_BY_GEO = Source("roi_by_geo", xr.DataArray, _BY_GEO, _RETURNS_BY_GEO, ("roi",))
ROI_IN_TOTAL = Source(
    "roi_by_geo",
    xr.DataArray,
    "mm.roi(fit) as its second argument",
    {Fit: estimands.roi},
    ("roi",),
    line=f"{_BY_GEO}, mm.roi(fit)",
)
ROI_MAP = Source("roi_map", xr.DataArray, _BY_GEO, _RETURNS_BY_GEO, ("roi",))
SHARES = Source("shares", xr.Dataset, "mm.effects(fit)", {Fit: estimands.effects}, ("total", "spend", "roi"))
SHRINKAGE = Source(
    "shrinkage",
    xr.Dataset,
    "mm.sensitivity.pooling_sensitivity(fit)",
    holds=("pooling", "quantile", "geo", "channel", "roi", "total"),
)
SPEND = Source("spend", MMMData, "MMMData", _DATA, line="data")
STABILITY = Source("stability", CrossValidation, _FOLDS)
WATERFALL = Source("waterfall", xr.Dataset, _PARTS, _DECOMPOSED, _TERMS)
WHAT_IF = Source("what_if", xr.Dataset, "mm.what_if(fit, scale={fit.data.media[0]: 0.0})")
