"""Environments and processes of the benchmarks: what is installed beside what, and how a child is run."""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = {  # package: (what is installed, what is imported once before any clock runs)
    "bayesmmm": ([f"{HERE.parent}[baselines]"], "import bayesmmm, nutpie; bayesmmm.fit"),
    "pymc-marketing": (["pymc-marketing==1.3.*", "nutpie"], "import nutpie, pymc_marketing.mmm"),
    "google-meridian": (
        ["google-meridian[jax]==2.1.*"],
        "import jax, meridian.model.model, meridian.data.data_frame_input_data_builder",
    ),
    "pathmc": (["pathmc==0.4.0"], "import pathmc"),
    "mmm-framework": (["mmm-framework==1.5.0"], "import mmm_framework.mmm_extensions"),
    "prophetverse": (["prophetverse==0.12.0"], "import prophetverse"),
    "arviz-stats": (["arviz-stats[xarray]==1.3.3"], "import arviz_stats"),
    "causal-marketing": (["causal-marketing==0.1.0"], "import causal_marketing"),
    "murray-geo": (["murray-geo==1.1.0"], "import Murray"),
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


def load() -> dict:
    """How busy the machine is, where the system tells."""
    return {"load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def report(command: list[str], environment: dict[str, str], *, timeout: float | None = None) -> dict:
    """Run a child and return its last line, read as JSON, with the load of the machine before it started."""
    before = load()
    return json.loads(run(command, environment, timeout=timeout).splitlines()[-1]) | before


def machine() -> dict:
    """What the figures were measured on, without the name of the host."""
    processor = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = models[0] if models else processor
    system = f"{platform.system()} {platform.machine()}"
    return {"system": system, "processor": processor, "cores": os.cpu_count(), "python": platform.python_version()}


# Settings of the shell that would change what one side does.
_OWN = ("PYTHON", "VIRTUAL_ENV", "PYTENSOR", "NUMBA", "JAX", "XLA", "MERIDIAN", "OMP", "MKL", "OPENBLAS", "TF_")


def caches(folder: Path) -> dict[str, str]:
    """The environment of this process, without settings of the packages, with every compilation cache in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OWN)}
    return kept | {
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "MPLBACKEND": "Agg",
    }


def environment(package: str, work: Path) -> Path:
    """Python of the package's environment, made where it does not exist; bayesmmm is built and installed anew.

    What a run needs is imported once, so that it is in the memory of the system before a clock runs.
    """
    what, imports = PACKAGES[package]
    home, plain = work / package / "env", caches(work / package / "prepare")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = home / "complete"  # an environment whose installation was broken off is made again
    if package == "bayesmmm" or not done.exists():
        print(f"preparing {package}", file=sys.stderr, flush=True)
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            run(["uv", "venv", "--quiet", "--python", sys.executable, str(home)], plain)
        install = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
        run([*install, "--reinstall-package", "bayesmmm", *what], plain)
    run([str(python), "-c", imports], plain)
    done.touch()
    return python


def write_rows(
    parts: list[str],
    options: argparse.Namespace,
    measured: Callable[[str, argparse.Namespace], dict],
    page: Callable[[dict], str],
) -> None:
    """Measure the parts that are asked for in place of earlier rows; write all rows and the page after each."""
    options.work = options.work.resolve()
    result = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    for part in options.only:
        result[part] = measured(part, options)
        print(f"{part}: {result[part].get('missing', 'done')}", file=sys.stderr, flush=True)
        ordered = {name: result[name] for name in parts if name in result}
        options.out.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        options.report.write_text(page(result), encoding="utf-8")
    options.report.write_text(page(result), encoding="utf-8")
