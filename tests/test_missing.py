"""Values that were not recorded, and geos that start late or end early: what is refused, kept and filled."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import bayesmmm as mm
from bayesmmm import errors
from bayesmmm.data import MMMData
from bayesmmm.equations import Panel, read_toml
from bayesmmm.estimands import series_total
from tests import panels

SHORT = {"draws": 20, "tune": 60, "chains": 2, "cores": 1, "seed": 1, "progress": False}
NATIONAL = {key: value for key, value in panels.ROLES.items() if key != "geo"}


def _fit(system, data, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.BayesMMMWarning)
        return mm.fit(system, data, **{**SHORT, **settings})


def _one(periods=40):
    return panels.frame(["north"], periods=periods).drop(columns="geo")


# ------------------------------------------------------------------------------------------------- what is refused
def test_a_blank_that_nobody_declared_is_refused_and_the_remedy_works():
    frame = _one()
    frame.loc[[4, 9], "sales"] = np.nan
    with pytest.raises(errors.MissingValueError, match=r"missing=\{'sales': 'ignore'\}"):
        MMMData.from_frame(frame, **NATIONAL)
    data = MMMData.from_frame(frame, **NATIONAL, missing={"sales": "ignore"})
    assert data.missing == {"sales": "ignore"}
    assert_array_equal(np.flatnonzero(~data.recorded("sales")[0]), [4, 9])
    assert "2 of sales at 2023-01-29, 2023-03-05" in repr(data)


def test_a_mediator_that_nobody_declared_is_refused():
    frame = _one()
    frame.loc[3, "search"] = np.nan
    with pytest.raises(errors.MissingValueError, match="search"):
        MMMData.from_frame(frame, **NATIONAL, missing={"sales": "ignore"})
    assert MMMData.from_frame(frame, **NATIONAL, missing="ignore").missing == {
        "sales": "ignore",
        "search": "ignore",
    }


@pytest.mark.parametrize("name", ["tv", "price"])
def test_spend_and_controls_must_be_known(name):
    frame = _one()
    frame.loc[3, name] = np.nan
    with pytest.raises(errors.MissingValueError, match=name):
        MMMData.from_frame(frame, **NATIONAL, missing="ignore")
    with pytest.raises(errors.RoleError, match="must be known"):
        MMMData.from_frame(_one(), **NATIONAL, missing={name: "ignore"})


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        ("drop", "must be 'ignore'"),
        ({"sales": "drop"}, "must be 'ignore'"),
        ({"sale": "ignore"}, "is not in the data"),
        (["sales"], "must be 'ignore'"),
    ],
)
def test_other_words_for_missing_are_refused(missing, advice):
    with pytest.raises(errors.RoleError, match=advice):
        MMMData.from_frame(_one(), **NATIONAL, missing=missing)


def test_too_few_values_are_no_series():
    frame = _one(20)
    frame.loc[5:, "sales"] = np.nan
    with pytest.raises(errors.MissingValueError, match="5 recorded value"):
        MMMData.from_frame(frame, **NATIONAL, missing="ignore")


def test_geos_that_start_late_are_refused_until_that_is_said():
    frame = panels.frame().iloc[4:]
    with pytest.raises(errors.PanelError, match="missing='ignore'"):
        MMMData.from_frame(frame, **panels.ROLES)
    data = MMMData.from_frame(frame, **panels.ROLES, missing="ignore")
    assert data.has_row.sum(axis=1).tolist() == [26, 30, 30, 30, 30]
    assert "north 2023-01-29 to 2023-07-23" in repr(data)
    pd.testing.assert_frame_equal(
        data.to_frame().rename(columns={"date": "week"}),
        frame.reset_index(drop=True)[["week", "geo", "sales", "search", "tv", "social", "price", "fair"]],
        check_dtype=False,
    )


def test_a_gap_in_the_middle_is_refused_and_its_remedy_works():
    frame = panels.frame()
    with pytest.raises(errors.PanelError, match="add rows with their spend"):
        MMMData.from_frame(frame.drop(index=[10, 11]), **panels.ROLES, missing="ignore")
    frame.loc[[10, 11], "sales"] = np.nan
    assert (~MMMData.from_frame(frame, **panels.ROLES, missing="ignore").recorded("sales")).sum() == 2
    with pytest.raises(errors.CalendarGapError, match="left blank under missing='ignore'"):
        MMMData.from_frame(_one().drop(index=10), **NATIONAL)
    with pytest.raises(errors.TooFewPeriodsError, match="'north' has 4 period"):
        MMMData.from_frame(panels.frame().iloc[26:], **panels.ROLES, missing="ignore")


def test_a_mediator_with_gaps_does_not_carry_over_and_the_remedy_works():
    frame = _one()
    frame.loc[[7, 8], "search"] = np.nan
    data = MMMData.from_frame(frame, **NATIONAL, missing="ignore")
    search = mm.Equation("search", media=["social"])
    with pytest.raises(errors.EquationError, match="List 'search' under linear"):
        mm.build_model(mm.MMM([search, mm.Equation("sales", media=["tv", "search"])]), data)
    mm.build_model(mm.MMM([search, mm.Equation("sales", media=["tv"], linear=["search"])]), data)
    mm.build_model(
        mm.MMM([search, mm.Equation("sales", media=["tv", "search"])]), data.between("2023-03-05", "2023-12-31")
    )


# --------------------------------------------------------------------------------------------------- what is kept
def test_scales_are_those_of_what_is_known():
    data, frame = panels.ragged(), panels.ragged_frame()
    scales, by_geo = data.scales(), frame.groupby("geo", sort=False)
    assert_allclose(scales.size["sales"], by_geo["sales"].apply(lambda v: v.abs().mean()))
    assert_allclose(scales.spend["tv"], by_geo["tv"].apply(lambda v: v[v > 0].mean()))
    assert_allclose(
        [scales.center["price"], scales.spread["price"]], [frame["price"].mean(), frame["price"].std(ddof=0)]
    )
    assert data.summary().loc["sales", "mean"] == pytest.approx(frame["sales"].mean())
    assert data.summary().loc["tv", "zero_share"] == pytest.approx((frame["tv"] == 0).mean())


def test_parts_of_ragged_data_have_their_own_periods():
    data = panels.ragged()
    north = data.sel("north")
    assert north.dates[0] == pd.Timestamp("2023-01-29")
    assert north.present is None
    assert data.sel(["north", "east"]) == data.sel(["north", "east"])
    assert data.sel(["north", "east"]) != data.sel(["east", "north"])
    window = data.between("2023-02-05", "2023-06-18")
    assert window.has_row.all()
    import pickle

    assert pickle.loads(pickle.dumps(data)) == data


# ------------------------------------------------------------------------------------------------------ a whole fit
@pytest.fixture(scope="module")
def fit():
    return _fit(panels.system(panel=Panel(periods="random")), panels.ragged())


def test_a_ragged_fit_answers_and_its_file_comes_back(fit, tmp_path):
    back = mm.load(fit.save(tmp_path / "fit.nc"))
    assert back.data == fit.data
    assert back.stamp == fit.stamp
    assert back.posterior.identical(fit.posterior)
    asked = fit.accept_unconverged()
    assert_allclose(mm.roi(asked.sel("north")), mm.roi(asked, by="geo").sel(geo="north"), rtol=1e-9)
    assert np.isfinite(mm.roi(asked)).all()


def test_densities_of_what_was_not_observed_are_none_and_replicates_fill_it(fit):
    density = fit.tree["log_likelihood"]["sales"].transpose("geo", "date", ...).values
    assert_array_equal(np.isnan(density).all(axis=(2, 3)), ~fit.data.recorded("sales"))
    assert_array_equal(np.isnan(density).any(axis=(2, 3)), ~fit.data.recorded("sales"))
    assert np.isfinite(fit.tree["posterior_predictive"]["sales"]).all()
    assert_array_equal(fit.tree["observed_data"]["sales"], fit.data.columns["sales"])


@pytest.fixture(scope="module")
def national():
    frame = _one(48)
    frame.loc[[4, 20, 21], "sales"] = np.nan
    frame.loc[30, "search"] = np.nan
    equations = [
        mm.Equation("search", media=["social"]),
        mm.Equation("sales", media=["tv", "social"], linear=["search", "price"]),
    ]
    return _fit(mm.MMM(equations), MMMData.from_frame(frame, **NATIONAL, missing="ignore"), draws=60, tune=100)


def test_checks_and_comparisons_are_of_what_was_recorded(national):
    asked = national.accept_unconverged()
    found = mm.diagnose(asked)
    table = found.tables["loo"]
    assert len(table.xs("sales")) == 44
    assert np.isfinite(table.xs("sales")[["elpd", "observed"]]).all(axis=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.BayesMMMWarning)
        compared = mm.evaluate.compare({"a": asked, "b": asked})
    assert np.isfinite(compared["elpd"]).all()
    share = mm.effects(asked, groups={"all": ["tv", "social"]})["joint"]
    assert np.isfinite(share).all()


@pytest.mark.parametrize("freq", [None, "quarter"])
def test_shares_are_of_all_periods_and_not_of_the_recorded_ones(national, freq):
    asked = national.accept_unconverged()
    parts = mm.decompose(asked, freq=freq)
    recorded = national.data.recorded("sales")[0]
    expected = mm.decompose(asked)["mean"].mean(("chain", "draw"))
    values = national.data.columns["sales"][0]
    if freq is None:
        assert_allclose(series_total(parts), np.where(recorded, values, expected).sum(), rtol=1e-12)
    # By quarter, one with a gap has no observed total, and counts as expected.
    assert_allclose(series_total(parts), expected.sum(), rtol=0.03)
    assert series_total(parts) > 1.05 * np.nansum(values[recorded]) * (1.0 if freq else 0.999)


def test_predictions_fill_what_was_not_recorded(national):
    asked = national.accept_unconverged()
    drawn = mm.predict(asked, noise=True)["sales"]
    wide = drawn.std(("chain", "draw"))
    gap = ~national.data.recorded("sales")[0]
    assert (wide[gap] > 0.3 * wide[~gap].mean()).all()
    lacking = mm.predict(asked)["sales"][
        ..., 30
    ]  # its mediator was not recorded: it varies by what that may have been
    assert lacking.std() > mm.predict(asked)["sales"][..., 29].std()


def test_folds_need_data_that_are_whole_and_the_remedy_works(national):
    with pytest.raises(errors.MissingValueError, match=r"data.between"):
        mm.evaluate.cross_validate(national.system, national.data, folds=2)
    whole = national.data.between("2023-08-06", "2023-11-26")
    assert all(whole.recorded(name).all() for name in whole.columns)


# ------------------------------------------------------------------------------------------------- files and words
def test_a_specification_says_what_is_missing():
    columns = {"date": "week", "outcome": "sales", "media": ["tv"], "missing": {"sales": "ignore"}}
    system = mm.MMM([mm.Equation("sales", media=["tv"])])
    assert read_toml(system.to_toml(columns)) == (system, columns)
    frame = _one()
    frame.loc[2, "sales"] = np.nan
    assert MMMData.from_frame(frame, **columns).missing == {"sales": "ignore"}
