"""Pieces that pages are made of: paragraphs, lists, tables and figures as HTML."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from bayesmmm.report.figures import Figure
from bayesmmm.report.tables import pick
from bayesmmm.text import interval_cells

_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def plain(text: str) -> str:
    """Escape a text, and keep a number with its percent sign, and a date, on one line."""
    kept = escape(text).replace(" %", "&nbsp;%")
    return _DATE.sub(r'<span class="day">\g<0></span>', kept)


def paragraph(text: str, kind: str = "") -> str:
    """Write a paragraph, with the class `kind`."""
    return f"<p{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{plain(text)}</p>\n"


def list_of(texts: Iterable[str], tag: str) -> str:
    """Write texts, each in a tag."""
    return "".join(f"<{tag}>{plain(text)}</{tag}>\n" for text in texts)


def items(texts: Iterable[str]) -> str:
    """Write a list."""
    return f"<ul>\n{list_of(texts, 'li')}</ul>\n"


def pairs(values: Mapping[str, object]) -> str:
    """Write names beside their values."""
    rows = "".join(f"<dt>{plain(str(k))}</dt><dd>{plain(str(v))}</dd>\n" for k, v in values.items())
    return f"<dl>\n{rows}</dl>\n"


def cell(row: pd.Series, factor: float = 1.0, name: str = "") -> str:
    """A median with its interval below it, of columns that begin with `name`."""
    if np.isnan(row[f"{name}median"]):
        return "&ndash;"
    middle, ends = interval_cells(*(factor * row[f"{name}{end}"] for end in ("median", "lower", "upper")))
    return f"{middle}<small>{ends}</small>"


def picked(table: pd.DataFrame, factor: float = 1.0, **where: object) -> str:
    """The cell of the row with these values, a dash where there is none."""
    rows = pick(table, **where)
    return cell(rows.iloc[0], factor) if len(rows) else "&ndash;"


def table_html(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, text: int = 1, note: str = ""
) -> str:
    """A table of cells that are HTML already; the first `text` columns hold words, the others numbers."""
    kind = ["" if i < text else ' class="n"' for i in range(len(head))]
    top = "".join(f'<th scope="col"{k}>{plain(name)}</th>' for name, k in zip(head, kind, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{k}>{cell}</td>' for cell, k in zip(row, kind, strict=True))}</tr>\n" for row in rows
    )
    return (
        f'<div class="wide"><table>\n<caption>{plain(caption)}</caption>\n<thead><tr>{top}</tr></thead>\n'
        f"<tbody>\n{body}</tbody>\n</table></div>\n" + (paragraph(note, "note") if note else "")
    )


def folded(name: str, body: str) -> str:
    """Write what opens when its name is chosen, and takes no room on paper until then."""
    return f"<details><summary>{plain(name)}</summary>\n{body}</details>\n" if body else ""


def figures_html(figures: Sequence[Figure], section: str, folder: Path) -> str:
    """Figures of a section; small ones that follow each other stand side by side."""
    out, open_pair = [], False
    for figure in figures:
        if figure.section != section:
            continue
        if figure.small != open_pair:
            out.append('<div class="pair">\n' if figure.small else "</div>\n")
            open_pair = figure.small
        # An image, not inline SVG: its ids stay its own, and nothing in a name can reach the page.
        data = base64.b64encode((folder / f"{figure.name}.svg").read_bytes()).decode("ascii")
        out.append(
            f'<figure id="figure-{escape(figure.name)}"{' class="large"' if figure.large else ""}>\n'
            f"<figcaption><b>{plain(figure.found or figure.title)}</b> {plain(figure.reading)}</figcaption>\n"
            f'<div class="wide"><img src="data:image/svg+xml;base64,{data}" alt="{escape(figure.title)}"></div>\n'
            "</figure>\n"
        )
    return "".join([*out, "</div>\n" if open_pair else ""])
