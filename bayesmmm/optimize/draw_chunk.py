"""What plans bring in some draws, compiled: a future window in which no mediator is set, the common case.

Everything that no plan changes is folded into a few arrays once; a plan then costs one call of a kernel forward, and
its derivatives one back.
"""

from dataclasses import dataclass, replace

import numpy as np

from bayesmmm import engine
from bayesmmm.engine.terms import shape_of, unit
from bayesmmm.equations import Equation
from bayesmmm.estimands.windows import Stretch
from bayesmmm.kernels.system import CARRY, CENSORED, IDENTITY, LOGNORMAL, SCALE, near_terms, pulled, through
from bayesmmm.optimize.engine_chunk import Brought, Setting

_NONE_OFF = np.array([-1])
_LINKS = {"normal": IDENTITY, "student_t": IDENTITY, "censored_normal": CENSORED, "lognormal": LOGNORMAL}


def applies(setting: Setting) -> bool:
    """Whether a question is one that the kernels answer."""
    equations = [setting.system.equation(n) for n in (*setting.answering, setting.outcome)]
    uncut = all(equation.max_lag is None for equation in equations)
    return setting.adds and setting.quick and uncut


@dataclass(frozen=True)
class State:
    """What is kept of an evaluation for derivatives: room that a later evaluation may take over.

    Attributes
    ----------
    response, bend : (S, N, T) arrays
        Terms of the channels, and their derivatives to adstock.
    far_bend, series : (S, P, F, T) and (S, P, M, T) arrays
        Derivatives of the terms of mediators, and the mediators.
    """

    response: np.ndarray
    bend: np.ndarray
    far_bend: np.ndarray
    series: np.ndarray


