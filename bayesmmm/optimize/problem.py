"""A planning problem: window and current plan, what is decided, the outcomes over three sets of draws, the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import pandas as pd

from bayesmmm.data import next_dates
from bayesmmm.data.dates import parse_dates
from bayesmmm.data.expected_controls import expected_controls
from bayesmmm.data.exposures import cost_of_unit
from bayesmmm.data.future import dated
from bayesmmm.data.planned_units import read_costs
from bayesmmm.data.splitting import long_frame
from bayesmmm.equations import MMM
from bayesmmm.errors import (
    AnswerError,
    ControlsWarning,
    InfeasibleError,
    NeverSpentError,
    PanelError,
    UnknownTermError,
)
from bayesmmm.estimands.query import Query, bought_channels, open_query, paid_mediators, spaced
from bayesmmm.optimize.arguments import DRAWS, Solver, Window, which_window
from bayesmmm.optimize.constraints import Constraints, Limits, read_limits
from bayesmmm.optimize.decision_variables import DecisionVariables, label_of
from bayesmmm.optimize.feasibility import check_feasible
from bayesmmm.optimize.goal import Goal, reached_by_share
from bayesmmm.optimize.outcomes import Outcomes, draws_that_fit, plan_contexts
from bayesmmm.optimize.places import places_of
from bayesmmm.results import Fit
from bayesmmm.text import amount, no_such
from bayesmmm.validate import about, as_list, check_count, check_dates, check_dates_by_geo, check_values

#: Draws on which many starts are tried, and the share of adstock at which they stop to count: near enough to find the
#: best start, from which all draws go on.
FEW, FEW_TAIL_WEIGHT = 60, 0.03
#: Draws that are taken, where there are as many, before memory is asked about.
ENOUGH = 200


@dataclass(frozen=True)
class Controls:
    """Where the controls of a window come from."""

    words: str  # as a plan says it; empty without controls
    assumed: tuple[str, ...] = ()  # those that nobody stated


def read_window(fit: Fit, window: Window) -> tuple[Window, Controls]:
    """Return the window with its current plan in place of a number of periods, and where the controls come from."""
    if not window.said():
        raise which_window([])
    if window.periods is None:
        return window, Controls("as in the plan" if window.plan is not None else "as observed")
    advice = (
        "the number of fitted periods, whose last ones are the current plan; for a longer window write the current "
        "plan down and pass plan="
    )
    periods = check_count(window.periods, "periods", most=len(fit.data.dates), advice=advice)
    frame, note = _repeated(fit, periods, window.controls)
    return Window(plan=frame, cost=window.cost), note


def _repeated(fit: Fit, periods: int, controls: Any) -> tuple[pd.DataFrame, Controls]:
    """Return the last periods again, with the controls that are known, or are to be expected."""
    data, dates = fit.data, next_dates(fit.data, periods)
    columns = {name: data.columns[name][:, -periods:] for name in fit.system.exogenous}
    wanted = [name for name in fit.system.exogenous if name in data.controls]
    if controls is not None and not isinstance(controls, Mapping | pd.DataFrame):
        example = f"controls={{{wanted[0] if wanted else 'price'!r}: 0.0}}"
        kind = type(controls).__name__
        raise about(
            "controls", controls, f"controls is a {kind}, and must be a mapping or a DataFrame, as {example}"
        )
    if isinstance(controls, pd.DataFrame):
        controls = dated(data, controls)
    if isinstance(controls, pd.DataFrame) and "date" in controls:
        index = parse_dates(controls["date"], column="date", date_format=None)
        controls = controls.set_index(index).drop(columns="date")
    known = {} if controls is None else {n: controls[n] for n in controls}
    for name, values in known.items():
        if name not in wanted:
            wrong = f"controls has {name!r}, which is no control of the equations"
            text = no_such(wrong, name, wanted, "Controls are")
            raise about("controls", controls, text, UnknownTermError)
        where, by_geo = f"controls[{name!r}]", isinstance(values, pd.DataFrame | Mapping) and len(data.geos) > 1
        own = check_dates_by_geo(values, where, dates, data.geos) if by_geo else check_dates(values, where, dates)
        check_values(own if by_geo else values, where)
        columns[name] = np.broadcast_to(own, (len(data.geos), periods))
    assumed = expected_controls(data, [name for name in wanted if name not in known], periods)
    columns |= {name: expected.values for name, expected in assumed.items()}
    frame = long_frame(data, dates, columns)
    if not wanted:
        return frame, Controls("")
    last = "last period" if periods == 1 else f"last {periods} periods"
    ways = {True: "those of a year before", False: f"{last} repeated"}
    by_way = {way: [n for n, e in assumed.items() if e.by_calendar == calendar] for calendar, way in ways.items()}
    words = "; ".join(f"{way}: {', '.join(names)}" for way, names in by_way.items() if names)
    matter = [name for name in assumed if name in _levels_that_matter(fit.system)]
    if matter:
        values = "value" if periods == 1 else f"value or {periods} values"
        text = (
            f"the best plan depends on {', '.join(matter)} in the window, and values of the past are taken for what "
            f"nobody stated ({words}); say what to expect with controls={{{matter[0]!r}: {values}}}"
        )
        warn(ControlsWarning(text, argument="controls"), skip_file_prefixes=(str(Path(__file__).parent),))
    return frame, Controls(words or "as given", tuple(assumed))


def _levels_that_matter(system: MMM) -> set[str]:
    """Linear inputs whose level changes what spend brings: those of equations that something nonlinear follows."""
    out: set[str] = set()
    curved: set[str] = set()  # series whose level matters
    for name in reversed(system.order):
        equation = system.equation(name)
        if name in curved or not equation.family.additive:
            out |= set(equation.linear)
            curved |= set(equation.linear)
        curved |= set(equation.media)
    return out


def read_channels(fit: Fit, channels: Sequence[str] | None, modes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the decided channels: money that is spent on media, then mediators that are decided."""
    system = fit.system
    own = [m for m, mode in modes.items() if mode == "decide"]
    known = list(system.channels)
    if channels is None:
        names = list(bought_channels(fit, None) or ()) if known else []
    else:
        names = list(dict.fromkeys(channels))
    for name in names:
        if name in system.mediators:
            text = (
                f"{name!r} is a mediator, whose spend follows from the channels; to plan it, pass "
                f"mediators={{{name!r}: 'decide'}}"
            )
            raise about("channels", channels, text)
        if name not in known:
            text = no_such(f"no equation has the channel {name!r}", name, known, "Channels are")
            raise about("channels", channels, text, UnknownTermError)
    names = list(bought_channels(fit, names) or ()) if names else []
    for name in [*names, *own]:
        if not np.isfinite(fit.data.cost_of_unit(name)).any():
            text = (
                f"nothing was ever paid for {name!r} in these data, so that it is not known what a unit of it costs; "
                "leave it out of the plan"
            )
            raise about("channels", name, text, NeverSpentError)
        if not np.isfinite(fit.scales.spend[name]).any():
            text = (
                f"{name!r} was never spent in the fitted periods, so that the data say nothing about what it brings; "
                f"leave it out of the plan, or run a test and fit again"
            )
            raise about("channels", name, text, NeverSpentError)
    if not names and not own:
        paid = paid_mediators(fit)
        way = f"to plan a mediator, pass mediators={{{paid[0]!r}: 'decide'}}" if paid else ""
        raise AnswerError(
            f"there is no channel to decide about; {way or 'list columns under media in an equation'}"
        )
    return (*names, *own)


