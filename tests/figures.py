"""Reading a figure back from its artists."""

from itertools import combinations

import numpy as np


def drawn(ax):
    ax.figure.figure.canvas.draw()
    return ax


def overlapping(texts):
    """Pairs of texts that lie on each other."""
    shown = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text() and t.get_visible()]
    return [(a, b) for (a, at), (b, bt) in combinations(shown, 2) if at.shrunk(0.98, 0.9).overlaps(bt)]


def tick_texts(axis):
    low, high = sorted(axis.get_view_interval())
    return [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high and t.label1.get_visible()]


def tick_words(axis):
    return [text.get_text() for text in tick_texts(axis)]


def dots(ax, marker="o"):
    """(x, y) of the points drawn with a marker, one array for each call."""
    return [np.column_stack(line.get_data()) for line in ax.lines if line.get_marker() == marker]


def bars(ax):
    """Interval ends as rows of (lower, upper, height)."""
    return np.array([[s[0, 0], s[1, 0], s[0, 1]] for c in ax.collections for s in c.get_segments()])


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


def whole_figure_is_legible(axes):
    """Assert that no tick labels, titles or axis names lie on each other or off the figure, in a grid of panels."""
    figure = drawn(axes[0]).figure.figure
    texts = [ax._left_title for ax in axes]
    texts += [t for ax in axes for axis in (ax.xaxis, ax.yaxis) for t in tick_texts(axis)]
    texts += [figure._supxlabel, figure._supylabel, *figure.legends[0].get_texts()]
    assert overlapping(texts) == []
    inside(axes[0], texts)


def line_of(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def band_of(ax, label):
    """(lower, upper) of a filled band at its dates."""
    corners = next(c for c in ax.collections if c.get_label() == label).get_paths()[0].vertices
    days = np.unique(corners[:, 0])
    ends = [corners[corners[:, 0] == day, 1] for day in days]
    return np.array([(y.min(), y.max()) for y in ends])
