"""What the report says: sentences follow the tables and their intervals, whatever the system, and names stay names."""

import re
from functools import cache

import numpy as np
import pytest

from bayesmmm.estimands import effects
from bayesmmm.files import safe_name
from bayesmmm.report import compose
from bayesmmm.text import counted, interval, joined, large_number, number, probability
from tests.made import MMM, Equation, MMMData, case, case_fit, frame, made_fit
from tests.reports import csv, page_of, said, write

OVER = ("chain", "draw")


@cache
def fit_of(name):
    return case_fit(name, draws=20)


@cache
def report_of(name, window="spend"):
    """The report of a case. Read it, do not change it."""
    return compose(fit_of(name), window=window)


# ------------------------------------------------------------------------------------------- sentences and tables
def numbers(text, report):
    """Numbers of a text, apart from those in names, dates and the probability of the intervals."""
    for name in (*report.answers.fit.data.columns, report.answers.unit):
        text = re.sub(rf"\b{re.escape(name)}\b", "", text)
    text = re.sub(r"\d{4}-\d\d-\d\d", "", text).replace("90 %", "")
    return re.findall(r"[−-]?\d[\d,]*(?:\.\d+)?(?:e-\d+)?", text)


def allowed(report, finding):
    """Every number of the tables that a finding cites, as it may be written."""
    out = {number(f) for f in report.tables["response_curves"]["factor"]} | {"1", "80", "5"}
    for name in finding.tables:
        table = report.tables[name]
        out |= {str(n) for n in range(1, len(table) + 1)}  # counts of rows
        for value in table.select_dtypes("number").to_numpy(float).ravel():
            if np.isfinite(value):
                out |= {number(s * value / d) for d in (1.0, 1e6, 1e9) for s in (1.0, -1.0)}
                out |= {number(100.0 * value), probability(value).split()[-2]}
    return out


def test_a_wrong_number_would_be_seen():
    report = report_of("one term")
    (finding,) = (f for f in report.findings if f.text.startswith("Without tv"))
    total = number(report.tables["effects"]["median"].iloc[0])
    assert total in numbers(finding.text, report)
    assert set(numbers(finding.text, report)) <= allowed(report, finding)
    wrong = numbers(finding.text.replace(total, "123.4"), report)
    assert "123.4" in wrong
    assert "123.4" not in allowed(report, finding)


CASES = [
    "chain",
    "no mediator",
    "one term",
    "no direct path",
    "lognormal outcome",
    "censored outcome",
    "negative mediator",
]


def _windows():
    """Both windows of every case, one of them in the long run only but for systems with most to tell."""
    for i, name in enumerate(CASES):
        for k, window in enumerate(["spend", "outcome"]):
            quick = name in ("chain", "negative mediator") or (i + k) % 2 == 0
            yield pytest.param(name, window, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("name", "window"), list(_windows()))
def test_every_number_of_a_finding_is_in_the_tables_that_it_cites(name, window):
    report = report_of(name, window)
    for finding in report.findings:
        assert set(finding.tables) <= set(report.tables)
        unknown = [n for n in numbers(finding.text, report) if n not in allowed(report, finding)]
        assert unknown == [], finding.text
        assert not re.search(r"nan|None|  |\(\)|\.\.| ,", finding.text), finding.text
        assert "unknown" not in finding.text


