"""The record of one prior, and the check that it fits a parameter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bayesmmm.errors import PriorError, PriorSupportError, UnknownPriorError
from bayesmmm.priors.families import FAMILIES, Family, FrozenMap
from bayesmmm.text import did_you_mean, no_such, written
from bayesmmm.validate import LARGEST_NUMBER, as_floats, check_size, is_count, is_number, of_allowed_size

#: Largest size of what a prior lets a parameter be, nine times in ten, where the parameter is in units of the equation
#: and not of the data, as roi is: beyond it the series itself is lost in rounding.
LARGEST_SHARE = 1e8


@dataclass(frozen=True, init=False, repr=False)
class Prior:
    """A univariate prior: a PyMC family and its arguments.

    Arguments have PyMC's names and meaning, so ``getattr(pm, prior.family)(name, **prior.args)`` is the same
    distribution. Every argument is given; nothing has a silent default.

    Parameters
    ----------
    family
        Name of a PyMC family, such as "LogNormal".
    **args
        Its arguments, as numbers.

    Raises
    ------
    UnknownPriorError
        When the family or an argument is not known.
    PriorError
        When an argument is missing or has an impossible value, or most of the mass lies where nothing can be computed.

    Examples
    --------
    >>> Prior("LogNormal", mu=0, sigma=0.7)
    LogNormal(mu=0, sigma=0.7)
    >>> Prior("HalfNormal", sigma=2).support
    (0.0, inf)
    """

    family: str
    args: Mapping[str, float]

    def __init__(self, /, family: str, **args: float):  # a record may hold the key "self", too
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "args", FrozenMap(_checked(family, args)))
        self.scipy()

    def scipy(self) -> Any:
        """Return the frozen SciPy distribution (logpdf, cdf, ppf, rvs). Equal priors share it: do not change it."""
        return _frozen(self)

    @property
    def support(self) -> tuple[float, float]:
        """Lower and upper end of the values that have positive density."""
        lower, upper = self.scipy().support()
        return float(lower), float(upper)

    @property
    def median(self) -> float:
        """Value with half of the mass on either side."""
        return float(self.scipy().median())

    def logpdf(self, x: Any) -> np.ndarray:
        """Return the log density at `x` (any shape); -inf outside the support."""
        try:
            values = as_floats(x)
        except (TypeError, ValueError, OverflowError) as problem:
            raise PriorError(f"the density of {self!r} is asked at {written(x)}. Give numbers.") from problem
        return np.asarray(self.scipy().logpdf(values), dtype=float)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...] | None = None) -> np.ndarray:
        """Return draws of shape `size` made with the generator `rng`."""
        if not isinstance(rng, np.random.Generator):
            raise PriorError(f"rng is {written(rng)}. Give a generator, as np.random.default_rng(0).")
        shape = () if size is None else size if isinstance(size, tuple) else (size,)
        if not all(is_count(n) and n >= 0 for n in shape):
            raise PriorError(f"the size of draws is {written(size)}. Give a whole number, or a tuple of these.")
        check_size(shape, f"draws of {self!r}", "ask for fewer")
        return np.asarray(self.scipy().rvs(size=shape, random_state=rng), dtype=float)

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"family": ..., **args}``, ready for JSON or TOML."""
        return {"family": self.family, **self.args}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Prior":
        """Rebuild a prior from `to_dict`."""
        if (
            not isinstance(record, Mapping)
            or "family" not in record
            or not all(isinstance(key, str) for key in record)
        ):
            raise PriorError(f"the prior {written(record)} names no family. Add one, as in family = 'LogNormal'.")
        return cls(**record)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={_short(value)}" for name, value in self.args.items())
        return f"{self.family}({inside})"


@lru_cache(maxsize=4096)  # SciPy takes half a millisecond to make one, and a fit asks hundreds of times
def _frozen(prior: Prior) -> Any:
    try:
        frozen = FAMILIES[prior.family].build(**prior.args)
    except ValueError as problem:
        raise PriorError(f"{prior!r} is not a distribution: {problem}. Change that argument.") from None
    except ArithmeticError:
        frozen = None
    if frozen is None or not _computable(frozen):
        raise PriorError(
            f"{prior!r} cannot be computed with: the middle 90 % of a prior must lie between "
            f"-{LARGEST_NUMBER:g} and {LARGEST_NUMBER:g}, and not all within {1.0 / LARGEST_NUMBER:g} of 0. Give less "
            f"extreme arguments."
        )
    return frozen


