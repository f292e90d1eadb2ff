"""What is refused, and what the sentence says to do about it."""

import dataclasses
import inspect
import pickle
import typing
import warnings

import numpy as np
import pandas as pd
import pytest

from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import (
    AnswerError,
    BayesMMMError,
    ControlsWarning,
    ConvergenceError,
    MissingValueError,
    NeverSpentError,
    SettingError,
    UnknownTermError,
)
from bayesmmm.optimize import Constraints, Goal, Risk, Solver, Window, compare_plans, frontier, optimize_budget
from bayesmmm.optimize.arguments import BudgetKeywords, FrontierKeywords
from bayesmmm.optimize.problem import read_window
from tests import budgets, made
from tests.answer_cases import CASES, dates_of, fit_of, plan_of

CALL = {"total": 500.0, "periods": 4, "controls": {"price": 10.0}}


@pytest.fixture(scope="module")
def fit():
    return made.case_fit("chain")


def refused(fit, error, text, **arguments):
    with pytest.raises(error, match=text):
        optimize_budget(fit, **CALL | arguments)


# ----------------------------------------------------------------------------------------------------------- goals
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"objective": "sales"}, "objective='sales' must be one of outcome, profit, spend, roi"),
        ({"objective": "profit", "margin": 0.0}, "margin=0.0 must be a number above 0, as margin=2.0"),
        ({"objective": "profit", "margin": True}, "margin=True must be a number above 0"),
        ({"total": None, "target_roi": -1.0}, "target_roi=-1.0 must be a number above 0"),
        ({"total": None, "target_marginal_roi": np.inf}, "target_marginal_roi=inf must be a number above 0"),
        (
            {"total": None, "objective": "spend", "target": "much"},
            "target='much' must be a number, in units of the outc",
        ),
        ({"objective": "spend", "total": None}, "pass target="),
        ({"target": 10.0}, "leave it out, or pass objective='spend'"),
        ({"margin": 2.0}, "leave it out, or pass objective='profit'"),
        (
            {"total": None, "target_roi": 1.0, "target_marginal_roi": 1.0},
            "give one of target_roi= and target_marginal_r",
        ),
        ({"total": None, "objective": "profit", "target_roi": 1.0}, "go with objective='outcome'; leave them out"),
        ({"total": None}, "needs total=, the money of the window, or a target_roi="),
        ({"target_roi": 1.0}, r"pass total=\(low, high\) or leave it out"),
        ({"target_marginal_roi": 1.0, "total": 500}, r"a target for ROI decides about the total"),
        ({"objective": "spend", "target": 10.0}, r"'spend' decides about the total; pass total=\(low, high\)"),
        ({"objective": "roi", "total": (None, 90.0)}, r"needs a range of money"),
        ({"objective": "roi"}, r"needs a range of money, as total=\(50_000, 200_000\)"),
        ({"objective": "roi", "total": (1.0, 9.0), "risk": ("sd", 1.0)}, "leave risk='mean'"),
        *(
            ({"total": total}, "must be an amount of money above 0 for the whole window, or a pair")
            for total in (0.0, -5.0, True, np.nan, "all", (9.0, 1.0), (1.0, 2.0, 3.0), (-1.0, 5.0), (None, 0.0))
        ),
        *(
            ({"risk": risk}, r"must be 'mean', \('sd', 0.5\).*'quantile', 0.1\)")
            for risk in ("sd", ("worst", 0.1), ("sd", 0.1, 0.2), None, 0.1)
        ),
        ({"risk": ("sd", 0.0)}, "the number of 'sd' is above 0"),
        ({"risk": ("cvar", 1.0)}, "the number of 'cvar' is between 0 and 1"),
        ({"risk": ("quantile", "10%")}, "the number of 'quantile' is between 0 and 1"),
    ],
)
def test_goals(fit, arguments, text):
    refused(fit, SettingError, text, **arguments)


def test_profit_of_an_outcome_that_is_no_money_needs_its_worth():
    other = made.case_fit("censored outcome")
    refused(
        other,
        SettingError,
        "counted in contracts; say what a unit of it is worth with margin=",
        objective="profit",
    )


