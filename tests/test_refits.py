"""Sensitivities that refit: what is fitted, what is kept of it, what is refused. Fits here are made, not sampled."""

import dataclasses
import functools
import pickle
import re
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier
from bayesmmm.errors import (
    AnswerError,
    ConvergenceWarning,
    FailedRunsWarning,
    LikelihoodError,
    SettingError,
    UnknownTermError,
)
from bayesmmm.estimands import effects
from bayesmmm.inference.many_fits import SilentFit
from bayesmmm.priors import Prior
from bayesmmm.sensitivity import confounder, leave_one_out, refit, residual_correlation
from bayesmmm.sensitivity.confounder import confounder_sensitivity, crossing, wave
from bayesmmm.sensitivity.leave_one_out import leave_one_channel_out, without_channel
from bayesmmm.sensitivity.residual_correlation import identification, mediation_sensitivity, with_rho
from tests import worlds
from tests.made import made_fit

BETA = Prior("Beta", alpha=2.0, beta=2.0)
ROI = Prior("LogNormal", mu=0.0, sigma=0.5)


@pytest.fixture
def fits(monkeypatch):
    """Stand in for the sampler: every fit is made from the prior, and what was asked for is recorded."""
    recorded = SimpleNamespace(calls=[], made=None)

    def made(system, data, **settings):
        found = made_fit(system, data, draws=10, seed=settings["seed"], verdict=made.verdict(system))
        kept = dataclasses.replace(found, scales=settings["scales"])
        kept = kept.with_convergence(found.convergence)
        recorded.calls.append((system, data, settings, kept))
        return SilentFit(kept, ())

    made.verdict = lambda system: "converged"
    recorded.made = made
    monkeypatch.setattr(refit, "fit_quietly", made)
    return recorded


refitted = functools.partial(mediation_sensitivity, method="refit")


def base(outcome="normal", mediator="normal", **kwargs):
    return made_fit(worlds.system(outcome, mediator, **kwargs), worlds.data(60, zeros=False), draws=10)


# ------------------------------------------------------------------------------------------ residual correlation
def test_each_correlation_is_assumed_in_turn(fits):
    fit = base()
    found = refitted(fit, rho=[0.3, -0.3, 0.0], seed=5, draws=7, tune=9, chains=3, progress=False)
    by_rho = {call[0].equation("sales").rho["search"]: call for call in fits.calls}
    assert sorted(by_rho) == [-0.3, 0.0, 0.3]
    for system, data, settings, made in by_rho.values():
        rho = system.equation("sales").rho["search"]
        assert system == with_rho(fit.system, "search", rho)
        assert data == fit.data
        assert settings["scales"] == fit.scales
        assert [settings[k] for k in ("seed", "draws", "tune", "chains")] == [5, 7, 9, 3]
        told = effects(made.accept_unconverged(), seed=5)
        for part in ("total", "direct", "indirect"):
            at = found[part].sel(rho=rho)
            middle = told[part].median(("chain", "draw"))
            assert_allclose(at.sel(quantile=0.5), middle)
            assert (at.isel(quantile=0) <= at.isel(quantile=2)).all()
    assert found["total"].dims == ("rho", "quantile", "channel")
    assert found.attrs["method"] == "refit"
    assert (found.attrs["mediator"], found.attrs["complete"]) == ("search", 1)
    assert found["reliable"].values.all()


def test_the_vanishing_point_is_interpolated_between_refits(fits, monkeypatch):
    fit = base()
    indirect = {-0.2: 5.0, 0.0: 3.0, 0.4: -1.0}

    def asked(self, made, **kwargs):
        found = effects(made.accept_unconverged(), groups={}, seed=0)
        rho = made.system.equation("sales").rho.get("search", 0.0)
        return found.assign(indirect=found["indirect"] * 0.0 + indirect[rho])

    monkeypatch.setattr(refit.EffectSettings, "of", asked)
    found = refitted(fit, rho=list(indirect), progress=False)
    assert_allclose(found["rho_star"], 0.3)
    assert np.isnan(found["rho_beyond"]).all()
    fits.made.verdict = lambda system: "failed" if system.equation("sales").rho == {"search": 0.4} else "converged"
    with pytest.warns(ConvergenceWarning, match=r"1 of 3 refits \(rho = 0.4\)"):
        found = refitted(fit, rho=list(indirect), progress=False)
    assert found["reliable"].values.tolist() == [True, True, False]
    assert found.attrs["verdict"] == "failed"
    assert np.isnan(found["rho_star"]).all()
    assert_allclose(found["rho_beyond"], 0.0)  # 3 is less than 5: it shrinks on that side


