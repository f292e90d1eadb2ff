"""A second process that calls functions: the same results, the same errors, and nothing that stays behind."""

import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

from bayesmmm import processes
from bayesmmm.processes import helper


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(processes, "processors", lambda: 2)


def test_calls_run_in_another_process_which_ends_with_the_block(two):
    with helper("json") as found:
        pid = found.submit(os.getpid)
        waiting = [found.submit(divmod, n, 3) for n in range(20)]
        assert pid() != os.getpid()
        assert [each() for each in waiting] == [divmod(n, 3) for n in range(20)]
    assert not is_alive(pid())


def test_on_one_processor_calls_run_here(monkeypatch):
    monkeypatch.setattr(processes, "processors", lambda: 1)
    with helper("json") as found:
        assert found.submit(os.getpid)() == os.getpid()


def test_a_call_that_fails_raises_its_own_error_and_the_next_one_is_answered(two):
    with helper() as found:
        bad, good = found.submit(int, "three"), found.submit(int, "3")
        with pytest.raises(ValueError, match="invalid literal for int"):
            bad()
        assert good() == 3


def test_what_is_warned_of_there_is_warned_of_here(two):
    with helper() as found, pytest.warns(UserWarning, match="odd"):
        assert found.submit(warnings.warn, "odd")() is None


def test_what_has_no_pickle_is_called_here(two):
    with helper() as found:
        assert found.submit(lambda: os.getpid())() == os.getpid()
        assert found.submit(os.getpid)() != os.getpid()


def test_what_a_call_prints_does_not_come_between_results(two):
    with helper() as found:
        assert found.submit(print, "x" * 1000)() is None
        assert found.submit(abs, -1)() == 1


@pytest.mark.parametrize("modules", [(), ("no_such_module",)])
def test_a_child_that_is_gone_is_replaced_by_this_process(modules, two):
    with helper(*modules) as found:
        pid = found.submit(os.getpid)()
        assert (pid == os.getpid()) == bool(modules)
        if not modules:
            os.kill(pid, signal.SIGTERM)
        assert found.submit(divmod, 7, 3)() == (2, 1)


def test_a_block_that_is_left_in_the_middle_of_a_long_call_ends_it(two):
    start, known = time.monotonic(), []

    def interrupted():
        with helper() as found:
            known.append(found.submit(os.getpid)())
            found.submit(time.sleep, 600)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - start < 60.0
    assert not is_alive(*known)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no signal that kills at once")
def test_a_process_that_is_killed_leaves_no_child_behind():
    code = """
import os, signal
from bayesmmm import processes
processes.processors = lambda: 2
with processes.helper() as found:
    print(found.submit(os.getpid)(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    pid, start = int(done.stdout), time.monotonic()
    while is_alive(pid) and time.monotonic() - start < 60.0:
        time.sleep(0.05)
    assert not is_alive(pid)
