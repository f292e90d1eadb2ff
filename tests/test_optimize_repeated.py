"""What a fit keeps for the next plan: a repeated plan is the same as a first one, and nothing stale is ever used."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.optimize import local_solver, optimize_budget, outcomes
from bayesmmm.results import kept as kept_answers
from tests import budgets, made
from tests.test_optimize_invariance import identical

NAME = "censored in a chain"
CALL = {"total": 500.0, "periods": 4, "controls": {"price": 10.0}, "starts": 1}


@pytest.fixture
def evaluated(monkeypatch):
    """Sets of draws that have been evaluated anew."""
    seen, real = [], outcomes._evaluated

    def count(query, *args):
        seen.append(len(query.draws))
        return real(query, *args)

    monkeypatch.setattr(outcomes, "_evaluated", count)
    return seen


def fresh():
    return made.case_fit(NAME, draws=10)


def test_a_repeated_plan_begins_with_what_the_last_one_found(evaluated):
    fit = fresh()
    one = optimize_budget(fit, **CALL)
    assert len(evaluated) == 3  # draws that choose, some of them, draws that judge
    identical(one, optimize_budget(fit, **CALL))
    others = [
        {"total": 700.0},
        {"objective": "profit"},
        {"bounds": (0, 400)},
        {"channels": ["tv"]},
        {"risk": ("sd", 1.0)},
    ]
    for other in others:
        assert len(evaluated) == 3
        again = optimize_budget(fit, **CALL | other)
        assert len(evaluated) == 3
        identical(again, optimize_budget(fresh(), **CALL | other))
        del evaluated[3:]


@pytest.mark.parametrize(
    "other",
    [
        {"periods": 5},
        {"controls": {"price": 11.0}},
        {"seed": 1},
        {"paths": 2},
        {"draws": 6},
        budgets.last_periods(made.case_fit(NAME), 4) | {"periods": None, "controls": None},
    ],
    ids=lambda other: " ".join(other),
)
def test_another_question_is_evaluated_anew(other, evaluated):
    fit = fresh()
    optimize_budget(fit, **CALL)
    del evaluated[:]
    found = optimize_budget(fit, **CALL | other)
    assert evaluated
    identical(found, optimize_budget(fresh(), **CALL | other))


def test_draws_that_were_written_to_are_noticed(evaluated):
    fit, other = fresh(), fresh()
    first = optimize_budget(fit, **CALL)
    for each in (fit, other):
        each.tree["posterior"]["sales.contribution"][0] *= 2.0
    del evaluated[:]
    found = optimize_budget(fit, **CALL)
    assert len(evaluated) == 3
    assert found.solution.objective != first.solution.objective
    identical(found, optimize_budget(other, **CALL))


def test_only_one_window_is_kept_and_no_large_one(monkeypatch, evaluated):
    fit = fresh()
    optimize_budget(fit, **CALL)
    kept = len(fit.memo["plans"])
    optimize_budget(fit, **CALL | {"periods": 6})
    assert len(fit.memo["plans"]) == kept
    monkeypatch.setattr(kept_answers, "KEPT", 100.0)
    optimize_budget(fit, **CALL)
    assert "plans" not in fit.memo


def test_a_copy_of_a_fit_begins_anew():
    fit = fresh()
    plan = optimize_budget(fit, **CALL)
    for other in (copy.deepcopy(fit), copy.copy(fit), pickle.loads(pickle.dumps(fit))):
        identical(plan, optimize_budget(other, **CALL))
    assert copy.deepcopy(fit).memo["plans"] == {}


def test_plans_of_several_threads():
    fit = fresh()
    totals = [300.0, 500.0, 700.0, 900.0]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda total: optimize_budget(fit, **CALL | {"total": total}), totals))
    for total, plan in zip(totals, found, strict=True):
        identical(plan, optimize_budget(fresh(), **CALL | {"total": total}))


# -------------------------------------------------------------------------------------------------- when a climb ends
class Kinked:
    """Minus the distance from a plan of 0.3 and 0.7, plus a little curvature: no slope is ever zero."""

    unit, size, current = np.ones(2), 1.0, np.ones((2, 1))
    variables, goal = SimpleNamespace(size=2), SimpleNamespace(high=np.inf, price=0.0, objective="outcome")
    outcomes = SimpleNamespace(paid=())

    def __init__(self):
        self.count = 0

    def value(self, v):
        return float(-np.abs(v - [0.3, 0.7]) @ [1.0, 0.5] - 0.1 * (v**2).sum())

    def smooth(self, v):
        self.count += 1
        return self.value(v)

    def slope(self, v):
        return -np.sign(v - [0.3, 0.7] + 1e-300) * [1.0, 0.5] - 0.2 * v

    def constraints(self, limits):
        return []


def test_a_climb_does_not_circle_a_kink():
    """Returns differ on its two sides, so that the conditions of a maximum cannot be met more closely by going on."""
    kinked = Kinked()
    none = SimpleNamespace(lower=np.zeros(2), upper=np.full(2, 5.0), rows=())
    end = local_solver.maximise(kinked, none, np.array([2.0, 0.1]), precise=True)
    assert_allclose(end.decisions, [0.3, 0.7], atol=1e-3)
    assert kinked.count < 1000
    assert end.message.startswith("stopped early")


def test_a_climb_that_comes_to_a_known_end_is_not_followed_further():
    fit = budgets.plain_fit(draws=4)
    problem = budgets.problem_of(fit, periods=4, total=600.0)
    objective = budgets.objective_of(problem, total=600.0)
    one = local_solver.maximise(objective, problem.limits, np.array([200.0, 200.0, 200.0]), precise=False)
    start = np.array([500.0, 50.0, 50.0])
    alone = local_solver.maximise(objective, problem.limits, start, precise=False)
    joined = local_solver.maximise(objective, problem.limits, start, precise=False, known=[one])
    assert joined.objective == one.objective
    assert joined.iterations < alone.iterations
    assert alone.objective == pytest.approx(one.objective, rel=1e-3)
    # An end under other limits, or one that misses a limit, is none to join.
    elsewhere = local_solver.replace(one, limits=local_solver.replace(problem.limits))
    missed = local_solver.replace(one, optimality=local_solver.replace(one.optimality, violation=0.1))
    for known in (elsewhere, missed):
        found = local_solver.maximise(objective, problem.limits, start, precise=False, known=[known])
        np.testing.assert_array_equal(found.decisions, alone.decisions)
