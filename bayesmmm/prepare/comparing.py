"""A second import of the same account beside the first: platforms restate what they reported, conversions above all.

Knows two prepared tables. Says by the age of a day how much its numbers moved.
"""

from dataclasses import dataclass

import pandas as pd

from bayesmmm.errors import ExportSettingError, OverlapError, UnknownColumnError
from bayesmmm.prepare.prepared import Prepared

_AGES = ((0, 6, "0 to 6 days"), (7, 27, "7 to 27 days"), (28, 10**6, "28 days or more"))


@dataclass(frozen=True)
class Comparison:
    """What changed between two imports.

    Parameters
    ----------
    days : pandas.DataFrame
        A row for each day and column that both have: age of the day at the first import, both values, change.
    ages : pandas.DataFrame
        The same added up by age, with the change in per cent.
    only_first, only_second : tuple of pandas.Timestamp
        Days that one import alone has.
    rows : tuple of int
        Rows of the files behind each.
    labels : pandas.DataFrame or None
        Campaigns that are gone, new, or have other rows or sums, where `label=` or `pivot=` named them.
    """

    days: pd.DataFrame
    ages: pd.DataFrame
    only_first: tuple[pd.Timestamp, ...]
    only_second: tuple[pd.Timestamp, ...]
    rows: tuple[int, int]
    labels: pd.DataFrame | None

    def changed(self) -> pd.DataFrame:
        """Return the days and columns whose value moved."""
        return self.days[self.days["change"] != 0.0]

    def __str__(self) -> str:
        lines = [
            f"rows read: {self.rows[0]:,} in the first import, {self.rows[1]:,} in the second",
            f"days: {self.days['date'].nunique()} in both, {len(self.only_first)} only in the first, "
            f"{len(self.only_second)} only in the second; {self.changed()['date'].nunique()} have other numbers",
            "by age of the day at the first import:",
            self.ages.to_string(index=False, float_format="{:,.2f}".format),
        ]
        if self.labels is not None:
            lines += ["campaigns that differ:", self.labels.to_string() if len(self.labels) else "none"]
        return "\n".join(lines)


def compare(first: Prepared, second: Prepared) -> Comparison:
    """Compare a second import of the same account with the first.

    Parameters
    ----------
    first, second : Prepared
        The earlier import and the later one, prepared with the same arguments.

    Returns
    -------
    Comparison
        Rows, campaigns, and days by age.

    Raises
    ------
    UnknownColumnError
        The two have no column of numbers in common.
    OverlapError
        The two have no day in common.
    """
    for name, prepared in (("first", first), ("second", second)):
        if not isinstance(prepared, Prepared):
            kind = type(prepared).__name__
            raise ExportSettingError(
                f"{name} is a {kind}, and must be Prepared, as mm.prepare.tidy(...) returns it"
            )
    date = str(first.frame.columns[0])
    shared = dict.fromkeys([*first.log.arguments.get("geo", {}), *second.log.arguments.get("geo", {})])
    keys = [date, *(key for key in shared if key in first.frame.columns and key in second.frame.columns)]
    numbers = [
        name
        for name in first.frame.columns
        if name not in keys and name in second.frame.columns and pd.api.types.is_numeric_dtype(first.frame[name])
    ]
    if not numbers or date not in second.frame.columns:
        raise UnknownColumnError(
            "the two imports have no column of numbers in common; prepare both with the same arguments"
        )
    both = first.frame.merge(second.frame, on=keys, suffixes=("\0first", "\0second"))
    if not len(both):
        raise OverlapError("the two imports have no day in common; a second import covers days of the first again")
    last = first.frame[date].max()
    tables = [
        pd.DataFrame(
            {
                **{key: both[key] for key in keys},
                "age": (last - both[date]).dt.days,
                "column": name,
                "first": both[f"{name}\0first"].astype(float),
                "second": both[f"{name}\0second"].astype(float),
            }
        )
        for name in numbers
    ]
    days = pd.concat(tables, ignore_index=True).rename(columns={date: "date"})
    days["change"] = (days["second"] - days["first"]).round(9)
    return Comparison(
        days,
        _by_age(days),
        tuple(sorted(set(first.frame[date]) - set(second.frame[date]))),
        tuple(sorted(set(second.frame[date]) - set(first.frame[date]))),
        (_rows(first), _rows(second)),
        _labels(first, second),
    )


def _rows(prepared: Prepared) -> int:
    return sum(step.rows_after for step in prepared.log["read"])


def _by_age(days: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for name in days["column"].unique():
        for low, high, said in _AGES:
            own = days[(days["column"] == name) & days["age"].between(low, high)]
            if len(own):
                before, after = own["first"].sum(), own["second"].sum()
                percent = 100.0 * (after - before) / before if before else float("nan")
                rows.append((name, said, own["date"].nunique(), before, after, percent))
    return pd.DataFrame(rows, columns=["column", "age", "days", "first", "second", "change %"])


def _labels(first: Prepared, second: Prepared) -> pd.DataFrame | None:
    if first.labels is None or second.labels is None:
        return None
    columns = [
        name for name in first.labels.columns if name in second.labels.columns and name not in ("first", "last")
    ]
    pair = [
        table[columns].add_suffix(f" {name}")
        for name, table in (("first", first.labels), ("second", second.labels))
    ]
    both = pd.concat(pair, axis=1, sort=True)
    said = [
        "gone"
        if label not in second.labels.index
        else "new"
        if label not in first.labels.index
        else "other numbers"
        for label in both.index
    ]
    same = pd.Series(True, index=both.index)
    for name in columns:
        same &= (both[f"{name} first"] - both[f"{name} second"]).abs() < 0.005
    return both.assign(what=said)[~same]
