"""A plan as a calendar, a workbook and a page: the numbers of the plan, in money and in shares."""

import sys

import numpy as np
import openpyxl
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.errors import MissingLibraryError, SettingError, WritingError
from bayesmmm.optimize import optimize_budget
from bayesmmm.optimize.plan_calendar import _amount_of
from tests import budgets, panel_budgets
from tests import plans_made_up as made
from tests.answers_made_up import LONG


@pytest.fixture(scope="module")
def panel():
    fit = panel_budgets.plain_panel(without=[("radio", "south")])
    return optimize_budget(fit, total=1200.0, periods=4, round_to=10.0)


def cells(sheet):
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


# ----------------------------------------------------------------------------------------------------------- calendars
def test_calendar_of_money_and_of_shares():
    plan = made.plan(3)
    money, shares = plan.calendar(), plan.calendar(shares=True)
    np.testing.assert_array_equal(money[LONG[:3]].to_numpy().T, plan.spend)
    np.testing.assert_allclose(money["total"], plan.spend.sum("channel"))
    assert money.index.equals(plan.to_frame().index)
    np.testing.assert_allclose(shares[LONG[:3]].sum(axis=1), 1.0)
    np.testing.assert_allclose(shares[LONG[0]], money[LONG[0]] / money["total"])


def test_a_period_without_spend_has_no_shares():
    plan = made.plan(2)
    plan.spend[:, 3] = 0.0
    assert plan.calendar(shares=True).iloc[3].isna().all()


def test_calendar_of_a_panel(panel):
    both, each = panel.calendar(), panel.calendar(by="pair")
    np.testing.assert_allclose(both[["tv", "radio"]].to_numpy().T, panel.spend.sum("geo"))
    np.testing.assert_allclose(each["north", "tv"], panel.spend.sel(geo="north", channel="tv"))
    np.testing.assert_allclose(each["total", ""], both["total"])
    with pytest.raises(SettingError, match="by='geo' must be one of channel, pair"):
        panel.calendar(by="geo")
    with pytest.raises(SettingError, match="this plan is of one series; leave by out"):
        made.plan(2).calendar(by="pair")


# ----------------------------------------------------------------------------------------------------------- workbooks
def test_workbook_holds_the_plan(tmp_path):
    plan = made.plan(3)
    path = plan.to_excel(tmp_path / "plan.xlsx", ci_prob=0.8)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["plan", "calendar", "current", "shares", "columns", "about"]
    table, rows = plan.table(0.8), cells(book["plan"])
    assert rows[0] == ["name", *table.columns]
    assert [row[0] for row in rows[1:]] == table.index.tolist()
    assert [row[3] for row in rows[1:]] == pytest.approx(table["new"].tolist())
    calendar = cells(book["calendar"])
    assert calendar[0] == ["date", *LONG[:3], "total"]
    assert calendar[1][0] == plan.to_frame().index[0].to_pydatetime()
    assert calendar[-1][0] == "total"
    assert calendar[-1][-1] == pytest.approx(float(plan.spend.sum()))
    assert calendar[1][1:4] == pytest.approx(plan.spend.values[:, 0].tolist())
    assert cells(book["current"])[1][1:4] == pytest.approx(plan.current.values[:, 0].tolist())
    share = book["shares"]["B2"]
    assert share.value == pytest.approx(plan.calendar(shares=True).iloc[0, 0])
    assert share.number_format == "0.0%"
    money = {cell.number_format for row in book["calendar"].iter_rows(min_row=2, min_col=2) for cell in row}
    assert money == {"#,##0"}
    assert book["columns"]["A2"].value == plan.to_frame().index[0].to_pydatetime()
    assert next(row[0] for row in cells(book["about"])) == str(plan).splitlines()[0]


@pytest.mark.parametrize(
    ("values", "form"),
    [([7700.0, 1400.0], "#,##0"), ([0.5, 2000.0], "#,##0"), ([46.79, 50.0], "#,##0.00"), ([], "#,##0")],
)
def test_amounts_have_places_where_they_matter(values, form):
    """A spreadsheet shows no point without digits behind it."""
    assert _amount_of(pd.Series(values, dtype=float)) == form


def test_workbook_of_a_panel(panel, tmp_path):
    book = openpyxl.load_workbook(panel.to_excel(tmp_path / "plan.xlsx"))
    assert book.sheetnames[:3] == ["plan", "geos", "pairs"]
    head, *rows = cells(book["calendar"])
    assert head[1:3] == ["tv in north", "radio in north"]
    amounts = np.array([row[1:-1] for row in rows[:-1]], float)
    assert np.abs(amounts / 10.0 - np.round(amounts / 10.0)).max() < 1e-9
    assert rows[-1][-1] == pytest.approx(1200.0)


