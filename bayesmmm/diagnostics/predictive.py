"""Tests of whether an equation reproduces its series, and predicts periods that it has not seen."""

import math

import numpy as np
import pandas as pd
from scipy import special

from bayesmmm.diagnostics import thresholds as bounds
from bayesmmm.diagnostics.advice import figure, likelihoods
from bayesmmm.diagnostics.check import Check, TestResult, check_against
from bayesmmm.diagnostics.posterior_view import PosteriorView
from bayesmmm.diagnostics.thresholds import Threshold
from bayesmmm.equations import expected, to_latent
from bayesmmm.equations.likelihoods import CENSORED_NORMAL, LOGNORMAL, STUDENT_T
from bayesmmm.results import Fit
from bayesmmm.results.predictive import observed_densities

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_LEVELS = (0.5, 0.9)
#: Another likelihood -> when to take it.
_WHEN_POSITIVE = {LOGNORMAL: "for a long upper tail", STUDENT_T: "for outliers"}
_WHEN = {CENSORED_NORMAL: "for zeros", **_WHEN_POSITIVE}
_UNKNOWN = (
    "leaving periods out cannot be computed from these draws: there are too few of them, or they are all alike."
)


# -------------------------------------------------------------------------------------------------- replicated series
def predictive_checks(view: PosteriorView) -> tuple[list[TestResult], dict[str, pd.DataFrame]]:
    """Hold statistics of each series against those of its replicates.

    One test for each equation, over all statistics together: how often a replicate has a statistic that stands out as
    much as the one of the series that stands out most. Table "predictive" by equation and statistic: observed, median,
    lower and upper (90 %) of the replicates, and p, the share of replicates above the observed one.
    """
    results = {name: _predictive(view, name) for name in view.fit.system.order}
    tables = {name: table for name, (_, table) in results.items()}
    return [test for test, _ in results.values()], {
        "predictive": pd.concat(tables, names=["equation", "statistic"])
    }


def statistics(series: np.ndarray, *, zeros: bool) -> dict[str, np.ndarray]:
    """Statistics (S,) of series (S, T): total, quantiles, maximum, autocorrelation at lag 1, share of zeros."""
    quantiles = np.quantile(series, _QUANTILES, axis=-1)
    e = series - series.mean(axis=-1, keepdims=True)
    power = np.maximum((e**2).sum(axis=-1), np.finfo(float).tiny)
    out = {"total": series.sum(axis=-1)}
    out |= {f"quantile {q:g}": values for q, values in zip(_QUANTILES, quantiles, strict=True)}
    out |= {"maximum": series.max(axis=-1), "autocorrelation": (e[:, 1:] * e[:, :-1]).sum(axis=-1) / power}
    return out | ({"share of zeros": (series == 0.0).mean(axis=-1)} if zeros else {})


def _predictive(view: PosteriorView, name: str) -> tuple[TestResult, pd.DataFrame]:
    fit = view.fit
    observed = fit.data.columns[name]
    replicated = fit.tree["posterior_predictive"].to_dataset()[name].values.reshape(-1, observed.shape[-1])
    if (gaps := np.isnan(observed[0])).any():  # what was not recorded is compared with nothing
        observed, replicated = observed[:, ~gaps], replicated[:, ~gaps]
    zeros = fit.system.equation(name).family.censored or bool((observed == 0.0).any())
    both = statistics(np.concatenate([observed, replicated]), zeros=zeros)
    values = np.stack(list(both.values()), axis=-1)
    center, spread = values[1:].mean(axis=0), values[1:].std(axis=0)
    apart = np.abs(values - center)
    # A statistic that is the same in every replicate is infinitely far from any other value.
    far = np.where(apart > 1e-9 * (1.0 + np.abs(center)), apart / np.where(spread > 0.0, spread, 1e-300), 0.0)
    top = far.max(axis=-1)
    p = (1.0 + (top[1:] >= top[0]).sum()) / len(top)
    if top[0] > top[1:].max():  # beyond every replicate, the Normal tail goes on
        p = min(p, 2.0 * len(center) * float(special.ndtr(-top[0])))
    table = pd.DataFrame(
        {
            "observed": values[0],
            "median": np.median(values[1:], axis=0),
            "lower": np.quantile(values[1:], 0.05, axis=0),
            "upper": np.quantile(values[1:], 0.95, axis=0),
            "p": ((values[1:] > values[0]).mean(axis=0) + (values[1:] >= values[0]).mean(axis=0)) / 2.0,
        },
        pd.Index(list(both), name="statistic"),
    )
    worst = table.iloc[int(far[0].argmax())]
    unit = "" if worst.name in ("autocorrelation", "share of zeros") else f" {fit.data.unit(name)}"
    test = TestResult(
        f"predictive:{name}",
        float(p),
        float(top[0]) / bounds.REPLICATES,
        f"{worst.name} of {name} is {worst['observed']:.4g}{unit}, its replicates lie between {worst['lower']:.4g} and "
        f"{worst['upper']:.4g} with 90 %; of {len(table)} statistics the one that stands out most",
        f"series made by the equation do not look like {name}: predictions and what is called unusual cannot be trusted",
        (
            f"draw it, as {figure('predictive_check', 'results', fit.system, name)}",
            *likelihoods(*view.about, name, _WHEN if zeros else _WHEN_POSITIVE),
            "autocorrelation: add a season, knots of the trend, or controls",
        ),
        bounds.PREDICTIVE_SOURCE,
    )
    return test, table


