"""What the density of a panel asks of the process that it is evaluated in, thousands of times."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

#: Options of glibc's ``mallopt``: free memory that stays with the process, size from which memory is mapped by itself.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT, _MAPPED = 1 << 30, 32 << 20  # bytes

_lock = Lock()
_inside, _limit = 0, ExitStack()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread while any thread is inside; the last to leave sets it back.

    Small products wait longer for their threads than they take: of fifty unknowns an optimiser's steps took ten times as
    long with two threads on a busy machine. Two threads also sum in another order, so that draws would depend on the
    number of processors.

    The limit is one of the whole process: taken back by whoever came first, it would end too early for others, or never.
    """
    global _inside
    import scipy.linalg  # noqa: F401  a BLAS of its own, which a limit set before it is loaded would miss
    from threadpoolctl import threadpool_limits

    with _lock:
        if not _inside:
            _limit.enter_context(threadpool_limits(1, user_api="blas"))
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _limit.close()


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for the next call, where it is glibc.

    A gradient of a panel needs several arrays of the size of its spend. Given back to the system and asked for anew with
    each call, they take two thirds of the time of 132,000 rows by six channels: 15 ms in place of 5.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MAPPED)
        mallopt(_TRIM_THRESHOLD, _KEPT)
