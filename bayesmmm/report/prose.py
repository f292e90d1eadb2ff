"""Method, assumptions and limits in plain words, as far as they depend on the fit that is reported."""

from bayesmmm.equations import Equation
from bayesmmm.estimands import EXTRAPOLATED, TAIL_WEIGHT
from bayesmmm.report.answers import Answers
from bayesmmm.results.convergence import PREVIEW
from bayesmmm.text import counted, joined, percent

_POOLING = {
    "partial": "contributions of geos vary around that of the median geo by as much as the data say: a geo that says "
    "little is drawn towards the others.",
    "full": "contributions are the same share of the mean series in all geos.",
    "none": "contributions of geos are estimated each for itself, which lifts weak channels in every geo, so that "
    "totals are biased upwards.",
}


def method(answers: Answers) -> list[str]:
    """Say how the numbers were made."""
    system = answers.fit.system
    out = [
        f"The model is a system of {counted(len(system.equations), 'equation')}, fitted together: "
        + " ".join(_explained(system.equation(name)) for name in system.order),
        "Spend acts at once and for some time after: each period a part of the pressure is carried over (adstock). Its "
        "response flattens, or is S-shaped and then flattens (saturation). How strongly, how long and how soon is "
        "estimated for each channel in each equation.",
    ]
    if answers.exposures:
        out.append(_counted(answers))
    if answers.geos is not None:
        out += _panel(answers)
    if system.mediators:
        one = len(system.mediators) == 1
        out.append(
            f"{joined(system.mediators)} {'is a mediator' if one else 'are mediators'}: explained by what comes before "
            f"{'it' if one else 'them'} and a cause of what comes after. What a channel does through "
            f"{'it' if one else 'them'} is its indirect effect. The observed series enters the next equation."
        )
    out += [
        "The fit is Bayesian. What was assumed before (the priors) and what the data say give many equally "
        "likely sets of parameters, the draws. Every number of this report is computed for each draw; given are "
        f"the median and the range that holds {percent(answers.ci_prob)} of the draws, with the same share left "
        "out on either side. Medians of parts need not add up to the median of their sum.",
        "The effect of a channel is what would have been lost without its spend: the equations are run again with it at "
        "zero, mediators respond, and everything that the equations do not explain stays as it was. The direct part is "
        "the loss with mediators held where they were, the indirect part is the rest.",
        _window(answers),
        "The return is the effect over the spend; the marginal return is the effect of the next small amount of spend, "
        "spread over time as the spend was. The accounting (decomposition) instead splits what the model expects into "
        "parts that add up: it says where the outcome is booked, not what would be lost.",
    ]
    return out


def _counted(answers: Answers) -> str:
    """Say which channels act through what is counted, and how they come by returns."""
    data = answers.fit.data
    names = [f"{name} ({data.unit(name)})" for name in answers.exposures]
    one, free = len(names) == 1, [name for name in answers.exposures if not data.has_spend(name)]
    text = f"{joined(names)} {'acts' if one else 'act'} through what was had, not through money."
    if len(free) < len(names):
        text += " Returns, curves and budgets are in money all the same, through what a unit cost in the window."
    if free:
        text += f" Nothing is known to be paid for {joined(free)}: there is an effect, and no return on spend."
    return text


def _panel(answers: Answers) -> list[str]:
    """Say what geos share, for each way in which equations share it."""
    shared = (
        f"The {len(answers.fit.data.geos)} geos are fitted together. Carry-over, saturation, the size of the noise and "
        f"most coefficients are the same in all of them; each has a level of its own."
    )
    out = [shared]
    pooling: dict[str, list[str]] = {}
    for equation in answers.fit.system.equations:
        if equation.panel and equation.media:
            pooling.setdefault(equation.panel.pooling, []).append(equation.name)
    out += [f"In the equation of {joined(names)}, {_POOLING[how]}" for how, names in pooling.items()]
    common = [e.name for e in answers.fit.system.equations if e.has_period_effects]
    if common:
        out.append(
            f"What moves {joined(common)} in all geos at once in a period is an effect of the period, not of media: an "
            f"answer rests on what differs between geos."
        )
    else:
        out.append(
            "Nothing stands for what moves all geos at once in a period: what drives spend as well is taken for an "
            "effect of media."
        )
    return out