def test_a_refit_that_fails_is_left_out_and_said(fits, monkeypatch):
    inner = fits.made

    def failing(system, data, **settings):
        if system.equation("sales").rho["search"] == 0.2:
            raise ValueError("no luck")
        return inner(system, data, **settings)

    monkeypatch.setattr(refit, "fit_quietly", failing)
    with pytest.warns(FailedRunsWarning, match=r"rho = 0.2\) with ValueError: no luck"):
        found = refitted(base(), rho=[0.0, 0.2], progress=False)
    assert found["rho"].values.tolist() == [0.0]
    assert found.attrs["complete"] == 0


def test_correlations_that_have_no_meaning_are_refused(fits):
    with pytest.raises(LikelihoodError, match="under normal and lognormal only"):
        refitted(base("normal", "censored_normal"), progress=False)
    with pytest.raises(SettingError, match="between -1 and 1"):
        refitted(base(), rho=[1.0], progress=False)
    with pytest.raises(UnknownTermError, match="search"):
        refitted(base(), mediator="tv", progress=False)
    two = MMM(
        [
            Equation("search", media=["tv"]),
            Equation("social", media=["tv"]),
            Equation("sales", media=["tv", "search", "social"], rho={"social": 0.1}),
        ]
    )
    table = worlds.frame(60, zeros=False)
    data = MMMData.from_frame(
        table, **{**worlds.ROLES, "media": ["tv"], "mediators": {"search": "money", "social": "money"}}
    )
    with pytest.raises(SettingError, match="pass mediator='social'"):
        refitted(made_fit(two, data, draws=10), mediator="search", progress=False)
    assert not fits.calls


def test_when_the_likelihood_knows_nothing_about_rho():
    linear = [
        Equation("search", linear=["price"]),
        Equation("sales", media=["tv"], linear=["price", "search"], trend=True),
    ]
    assert "knows nothing about rho" in identification(MMM(linear), "search")
    for change, reason in (
        ({"linear": ["price"], "trend": True, "media": ["tv"]}, "curves of their own"),
        ({"seasonality": [Fourier(period=365.25, order=1)]}, "sin1@365.25, cos1@365.25 act on search only"),
        ({"likelihood": "lognormal"}, "not both likelihoods are normal"),
    ):
        other = MMM([dataclasses.replace(linear[0], **change), linear[1]])
        assert reason in identification(other, "search")
    saturating = dataclasses.replace(linear[1], media=["tv", "search"], linear=["price"])
    assert "adstock and saturation" in identification(MMM([linear[0], saturating]), "search")


# ----------------------------------------------------------------------------------------------- a hidden wave
def test_a_wave_is_spend_less_what_linear_terms_explain():
    fit = base()
    found = wave(fit, "tv")
    design = engine.inputs(fit.system.equation("sales"), fit.data, fit.scales).design[0]
    assert_allclose(design.T @ found, 0.0, atol=1e-9)
    assert np.mean(found**2) == pytest.approx(1.0)
    assert np.corrcoef(found, fit.data.columns["tv"][0])[0, 1] > 0.8
    # A mediator that acts linearly follows from spend and explains none of it.
    equation = dataclasses.replace(
        fit.system.equation("sales"), media=["tv", "social"], linear=["price", "search"]
    )
    linear = dataclasses.replace(fit, system=MMM([fit.system.equation("search"), equation]))
    assert_allclose(wave(linear, "tv"), found)


