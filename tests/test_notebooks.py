"""The notebooks stand as they should; the guides among them run from top to bottom, and say what they should."""

import json
import re
from itertools import pairwise

import pytest

from tests.notebook_runs import (
    BRIEF,
    BUDGET,
    CASES,
    DATA,
    DIAGNOSTICS,
    ECOMMERCE,
    FEW,
    FOLDER,
    GUIDES,
    MEDIATION,
    PANELS,
    QUICKSTART,
    TV,
    YOUTUBE,
    code,
    executed_once,
    figures,
    named_rows,
    number,
    printed,
    read,
    rows,
    shown,
)

NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))
FULL = {"DRAWS": "1000", "TUNE": "1000", "CHAINS": "4"}
SETTING = re.compile(r'environ\.get\("BAYESMMM_NOTEBOOK_(\w+)", (\d+)\)')


def test_all_notebooks_are_there():
    assert [*GUIDES, *CASES] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_stored_for_python(name):
    assert read(name).metadata.kernelspec.name == "python3"


@pytest.mark.parametrize(
    ("name", "more"),
    [(QUICKSTART, {}), (BUDGET, {}), (DIAGNOSTICS, {"WORLDS": "60"}), (PANELS, {}), (MEDIATION, {"WORLDS": "6"})]
    + [(name, {}) for name in (DATA, YOUTUBE, BRIEF, TV)]
    + [(ECOMMERCE, {"SERIES": "10"})],
)
def test_settings_stand_in_the_first_code_cell_with_full_defaults(name, more):
    first = code(read(name))[0].source
    assert dict(SETTING.findall(first)) == FULL | more


@pytest.mark.parametrize("name", NAMES)
def test_every_code_cell_is_introduced_or_shows_one_figure(name):
    """Two code cells in a row are allowed for imports and for a series of figures, not for more."""
    cells = read(name).cells
    for before, cell in pairwise(cells):
        if before.cell_type == cell.cell_type == "code":
            assert cell.source.startswith(("ax = ", "axes = ", "import "))


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    return executed_once(GUIDES, tmp_path_factory)


# -------------------------------------------------------------------------------------------------------- quickstart
def test_quickstart_runs(executed):
    text = printed(executed[QUICKSTART])
    assert f"2 chains x {FEW['DRAWS']} draws" in text
    assert "nothing to object to" in text
    assert re.search(r"\d+ of 56 true values lie inside their 90% intervals", text)
    assert shown(executed[QUICKSTART], "again = ") == ["True"]  # the loaded fit is the saved one


def test_quickstart_draws_every_figure(executed):
    assert figures(executed[QUICKSTART], "mm.plots.", "beside(") == [1] * 23


def test_quickstart_lays_the_truth_beside_every_answer(executed):
    truth = json.loads((FOLDER.parent / "data" / "social_search.json").read_text())["truth"]["effects"]
    channels = truth["coords"]["channel"]["values"]
    (table,) = shown(executed[QUICKSTART], "found = mm.effects(")
    effects = rows(table)
    assert len(effects) == 12
    for name, (median, lower, upper, true) in effects.items():
        quantity, channel = name.rstrip("]").split("[")
        assert lower <= median <= upper
        known = truth["variables"][quantity]["values"][channels.index(channel)]
        assert true == pytest.approx(known, abs=500.0)  # shown in thousands
    for start, prefix, count in (("returns, net", "roi", 8), ("marginal = ", "marginal_roi", 4)):
        (table,) = shown(executed[QUICKSTART], start)
        found = rows(table)
        assert len(found) == count
        assert all(name.startswith(prefix) and 0.0 <= row[3] <= 1.0 for name, row in found.items())


def test_quickstart_tests_its_forecast(executed):
    text = printed(executed[QUICKSTART])
    ((ours, naive),) = re.findall(r"mean error of the forecast: ([\d.]+)%; .* year before: ([\d.]+)%", text)
    assert float(ours) < float(naive)
    (inside,) = re.findall(r"(\d+) of 13 weeks lie inside their 90% intervals", text)
    assert int(inside) >= 9


# ------------------------------------------------------------------------------------------------------------ budget
def test_budget_draws_every_figure(executed):
    assert figures(executed[BUDGET], "mm.plots.", "plt.subplots") == [1] * 8


def test_budget_lays_plans_side_by_side(executed):
    text = printed(executed[BUDGET])
    assert "4 plans for 2024-12-29 to 2025-03-23, revenue in money" in text
    assert abs(number(r"rounding costs (-?[\d,.]+) of the gain", text)) < 1000.0
    (table,) = shown(executed[BUDGET], "booked = ")
    money = [[int(word) for word in line.split()[1:]] for line in table.splitlines() if line.startswith("202")]
    assert len(money) == 13
    assert all(amount % 100 == 0 for row in money for amount in row)


