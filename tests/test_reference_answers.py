"""The slow answers, before they judge the fast ones: against the truth of simulated worlds, and worked by hand."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.errors import DataError
from bayesmmm.simulate import simulate_world
from tests import made
from tests import reference_answers as reference


def world_and_draw(name):
    system, data = made.case(name)
    for seed in range(40):
        parameters = made.case_fit(name, draws=1, chains=1, seed=seed).parameters()
        try:
            world = simulate_world(system, data, parameters=parameters, seed=seed)
        except DataError:  # a mediator in money below zero, or one that never leaves zero
            continue
        break
    fit = made.made_fit(system, world.data, draws=1, chains=1)
    fit.tree["posterior"] = world.truth.parameters.expand_dims(chain=[0], draw=[0])
    draw = reference.read_draw(fit, 0, 0)
    parts = world.truth.components
    residual = {n: parts[n].sel({f"{n}.component": "residual"}).values / draw.size(n) for n in draw.order}
    return world, draw, residual


@pytest.mark.parametrize("name", made.NAMES)
def test_worlds_and_their_effects_come_back(name):
    world, draw, drawn = world_and_draw(name)
    residual = reference.residuals(draw, drawn)
    base = reference.run(draw, residual)
    for n in draw.order:
        if (
            world.system.equation(n).likelihood != "lognormal"
        ):  # there the part is on the log scale, without a unit
            assert_allclose(residual[n], drawn[n], atol=1e-9)
        assert_allclose(base[n], world.data.columns[n][0], atol=1e-9 * draw.size(n))
    truth, last = world.truth.effects, len(draw.days) - 1
    for channel in truth.channel.values.tolist():
        row = truth.sel(channel=channel)
        found = reference.effects(draw, residual, [channel], first=0, last=last, window="outcome")
        size = 1e-9 * sum(base[draw.outcome])
        for key in ("spend", "total", "direct", "indirect"):
            assert_allclose(found[key], row[key], atol=size)
        for m in draw.mediators:
            assert_allclose(found["via"][m], row["via"].sel(mediator=m), atol=size)
            assert_allclose(found["induced"][m], row["induced"].sel(mediator=m), atol=1e-9 * draw.size(m) * last)
        paid = [m for m in draw.mediators if world.data.mediators[m] == "money"]
        assert_allclose(reference.ratios(found, paid)["roi_net"], row["roi_net"], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", made.NAMES)
def test_parts_add_up_to_the_mean_and_the_series(name):
    _, draw, drawn = world_and_draw(name)
    residual = reference.residuals(draw, drawn)
    for n in draw.order:
        parts, mean = reference.decompose(draw, n, residual)
        assert_allclose(np.sum(list(parts.values()), axis=0), mean, atol=1e-10 * draw.size(n))
        for cut in (False, True):
            pieces = reference.series_parts(draw, n, residual, cut=cut)
            series = [max(v, 0.0) for v in draw.columns[n]] if cut else draw.columns[n]
            assert_allclose(np.sum(list(pieces.values()), axis=0), series, atol=1e-9 * draw.size(n))


def test_effects_in_a_window_by_hand():
    # Half of the pressure is kept each week, the curve is a / (1 + a), and the channel runs in one week only. Of its
    # spend, spread over seven days, the days of that week leave the q-th part to later ones.
    system, data = made.case("one term")
    spend = np.zeros((1, 40))
    spend[0, 3] = 50.0
    fit = made.made_fit(
        system,
        data.replace_columns({"tv": spend}),
        draws=1,
        chains=1,
        values={
            "sales.half_life": 7.0,
            "sales.slope": 1.0,
            "sales.half_saturation": 1.0,
            "sales.contribution": 0.2,
        },
    )
    draw = reference.read_draw(fit, 0, 0)
    q = sum(0.5 ** (day / 7) for day in range(1, 8)) / 7
    pressure = [0.0, 0.0, 0.0, 1.0 - q, *(q * 0.5**k for k in range(1, 37))]
    curve = [a / (1 + a) for a in pressure]
    amplitude = 0.2 * draw.size("sales") / (sum(curve) / 40)
    found = reference.effects(draw, reference.residuals(draw), ["tv"], first=2, last=4, window="spend", tail=3)
    assert found["spend"] == 50.0
    assert_allclose(found["total"], amplitude * sum(curve[:8]), rtol=1e-12)
    only = reference.effects(draw, reference.residuals(draw), ["tv"], first=5, last=6, window="outcome")
    assert_allclose(only["total"], amplitude * sum(curve[5:7]), rtol=1e-11)
    none = reference.effects(draw, reference.residuals(draw), ["tv"], first=5, last=6, window="spend", tail=9)
    assert none["total"] == 0.0
    assert_allclose(reference.weight_left(draw, "tv", 3), q * 0.5**3, rtol=1e-12)


def test_adstocks_in_a_row_by_hand():
    fit = made.case_fit(
        "chain without a short cut",
        values={"queries.half_life": 7.0, "shop.half_life": 7.0, "sales.half_life": 0.01},
    )
    draw = reference.read_draw(fit, 0, 0)
    # Each leaves the q-th part to later weeks, and half of that after each of them. After four weeks there is left what
    # one alone has passed on, and of what both have, what needs three weeks or more besides the two.
    q = sum(0.5 ** (day / 7) for day in range(1, 8)) / 7
    assert_allclose(
        reference.weight_left(draw, "tv", 4), 2 * q * (1 - q) * 0.5**4 + q**2 * 0.5**3 * 2.5, rtol=1e-6
    )


def test_lognormal_parts_by_hand():
    fit = made.case_fit("lognormal outcome")
    draw = reference.read_draw(fit, 0, 0)
    parts, mean = reference.decompose(draw, "sales", reference.residuals(draw))
    b, t = draw.par["sales"]["coefficient"], 17
    level = draw.size("sales") * math.exp(b["intercept"] + draw.par["sales"]["sigma"] ** 2 / 2)
    assert_allclose(parts["base", "", "", "intercept"], level, rtol=1e-12)
    linear = sum(v[t] for v in reference.linear_terms(draw, "sales", draw.columns).values()) - b["intercept"]
    media = reference.media_terms(draw, "sales", draw.columns)
    whole = sum(v[t] for v in media.values())
    lift = level * math.exp(linear) * math.expm1(whole)
    assert_allclose(parts["direct", "tv", "", "tv"][t], lift * media["tv"][t] / whole, rtol=1e-9)
    via = [v[t] for (kind, _, mediator, _), v in parts.items() if mediator == "queries"]
    assert_allclose(sum(via), lift * media["queries"][t] / whole, rtol=1e-9)
    assert_allclose(mean[t], level * math.exp(linear + whole), rtol=1e-12)


def test_a_negative_mediator_has_no_parts_where_it_is_cut():
    fit = made.case_fit("negative mediator")
    draw = reference.read_draw(fit, 0, 0)
    parts = reference.series_parts(draw, "visits", reference.residuals(draw), cut=True)
    below = np.array(draw.columns["visits"]) < 0
    assert below.sum() >= 3
    assert all(np.all(np.array(p)[below] == 0.0) for p in parts.values())
    terms = reference.media_terms(draw, "visits", draw.columns)
    assert_allclose(np.array(parts["tv"])[~below], draw.size("visits") * np.array(terms["tv"])[~below], rtol=1e-12)


def test_a_curve_starts_at_nothing_and_its_slope_is_the_marginal_return():
    fit = made.case_fit("S-shaped")
    draw = reference.read_draw(fit, 1, 2)
    residual, where = reference.residuals(draw), {"first": 5, "last": 30, "tail": 8}
    none, low, one, high = reference.response_curve(draw, residual, "tv", [0.0, 0.999, 1.0, 1.001], **where)
    assert none == 0.0
    spend = sum(draw.columns["tv"][5:31])
    assert_allclose(reference.marginal_roi(draw, residual, "tv", **where), (high - low) / 0.002 / spend, rtol=1e-4)
    found = reference.effects(draw, residual, ["tv"], **where)
    assert_allclose(one, found["total"], rtol=1e-9)
    assert reference.extrapolated(draw, "tv", 1.0, first=5, last=30) == 0.0
    assert 0.0 < reference.extrapolated(draw, "tv", 1.5, first=0, last=51) < 1.0
