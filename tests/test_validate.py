"""Arguments: what is taken comes back in its type; what is refused is named, with its value and what is allowed."""

import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from bayesmmm import cli, errors, validate
from bayesmmm.text import CI_PROB, written

INF, NAN, HUGE = math.inf, math.nan, 10**400


def refused(sentence, call, *args, kind=errors.SettingError, **kwargs):
    """The error with which a call is refused, whose message is this sentence and no other."""
    with pytest.raises(kind, match=f"^{re.escape(sentence)}$") as caught:
        call(*args, **kwargs)
    assert type(caught.value) is kind
    return caught.value


# -------------------------------------------------------------------------------------------------------------- errors
def test_an_error_knows_its_argument_and_value():
    error = validate.about("do['tv']", 3, "no", errors.AnswerError)
    assert (type(error), str(error), error.argument, error.value) == (errors.AnswerError, "no", "do", 3)
    assert type(validate.about("do", 3, "no")) is errors.SettingError


@pytest.mark.parametrize(
    ("value", "advice", "sentence"),
    [
        ("x", "", "n='x' must be y"),
        (None, "as n=1", "n=None must be y, as n=1"),
        (-0.0, "", "n=-0.0 must be y"),
        (NAN, "", "n=nan must be y"),
        ([], "", "n=[] must be y"),
    ],
)
def test_a_refusal_shows_what_was_given(value, advice, sentence):
    error = validate.refusal("n", value, "must be y", errors.SamplingError, advice)
    assert (type(error), str(error), error.argument) == (errors.SamplingError, sentence, "n")
    assert error.value is value


# ------------------------------------------------------------------------------------------------------------- numbers
COUNTS = [0, 1, -3, HUGE, np.int64(4), np.uint8(5)]
NUMBERS = [0.0, -0.0, 1.5, -1e50, np.float32(0.1), np.float64(2.0), Fraction(1, 3), *COUNTS]
NEITHER = [
    True,
    False,
    np.bool_(True),
    NAN,
    INF,
    -INF,
    np.float64(NAN),
    "1",
    None,
    [],
    [1],
    1j,
    Decimal(1),
    np.array(1),
]


@pytest.mark.parametrize("value", COUNTS)
def test_whole_numbers(value):
    assert validate.is_count(value)


@pytest.mark.parametrize("value", [3.0, np.float64(3.0), Fraction(3), *NEITHER])
def test_what_is_no_whole_number(value):
    assert not validate.is_count(value)


@pytest.mark.parametrize("value", [v for v in NUMBERS if v is not HUGE])
def test_finite_numbers(value):
    assert validate.is_number(value)


@pytest.mark.parametrize("value", [HUGE, -HUGE, 1.1e50, -1e300, *NEITHER])
def test_what_is_no_finite_number(value):
    assert not validate.is_number(value)


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [(1, 1, 1), (0, 0, 0), (np.int64(5), 1, 5), (np.uint8(200), 1, 999), (10**30, 1, 10**30)],
)
def test_a_count_comes_back_as_an_int(value, least, most):
    count = validate.check_count(value, "draws", least=least, most=most)
    assert type(count) is int
    assert count == value


@pytest.mark.parametrize("value", [0, -1, 1.0, True, np.bool_(True), NAN, INF, "3", None, []])
def test_what_is_no_count_is_refused(value):
    error = refused(f"draws={value!r} must be a whole number of at least 1", validate.check_count, value, "draws")
    assert error.argument == "draws"


@pytest.mark.parametrize("value", [1, 7])
def test_a_count_outside_its_ends_is_refused(value):
    sentence = f"draws={value} must be a whole number from 2 to 6, as draws=3"
    settings = {"least": 2, "most": 6, "advice": "as draws=3", "error": errors.SamplingError}
    refused(sentence, validate.check_count, value, "draws", kind=errors.SamplingError, **settings)


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1, np.int64(3)])
def test_a_seed(seed):
    assert validate.check_seed(seed) == seed


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, True, None, "0"])
def test_what_is_no_seed_is_refused(seed):
    sentence = f"seed={seed!r} must be a whole number from 0 to 9223372036854775807, as seed=0"
    refused(sentence, validate.check_seed, seed)
    refused(sentence, validate.check_seed, seed, errors.SamplingError, kind=errors.SamplingError)


def test_paths():
    assert validate.check_paths(np.int64(1)) == 1
    refused("paths=0 must be a whole number from 1 to 10000, as paths=4", validate.check_paths, 0)


