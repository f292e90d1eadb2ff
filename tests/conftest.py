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