def test_budget_says_what_the_gain_is_made_of(executed):
    text = printed(executed[BUDGET])
    assert text.count("Budget plan for 2024-12-29 to 2025-03-23, 13 periods ahead") == 2
    assert text.count("no bound: google answers to the channels and is paid") == 2
    found = dict(re.findall(r"^(spreading|moving) .* above zero in (\d+)% of draws$", text, flags=re.MULTILINE))
    assert int(found["spreading"]) >= 95 > int(found["moving"])


def test_budget_aims_keep_their_conditions(executed):
    text = printed(executed[BUDGET])
    names = ["current plan", "most revenue", "highest ROI", "most profit"]
    (table,) = shown(executed[BUDGET], "aims = ")
    aims = named_rows(table, names)
    cost, profit, roi = ({name: aims[name][k] for name in names} for k in (5, 7, 8))
    # The total is met on the draws that chose a plan; the table is about others.
    assert cost["most revenue"] == pytest.approx(190.0, rel=0.02)
    assert cost["highest ROI"] == pytest.approx(95.0, rel=0.02)
    assert roi["highest ROI"] == max(roi.values())
    assert profit["most profit"] > profit["highest ROI"] - 1.0
    assert aims["most profit"][9] == pytest.approx(1 / 0.6, abs=0.01)
    assert number(r"next unit returns 1.67 at a total of about ([\d,]+)", text) == pytest.approx(
        number(r"the plan with the most profit costs ([\d,]+)", text), rel=0.05
    )


def test_budget_compares_risk_mediators_and_flighting(executed):
    text = printed(executed[BUDGET])
    ((kept, calm),) = re.findall(r"keeps (\d+)% of the mean gain, with (\d+)% of its spread", text)
    assert int(calm) < int(kept) < 100
    assert number(r"the plan that ignores search costs (\d+)% more than its total", text) > 3
    gains = dict(
        re.findall(r"^(historical|flat|free) +mean gain over the current plan +([\d,]+)", text, re.MULTILINE)
    )
    gains = {name: float(value.replace(",", "")) for name, value in gains.items()}
    assert gains["historical"] < gains["flat"] < gains["free"]
    assert "no plan meets these limits together: " in text


def test_budget_lays_the_truth_beside_every_plan(executed):
    names = ["most revenue", "cautious", "highest ROI", "most profit", "ignoring search", "with limits"]
    (table,) = shown(executed[BUDGET], "results = pd.DataFrame")
    rows_ = named_rows(table, [*names, "if the truth were known"])
    assert all(row[3] <= row[4] <= row[5] for name, row in rows_.items() if name in names)
    best = rows_["if the truth were known"]
    assert best[0] == pytest.approx(190.0, abs=0.1)
    # Plans of about the same total cannot earn more than the one that knows the truth; a little more total may.
    assert all(rows_[name][2] < best[2] for name in ("most revenue", "cautious", "ignoring search", "with limits"))


# ------------------------------------------------------------------------------------------------------- diagnostics
def test_diagnostics_draws_every_figure(executed):
    assert figures(executed[DIAGNOSTICS], "mm.plots.") == [1] * 8


def test_diagnostics_tells_a_fault_that_shows_from_one_that_does_not(executed):
    text = printed(executed[DIAGNOSTICS])
    fooled = re.search(r"^diagnosis: \w+; raised: (.*)$", text, re.MULTILINE).group(1)
    # What checks of the fit would raise; few draws, and what search hardly tells, may be raised.
    of_the_fit = ("confounding", "predictive", "autocorrelation", "normality", "outliers", "drift", "calibration")
    assert not [name for name in fooled.split(", ") if name.startswith(of_the_fit)]
    (table,) = shown(executed[DIAGNOSTICS], "misfits = ")
    raised = {
        line.split()[0]: line for line in table.splitlines() if line.startswith(("missing", "trend", "heavy"))
    }
    assert "autocorrelation:sales" in raised["missing_season"]
    assert "drift:sales" in raised["trend_break"] or "autocorrelation:sales" in raised["trend_break"]
    assert "normality:sales" in raised["heavy_tails"]
    assert "add a season or raise its order, as mm.Equation(" in text


def test_diagnostics_lays_the_truth_beside_the_sensitivity(executed):
    (table,) = shown(executed[DIAGNOSTICS], "curve = ")
    values = {line.split()[0]: [float(v) for v in line.split()[1:]] for line in table.splitlines()[2:]}
    assert list(values) == ["0.0", "0.2", "0.4", "0.6", "truth"]
    for assumed, right, truth in zip(values["0.0"], values["0.6"], values["truth"], strict=True):
        assert abs(right - truth) < abs(assumed - truth)
        assert assumed > 1.5 * truth