# ---------------------------------------------------------------------------------------------------------- window
def test_window(fit):
    plan, none = plan_of(fit, 4), {"periods": None, "controls": None}
    dates = dates_of(fit, 10, 14)
    refused(fit, SettingError, "nothing says which window to plan; give one of periods=13", **none)
    refused(fit, SettingError, "periods and plan says which window", plan=plan, controls=None)
    refused(fit, SettingError, "plan and start/stop says which", **none | {"plan": plan, "start": dates["start"]})
    refused(
        fit,
        SettingError,
        "controls= goes with periods=; with plan",
        **none | {"plan": plan, "controls": {"price": 1}},
    )
    refused(fit, SettingError, "controls= goes with periods=; with start/stop", **none | dates | {"controls": {}})
    for periods in (0, -3, 2.0, True, "13"):
        refused(fit, SettingError, "must be a whole number of at least 1, as periods=13", periods=periods)
    refused(fit, SettingError, "from 1 to 52.* write the current plan down and pass plan=", periods=53)


def test_controls(fit):
    def text(error, controls, match):
        refused(fit, error, match, controls=controls)

    text(
        SettingError,
        [1.0],
        r"controls is a list, and must be a mapping or a DataFrame, as controls=\{'price': 0.0\}",
    )
    text(UnknownTermError, {"prices": 1.0}, r"no control of the equations.*price.*Controls are: price")
    text(SettingError, {"price": "cheap"}, r"controls\['price'\] must be numbers, one per period of the window")
    text(
        SettingError,
        {"price": [1.0, 2.0]},
        r"shape \(2,\), and the window has the 4 periods .*; give one number, or one for each",
    )
    text(MissingValueError, {"price": np.nan}, "missing or infinite values; give a finite number")
    other = pd.Series(10.0, plan_of(fit, 6)["date"].iloc[2:])
    text(
        SettingError,
        {"price": other},
        "other dates than the window.*2023-12-31 to 2024-01-21; give a value for each",
    )


def test_controls_as_a_table_of_other_dates(fit):
    table = plan_of(fit, 6)[["date", "price"]].iloc[2:]
    refused(fit, SettingError, "other dates than the window", controls=table)


def test_controls_as_a_table_are_those_of_the_plan(fit):
    table = plan_of(fit, 4)[["date", "price"]]
    for controls in (table, table.set_index("date"), {"price": table["price"].to_numpy()}):
        plan = optimize_budget(fit, **CALL | {"controls": controls, "starts": 0})
        np.testing.assert_array_equal(plan.frame["price"], table["price"])
        assert plan.attrs["controls"] == "as given"


# ---------------------------------------------------------------------------------------------- channels, mediators
def test_channels(fit):
    refused(fit, SettingError, r"must be a list of channels, as channels=\['tv'\]", channels="tv")
    refused(fit, SettingError, "must be a list of channels", channels=[])
    refused(fit, SettingError, r"'shop' is a mediator.*pass mediators=\{'shop': 'decide'\}", channels=["shop"])
    refused(
        fit, UnknownTermError, r"no equation has the channel 'tvs'.*tv.*Channels are: tv, social", channels=["tvs"]
    )
    refused(fit, UnknownTermError, "no equation has the channel 'price'", channels=["price"])
    unseen = dataclasses.replace(fit.scales, spend={**fit.scales.spend, "tv": np.array([np.nan])})
    never = dataclasses.replace(fit, scales=unseen)
    never = never.with_convergence(fit.convergence)
    refused(never, NeverSpentError, "'tv' was never spent.*leave it out of the plan, or run a test and fit again")


def test_mediators(fit):
    refused(fit, SettingError, "mediators='free' must be one of respond, fixed, decide", mediators="free")
    refused(fit, SettingError, "must be one of .* or a mapping from mediators to these", mediators=["shop"])
    refused(
        fit,
        UnknownTermError,
        "'shops', which is no mediator.*shop.*Mediators are: queries, shop",
        mediators={"shops": "fixed"},
    )
    refused(fit, SettingError, r"mediators\['shop'\]='free' must be one of respond", mediators={"shop": "free"})
    refused(
        fit, SettingError, "counted in queries, not in money.*let it 'respond'", mediators={"queries": "decide"}
    )
    linear = made.case_fit("censored mediator, linear")
    refused(
        linear, SettingError, "acts linearly, without saturation.*let it 'respond'", mediators={"search": "decide"}
    )


