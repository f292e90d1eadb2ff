"""Whether limits can be met together, which of them conflict, and the ways of switching channels on and off."""

from dataclasses import replace

import numpy as np
from scipy import optimize

from bayesmmm.errors import InfeasibleError
from bayesmmm.optimize.constraints import Limits, Row
from bayesmmm.text import amount

#: On-off limits up to which every combination is looked at.
ALL_PATTERNS = 5
#: Label, rows A and B and sides b of a limit ``A u + B z <= b`` on decisions u and on-off switches z.
Part = tuple[str, np.ndarray, np.ndarray, np.ndarray]
#: Multiple of the largest amount of money that a channel which is switched on stays below.
FAR = 1e3


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
    channel, geo = limits.variables.who(i)
    row = Row("minimum", channel, mine.astype(float), least, np.inf, geo)
    return replace(limits, rows=(*limits.rows, row))