@pytest.mark.parametrize("outcome", ["normal", "lognormal"])
def test_the_wave_is_taken_out_of_the_outcome_and_effects_are_those_on_what_was_observed(fits, outcome):
    fit = base(outcome)
    found = confounder_sensitivity(
        fit, channels=["tv", "social"], strength=[0.1, 0.05], correlation=0.8, progress=False, seed=3
    )
    assert len(fits.calls) == 5
    observed = fit.data.columns["sales"]
    expected = {"none": observed}
    for channel in ("tv", "social"):
        for strength in (0.05, 0.1):
            u = 0.8 * strength * wave(fit, channel)
            gone = observed * np.exp(-u) if outcome == "lognormal" else observed - fit.scales.size["sales"] * u
            expected[channel, strength] = gone
    for system, data, settings, made in fits.calls:
        assert system == fit.system
        assert settings["scales"] == fit.scales
        key = next(k for k, v in expected.items() if np.allclose(v, data.columns["sales"], rtol=1e-12))
        expected.pop(key)
        told = effects(dataclasses.replace(made.accept_unconverged(), data=fit.data), seed=3)["roi"]
        for channel in ("tv", "social"):
            if key == "none" or key[0] == channel:
                strength = 0.0 if key == "none" else key[1]
                got = found["roi"].sel(channel=channel, strength=strength, quantile=0.5)
                assert_allclose(got, told.sel(channel=channel).median())
    assert not expected
    assert found["strength"].values.tolist() == [0.0, 0.05, 0.1]
    assert found["total"].dims == ("channel", "strength", "quantile")
    assert found.attrs["threshold"] == 1.0
    assert found["roi"].attrs["threshold"] == 1.0


def test_break_even_and_half_are_where_medians_cross(fits, monkeypatch):
    levels = {0.0: 4.0, 0.1: 2.5, 0.2: 0.5}
    fit = base()

    def level(task, item):
        found = effects(fit, groups={}, seed=0)
        value = levels[item[1]]
        made = found.assign({n: found[n] * 0.0 + value for n in ("total", "roi")})
        numbers = {"rhat": 1.0, "ess": 500.0, "divergences": 0, "reliable": True, "verdict": "converged"}
        return refit.Refitted(refit.quantiles(made, 0.9), numbers, 1.0)

    monkeypatch.setattr(confounder._WithoutWave, "__call__", level)
    found = confounder_sensitivity(fit, channels=["tv"], strength=[0.1, 0.2], progress=False)
    assert_allclose(found["break_even"], 0.175)
    assert_allclose(found["halved"], 0.125)
    found = confounder_sensitivity(fit, channels="tv", strength=[0.1], threshold=0.2, progress=False)
    assert np.isnan(found["break_even"]).all()


def test_waves_that_cannot_be_are_refused(fits):
    deals = made_fit(
        MMM([Equation("sales", media=["tv"], likelihood="censored_normal")]), worlds.data(60), draws=10
    )
    with pytest.raises(LikelihoodError, match="under normal or student_t"):
        confounder_sensitivity(deals, progress=False)
    fit = base()
    for kwargs, error, advice in (
        ({"channels": ["tvv"]}, UnknownTermError, "did you mean 'tv'?"),
        ({"channels": ["search"]}, UnknownTermError, "no exogenous channel"),
        ({"channels": ["tv", "tv"]}, SettingError, "each once"),
        ({"strength": [np.nan]}, SettingError, "strength=[0.05, 0.1]"),
        ({"correlation": 0.0}, SettingError, "correlation=0.5"),
    ):
        with pytest.raises(error, match=re.escape(advice)):
            confounder_sensitivity(fit, progress=False, **kwargs)
    flat = fit.data.replace_columns({"tv": 5.0 + 0.01 * np.arange(60.0)[None]})
    with pytest.raises(SettingError, match="explain all of the spend on 'tv'"):
        wave(dataclasses.replace(fit, data=flat), "tv")
    assert not fits.calls


def test_a_crossing_is_the_nearest_one():
    median = xr.DataArray(
        [[2.0, 0.5, 2.0, 0.0]], {"channel": ["tv"], "strength": [-0.3, -0.1, 0.1, 0.2]}, ("channel", "strength")
    )
    assert_allclose(crossing(median, 1.0), -0.1 + 0.2 / 3)


