"""The text of a CSV file as a table: its encoding, its separator, and the line in which its header stands.

Only commas, UTF-8 and a header in the first line are read. Anything else is refused with the line that reads it; where
faults are collected it is read all the same, so that the faults behind it are seen.
"""

import csv
import io
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bayesmmm.data.faults import looking
from bayesmmm.errors import DataError, RoleError, TooFewPeriodsError, UnknownColumnError

_SEPARATORS = (",", ";", "\t", "|")
_TOP = 200  # a header stands among so many first rows
_BEGIN = 1_000_000  # characters that hold them
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Head:
    """Where a table starts in a text."""

    separator: str
    line: int  # of the header, from 0
    cells: list[str]  # of the header


def decoded(path: str, raw: bytes, kind: str) -> tuple[str, str]:
    """Return the text of a file, and its encoding where it is not UTF-8; `kind` says what it is where it is no text."""
    text = _decoded(raw, "utf-8")
    if text is not None and "\0" not in text:
        return text.lstrip("\ufeff"), ""  # Excel writes a byte-order mark, and other programs one more
    code = "utf-16" if raw.startswith(_UTF16) else "" if kind or b"\0" in raw else "cp1252"
    text = _decoded(raw, code) if code else None
    said, fix = f": it is {kind}" if kind else "", "read it with pandas and pass the frame to MMMData.from_frame"
    if code == "utf-16" and text is not None:
        said, fix = ": it is UTF-16", "use MMMData.from_frame(pd.read_csv(path, encoding='utf-16'), ...)"
    elif kind:
        fix = "read it with MMMData.from_file"
    reads = {"utf-16": "reads it", "cp1252": "reads it, told how it is written: encoding='cp1252'"}
    refused = DataError(
        f"{path!r} is not a CSV file in UTF-8{said}; save it as 'CSV UTF-8', or {fix}",
        prepare=reads.get(code, "") if text is not None else "",
    )
    if text is None:
        raise refused
    with looking():
        raise refused
    return text, code


def _decoded(raw: bytes, code: str) -> str | None:
    try:
        return raw.decode(code)
    except UnicodeDecodeError:
        return None


def table_of(path: str, text: str, wanted: Sequence[str], code: str) -> pd.DataFrame:
    """Return the table that a text holds, as text cells; `wanted` are columns that it should have, if any are known."""
    try:
        head = Head(",", 0, next((row for row in csv.reader(io.StringIO(text[:_BEGIN], newline=None)) if row), []))
        if not any(cell.strip() for cell in head.cells):
            raise TooFewPeriodsError(f"{path!r} is empty: it has no header and no rows; give a CSV with both")
        if not wanted or not set(wanted) <= set(head.cells):
            first, head = head, _found(text, wanted, head)
            _refuse(path, first.cells, head, code)
    except csv.Error as error:
        raise DataError(
            f"the header of {path!r} cannot be read ({error}); a header is one line of short names; look whether a "
            "quote is left open"
        ) from error
    for name in wanted:
        if head.cells.count(name) > 1:
            with looking(name):
                raise RoleError(
                    f"column {name!r} occurs {head.cells.count(name)} times in {path!r}; rename all but one",
                    prepare=f"takes the second one, told columns={{...: {name + '#2'!r}}}",
                )
    lines = text if not head.line else "".join([*io.StringIO(text, newline=None)][head.line :])
    return _parsed(path, lines, head)


def _parsed(path: str, text: str, head: Head) -> pd.DataFrame:
    # Without index_col=False one comma too many at the end of each row shifts every column.
    how = {"sep": head.separator, "dtype": str, "keep_default_na": False, "index_col": False}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(io.StringIO(text), **how)
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            with looking():
                raise DataError(
                    f"{path!r} has rows with more cells than its header of {len(head.cells)} "
                    f"({str(error).strip()}); every row needs as many; quote cells that contain a comma",
                    prepare="refuses them, too, but for lines above the header and below the last row",
                ) from error
    with warnings.catch_warnings():  # faults are collected: what can be read is looked at
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        return pd.read_csv(io.StringIO(text), on_bad_lines="skip", **how)


# --------------------------------------------------------------------------------------------------------- the header
def _found(text: str, wanted: Sequence[str], first: Head) -> Head:
    """Return where most columns wanted stand, or, where none is, the first row as wide as most rows are."""
    heads = [_by_names(text, separator, wanted) for separator in _SEPARATORS] if wanted else []
    count, best = max(heads, key=lambda found: found[0], default=(0, first))
    if count > max(1, len(set(wanted) & set(first.cells))):
        return best
    if count:
        return first
    count, best = max((_by_width(text, separator) for separator in _SEPARATORS), key=lambda found: found[0])
    return best if count else first


def _rows(text: str, separator: str) -> list[tuple[int, list[str]]]:
    """Return the first rows of a text, each with the number of its line."""
    reader, line, out = csv.reader(io.StringIO(text[:_BEGIN], newline=None), delimiter=separator), 0, []
    for row, _ in zip(reader, range(_TOP), strict=False):
        out.append((line, row))
        line = reader.line_num
    return out


def _by_names(text: str, separator: str, wanted: Sequence[str]) -> tuple[int, Head]:
    counts = [(len(set(wanted) & set(row)), line, row) for line, row in _rows(text, separator)]
    count, line, row = max(counts, key=lambda found: found[0])
    return count, Head(separator, line, row)


def _by_width(text: str, separator: str) -> tuple[int, Head]:
    """Return how many cells the rows of the commonest width have, and the first of them; 0 where that is no header."""
    rows = _rows(text, separator)
    widths = Counter(len(row) for _, row in rows if len(row) > 1)
    if not widths:
        return 0, Head(separator, *rows[0])
    width = max(widths, key=lambda wide: wide * widths[wide])
    line, row = next((line, row) for line, row in rows if len(row) == width)
    named = all(cell.strip() and not cell.strip()[0].isdigit() for cell in row)
    return named * width * widths[width], Head(separator, line, row)


def _refuse(path: str, first: Sequence[str], head: Head, code: str) -> None:
    """Refuse another separator than commas, and lines above the header, with the line that reads both."""
    options = [*([f"encoding={code!r}"] if code else [])]
    options += [f"sep={head.separator!r}"] if head.separator != "," else []
    options += [f"skiprows={head.line}"] if head.line else []
    call = f"use MMMData.from_frame(pd.read_csv(path, {', '.join(options)}), ...)"
    if head.separator != ",":
        with looking():
            raise UnknownColumnError(
                f"the header of {path!r} reads {head.separator.join(head.cells)[:80]!r}: its columns are separated by "
                f"{head.separator!r}, and only commas are read; {call}, with decimal=',' if numbers are written 1,5",
                prepare="finds the separator by itself",
            )
    if head.line:
        with looking():
            raise UnknownColumnError(
                f"the header of {path!r} stands in line {head.line + 1}, below lines that are no part of the table, "
                f"such as {','.join(first)[:80]!r}; only the first line is read as a header; delete the {head.line} "
                f"line(s) above it, or {call}",
                prepare="finds the header by the columns asked for",
            )
