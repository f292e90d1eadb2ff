"""The commands `predict`, `whatif`, `evaluate` and `compare`: they say and write what Python answers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesmmm as mm
from bayesmmm import cli
from bayesmmm.data import next_dates
from bayesmmm.evaluate import in_sample
from bayesmmm.files import RUN_COLUMN
from bayesmmm.plots import layout
from bayesmmm.results.summaries import interval
from tests import made, panel_fits
from tests.fits import judge, quiet
from tests.test_cli import refusal
from tests.test_plots_evaluation import made_cv

CI_PROB = 0.8
ASKED = ["--ci-prob", CI_PROB]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small fit of data whose dates stand in a column "week"."""
    path = tmp_path_factory.mktemp("fit") / "fit.nc"
    system, data = made.case("censored mediator")
    table = data.to_frame().rename(columns={"date": "week"})
    roles = {"media": data.media, "mediators": dict(data.mediators), "controls": data.controls}
    data = mm.MMMData.from_frame(table, date="week", outcome=data.outcome, **roles)
    made.made_fit(system, data, draws=20).save(path)
    return path


@pytest.fixture(scope="module")
def fit(saved):
    return mm.load(saved)


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """Figures have tests of their own; here it is enough that they are asked for. So few draws are taken as good."""
    from bayesmmm import plots

    judge(monkeypatch, made.case_fit("one term", draws=1).convergence)

    for name in ("forecast", "what_if", "comparison", "cross_validation", "stability"):
        monkeypatch.setattr(plots, name, lambda *_, **__: None)
    monkeypatch.setattr(layout, "rendered", lambda _, suffixes: [b""] * len(suffixes))


def run(*argv):
    return cli.main([str(a) for a in argv])


def ends(draws):
    return [float(values) for values in interval(draws, CI_PROB).values()]


def plan_file(fit, path, name="date"):
    dates = next_dates(fit.data, 6)
    plan = made.frame(4, periods=6)[list(fit.system.exogenous)].set_axis(dates).rename_axis(name)
    plan.to_csv(path)
    return plan.rename_axis("date")


# ------------------------------------------------------------------------------------------------------------- predict
@pytest.mark.parametrize("column", ["date", "week"])
def test_predict_of_a_plan(saved, fit, tmp_path, capsys, column):
    """Its dates may stand in a column of the name that they have in the data."""
    plan = plan_file(fit, tmp_path / "plan.csv", column)
    assert run("predict", saved, "--plan", tmp_path / "plan.csv", "--out", tmp_path / "out", *ASKED) == 0
    table = pd.read_csv(tmp_path / "out" / "prediction.csv")
    mean, noisy = mm.predict(fit, plan), mm.predict(fit, plan, noise=True)
    for n in fit.system.order:
        rows = table[table["series"] == n]
        assert rows["date"].tolist() == [f"{day:%Y-%m-%d}" for day in plan.index]
        for prefix, draws in (("", mean[n]), ("new_", noisy[n])):
            for end, values in interval(draws, CI_PROB).items():
                assert_allclose(rows[f"{prefix}{end}"], values, rtol=1e-12)
    assert (table["verdict"] == "converged").all()
    assert RUN_COLUMN in table
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"prediction.csv", *(f"forecast_{n}.png" for n in fit.system.order)}
    said = capsys.readouterr().out
    assert "Totals over the periods" in said
    assert f"{ends(mean['sales'].sum('date'))[0]:,.4g}" in said


def test_predict_of_the_fitted_periods_and_of_the_next(saved, fit, tmp_path, capsys):
    assert run("predict", saved, "--out", tmp_path / "past", "--draws", 10) == 0
    table = pd.read_csv(tmp_path / "past" / "prediction.csv")
    assert len(table) == len(fit.system.order) * len(fit.data.dates)
    assert run("predict", saved, "--periods", 4, "--out", tmp_path / "next", "--draws", 10) == 0
    said = capsys.readouterr().out
    assert "controls: last 4 periods repeated: price; levels rest on them" in said
    table = pd.read_csv(tmp_path / "next" / "prediction.csv")
    plan = pd.DataFrame({n: fit.data.columns[n][0, -4:] for n in fit.system.exogenous})
    expected = mm.predict(fit.thin(10), plan.set_axis(next_dates(fit.data, 4)))["sales"].median(("chain", "draw"))
    assert_allclose(table.loc[table["series"] == "sales", "median"], expected)
    assert run("predict", saved, "--periods", 4, "--controls", "price=9", "--out", tmp_path / "next") == 0
    assert "levels rest" not in capsys.readouterr().out


