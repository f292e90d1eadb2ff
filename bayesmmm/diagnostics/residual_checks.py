"""Tests of whether the residuals of each equation are as it says: independent, even, of the right shape.

Residuals of a mediator beside those of what it moves hint at a common cause that nobody observed.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayesmmm.data.calendars import PERIOD_WORD, RETAIL, UNEVEN
from bayesmmm.diagnostics import residual_tests as tests
from bayesmmm.diagnostics import thresholds as bounds
from bayesmmm.diagnostics.advice import accepted, figure, likelihoods, prior_on, prior_on_return
from bayesmmm.diagnostics.check import TestResult
from bayesmmm.diagnostics.posterior_view import PosteriorView
from bayesmmm.equations.likelihoods import LOGNORMAL, STUDENT_T
from bayesmmm.text import counted

#: Periods for which spend is followed, after it (its delayed effect) and before it (whether it answers to sales).
DELAY = {
    **{"daily": 14, "weekly": 8, "fortnightly": 4, "four-weekly": 3, "monthly": 3, "quarterly": 2},
    **{RETAIL: 3, UNEVEN: 3},
}
LEAD = 2
_SEASON = {
    **{"daily": (7, 365), "weekly": (52,), "fortnightly": (26,), "four-weekly": (13,), "monthly": (12,)},
    **{"quarterly": (4,), RETAIL: (12,), UNEVEN: ()},
}
#: Directions of a media term over draws are kept until they hold this share of its variation.
_KEPT = 0.99
_TOO_FEW = 20  # the approximations behind skewness and kurtosis begin to hold


def residual_checks(view: PosteriorView) -> tuple[list[TestResult], dict[str, pd.DataFrame]]:
    """Test the residuals of every equation.

    Tables: "autocorrelation" by equation and lag, the median over draws; "spend_and_residuals" by equation, channel and
    lag, the median correlation of spend with the residual so many periods later (negative: earlier).
    """
    results: list[TestResult] = []
    lags: dict[str, pd.Series] = {}
    spend: dict[tuple[str, str, int], float] = {}
    for name in view.fit.system.order:
        z = view.z[name][view.tested]
        test, lags[name] = _autocorrelation(view, name, z)
        results += [test, *(make(view, name, z) for make in (_heteroscedasticity, _normality, _outliers, _drift))]
        results += _with_spend(view, name, z, spend)
    tables = {"autocorrelation": pd.concat(lags, axis=1)}
    if spend:
        index = pd.MultiIndex.from_tuples(spend, names=["equation", "channel", "lag"])
        tables["spend_and_residuals"] = pd.DataFrame({"correlation": list(spend.values())}, index)
    return results, tables


# --------------------------------------------------------------------------------------------------------- in time
def lags_looked_at(periods: int, frequency: str) -> np.ndarray:
    """Lags at which autocorrelation is looked for: the first ``10 log10(T)``, and seasons of which two were seen."""
    first = np.arange(1, min(periods // 3, int(10.0 * np.log10(periods))) + 1)
    seasons = [s for s in _SEASON[frequency] if first[-1] < s <= periods // 2]
    return np.concatenate([first, seasons]).astype(int)


def _autocorrelation(view: PosteriorView, name: str, z: np.ndarray) -> tuple[TestResult, pd.Series]:
    data = view.fit.data
    lags = lags_looked_at(len(data.dates), data.frequency)
    r, p = tests.autocorrelations(z, lags)
    # Half of the weight goes to the first lag, where what was left out of an equation shows most often.
    both = np.stack([p[:, 0], tests.smallest(p[:, 1:])], axis=-1)
    median = np.median(r, axis=0)
    worst = int(np.argmin(np.median(p, axis=0)))
    apart = f"{_periods(lags[worst], data.frequency)} apart"
    share = (1.0 - abs(median[0])) / (1.0 + abs(median[0]))
    test = TestResult(
        f"autocorrelation:{name}",
        tests.combined(tests.smallest(both)),
        abs(float(median[worst])) / bounds.AUTOCORRELATION,
        f"residuals of {name} {apart} correlate by {median[worst]:+.2f}, the least likely of {len(lags)} lags",
        f"something that moves slowly is missing from the equation of {name}; {len(data.dates)} periods tell about as "
        f"much as {share * len(data.dates):.0f} independent ones, so intervals are too narrow, and channels that move "
        f"with it take its credit",
        (
            f"add a season or raise its order, as mm.Equation({name!r}, ..., "
            f"seasonality=[mm.Fourier(period=365.25, order=4)]), if the lag is a season",
            f"let the trend bend, as mm.Equation({name!r}, ..., trend=['{view.dates()[len(data.dates) // 2]}'])",
            f"add what is known to move demand as controls, as mm.Equation({name!r}, ..., linear=['demand'])",
        ),
    )
    return test, pd.Series(median, pd.Index(lags, name="lag"), name=name)


def _drift(view: PosteriorView, name: str, z: np.ndarray) -> TestResult:
    means, p = tests.drift(z)
    median = np.median(means, axis=0)
    worst = int(np.abs(median).argmax())
    edges = [part[[0, -1]] for part in np.array_split(np.asarray(view.dates()), 3)]
    return TestResult(
        f"drift:{name}",
        tests.combined(p),
        abs(float(median[worst])) / bounds.DRIFT,
        f"residuals of {name} from {edges[worst][0]} to {edges[worst][1]} lie {median[worst]:+.2f} residual sds from "
        f"the mean, most of the three thirds of the sample",
        "the level of the series changed in a way that the equation does not have; channels that were raised or cut "
        "at that time take its credit",
        (
            f"let the trend bend, as mm.Equation({name!r}, ..., trend=['{edges[1][0]}', '{edges[2][0]}'])",
            "add a control that is 0 before a known break and 1 after it",
            "fit the periods since the break alone, as data.between(start, stop)",
        ),
    )


# ----------------------------------------------------------------------------------------------------------- shape
def _heteroscedasticity(view: PosteriorView, name: str, z: np.ndarray) -> TestResult:
    by_mean, p_mean = tests.spread(z, view.mean[name][view.tested])
    by_time, p_time = tests.spread(z, np.arange(z.shape[1]))
    what, ratios = ("fitted mean", by_mean) if np.median(p_mean) < np.median(p_time) else ("time", by_time)
    ratio = float(np.median(ratios))
    when = {LOGNORMAL: "if sizes grow with the mean", STUDENT_T: "if a few wild periods are behind it"}
    remedies = likelihoods(*view.about, name, when)
    return TestResult(
        f"heteroscedasticity:{name}",
        tests.combined(tests.smallest(np.stack([p_mean, p_time], axis=-1))),
        max(ratio, 1.0 / ratio) / bounds.VARIANCE_RATIO,
        f"residuals of {name} in the upper third of {what} are {ratio:.2f} times as large as in the lower third",
        "periods are weighed as if all were equally noisy: intervals are wrong, and forecasts of calm periods too wide",
        (*remedies, "fit the later periods alone, as data.between(start, stop), if sizes change with time"),
    )


def _normality(view: PosteriorView, name: str, z: np.ndarray) -> TestResult:
    likelihood = view.fit.system.equation(name).likelihood
    if z.shape[1] < _TOO_FEW:
        finding = f"{z.shape[1]} periods are too few to tell the shape of residuals; {_TOO_FEW} are needed."
        return TestResult(f"normality:{name}", np.nan, 0.0, finding, "", ())
    *moments, p = tests.shape(z)
    skew, kurtosis = (float(np.median(moment)) for moment in moments)
    when = {STUDENT_T: "if tails are heavy (excess kurtosis)", LOGNORMAL: "if residuals are skewed to the right"}
    return TestResult(
        f"normality:{name}",
        tests.combined(p),
        float(max(abs(skew) / bounds.SKEWNESS, abs(kurtosis) / bounds.KURTOSIS)),
        f"residuals of {name} have skewness {skew:+.2f} and excess kurtosis {kurtosis:+.2f} on the scale on which "
        f"{likelihood} makes them Normal",
        "a few periods pull at every coefficient more than they should, and predictive intervals have the wrong shape",
        (
            *likelihoods(*view.about, name, when),
            f"look at the largest residuals, as {figure('residuals', 'estimands', view.fit.system, name)}: add a "
            f"control for events that explain them",
        ),
    )


def _outliers(view: PosteriorView, name: str, z: np.ndarray) -> TestResult:
    top, p = tests.largest(z)
    mean = z.mean(axis=0)
    worst = np.argsort(-np.abs(mean))[:3]
    days = view.dates()
    listed = ", ".join(f"{days[t]} ({mean[t]:+.1f})" for t in worst)
    return TestResult(
        f"outliers:{name}",
        tests.combined(p),
        float(np.median(top)) / bounds.OUTLIER,
        f"largest residual of {name} {np.median(top):.1f} residual sds; largest periods {listed}",
        "single periods decide about the channels that were active in them",
        (
            f"see what happened on {days[worst[0]]}: correct the data, or add a control that is 1 in that period and 0 "
            f"elsewhere",
            *likelihoods(*view.about, name, {STUDENT_T: "which gives outliers less weight"}),
        ),
    )


# ----------------------------------------------------------------------------------------------------- with inputs
def _with_spend(
    view: PosteriorView, name: str, z: np.ndarray, table: dict[tuple[str, str, int], float]
) -> list[TestResult]:
    data, equation = view.fit.data, view.fit.system.equation(name)
    if not equation.media:
        return []
    x = np.stack([data.columns[c][0] for c in equation.media])
    delays = range(1, min(DELAY[data.frequency], len(data.dates) // 4) + 1)
    late = [(lag, *tests.correlations(z[:, lag:], x[:, :-lag])) for lag in delays]
    early = [(-lead, *tests.correlations(z[:, :-lead], x[:, lead:])) for lead in range(1, LEAD + 1)]
    for lag, r, _ in sorted(early + late, key=lambda row: row[0]):
        table |= {(name, c, lag): float(np.median(r[:, i])) for i, c in enumerate(equation.media)}
    return [
        _delayed(view, name, equation.media, late),
        _feedback(view, name, equation.media, early),
        _changing(view, name, z, equation.media),
    ]


def _strongest(view: PosteriorView, channels: Sequence[str], rows: list) -> tuple[float, str, str, float]:
    """Combined p-value over channels and lags; channel, lag in words and median correlation of the least likely one."""
    p = np.stack([p for _, _, p in rows], axis=-1)  # (S, channel, lag)
    r = np.median(np.stack([r for _, r, _ in rows], axis=-1), axis=0)
    c, k = divmod(int(np.argmin(np.median(p, axis=0))), r.shape[1])
    lag = _periods(abs(rows[k][0]), view.fit.data.frequency)
    return tests.combined(tests.smallest(p.reshape(len(p), -1))), channels[c], lag, float(r[c, k])


def _delayed(view: PosteriorView, name: str, channels: Sequence[str], rows: list) -> TestResult:
    p, channel, lag, r = _strongest(view, channels, rows)
    return TestResult(
        f"delayed_effect:{name}",
        p,
        abs(r) / bounds.CORRELATION,
        f"residuals of {name} correlate by {r:+.2f} with {channel} {lag} before",
        f"the carryover of {channel} has another form than a geometric one that is strongest at once, so its effect "
        f"and half-life are off",
        (
            f"shift {channel} by the delay before fitting, as frame[{channel!r}].shift(1) with the first row left out",
            f"give longer carryover room, with a larger mu than in "
            f"{prior_on(view.fit.system.equation(name), 'half_life', channel)}",
        ),
    )


def _feedback(view: PosteriorView, name: str, channels: Sequence[str], rows: list) -> TestResult:
    p, channel, lead, r = _strongest(view, channels, rows)
    return TestResult(
        f"feedback:{name}",
        p,
        abs(r) / bounds.CORRELATION,
        f"{channel} correlates by {r:+.2f} with the residual of {name} {lead} before",
        f"{channel} may be set by what {name} did: then spend and residuals move together for a reason that is no "
        f"effect, and the ROI is off by an unknown amount",
        (
            "ask how budgets are set; a rule that looks at last week's sales or at demand belongs into the model",
            f"add what the rule looks at as a control, such as {name} one period before, as "
            f"mm.Equation({name!r}, ..., linear=['last_{name}'])",
            f"let an experiment that switches spend at random decide, and put in what it found, as "
            f"{prior_on_return(view.fit.system.equation(name), channel, view.fit.data)}",
        ),
    )


def _changing(view: PosteriorView, name: str, z: np.ndarray, channels: Sequence[str]) -> TestResult:
    """Test whether residuals follow a media term early and lean against it late: an effect that grows or fades."""
    term = np.stack([view.term(name, c) for c in channels], 1)
    time = np.linspace(-1.0, 1.0, z.shape[1])
    r, p = tests.correlations(z[view.kept_at], (term - term.mean(axis=-1, keepdims=True)) * time)
    c = int(np.argmin(np.median(p, axis=0)))
    at = float(np.median(r[:, c]))
    more, less, change = ("late", "early", "grow") if at > 0 else ("early", "late", "fade")
    return TestResult(
        f"changing_effect:{name}",
        tests.combined(tests.smallest(p)),
        abs(at) / bounds.CORRELATION,
        f"residuals of {name} follow the effect of {channels[c]} more {more} than {less} in the sample (correlation "
        f"{at:+.2f})",
        f"the effect of {channels[c]} seems to {change}; the fit reports an average, which is not what the next period "
        f"will bring",
        (
            "fit the later half alone, as data.between(start, stop), and compare mm.roi(fit) of both",
            f"split {channels[c]} into two columns, before and after a known change of creative, price or tracking",
        ),
    )


# ------------------------------------------------------------------------------------- mediators and what they move
def confounding_checks(view: PosteriorView) -> tuple[list[TestResult], dict[str, pd.DataFrame]]:
    """Test the correlation of the residuals of each mediator with those of the equations that it enters.

    An equation that has M itself as an input takes up most of what a common cause of M and the outcome does: with a
    linear effect and the same other terms, all of it, and the correlation of the residuals is zero by construction
    whatever the confounding. How much could be seen is the share of the residual of M outside what the terms of the
    next equation can follow. Table
    "residual_correlation" by mediator and equation, where there are any: median, lower, upper (90 %), p and visible.
    """
    order = view.fit.system.equations
    pairs = [(m, e.name) for m in view.fit.system.mediators for e in order if m in e.inputs]
    if not pairs:
        return [], {}
    results, rows = zip(*(_pair(view, *pair) for pair in pairs), strict=True)
    index = pd.MultiIndex.from_tuples(pairs, names=["mediator", "equation"])
    return list(results), {"residual_correlation": pd.DataFrame(list(rows), index)}


def visible_share(view: PosteriorView, mediator: str, name: str) -> float:
    """Share of the residual of a mediator that the terms of the next equation cannot follow, 0 to 1.

    The terms are the columns of the linear part, the mean of each media term, and the directions in which the term of
    the mediator moves from draw to draw.
    """
    residual = view.kept.residual[mediator][:, 0].mean(axis=0)
    equation, columns = view.fit.system.equation(name), [view.kept.design[name][0]]
    for channel in equation.media:
        term = view.term(name, channel)
        mean = term.mean(axis=0)
        columns.append(mean[:, None])
        if channel == mediator:
            _, size, directions = np.linalg.svd(term - mean, full_matrices=False)
            share = np.cumsum(size**2) / max(float((size**2).sum()), np.finfo(float).tiny)
            columns.append(directions[: int(np.searchsorted(share, _KEPT)) + 1].T)
    basis = np.concatenate(columns, axis=1)
    basis = basis / np.maximum(np.linalg.norm(basis, axis=0), np.finfo(float).tiny)
    q, size, _ = np.linalg.svd(basis, full_matrices=False)
    q = q[:, size > 1e-8 * size[0]]
    left = residual - q @ (q.T @ residual)
    return float(left @ left) / max(float(residual @ residual), np.finfo(float).tiny)


def _pair(view: PosteriorView, mediator: str, name: str) -> tuple[TestResult, dict[str, float]]:
    z_mediator, z = (view.z[n][view.tested] for n in (mediator, name))
    r, p = tests.correlations(z, tests.scores(z_mediator)[:, None])
    lower, median, upper = np.quantile(r, [0.05, 0.5, 0.95])
    visible = visible_share(view, mediator, name)
    row = {"median": median, "lower": lower, "upper": upper, "p": tests.combined(p[:, 0]), "visible": visible}
    sight = (
        f"a correlation can hardly be seen here, since the equation of {name} takes up all but {100 * visible:.0f} % of "
        f"the residual of {mediator}: silence is no comfort"
        if visible < bounds.VISIBLE
        else f"{100 * visible:.0f} % of the residual of {mediator} lies outside what the equation of {name} takes up, "
        f"so that about as much of a correlation would show"
    )
    test = TestResult(
        f"confounding:{mediator}->{name}",
        row["p"],
        abs(float(median)) / bounds.CORRELATION,
        f"residuals of {mediator} and {name} correlate by {median:+.2f} (90 % {lower:+.2f} to {upper:+.2f}); {sight}",
        f"something unobserved may move both {mediator} and {name}: then the effect of {mediator}, and every indirect "
        f"effect through it, is off",
        (
            f"add the common cause (demand, weather, holidays, prices) as a control to both equations, as "
            f"mm.Equation({mediator!r}, ..., linear=['demand']) and mm.Equation({name!r}, ..., linear=['demand'])",
            *_assumed(view, mediator, name, float(median)),
        ),
    )
    return test, row


def _assumed(view: PosteriorView, mediator: str, name: str, median: float) -> tuple[str, ...]:
    """Remedies that take a correlation for given, or what stands in the way."""
    fit = view.fit
    at = float(np.clip(np.round(median, 1), -0.9, 0.9)) + 0.0
    if not accepted(fit.system, fit.data, name, rho={mediator: at}):
        kinds = {n: fit.system.equation(n).likelihood for n in (mediator, name)}
        return (
            f"to assume a correlation and see how effects depend on it, fit both as 'normal' or 'lognormal': "
            f"{mediator} is {kinds[mediator]!r}, {name} is {kinds[name]!r}",
        )
    rho = f"fit with a correlation that you believe, as mm.Equation({name!r}, ..., rho={{{mediator!r}: {at:g}}})"
    if name != fit.system.outcome or fit.system.equation(name).rho:
        return (rho,)
    sensitivity = f"mm.sensitivity.mediation_sensitivity(fit, mediator={mediator!r})"
    return (f"see how effects depend on it, as {sensitivity}", rho)


def _periods(count: int, frequency: str) -> str:
    return counted(count, PERIOD_WORD[frequency])
