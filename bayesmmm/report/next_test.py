"""Which channel to test next: the one whose return, if it were known, would help the recommended plan most."""

from dataclasses import dataclass

import numpy as np

from bayesmmm.optimize.knowing import worth_of_knowing
from bayesmmm.report.answers import Answers
from bayesmmm.report.recommendation import CHANGE

#: Of the worth of knowing all returns, what that of one channel has to be to be named; and beside the first one.
_LEAST, _BESIDE = 0.02, 0.5


@dataclass(frozen=True)
class NextTest:
    """Channels to test, the most useful first, at most two; none where no test would change the plan."""

    channels: tuple[str, ...]
    worth: tuple[float, ...]  # of knowing each, in units of the outcome, in the window of the plan
    turned: tuple[float, ...]  # share of draws in which money should move the other way


def next_test(answers: Answers) -> NextTest | None:
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
    returns = marginal.sel(channel=names).stack(sample=("chain", "draw")).transpose("sample", "channel").values
    cost = 1.0 + _drawn(answers, names)
    room = CHANGE * current[names].to_numpy() * cost
    known = worth_of_knowing(returns / cost, room, room)
    order = np.argsort(-known.each, kind="stable")
    first = known.each[order[0]]
    kept = [
        c for c in order[:2] if known.each[c] > max(_LEAST * known.every, _BESIDE * first * (c != order[0]), 0.0)
    ]
    told = [[float(values[c]) for c in kept] for values in (known.each, known.turned)]
    return NextTest(tuple(names[c] for c in kept), tuple(told[0]), tuple(told[1]))


def _drawn(answers: Answers, names: list[str]) -> np.ndarray:
    """Money (C,) that one unit of spend drew into paid mediators, on average."""
    if not answers.paid or "induced" not in answers.effects:
        return np.zeros(len(names))
    lost = answers.effects.sel(channel=names)
    drawn = lost["induced"].sel(mediator=answers.paid).sum("mediator").mean(("chain", "draw"))
    spend = lost["spend"]
    return np.maximum((drawn / spend.where(spend > 0.0)).fillna(0.0).values, 0.0)
