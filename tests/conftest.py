"""What every test can ask for. Nothing heavy is imported here."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

EXTERNAL = "BAYESMMM_EXTERNAL_DATA"


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
def compiled():
    """The small mediated system of `tests.worlds`, compiled once for all tests."""
    from bayesmmm.sampling import compile_model
    from tests import worlds

    return compile_model(worlds.system("normal", "censored_normal"), worlds.data())


@pytest.fixture(scope="session")
def fitted(compiled):
    """Its fit with default settings. Read it, do not change it."""
    from bayesmmm.sampling import fit
    from tests import worlds
    from tests.fits import quiet

    return quiet(fit, compiled.system, worlds.data(), seed=3, progress=False, compiled=compiled)


@pytest.fixture
def no_drawing(monkeypatch):
    """Write an empty drawing for every figure of a report: drawing takes most of the time."""
    from bayesmmm.report import figures, writing

    def save(found, folder):
        for figure in found:
            for suffix in figures.SUFFIXES:
                (folder / f"{figure.name}{suffix}").write_text("<svg/>", encoding="utf-8")

    monkeypatch.setattr(writing, "save_figures", save)
