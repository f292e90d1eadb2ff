"""`diagnose`: everything that can be said about a fit without fitting again."""

import warnings

import numpy as np
import pandas as pd

from bayesmmm.diagnostics.audits import COLLINEAR_TERMS, CONSEQUENCES, warning_checks
from bayesmmm.diagnostics.check import Check, Diagnosis, TestResult, bonferroni
from bayesmmm.diagnostics.hidden_cause import hidden_cause_checks
from bayesmmm.diagnostics.information import information_checks
from bayesmmm.diagnostics.panel_checks import panel_checks
from bayesmmm.diagnostics.plausibility import plausibility_checks
from bayesmmm.diagnostics.posterior_view import PosteriorView, evaluate
from bayesmmm.diagnostics.predictive import loo_checks, predictive_checks
from bayesmmm.diagnostics.residual_checks import confounding_checks, residual_checks
from bayesmmm.diagnostics.sampler import sampler_checks
from bayesmmm.diagnostics.weak import weak_checks
from bayesmmm.equations.checks import consequences
from bayesmmm.equations.overlap import linear_overlaps
from bayesmmm.results import Fit, check_fit, predictive_table
from bayesmmm.results.convergence import absent
from bayesmmm.results.predictive import check_groups
from bayesmmm.validate import check_seed

#: Probability of the intervals of series and residuals in the tables.
_INTERVAL = 0.9
#: Groups of a fit that are looked at.
_GROUPS = ("posterior", "sample_stats", "posterior_predictive", "log_likelihood", "observed_data")


def diagnose(fit: Fit, *, seed: int = 0) -> Diagnosis:
    """Check whether a fit can be trusted, and say what to try where it cannot.

    Four groups of checks. *sampler*: did the draws reach the posterior. *fit*: are the series such as the equations
    make; residuals are tested at posterior draws, where under a right model ``(y - mu) / sigma`` is exactly standard
    Normal, and all tests together raise a false alarm in at most 5 % of right models. *information*: what the data
    taught beyond the priors. *plausibility*: are the answers of a believable size.

    Of a panel, the sampler and what geos have in common in a period are checked; one geo after another is looked at as
    ``diagnose(fit.sel(geo="..."))``.

    No check can find what leaves no trace in the data: a common cause of spend and sales, or of a mediator and the
    outcome, can be hidden completely. ``ok`` means that nothing was found.

    Parameters
    ----------
    fit : Fit
        Also one whose sampler failed.
    seed : int
        Of the residuals of censored periods.

    Returns
    -------
    Diagnosis
        ``print`` it; ``diagnosis["rhat"]`` is one check, ``diagnosis.raised`` those to look at, ``diagnosis.tables`` the
        numbers behind them. Checks of one equation are named ``check:equation``.

    Raises
    ------
    SettingError
        For something that is no fit, and an impossible seed.
    AnswerError
        When groups were taken out of the tree of the fit.

    References
    ----------
    Johnson (2007), Bayesian model assessment using pivotal quantities, doi:10.1214/07-BA229.
    Vehtari, Gelman and Gabry (2017), Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC,
    doi:10.1007/s11222-016-9696-4.
    Gabry et al. (2019), Visualization in Bayesian workflow, doi:10.1111/rssa.12378.

    Examples
    --------
    >>> found = diagnose(fit)  # doctest: +SKIP
    >>> found.verdict, [check.name for check in found.raised]  # doctest: +SKIP
    >>> mm.plots.diagnosis(found)  # doctest: +SKIP
    """
    check_fit(fit)
    seed, panel = check_seed(seed), len(fit.data.geos) > 1
    check_groups(fit, _GROUPS[:2] if panel else _GROUPS, "diagnose")
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # What numbers are out of bounds is said by the checks, not by the libraries that compute them.
        warnings.simplefilter("ignore")
        checks, tables = sampler_checks(fit)
        broken = _not_finite(fit)
        if broken:
            checks.append(broken)
        elif panel:
            more, numbers = panel_checks(fit, seed=seed)
            checks, tables = [*checks, *more, *weak_checks(fit)], tables | numbers
        else:
            view = evaluate(fit, seed=seed)
            for more, numbers in (
                _fit_checks(view),
                information_checks(fit),
                (weak_checks(fit), {}),
                hidden_cause_checks(view),
                plausibility_checks(view),
            ):
                checks += more
                tables |= numbers
            checks += _columns(fit)
    return Diagnosis("fit", tuple(checks), tables)


def _columns(fit: Fit) -> list[Check]:
    """Say again what was unwise about the columns of equations: no posterior shows it."""
    system, data = fit.system, fit.data
    found = [
        w
        for name in system.order
        for look in (consequences, linear_overlaps)
        for w in look(system.equation(name), data)
    ]
    return warning_checks(found, system, data, (CONSEQUENCES, COLLINEAR_TERMS), "plausibility")


def _fit_checks(view: PosteriorView) -> tuple[list[Check], dict[str, pd.DataFrame]]:
    """Tests of the series and their residuals, equation by equation, held against one bound of false alarms."""
    fit = view.fit
    series = {name: predictive_table(fit, name, _INTERVAL) for name in fit.system.order}
    tables = {"residuals": _residuals(view), "series": pd.concat(series, names=["equation", "date"])}
    tests: list[TestResult] = []
    for group in (predictive_checks, residual_checks, confounding_checks):
        results, numbers = group(view)
        tests += results
        tables |= numbers
    checks, results, numbers = loo_checks(view)

    def place(check: Check) -> tuple[bool, int]:
        equation = check.name.partition(":")[2].rpartition("->")[2]
        return check.group != "fit", fit.system.order.index(equation)

    return sorted([*bonferroni([*tests, *results]), *checks], key=place), tables | numbers


def _residuals(view: PosteriorView) -> pd.DataFrame:
    """Median and 90 % interval of the residuals by equation and date, in residual sds."""
    tail = (1.0 - _INTERVAL) / 2.0
    index = pd.DatetimeIndex(view.fit.data.dates, name="date")
    tables = {}
    for name, z in view.z.items():
        ends = np.quantile(z[view.tested], [0.5, tail, 1.0 - tail], axis=0)
        tables[name] = pd.DataFrame(ends.T, index, ["median", "lower", "upper"])
    return pd.concat(tables, names=["equation", "date"])


def _not_finite(fit: Fit) -> Check | None:
    """Say which draws are no numbers; nothing else can be computed from them."""
    posterior = fit.posterior
    # A channel in a geo that never bought it is no parameter.
    known = {name: values.where(~absent(values), 0.0) for name, values in posterior.items()}
    bad = [str(name) for name, values in known.items() if not np.isfinite(values.values).all()]
    if not bad:
        return None
    return Check(
        "finite",
        "sampler",
        "fail",
        float(len(bad)),
        0.0,
        f"{len(bad)} variables have draws that are infinite or no number: {', '.join(bad[:5])}.",
        "a density that is infinite or undefined is none",
        "no answer can be computed from these draws",
        ("look at print(system) for priors that reach to extreme values, and make them narrower", "fit again"),
    )
