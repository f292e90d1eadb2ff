"""Many fits: run a list of tasks, and keep what is done.

Nothing here knows what the tasks are for. A task is called with one item and returns something small; the list is
worked off in threads of this process, or on an executor: anything with ``submit`` that returns futures.
"""

import queue
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM
from bayesmmm.errors import BayesMMMWarning, EvaluationError, FailedRunsWarning, InterruptedWarning, SettingError
from bayesmmm.inference.fitting import fit, heard
from bayesmmm.processes import processors
from bayesmmm.progress import telling
from bayesmmm.results import Fit
from bayesmmm.validate import check_flag


# ------------------------------------------------------------------------------------------------------- runs
@dataclass(frozen=True)
class Completed:
    """What came of a list of tasks.

    Attributes
    ----------
    results : mapping of int to object
        Position in `items` -> what the task returned, in the order of `items`.
    items : tuple
        Everything that was to be done.
    failed : mapping of int to str
        Position in `items` -> the error.
    complete : bool
        Whether every item has a result.
    """

    results: Mapping[int, Any]
    items: tuple
    failed: Mapping[int, str]
    complete: bool


def run(
    task: Callable[[Any], Any],
    items: Sequence,
    *,
    executor: Any = None,
    progress: bool = True,
    label: Callable[[Any], str] = str,
    title: str = "fits",
) -> Completed:
    """Call a task with every item, several at once, and keep what is done when interrupted.

    Ctrl-C cancels what has not begun and returns what is done; a fit under way in a thread ends by itself, unheeded.

    Parameters
    ----------
    task : callable
        Takes one item. For other processes it must be picklable: a function of a module, or a dataclass with
        ``__call__``.
    items : sequence
    executor : concurrent.futures.Executor or alike, optional
        Whatever has ``submit(task, item)`` and returns futures with ``add_done_callback``, ``result`` and ``cancel``,
        as a process pool or Dask's ``client.get_executor()``. It is not shut down. By default threads of this
        process, one for each processor: the sampler does not hold Python's lock.
    progress : bool
        Show a bar on stderr.
    label : callable
        Name of an item in messages.
    title : str
        What the items are, in the plural, for bar and messages.

    Returns
    -------
    Completed

    Raises
    ------
    SettingError
        When there is nothing to do, or `executor` has no ``submit``.
    EvaluationError
        When every item failed.

    Warns
    -----
    InterruptedWarning
        When it was interrupted: how many of how many are done.
    FailedRunsWarning
        When some items failed, with the first error.

    Examples
    --------
    >>> done = run(abs, [-1, 2, -3], progress=False)
    >>> dict(done.results), done.complete
    ({0: 1, 1: 2, 2: 3}, True)
    """
    items = tuple(items)
    if not items:
        raise SettingError(f"there are no {title} to run; give at least one item")
    check_flag(progress, "progress")
    if executor is not None and (isinstance(executor, type) or not callable(getattr(executor, "submit", None))):
        raise SettingError(
            f"executor is a {type(executor).__name__} without `submit`; give a concurrent.futures executor, as "
            f"ProcessPoolExecutor(4), or leave it out for threads of this process"
        )
    results: dict[int, Any] = {}
    failed: dict[int, BaseException] = {}
    interrupted = False
    with telling(len(items), title, progress) as tell:

        def take(index: int, call: Callable[[], Any]) -> None:
            if index in results or index in failed:
                return
            try:
                results[index] = call()
            except Exception as error:  # kept and reported: one bad item must not cost the others
                failed[index] = error
            tell("")

        try:
            _work_off(task, items, executor, take)
        except KeyboardInterrupt:
            interrupted = True
    messages = {i: f"{type(failed[i]).__name__}: {failed[i]}" for i in sorted(failed)}
    _report(items, results, messages, failed, label, title, interrupted)
    return Completed(
        results=MappingProxyType({i: results[i] for i in sorted(results)}),
        items=items,
        failed=MappingProxyType(messages),
        complete=len(results) == len(items),
    )


def workers(count: int) -> int:
    """Return how many of so many items run at once in this process."""
    return max(1, min(processors(), count))


def cores_each(count: int, executor: Any) -> int:
    """Return the processors that each of so many fits should use: all for one fit, one for each of many."""
    return 1 if executor is not None or count > 1 else processors()


