"""The page of the speed benchmark: ratios the right way round, within pairs; slopes; runs that are missing."""

import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[1] / "benchmarks" / "speed_report.py"
_SPEC = importlib.util.spec_from_file_location("speed_report", _PATH)
speed_report = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(speed_report)

THEIRS = "Other"


def run(side, repeat=0, state="warm", *, seconds, ess, rhat=1.001):
    figures = {key: seconds for key, less in speed_report.RATIOS.values() if less}
    figures |= {key: ess / seconds for key, less in speed_report.RATIOS.values() if not less}
    base = {"case": "mmm_example", "side": side, "repeat": repeat, "state": state, "max_rhat": rhat}
    return base | figures | {"min_ess": ess, "versions": {"python": "3.12"}}


def sized(periods=1000, channels=5, draws=1000, side=speed_report.OURS, **more):
    return {"side": side, "periods": periods, "channels": channels, "draws": draws, **more}


def pairs(rows, key, less):
    return speed_report.in_pairs(rows, "mmm_example", THEIRS, "warm", key, less)


def test_half_the_seconds_and_twice_the_draws_are_two_times_and_four_times_better():
    rows = [run(speed_report.OURS, seconds=1.0, ess=100.0), run(THEIRS, seconds=2.0, ess=50.0)]
    assert pairs(rows, "fit_s", True) == [2.0]
    assert pairs(rows, "ess_per_fit_s", False) == [4.0]
    page = speed_report.headline(rows)
    assert "| fit call | 2.00 [2.00, 2.00] |" in page
    assert "| ESS per second of the fit call | 4.00 [4.00, 4.00] |" in page


def test_runs_are_compared_within_their_repeat_and_state_only():
    rows = [
        run(speed_report.OURS, 0, seconds=1.0, ess=1.0),
        run(speed_report.OURS, 1, seconds=10.0, ess=1.0),
        run(speed_report.OURS, 2, "cold", seconds=1.0, ess=1.0),
        run(THEIRS, 1, seconds=30.0, ess=1.0),
        run(THEIRS, 0, seconds=2.0, ess=1.0),
        run(THEIRS, 2, seconds=7.0, ess=1.0),
    ]
    assert pairs(rows, "fit_s", True) == [2.0, 3.0]


def test_no_ratio_of_a_fit_call_where_its_kernels_were_compiled_before_it():
    rows = [run(side, state="cold", seconds=1.0, ess=1.0) for side in (speed_report.OURS, THEIRS)]
    cold = speed_report.headline(rows).partition("| warm")[0]
    assert "| start of the process to posterior |" in cold
    assert "| fit call |" not in cold
    assert "| sampling alone |" not in cold


def test_the_largest_r_hat_stands_beside_the_ratios():
    rows = [
        run(speed_report.OURS, 0, seconds=1.0, ess=1.0, rhat=1.004),
        run(THEIRS, 0, seconds=1.0, ess=1.0, rhat=1.02),
        run(THEIRS, 1, seconds=1.0, ess=1.0, rhat=1.2),
    ]
    assert "| largest R-hat: bayesmmm / the other | 1.004 / 1.200 |" in speed_report.headline(rows)


def test_seconds_that_grow_linearly_have_slope_one_from_the_first_size_that_counts():
    rows = [sized(periods, gradient_s=1e-9 * periods) for periods in (1000, 3000, 10_000)]
    rows.append(sized(100, gradient_s=1.0))  # small sizes have costs of their own
    points, (_, slope) = speed_report.gradients(rows, "periods")
    assert slope == pytest.approx(1.0, abs=1e-12)
    assert set(points) == {100, 1000, 3000, 10_000}
    steep = [sized(channels=n, gradient_s=float(n) ** 2) for n in (2, 10, 50)]
    assert speed_report.gradients(steep, "channels")[1][1] == pytest.approx(2.0, abs=1e-12)


def test_a_run_that_was_not_done_says_so_in_the_table():
    page = speed_report.sweep([sized(side=THEIRS, missing="not done after 900 s")])
    assert "| 1,000 | 5 | 1,000 | Other | – | not done after 900 s | – |" in page
