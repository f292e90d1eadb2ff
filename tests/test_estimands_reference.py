"""Effects, returns, curves and decompositions against their slow rewrite, case by case; and what must not agree."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm import estimands
from tests import reference_answers as reference
from tests.answer_cases import (
    BOUND,
    CASES,
    DRAWS,
    channels_of,
    dates_of,
    draw_and_residual,
    fit_of,
    later_dates,
    paid_of,
    pick,
    plan_of,
    short_fit_of,
    size_of,
)


# ------------------------------------------------------------------------------------------------------------- effects
def compare_effect(found, expected, at, mediators, size, **label):
    for key in ("total", "direct", "indirect"):
        assert_allclose(pick(found[key], at, **label), expected[key], atol=1e-9 * size, rtol=1e-9, err_msg=key)
    for key in ("via", "induced"):
        for m in mediators:
            value = pick(found[key], at, mediator=m, **label)
            assert_allclose(value, expected[key][m], atol=1e-9 * size, rtol=1e-9, err_msg=f"{key} {m}")


def compare_ratios(fit, found, expected, at, channel):
    for key, value in reference.ratios(expected, paid_of(fit)).items():
        if key == "cost" and expected["total"] <= 0.0:
            value = np.inf  # nothing gained, at any price
        assert_allclose(pick(found[key], at, channel=channel), value, rtol=1e-7, atol=1e-9, err_msg=key)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "inner"])
def test_effects_on_the_outcome_of_a_window(name, whole):
    fit = fit_of(name)
    first, last = (0, len(fit.data.dates) - 1) if whole else (12, 29)
    found = estimands.effects(fit, window="outcome", **dates_of(fit, first, last))
    assert set(found.channel.values) == set(channels_of(fit))
    for at in DRAWS:
        draw, residual = draw_and_residual(name, at)
        size = max(size_of(draw, n) for n in draw.order)
        for c in channels_of(fit):
            expected = reference.effects(draw, residual, [c], first=first, last=last, window="outcome")
            compare_effect(found, expected, at, draw.mediators, size, channel=c)
            assert_allclose(found["spend"].sel(channel=c), expected["spend"], rtol=1e-12)
            compare_ratios(fit, found, expected, at, c)
        group = reference.effects(draw, residual, channels_of(fit), first=first, last=last, window="outcome")
        parts = {"joint": "total", "joint_direct": "direct", "joint_indirect": "indirect"}
        for key, of in parts.items():
            assert_allclose(pick(found[key], at, group="all media"), group[of], atol=1e-9 * size, err_msg=key)
        single = sum(pick(found["total"], at, channel=c) for c in channels_of(fit))
        assert_allclose(
            pick(found["interaction"], at, group="all media"), group["total"] - single, atol=1e-9 * size
        )


def matching_tail(draw, paths, channel, found, at, first, last):
    """Tail after which the slow sums come nearest to the fast ones: the definition bounds it, but leaves it open.

    Judged by the total and by what each mediator was induced to do, whose tails are of different lengths.
    """

    def distance(tail):
        sums = reference.summed_effects(draw, paths, [channel], first=first, last=last, tail=tail)
        gaps = [abs(sums["total"] - pick(found["total"], at, channel=channel)) / size_of(draw, draw.outcome)]
        for m, value in sums["induced"].items():
            shown = pick(found["induced"], at, channel=channel, mediator=m)
            gaps.append(abs(value - shown) / size_of(draw, m))
        return sum(gaps)

    return min(range(len(draw.days) - last), key=distance)


@pytest.mark.parametrize("name", CASES)
def test_effects_of_the_spend_of_a_window(name):
    fit = short_fit_of(name)
    first, last = 6, 14
    found = estimands.effects(fit, window="spend", **dates_of(fit, first, last))
    for at in DRAWS:
        draw, residual = draw_and_residual(name, at, short=True)
        size = max(size_of(draw, n) for n in draw.order)
        for c in channels_of(fit):
            paths = reference.effect_paths(draw, residual, [c], first=first, last=last)
            tail = matching_tail(draw, paths, c, found, at, first, last)
            assert reference.weight_left(draw, c, tail) < BOUND, (at, c, tail)
            expected = reference.summed_effects(draw, paths, [c], first=first, last=last, tail=tail)
            compare_effect(found, expected, at, draw.mediators, size, channel=c)
            compare_ratios(fit, found, expected, at, c)


@pytest.mark.parametrize("name", ["diamond", "censored in a chain", "lognormal outcome"])
def test_groups(name):
    fit = short_fit_of(name)
    first, last, groups = 6, 14, {"both": ["social", "tv"], "one": ["tv"]}
    found = estimands.effects(fit, groups=groups, window="spend", **dates_of(fit, first, last))
    assert found.group.values.tolist() == list(groups)
    for at in DRAWS:
        draw, residual = draw_and_residual(name, at, short=True)
        for group, members in groups.items():
            paths = reference.effect_paths(draw, residual, members, first=first, last=last)
            # Memories are short: by the last period there is nothing left, whichever tail was counted.
            expected = reference.summed_effects(draw, paths, members, first=first, last=last, tail=len(draw.days))
            single = sum(pick(found["total"], at, channel=c) for c in members)
            values = {"joint": expected["total"], "joint_direct": expected["direct"]}
            values |= {"joint_indirect": expected["indirect"], "interaction": expected["total"] - single}
            near = BOUND * abs(expected["total"])
            for key, value in values.items():
                assert_allclose(pick(found[key], at, group=group), value, atol=near, err_msg=key)
        assert abs(pick(found["interaction"], at, group="one")) < 1e-9 * size_of(draw, draw.outcome)


@pytest.mark.parametrize("name", ["one mediator", "diamond", "censored in a chain"])
def test_effect_of_a_mediator_is_that_of_setting_it_to_zero(name):
    fit = fit_of(name)
    found = estimands.effects(fit, channels=list(fit.system.mediators), window="outcome")
    for at in DRAWS:
        draw, residual = draw_and_residual(name, at)
        base = reference.run(draw, residual)[draw.outcome]
        for m in fit.system.mediators:
            gone = reference.run(draw, residual, {m: [0.0] * len(draw.days)})[draw.outcome]
            size = 1e-9 * size_of(draw, draw.outcome)
            assert_allclose(pick(found["total"], at, channel=m), sum(base) - sum(gone), atol=size)


ADDITIVE = ["no mediator", "one term", "linear mediator"]


def with_a_future(fit, draw, residual, columns, dates, planned=0):
    """Draw and residuals that go on after the data; there a residual counts for its part in the mean."""
    longer = reference.extended(draw, columns, dates, known=planned)
    later = {
        n: draw.par[n]["sigma"] ** 2 / 2 if fit.system.equation(n).likelihood == "lognormal" else 0.0
        for n in draw.order
    }
    return longer, {n: [*v, *[later[n]] * len(dates)] for n, v in residual.items()}


@pytest.mark.parametrize("name", [*ADDITIVE, "lognormal, no mediator"])
def test_tails_beyond_the_data_where_no_residual_matters(name):
    fit = fit_of(name)
    first, last = 20, len(fit.data.dates) - 1
    found = estimands.effects(fit, window="spend", **dates_of(fit, first, last))
    dates = later_dates(fit, 150)
    for at in DRAWS:
        draw, residual = draw_and_residual(name, at)
        level = {n: np.mean(draw.columns[n][first : last + 1]) for n in fit.system.exogenous}
        longer, residual = with_a_future(fit, draw, residual, level, dates)
        for c in channels_of(fit):
            paths = reference.effect_paths(longer, residual, [c], first=first, last=last)
            tail = matching_tail(longer, paths, c, found, at, first, last)
            assert reference.weight_left(longer, c, tail) < BOUND
            expected = reference.summed_effects(longer, paths, [c], first=first, last=last, tail=tail)
            compare_effect(found, expected, at, draw.mediators, size_of(draw, draw.outcome), channel=c)


@pytest.mark.parametrize("name", [*ADDITIVE, "lognormal, no mediator"])
@pytest.mark.parametrize("window", ["spend", "outcome"])
def test_effects_of_a_plan(name, window):
    fit = fit_of(name)
    plan = plan_of(fit, periods=12)
    found = estimands.effects(fit, plan=plan, window=window)
    marginal = estimands.marginal_roi(fit, plan=plan, window=window)
    first, last = len(fit.data.dates), len(fit.data.dates) + 11
    dates = later_dates(fit, 160)
    for at in DRAWS:
        draw, residual = draw_and_residual(name, at)
        columns = {n: [*plan[n], *[plan[n].mean()] * (len(dates) - 12)] for n in fit.system.exogenous}
        longer, residual = with_a_future(fit, draw, residual, columns, dates, planned=12)
        for c in channels_of(fit):
            paths = reference.effect_paths(longer, residual, [c], first=first, last=last, window=window)
            tail = matching_tail(longer, paths, c, found, at, first, last) if window == "spend" else 0
            where = {"first": first, "last": last, "window": window, "tail": tail}
            assert window == "outcome" or reference.weight_left(longer, c, tail) < BOUND
            expected = reference.summed_effects(longer, paths, [c], **where)
            compare_effect(found, expected, at, draw.mediators, size_of(draw, draw.outcome), channel=c)
            assert_allclose(found["spend"].sel(channel=c), plan[c].sum(), rtol=1e-12)
            expected = reference.marginal_roi(longer, residual, c, step=1e-6, **where)
            assert_allclose(pick(marginal, at, channel=c), expected, rtol=1e-5, atol=1e-7, err_msg=c)


@pytest.mark.parametrize("name", ["one mediator", "censored in a chain"])
def test_tails_beyond_the_data_on_average_over_residuals(name):
    fit, at, c, count = fit_of(name), (1, 3), "social", 60
    first, last = 30, len(fit.data.dates) - 1
    found = estimands.effects(fit, channels=[c], window="spend", paths=400, **dates_of(fit, first, last))
    draw, residual = draw_and_residual(name, at)
    dates, rng = later_dates(fit, 40), np.random.default_rng(11)
    level = {n: np.mean(draw.columns[n][first : last + 1]) for n in fit.system.exogenous}
    longer = reference.extended(draw, level, dates, known=0)
    totals = []
    for _ in range(count):
        drawn = {n: rng.normal(0.0, draw.par[n]["sigma"], len(dates)) for n in draw.order}
        noisy = {n: [*residual[n], *drawn[n]] for n in draw.order}
        sums = reference.effects(longer, noisy, [c], first=first, last=last, tail=len(dates))
        totals.append([sums["total"], sums["indirect"]])
    error = np.std(totals, axis=0) / np.sqrt(count)
    shown = [float(pick(found[key], at, channel=c)) for key in ("total", "indirect")]
    beyond = reference.effects(draw, residual, [c], first=first, last=last)
    after = abs(shown[1] - beyond["indirect"])
    off_by = np.abs(shown - np.mean(totals, axis=0))
    assert np.all(off_by < 5 * error + BOUND * after)
    assert after > 10 * off_by[1]  # what comes after the data is seen in this comparison


# --------------------------------------------------------------------------------------------- marginal ROI and curves
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "inner"])
def test_marginal_roi_on_the_outcome_of_a_window(name, whole):
    fit = fit_of(name)
    first, last = (0, len(fit.data.dates) - 1) if whole else (12, 29)
    where = {"window": "outcome", **dates_of(fit, first, last)}
    found = estimands.marginal_roi(fit, **where)
    for at in DRAWS[1:]:
        draw, residual = draw_and_residual(name, at)
        for c in channels_of(fit):
            at_window = {"first": first, "last": last, "window": "outcome"}
            expected = reference.marginal_roi(draw, residual, c, step=1e-6, **at_window)
            assert_allclose(pick(found, at, channel=c), expected, rtol=1e-5, atol=1e-7, err_msg=c)


@pytest.mark.parametrize("name", CASES)
def test_marginal_roi_and_curves_of_the_spend_of_a_window(name):
    fit = short_fit_of(name)
    first, last, factors = 6, 14, [0.0, 0.4, 1.0, 2.5]
    where = {"window": "spend", **dates_of(fit, first, last)}
    effect = estimands.effects(fit, **where)
    marginal = estimands.marginal_roi(fit, **where)
    curves = estimands.response_curves(fit, factors=factors, parts=True, **where)
    for part, of in (("outcome", "total"), ("direct", "direct"), ("indirect", "indirect")):
        now = curves[part].sel(factor=1.0).transpose(*effect[of].dims)
        assert_allclose(now, effect[of], rtol=1e-8, atol=1e-8 * float(abs(effect["total"]).max()), err_msg=part)
    for at in DRAWS[1:]:
        draw, residual = draw_and_residual(name, at, short=True)
        size = size_of(draw, draw.outcome)
        for c in channels_of(fit):
            paths = reference.effect_paths(draw, residual, [c], first=first, last=last)
            tail = matching_tail(draw, paths, c, effect, at, first, last)
            inside = {"first": first, "last": last, "tail": tail}
            expected = reference.marginal_roi(draw, residual, c, step=1e-6, **inside)
            assert_allclose(pick(marginal, at, channel=c), expected, rtol=1e-5, atol=1e-7, err_msg=c)
            gained = reference.response_curve(draw, residual, c, factors, **inside)
            assert_allclose(pick(curves["outcome"], at, channel=c), gained, rtol=1e-8, atol=1e-9 * size)


@pytest.mark.parametrize("name", ["one mediator", "censored in a chain", "lognormal outcome", "S-shaped"])
def test_curves_on_the_outcome_of_a_window(name):
    fit = fit_of(name)
    first, last = 12, 29
    where = {"window": "outcome", **dates_of(fit, first, last)}
    curves = estimands.response_curves(fit, **where)
    factors = curves.factor.values
    assert {0.0, 1.0} <= set(factors)
    assert np.all(np.diff(factors) > 0)
    total = estimands.effects(fit, **where)["total"]
    assert_allclose(curves["outcome"].sel(factor=1.0).transpose(*total.dims), total, rtol=1e-8, atol=1e-6)
    for c in channels_of(fit):
        draw, residual = draw_and_residual(name, DRAWS[0])
        at_window = {"first": first, "last": last, "window": "outcome"}
        gained = reference.response_curve(draw, residual, c, factors, **at_window)
        near = {"rtol": 1e-8, "atol": 1e-9 * size_of(draw, draw.outcome)}
        assert_allclose(pick(curves["outcome"], DRAWS[0], channel=c), gained, **near)
        spend = sum(draw.columns[c][first : last + 1])
        assert_allclose(curves["spend"].sel(channel=c), factors * spend, rtol=1e-12)
        beyond = [reference.extrapolated(draw, c, f, first=first, last=last) for f in factors]
        assert_allclose(np.nan_to_num(curves["extrapolated"].sel(channel=c)), beyond, rtol=1e-12)


def test_adstock_decay():
    fit = fit_of("daily, knots, two seasons")
    decay = estimands.adstock_decay(fit, days=10)
    for n in fit.system.order:
        half_life = fit.posterior[f"{n}.half_life"]
        lag = decay.lag.values
        assert lag.min() == 0
        expected = 0.5 ** (lag / half_life.values[..., None])
        assert_allclose(decay[n].transpose("chain", "draw", f"{n}.media", "lag"), expected, rtol=1e-12)


# ------------------------------------------------------------------------------------------------------- decomposition
def compare_parts(fit, found, draw, residual, n, at):
    expected, mean = reference.decompose(draw, n, residual)
    near = {"rtol": 1e-9, "atol": 1e-9 * draw.size(n)}
    labels = {key[3]: key for key in expected}
    shown = found.component.values.tolist()
    empty = [k for k in labels if k not in shown]
    assert not [k for k in empty if np.any(np.array(expected[labels[k]]) != 0.0)], empty
    assert set(shown) <= set(labels)
    for label in shown:
        kind, channel, mediator, _ = labels[label]
        part = found.sel(component=label)
        coords = (str(part["kind"].values), str(part["channel"].values), str(part["mediator"].values))
        assert coords == (kind, channel, mediator)
        assert_allclose(pick(part["contribution"], at), expected[labels[label]], err_msg=label, **near)
    assert_allclose(pick(found["mean"], at), mean, **near)
    assert_allclose(found["contribution"].sum("component").isel(chain=at[0], draw=at[1]), mean, **near)


@pytest.mark.parametrize("name", CASES)
def test_decomposition(name):
    fit = fit_of(name)
    for n in fit.system.order:
        found = estimands.decompose(fit, n)
        assert_allclose(found["observed"], fit.data.columns[n][0], rtol=1e-12)
        for at in DRAWS:
            compare_parts(fit, found, *draw_and_residual(name, at), n, at)


def test_decomposition_of_a_window_by_month():
    fit = fit_of("daily, knots, two seasons")
    every = estimands.decompose(fit, start="2023-01-11", stop="2023-02-20")
    by_month = estimands.decompose(fit, start="2023-01-11", stop="2023-02-20", freq="month")
    assert by_month.sizes["date"] == 2
    for key in ("contribution", "mean", "observed"):
        sums = every[key].groupby("date.month").sum().transpose(..., "month")
        assert_allclose(by_month[key].transpose(*every[key].dims), sums, rtol=1e-10)
    assert every.date.values[[0, -1]].astype("datetime64[D]").astype(str).tolist() == ["2023-01-11", "2023-02-20"]


# --------------------------------------------------------------------------------------------------- negative controls
def off(one, other):
    """Relative difference."""
    return abs(one - other) / max(abs(one), abs(other))


def test_a_wrong_rule_does_not_pass_for_the_right_one():
    name, at = "chain", DRAWS[0]
    fit = fit_of(name)
    found = estimands.effects(fit, channels=["tv"], window="outcome", **dates_of(fit, 12, 29))
    total, direct = (float(pick(found[k], at, channel="tv")) for k in ("total", "direct"))
    draw, residual = draw_and_residual(name, at)
    where = {"first": 12, "last": 29, "window": "outcome"}
    right = reference.effects(draw, residual, ["tv"], **where)
    assert off(total, right["total"]) < 1e-9
    assert off(direct, right["direct"]) < 1e-9
    # Spend a week late.
    late = dataclasses.replace(draw, columns=draw.columns | {"tv": [0.0, *draw.columns["tv"][:-1]]})
    assert off(total, reference.effects(late, reference.residuals(late), ["tv"], **where)["total"]) > 1e-4
    # Carry-in left out, or the tail counted.
    assert off(total, reference.effects(draw, residual, ["tv"], first=12, last=29, tail=0)["total"]) > 1e-4
    # The fitted mediator in the place of the observed one.
    fitted = {
        n: [draw.size(n) * m for m in reference.latent_mean(draw, n, draw.columns)] for n in ("queries", "shop")
    }
    smooth = dataclasses.replace(draw, columns=draw.columns | fitted)
    assert off(total, reference.effects(smooth, reference.residuals(smooth), ["tv"], **where)["total"]) > 1e-4


def test_the_order_of_direct_and_indirect_shows_under_a_log_link():
    name, at = "lognormal outcome", DRAWS[0]
    fit = fit_of(name)
    found = estimands.effects(fit, channels=["tv"], window="outcome")
    draw, residual = draw_and_residual(name, at)
    gone = reference.run(draw, residual, {"tv": [0.0] * len(draw.days)})
    only = reference.run(draw, residual, {m: gone[m] for m in draw.mediators})
    wrong = sum(only["sales"]) - sum(gone["sales"])
    right = reference.effects(draw, residual, ["tv"], first=0, last=51, window="outcome")["direct"]
    direct = float(pick(found["direct"], at, channel="tv"))
    assert off(direct, right) < 1e-9
    assert off(direct, wrong) > 1e-4


def test_shares_by_zeroing_out_are_not_the_decomposition():
    name, at = "S-shaped", DRAWS[0]
    fit = fit_of(name)
    parts = estimands.decompose(fit)["contribution"].sum("date")
    effect = estimands.effects(fit, channels=["social"], window="outcome")
    labels = [label for label in parts.component.values if label.startswith("social")]
    accounted = float(parts.sel(component=labels).sum("component").isel(chain=at[0], draw=at[1]))
    assert off(accounted, float(pick(effect["total"], at, channel="social"))) > 1e-4