def test_names_are_no_formulas(tmp_path):
    fit = budgets.plain_fit(("=1+1", "radio"))
    assert "=1+1" in fit.data.media
    plan = optimize_budget(fit, total=300.0, periods=2)
    book = openpyxl.load_workbook(plan.to_excel(tmp_path / "plan.xlsx"))
    assert book["plan"]["A2"].value in ("=1+1", "radio")
    assert "f" not in {cell.data_type for row in book["plan"].iter_rows() for cell in row}
    assert "f" not in {cell.data_type for row in book["calendar"].iter_rows() for cell in row}


def test_a_workbook_that_cannot_be_written(tmp_path, monkeypatch):
    plan = made.plan(2)
    with pytest.raises(SettingError, match=r"let its name end in \.xlsx, as plan\.xlsx"):
        plan.to_excel(tmp_path / "plan.csv")
    with pytest.raises(WritingError, match="cannot be written"):
        plan.to_excel(tmp_path / "nowhere" / "plan.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(
        MissingLibraryError, match=r"pip install 'bayesmmm\[xlsx\]', or .*plan\.calendar\(\)\.to_csv"
    ):
        plan.to_excel(tmp_path / "plan.xlsx")
    plan.calendar().to_csv(tmp_path / "calendar.csv")  # the other way out
    assert not (tmp_path / "plan.xlsx").exists()


# --------------------------------------------------------------------------------------------------------------- pages
def test_page_holds_table_and_calendars(tmp_path):
    plan = made.plan(3)
    page = plan.to_html(tmp_path / "plan.html")
    assert (tmp_path / "plan.html").read_text(encoding="utf-8") == page
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<table>") == 3
    assert "<h2>calendar in money</h2>" in page
    assert "<h2>calendar in shares</h2>" in page
    for name in LONG[:3]:
        assert page.count(f"<th>{name}</th>") == 2
    assert page.count("<td>2023-12-31</td>") == 2
    assert "http" not in page  # nothing from elsewhere


def test_notebooks_show_the_calendar():
    shown = made.plan(3)._repr_html_()
    assert "<summary>calendar in money</summary>" in shown
    assert "<td>2024-03-24</td>" in shown


def test_both_plans_are_tables_for_a_forecast():
    fit = budgets.plain_fit(("tv", "radio"))
    plan = optimize_budget(fit, total=300.0, periods=2)
    for which, spend in (("new", plan.spend), ("current", plan.current)):
        np.testing.assert_allclose(plan.to_frame(which)[["tv", "radio"]].to_numpy().T, spend)
        assert mm.predict(fit, plan.to_frame(which))["sales"].sizes["date"] >= 2
    with pytest.raises(SettingError, match="plan='old' must be one of new, current"):
        plan.to_frame("old")


# -------------------------------------------------------------------------------------------------------------- offers
def test_a_plan_far_beyond_what_was_seen_offers_others():
    fit = budgets.plain_fit(budgets.SIX[:3], slope=[0.7, 0.9, 2.5], contribution=[0.1, 0.1, 0.3])
    plan = optimize_budget(fit, total=1000.0, periods=4)
    assert (plan.answers["extrapolated"].sel(plan="new") > 0.25).any()
    near, careful = plan.solution.offers
    assert (near.argument, careful.argument) == ("change=0.3", "risk=('cvar', 0.1)")
    for offer, asked in ((near, {"change": 0.3}), (careful, {"risk": ("cvar", 0.1)})):
        other = optimize_budget(fit, total=1000.0, periods=4, **asked)
        size = float(other.answers["lift"].sel(plan="new").mean())
        assert offer.gain == pytest.approx(float(other.answers["gain"].mean()), abs=0.03 * size)
        assert offer.p_better == pytest.approx(other.p_better, abs=0.15)
    assert near.extrapolated < float(plan.table().loc["total", "extrapolated"])
    assert "goes far beyond what was seen; nearer to it, asked for anew: change=0.3 gains about" in " ".join(
        str(plan).split()
    )
    # What was asked for already is not offered, and near what was seen nothing is.
    assert [o.argument for o in optimize_budget(fit, total=1000.0, periods=4, change=5.0).solution.offers] == [
        "risk=('cvar', 0.1)"
    ]
    assert optimize_budget(fit, total=200.0, periods=4, change=0.1).solution.offers == ()
