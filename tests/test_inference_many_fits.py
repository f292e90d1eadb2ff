"""Many tasks: order, errors, interruption, executors, warnings by thread."""

import math
import multiprocessing
import os
import signal
import threading
import time
import warnings
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from bayesmmm.errors import (
    BayesMMMWarning,
    ConvergenceWarning,
    EvaluationError,
    FailedRunsWarning,
    InterruptedWarning,
    SettingError,
)
from bayesmmm.inference import fit_quietly, give, many_fits, run, seeds
from tests import worlds


def square(x):
    if x < 0:
        raise ValueError(f"{x} is below zero")
    return x * x


@dataclass(frozen=True)
class Sleepy:
    """Square after a while, the first items the longest."""

    step: float

    def __call__(self, x):
        time.sleep(self.step * (5 - x))
        return x * x


class Inline:
    """The least that an executor can be: `submit`, nothing else."""

    def __init__(self, interrupt_at=None):
        self.calls, self.interrupt_at = [], interrupt_at

    def submit(self, function, item):
        future = Future()
        if len(self.calls) == self.interrupt_at:
            raise KeyboardInterrupt
        self.calls.append(item)
        try:
            future.set_result(function(item))
        except ValueError as error:
            future.set_exception(error)
        return future


@pytest.mark.parametrize("executor", [None, "threads", "inline"])
def test_results_stand_in_the_order_of_the_items(executor):
    made = {None: None, "threads": ThreadPoolExecutor(3), "inline": Inline()}[executor]
    done = run(Sleepy(0.01), [0, 1, 2, 3, 4], executor=made, progress=False)
    assert list(done.results.items()) == [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]
    assert done.complete
    assert done.failed == {}
    assert done.items == (0, 1, 2, 3, 4)


def test_items_run_at_once_in_this_process(monkeypatch):
    monkeypatch.setattr(many_fits, "processors", lambda: 2)
    both = threading.Barrier(2, timeout=20)  # passes only when two wait at once
    done = run(lambda _: both.wait() in (0, 1), [0, 1], progress=False)
    assert dict(done.results) == {0: True, 1: True}


def test_a_failing_item_is_reported_and_the_others_are_kept():
    with pytest.warns(FailedRunsWarning, match=r"1 of 3 folds failed .* \(fold -2\) with ValueError: -2 is below"):
        done = run(square, [1, -2, 3], progress=False, title="folds", label=lambda x: f"fold {x}")
    assert dict(done.results) == {0: 1, 2: 9}
    assert dict(done.failed) == {1: "ValueError: -2 is below zero"}
    assert not done.complete


def test_when_all_fail_the_first_error_is_raised():
    with pytest.raises(EvaluationError, match=r"all 2 fits failed, the first \(-1\) with ValueError") as caught:
        run(square, [-1, -2], progress=False)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(("items", "executor", "text"), [([], None, "no fits to run"), ([1], 4, "int without")])
def test_what_cannot_be_run_is_refused(items, executor, text):
    with pytest.raises(SettingError, match=text):
        run(square, items, executor=executor, progress=False)


# ---------------------------------------------------------------------------------------------- interruption
def test_an_interruption_keeps_what_is_done():
    with pytest.warns(InterruptedWarning, match="interrupted: 2 of 5 fits are done"):
        done = run(square, [1, 2, 3, 4, 5], executor=Inline(interrupt_at=2), progress=False)
    assert dict(done.results) == {0: 1, 1: 4}
    assert not done.complete
    assert done.failed == {}


def test_a_pool_that_takes_no_more_costs_only_what_it_did_not_take():
    class Dies(Inline):
        def submit(self, function, item):
            if len(self.calls) == 2:
                raise RuntimeError("cannot schedule new futures after shutdown")
            return super().submit(function, item)

    with pytest.warns(FailedRunsWarning, match="1 of 3 fits failed.*after shutdown"):
        done = run(square, [1, 2, 3], executor=Dies(), progress=False)
    assert dict(done.results) == {0: 1, 1: 4}


