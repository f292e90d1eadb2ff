"""Worlds for simulation studies: where they come from, and what happens to those that are no valid data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM, check_system
from bayesmmm.errors import DataError, EquationError, EvaluationError
from bayesmmm.simulate import World, simulate_world

__all__ = ["Drawn", "PriorWorlds", "draw_world", "gathered", "worlds_from"]

#: Refused data sets in a row after which the priors, not bad luck, are to blame.
MOST_REFUSED = 100


@dataclass(frozen=True)
class PriorWorlds:
    """Worlds whose parameters are drawn from the priors: called with ``seed=``, returns a World.

    Attributes
    ----------
    system : MMM
    data : MMMData
        Dates, spend and controls; the series that the equations explain are placeholders.
    scales : Scales
        The generating scales, the same for all worlds.
    """

    system: MMM
    data: MMMData
    scales: Scales

    def __call__(self, *, seed: int) -> World:
        """Simulate one world."""
        return simulate_world(self.system, self.data, scales=self.scales, seed=seed)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A world, and how many were refused before it."""

    world: World
    refused: int


def worlds_from(system: MMM, source: MMMData | Callable[..., World]) -> Callable[..., World]:
    """Return a maker of worlds: `source` itself if it is one, or `PriorWorlds` of data.

    Raises
    ------
    DataError, EquationError, PanelError
        When data and system do not fit together.
    EvaluationError
        For something that is neither.
    """
    if isinstance(source, MMMData):
        engine.check_national(source)
        check_system(system, source)
        return PriorWorlds(system, source, source.scales())
    if callable(source):
        return source
    raise EvaluationError(
        f"source is a {type(source).__name__}; give MMMData, or a function that makes a World when called with seed="
    )


def draw_world(worlds: Callable[..., World], rng: np.random.Generator) -> Drawn:
    """Draw worlds until one is valid data.

    A data set is refused by what is in it, such as a mediator that never leaves zero; never by the parameters behind
    it. Given the data, the posterior is the same with or without that rule, and so ranks of truths stay uniform.

    Raises
    ------
    EvaluationError
        When `MOST_REFUSED` are refused in a row, or `worlds` does not return a World.
    """
    for refused in range(MOST_REFUSED):
        try:
            world = worlds(seed=int(rng.integers(2**31)))
        except (DataError, EquationError) as error:
            last = error
            continue
        if not isinstance(world, World):
            raise EvaluationError(
                f"the maker of worlds returned a {type(world).__name__}; let it return a World, as simulate_world does"
            )
        return Drawn(world, refused)
    raise EvaluationError(
        f"{MOST_REFUSED} simulated data sets in a row are no valid data; give narrower priors, above all for the "
        f"intercepts. The last was refused because: {last}"
    ) from last


def gathered(results: Mapping[int, xr.Dataset]) -> xr.Dataset:
    """Join the rows of single simulations along the dim simulation; quantities that all of them have."""
    rows = list(results.values())
    if not rows:
        raise EvaluationError("not a single simulation was done, so there are no ranks; run it again")
    whole = xr.concat(rows, "simulation", join="inner", data_vars="all", coords="different", compat="equals")
    order = [name for name in rows[0]["quantity"].values if name in whole["quantity"]]
    return whole.sel(quantity=order).assign_coords(simulation=list(results))
