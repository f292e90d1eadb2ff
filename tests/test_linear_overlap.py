"""Linear terms that say the same are named before a fit, at a fit and after it, with what each would be worth alone."""

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import errors
from bayesmmm.data import MMMData
from bayesmmm.diagnostics import audit, diagnose
from bayesmmm.equations import MMM, Equation, Fourier, system_warnings
from bayesmmm.simulate.datasets import load_case

WEEKS = 120


def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    t = np.arange(WEEKS)
    holiday = (t % 26 == 20).astype(float)
    frame = {
        "week": pd.date_range("2022-01-02", periods=WEEKS, freq="7D"),
        "sales": 1000.0 + 400.0 * holiday + rng.normal(0.0, 40.0, WEEKS),
        "tv": rng.gamma(2.0, 50.0, WEEKS),
        "easter": holiday,
        "spring_break": holiday,
        "year": 2000.0 + t,
        "warmth": np.cos(2 * np.pi * t / 52.1775) + rng.normal(0.0, 0.5, WEEKS),
        "promotion": (rng.random(WEEKS) < 0.1).astype(float),
    }
    return pd.DataFrame(frame)


def read(linear, **terms):
    data = MMMData.from_frame(table(), date="week", outcome="sales", media=["tv"], controls=linear)
    return MMM([Equation("sales", media=["tv"], linear=linear, **terms)]), data


def overlaps(system, data) -> list[str]:
    return [str(w) for w in system_warnings(system, data) if isinstance(w, errors.CollinearTermsWarning)]


def test_two_identical_holidays_are_named_once():
    (message,) = overlaps(*read(["easter", "spring_break", "promotion"]))
    assert "'easter' in the equation of 'sales' is explained to 100.00% by 'spring_break' " in message
    assert "promotion" not in message


def test_a_column_that_is_the_trend_is_named():
    (message,) = overlaps(*read(["year", "promotion"], trend=True))
    assert "'year'" in message
    assert "by 'trend'" in message


def test_a_sum_of_columns_is_named():
    frame = table().assign(both=lambda f: f["warmth"] + f["promotion"])
    linear = ["warmth", "promotion", "both"]
    data = MMMData.from_frame(frame, date="week", outcome="sales", media=["tv"], controls=linear)
    (message,) = overlaps(MMM([Equation("sales", media=["tv"], linear=linear)]), data)
    assert all(repr(name) in message for name in linear)


@pytest.mark.parametrize("terms", [{}, {"trend": True, "seasonality": [Fourier(365.25, 2)]}])
def test_columns_that_share_a_season_in_part_are_not_named(terms):
    assert overlaps(*read(["easter", "warmth", "promotion"], **terms)) == []


@pytest.mark.parametrize("case", ["social_search", "regions"])
def test_shipped_worlds_have_none(case):
    world = load_case(case)
    assert overlaps(world.system, world.data) == []


def test_the_remedies_work():
    assert overlaps(*read(["easter", "promotion"])) == []


@pytest.mark.filterwarnings("ignore::bayesmmm.errors.BayesMMMWarning")
def test_before_and_after_a_fit():
    system, data = read(["easter", "spring_break"])
    with pytest.warns(errors.CollinearTermsWarning):
        fit = mm.fit(system, data, seed=1, draws=200, tune=200, chains=2, progress=False)
    for diagnosis in (audit(data, system), diagnose(fit)):
        check = diagnosis["linear_overlap"]
        assert check.verdict == "warn"
        assert "'easter'" in check.finding
        assert "'spring_break'" in check.finding
    # Each of them is worth anything, their sum is known.
    b = fit.coefficients("sales")
    one, other = (b.sel({"sales.term": name}) for name in ("easter", "spring_break"))
    assert float((one + other).std()) < 0.5 * float(one.std())
