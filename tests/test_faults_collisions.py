"""Names that collide with ours are refused before sampling; what has no order, or can be read in two ways, too."""

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.cli import arguments
from bayesmmm.cli.planning import _for_all, _members
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier
from bayesmmm.errors import EquationError, RoleError, SettingError
from tests.made import case_fit, frame


def read(renamed, *, media=("tv", "radio"), controls=("price",)):
    table = frame(1).rename(columns=renamed)
    new = [renamed.get(name, name) for name in media]
    return MMMData.from_frame(
        table, date="date", outcome="sales", media=new, controls=[renamed.get(name, name) for name in controls]
    )


# --------------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize("column", ["tv", "price"])
@pytest.mark.parametrize("name", ["intercept", "trend", "seasonality", "residual", "all media", "channel", "draw"])
def test_names_that_results_use_are_refused_when_data_are_read(column, name):
    with pytest.raises(
        RoleError, match=rf"column '{name}' \(\w+\) has a name that the results use .*; rename the column"
    ):
        read({column: name})
    assert f"{name}s" in read({column: f"{name}s"}).columns


@pytest.mark.parametrize(
    ("one", "other"),
    [("a b", "a_b"), ("TV", "tv"), ("tv ", "tv"), ("a+b", "a?b"), ("café", "cafe\u0301"), ("①", "1")],
)
def test_names_that_share_the_name_of_a_file_are_refused(one, other):
    with pytest.raises(RoleError, match=r"differ only in capitals, blanks or signs, .*; rename one of the two"):
        read({"tv": one, "radio": other})
    with pytest.raises(RoleError, match="rename one of the two"):
        read({"tv": one, "price": other})


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "a\tb", "a\u00a0b", "a\u2028b", "a\x1bb", "\u200bab"])
def test_characters_that_cannot_be_printed_are_refused_and_the_remedy_works(name):
    with pytest.raises(RoleError, match="holds a character that cannot be printed") as error:
        read({"tv": name})
    remedy = str(error.value).rpartition("for example to ")[2].strip("'")
    assert remedy.isprintable()
    assert remedy in read({"tv": remedy}).columns


@pytest.mark.parametrize("name", ["", " ", "\u3000"])
def test_a_blank_is_no_name(name):
    with pytest.raises(RoleError, match="a column name is text"):
        read({"tv": name})


@pytest.mark.parametrize("name", ["tv via search", "search organic", "common with search"])
def test_parts_of_a_decomposition_keep_their_names(name):
    search = Equation("search", media=["tv"])
    with pytest.raises(
        EquationError, match=f"column '{name}' has the name of a part of what 'search' brings"
    ) as error:
        MMM([search, Equation("sales", media=["search", name])])
    remedy = str(error.value).rpartition("for example to ")[2].strip("'.")
    assert MMM([search, Equation("sales", media=["search", remedy])]).outcome == "sales"


def test_parts_of_random_systems_have_names_of_their_own():
    from tests.made import made_fit, random_system

    for seed in range(8):
        fit = made_fit(*random_system(seed), draws=2)
        for name in fit.system.order:
            parts = mm.decompose(fit, equation=name)["component"].values.tolist()
            assert len(parts) == len(set(parts))


# ---------------------------------------------------------------------------------------------- what has no order
def test_sets_of_channels_are_refused_with_the_list_to_write():
    fit = case_fit("no mediator")
    pair = {"tv", "social"}
    for ask, name in [
        (lambda: mm.roi(fit, channels=pair), "channels"),
        (lambda: mm.effects(fit, channels=frozenset(pair)), "channels"),
        (lambda: mm.effects(fit, groups={"two": pair}), "groups"),
        (lambda: mm.response_curves(fit, channels=pair), "channels"),
        (lambda: mm.optimize_budget(fit, total=500.0, periods=4, channels=pair), "channels"),
        (lambda: mm.optimize_budget(fit, total=500.0, periods=4, groups={"two": (pair, (0, 100))}), "groups"),
    ]:
        with pytest.raises(SettingError, match=rf"{name}.* is a set, which has no order; .*=\['social', 'tv'\]"):
            ask()


def test_sets_of_columns_and_equations_are_refused():
    with pytest.raises(RoleError, match=r"media=.* is a set, .* write a list, as media=\['radio', 'tv'\]"):
        MMMData.from_frame(frame(1), date="date", outcome="sales", media={"tv", "radio"})
    with pytest.raises(EquationError, match=r"media = .* Give a list of column names"):
        Equation("sales", media={"tv", "radio"})
    with pytest.raises(EquationError, match="is a set, which has no order"):
        MMM({Equation("search", media=["tv"]), Equation("sales", media=["tv", "search"])})


# --------------------------------------------------------------------------------------------- text is no number
@pytest.mark.parametrize(
    "value",
    ["10", ["10", "11", "12", "13"], np.array(["10"] * 4), [b"1", 2, 3, 4], pd.Timestamp(0).to_datetime64()],
)
def test_text_is_no_value_of_a_control(value):
    with pytest.raises(SettingError, match=r"controls\['price'\] must be numbers, .* is no number"):
        mm.optimize_budget(case_fit("no mediator"), total=500.0, periods=4, controls={"price": value})
    with pytest.raises(SettingError, match=r"do\['price'\] must be numbers"):
        mm.what_if(case_fit("no mediator"), do={"price": value})


def test_text_is_no_factor():
    with pytest.raises(SettingError, match=r"factors=\['1', '2'\] must be numbers"):
        mm.response_curves(case_fit("no mediator"), factors=["1", "2"])


# ------------------------------------------------------------------------------------------------- the command line
def test_all_is_ambiguous_where_a_channel_is_called_so():
    assert _for_all({"ALL": 1, "tv": 2}, ["tv", "radio"], "--bounds") == {"tv": 2, "radio": 1}
    with pytest.raises(SettingError, match=r"--bounds ALL can be read in two ways, .* mm.optimize_budget"):
        _for_all({"ALL": 1}, ["ALL", "radio"], "--bounds")


@pytest.mark.parametrize(
    ("text", "names", "members"),
    [
        ("g=a+b:0:5", ["a", "b"], ["a", "b"]),
        ("g=a+b:0:5", ["a+b", "c"], ["a+b"]),
        ("g=a+b+c:0:5", ["a", "b+c"], ["a", "b+c"]),
        ("g=a+b+c:0:5", ["a+b", "c", "b"], ["a+b", "c"]),
        ("g=a+nobody:0:5", ["a", "b"], ["a", "nobody"]),
    ],
)
def test_a_plus_may_stand_in_the_name_of_a_member(text, names, members):
    label, (parts, _) = arguments.group(text)
    assert _members(label, parts, names) == members


def test_a_plus_that_can_be_read_in_two_ways_is_refused():
    with pytest.raises(
        SettingError, match=r"--group g can be read in two ways: as a and b, and as a\+b; .* groups="
    ):
        _members("g", ["a", "b"], ["a", "b", "a+b"])


def test_a_season_has_no_term_twice():
    with pytest.raises(EquationError, match="two linear terms called 'sin1@7'"):
        Equation("sales", seasonality=[Fourier(period=7, order=1)] * 2)
