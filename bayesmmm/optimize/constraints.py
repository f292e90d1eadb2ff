"""What a plan may not do: bounds, groups, linear limits, change, all or nothing; and which of them conflict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from bayesmmm.errors import InfeasibleError, UnknownTermError
from bayesmmm.optimize.arguments import Range, Record, Side
from bayesmmm.optimize.flighting import FLIGHTINGS, DecisionVariables
from bayesmmm.text import amount, no_such
from bayesmmm.validate import about, check_choice, check_mapping, check_number, is_number, refusal

#: On-off limits up to which every combination is looked at.
ALL_PATTERNS = 5
MODES = ("respond", "fixed", "decide")
#: Label, rows A and B and sides b of a limit ``A u + B z <= b`` on decisions u and on-off switches z.
Part = tuple[str, np.ndarray, np.ndarray, np.ndarray]
#: Multiple of the largest amount of money that a channel which is switched on stays below.
FAR = 1e3


@dataclass(frozen=True, repr=False)
class Constraints(Record):
    """What a plan may change, and how far.

    Parameters
    ----------
    channels : sequence of str, optional
        Channels to decide about; others stay as in the current plan, and are not part of the total. All by default.
    mediators : {"respond", "fixed", "decide"}, or a mapping from mediators to these
        Mediators answer to spend; stay as under the current plan; or are planned like a channel.
    flighting : {"flat", "historical", "free"}
        One decision per channel, spread evenly or in the profile of the current plan; or every period on its own.
    bounds : mapping of str to (low, high), or one such pair for all
        Money of a channel in the window, or text in per cent of the current plan, as ("80%", "120%"); None: no limit.
        The current plan is that scaled to the total, here and below.
    period_bounds : as bounds
        Money of a channel in every period, or in per cent of its mean now.
    change : float or mapping of str to float
        Largest change of a channel, as a share of the current plan.
    groups : mapping of str to (channels, (low, high))
        Money of several channels together.
    linear : sequence of (coefficients, (low, high))
        Limits on weighted sums of channels, as ``({"tv": 1, "radio": -2}, (None, 0))``.
    minimum : float or mapping of str to float
        A channel spends nothing or at least this.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> Constraints(bounds={"tv": ("80%", None)}, flighting="free")
    Constraints(flighting='free', bounds={'tv': ('80%', None)})
    """

    channels: Sequence[str] | None = None
    mediators: str | Mapping[str, str] = "respond"
    flighting: str = "flat"
    bounds: Range | Mapping[str, Range] | None = None
    period_bounds: Range | Mapping[str, Range] | None = None
    change: float | Mapping[str, float] | None = None
    groups: Mapping[str, tuple[Sequence[str], Range]] | None = None
    linear: Sequence[tuple[Mapping[str, float], Range]] | None = None
    minimum: float | Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        names = self.channels
        if names is not None and (isinstance(names, str) or not len(list(names))):
            example = [names] if isinstance(names, str) and names else ["tv", "radio"]
            raise refusal("channels", names, f"must be a list of channels, as channels={example}")
        for where, mode in _entries(self.mediators, "mediators"):
            check_choice(mode, where, MODES, "" if "[" in where else "or a mapping from mediators to these")
        if self.flighting not in FLIGHTINGS:
            raise refusal(
                "flighting",
                self.flighting,
                "must be 'flat' (evenly over the window), 'historical' (in the profile of the current plan) or 'free' "
                "(every period decided on its own)",
            )
        for where, given in _entries(self.bounds, "bounds"):
            _check_range(given, where, example="(10_000, 50_000)")
        for where, given in _entries(self.period_bounds, "period_bounds"):
            _check_range(given, where, example="(0, 5_000)")
        for where, share in _entries(self.change, "change"):
            check_number(share, where, above=0.0, advice="as 0.3 for at most 30 % more or less")
        for where, money in _entries(self.minimum, "minimum"):
            check_number(money, where, above=0.0, advice="as 20_000 for nothing or at least 20,000")
        _check_groups(self.groups)
        for k, given in enumerate(self.linear or ()):
            _check_linear(given, f"linear[{k}]")


def _entries(given: object, where: str) -> Iterator[tuple[str, Any]]:
    """Name and value of every entry of a mapping, or of the one value for all; nothing for None."""
    if isinstance(given, Mapping):
        yield from ((f"{where}[{name!r}]", value) for name, value in given.items())
    elif given is not None:
        yield where, given


def _check_groups(groups: object) -> None:
    example = "(['facebook', 'tiktok'], (0, 50_000))"
    groups = check_mapping(groups, "groups", f"{{'social': {example}}}")
    for where, given in _entries(groups, "groups"):
        if not isinstance(given, tuple | list) or len(given) != 2 or isinstance(given[0], str):
            raise refusal(where, given, f"must be channels and a range, as {example}")
        if not len(list(given[0])):
            raise refusal(where, given, f"has no channels; name some, as {example}")
        _check_range(given[1], where, example="(0, 50_000)")


def _check_linear(given: object, where: str) -> None:
    example = "({'tv': 1, 'radio': -2}, (None, 0))"
    if not isinstance(given, tuple | list) or len(given) != 2 or not isinstance(given[0], Mapping):
        raise refusal(where, given, f"must be coefficients and a range, as {example}")
    for name, number in given[0].items():
        if not is_number(number):
            raise refusal(where, given, f"has {name!r}: {number!r}, which is no number; write it as {example}")
    if not any(given[0].values()):
        raise refusal(where, given, f"weighs no channel; write it as {example}")
    _check_range(given[1], where, example="(None, 0)", weighted=True)


def _check_range(given: object, where: str, *, example: str, weighted: bool = False) -> None:
    """Refuse what is no pair of sides; one of a weighted sum of channels may be below zero, and has no per cent."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise refusal(where, given, f"must be a pair (low, high), as {example}; None is no limit")
    for side in given:
        if side is None:
            continue
        value = _side(side, 1.0) if not weighted or is_number(side) else np.nan
        if np.isnan(value):
            percent = "" if weighted else ", or text in per cent of the current plan, as '120%'"
            raise refusal(where, given, f"has {side!r}, which must be a number of money{percent}, or None")
        if value < 0.0 and not weighted:
            raise refusal(where, given, "is below zero; spend is zero or more")


