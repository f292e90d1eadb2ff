"""Budgets as questions and answers: the longest work of a service."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pandas as pd

from bayesmmm.estimands.query import verdict_of
from bayesmmm.optimize import Constraints, Goal, Plan, Solver, Window, optimize_budget
from bayesmmm.optimize.arguments import which_window
from bayesmmm.optimize.goal import check_goal
from bayesmmm.results import Fit
from bayesmmm.serve.answers import Answer, Answers, envelope
from bayesmmm.serve.hearing import heard
from bayesmmm.serve.questions import Optimize
from bayesmmm.serve.tables import finite, records, summaries, variables
from bayesmmm.validate import check_ci_prob, check_count

MOST_STARTS = 50
#: Between the channel and the geo that a limit is said of, where JSON has one name for both.
AT = "@"


def records_of(answers: Answers, question: Optimize, tell: Callable[[str], object]) -> dict[str, Any]:
    """Goal, window, constraints and solver of a question."""
    check_count(question.starts, "starts", least=0, most=MOST_STARTS, advice="as starts=4")
    own = question.model_dump()
    own |= {"plan": answers.plan(question.plan), "progress": tell, "total": _pair(question.total)}
    own["risk"] = _pair(question.risk)
    for name in ("bounds", "period_bounds", "change", "minimum"):
        own[name] = _targets(own[name])
    if isinstance(own["groups"], dict):
        own["groups"] = {name: _group(limit) for name, limit in own["groups"].items()}
    if own["linear"] is not None:
        own["linear"] = [_linear(limit) for limit in own["linear"]]
    if isinstance(own["geo_totals"], dict):
        own["geo_totals"] = {name: _pair(sides) for name, sides in own["geo_totals"].items()}
    else:
        own["geo_totals"] = _pair(own["geo_totals"])
    kinds = {"goal": Goal, "window": Window, "constraints": Constraints, "solver": Solver}
    return {name: kind(**{f.name: own[f.name] for f in fields(kind)}) for name, kind in kinds.items()}


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _target(name: str) -> Any:
    channel, at, geo = name.partition(AT)
    return (channel, geo) if at else name


def _targets(values: Any) -> Any:
    if not isinstance(values, dict):
        return _pair(values)
    return {_target(name): _pair(value) for name, value in values.items()}


def _group(limit: Any) -> Any:
    if not isinstance(limit, list) or len(limit) != 2 or not isinstance(limit[0], list):
        return limit
    return [_target(name) if isinstance(name, str) else name for name in limit[0]], _pair(limit[1])


def _linear(limit: Any) -> Any:
    if not isinstance(limit, list) or len(limit) != 2:
        return limit
    return _targets(limit[0]), _pair(limit[1])


def optimize(answers: Answers, question: Optimize, tell: Callable[[str], object] = lambda text: None) -> Answer:
    """Find the best plan of a window."""
    served, fit = answers.fit_of(question.model_copy(update={"draws": None}))
    if question.draws is not None:
        check_count(question.draws, "draws", most=answers.limits.draws, advice="draws that choose the plan")
    check_ci_prob(question.ci_prob)
    with heard() as said:
        plan = optimize_budget(fit, **records_of(answers, question, tell))
    return envelope(served, fit, question, plan.answers, said) | answer_of(fit, plan, question.ci_prob)


def answer_of(fit: Fit, plan: Plan, ci_prob: float) -> Answer:
    """What a plan says, as JSON."""
    solution, table = plan.solution, plan.table(ci_prob)
    rows = [{"name": str(name), **row} for name, row in zip(table.index, _rows(table), strict=True)]
    gain = plan.answers["gain"].values.reshape(-1, 1)
    attrs = {key: value for key, value in plan.attrs.items() if isinstance(value, str | int | float | type(None))}
    return {
        "window": {key: plan.attrs[key] for key in ("start", "stop", "window")},
        "table": rows,
        "plan": records(plan.to_frame()),
        "spend": records(plan.spend.to_dataframe()[["spend"]].reset_index()),
        "current": records(plan.current.rename("spend").to_dataframe()[["spend"]].reset_index()),
        "scaled_by": finite(plan.current.attrs.get("factor", 1.0)),
        "gain": summaries(gain, ci_prob, above=[0.0])[0],
        "p_better": finite(plan.p_better),
        "p_overspend": None if plan.p_overspend is None else finite(plan.p_overspend),
        "p_target": None if plan.p_target is None else finite(plan.p_target),
        "variables": variables(plan.answers, ci_prob),
        "about": {key: finite(value) if isinstance(value, float) else value for key, value in attrs.items()},
        "solution": {
            "status": solution.status,
            "objective": finite(solution.objective),
            "held_out": None if solution.held_out is None else finite(solution.held_out),
            "kkt": finite(solution.kkt),
            "binding": [limit.words for limit in solution.binding],
            "bound": None if solution.bound is None else finite(solution.bound),
            "no_bound": solution.no_bound or "",
            "starts": [finite(start) for start in solution.starts],
        },
        "text": str(plan),
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return records(table.reset_index(drop=True))


def check_question(answers: Answers, question: Optimize) -> None:
    """Refuse at once what needs no solver to be refused."""
    _, fit = answers.fit_of(question.model_copy(update={"draws": None}))
    verdict_of(fit)
    asked = records_of(answers, question, lambda text: None)
    check_goal(fit, asked["goal"])
    if not asked["window"].said():
        raise which_window([])
