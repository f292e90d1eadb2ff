"""Modes of another shape of response: found by the search, taken when far higher, and left alone when not."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.equations import for_data
from bayesmmm.inference import write_program
from bayesmmm.inference.coordinates import adapted, starting_point, whitened
from bayesmmm.inference.normal import Normal
from bayesmmm.inference.program import Program, deviations, on_line
from bayesmmm.inference.response_modes import MARGIN, best_shapes, is_far_lower, without_spreads
from bayesmmm.priors import Prior
from tests import panels

#: Width of either mode, on the line of every parameter.
WIDTH = 0.3


@dataclasses.dataclass(frozen=True, eq=False)
class TwoModes(Program):
    """Two Normal modes on the coordinates of a program: one at its start, and one so much higher elsewhere."""

    places: tuple = ()
    gap: float = 0.0

    def log_density(self, u):
        u = np.asarray(u)
        if self.whitening is not None:  # a draw of the Normal says no more than where it is
            return float(-0.5 * u @ u), -u
        parts = np.array([-0.5 * ((u - p) ** 2).sum() / WIDTH**2 for p in self.places]) + np.array([0.0, self.gap])
        shares = np.exp(parts - np.logaddexp(*parts))
        return float(np.logaddexp(*parts)), -sum(
            s * (u - p) / WIDTH**2 for s, p in zip(shares, self.places, strict=True)
        )


@pytest.fixture(scope="module")
def program():
    data = panels.data(periods=30)
    return write_program(for_data(panels.system(), data), data, data.scales())


def two_modes(program, gap, half_saturation="sales.half_saturation"):
    """Mostly a step in place of the curve of television, which lasts longer and differs between geos in another way."""
    other = program.start.copy()
    other[panels.position(program, half_saturation, "tv")] = np.log(0.0005)
    other[panels.position(program, "sales.slope", "tv")] = np.log(0.4)
    other[panels.position(program, "sales.half_life", "tv")] += 0.7
    other[[d.at for d in deviations(program)]] += 0.5
    fields = {f.name: getattr(program, f.name) for f in dataclasses.fields(Program)}
    return TwoModes(**fields, places=(program.start, other), gap=gap)


@pytest.mark.parametrize(("gap", "taken"), [(3 * MARGIN, True), (0.5 * MARGIN, False), (-3 * MARGIN, False)])
def test_a_shape_is_exchanged_for_one_that_is_far_more_probable_and_for_no_other(program, gap, taken):
    world = two_modes(program, gap)
    mode, another = best_shapes(world, program.start)
    assert another is taken
    free = without_spreads(program)
    assert_allclose(mode[free], world.places[int(taken)][free], atol=1e-3)


def test_shapes_are_looked_for_whatever_the_families_of_priors():
    """One prior of another family gives all blocks of its parameter a name with the family in it."""
    data, priors = panels.data(periods=30), {"half_saturation": {"tv": Prior("Gamma", alpha=2, beta=2)}}
    mixed = write_program(for_data(panels.system(priors=priors), data), data, data.scales())
    world = two_modes(mixed, 3 * MARGIN, "sales.half_saturation.Gamma")
    assert best_shapes(world, mixed.start)[1]


def test_of_two_modes_only_the_far_lower_one_is_said_to_be_so(program):
    for gap, lower in ((3 * MARGIN, [True, False]), (0.5 * MARGIN, [False, False]), (-3 * MARGIN, [False, True])):
        world = two_modes(program, gap)
        assert [is_far_lower(world, p, o) for p, o in (world.places, world.places[::-1])] == lower


def test_spreads_are_no_part_of_what_is_compared(program):
    """Another spread makes another height of the joint density, not another mode."""
    world = two_modes(program, -3 * MARGIN)
    wider = world.places[0].copy()
    wider[[d.at_tau for d in deviations(program)]] += 2.0
    assert not is_far_lower(world, wider, world.places[0])
    assert not is_far_lower(world, world.places[0], wider)


def test_a_chain_does_not_start_in_a_mode_that_is_far_lower(program):
    """It starts from a draw of the Normal in the other one; of two modes that are near each other it keeps its own."""
    size = len(program.start)
    for gap, kept in ((3 * MARGIN, False), (0.5 * MARGIN, True)):
        world = two_modes(program, gap)
        normal = Normal(world.places[1], np.full(size, WIDTH**-2), np.eye(size))
        start = starting_point(whitened(world, normal), seed=1)
        at_own = whitened(world, normal).whitening.inverse(world.places[0])
        tau = [d.at_tau for d in deviations(program)]  # a climb tilts them
        apart = np.delete(np.abs(start - at_own), tau).max()
        assert apart < 0.1 if kept else apart > 10.0
        assert kept or 0.1 < np.abs(start).max() < 4.0


def test_the_search_holds_a_mode_of_a_panel_where_there_is_one_only(program):
    new, normal = adapted(program, 5)
    mode, another = best_shapes(program, program.start)
    assert not another
    assert not is_far_lower(program, mode, mode)
    assert np.isfinite(whitened(new, normal).log_density(np.zeros(len(mode)))[0])


def test_a_value_beyond_the_support_of_a_prior_is_no_place(program):
    k = panels.position(program, "sales.slope", "tv")
    assert_allclose(on_line(program, k, 0.5), np.log(0.5))
    assert np.isnan(on_line(program, k, -1.0))
