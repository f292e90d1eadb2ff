"""Half-lives of days from sums of days, and what a belief about them is worth on another calendar."""

import pytest

from benchmarks import carry_over

pytestmark = pytest.mark.slow

#: Those of ``benchmarks/carry_over.py``, fewer of them.
CASES = [(half_life, seed) for half_life in (2.0, 10.0) for seed in range(6)]


def found(way):
    """In how many cases the interval from weekly sums holds the half-life of the days."""
    count = 0
    for half_life, seed in CASES:
        data = carry_over.summed(carry_over.days_of({"tv": half_life}, seed), "weeks")
        priors = {"by day": {}, "pulse": {"retention": carry_over.pulse_prior(data)}}[way]
        low, high, _ = carry_over.interval(carry_over.fitted(data, priors, seed))
        count += low <= half_life <= high
    return count


def test_weekly_sums_hold_the_half_life_of_the_days():
    # Of 12 cases at 90 % fewer than 8 come by chance once in 230 times.
    assert found("by day") >= 8


def test_a_pulse_at_the_start_of_a_week_does_not():
    """Negative control: the classical recursion by the week."""
    assert found("pulse") <= 3


def test_a_belief_from_days_moves_no_return_of_weeks():
    table = carry_over.moves(seed=1)
    assert len(table) == 2
    assert (table["move"].abs() <= 0.1 + 3.0 * table["error"]).all(), table
    assert (table["error"] < 0.05).all()
