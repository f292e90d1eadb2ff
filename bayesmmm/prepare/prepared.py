"""What comes out: the tidy table, its log, what is unusual in it, and the file it is written to."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm.data import OUTLIER_ROBUST_SDS
from bayesmmm.errors import TotalsError
from bayesmmm.prepare.log import CENT, Log, write_text
from bayesmmm.prepare.part import SEPARATOR, Part
from bayesmmm.prepare.periods import PERIOD, PeriodTable
from bayesmmm.prepare.settings import CALENDAR_HOWS, Settings
from bayesmmm.text import counted

_MAD_TO_SD = 1.4826  # the standard deviation of a Normal is this many median absolute deviations
_EXACT = 2.0**53  # whole numbers below are all floats
_WHOLE_HOWS = ("rows", "distinct", "below", "days")
_SHOWN = 20  # outliers that a log and a print list one by one


@dataclass(frozen=True)
class Prepared:
    """A tidy table and how it came about.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per period (and geo): the date first, then the columns asked for, in their order.
    log : Log
        Every step, and what it takes to do the same to other files.
    outliers : pandas.DataFrame
        Values far from the median of their column, and of their series (column series) where there are several; they
        are flagged, not changed.
    labels : pandas.DataFrame or None
        Rows, first day, last day and sums of every campaign, or whatever `label=` or `pivot=` names.
    decimals : dict
        Decimals with which a column is written.
    """

    frame: pd.DataFrame
    log: Log
    outliers: pd.DataFrame
    labels: pd.DataFrame | None
    decimals: Mapping[str, int]

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the table as CSV, and write it to a file where one is given.

        Days are ISO text; numbers have the decimals of their column, at least two where there are any.
        """
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.frame.columns)
        columns = [
            [self._written(name, value) for value in self.frame[name].tolist()] for name in self.frame.columns
        ]
        writer.writerows(zip(*columns, strict=True))
        if path is not None:
            write_text((path, out.getvalue()))
        return out.getvalue()

    def _written(self, name: str, value: object) -> str:
        if isinstance(value, pd.Timestamp):
            return f"{value:%Y-%m-%d}"
        if not isinstance(value, float):
            return str(value)
        if np.isnan(value):
            return ""
        places = self.decimals.get(name)
        if places is None:
            return f"{value:.10g}"
        if places == 0:
            return f"{value:.0f}" if value == round(value) else f"{value:.2f}"
        return f"{value:.{places}f}"

    def __str__(self) -> str:
        first, last = self.frame.iloc[0, 0], self.frame.iloc[-1, 0]
        lines = [
            f"{len(self.frame)} rows from {first:%Y-%m-%d} to {last:%Y-%m-%d}: "
            f"{', '.join(map(str, self.frame.columns))}",
            str(self.log),
        ]
        if len(self.outliers):
            lines += ["", "outliers, flagged and not changed:", self.outliers[:_SHOWN].to_string(index=False)]
            if len(self.outliers) > _SHOWN:
                lines.append(f"and {len(self.outliers) - _SHOWN:,} more, which are in .outliers")
        return "\n".join(lines)


def finish(
    rows: PeriodTable, names: Sequence[str], given: Settings, log: Log, labels: pd.DataFrame | None
) -> Prepared:
    """Order the columns, make whole numbers whole, and look for outliers."""
    frame = rows.frame
    ordered = [column for name in names for column in frame.columns if rows.origin.get(column, column) == name]
    out = _with_keys(frame[ordered].reset_index().rename(columns={PERIOD: given.date_as}), list(given.geo))
    decimals: dict[str, int] = {}
    for column in ordered:
        name = rows.origin.get(column, column)
        how = given.how_of(name)
        if how in _WHOLE_HOWS or (name in rows.whole and how != "mean"):
            decimals[column] = 0
            values = out[column]
            if (values == values.round()).all() and values.abs().max() < _EXACT:
                out[column] = values.astype("int64")
        elif how not in ("mean", *CALENDAR_HOWS):
            decimals[column] = max(2, rows.decimals[name])
    numbers = [column for column in ordered if given.how_of(rows.origin.get(column, column)) not in CALENDAR_HOWS]
    found = outliers(out, given.date_as, numbers, list(given.geo))
    text = f"{counted(len(found), 'value')} beyond {OUTLIER_ROBUST_SDS:g} robust standard deviations of the median"
    details = tuple(
        f"{row.column} on {row.date:%Y-%m-%d}: {row.value:,.2f}" for row in found[:_SHOWN].itertuples()
    )
    if len(found) > _SHOWN:
        details += (f"and {len(found) - _SHOWN:,} more, which are in .outliers",)
    step = rows.step("outliers", text, rows, details=details)
    log = Log(log.arguments, log.files, log.decided, (*log.steps, step))
    _check_balance(log)
    return Prepared(out, log, found, labels, decimals)


def _with_keys(out: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Write the keys of series into columns of their own, behind the date."""
    if not keys or "geo" not in out:
        return out
    parts = [text.split(SEPARATOR) for text in out["geo"]]
    place = out.columns.get_loc("geo")
    out = out.drop(columns="geo")
    for i, key in enumerate(keys):
        out.insert(place + i, key, np.array([part[i] for part in parts], dtype=object))
    return out


def _check_balance(log: Log) -> None:
    """Refuse to hand out a table whose sums are not those that went in: no file can bring that about."""
    left = log.balance()["unexplained"]
    wrong = left[left.abs() >= CENT]
    if len(wrong):
        raise TotalsError(
            f"what came out is not what went in: "
            f"{', '.join(f'{name} {gap:+,.2f}' for name, gap in wrong.items())}; this is a mistake of bayesmmm: "
            f"please report it with the arguments and a few rows of the file"
        )


def outliers(frame: pd.DataFrame, date: str, columns: Sequence[str], keys: Sequence[str] = ()) -> pd.DataFrame:
    """Return values far from the median of the values of their column and series that are not zero."""
    if keys and len(frame):
        groups = frame.groupby(list(keys), sort=False)
        each = [outliers(own, date, columns).assign(series=" / ".join(map(str, of))) for of, own in groups]
        order = {name: i for i, name in enumerate(columns)}
        found = pd.concat(each, ignore_index=True)
        return found.sort_values("column", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    rows = []
    for name in columns:
        values = frame[name].to_numpy(dtype=float)
        active = values[np.isfinite(values) & (values != 0.0)]
        if not len(active):
            continue
        median = float(np.median(active))
        sd = _MAD_TO_SD * float(np.median(np.abs(active - median)))
        far = (values != 0.0) & (np.abs(values - median) > OUTLIER_ROBUST_SDS * sd)
        for i in np.flatnonzero(far) if sd > 0.0 else ():
            rows.append((frame[date].iloc[i], name, values[i], median, (values[i] - median) / sd))
    return pd.DataFrame(rows, columns=["date", "column", "value", "median", "robust_sds"])


def label_table(parts: Sequence[Part]) -> pd.DataFrame | None:
    """Return rows, first day, last day and sums of every label, files with labels only."""
    rows: dict[str, dict] = {}
    for part in parts:
        cells = part.texts.get("label", part.texts.get("group"))
        for label in dict.fromkeys(cells.tolist()) if cells is not None else ():
            mask = cells == label
            first, last = part.days[mask].min(), part.days[mask].max()
            row = rows.setdefault(label, {"rows": 0, "first": first, "last": last})
            row |= {"first": min(row["first"], first), "last": max(row["last"], last)}
            row["rows"] += int(mask.sum())
            for name, amount in part.sums(mask).items():
                row[name] = row.get(name, 0.0) + amount
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("label") if rows else None