# ----------------------------------------------------------------------------------------- a channel left out
def test_a_channel_goes_and_the_priors_of_the_others_stay():
    equation = Equation(
        "sales",
        media=["tv", "social", "search"],
        priors={
            "slope": ROI,
            "retention": {"tv": BETA},
            "half_saturation": {"tv": ROI, "social": ROI},
            "roi": {"social": ROI},
        },
    )
    system = MMM([Equation("search", media=["tv"]), equation])
    left = without_channel(system, "tv")
    assert left.equation("search").media == ()
    assert left.equation("search").priors == {}
    sales = left.equation("sales")
    assert sales.media == ("social", "search")
    before = {(p.name, c): v for p in equation.parameters() for c, v in zip(p.labels, p.priors, strict=False)}
    after = {(p.name, c): v for p in sales.parameters() for c, v in zip(p.labels, p.priors, strict=False)}
    assert after == {key: value for key, value in before.items() if key[1] != "tv"}
    # One channel fewer would by default mean a wider prior.
    assert (
        dataclasses.replace(sales, priors={}).parameters()
        != dataclasses.replace(sales, priors={"contribution": sales.priors["contribution"]}).parameters()
    )


def test_what_the_others_take_over_is_counted(fits):
    fit = base()
    found = leave_one_channel_out(fit, progress=False, seed=2, ci_prob=0.8)
    assert [call[0].exogenous for call in fits.calls] == [("social", "price"), ("tv", "price")] or len(
        fits.calls
    ) == 2
    whole = effects(fit, groups={}, seed=2)["total"].median(("chain", "draw"))
    for system, _, settings, made in fits.calls:
        gone, other = ("tv", "social") if "tv" not in system.exogenous else ("social", "tv")
        assert system == without_channel(fit.system, gone)
        assert settings["scales"] == fit.scales
        told = effects(made.accept_unconverged(), groups={}, seed=2)["total"].median(("chain", "draw"))
        row = found.sel(left_out=gone)
        assert_allclose(row["total"].sel(quantile=0.5, channel=other), told.sel(channel=other))
        assert np.isnan(row["total"].sel(channel=gone)).all()
        change = float(told.sel(channel=other) - whole.sel(channel=other))
        assert_allclose(row["change"].sel(channel=other), change)
        assert_allclose(row["taken_over"], change / float(whole.sel(channel=gone)))
        ratio = made.posterior["sales.sigma"].median() / fit.posterior["sales.sigma"].median()
        assert_allclose(row["sigma_ratio"], ratio)
    assert found["full_total"].dims == ("quantile", "channel")
    assert found["total"].dims == ("left_out", "quantile", "channel")


def test_one_channel_cannot_be_left_out(fits):
    alone = made_fit(MMM([Equation("sales", media=["tv"])]), worlds.data(60), draws=10)
    with pytest.raises(AnswerError, match="ask for confounder_sensitivity"):
        leave_one_channel_out(alone, progress=False)
    for channels, error, advice in (
        (["tvv"], UnknownTermError, "did you mean 'tv'?"),
        (["search"], UnknownTermError, "no exogenous channel"),
        ([], SettingError, "at least one channel"),
    ):
        with pytest.raises(error, match=re.escape(advice)):
            leave_one_channel_out(base(), channels=channels, progress=False)
    assert not fits.calls


def test_tasks_can_be_sent_to_other_processes():
    fit = base(rho={"search": Prior("Uniform", lower=-0.5, upper=0.5)})
    settings = refit.EffectSettings(("tv", "social"), None, None, "spend", 4, 1)
    sampler = {"draws": 10, "tune": 10, "chains": 2, "target_accept": 0.9}
    again = refit.refit_of(fit, settings, 0.9, 3, None, **sampler)
    assert again.sampler["cores"] == 1
    for task in (
        residual_correlation._AtRho(again, "search"),
        confounder._WithoutWave(again, {"tv": wave(fit, "tv")}),
        leave_one_out._Without(again),
    ):
        back = pickle.loads(pickle.dumps(task))
        assert back.refit.system == fit.system
        assert back.refit.data == fit.data
        assert back.refit.settings == settings
