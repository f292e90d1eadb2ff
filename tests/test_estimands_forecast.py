"""Predictions, residuals and scenarios against their slow rewrite, case by case."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm import estimands
from tests import reference_answers as reference
from tests.answer_cases import (
    CASES,
    DRAWS,
    channels_of,
    dates_of,
    draw_and_residual,
    drawn_residuals,
    fit_of,
    pick,
    plan_of,
    size_of,
)


# ------------------------------------------------------------------------------------------------ series and residuals
@pytest.mark.parametrize("name", CASES)
def test_residuals(name):
    fit = fit_of(name)
    for at in DRAWS:
        draw = reference.read_draw(fit, *at)
        given = {n: v.isel(chain=at[0], draw=at[1]).values for n, v in drawn_residuals(name).items()}
        for n, expected in reference.residuals(draw, given).items():
            assert_allclose(given[n], expected, atol=1e-9)
            if fit.system.equation(n).likelihood == "censored_normal":
                off = np.array(draw.columns[n]) == 0.0
                mean = np.array(reference.latent_mean(draw, n, draw.columns))
                assert np.all((mean + given[n])[off] <= 1e-12)


@pytest.mark.parametrize("name", CASES)
def test_predictions_of_the_fitted_periods_are_the_mean_given_observed_inputs(name):
    fit = fit_of(name)
    predicted = estimands.predict(fit)
    for at in DRAWS:
        draw = reference.read_draw(fit, *at)
        for n in fit.system.order:
            mean = reference.latent_mean(draw, n, draw.columns)
            expected = [reference.mean_link(draw, n, m) for m in mean]
            assert_allclose(pick(predicted[n], at), expected, rtol=1e-9, atol=1e-9 * draw.size(n))


def scenarios(fit, first, last):
    """Arguments of what_if beside the columns they set."""
    channels = channels_of(fit)
    seen = {n: np.array(v[0]) for n, v in fit.data.columns.items()}
    inside = np.arange(len(fit.data.dates))
    inside = (inside >= first) & (inside <= last)
    factor = {channels[0]: 1.4, channels[-1]: 0.3}
    out = [
        ({"scale": factor}, {c: np.where(inside, seen[c] * f, seen[c]) for c, f in factor.items()}),
        ({"scale": dict.fromkeys(channels, 0)}, {c: np.where(inside, 0.0, seen[c]) for c in channels}),
    ]
    if fit.system.mediators and (first, last) == (0, len(inside) - 1):
        factor = {channels[0]: 2.0, fit.system.mediators[0]: 0.5}
        out.append(({"scale": factor}, {c: seen[c] * f for c, f in factor.items()}))
    return out


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "window"])
def test_what_if(name, whole):
    fit = fit_of(name)
    first, last = (0, len(fit.data.dates) - 1) if whole else (10, 30)
    for asked, columns in scenarios(fit, first, last):
        where = {} if whole else dates_of(fit, first, last)
        found = estimands.what_if(fit, **asked, **where)
        for at in DRAWS:
            draw, residual = draw_and_residual(name, at)
            expected = reference.run(draw, residual, {c: list(v) for c, v in columns.items()})
            for n in fit.system.order:
                near = {"atol": 1e-9 * size_of(draw, n) / len(draw.days)}
                dates = found[n].date
                index = fit.data.dates.get_indexer(dates.values)
                assert (index >= 0).all()
                assert_allclose(pick(found[n], at), np.array(expected[n])[index], rtol=1e-9, **near)
                change = np.array(expected[n]) - np.array(draw.columns[n])
                assert_allclose(pick(found[f"{n}.change"], at), change[index], rtol=1e-8, **near)


@pytest.mark.parametrize("name", ["one mediator", "diamond", "censored in a chain", "linear in a mediator"])
def test_setting_a_series(name):
    fit = fit_of(name)
    rng = np.random.default_rng(2)
    for target in (channels_of(fit)[0], *fit.system.mediators):
        series = rng.uniform(0.2, 1.5, len(fit.data.dates)) * np.abs(fit.data.columns[target][0]).mean()
        asked = {target: series}
        if target in fit.system.mediators:
            asked[channels_of(fit)[0]] = np.zeros(len(series))
        found = estimands.what_if(fit, do=asked)
        for at in DRAWS:
            draw, residual = draw_and_residual(name, at)
            expected = reference.run(draw, residual, {c: list(v) for c, v in asked.items()})
            for n in fit.system.order:
                assert_allclose(pick(found[n], at), expected[n], rtol=1e-9, atol=1e-9 * draw.size(n))
        if target in fit.system.mediators:
            assert_allclose(pick(found[target], (0, 0)), series, rtol=1e-12)


def test_a_mediator_that_is_set_in_a_window_listens_again_after_it():
    fit = fit_of("one mediator")
    first, last = 10, 30
    seen = {n: v[0] for n, v in fit.data.columns.items()}
    inside = (np.arange(len(fit.data.dates)) >= first) & (np.arange(len(fit.data.dates)) <= last)
    columns = {
        "tv": [2 * v if now else v for v, now in zip(seen["tv"], inside, strict=True)],
        "queries": [v / 2 if now else None for v, now in zip(seen["queries"], inside, strict=True)],
    }
    found = estimands.what_if(fit, scale={"tv": 2.0, "queries": 0.5}, **dates_of(fit, first, last))
    draw, residual = draw_and_residual("one mediator", (0, 1))
    expected = reference.run(draw, residual, columns)
    assert expected["queries"][last + 1] > seen["queries"][last + 1] + 1.0
    assert_allclose(pick(found["queries"], (0, 1)), expected["queries"], rtol=1e-9)
    assert_allclose(pick(found["sales"], (0, 1)), expected["sales"], rtol=1e-9)


# --------------------------------------------------------------------------------------------------------------- plans
def means_ahead(draw, known, do=()):
    """Mean of every series in the periods after the first `known`, each mediator at its mean unless set."""
    columns = dict(draw.columns)
    for n in draw.order:
        if n not in do:
            mean = reference.latent_mean(draw, n, columns)
            ahead = [reference.mean_link(draw, n, m) for m in mean[known:]]
            columns[n] = [*columns[n][:known], *ahead]
    return {n: np.array(columns[n][known:]) for n in draw.order}


@pytest.mark.parametrize("name", CASES)
def test_predictions_with_every_mediator_set(name):
    fit = fit_of(name)
    plan, rng = plan_of(fit), np.random.default_rng(4)
    do = {m: rng.uniform(0.1, 1.5, len(plan)) * fit.scales.size[m][0] for m in fit.system.mediators}
    predicted = estimands.predict(fit, plan, do=do or None)
    for at in DRAWS:
        draw = reference.extended(reference.read_draw(fit, *at), dict(plan) | do, plan["date"])
        for n, expected in means_ahead(draw, len(fit.data.dates), do).items():
            assert_allclose(pick(predicted[n], at), expected, rtol=1e-9, atol=1e-9 * draw.size(n))


EXACT = ["no mediator", "one term", "linear mediator", "lognormal, no mediator", "censored, no mediator"]


@pytest.mark.parametrize("name", EXACT)
def test_predictions_and_scenarios_where_the_mean_of_a_mediator_is_enough(name):
    fit = fit_of(name)
    plan, known = plan_of(fit), len(fit.data.dates)
    more = plan.assign(tv=np.where(np.arange(len(plan)) < 4, 2.0, 1.0) * plan["tv"])
    window = {"start": str(plan["date"][0].date()), "stop": str(plan["date"][3].date())}
    predicted = estimands.predict(fit, plan)
    scenario = estimands.what_if(fit, scale={"tv": 2.0}, plan=plan, **window)
    for at in DRAWS:
        draw = reference.read_draw(fit, *at)
        base, other = (means_ahead(reference.extended(draw, dict(p), p["date"]), known) for p in (plan, more))
        for n in fit.system.order:
            near = {"rtol": 1e-8, "atol": 1e-9 * draw.size(n)}
            if fit.system.mediators:  # means of finitely many residual paths, the same ones in both plans
                near_mean = {"atol": 5 * draw.par[n]["sigma"] * draw.size(n)}
            else:
                near_mean = near
                assert_allclose(pick(scenario[n], at), other[n], **near)
            assert_allclose(pick(predicted[n], at), base[n], **near_mean)
            assert_allclose(pick(scenario[f"{n}.change"], at), other[n] - base[n], **near)


@pytest.mark.parametrize("name", ["one mediator", "chain", "censored in a chain", "lognormal mediator"])
def test_predictions_on_average_over_residuals(name):
    fit, at, count = fit_of(name), (1, 3), 150
    plan, known, rng = plan_of(fit), len(fit.data.dates), np.random.default_rng(12)
    predicted = estimands.predict(fit, plan, paths=1000)
    draw, residual = draw_and_residual(name, at)
    longer = reference.extended(draw, dict(plan), plan["date"])
    runs = {n: [] for n in draw.order}
    for _ in range(count):
        drawn = {n: rng.normal(0.0, draw.par[n]["sigma"], len(plan)) for n in draw.order}
        series = reference.run(longer, {n: [*residual[n], *drawn[n]] for n in draw.order})
        for n in draw.order:
            runs[n].append(series[n][known:])
    for n, values in runs.items():
        error = np.std(values, axis=0) * np.sqrt(1 / count + 1 / 1000)
        assert np.all(np.abs(pick(predicted[n], at) - np.mean(values, axis=0)) < 5 * error), n


def test_one_end_of_a_window_leaves_the_other_to_the_plan():
    fit = fit_of("no mediator")
    plan = plan_of(fit)
    stop = str(plan["date"][3].date())
    both = estimands.what_if(fit, scale={"tv": 2.0}, plan=plan, start=str(plan["date"][0].date()), stop=stop)
    assert estimands.what_if(fit, scale={"tv": 2.0}, plan=plan, stop=stop).equals(both)
