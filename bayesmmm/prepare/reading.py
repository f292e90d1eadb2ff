"""From a file to rows of text cells: its bytes are decoded, its separator is found, workbooks are opened.

Knows bytes, encodings and separators; refuses to know what a cell means. What a file is, is read from its bytes and
not from its name.
"""

import contextlib
import csv
import datetime
import io
import json
import math
import os
import re
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from bayesmmm.data.table_files import PARQUET, WORKBOOK, check_suffix, unpacked, with_library
from bayesmmm.errors import EmptyFileError, FileFormatError, MissingFileError
from bayesmmm.text import written

_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_HEAD = 400  # rows that decide on the separator
_MOST_BITS = 10_000  # of a whole number that Python writes
_LONG_CELL = 200  # a cell of so many lines is a quote that was never closed
_SIGNATURES = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook of the old format; save it as .xlsx",
    b"%PDF": "a PDF; export the table as CSV",
    b"\x89PNG": "a picture; export the table as CSV",
    b"\xff\xd8\xff": "a picture; export the table as CSV",
    b"GIF8": "a picture; export the table as CSV",
    b"{\\rtf": "a text document; export the table as CSV",
    b"SQLite format 3": "a database; export the table as CSV",
    b"7z\xbc\xaf\x27\x1c": "an archive; unpack it first",
    b"Rar!": "an archive; unpack it first",
    b"PK\x05\x06": "an archive without any file; download it again",
}
_BOM = b"\xef\xbb\xbf"
_CONTROLS = bytes(i for i in range(32) if i not in b"\t\n\r\f\v\x1a")
_MOST_CONTROLS = 0.02  # of the first bytes of what is text
_WRITTEN = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
_PAGES = (b"<!doctype", b"<html", b"<table", b"<?xml")


@dataclass(frozen=True)
class RawFile:
    """The cells of one file."""

    name: str  # what the file is called in arguments
    path: str  # where it came from
    rows: list[list[str]]  # every row, blank ones too, so that row numbers are those that a spreadsheet shows
    described: str  # encoding and separator in words


def clean(cell: str) -> str:
    """Return a cell without byte-order mark, and with single blanks only."""
    return " ".join(cell.replace("\ufeff", "").split())


