"""The test that a report proposes: what it is expected to show, how well it is measured by the past, which is chosen."""

import numpy as np
import pytest

import bayesmmm as mm
from bayesmmm.optimize.knowing import width_ratio, worth_of_measuring
from bayesmmm.report import compose
from bayesmmm.report.experiments import choose, error_by_the_past, experiment_sentence, experiments_html
from bayesmmm.report.next_test import rank_tests
from bayesmmm.report.sentences import Words
from bayesmmm.results.summaries import interval
from bayesmmm.text import brief, large_number, rough_percent
from tests import panels
from tests.fits import quiet
from tests.made import case_fit
from tests.panel_fits import with_replicates
from tests.test_report_panel import fitted

RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def report():
    return compose(case_fit("censored mediator", draws=40), currency="€")


@pytest.fixture(scope="module")
def of_geos():
    fit = with_replicates(fitted(panels.system(), panels.data()))
    return compose(fit.with_convergence(case_fit("chain", draws=20).convergence))


def chosen(report):
    table = report.tables["tests"]
    assert table["chosen"].sum() == 1
    return table[table["chosen"]].iloc[0]


# ------------------------------------------------------------------------------------------------ what is expected
@pytest.mark.parametrize("which", ["report", "of_geos"])
def test_the_effect_of_a_test_is_that_of_what_if(which, request):
    """Over the periods of the test, of the current plan; of a panel half of it, as half of the geos are changed."""
    report = request.getfixturevalue(which)
    row, plan, part = chosen(report), report.answers.plan, 0.5 if which == "of_geos" else 1.0
    scale = {row["channel"]: 1.0 + row["change"]}
    found = quiet(mm.what_if, report.answers.fit, scale=scale, plan=plan.to_frame("current"))
    moved = part * found["sales.change"].isel(date=slice(row["periods"])).sum("date")
    for name, value in interval(moved.transpose("chain", "draw"), 0.9).items():
        assert row[name] == pytest.approx(float(value), rel=1e-9)
    spend = plan.current.sel(channel=row["channel"]).isel(date=slice(row["periods"])).sum()
    assert row["money"] == pytest.approx(part * row["change"] * float(spend))


def test_error_width_worth_and_cost_are_those_of_a_normal_update(report):
    ranking, plan = rank_tests(report.answers), report.answers.plan
    stacked = ranking.returns.stack(s=("chain", "draw")).transpose("s", "channel")
    elsewhere = float(stacked.values.mean(axis=0) @ ranking.room / ranking.room.sum())
    years = 365.25 / (13 * 7)
    for _, row in report.tables["tests"].iloc[::5].iterrows():
        scale = {row["channel"]: 1.0 + row["change"]}
        found = quiet(mm.what_if, report.answers.fit, scale=scale, plan=plan.to_frame("current"))
        effect = found["sales.change"].isel(date=slice(row["periods"])).sum("date").values.ravel()
        assert row["cost"] == pytest.approx(elsewhere * row["money"] - effect.mean())
        assert width_ratio(effect, row["error_needed"]) == pytest.approx(0.5)
        assert width_ratio(effect, row["error_expected"]) == pytest.approx(row["width_ratio"])
        for which in ("needed", "expected"):
            worth = worth_of_measuring(stacked.values, effect, row[f"error_{which}"], ranking.room, ranking.room)
            assert row[f"worth_{which}"] == pytest.approx(years * worth)


def test_the_test_that_gains_most_is_chosen_of_those_that_are_sharp_enough(report):
    table = report.tables["tests"]
    np.testing.assert_array_equal(table["enough"], table["error_expected"] <= table["error_needed"])
    made = table.assign(cost=0.0, worth_needed=1.0, worth_expected=0.0, enough=False)
    made.loc[3, "worth_needed"] = 9.0
    assert choose(made).name == 3
    made.loc[5, ["worth_expected", "enough"]] = 0.5, True
    made.loc[6, ["worth_expected", "enough"]] = 0.7, True
    assert choose(made).name == 6
    made.loc[6, "cost"] = 0.4  # what a test costs is taken off, what it earns is not added
    assert choose(made).name == 5
    made.loc[5, "cost"] = made.loc[6, "cost"] = 1.0
    assert choose(made).name == 3
    assert choose(made.assign(cost=10.0)) is None


# ------------------------------------------------------------------------------------------------ how well measured
def test_the_error_of_independent_residuals_grows_with_the_root_of_the_periods():
    left = RNG.normal(0.0, 3.0, (1, 20_000))
    for length in (1, 4, 13):
        assert error_by_the_past(left, length) == pytest.approx(3.0 * np.sqrt(2.0 * length), rel=0.05)


