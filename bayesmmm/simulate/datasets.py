"""The data sets that come with the package, loaded from its own files."""

from pathlib import Path

from bayesmmm.simulate.files import read_world
from bayesmmm.simulate.world import World

_HERE = Path(__file__).parents[1]

#: Where the shipped files are: inside an installed package, or next to it in a checkout.
FOLDER = next(folder for folder in (_HERE / "_data", _HERE.parent / "data") if folder.is_dir())


def load_social_search() -> World:
    """Load the example world: four social channels, paid search as their mediator, three years of weekly revenue.

    It is ``social_search(seed=1)`` as shipped; nothing is recomputed.

    Returns
    -------
    World

    Examples
    --------
    >>> world = load_social_search()
    >>> world.data.frequency, len(world.data.dates)
    ('weekly', 156)
    >>> world.truth.effects["channel"].values.tolist()
    ['facebook', 'tiktok', 'instagram', 'snapchat']
    """
    return read_world(FOLDER, "social_search")


def load_regions() -> World:
    """Load the panel world: eight regions of different size, three channels, searches as their mediator, weekly sales.

    It is ``regions(seed=1)`` as shipped; nothing is recomputed.

    Returns
    -------
    World

    Examples
    --------
    >>> world = load_regions()
    >>> len(world.data.geos), len(world.data.dates)
    (8, 120)
    >>> world.truth.effects["channel"].values.tolist()
    ['tv', 'social', 'radio']
    """
    return read_world(FOLDER, "regions")
