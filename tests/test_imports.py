"""What an import costs: `import bayesmmm` must not pull in the sampler or the plotting library."""

import json
import subprocess
import sys

import pytest

HEAVY = ("pymc", "pytensor", "nutpie", "matplotlib")


def modules_after(statement: str) -> set[str]:
    """Top-level modules loaded by a fresh interpreter after `statement`."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_importing_the_package_loads_no_sampler_and_no_plots():
    loaded = modules_after("import bayesmmm")
    assert "bayesmmm" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("module", ["matplotlib"])
def test_the_probe_sees_a_heavy_import(module):
    assert module in modules_after(f"import {module}")
