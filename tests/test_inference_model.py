"""The PyMC graph against the slow reference, for every likelihood, parametrisation and way of collapsing."""

import numpy as np
import pymc as pm
import pytensor
import pytest
from numpy.testing import assert_allclose
from pytensor.gradient import grad
from scipy import stats

from bayesmmm import engine
from bayesmmm.equations import MMM, Equation, for_data
from bayesmmm.inference import linear_plan, model_data
from bayesmmm.inference.pymc_model import build_model
from bayesmmm.priors import Prior
from tests import reference, worlds


def _logp(model, *, jacobian=False, gradient=False):
    """Log density as a function of a dict of values; no compilation."""
    logp = model.logp(jacobian=jacobian)
    inputs = model.value_vars
    outputs = [logp, *(grad(logp, inputs) if gradient else [])]
    return pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")


def _point(model, seed=0):
    """A random point of the unconstrained space."""
    rng = np.random.default_rng(seed)
    start = model.initial_point()
    return [start[v.name] + 0.3 * rng.normal(size=np.shape(start[v.name])) for v in model.value_vars]


def _constrained(model, point):
    """Parameter values by name at an unconstrained point."""
    names = [rv.name for rv in model.free_RVs]
    out = model.replace_rvs_by_values(model.free_RVs)
    f = pytensor.function(model.value_vars, out, mode="FAST_COMPILE", on_unused_input="ignore")
    return dict(zip(names, f(*point), strict=True))


def _reference_terms(system, data, value):
    """Prior and likelihood of each equation, by loops, from values named as in the model."""
    scales, system = data.scales(), for_data(system, data)
    total = 0.0
    for name in system.order:
        equation = system.equation(name)
        seen = engine.inputs(equation, data, scales)
        y = seen.target[0]
        contribution = value[f"{name}.contribution"]
        keep = np.array([reference.retention_from_half_life(h) for h in value[f"{name}.half_life"]])
        media = reference.media(
            seen.media,
            np.zeros((1, len(equation.media))),
            keep,
            value[f"{name}.half_saturation"],
            value[f"{name}.slope"],
            contribution[None],
            days=data.days_per_period,
        )[0]
        design = seen.design[0]
        coefficient = next(b for b in equation.parameters() if b.name == "coefficient")
        mean = np.array([p.scipy().mean() for p in coefficient.priors])
        sd = np.array([p.scipy().std() for p in coefficient.priors])
        sigma = float(value[f"{name}.sigma"])
        if f"{name}.rotated" in value:
            plan = linear_plan(equation, seen.design)
            z = value[f"{name}.rotated"]
            mu = media + design @ (mean + sd * (plan.rotation @ z))
            total += -0.5 * z @ z - 0.5 * len(z) * np.log(2 * np.pi)
            if equation.likelihood == "student_t":
                total += reference.student_t(y, mu, sigma, 2 + float(value[f"{name}.nu_minus_two"]))
            elif equation.likelihood == "censored_normal":
                total += reference.censored_normal(y, mu, sigma)
            else:
                total += (-0.5 * ((y - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))).sum()
        else:
            total += reference.collapsed_normal(y, media + design @ mean, sigma, design, sd)
        for block in equation.parameters():
            if block.name == "coefficient":
                continue
            values = np.atleast_1d(value[f"{name}.{block.name}"])
            total += sum(p.logpdf(v) for p, v in zip(block.priors, values, strict=True))
    return float(total)


CASES = [
    ("normal", "censored_normal", True),
    ("normal", "normal", False),
    ("student_t", "censored_normal", True),
    ("lognormal", "normal", True),
    ("lognormal", "student_t", False),
]


@pytest.mark.parametrize(("outcome", "mediator", "collapse"), CASES)
def test_log_density_equals_the_reference(outcome, mediator, collapse):
    data, system = worlds.data(40), worlds.system(outcome, mediator)
    model = build_model(system, data, collapse=collapse)
    point = _point(model)
    got = _logp(model)(*point)[0]
    assert_allclose(got, _reference_terms(system, data, _constrained(model, point)), rtol=1e-8)


@pytest.mark.parametrize(("outcome", "mediator", "collapse"), CASES)
def test_gradient_equals_central_differences(outcome, mediator, collapse):
    model = build_model(worlds.system(outcome, mediator), worlds.data(40), collapse=collapse)
    f = _logp(model, jacobian=True, gradient=True)
    point = _point(model, seed=3)
    got = np.concatenate([np.ravel(g) for g in f(*point)[1:]])
    shapes = [np.shape(p) for p in point]
    flat = np.concatenate([np.ravel(p) for p in point])

    def value(at):
        parts, start = [], 0
        for shape in shapes:
            size = int(np.prod(shape))
            parts.append(at[start : start + size].reshape(shape))
            start += size
        return f(*parts)[0]

    step = 1e-5
    numeric = [(value(flat + step * e) - value(flat - step * e)) / (2 * step) for e in np.eye(len(flat))]
    assert_allclose(got, numeric, rtol=1e-6, atol=1e-6)


