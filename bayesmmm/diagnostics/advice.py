"""Code for remedies: what a remedy says is what the system and its data accept.

A remedy that is refused when it is tried is worse than none. So a prior is written under the name by which the equation
knows its parameter, and a likelihood or a correlation is only offered where the values and the other equations allow it.
"""

from dataclasses import fields, replace
from typing import Any

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Likelihood, Panel, check_system
from bayesmmm.equations.panel import TAUS
from bayesmmm.errors import BayesMMMError

#: Priors to start from, as code; what is known takes their place.
STARTS = {
    "half_life": "mm.Prior('LogNormal', mu=2.0, sigma=0.3)",  # about a week
    "retention": "mm.Prior('Beta', alpha=5, beta=5)",
    "half_saturation": "mm.Prior('LogNormal', mu=0.0, sigma=0.3)",
    "slope": "mm.Prior('LogNormal', mu=0.0, sigma=0.2)",
    "contribution": "mm.Prior('HalfNormal', sigma=0.1)",
    "roi": "mm.Prior('LogNormal', mu=0.4, sigma=0.3)",
    "intercept": "mm.Prior('Normal', mu=0.6, sigma=0.2)",
    "trend": "mm.Prior('Normal', mu=0.0, sigma=0.2)",
    "seasonality": "mm.Prior('Normal', mu=0.0, sigma=0.1)",
    "coefficient": "mm.Prior('Normal', mu=0.0, sigma=0.1)",
    "event": "mm.Prior('Normal', mu=0.0, sigma=0.5)",
    "event_deviation": "mm.Prior('Normal', mu=0.0, sigma=0.2)",
    "sigma": "mm.Prior('HalfNormal', sigma=0.5)",
    "nu_minus_two": "mm.Prior('LogNormal', mu=2.0, sigma=0.5)",
    **dict.fromkeys(TAUS, "mm.Prior('LogNormal', mu=-1.4, sigma=0.3)"),
    "omega": "mm.Prior('HalfNormal', sigma=0.1)",
    "rho": "mm.Prior('Uniform', lower=-0.3, upper=0.3)",
}
_UNLABELLED = ("intercept", "seasonality", "sigma", "nu_minus_two", "omega")
#: Two names for one quantity of a channel: an equation knows the second where a prior was put on it.
_OTHERWISE = {"half_life": "retention", "contribution": "roi"}


def prior_on(equation: Equation, parameter: str, label: str = "") -> str:
    """Code that gives one parameter of an equation, of this channel or linear term, a narrower prior.

    Examples
    --------
    >>> print(prior_on(Equation("sales", media=["tv"]), "slope", "tv"))
    mm.Equation('sales', ..., priors={'slope': {'tv': mm.Prior('LogNormal', mu=0.0, sigma=0.2)}})
    >>> print(prior_on(Equation("sales", trend=True), "coefficient", "intercept"))
    mm.Equation('sales', ..., priors={'intercept': mm.Prior('Normal', mu=0.6, sigma=0.2)})
    """
    if parameter == "coefficient":
        parameter = equation.term_kind(label)
    other = _OTHERWISE.get(parameter, "")
    if label in _labels(equation).get(other, ()):
        parameter = other
    start = STARTS[parameter]
    if parameter == "rho":
        return f"mm.Equation({equation.name!r}, ..., rho={{{label!r}: {start}}})"
    value = start if parameter in _UNLABELLED or not label else f"{{{label!r}: {start}}}"
    # Where the panel is left to the data, an equation does not know what geos have yet.
    shared = f"panel={panel_code(equation.panel)}, " if parameter in (*TAUS, "omega") else ""
    return f"mm.Equation({equation.name!r}, ..., {shared}priors={{{parameter!r}: {value}}})"


def panel_code(panel: Panel | None) -> str:
    """Code of a panel, with what differs from the default.

    Examples
    --------
    >>> print(panel_code(Panel(periods="fixed", per_geo=["trend"])))
    mm.Panel(periods='fixed', per_geo=('trend',))
    """
    panel = panel or Panel()
    given = {f.name: getattr(panel, f.name) for f in fields(panel) if getattr(panel, f.name) != f.default}
    return f"mm.Panel({', '.join(f'{name}={value!r}' for name, value in given.items())})"


def prior_on_return(equation: Equation, channel: str, data: MMMData) -> str:
    """Code that says what is believed of a channel: on its roi or, where that is refused, on its contribution."""
    # Next to a prior on the contribution that was given, one on the roi would be a second opinion on one quantity.
    known = data.has_spend(channel) and equation.family.additive
    if not known or "contribution" in equation.priors:
        return prior_on(equation, "contribution", channel)
    if channel in _labels(equation).get("roi", ()):
        return prior_on(equation, "roi", channel)
    return f"mm.Equation({equation.name!r}, ..., priors={{'roi': {{{channel!r}: {STARTS['roi']}}}}})"


def _labels(equation: Equation) -> dict[str, tuple[str, ...]]:
    return {block.name: block.labels for block in equation.parameters()}


def figure(name: str, room: str, system: MMM, series: str) -> str:
    """Return the code of a figure of one series; that of the outcome it makes of a fit itself."""
    if series == system.outcome:
        return f"mm.plots.{name}(fit)"
    return f"mm.plots.{name}({name}(fit, {series!r})) with {name} from bayesmmm.{room}"


def where(system: MMM, channel: str) -> Equation:
    """Equation in which a channel acts: that of the outcome, or else the last one before it."""
    return next(equation for equation in reversed(system.equations) if channel in equation.media)


def likelihoods(system: MMM, data: MMMData, name: str, wanted: dict[Likelihood, str]) -> tuple[str, ...]:
    """Remedies that take another likelihood, with when to take it, of those that data and other equations allow."""
    present = system.equation(name).family
    return tuple(
        f"mm.Equation({name!r}, ..., likelihood={other.name!r}), {when}"
        for other, when in wanted.items()
        # No other likelihood than "censored_normal" knows what a zero is.
        if not present.censored and other is not present and accepted(system, data, name, likelihood=other.name)
    )


def accepted(system: MMM, data: MMMData, name: str, **changed: Any) -> bool:
    """Whether the system would still be valid for the data with an equation so changed."""
    try:
        equations = [replace(e, **changed) if e.name == name else e for e in system.equations]
        check_system(MMM(equations), data)
    except BayesMMMError:
        return False
    return True
