"""Events: read from tables, spread over periods by their days, single or in pools, known in plans by their days."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesmmm as mm
from bayesmmm import errors
from bayesmmm.data import MMMData, event_days, next_dates, read_events, read_plan, unknown_ahead
from bayesmmm.diagnostics.advice import prior_on
from bayesmmm.equations import MMM, Equation, check_system, design_matrix, read_toml, system_warnings
from bayesmmm.evaluate.folds import least_periods
from bayesmmm.inference.program import write_program
from bayesmmm.priors import Prior, default_prior
from tests.event_worlds import EFFECT, EVENTS, POOL, ROLES, added_up, daily, read, system

ONE = ["national"]
RETAIL = pd.Timestamp("2021-01-04") + pd.to_timedelta(7 * np.cumsum([0, *(4, 4, 5) * 11]), unit="D")


@pytest.fixture(scope="module")
def days():
    return daily()


@pytest.fixture(scope="module")
def weeks(days):
    return read(added_up(days, "7D"))


# ---------------------------------------------------------------- days of periods


@pytest.mark.parametrize("freq", ["7D", "14D", "28D", "MS", "QS"])
def test_columns_of_periods_are_sums_of_those_of_days(days, freq):
    each, whole = read(days), read(added_up(days, freq))
    edges = whole.calendar.edges(0, len(whole.dates))
    inside = np.searchsorted(edges, each.dates.values, side="right") - 1
    for name in each.event_names:
        one, all_of_it = each.columns[name][0], whole.columns[name][0]
        assert set(one) == {0.0, 1.0}
        known = np.bincount(inside, one, len(edges) - 1)[: len(whole.dates)]
        np.testing.assert_array_equal(all_of_it[: len(known) - 1], known[:-1])
        first, last = pd.DatetimeIndex(edges[[0, -1]])
        rows = read_events(EVENTS[EVENTS["name"] == name], ONE)
        total = sum(
            max(0, (min(e.last_day, last - pd.Timedelta(days=1)) - max(e.first_day, first)).days + 1) for e in rows
        )
        assert all_of_it.sum() == total


def test_days_of_retail_periods_and_of_weeks_by_their_last_day():
    table = [{"name": "sale", "first_day": "2021-01-30", "last_day": "2021-02-03"}]
    frame = pd.DataFrame({"date": RETAIL, "sales": np.arange(34.0), "tv": 1.0 + np.arange(34.0) % 3})
    data = read(frame, events=table)
    assert list(data.columns["sale"][0, :3]) == [2.0, 3.0, 0.0]  # the second period starts on 1 February
    ends = pd.date_range("2021-01-10", periods=20, freq="7D")
    weekly = read(frame.head(20).assign(date=ends), events=table, date_is="last")
    assert list(weekly.columns["sale"][0, 2:6]) == [0.0, 2.0, 3.0, 0.0]
    assert list(read(frame.head(20).assign(date=ends), events=table).columns["sale"][0, 2:5]) == [1.0, 4.0, 0.0]


@pytest.mark.parametrize("freq", ["D", "7D", "14D", "28D"])
def test_a_coefficient_means_the_same_on_every_calendar(days, freq):
    """Least squares of noise-free sales on the design give what a day of the event adds, per period of any length."""
    frame = added_up(days.assign(sales=days["sales"] - (days["sales"] % 1e-9), tv=days["tv"]), freq)
    frame = frame if freq == "D" else frame.iloc[:-1]  # the last period may be cut short
    data = read(frame)
    equation = Equation("sales", events=list(EFFECT))
    scales = data.scales()
    design = design_matrix(equation, data.dates, data.columns, scales)[0]
    response = frame["tv"].to_numpy()
    lift = days.assign(sales=30.0 * days["tv"] / (10.0 + days["tv"]))
    lift = added_up(lift, freq)["sales"].to_numpy()[: len(response)]
    size = scales.size["sales"].item()
    b = np.linalg.lstsq(design, (frame["sales"].to_numpy() - lift) / size, rcond=None)[0]
    for name, value in EFFECT.items():
        raw = b[equation.terms().index(name)] * size / scales.spread[name]
        assert raw == pytest.approx(value, rel=1e-9)


def test_lead_and_lag_days_are_events_of_their_own():
    rows = [
        {"name": "peak", "first_day": "2023-03-10", "last_day": "2023-03-11", "lead_days": 5, "lag_days": 2},
        {"name": "peak", "first_day": "2023-03-14", "lead_days": 5, "lag_days": 2},
    ]
    found = {(e.name, f"{e.first_day:%m-%d}", f"{e.last_day:%m-%d}") for e in read_events(rows, ONE)}
    assert found == {
        ("peak", "03-10", "03-11"),
        ("peak", "03-14", "03-14"),
        ("peak lead", "03-05", "03-09"),
        ("peak lead", "03-12", "03-13"),  # not the days of the event before
        ("peak lag", "03-12", "03-13"),
        ("peak lag", "03-15", "03-16"),
    }


def test_geos_have_their_own_events():
    table = [
        {"name": "fair", "first_day": "2023-01-09", "geo": "north"},
        {"name": "fair", "first_day": "2023-01-17", "last_day": "2023-01-18"},
    ]
    frame = pd.concat(
        [
            pd.DataFrame({"date": pd.date_range("2023-01-02", periods=9, freq="7D"), "geo": g})
            for g in ("north", "south")
        ]
    )
    frame["tv"], frame["sales"] = 1.0 + np.arange(18) % 4, np.arange(18.0) % 5
    data = read(frame, geo="geo", events=table)
    np.testing.assert_array_equal(data.columns["fair"][:, :4], [[0, 1, 2, 0], [0, 0, 2, 0]])
    south = data.sel("south")
    assert south.event_names == ("fair",)
    np.testing.assert_array_equal(south.columns["fair"], data.columns["fair"][[1]])


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("rows", "advice"),
    [
        (
            [{"name": "a", "first_day": "2022-03-02", "last_day": "2022-03-01"}],
            "first_day 2022-03-02 is after .* swap the",
        ),
        ([{"name": "a"}], "data row 1 has no first_day; every row needs a name and a first_day; fill it in"),
        ([{"name": "a", "first_day": "soon"}], "first_day='soon' is not a date .* write it as YYYY-MM-DD"),
        ([{"name": 3, "first_day": "2022-03-02"}], "the name 3 is no text; name the event"),
        ([{"name": "a", "first_day": "2022-03-02", "lats_day": "2022-03-02"}], "'lats_day' is unknown.*last_day"),
        (
            [{"name": "a", "first_day": "2022-03-02", "lead_days": -1}],
            "lead_days=-1 must be a whole number of days",
        ),
        ([{"name": "a", "first_day": "2022-03-02", "geo": "north"}], "geo 'north' is not in the data"),
        ([{"name": "a", "first_day": "2022-03-02"}] * 2, "has 2022-03-02 in two rows, .* make one row of the two"),
        ("nowhere.csv", "cannot be read: .* give the path of a CSV file"),
        (5, "must be a table with the columns 'name', 'first_day'"),
    ],
)
def test_rows_that_are_no_events(weeks, rows, advice):
    with pytest.raises(errors.EventError, match=advice):
        read(weeks.to_frame()[["date", "sales", "tv"]], events=rows)


def test_a_name_has_one_role(weeks):
    frame = weeks.to_frame()[["date", "sales", "tv"]]
    with pytest.raises(errors.RoleError, match=r"'tv' is given as media and as events; a column has one role"):
        read(frame, events=[{"name": "tv", "first_day": "2022-03-02"}])
    with pytest.raises(errors.RoleError, match=r"'trend' .events. has a name that the results use"):
        read(frame, events=[{"name": "trend", "first_day": "2022-03-02"}])


def test_which_days_a_week_has_must_be_said(weeks):
    frame = weeks.to_frame()[["date", "sales", "tv"]]
    with pytest.raises(errors.EventError, match=r"say date_is='first' .* date_is='last'"):
        read(frame, date_is=None)
    month = added_up(daily(), "MS")
    assert read(month, date_is=None) == read(month, date_is=None)  # the first of a month says it


def test_events_of_an_equation(weeks):
    with pytest.raises(
        errors.EventError, match=r"has the event 'sales day', of which the data say nothing .did you mean"
    ):
        check_system(MMM([Equation("sales", media=["tv"], events=["sales day"])]), weeks)
    with pytest.raises(errors.EquationError, match=r"lists 'sale' twice among its events"):
        Equation("sales", events=["sale"], pooled_events={"all": ["sale", "easter"]})
    with pytest.raises(errors.EquationError, match=r"has 'tv' as an event and as a column"):
        Equation("sales", media=["tv"], events=["tv"])
    with pytest.raises(
        errors.EquationError, match=r"a pool has at least two, by name. List a single one under events"
    ):
        Equation("sales", pooled_events={"all": ["easter"]})
    with pytest.raises(errors.EquationError, match=r"has pooled_events = .'easter'.. Give a mapping"):
        Equation("sales", pooled_events=["easter"])
    with pytest.raises(
        errors.EventError, match=r"a pool of events called 'tv', which is a column of the data. Rename"
    ):
        check_system(MMM([Equation("sales", pooled_events={"tv": POOL["holidays"]})]), weeks)


def test_an_event_without_a_day_in_the_data_is_refused_and_may_be_pooled(weeks):
    frame = weeks.to_frame()[["date", "sales", "tv"]]
    table = pd.concat([EVENTS, pd.DataFrame({"name": ["jubilee"], "first_day": ["2024-05-05"]})])
    data = read(frame, events=table)
    assert "without a day in the data: jubilee" in str(data)
    with pytest.raises(
        errors.EventError, match=r"'jubilee', which has no day in the data, from 2021-01-04 to .*2024-05-05"
    ):
        check_system(MMM([Equation("sales", media=["tv"], events=["jubilee"])]), data)
    check_system(
        MMM([Equation("sales", media=["tv"], pooled_events={"holidays": [*POOL["holidays"], "jubilee"]})]), data
    )


# ---------------------------------------------------------------- equations


def test_priors_of_events_and_what_is_printed():
    equation = Equation(
        "sales", events=["sale"], pooled_events=POOL, priors={"event": {"sale": Prior("Normal", mu=1, sigma=2)}}
    )
    block = next(b for b in equation.parameters() if b.name == "coefficient")
    priors = dict(zip(block.labels, block.priors, strict=True))
    assert priors["sale"] == Prior("Normal", mu=1, sigma=2)
    assert priors["holidays"] == default_prior("event")
    assert priors["easter"] == default_prior("event_deviation")
    text = str(equation)
    assert "b days(sale) + (m + d) days(each of 3 holidays)" in text
    assert "mean days of |sales|, per day" in text
    with pytest.raises(errors.UnknownPriorError, match=r"prior on event_deviation but no pools of events"):
        Equation("sales", events=["sale"], priors={"event_deviation": Prior("Normal", mu=0, sigma=1)})


def test_narrower_priors_of_events_are_code_that_runs():
    equation = Equation("sales", events=["sale"], pooled_events=POOL)
    for term, parameter in (("sale", "event"), ("holidays", "event"), ("easter", "event_deviation")):
        text = prior_on(equation, "coefficient", term)
        own = eval(text.replace("...", "events=['sale'], pooled_events=POOL"), {"mm": mm, "POOL": POOL})
        assert own.priors[parameter][term].args["sigma"] < default_prior(parameter).args["sigma"]


def test_toml_holds_events(tmp_path, weeks):
    model = system()
    rows = [event.to_dict() for event in weeks.events]
    again, columns = read_toml(model.to_toml({**ROLES, "date_is": "first", "events": rows}))
    assert again == model
    path = tmp_path / "weeks.csv"
    weeks.to_frame()[["date", "sales", "tv"]].to_csv(path, index=False)
    assert MMMData.from_csv(path, **columns) == weeks
    EVENTS.to_csv(tmp_path / "events.csv", index=False)
    assert MMMData.from_csv(path, **{**columns, "events": str(tmp_path / "events.csv")}) == weeks
    with pytest.raises(errors.SpecError, match=r"Start each with \[\[data.events\]\], or name a CSV file"):
        read_toml('[data]\ndate = "d"\noutcome = "s"\nmedia = ["t"]\nevents = [1]\n[[equation]]\nname = "s"\n')


def test_events_in_one_equation_only_are_a_back_door():
    frame = added_up(daily(), "7D").assign(search=lambda f: 3.0 + f["tv"])
    data = read(frame, mediators={"search": "queries"})
    model = MMM([Equation("search", media=["tv"]), Equation("sales", media=["tv", "search"], events=["sale"])])
    found = [str(w) for w in system_warnings(model, data) if isinstance(w, errors.BackdoorWarning)]
    assert any(
        text.startswith("events (sale) is in the equation of 'sales' but not in that of 'search'")
        for text in found
    )


def test_two_events_that_share_their_periods_are_named(days):
    table = pd.concat([EVENTS, EVENTS[EVENTS["name"] == "unity"].assign(name="fair")])
    data = read(added_up(days, "7D"), events=table)
    found = system_warnings(MMM([Equation("sales", media=["tv"], events=["unity", "fair"])]), data)
    assert any(isinstance(w, errors.CollinearTermsWarning) and "'unity'" in str(w) for w in found)


def test_folds_wait_for_the_first_day_of_an_event(weeks):
    first = int(np.argmax(weeks.columns["sale"][0] > 0)) + 1
    assert least_periods(MMM([Equation("sales", media=["tv"], events=["sale"])]), weeks) == first
    assert least_periods(MMM([Equation("sales", media=["tv"])]), weeks) < first


@pytest.mark.parametrize("sigma", [0.05, 0.3])
def test_effects_of_a_pool_are_integrated_out_as_correlated_normals(weeks, sigma):
    """The density is that of effects with variance m^2 + d^2 and covariance m^2, and of the others as always."""
    m, d, single = 0.7, 0.2, 1.3
    priors = {
        "event": {"sale": Prior("Normal", mu=0.4, sigma=single), "holidays": Prior("Normal", mu=-0.2, sigma=m)},
        "event_deviation": Prior("Normal", mu=0.0, sigma=d),
    }
    equation = Equation("sales", events=["sale"], pooled_events=POOL, priors=priors)
    scales = weeks.scales()
    program = write_program(MMM([equation]), weeks, scales)
    y = weeks.columns["sales"][0] / scales.size["sales"].item()
    x = np.stack([weeks.columns[n][0] / 7.0 for n in ("sale", *POOL["holidays"])], axis=-1)
    covariance = np.diag([single**2, d**2, d**2, d**2])
    covariance[1:, 1:] += m**2
    base = default_prior("intercept")
    mean = base.args["mu"] + x @ np.array([0.4, -0.2, -0.2, -0.2])
    whole = base.args["sigma"] ** 2 + x @ covariance @ x.T + sigma**2 * np.eye(len(y))
    known = stats.multivariate_normal.logpdf(y, mean, whole) + default_prior("sigma").logpdf(sigma) + np.log(sigma)
    value, gradient = program.log_density(np.array([np.log(sigma)]))
    assert value == pytest.approx(known, rel=1e-9)
    step = 1e-5
    ends = [program.log_density(np.array([np.log(sigma) + s]))[0] for s in (step, -step)]
    assert gradient[0] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


# ---------------------------------------------------------------- plans


def test_a_plan_knows_events_by_their_days(weeks):
    ahead = next_dates(weeks, 52)
    plan = pd.DataFrame({"tv": 5.0}, index=ahead)
    known = read_plan(weeks, plan, needed=["tv"]).columns
    assert list(known) == ["tv", *weeks.event_names]
    assert known["easter"][0].sum() == 1.0
    assert known["easter"][0, ahead.get_loc("2024-04-01")] == 1.0
    assert known["sale"][0].sum() == 2.0
    own = read_plan(weeks, plan.assign(sale=0.0), needed=["tv"]).columns
    assert own["sale"].sum() == 0.0
    np.testing.assert_array_equal(own["easter"], known["easter"])
    with pytest.raises(errors.MissingValueError, match=r"'sale' of the plan"):
        read_plan(weeks, plan.assign(sale=np.nan), needed=["tv"])


def test_events_that_will_come_back_on_days_that_nobody_said(weeks):
    events = read_events(EVENTS, ONE)
    assert unknown_ahead(events, weeks.event_names, pd.Timestamp("2025-04-01")) == []
    assert unknown_ahead(events, weeks.event_names, pd.Timestamp("2025-06-01")) == ["easter"]
    once = read_events([{"name": "a", "first_day": "2022-01-01"}], ONE)
    assert unknown_ahead(once, ["a"], pd.Timestamp("2030-01-01")) == []


def test_days_are_those_of_the_event_and_no_others():
    events = read_events(EVENTS, ONE)
    calendar = read(daily()).calendar
    table = event_days(events, calendar, ONE, 0, 1092 + 500)
    for name in EFFECT:
        rows = EVENTS[EVENTS["name"] == name]
        all_days = pd.DatetimeIndex([d for r in rows.itertuples() for d in pd.date_range(r.first_day, r.last_day)])
        found = pd.DatetimeIndex(calendar.dates(0, 1592)[table[name][0] > 0])
        assert list(found) == list(all_days[all_days < pd.Timestamp(calendar.dates(1592, 1593)[0])])


def test_data_with_events_are_equal_to_themselves(weeks):
    assert pickle.loads(pickle.dumps(weeks)) == weeks
    part = weeks.between("2022-01-01", "2023-01-01")
    np.testing.assert_array_equal(part.columns["sale"][0], weeks.columns["sale"][0, 52:104][: len(part.dates)])
    assert weeks != read(weeks.to_frame()[["date", "sales", "tv"]], events=EVENTS.iloc[1:])
    assert weeks.unit("sale") == "days"
    with pytest.raises(errors.RoleError, match=r"'sale' is an event, .* change these in the table of events"):
        weeks.replace_columns({"sale": np.zeros(len(weeks.dates))})
    assert weeks.summary().loc["sale", "role"] == "event"
