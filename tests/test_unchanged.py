"""A change of the code that is to change no number changes none: draws to the last bit, answers to rounding."""

import copy

import pytest

from tests import unchanged
from tests.fits import quiet

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stored():
    return unchanged.read()


@pytest.mark.parametrize("name", unchanged.NAMES)
def test_answers_on_the_same_draws_are_the_same(name, stored):
    _, draws, answers = stored
    found = unchanged.differences(answers[name], unchanged.numbers_of(name, draws[name]))
    assert not found, f"{len(found)} numbers of {name!r} differ:\n" + "\n".join(found[:20])


@pytest.mark.parametrize("name", unchanged.NAMES)
def test_draws_are_the_same_to_the_last_bit(name, stored):
    known, here = stored[0], unchanged.machine()
    other = [f"{key}: {here.get(key)} instead of {value}" for key, value in known["machine"].items()]
    other = [
        line for line, key in zip(other, known["machine"], strict=True) if known["machine"][key] != here.get(key)
    ]
    if other:
        pytest.skip(f"draws are compared on the machine that they were made on; here {'; '.join(other)}")
    assert unchanged.digests(quiet(unchanged.sampled, name)) == known["draws"][name]


@pytest.mark.parametrize("name", unchanged.NAMES)
def test_any_number_that_is_a_little_off_is_found(name, stored):
    answers = stored[2][name]
    assert not unchanged.differences(answers, copy.deepcopy(answers))
    for answer, variables in answers.items():
        for variable, numbers in variables.items():
            for at in range(len(numbers)):
                other, size = off(numbers, at, answers[answer], answer, variable)
                if other is None:
                    continue
                found = unchanged.differences({answer: variables}, {answer: variables | {variable: other}})
                assert len(found) == 1, (answer, variable, at, size)
                assert found[0].startswith(f"{answer}: {variable or 'labels'}")


def off(numbers, at, variables, answer, variable):
    """Numbers with one that is off by 1e-10 of the size of the variable, or by ten times what is allowed."""
    if isinstance(numbers, str):
        return (numbers + "!", None) if at == 0 else (None, None)
    if numbers[at] != numbers[at]:
        return [*numbers[:at], 0.0, *numbers[at + 1 :]], None
    size = unchanged.size_of(variables[unchanged.SIZE_OF.get(variable, variable)]) or 1.0
    share = max(1e-10, 10.0 * unchanged.bound_of(answer, variable))
    return [*numbers[:at], numbers[at] + share * size, *numbers[at + 1 :]], size
