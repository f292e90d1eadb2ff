"""Every threshold of every check, with where it comes from.

Those of R-hat and effective sample size are in `bayesmmm.results.convergence`, which judges every fit.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """Where a check begins to warn and to fail.

    Attributes
    ----------
    warn, fail : float
        NaN where the check has no such verdict.
    source : str
        A reference with DOI, or "convention of this package" and why.
    above : bool
        Whether large values are bad; otherwise small ones are.
    """

    warn: float
    fail: float
    source: str
    above: bool = True

    def judge(self, value: float) -> str:
        """Verdict on a value: "ok", "warn", "fail", or "unknown" when it is NaN.

        A value on a bound is still good.

        Examples
        --------
        >>> Threshold(0.3, 0.2, "", above=False).judge(0.25)
        'warn'
        """
        if math.isnan(value):
            return "unknown"
        sign = 1.0 if self.above else -1.0
        for verdict, bound in (("fail", self.fail), ("warn", self.warn)):
            if sign * value > sign * bound:  # never true of a bound that is NaN
                return verdict
        return "ok"

    def crossed(self, verdict: str) -> float:
        """The bound that a verdict refers to: the outer one of a failure, else the inner one."""
        return self.fail if verdict == "fail" or math.isnan(self.warn) else self.warn