def _side(side: Side, base: float) -> float:
    """Money of a side that may be in per cent of `base`; NaN where it is neither."""
    if isinstance(side, str) and side.strip().endswith("%"):
        try:
            return float(side.strip().removesuffix("%")) / 100.0 * base
        except ValueError:
            return np.nan
    return float(side) if is_number(side) else np.nan  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------- limits on the decisions
@dataclass(frozen=True)
class Row:
    """A linear limit ``low <= coefficients @ decisions <= high``.

    Attributes
    ----------
    kind : {"bound", "minimum", "group", "linear"}
        A bound on all periods of a channel, its least spend while it is on, a limit on several channels.
    name : str
        Of the channel or group, or the weighted sum written out.
    coefficients : (V,) array
    low, high : float
        Infinite where there is no limit.
    """

    kind: str
    name: str
    coefficients: np.ndarray
    low: float
    high: float

    @property
    def label(self) -> str:
        """What it is called where limits are told apart."""
        return {"group": f"group {self.name}", "minimum": f"{self.name} at its minimum of {self.low:,.0f}"}.get(
            self.kind, self.name
        )


@dataclass(frozen=True)
class Limits:
    """All limits on the decisions of a plan.

    Attributes
    ----------
    lower, upper : (V,) arrays
        Money.
    rows : tuple of Row
    least : (C,) array
        Channels spend nothing or at least this; 0 where there is no such limit.
    names : tuple of str
        Channels (C).
    owner : (V,) array
        Channel of each decision.
    """

    lower: np.ndarray
    upper: np.ndarray
    rows: tuple[Row, ...]
    least: np.ndarray
    names: tuple[str, ...]
    owner: np.ndarray


