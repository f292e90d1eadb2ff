"""How many processors there are, and a second process that calls functions while the first one goes on.

The second process is a plain child that reads calls and writes what they return, as pickles through pipes. When the
first one ends, in whatever way, the pipes close and the child ends, too. Whatever goes wrong with it, the first one
does the work. This module knows nothing of what is called.
"""

import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import IO, Any

#: What the child runs: it finds the modules that its parent finds, and Matplotlib looks for no screen there.
_CHILD = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.path[:] = {path!r}
os.environ.setdefault("MPLBACKEND", "agg")
from bayesmmm.processes import serve
serve({modules!r})
"""


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Helper:
    """Calls functions in a second process, one after the other; without one, here, when a result is asked for."""

    def __init__(self, child: "subprocess.Popen[bytes] | None" = None) -> None:
        self._child = child
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="helper")

    def submit[T](self, function: Callable[..., T], *arguments: Any) -> Callable[[], T]:
        """Begin a call, and return what waits for its result; the function must give the same in both processes."""
        if self._child is None or self._child.stdin is None or self._child.stdout is None:
            return lambda: function(*arguments)
        asked = self._asking.submit(_ask, self._child.stdin, self._child.stdout, function, arguments)

        def result() -> T:
            try:
                value, told = asked.result()
            except Exception:  # something has no pickle, the child was killed, the call failed: here it says why
                return function(*arguments)
            for each in told:
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
            return value

        return result

    def close(self) -> None:
        """End the child at once, whatever it does."""
        if self._child is not None:
            self._child.kill()
        self._asking.shutdown(cancel_futures=True)
        if self._child is not None:
            with suppress(OSError):  # of what it did not read any more
                self._child.__exit__(None, None, None)


def _ask(calls: IO[bytes], results: IO[bytes], function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Send a call and wait for its result, and for the warnings that were given meanwhile."""
    calls.write(pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL))
    calls.flush()
    done, *answer = pickle.load(results)
    if not done:
        raise RuntimeError(*answer)
    return answer


@contextmanager
def helper(*modules: str) -> Iterator[Helper]:
    """Start a helper, whose process imports `modules` at once; on a single processor it has none."""
    child = None
    if processors() > 1 and sys.executable and not getattr(sys, "frozen", False):
        code = _CHILD.format(path=sys.path, modules=modules)
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with suppress(OSError):  # such as too many processes
            child = subprocess.Popen([sys.executable, "-c", code], **pipes)
    found = Helper(child)
    try:
        yield found
    finally:
        found.close()


def serve(modules: tuple[str, ...]) -> None:
    """Answer calls from standard input on standard output until it closes: what the child does."""
    calls, results = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed must not come between results
    for name in modules:
        import_module(name)
    while True:
        try:
            function, arguments = pickle.load(calls)
        except EOFError:
            return
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                answer = pickle.dumps((True, function(*arguments), told), pickle.HIGHEST_PROTOCOL)
            except Exception as problem:
                answer = pickle.dumps((False, f"{type(problem).__name__}: {problem}"))
        results.write(answer)
        results.flush()
