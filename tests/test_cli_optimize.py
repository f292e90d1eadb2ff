"""The command `optimize`: how its options are read, what it asks the optimiser, what it writes, and its refusals."""

import argparse
import re
import subprocess
import sys
import warnings
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import cli
from bayesmmm.cli import arguments, planning
from bayesmmm.cli.files import frontier_table
from bayesmmm.errors import ControlsWarning
from bayesmmm.files import RUN_COLUMN
from bayesmmm.plots import layout
from tests import plans_made_up
from tests.fits import judge
from tests.made import case_fit
from tests.test_cli import refusal

FILES = ["allocation.png", "budget.png", "channels.csv", "current.csv", "plan.csv", "plan.txt", "spend.csv"]


# ------------------------------------------------------------------------------------------------ texts of options
@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (arguments.total, "250000", 250_000.0),
        (arguments.total, "2.5e5", 250_000.0),
        (arguments.total, "200000:300000", (200_000.0, 300_000.0)),
        (arguments.total, ":300000", (None, 300_000.0)),
        (arguments.total, "200_000:", (200_000.0, None)),
        (arguments.total, "0:5", (0.0, 5.0)),
        (arguments.risk, "mean", "mean"),
        (arguments.risk, "sd:0.5", ("sd", 0.5)),
        (arguments.risk, "sd:2", ("sd", 2.0)),
        (arguments.risk, "cvar:0.1", ("cvar", 0.1)),
        (arguments.risk, "quantile:0.25", ("quantile", 0.25)),
        (arguments.bounds, "tv=10000:50000", ("tv", (10_000.0, 50_000.0))),
        (arguments.bounds, "tv=80%:120%", ("tv", ("80%", "120%"))),
        (arguments.bounds, "tv=:120.5%", ("tv", (None, "120.5%"))),
        (arguments.bounds, "ALL=1000:", ("ALL", (1000.0, None))),
        (arguments.bounds, "tv=100:50%", ("tv", (100.0, "50%"))),
        (arguments.bounds, "a=b:c=1:2", ("a=b:c", (1.0, 2.0))),
        (arguments.bounds, "tv=0:0", ("tv", (0.0, 0.0))),
        (arguments.group, "social=facebook+tiktok:0:50000", ("social", (["facebook", "tiktok"], (0.0, 50_000.0)))),
        (arguments.group, "x=tv::150%", ("x", (["tv"], (None, "150%")))),
        (arguments.group, "x=a:b+c=d:1:", ("x", (["a:b", "c=d"], (1.0, None)))),
        (arguments.change, "0.3", ("ALL", 0.3)),
        (arguments.change, "30%", ("ALL", 0.3)),
        (arguments.change, "tv=1.5", ("tv", 1.5)),
        (arguments.minimum, "tv=20000", ("tv", 20_000.0)),
        (arguments.control, "price=-1.5", ("price", -1.5)),
        (arguments.control, "promotion=0,0,1", ("promotion", [0.0, 0.0, 1.0])),
        (arguments.mediator, "fixed", ("ALL", "fixed")),
        (arguments.mediator, "google=decide", ("google", "decide")),
        (arguments.money, "20000", 20_000.0),
        (arguments.number, "-2.5", -2.5),
    ],
)
def test_texts_are_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("option", "texts", "advice"),
    [
        (
            "--total",
            ["", "lots", "0", "-5", "nan", "inf", "1:2:3", ":", "10%", "0:0", "a:5", "250,000", "-5:9"],
            "must be an amount of money above 0, as 250000, or a range LOW:HIGH, as 200000:300000, :300000 or 200000:",
        ),
        ("--total", ["9:5"], "'9:5' has its low side above its high side; swap the two"),
        (
            "--risk",
            ["", "low", "cvar", "sd:", "cvar:x", "mean:1"],
            "must be mean, sd:0.5, cvar:0.1 or quantile:0.1",
        ),
        ("--risk", ["cvar:1", "cvar:10", "cvar:0"], "the number of cvar must be between 0 and 1, as cvar:0.1"),
        ("--risk", ["sd:-1", "sd:0"], "the number of sd must be above 0, as sd:0.5"),
        (
            "--bounds",
            ["tv", "tv=", "tv=5", "tv=:", "=1:2", "tv=a:b", "tv=1:2:3", "tv=-1:5", "tv=80:120p", "tv=%:5", "1:2"],
            "must be NAME=LOW:HIGH in money or in per cent of the current plan, as tv=10000:50000, tv=80%:120% or "
            "tv=:50000; ALL=80%:120% holds for every channel",
        ),
        ("--bounds", ["tv=120%:80%"], "'tv=120%:80%' has its low side above its high side; swap the two"),
        ("--period-bounds", ["tv=9:1"], "argument --period-bounds: 'tv=9:1' has its low side above"),
        (
            "--group",
            ["s=a+b", "s=a+b:1", "s=a+b::", "s=:0:5", "s=a+:0:5", "=a:0:5", "a+b:0:5", "s=a:x:5"],
            "must be NAME=CHANNEL+CHANNEL:LOW:HIGH in money or in per cent of the current plan, as "
            "social=facebook+tiktok:0:50000",
        ),
        (
            "--change",
            ["", "much", "0", "-0.3", "tv=", "=0.3", "tv=x%"],
            "must be a share of the current plan above 0, as 0.3 or 30%, for every channel or for one, as tv=0.3",
        ),
        (
            "--minimum",
            ["20000", "tv=", "tv=0", "tv=-1", "=5"],
            "must be NAME=MONEY with money above 0, as tv=20000",
        ),
        (
            "--controls",
            ["promotion", "promotion=", "promotion=1,,2", "promotion=yes", "=1"],
            "must be NAME=VALUE, or NAME=VALUE,VALUE,... with a value for each period, as promotion=0 or "
            "promotion=0,0,1",
        ),
        (
            "--mediators",
            ["", "react", "google=", "google=plan", "=decide"],
            "must be respond, fixed or decide for all mediators, or NAME=one of these",
        ),
        ("--frontier", ["0", "much"], "must be an amount of money above 0, as 250000"),
        ("--margin", ["much", "nan"], "must be a number, as 2.5"),
        ("--objective", ["sales"], "invalid choice: 'sales'"),
        ("--flighting", ["pulsed"], "invalid choice: 'pulsed'"),
        ("--draws", ["0"], "must be a whole number of at least 1"),
    ],
)
def test_bad_texts_are_refused_with_what_is_allowed(option, texts, advice, capsys):
    for text in texts:
        line = refusal(["optimize", "fit.nc", "--out", "out", "--periods", "4", f"{option}={text}"], capsys)
        assert f"argument {option}: " in line
        assert repr(text) in line
        assert advice in line
        assert line.endswith("; see bayesmmm optimize --help\n")


