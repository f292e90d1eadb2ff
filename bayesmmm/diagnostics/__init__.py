"""Whether a fit can be trusted, from the data, the draws and the system: checks that need no new fit.

Nothing here samples. A check finds a number, holds it against a threshold whose source it names, and says what to
try next; no check can say that a model is right.
"""

from bayesmmm.diagnostics.audits import audit
from bayesmmm.diagnostics.check import Check, Diagnosis
from bayesmmm.diagnostics.diagnosis import diagnose
from bayesmmm.diagnostics.thresholds import Threshold

__all__ = ["Check", "Diagnosis", "Threshold", "audit", "diagnose"]
