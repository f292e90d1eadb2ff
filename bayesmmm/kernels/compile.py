"""How kernels are compiled: kept on disk between processes, and free of the global lock.

No fast-math flags: with them the order of a sum, and so its last bits and every draw after it, would depend on
whether a kernel was just compiled or read from disk.

numba takes what it finds on disk for current as long as the file of a function is unchanged, although the machine code
of a function holds that of the functions it calls, from other files. Kernels are current only as long as every file of
this folder is.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numba as nb
from numba.core import caching
from numba.core.caching import CacheImpl, IndexDataCacheFile

from bayesmmm.kernels.cache_files import CheckedCacheFile

_FOLDER = Path(__file__).resolve().parent
#: Number that changes with the source of any kernel; 0 where there are no files, as in a zip archive.
SOURCE = 0
if _files := sorted(_FOLDER.glob("*.py")):
    SOURCE = int(sha256(b"".join(file.read_bytes() for file in _files)).hexdigest()[:12], 16)


class _WholeFolder:
    """Where numba keeps a kernel on disk: where it would by itself, but stamped with the source of all kernels."""

    @classmethod
    def from_function(cls, py_func, py_file):
        if not SOURCE or Path(py_file).resolve().parent != _FOLDER:
            return None
        for locator in CacheImpl._locator_classes:
            found = None if locator is cls else locator.from_function(py_func, py_file)
            if found is not None:
                found.get_source_stamp = lambda: SOURCE
                return found
        return None


def _cache_file(cache_path: str, filename_base: str, source_stamp: object) -> IndexDataCacheFile:
    """Return the files of a kernel with checksums, and those of other functions as they are."""
    kind = CheckedCacheFile if source_stamp == SOURCE else IndexDataCacheFile
    return kind(cache_path, filename_base, source_stamp)


CacheImpl._locator_classes.insert(0, _WholeFolder)  # type: ignore[arg-type]
caching.IndexDataCacheFile = _cache_file  # type: ignore[assignment,misc]


def _keeps() -> bool:
    """Whether numba finds a folder to write kernels to; it refuses to keep functions where there is none."""
    try:
        nb.njit(cache=True)(_keeps)
    except RuntimeError:
        return False
    return True


#: Options of every kernel. Where nothing is kept (a read-only file system, no home) each process compiles its own.
NUMBA_OPTIONS: dict[str, Any] = {"cache": _keeps(), "nogil": True, "error_model": "numpy"}

jit = nb.njit(**NUMBA_OPTIONS)
#: For what is small or has one caller: compiled as a part of what calls it. The compiler works through any other kernel
#: again in everything that calls it, however far up.
inlined = nb.njit(inline="always", **NUMBA_OPTIONS)


@jit
def inner_product(a, b):
    """Inner product in four interleaved partial sums, in an order that is fixed."""
    n = a.shape[0]
    s0 = s1 = s2 = s3 = 0.0
    whole = n - n % 4
    for t in range(0, whole, 4):
        s0 += a[t] * b[t]
        s1 += a[t + 1] * b[t + 1]
        s2 += a[t + 2] * b[t + 2]
        s3 += a[t + 3] * b[t + 3]
    for t in range(whole, n):
        s0 += a[t] * b[t]
    return (s0 + s1) + (s2 + s3)
