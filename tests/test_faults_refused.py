"""Arguments that look nearly right: counts, names, windows, trees and tables that say less than what is meant."""

import warnings
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesmmm as mm
from bayesmmm import cli
from bayesmmm.data import next_dates
from bayesmmm.errors import (
    AnswerError,
    BayesMMMError,
    DataError,
    EquationError,
    ExportSettingError,
    FitFileError,
    PanelError,
    SettingError,
    UnknownTermError,
)
from bayesmmm.sensitivity.importance import smoothed
from bayesmmm.sensitivity.psense import _quantities
from tests.fits import quiet
from tests.made import case, case_fit
from tests.panel_fits import panel_fit

WINDOW = {"start": "2023-06-04", "stop": "2023-08-27"}


def _groups(fit):
    return {name: node.to_dataset() for name, node in fit.tree.children.items()}


@pytest.fixture(scope="module")
def fit():
    return case_fit("one mediator")


# ------------------------------------------------------------------------------------- what only looked like an argument
@pytest.mark.parametrize("ask", [mm.roi, mm.marginal_roi, mm.effects, mm.response_curves])
def test_no_window_rule_is_none_of_the_two(ask, fit):
    with pytest.raises(SettingError, match=r"window=None must be 'spend'.*'spend' is the default"):
        ask(fit, window=None)


def test_bounds_of_counts_are_whole_and_one_for_each_point():
    probability = mm.evaluate.path_probability
    assert probability([1.0], np.array([1]), [0.5], n=2) == pytest.approx(0.5)
    assert probability([-5], [10**15], [0.5], n=2) == pytest.approx(1.0)
    for lower, upper, name in [
        ([0.5], [1], "lower"),
        ([0], [1.5], "upper"),
        ([0, 1], [1], "lower"),
        (["a"], [1], "lower"),
    ]:
        with pytest.raises(SettingError, match=rf"{name}=.* must be whole numbers, one for each of the 1 point"):
            probability(lower, upper, [0.5], n=2)
    for counts in ([1.5], ["x"], [np.nan], [1, 2], 5):
        with pytest.raises(SettingError, match=r"counts=.* must be whole numbers.*as counts=\[1\]"):
            mm.evaluate.uniformity(counts, [0.5], n=10)
    assert mm.evaluate.uniformity([1], [0.5], n=10) < 0.05


def test_drift_takes_a_share_and_errors_of_the_shape_of_means():
    for new in ("x", 2, np.nan, True):
        with pytest.raises(SettingError, match=r"new=.* must be a share from 0 to below 1"):
            mm.evaluate.drift([1.0, 2.0], [1.0, 1.0], new=new)
    with pytest.raises(SettingError, match=r"mean has shape \(2,\) and error \(3,\)"):
        mm.evaluate.drift([1.0, 2.0], [1.0, 1.0], [0.1, 0.1, 0.1])
    alike = mm.evaluate.drift([1.0, 2.0], [1.0, 1.0], [0.1, 0.1])
    assert mm.evaluate.drift([1.0, 2.0], [1.0, 1.0], 0.1) == alike


def test_fits_are_compared_by_names_of_text(fit):
    for name in (5, None, " "):
        with pytest.raises(SettingError, match="is the name of a fit, which must be text, as 'normal'"):
            mm.evaluate.compare({name: fit, "other": fit})


def test_no_behaviour_of_mediators_is_none_of_the_three(fit):
    for make in (mm.Constraints, lambda mediators: mm.optimize_budget(fit, periods=4, mediators=mediators)):
        with pytest.raises(SettingError, match=r"mediators=None must be one of respond, fixed, decide"):
            make(mediators=None)


def test_a_frontier_has_a_number_of_totals_that_ends(fit):
    with pytest.raises(SettingError, match=r"totals has 1,001 amounts.* give 1,000 at most"):
        mm.frontier(fit, totals=range(1, 1002), **WINDOW)


def test_the_threshold_of_a_return_is_a_number(fit):
    draws = mm.roi(fit, **WINDOW).assign_attrs(threshold="one")
    with pytest.raises(SettingError, match=r"roi\.attrs\['threshold'\]='one' must be a number, as 1\.0"):
        mm.summarise(draws)
    assert "p_above" in mm.summarise(draws.assign_attrs(threshold=1.0))
    with pytest.raises(SettingError, match=r"threshold='x' must be a number, as threshold=1\.0"):
        mm.sensitivity.confounder_sensitivity(fit, threshold="x")