def test_a_system_without_channels():
    system = MMM([Equation("search", linear=["price"]), Equation("sales", media=["search"], linear=["price"])])
    fit = made.made_fit(system, made.made_data(system, made.frame()), draws=4)
    refused(fit, AnswerError, r"to plan a mediator, pass mediators=\{'search': 'decide'\}")
    alone = optimize_budget(fit, **CALL | {"mediators": "decide"})
    assert alone.spend["channel"].values.tolist() == ["search"]
    assert float(alone.spend.sum()) == pytest.approx(500.0, rel=1e-6)
    beside = compare_plans(fit, {"now": "current", "best": alone})
    assert beside.answers["channel"].values.tolist() == ["search"]


# ---------------------------------------------------------------------------------------------------------- limits
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"flighting": "even"}, "flighting='even' must be 'flat'.*'historical'.*or 'free'"),
        ({"bounds": {"tv": 5.0}}, r"bounds\['tv'\]=5.0 must be a pair \(low, high\), as \(10_000, 50_000\)"),
        ({"bounds": "80%"}, "must be a pair"),
        ({"bounds": {"tv": (-1.0, 5.0)}}, "is below zero; spend is zero or more"),
        ({"bounds": {"tv": (9.0, 5.0)}}, r"low side above its high side \(9 > 5\)"),
        (
            {"bounds": {"tv": ("some%", None)}},
            "must be a number of money, or text in per cent of the current plan, as '120%'",
        ),
        ({"bounds": {"tv": (True, None)}}, "bounds.* has True, which must be a number of money"),
        (
            {"period_bounds": {"tv": (np.nan, 1.0)}},
            r"period_bounds\['tv'\]=.* has nan, which must be a number of money",
        ),
        ({"change": 0.0}, r"change=0.0 must be a number above 0, as 0.3 for at most 30 % more or less"),
        ({"change": {"tv": "30%"}}, "must be a number above 0"),
        ({"minimum": {"tv": -5.0}}, "must be a number above 0, as 20_000 for nothing or at least 20,000"),
        ({"groups": [("tv", "social")]}, r"groups is a list, and must be a mapping, as groups=\{'social'"),
        ({"groups": {"all": ("tv", (0, 5))}}, r"groups\['all'\].* must be channels and a range"),
        ({"groups": {"all": (["tv"], 5.0)}}, "must be a pair"),
        ({"groups": {"all": ([], (0, 5.0))}}, r"groups\['all'\]=.* has no channels; name some"),
        ({"linear": [({"tv": 0.0}, (None, 5.0))]}, r"linear\[0\]=.* weighs no channel; write it as"),
        ({"linear": [({"tv": 1.0}, 5.0)]}, r"linear\[0\]=5.0 must be a pair"),
        (
            {"linear": [{"tv": 1.0}]},
            r"linear\[0\].* must be coefficients and a range, as \(\{'tv': 1, 'radio': -2\}",
        ),
        ({"linear": [({"tv": "1"}, (None, 0))]}, "which is no number; write it as"),
        ({"linear": [({"tv": 1.0}, ("80%", None))]}, "must be a number of money, or None"),
    ],
)
def test_limits(fit, arguments, text):
    refused(fit, SettingError, text, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"bounds": {"tvv": (0, 5)}},
        {"period_bounds": {"tvv": (0, 5)}},
        {"change": {"tvv": 0.3}},
        {"minimum": {"tvv": 5.0}},
        {"groups": {"all": (["social", "tvv"], (0, 5))}},
        {"linear": [({"tvv": 1.0}, (None, 0))]},
    ],
)
def test_limits_on_channels_that_are_not_there(fit, arguments):
    (where,) = arguments
    refused(
        fit,
        UnknownTermError,
        f"{where}.* names 'tvv', which is no channel.*tv.*decides about: tv, social",
        **arguments,
    )


def test_a_profile_with_pauses_cannot_spend_in_every_period(fit):
    plan = plan_of(fit, 4)
    plan.loc[1, "tv"] = 0.0
    call = {"plan": plan, "periods": None, "controls": None, "period_bounds": {"tv": (5.0, None)}}
    refused(
        fit,
        SettingError,
        "periods without any spend; use flighting='flat' or 'free'",
        flighting="historical",
        **call,
    )
    spend = optimize_budget(fit, **CALL | call).spend.sel(channel="tv")
    assert float(spend.min()) >= 5.0 * (1 - 1e-9)


