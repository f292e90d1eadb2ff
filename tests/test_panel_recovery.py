"""Panels whose weekly shocks move sales everywhere, and budgets with them: returns with and without period effects."""

import numpy as np
import pytest

import bayesmmm as mm
from bayesmmm.equations import MMM, Equation, Panel
from tests import panel_worlds
from tests.fits import quiet

SETTINGS = {"tune": 300, "draws": 500, "chains": 4, "progress": False}


def system(periods):
    panel = Panel(periods=periods)
    return MMM([Equation("sales", media=list(panel_worlds.CHANNELS), linear=["price"], panel=panel)])


def judged(world, periods, *, seed=1, settings=SETTINGS):
    """By channel whether the 90 % interval of the total return holds the truth; what geos still share."""
    fit = quiet(mm.fit, system(periods), world.data, seed=seed, **settings).accept_unconverged()
    found = mm.roi(fit, window="outcome")
    low, high = found.quantile([0.05, 0.95], ("chain", "draw")).transpose("quantile", "channel").values
    truth = np.array([world.roi[name] for name in found["channel"].values])
    return (low <= truth) & (truth <= high), mm.diagnose(fit)["common:sales"].raised


def test_shocks_that_drive_spend_are_taken_out_by_period_effects_and_named_without_them():
    world = panel_worlds.shocked(3, geos=6, periods=52)
    settings = SETTINGS | {"chains": 2, "draws": 300}
    inside, raised = judged(world, "random", settings=settings)
    assert inside.all()
    assert not raised
    inside, raised = judged(world, "none", settings=settings)
    assert not inside.all()
    assert raised


def by_brand(world, group, *, seed=1, settings=SETTINGS):
    """By brand and channel whether the 90 % interval of the return of a brand holds the truth; its relative width."""
    panel = Panel(group=group)
    grouped = MMM([Equation("sales", media=list(panel_worlds.CHANNELS), linear=["price"], panel=panel)])
    fit = quiet(mm.fit, grouped, world.data, seed=seed, **settings).accept_unconverged()
    found = mm.roi(fit, window="outcome", by="brand")
    low, high = found.quantile([0.05, 0.95], ("chain", "draw")).transpose("quantile", "brand", "channel").values
    pairs = [[(b, c) for c in found["channel"].values] for b in found["brand"].values]
    truth = np.array([[world.by_brand[pair] for pair in row] for row in pairs])
    return (low <= truth) & (truth <= high), (high - low) / truth, fit.convergence


def test_returns_of_brands_are_found_again():
    world = panel_worlds.shocked(2, geos=8, periods=60, brands=4)
    inside, _, _ = by_brand(world, None, settings=SETTINGS | {"chains": 2, "draws": 300})
    assert inside.mean() > 0.7


@pytest.mark.slow
def test_coverage_of_brands_over_twelve_panels():
    worlds = [panel_worlds.shocked(300 + i, geos=12, brands=4) for i in range(12)]
    found = [by_brand(world, None) for world in worlds]
    share = np.mean([inside for inside, _, _ in found])
    print(f"inside: {share:.3f}, mean width {np.mean([w for _, w, _ in found]):.2f} of the truth")  # noqa: T201
    print(*[str(verdict).splitlines()[0] for *_, verdict in found], sep="\n")  # noqa: T201
    assert 0.80 <= share <= 0.97


@pytest.mark.slow
def test_coverage_over_twenty_panels_with_period_effects_and_without_them():
    worlds = [panel_worlds.shocked(100 + i) for i in range(20)]
    with_effects = [judged(world, "random") for world in worlds]
    without = [judged(world, "none") for world in worlds]
    share, share_without = (np.mean([inside for inside, _ in each]) for each in (with_effects, without))
    print(f"inside: {share:.3f} with period effects, {share_without:.3f} without")  # noqa: T201
    assert 0.80 <= share <= 0.97
    assert share_without < 0.5
    assert not any(raised for _, raised in with_effects)
    assert all(raised for _, raised in without)
