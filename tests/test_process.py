"""BLAS is held to one thread while anybody needs it so, and is then as it was."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from threadpoolctl import threadpool_info

from bayesmmm.inference.process import one_blas_thread


def threads():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.fixture
def before():
    """Threads once all libraries are loaded: as many as there are processors."""
    with one_blas_thread():
        pass
    return threads()


def test_the_limit_ends_with_the_last_of_those_inside(before):
    # Begin together, and end one after the other, the first to come first.
    inside, left = Barrier(2, timeout=60), Barrier(2, timeout=60)

    def first():
        with one_blas_thread():
            inside.wait()
        left.wait()

    def last():
        with one_blas_thread():
            inside.wait()
            left.wait()
            return threads()

    with ThreadPoolExecutor(2) as pool:
        other = pool.submit(last)
        pool.submit(first).result()
        assert other.result() == {1}
    assert threads() == before


def test_the_limit_ends_with_an_error(before):
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        threads().remove(1 // 0)
    assert threads() == before
