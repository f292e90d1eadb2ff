"""`MMMData` in words and numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesmmm.data.checks import MONEY, NATIONAL, places
from bayesmmm.data.roles import uses_of

if TYPE_CHECKING:
    from bayesmmm.data.schema import MMMData


def data_text(data: "MMMData") -> str:
    """Return size, calendar, roles and units, and what to call next."""
    where = NATIONAL if data.geos == (NATIONAL,) else f"{len(data.geos)} geo(s): {_some(data.geos)}"
    if data.levels:
        counts = [f"{len(set(values))} of {key}" for key, values in data.levels.items()]
        where = f"{where} ({', '.join(counts)})"
    mediators = [f"{n} ({u}, {'paid' if u == MONEY else 'not paid'})" for n, u in data.mediators.items()]
    lines = [
        f"MMMData: {len(data.dates)} {data.frequency} periods, {data.dates[0]:%Y-%m-%d} to "
        f"{data.dates[-1]:%Y-%m-%d}, {where}",
        f"  outcome:   {data.outcome} ({data.outcome_unit})",
        f"  mediators: {', '.join(mediators) or 'none'}",
        f"  media:     {_channels(data)}",
        f"  controls:  {', '.join(data.controls) or 'none'}",
    ]
    lines += _event_lines(data)
    lines += _gap_lines(data)
    if data.unused:
        lines.append(f"  not used:  {', '.join(data.unused)}")
    first = next(iter((*data.media, *data.mediators)))
    lines.append(
        f"Next: data.summary(), then mm.MMM([mm.Equation({data.outcome!r}, media=[{first!r}, ...], ...)])"
    )
    return "\n".join(lines)


def _event_lines(data: "MMMData") -> list[str]:
    """Name events, those that the data have no day of, and until when days to come are known."""
    names = data.event_names
    if not names:
        return []
    last = max(event.last_day for event in data.events)
    never = [name for name in names if not data.columns[name].any()]
    absent = f"; without a day in the data: {_some(never)}" if never else ""
    return [f"  events:    {_some(names)} (days, known up to {last:%Y-%m-%d}{absent})"]


def _channels(data: "MMMData") -> str:
    """Channels, those that are money first, then every exposure with its unit and what was paid."""
    money = [name for name in data.media if data.is_money(name)]
    parts = [f"{', '.join(money)} ({MONEY})"] if money else []
    for name in data.media:
        if name not in money:
            paid = f"spend in {data.spend[name]}" if name in data.spend else "organic"
            parts.append(f"{name} ({data.unit(name)}, {paid})")
    return ", ".join(parts) if data.media else f"none ({MONEY})"


def _gap_lines(data: "MMMData") -> list[str]:
    """Say what was not recorded."""
    lines, present = [], data.has_row
    for name in data.missing or ():
        gaps = np.isnan(data.columns[name]) & present
        if gaps.any():
            lines.append(f"  missing:   {int(gaps.sum())} of {name}{places(gaps, data.geos, data.dates)}")
    short = [
        f"{geo} {data.dates[own][0]:%Y-%m-%d} to {data.dates[own][-1]:%Y-%m-%d}"
        for geo, own in zip(data.geos, present, strict=True)
        if not own.all()
    ]
    return lines + ([f"  own dates: {_some(short)}"] if short else [])


def data_summary(data: "MMMData") -> pd.DataFrame:
    """Return one row per column, of values that are known."""
    rows = {}
    uses = uses_of(data.outcome, data.media, data.mediators, data.controls, data.spend, events=data.event_names)
    for name, role in uses:
        values = data.columns[name][data.recorded(name)]
        rows[name] = {
            "role": role.removesuffix("s"),
            "unit": data.unit(name),
            "mean": values.mean(),
            "sd": values.std(),
            "min": values.min(),
            "median": np.median(values),
            "max": values.max(),
            "zero_share": np.mean(values == 0),
            "total": values.sum(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("column")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])}, ..., {names[-1]}"
