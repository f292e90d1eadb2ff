"""Kernels kept on disk: never older than the source of any of them."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from bayesmmm import kernels
from bayesmmm.kernels import posterior
from bayesmmm.kernels.compile import SOURCE

_ASK = """
import numpy as np
from bayesmmm.kernels.likelihood import _back
found = _back(np.ones(4), np.ones((1, 4)))[0]
print(found, *_back.stats.cache_hits.values())
"""


def _ask(folder: Path) -> list[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    command = [sys.executable, "-c", _ASK]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_kernel_is_compiled_again_when_one_that_it_calls_changed_in_another_file(tmp_path):
    shutil.copytree(
        Path(kernels.__file__).parent,
        tmp_path / "bayesmmm" / "kernels",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (tmp_path / "bayesmmm" / "__init__.py").touch()
    assert _ask(tmp_path) == ["4.0"]
    assert _ask(tmp_path) == ["4.0", "1"]  # read from disk
    called = tmp_path / "bayesmmm" / "kernels" / "compile.py"
    text = called.read_text()
    assert text.count("return (s0 + s1) + (s2 + s3)") == 1
    called.write_text(text.replace("return (s0 + s1) + (s2 + s3)", "return 10.0 * (s0 + s1 + s2 + s3)"))
    assert _ask(tmp_path) == ["40.0"]


def test_functions_for_other_languages_carry_the_stamp_too():
    for function in (posterior.log_posterior, posterior.log_posterior_address, posterior.constrained_address):
        assert function._cache._impl.locator.get_source_stamp() == SOURCE


def test_kernels_work_where_no_folder_can_be_written_to():
    code = """
        import numba as nb
        import numpy as np
        from numba.core.caching import CacheImpl
        CacheImpl._locator_classes.clear()
        from bayesmmm.kernels.compile import NUMBA_OPTIONS, inner_product
        double, doubles = nb.types.double, nb.types.CPointer(nb.types.double)

        @nb.cfunc(double(nb.types.uint64, doubles, doubles), **NUMBA_OPTIONS)
        def dot_address(n, a, b):
            return inner_product(nb.carray(a, (n,)), nb.carray(b, (n,)))

        a, b = np.ones(5), np.arange(5.0)
        pointer = dot_address.ctypes.argtypes[1]
        there = dot_address.ctypes(5, a.ctypes.data_as(pointer), b.ctypes.data_as(pointer))
        print(NUMBA_OPTIONS["cache"], inner_product(a, b), there)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "10.0", "10.0"]
