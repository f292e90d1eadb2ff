"""The causal graph of a system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.text import Text

from bayesmmm.equations import MMM
from bayesmmm.errors import SettingError
from bayesmmm.plots.layout import AUTO, Title, finish, one, panels
from bayesmmm.plots.parts import key
from bayesmmm.plots.reading import variable
from bayesmmm.plots.sources import CAUSAL_GRAPH
from bayesmmm.plots.style import BLUE, DASHED, GREY, LETTER, ORANGE, SMALL, TEXT
from bayesmmm.results import Fit
from bayesmmm.results.summaries import interval
from bayesmmm.text import joined, percent, shortened
from bayesmmm.validate import check_ci_prob

PALE_ORANGE, PALE_BLUE = "#FDF0D5", "#DCEEF9"
PAD = 4.5  # points between a name and its box
WIDE, NARROW = 1.25 * LETTER, 0.95 * LETTER  # inches of a letter in a box: of a bold name, of a table


@dataclass(frozen=True)
class _Words:
    """What stands in the boxes: names alone, or names with the sizes of their effects in even columns."""

    texts: Mapping[str, str]
    table: bool = False
    caption: str = ""
    letter: float = field(default=WIDE)


def causal_graph(
    system: MMM | Fit,
    *,
    posterior: xr.Dataset | None = None,
    ci_prob: float | None = None,
    title: Title = AUTO,
    ax: Axes | None = None,
) -> Axes:
    """Draw which columns cause which, from left to right; mediators stand out.

    Columns that act on the same equations in the same way share a box; its arrows hold for every name in it. With a
    posterior, each box says how large the effects of its arrows are, column by column, with medians and intervals:
    of media the mean contribution per period, of a linear term the effect of one standard deviation, both in percent
    of the mean size of the series that the arrow points to. Of a lognormal equation both are in log units.

    Parameters
    ----------
    system : MMM or Fit
    posterior : Dataset, optional
        Draws of the system's parameters, as ``fit.posterior`` holds them.
    ci_prob, title, ax : as for every figure, see `bayesmmm.plots`

    Examples
    --------
    >>> ax = causal_graph(system)  # doctest: +SKIP
    >>> ax = causal_graph(fit.system, posterior=fit.posterior)  # doctest: +SKIP
    """
    system = CAUSAL_GRAPH(system)
    edges = system.edges()
    groups: dict[tuple, list[str]] = {}
    for name in system.exogenous:
        groups.setdefault(tuple((t, kind) for s, t, kind in edges if s == name), []).append(name)
    words = _names(groups, system) if posterior is None else _sizes(groups, system, posterior, ci_prob)
    texts = {names[0]: words.texts[names[0]] for names in groups.values()}
    depth = _depths(system)
    inches = _widths(words, system, depth)
    places = _left_places(texts, inches[0] / sum(inches)) | _right_places(system, depth, inches)
    heights = [y for _, y in places.values()]
    own = ax is None
    if ax is None:
        lines = sum(text.count("\n") + 2.6 for text in texts.values())
        size = (sum(inches) + 0.3, max(2.4, 0.17 * lines) * max(1.0, max(heights) - min(heights)) + 0.5)
        (ax,) = panels(1, 1, size)
    ax = one(ax)
    rim = 2.0 * PAD / 72.0 / sum(inches)
    ax.set_xlim(-rim, 1.0 + rim)
    ax.set_ylim(min(0.0, *heights) - 0.05, max(1.0, *heights) + 0.05)
    ax.axis("off")
    boxes = {name: _box(ax, system, name, words, place) for name, place in places.items()}
    first = {name: names[0] for names in groups.values() for name in names}
    for source, target, kind in dict.fromkeys((first.get(s, s), t, kind) for s, t, kind in edges):
        _arrow(ax, boxes[source], boxes[target], kind)
    _graph_legend(ax, system, {kind for _, _, kind in edges}, words.caption)
    through = f", directly and through {joined(system.mediators)}" if system.mediators else ""
    return finish([ax], own, title, f"What is taken to act on {system.outcome}{through}")[0]


def _names(groups: Mapping[tuple, Sequence[str]], system: MMM) -> _Words:
    return _Words(
        {names[0]: "\n".join(map(shortened, names)) for names in groups.values()}
        | {name: shortened(name) for name in system.order}
    )


def _sizes(
    groups: Mapping[tuple, Sequence[str]], system: MMM, posterior: xr.Dataset, ci_prob: float | None
) -> _Words:
    """Texts of the boxes with a column of effects for each equation that they point to."""
    ci_prob = check_ci_prob(ci_prob)
    texts = {}
    for ends, names in groups.items():
        cells = [[_effect(system, posterior, name, t, kind, ci_prob) for t, kind in ends] for name in names]
        rows = [["", *(_target(system, target) for target, _ in ends)]]
        rows += [[shortened(name), *row] for name, row in zip(names, cells, strict=True)]
        texts[names[0]] = _columns(rows)
    for name in system.order:
        ways = [(t, kind) for s, t, kind in system.edges() if s == name]
        rows = [[_target(system, t), _effect(system, posterior, name, t, kind, ci_prob)] for t, kind in ways]
        texts[name] = "\n".join([shortened(name), *([_columns(rows)] if rows else [])])
    kinds = {kind for _, _, kind in system.edges()}
    caption = [f"numbers: median ({percent(ci_prob)} interval) of the effect"]
    caption += ["media: mean contribution per period"] if "media" in kinds else []
    caption += ["linear: per standard deviation of the cause"] if "linear" in kinds else []
    logs = {_log(system, name) for name in system.order}
    units = (["%: of the mean size of the target"] if False in logs else []) + (
        ["log: in units of its logarithm"] if True in logs else []
    )
    return _Words(texts, True, "; ".join(caption) + "\n" + "; ".join(units), NARROW)


def _log(system: MMM, name: str) -> bool:
    return system.equation(name).family.log_scale


def _target(system: MMM, name: str) -> str:
    return f"→ {shortened(name)} ({'log' if _log(system, name) else '%'})"


def _effect(system: MMM, posterior: xr.Dataset, source: str, target: str, kind: str, ci_prob: float) -> str:
    """Write the size of one arrow, as "2.1 (0.8, 3.9)"."""
    name, dim = (
        f"{target}.{end}" for end in (("contribution", "media") if kind == "media" else ("coefficient", "term"))
    )
    draws = variable(posterior, name, [dim], "fit.posterior")
    if source not in draws[dim].values:
        raise SettingError(f"{name} of the posterior has no {source!r}; give the posterior of this system")
    ends = interval(draws.sel({dim: source}), ci_prob)
    factor, digits = (1.0, 3) if _log(system, target) else (100.0, 1)
    values = (round(factor * float(ends[end]), digits) + 0.0 for end in ("median", "lower", "upper"))
    median, lower, upper = (f"{value:.{digits}f}".replace("-", "−") for value in values)
    return f"{median} ({lower}, {upper})"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of words as lines with even columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(w.ljust(n) for w, n in zip(row, widths, strict=True)).rstrip() for row in rows)


def _depths(system: MMM) -> dict[str, int]:
    """Longest way from an exogenous column, in equations."""
    depth: dict[str, int] = {}
    for name in system.order:
        depth[name] = 1 + max((depth[s] for s, t, _ in system.edges() if t == name and s in depth), default=0)
    return depth


def _widths(words: _Words, system: MMM, depth: Mapping[str, int]) -> list[float]:
    """Inches of every layer, arrows on its left included."""
    longest = {name: max(map(len, text.split("\n"))) for name, text in words.texts.items()}
    left = max((n for name, n in longest.items() if name not in depth), default=0)
    widths = [0.3 + (NARROW if words.table else 1.18 * LETTER) * left]
    for layer in range(1, max(depth.values()) + 1):
        widths.append(1.5 + words.letter * max(longest[name] for name in system.order if depth[name] == layer))
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


def _box(ax: Axes, system: MMM, name: str, words: _Words, place: tuple[float, float]) -> Text:
    mediator, outcome = name in system.mediators, name == system.outcome
    plain = words.table and not outcome
    face, edge = (PALE_ORANGE, ORANGE) if mediator else (PALE_BLUE, BLUE) if outcome else ("white", GREY)
    style: dict[str, Any] = {"ha": "right", "va": "center", "multialignment": "left", "linespacing": 1.25}
    style |= {"fontsize": SMALL, "fontfamily": "DejaVu Sans Mono"} if plain else {"fontsize": TEXT}
    style["fontweight"] = "bold" if (mediator or outcome) and not plain else "normal"
    box: dict[str, Any] = {"boxstyle": f"round,pad={PAD / TEXT}", "facecolor": face, "edgecolor": edge}
    box["linewidth"] = 2.0 if mediator or outcome else 1.0
    return ax.text(*place, words.texts[name], zorder=3, bbox=box, **style)


def _arrow(ax: Axes, source: Text, target: Text, kind: str) -> None:
    # Ends are tied to the texts themselves, so that they hold when the figure is resized.
    colour, style, width = (BLUE, "-", 1.6) if kind == "media" else (GREY, DASHED, 1.2)
    look: dict[str, Any] = {"arrowstyle": "-|>", "color": colour, "linestyle": style, "linewidth": width}
    look |= {"mutation_scale": 13, "shrinkA": PAD + 1.0, "shrinkB": PAD + 1.0}
    ends: dict[str, Any] = {"xycoords": target, "textcoords": source}
    ax.annotate("", xy=(0.0, 0.5), xytext=(1.0, 0.5), arrowprops=look, zorder=2, **ends)


def _graph_legend(ax: Axes, system: MMM, kinds: set[str], caption: str) -> None:
    entries = []
    if "media" in kinds:
        entries.append(key("media: adstock, then Hill", BLUE, lw=1.6))
    if "linear" in kinds:
        entries.append(key("linear", GREY, lw=1.2, ls=DASHED))
    if system.mediators:
        entries.append(key("mediator", marker="s", ls="", mec=ORANGE, mfc=PALE_ORANGE, mew=2, ms=9))
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "ncols": 3, "frameon": False}
    ax.legend(handles=entries, title=caption or None, fontsize=SMALL, title_fontsize=SMALL, **place)
