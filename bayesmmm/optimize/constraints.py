"""What a plan decides, and what it may not do: bounds, groups, change, all or nothing; and which of them conflict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from bayesmmm.errors import InfeasibleError, UnknownTermError
from bayesmmm.optimize.arguments import Range, Record, Side
from bayesmmm.text import amount, no_such, written
from bayesmmm.validate import (
    LARGEST_NUMBER,
    about,
    as_list,
    check_choice,
    check_groups,
    check_number,
    check_ordered,
    is_number,
    list_for,
    of_allowed_size,
    refusal,
)

#: On-off limits up to which every combination is looked at.
ALL_PATTERNS = 5
MODES, FLIGHTINGS = ("respond", "fixed", "decide"), ("flat", "historical", "free")
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
        check_ordered(names, "channels")
        if names is not None and not as_list(names):
            example = list_for(names, ["tv", "radio"])
            raise refusal("channels", names, f"must be a list of channels, as channels={example}")
        if self.mediators is None:
            check_choice(self.mediators, "mediators", MODES, "or a mapping from mediators to these")
        for where, mode in _entries(self.mediators, "mediators"):
            check_choice(mode, where, MODES, "" if "[" in where else "or a mapping from mediators to these")
        if self.flighting not in FLIGHTINGS:
            raise refusal(
                "flighting",
                self.flighting,
                "must be 'flat' (evenly over the window), 'historical' (in the profile of the current plan) or 'free' "
                "(every period decided on its own)",
            )
        for where, sides in _entries(self.bounds, "bounds"):
            _check_range(sides, where, example="(10_000, 50_000)")
        for where, sides in _entries(self.period_bounds, "period_bounds"):
            _check_range(sides, where, example="(0, 5_000)")
        for where, share in _entries(self.change, "change"):
            check_number(share, where, above=0.0, advice="as 0.3 for at most 30 % more or less")
        for where, money in _entries(self.minimum, "minimum"):
            check_number(money, where, above=0.0, advice="as 20_000 for nothing or at least 20,000")
        _check_groups(self.groups)
        limits = () if self.linear is None else as_list(self.linear)
        if limits is None:
            raise refusal(
                "linear", self.linear, "must be a list of limits, as linear=[({'tv': 1}, (None, 50_000))]"
            )
        for k, limit in enumerate(limits):
            _check_linear(limit, f"linear[{k}]")


def _entries(values: object, where: str) -> Iterator[tuple[str, Any]]:
    """Name and value of every entry of a mapping, or of the one value for all; nothing for None."""
    if isinstance(values, Mapping):
        yield from ((f"{where}[{name!r}]", value) for name, value in values.items())
    elif values is not None:
        yield where, values


def _check_groups(groups: object) -> None:
    example = "(['facebook', 'tiktok'], (0, 50_000))"
    for where, limit in _entries(check_groups(groups, example), "groups"):
        pair = isinstance(limit, tuple | list) and len(limit) == 2
        check_ordered(limit[0] if pair else None, where)
        if not pair or as_list(limit[0]) is None:
            raise refusal(where, limit, f"must be channels and a range, as {example}")
        if not as_list(limit[0]):
            raise refusal(where, limit, f"has no channels; name some, as {example}")
        _check_range(limit[1], where, example="(0, 50_000)")


def _check_linear(limit: object, where: str) -> None:
    example = "({'tv': 1, 'radio': -2}, (None, 0))"
    if not isinstance(limit, tuple | list) or len(limit) != 2 or not isinstance(limit[0], Mapping):
        raise refusal(where, limit, f"must be coefficients and a range, as {example}")
    for name, number in limit[0].items():
        if not is_number(number):
            size = of_allowed_size(number)
            raise refusal(
                where, limit, f"has {name!r}: {written(number)}, which is no number{size}; write it as {example}"
            )
    if max(map(abs, limit[0].values()), default=0.0) < 1.0 / LARGEST_NUMBER:
        raise refusal(where, limit, f"weighs no channel; write it as {example}")
    _check_range(limit[1], where, example="(None, 0)", weighted=True)


def _check_range(sides: object, where: str, *, example: str, weighted: bool = False) -> None:
    """Refuse what is no pair of sides; one of a weighted sum of channels may be below zero, and has no per cent."""
    if not isinstance(sides, tuple | list) or len(sides) != 2:
        raise refusal(where, sides, f"must be a pair (low, high), as {example}; None is no limit")
    for side in sides:
        if side is None:
            continue
        value = _side(side, 1.0) if not weighted or is_number(side) else np.nan
        if np.isnan(value):
            percent = "" if weighted else ", or text in per cent of the current plan, as '120%'"
            size = of_allowed_size(side)
            raise refusal(
                where, sides, f"has {written(side)}, which must be a number of money{size}{percent}, or None"
            )
        if value < 0.0 and not weighted:
            raise refusal(where, sides, "is below zero; spend is zero or more")


def _side(side: Side, base: float) -> float:
    """Money of a side that may be in per cent of `base`; NaN where it is neither."""
    if isinstance(side, str) and side.strip().endswith("%"):
        try:
            share = float(side.strip().removesuffix("%"))
        except ValueError:
            return np.nan
        return share / 100.0 * base if is_number(share) else np.nan
    return float(side) if is_number(side) else np.nan


# ----------------------------------------------------------------------------------------- decisions
@dataclass(frozen=True)
class DecisionVariables:
    """A linear map from decisions, money in the window, to spend per channel and period."""

    names: tuple[str, ...]  # channels (C)
    profile: np.ndarray  # (C, W): how one unit of money of a channel is spread over the window
    free: bool  # whether every period is a decision of its own; the profile then only tells where a plan starts

    @classmethod
    def spread(cls, flighting: str, names: tuple[str, ...], current: np.ndarray) -> "DecisionVariables":
        """Return those of a flighting; a channel without spend in the current plan (C, W) is spread evenly."""
        even = np.full(current.shape, 1.0 / current.shape[1])
        variables = cls(names, even, flighting == "free")
        return cls(names, variables.pattern(current), False) if flighting == "historical" else variables

    @property
    def flighting(self) -> str:
        """How spend is spread, as in `Constraints`; a historical profile that is even is flat."""
        even = np.allclose(self.profile, 1.0 / self.profile.shape[1])
        return "free" if self.free else "flat" if even else "historical"

    @property
    def size(self) -> int:
        """Number of decisions (V)."""
        return self.profile.size if self.free else len(self.names)

    @property
    def owner(self) -> np.ndarray:
        """Channel (V,) that each decision belongs to."""
        return np.repeat(np.arange(len(self.names)), self.size // len(self.names))

    def spend(self, decisions: np.ndarray) -> np.ndarray:
        """Spend (C, W) of decisions (V,)."""
        return decisions.reshape(self.profile.shape) if self.free else decisions[:, None] * self.profile

    def decisions(self, spend: np.ndarray) -> np.ndarray:
        """Decisions (V,) that spend as much per channel as a plan (C, W), or per period where those are free."""
        return spend.ravel().copy() if self.free else spend.sum(axis=1)

    def vjp(self, slope: np.ndarray) -> np.ndarray:
        """Derivative (V,) to decisions, from that to spend (C, W)."""
        return slope.ravel() if self.free else (slope * self.profile).sum(axis=1)

    def pattern(self, spend: np.ndarray) -> np.ndarray:
        """How the next unit of money of each channel is spread (C, W): as the plan is, by the profile if it has none."""
        own = spend.sum(axis=1, keepdims=True)
        return np.where(own > 0.0, spend / np.where(own > 0.0, own, 1.0), self.profile)


# ---------------------------------------------------------------------------------------- limits on them
@dataclass(frozen=True)
class Row:
    """A linear limit ``low <= coefficients @ decisions <= high``; sides are infinite where there is no limit.

    `kind` is "bound" (on all periods of a channel), "minimum" (of a channel that is on), "group" or "linear"; `name` is
    that of the channel or group, or the weighted sum written out.
    """

    kind: str
    name: str
    coefficients: np.ndarray  # (V,)
    low: float
    high: float

    @property
    def label(self) -> str:
        """What it is called where limits are told apart."""
        words = {"group": f"group {self.name}", "minimum": f"{self.name} at its minimum of {amount(self.low)}"}
        return words.get(self.kind, self.name)


@dataclass(frozen=True)
class Limits:
    """All limits on the decisions of a plan."""

    lower: np.ndarray  # (V,) money
    upper: np.ndarray
    rows: tuple[Row, ...]
    least: np.ndarray  # (C,) channels spend nothing or at least this; 0 where there is no such limit
    names: tuple[str, ...]  # of channels
    owner: np.ndarray  # (V,) channel of each decision


def read_limits(variables: DecisionVariables, current: np.ndarray, constraints: Constraints) -> Limits:
    """Find the limits on decisions; per cent and changes refer to the current plan (C, W)."""
    names, own = variables.names, current.sum(axis=1)
    lower, upper = np.zeros(variables.size), np.full(variables.size, np.inf)
    rows: list[Row] = []
    ranges: dict[int, list[tuple[float, float]]] = {}
    for where, i, sides in _per_channel(names, constraints.bounds, "bounds"):
        ranges[i] = [_range(sides, own[i], where)]
    for _, i, share in _per_channel(names, constraints.change, "change"):
        ranges.setdefault(i, []).append(((1.0 - share) * own[i] if share < 1 else 0.0, (1.0 + share) * own[i]))
    for i, allowed in ranges.items():
        name, low, high = names[i], max(low for low, _ in allowed), min(high for _, high in allowed)
        if variables.free:
            rows.append(Row("bound", name, (variables.owner == i).astype(float), low, high))
        else:
            lower[i], upper[i] = low, high
    for where, i, sides in _per_channel(names, constraints.period_bounds, "period_bounds"):
        low, high = _range(sides, own[i] / current.shape[1], where)
        mine = variables.owner == i
        if not variables.free:  # the fullest period meets the upper bound first, the emptiest the lower one
            profile = variables.profile[i]
            if low > 0.0 and profile.min() <= 0.0:
                text = (
                    f"{where} asks for {low:,.0f} in every period, but its profile has periods without any spend"
                )
                raise about(where, sides, f"{text}; use flighting='flat' or 'free'")
            low, high = low / profile.min() if low > 0.0 else 0.0, high / profile.max()
        lower[mine], upper[mine] = np.maximum(lower[mine], low), np.minimum(upper[mine], high)
    for label, (some, sides) in (constraints.groups or {}).items():
        where = f"groups[{label!r}]"
        members = [_known(name, names, where) for name in dict.fromkeys(some)]
        low, high = _range(sides, own[members].sum(), where)
        rows.append(Row("group", label, np.isin(variables.owner, members).astype(float), low, high))
    for k, (weights, sides) in enumerate(constraints.linear or ()):
        each, where = np.zeros(len(names)), f"linear[{k}]"
        for name, number in weights.items():
            each[_known(name, names, where)] = number
        text = " ".join(f"{number:+g} {name}" for name, number in weights.items()).removeprefix("+")
        rows.append(Row("linear", text, each[variables.owner], *_range(sides, np.nan, where, least=-np.inf)))
    least = np.zeros(len(names))
    for _, i, money in _per_channel(names, constraints.minimum, "minimum"):
        least[i] = money
    return Limits(lower, upper, tuple(rows), least, names, variables.owner)


def _known(name: str, names: tuple[str, ...], where: str) -> int:
    if name not in names:
        wrong = f"{where} names {name!r}, which is no channel of the plan"
        text = no_such(wrong, name, names, "It decides about")
        raise UnknownTermError(text, argument=where.partition("[")[0], value=name)
    return names.index(name)


def _per_channel(names: tuple[str, ...], values: Any, where: str) -> Iterator[tuple[str, int, Any]]:
    """Where it was said, number of each channel, and what was said of it: one value may hold for all."""
    entries = values.items() if isinstance(values, Mapping) else ((name, values) for name in names)
    for name, value in entries if values is not None else ():
        yield f"{where}[{name!r}]", _known(name, names, where), value


def _range(sides: Range, base: float, where: str, least: float = 0.0) -> tuple[float, float]:
    """Money of both sides of a range that may be in per cent of `base`."""
    low, high = (n if side is None else _side(side, base) for side, n in zip(sides, (least, np.inf), strict=True))
    if low > high:
        raise refusal(where, sides, f"has its low side above its high side ({amount(low)} > {amount(high)})")
    return low, high


# --------------------------------------------------------------------------------------------------- feasibility
def check_feasible(limits: Limits, low: float, high: float, *, exact: bool) -> None:
    """Refuse limits that no plan can meet, and name the smallest set of them that conflicts.

    The channels themselves may spend `low` to `high`; the total is one number where it is `exact`, of which a part may
    be spent by induced mediators.
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
    for c in np.flatnonzero(limits.least):
        own, switch = (limits.owner == c).astype(float), (np.arange(len(limits.names)) == c).astype(float)
        text = f"{limits.names[c]} nothing or at least {amount(limits.least[c])}"
        # On, z = 1, own spend is at least so much; off, z = 0, it is zero.
        parts.append((text, np.stack([-own, own]), np.outer([limits.least[c], -far], switch), np.zeros(2)))
    return parts


