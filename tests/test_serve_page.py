"""The planner's page in a browser: every number on it is that of Python, and everything can be done on it."""

import io
import json
import os
import re

import openpyxl
import pandas as pd
import pytest

import bayesmmm as mm
from tests.browsers import chromium
from tests.serving import small_fit

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
#: Milliseconds after which a page that does not answer is given up.
PATIENCE = 60_000
# What is said of a plan belongs to its answer, also while another test sets filters of warnings.
pytestmark = pytest.mark.filterwarnings("default::bayesmmm.errors.BayesMMMWarning")
PICTURES = os.environ.get("BAYESMMM_PICTURES")  # a folder for screenshots, to be looked at


@pytest.fixture(scope="module")
def explorer():
    explorer = small_fit().explore()
    yield explorer
    explorer.stop()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, explorer):
    context = browser.new_context(viewport=WIDE, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    refused = "Failed to load resource"  # a question that is refused
    page.on(
        "console",
        lambda line: faults.append(line.text) if line.type == "error" and refused not in line.text else None,
    )
    opened(page, explorer.address)
    yield page
    context.close()
    assert faults == []


def opened(page, address):
    page.goto(address)
    page.locator("body[data-complete]").wait_for()


def settled(page, act):
    """Do something, and wait until all of it is answered."""
    page.evaluate("delete document.body.dataset.complete")
    act()
    page.locator("body[data-complete]").wait_for()


def number(value):
    """A number as the page writes it."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace("-", "−")


def interval(row):
    return f"{number(row['lower'])} to {number(row['upper'])}"


def said(page, card):
    box = page.locator(f"#card-{card}")
    return box.locator(".value").inner_text(), box.locator(".interval").inner_text()


def plan_of(page, periods=13):
    data = page.request.get(f"{page.url.partition('#')[0]}fits/sales/plan?periods={periods}").json()["rows"]
    return pd.DataFrame(data)


def type_amount(page, channel, amount):
    box = page.get_by_label(f"Amount of {channel},")
    box.fill(str(amount))
    box.press("Enter")


def look(page, name):
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def test_the_numbers_are_those_of_python(page):
    plan, fit = plan_of(page), small_fit()
    settled(page, lambda: type_amount(page, "tv", 2000))
    factor = 2000 / plan["tv"].sum()
    found = mm.what_if(fit, plan=plan, scale={"tv": factor})
    table = mm.summarise(found[["sales", "sales.change"]].sum("date"), 0.9)
    assert said(page, "outcome") == (number(table.loc["sales", "mean"]), interval(table.loc["sales"]))
    change = table.loc["sales.change"]
    assert said(page, "change") == (number(change["mean"]), interval(change))
    cost = 2000 + plan["social"].sum()
    assert said(page, "cost")[0] == number(cost)
    scaled = plan.assign(tv=plan["tv"] * factor)
    returns = mm.summarise(mm.effects(fit, plan=scaled)["joint"] / cost, 0.9).iloc[0]
    assert said(page, "roi") == (number(returns["mean"]), interval(returns))
    profit = found["sales.change"].sum("date") - (2000 - plan["tv"].sum()) - found["search.change"].sum("date")
    assert said(page, "better")[0] == f"{float((profit > 0).mean()):.1%}".replace("%", " %")
    roi = mm.summarise(mm.roi(fit, plan=scaled), 0.9).loc["roi[tv]"]
    row = page.locator("#effects tr[data-channel=tv]").inner_text().split("\t")
    assert row[2] == f"{number(roi['median'])} ({interval(roi)})"
    assert row[3] == f"{100 * roi['p_above']:.1f} %"
    outside = float(found["extrapolated"].sel(input="tv"))
    assert (f"{100 * outside:.1f} %" in page.locator("#beyond").inner_text()) == (outside > 0.05)
    look(page, "wide")


def test_sliders_move_by_keyboard_and_the_total_can_be_kept(page):
    page.get_by_label("Keep the total").check()
    total = page.get_by_label("Total", exact=True).input_value()
    slider = page.get_by_label("tv, money", exact=True)
    before = float(slider.input_value())
    settled(page, lambda: slider.press("PageUp"))
    assert float(slider.input_value()) > before
    assert page.get_by_label("Total", exact=True).input_value() == total
    settled(page, page.get_by_role("button", name="As now").click)
    assert said(page, "change")[0] == "as now"


def test_locked_channels_stay_as_a_total_is_typed(page):
    plan = plan_of(page)
    page.get_by_label("Lock tv").check()
    total = page.get_by_label("Total", exact=True)
    settled(page, lambda: (total.fill("9000"), total.press("Enter")))
    amount = page.get_by_label("Amount of social,").input_value()
    assert float(amount.replace(",", "")) == pytest.approx(9000 - plan["tv"].sum(), abs=1)


def test_groups_move_together(page):
    page.locator("#grouping summary").click()
    for channel in ("tv", "social"):
        box = page.get_by_label(f"Group of {channel}")
        box.fill("<b>all</b>")
        box.press("Enter")
    plan = plan_of(page)
    settled(page, lambda: type_amount(page, "<b>all</b>", 3000))
    shares = [float(page.get_by_label(f"Amount of {c},").input_value().replace(",", "")) for c in ("tv", "social")]
    assert sum(shares) == pytest.approx(3000, abs=2)
    assert shares[0] / shares[1] == pytest.approx(plan["tv"].sum() / plan["social"].sum(), rel=1e-2)


def test_the_best_plan_is_shown_and_taken_over(page):
    money = page.get_by_label("Total", exact=True).input_value()
    settled(page, page.get_by_role("button", name="Find the best plan").click)
    page.locator("body[data-best=shown]").wait_for()
    assert "P(better than now)" in page.locator("#job").inner_text()
    assert page.get_by_label("Total", exact=True).input_value() == money
    best = [row.split("\t") for row in page.locator("#best-table tbody tr").all_inner_texts()]
    amounts = {row[0]: float(row[2].replace(",", "")) for row in best}
    for channel in ("tv", "social"):
        shown = float(page.get_by_label(f"Amount of {channel},").input_value().replace(",", ""))
        assert shown == pytest.approx(amounts[channel], abs=1)


def test_scenarios_are_kept_compared_and_shared_by_their_address(page, explorer):
    settled(page, lambda: type_amount(page, "tv", 1234))
    outcome = said(page, "outcome")
    page.get_by_label("Name").fill("more <i>tv</i>")
    page.get_by_role("button", name="Keep this plan").click()
    settled(page, lambda: type_amount(page, "tv", 10))
    page.get_by_label("Name").fill("no tv")
    page.get_by_role("button", name="Keep this plan").click()
    head = page.locator("#scenarios thead").inner_text()
    assert "more <i>tv</i>" in head
    assert "no tv" in head
    assert f"{outcome[0]} ({outcome[1]})" in page.locator("#scenarios").inner_text()
    settled(page, page.get_by_role("link", name="more").click)
    assert said(page, "outcome") == outcome
    address = page.url
    page.goto("about:blank")
    opened(page, address)
    assert said(page, "outcome") == outcome
    assert page.get_by_label("Amount of tv,").input_value() == "1,234"


def test_files_hold_the_numbers_of_the_answer(page):
    settled(page, lambda: type_amount(page, "tv", 1500))
    plan = plan_of(page)
    found = mm.what_if(small_fit(), plan=plan, scale={"tv": 1500 / plan["tv"].sum()})
    mean = found["sales"].mean(("chain", "draw")).values
    with page.expect_download() as got:
        page.get_by_role("button", name="Download CSV").click()
    table = pd.read_csv(got.value.path())
    own = table[table["variable"] == "sales"]
    assert own["mean"].tolist() == pytest.approx(mean.tolist(), rel=1e-12)
    with page.expect_download() as got:
        page.get_by_role("button", name="Download XLSX").click()
    book = openpyxl.load_workbook(io.BytesIO(got.value.path().read_bytes()))
    rows = [row for row in book["periods"].iter_rows(values_only=True) if row[0] == "sales"]
    assert [row[3] for row in rows] == pytest.approx(mean.tolist(), rel=1e-12)


def test_what_is_expected_of_controls_is_in_the_answer_and_in_the_address(page):
    plan = plan_of(page)
    page.locator("#expecting summary").click()
    price = page.get_by_label(f"price, {plan['date'][2]}", exact=True)
    assert float(price.input_value()) == pytest.approx(plan["price"][2], rel=1e-5)
    settled(page, lambda: (price.fill("20"), price.press("Enter")))
    plan.loc[2, "price"] = 20.0
    found = mm.summarise(mm.predict(small_fit(), plan)[["sales"]].sum("date"), 0.9).loc["sales"]
    assert said(page, "outcome") == (number(found["mean"]), interval(found))
    curve = mm.response_curves(small_fit(), plan=plan, channels=["social"], parts=True).sel(factor=1.0)
    table = mm.summarise(curve[["outcome", "direct"]], 0.9)["median"]
    (chart,) = page.get_by_label("social: at", exact=False).all()
    words = chart.get_attribute("aria-label")
    assert words.endswith(
        f"it brings {number(table['outcome[social]'])}, directly {number(table['direct[social]'])}"
    )
    address = page.url
    page.goto("about:blank")
    opened(page, address)
    assert said(page, "outcome") == (number(found["mean"]), interval(found))


def test_months_and_windows(page):
    settled(page, lambda: page.get_by_label("Show by").select_option("month"))
    assert "freq=month" in page.url
    dates = page.locator("#start option").all_inner_texts()
    settled(page, lambda: page.get_by_label("Change from").select_option(dates[4]))
    now = plan_of(page)
    inside = now[now["date"] >= dates[4]]["tv"].sum()
    shown = float(page.get_by_label("Amount of tv,").input_value().replace(",", ""))
    assert shown == pytest.approx(inside, rel=1e-3)


def test_a_sentence_of_the_package_is_shown_for_what_cannot_be(page):
    settled(
        page,
        lambda: (page.get_by_label("Next periods").fill("4"), page.get_by_label("Next periods").press("Enter")),
    )
    periods = page.get_by_label("Next periods")
    periods.fill("1000")
    periods.press("Enter")
    page.locator("#message").wait_for()
    assert re.search("periods=1000 must be a whole number from 1 to 60", page.locator("#message").inner_text())


CONTRAST = """
() => {
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const weights = [0.2126, 0.7152, 0.0722];
  const light = (c) => weights.reduce((sum, weight, i) => sum + weight * linear(c[i] / 255), 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const back = colour(getComputedStyle(at).backgroundColor);
      if (back.length < 4 || back[3] > 0) return back;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || ["SCRIPT", "OPTION", "STYLE"].includes(element.tagName)) continue;
    const [a, b] = [light(colour(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${element.tagName} ${element.textContent.slice(0, 40)} ${ratio.toFixed(2)}`);
  }
  return found;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_a_phone_dark_mode_and_contrast(browser, explorer, size, scheme):
    context = browser.new_context(viewport=WIDE if size == "wide" else NARROW, color_scheme=scheme)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    opened(page, explorer.address)
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    unnamed = """() => [...document.querySelectorAll("input, select, button")]
        .filter((e) => !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).length"""
    assert page.evaluate(unnamed) == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    look(page, f"{size}-{scheme}")
    page.emulate_media(media="print", color_scheme="light")
    assert not page.get_by_role("button", name="Print").is_visible()
    context.close()


def test_a_slider_is_answered_before_long(page):
    """No limit of time: that every move is answered in the end, and by the last question."""
    slider = page.get_by_label("tv, money", exact=True)
    settled(page, lambda: [slider.press("ArrowRight") for _ in range(30)])
    asked = json.loads(
        page.evaluate("JSON.stringify([...new URLSearchParams(location.hash.slice(1)).getAll('amount')])")
    )
    (amount,) = (value for name, value in map(json.loads, asked) if name == "tv")
    found = mm.what_if(small_fit(), plan=plan_of(page), scale={"tv": amount / plan_of(page)["tv"].sum()})
    assert said(page, "outcome")[0] == number(mm.summarise(found[["sales"]].sum("date"), 0.9).loc["sales", "mean"])
