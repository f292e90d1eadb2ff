"""The density of panels against dense matrices, its gradient, and what is drawn back."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm import engine
from bayesmmm.equations import Panel, for_data
from bayesmmm.equations.panel import FIXED_SD
from bayesmmm.inference import write_program
from bayesmmm.inference.panel import normal_prior, panel_plan
from bayesmmm.inference.panel_ragged import ragged_plan
from bayesmmm.inference.panel_weighted import weighted_plan
from bayesmmm.kernels.panel import cholesky, collapsed_panel, inverse
from bayesmmm.kernels.panel_ragged import collapsed_ragged
from bayesmmm.kernels.panel_weighted import collapsed_weighted
from bayesmmm.priors import Prior
from tests import panels, reference

PANELS = {
    "default": Panel(),
    "own trend": Panel(per_geo=["trend"]),
    "own season and price": Panel(per_geo=["seasonality", "price", "fair"]),
    "full": Panel(pooling="full"),
    "no pooling": Panel(pooling="none", periods="fixed"),
    "no periods": Panel(periods="none"),
    "own half-lives": Panel(pooled=["half_life"]),
    "own curves": Panel(pooling="full", pooled=["slope", "half_saturation", "half_life"]),
    "sigma per geo": Panel(sigma="per_geo"),
    "sigma and trend per geo": Panel(sigma="per_geo", per_geo=["trend", "price"], periods="fixed"),
}


def _program(
    panel=None,
    likelihood="normal",
    mediator="normal",
    geos=panels.GEOS,
    periods=11,
    keyed=False,
    ragged=False,
    **kwargs,
):
    data = panels.keyed_data(geos=geos, periods=periods) if keyed else panels.data(geos, periods)
    data = panels.ragged(geos, periods + 3, gaps=ragged != "ends") if ragged else data
    system = for_data(panels.system(likelihood, mediator, panel, **kwargs), data)
    return data, system, write_program(system, data, data.scales())


def _values(program, u):
    """Parameters by variable and label."""
    theta, out, start = program.constrained(u), {}, 0
    for block in program.blocks:
        labels = block.labels or (None,)
        out[block.variable] = dict(zip(labels, theta[start : start + len(labels)], strict=True))
        start += len(labels)
    return out


def _contribution(equation, data, value):
    """Contributions (G, C) written out: the median geo times the exponential of a deviation."""
    out = np.zeros((len(data.geos), len(equation.media)))
    name = equation.name
    for g, geo in enumerate(data.geos):
        for c, channel in enumerate(equation.media):
            pair = f"{channel} @ {geo}"
            if not (data.columns[channel][g] > 0).any():
                continue
            if equation.panel.pooling == "none":
                out[g, c] = value[f"{name}.contribution"][pair]
                continue
            out[g, c] = value[f"{name}.contribution"][channel]
            if equation.panel.pooling == "partial":
                out[g, c] *= np.exp(value[f"{name}.tau"][channel] * value[f"{name}.z"][pair])
            if equation.panel.group != "none":
                pair = f"{channel} @ {data.geo_levels.loc[geo, equation.panel.group]}"
                out[g, c] *= np.exp(value[f"{name}.tau_group"][channel] * value[f"{name}.z_group"][pair])
    return out


def _curve(equation, data, value, parameter):
    """Half-lives, half-saturations or slopes (G, C) written out."""
    name = equation.name
    out = np.array([[value[f"{name}.{parameter}"][c] for c in equation.media] for _ in data.geos])
    if parameter in equation.panel.pooled:
        for g, geo in enumerate(data.geos):
            for c, channel in enumerate(equation.media):
                z = value[f"{name}.z_{parameter}"].get(f"{channel} @ {geo}", 0.0)
                out[g, c] *= np.exp(value[f"{name}.tau_{parameter}"][channel] * z)
    return out


def _reference(system, data, program, u):
    """Log density by loops and dense covariances, with the change of variables by differences."""
    scales, value, total = data.scales(), _values(program, u), 0.0
    for name in system.order:
        equation = system.equation(name)
        seen = engine.inputs(equation, data, scales)
        life, *curves = (_curve(equation, data, value, p) for p in ("half_life", "half_saturation", "slope"))
        keep = np.vectorize(reference.retention_from_half_life)(life)
        gamma = _contribution(equation, data, value)
        by_geo = zip(data.has_row, seen.media, keep, *curves, gamma, strict=True)
        media = np.zeros(seen.target.shape)
        for g, (own, x, *curve, c) in enumerate(by_geo):  # over the periods of each geo
            media[g, own] = reference.media(x[None][..., own], np.zeros((1, len(x))), *curve, c[None], days=7)[0]
        mean, sd = normal_prior(equation, equation.terms())
        own = np.array([term in equation.per_geo for term in equation.terms()])
        omega = {"random": None, "fixed": FIXED_SD, "none": 0.0}[equation.panel.periods]
        omega = value[f"{name}.omega"][None] if omega is None else omega
        sigma = np.array([*value[f"{name}.sigma"].values()])
        covariance = reference.panel_covariance(
            seen.design[..., own], seen.design[..., ~own], sd[own], sd[~own], sigma, omega
        )
        cells = seen.seen.ravel()
        r = (seen.target - media - seen.design @ mean).ravel()[cells]
        total += reference.dense_normal(r, covariance[np.ix_(cells, cells)])
    for block in program.blocks:
        for label, prior in zip(block.labels or (None,), block.priors, strict=True):
            total += float(prior.logpdf(value[block.variable][label]))
    steps = 1e-6 * np.eye(len(u))
    slopes = [(program.constrained(u + step) - program.constrained(u - step)) / 2e-6 for step in steps]
    return total + np.linalg.slogdet(np.array(slopes))[1]


def _point(program, seed=0):
    return program.start + np.random.default_rng(seed).uniform(-0.5, 0.5, len(program.start))


@pytest.mark.parametrize("ragged", [False, True, "ends"])
@pytest.mark.parametrize("name", PANELS)
def test_density_is_that_of_a_dense_covariance(name, ragged):
    data, system, program = _program(PANELS[name], ragged=ragged)
    u = _point(program)
    assert_allclose(program.log_density(u)[0], _reference(system, data, program, u), rtol=1e-8)


@pytest.mark.parametrize(
    "panel", [Panel(), Panel(group="territory", pooled=["half_saturation"]), Panel(group="none")]
)
def test_density_of_geos_in_groups_is_that_of_a_dense_covariance(panel):
    data, system, program = _program(panel, keyed=True)
    u = _point(program)
    assert_allclose(program.log_density(u)[0], _reference(system, data, program, u), rtol=1e-8)
    assert system.equation("sales").panel.group == (panel.group or "brand")


def test_density_of_few_geos_has_other_coordinates_and_the_same_value():
    data, system, program = _program(geos=panels.GEOS[1:4])
    u = _point(program)
    assert_allclose(program.log_density(u)[0], _reference(system, data, program, u), rtol=1e-8)


def test_density_under_lognormal_is_that_of_a_dense_covariance():
    data, system, program = _program(likelihood="lognormal")
    u = _point(program)
    assert_allclose(program.log_density(u)[0], _reference(system, data, program, u), rtol=1e-8)


@pytest.mark.parametrize(
    ("likelihood", "mediator", "panel", "kwargs"),
    [
        ("normal", "normal", None, {"geos": panels.GEOS[1:4]}),
        ("normal", "normal", None, {"keyed": True}),
        ("lognormal", "normal", Panel(pooled=["half_life", "slope"]), {"keyed": True, "max_lag": 3}),
        (
            "normal",
            "normal",
            Panel(pooled=["half_life"]),
            {"priors": {"retention": Prior("Beta", alpha=2, beta=3)}},
        ),
        *(("normal", "normal", panel, {}) for panel in PANELS.values()),
        *(
            ("normal", "normal", panel, {"ragged": "ends"})
            for panel in (*PANELS.values(), Panel(per_geo=["seasonality"]))
        ),
        ("lognormal", "censored_normal", None, {}),
        ("student_t", "student_t", Panel(per_geo=["trend"]), {}),
        ("student_t", "normal", Panel(sigma="per_geo", periods="random"), {}),
        ("censored_normal", "normal", Panel(sigma="per_geo"), {}),
        ("normal", "normal", None, {"max_lag": 3}),
        ("lognormal", "censored_normal", Panel(sigma="per_geo", pooling="none"), {"ragged": True}),
        ("student_t", "normal", Panel(periods="random", pooled=["slope"]), {"ragged": True, "max_lag": 2}),
        ("normal", "normal", None, {"priors": {"roi": {"tv": Prior("HalfNormal", sigma=2.0)}}}),
        ("normal", "normal", None, {"priors": {"coefficient": {"price": Prior("StudentT", nu=3, mu=0, sigma=1)}}}),
    ],
)
def test_gradient_equals_central_differences(likelihood, mediator, panel, kwargs):
    _, _, program = _program(panel, likelihood, mediator, **kwargs)
    u, step = _point(program, seed=3), 1e-5
    got = program.log_density(u)[1]
    numeric = [
        (program.log_density(u + step * e)[0] - program.log_density(u - step * e)[0]) / (2 * step)
        for e in np.eye(len(u))
    ]
    assert_allclose(got, numeric, rtol=1e-6, atol=2e-6)


def test_a_density_without_its_period_effects_is_another_one():
    """Negative control of the comparison with dense matrices."""
    data, system, program = _program()
    u = _point(program)
    silent = dataclasses.replace(system.equation("sales"), panel=Panel(periods="none"))
    other = dataclasses.replace(system, equations=(system.equation("search"), silent))
    less = write_program(other, data, data.scales())
    variables = [block.variable for block in program.blocks for _ in block.labels or (None,)]
    kept = np.array(variables) != "sales.omega"
    assert kept.sum() == len(less.start)
    assert abs(program.log_density(u)[0] - less.log_density(u[kept])[0]) > 1.0


def test_geos_in_another_order_have_the_same_density():
    data, _, program = _program()
    turned, _, other = _program(geos=panels.GEOS[::-1])
    u = _point(program)
    by_name = {
        (b.variable, label): i
        for i, (b, label) in enumerate((b, x) for b in other.blocks for x in b.labels or (None,))
    }
    order = [by_name[b.variable, label] for b in program.blocks for label in b.labels or (None,)]
    v = np.empty(len(u))
    v[order] = u
    assert turned.geos == data.geos[::-1]
    assert_allclose(other.log_density(v)[0], program.log_density(u)[0], rtol=1e-12)
    assert_allclose(other.log_density(v)[1][order], program.log_density(u)[1], rtol=1e-9, atol=1e-9)


def test_a_geo_that_never_buys_a_channel_has_no_unknown_for_it():
    _, _, program = _program()
    pairs = next(block.labels for block in program.blocks if block.variable == "sales.z")
    assert "tv @ south" in pairs
    assert "social @ south" not in pairs
    assert len(pairs) == 3 * len(panels.GEOS) - 1


def _conditional(equation, design, r, sigma, omega, seen=None):
    """Mean and covariance of coefficients and period effects given r (G, T) in some cells, by one dense Normal."""
    geos, periods, _ = design.shape
    terms, own = equation.terms(), equation.per_geo
    _, sd = normal_prior(equation, terms)
    columns, labels = [], []
    for k, term in enumerate(terms):
        for g in range(geos) if term in own else [None]:
            column = sd[k] * design[..., k].copy()
            if g is not None:
                column[[h for h in range(geos) if h != g]] = 0.0
            columns.append(column.ravel())
            labels.append((term, g))
    for t in range(periods):
        column = np.zeros((geos, periods))
        column[:, t] = omega
        columns.append(column.ravel())
        labels.append(("period", t))
    cells = slice(None) if seen is None else seen.ravel()
    x, width = np.array(columns).T[cells], np.repeat(np.broadcast_to(sigma, geos), periods)[cells]
    covariance = np.linalg.inv(np.eye(len(labels)) + (x.T / width**2) @ x)
    return labels, covariance @ (x.T / width**2) @ r.ravel()[cells], covariance


@pytest.mark.parametrize("panel", [Panel(), Panel(per_geo=["trend", "price"])])
def test_what_was_integrated_out_is_drawn_from_its_conditional(panel):
    data, system, _ = _program(panel)
    equation = system.equation("sales")
    seen = engine.inputs(equation, data, data.scales())
    plan = panel_plan(equation, seen.design, equation.terms())
    _check_draws(plan, equation, seen.design, 0.06)


def _check_draws(plan, equation, design, sigma, observed=None):
    """Hold the moments of draws of what was integrated out against those of a dense Normal."""
    rng, draws, omega = np.random.default_rng(0), 40_000, 0.1
    geos, periods, _ = design.shape
    r = 0.1 * rng.normal(size=(geos, periods)) + np.linspace(0, 0.3, geos)[:, None]
    same = np.broadcast_to(r, (draws, *r.shape))
    wide = np.broadcast_to(sigma, (draws, *np.shape(sigma)))
    standard, period = plan.draw(same, wide, np.full(draws, omega), plan.noise(rng, draws))
    labels, mean, covariance = _conditional(equation, design, r, sigma, omega, observed)
    drawn = np.empty((draws, len(labels)))
    for i, (term, g) in enumerate(labels):
        if term == "period":
            drawn[:, i] = period[:, g] / omega
        elif (term, g) in standard:
            drawn[:, i] = standard[term, g]
        else:
            drawn[:, i] = standard[term, None][:, g]
    sd = np.sqrt(np.diag(covariance))
    assert np.abs((drawn.mean(axis=0) - mean) / sd).max() < 5.0 / np.sqrt(draws)
    correlation = np.corrcoef(drawn.T) - covariance / np.outer(sd, sd)
    assert np.abs(correlation).max() < 6.0 / np.sqrt(draws)
    assert_allclose(drawn.std(axis=0), sd, rtol=0.03)


@pytest.mark.parametrize("panel", [Panel(sigma="per_geo"), Panel(per_geo=["trend", "price"])])
def test_what_was_integrated_out_of_some_cells_is_drawn_from_its_conditional(panel):
    data, system, _ = _program(panel)
    equation = system.equation("sales")
    design = engine.inputs(equation, data, data.scales()).design
    observed = np.random.default_rng(1).random(design.shape[:2]) < 0.8
    observed[:, 4] = False  # a period that no geo tells of has the effect that it had before the data
    plan = weighted_plan(equation, design, equation.terms(), observed)
    sigma = np.linspace(0.03, 0.12, len(data.geos)) if panel.sigma == "per_geo" else 0.06
    _check_draws(plan, equation, design, sigma, observed)


@pytest.mark.parametrize("name", ["default", "own season and price", "no pooling", "no periods"])
def test_weights_that_are_all_alike_give_the_density_without_weights(name):
    data, system, _ = _program(PANELS[name])
    equation = system.equation("sales")
    seen = engine.inputs(equation, data, data.scales())
    terms, y = equation.terms(), np.ascontiguousarray(seen.target.T)
    media = 0.1 * np.random.default_rng(2).normal(size=y.shape)
    for omega in (0.0, 0.1, 3.0):
        plain = collapsed_panel(y, media, 0.07, omega, *panel_plan(equation, seen.design, terms).arrays.values())
        plan = weighted_plan(equation, seen.design, terms, np.ones(seen.target.shape, bool))
        got = collapsed_weighted(y, media, np.full(y.shape[1], 0.07), omega, *plan.arrays.values())
        assert_allclose(got[0], plain[0], rtol=1e-10)
        assert_allclose(got[1], plain[1], rtol=1e-9, atol=1e-9)
        assert_allclose([got[2].sum(), got[3]], plain[2:], rtol=1e-8, atol=1e-8)


# ------------------------------------------------------------------------------------- geos that start late or end early
def _ragged(panel, geos=panels.GEOS, periods=14, **kwargs):
    data, system, _ = _program(panel, geos=geos, periods=periods - 3, ragged="ends", **kwargs)
    equation = system.equation("sales")
    seen = engine.inputs(equation, data, data.scales())
    return equation, seen, ragged_plan(equation, seen.design, equation.terms(), seen.seen, seen.present)


def _density(plan, y, media, sigma, omega):
    arrays = [*plan.arrays.values()]
    return collapsed_ragged(y, media, sigma, omega, arrays[0], plan.start, plan.stop, *arrays[1:])


@pytest.mark.parametrize("name", ["default", "own trend", "no periods"])
def test_running_sums_give_the_density_of_weights(name):
    equation, seen, plan = _ragged(PANELS[name])
    other = weighted_plan(equation, seen.design, equation.terms(), seen.seen)
    y = np.ascontiguousarray(np.where(seen.seen, seen.target, 0.0).T)
    media = 0.1 * np.random.default_rng(2).normal(size=y.shape)
    for sigma, omega in ((0.07, 0.0), (0.07, 0.1), (0.5, 3.0), (1e-3, 0.02)):
        right = collapsed_weighted(y, media, np.full(y.shape[1], sigma), omega, *other.arrays.values())
        got = _density(plan, y, media, sigma, omega)
        assert_allclose(got[0], right[0], rtol=1e-10)
        assert_allclose(got[1], right[1], rtol=1e-8, atol=1e-8 / sigma)
        assert_allclose(got[2:], [right[2].sum(), right[3]], rtol=1e-6)


def test_geos_that_never_meet_share_no_effect():
    """Two geos with no period in common, and periods in which there is none."""
    equation, seen, _ = _ragged(Panel(per_geo=["trend"]))
    present = np.zeros(seen.seen.shape, bool)
    present[0, :4] = present[1, 6:] = present[2, 7:11] = True
    args = (equation, seen.design, equation.terms(), present)
    plan, other = ragged_plan(*args, present), weighted_plan(*args)
    y = np.ascontiguousarray(np.where(present, seen.target, 0.0).T)
    right = collapsed_weighted(y, np.zeros(y.shape), np.full(len(present), 0.1), 0.3, *other.arrays.values())
    got = _density(plan, y, np.zeros(y.shape), 0.1, 0.3)
    assert_allclose([got[0], *got[2:]], [right[0], right[2].sum(), right[3]], rtol=1e-9)
    assert_allclose(got[1], right[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("panel", [Panel(), Panel(per_geo=["trend", "seasonality"])])
def test_what_was_integrated_out_of_ragged_geos_is_drawn_from_its_conditional(panel):
    equation, seen, plan = _ragged(panel)
    _check_draws(plan, equation, seen.design, 0.06, seen.seen)


def test_only_what_running_sums_can_say_is_left_to_them():
    """Gaps inside the periods of a geo, and columns of its own with a coefficient of its own, take the other way."""
    assert _ragged(Panel())[2] is not None
    assert _ragged(Panel(per_geo=["price"]))[2] is None
    equation, seen, _ = _ragged(Panel())
    gap = seen.seen.copy()
    gap[2, 5] = False
    assert ragged_plan(equation, seen.design, equation.terms(), gap, seen.present) is None


@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_small_matrices_are_factored_and_inverted(size):
    root = np.random.default_rng(size).normal(size=(size, size + 2))
    matrix = root @ root.T
    lower = cholesky(matrix)
    assert_allclose(lower, np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-12)
    assert_allclose(inverse(lower) @ matrix, np.eye(size), atol=1e-8)
