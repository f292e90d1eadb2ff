"""A fit that knows the truth of its world: what it answers is what estimates and plans are judged by."""

from dataclasses import replace

import numpy as np
import xarray as xr

from bayesmmm.errors import SettingError
from bayesmmm.results import Fit
from bayesmmm.results.fit import check_fit
from bayesmmm.simulate import World
from bayesmmm.validate import check_count


def true_fit(world: World, fit: Fit, *, copies: int = 1) -> Fit:
    """Return a fit of a world whose draws are copies of its true parameters.

    Asked anything, it answers with the truth: ``mm.predict(true_fit(world, fit), plan)`` is what a plan would bring in
    the world. Its draws are no sample, so that its verdict means nothing, and it answers all the same.

    Parameters
    ----------
    world : World
        A simulated world.
    fit : Fit
        Any fit; settings and versions are taken over, data and draws are not read.
    copies : int
        How many. One is enough where nothing is drawn at random for an answer; a mediator that is zero in many periods
        has values below zero that are, so that means over some hundred copies are taken.

    Returns
    -------
    Fit

    Raises
    ------
    SettingError
        For something that is no world, and an impossible number of copies.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> world = mm.load_case("tv")
    >>> fit = mm.fit(world.system, world.data, preview=True, draws=20, chains=1, seed=1)  # doctest: +SKIP
    >>> mm.roi(true_fit(world, fit), window="outcome").mean(("chain", "draw"))  # doctest: +SKIP
    """
    check_fit(fit)
    if not isinstance(world, World):
        raise SettingError(
            f"world is a {type(world).__name__}, and must be a World, as mm.load_case('tv') returns it"
        )
    copies = check_count(copies, "copies", least=1, advice="as copies=100")
    labels = {"chain": [0], "draw": np.arange(copies)}
    draws = {
        "posterior": world.truth.parameters.expand_dims(labels),
        "sample_stats": xr.Dataset({"diverging": (("chain", "draw"), np.zeros((1, copies), bool))}, labels),
    }
    scales = world.scales if len(world.data.geos) > 1 else world.data.scales()
    tree = xr.DataTree.from_dict(draws)
    return replace(
        fit, data=world.data, system=world.system, scales=scales, tree=tree, answering=None, accepted=True
    )
