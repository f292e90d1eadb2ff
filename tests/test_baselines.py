"""The baselines: closed forms, worlds that are what they assume, and what they must refuse."""

import re

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.baselines import designs, least_squares, libraries, one_season_before, ridge, seasonal_naive
from bayesmmm.baselines.ridge import two_stage_ridge
from bayesmmm.errors import EquationError, InfeasibleError, MissingLibraryError, PanelError, SettingError

WEEKS = 160


def frame(seed=0, weeks=WEEKS):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"week": pd.date_range("2021-01-03", periods=weeks, freq="7D")})
    for name in ("tv", "web"):
        table[name] = rng.gamma(2.0, 50.0, weeks) * (rng.random(weeks) < 0.7)
    table["price"] = rng.normal(10.0, 1.0, weeks)
    table["sales"] = 500.0 + 2.0 * table["tv"] + 0.5 * table["web"] - 7.0 * table["price"]
    table["sales"] += 20.0 * rng.standard_normal(weeks)
    return table


def read(table, **roles):
    roles = {"date": "week", "outcome": "sales", "media": ["tv", "web"], "controls": ["price"]} | roles
    return mm.MMMData.from_frame(table, **roles)


# ------------------------------------------------------------------------------------------------------ least squares
def test_least_squares_is_the_closed_form():
    table = frame()
    found = least_squares(read(table), ci_prob=0.9)
    x = np.column_stack([table["tv"], table["web"], np.ones(WEEKS), table["price"]])
    b = np.linalg.solve(x.T @ x, x.T @ table["sales"])
    left = table["sales"] - x @ b
    error = np.sqrt(left @ left / (WEEKS - 4) * np.diag(np.linalg.inv(x.T @ x)))
    assert list(found.coefficients.index) == ["tv", "web", "intercept", "price"]
    np.testing.assert_allclose(found.coefficients["estimate"], b)
    np.testing.assert_allclose(found.coefficients["std_error"], error)
    np.testing.assert_allclose(found.fitted["residual"], left, atol=1e-8)
    assert found.r2 == pytest.approx(1.0 - left.var(ddof=0) / table["sales"].var(ddof=0))
    # Without carry-over a return is the coefficient, and the total that times the spend.
    np.testing.assert_allclose(found.effects.loc["roi[tv]", "estimate"], b[0])
    np.testing.assert_allclose(
        found.effects.loc["total[tv]", "upper"], found.coefficients.loc["tv", "upper"] * table["tv"].sum()
    )


def test_terms_of_a_system_stand_in_the_regression():
    data = read(frame())
    season = mm.Fourier(period=365.25, order=1)
    system = mm.MMM([mm.Equation("sales", media=["tv", "web"], linear=["price"], seasonality=season, trend=True)])
    found = least_squares(data, system)
    terms = ["tv", "web", "intercept", "trend", "sin1@365.25", "cos1@365.25", "price"]
    assert list(found.coefficients.index) == terms
    # A control is in its own units with or without a system.
    assert found.coefficients.loc["price", "estimate"] == pytest.approx(-7.0, abs=6.0)


def test_spend_is_carried_over_by_the_share_that_is_given():
    x = np.array([4.0, 0.0, 0.0, 8.0])
    np.testing.assert_allclose(designs.carried_over(x, 0.5), [2.0, 1.0, 0.5, 4.25])
    table = frame()
    carried = designs.carried_over(table["tv"].to_numpy(), 0.6)
    table["sales"] = 100.0 + 3.0 * carried + 0.5 * table["web"]
    table.loc[::7, "sales"] += 1e-3
    found = least_squares(read(table), retention={"tv": 0.6})
    assert found.coefficients.loc["tv", "estimate"] == pytest.approx(3.0, abs=1e-3)
    # What is carried beyond the last week is not counted.
    assert found.effects.loc["total[tv]", "estimate"] == pytest.approx(3.0 * carried.sum(), rel=1e-3)


def test_effects_through_a_mediator_add_up_and_are_products():
    table = frame()
    rng = np.random.default_rng(1)
    table["search"] = 50.0 + 0.3 * table["tv"] + 10.0 * rng.standard_normal(WEEKS)
    table["sales"] += 3.0 * table["search"]
    found = least_squares(read(table, mediators={"search": "queries"})).effects["estimate"]
    for channel in ("tv", "web"):
        assert found[f"total[{channel}]"] == pytest.approx(
            found[f"direct[{channel}]"] + found[f"indirect[{channel}]"]
        )
    assert found["roi_indirect[tv]"] == pytest.approx(0.9, rel=0.15)
    assert found["roi_direct[tv]"] == pytest.approx(2.0, rel=0.15)