# ------------------------------------------------------------------------------------------------------ leaving one out
def loo_checks(view: PosteriorView) -> tuple[list[Check], list[TestResult], dict[str, pd.DataFrame]]:
    """Check each equation by leaving one period out at a time, by importance sampling.

    Tables: "loo" by equation and date, elpd, pareto_k, pit (the probability that a period left out was predicted to be
    below what it was; random within that of zero for a censored one) and fitted (its mean when left out); "coverage" by
    equation, the share of periods in their 50 and 90 % LOO intervals.
    """
    checks: list[Check] = []
    tests, loo, coverage = [], {}, {}
    efficiency = _efficiency(view.fit)
    for name in view.fit.system.order:
        loo[name] = table = _left_out(view, name, efficiency)
        inside = np.abs(table["pit"] - 0.5)
        coverage[name] = {level: float((inside <= level / 2.0).mean()) for level in _LEVELS}
        checks += [_pareto(view, name, table), _explained(name, table)]
        tests.append(_pit(view, name, table["pit"].to_numpy(), coverage[name]))
    tables = {
        "loo": pd.concat(loo, names=["equation", "date"]),
        "coverage": pd.DataFrame(coverage).T.rename_axis(index="equation", columns="level"),
    }
    return checks, tests, tables


def _efficiency(fit: Fit) -> float:
    """Effective draws per draw, on average over parameters, by which `arviz_stats.loo` sets the size of a tail."""
    import arviz_stats

    chains, draws = fit.posterior.sizes["chain"], fit.posterior.sizes["draw"]
    if chains == 1:
        return 1.0
    sizes = arviz_stats.ess(fit.posterior, method="mean")
    return float(np.hstack([values.values.ravel() for values in sizes.values()]).mean() / (chains * draws))


def _left_out(view: PosteriorView, name: str, efficiency: float) -> pd.DataFrame:
    from arviz_stats.base import array_stats

    fit = view.fit
    equation = fit.system.equation(name)
    columns = ["elpd", "pareto_k", "pit", "fitted", "observed"]
    density = observed_densities(fit, name)["log_likelihood"][name].transpose("date", "chain", "draw")
    index = pd.DatetimeIndex(density["date"].values, name="date")
    kept = fit.data.dates.isin(index)
    # What `arviz_stats.loo` does, without a second pass over the draws.
    try:
        log_weight, pareto_k = array_stats.psislw(density.values, r_eff=efficiency, axis=(-2, -1))
    except ValueError:  # no tail of weights that a Pareto distribution could be fitted to
        return pd.DataFrame(np.nan, index, columns)
    elpd = special.logsumexp(log_weight + density.values, axis=(-2, -1))
    log_weight = log_weight.reshape(len(index), -1).T
    weight = np.exp(log_weight - log_weight.max(axis=0))
    weight /= weight.sum(axis=0)
    target = to_latent(equation, fit.data.columns[name], fit.scales)[0, kept]
    below = special.ndtr(view.z[name][:, kept])
    mean = view.mean[name][:, kept]
    if equation.family.censored:
        sigma = fit.parameters()[name]["sigma"]
        # A residual drawn in a censored period would leave its mark on the average: the probability of zero is exact.
        zero = special.ndtr(-mean / sigma[:, None])
        below = np.where(target > 0.0, below, zero)
        size = fit.scales.size[name].item()
        mean = expected(equation, mean[:, None], sigma, fit.scales)[:, 0] / size
    pit = (weight * below).sum(axis=0)
    if equation.family.censored:
        pit = np.where(target > 0.0, pit, pit * np.random.default_rng(0).random(len(pit)))
    fitted = (weight * mean).sum(axis=0)
    values = (elpd, pareto_k, np.clip(pit, 0.0, 1.0), fitted, target)
    return pd.DataFrame(dict(zip(columns, values, strict=True)), index)


