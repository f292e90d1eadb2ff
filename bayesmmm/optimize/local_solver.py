"""From one start to a maximum: sequential least squares for few decisions, an augmented Lagrangian for many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from bayesmmm.optimize.constraints import Limits
from bayesmmm.optimize.nonlinear_program import BINDS, Constraint, Optimality, PlanObjective, box, optimality

#: Violation of equal net marginal returns up to which a plan is called optimal.
OPTIMAL = 1e-4
#: Violation at which the solver need not go on.
CLOSE = 1e-5
#: A climb that comes this close to where another one ended, in units of typical spend, leads there, too.
JOINS = 0.03
#: A constraint is met within this share of its scale.
MET = 1e-7
#: Constraints missed by up to this share are repaired without solving again.
NEARLY_MET = 1e-4
#: Decisions up to which sequential least squares is used: its steps take time with their third power.
DENSE = 60
#: Of decisions in units of a step.
Function = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Solved:
    """Where the solver ended."""

    decisions: np.ndarray  # (V,)
    objective: float
    message: str
    iterations: int
    evaluations: int
    optimality: Optimality
    limits: Limits  # those it was solved under: with on-off limits settled


def maximise(
    objective: PlanObjective,
    limits: Limits,
    start: np.ndarray,
    *,
    precise: bool,
    step: np.ndarray | None = None,
    known: Sequence[Solved] = (),
) -> Solved:
    """Follow the slope from a start to a maximum; if `precise`, until the first-order conditions hold.

    Sequential least squares is that of Kraft (1988), DFVLR-FB 88-28; the augmented Lagrangian that of Powell, Hestenes
    and Rockafellar, doi:10.1007/BF01580138, around L-BFGS-B, doi:10.1137/0916069. A `step` (V,) is the natural length
    of a step in each decision, and a climb that comes near where others led, `known`, is not followed to its end.
    """
    if objective.variables.size > DENSE:
        return _lagrangian(objective, limits, start, precise)
    return _slsqp(objective, limits, start, precise, objective.unit if step is None else step, known)


def steps(objective: PlanObjective, decisions: np.ndarray) -> np.ndarray:
    """Lengths (V,) at which the objective bends by about as much in every decision.

    In these units the solver's first guess at the curvature, one everywhere, is nearly right where channels add up.
    """
    unit = objective.unit
    if objective.variables.size > DENSE:
        return unit
    slope, out = objective.slope(decisions), np.empty_like(unit)
    for i in range(len(unit)):
        near = decisions.copy()
        near[i] += 1e-3 * unit[i]
        bend = (slope[i] - objective.slope(near)[i]) * unit[i] / (1e-3 * objective.size)
        out[i] = unit[i] / np.sqrt(max(bend, 1e-300))
    return np.minimum(out, 10.0 * np.maximum(unit, decisions))


def project(
    objective: PlanObjective, limits: Limits, decisions: np.ndarray, *, nearly: float = NEARLY_MET
) -> np.ndarray:
    """Meet constraints that are missed by next to nothing, moving decisions (V,) off their bounds as little as possible.

    Solvers stop at the precision of the objective, and a budget is to add up. Constraints missed by more than the share
    `nearly` are left alone.
    """
    unit, (lower, upper) = objective.unit, box(objective, limits)
    for _ in range(4):
        gaps, normals = [], []
        for c in objective.constraints(limits):
            value = c.value(decisions)
            side = c.low if value - c.low < c.high - value else c.high
            # Those that bind stay as they are while others are met.
            if abs(value - side) <= BINDS * c.scale or not c.low <= value <= c.high:
                gaps.append((side - value) / c.scale)
                normals.append(c.slope(decisions) * unit / c.scale)
        missed = np.abs(gaps).max(initial=0.0)
        free = (decisions > 2.0 * lower) & (decisions < (1.0 - BINDS) * upper)
        if not 1e-3 * MET < missed <= nearly or not free.any():
            break
        step = np.linalg.lstsq(np.stack(normals)[:, free], np.array(gaps), rcond=None)[0]
        moved = decisions.copy()
        moved[free] += step * unit[free]
        decisions = np.clip(moved, lower, upper)
    return decisions


def zero_out_idle(objective: PlanObjective, limits: Limits, decisions: np.ndarray) -> np.ndarray:
    """Set to zero what stands at the floor of the solver and does not want to rise, and spend that money elsewhere."""
    idle = (decisions <= 1.01 * box(objective, limits)[0]) & (limits.lower <= 0.0) & (decisions > 0.0)
    if not idle.any():
        return decisions
    if idle.all():  # nothing at all is worth spending
        none = np.zeros_like(decisions)
        return none if objective.goal.low <= 0.0 and _missed(objective, limits, none) <= MET else decisions
    slope = objective.slope(np.where(idle, 0.0, decisions))
    idle &= slope <= objective.slope(decisions)[~idle].max()
    off = replace(limits, upper=np.where(idle, 0.0, limits.upper))
    out = project(objective, off, np.where(idle, 0.0, decisions), nearly=0.1)
    return out if _missed(objective, limits, out) <= MET else decisions


def _missed(objective: PlanObjective, limits: Limits, decisions: np.ndarray) -> float:
    """Largest violation of a constraint, in its scale."""
    return max((c.missed(c.value(decisions)) for c in objective.constraints(limits)), default=0.0)


def _solved(
    objective: PlanObjective,
    limits: Limits,
    at: np.ndarray,
    conditions: Optimality,
    message: str,
    work: tuple[int, int],
) -> Solved:
    # By the conditions of a maximum where they hold, whatever stopped the solver.
    held = conditions.residual <= OPTIMAL and conditions.violation <= MET
    message = "no step gained more" if "successfully" in message else message  # SciPy's word for it
    message = "conditions of a maximum hold" if held else f"stopped early: {message}"
    return Solved(at, objective.value(at), message, *work, optimality=conditions, limits=limits)


def _one_sided(constraints: list[Constraint], unit: np.ndarray) -> list[tuple[bool, Function, Function]]:
    """Each side of each constraint: whether it is an equality, ``value(v) >= 0`` in its scale, and its slope."""

    def one_side(c: Constraint, sign: float, limit: float) -> tuple[bool, Function, Function]:
        return (
            c.low == c.high,
            lambda v: sign * (c.value(v * unit) - limit) / c.scale,
            lambda v: sign * c.slope(v * unit) * unit / c.scale,
        )

    out = []
    for c in constraints:
        sides = [(1.0, c.low)] if c.low == c.high else [(1.0, c.low), (-1.0, c.high)]
        out += [one_side(c, *side) for side in sides if np.isfinite(side[1])]
    return out


# ----------------------------------------------------------------------------------------------- few decisions
def _slsqp(
    objective: PlanObjective,
    limits: Limits,
    start: np.ndarray,
    precise: bool,
    unit: np.ndarray,
    known: Sequence[Solved],
) -> Solved:
    size, (lower, upper) = objective.size, box(objective, limits)
    constraints = [
        {"type": "eq" if equal else "ineq", "fun": value, "jac": slope}
        for equal, value, slope in _one_sided(objective.constraints(limits), unit)
    ]
    decisions, iterations, evaluations = np.clip(start, lower, upper), 0, 0
    best, stuck = None, 0

    def enough(intermediate_result: optimize.OptimizeResult) -> None:
        """End where the conditions of a maximum hold: the solver's own measure, the objective, may take far longer."""
        here = np.clip(intermediate_result.x * unit, lower, upper)
        if not precise:
            if _joined(objective, here, limits, known) is not None:
                raise StopIteration
            return
        conditions = optimality(objective, limits, here)
        if conditions.residual <= CLOSE and conditions.violation <= NEARLY_MET:
            raise StopIteration

    while True:
        result = optimize.minimize(
            lambda v: -objective.smooth(v * unit) / size,
            decisions / unit,
            jac=lambda v: -objective.slope(v * unit) * unit / size,
            method="SLSQP",
            bounds=optimize.Bounds(lower / unit, upper / unit),
            constraints=constraints,
            callback=enough,
            options={"ftol": 1e-12 if precise else 1e-6, "maxiter": 400 if precise else 60},
        )
        decisions = np.clip(result.x * unit, lower, upper)
        if precise:
            decisions = project(objective, limits, decisions)
        # Where bounds leave nothing to decide, SciPy does not count.
        iterations, evaluations = iterations + result.get("nit", 1), evaluations + result.get("nfev", 1)
        end = _joined(objective, decisions, limits, known)
        if end is not None:
            return replace(end, iterations=iterations, evaluations=evaluations)
        conditions = optimality(objective, limits, decisions)
        if best is None or _excess(conditions) < _excess(best[1]):
            # A new approximation of the curvature often gets further than the old one. Not so at a kink, as where a
            # mediator reaches zero: returns differ on its sides, and no plan meets the conditions more closely.
            stuck = stuck + 1 if best is not None and _excess(conditions) > 0.5 * _excess(best[1]) else 0
            best = decisions, conditions
        else:
            stuck += 1
        done = conditions.residual <= 0.1 * OPTIMAL and conditions.violation <= MET
        if done or not precise or max(iterations, evaluations / 3) > 1000 or stuck > (_excess(best[1]) > 1.0):
            break
    return _solved(objective, limits, *best, result.message, (iterations, evaluations))


