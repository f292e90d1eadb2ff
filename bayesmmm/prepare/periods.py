"""From rows to one row per period: rows are grouped, added up, summed to weeks, and absent days are dealt with.

Knows the rows of one table as days, numbers and text. Rows that look equal are added up like all others.
"""

import dataclasses
import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm.errors import AbsentDaysError, ExportSettingError, GroupError, WeekError
from bayesmmm.prepare.log import Step
from bayesmmm.prepare.part import Part, Recorded, exact_sum, series_name
from bayesmmm.prepare.settings import Settings
from bayesmmm.prepare.weeks import DAY, MONTH, all_periods, first_days, iso_week, weekday
from bayesmmm.text import counted, listed

PERIOD = "period"
_ZEROS = ("sum", "rows", "distinct", "below")  # what an absent day that is told to be zero counts as


@dataclass(frozen=True)
class PeriodTable(Recorded):
    """One row per period, and per geo where there are several."""

    file: str  # what the file is called
    path: str  # where it came from
    frame: pd.DataFrame  # columns of the result; the index holds the periods, or periods and geos
    unit: str  # "day", "week" or "month"
    covered: tuple[np.datetime64, np.datetime64]  # first and last day that the rows are complete for
    origin: Mapping[str, str]  # from a column of the frame to the name asked for, as pivoting makes several of one
    decimals: Mapping[str, int]  # decimals of each column asked for
    whole: frozenset[str]  # columns asked for in which the file has whole numbers only
    summed: tuple[str, ...]  # columns asked for whose sums are recorded
    currency: str | None  # what its money is in

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, mask: np.ndarray) -> "PeriodTable":
        """Return some of the rows."""
        return dataclasses.replace(self, frame=self.frame[mask])

    def sums(self, mask: np.ndarray | None = None) -> dict[str, float]:
        """Return the exact sum of every column asked for whose sums are recorded, of all rows or of some."""
        frame = self.frame if mask is None else self.frame[mask]
        out = {}
        for name in self.summed:
            columns = [column for column, origin in self.origin.items() if origin == name]
            places = self.decimals[name]
            out[name] = round(sum(exact_sum(frame[c].to_numpy(dtype=float), places) for c in columns), places)
        return out

    def filled(self, index: pd.Index, given: Settings) -> tuple["PeriodTable", list[str]]:
        """Return the table with the rows of an index, in new ones zeros where told; and the columns of zeros."""
        frame = self.frame.reindex(index).sort_index()
        fresh = ~frame.index.isin(self.frame.index)
        zeros = [c for c, name in self.origin.items() if given.filled(name) and given.how_of(name) in _ZEROS]
        for column in zeros:
            frame[column] = frame[column].mask(fresh, 0.0)
        return dataclasses.replace(self, frame=frame), zeros

    def periods(self) -> np.ndarray:
        """Return the first day of every row."""
        return self.frame.index.get_level_values(PERIOD).to_numpy().astype("datetime64[D]")


def to_periods(
    part: Part, columns: Mapping[str, str], given: Settings, equal: str
) -> tuple[PeriodTable, list[Step]]:
    """Group the rows of a table, add them up, and fill; `equal` says what is known of rows that look equal."""
    steps: list[Step] = []
    groups: list[str] = []
    if given.pivot is not None and "group" in part.texts:
        part, groups, said = _grouped(part, given)
        steps.append(part.step("pivot", f"rows in {len(groups)} groups by {given.pivot!r}", part, details=said))
    unit = _unit(part, given)
    absent = _absent(part, unit, given)
    periods = first_days(part.days, given.week_start) if unit != part.unit and given.week_start else part.days
    frame, origin = _added_up(part, periods, columns, groups, given)
    same = (part.decimals, part.whole, part.summed, part.currency)
    rows = PeriodTable(part.file, part.path, frame, unit, part.covered, origin, *same)
    what = f"rows added up to {unit}s" + (f" that start on {given.week_start}" if unit != part.unit else "")
    steps.append(rows.step("add_up", what, part, details=[equal] if equal else []))
    rows, more = _rounded(rows, part)
    steps += more
    spans = _spans(part) if given.ragged else None
    rows, more = _filled(rows, absent, given, spans)
    steps += more
    rows = _calendar(rows, columns, given)
    return _partial(rows, steps, given, spans)