# -------------------------------------------------------------------------------------------------------------- whatif
def test_whatif(saved, fit, tmp_path, capsys):
    window = {"start": "2023-03-05", "stop": "2023-06-25"}
    argv = [part for name, day in window.items() for part in (f"--{name}", day)]
    change = ["--scale", "search=1.3", "--do", "price=9.5"]
    assert run("whatif", saved, *change, *argv, "--out", tmp_path / "out", *ASKED) == 0
    found = mm.what_if(fit, scale={"search": 1.3}, do={"price": 9.5}, **window)
    total = pd.read_csv(tmp_path / "out" / "totals.csv").set_index("series")
    gained = found["sales.change"].sum("date")
    assert_allclose(total.loc["change of sales", ["median", "lower", "upper"]].astype(float), ends(gained))
    table = pd.read_csv(tmp_path / "out" / "whatif.csv")
    own = table[table["series"] == "sales"]
    for end, values in interval(found["sales.change"], CI_PROB).items():
        assert_allclose(own[f"change_{end}"], values, rtol=1e-12)
    assert (tmp_path / "out" / "what_if.png").is_file()
    assert "change of sales" in capsys.readouterr().out


def test_whatif_of_a_plan(saved, fit, tmp_path):
    plan = plan_file(fit, tmp_path / "plan.csv")
    argv = ["--plan", tmp_path / "plan.csv", "--do", "tv=1,2,3,4,5,6", "--out", tmp_path / "out"]
    assert run("whatif", saved, *argv, *ASKED) == 0
    found = mm.what_if(fit, do={"tv": np.arange(1.0, 7.0)}, plan=plan)
    total = pd.read_csv(tmp_path / "out" / "totals.csv").set_index("series")
    assert_allclose(total.loc["change of sales", "median"], ends(found["sales.change"].sum("date"))[0])


def test_panels_by_geo(tmp_path, capsys):
    fit = panel_fits.panel_fit(draws=4)
    fit.save(tmp_path / "fit.nc")
    argv = ["--scale", "tv=0", "--by", "geo", "--out", tmp_path / "out"]
    assert run("whatif", tmp_path / "fit.nc", *argv) == 0
    table = pd.read_csv(tmp_path / "out" / "totals.csv")
    found = mm.what_if(fit, scale={"tv": 0.0}, by="geo")["sales.change"].sum("date").median(("chain", "draw"))
    own = table[table["series"] == "change of sales"].set_index("geo")["median"]
    assert_allclose(own[list(panel_fits.GEOS)], found.sel(geo=list(panel_fits.GEOS)))
    assert run("evaluate", tmp_path / "fit.nc", "--by", "geo", "--out", tmp_path / "errors") == 0
    assert "north" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "errors" / "in_sample.csv")) == len(fit.system.order) * len(panel_fits.GEOS)
    line = refusal(["predict", tmp_path / "fit.nc", "--by", "brand", "--out", tmp_path / "out"], capsys)
    assert "--by" in line
    assert "geo" in line


# ------------------------------------------------------------------------------------------------------------ evaluate
def test_evaluate_inside_the_sample(saved, fit, tmp_path, capsys):
    assert run("evaluate", saved, "--out", tmp_path / "out") == 0
    table, said = pd.read_csv(tmp_path / "out" / "in_sample.csv").set_index("equation"), capsys.readouterr().out
    expected = in_sample(fit)
    for column in ("rmse", "mae", "mape", "r2", "periods", "zeros"):
        assert_allclose(table[column], expected[column])
    zeros = int(expected.loc["search", "zeros"])
    assert f"mape leaves out periods of zero: {zeros} periods of search" in " ".join(said.split())
    assert f"{100.0 * expected.loc['sales', 'mape']:.1f} %" in said


@pytest.fixture
def forecasts(monkeypatch):
    """What the refits are asked, which give made-up answers."""
    import bayesmmm.evaluate

    calls = []

    def answer(name):
        def ask(system, data, **settings):
            calls.append((name, system, data, settings))
            return made_cv()

        return ask

    for name in ("hold_out", "cross_validate"):
        monkeypatch.setattr(bayesmmm.evaluate, name, answer(name))
    return calls


@pytest.mark.parametrize("text", ["8", "2023-11-05"])
def test_evaluate_holds_out_periods_or_those_from_a_date_on(saved, fit, forecasts, tmp_path, capsys, text):
    assert run("evaluate", saved, "--hold-out", text, "--draws", 70, "--seed", 3, "--out", tmp_path / "out") == 0
    (name, system, data, settings), *_ = forecasts
    assert (name, system, data) == ("hold_out", fit.system, fit.data)
    assert settings == {
        "periods": 8, "draws": 70, "seed": 3, "gap": 0, "mediators": "respond", "ci_prob": cli.CI_PROB
    }  # fmt: skip
    assert f"{fit.data.dates[-8]:%Y-%m-%d}" == "2023-11-05"
    assert "without the last 8 periods, from 2023-11-05 on" in capsys.readouterr().out
    assert {"scores.csv", "predictions.csv", "stability.csv"} <= {p.name for p in (tmp_path / "out").iterdir()}
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert {"rmse", "mae", "mape", "r2", "coverage", "equation"} <= set(scores)