def _explained(equation: Equation) -> str:
    """One sentence on what explains a series."""
    by = []
    if equation.media:
        by.append(f"the media {joined(equation.media)}")
    if equation.linear:
        by.append(f"in a straight line by {joined(equation.linear)}")
    if equation.events:
        by.append(f"the events {joined(equation.events)}")
    for pool, names in equation.pooled_events.items():
        by.append(f"{len(names)} events around a common mean ({pool})")
    if equation.trend:
        bends = len(equation.trend) if isinstance(equation.trend, tuple) else 0
        by.append(f"a trend with {counted(bends, 'bend')}" if bends else "a straight trend")
    if equation.seasonality:
        by.append(f"seasons with a period of {joined(f'{wave.period:g}' for wave in equation.seasonality)} days")
    cut = f" (carry-over is cut after {counted(equation.max_lag, 'period')})" if equation.max_lag else ""
    return f"{equation.name} is explained by {joined(by) if by else 'its mean level alone'}{cut}."


def _window(answers: Answers) -> str:
    if answers.window == "spend":
        return (
            "Effects count what the spend of the window did in the window and after it, until less than "
            f"{percent(TAIL_WEIGHT)} of its pressure is left. Where that reaches beyond the data, spend and "
            "controls are taken at their mean over the window."
        )
    return (
        "Effects count what the outcome of the window owes to all spend up to its end: carry-over from before "
        "the window is in, what the spend does after it is not. Returns divide that by the spend of the window."
    )


def assumptions(answers: Answers) -> list[str]:
    """Return what has to hold for the findings to hold."""
    system = answers.fit.system
    series = joined([*system.mediators, answers.outcome])
    out = [
        f"No common cause is missing: whatever moved spend and also {series} is in the equations (season, trend, "
        "controls). The data cannot show this; it is knowledge from outside.",
        "Spend was not raised or cut in answer to the outcome, but for causes that are in the equations.",
        "The arrows of the causal graph are right, and where there is no arrow there is no direct effect.",
        "A channel works the same throughout: its carry-over, saturation and strength do not change over time, "
        "and carry-over fades by the same share in every period.",
        "Before the first period of the data nothing was carried over.",
    ]
    if answers.geos is not None:
        out.append("Geos do not act on each other: spend in one does nothing to the outcome of another.")
    if system.mediators:
        out.append(
            f"A unit of {joined(system.mediators, 'or')} acts the same whatever drove it, and what the equations do not "
            f"explain in one series does not also drive another{_but_tied(answers)}."
        )
    out += [
        f"{equation.name} {equation.family.scatter}, period by period on its own." for equation in system.equations
    ]
    out.append("The priors are reasonable where the data say little; they are listed under Method.")
    return out


def _but_tied(answers: Answers) -> str:
    """Name the series whose residuals are correlated, as the end of a sentence."""
    posterior, out = answers.fit.posterior, []
    for equation in answers.fit.system.equations:
        for mediator, assumed in equation.rho.items():
            learned = f"{equation.name}.rho" in posterior
            value = float(posterior[f"{equation.name}.rho"].median()) if learned else assumed
            how = "estimated" if learned else "assumed"
            out.append(f"{mediator} and {equation.name}, where a correlation of {value:.2g} is {how}")
    return f", but for {joined(out)}" if out else ""


def limits(answers: Answers) -> list[str]:
    """Return what the report does not say."""
    out = []
    if answers.in_money:
        out.append(
            f"A return above 1 means more {answers.outcome} than spend. It is no profit unless {answers.outcome} "
            "is counted after all other costs."
        )
    else:
        out.append(
            f"{answers.outcome} is counted in {answers.unit}, not in money, so that no return can be compared with its "
            f"spend: judge what a unit may cost."
        )
    out += [
        "The range of a number holds the doubt within this model, not the doubt about the model itself. An "
        "experiment on a channel is stronger evidence than any fit to past data.",
        "Effects of single channels do not add up to the effect of all, and effects of mediators overlap with "
        "those of the channels behind them.",
        f"A point of a response curve is called extrapolated when more than {percent(EXTRAPOLATED)} of its spend "
        "falls into periods with more spend than was ever observed. Marginal returns hold for small changes "
        "only.",
        "Fit quality and predictive intervals are those of the periods that were fitted. They do not say how good a "
        "forecast would be.",
        "Probabilities are shares of draws; those of less than 1 % or more than 99 % are not told apart.",
    ]
    if answers.plan is not None:
        out.append(
            "What a test would add to the plan is counted to first order: returns of the window of this report stay as "
            "they are while money moves within the limits of the plan."
        )
    if answers.verdict != "converged":
        why = "This is a preview" if answers.verdict == PREVIEW else "The sampler did not converge"
        out.insert(0, f"{why}, so that even what is said here may be off.")
    return out