def read_pairs(fit: Fit, names: tuple[str, ...], geos: Sequence[str] | None) -> DecisionVariables:
    """Return what is decided: channels, of a panel every channel in every geo that ever bought it."""
    known = fit.data.geos
    if len(known) == 1:
        if geos is not None:
            text = f"geos= chooses among those of a panel, and this fit is of one series, {known[0]!r}; leave geos out"
            raise about("geos", geos, text, PanelError)
        return DecisionVariables(names)
    for geo in geos or ():
        if geo not in known:
            raise about("geos", geos, no_such(f"no geo is called {geo!r}", geo, known, "Geos are"), PanelError)
    chosen = known if geos is None else [geo for geo in known if geo in set(as_list(geos) or ())]
    pairs = [(name, geo) for geo in chosen for name in names]
    bought = {
        (name, geo)
        for name in names
        for geo, mean in zip(known, fit.scales.spend[name], strict=True)
        if np.isfinite(mean)
    }
    decided = tuple(pair for pair in pairs if pair in bought)
    if not decided:
        text = (
            f"no geo of {', '.join(chosen)} ever bought {', '.join(names)}; let other geos or channels be decided"
        )
        raise about("geos", geos, text, NeverSpentError)
    never = tuple(pair for pair in pairs if pair not in bought)
    some = tuple(name for name in names if any(name == channel for channel, _ in decided))
    labels = tuple(label_of(*pair) for pair in decided)
    return DecisionVariables(labels, pairs=decided, of_pairs=some, unbought=never)