def test_settings_shared_with_other_answers(fit):
    refused(fit, SettingError, "draws=1 must be a whole number from 2", draws=1)
    refused(fit, SettingError, "paths=0 must be a whole number from 1 to 10000", paths=0)
    refused(fit, SettingError, "seed=-1 must be a whole number from 0", seed=-1)
    for starts in (-1, 2.0, True):
        refused(fit, SettingError, "must be a whole number of at least 0, as starts=4", starts=starts)
    failed = made.case_fit("chain", verdict="failed")
    refused(failed, ConvergenceError, "ask fit.accept_unconverged\\(\\) in place of fit")
    plan = optimize_budget(failed.accept_unconverged(), **CALL, starts=0)
    assert plan.attrs["verdict"] == "failed"


# --------------------------------------------------------------------------------------------------------- records
RECORDS = {"goal": Goal, "window": Window, "constraints": Constraints, "solver": Solver}


def test_keywords_are_the_fields_of_the_records():
    """What type checkers are told is what the records hold, each field in one of them."""
    hints = {name: typing.get_type_hints(kind) for name, kind in RECORDS.items()}
    every = [f.name for kind in RECORDS.values() for f in dataclasses.fields(kind)]
    assert len(every) == len(set(every))
    told = typing.get_type_hints(BudgetKeywords)
    assert set(told) | {"total", "periods"} == set(every)
    for name, kind in told.items():
        (home,) = (known for known in hints.values() if name in known)
        assert home[name] == (kind | Risk if name == "risk" else kind), name
    theirs = {f.name for kind in (Window, Constraints, Solver) for f in dataclasses.fields(kind)}
    assert set(typing.get_type_hints(FrontierKeywords)) | {"periods"} == theirs


@pytest.mark.parametrize("function", [optimize_budget, frontier])
def test_few_arguments_are_named(function):
    parameters = inspect.signature(function).parameters
    assert len(parameters) <= 8
    assert not {"total", "totals", "periods"}.isdisjoint(parameters)


def test_records_and_short_keywords_say_the_same(fit):
    price = {"price": 10.0}
    limits = {"bounds": {"tv": (None, "90%")}, "flighting": "historical"}
    short = optimize_budget(fit, total=500.0, periods=4, controls=price, risk=("sd", 0.5), starts=1, **limits)
    for records in (
        {
            "goal": Goal(total=500.0, risk=("sd", 0.5)),
            "window": Window(4, controls=price),
            "constraints": Constraints(**limits),
            "solver": Solver(starts=1),
        },
        {"total": 500.0, "goal": Goal(risk=Risk("sd", 0.5)), "window": Window(controls=price), "periods": 4}
        | {"constraints": Constraints(bounds=limits["bounds"]), "flighting": "historical", "starts": 1},
    ):
        plan = optimize_budget(fit, **records)
        np.testing.assert_array_equal(plan.spend, short.spend)
        assert plan.solution.objective == short.solution.objective


def test_records_print_what_was_said():
    assert repr(Goal()) == "Goal()"
    assert repr(Goal(total=5.0, risk="mean")) == "Goal(total=5.0)"
    assert repr(Solver(seed=3)) == "Solver(seed=3)"
    assert repr(Constraints(change=0.3)) == "Constraints(change=0.3)"
    assert repr(Window(start="2024-01-07")) == "Window(start='2024-01-07')"
    solver = Solver()
    with pytest.raises(dataclasses.FrozenInstanceError):
        solver.seed = 3
    with pytest.raises(SettingError, match="objective='sales' must be one of"):
        Goal("sales")


def test_misspelt_and_doubled_arguments(fit):
    refused(
        fit, SettingError, r"optimize_budget has no argument 'bound' \(did you mean 'bounds'\?\)", bound=(0, 5)
    )
    refused(fit, SettingError, r"It takes: goal, window, constraints, solver, objective, total", anything=1)
    refused(fit, SettingError, "total=500.0 is given twice: goal= has it as well", goal=Goal(total=500.0))
    refused(fit, SettingError, "periods=4 is given twice: window=", window=Window(4))
    refused(fit, SettingError, "draws=6 is given twice: solver=", solver=Solver(draws=8), draws=6)
    refused(fit, SettingError, r"goal='profit' must be a Goal, as goal=mm.Goal\(...\)", goal="profit")
    refused(fit, SettingError, r"solver=<class .* must be a Solver", solver=Solver)
    with pytest.raises(SettingError, match=r"frontier has no argument 'total' \(did you mean 'totals'\?\)"):
        frontier(fit, periods=4, total=5.0)


