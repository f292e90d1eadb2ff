"""`diagnose`: numbers against independent computation, made fits whose answer is known, and what must not be raised."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from bayesmmm.data import Calendar, MMMData
from bayesmmm.diagnostics import diagnose
from bayesmmm.diagnostics.plausibility import adstocks
from bayesmmm.diagnostics.posterior_view import evaluate
from bayesmmm.diagnostics.predictive import statistics
from bayesmmm.diagnostics.residual_checks import lags_looked_at, visible_share
from bayesmmm.diagnostics.sampler import sampler_checks
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import AnswerError, SettingError
from bayesmmm.estimands import residuals
from bayesmmm.priors import Prior
from bayesmmm.results import Fit
from bayesmmm.results.summaries import flat
from tests import made, reference, worlds


def changed(fit: Fit, **groups: xr.Dataset) -> Fit:
    """The fit with other groups."""
    known = {name: node.to_dataset() for name, node in fit.tree.children.items()}
    tree = xr.DataTree.from_dict(known | groups)
    return Fit(fit.data, fit.system, fit.scales, tree, fit.settings, fit.versions)


@pytest.fixture(scope="module")
def diagnosed(fitted):
    return diagnose(fitted)


# -------------------------------------------------------------------------------------------------------- as a whole
def test_no_test_of_fit_raises_an_alarm_where_nothing_is_broken(diagnosed):
    found = [c.name for c in diagnosed.raised if c.group in ("sampler", "fit") and "pareto_k" not in c.name]
    assert found == []
    assert not [c for c in diagnosed.checks if c.verdict == "unknown"]


def test_every_equation_has_its_checks(diagnosed):
    names = {c.name for c in diagnosed.checks}
    for base in ("predictive", "autocorrelation", "normality", "outliers", "drift", "calibration", "pareto_k"):
        assert {f"{base}:search", f"{base}:sales"} <= names
    assert {"rhat", "ess_bulk", "ess_tail", "divergences", "tree_depth", "energy"} <= names
    assert {"confounding:search->sales", "media_share", "baseline", "curve_range:sales"} <= names
    order = [c.group for c in diagnosed.checks]
    assert order == sorted(order, key=["sampler", "fit", "information", "plausibility"].index)


def test_the_same_seed_gives_the_same_diagnosis_and_nothing_is_changed(fitted, diagnosed):
    before = fitted.posterior.copy(deep=True)
    again = diagnose(fitted)
    assert again.table().equals(diagnosed.table())
    xr.testing.assert_identical(before, fitted.posterior)


def test_text_is_plain_and_names_every_check(diagnosed):
    text = str(diagnosed)
    assert text.isascii()
    for check in diagnosed.checks:
        assert f" {check.name} " in text.replace("\n", " \n")


def test_advice_is_the_text_above_the_first_group(diagnosed):
    head, _, rest = str(diagnosed).partition(f"\n\n{diagnosed.checks[0].group}\n")
    assert diagnosed.advice == head
    assert rest
    assert diagnosed.raised
    for check in diagnosed.checks:
        assert (f"  {check.verdict} {check.name}: " in diagnosed.advice) == check.raised


@pytest.mark.parametrize("wrong", [None, "fit.nc", 3])
def test_something_that_is_no_fit_is_refused(wrong):
    with pytest.raises(SettingError, match=re.escape("must be a Fit, as mm.fit(system, data) returns it")):
        diagnose(wrong)


@pytest.mark.parametrize("group", ["sample_stats", "posterior_predictive", "log_likelihood", "observed_data"])
def test_a_tree_that_was_cut_down_is_refused(fitted, group):
    known = {name: node.to_dataset() for name, node in fitted.tree.children.items() if name != group}
    tree = xr.DataTree.from_dict(known)
    cut = Fit(fitted.data, fitted.system, fitted.scales, tree, fitted.settings, fitted.versions)
    with pytest.raises(AnswerError, match=f"no group '{group}' in its tree, and diagnose needs it"):
        diagnose(cut)


def test_an_outcome_of_either_sign_has_no_media_share():
    """Of a net change, here around zero, nothing is a share: there is no such check rather than a false alarm."""
    table = worlds.frame(60)
    data = MMMData.from_frame(table.assign(sales=table["sales"] - table["sales"].mean()), **worlds.ROLES)
    found = diagnose(made.made_fit(worlds.system(), data, draws=20, verdict=None))
    assert not {"media_share", "baseline"} & {check.name for check in found.checks}


def test_impossible_seeds_are_refused(fitted):
    with pytest.raises(SettingError, match="must be a whole number from 0"):
        diagnose(fitted, seed=-1)


@pytest.mark.parametrize("name", ["diamond", "lognormal outcome", "censored outcome", "monthly"])
def test_systems_of_every_kind_can_be_diagnosed(name):
    found = diagnose(made.case_fit(name, draws=20, verdict=None))
    assert found.verdict == "fail"  # draws of the prior, few of them
    assert str(found).isascii()


def test_too_few_draws_to_leave_one_out_are_said_to_be_too_few():
    found = diagnose(made.case_fit("one term", draws=4, verdict=None))
    unknown = [c.name for c in found.checks if c.verdict == "unknown"]
    assert unknown == ["tree_depth", "energy", "calibration:sales", "pareto_k:sales", "explained:sales", "weak:tv"]
    assert "too few" in found["pareto_k:sales"].finding


def test_draws_that_are_no_numbers_are_a_failure_and_nothing_else_is_computed(fitted):
    posterior = fitted.posterior.copy(deep=True)
    posterior["sales.sigma"][0, 0] = np.inf
    found = diagnose(changed(fitted, posterior=posterior))
    assert found["finite"].verdict == "fail"
    assert "sales.sigma" in found["finite"].finding
    assert {c.group for c in found.checks} == {"sampler"}


# ----------------------------------------------------------------------------------------------------------- sampler
def test_the_sampler_is_judged_as_the_fit_judges_itself(fitted, diagnosed):
    own = fitted.convergence
    assert diagnosed["rhat"].value == pytest.approx(own.rhat)
    assert diagnosed["ess_bulk"].value == pytest.approx(own.ess_bulk)
    assert diagnosed["ess_tail"].value == pytest.approx(own.ess_tail)
    assert diagnosed["divergences"].value == own.divergences
    verdicts = [diagnosed[n].verdict for n in ("rhat", "ess_bulk", "ess_tail", "divergences")]
    assert (own.verdict == "converged") == (set(verdicts) == {"ok"})


def test_energy_is_that_of_arviz(fitted, diagnosed):
    import arviz_stats

    expected = arviz_stats.bfmi(fitted.tree)["energy"].values
    np.testing.assert_allclose(diagnosed.tables["chains"]["bfmi"], expected, rtol=1e-2)


def test_a_chain_that_stands_still_fails(fitted):
    posterior, sample = fitted.posterior.copy(deep=True), fitted.tree["sample_stats"].to_dataset().copy(deep=True)
    for variable in (*posterior.data_vars.values(), sample["energy"]):
        variable[0] = variable[0, 0]
    found = diagnose(changed(fitted, posterior=posterior, sample_stats=sample))
    assert found.verdict == "fail"
    assert {found[n].verdict for n in ("rhat", "ess_bulk", "energy")} == {"fail"}
    assert found["energy"].value == 0.0
    assert "of chain 0" in found["energy"].finding


def test_a_parameter_that_never_moves_fails(fitted):
    posterior = fitted.posterior.copy(deep=True)
    posterior["sales.sigma"][:] = 0.1
    rhat = diagnose(changed(fitted, posterior=posterior))["rhat"]
    assert (rhat.verdict, rhat.value) == ("fail", np.inf)
    assert "does not move at all" in rhat.finding


def test_one_chain_is_a_warning(fitted):
    groups = {n: node.to_dataset() for n, node in fitted.tree.children.items()}
    single = {n: g.isel(chain=[0]) for n, g in groups.items() if "chain" in g.dims and not n.startswith("prior")}
    checks, _ = sampler_checks(changed(fitted, **single))
    assert checks[0].verdict == "warn"
    assert "chains=4" in checks[0].remedies[0]


@pytest.mark.parametrize("name", ["maxdepth_reached", "reached_max_treedepth"])
def test_both_samplers_say_where_trajectories_were_cut_off(fitted, name):
    sample = fitted.tree["sample_stats"].to_dataset()
    cut = xr.zeros_like(sample["diverging"])
    cut[0, ::4] = True
    sample = sample.drop_vars(["maxdepth_reached", "energy"]).assign({name: cut})
    checks = {c.name: c for c in sampler_checks(changed(fitted, sample_stats=sample))[0]}
    assert checks["tree_depth"].value == pytest.approx(0.25 / sample.sizes["chain"])
    assert checks["tree_depth"].verdict == "warn"
    assert checks["energy"].verdict == "unknown"


def test_divergences_warn_and_many_fail(fitted):
    sample = fitted.tree["sample_stats"].to_dataset()
    for every, verdict in ((1000, "warn"), (50, "fail")):
        diverging = xr.zeros_like(sample["diverging"])
        diverging[0, ::every] = True
        diverging[1:, ::every] = every == 50
        checks = {
            c.name: c for c in sampler_checks(changed(fitted, sample_stats=sample.assign(diverging=diverging)))[0]
        }
        assert checks["divergences"].verdict == verdict
        assert checks["divergences"].value == int(diverging.sum())


# --------------------------------------------------------------------------------------------------------- residuals
@pytest.mark.parametrize("name", ["one mediator", "lognormal outcome", "student_t mediator", "censored mediator"])
def test_residuals_are_those_of_the_forecasts(name):
    fit = made.case_fit(name)
    seen = evaluate(fit)
    for equation in fit.system.order:
        expected = residuals(fit, equation).values.reshape(-1, len(fit.data.dates))
        if fit.system.equation(equation).likelihood == "student_t":
            nu = 2.0 + fit.parameters()[equation]["nu_minus_two"][:, None]
            expected = stats.norm.ppf(stats.t.cdf(expected, nu))
        np.testing.assert_allclose(seen.z[equation], expected, rtol=1e-6, atol=1e-9)


def test_correlated_residuals_are_tested_given_those_of_the_mediator():
    equations = [
        Equation("search", media=["social"]),
        Equation("sales", media=["tv", "search"], rho={"search": 0.6}),
    ]
    table = worlds.frame(zeros=False)
    system = MMM(equations)
    data = MMMData.from_frame(table, **{**worlds.ROLES, "controls": []})
    seen = evaluate(made.made_fit(system, data))
    free = evaluate(made.made_fit(MMM([equations[0], Equation("sales", media=["tv", "search"])]), data))
    np.testing.assert_allclose(seen.z["search"], free.z["search"])
    np.testing.assert_allclose(seen.z["sales"], (free.z["sales"] - 0.6 * free.z["search"]) / 0.8)
    sigma = seen.fit.parameters()["sales"]["sigma"][:, None]
    np.testing.assert_allclose(seen.mean["sales"], free.mean["sales"] + 0.6 * sigma * free.z["search"])


@pytest.mark.parametrize(
    ("periods", "frequency", "last"),
    [(156, "weekly", 52), (60, "weekly", 17), (24, "monthly", 12), (800, "daily", 365)],
)
def test_seasons_are_looked_for_where_two_of_them_were_seen(periods, frequency, last):
    lags = lags_looked_at(periods, frequency)
    assert (lags[0], lags[-1]) == (1, last)
    assert (np.diff(lags) > 0).all()


def test_a_residual_that_the_next_equation_can_take_up_is_said_to_be_invisible():
    system = MMM(
        [Equation("visits", linear=["price"]), Equation("sales", media=["tv"], linear=["price", "visits"])]
    )
    fit = made.made_fit(system, made.made_data(system, made.frame()))
    seen = evaluate(fit)
    assert visible_share(seen, "visits", "sales") < 1e-10
    assert "silence is no comfort" in diagnose(fit)["confounding:visits->sales"].finding
    apart = MMM([Equation("visits", linear=["price", "holiday"]), Equation("sales", media=["tv", "visits"])])
    known = {"sales.half_life": 30.0, "sales.half_saturation": 1.0, "sales.slope": 1.0}
    seen = evaluate(made.made_fit(apart, made.made_data(apart, made.frame()), values=known))
    assert 0.5 < visible_share(seen, "visits", "sales") < 1.0


# ------------------------------------------------------------------------------------------------- predictive and LOO
def test_statistics_in_closed_form():
    series = np.array([[0.0, 1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0, 5.0]])
    found = statistics(series, zeros=True)
    assert {k: v[0] for k, v in found.items()} == pytest.approx(
        {
            "total": 10.0,
            "quantile 0.05": 0.2,
            "quantile 0.25": 1.0,
            "quantile 0.5": 2.0,
            "quantile 0.75": 3.0,
            "quantile 0.95": 3.8,
            "maximum": 4.0,
            "autocorrelation": 0.4,
            "share of zeros": 0.2,
        }
    )
    assert found["autocorrelation"][1] == 0.0


def test_replicates_that_miss_the_total_are_noticed(fitted):
    replicated = fitted.tree["posterior_predictive"].to_dataset()
    found = diagnose(changed(fitted, posterior_predictive=replicated.assign(sales=1.3 * replicated["sales"])))
    assert found["predictive:sales"].verdict == "fail"
    assert found["predictive:search"].verdict == "ok"


def test_leaving_one_out_agrees_with_arviz(fitted, diagnosed):
    import arviz_stats

    table = diagnosed.tables["loo"]
    for name in ("search", "sales"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a Pareto k that is large
            known = arviz_stats.loo(fitted.tree, var_name=name, pointwise=True)
        np.testing.assert_allclose(table.loc[name, "elpd"], known.elpd_i)
        assert diagnosed[f"pareto_k:{name}"].value == pytest.approx(float(known.pareto_k.max()))
    # Of replicates, so that it is the same but for their noise.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        pit = arviz_stats.loo_pit(fitted.tree, var_names="sales")["sales"]
    np.testing.assert_allclose(table.loc["sales", "pit"], pit, atol=0.06)


def test_periods_left_out_are_predicted_as_by_refitting_a_regression(fitted, diagnosed):
    """Left out, a period is predicted worse than with it: by 1 / (1 - leverage), as in a linear regression."""
    table = diagnosed.tables["loo"].loc["sales"]
    target = table["observed"]
    inside = evaluate(fitted).mean["sales"].mean(axis=0)
    assert ((target - table["fitted"]) ** 2).sum() > 1.1 * ((target - inside) ** 2).sum()
    other = target.mean() + (target.mean() - target) / (len(target) - 1)  # the mean of all other periods
    expected = 1.0 - ((target - table["fitted"]) ** 2).sum() / ((target - other) ** 2).sum()
    assert diagnosed["explained:sales"].value == pytest.approx(expected)


# ------------------------------------------------------------------------------------------------------- information
def test_contraction_of_normal_priors_is_the_ratio_of_variances(fitted, diagnosed):
    table = diagnosed.tables["contraction"]["contraction"]
    priors = {p.name: p for p in fitted.system.equation("sales").parameters()}
    for term, prior in zip(priors["coefficient"].labels, priors["coefficient"].priors, strict=True):
        draws = fitted.posterior["sales.coefficient"].sel({"sales.term": term})
        expected = 1.0 - float(draws.var()) / prior.args["sigma"] ** 2
        assert table["sales", "coefficient", term] == pytest.approx(expected)


def test_draws_from_the_prior_taught_nothing():
    fit = made.case_fit("retention and roi", draws=500, verdict=None)
    found = diagnose(fit)
    table = found.tables["contraction"]["contraction"]
    # Slopes and half-saturations of a made fit are draws from their priors; so is a retention that is not cut off.
    for parameter in ("slope", "half_saturation"):
        assert abs(table.xs(parameter, level="parameter")).max() < 0.2
    assert abs(table["sales", "retention", "tv"]) < 0.4
    assert found["learned_shape:sales"].verdict == "warn"
    assert found["directions:sales"].verdict == "warn"
    assert found.tables["directions"].loc["sales", "sd_ratio"].is_monotonic_decreasing


def test_a_contribution_that_trades_with_the_intercept_is_named():
    fit = made.case_fit("no mediator", draws=200, verdict=None)
    posterior = fit.posterior.copy(deep=True)
    total = posterior["sales.contribution"].sel({"sales.media": "radio"})
    posterior["sales.coefficient"].loc[{"sales.term": "intercept"}] = 0.8 - total
    found = diagnose(changed(fit, posterior=posterior))["trade_off:sales"]
    assert found.value == pytest.approx(1.0)
    assert found.verdict == "warn"
    assert "the intercept and the contribution of radio" in found.finding
    assert "pause radio" in found.remedies[0]


# ------------------------------------------------------------------------------------------------------ plausibility
def test_implausible_answers_are_raised():
    values = {
        "sales.contribution": {"tv": 2.0, "social": 0.01, "radio": 0.01},
        "sales.half_saturation": {"tv": 1.0, "social": 1000.0, "radio": 1.0},
        "sales.slope": 1.0,
    }
    found = diagnose(made.case_fit("no mediator", values=values, verdict=None))
    assert found["media_share"].verdict == "fail"
    assert found["media_share"].value == 1.0
    assert found["prior_share"].verdict == "warn"
    assert found["dominance"].verdict == "warn"
    assert found["dominance"].value > 0.9
    assert found["curve_range:sales"].value == 1.0
    assert "the half-saturation of social" in found["curve_range:sales"].finding
    assert found.tables["curve_range"]["above"]["sales", "tv"] == 0.0


def test_a_baseline_below_zero_is_raised():
    fit = made.case_fit("one term")
    posterior = fit.posterior.copy(deep=True)
    posterior["sales.coefficient"].loc[{"sales.term": "intercept"}] = [[0.5] * 6, [0.5] * 3 + [-0.1] * 3]
    found = diagnose(changed(fit, posterior=posterior))["baseline"]
    assert found.value == pytest.approx(0.25)
    assert found.verdict == "warn"


def test_a_return_beyond_belief_is_raised():
    table = made.frame()
    system = MMM([Equation("sales", media=["tv"])])
    data = made.made_data(system, table.assign(tv=table["tv"] / 1000.0))  # entered in thousands
    found = diagnose(made.made_fit(system, data, values={"sales.contribution": 0.3}))
    assert found["roi_size"].verdict == "fail"
    counted = made.made_data(system, table.assign(tv=table["tv"] / 1000.0), outcome_unit="contracts")
    names = [c.name for c in diagnose(made.made_fit(system, counted)).checks]
    assert "roi_size" not in names


@pytest.mark.parametrize("lag", [-1, 3])
def test_adstock_is_that_of_the_reference(lag):
    rng = np.random.default_rng(7)
    media, half_life, max_lag = rng.gamma(1.0, 1.0, (2, 30)), rng.gamma(2.0, 5.0, (3, 2)), None if lag < 0 else lag
    tv = {"tv": Prior("Beta", alpha=2.0, beta=2.0)}  # by the period
    equation = Equation("sales", media=["tv", "radio"], priors={"retention": tv}, max_lag=max_lag)
    found = adstocks(equation, equation.media, media, half_life, Calendar("weekly", pd.Timestamp("2024-01-01"), 1))
    for s in range(3):
        by_period = reference.adstock(media[0], 0.5 ** (7.0 / half_life[s, 0]), max_lag=max_lag)
        by_day = reference.adstock(media[1], 0.5 ** (1.0 / half_life[s, 1]), max_lag=max_lag, days=7)
        np.testing.assert_allclose(found[s], [by_period, by_day])


def test_tables_hold_every_parameter(fitted, diagnosed):
    assert set(diagnosed.tables["convergence"].index) == set(flat(fitted.posterior.mean(("chain", "draw"))))