def _pareto(view: PosteriorView, name: str, table: pd.DataFrame) -> Check:
    k, bound = table["pareto_k"], bounds.PARETO_K.warn
    value, finding = float(k.max(skipna=False)), _UNKNOWN
    above = k.index[k > bound]
    if not np.isnan(value):
        finding = (
            f"largest Pareto k of {name} {value:.2f}, in {k.idxmax():%Y-%m-%d}; {len(above)} of {len(k)} periods above "
            f"{bound:.2f}."
        )
    return check_against(
        f"pareto_k:{name}",
        "fit",
        pareto_threshold(len(view.z[name])),
        value,
        finding,
        "the posterior leans on single periods so much that leaving one out cannot be computed from these draws; LOO, "
        "and comparisons of models by it, are not to be trusted",
        (
            f"see what is special about {', '.join(f'{d:%Y-%m-%d}' for d in above[:3])}: a control for an event, or an "
            f"error in the data",
            "compare models by held-out periods instead of LOO, as mm.evaluate.cross_validate(system, data)",
            *likelihoods(*view.about, name, {STUDENT_T: "if such periods are outliers"}),
        ),
    )


def pareto_threshold(draws: int) -> Threshold:
    """Bounds for the largest Pareto k of many, from so many draws.

    Examples
    --------
    >>> bounds = pareto_threshold(4000)
    >>> round(bounds.warn, 2), round(bounds.fail, 2)
    (0.82, 1.15)
    """
    tail = min(0.2 * draws, 3.0 * math.sqrt(draws))
    warn = max(0.0, min(bounds.PARETO_K.warn, 1.0 - 1.0 / math.log10(draws)))
    warn, fail = (k + (1.0 + k) / math.sqrt(tail) for k in (warn, bounds.PARETO_K.fail))
    return Threshold(warn, bounds.PARETO_K.source, fail)


def _explained(name: str, table: pd.DataFrame) -> Check:
    """R-squared of predictions of periods left out, on the scale of the equation."""
    miss = ((table["observed"] - table["fitted"]) ** 2).sum(skipna=False)
    count = len(table)
    # The mean, too, is that of the other periods.
    alone = (((table["observed"] - table["observed"].mean()) * count / (count - 1)) ** 2).sum()
    value = float(1.0 - miss / alone)
    finding = f"of the variance of {name} in periods left out, {100 * value:.0f} % is predicted from its inputs."
    return check_against(
        f"explained:{name}",
        "information",
        bounds.EXPLAINED,
        value,
        _UNKNOWN if np.isnan(value) else finding,
        f"the equation hardly knows {name}: what it says about channels is prior and chance",
        (
            "check that dates of spend and outcome belong together: a shift by one period does this",
            f"add what drives {name}: seasonality=, trend=, linear=[controls]",
        ),
    )


def _pit(view: PosteriorView, name: str, pit: np.ndarray, coverage: dict[float, float]) -> TestResult:
    from arviz_stats.base import array_stats

    if np.isnan(pit).any():
        return TestResult(f"calibration:{name}", np.nan, 0.0, _UNKNOWN, "", (), bounds.PIT_SOURCE)
    p = float(array_stats.uniformity_test(pit)[0])
    shares = " and ".join(f"{100 * coverage[level]:.0f} % in {100 * level:.0f} % intervals" for level in _LEVELS)
    miss = max(abs(coverage[level] - level) for level in _LEVELS)
    narrow = coverage[_LEVELS[1]] < _LEVELS[1]
    when = {STUDENT_T: "for heavy tails", LOGNORMAL: "for skewness"}
    return TestResult(
        f"calibration:{name}",
        p,
        miss / bounds.COVERAGE,
        f"periods of {name} left out fall in their predictive intervals with these shares: {shares}",
        f"predictive intervals are too {'narrow' if narrow else 'wide'} in the tails or lean to one side, and so are "
        f"those of forecasts",
        (
            f"look at the residuals, as {figure('residuals', 'estimands', view.fit.system, name)}",
            *likelihoods(*view.about, name, when),
        ),
        bounds.PIT_SOURCE,
    )
