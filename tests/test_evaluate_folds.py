"""Where the folds of a cross-validation lie."""

import numpy as np
import pytest

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import EquationError, SettingError
from bayesmmm.evaluate import cross_validate, hold_out
from bayesmmm.evaluate.fold_task import naive
from bayesmmm.evaluate.folds import Fold, least_periods, plan_folds
from tests import worlds


def laid_out(**asked):
    return [
        (f.train.start, f.train.stop, f.test.start, f.test.stop)
        for f in plan_folds(worlds.system(), worlds.data(60), **asked)
    ]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # 60 periods: 30 to begin with, 8 tests of 3, and the last one ends with the data.
        ({}, [(0, 36 + 3 * k, 36 + 3 * k, 39 + 3 * k) for k in range(8)]),
        ({"folds": 2, "horizon": 5}, [(0, 50, 50, 55), (0, 55, 55, 60)]),
        ({"folds": 2, "horizon": 5, "gap": 2}, [(0, 48, 50, 55), (0, 53, 55, 60)]),
        ({"folds": 2, "horizon": 5, "step": 1}, [(0, 54, 54, 59), (0, 55, 55, 60)]),
        ({"folds": 2, "horizon": 5, "window": "sliding"}, [(0, 50, 50, 55), (5, 55, 55, 60)]),
        ({"initial": 40, "horizon": 7}, [(0, 40, 40, 47), (0, 47, 47, 54)]),
        ({"initial": 40, "horizon": 5, "step": 9, "gap": 1}, [(0, 40, 41, 46), (0, 49, 50, 55)]),
        ({"initial": 40, "folds": 3}, [(0, 40, 40, 46), (0, 46, 46, 52), (0, 52, 52, 58)]),
        ({"folds": 1, "horizon": 13}, [(0, 47, 47, 60)]),
        ({"folds": 3, "step": 4}, [(0, 48 + 4 * k, 48 + 4 * k, 52 + 4 * k) for k in range(3)]),
    ],
)
def test_folds_by_hand(asked, expected):
    assert laid_out(**asked) == expected


def test_no_fold_sees_its_test_periods_or_its_gap():
    data = worlds.data(60)
    for fold in plan_folds(worlds.system(), data, folds=5, horizon=4, step=2, gap=3, window="sliding"):
        training, plan = fold.training(data), fold.plan(data, ["tv", "social"])
        assert len(training.dates) == 60 - 3 - 4 - 4 * 2
        assert training.dates[-1] == data.dates[fold.test.start - 1 - 3]
        assert plan["date"].tolist() == data.dates[fold.train.stop : fold.test.stop].tolist()
        assert plan["tv"].tolist() == data.columns["tv"][0, fold.train.stop : fold.test.stop].tolist()
        assert len(plan) == 3 + 4


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"folds": 0}, "folds=0 must be a whole number of at least 1"),
        ({"horizon": 2.5}, r"horizon=2\.5 must be a whole number"),
        ({"gap": None}, "gap=None must be a whole number of at least 0"),
        ({"window": "rolling"}, "window='rolling' must be one of expanding, sliding"),
        ({"folds": 40}, "60 periods less 30 .* leave no period for each of 40 folds; ask for fewer folds"),
        ({"folds": 4, "horizon": 14}, r"trained on 4 periods, and this system needs 8: .*initial=8 or more"),
        ({"initial": 50, "horizon": 6, "folds": 2}, "leave room for 1 folds in 60 periods, and folds=2"),
        ({"initial": 58, "horizon": 6}, "leave room for 0 folds in 60 periods; shorten initial"),
    ],
)
def test_folds_that_do_not_fit_are_refused(asked, text):
    with pytest.raises(SettingError, match=text):
        laid_out(**asked)


def late_event(at):
    frame = worlds.frame(60)
    frame["event"] = (np.arange(60) == at).astype(float)
    data = MMMData.from_frame(frame, **{**worlds.ROLES, "controls": ["price", "event"]})
    return MMM([Equation("sales", media=["tv", "social", "search"], linear=["event"])]), data


def test_the_first_fold_waits_until_every_column_has_varied():
    system, data = late_event(43)
    assert least_periods(system, data) == 44
    folds = plan_folds(system, data, folds=4)
    assert folds[0].train.stop == 44
    assert folds[-1].test.stop == 60
    with pytest.raises(SettingError, match=r"30 periods.* needs 44: 'event' does not vary before.*initial=44"):
        plan_folds(system, data, folds=3, horizon=10)


def test_a_window_that_slides_past_an_event_is_refused_by_name():
    system, data = late_event(20)
    with pytest.raises(SettingError, match=r"fold 3: 2023-06-04 .* cannot be fitted: column 'event'.* 0 in every"):
        plan_folds(system, data, initial=21, horizon=9, step=11, window="sliding")


def test_the_naive_forecast_is_that_of_a_year_before_or_the_last_value():
    data = worlds.data(60)
    sales = data.columns["sales"][0]
    (found,) = naive(data, "sales", Fold(1, slice(0, 50), slice(50, 56), 0))
    np.testing.assert_array_equal(found, [sales[49], sales[49], *sales[:4]])
    # 53 periods of test: the last one is predicted from two years before, since one year before is in the test itself.
    long = worlds.data(170)
    sales = long.columns["sales"][0]
    (found,) = naive(long, "sales", Fold(1, slice(0, 110), slice(110, 163), 0))
    np.testing.assert_array_equal(found, [*sales[58:110], sales[162 - 104]])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"periods": 0}, "periods=0 must be a whole number of at least 1"),
        ({"periods": 2.5}, "periods=2.5 must be a whole number"),
        ({"periods": 13, "gap": -1}, "gap=-1 must be a whole number of at least 0"),
        ({"periods": 1000}, "periods=1000 and gap=0 leave 0 of 60 periods to fit, and this system needs 8"),
        ({"periods": 50, "gap": 3}, "leave 7 of 60 periods"),
    ],
)
def test_what_cannot_be_held_out_is_refused_in_the_words_of_the_caller(asked, words):
    with pytest.raises(SettingError, match=words):
        hold_out(worlds.system(), worlds.data(60), **asked)


def test_system_and_data_the_wrong_way_round():
    system, data = worlds.system(), worlds.data(60)
    with pytest.raises(SettingError, match=r"data is a MMM, and must be MMMData.*the system comes first"):
        cross_validate(data, system)
    with pytest.raises(EquationError, match="system is a list, and must be an MMM"):
        cross_validate([], data)
