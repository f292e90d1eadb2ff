"""Worlds with known truth: series simulated from the very equations that are fitted.

`simulate_world` runs any system on given spend; `social_search`, `youtube`, `shop`, `tv` and `regions`, a panel, are the
ready-made worlds of the cases; `ecommerce` is a large panel, written as the raw table that brands would report.
`write_world` and `read_world` keep a world in plain files. `broken_world` makes worlds that each break one assumption of
the model that is fitted to them. Nothing here knows a posterior.
"""

from bayesmmm.simulate.broken_worlds import WORLDS, BrokenWorld, broken_world
from bayesmmm.simulate.ecommerce import Ecommerce, ecommerce
from bayesmmm.simulate.ecommerce_table import ecommerce_table, write_ecommerce
from bayesmmm.simulate.files import read_world, write_world
from bayesmmm.simulate.regions import regions
from bayesmmm.simulate.shop import shop
from bayesmmm.simulate.social import social_search
from bayesmmm.simulate.truth import Truth
from bayesmmm.simulate.tv import tv
from bayesmmm.simulate.world import World, simulate_world
from bayesmmm.simulate.youtube import youtube
