"""Stretches of periods, chunks of draws, streams of noise: what every answer rests on."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from bayesmmm import engine, estimands
from bayesmmm.engine import chunks
from bayesmmm.results import Fit
from tests.made import case_fit

# No mediator; a censored one; one that is linear; a chain; cut adstock; other links.
CASES = [
    "no mediator",
    "censored mediator",
    "linear mediator",
    "diamond",
    "short memory",
    "lognormal outcome, linear mediator",
    "censored outcome",
    "monthly",
]
HELD_OUT = 11


def plan_of(data, start, names):
    """Columns from period `start` on, as a plan."""
    return pd.DataFrame({"date": data.dates[start:], **{n: data.columns[n][0, start:] for n in names}})


def shortened(fit, periods):
    """The same equations and amplitudes with only the first periods as history."""
    data = fit.data.between(fit.data.dates[0], fit.data.dates[periods - 1])
    posterior = fit.posterior.copy(deep=True)
    whole = engine.history(fit.system, fit.scales, fit.data, fit.parameters(), np.arange(12), seed=0)
    for name in fit.system.order:
        equation = fit.system.equation(name)
        for c, channel in enumerate(equation.media):
            # A contribution is a mean over the fitted periods: restated, so that the amplitude stays.
            amplitude = whole.rows.amplitude[name][:, 0, c]
            shape = np.zeros(12)
            np.divide(
                whole.term[name, channel][:, 0, :periods].mean(axis=-1), amplitude, out=shape, where=amplitude > 0
            )
            at = {f"{name}.media": channel}
            posterior[f"{name}.contribution"].loc[at] = (amplitude * shape).reshape(2, 6)
    tree = xr.DataTree.from_dict({"posterior": posterior})
    out = Fit(data, fit.system, fit.scales, tree, fit.settings, fit.versions)
    out = out.with_convergence(fit.convergence)
    return out


@pytest.mark.parametrize("name", CASES)
def test_a_forecast_joins_the_history(name, monkeypatch):
    """What was fitted in the last periods is what is predicted for them from the periods before."""
    fit = case_fit(name)
    cut = len(fit.data.dates) - HELD_OUT
    before = shortened(fit, cut)
    plan = plan_of(fit.data, cut, fit.system.exogenous)
    seen = {m: fit.data.columns[m][0, cut:] for m in fit.system.mediators}
    ahead = estimands.predict(before, plan, do=seen)
    outcome = fit.system.outcome
    fitted = estimands.predict(fit)[outcome].isel(date=slice(cut, None))
    assert_allclose(ahead[outcome], fitted, rtol=1e-9, atol=1e-9 * np.abs(fitted).max())
    assert_array_equal(ahead["date"], fitted["date"])
    # Negative control: without the history there is a step.
    monkeypatch.setattr("bayesmmm.engine.ahead.carryover", lambda base: {})
    alone = engine.future(
        engine.history(fit.system, fit.scales, before.data, before.parameters(), np.arange(12), seed=0),
        fit.data.dates[cut:],
        {n: fit.data.columns[n][:, cut:] for n in fit.system.exogenous},
        seed=0,
        paths=1,
        do={m: v[None, None] for m, v in seen.items()},
    )
    cold = engine.value(alone, outcome, alone.latent[outcome])[:, 0]
    assert np.abs(cold - fitted.values.reshape(12, -1))[:, 0].max() > 1e-3 * np.abs(fitted).mean()


@pytest.mark.parametrize("paths", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_a_forecast_in_two_stretches_is_the_forecast_at_once(name, paths):
    fit = case_fit(name)
    base = engine.history(fit.system, fit.scales, fit.data, fit.parameters(), np.arange(12), seed=4)
    ahead = estimands.after(fit, estimands.timeline(fit, None, None, None), 9)
    columns = {n: v * np.linspace(0.0, 2.0, 9) for n, v in ahead[1].items()}
    args = {"seed": 4, "paths": paths, "noise": True}
    once = engine.future(base, ahead[0], columns, **args)
    first = engine.future(base, ahead[0][:4], {n: v[:, :4] for n, v in columns.items()}, **args)
    rest = {n: v[:, 4:] for n, v in columns.items()}
    second = engine.future(first, ahead[0][4:], rest, first=4, **args)
    for n in fit.system.order:
        joined = np.concatenate([first.columns[n], second.columns[n]], axis=-1)
        assert_allclose(joined, once.columns[n], rtol=1e-10, atol=1e-10 * np.abs(joined).max())


def test_a_longer_plan_does_not_change_its_beginning():
    fit = case_fit("censored in a chain")
    dates, columns = estimands.after(fit, estimands.timeline(fit, None, None, None), 12)
    plan = pd.DataFrame({"date": dates, **{n: v[0] for n, v in columns.items()}})
    for noise in (False, True):
        long, short = (estimands.predict(fit, plan[:k], noise=noise) for k in (12, 5))
        xr.testing.assert_identical(long.isel(date=slice(0, 5)).drop_attrs(), short.drop_attrs())


@pytest.mark.parametrize("name", ["censored in a chain", "short memory", "lognormal outcome"])
def test_answers_do_not_depend_on_how_draws_are_divided(name, monkeypatch):
    fit = case_fit(name)
    dates, columns = estimands.after(fit, estimands.timeline(fit, None, None, None), 5)
    plan = pd.DataFrame({"date": dates, **{n: v[0] for n, v in columns.items()}})
    asked = [
        lambda fit: estimands.effects(fit),
        lambda fit: estimands.marginal_roi(fit, plan=plan),
        lambda fit: estimands.decompose(fit),
        lambda fit: estimands.predict(fit, plan, noise=True),
        lambda fit: estimands.residuals(fit, fit.system.order[0]),
    ]
    whole = [ask(fit) for ask in asked]
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1.0)
    for ask, answer in zip(asked, whole, strict=True):
        one_by_one = ask(fit)
        xr.testing.assert_allclose(one_by_one, answer, rtol=1e-12)
        some = ask(fit.thin(4))
        assert some.sizes["chain"] == 2
        assert some["draw"].values.tolist() == [0, 5]
        xr.testing.assert_allclose(some, answer.sel(draw=[0, 5]), rtol=1e-12)


def test_draws_end_up_where_they_belong_and_failures_are_passed_on(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 100.0)
    draws = np.random.default_rng(0).permutation(50)
    sizes = []

    def double(part):
        sizes.append(len(part))
        return {"twice": 2.0 * part, "square": np.outer(part, part[:1] * 0 + 1) ** 2}

    found = engine.map_draws(double, draws, np.linspace(10.0, 60.0, 50))
    assert_array_equal(found["twice"], 2.0 * draws)
    assert_array_equal(found["square"][:, 0], draws**2)
    assert sum(sizes) == 50
    assert max(sizes) > 2 * min(sizes)  # draws that need more memory come in smaller chunks

    def fail(part):
        raise ValueError("draw 7 is bad")

    with pytest.raises(ValueError, match="draw 7 is bad"):
        engine.map_draws(fail, draws, 10.0)


# ------------------------------------------------------------------------------------------------------------ noise
ONE = ("national",)


def test_uniform_numbers_belong_to_their_draw_and_period():
    draws = np.arange(2000)
    u = engine.uniforms(3, 5, draws, ONE, 30)
    assert stats.kstest(u.ravel(), "uniform").pvalue > 0.01
    assert abs(np.corrcoef(u[:-1].ravel(), u[1:].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(u[..., :-1].ravel(), u[..., 1:].ravel())[0, 1]) < 0.03
    some = np.array([7, 2, 1999])
    assert_array_equal(engine.uniforms(3, 5, some, ONE, 30), u[some])
    assert_array_equal(engine.uniforms(3, 5, draws, ONE, 12, first=8), u[..., 8:20])
    for other in (engine.uniforms(4, 5, draws, ONE, 30), engine.uniforms(3, 6, draws, ONE, 30)):
        assert abs(np.corrcoef(u.ravel(), other.ravel())[0, 1]) < 0.03
    kinds = [
        engine.random_stream_id(kind, i)
        for kind in ("observed", "future", "replicated", "period")
        for i in range(4)
    ]
    assert len(set(kinds)) == 16


def test_uniform_numbers_of_a_geo_depend_on_its_name_alone():
    draws = np.arange(500)
    u = engine.uniforms(3, 5, draws, ("north", "south", "national"), 30)
    assert_array_equal(engine.uniforms(3, 5, draws, ("south", "north"), 30), u[:, [1, 0]])
    assert_array_equal(engine.uniforms(3, 5, draws, ONE, 30), u[:, 2:])
    for one, other in itertools.combinations(range(3), 2):
        assert abs(np.corrcoef(u[:, one].ravel(), u[:, other].ravel())[0, 1]) < 0.03


def test_paths_of_a_draw_spread_evenly_in_every_period():
    u = engine.uniforms(0, 1, np.arange(50), ONE, 20, paths=5).reshape(50, 5, 20)
    ranks = np.floor(5 * u).astype(int)
    assert_array_equal(np.sort(ranks, axis=1), np.broadcast_to(np.arange(5)[:, None], (50, 5, 20)))
    # One path alone is plain independent noise.
    assert stats.kstest(u[:, 2].ravel(), "uniform").pvalue > 0.01
    assert abs(np.corrcoef(u[:, 2, :-1].ravel(), u[:, 2, 1:].ravel())[0, 1]) < 0.1
    assert_array_equal(engine.uniforms(0, 1, np.arange(50), ONE, 20), u[:, 0, None])


def test_more_paths_integrate_better():
    """The mean over residuals is the same whatever the paths, and varies less with the seed."""
    fit = case_fit("censored mediator")
    dates, columns = estimands.after(fit, estimands.timeline(fit, None, None, None), 6)
    plan = pd.DataFrame({"date": dates, **{n: v[0] for n, v in columns.items()}})

    def means(paths):
        return np.stack([estimands.predict(fit, plan, paths=paths, seed=s)["sales"].values for s in range(8)])

    few, many = means(1), means(16)
    noise = few.std(axis=0)
    assert many.std(axis=0).mean() < noise.mean() / 4  # independent draws would give exactly a fourth
    # One draw after the other is right on average, and so is their mean over all draws and periods.
    off = (few - many).mean(axis=(1, 2, 3))
    assert abs(off.mean()) < 4.0 * off.std(ddof=1) / np.sqrt(8)


def test_noisy_predictions_scatter_around_the_mean():
    for name in ("lognormal outcome", "censored outcome", "student_t mediator"):
        fit = case_fit(name, draws=200, values={f"{n}.half_life": 5.0 for n in case_fit(name).system.order})
        dates, columns = estimands.after(fit, estimands.timeline(fit, None, None, None), 40)
        plan = pd.DataFrame({"date": dates, **{n: v[0] for n, v in columns.items()}})
        for arguments in ({}, {"plan": plan}):
            mean, noisy = (estimands.predict(fit, **arguments, noise=noise) for noise in (False, True))
            for series in fit.system.order:
                off = (noisy[series] - mean[series]).mean("date")
                z = off / (noisy[series] - mean[series]).std("date") * np.sqrt(off.size)
                assert abs(float(z.mean())) < 5.0, (name, series)


# ------------------------------------------------------------------------------------------------------------ tails
def test_tail_in_closed_form():
    fit = case_fit("no mediator", values={"sales.half_life": {"tv": 7.0, "social": 14.0, "radio": 3.5}})
    periods = engine.tail_periods(fit.system, fit.parameters(), fit.data.calendar, 2.0**-10)
    assert_array_equal(periods, 20)  # ten half-lives of the longest
    chain = case_fit("chain without a short cut", values={"queries.half_life": 7.0, "shop.half_life": 7.0})
    par = chain.parameters()
    longest = par["sales"]["half_life"].max(axis=1)
    share = 1e-3 / 3
    expected = 2 * np.ceil(np.log2(1 / share)) + np.ceil(longest / 7.0 * np.log2(1 / share))
    assert_array_equal(engine.tail_periods(chain.system, par, chain.data.calendar, 1e-3), expected)
    cut = case_fit("short memory")
    assert_array_equal(engine.tail_periods(cut.system, cut.parameters(), cut.data.calendar, 1e-3), 7)


def test_what_a_tail_leaves_out_is_below_its_bound(monkeypatch):
    fit = case_fit("chain")
    window = {"start": fit.data.dates[-3], "channels": ["tv", "social"]}
    usual = estimands.effects(fit, **window)["total"]
    monkeypatch.setattr(estimands.windows, "TAIL_WEIGHT", 1e-7)
    longer = estimands.effects(fit, **window)["total"]
    left = np.abs(longer - usual).values
    assert (left <= 3e-3 * np.abs(longer.values)).all()
    assert left.max() > 0.0
    # Negative control: a tail that is cut early is seen.
    monkeypatch.setattr(estimands.windows, "TAIL_WEIGHT", 0.2)
    short = estimands.effects(fit, **window)["total"]
    assert (np.abs(longer - short) > 3e-3 * np.abs(longer)).any()


@pytest.mark.parametrize("name", CASES)
def test_gradient_over_plan_and_tail_equals_a_central_difference(name):
    """The adjoint, against the way forward through respond and shift."""
    fit = case_fit(name)
    dates, columns = estimands.after(fit, estimands.timeline(fit, None, None, None), 6)
    plan = pd.DataFrame({"date": dates, **{n: v[0] * np.linspace(0.5, 1.5, 6) for n, v in columns.items()}})
    window = {"plan": plan, "start": fit.data.dates[-4], "paths": 3}
    step = 1e-6
    curves = estimands.response_curves(fit, factors=[1 - step, 1 + step], **window)["outcome"]
    slope = (curves.sel(factor=1 + step) - curves.sel(factor=1 - step)) / (2 * step)
    exact = estimands.marginal_roi(fit, **window)
    spend = estimands.effects(fit, **window)["spend"]
    scale = float(np.abs(exact * spend).max())
    assert_allclose(exact * spend, slope, rtol=1e-5, atol=1e-6 * scale)


def test_stretches_share_rows(monkeypatch):
    """Exogenous terms are evaluated once per draw, whatever the paths; answers are those of rows kept apart."""
    fit = case_fit("one mediator")
    base = engine.history(fit.system, fit.scales, fit.data, fit.parameters(), np.arange(12), seed=0)
    dates, columns = estimands.after(fit, estimands.timeline(fit, None, None, None), 5)
    ahead = engine.future(base, dates, columns, seed=0, paths=4)
    assert {len(ahead.term["sales", "tv"]), len(ahead.term["sales", "social"])} == {12}
    assert len(ahead.term["sales", "queries"]) == len(ahead.latent["sales"]) == 48
    alone = replace(ahead.rows, draws=ahead.rows.draws[:1])
    assert_array_equal(alone.per_path(np.ones((1, 2))), np.ones((4, 2)))


def test_a_trend_can_stay_where_it_was_while_seasons_go_on():
    """Under a log link a trend that went on would multiply the tail without end."""
    fit = case_fit("lognormal outcome", values={"sales.coefficient": {"trend": 3.0}, "sales.half_life": 60.0})
    base = engine.history(fit.system, fit.scales, fit.data, fit.parameters(), np.arange(12), seed=0)
    dates, columns = estimands.after(fit, estimands.timeline(fit, None, None, None), 20)
    args = {"seed": 0, "paths": 1}
    trend = fit.system.equation("sales").terms().index("trend")
    on = engine.future(base, dates, columns, **args).design["sales"][0, :, trend]
    held = engine.future(base, dates, columns, trend_until=fit.data.dates[-1], **args).design["sales"][0]
    assert_allclose(np.diff(on), on[1] - on[0])
    assert_array_equal(held[:, trend], 1.0)  # its value in the last fitted period
    season = fit.system.equation("sales").terms().index("cos1@365.25")
    assert np.ptp(held[:, season]) > 0.1


def test_a_mediator_at_zero_counts_as_on_its_zero_side():
    """An infinite slope at zero is for spend that may be raised, not for a series that happens to be zero."""
    from bayesmmm.equations import MMM, Equation
    from tests.made import frame, made_data, made_fit

    table = frame()
    table.loc[:7, "queries"] = 0.0
    system = MMM([Equation("queries", media=["tv"]), Equation("sales", media=["tv", "queries"])])
    fit = made_fit(system, made_data(system, table), draws=6, values={"sales.slope": {"queries": 0.6}})
    found = estimands.marginal_roi(fit, window="outcome").sel(channel="tv")
    curve = estimands.response_curves(fit, factors=[0.99], window="outcome")["outcome"].sel(channel="tv")
    spend = float(estimands.effects(fit)["spend"].sel(channel="tv"))
    slope = (curve.sel(factor=1.0) - curve.sel(factor=0.99)) / (0.01 * spend)
    assert_allclose(found, slope, rtol=0.2)
