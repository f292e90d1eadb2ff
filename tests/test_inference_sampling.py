"""Real NUTS on small data: agreement of routes, invariances, groups, warnings, bad settings."""

import re

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from bayesmmm import engine, inference, results
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import ConvergenceWarning, DateError, FewPeriodsWarning, SamplingError
from bayesmmm.priors import Prior
from tests import worlds
from tests.fits import monte_carlo_z, quiet

GROUPS = {
    "posterior",
    "sample_stats",
    "log_likelihood",
    "log_prior",
    "posterior_predictive",
    "prior",
    "prior_predictive",
    "observed_data",
    "constant_data",
}


def test_default_fit_converges_and_fills_the_groups(fitted):
    assert fitted.convergence.verdict == "converged"
    assert set(fitted.tree.children) == GROUPS
    assert fitted.posterior["sales.half_life"].dims == ("chain", "draw", "sales.media")
    assert fitted.posterior["sales.contribution"].sizes["sales.media"] == 3
    assert fitted.tree["log_likelihood"]["sales"].dims == ("chain", "draw", "date")
    assert_array_equal(fitted.tree["observed_data"]["sales"], worlds.data().columns["sales"][0])


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_arviz_reads_the_tree(fitted):
    import arviz_stats

    elpd = arviz_stats.loo(fitted.tree, var_name="sales")
    assert elpd.n_data_points == 60
    assert np.isfinite(elpd.elpd)


def test_log_likelihood_is_the_density_of_the_raw_series(fitted):
    """Normal equation: rebuilt from the posterior with SciPy, one draw."""
    par = {k: v[:1] for k, v in fitted.parameters()["sales"].items()}
    equation = fitted.system.equation("sales")
    mean = engine.latent_mean(
        equation, engine.inputs(equation, fitted.data, fitted.scales), par, fitted.data.calendar
    )
    size = fitted.scales.size["sales"].item()
    expected = stats.norm.logpdf(fitted.data.columns["sales"][0], size * mean[0, 0], size * par["sigma"][0])
    assert_allclose(fitted.tree["log_likelihood"]["sales"][0, 0], expected, rtol=1e-10)


def test_log_prior_is_the_density_of_the_drawn_values(fitted):
    b = fitted.posterior["sales.coefficient"].sel({"sales.term": "price"})
    block = next(p for p in fitted.system.equation("sales").parameters() if p.name == "coefficient")
    values = fitted.posterior["sales.coefficient"].values
    expected = sum(p.logpdf(values[..., k]) for k, p in enumerate(block.priors))
    assert_allclose(fitted.tree["log_prior"]["sales.coefficient"], expected, rtol=1e-10)
    half_life = fitted.posterior["search.half_life"].values[..., 0]
    assert_allclose(
        fitted.tree["log_prior"]["search.half_life"],
        stats.lognorm(0.8, scale=7.0).logpdf(half_life),
        rtol=1e-10,
    )
    assert b.dims == ("chain", "draw")


def test_replicates_have_the_mean_of_the_data(fitted):
    observed = fitted.data.columns["sales"].mean()
    replicated = fitted.tree["posterior_predictive"]["sales"].mean("date")
    assert abs(float(replicated.mean()) - observed) < 3 * float(replicated.std()) / 10
    assert (fitted.tree["posterior_predictive"]["search"] >= 0).all()


#: Enough where every bit is compared.
BRIEF = {"draws": 100, "tune": 100, "chains": 2, "seed": 3, "progress": False}


@pytest.fixture(scope="module")
def brief(mediated):
    return quiet(inference.fit, mediated, worlds.data(), **BRIEF)


def test_the_same_seed_gives_the_same_draws(mediated, brief):
    again = quiet(inference.fit, mediated, worlds.data(), **BRIEF)
    for group in ("posterior", "posterior_predictive", "prior"):
        assert again.tree[group].to_dataset().equals(brief.tree[group].to_dataset())
    other = quiet(inference.fit, mediated, worlds.data(), **(BRIEF | {"seed": 4}))
    assert not other.posterior.equals(brief.posterior)


def _scaled(money, kpi):
    table = worlds.frame()
    table[["search", "tv", "social"]] *= money
    table["sales"] *= kpi
    return worlds.MMMData.from_frame(table, **worlds.ROLES)


def test_units_that_are_powers_of_two_change_no_bit(mediated, brief):
    data = _scaled(1024.0, 2.0**-7)
    other = quiet(inference.fit, mediated, data, **BRIEF)
    assert other.posterior.equals(brief.posterior)
    assert other.tree["sample_stats"].to_dataset().equals(brief.tree["sample_stats"].to_dataset())
    for name, unit in (("sales", 2.0**-7), ("search", 1024.0)):
        replicates = other.tree["posterior_predictive"][name] / unit
        assert_array_equal(replicates, brief.tree["posterior_predictive"][name])
    assert other.convergence == brief.convergence