class KernelChunk:
    """Some draws of the periods that a plan can reach; its face is that of `EngineChunk`.

    Parameters
    ----------
    setting : Setting
        One that the kernels answer.
    at : slice
    stretches : list of Stretch
        One, under the plan of the question.
    """

    def __init__(self, setting: Setting, at: slice, stretches: list[Stretch]) -> None:
        (self._stretch,) = stretches
        self.at, self._set = at, setting
        base, system, mediators = self._stretch.base, setting.system, setting.answering
        equations = [system.equation(n) for n in (*mediators, setting.outcome)]
        near = [(e, c) for e, each in enumerate(equations) for c, n in enumerate(setting.names) if n in each.media]
        far = [
            (e, m, int(n in each.linear))
            for e, each in enumerate(equations)
            for m, n in enumerate(mediators)
            if n in (*each.media, *each.linear)
        ]
        self._near = np.array(near, np.int64).reshape(-1, 2)
        self._far = np.array(far, np.int64).reshape(-1, 3)
        self._near_shape = _shapes(base, [(equations[e], setting.names[c]) for e, c in near])
        self._far_shape = _shapes(base, [(equations[e], mediators[m]) for e, m, _ in far])
        self._rest = _rest(base, equations[:-1], (*setting.names, *mediators))
        size = np.array([base.rows.scales.size[m][0] for m in mediators])
        links = np.array([_LINKS[each.likelihood] for each in equations[:-1]], np.int64)
        acting = {n for each in equations for n in each.media}  # the others have no unit as media
        self._after = size, np.array([unit(base.rows, m)[0, 0] if m in acting else 1.0 for m in mediators]), links
        self._unit = np.array([unit(base.rows, n)[0, 0] for n in setting.names])
        self._now = np.stack([base.columns[n][0, 0] for n in setting.names])
        shape = len(base.rows.draws), self._now.shape[1]
        self._weight = np.ascontiguousarray(np.broadcast_to(self._stretch.weight[:, 0], shape))
        self._paid = [mediators.index(m) for m in setting.paid]

    # ------------------------------------------------------------------------------------------------ set-up
    def compare_with(self, current: np.ndarray, factor: float) -> None:
        """As `EngineChunk.compare_with`."""
        self._factor = factor
        self._zero = self._sums(self._columns(0.0))
        self._idle: list[Stretch] | None = None
        self._none: State | None = None

    @property
    def base(self) -> np.ndarray:
        """As `EngineChunk.base`."""
        stretch, outcome = self._stretch, self._set.outcome
        latent = engine.value(stretch.base, outcome, stretch.base.latent[outcome])
        level = stretch.base.rows.narrow(latent)[:, 0] @ stretch.window.astype(float)
        now, then = (self._inside(x) for x in (self._now, self._columns(0.0)))
        return level + then - now

    def _columns(self, spend: np.ndarray | float) -> np.ndarray:
        """Spend (C, T) of the channels in all periods under a plan (C, W) of the window."""
        out = self._factor * self._now
        out[:, self._stretch.changed] = spend
        return out

    def _inside(self, columns: np.ndarray) -> np.ndarray:
        """Sum (S,) of the outcome over the window only, up to what no plan changes."""
        last = int(np.flatnonzero(self._stretch.window)[-1]) + 1
        weight = np.tile(self._stretch.window[:last].astype(float), (len(self._weight), 1))
        rest, x = (np.ascontiguousarray(each[..., :last]) for each in (self._rest, columns))
        return self._sums(x, weight=weight, rest=rest).lift

    def _room(self, rows: int | None = None, periods: int | None = None) -> State:
        """Room for what an evaluation keeps; of one draw where derivatives will not be asked for."""
        draws, paths, mediators, n_time = self._rest.shape
        rows, n_time = rows or draws, periods or n_time
        near = (np.empty((count, len(self._near), n_time)) for count in (draws, rows))
        return State(*near, *(np.empty((rows, paths, n, n_time)) for n in (len(self._far), mediators)))

    def _sums(
        self,
        columns: np.ndarray,
        room: State | None = None,
        *,
        weight: np.ndarray | None = None,
        rest: np.ndarray | None = None,
        outcome: bool = True,
    ) -> Brought:
        """Sums of the outcome and of paid mediators, up to what no plan changes."""
        weight, rest = self._weight if weight is None else weight, self._rest if rest is None else rest
        room = self._room(1, columns.shape[1]) if room is None else room
        x, equations = np.maximum(columns, 0.0) / self._unit[:, None], rest.shape[2] + outcome
        near_terms(self._near, x, self._near_shape, equations, room.response, room.bend)
        lift, total = self._through(room, room.response, _NONE_OFF, weight, rest, outcome=outcome)
        return Brought(lift[:, 0], total[:, self._paid])

    def _through(
        self,
        room: State,
        other: np.ndarray,
        offs: np.ndarray,
        weight: np.ndarray,
        rest: np.ndarray,
        *,
        outcome: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lifts and sums of mediators from near terms: as `kernels.plans.through`, which is for mediators."""
        if not self._set.answering:
            both = [np.einsum("snt,st->sn", terms, weight) for terms in (room.response, other)]
            lifts = [np.where(self._near[:, 1] == off, *both[::-1]).sum(axis=1) for off in offs]
            return np.stack(lifts, axis=1), np.zeros((len(weight), 0))
        return through(
            self._near,
            self._far,
            self._far_shape,
            rest,
            *self._after,
            weight,
            outcome,
            offs,
            room.response,
            other,
            room.far_bend,
            room.series,
        )

    # ------------------------------------------------------------------------------------------------ evaluation
    def induced_by_multiple(self, current: np.ndarray, factor: float) -> np.ndarray:
        """As `EngineChunk.induced_by_multiple`."""
        plan, none = factor * self._now, factor * self._now
        none[:, self._stretch.changed] = 0.0
        return self._sums(plan, outcome=False).induced - self._sums(none, outcome=False).induced

    def evaluate(self, spend: np.ndarray, room: State | None = None) -> tuple[State, Brought]:
        """As `EngineChunk.evaluate`; what an earlier evaluation kept may be written over."""
        room = self._room() if room is None else room
        found = self._sums(self._columns(spend), room)
        return room, Brought(found.lift - self._zero.lift, found.induced - self._zero.induced)

    def induced(self, spend: np.ndarray) -> np.ndarray:
        """As `EngineChunk.induced`."""
        return self._sums(self._columns(spend), outcome=False).induced - self._zero.induced

    def idle(self) -> list[Stretch]:
        """As `EngineChunk.idle`."""
        if self._idle is None:
            none = self._columns(0.0)[:, None, None]
            changed = dict(zip(self._set.names, none, strict=True))
            base = engine.moved(self._stretch.base, changed, outcome=False)
            self._idle = [replace(self._stretch, base=base)]
        return self._idle

    def without(self, state: State, spend: np.ndarray) -> np.ndarray:
        """As `EngineChunk.without`."""
        if self._none is None:
            self._none = self._room(1)
            self._sums(self._columns(0.0), self._none)
        room, offs = replace(self._none, response=state.response), np.arange(-1, len(spend))
        lift, _ = self._through(room, self._none.response, offs, self._weight, self._rest)
        return lift[:, :1] - lift[:, 1:]

    def pull(self, state: State, lift: np.ndarray | None, induced: np.ndarray | None) -> np.ndarray:
        """As `EngineChunk.pull`."""
        return self._back(state, lift, induced, np.zeros_like(self._now))[0][:, self._stretch.changed]

    def along(self, state: State, pattern: np.ndarray) -> np.ndarray:
        """As `EngineChunk.along`."""
        in_all = np.zeros_like(self._now)
        in_all[:, self._stretch.changed] = pattern
        return self._back(state, np.ones(len(self._weight)), None, in_all)[1]

    def _back(
        self, state: State, lift: np.ndarray | None, induced: np.ndarray | None, pattern: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of lift and induced spend, weighted draw by draw: as `kernels.plans.pulled`."""
        draws, _, mediators, _ = self._rest.shape
        total = np.zeros((draws, mediators))
        if induced is not None:
            total[:, self._paid] = induced
        return pulled(
            self._near,
            self._far,
            self._near_shape,
            self._far_shape,
            *self._after,
            self._unit,
            self._weight,
            state.bend,
            state.far_bend,
            state.series,
            np.zeros(draws) if lift is None else np.ascontiguousarray(lift),
            total,
            pattern,
        )


# ------------------------------------------------------------------------------------------------- small parts
def _shapes(base: engine.Baseline, terms: list[tuple[Equation, str]]) -> np.ndarray:
    """Table (5, S, N) of terms: retention, half-saturation, slope, scale and adstock carried in."""
    rows = base.rows
    out = np.zeros((5, len(rows.draws), len(terms)))
    for i, (equation, name) in enumerate(terms):
        if name in equation.media:
            *shape, scale = shape_of(rows, equation, (name,), rows.amplitude[equation.name])
            out[:SCALE, :, i] = [each[:, 0] for each in shape]
            out[SCALE, :, i] = scale[:, 0, 0]
            carry = base.past.get((equation.name, name))
            out[CARRY, :, i] = 0.0 if carry is None else carry[:, 0, 0]
        else:
            out[SCALE, :, i] = base.slope(equation.name, name)[:, 0, 0]
        if equation.name == rows.system.outcome:
            out[SCALE, :, i] *= rows.scales.size[equation.name][0]
    return out


def _rest(base: engine.Baseline, equations: list[Equation], moving: tuple[str, ...]) -> np.ndarray:
    """Latent means and residuals (S, P, M, T) of equations, without the terms of what moves."""
    rows = base.rows
    out = []
    for equation in equations:
        name = equation.name
        own = base.latent[name] + base.residual[name]
        for n in moving:
            if n in equation.media:
                own = own - rows.wide(base.term[name, n])
            elif n in equation.linear:
                own = own - rows.wide(base.slope(name, n)) * base.columns[n]
        out.append(own.reshape(len(rows.draws), rows.paths, -1))
    if not out:
        return np.zeros((len(rows.draws), 1, 0, next(iter(base.columns.values())).shape[-1]))
    return np.ascontiguousarray(np.stack(out, axis=2))
