"""Chains that stayed in different places: a posterior with more than one mode, said as such."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import xarray as xr

from bayesmmm.results.summaries import flat
from bayesmmm.text import row_parts

#: Two chains are apart where a draw of one lies below a draw of the other with at least this probability.
APART = 0.99
#: A chain went elsewhere where the share of draws of its first half below one of the second is this far from a half.
DRIFT = 0.3
#: What nutpie and PyMC call the log density of a draw.
_DENSITY = ("logp", "lp")
#: Parameters that say most about what a mode means come first.
_TELLING = ("half_life", "retention")
#: Parameters that are looked at: where many disagree, those that do so most show it.
_MOST = 20


def modes(posterior: xr.Dataset, stats: xr.Dataset, doubtful: Mapping[str, float]) -> str:
    """Say in words where groups of chains stayed; empty where no parameter keeps them apart.

    Parameters
    ----------
    posterior, stats : Dataset
        Draws and sampler statistics.
    doubtful : mapping of str to float
        R-hat of the parameters on which chains disagree, by their names in a summary.

    Returns
    -------
    str
        As "sales.half_life[tv] is about 5 in chains 0, 2, 3 (log density 192.1) and 464 in chain 1 (log density
        206.2)".
    """
    named = sorted(doubtful, key=lambda name: (not _tells(name), -doubtful[name]))[:_MOST]
    for name in named:
        draws = _draws(posterior, name)
        if not np.isfinite(draws).all() or (draws.std(axis=1) == 0.0).any():
            continue  # a chain that stands still is in no mode, nor is what is no number
        groups, moved = apart(draws)
        if len(groups) > 1:
            between = f"; {_chains(moved)} moved between them" if moved else ""
            return f"{name} is about {' and '.join(_place(draws, stats, group) for group in groups)}{between}"
    return ""


def _tells(name: str) -> bool:
    return row_parts(name)[0].rpartition(".")[2] in _TELLING


def _draws(posterior: xr.Dataset, name: str) -> np.ndarray:
    """Draws (chain, draw) of one value by its name in a summary."""
    variable, _ = row_parts(name, map(str, posterior))
    values = posterior[variable].transpose("chain", "draw", ...)
    names = list(flat(values[0, 0].to_dataset(name=variable)))  # labels of days and geos are written there
    return values.values.reshape(*values.shape[:2], -1)[..., names.index(name)]


def apart(draws: np.ndarray) -> tuple[list[list[int]], list[int]]:
    """Group the chains of draws (chain, draw) so that no chain connects two groups, from low to high values.

    Chains whose second half lies elsewhere than the first went from one place to another: they come apart.
    """
    half = draws.shape[1] // 2
    drift = [abs(_below(chain[:half], chain[half:]) - 0.5) for chain in draws]
    moved = [i for i, value in enumerate(drift) if value > DRIFT]
    order = [int(i) for i in np.argsort(np.median(draws, axis=1), kind="stable") if i not in moved]
    groups = [order[:1]]
    for before, after in pairwise(order):
        if _below(draws[before], draws[after]) >= APART:  # neighbours in the order of medians are the closest
            groups.append([])
        groups[-1].append(after)
    return [sorted(group) for group in groups], moved


def _below(low: np.ndarray, high: np.ndarray) -> float:
    """Share of pairs in which the draw of the first lies below that of the second."""
    return float(np.searchsorted(np.sort(low), high).mean() / low.size)


def _chains(chains: Sequence[int]) -> str:
    return f"chain{'s' * (len(chains) > 1)} {', '.join(map(str, chains))}"


def _place(draws: np.ndarray, stats: xr.Dataset, group: Sequence[int]) -> str:
    density = next((name for name in _DENSITY if name in stats), None)
    height = ""
    if density is not None:
        height = f" (log density {float(stats[density].isel(chain=list(group)).mean()):.1f})"
    return f"{np.median(draws[group]):.3g} in {_chains(group)}{height}"
