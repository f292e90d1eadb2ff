"""What a plan may not do: bounds, groups, linear limits, change, all or nothing; and which of them conflict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize

from bayesmmm.errors import InfeasibleError, SettingError, UnknownTermError
from bayesmmm.optimize.flighting import Levels
from bayesmmm.priors import closest

#: On-off limits up to which every combination is looked at.
ALL_PATTERNS = 5
#: A low and a high side; money, text in per cent of the current plan, or None for no limit.
Side = float | str | None
Range = tuple[Side, Side]
#: Label, rows A and B and sides b of a limit ``A u + B z <= b`` on decisions u and on-off switches z.
Part = tuple[str, np.ndarray, np.ndarray, np.ndarray]
#: Multiple of the largest amount of money that a channel which is switched on stays below.
FAR = 1e3


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


def read_limits(
    levels: Levels,
    current: np.ndarray,
    *,
    bounds: Range | Mapping[str, Range] | None,
    period_bounds: Range | Mapping[str, Range] | None,
    change: float | Mapping[str, float] | None,
    groups: Mapping[str, tuple[Sequence[str], Range]] | None,
    linear: Sequence[tuple[Mapping[str, float], Range]] | None,
    minimum: Mapping[str, float] | None,
) -> Limits:
    """Read all limits.

    Parameters
    ----------
    current : (C, W) array
        Current plan, which per cent and changes refer to.

    Raises
    ------
    SettingError, UnknownTermError
    """
    names, own = levels.names, current.sum(axis=1)
    lower, upper = np.zeros(levels.size), np.full(levels.size, np.inf)
    rows: list[Row] = []
    found = {
        name: [_sides(given, own[i], f"bounds[{name!r}]", example="(10_000, 50_000)")]
        for i, name, given in _per_channel(names, bounds, "bounds")
    }
    for i, name, share in _per_channel(names, change, "change"):
        _positive(share, f"change[{name!r}]", "0.3 for at most 30 % more or less")
        found.setdefault(name, []).append(((1.0 - share) * own[i] if share < 1 else 0.0, (1.0 + share) * own[i]))
    for name, sides in found.items():
        i = names.index(name)
        low, high = max(low for low, _ in sides), min(high for _, high in sides)
        if levels.free:
            rows.append(Row("bound", name, (levels.owner == i).astype(float), low, high))
        else:
            lower[i], upper[i] = low, high
    for i, name, given in _per_channel(names, period_bounds, "period_bounds"):
        mean, mine = own[i] / current.shape[1], levels.owner == i
        low, high = _sides(given, mean, f"period_bounds[{name!r}]", example="(0, 5_000)")
        if not levels.free:  # the fullest period meets the upper bound first, the emptiest the lower one
            profile = levels.profile[i]
            if low > 0.0 and profile.min() <= 0.0:
                raise SettingError(
                    f"period_bounds[{name!r}] asks for {low:,.0f} in every period, but its profile has periods without "
                    f"any spend; use flighting='flat' or 'free'"
                )
            low, high = low / profile.min() if low > 0.0 else 0.0, high / profile.max()
        lower[mine], upper[mine] = np.maximum(lower[mine], low), np.minimum(upper[mine], high)
    rows += _group_rows(levels, own, groups) + _linear_rows(levels, linear)
    least = np.zeros(len(names))
    for i, name, money in _per_channel(names, minimum, "minimum"):
        _positive(money, f"minimum[{name!r}]", "20_000 for nothing or at least 20,000")
        least[i] = money
    return Limits(lower, upper, tuple(rows), least, names, levels.owner)


def _group_rows(levels: Levels, own: np.ndarray, groups) -> list[Row]:
    out = []
    for label, given in _mapping(groups, "groups", "{'social': (['facebook', 'tiktok'], (0, 50_000))}").items():
        where = f"groups[{label!r}]"
        if not isinstance(given, tuple | list) or len(given) != 2 or isinstance(given[0], str):
            raise SettingError(
                f"{where}={given!r} must be channels and a range, as (['facebook', 'tiktok'], (0, 50_000))"
            )
        members = [_known(name, levels.names, where) for name in dict.fromkeys(given[0])]
        if not members:
            raise SettingError(f"{where} has no channels; name some, as (['facebook', 'tiktok'], (0, 50_000))")
        low, high = _sides(given[1], own[members].sum(), where, example="(0, 50_000)")
        out.append(Row("group", label, np.isin(levels.owner, members).astype(float), low, high))
    return out


def _linear_rows(levels: Levels, linear) -> list[Row]:
    out = []
    for k, given in enumerate(linear or ()):
        where, example = f"linear[{k}]", "({'tv': 1, 'radio': -2}, (None, 0))"
        if not isinstance(given, tuple | list) or len(given) != 2 or not isinstance(given[0], Mapping):
            raise SettingError(f"{where}={given!r} must be coefficients and a range, as {example}")
        weight = np.zeros(len(levels.names))
        for name, number in given[0].items():
            if not _number(number):
                raise SettingError(f"{where} has {name!r}: {number!r}, which is no number; write it as {example}")
            weight[_known(name, levels.names, where)] = number
        low, high = _sides(given[1], np.nan, where, example="(None, 0)", signed=True)
        if not weight.any():
            raise SettingError(f"{where} weighs no channel; write it as {example}")
        text = " ".join(f"{number:+g} {name}" for name, number in given[0].items())
        out.append(Row("linear", text.removeprefix("+"), weight[levels.owner], low, high))
    return out


# ------------------------------------------------------------------------------------------------- small readers
def money(value: float) -> str:
    """Write an amount of money that is compared with others: rounded, small amounts would read as if they were equal."""
    whole = abs(value - round(value)) <= 1e-9 * abs(value)
    if whole or abs(value) >= 1e5:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 100.0 else f"{value:,.5g}"


def _number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and bool(np.isfinite(value))


def _positive(value: object, where: str, example: str) -> None:
    if not _number(value) or value <= 0:  # type: ignore[operator]
        raise SettingError(f"{where}={value!r} must be a number above 0, as {example}")


def _mapping(given: object, where: str, example: str) -> Mapping:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise SettingError(f"{where} is a {type(given).__name__}, and must be a mapping, as {where}={example}")
    return given


def _known(name: str, names: tuple[str, ...], where: str) -> int:
    if name not in names:
        raise UnknownTermError(
            f"{where} names {name!r}, which is no channel of the plan{closest(str(name), names)}. "
            f"It decides about: {', '.join(names)}."
        )
    return names.index(name)


def _per_channel(names: tuple[str, ...], given: object, where: str):
    """Pairs of channel and what is given for it: one value may hold for all."""
    if given is None:
        return
    if not isinstance(given, Mapping):
        yield from ((i, name, given) for i, name in enumerate(names))
        return
    for name, value in given.items():
        yield _known(name, names, where), name, value


def _sides(given: object, base: float, where: str, *, example: str, signed: bool = False) -> tuple[float, float]:
    """Read a range in money or in per cent of `base`."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise SettingError(f"{where}={given!r} must be a pair (low, high), as {example}; None is no limit")
    low, high = (
        _side(side, base, where, default)
        for side, default in zip(given, (-np.inf if signed else 0.0, np.inf), strict=True)
    )
    if not signed and (low < 0.0 or high < 0.0):
        raise SettingError(f"{where}={given!r} is below zero; spend is zero or more")
    if low > high:
        raise SettingError(
            f"{where}={given!r} has its low side above its high side ({money(low)} > {money(high)})"
        )
    return low, high