def read_limits(variables: DecisionVariables, current: np.ndarray, constraints: Constraints) -> Limits:
    """Find the limits on decisions; per cent and changes refer to the current plan (C, W).

    Raises
    ------
    SettingError, UnknownTermError
    """
    names, own = variables.names, current.sum(axis=1)
    lower, upper = np.zeros(variables.size), np.full(variables.size, np.inf)
    rows: list[Row] = []
    found = {
        name: [_range(given, own[i], where)]
        for where, i, name, given in _per_channel(names, constraints.bounds, "bounds")
    }
    for _, i, name, share in _per_channel(names, constraints.change, "change"):
        found.setdefault(name, []).append(((1.0 - share) * own[i] if share < 1 else 0.0, (1.0 + share) * own[i]))
    for name, sides in found.items():
        i = names.index(name)
        low, high = max(low for low, _ in sides), min(high for _, high in sides)
        if variables.free:
            rows.append(Row("bound", name, (variables.owner == i).astype(float), low, high))
        else:
            lower[i], upper[i] = low, high
    for where, i, _, given in _per_channel(names, constraints.period_bounds, "period_bounds"):
        low, high = _range(given, own[i] / current.shape[1], where)
        mine = variables.owner == i
        if not variables.free:  # the fullest period meets the upper bound first, the emptiest the lower one
            profile = variables.profile[i]
            if low > 0.0 and profile.min() <= 0.0:
                text = (
                    f"{where} asks for {low:,.0f} in every period, but its profile has periods without any spend"
                )
                raise about(where, given, f"{text}; use flighting='flat' or 'free'")
            low, high = low / profile.min() if low > 0.0 else 0.0, high / profile.max()
        lower[mine], upper[mine] = np.maximum(lower[mine], low), np.minimum(upper[mine], high)
    for label, (some, sides) in (constraints.groups or {}).items():
        where = f"groups[{label!r}]"
        members = [_known(name, names, where) for name in dict.fromkeys(some)]
        low, high = _range(sides, own[members].sum(), where)
        rows.append(Row("group", label, np.isin(variables.owner, members).astype(float), low, high))
    for k, (weights, sides) in enumerate(constraints.linear or ()):
        each = np.zeros(len(names))
        for name, number in weights.items():
            each[_known(name, names, f"linear[{k}]")] = number
        text = " ".join(f"{number:+g} {name}" for name, number in weights.items()).removeprefix("+")
        rows.append(
            Row("linear", text, each[variables.owner], *_range(sides, np.nan, f"linear[{k}]", least=-np.inf))
        )
    least = np.zeros(len(names))
    for _, i, _, money in _per_channel(names, constraints.minimum, "minimum"):
        least[i] = money
    return Limits(lower, upper, tuple(rows), least, names, variables.owner)


def _known(name: str, names: tuple[str, ...], where: str) -> int:
    if name not in names:
        raise UnknownTermError(
            no_such(f"{where} names {name!r}, which is no channel of the plan", name, names, "It decides about"),
            argument=where.partition("[")[0],
            value=name,
        )
    return names.index(name)


def _per_channel(names: tuple[str, ...], given: Any, where: str) -> Iterator[tuple[str, int, str, Any]]:
    """Where it was said, number and name of each channel, and what is given for it: one value may hold for all."""
    entries = given.items() if isinstance(given, Mapping) else ((name, given) for name in names)
    for name, value in entries if given is not None else ():
        yield f"{where}[{name!r}]", _known(name, names, where), name, value


def _range(given: Range, base: float, where: str, least: float = 0.0) -> tuple[float, float]:
    """Money of both sides of a range that may be in per cent of `base`."""
    low, high = (
        none if side is None else _side(side, base) for side, none in zip(given, (least, np.inf), strict=True)
    )
    if low > high:
        raise refusal(where, given, f"has its low side above its high side ({amount(low)} > {amount(high)})")
    return low, high


# --------------------------------------------------------------------------------------------------- feasibility
def check_feasible(limits: Limits, low: float, high: float, *, exact: bool) -> None:
    """Refuse limits that no plan can meet, and name the smallest set of them that conflicts.

    Parameters
    ----------
    low, high : float
        Range of the money that the channels themselves may spend.
    exact : bool
        Whether the total is one number, of which a part may be spent by induced mediators.

    Raises
    ------
    InfeasibleError
    """
    # Bounds and a total alone need no solver to see that they can be met.
    if not limits.rows and not limits.least.any():
        least, most = np.maximum(limits.lower, 0.0), limits.upper
        if (least <= most).all() and least.sum() <= high and most.sum() >= low:
            return
    parts = _parts(limits, low, high, exact)
    if _possible(parts, limits):
        return
    # Deletion filter: what can be left out without making the rest possible is no part of the conflict.
    for part in list(parts):
        rest = [other for other in parts if other is not part]
        if not _possible(rest, limits):
            parts = rest
    labels = "; ".join(dict.fromkeys(label for label, *_ in parts))
    raise InfeasibleError(f"no plan meets these limits together: {labels}. Relax one of them.")


