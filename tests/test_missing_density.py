"""The density of national series with values that were not recorded, against dense matrices over those that were."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, for_data
from bayesmmm.inference import write_program
from bayesmmm.inference.panel import normal_prior
from bayesmmm.inference.variables import linear_plan
from bayesmmm.priors import Prior
from tests import panels, reference
from tests.test_panel_density import _point, _values

ROLES = {key: value for key, value in panels.ROLES.items() if key != "geo"}


def _data(filled=None):
    """Two sales and one value of search were not recorded; `filled` puts a number there, the negative control."""
    frame = panels.frame(["north"], periods=24).drop(columns="geo")
    frame.loc[[3, 9], "sales"] = np.nan if filled is None else filled
    frame.loc[15, "search"] = np.nan if filled is None else filled
    return MMMData.from_frame(frame, **ROLES, missing="ignore")


def _system(likelihood="normal", mediator="normal", **changes):
    sales = {"media": ["tv", "social"], "linear": ["search", "price"], "trend": True, "likelihood": likelihood}
    search = Equation("search", media=["social"], linear=["price"], likelihood=mediator)
    return MMM([search, Equation("sales", **{**sales, **changes})])


def _reference(system, data, program, u):
    """Log density by dense covariances over what was recorded, all equations together where residuals go along."""
    value, scales, total = _values(program, u), data.scales(), 0.0
    mean, spread, sigma, seen = {}, {}, {}, {}
    for name in system.order:
        equation = system.equation(name)
        own = engine.inputs(equation, data, scales)
        life, half, slope, gamma = (
            np.array([value[f"{name}.{p}"][c] for c in equation.media])
            for p in ("half_life", "half_saturation", "slope", "contribution")
        )
        keep = [reference.retention_from_half_life(h) for h in life]
        media = reference.media(own.media, np.zeros((1, len(gamma))), keep, half, slope, gamma[None], days=7)[0]
        prior, sd = normal_prior(equation, equation.terms())
        mean[name] = own.target[0] - media - own.design[0] @ prior
        spread[name] = (own.design[0] * sd) @ (own.design[0] * sd).T
        sigma[name] = value[f"{name}.sigma"][None]
        seen[name] = np.isfinite(data.columns[name][0])
    seen["sales"] &= seen["search"]  # it acts in its own period
    tied = system.equation("sales").rho
    rho = next(iter(tied.values()), 0.0) if tied else 0.0
    n = len(data.dates)
    # e of sales is correlated with e of search in the same period.
    cross = rho * sigma["search"] * sigma["sales"] * np.eye(n)
    covariance = np.block(
        [
            [spread["search"] + sigma["search"] ** 2 * np.eye(n), cross],
            [cross, spread["sales"] + sigma["sales"] ** 2 * np.eye(n)],
        ]
    )
    cells = np.concatenate([seen["search"], seen["sales"]])
    r = np.concatenate([mean["search"], mean["sales"]])[cells]
    total += reference.dense_normal(r, covariance[np.ix_(cells, cells)])
    return total


def _change_of_variables(program, u):
    value, total, step = _values(program, u), 0.0, 1e-6
    for block in program.blocks:
        for label, prior in zip(block.labels or (None,), block.priors, strict=True):
            total += float(prior.logpdf(value[block.variable][label]))
    for i, e in enumerate(np.eye(len(u))):
        up, down = program.constrained(u + step * e), program.constrained(u - step * e)
        total += np.log(abs(up[i] - down[i]) / (2 * step))
    return total


def _program(system, data, **how):
    system = for_data(system, data)
    return system, write_program(system, data, data.scales(), **how)


@pytest.mark.parametrize("likelihood", ["normal", "lognormal"])
def test_what_was_not_recorded_is_integrated_out(likelihood):
    data = _data()
    system, program = _program(_system(likelihood), data)
    u = _point(program)
    right = _reference(system, data, program, u) + _change_of_variables(program, u)
    assert_allclose(program.log_density(u)[0], right, rtol=1e-8)
    # The negative control: zero sales are not the same as sales that nobody recorded.
    if likelihood == "normal":
        zero = _data(filled=0.0)
        _, counted = _program(_system(likelihood), zero)
        assert abs(counted.log_density(u)[0] - right) > 1.0


def test_correlated_residuals_of_what_was_recorded_have_the_joint_density():
    """The coefficients of the mediator are sampled: they are put where they are most likely, and taken out again."""
    data = _data()
    system, program = _program(_system(rho={"search": 0.6}), data)
    u, whole = _point(program), 0.0
    rotated = [
        i
        for i, (b, _) in enumerate((b, x) for b in program.blocks for x in b.labels or (None,))
        if b.parameter == "rotated"
    ]
    # Normal in the rotated coordinates z: log p(z0) - log Normal(z0; its mean, its covariance) = log of the integral.
    gradient = program.log_density(u)[1][rotated]
    hessian = np.array(
        [
            (program.log_density(u + 1e-4 * e)[1] - program.log_density(u - 1e-4 * e)[1])[rotated] / 2e-4
            for e in np.eye(len(u))[rotated]
        ]
    )
    step = np.linalg.solve(hessian, -gradient)
    covariance = -np.linalg.inv(hessian)
    whole = program.log_density(u)[0] - stats.multivariate_normal(step, covariance).logpdf(np.zeros(len(rotated)))
    right = _reference(system, data, program, u) + _change_of_variables(program, u)
    right -= sum(stats.norm.logpdf(program.constrained(u)[i]) for i in rotated)
    assert_allclose(whole, right, rtol=1e-7)


@pytest.mark.parametrize(
    ("likelihood", "mediator", "changes", "how"),
    [
        ("normal", "normal", {}, {}),
        ("normal", "normal", {}, {"collapse": False}),
        ("student_t", "censored_normal", {}, {}),
        ("censored_normal", "student_t", {"max_lag": 3}, {}),
        ("lognormal", "normal", {"rho": {"search": 0.4}}, {}),
        ("normal", "normal", {"rho": {"search": Prior("Uniform", lower=-0.9, upper=0.9)}}, {"collapse": False}),
    ],
)
def test_gradients_are_those_of_differences(likelihood, mediator, changes, how):
    data = _data()
    _, program = _program(_system(likelihood, mediator, **changes), data, **how)
    u, step = _point(program, seed=2), 1e-5
    numeric = [
        (program.log_density(u + step * e)[0] - program.log_density(u - step * e)[0]) / (2 * step)
        for e in np.eye(len(u))
    ]
    assert_allclose(program.log_density(u)[1], numeric, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize(
    ("likelihood", "mediator"), [("student_t", "censored_normal"), ("censored_normal", "normal")]
)
def test_rows_that_were_not_recorded_leave_every_likelihood(likelihood, mediator):
    """The density is the sum of those of SciPy over what was recorded."""
    data = _data()
    system, program = _program(_system(likelihood, mediator), data, collapse=False)
    u, total = _point(program), 0.0
    value = _values(program, u)
    for name in system.order:
        equation = system.equation(name)
        seen = engine.inputs(equation, data, data.scales())
        plan = linear_plan(equation, seen.design, seen.seen)
        z = np.array([[*value[f"{name}.rotated"].values()]])
        life, half, slope, gamma = (
            np.array([value[f"{name}.{p}"][c] for c in equation.media])
            for p in ("half_life", "half_saturation", "slope", "contribution")
        )
        keep = [reference.retention_from_half_life(h) for h in life]
        media = reference.media(seen.media, np.zeros((1, len(gamma))), keep, half, slope, gamma[None], days=7)[0]
        mean = media + seen.design[0] @ plan.coefficients(z)[0]
        there = np.isfinite(data.columns[name][0])
        if name == "sales":
            there &= np.isfinite(data.columns["search"][0])
            assert (~there).sum() == 3
        y, sigma = seen.target[0, there], value[f"{name}.sigma"][None]
        if equation.likelihood == "student_t":
            total += reference.student_t(y, mean[there], sigma, 2.0 + value[f"{name}.nu_minus_two"][None])
        elif equation.likelihood == "censored_normal":
            total += reference.censored_normal(y, mean[there], sigma)
        else:
            total += stats.norm.logpdf(y, mean[there], sigma).sum()
    assert_allclose(program.log_density(u)[0], total + _change_of_variables(program, u), rtol=1e-8)
