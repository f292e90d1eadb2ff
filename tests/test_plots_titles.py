"""Titles of figures: one by default on every figure, another or none where that is asked, none on top of anything."""

from functools import cache
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bayesmmm import plots
from tests import answers_made_up as answers
from tests.figures import inside
from tests.gallery import gallery

FIGURES = [name for name in plots.__all__ if name != "save"]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@cache
def figures():
    return gallery(3)


def laid_out(axes):
    """The figure with everything in its place, which takes less than to draw it."""
    figure = np.ravel(np.asarray(axes, dtype=object))[0].get_figure(root=True)
    figure.get_layout_engine().execute(figure)
    for ax in figure.axes:
        ax.apply_aspect()
    return figure


def titles(figure):
    return [text for text in figure.texts if text.get_text() and text.get_text() == figure.get_suptitle()]


def boxes(figure):
    """Places of the title, of every legend, and of everything that belongs to each of the axes."""
    renderer = figure.canvas.get_renderer()
    found = {f"title {i}": text.get_window_extent(renderer) for i, text in enumerate(titles(figure))}
    beside = [text for text in figure.texts if text.get_text() and text.get_text() == figure.get_supylabel()]
    found |= {f"label {i}": text.get_window_extent(renderer) for i, text in enumerate(beside)}
    found |= {f"legend {i}": legend.get_window_extent(renderer) for i, legend in enumerate(figure.legends)}
    return found | {f"axes {i}": ax.get_tightbbox(renderer) for i, ax in enumerate(figure.axes)}


def on_each_other(figure):
    places = {name: box for name, box in boxes(figure).items() if box is not None}
    heads = [(a, b) for a, b in combinations(places, 2) if not (a.startswith("axes") and b.startswith("axes"))]
    return [(a, b) for a, b in heads if places[a].overlaps(places[b])]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_title_that_lies_on_nothing(name):
    figure = laid_out(figures()[name]())
    assert len(figure.get_suptitle().split()) >= 3
    assert on_each_other(figure) == []
    inside(figure.axes[0], titles(figure))


@pytest.mark.parametrize("name", FIGURES)
def test_a_title_is_replaced_or_left_out(name):
    other, without = (laid_out(figures()[name](title=title)) for title in ("x", None))
    assert other.get_suptitle() == "x"
    assert on_each_other(other) == []
    assert without.get_suptitle() == ""
    assert on_each_other(without) == []
    assert without.get_figheight() < other.get_figheight()


@pytest.mark.parametrize("name", ["accounting", "adstock_decay", "allocation", "ecdf", "mediation_sensitivity"])
def test_a_title_of_many_lines_pushes_the_legend_down(name):
    figure = laid_out(figures()[name](title="so long a title that it takes more than one line " * 6))
    assert figure.get_suptitle().count("\n") >= 2
    assert on_each_other(figure) == []


OF_REVENUE = {
    "effects",
    "roi",
    "response_curves",
    "waterfall",
    "decomposition",
    "accounting",
    "residuals",
    "predictive",
}
OF_THE_WINDOW = {"effects", "roi", "response_curves", "waterfall", "decomposition", "accounting", "spend", "audit"}


@pytest.mark.parametrize(
    ("names", "words"), [(OF_REVENUE, "revenue"), (OF_THE_WINDOW, "2022-01-02 to 2023-02-19"), (["roi"], "ROI")]
)
def test_what_is_seen_is_said(names, words):
    for name in sorted(names):
        axes = np.ravel(np.asarray(figures()[name](), dtype=object))
        said = axes[0].get_figure(root=True).get_suptitle().replace("\n", " ")
        assert words in said, name
        plt.close("all")


def test_a_title_on_axes_that_were_given_stands_above_their_legend():
    figure, ax = plt.subplots()
    plots.effects(answers.effects(), ax=ax)
    figure.draw_without_rendering()
    title = ax._left_title
    assert " brought most to the outcome: " in title.get_text()
    assert not title.get_window_extent().overlaps(ax.get_legend().get_window_extent())
    assert figure.get_suptitle() == ""


def test_several_axes_that_were_given_get_a_title_only_when_asked():
    dataset = answers.curves(2)
    for title, expected in (("auto", ""), (None, ""), ("mine", "mine")):
        figure, grid = plt.subplots(1, 2)
        plots.response_curves(dataset, title=title, axes=grid)
        assert figure.get_suptitle() == expected