@pytest.mark.parametrize("value", [-0.0, 2, np.float32(0.5), Fraction(1, 2), -1e50])
def test_a_number_comes_back_as_a_float(value):
    number = validate.check_number(value, "margin", advice="")
    assert type(number) is float
    assert number == value
    assert math.copysign(1.0, number) == math.copysign(1.0, value)


@pytest.mark.parametrize("value", [True, NAN, INF, -INF, HUGE, "1", None, []])
def test_what_is_no_number_is_refused(value):
    size = " of at most 1e+50 in size" if isinstance(value, float | int) and abs(value) > 1e50 else ""
    sentence = f"margin={written(value)} must be a number{size}, as margin=2.5"
    refused(sentence, validate.check_number, value, "margin", advice="as margin=2.5")


@pytest.mark.parametrize(
    ("value", "ends", "words"),
    [(0, {"above": 0.0}, "above 0"), (-0.0, {"above": 0.0}, "above 0"), (1.9, {"least": 2}, "of at least 2")],
)
def test_a_number_beyond_its_end_is_refused(value, ends, words):
    sentence = f"total={value!r} must be a number {words}, as total=9"
    refused(sentence, validate.check_number, value, "total", advice="as total=9", **ends)


def test_the_least_number_is_allowed():
    assert validate.check_number(2, "total", least=2.0, advice="") == 2.0
    assert validate.check_number(5e-324, "total", above=0.0, advice="") == 5e-324


@pytest.mark.parametrize("value", [0.5, 5e-324, np.float32(0.25), Fraction(1, 4)])
def test_a_fraction(value):
    assert validate.check_fraction(value, "level", "as 0.9") == value


@pytest.mark.parametrize("value", [0, 1, -0.0, 1.0, 90, -0.5, True, NAN, INF, "0.5", None])
def test_what_is_no_fraction_is_refused(value):
    sentence = f"level={value!r} must lie between 0 and 1, as 0.9"
    refused(
        sentence, validate.check_fraction, value, "level", "as 0.9", errors.AnswerError, kind=errors.AnswerError
    )


def test_the_probability_of_an_interval_is_the_same_everywhere_unless_arviz_was_given_one(monkeypatch):
    from arviz_base import rcParams

    assert validate.check_ci_prob(0.8) == 0.8
    assert validate.check_ci_prob(None) == CI_PROB == cli.CI_PROB == 0.9
    monkeypatch.setitem(rcParams, "stats.ci_prob", 0.77)
    assert validate.check_ci_prob(None) == 0.77
    refused("ci_prob=90 must lie between 0 and 1, as 0.9", validate.check_ci_prob, 90)


@pytest.mark.parametrize("values", [[1], (0.5, 2), np.array([3.0]), pd.Series([1, 2]), [np.float32(1)]])
def test_numbers_come_back_as_an_array(values):
    numbers = validate.check_numbers(values, "factors", "numbers above 0", [1, 2], lambda v: v > 0)
    assert numbers.dtype == np.float64
    np.testing.assert_array_equal(numbers, np.array(list(values), float))


@pytest.mark.parametrize(
    "values", [[], 1.0, None, "12", ["a"], [1, NAN], [INF], [1, 0], [-0.0], [HUGE], [[1.0]], [[1], [2, 3]], [1j]]
)
def test_what_are_no_such_numbers_is_refused(values):
    sentence = f"factors={written(values)} must be numbers above 0, as factors=[1, 2]"
    call = validate.check_numbers
    refused(sentence, call, values, "factors", "numbers above 0", [1, 2], lambda v: v > 0)


# -------------------------------------------------------------------------------------------------- words and mappings
@pytest.mark.parametrize("choices", [("mean", "sd"), {"mean": 1, "sd": 2}, ["sd", "mean"]])
def test_a_choice(choices):
    assert validate.check_choice("mean", "risk", choices) == "mean"


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("mea", " (did you mean 'mean'?)"),
        ("MEAN", " (did you mean 'mean'?)"),
        ("", ""),
        ("w" * 100, ""),
        (None, ""),
        (1, ""),
        (NAN, ""),
        (["mean"], ""),
    ],
)
def test_what_is_no_choice_is_refused(value, meant):
    sentence = f"risk={value!r} must be one of mean, sd{meant}"
    refused(sentence, validate.check_choice, value, "risk", ("mean", "sd"))
    refused(f"{sentence}, or left out", validate.check_choice, value, "risk", ("mean", "sd"), "or left out")


