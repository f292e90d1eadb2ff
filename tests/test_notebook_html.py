"""What notebooks show: small tables without script, escaped, with the numbers that are printed."""

from html.parser import HTMLParser

import pytest

from bayesmmm.data import MMMData
from bayesmmm.diagnostics import diagnose
from bayesmmm.equations import MMM, Equation
from tests import plans_made_up, worlds
from tests.fits import quiet
from tests.made import made_fit
from tests.test_plots_evaluation import made_cv

NASTY = {"tv": "<b>tv", "social": "a&b"}


class Page(HTMLParser):
    """Tags that were opened, and the words of cells and of the printed text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.cells, self.printed, self.open = [], [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert attrs == []
        self.tags.append(tag)
        self.open.append(tag)
        if tag in ("td", "th") and "details" not in self.open:
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th") and "details" not in self.open:
            self.cells[-1] += data
        elif self.open[-1] == "pre":
            self.printed += data


def records():
    frame = worlds.frame().rename(columns=NASTY)
    data = MMMData.from_frame(
        frame,
        date="week",
        outcome="sales",
        media=[*NASTY.values()],
        mediators={"search": "money"},
        controls=["price"],
    )
    system = MMM([Equation("search", media=["a&b"]), Equation("sales", media=[*NASTY.values(), "search"])])
    fit = made_fit(system, data, draws=10, verdict="doubtful")
    found = {"data": data, "system": system, "fit": fit, "convergence": fit.convergence, "cv": made_cv()}
    return found | {"plan": plans_made_up.plan(), "diagnosis": quiet(diagnose, fit)}


@pytest.fixture(scope="module")
def made():
    return records()


@pytest.mark.parametrize("name", ["data", "system", "fit", "convergence", "cv", "plan", "diagnosis"])
def test_tables_are_escaped_and_hold_what_is_printed(made, name):
    page = Page(made[name]._repr_html_())
    assert page.open == []
    assert set(page.tags) <= {"div", "b", "table", "tr", "th", "td", "details", "summary", "pre"}
    assert page.tags.count("b") == 1  # names like <b> open no tag
    printed = str(made[name])
    assert page.printed == printed
    numbers = [cell for cell in page.cells if any(c.isdigit() for c in cell) and "at " not in cell and cell != "0"]
    if name != "diagnosis":  # its findings are broken into lines where they are printed
        assert [cell for cell in numbers if not all(word in printed for word in cell.split())] == []


def test_names_come_back(made):
    for name in ("data", "system"):
        assert {"<b>tv", "a&b"} <= {
            word for cell in Page(made[name]._repr_html_()).cells for word in cell.split(", ")
        }
    cells = Page(made["diagnosis"]._repr_html_()).cells
    assert cells[4::4] == [check.group for check in made["diagnosis"].checks]
    assert cells[7::4] == [check.finding for check in made["diagnosis"].checks]