def clean_all(cells: Sequence[str]) -> list[str]:
    """Return cells as `clean` does, of which many are alike."""
    known = {cell: clean(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def is_blank(row: list[str]) -> bool:
    """Tell whether no cell of a row holds anything."""
    return all(not cell or cell.isspace() for cell in row)


def read_file(
    name: str, source: str | os.PathLike[str] | pd.DataFrame, wanted: Collection[str], encoding: str | None
) -> RawFile:
    """Read every cell of a file as text."""
    if isinstance(source, pd.DataFrame):
        return RawFile(name, "a table", _cells(source), "a table in memory")
    path = os.fspath(source)
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError as error:
        looked = "" if os.path.isabs(path) else f" (looked for in {os.getcwd()!r})"
        raise MissingFileError(f"the file {path!r} does not exist{looked}; correct the path") from error
    except OSError as error:
        text = f"the file {path!r} cannot be read: {error.strerror}; give the path of a file that you may read"
        raise FileFormatError(text) from error
    raw = unpacked(raw, path)
    if not raw.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise EmptyFileError(f"{path!r} is empty: it holds no row at all; download it again")
    if raw.startswith(WORKBOOK):
        return _read_workbook(name, path, raw)
    if raw.startswith(PARQUET):
        check_suffix(path, ".parquet", "a Parquet file")
        return RawFile(name, path, _cells(with_library("pyarrow", "parquet", pd.read_parquet, path)), "Parquet")
    return _read_text(name, path, raw, wanted, encoding)


# --------------------------------------------------------------------------------------------------------------- text
def _read_text(name: str, path: str, raw: bytes, wanted: Collection[str], encoding: str | None) -> RawFile:
    for signature, said in _SIGNATURES.items():
        if raw.startswith(signature):
            raise FileFormatError(f"{path!r} is not text but {said}")
    begun = raw.removeprefix(_BOM).lstrip()
    if begun[:10].lower().startswith(_PAGES):
        raise FileFormatError(f"{path!r} is a web page, not a table of cells; export the table as CSV")
    if begun[:1] in (b"{", b"[") and _is_json(begun):
        raise FileFormatError(f"{path!r} is JSON, not a table of cells; export the table as CSV")
    code = encoding or _encoding(raw)
    written = _WRITTEN.get(code, code)
    if b"\0" in raw and not code.startswith("utf-16"):
        raise FileFormatError(f"{path!r} is not text: it holds zero bytes; export the table as CSV")
    first = raw[:4000]
    if len(first.translate(None, _CONTROLS)) < (1.0 - _MOST_CONTROLS) * len(first) and not code.startswith(
        "utf-16"
    ):
        raise FileFormatError(f"{path!r} is not text: it holds characters that none has; export the table as CSV")
    try:
        head = _parse(raw, code, wanted)
        rows = list(csv.reader(_lines(raw, code), delimiter=head))
    except (ValueError, LookupError) as error:  # UnicodeError, or a name that no encoding has
        raise FileFormatError(
            f"{path!r} is not text in {written}: {error}; save it as 'CSV UTF-8', or say how it is encoded, as "
            f"encoding='cp1252'"
        ) from error
    except csv.Error as error:
        raise FileFormatError(f"{path!r} cannot be cut into cells: {error}; download it again") from error
    if all(map(is_blank, rows)):
        raise EmptyFileError(f"{path!r} is empty: it holds no cell but empty ones; download it again")
    if rows and any(cell.count("\n") > _LONG_CELL for cell in rows[-1]):
        raise FileFormatError(
            f"{path!r}: the last cell, in row {len(rows)}, runs over more than {_LONG_CELL} lines, so that a "
            f"quotation mark is never closed; download the file again"
        )
    return RawFile(name, path, rows, f"{written}, separated by {_SEPARATORS[head]}")


def _is_json(raw: bytes) -> bool:
    """Tell whether text is JSON, in one piece or line by line."""
    for text in (raw, raw.partition(b"\n")[0]):
        with contextlib.suppress(ValueError, RecursionError):
            return isinstance(json.loads(text), dict | list)
    return False


def _encoding(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    start = raw[:2000]
    for code, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if zeros.count(0) > 0.6 * len(zeros) and start.count(0) < 0.6 * len(start):
            return code
    return "utf-8-sig"


def _lines(raw: bytes, code: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(raw), encoding=code, newline="")


def _parse(raw: bytes, code: str, wanted: Collection[str]) -> str:
    """Return the separator that shows most of the columns wanted, or else most rows of one width."""
    names = {clean(name).casefold() for name in wanted}
    scores = {}
    for separator in _SEPARATORS:
        reader = csv.reader(_lines(raw, code), delimiter=separator)
        head = [row for row, _ in zip(reader, range(_HEAD), strict=False)]
        found = max((len(names & {clean(cell).casefold() for cell in row}) for row in head), default=0)
        widths = pd.Series([len(row) for row in head if len(row) > 1]).value_counts()
        scores[separator] = (found, int((widths * widths.index).max()) if len(widths) else 0)
    return max(scores, key=scores.__getitem__)


# ---------------------------------------------------------------------------------------------------------- workbooks
def _read_workbook(name: str, path: str, raw: bytes) -> RawFile:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            inside = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise FileFormatError(f"{path!r} is not text but a damaged archive; download it again") from error
    if "content.xml" in inside:
        text = f"{path!r} is not text but an OpenDocument spreadsheet; save it as .xlsx, or as 'CSV UTF-8'"
        raise FileFormatError(text)
    if not any(member.startswith("xl/") for member in inside):
        raise FileFormatError(f"{path!r} is not text but an archive; unpack it first")
    check_suffix(path, ".xlsx", "an Excel workbook")
    sheets = with_library("openpyxl", "xlsx", pd.read_excel, path, sheet_name=None, header=None, dtype=object)
    rows: list[list[str]] = []
    for sheet in sheets.values():
        rows += [*([[]] if rows else []), *_cells(sheet, header=False)]
    return RawFile(name, path, rows, f"an Excel workbook of {len(sheets)} sheet(s)")


def _cells(frame: pd.DataFrame, *, header: bool = True) -> list[list[str]]:
    columns = [[_cell(value) for value in frame.iloc[:, i].tolist()] for i in range(frame.shape[1])]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return [[str(name) for name in frame.columns], *rows] if header else rows


def _cell(value: object) -> str:
    """Write a typed value so that it can be read in one way only."""
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, datetime.datetime):
        day = f"{value:%Y-%m-%d}"
        return day if not (value.hour or value.minute or value.second) else f"{day} {value:%H:%M:%S}"
    if isinstance(value, float) and math.isfinite(value):
        if value == round(value) and abs(value) < 1e15:
            return str(int(value))
        text = f"{value:.15g}" if "e" not in f"{value:.15g}" else f"{value:.15f}"
        return text + "0" if re.fullmatch(r"-?\d+\.\d{3}", text) else text
    huge = isinstance(value, int) and value.bit_length() > _MOST_BITS
    return written(value) if huge else str(value)
