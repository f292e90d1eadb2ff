"""A posterior with more than one mode is said to have more than one."""

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesmmm as mm
from bayesmmm.results.convergence import RHAT_BAD
from bayesmmm.results.modes import apart, modes


def draws(means, size=200, seed=0, sd=1.0):
    return np.random.default_rng(seed).normal(np.asarray(means)[:, None], sd, (len(means), size))


def test_chains_are_grouped_by_where_they_stayed():
    groups, moved = apart(draws([0.0, 50.0, 0.1, 50.2]))
    assert (groups, moved) == ([[0, 2], [1, 3]], [])
    assert apart(draws([0.0, 0.5, 1.0, 1.5])) == ([[0, 1, 2, 3]], [])


def test_a_chain_between_two_others_connects_them():
    assert len(apart(draws([0.0, 4.0, 2.0], sd=1.0))[0]) == 1
    assert len(apart(draws([0.0, 4.0], sd=1.0))[0]) == 2


def test_a_chain_that_went_from_one_place_to_the_other_is_named():
    values = draws([0.0, 50.0, 0.0])
    values[2, 80:] += 50.0
    assert apart(values) == ([[0], [1]], [2])
    posterior = xr.Dataset({"sales.half_life": (("chain", "draw", "sales.media"), values[..., None], {})})
    posterior = posterior.assign_coords({"sales.media": ["tv"]})
    stats = xr.Dataset({"lp": (("chain", "draw"), np.repeat([[3.0], [7.0], [5.0]], 200, axis=1))})
    text = modes(posterior, stats, {"sales.half_life[tv]": 2.0})
    assert "chain 0 (log density 3.0)" in text
    assert "chain 1 (log density 7.0)" in text
    assert text.endswith("chain 2 moved between them")
    assert modes(posterior, stats, {}) == ""


def test_modes_of_what_has_a_day_or_several_labels_are_found():
    """Names are those of a summary: days without their hour, labels that hold a comma."""
    values = draws([0.0, 50.0])
    posterior = xr.Dataset(
        {
            "sales.period": (("chain", "draw", "date"), np.stack([values * 0.0, values], axis=-1)),
            "sales.contribution": (("chain", "draw", "geo", "sales.media"), values[..., None, None]),
        },
        {
            "date": pd.date_range("2023-03-05", periods=2, freq="7D"),
            "geo": ["Paris, north"],
            "sales.media": ["tv"],
        },
    )
    for name in ("sales.period[2023-03-12]", "sales.contribution[Paris, north, tv]"):
        assert modes(posterior, xr.Dataset(), {name: 2.0}).startswith(f"{name} is about ")


@pytest.fixture(scope="module")
def two_modes():
    """Sales that grow by themselves, of which an equation without a trend knows nothing, and how it is fitted."""
    rng, periods = np.random.default_rng(10), 200
    spend = rng.gamma(1.0, 1000.0, periods) * (rng.random(periods) < 0.7)
    sales = 5000.0 + 10.0 * np.arange(periods) + rng.normal(0.0, 150.0, periods)
    pressure = 0.0
    for t in range(periods):
        pressure = 0.3 * pressure + 0.7 * spend[t]
        sales[t] += 0.6 * pressure
    frame = pd.DataFrame({"week": pd.date_range("2020-01-06", periods=periods, freq="W-MON"), "sales": sales})
    data = mm.MMMData.from_frame(frame.assign(tv=spend), date="week", outcome="sales", media=["tv"])

    def fit(**terms):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            settings = {"draws": 300, "tune": 300, "seed": 10, "progress": False}
            return mm.fit(mm.MMM([mm.Equation("sales", media=["tv"], **terms)]), data, **settings)

    return fit


def test_a_fit_in_two_modes_says_so_and_not_run_longer(two_modes):
    fit = two_modes()
    assert fit.convergence.verdict == "failed"
    assert fit.convergence.rhat > RHAT_BAD
    assert "sales.half_life[tv]" in fit.convergence.modes
    assert "log density" in fit.convergence.modes
    assert not any(move.startswith("run longer") for move in fit.convergence.next_moves())
    checks = {check.name: check for check in mm.diagnose(fit).checks}
    assert checks["modes"].verdict == "fail"
    assert "chain" in checks["modes"].finding
    assert not any("run longer, as" in r for name in ("rhat", "ess_bulk", "modes") for r in checks[name].remedies)


def test_the_move_works_and_a_fit_in_one_mode_says_nothing_of_modes(two_modes):
    fit = two_modes(trend=True)
    assert fit.convergence.rhat < RHAT_BAD
    assert fit.convergence.modes == ""
    assert "modes" not in {check.name for check in mm.diagnose(fit).checks}


def test_modes_are_kept_in_a_file(two_modes, tmp_path):
    fit = two_modes()
    assert mm.load(fit.save(tmp_path / "fit.nc")).convergence == fit.convergence
