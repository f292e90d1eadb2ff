"""References of linear terms: the levels at which they count as nothing, as given or as the data have them.

A coefficient tells what a unit more does; what a column has *brought* can only be said against a level. That of a
promotion is none, and that of a price is no price of zero.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bayesmmm.data import MMMData, Scales
from bayesmmm.errors import EquationError, UnknownTermError
from bayesmmm.priors import FrozenMap
from bayesmmm.text import no_such, written
from bayesmmm.validate import is_number

if TYPE_CHECKING:
    from bayesmmm.equations.equation import Equation
    from bayesmmm.equations.system import MMM

MEAN = "mean"
#: References that the data decide, as words.
WORDS = (MEAN, "min", "max")
#: Standard deviation over mean from which on whole numbers are counts of something that may not happen: mails and orders
#: vary by more, prices in whole units and numbers of shops by less.
COUNT_VARIATION = 0.2


def read_reference(equation: "Equation") -> FrozenMap:
    """Return the given references of an equation, checked, in the order of its linear terms."""
    where, given = f"equation {equation.name!r}", equation.reference
    advice = "as {'price': 'mean', 'promotion': 0}"
    if not isinstance(given, Mapping):
        raise EquationError(
            f"{where} has reference = {written(given)}. Give a mapping from linear terms to levels, {advice}."
        )
    for name, level in given.items():
        if name not in equation.linear:
            wrong = f"{where} has a reference for {written(name)}, which is none of its linear terms"
            raise UnknownTermError(no_such(wrong, name, equation.linear, "Use", "it has none"))
        if not (isinstance(level, str) and level in WORDS) and not is_number(level):
            raise EquationError(
                f"{where} has the reference {written(level)} of {name!r}. Give 'mean', 'min' or 'max', over the fitted "
                f"periods, or a number in the unit of the column, {advice}."
            )
    levels = {n: given[n] for n in equation.linear if n in given}
    return FrozenMap({n: str(v) if isinstance(v, str) else float(v) for n, v in levels.items()})


def references_of(system: "MMM") -> dict[str, str | float]:
    """Return the references that some equation gives, by column: one column has one."""
    return {name: level for equation in system.equations for name, level in equation.reference.items()}


def check_references(system: "MMM") -> None:
    """Refuse two references of one column: what it brought through a mediator is counted from the same level."""
    for name, level in references_of(system).items():
        other = next((e for e in system.equations if e.reference.get(name, level) != level), None)
        if other is not None:
            raise EquationError(
                f"equation {other.name!r} counts {name!r} from {other.reference[name]!r}, and another equation from "
                f"{level!r}. Give one reference for a column, or leave it out of all but one."
            )


def default_reference(data: MMMData, name: str) -> str | float:
    """Return where a column is counted from: 0 where it is 0 or 1, counted or bought, else its mean.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-07", periods=8, freq="7D")
    >>> frame = pd.DataFrame({"week": weeks, "sales": range(8), "tv": [1.0, 0] * 4, "mails": [900, 400, 0, 700] * 2,
    ...                       "price": [199, 209, 205, 199] * 2})
    >>> roles = {"date": "week", "outcome": "sales", "media": ["tv"], "controls": ["mails", "price"]}
    >>> data = MMMData.from_frame(frame, **roles)
    >>> default_reference(data, "mails"), default_reference(data, "price")
    (0.0, 'mean')
    """
    values = data.values(name)
    if name in data.media or data.is_money(name) or np.isin(values, (0.0, 1.0)).all():
        return 0.0
    whole = (values >= 0.0).all() and (values == np.round(values)).all()
    return 0.0 if whole and values.std() >= COUNT_VARIATION * values.mean() else MEAN


def fitted_references(system: "MMM", data: MMMData) -> dict[str, str | float]:
    """Return the reference of every linear term of a system as it is fitted to data: a number, or its mean."""
    given = references_of(system)
    names = dict.fromkeys(n for e in system.equations for n in e.linear)
    out = {n: given[n] if n in given else default_reference(data, n) for n in names}
    ends = {"min": np.min, "max": np.max}
    return {n: float(ends[v](data.values(n))) if isinstance(v, str) and v in ends else v for n, v in out.items()}


def reference_levels(system: "MMM", data: MMMData, scales: Scales) -> dict[str, float]:
    """Return the reference of every linear term in the unit of its column."""
    every = fitted_references(system, data)
    return {name: scales.center[name] if level == MEAN else float(level) for name, level in every.items()}