@pytest.mark.parametrize("value", [{}, {"tv": 1}, pd.Series({"tv": 1}).to_dict()])
def test_a_mapping_comes_back(value):
    assert validate.check_mapping(value, "bounds", "{'tv': 1}") == value


def test_no_mapping_is_an_empty_one():
    assert validate.check_mapping(None, "bounds", "{'tv': 1}") == {}


@pytest.mark.parametrize(
    ("value", "kind"), [([], "list"), (0, "int"), (False, "bool"), ("tv", "str"), (NAN, "float")]
)
def test_what_is_no_mapping_is_refused(value, kind):
    sentence = f"bounds is a {kind}, and must be a mapping, as bounds={{'tv': 1}}"
    refused(sentence, validate.check_mapping, value, "bounds", "{'tv': 1}")


# ------------------------------------------------------------------------------------------------ periods, large arrays
DATES = pd.date_range("2024-01-07", periods=3, freq="7D")
WINDOW = "the window has the 3 periods 2024-01-07 to 2024-01-21"


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (2, [2, 2, 2]),
        (True, [1, 1, 1]),
        (np.float32(0.5), [0.5, 0.5, 0.5]),
        ([1, 2, 3], [1, 2, 3]),
        ((-0.0, NAN, INF), [0, NAN, INF]),  # whether they are data is asked elsewhere
        (np.arange(3), [0, 1, 2]),
        (pd.Series([1, 2, 3], DATES), [1, 2, 3]),
        (pd.Series([1, 2, 3]), [1, 2, 3]),
    ],
)
def test_one_number_for_each_date(values, numbers):
    found = validate.check_dates(values, "do['tv']", DATES)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, numbers)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], f"x has shape (0,), and {WINDOW}; give one number, or one for each period"),
        ([1, 2], f"x has shape (2,), and {WINDOW}; give one number, or one for each period"),
        ([[1, 2, 3]], f"x has shape (1, 3), and {WINDOW}; give one number, or one for each period"),
        (
            pd.Series([1, 2, 3], DATES + pd.Timedelta("1D")),
            f"x has 3 values with other dates than the window: {WINDOW}; give a value for each of these, in order",
        ),
    ],
)
def test_other_numbers_than_dates_are_refused(values, sentence):
    assert refused(sentence, validate.check_dates, values, "x", DATES).value is values


@pytest.mark.parametrize("values", ["high", ["a", "b", "c"], {"tv": 1}, HUGE])
def test_what_are_no_numbers_for_dates_is_refused(values):
    with pytest.raises(errors.SettingError, match=r"^x must be numbers, one per period of the window: ") as caught:
        validate.check_dates(values, "x", DATES)
    assert caught.value.value is values


@pytest.mark.parametrize("values", [0.0, -0.0, 3, [0, 1.5], [], np.float32(2)])
def test_values_that_are_data(values):
    assert validate.check_values(values, "x", money=True) is None


@pytest.mark.parametrize("values", [NAN, INF, -INF, [1, NAN], np.array([INF])])
def test_values_that_are_not_finite_are_refused(values):
    sentence = "x has missing or infinite values; give a finite number for every period"
    refused(sentence, validate.check_values, values, "x", kind=errors.MissingValueError)


def test_only_money_must_not_be_negative():
    assert validate.check_values([-1.5, 2], "x") is None
    sentence = "x has the negative value -1.5; spend is zero or more"
    refused(sentence, validate.check_values, [-1.5, 2, -1], "x", money=True, kind=errors.NegativeSpendError)


@pytest.mark.parametrize("shape", [(), (0,), (1000, 100_000), (10**12, 0)])
def test_an_answer_that_fits_into_memory(shape):
    assert validate.check_size(shape, "the answer", "ask for less") is None


@pytest.mark.parametrize(
    ("shape", "size"), [((1000, 100_001), "0.8 GB (1000 x 100001"), ((10**6, 10**4), "80.0 GB (1000000 x 10000")]
)
def test_an_answer_that_does_not_is_refused(shape, size):
    sentence = f"the answer would take {size} numbers), more than the 0.8 GB that an answer may take; ask for less"
    refused(sentence, validate.check_size, shape, "the answer", "ask for less", kind=errors.AnswerSizeError)


def test_a_size_beyond_every_whole_number_of_the_machine_is_refused():
    with pytest.raises(errors.AnswerSizeError, match="ask for less"):
        validate.check_size((2**40, 2**40), "the answer", "ask for less")
