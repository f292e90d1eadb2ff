"""The first pages: for the person who decides, in a few words, without the names of checks or a line of code."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bayesmmm.report.answers import Answers
from bayesmmm.report.figures import FIRST, Figure
from bayesmmm.report.pieces import figures_html, items, paragraph, plain, table_html
from bayesmmm.report.summary import Advice, Summary
from bayesmmm.text import percent


def make_first_page(answers: Answers, summary: Summary, figures: Sequence[Figure], folder: Path) -> str:
    """Return the part for the person who decides as HTML; `folder` is where the figures were saved as SVG."""
    own = [
        replace(figure, found=summary.titles.get(figure.kind, "")) for figure in figures if figure.section == FIRST
    ]
    found = "".join(f"<li>{plain(text)}</li>\n" for text in summary.sentences)
    note = f"Numbers are medians; ranges hold {percent(answers.ci_prob)} of the probability."
    return (
        f'<ul class="found">\n{found}</ul>\n{_cards(summary)}{figures_html(own[:2], FIRST, folder)}'
        f"{paragraph(summary.others) if summary.others else ''}{_advice(summary.advice)}"
        f'<div class="beside">{figures_html(own[2:], FIRST, folder)}{_test(*summary.test)}</div>\n'
        f"{paragraph(note, 'note')}"
    )


def _cards(summary: Summary) -> str:
    cards = "".join(
        f'<div class="card"><b>{plain(card.value)}</b><span>{plain(card.label)}</span>'
        f"<small>{plain(card.below)}</small></div>\n"
        for card in summary.cards
    )
    return f'<div class="cards">\n{cards}</div>\n'


def _test(title: str, text: str) -> str:
    return f"<div><h2>{plain(title)}</h2>\n{paragraph(text)}</div>\n" if title else ""


def _advice(advice: Advice | None) -> str:
    """The recommended plan; the sentences above say why there is none."""
    if advice is None:
        return ""
    head = ["Channel", "Now", "Then", "Change"]
    cells = [[plain(cell) for cell in line] for line in advice.table]
    table = table_html("Spend in the window of the plan", head, cells)
    return f'<h2>{plain(advice.title)}</h2>\n<div class="advice">{table}{items(advice.rests)}</div>\n'