def _computable(frozen: Any) -> bool:
    """Whether the middle 90 % of a distribution are numbers that can be computed with."""
    try:
        with np.errstate(all="ignore"):
            low, median, high = frozen.ppf([0.05, 0.5, 0.95])
            known = not np.isnan([frozen.logpdf(median), *frozen.support()]).any()
    except (ValueError, ArithmeticError, RuntimeError):  # SciPy's search for a quantile found none
        return False
    size = max(abs(low), abs(high))
    return bool(known and 1.0 / LARGEST_NUMBER <= size <= LARGEST_NUMBER)


def _short(value: float) -> str:
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _checked(family: str, args: Mapping[str, Any]) -> dict[str, float]:
    """Return the arguments as floats in the order of the form, or raise the error that names the fault."""
    if not isinstance(family, str) or family not in FAMILIES:
        raise UnknownPriorError(no_such(f"there is no prior family {family!r}", family, sorted(FAMILIES)))
    spec = FAMILIES[family]
    usage = " or ".join(f"{family}({', '.join(form)})" for form in spec.forms)
    if spec.optional:
        usage += f", with {' and '.join(spec.optional)} if wanted"
    known = {name for form in spec.forms for name in form} | set(spec.optional)
    for name in args:
        if name not in known:
            raise UnknownPriorError(
                f"{family} has no argument {name!r}{did_you_mean(name, known)}. Write {usage}."
            )
    form = next((form for form in spec.forms if set(form) == set(args) - set(spec.optional)), None)
    if form is None:
        given = ", ".join(args) or "none"
        raise PriorError(f"{family} was given the arguments: {given}. Write {usage}.")
    return {name: _number(family, name, args[name], spec) for name in (*form, *spec.optional) if name in args}


def _number(family: str, name: str, value: Any, spec: Family) -> float:
    if not is_number(value):
        raise PriorError(
            f"{name} of {family} is {written(value)}. Give one finite number{of_allowed_size(value)}."
        )
    if name not in spec.free and value < 1.0 / LARGEST_NUMBER:
        least = f", of at least {1.0 / LARGEST_NUMBER:g}" if value > 0 else ""
        raise PriorError(f"{name} of {family} is {value:g}. Give a number above 0{least}.")
    return float(value)


def check_support(prior: Prior, parameter: str, lower: float, upper: float) -> None:
    """Check that a prior puts no mass outside the values that a parameter can take.

    Parameters
    ----------
    prior
        The prior.
    parameter
        Name of the parameter, for the message.
    lower, upper
        Ends of the allowed interval; infinite where there is none.

    Raises
    ------
    PriorSupportError
        When the support of the prior reaches outside [lower, upper].

    Examples
    --------
    >>> check_support(Prior("HalfNormal", sigma=1), "slope", 0, math.inf)
    """
    low, high = prior.support
    if low >= lower and high <= upper:
        return
    if lower == 0 and upper == 1:
        advice = "Use Beta, Kumaraswamy or LogitNormal"
    elif lower == 0 and upper == math.inf:
        advice = "Use LogNormal, Gamma, HalfNormal, or TruncatedNormal with lower=0"
    else:
        advice = "Use TruncatedNormal with these ends"
    raise PriorSupportError(
        f"{prior!r} on {parameter} allows values from {low:g} to {high:g}, but {parameter} lies between "
        f"{lower:g} and {upper:g}. {advice}."
    )


def check_reach(prior: Prior, parameter: str, where: str, unit: str) -> None:
    """Check that a prior lies where the effect of its parameter, which has a unit, can be told from rounding.

    Raises
    ------
    PriorError
        When the middle 90 % of the prior reach too far out; for sigma, when all of them are next to zero.
    """
    if parameter == "roi":  # the data tell how large one can be
        return
    low, high = prior.scipy().ppf([0.05, 0.95])
    least = 1.0 / LARGEST_SHARE if parameter == "sigma" else 0.0
    if max(abs(low), abs(high)) > LARGEST_SHARE or max(abs(low), abs(high)) < least:
        size = f"at most {LARGEST_SHARE:g}" if not least else f"from {least:g} to {LARGEST_SHARE:g}"
        raise PriorError(
            f"{where} has the prior {prior!r} on {parameter}, the middle 90 % of which go from {low:.3g} to {high:.3g}, "
            f"where nothing can be told from rounding (unit of {parameter}: {unit or 'none'}). Give a prior whose "
            f"middle 90 % are {size} in size."
        )
