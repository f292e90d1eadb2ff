"""Previews: draws near the posterior that no sampler made, and that say so everywhere."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm import diagnostics, estimands, optimize
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import BayesMMMWarning, ConvergenceWarning, SamplingError
from bayesmmm.inference import fit, normal, preview, write_program
from bayesmmm.plots import roi as roi_figure
from bayesmmm.report import compose
from bayesmmm.report.page import _banner
from bayesmmm.results import load, summarise
from bayesmmm.results.convergence import PARETO_K_GOOD, PREVIEW, judge, worst_verdict
from bayesmmm.results.summaries import flat
from bayesmmm.simulate.datasets import load_case
from tests import panels, worlds
from tests.fits import quiet

ANSWERS = {
    "decompose": estimands.decompose,
    "effects": estimands.effects,
    "roi": estimands.roi,
    "marginal_roi": estimands.marginal_roi,
    "response_curves": estimands.response_curves,
    "predict": estimands.predict,
    "what_if": lambda fit: estimands.what_if(fit, scale={fit.data.media[0]: 1.1}),
    "summarise": lambda fit: summarise(estimands.roi(fit)),
    "optimize_budget": lambda fit: optimize.optimize_budget(
        fit.thin(40), total=1000.0, periods=2, controls={"price": 10.0}
    ),
}


@pytest.fixture(scope="module")
def previewed(mediated):
    return quiet(fit, mediated, worlds.data(), seed=3, preview=True, progress=False)


@pytest.fixture(scope="module")
def panel_preview():
    data = panels.data(periods=30)
    return quiet(fit, panels.system(), data, seed=3, draws=100, chains=2, preview=True, progress=False)


def test_one_unknown_against_quadrature():
    """Mean and sd of the logarithm of sigma, with all coefficients integrated out."""
    data = worlds.data()
    system = MMM([Equation(data.outcome)])
    found = quiet(fit, system, data, seed=3, preview=True, progress=False)
    program = write_program(system, data, data.scales())
    assert len(program.start) == 1
    grid = np.linspace(-6.0, 2.0, 4001)
    logp = np.array([program.log_density(np.array([u]))[0] for u in grid])
    weight = np.exp(logp - logp.max()) / np.exp(logp - logp.max()).sum()
    sigma = np.array([program.constrained(np.array([u]))[0] for u in grid])
    mean = weight @ sigma
    sd = np.sqrt(weight @ (sigma - mean) ** 2)
    drawn = found.posterior[f"{data.outcome}.sigma"].values
    assert abs(drawn.mean() - mean) < 0.1 * sd
    assert_allclose(drawn.std(), sd, rtol=0.1)
    assert found.convergence.pareto_k <= PARETO_K_GOOD


def test_of_few_draws_no_weights_are_known(mediated):
    few = {"draws": 5, "chains": 2, "seed": 3, "preview": True, "progress": False}
    found = quiet(fit, mediated, worlds.data(), **few)
    assert found.convergence.pareto_k == np.inf
    assert found.convergence.verdict == PREVIEW
    assert "could not be brought" in str(found.convergence)


@pytest.mark.slow
def test_means_and_spreads_are_those_of_the_sampled_posterior():
    world = load_case("social_search")
    settings = {"seed": 3, "progress": False}
    found, right = (quiet(fit, world.system, world.data, preview=flag, **settings) for flag in (True, False))
    moments = [
        (flat(each.posterior.mean(("chain", "draw"))), flat(each.posterior.std(("chain", "draw"))))
        for each in (found, right)
    ]
    (mean, sd), (true_mean, true_sd) = moments
    off = {name: (mean[name] - true_mean[name]) / true_sd[name] for name in true_mean}
    assert not {name: z for name, z in off.items() if abs(z) > 0.3}
    ratio = {name: sd[name] / true_sd[name] for name in true_sd}
    assert not {name: r for name, r in ratio.items() if not 0.5 < r < 2.0}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_carries_the_mark(previewed, name):
    assert ANSWERS[name](previewed).attrs["verdict"] == PREVIEW


@pytest.mark.parametrize("name", ["roi", "effects", "decompose", "predict"])
def test_every_answer_of_a_panel_carries_the_mark(panel_preview, name):
    assert ANSWERS[name](panel_preview).attrs["verdict"] == PREVIEW


def test_the_negative_control_a_sampled_fit_has_no_mark(fitted):
    assert estimands.roi(fitted).attrs["verdict"] != PREVIEW
    assert "preview" not in str(fitted.convergence)


def test_texts_figures_and_reports_carry_the_mark(previewed):
    assert PREVIEW in repr(previewed)
    assert PREVIEW in str(previewed.convergence)
    legend = roi_figure(previewed).get_legend()
    assert any(PREVIEW in text.get_text() for text in legend.get_texts())
    report = compose(previewed)
    assert all((table["verdict"] == PREVIEW).all() for table in report.tables.values())
    assert "not sampled" in _banner(report.answers)
    assert PREVIEW in str(
        optimize.optimize_budget(previewed.thin(40), total=1000.0, periods=2, controls={"price": 10.0})
    )


def test_a_diagnosis_fails_and_says_what_to_do(previewed):
    found = diagnostics.diagnose(previewed)
    assert found.verdict == "fail"
    assert found["preview"].verdict == "fail"
    assert "fit without preview" in found["preview"].remedies[0]
    assert "fit without preview" in str(previewed.convergence)


def test_it_is_warned_of(mediated):
    with pytest.warns(BayesMMMWarning) as given:
        fit(mediated, worlds.data(), seed=3, draws=50, chains=1, preview=True, progress=False)
    said = [str(one.message) for one in given if issubclass(one.category, ConvergenceWarning)]
    assert len(said) == 1
    assert "fit without preview" in said[0]


def test_the_mark_stays_in_the_file(previewed, tmp_path):
    read = load(previewed.save(tmp_path / "fit.nc"))
    assert read.convergence == previewed.convergence == judge(read.tree)
    assert estimands.roi(read).attrs["verdict"] == PREVIEW
    assert read.posterior.identical(previewed.posterior)


def test_the_mark_stays_with_a_geo_and_with_fewer_draws(panel_preview):
    assert estimands.roi(panel_preview.sel("north")).attrs["verdict"] == PREVIEW
    assert estimands.roi(panel_preview.thin(20)).attrs["verdict"] == PREVIEW


def test_a_seed_gives_the_same_draws_and_another_others(mediated, previewed):
    again, other = (
        quiet(fit, mediated, worlds.data(), seed=seed, preview=True, progress=False) for seed in (3, 4)
    )
    assert again.posterior.equals(previewed.posterior)
    assert not other.posterior.equals(previewed.posterior)


@pytest.mark.parametrize("factor", [0.2, 5.0], ids=["too narrow", "too wide"])
def test_weights_tell_a_normal_that_is_wrong(mediated, monkeypatch, factor):
    """Too narrow a Normal cannot be mended and is told by k; too wide a one is mended by its weights, or told."""
    data = worlds.data()
    program = write_program(mediated, data, data.scales())
    right = normal.approximated(program)
    wrong = dataclasses.replace(right, values=right.values / factor**2)
    monkeypatch.setattr(preview, "adapted", lambda program, geos: (program, wrong))
    found = quiet(fit, mediated, data, seed=3, preview=True, progress=False).convergence
    assert found.pareto_k > PARETO_K_GOOD
    assert "could not be" in found.preview


def test_impossible_flags_are_refused(mediated):
    with pytest.raises(SamplingError, match="preview"):
        fit(mediated, worlds.data(), preview="yes", progress=False)


def test_draws_are_whole(panel_preview):
    assert panel_preview.posterior.sizes["draw"] == 100
    buys = panel_preview.data.bought(["tv", "social", "search"])
    values = panel_preview.posterior["sales.contribution"].values
    assert np.isnan(values[..., ~buys]).all()
    assert np.isfinite(values[..., buys]).all()


@pytest.mark.parametrize("others", [[], ["converged"], ["doubtful", "converged"]])
def test_a_preview_among_other_verdicts_is_the_worst_but_for_a_failure(others):
    assert worst_verdict([*others, PREVIEW]) == PREVIEW
    assert worst_verdict([*others, PREVIEW, "failed"]) == "failed"
