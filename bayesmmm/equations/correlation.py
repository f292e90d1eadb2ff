"""The correlation of an equation's residual with that of one of its mediators, as a user writes it.

A cause of both a mediator and the series it acts on, which nobody observed, leaves its trace in both residuals. How
strong that trace is cannot be learned where everything that drives the mediator also acts linearly on the series: then
it has to be assumed, and varied.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bayesmmm.equations.likelihoods import CORRELATED, Likelihood
from bayesmmm.errors import EquationError, LikelihoodError, UnknownTermError
from bayesmmm.priors import FrozenMap, Prior, check_support
from bayesmmm.text import no_such
from bayesmmm.validate import is_number


def read_rho(name: str, value: Any, causes: Sequence[str], family: Likelihood) -> FrozenMap:
    """Return ``{mediator: correlation}`` of an equation in which some causes act, checked; empty without one."""
    where = f"equation {name!r}"
    if not isinstance(value, Mapping):
        raise EquationError(
            f'{where} has rho = {value!r}. Give a mapping from one mediator to a number, as rho={{"search": 0.3}}.'
        )
    if not value:
        return FrozenMap()
    if len(value) > 1:
        raise EquationError(
            f"{where} has a rho for {', '.join(map(str, value))}. Keep one of them: the residual of an equation may be "
            f"correlated with that of one mediator."
        )
    mediator, given = next(iter(value.items()))
    if mediator not in causes:
        raise UnknownTermError(
            no_such(
                f"{where} has a rho for {mediator!r}, which does not act in it",
                *(mediator, causes, "Name a mediator among its causes", "it has none"),
            )
        )
    if not family.gaussian:
        raise LikelihoodError(
            f"{where} has a rho under a {family.name} likelihood, whose residuals are not Normal or not always "
            f"observed. Use one of: {', '.join(CORRELATED)}; or leave rho out."
        )
    if isinstance(given, Prior):
        check_support(given, f"rho of {mediator!r} in {where}", -1.0, 1.0)
        return FrozenMap({mediator: given})
    if not is_number(given) or not -1.0 < given < 1.0:
        raise EquationError(
            f"{where} has rho = {given!r} for {mediator!r}. Give a number above -1 and below 1, or a Prior with support "
            f"within these, as Prior('Uniform', lower=-0.5, upper=0.5)."
        )
    return FrozenMap({mediator: float(given)})


def check_mediator(name: str, mediator: str, families: Mapping[str, Likelihood]) -> None:
    """Refuse a rho of an equation with a series that no equation explains, or whose residuals are not Normal."""
    if mediator not in families:
        raise UnknownTermError(
            f"equation {name!r} has a rho for {mediator!r}, which no equation explains, so that it has no residual. "
            f"Add Equation({mediator!r}, ...), or leave rho out."
        )
    if not families[mediator].gaussian:
        raise LikelihoodError(
            f"equation {name!r} has a rho for {mediator!r}, whose likelihood is {families[mediator].name}: its "
            f"residuals are not Normal or not always observed. Use one of {', '.join(CORRELATED)} for {mediator!r}; or "
            f"leave rho out."
        )
