"""Simulation-based calibration with real NUTS: 200 data sets, and faults that must be caught.

The settings are those of ``benchmarks/calibration.py``, which also draws the figures.
"""

import pytest

from bayesmmm.evaluate import calibrate
from benchmarks.calibration import cases


def found(case, simulations):
    system, source = cases()[case]
    out = calibrate(system, source, simulations=simulations, seed=1, progress=False)
    print(out)  # noqa: T201
    assert out.complete
    return out


@pytest.mark.slow
def test_no_parameter_return_or_likelihood_of_a_mediated_system_leaves_its_band():
    out = found("mediated", 200)
    assert out.verdict == "ok", str(out)
    assert out.simulations.sizes["quantity"] == 30
    assert int(out.simulations["refused"].sum()) == 0
    assert abs(out.table()["coverage90"].mean() - 0.9) < 0.015
    # The data teach something about every one of them: the test is none of the prior.
    assert out.table()["learnt"].min() > 0.2


@pytest.mark.slow
@pytest.mark.parametrize("case", ["chain", "correlated"])
def test_nor_those_of_other_likelihoods_edges_and_residuals(case):
    out = found(case, 100)
    assert out.verdict == "ok", str(out)
    assert int(out.simulations["refused"].sum()) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "caught"),
    [
        ("late", ["log_likelihood", "sales.half_life[tv]", "roi_indirect[social]"]),
        ("prior", ["sales.half_life[tv]", "search.half_life[social]"]),
        ("memory", ["log_likelihood"]),
        ("confound", ["sales.contribution[visits]", "roi_indirect[social]"]),
    ],
)
def test_a_fault_in_the_worlds_is_caught(case, caught):
    out = found(case, 100)
    assert out.verdict == "fail"
    table = out.table()
    assert (table.loc[caught, "verdict"] == "fail").all(), str(out)
