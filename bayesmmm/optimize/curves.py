"""What one channel brings by itself, as a curve of its money that is known at some points and bounded in between."""

from dataclasses import replace

import numpy as np

from bayesmmm import engine
from bayesmmm.engine.terms import term_inputs
from bayesmmm.estimands.windows import Stretch
from bayesmmm.kernels.response_bounds import adstocks, rises
from bayesmmm.optimize.outcomes import Outcomes

#: Shares of an interval at which it is divided.
PARTS, PARTS_FROM_ZERO = np.array([0.25, 0.5, 0.75]), np.array([1.0, 4.0, 16.0]) / 64.0


class Alone:
    """The mean worth of what one channel brings over spending nothing on it, where channels add up.

    Parameters
    ----------
    outcomes : Outcomes
    c : int
        Channel.
    profile : (W,) array
        How its money is spread over the window.
    worth : float
        Of a unit of outcome.
    """

    def __init__(self, outcomes: Outcomes, c: int, profile: np.ndarray, worth: float) -> None:
        self._outcomes, self._name = outcomes, outcomes.names[c]
        self._equation = outcomes.question.asked.fit.system.equation(outcomes.outcome)
        scales = outcomes.question.asked.fit.scales
        self._worth = worth * float(scales.size[self._equation.name][0]) / outcomes.size
        acts = self._name in self._equation.media
        idle = outcomes.idle() if acts else []
        self._pieces = outcomes.each(lambda stretches: self._read(stretches, profile), idle)
        self._zero = self._summed(np.zeros(1))[0][0]

    def _read(self, stretches: list[Stretch], profile: np.ndarray) -> list[tuple[np.ndarray, ...]]:
        """Adstock without spend and per unit of money, weights and parameters, of every stretch of a chunk."""
        name, out, past, done = self._name, [], {}, 0
        for stretch in stretches:
            base, rows, count = stretch.base, stretch.base.rows, int(stretch.changed.sum())
            pattern = np.zeros((1, 1, len(stretch.changed)))
            pattern[..., stretch.changed] = profile[done : done + count]
            start, shape = self._adstock(stretch, base.columns[name], base.past)
            rate, _ = self._adstock(stretch, pattern, past)
            weight = np.broadcast_to(stretch.weight[:, 0], (len(rows.draws), len(stretch.changed)))
            if len(start) > len(rate):  # paths of a draw begin with adstock of their own
                rate, weight = rows.wide(rate), rows.wide(weight) / rows.paths
            out.append((start, rate, np.ascontiguousarray(weight), *shape))
            past = engine.carried(replace(base, past=past), {name: pattern})
            done += count
        return out

    def _adstock(
        self, stretch: Stretch, column: np.ndarray, past: engine.Past
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Adstock (S or R, T) of a column, and half-saturation, slope and amplitude in as many rows."""
        rows, equation = stretch.base.rows, self._equation
        scaled = {self._name: engine.scaled(rows, self._name, column)}
        (x, carry, keep, *shape), lag = term_inputs(rows, equation, scaled, past, rows.amplitude[equation.name])
        found = adstocks(x[:, 0, 0], carry[:, 0, 0], keep[:, 0], lag)[:, -len(stretch.changed) :]
        return np.ascontiguousarray(found), [np.ascontiguousarray(each.reshape(len(found))) for each in shape]

    def _summed(self, spend: np.ndarray) -> tuple[np.ndarray, ...]:
        def each(pieces: list) -> tuple[np.ndarray, ...]:
            return tuple(map(sum, zip(*(rises(spend, *piece) for piece in pieces), strict=True)))

        found = self._outcomes.each(each, self._pieces)
        if not found:  # the channel does not act on the outcome
            return np.zeros(len(spend)), np.zeros(len(spend) - 1), np.zeros(len(spend) - 1)
        return tuple(self._worth * sum(parts) for parts in zip(*found, strict=True))

    def at(self, spend: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Worth (J,) of rising amounts of money (J,), and bounds (J - 1,) on its slope between them, from both sides."""
        value, least, most = self._summed(spend)
        return value - self._zero, least, most


class Curve:
    """A rising function of the spend of one channel, known at some points.

    Parameters
    ----------
    alone : Alone
    low, high : float
        Range of spend.
    best : float
        Where it is looked at first.
    idle : bool
        Whether spending nothing is allowed although the range begins above it.

    Attributes
    ----------
    spend, value : (J,) arrays
    least, most : (J - 1,) arrays
        Bounds on the slope between the points.
    """

    def __init__(self, alone: Alone, low: float, high: float, best: float, idle: bool) -> None:
        self._alone, self.idle = alone, idle
        ends = [low, high] if high > low else [low]
        self.spend = np.array(sorted({*ends, *([best] if low < best < high else [])}))
        self.value, self.least, self.most = alone.at(self.spend)

    def above(self, price: float) -> tuple[float, int]:
        """Bound on ``value - price * spend`` anywhere, and the interval that it comes from; -1 for a single point."""
        if len(self.spend) == 1:
            top, at = float(self.value[0] - price * self.spend[0]), -1
        else:
            left, right, ahead = self.spend[:-1], self.spend[1:], self.value[1:]
            # No higher than a line of the highest slope through the left end, nor one of the least slope through the
            # right end: highest where these meet, or at an end where both rise faster or slower than what is paid.
            with np.errstate(divide="ignore", invalid="ignore"):
                meet = left + (ahead - self.least * (right - left) - self.value[:-1]) / (self.most - self.least)
            meet = np.clip(np.where(self.most > self.least, meet, right), left, right)
            meet = np.where(self.least >= price, right, meet)
            each = ahead - self.least * (right - meet) - price * meet
            each = np.where(self.most <= price, self.value[:-1] - price * left, each)
            at = int(np.argmax(each))
            top = float(each[at])
        return (0.0, -1) if self.idle and top < 0.0 else (top, at)

    def divide(self, at: int) -> None:
        """Look at some more points of an interval."""
        left, right = self.spend[at : at + 2]
        if left < right / 64.0:
            new = left + (right - left) * PARTS_FROM_ZERO
        else:
            new = left * (right / left) ** PARTS if right > 4.0 * left else left + (right - left) * PARTS
        spend = np.unique([left, *new, right])
        value, least, most = self._alone.at(spend)
        self.spend = np.concatenate([self.spend[:at], spend, self.spend[at + 2 :]])
        self.value = np.concatenate([self.value[:at], value, self.value[at + 2 :]])
        self.least = np.concatenate([self.least[:at], least, self.least[at + 1 :]])
        self.most = np.concatenate([self.most[:at], most, self.most[at + 1 :]])

    def steepest(self) -> float:
        """Highest rise per money between points next to each other."""
        return float((np.diff(self.value) / np.diff(self.spend)).max(initial=0.0))

    def reached(self, price: float) -> float:
        """Highest known ``value - price * spend``."""
        top = float((self.value - price * self.spend).max())
        return max(top, 0.0) if self.idle else top
