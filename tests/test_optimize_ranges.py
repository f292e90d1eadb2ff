"""Ranges that cannot be misread: money next to nothing is refused, shares and SciPy's limits are taken as they are."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import Bounds, LinearConstraint
from scipy.sparse import csr_array

import bayesmmm as mm
from bayesmmm.errors import SettingError
from bayesmmm.optimize import Constraints, Share, optimize_budget
from tests import budgets, panel_budgets
from tests.test_optimize_known import own

PERIODS, TOTAL = 4, 700.0


@pytest.fixture(scope="module")
def fit():
    return budgets.plain_fit(slope=[0.9, 0.7, 0.8], contribution=[0.1, 0.1, 0.2])


@pytest.fixture(scope="module")
def panel():
    return panel_budgets.plain_panel(without=[("radio", "south")])


def limits_of(fit, **constraints):
    return budgets.problem_of(fit, periods=PERIODS, total=TOTAL, **constraints).limits


def same(one, other):
    assert_allclose(one.lower, other.lower, rtol=1e-12)
    assert_allclose(one.upper, other.upper, rtol=1e-12)
    assert len(one.rows) == len(other.rows)
    for a, b in zip(one.rows, other.rows, strict=True):
        assert_allclose(a.coefficients, b.coefficients)
        assert_allclose([a.low, a.high], [b.low, b.high], rtol=1e-12)


# ------------------------------------------------------------------------------------------------------------- shares
@pytest.mark.parametrize(
    ("shares", "text"),
    [(Share(0.5, 1.5), ("50%", "150%")), (Share(0.8), ("80%", None)), (Share(high=1), (None, "100%"))],
)
def test_shares_are_per_cents_of_the_current_plan(fit, shares, text):
    for name in ("bounds", "period_bounds"):
        same(limits_of(fit, **{name: shares}), limits_of(fit, **{name: text}))
        same(limits_of(fit, **{name: {"tv": shares}}), limits_of(fit, **{name: {"tv": text}}))
    same(
        limits_of(fit, groups={"a": (["tv", "radio"], shares)}),
        limits_of(fit, groups={"a": (["tv", "radio"], text)}),
    )


def test_shares_of_a_geo(panel):
    same(limits_of(panel, geo_totals=Share(0.9, 1.1)), limits_of(panel, geo_totals=("90%", "110%")))


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ((1.5, 0.5), "low=1.5 lies above high=0.5; swap the two"),
        ((-0.1, 1.0), "low=-0.1 must be a share of at least 0, as 0.5 for half of the current plan"),
        (("50%", 1.0), "low='50%' must be a share of at least 0"),
        ((0.5, np.nan), "high=nan must be a share"),
    ],
)
def test_impossible_shares(sides, words):
    with pytest.raises(SettingError, match=re.escape(words)):
        Share(*sides)


def test_a_weighted_sum_has_no_shares():
    with pytest.raises(SettingError, match="a weighted sum has none; write it in money"):
        Constraints(linear=[({"tv": 1.0}, Share(0.5, 1.5))])


# ----------------------------------------------------------------------------------------- money that is next to nothing
@pytest.mark.parametrize(
    ("arguments", "whose", "percent"),
    [
        ({"bounds": (0.5, 1.5)}, r"\d+ that 'tv' spends", r"\('50%', '150%'\) or mm.Share\(0.5, 1.5\)"),
        ({"bounds": {"radio": (0.0, 1.2)}}, "'radio' spends", r"\('0%', '120%'\) or mm.Share\(0, 1.2\)"),
        ({"bounds": {"radio": (0.8, None)}}, "'radio' spends", r"\('80%', None\) or mm.Share\(0.8, None\)"),
        ({"bounds": Bounds(0.5, 1.5)}, "'tv' spends", r"\('50%', '150%'\)"),
        ({"period_bounds": {"print": (0.1, 0.3)}}, "a period of 'print' spends", r"\('10%', '30%'\)"),
        ({"groups": {"all": (list(budgets.SIX[:3]), (0.9, 1.1))}}, "group 'all' spends", r"\('90%', '110%'\)"),
    ],
)
def test_money_next_to_nothing_is_refused_with_how_to_say_shares(fit, arguments, whose, percent):
    with pytest.raises(SettingError, match=f"is money, and less than 1 % of the .*{whose}.*{percent}"):
        optimize_budget(fit, total=TOTAL, periods=PERIODS, **arguments)


def test_numbers_that_look_like_per_cents_are_proposed_as_such(fit):
    with pytest.raises(SettingError, match=r"write \('50%', '150%'\) or mm.Share\(0.5, 1.5\)"):
        optimize_budget(fit, total=100 * TOTAL, periods=PERIODS, bounds=(50, 150))


def test_every_way_out_of_the_message_runs(fit):
    """Each is taken from the message and passed on."""
    with pytest.raises(SettingError) as refusal:
        optimize_budget(fit, total=TOTAL, periods=PERIODS, bounds={"tv": (0.5, 1.5)})
    ways = re.findall(r"\([^()]*'[^()]*\)|mm\.Share\([^()]*\)|\(0, 0\)", str(refusal.value))
    assert len(ways) == 4
    for way in ways:
        plan = optimize_budget(fit, total=TOTAL, periods=PERIODS, bounds={"tv": eval(way, {"mm": mm})})
        assert own(plan).sum() == pytest.approx(TOTAL)
    assert own(plan)[0] <= 2.0  # the last way is money as small as it was written


@pytest.mark.parametrize("sides", [(0, 0), (0.0, None), (None, None), (0.5, "150%"), ("0.01%", "0.02%")])
def test_what_is_meant_is_taken(fit, sides):
    limits_of(fit, bounds={"tv": sides})


def test_a_channel_that_was_off_may_be_given_little(fit):
    off = budgets.ahead(fit, PERIODS, tv=0.0, radio=300.0, print=400.0)
    problem = budgets.problem_of(fit, plan=off, total=TOTAL, bounds={"tv": (0.0, 1.5)})
    assert problem.limits.upper[0] == 1.5


# ------------------------------------------------------------------------------------------------------------- SciPy's
def test_bounds_of_scipy(fit):
    bounds = Bounds([0.0, 100.0, -np.inf], [300.0, np.inf, 350.0])
    given = {"tv": (0.0, 300.0), "radio": (100.0, None), "print": (None, 350.0)}
    same(limits_of(fit, bounds=bounds), limits_of(fit, bounds=given))
    same(limits_of(fit, bounds=Bounds(0.0, 300.0)), limits_of(fit, bounds=(0.0, 300.0)))
    same(limits_of(fit, period_bounds=bounds), limits_of(fit, period_bounds=given))
    plan = optimize_budget(fit, total=TOTAL, periods=PERIODS, bounds=bounds)
    assert own(plan)[2] <= 350.0 * (1 + 1e-9)
    assert own(plan)[1] >= 100.0 * (1 - 1e-9)


def test_linear_constraints_of_scipy(fit):
    given = [({"print": 1.0, "tv": -1.5}, (None, 0.0)), ({"tv": 1.0, "radio": 2.0}, (500.0, 500.0))]
    matrix, low, high = [[-1.5, 0.0, 1.0], [1.0, 2.0, 0.0]], [-np.inf, 500.0], [0.0, 500.0]
    expected = limits_of(fit, linear=given)
    same(limits_of(fit, linear=LinearConstraint(matrix, low, high)), expected)
    same(limits_of(fit, linear=LinearConstraint(csr_array(matrix), low, high)), expected)
    mixed = [given[0], LinearConstraint([1.0, 2.0, 0.0], 500.0, 500.0)]
    same(limits_of(fit, linear=mixed), expected)
    plan = optimize_budget(fit, total=TOTAL, periods=PERIODS, linear=LinearConstraint(matrix, low, high))
    assert own(plan)[0] + 2 * own(plan)[1] == pytest.approx(500.0, rel=1e-6)


def test_limits_of_scipy_on_a_panel_are_of_channels_or_of_pairs(panel):
    problem = budgets.problem_of(panel, periods=PERIODS, total=TOTAL)
    pairs, channels = problem.variables.pairs, problem.channels
    each = Bounds(np.zeros(len(pairs)), 100.0 + np.arange(len(pairs)))
    by_pair = {pair: (0.0, 100.0 + i) for i, pair in enumerate(pairs)}
    same(limits_of(panel, bounds=each), limits_of(panel, bounds=by_pair))
    of_channels = Bounds(np.zeros(len(channels)), 400.0 + np.arange(len(channels)))
    by_channel = {name: (0.0, 400.0 + i) for i, name in enumerate(channels)}
    same(limits_of(panel, bounds=of_channels), limits_of(panel, bounds=by_channel))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"bounds": Bounds([0.0, 0.0], [1e3, 1e3])},
            "one side for all or one for each of the 3 that the plan decides",
        ),
        ({"bounds": Bounds(-5.0, 1e3)}, "is below zero; spend is zero or more"),
        ({"bounds": Bounds(np.nan, 1e3)}, "has NaN"),
        ({"linear": LinearConstraint([1.0, 1.0], 0.0, 500.0)}, "has 2 columns, and the plan decides about 3"),
        ({"linear": LinearConstraint([1.0, np.inf, 0.0], 0.0, 500.0)}, "weights that are no numbers"),
        ({"linear": LinearConstraint([1.0, 0.0, 0.0], np.nan, 500.0)}, "has NaN"),
    ],
)
def test_limits_of_scipy_that_do_not_fit(fit, arguments, words):
    with pytest.raises(SettingError, match=words):
        optimize_budget(fit, total=TOTAL, periods=PERIODS, **arguments)
