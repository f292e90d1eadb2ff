"""What every test can ask for. Nothing heavy is imported here."""

import gc
import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
# A machine may forbid Python to keep bytecode, as in an image that is built. Then every process of a run, the workers
# and all that the tests start, compiles PyMC and these tests anew: 15 seconds each for a worker.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

EXTERNAL = "BAYESMMM_EXTERNAL_DATA"


#: Files that take longest, which are given out first so that both workers end at about the same time.
LONGEST = (
    *(
        "notebooks",
        "notebook_cases",
        "cli",
        "cli_panel",
        "faults_runs",
        "results",
        "kernels_cache",
        "faults_files",
        "plots_titles",
        "report",
    ),
    *("cli_optimize", "report_words", "inference_sampling", "plots_sources", "estimands_reference", "readme"),
    *("inference_model", "inference_density", "plots", "diagnose", "worlds", "optimize_chunks", "faults_names"),
)


def pytest_collection_modifyitems(items):
    order = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    assert all((Path(__file__).parent / name).is_file() for name in order), "a file was renamed"
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_collection_finish():
    """Spare the collector thousands of tests and the libraries, which stay to the end: a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture
def external_data():
    """Function from a file name to its path in the external folder; skips, saying why, without it."""

    def find(name: str) -> Path:
        folder = os.environ.get(EXTERNAL)
        if not folder:
            pytest.skip(f"{name} is not shipped: set {EXTERNAL} to the folder that holds it")
        path = Path(folder) / name
        if not path.is_file():
            pytest.skip(f"{name} is not in {folder}: set {EXTERNAL} to the folder that holds it")
        return path

    return find


@pytest.fixture(scope="session")
def mediated():
    """The small mediated system of `tests.worlds`."""
    from tests import worlds

    return worlds.system("normal", "censored_normal")


@pytest.fixture(scope="session")
def fitted(mediated):
    """Its fit with default settings. Read it, do not change it."""
    from bayesmmm.inference import fit
    from tests import worlds
    from tests.fits import quiet

    return quiet(fit, mediated, worlds.data(), seed=3, progress=False)


@pytest.fixture
def no_drawing(monkeypatch):
    """Write an empty drawing for every figure of a report: drawing takes most of the time."""
    from bayesmmm.report import figures, writing

    def save(found, folder, tell):
        for figure in found:
            for suffix in figures.SUFFIXES:
                (folder / f"{figure.name}{suffix}").write_text("<svg/>", encoding="utf-8")
        return found

    monkeypatch.setattr(writing, "save_figures", save)
