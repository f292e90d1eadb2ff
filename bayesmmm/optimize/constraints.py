"""What a plan decides, and what it may not do: bounds, groups, change, all or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesmmm.errors import NeverSpentError, UnknownTermError
from bayesmmm.optimize.arguments import Record, Target
from bayesmmm.optimize.decision_variables import DecisionVariables, label_of
from bayesmmm.optimize.ranges import (
    Bounds,
    LinearConstraint,
    Range,
    Share,
    check_bounds,
    check_range,
    money_of,
    rows_of,
    side_of,
    sides_of,
)
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

MODES, FLIGHTINGS = ("respond", "fixed", "decide"), ("flat", "historical", "free")


@dataclass(frozen=True, repr=False)
class Constraints(Record):
    """What a plan may change, and how far.

    On a panel a channel in one geo is a decision. A limit is said of it by the pair (channel, geo), as
    ``bounds={("tv", "north"): (0, 5_000)}``; by the name of a channel it is said of its total over the decided geos; one
    value without a name is a limit of every channel in every geo.

    Parameters
    ----------
    channels : sequence of str, optional
        Channels to decide about; others stay as in the current plan, and are not part of the total. All by default.
    geos : sequence of str, optional
        Of a panel, geos to decide about; others stay as in the current plan, and are not part of the total. All by
        default. A channel that a geo never bought is not decided there: it stays at zero.
    mediators : {"respond", "fixed", "decide"}, or a mapping from mediators to these
        Mediators answer to spend; stay as under the current plan; or are planned like a channel.
    flighting : {"flat", "historical", "free"}
        One decision per channel, spread evenly or in the profile of the current plan; or every period on its own.
    bounds : mapping of str to (low, high), one such pair for all, or scipy.optimize.Bounds
        Money of a channel in the window; or text in per cent of the current plan, as ("80%", "120%"), or shares of it,
        ``Share(0.8, 1.2)``; None: no limit. The current plan is that scaled to the total, here and below. Money below
        1 % of the current plan is refused: whoever writes (0.5, 1.5) means shares. SciPy's `Bounds` are money, one for
        all or one for each channel, of a panel also for each channel in each geo, in the order of ``plan.spend``.
    period_bounds : as bounds
        Money of a channel in every period, or in per cent of its mean now.
    change : float or mapping of str to float
        Largest change of a channel, as a share of the current plan.
    groups : mapping of str to (channels, (low, high))
        Money of several channels together.
    linear : sequence of (coefficients, (low, high)) or of scipy.optimize.LinearConstraint, or one of the latter
        Limits on weighted sums of channels, as ``({"tv": 1, "radio": -2}, (None, 0))``; SciPy's `LinearConstraint` has
        a column for each channel, as `Bounds` have a side.
    geo_totals : mapping of str to (low, high), or one such pair for all
        Of a panel, money of all decided channels in a geo; what mediators are induced to spend does not count.
    minimum : float or mapping of str to float
        A channel spends nothing or at least this; on a panel a channel in a geo.

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
    bounds: Range | Mapping[Target, Range] | Bounds | None = None
    period_bounds: Range | Mapping[Target, Range] | Bounds | None = None
    change: float | Mapping[Target, float] | None = None
    groups: Mapping[str, tuple[Sequence[Target], Range]] | None = None
    linear: Sequence[tuple[Mapping[Target, float], Range] | LinearConstraint] | LinearConstraint | None = None
    minimum: float | Mapping[Target, float] | None = None
    geos: Sequence[str] | None = None
    geo_totals: Range | Mapping[str, Range] | None = None

    def __post_init__(self) -> None:
        names = self.channels
        check_ordered(names, "channels")
        if names is not None and not as_list(names):
            meant = list_for(names, ["tv", "radio"])
            raise refusal("channels", names, f"must be a list of channels, as channels={meant}")
        check_ordered(self.geos, "geos")
        if self.geos is not None and not as_list(self.geos):
            raise refusal("geos", self.geos, f"must be a list of geos, as geos={list_for(self.geos, ['north'])}")
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
        for name, example in (("bounds", "(10_000, 50_000)"), ("period_bounds", "(0, 5_000)")):
            for where, sides in _entries(getattr(self, name), name):
                if isinstance(sides, Bounds) and where == name:
                    check_bounds(sides, where)
                else:
                    check_range(sides, where, example=example)
        for where, sides in _entries(self.geo_totals, "geo_totals"):
            check_range(sides, where, example="(10_000, 50_000)")
        for where, share in _entries(self.change, "change"):
            check_number(share, where, above=0.0, advice="as 0.3 for at most 30 % more or less")
        for where, money in _entries(self.minimum, "minimum"):
            check_number(money, where, above=0.0, advice="as 20_000 for nothing or at least 20,000")
        _check_groups(self.groups)
        limits = _linear_limits(self.linear)
        if limits is None:
            raise refusal(
                "linear", self.linear, "must be a list of limits, as linear=[({'tv': 1}, (None, 50_000))]"
            )
        for k, limit in enumerate(limits):
            if not isinstance(limit, LinearConstraint):
                _check_linear(limit, f"linear[{k}]")


