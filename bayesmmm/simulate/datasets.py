"""The cases that come with the package: worlds with known truth, loaded from its own files."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bayesmmm.errors import SettingError
from bayesmmm.simulate.ecommerce import ecommerce
from bayesmmm.simulate.files import read_world
from bayesmmm.simulate.world import World
from bayesmmm.text import no_such

_HERE = Path(__file__).parents[1]

#: Where the shipped files are: inside an installed package, or next to it in a checkout.
FOLDER = next(folder for folder in (_HERE / "_data", _HERE.parent / "data") if folder.is_dir())

#: The case that is shipped as a raw table, with which its analysis begins, and the size of that table.
RAW, RAW_SIZE = "ecommerce", MappingProxyType({"series": 10, "rows": 5000})

#: Name of every case -> what it is. The function of that name in `bayesmmm.simulate` makes it.
CASES: Mapping[str, str] = MappingProxyType(
    {
        "social_search": "four social channels, paid search as their mediator, three years of weekly revenue",
        "youtube": "a year of daily spend on search, display and YouTube, and sign-ups, which are counts",
        "shop": "three years of weekly revenue with outliers, three channels, a price and promotions",
        "tv": "four years of weekly spend on TV, Digital, Print and Radio, with a Christmas, an economic cycle, a trend",
        "regions": "a panel of eight regions with a common demand that drives their spend, too",
        "ecommerce": "a panel of ten series, brands by territory, by the day: nine paid channels and e-mail",
    }
)


def load_case(case: str) -> World:
    """Load a case that comes with the package: data, the system of equations that made them, and the truth.

    It is the world of seed 1 as shipped; nothing is recomputed, but for "ecommerce", which is shipped as a raw table and
    simulated anew. `bayesmmm.simulate` makes the same of other seeds.

    Parameters
    ----------
    case : str
        "social_search": four social channels, paid search as their mediator, three years of weekly revenue; "youtube":
        a year of daily spend on search, display and YouTube, and of sign-ups; "shop": three years of weekly revenue
        with outliers, three channels, a price and promotions; "tv": four years of weekly spend on TV, Digital, Print and
        Radio, with a Christmas, an economic cycle and a trend; "regions": a panel of eight regions,
        three channels, searches as their mediator, weekly sales; "ecommerce": a panel of ten series of brands by
        territory, nine paid channels and e-mail, sales by the day.

    Returns
    -------
    World

    Raises
    ------
    SettingError
        When there is no such case.

    Examples
    --------
    >>> world = load_case("social_search")
    >>> world.data.frequency, len(world.data.dates)
    ('weekly', 156)
    >>> world.truth.effects["channel"].values.tolist()
    ['facebook', 'tiktok', 'instagram', 'snapchat']
    >>> len(load_case("regions").data.geos)
    8
    >>> load_case("ecommerce").data.levels["brand"][2:4]
    ('brand 01', 'brand 02')
    """
    if not isinstance(case, str) or case not in CASES:
        raise SettingError(no_such(f"there is no case {case!r}", case, CASES, "Choose one of"))
    return ecommerce(seed=1, **RAW_SIZE).world if case == RAW else read_world(FOLDER, case)