def test_the_geos_of_a_panel_share_slopes_and_have_levels_of_their_own():
    one, other = frame(0), frame(1)
    other["sales"] += 1000.0
    data = read(pd.concat([one.assign(geo="a"), other.assign(geo="b")]), geo="geo")
    found = least_squares(data)
    assert found.coefficients.loc["geo b", "estimate"] == pytest.approx(1000.0, abs=15.0)
    assert found.effects.loc["roi[tv]", "estimate"] == pytest.approx(2.0, abs=0.1)
    predicted = found.predict(data)
    assert list(predicted.columns) == ["a", "b"]
    np.testing.assert_allclose(predicted.to_numpy().T.ravel(), found.fitted["fitted"])


def test_a_hold_out_is_predicted_on_the_scales_that_were_fitted():
    table = frame()
    data = read(table)
    season = mm.Fourier(period=365.25, order=1)
    system = mm.MMM([mm.Equation("sales", media=["tv", "web"], linear=["price"], seasonality=season, trend=True)])
    early = data.between("2021-01-03", data.dates[119].date())
    for found in (least_squares(early, system), two_stage_ridge(early, system, candidates=20, replicates=2)):
        predicted = found.predict(data)
        np.testing.assert_allclose(predicted["sales"].iloc[:120], found.fitted["fitted"])
        late = slice(120, None)
        error = np.sqrt(np.mean((predicted["sales"].iloc[late].to_numpy() - table["sales"].iloc[late]) ** 2))
        assert error < 0.6 * table["sales"].iloc[late].std()


def test_blanks_leave_the_regression():
    table = frame()
    table.loc[[3, 40], "sales"] = np.nan
    found = least_squares(read(table, missing="ignore"))
    whole = least_squares(
        read(table.fillna({"sales": 1e6}).drop(index=[3, 40]).assign(week=frame()["week"][: WEEKS - 2].to_numpy()))
    )
    assert len(found.fitted) == WEEKS - 2
    np.testing.assert_allclose(found.coefficients["estimate"], whole.coefficients["estimate"])


def test_what_no_regression_could_tell_apart_is_refused():
    table = frame().assign(both=lambda f: f["tv"] + 2.0 * f["price"])
    with pytest.raises(EquationError, match=r"'both' is a sum of tv, web, intercept, price .* Leave it out"):
        least_squares(read(table, controls=["price", "both"]))
    assert len(least_squares(read(table, controls=["both"])).coefficients) == 4  # the remedy
    few = frame(weeks=8).assign(**{f"c{k}": np.random.default_rng(k).random(8) for k in range(8)})
    with pytest.raises(EquationError, match="8 observed periods do not determine 12 coefficients"):
        least_squares(read(few, controls=["price", *(f"c{k}" for k in range(8))]))


@pytest.mark.parametrize(
    ("retention", "message"),
    [
        ({"tvs": 0.5}, r"'tvs', which is no channel \(did you mean 'tv'\?\)"),
        (1.0, r"retention of 'tv' is 1\.0, and must be at least 0 and below 1"),
        ("half", "retention of 'tv' is 'half'"),
    ],
)
def test_a_retention_that_is_none_is_refused(retention, message):
    with pytest.raises(SettingError, match=message):
        least_squares(read(frame()), retention=retention)


def test_what_is_no_data_or_no_system_is_refused():
    with pytest.raises(SettingError, match="must be MMMData"):
        least_squares(frame())
    with pytest.raises(SettingError, match="must be a system of equations"):
        least_squares(read(frame()), ["sales"])


@pytest.mark.parametrize("module", ["statsmodels.regression.linear_model", "sklearn.linear_model"])
def test_a_library_that_is_not_there_is_named(module, monkeypatch):
    def none(name):
        raise ImportError(name)

    monkeypatch.setattr(libraries.importlib, "import_module", none)
    name = "scikit-learn" if "sklearn" in module else "statsmodels"
    with pytest.raises(MissingLibraryError, match=rf"{name}, which is not installed; .*bayesmmm\[baselines\]"):
        libraries.library(module)


def test_every_baseline_says_what_it_cannot_say():
    data = read(frame())
    found = [least_squares(data), two_stage_ridge(data, candidates=3, replicates=2)]
    assert all("Cannot say: " in repr(one) and one.cannot_say[:30] in repr(one) for one in found)
    texts = [*(one.cannot_say for one in found), seasonal_naive(data, periods=3).attrs["cannot_say"]]
    assert len(set(texts)) == 3


# ----------------------------------------------------------------------------------------------------- two-stage ridge
def test_ridge_is_least_squares_without_penalty_and_the_mean_with_a_large_one():
    rng = np.random.default_rng(1)
    x = rng.normal(3.0, [1.0, 5.0], (50, 2))
    y = 2.0 + x @ [1.0, -0.5] + rng.standard_normal(50)
    b, intercept = ridge.ridge(x, y, 0.0)
    exact, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(50)]), y)
    np.testing.assert_allclose([*b, intercept], exact)
    b, intercept = ridge.ridge(x, y, 1e12)
    np.testing.assert_allclose([*b, intercept], [0.0, 0.0, y.mean()], atol=1e-6)


