"""Figures of residuals: what they show and where, read back from the artists; no pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from bayesmmm import plots
from bayesmmm.plots.style import RED
from bayesmmm.results import autocorrelation
from tests import answers_made_up as made
from tests.figures import drawn, legend_words, legible, line_of, quantiles, segments, tick_words


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_residuals_stand_at_their_dates_with_intervals():
    draws = made.residuals()
    ax = drawn(plots.residuals(draws, ci_prob=0.8))
    median, lower, upper = quantiles(draws.values, 0.8)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), median)
    np.testing.assert_array_equal(ax.lines[-1].get_xdata(), draws.date)
    np.testing.assert_allclose(segments(ax.collections[0])[:, :, 1], np.column_stack([lower, upper]))
    assert ax.lines[0].get_ydata() == [0.0, 0.0]
    assert ax.get_ylabel() == "residual of revenue\n(residual sd)"
    assert legend_words(ax) == ["80 % interval", "median"]
    legible(ax)


def test_residuals_refuse_a_panel_and_a_table():
    draws = made.residuals()
    with pytest.raises(ValueError, match=r"give what residuals\(fit\) returns, of one geo"):
        plots.residuals(draws.expand_dims(geo=["north"]))
    with pytest.raises(
        ValueError, match=r"estimands\.residuals\(fit\) returns or a fit, but a DataFrame was given"
    ):
        plots.residuals(draws.mean("draw").to_pandas())


def test_residual_distribution_is_that_of_all_draws():
    draws = made.residuals()
    ax = drawn(plots.residual_distribution(draws))
    pooled, means = draws.values.ravel(), draws.values.mean((0, 1))
    heights = np.array([patch.get_height() for patch in ax.patches])
    edges = np.array([patch.get_x() for patch in ax.patches])
    width = ax.patches[0].get_width()
    counts = [((pooled >= x) & (pooled < x + width)).sum() for x in edges]
    np.testing.assert_allclose(heights * width * len(pooled), counts, atol=1.01)
    assert (heights * width).sum() == pytest.approx(1.0, abs=0.002)
    normal = line_of(ax, "standard Normal")
    assert max(normal.get_ydata()) == pytest.approx(1.0 / np.sqrt(2.0 * np.pi))
    np.testing.assert_allclose(line_of(ax, "posterior mean of a period").get_xdata(), means)
    assert sorted(legend_words(ax)) == [
        "all draws of 156 periods",
        "posterior mean of a period",
        "standard Normal",
    ]
    # One period far out widens the axis rather than falling off it; one draw of it does not.
    far = draws.copy()
    far[..., 10] = 9.0
    assert plots.residual_distribution(far).get_xlim()[1] > 9.0
    far = draws.copy()
    far[0, 0, 10] = 9.0
    assert plots.residual_distribution(far).get_xlim()[1] == 3.5


def test_bars_of_residuals_agree_with_the_normal_where_it_is_true():
    # Posterior means of the same residuals would be too narrow: their standard deviation is 0.8.
    rng = np.random.default_rng(0)
    like = made.residuals().isel(date=np.tile(np.arange(made.WEEKS), 4))
    shared = rng.normal(0.0, 0.8, like.sizes["date"])
    ax = plots.residual_distribution(like.copy(data=shared + rng.normal(0.0, 0.6, like.shape)))
    middles = np.array([bar.get_x() + bar.get_width() / 2 for bar in ax.patches])
    heights = np.array([bar.get_height() for bar in ax.patches])
    np.testing.assert_allclose(heights, np.exp(-(middles**2) / 2) / np.sqrt(2 * np.pi), atol=0.03)


def test_student_t_residuals_have_no_normal_to_compare_with():
    words = legend_words(drawn(plots.residual_distribution(made.residuals(likelihood="student_t"))))
    assert "noise is Student t:\nno Normal to compare with" in words
    assert not any("standard Normal" in word for word in words)


def test_residuals_of_one_period_are_seen():
    ax = drawn(plots.residuals(made.residuals().isel(date=[80])))
    assert tick_words(ax.xaxis) == ["2022-07-17"]


def test_autocorrelation_has_a_bar_per_lag_and_the_band():
    table = autocorrelation(made.residuals(phi=0.5), ci_prob=0.95)
    ax = drawn(plots.residual_autocorrelation(table))
    bars = {round(p.get_x() + p.get_width() / 2): p for p in ax.patches if p.get_width() == pytest.approx(0.6)}
    assert sorted(bars) == table.index.tolist()
    for lag, bar in bars.items():
        assert bar.get_height() == pytest.approx(table.loc[lag, "median"])
        assert (to_hex(bar.get_facecolor()) == RED.lower()) == (
            abs(table.loc[lag, "median"]) > table.loc[lag, "band"]
        )
    band = next(p for p in ax.patches if p.get_label() == "95 % band of white noise")
    assert band.get_height() == pytest.approx(2 * 1.96 / np.sqrt(156), rel=1e-3)
    assert set(legend_words(ax)) >= {"95 % interval", "median", "median outside the band"}
    legible(ax)
    with pytest.raises(ValueError, match=r"results\.autocorrelation.* has no 'band'"):
        plots.residual_autocorrelation(pd.DataFrame({"median": [1.0], "lower": [0.0], "upper": [1.0]}))


def test_a_verdict_that_is_not_good_is_said():
    draws = made.residuals()
    assert "sampler verdict: doubtful" in legend_words(plots.residuals(draws.assign_attrs(verdict="doubtful")))
    assert not any("verdict" in word for word in legend_words(plots.residuals(draws)))
