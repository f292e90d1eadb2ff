"""Plans side by side: in the same draws, by what is written down, on panels and with exposures, in files."""

import numpy as np
import openpyxl
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesmmm as mm
from bayesmmm import cli, plots
from bayesmmm.errors import PlanError, SettingError, UnknownColumnError
from bayesmmm.text import probability
from tests import budgets, exposed, made, panel_budgets
from tests.figures import drawn, legend_words

PERIODS, TOTAL = 4, 700.0


@pytest.fixture(scope="module")
def fit():
    return budgets.plain_fit(slope=[0.9, 0.7, 0.8], contribution=[0.1, 0.1, 0.2])


@pytest.fixture(scope="module")
def plan(fit):
    return mm.optimize_budget(fit, total=TOTAL, periods=PERIODS)


@pytest.fixture(scope="module")
def cautious(fit):
    return mm.optimize_budget(fit, total=0.9 * TOTAL, periods=PERIODS, change=0.1)


@pytest.fixture(scope="module")
def found(fit, plan, cautious):
    return mm.compare_plans(fit, {"now": "current", "best": plan, "cautious": cautious})


# --------------------------------------------------------------------------------------------------------- the numbers
def test_outcomes_are_those_written_down(fit, plan, found):
    posterior = fit.posterior
    free = np.isin(posterior["draw"].values, found.answers["draw"].values)
    draws = np.flatnonzero(np.tile(free, posterior.sizes["chain"]))
    for name, spend in (("now", plan.current), ("best", plan.spend)):
        curves = [budgets.curve(fit, n, 1, every=draws) for n in fit.data.media]
        lift = sum(f(spend.sel(channel=n).values).sum(axis=1) for f, n in zip(curves, fit.data.media, strict=True))
        assert_allclose(found.answers["lift"].sel(plan=name).values.ravel(), lift, rtol=1e-9)
        assert_allclose(found.answers["cost"].sel(plan=name), float(spend.sum()))
        assert_allclose(
            found.answers["roi"].sel(plan=name), found.answers["lift"].sel(plan=name) / float(spend.sum())
        )
        assert_allclose(found.spend.sel(plan=name), spend)


@pytest.mark.parametrize("name", ["chain", "censored in a chain", "lognormal outcome"])
def test_differences_are_the_uplift_of_a_plan(name):
    """The current plan first, so that spend goes on as under it in both answers."""
    fit = made.case_fit(name, draws=10)
    controls = {"price": 10.0} if "price" in fit.system.exogenous else None
    plan = mm.optimize_budget(fit, total=500.0, periods=4, controls=controls)
    found = mm.compare_plans(fit, {"now": "current", "best": plan})
    size = float(np.abs(plan.answers["lift"]).max())
    beyond = found.differences()
    assert_allclose(beyond["outcome"].sel(plan="best"), plan.answers["uplift"], atol=1e-10 * size)
    cost = plan.answers["cost"]
    assert_allclose(
        beyond["cost"].sel(plan="best"), cost.sel(plan="new") - cost.sel(plan="current"), atol=1e-9 * 500
    )
    for which, label in (("current", "now"), ("new", "best")):
        assert_allclose(
            found.answers["channel_roi"].sel(plan=label), plan.answers["roi"].sel(plan=which), rtol=1e-9
        )
        assert_allclose(
            found.answers["extrapolated"].sel(plan=label), plan.answers["extrapolated"].sel(plan=which), atol=1e-12
        )
    if "induced" in plan.answers:
        assert_allclose(
            found.answers["induced"].sel(plan="best"), plan.answers["induced"].sel(plan="new"), rtol=1e-9
        )


def test_panels():
    fit = panel_budgets.plain_panel(without=[("radio", "south")])
    plan = mm.optimize_budget(fit, total=1200.0, periods=4)
    part = mm.optimize_budget(fit, total=500.0, periods=4, geos=["north"])
    found = mm.compare_plans(fit, {"now": "current", "best": plan, "north only": part})
    assert_allclose(found.differences()["outcome"].sel(plan="best"), plan.answers["uplift"], atol=1e-7)
    assert_allclose(found.spend.sel(plan="best"), plan.spend)
    assert_allclose(found.spend.sel(plan="north only", geo="north"), part.spend.sel(geo="north"))
    frame = part.to_frame()
    south = frame.loc[frame["geo"] == "south", "tv"]
    assert_allclose(found.spend.sel(plan="north only", geo="south", channel="tv"), south)
    assert found.spend_table("pair").loc[("south", "radio")].eq(0.0).all()
    tables = mm.compare_plans(fit, {"a": plan.to_frame("current"), "b": plan.to_frame()})
    assert_allclose(tables.answers["cost"].isel(chain=0, draw=0), [1200.0, 1200.0])


