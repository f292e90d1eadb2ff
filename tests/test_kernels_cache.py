"""Kernels kept on disk: never older than the source of any of them."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from bayesmmm import kernels
from bayesmmm.kernels import posterior
from bayesmmm.kernels.compile import SOURCE

_ASK = """
import numpy as np
from bayesmmm.kernels.likelihood import NORMAL, explicit
found = explicit(NORMAL, np.ones(4), np.zeros(4), np.ones((1, 4)), np.zeros(1), 1.0, 1.0)[2][0]
print(found, *explicit.stats.cache_hits.values())
"""


def _process(folder: Path) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    command = [sys.executable, "-c", _ASK]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def _ask(folder: Path) -> list[str]:
    done = _process(folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def copied(tmp_path):
    """A copy of the kernels in which nothing is compiled."""
    folder = Path(kernels.__file__).parent
    shutil.copytree(folder, tmp_path / "bayesmmm" / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bayesmmm" / "__init__.py").touch()
    shutil.copy(folder.parent / "errors.py", tmp_path / "bayesmmm")
    return tmp_path


def test_a_kernel_is_compiled_again_when_one_that_it_calls_changed_in_another_file(copied):
    assert _ask(copied) == ["4.0"]
    assert _ask(copied) == ["4.0", "1"]  # read from disk
    called = copied / "bayesmmm" / "kernels" / "compile.py"
    text = called.read_text()
    assert text.count("return (s0 + s1) + (s2 + s3)") == 1
    called.write_text(text.replace("return (s0 + s1) + (s2 + s3)", "return 10.0 * (s0 + s1 + s2 + s3)"))
    assert _ask(copied) == ["40.0"]


def test_a_damaged_file_is_thrown_away_and_made_again_with_a_word(copied):
    assert _ask(copied) == ["4.0"]
    kept = copied / "bayesmmm" / "kernels" / "__pycache__"
    rng = np.random.default_rng(0)
    for pattern, damage in (("*explicit*.nbi", "empty"), ("*explicit*.nbc", "bit")):
        (file,) = kept.glob(pattern)
        content = bytearray(file.read_bytes())
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        file.write_bytes({"bit": content, "empty": b""}[damage])
        asked = _process(copied)
        assert asked.stdout.split() == ["4.0"], asked.stderr
        assert asked.stderr.count("KernelCacheWarning") == 1
        assert f"compiled code in {file} is damaged; it was thrown away and is compiled again" in asked.stderr
        again = _process(copied)
        assert (again.stdout.split(), again.stderr) == (["4.0", "1"], "")


def test_a_kernel_that_cannot_be_kept_is_used_all_the_same(copied):
    _ask(copied)
    kept = copied / "bayesmmm" / "kernels" / "__pycache__"
    (index,) = kept.glob("*explicit*.nbi")
    index.unlink()
    index.mkdir()
    asked = _process(copied)
    assert asked.stdout.split() == ["4.0"], asked.stderr
    assert "cannot be kept on disk" in asked.stderr


def test_functions_of_others_are_kept_as_numba_keeps_them(tmp_path):
    lines = [
        "import numba as nb",
        "import bayesmmm.kernels",
        "one = nb.njit(cache=True)(lambda x: x + 1)",
        "one(1)",
    ]
    (tmp_path / "other.py").write_text("\n".join(lines))
    subprocess.run([sys.executable, "other.py"], cwd=tmp_path, capture_output=True, check=True)
    assert len(list((tmp_path / "__pycache__").glob("other.lambda-*.nbi"))) == 1
    assert not list((tmp_path / "__pycache__").glob("*.checked.*"))


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
