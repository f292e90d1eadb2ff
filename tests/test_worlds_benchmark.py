"""The benchmark over worlds: its regressions on cases with a known answer, its definitions on made-up results."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesmmm.baselines.designs import carried_over

FOLDER = Path(__file__).parents[1] / "benchmarks"
TRUTH = {"tv": 2.0, "social": 1.0, "display": 0.5}


@pytest.fixture
def benchmark(monkeypatch):
    """Modules of the benchmark, which import each other by name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import child_recovery_cases
    import child_recovery_regressions
    import recovery_report

    return child_recovery_cases, child_recovery_regressions, recovery_report


# ------------------------------------------------------------------------------------------------------ regressions
def case_of(cases, *, sigma, seed=0, weeks=400):
    """Linear equations with carry-over of a week's half-life: total ROI = direct + 3 x what search gets."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"date": pd.date_range("2020-01-05", periods=weeks, freq="7D")})
    carried = {}
    for name in TRUTH:
        frame[name] = rng.gamma(2.0, 50.0, weeks) * (rng.random(weeks) < 0.6)
        carried[name] = carried_over(frame[name].to_numpy(), 0.5)
    frame["price"], frame["trend"] = rng.normal(10.0, 1.0, weeks), np.linspace(0.0, 1.0, weeks)
    search = 50.0 + 0.3 * carried["tv"] + 0.1 * carried["social"] + 10.0 * rng.standard_normal(weeks)
    direct = sum(TRUTH[name] * carried[name] for name in TRUTH)
    frame["search"] = search
    frame["sales"] = 900.0 + direct + 3.0 * search - 5.0 * frame["price"] + sigma * rng.standard_normal(weeks)
    counted = {name: carried[name].sum() / frame[name].sum() for name in TRUTH}
    indirect = {"tv": 0.9, "social": 0.3, "display": 0.0}
    truth = {
        "roi": {name: counted[name] * (TRUTH[name] + indirect[name]) for name in TRUTH},
        "roi_indirect": {name: counted[name] * indirect[name] for name in TRUTH},
    }
    return cases.Case("made up", 1, frame, False, truth)


def test_least_squares_cover_the_truth_of_a_linear_world(benchmark):
    cases, regressions, _ = benchmark
    hits = {name: [] for name in cases.QUANTITIES}
    for seed in range(60):
        case = case_of(cases, sigma=20.0, seed=seed, weeks=120)
        found = regressions.least_squares(case)
        for name, hit in hits.items():
            hit += [found[name][c][0] <= case.truth[name][c] <= found[name][c][2] for c in TRUTH]
    # Sobel's interval is known to be wide where an effect is close to zero, as that of display is.
    assert 0.84 < np.mean(hits["roi"]) < 0.96
    assert 0.84 < np.mean(hits["roi_indirect"]) <= 1.0


def test_two_stage_ridge_finds_what_the_plugged_in_mediator_leaves_identified(benchmark, monkeypatch):
    """The total effect is close; its split is not: the fitted mediator is a sum of the other regressors."""
    cases, regressions, _ = benchmark
    monkeypatch.setattr(regressions, "REPLICATES", 40)
    case = case_of(cases, sigma=20.0)
    found = regressions.two_stage(case)
    for channel in ("tv", "social"):
        assert found["roi"][channel][1] == pytest.approx(case.truth["roi"][channel], rel=0.2)
    wrong = [abs(found["roi_indirect"][c][1] / case.truth["roi_indirect"][c] - 1.0) for c in ("tv", "social")]
    assert max(wrong) > 0.25


# ----------------------------------------------------------------------------------------------------- the report
def result_of(*, alarms):
    """Two worlds, four seeds, one method; `alarms`: world -> checks raised by seed."""
    truth = {"roi": {"tv": 2.0, "social": 1.0}, "roi_indirect": {"tv": 1.0, "social": 0.5}}
    found, rows = [], []
    for world, factor in (("clean", 1.1), ("bad", 1.5)):
        for seed in range(1, 5):
            found.append({"world": world, "seed": seed, "season": True, "broken": f"{world}.", "truth": truth})
            estimates = {
                name: {c: [0.9 * v * factor, v * factor, 1.2 * v * factor] for c, v in values.items()}
                for name, values in truth.items()
            }
            row = {"method": "bayesmmm", "world": world, "seed": seed, "seconds": 1.0, "max_rhat": 1.0}
            rows.append(row | estimates | {"divergences": 0})
            checks = [["fit", name, "warn"] for name in alarms[world][seed - 1]]
            sampler = [["sampler", "rhat", "fail"]]
            rows.append(
                {"method": "alarms", "world": world, "seed": seed, "audit": [], "diagnose": checks + sampler}
            )
    machine = {"system": "Linux", "cores": 2}
    return {"machine": machine, "seeds": 4, "probability": 0.9, "cases": found, "rows": rows}


QUIET = [[], [], [], []]


def test_scores_are_medians_and_shares(benchmark):
    *_, report = benchmark
    scores = report.scores(result_of(alarms={"clean": QUIET, "bad": QUIET}), "roi")
    assert scores["clean", "bayesmmm"] == report.Score(pytest.approx(0.1), pytest.approx(0.1), 1.0, 8)
    assert scores["bad", "bayesmmm"] == report.Score(pytest.approx(0.5), pytest.approx(0.5), 0.0, 8)
    assert not scores["clean", "bayesmmm"].material
    assert scores["bad", "bayesmmm"].material
    assert str(scores["bad", "bayesmmm"]) == "**0.50 · +0.50 · 0 %**"
    assert not report.Score(0.25, -0.25, 0.7, 8).material
    assert report.Score(0.1, 0.1, 0.69, 8).material


@pytest.mark.parametrize(
    ("clean", "bad", "expected"),
    [
        (QUIET, QUIET, {}),
        (QUIET, [["a"], ["a"], [], []], {"diagnose a": 0.5}),
        (QUIET, [["a"], [], [], []], {}),
        ([["a"], ["a"], [], []], [["a"]] * 4, {}),  # raised as readily in the clean world: no warning
        ([["a"], [], [], []], [["a", "b"]] * 4, {"diagnose a": 1.0, "diagnose b": 1.0}),
    ],
)
def test_a_check_warns_when_it_is_raised_often_and_less_often_in_the_clean_world(benchmark, clean, bad, expected):
    *_, report = benchmark
    result = result_of(alarms={"clean": clean, "bad": bad})
    assert report.warnings_of(result, "bad") == expected
    silent = "In 1 of the 1 worlds with a material error no check warns" in report.written(result)
    assert silent == (not expected)


def test_the_page_says_openly_where_nobody_warns(benchmark):
    *_, report = benchmark
    page = report.written(result_of(alarms={"clean": QUIET, "bad": QUIET}))
    assert "- `bad`: total ROI: **0.50 · +0.50 · 0 %**; indirect ROI: **0.50 · +0.50 · 0 %**" in page
    assert "| `bad` | total ROI, indirect ROI | - | 4 of 4 | **no check warns** |" in page
    assert "| `clean` | - | - | 4 of 4 | nothing is broken |" in page
    assert "In the clean world no check is raised in any seed." in page
    warned = report.written(result_of(alarms={"clean": QUIET, "bad": [["a"]] * 4}))
    assert "In no world is an error material without a check that warns." in warned
    assert "| `bad` | total ROI, indirect ROI | diagnose a (100 %) | 4 of 4 | warned |" in warned


def test_methods_on_fewer_data_sets_are_compared_on_those_that_all_share(benchmark):
    *_, report = benchmark
    result = result_of(alarms={"clean": QUIET, "bad": QUIET})
    assert report.shared(result, "roi") is None
    assert "that every method has" not in report.written(result)
    slow = [{**row, "method": "slow"} for row in result["rows"] if row["method"] == "bayesmmm" and row["seed"] < 3]
    result["rows"] += slow
    page = report.written(result)
    assert "| world | bayesmmm | slow (2 seeds) |" in page
    assert "### The same on the 2 seeds that every method has\n| world | bayesmmm | slow |" in page
    assert "| worlds with a material error | 1 | 1 |" in page
    assert report.scores(report.shared(result, "roi"), "roi")["bad", "bayesmmm"].count == 4


def test_lines_that_are_there_are_not_made_again(benchmark, tmp_path):
    cases, _, _ = benchmark
    folder = tmp_path / "cases"
    folder.mkdir()
    case = case_of(cases, sigma=20.0, weeks=60)
    for seed in (1, 2):
        case.frame.to_csv(folder / f"clean-{seed}.csv", index=False)
        record = {"world": "clean", "seed": seed, "season": False, "broken": "", "truth": case.truth}
        (folder / f"clean-{seed}.json").write_text(json.dumps(record), encoding="utf-8")
    asked = []

    def estimate(case):
        asked.append(case.seed)
        return {"roi": {}}

    given = type("Given", (), {"cases": folder, "out": tmp_path / "out.jsonl"})
    cases.run(given, "method", estimate)
    cases.run(given, "method", estimate)
    cases.run(given, "other", estimate)
    assert asked == [1, 2, 1, 2]
    assert len(given.out.read_text().splitlines()) == 4
