"""The PyMC model of a panel, collapsed and with every coefficient and period effect spelled out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm import engine
from bayesmmm.equations import Panel, for_data
from bayesmmm.inference import panel_plan, write_program
from bayesmmm.inference.panel import PANEL_ARRAYS, normal_prior
from bayesmmm.inference.panel_weighted import WEIGHTED_ARRAYS, weighted_plan
from bayesmmm.inference.pymc_model import _panel_random, _weighted_random, build_model
from bayesmmm.priors import Prior
from tests import panels, reference
from tests.test_inference_model import _logp

CASES = {
    "default": ("normal", "normal", None, {}),
    "own price": ("lognormal", "normal", Panel(per_geo=["trend", "price"]), {}),
    "no pooling": ("normal", "censored_normal", Panel(pooling="none", periods="fixed"), {}),
    "groups": ("normal", "normal", Panel(group="brand"), {}),
    "own curves": (
        "normal",
        "normal",
        Panel(pooled=["half_life"]),
        {"priors": {"retention": {"tv": Prior("Beta", alpha=2, beta=3)}}},
    ),
    "own slopes": ("normal", "normal", Panel(pooled=["slope", "half_saturation"], pooling="full"), {}),
    "heavy tails": ("student_t", "normal", Panel(periods="random"), {}),
    "sigma per geo": ("normal", "censored_normal", Panel(sigma="per_geo", per_geo=["price"]), {}),
    "heavy tails and sigma per geo": ("student_t", "normal", Panel(periods="random", sigma="per_geo"), {}),
    "signs": ("normal", "normal", None, {"sign": {"tv": "any", "social": "negative"}}),
    "roi": (
        "normal",
        "normal",
        Panel(pooling="full"),
        {"priors": {"roi": {"tv": Prior("HalfNormal", sigma=2.0)}}},
    ),
}


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize("case", [*CASES, "ragged, default", "ragged, own curves"])
def test_model_and_compiled_density_agree(case, collapse):
    likelihood, mediator, panel, more = CASES[case.removeprefix("ragged, ")]
    keyed = panel is not None and panel.group == "brand"
    data = panels.keyed_data(periods=12) if keyed else panels.data(periods=12)
    data = panels.ragged(periods=14) if case.startswith("ragged") else data
    system = panels.system(likelihood, mediator, panel, **more)
    model = build_model(system, data, collapse=collapse)
    program = write_program(for_data(system, data), data, data.scales(), collapse=collapse)
    u = program.start + np.random.default_rng(0).uniform(-0.3, 0.3, len(program.start))
    theta, start, point, scaled = program.constrained(u), 0, {}, 0.0
    for block in program.blocks:
        size = len(block.labels) or 1
        own = (
            theta if block.parameter.startswith("z") else u
        )  # what the sampler moves is linear in deviations of geos
        point[block.variable] = own[start : start + size].reshape((size,) if block.dim else ())
        if block.parameter.startswith("z"):
            for i in range(start, start + size):
                scaled += np.log(program.constrained(u + (np.arange(len(u)) == i))[i] - theta[i])
        start += size
    values = [point[model.values_to_rvs[v].name] for v in model.value_vars]
    got = float(_logp(model, jacobian=True)(*values)[0])
    assert_allclose(got + scaled, program.log_density(u)[0], rtol=1e-9)


def test_replicates_of_a_collapsed_panel_have_its_covariance():
    data = panels.data(panels.GEOS[:4], periods=8)
    equation = for_data(panels.system("normal", "normal", Panel(per_geo=["trend"])), data).equation("sales")
    seen = engine.inputs(equation, data, data.scales())
    plan = panel_plan(equation, seen.design, equation.terms())
    draws, sigma, omega = 40_000, 0.5, 0.7
    arrays = [plan.arrays[key] for key in PANEL_ARRAYS]
    rng = np.random.default_rng(0)
    made = _panel_random(np.zeros((4, 8)), sigma, omega, *arrays, rng=rng, size=(draws,)).reshape(draws, -1)
    own = np.array([term in equation.per_geo for term in equation.terms()])
    sd = normal_prior(equation, equation.terms())[1]
    right = reference.panel_covariance(
        seen.design[..., own], seen.design[..., ~own], sd[own], sd[~own], sigma, omega
    )
    assert _distance(made, right) < 5.5 / np.sqrt(draws)
    plan = weighted_plan(equation, seen.design, equation.terms(), seen.seen)
    arrays = [plan.arrays[key] for key in WEIGHTED_ARRAYS]
    scale = np.array([0.2, 0.4, 0.6, 0.8])
    made = _weighted_random(np.zeros((4, 8)), scale, omega, *arrays, rng=rng, size=(draws,)).reshape(draws, -1)
    right += np.diag(np.repeat(scale**2, 8) - sigma**2)
    assert _distance(made, right) < 5.5 / np.sqrt(draws)


def _distance(made, covariance):
    width = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2)
    return np.abs((made.T @ made / len(made) - covariance) / width).max()
