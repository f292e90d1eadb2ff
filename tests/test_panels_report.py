"""The page of the benchmark of panels: slopes, rates over half the processor time, missing runs, truths held."""

import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[1] / "benchmarks" / "panels_report.py"
_SPEC = importlib.util.spec_from_file_location("panels_report", _PATH)
panels_report = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(panels_report)

MACHINE = {"processor": "P", "cores": 2, "system": "S", "python": "3.12"}


def fitted(**more):
    figures = {"max_rhat": 1.002, "divergences": 0, "min_ess": 900.0, "min_ess_of": "tau", "roi_ess": 1800.0}
    figures |= {"steps_per_draw": 15.0, "fit_s": 40.0, "fit_cpu_s": 20.0, "peak_mb": 500.0, "load_average": 1.0}
    roi = {"tv": [1.0, 2.0, 3.0], "social": [4.0, 5.0, 6.0]}
    return {"draws": 1000, "tune": 1000, **figures, "roi": roi, "truth": {"tv": 2.5, "social": 7.0}, **more}


def test_slope_is_the_power_of_rows_that_seconds_grow_with():
    rows = [{"geos": g, "periods": 100, "seconds": 3.0 * g**1.5} for g in (10, 40, 160)]
    assert panels_report.slope(rows) == pytest.approx(1.5)


def test_rates_are_over_half_the_processor_seconds_and_truths_are_counted():
    page = panels_report.written({"growing_business": fitted()}, MACHINE)
    row = next(line for line in page.splitlines() if line.startswith("| growing_business | bayesmmm |"))
    assert "| 90 | 180 |" in row  # 900 and 1800 over 10 s
    # One of two truths is inside; medians 2 and 5 miss 2.5 and 7 by 20 and 29 %.
    assert "bayesmmm: 1 of 2 intervals hold the truth, median error 24%" in page


def test_a_run_that_is_missing_says_why_and_shorter_runs_say_so():
    result = {"growing_business": fitted(draws=300), "growing_business, Other": {"missing": "could not be run"}}
    page = panels_report.written(result, MACHINE)
    assert "| growing_business | Other | could not be run |" in page
    assert "bayesmmm, 300 draws after 1000" in page