def test_exposures_cost_what_a_unit_costs():
    fit = exposed.in_units(made.case_fit("chain", draws=10))
    plan = mm.optimize_budget(fit, total=500.0, periods=4, controls={"price": 10.0})
    found = mm.compare_plans(fit, {"now": "current", "best": plan, "as a table": plan.to_frame()})
    assert_allclose(found.differences()["outcome"].sel(plan="best"), plan.answers["uplift"], atol=1e-7)
    assert_allclose(found.spend.sel(plan="as a table"), plan.spend, rtol=1e-9)
    assert_allclose(
        found.answers["outcome"].sel(plan="as a table"), found.answers["outcome"].sel(plan="best"), rtol=1e-9
    )


def test_the_past():
    fit = made.case_fit("chain", draws=10)
    window = budgets.last_periods(fit, 6, before=4)
    plan = mm.optimize_budget(fit, total=500.0, **window)
    found = mm.compare_plans(fit, {"then": "current", "best": plan})
    size = float(np.abs(plan.answers["lift"]).max())
    assert_allclose(found.differences()["outcome"].sel(plan="best"), plan.answers["uplift"], atol=1e-10 * size)
    with pytest.raises(PlanError, match=r"of the past, compare plans that optimize_budget\(start=, stop=\) gave"):
        mm.compare_plans(fit, {"a": plan, "b": plan.to_frame().reset_index()})


def test_plans_may_have_controls_of_their_own():
    fit = made.case_fit("chain", draws=10)
    plan = mm.optimize_budget(fit, total=500.0, periods=4, controls={"price": 10.0})
    cheap = plan.to_frame().assign(price=8.0)
    found = mm.compare_plans(fit, {"best": plan.to_frame(), "the same, cheap": cheap})
    ahead = [mm.predict(fit, frame, noise=False) for frame in (plan.to_frame(), cheap)]
    expected = ahead[1]["sales"].sum("date") - ahead[0]["sales"].sum("date")
    beyond = found.answers["outcome"].sel(plan="the same, cheap") - found.answers["outcome"].sel(plan="best")
    inside = found.answers["draw"].values
    lift = found.answers["lift"]
    # The tail after the window differs by what price does to a mediator, in the lift only.
    window = beyond - (lift.sel(plan="the same, cheap") - lift.sel(plan="best"))
    assert np.corrcoef(window.values.ravel(), expected.sel(draw=inside).values.ravel())[0, 1] > 0.99


# ------------------------------------------------------------------------------------------------- shares and tables
def test_probabilities_of_being_best_are_shares_of_draws(found):
    for by in ("outcome", "profit", "roi"):
        draws = found.answers[by].transpose("plan", ...).values.reshape(3, -1)
        expected = np.bincount(draws.argmax(axis=0), minlength=3) / draws.shape[1]
        assert_allclose(found.p_best(by), expected)
    assert found.p_best().sum() == pytest.approx(1.0)


def test_plans_that_tie_share_a_draw(fit, plan):
    twice = mm.compare_plans(fit, {"a": plan, "b": plan, "c": plan})
    assert_allclose(twice.p_best(), 1.0 / 3.0)


def test_table_holds_the_draws(found):
    table = found.table(0.8)
    assert table.index.tolist() == ["now", "best", "cautious"]
    for name in ("outcome", "cost", "roi", "profit"):
        draws = found.answers[name]
        assert_allclose(table[name], draws.median(("chain", "draw")))
        assert_allclose(table[f"{name}_upper"], draws.quantile(0.9, ["chain", "draw"]))
    beyond = found.answers["outcome"] - found.answers["outcome"].sel(plan="now")
    assert_allclose(table["p_better"].iloc[1:], (beyond > 0).mean(("chain", "draw"))[1:])
    assert np.isnan(table.loc["now", "p_better"])
    assert_allclose(table["difference_lower"], beyond.quantile(0.1, ["chain", "draw"]), atol=1e-9)