def test_other_units_agree_within_monte_carlo_error(mediated, fitted):
    data = _scaled(1000.0, 0.01)
    other = quiet(inference.fit, mediated, data, seed=4, progress=False)
    z = monte_carlo_z(fitted, other)
    worst = max(v.max() for v in z.values())
    assert worst < 4.5, z
    # Negative control: the comparison sees a parameter moved by a fifth of its posterior sd.
    moved = fitted.posterior.copy()
    moved["sales.sigma"] = moved["sales.sigma"] + 0.2 * moved["sales.sigma"].std()
    shifted = results.Fit(data, fitted.system, fitted.scales, xr.DataTree.from_dict({"posterior": moved}), {}, {})
    assert monte_carlo_z(shifted, other)["sales.sigma"] > 4.5


def test_column_order_does_not_matter(mediated, brief):
    table = worlds.frame()
    table = table[table.columns[::-1]]
    data = worlds.MMMData.from_frame(table, **worlds.ROLES)
    other = quiet(inference.fit, mediated, data, **BRIEF)
    assert other.posterior.equals(brief.posterior)


def test_channel_order_gives_the_same_answers_by_name(fitted):
    first, last = worlds.system("normal", "censored_normal").equations
    shuffled = Equation(
        "sales",
        media=["search", "tv", "social"],
        linear=last.linear,
        seasonality=last.seasonality,
        trend=last.trend,
    )
    data = worlds.MMMData.from_frame(worlds.frame(), **(worlds.ROLES | {"media": ["social", "tv"]}))
    other = quiet(inference.fit, MMM([first, shuffled]), data, seed=5, progress=False)
    assert max(v.max() for v in monte_carlo_z(fitted, other).values()) < 4.5


def test_collapsed_and_explicit_posteriors_agree(fitted):
    other = quiet(inference.fit, fitted.system, worlds.data(), seed=6, progress=False, collapse=False)
    assert other.convergence.verdict == "converged"
    z = monte_carlo_z(fitted, other)
    assert set(z) == set(fitted.posterior)
    assert max(v.max() for v in z.values()) < 4.5, z


@pytest.mark.filterwarnings("ignore::bayesmmm.errors.BackdoorWarning")
def test_another_number_of_periods(mediated):
    data = worlds.data(48, seed=9)
    with pytest.warns(FewPeriodsWarning, match="Drop terms"):
        short = inference.fit(mediated, data, seed=1, progress=False)
    assert short.tree["posterior_predictive"].sizes["date"] == 48


@pytest.mark.filterwarnings("ignore::bayesmmm.errors.BackdoorWarning")
@pytest.mark.filterwarnings("ignore::bayesmmm.errors.FewPeriodsWarning")
def test_unconverged_fit_warns_with_next_moves(mediated):
    with pytest.warns(ConvergenceWarning, match=r"run longer, as fit\(\.\.\., draws=2000"):
        short = inference.fit(mediated, worlds.data(), draws=10, tune=5, chains=2, seed=1, progress=False)
    assert short.convergence.verdict == "failed"


@pytest.mark.slow
def test_pymc_sampler_gives_the_same_posterior(mediated, fitted):
    other = quiet(
        inference.fit, mediated, worlds.data(), seed=7, cores=1, draws=500, progress=False, sampler="pymc"
    )
    assert other.settings["sampler"] == "pymc"
    assert max(v.max() for v in monte_carlo_z(fitted, other).values()) < 4.5


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"draws": 0}, "draws=0 must be a whole number"),
        ({"chains": 1.5}, "chains=1.5 must be a whole number"),
        ({"target_accept": 1.0}, "target_accept=1.0 must lie between 0 and 1, as 0.9"),
        ({"sampler": "stan"}, "sampler='stan' must be one of nutpie, pymc"),
        ({"seed": -1}, "seed=-1 must be a whole number from 0 to"),
        ({"seed": 1.7}, "seed=1.7 must be a whole number"),
        ({"seed": 2**70}, "must be a whole number"),
        ({"cores": 0}, "cores=0 must be a whole number from 1 to 1000"),
    ],
)
def test_impossible_settings(settings, advice):
    with pytest.raises(SamplingError, match=advice):
        quiet(inference.fit, worlds.system(), worlds.data(), **settings)


