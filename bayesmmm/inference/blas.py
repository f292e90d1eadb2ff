"""One thread of BLAS at a time: small products wait longer for their threads than they take.

On matrices of fifty rows an optimiser's steps took ten times as long with two threads on a busy machine, which also sum
in another order, so that draws would depend on the number of processors.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

_lock = Lock()
_inside, _limit = 0, ExitStack()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread while any thread is inside; the last to leave sets it back.

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
