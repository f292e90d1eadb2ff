"""From p-values to checks: one bound for all tests of fit, so that together they rarely cry wolf."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bayesmmm.diagnostics.check import RAISED, Check
from bayesmmm.diagnostics.thresholds import FALSE_ALARMS, TEST_SOURCE


@dataclass(frozen=True)
class Trial:
    """A test of fit before it is judged.

    Attributes
    ----------
    name : str
    p : float
        P-value; NaN where the test could not be made.
    size : float
        How large the departure is, in absolute terms.
    limit : float
        Size from which a departure that was found is a failure.
    finding, meaning, source : str
    moves : tuple of str
    """

    name: str
    p: float
    size: float
    limit: float
    finding: str
    meaning: str
    moves: tuple[str, ...]
    source: str = TEST_SOURCE


def settled(tests: Sequence[Trial]) -> list[Check]:
    """Judge tests against ``FALSE_ALARMS / number of tests`` (Bonferroni).

    A p-value at or below the bound warns, and fails where the departure is also larger than its limit.
    """
    made = sum(not math.isnan(t.p) for t in tests)
    bound = FALSE_ALARMS / max(made, 1)
    checks = []
    for t in tests:
        verdict = "unknown" if math.isnan(t.p) else "ok"
        if t.p <= bound:
            verdict = "fail" if t.size > t.limit else "warn"
        moves = t.moves if verdict in RAISED else ()
        finding = t.finding if math.isnan(t.p) else f"{t.finding} (p {_short(t.p)}, bound {bound:.2g})."
        checks.append(Check(t.name, "fit", verdict, t.p, bound, finding, t.source, t.meaning, moves))
    return checks


def _short(p: float) -> str:
    return "below 1e-10" if p < 1e-10 else f"= {p:.1e}" if p < 0.001 else f"= {p:.2g}"
