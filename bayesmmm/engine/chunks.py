"""Draws in chunks: memory that does not grow with their number, and all processors at work."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

#: Working memory of one chunk, in bytes: small enough for processor caches, large enough to hide Python.
CHUNK_BYTES = 16e6


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_draws(
    function: Callable[[np.ndarray], Mapping[str, np.ndarray]], draws: np.ndarray, bytes_per_draw: float
) -> dict[str, np.ndarray]:
    """Apply a function to chunks of draws, in threads, and join what it returns.

    Parameters
    ----------
    function : callable
        From indices (s,) to arrays with a leading axis of s. It must not depend on how draws are divided.
    draws : (S,) int array
    bytes_per_draw : float
        What a draw needs of working memory.

    Returns
    -------
    dict of str to (S, ...) array
        In the order of `draws`.
    """
    size = int(np.clip(CHUNK_BYTES / bytes_per_draw, 1, len(draws)))
    starts = range(0, len(draws), size)
    out: dict[str, np.ndarray] = {}

    def work(start: int) -> None:
        # Written in place, so that no second copy of a large answer exists.
        for name, value in function(draws[start : start + size]).items():
            if name not in out:
                out.setdefault(name, np.empty((len(draws), *value.shape[1:])))
            out[name][start : start + len(value)] = value

    with ThreadPoolExecutor(min(processors(), len(starts))) as pool:
        for done in [pool.submit(work, start) for start in starts]:
            done.result()
    return out
