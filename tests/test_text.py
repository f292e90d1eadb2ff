"""Numbers, intervals, lists and lines in words: the exact text, where rounding, signs and sizes are at an edge."""

import datetime
import math
import re

import numpy as np
import pandas as pd
import pytest

from bayesmmm import text

INF, NAN = math.inf, math.nan


# ------------------------------------------------------------------------------------------------------------- numbers
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (NAN, "unknown"),
        (INF, "unbounded"),
        (True, "1.00"),
        (12_345, "12,300"),
        (12_355.0, "12,400"),
        (999.4, "999"),
        (999.6, "1,000"),
        (-999.6, "−1,000"),
        (9.996, "10.0"),
        (0.99951, "1.00"),
        (1.5, "1.50"),
        (-1.5, "−1.50"),
        (0.0123, "0.0123"),
        (1e-6, "0.00000100"),
        (9.9e-7, "9.90e-07"),
        (1e15, "1,000,000,000,000,000"),
        (np.float32(0.25), "0.250"),
        (np.int64(-7), "−7.00"),
    ],
)
def test_number(value, words):
    assert text.number(value) == words


@pytest.mark.parametrize(("digits", "words"), [(1, "0.05"), (2, "0.050"), (5, "0.049960")])
def test_number_with_other_digits(digits, words):
    assert text.number(0.04996, digits) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (-0.0, "0"),
        (999_499, "999,000"),
        (999_500, "1.00 million"),
        (2_314_000, "2.31 million"),
        (-2_500_000_000, "−2.50 billion"),
        (999_600_000, "1.00 billion"),
        (4e12, "4.00 trillion"),
        (5e15, "5,000 trillion"),
        (NAN, "unknown"),
        (INF, "unbounded"),
        (np.float64(7e6), "7.00 million"),
    ],
)
def test_large_number(value, words):
    assert text.large_number(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (-0.0, "0"),
        (12_000, "12k"),
        (3_400_000, "3.4M"),
        (-1500, "−1.5k"),
        (2e9, "2B"),
        (7e13, "7e+04B"),
        (999.9, "999.9"),
        (999.96, "1k"),
        (999_999, "1M"),
        (0.00012, "0.00012"),
        (NAN, "unknown"),
        (INF, "unbounded"),
        (np.int64(50_000), "50k"),
    ],
)
def test_short_number(value, words):
    assert text.short_number(value) == text.short_number(value, 3) == words  # an axis gives the position too


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (3000.0, "3,000"),
        (-3000, "−3,000"),
        (12.345678, "12.346"),
        (-12.345678, "−12.346"),
        (0.1, "0.1"),
        (99.999, "99.999"),
        (1234.567, "1,234.57"),
        (-1234.567, "−1,234.57"),
        (99_999.996, "100,000.00"),
        (123_456.7, "123,457"),
        (3000.0000001, "3,000"),
        (NAN, "unknown"),
        (INF, "unbounded"),
        (np.float64(2.5), "2.5"),
        (np.int64(8), "8"),
    ],
)
def test_amount(value, words):
    assert text.amount(value) == words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], []),
        ([0.0, -0.0], ["0", "0"]),
        ([NAN, INF], ["unknown", "unbounded"]),
        ([12_345.6, 7.0], ["12,346", "7"]),
        ([123.456, -7.0], ["123.5", "−7.0"]),
        ([0.5, NAN, 0.25], ["0.5000", "unknown", "0.2500"]),
        (np.array([1000.0, 1.0]), ["1,000", "1"]),
        ((v for v in (2, 3)), ["2.000", "3.000"]),
    ],
)
def test_amounts_share_their_decimals(values, words):
    assert text.amounts(values) == words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((), ()),
        ((0.0, -0.0), ("0", "0")),
        ((5.0,), ("5.000",)),
        ((1.0, 1.0 + 1e-12), ("1.000", "1.000")),
        ((100.0, 101.0), ("100.00", "101.00")),
        ((1000.0, 250_400.0), ("1,000", "250,000")),
        ((-1.0, 1.0), ("−1.00", "1.00")),
        ((NAN, 2.0), ("unknown", "2.000")),
        ((INF, 2.0, 3.0), ("unbounded", "2.00", "3.00")),
        ((NAN, INF), ("unknown", "unbounded")),
        ((np.float32(0.5), np.int64(1)), ("0.500", "1.000")),
    ],
)
def test_numbers_that_belong_together_are_told_apart(values, words):
    assert text.told_apart(*values) == words


