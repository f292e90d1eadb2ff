"""What is loaded and when: `import bayesmmm` pulls in no sampler and no plotting library, nutpie works without PyMC."""

import json
import subprocess
import sys

import pytest

HEAVY = ("pymc", "pytensor", "nutpie", "matplotlib")
_FIT = """
import warnings
warnings.simplefilter("ignore")
import bayesmmm as mm
world = mm.load_case("social_search")
mm.fit(world.system, world.data, sampler="nutpie", draws=10, tune=10, chains=1, seed=1, progress=False)
"""


def modules_after(statement: str) -> set[str]:
    """Top-level modules loaded by a fresh interpreter after `statement`."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_importing_the_package_loads_no_sampler_and_no_plots():
    loaded = modules_after("import bayesmmm")
    assert "bayesmmm" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_fit_by_nutpie_loads_neither_pymc_nor_pytensor():
    loaded = modules_after(_FIT)
    assert "nutpie" in loaded
    assert loaded.isdisjoint({"pymc", "pytensor"})


@pytest.mark.parametrize("module", ["matplotlib"])
def test_the_probe_sees_a_heavy_import(module):
    assert module in modules_after(f"import {module}")
