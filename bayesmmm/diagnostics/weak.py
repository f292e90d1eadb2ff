"""Whether channels are told apart from no effect."""

import numpy as np

from bayesmmm.diagnostics.advice import prior_on_return, where
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.thresholds import WEAK
from bayesmmm.results import Fit, weak_channels
from bayesmmm.results.summaries import AT_MOST


def weak_checks(fit: Fit) -> list[Check]:
    """One check ``weak:CHANNEL`` for each exogenous channel."""
    out = []
    for row in weak_channels(fit).itertuples():
        channel, equation = row.channel, where(fit.system, row.channel)
        most = _most(fit, equation.name, channel, row.sign)
        likely = f"no effect of {channel} is {row.no_effect:.2g} times as likely as its likeliest effect"
        if np.isnan(row.no_effect):
            likely = f"how likely no effect of {channel} is cannot be said from these draws"
        finding = f"{likely}; {most}."
        meaning = (
            f"{channel} is not told apart from no effect: its return, and the probability of a return above 1, are what "
            f"the prior says of a channel that may as well do nothing"
        )
        signed = f"mm.Equation({equation.name!r}, ..., sign={{{channel!r}: 'any'}})"
        remedies = (
            *((f"let it do nothing, or harm, as {signed}",) if row.sign != "any" else ()),
            f"say what is known from elsewhere, as {prior_on_return(equation, channel, fit.data)}",
            f"vary {channel} on purpose: switch it off for some weeks, then double it, and fit again",
        )
        value = float(row.no_effect)
        out.append(check_against(f"weak:{channel}", "information", WEAK, value, finding, meaning, remedies))
    return out


def _most(fit: Fit, name: str, channel: str, sign: str) -> str:
    """The most that a channel adds to a series directly, in words."""
    draws = fit.posterior[f"{name}.contribution"].sel({f"{name}.media": channel})
    end = float(np.nanquantile(draws.values, 1.0 - AT_MOST if sign == "negative" else AT_MOST))
    bound = "at least" if sign == "negative" else "at most"
    unit = "log units" if fit.system.equation(name).family.log_scale else f"of the mean of {name}"
    return f"its contribution is {bound} {end:.2g} {unit} with {AT_MOST:.0%}"
