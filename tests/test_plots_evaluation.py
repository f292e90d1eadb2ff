"""Figures of evaluations, read back from what was drawn."""

from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.dates import num2date

from bayesmmm.evaluate import CrossValidation
from bayesmmm.evaluate.fold_scores import score_folds
from bayesmmm.evaluate.fold_task import FoldResult
from bayesmmm.evaluate.stability import moments
from bayesmmm.plots import comparison, cross_validation, stability
from tests.figures import band_of, drawn, inside, legend_words, legible, overlapping, tick_words


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def made_cv(folds=4, horizon=5, channels=2, window="expanding", complete=True, far=None):
    """Cross-validation with made-up predictions; `far` names a parameter that moves."""
    rng, results = np.random.default_rng(1), []
    dates = pd.date_range("2023-01-01", periods=40 + folds * horizon, freq="7D")
    names = [f"revenue.half_life[channel_{k}]" for k in range(channels)] + ["revenue.sigma"]
    for f in range(folds):
        start = 40 + f * horizon
        observed = 1e5 + 2e4 * rng.normal(size=(1, horizon))
        mean = observed + 5e3 * rng.normal(size=(1, horizon))
        values = {
            "observed": observed,
            "mean": mean,
            "median": mean,
            "lower": mean - 8e3,
            "upper": mean + 8e3,
            "crps": np.full((1, horizon), 3e3),
            "log_density": np.full((1, horizon), -11.0),
            "naive": np.full((1, horizon), 1e5),
        }
        test = dates[start : start + horizon]
        coords = {"equation": ["revenue"], "ahead": np.arange(1, horizon + 1), "date": ("ahead", test.to_numpy())}
        predictions = xr.Dataset({k: (("equation", "ahead"), v) for k, v in values.items()}, coords)
        draws = {n: np.exp(rng.normal((3.0 if n == far else 0.0) * f, 0.5, (2, 100))) for n in names}
        about = {
            "fold": f + 1,
            "train_start": dates[0],
            "train_stop": dates[start - 1],
            "test_start": test[0],
            "test_stop": test[-1],
            "periods": start,
            "verdict": "converged",
        }
        results.append(FoldResult(predictions, moments(draws, 0.8), about))
    judged = score_folds(results, nested=window == "expanding")
    settings = {
        "folds": folds + (not complete),
        "window": window,
        "horizon": horizon,
        "gap": 0,
        "mediators": "respond",
        "ci_prob": 0.8,
        "units": {"revenue": "money"},
        "frequency": "weekly",
    }
    return CrossValidation(
        **judged,
        failed=MappingProxyType({}),
        complete=complete,
        settings=settings,
    )


def test_forecasts_are_drawn_beside_what_happened():
    cv = made_cv()
    axes = cross_validation(cv)
    whole = drawn(axes[0])
    (seen,) = [line for line in whole.lines if line.get_marker() == "."]
    found = cv.predictions.sel(equation="revenue")
    np.testing.assert_array_equal(seen.get_ydata(), found["observed"].values.ravel())
    assert len(whole.collections) == 4
    for k, band in enumerate(whole.collections):
        band.set_label(f"fold {k}")
        fold = found.isel(fold=k)
        np.testing.assert_allclose(band_of(whole, f"fold {k}"), np.stack([fold["lower"], fold["upper"]], axis=1))
    means = [line for line in whole.lines if line.get_color() == "#0072B2"]
    for k, line in enumerate(means):
        np.testing.assert_array_equal(line.get_ydata(), found["mean"].isel(fold=k).values)
    assert "80 % interval of new observations" in legend_words(whole)
    share = cv.table().loc["all", "coverage"]
    assert whole.get_title(loc="left") == f"{100 * share:.0f} % of 20 values lie in the interval"
    assert "money" in whole.get_ylabel()
    for ax in axes:
        legible(ax)


def test_errors_of_folds_are_those_of_the_table():
    cv = made_cv()
    ax = drawn(cross_validation(cv)[1])
    at = {m: [line.get_ydata()[0] for line in ax.lines if line.get_marker() == m] for m in ("o", "s", "D")}
    table = cv.table().iloc[:-1]
    assert at["o"] == table["rmse"].tolist()
    assert at["s"] == table["rmse_naive"].tolist()
    assert at["D"] == table["crps"].tolist()
    assert ax.get_ylim()[0] == 0.0


