"""Figures of answers: what they show and where, read back from the artists; no pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from bayesmmm import plots
from bayesmmm.plots.parts import RED
from bayesmmm.results import autocorrelation
from tests import answers_made_up as made
from tests.figures import drawn, overlapping, tick_texts


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def legend_words(ax):
    legend = ax.get_legend() or ax.figure.figure.legends[0]
    return [text.get_text() for text in legend.get_texts()]


def quantiles(draws, ci_prob):
    """(median, lower, upper) on the first axis, by NumPy alone; chain and draw come first."""
    flat = np.asarray(draws).reshape(-1, *draws.shape[2:])
    return np.quantile(flat, [0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2], axis=0)


def segments(collection):
    return np.array(collection.get_segments())


def legible(ax):
    """Assert that no tick labels lie on each other."""
    assert overlapping(tick_texts(ax.xaxis)) == []
    assert overlapping(tick_texts(ax.yaxis)) == []


def inside(ax, texts):
    """Assert that texts lie on the figure."""
    whole = ax.figure.figure.bbox
    for text in texts:
        at = text.get_window_extent()
        assert whole.x0 <= at.x0, text
        assert at.x1 <= whole.x1, text
        assert whole.y0 <= at.y0, text
        assert at.y1 <= whole.y1, text


# ---------------------------------------------------------------------------------------------------------- residuals
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
        ValueError, match=r"a DataFrame was given.*give the DataArray that residuals\(fit\) returns"
    ):
        plots.residuals(draws.mean("draw").to_pandas())


def test_residual_distribution_counts_posterior_means():
    draws = made.residuals()
    ax = drawn(plots.residual_distribution(draws))
    means = draws.values.mean((0, 1))
    heights = np.array([patch.get_height() for patch in ax.patches])
    edges = np.array([patch.get_x() for patch in ax.patches])
    width = ax.patches[0].get_width()
    counts = [((means >= x) & (means < x + width)).sum() for x in edges]
    np.testing.assert_allclose(heights * width * len(means), counts)
    normal = next(line for line in ax.lines if line.get_label() == "standard Normal")
    assert max(normal.get_ydata()) == pytest.approx(1.0 / np.sqrt(2.0 * np.pi))
    assert legend_words(ax) == ["posterior means, 156 periods", "standard Normal"]
    # One period far out widens the axis rather than falling off it.
    far = draws.copy()
    far[..., 10] = 9.0
    assert plots.residual_distribution(far).get_xlim()[1] > 9.0


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
    with pytest.raises(ValueError, match=r"no 'band'; give what results\.autocorrelation\(residuals\) returns"):
        plots.residual_autocorrelation(pd.DataFrame({"median": [1.0], "lower": [0.0], "upper": [1.0]}))


def test_a_verdict_that_is_not_good_is_said():
    draws = made.residuals()
    assert "sampler verdict: doubtful" in legend_words(plots.residuals(draws.assign_attrs(verdict="doubtful")))
    assert not any("verdict" in word for word in legend_words(plots.residuals(draws)))
