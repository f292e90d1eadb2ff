"""Several tables side by side by date, or below each other where they are pieces of one export.

Knows what stands for what period. What cannot be laid side by side is refused; what only some files cover is left out
and recorded.
"""

import dataclasses
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from bayesmmm.errors import AbsentDaysError, ExportSettingError, MixedRowsError, OverlapError, WeekError
from bayesmmm.prepare.log import Step
from bayesmmm.prepare.mixed_rows import may_be_same
from bayesmmm.prepare.part import Part, series_name
from bayesmmm.prepare.periods import PeriodTable
from bayesmmm.prepare.settings import Settings
from bayesmmm.prepare.weeks import all_periods, spacing, weekday
from bayesmmm.text import counted, listed

ALL = "all"


def stack(parts: Sequence[Part], given: Settings) -> tuple[Part, list[Step]]:
    """Put the rows of files of the same kind below each other."""
    if len(parts) == 1:
        return parts[0], []
    _check_currencies([part.currency for part in parts], [part.path for part in parts], given)
    owner: dict[np.datetime64, Part] = {}
    for part in parts:
        for day in np.unique(part.days):
            if day in owner and "overlap" not in given.accept:
                raise OverlapError(
                    f"{owner[day].path!r} and {part.path!r} both have rows on {day}, which would count twice; "
                    f"leave one file out, cut one with its own download, or add both up (two accounts): "
                    f"accept=['overlap']"
                )
            owner.setdefault(day, part)
    days = np.concatenate([part.days for part in parts])
    first = parts[0]
    unit = first.unit if all(part.unit == first.unit for part in parts) else "day"
    joined = dataclasses.replace(
        first,
        file=ALL,
        path=", ".join(part.path for part in parts),
        lines=np.concatenate([part.lines for part in parts]),
        days=days,
        unit=spacing(np.unique(days), unit, "the files together", ""),
        values={name: np.concatenate([part.values[name] for part in parts]) for name in first.values},
        texts={name: np.concatenate([part.texts[name] for part in parts]) for name in first.texts},
        decimals={name: max(part.decimals[name] for part in parts) for name in first.decimals},
        whole=frozenset.intersection(*(part.whole for part in parts)),
        covered=(min(part.covered[0] for part in parts), max(part.covered[1] for part in parts)),
    )
    text = f"{len(parts)} files below each other: {', '.join(part.file for part in parts)}"
    return joined, [joined.step("stack", text, joined)]


def join(tables: Sequence[PeriodTable], given: Settings) -> tuple[PeriodTable, list[Step]]:
    """Lay tables side by side by date, for the periods that all of them cover."""
    if len(tables) == 1:
        return tables[0], []
    _check_units(tables)
    _check_currencies([table.currency for table in tables], [table.path for table in tables], given)
    if len({table.frame.index.nlevels for table in tables}) > 1:
        lacking = next(table for table in tables if table.frame.index.nlevels == 1)
        raise ExportSettingError(
            f"{lacking.path!r} has no column {listed(given.geo.values())}, which geo= names; leave geo= out, or the file"
        )
    first, last = max(_span(table)[0] for table in tables), min(_span(table)[1] for table in tables)
    if first > last:
        ranges = "; ".join(f"{t.path!r} {t.covered[0]} to {t.covered[1]}" for t in tables)
        raise OverlapError(
            f"no day is covered by all files: {ranges}; download the same days, or say stack=True for pieces"
        )
    steps: list[Step] = []
    kept = []
    for table in tables:
        periods = table.periods()
        outside = (periods < first) | (periods > last)
        text = f"{table.unit}s outside {first} to {last}, which not all files cover, left out"
        table, more = table.without(outside, "join", text)
        steps += more
        absent = np.setdiff1d(all_periods(first, last, table.unit), table.periods())
        if len(absent):
            raise AbsentDaysError(
                f"{table.path!r} has no rows on {counted(len(absent), table.unit)} that the other files have, "
                f"{listed(map(pd.Timestamp, absent))}; if nothing was delivered then, fill=True counts them as "
                f"zero"
            )
        kept.append(table)
    kept, more = _same_series(kept, given)
    steps += more
    frame = pd.concat([table.frame for table in kept], axis=1).sort_index()
    joined = dataclasses.replace(
        kept[0],
        file=ALL,
        path="the files together",
        frame=frame,
        covered=(first, last),
        origin={column: name for table in kept for column, name in table.origin.items()},
        decimals={name: places for table in kept for name, places in table.decimals.items()},
        whole=frozenset().union(*(table.whole for table in kept)),
        summed=tuple(name for table in kept for name in table.summed),
    )
    text = f"{len(tables)} tables side by side by date: {', '.join(dict.fromkeys(table.file for table in tables))}"
    sums = joined.sums()
    return joined, [*steps, Step("join", ALL, text, sum(len(t.frame) for t in kept), len(frame), sums, sums)]


