"""Cross-validation: densities against closed forms, folds against fits by hand, and what happens when folds are lost."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import (
    ConvergenceWarning,
    EvaluationError,
    FailedRunsWarning,
    InterruptedWarning,
    SettingError,
)
from bayesmmm.estimands import predict
from bayesmmm.evaluate import CrossValidation, cross_validate, drift, fold_task, hold_out
from bayesmmm.evaluate.held_out import score_held_out
from bayesmmm.evaluate.scores import crps
from bayesmmm.inference import fit_quietly, many_fits, seeds
from bayesmmm.inference.many_fits import SilentFit
from tests import worlds
from tests.fits import quiet
from tests.made import case, frame, made_data, made_fit

SHORT = {"draws": 60, "tune": 100, "chains": 2, "progress": False}


# ------------------------------------------------------------------------------- what is said of held-out periods
def split(system, data, periods=8):
    """Training data, plan and what happened of the last periods."""
    training = data.between(data.dates[0], data.dates[-periods - 1])
    plan = pd.DataFrame(
        {"date": data.dates[-periods:]} | {c: data.columns[c][0, -periods:] for c in system.exogenous}
    )
    return training, plan, {name: data.columns[name][0, -periods:] for name in system.order}


def linear(rho=None):
    """A mediator that acts linearly: given the parameters the outcome is Normal, whatever the mediator does."""
    sales = Equation("sales", media=["tv"], linear=["price", "queries"], **({"rho": rho} if rho else {}))
    system = MMM([Equation("queries", media=["tv", "social"], linear=["price"], trend=True), sales])
    return system, made_data(system, frame(3))


def marginal(fit, plan, actual):
    """Log densities (S, H) by the closed form of a linear mediator."""
    system, par = fit.system, fit.parameters()
    responding = predict(fit, plan, paths=2000)
    mean = {n: responding[n].values.reshape(-1, len(plan)) for n in system.order}
    sd = {n: (par[n]["sigma"] * fit.scales.size[n])[:, None] for n in system.order}
    k = system.equation("sales").terms().index("queries")
    slope = par["sales"]["coefficient"][:, k : k + 1] * fit.scales.size["sales"] / fit.scales.spread["queries"]
    rho = dict(system.equation("sales").rho).get("queries", 0.0)
    both = sd["sales"] ** 2 + (slope * sd["queries"]) ** 2 + 2 * rho * slope * sd["sales"] * sd["queries"]
    # The mediator as observed: its residual is known, and so is what it says about the outcome's.
    eps = actual["queries"] - mean["queries"]
    given = predict(fit, plan, do={"queries": actual["queries"]})["sales"].values.reshape(-1, len(plan))
    center = given + rho * sd["sales"] / sd["queries"] * eps
    return {
        "respond": stats.norm.logpdf(actual["sales"], mean["sales"], np.sqrt(both)),
        "observed": stats.norm.logpdf(actual["sales"], center, sd["sales"] * np.sqrt(1 - rho**2)),
        "queries": stats.norm.logpdf(eps, 0, sd["queries"]),
    }


@pytest.mark.parametrize("rho", [None, {"queries": 0.6}])
def test_density_of_the_future_is_that_of_the_closed_form(rho):
    system, data = linear(rho)
    training, plan, actual = split(system, data)
    fit = made_fit(system, training, draws=10)
    exact = {
        name: special.logsumexp(density, axis=0) - np.log(20)
        for name, density in marginal(fit, plan, actual).items()
    }
    observed = score_held_out(fit, plan, actual, last=8, mediators="observed", paths=1, seed=1)
    assert list(observed) == ["sales"]
    np.testing.assert_allclose(observed["sales"].log_density, exact["observed"], atol=1e-9)
    both = score_held_out(fit, plan, actual, last=8, mediators="respond", paths=2000, seed=1)
    assert list(both) == ["queries", "sales"]
    np.testing.assert_allclose(both["sales"].log_density, exact["respond"], atol=0.005)
    np.testing.assert_allclose(both["queries"].log_density, exact["queries"], atol=1e-9)
    # Negative control: the two ways to treat the mediator are not the same question.
    assert np.abs(exact["respond"] - exact["observed"]).max() > 0.05


@pytest.mark.parametrize("name", ["no mediator", "censored in a chain", "lognormal outcome", "student_t mediator"])
def test_means_and_observations_are_those_of_predict(name):
    system, data = case(name)
    training, plan, actual = split(system, data)
    fit = made_fit(system, training, draws=8)
    found = score_held_out(fit, plan, actual, last=5, mediators="respond", paths=4, seed=7)
    paths = 4 if system.mediators else 1
    mean = predict(fit, plan, seed=7, paths=paths)
    drawn = predict(fit, plan, seed=7, noise=True)
    for series in system.order:
        tail = mean[series].values.reshape(-1, len(plan))[:, -5:]
        np.testing.assert_allclose(found[series].mean, tail, rtol=1e-10)
        assert found[series].observed.tolist() == actual[series][-5:].tolist()
        tail = drawn[series].values.reshape(-1, len(plan))[:, -5:]
        np.testing.assert_allclose(found[series].drawn, tail, rtol=1e-10)


def test_observed_mediators_are_those_set_by_do():
    system, data = case("chain")
    training, plan, actual = split(system, data)
    fit = made_fit(system, training, draws=8)
    found = score_held_out(fit, plan, actual, last=8, mediators="observed", paths=4, seed=0)
    expected = predict(fit, plan, do={m: actual[m] for m in system.mediators})["sales"]
    np.testing.assert_allclose(found["sales"].mean, expected.values.reshape(-1, 8), rtol=1e-10)


# ----------------------------------------------------------------------------------------------- made-up folds
@pytest.fixture
def no_sampling(monkeypatch):
    """Fits drawn from the prior instead of sampled; returns the seeds that were asked for."""
    asked = []

    def made(system, data, *, seed, draws, chains, **_):
        asked.append(seed)
        return SilentFit(made_fit(system, data, draws=20, chains=2, seed=seed), ())

    monkeypatch.setattr(fold_task, "fit_quietly", made)
    monkeypatch.setattr(many_fits, "processors", lambda: 1)
    return asked


def test_scores_are_those_of_the_predictions(no_sampling):
    cv = cross_validate(worlds.system(), worlds.data(), folds=3, horizon=5, seed=4, ci_prob=0.8, progress=False)
    assert isinstance(cv, CrossValidation)
    assert no_sampling == seeds(4, 3)
    assert cv.complete
    assert cv.predictions.sizes == {"fold": 3, "equation": 2, "ahead": 5}
    for f, fold in enumerate(cv.predictions["fold"].values):
        assert fold == f + 1
        for name in ("search", "sales"):
            p, s = cv.predictions.sel(fold=fold, equation=name), cv.scores.sel(fold=fold, equation=name)
            dates = worlds.data().dates[45 + 5 * f : 50 + 5 * f]
            assert pd.DatetimeIndex(p["date"].values).equals(dates)
            observed = worlds.data().columns[name][0, 45 + 5 * f : 50 + 5 * f]
            np.testing.assert_array_equal(p["observed"].values, observed)
            error = observed - p["mean"].values
            assert s["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
            assert s["mae"] == pytest.approx(np.mean(np.abs(error)))
            assert s["elpd"] == pytest.approx(p["log_density"].values.mean())
            inside = (p["lower"] <= observed) & (observed <= p["upper"])
            assert s["coverage"] == pytest.approx(inside.values.mean())
            if (observed == 0).any():
                assert np.isnan(s["mape"])
            else:
                assert s["mape"] == pytest.approx(np.mean(np.abs(error) / observed))
    table = cv.table()
    assert table.index.tolist() == [1, 2, 3, "all"]
    sales = cv.predictions.sel(equation="sales")
    everything = np.sqrt(np.mean((sales["observed"] - sales["mean"]).values ** 2))
    assert table.loc["all", "rmse"] == pytest.approx(everything)
    assert table.loc["all", "crps"] == pytest.approx(table["crps"].iloc[:3].mean())
    assert table.attrs == {"unit": "money", "equation": "sales"}


def test_each_fold_has_the_scales_of_its_own_training_data(no_sampling, monkeypatch):
    seen = []
    plain = fold_task.fit_quietly

    def spy(system, data, **kwargs):
        out = plain(system, data, **kwargs)
        seen.append((len(data.dates), out.fit.scales == data.scales()))
        return out

    monkeypatch.setattr(fold_task, "fit_quietly", spy)
    cross_validate(worlds.system(), worlds.data(), folds=3, horizon=5, gap=2, seed=4, progress=False)
    assert seen == [(43, True), (48, True), (53, True)]


def test_what_is_printed_says_what_was_done(no_sampling):
    cv = cross_validate(
        worlds.system(), worlds.data(), folds=2, horizon=5, gap=1, mediators="observed", seed=4, progress=False
    )
    text = str(cv)
    assert "2 of 2 folds, expanding window, 5 weekly period(s) ahead after a gap of 1, mediators observed" in text
    assert "of the naive forecast" in text
    assert text.isascii()
    with pytest.raises(SettingError, match=r"equation='search' was not predicted.*with mediators='respond'"):
        cv.table("search")


def test_interrupted_folds_are_left_out(no_sampling, monkeypatch):
    plain = fold_task.fit_quietly

    def third_stops(*args, **kwargs):
        if len(no_sampling) == 2:
            raise KeyboardInterrupt
        return plain(*args, **kwargs)

    monkeypatch.setattr(fold_task, "fit_quietly", third_stops)
    with pytest.warns(InterruptedWarning, match="2 of 4 folds are done"):
        cv = cross_validate(worlds.system(), worlds.data(), folds=4, seed=4, progress=False)
    assert not cv.complete
    assert cv.scores["fold"].values.tolist() == [1, 2]
    assert len(cv.table()) == 3
    assert "2 of 4 folds" in str(cv)
    assert "not complete" in str(cv)


def test_interrupted_at_once_is_no_answer(no_sampling, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fold_task, "fit_quietly", stop)
    with (
        pytest.warns(InterruptedWarning, match="0 of 3"),
        pytest.raises(EvaluationError, match="before the first fold"),
    ):
        cross_validate(worlds.system(), worlds.data(), folds=3, seed=4, progress=False)


def test_a_failed_fold_and_one_without_convergence_are_told(no_sampling, monkeypatch):
    def some_fail(system, data, *, seed, **_):
        if len(data.dates) == 45:
            raise ValueError("no start")
        return SilentFit(made_fit(system, data, draws=20, seed=seed, verdict="failed"), ())

    monkeypatch.setattr(fold_task, "fit_quietly", some_fail)
    with (
        pytest.warns(FailedRunsWarning, match=r"1 of 3 folds failed.*fold 1: 2023-01-01 .*no start"),
        pytest.warns(ConvergenceWarning, match="failed in fold 2, 3, whose"),
    ):
        cv = cross_validate(worlds.system(), worlds.data(), folds=3, horizon=5, seed=4, progress=False)
    assert dict(cv.failed) == {1: "ValueError: no start"}
    assert cv.folds["verdict"].tolist() == ["failed", "failed"]
    assert cv.scores["fold"].values.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"mediators": "fixed"}, "mediators='fixed' must be one of respond, observed"),
        ({"seed": -1}, "seed=-1 must be a whole number"),
        ({"paths": 0}, "paths=0 must be a whole number"),
    ],
)
def test_impossible_settings_are_refused(no_sampling, asked, text):
    with pytest.raises(SettingError, match=text):
        cross_validate(worlds.system(), worlds.data(), progress=False, **asked)
    assert no_sampling == []


# --------------------------------------------------------------------------------------------------- stability
def test_drift_of_a_stable_mean_is_standard_normal_and_of_a_broken_one_is_not():
    # Means of n1 and nK observations with known variance, flat prior: what posteriors would be.
    rng = np.random.default_rng(0)
    y = rng.normal(size=(4000, 60))
    mean = np.stack([y[:, :40].mean(1), y.mean(1)])
    sd = np.stack([np.full(4000, 40**-0.5), np.full(4000, 60**-0.5)])
    z = drift(mean, sd, new=1 / 3)
    assert z.std() == pytest.approx(1.0, abs=0.04)
    assert np.mean(np.abs(z) > 3) < 0.01
    y[:, 40:] += 1.5  # something changed after the first fold
    z = drift(np.stack([y[:, :40].mean(1), y.mean(1)]), sd, new=1 / 3)
    assert np.mean(z > 3) > 0.95


def test_drift_counts_monte_carlo_error_and_data_that_are_not_nested():
    assert drift([0.0, 1.0], [2.0, 1.0]) == pytest.approx(1 / np.sqrt(5))
    assert drift([0.0, 1.0], [1.0, 1.0], [3.0, 4.0], new=0.0) == pytest.approx(1 / 5)
    assert np.isnan(drift([1.0], [1.0], new=0.5))
    with pytest.raises(SettingError, match=r"mean has shape \(2,\) and sd \(1,\)"):
        drift([0.0, 1.0], [1.0])
    with pytest.raises(SettingError, match=r"new=1\.0 must be a share"):
        drift([0.0, 1.0], [1.0, 1.0], new=1.0)


def test_parameters_of_folds_are_in_units_that_they_share(no_sampling):
    cv = cross_validate(worlds.system(), worlds.data(), folds=2, horizon=5, seed=4, progress=False)
    names = cv.stability["parameter"].values.tolist()
    wanted = [
        "search.half_life[social]",
        "sales.half_saturation[search]",
        "sales.sigma",
        "sales.coefficient[price]",
    ]
    assert {*wanted, "roi[tv]", "roi[social]", "roi[search]"} - set(names) <= {"roi[search]"}
    assert not any("contribution" in name or "intercept" in name for name in names)
    data = worlds.data()
    training = data.between(data.dates[0], data.dates[49])
    fit = made_fit(worlds.system(), training, draws=20, chains=2, seed=seeds(4, 2)[0])
    spent = training.columns["search"]
    expected = fit.posterior["sales.half_saturation"].sel({"sales.media": "search"}) * spent[spent > 0].mean()
    found = cv.stability["mean"].sel(fold=1, parameter="sales.half_saturation[search]")
    assert found == pytest.approx(float(expected.mean()))
    price = fit.posterior["sales.coefficient"].sel({"sales.term": "price"})
    raw = price * np.abs(training.columns["sales"]).mean() / training.columns["price"].std()
    assert cv.stability["sd"].sel(fold=1, parameter="sales.coefficient[price]") == pytest.approx(float(raw.std()))


# ----------------------------------------------------------------------------------------------------- real fits
def test_folds_are_the_fits_that_one_would_make_by_hand(mediated):
    data = worlds.data()
    cv = quiet(cross_validate, mediated, data, folds=2, horizon=6, seed=5, **SHORT)
    training = data.between(data.dates[0], data.dates[53])
    fit = fit_quietly(mediated, training, seed=seeds(5, 2)[1], draws=60, tune=100, chains=2).fit
    plan = pd.DataFrame(
        {"date": data.dates[54:]} | {c: data.columns[c][0, 54:] for c in ("tv", "social", "price")}
    )
    seed = seeds(5, 2)[1]
    by_hand = predict(fit.accept_unconverged(), plan, seed=seed)["sales"].mean(("chain", "draw"))
    second = cv.predictions.sel(fold=2, equation="sales")
    np.testing.assert_allclose(second["mean"].values, by_hand.values, rtol=1e-9)
    noisy = predict(fit.accept_unconverged(), plan, noise=True, seed=seed)["sales"].values.reshape(-1, 6)
    np.testing.assert_allclose(second["crps"].values, crps(data.columns["sales"][0, 54:], noisy), rtol=1e-9)
    assert cv.folds.loc[2, "verdict"] == fit.convergence.verdict
    # Spend of this world is felt at once, which no half-life by the day quite says: well ahead of no model all the same.
    assert cv.table().loc["all", "rmse"] < 0.8 * cv.table().loc["all", "rmse_naive"]


def test_one_split_is_one_fold(mediated):
    cv = quiet(hold_out, mediated, worlds.data(), periods=7, draws=60, tune=100, chains=2, seed=5)
    assert cv.predictions.sizes == {"fold": 1, "equation": 2, "ahead": 7}
    assert cv.predictions["date"].dims == ("fold", "ahead")
    assert cv.folds["periods"].tolist() == [53]
    assert np.isnan(cv.stability["drift"].values).all()