def test_a_fit_without_its_draws_is_refused_in_words(fit):
    for group in ("posterior", "sample_stats"):
        groups = {name: values for name, values in _groups(fit).items() if name != group}
        cut = replace(fit, tree=xr.DataTree.from_dict(groups))
        asks = [mm.roi, repr, lambda fit: fit.summary()] if group == "posterior" else [mm.roi, repr]
        for ask in asks:
            with pytest.raises(AnswerError, match=rf"no group '{group}' in its tree.* use a Fit as mm\.fit"):
                ask(cut)


def test_an_answer_does_not_rest_on_draws_that_are_no_numbers():
    for odd in (np.nan, np.inf):
        broken = case_fit("one mediator")
        draws = broken.posterior["sales.half_life"].copy()
        draws[0, 0] = odd
        posterior = broken.posterior.assign({"sales.half_life": draws})
        broken = replace(broken, tree=xr.DataTree.from_dict({**_groups(broken), "posterior": posterior}))
        for ask in (mm.roi, mm.marginal_roi, mm.decompose, mm.predict):
            with pytest.raises(AnswerError, match=r"sales\.half_life has draws that are no numbers.* fit again"):
                ask(broken.accept_unconverged())


def test_what_fits_anew_names_what_can_be_fitted_anew():
    panel = panel_fit()
    for ask in (
        mm.sensitivity.confounder_sensitivity,
        mm.sensitivity.leave_one_channel_out,
        lambda fit: mm.sensitivity.mediation_sensitivity(fit, method="refit"),
    ):
        with pytest.raises(
            PanelError, match=r"1 geo of a fit of 3; .* mm\.fit\(system, fit\.data\) with equations"
        ):
            ask(panel.sel(panel.data.geos[0]))
    alone = mm.MMM([replace(equation, panel=None) for equation in panel.system.equations])
    settings = {"draws": 4, "tune": 4, "chains": 1, "progress": False}
    again = quiet(mm.fit, alone, panel.data.sel(panel.data.geos[0]), **settings)
    assert again.data.geos == panel.data.geos[:1]