def test_differences_to_another_plan(found):
    other = found.differences("best")
    assert other["plan"].values.tolist() == ["now", "cautious"]
    assert_allclose(
        other["roi"].sel(plan="now"), found.answers["roi"].sel(plan="now") - found.answers["roi"].sel(plan="best")
    )
    assert "outcome[now]" in mm.summarise(other).index


def test_text_says_which_draws_and_that_costs_differ(fit, plan, found):
    assert str(found).startswith("3 plans for 2023-07-30 to 2023-08-20, sales in money\n")
    text = " ".join(str(found).split())
    assert "draws that had no part in choosing any" in text
    assert "the plans cost different amounts: a higher outcome may be more money only" in text
    alike = str(mm.compare_plans(fit, {"now": "current", "best": plan}))
    assert "different amounts" not in alike
    tables = mm.compare_plans(fit, {"a": plan.to_frame(), "b": plan.to_frame("current")})
    assert "of all draws" in " ".join(str(tables).split())
    whole = mm.optimize_budget(fit, total=TOTAL, periods=PERIODS, draws=2 * 10)
    assert whole.answers.attrs["held_out"] == 0
    chosen = str(mm.compare_plans(fit, {"now": "current", "a": whole}))
    assert "those that chose a plan included" in " ".join(chosen.split())
    assert found._repr_html_().count("<table>") == 2


def test_worth_of_an_outcome_that_is_no_money():
    fit = made.case_fit("censored outcome", draws=10)
    plan = mm.optimize_budget(fit, total=500.0, periods=4, controls={"price": 10.0})
    plans = {"now": "current", "best": plan}
    with pytest.raises(
        SettingError, match=r"by='profit' needs what a unit of .* is worth; pass margin= to compare_plans"
    ):
        mm.compare_plans(fit, plans).p_best("profit")
    found = mm.compare_plans(fit, plans, margin=40.0)
    assert_allclose(found.answers["profit"], 40.0 * found.answers["outcome"] - found.answers["cost"])


# ---------------------------------------------------------------------------------------------------------- refusals
def test_refusals(fit, plan):
    later = mm.optimize_budget(fit, total=TOTAL, periods=PERIODS + 1)
    for plans, error, words in (
        ({"now": plan}, SettingError, "plans has 1, and at least two are compared"),
        ([plan, plan], SettingError, "plans is a list, and must be a mapping"),
        ({"a": plan, "b": 3}, SettingError, r"plans\['b'\] is a int, and must be a Plan.*or 'current'"),
        ({"a": plan, 1: plan}, SettingError, "is the name of a plan, which must be text, as '1'"),
        ({"a": plan.to_frame(), "b": "current"}, SettingError, "'current' is what a Plan was held against"),
        ({"a": plan, "b": later}, PlanError, "'a' is of 2023-07-30 to 2023-08-20, and 'b' of .* one window"),
        ({"a": plan, "b": plan.to_frame().drop(columns="tv")}, UnknownColumnError, "tv"),
    ):
        with pytest.raises(error, match=words):
            mm.compare_plans(fit, plans)
    both = mm.compare_plans(fit, {"now": "current", "a": plan})
    with pytest.raises(SettingError, match=r"there is no plan 'b'.*Plans are: now, a"):
        both.differences("b")


def test_mediators_must_behave_alike():
    fit = made.case_fit("censored in a chain", draws=10)
    ask = {"total": 600.0, "periods": 4, "controls": {"price": 10.0}}
    answers, fixed, decided = (
        mm.optimize_budget(fit, mediators=how, **ask) for how in ("respond", "fixed", {"search": "decide"})
    )
    with pytest.raises(
        SettingError, match=r"mediators behave in one way in 'a'.*plan both with the same mediators="
    ):
        mm.compare_plans(fit, {"a": answers, "b": fixed})
    with pytest.raises(SettingError, match="search is decided, which the table 'b' does not hold"):
        mm.compare_plans(fit, {"a": decided, "b": decided.to_frame()})
    found = mm.compare_plans(fit, {"now": "current", "a": decided})
    size = float(np.abs(decided.answers["lift"]).max())
    assert_allclose(found.differences()["outcome"].sel(plan="a"), decided.answers["uplift"], atol=1e-10 * size)