# ------------------------------------------------------------------------------------------------------------- wording
# Parameters that a test holds fixed have no R-hat.
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_returns_are_judged_by_their_intervals():
    """One channel far above its cost, one far below, one in between: the sentences follow the tables."""
    strong = {"sales.contribution": {"tv": 0.6, "radio": 1e-4}, "sales.slope": 1.0}
    report = compose(case_fit("no mediator", draws=40, values=strong))
    table = report.tables["roi"].query("quantity == 'roi'").set_index("channel")
    assert table.loc["tv", "lower"] > 1
    assert table.loc["radio", "upper"] < 1
    assert table.loc["social", "lower"] < 1 < table.loc["social", "upper"]
    text = said(report, "returned")
    whole = "The 90 % interval of the return lies above 1 for tv and lies below 1 for radio."
    assert f"{whole} It holds 1 for social: whether it returned more than it cost is open (probability " in text
    sentence = {
        name: next(s for s in text.split(". ") if s.startswith(f"{name} returned")) for name in table.index
    }
    assert "more than it cost, with a probability of more than 99 %" in sentence["tv"]
    assert "less than it cost; the probability of more is less than 1 %" in sentence["radio"]
    assert f"is open, the probability is {probability(table.loc['social', 'p_above'])}" in sentence["social"]


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_an_effect_of_open_sign_is_called_open():
    """A mediator that acts linearly and may lower the outcome."""
    fit = case_fit("linear mediator", draws=40, values={"sales.contribution": 1e-6})
    report = compose(fit)
    table = report.tables["effects"].query("quantity == 'total'").set_index("channel")
    row = table.loc["tv"]
    assert row["lower"] < 0 < row["upper"]
    (text,) = (f.text for f in report.findings if f.text.startswith("Without tv "))
    assert "so the direction is open" in text
    cost = report.tables["cost"].set_index("channel")
    np.testing.assert_allclose(
        cost.loc["tv", "p_gain"], float((effects(fit)["total"].sel(channel="tv") > 0).mean())
    )
    turned = compose(
        case_fit("linear mediator", values={"sales.contribution": 1e-6, "sales.coefficient": {"queries": -0.3}})
    )
    assert "sales would have been higher by" in said(turned, "each channel did")
    assert "sales would have been lower" not in said(turned, "each channel did")


def test_an_outcome_that_is_not_money_is_never_compared_with_its_cost(tmp_path, no_drawing):
    report = report_of("censored outcome")
    assert report.answers.unit == "contracts"
    write(report, tmp_path)
    page = page_of(tmp_path)
    for words in ("more than it cost", "less than it cost", "above 1", "returned", "holds 1"):
        assert words not in said(report), words
    assert "P(above 1)" not in page.text
    assert "A return above 1" not in page.text
    assert "not in money" in page.text
    cost = report.tables["cost"].set_index("channel").loc["tv"]
    written = interval(cost["median"], cost["lower"], cost["upper"], 0.9)
    assert f"Through tv, one more unit of deals (contracts) cost {written}." in page.text
    assert "p_above" not in report.tables["roi"]
    assert set(report.tables["roi"]["unit"]) == {"contracts per money"}


def test_without_a_mediator_nothing_is_said_of_one(tmp_path, no_drawing):
    report = report_of("no mediator")
    assert {"roi_net", "induced"}.isdisjoint(report.tables)
    assert "through" not in said(report)
    assert not any(f.topic == "Mediators" for f in report.findings)
    write(report, tmp_path)
    page = page_of(tmp_path)
    assert "Net return" not in page.text
    assert page.faults == []


def test_one_channel_is_not_compared_with_itself():
    report = report_of("one term")
    text = said(report)
    assert not re.search(r"Together|highest|most likely|Least certain|add up to that of all", text)
    assert "Without tv" in text


def test_a_mediator_that_carries_all_is_said_to():
    report = report_of("no direct path")
    text = said(report, "each channel did")
    assert text.count("All of it came through queries.") == 2
    assert text.count("All of it came directly.") == 1


def test_a_channel_without_spend_in_the_window(tmp_path, no_drawing):
    system, data = case("no mediator")
    tv = data.columns["tv"].copy()
    tv[:, -8:] = 0.0
    fit = made_fit(system, data.replace_columns({"tv": tv}), draws=10)
    report = compose(fit, start=str(data.dates[-8].date()))
    assert "tv had no spend in the window, so nothing can be said of its effect there." in said(report)
    assert "tv returned" not in said(report)
    assert "tv, spread over time" not in said(report)
    # The return on a step is said as one, and is not in the ranking of those on a little more.
    assert "tv had no spend in the window: were the spend of one typical period spread evenly over it" in said(
        report
    )
    ranks = report.tables["marginal_roi"].set_index("channel")["p_best"]
    assert np.isnan(ranks["tv"])
    assert ranks.drop("tv").sum() == pytest.approx(1.0)
    assert not re.search(r"furthest in tv|next is tv", said(report))
    write(report, tmp_path)
    assert "nan" not in page_of(tmp_path).text