def test_help_gives_units_and_what_is_written():
    parser = argparse.ArgumentParser(description=planning.ABOUT)
    planning.add_arguments(parser)
    said = " ".join(parser.format_help().split())
    assert all(name in said for name in [*FILES, "plan.xlsx", "plan.html", "frontier.csv", "frontier.png"])
    for words in ("tv=80%:120%", "money of the whole window", "as sd:0.5", "repeatable", "in its own unit"):
        assert words in said


# ------------------------------------------------------------------------------------------------ what is asked for
@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A fit that an honest judge accepts: its draws are independent."""
    path = tmp_path_factory.mktemp("fit") / "fit.nc"
    case_fit("censored mediator", draws=300, chains=4, verdict=None).save(path)
    assert mm.load(path).convergence.verdict == "converged"
    return path


@pytest.fixture(scope="module")
def loaded(saved):
    return mm.load(saved)


@pytest.fixture
def asked(loaded, monkeypatch):
    """Replace the optimiser by made-up answers, of a fit that is read once; the list collects what it was asked."""
    import bayesmmm.optimize
    import bayesmmm.results

    monkeypatch.setattr(bayesmmm.results, "load", lambda _: loaded)
    calls = []

    def answer(name, made):
        def ask(fit, **settings):
            assert fit.accepted  # whether a failed sampler may be asked was settled before
            calls.append((name, settings))
            return made()

        return ask

    trade = plans_made_up.frontier()
    monkeypatch.setattr(bayesmmm.optimize, "optimize_budget", answer("plan", plans_made_up.plan))
    monkeypatch.setattr(bayesmmm.optimize, "frontier", answer("frontier", lambda: trade))
    return calls


@pytest.fixture
def no_figures(monkeypatch):
    """Leave out drawing, which takes most of the time once nothing is solved."""
    from bayesmmm import plots

    for name in ("budget", "allocation", "frontier"):
        monkeypatch.setattr(plots, name, lambda *_, **__: None)
    monkeypatch.setattr(layout, "rendered", lambda _, suffixes: [b""] * len(suffixes))


def run(saved, out, *options):
    return cli.main(["optimize", str(saved), "--out", str(out), *map(str, options)])


def records(settings):
    """Fields of the records that were given, and what else was."""
    out = dict(settings)
    for name in ("goal", "window", "constraints", "solver"):
        record = out.pop(name, None)
        out |= {f.name: getattr(record, f.name) for f in fields(record)} if record is not None else {}
    return out


def test_defaults_are_those_of_the_optimiser(saved, asked, no_figures, tmp_path):
    assert run(saved, tmp_path / "out", "--periods", 8, "--total", 3000) == 0
    ((name, settings),) = asked
    assert name == "plan"
    assert settings["goal"] == mm.Goal(total=3000.0)
    assert repr(settings["window"]) == "Window(periods=8)"
    assert settings["constraints"] == mm.Constraints()
    assert settings["solver"] == mm.Solver()


def test_everything_that_is_asked_is_passed_on(saved, asked, no_figures, tmp_path):
    options = ["--periods", "8", "--total", "2000:3000", "--objective", "profit", "--margin", "0.5"]
    options += [
        "--risk",
        "cvar:0.2",
        "--controls",
        "price=9.5",
        "--flighting",
        "free",
        "--mediators",
        "search=fixed",
    ]
    options += ["--bounds", "ALL=50%:200%", "--bounds", "tv=:900", "--period-bounds", "social=0:400"]
    options += ["--change", "0.3", "--change", "tv=0.5", "--group", "both=tv+social:100:", "--minimum", "tv=50"]
    options += [
        "--channels",
        "tv",
        "social",
        "--draws",
        "40",
        "--seed",
        "7",
        "--starts",
        "2",
        "--frontier",
        "800",
        "900",
    ]
    assert run(saved, tmp_path / "out", *options) == 0
    (first, trade), (second, plan) = asked
    assert (first, second) == (
        "frontier",
        "plan",
    )  # totals that cannot be met are refused before the plan is looked for
    assert plan["goal"] == mm.Goal("profit", (2000.0, 3000.0), margin=0.5, risk=("cvar", 0.2))
    assert plan["solver"] == mm.Solver(draws=40, seed=7, starts=2)  # no progress: a bar is for terminals
    assert plan["constraints"] == mm.Constraints(
        channels=["tv", "social"],
        mediators={"search": "fixed"},
        flighting="free",
        bounds={"tv": (None, 900.0), "social": ("50%", "200%")},
        period_bounds={"social": (0.0, 400.0)},
        change={"tv": 0.5, "social": 0.3},
        groups={"both": (["tv", "social"], (100.0, None))},
        minimum={"tv": 50.0},
    )
    assert repr(plan["window"]) == "Window(periods=8, controls={'price': 9.5})"
    assert trade == {name: plan[name] for name in ("window", "constraints", "solver")} | {"totals": [800.0, 900.0]}


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (["--target-roi", "2", "--total", "100:"], {"target_roi": 2.0, "total": (100.0, None)}),
        (["--target-marginal-roi", "1.5"], {"target_marginal_roi": 1.5, "total": None}),
        (["--objective", "spend", "--target", "9000"], {"objective": "spend", "target": 9000.0}),
        (["--total", "9", "--mediators", "decide"], {"mediators": {"search": "decide"}}),
        (
            ["--total", "9", "--mediators", "fixed", "--mediators", "search=respond"],
            {"mediators": {"search": "respond"}},
        ),
        (["--total", "9", "--frontier"], {"total": 9.0}),
    ],
)
def test_other_aims_and_mediators(options, settings, saved, asked, no_figures, tmp_path):
    assert run(saved, tmp_path / "out", "--periods", 4, *options) == 0
    plan = records(asked[-1][1])
    assert {name: plan[name] for name in settings} == settings
    assert [call["totals"] for name, call in asked if name == "frontier"] == (
        [None] if "--frontier" in options else []
    )


def test_a_past_window_is_passed_on(saved, asked, no_figures, tmp_path):
    assert run(saved, tmp_path / "out", "--start", "2023-06-04", "--stop", "2023-08-06", "--total", 500) == 0
    window = {name: records(asked[0][1])[name] for name in ("start", "stop", "periods", "plan", "controls")}
    assert window == {"start": "2023-06-04", "stop": "2023-08-06", "periods": None, "plan": None, "controls": None}


def test_a_workbook_and_a_page_are_written_on_request(saved, asked, no_figures, tmp_path):
    out = tmp_path / "out"
    assert run(saved, out, "--periods", 8, "--total", 3000, "--excel", "--html", "--quiet") == 0
    assert sorted(path.name for path in out.iterdir()) == sorted([*FILES, "plan.html", "plan.xlsx"])
    page = (out / "plan.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "calendar in money" in page


# ------------------------------------------------------------------------------------------------------- a real plan
QUICK = ["--draws", "40", "--total", "3000"]


@pytest.fixture(scope="module")
def planned(saved, tmp_path_factory):
    """A plan and its frontier by the command, run as a program of its own: output and folder."""
    out = tmp_path_factory.mktemp("plan") / "a" / "plan"
    argv = ["optimize", str(saved), "--out", str(out), "--periods", "8", *QUICK, "--controls", "price=10"]
    argv += ["--ci-prob", "0.8", "--bounds", "tv=:50%", "--frontier", "1000", "2000"]
    code = (
        "import sys\nfrom bayesmmm.cli import main\n"
        f"status = main({argv!r})\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'pymc', 'pytensor', 'nutpie'}))\n"
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done, out


@pytest.fixture(scope="module")
def expected(loaded):
    arguments = {"periods": 8, "draws": 40, "controls": {"price": 10.0}, "bounds": {"tv": (None, "50%")}}
    plan = mm.optimize_budget(loaded, total=3000.0, **arguments)
    return loaded, plan, mm.frontier(loaded, totals=[1000.0, 2000.0], **arguments)


def test_the_plan_is_printed_and_written(planned, expected):
    done, out = planned
    _, plan, _ = expected
    *said, last = done.stdout.splitlines()
    assert last == "[]"  # no PyMC
    assert done.stderr == ""
    timed = re.compile(r"\d+\.\d s;")
    printed = timed.sub("", "\n".join(said))
    assert timed.sub("", str(plan)) in printed
    text, mark, _ = (out / "plan.txt").read_text(encoding="utf-8").rpartition("\nbayesmmm:optimize:")
    assert (timed.sub("", text), bool(mark)) == (timed.sub("", f"{plan}\n"), True)
    assert printed.startswith("sampler verdict: converged")
    assert "Cautions" not in printed
    assert sorted(path.name for path in out.iterdir()) == sorted([*FILES, "frontier.csv", "frontier.png"])
    assert all(
        (out / name).read_bytes().startswith(b"\x89PNG")
        for name in ("budget.png", "allocation.png", "frontier.png")
    )
    words = " ".join(printed.split())
    assert f"written to {out}: allocation.png, budget.png, channels.csv, current.csv, frontier.csv" in words


def test_tables_are_those_of_the_plan(planned, expected):
    _, out = planned
    _, plan, trade = expected
    table = pd.read_csv(out / "channels.csv", index_col="name", keep_default_na=False, na_values=[""])
    wanted = plan.table(0.8)
    assert table["note"].fillna("").tolist() == wanted["note"].tolist()
    assert "at its upper bound of" in table.loc["tv", "note"]
    numbers = [name for name in wanted if wanted[name].dtype.kind == "f"]
    pd.testing.assert_frame_equal(table[numbers], wanted[numbers], check_names=False)
    assert set(table["ci_prob"]) == {0.8}
    assert set(table["verdict"]) == {"converged"}
    spend = pd.read_csv(out / "spend.csv", parse_dates=["date"]).set_index(["channel", "date"])
    assert spend["new"].sum() == pytest.approx(float(plan.spend.sum()))
    one = spend.xs("social", level="channel")
    np.testing.assert_allclose(one["current"], plan.current.sel(channel="social"))
    np.testing.assert_allclose(one["new"], plan.spend.sel(channel="social"))
    np.testing.assert_array_equal(one.index, plan.spend["date"])
    found = pd.read_csv(out / "frontier.csv").drop(columns=RUN_COLUMN)
    pd.testing.assert_frame_equal(found, frontier_table(trade, 0.8))
    assert found["total"].tolist() == [1000.0, 2000.0, trade.attrs["current_total"]]


def test_a_frontier_has_a_row_per_total_and_one_for_the_current_plan(expected):
    _, _, trade = expected
    table = frontier_table(trade, 0.8)
    assert table["plan"].tolist() == ["best", "best", "current"]
    assert (table["outcome_lower"] <= table["outcome"]).all()
    assert (table["outcome"] <= table["outcome_upper"]).all()
    for row, total in enumerate(trade["total"].values):
        draws = trade.sel(total=total)
        assert table.loc[row, "roi"] == pytest.approx(float(draws["roi"].median()))
        assert table.loc[row, "outcome_upper"] == pytest.approx(float(draws["outcome"].quantile(0.9)))
        assert table.loc[row, "spend[tv]"] == pytest.approx(float(draws["spend"].sel(channel="tv")))
    now = (trade["current_lift"] / trade["current_cost"]).median()
    assert table.loc[2, "roi"] == pytest.approx(float(now))
    assert table.loc[2, ["marginal", "spend[tv]"]].isna().all()


def test_the_written_plan_goes_on(planned, expected, saved, tmp_path, capsys):
    """Into `predict`, and into `--plan` as the current plan of another."""
    _, out = planned
    fit, plan, _ = expected
    frame = pd.read_csv(out / "plan.csv")
    ahead = mm.predict(fit.thin(20), frame)
    np.testing.assert_allclose(ahead["sales"], mm.predict(fit.thin(20), plan.to_frame())["sales"], rtol=1e-12)
    assert run(saved, tmp_path / "next", "--plan", out / "plan.csv", *QUICK, "--mediators", "decide") == 0
    said = capsys.readouterr().out
    assert "controls: as in the plan" in said
    spend = pd.read_csv(tmp_path / "next" / "spend.csv")
    assert set(spend["channel"]) == {"tv", "social", "search"}  # what is decided, mediators too
    old = spend[spend["channel"] == "tv"]["current"]
    scaled = plan.spend.sel(channel="tv").to_series()
    assert (old / scaled.to_numpy()).std() == pytest.approx(0.0, abs=1e-9)


def test_cautions_are_sentences_in_print_and_in_the_file(saved, tmp_path, capsys):
    assert run(saved, tmp_path / "out", "--periods", 8, *QUICK) == 0
    told = "with controls={'price': value or 8 values} (here: --controls) [ControlsWarning]"
    words = " ".join(capsys.readouterr().out.split())
    assert "Cautions -------- 1. the best plan depends on price in the window" in words
    assert told in words
    text = (tmp_path / "out" / "plan.txt").read_text(encoding="utf-8")
    assert "\ncautions:\n\n1. the best plan depends on price" in text
    assert told in " ".join(text.split())


def test_quiet_prints_nothing(saved, tmp_path, capsys):
    assert run(saved, tmp_path / "out", "--periods", 8, *QUICK, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES


# ------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (
            ["--total", "9"],
            "the window to plan is given by nothing; give one of --periods 13 (the next ones), --plan",
        ),
        (
            ["--periods", "8", "--start", "2023-06-04", "--total", "9"],
            "given by --periods and by --start, --stop;",
        ),
        (["--periods", "8"], "argument --total: objective='outcome' needs total=, the money of the window"),
        (["--periods", "8", "--objective", "roi"], "argument --total: objective='roi' needs a range of money"),
        (
            ["--periods", "8", "--total", "9", "--target", "5"],
            "argument --target: target= goes with objective='spend'",
        ),
        (
            ["--periods", "99", "--total", "9"],
            "argument --periods: periods=99 must be a whole number from 1 to 52",
        ),
        (["--periods", "8", "--total", "9", "--bounds", "tvv=1:2"], "did you mean 'tv'?"),
        (["--periods", "8", "--total", "9", "--channels", "tvv"], "did you mean 'tv'?"),
        (["--periods", "8", "--total", "9", "--mediators", "serch=fixed"], "did you mean 'search'?"),
        (["--periods", "8", "--total", "9", "--controls", "prize=1"], "did you mean 'price'?"),
        (
            ["--periods", "8", "--total", "9", "--controls", "price=1,2"],
            "has shape (2,), and the window has the 8 periods",
        ),
        (
            ["--periods", "8", "--total", "9", "--bounds", "tv=1:2", "--bounds", "tv=3:4"],
            "--bounds is given twice for 'tv'",
        ),
        (
            ["--periods", "8", "--total", "9", "--change", "1", "--change", "2"],
            "--change is given twice for every channel",
        ),
        (
            ["--periods", "8", "--total", "900", "--bounds", "ALL=:9"],
            "no plan meets these limits together: ",
        ),
        (
            ["--periods", "8", "--total", "900", "--bounds", "tv=500:", "--frontier", "400", "600"],
            "Relax one of them. Name "
            "totals that can be met, as --frontier 150000 200000, or leave --frontier out.",
        ),
        (["--start", "1999-01-03", "--total", "9"], "fitted periods"),
        (["--plan", "none.csv", "--total", "9"], "none.csv"),
        (["--plan", "PLAN", "--total", "9"], "plan has no dates"),
        (["--periods", "8", "--total", "9", "--draws", "99999"], "one draw per chain to all of them"),
    ],
)
@pytest.mark.filterwarnings("ignore::bayesmmm.errors.ControlsWarning")
def test_a_plan_that_cannot_be_made_is_refused_in_one_line(
    options, advice, saved, loaded, tmp_path, monkeypatch, capsys
):
    import bayesmmm.results

    monkeypatch.setattr(bayesmmm.results, "load", lambda _: loaded)  # read once for all of these
    (tmp_path / "plan.csv").write_text("week,tv,social,price\n2024-01-07,1,2,3\n", encoding="utf-8")
    given = [tmp_path / "plan.csv" if word == "PLAN" else word for word in options]
    assert advice in refusal(["optimize", saved, "--out", tmp_path / "out", *given], capsys)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_fit_is_refused(tmp_path, capsys):
    (tmp_path / "fit.nc").write_text("text", encoding="utf-8")
    argv = ["optimize", tmp_path / "fit.nc", "--out", tmp_path / "out", "--periods", "8", "--total", "9"]
    assert "fit.nc" in refusal(argv, capsys)
    assert not (tmp_path / "out").exists()


def test_a_failed_sampler_plans_only_when_told_to(saved, asked, no_figures, tmp_path, monkeypatch, capsys):
    from bayesmmm.results import Convergence

    judge(monkeypatch, Convergence("failed", 1.2, 50.0, 40.0, 3, 100, 2, "sales.slope[tv]"))
    command = [saved, tmp_path / "out", "--periods", 8, "--total", 3000]
    assert run(*command) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "nothing is planned; fit again, or pass --allow-unconverged" in captured.err
    assert asked == []
    assert not (tmp_path / "out").exists()
    assert run(*command, "--allow-unconverged") == 1
    assert capsys.readouterr().err == "bayesmmm: the sampler failed: do not use this plan\n"
    assert len(asked) == 1
    assert (tmp_path / "out" / "plan.txt").is_file()


def test_a_failure_while_writing_leaves_old_files_alone(saved, asked, tmp_path, monkeypatch, capsys):
    from bayesmmm import plots

    old = tmp_path / "plan.txt"
    old.write_text("old", encoding="utf-8")

    def full(*_, **__):
        raise OSError(28, "No space left on device", "allocation.png")

    monkeypatch.setattr(plots, "allocation", full)
    argv = ["optimize", saved, "--out", tmp_path, "--periods", "8", "--total", "3000"]
    assert "allocation.png: No space left on device" in refusal(argv, capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.txt"]
    assert old.read_text(encoding="utf-8") == "old"


def test_other_warnings_are_not_swallowed(saved, no_figures, tmp_path, monkeypatch):
    import bayesmmm.optimize

    def ask(fit, **settings):
        warnings.warn("mine", ControlsWarning, stacklevel=1)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("not mine", UserWarning, stacklevel=1)
        return plans_made_up.plan()

    monkeypatch.setattr(bayesmmm.optimize, "optimize_budget", ask)
    with pytest.warns(UserWarning, match="not mine"):
        assert run(saved, tmp_path / "out", "--periods", 8, "--total", 3000) == 0
    assert "1. mine [ControlsWarning]" in (tmp_path / "out" / "plan.txt").read_text(encoding="utf-8")
