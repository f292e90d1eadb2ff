"""The notebooks run from top to bottom, and say what they should."""

import asyncio
import json
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from tests.conftest import EXTERNAL

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))
QUICKSTART, BUDGET = "01_quickstart.ipynb", "03_budget.ipynb"
DIAGNOSTICS, DATA, PANELS = "04_diagnostics.ipynb", "05_data.ipynb", "06_panels.ipynb"
# Case studies.
YOUTUBE, MEDIATION, ECOMMERCE = "11_youtube.ipynb", "12_mediation.ipynb", "13_ecommerce.ipynb"
BRIEF, TV = "14_brief.ipynb", "15_tv_digital_print_radio.ipynb"
FEW = {"DRAWS": "140", "TUNE": "160", "CHAINS": "2", "WORLDS": "2"}
FULL = {"DRAWS": "1000", "TUNE": "1000", "CHAINS": "4"}
SETTING = re.compile(r'environ\.get\("BAYESMMM_NOTEBOOK_(\w+)", (\d+)\)')


def read(name):
    return nbformat.read(FOLDER / name, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_all_notebooks_are_there():
    assert NAMES == [QUICKSTART, BUDGET, DIAGNOSTICS, DATA, PANELS, YOUTUBE, MEDIATION, ECOMMERCE, BRIEF, TV]


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


# -------------------------------------------------------------------------------------------------------- execution
#: What the kernel is told once. So few draws need not pass the gate of the answers; a fit that several notebooks make
#: is sampled once, and those of folds with fewer draws still; a figure is drawn once, not a second time to find its
#: margins, and those of a report, which are tested elsewhere, not at all.
ONCE = """
%matplotlib inline
%config InlineBackend.print_figure_kwargs = {"bbox_inches": None}
import bayesmmm
from bayesmmm.report import writing

writing.save_figures = lambda found, folder, tell: ()

def fit(system, data, *, sample=bayesmmm.fit, fits=[], **settings):
    asked = (system, data, settings)
    if asked not in [one for one, _ in fits]:
        fits.append((asked, sample(system, data, **settings).accept_unconverged()))
    return next(answer for one, answer in fits if one == asked)

def load(path, *, read=bayesmmm.load):
    return read(path).accept_unconverged()

def cross_validate(*args, real=bayesmmm.evaluate.cross_validate, **settings):
    return real(*args, **(settings | {"draws": 80, "tune": 120}))

bayesmmm.fit, bayesmmm.load = fit, load
bayesmmm.evaluate.cross_validate = cross_validate
"""
#: And before every notebook, which starts with no name of another and no option that it set.
BEFORE = "%reset -f\nimport pandas\npandas.reset_option('display')\ndel pandas"


def execute(names, folder):
    """Return the executed notebooks, run in turn by one kernel; a cell that fails raises here, with its traceback."""
    from nbclient import NotebookClient

    notebooks = [read(name) for name in names]

    async def run(client, notebook):
        client.nb = notebook
        client.reset_execution_trackers()
        for index, cell in enumerate(notebook.cells):
            await client.async_execute_cell(cell, index)

    async def run_all(attempts=3):
        """A port that is chosen for a kernel can be taken before the kernel binds it, and then it ends."""
        resources = {"metadata": {"path": str(folder)}}
        client = NotebookClient(notebook_of(ONCE), timeout=600, kernel_name="python3", resources=resources)
        try:
            async with client.async_setup_kernel():
                await run(client, client.nb)
                for notebook in notebooks:
                    await run(client, notebook_of(BEFORE))
                    await run(client, notebook)
        except RuntimeError as failure:
            if attempts == 1 or "died before replying to kernel_info" not in str(failure):
                raise
            await run_all(attempts - 1)

    asyncio.run(run_all())
    return dict(zip(names, notebooks, strict=True))


def notebook_of(source):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Few draws, and nothing of the machine: a profile of one's own must not change what a notebook does."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in FEW.items():
            patch.setenv(f"BAYESMMM_NOTEBOOK_{key}", value)
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.delenv("MPLBACKEND", raising=False)
        yield


@pytest.fixture(scope="module")
def executed(environment, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(EXTERNAL, raising=False)
        return execute(NAMES, tmp_path_factory.mktemp("notebooks"))


def printed(notebook):
    texts = [out.text for cell in code(notebook) for out in cell.outputs if out.get("name") == "stdout"]
    return "".join(texts)


def shown(notebook, start):
    """What a code cell with a line that starts with `start` shows as text."""
    (cell,) = (cell for cell in code(notebook) if re.search(f"^{re.escape(start)}", cell.source, re.MULTILINE))
    return [out.data["text/plain"] for out in cell.outputs if "text/plain" in out.get("data", {})]


def figures(notebook, *calls):
    """How many figures each cell shows that calls one of `calls`."""
    return [
        sum("image/png" in out.get("data", {}) for out in cell.outputs)
        for cell in code(notebook)
        if any(call in cell.source for call in calls)
    ]


def rows(table):
    """Numbers of a printed table by the name of its row."""
    lines = (line.split() for line in table.splitlines())
    return {line[0]: [float(v.replace(",", "")) for v in line[1:]] for line in lines if line and "[" in line[0]}


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


# --------------------------------------------------------------------------------------------------------- mediation
def test_mediation_says_what_each_way_gets_wrong(executed):
    text = printed(executed[MEDIATION])
    found = {
        way: [int(v) for v in parts]
        for way, *parts in re.findall(
            r"^(ignored|controlled for|two stages|joint) +total +(-?\d+)% of the truth, "
            r"direct +(-?\d+)%, indirect +(-?\d+)%$",
            text,
            flags=re.MULTILINE,
        )
    }
    assert list(found) == ["ignored", "controlled for", "two stages", "joint"]
    assert found["ignored"][2] == found["controlled for"][2] == 0
    assert found["ignored"][1] > found["joint"][1] + 5
    assert found["controlled for"][0] < found["joint"][0] - 5
    assert abs(found["two stages"][2]) > 150
    assert 30 < found["joint"][2] < 170


def test_mediation_shows_the_exact_collinearity(executed):
    text = printed(executed[MEDIATION])
    ((columns, rank),) = re.findall(r"the second stage has (\d+) columns and rank (\d+)", text)
    assert int(rank) == int(columns) - 1
    (table,) = shown(executed[MEDIATION], "choices = ")
    numbers = [line.split() for line in table.splitlines() if re.match(r"\s*-?\d", line)]
    assert len(numbers) == 5
    assert len({row[1] for row in numbers}) == 1  # the residuals are the same
    assert len({row[4] for row in numbers}) == len({row[7] for row in numbers}) == 1  # so are the totals
    assert len({row[3] for row in numbers}) == 5  # the split is not


def test_mediation_without_the_real_file_says_so(executed):
    text = printed(executed[MEDIATION])
    assert "SKIPPED: no social_search_weekly.csv; set BAYESMMM_EXTERNAL_DATA" in text
    assert text.count("SKIPPED") == 4
    assert figures(executed[MEDIATION], "plt.subplots", "causal_graph") == [1] * 3


@pytest.mark.slow
def test_mediation_reads_the_real_file(external_data, environment, tmp_path):
    external_data("social_search_weekly.csv")
    notebook = execute([MEDIATION], tmp_path)[MEDIATION]
    text = printed(notebook)
    assert "SKIPPED" not in text
    below = [int(v) for v in re.findall(r"replicated weeks with revenue below zero: (\d+)%", text)]
    assert below[0] > 20
    assert below[1] == 0
    assert figures(notebook, "mm.plots.prior_posterior") == [1]


# ------------------------------------------------------------------------------------------------------------ budget
def number(pattern, text):
    """The one number that a pattern finds in a text."""
    (found,) = re.findall(pattern, text)
    return float(found.replace(",", ""))


def named_rows(table, names):
    """Numbers of the rows of a shown table whose names may hold blanks."""
    lines = {name: line for line in table.splitlines() for name in names if line.startswith(f"{name} ")}
    return {
        name: [float(v) for v in line.removeprefix(name).split() if v[0] in "-0123456789"]
        for name, line in lines.items()
    }


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


# -------------------------------------------------------------------------------------------------------------- cases
@pytest.mark.parametrize(("name", "count"), [(YOUTUBE, 8), (BRIEF, 7), (TV, 7)])
def test_cases_draw_every_figure(executed, name, count):
    assert figures(executed[name], "mm.plots.", "plt.subplots") == [1] * count


def errors(text):
    """Median error in per cent and intervals that hold the truth, by method."""
    pattern = (
        r"^(model|line|line \+ week) +median error (\d+)%, largest \d+%; (\d+) of (\d+) intervals hold the truth$"
    )
    return {name: tuple(map(int, numbers)) for name, *numbers in re.findall(pattern, text, re.MULTILINE)}


@pytest.mark.parametrize("name", [YOUTUBE, MEDIATION, BRIEF, TV])
def test_cases_begin_with_the_answer_and_how_sure_it_is(executed, name):
    """Question, settings and answer come before anything else; every channel has an interval, the plan a probability."""
    cells = executed[name].cells
    assert cells[0].source.startswith("# ")
    assert "**The question.**" in cells[0].source
    heads = [re.search(r"^## (.*)$", cell.source, re.MULTILINE) for cell in cells if cell.cell_type == "markdown"]
    assert [head.group(1) for head in heads if head][:2] == ["Settings", "The answer"]
    first = next(k for k, cell in enumerate(cells) if cell.source.startswith("## The answer"))
    said = "".join(
        out.text
        for cell in cells[first : first + 4]
        for out in cell.get("outputs", [])
        if out.get("name") == "stdout"
    )
    assert len(re.findall(r"\(9?0?%?:? ?[-\d.]+%? to [-\d.]+%?\)", said)) >= 3
    assert re.search(r"better than today's split with probability \d+%", said)


@pytest.mark.parametrize("name", [YOUTUBE, BRIEF, TV])
def test_cases_lay_both_methods_beside_the_truth(executed, name):
    found = errors(printed(executed[name]))
    assert set(found) >= {"model", "line"}
    assert found["model"][0] < found["line"][0]
    assert found["model"][1] >= found["line"][1]
    assert "Decision: " in printed(executed[name])
    assert "index.html and " in printed(executed[name])


def test_the_line_credits_search_with_the_working_week(executed):
    (table,) = shown(executed[YOUTUBE], "pd.DataFrame(rows).round(1)")
    row = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line.startswith("roi[")}
    truth, line = ({name: float(cells[k]) for name, cells in row.items()} for k in (0, 3))
    assert line["roi[search]"] > 2.0 * truth["roi[search]"]
    assert line["roi[youtube]"] < 0.5 * truth["roi[youtube]"]


def test_the_brief_says_what_was_done_to_the_data(executed):
    text = printed(executed[BRIEF])
    assert "152 of 156 weeks have a revenue" in text
    assert re.search(r"\d+ of 13 held-out weeks lie inside their 90% intervals", text)
    (table,) = shown(executed[BRIEF], "pd.DataFrame(scores)")
    rmse = {line.rsplit(maxsplit=3)[0].strip(): float(line.split()[-3]) for line in table.splitlines()[1:]}
    assert rmse["model"] < rmse["year before"]


def test_the_retentions_of_television_and_print_are_learned_in_order(executed):
    (table,) = shown(executed[TV], "table = mm.summarise(kept(")
    kept = {line.split()[0]: [float(v) for v in line.split()[1:]] for line in table.splitlines() if "[" in line}
    assert [row[3] for row in kept.values()] == [0.6, 0.2, 0.8, 0.5]
    assert kept["retention[digital]"][0] < kept["retention[tv]"][0]


def test_the_study_of_mediation_ends_in_sentences_and_a_plan(executed):
    text = printed(executed[MEDIATION])
    for what in ("a unit of price more", "a week with a promotion", "1,000 e-mails", "1,000 SMS"):
        assert re.search(
            rf"^{what} +(raises|lowers|may raise or lower) the revenue .* truth [+-][\d,]+$", text, re.MULTILINE
        )
    found = re.findall(r"^(joint|ridge) +(roi|indirect) +median error (\d+)%$", text, re.MULTILINE)
    assert [(method, quantity) for method, quantity, _ in found] == [
        ("joint", "roi"),
        ("joint", "indirect"),
        ("ridge", "roi"),
        ("ridge", "indirect"),
    ]
    assert "Decision: " in text


# --------------------------------------------------------------------------------------------------------- e-commerce
def test_ecommerce_begins_with_the_answer(executed):
    cells = executed[ECOMMERCE].cells
    assert "**The question.**" in cells[0].source
    heads = [cell.source.split("\n")[0] for cell in cells if cell.source.startswith("## ")]
    assert heads[:2] == ["## Settings", "## The answer"]
    (answer,) = (cell for cell in code(executed[ECOMMERCE]) if "proposals = {" in cell.source)
    said = "".join(out.text for out in answer.outputs if out.get("name") == "stdout")
    assert len(re.findall(r" profit +[+-][\d,]+ \([+-][\d,]+ to [+-][\d,]+\), above zero with \d+%", said)) == 4


def test_ecommerce_is_better_than_the_line_and_shows_the_leak(executed):
    text = printed(executed[ECOMMERCE])
    ((without, with_it),) = re.findall(r"without the discount ([\d.]+), with it ([\d.]+)", text)
    assert float(with_it) > float(without) + 0.05
    wrong = dict(re.findall(r"^(model|regression) +median error (\d+)%", text, re.MULTILINE))
    assert int(wrong["model"]) < int(wrong["regression"])
    (table,) = shown(executed[ECOMMERCE], "held_out = ")
    ours, theirs = named_rows(table, ["R2 within series"])["R2 within series"]
    assert ours > theirs + 0.05


def test_ecommerce_ends_in_a_decision(executed):
    text = printed(executed[ECOMMERCE])
    assert "the same draws: True" in text
    assert re.search(r"^verdict \w+; sales change by -[\d,]+ \(90%: -[\d,]+ to -[\d,]+\)$", text, re.MULTILINE)
    assert len(re.findall(r"^.+: (?:do|leave|test) it \(profit above zero with \d+%\)", text, re.MULTILINE)) == 4
    assert figures(executed[ECOMMERCE], "mm.plots.") == [1] * 2
