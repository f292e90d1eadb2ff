"""The causal graph with the sizes of its effects."""

import re
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Annotation

from bayesmmm import plots
from tests import answers_made_up as made
from tests import made as fits
from tests.figures import drawn, inside, quantiles


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def boxes_of(ax):
    """Lines of each box, by the name of its first column or equation."""
    texts = [text for text in ax.texts if not isinstance(text, Annotation)]
    return {re.findall(r"^[^\s→]+", text.get_text(), re.M)[0]: text for text in texts}


def numbers_of(line):
    """Name and the (median, lower, upper) of every cell of a line."""
    cells = re.findall(r"(−?[\d.]+) \((−?[\d.]+), (−?[\d.]+)\)", line)
    return line.split("  ")[0], [tuple(float(n.replace("−", "-")) for n in cell) for cell in cells]


def expected(posterior, target, source, *, media, factor=100.0, ci_prob=0.8):
    name, dim = ("contribution", "media") if media else ("coefficient", "term")
    draws = posterior[f"{target}.{name}"].sel({f"{target}.{dim}": source}).transpose("chain", "draw")
    return factor * quantiles(draws.values, ci_prob)


@pytest.mark.parametrize("channels", [3, 12])
def test_every_arrow_has_its_size_in_the_box_it_leaves(channels):
    system = made.system(channels, ("google", "queries"))
    posterior = made.posterior(system)
    ax = drawn(plots.causal_graph(system, posterior=posterior, ci_prob=0.8))
    boxes = boxes_of(ax)
    assert set(boxes) == {made.LONG[0], made.LONG[2], "promotion", "price", "google", "queries", "revenue"}
    header, *rows = boxes[made.LONG[2]].get_text().split("\n")
    assert re.findall(r"→ \S+ \(%\)", header) == ["→ google (%)", "→ revenue (%)"]
    assert [numbers_of(row)[0] for row in rows] == made.LONG[2:channels]
    for row in rows:
        name, cells = numbers_of(row)
        for target, cell in zip(("google", "revenue"), cells, strict=True):
            np.testing.assert_allclose(cell, expected(posterior, target, name, media=True), atol=0.051)
    (_, price) = boxes["price"].get_text().split("\n")
    np.testing.assert_allclose(
        numbers_of(price)[1][0], expected(posterior, "revenue", "price", media=False), atol=0.051
    )
    title, first, second = boxes["queries"].get_text().split("\n")
    assert title == "queries"
    assert (first.split("  ")[0], second.split("  ")[0]) == ("→ google (%)", "→ revenue (%)")
    np.testing.assert_allclose(
        numbers_of(second)[1][0], expected(posterior, "revenue", "queries", media=False), atol=0.051
    )
    assert boxes["revenue"].get_text() == "revenue"
    caption = ax.get_legend().get_title().get_text()
    assert caption == (
        "numbers: median (80 % interval) of the effect; media: mean contribution per period; "
        "linear: per standard deviation of the cause\n%: of the mean size of the target"
    )


def test_effects_on_a_lognormal_series_are_in_log_units():
    system = made.system(3, likelihood="lognormal")
    posterior = made.posterior(system)
    ax = plots.causal_graph(system, posterior=posterior, ci_prob=0.8)
    _, row = boxes_of(ax)["google"].get_text().split("\n")
    assert row.startswith("→ revenue (log)  ")
    np.testing.assert_allclose(
        numbers_of(row)[1][0], expected(posterior, "revenue", "google", media=True, factor=1.0), atol=0.00051
    )
    assert "→ google (%)" in boxes_of(ax)[made.LONG[0]].get_text()
    assert (
        ax.get_legend()
        .get_title()
        .get_text()
        .endswith("\n%: of the mean size of the target; log: in units of its logarithm")
    )


@pytest.mark.parametrize(
    "name", ["diamond", "linear in a mediator", "lognormal outcome, linear mediator", "one term"]
)
def test_the_posterior_of_a_fit_is_read_as_it_is(name):
    fit = fits.case_fit(name)
    ax = drawn(plots.causal_graph(fit.system, posterior=fit.posterior))
    cells = sum(len(numbers_of(line)[1]) for box in boxes_of(ax).values() for line in box.get_text().split("\n"))
    assert cells == len(fit.system.edges())


@pytest.mark.parametrize(
    "system",
    [
        made.system(3),
        made.system(12),
        made.system(12, ("google", "queries")),
        fits.case("chain")[0],
        fits.case("parallel")[0],
    ],
    ids=["3 channels", "12 channels", "12 channels, 2 mediators", "chain", "parallel"],
)
def test_boxes_with_numbers_are_legible(system):
    ax = drawn(plots.causal_graph(system, posterior=made.posterior(system)))
    boxes = boxes_of(ax)
    frames = {name: box.get_bbox_patch().get_window_extent() for name, box in boxes.items()}
    assert [(a, b) for (a, x), (b, y) in combinations(frames.items(), 2) if x.overlaps(y)] == []
    inside(ax, [*boxes.values(), ax.get_legend().get_title()])
    arrows = [text for text in ax.texts if isinstance(text, Annotation)]
    places = {id(box): name for name, box in boxes.items()}
    for arrow in arrows:
        ends = {places[id(arrow.xycoords)], places[id(arrow.anncoords)]}
        path = arrow.arrow_patch.get_transform().transform_path(arrow.arrow_patch.get_path())
        hit = [name for name in system.order if name not in ends and path.intersects_bbox(frames[name])]
        assert hit == [], f"the arrow between {ends} runs through {hit}"


def test_a_posterior_of_another_system_is_refused():
    system = made.system(3)
    with pytest.raises(
        ValueError, match=r"no variable 'google\.contribution' in .*give the data set that fit\.posterior"
    ):
        plots.causal_graph(system, posterior=made.posterior(system).drop_vars("google.contribution"))
    one_more = made.system(4)
    with pytest.raises(ValueError, match="has no 'snapchat'; give the posterior of this system"):
        plots.causal_graph(one_more, posterior=made.posterior(system))