def test_residuals_that_remember_make_a_longer_test_less_sharp_than_their_spread_says():
    """With autocorrelations 0.8 ** lag the variance of the difference is w'Rw, w = 1 in the test and -1 before it."""
    noise, left = RNG.normal(size=100_000), np.zeros(100_000)
    for t in range(1, len(left)):
        left[t] = 0.8 * left[t - 1] + noise[t]
    sign = np.repeat([-1.0, 1.0], 10)
    lag = np.abs(np.subtract.outer(np.arange(20), np.arange(20)))
    error = left.std() * np.sqrt(sign @ 0.8**lag @ sign)
    assert error > 1.5 * left.std() * np.sqrt(20.0)
    assert error_by_the_past(left[None], 10) == pytest.approx(error, rel=0.05)
    opposite = np.tile([1.0, -1.0], 100)[None]  # sums of two are nothing: a spread that is too good to be believed
    assert error_by_the_past(opposite, 2) == pytest.approx(2.0)


def test_what_all_geos_have_in_common_does_not_blur_a_test_of_half_of_them():
    """Halves drawn at random differ by a variance of 6 times that of one geo, before the test and in it."""
    own, common = RNG.normal(size=(6, 4000)), 50.0 * RNG.normal(size=4000)
    assert error_by_the_past(own, 5) == pytest.approx(np.sqrt(2.0 * 5 * 6), rel=0.05)
    assert error_by_the_past(own + common, 5) == pytest.approx(error_by_the_past(own, 5), rel=1e-9)
    contrasts = []
    for _ in range(400):
        sign = RNG.permutation([1.0, 1.0, 1.0, -1.0, -1.0, -1.0]) @ (own + common)
        at = RNG.integers(0, 3990)
        contrasts.append(sign[at + 5 : at + 10].sum() - sign[at : at + 5].sum())
    assert error_by_the_past(own + common, 5) == pytest.approx(np.std(contrasts), rel=0.1)


def test_a_test_longer_than_half_of_the_past_is_extended_from_it():
    left = RNG.normal(size=(1, 12))
    assert np.isfinite(error_by_the_past(left, 13))
    assert error_by_the_past(left, 13) >= np.sqrt(26.0) * left.std() * 0.999
    assert np.isfinite(error_by_the_past(np.where(np.arange(12) == 5, np.nan, left), 3))


# -------------------------------------------------------------------------------------------------------- the words
def sentence(report, **columns):
    table = report.tables["tests"].assign(**columns)
    return experiment_sentence(report.answers, {**report.tables, "tests": table}, Words(report.answers))


@pytest.mark.parametrize("enough", [True, False])
def test_the_sentence_says_what_to_do_what_to_expect_and_what_it_is_worth(report, enough):
    row = chosen(report)
    title, text = sentence(report, enough=enough, cost=123.0)
    assert title == f"What to test next: {row['channel']}"
    verb = "Pause" if row["change"] == -1.0 else "Cut" if row["change"] < 0.0 else "Raise"
    assert text.startswith(f"{verb} {row['channel']}")
    assert f" for {row['periods']} weeks ({brief(abs(row['money']), '€')} " in text
    for name in ("error_needed", "error_expected", "median", "lower", "upper"):
        assert brief(abs(row[name]), "€") in text, name
    worth = row["worth_expected" if enough else "worth_needed"]
    assert f"worth {brief(worth, '€')} a year, at a cost of €123." in text
    assert ("in a random half of many regions" in text) != enough
    assert "at a cost" not in sentence(report, cost=-1.0)[1]


def test_what_no_test_is_worth_is_told(report):
    ranking = rank_tests(report.answers)
    title, text = sentence(report, chosen=False)
    assert title == "What to test next"
    assert text.endswith("and no test is worth its cost.")
    assert f"would add {brief(ranking.known[ranking.channels[0]], '€')} to this plan at most" in text
    none = {name: table for name, table in report.tables.items() if name != "tests"}
    assert "No test of a single channel" in experiment_sentence(report.answers, none, Words(report.answers))[1]


def test_geos_are_halved(of_geos):
    _, text = experiment_sentence(of_geos.answers, of_geos.tables, Words(of_geos.answers))
    assert "in half of the geos, drawn at random" in text
    assert "the other half of the geos" in experiments_html(of_geos.answers, of_geos.tables)


def test_the_table_has_both_directions_of_every_channel(report):
    table = report.tables["tests"]
    page = experiments_html(report.answers, report.tables)
    gains = table["worth_needed"] - table["cost"].clip(lower=0.0)
    for (channel, _), own in table.groupby(["channel", table["change"] > 0.0]):
        row = table.loc[gains[own.index].idxmax()]
        assert channel in page
        for name in ("error_needed", "error_expected", "worth_needed"):
            assert large_number(row[name]) in page
        assert rough_percent(1.0 - row["width_ratio"]) in page
    assert "tests.csv" in page
    assert {"unit", "ci_prob", "verdict"} <= set(table.columns)