def test_few_draws_are_weighted_without_a_word_of_a_library():
    few = xr.DataArray(np.random.default_rng(1).normal(size=(2, 5)), dims=("chain", "draw"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights = smoothed(few)
    assert float(weights.values.sum()) == pytest.approx(1.0)


# --------------------------------------------------------------------------------------- tables, files, records, figures
def test_other_values_of_columns_are_a_mapping(fit):
    for columns in ([], "tv", None, 3):
        with pytest.raises(DataError, match=r"columns=.* must be a mapping from columns to their values"):
            fit.data.replace_columns(columns)
    assert fit.data.replace_columns({"tv": fit.data.columns["tv"]}) == fit.data


def test_a_fit_is_not_read_where_no_file_can_be(tmp_path):
    with pytest.raises(FitFileError, match=r"is no file\. Give the path that fit\.save"):
        mm.load(tmp_path)
    with pytest.raises(FitFileError, match=r"cannot be read: .*too long"):
        mm.load("x" * 5000)


def test_checks_are_found_by_name_and_made_of_numbers():
    check = mm.diagnostics.Check("rhat", "sampler", "ok", 1.0, 1.01, "", "", "")
    found = mm.diagnostics.Diagnosis("fit", (check,), {})
    assert found["rhat"] is check
    for name in (["rhat"], {}, 5, None):
        with pytest.raises(UnknownTermError, match="there is no check"):
            found[name]
    for group, verdict in (("nobody", "ok"), ("fit", "good"), ("fit", "warn")):
        with pytest.raises(SettingError, match=r"of check 'a'|check 'a' with"):
            mm.diagnostics.Check("a", group, verdict, 1.0, 1.0, "", "", "")
    threshold = mm.diagnostics.Threshold(0.3, "")
    assert threshold.judge(np.float32(0.2)) == "ok"
    for value in ("a", None, [1]):
        with pytest.raises(SettingError, match="must be a number, or NaN where there is none"):
            threshold.judge(value)


@pytest.mark.parametrize("projection", ["3d", "polar"])
def test_a_figure_is_drawn_on_axes_with_x_and_y(projection, fit):
    figure = plt.figure()
    ax = figure.add_subplot(projection=projection)
    with pytest.raises(SettingError, match=rf"must be axes with x and y, not {projection}, as plt\.subplots"):
        mm.plots.roi(mm.roi(fit, **WINDOW), ax=ax)
    plt.close(figure)


def test_a_forecast_lays_what_belongs_together_on_one_calendar(fit):
    def ahead(periods, **settings):
        dates = next_dates(fit.data, periods)
        plan = pd.DataFrame({name: 1.0 for name in fit.system.exogenous}, index=dates)
        return mm.predict(fit, plan, **settings)

    known = ahead(4)
    with pytest.raises(SettingError, match="noise is of other dates than the prediction"):
        mm.plots.forecast(fit, known, noise=ahead(5, noise=True))
    with pytest.raises(SettingError, match=r"must be numbers, not .*, as actual\.astype\(float\)"):
        mm.plots.forecast(fit, known, actual=pd.Series(list("abcd"), known.date.values))
    axes = mm.plots.forecast(
        fit, known, noise=ahead(4, noise=True), actual=pd.Series([1, 2, 3, 4], known.date.values)
    )
    assert len(axes.lines[-1].get_xdata()) == 4


def test_columns_and_geos_of_raw_exports_have_names_and_a_column_of_their_own():
    days = pd.DataFrame(
        {"Day": pd.date_range("2026-03-02", periods=3), "Cost": [1.0, 2, 3], "Region": list("aab")}
    )
    for name in ("", " ", 5, None):
        with pytest.raises(ExportSettingError, match="must be text, and not blank"):
            mm.prepare.tidy(days, columns={name: "Cost"})
    with pytest.raises(ExportSettingError, match=r"geo='Day' names the column of the days.* holds the regions"):
        mm.prepare.tidy(days, columns={"cost": "Cost"}, geo="Day")
    assert mm.prepare.tidy(days, columns={"cost": "Cost"}, geo="Region").frame["geo"].tolist() == ["a", "a", "b"]


# ------------------------------------------------------------------------------------------- nothing is dropped silently
def test_two_values_of_one_name_are_refused(capsys, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    for path, cost in ((first, 1), (second, 2)):
        path.write_text(f"Day,Cost,Clicks\n2026-03-02,{cost},3\n2026-03-03,{cost},4\n")
    out = ["--out", str(tmp_path / "tidy.csv")]
    for arguments in (
        [f"a={first}", f"a={second}", *out],
        [str(first), *out, "--columns", "x=Cost", "x=Clicks"],
        [str(first), *out, "--columns", "x=Cost", "--how", "x=sum", "x=max"],
    ):
        assert cli.main(["prepare", *arguments]) == 2
        assert "twice" in capsys.readouterr().err
    days = pd.DataFrame({"Day": ["2026-03-02"], "Cost": [1.0], "Currency": ["USD"]})
    rates = pd.DataFrame({"currency": ["USD", "USD"], "rate": [1.0, 2.0]})
    with pytest.raises(ExportSettingError, match="two rates of 'USD', 1 and 2; keep one of them"):
        mm.prepare.tidy(days, columns={"cost": "Cost"}, currency="EUR", rates=rates)
    kept = mm.prepare.tidy(days, columns={"cost": "Cost"}, currency="EUR", rates=rates[:1])
    assert kept.frame["cost"].tolist() == [1.0]


def test_terms_seasons_and_geos_of_another_kind_are_refused():
    equation = mm.Equation("sales", media=["tv"], trend=True, seasonality=mm.Fourier(7, 1))
    kinds = [equation.term_kind(term) for term in equation.terms()]
    assert kinds == ["intercept", "trend", "seasonality", "seasonality"]
    for term in ("nope", "trend@2023-01-01", "sin2@7", None, 5, ["trend"]):
        with pytest.raises(UnknownTermError, match="equation 'sales' has no linear term"):
            equation.term_kind(term)
    for count in (0, -1, 2.5, "3", None, True):
        with pytest.raises(EquationError, match=r"count=.* must be a whole number of at least 1"):
            equation.for_geos(count)
    for dates in ("x", None, [1, 2]):
        with pytest.raises(EquationError, match=r"Give an index of dates, as pd\.DatetimeIndex"):
            mm.Fourier(7, 1).columns(dates)


@pytest.mark.parametrize("seed", [-1, None, "x", 1.5])
def test_seeds_of_studies_are_whole(seed):
    for study in (mm.evaluate.recover, mm.evaluate.calibrate):
        with pytest.raises(BayesMMMError, match=r"seed=.* must be a whole number from 0"):
            study(*case("one mediator"), simulations=1, seed=seed, progress=False)


def test_objects_are_no_draws_and_an_empty_log_balances():
    with pytest.raises(SettingError, match="without numbers of dims chain and draw"):
        _quantities(None, xr.DataArray(np.array([[1.0, 2.0]], dtype=object), dims=("chain", "draw")))
    assert mm.prepare.Log({}, {}, {}, ()).balance().empty