@pytest.mark.parametrize("asked", [{"horizon": 1}, {"folds": 1, "horizon": 20}, {"folds": 12, "horizon": 2}])
def test_other_shapes_are_legible(asked):
    cv = made_cv(**asked)
    for axes in (cross_validation(cv), stability(cv)):
        drawn(axes[0])
        for ax in axes:
            legible(ax)


def test_missing_folds_are_told():
    ax = cross_validation(made_cv(complete=False))[0]
    assert ax.get_title(loc="left").endswith("; 4 of 5 folds")


def test_single_periods_have_their_dates():
    cv = made_cv(horizon=1, folds=3)
    ax = drawn(cross_validation(cv)[0])
    spans = [c for c in ax.collections if c.get_segments()]
    days = [num2date(c.get_segments()[0][0, 0]).strftime("%Y-%m-%d") for c in spans]
    assert days == pd.DatetimeIndex(cv.predictions["date"].values.ravel()).strftime("%Y-%m-%d").tolist()


def test_parameters_are_drawn_with_their_intervals_those_that_drift_first():
    cv = made_cv(far="revenue.half_life[channel_1]")
    axes = stability(cv)
    assert len(axes) == 3
    first = drawn(axes[0])
    assert first.get_title(loc="left") == "revenue.half_life\n[channel_1]"
    assert first.texts[0].get_text().startswith("! drift z")
    one = cv.stability.sel(parameter="revenue.half_life[channel_1]")
    ends = np.array([s[:, 1] for s in first.collections[0].get_segments()])
    np.testing.assert_allclose(ends, np.stack([one["lower"], one["upper"]], axis=1))
    np.testing.assert_allclose(first.lines[0].get_xdata(), cv.folds["periods"])
    assert not axes[1].texts[0].get_text().startswith("!")
    assert "80 % interval" in first.figure.get_supxlabel()


def test_twelve_channels_are_legible_and_no_more_than_twelve_panels():
    cv = made_cv(channels=14)
    axes = stability(cv)
    assert len(axes) == 12
    assert tick_words(drawn(axes[0]).yaxis)
    for ax in axes:
        legible(ax)
        inside(ax, [ax._left_title])
    assert overlapping([ax._left_title for ax in axes]) == []
    named = stability(cv, parameters=["revenue.sigma"])
    assert [ax.get_title(loc="left") for ax in named] == ["revenue.sigma"]


def test_systems_are_drawn_by_their_difference_to_the_best():
    table = pd.DataFrame(
        {"diff": [0.0, -3.0, -50.0], "diff_se": [0.0, 2.0, 9.0], "weight": [0.8, 0.2, 0.0], "high_k": [0, 2, 0]},
        index=["student_t", "normal", "lognormal"],
    )
    table.attrs = {"outcome": "revenue"}
    ax = drawn(comparison(table))
    np.testing.assert_array_equal(ax.collections[1].get_offsets()[:, 0], table["diff"])
    ends = np.array([s[:, 0] for s in ax.collections[0].get_segments()])
    np.testing.assert_allclose(ends, [[0, 0], [-7, 1], [-68, -32]])
    assert tick_words(ax.yaxis) == ["student_t", "normal (k high in 2)", "lognormal"]
    assert [t.get_text() for t in ax.texts] == ["weight 0.80", "weight 0.20", "weight 0.00"]
    assert "revenue" in ax.get_xlabel()


def test_other_things_are_refused():
    with pytest.raises(ValueError, match=r"but a int was given\. Write plots.cross_validation"):
        cross_validation(3)
    with pytest.raises(ValueError, match=r"no parameter 'roi'; they have: revenue\.half_life"):
        stability(made_cv(), parameters=["roi"])
    with pytest.raises(ValueError, match=r"has no 'diff'\. Write plots.comparison"):
        comparison(pd.DataFrame({"elpd": [1.0]}))
