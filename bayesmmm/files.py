"""Files that are never half written, lost or mixed: made beside, marked by what made them, moved in whole.

What is made lies in a hidden folder beside its place until it is complete. The maker holds a lock on that folder, so
that whoever writes to the same place next can tell what a kill has left behind from what is still being made. This
module knows nothing of what files hold.
"""

import csv
import hashlib
import os
import re
import shutil
import signal
import stat
import struct
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bayesmmm.errors import BusyFolderError, WritingError

if TYPE_CHECKING:
    import pandas as pd

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # not a POSIX system: no locks, and nothing is taken for left behind
    fcntl = None

_PART = ".part-"
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_MARK = re.compile(rb"bayesmmm:(\w+):([0-9a-f]{12}):([0-9a-f]{12})")
#: Column of every table that holds its mark.
RUN_COLUMN = "bayesmmm run"
_LONGEST_NAME, _MOST_BYTES = 80, 200
#: Marks stand at the end of a file, within so many bytes.
_TAIL = 4096
#: What stands around a mark in a file that ends in so.
_COMMENTS = {".svg": "<!-- {} -->\n", ".html": "<!-- {} -->\n", ".toml": "# {}\n", ".txt": "\n{}\n"}


# ------------------------------------------------------------------------------------------------------ parts and locks
def obstacle(path: Path) -> str:
    """What stands at a path and must not be replaced, with the way out; empty for an ordinary file or nothing."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return ""
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISLNK(mode):
        return f"is a symbolic link, which would be replaced: give the path that it leads to, {os.path.realpath(path)}"
    if stat.S_ISDIR(mode):
        return "Is a directory: give the path of a file"
    return "is a device or a pipe, which would be replaced: give the path of an ordinary file"


def check_replaceable(path: Path) -> None:
    """Refuse a path at which something stands that is no ordinary file."""
    if problem := obstacle(path):
        raise FileExistsError(0, problem, str(path))


@contextmanager
def part_folder(folder: Path) -> Iterator[Path]:
    """Make a hidden folder for what will be moved into `folder`; those that a kill left behind go first."""
    sweep(folder)
    while True:
        part = Path(tempfile.mkdtemp(prefix=_PART, dir=folder))
        lock = _lock(part, wait=True)
        if part.exists():  # else swept between the two lines above
            break
        _unlock(lock)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _unlock(lock)


def sweep(folder: Path) -> None:
    """Remove what a kill left behind, and nothing that is still being made."""
    for part in folder.glob(f"{_PART}*"):
        lock = _lock(part, wait=False)
        if lock is not None:
            shutil.rmtree(part, ignore_errors=True)
            _unlock(lock)


def leftovers(folder: Path) -> bool:
    """Whether there are parts in a folder, left behind or being made."""
    return any(folder.glob(f"{_PART}*"))


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Lock a folder until its number is closed; None where it is locked already or the system has no locks."""
    if fcntl is None:
        return None
    handle = None
    try:
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _unlock(handle)
        return None
    return handle


