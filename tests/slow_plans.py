"""What plans bring in one draw by the slow rewrite of the equations: plain loops, every residual path by itself.

Taken from the package are default columns of the periods after the data, which periods count, and the residuals.
"""

import math

import numpy as np

from bayesmmm.data import next_dates
from tests import reference_answers as reference


class SlowPlans:
    """Plans of a problem in draw number `s` of those that choose."""

    def __init__(self, problem, s):
        out, fit, query = problem.whole, problem.fit, problem.whole.query
        number = query.draws[s : s + 1]
        segments = out._order.segments(number)
        past, *later = [segment.base for segment in segments]
        self.problem, self.names, self.planned = problem, problem.names, query.timeline.planned
        self.paid = [m for m in fit.system.mediators if m in out.paid]
        self.draw = reference.read_draw(fit, *divmod(int(number[0]), fit.posterior.sizes["draw"]))
        self.fitted = len(self.draw.days)
        self.changed, self.window = (
            np.concatenate([getattr(each, name) for each in segments]) for name in ("changed", "window")
        )
        self.weight = np.concatenate([each.weight[0, 0] for each in segments])
        known = reference.residuals(self.draw, {n: v[0, 0] for n, v in past.residual.items()})
        self.residual, self.kept, self.tied = [known], [self.draw.columns], [None]
        for base in later:
            dates = next_dates(fit.data, len(self.changed) - self.fitted)
            columns = {n: base.columns[n][0, 0] for n in fit.system.exogenous}
            before, self.draw = self.draw.columns, reference.extended(self.draw, columns, dates, self.planned)
            rows, mediators, none = range(base.rows.paths), self.draw.mediators, [0.0] * len(dates)
            self.residual = [
                {n: [*v, *(base.residual[n][r, 0] if n in mediators else none)] for n, v in known.items()}
                for r in rows
            ]
            self.kept = [{n: [*before[n], *base.columns[n][r, 0]] for n in mediators} for r in rows]
            noise = base.noise.get(self.draw.outcome)
            self.tied = [noise and (noise[0][r, 0], noise[1][r]) for r in rows]

    def _set(self, plan, r):
        """Columns as a plan (C, W) sets them, on one path."""
        do, factor = {}, self.problem.factor
        for name, own in zip(self.names, plan, strict=True):
            free = name in self.draw.mediators
            column = [None if free else v for v in self.draw.columns[name]]
            if self.planned and not free:
                column = [v if t < self.fitted else factor * v for t, v in enumerate(column)]
            for t, value in zip(np.flatnonzero(self.changed), own, strict=True):
                column[t] = float(value)
            do[name] = column
        fixed = [m for m, mode in self.problem.modes.items() if mode == "fixed"]
        return do | {m: list(self.kept[r][m]) for m in fixed}

    def _outcome(self, columns, r):
        """Series of the outcome: as observed but for what is changed, in the future its mean."""
        name = self.draw.outcome
        mean = reference.latent_mean(self.draw, name, columns)
        for t in range(self.fitted, len(mean)):
            if self.tied[r]:  # the residual is partly known by that of the mediator
                center, sigma = self.tied[r][0][t - self.fitted], self.tied[r][1]
                columns[name][t] = self.draw.size(name) * math.exp(mean[t] + center + 0.5 * sigma**2)
            else:
                columns[name][t] = reference.mean_link(self.draw, name, mean[t])
        return columns[name]

    def sums(self, plan):
        """Counted outcome, that of the window alone, and what paid mediators spend where they are not set."""
        outcome, inside, paid = 0.0, 0.0, np.zeros(len(self.paid))
        free = {m: self.weight * ~self.changed if m in self.names else self.weight for m in self.paid}
        for r, residual in enumerate(self.residual):
            columns = reference.run(self.draw, residual, self._set(plan, r))
            series = self._outcome(columns, r)
            outcome += self.weight @ series / len(self.residual)
            inside += self.window @ series / len(self.residual)
            paid += np.array([free[m] @ columns[m] for m in self.paid]) / len(self.residual)
        return outcome, inside, paid