# ------------------------------------------------------------------------------------------------------------ figures
def test_figure_lays_plans_side_by_side(found):
    axes = plots.compare_plans(found, ci_prob=0.8)
    money, outcome, returns = (drawn(ax) for ax in axes)
    rows = [text.get_text() for text in money.get_yticklabels()]
    table = found.spend_table().loc[rows]
    assert table["now"].is_monotonic_decreasing
    shown = [line.get_xdata() for line in money.lines]
    assert_allclose(np.array(shown), table[found.plans].to_numpy().T)
    assert [text.get_text() for text in outcome.get_yticklabels()] == found.plans
    best = found.p_best()
    assert outcome.texts[1].get_text().endswith(f"best {probability(best['best'])}")
    assert returns.get_xlabel().startswith("return on all cost, 80 % interval")
    assert [t.get_text() for t in money.figure.legends[0].get_texts()][:3] == found.plans


def test_budget_of_two_plans(fit, plan):
    other = mm.optimize_budget(fit, total=TOTAL, periods=PERIODS, change=0.1)
    axes = plots.budget(plan, other, names=("best", "cautious"), ci_prob=0.8)
    pair = plan.against(other)
    assert_allclose(
        pair.answers["uplift"], plan.answers["outcome"].sel(plan="new") - other.answers["outcome"].sel(plan="new")
    )
    assert_allclose(pair.current, other.spend)
    assert pair.p_better == float((pair.answers["uplift"] > 0).mean())
    table = pair.table(0.8)
    rows = [text.get_text() for text in drawn(axes[0]).get_yticklabels()]
    widths = [bar.get_width() for bar in axes[0].patches[: len(rows)]]
    assert_allclose(widths, table.loc[rows, "current"])
    assert legend_words(axes[0])[:2] == ["cautious", "best"]
    sure = probability(plan.against(other).p_better)
    said = axes[0].figure.get_suptitle().replace("\n", " ")
    assert said == f"Budget for sales: best beats cautious with a probability of {sure}, 2023-07-30 to 2023-08-20"
    with pytest.raises(SettingError, match="must be two names, as"):
        plots.budget(plan, other, names=("one",))
    with pytest.raises(
        SettingError, match="of another window, of other channels, or judged on other draws; lay them"
    ):
        plan.against(mm.optimize_budget(fit, total=TOTAL, periods=PERIODS + 2))


# -------------------------------------------------------------------------------------------------------------- files
def test_workbook(found, tmp_path):
    book = openpyxl.load_workbook(found.to_excel(tmp_path / "plans.xlsx"))
    assert book.sheetnames == ["plans", "spend", "about"]
    assert [cell.value for cell in book["spend"][1]] == ["channel", *found.plans]
    assert book["plans"]["B2"].value == pytest.approx(found.table().iloc[0, 0])


def test_command(tmp_path, capsys):
    fit = made.case_fit("censored mediator", draws=300, chains=4, verdict=None)
    fit.save(tmp_path / "fit.nc")
    plan = mm.optimize_budget(fit, total=500.0, periods=4, controls={"price": 10.0}, round_to=10.0)
    for name in ("new", "current"):
        plan.to_frame(name).to_csv(tmp_path / f"{name}.csv")
    out, files = tmp_path / "out", [f"now={tmp_path / 'current.csv'}", f"best={tmp_path / 'new.csv'}"]
    done = cli.main(["compare-plans", str(tmp_path / "fit.nc"), *files, "--out", str(out), "--excel"])
    assert done == cli.DONE
    names = [
        "comparison.csv",
        "comparison.png",
        "comparison.txt",
        "comparison.xlsx",
        "differences.csv",
        "spend.csv",
    ]
    assert sorted(path.name for path in out.iterdir()) == names
    found = mm.compare_plans(fit, {"now": plan.to_frame("current"), "best": plan.to_frame()})
    table = pd.read_csv(out / "comparison.csv", index_col="plan")
    assert_allclose(table["outcome"], found.table()["outcome"], rtol=1e-9)
    assert_allclose(
        pd.read_csv(out / "spend.csv", index_col="channel")["best"], found.spend_table()["best"], rtol=1e-9
    )
    assert str(found).splitlines()[0] in capsys.readouterr().out
    assert cli.main(["show", str(out)]) == cli.DONE
    said = capsys.readouterr().out
    assert "comparison.xlsx" in said
    for wrong, words in (
        (files[:1], "one plan is given; give two or more"),
        ([files[0]] * 2, "two plans are called 'now'"),
    ):
        assert cli.main(["compare-plans", str(tmp_path / "fit.nc"), *wrong, "--out", str(out)]) == cli.BAD_INPUT
        assert words in capsys.readouterr().err
