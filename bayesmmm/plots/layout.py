"""Figures and their panels: making, naming, titling and saving them."""

import io
import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import ScaledTranslation

from bayesmmm.errors import GlyphWarning, SettingError
from bayesmmm.files import writing
from bayesmmm.plots.style import HEAD, LETTER, SMALL, TEXT
from bayesmmm.text import LONGEST, shortened
from bayesmmm.validate import check_count, check_path, refusal

#: Types of the arguments that figures share, and the title that stands for what the figure says itself.
Title = str | None
Panels = Sequence[Axes] | np.ndarray | None
AUTO = "auto"
_NO_ROOM, _GROWTHS = (
    "constrained_layout not applied",
    10,
)  # what Matplotlib says then, and how often a figure grows
_PAD = 0.06  # inches around a title
_LEGEND = 0.4  # inches that figures have for a legend
_LONG_WORD = re.compile(rf"\S{{{LONGEST + 1},}}")
_BOLD = 0.086  # inches that one letter of a title takes, on average


def save(axes: Axes | np.ndarray, path: str | os.PathLike[str], *, dpi: int = 150) -> Path:
    """Write the figure of `axes` to a file and close it.

    Parameters
    ----------
    axes : Axes or array of Axes
        What a function of this module returned.
    path : str or path
        Its suffix gives the format: .png, .svg, .pdf.
    dpi : int
        Resolution.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    SettingError
        For axes, a suffix or a resolution that cannot be.
    WritingError
        When the file cannot be written.
    """
    first = next(iter(np.ravel(np.asarray(axes, dtype=object))), None)
    if not isinstance(first, Axes | Figure):
        raise refusal("axes", axes, "must be what a function of mm.plots returned")
    figure, path = whole_figure(first), check_path(path, "path", SettingError, "figure.png")
    kinds = figure.canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:  # without one, another file would be written than is returned
        raise refusal(
            "path", str(path), f"must end in one of {', '.join(f'.{kind}' for kind in kinds)}, as 'figure.png'"
        )
    dpi = check_count(dpi, "dpi", least=10, most=2400, advice="as dpi=150")
    (content,) = rendered(axes, [path.suffix], dpi=dpi)
    with writing(path):
        path.write_bytes(content)
    return path


def rendered(axes: Axes | np.ndarray, suffixes: Sequence[str], *, dpi: int = 150) -> list[bytes]:
    """Return the figure of `axes` as the bytes of files with these suffixes, and close it; the same bytes every time.

    It is laid out once, which takes longer than to draw.

    One whose words leave no room for its panels grows until they have some.
    """
    figure = whole_figure(next(iter(np.ravel(np.asarray(axes, dtype=object)))))
    try:
        for _ in range(_GROWTHS):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                if (engine := figure.get_layout_engine()) is not None:
                    engine.execute(figure)
            if not any(_NO_ROOM in str(each.message) for each in caught):
                break
            figure.set_size_inches(1.4 * figure.get_figwidth(), 1.4 * figure.get_figheight())
        for each in caught:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        # With an engine of any kind, even one that does nothing, Matplotlib draws each figure once more to be sure.
        with plt.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
            figure.set_layout_engine(None)
        box = figure.get_tightbbox(figure.canvas.get_renderer()).padded(_PAD)  # type: ignore[attr-defined]
        style: dict[str, Any] = {"dpi": dpi, "bbox_inches": box, "facecolor": "white"}
        with plt.rc_context({"svg.hashsalt": "bayesmmm"}):  # else ids are random
            return [_saved(figure, suffix, style) for suffix in suffixes]
    finally:
        plt.close(figure)


def _saved(figure: Figure, suffix: str, style: Mapping[str, Any]) -> bytes:
    kind, content = suffix[1:].lower(), io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    figure.savefig(content, format=kind, metadata=undated, **style)
    return content.getvalue()


def whole_figure(ax: Axes | Figure) -> Figure:
    """Return the whole figure, also from a part of one."""
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes that were taken off their figure"
    return figure


