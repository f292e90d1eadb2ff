"""Every remedy of every check is code that the system and its data accept."""

import ast
import inspect
import re
import typing
from dataclasses import replace

import pytest

import bayesmmm as mm
from bayesmmm.diagnostics import Threshold, advice, audit, check, diagnose
from bayesmmm.equations import LIKELIHOODS, MMM, Equation, check_system
from bayesmmm.priors import Prior
from tests import made

CASES = (
    "retention and roi",
    "chain",
    "censored, then lognormal",
    "daily, knots, two seasons",
    "linear mediator",
    "student_t mediator",
)


@pytest.fixture
def alarmed(monkeypatch):
    """All checks are made to fail, so that every remedy is said."""
    monkeypatch.setattr(Threshold, "judge", lambda self, value: "fail")
    monkeypatch.setattr(check, "FALSE_ALARMS", 1e6)


def calls(text: str) -> list[str]:
    """Code of every call of something in mm that stands in a text, from mm to its closing bracket."""
    found, taken = [], 0
    for match in re.finditer(r"\bmm(?:\.\w+)+", text):
        if match.start() < taken:
            continue  # inside the last one
        assert text[match.end()] == "(", text
        depth, taken = 1, match.end() + 1
        while depth:
            depth += {"(": 1, ")": -1}.get(text[taken], 0)
            taken += 1
        found.append(text[match.start() : taken])
    return found


def try_equation(node: ast.Call, system: MMM, data) -> None:
    """Make the change of ``mm.Equation(name, ..., argument=value)`` in its equation, and check the whole system."""
    given = {k.arg: k.value for k in node.keywords}
    # Columns that are yet to be found, as linear=['demand'], are not in the data.
    changed = {
        name: eval(compile(ast.Expression(value), "remedy", "eval"), {"mm": mm})
        for name, value in given.items()
        if name not in ("linear", "media")
    }
    if not changed:
        return
    equation = system.equation(ast.literal_eval(node.args[0]))
    if "priors" in changed:
        merged = dict(equation.priors)
        for name, value in changed["priors"].items():
            whole = isinstance(value, Prior) or isinstance(merged.get(name), Prior)
            merged[name] = value if whole else {**merged.get(name, {}), **value}
        changed["priors"] = merged
    other = replace(equation, **changed)
    check_system(MMM([other if e.name == other.name else e for e in system.equations]), data)


def argument_names(function) -> set[str]:
    """Names that a function takes, those of ``**short: Unpack[...]`` included."""
    parameters = inspect.signature(function).parameters
    unpacked = [typing.get_args(p.annotation) for p in parameters.values() if p.kind is p.VAR_KEYWORD]
    return set(parameters).union(*(kind.__annotations__ for kinds in unpacked for kind in kinds))


def try_call(code: str, system: MMM, data) -> None:
    node = ast.parse(code, mode="eval").body
    for name in re.findall(r"mm(?:\.\w+)+", code):
        assert eval(name, {"mm": mm}), code  # calls inside the outer one exist, too
    function = eval(compile(ast.Expression(node.func), "remedy", "eval"), {"mm": mm})
    if function is mm.Equation and isinstance(node.args[0], ast.Constant) and node.args[0].value is not Ellipsis:
        try_equation(node, system, data)
        return
    if any(isinstance(a, ast.Constant) and a.value is Ellipsis for a in node.args):
        named = {k.arg for k in node.keywords}
        assert named <= argument_names(function), code
        return
    inspect.signature(function).bind(*node.args, **{k.arg: k.value for k in node.keywords})


def said(found) -> list[str]:
    assert len(found.raised) == len(found.checks)
    return [code for check in found.checks for remedy in check.remedies for code in calls(remedy)]


@pytest.mark.parametrize("name", CASES)
def test_remedies_of_a_diagnosis_can_be_made(alarmed, name):
    fit = made.case_fit(name, draws=80, verdict=None)  # few draws leave checks of fit unknown
    codes = said(diagnose(fit))
    assert len(codes) > 20
    for code in codes:
        try_call(code, fit.system, fit.data)


@pytest.mark.parametrize("name", CASES)
def test_remedies_of_an_audit_can_be_made(alarmed, name):
    system, data = made.case(name)
    for code in said(audit(data, system)):
        try_call(code, system, data)


def test_a_remedy_that_is_refused_would_be_found():
    """Negative control of the tests above."""
    system, data = made.case("censored, then lognormal")
    with pytest.raises(mm.errors.PriorError):
        try_call(
            "mm.Equation('sales', ..., priors={'roi': {'tv': mm.Prior('HalfNormal', sigma=1.0)}})", system, data
        )
    with pytest.raises(mm.errors.LikelihoodError):
        try_call("mm.Equation('sales', ..., rho={'search': 0.2})", system, data)
    with pytest.raises(TypeError):
        try_call("mm.fit(system, data, drawz=3)", system, data)
    with pytest.raises(AssertionError):
        try_call("mm.optimize_budget(fit, ..., chance=0.2)", system, data)
    with pytest.raises(AttributeError):
        try_call("mm.plots.leftovers(fit)", system, data)


def test_a_prior_is_written_under_the_name_that_the_equation_has_for_it():
    prior = Prior("Beta", alpha=2, beta=2)
    equation = Equation("sales", media=["tv", "radio"], trend=True, priors={"retention": {"tv": prior}})
    assert "'retention': {'tv': mm.Prior('Beta'" in advice.prior_on(equation, "half_life", "tv")
    assert "'half_life': {'radio': mm.Prior('LogNormal'" in advice.prior_on(equation, "half_life", "radio")
    assert "'trend': {'trend': mm.Prior('Normal'" in advice.prior_on(equation, "coefficient", "trend")


def test_a_return_is_not_asked_of_what_has_none():
    system, data = made.case("one mediator")
    sales = system.equation("sales")
    assert "'roi': {'tv'" in advice.prior_on_return(sales, "tv", data)
    assert "'contribution': {'queries'" in advice.prior_on_return(sales, "queries", data)  # not money
    known = replace(sales, priors={"contribution": Prior("HalfNormal", sigma=0.2)})
    assert "'contribution': {'tv'" in advice.prior_on_return(known, "tv", data)


def test_other_likelihoods_are_offered_where_they_are_possible():
    wanted = dict.fromkeys(LIKELIHOODS.values(), "why")

    def offered(case, name):
        return [
            re.search("likelihood='(.*)'", remedy)[1]
            for remedy in advice.likelihoods(*made.case(case), name, wanted)
        ]

    assert offered("one mediator", "sales") == ["student_t", "lognormal", "censored_normal"]
    assert offered("censored mediator", "search") == []  # no other one knows what a zero is
    assert "lognormal" not in offered("negative mediator", "visits")  # it has negative values
    # A return is refused under these.
    assert not {"lognormal", "censored_normal"} & set(offered("retention and roi", "sales"))