@pytest.mark.parametrize(
    ("parameter", "prior"),
    [
        ("contribution", Prior("Beta", alpha=1, beta=1e-3)),
        ("half_life", Prior("Gamma", alpha=1e-3, beta=1)),
        ("sigma", Prior("Beta", alpha=1, beta=1e-3)),
    ],
)
def test_a_prior_without_a_place_to_start_from_is_named(parameter, prior):
    """The median of a prior is its bound to within rounding, or so near that a derivative overflows."""
    system = MMM([Equation("sales", media=["tv"], priors={parameter: prior})])
    named = re.escape(f"{prior!r} on {parameter} of equation 'sales'")
    with pytest.raises(
        SamplingError, match=f"There is no place to start from with {named}. Give another"
    ) as caught:
        quiet(inference.fit, system, worlds.data(), draws=10, tune=10, chains=1, progress=False)
    assert "\n" not in str(caught.value)


def test_an_interrupted_sampler_gives_no_fit(mediated, monkeypatch):
    import nutpie

    whole = nutpie.sample

    def interrupted(*args, **kwargs):
        return whole(*args, **(kwargs | {"draws": kwargs["draws"] // 2}))

    monkeypatch.setattr(nutpie, "sample", interrupted)
    with pytest.raises(KeyboardInterrupt):
        quiet(inference.fit, mediated, worlds.data(), draws=20, tune=20, progress=False)


@pytest.mark.filterwarnings("ignore::bayesmmm.errors.BackdoorWarning")
@pytest.mark.filterwarnings("ignore::bayesmmm.errors.FewPeriodsWarning")
def test_one_chain_is_at_best_doubtful_and_says_so(mediated):
    with pytest.warns(ConvergenceWarning, match="run at least two chains"):
        one = inference.fit(mediated, worlds.data(), chains=1, seed=1, progress=False)
    assert one.convergence.verdict == "doubtful"
    assert np.isnan(one.convergence.rhat)
    assert one.convergence.worst in one.summary().index


@pytest.fixture(scope="module")
def unusual():
    """ROI on the mediator, retention, two families, no Normal coefficient at all: one fit of everything rare."""
    priors = {
        "roi": {"search": Prior("HalfNormal", sigma=4.0)},
        "retention": {"tv": Prior("Beta", alpha=2.0, beta=3.0)},
        "intercept": Prior("TruncatedNormal", mu=0.5, sigma=0.5, lower=0.0),
        "coefficient": {"price": Prior("Laplace", mu=0.0, b=0.3)},
    }
    system = MMM(
        [
            Equation("search", media=["social"], linear=["price"], likelihood="student_t"),
            Equation("sales", media=["tv", "social", "search"], linear=["price"], priors=priors),
        ]
    )
    return quiet(inference.fit, system, worlds.data(), seed=2, progress=False)


def test_rare_parametrisations_fit_end_to_end(unusual, tmp_path):
    assert unusual.convergence.verdict == "converged"
    assert list(unusual.posterior["sales.coefficient"]["sales.term"].values) == ["intercept", "price"]
    assert (unusual.posterior["sales.coefficient"].sel({"sales.term": "intercept"}) > 0).all()
    assert results.load(unusual.save(tmp_path / "fit.nc")).posterior.equals(unusual.posterior)


def test_log_prior_of_roi_and_retention_is_that_of_the_sampled_value(unusual):
    prior = {b.name: b.priors[0] for b in unusual.system.equation("sales").parameters() if b.labels}
    size = unusual.scales.size["sales"].item()
    roi = unusual.posterior["sales.contribution"].sel({"sales.media": "search"}) * size
    roi = roi / unusual.data.columns["search"].mean()
    assert_allclose(unusual.tree["log_prior"]["sales.roi"], prior["roi"].logpdf(roi.values), rtol=1e-8)
    keep = 0.5 ** (7.0 / unusual.posterior["sales.half_life"].sel({"sales.media": "tv"}))
    expected = prior["retention"].logpdf(keep.values)
    assert_allclose(unusual.tree["log_prior"]["sales.retention"], expected, rtol=1e-6)
    # Prior draws of the same parameter follow the same prior.
    drawn = unusual.tree["prior"]["sales.contribution"].sel({"sales.media": "search"}) * size
    drawn = drawn / unusual.data.columns["search"].mean()
    assert stats.kstest(drawn.values.ravel(), prior["roi"].scipy().cdf).pvalue > 0.01


def test_scales_that_do_not_fit_are_refused(mediated):
    wrong = worlds.data(48).scales()
    with pytest.raises(DateError, match=r"Start from data\.scales\(\)"):
        quiet(inference.fit, mediated, worlds.data(), scales=wrong)