@pytest.fixture
def listening():
    """Ctrl-C is heard, though whoever started the tests may have had it ignored, as a shell does in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_control_c_while_waiting_for_threads(monkeypatch, listening):
    monkeypatch.setattr(many_fits, "processors", lambda: 2)
    first, go = threading.Event(), threading.Event()

    def task(x):
        if x == 0:
            first.set()
            return x
        if x == 1:
            first.wait(20)
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGINT)  # heard by the main thread, as from the keyboard
        go.wait(20)
        return x

    with pytest.warns(InterruptedWarning, match="1 of 6 fits are done"):
        done = run(task, range(6), progress=False)
    go.set()
    assert dict(done.results) == {0: 0}
    assert not done.complete


def test_an_interruption_of_a_single_worker_keeps_what_is_done(monkeypatch):
    monkeypatch.setattr(many_fits, "processors", lambda: 1)

    def task(x):
        if x == 3:
            raise KeyboardInterrupt
        return x

    with pytest.warns(InterruptedWarning, match="2 of 4"):
        done = run(task, [1, 2, 3, 4], progress=False)
    assert dict(done.results) == {0: 1, 1: 2}


def test_an_interruption_cancels_what_has_not_begun(monkeypatch):
    monkeypatch.setattr(many_fits, "processors", lambda: 2)
    begun, go = [], threading.Event()

    def task(x):
        begun.append(x)
        if x == 0:
            return x
        if x == 1:
            raise KeyboardInterrupt  # as a worker does that hears of Ctrl-C
        go.wait(20)
        return x

    with pytest.warns(InterruptedWarning):
        done = run(task, list(range(50)), progress=False)
    go.set()
    assert done.results[0] == 0
    assert len(begun) < 10
    assert not done.complete


# ------------------------------------------------------------------------------------------------- executors
def test_worker_processes_give_the_same():
    # A function of the standard library: the workers need not import this package.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        done = run(math.isqrt, [1, 9, 16], executor=pool, progress=False)
        with pytest.warns(FailedRunsWarning, match=r"1 of 2 fits failed .* \(-1\) with ValueError"):
            half = run(math.isqrt, [-1, 4], executor=pool, progress=False)
    assert dict(done.results) == {0: 1, 1: 3, 2: 4}
    assert dict(half.results) == {1: 2}


def test_the_bar_goes_to_stderr_and_can_be_left_out(capsys):
    run(square, [1, 2], progress=True, title="folds")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "folds" in shown.err
    assert "2/2" in shown.err
    run(square, [1, 2], progress=False)
    assert capsys.readouterr() == ("", "")


def test_seeds_differ_and_do_not_depend_on_their_number():
    assert seeds(1, 3) == seeds(1, 20)[:3]
    assert len(set(seeds(1, 200) + seeds(2, 200))) == 400
    assert all(0 <= s < 2**31 for s in seeds(1, 200))


# -------------------------------------------------------------------------------------------------- warnings
def test_each_thread_hears_its_own_warnings(recwarn):
    before = list(warnings.filters), warnings.showwarning
    both = threading.Barrier(2, timeout=20)

    def task(name):
        with many_fits._listening() as heard:
            both.wait()
            for i in range(50):
                give(ConvergenceWarning(f"{name}{i}"))
            both.wait()
        return [str(w) for w in heard]

    with ThreadPoolExecutor(2) as pool:
        a, b = pool.map(task, "ab")
    assert a == [f"a{i}" for i in range(50)]
    assert b == [f"b{i}" for i in range(50)]
    assert len(recwarn) == 0
    assert (list(warnings.filters), warnings.showwarning) == before


def test_filters_that_a_library_changes_meanwhile_do_not_matter():
    with many_fits._listening() as heard, warnings.catch_warnings():
        warnings.simplefilter("error")
        give(ConvergenceWarning("one"))
        warnings.simplefilter("ignore")
        give(ConvergenceWarning("two"))
    assert [str(w) for w in heard] == ["one", "two"]
    with pytest.warns(ConvergenceWarning, match="three"):
        give(ConvergenceWarning("three"))


def test_other_warnings_are_not_swallowed():
    with pytest.warns(DeprecationWarning, match="old"), many_fits._listening() as heard:
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert heard == []


def test_listening_within_listening():
    with many_fits._listening() as outer:
        with many_fits._listening() as inner:
            give(BayesMMMWarning("one"))
        give(BayesMMMWarning("two"))
    assert [str(w) for w in inner] == ["one"]
    assert [str(w) for w in outer] == ["two"]


# ----------------------------------------------------------------------------------------------- real fits
def test_fits_side_by_side_are_those_one_after_the_other(mediated, monkeypatch, recwarn):
    monkeypatch.setattr(many_fits, "processors", lambda: 2)
    lengths = {60: 11, 40: 12}

    def task(periods):
        found = fit_quietly(mediated, worlds.data(periods), seed=lengths[periods], draws=50, tune=100, chains=1)
        return found.fit.posterior["sales.contribution"].values, [type(w) for w in found.notices]

    done = run(task, list(lengths), progress=False)
    for i, periods in enumerate(lengths):
        draws, notices = task(periods)
        np.testing.assert_array_equal(done.results[i][0], draws)
        assert done.results[i][1] == notices
        assert ConvergenceWarning in notices
    assert len(recwarn) == 0