def _entries(values: object, where: str) -> Iterator[tuple[str, Any]]:
    """Name and value of every entry of a mapping, or of the one value for all; nothing for None."""
    if isinstance(values, Mapping):
        yield from ((f"{where}[{name!r}]", value) for name, value in values.items())
    elif values is not None:
        yield where, values


def _linear_limits(linear: object) -> list[Any] | None:
    """Return what `linear` lists, of which one limit of SciPy by itself is a list; None where it is no list."""
    if linear is None:
        return []
    return [linear] if isinstance(linear, LinearConstraint) else as_list(linear)


def _check_groups(groups: object) -> None:
    example = "(['facebook', 'tiktok'], (0, 50_000))"
    for where, limit in _entries(check_groups(groups, example), "groups"):
        pair = isinstance(limit, tuple | list) and len(limit) == 2
        check_ordered(limit[0] if pair else None, where)
        if not pair or as_list(limit[0]) is None:
            raise refusal(where, limit, f"must be channels and a range, as {example}")
        if not as_list(limit[0]):
            raise refusal(where, limit, f"has no channels; name some, as {example}")
        check_range(limit[1], where, example="(0, 50_000)")


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
    check_range(limit[1], where, example="(None, 0)", weighted=True)


# ---------------------------------------------------------------------------------------- limits on decisions
@dataclass(frozen=True)
class Row:
    """A linear limit ``low <= coefficients @ decisions <= high``; sides are infinite where there is no limit.

    `kind` is "bound" (on all periods of a channel), "period bound" (on all geos of a channel in one period), "minimum"
    (of a channel that is on), "group", "geo" or "linear"; `name` is that of the channel, group or geo, or the weighted
    sum written out, and `geo` that of a channel in one geo.
    """

    kind: str
    name: str
    coefficients: np.ndarray  # (V,)
    low: float
    high: float
    geo: str | None = None

    @property
    def label(self) -> str:
        """What it is called where limits are told apart."""
        name = self.name if self.geo is None else label_of(self.name, self.geo)
        words = {
            "group": f"group {name}",
            "geo": f"geo {name}",
            "minimum": f"{name} at its minimum of {amount(self.low)}",
            "period bound": f"{name} per period",
        }
        return words.get(self.kind, name)


