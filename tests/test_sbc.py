"""Simulation-based calibration without NUTS: ranks, verdicts, and samplers that are exact or wrong on purpose."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayesmmm import engine
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import EvaluationError, NeverSpentError, UnknownColumnError
from bayesmmm.estimands import effects
from bayesmmm.evaluate import Calibration, calibrate, calibration, prior_worlds
from bayesmmm.evaluate.prior_worlds import PriorWorlds, draw_world
from bayesmmm.evaluate.quantities import chosen, of_fit, of_world, returns_of
from bayesmmm.inference import SilentFit
from bayesmmm.priors import Prior
from bayesmmm.simulate import simulate_world
from benchmarks.calibration import correlated, example
from tests import made, worlds

KEPT = 99


# ------------------------------------------------------------------------------------------------------- ranks
def test_a_rank_counts_the_draws_below():
    draws = np.array([[1.0, 5.0], [2.0, 5.5], [3.0, 6.0]])
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(calibration.rank_of(np.array([2.5, 0.0]), draws, rng), [2, 0])
    np.testing.assert_array_equal(calibration.rank_of(np.array([9.0, 9.0]), draws, rng), [3, 3])


def test_ties_are_broken_evenly():
    draws = np.array([0.0, 1.0, 1.0, 1.0, 2.0])[:, None] * np.ones(4000)
    found = calibration.rank_of(np.ones(4000), draws, np.random.default_rng(1))
    seen, counts = np.unique(found, return_counts=True)
    assert seen.tolist() == [1, 2, 3, 4]  # one draw below, three equal
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000 * 0.75)


@pytest.mark.parametrize(("chains", "draws", "kept"), [(2, 1000, 99), (4, 25, 100), (1, 99, 99), (3, 70, 100)])
def test_kept_draws_are_spread_evenly_over_all_chains(chains, draws, kept):
    values = np.arange(chains * draws, dtype=float).reshape(chains, draws, 1)
    found = calibration.thinned(values, kept)[:, 0]
    step = chains * draws / kept
    assert len(found) == kept
    assert found[0] < step
    assert found[-1] >= chains * draws - step
    assert set(np.diff(found)) <= {np.floor(step), np.ceil(step)}


def test_effective_size_is_that_of_the_correlated_draws():
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((2, 4000, 3))
    noise[..., 2] = 1.0  # never moves
    for t in range(1, 4000):
        noise[:, t, 1] = 0.8 * noise[:, t - 1, 1] + 0.6 * noise[:, t, 1]
    found = calibration.effective(noise)
    assert 6500 < found[0] < 9500
    assert 500 < found[1] < 1300  # (1 - 0.8) / (1 + 0.8) of 8000 is 889; the tail has less
    assert found[2] in (0.0, 8000.0)


# ----------------------------------------------------------------------------------------------------- verdicts
def made_up(position, **changes):
    """Calibration of given relative ranks (quantity, simulation)."""
    rank = np.clip((np.asarray(position) * (KEPT + 1)).astype(int), 0, KEPT)
    n_quantity, n = rank.shape
    rng = np.random.default_rng(7)
    truth = rng.standard_normal((n, n_quantity))
    found = xr.Dataset(
        {
            "rank": (("simulation", "quantity"), rank.T),
            "truth": (("simulation", "quantity"), truth),
            "mean": (("simulation", "quantity"), truth + rng.standard_normal(truth.shape)),
            "sd": (("simulation", "quantity"), np.ones(truth.shape)),
            "ess": (("simulation", "quantity"), np.full(truth.shape, 800.0)),
            "rhat": ("simulation", np.ones(n)),
            "divergences": ("simulation", np.zeros(n, int)),
            "draws": ("simulation", np.full(n, 2000)),
            "refused": ("simulation", np.zeros(n, int)),
        },
        {"quantity": [f"roi[{i}]" for i in range(n_quantity)], "simulation": np.arange(n)},
    )
    given = {
        "kept": KEPT,
        "error": 0.05,
        "requested": n,
        "failed": {},
        "complete": True,
        "settings": {"seconds": 1.0},
    }
    return Calibration(simulations=found, **(given | changes))


def test_uniform_ranks_are_ok():
    found = made_up(np.random.default_rng(1).random((30, 200)))
    assert found.verdict == "ok"
    table = found.table()
    assert (table["verdict"] == "ok").all()
    assert (table["shape"] == "").all()
    assert abs(table["coverage90"].mean() - 0.9) < 0.01
    assert abs(table["coverage50"].mean() - 0.5) < 0.02
    assert str(found).startswith("Calibration: ok. 0 of 30 quantities")
    assert "that is no proof" in str(found)


@pytest.mark.parametrize(
    ("distribution", "shape"),
    [
        ((1.8, 1.0), "draws too low: the truth is above them"),
        ((1.0, 1.8), "draws too high: the truth is below them"),
        ((0.55, 0.55), "draws too narrow: the truth is outside"),
        ((2.0, 2.0), "draws too wide: the truth is in the middle"),
    ],
)
def test_one_bad_quantity_among_thirty_is_found_and_described(distribution, shape):
    rng = np.random.default_rng(1)
    position = rng.random((30, 200))
    position[17] = rng.beta(*distribution, 200)
    found = made_up(position)
    table = found.table()
    assert found.verdict == "fail"
    assert table.index[table["verdict"] == "fail"].tolist() == ["roi[17]"]
    assert table.loc["roi[17]", "shape"] == shape
    assert f"fail roi[17]: {calibration.p_text(table.loc['roi[17]', 'p_value'])}, {shape}" in str(found)
    assert calibration.p_text(0.01234) == "p = 0.012"
    assert calibration.p_text(3e-14) == "p < 1e-10"
    assert "what to do: see plots.ecdf(...)" in str(found)


def test_faultless_systems_are_called_out_as_seldom_as_promised():
    rng = np.random.default_rng(3)
    calls = [made_up(rng.random((10, 60)), error=0.2).verdict for _ in range(60)]
    called = np.mean(np.array(calls) == "fail")
    assert called <= 0.2 + 4 * np.sqrt(0.2 * 0.8 / 60)
    assert called >= 0.04


def test_the_band_is_that_of_the_verdict():
    rng = np.random.default_rng(4)
    found = made_up(np.stack([rng.random(80), rng.beta(1.6, 1.0, 80)]))
    bands = found.bands
    outside = ((bands["difference"] < bands["lower"]) | (bands["difference"] > bands["upper"])).any("point")
    assert outside.values.tolist() == (found.table()["verdict"] == "fail").tolist() == [False, True]
    # The distribution of the ranks, counted by hand at one point.
    rank = found.simulations["rank"].sel(quantity="roi[1]").values
    at = bands["difference"].sel(quantity="roi[1]").sel(point=0.4, method="nearest")
    assert float(at) == pytest.approx((rank < 40).mean() - 0.4, abs=1e-12)
    assert bands.attrs["level"] == pytest.approx(0.975)


def test_the_histogram_counts_every_rank_once():
    found = made_up(np.random.default_rng(5).random((2, 150)))
    counted = found.histogram(bins=20)
    assert counted.sizes["bin"] == 20
    assert found.histogram().sizes["bin"] == 10  # fifteen of 150 for each
    assert counted["count"].sum("bin").values.tolist() == [150, 150]
    first = found.simulations["rank"].sel(quantity="roi[0]").values
    np.testing.assert_array_equal(counted["count"][0], np.histogram(first, np.arange(0, 101, 5))[0])
    assert float(counted["lower"]) < float(counted["expected"]) == 7.5 < float(counted["upper"])
    assert dataclasses.replace(found, kept=96).histogram().sizes["bin"] == 1  # 97 is a prime


def test_what_limits_the_answer_is_said():
    found = made_up(np.random.default_rng(6).random((3, 50)), requested=80, complete=False)
    values = found.simulations.copy(deep=True)
    values["refused"][3], values["divergences"][1], values["ess"][4, 0] = 2, 5, 40.0
    text = str(dataclasses.replace(found, simulations=values))
    assert "2 more data sets were no valid data and were drawn again; that rule reads the data alone" in text
    assert "1 fits have an effective sample size below 99 in some quantity (least 40)" in text
    assert "1 fits have divergences, 5 in all" in text
    assert "interrupted: 50 of 80 simulations are done" in text
    assert "1 fits failed and are left out: no" in str(dataclasses.replace(found, failed={3: "no"}))


# --------------------------------------------------------------------------------------------------- quantities
@pytest.mark.parametrize("name", ["no mediator", "one mediator", "no direct path", "chain", "linear mediator"])
def test_returns_left_out_are_those_known_beforehand(name):
    fit = made.case_fit(name)
    found = effects(fit.accept_unconverged(), groups={}, window="outcome")
    kept = returns_of(fit.system, fit.data)
    for channel in found["channel"].values:
        assert ("roi", channel) in kept
        moves = float(np.abs(found["indirect"].sel(channel=channel)).max()) > 0.0
        acts = float(np.abs(found["direct"].sel(channel=channel)).max()) > 0.0
        assert (("roi_indirect", channel) in kept) == (("roi_direct", channel) in kept) == (moves and acts)


@pytest.mark.parametrize("name", ["censored mediator", "student_t mediator", "lognormal outcome, linear mediator"])
def test_truth_and_draws_are_the_same_quantities(name):
    """A world whose parameters are the single draw of a fit: every quantity of the fit is that of the world."""
    system, data = made.case(name)
    scales = data.scales()
    fit = made.made_fit(system, data, draws=4, chains=1, seed=5)
    one = {e: {k: v[:1] for k, v in par.items()} for e, par in fit.parameters().items()}
    world = simulate_world(system, data, parameters=one, scales=scales, seed=1)
    truth = of_world(world, system, restated=False)
    again = made.made_fit(system, world.data, draws=4, chains=1, seed=5)
    posterior = engine.to_dataset(system, world.parameters, world.data, chains=1)
    _, densities = made._replicated(system, world.parameters, world.data, scales, np.random.default_rng(0))
    tree = again.tree.copy()
    tree["posterior"] = xr.DataTree(posterior)
    tree["log_likelihood"] = xr.DataTree(made._labelled(densities, world.data, 1))
    seen = of_fit(dataclasses.replace(again, tree=tree, scales=scales))
    assert set(seen) == set(truth)
    for quantity, value in truth.items():
        # A censored residual is drawn anew; everything else is the same number.
        if not (quantity.startswith("roi") and name == "censored mediator"):
            assert seen[quantity].shape == (1, 1)
            assert seen[quantity].item() == pytest.approx(value, rel=1e-9), quantity


def test_the_log_likelihood_of_correlated_residuals_is_the_joint_one():
    """Against the dense bivariate Normal density of both residuals, period by period."""
    system, data = correlated(0.4), example()
    world = simulate_world(system, data, scales=data.scales(), seed=2)
    found = of_world(world, system, restated=False)["log_likelihood"]
    parts = world.truth.components
    names = ["visits", "sales"]
    residual = np.stack([parts[n].sel({f"{n}.component": "residual"}).values for n in names], axis=-1)
    sd = np.array([world.parameters[n]["sigma"][0] * world.scales.size[n][0] for n in names])
    covariance = np.array([[1.0, 0.4], [0.4, 1.0]]) * np.outer(sd, sd)
    joint = stats.multivariate_normal(cov=covariance).logpdf(residual).sum()
    assert found == pytest.approx(joint, rel=1e-10)
    assert of_world(world, correlated(None), restated=False)["log_likelihood"] != pytest.approx(
        joint, abs=0.1
    )  # the same world, taken as independent


def test_quantities_are_chosen_by_name_variable_or_kind():
    names = ["sales.sigma", "sales.slope[tv]", "sales.slope[radio]", "roi[tv]", "log_likelihood"]
    assert chosen(names, None) == names
    assert chosen(names, ["parameters"]) == names[:3]
    assert chosen(names, ["roi", "sales.slope[radio]"]) == names[2:4]
    with pytest.raises(EvaluationError, match=r"holds 'roi_total', .* They have: parameters, sales.sigma"):
        chosen(names, ["roi_total"])
    for empty in ([], "roi"):
        with pytest.raises(EvaluationError, match="must be a list of one name or more"):
            chosen(names, empty)


# ------------------------------------------------------------------------------------------------ data refused
class Refusing:
    """Worlds of which some data sets are refused, by what is in them."""

    def __init__(self, threshold):
        self.worlds, self.threshold = (
            PriorWorlds(worlds.system(), worlds.data(), worlds.data().scales()),
            threshold,
        )

    def __call__(self, *, seed):
        world = self.worlds(seed=seed)
        if world.data.columns["sales"].mean() < self.threshold:
            raise NeverSpentError("too low")
        return world


def test_refused_data_sets_are_drawn_again_and_counted():
    makers = [draw_world(Refusing(1000.0), np.random.default_rng(seed)) for seed in range(8)]
    assert all(world.data.columns["sales"].mean() >= 1000.0 for world, _ in makers)
    assert 2 < sum(refused for _, refused in makers) < 100
    world, refused = draw_world(Refusing(1000.0), np.random.default_rng(7))
    assert refused == makers[7][1]
    assert world.data == makers[7][0].data


def test_priors_without_valid_data_and_makers_of_something_else_are_refused(monkeypatch):
    monkeypatch.setattr(prior_worlds, "MOST_REFUSED", 6)
    with pytest.raises(EvaluationError, match=r"6 .* in a row are no valid data; give narrower priors.*too low"):
        draw_world(Refusing(np.inf), np.random.default_rng(0))
    with pytest.raises(EvaluationError, match="returned a int; let it return a World"):
        calibrate(worlds.system(), lambda seed: seed, progress=False)
    with pytest.raises(EvaluationError, match="source is a str; give MMMData, or a function"):
        calibrate(worlds.system(), "data.csv", progress=False)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"simulations": 0}, "at least 1, as simulations=200"),
        ({"kept": 5000}, "from 1 to 2000, the draws of a fit, as kept=99"),
        ({"kept": 0}, "from 1 to 2000, the draws of a fit, as kept=99"),
        ({"error": 5}, "between 0 and 1, as error=0.05"),
        ({"quantities": ["roi[radio]"]}, "holds 'roi\\[radio\\]'"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_compiled(given, advice):
    with pytest.raises(EvaluationError, match=advice):
        calibrate(worlds.system(), worlds.data(), progress=False, **given)


def test_data_that_do_not_fit_the_system_are_refused_at_once():
    other = MMM([Equation("sales", media=["radio"])])
    with pytest.raises(UnknownColumnError, match="radio"):
        calibrate(other, worlds.data(), progress=False)


# ------------------------------------------------------------------------- samplers without NUTS: exact, and wrong
def small():
    """Two channels, few weeks, narrow priors: the posterior is near enough to the prior to be sampled by weighting."""
    data = worlds.data(24, seed=5)
    narrow = {
        "contribution": Prior("LogNormal", mu=-1.5, sigma=0.3),
        "sigma": Prior("LogNormal", mu=-1.0, sigma=0.2),
        "intercept": Prior("Normal", mu=0.6, sigma=0.1),
        "coefficient": Prior("Normal", mu=0.0, sigma=0.1),
    }
    return MMM([Equation("sales", media=["tv", "social"], linear=["price"], priors=narrow)]), data


def sampler(*, weighted, candidates=2000):
    """A stand-in for the fit: draws from the prior, `weighted` by their likelihood or not."""
    shape = made.made_fit(*small(), draws=4, chains=2, seed=0)

    def fit(system, data, *, scales, seed, draws, chains, **_):
        rng = np.random.default_rng(seed)
        par = engine.draw_prior(system, data, scales, draws=candidates, rng=rng, observed_mediators=True)
        _, density = made._replicated(system, par, data, scales, rng)
        log = sum(d.sum(axis=(1, 2)) for d in density.values())
        weight = np.exp(log - log.max()) if weighted else np.ones(candidates)
        some = rng.choice(candidates, draws * chains, p=weight / weight.sum())
        par = {e: {k: v[some] for k, v in p.items()} for e, p in par.items()}
        tree = shape.tree.copy()
        tree["posterior"] = xr.DataTree(engine.to_dataset(system, par, data, chains=chains))
        part = {name: d[some] for name, d in density.items()}
        tree["log_likelihood"] = xr.DataTree(made._labelled(part, data, chains))
        fit = dataclasses.replace(shape, data=data, tree=tree, scales=scales)
        return SilentFit(fit.with_convergence(shape.convergence), ())

    return fit


def with_sampler(monkeypatch, fit, **kwargs):
    monkeypatch.setattr(calibration, "fit_quietly", fit)
    system, data = small()
    settings = {"simulations": 30, "draws": 200, "tune": 1, "chains": 2, "kept": 49, "seed": 3, "progress": False}
    return calibrate(system, data, **(settings | kwargs))


def test_an_exact_sampler_is_ok(monkeypatch):
    found = with_sampler(monkeypatch, sampler(weighted=True))
    assert found.verdict == "ok", str(found)
    assert found.simulations.sizes["simulation"] == 30
    assert found.table().loc["sales.sigma", "learnt"] > 0.5


def test_draws_from_the_prior_pass_all_parameters_and_fail_the_likelihood(monkeypatch):
    """Negative control: what ignores the data cannot be told by parameters, and is by the log likelihood."""
    found = with_sampler(monkeypatch, sampler(weighted=False))
    table = found.table()
    assert (table.drop("log_likelihood")["verdict"] == "ok").all()
    assert table.loc["log_likelihood", "verdict"] == "fail"
    assert table.loc["log_likelihood", "shape"] == "draws too low: the truth is above them"
    assert found.verdict == "fail"