def test_ridge_minimises_its_own_loss():
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.0, [1.0, 5.0], (50, 2)), rng.standard_normal(50)
    z, penalty = (x - x.mean(axis=0)) / x.std(axis=0), 0.3

    def loss(b):
        scaled = np.asarray(b) * x.std(axis=0)
        return ((y - y.mean() - z @ scaled) ** 2).mean() + penalty * scaled @ scaled

    b, _ = ridge.ridge(x, y, penalty)
    assert all(loss(b) < loss(b + step) for step in (0.01, -0.01, [0.01, 0.0], [0.0, -0.01]))


def test_a_saturated_response_by_hand():
    x = np.array([4.0, 0.0, 0.0, 8.0])
    scaled = np.array([2.0, 1.0, 0.5, 4.25]) / 6.0
    np.testing.assert_allclose(ridge.saturated(x, 0.5, 0.5), scaled / (scaled + 0.5))


def test_two_stages_refuse_a_panel_and_blanks():
    table = frame()
    panel = read(pd.concat([table.assign(geo="a"), table.assign(geo="b")]), geo="geo")
    with pytest.raises(PanelError, match="takes one series"):
        two_stage_ridge(panel)
    table.loc[3, "sales"] = np.nan
    with pytest.raises(EquationError, match=r"'sales' was not recorded in every period.*use least_squares"):
        two_stage_ridge(read(table, missing="ignore"))


def test_the_same_seed_gives_the_same_ridge():
    data = read(frame())
    one, again, other = (two_stage_ridge(data, seed=s, candidates=8, replicates=3).effects for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(other)


# -------------------------------------------------------------------------------------------------------- allocation
def test_a_straight_line_fills_the_best_channel_first():
    found = least_squares(read(frame()))
    bounds = {"tv": (10.0, 60.0), "web": (20.0, 90.0)}
    assert found.allocate(100.0, bounds).to_dict() == pytest.approx({"tv": 60.0, "web": 40.0})
    assert found.allocate(150.0, bounds).to_dict() == pytest.approx({"tv": 60.0, "web": 90.0})
    with pytest.raises(InfeasibleError, match="from 30 to 150 a period, and the total is 151"):
        found.allocate(151.0, bounds)
    with pytest.raises(SettingError, match="bounds say nothing of 'web'"):
        found.allocate(50.0, {"tv": (0.0, 60.0)})
    with pytest.raises(SettingError, match="Give the smaller of two amounts"):
        found.allocate(50.0, bounds | {"web": (90.0, 20.0)})


def test_a_saturated_allocation_has_equal_marginal_returns():
    found = two_stage_ridge(read(frame()), candidates=30, replicates=2, seed=1)
    plan = found.allocate(200.0, dict.fromkeys(("tv", "web"), (0.0, 200.0)))
    assert plan.sum() == pytest.approx(200.0)
    slope = [float(found.responses[c](plan[c] + 0.1) - found.responses[c](plan[c])) for c in ("tv", "web")]
    inside = (plan > 1.0).all()
    assert not inside or slope[0] == pytest.approx(slope[1], rel=0.05)
    brought = sum(float(found.responses[c](plan[c])) for c in ("tv", "web"))
    for share in np.linspace(0.0, 1.0, 11):
        other = sum(float(found.responses[c](x)) for c, x in (("tv", 200.0 * share), ("web", 200.0 * (1 - share))))
        assert other <= brought + 1e-6 * abs(brought)


# -------------------------------------------------------------------------------------------------------------- naive
def test_the_naive_forecast_is_the_last_season_that_is_known():
    data = read(frame())
    sales = data.columns["sales"][0]
    long = seasonal_naive(data, periods=60)["sales"]
    np.testing.assert_array_equal(long.iloc[:52], sales[-52:])
    np.testing.assert_array_equal(long.iloc[52:], sales[-52:-44])
    assert long.index[0] == data.dates[-1] + pd.Timedelta(days=7)
    np.testing.assert_array_equal(seasonal_naive(data, periods=2, season=28)["sales"], sales[-4:-2])
    # A short history repeats its last value.
    short = data.between("2021-01-03", "2021-05-01")
    assert set(seasonal_naive(short, periods=3)["sales"]) == {short.columns["sales"][0, -1]}


def test_what_is_known_is_never_after_the_end():
    series = np.arange(20.0)[None]
    np.testing.assert_array_equal(one_season_before(series, np.array([15, 19, 23]), 15, 4), [[11.0, 11.0, 11.0]])


def test_a_naive_forecast_of_nothing_is_refused():
    with pytest.raises(SettingError, match=re.escape("periods")):
        seasonal_naive(read(frame()), periods=0)
    with pytest.raises(SettingError, match="season"):
        seasonal_naive(read(frame()), periods=3, season=1)