def _unit(part: Part, given: Settings) -> str:
    """Return the period of the result, and refuse what cannot be summed to weeks."""
    if given.week_start is None or (part.unit == "day"):
        return "week" if given.week_start is not None else part.unit
    starts = {weekday(day) for day in np.unique(part.days)}
    if part.unit == "month" or starts != {given.week_start}:
        held = "months" if part.unit == "month" else f"weeks that start on {', '.join(sorted(starts))}"
        days = (
            ""
            if part.unit == "month"
            else ", or say that its dates are days, which stand for no week: week_label='day'"
        )
        raise WeekError(
            f"{part.path!r} holds {held}, which cannot be made into weeks that start on {given.week_start}; "
            f"download it by day{days}"
        )
    return "week"


# -------------------------------------------------------------------------------------------------------------- groups
def _grouped(part: Part, given: Settings) -> tuple[Part, list[str], list[str]]:
    """Put every row into a group, by rules or by the text of its cell."""
    cells = part.texts["group"]
    values = list(dict.fromkeys(cells.tolist()))
    if given.rules is None:
        group_of = {value: slug(value) for value in values}
        by_name: dict[str, str] = {}
        for value, group in group_of.items():
            if by_name.setdefault(group, value) != value:
                raise GroupError(
                    f"{part.path!r}: {by_name[group]!r} and {value!r} in column {given.pivot!r} would both be "
                    f"called {group!r}; say which belong together, as "
                    f"rules={{{group!r}: [{by_name[group]!r}, {value!r}]}}"
                )
        groups = sorted(by_name)
    else:
        group_of = {value: _group_of(value, given.rules) for value in values}
        groups = list(given.rules)
        if lost := [value for value, group in group_of.items() if not group]:
            mask = np.isin(cells.astype(str), lost)
            raise GroupError(
                f"{part.path!r}: no rule holds for {listed(lost)} in column {given.pivot!r}, "
                f"{counted(int(mask.sum()), 'row')} with {part.said_sums(mask)}; add a rule, as 'other': '*'"
            )
    named = np.array([group_of[cell] for cell in cells.tolist()], dtype=object)
    said = []
    for group in groups:
        mask = named == group
        held = listed(value for value, own in group_of.items() if own == group)
        said.append(f"{group}: {held or 'no row'}; {counted(int(mask.sum()), 'row')}, {part.said_sums(mask)}")
    return dataclasses.replace(part, texts={**part.texts, "group": named}), groups, said


def slug(text: str) -> str:
    """Return a name for a column from the text of a cell."""
    return re.sub(r"\W+", "_", text.casefold()).strip("_") or "blank"


def _group_of(value: str, rules: Mapping[str, Sequence[str]]) -> str:
    """Return the first group with a pattern that fits, as in file names: * stands for any text."""
    for group, patterns in rules.items():
        if any(fnmatch.fnmatchcase(value.casefold(), pattern.casefold()) for pattern in patterns):
            return group
    return ""


