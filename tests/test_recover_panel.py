"""Studies of panels: worlds from the priors, fitted on their own scales, laid beside their truth by name."""

import numpy as np
import pytest

import bayesmmm as mm
from bayesmmm.equations import MMM, Equation, Panel
from bayesmmm.evaluate import calibrate, recover
from bayesmmm.evaluate.prior_worlds import draw_world, worlds_from
from bayesmmm.evaluate.quantities import of_fit, of_world
from bayesmmm.inference import fit_quietly
from tests import panels

QUICK = {"draws": 60, "tune": 80, "chains": 2, "progress": False}
PRIORS = {
    "intercept": mm.Prior("Normal", mu=0.7, sigma=0.1),
    "coefficient": mm.Prior("Normal", mu=0.0, sigma=0.05),
    "contribution": mm.Prior("LogNormal", mu=-2.0, sigma=0.3),
    "sigma": mm.Prior("LogNormal", mu=-3.0, sigma=0.3),
    "omega": mm.Prior("LogNormal", mu=-3.0, sigma=0.3),
}
SYSTEM = MMM(
    [Equation("sales", media=["tv", "social"], linear=["price"], panel=Panel(periods="random"), priors=PRIORS)]
)


def test_worlds_of_a_panel_are_compared_by_name_on_their_own_scales():
    found = recover(SYSTEM, panels.data(), simulations=1, seed=4, ci_prob=0.8, **QUICK)
    table = found.table().droplevel("simulation")
    names = ["sales.contribution[north, tv]", "sales.tau[social]", "sales.omega", "roi[tv]", "sales.sigma"]
    assert {*names, "sales.period[2023-01-01]", "sales.coefficient[west, intercept]"} <= set(table.index)
    assert "sales.contribution[south, social]" not in table.index  # never bought
    seed = int(found.values["seed"].values.item())
    system, worlds = worlds_from(SYSTEM, panels.data())
    rng = np.random.default_rng(seed)
    world, _ = draw_world(worlds, rng)
    truth = of_world(world, system, restated=True)
    for name in names:
        assert table.loc[name, "truth"] == pytest.approx(truth[name])
    settings = {"draws": 60, "tune": 80, "chains": 2, "scales": world.scales}
    fit = fit_quietly(system, world.data, seed=int(rng.integers(2**31)), **settings).fit
    draws = of_fit(fit)
    for name in names:
        assert table.loc[name, "median"] == pytest.approx(float(np.median(draws[name])))
    returns = world.truth.effects["roi"].sel(channel="tv").item()
    assert table.loc["roi[tv]", "truth"] == pytest.approx(returns)


def test_a_world_of_a_panel_is_ranked():
    found = calibrate(SYSTEM, panels.data(), simulations=2, seed=2, **QUICK)
    quantities = set(found.simulations["quantity"].values)
    assert {"roi[tv]", "sales.tau[tv]", "sales.contribution[north, tv]", "log_likelihood"} <= quantities
    assert not [q for q in quantities if q == "sales.contribution[south, social]"]
    ranks = found.simulations["rank"]
    assert ((ranks >= 0) & (ranks <= found.kept)).all()


@pytest.mark.slow
def test_returns_of_panel_worlds_are_found_again():
    found = recover(
        SYSTEM, panels.data(periods=80), simulations=12, seed=1, ci_prob=0.9, draws=400, tune=500, chains=2
    )
    table = found.table()
    own = table[[name[1].startswith(("roi", "sales.contribution", "sales.tau")) for name in table.index]]
    assert 0.8 <= own["covered"].mean() <= 0.98