def test_errors_and_warnings_carry_the_argument_and_its_value(fit):
    for arguments, name, value in (
        ({"total": -5.0}, "total", -5.0),
        ({"target": 10.0}, "target", 10.0),
        ({"bounds": {"tv": (9.0, 5.0)}}, "bounds", (9.0, 5.0)),
        ({"channels": ["tvs"]}, "channels", ["tvs"]),
        ({"minimum": {"tvs": 5.0}}, "minimum", "tvs"),
        ({"controls": {"price": np.inf}}, "controls", np.inf),
        ({"seeds": 1}, "seeds", 1),
    ):
        with pytest.raises(BayesMMMError) as caught:
            optimize_budget(fit, **CALL | arguments)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (again.argument, again.value, str(again)) == (name, value, str(caught.value))
    with pytest.warns(ControlsWarning) as told:
        read_window(fit, Window(periods=4))
    assert told[0].message.argument == "controls"


def test_totals_of_a_frontier(fit):
    for totals in ([], [0.0, 5.0], [[1.0]], ["many"], 5.0, [np.nan]):
        with pytest.raises(SettingError, match=r"must be amounts of money above 0, as totals=\[50_000, 100_000\]"):
            frontier(fit, totals=totals, periods=4, controls={"price": 10.0})
    plan = plan_of(fit, 4).assign(tv=0.0, social=0.0)
    with pytest.raises(AnswerError, match=r"totals must be given: totals=\[50_000, 100_000\]"):
        frontier(fit, plan=plan)


# ------------------------------------------------------------------------------------------------- controls unknown
@pytest.mark.parametrize("name", CASES)
def test_controls_are_asked_for_exactly_where_the_answer_depends_on_them(name):
    fit = fit_of(name)
    controls = [n for n in fit.system.exogenous if n in fit.data.controls]
    matter = [n for n in controls if _matters(fit, n, controls)]
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        read_window(fit, Window(periods=4))
    given = [w for w in given if issubclass(w.category, ControlsWarning)]
    assert len(given) == (1 if matter else 0)
    if matter:
        text = str(given[0].message)
        assert text.startswith(f"the best plan depends on {', '.join(matter)} in the window")
        assert f"controls={{{matter[0]!r}: value or 4 values}}" in text


def _matters(fit, name, controls):
    """Whether what a plan gains differs with the level of a control."""
    gains = []
    for level in (-0.5, 0.5):
        known = {n: fit.scales.center[n] for n in controls}
        known[name] += level * fit.scales.spread[name]
        problem = budgets.problem_of(fit, periods=4, controls=known, draws=4)
        objective = budgets.objective_of(problem)
        gains.append(objective.gains(budgets.some_plan(objective)))
    return np.abs(gains[1] - gains[0]).max() > 1e-9 * np.abs(gains[0]).max()


def test_the_warning_is_given_by_the_optimiser_and_silenced_by_an_answer():
    fit = made.case_fit("chain", draws=4)
    call = {"total": 300.0, "periods": 4, "starts": 0}
    with pytest.warns(ControlsWarning, match="say what to expect with controls=") as given:
        repeated = optimize_budget(fit, **call)
    assert given[0].filename == __file__
    assert repeated.attrs["controls"] == "last 4 periods repeated: price"
    np.testing.assert_array_equal(repeated.frame["price"], fit.data.columns["price"][0, -4:])
    assert optimize_budget(fit, **call, controls={"price": 9.5}).attrs["controls"] == "as given"
    with pytest.warns(ControlsWarning, match=r"controls=\{'price': value\}") as given:
        one = optimize_budget(fit, **call | {"periods": 1})
    assert "last period repeated: price" in str(given[0].message)
    assert one.attrs["controls"] == "last period repeated: price"
    with pytest.warns(ControlsWarning):
        frontier(fit, totals=[300.0], periods=4, starts=0)
