"""From a file to a table: CSV in UTF-8, a workbook, Parquet. Cells are read exactly as they are.

Knows files and what reads them; libraries that are not always there are asked for by name where they are needed.
"""

import contextlib
import gzip
import io
import os
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm.data.cells import is_near
from bayesmmm.data.csv_text import decoded, table_of
from bayesmmm.errors import (
    DataError,
    FileFormatError,
    MissingFileError,
    MissingLibraryError,
)
from bayesmmm.text import listed, written

#: First bytes of a workbook (an archive of parts) and of a Parquet file.
WORKBOOK, PARQUET = b"PK\x03\x04", b"PAR1"
#: And of what gzip packed, as table.csv.gz.
PACKED = b"\x1f\x8b"
# Bytes up to which a file is unpacked: some small ones hold more than any memory.
_MOST_UNPACKED = 4_000_000_000
# What an empty cell of a number column may look like; text columns (dates, geos) keep theirs as text.
_EMPTY_CELLS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "<NA>")


def read_table(
    path: str | os.PathLike[str], *, date: str, keys: Sequence[str], numbers: Sequence[str], sheet: object = None
) -> pd.DataFrame:
    """Read a CSV file, a workbook (.xlsx) or a Parquet file, told apart by their first bytes."""
    raw = _read_bytes(path)
    place = os.fspath(path)
    if raw.startswith(PARQUET):
        check_suffix(place, ".parquet", "a Parquet file")
        return with_library("pyarrow", "parquet", pd.read_parquet, place)
    if raw.startswith(WORKBOOK):
        check_suffix(place, ".xlsx", "an Excel workbook")
        return _read_sheet(place, sheet)
    if sheet is not None:
        raise DataError(
            f"sheet={written(sheet)} names a sheet of {place!r}, which is no workbook; leave sheet out"
        )
    return read_csv(path, date=date, keys=keys, numbers=numbers)


def _read_sheet(path: str, sheet: object) -> pd.DataFrame:
    """Read a sheet of a workbook: the only one, or the one that is named."""
    sheets = with_library("openpyxl", "xlsx", pd.read_excel, path, sheet_name=None)
    if sheet is None and len(sheets) > 1:
        raise DataError(
            f"{path!r} has {len(sheets)} sheets, {listed(sheets)}; one holds the table; name it, as "
            f"sheet={next(iter(sheets))!r}",
            prepare="looks for the columns in all sheets",
        )
    if sheet is not None and sheet not in sheets:
        raise DataError(
            f"{path!r} has no sheet {written(sheet)}; there are {listed(sheets, shown=20)}; correct the name"
        )
    return sheets[next(iter(sheets)) if sheet is None else sheet]


def check_suffix(path: str, suffix: str, what: str) -> None:
    """Refuse a file whose name says that it is another kind of file."""
    if not path.lower().endswith(suffix):
        raise FileFormatError(
            f"{path!r} is not text: it is {what} under another name; rename it to end in {suffix}, or save it as "
            f"'CSV UTF-8'"
        )


def with_library(library: str, extra: str, read: Callable[..., Any], path: str, **options: Any) -> Any:
    """Read a file with a library that need not be there, and refuse what it cannot read."""
    try:
        return read(path, **options)
    except ImportError as error:
        raise MissingLibraryError(
            f"{path!r} needs {library}, which is not installed; pip install 'bayesmmm[{extra}]', or save the "
            f"file as 'CSV UTF-8'"
        ) from error
    except Exception as error:  # of a damaged file anything comes
        raise FileFormatError(
            f"{path!r} cannot be read by {library}, and may be damaged ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}); download it again, or save it as 'CSV UTF-8'"
        ) from error


def read_csv(
    path: str | os.PathLike[str], *, date: str, keys: Sequence[str], numbers: Sequence[str]
) -> pd.DataFrame:
    """Read a comma-separated UTF-8 file, dates and keys as text, numbers exactly."""
    wanted = [name for name in (date, *keys, *numbers) if name]
    raw = _read_bytes(path)
    place = os.fspath(path)
    kinds = {WORKBOOK: "an Excel workbook or another archive", PARQUET: "a Parquet file"}
    kind = next((said for start, said in kinds.items() if raw.startswith(start)), "")
    text, code = decoded(place, raw, kind)
    frame = table_of(place, text, wanted, code)
    near = [column for column in frame if any(is_near(name, column) for name in numbers)]
    read = {column: to_numbers(frame[column]) for column in near}
    return frame.assign(**read)


def to_numbers(cells: pd.Series) -> pd.Series:
    """Return a column with numbers in place of the cells that hold them."""
    if isinstance(cells.dtype, pd.StringDtype) and not cells.str.contains("_", regex=False, na=False).any():
        marked = cells.str.contains(",", regex=False, na=False).to_numpy(dtype=bool)
        with contextlib.suppress(ValueError):  # a column in which nothing but commas is in the way, at once
            plain = cells[~marked].to_numpy(dtype=object).astype(np.float64)
            if not marked.any():
                return pd.Series(plain, index=cells.index)
            held = cells.to_numpy(dtype=object)
            held[~marked] = plain
            return pd.Series(held, index=cells.index, dtype=object)
    held = cells.to_numpy(dtype=object)
    return pd.Series([to_number(cell) for cell in held.tolist()], index=cells.index, dtype=object).infer_objects()


def to_number(cell: object) -> object:
    """Return the number that a cell holds, exactly; anything else is left as text to be refused by name."""
    if not isinstance(cell, str):
        return cell
    if cell in _EMPTY_CELLS:
        return np.nan
    if cell.lower() in ("true", "false"):
        return float(cell.lower() == "true")
    try:
        # Python alone reads 1_000 as a number, and nobody 1,000: to ask costs less than to be refused.
        return cell if "_" in cell or "," in cell else float(cell)
    except ValueError:
        return cell


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    if not isinstance(path, str | os.PathLike):
        raise DataError(f"the file is given as {written(path)}, which is no path; write the path of a CSV file")
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError as error:
        looked = "" if os.path.isabs(path) else f" (looked for in {os.getcwd()!r})"
        raise MissingFileError(
            f"the file {str(path)!r} does not exist{looked}; a CSV file on this computer can be read; "
            "correct the path"
        ) from error
    except (OSError, ValueError) as error:  # a folder, a file of somebody else, a name that no file can have
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{written(str(path))} cannot be read: {reason}; a CSV file on this computer can be; correct the path"
        ) from error
    return unpacked(raw, os.fspath(path))


def unpacked(raw: bytes, path: str) -> bytes:
    """Return the bytes of a file, of one that gzip packed those that are in it."""
    if not raw.startswith(PACKED):
        return raw
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            out = file.read(_MOST_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(
            f"{path!r} is packed by gzip and cannot be unpacked ({error}): it is damaged or not whole; download it again"
        ) from error
    if len(out) > _MOST_UNPACKED:
        raise FileFormatError(
            f"{path!r} holds more than {_MOST_UNPACKED:,} bytes, unpacked; leave out columns that are not needed"
        )
    return out
