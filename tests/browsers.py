"""Chromium for tests that look at pages: where it is installed, and how a test gets it."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def chromium():
    """Run a browser; the test is skipped where there is none, saying so."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the page is tested by playwright, not installed"
    )
    if CHROMIUM is None:
        pytest.skip("no Chromium: install it, as apt-get install chromium, to test the page")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