def test_extrapolation_and_little_learning_are_told():
    report = report_of("censored mediator")
    beyond = report.tables["response_curves"].query("extrapolated")
    for channel, rows in beyond.groupby("channel"):
        assert re.search(
            rf"at {number(rows['factor'].min())} times the spend and above for [\w ,]*{channel}",
            said(report),
        )
    # Prior and posterior of a made fit are the same draws.
    assert "on search: social; on sales: tv, social and search" in said(report, "uncertain")
    assert "12 parameters of carry-over and saturation, 12 are hardly narrower" in said(report, "uncertain")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.01234, "0.0123"),
        (1.5, "1.50"),
        (-12.345, "−12.3"),
        (999.6, "1,000"),
        (12345.0, "12,300"),
        (999_999.0, "1.00 million"),
        (2_314_000.0, "2.31 million"),
        (4.2e9, "4.20 billion"),
        (3e-9, "3.00e-09"),
        (np.inf, "unbounded"),
        (np.nan, "unknown"),
    ],
)
def test_numbers_as_words(value, text):
    assert large_number(value) == text


def test_intervals_share_their_size():
    assert interval(2.2e6, 3e5, 4.27e6, 0.9) == "2.20 million (90 %: 0.300 to 4.27 million)"
    assert interval(31.0, 2.0, 40.0, 0.5, "contracts") == "31.0 contracts (50 %: 2.00 to 40.0)"
    assert interval(15.9, 9.89, 25.29, 0.9, "%") == "15.9 % (90 %: 9.89 to 25.3 %)"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "more than 99 %"), (0.9951, "more than 99 %"), (0.97, "97 %"), (0.0, "less than 1 %"), (0.012, "1 %")],
)
def test_a_probability_from_draws_is_never_certain(value, text):
    assert probability(value) == text


def test_lists_as_words():
    assert joined([]) == "none"
    assert joined(["a"]) == "a"
    assert joined(["a", "b", "c"]) == "a, b and c"
    assert counted(1, "channel") == "1 channel"
    assert counted(3, "channel") == "3 channels"


# --------------------------------------------------------------------------------------------------------- odd systems
NASTY = {
    "tv": "<b>TV & radio>",
    "social": "paid  social",
    "radio": "paid social: video",
    "queries": "Ünï 'q\"",
    "sales": "R&D <i>",
}


def nasty_fit():
    table = frame(3).rename(columns=NASTY)
    tv, social, radio, queries, sales = NASTY.values()
    system = MMM(
        [
            Equation(queries, media=[tv, social], linear=["price"]),
            Equation(sales, media=[tv, social, radio, queries], linear=["price"], trend=True),
        ]
    )
    data = MMMData.from_frame(
        table,
        date="date",
        outcome=sales,
        media=[tv, social, radio],
        mediators={queries: "a <unit>"},
        controls=["price"],
    )
    return made_fit(system, data, draws=10)


def test_names_are_escaped_and_file_names_are_safe(tmp_path, no_drawing):
    report = compose(nasty_fit(), title="</title><script>alert(1)</script>")
    paths = write(report, tmp_path)
    page = page_of(tmp_path)
    assert page.faults == []
    assert {"b", "i", "unit", "script"} & page.tags == {"b"}  # our own captions are bold
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<b>TV" not in text
    assert "&lt;b&gt;TV &amp; radio&gt;" in text
    assert "Without <b>TV & radio>" in page.text
    for path in paths:
        assert path.resolve().parent.parent in (tmp_path.resolve(), tmp_path.resolve().parent)
        assert re.fullmatch(r"[\w.~-]+", path.name)
    table = csv(tmp_path, "effects")
    assert set(NASTY.values()) - {"R&D <i>", "Ünï 'q\""} == set(table["channel"])