def test_evaluate_cross_validates_a_table(forecasts, tmp_path, capsys):
    system, data = made.case("one mediator")
    data.to_frame().to_csv(tmp_path / "data.csv", index=False)
    roles = {"date": "date", "outcome": "sales", "media": list(data.media), "mediators": dict(data.mediators)}
    (tmp_path / "system.toml").write_text(system.to_toml({**roles, "controls": list(data.controls)}))
    table = [tmp_path / "data.csv", "--spec", tmp_path / "system.toml"]
    argv = ["--folds", 3, "--horizon", 5, "--window", "sliding", "--out", tmp_path / "out"]
    assert run("evaluate", *table, *argv) == 0
    (name, asked, _, settings), *_ = forecasts
    assert (name, asked) == ("cross_validate", system)
    chosen = {"folds": 3, "horizon": 5, "window": "sliding", "initial": None, "progress": True}
    assert chosen.items() <= settings.items()
    assert "Cross-validation of 'revenue'" in capsys.readouterr().out
    line = refusal(["evaluate", *table, "--out", tmp_path / "out"], capsys)
    assert "forecast with --hold-out 13 or --folds 8, or give a saved fit" in line


# ------------------------------------------------------------------------------------------------------------- compare
def test_compare(tmp_path, capsys):
    for seed, folder in enumerate(("first", "other")):
        (tmp_path / folder).mkdir()
        made.case_fit("no mediator", draws=60, seed=seed).save(tmp_path / folder / "fit.nc")
    saved, other = (tmp_path / folder / "fit.nc" for folder in ("first", "other"))
    named = ["--names", "one", "two"]
    assert run("compare", saved, other, *named, "--out", tmp_path / "out") == 0
    table, said = pd.read_csv(tmp_path / "out" / "compare.csv").set_index("system"), capsys.readouterr().out
    expected = quiet(mm.evaluate.compare, {"one": mm.load(saved), "two": mm.load(other)})
    assert_allclose(table["elpd"], expected.loc[table.index, "elpd"])
    assert "not which one forecasts it" in " ".join(said.split())
    assert run("compare", saved, other, "--out", tmp_path / "out") == 0
    assert {"other", "first"} == set(pd.read_csv(tmp_path / "out" / "compare.csv")["system"])


# ------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["whatif"], "nothing is changed; give --scale NAME=FACTOR or --do NAME=VALUE"),
        (["whatif", "--scale", "tv=-1"], "must be NAME=FACTOR with a factor of at least 0"),
        (["whatif", "--scale", "tw=1"], "scale names 'tw'"),
        (["predict", "--plan", "p.csv", "--periods", "3"], "by --plan and by --periods; give one of them"),
        (["predict", "--controls", "price=1"], "--controls goes with --periods"),
        (["predict", "--split", "history"], "--split goes with --plan"),
        (["predict", "--by", "geo"], "the fit is of one series"),
        (["predict", "--plan", "absent.csv"], "absent.csv"),
        (["evaluate", "--hold-out", "3", "--folds", "2"], "by --hold-out and by --folds; give one of them"),
        (["evaluate", "--hold-out", "soon"], "a number of periods or a date, as 13 or 2024-10-06"),
        (["evaluate", "--hold-out", "2031-01-01"], "give a date within"),
        (["evaluate", "--hold-out", "4", "--horizon", "2"], "--horizon goes with --folds"),
        (["compare"], "one fit is given"),
        (["compare", "two/fit.nc", "--names", "a", "a"], "give each fit a name of its own"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(saved, tmp_path, capsys, argv, words):
    line = refusal([argv[0], saved, *argv[1:], "--out", tmp_path / "out"], capsys)
    assert words in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("argv", [["predict"], ["whatif", "--scale", "tv=0"], ["evaluate"]])
def test_a_sampler_that_failed_is_said(saved, fit, tmp_path, capsys, monkeypatch, argv):
    judge(monkeypatch, replace(fit.convergence, verdict="failed"))
    call = [argv[0], saved, *argv[1:], "--out", tmp_path / "out"]
    assert run(*call) == cli.SAMPLER_FAILED
    assert "pass --allow-unconverged" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(*call, "--allow-unconverged") == cli.SAMPLER_FAILED
    assert (tmp_path / "out").is_dir()
