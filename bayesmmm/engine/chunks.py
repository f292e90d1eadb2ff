"""Draws in chunks: memory that does not grow with their number, and all processors at work."""

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from bayesmmm.processes import processors

#: Working memory of one chunk, in bytes: small beside an answer, large enough to hide the cost of Python.
CHUNK_BYTES = 48e6
#: Where there are several chunks, their number is a multiple of this.
TOGETHER = 2


_STOP: ContextVar[Callable[[], None]] = ContextVar("stop", default=lambda: None)


@contextmanager
def stopped_by(check: Callable[[], None]) -> Iterator[None]:
    """Call a function every now and then during the answers that are worked out meanwhile; what it raises ends them."""
    before = _STOP.set(check)
    try:
        yield
    finally:
        _STOP.reset(before)


def may_stop() -> None:
    """Give way to what `stopped_by` was given."""
    _STOP.get()()


def map_draws(
    function: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    draws: np.ndarray,
    bytes_per_draw: float | np.ndarray,
) -> dict[str, np.ndarray]:
    """Apply a function to chunks of draws, in threads, and join what it returns.

    Parameters
    ----------
    function : callable
        From indices (s,) to arrays with a leading axis of s. It must not depend on how draws are divided.
    draws : (S,) int array
    bytes_per_draw : float or (S,) array
        What a draw needs of working memory.

    Returns
    -------
    dict of str to (S, ...) array
        In the order of `draws`.
    """
    own = np.broadcast_to(bytes_per_draw, draws.shape).astype(float)
    need = np.cumsum(own)
    # On most machines as many for each processor, so that none waits for the last one; the same on all of them, since
    # the last digit of a matrix product may depend on the number of its rows.
    least = math.ceil(need[-1] / CHUNK_BYTES)
    count = least if least < 2 else math.ceil(least / TOGETHER) * TOGETHER
    # A new chunk begins where the memory counted before a draw passes the next multiple of what a chunk has.
    starts = np.flatnonzero(np.diff(((need - own) / need[-1] * count).astype(int), prepend=-1)).tolist()
    out: dict[str, np.ndarray] = {}
    check = _STOP.get()  # threads of a pool have none of their own

    def work(start: int, stop: int) -> None:
        check()
        # Written in place, so that no second copy of a large answer exists.
        with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is refused, once it is all there
            found = function(draws[start:stop])
        for name, value in found.items():
            if name not in out:
                out.setdefault(name, np.empty((len(draws), *value.shape[1:])))
            out[name][start:stop] = value

    with ThreadPoolExecutor(min(processors(), len(starts))) as pool:
        stops = [*starts[1:], len(draws)]
        try:
            for done in [pool.submit(work, start, stop) for start, stop in zip(starts, stops, strict=True)]:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return out