def test_observed_variables_hold_the_series():
    data, system = worlds.data(40), worlds.system()
    model = build_model(system, data)
    assert [rv.name for rv in model.observed_RVs] == ["search", "sales"]
    observed = {rv.name: model.rvs_to_values[rv].eval() for rv in model.observed_RVs}
    scales = data.scales()
    for name in system.order:
        assert_allclose(observed[name] * scales.size[name][:, None], data.columns[name], rtol=1e-15)
    assert model.named_vars_to_dims["sales.half_life"] == ("sales.media",)
    assert list(model.coords["sales.media"]) == ["tv", "social", "search"]


def test_the_graph_can_be_drawn():
    dot = pm.model_to_graphviz(build_model(worlds.system(), worlds.data(40))).source
    for name in ("search", "sales", "sales.half_life", "search.contribution"):
        assert name in dot
    assert "CustomSymbolicDist" not in dot


def test_random_draws_of_the_observed_variable_have_the_right_moments():
    data = worlds.data(40)
    for collapse in (True, False):
        model = build_model(worlds.system("normal", "normal"), data, collapse=collapse)
        fixed = model.initial_point()
        given = {
            rv: pytensor.tensor.as_tensor(
                model.rvs_to_transforms[rv].backward(fixed[v.name]).eval()
                if model.rvs_to_transforms[rv] is not None
                else fixed[v.name]
            )
            for rv, v in model.rvs_to_values.items()
            if rv in model.free_RVs and not rv.name.endswith("rotated")
        }
        draws = pm.draw(pm.do(model, given)["sales"], draws=2000, random_seed=1, mode="FAST_COMPILE")[:, 0]
        seen = engine.inputs(worlds.system().equation("sales"), data, data.scales())
        plan = linear_plan(worlds.system("normal", "normal").equation("sales"), seen.design)
        spread = np.sqrt(plan.basis.T**2 @ plan.variance + 1.0 * _sigma(model) ** 2)
        assert_allclose(draws.std(axis=0) / spread, 1.0, atol=0.08)


def _sigma(model):
    rv = model["sales.sigma"]
    return float(model.rvs_to_transforms[rv].backward(model.initial_point()["sales.sigma_log__"]).eval())


@pytest.mark.parametrize("outcome", ["normal", "student_t"])
def test_priors_on_roi_and_retention_equal_the_reference(outcome):
    """Other parametrisations and mixed families reach the same equation: contribution = roi * spend / size."""
    data = worlds.data(40)
    priors = {
        "roi": {"search": Prior("Gamma", alpha=2.0, beta=1.0), "tv": Prior("HalfNormal", sigma=2.0)},
        "retention": {"social": Prior("Beta", alpha=2.0, beta=3.0)},
        "slope": {"social": Prior("Gamma", alpha=4.0, beta=4.0)},
    }
    system = worlds.system(outcome, priors=priors)
    model = build_model(system, data)
    point = _point(model)
    value = _constrained(model, point)
    size = data.scales().size["sales"].item()
    roi = {"tv": value["sales.roi.HalfNormal"][0], "search": value["sales.roi.Gamma"][0]}
    contribution = [
        roi["tv"] * data.columns["tv"].mean() / size,
        value["sales.contribution"][0],
        roi["search"] * data.columns["search"].mean() / size,
    ]
    half_life = value["sales.half_life"]
    keep = [
        reference.retention_from_half_life(half_life[0]),
        value["sales.retention"][0],
        reference.retention_from_half_life(half_life[1]),
    ]
    slope = [value["sales.slope.LogNormal"][0], value["sales.slope.Gamma"][0], value["sales.slope.LogNormal"][1]]
    equation = system.equation("sales")
    seen = engine.inputs(equation, data, data.scales())
    arrays = [np.array(v, float) for v in (keep, value["sales.half_saturation"], slope)]
    media = reference.media(
        seen.media, np.zeros((1, 3)), *arrays, np.array([contribution], float), days=[[7], [1], [7]]
    )[0]
    plan = linear_plan(equation, seen.design)
    design, sigma = seen.design[0], float(value["sales.sigma"])
    if outcome == "normal":
        expected = reference.collapsed_normal(seen.target[0], media + plan.offset[0], sigma, design, plan.sd)
    else:
        mu = media + design @ plan.coefficients(value["sales.rotated"])
        expected = reference.student_t(seen.target[0], mu, sigma, 2 + float(value["sales.nu_minus_two"]))
    observed = next(rv for rv in model.observed_RVs if rv.name == "sales")
    f = pytensor.function(
        model.value_vars, model.logp(vars=[observed]), mode="FAST_COMPILE", on_unused_input="ignore"
    )
    assert_allclose(f(*point), expected, rtol=1e-8)


