"""Compiled and by the engine, plans bring the same; and each way is used where it should be."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmmm.optimize.draw_chunk import KernelChunk
from bayesmmm.optimize.engine_chunk import EngineChunk
from tests import budgets, made, worlds
from tests.answer_cases import CASES

RANDOM = [f"random {seed}" for seed in range(8)]


def kinds(problem):
    return {type(chunk) for chunk in problem.whole._chunks}


def both(problem):
    """The first compiled chunk of a problem, and its draws by the engine."""
    fast = problem.whole._chunks[0]
    slow = EngineChunk(fast._set, fast.at, [fast._stretch])
    slow.compare_with(problem.current, problem.factor)
    return fast, slow


@pytest.mark.parametrize("name", [*CASES, *RANDOM])
def test_both_ways_agree(name):
    fit = budgets.case_fit(name, draws=5)
    agree(fit, budgets.problem_of(fit, periods=5, total=777.0))


@pytest.mark.parametrize("paths", [1, 3])
@pytest.mark.parametrize("flighting", ["historical", "free"])
def test_both_ways_agree_on_some_channels(flighting, paths):
    fit = budgets.case_fit("censored in a chain", draws=5)
    channels = [n for n in fit.system.exogenous if n in fit.data.media][1:]
    agree(fit, budgets.problem_of(fit, periods=5, channels=channels, flighting=flighting, paths=paths))


@pytest.mark.parametrize("mediator", ["normal", "lognormal"])
def test_both_ways_agree_under_correlated_residuals(mediator):
    system = worlds.system("normal", mediator, rho={"search": 0.6})
    fit = made.made_fit(system, worlds.data(zeros=False), draws=6)
    agree(fit, budgets.problem_of(fit, periods=5, controls={"price": 10.0}))


def agree(fit, problem):
    """Check that a problem is answered alike by both ways; one for the engine alone must have a reason to be."""
    if kinds(problem) == {EngineChunk}:
        outcome = fit.system.equation(fit.system.outcome)
        truncated = any(equation.max_lag is not None for equation in fit.system.equations)
        assert truncated or outcome.likelihood in ("lognormal", "censored_normal")
        return
    fast, slow = both(problem)
    rng = np.random.default_rng(1)
    assert_allclose(fast.base, slow.base, rtol=1e-12)
    for factor in (0.0, 0.4, 3.0):
        spend = factor * problem.current * rng.uniform(0.2, 2.0, problem.current.shape)
        spend[0] = 0.0
        kept, brought = fast.evaluate(spend)
        new, wanted = slow.evaluate(spend)
        size = max(np.abs(wanted.lift).max(), 1e-3 * np.abs(slow.base).max())
        assert_allclose(brought.lift, wanted.lift, rtol=1e-10, atol=1e-12 * size)
        most = np.abs(wanted.induced).max(initial=1e-3)
        assert_allclose(brought.induced, wanted.induced, rtol=1e-10, atol=1e-11 * most)
        assert_allclose(fast.induced(spend), wanted.induced, rtol=1e-10, atol=1e-11 * most)
        assert_allclose(fast.without(kept, spend), slow.without(new, spend), rtol=1e-9, atol=1e-11 * size)
        lift, induced = rng.normal(size=wanted.lift.shape), rng.normal(size=wanted.induced.shape)
        for weights in ((lift, None), (lift, induced), (None, induced))[: 3 if induced.size else 1]:
            assert_allclose(fast.pull(kept, *weights), slow.pull(new, *weights), rtol=1e-9)
        pattern = rng.uniform(size=spend.shape)
        assert_allclose(fast.along(kept, pattern), slow.along(new, pattern), rtol=1e-9)


@pytest.mark.parametrize("name", ["chain", "censored in a chain"])
def test_induced_spend_of_a_multiple(name):
    fast, slow = both(budgets.problem_of(budgets.case_fit(name), periods=5))
    now = np.stack([fast._stretch.base.columns[n][0, 0, fast._stretch.changed] for n in fast._set.names])
    for factor in (0.3, 1.0, 2.5):
        assert_allclose(
            fast.induced_by_multiple(now, factor), slow.induced_by_multiple(now, factor), rtol=1e-10, atol=1e-12
        )


def test_stretches_without_spend_are_those_of_the_engine():
    fast, slow = both(budgets.problem_of(budgets.case_fit("chain"), periods=5))
    (one,), (other,) = fast.idle(), slow.idle()
    assert one.base.columns.keys() == other.base.columns.keys()
    for name, column in other.base.columns.items():
        assert_allclose(one.base.columns[name], column, rtol=1e-12, atol=1e-12 * np.abs(column).max())


def test_what_an_evaluation_kept_is_written_over_only_where_that_is_asked_for():
    fast, _ = both(budgets.problem_of(budgets.case_fit("chain"), periods=5))
    spend = np.full((len(fast._set.names), 5), 3.0)
    one, _ = fast.evaluate(spend)
    before = one.response.copy()
    other, _ = fast.evaluate(2.0 * spend)
    np.testing.assert_array_equal(one.response, before)
    again, brought = fast.evaluate(spend, other)
    assert again is other
    np.testing.assert_array_equal(other.response, before)
    np.testing.assert_array_equal(brought.lift, fast.evaluate(spend)[1].lift)


def test_three_plans_in_turn_are_told_apart():
    """Room is taken over from the plan before the last, never from one that may still be asked for."""
    problem = budgets.problem_of(budgets.case_fit("chain"), periods=5)
    out, plans = problem.whole, [k * problem.current for k in (0.5, 1.0, 1.5)]
    one = np.ones(out.size)
    alone = []
    for plan in plans:
        out._seen, out._pulled = {}, {}
        alone.append((out.at(plan).lift, out.pull(plan, one, None)))
    out._seen, out._pulled = {}, {}
    for k in (0, 1, 0, 2, 1, 0, 2, 0):
        np.testing.assert_array_equal(out.at(plans[k]).lift, alone[k][0])
        out._pulled = {}
        np.testing.assert_array_equal(out.pull(plans[k], one, None), alone[k][1])


def test_a_wrong_carry_over_is_seen():
    """Negative control: the comparison notices a chunk that forgets what history carries in."""
    fast, slow = both(budgets.problem_of(budgets.case_fit("chain"), periods=5))
    fast._near_shape[4] = 0.0
    fast.compare_with(np.zeros((len(fast._set.names), 5)), 1.0)
    spend = np.full((len(fast._set.names), 5), 3.0)
    assert np.abs(fast.evaluate(spend)[1].lift / slow.evaluate(spend)[1].lift - 1.0).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "settings", "kind"),
    [
        ("chain", {"periods": 4}, KernelChunk),
        ("lognormal mediator", {"periods": 4}, KernelChunk),
        ("no mediator", {"periods": 4}, KernelChunk),
        ("chain", {"periods": 4, "mediators": "fixed"}, EngineChunk),
        ("censored mediator", {"periods": 4, "mediators": {"search": "decide"}}, EngineChunk),
        ("lognormal outcome", {"periods": 4}, EngineChunk),
        ("short memory", {"periods": 4}, EngineChunk),
    ],
)
def test_who_answers(name, settings, kind):
    assert kinds(budgets.problem_of(budgets.case_fit(name), **settings)) == {kind}


def test_a_window_of_the_past_is_for_the_engine():
    fit = budgets.case_fit("chain")
    assert kinds(budgets.problem_of(fit, **budgets.last_periods(fit, 5))) == {EngineChunk}
