"""Environments and processes of the benchmarks: what is installed beside what, and how a child is run."""

import os
import signal
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIDES = {  # package: (what is installed, child script of `speed.py`, what is imported once before any clock runs)
    "bayesmmm": ([str(HERE.parent)], "child_speed_bayesmmm.py", "import bayesmmm, nutpie; bayesmmm.fit"),
    "pymc-marketing": (
        ["pymc-marketing==1.3.*", "nutpie"],
        "child_speed_pymc_marketing.py",
        "import nutpie, pymc_marketing.mmm",
    ),
    "google-meridian": (
        ["google-meridian[jax]==2.1.*"],
        "child_speed_meridian.py",
        "import jax, meridian.model.model, meridian.data.data_frame_input_data_builder",
    ),
}


def run(command: list[str], environment: dict[str, str], *, timeout: float | None = None) -> str:
    """Run a command and return what it printed; on failure stop with the end of its error output.

    Raises
    ------
    subprocess.TimeoutExpired
        After `timeout` seconds; the command and what it started are ended.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    apart = os.name == "posix"  # a session of its own, so that workers can be ended with it
    with subprocess.Popen(command, env=environment, start_new_session=apart, **pipes) as child:
        try:
            printed, complaints = child.communicate(timeout=timeout)
        except BaseException:
            if apart:
                os.killpg(child.pid, signal.SIGKILL)
            else:
                child.kill()
            raise
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}\nfailed with code {child.returncode}:\n{complaints[-4000:]}")
    return printed


def caches(folder: Path) -> dict[str, str]:
    """The environment of this process with every compilation cache inside `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | {
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "MPLBACKEND": "Agg",
    }
