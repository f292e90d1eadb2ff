"""Random numbers by their place: those that NumPy's generator makes, bit for bit."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bayesmmm import engine, kernels


@pytest.mark.parametrize("periods", [1, 2, 3, 4, 13, 156])
@pytest.mark.parametrize(("seed", "stream"), [(0, 0), (3, 5), (2**63 - 1, 1 << 32 | 7)])
def test_numbers_are_those_of_numpy(seed, stream, periods):
    draws, geos = np.array([0, 1, 3999], np.uint64), np.array([0, 2**64 - 1], np.uint64)
    out = np.empty((3, 2, periods))
    kernels.philox_uniforms(np.uint64(seed), np.uint64(stream), draws, geos, periods, out)
    key = np.array([seed, stream], np.uint64)
    for row, draw in enumerate(draws):
        for g, geo in enumerate(geos):
            counter = np.array([0, 0, draw, geo], np.uint64)
            twin = np.random.Generator(np.random.Philox(key=key, counter=counter))
            assert_array_equal(out[row, g], twin.random(periods))


def test_a_number_does_not_depend_on_the_others():
    draws = np.array([5, 9, 11])
    whole = engine.uniforms(3, 5, draws, ("north", "south"), 30)
    assert_array_equal(engine.uniforms(3, 5, draws[1:2], ("south",), 7, first=9), whole[1:2, 1:, 9:16])
