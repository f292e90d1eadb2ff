"""The record of a plan: its table holds the numbers of its draws, and its text says what a reader has to know."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from bayesmmm.optimize import BindingLimit, Goal, Plan
from bayesmmm.optimize.goal import phrase_of
from bayesmmm.optimize.plan_text import WIDTH
from bayesmmm.text import amounts, number, probability, rough_percent, told_apart
from tests import plans_made_up as made
from tests.answers_made_up import LONG
from tests.figures import quantiles


def cells(text, name):
    """Words of the line of the table that begins with `name`, without the name."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
    return line.removeprefix(name).split()


def with_draws(plan, **variables):
    """A plan in which draws are replaced."""
    return dataclasses.replace(plan, answers=plan.answers.assign(variables))


# --------------------------------------------------------------------------------------------------------- the numbers
@pytest.mark.parametrize("ci_prob", [0.5, 0.9])
def test_table_holds_the_numbers_of_the_plan(ci_prob):
    plan = made.plan(4)
    table = plan.table(ci_prob)
    names = LONG[:4]
    assert table.index.tolist() == [*names, "google (induced)", "total"]
    assert table["kind"].tolist() == ["channel"] * 4 + ["induced", "total"]
    np.testing.assert_allclose(table.loc[names, "current"], plan.current.sum("date"))
    np.testing.assert_allclose(table.loc[names, "new"], plan.spend.sum("date"))
    np.testing.assert_allclose(table["change"], table["new"] / table["current"] - 1.0)
    assert table.loc[names[-1], "change"] == -1.0
    for j, which in enumerate(made.PLANS):
        expected = quantiles(plan.answers["roi"].values[:, :, j], ci_prob)
        ends = [f"roi_{which}", f"roi_{which}_lower", f"roi_{which}_upper"]
        np.testing.assert_allclose(table.loc[names, ends].to_numpy().T, expected)
    assert table.loc[names[-1], ["roi_new", "roi_new_lower"]].isna().all()
    np.testing.assert_array_equal(table.loc[names, "marginal"], plan.solution.net_marginal)
    np.testing.assert_array_equal(table.loc[names, "extrapolated"], [0.35, 0.0, 0.0, 0.0])
    assert not table.loc[names, "extrapolated_current"].any()
    assert table.attrs["ci_prob"] == ci_prob
    assert (table.attrs["unit"], table.attrs["verdict"]) == ("money", "converged")


def test_induced_spend_and_total_are_posterior_means_with_intervals():
    plan = made.plan(3, ("google", "bing"))
    table, answers = plan.table(0.8), plan.answers
    for m, name in enumerate(("google", "bing")):
        draws = answers["induced"].values[..., m]
        row = table.loc[f"{name} (induced)"]
        np.testing.assert_allclose(row[["current", "new"]].astype(float), draws.mean((0, 1)))
        np.testing.assert_allclose(
            row[["new_lower", "new_upper"]].astype(float), quantiles(draws[..., 1], 0.8)[1:]
        )
        assert np.isnan(row["roi_new"])
    total, rest = table.loc["total"], table.iloc[:-1]
    for which in made.PLANS:
        assert rest[which].sum() == pytest.approx(total[which])
        ratio = answers["lift"].sel(plan=which) / answers["cost"].sel(plan=which)
        ends = total[[f"roi_{which}", f"roi_{which}_lower", f"roi_{which}_upper"]].astype(float)
        np.testing.assert_allclose(ends, quantiles(ratio.values, 0.8))
    cost = answers["cost"].sel(plan="new").values
    np.testing.assert_allclose(total[["new_lower", "new_upper"]].astype(float), quantiles(cost, 0.8)[1:])
    spend = plan.spend.sum("date")
    assert total["extrapolated"] == pytest.approx(0.35 * float(spend[0] / spend.sum()))


def test_probabilities_are_shares_of_draws():
    plan = made.plan()
    gain, cost = plan.answers["gain"].values, plan.answers["cost"].values[..., 1]
    assert plan.p_better == (gain > 0.0).mean()
    assert plan.p_overspend == (cost > 250_000.0).mean()
    assert 0.2 < plan.p_overspend < 0.8
    assert (plan.table().attrs["p_better"], plan.table().attrs["p_overspend"]) == (plan.p_better, plan.p_overspend)
    assert with_draws(plan, gain=plan.answers["gain"] * 0.0).p_better == 0.0
    assert made.plan(total=None).p_overspend is None


