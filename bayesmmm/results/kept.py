"""What a fit keeps of answers, so that the next one begins with it: for the draws that it rests on, and only so much."""

from collections.abc import Callable, Hashable
from typing import Any

import xarray as xr

from bayesmmm.results.convergence import fingerprint
from bayesmmm.results.fit import Fit

#: Most memory, in bytes, that may be kept under one name.
KEPT = 400e6


class Kept(dict):
    """What a fit keeps; copies of the fit begin without it."""

    def __reduce__(self) -> tuple:
        return Kept, ()

    def __deepcopy__(self, memo: dict) -> "Kept":
        return Kept()


def keep(fit: Fit, name: str, found: dict[Hashable, Any], size: float) -> None:
    """Keep what was found in place of what was kept under this name, or nothing where it is too large.

    It is put in place as a whole: other threads find all of it or nothing.
    """
    if size <= KEPT:
        fit.memo[name] = Kept(found)
    else:
        fit.memo.pop(name, None)


def recall[T](fit: Fit, name: str, key: Hashable, make: Callable[[], T]) -> T:
    """Return what is kept under a name for this key, else make it and keep it in place of that of another key."""
    kept = fit.memo.get(name)
    if kept is None or key not in kept:
        fit.memo[name] = kept = Kept({key: make()})
    return kept[key]


def pinned(fit: Fit) -> Fit:
    """Return a fit that answers go on to take as it is now, so that none looks whether its draws were written to."""
    fit = fit.with_convergence(fit.convergence)
    fit.memo["pinned"] = Kept(draws=(fingerprint(fit.tree), fit.posterior))
    return fit


def posterior_of(fit: Fit) -> tuple[str, xr.Dataset]:
    """Return the fingerprint of the draws of a fit, and its posterior."""
    known = fit.memo.get("pinned")  # of a copy it is empty
    return known["draws"] if known else (fingerprint(fit.tree), fit.posterior)
