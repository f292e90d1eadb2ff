"""The package's warnings as a part of the answer that they are about."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

from bayesmmm.errors import BayesMMMWarning

_HEARD: ContextVar[list[str] | None] = ContextVar("heard", default=None)
_lock, _open = Lock(), 0
_catching: Any = None


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect the package's warnings of one answer; others may be worked out in other threads at the same time."""
    global _open, _catching
    said: list[str] = []
    with _lock:
        _open += 1
        if _open == 1:
            _catching = warnings.catch_warnings()
            _catching.__enter__()
            warnings.simplefilter("always", BayesMMMWarning)
            warnings.showwarning = _routed(warnings.showwarning)
    token = _HEARD.set(said)
    try:
        yield said
    finally:
        _HEARD.reset(token)
        with _lock:
            _open -= 1
            if _open == 0:
                _catching.__exit__(None, None, None)


def _routed(others: Callable[..., None]) -> Callable[..., None]:
    def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        said = _HEARD.get()
        if said is None or not isinstance(message, BayesMMMWarning):
            others(message, category, *where, **more)
        elif f"{message}" not in said:
            said.append(f"{message}")

    return show
