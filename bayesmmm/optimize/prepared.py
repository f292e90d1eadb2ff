"""What no plan of a window changes, evaluated once and kept with the fit, so that the next plan begins with it."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from bayesmmm import engine
from bayesmmm.errors import AnswerSizeError
from bayesmmm.estimands import row_bytes
from bayesmmm.estimands.windows import Layout, Question, Stretch, lay_out
from bayesmmm.results import Fit
from bayesmmm.results.convergence import fingerprint

#: Most memory that the evaluations of a set of draws may take, and that what is kept with a fit may, in bytes.
LARGEST, KEPT = 2e9, 400e6
#: What a chunk costs beside its work, and the most work it should hold so that it stays in a processor's cache and
#: others have work, too; in periods of all its rows (draws times residual paths).
CHUNK_COST, CHUNK_LIMIT = 12_000, 90_000


@dataclass(frozen=True)
class Prepared:
    """The periods that plans of a window can reach, under the current plan. Nothing in it is ever changed.

    Attributes
    ----------
    question : Question
        With the current plan; `window` is "spend".
    layout : Layout
    chunks : tuple of (slice, list of Stretch)
        Some draws each: where they stand in the order of tails, and their periods.
    """

    question: Question
    layout: Layout
    chunks: tuple[tuple[slice, list[Stretch]], ...]


class _Kept(dict):
    """What a fit keeps; copies of the fit begin without it."""

    def __reduce__(self) -> tuple:
        return _Kept, ()

    def __deepcopy__(self, memo: dict) -> "_Kept":
        return _Kept()


def prepare(questions: list[tuple[Question, float | None]]) -> list[Prepared]:
    """Evaluate what no plan changes, or take it from the last plan of the fit where that asked the same.

    Parameters
    ----------
    questions : list of (Question, float or None)
        Sets of draws of one fit, and for each the share of adstock at which tails end, as in `lay_out`.
    """
    fit = questions[0][0].asked.fit
    numbers = fingerprint(fit.tree)  # the tree that holds the draws can be written to
    before = fit.__dict__.get("_prepared_plans", {})
    found, keys = {}, []
    for question, weight in questions:
        layout = lay_out(question, tail_weight=weight)
        _check_size(layout, fit, question)
        slices = _split(_periods(layout, fit, question))
        key = numbers, _key(question, weight), tuple((at.start, at.stop) for at in slices)
        keys.append(key)
        found[key] = (
            replace(before[key], question=question) if key in before else _evaluated(question, layout, slices)
        )
    # One window at a time, put in place as a whole: other threads find all of it or nothing.
    if sum(_size(each) for each in found.values()) <= KEPT:
        fit.__dict__["_prepared_plans"] = _Kept(found)
    else:
        fit.__dict__.pop("_prepared_plans", None)
    return [found[key] for key in keys]


def in_threads[T](pool: ThreadPoolExecutor, function: Callable[..., T], items: list) -> list[T]:
    """Apply a function to every item; a thread costs more than a small problem takes."""
    return list(pool.map(function, items)) if len(items) > 1 else [function(item) for item in items]


def _evaluated(question: Question, layout: Layout, slices: list[slice]) -> Prepared:
    def each(at: slice) -> tuple[slice, list[Stretch]]:
        stretches = layout.stretches(layout.draws[at])
        # Fitted periods before a future window only hand over their adstock, which has been done.
        return at, [stretch for stretch in stretches if stretch.changed.any() or stretch.weight.any()]

    with ThreadPoolExecutor(engine.processors()) as pool:
        return Prepared(question, layout, tuple(in_threads(pool, each, slices)))


# ------------------------------------------------------------------------------------------------- the same question?
def _key(question: Question, weight: float | None) -> tuple:
    """Everything else that an evaluation depends on; data, scales and system of a fit never change."""
    line = question.line
    columns = tuple((name, values.tobytes()) for name, values in line.columns.items())
    when = line.dates.asi8.tobytes(), line.fitted, line.window.tobytes(), columns
    return question.asked.draws.tobytes(), question.window, question.paths, question.seed, weight, when


def _size(prepared: Prepared) -> float:
    """Bytes of its arrays."""
    return sum(
        array.nbytes
        for _, stretches in prepared.chunks
        for stretch in stretches
        for part in ("columns", "term", "latent", "residual", "inputs")
        for array in getattr(stretch.base, part).values()
    )


# ------------------------------------------------------------------------------------------------------------ chunks
def _periods(layout: Layout, fit: Fit, question: Question) -> np.ndarray:
    """Periods (S,) of all rows of each draw that an evaluation goes through."""
    periods = 0.5 * layout.memory / row_bytes(fit.system, 1)
    # Fitted periods before a future window are let go.
    return periods - question.line.fitted if question.line.planned else periods


def _check_size(layout: Layout, fit: Fit, question: Question) -> None:
    """Refuse draws whose evaluations would not fit into memory: those of the current plan and the two looked at last."""
    size = 2.0 * row_bytes(fit.system, 1) * _periods(layout, fit, question).sum()
    if size > LARGEST:
        few = max(int(0.8 * len(layout.draws) * LARGEST / size), 1)
        raise AnswerSizeError(
            f"{len(layout.draws)} draws of the plan would take {size / 1e9:.1f} GB, more than the {LARGEST / 1e9:.1f} "
            f"GB that they may take; pass draws={few} or fewer, or plan fewer periods"
        )


def _split(periods: np.ndarray) -> list[slice]:
    """Divide draws (S,), in the order of their periods, into chunks that take least time altogether.

    Every draw of a chunk takes as many periods as the longest, and every chunk some time of its own. Little work is not
    worth a second thread.
    """
    count = len(periods)
    edges = np.unique(np.linspace(0, count, 25).round().astype(int))
    longest = periods[edges[1:] - 1]
    best, before = np.full(len(edges), np.inf), np.zeros(len(edges), int)
    best[0] = 0.0
    for j in range(1, len(edges)):
        work = (edges[j] - edges[:j]) * longest[j - 1]
        cost = best[:j] + work + CHUNK_COST + np.where(work > CHUNK_LIMIT, work, 0.0)
        before[j] = int(np.argmin(cost))
        best[j] = cost[before[j]]
    stops = [len(edges) - 1]
    while stops[-1]:
        stops.append(int(before[stops[-1]]))
    return [slice(int(edges[a]), int(edges[b])) for a, b in itertools.pairwise(stops[::-1])]
