"""Splits of a history: train on what came first, test on what came next.

Knows the calendar and which values each split holds. Refuses to know what is fitted to them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, check_system
from bayesmmm.equations.event_terms import EVENT, event_columns
from bayesmmm.errors import DataError, EquationError, MissingValueError, SettingError
from bayesmmm.validate import check_choice, check_count

WINDOWS = ("expanding", "sliding")
#: Splits by default.
FOLDS = 8
#: Periods that any data need.
_LEAST = 8


@dataclass(frozen=True)
class Fold:
    """One split, as positions among the periods of the data."""

    number: int  # from 1
    train: slice
    test: slice
    gap: int  # periods in between, which are neither

    @property
    def horizon(self) -> int:
        """Number of periods predicted."""
        return self.test.stop - self.test.start

    def training(self, data: MMMData) -> MMMData:
        """Return the data trained on, checked again."""
        return data.between(data.dates[self.train.start], data.dates[self.train.stop - 1])

    def plan(self, data: MMMData, columns: Sequence[str]) -> pd.DataFrame:
        """Return columns over the gap and the periods predicted, as a plan."""
        ahead = slice(self.train.stop, self.test.stop)
        dates, geos = data.dates[ahead], data.geos
        keys = {"date": np.tile(dates, len(geos))}
        if len(geos) > 1:
            keys["geo"] = np.repeat(geos, len(dates))
        return pd.DataFrame(keys | {c: data.columns[c][:, ahead].ravel() for c in columns})

    def label(self, data: MMMData) -> str:
        """Return the dates of the split in words."""
        train, test = (
            f"{data.dates[part.start]:%Y-%m-%d} to {data.dates[part.stop - 1]:%Y-%m-%d}"
            for part in (self.train, self.test)
        )
        return f"fold {self.number}: {train}, then {test}"


def plan_folds(
    system: MMM,
    data: MMMData,
    *,
    folds: int | None = None,
    initial: int | None = None,
    horizon: int | None = None,
    step: int | None = None,
    gap: int = 0,
    window: str = "expanding",
) -> list[Fold]:
    """Lay out splits and check each of them, with the arguments of `cross_validate`."""
    for name, value, fewest in (
        ("folds", folds, 1),
        ("initial", initial, _LEAST),
        ("horizon", horizon, 1),
        ("step", step, 1),
    ):
        if value is not None:
            check_count(value, name, least=fewest)
    check_count(gap, "gap", least=0)
    check_choice(window, "window", WINDOWS)
    periods, least = len(data.dates), least_periods(system, data)
    horizon = horizon or step
    if initial is not None and horizon is not None:
        step = step or horizon
        room = 1 + (periods - gap - horizon - initial) // step
        count = room if folds is None else folds
        if not 1 <= count <= room:
            raise SettingError(
                f"initial={initial}, gap={gap}, horizon={horizon} and step={step} leave room for {max(room, 0)} folds "
                f"in {periods} periods"
                + (f", and folds={folds}; ask for fewer" if room > 0 else "; shorten initial")
            )
        first = initial
    else:
        count = folds or FOLDS
        start = initial if initial is not None else max(math.ceil(periods / 2), least)
        horizon = horizon or (periods - gap - start) // count
        if horizon < 1:
            raise SettingError(
                f"{periods} periods less {start} to begin with and a gap of {gap} leave no period for each of {count} "
                f"folds; ask for fewer folds, or give horizon"
            )
        step = step or horizon
        # Without `initial` the last test ends with the data, since the latest periods are the ones to be judged by.
        first = initial if initial is not None else periods - gap - horizon - (count - 1) * step
    if first < least:
        raise SettingError(
            f"the first of {count} folds would be trained on {first} periods, and this system needs {least}: "
            f"{_why(system, data, least)}. Ask for initial={least} or more, fewer folds or a shorter horizon"
        )
    splits = []
    for k in range(count):
        stop = first + k * step
        train = slice(0 if window == "expanding" else k * step, stop)
        splits.append(Fold(k + 1, train, slice(stop + gap, stop + gap + horizon), gap))
    for fold in splits:
        try:
            check_system(system, fold.training(data))
        except (DataError, EquationError) as error:
            raise SettingError(
                f"{fold.label(data)} cannot be fitted: {error}. Make the training periods longer with initial=..., or "
                f"leave the column out of the system"
            ) from error
        _check_bought(fold, data)
    return splits


def _check_bought(fold: Fold, data: MMMData) -> None:
    """Refuse a fold that is judged by spend in a geo that did not buy the channel in training."""
    for name in data.media:
        train, test = ((data.columns[name][:, part] > 0).any(axis=1) for part in (fold.train, fold.test))
        new = [geo for geo, known, asked in zip(data.geos, train, test, strict=True) if asked and not known]
        if new and len(data.geos) > 1:
            raise SettingError(
                f"{fold.label(data)} has spend on {name!r} in geo {new[0]!r} to predict and none to learn from. "
                f"Make the training periods longer with initial=..., or leave the geo out"
            )


def least_periods(system: MMM, data: MMMData) -> int:
    """Return how many of the first periods this system can be fitted to: every column has to vary in them."""
    return max(_LEAST, *_reasons(system, data).values())


def check_complete(data: MMMData) -> None:
    """Refuse data with values that were not recorded: what is held out must be known, and in all geos."""
    odd = [name for name in (data.outcome, *data.mediators) if np.isnan(data.columns[name]).any()]
    if odd:
        raise MissingValueError(
            f"column {odd[0]!r} has {int(np.isnan(data.columns[odd[0]]).sum())} value(s) that were not recorded, and "
            f"predictions are held against what was; take periods in which all are known, as data.between(...), or geos "
            f"that have all of them, as data.sel(...)"
        )


def check_held_out(system: MMM, data: MMMData, *, periods: int, gap: int) -> None:
    """Refuse to hold out so many periods at the end, after a gap, that the rest cannot be fitted."""
    check_count(periods, "periods")
    check_count(gap, "gap", least=0)
    left, least = len(data.dates) - periods - gap, least_periods(system, data)
    if left < least:
        raise SettingError(
            f"periods={periods} and gap={gap} leave {max(left, 0)} of {len(data.dates)} periods to fit, and this system "
            f"needs {least}: {_why(system, data, least)}. Hold out fewer"
        )


def _reasons(system: MMM, data: MMMData) -> dict[str, int]:
    """Reason -> periods that it needs."""
    out = {}
    for name, values in data.columns.items():
        if name in data.event_names:
            continue
        if name in data.media:
            out[f"{name!r} is first spent then"] = _first(values > 0)
        elif name in data.spend.values():
            out[f"{name!r} is first paid then"] = _first(values.any(axis=0))
        else:
            varies = values != values[:, :1]
            out[f"{name!r} does not vary before"] = _first(varies if name in system.order else varies.any(axis=0))
    for equation in system.equations:
        for term, names in event_columns(equation).items():
            if equation.term_kind(term) == EVENT:
                happens = np.any([data.columns[name].any(axis=0) for name in names], axis=0)
                out[f"{term!r} has its first day then"] = 1 + int(np.argmax(happens))
        out[f"equation {equation.name!r} has {len(equation.terms())} linear terms"] = len(equation.terms()) + 1
    return out


def _first(known: np.ndarray) -> int:
    """Periods until something is known (T,), in a panel (G, T) in every geo of which it ever is."""
    wide = np.atleast_2d(known)
    return 1 + int(np.argmax(wide[wide.any(axis=1)], axis=1).max(initial=0))


def _why(system: MMM, data: MMMData, least: int) -> str:
    reasons = [reason for reason, needed in _reasons(system, data).items() if needed == least]
    return reasons[0] if reasons else "fewer cannot be fitted"
