"""The benchmark of cases: its definitions on made-up rows, and the fit that knows the truth, which judges plans."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.data import next_dates
from bayesmmm.errors import SettingError
from bayesmmm.evaluate import true_fit
from tests.fits import quiet

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import cases_report

    return cases_report


def row(seed, *, model=(1.0, 2.2, 3.0), baseline=(3.0, 4.0, 5.0), brings=(103.0, 101.0), verdict="converged"):
    """A data set with one channel whose true return is 2; plans bring 100 as now."""
    return {
        "case": "made up",
        "seed": seed,
        "verdict": verdict,
        "channels": ["tv"],
        "truth": [2.0],
        "model": [list(model)],
        "baseline": [list(baseline)],
        "brings": {"now": 100.0, "model": brings[0], "baseline": brings[1]},
        "seconds": 1.0,
    }


def page(report, rows):
    settings = {"draws": 500, "tune": 500, "chains": 4}
    known = {"methods": {"made up": "a line", "not run": "a line"}, "probability": 0.9, "settings": settings}
    return report.written(known | {"days": 91, "change": 0.5, "rows": rows})


def test_scores_are_what_the_page_says(report):
    rows = [row(1), row(2, model=(2.1, 2.6, 3.0)), row(3, brings=(100.0, 101.0))]
    ours, theirs = report.scores(rows, "model"), report.scores(rows, "baseline")
    assert ours["coverage"] == pytest.approx(2 / 3)
    assert ours["error"] == pytest.approx(0.1)
    assert (theirs["coverage"], theirs["error"], theirs["count"]) == (0.0, 1.0, 3)
    found = report.plans(rows)
    assert (found["good"], found["of"]) == (2, 3)
    assert found["model"] == pytest.approx(0.02)
    text = page(report, rows)
    assert "| made up | 3 | 3 | 67% | 0% | 10% | 100% | tv, 10% |" in text
    assert "| made up | a line | 2 of 3 | +2.00% | +1.00% |" in text
    assert "not run" not in text


def test_fits_in_doubt_are_counted(report):
    text = "sampler verdict: doubtful (R-hat 1.012, allowed 1.01; effective sample size bulk 219, tail 376, asked 400)"
    rows = [row(1), *(row(seed, verdict="doubtful") | {"sampler": text} for seed in (2, 3))]
    said = "all the same: made up 2 of 3 (R-hat up to 1.012, effective sample size from 219)."
    assert said in page(report, rows)
    assert "all the same: made up 3 of 4." in page(report, [*rows, row(4, verdict="doubtful")])
    assert "in doubt" not in page(report, rows[:1])


def test_what_is_missed_is_said(report):
    good = [row(seed, model=(1.0, 2.2, 3.0) if seed else (2.1, 2.2, 3.0)) for seed in range(10)]
    assert "Nothing is missed." in page(report, good)
    bad = {"model": (4.5, 5.0, 6.0), "brings": (99.0, 101.0), "verdict": "failed"}
    text = page(report, [row(seed, **bad) for seed in range(10)])
    assert "- made up: 0% of the intervals of the model hold the truth" in text
    assert "- made up: the error of the model is 150%, of the baseline 100%" in text
    assert "- made up: the plan of the model is as good in 0 of 10 data sets" in text
    assert "- made up: the sampler failed in 10 of 10 data sets" in text


# ------------------------------------------------------------------------------------- the fit that knows the truth
@pytest.fixture(scope="module")
def known():
    """The case "tv" and a fit of it whose draws are not read."""
    world = mm.load_case("tv")
    fit = quiet(
        mm.fit, world.system, world.data, preview=True, draws=10, tune=10, chains=1, seed=1, progress=False
    )
    return world, fit


def test_a_fit_that_knows_the_truth_answers_with_it(known):
    world, fit = known
    true = true_fit(world, fit, copies=2)
    effects = mm.effects(true, window="outcome")
    for name in ("total", "roi"):
        for draw in range(2):
            one = effects[name].sel(chain=0, draw=draw)
            np.testing.assert_allclose(one, world.truth.effects[name], rtol=1e-9)
    # What a plan brings is the equation of the world, here by hand for weeks without any spend, long after it.
    dates = next_dates(world.data, 60)
    plan = pd.DataFrame(0.0, index=dates, columns=list(world.data.media))
    plan = plan.assign(christmas=0.0, economy=world.data.scales().center["economy"])
    last = mm.predict(true, plan)["sales"].isel(chain=0, draw=0, date=-1)
    terms = world.truth.parameters["sales.coefficient"].to_series()
    scales = world.data.scales()
    span = (dates[-1] - scales.start) / (scales.end - scales.start)
    share = terms["intercept"] + terms["trend"] * span
    share -= terms["christmas"] * scales.center["christmas"] / scales.spread["christmas"]
    assert float(last) == pytest.approx(share * scales.size["sales"][0], rel=1e-6)


def test_any_fit_will_do(known):
    world = mm.load_case("shop")
    roi = mm.roi(true_fit(world, known[1]), window="outcome").isel(chain=0, draw=0)
    np.testing.assert_allclose(roi, world.truth.effects["roi"], rtol=1e-9)


def test_what_is_no_world_is_refused(known):
    world, fit = known
    with pytest.raises(SettingError, match="world is a str, and must be a World"):
        true_fit("tv", fit)
    with pytest.raises(SettingError, match="copies"):
        true_fit(world, fit, copies=0)