def _unlock(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until what must not be torn apart is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
    if held and callable(before):
        before(signal.SIGINT, None)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files: each is the old one or the new one, whole, at every moment; none is replaced before all are made."""
    with ExitStack() as stack:
        parts = {}
        for path, content in contents.items():
            check_replaceable(path)
            parts[path] = stack.enter_context(part_folder(path.parent)) / "file"
            parts[path].write_bytes(content)
            flush(parts[path])
        with uninterrupted():
            for path, part in parts.items():
                os.replace(part, path)


@contextmanager
def writing(*paths: Path) -> Iterator[None]:
    """Say of paths that cannot be written to why, and what helps."""
    try:
        yield
    except OSError as error:
        raise WritingError(
            f"{' and '.join(map(str, paths))} cannot be written: {error.strerror or error}. What is there is unchanged. "
            f"Give a path in a folder that exists, with space and write permission, and names that are not too long."
        ) from error


def flush(path: Path) -> None:
    """Wait until a file is on the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


# ------------------------------------------------------------------------------------------------------ a run's folder
class RunFolder:
    """A folder while one run writes to it: see `run_folder`."""

    def __init__(self, path: Path):
        self.path = path

    def write(self, make: Callable[[Path], object], mark: str, *, last: Collection[str] = ()) -> list[Path]:
        """Let `make` write into a folder beside, mark its files, and move them in; a failure leaves all as it was.

        Files are replaced one after the other, each at once, those in `last` after all others. Their marks tell files
        of one run from those of another, whenever it is stopped.
        """
        with part_folder(self.path) as part:
            make(part)
            names = sorted(path.relative_to(part) for path in part.rglob("*") if path.is_file())
            names.sort(key=lambda name: name.as_posix() in last)
            for name in names:
                _add_mark(part / name, mark)
            with uninterrupted():
                _move_in(part, self.path, names)
        return [self.path / name for name in names]


@contextmanager
def run_folder(path: Path) -> Iterator[RunFolder]:
    """Make a folder if need be, try it and hold it for one run; a new one goes again when the run writes nothing.

    Raises
    ------
    BusyFolderError
        When another run holds it.
    OSError
        When it cannot be written to.
    """
    new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    lock = _lock(path, wait=False)
    if lock is None and is_busy(path):
        raise BusyFolderError(
            f"another run is writing to {path}. Wait until it is done, or give this one a folder of its own."
        )
    try:
        sweep(path)
        with tempfile.TemporaryFile(dir=path):  # before minutes are spent on what would go into it
            pass
        yield RunFolder(path)
    finally:
        if new:
            with suppress(OSError):  # not empty
                path.rmdir()
        _unlock(lock)


def is_busy(path: Path) -> bool:
    """Whether a run holds a folder."""
    if fcntl is None:
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(handle)
    return False


def _move_in(part: Path, folder: Path, names: list[Path]) -> None:
    """Replace files one by one; when one cannot be, those already replaced are put back."""
    older, done = part / ".older", []
    for name in names:
        check_replaceable(folder / name)
    try:
        for name in names:
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            if target.exists():
                (older / name).parent.mkdir(parents=True, exist_ok=True)
                try:
                    os.link(target, older / name)
                except OSError:  # a file system without links
                    shutil.copy2(target, older / name)
            done.append(name)
            os.replace(part / name, target)
    except BaseException:
        for name in done:
            if (older / name).exists():
                os.replace(older / name, folder / name)
            elif not (part / name).exists():
                (folder / name).unlink(missing_ok=True)
        raise


# ---------------------------------------------------------------------------------------------------------------- names
def safe_name(text: str) -> str:
    """Return a text as the stem of a file name: letters, digits and ``_ . -``, not too long, never hidden."""
    name = re.sub(r"[^\w.-]+", "_", text).lstrip(".")[:_LONGEST_NAME]
    return name.encode()[:_MOST_BYTES].decode(errors="ignore") or "_"


def safe_names(texts: Iterable[str]) -> list[str]:
    """Return texts as file names that differ, on a file system that does not tell cases apart, too."""
    taken: dict[str, int] = {}
    out = []
    for name in map(safe_name, texts):
        again = taken[name.casefold()] = taken.get(name.casefold(), 0) + 1
        out.append(name if again == 1 else f"{name}~{again}")
    return out


# --------------------------------------------------------------------------------------------------------------- tables
def write_csv(table: "pd.DataFrame", path: Path, *, index: bool = True) -> None:
    """Write a table; an apostrophe stands before text that a spreadsheet would take for a formula and run."""
    cells = table.copy()
    for name in table.select_dtypes(exclude=["number", "bool", "datetime", "timedelta"]).columns:
        cells[name] = table[name].map(_no_formula)
    cells.rename(index=_no_formula, columns=_no_formula).to_csv(path, index=index)


def _no_formula(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and len(cell) > 1 and cell[0] in "=+-@\t\r" else cell


# ---------------------------------------------------------------------------------------------------------------- marks
def digest(*what: object) -> str:
    """Twelve letters that change with what is given: arrays by their bytes, everything else by how it is written."""
    made = hashlib.blake2b(digest_size=6)
    for each in what:
        content = each if isinstance(each, bytes | memoryview) else repr(each).encode()
        made.update(f"{len(content)}:".encode())
        made.update(content)
    return made.hexdigest()


def make_mark(kind: str, run: str, fit: str) -> str:
    """Mark of the files of a run: what made them, which run it was, and of which fit."""
    return f"bayesmmm:{kind}:{run}:{fit}"


def read_mark(path: Path) -> tuple[str, str, str] | None:
    """Kind, run and fit in the mark of a file, or None."""
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        found = _MARK.findall(file.read())
    if not found:
        return None
    kind, run, fit = (part.decode() for part in found[-1])
    return kind, run, fit


def _add_mark(path: Path, mark: str) -> None:
    """Put a mark at the end of a file, in the way of its kind; kinds without one, and fits, which have theirs, stay."""
    if path.suffix == ".png":
        content = path.read_bytes()
        if content.startswith(_PNG) and content.endswith(_PNG_END):
            text = b"tEXt" + RUN_COLUMN.encode() + b"\0" + mark.encode()
            chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
            path.write_bytes(content[:-12] + chunk + content[-12:])
    elif path.suffix == ".xlsx":
        with zipfile.ZipFile(path, "a") as book:
            book.comment = mark.encode()
    elif path.suffix == ".csv":
        path.write_bytes(_with_column(path.read_bytes().decode(), mark).encode())
    elif path.suffix in _COMMENTS:
        with open(path, "a", encoding="utf-8", newline="\n") as file:
            file.write(_COMMENTS[path.suffix].format(mark))


def _with_column(table: str, mark: str) -> str:
    """Return a table with a last column for its mark; what it holds so far stays as it is written."""
    lines = table.split("\n")
    reader = csv.reader(line + "\n" for line in lines[:-1])
    for number, _ in enumerate(reader):
        end = reader.line_num - 1  # a cell may hold line breaks
        lines[end] = f"{lines[end].removesuffix('\r')},{mark if number else RUN_COLUMN}"
    return "\n".join(lines)
