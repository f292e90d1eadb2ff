"""The first pages of a report: few words, no code, and every number one that the functions give."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import bayesmmm as mm
from bayesmmm.errors import SettingError
from bayesmmm.optimize.knowing import worth_of_knowing
from bayesmmm.report import compose, figures, summary
from bayesmmm.report.next_test import rank_tests
from bayesmmm.report.recommendation import CHANGE, Asked, recommend
from bayesmmm.results.summaries import interval
from bayesmmm.text import brief, number, probability, rough_percent
from tests.fits import quiet
from tests.made import case_fit
from tests.reports import Page, write

OVER = ("chain", "draw")
EURO = "€"


@pytest.fixture(scope="module")
def fit():
    """Three channels, one paid mediator, revenue in money."""
    return case_fit("censored mediator", draws=40)


@pytest.fixture(scope="module")
def report(fit):
    return compose(fit, currency=EURO)


@pytest.fixture(scope="module")
def said(report):
    return summary.summarise_for_decider(report.answers, report.tables)


@pytest.fixture
def html(report, tmp_path, no_drawing):
    write(report, tmp_path)
    return (tmp_path / "index.html").read_text(encoding="utf-8")


def first_part(html):
    """The part for the person who decides, with what stands above it."""
    return html[html.index("<body>") : html.index('id="analyst"')].rpartition("<h2")[0]


def ends(draws, ci_prob=0.9):
    return [float(part) for part in interval(draws.squeeze(drop=True), ci_prob).values()]


# ------------------------------------------------------------------------------------------------- what stands there
def test_the_first_part_is_short_and_speaks_no_code(report, html):
    part = re.sub(r"base64,[A-Za-z0-9+/=]+", "", first_part(html))
    words = Page(f"{part}</section></main></body>").text.split()
    assert 80 <= len(words) <= 500
    text = " ".join(words)
    for check in report.answers.diagnosis.checks:
        assert f" {check.name.partition(':')[0]} " not in f" {text} " or "_" not in check.name
    assert not re.search(r"\bmm\.|fit\.|[a-z]+_[a-z]+\(|`|nan|None", text)
    assert part.count("<figure") == 3
    assert part.index("<figure") < part.index("<table"), "a figure first"


def test_twelve_channels_do_not_make_it_long(tmp_path, no_drawing):
    from tests.gallery import fit_of

    report = compose(fit_of(12), currency="EUR")
    write(report, tmp_path)
    part = first_part((tmp_path / "index.html").read_text(encoding="utf-8"))
    part = re.sub(r"base64,[A-Za-z0-9+/=]+", "", part)
    assert len(Page(f"{part}</section></main></body>").text.split()) <= 500


# ---------------------------------------------------------------------------------------- numbers are the functions'
def test_sentences_and_cards_hold_the_numbers_of_the_functions(fit, report, said):
    counted = mm.effects(fit, window="outcome")
    total = float(fit.data.columns["sales"].sum())
    money, share = ends(counted["joint"])[0], ends(counted["joint"] / total)[0]
    lost = mm.effects(fit)
    back = lost["joint"] / float(lost["spend"].sum())
    median, low, high = (brief(value, EURO) for value in ends(back))
    first = said.sentences[0]
    assert first.startswith(f"Media brought {brief(money, EURO)} of sales from ")
    assert f", {rough_percent(share)} of all of it (90 %: " in first
    assert f"each €1 spent brought back {median} (90 %: {low} to {high})" in first
    assert first.endswith(f"with a probability of {probability(float((back > 1.0).mean()))}.")
    cards = {card.label: card for card in said.cards}
    assert cards["of sales from media"].value == rough_percent(share)
    assert cards["back for each €1 spent"].value == median
    assert cards["back for each €1 spent"].below == f"{low} to {high}"
    inside = mm.evaluate.in_sample(fit).loc["sales"]
    assert cards["fit to the past (R²)"].value == number(inside["r2"], 2)
    assert f"off by {rough_percent(inside['mape'])} on" in cards["fit to the past (R²)"].below
    roi = mm.roi(fit).median(OVER).to_series().sort_values(ascending=False)
    assert f"{roi.index[0]} brought most, {brief(roi.iloc[0], EURO)}" in said.sentences[1]
    assert f"{roi.index[-1]} least, {brief(roi.iloc[-1], EURO)}" in said.sentences[1]


def test_titles_say_what_was_found(fit, report, said):
    lost = mm.effects(fit)
    spend = lost["spend"].to_series() / float(lost["spend"].sum())
    effect = (lost["total"] / lost["total"].sum("channel")).median(OVER).to_series()
    name = (effect - spend).abs().idxmax()
    assert said.titles["shares"] == (
        f"{name} takes {rough_percent(spend[name])} of the spend and brings {rough_percent(effect[name])} of the effect"
    )
    more = mm.marginal_roi(fit).median(OVER).to_series()
    assert f"brings {brief(more.max(), EURO)} in {more.idxmax()}" in said.titles["response_curves"]
    parts = mm.decompose(fit, freq="month")
    media = parts["contribution"].isel(component=np.isin(parts["kind"], ["direct", "via"])).sum("component")
    media = (media.mean(OVER) / parts["periods"]).to_series()
    for month in (media.idxmax(), media.idxmin()):
        assert f"{brief(media[month], EURO)}" in said.titles["by_month"]
        assert f"in {month:%b %Y}" in said.titles["by_month"]


def test_the_recommended_plan_is_that_of_the_budget(fit, report, said):
    """The next quarter, at what the current plan costs, no channel moved by more than the limit."""
    plan = report.answers.plan
    assert plan is not None
    assert plan.spend.sizes["date"] == 13
    same = quiet(mm.optimize_budget, fit, periods=13, total=plan.attrs["total"], change=CHANGE)
    np.testing.assert_allclose(plan.spend, same.spend)
    assert plan.current.attrs["factor"] == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(
        plan.current.sum("date"), [fit.data.columns[n][0, -13:].sum() for n in plan.current["channel"].values]
    )
    moved = plan.spend.sum("date") / plan.current.sum("date") - 1.0
    assert float(abs(moved).max()) <= CHANGE + 1e-6
    median, low, high = (brief(value, EURO) for value in ends(plan.answers["gain"]))
    if "no shift" not in said.advice.gain:
        assert f"bring {median} more sales (90 %: {low} to {high})" in said.advice.gain
        assert f"with a probability of {probability(plan.p_better)}" in said.advice.gain
    table = plan.table(0.9)
    assert bool(said.advice.table) == ("no shift" not in said.advice.gain)
    for line, (_, row) in zip(said.advice.table, table.iterrows(), strict=bool(said.advice.table)):
        assert line[1:3] == (brief(row["current"]), brief(row["new"]))
    assert said.sentences[2] == said.advice.gain


def test_a_plan_that_does_not_gain_on_draws_that_judge_it_is_not_recommended(report):
    plan = report.answers.plan
    lost = -np.abs(plan.answers["gain"]) - 1.0
    worse = replace(plan, answers=plan.answers.assign(gain=lost.assign_attrs(plan.answers["gain"].attrs)))
    answers = replace(report.answers, plan=worse)
    found = summary.summarise_for_decider(answers, report.tables)
    assert found.advice.title == "Keep the current plan"
    assert found.advice.table == ()
    assert "no shift of money within the limits is worth making: the best one found, " in found.sentences[2]
    assert f"brings {brief(ends(lost)[0], EURO)} (90 %: " in found.sentences[2]


def test_the_channel_to_test_next_is_the_one_that_is_most_worth_knowing(report, said):
    found, plan = rank_tests(report.answers), report.answers.plan
    channels, lost = plan.current["channel"].values, mm.effects(report.answers.fit)
    drawn = lost["induced"].sum("mediator").mean(OVER) / lost["spend"]
    cost = 1.0 + drawn.sel(channel=channels).values
    room = CHANGE * plan.current.sum("date").values * cost
    returns = mm.marginal_roi(report.answers.fit).sel(channel=channels)
    known = worth_of_knowing(returns.stack(s=OVER).transpose("s", "channel").values / cost, room, room)
    first = plan.current["channel"].values[known.each.argmax()]
    assert found.channels[0] == first
    assert found.known[first] == pytest.approx(known.each.max())
    title, _ = said.test
    assert title.startswith(f"What to test next: {found.channels[0]}")


def test_controls_and_events_are_told_as_effects_tells_them(fit, report, said):
    lost, table = mm.effects(fit), report.tables["terms"]
    for name, quantity in (("term_total", "total"), ("term_share", "share"), ("per_unit", "per_unit")):
        rows = table[table["quantity"] == quantity].set_index("term")
        np.testing.assert_allclose(rows["median"], lost[name].median(OVER), rtol=1e-10, atol=1e-6)
        np.testing.assert_allclose(rows["reference"], lost["reference"])
    share = table[table["quantity"] == "share"].set_index("term")
    sure = share[(share["lower"] * share["upper"] > 0.0) & (share["median"].abs() >= 0.01)]
    assert bool(said.others) == bool(len(sure))
    for term, row in sure.iterrows():
        done = "brought" if row["median"] > 0.0 else "took"
        assert f"{term} {done} {rough_percent(abs(row['median']))}" in said.others


def test_quarters_are_months_added_up(fit, report):
    found, wanted = report.answers.quarters, mm.decompose(fit, freq="quarter")
    for name in ("contribution", "mean", "observed"):
        np.testing.assert_allclose(found[name].values, wanted[name].values, rtol=1e-12, atol=1e-9)
    assert (found["date"].values == wanted["date"].values).all()


# ------------------------------------------------------------------------------------------------ what cannot be said
def test_what_stands_in_the_way_of_a_plan_is_told_unless_it_was_asked_for(fit):
    with pytest.raises(SettingError):
        recommend(fit, Asked(total=-1.0))
    failed = case_fit("one mediator", draws=10, verdict="failed").accept_unconverged()
    plan, why = recommend(failed, Asked())
    assert plan is None
    assert "sampler failed" in why


def test_an_outcome_that_is_not_money_has_no_currency():
    report = compose(case_fit("censored outcome", draws=40), currency=EURO)
    found = summary.summarise_for_decider(report.answers, report.tables)
    assert " contracts " in found.sentences[0]
    assert "€" not in found.sentences[0].replace("€1", "")
    assert "more than it cost" not in " ".join(found.sentences)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "€0"),
        (1.0, "€1.0"),
        (0.554, "€0.55"),
        (-0.004187, "−€0.0042"),
        (9.96, "€10"),
        (55.4, "€55"),
        (999.4, "€999"),
        (999.96, "€1.0 k"),
        (84_100.0, "€84 k"),
        (128_400.0, "€128 k"),
        (1_812_000.0, "€1.8 m"),
        (2.31e9, "€2.3 bn"),
        (np.nan, "unknown"),
        (np.inf, "unbounded"),
    ],
)
def test_amounts_in_brief(value, text):
    assert brief(value, EURO) == text
    assert brief(value, "EUR") == text.replace("€", "EUR ")
    assert brief(value) == text.replace("€", "")


def test_figures_of_the_first_part_are_narrow(report):
    """Letters of 8 points are read on a phone of 390 pixels where a figure is no wider than five inches and a half."""
    import matplotlib.pyplot as plt

    for figure in report.figures:
        if figure.section == figures.FIRST:
            axes = np.ravel(np.asarray(figure.draw(title=None), dtype=object))
            assert axes[0].get_figure(root=True).get_figwidth() <= 6.0, figure.name
    plt.close("all")


# -------------------------------------------------------------------------------------------------- the command line
@pytest.mark.parametrize(
    "argv",
    [
        ["report"],
        ["optimize", "--periods", "13"],
        ["predict"],
        ["whatif", "--scale", "tv=2"],
        ["evaluate"],
        ["evaluate", "--hold-out", "13"],
        ["compare", "other.nc"],
        ["compare-plans", "now=a.csv", "best=b.csv"],
    ],
)
def test_a_fit_that_is_not_there_is_refused_before_anything_heavy_is_imported(argv, tmp_path):
    code = f"""
import sys
from bayesmmm.cli import main
status = main({[argv[0], str(tmp_path / "none.nc"), *argv[1:], "--out", str(tmp_path / "out")]!r})
print(status, sorted({{"numpy", "pandas", "xarray", "scipy", "numba", "matplotlib"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "2 []"
    assert "none.nc: is not there; give the file that `bayesmmm fit` wrote" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_is_asked_of_the_plan_reaches_it(fit, report):
    """A current plan, a total, an objective: those of `optimize_budget`."""
    now = report.answers.plan.to_frame()
    asked = Asked(plan=now, total=float(report.answers.plan.attrs["total"]))
    plan, why = recommend(fit, asked)
    assert why == ""
    np.testing.assert_allclose(plan.attrs["total"], asked.total)
    assert plan.spend["date"].values.tolist() == report.answers.plan.spend["date"].values.tolist()
    profit, _ = recommend(fit, Asked(objective="profit"))
    assert profit.attrs["objective"] == "most profit"
