"""The equations over the periods that a plan can reach, ready for compiled passes.

Everything that no plan changes is folded into a few arrays once; a plan then costs one call of a kernel forward, and
its derivatives one back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayesmmm.engine.baseline import Baseline
from bayesmmm.engine.inputs import kernel_lag
from bayesmmm.engine.terms import shape_of, unit
from bayesmmm.equations import MMM, Equation
from bayesmmm.kernels.response_bounds import adstocks
from bayesmmm.kernels.system import (
    CARRY,
    SCALE,
    channel_terms,
    system_forward,
    system_vjp,
)

_NONE_OFF = np.array([-1])


def answering(system: MMM, channels: Collection[str], *, fixed: Collection[str] = ()) -> tuple[str, ...]:
    """Mediators that listen to some channels, after a window in which they are set at least; not those that are fixed.

    Channels may be mediators, too: those are set in a window.
    """
    moving, out = set(channels), []
    for name in system.mediators:
        equation = system.equation(name)
        if name not in fixed and moving.intersection(equation.inputs):
            out.append(name)
            moving.add(name)
    return tuple(out)


@dataclass(frozen=True)
class PassState:
    """What is kept of a pass forward for derivatives: room that a later pass may take over.

    Attributes
    ----------
    response, bend : (S, N, T) arrays
        Channel terms, and their derivatives to adstock.
    mediator_bend, series : (S, P, F, T) and (S, P, M, T) arrays
        Derivatives of mediator terms to adstock, and the mediators.
    slope : (S, P, T) array
        Derivative of the outcome to its latent mean; without paths where that never changes.
    """

    response: np.ndarray
    bend: np.ndarray
    mediator_bend: np.ndarray
    series: np.ndarray
    slope: np.ndarray


@dataclass(frozen=True)
class _Terms:
    """Terms of a kind: which they are, the table of their shapes, greatest lags, and inputs before the first period."""

    index: np.ndarray
    shape: np.ndarray
    lag: np.ndarray
    before: np.ndarray

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.shape, self.lag, self.before


class WindowSystem:
    """A system over stretches of periods that follow on each other, for one geo.

    Parameters
    ----------
    bases : list of Baseline
        In order of time; the last may have several residual paths.
    changed : list of (T,) bool array
        Periods of each in which a plan sets its channels.
    weights : list of (S, 1, T) array
        By which periods count.
    names : tuple of str
        Channels (C) that a plan sets, exogenous or mediators.
    mediators : tuple of str
        Those (M) that answer or are set, in causal order.

    Attributes
    ----------
    columns : (C, T) array
        Spend of the channels in the baselines; of mediators the series of the first path.
    """

    def __init__(
        self,
        bases: Sequence[Baseline],
        changed: Sequence[np.ndarray],
        weights: Sequence[np.ndarray],
        names: tuple[str, ...],
        mediators: tuple[str, ...],
    ) -> None:
        rows, self.mediators = bases[-1].rows, mediators
        system, outcome = rows.system, rows.system.outcome
        equations = [system.equation(n) for n in (*mediators, outcome)]
        self._changed, self._draws, paths = np.concatenate(changed), len(rows.draws), rows.paths
        weights = [np.broadcast_to(w[:, 0], (self._draws, w.shape[-1])) for w in weights]
        self._weight = np.ascontiguousarray(np.concatenate(weights, axis=1))
        self.additive = equations[-1].family.additive

        set_here = [n in names for n in mediators]
        acting = {n for each in equations for n in each.media}  # the others have no unit as media
        self._unit = np.array([1.0 if n in mediators else unit(rows, n)[0, 0] for n in names])
        self.columns = np.concatenate([np.stack([b.columns[n][0, 0] for n in names]) for b in bases], axis=1)
        self._least = np.array([-np.inf if n in mediators else 0.0 for n in names])[:, None]

        channel = [
            (e, c)
            for e, each in enumerate(equations)
            for c, n in enumerate(names)
            if n in each.media and n not in mediators
        ]
        mediator = [
            (e, m, int(n in each.linear))
            for e, each in enumerate(equations)
            for m, n in enumerate(mediators)
            if n in each.inputs
        ]
        scale = (
            rows.scales.size[outcome][0] if self.additive else 1.0
        )  # amplitudes in units where terms are summed up
        self._channel = _terms(bases[0], channel, [(equations[e], names[c]) for e, c in channel], 2, scale)
        self._mediator = _terms(
            bases[0], mediator, [(equations[e], mediators[m]) for e, m, _ in mediator], 3, scale
        )
        fixed = [
            _fixed_part(b, equations[: None if not self.additive else -1], {*names, *mediators}, paths)
            for b in bases
        ]
        self._fixed = np.ascontiguousarray(np.concatenate(fixed, axis=-1))
        self._sigma = np.concatenate([_sigma(b, equations[-1]) for b in bases], axis=-1)
        sizes = [rows.scales.size[m][0] for m in mediators]
        self._links = (
            np.array([*sizes, 1.0 if self.additive else rows.scales.size[outcome][0]]),
            np.array([unit(rows, m)[0, 0] if m in acting else 1.0 for m in mediators]),
            np.array([each.family.link_code for each in equations], np.int64),
        )
        self._decided = np.array(
            [names.index(m) if on else -1 for m, on in zip(mediators, set_here, strict=True)], int
        )

    # ---------------------------------------------------------------------------------------------------- forward
    def room(self, rows: int | None = None, periods: int | None = None) -> PassState:
        """Room for what a pass keeps; of one draw where derivatives will not be asked for."""
        draws, paths, _, n_time = self._fixed.shape
        rows, n_time = rows or draws, periods or n_time
        terms = (np.empty((count, len(self._channel.index), n_time)) for count in (draws, rows))
        wide = (np.empty((rows, paths, n, n_time)) for n in (len(self._mediator.index), len(self.mediators)))
        return PassState(*terms, *wide, np.empty((rows, 0 if self.additive else paths, n_time)))

    def forward(
        self,
        columns: np.ndarray,
        room: PassState | None = None,
        *,
        weight: np.ndarray | None = None,
        sets: bool = True,
        outcome: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weighted sums of the outcome (S,) and of mediators (S, M), averaged over paths.

        Where the outcome is the sum of its terms, it is so up to what no plan changes.

        Parameters
        ----------
        columns : (C, T) array
            Of the first periods, or all of them.
        room : PassState, optional
            Receives what derivatives need.
        weight : (S, T) array, optional
        sets : bool
            Whether mediators among the channels are set; otherwise they answer.
        outcome : bool
            Whether the outcome is wanted.
        """
        periods = columns.shape[1]
        room = self.room(1, periods) if room is None else room
        x, equations = np.maximum(columns, self._least) / self._unit[:, None], len(self.mediators) + outcome
        channel_terms(self._channel.index, x, *self._channel.parts, equations, room.response, room.bend)
        lift, total = self._through(room, room.response, x, _NONE_OFF, weight, sets=sets, outcome=outcome)
        return lift[:, 0], total

    def drop_one(self, state: PassState, zero: PassState, columns: np.ndarray) -> np.ndarray:
        """Weighted outcome (S, C) that is lost as one channel after the other is as in another pass, and not set."""
        x, off = np.maximum(columns, self._least) / self._unit[:, None], np.arange(-1, len(columns))
        lift, _ = self._through(replace(zero, response=state.response), zero.response, x, off)
        return lift[:, :1] - lift[:, 1:]

    def _through(
        self,
        room: PassState,
        other: np.ndarray,
        x: np.ndarray,
        off: np.ndarray,
        weight: np.ndarray | None = None,
        *,
        sets: bool = True,
        outcome: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sums from channel terms: as `kernels.system.system_forward`, which is for mediators and links."""
        weight, periods = self._weight if weight is None else weight, x.shape[1]
        if self.additive and not self.mediators:
            both = [np.einsum("snt,st->sn", terms, weight) for terms in (room.response, other)]
            lifts = [np.where(self._channel.index[:, 1] == c, *both[::-1]).sum(axis=1) for c in off]
            return np.stack(lifts, axis=1), np.zeros((len(weight), 0))
        return system_forward(
            self._channel.index,
            self._mediator.index,
            *self._mediator.parts,
            np.ascontiguousarray(self._fixed[..., :periods]),
            *self._links,
            np.ascontiguousarray(self._sigma[:, :periods]),
            self._decided if sets else np.full_like(self._decided, -1),
            self._changed[:periods],
            x,
            weight,
            outcome,
            off,
            room.response,
            other,
            room.mediator_bend,
            room.series,
            room.slope,
        )

    def reached(self, columns: np.ndarray) -> np.ndarray:
        """Mediators (S, P, M, T) under a plan."""
        room = self.room()
        self.forward(columns, room, outcome=False)
        return room.series

    # --------------------------------------------------------------------------------------------------- backward
    def vjp(
        self, state: PassState, lift: np.ndarray, total: np.ndarray, pattern: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Derivative (C, T) of weighted sums (S,) and (S, M), and (S, C) of each draw's part along a pattern (C, T)."""
        return system_vjp(
            self._channel.index,
            *self._channel.parts[:2],
            self._mediator.index,
            *self._mediator.parts[:2],
            *self._links,
            self._decided,
            self._changed,
            self._unit,
            self._weight,
            state.bend,
            state.mediator_bend,
            state.series,
            state.slope,
            np.ascontiguousarray(lift),
            np.ascontiguousarray(total),
            pattern,
        )

    # ------------------------------------------------------------------------------------------------- one channel
    def pulls_down(self) -> bool:
        """Whether a linear term of a mediator has a coefficient below zero in some draw."""
        return bool((self._mediator.shape[SCALE][:, self._mediator.index[:, 2] == 1] < 0.0).any())

    def alone(self, c: int, columns: np.ndarray, pattern: np.ndarray) -> tuple[np.ndarray, ...] | None:
        """Return what the term of a channel in the outcome does by itself, where nothing else moves with the channel.

        Parameters
        ----------
        c : int
        columns, pattern : (C, T) and (T,) arrays
            Spend without any of the channel in the window, and how a unit of its money is spread there.

        Returns
        -------
        tuple of arrays, or None where the channel is no media input of the outcome
            Adstock (K, T) of these columns and (K, T) that a unit of money adds, weights (K, T), then half-saturation,
            slope and amplitude (K,); a row for each draw, or for each of its paths where they begin with adstock of
            their own.
        """
        outcome, m = len(self.mediators), np.flatnonzero(self._decided == c)
        terms, source = (self._mediator, int(m[0])) if len(m) else (self._channel, c)
        own = (terms.index[:, 0] == outcome) & (terms.index[:, 1] == source)
        if len(m):
            own &= terms.index[:, 2] == 0
        if not own.any():
            return None
        i, x, scale, paths = int(np.flatnonzero(own)[0]), np.maximum(columns[c : c + 1], 0.0), self._unit[c], 1
        if len(m):
            series, scale = self.reached(columns)[:, :, source], self._links[1][source]
            x, paths = np.maximum(series.reshape(-1, series.shape[-1]), 0.0), series.shape[1]
        at = np.repeat(np.arange(self._draws), paths)
        keep, *curve, carry = terms.shape[:, at, i]
        before, lag = terms.before[at, i], int(terms.lag[i])
        x = x / scale
        if before.shape[1]:
            x = np.hstack([before, np.broadcast_to(x, (len(at), x.shape[1]))])
        start = adstocks(x, carry, keep, lag)[:, -len(pattern) :]
        rate = adstocks(pattern[None] / scale, np.zeros(1), keep, lag)
        return np.ascontiguousarray(start), rate, self._weight[at] / paths, *curve


# ------------------------------------------------------------------------------------------------- small parts
def _terms(
    base: Baseline, index: list[tuple[int, ...]], terms: list[tuple[Equation, str]], width: int, scale: float
) -> _Terms:
    """Tables of terms; those of the outcome are multiplied by `scale`."""
    rows, draws = base.rows, len(base.rows.draws)
    lags = [kernel_lag(equation) if name in equation.media else -1 for equation, name in terms]
    shape, before = np.zeros((5, draws, len(terms))), np.zeros((draws, len(terms), max(0, *lags, 0)))
    for i, (equation, name) in enumerate(terms):
        past = base.past.get((equation.name, name))
        if name not in equation.media:
            shape[SCALE, :, i] = base.slope(equation.name, name)[:, 0, 0]
        else:
            *curve, amplitude = shape_of(rows, equation, (name,), rows.amplitude[equation.name])
            shape[:SCALE, :, i] = [each[:, 0] for each in curve]
            shape[SCALE, :, i] = amplitude[:, 0, 0]
            if past is not None and lags[i] < 0:
                shape[CARRY, :, i] = past[:, 0, 0]
            elif past is not None and past.shape[-1]:
                before[:, i, -past.shape[-1] :] = past[:, 0]
        if equation.name == rows.system.outcome:
            shape[SCALE, :, i] *= scale
    return _Terms(np.array(index, np.int64).reshape(-1, width), shape, np.array(lags, np.int64), before)


def _fixed_part(base: Baseline, equations: Sequence[Equation], moving: Collection[str], paths: int) -> np.ndarray:
    """Latent means and residuals (S, P, E, T) of equations, without the terms of what moves."""
    rows, out = base.rows, []
    for equation in equations:
        name = equation.name
        own = base.latent[name] + (base.residual[name] if name in base.residual else _spread(base, equation))
        for n in equation.media:
            if n in moving:
                own = own - rows.wide(base.term[name, n])
        for n in equation.linear:
            if n in moving:
                own = own - rows.wide(base.slope(name, n)) * base.columns[n]
        own = own.reshape(len(rows.draws), rows.paths, -1)
        out.append(np.broadcast_to(own, (len(own), paths, own.shape[-1])))
    if not out:
        return np.zeros((len(rows.draws), 1, 0, next(iter(base.columns.values())).shape[-1]))
    return np.stack(out, axis=2)


def _spread(base: Baseline, outcome: Equation) -> np.ndarray | float:
    """What is added to latent means of the outcome where residuals are integrated over."""
    if not outcome.family.log_scale:
        return 0.0
    center, sigma = base.noise.get(outcome.name, (0.0, base.rows.sigma(outcome.name)))
    return center + 0.5 * sigma[:, None, None] ** 2


def _sigma(base: Baseline, outcome: Equation) -> np.ndarray:
    """Residual scale (S, T) of a censored outcome where residuals are integrated over, else zero."""
    out = np.zeros((len(base.rows.draws), base.latent[outcome.name].shape[-1]))
    if base.future and outcome.family.censored:
        out += base.rows.parameters[outcome.name]["sigma"][:, None]
    return out
