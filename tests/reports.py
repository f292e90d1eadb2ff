"""Reading a report back: its page, its tables, its sentences."""

from html.parser import HTMLParser

import pandas as pd

from bayesmmm import report
from bayesmmm.files import RUN_COLUMN, run_folder


def write(composed, folder):
    """Write a report to a folder."""
    with run_folder(folder) as run:
        return report.write(composed, run)


class Page(HTMLParser):
    """What a page holds: its tags, its text, its images; unbalanced tags are noted."""

    VOID = ("meta", "img", "br", "wbr")
    INLINE = ("a", "b", "span", "code")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.images, self.faults, self.links = [], set(), [], {}, [], []
        self.feed(text)
        self.close()
        self.faults += self.open
        self.text = " ".join("".join(self.words).replace("\xa0", " ").split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.words.append("" if tag in (*self.INLINE, "wbr") else " ")
        given = dict(attrs)
        self.links += [
            v for k, v in attrs if k in ("href", "src", "srcset", "action", "data", "poster", "background")
        ]
        self.faults += [k for k, _ in attrs if k.startswith("on")]
        if tag == "img":
            self.images[given["alt"]] = given["src"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.words.append("" if tag in self.INLINE else " ")
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)


def page_of(folder):
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def csv(folder, name):
    """A table without the mark of its run, which every row has."""
    table = pd.read_csv(folder / "tables" / f"{name}.csv", keep_default_na=True)
    assert table.pop(RUN_COLUMN).str.startswith("bayesmmm:report:").all()
    return table


def said(report, topic=""):
    return " ".join(finding.text for finding in report.findings if topic in finding.topic)
