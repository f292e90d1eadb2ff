"""Whatever a file or an argument holds, nothing escapes but our own exceptions.

Examples are drawn by hypothesis, the same every time: few by default, many when marked slow.
"""

import argparse
import os
import warnings
from dataclasses import fields

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bayesmmm as mm
from bayesmmm.cli import arguments
from bayesmmm.data import MMMData, next_dates, read_plan
from bayesmmm.data.table_files import read_csv
from bayesmmm.equations import read_toml
from bayesmmm.errors import BayesMMMError, DataError, EquationError, MissingFileError, SettingError, SpecError
from bayesmmm.optimize import Constraints, Goal, Solver, Window
from tests.made import case, case_fit

QUICK = settings(
    max_examples=40, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(QUICK, max_examples=3000)
#: Cells and words that files are known to hold.
ODD = [
    "",
    "0",
    "1",
    "-1",
    "1e308",
    "1e400",
    "nan",
    "NA",
    "1,5",
    '"',
    "\n",
    "2022-01-02",
    "\ufeff",
    "\0",
    "x" * 200_000,
]
CELLS = st.one_of(st.sampled_from(ODD), st.text(max_size=8), st.floats().map(str), st.dates().map(str))
SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=2)),
    st.sampled_from([10**400, "50%", "inf%"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from(["tv", "radio", "price", "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def only_ours(call, *args, ours=BayesMMMError, **kwargs):
    """Call, and let nothing escape but the exceptions that the package raises on purpose."""
    said = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call(*args, **kwargs)
        except ours as error:
            said = str(error)
    assert said is None or 0 < len(said) < 5000


# ------------------------------------------------------------------------------------------------------------- CSV
def csv_text(draw):
    rows = draw(st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=12))
    head = draw(
        st.sampled_from(["date,sales,tv", "\ufeff\ufeffdate,sales,tv", "date;sales;tv", "", "date,sales,tv,tv"])
    )
    return "\n".join([head, *(",".join(row) for row in rows)])


def csv_does_not_escape(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "data.csv"
    if data.draw(st.booleans()):
        path.write_bytes(csv_text(data.draw).encode("utf-8", "surrogatepass"))
    else:
        path.write_bytes(data.draw(st.binary(max_size=60)))
    only_ours(MMMData.from_csv, path, date="date", outcome="sales", media=["tv"])


@QUICK
@given(data=st.data())
def test_csv(data, tmp_path_factory):
    csv_does_not_escape(data, tmp_path_factory)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_csv_at_length(data, tmp_path_factory):
    csv_does_not_escape(data, tmp_path_factory)


# ----------------------------------------------------------------------------------------------------- raw exports
EXPORT = st.one_of(
    st.sampled_from([*ODD, "5%", "$3", "<5", "--", "Total", "2026-03-02", "03/04/2026", "9999-12-31", "2026-W10"]),
    CELLS,
)
HOW = [
    "columns",
    "date",
    "how",
    "where",
    "pivot",
    "rules",
    "date_format",
    "decimal",
    "missing",
    "fill",
    "start",
    "rates",
]


def export_does_not_escape(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "export.csv"
    lines = data.draw(st.lists(st.lists(EXPORT, min_size=1, max_size=3).map(",".join), max_size=8))
    head = data.draw(st.sampled_from(["Day,Cost", "Week;Cost", "Campaign,Day,Cost", "", "Day,Cost,Cost"]))
    path.write_bytes("\n".join([head, *lines]).encode("utf-8", "surrogatepass"))
    how = {"columns": ["Cost"]} | data.draw(st.dictionaries(st.sampled_from(HOW), VALUES, max_size=1))
    only_ours(mm.prepare.tidy, path, **how)


@QUICK
@given(data=st.data())
def test_exports(data, tmp_path_factory):
    export_does_not_escape(data, tmp_path_factory)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_exports_at_length(data, tmp_path_factory):
    export_does_not_escape(data, tmp_path_factory)


# ------------------------------------------------------------------------------------------------------------ TOML
TOML = """\
[data]
date = "date"
outcome = "sales"
media = ["tv"]
[[equation]]
name = "sales"
media = ["tv"]
max_lag = 4
trend = ["2022-03-01"]
[[equation.seasonality]]
period = 365.25
order = 2
[equation.priors.slope]
family = "LogNormal"
mu = 0.0
sigma = 0.3
[equation.priors.half_life.tv]
family = "Gamma"
alpha = 2.0
beta = 0.3
"""
TOKENS = st.sampled_from(
    [
        *(
            '"tv"',
            "[]",
            "{}",
            "1",
            "-1",
            "1e400",
            "nan",
            "inf",
            "true",
            "1979-05-27",
            "07:32:00",
            '"self"',
            '"""',
            "=",
        ),
        *("{family=1}", "{self=1, family='Normal'}", "[[1]]", "['a','a']", "family", "self"),
        *("0x" + "F" * 5000, "9" * 5000, "[" * 3000 + "]" * 3000),
    ]
)
KEYS = st.sampled_from(["family ", "self ", "mu ", "name ", "tv ", '"" '])


def toml_does_not_escape(data):
    lines = TOML.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(lines) - 1))
        how = data.draw(st.sampled_from(["value", "key", "drop", "twice", "text"]))
        key, equals, _ = lines[i].partition("=")
        if how == "value" and equals:
            lines[i] = f"{key}= {data.draw(TOKENS)}"
        elif how == "key" and equals:
            lines[i] = lines[i].replace(key, data.draw(KEYS), 1)
        elif how == "drop" and len(lines) > 1:
            del lines[i]
        elif how == "twice":
            lines.insert(i, lines[i])
        else:
            lines.insert(i, data.draw(st.text(max_size=10)))
    only_ours(read_toml, "\n".join(lines) + "\n")


@QUICK
@given(data=st.data())
def test_toml(data):
    toml_does_not_escape(data)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_toml_at_length(data):
    toml_does_not_escape(data)


# ----------------------------------------------------------------------------------------------- plans and bounds
def plan_does_not_escape(data):
    system, known = case("no mediator")
    dates = next_dates(known, 4)
    plan = pd.DataFrame({name: known.columns[name][0, -4:] for name in system.exogenous}).astype(object)
    plan.insert(0, "date", pd.Series(dates.strftime("%Y-%m-%d"), dtype=object))
    for _ in range(data.draw(st.integers(1, 3))):
        row, column = data.draw(st.integers(0, 3)), data.draw(st.integers(0, len(plan.columns) - 1))
        plan.iat[row, column] = data.draw(
            st.one_of(SCALARS, CELLS, st.datetimes(), st.lists(st.integers(), max_size=2))
        )
    if data.draw(st.booleans()):
        plan = plan.rename(columns={data.draw(st.sampled_from(list(plan.columns))): data.draw(SCALARS)})
    only_ours(read_plan, known, plan, needed=system.exogenous)


ARGUMENTS = {kind: [field.name for field in fields(kind)] for kind in (Constraints, Goal, Window, Solver)}
OPTIONS = [
    "bounds",
    "group",
    "change",
    "total",
    "risk",
    "control",
    "minimum",
    "mediator",
    "count",
    "seed",
    "probability",
]
TEXTS = st.one_of(
    st.text(max_size=12), st.sampled_from(["tv=1:2", "g=a+b:0:5", "=", "tv=1e400:", "0.1%", "9" * 5000])
)


def bounds_do_not_escape(data):
    kind = data.draw(st.sampled_from(sorted(ARGUMENTS, key=str)))
    only_ours(kind, **{data.draw(st.sampled_from(ARGUMENTS[kind])): data.draw(VALUES)})
    read = getattr(arguments, data.draw(st.sampled_from(OPTIONS)))
    only_ours(read, data.draw(TEXTS), ours=argparse.ArgumentTypeError)


def answers_do_not_escape(data):
    fit = case_fit("one term")
    only_ours(mm.what_if, fit, do=data.draw(VALUES), scale=data.draw(VALUES))
    only_ours(mm.roi, fit, channels=data.draw(VALUES), start=data.draw(SCALARS), paths=data.draw(SCALARS))
    only_ours(mm.effects, fit, groups=data.draw(VALUES), window=data.draw(SCALARS), seed=data.draw(SCALARS))
    only_ours(mm.response_curves, fit, factors=data.draw(VALUES))
    only_ours(fit.summary, data.draw(SCALARS))
    only_ours(fit.thin, data.draw(SCALARS))


CHECKS = [plan_does_not_escape, bounds_do_not_escape, answers_do_not_escape]


@pytest.mark.parametrize("check", CHECKS)
@QUICK
@given(data=st.data())
def test_plans_bounds_and_answers(check, data):
    check(data)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@LONG
@given(data=st.data())
def test_plans_bounds_and_answers_at_length(check, data):
    check(data)


# ---------------------------------------------------------------------------------------- cases that were found once
ROLES = {"date": "date", "outcome": "sales", "media": ["tv"]}


def test_two_byte_order_marks_are_no_part_of_a_name(tmp_path):
    table = case("one term")[1].to_frame()
    path = tmp_path / "data.csv"
    path.write_bytes(b"\xef\xbb\xbf\xef\xbb\xbf" + table.to_csv(index=False).encode())
    assert MMMData.from_csv(path, **ROLES) == MMMData.from_frame(table, **ROLES)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, ""])
def test_paths_that_no_file_has(name, tmp_path):
    with pytest.raises(DataError, match=r"cannot be read|does not exist"):
        read_csv(tmp_path / name if name else tmp_path, date="date", keys=(), numbers=["tv"])
    with pytest.raises(SpecError, match=r"cannot read .* Give the path of a TOML file"):
        read_toml(str(tmp_path / name))


@pytest.mark.parametrize("path", [None, 3, 1.5, ["a"]])
def test_what_is_no_path(path):
    with pytest.raises(DataError, match="which is no path; write the path of a CSV file"):
        MMMData.from_csv(path, **ROLES)
    with pytest.raises(SpecError, match="Give the path of a TOML file"):
        read_toml(path)


def test_a_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(MissingFileError, match="does not exist"):
        MMMData.from_csv(tmp_path / "none.csv", **ROLES)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_of_somebody_else(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("date,sales,tv\n")
    path.chmod(0)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        MMMData.from_csv(path, **ROLES)


def test_a_cell_that_never_ends(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(f'date,sales,"{"x" * 200_000}"\n2022-01-02,1,2\n')
    with pytest.raises(DataError, match=r"header of .* cannot be read .* whether a quote is left open"):
        MMMData.from_csv(path, **ROLES)


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 3000 + "]" * 3000, "0x" + "F" * 5000, str(2**63)])
def test_toml_of_endless_numbers_and_nests(value):
    # How many brackets the reader can follow depends on how deep the stack is already; what it can read is no number.
    ways = r"cannot be read: .* Take out|more than 64 bits\. Write a smaller one|max_lag = .* Give a whole number"
    with pytest.raises(EquationError, match=ways):  # or SpecError, which is one
        read_toml(f'[[equation]]\nname = "sales"\nmax_lag = {value}\n')


@pytest.mark.parametrize("ci_prob", [90, 0, 1, -0.5, "0.9", float("nan"), 10**400])
def test_the_probability_of_an_interval(ci_prob):
    with pytest.raises(SettingError, match=r"ci_prob=.* must lie between 0 and 1, as 0.9"):
        case_fit("one term").summary(ci_prob)


@pytest.mark.parametrize("where", ["cell", "name"])
def test_a_plan_with_a_text_that_never_ends(where):
    system, known = case("no mediator")
    plan = pd.DataFrame({name: [1.0] * 4 for name in system.exogenous}).astype(object)
    plan.insert(0, "date", next_dates(known, 4))
    long = "x" * 200_000
    plan = plan.rename(columns={"tv": long}) if where == "name" else plan.assign(tv=long)
    with pytest.raises(DataError, match="x…x") as raised:
        read_plan(known, plan, needed=system.exogenous)
    assert len(str(raised.value)) < 1000