@dataclass(frozen=True)
class Limits:
    """All limits on the decisions of a plan."""

    lower: np.ndarray  # (V,) money
    upper: np.ndarray
    rows: tuple[Row, ...]
    least: np.ndarray  # (C,) channels spend nothing or at least this; 0 where there is no such limit
    variables: DecisionVariables
    each: np.ndarray  # (C, 2) least and most money of a channel in every period

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what is decided (C)."""
        return self.variables.names

    @property
    def owner(self) -> np.ndarray:
        """Number of the name (V,) that each decision belongs to."""
        return self.variables.owner


def read_limits(variables: DecisionVariables, current: np.ndarray, constraints: Constraints) -> Limits:
    """Find the limits on decisions; per cent and changes refer to the current plan (C, W)."""
    lower, upper = np.zeros(variables.size), np.full(variables.size, np.inf)
    each = np.tile([0.0, np.inf], (len(variables.names), 1))
    rows = [
        *_of_windows(variables, current, constraints, lower, upper),
        *_of_periods(variables, current, constraints, lower, upper, each),
        *_of_sums(variables, current.sum(axis=1), constraints),
    ]
    least = np.zeros(len(variables.names))
    for where, target, at, money in _targets(variables, constraints.minimum, "minimum"):
        if len(at) > 1:
            pair = variables.pairs[at[0]]
            text = f"{where} is of a channel in {len(at)} geos, and such a limit is of one"
            raise about(where, target, f"{text}; write minimum={{{pair}: {money:g}}}")
        least[at] = money
    return Limits(lower, upper, tuple(rows), least, variables, each)


def _of_windows(
    variables: DecisionVariables,
    current: np.ndarray,
    constraints: Constraints,
    lower: np.ndarray,
    upper: np.ndarray,
) -> Iterator[Row]:
    """Limits on the money of the window: written into bounds (V,) of decisions where they are of one, else as rows."""
    own, owner = current.sum(axis=1), variables.owner
    ranges: dict[tuple[int, ...], list[tuple[float, float]]] = {}
    for where, _, at, sides in _targets(variables, constraints.bounds, "bounds"):
        whose = named(variables, at)
        ranges.setdefault(tuple(at), []).append(money_of(sides, own[at].sum(), where, whose=whose))
    for _, _, at, share in _targets(variables, constraints.change, "change"):
        now = own[at].sum()
        ranges.setdefault(tuple(at), []).append(((1.0 - share) * now if share < 1 else 0.0, (1.0 + share) * now))
    for members, allowed in ranges.items():
        low, high = max(low for low, _ in allowed), min(high for _, high in allowed)
        if len(members) == 1 and not variables.free:
            lower[members[0]], upper[members[0]] = low, high
        else:
            yield Row("bound", *_name_of(variables, members, np.isin(owner, members).astype(float), low, high))


def _of_periods(
    variables: DecisionVariables,
    current: np.ndarray,
    constraints: Constraints,
    lower: np.ndarray,
    upper: np.ndarray,
    each_period: np.ndarray,
) -> Iterator[Row]:
    """Limits on the money of every period, likewise; those of a channel stand in `each_period` (C, 2), too."""
    own, owner = current.sum(axis=1), variables.owner
    for where, _, at, sides in _targets(variables, constraints.period_bounds, "period_bounds"):
        mean = own[at].sum() / current.shape[1]
        low, high = money_of(sides, mean, where, whose=f"a period of {named(variables, at)}")
        mine, profile = np.isin(owner, at), variables.profile[at]
        if not variables.free and low > 0.0 and profile.sum(axis=0).min() <= 0.0:
            text = f"{where} asks for {low:,.0f} in every period, but its profile has periods without any spend"
            raise about(where, sides, f"{text}; use flighting='flat' or 'free'")
        if len(at) > 1:
            each = np.eye(current.shape[1]) if variables.free else variables.profile.T
            for weight in np.unique(each, axis=0):  # periods that are alike have one limit
                share = np.tile(weight, len(variables.names)) if variables.free else weight
                yield Row("period bound", *_name_of(variables, at, mine * share, low, high))
            continue
        each_period[at[0]] = low, high
        if not variables.free:  # the fullest period meets the upper bound first, the emptiest the lower one
            low, high = low / profile.min() if low > 0.0 else 0.0, high / profile.max()
        lower[mine], upper[mine] = np.maximum(lower[mine], low), np.minimum(upper[mine], high)


def _of_sums(variables: DecisionVariables, own: np.ndarray, constraints: Constraints) -> Iterator[Row]:
    """Limits on the money of groups and geos, and on weighted sums."""
    owner = variables.owner
    for label, (some, sides) in (constraints.groups or {}).items():
        where = f"groups[{label!r}]"
        members = np.unique(np.concatenate([_known(target, variables, where) for target in some]))
        low, high = money_of(sides, own[members].sum(), where, whose=f"group {label!r}")
        yield Row("group", label, np.isin(owner, members).astype(float), low, high)
    totals: Any = constraints.geo_totals
    if totals is not None and not isinstance(totals, Mapping):
        totals = dict.fromkeys(variables.geos, totals)
    for name, sides in (totals or {}).items():
        where = f"geo_totals[{name!r}]"
        if name not in variables.geos:
            wrong = f"{where} names {name!r}, which is no geo that the plan decides about"
            text = no_such(wrong, name, variables.geos, "It decides about", "The fit is of one series")
            raise about("geo_totals", name, text, UnknownTermError)
        mine = np.flatnonzero(variables.geo == variables.geos.index(name))
        allowed = money_of(sides, own[mine].sum(), where, whose=f"geo {name!r}")
        yield Row("geo", name, np.isin(owner, mine).astype(float), *allowed)
    for where, weights, sides in _weighted(variables, constraints.linear):
        each = np.zeros(len(variables.names))
        for target, number in weights.items():
            each[_known(target, variables, where)] += number
        words = [f"{n:+g} {label_of(*key) if isinstance(key, tuple) else key}" for key, n in weights.items()]
        text = " ".join(words).removeprefix("+")
        yield Row("linear", text, each[owner], *money_of(sides, np.nan, where, least=-np.inf))


def _weighted(variables: DecisionVariables, linear: object) -> Iterator[tuple[str, Mapping[Target, float], Range]]:
    """Where each limit on a weighted sum was said, its weights by name, and its range."""
    for k, limit in enumerate(_linear_limits(linear) or ()):
        where = f"linear[{k}]"
        if not isinstance(limit, LinearConstraint):
            yield where, *limit
            continue
        targets = _in_order(variables, np.shape(limit.A)[-1] if np.ndim(limit.A) else 1)
        for weights, sides in rows_of(limit, len(targets), where):
            own = {target: float(n) for target, n in zip(targets, weights, strict=True) if n}
            if own:
                yield where, own, sides


def _in_order(variables: DecisionVariables, count: int) -> Sequence[Target]:
    """What so many numbers in a row are about: channels, or where they are of that number channels in geos."""
    return variables.pairs if variables.pairs and count == len(variables.pairs) else variables.channels


def named(variables: DecisionVariables, at: Sequence[int] | np.ndarray) -> str:
    """Name a channel in a sentence, with its geo where it is of one."""
    channel, geo = variables.who(at[0])
    return repr(channel if geo is None or len(at) > 1 else label_of(channel, geo))


def _name_of(
    variables: DecisionVariables, at: Sequence[int] | np.ndarray, *rest: Any
) -> tuple[str, Any, Any, Any, str | None]:
    """Fields of a row behind its kind: the channel first, and last the geo where it is of one."""
    channel, geo = variables.who(at[0])
    return (channel, *rest, geo if len(at) == 1 else None)


def _known(target: Target, variables: DecisionVariables, where: str) -> np.ndarray:
    """Numbers of the names that are meant."""
    at = variables.members(target)
    if not len(at):
        known: tuple[object, ...] = variables.channels
        if isinstance(target, tuple) and variables.pairs:
            known = variables.pairs
        name = (
            f"{target!r}, which is no {'channel and geo' if known is variables.pairs else 'channel'} of the plan"
        )
        text = no_such(f"{where} names {name}", target, known, "It decides about")
        raise UnknownTermError(text, argument=where.partition("[")[0], value=target)
    return at


def _targets(
    variables: DecisionVariables, values: Any, where: str
) -> Iterator[tuple[str, Target, np.ndarray, Any]]:
    """Where it was said, of whom, the numbers of the names meant, and what was said: one value may hold for all."""
    if values is None:
        return
    every: Sequence[Target] = variables.pairs or variables.names
    if isinstance(values, Bounds):
        count = max(np.size(values.lb), np.size(values.ub))
        every = every if count == 1 else _in_order(variables, count)
        values = dict(zip(every, sides_of(values, len(every), where), strict=True))
    entries = values if isinstance(values, Mapping) else dict.fromkeys(every, values)
    for target, value in entries.items():
        here = f"{where}[{target!r}]"
        if isinstance(target, tuple) and target in variables.unbought:
            _check_unbought(target, value, here)
        else:
            yield here, target, _known(target, variables, here), value


def _check_unbought(pair: tuple[str, str], value: Any, where: str) -> None:
    """Refuse a limit that would let a plan spend where nothing is known."""
    if isinstance(value, Share) or (
        isinstance(value, tuple | list) and not any(side is None or side_of(side, 0.0) > 0.0 for side in value)
    ):
        return  # nothing, as it will be
    channel, geo = pair
    text = (
        f"{where} lets {channel!r} be spent in geo {geo!r}, where nothing was ever spent on it, so that nothing is "
        f"known of its effect there: the plan holds it at 0. Leave the limit out, or write (0, 0)"
    )
    raise about(where, value, text, NeverSpentError)