def _parts(limits: Limits, low: float, high: float, exact: bool) -> list[Part]:
    """Every limit as a label and rows ``A u + B z <= b``."""
    idle = np.zeros((1, len(limits.names)))
    identity, parts = np.eye(len(limits.owner)), []
    for i, name in enumerate(limits.names):
        mine = limits.owner == i
        for label, sign, side in (("at least", -1.0, limits.lower), ("at most", 1.0, limits.upper)):
            bound = side[mine]
            if np.isfinite(bound).all() and (label == "at most" or (bound > 0.0).any()):
                each = " per period" if mine.sum() > 1 else ""
                text = f"{name} {label} {amount(bound.max() if sign > 0 else bound.min())}{each}"
                parts.append((text, sign * identity[mine], np.repeat(idle, mine.sum(), axis=0), sign * bound))
    for row in limits.rows:
        weights = row.coefficients[None]
        if np.isfinite(row.high):
            parts.append((f"{row.label} at most {amount(row.high)}", weights, idle, np.array([row.high])))
        if np.isfinite(row.low) and (row.low > 0.0 or (weights < 0.0).any()):
            parts.append((f"{row.label} at least {amount(row.low)}", -weights, idle, np.array([-row.low])))
    every = np.ones((1, len(limits.owner)))
    if np.isfinite(high):
        parts.append((f"total {'of' if exact else 'at most'} {amount(high)}", every, idle, np.array([high])))
    if low > 0.0:
        parts.append((f"total {'of' if exact else 'at least'} {amount(low)}", -every, idle, np.array([-low])))
    far = FAR * max([limits.least.max(), *(np.abs(sides).max() for *_, sides in parts)])
    for i in np.flatnonzero(limits.least):
        own, switch = (limits.owner == i).astype(float), (np.arange(len(limits.names)) == i).astype(float)
        text = f"{limits.names[i]} nothing or at least {amount(limits.least[i])}"
        # On, z = 1, own spend is at least so much; off, z = 0, it is zero.
        parts.append((text, np.stack([-own, own]), np.outer([limits.least[i], -far], switch), np.zeros(2)))
    return parts


def _possible(parts: list[Part], limits: Limits) -> bool:
    if not parts:
        return True
    spend, switches, sides = (np.concatenate(arrays) for arrays in list(zip(*parts, strict=True))[1:])
    # In units of a typical limit, since the solver's tolerance is absolute.
    scale = max(np.abs(sides).max(), limits.least.max(), 1e-300)
    count, on_off = spend.shape[1], switches.shape[1]
    found = optimize.linprog(
        np.zeros(count + on_off),
        A_ub=np.hstack([spend, switches / scale]),
        b_ub=sides / scale,
        bounds=[(0.0, None)] * count + [(0.0, 1.0)] * on_off,
        method="highs",
        integrality=np.repeat([0, 1], [count, on_off]) if switches.any() else None,
    )
    return found.status == 0


def patterns(limits: Limits) -> list[Limits]:
    """Every way of switching the channels with an all-or-nothing limit on and off, as limits without one."""
    found = [replace(limits, least=np.zeros_like(limits.least))]
    for i in np.flatnonzero(limits.least):
        may_pause = not (limits.lower[limits.owner == i] > 0.0).any()
        ways = (limits.least[i], 0.0) if may_pause else (limits.least[i],)
        found = [switched(each, i, least) for each in found for least in ways]
    return found


def switched(limits: Limits, i: int, least: float) -> Limits:
    """Limits under which channel i spends at least so much, or, at 0, nothing."""
    mine = limits.owner == i
    if least <= 0.0:
        return replace(limits, lower=np.where(mine, 0.0, limits.lower), upper=np.where(mine, 0.0, limits.upper))
    row = Row("minimum", limits.names[i], mine.astype(float), least, np.inf)
    return replace(limits, rows=(*limits.rows, row))
