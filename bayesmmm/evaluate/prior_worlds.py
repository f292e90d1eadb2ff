"""Simulation studies: where their worlds come from, what happens to those that are no valid data, many of them."""

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import MMM, check_system, for_data
from bayesmmm.errors import DataError, EquationError, EvaluationError
from bayesmmm.evaluate.quantities import chosen, of_world
from bayesmmm.inference.many_fits import run, seeds
from bayesmmm.simulate import World, simulate_world
from bayesmmm.validate import check_seed

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


def worlds_from(system: MMM, source: MMMData | Callable[..., World]) -> tuple[MMM, Callable[..., World]]:
    """Return the system to fit and a maker of worlds: `source` itself if it is one, or `PriorWorlds` of data.

    Default priors may depend on spend, that of a paid mediator included, which a study simulates: they are decided once.
    """
    if isinstance(source, MMMData):
        engine.check_data(source)
        check_system(system, source)
        system = for_data(system, source)
        return system, PriorWorlds(system, source, source.scales())
    with suppress(TypeError, ValueError):  # no function, or one that takes no seed
        inspect.signature(source).bind(seed=0)
        return system, source
    raise EvaluationError(
        f"source is a {type(source).__name__}; give MMMData, or a function that makes a World when called with seed="
    )


def draw_world(worlds: Callable[..., World], rng: np.random.Generator) -> tuple[World, int]:
    """Draw worlds until one is valid data; return it, and how many were refused before it.

    A data set is refused by what is in it, such as a mediator that never leaves zero; never by the parameters behind
    it. Given the data, the posterior is the same with or without that rule, and so ranks of truths stay uniform.
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
        return world, refused
    raise EvaluationError(
        f"{MOST_REFUSED} simulated data sets in a row are no valid data; give narrower priors, above all for the "
        f"intercepts. The last was refused because: {last}"
    ) from last


def check_quantities(
    worlds: Callable[..., World], system: MMM, quantities: Sequence[str] | None, *, seed: int, restated: bool
) -> tuple[str, ...] | None:
    """Return `quantities`, checked against a first world: what cannot be simulated or told is said at once."""
    check_seed(seed, EvaluationError)
    first = of_world(draw_world(worlds, np.random.default_rng(seed))[0], system, restated=restated)
    chosen(list(first), quantities)
    return None if quantities is None else tuple(quantities)


def simulate_many(
    task: Callable[[int], xr.Dataset],
    simulations: int,
    settings: Mapping[str, Any],
    *,
    seed: int,
    executor: Any,
    progress: bool,
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Run the simulations of a study; return their rows, and its fields requested, failed, complete and settings."""
    start = time.perf_counter()
    done = run(
        task,
        seeds(seed, simulations),
        executor=executor,
        progress=progress,
        label=lambda item: f"seed {item}",
        title="simulations",
    )
    return _joined(done.results), {
        "requested": simulations,
        "failed": dict(done.failed),
        "complete": done.complete,
        "settings": {**settings, "seed": seed, "seconds": time.perf_counter() - start},
    }


def shortfall(failed: Mapping[int, str], done: int, requested: int) -> list[str]:
    """Say in a line how many simulations are missing; nothing where all are there."""
    if failed:
        return [f"  {len(failed)} fits failed and are left out: {next(iter(failed.values()))}"]
    return [f"  interrupted: {done} of {requested} simulations are done"] if done < requested else []


def row(
    names: Sequence[str], by_quantity: Mapping[str, np.ndarray], about: Mapping[str, Any], *, seed: int
) -> xr.Dataset:
    """Return what a task of a study returns: values by quantity, and what there is one of, as the verdict on a fit."""
    values = {name: ("quantity", value) for name, value in by_quantity.items()}
    return xr.Dataset({**values, **about}, {"quantity": names, "seed": seed})


def _joined(results: Mapping[int, xr.Dataset]) -> xr.Dataset:
    """Join the rows of single simulations along the dim simulation; quantities that all of them have."""
    rows = list(results.values())
    if not rows:
        raise EvaluationError("not a single simulation was done, so there are no ranks; run it again")
    whole = xr.concat(rows, "simulation", join="inner", data_vars="all", coords="different", compat="equals")
    order = [name for name in rows[0]["quantity"].values if name in whole["quantity"]]
    return whole.sel(quantity=order).assign_coords(simulation=list(results))
