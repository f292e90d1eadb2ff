"""`Check` and `Diagnosis`: what was looked at, what was found, what it means, and what to do about it.

These records know nothing of fits or data: they hold numbers and sentences, and print them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd
import xarray as xr

from bayesmmm.diagnostics.thresholds import FALSE_ALARMS, TEST_SOURCE, Threshold
from bayesmmm.errors import SettingError, UnknownTermError
from bayesmmm.text import counted, no_such, notebook_html, wrapped

#: From good to bad. "unknown" is a check that could not be made: it raises no alarm, and it is no reassurance.
VERDICTS = ("ok", "unknown", "warn", "fail")
GROUPS = ("sampler", "fit", "information", "plausibility", "data")
RAISED = ("warn", "fail")
_WIDTH, _LONGEST = 118, 34


@dataclass(frozen=True)
class Check:
    """One check and its outcome.

    Attributes
    ----------
    name : str
        As "rhat" or, where each equation has its own, "normality:revenue".
    group : {"sampler", "fit", "information", "plausibility", "data"}
    verdict : {"ok", "unknown", "warn", "fail"}
        "unknown" when it could not be computed; `finding` says why.
    value, threshold : float
        The number judged and what it is held against; NaN where there is none.
    finding : str
        One sentence with the number, where it was found and its unit.
    source : str
        Where the threshold comes from.
    meaning : str
        What it means for an answer.
    remedies : tuple of str
        What to try, in order; empty where nothing is raised.

    Raises
    ------
    SettingError
        For an unknown group or verdict, and for a raised check without a remedy.
    """

    name: str
    group: str
    verdict: str
    value: float
    threshold: float
    finding: str
    source: str
    meaning: str
    remedies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field, value, allowed in (("group", self.group, GROUPS), ("verdict", self.verdict, VERDICTS)):
            if value not in allowed:
                raise SettingError(f"{field}={value!r} of check {self.name!r} must be one of {', '.join(allowed)}")
        if (self.verdict in RAISED) != bool(self.remedies):
            raise SettingError(
                f"check {self.name!r} with verdict {self.verdict!r} has {len(self.remedies)} remedies; "
                f"give remedies where it warns or fails, and only there"
            )

    @property
    def raised(self) -> bool:
        """Whether it warns or fails."""
        return self.verdict in RAISED


def check_against(
    name: str,
    group: str,
    threshold: Threshold,
    value: float,
    finding: str,
    meaning: str,
    remedies: tuple[str, ...],
) -> Check:
    """Check of a value by its threshold; remedies are kept where it warns or fails."""
    verdict = threshold.judge(value)
    bound = threshold.crossed(verdict)
    remedies = remedies if verdict in RAISED else ()
    return Check(name, group, verdict, value, bound, finding, threshold.source, meaning, remedies)


@dataclass(frozen=True)
class TestResult:
    """A test of fit before it is held against the bound of all of them."""

    __test__ = False  # no test of pytest

    name: str
    p: float  # NaN where the test could not be made
    size: float  # of the departure, in multiples of that from which a test fails where it finds one
    finding: str
    meaning: str
    remedies: tuple[str, ...]
    source: str = TEST_SOURCE


def bonferroni(results: Sequence[TestResult]) -> list[Check]:
    """Hold tests against ``FALSE_ALARMS / number of tests``, so that together they rarely cry wolf.

    A p-value at or below the bound warns, and fails where the departure is also larger than its limit.
    """
    bound = FALSE_ALARMS / max(sum(not math.isnan(r.p) for r in results), 1)
    checks = []
    for r in results:
        verdict, finding = "unknown", r.finding
        if not math.isnan(r.p):
            verdict = "ok" if r.p > bound else "fail" if r.size > 1.0 else "warn"
            short = "below 1e-10" if r.p < 1e-10 else f"= {r.p:.1e}" if r.p < 0.001 else f"= {r.p:.2g}"
            finding = f"{finding} (p {short}, bound {bound:.2g})."
        remedies = r.remedies if verdict in RAISED else ()
        checks.append(Check(r.name, "fit", verdict, r.p, bound, finding, r.source, r.meaning, remedies))
    return checks


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Every check of a fit or of data, with the numbers behind them.

    Attributes
    ----------
    subject : {"fit", "data"}
    checks : tuple of Check
    tables : mapping of str to DataFrame or Dataset
        The numbers behind the checks and the figure, by name.

    Examples
    --------
    >>> check = Check("rhat", "sampler", "ok", 1.0, 1.01, "largest R-hat 1.000.", "doi:10.1214/20-BA1221", "mixed")
    >>> diagnosis = Diagnosis("fit", (check,), {})
    >>> diagnosis.verdict, diagnosis["rhat"].value
    ('ok', 1.0)
    >>> print(diagnosis)
    diagnosis of the fit: ok (1 check: 1 ok)
    <BLANKLINE>
    sampler
      ok       rhat  largest R-hat 1.000.
    """

    subject: str
    checks: tuple[Check, ...]
    tables: Mapping[str, pd.DataFrame | xr.Dataset]

    def __post_init__(self) -> None:
        names = [check.name for check in self.checks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"two checks have the name {twice[0]!r}; add where it was made, as {twice[0]}:revenue"
            )
        object.__setattr__(self, "checks", tuple(self.checks))
        object.__setattr__(self, "tables", MappingProxyType(dict(self.tables)))

    def __reduce__(self) -> tuple[type, tuple[str, tuple[Check, ...], dict]]:
        """For pickles, which a mapping that cannot be changed has none of."""
        return Diagnosis, (self.subject, self.checks, dict(self.tables))

    @property
    def verdict(self) -> str:
        """The worst verdict of any check that could be made: "ok", "warn" or "fail"."""
        return self.raised[0].verdict if self.raised else "ok"

    @property
    def raised(self) -> tuple[Check, ...]:
        """The checks that warn or fail, failures first."""
        return tuple(c for verdict in ("fail", "warn") for c in self.checks if c.verdict == verdict)

    def __getitem__(self, name: str) -> Check:
        """Return the check of this name."""
        checks = {check.name: check for check in self.checks}
        if not isinstance(name, str) or name not in checks:
            raise UnknownTermError(no_such(f"there is no check {name!r}", name, checks))
        return checks[name]

    def table(self) -> pd.DataFrame:
        """One row per check, indexed by name; `remedies` are numbered lines."""
        rows = {
            c.name: vars(c) | {"remedies": "\n".join(f"{i}. {r}" for i, r in enumerate(c.remedies, 1))}
            for c in self.checks
        }
        columns = ["group", "verdict", "value", "threshold", "finding", "meaning", "remedies", "source"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("check")

    @property
    def counts(self) -> dict[str, int]:
        """Number of checks with each verdict."""
        return {verdict: sum(check.verdict == verdict for check in self.checks) for verdict in VERDICTS}

    @property
    def advice(self) -> str:
        """The head of the text: the verdict, and what to do about each check that warns or fails."""
        many = counted(len(self.checks), "check")
        parts = ", ".join(f"{self.counts[v]} {v}" for v in reversed(VERDICTS) if self.counts[v])
        lines = [f"diagnosis of the {self.subject}: {self.verdict} ({many}{': ' * bool(parts)}{parts})"]
        if self.raised:
            lines += ["", "what to do"]
            for check in self.raised:
                lines += wrapped(check.meaning, _WIDTH, head=f"  {check.verdict} {check.name}: ", indent=7)
                for i, remedy in enumerate(check.remedies, 1):
                    lines += wrapped(remedy, _WIDTH, head=f"       {i}. ", indent=10)
        return "\n".join(lines)

    def __str__(self) -> str:
        lines = [self.advice]
        wide = min(max((len(c.name) for c in self.checks), default=0), _LONGEST) + 2
        for group in GROUPS:
            members = [c for c in self.checks if c.group == group]
            if members:
                lines += ["", group]
            for check in sorted(members, key=lambda c: -VERDICTS.index(c.verdict)):
                lines += wrapped(
                    check.finding, _WIDTH, head=f"  {check.verdict:<9}{check.name:<{wide}}", indent=11 + wide
                )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the checks with their verdicts and findings, for notebooks."""
        columns = {"group": "group", "verdict": "verdict", "check": "name", "finding": "finding"}
        cells = {head: [getattr(check, field) for check in self.checks] for head, field in columns.items()}
        return notebook_html(str(self), cells)
