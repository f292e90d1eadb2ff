"""Data: windows of periods."""

import datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from bayesmmm import errors
from bayesmmm.data import window_mask
from tests.data_tables import CALENDARS, read, texts, weekly


@pytest.fixture
def data():
    return read(weekly())  # Sundays, 2023-01-01 to 2023-05-14


def mask(data, start, stop):
    return window_mask(data.dates, start, stop, where="the fitted periods")


def test_window_includes_both_ends(data):
    inside = mask(data, "2023-01-08", "2023-03-12")
    assert (inside.dtype, inside.shape) == (np.dtype(bool), (20,))
    assert texts(data.dates[inside])[:: inside.sum() - 1] == ["2023-01-08", "2023-03-12"]
    np.testing.assert_array_equal(mask(data, datetime.date(2023, 1, 8), np.datetime64("2023-03-12")), inside)
    np.testing.assert_array_equal(mask(data, pd.Timestamp("2023-01-08"), "2023-03-12 00:00"), inside)
    np.testing.assert_array_equal(mask(data, "2023-01-02", "2023-03-18"), inside)
    assert mask(data, "2023-03-12", "2023-03-12").sum() == 1


def test_window_that_is_open(data):
    assert mask(data, None, None).all()
    np.testing.assert_array_equal(mask(data, "2023-03-12", None), data.dates >= "2023-03-12")
    np.testing.assert_array_equal(mask(data, None, "2023-03-12"), data.dates <= "2023-03-12")
    np.testing.assert_array_equal(mask(data, "2023-01-01", "2023-05-14"), np.ones(20, dtype=bool))


@pytest.mark.parametrize("dates", CALENDARS.values(), ids=CALENDARS)
def test_neighbouring_windows_share_no_period_and_lose_none(dates):
    cuts = [*pd.date_range(dates[0], dates[-1], periods=4).normalize()]
    pieces = [
        window_mask(dates, start, stop if stop == dates[-1] else stop - pd.Timedelta(days=1), where="the plan")
        for start, stop in pairwise(cuts)
    ]
    np.testing.assert_array_equal(np.sum(pieces, axis=0), np.ones(len(dates)))


@pytest.mark.parametrize(
    ("start", "stop", "advice"),
    [
        (
            "2022-12-31",
            None,
            "start=2022-12-31 is before the first period: .*; write start='2023-01-01' or a date within",
        ),
        (
            "2023-05-15",
            None,
            "start=2023-05-15 is after the last period: .*; write start='2023-05-14' or a date within",
        ),
        (
            None,
            "2023-05-15",
            "stop=2023-05-15 is after the last period: .*; write stop='2023-05-14' or a date within",
        ),
        (
            None,
            "2022-12-31",
            "stop=2022-12-31 is before the first period: .*; write stop='2023-01-01' or a date within",
        ),
        ("2021-01-01", "2030-01-01", "start=2021-01-01 is before the first period"),
    ],
)
def test_window_outside(data, start, stop, advice):
    with pytest.raises(errors.WindowError, match=advice) as caught:
        mask(data, start, stop)
    assert "the fitted periods go from 2023-01-01 to 2023-05-14" in str(caught.value)


def test_window_between_two_periods(data):
    with pytest.raises(
        errors.WindowError,
        match=r"from 2023-01-09 to 2023-01-14 holds no period: .* write start='2023-01-08' or stop='2023-01-15'",
    ):
        mask(data, "2023-01-09", "2023-01-14")


@pytest.mark.parametrize("value", ["1/2/2023", "2023-02-31", "soon", 20230108, pd.NaT, "2023-01-08 12:00"])
def test_window_bounds_that_are_not_dates(data, value):
    with pytest.raises(errors.DateError, match=r"start=.* is not a date .* write it as YYYY-MM-DD"):
        mask(data, value, None)
    with pytest.raises(errors.DateError, match=r"stop=.* is not a date .* write it as YYYY-MM-DD"):
        mask(data, None, value)


def test_window_the_wrong_way_round(data):
    with pytest.raises(errors.DateError, match=r"start 2023-03-12 is after stop 2023-01-08; swap the two"):
        mask(data, "2023-03-12", "2023-01-08")
