"""How many draws a fit keeps where nobody says."""

import bayesmmm as mm
from bayesmmm.inference import default_draws
from tests import panels


def test_panels_with_many_contributions_of_geos_keep_more_draws():
    few, many = (panels.data(tuple(f"g{i}" for i in range(geos)), periods=10) for geos in (200, 260))
    assert [default_draws(panels.system(), data) for data in (few, many)] == [1000, 1500]  # of 800 and 1040 pairs


def test_a_series_keeps_as_many_as_ever_and_what_is_no_data_is_left_to_the_checks():
    world = mm.load_case("social_search")
    assert default_draws(world.system, world.data) == 1000
    assert default_draws(world.system, "data") == 1000
    assert default_draws("system", world.data) == 1000
