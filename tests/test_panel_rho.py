"""Correlated residuals in panels: density against one dense Normal of both series, and a correlation found again."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmmm as mm
from bayesmmm import engine, errors
from bayesmmm.equations import MMM, Equation, Panel, check_system, for_data
from bayesmmm.inference import write_program
from bayesmmm.inference.panel import normal_prior
from bayesmmm.inference.pymc_model import build_model
from bayesmmm.priors import Prior
from tests import panels, reference
from tests.fits import quiet
from tests.test_inference_model import _logp
from tests.test_panel_density import _contribution, _values

LEARNED = {"search": Prior("Uniform", lower=-0.9, upper=0.9)}


def _system(rho, panel=None, mediator=None):
    return MMM(
        [
            Equation("search", media=["social"], linear=["price"], panel=mediator),
            Equation(
                "sales", media=["tv", "social", "search"], linear=["price"], trend=True, rho=rho, panel=panel
            ),
        ]
    )


def _written(rho, panel=None, geos=panels.GEOS, periods=9):
    data = panels.data(geos, periods)
    system = for_data(_system(rho, panel), data)
    return data, system, write_program(system, data, data.scales())


def _parts(equation, data, value):
    """Target less media and the prior mean of the linear part, design, and what else a covariance is made of."""
    seen, name = engine.inputs(equation, data, data.scales()), equation.name
    keep, half, slope = ([*value[f"{name}.{p}"].values()] for p in ("half_life", "half_saturation", "slope"))
    keep = [reference.retention_from_half_life(h) for h in keep]
    gamma = _contribution(equation, data, value)
    media = reference.media(seen.media, np.zeros(gamma.shape), keep, half, slope, gamma, days=7)
    mean, sd = normal_prior(equation, equation.terms())
    own = np.array([term in equation.per_geo for term in equation.terms()])
    rest = (seen.target - media - seen.design @ mean).ravel()
    covariance = reference.panel_covariance(
        seen.design[..., own], seen.design[..., ~own], sd[own], sd[~own], 0.0, value[f"{name}.omega"][None]
    )
    return rest, covariance, value[f"{name}.sigma"][None]


@pytest.mark.parametrize("rho", [{"search": 0.4}, LEARNED])
def test_density_with_the_mediators_coefficients_integrated_out_is_that_of_both_series_together(rho):
    """What the sampler sees is p(b, u) p(mediator | b, u) p(outcome | mediator, b, u), Normal in b and u.

    As a function of the coefficients and period effects of the mediator it is a Gaussian, whose integral is found from
    its value, gradient and curvature at one point.
    """
    data, system, program = _written(rho)
    u = program.start + np.random.default_rng(0).uniform(-0.4, 0.4, len(program.start))
    names = [b.parameter for b in program.blocks for _ in b.labels or (None,)]
    at = np.flatnonzero([name in ("rotated", "standard_period") for name in names])
    value, slope = program.log_density(u)
    curve = np.empty((len(at), len(at)))
    for k, i in enumerate(at):
        step = np.zeros(len(u))
        step[i] = 1.0
        curve[k] = 0.5 * (program.log_density(u + step)[1][at] - program.log_density(u - step)[1][at])
    sign, size = np.linalg.slogdet(-curve)
    assert sign == 1.0
    slope = slope[at]
    found = value - 0.5 * slope @ np.linalg.solve(curve, slope) + 0.5 * (len(at) * np.log(2 * np.pi) - size)

    values = _values(program, u)
    (r_m, c_m, s_m), (r_y, c_y, s_y) = (_parts(system.equation(n), data, values) for n in system.order)
    correlation = values["sales.rho"]["search"] if isinstance(rho["search"], Prior) else rho["search"]
    both, one = correlation * s_m * s_y * np.eye(len(r_m)), np.eye(len(r_m))
    joint = np.block([[c_m + s_m**2 * one, both], [both, c_y + s_y**2 * one]])
    total = reference.dense_normal(np.concatenate([r_m, r_y]), joint)
    for block in program.blocks:
        for label, prior in zip(block.labels or (None,), block.priors, strict=True):
            if block.parameter not in ("rotated", "standard_period"):
                total += float(prior.logpdf(values[block.variable][label]))
    for i in np.setdiff1d(np.arange(len(u)), at):
        step = np.zeros(len(u))
        step[i] = 1e-6
        total += np.log(abs(program.constrained(u + step)[i] - program.constrained(u - step)[i]) / 2e-6)
    assert_allclose(found, total, rtol=1e-8)


def test_gradient_equals_central_differences():
    _, _, program = _written(LEARNED, periods=12)
    u, step = program.start + np.random.default_rng(1).uniform(-0.4, 0.4, len(program.start)), 1e-5
    numeric = [
        (program.log_density(u + step * e)[0] - program.log_density(u - step * e)[0]) / (2 * step)
        for e in np.eye(len(u))
    ]
    assert_allclose(program.log_density(u)[1], numeric, rtol=1e-6, atol=3e-6)


def test_model_and_compiled_density_agree():
    data, system, program = _written({"search": 0.4}, Panel(pooling="full"), periods=10)
    system = MMM(
        [
            e if e.name == "sales" else Equation("search", media=["social"], panel=Panel(pooling="full"))
            for e in system.equations
        ]
    )
    system = for_data(system, data)
    program = write_program(system, data, data.scales())
    u = program.start + np.random.default_rng(2).uniform(-0.3, 0.3, len(program.start))
    model, start, point = build_model(system, data), 0, {}
    for block in program.blocks:
        size = len(block.labels) or 1
        point[block.variable] = u[start : start + size].reshape((size,) if block.dim else ())
        start += size
    values = [point[model.values_to_rvs[v].name] for v in model.value_vars]
    assert_allclose(float(_logp(model, jacobian=True)(*values)[0]), program.log_density(u)[0], rtol=1e-9)


def test_a_correlation_needs_one_sigma():
    with pytest.raises(errors.EquationError, match="Leave rho out, or sigma out of its Panel"):
        _system({"search": 0.3}, Panel(sigma="per_geo"))
    with pytest.raises(errors.EquationError, match="or sigma out of the Panel of 'search'"):
        _system({"search": 0.3}, mediator=Panel(sigma="per_geo"))
    assert _system({"search": 0.3}, Panel(), Panel()).equation("sales").tied_to == "search"


def test_a_correlation_needs_all_residuals():
    data, system = panels.data(), _system({"search": 0.3})
    check_system(system, data)
    values = data.columns["sales"].copy()
    values[1, 3] = np.nan
    gaps = replace(data, columns={**data.columns, "sales": values}, missing={"sales": "ignore"})
    with pytest.raises(
        errors.EquationError, match=r"'sales' was not recorded.*Leave rho out, or the geos with gaps"
    ):
        check_system(system, gaps)
    check_system(system, gaps.sel([geo for geo in data.geos if geo != data.geos[1]]))
    check_system(_system({}), gaps)


def _correlated(rho, periods=60):
    """Data whose residuals of search and sales have a correlation; all other parameters are those of one draw."""
    data = panels.data(panels.GEOS, periods)
    system = for_data(_system({"search": rho}), data)
    rng = np.random.default_rng(8)
    drawn = engine.draw_prior(system, data, data.scales(), draws=1, rng=rng, observed_mediators=True)
    for par in drawn.values():
        par |= {
            "sigma": np.array([0.08]),
            "omega": np.array([0.1]),
            "period": 0.1 * rng.standard_normal((1, periods)),
        }
        par["coefficient"] = 0.1 * par["coefficient"]
        par["coefficient"][..., 0] += 0.8
        par["contribution"] = 0.2 * np.tanh(par["contribution"])
    return mm.simulate_world(system, data, parameters=drawn, seed=3)


SETTINGS = {"draws": 150, "tune": 250, "chains": 2, "seed": 1, "progress": False}


def _fitted(world, rho):
    return quiet(mm.fit, _system(rho), world.data, scales=world.scales, **SETTINGS).accept_unconverged()


def test_a_correlation_is_found_again_and_answers_add_up():
    world = _correlated(0.7)
    fit = _fitted(world, LEARNED)
    left = [
        world.truth.components[n].sel({f"{n}.component": "residual"}).values / world.scales.size[n][:, None]
        for n in ("search", "sales")
    ]
    low, high = fit.posterior["sales.rho"].quantile([0.01, 0.99])
    assert low > 0.3
    assert low < np.corrcoef(left[0].ravel(), left[1].ravel())[0, 1] < high
    parts = mm.decompose(fit)
    assert "common with search" in parts["component"].values
    assert_allclose(parts["contribution"].sum("component"), parts["mean"])
    both = mm.roi(fit, by="geo").sel(geo="north"), mm.roi(fit.sel("north"))
    assert_allclose(*(each.median(("chain", "draw")) for each in both), rtol=1e-3)


@pytest.mark.slow
def test_what_a_hidden_cause_does_to_both_series_is_not_put_down_to_the_mediator():
    """With the correlation assumed, and, as a negative control, without it."""
    world = _correlated(0.7)
    truth = world.parameters["sales"]["contribution"][0, :, 2].mean()
    lowest = {}
    for rho in (0.7, 0.0):
        fit = _fitted(world, {"search": rho})
        mean = fit.posterior["sales.contribution"].sel({"sales.media": "search"}).mean("geo")
        lowest[rho] = float(mean.quantile(0.05))
    assert lowest[0.7] < truth
    assert lowest[0.0] > 5.0 * truth
