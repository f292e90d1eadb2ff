"""The equations over the periods that a plan can reach, ready for compiled passes.

Everything that no plan changes is folded into a few arrays once; a plan then costs one call of a kernel forward, and
its derivatives one back.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from bayesmmm.engine.baseline import Baseline
from bayesmmm.engine.inputs import kernel_lag, period_days
from bayesmmm.engine.terms import curve_parameters
from bayesmmm.equations import MMM, Equation
from bayesmmm.kernels import adstocks
from bayesmmm.kernels.adstock import days_after
from bayesmmm.kernels.system import CARRY, SCALE, channel_terms, system_forward, system_vjp

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


class PassState(NamedTuple):
    """What a pass forward keeps for derivatives, the `room` of `bayesmmm.kernels.system`; a later one may reuse it."""

    response: np.ndarray
    derivative: np.ndarray
    mediator_derivative: np.ndarray
    series: np.ndarray
    slope: np.ndarray


class _Terms(NamedTuple):
    """Terms of a kind, as in `bayesmmm.kernels.system`."""

    edges: np.ndarray
    shape: np.ndarray
    days: np.ndarray
    lag: np.ndarray
    before: np.ndarray


class WindowSystem:
    """A system over segments of periods that follow on each other, for one geo.

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
        self._changed, self._draws = np.concatenate(changed), len(rows.draws)
        weights = [np.broadcast_to(w[:, 0], (self._draws, w.shape[-1])) for w in weights]
        self._weight = np.ascontiguousarray(np.concatenate(weights, axis=1))
        self.additive = equations[-1].family.additive
        self._unit = np.array([1.0 if n in mediators else rows.unit(n)[0, 0] for n in names])
        self.columns = np.concatenate([np.stack([b.columns[n][0, 0] for n in names]) for b in bases], axis=1)
        self._least = np.array([-np.inf if n in mediators else 0.0 for n in names])[:, None]

        numbered = list(enumerate(equations))
        channels = [
            (e, c) for e, v in numbered for c, n in enumerate(names) if n in v.media and n not in mediators
        ]
        inner = [(e, m, int(n in v.linear)) for e, v in numbered for m, n in enumerate(mediators) if n in v.inputs]
        size = rows.scales.size[outcome][0]
        scale = size if self.additive else 1.0  # amplitudes in units where terms are summed up
        periods = sum(b.periods for b in bases)
        of_channels = [(equations[e], names[c]) for e, c in channels]
        self._channel = _terms(bases[0], periods, channels, of_channels, 2, scale)
        of_mediators = [(equations[e], mediators[m]) for e, m, _ in inner]
        self._mediator = _terms(bases[0], periods, inner, of_mediators, 3, scale)
        told = equations[:-1] if self.additive else equations
        fixed = [_fixed_part(b, told, {*names, *mediators}, rows.paths) for b in bases]
        self._fixed = np.ascontiguousarray(np.concatenate(fixed, axis=-1))
        self._sigma = np.concatenate([_integrated(b, outcome) for b in bases], axis=-1)
        self._units = np.array([rows.unit(m)[0, 0] if m in system.media else 1.0 for m in mediators])
        self._sizes = np.array([*(rows.scales.size[m][0] for m in mediators), 1.0 if self.additive else size])
        self._link = np.array([v.family.link_code for v in equations], np.int64)
        self._decided = np.array([names.index(m) if m in names else -1 for m in mediators], np.int64)

    # ---------------------------------------------------------------------------------------------------- forward
    def room(self, rows: int | None = None, periods: int | None = None) -> PassState:
        """Room for what a pass keeps; of one draw where derivatives will not be asked for."""
        draws, paths, _, n_time = self._fixed.shape
        rows, n_time = rows or draws, periods or n_time
        return PassState(
            response=np.empty((draws, len(self._channel.edges), n_time)),
            derivative=np.empty((rows, len(self._channel.edges), n_time)),
            mediator_derivative=np.empty((rows, paths, len(self._mediator.edges), n_time)),
            series=np.empty((rows, paths, len(self.mediators), n_time)),
            slope=np.empty((rows, 0 if self.additive else paths, n_time)),
        )

    def forward(
        self,
        columns: np.ndarray,
        room: PassState | None = None,
        *,
        weight: np.ndarray | None = None,
        sets: bool = True,
        outcome: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weighted sums of the outcome (S,) and of mediators (S, M), averaged over paths, under columns (C, T).

        Where the outcome is the sum of its terms, it is so up to what no plan changes. The columns may be those of the
        first periods only; mediators among them are set where `sets`, and answer otherwise. A room receives what
        derivatives need.
        """
        periods = columns.shape[1]
        room = self.room(1, periods) if room is None else room
        x, equations = np.maximum(columns, self._least) / self._unit[:, None], len(self.mediators) + outcome
        channel_terms(tuple(self._channel), x, equations, tuple(room))
        lift, total = self._through(room, room.response, x, _NONE_OFF, weight, sets=sets, outcome=outcome)
        return lift[:, 0], total

    def drop_one(self, state: PassState, zero: PassState, columns: np.ndarray) -> np.ndarray:
        """Weighted outcome (S, C) that is lost as one channel after the other is as in another pass, and not set."""
        x, switched_off = np.maximum(columns, self._least) / self._unit[:, None], np.arange(-1, len(columns))
        lift, _ = self._through(PassState(state.response, *zero[1:]), zero.response, x, switched_off)
        return lift[:, :1] - lift[:, 1:]

    def _through(
        self,
        room: PassState,
        other: np.ndarray,
        x: np.ndarray,
        switched_off: np.ndarray,
        weight: np.ndarray | None = None,
        *,
        sets: bool = True,
        outcome: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sums from channel terms: as `kernels.system.system_forward`, which is for mediators and links."""
        weight, periods = self._weight if weight is None else weight, x.shape[1]
        if self.additive and not self.mediators:
            both = [np.einsum("snt,st->sn", terms, weight) for terms in (room.response, other)]
            lifts = [np.where(self._channel.edges[:, 1] == c, *both[::-1]).sum(axis=1) for c in switched_off]
            return np.stack(lifts, axis=1), np.zeros((len(weight), 0))
        fixed, sigma = (np.ascontiguousarray(each[..., :periods]) for each in (self._fixed, self._sigma))
        links, kept = self._links(periods, sets), tuple(room)
        edges, mediator = self._channel.edges, tuple(self._mediator)
        return system_forward(edges, mediator, links, fixed, sigma, x, weight, outcome, switched_off, other, kept)

    def _links(self, periods: int | None = None, sets: bool = True) -> tuple[np.ndarray, ...]:
        decided = self._decided if sets else np.full_like(self._decided, -1)
        return self._sizes, self._link, self._units, decided, self._changed[:periods]

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
        terms, weights = (tuple(self._channel), tuple(self._mediator)), (lift, total)
        return system_vjp(
            *terms,
            self._links(),
            self._unit,
            self._weight,
            tuple(state),
            *map(np.ascontiguousarray, weights),
            pattern,
        )

    # ------------------------------------------------------------------------------------------------- one channel
    def pulls_down(self) -> bool:
        """Whether a linear term of a mediator has a coefficient below zero in some draw."""
        return bool((self._mediator.shape[SCALE][:, self._mediator.edges[:, 2] == 1] < 0.0).any())

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
        own = (terms.edges[:, 0] == outcome) & (terms.edges[:, 1] == source)
        if len(m):
            own &= terms.edges[:, 2] == 0
        if not own.any():
            return None
        i, x, scale, paths = int(np.flatnonzero(own)[0]), np.maximum(columns[c : c + 1], 0.0), self._unit[c], 1
        if len(m):
            series, scale = self.reached(columns)[:, :, source], self._units[source]
            x, paths = np.maximum(series.reshape(-1, series.shape[-1]), 0.0), series.shape[1]
        at = np.repeat(np.arange(self._draws), paths)
        keep, *curve, carry = terms.shape[:, at, i]
        before, days, lag = terms.before[at, i], terms.days[i], int(terms.lag[i])
        x, later = x / scale, days
        if lag >= 0 and before.shape[1]:
            x, later = (
                np.hstack([before, np.broadcast_to(x, (len(at), x.shape[1]))]),
                days_after(days, before.shape[1]),
            )
        start = adstocks(x, days, carry, keep, lag)[:, -len(pattern) :]
        rate = adstocks(pattern[None] / scale, later, np.zeros(1), keep, lag)
        return np.ascontiguousarray(start), rate, self._weight[at] / paths, *curve


# ------------------------------------------------------------------------------------------------- small parts
def _terms(
    base: Baseline,
    periods: int,
    index: Sequence[tuple[int, ...]],
    terms: list[tuple[Equation, str]],
    width: int,
    scale: float,
) -> _Terms:
    """Tables of terms over so many periods; those of the outcome are multiplied by `scale`."""
    rows, draws = base.rows, len(base.rows.draws)
    lags = [kernel_lag(equation) if name in equation.media else -1 for equation, name in terms]
    shape, before = np.zeros((5, draws, len(terms))), np.zeros((draws, len(terms), max(0, *lags, 0)))
    known, days = before.shape[-1], []
    for i, (equation, name) in enumerate(terms):
        earlier = known if lags[i] >= 0 else 0
        days.append(period_days(equation, (name,), rows.calendar, base.start - earlier, periods + earlier)[0])
        past = base.past.get((equation.name, name))
        if name not in equation.media:
            shape[SCALE, :, i] = rows.slope(equation.name, name)[:, 0, 0]
        else:
            *curve, amplitude = curve_parameters(rows, equation, (name,), rows.amplitude[equation.name])
            shape[:SCALE, :, i] = [each[:, 0] for each in curve]
            shape[SCALE, :, i] = amplitude[:, 0, 0]
            if past is not None and lags[i] < 0:
                shape[CARRY, :, i] = past[:, 0, 0]
            elif past is not None and past.shape[-1]:
                before[:, i, -past.shape[-1] :] = past[:, 0]
        if equation.name == rows.system.outcome:
            shape[SCALE, :, i] *= scale
    return _Terms(
        np.array(index, np.int64).reshape(-1, width), shape, _side_by_side(days), np.array(lags, np.int64), before
    )


def _side_by_side(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of different lengths in one array, filled up with zeros."""
    out = np.zeros((len(rows), max(map(len, rows), default=1)))
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out


def _fixed_part(base: Baseline, equations: Sequence[Equation], moving: Collection[str], paths: int) -> np.ndarray:
    """Latent means and residuals (S, P, E, T) of equations, without the terms of what moves."""
    rows, parts = base.rows, []
    for equation in equations:
        name = equation.name
        own = base.latent[name] + (base.residual[name] if name in base.residual else base.noise_of(name)[0])
        for n in equation.inputs:
            if n in moving and n in equation.media:
                own = own - rows.per_path(base.term[name, n])
            elif n in moving:
                own = own - rows.per_path(rows.slope(name, n)) * base.columns[n]
        own = own.reshape(len(rows.draws), rows.paths, -1)
        parts.append(np.broadcast_to(own, (len(own), paths, own.shape[-1])))
    if not parts:
        return np.zeros((len(rows.draws), 1, 0, next(iter(base.columns.values())).shape[-1]))
    return np.stack(parts, axis=2)


def _integrated(base: Baseline, name: str) -> np.ndarray:
    """Scale (S, T) of the residuals of a series that are integrated over: none where they are kept."""
    sigma = (
        base.noise_of(name)[1][:: base.rows.paths] if name not in base.residual else np.zeros(len(base.rows.draws))
    )
    return np.repeat(sigma[:, None], base.latent[name].shape[-1], axis=1)
