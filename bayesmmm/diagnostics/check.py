"""`Check` and `Diagnosis`: what was looked at, what was found, what it means, and what to do about it.

These records know nothing of fits or data: they hold numbers and sentences, and print them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd
import xarray as xr

from bayesmmm.diagnostics.thresholds import Threshold
from bayesmmm.errors import UnknownTermError
from bayesmmm.text import counted, did_you_mean, wrapped

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
    moves : tuple of str
        What to try, in order; empty where nothing is raised.

    Raises
    ------
    ValueError
        For an unknown group or verdict, and for a raised check without a move.
    """

    name: str
    group: str
    verdict: str
    value: float
    threshold: float
    finding: str
    source: str
    meaning: str
    moves: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.group not in GROUPS:
            raise ValueError(f"group={self.group!r} of check {self.name!r} must be one of {', '.join(GROUPS)}")
        if self.verdict not in VERDICTS:
            raise ValueError(
                f"verdict={self.verdict!r} of check {self.name!r} must be one of {', '.join(VERDICTS)}"
            )
        if (self.verdict in RAISED) != bool(self.moves):
            raise ValueError(
                f"check {self.name!r} with verdict {self.verdict!r} has {len(self.moves)} moves; "
                f"give moves where it warns or fails, and only there"
            )

    @property
    def raised(self) -> bool:
        """Whether it warns or fails."""
        return self.verdict in RAISED


def judged(
    name: str,
    group: str,
    threshold: Threshold,
    value: float,
    finding: str,
    meaning: str,
    moves: tuple[str, ...],
) -> Check:
    """Check of a value by its threshold; moves are kept where it warns or fails.

    Examples
    --------
    >>> judged("energy", "sampler", Threshold(0.3, 0.2, "", above=False), 0.9, "", "", ("run longer",)).moves
    ()
    """
    verdict = threshold.judge(value)
    bound = threshold.crossed(verdict)
    moves = moves if verdict in RAISED else ()
    return Check(name, group, verdict, value, bound, finding, threshold.source, meaning, moves)


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

    @property
    def verdict(self) -> str:
        """The worst verdict of any check that could be made: "ok", "warn" or "fail"."""
        found = [check.verdict for check in self.raised]
        return "fail" if "fail" in found else "warn" if found else "ok"

    @property
    def raised(self) -> tuple[Check, ...]:
        """The checks that warn or fail, failures first."""
        return tuple(c for verdict in ("fail", "warn") for c in self.checks if c.verdict == verdict)

    def __getitem__(self, name: str) -> Check:
        """Return the check of this name."""
        found = {check.name: check for check in self.checks}
        if name not in found:
            raise UnknownTermError(
                f"there is no check {name!r}{did_you_mean(name, list(found))}. Use one of: {', '.join(found)}."
            )
        return found[name]

    def table(self) -> pd.DataFrame:
        """One row per check, indexed by name; `moves` are numbered lines."""
        rows = {
            c.name: {
                "group": c.group,
                "verdict": c.verdict,
                "value": c.value,
                "threshold": c.threshold,
                "finding": c.finding,
                "meaning": c.meaning,
                "moves": "\n".join(f"{i}. {m}" for i, m in enumerate(c.moves, 1)),
                "source": c.source,
            }
            for c in self.checks
        }
        columns = ["group", "verdict", "value", "threshold", "finding", "meaning", "moves", "source"]
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
                for i, move in enumerate(check.moves, 1):
                    lines += wrapped(move, _WIDTH, head=f"       {i}. ", indent=10)
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