@pytest.mark.parametrize(
    ("numbers", "cells"),
    [
        ((2.0, 1.0, 3.0), ("2.00", "1.00 to 3.00")),
        ((2.31e6, 1.5e6, 3.02e6), ("2.31 million", "1.50 to 3.02 million")),
        ((0.0, -2e6, 1e3), ("0 million", "−2.00 to 0.00100 million")),
        ((2e6, 1e6, INF), ("2.00 million", "1.00 million to unbounded")),
        ((2e6, NAN, 3e6), ("2.00 million", "unknown to 3.00 million")),
        ((NAN, NAN, NAN), ("unknown", "unknown to unknown")),
        ((INF, 1.0, INF), ("unbounded", "1.00 to unbounded")),
    ],
)
def test_interval_cells(numbers, cells):
    assert text.interval_cells(*numbers) == cells


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("", "2.31 million (90 %: 1.50 to 3.02 million)"),
        ("visits", "2.31 million visits (90 %: 1.50 to 3.02 million)"),
        ("%", "2.31 million % (90 %: 1.50 to 3.02 million %)"),
    ],
)
def test_interval(unit, words):
    assert text.interval(2.31e6, 1.5e6, 3.02e6, 0.9, unit) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 %"), (0.9, "90 %"), (0.945, "94.5 %"), (1, "100 %"), (1.5, "150 %"), (np.float32(0.5), "50 %")],
)
def test_percent(value, words):
    assert text.percent(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0 %"),
        (-0.0, "0 %"),
        (1e-6, "less than 0.001 %"),
        (1e-5, "0.001 %"),
        (0.0123, "1.2 %"),
        (0.0994, "9.9 %"),
        (0.0996, "10 %"),
        (0.123, "12 %"),
        (-0.0123, "−1.2 %"),
        (-1.234, "−123 %"),
        (12.34, "1234 %"),
        (NAN, "unknown"),
        (INF, "unknown"),
        (True, "100 %"),
        (np.float64(0.5), "50 %"),
    ],
)
def test_rough_percent(value, words):
    assert text.rough_percent(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "less than 1 %"),
        (-0.0, "less than 1 %"),
        (0.005, "less than 1 %"),
        (0.006, "1 %"),
        (0.5, "50 %"),
        (0.994, "99 %"),
        (0.995, "more than 99 %"),
        (1, "more than 99 %"),
        (True, "more than 99 %"),
        (NAN, "unknown"),
        (np.float64(0.25), "25 %"),
    ],
)
def test_a_probability_is_never_certainty(value, words):
    assert text.probability(value) == words


# --------------------------------------------------------------------------------------------------------------- lists
@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([], "none"),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        ((n for n in (1, 2)), "1 and 2"),
        (np.array([0.5, 1.5]), "0.5 and 1.5"),
        ([""], ""),
    ],
)
def test_joined(items, words):
    assert text.joined(items) == words


def test_joined_by_another_word():
    assert text.joined(["a", "b", "c"], "or") == "a, b or c"
    assert text.joined(["a"], "or") == "a"


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([], ""),
        (["a"], "'a'"),
        (["a", 1, None], "'a', 1, None"),
        (list("abcde"), "'a', 'b', 'c', 'd', 'e'"),
        (list("abcdefg"), "'a', 'b', 'c', 'd', 'e' and 2 more"),
        ((c for c in "ab"), "'a', 'b'"),
        ([datetime.date(2024, 3, 1)], "2024-03-01"),
        (pd.DatetimeIndex(["2024-03-01", "2024-03-08"]), "2024-03-01, 2024-03-08"),
        (np.array(["a", "b"]), "'a', 'b'"),
        ([np.int64(3), np.float64(0.5), np.bool_(True)], "3, 0.5, True"),
        (["it's"], '"it\'s"'),
        (["w" * 198], f"'{'w' * 198}'"),
        (["w" * 300], f"'{'w' * 98}…{'w' * 99}'"),
    ],
)
def test_listed(items, words):
    assert text.listed(items) == words