# ------------------------------------------------------------------------------------------------------------- panels
def panels(
    count: int, wide: int, size: tuple[float, float], *, sharex: bool = False, down: bool = False
) -> list[Axes]:
    """Make a grid of panels, `wide` across, filled row by row or `down` by column; what stays empty is taken away."""
    tall = -(-count // wide)
    _, grid = plt.subplots(tall, wide, figsize=size, sharex=sharex, squeeze=False, layout="constrained")
    filled = list((grid.T if down else grid).ravel())
    for empty in filled[count:]:
        empty.remove()
    for row, column in ((tall - 2, c) for c in range(wide) if tall > 1 and sharex):
        if grid[row + 1, column] in filled[count:]:  # the lowest of its column
            grid[row, column].tick_params(labelbottom=True)
    return filled[:count]


def name_axes(axes: Sequence[Axes], x: str, y: str, own: bool) -> None:
    """Name the axes once for a figure of our own, else on every panel."""
    if own:
        figure = axes[0].figure.figure
        figure.supxlabel(x, fontsize=TEXT)
        figure.supylabel(y, fontsize=TEXT)
        return
    for ax in axes:
        ax.set_xlabel(x, fontsize=SMALL)
        ax.set_ylabel(y, fontsize=SMALL)


def rows_axes(labels: Sequence[object], width: float, height: float, row: float) -> Axes:
    """Make a figure with a row for each label: inches beside the labels, beside the rows, and of a row."""
    margin = width_of(labels)
    _, ax = plt.subplots(figsize=(width + margin, height + row * len(labels)), layout="constrained")
    return ax


def width_of(labels: Iterable[object]) -> float:
    """Inches that the longest of some labels takes, once they are cut."""
    return LETTER * max(min(len(line), LONGEST) for label in labels for line in str(label).split("\n"))


def plain_texts(where: Figure | Sequence[Axes]) -> None:
    """Draw every text as what it is: no dollar begins mathematics; long names are cut, missing letters are told."""
    parts = where.axes if isinstance(where, Figure) else where
    for axis in (axis for ax in parts for axis in (ax.xaxis, ax.yaxis)):
        if not isinstance(axis.get_major_locator(), FixedLocator):
            continue
        labels = [label.get_text() for label in axis.get_ticklabels()]
        if max(map(len, labels), default=0) > LONGEST:
            axis.set_ticks(axis.get_ticklocs(), labels=[shortened(label) for label in labels])
    texts = [text for part in ([where] if isinstance(where, Figure) else where) for text in part.findobj(Text)]
    lost: dict[str, str] = {}
    for text in texts:
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_text(_LONG_WORD.sub(lambda word: shortened(word[0]), text.get_text()))
        lost |= {letter: text.get_text() for letter in text.get_text() if _is_lost(letter, text)}
    if lost:
        letters, names = "".join(lost), ", ".join(repr(name) for name in dict.fromkeys(lost.values()))
        warnings.warn(
            GlyphWarning(
                f"the font of the figure has no sign for {letters!r}, in {names}; boxes stand for them. Choose a font "
                f"that has them, as plt.rcParams['font.family'] = ['DejaVu Sans', 'Noto Sans CJK JP'], or rename them."
            ),
            stacklevel=4,
        )


def _is_lost(letter: str, text: Text) -> bool:
    """Whether no font of a text has a sign for a letter."""
    if letter.isascii() or letter.isspace():
        return False
    return not any(ord(letter) in _letters(family) for family in text.get_fontproperties().get_family())


@cache
def _letters(family: str) -> frozenset[int]:
    """Code points that a family of fonts has signs for."""
    return frozenset(get_font(findfont(FontProperties(family=[family]))).get_charmap())


def listed(axes: Sequence[Axes] | np.ndarray, count: int) -> list[Axes]:
    """Return `axes` as a list, checked to be `count` of them."""
    flat = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(flat) != count:
        raise SettingError(f"axes has {len(flat)} axes and {count} panels are drawn; give {count}, or none")
    return [one(ax, "axes") for ax in flat]


def one(ax: object, name: str = "ax") -> Axes:
    """Return `ax`, checked to be axes that stand on a figure."""
    if not isinstance(ax, Axes) or ax.get_figure(root=True) is None:
        raise refusal(name, ax, "must be axes of a figure of matplotlib, as plt.subplots()[1]")
    if ax.name != "rectilinear":  # polar axes have no sides, those in space a third direction
        raise refusal(name, ax, f"must be axes with x and y, not {ax.name}", advice="as plt.subplots()[1]")
    return ax


# ------------------------------------------------------------------------------------------------------------- titles
def finish(axes: Sequence[Axes], own: bool, title: Title, words: str) -> np.ndarray:
    """Write the title of a figure that is drawn otherwise, and return its axes as an array.

    Parameters
    ----------
    own : bool
        Whether the figure is ours, not made of axes that were given.
    title : str or None
        As the user gave it: `AUTO` stands for `words`.
    words : str
        What is seen.
    """
    if not isinstance(title, str | None):
        raise refusal("title", title, "must be text, or None for no title")
    text = words if title == AUTO else title
    plain_texts(whole_figure(axes[0]) if own else axes)
    if own:
        _lay_out_head(whole_figure(axes[0]), text or "")
    elif text and len(axes) == 1:
        legend, pad = axes[0].get_legend(), 4.0
        if legend is not None:  # one above the axes stands below their title
            above = legend.get_window_extent().y1 - axes[0].get_window_extent().y1
            pad += max(0.0, 72.0 * above / whole_figure(axes[0]).dpi)
        axes[0].set_title(text, loc="left", fontsize=HEAD, fontweight="bold", pad=pad, parse_math=False)
    elif text and title != AUTO:
        axes[0].figure.suptitle(text, fontsize=HEAD, fontweight="bold", parse_math=False)
    return np.asarray(list(axes), dtype=object)


def _lay_out_head(figure: Figure, text: str) -> None:
    """Make the figure higher by a title on top of it, at the left, and by a legend of many lines below that.

    Matplotlib lays a title and a legend "outside upper" on each other: both take their room from the same margin. So
    the panels keep to a part of the figure that has room for both, and the legend is moved below the title.
    """
    (wide, tall), used = figure.get_size_inches(), 0.0
    if text:
        kept = re.sub(r"(\d) to (\d)", "\\1\u00a0to\u00a0\\2", text)  # a span stays on one line, and a share
        kept = kept.replace(" %", "\u00a0%")
        lines = fill(
            _LONG_WORD.sub(lambda word: shortened(word[0]), kept), int((wide - 2 * _PAD) / _BOLD)
        ).replace("\u00a0", " ")
        place: dict[str, Any] = {"ha": "left", "va": "top", "x": _PAD / wide, "parse_math": False}
        head = figure.suptitle(lines, y=1.0, fontsize=HEAD, fontweight="bold", **place)
        used = head.get_window_extent().height / figure.dpi + 3 * _PAD
    heights = [legend.get_window_extent().height / figure.dpi + 2 * _PAD for legend in figure.legends]
    tall += used + sum(max(0.0, height - _LEGEND) for height in heights)
    figure.set_size_inches(wide, tall)
    for legend, height in zip(figure.legends, heights, strict=True):
        if text:
            below = figure.transFigure + ScaledTranslation(0.0, -used, figure.dpi_scale_trans)
            legend.set_bbox_to_anchor((0.0, 0.0, 1.0, 1.0), below)
        used += height
    if figure.get_supylabel():  # in the middle of the panels
        figure.supylabel(figure.get_supylabel(), y=0.5 * (1.0 - used / tall), fontsize=TEXT)
    if text:
        head.set_y(1.0 - _PAD / tall)
        engine = figure.get_layout_engine()
        assert isinstance(engine, ConstrainedLayoutEngine), "the layout of every figure of our own"
        engine.set(rect=(0.0, 0.0, 1.0, 1.0 - used / tall))
