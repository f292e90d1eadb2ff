"""A residual scale for every geo of a panel: words, files, and that it is found again."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmmm as mm
from bayesmmm.equations import Panel, read_toml
from tests import panels

SHORT = {"draws": 20, "tune": 60, "chains": 2, "cores": 1, "seed": 1, "progress": False}


def _fit(system, data, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mm.errors.BayesMMMWarning)
        return mm.fit(system, data, **{**SHORT, **settings})


@pytest.fixture(scope="module")
def fit():
    return _fit(panels.system(mediator="student_t", panel=Panel(sigma="per_geo")), panels.data())


def test_each_geo_has_its_sigma_in_the_posterior(fit):
    assert fit.posterior["sales.sigma"].dims == ("chain", "draw", "geo")
    assert fit.posterior["search.sigma"].dims == ("chain", "draw")
    assert [f"sales.sigma[{geo}]" in fit.summary().index for geo in fit.data.geos] == [True] * 5
    prior = next(p for p in fit.system.equation("sales").parameters() if p.name == "sigma").priors[0]
    right = prior.logpdf(fit.posterior["sales.sigma"].values).sum(axis=-1)
    assert_allclose(fit.tree["log_prior"]["sales.sigma"].values, right)


def test_pointwise_densities_use_the_sigma_of_their_geo(fit):
    one = mm.add_predictive(fit.sel("east"))
    assert_allclose(
        one.tree["log_likelihood"]["sales"].values, fit.tree["log_likelihood"]["sales"].sel(geo="east").values
    )
    wrong = fit.posterior["sales.sigma"].sel(geo="west").values
    assert np.abs(wrong / fit.posterior["sales.sigma"].sel(geo="east").values - 1.0).min() > 1e-6


def test_answers_and_files_of_geos_with_their_own_sigma(fit, tmp_path):
    back = mm.load(fit.save(tmp_path / "fit.nc"))
    assert back.system == fit.system
    assert back.posterior.identical(fit.posterior)
    asked = fit.accept_unconverged()
    whole = mm.roi(asked, by="geo")
    assert_allclose(mm.roi(asked.sel("south")), whole.sel(geo="south"), rtol=1e-12, equal_nan=True)


def test_a_sigma_for_each_geo_is_printed_and_written(fit):
    equation = fit.system.equation("sales")
    assert "Normal(0, sigma[g])" in str(equation)
    assert read_toml(fit.system.to_toml())[0] == fit.system
    with pytest.raises(mm.errors.EquationError, match=r"shared.*per_geo"):
        Panel(sigma="each")


def _uneven(seed=0):
    """Geos whose residuals scatter by 2 to 24 % of their mean sales."""
    frame, rng = panels.frame(periods=80, seed=seed), np.random.default_rng(seed)
    truth = dict(zip(panels.GEOS, (0.02, 0.05, 0.08, 0.15, 0.24), strict=True))
    for geo, sd in truth.items():
        at = frame["geo"] == geo
        common = 1.0 + 0.05 * frame.loc[at, "fair"] + 0.2 * np.sin(np.arange(80) / 9.0)
        frame.loc[at, "sales"] = frame.loc[at, "sales"].mean() * (common + sd * rng.normal(size=80))
    return mm.MMMData.from_frame(frame, **panels.ROLES), truth


@pytest.mark.slow
def test_the_sigma_of_each_geo_is_found_and_a_shared_one_is_none_of_them():
    data, truth = _uneven()
    found = {}
    for sigma in ("per_geo", "shared"):
        system = mm.MMM([mm.Equation("sales", media=["tv"], linear=["fair"], panel=Panel(sigma=sigma))])
        posterior = _fit(system, data, draws=300, tune=300).posterior["sales.sigma"]
        found[sigma] = posterior.quantile([0.005, 0.995], ["chain", "draw"])
    for geo, right in truth.items():
        low, high = found["per_geo"].sel(geo=geo).values
        assert low < right < high, geo
    low, high = found["shared"].values
    assert not any(low < right < high for right in truth.values())