def test_figures_of_names_that_become_one_keep_apart():
    """Names that differ in their ends only, which are cut from the name of a file."""
    one, other = (f"Shop {'x' * 90} {number}" for number in (1, 2))
    table = frame(5).rename(columns={"queries": one, "visits": other})
    system = MMM(
        [
            Equation(one, media=["tv"]),
            Equation(other, media=["tv"]),
            Equation("sales", media=["tv", one], linear=[other]),
        ]
    )
    units = {one: "visits", other: "visits"}
    data = MMMData.from_frame(table, date="date", outcome="sales", media=["tv"], mediators=units)
    names = [figure.name for figure in compose(made_fit(system, data, draws=6)).figures]
    assert len({name.casefold() for name in names}) == len(names)
    assert sorted(name[-2:] for name in names if name.startswith("predictive_Shop_x")) == ["xx", "~2"]


@pytest.mark.parametrize(("text", "name"), [("../x", "_x"), (".hidden", "hidden"), ("a b:c", "a_b_c"), ("…", "_")])
def test_safe_names(text, name):
    assert safe_name(text) == name
    assert len(safe_name("x" * 500)) <= 80


def bought_or_not(names):
    """A fit in which search is paid, and visits, counted in visits, act as media without an equation."""
    units = {"search": "money", "visits": "visits"}
    table = frame(6).assign(visits=lambda t: t["visits"].abs())
    data = MMMData.from_frame(
        table, date="date", outcome="sales", media=["tv"], mediators={n: units[n] for n in names if n in units}
    )
    return made_fit(MMM([Equation("sales", media=names)]), data, draws=20)


def test_a_channel_that_is_not_money_has_an_effect_but_no_return(tmp_path, no_drawing):
    report = compose(bought_or_not(["tv", "search", "visits"]))
    assert report.answers.bought == ["tv", "search"]
    assert set(report.tables["effects"]["channel"]) == {"tv", "search", "visits"}
    for name in ("roi", "marginal_roi", "cost"):
        assert set(report.tables[name]["channel"]) == {"tv", "search"}
    visits = report.tables["effects"].query("channel == 'visits'").iloc[0]
    assert np.isnan(visits["spend"])
    assert f"Without visits ({large_number(visits['units'])} visits), sales would have been" in said(report)
    assert "visits returned" not in said(report)
    assert "Together the channels returned" not in said(report), "there is no spend of all together"
    write(report, tmp_path)
    assert page_of(tmp_path).faults == []


def test_without_any_channel_that_is_money_there_are_no_returns(tmp_path, no_drawing):
    report = compose(bought_or_not(["visits"]))
    assert {"roi", "marginal_roi", "cost", "roi_net"}.isdisjoint(report.tables)
    assert "return" not in said(report)
    write(report, tmp_path)
    assert "What the channels returned" not in page_of(tmp_path).text
    assert not (tmp_path / "figures" / "roi.png").exists()


def test_twelve_channels(tmp_path, no_drawing):
    rng = np.random.default_rng(4)
    names = [f"channel {i:02d}" for i in range(12)]
    table = frame(2)[["date", "sales", "price"]].assign(**{n: rng.gamma(2.0, 30.0, 52) for n in names})
    data = MMMData.from_frame(table, date="date", outcome="sales", media=names, controls=["price"])
    report = compose(made_fit(MMM([Equation("sales", media=names, linear=["price"])]), data, draws=10))
    assert len(report.tables["effects"].query("quantity == 'total'")) == 12
    totals = report.tables["effects"].query("quantity == 'total'").sort_values("median", ascending=False)
    told = [f.text.partition(" (")[0] for f in report.findings if f.topic == "What each channel did"]
    assert told == [f"Without {name}" for name in totals["channel"]]
    write(report, tmp_path)
    assert page_of(tmp_path).faults == []
    np.testing.assert_allclose(report.tables["marginal_roi"]["p_best"].sum(), 1.0)