def read_modes(fit: Fit, mediators: str | Mapping[str, str]) -> dict[str, str]:
    """Return how each mediator behaves under a plan: it responds, stays as it is, or is decided, too."""
    system = fit.system
    modes = dict.fromkeys(system.mediators, mediators) if isinstance(mediators, str) else mediators
    for name, mode in modes.items():
        if name not in system.mediators:
            wrong = f"mediators has {name!r}, which is no mediator"
            text = no_such(wrong, name, system.mediators, "Mediators are")
            raise about("mediators", mediators, text, UnknownTermError)
        if mode == "decide" and not fit.data.is_money(name):
            unit = fit.data.mediators[name]
            text = f"{name!r} is counted in {unit}, not in money that somebody plans; let it 'respond'"
            raise about("mediators", mediators, text)
        if mode == "decide" and name not in system.media:
            text = f"{name!r} acts linearly, without saturation, so that there is no best spend on it"
            raise about("mediators", mediators, f"{text}; let it 'respond'")
    return {name: modes.get(name, "respond") for name in system.mediators}


# ------------------------------------------------------------------------------------------------------- draws
def split_draws(fit: Fit, window: Window, solver: Solver) -> tuple[Query, Query, Query | None]:
    """Return what is asked of the draws that choose a plan, of some of these, and of as many others if any are left."""
    query = open_query(
        fit,
        start=window.start,
        stop=window.stop,
        window="spend",
        plan=window.plan,
        paths=solver.paths,
        seed=solver.seed,
        cost=window.cost,
    )
    chains, length = (len(query.coords[dim]) for dim in ("chain", "draw"))
    draws = max(min(DRAWS, chains * length // 2), chains)
    if solver.draws is not None:
        advice = "one draw per chain to all of them"
        draws = check_count(solver.draws, "draws", least=chains, most=chains * length, advice=advice)
    chosen = spaced(length, draws // chains)
    if solver.draws is None and draws > ENOUGH:  # of large panels fewer, since nobody asked for so many
        chosen = spaced(length, max(min(draws, draws_that_fit(query.at(chosen))), ENOUGH) // chains)
    # One residual path will do where a plan is only to be near the best one.
    few = query.at(chosen[spaced(len(chosen), max(FEW // chains, 1))], paths=1)
    rest = np.setdiff1d(np.arange(length), chosen)
    others = query.at(rest[spaced(len(rest), len(chosen))]) if len(rest) else None
    return query.at(chosen), few, others


# --------------------------------------------------------------------------------------------------- the problem
@dataclass(frozen=True)
class Problem:
    """Everything about a planning problem but its goal."""

    fit: Fit
    controls: Controls  # where those of the window come from
    dates: pd.DatetimeIndex  # of W periods
    modes: Mapping[str, str]  # of mediators
    whole: Outcomes  # over the draws that choose the plan
    few: Outcomes  # over some of them
    judging: Outcomes  # over draws that have no part in it; `whole` where there are none
    current: np.ndarray  # (C, W), money
    cost: np.ndarray  # (C, W), money that one unit costs of what a channel acts through
    factor: float  # what the current plan was multiplied by to meet the total
    variables: DecisionVariables
    limits: Limits

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what is decided: channels, of a panel channels in geos."""
        return self.variables.names

    @property
    def channels(self) -> tuple[str, ...]:
        """Decided channels, each once."""
        return self.variables.channels

    @property
    def geos(self) -> tuple[str, ...]:
        """Geos that a plan of a panel decides about; none where all is one series."""
        return self.variables.geos

    def by_geo(self, rows: np.ndarray, fill: float = 0.0, axis: int = 0) -> np.ndarray:
        """Return an axis of rows of a plan as two, geo and channel; `fill` where nothing is decided."""
        variables, values = self.variables, np.moveaxis(rows, axis, 0)
        out = np.full((len(self.geos), len(self.channels), *values.shape[1:]), fill)
        out[variables.geo, variables.channel] = values
        return np.moveaxis(out, [0, 1], [axis, axis + 1])

    @property
    def held_out(self) -> bool:
        """Whether the draws that judge are others than those that chose."""
        return self.judging is not self.whole


def build_problem(
    fit: Fit, window: Window, constraints: Constraints, solver: Solver, *, total: float | None = None
) -> Problem:
    """Evaluate what no plan changes, scale the current plan to `total` where that is a number, read the limits."""
    modes = read_modes(fit, constraints.mediators)
    names = read_channels(fit, constraints.channels, modes)
    window, controls = read_window(fit, window)
    chosen, some, spare = split_draws(fit, window, solver)
    decided = read_pairs(fit, names, constraints.geos)
    check_rows(chosen, decided)
    current, dates = units_of_rows(chosen, decided)
    cost = cost_of_rows(chosen, decided, window.cost)
    current = current * cost
    variables = decided.spread(constraints.flighting, current)
    queries = [(chosen, None), (some, FEW_TAIL_WEIGHT), *([] if spare is None else [(spare, None)])]
    whole, few, *others = [
        Outcomes(each, places_of(fit, decided), cost) for each in plan_contexts(queries, decided.channels, modes)
    ]
    judging = others[0] if others else whole
    factor = 1.0
    if total is not None and current.any():
        factor = total / current.sum()
        if whole.paid:
            slope = None
            for outcomes in (few, whole):
                factor, slope = _factor(outcomes, current, total, factor, slope)
    for outcomes in {id(o): o for o in (whole, few, judging)}.values():
        outcomes.compare_with(factor)
    current = factor * current
    limits = read_limits(variables, current, constraints)
    solver.tell("the window")
    return Problem(fit, controls, dates, modes, whole, few, judging, current, cost, factor, variables, limits)


def check_rows(query: Query, decided: DecisionVariables) -> None:
    """Refuse a past window in which a decided geo was not there all the time."""
    data, line = query.fit.data, query.timeline
    inside = line.window[: line.fitted]
    rows = dict(zip(data.geos, data.has_row[:, inside], strict=True))
    absent = [geo for geo in decided.geos if not rows[geo].all()]
    if not absent:
        return
    others = [geo for geo in decided.geos if geo not in absent]
    other = f"decide about others, geos={others}" if others else "take another window"
    text = (
        f"geo {absent[0]!r} has no row in {(~rows[absent[0]]).sum()} of the {inside.sum()} fitted periods of the window "
        f"and cannot be planned for there; choose start= and stop= within its rows, or {other}"
    )
    raise about("geos", absent[0], text, PanelError)


def units_of_rows(query: Query, decided: DecisionVariables) -> tuple[np.ndarray, pd.DatetimeIndex]:
    """Inputs (C, W) of the current plan, in their units, and the dates of the window.

    A mediator of a future window is to be spent as in as many periods before it: in a geo that had ended, nothing.
    """
    fit, line = query.fit, query.timeline
    at = np.flatnonzero(line.window)
    rows = []
    for i in range(len(decided.names)):
        name, geo = decided.who(i)
        g = 0 if geo is None else fit.data.geos.index(geo)
        known = np.where(fit.data.has_row[g], fit.data.columns[name][g], 0.0)
        if name in line.columns:
            known = np.concatenate([known, line.columns[name][g]])
        rows.append(known[at] if len(known) > at[-1] else np.resize(known[-len(at) :], len(at)))
    # A mediator may be recorded below zero, spend may not be planned so.
    return np.maximum(np.stack(rows), 0.0), line.dates[line.window]


def cost_of_rows(query: Query, decided: DecisionVariables, given: Mapping[str, object] | None) -> np.ndarray:
    """Money (C, W) that one unit costs of what each row of a plan acts through, in every period: 1 where it is money."""
    data, line = query.fit.data, query.timeline
    costs = {} if line.planned else read_costs(data, given, line.dates[line.window])
    for name in decided.channels:
        if name in line.exposures:
            costs[name] = line.exposures[name].cost
        elif name not in costs:
            whole = data.cost_of_unit(name)
            if name in data.spend:  # the mean of the window, of geos that had it there
                units, spend = query.units_by_period(name), query.spend_by_period(name)
                known = (units.sum(axis=-1) > 0.0) & (spend.sum(axis=-1) > 0.0)
                whole = np.where(known, cost_of_unit(units, spend), whole)
            costs[name] = np.repeat(whole[:, None], line.window.sum(), axis=1)
    who = [decided.who(i) for i in range(len(decided.names))]
    return np.stack([costs[name][0 if geo is None else data.geos.index(geo)] for name, geo in who])


def _factor(
    outcomes: Outcomes, current: np.ndarray, total: float, factor: float, slope: float | None
) -> tuple[float, float | None]:
    """Factor on the current plan that makes it cost `total`, induced spend included, and the slope of that cost.

    By the secant, from a factor and a slope that are near.
    """

    def cost(factor: float) -> float:
        return outcomes.cost_of_multiple(current, factor)

    ahead = cost(factor)
    for _ in range(50):
        if abs(ahead - total) <= 1e-9 * total:
            break
        before, cost_before = factor, ahead
        # Cost is nearly proportional to the factor, so that the first step goes by the ratio.
        factor = factor * total / ahead if slope is None else factor - (ahead - total) / slope
        if factor == before:
            break
        ahead = cost(factor)
        slope = (ahead - cost_before) / (factor - before)
    return factor, slope


# --------------------------------------------------------------------------------------- whether there is any plan
def check_possible(problem: Problem, goal: Goal) -> None:
    """Refuse limits that no plan meets, before any solving."""
    rising, paid = _rises(problem), bool(problem.whole.paid)
    # What is induced comes on top, so that the channels themselves may spend less than the total but not more; where a
    # channel lowers a mediator nothing is said beforehand.
    low, high = (0.0 if paid else goal.low), (np.inf if paid and not rising else goal.high)
    check_feasible(problem.limits, low, high, exact=goal.low == goal.high)
    if paid and rising:
        _check_induced(problem, goal)
    if goal.target is None or not rising:
        return
    most = np.where(np.isfinite(problem.limits.upper), problem.limits.upper, 1e6 * problem.current.sum() + 1e6)
    out, share = problem.whole, goal.target_share
    outcome = out.base() + out.evaluate(problem.variables.spend(most)).lift
    reached = float(outcome.mean()) if share is None else reached_by_share(outcome, share)
    if reached < goal.target:
        raise InfeasibleError(
            f"the target of {amount(goal.target)} is out of reach: with every channel at its upper limit, or far beyond "
            f"anything seen where there is none, the outcome is {amount(reached)}; lower the target or relax the bounds"
        )


def _rises(problem: Problem) -> bool:
    """Whether no mediator pulls down what it acts on, so that more spend is never less of anything."""
    query, system = problem.whole.query, problem.fit.system
    for equation in system.equations:
        for name in equation.linear:
            if name in system.mediators:
                k = equation.terms().index(name)
                if (query.parameters[equation.name]["coefficient"][query.draws, ..., k] < 0.0).any():
                    return False
    return True


def _check_induced(problem: Problem, goal: Goal) -> None:
    """Refuse a total that bounds and induced spend together cannot meet."""
    limits, paid = problem.limits, ", ".join(problem.whole.paid)
    least, most = (
        problem.whole.cost(problem.variables.spend(side)) if np.isfinite(side).all() else np.inf
        for side in (limits.lower, limits.upper)
    )
    take, conflict = f"which with what {paid} is induced to spend take", ""
    if least > goal.high:
        conflict = f"total of {amount(goal.high)}; lower bounds, {take} {amount(least)}"
    elif most < goal.low:
        conflict = f"total of {amount(goal.low)}; upper bounds, {take} {amount(most)} at most"
    if conflict:
        raise InfeasibleError(f"no plan meets these limits together: {conflict}. Relax one of them.")
