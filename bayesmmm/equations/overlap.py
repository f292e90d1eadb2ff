"""Linear terms that the others of an equation explain: their sum is seen, each of them is not."""

from collections.abc import Iterable

import numpy as np

from bayesmmm.data import MMMData
from bayesmmm.equations.design import design_matrix
from bayesmmm.equations.equation import Equation
from bayesmmm.equations.event_terms import event_columns, events_of
from bayesmmm.equations.text import season_words
from bayesmmm.errors import CollinearTermsWarning
from bayesmmm.text import listed

#: Share of the variance of a linear column within geos that the others may explain: a variance inflation of 100.
MAX_SHARED = 0.99
#: A term takes part where it moves the explained column by this much, both in standard deviations.
_PART = 0.1


def linear_overlaps(equation: Equation, data: MMMData) -> Iterable[CollinearTermsWarning]:
    """Name linear columns and single events that other linear terms explain nearly all of, once for each set of them."""
    if not equation.linear and len(event_columns(equation)) < 2:
        return
    said: set[frozenset[str]] = set()
    known = {name: data.known(name) for name in (*equation.linear, *events_of(equation))}
    design = design_matrix(equation, data.dates, known, data.scales(), geos=len(data.geos))
    terms = equation.terms()[1:]
    seen = data.has_row & np.isfinite(design).all(axis=-1)
    if seen.all():
        design -= design.mean(axis=1, keepdims=True)  # what the intercept of a geo leaves
    else:
        design[~seen] = np.nan
        design -= np.nanmean(design, axis=1, keepdims=True)
    columns = [design[seen, k] for k in range(1, design.shape[-1])]
    varying = [k for k, column in enumerate(columns) if column.std() > 0.0]
    scaled = {k: columns[k] / columns[k].std() for k in varying}
    if len(varying) < 2:
        return
    for k in (k for k in varying if terms[k] in (*equation.linear, *equation.events)):
        others = [j for j in varying if j != k]
        basis = np.stack([scaled[j] for j in others], axis=1)
        weight = np.linalg.lstsq(basis, scaled[k], rcond=None)[0]
        shared = 1.0 - float(np.mean((scaled[k] - basis @ weight) ** 2))
        partners = dict.fromkeys(
            _written(equation, terms[j]) for j, w in zip(others, weight, strict=True) if abs(w) > _PART
        )
        together = frozenset((terms[k], *partners))
        if shared > MAX_SHARED and together not in said:
            said.add(together)
            yield CollinearTermsWarning(
                f"{terms[k]!r} in the equation of {equation.name!r} is explained to {shared:.2%} by {listed(partners)} "
                f"(more than {MAX_SHARED:.0%}): the data see what they bring together, and what each of them brings is "
                f"left to its prior. Leave {terms[k]!r} out, or add the columns up to one."
            )


def _written(equation: Equation, term: str) -> str:
    """Return a season by its period, and any other term by its name."""
    return next((season_words(s) for s in equation.seasonality if term in s.labels()), term)
