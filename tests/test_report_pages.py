"""The report of twelve channels on paper and on a phone."""

import re

import pytest

from bayesmmm.report import compose
from tests.browsers import chromium
from tests.gallery import fit_of
from tests.reports import write

#: Pages of A4, with the margins that Chromium prints with.
MOST = 12
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write(compose(fit_of(12), currency="€"), folder)
    with chromium() as browser:
        page = browser.new_page(viewport=PHONE)
        page.goto((folder / "index.html").as_uri())
        yield page


def test_it_prints_on_few_pages(page):
    printed = page.pdf(format="A4", print_background=True)
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= MOST


def test_no_table_is_wider_than_the_paper(page):
    """A browser would make all letters smaller."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})  # 190 mm
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.emulate_media(media="screen")
    page.set_viewport_size(PHONE)
    assert wide <= 718


def test_on_a_phone_nothing_is_wider_than_the_screen_and_letters_are_legible(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    first = page.locator("#decision figure img")
    assert first.count() == 3
    for i in range(3):
        shown = first.nth(i).evaluate("img => img.clientWidth / img.naturalWidth")
        # Images of figures are 72 points an inch wide, and their smallest letters 8 points; a pixel is 0.75 points.
        assert 8.0 * shown / 0.75 >= 8.5, "letters of legends and axes, in pixels"


def test_the_first_figure_is_seen_soon(page):
    page.set_viewport_size({"width": 1280, "height": 900})
    top = page.locator("#decision figure").first.evaluate("figure => figure.getBoundingClientRect().top")
    assert top + page.evaluate("window.scrollY") <= 1200