def _joined(
    objective: PlanObjective, decisions: np.ndarray, limits: Limits, known: Sequence[Solved]
) -> Solved | None:
    """Where another start led under the same limits, if that is near."""
    for end in known:
        near = np.abs((end.decisions - decisions) / objective.unit).max() <= JOINS
        if near and end.optimality.violation <= NEARLY_MET and end.limits is limits:
            return end
    return None


def _excess(conditions: Optimality) -> float:
    """How far the conditions of a maximum are missed, in multiples of what may be missed."""
    return max(conditions.residual / OPTIMAL, conditions.violation / MET)


# ---------------------------------------------------------------------------------------------- many decisions
def _lagrangian(objective: PlanObjective, limits: Limits, start: np.ndarray, precise: bool) -> Solved:
    unit, size, (lower, upper) = objective.unit, objective.size, box(objective, limits)
    parts = _one_sided(objective.constraints(limits), unit)
    equal = np.array([kind for kind, *_ in parts], bool)
    v = np.clip(start, lower, upper) / unit
    price, weight = _first_prices(objective, parts, equal, v, lower / unit, upper / unit), 10.0
    iterations, evaluations, missed_before = 0, 0, np.inf
    ends = {"ftol": 1e-15, "maxiter": 300} if precise else {"ftol": 1e-8, "maxiter": 40}

    def augmented(v: np.ndarray, price: np.ndarray, weight: float) -> tuple[float, np.ndarray]:
        f, slope = -objective.smooth(v * unit) / size, -objective.slope(v * unit) * unit / size
        for (is_equal, value, jacobian), each in zip(parts, price, strict=True):
            f -= each**2 / (2.0 * weight)
            pull = each - weight * value(v)
            if is_equal or pull > 0.0:
                f += pull**2 / (2.0 * weight)
                slope = slope - pull * jacobian(v)
        return f, slope

    for _ in range(25 if precise else 4):
        result = optimize.minimize(
            augmented,
            v,
            args=(price, weight),
            jac=True,
            method="L-BFGS-B",
            bounds=optimize.Bounds(lower / unit, upper / unit),
            options={"maxcor": 30, "gtol": 1e-9, "maxfun": 600, **ends},
        )
        v, iterations, evaluations = result.x, iterations + result.nit, evaluations + result.nfev
        value = np.array([value(v) for _, value, _ in parts])
        price = np.where(equal, price - weight * value, np.maximum(price - weight * value, 0.0))
        missed = float(np.where(equal, np.abs(value), np.maximum(-value, 0.0)).max(initial=0.0))
        conditions = optimality(objective, limits, np.clip(v * unit, lower, upper))
        if missed <= (MET if precise else 1e-4) and (not precise or conditions.residual <= 0.5 * OPTIMAL):
            break
        if missed > 0.25 * missed_before:
            weight *= 5.0
        missed_before = missed
    decisions = np.clip(v * unit, lower, upper)
    if precise:
        decisions = project(objective, limits, decisions)
        conditions = optimality(objective, limits, decisions)
    return _solved(objective, limits, decisions, conditions, result.message, (iterations, evaluations))


def _first_prices(
    objective: PlanObjective, parts: list, equal: np.ndarray, v: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """Prices of the constraints at a start, by least squares over decisions that no bound holds."""
    if not parts:
        return np.zeros(0)
    free = (v > lower * 1.01) & (v < upper)
    slope = objective.slope(v * objective.unit) * objective.unit / objective.size
    active = equal | np.array([value(v) < 1e-3 for _, value, _ in parts])
    price = np.zeros(len(parts))
    if active.any() and free.any():
        matrix = np.stack([-jacobian(v) for _, _, jacobian in parts], axis=1)[free][:, active]
        price[active] = np.linalg.lstsq(matrix, slope[free], rcond=None)[0]
    return np.where(equal, price, np.maximum(price, 0.0))