def test_coefficient_with_another_family_stays_explicit():
    data = worlds.data(40)
    system = worlds.system(priors={"coefficient": {"price": Prior("Laplace", mu=0.0, b=0.5)}})
    model = build_model(system, data)
    names = [rv.name for rv in model.free_RVs]
    assert "sales.coefficient" in names
    assert model_data(system, data, data.scales(), collapse=True)["sales.basis"].shape == (4, 40)
    point = _point(model)
    value = _constrained(model, point)
    # Reference: the Laplace term as a known offset of the series, the rest collapsed.
    equation = system.equation("sales")
    seen = engine.inputs(equation, data, data.scales())
    k = equation.terms().index("price")
    keep = [reference.retention_from_half_life(h) for h in value["sales.half_life"]]
    media = reference.media(
        seen.media,
        np.zeros((1, 3)),
        np.array(keep),
        value["sales.half_saturation"],
        value["sales.slope"],
        value["sales.contribution"][None],
        days=7,
    )[0]
    rest = [i for i in range(len(equation.terms())) if i != k]
    block = next(b for b in equation.parameters() if b.name == "coefficient")
    mean = np.array([block.priors[i].scipy().mean() for i in rest])
    sd = np.array([block.priors[i].scipy().std() for i in rest])
    known = media + seen.design[0][:, rest] @ mean + seen.design[0][:, k] * value["sales.coefficient"][0]
    expected = reference.collapsed_normal(
        seen.target[0], known, float(value["sales.sigma"]), seen.design[0][:, rest], sd
    )
    observed = next(rv for rv in model.observed_RVs if rv.name == "sales")
    f = pytensor.function(
        model.value_vars, model.logp(vars=[observed]), mode="FAST_COMPILE", on_unused_input="ignore"
    )
    assert_allclose(f(*point), expected, rtol=1e-8)


def test_one_channel_mediator_and_chain_build():
    table = worlds.frame(40).assign(leads=lambda t: 5 + t["search"] / 10 + np.sin(np.arange(40)))
    roles = worlds.ROLES | {"mediators": {"search": "money", "leads": "count"}}
    data = worlds.MMMData.from_frame(table, **roles)
    chain = MMM(
        [
            Equation("search", media=["social"], likelihood="censored_normal"),
            Equation("leads", media=["search"]),
            Equation("sales", media=["tv", "social"], linear=["leads"]),
        ]
    )
    model = build_model(chain, data)
    assert [rv.name for rv in model.observed_RVs] == ["search", "leads", "sales"]
    assert np.isfinite(_logp(model)(*_point(model))[0])


@pytest.mark.parametrize("collapse", [True, False])
def test_a_linear_part_without_any_normal_prior_builds(collapse):
    data = worlds.data(40)
    prior = Prior("TruncatedNormal", mu=0.5, sigma=1.0, lower=0.0)
    system = MMM([Equation("sales", media=["tv"], priors={"intercept": prior})])
    model = build_model(system, data, collapse=collapse)
    point = _point(model)
    value = _constrained(model, point)
    seen = engine.inputs(system.equation("sales"), data, data.scales())
    keep = np.array([reference.retention_from_half_life(value["sales.half_life"][0])])
    media = reference.media(
        seen.media,
        np.zeros((1, 1)),
        keep,
        value["sales.half_saturation"],
        value["sales.slope"],
        value["sales.contribution"][None],
        days=7,
    )[0]
    mu, sigma = media + value["sales.coefficient"][0], float(value["sales.sigma"])
    expected = stats.norm.logpdf(seen.target[0], mu, sigma).sum()
    observed = model.observed_RVs
    f = pytensor.function(
        model.value_vars, model.logp(vars=observed), mode="FAST_COMPILE", on_unused_input="ignore"
    )
    assert_allclose(f(*point), expected, rtol=1e-8)


def test_softplus_coordinates_have_the_jacobian_of_their_map():
    from bayesmmm.inference.pymc_model import _ScaledSoftplus

    transform = _ScaledSoftplus(np.array([0.2]))
    u = pytensor.tensor.dvector("u")
    value = transform.backward(u)
    f = pytensor.function([u], [value, transform.forward(value), transform.log_jac_det(u)], mode="FAST_COMPILE")
    for at in (-6.0, 0.0, 3.0):
        point = np.array([at])
        slope = (f(point + 1e-6)[0] - f(point - 1e-6)[0]) / 2e-6
        _, back, log_jacobian = f(point)
        assert_allclose(back, point, atol=1e-9)
        assert_allclose(np.exp(log_jacobian), slope, rtol=1e-6)
