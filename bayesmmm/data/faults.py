"""Faults of a table: raised at the first one, or collected until nothing is left to look at.

Knows that a check refuses by raising a `DataError`. Every check of data stands in a block of `looking`, so that what
makes data and what lists all faults run the same lines.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import zip_longest

import pandas as pd

from bayesmmm.errors import DataError
from bayesmmm.text import counted, notebook_html, wrapped

_WIDTHS = (3, 46, 34, 34)
_HEADS = ("", "what is wrong", "remedy", "bayesmmm.prepare")


class NothingLeft(Exception):
    """Ends a reading that only collected faults, where nothing is left that could be looked at."""


#: Faults that are collected instead of raised, with the column that each is about; None where they are raised.
_KEPT: ContextVar[list[tuple[DataError, str]] | None] = ContextVar("kept", default=None)


@contextlib.contextmanager
def looking(column: str = "") -> Iterator[None]:
    """Raise what a check refuses, or keep it where faults are collected."""
    kept = _KEPT.get()
    try:
        yield
    except DataError as error:
        if kept is None:
            raise
        kept.append((error, column))


def found() -> int:
    """Return how many faults are kept so far: 0 where they are raised."""
    return len(_KEPT.get() or ())


def is_collecting() -> bool:
    """Tell whether faults are collected."""
    return _KEPT.get() is not None


@contextlib.contextmanager
def collected() -> Iterator[list[tuple[DataError, str]]]:
    """Collect the faults that are met in the block."""
    kept: list[tuple[DataError, str]] = []
    token = _KEPT.set(kept)
    try:
        yield kept
    except DataError as error:
        kept.append((error, ""))
    except NothingLeft:
        pass
    finally:
        _KEPT.reset(token)


@dataclass(frozen=True)
class Fault:
    """One fault of a table.

    Parameters
    ----------
    kind : str
        Class of the error that it raises.
    column : str
        Column that it is about; empty where it is about the table.
    what : str
        What is wrong, the value seen, where, what is allowed.
    remedy : str
        One way to mend it.
    prepare : str
        What `bayesmmm.prepare.tidy` does about it, with the argument that it has to be told.
    error : DataError
        The error itself.
    """

    kind: str
    column: str
    what: str
    remedy: str
    prepare: str
    error: DataError


@dataclass(frozen=True)
class Faults:
    """Every fault of a table, in the order in which they are met; empty where the table can be read.

    Parameters
    ----------
    faults : tuple of Fault
    source : str
        What was looked at.
    """

    faults: tuple[Fault, ...]
    source: str = "the table"

    def __len__(self) -> int:
        return len(self.faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    def __getitem__(self, number: int) -> Fault:
        return self.faults[number]

    def table(self) -> pd.DataFrame:
        """Return one row per fault: kind, column, what is wrong, remedy, what `bayesmmm.prepare` does about it."""
        names = ("kind", "column", "what", "remedy", "prepare")
        return pd.DataFrame(
            [{name: getattr(fault, name) for name in names} for fault in self], columns=list(names)
        )

    def __str__(self) -> str:
        if not self.faults:
            return f"no fault: {self.source} can be read as it is"
        lines = [f"{counted(len(self), 'fault')} of {self.source}", "", _row(_HEADS)]
        for number, fault in enumerate(self, 1):
            lines += [_row(tuple("-" * width for width in _WIDTHS)), *_cells(number, fault)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the faults as a small table, for notebooks."""
        return notebook_html(str(self), {name: list(column) for name, column in self.table().items()})


def as_faults(kept: list[tuple[DataError, str]], source: str) -> Faults:
    """Return what was collected, each fault once."""
    once = {(type(error), str(error)): (error, column) for error, column in reversed(kept)}
    return Faults(tuple(_fault(*pair) for pair in reversed(once.values())), source)


def _fault(error: DataError, column: str) -> Fault:
    what, mark, remedy = str(error).rpartition("; ")
    if not mark:
        what, _, remedy = str(error).partition(". ")
    says = error.prepare or "does not mend it"
    return Fault(type(error).__name__, column, what, remedy, says, error)


def _row(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def _cells(number: int, fault: Fault) -> list[str]:
    texts = (str(number), f"{fault.kind}: {fault.what}", fault.remedy, fault.prepare)
    columns = [_broken(text, width) for text, width in zip(texts, _WIDTHS, strict=True)]
    return [_row(line) for line in zip_longest(*columns, fillvalue="")]


def _broken(text: str, width: int) -> list[str]:
    """Break a text into lines of a width, words that are longer, as code may be, too."""
    lines = wrapped(text, width, indent=0)
    return [line[start : start + width] for line in lines for start in range(0, len(line), width)]
