"""What answers refuse, and the marks they carry."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import bayesmmm as mm
from bayesmmm import estimands, validate
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import (
    AnswerError,
    AnswerSizeError,
    ConvergenceError,
    DateError,
    EquationError,
    MissingValueError,
    NegativeSpendError,
    PlanError,
    SettingError,
    UnknownColumnError,
    UnknownTermError,
    WindowError,
)
from tests.made import case_fit, frame, made_data, made_fit

ANSWERS = {
    "predict": estimands.predict,
    "what_if": lambda fit, **k: estimands.what_if(fit, scale={"tv": 1.3}, **k),
    "residuals": estimands.residuals,
    "decompose": estimands.decompose,
    "effects": estimands.effects,
    "roi": estimands.roi,
    "marginal_roi": estimands.marginal_roi,
    "response_curves": estimands.response_curves,
    "adstock_decay": estimands.adstock_decay,
}
WINDOWED = ["what_if", "decompose", "effects", "roi", "marginal_roi", "response_curves"]
PLANNED = ["predict", "what_if", "effects", "roi", "marginal_roi", "response_curves"]


@pytest.fixture(scope="module")
def fit():
    return case_fit("censored mediator")


@pytest.fixture
def plan(fit):
    dates, columns = estimands.after(fit, estimands.timeline(fit, None, None, None), 6)
    return pd.DataFrame({"date": dates, **{n: v[0] for n, v in columns.items()}})


@pytest.mark.parametrize("name", ANSWERS)
def test_a_fit_whose_sampler_failed_is_refused_unless_told_otherwise(name):
    failed = case_fit("censored mediator", verdict="failed")
    with pytest.raises(ConvergenceError, match=r"sampler verdict: failed[\s\S]*ask fit\.accept_unconverged\(\)"):
        ANSWERS[name](failed)
    answer = ANSWERS[name](failed.accept_unconverged())
    assert answer.attrs["verdict"] == "failed"
    good = ANSWERS[name](case_fit("censored mediator"))
    assert good.attrs["verdict"] == "converged"


def test_tables_carry_the_mark():
    doubtful = case_fit("censored mediator", verdict="doubtful")
    for answer in (mm.roi(doubtful), mm.effects(doubtful), mm.decompose(doubtful, freq="year")):
        assert mm.summarise(answer).attrs["verdict"] == "doubtful"


@pytest.mark.parametrize("draws", [0, 1, 2.0, True, "all"])
def test_impossible_number_of_draws(fit, draws):
    with pytest.raises(SettingError, match="whole number of at least 2, one draw per chain"):
        fit.thin(draws)


@pytest.mark.parametrize(
    ("draws", "kept"), [(2, [0]), (5, [0, 5]), (6, [0, 2, 5]), (11, [0, 1, 2, 4, 5]), (13, range(6))]
)
def test_draws_that_are_kept_are_evenly_spaced_in_every_chain(fit, draws, kept):
    assert mm.roi(fit.thin(draws)).sizes["chain"] == 2
    assert mm.roi(fit.thin(draws))["draw"].values.tolist() == list(kept)
    assert mm.roi(fit.thin(draws).thin(12))["draw"].values.tolist() == list(kept)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_fewer_draws_is_the_whole_answer_in_these(fit, name):
    whole, some = ANSWERS[name](fit), ANSWERS[name](fit.thin(6))
    xr.testing.assert_allclose(some, whole.sel(draw=[0, 2, 5]), rtol=1e-12)
    assert some.attrs == whole.attrs


@pytest.mark.parametrize("name", WINDOWED)
@pytest.mark.parametrize(
    ("bounds", "error", "advice"),
    [
        ({"start": "2019-01-06"}, WindowError, "2023-01-01"),
        ({"stop": "2030-01-06"}, WindowError, "2023-12-24"),
        ({"start": "2023-06-04", "stop": "2023-03-05"}, DateError, "swap"),
        ({"start": "06/2023"}, DateError, "YYYY-MM-DD"),
        ({"start": "2023-01-02", "stop": "2023-01-07"}, WindowError, "no period"),
    ],
)
def test_impossible_windows(fit, name, bounds, error, advice):
    with pytest.raises(error, match=advice):
        ANSWERS[name](fit, **bounds)


@pytest.mark.parametrize("name", PLANNED)
def test_plans_that_cannot_be_used(fit, plan, name):
    answer = ANSWERS[name]
    with pytest.raises(PlanError, match="start"):
        answer(fit, plan=plan[1:])
    with pytest.raises(UnknownColumnError, match="price"):
        answer(fit, plan=plan.drop(columns="price"))
    with pytest.raises(UnknownColumnError, match="tvv"):
        answer(fit, plan=plan.assign(tvv=1.0))
    with pytest.raises(NegativeSpendError, match="tv"):
        answer(fit, plan=plan.assign(tv=-1.0))
    with pytest.raises(PlanError, match=r"do=\{"):
        answer(fit, plan=plan.assign(search=1.0))


@pytest.mark.parametrize("name", ["effects", "roi", "marginal_roi", "response_curves"])
def test_questions_about_channels(fit, plan, name):
    answer = ANSWERS[name]
    with pytest.raises(UnknownTermError, match="did you mean 'social'"):
        answer(fit, channels=["socail"])
    with pytest.raises(UnknownTermError, match="Channels are: social, tv, search"):
        answer(fit, channels=["price"])
    with pytest.raises(SettingError, match=r"channels=\['tv'\]"):
        answer(fit, channels="tv")
    with pytest.raises(SettingError, match="leave it out of channels"):
        answer(fit, channels=["search"], plan=plan)
    with pytest.raises(SettingError, match="'spend' is the default"):
        answer(fit, window="sales")
    with pytest.raises(SettingError, match="from 1 to 10000"):
        answer(fit, paths=0)


def test_groups(fit):
    with pytest.raises(UnknownTermError, match="Channels are"):
        mm.effects(fit, groups={"offline": ["tv", "print"]})
    with pytest.raises(SettingError, match="leave 'search' out"):
        mm.effects(fit, groups={"all": ["social", "search"]})


@pytest.mark.parametrize(
    ("change", "error", "advice"),
    [
        ({}, SettingError, "changes nothing"),
        ({"scale": {"tv": -0.5}}, SettingError, "at least 0, as 0 to switch off"),
        ({"scale": {"tv": float("nan")}}, SettingError, "at least 0, as 0 to switch off"),
        ({"scale": {"tv": "twice"}}, SettingError, "at least 0, as 0 to switch off"),
        ({"scale": {"sales": 1.1}}, UnknownTermError, "which is the outcome"),
        ({"scale": {"tb": 1.1}}, UnknownTermError, "tv"),
        ({"do": {"tv": [1.0, 2.0]}}, SettingError, "one for each period"),
        ({"do": {"tv": -1.0}}, NegativeSpendError, "zero or more"),
        ({"do": {"search": -1.0}}, NegativeSpendError, "zero or more"),
        ({"do": {"tv": float("inf")}}, MissingValueError, "finite"),
        ({"do": {"tv": "much"}}, SettingError, "must be numbers"),
        ({"do": {"tv": 1.0}, "scale": {"tv": 2.0}}, SettingError, "leave it out of one"),
    ],
)
def test_impossible_scenarios(fit, change, error, advice):
    with pytest.raises(error, match=advice):
        mm.what_if(fit, **change)


def test_a_dated_series_must_be_that_of_the_window(fit):
    dates = fit.data.dates
    shifted = pd.Series(1.0, index=dates[:-1])
    with pytest.raises(SettingError, match="give a value for each of these"):
        mm.what_if(fit, do={"tv": shifted})
    window = {"start": dates[0], "stop": dates[-2]}
    by_date, by_place = (mm.what_if(fit, do={"tv": v}, **window) for v in (shifted, shifted.to_numpy()))
    assert by_date.identical(by_place)


def test_predictions_set_mediators_only(fit, plan):
    with pytest.raises(SettingError, match="what_if"):
        mm.predict(fit, do={"search": 1.0})
    with pytest.raises(UnknownTermError, match="write it into the plan"):
        mm.predict(fit, plan, do={"tv": 1.0})
    with pytest.raises(SettingError, match="before the plan"):
        mm.what_if(fit, scale={"tv": 2.0}, plan=plan, start=fit.data.dates[-3])


def test_unknown_equation_and_frequency(fit):
    for answer in (mm.decompose, estimands.residuals):
        with pytest.raises(UnknownTermError, match="search"):
            answer(fit, "serach")
    with pytest.raises(SettingError, match="month, quarter, year"):
        mm.decompose(fit, freq="week")
    for days in (0.0, -3.0, float("nan")):
        with pytest.raises(SettingError, match="above 0"):
            estimands.adstock_decay(fit, days=days)
    for factors in ([-1.0], [float("nan")], [[1.0]]):
        with pytest.raises(SettingError, match="0 or more"):
            mm.response_curves(fit, factors=factors)


def test_an_answer_that_is_too_large_says_how_to_make_it_smaller(fit, monkeypatch):
    monkeypatch.setattr(validate, "LARGEST", 20_000.0)
    with pytest.raises(AnswerSizeError, match=r"12 x 9 x 52.*as fit\.thin\(1000\), or pass freq='month'"):
        mm.decompose(fit)
    assert mm.decompose(fit, freq="month").sizes["date"] == 12
    monkeypatch.setattr(validate, "LARGEST", 10_000.0)
    with pytest.raises(AnswerSizeError, match=r"as fit\.thin\(1000\)"):
        mm.what_if(fit, scale={"tv": 0.0})
    assert mm.what_if(fit.thin(4), scale={"tv": 0.0}).sizes["draw"] == 2


def test_a_channel_without_spend_in_the_window_has_no_roi():
    """Nor a cost, but an effect: exactly zero; it cannot pass for a poor channel."""
    fit = case_fit("no mediator")
    spend = fit.data.columns["tv"][0]
    quiet = np.flatnonzero(spend == 0.0)[0]
    at = {"start": fit.data.dates[quiet], "stop": fit.data.dates[quiet]}
    found = mm.effects(fit, **at).sel(channel="tv")
    assert float(np.abs(found["total"]).max()) == 0.0
    for name in ("roi", "roi_net", "cost"):
        assert found[name].isnull().all()
    assert mm.marginal_roi(fit, **at).sel(channel="tv").notnull().all()  # of a step: what it would bring is known
    table = mm.summarise(mm.roi(fit, **at))
    assert table.loc["roi[tv]"].isna().all()
    assert table.loc["roi[radio]"].notna().all()


def test_probability_of_an_roi_above_one():
    money, contracts = case_fit("no mediator"), case_fit("censored outcome")
    table = mm.summarise(mm.roi(money))
    assert np.allclose(table["p_above"], (mm.roi(money) > 1.0).mean(("chain", "draw")))
    assert "p_above" not in mm.summarise(mm.roi(contracts))
    assert mm.roi(contracts).attrs["unit"] == "contracts per money"


# ------------------------------------------------------------------------------------------------- what is no money
def test_what_is_not_money_has_an_effect_and_no_return():
    fit = case_fit("one mediator")  # queries are counted, not paid
    found = mm.effects(fit, channels=["queries"])
    assert json.loads(found["units"].attrs["counted"]) == {"queries": "queries"}
    assert found["spend"].isnull().all()
    assert mm.effects(fit, channels=["queries"])["total"].notnull().all()
    assert mm.effects(fit, channels=["queries"])["roi"].isnull().all()
    for answer in (mm.roi, mm.marginal_roi):
        with pytest.raises(SettingError, match="counted in queries, not in money"):
            answer(fit, channels=["queries"])
    # A mediator without an equation of its own is an input like others, but no spend.
    given = made_fit(MMM([Equation("sales", media=["tv", "queries"])]), case_fit("one mediator").data)
    assert mm.effects(given)["channel"].values.tolist() == ["tv", "queries"]
    assert mm.roi(given)["channel"].values.tolist() == ["tv"]
    alone = made_fit(MMM([Equation("sales", media=["queries"])]), given.data)
    with pytest.raises(AnswerError, match="no channel of this system is money"):
        mm.roi(alone)


def test_a_paid_mediator_does_not_induce_itself(fit):
    found = mm.effects(fit, channels=["search"])
    assert (found["induced"] == 0.0).all()
    assert found["roi_net"].equals(found["roi"])
    assert (mm.effects(fit, channels=["social"])["induced"] > 0.0).any()


def test_where_only_mediators_act_they_are_asked_about_by_name():
    system = MMM([Equation("search", linear=["price"]), Equation("sales", media=["search"], linear=["price"])])
    alone = made_fit(system, made_data(system, frame()))
    for answer in (mm.effects, mm.response_curves, mm.roi, mm.marginal_roi):
        with pytest.raises(AnswerError, match=r"channels=\['search'\]"):
            answer(alone)
    found = mm.effects(alone, channels=["search"])
    assert "joint" not in found
    assert_allclose(mm.roi(alone, channels=["search"]), found["total"] / found["spend"])
    assert_allclose(
        mm.response_curves(alone, channels=["search"])["outcome"].sel(factor=1.0), found["total"], rtol=1e-9
    )
    assert (mm.marginal_roi(alone, channels=["search"]) >= 0.0).all()


def test_a_system_without_media_says_so(fit):
    bare = made_fit(MMM([Equation("sales", linear=["price"])]), fit.data)
    for answer in (mm.effects, mm.response_curves):
        with pytest.raises(AnswerError, match="no channel to ask about"):
            answer(bare)
    with pytest.raises(AnswerError, match="no equation has media"):
        estimands.adstock_decay(bare)
    assert mm.decompose(bare)["component"].values.tolist() == ["intercept", "price"]


def test_media_cannot_be_linear(fit):
    with pytest.raises(EquationError, match="List it under media"):
        made_fit(MMM([Equation("sales", media=["social"], linear=["tv"])]), fit.data)


def test_carryover_without_end_is_refused_with_its_cause():
    fit = case_fit("no mediator", values={"sales.half_life": {"tv": 11_000.0}})
    with pytest.raises(AnswerError, match=r"12 of 12 draws.*'tv' in the equation of 'sales'.*window='outcome'"):
        mm.effects(fit)
    assert mm.effects(fit, window="outcome")["total"].notnull().all()


@pytest.mark.parametrize("seed", [-1, 1.5, None, "a", 2**63, True])
def test_impossible_seeds(fit, seed):
    for name in ("predict", "what_if", "effects", "decompose", "residuals"):
        with pytest.raises(SettingError, match="as seed=0"):
            ANSWERS[name](fit, seed=seed)


@pytest.mark.parametrize(
    ("ask", "advice"),
    [
        (lambda fit: mm.what_if(fit, scale=["tv"]), "scale is a list, and must be a mapping"),
        (lambda fit: mm.what_if(fit, do=3), "do is a int, and must be a mapping"),
        (lambda fit: mm.effects(fit, groups=["tv"]), "groups is a list, and must be a mapping"),
        (lambda fit: mm.effects(fit, groups={"a": "tv"}), r"groups\['a'\]='tv' must be a list"),
        (lambda fit: mm.effects(fit, channels=3), "channels=3 must be a list"),
        (lambda fit: mm.response_curves(fit, factors="abc"), "0 or more"),
        (lambda fit: estimands.adstock_decay(fit, days="a"), "above 0"),
        (lambda fit: mm.decompose(fit, freq=["month"]), "month, quarter, year"),
    ],
)
def test_arguments_of_the_wrong_kind(fit, ask, advice):
    with pytest.raises(SettingError, match=advice):
        ask(fit)


def test_lists_of_names_may_be_arrays(fit):
    for names in (np.array(["tv"]), pd.Index(["tv"]), ("tv",)):
        assert mm.effects(fit, channels=names)["channel"].values.tolist() == ["tv"]


def test_summaries_of_what_are_no_draws(fit):
    for nothing, advice in [
        (fit, r"fit\.summary"),
        (mm.effects(fit)["spend"], "nothing with dims chain and draw"),
    ]:
        with pytest.raises(ValueError, match=advice):
            mm.summarise(nothing)