def _side(side: object, base: float, where: str, default: float) -> float:
    if side is None:
        return default
    if isinstance(side, str) and side.strip().endswith("%") and not np.isnan(base):
        try:
            return float(side.strip().removesuffix("%")) / 100.0 * base
        except ValueError:
            pass
    elif _number(side):
        return float(side)  # type: ignore[arg-type]
    percent = "" if np.isnan(base) else ", or text in per cent of the current plan, as '120%'"
    raise SettingError(f"{where} has {side!r}, which must be a number of money{percent}, or None")


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
                text = f"{name} {label} {money(bound.max() if sign > 0 else bound.min())}{each}"
                parts.append((text, sign * identity[mine], np.repeat(idle, mine.sum(), axis=0), sign * bound))
    for row in limits.rows:
        weights = row.coefficients[None]
        if np.isfinite(row.high):
            parts.append((f"{row.label} at most {money(row.high)}", weights, idle, np.array([row.high])))
        if np.isfinite(row.low) and (row.low > 0.0 or (weights < 0.0).any()):
            parts.append((f"{row.label} at least {money(row.low)}", -weights, idle, np.array([-row.low])))
    every = np.ones((1, len(limits.owner)))
    if np.isfinite(high):
        parts.append((f"total {'of' if exact else 'at most'} {money(high)}", every, idle, np.array([high])))
    if low > 0.0:
        parts.append((f"total {'of' if exact else 'at least'} {money(low)}", -every, idle, np.array([-low])))
    far = FAR * max([limits.least.max(), *(np.abs(sides).max() for *_, sides in parts)])
    for i in np.flatnonzero(limits.least):
        own, switch = (limits.owner == i).astype(float), (np.arange(len(limits.names)) == i).astype(float)
        text = f"{limits.names[i]} nothing or at least {money(limits.least[i])}"
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
