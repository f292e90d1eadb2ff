"""Writing a correlation of residuals: what is accepted, what is refused, text and TOML."""

import re

import pytest

from bayesmmm.equations import MMM, Equation, read_toml
from bayesmmm.errors import EquationError, LikelihoodError, PriorSupportError, SpecError, UnknownTermError
from bayesmmm.priors import Prior
from tests import worlds

WIDE = Prior("Uniform", lower=-0.9, upper=0.9)


def sales(rho, **kwargs):
    return Equation("sales", **({"media": ["tv", "search"]} | kwargs), rho=rho)


def test_a_number_is_assumed_and_a_prior_is_a_parameter():
    assumed, learned = sales({"search": 0.4}), sales({"search": WIDE})
    assert assumed.tied_to == learned.tied_to == "search"
    assert "rho" not in [p.name for p in assumed.parameters()]
    (parameter,) = [p for p in learned.parameters() if p.name == "rho"]
    assert (parameter.labels, parameter.priors) == (("search",), (WIDE,))
    assert sales({}).tied_to is None
    assert hash(assumed) != hash(learned)
    assert assumed != sales({"search": 0.3})


def test_a_linear_mediator_may_be_tied():
    assert sales({"search": 1 / 3}, media=["tv"], linear=["search"]).rho == {"search": 1 / 3}


@pytest.mark.parametrize(
    ("rho", "kwargs", "error", "advice"),
    [
        (0.4, {}, EquationError, 'rho={"search": 0.3}'),
        ({"search": 0.1, "tv": 0.1}, {}, EquationError, "Keep one of them"),
        ({"serch": 0.1}, {}, UnknownTermError, "did you mean 'search'?"),
        ({"price": 0.1}, {}, UnknownTermError, "Name a mediator among its causes: tv, search"),
        ({"search": 1.0}, {}, EquationError, "above -1 and below 1"),
        ({"search": float("nan")}, {}, EquationError, "above -1 and below 1"),
        ({"search": True}, {}, EquationError, "above -1 and below 1"),
        ({"search": "0.3"}, {}, EquationError, "above -1 and below 1"),
        ({"search": Prior("Normal", mu=0.0, sigma=0.3)}, {}, PriorSupportError, "lies between -1 and 1"),
        ({"search": 0.1}, {"likelihood": "student_t"}, LikelihoodError, "Use one of: normal, lognormal"),
        ({"search": 0.1}, {"likelihood": "censored_normal"}, LikelihoodError, "or leave rho out"),
    ],
)
def test_what_is_no_correlation_is_refused(rho, kwargs, error, advice):
    with pytest.raises(error, match=re.escape(advice)):
        sales(rho, **kwargs)


def test_the_mediator_must_have_an_equation_with_normal_residuals():
    with pytest.raises(UnknownTermError, match="no equation explains"):
        MMM([Equation("search", media=["tv"]), sales({"tv": 0.2})])
    for likelihood in ("censored_normal", "student_t"):
        with pytest.raises(LikelihoodError, match="normal, lognormal for 'search'"):
            MMM([Equation("search", media=["tv"], likelihood=likelihood), sales({"search": 0.2})])


@pytest.mark.parametrize(
    "value", [0.4, -1 / 3, WIDE, Prior("TruncatedNormal", mu=0.0, sigma=0.2, lower=-1, upper=1)]
)
def test_toml_round_trip(value):
    system = worlds.system("lognormal", "normal", rho={"search": value})
    assert read_toml(system.to_toml())[0] == system


def test_toml_refuses_a_prior_without_a_family():
    text = worlds.system("normal", "normal", rho={"search": WIDE}).to_toml().replace('family = "Uniform"\n', "")
    with pytest.raises(SpecError, match="names no family"):
        read_toml(text)


def test_the_text_says_what_is_assumed_and_what_is_learned():
    assumed = str(worlds.system("normal", "normal", rho={"search": 0.4}))
    learned = str(worlds.system("normal", "normal", rho={"search": WIDE}))
    assert "correlation of e[t] with the e[t] of search: 0.4, assumed" in assumed
    assert "correlation of e[t] with the e[t] of search: rho" in learned
    assert re.search(r"rho +Uniform\(lower=-0.9, upper=0.9\) +correlation; 90 % from -0.81 to 0.81", learned)
    assert "correlation" not in str(worlds.system("normal", "normal"))