# -------------------------------------------------------------------------------------------------------------- adding
def _added_up(
    part: Part, periods: np.ndarray, columns: Mapping[str, str], groups: list[str], given: Settings
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return one row per period (and geo), a column for each name or for each name and group."""
    keys = {PERIOD: pd.Series(pd.DatetimeIndex(periods))}
    if "geo" in part.texts:
        keys["geo"] = pd.Series(part.texts["geo"])
    index = _index(keys)
    frame = pd.DataFrame(index=index)
    origin: dict[str, str] = {}
    for group in groups or [""]:
        mask = part.texts["group"] == group if groups else np.ones(len(periods), dtype=bool)
        by = [key[mask].reset_index(drop=True) for key in keys.values()]
        for name in columns:
            how = given.how_of(name)
            if how in ("days", "iso_week", "complete"):
                continue
            column = f"{name}_{group}" if groups else name
            if column in origin:
                raise GroupError(f"two columns would be called {column!r}; rename one in columns=")
            origin[column] = name
            # A group without a row in a period in which the file has others: nothing was delivered.
            empty = 0.0 if how in _ZEROS else np.nan
            frame[column] = _one(part, name, how, mask, by).reindex(index, fill_value=empty)
    return frame, origin


def _index(keys: Mapping[str, pd.Series]) -> pd.Index:
    unique = pd.DataFrame(keys).drop_duplicates().sort_values(list(keys))
    return pd.MultiIndex.from_frame(unique) if len(keys) > 1 else pd.DatetimeIndex(unique[PERIOD], name=PERIOD)


def _one(part: Part, name: str, how: str, mask: np.ndarray, by: list[pd.Series]) -> pd.Series:
    """Return one column, by period."""
    if how == "rows":
        return pd.Series(1.0, index=range(int(mask.sum()))).groupby(by).sum()
    if how == "distinct":
        texts = pd.Series(part.texts[name][mask])
        return texts.where(texts != "").groupby(by).nunique().astype(float)
    values = pd.Series(part.values[name][mask])
    if how in ("mean", "max"):
        return values.groupby(by).agg(how)
    if how == "only":
        found = values.groupby(by).agg(["min", "max"])
        differ = (found["min"] != found["max"]) & found["min"].notna()
        if differ.any():
            row = found[differ].iloc[0]
            raise ExportSettingError(
                f"{part.path!r}: the rows of {found.index[differ][0]} hold both {row['min']:g} and {row['max']:g} "
                f"for {name!r}; how='only' needs one value per period; use 'mean' or 'max'"
            )
        return found["min"]
    scale = 10.0 ** part.decimals[name]
    scaled = np.rint(values * scale)
    # Whole numbers of the smallest unit add up without error.
    return scaled.groupby(by).sum(min_count=1) / scale


def _rounded(rows: PeriodTable, part: Part) -> tuple[PeriodTable, list[Step]]:
    """Round converted money to cents, and record what that adds."""
    if not part.rounded:
        return rows, []
    frame = rows.frame.copy()
    for column, name in rows.origin.items():
        if name in part.rounded:
            frame[column] = frame[column].round(part.rounded[name])
    decimals, before = {**rows.decimals, **part.rounded}, rows.sums()
    done = dataclasses.replace(rows, frame=frame, decimals=decimals)
    after = done.sums()
    change = {
        name: round(after[name] - before[name], rows.decimals[name]) for name in part.rounded if name in after
    }
    return done, [done.step("round", f"converted money rounded by {rows.unit}", rows, change)]


# ---------------------------------------------------------------------------------------------------- days not there
def _absent(part: Part, unit: str, given: Settings) -> np.ndarray:
    """Return the periods of the file that are not there, inside the range that it covers."""
    present = np.unique(part.days)
    first, last = part.covered
    if part.unit == "week":
        first = min(present[0], first + (present[0] - first).astype(int) % 7 * DAY)
        last = max(present[-1], first)
    if part.unit == "month":
        first, last = present[0], present[-1]
    absent = np.setdiff1d(all_periods(min(first, present[0]), max(last, present[-1]), part.unit), present)
    if unit != part.unit and not given.fill:
        _check_geos(part, given)
    if len(absent) and unit != part.unit and not given.fill:
        raise AbsentDaysError(
            f"{part.path!r} has no rows on {counted(len(absent), 'day')}, {listed(map(pd.Timestamp, absent))}, so "
            f"that its weeks cannot be summed; if nothing was delivered on these days, fill=True counts them as "
            f"zero"
        )
    return absent


def _check_geos(part: Part, given: Settings) -> None:
    """Refuse series without rows on days that others have; where they are ragged, on days between their own."""
    if "geo" not in part.texts:
        return
    rows = pd.DataFrame({"day": part.days, "geo": part.texts["geo"]}).drop_duplicates()
    days = np.sort(rows["day"].unique())
    own = rows.groupby("geo")["day"].agg(["min", "max", "size"])
    held = [((days >= low) & (days <= high)).sum() for low, high in zip(own["min"], own["max"], strict=True)]
    lacking = (np.array(held) if given.ragged else len(days)) - own["size"]
    if lacking.max() > 0:
        geo = lacking.idxmax()
        inside = "between its first and its last" if given.ragged else f"of {len(days)} days"
        ends = bool(not given.ragged and held[own.index.get_loc(geo)] == own["size"][geo])
        more = ", and ragged=True lets series start late and end early" * ends
        raise AbsentDaysError(
            f"{part.path!r} has no rows of {series_name(geo)!r} on {lacking.max()} {inside}, so that its weeks "
            f"cannot be summed; if nothing was delivered on these days, fill=True counts them as zero{more}"
        )


def _spans(part: Part) -> pd.DataFrame | None:
    """Return first and last day of every series."""
    if "geo" not in part.texts:
        return None
    return pd.DataFrame({"day": part.days, "geo": part.texts["geo"]}).groupby("geo")["day"].agg(["min", "max"])


def _filled(
    rows: PeriodTable, absent: np.ndarray, given: Settings, spans: pd.DataFrame | None
) -> tuple[PeriodTable, list[Step]]:
    """Add rows of zeros for absent periods, where told."""
    index = rows.frame.index
    # Several absent days may belong to one week.
    wanted = pd.DatetimeIndex(np.unique(first_days(absent, given.week_start) if given.week_start else absent))
    full = index.union(wanted).rename(PERIOD) if index.nlevels == 1 else None
    if full is None:
        periods = index.get_level_values(0).union(wanted).unique()
        full = pd.MultiIndex.from_product([periods, index.get_level_values(1).unique()], names=index.names)
        full = full if spans is None else full[_inside(rows.unit, full, spans) > 0]
    pairs = len(full) - len(index)
    if not len(absent) and not pairs:
        return rows, []
    days = listed(map(pd.Timestamp, absent))
    unit = "days" if given.week_start else rows.unit + "s"
    text = f"{len(absent)} {unit}: {days}" if len(absent) else f"{pairs} pairs of {rows.unit} and geo"
    if not given.fill:
        return rows, [rows.step("absent", f"absent and not filled, {text}", rows)]
    filled, _ = rows.filled(full, given)
    return filled, [filled.step("fill", f"absent, counted as zero, {text}", rows)]


# ------------------------------------------------------------------------------------------------------ whole periods
def _days_covered(rows: PeriodTable) -> np.ndarray:
    """Return how many days of each period the file covers."""
    starts = rows.periods()
    if rows.unit == "month":
        return ((starts.astype("datetime64[M]") + MONTH).astype("datetime64[D]") - starts).astype(int)
    length = 7 if rows.unit == "week" else 1
    first, last = rows.covered
    ends = np.minimum(starts + (length - 1) * DAY, last)
    return np.maximum((ends - np.maximum(starts, first)).astype(int) + 1, 0)


def _calendar(rows: PeriodTable, columns: Mapping[str, str], given: Settings) -> PeriodTable:
    """Add the columns that come from the calendar."""
    frame = rows.frame.copy()
    days = _days_covered(rows)
    length = 7 if rows.unit == "week" else 1
    for name in columns:
        how = given.how_of(name)
        if how == "days":
            frame[name] = days
        elif how == "iso_week":
            frame[name] = [iso_week(day) for day in rows.periods()]
        elif how == "complete":
            frame[name] = ["yes" if count >= length else "no: partial" for count in days]
    return dataclasses.replace(rows, frame=frame)


def _inside(unit: str, index: pd.MultiIndex, spans: pd.DataFrame) -> np.ndarray:
    """Return how many days of each period lie between the first and the last day of its series."""
    starts = index.get_level_values(0).to_numpy().astype("datetime64[D]")
    first, last = (spans[end].loc[index.get_level_values(1)].to_numpy().astype("datetime64[D]") for end in spans)
    if unit == "month":
        starts, first, last = (
            each.astype("datetime64[M]").astype("datetime64[D]") for each in (starts, first, last)
        )
    length = 7 if unit == "week" else 1
    ends = np.minimum(starts + (length - 1) * DAY, last if unit != "week" else np.maximum(last, starts))
    ends = np.where(last < starts, starts - DAY, ends)
    return np.maximum((ends - np.maximum(starts, first)).astype(int) + 1, 0)


def _partial(
    rows: PeriodTable, steps: list[Step], given: Settings, spans: pd.DataFrame | None
) -> tuple[PeriodTable, list[Step]]:
    """List weeks of which only some days are covered, and leave them out unless told otherwise."""
    days = _days_covered(rows)
    if spans is not None and given.week_start is not None and rows.frame.index.nlevels > 1:
        days = np.minimum(days, _inside("week", rows.frame.index, spans))
    mask = days < 7 if rows.unit == "week" else np.zeros(len(days), dtype=bool)
    if not mask.any():
        return rows, steps
    pairs = zip(rows.periods()[mask], days[mask], strict=True)
    ends = sorted({f"{day}: {count} of 7 days" for day, count in pairs})
    if given.partial == "keep":
        return rows, [*steps, rows.step("weeks", "partial weeks kept", rows, details=ends)]
    if mask.all():
        raise WeekError(
            f"{rows.path!r} has no whole week: {', '.join(ends)}; download more days, or keep what there is: "
            f"partial='keep'"
        )
    rows, more = rows.without(mask, "weeks", "partial weeks left out", ends)
    first, last = rows.periods()[0], rows.periods()[-1] + 6 * DAY
    return dataclasses.replace(rows, covered=(first, last)), steps + more