def _possible(parts: list[Part], limits: Limits) -> bool:
    if not parts:
        return True
    spend, switches, sides = (np.concatenate(arrays) for arrays in list(zip(*parts, strict=True))[1:])
    # In units of a typical limit, since the solver's tolerance is absolute.
    scale = max(np.abs(sides).max(), limits.least.max(), 1e-300)
    count, on_off = spend.shape[1], switches.shape[1]
    result = optimize.linprog(
        np.zeros(count + on_off),
        A_ub=np.hstack([spend, switches / scale]),
        b_ub=sides / scale,
        bounds=[(0.0, None)] * count + [(0.0, 1.0)] * on_off,
        method="highs",
        integrality=np.repeat([0, 1], [count, on_off]) if switches.any() else None,
    )
    return result.status == 0


def patterns(limits: Limits) -> list[Limits]:
    """Every way of switching the channels with an all-or-nothing limit on and off, as limits without one."""
    out = [replace(limits, least=np.zeros_like(limits.least))]
    for i in np.flatnonzero(limits.least):
        may_pause = not (limits.lower[limits.owner == i] > 0.0).any()
        ways = (limits.least[i], 0.0) if may_pause else (limits.least[i],)
        out = [switched(each, i, least) for each in out for least in ways]
    return out


def switched(limits: Limits, i: int | np.integer, least: float) -> Limits:
    """Limits under which channel i spends at least so much, or, at 0, nothing."""
    mine = limits.owner == i
    if least <= 0.0:
        return replace(limits, lower=np.where(mine, 0.0, limits.lower), upper=np.where(mine, 0.0, limits.upper))
    row = Row("minimum", limits.names[i], mine.astype(float), least, np.inf)
    return replace(limits, rows=(*limits.rows, row))