def seeds(seed: int, count: int) -> list[int]:
    """Return seeds of `count` independent fits; the first ones do not depend on `count`."""
    streams = np.random.SeedSequence(seed).spawn(count)
    return [int(stream.generate_state(1)[0] >> 1) for stream in streams]


def _work_off(task, items: tuple, executor, take: Callable[[int, Callable[[], Any]], None]) -> None:
    """Hand every outcome to `take` as it comes in: its position, and a call that returns it or raises its error."""
    if executor is not None:
        _submit(task, items, executor, take)
    elif workers(len(items)) == 1:
        # Without threads the sampler itself hears of Ctrl-C.
        for i, item in enumerate(items):
            take(i, partial(task, item))
    else:
        pool = ThreadPoolExecutor(workers(len(items)))
        try:
            _submit(task, items, pool, take)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _submit(task, items, executor, take) -> None:
    done: queue.SimpleQueue = queue.SimpleQueue()
    futures: dict[int, Any] = {}
    try:
        for i, item in enumerate(items):
            try:
                future = executor.submit(task, item)
            except (
                Exception
            ) as error:  # a pool whose workers died takes no more, and what it has done must not be lost
                take(i, partial(_raise, error))
                continue
            futures[i] = future
            future.add_done_callback(lambda future, i=i: done.put((i, future)))
        for _ in range(len(futures)):
            i, future = done.get()
            take(i, future.result)
    except KeyboardInterrupt:
        for future in futures.values():
            future.cancel()
        for i, future in futures.items():
            # A worker process hears of Ctrl-C too, and then its future holds a KeyboardInterrupt.
            if future.done() and not future.cancelled() and isinstance(future.exception(), Exception | None):
                take(i, future.result)
        raise


def _raise(error: Exception) -> None:
    raise error


def _report(items, results, messages, failed, label, title, interrupted) -> None:
    """Warn of what is missing, or raise when nothing is left."""
    if interrupted:
        warnings.warn(
            InterruptedWarning(
                f"interrupted: {len(results)} of {len(items)} {title} are done, and the answer rests on these. "
                f"Run it again for all."
            ),
            stacklevel=3,
        )
    if not messages:
        return
    first = next(iter(messages))
    if not results and not interrupted:
        raise EvaluationError(
            f"all {len(items)} {title} failed, the first ({label(items[first])}) with {messages[first]}"
        ) from failed[first]
    warnings.warn(
        FailedRunsWarning(
            f"{len(messages)} of {len(items)} {title} failed and are left out, the first ({label(items[first])}) with "
            f"{messages[first]}. All messages are in `failed` of the answer."
        ),
        stacklevel=3,
    )


# --------------------------------------------------------------------------------------------------- quiet fits
@dataclass(frozen=True)
class SilentFit:
    """A fit, and the warnings that it gave: kept, not shown.

    Attributes
    ----------
    fit : Fit
    notices : tuple of BayesMMMWarning
    """

    fit: Fit
    notices: tuple[BayesMMMWarning, ...]


def fit_quietly(
    system: MMM,
    data: MMMData,
    *,
    seed: int,
    draws: int = 500,
    tune: int = 500,
    chains: int = 2,
    cores: int = 1,
    target_accept: float = 0.9,
    scales: Scales | None = None,
    collapse: bool = True,
) -> SilentFit:
    """Fit, and collect the warnings instead of giving them.

    Parameters
    ----------
    system, data, seed, draws, tune, chains, cores, target_accept, scales, collapse
        As in ``fit``, with shorter defaults; one core, since fits run side by side.

    Returns
    -------
    SilentFit
        Safe to call from several threads.
    """
    with _listening() as notices:
        found = fit(
            system,
            data,
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            seed=seed,
            target_accept=target_accept,
            scales=scales,
            collapse=collapse,
            progress=False,
        )
    return SilentFit(found, tuple(notices))


@contextmanager
def _listening() -> Iterator[list[BayesMMMWarning]]:
    """Collect the warnings of this thread's fits in a list."""
    notices: list[BayesMMMWarning] = []
    token = heard.set(notices)
    try:
        yield notices
    finally:
        heard.reset(token)
