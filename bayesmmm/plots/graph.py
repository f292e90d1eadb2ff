"""The causal graph of a system."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text

from bayesmmm.equations import MMM
from bayesmmm.plots.parts import BLUE, GREY, LETTER, ORANGE, SMALL, TEXT

PALE_ORANGE, PALE_BLUE = "#FDF0D5", "#DCEEF9"
DASHES = (0, (4, 2))
PAD = 4.5  # points between a name and its box


def causal_graph(system: MMM, *, ax: Axes | None = None) -> Axes:
    """Draw which columns cause which, from left to right; mediators stand out.

    Columns that act on the same equations in the same way share a box; its arrows hold for every name in it.

    Parameters
    ----------
    system : MMM
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = causal_graph(system)  # doctest: +SKIP
    """
    edges = system.edges()
    groups: dict[tuple, list[str]] = {}
    for name in system.exogenous:
        groups.setdefault(tuple((t, kind) for s, t, kind in edges if s == name), []).append(name)
    texts = {names[0]: "\n".join(names) for names in groups.values()}
    depth = _depths(system)
    inches = _widths(texts, system, depth)
    places = _left_places(texts, inches[0] / sum(inches)) | _right_places(system, depth, inches)
    heights = [y for _, y in places.values()]
    if ax is None:
        lines = sum(text.count("\n") + 2.6 for text in texts.values())
        size = (sum(inches) + 0.3, max(2.4, 0.17 * lines) * max(1.0, max(heights) - min(heights)) + 0.5)
        _, ax = plt.subplots(figsize=size, layout="constrained")
    rim = 2.0 * PAD / 72.0 / sum(inches)
    ax.set_xlim(-rim, 1.0 + rim)
    ax.set_ylim(min(0.0, *heights) - 0.05, max(1.0, *heights) + 0.05)
    ax.axis("off")
    boxes = {name: _box(ax, system, name, texts.get(name, name), place) for name, place in places.items()}
    first = {name: names[0] for names in groups.values() for name in names}
    for source, target, kind in dict.fromkeys((first.get(s, s), t, kind) for s, t, kind in edges):
        _arrow(ax, boxes[source], boxes[target], kind)
    _graph_legend(ax, system, {kind for _, _, kind in edges})
    return ax


def _depths(system: MMM) -> dict[str, int]:
    """Longest way from an exogenous column, in equations."""
    depth: dict[str, int] = {}
    for name in system.order:
        depth[name] = 1 + max((depth[s] for s, t, _ in system.edges() if t == name and s in depth), default=0)
    return depth


def _widths(texts: Mapping[str, str], system: MMM, depth: Mapping[str, int]) -> list[float]:
    """Inches of every layer, arrows on its left included."""
    words = [line for text in texts.values() for line in text.split("\n")]
    widths = [0.3 + 1.18 * LETTER * max(map(len, words), default=0)]
    for layer in range(1, max(depth.values()) + 1):
        names = [name for name in system.order if depth[name] == layer]
        widths.append(1.5 + 1.25 * LETTER * max(map(len, names), default=0))
    return widths


def _left_places(texts: Mapping[str, str], x: float) -> dict[str, tuple[float, float]]:
    sizes = [text.count("\n") + 2.6 for text in texts.values()]
    edge = np.concatenate([[0.0], np.cumsum(sizes)]) / sum(sizes) if sizes else np.zeros(1)
    return {name: (x, 1.0 - (edge[i] + edge[i + 1]) / 2) for i, name in enumerate(texts)}


def _right_places(
    system: MMM, depth: Mapping[str, int], inches: Sequence[float]
) -> dict[str, tuple[float, float]]:
    """Place mediators by depth, in turn above and below the way that direct arrows take to the outcome."""
    right = np.cumsum(inches) / sum(inches)
    places = {}
    for i, name in enumerate(system.mediators):
        side = 1 if i % 2 == 0 else -1
        level = [m for m in system.mediators if depth[m] == depth[name]].index(name) // 2
        places[name] = (float(right[depth[name]]), 0.5 + side * (0.44 + 0.16 * level))
    return places | {system.outcome: (1.0, 0.5)}


def _box(ax: Axes, system: MMM, name: str, text: str, place: tuple[float, float]) -> Text:
    mediator, outcome = name in system.mediators, name == system.outcome
    return ax.text(
        *place,
        text,
        ha="right",
        va="center",
        multialignment="left",
        fontsize=TEXT,
        fontweight="bold" if mediator or outcome else "normal",
        linespacing=1.25,
        zorder=3,
        bbox={
            "boxstyle": f"round,pad={PAD / TEXT}",
            "facecolor": PALE_ORANGE if mediator else PALE_BLUE if outcome else "white",
            "edgecolor": ORANGE if mediator else BLUE if outcome else GREY,
            "linewidth": 2.0 if mediator or outcome else 1.0,
        },
    )


def _arrow(ax: Axes, source: Text, target: Text, kind: str) -> None:
    # Ends are tied to the texts themselves, so that they hold when the figure is resized.
    ax.annotate(
        "",
        xy=(0.0, 0.5),
        xycoords=target,
        xytext=(1.0, 0.5),
        textcoords=source,
        arrowprops={
            "arrowstyle": "-|>",
            "color": BLUE if kind == "media" else GREY,
            "linestyle": "-" if kind == "media" else DASHES,
            "linewidth": 1.6 if kind == "media" else 1.2,
            "mutation_scale": 13,
            "shrinkA": PAD + 1.0,
            "shrinkB": PAD + 1.0,
        },
        zorder=2,
    )


def _graph_legend(ax: Axes, system: MMM, kinds: set[str]) -> None:
    entries = []
    if "media" in kinds:
        entries.append(Line2D([], [], color=BLUE, lw=1.6, label="media: adstock, then Hill"))
    if "linear" in kinds:
        entries.append(Line2D([], [], color=GREY, lw=1.2, ls=DASHES, label="linear"))
    if system.mediators:
        style = {"marker": "s", "ls": "", "mec": ORANGE, "mfc": PALE_ORANGE, "mew": 2, "ms": 9}
        entries.append(Line2D([], [], label="mediator", **style))
    ax.legend(
        handles=entries, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, frameon=False, fontsize=SMALL
    )