def test_diagnostics_forecasts_better_with_the_season(executed):
    text = printed(executed[DIAGNOSTICS])
    with_season, without = (float(v) for v in re.findall(r"coverage .* intended; rmse (\S+),", text)[:2])
    assert with_season < 0.8 * without
    assert "quantities leave their simultaneous band (2 simulated data sets" in text


# ---------------------------------------------------------------------------------------------------------------- data
def test_data_draws_every_figure(executed):
    assert figures(executed[DATA], "mm.plots.") == [1] * 2


def test_data_makes_one_table_of_raw_exports(executed):
    text = printed(executed[DATA])
    assert re.search(r"AbsentDaysError: .*video.csv' has no rows on 280 days.*fill=True", text)
    assert "156 rows from 2023-01-02 to 2025-12-22: date, views, video_cost, search, takings, mails" in text
    account = dict(re.findall(r"^(views|video_cost|search|takings|mails) .* (\S+)$", text, flags=re.MULTILINE))
    assert set(account.values()) == {"0.00"}
    assert "3 faults of the table" in text
    assert "no fault: the table can be read as it is" in text
    assert text.count("is taken for money, and looks like a count") == 2


def test_data_lays_the_truth_beside_the_answers(executed):
    (held,) = re.findall(r"intervals that hold the truth: (\d) of 5", printed(executed[DATA]))
    assert int(held) >= 4
    (cost,) = re.findall(r"a thousand impressions cost ([\d.]+)", printed(executed[DATA]))
    assert float(cost) == pytest.approx(6.0, rel=0.2)
    (table,) = shown(executed[DATA], 'mm.summarise(found["per_thousand"]')
    assert all(row[1] <= row[0] <= row[2] for row in rows(table).values())
    (table,) = shown(executed[DATA], "filled = ")
    numbers = [[float(v) for v in line.split()[1:]] for line in table.splitlines() if line.startswith("20")]
    assert len(numbers) == 3
    assert sum(low <= true <= high for low, _, high, true in numbers) >= 2


def test_data_does_the_same_again(executed):
    text = printed(executed[DATA])
    assert "days: 156 in both, 0 only in the first, 4 only in the second; 1 have other numbers" in text
    assert text.rstrip().endswith("True 21 steps in the log")


# ------------------------------------------------------------------------------------------------------------ panels
def test_panels_draws_every_figure(executed):
    assert figures(executed[PANELS], "mm.plots.") == [1] * 7


def test_panels_are_right_with_period_effects_and_wrong_without(executed):
    text = printed(executed[PANELS])
    assert re.findall(r"^(\w+) common:(?:sales|search): \d", text, re.MULTILINE) == ["warn", "warn"]
    assert "give periods an effect, as mm.Equation('sales', ..., panel=mm.Panel(periods='random'))" in text
    ((right, wrong),) = re.findall(r"hold the truth: (\d+) with period effects, (\d+) without, of 8", text)
    assert int(right) >= 7
    assert int(wrong) <= 4
    (table,) = shown(executed[PANELS], "total = ")
    found = {line.split()[0]: line.split()[1:] for line in table.splitlines() if "[" in line}
    known = json.loads((FOLDER.parent / "data" / "regions.json").read_text())["truth"]["effects"]["variables"]
    for name, cells in found.items():
        quantity, channel = name.rstrip("]").split("[")
        value = known[quantity]["values"][["tv", "social", "radio"].index(channel)]
        assert float(cells[3]) == float(cells[8])
        assert float(cells[3]) == pytest.approx(value if quantity == "roi" else value / 1e6, abs=0.005)
    median = {name: (float(cells[0]), float(cells[5])) for name, cells in found.items()}
    assert median["direct[tv]"][1] < 0.5 * median["direct[tv]"][0]
    assert median["indirect[tv]"][1] > 2.0 * median["indirect[tv]"][0]


def test_panels_answers_by_region(executed):
    text = printed(executed[PANELS])
    assert re.search(r"of the panel: \[.'search' is never zero and varies by only 19% [^\]]+\]", text)
    (held,) = re.findall(r"(\d+) of 22 true returns by region lie inside", text)
    assert int(held) >= 16
    (table,) = shown(executed[PANELS], "shown.loc[")
    gains = rows(table)
    assert len(gains) == 8
    assert gains["gain[hills]"] == gains["gain[islands]"] == [0.0, 0.0, 0.0]
    assert "held at zero, where nothing was ever spent: radio in hills and radio in islands" in text
    total = re.search(r"^total +([\d,]+) +([\d,]+)", text, re.MULTILINE)
    assert total.group(1) == total.group(2)
    (table,) = shown(executed[PANELS], "in_total = ")
    found = re.search(r"difference +(\S+) +(\S+) +(\S+)", table)
    median, low, high = (float(number.replace(",", "")) for number in found.groups())
    assert low <= median <= high
    assert all(low <= median <= high for median, low, high in gains.values())
