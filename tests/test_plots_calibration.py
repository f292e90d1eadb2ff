"""Figures of simulation studies: what they show and where, read back from the artists."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from bayesmmm import plots
from bayesmmm.plots.style import BLUE, RED
from tests.figures import drawn, inside, legend_words, legible, overlapping, whole_figure_is_legible
from tests.test_sbc import made_up

NAMES = [
    "roi[tv]",
    "roi[instagram_reels_retargeting]",
    "sales.half_saturation[instagram_reels_retargeting]",
    "sales.sigma",
    "log_likelihood",
]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def study(names=NAMES, n=200):
    """Calibration in which the second quantity is far off."""
    rng = np.random.default_rng(1)
    position = rng.random((len(names), n))
    position[1] = rng.beta(2.5, 1.0, n)
    found = made_up(position)
    found.simulations.coords["quantity"] = list(names)
    return found


# ----------------------------------------------------------------------------------------------------------- ecdf
def test_ecdf_draws_one_panel_per_variable_with_the_band_of_the_record():
    found = study()
    axes = plots.ecdf(found)
    assert len(axes) == 4
    bands = found.bands
    for ax, lines in zip(axes, (2, 1, 1, 1), strict=True):
        assert len([line for line in ax.lines if len(line.get_xdata()) > 2]) == lines
        vertices = ax.collections[0].get_paths()[0].vertices
        assert vertices[:, 1].max() == pytest.approx(float(bands["upper"].max()))
        assert vertices[:, 1].min() == pytest.approx(float(bands["lower"].min()))
    good, bad = (line for line in axes[0].lines if len(line.get_xdata()) > 2)
    np.testing.assert_allclose(good.get_ydata()[1:-1], bands["difference"].sel(quantity="roi[tv]"))
    assert (good.get_xdata()[0], good.get_xdata()[-1]) == (0.0, 1.0)
    assert to_hex(good.get_color()) == BLUE.lower()
    assert to_hex(bad.get_color()) == RED.lower()
    assert bad.get_linestyle() != good.get_linestyle()  # not by colour alone


def test_ecdf_names_what_fails_and_only_that():
    axes = plots.ecdf(study())
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles[0].replace("\n", "") == "roifail: instagram_reels_retargeting"
    assert "tv" not in titles[0]
    assert titles[1].startswith("sales.half_saturation\n"), "with its channels"
    assert titles[2:] == ["sales.sigma", "log_likelihood"]
    assert "99 % band of 200 uniform ranks" in legend_words(axes[0])


def test_ecdf_and_ranks_show_what_is_asked_for():
    found = study()
    assert len(plots.ecdf(found, quantities=["sales.sigma"])) == 1
    assert len(plots.ranks(found, quantities=["sales.sigma", "roi[tv]"])) == 2
    for draw in (plots.ecdf, plots.ranks):
        with pytest.raises(ValueError, match=r"no quantity 'roi'; the calibration has roi\[tv\]"):
            draw(found, quantities=["roi"])


# ---------------------------------------------------------------------------------------------------------- ranks
def test_ranks_draws_the_counts_and_marks_failures():
    found = study()
    axes = plots.ranks(found)
    counted = found.histogram()
    assert len(axes) == len(NAMES)
    for name, ax in zip(NAMES, axes, strict=True):
        bars = [p for p in ax.patches if p.get_height() != 1 or p.get_width() == counted.attrs["width"]]
        bars = bars[-counted.sizes["bin"] :]
        assert [p.get_height() for p in bars] == counted["count"].sel(quantity=name).values.tolist()
        assert [p.get_x() for p in bars] == counted["bin"].values.tolist()
        failed = name == NAMES[1]
        assert (bars[0].get_hatch() is not None) == failed
        assert to_hex(bars[0].get_facecolor()) == (RED if failed else BLUE).lower()
    assert legend_words(axes[0]) == [
        "95 % of single bars, 200 uniform ranks",
        "no deviation",
        "outside the band of its distribution",
    ]
    assert len(legend_words(plots.ranks(found, quantities=["roi[tv]"])[0])) == 2


# ------------------------------------------------------------------------------------------------------- recovery
def made_table():
    index = pd.MultiIndex.from_product([range(3), ["roi[tv]", "roi[radio]", "sales.sigma"]])
    index.names = ["simulation", "quantity"]
    truth = np.array([1.0, 2.0, 0.1, 1.5, 2.5, 0.2, 3.0, 4.0, 0.3])
    table = pd.DataFrame({"truth": truth, "median": truth * 1.1}, index=index)
    table["lower"], table["upper"] = table["median"] * 0.8, table["median"] * 1.2
    table.iloc[4, 2] = 2.6  # above the truth of 2.5
    table["covered"] = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
    table.attrs["ci_prob"] = 0.9
    return table


def test_recovery_draws_estimates_against_truth_and_hollow_marks_for_misses():
    table = made_table()
    axes = plots.recovery(table)
    assert [ax.get_title(loc="left") for ax in axes] == ["roi", "sales.sigma"]
    marked = [
        line for line in axes[0].lines if line.get_marker() not in ("", "None", None) and len(line.get_xdata())
    ]
    points = sorted((x, y) for line in marked for x, y in zip(*line.get_data(), strict=True))
    wanted = table[table.index.get_level_values("quantity") != "sales.sigma"]
    np.testing.assert_allclose(points, sorted(zip(wanted["truth"], wanted["median"], strict=True)))
    hollow = [line for line in marked if to_hex(line.get_markerfacecolor()) == "#ffffff"]
    assert [line.get_xdata().tolist() for line in hollow] == [[2.5]]
    assert len({line.get_marker() for line in marked}) == 2  # one for each channel
    spans = {tuple(s[:, 1]) for c in axes[0].collections for s in c.get_segments()}
    assert spans == set(zip(wanted["lower"], wanted["upper"], strict=True))
    assert legend_words(axes[0]) == ["tv", "radio"]
    assert "median and 90 % interval" in legend_words(axes[1])


def test_recovery_refuses_another_table():
    with pytest.raises(ValueError, match=r"no 'covered'. Write plots\.recovery\(mm\.evaluate\.recover"):
        plots.recovery(made_table().drop(columns="covered"))
    with pytest.raises(ValueError, match="no 'quantity'"):
        plots.recovery(made_table().reset_index(drop=True))


# ------------------------------------------------------------------------------------------------------ legibility
def many():
    channels = [f"channel_with_name_{i}" for i in range(12)]
    names = [f"{v}[{c}]" for v in ("sales.half_saturation", "roi") for c in channels]
    return study([*names, "sales.sigma", "log_likelihood"], n=60)


@pytest.mark.parametrize("draw", [plots.ecdf, plots.ranks])
@pytest.mark.parametrize("make", [study, many])
def test_panels_are_legible(draw, make):
    whole_figure_is_legible(draw(make()))


def test_recovery_is_legible():
    axes = plots.recovery(made_table())
    drawn(axes[0])
    for ax in axes:
        legible(ax)
        inside(ax, [ax._left_title])
    assert overlapping([ax._left_title for ax in axes]) == []


def test_given_axes_are_used():
    found = study()
    _, grid = plt.subplots(2, 2)
    axes = plots.ecdf(found, axes=grid.ravel())
    assert [a is b for a, b in zip(axes, grid.ravel(), strict=True)] == [True] * 4
    assert axes[0].get_xlabel() == "relative rank of the truth"
    with pytest.raises(ValueError, match="2 axes and 4 panels"):
        plots.ecdf(found, axes=grid.ravel()[:2])
