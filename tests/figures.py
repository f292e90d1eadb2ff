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
