"""`compare_plans`: what several plans of one window bring, in the same draws, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.data.future import GEO
from bayesmmm.errors import PlanError
from bayesmmm.estimands.extrapolation import EXTRAPOLATED, share_beyond
from bayesmmm.estimands.query import Query, bought_channels, open_query, per_money, spaced
from bayesmmm.optimize.arguments import DRAWS
from bayesmmm.optimize.decision_variables import DecisionVariables
from bayesmmm.optimize.outcomes import Outcomes, plan_contexts
from bayesmmm.optimize.places import places_of
from bayesmmm.optimize.plan import Plan
from bayesmmm.optimize.plan_comparison import PlanComparison
from bayesmmm.optimize.problem import check_rows, cost_of_rows, read_pairs, units_of_rows
from bayesmmm.results import Fit, check_fit
from bayesmmm.text import joined
from bayesmmm.validate import PATHS, about, check_mapping, check_number, refusal

#: Stands for the current plan of the plans that are compared.
CURRENT = "current"
_EXAMPLE = "{'now': 'current', 'plan A': plan}"


def compare_plans(
    fit: Fit,
    plans: Mapping[str, Plan | pd.DataFrame | str],
    *,
    margin: float | None = None,
    seed: int = 0,
    paths: int = PATHS,
) -> PlanComparison:
    """Lay plans of one window side by side: outcome, cost, return, and how probable each is the best.

    Every plan is evaluated in the same posterior draws and with the same residuals to come, so that differences are
    those of plans alone: ``Y(x_i) - Y(x_1)``, draw by draw. Draws that chose one of the plans have no part in it, as
    long as others are left. After the window spend goes on as under the first plan, in all of them.

    Parameters
    ----------
    fit : Fit
    plans : mapping of str to Plan, DataFrame or "current"
        By name, in the order in which they are shown; others are compared with the first. A `Plan`, as
        `optimize_budget` gives it; a table of the window as `predict` takes it, every exogenous column; or "current",
        the current plan that the first `Plan` among them was held against.
    margin : float, optional
        Profit of a unit of outcome, for profits; 1 where the outcome is money.
    seed, paths : int
        Of residuals to come, as in `predict`.

    Returns
    -------
    PlanComparison

    Raises
    ------
    SettingError
        For fewer than two plans, a name or a plan that is none, "current" without a `Plan`, mediators that are decided
        in one plan and answer in another.
    PlanError
        For plans of different windows or, in the past, tables in place of plans.
    ConvergenceError, PanelError, DataError, AnswerError
        As `predict`.

    Examples
    --------
    >>> plan = mm.optimize_budget(fit, total=250_000, periods=13)  # doctest: +SKIP
    >>> cautious = mm.optimize_budget(fit, total=250_000, periods=13, change=0.2)  # doctest: +SKIP
    >>> found = mm.compare_plans(fit, {"now": "current", "best": plan, "cautious": cautious})  # doctest: +SKIP
    >>> mm.plots.compare_plans(found)  # doctest: +SKIP
    """
    check_fit(fit)
    named = _checked(plans)
    if margin is not None:
        check_number(margin, "margin", above=0.0, advice="as margin=0.4")
    modes = _modes(fit, named)
    own = [m for m, mode in modes.items() if mode == "decide"]
    known = bought_channels(fit, None) or () if fit.system.channels or not own else ()
    names = (*known, *own)
    decided = read_pairs(fit, names, None)
    entries = {
        name: _entry(fit, name, plan, decided, _first_plan(named), seed, paths) for name, plan in named.items()
    }
    _check_windows(entries)
    first = next(iter(entries.values()))
    positions, which = _draws(first.query, named)
    evaluated = _evaluate(fit, entries, decided, modes, positions)
    return _labelled(fit, entries, decided, evaluated, margin, which)


# ------------------------------------------------------------------------------------------------------------- reading
def _checked(plans: object) -> dict[str, Any]:
    named = dict(check_mapping(plans, "plans", _EXAMPLE))
    if len(named) < 2:
        text = f"plans has {len(named)}, and at least two are compared, as {_EXAMPLE}"
        raise about("plans", plans, text)
    for name, plan in named.items():
        if not isinstance(name, str) or not name.strip():
            raise refusal("plans", name, "is the name of a plan, which must be text", advice=f"as {str(name)!r}")
        if not isinstance(plan, Plan | pd.DataFrame) and not (isinstance(plan, str) and plan == CURRENT):
            what = repr(plan) if isinstance(plan, str) else f"a {type(plan).__name__}"
            text = (
                f"plans[{name!r}] is {what}, and must be a Plan, as mm.optimize_budget(fit, ...) gives it, a DataFrame "
                f"of the window, or 'current'"
            )
            raise about("plans", plan, text)
    if CURRENT in [p for p in named.values() if isinstance(p, str)] and _first_plan(named) is None:
        text = "'current' is what a Plan was held against, and there is none; give the current plan as a table"
        raise about("plans", plans, text)
    return named


def _first_plan(named: Mapping[str, Any]) -> Plan | None:
    return next((plan for plan in named.values() if isinstance(plan, Plan)), None)


def _modes(fit: Fit, named: Mapping[str, Any]) -> dict[str, str]:
    """How mediators behave, which must be the same in all plans."""
    respond = dict.fromkeys(fit.system.mediators, "respond")
    known = {name: dict(plan.attrs["mediators"]) for name, plan in named.items() if isinstance(plan, Plan)}
    if not known:
        return respond
    first, modes = next(iter(known.items()))
    for name, other in known.items():
        if other != modes:
            text = (
                f"mediators behave in one way in {first!r}, {modes}, and in another in {name!r}, {other}; plan both "
                f"with the same mediators="
            )
            raise about("plans", name, text)
    tables = [name for name, plan in named.items() if isinstance(plan, pd.DataFrame)]
    if tables and (own := [m for m, mode in modes.items() if mode == "decide"]):
        text = f"{joined(own)} is decided, which the table {tables[0]!r} does not hold; compare plans of optimize_budget"
        raise about("plans", tables[0], text)
    return modes or respond


@dataclass(frozen=True)
class _Entry:
    """A plan as numbers: what is asked of the fit, and its units and money of every row (C, W)."""

    query: Query
    units: np.ndarray
    money: np.ndarray
    assumed: tuple[str, ...]  # controls that nobody stated


def _entry(
    fit: Fit, name: str, plan: Any, decided: DecisionVariables, first: Plan | None, seed: int, paths: int
) -> _Entry:
    made = first if isinstance(plan, str) else plan if isinstance(plan, Plan) else None
    frame = plan if made is None else made.to_frame(CURRENT if isinstance(plan, str) else "new")
    if made is not None and made.attrs["window"] == "past":
        window: dict[str, Any] = {"start": made.attrs["start"], "stop": made.attrs["stop"]}
    else:
        window = {"plan": frame}
        if made is None and _in_the_past(fit, frame):
            text = (
                f"{name!r} is a table of fitted periods; of the past, compare plans that optimize_budget(start=, stop=) "
                f"gave"
            )
            raise PlanError(text, argument="plans", value=name)
    query = open_query(fit, window="spend", seed=seed, paths=paths, **window)
    check_rows(query, decided)
    units, _ = units_of_rows(query, decided)
    cost = cost_of_rows(query, decided, None)
    money = units * cost
    if made is not None:
        spend = made.current if isinstance(plan, str) else made.spend
        for i in range(len(decided.names)):
            channel, geo = decided.who(i)
            inside = geo is None or geo in spend[GEO].values
            if channel in spend["channel"].values and inside:
                place = {"channel": channel} if geo is None else {"channel": channel, GEO: geo}
                own = spend.sel(place).values
                money[i], units[i] = own, own / cost[i]
    return _Entry(query, units, money, () if made is None else tuple(made.attrs["assumed"]))


def _in_the_past(fit: Fit, frame: pd.DataFrame) -> bool:
    dates = frame.index if isinstance(frame.index, pd.DatetimeIndex) else frame.get("date")
    if dates is None or not len(dates):
        return False
    first = pd.to_datetime(pd.Series(np.asarray(dates)), errors="coerce").min()
    return bool(first <= fit.data.dates[-1])


def _check_windows(entries: Mapping[str, _Entry]) -> None:
    (first, one), *others = entries.items()
    for name, other in others:
        spans = [f"{e.query.timeline.attrs['start']} to {e.query.timeline.attrs['stop']}" for e in (one, other)]
        if spans[0] != spans[1]:
            text = f"{first!r} is of {spans[0]}, and {name!r} of {spans[1]}; compare plans of one window"
            raise PlanError(text, argument="plans", value=name)


def _draws(query: Query, named: Mapping[str, Any]) -> tuple[np.ndarray, str]:
    """Positions of draws that chose none of the plans, or of all where there are none, and which these are."""
    every, chains = query.coords["draw"], len(query.coords["chain"])
    free = np.ones(len(every), bool)
    made = [plan for plan in named.values() if isinstance(plan, Plan)]
    for plan in made:
        free &= np.isin(every, plan.answers["draw"].values) & bool(plan.answers.attrs.get("held_out"))
    held_out = bool(free.any())
    positions = np.flatnonzero(free) if held_out else np.arange(len(every))
    which = "draws that had no part in choosing any" if held_out else "all draws, those that chose a plan included"
    return positions[spaced(len(positions), max(DRAWS // chains, 1))], which if made else "all draws"


# ---------------------------------------------------------------------------------------------------------- evaluation
@dataclass(frozen=True)
class _Evaluated:
    """What a plan brings in each of S draws."""

    query: Query
    outcome: np.ndarray
    lift: np.ndarray
    induced: np.ndarray  # (S, M)
    paid: tuple[str, ...]
    lost: np.ndarray  # (S, C) without the spend of one row


def _evaluate(
    fit: Fit,
    entries: Mapping[str, _Entry],
    decided: DecisionVariables,
    modes: Mapping[str, str],
    positions: np.ndarray,
) -> list[_Evaluated]:
    """Evaluate every plan under its own controls; after the window, spend goes on as under the first plan."""
    first = next(iter(entries.values()))
    queries, which = list[Query](), list[int]()
    for entry in entries.values():
        query = _with_spend(entry.query, decided, first.units).at(positions)
        same = (i for i, other in enumerate(queries) if _same_columns(query, other))
        which.append(next(same, len(queries)))
        if which[-1] == len(queries):
            queries.append(query)
    ones, places = np.ones_like(first.units), places_of(fit, decided)
    contexts = plan_contexts([(query, None) for query in queries], decided.channels, modes)
    outcomes = [Outcomes(context, places, ones) for context in contexts]
    out = []
    for entry, k in zip(entries.values(), which, strict=True):
        each = outcomes[k]
        each.compare_with(1.0)
        found = each.evaluate(entry.units)
        lost = each.drop_one(entry.units)
        out.append(_Evaluated(queries[k], each.base() + found.lift, found.lift, found.induced, each.paid, lost))
    return out


def _with_spend(query: Query, decided: DecisionVariables, units: np.ndarray) -> Query:
    """Return a query whose plan buys so many units (C, W) of the decided channels."""
    line = query.timeline
    if not line.planned:
        return query
    columns = {name: values.copy() for name, values in line.columns.items()}
    for i in range(len(decided.names)):
        name, geo = decided.who(i)
        if name in columns:
            columns[name][0 if geo is None else query.fit.data.geos.index(geo)] = units[i]
    return replace(query, timeline=replace(line, columns=columns))


def _same_columns(one: Query, other: Query) -> bool:
    left, right = one.timeline.columns, other.timeline.columns
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


# ------------------------------------------------------------------------------------------------------------ labelling
def _labelled(
    fit: Fit,
    entries: Mapping[str, _Entry],
    decided: DecisionVariables,
    evaluated: Sequence[_Evaluated],
    margin: float | None,
    which: str,
) -> PlanComparison:
    query, data = evaluated[0].query, fit.data
    label, unit, channels = query.label, data.unit(fit.system.outcome), list(decided.channels)
    into = np.equal.outer(decided.channel, np.arange(len(channels))).astype(float)
    money = np.stack([entry.money.sum(axis=1) for entry in entries.values()])  # (P, C)
    outcome, lift = (np.stack([getattr(e, part) for e in evaluated], axis=1) for part in ("outcome", "lift"))
    induced = np.stack([e.induced for e in evaluated], axis=1)
    cost = money.sum(axis=1) + induced.sum(axis=-1)
    own, lost = money @ into, np.stack([e.lost @ into for e in evaluated], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        roi, each = np.where(cost > 0.0, lift / cost, np.nan), np.where(own > 0.0, lost / own, np.nan)
        share = _unseen(fit, entries, decided) @ into / np.where(own > 0.0, own, 1.0)
    per = per_money(fit, decided.channels)
    variables: dict = {
        "outcome": (*label(outcome, "plan"), {"unit": unit}),
        "lift": (*label(lift, "plan"), {"unit": unit}),
        "cost": (*label(cost, "plan"), {"unit": MONEY}),
        "roi": (*label(roi, "plan"), per_money(fit)),
        "channel_roi": (*label(each, "plan", "channel"), per),
        "extrapolated": (("plan", "channel"), share, {"unit": "share of spend", "threshold": EXTRAPOLATED}),
    }
    worth = 1.0 if margin is None and unit == MONEY else margin
    if worth is not None:
        variables["profit"] = (*label(worth * outcome - cost, "plan"), {"unit": MONEY})
    coords: dict = {**query.coords, "plan": list(entries), "channel": channels}
    if evaluated[0].paid:
        coords["mediator"] = list(evaluated[0].paid)
        variables["induced"] = (*label(induced, "plan", "mediator"), {"unit": MONEY})
    verdict = query.attrs["verdict"]
    answers = xr.Dataset(variables, coords, {"verdict": verdict, "draws": which})
    dates = query.timeline.dates[query.timeline.window]
    attrs = {
        "outcome": fit.system.outcome,
        "unit": unit,
        "margin": worth,
        "verdict": verdict,
        **{key: query.timeline.attrs[key] for key in ("start", "stop")},
        "window": "future" if query.timeline.planned else "past",
        "assumed": tuple(dict.fromkeys(name for entry in entries.values() for name in entry.assumed)),
    }
    return PlanComparison(answers, _spend(entries, decided, dates), attrs)


def _unseen(fit: Fit, entries: Mapping[str, _Entry], decided: DecisionVariables) -> np.ndarray:
    """Money (P, C) of each row in periods above the highest ever seen in one."""
    out = [
        [
            share_beyond(fit.data, *decided.who(i), entry.units[i]) * entry.money[i].sum()
            for i in range(len(decided.names))
        ]
        for entry in entries.values()
    ]
    return np.array(out)


def _spend(entries: Mapping[str, _Entry], decided: DecisionVariables, dates: pd.DatetimeIndex) -> xr.DataArray:
    money = np.stack([entry.money for entry in entries.values()])
    coords: dict[str, Any] = {"plan": list(entries), "channel": list(decided.channels), "date": dates}
    if decided.pairs:
        wide = np.zeros((len(money), len(decided.geos), len(decided.channels), money.shape[-1]))
        wide[:, decided.geo, decided.channel] = money
        coords, money = {"plan": coords["plan"], GEO: list(decided.geos), **coords}, wide
    return xr.DataArray(money, coords, list(coords), "spend", {"unit": MONEY})
