"""Period effects that are drawn to zero where spend follows what all geos share: the check that speaks."""

import numpy as np
import pytest

import bayesmmm as mm
from bayesmmm.diagnostics.panel_checks import panel_checks, panel_means
from bayesmmm.diagnostics.period_checks import free_periods
from bayesmmm.diagnostics.thresholds import FREE_PERIODS
from bayesmmm.equations import MMM, Equation, Panel
from tests import panel_worlds
from tests.fits import quiet
from tests.panel_fits import panel_fit

#: Few, noisy geos: a good part of what they have in common is left.
NOISY = {"geos": 4, "periods": 104, "noise": 0.12, "shocks": 0.08}


def preview(world, panel=None):
    equation = Equation("sales", media=list(panel_worlds.CHANNELS), linear=["price"], panel=panel or Panel())
    fit = quiet(mm.fit, MMM([equation]), world.data, preview=True, seed=1, progress=False)
    return fit.accept_unconverged()


def found(fit):
    checks, tables = panel_checks(fit, seed=0)
    return {check.name: check for check in checks}, tables


def by_least_squares(fit, means):
    """Changes and their standard errors by least squares with dummies of every period and every geo."""
    equation, known = fit.system.equation("sales"), np.isfinite(means.residual)
    geo, period = np.nonzero(known)
    geos, periods = np.eye(known.shape[0])[geo], np.eye(known.shape[1])[period]
    own = [k for k, term in enumerate(equation.terms()) if term in equation.per_geo]
    assert len(own) > 3  # an intercept, a season, a price
    columns = [means.terms[c][known][:, None] for c in equation.media]
    columns += [periods, *(geos * means.design[..., k][known][:, None] for k in own)]
    x = np.hstack(columns)
    effects = fit.posterior["sales.period"].mean(("chain", "draw")).values
    y = (means.residual + effects)[known]
    slope, _, rank, _ = np.linalg.lstsq(x, y)
    variance = ((y - x @ slope) ** 2).sum() / (len(y) - rank) * np.diag(np.linalg.pinv(x.T @ x))
    media = len(equation.media)
    return slope[:media], np.sqrt(variance[:media])


@pytest.mark.parametrize("silent", [False, True])
def test_it_is_a_regression_with_an_effect_of_every_period_and_of_every_geo(silent):
    """On a panel whose geos start late and end early and have seasons of their own, of a price that one may not move."""
    fit = panel_fit("no mediator", ragged=True)
    equation, means = fit.system.equation("sales"), panel_means(fit, seed=0)["sales"]
    if silent:
        means.design[0, :, equation.terms().index("price")] = -0.7
    _, table = free_periods(fit, "sales", means)
    slope, error = by_least_squares(fit, means)
    np.testing.assert_allclose(table["change"], slope, rtol=1e-5)
    np.testing.assert_allclose(table["std_error"], error, rtol=1e-5)


def test_means_do_not_depend_on_how_draws_are_divided(monkeypatch):
    fit = panel_fit("mediated", ragged=True)
    whole = panel_means(fit, seed=0)
    monkeypatch.setattr("bayesmmm.diagnostics.panel_checks._BYTES", 1.0)
    for name, means in panel_means(fit, seed=0).items():
        np.testing.assert_allclose(means.residual, whole[name].residual, rtol=1e-9)
        for channel, values in means.terms.items():
            np.testing.assert_allclose(values, whole[name].terms[channel], rtol=1e-9)


def test_it_speaks_where_spend_follows_what_few_geos_share_and_its_remedy_silences_it():
    world = panel_worlds.shocked(903, **NOISY)
    checks, tables = found(preview(world))
    check = checks["periods:sales"]
    assert not checks["common:sales"].raised  # which looks well with the effects of media in it
    assert check.raised
    assert "mm.Panel(periods='fixed'" in check.remedies[0]
    assert check.value == pytest.approx(tables["periods"].loc["sales", "ratio"].abs().max())
    checks, tables = found(preview(world, Panel(periods="fixed")))
    assert "periods:sales" not in checks
    assert "periods" not in tables


@pytest.mark.parametrize("more", [{"followed": False}, {"geos": 8, "noise": 0.04, "shocks": 0.15}])
def test_it_is_silent_where_spend_goes_its_own_way_or_many_geos_tell_of_a_period(more):
    assert not found(preview(panel_worlds.shocked(903, **NOISY | more)))[0]["periods:sales"].raised


def test_channels_that_all_geos_buy_alike_say_nothing():
    """Within a period there is nothing to tell them by: no check, and no division by nothing."""
    world = panel_worlds.shocked(1, geos=4, periods=60)
    fit = preview(world)
    means = panel_means(fit, seed=0)["sales"]
    for name, values in means.terms.items():
        means.terms[name] = np.broadcast_to(values.mean(axis=0), values.shape)
    assert free_periods(fit, "sales", means) is None


@pytest.mark.slow
def test_over_sixty_panels():
    """Silent where period effects have nothing to do with spend, as they take it for granted."""
    for more in ({"followed": False}, {"followed": False, "shocks": 0.0}):
        values = np.array(
            [found(preview(panel_worlds.shocked(i, **NOISY | more)))[0]["periods:sales"].value for i in range(30)]
        )
        print(more, np.sort(values)[-5:].round(1))  # noqa: T201
        assert (values > FREE_PERIODS.warn).sum() <= 1
    values = np.array(
        [found(preview(panel_worlds.shocked(i, **NOISY)))[0]["periods:sales"].value for i in range(30)]
    )
    print(np.sort(values).round(2).tolist())  # noqa: T201
    assert (values > FREE_PERIODS.warn).mean() > 0.5
