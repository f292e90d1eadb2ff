"""The rows of one table once they are days and numbers: the record that every later step takes and returns.

Knows arrays only; a step makes a new record and a `Step`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesmmm.prepare.log import Step


@dataclass(frozen=True)
class Part:
    """Rows of one table.

    Parameters
    ----------
    file, path : str
        Name and path of the file.
    lines : numpy.ndarray
        Row numbers in the file.
    days : numpy.ndarray
        First day of what each row stands for.
    unit : str
        "day", "week" or "month".
    values : dict
        Numbers by name of the result.
    texts : dict
        Cells that stay text: those to count, and "geo", "group", "label".
    summed : tuple of str
        Names of the columns whose sums are recorded.
    decimals : dict
        Decimals of each column.
    whole : frozenset of str
        Columns in which the file has whole numbers only.
    covered : tuple of numpy.datetime64
        First and last day that the rows are complete for.
    currency : str or None
        What its money is in, where the file says so.
    rounded : dict
        Decimals to which converted columns are rounded once they are added up.
    """

    file: str
    path: str
    lines: np.ndarray
    days: np.ndarray
    unit: str
    values: Mapping[str, np.ndarray]
    texts: Mapping[str, np.ndarray]
    summed: tuple[str, ...]
    decimals: Mapping[str, int]
    whole: frozenset[str]
    covered: tuple[np.datetime64, np.datetime64]
    currency: str | None = None
    rounded: Mapping[str, int] = dataclasses.field(default_factory=dict)

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
        """Return the exact sum of every column whose sums are recorded."""
        chosen = slice(None) if mask is None else mask
        return {name: exact_sum(self.values[name][chosen], self.decimals[name]) for name in self.summed}

    def step(
        self, name: str, text: str, before: "Part", change: Mapping[str, float] | None = None, details=()
    ) -> Step:
        """Return the record of the step that led from `before` to this."""
        return Step(
            name,
            self.file,
            text,
            len(before.days),
            len(self.days),
            before.sums(),
            self.sums(),
            dict(change or {}),
            tuple(details),
        )

    def without(self, mask: np.ndarray, name: str, text: str, details=()) -> tuple["Part", list[Step]]:
        """Return the rows outside a mask, with the record of those left out, if there are any."""
        if not mask.any():
            return self, []
        rest = self.take(~mask)
        change = {column: -amount for column, amount in self.sums(mask).items()}
        return rest, [rest.step(name, text, self, change, details)]


def exact_sum(values: np.ndarray, decimals: int) -> float:
    """Return the sum of numbers with so many decimals, without what binary fractions add; NaN is nothing."""
    scale = 10.0**decimals
    scaled = np.rint(np.nan_to_num(values) * scale)
    if np.abs(scaled).sum() < 2.0**53:
        return round(float(scaled.sum()) / scale, decimals)
    return float(np.nansum(values))


def named_rows(lines: np.ndarray, shown: int = 3) -> str:
    """Write row numbers as "rows 3, 7 and 9" or "rows 3, 4, 5 and 12 more"."""
    words = [str(line) for line in lines[:shown]]
    rest = len(lines) - len(words)
    text = ", ".join(words) + (f" and {rest} more" if rest else "")
    return f"row{'s' if len(lines) > 1 else ''} {text}"
