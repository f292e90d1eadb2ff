"""The files that numba keeps kernels in, each with a checksum at its end.

numba believes what it finds on disk: a damaged file ends in an error of another library at best, and in a crash or in
wrong numbers at worst. A damaged file is thrown away with all of its kernel, and the kernel is compiled again.
"""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from numba.core.caching import IndexDataCacheFile

from bayesmmm.errors import KernelCacheWarning

_DIGEST = 32


class CheckedCacheFile(IndexDataCacheFile):
    """Index and data files of one kernel, believed only when their checksums hold; else as numba has them."""

    def __init__(self, cache_path: str, filename_base: str, source_stamp: object):
        # A name of their own: files that numba wrote by itself have no checksum.
        super().__init__(cache_path, f"{filename_base}.checked", source_stamp)

    def load(self, key: Any) -> Any:
        """Return what is kept under a key, or None."""
        name = None
        with suppress(OSError):
            if self._is_whole(self._index_path):
                name = self._load_index().get(key)
        if name is None:
            return None
        return self._load_data(name) if self._is_whole(self._data_path(name)) else None

    def save(self, key: Any, data: Any) -> None:
        """Keep data under a key; where that cannot be done, the kernel of this process is used all the same."""
        try:
            self._is_whole(self._index_path)
            super().save(key, data)
        except OSError as error:
            _warn(f"compiled code cannot be kept on disk ({error}), and each process compiles its own")

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[IO[bytes]]:
        with super()._open_for_write(filepath) as file:
            content = io.BytesIO()
            yield content
            file.write(content.getvalue() + sha256(content.getvalue()).digest())

    def _is_whole(self, path: str) -> bool:
        """Whether a file is there and undamaged; a damaged one goes, with a word."""
        try:
            content = Path(path).read_bytes()
        except FileNotFoundError:
            return False
        if sha256(memoryview(content)[:-_DIGEST]).digest() == content[-_DIGEST:]:
            return True
        for damaged in [Path(self._index_path), *Path(self._cache_path).glob(self._data_glob())]:
            with suppress(OSError):
                os.unlink(damaged)
        _warn(f"compiled code in {path} is damaged; it was thrown away and is compiled again")
        return False

    def _data_glob(self) -> str:
        return self._index_name.removesuffix(".nbi").replace("[", "[[]") + ".*.nbc"


_warned: set[str] = set()


def _warn(text: str) -> None:
    """Say once in a process what is wrong, and not for every one of many files."""
    if not _warned:
        _warned.add(text)
        warnings.warn(KernelCacheWarning(text), stacklevel=3)