def test_listed_cut_elsewhere():
    assert text.listed("abc", shown=1) == "'a' and 2 more"
    assert text.listed("abc", shown=3) == "'a', 'b', 'c'"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 weeks"),
        (1, "1 week"),
        (2, "2 weeks"),
        (1200, "1,200 weeks"),
        (True, "1 week"),
        (np.int64(1), "1 week"),
    ],
)
def test_counted(count, words):
    assert text.counted(count, "week") == words


def test_counted_with_a_plural_of_its_own():
    assert text.counted(1, "match", "matches") == "1 match"
    assert text.counted(0, "match", "matches") == "0 matches"


@pytest.mark.parametrize(
    ("word", "known", "words"),
    [
        ("tvs", ["tv", "radio"], " (did you mean 'tv'?)"),
        ("FACEBOK ", ["facebook"], " (did you mean 'facebook'?)"),
        ("cost", ["Cost", "clicks"], " (did you mean 'Cost'?)"),
        ("cost", [" Cost "], " (did you mean ' Cost '?)"),
        ("tvs", [], ""),
        ("", ["tv"], ""),
        ("zebra", ["tv", "radio"], ""),
        (None, ["none", "tv"], " (did you mean 'none'?)"),
        (2023, [2024, "tv"], " (did you mean '2024'?)"),
        ("r" * 300, ["r" * 299], f" (did you mean '{'r' * 299}'?)"),
        ("tvs", {"tv": 1}, " (did you mean 'tv'?)"),
    ],
)
def test_did_you_mean(word, known, words):
    assert text.did_you_mean(word, known) == words


def test_no_such():
    said = text.no_such("there is no channel 'tvs'", "tvs", (name for name in ("tv", "radio")))
    assert said == "there is no channel 'tvs' (did you mean 'tv'?). Use one of: tv, radio."
    assert text.no_such("no", "x", [2024, "tv"], "Channels are") == "no. Channels are: 2024, tv."
    assert text.no_such("no", "x", []) == "no. Use one of: none."
    assert text.no_such("no", "x", {}, "Use", "it has none") == "no. Use: it has none."


# --------------------------------------------------------------------------------------------------------------- lines
def test_lines_are_broken_between_words_and_indented():
    assert text.wrapped("one two three four", 10) == ["one two", "  three", "  four"]
    assert text.wrapped("one two three", 12, head="- ", indent=4) == ["- one two", "    three"]
    assert text.wrapped("", 10) == []


def test_long_words_hyphens_and_per_cents_are_not_broken():
    assert text.wrapped("a " + "w" * 30 + " b", 10) == ["a", "  " + "w" * 30, "  b"]
    assert text.wrapped("aa half-life", 8) == ["aa", "  half-life"]
    assert text.wrapped("is 12 % of", 5, indent=0) == ["is", "12 %", "of"]


@pytest.mark.parametrize("width", range(12, 60, 7))
def test_lines_hold_the_whole_text_within_their_width(width):
    words = "spend and sales of 5 % move together in nearly all weeks of the year"
    lines = text.wrapped(words, width, head="> ", indent=2)
    assert max(map(len, lines)) <= width
    assert re.sub(r"\s+", " ", " ".join(lines)) == f"> {words}"


def test_columns_are_aligned():
    columns = {"name": ["tv", "radio"], "mean": ["1.5", "−12"], "note": ["", "high"]}
    assert text.aligned(columns, ["name", "note"]) == [
        "name   mean  note",
        "tv      1.5",
        "radio   −12  high",
    ]
    assert text.aligned({}, []) == []
    assert text.aligned({"name": [], "mean": []}, ["name"]) == ["name  mean"]


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        text.aligned({"name": ["tv"], "mean": []}, [])


def test_notebook_html_escapes_everything_it_shows():
    page = text.notebook_html("a < b\n<i>more</i>", {"<b>": ["x & y", 1.5], "n": [2, "'q'"]})
    assert page == (
        "<div><b>a &lt; b</b><table><tr><th>&lt;b&gt;</th><th>n</th></tr><tr><td>x &amp; y</td><td>2</td></tr>"
        "<tr><td>1.5</td><td>&#x27;q&#x27;</td></tr></table><details><summary>as printed</summary>"
        "<pre>a &lt; b\n&lt;i&gt;more&lt;/i&gt;</pre></details></div>"
    )


def test_notebook_html_without_rows_or_columns():
    assert "<table><tr><th>n</th></tr></table>" in text.notebook_html("x", {"n": []})
    assert "<table></table>" in text.notebook_html("x", {})