def test_rounding_is_not_overspending():
    plan = made.plan(3, ())
    assert plan.p_overspend == 0.0
    cost = plan.answers["cost"]
    assert with_draws(plan, cost=cost * (1.0 + 1e-9)).p_overspend == 0.0
    assert with_draws(plan, cost=cost * (1.0 + 1e-4)).p_overspend == 1.0


def test_a_channel_that_was_off_has_no_change_in_percent():
    plan = made.plan(3)
    idle = plan.current.copy()
    idle[0] = 0.0
    plan = dataclasses.replace(plan, current=idle)
    assert np.isnan(plan.table().loc[LONG[0], "change"])
    assert cells(str(plan), LONG[0])[2] == "new"


def test_to_frame_is_a_copy_that_a_forecast_takes():
    plan = made.plan(3)
    frame = plan.to_frame()
    assert isinstance(frame.index, pd.DatetimeIndex)
    assert frame.index.name == "date"
    np.testing.assert_array_equal(frame[LONG[:3]].to_numpy().T, plan.spend)
    frame[LONG[0]] = 0.0
    assert plan.to_frame()[LONG[0]].all()


def test_a_plan_is_frozen_and_no_other_plan():
    plan = made.plan(3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.spend = plan.current
    assert plan == plan
    assert plan != made.plan(3)
    assert isinstance(plan, Plan)


def test_table_refuses_an_impossible_probability():
    with pytest.raises(ValueError, match=r"must lie between 0 and 1, as 0\.9"):
        made.plan().table(90)


# ------------------------------------------------------------------------------------------------------------ the text
def test_text_says_what_was_asked():
    text = str(made.plan())
    head = text.splitlines()[:3]
    assert head[0] == "Budget plan for 2023-12-31 to 2024-03-24, 13 periods ahead"
    assert head[1] == "objective: most outcome; total: 250,000; risk: mean of the draws"
    assert head[2] == "flighting: flat; mediators: google responds; controls: as in the last 13 periods"
    assert "spend now is the current plan times 1.08" in text
    assert repr(made.plan()) == str(made.plan())
    cents = str(made.changed(made.plan(), total=1_338.5486))
    assert "total: 1,338.55;" in cents
    free = str(made.changed(made.plan(margin=0.4, total=None), window="past", target="ROI of at least 2"))
    assert "13 periods of the past" in free
    assert "total: free; risk: mean of the draws; target: ROI of at least 2; margin: 0.4" in free


@pytest.mark.parametrize(
    ("total", "words"),
    [((None, 2000.0), "at most 2,000"), ((1000.0, None), "at least 1,000"), ((1000.0, 2000.0), "1,000 to 2,000")],
)
def test_a_range_of_money_is_said(total, words):
    asked = phrase_of(Goal("profit", total=total, margin=0.4))
    assert f"total: {words}; risk" in str(
        made.changed(made.plan(), total=asked["total"], total_range=asked["total_range"])
    )
    assert phrase_of(Goal(total=500.0))["total_range"] is None


def test_rows_of_the_text_are_those_of_the_table():
    plan = made.plan()
    text, table = str(plan), plan.table(0.9)
    for name in table.index[:2]:
        row, words = table.loc[name], cells(text, name)
        assert words[:2] == [f"{row['current']:,.0f}", f"{row['new']:,.0f}"]
        assert words[2].replace("−", "-") == f"{100 * row['change']:+.0f}"
        shown = [float(word) for word in (words[4], words[5], words[6], words[8], words[9])]
        asked = ["roi_current", "roi_new", "roi_new_lower", "roi_new_upper", "marginal"]
        np.testing.assert_allclose(shown, row[asked].astype(float), rtol=5e-3, atol=6e-3)
    assert cells(text, LONG[0])[-4:] == ["limit,", "35", "%", "unseen"]
    total = table.loc["total"]
    assert cells(text, "total")[:4] == ["250,000", "250,000", "0", "%"]
    assert cells(text, "total")[-3:] == [f"{100 * total['extrapolated']:.0f}", "%", "unseen"]
    row = table.loc["google (induced)"]
    ends = [
        float(word.replace(",", ""))
        for word in (cells(text, "google (induced)")[-3], cells(text, "google (induced)")[-1])
    ]
    np.testing.assert_allclose(ends, row[["new_lower", "new_upper"]].astype(float), rtol=5e-3)


def test_text_says_what_the_plan_is_worth():
    plan = made.plan()
    text = str(plan)
    middle, *ends = quantiles(plan.answers["uplift"].values, 0.9)
    shown = re.search(r"^uplift +([−\d,]+) +([−\d,]+) to ([−\d,]+) +money$", text, flags=re.MULTILINE)
    numbers = [float(word.replace(",", "").replace("−", "-")) for word in shown.groups()]
    np.testing.assert_allclose(numbers, [middle, *ends], atol=0.006 * (ends[1] - ends[0]))
    for label, which in (("revenue now", "current"), ("revenue then", "new")):
        word = cells(text, label)[0]
        assert float(word.replace(",", "")) == pytest.approx(
            float(plan.answers["outcome"].sel(plan=which).median()), rel=1e-3
        )
    better = f"P(better) {100 * plan.p_better:.0f} %: share of draws that had no part in choosing it"
    assert better in text
    assert f"P(overspend) {100 * plan.p_overspend:.0f} %: induced spend is uncertain" in text
    assert "gain in the objective" not in text
    assert "P(overspend)" not in str(made.plan(3, ()))
    assert "\ninduced spend is uncertain: the plan costs" in str(made.plan(total=None))


def test_profit_is_told_apart_from_the_uplift():
    plan = made.plan(margin=0.4)
    words = cells(str(plan), "gain in the objective")
    expected = float(plan.answers["gain"].median())
    assert float(words[0].replace(",", "").replace("−", "-")) == pytest.approx(expected, rel=0.02)
    assert words[-1] == "money"


def test_text_says_how_sure_it_is():
    plan = made.plan()
    text, solution = " ".join(str(plan).split()), plan.solution
    assert "solver: converged; 34 iterations from 3 starts on 120 draws" in text
    assert "largest difference of net marginal returns: 0.031 %" in text
    bound, gained = (number(value, 4) for value in (solution.bound, solution.objective))
    assert f"no plan within the limits gains more than {bound}; this one gains {gained}" in text
    assert f"(gap {number(solution.gap)}, 0.2 %)" in text
    assert f"held-out draws: the objective gains {number(solution.held_out, 4)} on 120 other draws" in text
    assert "one more unit of total would gain 1.23" in text
    assert f"{LONG[0]} at its upper bound of 123,456; group social at its lower bound of 20,000" in text
    share = plan.table().loc["total", "extrapolated"]
    assert f"{100 * share:.0f} % of the new spend, 0 % of the current, is in periods above the highest" in text
    assert "CAUTION" not in text


def test_text_admits_what_is_not_known():
    plan = made.plan(bound=False, held_out=False, verdict="doubtful", total=None)
    text = " ".join(str(plan).split())
    low, high = (number(end(plan.solution.starts), 4) for end in (min, max))
    assert f"no bound: two channels feed the Hill curve of google; 3 starts gained {low} to {high}" in text
    assert "held-out draws: none" in text
    assert "share of the draws that chose it" in text
    assert "CAUTION, sampler verdict: doubtful" in text
    assert "one more unit of total" not in text


def test_risk_is_smoothed_and_seen_spend_is_said_to_be_seen():
    plan = made.plan()
    smoothed = dataclasses.replace(plan, solution=dataclasses.replace(plan.solution, bandwidth=812.0))
    assert "the measure of risk is smoothed over 812 of gain" in str(smoothed)
    assert "smoothed" not in str(plan)
    seen = with_draws(plan, extrapolated=plan.answers["extrapolated"] * 0.0)
    assert "outside the observed range: none of the new spend, 0 % of the current" in str(seen)
    assert "unseen" not in str(seen)


def test_many_limits_are_cut_short():
    plan = made.plan(3)
    binding = tuple(BindingLimit("bound", "upper", float(t + 1), LONG[0], periods=(1, 52)) for t in range(52))
    plan = dataclasses.replace(plan, solution=dataclasses.replace(plan.solution, binding=binding))
    assert "and 40 more" in str(plan)
    note = plan.table().loc[LONG[0], "note"]
    assert note.startswith("at its upper bound of 1 in 1 of 52 periods; at its upper bound of 2 in 1 of 52")
    assert "and 49 more limits" in note
    assert note.endswith("35 % in periods above the highest spend seen")


def test_many_channels_with_long_names_stay_aligned():
    text = str(made.plan(12, flighting="free", periods=52, bound=False))
    lines = text.splitlines()
    first, last = (i for i, line in enumerate(lines) if line.startswith("---"))
    head, rows = lines[first - 1], lines[first + 1 : last]
    assert len(rows) == 13
    for column in ("spend now", "spend new", "change", "next unit"):
        at = head.index(column) + len(column)
        shown = [row for row in rows if len(row) >= at and row[at - 1] != " "]
        assert len(shown) >= 12
        assert all(len(row) == at or row[at] == " " for row in shown)
    assert max(map(len, lines[: first - 1] + lines[last + 3 :])) <= WIDTH
    assert max(map(len, lines)) <= 140


# --------------------------------------------------------------------------------------------------- words and numbers
def test_numbers_are_readable():
    assert amounts([250_000.4, 1_234_567.0, 12.6]) == ["250,000", "1,234,567", "13"]
    assert amounts([0.25, 2.5]) == ["0.250", "2.500"]
    assert amounts([0.0, float("nan")]) == ["0", "unknown"]
    assert [number(v) for v in (0.9996, 12_345.0, -0.012345, 0.0)] == ["1.00", "12,300", "−0.0123", "0"]
    assert told_apart(105_123.0, -8_421.0, 251_999.0) == ("105,000", "−8,000", "252,000")
    assert told_apart(2_412_345.0, 2_412_345.0) == ("2,412,000", "2,412,000")
    assert told_apart(float("nan"), float("nan")) == ("unknown", "unknown")
    assert [rough_percent(v) for v in (0.279, 0.00031, 1e-9, 0.0)] == [
        "28 %",
        "0.031 %",
        "less than 0.001 %",
        "0 %",
    ]
    assert [probability(v) for v in (0.999, 0.93, 0.0)] == ["more than 99 %", "93 %", "less than 1 %"]


@pytest.mark.parametrize(
    ("limit", "text", "words"),
    [
        (BindingLimit("bound", "upper", 1234.4, "tv late"), "tv late at its upper bound of 1,234.40", None),
        (BindingLimit("bound", "upper", 0.3, "tv"), "tv at its upper bound of 0.3", None),
        (BindingLimit("bound", "both", 50.0, "tv"), "tv held at 50", None),
        (BindingLimit("bound", "lower", 0.0, "tv"), "tv at zero", None),
        (BindingLimit("bound", "lower", 0.0, "tv", periods=(3, 4)), "tv at zero in 3 of 4 periods", None),
        (BindingLimit("minimum", "lower", 400.0, "tv"), "tv at its minimum of 400", None),
        (
            BindingLimit("group", "upper", 9.0, name="tv"),
            "group tv at its upper bound of 9",
            "at its upper bound of 9",
        ),
        (BindingLimit("linear", "upper", 0.0, name="1 tv -2 mail"), "1 tv -2 mail at its upper bound of 0", None),
        (BindingLimit("total", "upper", 700.0), "total at its upper bound of 700", None),
        (BindingLimit("target", "lower", 5.0), "target", ""),
        (BindingLimit("target ROI", "lower", 0.0), "target ROI", ""),
    ],
)
def test_limits_are_phrases(limit, text, words):
    assert str(limit) == text
    assert limit.words == (text.removeprefix(f"{limit.channel} ") if limit.channel else words or limit.words)


def test_limits_belong_to_the_channel_that_they_name():
    plan = made.plan(3)
    binding = (BindingLimit("bound", "upper", 9.0, LONG[1]), BindingLimit("group", "upper", 9.0, name=LONG[2]))
    plan = dataclasses.replace(plan, solution=dataclasses.replace(plan.solution, binding=binding))
    assert plan.table()["note"][LONG[1:3]].tolist() == ["at its upper bound of 9", ""]
