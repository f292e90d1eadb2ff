"""The rows of one table once they are days and numbers: the record that every later step takes and returns.

Knows arrays only; a step makes a new record and a `Step`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from bayesmmm.prepare.log import Step

#: Between the keys of a series while they are one text; no cell holds it.
SEPARATOR = "\x1f"


class Recorded:
    """Rows of which every step is recorded with their number and sums before and after it."""

    file: str

    def __len__(self) -> int:
        raise NotImplementedError

    def take(self, mask: np.ndarray) -> Self:
        """Return some of the rows."""
        raise NotImplementedError

    def sums(self, mask: np.ndarray | None = None) -> dict[str, float]:
        """Return the exact sum of every column whose sums are recorded, of all rows or of some."""
        raise NotImplementedError

    def said_sums(self, mask: np.ndarray) -> str:
        """Write the sums of some rows."""
        return ", ".join(f"{name} {amount:,.2f}" for name, amount in self.sums(mask).items())

    def step(
        self, name: str, text: str, before: "Recorded", change: Mapping[str, float] | None = None, details=()
    ) -> Step:
        """Return the record of the step that led from `before` to this."""
        sums = (before.sums(), self.sums(), dict(change or {}))
        return Step(name, self.file, text, len(before), len(self), *sums, tuple(details))

    def without(self, mask: np.ndarray, name: str, text: str, details=()) -> tuple[Self, list[Step]]:
        """Return the rows outside a mask, with the record of those left out, if there are any."""
        if not mask.any():
            return self, []
        rest = self.take(~mask)
        change = {column: -amount for column, amount in self.sums(mask).items()}
        return rest, [rest.step(name, text, self, change, details)]


@dataclass(frozen=True)
class Part(Recorded):
    """Rows of one table."""

    file: str  # what the file is called
    path: str  # where it came from
    lines: np.ndarray  # row numbers in the file
    days: np.ndarray  # first day of what each row stands for
    unit: str  # "day", "week" or "month"
    values: Mapping[str, np.ndarray]  # numbers by name of the result
    texts: Mapping[str, np.ndarray]  # cells that stay text: those to count, and "geo", "group", "label"
    summed: tuple[str, ...]  # names of the columns whose sums are recorded
    decimals: Mapping[str, int]  # decimals of each column
    whole: frozenset[str]  # columns in which the file has whole numbers only
    covered: tuple[np.datetime64, np.datetime64]  # first and last day that the rows are complete for
    currency: str | None = None  # what its money is in, where the file says so
    #: decimals to which converted columns are rounded once they are added up
    rounded: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.days)

    def take(self, mask: np.ndarray) -> "Part":
        """Return some of the rows."""
        return dataclasses.replace(
            self,
            lines=self.lines[mask],
            days=self.days[mask],
            values={name: values[mask] for name, values in self.values.items()},
            texts={name: texts[mask] for name, texts in self.texts.items()},
        )

    def sums(self, mask: np.ndarray | None = None) -> dict[str, float]:
        """Return the exact sum of every column whose sums are recorded, of all rows or of some."""
        chosen = slice(None) if mask is None else mask
        return {name: exact_sum(self.values[name][chosen], self.decimals[name]) for name in self.summed}


def exact_sum(values: np.ndarray, decimals: int) -> float:
    """Return the sum of numbers with so many decimals, without what binary fractions add; NaN is nothing."""
    scale = 10.0**decimals
    scaled = np.rint(np.nan_to_num(values) * scale)
    if np.abs(scaled).sum() < 2.0**53:
        return round(float(scaled.sum()) / scale, decimals)
    return float(np.nansum(values))


def series_name(text: str) -> str:
    """Write the keys of a series."""
    return text.replace(SEPARATOR, " / ")


def named_rows(lines: np.ndarray, shown: int = 3) -> str:
    """Write row numbers as "rows 3, 7 and 9" or "rows 3, 4, 5 and 12 more"."""
    words = [str(line) for line in lines[:shown]]
    rest = len(lines) - len(words)
    text = ", ".join(words) + (f" and {rest} more" if rest else "")
    return f"row{'s' if len(lines) > 1 else ''} {text}"