def _same_series(tables: list[PeriodTable], given: Settings) -> tuple[list[PeriodTable], list[Step]]:
    """Give every file the series and periods that another one has: as zeros where that was told."""
    if tables[0].frame.index.nlevels == 1:
        return tables, []
    pairs = tables[0].frame.index
    for table in tables[1:]:
        pairs = pairs.union(table.frame.index)
    out, steps = [], []
    for table in tables:
        lacking = pairs.difference(table.frame.index)
        if not len(lacking):
            out.append(table)
            continue
        geos = lacking.get_level_values(1).unique()
        never = geos.difference(table.frame.index.get_level_values(1))
        said = f"{counted(len(lacking), 'pair')} of {table.unit} and series, of {listed(map(series_name, geos))}"
        if not given.fill:
            who = f", {listed(map(series_name, never))} never," if len(never) else ""
            raise AbsentDaysError(
                f"{table.path!r} has no rows for {said},{who} that other files have; if nothing was delivered then, "
                f"fill=True counts them as zero, or fill={list(table.frame)[:1]!r} those of some columns"
            )
        full, fresh = table.filled(pairs, given)
        out.append(full)
        steps.append(full.step("fill", f"absent, counted as zero in {listed(fresh)}, {said}", table))
    return out, steps


def _span(table: PeriodTable) -> tuple[np.datetime64, np.datetime64]:
    """Return the first and last period that a file covers; a day may be covered without a row."""
    return table.covered if table.unit == "day" else (table.periods().min(), table.periods().max())


def _check_units(tables: Sequence[PeriodTable]) -> None:
    held = {}
    for table in tables:
        starts = sorted({weekday(day) for day in table.periods()}) if table.unit == "week" else []
        held[table.path] = f"weeks that start on {' and '.join(starts)}" if starts else f"{table.unit}s"
    if len(set(held.values())) == 1:
        return
    said = "; ".join(f"{path!r} has {what}" for path, what in held.items())
    weeks = [what for what in held.values() if what.startswith("weeks")]
    days = [what for what in held.values() if what == "days"]
    if weeks and days and len(set(weeks)) == 1:
        fix = f"sum the days to weeks: week_start={weeks[0].rpartition(' ')[2]!r}"
    else:
        fix = "download all of them by day, and sum them to weeks with week_start='monday'"
    raise WeekError(f"periods that differ cannot be laid side by side: {said}; {fix}")


def _check_currencies(codes: Sequence[str | None], paths: Sequence[str], given: Settings) -> None:
    known = {code: path for code, path in zip(codes, paths, strict=True) if code is not None}
    pairs = [pair for pair in combinations(known, 2) if not may_be_same(*pair)]
    if not pairs or "currency" in given.accept:
        return
    first, second = pairs[0]
    said = "; ".join(f"{path!r} in {code}" for code, path in known.items())
    raise MixedRowsError(
        f"money in {len(known)} currencies would be laid side by side: {said}; convert it, as currency={first!r}, "
        f"rates={{{second!r}: rate}}, or keep them apart on purpose: accept=['currency']"
    )
