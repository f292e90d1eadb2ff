"""Which channel to test next: the one whose return, if it were known, would help the recommended plan most."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesmmm.optimize.knowing import worth_of_knowing
from bayesmmm.report.answers import Answers
from bayesmmm.report.recommendation import CHANGE

#: Of the worth of knowing all returns, what that of one channel has to be to be named; and beside the first one.
_LEAST, _BESIDE, _MOST = 0.02, 0.25, 3


@dataclass(frozen=True)
class Ranking:
    """Channels to test, the most useful first, at most three; none where no test would change the plan."""

    channels: tuple[str, ...]
    known: Mapping[
        str, float
    ]  # what it is worth to know the return of each, in outcome, in the window of the plan
    returns: xr.DataArray  # marginal returns on all that a unit of money costs, of the channels of the plan
    room: np.ndarray  # (C,), money by which each of them may move


def rank_tests(answers: Answers) -> Ranking | None:
    """Return what to test next; None without a recommended plan of a fixed total with two channels to choose from.

    A unit of money in a channel costs what it draws into paid mediators, too, as it did on average.
    """
    plan, marginal = answers.plan, answers.marginal
    if plan is None or marginal is None or answers.objective != "outcome":
        return None
    current = plan.current.sum([dim for dim in plan.current.dims if dim != "channel"]).to_series()
    names = [name for name in marginal["channel"].values.tolist() if current.get(name, 0.0) > 0.0]
    if len(names) < 2:
        return None
    cost = 1.0 + _drawn(answers, names)
    room = CHANGE * current[names].to_numpy() * cost
    returns = marginal.sel(channel=names) / xr.DataArray(cost, {"channel": names}, "channel")
    values = returns.stack(sample=("chain", "draw")).transpose("sample", "channel").values
    found = worth_of_knowing(values, room, room)
    order = np.argsort(-found.each, kind="stable")
    first = found.each[order[0]]
    kept = [
        names[c]
        for c in order[:_MOST]
        if found.each[c] > max(_LEAST * found.every, _BESIDE * first * (c != order[0]), 0.0)
    ]
    return Ranking(tuple(kept), dict(zip(names, map(float, found.each), strict=True)), returns, room)


def _drawn(answers: Answers, names: list[str]) -> np.ndarray:
    """Money (C,) that one unit of spend drew into paid mediators, on average."""
    if not answers.paid or "induced" not in answers.effects:
        return np.zeros(len(names))
    lost = answers.effects.sel(channel=names)
    drawn = lost["induced"].sel(mediator=answers.paid).sum("mediator").mean(("chain", "draw"))
    spend = lost["spend"]
    return np.maximum((drawn / spend.where(spend > 0.0)).fillna(0.0).values, 0.0)
