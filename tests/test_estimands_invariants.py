"""What must hold between answers, whatever the numbers."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm import estimands
from bayesmmm.equations import MMM
from tests import made
from tests.answer_cases import (
    CASES,
    channels_of,
    dates_of,
    fit_of,
    paid_of,
)


# ---------------------------------------------------------------------------------------------------------- invariants
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("window", ["spend", "outcome"])
def test_parts_of_an_effect_add_up(name, window):
    fit = fit_of(name)
    found = estimands.effects(fit.thin(4), window=window, **dates_of(fit, 5, 25))
    size = 1e-10 * np.abs(fit.data.columns[fit.system.outcome]).sum()
    assert_allclose(found["direct"] + found["indirect"], found["total"], atol=size, rtol=1e-10)
    if fit.system.mediators:
        assert_allclose(found["via"].sum("mediator"), found["indirect"], atol=size, rtol=1e-10)
    else:
        assert np.all(found["indirect"] == 0.0)
    assert_allclose(found["joint_direct"] + found["joint_indirect"], found["joint"], atol=size, rtol=1e-10)
    assert found.attrs["window"] == window


def test_a_channel_that_feeds_only_the_mediator_has_no_direct_effect():
    for name in ("no direct path", "chain without a short cut"):
        fit = fit_of(name)
        found = estimands.effects(fit, channels=["tv", "social"], window="outcome")
        assert np.all(np.abs(found["direct"]) < 1e-9)
        assert np.all(np.abs(found["total"]).max(("chain", "draw")) > 1.0)
        only = estimands.effects(fit, channels=["radio"], window="outcome")
        assert np.all(np.abs(only["indirect"]) < 1e-9)


def test_the_effect_through_a_chain_goes_to_its_last_mediator():
    fit = fit_of("chain without a short cut")
    found = estimands.effects(fit, channels=["tv"], window="outcome")
    assert np.all(np.abs(found["via"].sel(mediator="queries")) < 1e-9)
    assert_allclose(found["via"].sel(mediator="shop"), found["indirect"], rtol=1e-9, atol=1e-9)
    assert np.all(found["induced"].sel(mediator="queries").max(("chain", "draw")) > 1.0)


@pytest.mark.parametrize("name", ["chain", "censored mediator", "censored outcome"])
def test_roi_is_that_of_the_effects(name):
    fit = fit_of(name)
    where = {"window": "outcome", **dates_of(fit, 8, 30)}
    found = estimands.effects(fit, **where)
    for net, key in ((False, "roi"), (True, "roi_net")):
        value = estimands.roi(fit, net=net, **where)
        assert value.name == key
        assert_allclose(value, found[key], rtol=1e-12)
        # One unit of outcome per unit of money means something only where the outcome is money.
        assert value.attrs.get("threshold") == (1.0 if fit.data.outcome_unit == "money" else None)
    assert bool((found["roi_net"] != found["roi"]).any()) == bool(paid_of(fit))


def test_fewer_draws_are_some_of_all_draws():
    fit = fit_of("censored in a chain")
    all_of_them = estimands.effects(fit)["total"]
    some = estimands.effects(fit.thin(4))["total"]
    assert some.sizes["chain"] * some.sizes["draw"] == 4
    for row in some.stack(sample=("chain", "draw")).transpose("sample", "channel").values:
        gaps = np.abs(all_of_them.stack(sample=("chain", "draw")).transpose("sample", "channel").values - row)
        assert gaps.max(axis=1).min() < 1e-8 * np.abs(row).max()


def test_a_little_more_of_a_straight_line_returns_what_all_of_it_does():
    # With a half-saturation far above all spend the curve is a line, so that marginal and mean return agree.
    fit = made.case_fit("one term", values={"sales.slope": 1.0, "sales.half_saturation": 1e6})
    for window in ("spend", "outcome"):
        where = {"window": window, **dates_of(fit, 8, 30)}
        assert_allclose(estimands.marginal_roi(fit, **where), estimands.roi(fit, **where), rtol=1e-4)


def thousandfold(fit):
    """The same fit with all money in a unit a thousand times smaller."""
    money = [*channels_of(fit), *paid_of(fit), fit.system.outcome]
    data = fit.data.replace_columns({n: 1000.0 * fit.data.columns[n] for n in money})
    return dataclasses.replace(fit, data=data, scales=data.scales())


@pytest.mark.parametrize("name", ["diamond", "censored in a chain", "lognormal outcome", "linear mediator"])
def test_the_unit_of_money_does_not_matter(name):
    fit = fit_of(name)
    other = thousandfold(fit).accept_unconverged()
    for window in ("spend", "outcome"):
        where = {"window": window, **dates_of(fit, 6, 14)}
        one, two = estimands.effects(fit, **where), estimands.effects(other, **where)
        for key in ("roi", "roi_direct", "roi_net", "share"):
            assert_allclose(two[key], one[key], rtol=1e-7, atol=1e-10, err_msg=key)
        assert_allclose(two["total"], 1000.0 * one["total"], rtol=1e-7, atol=1e-5)
        assert_allclose(
            estimands.marginal_roi(other, **where), estimands.marginal_roi(fit, **where), rtol=1e-7, atol=1e-10
        )


@pytest.mark.parametrize("name", ["parallel", "chain", "censored in a chain"])
def test_the_order_of_channels_does_not_matter(name):
    fit = fit_of(name)
    turned = MMM([dataclasses.replace(e, media=e.media[::-1]) for e in fit.system.equations])
    posterior = fit.posterior
    for e in turned.equations:
        if e.media:
            posterior = posterior.sel({f"{e.name}.media": list(e.media)})
    other = dataclasses.replace(fit, system=turned, tree=fit.tree.copy())
    other.tree["posterior"] = posterior
    other = other.accept_unconverged()
    for window in ("spend", "outcome"):
        where = {"window": window, **dates_of(fit, 6, 14)}
        one, two = estimands.effects(fit, **where), estimands.effects(other, **where)
        for key in ("total", "direct", "via", "roi_net"):
            again = two[key].sel(channel=one.channel)
            again = again.sel(mediator=one.mediator) if "mediator" in again.dims else again
            assert_allclose(again, one[key], rtol=1e-8, atol=1e-7, err_msg=key)
    one, two = estimands.decompose(fit), estimands.decompose(other)
    assert_allclose(two["contribution"].sel(component=one.component), one["contribution"], rtol=1e-8, atol=1e-7)
