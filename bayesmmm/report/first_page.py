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
    curves = [figure for figure in own if figure.kind == "response_curves"]
    others = [figure for figure in own if figure not in curves]
    found = "".join(f"<li>{plain(text)}</li>\n" for text in summary.sentences)
    advice = f"{_advice(summary.advice, answers.currency)}{_test(*summary.test)}"
    note = f"Numbers are medians; ranges hold {percent(answers.ci_prob)} of the probability."
    return (
        f'<ul class="found">\n{found}</ul>\n{_cards(summary)}{figures_html(others, FIRST, folder)}'
        f"{paragraph(summary.others) if summary.others else ''}"
        f'<div class="beside">{f"<div>{advice}</div>" if advice else ""}{figures_html(curves, FIRST, folder)}</div>\n'
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
    return f"<h2>{plain(title)}</h2>\n{paragraph(text)}" if title else ""


def _advice(advice: Advice | None, currency: str) -> str:
    """The recommended plan; the sentences above say why there is none."""
    if advice is None:
        return ""
    head = ["Channel", "Now", "Then", "Change"]
    cells = [[plain(name).replace("_", "_<wbr>"), *map(plain, rest)] for name, *rest in advice.table]
    if not cells:
        return f"<h2>{plain(advice.title)}</h2>\n{items(advice.rests)}"
    table = table_html(f"Spend in the window of the plan{f', in {currency}' if currency else ''}", head, cells)
    return f'<h2>{plain(advice.title)}</h2>\n<div class="advice">{table}{items(advice.rests)}</div>\n'
